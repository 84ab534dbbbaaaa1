# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# A root port is removed with what is below it, and found again by a scan.

ports()
{
	local ret

	write "$PCI/${PORT[$1]}/remove" 1
	ret=$?
	write /sys/bus/pci/rescan 1
	return $ret
}
