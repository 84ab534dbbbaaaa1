#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hot resets of a slot of eight functions, one of which belongs to user space: refused, and nothing is touched.
# topology: vfio
# arches: x86_64
# seconds: 120

. "$KSELFTEST"/pci/lib.sh

for dev in "$E1" "$E2" "$E3" "$E4" "$E5" "$E6" "$E7"; do
	keep_driver "$dev"
	echo "$dev" >"$PCI/$dev/driver/unbind"
done
VFIO_SELFTESTS_ROUNDS=0 with_vfio vfio_pci_hot_reset_test "$E0" "$PORT"
