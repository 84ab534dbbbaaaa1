#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A PF driver enables VFs in its probe and disables them in its remove, whoever has it probed or removed.
# topology: sriov_hotplug
# arches: x86_64
# seconds: 300
# boot: own

exec "$KSELFTEST"/pci/sriov_probe_test.sh "$IGB"
