#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Writing reset_method does not touch the IOMMU domain of a device.
# topology: pci
# arches: x86_64

exec "$KSELFTEST"/pci/reset_method_iommu_test.sh "$ATS" "$NVME"
