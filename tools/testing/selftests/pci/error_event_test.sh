#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A disk whose driver has error handlers breaks: on s390 an error event comes for
# it, and its driver gets over it. What it had mapped for DMA before works after
# it, without being mapped again.
#
# Arguments: DEVICE, an NVMe controller
#
# Needs modules/pci_test_dma.c.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

READ_SECONDS=120	# nvme waits a minute for a controller that is silent

disk_identity()
{
	identity "$DEVICE"
	stat -L -c %i "/sys/class/block/${DISK##*/}"
}

reads()
{
	in_time $READ_SECONDS dd if="$DISK" of=/dev/null bs=4096 count=16 \
		iflag=direct status=none && return
	msg "$DISK cannot be read"
	return 1
}

need_devices 1 "${@:1:1}"
DEVICE=${DEVICES[0]}
need_error_events "$DEVICE"
DISK=$(disks "$DEVICE" | head -n 1)
[ -n "$DISK" ] || skip_all "$DEVICE has no disk"
! in_use "$DISK" || skip_all "$DISK is in use"

ktap_print_header
ktap_set_plan 5
before=$(disk_identity)
check "an error event comes" error_event "$DEVICE"
check "its driver is told, and resumes" \
	within 10 in_log "The device is ready to resume operations"
check "the disk can be read" reads
check "no recovery failed" not_in_log "recovery failed"
check "it is the same device and the same disk" \
	test "$(disk_identity)" = "$before"
ktap_finished
