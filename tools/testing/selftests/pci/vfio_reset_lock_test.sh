#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vfio-pci resets a device when it is opened. A reset of the link above it must
# hold the bridge, else the kernel warns of an "unlocked secondary bus reset".
# A reset of the function alone must not need the bridge: devices behind one
# bridge can be opened at the same time.
#
# Usage: vfio_reset_lock_test.sh DEVICE...
#
# Each device must be in an IOMMU group of its own. They are taken from their
# drivers while the test runs.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

ROUNDS=20

offers()
{
	[[ " $(methods "$1") " == *" $2 "* ]]
}

# open_with METHOD ARGUMENT...
open_with()
{
	local method=$1 dev

	shift
	for dev in "${using[@]}"; do
		set_methods "$dev" "$method" || return
	done
	log_mark
	"$DIR"/vfio_open "$@" "${using[@]}" || return
	not_in_log "unlocked secondary bus reset"
}

# some METHOD MINIMUM: set "using" to the devices that offer the method
some()
{
	local dev

	using=()
	for dev in "${DEVICES[@]}"; do
		set_methods "$dev" default
		offers "$dev" "$1" && using+=("$dev")
	done
	[ "${#using[@]}" -ge "$2" ]
}

need_devices 1 "$@"
ktap_print_header

# modprobe, or built in
modprobe -q vfio-pci
[ -d /sys/bus/pci/drivers/vfio-pci ] || skip_all "no vfio-pci driver"
for dev in "${DEVICES[@]}"; do
	[ -e "$PCI/$dev/iommu_group" ] || skip_all "$dev: no IOMMU group"
	keep_methods "$dev"
	keep_driver "$dev"
	rebind "$dev" vfio-pci || skip_all "$dev: cannot be bound to vfio-pci"
done

ktap_set_plan 4
if some bus 1; then
	using=("${using[0]}")
	check "open, bus reset: the bridge is locked" open_with bus
	check "open and reset, bus reset: the bridge is locked" \
		open_with bus -r
else
	skip "open, bus reset: the bridge is locked" "no device offers bus"
	skip "open and reset, bus reset: the bridge is locked" \
		"no device offers bus"
fi
if some flr 2; then
	check "parallel opens, function reset: all succeed" \
		open_with flr -n "$ROUNDS"
	check "parallel opens and resets, function reset: all succeed" \
		open_with flr -n "$ROUNDS" -r
else
	skip "parallel opens, function reset: all succeed" \
		"fewer than two devices offer flr"
	skip "parallel opens and resets, function reset: all succeed" \
		"fewer than two devices offer flr"
fi
ktap_finished
