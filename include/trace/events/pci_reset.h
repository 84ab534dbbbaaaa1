/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pci_reset

#if !defined(_TRACE_PCI_RESET_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_PCI_RESET_H

#include <linux/pci.h>
#include <linux/tracepoint.h>

#define pci_reset_flag(kind, name)	{ (__force unsigned long)(kind), name }

#define show_pci_reset(kinds)						\
	(kinds) ? __print_flags(kinds, "|",				\
		pci_reset_flag(PCI_RESET_DEV_SPECIFIC, "device_specific"), \
		pci_reset_flag(PCI_RESET_ACPI, "acpi"),			\
		pci_reset_flag(PCI_RESET_FLR, "flr"),			\
		pci_reset_flag(PCI_RESET_AF_FLR, "af_flr"),		\
		pci_reset_flag(PCI_RESET_PM, "pm"),			\
		pci_reset_flag(PCI_RESET_SLOT, "slot"),			\
		pci_reset_flag(PCI_RESET_BUS, "bus"),			\
		pci_reset_flag(PCI_RESET_CXL_BUS, "cxl_bus")) : "none"

/**
 * pci_reset - a reset was tried, or refused
 * @pdev: the function that it was asked for
 * @mask: the kinds of reset that the caller allowed
 * @method: the one that ran, or 0 if there was none to run
 * @result: 0 or a negative errno
 * @duration_us: what it took until the device answered again, in microseconds;
 *	what drivers do before and after is not in it
 *
 * One event for each method that was tried.
 */
TRACE_EVENT(pci_reset,

	TP_PROTO(const struct pci_dev *pdev, pci_reset_t mask,
		 pci_reset_t method, int result, u64 duration_us),

	TP_ARGS(pdev, mask, method, result, duration_us),

	TP_STRUCT__entry(
		__string(	dev,		pci_name(pdev)	)
		__field(	u32,		mask		)
		__field(	u32,		method		)
		__field(	int,		result		)
		__field(	u64,		duration_us	)
	),

	TP_fast_assign(
		__assign_str(dev);
		__entry->mask = (__force u32)mask;
		__entry->method = (__force u32)method;
		__entry->result = result;
		__entry->duration_us = duration_us;
	),

	TP_printk("%s mask=%s method=%s result=%d duration_us=%llu",
		  __get_str(dev), show_pci_reset(__entry->mask),
		  show_pci_reset(__entry->method), __entry->result,
		  __entry->duration_us)
);

/**
 * pci_reset_refused - a driver refused a reset
 * @pdev: the function that it is bound to
 * @mask: the kinds of reset that it was asked about
 * @result: the error by which it refused
 *
 * Nothing was touched.  The device lock keeps the driver.
 */
TRACE_EVENT(pci_reset_refused,

	TP_PROTO(const struct pci_dev *pdev, pci_reset_t mask, int result),

	TP_ARGS(pdev, mask, result),

	TP_STRUCT__entry(
		__string(	dev,		pci_name(pdev)	)
		__string(	driver,		dev_driver_string(&pdev->dev) )
		__field(	u32,		mask		)
		__field(	int,		result		)
	),

	TP_fast_assign(
		__assign_str(dev);
		__assign_str(driver);
		__entry->mask = (__force u32)mask;
		__entry->result = result;
	),

	TP_printk("%s driver=%s mask=%s result=%d",
		  __get_str(dev), __get_str(driver),
		  show_pci_reset(__entry->mask), __entry->result)
);

/**
 * pci_reset_performed - a driver carried out a reset that others asked for
 * @pdev: the function that it is bound to
 * @mask: the kinds of reset that it was allowed
 * @result: 0 or a negative errno
 * @duration_us: what it took, in microseconds
 *
 * The device lock keeps the driver.
 */
TRACE_EVENT(pci_reset_performed,

	TP_PROTO(const struct pci_dev *pdev, pci_reset_t mask, int result,
		 u64 duration_us),

	TP_ARGS(pdev, mask, result, duration_us),

	TP_STRUCT__entry(
		__string(	dev,		pci_name(pdev)	)
		__string(	driver,		dev_driver_string(&pdev->dev) )
		__field(	u32,		mask		)
		__field(	int,		result		)
		__field(	u64,		duration_us	)
	),

	TP_fast_assign(
		__assign_str(dev);
		__assign_str(driver);
		__entry->mask = (__force u32)mask;
		__entry->result = result;
		__entry->duration_us = duration_us;
	),

	TP_printk("%s driver=%s mask=%s result=%d duration_us=%llu",
		  __get_str(dev), __get_str(driver),
		  show_pci_reset(__entry->mask), __entry->result,
		  __entry->duration_us)
);

#endif /* _TRACE_PCI_RESET_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
