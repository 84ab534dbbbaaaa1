#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every reset method of every kind of device: NVMe alone and in a slot of two, virtio with ATS, igb.
# topology: pci
# arches: x86_64
# seconds: 120

exec "$KSELFTEST"/pci/reset_test.sh "$NVME" "$FUNC0" "$FUNC1" "$ATS" "$IGB"
