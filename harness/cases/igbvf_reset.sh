#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A VF of igb is reset, with its interface up and down. On the base the second reset never ends.
# topology: sriov
# arches: x86_64
# seconds: 120
# boot: own

. "$KSELFTEST"/pci/lib.sh

ip link set "$(interface "$IGB")" up
echo 2 >"$PCI/$IGB/sriov_numvfs" || skip_all "no VFs on $IGB"
for vf in "$PCI/$IGB"/virtfn*; do
	vfs+=("$(basename "$(readlink "$vf")")")
done
exec "$KSELFTEST"/pci/net_reset_test.sh "${vfs[@]}" flr
