# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# A function is reset through sysfs.

reset()
{
	write "$PCI/$2/reset" 1
}
