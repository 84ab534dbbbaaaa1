#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A PF whose driver enables VFs in its probe and disables them in its remove is unplugged by the slot's button, and
# plugged in again: the slot's thread is who calls both. Likewise where the slot is switched off.
# topology: sriov_hotplug
# arches: x86_64
# seconds: 300
# boot: own

. "$KSELFTEST"/pci/lib.sh

ROUNDS=3
DRIVER=pci_test_pf
POWER=/sys/bus/pci/slots/1/power

has_vfs()
{
	[ "$(driver "$IGB")" = $DRIVER ] && [ "$(functions)" = $((before + 2)) ]
}

gone()
{
	[ "$(functions)" = $((before - 1)) ]
}

press()
{
	monitor device_del id=igb >/dev/null
}

# The button is pressed, and five seconds later the slot is off. While it is still being switched on, QEMU does not press,
# and pciehp does not switch.
unplug()
{
	within 60 press && within 60 gone
}

# QEMU takes a device away when its slot is switched off, as it is after the button
switch_off()
{
	within 60 in_time 60 write $POWER 0 && gone
}

add_device()
{
	monitor device_add driver=igb id=igb bus=rp1 >/dev/null
}

plug()
{
	within 20 add_device && within 60 has_vfs
}

rounds()
{
	local n

	for ((n = 0; n < ROUNDS; n++)); do
		"$1" && "$2" || return
	done
}

unload()
{
	in_time 60 rmmod $DRIVER && [ "$(functions)" = "$before" ]
}

ktap_print_header
monitor hmp info version >/dev/null || skip_all "no monitor"
[ -e $POWER ] || skip_all "no slot 1"
before=$(functions)
load_module $DRIVER
echo "$IGB" >/sys/module/$DRIVER/parameters/claim
rebind "$IGB" $DRIVER || skip_all "$IGB does not take $DRIVER"
ktap_set_plan 5
check "a probe enables VFs" has_vfs
check "unplugged by the button and plugged in, $ROUNDS times" rounds unplug plug
check "switched off and plugged in, $ROUNDS times" rounds switch_off plug
check "nobody holds the driver" test "$(cat /sys/module/$DRIVER/refcnt)" = 0
check "the driver is unloaded, and no VFs are left" unload
ktap_finished
