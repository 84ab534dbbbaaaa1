#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A zPCI function is recovered over and over while something else happens to it: it is switched off, removed or
# unplugged, or errors are reported for it. Nothing hangs, nothing is left, and it can be bound and recovered after it.
# topology: nvme
# arches: s390x
# kernel: debug
# seconds: 900
# boot: own
# expects: nvme .*: .*
# expects: pci_test_noeh .*

. "$KSELFTEST"/pci/lib.sh
# shellcheck source=../bin/meets
. meets

PACE=0.
HANG_SECONDS=90
HEAL_SECONDS=60
STUB=pci_test_noeh
GO=/sys/module/pci_test_dma/parameters/go
UID_PLUGGED=77
PLUGGED=004d:00:00.0

# slot DEVICE: its slot has the name of its function ID
slot()
{
	printf '/sys/bus/pci/slots/%08x' "$(($(cat "$PCI/$1/function_id")))"
}

power()
{
	write "$slot/power" 0
	sleep 0.$((RANDOM % 3))
	write "$slot/power" 1
	pause
}

event()
{
	write $GO "$dev"
	pause
}

event_and_power()
{
	write $GO "$dev"
	power
}

healed()
{
	[ -d "$PCI/$dev" ] || write "$slot/power" 1
	[ -d "$PCI/$dev" ] || write /sys/bus/pci/rescan 1
	[ -d "$PCI/$dev" ] || return
	[ "$(driver "$dev")" = "$1" ] || write "$PCI/$dev/driver_override" "$1"
	[ "$(driver "$dev")" = "$1" ] || write "$PCI/$dev/recover" 1
	[ "$(driver "$dev")" = "$1" ] || write "$PCI/$dev/driver/unbind" "$dev"
	[ "$(driver "$dev")" = "$1" ] || write "/sys/bus/pci/drivers/$1/bind" "$dev"
	[ "$(driver "$dev")" = "$1" ] && write "$PCI/$dev/recover" 1
}

plug()
{
	monitor device_add driver=zpci id=z9 uid=$UID_PLUGGED target=v9 >/dev/null
	monitor device_add driver=virtio-rng-pci id=v9 >/dev/null
	within 10 test -e "$PCI/$PLUGGED/recover" || { msg "$PLUGGED does not come"; return 1; }
}

# Its slot goes with the last reference to it
unplugged()
{
	local place task

	plug || return
	place=$(slot $PLUGGED)
	while [ -e "$PCI/$PLUGGED" ]; do
		write "$PCI/$PLUGGED/recover" 1
	done &
	task=$!
	sleep 0.$((RANDOM % 5))
	monitor device_del id=v9 >/dev/null
	ends $task 30 && within 10 test ! -d "$place" && return
	msg "$place is left"
	return 1
}

dev=$NVME
[ -e "$PCI/$dev/recover" ] || skip_all "no file recover here"
slot=$(slot "$dev")
[ -f "$slot/power" ] || skip_all "no slot $slot"
load_module $STUB
load_module pci_test_dma
ktap_print_header
ktap_set_plan 11
for what in again power removed rescan "unbound nvme" reset; do
	# shellcheck disable=SC2086 # a command and its argument
	check "recovery against: $what" in_time 300 meets nvme $what
done
check "it is bound to a driver that knows no resets" rebind "$dev" $STUB
# A device that was removed and added has no driver_override, and its own driver again
for what in event event_and_power power; do
	check "recovery without handlers against: $what" in_time 300 meets nvme $what
	rebind "$dev" $STUB
done
check "unplugged in the middle of a recovery" over_and_over "$ROUNDS" unplugged
ktap_finished
