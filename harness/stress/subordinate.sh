# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# Everything below the port above the device is reset.

subordinate()
{
	write "$PCI/${PORT[$1]}/reset_subordinate" 1
}
