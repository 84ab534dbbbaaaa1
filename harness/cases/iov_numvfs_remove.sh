#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A PF is removed while its number of VFs is written, and another PF keeps the rescan/remove lock for a second: nobody
# waits for anybody in a circle. On the base removal and the writer wait for each other for ever.
# topology: sriov_hotplug
# arches: x86_64
# seconds: 180
# length: 600
# boot: own

. "$KSELFTEST"/pci/lib.sh

ROUNDS=5

pf_is_back()
{
	write /sys/bus/pci/rescan 1
	[ -d "$PCI/$PF1" ] && rebind "$PF1" pci-pf-stub
}

round()
{
	local disable remove enable

	echo 2 >"$PCI/$PF0/sriov_numvfs" || return
	echo 0 >"$PCI/$PF0/sriov_numvfs" &
	disable=$!
	sleep 0.2
	write "$PCI/$PF1/remove" 1 &
	remove=$!
	sleep 0.2
	write "$PCI/$PF1/sriov_numvfs" 2 &
	enable=$!
	ends "$disable" 20 && ends "$remove" 20 && ends "$enable" 20
}

round_and_back()
{
	round && pf_is_back
}

ktap_print_header
for pf in "$PF0" "$PF1"; do
	rebind "$pf" pci-pf-stub || skip_all "$pf does not take pci-pf-stub"
done
ktap_set_plan 2
check "a PF is removed while its VFs are enabled" over_and_over $ROUNDS round_and_back
check "a rescan ends" timeout -s KILL 10 sh -c 'echo 1 >/sys/bus/pci/rescan'
ktap_finished
