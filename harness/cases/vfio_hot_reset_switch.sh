#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hot resets behind a downstream port of a switch, whose other port is left alone.
# topology: switch
# arches: x86_64
# seconds: 120

VFIO_SELFTESTS_ROUNDS=40 exec with_vfio vfio_pci_hot_reset_test "$NVME0" "$NVME1" "$PLAIN"
