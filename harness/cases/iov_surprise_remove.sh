#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A PF is pulled while a VF has its interface up, and user space has another one open by vfio. The user is told, and
# removal waits until he lets go of it. Nobody else waits meanwhile, and after it nothing is left. On the base whoever
# wants the rescan/remove lock waits for the user too.
# topology: sriov_hotplug
# arches: x86_64
# seconds: 240
# boot: own

. "$KSELFTEST"/pci/lib.sh

POWER=/sys/bus/pci/slots/1/power

# plug ID PORT: fails as long as there is something else
plug()
{
	monitor device_add driver=igb "id=$1" "bus=$2" >/dev/null
}

said()
{
	grep -q "$1\$" "$file"
}

gone()
{
	local dev

	for dev in "$IGB1" "${vfs[@]}"; do
		[ ! -d "$PCI/$dev" ] || return
	done
}

bound()
{
	[ "$(driver "$1")" = "$2" ]
}

# QEMU takes a device away when its slot is switched off
other_slot()
{
	in_time 20 write $POWER 0 && [ ! -d "$PCI/$IGB" ] || return
	within 20 plug igb rp1 && within 30 bound "$IGB" igb
}

other_vfs()
{
	in_time 20 write "$PCI/$IGB/sriov_numvfs" 2 && in_time 20 write "$PCI/$IGB/sriov_numvfs" 0
}

let_go()
{
	trace_clear
	kill "$user"
	within 30 gone
}

released()
{
	[ "$(trace_lines | grep -c released)" -ge 3 ]
}

another_one()
{
	within 20 plug igb1 rp4 && within 30 bound "$IGB1" igb && in_time 20 write "$PCI/$IGB1/sriov_numvfs" 2
}

ktap_print_header
monitor hmp info version >/dev/null || skip_all "no monitor"
need_tracing
file=$(mktemp)
undo rm -f "$file"
ip link set "$(interface "$IGB1")" up
echo 2 >"$PCI/$IGB1/sriov_numvfs" || skip_all "no VFs on $IGB1"
for vf in "$PCI/$IGB1"/virtfn*; do
	vfs+=("$(basename "$(readlink "$vf")")")
done
name=$(interface "${vfs[0]}")
ip link set "$name" up || skip_all "no interface of ${vfs[0]}"
rebind "${vfs[1]}" vfio-pci || skip_all "${vfs[1]} does not take vfio-pci"
"$KSELFTEST"/pci/vfio_open -w "${vfs[1]}" >"$file" &
user=$!
within 20 said open || skip_all "${vfs[1]} cannot be opened: $(cat "$file")"
kprobe released pci_release_dev || skip_all "pci_release_dev cannot be traced"
ktap_set_plan 9
pull "$IGB1"
check "the user is told" within 30 said "asked for"
check "a rescan ends meanwhile" in_time 20 write /sys/bus/pci/rescan 1
check "another slot is switched off, and used again, meanwhile" other_slot
check "another PF has VFs meanwhile" other_vfs
check "all are gone once the user lets go" let_go
check "its interface is gone" test ! -e "/sys/class/net/$name"
check "all are released" within 10 released
check "another one is plugged in, with VFs" another_one
check "a rescan ends" in_time 20 write /sys/bus/pci/rescan 1
ktap_finished
