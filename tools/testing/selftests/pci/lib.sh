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

# milliseconds COMMAND...: run it and set MS to the time that it took
milliseconds()
{
	local start end ret

	start=$(date +%s%N)
	"$@"
	ret=$?
	end=$(date +%s%N)
	MS=$(((end - start) / 1000000))
	return $ret
}

# write FILE VALUE: without a word about it if it fails
write()
{
	echo "$2" 2>/dev/null >"$1"
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

# Kernel messages since the call of log_mark, without emptying anyone's log
log_mark()
{
	LOG_MARK="pci selftest $$ $RANDOM"
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
	undo rmmod "$1"
}
