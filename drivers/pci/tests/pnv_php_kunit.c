// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for resets of a PowerNV slot
 *
 * The firmware says which slots there are, and that of an emulated machine
 * has none.  So these tests make a slot, look the driver's callback up by its
 * name, and ask it to reset the bus below a bridge of the model.
 */
#include <kunit/test.h>
#include <linux/kallsyms.h>
#include <linux/pci.h>
#include <linux/pci_hotplug.h>

#include <asm/pnv-pci.h>

#include "pci_kunit_helpers.h"

struct pnv_slot {
	struct pnv_php_slot php;
	struct pci_kunit_fn *fn;
	struct pci_dev *bridge;
	int (*reset)(struct hotplug_slot *slot, bool probe);
};

/* One endpoint below a Root Port that is a slot */
static int pnv_php_init(struct kunit *test)
{
	struct pci_kunit_host *host = pci_kunit_alloc_host(test);
	struct pci_kunit_fn *port;
	struct pnv_slot *slot;

	slot = kunit_kzalloc(test, sizeof(*slot), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, slot);
	test->priv = slot;

	slot->reset = (void *)kallsyms_lookup_name("pnv_php_reset_slot");
	if (!slot->reset)
		kunit_skip(test, "this kernel has no pnv_php_reset_slot()");

	port = pci_kunit_add_port(test, host, PCI_DEVFN(2, 0));
	slot->fn = pci_kunit_add_endpoint(test, host, port, PCI_DEVFN(0, 0));
	pci_kunit_start_host(test, host);
	slot->bridge = pci_kunit_dev(test, port);
	slot->php.pdev = slot->bridge;
	slot->php.bus = slot->bridge->subordinate;

	return 0;
}

static void slot_reset(struct kunit *test)
{
	struct pnv_slot *slot = test->priv;

	KUNIT_EXPECT_EQ(test, 0, slot->reset(&slot->php.slot, true));
	KUNIT_EXPECT_EQ(test, 0, slot->fn->resets[PCI_KUNIT_HOT]);

	guard(pci_dev)(slot->bridge);
	KUNIT_EXPECT_EQ(test, 0, slot->reset(&slot->php.slot, false));
	KUNIT_EXPECT_EQ(test, 1, slot->fn->resets[PCI_KUNIT_HOT]);
}

/* A second, if the link does not say whether it is up */
static void device_never_returns(struct kunit *test)
{
	struct pnv_slot *slot = test->priv;

	slot->fn->not_ready_ms = 120 * MSEC_PER_SEC;

	guard(pci_dev)(slot->bridge);
	KUNIT_EXPECT_LT(test, slot->reset(&slot->php.slot, false), 0);
	KUNIT_EXPECT_EQ(test, 1, slot->fn->resets[PCI_KUNIT_HOT]);
	slot->fn->ready_at = jiffies;
}

/* As OpenCAPI slots are */
static void slot_without_bridge(struct kunit *test)
{
	struct pnv_slot *slot = test->priv;

	slot->php.pdev = NULL;
	KUNIT_EXPECT_EQ(test, -ENOTTY, slot->reset(&slot->php.slot, true));
}

static struct kunit_case pnv_php_cases[] = {
	KUNIT_CASE(slot_reset),
	KUNIT_CASE_SLOW(device_never_returns),
	KUNIT_CASE(slot_without_bridge),
	{}
};

static struct kunit_suite pnv_php_suite = {
	.name = "pci-pnv-php",
	.init = pnv_php_init,
	.test_cases = pnv_php_cases,
};

kunit_test_suite(pnv_php_suite);

MODULE_DESCRIPTION("KUnit tests for resets of a PowerNV slot");
MODULE_LICENSE("GPL");
