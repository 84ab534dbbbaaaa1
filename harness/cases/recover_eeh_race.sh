#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# EEH recovers a PE while its device is unbound, removed, unplugged, rescanned, reset or recovered by the user: nothing
# hangs, nothing is reported, and the device is there, bound and recovered after it.
# topology: eeh
# arches: ppc64le
# kernel: debug
# seconds: 900
# length: 3600
# parts: unbound removed unplugged rescan reset recover
# boot: own
# expects: .*EEH: .*
# expects: nvme .*: .*
# expects: pci_test_noeh .*

. "$KSELFTEST"/pci/lib.sh

EEH=/sys/kernel/debug/powerpc
STUB=pci_test_noeh
HANG_SECONDS=60
PARTS=${PART:-unbound removed unplugged rescan reset recover}
ROUNDS=5
[ -z "$AT_LENGTH" ] || ROUNDS=100 AT_LENGTH=	# of each

event()
{
	write $EEH/eeh_force_recover "$pe"
}

# over: the PE is not being recovered (EEH_PE_RECOVERING), or nothing can be said as the device is gone
over()
{
	local state

	state=$(cut -d ' ' -f 2 "$PCI/$dev/eeh_pe_state" 2>/dev/null)
	[ -z "$state" ] || [ "$((state & 2))" = 0 ]
}

unbound()
{
	write "$PCI/$dev/driver/unbind" "$dev"
	write /sys/bus/pci/drivers_probe "$dev"
}

removed()
{
	write "$PCI/$dev/remove" 1
	write /sys/bus/pci/rescan 1
}

# unplugged: by the power of its slot, as nothing here pulls a device
unplugged()
{
	write "$slot/power" 0
	write "$slot/power" 1
}

rescan()
{
	write /sys/bus/pci/rescan 1
}

reset()
{
	write "$PCI/$dev/reset" 1
}

recover()
{
	write "$PCI/$dev/recover" 1
}

healed()
{
	[ -d "$PCI/$dev" ] || write /sys/bus/pci/rescan 1
	[ -d "$PCI/$dev" ] || return
	# One that was removed has no driver_override, and its own driver again
	[ "$(driver "$dev")" = "$1" ] || rebind "$dev" "$1"
	[ "$(driver "$dev")" = "$1" ] && [ -e "$PCI/$dev/eeh_pe_config_addr" ]
}

# round DRIVER COMMAND: an event, the command in the midst of it, then all is well
round()
{
	event
	sleep 0.$((RANDOM % 4))$((RANDOM % 10))
	"$2"
	within $HANG_SECONDS over || { msg "not over after $HANG_SECONDS s"; return 1; }
	within 20 healed "$1"
}

# meets DRIVER COMMAND: over and over
meets()
{
	[ "$(driver "$dev")" = "$1" ] || rebind "$dev" "$1"
	over_and_over $ROUNDS round "$@"
}

dev=$NVME
[ -e "$PCI/$dev/eeh_pe_config_addr" ] || skip_all "no EEH"
load_module $STUB
write $EEH/eeh_max_freezes 100000
pe=$(printf '%x:%x' "0x${dev%%:*}" "$(cat "$PCI/$dev/eeh_pe_config_addr")")
slot=$(slot_of "$dev")
[ -e "$slot/power" ] || skip_all "no slot whose power can be cut"
ktap_print_header
ktap_set_plan "$((2 * $(wc -w <<<"$PARTS") + 1))"
for driver in $STUB nvme; do
	for what in $PARTS; do
		check "EEH against: $what, driver $driver" in_time $((300 + 15 * ROUNDS)) meets "$driver" "$what"
	done
done
skip "EEH against: VFs" "VF BARs of QEMU's devices are smaller than a page here, which sriov_init() refuses"
ktap_finished
