#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hot resets of a slot of eight functions, and their resets, opens and closes by eight threads.
# topology: vfio
# arches: x86_64
# seconds: 300

VFIO_SELFTESTS_ROUNDS=160 exec with_vfio vfio_pci_hot_reset_test "$E0" "$E1" "$E2" "$E3" "$E4" "$E5" "$E6" "$E7" "$PORT"
