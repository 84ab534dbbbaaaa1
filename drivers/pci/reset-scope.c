// SPDX-License-Identifier: GPL-2.0
/*
 * The functions that a slot or bus reset touches, held as one set
 *
 * A slot or bus reset hits every function behind it.  All of them have to be
 * locked, saved, restored and unlocked, and it must be the same ones each
 * time, while hotplug and rescan change the buses.  So the set is written
 * down, with references, before anything is done to it:
 *
 *   - It is collected under pci_bus_sem, which is dropped before the first
 *     device is locked: sriov_enable() takes pci_bus_sem for writing while
 *     the PF's device lock is held.
 *
 *   - Once everything is locked it is collected again.  If a function came or
 *     went in between, start over, or give up if that was but a try.
 *
 *   - A function in the set may still leave its bus, if its removal was past
 *     its last use of the device lock when the set was locked.  The reference
 *     keeps it, and it is unlocked like the others.
 *
 *   - A function that is added later is not in the set.  It is not restored,
 *     for nobody saved it, and not unlocked, for nobody locked it.
 *
 * Order of locks: the upstream bridge, then the functions top down, siblings
 * in the order of the bus list; of each function its device lock, then its
 * config access.  lockdep does not see device locks, so pci_scope_lock() is
 * the one place that takes them for a set.
 */

#include <linux/cleanup.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "pci.h"

/**
 * struct pci_reset_scope - what a slot or bus reset touches
 * @bridge: upstream bridge, locked as well, or NULL on a root bus
 * @nr: number of functions
 * @member: the functions, each before those below it
 * @member.dev: the function, with a reference
 * @member.saved: its config space was saved
 */
struct pci_reset_scope {
	struct pci_dev *bridge;
	unsigned int nr;
	struct pci_scope_member {
		struct pci_dev *dev;
		bool saved;
	} member[] __counted_by(nr);
};

struct pci_scope_walk {
	const struct pci_bus *bus;
	const struct pci_slot *slot;
	int (*fn)(struct pci_dev *dev, void *data);
	void *data;
};

static int pci_scope_visit(struct pci_dev *dev, void *data)
{
	struct pci_scope_walk *walk = data;
	struct pci_dev *top = dev;

	if (walk->slot) {
		while (top->bus != walk->bus)
			top = top->bus->self;
		if (top->slot != walk->slot)
			return 0;
	}

	return walk->fn(dev, walk->data);
}

/* Call @fn for what is in @slot, or on all of @bus if it is NULL, and below */
static void pci_scope_walk(struct pci_bus *bus, struct pci_slot *slot,
			   int (*fn)(struct pci_dev *dev, void *data),
			   void *data)
{
	struct pci_scope_walk walk = {
		.bus = bus, .slot = slot, .fn = fn, .data = data,
	};

	pci_walk_bus_locked(bus, pci_scope_visit, &walk);
}

static int pci_scope_forbids(struct pci_dev *dev, void *data)
{
	bool *forbidden = data;

	if (dev->dev_flags & PCI_DEV_FLAGS_NO_BUS_RESET)
		*forbidden = true;

	return *forbidden;
}

/**
 * pci_reset_scope_allowed - check whether a slot or bus may be reset
 * @bus: bus to be reset
 * @slot: slot on @bus if it alone is to be reset, or NULL
 *
 * Context: May sleep.  Takes pci_bus_sem.
 *
 * Return: false if the upstream bridge or a function that the reset would
 * touch has PCI_DEV_FLAGS_NO_BUS_RESET, else true.
 */
bool pci_reset_scope_allowed(struct pci_bus *bus, struct pci_slot *slot)
{
	bool forbidden = false;

	guard(rwsem_read)(&pci_bus_sem);
	if (bus->self)
		pci_scope_forbids(bus->self, &forbidden);
	if (!forbidden)
		pci_scope_walk(bus, slot, pci_scope_forbids, &forbidden);

	return !forbidden;
}

static void pci_scope_put(struct pci_reset_scope *scope)
{
	if (!scope)
		return;

	for (unsigned int i = 0; i < scope->nr; i++)
		pci_dev_put(scope->member[i].dev);
	pci_dev_put(scope->bridge);
	kvfree(scope);
}

DEFINE_FREE(pci_scope_put, struct pci_reset_scope *, pci_scope_put(_T))

static int pci_scope_count(struct pci_dev *dev, void *data)
{
	unsigned int *nr = data;

	++*nr;
	return 0;
}

static int pci_scope_add(struct pci_dev *dev, void *data)
{
	struct pci_scope_member **next = data;

	(*next)++->dev = pci_dev_get(dev);
	return 0;
}

static struct pci_reset_scope *pci_scope_get(struct pci_bus *bus,
					     struct pci_slot *slot)
{
	struct pci_reset_scope *scope;
	struct pci_scope_member *next;
	unsigned int nr = 0;

	guard(rwsem_read)(&pci_bus_sem);
	pci_scope_walk(bus, slot, pci_scope_count, &nr);

	/* The disk that memory would be written to may wait for this reset */
	scope = kvzalloc(struct_size(scope, member, nr), GFP_NOIO);
	if (!scope)
		return NULL;

	scope->nr = nr;
	scope->bridge = pci_dev_get(bus->self);
	next = scope->member;
	pci_scope_walk(bus, slot, pci_scope_add, &next);

	return scope;
}

static bool pci_scope_same(const struct pci_reset_scope *a,
			   const struct pci_reset_scope *b)
{
	if (a->nr != b->nr)
		return false;

	for (unsigned int i = 0; i < a->nr; i++) {
		if (a->member[i].dev != b->member[i].dev)
			return false;
	}

	return true;
}

static void pci_scope_unlock(struct pci_reset_scope *scope, unsigned int nr)
{
	while (nr)
		pci_dev_unlock(scope->member[--nr].dev);
	if (scope->bridge)
		pci_dev_unlock(scope->bridge);
}

static bool pci_scope_lock_one(struct pci_dev *dev, bool try)
{
	if (try)
		return pci_dev_trylock(dev);

	pci_dev_lock(dev);
	return true;
}

/* Lock all or nothing; fails only if @try */
static bool pci_scope_lock(struct pci_reset_scope *scope, bool try)
{
	if (scope->bridge && !pci_scope_lock_one(scope->bridge, try))
		return false;

	for (unsigned int i = 0; i < scope->nr; i++) {
		if (!pci_scope_lock_one(scope->member[i].dev, try)) {
			pci_scope_unlock(scope, i);
			return false;
		}
	}

	return true;
}

static struct pci_reset_scope *pci_scope_hold(struct pci_bus *bus,
					      struct pci_slot *slot, bool try)
{
	for (;;) {
		struct pci_reset_scope *scope __free(pci_scope_put) =
			pci_scope_get(bus, slot);
		if (!scope)
			return ERR_PTR(-ENOMEM);

		if (!pci_scope_lock(scope, try))
			return ERR_PTR(-EAGAIN);

		struct pci_reset_scope *now __free(pci_scope_put) =
			pci_scope_get(bus, slot);
		if (now && pci_scope_same(scope, now))
			return no_free_ptr(scope);

		pci_scope_unlock(scope, scope->nr);
		if (!now)
			return ERR_PTR(-ENOMEM);
		if (try)
			return ERR_PTR(-EAGAIN);
	}
}

/**
 * pci_reset_scope_lock - collect and lock what a slot or bus reset touches
 * @bus: bus to be reset
 * @slot: slot on @bus if it alone is to be reset, or NULL
 *
 * Context: May sleep.  Takes the device locks and config accesses of the
 * upstream bridge and of all functions in the set; none of them may be held.
 *
 * Return: The set, or ERR_PTR(-ENOMEM).
 */
struct pci_reset_scope *pci_reset_scope_lock(struct pci_bus *bus,
					     struct pci_slot *slot)
{
	return pci_scope_hold(bus, slot, false);
}

/**
 * pci_reset_scope_trylock - like pci_reset_scope_lock(), but don't wait
 * @bus: bus to be reset
 * @slot: slot on @bus if it alone is to be reset, or NULL
 *
 * Context: May sleep, but does not wait for a device lock or config access.
 *
 * Return: The set, or ERR_PTR(): -EAGAIN if a function is in use or the set
 * changed while it was being locked, -ENOMEM.
 */
struct pci_reset_scope *pci_reset_scope_trylock(struct pci_bus *bus,
						struct pci_slot *slot)
{
	return pci_scope_hold(bus, slot, true);
}

/**
 * pci_reset_scope_unlock - unlock what pci_reset_scope_lock() locked
 * @scope: the set, freed here; an ERR_PTR() or NULL is ignored
 *
 * Context: May sleep.
 */
void pci_reset_scope_unlock(struct pci_reset_scope *scope)
{
	if (IS_ERR_OR_NULL(scope))
		return;

	pci_scope_unlock(scope, scope->nr);
	pci_scope_put(scope);
}

/**
 * pci_reset_scope_save - tell the drivers, save and disable the functions
 * @scope: the set
 *
 * Context: May sleep.
 */
void pci_reset_scope_save(struct pci_reset_scope *scope)
{
	struct pci_scope_member *m;

	for (m = scope->member; m < scope->member + scope->nr; m++)
		m->saved = pci_dev_save_and_disable(m->dev);
}

/**
 * pci_reset_scope_restore - restore the functions and tell the drivers
 * @scope: the set
 * @reset: whether the reset worked
 * @reset_type: what was reset, for the log
 *
 * Top down: a bridge has to work before what is below it can be reached.
 *
 * Context: May sleep.
 */
void pci_reset_scope_restore(struct pci_reset_scope *scope, bool reset,
			     char *reset_type)
{
	struct pci_scope_member *m;

	for (m = scope->member; m < scope->member + scope->nr; m++) {
		pci_dev_restore(m->dev, m->saved, reset);
		pci_bridge_wait_for_secondary_bus(m->dev, reset_type);
	}
}
