#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A PF is recovered over and over while something else happens to it: nothing hangs, nothing is reported, and it can be
# bound, recovered and reset after it.
# topology: sriov_hotplug
# arches: x86_64
# kernel: debug
# seconds: 900
# length: 7200
# parts: again removed rescan unbound reset vfs other pulled unloaded
# boot: own
# expects: igb .*: .*
# expects: pci_test_noeh .*

. "$KSELFTEST"/pci/lib.sh
# shellcheck source=../bin/meets
. meets

MOST_SECONDS=$((AT_LENGTH + 300))
# But for "pulled", which takes too long for a sample
PARTS=${PART:-again removed rescan unbound reset vfs other unloaded}
STUB=pci_test_noeh

vfs()
{
	write "$PCI/$dev/sriov_numvfs" 2
	write "$PCI/$dev/sriov_numvfs" 0
}

# other: somebody wants another driver to have it
other()
{
	write "$PCI/$dev/driver_override" $STUB
	write /sys/bus/pci/drivers/$STUB/bind "$dev"
	write "$PCI/$dev/driver_override" ""
}

unloaded()
{
	rmmod $STUB 2>/dev/null
	insmod "$KSELFTEST/pci/modules/$STUB.ko" 2>/dev/null
}

plug()
{
	monitor device_add driver=igb "id=igb1" bus=rp4 >/dev/null
}

# pulled: without asking, and somebody plugs it in again. Then it is left alone, as above.
pulled()
{
	pull "$dev" 2>/dev/null
	within 20 plug && within 20 test -d "$PCI/$dev"
	pause
}

healed()
{
	[ -d "$PCI/$dev" ] || write /sys/bus/pci/rescan 1
	[ "$(driver "$dev")" = "$1" ] || write "/sys/bus/pci/drivers/$1/bind" "$dev"
	[ "$(driver "$dev")" = "$1" ] && write "$PCI/$dev/recover" 1
}

# against PART
against()
{
	case $1 in
	# QEMU lets go of it at once, as its port has no power controller
	pulled) dev=$IGB1 && meets igb pulled ;;
	unbound) meets igb unbound igb ;;
	unloaded) rebind "$dev" $STUB && meets $STUB unloaded ;;
	*) meets igb "$1" ;;
	esac
}

dev=$IGB
[ -e "$PCI/$dev/recover" ] || skip_all "no file recover here"
load_module $STUB
ktap_print_header
ktap_set_plan "$(($(wc -w <<<"$PARTS") + 1))"
for part in $PARTS; do
	check "recovery against: $part" in_time $MOST_SECONDS against "$part"
done
# virtcons_restore() asks the host for its state before there are buffers for the answer: now and then it gets none
skip "recovery against: suspended" "virtio_console loses the line to the host as it resumes"
ktap_finished
