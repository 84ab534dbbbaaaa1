#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# reset_scope names what a reset changes: a PF with two VFs, and one of them.
# topology: sriov
# arches: x86_64
# seconds: 300
# boot: own

. "$KSELFTEST"/pci/lib.sh

echo 0 >"$PCI/$IGB/sriov_drivers_autoprobe"
echo 2 >"$PCI/$IGB/sriov_numvfs" || skip_all "no VFs on $IGB"
exec "$KSELFTEST"/pci/reset_scope_test.sh "$IGB" "$(basename "$(readlink "$PCI/$IGB/virtfn1")")"
