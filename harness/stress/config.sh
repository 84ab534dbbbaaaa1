# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# Config space is read through sysfs, all of it.

config()
{
	cat "$PCI/$2/config" >/dev/null 2>&1
}
