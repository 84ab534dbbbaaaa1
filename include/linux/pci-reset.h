/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kinds of PCI reset, for callers to say which of them they can live with
 *
 * See Documentation/PCI/pci-reset.rst for how to choose.
 */

#ifndef LINUX_PCI_RESET_H
#define LINUX_PCI_RESET_H

#include <linux/bits.h>
#include <linux/types.h>

/**
 * typedef pci_reset_t - a set of kinds of reset
 *
 * What a caller passes is a filter: of the methods that the user left enabled
 * in "reset_method", in the user's order, those in the set may be used.
 *
 * A type of its own, so that sparse refuses a number, a bool or another
 * subsystem's flags.
 */
typedef u32 __bitwise pci_reset_t;

/* Of the function alone, by its quirk in pci_dev_reset_methods[] */
#define PCI_RESET_DEV_SPECIFIC	((__force pci_reset_t)BIT(0))
/* Of the function alone, by the platform's _RST (ACPI r6.5, sec 7.3.25) */
#define PCI_RESET_ACPI		((__force pci_reset_t)BIT(1))
/* Function Level Reset (PCIe r6.0, sec 6.6.2) */
#define PCI_RESET_FLR		((__force pci_reset_t)BIT(2))
/* The same for conventional PCI (Advanced Features ECN, 2006) */
#define PCI_RESET_AF_FLR	((__force pci_reset_t)BIT(3))
/* D3hot and back without No_Soft_Reset (PCI PM r1.2, sec 5.4.1) */
#define PCI_RESET_PM		((__force pci_reset_t)BIT(4))
/* Of all that is in the slot, by its hotplug driver, which expects it */
#define PCI_RESET_SLOT		((__force pci_reset_t)BIT(5))
/* Secondary Bus Reset of the upstream bridge (PCIe r6.0, sec 7.5.1.3.13) */
#define PCI_RESET_BUS		((__force pci_reset_t)BIT(6))
/* The same where a CXL port masks it (CXL r3.1, sec 8.1.5.2) */
#define PCI_RESET_CXL_BUS	((__force pci_reset_t)BIT(7))

/* The function (with its VFs, if it is a PF), the link stays up */
#define PCI_RESET_FUNC		(PCI_RESET_DEV_SPECIFIC | PCI_RESET_ACPI | \
				 PCI_RESET_FLR | PCI_RESET_AF_FLR | \
				 PCI_RESET_PM)
/* The link goes down, all functions behind it are reset */
#define PCI_RESET_LINK		(PCI_RESET_SLOT | PCI_RESET_BUS | \
				 PCI_RESET_CXL_BUS)
/* Whatever the user prefers; enumerated, so that a new kind is opt-in */
#define PCI_RESET_ANY		(PCI_RESET_FUNC | PCI_RESET_LINK)

/*
 * What a driver's reset_request() returns if it does not use the device, and
 * won't before the reset is done: there is nothing to be told to the driver.
 */
#define PCI_RESET_UNUSED	1

/*
 * What a driver's reset_request() returns if it wants to reset the device by
 * itself, should it come to that: by reset_perform().
 */
#define PCI_RESET_BY_DRIVER	2

#endif /* LINUX_PCI_RESET_H */
