#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A network card is recovered while somebody reaches it. If its driver gets over
# a reset, the interface is the same after it, with its addresses and routes.
# If not, its driver was bound anew, and there is a new one that works.
#
# Arguments: DEVICE PEER
#
# Two network cards that a cable or a switch connects. Their interfaces sit in
# network namespaces of their own meanwhile.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

NS=pci-selftest-
NET=192.0.2

# settings: what the interface has, and a new one has not
settings()
{
	ip -n ${NS}dev -o link show "$NAME" | cut -d: -f1,2
	ip -n ${NS}dev -o addr show "$NAME" | tr -s ' ' | cut -d' ' -f2-4
	ip -n ${NS}dev route
}

recover()
{
	local pinger ret

	ip netns exec ${NS}peer ping -q -i 0.05 $NET.1 >/dev/null &
	pinger=$!
	sleep 0.5
	milliseconds fails_with 0 "$PCI/$DEVICE/recover" 1
	ret=$?
	msg "$DEVICE: recovered in $MS ms, driver $(driver "$DEVICE")"
	sleep 0.5
	kill $pinger
	wait $pinger 2>/dev/null
	return $ret
}

# settled: the same as before, or a new interface, which is set up again
settled()
{
	local now

	if ! is_rebound; then
		now=$(settings 2>&1)
		[ "$now" = "$before" ] && return
		msg "was $before, is $now"
		return 1
	fi
	ip netns del ${NS}dev
	settle "$DEVICE" ${NS}dev $NET.1
}

# is_rebound: whether the driver was unbound, as tells the log
is_rebound()
{
	! ip -n ${NS}dev link show "$NAME" >/dev/null 2>&1
}

need_devices 2 "${@:1:2}"
DEVICE=${DEVICES[0]}
[ -e "$PCI/$DEVICE/recover" ] || skip_all "no file recover here"
ktap_print_header
NAME=$(interface "$DEVICE")
settle "$DEVICE" ${NS}dev $NET.1
settle "${DEVICES[1]}" ${NS}peer $NET.2
ip -n ${NS}dev route add 198.51.100.0/24 via $NET.2
answers ${NS}peer $NET.1 || skip_all "they do not reach each other"
before=$(settings)
was=$(driver "$DEVICE") identity=$(identity "$DEVICE")

ktap_set_plan 5
check "$DEVICE: recovered while it is reached" recover
check "$DEVICE: the same device" \
	test "$(identity "$DEVICE")" = "$identity"
check "$DEVICE: the same driver, $was" test "$(driver "$DEVICE")" = "$was"
if [ "$KEEPS_INTERFACE" = 1 ]; then
	check "$DEVICE: its interface, addresses and routes are there" \
		eval '! is_rebound && settled'
else
	check "$DEVICE: its interface is there" settled
fi
check "$DEVICE: it answers" answers ${NS}peer $NET.1
ktap_finished
