// SPDX-License-Identifier: GPL-2.0
/*
 * What to write to a function whose config space can't be read
 *
 * A reset saves config space and restores it.  If the function doesn't answer,
 * there is nothing to be saved, and what pci_save_state() saved last may be
 * anything: drivers call it, suspend does, with a device half set up.
 *
 * So a copy is taken when a function is added: after firmware and the core are
 * done with it, and before the first driver.  What the core changes later is
 * not in it.  BARs, bridge windows and bus numbers are in the resource tree,
 * whether the function is enabled in its struct pci_dev; both are laid over
 * the copy when it is used.  The rest is noted here by who sets it: packet
 * sizes and link power management.  LTR is enabled before the copy is taken.
 *
 * A BAR that does not contain what the resource tree says when the copy is
 * taken never will: the platform, as on s390, has its own addresses in the
 * tree, and others in the BARs, if any.  Such a BAR is left as it was then.
 *
 * Context: the copy is made before anyone else knows the device, freed with it,
 * and else only read.  What is noted are single words, written as a whole: if
 * a setter races with a reset, it is as undefined what the device gets as it
 * is when setting races with save and restore.
 */

#include <linux/cleanup.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "pci.h"

/* Which bits of a register were set, and to what */
struct pci_known_good_note {
	u32 mask;
	u32 val;
};

/**
 * struct pci_known_good - how a function can be set up from nothing
 * @state: its config space when it was added
 * @id: vendor and device ID, as read
 * @foreign: BARs, a bit each, whose address is not that of the resource tree
 * @devctl: packet sizes in Device Control, if the core set them since
 * @lnkctl: the same for ASPM in Link Control
 * @l1ss: the same for the substates enabled in L1 PM Substates Control 1
 */
struct pci_known_good {
	struct pci_saved_state *state;
	u32 id;
	u32 foreign;
	struct pci_known_good_note devctl, lnkctl, l1ss;
};

static bool pci_known_good_is_set(const struct resource *res)
{
	return res->flags &&
	       !(res->flags & (IORESOURCE_UNSET | IORESOURCE_PCI_FIXED));
}

/* Of the state that was saved last, without the flags below an address */
static bool pci_known_good_agrees(struct pci_dev *dev, int bar, u64 val)
{
	const u32 *config = &dev->saved_config_space[PCI_BASE_ADDRESS_0 / 4];
	u64 saved = config[bar];

	if (pci_resource_flags(dev, bar) & IORESOURCE_MEM_64)
		saved |= (u64)config[bar + 1] << 32;

	return saved >> 4 == val >> 4;
}

static u32 pci_known_good_foreign(struct pci_dev *dev)
{
	u32 foreign = 0;

	for (int i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (pci_known_good_is_set(pci_resource_n(dev, i)) &&
		    !pci_known_good_agrees(dev, i, pci_bar_value(dev, i)))
			foreign |= BIT(i);
	}

	return foreign;
}

/**
 * pci_known_good_init - take the copy
 * @dev: function that is being added, its state just saved
 *
 * Context: May sleep.  No driver must have been bound to @dev yet.
 */
void pci_known_good_init(struct pci_dev *dev)
{
	struct pci_known_good *good __free(kfree) =
		kzalloc(sizeof(*good), GFP_KERNEL);

	/* Without it there is still what was saved last */
	if (!good || PCI_POSSIBLE_ERROR(dev->saved_config_space[1]))
		return;

	good->state = pci_store_saved_state(dev);
	if (!good->state)
		return;

	good->id = dev->saved_config_space[0];
	good->foreign = pci_known_good_foreign(dev);
	dev->known_good = no_free_ptr(good);
}

/**
 * pci_known_good_free - free the copy
 * @dev: function that nobody uses any more
 */
void pci_known_good_free(struct pci_dev *dev)
{
	if (!dev->known_good)
		return;

	kfree(dev->known_good->state);
	kfree(dev->known_good);
}

static void pci_known_good_note(struct pci_known_good_note *note, u32 mask,
				u32 val)
{
	WRITE_ONCE(note->val, (note->val & ~mask) | (val & mask));
	WRITE_ONCE(note->mask, note->mask | mask);
}

static u32 pci_known_good_apply(const struct pci_known_good_note *note, u32 old)
{
	u32 mask = READ_ONCE(note->mask);

	return (old & ~mask) | (READ_ONCE(note->val) & mask);
}

/**
 * pci_known_good_set_devctl - note what the core wrote to Device Control
 * @dev: function
 * @mask: the bits written
 * @val: their value
 */
void pci_known_good_set_devctl(struct pci_dev *dev, u16 mask, u16 val)
{
	if (dev->known_good)
		pci_known_good_note(&dev->known_good->devctl, mask, val);
}

/**
 * pci_known_good_set_lnkctl - note what the core wrote to Link Control
 * @dev: function
 * @mask: the bits written
 * @val: their value
 */
void pci_known_good_set_lnkctl(struct pci_dev *dev, u16 mask, u16 val)
{
	if (dev->known_good)
		pci_known_good_note(&dev->known_good->lnkctl, mask, val);
}

/**
 * pci_known_good_set_l1ss - note which L1 PM Substates the core enabled
 * @dev: function
 * @val: the bits of PCI_L1SS_CTL1_L1SS_MASK
 */
void pci_known_good_set_l1ss(struct pci_dev *dev, u32 val)
{
	if (dev->known_good)
		pci_known_good_note(&dev->known_good->l1ss,
				    PCI_L1SS_CTL1_L1SS_MASK, val);
}

static void pci_known_good_caps(struct pci_dev *dev)
{
	struct pci_cap_saved_state *cap;
	u16 *exp;

	/* In the order of pci_save_pcie_state() */
	cap = pci_find_saved_cap(dev, PCI_CAP_ID_EXP);
	if (cap) {
		exp = (u16 *)cap->cap.data;
		exp[0] = pci_known_good_apply(&dev->known_good->devctl, exp[0]);
		exp[1] = pci_known_good_apply(&dev->known_good->lnkctl, exp[1]);
	}

	/* In the order of pci_save_aspm_l1ss_state() */
	cap = pci_find_saved_ext_cap(dev, PCI_EXT_CAP_ID_L1SS);
	if (cap)
		cap->cap.data[1] = pci_known_good_apply(&dev->known_good->l1ss,
							cap->cap.data[1]);
}

/* What a BAR has to contain, if the core has a say in that */
static bool pci_known_good_bar(struct pci_dev *dev, int bar, u64 *val)
{
	if (dev->known_good->foreign & BIT(bar) ||
	    !pci_known_good_is_set(pci_resource_n(dev, bar)))
		return false;

	*val = pci_bar_value(dev, bar);
	return true;
}

static void pci_known_good_bars(struct pci_dev *dev)
{
	u32 *config = &dev->saved_config_space[PCI_BASE_ADDRESS_0 / 4];
	u64 val;

	for (int i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (!pci_known_good_bar(dev, i, &val))
			continue;

		config[i] = lower_32_bits(val);
		if (pci_resource_flags(dev, i) & IORESOURCE_MEM_64)
			config[i + 1] = upper_32_bits(val);
	}
}

static void pci_known_good_rom(struct pci_dev *dev)
{
	struct resource *res = pci_resource_n(dev, PCI_ROM_RESOURCE);
	u32 *val = &dev->saved_config_space[dev->rom_base_reg / 4];

	if (!dev->rom_base_reg)
		return;

	/* See pci_std_update_resource() for why it is else left alone */
	*val &= ~PCI_ROM_ADDRESS_ENABLE;
	if (res->flags & IORESOURCE_ROM_ENABLE &&
	    !(res->flags & (IORESOURCE_UNSET | IORESOURCE_PCI_FIXED)))
		*val = pci_bar_value(dev, PCI_ROM_RESOURCE);
}

static void pci_known_good_bus_numbers(struct pci_dev *dev)
{
	u32 *config = dev->saved_config_space;
	struct pci_bus *bus = dev->subordinate;

	if (!bus)
		return;

	config[PCI_PRIMARY_BUS / 4] &= 0xff000000;
	config[PCI_PRIMARY_BUS / 4] |= bus->primary | bus->busn_res.start << 8 |
				       bus->busn_res.end << 16;
}

/* A bound driver, or a bridge, gets back what it was given */
static void pci_known_good_command(struct pci_dev *dev)
{
	u32 *config = dev->saved_config_space;
	struct resource *res;
	u16 cmd = config[PCI_COMMAND / 4];

	if (pci_is_enabled(dev)) {
		pci_dev_for_each_resource(dev, res) {
			if (!resource_assigned(res))
				continue;
			if (res->flags & IORESOURCE_IO)
				cmd |= PCI_COMMAND_IO;
			if (res->flags & IORESOURCE_MEM)
				cmd |= PCI_COMMAND_MEMORY;
		}
	}
	if (dev->is_busmaster)
		cmd |= PCI_COMMAND_MASTER;

	/* The status bits above it are cleared by being written */
	config[PCI_COMMAND / 4] = cmd;
}

/**
 * pci_known_good_load - have pci_restore_state() set up a function from nothing
 * @dev: function whose config space could not be saved
 *
 * Without a copy pci_restore_state() writes what was saved last.
 *
 * Context: May sleep.  The caller holds the device lock of @dev.
 */
void pci_known_good_load(struct pci_dev *dev)
{
	device_lock_assert(&dev->dev);

	if (!dev->known_good)
		return;

	if (pci_load_saved_state(dev, dev->known_good->state)) {
		pci_warn(dev, "known good config space is incomplete\n");
		return;
	}

	pci_known_good_caps(dev);
	/* VFs have no BARs of their own, and their Command is mostly the PF's */
	if (!dev->is_virtfn) {
		pci_known_good_bars(dev);
		pci_known_good_rom(dev);
	}
	if (dev->hdr_type == PCI_HEADER_TYPE_BRIDGE) {
		pci_known_good_bus_numbers(dev);
		pci_bridge_windows(dev, dev->saved_config_space);
	}
	pci_known_good_command(dev);
}

/**
 * pci_known_good_is_lost - check whether a function has forgotten where it is
 * @dev: function whose state was saved just now
 *
 * A device that has reset itself answers, but what is saved of it is nothing
 * that should be restored.
 *
 * Context: The caller holds the device lock of @dev.
 *
 * Return: true if an address in its BARs is not the one that it was given.
 */
bool pci_known_good_is_lost(struct pci_dev *dev)
{
	u64 val;

	device_lock_assert(&dev->dev);

	/* A VF's BARs are zero and stay so */
	if (!dev->known_good || dev->is_virtfn)
		return false;

	for (int i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (pci_known_good_bar(dev, i, &val) &&
		    !pci_known_good_agrees(dev, i, val))
			return true;
	}

	return false;
}

/**
 * pci_known_good_answers - check that it is the same device that answers
 * @dev: function that was reset, its config space restored
 *
 * Context: May sleep.  The caller holds the device lock of @dev.
 *
 * Return: 0, -ETIMEDOUT if nothing answers, or -ENODEV if something else does.
 */
int pci_known_good_answers(struct pci_dev *dev)
{
	const struct pci_known_good *good = dev->known_good;
	u32 id, cmd;

	device_lock_assert(&dev->dev);

	pci_read_config_dword(dev, PCI_COMMAND, &cmd);
	if (PCI_POSSIBLE_ERROR(cmd))
		return -ETIMEDOUT;

	/* A VF has no IDs, it is what its PF is */
	if (!good || dev->is_virtfn)
		return 0;

	pci_read_config_dword(dev, PCI_VENDOR_ID, &id);
	return id == good->id && pci_get_dsn(dev) == dev->dsn ? 0 : -ENODEV;
}
