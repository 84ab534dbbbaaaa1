#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every reset method that a device offers resets it.
# topology: nvme
# arches: x86_64 s390x ppc64le
# seconds: 120

# QEMU forgets the DMA mappings of a zPCI function whose slot is reset, and nvme waits for its queues for a minute
[ "$(uname -m)" = s390x ] && echo "$NVME" >/sys/bus/pci/devices/"$NVME"/driver/unbind

exec "$KSELFTEST"/pci/reset_test.sh "$NVME"
