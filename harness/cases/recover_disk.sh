#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk with a file system in use is recovered, and nobody notices.
# topology: recover
# arches: x86_64
# seconds: 120

exec "$KSELFTEST"/pci/recover_disk_test.sh "$NVME"
