#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hot resets behind a port without hotplug: by its bus.
# topology: switch
# arches: x86_64
# seconds: 120

VFIO_SELFTESTS_ROUNDS=20 exec with_vfio vfio_pci_hot_reset_test "$PLAIN" "$NVME0"
