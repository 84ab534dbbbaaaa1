#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A Root Port's driver is unbound and bound while an error is handled below it: unbinding waits for the thread that
# handles it, which must not wait for the port's device lock that unbinding holds.
# topology: sriov_hotplug
# arches: x86_64
# seconds: 180
# length: 600
# boot: own
# expects: AER:
# expects: pcieport .*: .*

. "$KSELFTEST"/pci/lib.sh

ROUNDS=10
DRIVER=pci_test_eh
PARAMETERS=/sys/module/$DRIVER/parameters

told()
{
	[ "$(cat "$PARAMETERS/detected")" -gt "$1" ]
}

unbind_and_bind()
{
	write /sys/bus/pci/drivers/pcieport/unbind "$port"
	write /sys/bus/pci/drivers/pcieport/bind "$port"
}

round()
{
	local before

	before=$(cat "$PARAMETERS/detected")
	monitor hmp pcie_aer_inject_error rp1 DLP >/dev/null || return
	within 10 told "$before" || return
	unbind_and_bind &
	ends $! 30
}

ktap_print_header
monitor hmp info version >/dev/null || skip_all "no monitor"
port=$(basename "$(dirname "$(readlink -f "$PCI/$IGB")")")
[ "$(driver "$port")" = pcieport ] || skip_all "$port is not bound to pcieport"
load_module "$DRIVER"
rebind "$IGB" "$DRIVER" || skip_all "$IGB does not take $DRIVER"
# Long enough to be still at it when the port's driver is unbound
echo 1000 >"$PARAMETERS/detected_ms"
ktap_set_plan 2
check "the port's driver comes and goes while errors are handled" over_and_over $ROUNDS round
check "a rescan ends" timeout -s KILL 20 sh -c 'echo 1 >/sys/bus/pci/rescan'
ktap_finished
