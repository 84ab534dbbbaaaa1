#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every reset method that a device offers resets it.
# topology: nvme
# arches: x86_64 s390x ppc64le
# seconds: 120

exec "$KSELFTEST"/pci/reset_test.sh "$NVME"
