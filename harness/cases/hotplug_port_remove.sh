#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A port is removed while its slot is switched off, and a PF keeps the rescan/remove lock for a second. On the base
# removal of the port has that lock and waits for the slot's thread, which waits for the lock.
# topology: sriov_hotplug
# arches: x86_64
# seconds: 120
# length: 600
# boot: own

. "$KSELFTEST"/pci/lib.sh

SLOT=/sys/bus/pci/slots/1

# back: the port is there again, with its slot and what was in it
back()
{
	write /sys/bus/pci/rescan 1
	# QEMU took the device out of the slot, if that was switched off in time
	[ -e $SLOT/power ] && monitor device_add driver=igb id=igb bus=rp1 >/dev/null
	write $SLOT/power 1
	[ -d "$PCI/$IGB" ]
}

race()
{
	local disable remove power

	within 30 back || { msg "$IGB is not back"; return 1; }
	echo 2 >"$PCI/$PF0/sriov_numvfs" || return
	echo 0 >"$PCI/$PF0/sriov_numvfs" &
	disable=$!
	sleep 0.15
	write "$PCI/$port/remove" 1 &
	remove=$!
	sleep 0.15
	write $SLOT/power 0 &
	power=$!
	ends "$disable" 20 && ends "$remove" 20 && ends "$power" 20
}

ktap_print_header
rebind "$PF0" pci-pf-stub || skip_all "$PF0 does not take pci-pf-stub"
[ -e $SLOT/power ] || skip_all "no slot 1"
port=$(basename "$(dirname "$(readlink -f "$PCI/$IGB")")")
ktap_set_plan 2
check "a port is removed while its slot is switched off" over_and_over 1 race
check "a rescan ends" timeout -s KILL 10 sh -c 'echo 1 >/sys/bus/pci/rescan'
ktap_finished
