#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Kernel lockdown keeps root from config space and from unsigned modules. It does not keep root from resetting a device,
# on the base neither, nor from recovering one: nothing gets to the device or out of it by that.
# topology: pci
# arches: x86_64
# kernel: debug
# boot: own

. "$KSELFTEST"/pci/lib.sh

LOCKDOWN=/sys/kernel/security/lockdown

resets()
{
	local before

	before=$(header "$NVME")
	fails_with 0 "$PCI/$NVME/reset" 1 && [ "$(header "$NVME")" = "$before" ]
}

recovers()
{
	local before

	before=$(identity "$NVME")
	log_mark
	fails_with 0 "$PCI/$NVME/recover" 1 && in_log "$NVME: recovered" && [ "$(identity "$NVME")" = "$before" ]
}

refuses()
{
	local before value

	before=$(header "$NVME")
	for value in 0 nonsense "1 1"; do
		fails_with EINVAL "$PCI/$NVME/recover" "$value" || return
	done
	[ "$(header "$NVME")" = "$before" ]
}

[ -e $LOCKDOWN ] || mount -t securityfs none /sys/kernel/security 2>/dev/null
[ -e $LOCKDOWN ] || skip_all "no lockdown in this kernel"
ktap_print_header
ktap_set_plan 5
check "the kernel is locked down" write $LOCKDOWN confidentiality
check "config space can't be written any more" fails_with EPERM "$PCI/$NVME/config" x
check "a device is reset, as ever" resets
if [ -e "$PCI/$NVME/recover" ]; then
	check "a device is recovered" recovers
	check "wrong input is refused" refuses
else
	skip "a device is recovered" "no file recover here"
	skip "wrong input is refused" "no file recover here"
fi
ktap_finished
