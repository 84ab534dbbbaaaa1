#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The reset of a link below a hotplug port is not taken for an unplug, whoever
# asks for it in whatever way: the device stays the same.
#
# Arguments: [DEVICE...]
#
# The port's driver must be pciehp.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

EVENTS="pciehp.*(Link Down|Link Up|Card not present|Card present|Button)"

# stays DEVICE COMMAND...: the reset works, the device is not a new one
stays()
{
	local dev=$1 inode bound

	shift
	inode=$(stat -L -c %i "$PCI/$dev")
	bound=$(driver "$dev")
	log_mark
	ERRNO=
	"$@" || { msg "the reset failed: $ERRNO"; return 1; }
	# What the port has seen may still be on its way
	sleep 2
	not_in_log "$EVENTS" || return
	[ "$(stat -L -c %i "$PCI/$dev")" = "$inode" ] ||
		{ msg "another device is there now"; return 1; }
	[ "$(driver "$dev")" = "$bound" ] ||
		{ msg "its driver was $bound, is $(driver "$dev")"; return 1; }
}

need_devices 1 "$@"
load_module pci_test_reset
by_mask function "${DEVICES[0]}" 0
[ "$ERRNO" = EOPNOTSUPP ] && MASKS= || MASKS=1
ktap_print_header

for dev in "${DEVICES[@]}"; do
	port=$(dirname "$(readlink -f "$PCI/$dev")")
	# pciehp's slot has the address of the bus below the port
	if ! grep -qs "^${dev%.*}$" /sys/bus/pci/slots/*/address; then
		msg "$dev is not in a slot of a hotplug port"
		continue
	fi
	keep_methods "$dev"
	set_methods "$dev" default
	if set_methods "$dev" bus; then
		add "$dev: sysfs reset by bus" \
			stays "$dev" write "$PCI/$dev/reset" 1
		for link in slot bus link; do
			[ -n "$MASKS" ] || break
			add "$dev: pci_reset_function() by $link" \
				stays "$dev" by_mask function "$dev" $link
			add "$dev: pci_try_reset_function() by $link" \
				stays "$dev" by_mask try "$dev" $link
			add "$dev: pci_reset_function_locked() by $link" \
				stays "$dev" by_mask locked "$dev" $link
		done
	fi
	add "$dev: reset_subordinate of its port" \
		stays "$dev" write "$port/reset_subordinate" 1
	for link in slot bus link; do
		[ -n "$MASKS" ] || break
		add "$dev: pci_reset_bus() by $link" \
			stays "$dev" by_mask bus "$dev" $link
	done
done
run_tests
