#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The reset of a PF takes its VFs along. Their drivers must be told, and get
# them back as they were: two VFs that talk to each other do so again after it.
#
# Arguments: PF
#
# The PF is a network card without VFs, whose driver can make two with a network
# interface each. It must pass packets from one to the other by itself. All
# three interfaces sit in network namespaces of their own meanwhile.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

# callback DEVICE PATTERN: a function of its driver
callback()
{
	awk -v pattern="^$(driver "$1" | tr - _)_.*$2$" \
		'tolower($2) == "t" && $3 ~ pattern { print $3; exit }' \
		/proc/kallsyms
}

# state DEVICE: the registers that its driver has set, and a reset clears
state()
{
	local msix

	msix=$(capability "$1" $CAP_MSIX)
	printf 'COMMAND %#06x, MSI-X control %#06x\n' "$(config "$1" 4 2)" \
		"$(config "$1" $((msix + MSIX_FLAGS)) 2)"
}

calls()
{
	trace_lines | grep -c "^$1: "
}

# pf_reset COMMAND...: by this, while the VFs talk
pf_reset()
{
	local ret pinger

	for vf in "${VFS[@]}"; do
		BEFORE[$vf]=$(state "$vf")
	done
	ip netns exec "$NS"a ping -q -i 0.05 "$NET".2 >/dev/null &
	pinger=$!
	sleep 0.5
	trace_clear
	log_mark
	milliseconds "$@"
	ret=$?
	msg "${*##*/} took $MS ms"
	for vf in "${VFS[@]}"; do
		NOW[$vf]=$(state "$vf")
	done
	sleep 0.5
	kill "$pinger"
	wait "$pinger" 2>/dev/null
	return $ret
}

told()
{
	local what ret=0

	for what in prepare "done"; do
		[ "$(calls "vf_$what")" = "${#VFS[@]}" ] && continue
		msg "reset_$what was called for $(calls "vf_$what") of" \
			"${#VFS[@]} VFs"
		ret=1
	done
	return $ret
}

# in_order: VFs are told first, the PF's driver is done first
in_order()
{
	local order

	order=$(trace_lines | grep -E '^(pf|vf)_' | cut -d: -f1 | paste -sd ' ')
	[ "$order" = "vf_prepare vf_prepare pf_prepare pf_done vf_done vf_done" ] &&
		return
	msg "called: ${order:-nothing}"
	return 1
}

as_before()
{
	local vf ret=0

	for vf in "${VFS[@]}"; do
		[ "${NOW[$vf]}" = "${BEFORE[$vf]}" ] && continue
		msg "$vf: ${BEFORE[$vf]} before, ${NOW[$vf]} after"
		ret=1
	done
	return $ret
}

work_again()
{
	answers "$NS"a "$NET".2 && answers "$NS"b "$NET".1 &&
		not_in_log "PCIe link lost"
}

# no_link_reset: what a VF offers must not reset its PF and the other VFs
no_link_reset()
{
	local vf

	for vf in "${VFS[@]}"; do
		[[ " $(methods "$vf") " != *" bus "* ]] ||
			{ msg "$vf offers '$(methods "$vf")'"; return 1; }
	done
}

# way NAME COMMAND...: the tests of one way to reset the PF
way()
{
	local name="$1"

	shift
	add "$name: the PF is reset" pf_reset "$@"
	add "$name: the VFs' drivers are told, before and after" told
	add "$name: the PF's driver is done before the VFs' are" in_order
	add "$name: the VFs' config space is as before" as_before
	add "$name: the VFs talk to each other again" work_again
	add "$name: the PF talks to them again" answers "$NS"p "$NET".1
}

vf_link()
{
	ip -n "$NS"b link set "$VF_NAME" "$1"
}

# way_down COMMAND...: a VF's driver has no open interface to care for
way_down()
{
	add "with that: the PF is reset" pf_reset "$@"
	add "with that: the VFs' drivers are told, before and after" told
	add "with that: the VFs' config space is as before" as_before
	add "the VF's interface goes up" vf_link up
	add "with that: the VFs talk to each other again" work_again
}

need_devices 1 "$@"
PF=${DEVICES[0]}
declare -A BEFORE NOW
NS=pci-selftest-
NET=192.0.2
[ -e "$PCI/$PF/sriov_numvfs" ] || skip_all "$PF has no VFs"
[ "$(cat "$PCI/$PF/sriov_numvfs")" = 0 ] || skip_all "$PF has VFs already"
need_tracing
ktap_print_header

settle "$PF" "$NS"p "$NET".3
write "$PCI/$PF/sriov_numvfs" 2 || skip_all "$PF makes no two VFs"
undo write "$PCI/$PF/sriov_numvfs" 0
for vf in "$PCI/$PF"/virtfn*; do
	VFS+=("$(basename "$(readlink "$vf")")")
done
VF_NAME=$(interface "${VFS[1]}")
settle "${VFS[0]}" "$NS"a "$NET".1
settle "${VFS[1]}" "$NS"b "$NET".2
for vf in "${VFS[@]}"; do
	[ -n "$(driver "$vf")" ] || skip_all "$vf has no driver"
done
answers "$NS"a "$NET".2 || skip_all "the VFs do not reach each other"
answers "$NS"p "$NET".1 || skip_all "the PF does not reach its VFs"

if ! kprobe vf_prepare "$(callback "${VFS[0]}" '_prepare')" ||
   ! kprobe vf_done "$(callback "${VFS[0]}" 'reset_done')"; then
	skip_all "$(driver "${VFS[0]}") has no reset callbacks"
fi
name=$(callback "$PF" 'reset_prepare')
[ -n "$name" ] && kprobe pf_prepare "$name"
name=$(callback "$PF" 'reset_(done|outcome)')
[ -n "$name" ] && kprobe pf_done "$name"

add "a VF does not offer to reset the link" no_link_reset
keep_methods "$PF"
for method in $(methods "$PF"); do
	# A link is not reset for one of several functions behind it
	[ "$method" = bus ] && continue
	add "$method: is chosen" set_methods "$PF" "$method"
	way "$method" write "$PCI/$PF/reset" 1
done
port=$(dirname "$(readlink -f "$PCI/$PF")")
[ -e "$port/reset_subordinate" ] &&
	way "reset_subordinate" write "$port/reset_subordinate" 1
add "one VF's interface goes down" vf_link down
way_down write "$PCI/$PF/reset" 1
run_tests
