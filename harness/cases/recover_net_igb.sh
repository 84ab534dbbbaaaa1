#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# igb is recovered while it is reached: its interface keeps its addresses and routes.
# topology: recover
# arches: x86_64
# seconds: 120

KEEPS_INTERFACE=1 exec "$KSELFTEST"/pci/recover_net_test.sh "$IGB" "$PEER"
