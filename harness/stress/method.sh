# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# The order of reset methods is written and read.

method()
{
	local orders=(default flr bus pm "bus flr" "flr bus" "")

	methods "$2" >/dev/null
	set_methods "$2" "${orders[RANDOM % ${#orders[@]}]}"
}
