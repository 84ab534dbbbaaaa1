#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# igb is reset while two of its VFs talk to each other: their drivers are told, after it all work again.
# topology: sriov
# arches: x86_64
# seconds: 240
# boot: own

exec "$KSELFTEST"/pci/sriov_reset_test.sh "$IGB"
