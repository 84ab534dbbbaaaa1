#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A reset of a link prepares the IOMMU for every function behind it: before the
# link goes down the domain of each is blocked, so that nobody asks a device in
# reset to invalidate its ATC, and after it each has its domain again.
#
# Arguments: [DEVICE...]

. "$(dirname "$(readlink -f "$0")")"/lib.sh

# below DIRECTORY: how many functions
below()
{
	find "$1"/ -mindepth 2 -maxdepth 4 -type f -name vendor |
		grep -cE '/[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]/vendor$'
}

# prepared DEVICE COUNT COMMAND...: for so many functions, around the reset
prepared()
{
	local dev=$1 count=$2 order

	shift 2
	log_mark
	trace_clear
	"$@" || { msg "the reset failed"; return 1; }
	order=$(trace_lines | sed -n 's/^iommu_\([a-z]\).*/\1/p' | tr -d '\n')
	msg "p: prepared, r: reset, d: done: $order"
	[[ $order =~ ^(p*)r+(d*)$ ]] ||
		{ msg "not prepared, reset, done"; return 1; }
	if [ "${#BASH_REMATCH[1]}" != "$count" ] ||
	   [ "${#BASH_REMATCH[2]}" != "$count" ]; then
		msg "${#BASH_REMATCH[1]} of $count functions were prepared"
		return 1
	fi
}

# survives DEVICE COMMAND...: its disk is read while it is reset
survives()
{
	local dev=$1 disk pid

	shift
	disk=$(disks "$dev" | head -n 1)
	[ -b "$disk" ] || { SKIP="no disk"; return 1; }
	log_mark
	while :; do
		dd if="$disk" of=/dev/null bs=64k count=16 iflag=direct \
			status=none 2>/dev/null
	done &
	pid=$!
	for _ in 1 2 3; do
		"$@" || msg "a reset failed"
		sleep 0.5
	done
	kill $pid
	wait $pid 2>/dev/null
	not_in_log "DMAR:.*[fF]ault|AMD-Vi:.*(FAULT|timed out)|Time-out" || return
	dd if="$disk" of=/dev/null bs=64k count=16 iflag=direct status=none
}

need_devices 1 "$@"
need_tracing
for dev in "${DEVICES[@]}"; do
	[ -e "$PCI/$dev/iommu_group" ] || skip_all "$dev: no IOMMU group"
done
if ! kprobe iommu_prepare pci_dev_reset_iommu_prepare ||
   ! kprobe iommu_done pci_dev_reset_iommu_done ||
   ! kprobe iommu_reset pcibios_reset_secondary_bus; then
	skip_all "this kernel does not prepare the IOMMU for resets"
fi
load_module pci_test_reset
by_mask function "${DEVICES[0]}" 0
[ "$ERRNO" = EOPNOTSUPP ] && MASKS= || MASKS=1
ktap_print_header

for dev in "${DEVICES[@]}"; do
	port=$(dirname "$(readlink -f "$PCI/$dev")")
	add "$dev: reset_subordinate of its port prepares all below" \
		prepared "$dev" "$(below "$port")" \
		write "$port/reset_subordinate" 1
	add "$dev: it is read while its port resets it" \
		survives "$dev" write "$port/reset_subordinate" 1
	[ -n "$MASKS" ] || continue
	for link in slot bus; do
		grep -q "^$link: " "$PCI/$dev/reset_scope" || continue
		add "$dev: pci_reset_bus() by $link prepares all" \
			prepared "$dev" "$(below "$port")" \
			by_mask bus "$dev" $link
		add "$dev: it is read while it is reset by $link" \
			survives "$dev" by_mask bus "$dev" $link
	done
done
run_tests
