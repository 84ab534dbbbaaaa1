#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# igb is reset while it answers: it does so again without a word from the user. On the base it never does.
# topology: sriov
# arches: x86_64
# seconds: 240
# boot: own

exec "$KSELFTEST"/pci/net_reset_test.sh "$IGB" "$PEER"
