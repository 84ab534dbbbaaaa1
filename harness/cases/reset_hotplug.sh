#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A bus or slot reset below a hotplug port is not taken for an unplug.
# topology: pci
# arches: x86_64
# seconds: 360

exec "$KSELFTEST"/pci/reset_hotplug_test.sh "$NVME" "$FUNC0" "$IGB"
