#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A driver whose remove takes five seconds does not stop a rescan. On the base it does, for as long.
# topology: nvme
# arches: x86_64 s390x ppc64le

exec "$KSELFTEST"/pci/slow_remove_test.sh "$NVME"
