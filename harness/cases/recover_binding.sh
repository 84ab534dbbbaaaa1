#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Who is bound after a recovery is who was before: by new_id, though another driver fits better, and whoever tries to get
# the device in between.
# topology: recover
# arches: x86_64
# seconds: 120

. "$KSELFTEST"/pci/lib.sh

DRIVER=pci_test_noeh
DRIVERS=/sys/bus/pci/drivers

bound_by_id()
{
	write $DRIVERS/$DRIVER/new_id "$id" && [ "$(driver "$dev")" = $DRIVER ]
}

comes_back()
{
	log_mark
	fails_with 0 "$PCI/$dev/recover" 1 && [ "$(driver "$dev")" = $DRIVER ] && in_log "$DRIVER $dev: probed"
}

# in_between: others want it while it has no driver
in_between()
{
	local task n tries=0

	echo 700 >/sys/module/$DRIVER/parameters/remove_ms
	log_mark
	write "$PCI/$dev/recover" 1 &
	task=$!
	within 5 gone
	while [ -d /proc/$task ]; do
		for n in vmxnet3 pci-stub; do
			! write $DRIVERS/$n/bind "$dev" || { msg "$n was bound"; return 1; }
		done
		# As when a driver is loaded: it is offered all that it fits
		write $DRIVERS/pci-stub/new_id "$id"
		write $DRIVERS/pci-stub/remove_id "$id"
		write /sys/bus/pci/drivers_probe "$dev"
		tries=$((tries + 1))
	done
	echo 0 >/sys/module/$DRIVER/parameters/remove_ms
	msg "$tries tries of each"
	wait $task && [ $tries -gt 0 ] && [ "$(driver "$dev")" = $DRIVER ] && not_in_log "pci-stub.*claimed"
}

gone()
{
	[ ! -e "$PCI/$dev/driver" ]
}

dev=$VMXNET3
[ -e "$PCI/$dev/recover" ] || skip_all "no file recover here"
load_module $DRIVER
keep_driver "$dev"
id="$(cut -c3- "$PCI/$dev/vendor") $(cut -c3- "$PCI/$dev/device")"
ktap_print_header
ktap_set_plan 3
write $DRIVERS/vmxnet3/unbind "$dev"
check "bound by new_id" bound_by_id
check "it comes back, and not the driver that fits better" comes_back
check "nobody gets it in between" in_between
write $DRIVERS/$DRIVER/remove_id "$id"
ktap_finished
