#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What Documentation/ABI says about reset_method: names, order, "default", the
# empty list, and that a refused list changes nothing.
#
# Arguments: [DEVICE...]

. "$(dirname "$(readlink -f "$0")")"/lib.sh

# in_order LIST: known names only, in the order in which the kernel tries them
in_order()
{
	local name rest=" $KNOWN_METHODS "

	for name in $1; do
		case $rest in
		*" $name "*) rest=" ${rest#*" $name "}" ;;
		*) return 1 ;;
		esac
	done
}

# accepts DEVICE LIST [RESULT]: after the write, reading gives the result
accepts()
{
	local got

	set_methods "$1" "$2" || { msg "'$2' refused"; return 1; }
	got=$(methods "$1")
	[ "$got" = "${3-$2}" ] || { msg "wrote '$2', read '$got'"; return 1; }
}

# each_accepted DEVICE LIST: every name that is shown is also taken
each_accepted()
{
	local name

	for name in $2; do
		accepts "$1" "$name" || return
	done
}

# refuses DEVICE LIST: the write fails with EINVAL and changes nothing
refuses()
{
	local before error

	before=$(methods "$1")
	error=$( { LC_ALL=C printf '%s\n' "$2" >"$PCI/$1/reset_method"; } 2>&1)
	[[ $error == *"Invalid argument"* ]] ||
		{ msg "'$2': ${error:-accepted}"; return 1; }
	[ "$(methods "$1")" = "$before" ] ||
		{ msg "'$2' changed the list"; return 1; }
}

# refuses_unsupported DEVICE LIST: names that exist, but not on this device
refuses_unsupported()
{
	local name

	for name in $KNOWN_METHODS; do
		[[ " $2 " == *" $name "* ]] && continue
		refuses "$1" "$name" || return
	done
}

reversed()
{
	local name list=

	for name in $1; do
		list="$name${list:+ $list}"
	done
	echo "$list"
}

need_devices 1 "$@"
ktap_print_header

found=()
for dev in "${DEVICES[@]}"; do
	[ -e "$PCI/$dev/reset_method" ] && found+=("$dev")
done
[ "${#found[@]}" -gt 0 ] || skip_all "none of ${DEVICES[*]} can be reset"
ktap_set_plan $((${#found[@]} * 9))

for dev in "${found[@]}"; do
	keep_methods "$dev"
	all=$(methods "$dev")
	msg "$dev: $all"

	check "$dev: known names in the kernel's order" in_order "$all"
	check "$dev: every name that is shown is taken" each_accepted "$dev" "$all"
	check "$dev: the whole list, reversed" \
		accepts "$dev" "$(reversed "$all")"
	check "$dev: blanks around names" accepts "$dev" "  ${all// /  } " "$all"
	check "$dev: an empty list disables reset" accepts "$dev" "" ""
	check "$dev: 'default' brings them back" accepts "$dev" default "$all"
	check "$dev: an unknown name is refused" refuses "$dev" nonsense
	check "$dev: an unknown name after a known one is refused" \
		refuses "$dev" "${all%% *} nonsense"
	check "$dev: what the device cannot do is refused" \
		refuses_unsupported "$dev" "$all"
done
ktap_finished
