#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# igb is not reset while user space has a VF open, nor while a VF is in use and the PF's driver knows nothing of resets.
# topology: sriov
# arches: x86_64
# seconds: 120
# boot: own

exec "$KSELFTEST"/pci/sriov_reset_busy_test.sh "$IGB"
