// SPDX-License-Identifier: GPL-2.0
/*
 * Is a device there?
 *
 * error_state tells who may access a device, and pci_channel_io_perm_failure
 * that nobody may.  Why is another question: a device that was pulled does not
 * come back, for what is plugged in next is another device.  One that was given
 * up, because its driver could not recover or because a bridge above it did not
 * come up in time, may still be there, and may be revived.
 *
 * Documentation/PCI/pci-presence.rst says which test answers which question.
 */
#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/device.h>
#include <linux/lockdep.h>
#include <linux/pci.h>

#include "pci.h"

static int pci_set_pulled(struct pci_dev *dev, void *unused)
{
	set_bit(PCI_DEV_PULLED, &dev->priv_flags);
	return pci_dev_set_disconnected(dev, NULL);
}

static int pci_set_vf_pulled(struct pci_dev *dev, void *pf)
{
	return dev->is_virtfn && pci_physfn(dev) == pf ?
	       pci_set_pulled(dev, NULL) : 0;
}

/**
 * pci_bus_set_pulled - mark all that is on a bus as pulled
 * @bus: the bus; what is below it is marked as well
 *
 * For hotplug drivers that know that a card is gone, before they remove its
 * devices.  There is no way back: if the card is plugged in again, it gets new
 * devices.
 *
 * Context: Any task that may sleep; takes pci_bus_sem.  No other lock is
 * needed: this must not wait for those who wait for the device.
 */
void pci_bus_set_pulled(struct pci_bus *bus)
{
	pci_walk_bus(bus, pci_set_pulled, NULL);
}

/**
 * pci_dev_set_pulled - mark a device as pulled
 * @dev: the device; its VFs and what is below it are marked as well
 *
 * The same as pci_bus_set_pulled() for one device.
 *
 * Context: Any task that may sleep; takes pci_bus_sem.  No other lock is needed.
 */
void pci_dev_set_pulled(struct pci_dev *dev)
{
	pci_set_pulled(dev, NULL);
	if (dev->is_physfn)
		pci_walk_bus(dev->bus, pci_set_vf_pulled, dev);
	if (dev->subordinate)
		pci_bus_set_pulled(dev->subordinate);
}

/**
 * pci_inherit_pulled - mark a device that is added where everything was pulled
 * @dev: device that was put on the list of its bus just now
 *
 * What is marked is found on these lists, from the top down: so either the
 * device is found there, or what it is part of was marked before.
 *
 * Context: Called with pci_bus_sem held for writing.
 */
void pci_inherit_pulled(struct pci_dev *dev)
{
	struct pci_dev *parent = dev->is_virtfn ? pci_physfn(dev) :
						  dev->bus->self;

	lockdep_assert_held_write(&pci_bus_sem);

	if (parent && pci_dev_is_pulled(parent))
		pci_set_pulled(dev, NULL);
}

/**
 * pci_dsn_init - remember the serial number of a device
 * @dev: PCI device that is being set up
 *
 * It tells whether what answers later is the same device.
 */
void pci_dsn_init(struct pci_dev *dev)
{
	dev->dsn_cap = pci_find_ext_capability(dev, PCI_EXT_CAP_ID_DSN);
	if (dev->dsn_cap)
		dev->dsn = pci_get_dsn(dev);
}

/*
 * What follows reads config space by pci_bus_read_config_dword(), which
 * does not look at the error state.
 */

static int pci_expect_dword(struct pci_dev *dev, int where, u32 expected)
{
	u32 val;

	if (pci_bus_read_config_dword(dev->bus, dev->devfn, where, &val))
		return -EIO;
	if (val == expected)
		return 0;

	return PCI_POSSIBLE_ERROR(val) ? -EIO : -ENODEV;
}

static int pci_identify_function(struct pci_dev *dev)
{
	int ret = 0;
	u32 id;

	if (!pci_bus_read_dev_vendor_id(dev->bus, dev->devfn, &id, 0))
		return -EIO;
	if (id != (dev->vendor | dev->device << 16))
		return -ENODEV;

	if (dev->hdr_type == PCI_HEADER_TYPE_NORMAL)
		ret = pci_expect_dword(dev, PCI_SUBSYSTEM_VENDOR_ID,
				       dev->subsystem_vendor |
				       dev->subsystem_device << 16);
	if (dev->dsn_cap)
		ret = ret ?:
		      pci_expect_dword(dev, dev->dsn_cap + 4,
				       lower_32_bits(dev->dsn)) ?:
		      pci_expect_dword(dev, dev->dsn_cap + 8,
				       upper_32_bits(dev->dsn));
	return ret;
}

/* VFs have no IDs of their own: their PF has to be the same */
static int pci_identify_vf(struct pci_dev *vf)
{
	struct pci_dev *pf = pci_physfn(vf);
	u32 cmd;
	int ret;

	if (pci_dev_is_pulled(pf))
		return -ENODEV;
	if (pci_dev_is_disconnected(pf))
		return -EIO;

	ret = pci_identify_function(pf);
	if (ret)
		return ret;

	if (pci_bus_read_config_dword(vf->bus, vf->devfn, PCI_COMMAND, &cmd) ||
	    PCI_POSSIBLE_ERROR(cmd))
		return -EIO;
	return 0;
}

static bool pci_leave_failure(struct pci_dev *dev, pci_channel_state_t state)
{
	WRITE_ONCE(dev->error_state, state);

	/*
	 * pci_set_pulled() sets the flag before the state, with the barrier of
	 * an xchg() between them.  We look at the flag after we have changed
	 * the state: either we see it now, or the state is still to be set.
	 */
	smp_mb();
	if (!pci_dev_is_pulled(dev))
		return true;

	pci_dev_set_disconnected(dev, NULL);
	return false;
}

/**
 * pci_dev_retry - let a device that was given up be accessed for a reset
 * @dev: PCI device
 *
 * A device that needs a reset before it answers has to be waited for, which is
 * not done for one that is disconnected.  It is frozen from here on, until the
 * caller revives it by pci_dev_revive(), or gives it up again by
 * pci_dev_set_disconnected().
 *
 * Context: May sleep.  The caller holds the device lock until then.  A hotplug
 * driver needs no lock to mark @dev as pulled, and prevails at any time.
 *
 * Return: true if @dev was given up and may be accessed now.  False if it never
 * was, or if it was pulled or removed.
 */
bool pci_dev_retry(struct pci_dev *dev)
{
	device_lock_assert(&dev->dev);

	if (pci_dev_is_pulled(dev) || !pci_dev_is_added(dev) ||
	    !pci_dev_is_disconnected(dev))
		return false;

	return pci_leave_failure(dev, pci_channel_io_frozen);
}

/**
 * pci_dev_revive - let a device that was given up be accessed again
 * @dev: PCI device that is disconnected, or was passed to pci_dev_retry()
 *
 * Nothing happens to a device whose error state is normal.  Any other has to
 * answer, and to be the one that was there before: the same IDs and, if it has
 * one, the same serial number.  A VF answers through its PF, which has to be
 * revived first.
 *
 * This does not wait for the device.  Its power state and its config space are
 * left as they are, and drivers are not told: the caller has unbound them, or
 * takes them through error recovery.
 *
 * Context: May sleep.  The caller holds the device lock, so that @dev is not
 * removed meanwhile, and keeps the bridges above it awake.  A hotplug driver
 * needs no lock to mark @dev as pulled, and prevails at any time.
 *
 * Return: 0 if @dev can be accessed, -ENODEV if it was pulled or removed, or if
 * another device is in its place, -EIO if nothing answers.
 */
int pci_dev_revive(struct pci_dev *dev)
{
	int ret;

	device_lock_assert(&dev->dev);

	if (pci_dev_is_pulled(dev) || !pci_dev_is_added(dev))
		return -ENODEV;
	if (!pci_channel_offline(dev))
		return 0;

	ret = dev->is_virtfn ? pci_identify_vf(dev) :
			       pci_identify_function(dev);
	if (ret)
		return ret;

	pci_doe_reconnected(dev);
	if (!pci_leave_failure(dev, pci_channel_io_normal))
		return -ENODEV;

	pci_info(dev, "was given up, but answers again\n");
	return 0;
}
