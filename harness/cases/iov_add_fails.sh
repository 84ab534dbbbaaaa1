#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Memory runs out while VFs are enabled, at each place in turn: it fails, and can be repeated. On the base a VF that
# could not be added is deleted nevertheless, which is an Oops with the PF's lock held.
# topology: sriov_hotplug
# arches: x86_64
# seconds: 300
# boot: own
# expects: FAULT_INJECTION: forcing a failure
# expects: can't be added

. "$KSELFTEST"/pci/lib.sh

FAILSLAB=/sys/kernel/debug/failslab
SAMPLES=60 # of the allocations: a VF takes a second and a half
NEVER=1000000

# Enable a VF while the N-th allocation of the task fails; LEFT is how many there would have to be more
enable_with()
{
	local fail=/proc/self/task/$BASHPID/fail-nth

	echo "$1" >"$fail"
	{ echo 1 >"$PCI/$IGB/sriov_numvfs"; } 2>/dev/null
	{ read -r LEFT <"$fail"; } 2>/dev/null
	echo 0 >"$fail"
	echo 0 >"$PCI/$IGB/sriov_numvfs"
}

sweep()
{
	local nth all

	enable_with $NEVER
	all=$((NEVER - LEFT))
	for ((nth = 1; nth <= all; nth += all / SAMPLES + 1)); do
		enable_with "$nth" || return
		[ "$LEFT" = 0 ] && fired=$((fired + 1))
	done
	msg "$fired of $all allocations failed"
}

ktap_print_header
[ -d "$FAILSLAB" ] || mount -t debugfs none /sys/kernel/debug 2>/dev/null
[ -d "$FAILSLAB" ] || skip_all "no fault injection"
echo N >"$FAILSLAB/ignore-gfp-wait"
echo 0 >"$FAILSLAB/verbose"
rebind "$IGB" pci-pf-stub || skip_all "$IGB does not take pci-pf-stub"
echo 0 >"$PCI/$IGB/sriov_drivers_autoprobe"
fired=0
ktap_set_plan 3
check "each failed allocation is survived" sweep
check "some did fail" test "$fired" -gt 20
check "VFs can be enabled afterwards" write "$PCI/$IGB/sriov_numvfs" 2
ktap_finished
