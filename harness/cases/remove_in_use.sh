#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk is removed, or its slot switched off, while somebody has it open, and found again before it is closed: the new device
# goes on working when the old one's last reference is dropped.
# topology: eeh
# arches: ppc64le
# seconds: 120
# boot: own
# expects: nvme .*: .*

. "$KSELFTEST"/pci/lib.sh

dev=$NVME
slot=$(slot_of "$dev")

removed()
{
	write "$PCI/$dev/remove" 1
	write /sys/bus/pci/rescan 1
}

power_cut()
{
	write "$slot/power" 0
	write "$slot/power" 1
}

# held COMMAND: it leaves and comes back by that, and is bound once more after the old disk was closed
held()
{
	local disk

	disk=$(disks "$dev" | head -n 1)
	[ -n "$disk" ] || { msg "there is no disk"; return 1; }
	exec {fd}<"$disk" || return
	"$1"
	within 20 readable "$dev" || { msg "it does not come back"; exec {fd}<&-; return 1; }
	exec {fd}<&-
	sleep 1
	rebind "$dev" nvme && within 20 readable "$dev" && return
	msg "the new one does not work"
	return 1
}

[ -e "$slot/power" ] || skip_all "no slot whose power can be cut"
ktap_print_header
ktap_set_plan 2
check "removed and found again while its disk is open" held removed
check "switched off and on while its disk is open" held power_cut
ktap_finished
