#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vfio-pci resets on open: the bridge is held for a bus reset, and not wanted for a function reset, so that VFs behind
# one port can be opened at the same time.
# topology: pci
# arches: x86_64
# seconds: 120
# boot: own

. "$KSELFTEST"/pci/lib.sh

echo 0 >"$PCI/$IGB/sriov_drivers_autoprobe"
echo 4 >"$PCI/$IGB/sriov_numvfs" || skip_all "no VFs on $IGB"
for vf in "$PCI/$IGB"/virtfn*; do
	vfs+=("$(basename "$(readlink "$vf")")")
done
exec "$KSELFTEST"/pci/vfio_reset_lock_test.sh "$VFIO" "${vfs[@]}"
