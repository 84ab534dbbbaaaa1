#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Each method resets a live device by mask, and the trace names it; the user's order decides between two that are
# allowed; outside the mask nothing is touched.
# topology: pci
# arches: x86_64
# seconds: 480

exec "$KSELFTEST"/pci/reset_mask_test.sh "$NVME" "$FUNC0" "$IGB"
