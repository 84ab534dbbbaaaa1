#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Resets by mask where a port has no hotplug, so that its bridge alone can reset the link, and below a switch.
# topology: switch
# arches: x86_64
# seconds: 480

exec "$KSELFTEST"/pci/reset_mask_test.sh "$PLAIN" "$NVME0"
