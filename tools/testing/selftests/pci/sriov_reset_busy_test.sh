#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A PF is not reset while a VF of it is used by someone who could not be told:
# user space by vfio-pci, or a driver while the PF's driver has no callbacks for
# resets. The answer is EBUSY and nothing is touched.
#
# Arguments: PF
#
# The PF must have no VFs. It is taken from its driver meanwhile.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

MASTER=4

# make_vfs: two, without drivers
make_vfs()
{
	local vf

	VFS=()
	write "$PCI/$PF/sriov_numvfs" 2 || return
	for vf in "$PCI/$PF"/virtfn*; do
		VFS+=("$(basename "$(readlink "$vf")")")
	done
	MARK_AT=()
}

no_vfs()
{
	local vf

	for vf in "${VFS[@]}"; do
		restore_driver "$vf" ""
	done
	write "$PCI/$PF/sriov_numvfs" 0
}

# stub: have the PF bound to a driver that knows nothing of resets
stub()
{
	rebind "$PF" pci-pf-stub && make_vfs
}

# busy COMMAND...: the reset ends with EBUSY, no function is touched
busy()
{
	local fn before=()

	for fn in "$PF" "${VFS[@]}"; do
		mark "$fn" || { msg "$fn: no register to mark"; return 1; }
		before+=("$(config "$fn" 4 2)")
	done
	log_mark
	"$@"
	if [ "$ERRNO" != EBUSY ]; then
		msg "the reset: $ERRNO, not EBUSY; COMMAND of the first VF" \
			"before: ${before[1]}, after: $(config "${VFS[0]}" 4 2)"
		return 1
	fi
	for fn in "$PF" "${VFS[@]}"; do
		! was_reset "$fn" || { msg "$fn: was reset"; return 1; }
		[ "$(config "$fn" 4 2)" = "${before[0]}" ] ||
			{ msg "$fn: COMMAND has changed"; return 1; }
		before=("${before[@]:1}")
	done
}

# idle COMMAND...: the reset succeeds, and the VFs have their state again
idle()
{
	local vf

	for vf in "${VFS[@]}"; do
		config "$vf" 4 2 $MASTER
	done
	"$@"
	[ "$ERRNO" = 0 ] || { msg "the reset: $ERRNO"; return 1; }
	for vf in "${VFS[@]}"; do
		[ "$(config "$vf" 4 2)" = $MASTER ] && continue
		msg "$vf: COMMAND is $(config "$vf" 4 2), was $MASTER"
		return 1
	done
}

by_sysfs()
{
	errno "$PCI/$PF/reset" 1
}

by_port()
{
	errno "$(dirname "$(readlink -f "$PCI/$PF")")/reset_subordinate" 1
}

bind_vf()
{
	keep_driver "${VFS[0]}"
	rebind "${VFS[0]}" "$1"
}

open_vf()
{
	local tries=100

	bind_vf vfio-pci || return
	: >"$FILE"
	"$DIR"/vfio_open -w "${VFS[0]}" >"$FILE" &
	OPENER=$!
	undo kill "$OPENER"
	while ! grep -q open$ "$FILE"; do
		sleep 0.1
		[ $((tries--)) -gt 0 ] || { cat "$FILE"; return 1; }
	done
}

close_vf()
{
	kill "$OPENER"
	wait "$OPENER" 2>/dev/null
	return 0
}

# ways WHAT COMMAND: for each call that resets the PF
ways()
{
	add "$2: sysfs reset" "$1" by_sysfs
	add "$2: reset_subordinate of the port" "$1" by_port
	[ -n "$MASKS" ] || return
	for call in function try locked bus; do
		mask=any
		[ "$call" = bus ] && mask="link"
		add "$2: $call" "$1" by_mask $call "$PF" $mask
	done
}

need_devices 1 "$@"
PF=${DEVICES[0]}
[ -e "$PCI/$PF/sriov_numvfs" ] || skip_all "$PF has no VFs"
[ "$(cat "$PCI/$PF/sriov_numvfs")" = 0 ] || skip_all "$PF has VFs already"
modprobe -q pci-pf-stub
modprobe -q vfio-pci
[ -d /sys/bus/pci/drivers/pci-pf-stub ] || skip_all "no pci-pf-stub driver"
load_module pci_test_noeh
need_restore_log
load_module pci_test_reset
by_mask function "$PF" 0
[ "$ERRNO" = EOPNOTSUPP ] && MASKS= || MASKS=1
FILE=$(mktemp)
undo rm -f "$FILE"
keep_driver "$PF"
undo write "$PCI/$PF/sriov_drivers_autoprobe" 1
echo 0 >"$PCI/$PF/sriov_drivers_autoprobe"
undo no_vfs
ktap_print_header

add "a PF without callbacks, two VFs" stub
ways idle "VFs without drivers"
add "a driver for a VF" bind_vf pci_test_noeh
ways busy "a VF in use, a PF without callbacks"
add "no VFs again" no_vfs
add "the PF's own driver" restore_driver "$PF" "$(driver "$PF")"
add "two VFs of it" make_vfs
if [ -d /sys/bus/pci/drivers/vfio-pci ]; then
	add "a VF is opened by vfio-pci" open_vf
	ways busy "a VF that user space has open"
	add "it is closed" close_vf
	add "then the PF is reset" write "$PCI/$PF/reset" 1
fi
run_tests
