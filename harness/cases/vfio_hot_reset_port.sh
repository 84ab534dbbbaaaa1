#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hot resets of a device that is alone behind a hotplug port.
# topology: vfio
# arches: x86_64
# seconds: 120

VFIO_SELFTESTS_ROUNDS=0 exec with_vfio vfio_pci_hot_reset_test "$PORT"
