#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rtl8139 is recovered while it is reached: its driver, which knows no resets, is bound anew.
# topology: recover
# arches: x86_64
# seconds: 120

exec "$KSELFTEST"/pci/recover_net_test.sh "$RTL8139" "$PEER"
