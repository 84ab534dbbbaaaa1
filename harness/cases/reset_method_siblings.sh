#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Both functions of a slot show the methods that they take. Today the first one shows "bus", found before its sibling
# was there, and refuses it when it is written. Needs a machine on which nobody has asked for the methods yet.
# topology: pci
# arches: x86_64
# boot: own

exec "$KSELFTEST"/pci/reset_method_test.sh "$FUNC0" "$FUNC1"
