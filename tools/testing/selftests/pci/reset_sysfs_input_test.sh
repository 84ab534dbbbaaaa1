#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Wrong input to the files in sysfs that reset, or that say how: the error that
# Documentation/ABI states, and nothing is changed or reset.
#
# Arguments: [DEVICE...]

. "$(dirname "$(readlink -f "$0")")"/lib.sh

LONG=$(printf 'x%.0s' {1..4000})
LONGER=$LONG$LONG
BINARY=$'\x01\xff\x80\x7f'

# refused ERRNO DEVICE FILE VALUE...: each is, and nothing is changed
refused()
{
	local error=$1 dev=$2 file=$3 value before

	shift 3
	mark "$dev" || { SKIP="no register to mark"; return 1; }
	log_mark
	before=$(methods "$dev")
	for value in "$@"; do
		fails_with "$error" "$file" "$value" || return
		[ "$(methods "$dev")" = "$before" ] ||
			{ msg "reset_method is '$(methods "$dev")'"; return 1; }
	done
	! was_reset "$dev" || { msg "config space was reset"; return 1; }
}

# resets DEVICE FILE VALUE...: each is taken, and resets the device
resets()
{
	local dev=$1 file=$2 value

	shift 2
	for value in "$@"; do
		mark "$dev" || { SKIP="no register to mark"; return 1; }
		log_mark
		fails_with 0 "$file" "$value" || return
		was_reset "$dev" || { msg "'$value' has no effect"; return 1; }
	done
}

# takes DEVICE LIST RESULT: reset_method reads so after it
takes()
{
	fails_with 0 "$PCI/$1/reset_method" "$2" || return
	[ "$(methods "$1")" = "$3" ] && return
	msg "wrote '$2', read '$(methods "$1")'"
	return 1
}

# many NAME: more often than there are methods
many()
{
	local i list=

	for ((i = 0; i < 40; i++)); do
		list+="$1 "
	done
	echo "$list"
}

need_devices 1 "$@"
need_restore_log
ktap_print_header

for dev in "${DEVICES[@]}"; do
	dir=$PCI/$dev
	[ -e "$dir/reset" ] || continue
	all=$(methods "$dev")
	first=${all%% *}
	# What a reset is seen by
	for name in $all; do
		[ "$name" = flr ] && first=flr
	done
	keep_methods "$dev"

	file=$dir/reset
	add "$dev: reset: an empty line" refused EINVAL "$dev" "$file" $'\n'
	add "$dev: reset: not a number" refused EINVAL "$dev" "$file" \
		flr "$BINARY" "-1"$'\n'
	add "$dev: reset: another number" refused EINVAL "$dev" "$file" 0 2 0x11
	add "$dev: reset: twice the same" refused EINVAL "$dev" "$file" "1 1" \
		$'1\n1\n'
	add "$dev: reset: very long" refused EINVAL "$dev" "$file" \
		"$LONG" "$LONGER"
	add "$dev: reset: with and without a newline" resets "$dev" "$file" \
		1 $'1\n'

	file=$dir/reset_method
	add "$dev: reset_method: an unknown name" refused EINVAL "$dev" "$file" \
		nonsense slot link any "${first}x" "${first^^}" "$BINARY"
	add "$dev: reset_method: an unknown name among known ones" \
		refused EINVAL "$dev" "$file" "$first nonsense" \
		"nonsense $first" "$first default" "$first,$first"
	add "$dev: reset_method: a name too often" \
		refused EINVAL "$dev" "$file" "$(many "$first")"
	add "$dev: reset_method: very long" refused EINVAL "$dev" "$file" \
		"$LONG" "$LONGER" "$first $LONGER"
	add "$dev: reset_method: twice the same" takes "$dev" "$first $first" \
		"$first $first"
	add "$dev: reset_method: with a newline" takes "$dev" "$first"$'\n' \
		"$first"
	add "$dev: reset_method: 'default' without a newline" \
		takes "$dev" default "$all"
	add "$dev: reset_method: an empty line" takes "$dev" $'\n' ""
	add "$dev: reset: with no method" refused ENOTTY "$dev" "$dir/reset" 1
	add "$dev: reset_method: all of them again" takes "$dev" "$all" "$all"

	[ -e "$dir/reset_scope" ] &&
		add "$dev: reset_scope: cannot be written" refused EACCES \
			"$dev" "$dir/reset_scope" 1 $'\n' "$LONG" "$BINARY"

	file=$(dirname "$(readlink -f "$dir")")/reset_subordinate
	[ -e "$file" ] || continue
	add "$dev: reset_subordinate: an empty line" \
		refused EINVAL "$dev" "$file" $'\n'
	add "$dev: reset_subordinate: not a number" \
		refused EINVAL "$dev" "$file" bus "1 1" "$BINARY"
	add "$dev: reset_subordinate: very long" \
		refused EINVAL "$dev" "$file" "$LONG" "$LONGER"
	add "$dev: reset_subordinate: 0 does nothing" \
		refused 0 "$dev" "$file" 0 $'0\n'
done
run_tests
