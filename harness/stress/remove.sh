# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# A device is removed, and found again by a scan.

remove()
{
	local ret

	write "$PCI/$2/remove" 1
	ret=$?
	write /sys/bus/pci/rescan 1
	return $ret
}
