#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's own selftests/powerpc/eeh: each device comes back after an error. eeh_dev_break kills this machine, so that
# recovery is forced by eeh_force_recover in its place, and the disks that the machine itself is on are left out.
# topology: eeh
# arches: ppc64le
# seconds: 240
# boot: own
# expects: .*EEH: .*
# expects: nvme .*: .*

. "$KSELFTEST"/pci/lib.sh

log=/tmp/eeh-basic.log

ktap_print_header
ktap_set_plan 2
cp -r "$KSELFTEST"/powerpc/eeh /tmp/eeh
cd /tmp/eeh || exit 1
# shellcheck disable=SC2016 # for that shell
sed -i -e 's|echo $dev >\(.*\)/eeh_dev_break|printf "%x:%x" 0x${dev%%:*} $(cat /sys/bus/pci/devices/$dev/eeh_pe_config_addr) >\1/eeh_force_recover; sleep 1|' \
	eeh-functions.sh
sed -i -e "s/grep '.\.0\$'/grep -xe $NVME -e $FUNC0/" eeh-basic.sh
check "the error is replaced, the disks of the machine are left out" \
	eval "grep -q 'eeh_force_recover; sleep' eeh-functions.sh && grep -q -- '-xe $NVME' eeh-basic.sh"
check "eeh-basic.sh" eval "sh ./eeh-basic.sh >$log 2>&1 && grep -q '(2 tested)' $log"
sed 's/^/# /' $log
ktap_finished
