// SPDX-License-Identifier: GPL-2.0
/*
 * Bringing functions back by a reset, without losing them
 *
 * A recovery is about all the functions that one reset touches.  In the end
 * each has the same struct pci_dev as before, and the same driver:
 *
 *   1. Quiesce.  All are claimed, so that nobody binds a driver to them.  All
 *	drivers are asked, and if one refuses, nothing has been touched yet.
 *	Then, from the bottom up, each by the gentlest way that its driver
 *	offers:
 *
 *	  - A driver that wants to reset its device by itself does so in the next
 *	    step, if there is no other function in the set.
 *	  - A driver with reset_prepare() and reset_done() stays bound; so does
 *	    one that says that its device is not in use, and that of a bridge.
 *	    They are told in the next step.
 *	  - A driver with error_detected() and slot_reset() stays bound, and is
 *	    led through the steps of Documentation/PCI/pci-error-recovery.rst.
 *	    If the link stays up and it has reset_done() as well, that is all it
 *	    is told: what it provides may not even notice, but would not survive
 *	    error_detected().
 *	  - Any other driver is unbound, and so is that of a device that was given
 *	    up before, which it has been told.
 *
 *   2. Reset.  All are locked, and it is checked who is still there and that
 *	nobody came.  Then they are saved, reset and restored, as in any reset.
 *
 *   3. Resume.  From the top down, drivers that were told get slot_reset() and
 *	resume(), those that were unbound are bound again.
 *
 * Locks: driver callbacks of step 1 and 3 run under the device lock of their
 * own function alone, as they do in error recovery, and probe() and remove() as
 * they always do.  Nothing else is held in these steps: remove() may want any
 * lock, and other devices' drivers may be what it waits for.  Step 2 takes
 *
 *	a platform's own, in its begin()
 *	  the device locks of the bridge above and of all functions, top down
 *	    the config accesses of all, in the same order
 *	      the hotplug driver's, in its reset_slot()
 *
 * and releases them in the opposite order; see reset-scope.c.  For a driver that
 * resets its device by itself it takes the device lock alone.  It does not wait
 * for the device lock of a VF of what is reset, which is held for as long as
 * user space likes while the VF is unbound.  The lock for rescan and remove
 * comes after device locks: it must not be held on entry, and is not taken
 * here.
 *
 * What keeps a function from being changed while no lock is held is its gate:
 * closing it claims the function, and as one recovery alone can do that, the
 * members below need no lock.  From when the device lock was held once with the
 * gate closed until the gate is opened, a driver can only go, not come.
 *
 * The gate does not keep a function from being removed.  Removal wins: it marks
 * the device before it waits for the device lock, and a function found marked is
 * left alone.  Nothing here waits for a removal.  References keep what is left.
 */

#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/idr.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-recovery.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>

#include <trace/events/pci_recovery.h>

#include "pci.h"

/* How often a device is recovered in an hour without anybody asking for it */
#define PCI_RECOVERY_BUDGET	5

/**
 * enum pci_recovery_way - how a function's driver gets over the reset
 * @PCI_RECOVERY_KEEP: it stays bound, and may have reset_prepare()
 * @PCI_RECOVERY_STEPS: it stays bound, by the steps of error recovery
 * @PCI_RECOVERY_REBIND: it is unbound before and bound after it
 */
enum pci_recovery_way {
	PCI_RECOVERY_KEEP,
	PCI_RECOVERY_STEPS,
	PCI_RECOVERY_REBIND,
};

/**
 * struct pci_recovery_member - a function in recovery
 * @dev: the function; the set has the reference
 * @driver: its driver, or NULL; may be gone if the device lock is not held, unless
 *	@unbound
 * @way: how that gets over the reset
 * @claimed: the gate is closed, and it is for this recovery to open it
 * @unused: the driver does not use the device
 * @by_driver: the driver wants to reset it by itself
 * @given_up: error recovery has failed before, as the driver knows
 * @retried: the device was disconnected until it was reset
 * @prepared: it has reset_prepare() and reset_done()
 * @told: @driver was told by error_detected()
 * @anew: @driver failed, and is to be bound anew
 * @unbound: @driver was unbound, with a reference to its module
 * @result: 0, or why the function could not be brought back
 */
struct pci_recovery_member {
	struct pci_dev *dev;
	struct pci_driver *driver;
	enum pci_recovery_way way;
	bool claimed;
	bool unused;
	bool by_driver;
	bool given_up;
	bool retried;
	bool prepared;
	bool told;
	bool anew;
	bool unbound;
	int result;
};

/**
 * struct pci_recovery - a recovery that is under way
 * @domain: what was asked for
 * @what: the functions that the reset touches
 * @mask: kinds of reset that may be used, and are there
 * @set: the functions, locked only during the reset
 * @reset: the reset was begun, so that its failure counts
 * @step: in which step it failed, or NULL
 * @culprit: at which function
 * @nr: number of functions
 * @member: the functions, each before those below it
 */
struct pci_recovery {
	const struct pci_recovery_domain *domain;
	struct pci_scope_what what;
	pci_reset_t mask;
	struct pci_reset_scope *set;
	bool reset;
	const char *step;
	struct pci_dev *culprit;
	unsigned int nr;
	struct pci_recovery_member member[] __counted_by(nr);
};

/**
 * pci_reset_pending - check whether a function is going to be reset
 * @dev: function
 *
 * For drivers that said that they don't use their device, see pci_reset_ask().
 *
 * Context: Any context.  Once a driver's reset_request() was called this stays
 * true until the reset or recovery is done, or given up.
 *
 * Return: true if @dev must not be put to use.
 */
bool pci_reset_pending(const struct pci_dev *dev)
{
	return pci_gate_is_closed(dev) || atomic_read(&dev->resets_pending);
}
EXPORT_SYMBOL_GPL(pci_reset_pending);

static int pci_recovery_fail(struct pci_recovery *r,
			     const struct pci_recovery_member *m, int rc)
{
	if (!r->culprit)
		r->culprit = m->dev;

	return rc;
}

/* Of a recovery that failed, what is remembered is where it failed first */
static int pci_recovery_step(struct pci_recovery *r, const char *step,
			     int (*fn)(struct pci_recovery *r))
{
	ktime_t start = ktime_get();
	int rc = fn(r);

	if (rc && !r->step)
		r->step = step;
	trace_pci_recovery(r->domain->dev, step, r->nr, rc,
			   ktime_us_delta(ktime_get(), start));

	return rc;
}

static bool pci_recovery_is_gone(const struct pci_dev *dev)
{
	return !pci_dev_is_added(dev) || pci_dev_is_detaching(dev) ||
	       pci_dev_is_pulled(dev);
}

/* Which functions */

/* "bus" is a method of a function only if there is no other on the bus */
static bool pci_recovery_user_says_no(struct pci_dev *dev, pci_reset_t mask)
{
	int m;

	for (m = 1; m < PCI_NUM_RESET_METHODS; m++) {
		if (pci_reset_fn_methods[m].kinds & mask & PCI_RESET_LINK &&
		    !pci_probe_reset_method(dev, m))
			return true;
	}

	return false;
}

/* A user who has disabled link resets means the platform's, too */
static bool pci_recovery_by_platform(const struct pci_recovery_domain *domain)
{
	struct pci_dev *dev = domain->dev;

	if (!domain->devs || !domain->by_user)
		return domain->devs;

	return pci_reset_kinds_enabled(dev) & domain->mask & PCI_RESET_LINK ||
	       !pci_recovery_user_says_no(dev, domain->mask);
}

/*
 * Of the function, as the user has it in reset_method.  If there is nothing in
 * the mask that could be there, of its slot or bus.
 */
static int pci_recovery_choose(const struct pci_recovery_domain *domain,
			       struct pci_scope_what *what, pci_reset_t *mask)
{
	struct pci_dev *dev = domain->dev;

	*what = (struct pci_scope_what) { .bus = dev->bus };
	*mask = domain->mask;

	guard(device)(&dev->dev);

	if (pci_recovery_by_platform(domain)) {
		what->devs = domain->devs;
		what->nr_devs = domain->nr_devs;
		/* What it is like: a driver that takes these away refuses it */
		if (*mask & PCI_RESET_LINK)
			*mask &= PCI_RESET_LINK;
		return 0;
	}

	if (pci_recovery_is_gone(dev))
		return -ENODEV;

	*mask = domain->mask & pci_reset_kinds_enabled(dev);
	if (*mask) {
		what->func = dev;
		what->no_link = !(*mask & PCI_RESET_LINK);
		return 0;
	}

	if (pci_recovery_user_says_no(dev, domain->mask))
		return -ENOTTY;

	*mask = domain->mask & PCI_RESET_SLOT;
	if (*mask && !pci_probe_reset_slot(dev->slot)) {
		what->slot = dev->slot;
		return 0;
	}

	*mask = domain->mask & PCI_RESET_BUS;
	return *mask ? pci_probe_reset_bus(dev->bus) : -ENOTTY;
}

static void pci_recovery_free(struct pci_recovery *r)
{
	if (IS_ERR_OR_NULL(r))
		return;

	pci_reset_scope_put(r->set);
	kvfree(r);
}

DEFINE_FREE(pci_recovery_free, struct pci_recovery *, pci_recovery_free(_T))

static struct pci_recovery *
pci_recovery_collect(const struct pci_recovery_domain *domain)
{
	struct pci_scope_what what;
	struct pci_recovery *r;
	unsigned int nr;
	pci_reset_t mask;
	int rc;

	rc = pci_recovery_choose(domain, &what, &mask);
	if (rc)
		return ERR_PTR(rc);

	struct pci_reset_scope *set __free(pci_reset_scope_put) =
		pci_reset_scope_collect(&what);
	if (!set)
		return ERR_PTR(-ENOMEM);

	/* The disk that memory would be written to may be what this is about */
	nr = pci_reset_scope_nr(set);
	if (!nr)
		return ERR_PTR(-ENODEV);

	r = kvzalloc(struct_size(r, member, nr), GFP_NOIO);
	if (!r)
		return ERR_PTR(-ENOMEM);

	r->nr = nr;
	r->domain = domain;
	r->what = what;
	r->mask = mask;
	for (unsigned int i = 0; i < nr; i++)
		r->member[i].dev = pci_reset_scope_dev(set, i);
	r->set = no_free_ptr(set);

	return r;
}

static struct pci_recovery_member *pci_recovery_find(struct pci_recovery *r,
						     struct pci_dev *dev)
{
	for (unsigned int i = 0; i < r->nr; i++) {
		if (r->member[i].dev == dev)
			return &r->member[i];
	}

	return NULL;
}

/* A device that can't be resumed may just be why it is to be recovered */
static void pci_recovery_pm_get(struct pci_recovery *r)
{
	struct pci_dev *bridge = pci_upstream_bridge(r->member[0].dev);

	if (bridge)
		pm_runtime_get_sync(&bridge->dev);
	for (unsigned int i = 0; i < r->nr; i++)
		pm_runtime_get_sync(&r->member[i].dev->dev);
}

static void pci_recovery_pm_put(struct pci_recovery *r)
{
	struct pci_dev *bridge = pci_upstream_bridge(r->member[0].dev);

	for (unsigned int i = r->nr; i--;)
		pm_runtime_put(&r->member[i].dev->dev);
	if (bridge)
		pm_runtime_put(&bridge->dev);
}

/* Quiesce */

/* The function that it is about was claimed before anything else */
static int pci_recovery_claim(struct pci_recovery *r)
{
	struct pci_recovery_member *m = pci_recovery_find(r, r->domain->dev);

	if (!m)
		return -ENODEV;
	m->claimed = true;

	for (m = r->member; m < r->member + r->nr; m++) {
		if (m->claimed)
			continue;
		if (!pci_gate_close(m->dev))
			return pci_recovery_fail(r, m, -EBUSY);
		m->claimed = true;
	}

	return 0;
}

/* Keys and streams are gone after a reset, and are not ours to set up again */
static bool pci_recovery_is_secured(struct pci_dev *dev)
{
#ifdef CONFIG_PCI_TSM
	if (dev->tsm)
		return true;
#endif
#ifdef CONFIG_PCI_IDE
	if (!ida_is_empty(&dev->ide_stream_ida))
		return true;
#endif
	return false;
}

/*
 * A VF loses what its PF's driver set up for it, unless that driver is told and
 * sets it up again, or is unbound, which takes the VFs away.  It may have lost
 * that already.
 */
static bool pci_recovery_loses_pf(struct pci_recovery *r,
				  const struct pci_recovery_member *m)
{
	struct pci_recovery_member *pf;

	if (!m->dev->is_virtfn || !m->driver || m->unused || r->domain->lost)
		return false;

	pf = pci_recovery_find(r, pci_physfn(m->dev));
	return pf && pf->way != PCI_RECOVERY_REBIND && !pf->prepared;
}

static int pci_recovery_choose_way(struct pci_recovery *r,
				   struct pci_recovery_member *m)
{
	const struct pci_error_handlers *handlers =
		m->driver ? m->driver->err_handler : NULL;
	bool steps;

	device_lock_assert(&m->dev->dev);

	/* To a driver that was told that it is for good, there is no way back */
	if (m->given_up && !pci_is_bridge(m->dev)) {
		handlers = NULL;
		m->by_driver = false;
	}

	/* After an error its handlers are what a driver has for that */
	steps = handlers && handlers->error_detected && handlers->slot_reset;
	m->prepared = handlers && pci_handlers_tell_done(handlers) &&
		      (handlers->reset_prepare ||
		       (steps && !(r->mask & PCI_RESET_LINK))) &&
		      !(steps && r->domain->on_error);
	if (!m->driver || m->unused || m->by_driver || m->prepared) {
		m->way = PCI_RECOVERY_KEEP;
	} else if (steps) {
		m->way = PCI_RECOVERY_STEPS;
	} else if (pci_is_bridge(m->dev)) {
		m->way = PCI_RECOVERY_KEEP;
	} else if (m->driver->driver_managed_dma) {
		/* Who uses the device is not the driver, which can't be asked */
		if (!r->domain->lost)
			return -EBUSY;
		m->way = PCI_RECOVERY_KEEP;
	} else {
		m->way = PCI_RECOVERY_REBIND;
	}

	return pci_recovery_loses_pf(r, m) ? -EBUSY : 0;
}

/* That it is frozen may be what this is about */
static bool pci_recovery_was_given_up(const struct pci_recovery *r,
				      struct pci_dev *dev)
{
	if (r->domain->lost)
		return pci_dev_is_disconnected(dev);

	return pci_channel_offline(dev) || pci_dev_awaits_recovery(dev);
}

static int pci_recovery_ask_one(struct pci_recovery *r,
				struct pci_recovery_member *m)
{
	int rc;

	device_lock_assert(&m->dev->dev);

	/* It leaves the set, which is fine unless this is all about it */
	if (pci_recovery_is_gone(m->dev))
		return m->dev == r->domain->dev ? -ENODEV : 0;

	if (pci_is_dev_assigned(m->dev) || pci_recovery_is_secured(m->dev))
		return -EBUSY;

	/* Only a platform knows how to reset what it has collected */
	rc = pci_reset_ask(m->dev, &r->mask, r->nr == 1 && !r->what.devs);
	if (rc < 0 && !r->domain->lost)
		return rc;

	m->unused = rc == PCI_RESET_UNUSED;
	m->by_driver = rc == PCI_RESET_BY_DRIVER;
	m->driver = m->dev->driver;
	m->given_up = pci_recovery_was_given_up(r, m->dev);
	return pci_recovery_choose_way(r, m);
}

static int pci_recovery_ask(struct pci_recovery *r)
{
	struct pci_recovery_member *m;
	int rc;

	for (m = r->member; m < r->member + r->nr; m++) {
		struct device *dev = &m->dev->dev;

		/* A VF's is held for as long as user space likes, see above */
		if (!m->dev->is_virtfn || m->dev == r->domain->dev)
			device_lock(dev);
		else if (!device_trylock(dev))
			return pci_recovery_fail(r, m, -EAGAIN);

		rc = pci_recovery_ask_one(r, m);
		device_unlock(dev);
		if (rc)
			return pci_recovery_fail(r, m, rc);
	}

	return 0;
}

static int pci_recovery_unbind(struct pci_recovery_member *m)
{
	struct pci_driver *driver;

	scoped_guard(device, &m->dev->dev) {
		driver = m->dev->driver;
		/* Its module may be about to take its devices along */
		if (driver && try_module_get(driver->driver.owner)) {
			m->driver = driver;
			m->unbound = true;
		}
	}

	device_release_driver(&m->dev->dev);

	/* VFs survive their PF's driver, but not the reset */
	return pci_num_vf(m->dev) ? -EBUSY : 0;
}

/* Its state is saved first, for the driver may disable the device */
static int pci_recovery_tell(struct pci_recovery *r,
			     struct pci_recovery_member *m)
{
	struct pci_dev *dev = m->dev;
	pci_ers_result_t vote;
	bool saved;

	guard(device)(&dev->dev);

	if (!dev->driver || pci_recovery_is_gone(dev))
		return 0;

	saved = pci_dev_config_accessible(dev, "save state");
	if (saved)
		pci_save_state(dev);

	if (!pci_dev_set_io_state(dev, pci_channel_io_frozen))
		return 0;

	m->told = true;
	vote = m->driver->err_handler->error_detected(dev,
						      pci_channel_io_frozen);
	if (vote == PCI_ERS_RESULT_DISCONNECT)
		return -EIO;

	pci_dev_note_recovery(dev, vote);
	pci_reset_scope_told(r->set, m - r->member, saved);
	return 0;
}

static int pci_recovery_quiesce_one(struct pci_recovery *r,
				    struct pci_recovery_member *m)
{
	int rc = 0;

	if (m->way == PCI_RECOVERY_STEPS) {
		rc = pci_recovery_tell(r, m);
		/* DISCONNECT means disconnect, but who asked wants it back */
		if (rc && r->domain->by_user && !pci_is_bridge(m->dev)) {
			m->way = PCI_RECOVERY_REBIND;
			rc = 0;
		}
		m->result = rc;
	}

	if (m->way == PCI_RECOVERY_REBIND)
		rc = pci_recovery_unbind(m);

	return rc;
}

static int pci_recovery_quiesce(struct pci_recovery *r)
{
	int rc;

	for (unsigned int i = 0; i < r->nr; i++)
		__pci_uevent_ers(r->member[i].dev, PCI_ERS_RESULT_NONE);

	for (unsigned int i = r->nr; i--;) {
		rc = pci_recovery_quiesce_one(r, &r->member[i]);
		if (rc)
			return pci_recovery_fail(r, &r->member[i], rc);
	}

	return 0;
}

/* Reset */

/* Of the kinds that it is like, the first: the slot's before the bus's */
static int pci_recovery_platform_reset(struct pci_recovery *r)
{
	pci_reset_t like =
		(__force pci_reset_t)BIT(__ffs((__force u32)r->mask));
	ktime_t start = ktime_get();
	int rc = r->domain->ops->reset(r->domain);

	pci_reset_report(r->domain->dev, r->mask, like, rc, start);

	return rc;
}

static int pci_recovery_do_reset(struct pci_recovery *r)
{
	const struct pci_recovery_domain *domain = r->domain;
	struct pci_dev *dev = domain->dev;

	if (r->what.devs)
		return pci_recovery_platform_reset(r);

	if (r->what.func)
		return __pci_reset_function_locked(dev, r->mask);

	/* It may have gone with its driver while the bridge was not locked */
	if (r->what.slot && dev->slot != r->what.slot)
		return -ENOTTY;

	if (r->what.slot)
		return pci_do_slot_reset(dev->slot, dev, r->mask);

	return pci_do_bus_reset(dev->bus, pci_reset_scope_first(r->set), dev,
				r->mask);
}

/* Who leaves in the middle is no failure, unless this was all about it */
static int pci_recovery_result(struct pci_recovery *r)
{
	struct pci_recovery_member *m;

	for (m = r->member; m < r->member + r->nr; m++) {
		if (m->result && (m->dev == r->domain->dev ||
				  !pci_recovery_is_gone(m->dev)))
			return pci_recovery_fail(r, m, m->result);
	}

	return 0;
}

/*
 * A device that was disconnected is accessed again only if it is the same one.
 * AER gives up without a word: it leaves the device frozen.
 */
static void pci_recovery_revive(struct pci_recovery_member *m)
{
	if (m->retried && !m->result)
		m->result = pci_dev_revive(m->dev);

	if (!m->result && !m->told)
		pci_dev_set_io_state(m->dev, pci_channel_io_normal);
	else if (m->retried && m->result)
		pci_dev_set_disconnected(m->dev, NULL);
}

/* All are locked */
static int pci_recovery_reset_locked(struct pci_recovery *r)
{
	int rc;

	if (pci_recovery_is_gone(r->domain->dev))
		return -ENODEV;

	r->reset = true;
	for (unsigned int i = 0; i < r->nr; i++)
		r->member[i].retried = pci_dev_retry(r->member[i].dev);

	rc = pci_reset_scope_save(r->set);
	if (!rc)
		rc = pci_recovery_do_reset(r);
	pci_reset_scope_restore(r->set, rc, "recovery");

	for (unsigned int i = 0; i < r->nr; i++) {
		r->member[i].result = rc ?: pci_reset_scope_result(r->set, i);
		pci_recovery_revive(&r->member[i]);
	}

	return rc ?: pci_recovery_result(r);
}

/* It does all that it takes, there is nothing to be done before or after it */
static int pci_recovery_reset_by_driver(struct pci_recovery *r,
					struct pci_recovery_member *m)
{
	guard(device)(&m->dev->dev);

	if (pci_recovery_is_gone(m->dev))
		return -ENODEV;
	if (m->dev->driver != m->driver)
		return -EAGAIN;
	if (pci_reset_meets_recovery(m->dev))
		return -EBUSY;

	r->reset = true;
	m->result = pci_reset_perform(m->dev, r->mask);

	/* Once: bound anew, it may do better */
	m->anew = m->result && r->domain->by_user;
	return m->anew ? 0 : m->result;
}

static int pci_recovery_reset(struct pci_recovery *r)
{
	const struct pci_recovery_ops *ops = r->domain->ops;
	int rc = 0;

	if (r->member[0].by_driver)
		return pci_recovery_reset_by_driver(r, &r->member[0]);

	if (ops && ops->begin)
		rc = ops->begin(r->domain);
	if (rc)
		return rc;

	rc = pci_reset_scope_lock_again(r->set);
	if (!rc) {
		rc = pci_recovery_reset_locked(r);
		pci_reset_scope_release(r->set);
	}

	if (ops && ops->end)
		ops->end(r->domain);

	return rc;
}

/* Resume */

/* Its driver was told and has not been unbound since */
static bool pci_recovery_has_stayed(const struct pci_recovery_member *m)
{
	device_lock_assert(&m->dev->dev);

	return !m->unbound && m->dev->driver == m->driver &&
	       !pci_recovery_is_gone(m->dev);
}

static void pci_recovery_slot_reset(struct pci_recovery *r,
				    struct pci_recovery_member *m)
{
	struct pci_dev *dev = m->dev;
	const struct pci_error_handlers *handlers;
	pci_ers_result_t vote;

	if (!m->told)
		return;

	guard(device)(&dev->dev);

	/* Whoever is bound to it next does not know that it was frozen */
	if (!m->result || m->unbound)
		pci_dev_set_io_state(dev, pci_channel_io_normal);

	if (!pci_recovery_has_stayed(m))
		return;

	handlers = m->driver->err_handler;
	if (m->result) {
		handlers->error_detected(dev, pci_channel_io_perm_failure);
		return;
	}

	/* What error_detected() undid has not been restored yet */
	if (!r->reset)
		pci_restore_state(dev);

	vote = handlers->slot_reset(dev);
	if (vote == PCI_ERS_RESULT_RECOVERED || vote == PCI_ERS_RESULT_NONE) {
		pci_dev_note_recovery(dev, PCI_ERS_RESULT_RECOVERED);
		return;
	}

	m->result = -EIO;
	/* Once: the device answers, it is the driver that failed */
	m->anew = r->domain->by_user && !pci_is_bridge(dev);
}

static void pci_recovery_driver_resume(struct pci_recovery_member *m)
{
	if (!m->told || m->result)
		return;

	guard(device)(&m->dev->dev);

	if (pci_recovery_has_stayed(m) && m->driver->err_handler->resume)
		m->driver->err_handler->resume(m->dev);
}

static void pci_recovery_rebind(struct pci_recovery_member *m)
{
	if (!m->result)
		m->result = pci_gate_admit(m->dev, m->driver);

	module_put(m->driver->driver.owner);
	m->unbound = false;
}

static int pci_recovery_resume(struct pci_recovery *r)
{
	struct pci_recovery_member *m;

	for (m = r->member; m < r->member + r->nr; m++) {
		if (pci_recovery_is_gone(m->dev))
			m->result = -ENODEV;
		pci_recovery_slot_reset(r, m);
	}

	for (m = r->member; m < r->member + r->nr; m++)
		pci_recovery_driver_resume(m);

	for (m = r->member; m < r->member + r->nr; m++) {
		if (m->anew) {
			pci_warn(m->dev, "driver failed to recover, binding it anew\n");
			m->result = pci_recovery_unbind(m);
		}
		if (m->unbound)
			pci_recovery_rebind(m);
		__pci_uevent_ers(m->dev,
				 m->result ? PCI_ERS_RESULT_DISCONNECT :
					     PCI_ERS_RESULT_RECOVERED);
	}

	return pci_recovery_result(r);
}

/* All in all */

static void pci_recovery_release(struct pci_recovery *r)
{
	struct pci_recovery_member *m;

	for (m = r->member; m < r->member + r->nr; m++) {
		if (m->claimed && m->dev != r->domain->dev)
			pci_gate_open(m->dev, !m->result);
	}
}

static int pci_recovery_run(struct pci_recovery *r)
{
	int rc, resumed;

	rc = pci_recovery_step(r, "claim", pci_recovery_claim);
	if (!rc)
		rc = pci_recovery_step(r, "ask", pci_recovery_ask);
	if (rc)
		return rc;

	rc = pci_recovery_step(r, "quiesce", pci_recovery_quiesce);
	if (!rc)
		rc = pci_recovery_step(r, "reset", pci_recovery_reset);
	resumed = pci_recovery_step(r, "resume", pci_recovery_resume);

	return rc ?: resumed;
}

/**
 * pci_recovery_within_budget - count a recovery that nobody has asked for
 * @budget: what this one counts against
 * @limit: how many there may be in an hour
 *
 * The hour begins with the first recovery after the last one has ended.
 *
 * Context: Any, but the caller excludes others who count against @budget.
 *
 * Return: false if there were @limit of them already.
 */
bool pci_recovery_within_budget(struct pci_recovery_budget *budget,
				unsigned int limit)
{
	unsigned long now = jiffies;

	if (!budget->used || time_after(now, budget->since + 3600 * HZ)) {
		budget->since = now;
		budget->used = 0;
	}

	return ++budget->used <= limit;
}

static bool pci_recovery_is_free(const struct pci_recovery_domain *domain)
{
	return domain->by_user || domain->counted;
}

/* @dev is claimed */
static int pci_recovery_recover(const struct pci_recovery_domain *domain,
				bool *fit)
{
	struct pci_dev *dev = domain->dev;
	struct pci_dev *culprit;
	int rc;

	if (!pci_recovery_is_free(domain) &&
	    !pci_recovery_within_budget(&dev->recoveries,
					PCI_RECOVERY_BUDGET)) {
		pci_err(dev, "recovery failed: %u times in an hour is enough\n",
			PCI_RECOVERY_BUDGET);
		return -EDQUOT;
	}

	struct pci_recovery *r __free(pci_recovery_free) =
		pci_recovery_collect(domain);
	if (IS_ERR(r)) {
		pci_err(dev, "recovery failed: collect: %pe\n", r);
		return PTR_ERR(r);
	}

	pci_recovery_pm_get(r);
	rc = pci_recovery_run(r);
	*fit = !r->reset || !rc;
	pci_recovery_release(r);
	pci_recovery_pm_put(r);

	culprit = r->culprit ?: dev;
	if (rc)
		pci_err(dev, "recovery failed: %s of %s: %pe\n", r->step,
			pci_name(culprit), ERR_PTR(rc));
	else
		pci_info(dev, "recovered\n");

	return rc;
}

/**
 * pci_recover_domain - bring functions back by a reset
 * @domain: which, and how
 *
 * All functions that the reset touches are recovered.  If it fails, functions
 * whose driver had to be unbound are left without one, but can be bound.
 *
 * Context: May sleep, for as long as drivers do.  Must not be called with the
 * rescan/remove lock, or with the device lock of a function in the domain or of
 * a bridge above it.  A driver must not call it from where its own remove()
 * waits for, and must expect to be unbound.
 *
 * Return: 0, or an error.  Nothing was touched: -EINVAL for a bad @domain,
 * -EOPNOTSUPP for a bridge, -ENOTTY if nothing in the mask can be used, -EBUSY
 * if a function is in use by somebody who would lose it, or being recovered
 * already, or another error by which a driver refuses, -EDQUOT if the device
 * was recovered too often, -EAGAIN if a VF is locked, -ENOMEM.  Nothing was
 * reset: -EAGAIN if functions were added meanwhile, -EBUSY if a PF's driver
 * leaves its VFs behind or error recovery has begun.  Else -ENODEV if the
 * device is gone or another one answers, -ETIMEDOUT if it did not come back,
 * -EIO if its driver gave up, -EAGAIN if that waits for something else, or the
 * error of the reset or of probe().
 */
int pci_recover_domain(const struct pci_recovery_domain *domain)
{
	struct pci_dev *dev = domain->dev;
	bool fit = true;
	int rc;

	might_sleep();
	lockdep_assert_not_held(&pci_rescan_remove_lock);

	rc = pci_reset_mask_check(domain->mask);
	if (rc)
		return rc;

	/* Only a platform knows how to reset just what it has collected */
	if (domain->devs && !(domain->ops && domain->ops->reset))
		return -EINVAL;

	if (pci_is_bridge(dev) && !domain->devs)
		return -EOPNOTSUPP;

	/* Before any lock, which another recovery may hold for a minute */
	if (!pci_gate_close(dev))
		return -EBUSY;

	rc = pci_recovery_recover(domain, &fit);
	pci_gate_open(dev, fit);

	return rc;
}
EXPORT_SYMBOL_GPL(pci_recover_domain);

/**
 * pcibios_recover - bring a function back in the platform's way
 * @domain: a function, and the kinds of reset that may be used; no @devs, no @ops
 *
 * For architectures where firmware resets functions.  They add to a copy of
 * @domain what their struct pci_recovery_ops does, and call pci_recover_domain().
 *
 * Context: As pci_recover_domain().
 *
 * Return: As pci_recover_domain().
 */
int __weak pcibios_recover(const struct pci_recovery_domain *domain)
{
	return pci_recover_domain(domain);
}

/**
 * pci_recover_function - bring a function back by a reset
 * @dev: the function
 * @mask: kinds of reset that may be used
 *
 * Of the function alone if the user left a method in @mask enabled, else of its
 * slot or bus if these are in @mask.  How often a device is recovered in this
 * way is limited.
 *
 * Context: As pci_recover_domain().
 *
 * Return: As pci_recover_domain().
 */
int pci_recover_function(struct pci_dev *dev, pci_reset_t mask)
{
	const struct pci_recovery_domain domain = { .dev = dev, .mask = mask };

	return pcibios_recover(&domain);
}
EXPORT_SYMBOL_GPL(pci_recover_function);
