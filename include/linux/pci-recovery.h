/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bringing PCI functions back by a reset, without losing them
 *
 * See drivers/pci/recovery.c for how.
 */

#ifndef LINUX_PCI_RECOVERY_H
#define LINUX_PCI_RECOVERY_H

#include <linux/pci-reset.h>
#include <linux/types.h>

struct pci_dev;
struct pci_recovery_domain;

/**
 * struct pci_recovery_budget - how often something was recovered in an hour
 * @since: when the hour began, in jiffies
 * @used: how often
 *
 * All zero to begin with.  Whoever counts recoveries sees to it that nobody
 * else does so at the same time.
 */
struct pci_recovery_budget {
	unsigned long since;
	unsigned int used;
};

/**
 * struct pci_recovery_ops - what a platform has to do with a recovery
 * @begin: called before any device lock is taken, to take locks that come
 *	before those or to leave marks; if it fails there is no reset, and @end
 *	is not called
 * @reset: resets the functions that the platform has collected, whose device
 *	locks and config accesses are held, together with those of the bridge
 *	above the first one; DMA is blocked.  When it returns 0, the functions
 *	answer or will do so by themselves.
 * @end: called after the last device lock is released; drivers are resumed and
 *	bound after it
 *
 * Each may be left out, but @reset only if the PCI core finds the functions.
 */
struct pci_recovery_ops {
	int (*begin)(const struct pci_recovery_domain *domain);
	int (*reset)(const struct pci_recovery_domain *domain);
	void (*end)(const struct pci_recovery_domain *domain);
};

/**
 * struct pci_recovery_domain - what is to be recovered
 * @dev: the function that it is about
 * @mask: kinds of reset that may be used; those that a @reset of @ops is like,
 *	for drivers to know
 * @by_user: somebody asked for it who can bear the consequences: there is no
 *	limit to how often, and a driver that fails is bound anew
 * @counted: the platform has a limit of its own, and has seen to it by
 *	pci_recovery_within_budget()
 * @on_error: a device has failed, so that drivers with error handlers are told
 *	by these rather than by reset_prepare()
 * @lost: the platform has stopped all of @devs, so that whoever uses one has
 *	lost it, and is in no position to refuse its recovery
 * @devs: the functions that the @reset of @ops hits, @dev among them, each
 *	before those below it, with references; NULL for the PCI core to find
 *	and reset them
 * @nr_devs: how many
 * @ops: what the platform does, or NULL
 * @data: for @ops
 */
struct pci_recovery_domain {
	struct pci_dev *dev;
	pci_reset_t mask;
	bool by_user;
	bool counted;
	bool on_error;
	bool lost;
	struct pci_dev *const *devs;
	unsigned int nr_devs;
	const struct pci_recovery_ops *ops;
	void *data;
};

bool pci_recovery_within_budget(struct pci_recovery_budget *budget,
				unsigned int limit);
int pci_recover_domain(const struct pci_recovery_domain *domain);
int pcibios_recover(const struct pci_recovery_domain *domain);
int pci_bus_error_reset(struct pci_dev *bridge);
int pci_bus_error_reset_locked(struct pci_dev *bridge);
int pci_recover_function(struct pci_dev *dev, pci_reset_t mask);
bool pci_reset_pending(const struct pci_dev *dev);

#endif /* LINUX_PCI_RECOVERY_H */
