#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# reset_scope names the functions that a reset touches: every function of the
# machine gets a mark into its config space, the reset is done, and those whose
# mark it cleared must be the ones that are named, and no others.
#
# Arguments: [DEVICE...]
#
# VFs of a device are taken from their drivers meanwhile: their config space
# has no other register to mark than one of MSI-X. Needs
# modules/pci_test_reset.c.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

# scope DEVICE NAME: the functions on the line of that name
scope()
{
	sed -n "s/^$2: //p" "$PCI/$1/reset_scope"
}

is_bridge()
{
	[[ $(cat "$PCI/$1/class") == 0x0604* ]]
}

# reset_by DEVICE NAME: in the way the line means
reset_by()
{
	case $2 in
	slot | bus) by_mask bus "$1" "$2" ;;
	*) by_mask function "$1" "$2" ;;
	esac
}

# exact DEVICE NAME
exact()
{
	local dev=$1 name=$2 named fn wrong=0 back touched=()

	named=" $(scope "$dev" "$name") "
	MARKED=()
	for fn in "$PCI"/*; do
		fn=${fn##*/}
		if mark "$fn"; then
			MARKED+=("$fn")
		elif [[ $named == *" $fn "* ]]; then
			msg "$fn has no register to mark"
			wrong=1
		fi
	done

	log_mark
	reset_by "$dev" "$name" || { msg "$name: $ERRNO"; return 1; }
	back=" $(restored | paste -sd ' ') "
	for fn in "${MARKED[@]}"; do
		if ! marked "$fn" || [[ $back == *" $fn "* ]]; then
			touched+=("$fn")
			[[ $named == *" $fn "* ]] && continue
			msg "$name resets $fn, which reset_scope does not name"
			wrong=1
		elif [[ $named == *" $fn "* ]]; then
			MISSED+=" $fn"
		fi
	done
	msg "$dev: $name: ${#MARKED[@]} functions marked, reset: ${touched[*]}"
	return $wrong
}

# names_all DEVICE NAME: the line is what the reset does
names_all()
{
	MISSED=
	if [ "$2" != slot ] && [ "$2" != bus ] && is_bridge "$1"; then
		# PCIe r6.0 has no FLR of bridges; QEMU resets what is below
		SKIP="a function reset of a bridge is not defined"
		return 1
	fi
	exact "$@" || return
	[ -z "$MISSED" ] && return
	if [ "$2" = pm ] && [[ "$MISSED " == " $1 "* ]]; then
		SKIP="$1 keeps its config space over D3hot"
		return 1
	fi
	msg "$2 resets nothing of$MISSED, which reset_scope names"
	return 1
}

# well_formed DEVICE: a line a method, each with the function itself
well_formed()
{
	local line name bdf='[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]'
	local seen=" "

	while read -r line; do
		[[ $line =~ ^([a-z_]+):(\ $bdf)+$ ]] ||
			{ msg "not a line of it: '$line'"; return 1; }
		name=${BASH_REMATCH[1]}
		[[ $seen != *" $name "* ]] ||
			{ msg "$name has two lines"; return 1; }
		seen+="$name "
		[[ " ${line#*: } " == *" $1 "* ]] ||
			{ msg "$1 is not in '$line'"; return 1; }
	done <"$PCI/$1/reset_scope"
}

# same_methods DEVICE: function resets are those of reset_method
same_methods()
{
	local name

	for name in $(methods "$1"); do
		[ "$name" = bus ] && continue
		[ -n "$(scope "$1" "$name")" ] ||
			{ msg "no line for $name"; return 1; }
	done
}

# alone DEVICE: it offers "bus" only if that touches nothing else, but its VFs
alone()
{
	local name own fn

	[[ " $(methods "$1") " == *" bus "* ]] || return 0
	own=" $1 $(cat "$PCI/$1"/virtfn*/uevent 2>/dev/null |
		sed -n 's/^PCI_SLOT_NAME=//p' | paste -sd ' ') "
	for name in slot bus; do
		[ -n "$(scope "$1" $name)" ] || continue
		for fn in $(scope "$1" $name); do
			[[ $own == *" $fn "* ]] || continue 2
		done
		return 0
	done
	msg "reset_method offers bus: $(scope "$1" slot); $(scope "$1" bus)"
	return 1
}

# vfs_follow DEVICE: its VFs are in each line, after it
vfs_follow()
{
	local vf line

	while read -r line; do
		for vf in "$PCI/$1"/virtfn*; do
			vf=$(basename "$(readlink "$vf")")
			[[ "$line " == *" $1 "*"$vf "* ]] ||
				{ msg "no $vf after $1 in '$line'"; return 1; }
		done
	done <"$PCI/$1/reset_scope"
}

need_devices 1 "$@"
[ -e "$PCI/${DEVICES[0]}/reset_scope" ] ||
	skip_all "this kernel has no reset_scope"
need_masks
need_restore_log
ktap_print_header

for dev in "${DEVICES[@]}"; do
	[ -e "$PCI/$dev/reset_method" ] &&
		keep_methods "$dev" && set_methods "$dev" default
	add "$dev: a line a method, each with the function" well_formed "$dev"
	add "$dev: every method that it has, and that is not a link's" \
		same_methods "$dev"
	add "$dev: reset_method offers bus only if that touches nothing else" \
		alone "$dev"
	if [ -e "$PCI/$dev/virtfn0" ]; then
		for vf in "$PCI/$dev"/virtfn*; do
			vf=$(basename "$(readlink "$vf")")
			keep_driver "$vf"
			[ -e "$PCI/$vf/driver" ] &&
				echo "$vf" >"$PCI/$vf/driver/unbind"
		done
		add "$dev: its VFs come after it" vfs_follow "$dev"
	fi
	while read -r name _; do
		add "$dev: $name is what a reset changes" \
			names_all "$dev" "${name%:}"
	done <"$PCI/$dev/reset_scope"
done
run_tests
