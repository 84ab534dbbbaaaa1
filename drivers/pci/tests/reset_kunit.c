// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for resets of PCI functions, slots and buses
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "../pci.h"
#include "pci_kunit_helpers.h"

/* Long enough for another task to get where it is blocked */
#define BLOCKED_MS	200

/* More than enough for a task that is not blocked */
#define DONE_MS		5000

/* A register that is saved and restored, and that nobody else writes */
#define MARK		0x5a

static int reset_init(struct kunit *test)
{
	test->priv = pci_kunit_alloc_host(test);
	return 0;
}

/*
 * One endpoint below a Root Port: what many tests start from.  Its only reset
 * method is "bus" unless the test adds others before it calls start().
 */
struct lone {
	struct pci_kunit_host *host;
	struct pci_kunit_fn *port, *fn;
	struct pci_dev *bridge, *pdev;
	bool bridge_held;
};

static void lone_init(struct kunit *test, struct lone *l)
{
	*l = (struct lone) { .host = test->priv };
	l->port = pci_kunit_add_port(test, l->host, PCI_DEVFN(2, 0));
	l->fn = pci_kunit_add_endpoint(test, l->host, l->port, PCI_DEVFN(0, 0));
}

static void lone_start(struct kunit *test, struct lone *l)
{
	pci_kunit_add_driver(test);
	pci_kunit_start_host(test, l->host);
	l->bridge = pci_kunit_dev(test, l->port);
	l->pdev = pci_kunit_dev(test, l->fn);
	pci_kunit_forget_writes(l->fn);
}

/* Locks */

static bool dev_is_locked(struct pci_dev *pdev)
{
	return mutex_is_locked(&pdev->dev.mutex);
}

/* Both locks, as pci_dev_lock() takes them */
static bool pci_dev_is_held(struct pci_dev *pdev)
{
	return dev_is_locked(pdev) && pdev->block_cfg_access;
}

/* on_reset: was the bridge held when the function was reset through it? */
static void note_bridge(struct pci_kunit_fn *fn, enum pci_kunit_reset how)
{
	struct lone *l = fn->priv;

	if (how == PCI_KUNIT_HOT)
		l->bridge_held = pci_dev_is_held(l->bridge);
}

static void expect_unlocked(struct kunit *test, struct pci_dev *pdev)
{
	KUNIT_EXPECT_FALSE_MSG(test, dev_is_locked(pdev), "%s is locked",
			       pci_name(pdev));
	KUNIT_EXPECT_FALSE_MSG(test, pdev->block_cfg_access,
			       "%s: config accesses are blocked",
			       pci_name(pdev));
}

/* reset_prepare and reset_done come in pairs, prepare first */
static void expect_paired(struct kunit *test, struct pci_kunit_fn *fn)
{
	bool prepared = false, paired = true;

	for (const char *e = fn->events; *e; e++) {
		if (*e == 'P') {
			paired &= !prepared;
			prepared = true;
		} else if (*e == 'D') {
			paired &= prepared;
			prepared = false;
		}
	}

	KUNIT_EXPECT_TRUE_MSG(test, paired && !prepared,
			      "reset_prepare and reset_done: %s", fn->events);
}

static unsigned int nr_resets(struct pci_kunit_fn *fn)
{
	unsigned int nr = 0;

	for (int how = 0; how < PCI_KUNIT_RESETS; how++)
		nr += fn->resets[how];

	return nr;
}

/* Attributes in sysfs, without going through a file system */

static struct device_attribute *find_attr_in(const struct attribute_group **g,
					     const char *name)
{
	for (; *g; g++)
		for (struct attribute **a = (*g)->attrs; a && *a; a++)
			if (!strcmp((*a)->name, name))
				return container_of(*a, struct device_attribute,
						    attr);

	return NULL;
}

static struct device_attribute *find_attr(struct kunit *test, const char *name)
{
	struct device_attribute *attr;

	attr = find_attr_in(pci_dev_groups, name) ?:
	       find_attr_in(pci_dev_attr_groups, name);
	KUNIT_ASSERT_NOT_NULL_MSG(test, attr, "no attribute %s", name);

	return attr;
}

static ssize_t store_attr(struct kunit *test, struct pci_dev *pdev,
			  const char *name, const char *buf)
{
	struct device_attribute *attr = find_attr(test, name);

	return attr->store(&pdev->dev, attr, buf, strlen(buf));
}

static bool attr_is_visible(struct pci_dev *pdev, const char *name)
{
	struct kernfs_node *kn = sysfs_get_dirent(pdev->dev.kobj.sd, name);
	bool visible = kn;

	sysfs_put(kn);
	return visible;
}

static ssize_t store_methods(struct kunit *test, struct pci_dev *pdev,
			     const char *names)
{
	return store_attr(test, pdev, "reset_method", names);
}

static void expect_methods(struct kunit *test, struct pci_dev *pdev,
			   const char *names)
{
	char buf[128] = "";

	for (int i = 0; i < PCI_NUM_RESET_METHODS; i++) {
		if (!pdev->reset_methods[i])
			break;
		if (i)
			strlcat(buf, " ", sizeof(buf));
		strlcat(buf, pci_reset_fn_methods[pdev->reset_methods[i]].name,
			sizeof(buf));
	}

	KUNIT_EXPECT_STREQ_MSG(test, names, buf, "reset methods of %s",
			       pci_name(pdev));
}

/* Ways to reset a function */

static int reset_function(struct pci_dev *pdev)
{
	return pci_reset_function(pdev, PCI_RESET_ANY);
}

static int try_reset_function(struct pci_dev *pdev)
{
	return pci_try_reset_function(pdev, PCI_RESET_ANY);
}

static int reset_bus(struct pci_dev *pdev)
{
	return pci_reset_bus(pdev, PCI_RESET_ANY);
}

static int reset_function_locked(struct pci_dev *pdev)
{
	int ret;

	device_lock(&pdev->dev);
	ret = pci_reset_function_locked(pdev, PCI_RESET_ANY);
	device_unlock(&pdev->dev);
	return ret;
}

/**
 * struct entry - a way into the reset code
 * @name: of the function
 * @reset: the function
 */
struct entry {
	const char *name;
	int (*reset)(struct pci_dev *pdev);
};

static const struct entry entries[] = {
	{ "pci_reset_function", reset_function },
	{ "pci_try_reset_function", try_reset_function },
	{ "pci_reset_function_locked", reset_function_locked },
};

KUNIT_ARRAY_PARAM_DESC(entry, entries, name);

static const struct entry try_entries[] = {
	{ "pci_try_reset_function", try_reset_function },
	{ "pci_reset_function_locked", reset_function_locked },
};

KUNIT_ARRAY_PARAM_DESC(try_entry, try_entries, name);

static const struct entry all_entries[] = {
	{ "pci_reset_function", reset_function },
	{ "pci_try_reset_function", try_reset_function },
	{ "pci_reset_function_locked", reset_function_locked },
	{ "pci_reset_bus", reset_bus },
};

KUNIT_ARRAY_PARAM_DESC(all_entry, all_entries, name);

/*
 * pci-reset: what a reset does to one function
 */

/**
 * struct method - a reset method and a function that has no other
 * @name: as in sysfs
 * @how: how the function is reset
 * @bridge: below a Root Port
 * @add: gives the function the method
 */
struct method {
	const char *name;
	enum pci_kunit_reset how;
	bool bridge;
	void (*add)(struct pci_kunit_fn *fn);
};

static const struct method methods[] = {
	{ "flr", PCI_KUNIT_FLR, false, pci_kunit_add_flr },
	{ "af_flr", PCI_KUNIT_AF_FLR, false, pci_kunit_add_af_flr },
	{ "pm", PCI_KUNIT_PM, false, pci_kunit_add_pm_reset },
	{ "bus", PCI_KUNIT_HOT, true, NULL },
};

KUNIT_ARRAY_PARAM_DESC(method, methods, name);

static void reset_by_method(struct kunit *test)
{
	const struct method *m = test->param_value;
	struct pci_kunit_host *host = test->priv;
	struct pci_kunit_fn *fn, *port = NULL;
	struct pci_dev *pdev;
	u16 cmd;

	if (m->bridge)
		port = pci_kunit_add_port(test, host, PCI_DEVFN(2, 0));
	fn = pci_kunit_add_endpoint(test, host, port, PCI_DEVFN(0, 0));
	if (m->add)
		m->add(fn);
	pci_kunit_add_driver(test);
	pci_kunit_start_host(test, host);
	pdev = pci_kunit_dev(test, fn);
	expect_methods(test, pdev, m->name);

	pci_set_master(pdev);
	pci_write_config_byte(pdev, PCI_INTERRUPT_LINE, MARK);
	KUNIT_EXPECT_EQ(test, 0, pci_reset_function(pdev, PCI_RESET_ANY));

	KUNIT_EXPECT_EQ(test, 1, fn->resets[m->how]);
	KUNIT_EXPECT_EQ(test, 1, nr_resets(fn));
	KUNIT_EXPECT_STREQ(test, "pPD", fn->events);

	cmd = pci_kunit_read(fn, PCI_COMMAND, 2);
	KUNIT_EXPECT_TRUE(test, cmd & PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, MARK, pci_kunit_read(fn, PCI_INTERRUPT_LINE, 1));
	expect_unlocked(test, pdev);
	if (port)
		expect_unlocked(test, pdev->bus->self);
}

/* A probe is a question: it changes nothing */
static void probe_writes_nothing(struct kunit *test)
{
	int nr = 0;
	struct lone l;

	lone_init(test, &l);
	pci_kunit_add_flr(l.fn);
	pci_kunit_add_af_flr(l.fn);
	pci_kunit_add_pm_reset(l.fn);
	lone_start(test, &l);
	pci_kunit_forget_writes(l.port);

	for (int m = 1; m < PCI_NUM_RESET_METHODS; m++)
		nr += !pci_kunit_probe_method(l.pdev, m);

	KUNIT_EXPECT_EQ(test, 4, nr);
	expect_methods(test, l.pdev, "flr af_flr pm bus");
	pci_kunit_expect_no_writes(test, l.fn);
	pci_kunit_expect_no_writes(test, l.port);
	KUNIT_EXPECT_EQ(test, 0, nr_resets(l.fn));
}

static void slow_device(struct kunit *test)
{
	unsigned long start;
	struct lone l;

	lone_init(test, &l);
	pci_kunit_add_flr(l.fn);
	lone_start(test, &l);

	l.fn->not_ready_ms = 1500;
	start = jiffies;
	KUNIT_EXPECT_EQ(test, 0, pci_reset_function(l.pdev, PCI_RESET_ANY));
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 1500);
	KUNIT_EXPECT_EQ(test, 1, l.fn->resets[PCI_KUNIT_FLR]);
	expect_paired(test, l.fn);
}

/* The core waits for a minute, which only virtual time makes short enough */
static void device_never_returns_from_flr(struct kunit *test)
{
	struct lone l;

	if (!IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT))
		kunit_skip(test, "takes a minute of real time");

	lone_init(test, &l);
	pci_kunit_add_flr(l.fn);
	lone_start(test, &l);
	KUNIT_EXPECT_EQ(test, 3, store_methods(test, l.pdev, "flr"));

	l.fn->not_ready_ms = 120 * MSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			pci_reset_function(l.pdev, PCI_RESET_ANY));
	KUNIT_EXPECT_EQ(test, 1, l.fn->resets[PCI_KUNIT_FLR]);
	KUNIT_EXPECT_EQ(test, 1, nr_resets(l.fn));
	expect_paired(test, l.fn);
	l.fn->ready_at = jiffies;
}

/* A second, if the link does not say whether it is up */
static void device_never_returns_from_bus_reset(struct kunit *test)
{
	struct lone l;

	lone_init(test, &l);
	lone_start(test, &l);

	l.fn->not_ready_ms = 120 * MSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			pci_reset_function(l.pdev, PCI_RESET_ANY));
	KUNIT_EXPECT_EQ(test, 1, l.fn->resets[PCI_KUNIT_HOT]);
	expect_paired(test, l.fn);
	expect_unlocked(test, l.bridge);
	l.fn->ready_at = jiffies;
}

static void surprise_removal(struct kunit *test)
{
	struct lone l;

	lone_init(test, &l);
	pci_kunit_add_flr(l.fn);
	lone_start(test, &l);

	l.fn->gone = true;
	KUNIT_EXPECT_FALSE(test, pci_device_is_present(l.pdev));
	KUNIT_EXPECT_LT(test, pci_reset_function(l.pdev, PCI_RESET_ANY), 0);
	KUNIT_EXPECT_EQ(test, 0, nr_resets(l.fn));
	expect_paired(test, l.fn);
}

/* A function that does not answer is revived by a reset of its link */
static void hung_device(struct kunit *test)
{
	struct lone l;

	lone_init(test, &l);
	pci_kunit_add_flr(l.fn);
	lone_start(test, &l);
	expect_methods(test, l.pdev, "flr bus");

	l.fn->hung = true;
	KUNIT_EXPECT_EQ(test, 0, pci_reset_function(l.pdev, PCI_RESET_ANY));
	KUNIT_EXPECT_TRUE(test, pci_device_is_present(l.pdev));
	KUNIT_EXPECT_EQ(test, 1, l.fn->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_EQ(test, 1, nr_resets(l.fn));
	expect_paired(test, l.fn);
}

/* A hook: the function is back, but nobody has reset it */
static void back_again(struct pci_dev *bridge, void *data)
{
	struct pci_kunit_fn *fn = data;

	fn->hung = false;
}

/*
 * The state of a function that does not answer cannot be saved.  If then the
 * reset does not work either, but the function is there again, what was saved
 * some other time must not be written to it.
 */
static void stale_state(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct pci_kunit_slot *slot;
	struct lone l;

	lone_init(test, &l);
	lone_start(test, &l);
	pci_write_config_byte(l.pdev, PCI_INTERRUPT_LINE, MARK);
	pci_kunit_forget_writes(l.fn);

	slot = pci_kunit_add_slot(test, l.bridge);
	slot->hook = back_again;
	slot->data = l.fn;
	slot->error = -EIO;

	l.fn->hung = true;
	KUNIT_EXPECT_EQ(test, -EIO, entry->reset(l.pdev));
	KUNIT_EXPECT_EQ(test, 1, slot->resets);
	KUNIT_EXPECT_EQ(test, 0, nr_resets(l.fn));
	KUNIT_EXPECT_EQ(test, MARK,
			pci_kunit_read(l.fn, PCI_INTERRUPT_LINE, 1));
	pci_kunit_expect_no_writes(test, l.fn);
	expect_paired(test, l.fn);
	expect_unlocked(test, l.pdev);
	expect_unlocked(test, l.bridge);
}

static void device_lock_is_tried(struct kunit *test)
{
	struct lone l;

	lone_init(test, &l);
	pci_kunit_add_flr(l.fn);
	lone_start(test, &l);

	device_lock(&l.pdev->dev);
	KUNIT_EXPECT_EQ(test, -EAGAIN,
			pci_try_reset_function(l.pdev, PCI_RESET_ANY));
	device_unlock(&l.pdev->dev);

	KUNIT_EXPECT_STREQ(test, "p", l.fn->events);
	KUNIT_EXPECT_EQ(test, 0, nr_resets(l.fn));
	expect_unlocked(test, l.bridge);
}

static void vf_flr(struct kunit *test)
{
	struct pci_kunit_host *host = test->priv;
	struct pci_kunit_fn *pf, *vf[2];
	struct pci_dev *pdev, *vdev;

	pf = pci_kunit_add_endpoint(test, host, NULL, PCI_DEVFN(1, 0));
	pci_kunit_add_flr(pf);
	pci_kunit_add_sriov(test, pf, ARRAY_SIZE(vf), 1, 1);
	for (int i = 0; i < ARRAY_SIZE(vf); i++) {
		vf[i] = pci_kunit_add_vf(test, pf, PCI_DEVFN(1, 1 + i));
		pci_kunit_add_flr(vf[i]);
	}
	pci_kunit_add_driver(test);
	pci_kunit_start_host(test, host);

	pdev = pci_kunit_dev(test, pf);
	KUNIT_ASSERT_EQ(test, 2, pci_sriov_get_totalvfs(pdev));
	KUNIT_ASSERT_EQ(test, 2, pci_kunit_set_vfs(pdev, 2));
	vdev = pci_kunit_dev(test, vf[1]);
	KUNIT_EXPECT_TRUE(test, vdev->is_virtfn);
	KUNIT_EXPECT_PTR_EQ(test, pdev, pci_physfn(vdev));
	expect_methods(test, vdev, "flr");

	KUNIT_EXPECT_EQ(test, 0, pci_reset_function(vdev, PCI_RESET_ANY));
	KUNIT_EXPECT_EQ(test, 1, vf[1]->resets[PCI_KUNIT_FLR]);
	KUNIT_EXPECT_STREQ(test, "pPD", vf[1]->events);
	KUNIT_EXPECT_EQ(test, 0, nr_resets(vf[0]));
	KUNIT_EXPECT_EQ(test, 0, nr_resets(pf));
	KUNIT_EXPECT_EQ(test, 0, pci_kunit_set_vfs(pdev, 0));
}

/**
 * struct pf - a PF below a Root Port, with two VFs
 * @lone: the PF
 * @vf: the VFs
 * @vdev: what the PCI core has made of them
 */
struct pf {
	struct lone lone;
	struct pci_kunit_fn *vf[2];
	struct pci_dev *vdev[2];
};

static void pf_init(struct kunit *test, struct pf *pf)
{
	struct lone *l = &pf->lone;

	lone_init(test, l);
	pci_kunit_add_flr(l->fn);
	pci_kunit_add_sriov(test, l->fn, ARRAY_SIZE(pf->vf), 0x80, 1);
	for (int i = 0; i < ARRAY_SIZE(pf->vf); i++) {
		pf->vf[i] = pci_kunit_add_vf(test, l->fn,
					     PCI_DEVFN(0x10, i));
		pci_kunit_define(pf->vf[i], PCI_INTERRUPT_LINE, 1, 0, U8_MAX);
	}
	lone_start(test, l);

	KUNIT_ASSERT_EQ(test, 2, pci_kunit_set_vfs(l->pdev, 2));
	for (int i = 0; i < ARRAY_SIZE(pf->vf); i++) {
		pf->vdev[i] = pci_kunit_dev(test, pf->vf[i]);
		pci_write_config_byte(pf->vdev[i], PCI_INTERRUPT_LINE,
				      MARK + i);
		pci_kunit_forget_writes(pf->vf[i]);
	}
	pci_kunit_forget_writes(l->fn);
}

static void pf_exit(struct kunit *test, struct pf *pf)
{
	struct lone *l = &pf->lone;

	expect_unlocked(test, l->pdev);
	expect_unlocked(test, l->bridge);
	for (int i = 0; i < ARRAY_SIZE(pf->vf); i++) {
		expect_unlocked(test, pf->vdev[i]);
		expect_paired(test, pf->vf[i]);
	}
}

static void pf_expect_untouched(struct kunit *test, struct pf *pf)
{
	pci_kunit_expect_no_writes(test, pf->lone.fn);
	KUNIT_EXPECT_EQ(test, 0, nr_resets(pf->lone.fn));
	for (int i = 0; i < ARRAY_SIZE(pf->vf); i++) {
		pci_kunit_expect_no_writes(test, pf->vf[i]);
		KUNIT_EXPECT_EQ(test, 0, pci_kunit_when(pf->vf[i], 'P'));
	}
}

/* VFs come back with their PF, and it is ready when their drivers go on */
static void vfs_follow_pf(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct pf pf;

	pf_init(test, &pf);
	KUNIT_EXPECT_EQ(test, 0, entry->reset(pf.lone.pdev));
	KUNIT_EXPECT_EQ(test, 1, nr_resets(pf.lone.fn));
	KUNIT_EXPECT_STREQ(test, "pPD", pf.lone.fn->events);

	for (int i = 0; i < ARRAY_SIZE(pf.vf); i++) {
		KUNIT_EXPECT_STREQ(test, "pPD", pf.vf[i]->events);
		KUNIT_EXPECT_LT(test, pci_kunit_when(pf.vf[i], 'P'),
				pci_kunit_when(pf.lone.fn, 'P'));
		KUNIT_EXPECT_LT(test, pci_kunit_when(pf.lone.fn, 'D'),
				pci_kunit_when(pf.vf[i], 'D'));
		KUNIT_EXPECT_EQ(test, MARK + i,
				pci_kunit_read(pf.vf[i], PCI_INTERRUPT_LINE,
					       1));
	}
	pf_exit(test, &pf);
}

static void vf_is_assigned(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct pf pf;

	pf_init(test, &pf);
	pci_set_dev_assigned(pf.vdev[1]);
	KUNIT_EXPECT_EQ(test, -EBUSY, entry->reset(pf.lone.pdev));
	pf_expect_untouched(test, &pf);
	pci_clear_dev_assigned(pf.vdev[1]);
	pf_exit(test, &pf);
}

/* Nobody would set up the VFs again */
static void pf_without_driver(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct pf pf;

	pf_init(test, &pf);
	device_release_driver(&pf.lone.pdev->dev);
	pci_kunit_forget_writes(pf.lone.fn);
	KUNIT_EXPECT_EQ(test, -EBUSY, entry->reset(pf.lone.pdev));
	pf_expect_untouched(test, &pf);

	/* Not in use, not in the way */
	for (int i = 0; i < ARRAY_SIZE(pf.vf); i++)
		device_release_driver(&pf.vdev[i]->dev);
	KUNIT_EXPECT_EQ(test, 0, entry->reset(pf.lone.pdev));
	for (int i = 0; i < ARRAY_SIZE(pf.vf); i++)
		KUNIT_EXPECT_EQ(test, MARK + i,
				pci_kunit_read(pf.vf[i], PCI_INTERRUPT_LINE,
					       1));
	pf_exit(test, &pf);
}

static void vf_lock_is_tried(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct pf pf;

	pf_init(test, &pf);
	device_lock(&pf.vdev[1]->dev);
	KUNIT_EXPECT_EQ(test, -EAGAIN, entry->reset(pf.lone.pdev));
	device_unlock(&pf.vdev[1]->dev);
	pf_expect_untouched(test, &pf);
	pf_exit(test, &pf);
}

static struct kunit_case reset_cases[] = {
	KUNIT_CASE_PARAM(reset_by_method, method_gen_params),
	KUNIT_CASE(probe_writes_nothing),
	KUNIT_CASE_SLOW(slow_device),
	KUNIT_CASE_SLOW(device_never_returns_from_flr),
	KUNIT_CASE_SLOW(device_never_returns_from_bus_reset),
	KUNIT_CASE(surprise_removal),
	KUNIT_CASE(hung_device),
	KUNIT_CASE_PARAM(stale_state, all_entry_gen_params),
	KUNIT_CASE(device_lock_is_tried),
	KUNIT_CASE_PARAM(vfs_follow_pf, all_entry_gen_params),
	KUNIT_CASE_PARAM(vf_is_assigned, all_entry_gen_params),
	KUNIT_CASE_PARAM(pf_without_driver, all_entry_gen_params),
	KUNIT_CASE_PARAM(vf_lock_is_tried, all_entry_gen_params),
	KUNIT_CASE(vf_flr),
	{}
};

static struct kunit_suite reset_suite = {
	.name = "pci-reset",
	.init = reset_init,
	.test_cases = reset_cases,
};

/*
 * pci-reset-bridge: who holds the upstream bridge, and when
 */

static void bridge_init(struct kunit *test, struct lone *l)
{
	lone_init(test, l);
	l->fn->priv = l;
	l->fn->on_reset = note_bridge;
}

static void expect_bridge_reset(struct kunit *test, struct lone *l, int ret)
{
	KUNIT_EXPECT_EQ(test, 0, ret);
	KUNIT_EXPECT_EQ(test, 1, l->fn->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_TRUE_MSG(test, l->bridge_held,
			      "bus reset without the bridge's locks");
	expect_paired(test, l->fn);
	expect_unlocked(test, l->pdev);
	expect_unlocked(test, l->bridge);
}

static void bus_reset_holds_bridge(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct lone l;

	bridge_init(test, &l);
	lone_start(test, &l);
	expect_bridge_reset(test, &l, entry->reset(l.pdev));
}

static void slot_reset_holds_bridge(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct pci_kunit_slot *slot;
	struct lone l;

	bridge_init(test, &l);
	lone_start(test, &l);
	slot = pci_kunit_add_slot(test, l.bridge);
	expect_bridge_reset(test, &l, entry->reset(l.pdev));
	KUNIT_EXPECT_EQ(test, 1, slot->resets);
}

static void expect_not_tried(struct kunit *test, struct lone *l, int ret)
{
	KUNIT_EXPECT_EQ(test, -EAGAIN, ret);
	KUNIT_EXPECT_STREQ(test, "p", l->fn->events);
	KUNIT_EXPECT_EQ(test, 0, nr_resets(l->fn));
	pci_kunit_expect_no_writes(test, l->fn);
	expect_unlocked(test, l->pdev);
}

/* A bus reset needs the bridge: somebody else has it, so nothing happens */
static void bus_reset_tries_bridge(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct lone l;

	bridge_init(test, &l);
	lone_start(test, &l);

	device_lock(&l.bridge->dev);
	expect_not_tried(test, &l, entry->reset(l.pdev));
	KUNIT_EXPECT_FALSE(test, l.bridge->block_cfg_access);
	device_unlock(&l.bridge->dev);
	expect_unlocked(test, l.bridge);

	pci_cfg_access_lock(l.bridge);
	expect_not_tried(test, &l, entry->reset(l.pdev));
	KUNIT_EXPECT_FALSE(test, dev_is_locked(l.bridge));
	pci_cfg_access_unlock(l.bridge);
	expect_unlocked(test, l.bridge);
}

/*
 * FLR does not need the bridge: devices behind one bridge can be reset in
 * parallel, whoever has it.  "bus", further down the list, changes nothing.
 */
static void flr_leaves_bridge_alone(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct lone l;
	int ret;

	bridge_init(test, &l);
	pci_kunit_add_flr(l.fn);
	lone_start(test, &l);
	expect_methods(test, l.pdev, "flr bus");

	pci_dev_lock(l.bridge);
	ret = entry->reset(l.pdev);
	KUNIT_EXPECT_TRUE(test, pci_dev_is_held(l.bridge));
	pci_dev_unlock(l.bridge);

	KUNIT_EXPECT_EQ(test, 0, ret);
	KUNIT_EXPECT_EQ(test, 1, l.fn->resets[PCI_KUNIT_FLR]);
	KUNIT_EXPECT_EQ(test, 1, nr_resets(l.fn));
	expect_paired(test, l.fn);
	expect_unlocked(test, l.pdev);
}

/* FLR is listed first but does not work: now the bridge is needed */
static void bus_reset_after_flr(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct lone l;
	int ret;

	bridge_init(test, &l);
	pci_kunit_add_flr(l.fn);
	lone_start(test, &l);
	expect_methods(test, l.pdev, "flr bus");
	l.pdev->dev_flags |= PCI_DEV_FLAGS_NO_FLR_RESET;

	pci_dev_lock(l.bridge);
	ret = entry->reset(l.pdev);
	pci_dev_unlock(l.bridge);
	KUNIT_EXPECT_EQ(test, -EAGAIN, ret);
	KUNIT_EXPECT_EQ(test, 0, nr_resets(l.fn));
	expect_paired(test, l.fn);
	expect_unlocked(test, l.pdev);

	l.fn->resets[PCI_KUNIT_HOT] = 0;
	expect_bridge_reset(test, &l, entry->reset(l.pdev));
}

/* The user has put the bus reset first */
static void bus_reset_before_flr(struct kunit *test)
{
	const struct entry *entry = test->param_value;
	struct lone l;

	bridge_init(test, &l);
	pci_kunit_add_flr(l.fn);
	lone_start(test, &l);
	KUNIT_EXPECT_EQ(test, 7, store_methods(test, l.pdev, "bus flr"));
	pci_kunit_forget_writes(l.fn);

	device_lock(&l.bridge->dev);
	expect_not_tried(test, &l, entry->reset(l.pdev));
	device_unlock(&l.bridge->dev);

	expect_bridge_reset(test, &l, entry->reset(l.pdev));
	KUNIT_EXPECT_EQ(test, 1, nr_resets(l.fn));
}

static void reset_lone(void *data)
{
	struct lone *l = data;

	pci_reset_function(l->pdev, PCI_RESET_ANY);
}

/* It can wait for a lock, but has no need to */
static void flr_does_not_wait_for_bridge(struct kunit *test)
{
	struct pci_kunit_task *task;
	struct lone l;

	lone_init(test, &l);
	pci_kunit_add_flr(l.fn);
	lone_start(test, &l);

	pci_dev_lock(l.bridge);
	task = pci_kunit_run(test, reset_lone, &l);
	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, DONE_MS));
	KUNIT_EXPECT_EQ(test, 1, l.fn->resets[PCI_KUNIT_FLR]);
	pci_dev_unlock(l.bridge);
	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, DONE_MS));
	expect_unlocked(test, l.pdev);
}

static void error_reset_lone(void *data)
{
	struct lone *l = data;

	pci_bus_error_reset(l->bridge);
}

/**
 * struct waiter - a reset that waits for a device lock
 * @name: of the function
 * @fn: the reset
 */
struct waiter {
	const char *name;
	void (*fn)(void *data);
};

static const struct waiter waiters[] = {
	{ "pci_reset_function", reset_lone },
	{ "pci_bus_error_reset", error_reset_lone },
};

KUNIT_ARRAY_PARAM_DESC(waiter, waiters, name);

/* lspci does not hang while a reset waits for a driver's probe to end */
static void waiting_blocks_no_config(struct kunit *test)
{
	const struct waiter *waiter = test->param_value;
	struct pci_kunit_task *task;
	struct lone l;

	lone_init(test, &l);
	lone_start(test, &l);

	device_lock(&l.pdev->dev);
	task = pci_kunit_run(test, waiter->fn, &l);
	KUNIT_EXPECT_FALSE(test, pci_kunit_wait(task, BLOCKED_MS));
	KUNIT_EXPECT_FALSE(test, l.bridge->block_cfg_access);
	KUNIT_EXPECT_FALSE(test, l.pdev->block_cfg_access);
	device_unlock(&l.pdev->dev);

	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, DONE_MS));
	KUNIT_EXPECT_EQ(test, 1, l.fn->resets[PCI_KUNIT_HOT]);
	expect_unlocked(test, l.pdev);
	expect_unlocked(test, l.bridge);
}

static struct kunit_case bridge_cases[] = {
	KUNIT_CASE_PARAM(bus_reset_holds_bridge, entry_gen_params),
	KUNIT_CASE_PARAM(slot_reset_holds_bridge, entry_gen_params),
	KUNIT_CASE_PARAM(bus_reset_tries_bridge, try_entry_gen_params),
	KUNIT_CASE_PARAM(flr_leaves_bridge_alone, try_entry_gen_params),
	KUNIT_CASE_PARAM(bus_reset_after_flr, try_entry_gen_params),
	KUNIT_CASE_PARAM(bus_reset_before_flr, try_entry_gen_params),
	KUNIT_CASE(flr_does_not_wait_for_bridge),
	KUNIT_CASE_PARAM(waiting_blocks_no_config, waiter_gen_params),
	{}
};

static struct kunit_suite bridge_suite = {
	.name = "pci-reset-bridge",
	.init = reset_init,
	.test_cases = bridge_cases,
};

/*
 * pci-reset-method: the list of a function's methods, and its sysfs file
 */

/* Two functions of one device below a Root Port */
struct pair {
	struct pci_kunit_host *host;
	struct pci_kunit_fn *port, *fn[2];
	struct pci_dev *bridge, *pdev[2];
};

static void pair_init(struct kunit *test, struct pair *p)
{
	*p = (struct pair) { .host = test->priv };
	p->port = pci_kunit_add_port(test, p->host, PCI_DEVFN(2, 0));
	for (int i = 0; i < ARRAY_SIZE(p->fn); i++)
		p->fn[i] = pci_kunit_add_endpoint(test, p->host, p->port,
						  PCI_DEVFN(0, i));
}

static void pair_start(struct kunit *test, struct pair *p)
{
	pci_kunit_add_driver(test);
	pci_kunit_start_host(test, p->host);
	p->bridge = pci_kunit_dev(test, p->port);
	for (int i = 0; i < ARRAY_SIZE(p->fn); i++) {
		if (!p->fn[i]->gone)
			p->pdev[i] = pci_kunit_dev(test, p->fn[i]);
		pci_kunit_forget_writes(p->fn[i]);
	}
}

/* "bus" would reset the sibling as well: neither function has it */
static void siblings_have_no_bus(struct kunit *test)
{
	struct pair p;

	pair_init(test, &p);
	pair_start(test, &p);

	for (int i = 0; i < 2; i++) {
		expect_methods(test, p.pdev[i], "");
		KUNIT_EXPECT_FALSE(test, attr_is_visible(p.pdev[i], "reset"));
		KUNIT_EXPECT_EQ(test, -ENOTTY,
				pci_reset_function(p.pdev[i], PCI_RESET_ANY));
		KUNIT_EXPECT_EQ(test, 0, nr_resets(p.fn[i]));
	}
}

static void siblings_plugged_together(struct kunit *test)
{
	struct pair p;

	pair_init(test, &p);
	p.fn[0]->gone = true;
	p.fn[1]->gone = true;
	pair_start(test, &p);

	p.fn[1]->gone = false;
	KUNIT_ASSERT_NOT_NULL(test, pci_kunit_plug(p.fn[0]));
	for (int i = 0; i < 2; i++)
		expect_methods(test, pci_kunit_dev(test, p.fn[i]), "");
}

static void sibling_comes_and_goes(struct kunit *test)
{
	struct pair p;

	pair_init(test, &p);
	p.fn[1]->gone = true;
	pair_start(test, &p);
	expect_methods(test, p.pdev[0], "bus");

	KUNIT_ASSERT_NOT_NULL(test, pci_kunit_plug(p.fn[1]));
	p.pdev[1] = pci_kunit_dev(test, p.fn[1]);
	expect_methods(test, p.pdev[1], "");
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, -ENOTTY,
				pci_reset_function(p.pdev[i], PCI_RESET_ANY));
		KUNIT_EXPECT_EQ(test, 0, nr_resets(p.fn[i]));
	}

	pci_stop_and_remove_bus_device_locked(p.pdev[1]);
	KUNIT_EXPECT_EQ(test, 7, store_methods(test, p.pdev[0], "default"));
	expect_methods(test, p.pdev[0], "bus");
	KUNIT_EXPECT_EQ(test, 0, pci_reset_function(p.pdev[0], PCI_RESET_ANY));
	KUNIT_EXPECT_EQ(test, 1, nr_resets(p.fn[0]));
}

/* The files are there for a device with a method, whatever the method */
static void files_are_visible(struct kunit *test)
{
	struct lone l;

	lone_init(test, &l);
	lone_start(test, &l);
	expect_methods(test, l.pdev, "bus");
	KUNIT_EXPECT_TRUE(test, attr_is_visible(l.pdev, "reset"));
	KUNIT_EXPECT_TRUE(test, attr_is_visible(l.pdev, "reset_method"));

	expect_methods(test, l.bridge, "");
	KUNIT_EXPECT_FALSE(test, attr_is_visible(l.bridge, "reset"));
	KUNIT_EXPECT_FALSE(test, attr_is_visible(l.bridge, "reset_method"));
}

static void methods_are_stored(struct kunit *test)
{
	struct lone l;

	lone_init(test, &l);
	pci_kunit_add_flr(l.fn);
	lone_start(test, &l);
	expect_methods(test, l.pdev, "flr bus");

	KUNIT_EXPECT_EQ(test, 8, store_methods(test, l.pdev, "bus flr\n"));
	expect_methods(test, l.pdev, "bus flr");

	/* What cannot be stored changes nothing */
	KUNIT_EXPECT_EQ(test, -EINVAL, store_methods(test, l.pdev, "flr pm"));
	KUNIT_EXPECT_EQ(test, -EINVAL, store_methods(test, l.pdev, "flr,bus"));
	expect_methods(test, l.pdev, "bus flr");

	KUNIT_EXPECT_EQ(test, 1, store_methods(test, l.pdev, "\n"));
	expect_methods(test, l.pdev, "");
	KUNIT_EXPECT_EQ(test, -ENOTTY,
			pci_reset_function(l.pdev, PCI_RESET_ANY));

	KUNIT_EXPECT_EQ(test, 7, store_methods(test, l.pdev, "default"));
	expect_methods(test, l.pdev, "flr bus");
	KUNIT_EXPECT_EQ(test, 0, nr_resets(l.fn));
	expect_unlocked(test, l.pdev);
}

/**
 * struct access - somebody opens the sysfs file
 * @pdev: whose
 * @attr: the file
 * @names: what is written, %NULL to read
 * @buf: what is read, a page
 * @ret: the result
 */
struct access {
	struct pci_dev *pdev;
	struct device_attribute *attr;
	const char *names;
	char *buf;
	ssize_t ret;
};

static void access_method(void *data)
{
	struct access *a = data;

	if (a->names)
		a->ret = a->attr->store(&a->pdev->dev, a->attr, a->names,
					strlen(a->names));
	else
		a->ret = a->attr->show(&a->pdev->dev, a->attr, a->buf);
}

/**
 * struct store - what is written to the sysfs file
 * @desc: for the log
 * @names: the names of methods
 * @result: the list of methods then
 */
struct store {
	const char *desc;
	const char *names;
	const char *result;
};

static const struct store stores[] = {
	{ "bus", "bus", "bus" },
	{ "default", "default", "flr pm bus" },
	{ "none", "", "" },
};

KUNIT_ARRAY_PARAM_DESC(store, stores, desc);

/* The list does not change under somebody who holds the device lock */
static void store_takes_device_lock(struct kunit *test)
{
	const struct store *s = test->param_value;
	struct access *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	struct pci_kunit_task *task;
	struct lone l;

	KUNIT_ASSERT_NOT_NULL(test, a);
	lone_init(test, &l);
	pci_kunit_add_flr(l.fn);
	pci_kunit_add_pm_reset(l.fn);
	lone_start(test, &l);
	KUNIT_EXPECT_EQ(test, 6, store_methods(test, l.pdev, "pm flr"));

	a->pdev = l.pdev;
	a->attr = find_attr(test, "reset_method");
	a->names = s->names;

	device_lock(&l.pdev->dev);
	task = pci_kunit_run(test, access_method, a);
	KUNIT_EXPECT_FALSE_MSG(test, pci_kunit_wait(task, BLOCKED_MS),
			       "stored although the device is locked");
	expect_methods(test, l.pdev, "pm flr");
	device_unlock(&l.pdev->dev);

	KUNIT_ASSERT_TRUE(test, pci_kunit_wait(task, DONE_MS));
	KUNIT_EXPECT_EQ(test, strlen(s->names), a->ret);
	expect_methods(test, l.pdev, s->result);
}

static void show_takes_device_lock(struct kunit *test)
{
	struct access *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	struct pci_kunit_task *task;
	struct lone l;

	KUNIT_ASSERT_NOT_NULL(test, a);
	lone_init(test, &l);
	pci_kunit_add_flr(l.fn);
	lone_start(test, &l);

	a->pdev = l.pdev;
	a->attr = find_attr(test, "reset_method");
	a->buf = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, a->buf);

	device_lock(&l.pdev->dev);
	task = pci_kunit_run(test, access_method, a);
	KUNIT_EXPECT_FALSE_MSG(test, pci_kunit_wait(task, BLOCKED_MS),
			       "shown although the device is locked");
	device_unlock(&l.pdev->dev);

	KUNIT_ASSERT_TRUE(test, pci_kunit_wait(task, DONE_MS));
	KUNIT_EXPECT_STREQ(test, "flr bus\n", a->buf);
}

static struct kunit_case method_cases[] = {
	KUNIT_CASE(siblings_have_no_bus),
	KUNIT_CASE(siblings_plugged_together),
	KUNIT_CASE(sibling_comes_and_goes),
	KUNIT_CASE(files_are_visible),
	KUNIT_CASE(methods_are_stored),
	KUNIT_CASE_PARAM(store_takes_device_lock, store_gen_params),
	KUNIT_CASE(show_takes_device_lock),
	{}
};

static struct kunit_suite method_suite = {
	.name = "pci-reset-method",
	.init = reset_init,
	.test_cases = method_cases,
};

/*
 * pci-reset-scope: resets of all functions on a bus or in a slot
 */

static void bus_reset_all(struct kunit *test)
{
	struct pair p;

	pair_init(test, &p);
	pair_start(test, &p);
	for (int i = 0; i < 2; i++)
		pci_write_config_byte(p.pdev[i], PCI_INTERRUPT_LINE, MARK + i);

	KUNIT_EXPECT_EQ(test, 0, pci_reset_bus(p.pdev[0], PCI_RESET_ANY));
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, 1, p.fn[i]->resets[PCI_KUNIT_HOT]);
		KUNIT_EXPECT_STREQ(test, "pPD", p.fn[i]->events);
		KUNIT_EXPECT_EQ(test, MARK + i,
				pci_kunit_read(p.fn[i], PCI_INTERRUPT_LINE, 1));
		expect_unlocked(test, p.pdev[i]);
	}
	expect_unlocked(test, p.bridge);
}

/* The bridges of a switch are reset, too, and their children come back */
static void bus_reset_behind_switch(struct kunit *test)
{
	struct pci_kunit_host *host = test->priv;
	struct pci_kunit_fn *port, *up, *down, *fn;
	struct pci_dev *pdev;

	port = pci_kunit_add_port(test, host, PCI_DEVFN(2, 0));
	up = pci_kunit_add_bridge(test, host, port, PCI_DEVFN(0, 0),
				  PCI_EXP_TYPE_UPSTREAM);
	down = pci_kunit_add_bridge(test, host, up, PCI_DEVFN(3, 0),
				    PCI_EXP_TYPE_DOWNSTREAM);
	fn = pci_kunit_add_endpoint(test, host, down, PCI_DEVFN(0, 0));
	pci_kunit_add_driver(test);
	pci_kunit_start_host(test, host);
	pdev = pci_kunit_dev(test, fn);
	pci_write_config_byte(pdev, PCI_INTERRUPT_LINE, MARK);

	KUNIT_EXPECT_EQ(test, 0,
			pci_reset_bus(pci_kunit_dev(test, up), PCI_RESET_ANY));
	KUNIT_EXPECT_EQ(test, 1, up->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_EQ(test, 1, down->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_EQ(test, 1, fn->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_STREQ(test, "pPD", fn->events);
	KUNIT_EXPECT_TRUE(test, pci_device_is_present(pdev));
	KUNIT_EXPECT_EQ(test, MARK, pci_kunit_read(fn, PCI_INTERRUPT_LINE, 1));
	expect_unlocked(test, pdev);
	expect_unlocked(test, pdev->bus->self);
	expect_unlocked(test, pci_kunit_dev(test, up));
	expect_unlocked(test, pci_kunit_dev(test, port));
}

/* One function is busy: all locks are given back, nobody is told */
static void bus_reset_tries_all(struct kunit *test)
{
	struct pair p;

	pair_init(test, &p);
	pair_start(test, &p);

	device_lock(&p.pdev[1]->dev);
	KUNIT_EXPECT_EQ(test, -EAGAIN, pci_reset_bus(p.pdev[0], PCI_RESET_ANY));
	device_unlock(&p.pdev[1]->dev);

	expect_unlocked(test, p.bridge);
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_STREQ(test, "p", p.fn[i]->events);
		KUNIT_EXPECT_EQ(test, 0, nr_resets(p.fn[i]));
		expect_unlocked(test, p.pdev[i]);
	}
}

/**
 * struct scope - the ways to reset more than one function
 * @name: for the log
 * @slot: through a hotplug slot
 */
struct scope {
	const char *name;
	bool slot;
};

static const struct scope scopes[] = {
	{ "bus", false },
	{ "slot", true },
};

KUNIT_ARRAY_PARAM_DESC(scope, scopes, name);

static void pair_hook(struct kunit *test, struct pair *p, pci_kunit_hook_t hook)
{
	const struct scope *scope = test->param_value;
	struct pci_kunit_slot *slot;

	if (scope->slot) {
		if (IS_ENABLED(CONFIG_S390))
			kunit_skip(test, "each function is a slot of its own");
		slot = pci_kunit_add_slot(test, p->bridge);
		slot->hook = hook;
		slot->data = p;
	} else {
		pci_kunit_during_bus_reset(p->host, hook, p);
	}
}

/* A hook: a function appears, and its finder works on it */
static void add_and_hold(struct pci_dev *bridge, void *data)
{
	struct pair *p = data;

	p->pdev[1] = pci_kunit_plug(p->fn[1]);
	if (p->pdev[1])
		pci_dev_lock(p->pdev[1]);
	pci_kunit_forget_writes(p->fn[1]);
}

/*
 * A function that is added during the reset was neither locked nor prepared.
 * So it is neither restored, nor told that the reset is done, nor unlocked:
 * the lock it has now is somebody else's.
 */
static void added_during_reset(struct kunit *test)
{
	struct pair p;

	pair_init(test, &p);
	p.fn[1]->gone = true;
	pair_start(test, &p);
	pair_hook(test, &p, add_and_hold);

	KUNIT_EXPECT_EQ(test, 0, pci_reset_bus(p.pdev[0], PCI_RESET_ANY));
	KUNIT_ASSERT_NOT_NULL(test, p.pdev[1]);
	KUNIT_EXPECT_TRUE_MSG(test, dev_is_locked(p.pdev[1]),
			      "unlocked what it had not locked");
	KUNIT_EXPECT_TRUE_MSG(test, p.pdev[1]->block_cfg_access,
			      "unblocked what it had not blocked");
	KUNIT_EXPECT_STREQ(test, "p", p.fn[1]->events);
	pci_kunit_expect_no_writes(test, p.fn[1]);

	if (p.pdev[1]->block_cfg_access)
		pci_cfg_access_unlock(p.pdev[1]);
	if (dev_is_locked(p.pdev[1]))
		device_unlock(&p.pdev[1]->dev);

	KUNIT_EXPECT_STREQ(test, "pPD", p.fn[0]->events);
	expect_unlocked(test, p.pdev[0]);
	expect_unlocked(test, p.bridge);
}

static int mark_added(struct notifier_block *nb, unsigned long action,
		      void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (action == BUS_NOTIFY_ADD_DEVICE &&
	    pdev->vendor == PCI_KUNIT_VENDOR_ID && PCI_FUNC(pdev->devfn) == 1)
		pci_write_config_byte(pdev, PCI_INTERRUPT_LINE, MARK);

	return NOTIFY_DONE;
}

static void stop_marking(void *nb)
{
	bus_unregister_notifier(&pci_bus_type, nb);
}

/* A hook: a function appears, and its finder is done with it */
static void add_at_once(struct pci_dev *bridge, void *data)
{
	struct pair *p = data;

	p->pdev[1] = pci_kunit_plug(p->fn[1]);
}

/* It is reset with the others, and gets back what it had when it was added */
static void added_is_restored(struct kunit *test)
{
	struct notifier_block *nb;
	struct pair p;

	nb = kunit_kzalloc(test, sizeof(*nb), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, nb);
	nb->notifier_call = mark_added;

	pair_init(test, &p);
	p.fn[1]->gone = true;
	pair_start(test, &p);
	pair_hook(test, &p, add_at_once);
	KUNIT_ASSERT_EQ(test, 0, bus_register_notifier(&pci_bus_type, nb));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, stop_marking, nb));

	KUNIT_EXPECT_EQ(test, 0, pci_reset_bus(p.pdev[0], PCI_RESET_ANY));
	KUNIT_ASSERT_NOT_NULL(test, p.pdev[1]);
	KUNIT_EXPECT_EQ(test, 1, p.fn[1]->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_EQ(test, MARK,
			pci_kunit_read(p.fn[1], PCI_INTERRUPT_LINE, 1));
	KUNIT_EXPECT_STREQ(test, "p", p.fn[1]->events);
	expect_unlocked(test, p.pdev[1]);
	expect_unlocked(test, p.bridge);
}

/**
 * struct removal - a function is removed while its bus is reset
 * @pair: the two functions; the second is removed
 * @nb: stops the removal half-way
 * @half_way: the removal has got there
 * @go_on: let it go on
 * @removed: it has
 */
struct removal {
	struct pair pair;
	struct notifier_block nb;
	struct completion half_way;
	struct completion go_on;
	struct completion removed;
};

/*
 * The last time that the device core calls out when it deletes a device, and
 * the device lock is not taken any more.  The device is still on its bus.
 */
static int stop_half_way(struct notifier_block *nb, unsigned long action,
			 void *data)
{
	struct removal *r = container_of(nb, struct removal, nb);

	if (action == BUS_NOTIFY_REMOVED_DEVICE &&
	    data == &r->pair.pdev[1]->dev) {
		complete(&r->half_way);
		wait_for_completion(&r->go_on);
	}

	return NOTIFY_DONE;
}

static void remove_device(void *data)
{
	struct removal *r = data;

	pci_stop_and_remove_bus_device_locked(r->pair.pdev[1]);
	complete(&r->removed);
}

/* A hook: the removal comes to its end, if it need not wait for the reset */
static void finish_removal(struct pci_dev *bridge, void *data)
{
	struct removal *r = container_of(data, struct removal, pair);

	complete(&r->go_on);
	wait_for_completion_timeout(&r->removed, msecs_to_jiffies(DONE_MS));
}

static void del_notifier(void *data)
{
	bus_unregister_notifier(&pci_bus_type, data);
}

/*
 * A function that is removed during the reset is not on its bus any more when
 * the locks are given back.  It gets its own back all the same.
 */
static void removed_during_reset(struct kunit *test)
{
	struct removal *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct pci_kunit_task *task;
	struct pci_dev *pdev;

	KUNIT_ASSERT_NOT_NULL(test, r);
	init_completion(&r->half_way);
	init_completion(&r->go_on);
	init_completion(&r->removed);
	pair_init(test, &r->pair);
	pair_start(test, &r->pair);
	pair_hook(test, &r->pair, finish_removal);
	pdev = r->pair.pdev[1];

	r->nb.notifier_call = stop_half_way;
	KUNIT_ASSERT_EQ(test, 0, bus_register_notifier(&pci_bus_type, &r->nb));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, del_notifier,
							   &r->nb));

	task = pci_kunit_run(test, remove_device, r);
	wait_for_completion(&r->half_way);
	KUNIT_EXPECT_EQ(test, 0, pci_reset_bus(r->pair.pdev[0], PCI_RESET_ANY));
	complete(&r->go_on);	/* If the reset did not get to the hook */
	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, DONE_MS));

	expect_unlocked(test, pdev);
	if (pdev->block_cfg_access)
		pci_cfg_access_unlock(pdev);
	if (dev_is_locked(pdev))
		device_unlock(&pdev->dev);

	KUNIT_EXPECT_STREQ(test, "pPD", r->pair.fn[0]->events);
	expect_paired(test, r->pair.fn[1]);
	expect_unlocked(test, r->pair.pdev[0]);
	expect_unlocked(test, r->pair.bridge);
}

/* What pci_remove_bus() leaves behind while it still holds the bus */
struct leaving_bus {
	struct pci_ops ops;
	struct pci_bus *subordinate;
	unsigned int calls;
};

static void leaving_bus_remove(struct pci_bus *bus)
{
	struct leaving_bus *leaving =
		container_of(bus->ops, struct leaving_bus, ops);

	leaving->subordinate = bus->self->subordinate;
	leaving->calls++;
}

/* Nobody can find a bus that is about to be released */
static void bridge_forgets_bus(struct kunit *test)
{
	struct leaving_bus *leaving;
	struct lone l;

	leaving = kunit_kzalloc(test, sizeof(*leaving), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, leaving);

	lone_init(test, &l);
	lone_start(test, &l);
	leaving->ops = *l.pdev->bus->ops;
	leaving->ops.remove_bus = leaving_bus_remove;
	pci_bus_set_ops(l.pdev->bus, &leaving->ops);

	pci_stop_and_remove_bus_device_locked(l.bridge);
	KUNIT_EXPECT_EQ(test, 1, leaving->calls);
	KUNIT_EXPECT_NULL(test, leaving->subordinate);
}

static struct kunit_case scope_cases[] = {
	KUNIT_CASE(bridge_forgets_bus),
	KUNIT_CASE(bus_reset_all),
	KUNIT_CASE(bus_reset_behind_switch),
	KUNIT_CASE(bus_reset_tries_all),
	KUNIT_CASE_PARAM(added_during_reset, scope_gen_params),
	KUNIT_CASE_PARAM(added_is_restored, scope_gen_params),
	KUNIT_CASE_PARAM(removed_during_reset, scope_gen_params),
	{}
};

static struct kunit_suite scope_suite = {
	.name = "pci-reset-scope",
	.init = reset_init,
	.test_cases = scope_cases,
};

/*
 * pci-reset-iommu: DMA is blocked during a reset, and only then
 */

/* An endpoint with ATS, so that resets block its DMA, and a reset of its own */
static void iommu_init(struct kunit *test, struct lone *l)
{
	lone_init(test, l);
	pci_kunit_add_ats(l->fn);
	pci_kunit_add_iommu(test, l->host);
}

/* The driver comes last: an IOMMU does not take over a bound device */
static void iommu_start(struct kunit *test, struct lone *l)
{
	pci_kunit_start_host(test, l->host);
	l->bridge = pci_kunit_dev(test, l->port);
	l->pdev = pci_kunit_dev(test, l->fn);
	pci_kunit_attach_iommu(test, l->pdev);
	pci_kunit_add_driver(test);
}

static void probe_leaves_iommu_alone(struct kunit *test)
{
	struct lone l;

	iommu_init(test, &l);
	pci_kunit_add_flr(l.fn);
	pci_kunit_add_pm_reset(l.fn);
	iommu_start(test, &l);
	expect_methods(test, l.pdev, "flr pm bus");

	KUNIT_ASSERT_STREQ(test, "ip", l.fn->events);
	for (int m = 1; m < PCI_NUM_RESET_METHODS; m++) {
		pci_kunit_probe_method(l.pdev, m);
		KUNIT_EXPECT_STREQ_MSG(test, "ip", l.fn->events, "probe of %s",
				       pci_reset_fn_methods[m].name);
	}
}

/* The same through sysfs, while a driver is doing DMA */
static void store_leaves_iommu_alone(struct kunit *test)
{
	struct lone l;

	iommu_init(test, &l);
	pci_kunit_add_flr(l.fn);
	iommu_start(test, &l);

	KUNIT_EXPECT_EQ(test, 7, store_methods(test, l.pdev, "default"));
	KUNIT_EXPECT_EQ(test, 7, store_methods(test, l.pdev, "bus flr"));
	KUNIT_EXPECT_STREQ(test, "ip", l.fn->events);
}

/* An ID that has a device-specific reset, and no driver that is built here */
static void specific_probe_leaves_iommu_alone(struct kunit *test)
{
	struct lone l;

	if (!IS_ENABLED(CONFIG_PCI_QUIRKS))
		kunit_skip(test, "needs CONFIG_PCI_QUIRKS");

	iommu_init(test, &l);
	pci_kunit_define(l.fn, PCI_VENDOR_ID, 2, PCI_VENDOR_ID_CHELSIO, 0);
	pci_kunit_define(l.fn, PCI_DEVICE_ID, 2, 0x4fff, 0);
	iommu_start(test, &l);
	expect_methods(test, l.pdev, "device_specific bus");

	KUNIT_EXPECT_EQ(test, 15,
			store_methods(test, l.pdev, "device_specific"));
	KUNIT_EXPECT_STREQ(test, "i", l.fn->events);
}

/* What the above must not break */
static void reset_blocks_dma(struct kunit *test)
{
	const struct method *m = test->param_value;
	struct lone l;

	iommu_init(test, &l);
	if (m->add)
		m->add(l.fn);
	iommu_start(test, &l);

	KUNIT_EXPECT_EQ(test, 0, pci_reset_function(l.pdev, PCI_RESET_ANY));
	KUNIT_EXPECT_EQ(test, 1, l.fn->resets[m->how]);
	KUNIT_EXPECT_STREQ(test, "ipPbiD", l.fn->events);
}

/* Of all that is reset, and only once all of it was told */
static void bus_reset_blocks_dma(struct kunit *test)
{
	struct pair p;

	pair_init(test, &p);
	pci_kunit_add_iommu(test, p.host);
	pci_kunit_add_ats(p.fn[0]);
	pci_kunit_add_ats(p.fn[1]);
	pci_kunit_start_host(test, p.host);
	for (int i = 0; i < 2; i++) {
		p.pdev[i] = pci_kunit_dev(test, p.fn[i]);
		pci_kunit_attach_iommu(test, p.pdev[i]);
	}
	pci_kunit_add_driver(test);

	KUNIT_EXPECT_EQ(test, 0, pci_reset_bus(p.pdev[0], PCI_RESET_ANY));
	for (int i = 0; i < 2; i++)
		KUNIT_EXPECT_STREQ(test, "ipPbiD", p.fn[i]->events);
	KUNIT_EXPECT_GT(test, pci_kunit_when(p.fn[0], 'b'),
			pci_kunit_when(p.fn[1], 'P'));
}

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(probe_leaves_iommu_alone),
	KUNIT_CASE(store_leaves_iommu_alone),
	KUNIT_CASE(specific_probe_leaves_iommu_alone),
	KUNIT_CASE_PARAM(reset_blocks_dma, method_gen_params),
	KUNIT_CASE(bus_reset_blocks_dma),
	{}
};

static struct kunit_suite iommu_suite = {
	.name = "pci-reset-iommu",
	.init = reset_init,
	.test_cases = iommu_cases,
};

kunit_test_suites(&reset_suite, &bridge_suite, &method_suite, &scope_suite,
		  &iommu_suite);

MODULE_DESCRIPTION("KUnit tests for PCI resets");
MODULE_LICENSE("GPL");
