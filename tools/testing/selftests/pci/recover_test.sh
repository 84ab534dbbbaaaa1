#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Recovery in place, by the file "recover" in sysfs: after it there is the same
# device, with the same driver and all that was set for it. Wrong input is
# refused, and nothing is touched.
#
# Arguments: [DEVICE...]

. "$(dirname "$(readlink -f "$0")")"/lib.sh

LONG=$(printf 'x%.0s' {1..4000})
BINARY=$'\x01\xff\x80\x7f'

# recovers DEVICE VALUE...: each is taken, and resets the device
recovers()
{
	local dev=$1 value before

	shift
	before=$(identity "$dev")
	for value in "$@"; do
		trace_clear
		milliseconds fails_with 0 "$PCI/$dev/recover" "$value" || return
		msg "$(printf %q "$value") took $MS ms: $(traced "$dev")"
		[[ "$(traced "$dev")" == *:0 ]] || return
		[ "$(identity "$dev")" = "$before" ] ||
			{ msg "was $before, is $(identity "$dev")"; return 1; }
	done
}

# refused ERRNO DEVICE VALUE...: each is, and nothing is touched
refused()
{
	local error=$1 dev=$2 value before config

	shift 2
	mark "$dev" || { SKIP="no register to mark"; return 1; }
	trace_clear
	before=$(identity "$dev")
	config=$(header "$dev")
	for value in "$@"; do
		fails_with "$error" "$PCI/$dev/recover" "$value" || return
	done
	[ "$(identity "$dev")" = "$before" ] || { msg "was bound anew"; return 1; }
	[ "$(header "$dev")" = "$config" ] || { msg "config changed"; return 1; }
	marked "$dev" || { msg "the mark is gone"; return 1; }
	[ -z "$(traced "$dev")" ] || { msg "$(traced "$dev")"; return 1; }
}

# keeps_header DEVICE
keeps_header()
{
	local before

	before=$(header "$1")
	fails_with 0 "$PCI/$1/recover" 1 && [ "$(header "$1")" = "$before" ]
}

# forgets DEVICE: as if it had reset itself
forgets()
{
	local dev=$1 before at

	before=$(header "$dev")
	config "$dev" 4 2 0
	for ((at = 0x10; at < 0x28; at += 4)); do
		config "$dev" $at 4 0
	done
	[ "$(header "$dev")" != "$before" ] || { SKIP="it has no BAR"; return 1; }
	fails_with 0 "$PCI/$dev/recover" 1 || return
	[ "$(header "$dev")" = "$before" ] && return
	msg "before: $before"
	msg "after: $(header "$dev")"
	return 1
}

# overridden DEVICE: what was set for it stays, and so does its driver
overridden()
{
	local dev=$1 name ret

	name=$(driver "$dev")
	echo "$name" >"$PCI/$dev/driver_override"
	recovers "$dev" 1
	ret=$?
	echo >"$PCI/$dev/driver_override"
	return $ret
}

# unprivileged DEVICE: neither somebody else nor a root that may do nothing
unprivileged()
{
	local file=$PCI/$1/recover

	! setpriv --reuid 65534 --clear-groups sh -c "echo 1 >$file" 2>/dev/null ||
		{ msg "anybody may"; return 1; }
	! setpriv --bounding-set -sys_admin --inh-caps -sys_admin \
		sh -c "echo 1 >$file" 2>/dev/null ||
		{ msg "without CAP_SYS_ADMIN"; return 1; }
}

# disabled DEVICE: what is not in reset_method is not used
disabled()
{
	local ret

	set_methods "$1" ""
	refused ENOTTY "$1" 1
	ret=$?
	set_methods "$1" default
	return $ret
}

need_devices 1 "$@"
need_reset_events
for dev in "${DEVICES[@]}"; do
	[ -e "$PCI/$dev/recover" ] || continue
	keep_methods "$dev"
	add "$dev: recovers and is the same device" recovers "$dev" 1 $'1\n'
	for method in $(methods "$dev"); do
		add "$dev: recovers by $method" recovers "$dev" "$method"
	done
	[ -z "$(methods "$dev")" ] ||
		add "$dev: recovers by names in a list" recovers "$dev" \
			"$(methods "$dev")" " $(methods "$dev") "$'\n'
	add "$dev: keeps its header" keeps_header "$dev"
	add "$dev: comes back after it forgot its header" forgets "$dev"
	[ -z "$(driver "$dev")" ] ||
		add "$dev: keeps driver_override" overridden "$dev"
	add "$dev: wrong input" refused EINVAL "$dev" $'\n' 0 2 -1 "1 1" \
		nonsense "flr nonsense" "$BINARY" "$LONG"
	[ -z "$(methods "$dev")" ] ||
		add "$dev: no method enabled" disabled "$dev"
	add "$dev: without privilege" unprivileged "$dev"
	add "$dev: recovers after all that" recovers "$dev" 1
done
[ ${#TESTS[@]} -gt 0 ] || skip_all "no file recover here"
ktap_print_header
run_tests
