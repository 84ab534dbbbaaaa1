#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A network card works after it was reset by sysfs: without a word from the
# user it answers again if its interface is up, and as soon as that is brought
# up if it was down.
#
# Arguments: DEVICE PEER [METHOD...]
#
# Two network cards that a cable or a switch connects. DEVICE is reset, by each
# of its methods if none is given. Their interfaces sit in network namespaces of
# their own meanwhile.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

NS=pci-selftest-
NET=192.0.2

# reset_by METHOD, while packets come
reset_by()
{
	local pinger ret

	set_methods "$DEVICE" "$1" || return
	ip netns exec ${NS}peer ping -q -i 0.05 $NET.1 >/dev/null &
	pinger=$!
	sleep 0.5
	log_mark
	milliseconds write "$PCI/$DEVICE/reset" 1
	ret=$?
	msg "$DEVICE: $1 took $MS ms"
	sleep 0.5
	kill $pinger
	wait $pinger 2>/dev/null
	return $ret
}

works()
{
	answers ${NS}peer $NET.1 && not_in_log "PCIe link lost"
}

link()
{
	ip -n ${NS}dev link set "$NAME" "$1"
}

need_devices 2 "${@:1:2}"
DEVICE=${DEVICES[0]}
[ -n "$(methods "$DEVICE")" ] || skip_all "$DEVICE cannot be reset"
ktap_print_header
NAME=$(interface "$DEVICE")
settle "$DEVICE" ${NS}dev $NET.1
settle "${DEVICES[1]}" ${NS}peer $NET.2
answers ${NS}peer $NET.1 || skip_all "they do not reach each other"

keep_methods "$DEVICE"
METHODS=${*:3}
METHODS=${METHODS:-$(methods "$DEVICE")}
for method in $METHODS; do
	add "$DEVICE: reset by $method with its interface up" reset_by "$method"
	add "$DEVICE: it answers after $method" works
done
for method in $METHODS; do
	add "$DEVICE: its interface goes down" link down
	add "$DEVICE: reset by $method with its interface down" \
		reset_by "$method"
	add "$DEVICE: its interface goes up" link up
	add "$DEVICE: it answers after $method and up" works
done
run_tests
