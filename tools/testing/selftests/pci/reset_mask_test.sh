#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A caller's mask says which resets it can live with. Each method resets a live
# device by mask, and the trace names it; of two methods that are allowed the
# user's order decides; outside the mask nothing is touched.
#
# Arguments: [DEVICE...]
#
# A disk on a device is written to if nothing uses it, and gets its content
# back. Needs modules/pci_test_reset.c.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

ENOTTY=-25
BLOCK=64k

# names METHOD: what a method of reset_method is called in a mask
names()
{
	[ "$1" = bus ] && echo "slot|bus" || echo "$1"
}

# all_but METHOD: the mask of all other methods
all_but()
{
	local name mask=

	for name in $KNOWN_METHODS; do
		[ "$name" = "$1" ] || mask+="|$(names "$name")"
	done
	echo "${mask#|}"
}

# put_data DEVICE: have something on its disk to compare with, in FILE
put_data()
{
	local disk

	DISK=
	for disk in $(disks "$1"); do
		in_use "$disk" || DISK=$disk
	done
	[ -n "$DISK" ] || return 0

	dd if="$DISK" of="$FILE.old" bs=$BLOCK count=1 iflag=direct status=none &&
		dd if=/dev/urandom of="$FILE" bs=$BLOCK count=1 status=none &&
		dd if="$FILE" of="$DISK" bs=$BLOCK oflag=direct status=none
}

# get_data: whether it is still there
get_data()
{
	local ret=0

	[ -n "$DISK" ] || return 0
	dd if="$DISK" of="$FILE.new" bs=$BLOCK count=1 iflag=direct status=none ||
		{ msg "$DISK cannot be read"; return 1; }
	cmp -s "$FILE" "$FILE.new" ||
		{ msg "$DISK has lost what was written"; ret=1; }
	dd if="$FILE.old" of="$DISK" bs=$BLOCK oflag=direct status=none ||
		{ msg "$DISK cannot be written"; ret=1; }
	return $ret
}

# resets CALL DEVICE MASK METHODS: the reset succeeds, by one of these methods
# (a pattern), and the device works
resets()
{
	local call=$1 dev=$2 mask=$3 before bound got

	before=$(header "$dev")
	bound=$(driver "$dev")
	put_data "$dev" || { msg "$DISK cannot be written before"; return 1; }
	trace_clear
	by_mask "$call" "$dev" "$mask" ||
		{ msg "$call $dev $mask: $ERRNO, $(traced '[^ ]*')"; return 1; }
	got=$(traced '[^ ]*')
	msg "$call $dev $mask: $(trace_lines | grep '^pci_reset:' | tail -n 1)"
	[[ $got =~ ^($4):0$ ]] || { msg "the trace says '$got'"; return 1; }

	[ "$before" = "$(header "$dev")" ] ||
		{ msg "its config space is not as before"; return 1; }
	[ "$(driver "$dev")" = "$bound" ] ||
		{ msg "its driver was $bound, is $(driver "$dev")"; return 1; }
	get_data
}

# by_order DEVICE FIRST SECOND: with both allowed, the user's first one runs
by_order()
{
	set_methods "$1" "$2 $3" || { msg "'$2 $3' refused"; return 1; }
	resets function "$1" "$(names "$2")|$(names "$3")" "$(names "$2")"
}

# untouched DEVICE ERRNO TRACE CALL MASK: the reset fails so, and changes
# nothing
untouched()
{
	local dev=$1 error=$2 trace=$3

	shift 3
	mark "$dev" || { SKIP="no register to mark"; return 1; }
	log_mark
	trace_clear
	by_mask "$1" "$dev" "$2"
	[ "$ERRNO" = "$error" ] ||
		{ msg "$* on $dev: $ERRNO, not $error"; return 1; }
	[[ $(traced '[^ ]*') =~ ^$trace$ ]] ||
		{ msg "$*: the trace says '$(traced '[^ ]*')'"; return 1; }
	! was_reset "$dev" || { msg "$*: config space was reset"; return 1; }
	if grep -q "$COMM.* saved: " "$TRACE/trace"; then
		msg "$*: its driver was told, and it was disabled"
		return 1
	fi
}

# outside DEVICE METHOD: with but this method enabled and all others in the mask
outside()
{
	local call

	set_methods "$1" "$2" || { msg "'$2' refused"; return 1; }
	for call in function try locked; do
		untouched "$1" ENOTTY "none:$ENOTTY" $call "$(all_but "$2")" ||
			return
	done
}

# disabled DEVICE: with no method enabled and all in the mask
disabled()
{
	local call

	set_methods "$1" "" || return
	for call in function try locked; do
		untouched "$1" ENOTTY "none:$ENOTTY" $call any || return
	done
}

# invalid DEVICE MASK: every call refuses it
invalid()
{
	local call

	for call in function try locked bus; do
		untouched "$1" EINVAL '(none:-22)?' $call "$2" || return
	done

	# Here it is the module that saves and disables
	by_mask bare "$1" "$2"
	[ "$ERRNO" = EINVAL ] || { msg "bare $2: $ERRNO"; return 1; }
}

need_devices 1 "$@"
need_masks
need_reset_events
need_restore_log
# Every reset begins with it, and our own calls are told from others' by name
kprobe saved pci_save_state || skip_all "pci_save_state cannot be probed"
COMM=$(cat /proc/$$/comm)
FILE=$(mktemp)
undo rm -f "$FILE" "$FILE.old" "$FILE.new"
ktap_print_header

for dev in "${DEVICES[@]}"; do
	[ -e "$PCI/$dev/reset_method" ] || continue
	keep_methods "$dev"
	set_methods "$dev" default
	all=$(methods "$dev")
	scope=$(cat "$PCI/$dev/reset_scope")
	msg "$dev: $all; it may be reset with: ${scope//$'\n'/; }"

	for method in $all; do
		if [ "$method" != bus ]; then
			for call in function try locked; do
				add "$dev: $call resets it by $method" \
					resets $call "$dev" "$method" "$method"
			done
			continue
		fi
		# Alone behind its port, so that function resets may do it
		for link in slot bus; do
			if [[ $'\n'$scope$'\n' != *$'\n'"$link: $dev"$'\n'* ]]; then
				add "$dev: nothing if it has no reset by $link" \
					untouched "$dev" ENOTTY ".*:$ENOTTY" \
					function $link
				continue
			fi
			for call in function try locked; do
				add "$dev: $call resets it by $link" \
					resets $call "$dev" $link $link
			done
		done
	done
	for link in slot bus; do
		[[ $'\n'$scope == *$'\n'"$link: "* ]] || continue
		add "$dev: pci_reset_bus() resets it by $link" \
			resets bus "$dev" $link $link
	done
	add "$dev: pci_reset_bus() resets no function alone" \
		untouched "$dev" ENOTTY "none:$ENOTTY" bus func

	for first in $all; do
		for second in $all; do
			[ "$first" = "$second" ] && continue
			add "$dev: $first before $second" \
				by_order "$dev" "$first" "$second"
		done
	done
	for method in $all; do
		add "$dev: nothing outside the mask, with but $method enabled" \
			outside "$dev" "$method"
	done
	add "$dev: nothing that the user has disabled" disabled "$dev"
	add "$dev: an empty mask is refused" invalid "$dev" 0
	add "$dev: an unknown bit is refused" invalid "$dev" 0x80000000
	add "$dev: an unknown bit beside a known one is refused" \
		invalid "$dev" 0xffffffff
	add "$dev: the default order is accepted again" \
		set_methods "$dev" default
done
run_tests
