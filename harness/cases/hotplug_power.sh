#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A slot is switched off and on. On the base lockdep reports a circle of the rescan/remove lock and pciehp's
# reset_lock the first time, and is off from then on.
# topology: sriov_hotplug
# arches: x86_64
# kernel: debug
# seconds: 90
# boot: own

. "$KSELFTEST"/pci/lib.sh

power=/sys/bus/pci/slots/1/power

lockdep_is_on()
{
	grep -q 'debug_locks: *1' /proc/lockdep_stats
}

ktap_print_header
[ -e "$power" ] || skip_all "no slot 1"
lockdep_is_on || skip_all "lockdep is off"
log_mark
ktap_set_plan 5
check "the slot is switched off" write "$power" 0
check "the device is gone" test ! -d "$PCI/$IGB"
# QEMU takes the device out of a slot that is switched off, and presses the button when one is plugged in
monitor device_add driver=igb id=igb bus=rp1 >/dev/null
check "the slot is switched on" within 60 test -d "$PCI/$IGB"
check "no circle of locks" not_in_log "circular locking"
check "lockdep is still on" lockdep_is_on
ktap_finished
