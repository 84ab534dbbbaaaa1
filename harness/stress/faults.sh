# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
# A function is reset by a task whose allocations of memory fail, one in five.

FAULTS=/sys/kernel/debug/failslab

echo Y >"$FAULTS"/task-filter
echo N >"$FAULTS"/ignore-gfp-wait
echo 0 >"$FAULTS"/verbose
echo -1 >"$FAULTS"/times
echo 20 >"$FAULTS"/probability

faults()
{
	# A task of its own: this one is to live on
	bash -c "echo 1 >/proc/self/make-it-fail; echo 1 >$PCI/$2/reset" 2>/dev/null
}
