# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# A device is recovered in place, which needs the file recover in sysfs: where that is not, as on the base, no try is
# accepted.

recover()
{
	write "$PCI/$2/recover" 1
}
