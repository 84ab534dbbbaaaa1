#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every reset method that a device offers resets it: the write succeeds, the
# device answers as before, and its driver is still bound.
#
# Arguments: [DEVICE...]

. "$(dirname "$(readlink -f "$0")")"/lib.sh

# reset_by DEVICE METHOD
reset_by()
{
	local dev=$1 method=$2 before after bound

	set_methods "$dev" "$method" || { msg "'$method' refused"; return 1; }
	before=$(header "$dev")
	bound=$(driver "$dev")
	milliseconds write "$PCI/$dev/reset" 1 ||
		{ msg "the reset failed after $MS ms"; return 1; }
	msg "$dev: $method took $MS ms"
	after=$(header "$dev")
	if [ "$before" != "$after" ]; then
		msg "config space before: $before"
		msg "config space after:  $after"
		return 1
	fi
	[ "$(driver "$dev")" = "$bound" ] ||
		{ msg "the driver was $bound, is $(driver "$dev")"; return 1; }
}

# refused DEVICE: with all methods disabled
refused()
{
	set_methods "$1" "" || return
	! write "$PCI/$1/reset" 1
}

need_devices 1 "$@"
ktap_print_header

tests=0
for dev in "${DEVICES[@]}"; do
	[ -e "$PCI/$dev/reset_method" ] || continue
	for method in $(methods "$dev") refused default; do
		tests=$((tests + 1))
	done
done
[ "$tests" -gt 0 ] || skip_all "none of ${DEVICES[*]} can be reset"
ktap_set_plan "$tests"

for dev in "${DEVICES[@]}"; do
	[ -e "$PCI/$dev/reset_method" ] || continue
	all=$(methods "$dev")
	keep_methods "$dev"
	for method in $all; do
		check "$dev: reset by $method" reset_by "$dev" "$method"
	done
	check "$dev: no reset when all methods are disabled" refused "$dev"
	set_methods "$dev" default
	check "$dev: reset in the default order" write "$PCI/$dev/reset" 1
done
ktap_finished
