#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# VFs are disabled while one of them has its sriov_vf_msix_count written. On the base the writer waits for the PF's
# device lock, whose holder waits for the writer: both hang for ever, and all hotplug with them.
# topology: sriov_hotplug
# arches: x86_64
# seconds: 180
# length: 600
# boot: own

. "$KSELFTEST"/pci/lib.sh

ROUNDS=6
VFS=7

vectors()
{
	while :; do
		write "$PCI/$1/sriov_vf_msix_count" 1
	done
}

# Disable the VFs, and say how it ended
disable()
{
	echo 0 >"$PCI/$IGB/sriov_numvfs" &
	ends $! 30
}

round()
{
	local vf writer

	echo "$VFS" >"$PCI/$IGB/sriov_numvfs" || return
	# The last one to be removed: its file is there for as long as possible
	vf=$(basename "$(readlink "$PCI/$IGB/virtfn$((VFS - 1))")")
	vectors "$vf" 2>/dev/null &
	writer=$!
	sleep 0.2
	disable || return
	kill "$writer"
	wait "$writer" 2>/dev/null
	return 0
}

ktap_print_header
echo 0 >"$PCI/$IGB/sriov_drivers_autoprobe"
ktap_set_plan 2
check "VFs are disabled while their vectors are set" over_and_over $ROUNDS round
check "a rescan ends" timeout -s KILL 10 sh -c 'echo 1 >/sys/bus/pci/rescan'
ktap_finished
