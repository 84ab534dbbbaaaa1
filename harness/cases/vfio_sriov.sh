#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's own test of a PF in VFIO whose VFs are opened with a token.
# topology: sriov
# arches: x86_64
# seconds: 120
# boot: own
# append: vfio_pci.enable_sriov=1

exec with_vfio vfio_pci_sriov_uapi_test "$IGB"
