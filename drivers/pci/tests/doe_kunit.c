// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of DOE mailboxes whose function is reset
 */
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/pci-doe.h>
#include <linux/types.h>

#include "../pci.h"
#include "pci_kunit_helpers.h"

/* Long enough for a request to be sent */
#define SENT_MS		50

/* By then a task is done that has nothing more to wait for */
#define AT_ONCE_MS	200

/* More than a mailbox gives its device to respond and to be aborted */
#define SLOW_MS		2500

struct doe {
	struct kunit *test;
	struct pci_kunit_fn *fn;
	struct pci_dev *pdev;
	struct pci_doe_mb *mb;
	struct pci_kunit_task *task;
	int rc;
};

static int doe_ask(struct doe *d)
{
	__le32 request = 0, response;

	return pci_doe(d->mb, PCI_VENDOR_ID_PCI_SIG, PCI_DOE_FEATURE_DISCOVERY,
		       &request, sizeof(request), &response, sizeof(response));
}

static void doe_run(void *data)
{
	struct doe *d = data;

	d->rc = doe_ask(d);
}

/* An endpoint with FLR and a mailbox, which does not respond to somebody */
static struct doe *doe_start(struct kunit *test)
{
	struct doe *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	struct pci_kunit_host *host = pci_kunit_alloc_host(test);
	struct pci_kunit_fn *port;

	KUNIT_ASSERT_NOT_NULL(test, d);
	if (!IS_ENABLED(CONFIG_PCI_DOE))
		kunit_skip(test, "needs CONFIG_PCI_DOE");
	/* Virtual time stands still while that is polled without a pause */
	if (!PCI_KUNIT_MASKS && HZ < 128)
		kunit_skip(test, "the base does not sleep with this HZ");

	d->test = test;
	port = pci_kunit_add_port(test, host, PCI_DEVFN(2, 0));
	d->fn = pci_kunit_add_endpoint(test, host, port, PCI_DEVFN(0, 0));
	pci_kunit_add_flr(d->fn);
	pci_kunit_add_doe(d->fn);
	pci_kunit_add_driver(test);
	pci_kunit_start_host(test, host);
	d->pdev = pci_kunit_dev(test, d->fn);
	d->mb = pci_find_doe_mailbox(d->pdev, PCI_VENDOR_ID_PCI_SIG,
				     PCI_DOE_FEATURE_DISCOVERY);
	KUNIT_ASSERT_NOT_NULL(test, d->mb);
	KUNIT_ASSERT_EQ(test, sizeof(u32), doe_ask(d));

	d->fn->mute = true;
	d->task = pci_kunit_run(test, doe_run, d);
	KUNIT_ASSERT_FALSE(test, pci_kunit_wait(d->task, SENT_MS));
	return d;
}

/* Who asked does not wait any longer, and whoever asks now has an answer */
static void doe_expect_usable(struct doe *d)
{
	KUNIT_EXPECT_TRUE(d->test, pci_kunit_wait(d->task, AT_ONCE_MS));
	KUNIT_EXPECT_EQ(d->test, -EIO, d->rc);
	d->fn->mute = false;
	KUNIT_EXPECT_EQ(d->test, sizeof(u32), doe_ask(d));
}

static void reset_aborts_exchange(struct kunit *test)
{
	struct doe *d = doe_start(test);

	KUNIT_EXPECT_EQ(test, 0, pci_reset_function(d->pdev, PCI_RESET_ANY));
	doe_expect_usable(d);
}

/* It takes longer to come back than is left to the exchange */
static void mailbox_survives_a_long_reset(struct kunit *test)
{
	struct doe *d = doe_start(test);

	d->fn->not_ready_ms = SLOW_MS;
	KUNIT_EXPECT_EQ(test, 0, pci_reset_function(d->pdev, PCI_RESET_ANY));
	doe_expect_usable(d);
}

/* Of a bus, which saves functions one by one */
static void bus_reset_aborts_exchange(struct kunit *test)
{
	struct doe *d = doe_start(test);

	KUNIT_EXPECT_EQ(test, 0, pci_reset_bus(d->pdev, PCI_RESET_ANY));
	doe_expect_usable(d);
}

#ifdef PCI_DEV_GATED

static void recovery_aborts_exchange(struct kunit *test)
{
	struct doe *d = doe_start(test);

	KUNIT_EXPECT_EQ(test, 0, pci_kunit_recover(d->pdev));
	doe_expect_usable(d);
}

static void doe_reset(void *data)
{
	struct doe *d = data;

	pci_reset_function(d->pdev, PCI_RESET_FLR);
}

/* Nobody has to wait until it is over, nor does it wait for anybody */
static void no_exchange_during_a_reset(struct kunit *test)
{
	struct doe *d = doe_start(test);
	struct pci_kunit_task *task;

	d->fn->not_ready_ms = SLOW_MS;
	task = pci_kunit_run(test, doe_reset, d);
	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(d->task, AT_ONCE_MS));
	KUNIT_EXPECT_EQ(test, -EIO, doe_ask(d));
	KUNIT_EXPECT_FALSE(test, pci_kunit_wait(task, SENT_MS));
	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, 10 * SLOW_MS));
	doe_expect_usable(d);
}

/* It is not for a reset to bring back what hotplug has marked */
static void mailbox_of_pulled_device_stays_dead(struct kunit *test)
{
	struct doe *d = doe_start(test);
	struct pci_kunit_task *task;

	d->fn->not_ready_ms = SLOW_MS;
	task = pci_kunit_run(test, doe_reset, d);
	KUNIT_EXPECT_FALSE(test, pci_kunit_wait(task, SENT_MS));
	pci_dev_set_pulled(d->pdev);
	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, 10 * SLOW_MS));
	d->fn->mute = false;
	KUNIT_EXPECT_EQ(test, -EIO, doe_ask(d));
}

#endif /* PCI_DEV_GATED */

static struct kunit_case doe_cases[] = {
	KUNIT_CASE(reset_aborts_exchange),
	KUNIT_CASE_SLOW(mailbox_survives_a_long_reset),
	KUNIT_CASE(bus_reset_aborts_exchange),
#ifdef PCI_DEV_GATED
	KUNIT_CASE(recovery_aborts_exchange),
	KUNIT_CASE_SLOW(no_exchange_during_a_reset),
	KUNIT_CASE_SLOW(mailbox_of_pulled_device_stays_dead),
#endif
	{}
};

static struct kunit_suite doe_suite = {
	.name = "pci-doe",
	.test_cases = doe_cases,
};

kunit_test_suites(&doe_suite);

MODULE_DESCRIPTION("KUnit tests of DOE mailboxes whose function is reset");
MODULE_LICENSE("GPL");
