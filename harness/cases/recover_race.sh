#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A PF is recovered over and over while something else happens to it: nothing hangs, nothing is reported, and it can be
# bound, recovered and reset after it.
# topology: sriov_hotplug
# arches: x86_64
# kernel: debug
# seconds: 900
# boot: own
# expects: igb .*: .*
# expects: pci_test_noeh .*

. "$KSELFTEST"/pci/lib.sh

ROUNDS=10
HANG_SECONDS=60
STUB=pci_test_noeh

again()
{
	write "$PCI/$dev/recover" 1
}

removed()
{
	write "$PCI/$dev/remove" 1
	sleep 0.2
	write /sys/bus/pci/rescan 1
	# Removal wins, always: leave it alone for as long as a recovery takes here, or none would succeed
	sleep 1.$((RANDOM % 10))
}

rescan()
{
	write /sys/bus/pci/rescan 1
}

unbound()
{
	write "/sys/bus/pci/drivers/$1/unbind" "$dev"
	write "/sys/bus/pci/drivers/$1/bind" "$dev"
}

reset()
{
	write "$PCI/$dev/reset" 1
}

vfs()
{
	write "$PCI/$dev/sriov_numvfs" 2
	write "$PCI/$dev/sriov_numvfs" 0
}

# other: somebody wants another driver to have it
other()
{
	write "$PCI/$dev/driver_override" $STUB
	write /sys/bus/pci/drivers/$STUB/bind "$dev"
	write "$PCI/$dev/driver_override" ""
}

unloaded()
{
	rmmod $STUB 2>/dev/null
	insmod "$KSELFTEST/pci/modules/$STUB.ko" 2>/dev/null
}

healed()
{
	[ -d "$PCI/$dev" ] || write /sys/bus/pci/rescan 1
	[ "$(driver "$dev")" = "$1" ] || write "/sys/bus/pci/drivers/$1/bind" "$dev"
	[ "$(driver "$dev")" = "$1" ] && write "$PCI/$dev/recover" 1
}

# meets DRIVER COMMAND...: while recoveries are asked for, some of which succeed
meets()
{
	local driver=$1 good=0 all=0 task end=$((SECONDS + HANG_SECONDS)) stop=/tmp/stop

	shift
	rm -f $stop
	until [ -e $stop ]; do
		"$@"
		sleep 0.0$((RANDOM % 10))
	done &
	task=$!
	while [ $all -lt $ROUNDS ] || { [ $good -eq 0 ] && [ $SECONDS -lt $end ]; }; do
		again && good=$((good + 1))
		all=$((all + 1))
		sleep 0.0$((RANDOM % 10))
	done
	touch $stop
	ends $task $HANG_SECONDS || return
	msg "$good of $all recoveries succeeded"
	[ $good -gt 0 ] && within 30 healed "$driver"
}

dev=$IGB
[ -e "$PCI/$dev/recover" ] || skip_all "no file recover here"
load_module $STUB
ktap_print_header
ktap_set_plan 9
for what in again removed rescan "unbound igb" reset vfs other; do
	# shellcheck disable=SC2086 # a command and its argument
	check "recovery against: $what" in_time 200 meets igb $what
done
check "it is bound to a driver that knows no resets" rebind "$dev" $STUB
check "recovery against: unloaded" in_time 200 meets $STUB unloaded
ktap_finished
