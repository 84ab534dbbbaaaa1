#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A zPCI disk with a file system in use is recovered, and nobody notices. On the base it is removed under the file system.
# topology: nvme
# arches: s390x
# seconds: 600
# boot: own

exec "$KSELFTEST"/pci/recover_disk_test.sh "$NVME"
