#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Each allocation of memory that a recovery makes fails, one after the other: it says so, the device can be bound and
# recovered after it, and nothing is lost. ACPI, which uses memory that it has freed if it can't get some more, is not
# asked how interrupts are routed.
# topology: recover
# arches: x86_64
# kernel: debug
# seconds: 1800
# boot: own
# append: acpi=noirq
# expects: FAULT_INJECTION

. "$KSELFTEST"/pci/lib.sh

FAULTS=/sys/kernel/debug/failslab
MOST=400

# fails_at N: the Nth allocation of the task that recovers. Sets HIT to whether there was one, RET to what it said.
fails_at()
{
	local left

	# A task of its own: this one is to live on. It opens nothing between, which would be one of its allocations.
	left=$(bash -c "exec 3>/proc/thread-self/fail-nth 4>$PCI/$2/recover 5</proc/thread-self/fail-nth
		echo $1 >&3
		echo 1 >&4
		ret=\$?
		read -r left <&5
		echo 0 >&3
		echo \$left \$ret" 2>/dev/null)
	read -r HIT RET <<<"$left"
	[ "$HIT" = 0 ] && HIT=1 || HIT=0
}

whole()
{
	[ "$(driver "$1")" = "$2" ] || write "/sys/bus/pci/drivers/$2/bind" "$1"
	[ "$(driver "$1")" = "$2" ] || { msg "cannot be bound after fault $3"; return 1; }
	fails_with 0 "$PCI/$1/recover" 1 || { msg "after fault $3"; return 1; }
}

every_fault()
{
	local dev=$1 driver n failed=0

	driver=$(driver "$dev")
	for ((n = 1; n < MOST; n++)); do
		fails_at $n "$dev"
		[ -n "$RET" ] || { msg "fault $n: no answer"; return 1; }
		[ "$HIT" = 1 ] || break
		[ "$RET" = 0 ] || failed=$((failed + 1))
		whole "$dev" "$driver" $n || return
	done
	msg "$dev: $((n - 1)) allocations, of which $failed had it fail"
	[ $n -gt 1 ]
}

[ -e "$PCI/$NVME/recover" ] || skip_all "no file recover here"
[ -d $FAULTS ] || skip_all "no failslab in this kernel"
load_module pci_test_noeh
keep_driver "$VMXNET3"
rebind "$VMXNET3" pci_test_noeh || skip_all "$VMXNET3 does not take pci_test_noeh"
echo N >$FAULTS/ignore-gfp-wait
echo 0 >$FAULTS/verbose
ktap_print_header
ktap_set_plan 2
check "a driver that is told" every_fault "$E1000E"
check "a driver that is unbound and bound" every_fault "$VMXNET3"
ktap_finished
