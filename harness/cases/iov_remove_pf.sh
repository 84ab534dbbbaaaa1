#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A PF whose driver leaves its VFs behind is removed: the VFs go along, and the PF that a rescan finds can have new
# ones. On the base they stay, keep the old PF, and when the new one enables VFs the kernel Oopses.
# topology: sriov_hotplug
# arches: x86_64
# seconds: 90
# boot: own

. "$KSELFTEST"/pci/lib.sh

no_vfs()
{
	local vf

	for vf in "${vfs[@]}"; do
		[ -e "$PCI/$vf" ] || continue
		msg "$vf is still there"
		return 1
	done
}

ktap_print_header
rebind "$IGB" pci-pf-stub || skip_all "$IGB does not take pci-pf-stub"
echo 2 >"$PCI/$IGB/sriov_numvfs" || skip_all "no VFs on $IGB"
for vf in "$PCI/$IGB"/virtfn*; do
	vfs+=("$(basename "$(readlink "$vf")")")
done
ktap_set_plan 4
echo 1 >"$PCI/$IGB/remove"
check "VFs are removed with their PF" no_vfs
echo 1 >/sys/bus/pci/rescan
check "the PF is found again" test -d "$PCI/$IGB"
check "it has no VFs" test "$(cat "$PCI/$IGB/sriov_numvfs")" = 0
rebind "$IGB" pci-pf-stub
check "it can have some" write "$PCI/$IGB/sriov_numvfs" 2
ktap_finished
