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
 * @alone: the reset is of @dev alone, or with its VFs
 *
 * reset_request() in struct pci_error_handlers lets a bound driver have its say
 * in a reset that somebody else asks for:
 *
 *   - a user, by the files "reset", "reset_subordinate" and "recover"
 *   - another driver, or this one, by pci_reset_function()
 *   - whoever resets its slot or bus, by pci_reset_bus(), or its PF
 *   - pci_recover_function(), and error recovery that ends there
 *
 * A driver that calls pci_reset_function_locked() or pci_try_reset_function()
 * is not asked about its own device, nor is anybody by
 * __pci_reset_function_locked(), pcie_flr() or the link reset of error
 * recovery.
 *
 * It returns
 *
 *   - 0 if the reset may be done, as the driver's other callbacks provide for
 *   - %PCI_RESET_UNUSED if the driver does not use the device, and sees to it
 *     that nobody uses it until pci_reset_pending() is false: the device can
 *     be reset without telling the driver
 *   - %PCI_RESET_BY_DRIVER if it wants to do that itself, by reset_perform().
 *     For a reset that is not of @dev alone this is a refusal.
 *   - an error to refuse the reset: -EBUSY if it could be done at another time
 *
 * It may clear bits in the mask: kinds of reset that the device does not
 * survive.  In a reset of @dev alone, the mask has no kinds that the user has
 * disabled, unless all are: a driver that leaves nothing can tell, and refuse
 * by an error that says more than -ENOTTY.  It must not touch the device, and
 * not wait for user space.  If the reset hits several functions, all drivers
 * are asked before any device is touched, so being asked does not mean that the
 * reset will be done.
 *
 * A driver without the callback agrees.
 *
 * Context: May sleep.  The driver is called with the device lock of @dev held,
 * which keeps it bound, and no other lock of the PCI core; if @dev is a VF, the
 * one who resets its PF may hold that one's.  It is called by the task that
 * asks for the reset.
 *
 * Return: What the driver says, -ENOTTY if it left nothing in @mask, -EBUSY if
 * it wants to do by itself what others have a part in.
 */
int pci_reset_ask(struct pci_dev *dev, pci_reset_t *mask, bool alone)
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
	if (rc >= 0 && !(*mask & left))
		rc = -ENOTTY;
	if (rc == PCI_RESET_BY_DRIVER && !alone)
		rc = -EBUSY;
	if (rc < 0) {
		trace_pci_reset_refused(dev, *mask, rc);
		return rc;
	}

	*mask &= left;
	return rc;
}

/**
 * pci_reset_meets_recovery - check whether a driver waits for error recovery
 * @dev: function, its device lock held
 *
 * A driver that was told of an error and wants a reset has stopped its device,
 * and goes on in slot_reset(), for which the device lock is taken.  Nobody else
 * may have it prepare for a reset meanwhile, or carry out one: it may wait for
 * what slot_reset() ends, as NVMe does.  If recovery has failed that does not
 * change, but then there is a way out: "recover", or another driver.
 *
 * Context: The device lock keeps the answer.
 *
 * Return: true if @dev must not be reset by anybody but error recovery.
 */
bool pci_reset_meets_recovery(struct pci_dev *dev)
{
	const struct pci_error_handlers *handlers =
		dev->driver ? dev->driver->err_handler : NULL;

	device_lock_assert(&dev->dev);

	if (!handlers || !pci_dev_awaits_recovery(dev))
		return false;

	/* Others are not told of resets, and can't wait */
	if (!handlers->reset_prepare && !handlers->reset_perform &&
	    !pci_handlers_tell_done(handlers))
		return false;

	pci_info(dev, "error recovery is not over, no other reset\n");
	return true;
}

/**
 * pci_reset_perform - let a function's driver reset it
 * @dev: function, whose driver returned %PCI_RESET_BY_DRIVER when asked
 * @mask: kinds of reset that the driver left of those that may be used
 *
 * reset_perform() does all that it takes: it quiesces the device, resets it by
 * what amounts to one of the kinds in the mask, sets it up again, and returns
 * when the device works or has failed for good.  Config space is not saved or
 * restored for it, and accesses to it are not blocked.  The drivers of the
 * device's VFs have been told by reset_prepare(), and get their reset_done()
 * after it.
 *
 * Context: May sleep.  The driver is called with the device lock of @dev held,
 * and those of its VFs.
 *
 * Return: 0, or the error by which the driver failed.
 */
int pci_reset_perform(struct pci_dev *dev, pci_reset_t mask)
{
	ktime_t start = ktime_get();
	int rc;

	device_lock_assert(&dev->dev);
	lockdep_assert_not_held(&pci_rescan_remove_lock);

	rc = dev->driver->err_handler->reset_perform(dev, mask);
	trace_pci_reset_performed(dev, mask, rc,
				  ktime_us_delta(ktime_get(), start));

	return rc;
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
