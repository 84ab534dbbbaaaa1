#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A device that is open in vfio-pci is not reset by others; who has it open may die in the middle of a reset.
# topology: pci
# arches: x86_64
# seconds: 180

exec "$KSELFTEST"/pci/reset_vfio_test.sh "$VFIO"
