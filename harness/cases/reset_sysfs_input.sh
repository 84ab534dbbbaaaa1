#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Wrong input to reset, reset_method, reset_scope and reset_subordinate is refused and changes nothing.
# topology: pci
# arches: x86_64
# seconds: 300

exec "$KSELFTEST"/pci/reset_sysfs_input_test.sh "$NVME" "$FUNC0" "$IGB"
