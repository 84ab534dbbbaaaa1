#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An error event for a zPCI function whose driver has error handlers: the disk is there after it. On the base it is lost.
# topology: nvme
# arches: s390x
# seconds: 600
# boot: own
# expects: nvme .*: .*

exec "$KSELFTEST"/pci/error_event_test.sh "$NVME"
