#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A fatal error hits a slot of two functions, one of which has a driver without error handlers: by default both are given
# up, and can be recovered by hand; with recover_on_error both are recovered in place.
# topology: pci
# arches: x86_64
# seconds: 120
# boot: own
# expects: AER:
# expects: pcieport .*: .*
# expects: nvme .*: .*

. "$KSELFTEST"/pci/lib.sh

DRIVER=pci_test_noeh

# error: inject one, and wait for what becomes of it
error()
{
	log_mark
	monitor hmp pcie_aer_inject_error rp2 DLP >/dev/null &&
		within 30 in_log "device recovery (failed|successful)"
}

given_up()
{
	error && in_log "device recovery failed" && in_log "no error_detected callback" && not_in_log "in place"
}

in_place()
{
	error && in_log "recovering in place, for $FUNC1 has no error handlers" &&
		in_log "device recovery successful"
}

identities()
{
	identity "$FUNC0"
	identity "$FUNC1"
}

# same: the devices and their drivers, and the disk can be read
same()
{
	# Before what includes it, to say so if it is that
	[ "$(driver "$FUNC0") $(driver "$FUNC1")" = "nvme $DRIVER" ] ||
		{ msg "drivers: $(driver "$FUNC0") $(driver "$FUNC1")"; return 1; }
	[ "$(identities)" = "$before" ] || { msg "other devices"; return 1; }
	[ "$(header "$FUNC1")" = "$config" ] || { msg "config: $(header "$FUNC1")"; return 1; }
	readable "$FUNC0"
}

bad_input()
{
	local value

	for value in "" 2 maybe -1; do
		fails_with EINVAL "$file" "$value"$'\n' || return
	done
	[ "$(cat "$file")" = 1 ]
}

port=$(basename "$(dirname "$(readlink -f "$PCI/$FUNC0")")")
file=$PCI/$port/recover_on_error
[ -e "$file" ] || skip_all "no file recover_on_error here"
monitor hmp info version >/dev/null || skip_all "no monitor"
load_module "$DRIVER"
keep_driver "$FUNC1"
rebind "$FUNC1" "$DRIVER" || skip_all "$FUNC1 does not take $DRIVER"
before=$(identities)
config=$(header "$FUNC1")
ktap_print_header
ktap_set_plan 8
check "by default the port gives up" given_up
check "recovered by hand: the function without error handlers" fails_with 0 "$PCI/$FUNC1/recover" 1
check "recovered by hand: its sibling" fails_with 0 "$PCI/$FUNC0/recover" 1
check "both work with their drivers" within 20 same
check "recover_on_error can be set" fails_with 0 "$file" 1
check "recover_on_error: wrong input" bad_input
check "the port recovers both in place" in_place
check "both work with their drivers again" within 20 same
ktap_finished
