#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# EEH recovers devices in place, whatever their drivers know about errors: after
# it there is the same device, with the same driver and all that was set for it.
# One that fails too often is given up, but is there for the user to recover.
#
# Arguments: DEVICE [FUNCTION FUNCTION [DEVICE]]
#
# They are taken from their drivers meanwhile. The functions, which are in one PE,
# have drivers with error handlers at first. The last device is on a bus that the
# kernel resets by itself, without firmware. The recovery is forced: nothing is
# wrong with the devices. Needs modules/pci_test_noeh.c and modules/pci_test_eh.c.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

EEH=/sys/kernel/debug/powerpc
UNAWARE=pci_test_noeh
AWARE=pci_test_eh
# Half of what it takes to remove a device, reset its PE, wait 5 s, and add it. On
# an idle machine it is a fourth, nearly all of which is the reset by firmware.
MOST_MS=4000
# A fifth of that, without firmware
MOST_ALONE_MS=1800
WAIT_SECONDS=60
OVER="EEH: (Recovery successful|Unable to recover)"

# pe DEVICE: its PHB and PE, as the kernel wants to have them
pe()
{
	printf '%x:%x\n' "0x${1%%:*}" "$(cat "$PCI/$1/eeh_pe_config_addr")"
}

# at PATTERN: when the first message since log_mark came, in ms
at()
{
	log_since | sed -nE "/$1/{s/^\[ *([0-9]+)\.([0-9]{3}).*/\1\2/p;q}"
}

# forced DEVICE: its PE is recovered, or given up; MS is how long that took
forced()
{
	local which

	# Gone by the time that it is over if the device is removed
	which=$(pe "$1") || return
	log_mark
	write $EEH/eeh_force_recover "$which" &&
		within $WAIT_SECONDS log_has "$OVER" || return
	MS=$(($(at "$OVER") - $(at "EEH: Recovering PHB")))
	msg "took $MS ms"
}

log_has()
{
	log_since | grep -qE "$1"
}

# failures: how often the PE has failed, by what was logged
failures()
{
	log_since | sed -nE 's/.*has failed ([0-9]+) times.*/\1/p' | tail -n 1
}

what()
{
	local dev

	for dev in "$@"; do
		identity "$dev"
		header "$dev"
	done
}

# in_place DEVICE...: the PE of the first one is recovered, and all are the same
in_place()
{
	local before

	before=$(what "$@")
	forced "$1" && in_log "EEH: Recovery successful" || return
	[ "$(what "$@")" = "$before" ] && return
	msg "was $before"
	msg "is $(what "$@")"
	return 1
}

# idle DEVICE: no driver is bound to it
idle()
{
	[ -z "$(driver "$1")" ]
}

unbound()
{
	echo "$1" >"$PCI/$1/driver/unbind" && in_place "$1" && idle "$1"
}

# told DEVICE: its driver, which stays bound
told()
{
	local count=/sys/module/$AWARE/parameters/detected before

	rebind "$1" $AWARE || return
	before=$(cat $count)
	in_place "$1" && [ "$(cat $count)" -gt "$before" ]
}

# fast MOST: it took less than that, in ms
fast()
{
	msg "$UNAWARE: $UNAWARE_MS ms"
	[ "$UNAWARE_MS" -lt "$1" ]
}

again_fast()
{
	unaware "$1" && fast "$2"
}

# fast_once DEVICE MOST: that one or, as a busy host delays it, one of two more
fast_once()
{
	fast "$2" || again_fast "$@" || again_fast "$@"
}

unaware()
{
	local ret

	rebind "$1" $UNAWARE || return
	in_place "$1"
	ret=$?
	UNAWARE_MS=$MS
	return $ret
}

# once DEVICE: it can be reached while it is waited for, so one reset will do
once()
{
	rebind "$1" $AWARE && forced "$1" && in_log "EEH: Recovery successful" &&
		not_in_log "not ready .*ms after"
}

# mixed FUNCTION FUNCTION: one driver is told, the other is bound anew
mixed()
{
	local count=/sys/module/$AWARE/parameters/detected before

	rebind "$1" $UNAWARE && rebind "$2" $AWARE || return
	before=$(cat $count)
	in_place "$1" "$2" && [ "$(cat $count)" -gt "$before" ] &&
		in_log "$1: removed" && in_log "$1: probed"
}

# works DEVICE: its driver uses it, and what there is on it can be read
works()
{
	[ -z "$(disks "$1")" ] || readable "$1"
}

# beside FUNCTION FUNCTION: the second one keeps its own driver
beside()
{
	local disk

	echo >"$PCI/$2/driver_override"
	restore_driver "$2" "$3"
	rebind "$1" $UNAWARE && within 20 works "$2" || return
	disk=$(disks "$2")
	in_place "$1" "$2" && [ "$(disks "$2")" = "$disk" ] &&
		within 20 works "$2"
}

# as_often DEVICE: as is allowed within an hour
as_often()
{
	local most

	rebind "$1" $UNAWARE || return
	most=$(cat $EEH/eeh_max_freezes)
	msg "eeh_max_freezes is $most"
	until [ "$(failures)" = "$most" ]; do
		in_place "$1" || return
		msg "failed $(failures) times"
	done
}

is_there()
{
	[ -d "$PCI/$1" ] || { SKIP="it was removed"; return 1; }
}

# given_up DEVICE MORE: so much more often than is allowed, and it is not touched
# any more, but it is there
given_up()
{
	local times

	is_there "$1" || return
	times=$(($(cat $EEH/eeh_max_freezes) + $2))
	INODE=$(stat -L -c %i "$PCI/$1")
	forced "$1" && in_log "has failed $times times in the last hour \
and has been permanently disabled" || return
	within 10 idle "$1" || { msg "driver $(driver "$1")"; return 1; }
	[ "$(stat -L -c %i "$PCI/$1" 2>/dev/null)" = "$INODE" ] ||
		{ msg "it was removed"; return 1; }
	[ "$(config "$1" 0 4)" = $((0xffffffff)) ]
}

# ignored DEVICE: nothing happens to it by itself
ignored()
{
	is_there "$1" || return
	log_mark
	write $EEH/eeh_force_recover "$(pe "$1")" || return
	sleep 1
	not_in_log "EEH: Recovering|$1: probed" && idle "$1"
}

# by_user DEVICE: it comes back with its driver, and all that was set for it
by_user()
{
	[ -e "$PCI/$1/recover" ] || { SKIP="no file recover here"; return 1; }
	log_mark
	milliseconds fails_with 0 "$PCI/$1/recover" 1 || return
	msg "took $MS ms"
	[ "$(driver "$1") $(cat "$PCI/$1/driver_override")" = \
		"$UNAWARE $UNAWARE" ] || { msg "driver $(driver "$1")"; return 1; }
	[ "$(stat -L -c %i "$PCI/$1")" = "$INODE" ] &&
		[ "$(header "$1")" = "$HEADER" ]
}

# not_enough DEVICE: a reset of less than the PE is refused, and changes nothing
not_enough()
{
	[ -e "$PCI/$1/recover" ] || { SKIP="no file recover here"; return 1; }
	[[ " $(methods "$1") " == *" flr "* ]] || { SKIP="no FLR"; return 1; }
	fails_with ENOTTY "$PCI/$1/recover" flr &&
		[ "$(config "$1" 0 4)" = $((0xffffffff)) ]
}

need_devices 1 "$@"
[ -e $EEH/eeh_force_recover ] || skip_all "no EEH, or no debugfs"
dev=${DEVICES[0]}
[ -e "$PCI/$dev/eeh_pe_config_addr" ] || skip_all "$dev is in no PE"
load_module $UNAWARE
load_module $AWARE
for each in "${DEVICES[@]}"; do
	keep_driver "$each"
done
HEADER=

add "unaware driver: the same device, driver and driver_override" unaware "$dev"
add "unaware driver: in less than $MOST_MS ms" fast $MOST_MS
add "no driver: the same device" unbound "$dev"
add "aware driver: the same device, and the driver was told" told "$dev"
add "aware driver: one reset, and no waiting in vain" once "$dev"
if [ ${#DEVICES[@]} -ge 3 ]; then
	own=$(driver "${DEVICES[2]}")
	add "mixed PE: both are the same, one told, one bound anew" \
		mixed "${DEVICES[1]}" "${DEVICES[2]}"
	[ -z "$own" ] ||
		add "mixed PE: $own works on beside it" \
			beside "${DEVICES[1]}" "${DEVICES[2]}" "$own"
fi
if [ ${#DEVICES[@]} -ge 4 ]; then
	add "without firmware: the same device, driver and driver_override" \
		unaware "${DEVICES[3]}"
	add "without firmware: in less than $MOST_ALONE_MS ms" \
		fast_once "${DEVICES[3]}" $MOST_ALONE_MS
fi
add "as often as is allowed: the same device" as_often "$dev"
add "once more: given up, but still there" given_up "$dev" 1
add "given up: events are ignored" ignored "$dev"
add "given up: not recovered by less than a reset of the PE" not_enough "$dev"
add "given up: recovered by the user" by_user "$dev"
add "once more: given up again" given_up "$dev" 2
add "given up again: recovered by the user" by_user "$dev"

ktap_print_header
HEADER=$(rebind "$dev" $UNAWARE && header "$dev")
run_tests
