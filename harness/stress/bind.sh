# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# The driver is taken from the device and bound again.

bind()
{
	write "/sys/bus/pci/drivers/${DRIVER[$1]}/unbind" "$2"
	write "/sys/bus/pci/drivers/${DRIVER[$1]}/bind" "$2"
}
