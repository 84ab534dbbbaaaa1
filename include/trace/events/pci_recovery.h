/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pci_recovery

#if !defined(_TRACE_PCI_RECOVERY_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_PCI_RECOVERY_H

#include <linux/pci.h>
#include <linux/tracepoint.h>

/**
 * pci_recovery - a step of a recovery has ended
 * @pdev: the function that is recovered
 * @step: claim, ask, quiesce, reset or resume, see drivers/pci/recovery.c
 * @nr: the number of functions concerned
 * @result: 0 or a negative errno
 * @duration_us: what it took, in microseconds
 *
 * A recovery that fails before anything was touched has no "resume".
 */
TRACE_EVENT(pci_recovery,

	TP_PROTO(const struct pci_dev *pdev, const char *step, unsigned int nr,
		 int result, u64 duration_us),

	TP_ARGS(pdev, step, nr, result, duration_us),

	TP_STRUCT__entry(
		__string(	dev,		pci_name(pdev)	)
		__string(	step,		step		)
		__field(	unsigned int,	nr		)
		__field(	int,		result		)
		__field(	u64,		duration_us	)
	),

	TP_fast_assign(
		__assign_str(dev);
		__assign_str(step);
		__entry->nr = nr;
		__entry->result = result;
		__entry->duration_us = duration_us;
	),

	TP_printk("%s step=%s functions=%u result=%d duration_us=%llu",
		  __get_str(dev), __get_str(step), __entry->nr,
		  __entry->result, __entry->duration_us)
);

#endif /* _TRACE_PCI_RECOVERY_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
