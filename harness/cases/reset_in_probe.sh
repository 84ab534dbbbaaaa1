#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A driver resets its link in probe while its bridge is read, its sibling reset, and all of the switch: no deadlock.
# topology: switch
# arches: x86_64
# seconds: 120
# boot: own

exec "$KSELFTEST"/pci/reset_in_probe_test.sh "$NVME0" "$NVME1"
