// SPDX-License-Identifier: GPL-2.0
/*
 * The functions that a reset touches, held as one set
 *
 * A slot or bus reset hits every function behind it, and the reset of a PF
 * hits its VFs.  All of them have to be locked, saved, restored and unlocked,
 * and it must be the same ones each time, while hotplug and rescan change the
 * buses.  So the set is written down, with references, before anything is
 * done to it:
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
 *   - A function that is added later is not in the set, and not unlocked, for
 *     nobody locked it.  Nor can it be kept out: who adds it holds the
 *     rescan/remove lock, which comes after the device locks held here.  The
 *     reset hits it as well.  So once the reset is done it gets back the BARs
 *     it was assigned and what was saved when it was added, unless a driver is
 *     just being bound to it and finds out for itself.  The same goes for one
 *     that is still in pci_device_add(), which takes its device lock, perhaps
 *     with pciehp's reset_lock held.
 *
 * Order of locks: first all device locks, that of the upstream bridge, then of
 * the functions top down, siblings in the order of the bus list, in which a PF
 * comes before its VFs.  Then the config accesses of all, in the same order: a
 * driver may block those while its device is locked.  Then the hotplug
 * driver's own lock, see pciehp_reset_slot().  The rescan/remove lock comes
 * after device locks, so nobody who holds it may reset anything.
 *
 * lockdep does not see device locks, so pci_scope_lock() and pci_reset_function()
 * are the only places that take more than one.
 *
 * Drivers that want to are asked before that, each with the device lock of its
 * own function, see pci_reset_ask().  The set that is locked later has to be
 * one that was asked: each function with the driver that it had then, or none.
 *
 * The VFs of a PF that is reset are only tried.  Unbinding a VF from vfio-pci
 * holds its device lock until user space lets go of it.
 *
 * Recovery collects a set first, has it to itself (see recovery.c), and locks
 * it only later.  What was added in between is not ready to be reset, so that
 * is told apart from what has left.
 */

#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/pci.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>

#include "pci.h"

struct pci_scope_walk {
	struct pci_scope_what what;
	int (*fn)(struct pci_dev *dev, void *data);
	void *data;
	int result;
};

/**
 * struct pci_reset_scope - what a reset touches
 * @what: what was asked for
 * @bridge: upstream bridge, locked as well, or NULL on a root bus and for VFs
 * @asked: of how many functions the driver was asked
 * @by_driver: the driver of the function that was asked for wants to reset it
 * @agreed: the same functions when they were asked, or NULL
 * @recovery: functions may have left, and have to answer after the reset
 * @nr: number of functions
 * @member: the functions, each before those below it
 * @member.dev: the function, with a reference
 * @member.bindings: how often drivers were bound to it by when it was asked
 * @member.left: it was removed before the set was locked
 * @member.told: its driver was told, and its state was to be saved, before that
 * @member.saved: its config space was saved
 * @member.blocked: its DMA is blocked
 * @member.result: whether it answers after the reset: 0 or a negative errno
 */
struct pci_reset_scope {
	struct pci_scope_what what;
	struct pci_dev *bridge;
	unsigned int asked;
	bool by_driver;
	struct pci_reset_scope *agreed;
	bool recovery;
	unsigned int nr;
	struct pci_scope_member {
		struct pci_dev *dev;
		unsigned int bindings;
		bool left;
		bool told;
		bool saved;
		bool blocked;
		int result;
	} member[] __counted_by(nr);
};

static int pci_scope_visit(struct pci_dev *dev, void *data)
{
	struct pci_scope_walk *walk = data;
	const struct pci_scope_what *what = &walk->what;
	struct pci_dev *top = pci_physfn(dev);

	if (what->pf && (!dev->is_virtfn || top != what->pf))
		return 0;

	if (what->func && dev != what->func && top != what->func)
		return 0;

	if (what->settled && !pci_dev_is_settled(dev))
		return 0;

	/* VFs are reset with their PF, and may look as if in no slot at all */
	if (what->slot) {
		/* No bridge leads to a VF on a virtual bus, but its PF does */
		while (top->bus != what->bus)
			top = top->bus->self ?: pci_physfn(top);
		if (top->slot != what->slot)
			return 0;
	}

	walk->result = walk->fn(dev, walk->data);
	return walk->result;
}

/* Until @fn returns anything but 0, which is returned */
static int pci_scope_walk(const struct pci_scope_what *what,
			  int (*fn)(struct pci_dev *dev, void *data),
			  void *data)
{
	struct pci_scope_walk walk = { .what = *what, .fn = fn, .data = data };

	if (!what->devs) {
		pci_walk_bus_locked(what->bus, pci_scope_visit, &walk);
		return walk.result;
	}

	for (unsigned int i = 0; i < what->nr_devs && !walk.result; i++)
		walk.result = fn(what->devs[i], data);

	return walk.result;
}

static int pci_scope_print(struct pci_dev *dev, void *data)
{
	seq_buf_printf(data, " %s", pci_name(dev));
	return 0;
}

static void pci_scope_print_kind(struct seq_buf *s, struct pci_dev *dev,
				 pci_reset_t kind)
{
	struct pci_scope_what what = { .bus = dev->bus };

	seq_buf_printf(s, "%s:", pci_reset_kind_name(kind));

	if (kind & PCI_RESET_FUNC)
		what.func = dev;
	else if (kind == PCI_RESET_SLOT)
		what.slot = dev->slot;

	scoped_guard(rwsem_read, &pci_bus_sem)
		pci_scope_walk(&what, pci_scope_print, s);

	seq_buf_puts(s, "\n");
}

/**
 * pci_reset_scope_print - say which functions a reset would touch
 * @s: where to
 * @dev: function
 *
 * A line for each kind of reset that @dev has, enabled by the user or not.
 * Those of the slot and of the bus are what pci_reset_bus() would do.
 *
 * Context: May sleep.  Takes pci_bus_sem.  Has no effect on @dev, which must
 * not be in D3cold.
 */
void pci_reset_scope_print(struct seq_buf *s, struct pci_dev *dev)
{
	for (u32 bits = (__force u32)PCI_RESET_ANY; bits; bits &= bits - 1) {
		pci_reset_t kind = (__force pci_reset_t)BIT(__ffs(bits));

		if (!pci_probe_reset_kind(dev, kind))
			pci_scope_print_kind(s, dev, kind);
	}
}

/**
 * pci_walk_reset_scope - visit the functions that a reset would touch
 * @dev: function
 * @kind: %PCI_RESET_SLOT or %PCI_RESET_BUS
 * @fn: called for each, with @data; anything but 0 ends the walk
 * @data: for @fn
 *
 * What pci_reset_bus() would touch with @kind as its mask, should there be such
 * a reset: in the order in which it locks them, VFs and what is below other
 * bridges included.
 *
 * Context: May sleep.  @fn is called with pci_bus_sem held.
 *
 * Return: 0, what @fn returned to end the walk, or -EINVAL for another @kind.
 */
int pci_walk_reset_scope(struct pci_dev *dev, pci_reset_t kind,
			 int (*fn)(struct pci_dev *dev, void *data), void *data)
{
	struct pci_scope_what what = { .bus = dev->bus };

	if (kind == PCI_RESET_SLOT)
		what.slot = dev->slot;
	else if (kind != PCI_RESET_BUS)
		return -EINVAL;

	guard(rwsem_read)(&pci_bus_sem);

	return pci_scope_walk(&what, fn, data);
}
EXPORT_SYMBOL_GPL(pci_walk_reset_scope);

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
	const struct pci_scope_what what = { .bus = bus, .slot = slot };
	bool forbidden = false;

	guard(rwsem_read)(&pci_bus_sem);
	if (bus->self)
		pci_scope_forbids(bus->self, &forbidden);
	if (!forbidden)
		pci_scope_walk(&what, pci_scope_forbids, &forbidden);

	return !forbidden;
}

/**
 * pci_reset_scope_put - free a set that is not locked
 * @scope: the set; an ERR_PTR() or NULL is ignored
 *
 * Context: May sleep.
 */
void pci_reset_scope_put(struct pci_reset_scope *scope)
{
	if (IS_ERR_OR_NULL(scope))
		return;

	pci_reset_scope_put(scope->agreed);
	for (unsigned int i = 0; i < scope->asked; i++)
		atomic_dec(&scope->member[i].dev->resets_pending);
	for (unsigned int i = 0; i < scope->nr; i++)
		pci_dev_put(scope->member[i].dev);
	pci_dev_put(scope->bridge);
	kvfree(scope);
}

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

/* A link reset needs the bridge above it, a platform's may be one */
static struct pci_dev *pci_scope_bridge(const struct pci_scope_what *what)
{
	if (what->devs)
		return pci_upstream_bridge(what->devs[0]);

	return what->pf || what->no_link ? NULL : what->bus->self;
}

static struct pci_reset_scope *
pci_scope_get(const struct pci_scope_what *what)
{
	struct pci_scope_what most = *what;
	struct pci_reset_scope *scope;
	struct pci_scope_member *next;
	unsigned int nr = 0;

	/* A function may be settled, or get a slot, between the two walks */
	most.settled = false;
	most.slot = NULL;

	guard(rwsem_read)(&pci_bus_sem);
	pci_scope_walk(&most, pci_scope_count, &nr);

	/* The disk that memory would be written to may wait for this reset */
	scope = kvzalloc(struct_size(scope, member, nr), GFP_NOIO);
	if (!scope)
		return NULL;

	scope->nr = nr;
	scope->what = *what;
	scope->bridge = pci_dev_get(pci_scope_bridge(what));
	next = scope->member;
	pci_scope_walk(what, pci_scope_add, &next);
	scope->nr = next - scope->member;

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

/* The bridge comes first.  NULL after the last one. */
static struct pci_dev *pci_scope_dev(const struct pci_reset_scope *scope,
				     unsigned int i)
{
	if (scope->bridge && i-- == 0)
		return scope->bridge;

	return i < scope->nr ? scope->member[i].dev : NULL;
}

static void pci_scope_unlock_devices(struct pci_reset_scope *scope,
				     unsigned int nr)
{
	while (nr)
		device_unlock(&pci_scope_dev(scope, --nr)->dev);
}

static void pci_scope_unlock_configs(struct pci_reset_scope *scope,
				     unsigned int nr)
{
	while (nr)
		pci_cfg_access_unlock(pci_scope_dev(scope, --nr));
}

static void pci_scope_unlock(struct pci_reset_scope *scope)
{
	unsigned int nr = scope->nr + !!scope->bridge;

	pci_scope_unlock_configs(scope, nr);
	pci_scope_unlock_devices(scope, nr);
}

static bool pci_scope_lock_device(const struct pci_reset_scope *scope,
				  struct pci_dev *dev, bool try)
{
	if (try || (scope->recovery && dev->is_virtfn &&
		    dev != scope->what.func))
		return device_trylock(&dev->dev);

	/* Whoever waits for a port may be its own interrupt thread */
	if (dev == scope->bridge)
		return pci_port_device_lock(dev);

	device_lock(&dev->dev);
	return true;
}

static bool pci_scope_lock_config(struct pci_dev *dev, bool try)
{
	if (try)
		return pci_cfg_access_trylock(dev);

	pci_cfg_access_lock(dev);
	return true;
}

/*
 * Lock all or nothing.  Fails only if @try, if the bridge's driver leaves, or,
 * in recovery, if somebody holds on to a VF.
 */
static bool pci_scope_lock(struct pci_reset_scope *scope, bool try)
{
	struct pci_dev *dev;
	unsigned int i, nr;

	for (nr = 0; (dev = pci_scope_dev(scope, nr)); nr++) {
		if (!pci_scope_lock_device(scope, dev, try)) {
			pci_scope_unlock_devices(scope, nr);
			return false;
		}
	}

	for (i = 0; (dev = pci_scope_dev(scope, i)); i++) {
		if (!pci_scope_lock_config(dev, try)) {
			pci_scope_unlock_configs(scope, i);
			pci_scope_unlock_devices(scope, nr);
			return false;
		}
	}

	return true;
}

static struct pci_reset_scope *
pci_scope_hold(const struct pci_scope_what *what, bool try)
{
	struct pci_scope_what settled = *what;

	lockdep_assert_not_held(&pci_rescan_remove_lock);

	settled.settled = true;

	for (;;) {
		struct pci_reset_scope *scope __free(pci_reset_scope_put) =
			pci_scope_get(&settled);
		if (!scope)
			return ERR_PTR(-ENOMEM);

		if (!pci_scope_lock(scope, try))
			return ERR_PTR(-EAGAIN);

		struct pci_reset_scope *now __free(pci_reset_scope_put) =
			pci_scope_get(&settled);
		if (now && pci_scope_same(scope, now))
			return no_free_ptr(scope);

		pci_scope_unlock(scope);
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
 * Return: The set, or ERR_PTR(): -EAGAIN if the bridge's driver is being
 * unbound, -ENOMEM.
 */
struct pci_reset_scope *pci_reset_scope_lock(struct pci_bus *bus,
					     struct pci_slot *slot)
{
	const struct pci_scope_what what = { .bus = bus, .slot = slot };

	return pci_scope_hold(&what, false);
}

static int pci_scope_ask_member(struct pci_reset_scope *scope,
				struct pci_scope_member *m, pci_reset_t *mask)
{
	struct pci_dev *dev = m->dev;
	bool alone = dev == scope->what.func;
	int rc;

	device_lock_assert(&dev->dev);

	/* A driver that takes kinds away should see what is left of its own */
	if (alone && *mask & pci_reset_kinds_enabled(dev))
		*mask &= pci_reset_kinds_enabled(dev);

	/* What the driver says has to be true until the reset is done */
	atomic_inc(&dev->resets_pending);
	m->bindings = dev->bindings;
	rc = pci_reset_ask(dev, mask, alone);
	if (rc == PCI_RESET_BY_DRIVER)
		scope->by_driver = true;
	if (rc < 0)
		pci_info(dev, "reset refused by driver: %pe\n", ERR_PTR(rc));

	return rc < 0 ? rc : 0;
}

static int pci_scope_ask(struct pci_reset_scope *scope, pci_reset_t *mask)
{
	struct pci_scope_member *m;
	int rc;

	for (m = scope->member; m < scope->member + scope->nr; m++) {
		/* Who has asked for just this function can wait for it */
		if (m->dev == scope->what.func)
			device_lock(&m->dev->dev);
		else if (!device_trylock(&m->dev->dev))
			return -EAGAIN;

		scope->asked++;
		rc = pci_scope_ask_member(scope, m, mask);
		device_unlock(&m->dev->dev);
		if (rc)
			return rc;
	}

	return 0;
}

/**
 * pci_reset_scope_ask - ask the drivers of all that a reset would touch
 * @what: the functions
 * @mask: kinds of reset that may be used; drivers may take some away
 *
 * Until the set is freed, drivers find the reset pending.  Only another driver
 * that is bound meanwhile does not know of it, which is what
 * pci_reset_scope_was_asked() tells once the functions are locked.
 *
 * Context: May sleep, and waits for the device lock of a function that alone
 * was asked for, but for no other.
 *
 * Return: The set, not locked, or ERR_PTR(): the error by which a driver
 * refuses, -EAGAIN if a function is in use, -ENOMEM.
 */
struct pci_reset_scope *pci_reset_scope_ask(const struct pci_scope_what *what,
					    pci_reset_t *mask)
{
	struct pci_scope_what settled = *what;
	int rc;

	lockdep_assert_not_held(&pci_rescan_remove_lock);

	settled.settled = true;

	struct pci_reset_scope *scope __free(pci_reset_scope_put) =
		pci_scope_get(&settled);
	if (!scope)
		return ERR_PTR(-ENOMEM);

	rc = pci_scope_ask(scope, mask);
	if (rc)
		return ERR_PTR(rc);

	return no_free_ptr(scope);
}

/**
 * pci_reset_scope_by_driver - check whether a driver wants to do the reset
 * @asked: what was asked, for a reset of one function
 *
 * Return: true if the function's driver is to do it, see pci_reset_perform().
 */
bool pci_reset_scope_by_driver(const struct pci_reset_scope *asked)
{
	return asked->by_driver;
}

/**
 * pci_reset_scope_was_asked - check that a function's driver has agreed
 * @asked: what was asked
 * @dev: function, its device lock held
 *
 * Return: true if @dev has no driver, or the one that agreed.
 */
bool pci_reset_scope_was_asked(const struct pci_reset_scope *asked,
			       struct pci_dev *dev)
{
	device_lock_assert(&dev->dev);

	if (!dev->driver)
		return true;

	for (unsigned int i = 0; i < asked->nr; i++) {
		if (asked->member[i].dev == dev)
			return asked->member[i].bindings == dev->bindings;
	}

	return false;
}

/*
 * A VF loses what its PF's driver set up for it.  If that driver is not told
 * of the reset, it is gone for its user.
 */
static bool pci_scope_vf_is_busy(struct pci_dev *vf)
{
	struct pci_driver *pf_driver = pci_physfn(vf)->driver;

	if (pci_is_dev_assigned(vf))
		return true;

	/* Who manages DMA for others has been asked whether there are any */
	if (!vf->driver || vf->driver->driver_managed_dma)
		return false;

	return !pf_driver || !pci_handlers_tell_done(pf_driver->err_handler);
}

/* Whether the reset of a function that is locked is off, and why */
static int pci_scope_refusal(const struct pci_reset_scope *asked,
			     struct pci_dev *dev)
{
	if (!pci_reset_scope_was_asked(asked, dev))
		return -EAGAIN;

	if (dev->is_virtfn && pci_scope_vf_is_busy(dev)) {
		pci_info(dev, "in use, no reset of its PF\n");
		return -EBUSY;
	}

	return pci_reset_meets_recovery(dev) ? -EBUSY : 0;
}

static struct pci_reset_scope *
pci_scope_tryhold(const struct pci_scope_what *what,
		  const struct pci_reset_scope *asked)
{
	struct pci_reset_scope *scope = pci_scope_hold(what, true);

	if (IS_ERR(scope))
		return scope;

	for (unsigned int i = 0; i < scope->nr; i++) {
		int rc = pci_scope_refusal(asked, scope->member[i].dev);

		if (rc) {
			pci_reset_scope_unlock(scope);
			return ERR_PTR(rc);
		}
	}

	return scope;
}

/**
 * pci_reset_scope_trylock - collect and lock what a slot or bus reset touches
 * @bus: bus to be reset
 * @slot: slot on @bus if it alone is to be reset, or NULL
 * @mask: kinds of reset that may be used
 *
 * All drivers are asked before.
 *
 * Context: May sleep, but does not wait for a device lock or config access.
 *
 * Return: The set, or ERR_PTR(): the error by which a driver refuses, -EAGAIN
 * if a function is in use or the set changed while it was being locked, -EBUSY
 * if a VF is used by somebody who would lose it or error recovery is under way,
 * -ENOMEM.
 */
struct pci_reset_scope *pci_reset_scope_trylock(struct pci_bus *bus,
						struct pci_slot *slot,
						pci_reset_t mask)
{
	const struct pci_scope_what what = { .bus = bus, .slot = slot };
	struct pci_reset_scope *scope;

	struct pci_reset_scope *asked __free(pci_reset_scope_put) =
		pci_reset_scope_ask(&what, &mask);
	if (IS_ERR(asked))
		return ERR_CAST(asked);

	scope = pci_scope_tryhold(&what, asked);
	if (!IS_ERR(scope))
		scope->agreed = no_free_ptr(asked);

	return scope;
}

/**
 * pci_reset_scope_trylock_vfs - hold the VFs of a PF that is to be reset
 * @pf: function, its device lock held
 * @asked: what was asked, and agreed
 *
 * Context: May sleep, but does not wait for a device lock or config access.
 *
 * Return: The set, NULL if @pf has no VFs, or ERR_PTR() as
 * pci_reset_scope_trylock().
 */
struct pci_reset_scope *
pci_reset_scope_trylock_vfs(struct pci_dev *pf,
			    const struct pci_reset_scope *asked)
{
	const struct pci_scope_what what = { .bus = pf->bus, .pf = pf };

	device_lock_assert(&pf->dev);

	return pci_num_vf(pf) ? pci_scope_tryhold(&what, asked) : NULL;
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

	pci_scope_unlock(scope);
	pci_reset_scope_put(scope);
}

/**
 * pci_reset_scope_collect - collect what recovery is going to reset
 * @what: the functions
 *
 * Context: May sleep.  Takes no device lock.
 *
 * Return: The set, with references, not locked, or NULL if out of memory.
 */
struct pci_reset_scope *
pci_reset_scope_collect(const struct pci_scope_what *what)
{
	struct pci_scope_what settled = *what;
	struct pci_reset_scope *scope;

	settled.settled = true;
	scope = pci_scope_get(&settled);
	if (scope)
		scope->recovery = true;

	return scope;
}

static bool pci_scope_has(const struct pci_reset_scope *scope,
			  const struct pci_dev *dev)
{
	for (unsigned int i = 0; i < scope->nr; i++) {
		if (scope->member[i].dev == dev)
			return true;
	}

	return false;
}

/* One that is just being added has not left, and has to be restored */
static bool pci_scope_has_left(const struct pci_dev *dev)
{
	return !pci_dev_is_added(dev) &&
	       (pci_dev_is_detaching(dev) || pci_dev_is_removed(dev));
}

static int pci_scope_recheck(struct pci_reset_scope *scope)
{
	struct pci_reset_scope *now __free(pci_reset_scope_put) =
		pci_scope_get(&scope->what);

	if (!now)
		return -ENOMEM;

	for (unsigned int i = 0; i < now->nr; i++) {
		if (!pci_scope_has(scope, now->member[i].dev))
			return -EAGAIN;
	}

	for (unsigned int i = 0; i < scope->nr; i++) {
		struct pci_scope_member *m = &scope->member[i];

		m->left = pci_scope_has_left(m->dev);
		if (!m->left && !m->told && pci_reset_meets_recovery(m->dev))
			return -EBUSY;
	}

	return 0;
}

/**
 * pci_reset_scope_lock_again - lock what pci_reset_scope_collect() collected
 * @scope: the set
 *
 * Functions that were removed meanwhile are left alone from here on.
 *
 * Context: May sleep.  Takes the device locks and config accesses of the
 * upstream bridge and of all functions in the set, but does not wait for VFs.
 *
 * Return: 0, -EAGAIN if functions were added, if a VF is locked, or if the
 * bridge's driver is being unbound, -EBUSY if error recovery is under way, or
 * -ENOMEM.
 */
int pci_reset_scope_lock_again(struct pci_reset_scope *scope)
{
	int rc;

	if (!pci_scope_lock(scope, false))
		return -EAGAIN;

	rc = pci_scope_recheck(scope);
	if (rc)
		pci_scope_unlock(scope);

	return rc;
}

/**
 * pci_reset_scope_release - unlock what pci_reset_scope_lock_again() locked
 * @scope: the set, which is kept
 *
 * Context: May sleep.
 */
void pci_reset_scope_release(struct pci_reset_scope *scope)
{
	pci_scope_unlock(scope);
}

/**
 * pci_reset_scope_nr - the number of functions in a set
 * @scope: the set
 *
 * Return: The number.
 */
unsigned int pci_reset_scope_nr(const struct pci_reset_scope *scope)
{
	return scope->nr;
}

/**
 * pci_reset_scope_dev - a function in a set
 * @scope: the set
 * @i: its index: each function comes before those below it
 *
 * Return: The function, for as long as @scope is there.
 */
struct pci_dev *pci_reset_scope_dev(const struct pci_reset_scope *scope,
				    unsigned int i)
{
	return scope->member[i].dev;
}

/**
 * pci_reset_scope_bridge - the bridge that is locked with a set
 * @scope: the set
 *
 * Return: The bridge, or NULL if there is none or it is not needed.
 */
struct pci_dev *pci_reset_scope_bridge(const struct pci_reset_scope *scope)
{
	return scope->bridge;
}

/**
 * pci_reset_scope_told - say that a function was saved and its driver told
 * @scope: the set, not locked
 * @i: index of the function
 * @saved: config space could be read, and was saved before the driver was told
 */
void pci_reset_scope_told(struct pci_reset_scope *scope, unsigned int i,
			  bool saved)
{
	scope->member[i].told = true;
	scope->member[i].saved = saved;
}

/**
 * pci_reset_scope_result - what became of a function
 * @scope: the set, after pci_reset_scope_restore()
 * @i: index of the function
 *
 * Return: 0, -ETIMEDOUT if it does not answer, -ENODEV if it was removed or
 * another device answers.
 */
int pci_reset_scope_result(const struct pci_reset_scope *scope, unsigned int i)
{
	return scope->member[i].result;
}

/**
 * pci_reset_scope_first - the first function that will be reset
 * @scope: the set
 *
 * Return: A function on the bus that is reset, for as long as @scope is held,
 * or NULL if the bus is empty.
 */
struct pci_dev *pci_reset_scope_first(const struct pci_reset_scope *scope)
{
	return scope->nr ? scope->member[0].dev : NULL;
}

/* The IOMMU must not wait for a device that is in reset to answer it */
static int pci_scope_block_dma(struct pci_scope_member *m)
{
	int rc;

	if (m->saved && !pci_wait_for_pending_transaction(m->dev))
		pci_err(m->dev, "timed out waiting for pending transaction; performing reset anyway\n");

	rc = pci_dev_reset_iommu_prepare(m->dev);
	if (rc)
		pci_err(m->dev, "failed to stop IOMMU for a PCI reset: %d\n", rc);
	m->blocked = !rc;

	return rc;
}

static void pci_scope_save(const struct pci_reset_scope *scope,
			   struct pci_scope_member *m)
{
	if (m->told)
		pci_dev_stop(m->dev);
	else
		m->saved = pci_dev_save_and_disable(m->dev);

	if (scope->recovery && m->saved && pci_known_good_is_lost(m->dev)) {
		pci_warn(m->dev, "has lost its config space\n");
		m->saved = false;
	}
}

/**
 * pci_reset_scope_save - tell the drivers, save and disable the functions
 * @scope: the set, or NULL if it is empty
 *
 * Bottom up: a driver may use its device until it was told, and the device
 * can't be reached once a bridge above it is disabled.
 *
 * pci_reset_scope_restore() has to follow, whatever this returns.
 *
 * Context: May sleep.
 *
 * Return: 0, or the error that the IOMMU has with blocking a function's DMA:
 * there must be no reset then.
 */
int pci_reset_scope_save(struct pci_reset_scope *scope)
{
	struct pci_scope_member *m;
	int rc;

	if (!scope)
		return 0;

	for (m = scope->member + scope->nr; m-- > scope->member;) {
		if (!m->left)
			pci_scope_save(scope, m);
	}

	for (m = scope->member; m < scope->member + scope->nr; m++) {
		if (m->left)
			continue;
		rc = pci_scope_block_dma(m);
		if (rc)
			return rc;
	}

	return 0;
}

/* See to what was added since @scope was collected */
static void pci_scope_restore_added(const struct pci_reset_scope *scope)
{
	struct pci_scope_what all = scope->what;

	all.settled = false;

	struct pci_reset_scope *now __free(pci_reset_scope_put) =
		pci_scope_get(&all);
	if (!now)
		return;

	for (unsigned int i = 0; i < now->nr; i++) {
		struct pci_dev *dev = now->member[i].dev;

		if (pci_scope_has(scope, dev))
			continue;

		pci_warn(dev, "was reset while it was added\n");
		if (!device_trylock(&dev->dev))
			continue;
		pci_restore_bars(dev);
		pci_restore_state(dev);
		device_unlock(&dev->dev);
	}
}

/*
 * The reset waited for its first function, or for none.  They come back side by
 * side, so that one minute is enough for all.
 */
static int pci_scope_wait(struct pci_dev *dev, char *reset_type,
			  unsigned long deadline)
{
	long left = deadline - jiffies;
	int rc;

	rc = pci_dev_wait(dev, reset_type, jiffies_to_msecs(max(left, 0L)));
	return rc ?: pci_known_good_answers(dev);
}

static void pci_scope_restore(const struct pci_reset_scope *scope,
			      struct pci_scope_member *m, int result,
			      char *reset_type, unsigned long deadline)
{
	bool verify = scope->recovery && !result;
	bool saved = m->saved;

	if (m->left) {
		m->result = -ENODEV;
		return;
	}

	if (m->blocked)
		pci_dev_reset_iommu_done(m->dev);

	if (verify)
		m->result = pci_scope_wait(m->dev, reset_type, deadline);

	/* There is nothing that this state could be written to */
	if (m->result) {
		saved = false;
		result = m->result;
	}

	/* Who was told by error_detected() waits for slot_reset() */
	if (m->told)
		pci_dev_restore_config(m->dev, saved, !result);
	else
		pci_dev_restore(m->dev, saved, result);

	pci_bridge_wait_for_secondary_bus(m->dev, reset_type);
}

/**
 * pci_reset_scope_restore - restore the functions and tell the drivers
 * @scope: the set, or NULL if it is empty
 * @result: 0 if the reset worked, or why not
 * @reset_type: what was reset, for the log
 *
 * Top down: a bridge has to work before what is below it can be reached.
 *
 * Context: May sleep.
 */
void pci_reset_scope_restore(struct pci_reset_scope *scope, int result,
			     char *reset_type)
{
	unsigned long deadline = jiffies +
				 msecs_to_jiffies(PCIE_RESET_READY_POLL_MS);
	struct pci_scope_member *m;

	if (!scope)
		return;

	for (m = scope->member; m < scope->member + scope->nr; m++)
		pci_scope_restore(scope, m, result, reset_type, deadline);

	if (!result)
		pci_scope_restore_added(scope);
}
