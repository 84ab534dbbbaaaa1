#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The list of reset methods is protected by the device lock: while a driver's
# probe holds the lock, a write to reset_method and a read of it wait.
#
# Arguments: [DEVICE...]

. "$(dirname "$(readlink -f "$0")")"/lib.sh

DRIVER=pci_test_noeh
PARAMETER=/sys/module/$DRIVER/parameters/probe_ms
HOLD_MS=3000

# slow_probe DEVICE: have a probe start that takes long, in the background
slow_probe()
{
	echo >"$PCI/$1/driver_override"
	[ -e "$PCI/$1/driver" ] && echo "$1" >"$PCI/$1/driver/unbind"
	echo "$DRIVER" >"$PCI/$1/driver_override"
	echo "$HOLD_MS" >"$PARAMETER"
	echo "$1" >"/sys/bus/pci/drivers/$DRIVER/bind" &
	PROBE=$!
	sleep 0.5
}

# waits DEVICE COMMAND...: the command does not end before the probe does
waits()
{
	local dev=$1 start end

	shift
	start=$(date +%s%N)
	slow_probe "$dev"
	"$@" >/dev/null
	end=$(date +%s%N)
	wait "$PROBE"
	echo 0 >"$PARAMETER"
	if [ "$(driver "$dev")" != "$DRIVER" ]; then
		msg "the test driver was not bound"
		return 1
	fi
	msg "done $(((end - start) / 1000000)) ms after the start of a probe" \
		"that holds the lock for $HOLD_MS ms"
	[ $((end - start)) -ge $((HOLD_MS * 1000000)) ]
}

need_devices 1 "$@"
ktap_print_header

found=()
for dev in "${DEVICES[@]}"; do
	[ -n "$(methods "$dev")" ] && found+=("$dev")
done
[ "${#found[@]}" -gt 0 ] || skip_all "none of ${DEVICES[*]} can be reset"
load_module "$DRIVER"
ktap_set_plan $((${#found[@]} * 2))

for dev in "${found[@]}"; do
	keep_methods "$dev"
	keep_driver "$dev"
	check "$dev: a write waits for the device lock" \
		waits "$dev" set_methods "$dev" "$(methods "$dev")"
	check "$dev: a read waits for the device lock" \
		waits "$dev" methods "$dev"
done
ktap_finished
