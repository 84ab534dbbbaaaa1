#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A zPCI function is recovered in place: the same device, driver and disk, where the base removes it and scans again.
# topology: nvme
# arches: s390x
# seconds: 600

exec "$KSELFTEST"/pci/recover_test.sh "$NVME"
