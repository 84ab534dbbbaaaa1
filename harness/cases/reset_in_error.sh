#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A user resets an NVMe controller whose driver was told of an error and waits for AER to reset the slot, or in vain, as
# AER has given up: the reset is refused, nothing hangs, and the disk can be read once all is over.
# topology: pci
# arches: x86_64
# seconds: 50
# boot: own
# expects: AER:
# expects: pcieport .*: .*
# expects: nvme .*: .*

. "$KSELFTEST"/pci/lib.sh

SLOW=pci_test_eh
UNAWARE=pci_test_noeh
SLOW_MS=3000

# told: an error is injected, and the driver of the disk is told of it
told()
{
	log_mark
	monitor hmp pcie_aer_inject_error rp2 DLP >/dev/null &&
		within 20 in_log "frozen state error detected"
}

# refused: a reset, while its sibling's driver takes its time, or after that
refused()
{
	in_time 10 fails_with EBUSY "$PCI/$FUNC0/reset" 1 || { hung=1; return 1; }
	in_log "$FUNC0: error recovery is not over"
}

# unhung COMMAND...: unless a reset hangs, with which all else does
unhung()
{
	[ -z "$hung" ] && "$@"
}

recovered()
{
	within 30 in_log "device recovery successful" && within 20 readable "$FUNC0"
}

given_up()
{
	rebind "$FUNC1" $UNAWARE && told && within 30 in_log "device recovery failed"
}

by_user()
{
	in_time 60 fails_with 0 "$PCI/$FUNC0/recover" 1 && within 20 readable "$FUNC0"
}

monitor hmp info version >/dev/null || skip_all "no monitor"
load_module $SLOW
load_module $UNAWARE
keep_driver "$FUNC1"
write /sys/module/$SLOW/parameters/detected_ms $SLOW_MS
rebind "$FUNC1" $SLOW || skip_all "$FUNC1 does not take $SLOW"
ktap_print_header
ktap_set_plan 7
check "the driver is told of an error" told
check "no reset before the slot is reset" refused
check "the slot is recovered" unhung recovered
check "a reset after that" unhung in_time 10 fails_with 0 "$PCI/$FUNC0/reset" 1
check "an error that is too much for AER" unhung given_up
check "no reset after that" unhung refused
check "but a recovery by the user" unhung by_user
ktap_finished
