#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vfio-pci resets a device when it is opened. A reset of the link above it must
# hold the bridge, else the kernel warns of an "unlocked secondary bus reset".
# A reset of the function alone must not need the bridge: devices behind one
# bridge can be opened at the same time.
#
# Arguments: DEVICE...
#
# Each device must be in an IOMMU group of its own. They are taken from their
# drivers while the test runs.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

ROUNDS=20
WARNING="unlocked secondary bus reset"

offers()
{
	[[ " $(methods "$1") " == *" $2 "* ]]
}

# both: once without, once with an explicit reset by the user of the device
both()
{
	open_with "$@" && open_with "$@" -r
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
	not_in_log "$WARNING"
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
"$DIR"/vfio_open -n 0 "${DEVICES[@]}" || skip_all "VFIO cannot open them here"

ktap_set_plan 2
name="open with bus reset: the bridge is locked"
if ! some bus 1; then
	skip "$name" "no device offers bus"
elif dmesg | grep -q "$WARNING"; then
	# It comes once a boot, so its absence would prove nothing
	skip "$name" "this kernel has given the warning already"
else
	using=("${using[0]}")
	check "$name" both bus
fi

name="parallel opens with function reset: all succeed"
if some flr 2; then
	check "$name" both flr -n "$ROUNDS"
else
	skip "$name" "fewer than two devices offer flr"
fi
ktap_finished
