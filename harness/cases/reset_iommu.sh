#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A link reset prepares the IOMMU of every function behind it, and no DMA is refused.
# topology: pci
# arches: x86_64
# seconds: 120

exec "$KSELFTEST"/pci/reset_iommu_test.sh "$ATS" "$FUNC0"
