#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A device that is open in vfio-pci is not recovered: at once, and whoever has it open does not notice. Closed, it is
# reset with its driver bound.
# topology: pci
# arches: x86_64
# seconds: 120

exec "$KSELFTEST"/pci/recover_vfio_test.sh "$VFIO"
