#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A driver whose remove takes long does not keep other devices from coming and
# going: a rescan ends while a device is still being removed.
#
# Arguments: DEVICE
#
# The device is removed, and found again by the rescan.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

DRIVER=pci_test_noeh
PARAMETER=/sys/module/$DRIVER/parameters/remove_ms
REMOVE_MS=5000
SOON_MS=2500

rescan_is_soon()
{
	milliseconds write /sys/bus/pci/rescan 1 || return
	msg "the rescan took $MS ms of $REMOVE_MS"
	[ "$MS" -lt "$SOON_MS" ]
}

need_devices 1 "$@"
dev=${DEVICES[0]}
ktap_print_header
load_module "$DRIVER"
keep_driver "$dev"
rebind "$dev" "$DRIVER" || skip_all "$dev does not take $DRIVER"

ktap_set_plan 4
echo "$REMOVE_MS" >"$PARAMETER"
undo write "$PARAMETER" 0
write "$PCI/$dev/remove" 1 &
removal=$!
sleep 0.5
check "a rescan does not wait for a driver" rescan_is_soon
check "the device is still being removed" test -d "/proc/$removal"
wait "$removal"
echo 0 >"$PARAMETER"
check "the device was removed" test ! -d "$PCI/$dev"
write /sys/bus/pci/rescan 1
check "the device is found again" test -d "$PCI/$dev"
ktap_finished
