#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An error event for a zPCI function without driver, or whose driver has no error handlers: recovered in place.
# topology: nvme
# arches: s390x
# seconds: 600
# boot: own
# expects: nvme .*: .*

exec "$KSELFTEST"/pci/recover_event_test.sh "$NVME"
