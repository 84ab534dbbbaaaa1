// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for whether a device is there: pulled, given up, revived
 */
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/notifier.h>
#include <linux/pci.h>

#include "../pci.h"
#include "pci_kunit_helpers.h"

#define NR_VFS		2

#define SERIAL		0x0123456789abcdefULL

/* A register that can be written and that nobody else writes */
#define MARK		0x5a

/* Two endpoints below a Root Port, the first with a serial number and VFs */
struct slot {
	struct pci_kunit_host *host;
	struct pci_kunit_fn *port, *fn, *sibling, *vf[NR_VFS];
	struct pci_dev *bridge, *pdev, *sdev, *vdev[NR_VFS];
	u16 dsn;
};

struct slot_place {
	const char *name;
	u16 offset;
};

static const struct slot_place slot_places[] = {
	{ "on the PF's bus", 0x2 },
	{ "on a virtual bus", 0x100 },
};

KUNIT_ARRAY_PARAM_DESC(slot_place, slot_places, name);

static void slot_define(struct kunit *test, struct slot *l)
{
	*l = (struct slot) { .host = pci_kunit_alloc_host(test) };
	l->port = pci_kunit_add_port(test, l->host, PCI_DEVFN(2, 0));
	l->fn = pci_kunit_add_endpoint(test, l->host, l->port, 0);
	l->sibling = pci_kunit_add_endpoint(test, l->host, l->port, 1);

	l->dsn = pci_kunit_add_ext_cap(l->fn, PCI_EXT_CAP_ID_DSN, 1, 12);
	pci_kunit_define(l->fn, l->dsn + 4, 4, lower_32_bits(SERIAL), 0);
	pci_kunit_define(l->fn, l->dsn + 8, 4, upper_32_bits(SERIAL), 0);
}

static void slot_start_host(struct kunit *test, struct slot *l)
{
	pci_kunit_add_driver(test);
	pci_kunit_start_host(test, l->host);
	l->bridge = pci_kunit_dev(test, l->port);
	l->pdev = pci_kunit_dev(test, l->fn);
	l->sdev = pci_kunit_dev(test, l->sibling);
}

static void slot_start(struct kunit *test, struct slot *l)
{
	slot_define(test, l);
	slot_start_host(test, l);
}

static void slot_start_pf(struct kunit *test, struct slot *l)
{
	const struct slot_place *place = test->param_value ?: &slot_places[0];
	u16 offset = place->offset;

	slot_define(test, l);
	pci_kunit_add_sriov(test, l->fn, NR_VFS, offset, 1);
	for (int i = 0; i < NR_VFS; i++)
		l->vf[i] = pci_kunit_add_vf(test, l->fn, offset + i);
	slot_start_host(test, l);
}

static void slot_start_vfs(struct kunit *test, struct slot *l)
{
	slot_start_pf(test, l);
	KUNIT_ASSERT_EQ(test, NR_VFS, pci_kunit_set_vfs(l->pdev, NR_VFS));
	for (int i = 0; i < NR_VFS; i++)
		l->vdev[i] = pci_kunit_dev(test, l->vf[i]);
}

/* Error recovery has failed */
static void give_up(struct pci_dev *pdev)
{
	pci_dev_set_disconnected(pdev, NULL);
}

/* What pciehp does when the card is gone, as well as a kernel can say it */
static void pull_card(struct slot *l)
{
	l->fn->gone = true;
	l->sibling->gone = true;
#ifdef PCI_DEV_PULLED
	pci_bus_set_pulled(l->bridge->subordinate);
#else
	pci_walk_bus(l->bridge->subordinate, pci_dev_set_disconnected, NULL);
#endif
}

/* Registered, not bound */
static void added_is_not_bound(struct kunit *test)
{
	struct pci_kunit_fn *late;
	struct pci_dev *pdev;
	struct slot l;

	slot_define(test, &l);
	late = pci_kunit_add_endpoint(test, l.host, l.port, PCI_DEVFN(0, 2));
	late->gone = true;
	slot_start_host(test, &l);
	KUNIT_EXPECT_TRUE(test, pci_dev_is_added(l.pdev));

	device_release_driver(&l.pdev->dev);
	KUNIT_EXPECT_NULL(test, l.pdev->driver);
	KUNIT_EXPECT_TRUE(test, pci_dev_is_added(l.pdev));

	late->gone = false;
	pci_lock_rescan_remove();
	pdev = pci_scan_single_device(l.bridge->subordinate, PCI_DEVFN(0, 2));
	if (pdev) {
		KUNIT_EXPECT_TRUE(test, device_is_registered(&pdev->dev));
		KUNIT_EXPECT_FALSE(test, pci_dev_is_added(pdev));
		pci_bus_add_device(pdev);
		KUNIT_EXPECT_TRUE(test, pci_dev_is_added(pdev));
	}
	pci_unlock_rescan_remove();
	KUNIT_EXPECT_NOT_NULL(test, pdev);

	pci_stop_and_remove_bus_device_locked(l.pdev);
	KUNIT_EXPECT_FALSE(test, pci_dev_is_added(l.pdev));
}

/* Its PF answers, and yet nobody gets through to it */
static void disconnected_vf_is_not_present(struct kunit *test)
{
	struct slot l;

	slot_start_vfs(test, &l);
	KUNIT_EXPECT_TRUE(test, pci_device_is_present(l.vdev[0]));

	give_up(l.vdev[0]);
	KUNIT_EXPECT_FALSE(test, pci_device_is_present(l.vdev[0]));
	KUNIT_EXPECT_TRUE(test, pci_device_is_present(l.vdev[1]));
	KUNIT_EXPECT_TRUE(test, pci_device_is_present(l.pdev));
}

/* The card is pulled when the first VF is there, and the second one is not */

struct puller {
	struct notifier_block nb;
	struct slot *slot;
	bool pulled;
};

static int pull_at_first_vf(struct notifier_block *nb, unsigned long action,
			    void *data)
{
	struct puller *p = container_of(nb, struct puller, nb);
	struct pci_dev *pdev = to_pci_dev(data);

	if (action == BUS_NOTIFY_ADD_DEVICE && !p->pulled &&
	    pdev->is_virtfn && pdev->physfn == p->slot->pdev) {
		p->pulled = true;
		pull_card(p->slot);
	}

	return NOTIFY_DONE;
}

static void vf_added_after_the_mark(struct kunit *test)
{
	struct puller puller = { .nb.notifier_call = pull_at_first_vf };
	struct slot l;

	slot_start_pf(test, &l);
	puller.slot = &l;
	bus_register_notifier(&pci_bus_type, &puller.nb);
	pci_kunit_set_vfs(l.pdev, NR_VFS);
	bus_unregister_notifier(&pci_bus_type, &puller.nb);
	KUNIT_EXPECT_TRUE(test, puller.pulled);

	for (int i = 0; i < NR_VFS; i++) {
		l.vdev[i] = pci_kunit_dev(test, l.vf[i]);
		KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(l.vdev[i]));
	}
}

#ifdef PCI_DEV_PULLED

/* Marks */

static void expect_pulled(struct kunit *test, struct pci_dev *pdev)
{
	KUNIT_EXPECT_TRUE(test, pci_dev_is_pulled(pdev));
	KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(pdev));
	KUNIT_EXPECT_TRUE(test, pci_channel_offline(pdev));
	KUNIT_EXPECT_FALSE(test, pci_device_is_present(pdev));
}

static void expect_there(struct kunit *test, struct pci_dev *pdev)
{
	KUNIT_EXPECT_FALSE(test, pci_dev_is_pulled(pdev));
	KUNIT_EXPECT_FALSE(test, pci_dev_is_disconnected(pdev));
	KUNIT_EXPECT_FALSE(test, pci_channel_offline(pdev));
	KUNIT_EXPECT_TRUE(test, pci_device_is_present(pdev));
}

static void given_up_is_not_pulled(struct kunit *test)
{
	struct slot l;

	slot_start(test, &l);
	expect_there(test, l.pdev);
	give_up(l.pdev);
	KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(l.pdev));
	KUNIT_EXPECT_FALSE(test, pci_dev_is_pulled(l.pdev));
}

/* One device: its VFs go with it, its sibling stays */
static void pulled_device(struct kunit *test)
{
	struct slot l;

	slot_start_vfs(test, &l);

	pci_dev_set_pulled(l.pdev);
	expect_pulled(test, l.pdev);
	for (int i = 0; i < NR_VFS; i++)
		expect_pulled(test, l.vdev[i]);
	expect_there(test, l.sdev);
	expect_there(test, l.bridge);
}

static void expect_card_pulled(struct kunit *test, struct slot *l)
{
	expect_pulled(test, l->pdev);
	expect_pulled(test, l->sdev);
	for (int i = 0; i < NR_VFS; i++)
		expect_pulled(test, l->vdev[i]);
}

/* A bridge: all that is below it */
static void pulled_bridge(struct kunit *test)
{
	struct slot l;

	slot_start_vfs(test, &l);

	pci_dev_set_pulled(l.bridge);
	expect_pulled(test, l.bridge);
	expect_card_pulled(test, &l);
}

/* A card: what is below the port, but not the port */
static void pulled_card(struct kunit *test)
{
	struct slot l;

	slot_start_vfs(test, &l);

	pull_card(&l);
	expect_there(test, l.bridge);
	expect_card_pulled(test, &l);
}

/* What is plugged in next is another device, even if it is the same one */
static void plugged_in_again(struct kunit *test)
{
	struct pci_dev *again;
	struct slot l;

	slot_start(test, &l);
	pull_card(&l);
	pci_stop_and_remove_bus_device_locked(l.pdev);

	again = pci_kunit_plug(l.fn);
	KUNIT_ASSERT_NOT_NULL(test, again);
	KUNIT_EXPECT_PTR_NE(test, l.pdev, again);
	expect_there(test, again);
	KUNIT_EXPECT_TRUE(test, pci_dev_is_pulled(l.pdev));
}

/* Revival */

static int revive(struct pci_dev *pdev)
{
	guard(device)(&pdev->dev);
	return pci_dev_revive(pdev);
}

static void expect_accessible(struct kunit *test, struct pci_dev *pdev,
			      struct pci_kunit_fn *fn)
{
	expect_there(test, pdev);
	KUNIT_EXPECT_EQ(test, PCIBIOS_SUCCESSFUL,
			pci_write_config_byte(pdev, PCI_INTERRUPT_LINE, MARK));
	KUNIT_EXPECT_EQ(test, MARK, pci_kunit_read(fn, PCI_INTERRUPT_LINE, 1));
}

static void revived(struct kunit *test)
{
	struct slot l;

	slot_start(test, &l);
	give_up(l.pdev);
	KUNIT_EXPECT_NE(test, PCIBIOS_SUCCESSFUL,
			pci_write_config_byte(l.pdev, PCI_INTERRUPT_LINE, 0));
	KUNIT_EXPECT_EQ(test, 0, revive(l.pdev));
	expect_accessible(test, l.pdev, l.fn);

	/* There is nothing to do then, and a device may be given up again */
	KUNIT_EXPECT_EQ(test, 0, revive(l.pdev));
	give_up(l.pdev);
	KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(l.pdev));
	KUNIT_EXPECT_EQ(test, 0, revive(l.pdev));
	expect_accessible(test, l.pdev, l.fn);

	/* One without a serial number is known by its IDs alone */
	give_up(l.sdev);
	KUNIT_EXPECT_EQ(test, 0, revive(l.sdev));
	expect_accessible(test, l.sdev, l.sibling);
}

/* The reset is what makes it answer */
static void revived_after_reset(struct kunit *test)
{
	struct slot l;

	slot_start(test, &l);
	l.fn->hung = true;
	give_up(l.pdev);
	KUNIT_EXPECT_EQ(test, -EIO, revive(l.pdev));
	KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(l.pdev));

	pci_reset_secondary_bus(l.bridge);
	KUNIT_EXPECT_EQ(test, 1, l.fn->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_EQ(test, 0, revive(l.pdev));
	expect_accessible(test, l.pdev, l.fn);
}

static void make_hung(struct slot *l)
{
	l->fn->hung = true;
}

/* Configuration Request Retry Status, as it is visible to software */
static void make_retry(struct slot *l)
{
	pci_kunit_define(l->fn, PCI_VENDOR_ID, 4,
			 0xffff0000 | PCI_VENDOR_ID_PCI_SIG, 0);
}

static void make_other_vendor(struct slot *l)
{
	pci_kunit_define(l->fn, PCI_VENDOR_ID, 2, PCI_VENDOR_ID_INTEL, 0);
}

static void make_other_device(struct slot *l)
{
	pci_kunit_define(l->fn, PCI_DEVICE_ID, 2, PCI_KUNIT_ENDPOINT_ID + 1, 0);
}

static void make_other_subsystem(struct slot *l)
{
	pci_kunit_define(l->fn, PCI_SUBSYSTEM_ID, 2, 1, 0);
}

static void make_other_serial_low(struct slot *l)
{
	pci_kunit_define(l->fn, l->dsn + 4, 4, lower_32_bits(SERIAL) + 1, 0);
}

static void make_other_serial_high(struct slot *l)
{
	pci_kunit_define(l->fn, l->dsn + 8, 4, upper_32_bits(SERIAL) + 1, 0);
}

static void make_pulled(struct slot *l)
{
	pull_card(l);
}

static void make_pulled_and_plugged(struct slot *l)
{
	pull_card(l);
	l->fn->gone = false;
}

static void make_removed(struct slot *l)
{
	pci_stop_and_remove_bus_device_locked(l->pdev);
}

struct refusal {
	const char *name;
	void (*make)(struct slot *l);
	int error;
};

static const struct refusal refusals[] = {
	{ "hung", make_hung, -EIO },
	{ "not ready", make_retry, -EIO },
	{ "other vendor", make_other_vendor, -ENODEV },
	{ "other device", make_other_device, -ENODEV },
	{ "other subsystem", make_other_subsystem, -ENODEV },
	{ "other serial number, low", make_other_serial_low, -ENODEV },
	{ "other serial number, high", make_other_serial_high, -ENODEV },
	{ "pulled", make_pulled, -ENODEV },
	{ "pulled and plugged in again", make_pulled_and_plugged, -ENODEV },
	{ "removed", make_removed, -ENODEV },
};

KUNIT_ARRAY_PARAM_DESC(refusal, refusals, name);

static void not_revived(struct kunit *test)
{
	const struct refusal *refusal = test->param_value;
	struct slot l;

	slot_start(test, &l);
	give_up(l.pdev);
	refusal->make(&l);
	KUNIT_EXPECT_EQ(test, refusal->error, revive(l.pdev));
	KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(l.pdev));
}

/* Between the first look and the last one */

static struct {
	struct pci_ops ops, *real;
	struct pci_dev *pdev;
	int pulled;
} middle;

/* For an endpoint without VFs the mark does not sleep */
static int pull_in_the_middle(struct pci_bus *bus, unsigned int devfn,
			      int where, int size, u32 *val)
{
	int ret = middle.real->read(bus, devfn, where, size, val);

	if (devfn == middle.pdev->devfn && !middle.pulled++)
		pci_dev_set_pulled(middle.pdev);
	return ret;
}

static void pulled_during_revival(struct kunit *test)
{
	struct slot l;

	slot_start(test, &l);
	give_up(l.pdev);

	middle.pdev = l.pdev;
	middle.pulled = 0;
	middle.ops = *l.pdev->bus->ops;
	middle.ops.read = pull_in_the_middle;
	middle.real = pci_bus_set_ops(l.pdev->bus, &middle.ops);
	KUNIT_EXPECT_EQ(test, -ENODEV, revive(l.pdev));
	pci_bus_set_ops(l.pdev->bus, middle.real);

	/* It was found there after it was pulled */
	KUNIT_EXPECT_GT(test, middle.pulled, 1);
	expect_pulled(test, l.pdev);
}

static void revived_vf(struct kunit *test)
{
	struct slot l;

	slot_start_vfs(test, &l);

	give_up(l.vdev[0]);
	KUNIT_EXPECT_EQ(test, 0, revive(l.vdev[0]));
	expect_accessible(test, l.vdev[0], l.vf[0]);

	/* Not before its PF, and not if it does not answer itself */
	give_up(l.vdev[0]);
	give_up(l.pdev);
	KUNIT_EXPECT_EQ(test, -EIO, revive(l.vdev[0]));
	KUNIT_EXPECT_EQ(test, 0, revive(l.pdev));
	l.vf[0]->hung = true;
	KUNIT_EXPECT_EQ(test, -EIO, revive(l.vdev[0]));
	l.vf[0]->hung = false;
	KUNIT_EXPECT_EQ(test, 0, revive(l.vdev[0]));

	/* Another PF has other VFs */
	give_up(l.vdev[0]);
	make_other_serial_low(&l);
	KUNIT_EXPECT_EQ(test, -ENODEV, revive(l.vdev[0]));
	KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(l.vdev[0]));
}

#endif /* PCI_DEV_PULLED */

static struct kunit_case presence_cases[] = {
	KUNIT_CASE(added_is_not_bound),
	KUNIT_CASE(disconnected_vf_is_not_present),
	KUNIT_CASE_PARAM(vf_added_after_the_mark, slot_place_gen_params),
#ifdef PCI_DEV_PULLED
	KUNIT_CASE(given_up_is_not_pulled),
	KUNIT_CASE_PARAM(pulled_device, slot_place_gen_params),
	KUNIT_CASE_PARAM(pulled_bridge, slot_place_gen_params),
	KUNIT_CASE_PARAM(pulled_card, slot_place_gen_params),
	KUNIT_CASE(plugged_in_again),
	KUNIT_CASE(revived),
	KUNIT_CASE(revived_after_reset),
	KUNIT_CASE_PARAM(not_revived, refusal_gen_params),
	KUNIT_CASE(pulled_during_revival),
	KUNIT_CASE_PARAM(revived_vf, slot_place_gen_params),
#endif
	{}
};

static struct kunit_suite presence_suite = {
	.name = "pci-presence",
	.test_cases = presence_cases,
};

kunit_test_suite(presence_suite);
