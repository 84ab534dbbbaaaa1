// SPDX-License-Identifier: GPL-2.0
/*
 * Masks of reset kinds: what a caller may ask for, and what it gets
 *
 * Errors, the same for every entry that takes a mask and for the sysfs files
 * that end there:
 *
 *   -EINVAL	the mask is empty, or has a bit that is no kind of reset
 *   -ENOTTY	nothing in the mask works here: the device does not have it,
 *		the user disabled it, or it would hit functions that the
 *		caller did not ask for
 *   -EAGAIN	a lock that may not be waited for is taken, try again
 *   -EBUSY	somebody uses what the reset would disturb
 *   -ENODEV	the device is gone
 *   -ETIMEDOUT	a reset ran, but the device never came back from it, nor from
 *		any other in the mask
 *
 * Anything else comes from the method or the driver that failed.
 */

#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/pci.h>

#include <trace/events/pci_reset.h>

#include "pci.h"

static_assert(!(PCI_RESET_FUNC & PCI_RESET_LINK));

/**
 * pci_reset_mask_check - check a mask of reset kinds
 * @mask: what a caller passed
 *
 * To be called once, where the mask enters the core.
 *
 * Context: Any context.
 *
 * Return: 0, or -EINVAL if @mask is empty or has unknown bits.
 */
int pci_reset_mask_check(pci_reset_t mask)
{
	if (!mask || mask & ~PCI_RESET_ANY)
		return -EINVAL;

	return 0;
}

/**
 * pci_reset_kind_name - name one kind of reset
 * @kind: one of the PCI_RESET_* bits
 *
 * Context: Any context.
 *
 * Return: The name, for messages and sysfs.
 */
const char *pci_reset_kind_name(pci_reset_t kind)
{
	static const char * const names[] = {
		"device_specific", "acpi", "flr", "af_flr", "pm", "slot",
		"bus", "cxl_bus",
	};

	static_assert(ARRAY_SIZE(names) ==
		      const_ilog2((__force u32)PCI_RESET_CXL_BUS) + 1);

	return names[__ffs((__force u32)kind)];
}

/**
 * pci_reset_ask - ask a function's driver whether it may be reset
 * @dev: function, its device lock held
 * @mask: kinds of reset that may be used; the driver may take some away
 *
 * reset_request() in struct pci_error_handlers lets a bound driver have its say
 * in a reset that somebody else asks for.  It returns
 *
 *   - 0 if the reset may be done, as the driver's other callbacks provide for
 *   - %PCI_RESET_UNUSED if the driver does not use the device, and sees to it
 *     that nobody uses it until pci_recovery_pending() is false: the device can
 *     be reset without telling the driver
 *   - an error to refuse the reset: -EBUSY if it could be done at another time
 *
 * It may clear bits in the mask: kinds of reset that the device does not
 * survive.  It must not touch the device, and not wait for user space.  If the
 * reset hits several functions, all drivers are asked before any device is
 * touched, so being asked does not mean that the reset will be done.
 *
 * A driver without the callback agrees.
 *
 * Context: May sleep.  The driver is called with the device lock of @dev held,
 * which keeps it bound, and no other lock of the PCI core.
 *
 * Return: What the driver says, -ENOTTY if it left nothing in @mask.
 */
int pci_reset_ask(struct pci_dev *dev, pci_reset_t *mask)
{
	const struct pci_error_handlers *handlers =
		dev->driver ? dev->driver->err_handler : NULL;
	pci_reset_t left = *mask;
	int rc;

	device_lock_assert(&dev->dev);
	lockdep_assert_not_held(&pci_rescan_remove_lock);

	if (!handlers || !handlers->reset_request)
		return 0;

	rc = handlers->reset_request(dev, &left);
	if (rc < 0)
		return rc;

	*mask &= left;
	return *mask ? rc : -ENOTTY;
}

/**
 * pci_reset_report - leave a trace of a reset
 * @dev: function that it was asked for
 * @mask: kinds of reset that the caller allowed
 * @method: the one that ran, or 0 if there was none to run
 * @result: 0 or a negative errno
 * @start: when @method was started, as of ktime_get()
 *
 * To be called right after @method: how long it took is reported as well.
 *
 * Context: Any context.
 */
void pci_reset_report(struct pci_dev *dev, pci_reset_t mask, pci_reset_t method,
		      int result, ktime_t start)
{
	trace_pci_reset(dev, mask, method, result,
			ktime_us_delta(ktime_get(), start));
}
