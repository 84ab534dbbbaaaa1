#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Asking whether a method would work must not touch the device's IOMMU domain:
# while reset_method is written, pci_dev_reset_iommu_prepare() is not called,
# for that would block the DMA of a device with ATS that is in use.
#
# Arguments: [DEVICE...]

. "$(dirname "$(readlink -f "$0")")"/lib.sh

TRACING=/sys/kernel/tracing
EVENT=pci_selftest_prepare

# How often the kernel called the function since the probe was set
hits()
{
	awk -v event="$EVENT" '$1 == event { print $2 }' \
		"$TRACING/kprobe_profile"
}

remove_probe()
{
	echo 0 >"$TRACING/events/pci_selftest/$EVENT/enable"
	echo "-:pci_selftest/$EVENT" >>"$TRACING/kprobe_events"
}

# probe_counts DEVICE: a real reset is seen, else the test proves nothing
probe_counts()
{
	local before

	before=$(hits)
	write "$PCI/$1/reset" 1 || return
	[ "$(hits)" -gt "$before" ]
}

# untouched DEVICE LIST: writing it is accepted or refused, and calls nothing
untouched()
{
	local before after

	before=$(hits)
	set_methods "$1" "$2"
	after=$(hits)
	[ "$before" = "$after" ] && return
	msg "writing '$2' called pci_dev_reset_iommu_prepare()" \
		"$((after - before)) time(s)"
	return 1
}

need_devices 1 "$@"
ktap_print_header

found=()
for dev in "${DEVICES[@]}"; do
	[ -n "$(methods "$dev")" ] && found+=("$dev")
done
[ "${#found[@]}" -gt 0 ] || skip_all "none of ${DEVICES[*]} can be reset"
[ -f "$TRACING/kprobe_events" ] || mount -t tracefs none "$TRACING"
[ -f "$TRACING/kprobe_events" ] || skip_all "no kprobe events in this kernel"
write "$TRACING/kprobe_events" \
	"p:pci_selftest/$EVENT pci_dev_reset_iommu_prepare" ||
	skip_all "pci_dev_reset_iommu_prepare cannot be probed: no IOMMU support?"
undo remove_probe
echo 1 >"$TRACING/events/pci_selftest/$EVENT/enable"

read -ra names <<<"$KNOWN_METHODS"
ktap_set_plan $((${#found[@]} * (${#names[@]} + 2)))
for dev in "${found[@]}"; do
	keep_methods "$dev"
	check "$dev: a reset is seen" probe_counts "$dev"
	for name in "${names[@]}" default; do
		check "$dev: writing $name leaves the IOMMU alone" \
			untouched "$dev" "$name"
	done
done
ktap_finished
