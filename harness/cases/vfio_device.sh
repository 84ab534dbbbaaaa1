#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's own test of a device in VFIO: config space, BARs, interrupts, reset.
# topology: sriov
# arches: x86_64
# seconds: 120

exec with_vfio vfio_pci_device_test "$IGB"
