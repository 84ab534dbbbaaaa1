#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A bridge's reset_subordinate races with remove and rescan of the device below it. On the base the set that is locked
# is not the one that is unlocked: KASAN reports a use after free within seconds.
# topology: pci
# arches: x86_64
# kernel: debug
# seconds: 90
# length: 600
# boot: own

. "$KSELFTEST"/pci/lib.sh

SECONDS_TO_RUN=${AT_LENGTH:-60}
port=$(basename "$(dirname "$(readlink -f "$PCI/$NVME")")")

resets()
{
	while :; do
		write "$PCI/$port/reset_subordinate" 1 && echo >>/tmp/resets
	done
}

ktap_print_header
ktap_set_plan 3
: >/tmp/resets
resets &
resets=$!
removed=0
end=$((SECONDS + SECONDS_TO_RUN))
while [ "$SECONDS" -lt "$end" ]; do
	write "$PCI/$NVME/remove" 1 && removed=$((removed + 1))
	echo 1 >/sys/bus/pci/rescan
done
kill "$resets"
wait "$resets" 2>/dev/null
count=$(wc -l </tmp/resets)
msg "$count resets, $removed removals"
least=$((AT_LENGTH > 0 ? 100 : 1))
check "the port was reset meanwhile" test "$count" -ge $least
check "the device was removed meanwhile" test "$removed" -ge $least
check "the device is there and can be reset" write "$PCI/$NVME/reset" 1
ktap_finished
