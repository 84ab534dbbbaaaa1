#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# reset_scope names what a reset changes: a switch, its ports, and what is behind them.
# topology: switch
# arches: x86_64
# seconds: 360

exec "$KSELFTEST"/pci/reset_scope_test.sh "$UPSTREAM" "$DOWN0" "$NVME0" "$PLAIN"
