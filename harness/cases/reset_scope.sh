#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# reset_scope names what a reset changes: a device behind a hotplug port, and a slot of two functions.
# topology: pci
# arches: x86_64
# seconds: 360

exec "$KSELFTEST"/pci/reset_scope_test.sh "$NVME" "$FUNC0" "$FUNC1" "$ATS"
