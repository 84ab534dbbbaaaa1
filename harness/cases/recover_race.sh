#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A sample of recover_race_all: ten recoveries against each of what may happen to a PF meanwhile.
# topology: sriov_hotplug
# arches: x86_64
# kernel: debug
# seconds: 900
# boot: own
# expects: igb .*: .*
# expects: pci_test_noeh .*

SAMPLE=1 exec "${0%/*}"/recover_race_all.sh
