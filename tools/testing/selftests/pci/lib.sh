#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Helpers for the PCI selftests. A test takes its devices as arguments, or from
# the environment variable PCI_DEVICES, as addresses: 0000:01:00.0. It resets
# them, so nothing else may depend on them. Without a device it is skipped.

# shellcheck disable=SC2034 # the tests use these
DIR="$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
PCI=/sys/bus/pci/devices
KNOWN_METHODS="device_specific acpi flr af_flr pm bus cxl_bus"

# shellcheck source=../kselftest/ktap_helpers.sh
. "$DIR"/../kselftest/ktap_helpers.sh

UNDO=()

# undo COMMAND...: have the command run when the test ends, last one first
undo()
{
	UNDO=("$(printf '%q ' "$@")" "${UNDO[@]}")
}

run_undo()
{
	local cmd

	for cmd in "${UNDO[@]}"; do
		eval "$cmd"
	done
	UNDO=()
}
trap run_undo EXIT
trap 'exit 1' INT TERM HUP

# add DESCRIPTION COMMAND...: a test that run_tests will run.  It passes if the
# command succeeds, and is skipped if that fails and sets SKIP to a reason.
TESTS=()
add()
{
	TESTS+=("$(printf '%q ' "$@")")
}

# run_tests: all that were added, with the plan before them
run_tests()
{
	local test

	[ "${#TESTS[@]}" -gt 0 ] || skip_all "nothing to test here"
	ktap_set_plan "${#TESTS[@]}"
	for test in "${TESTS[@]}"; do
		eval "run_test $test"
	done
	ktap_finished
}

run_test()
{
	local description="$1"

	shift
	SKIP=
	if "$@"; then
		ktap_test_pass "$description"
	elif [ -n "$SKIP" ]; then
		skip "$description" "$SKIP"
	else
		ktap_test_fail "$description"
	fi
}

# skip_all REASON: nothing here can run, and why
skip_all()
{
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

# skip DESCRIPTION REASON: one test that cannot run
skip()
{
	__ktap_test "ok" "$1" "SKIP $2"
	KTAP_CNT_SKIP=$((KTAP_CNT_SKIP + 1))
}

# check DESCRIPTION COMMAND...: one test, passed if the command succeeds
check()
{
	local description="$1"

	shift
	if "$@"; then
		ktap_test_pass "$description"
	else
		ktap_test_fail "$description"
	fi
}

msg()
{
	echo "# $*"
}

# need_devices MINIMUM ARGUMENT...: set DEVICES from the arguments or
# PCI_DEVICES, or skip the test
need_devices()
{
	local minimum=$1 dev

	shift
	[ "$UID" = 0 ] || skip_all "must be run as root"

	if [ $# -eq 0 ]; then
		# shellcheck disable=SC2086 # a list of addresses
		set -- $PCI_DEVICES
	fi
	[ $# -ge "$minimum" ] ||
		skip_all "needs $minimum PCI device(s) as arguments or in PCI_DEVICES"

	for dev in "$@"; do
		[ -d "$PCI/$dev" ] || skip_all "no PCI device $dev"
	done
	DEVICES=("$@")
}

# methods DEVICE: its reset methods, in their order
methods()
{
	cat "$PCI/$1/reset_method" 2>/dev/null
}

# set_methods DEVICE LIST: fails as the write does
set_methods()
{
	echo "$2" 2>/dev/null >"$PCI/$1/reset_method"
}

# keep_methods DEVICE: have the list as it is now again when the test ends
keep_methods()
{
	undo set_methods "$1" "$(methods "$1")"
}

# header DEVICE: what must be the same after a reset
header()
{
	local dev=$1

	# The header up to the capability pointer, without the status register
	od -An -v -tx1 -N6 "$PCI/$dev/config"
	od -An -v -tx1 -j8 -N44 "$PCI/$dev/config"
}

# driver DEVICE: the name of the bound driver, empty if there is none
driver()
{
	local link

	link=$(readlink "$PCI/$1/driver") && echo "${link##*/}"
}

# identity DEVICE: what must be the same after a recovery.  A device that was
# removed and added has another inode, and may have another group; the rest is
# what was bound to it and set for it.
identity()
{
	stat -L -c %i "$PCI/$1"
	readlink "$PCI/$1/iommu_group"
	driver "$1"
	cat "$PCI/$1/driver_override"
}

# milliseconds COMMAND...: run it and set MS to the time that it took
milliseconds()
{
	local start=$EPOCHREALTIME end ret

	"$@"
	ret=$?
	end=$EPOCHREALTIME
	# Seconds with six digits after a point or comma
	MS=$(((${end/[.,]/} - ${start/[.,]/}) / 1000))
	return $ret
}

# write FILE VALUE: without a word about it if it fails
write()
{
	echo "$2" 2>/dev/null >"$1"
}

# sleep SECONDS: as the command does, but without a process, which takes a third
# of a second on a debug kernel that is emulated
exec {NOBODY}<> <(:)
sleep()
{
	read -rt "$1" -u "$NOBODY" || :
}

# ended PID: the shell may not have noticed yet, and not do so before it waits
ended()
{
	local stat

	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	[[ "${stat##*) }" == Z* ]]
}

# ends PID SECONDS: whether the task ends by then, and where it waits if not
ends()
{
	local end=$((SECONDS + $2))

	while [ $SECONDS -lt $end ]; do
		ended "$1" && return 0
		sleep 0.1
	done
	msg "task $1 does not end: $(tr '\n' ' ' <"/proc/$1/stack")"
	return 1
}

# in_time SECONDS COMMAND...: whether it succeeds, and ends by then
in_time()
{
	local seconds=$1

	shift
	"$@" &
	ends $! "$seconds" && wait $!
}

# within SECONDS COMMAND...: whether it succeeds by then, tried over and over
within()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return
		sleep 0.2
	done
}

# over_and_over COUNT COMMAND...: that many times, unless it fails.  With
# AT_LENGTH in the environment for as many seconds, but 100 times at least, and
# 500 times at most.
over_and_over()
{
	local count=$1 n=0 end=$((SECONDS + ${AT_LENGTH:-0}))

	shift
	[ -z "$AT_LENGTH" ] || count=100
	while [ $n -lt "$count" ] || { [ $SECONDS -lt $end ] && [ $n -lt 500 ]; }; do
		"$@" || { msg "in round $((n + 1))"; return 1; }
		n=$((n + 1))
	done
	msg "$n rounds"
}

# functions: how many there are in the machine
functions()
{
	local entries=("$PCI"/*)

	echo ${#entries[@]}
}

# rebind DEVICE DRIVER: bind another driver, through driver_override
rebind()
{
	local dev=$1 driver=$2

	echo "$driver" >"$PCI/$dev/driver_override"
	[ -e "$PCI/$dev/driver" ] && echo "$dev" >"$PCI/$dev/driver/unbind"
	echo "$dev" >/sys/bus/pci/drivers_probe
	[ "$(driver "$dev")" = "$driver" ]
}

# keep_driver DEVICE: have its driver of now again when the test ends
keep_driver()
{
	undo restore_driver "$1" "$(driver "$1")"
}

restore_driver()
{
	local dev=$1 driver=$2

	echo >"$PCI/$dev/driver_override"
	[ "$(driver "$dev")" = "$driver" ] && return
	[ -e "$PCI/$dev/driver" ] && echo "$dev" >"$PCI/$dev/driver/unbind"
	[ -n "$driver" ] && echo "$dev" >"/sys/bus/pci/drivers/$driver/bind"
}

# need_vfio DEVICE: bind it to vfio-pci until the test ends, or skip the test
need_vfio()
{
	modprobe -q vfio-pci
	[ -d /sys/bus/pci/drivers/vfio-pci ] || skip_all "no vfio-pci driver"
	[ -e "$PCI/$1/iommu_group" ] || skip_all "$1: no IOMMU group"
	keep_driver "$1"
	rebind "$1" vfio-pci || skip_all "$1 cannot be bound to vfio-pci"
	"$DIR"/vfio_open -n 0 "$1" || skip_all "VFIO cannot open it here"
}

# Kernel messages since the call of log_mark, without emptying anyone's log
LOG_MARKS=0
log_mark()
{
	LOG_MARKS=$((LOG_MARKS + 1))
	# The semicolon, or the first one would be found for the tenth
	LOG_MARK="pci selftest $$ mark $LOG_MARKS;"
	echo "$LOG_MARK" >/dev/kmsg
}

log_since()
{
	dmesg | sed -n "/$LOG_MARK/,\$p"
}

# in_log PATTERN: whether it is there, and show the lines
in_log()
{
	log_since | grep -E "$1" | sed 's/^/# /'
	[ "${PIPESTATUS[1]}" = 0 ]
}

not_in_log()
{
	! in_log "$1"
}

# load_module NAME: one of ours, or skip the test
load_module()
{
	[ -d "/sys/module/$1" ] && return
	if ! insmod "$DIR/modules/$1.ko" 2>/dev/null && ! modprobe -q "$1"; then
		skip_all "the test module $1 cannot be loaded"
	fi
	undo unload_module "$1"
}

unload_module()
{
	[ ! -d "/sys/module/$1" ] || rmmod "$1"
}

# errno FILE VALUE: write it, and set ERRNO to the name of the error, 0 if none
errno()
{
	local text

	# shellcheck disable=SC2030 # for the subshell alone
	if text=$({ export LC_ALL=C; printf '%s' "$2" >"$1"; } 2>&1); then
		ERRNO=0
		return
	fi
	case $text in
	*"Argument list too long"*) ERRNO=E2BIG ;;
	*"Connection timed out"*) ERRNO=ETIMEDOUT ;;
	*"Device or resource busy"*) ERRNO=EBUSY ;;
	*"Inappropriate ioctl"*) ERRNO=ENOTTY ;;
	*"Invalid argument"*) ERRNO=EINVAL ;;
	*"No such device"*) ERRNO=ENODEV ;;
	*"Operation not permitted"*) ERRNO=EPERM ;;
	*"Operation not supported"*) ERRNO=EOPNOTSUPP ;;
	*"Permission denied"*) ERRNO=EACCES ;;
	*"Resource temporarily unavailable"*) ERRNO=EAGAIN ;;
	*) ERRNO=${text##*: } ;;
	esac
}

# fails_with ERRNO FILE VALUE: whether the write fails so; 0 means succeeds
fails_with()
{
	errno "$2" "$3"
	[ "$ERRNO" = "$1" ] && return
	msg "$(printf %q "${3:0:40}") to ${2##*/}: $ERRNO, not $1"
	return 1
}

# need_error_events DEVICE: skip the test unless it is an NVMe controller whose
# errors the platform reports
need_error_events()
{
	[ "$(uname -m)" = s390x ] || skip_all "only s390 has such events"
	[ "$(cat "$PCI/$1/class")" = 0x010802 ] ||
		skip_all "$1 is no NVMe controller"
	load_module pci_test_dma
}

# error_event DEVICE: it does what it may not, and the platform reports that
error_event()
{
	log_mark
	fails_with 0 /sys/module/pci_test_dma/parameters/go "$1" &&
		within 20 in_log "reports an error for PCI function"
}

RESETTER=/sys/kernel/debug/pci_test_reset/reset

# by_mask CALL DEVICE MASK: reset by a mask, ERRNO is the result.  The calls
# and the names in a mask are those of modules/pci_test_reset.c.
by_mask()
{
	errno "$RESETTER" "$*"
	[ "$ERRNO" = 0 ]
}

# need_masks: skip the test on a kernel without reset masks
need_masks()
{
	load_module pci_test_reset
	[ -f "$RESETTER" ] || mount -t debugfs none /sys/kernel/debug
	by_mask function "${DEVICES[0]}" 0
	[ "$ERRNO" != EOPNOTSUPP ] || skip_all "this kernel has no reset masks"
}

TRACING=/sys/kernel/tracing

# need_tracing: a trace buffer for this test alone, in TRACE
need_tracing()
{
	[ -d "$TRACING/instances" ] || mount -t tracefs none "$TRACING"
	[ -d "$TRACING/instances" ] || skip_all "no tracing in this kernel"
	TRACE=$TRACING/instances/pci_selftest.$$
	mkdir "$TRACE"
	undo rmdir "$TRACE"
}

# need_reset_events: have each reset by mask traced
need_reset_events()
{
	need_tracing
	[ -d "$TRACE/events/pci_reset" ] ||
		skip_all "this kernel has no pci_reset trace events"
	echo 1 >"$TRACE/events/pci_reset/enable"
	undo trace_off pci_reset
}

trace_off()
{
	echo 0 >"$TRACE/events/$1/enable"
}

trace_clear()
{
	: >"$TRACE/trace"
}

# trace_lines: the events, without what the tracer puts before them
trace_lines()
{
	grep -v '^#' "$TRACE/trace" | sed 's/^.*: \([a-z_0-9]*: \)/\1/'
}

# traced DEVICE: "METHOD:RESULT" of each reset that was tried, in a line
traced()
{
	trace_lines | sed -n "s/^pci_reset: $1 .*method=\([^ ]*\).*\
 result=\([-0-9]*\).*/\1:\2/p" | paste -sd ' '
}

# kprobe NAME FUNCTION [ARGUMENT...]: trace calls of the function as NAME
kprobe()
{
	local name=$1

	shift
	# Not ">", which removes those that are there
	echo "p:pci_selftest/$name $*" 2>/dev/null >>"$TRACING/kprobe_events" ||
		return
	undo kprobe_remove "$name"
	echo 1 >"$TRACE/events/pci_selftest/$name/enable"
}

kprobe_remove()
{
	echo 0 >"$TRACE/events/pci_selftest/$1/enable"
	echo "-:pci_selftest/$1" >>"$TRACING/kprobe_events"
}

# config DEVICE OFFSET SIZE [VALUE]: read or write config space, in decimal
config()
{
	local file=$PCI/$1/config bytes='' i

	if [ $# -eq 3 ]; then
		echo $(($(od -An -v -t "u$3" -j $(($2)) -N "$3" "$file")))
		return
	fi
	for ((i = 0; i < $3; i++)); do
		bytes+=$(printf '\\x%02x' $(($4 >> (8 * i) & 255)))
	done
	# shellcheck disable=SC2059 # that is what makes the bytes
	printf "$bytes" | dd of="$file" bs="$3" seek=$(($2)) oflag=seek_bytes \
		conv=notrunc status=none
}

# capability DEVICE ID: its offset, fails if there is none
capability()
{
	local at left=48

	at=$(config "$1" 0x34 1)
	while [ "$((at & ~3))" -ge 64 ] && [ "$((left--))" -gt 0 ]; do
		at=$((at & ~3))
		[ "$(config "$1" "$at" 1)" = "$(($2))" ] && echo "$at" && return
		at=$(config "$1" "$((at + 1))" 1)
	done
	return 1
}

INTERRUPT_LINE=0x3c
CAP_MSIX=0x11
MSIX_FLAGS=2
MSIX_ENABLE=0x8000
MSIX_MASKALL=0x4000

# keep_awake DEVICE: not suspended at runtime, until the test ends: on resume its
# config space is restored, as after a reset
keep_awake()
{
	local control=$PCI/$1/power/control

	[ -f "$control" ] || return 0
	undo write "$control" "$(cat "$control")"
	write "$control" on
}

# mark DEVICE: put a mark into a register that a reset clears, and that means
# nothing to a device at work: Interrupt Line.  A VF has none, there it is the
# mask bit of an MSI-X that is not in use.  Fails if there is no such register.
# What was there comes back when the test ends.
declare -A MARK_AT MARK_VALUE
mark()
{
	local dev=$1 at old

	if [ -z "${MARK_AT[$dev]}" ]; then
		keep_awake "$dev"
		old=$(config "$dev" $INTERRUPT_LINE 1)
		config "$dev" $INTERRUPT_LINE 1 $((old ^ 0x5a))
		if [ "$(config "$dev" $INTERRUPT_LINE 1)" = $((old ^ 0x5a)) ]; then
			MARK_AT[$dev]=$INTERRUPT_LINE
			MARK_VALUE[$dev]=$((old ^ 0x5a))
			# A mark that a reset leaves as it is would show nothing
			[ $((old ^ 0x5a)) = 0 ] && MARK_VALUE[$dev]=$((0xa5))
			undo config "$dev" $INTERRUPT_LINE 1 "$old"
		else
			at=$(capability "$dev" $CAP_MSIX) || return
			at=$((at + MSIX_FLAGS))
			old=$(config "$dev" $at 2)
			((old & MSIX_ENABLE)) && return 1
			MARK_AT[$dev]=$at
			MARK_VALUE[$dev]=$((old | MSIX_MASKALL))
			undo config "$dev" $at 2 "$old"
		fi
	fi
	mark_write "$dev"
	marked "$dev"
}

mark_size()
{
	[ "${MARK_AT[$1]}" = $INTERRUPT_LINE ] && echo 1 || echo 2
}

mark_write()
{
	config "$1" "${MARK_AT[$1]}" "$(mark_size "$1")" "${MARK_VALUE[$1]}"
}

# marked DEVICE: whether the mark is there
marked()
{
	[ "$(config "$1" "${MARK_AT[$1]}" "$(mark_size "$1")")" = \
		"${MARK_VALUE[$1]}" ]
}

# need_restore_log: have the kernel log each register whose value is restored
need_restore_log()
{
	local control

	for control in /proc/dynamic_debug/control \
		/sys/kernel/debug/dynamic_debug/control; do
		[ -f "$control" ] || continue
		write "$control" "func pci_restore_config_dword +p" || continue
		undo write "$control" "func pci_restore_config_dword -p"
		return
	done
	skip_all "no dynamic debug in this kernel"
}

# restored: the devices whose marked register was restored since log_mark
restored()
{
	log_since | sed -n \
		"s/.* \([0-9a-f:.]*\): restore config $INTERRUPT_LINE:.*/\1/p"
}

# was_reset DEVICE: since log_mark, did a reset clear the mark?  Either it is
# gone, or the kernel has restored it.
was_reset()
{
	! marked "$1" || restored | grep -qFx "$1"
}

# disks DEVICE: the block devices on it, as names in /dev
disks()
{
	local dir

	find "$(readlink -f "$PCI/$1")"/ -maxdepth 5 -type d -path '*/block/*' \
		-prune 2>/dev/null |
		while read -r dir; do
			echo "/dev/${dir##*/}"
		done
	# NVMe without multipath, and with it
	for dir in "$PCI/$1"/nvme/nvme*/nvme*n*; do
		[ -b "/dev/${dir##*/}" ] && echo "/dev/${dir##*/}"
	done
}

# readable DEVICE: it has a disk, and that can be read
readable()
{
	local disk

	disk=$(disks "$1" | head -n 1)
	[ -n "$disk" ] && timeout 20 dd if="$disk" of=/dev/null bs=4k count=16 \
		iflag=direct status=none
}

# slot_of DEVICE: the directory of the slot that it is in, fails if there is none
slot_of()
{
	local file

	file=$(grep -lxs "${1%.*}" /sys/bus/pci/slots/*/address) &&
		echo "${file%/*}"
}

# in_use DISK: mounted, swapped to, or part of another device
in_use()
{
	local number

	number=$(cat "/sys/class/block/${1##*/}/dev")
	awk -v number="$number" '$3 == number { found = 1 } END { exit !found }' \
		/proc/self/mountinfo && return
	grep -q "^$1" /proc/swaps && return
	[ -n "$(ls "/sys/class/block/${1##*/}"/holders 2>/dev/null)" ]
}

LINK_SECONDS=20	# for a link to come up

# interface DEVICE: the name of its network interface, once it is there
interface()
{
	local tries=50

	while ! [ -d "$PCI/$1/net" ] && [ $((tries--)) -gt 0 ]; do
		sleep 0.1
	done
	ls "$PCI/$1/net" 2>/dev/null
}

# settle DEVICE NAMESPACE ADDRESS: move its network interface into a namespace
# of its own and bring it up
settle()
{
	local name

	name=$(interface "$1")
	[ -n "$name" ] || skip_all "$1 has no network interface"
	ip netns add "$2" || skip_all "no network namespaces"
	undo ip netns del "$2"
	ip link set "$name" netns "$2"
	ip -n "$2" addr add "$3/24" dev "$name"
	ip -n "$2" link set "$name" up
}

# answers NAMESPACE ADDRESS: reached from there, in the time that a link takes
answers()
{
	local end=$((SECONDS + LINK_SECONDS)) start=$SECONDS

	while [ $SECONDS -lt $end ]; do
		if ip netns exec "$1" ping -q -c 1 -W 1 "$2" >/dev/null; then
			msg "$1 reaches $2 after $((SECONDS - start)) s"
			return
		fi
	done
	msg "$1 does not reach $2 within $LINK_SECONDS s"
	return 1
}
