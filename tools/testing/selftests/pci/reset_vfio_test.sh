#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A device that is open in vfio-pci is not reset by others: the answer is EBUSY,
# nothing is touched, and the log says who refused. Closed, it is reset. Whoever
# has it open may die in the middle of a reset without harm.
#
# Arguments: DEVICE
#
# It is taken from its driver meanwhile, and needs an IOMMU group of its own.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

ROUNDS=10
SAID=/tmp/reset_vfio

# refused FILE
refused()
{
	local before

	mark "$DEVICE" || { msg "no register to mark"; return 1; }
	before=$(header "$DEVICE")
	log_mark
	fails_with EBUSY "$1" 1 || return
	! was_reset "$DEVICE" || { msg "it was reset"; return 1; }
	[ "$(header "$DEVICE")" = "$before" ] ||
		{ msg "config changed"; return 1; }
}

named()
{
	log_mark
	errno "$PCI/$DEVICE/reset" 1
	in_log "vfio-pci $DEVICE: reset refused by driver: (-EBUSY|-16)" &&
		[ "$(log_since | grep -c "$DEVICE: ")" = 1 ] && return
	msg "the log does not say that alone"
	return 1
}

traced_by_name()
{
	trace_clear
	errno "$PCI/$DEVICE/reset" 1
	trace_lines |
		grep -q "^pci_reset_refused: $DEVICE driver=vfio-pci .*result=-16"
}

resets()
{
	mark "$DEVICE"
	log_mark
	fails_with 0 "$1" 1 && was_reset "$DEVICE" &&
		[ "$(driver "$DEVICE")" = vfio-pci ]
}

# killed: at any time, while it resets the device over and over
killed()
{
	local i pid

	for ((i = 0; i < ROUNDS; i++)); do
		"$DIR"/vfio_open -n 1000000 -r "$DEVICE" >/dev/null 2>&1 &
		pid=$!
		sleep 0.$((RANDOM % 4 + 1))
		kill -9 $pid
		wait $pid 2>/dev/null
	done
	"$DIR"/vfio_open -r "$DEVICE"
}

works_again()
{
	local disk

	restore_driver "$DEVICE" "$OLD"
	[ "$(driver "$DEVICE")" = "$OLD" ] || { msg "no driver"; return 1; }
	case $OLD in
	nvme)
		disk=$(disks "$DEVICE" | head -n 1)
		[ -n "$disk" ] || return
		dd if="$disk" of=/dev/null bs=4096 count=64 iflag=direct \
			status=none
		;;
	esac
}

need_devices 1 "${@:1:1}"
DEVICE=${DEVICES[0]}
[ -e "$PCI/$DEVICE/reset" ] || skip_all "$DEVICE cannot be reset"
need_restore_log
OLD=$(driver "$DEVICE")
need_vfio "$DEVICE"
PORT=$(dirname "$(readlink -f "$PCI/$DEVICE")")

"$DIR"/vfio_open -w "$DEVICE" >$SAID &
USER_PID=$!
undo eval "kill $USER_PID 2>/dev/null"
within 10 grep -q open $SAID || skip_all "it is not opened"
need_tracing

ktap_print_header
ktap_set_plan 8
check "$DEVICE: open: reset is refused" refused "$PCI/$DEVICE/reset"
if [ -e "$PORT/reset_subordinate" ]; then
	check "$DEVICE: open: reset_subordinate is refused" \
		refused "$PORT/reset_subordinate"
else
	skip "$DEVICE: open: reset_subordinate is refused" "no bridge above it"
fi
check "$DEVICE: open: the log says who refused, in a line" named
if [ -d "$TRACE/events/pci_reset/pci_reset_refused" ]; then
	echo 1 >"$TRACE/events/pci_reset/enable"
	undo trace_off pci_reset
	check "$DEVICE: open: the trace says who refused" traced_by_name
else
	skip "$DEVICE: open: the trace says who refused" "no such trace event"
fi
kill $USER_PID
wait $USER_PID 2>/dev/null
check "$DEVICE: closed: it is reset" resets "$PCI/$DEVICE/reset"
check "$DEVICE: closed: it can be opened after that" "$DIR"/vfio_open "$DEVICE"
check "$DEVICE: its user is killed in the middle of resets" in_time 120 killed
check "$DEVICE: its own driver can use it after that" within 10 works_again
ktap_finished
