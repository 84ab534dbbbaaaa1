// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for SR-IOV: VFs that come and go
 */
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "../pci.h"
#include "pci_kunit_helpers.h"

/* Long enough for another task to get where it is blocked */
#define BLOCKED_MS	50

/* More than enough for a task that is not blocked */
#define DONE_MS		5000

#define NR_VFS		2

/* A register that is saved and restored, and that nobody else writes */
#define MARK		0x5a

/* A PF below a Root Port, its VFs on the same bus or on one of their own */
struct iov {
	struct pci_kunit_host *host;
	struct pci_kunit_fn *port, *pf, *vf[NR_VFS];
	struct pci_dev *bridge, *pdev, *vdev[NR_VFS];
};

struct iov_place {
	const char *name;
	u16 offset;
};

static const struct iov_place iov_places[] = {
	{ "on the PF's bus", 0x1 },
	{ "on a virtual bus", 0x100 },
};

KUNIT_ARRAY_PARAM_DESC(iov_place, iov_places, name);

static void iov_start(struct kunit *test, struct iov *l)
{
	const struct iov_place *place = test->param_value;
	u16 offset = place ? place->offset : 1;

	*l = (struct iov) { .host = pci_kunit_alloc_host(test) };
	l->port = pci_kunit_add_port(test, l->host, PCI_DEVFN(2, 0));
	l->pf = pci_kunit_add_endpoint(test, l->host, l->port, 0);
	pci_kunit_add_sriov(test, l->pf, NR_VFS, offset, 1);
	for (int i = 0; i < NR_VFS; i++)
		l->vf[i] = pci_kunit_add_vf(test, l->pf, offset + i);

	pci_kunit_add_driver(test);
	pci_kunit_start_host(test, l->host);
	l->bridge = pci_kunit_dev(test, l->port);
	l->pdev = pci_kunit_dev(test, l->pf);
}

static void iov_enable(struct kunit *test, struct iov *l)
{
	KUNIT_ASSERT_EQ(test, NR_VFS, pci_kunit_set_vfs(l->pdev, NR_VFS));
	for (int i = 0; i < NR_VFS; i++)
		l->vdev[i] = pci_kunit_dev(test, l->vf[i]);
}

/* A walk of a bus */

struct iov_walk {
	struct pci_dev *dev[1 + NR_VFS];
	int nr;
};

static int iov_note(struct pci_dev *pdev, void *data)
{
	struct iov_walk *walk = data;

	if (walk->nr < ARRAY_SIZE(walk->dev))
		walk->dev[walk->nr] = pdev;
	walk->nr++;
	return 0;
}

static int iov_stop_at_vf(struct pci_dev *pdev, void *data)
{
	iov_note(pdev, data);
	return pdev->is_virtfn;
}

static void walk_visits_vfs(struct kunit *test)
{
	struct iov_walk walk = {};
	struct iov l;

	iov_start(test, &l);
	iov_enable(test, &l);

	pci_walk_bus(l.bridge->subordinate, iov_note, &walk);
	KUNIT_ASSERT_EQ(test, 1 + NR_VFS, walk.nr);
	KUNIT_EXPECT_PTR_EQ(test, l.pdev, walk.dev[0]);
	for (int i = 0; i < NR_VFS; i++)
		KUNIT_EXPECT_PTR_EQ(test, l.vdev[i], walk.dev[1 + i]);

	walk.nr = 0;
	pci_walk_bus_reverse(l.bridge->subordinate, iov_note, &walk);
	KUNIT_ASSERT_EQ(test, 1 + NR_VFS, walk.nr);
	KUNIT_EXPECT_PTR_EQ(test, l.pdev, walk.dev[NR_VFS]);

	walk.nr = 0;
	pci_walk_bus(l.bridge->subordinate, iov_stop_at_vf, &walk);
	KUNIT_EXPECT_EQ(test, 2, walk.nr);

	KUNIT_EXPECT_EQ(test, 0, pci_kunit_set_vfs(l.pdev, 0));
}

/* What pciehp and others do when a device was pulled */
static void surprise_removal_reaches_vfs(struct kunit *test)
{
	struct iov l;

	iov_start(test, &l);
	iov_enable(test, &l);

	l.pf->gone = true;
	pci_walk_bus(l.bridge->subordinate, pci_dev_set_disconnected, NULL);
	KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(l.pdev));
	for (int i = 0; i < NR_VFS; i++)
		KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(l.vdev[i]));

	pci_stop_and_remove_bus_device_locked(l.pdev);
}

/* A link reset hits the VFs as well: they are in its set */
static void link_reset_restores_vfs(struct kunit *test, struct iov *l)
{
	for (int i = 0; i < NR_VFS; i++)
		pci_write_config_byte(l->vdev[i], PCI_INTERRUPT_LINE, MARK);

	KUNIT_EXPECT_EQ(test, 0, pci_reset_bus(l->pdev, PCI_RESET_ANY));
	KUNIT_EXPECT_EQ(test, 1, l->pf->resets[PCI_KUNIT_HOT]);
	for (int i = 0; i < NR_VFS; i++) {
		KUNIT_EXPECT_EQ(test, MARK,
				pci_kunit_read(l->vf[i], PCI_INTERRUPT_LINE, 1));
		KUNIT_EXPECT_STREQ(test, "pPD", l->vf[i]->events);
	}

	KUNIT_EXPECT_EQ(test, 0, pci_kunit_set_vfs(l->pdev, 0));
}

static void bus_reset_restores_vfs(struct kunit *test)
{
	struct iov l;

	iov_start(test, &l);
	iov_enable(test, &l);
	link_reset_restores_vfs(test, &l);
}

static void slot_reset_restores_vfs(struct kunit *test)
{
	struct pci_kunit_slot *slot;
	struct iov l;

	iov_start(test, &l);
	slot = pci_kunit_add_slot(test, l.bridge);
	iov_enable(test, &l);
	link_reset_restores_vfs(test, &l);
	KUNIT_EXPECT_EQ(test, 1, slot->resets);
}

/* Coming and going */

static bool iov_is_on_bus(struct iov *l, struct pci_dev *pdev)
{
	struct pci_dev *found;

	found = pci_get_domain_bus_and_slot(pci_domain_nr(pdev->bus),
					    pdev->bus->number, pdev->devfn);
	pci_dev_put(found);
	return found;
}

/* The driver of these tests leaves VFs behind: removal of the PF does not */
static void removed_pf_takes_vfs(struct kunit *test)
{
	struct iov l;

	iov_start(test, &l);
	iov_enable(test, &l);

	pci_stop_and_remove_bus_device_locked(l.pdev);
	KUNIT_EXPECT_FALSE(test, iov_is_on_bus(&l, l.pdev));
	for (int i = 0; i < NR_VFS; i++) {
		KUNIT_EXPECT_FALSE(test, iov_is_on_bus(&l, l.vdev[i]));
		KUNIT_EXPECT_STREQ(test, "pr", l.vf[i]->events);
	}
	KUNIT_EXPECT_EQ(test, 0, pci_num_vf(l.pdev));
	KUNIT_EXPECT_EQ(test, 0, pci_kunit_read(l.pf, l.pf->sriov +
						PCI_SRIOV_NUM_VF, 2));
}

/* The same when a bridge above the PF is removed */
static void removed_bridge_takes_vfs(struct kunit *test)
{
	struct iov l;

	iov_start(test, &l);
	iov_enable(test, &l);

	pci_stop_and_remove_bus_device_locked(l.bridge);
	KUNIT_EXPECT_FALSE(test, iov_is_on_bus(&l, l.bridge));
	for (int i = 0; i < NR_VFS; i++) {
		KUNIT_EXPECT_FALSE(test, device_is_registered(&l.vdev[i]->dev));
		KUNIT_EXPECT_STREQ(test, "pr", l.vf[i]->events);
	}
}

static void unbound_pf_keeps_vfs(struct kunit *test)
{
	struct iov l;

	iov_start(test, &l);
	iov_enable(test, &l);

	device_release_driver(&l.pdev->dev);
	for (int i = 0; i < NR_VFS; i++) {
		KUNIT_EXPECT_TRUE(test, iov_is_on_bus(&l, l.vdev[i]));
		KUNIT_EXPECT_STREQ(test, "p", l.vf[i]->events);
	}

	pci_stop_and_remove_bus_device_locked(l.pdev);
}

#ifdef PCI_RESET_ANY
/* Somebody else who brings back a VF of a PF, as EEH does */
static struct iov_rival {
	void (*remove)(struct pci_dev *pdev);
	int error;
} *iov_rival;

static void iov_remove_and_add(struct pci_dev *pdev)
{
	iov_rival->remove(pdev);
	if (!pdev->is_virtfn || iov_rival->error <= 0)
		return;

	pci_lock_rescan_remove();
	iov_rival->error = pci_iov_add_virtfn(pci_physfn(pdev), 0);
	pci_unlock_rescan_remove();
}

/* A VF that is added while the others are unbound is not left behind */
static void vf_added_during_removal(struct kunit *test)
{
	struct iov_rival rival = { .error = 1 };
	struct pci_driver *driver;
	struct iov l;

	iov_start(test, &l);
	iov_enable(test, &l);

	pci_detach_subtree(l.vdev[0]);
	pci_lock_rescan_remove();
	pci_iov_remove_virtfn(l.pdev, 0);
	pci_unlock_rescan_remove();

	driver = to_pci_driver(l.pdev->dev.driver);
	rival.remove = driver->remove;
	iov_rival = &rival;
	driver->remove = iov_remove_and_add;
	KUNIT_EXPECT_EQ(test, 0, pci_kunit_set_vfs(l.pdev, 0));
	driver->remove = rival.remove;

	KUNIT_EXPECT_EQ(test, 0, rival.error);
	KUNIT_EXPECT_STREQ(test, "prpr", l.vf[0]->events);
	KUNIT_EXPECT_STREQ(test, "pr", l.vf[1]->events);
	for (int i = 0; i < NR_VFS; i++)
		KUNIT_EXPECT_FALSE(test, iov_is_on_bus(&l, l.vdev[i]));
}
#else
static void vf_added_during_removal(struct kunit *test)
{
	kunit_skip(test, "drivers can't be unbound for ever here");
}
#endif

/* sriov_numvfs */

struct iov_read {
	struct pci_dev *pdev;
	char *buf;
};

static void iov_show_numvfs(void *data)
{
	struct device_attribute *numvfs = NULL;
	struct iov_read *read = data;

	for (struct attribute **a = sriov_pf_dev_attr_group.attrs; *a; a++)
		if (!strcmp((*a)->name, "sriov_numvfs"))
			numvfs = container_of(*a, struct device_attribute,
					      attr);
	if (numvfs)
		numvfs->show(&read->pdev->dev, numvfs, read->buf);
}

/* A PF that is busy for long does not keep its number of VFs to itself */
static void numvfs_is_read_at_once(struct kunit *test)
{
	struct pci_kunit_task *task;
	struct iov_read read;
	struct iov l;

	iov_start(test, &l);
	iov_enable(test, &l);

	/* As long as the task may run: a page, as sysfs_emit() wants it */
	read.pdev = l.pdev;
	read.buf = (char *)__get_free_page(GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, read.buf);

	device_lock(&l.pdev->dev);
	task = pci_kunit_run(test, iov_show_numvfs, &read);
	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, BLOCKED_MS));
	device_unlock(&l.pdev->dev);
	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, DONE_MS));
	KUNIT_EXPECT_STREQ(test, "2\n", read.buf);

	free_page((unsigned long)read.buf);
	KUNIT_EXPECT_EQ(test, 0, pci_kunit_set_vfs(l.pdev, 0));
}

/* Who hears of a VF knows how many there are */

struct iov_listener {
	struct notifier_block nb;
	struct pci_dev *pdev;
	int added, removed;
	int wrong;
};

static int iov_listen(struct notifier_block *nb, unsigned long action,
		      void *data)
{
	struct iov_listener *l = container_of(nb, struct iov_listener, nb);
	struct pci_dev *pdev = to_pci_dev(data);

	if (!pdev->is_virtfn || pdev->physfn != l->pdev)
		return NOTIFY_DONE;

	if (action == BUS_NOTIFY_ADD_DEVICE)
		l->added++;
	else if (action == BUS_NOTIFY_REMOVED_DEVICE)
		l->removed++;
	else
		return NOTIFY_DONE;

	if (pci_num_vf(l->pdev) != NR_VFS)
		l->wrong++;

	return NOTIFY_DONE;
}

static void numvfs_is_right_for_every_vf(struct kunit *test)
{
	struct iov_listener listener = { .nb.notifier_call = iov_listen };
	struct iov l;

	iov_start(test, &l);
	listener.pdev = l.pdev;
	bus_register_notifier(&pci_bus_type, &listener.nb);
	KUNIT_EXPECT_EQ(test, NR_VFS, pci_kunit_set_vfs(l.pdev, NR_VFS));
	KUNIT_EXPECT_EQ(test, 0, pci_kunit_set_vfs(l.pdev, 0));
	bus_unregister_notifier(&pci_bus_type, &listener.nb);

	KUNIT_EXPECT_EQ(test, NR_VFS, listener.added);
	KUNIT_EXPECT_EQ(test, NR_VFS, listener.removed);
	KUNIT_EXPECT_EQ_MSG(test, 0, listener.wrong,
			    "VFs whose number was not published");
	KUNIT_EXPECT_EQ(test, 0, pci_num_vf(l.pdev));
}

/* Drivers that enable VFs in probe() and disable them in remove() */

static int iov_eager_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return pdev->is_physfn ? pci_enable_sriov(pdev, NR_VFS) : 0;
}

static void iov_eager_remove(struct pci_dev *pdev)
{
	pci_disable_sriov(pdev);
}

static const struct pci_device_id iov_eager_ids[] = {
	{ PCI_DEVICE(PCI_KUNIT_VENDOR_ID, PCI_KUNIT_ENDPOINT_ID) },
	{ }
};

static void iov_del_driver(void *data)
{
	pci_unregister_driver(data);
}

static void eager_driver(struct kunit *test)
{
	struct pci_driver *drv = kunit_kzalloc(test, sizeof(*drv), GFP_KERNEL);
	struct pci_kunit_host *host = pci_kunit_alloc_host(test);
	struct pci_kunit_fn *pf, *vf[NR_VFS];
	struct pci_dev *pdev, *vdev;

	KUNIT_ASSERT_NOT_NULL(test, drv);
	pf = pci_kunit_add_endpoint(test, host, NULL, PCI_DEVFN(1, 0));
	pci_kunit_add_sriov(test, pf, NR_VFS, 1, 1);
	for (int i = 0; i < NR_VFS; i++)
		vf[i] = pci_kunit_add_vf(test, pf, PCI_DEVFN(1, 1 + i));

	drv->name = "pci_kunit_eager";
	drv->id_table = iov_eager_ids;
	drv->probe = iov_eager_probe;
	drv->remove = iov_eager_remove;
	KUNIT_ASSERT_EQ(test, 0, pci_register_driver(drv));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, iov_del_driver,
							   drv));

	/* Found by a scan, unbound and bound, removed and found again */
	pci_kunit_start_host(test, host);
	pdev = pci_kunit_dev(test, pf);
	KUNIT_EXPECT_EQ(test, NR_VFS, pci_num_vf(pdev));
	vdev = pci_kunit_dev(test, vf[1]);
	KUNIT_EXPECT_PTR_EQ(test, drv, vdev->driver);

	device_release_driver(&pdev->dev);
	KUNIT_EXPECT_EQ(test, 0, pci_num_vf(pdev));
	KUNIT_EXPECT_FALSE(test, device_is_registered(&vdev->dev));
	KUNIT_EXPECT_EQ(test, 1, device_attach(&pdev->dev));
	KUNIT_EXPECT_EQ(test, NR_VFS, pci_num_vf(pdev));

	vdev = pci_kunit_dev(test, vf[1]);
	pci_stop_and_remove_bus_device_locked(pdev);
	KUNIT_EXPECT_EQ(test, 0, pci_num_vf(pdev));
	KUNIT_EXPECT_FALSE(test, device_is_registered(&vdev->dev));
	pdev = pci_kunit_plug(pf);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_EXPECT_EQ(test, NR_VFS, pci_num_vf(pdev));
}

static struct kunit_case iov_cases[] = {
	KUNIT_CASE_PARAM(walk_visits_vfs, iov_place_gen_params),
	KUNIT_CASE_PARAM(surprise_removal_reaches_vfs, iov_place_gen_params),
	KUNIT_CASE_PARAM(bus_reset_restores_vfs, iov_place_gen_params),
	KUNIT_CASE_PARAM(slot_reset_restores_vfs, iov_place_gen_params),
	KUNIT_CASE_PARAM(removed_pf_takes_vfs, iov_place_gen_params),
	KUNIT_CASE_PARAM(removed_bridge_takes_vfs, iov_place_gen_params),
	KUNIT_CASE_PARAM(unbound_pf_keeps_vfs, iov_place_gen_params),
	KUNIT_CASE_PARAM(vf_added_during_removal, iov_place_gen_params),
	KUNIT_CASE(eager_driver),
	KUNIT_CASE(numvfs_is_read_at_once),
	KUNIT_CASE(numvfs_is_right_for_every_vf),
	{}
};

static struct kunit_suite iov_suite = {
	.name = "pci-iov",
	.test_cases = iov_cases,
};

kunit_test_suite(iov_suite);
