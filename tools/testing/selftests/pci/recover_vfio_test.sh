#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A device that is open in vfio-pci is not recovered: the answer is EBUSY, at
# once, and whoever has it open does not notice. Closed, it is reset, and its
# driver stays bound; an open meanwhile fails or succeeds, and does not hang.
#
# Arguments: DEVICE
#
# It is taken from its driver meanwhile, and needs an IOMMU group of its own.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

MOST_MS=100
ROUNDS=10
SAID=/tmp/recover_vfio

refused()
{
	local i least=

	fails_with EBUSY "$PCI/$DEVICE/recover" 1 || return
	trace_clear
	# The least of some: this may be a busy machine
	for ((i = 0; i < 5; i++)); do
		! milliseconds write "$PCI/$DEVICE/recover" 1 || return
		[ -n "$least" ] && [ "$least" -lt "$MS" ] || least=$MS
	done
	msg "refused in $least ms"
	[ "$least" -lt $MOST_MS ] && [ -z "$(traced "$DEVICE")" ]
}

unharmed()
{
	[ "$(header "$DEVICE")" = "$before" ] || { msg "config changed"; return 1; }
	[ -d "/proc/$USER_PID" ] && ! grep -q "asked for" $SAID
}

closed()
{
	trace_clear
	fails_with 0 "$PCI/$DEVICE/recover" 1 &&
		[ "$(driver "$DEVICE")" = vfio-pci ] &&
		[ -n "$(traced "$DEVICE")" ] && not_in_log "vfio-pci.*probe"
}

opens()
{
	"$DIR"/vfio_open "$DEVICE"
}

# meet: it is recovered and opened over and over, and either may be refused
meet()
{
	local opener i good=0 opened

	for ((i = 0; i < ROUNDS; i++)); do
		opens >/dev/null 2>&1 && echo
	done >$SAID &
	opener=$!
	while [ -d /proc/$opener ]; do
		errno "$PCI/$DEVICE/recover" 1
		case $ERRNO in
		0) good=$((good + 1)) ;;
		EBUSY|EAGAIN) ;;
		*) msg "recover: $ERRNO"; return 1 ;;
		esac
	done
	opened=$(wc -l <$SAID)
	msg "$good recoveries and $opened opens of $ROUNDS succeeded"
	[ $good -gt 0 ]
}

need_devices 1 "${@:1:1}"
DEVICE=${DEVICES[0]}
[ -e "$PCI/$DEVICE/recover" ] || skip_all "no file recover here"
need_reset_events
need_vfio "$DEVICE"

ktap_print_header
ktap_set_plan 6
"$DIR"/vfio_open -w "$DEVICE" >$SAID &
USER_PID=$!
undo eval "kill $USER_PID 2>/dev/null"
within 10 grep -q open $SAID || skip_all "it is not opened"
before=$(header "$DEVICE")
log_mark
check "$DEVICE: open: EBUSY within $MOST_MS ms" refused
check "$DEVICE: whoever has it open does not notice" unharmed
kill $USER_PID
wait $USER_PID 2>/dev/null
check "$DEVICE: closed: reset with its driver bound" within 5 closed
check "$DEVICE: it can be opened" opens
check "$DEVICE: recovered while it is opened and closed" in_time 120 meet
check "$DEVICE: it can be opened after that" opens
ktap_finished
