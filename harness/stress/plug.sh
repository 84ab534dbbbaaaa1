# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
# A device is unplugged and plugged in again, by QEMU's monitor: native hotplug, with its button and its five seconds.

ONLY_plug=VFIO

# Its own disk goes with it
monitor '{"execute": "blockdev-add", "arguments": {"driver": "null-co", "node-name": "null", "size": 67108864}}' >/dev/null

plug()
{
	local n

	monitor device_del id=v0 >/dev/null || return
	# It stays if something else undid the button meanwhile
	for ((n = 0; n < 24; n++)); do
		plug_in && return
		sleep 0.5
	done
	return 1
}

# Fails where it is plugged in already
plug_in()
{
	monitor device_add driver=nvme id=v0 serial=v0 bus=rp5 drive=null >/dev/null
}
HEAL=plug_in
