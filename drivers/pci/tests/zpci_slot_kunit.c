// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for resets of a zPCI function's slot
 *
 * A function that is configured, unplugged or recovered by somebody else is
 * in that state for a moment only.  So these tests give a function of the
 * model the slot that a zPCI function has, and hold its state still.
 */
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci_hotplug.h>

#include "pci_kunit_helpers.h"

KUNIT_DEFINE_ACTION_WRAPPER(zpci_exit, zpci_exit_slot, struct zpci_dev *);

static int zpci_slot_init(struct kunit *test)
{
	struct pci_kunit_host *host = pci_kunit_alloc_host(test);
	struct pci_kunit_fn *fn;
	struct zpci_dev *zdev;
	struct pci_dev *pdev;

	fn = pci_kunit_add_endpoint(test, host, NULL, PCI_DEVFN(0, 0));
	pci_kunit_start_host(test, host);
	pdev = pci_kunit_dev(test, fn);

	zdev = to_zpci(pdev);
	zdev->fid = PCI_KUNIT_DOMAIN;
	zdev->zbus->bus = pdev->bus;
	KUNIT_ASSERT_EQ(test, 0, zpci_init_slot(zdev));
	test->priv = zdev;

	return kunit_add_action_or_reset(test, zpci_exit, zdev);
}

static int zpci_reset(struct zpci_dev *zdev, bool probe)
{
	return zdev->hotplug_slot.ops->reset_slot(&zdev->hotplug_slot, probe);
}

/* Whoever changes the state may wait for the caller's locks: don't wait */
static void state_changes(struct kunit *test)
{
	struct zpci_dev *zdev = test->priv;

	guard(mutex)(&zdev->state_lock);
	KUNIT_EXPECT_EQ(test, 0, zpci_reset(zdev, true));
	KUNIT_EXPECT_EQ(test, -EAGAIN, zpci_reset(zdev, false));
}

static void not_configured(struct kunit *test)
{
	struct zpci_dev *zdev = test->priv;

	zdev->state = ZPCI_FN_STATE_STANDBY;
	KUNIT_EXPECT_EQ(test, -ENOTTY, zpci_reset(zdev, true));
	KUNIT_EXPECT_EQ(test, -ENODEV, zpci_reset(zdev, false));
	zdev->state = ZPCI_FN_STATE_CONFIGURED;
}

static struct kunit_case zpci_slot_cases[] = {
	KUNIT_CASE(state_changes),
	KUNIT_CASE(not_configured),
	{}
};

static struct kunit_suite zpci_slot_suite = {
	.name = "pci-zpci-slot",
	.init = zpci_slot_init,
	.test_cases = zpci_slot_cases,
};

kunit_test_suite(zpci_slot_suite);

MODULE_DESCRIPTION("KUnit tests for resets of a zPCI function's slot");
MODULE_LICENSE("GPL");
