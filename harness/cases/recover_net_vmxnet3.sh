#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vmxnet3 is recovered while it is reached: its driver, which knows no resets, is bound anew.
# topology: recover
# arches: x86_64
# seconds: 120

exec "$KSELFTEST"/pci/recover_net_test.sh "$VMXNET3" "$PEER"
