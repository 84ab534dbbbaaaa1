#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A PF driver enables VFs in its probe and disables them in its remove, whoever
# has it probed or removed: bind and unbind, removal of the device, a rescan,
# the load and unload of the driver. Nobody hangs, and nothing is left behind.
#
# Arguments: PF
#
# The PF must have no VFs. It is taken from its driver, and removed and found
# again.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

DRIVER=pci_test_pf
PARAMETERS=/sys/module/$DRIVER/parameters
NUM_VFS=2
ROUNDS=5
LIMIT=60	# seconds, for one step

# has_vfs: bound to the test driver, with VFs
has_vfs()
{
	local vfs=("$PCI/$PF"/virtfn*)

	[ "$(driver "$PF")" = $DRIVER ] && [ -e "${vfs[0]}" ] &&
		[ ${#vfs[@]} = $NUM_VFS ] &&
		[ "$(functions)" = $((FUNCTIONS + NUM_VFS)) ] && return
	msg "$PF: driver '$(driver "$PF")', $(functions) functions," \
		"$FUNCTIONS before"
	return 1
}

# left NUMBER: so many functions are there, none of them a VF of the PF
left()
{
	[ ! -e "$PCI/$PF/virtfn0" ] && [ "$(functions)" = "$1" ] && return
	msg "$(functions) functions, expected $1"
	return 1
}

load()
{
	load_module $DRIVER
	echo "$PF" >$PARAMETERS/claim
	echo $NUM_VFS >$PARAMETERS/num_vfs
}

unload()
{
	[ "$(cat /sys/module/$DRIVER/refcnt)" = 0 ] || return
	in_time $LIMIT unload_module $DRIVER && left "$FUNCTIONS"
}

bind()
{
	in_time $LIMIT rebind "$PF" $DRIVER && has_vfs
}

unbind()
{
	in_time $LIMIT write /sys/bus/pci/drivers/$DRIVER/unbind "$PF" &&
		left "$FUNCTIONS"
}

remove()
{
	in_time $LIMIT write "$PCI/$PF/remove" 1 && [ ! -d "$PCI/$PF" ] &&
		left $((FUNCTIONS - 1))
}

rescan()
{
	in_time $LIMIT write /sys/bus/pci/rescan 1
}

# found: by the rescan, whose probe enables the VFs
found()
{
	rescan && has_vfs
}

# released NUMBER: so many functions, since the trace was cleared
released()
{
	[ "$(trace_lines | grep -c released)" -ge "$1" ]
}

remove_all()
{
	trace_clear
	remove && within 5 released $((NUM_VFS + 1)) && return
	msg "$(trace_lines | grep -c released) functions were released"
	return 1
}

rounds()
{
	local n

	for ((n = 0; n < ROUNDS; n++)); do
		"$@" || { msg "round $n"; return 1; }
	done
}

bind_and_unbind()
{
	bind && unbind
}

remove_and_find()
{
	remove && found
}

unload_and_load()
{
	unload && load && bind
}

restore()
{
	unload_module $DRIVER
	[ -d "$PCI/$PF" ] || rescan
	restore_driver "$PF" "$OLD"
}

need_devices 1 "$@"
PF=${DEVICES[0]}
[ -e "$PCI/$PF/sriov_numvfs" ] || skip_all "$PF has no VFs"
[ "$(cat "$PCI/$PF/sriov_numvfs")" = 0 ] || skip_all "$PF has VFs already"
[ "$(cat "$PCI/$PF/sriov_totalvfs")" -ge $NUM_VFS ] ||
	skip_all "$PF has less than $NUM_VFS VFs"
OLD=$(driver "$PF")
FUNCTIONS=$(functions)
load
undo restore
ktap_print_header

add "a probe enables VFs" bind
add "unbinding disables them" unbind
add "bind and unbind, $ROUNDS times" rounds bind_and_unbind
add "bind again" bind
add "the PF is removed with them" remove
add "a rescan probes the PF, which enables VFs" found
need_tracing
if kprobe released pci_release_dev; then
	add "removed again, all are released" remove_all
	add "found again" found
fi
add "remove and rescan, $ROUNDS times" rounds remove_and_find
add "unload with VFs and load, $ROUNDS times" rounds unload_and_load
add "unload with VFs" unload
add "a rescan finds nothing" eval "rescan && left $FUNCTIONS"
run_tests
