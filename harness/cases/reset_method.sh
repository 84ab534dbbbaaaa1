#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the ABI says about reset_method, on one device.
# topology: nvme
# arches: x86_64 s390x ppc64le

exec "$KSELFTEST"/pci/reset_method_test.sh "$NVME"
