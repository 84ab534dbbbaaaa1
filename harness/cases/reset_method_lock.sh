#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# reset_method is read and written under the device lock.
# topology: nvme
# arches: x86_64 s390x ppc64le

exec "$KSELFTEST"/pci/reset_method_lock_test.sh "$NVME"
