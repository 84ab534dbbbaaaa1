#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk with ATS is read while reset_method is rewritten: no DMA is blocked, every read succeeds. On the base the
# probe of "bus" attaches the blocking domain to the device that is in use, and reads fail or never end.
# topology: pci
# arches: x86_64
# seconds: 90
# boot: own

. "$KSELFTEST"/pci/lib.sh

disk=$(echo "$PCI/$ATS"/virtio*/block/*)
disk=/dev/${disk##*/}

rewrite()
{
	while :; do
		echo bus >"$PCI/$ATS/reset_method"
		echo default >"$PCI/$ATS/reset_method"
	done
}

# With ATS on, it is the device itself that asks for translations
ats_enabled()
{
	[[ $(setpci -s "$ATS" ECAP_ATS+6.w) == 8* ]]
}

reads()
{
	local n

	for ((n = 0; n < 40; n++)); do
		timeout -s KILL 10 dd if="$disk" of=/dev/null bs=1M count=8 \
			iflag=direct 2>/dev/null && continue
		msg "read $n failed, or did not end within 10 s"
		return 1
	done
}

ktap_print_header
[ -b "$disk" ] || skip_all "$ATS has no disk"
ktap_set_plan 4
check "ATS is on" ats_enabled
check "reads before" reads
log_mark
rewrite &
undo kill $!
check "reads while reset_method is rewritten" reads
check "no DMA was refused" not_in_log "DMAR:.*fault"
ktap_finished
