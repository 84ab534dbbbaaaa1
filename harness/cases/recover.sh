#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Devices are recovered in place, whatever their drivers offer: reset_prepare() (nvme, igb), error handlers (e1000e),
# nothing at all (vmxnet3, 8139cp, tulip).
# topology: recover
# arches: x86_64
# seconds: 240

exec "$KSELFTEST"/pci/recover_test.sh "$NVME" "$IGB" "$E1000E" "$VMXNET3" "$RTL8139" "$TULIP"
