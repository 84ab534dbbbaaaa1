#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A disk is recovered with a file system mounted on it, while that is written
# and read: the same disk is there after it, and nobody has seen an error.
#
# Arguments: DEVICE [ROUNDS]
#
# The disk of DEVICE is overwritten.

. "$(dirname "$(readlink -f "$0")")"/lib.sh

# disk_identity: what must be the same of the device, and of its disk
disk_identity()
{
	identity "$DEVICE"
	stat -L -c %i "/sys/class/block/${DISK##*/}"
	cat "/sys/class/block/${DISK##*/}/dev"
}

recover_all()
{
	local i

	for ((i = 0; i < ROUNDS; i++)); do
		sleep 1
		milliseconds fails_with 0 "$PCI/$DEVICE/recover" 1 || return
		msg "$DEVICE: recovered in $MS ms"
	done
}

# no_io_error: fio is done, and has verified what it wrote
no_io_error()
{
	wait "$FIO"
	local ret=$?

	sed 's/^/# /' /tmp/recover_fio
	return $ret
}

clean()
{
	umount "$MOUNT" && e2fsck -f -n "$DISK" >/tmp/recover_fsck 2>&1 && return
	sed 's/^/# /' /tmp/recover_fsck
	return 1
}

need_devices 1 "${@:1:1}"
DEVICE=${DEVICES[0]}
ROUNDS=${2:-3}
[ -e "$PCI/$DEVICE/recover" ] || skip_all "no file recover here"
DISK=$(disks "$DEVICE" | head -n 1)
[ -n "$DISK" ] || skip_all "$DEVICE has no disk"
! in_use "$DISK" || skip_all "$DISK is in use"
command -v fio >/dev/null || skip_all "no fio"
MOUNT=$(mktemp -d)
undo rmdir "$MOUNT"
mke2fs -q -t ext4 "$DISK" || skip_all "no file system can be made on $DISK"
mount "$DISK" "$MOUNT" || skip_all "$DISK cannot be mounted"
undo umount -q "$MOUNT"

ktap_print_header
ktap_set_plan 5
log_mark
before=$(disk_identity)
fio --name=recover --directory="$MOUNT" --size=8M --rw=randwrite --bs=4k \
	--direct=1 --ioengine=libaio --iodepth=4 --verify=crc32c \
	--verify_backlog=64 --time_based --runtime=$((2 * ROUNDS + 2)) \
	--minimal >/tmp/recover_fio 2>&1 &
FIO=$!
check "recovered $ROUNDS times, with a file system in use" recover_all
check "it is the same device and the same disk" \
	test "$(disk_identity)" = "$before"
check "no I/O error, and what was written is read" no_io_error
check "the file system is clean" clean
check "the log has no I/O error" \
	not_in_log "I/O error|Buffer I/O|EXT4-fs error|controller is down"
ktap_finished
