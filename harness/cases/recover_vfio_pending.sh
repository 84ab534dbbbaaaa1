#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A VF that is not open in vfio-pci is recovered with its PF, whose driver takes its time. vfio-pci has agreed, for nobody
# uses the VF: so nobody can open it until that is done.
# topology: sriov
# arches: x86_64
# seconds: 120
# boot: own

. "$KSELFTEST"/pci/lib.sh

PF_DRIVER=pci_test_eh
PARAMETERS=/sys/module/$PF_DRIVER/parameters

told()
{
	[ "$(cat $PARAMETERS/detected)" -gt 0 ]
}

open()
{
	"$KSELFTEST"/pci/vfio_open "$vf"
}

refused()
{
	within 10 told || { msg "the PF's driver was not told"; return 1; }
	open | grep -q "open: Device or resource busy" || { msg "it was opened"; return 1; }
	[ -d "/proc/$recovery" ] || { msg "the recovery is over"; return 1; }
}

ktap_print_header
[ -e "$PCI/$IGB/recover" ] || skip_all "no file recover here"
load_module $PF_DRIVER
# Its VFs stay when it is unbound
rebind "$IGB" pci-pf-stub || skip_all "$IGB does not take pci-pf-stub"
echo 0 >"$PCI/$IGB/sriov_drivers_autoprobe"
echo 1 >"$PCI/$IGB/sriov_numvfs" || skip_all "no VF of $IGB"
vf=$(basename "$(readlink "$PCI/$IGB/virtfn0")")
rebind "$IGB" $PF_DRIVER || skip_all "$IGB does not take $PF_DRIVER"
need_vfio "$vf"
echo 3000 >$PARAMETERS/detected_ms
ktap_set_plan 3
write "$PCI/$IGB/recover" 1 &
recovery=$!
check "it can't be opened meanwhile" refused
check "it is recovered with its PF" wait $recovery
check "it can be opened after that" open
ktap_finished
