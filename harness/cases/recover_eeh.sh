#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# EEH recovers devices in place: with an unaware driver, with none, two functions of which one has such a driver, one below a
# switch that the kernel resets by itself. The sixth time within an hour they are given up, and can be recovered by hand. The
# error is forced: eeh_dev_break kills this machine.
# topology: eeh
# arches: ppc64le
# seconds: 300
# boot: own
# expects: .*EEH: .*
# expects: nvme .*: .*
# expects: pci_test_noeh .*

exec "$KSELFTEST"/pci/recover_eeh_test.sh "$NVME" "$FUNC0" "$FUNC1" "$SWITCHED"
