#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's own test of opening a device by its cdev.
# topology: sriov
# arches: x86_64
# seconds: 60

exec with_vfio vfio_iommufd_setup_test "$IGB"
