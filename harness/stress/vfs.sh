# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
# VFs come and go, and their interrupts are counted anew.

ONLY_vfs=IGB

vfs()
{
	write "$PCI/$2/sriov_numvfs" $((RANDOM % 3))
	write "$PCI/$2/virtfn0/sriov_vf_msix_count" 1
}
