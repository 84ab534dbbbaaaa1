#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A driver resets its device's link in its probe, with the device lock held,
# while others read the config space of the bridges, reset a sibling, and reset
# all that is below the bridge above both. Nobody waits for ever, and EAGAIN is
# the worst that the driver gets.
#
# Arguments: DEVICE SIBLING
#
# Each alone behind its port, both ports below one bridge: a switch.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

SECONDS_TO_RUN=20
DRIVER=pci_test_reset_in_probe
PARAMETERS=/sys/module/$DRIVER/parameters

# loop NAME COMMAND...: in the background, until all have to end
loop()
{
	local name=$1 count=0

	shift
	while [ ! -e "$FOLDER/end" ]; do
		"$@" && count=$((count + 1))
		echo $count >"$FOLDER/$name"
	done &
	LOOPS[$name]=$!
}

count()
{
	cat "$FOLDER/$1"
}

read_config()
{
	od -An -v -tx4 "$PCI/$PORT/config" >/dev/null &&
		od -An -v -tx4 "$PCI/$ABOVE/config" >/dev/null
}

probe()
{
	write "/sys/bus/pci/drivers/$DRIVER/bind" "$DEVICE" &&
		write "/sys/bus/pci/drivers/$DRIVER/unbind" "$DEVICE"
}

end_loops()
{
	kill "${LOOPS[@]}" 2>/dev/null
}

# all_end: every loop, within a time in which a lost lock would show
all_end()
{
	local name tries

	touch "$FOLDER/end"
	for name in "${!LOOPS[@]}"; do
		tries=300
		while kill -0 "${LOOPS[$name]}" 2>/dev/null; do
			sleep 0.1
			[ $((tries--)) -gt 0 ] && continue
			msg "$name hangs: $(cat "/proc/${LOOPS[$name]}/stack")"
			return 1
		done
	done
}

need_devices 2 "$@"
DEVICE=${DEVICES[0]}
SIBLING=${DEVICES[1]}
PORT=$(basename "$(dirname "$(readlink -f "$PCI/$DEVICE")")")
ABOVE=$(basename "$(dirname "$(readlink -f "$PCI/$PORT")")")
[[ $(readlink -f "$PCI/$SIBLING") == */$ABOVE/*/$SIBLING ]] ||
	skip_all "no bridge above both devices"
[ -e "$PCI/$ABOVE/reset_subordinate" ] || skip_all "$ABOVE is no bridge"
load_module $DRIVER
FOLDER=$(mktemp -d)
undo rm -rf "$FOLDER"
keep_methods "$DEVICE"
keep_methods "$SIBLING"
keep_driver "$DEVICE"
declare -A LOOPS
set_methods "$DEVICE" bus || skip_all "$DEVICE: its link cannot be reset"
[[ " $(methods "$SIBLING") " == *" bus "* ]] && set_methods "$SIBLING" bus
rebind "$DEVICE" $DRIVER || skip_all "$DEVICE cannot be bound to $DRIVER"
echo "$DEVICE" >/sys/bus/pci/drivers/$DRIVER/unbind
ktap_print_header
ktap_set_plan 7

for name in "done" busy error; do
	echo 0 >"$PARAMETERS/$name"
done
undo end_loops
log_mark
loop probes probe
loop reads read_config
loop siblings write "$PCI/$SIBLING/reset" 1
loop above write "$PCI/$ABOVE/reset_subordinate" 1
sleep $SECONDS_TO_RUN
check "nobody hangs" all_end
msg "$(count probes) probes, in them $(cat $PARAMETERS/done) resets and" \
	"$(cat $PARAMETERS/busy) EAGAIN; $(count siblings) resets of the" \
	"sibling, $(count above) from above, $(count reads) reads"
check "links were reset in probe" test "$(cat $PARAMETERS/done)" -gt 0
check "no error but EAGAIN" test "$(cat $PARAMETERS/error)" = 0
check "the sibling was reset meanwhile" test "$(count siblings)" -gt 0
check "config space was read meanwhile" test "$(count reads)" -gt 0
check "the bridge was held for each reset" \
	not_in_log "unlocked secondary bus reset"
check "both devices can be reset in the end" eval \
	"write $PCI/$DEVICE/reset 1 && write $PCI/$SIBLING/reset 1"
ktap_finished
