// SPDX-License-Identifier: GPL-2.0
/*
 * What sparse must say about masks of reset kinds, and what it must not.
 *
 * "refused: TEXT; TEXT" at the end of a line: it gets a warning with each of
 * these texts, and no other.  Without it, none at all.
 */
#include <linux/bits.h>
#include <linux/pci.h>

int reset_right(struct pci_dev *dev, bool whole_link);
int reset_right(struct pci_dev *dev, bool whole_link)
{
	pci_reset_t mask = whole_link ? PCI_RESET_LINK : PCI_RESET_FUNC;

	if (mask & PCI_RESET_BUS)
		mask &= ~PCI_RESET_BUS;

	return pci_reset_function(dev, mask) ?:
	       pci_reset_function_locked(dev, PCI_RESET_FLR | PCI_RESET_PM) ?:
	       __pci_reset_function_locked(dev, PCI_RESET_ANY) ?:
	       pci_try_reset_function(dev, PCI_RESET_ACPI) ?:
	       pci_reset_bus(dev, PCI_RESET_SLOT | PCI_RESET_BUS);
}

int reset_by_number(struct pci_dev *dev);
int reset_by_number(struct pci_dev *dev)
{
	return pci_reset_function(dev, 1) ?: /* refused: argument 2 */
	       pci_reset_function_locked(dev, 1) ?: /* refused: argument 2 */
	       __pci_reset_function_locked(dev, 1) ?: /* refused: argument 2 */
	       pci_try_reset_function(dev, 1) ?: /* refused: argument 2 */
	       pci_reset_bus(dev, 1); /* refused: argument 2 */
}

int reset_by_bool(struct pci_dev *dev);
int reset_by_bool(struct pci_dev *dev)
{
	return pci_reset_function(dev, true); /* refused: argument 2 */
}

int reset_by_bit(struct pci_dev *dev);
int reset_by_bit(struct pci_dev *dev)
{
	return pci_reset_function(dev, BIT(20)); /* refused: argument 2 */
}

int reset_swapped(struct pci_dev *dev);
int reset_swapped(struct pci_dev *dev)
{
	return pci_reset_function(PCI_RESET_FLR, dev); /* refused: argument 1; argument 2; pointer to integer cast */
}

int reset_mixed(struct pci_dev *dev);
int reset_mixed(struct pci_dev *dev)
{
	return pci_reset_function(dev, PCI_RESET_FLR | BIT(20)); /* refused: degrades to integer; argument 2 */
}
