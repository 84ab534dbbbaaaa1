#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# There is no hot reset of a device on a root bus: user space is told so, and nothing is touched.
# topology: vfio
# arches: x86_64
# seconds: 120

VFIO_SELFTESTS_ROUNDS=0 exec with_vfio vfio_pci_hot_reset_test "$ROOT" "$PORT"
