#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A device whose driver has no error handlers, or that has no driver, breaks: on
# s390 an error event comes for it, and it is recovered in place, a few times.
#
# Arguments: DEVICE, an NVMe controller
#
# It is taken from its driver meanwhile. Needs modules/pci_test_noeh.c and
# modules/pci_test_dma.c.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

STUB=pci_test_noeh
MOST=5	# in an hour, without anybody asking for it

# bars: and what else of the header no driver changes
bars()
{
	header "$DEVICE" | tail -n +2
}

recovered()
{
	local before

	before=$(identity "$DEVICE")
	error_event "$DEVICE" || { msg "no event came"; return 1; }
	within 20 in_log "$DEVICE: recovered" || return
	[ "$(identity "$DEVICE")" = "$before" ] ||
		{ msg "was $before, is $(identity "$DEVICE")"; return 1; }
	[ "$(bars)" = "$bars" ] || { msg "was $bars, is $(bars)"; return 1; }
}

bound_anew()
{
	recovered && in_log "$DEVICE: removed" && in_log "$DEVICE: probed"
}

given_up()
{
	local i

	for ((i = 0; i <= MOST; i++)); do
		error_event "$DEVICE" || return
		within 20 in_log "$DEVICE: recover(ed|y failed)" || return
		! in_log "$DEVICE: recovery failed: $MOST times" || return 0
	done
	return 1
}

by_hand()
{
	local before

	before=$(identity "$DEVICE")
	fails_with 0 "$PCI/$DEVICE/recover" 1 &&
		[ "$(identity "$DEVICE")" = "$before" ]
}

works()
{
	restore_driver "$DEVICE" "$OLD"
	readable "$DEVICE"
}

need_devices 1 "${@:1:1}"
DEVICE=${DEVICES[0]}
need_error_events "$DEVICE"
load_module $STUB
OLD=$(driver "$DEVICE")
keep_driver "$DEVICE"
rebind "$DEVICE" $STUB || skip_all "$DEVICE does not take $STUB"
bars=$(bars)

ktap_print_header
ktap_set_plan 5
check "$DEVICE: driver without error handlers: bound anew" bound_anew
echo "$DEVICE" >"$PCI/$DEVICE/driver/unbind"
check "$DEVICE: no driver: recovered" recovered
check "$DEVICE: not more than $MOST times" given_up
check "$DEVICE: recovered by hand after that" by_hand
check "$DEVICE: its own driver can use it" within 10 works
ktap_finished
