#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A PF's driver is unbound, and removes its VFs, while another task rescans. On the base VFs are removed without the
# rescan/remove lock, and the rescan adds them anew while they are.
# topology: sriov_hotplug
# arches: x86_64
# seconds: 240
# length: 600
# boot: own

. "$KSELFTEST"/pci/lib.sh

ROUNDS=3

rescans()
{
	while :; do
		echo 1 >/sys/bus/pci/rescan
	done
}

round()
{
	echo 2 >"$PCI/$IGB/sriov_numvfs" || return
	echo "$IGB" >/sys/bus/pci/drivers/igb/unbind || return
	echo "$IGB" >/sys/bus/pci/drivers/igb/bind
}

ktap_print_header
[ "$(driver "$IGB")" = igb ] || skip_all "$IGB is not bound to igb"
log_mark
ktap_set_plan 2
rescans &
undo kill $!
check "a PF with VFs is unbound during rescans" over_and_over $ROUNDS round
check "VFs are removed under the lock" not_in_log "Unbalanced pm_runtime_enable|pci_stop_and_remove_bus_device"
ktap_finished
