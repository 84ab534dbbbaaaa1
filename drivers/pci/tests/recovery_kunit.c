// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for recovery: functions that are brought back by a reset
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../pci.h"
#include "pci_kunit_helpers.h"

#ifdef PCI_DEV_GATED

/* Long enough for another task to get where it is blocked */
#define BLOCKED_MS	50

/* More than enough for a task that is not blocked */
#define DONE_MS		200000

/* Takes so long to come back, even behind a link, that others have time */
#define SLOW_MS		500

/* How the timer wheel rounds sleeps of some seconds repeats after that */
#define WHEEL_US	(512 * USEC_PER_SEC / HZ)

/* Longer than any device may take */
#define NEVER_MS	3000000

/* A register that is saved and restored, and that nobody else writes */
#define MARK		0x5a

#define NR_PORTS	64
#define NR_FNS		8

/* One recovery, with what its functions and their driver do about it */
struct rec {
	struct kunit *test;
	struct pci_kunit_host *host;
	struct pci_kunit_fn *port, *fn[NR_FNS];
	struct pci_dev *bridge, *pdev[NR_FNS];
	unsigned int nr;
	struct pci_driver driver, other;
	struct pci_error_handlers handlers;

	/* What the driver says */
	int probe;
	int request;
	pci_reset_t refused;
	pci_ers_result_t slot_reset;
	bool other_bound;

	/* What was asked for, and the answer */
	struct pci_recovery_domain domain;
	int rc;
};

static struct rec *rec;

/* A driver whose callbacks leave their letters in the function's events */

static void rec_event(struct pci_dev *pdev, const char *event)
{
	for (int i = 0; i < NR_FNS; i++) {
		if (rec->fn[i] && rec->fn[i]->devfn == pdev->devfn)
			pci_kunit_event(rec->fn[i], event);
	}
}

static int rec_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	rec_event(pdev, "p");
	return rec->probe;
}

static void rec_remove(struct pci_dev *pdev)
{
	rec_event(pdev, "r");
}

static void rec_prepare(struct pci_dev *pdev)
{
	rec_event(pdev, "P");
}

static void rec_done(struct pci_dev *pdev)
{
	rec_event(pdev, "D");
}

static pci_ers_result_t rec_error_detected(struct pci_dev *pdev,
					   pci_channel_state_t state)
{
	rec_event(pdev, state == pci_channel_io_frozen ? "e" : "E");
	/* Drivers disable their device; nothing of it must be saved */
	pci_write_config_word(pdev, PCI_COMMAND, 0);
	pci_write_config_byte(pdev, PCI_INTERRUPT_LINE, 0);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t rec_slot_reset(struct pci_dev *pdev)
{
	rec_event(pdev, "s");
	return rec->slot_reset;
}

static void rec_resume(struct pci_dev *pdev)
{
	rec_event(pdev, "R");
}

static int rec_request(struct pci_dev *pdev, pci_reset_t *mask)
{
	*mask &= ~rec->refused;
	return rec->request;
}

static int rec_other_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	rec->other_bound = true;
	return 0;
}

static const struct pci_device_id rec_ids[] = {
	{ PCI_DEVICE(PCI_KUNIT_VENDOR_ID, PCI_KUNIT_ENDPOINT_ID) },
	{ }
};

static void rec_aware(struct rec *r)
{
	r->handlers.reset_prepare = rec_prepare;
	r->handlers.reset_done = rec_done;
}

static void rec_steps(struct rec *r)
{
	r->handlers.error_detected = rec_error_detected;
	r->handlers.slot_reset = rec_slot_reset;
	r->handlers.resume = rec_resume;
	r->slot_reset = PCI_ERS_RESULT_RECOVERED;
}

static void rec_del_driver(void *data)
{
	pci_unregister_driver(data);
}

static void rec_add_driver(struct kunit *test, struct pci_driver *driver)
{
	driver->id_table = rec_ids;
	KUNIT_ASSERT_EQ(test, 0, pci_register_driver(driver));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, rec_del_driver,
							   driver));
}

/* @nr functions of one device; the first ones come with @flr */
static struct rec *rec_alloc(struct kunit *test, unsigned int nr, bool flr)
{
	struct rec *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	rec = r;
	r->test = test;
	r->nr = nr;
	r->driver.name = "pci_kunit_rec";
	r->driver.probe = rec_probe;
	r->driver.remove = rec_remove;
	r->driver.sriov_configure = pci_sriov_configure_simple;
	r->driver.err_handler = &r->handlers;
	r->other.name = "pci_kunit_other";
	r->other.probe = rec_other_probe;

	r->host = pci_kunit_alloc_host(test);
	r->port = pci_kunit_add_port(test, r->host, PCI_DEVFN(2, 0));
	for (int i = 0; i < nr; i++) {
		r->fn[i] = pci_kunit_add_endpoint(test, r->host, r->port,
						  PCI_DEVFN(0, i));
		pci_kunit_define(r->fn[i], PCI_BASE_ADDRESS_0, 4, 0,
				 0xfffff000);
		if (flr)
			pci_kunit_add_flr(r->fn[i]);
	}

	return r;
}

static void rec_start(struct rec *r, bool bind)
{
	if (bind)
		rec_add_driver(r->test, &r->driver);
	pci_kunit_start_host(r->test, r->host);
	r->bridge = pci_kunit_dev(r->test, r->port);
	for (int i = 0; i < r->nr; i++) {
		r->pdev[i] = pci_kunit_dev(r->test, r->fn[i]);
		KUNIT_EXPECT_EQ(r->test, bind, !!r->pdev[i]->driver);
		pci_write_config_byte(r->pdev[i], PCI_INTERRUPT_LINE, MARK);
	}
	r->domain = (struct pci_recovery_domain) {
		.dev = r->pdev[0], .by_user = true,
		.mask = PCI_RESET_FUNC | PCI_RESET_SLOT | PCI_RESET_BUS,
	};
}

static void rec_run(void *data)
{
	struct rec *r = data;

	r->rc = pci_recover_domain(&r->domain);
}

/* Whatever became of it, a driver can be bound afterwards */
static void rec_expect_bindable(struct rec *r, int i)
{
	struct device *dev = &r->pdev[i]->dev;

	KUNIT_EXPECT_FALSE(r->test, pci_reset_pending(r->pdev[i]));
	KUNIT_EXPECT_NULL(r->test, r->pdev[i]->driver);
	r->probe = 0;
	KUNIT_EXPECT_EQ(r->test, 0, device_driver_attach(&r->driver.driver,
							 dev));
}

static void rec_expect_recovered(struct rec *r, int i, const char *events)
{
	KUNIT_EXPECT_STREQ(r->test, events, r->fn[i]->events);
	KUNIT_EXPECT_PTR_EQ(r->test, &r->driver, r->pdev[i]->driver);
	KUNIT_EXPECT_FALSE(r->test, pci_reset_pending(r->pdev[i]));
	KUNIT_EXPECT_EQ(r->test, MARK,
			pci_kunit_read(r->fn[i], PCI_INTERRUPT_LINE, 1));
	KUNIT_EXPECT_FALSE(r->test, pci_channel_offline(r->pdev[i]));
}

/* What becomes of drivers */

static void prepared_driver_stays_bound(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_aware(r);
	/* It is gentler than these */
	rec_steps(r);
	rec_start(r, true);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "pPD");
	KUNIT_EXPECT_EQ(test, 1, r->fn[0]->resets[PCI_KUNIT_FLR]);
}

static void error_handlers_step_by_step(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_steps(r);
	rec_start(r, true);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "pesR");
}

/* It has nothing to stop before FLR; what hits the link takes more than that */
static void done_is_enough_if_the_link_stays_up(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_aware(r);
	r->handlers.reset_prepare = NULL;
	rec_steps(r);
	rec_start(r, true);

	r->domain.mask = PCI_RESET_FUNC;
	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "pD");

	r->domain.mask = PCI_RESET_BUS;
	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "pDesR");
}

static void other_driver_is_rebound(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_start(r, true);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "prp");
	KUNIT_EXPECT_PTR_EQ(test, r->pdev[0], pci_kunit_dev(test, r->fn[0]));
}

static void driver_override_is_kept(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);
	struct device *dev;

	rec_start(r, true);
	dev = &r->pdev[0]->dev;
	KUNIT_ASSERT_EQ(test, 0, device_set_driver_override(dev,
							    r->driver.name));

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "prp");
	KUNIT_EXPECT_TRUE(test, device_has_driver_override(dev));
}

static void failed_driver_is_bound_anew(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_steps(r);
	rec_start(r, true);
	r->slot_reset = PCI_ERS_RESULT_DISCONNECT;

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "pesrp");
}

static void failed_driver_is_left_if_nobody_asked(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_steps(r);
	rec_start(r, true);
	r->slot_reset = PCI_ERS_RESULT_DISCONNECT;

	KUNIT_EXPECT_EQ(test, -EIO, pci_kunit_recover(r->pdev[0]));
	rec_expect_recovered(r, 0, "pes");
}

static void driver_refuses(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 2, false);

	r->handlers.reset_request = rec_request;
	rec_start(r, true);
	r->request = -EBUSY;
	for (int i = 0; i < 2; i++)
		pci_kunit_forget_writes(r->fn[i]);

	KUNIT_EXPECT_EQ(test, -EBUSY, pci_recover_domain(&r->domain));
	for (int i = 0; i < 2; i++) {
		rec_expect_recovered(r, i, "p");
		pci_kunit_expect_no_writes(test, r->fn[i]);
	}
	KUNIT_EXPECT_EQ(test, 0, r->fn[0]->resets[PCI_KUNIT_HOT]);
}

static void driver_narrows_the_mask(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	r->handlers.reset_request = rec_request;
	rec_start(r, true);
	r->refused = PCI_RESET_FLR;

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "prp");
	KUNIT_EXPECT_EQ(test, 0, r->fn[0]->resets[PCI_KUNIT_FLR]);
	KUNIT_EXPECT_EQ(test, 1, r->fn[0]->resets[PCI_KUNIT_HOT]);

	r->refused = PCI_RESET_ANY;
	KUNIT_EXPECT_EQ(test, -ENOTTY, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "prp");
}

static void unused_device_keeps_its_driver(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	r->handlers.reset_request = rec_request;
	r->driver.driver_managed_dma = true;
	rec_start(r, true);
	r->request = PCI_RESET_UNUSED;

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "p");
	KUNIT_EXPECT_EQ(test, 1, r->fn[0]->resets[PCI_KUNIT_FLR]);

	/* Without a say, nobody knows who uses the device */
	r->request = 0;
	KUNIT_EXPECT_EQ(test, -EBUSY, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "p");
}

/* Which functions */

static void bus_is_recovered_as_one(struct kunit *test)
{
	struct rec *r = rec_alloc(test, NR_FNS, false);

	rec_start(r, true);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	for (int i = 0; i < NR_FNS; i++) {
		rec_expect_recovered(r, i, "prp");
		KUNIT_EXPECT_EQ(test, 1, r->fn[i]->resets[PCI_KUNIT_HOT]);
	}
}

static void mask_is_checked(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_start(r, true);

	r->domain.mask = 0;
	KUNIT_EXPECT_EQ(test, -EINVAL, pci_recover_domain(&r->domain));
	r->domain.mask = PCI_RESET_AF_FLR;
	KUNIT_EXPECT_EQ(test, -ENOTTY, pci_recover_domain(&r->domain));
	r->domain.mask = PCI_RESET_BUS;
	r->domain.dev = r->bridge;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "p");
}

static void disabled_method_is_not_used(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_start(r, true);
	scoped_guard(device, &r->pdev[0]->dev)
		r->pdev[0]->reset_methods[1] = 0;

	r->domain.mask = PCI_RESET_SLOT | PCI_RESET_BUS;
	KUNIT_EXPECT_EQ(test, -ENOTTY, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "p");
}

static int rec_begin(const struct pci_recovery_domain *domain)
{
	rec_event(domain->dev, "b");
	return PTR_ERR_OR_ZERO(domain->data);
}

static int rec_platform_reset(const struct pci_recovery_domain *domain)
{
	rec_event(domain->dev, "x");
	for (int i = 0; i < domain->nr_devs; i++) {
		device_lock_assert(&domain->devs[i]->dev);
		KUNIT_EXPECT_TRUE(rec->test, domain->devs[i]->block_cfg_access);
		pci_write_config_byte(domain->devs[i], PCI_INTERRUPT_LINE, 0);
	}
	return 0;
}

static void rec_end(const struct pci_recovery_domain *domain)
{
	rec_event(domain->dev, "z");
}

static void rec_by_platform(struct rec *r)
{
	static const struct pci_recovery_ops ops = {
		.begin = rec_begin, .reset = rec_platform_reset, .end = rec_end,
	};

	r->domain.ops = &ops;
	r->domain.devs = r->pdev;
	r->domain.nr_devs = r->nr;
}

static void platform_resets(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 2, false);

	rec_start(r, true);
	rec_by_platform(r);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "prbxzp");
	rec_expect_recovered(r, 1, "prp");

	/* Nothing was reset then, so that nothing is lost */
	r->domain.data = ERR_PTR(-EAGAIN);
	KUNIT_EXPECT_EQ(test, -EAGAIN, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "prbxzprbp");
	KUNIT_EXPECT_EQ(test, 0, r->fn[0]->resets[PCI_KUNIT_HOT]);
}

/* Of a VF, say */
static void platform_resets_one_function(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	r->handlers.reset_request = rec_request;
	rec_start(r, true);
	rec_by_platform(r);
	r->domain.mask = PCI_RESET_FUNC;
	r->refused = PCI_RESET_LINK;

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "prbxzp");
}

/* What a platform has stopped is lost: nobody can refuse */
static void lost_functions_are_recovered(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 2, false);

	rec_steps(r);
	r->handlers.reset_request = rec_request;
	rec_start(r, true);
	rec_by_platform(r);
	r->domain.on_error = true;
	r->request = -EBUSY;
	KUNIT_EXPECT_EQ(test, -EBUSY, pci_recover_domain(&r->domain));

	/* That they are frozen is what this is about, their drivers stay */
	for (int i = 0; i < r->nr; i++)
		r->pdev[i]->error_state = pci_channel_io_frozen;
	r->domain.lost = true;
	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_NULL(test, strchr(r->fn[0]->events, 'r'));
	KUNIT_EXPECT_NULL(test, strchr(r->fn[1]->events, 'r'));
	KUNIT_EXPECT_FALSE(test, pci_channel_offline(r->pdev[0]));
	KUNIT_EXPECT_FALSE(test, pci_channel_offline(r->pdev[1]));
}

/* Who uses it is not the driver, but may have lost it as well */
static void lost_device_keeps_its_keeper(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, false);

	r->driver.driver_managed_dma = true;
	rec_start(r, true);
	rec_by_platform(r);
	KUNIT_EXPECT_EQ(test, -EBUSY, pci_recover_domain(&r->domain));

	r->domain.lost = true;
	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "pbxz");
}

/* A driver that can bear an FLR alone is not reset by something else */
static void platform_reset_is_refused(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	r->handlers.reset_request = rec_request;
	rec_start(r, true);
	rec_by_platform(r);
	r->refused = PCI_RESET_LINK;

	KUNIT_EXPECT_EQ(test, -ENOTTY, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "p");

	r->refused = PCI_RESET_BUS;
	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "prbxzp");
}

/* A PF and its VF */

static struct rec *rec_alloc_pf(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	pci_kunit_add_sriov(test, r->fn[0], 1, 1, 1);
	r->fn[1] = pci_kunit_add_vf(test, r->fn[0], 1);
	return r;
}

static void rec_start_pf(struct rec *r)
{
	rec_start(r, true);
	KUNIT_EXPECT_EQ(r->test, 1, pci_kunit_set_vfs(r->pdev[0], 1));
	r->pdev[1] = pci_kunit_dev(r->test, r->fn[1]);
	KUNIT_EXPECT_PTR_EQ(r->test, &r->driver, r->pdev[1]->driver);
	pci_write_config_byte(r->pdev[1], PCI_INTERRUPT_LINE, MARK);
}

/* After rec_run(), whatever @rc is: neither the PF nor its VF is lost */
static void rec_expect_both(struct rec *r, int rc, const char *events)
{
	KUNIT_EXPECT_EQ(r->test, rc, r->rc);
	rec_expect_recovered(r, 0, events);
	rec_expect_recovered(r, 1, events);
	KUNIT_EXPECT_EQ(r->test, 0, pci_kunit_set_vfs(r->pdev[0], 0));
}

static void vf_comes_back_with_its_pf(struct kunit *test)
{
	struct rec *r = rec_alloc_pf(test);

	rec_aware(r);
	rec_start_pf(r);

	rec_run(r);
	rec_expect_both(r, 0, "pPD");
}

/* PF drivers may leave their VFs to the next one, but these would be lost */
static void vf_left_behind_is_not_lost(struct kunit *test)
{
	struct rec *r = rec_alloc_pf(test);

	rec_start_pf(r);

	rec_run(r);
	KUNIT_EXPECT_EQ(test, 0, r->fn[0]->resets[PCI_KUNIT_FLR]);
	rec_expect_both(r, -EBUSY, "prp");
}

static void vf_of_unprepared_pf_is_not_lost(struct kunit *test)
{
	struct rec *r = rec_alloc_pf(test);

	rec_steps(r);
	rec_start_pf(r);

	rec_run(r);
	KUNIT_EXPECT_EQ(test, 0, r->fn[0]->resets[PCI_KUNIT_FLR]);
	rec_expect_both(r, -EBUSY, "p");
}

/* What is locked is given up, not waited for: it may take for ever */
static void locked_vf_is_not_waited_for(struct kunit *test)
{
	struct rec *r = rec_alloc_pf(test);

	rec_aware(r);
	rec_start_pf(r);

	scoped_guard(device, &r->pdev[1]->dev)
		rec_run(r);
	rec_expect_both(r, -EAGAIN, "p");
}

/* Config space */

/* Somebody saved what a dead device answers */
static void rec_hang(struct rec *r)
{
	r->fn[0]->hung = true;
	pci_save_state(r->pdev[0]);
	r->domain.mask = PCI_RESET_BUS;
}

/* On s390 BARs are what the platform says, which does not know this bridge */
static struct resource *rec_bar(struct rec *r)
{
	struct resource *res = pci_resource_n(r->pdev[0], 0);

	if (!res->parent)
		kunit_skip(r->test, "no BAR is assigned below this host bridge");

	return res;
}

static void dead_config_space_comes_back(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, false);
	struct resource *res;

	pci_kunit_define(r->fn[0], PCI_CACHE_LINE_SIZE, 1, 0, U8_MAX);
	rec_aware(r);
	rec_start(r, true);
	res = rec_bar(r);
	KUNIT_EXPECT_EQ(test, 0, pcie_set_readrq(r->pdev[0], 256));
	KUNIT_ASSERT_EQ(test, 0, pci_enable_device(r->pdev[0]));
	rec_hang(r);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_STREQ(test, "pPD", r->fn[0]->events);
	KUNIT_EXPECT_EQ(test, 256, pcie_get_readrq(r->pdev[0]));
	KUNIT_EXPECT_EQ(test, res->start,
			pci_kunit_read(r->fn[0], PCI_BASE_ADDRESS_0, 4));
	KUNIT_EXPECT_EQ(test, PCI_COMMAND_MEMORY,
			pci_kunit_read(r->fn[0], PCI_COMMAND, 2) &
			(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
	pci_disable_device(r->pdev[0]);
}

/* It has reset itself: it answers, but nothing that is worth saving */
static void forgotten_config_space_comes_back(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);
	struct resource *res;

	rec_aware(r);
	rec_start(r, true);
	res = rec_bar(r);
	KUNIT_ASSERT_EQ(test, 0, pci_enable_device(r->pdev[0]));
	pci_write_config_dword(r->pdev[0], PCI_BASE_ADDRESS_0, 0);
	pci_write_config_word(r->pdev[0], PCI_COMMAND, 0);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_STREQ(test, "pPD", r->fn[0]->events);
	KUNIT_EXPECT_EQ(test, res->start,
			pci_kunit_read(r->fn[0], PCI_BASE_ADDRESS_0, 4));
	KUNIT_EXPECT_EQ(test, PCI_COMMAND_MEMORY,
			pci_kunit_read(r->fn[0], PCI_COMMAND, 2) &
			PCI_COMMAND_MEMORY);
	pci_disable_device(r->pdev[0]);
}

static void moved_bar_stays_moved(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, false);
	struct resource *res, moved;

	rec_start(r, true);
	res = rec_bar(r);
	moved = DEFINE_RES_MEM(res->start + SZ_64K, resource_size(res));
	KUNIT_ASSERT_EQ(test, 0, adjust_resource(res, moved.start,
						 resource_size(&moved)));
	rec_hang(r);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_EQ(test, moved.start,
			pci_kunit_read(r->fn[0], PCI_BASE_ADDRESS_0, 4));
}

/* A platform that has other addresses in the resource tree than in BARs */
static void rec_make_foreign(struct rec *r)
{
	struct pci_dev *pdev = r->pdev[0];

	pci_kunit_define(r->fn[0], PCI_BASE_ADDRESS_0, 4, 0, 0xfffff000);
	pci_known_good_free(pdev);
	pdev->known_good = NULL;
	pci_save_state(pdev);
	pci_known_good_init(pdev);
	KUNIT_ASSERT_NOT_NULL(r->test, pdev->known_good);
}

static void foreign_bar_is_left_alone(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_aware(r);
	rec_start(r, true);
	KUNIT_ASSERT_NE(test, 0, rec_bar(r)->start);
	rec_make_foreign(r);
	pci_write_config_byte(r->pdev[0], PCI_INTERRUPT_LINE, MARK + 1);

	/* It has not lost anything: what it has is saved, and comes back */
	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_EQ(test, 1, r->fn[0]->resets[PCI_KUNIT_FLR]);
	KUNIT_EXPECT_EQ(test, MARK + 1,
			pci_kunit_read(r->fn[0], PCI_INTERRUPT_LINE, 1));
	KUNIT_EXPECT_EQ(test, 0,
			pci_kunit_read(r->fn[0], PCI_BASE_ADDRESS_0, 4));

	/* Now it has, and gets what was there when the copy was taken */
	rec_hang(r);
	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "pPDPD");
	KUNIT_EXPECT_EQ(test, 0,
			pci_kunit_read(r->fn[0], PCI_BASE_ADDRESS_0, 4));
}

/* The kernel has made its BAR larger, which a reset undoes */
static void resized_bar_keeps_its_size(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, false);
	struct resource *res;
	u32 bar, ctrl;
	u16 rebar;

	pci_kunit_define(r->fn[0], PCI_BASE_ADDRESS_0, 4, 0, ~(SZ_1M - 1));
	rebar = pci_kunit_add_ext_cap(r->fn[0], PCI_EXT_CAP_ID_REBAR, 1, 12);
	pci_kunit_define(r->fn[0], rebar + PCI_REBAR_CAP, 4,
			 FIELD_PREP(PCI_REBAR_CAP_SIZES, 3), 0);
	pci_kunit_define(r->fn[0], rebar + PCI_REBAR_CTRL, 4,
			 FIELD_PREP(PCI_REBAR_CTRL_NBAR_MASK, 1),
			 PCI_REBAR_CTRL_BAR_SIZE);
	rec_start(r, true);
	res = rec_bar(r);
	KUNIT_ASSERT_EQ(test, 0, pci_resize_resource(r->pdev[0], 0, 1, 0));
	KUNIT_ASSERT_EQ(test, SZ_2M, resource_size(res));
	rec_hang(r);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	ctrl = pci_kunit_read(r->fn[0], rebar + PCI_REBAR_CTRL, 4);
	KUNIT_EXPECT_EQ(test, 1, FIELD_GET(PCI_REBAR_CTRL_BAR_SIZE, ctrl));
	bar = pci_kunit_read(r->fn[0], PCI_BASE_ADDRESS_0, 4);
	KUNIT_EXPECT_EQ(test, res->start, bar);
}

/* What goes wrong */

static void device_never_returns(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	if (!IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT))
		kunit_skip(test, "takes a minute of real time");

	rec_start(r, true);
	r->fn[0]->not_ready_ms = NEVER_MS;

	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_STREQ(test, "pr", r->fn[0]->events);
	r->fn[0]->not_ready_ms = 0;
	r->fn[0]->ready_at = jiffies;
	rec_expect_bindable(r, 0);
}

/* The link comes back, the second function does not */
static void one_of_two_never_returns(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 2, false);

	if (!IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT))
		kunit_skip(test, "takes a minute of real time");

	rec_start(r, true);
	r->fn[1]->not_ready_ms = NEVER_MS;

	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "prp");
	KUNIT_EXPECT_STREQ(test, "pr", r->fn[1]->events);
	r->fn[1]->not_ready_ms = 0;
	r->fn[1]->ready_at = jiffies;
	rec_expect_bindable(r, 1);
}

static void wait_for_many_is_bounded(struct kunit *test)
{
	struct rec *r = rec_alloc(test, NR_FNS, false);
	unsigned long start = jiffies;

	if (!IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT))
		kunit_skip(test, "takes a minute of real time");

	rec_start(r, true);
	for (int i = 1; i < NR_FNS; i++)
		r->fn[i]->not_ready_ms = NEVER_MS;

	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_LT(test, jiffies - start, 100 * HZ);
	rec_expect_recovered(r, 0, "prp");
}

static void rec_swap(struct pci_kunit_fn *fn, enum pci_kunit_reset how)
{
	fn->dflt[PCI_DEVICE_ID]++;
}

static void another_device_answers(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_start(r, true);
	r->fn[0]->on_reset = rec_swap;

	KUNIT_EXPECT_EQ(test, -ENODEV, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_STREQ(test, "pr", r->fn[0]->events);
	/* It gets nothing that was meant for the first one */
	KUNIT_EXPECT_EQ(test, 0,
			pci_kunit_read(r->fn[0], PCI_BASE_ADDRESS_0, 4));
	KUNIT_EXPECT_FALSE(test, pci_reset_pending(r->pdev[0]));
}

static void probe_fails_after_the_reset(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_start(r, true);
	r->probe = -EIO;

	KUNIT_EXPECT_EQ(test, -EIO, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_STREQ(test, "prp", r->fn[0]->events);
	rec_expect_bindable(r, 0);
}

static void automatic_recovery_gives_up(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);
	int rc, nr;

	rec_aware(r);
	rec_start(r, true);

	for (nr = 0; nr < 100; nr++) {
		rc = pci_kunit_recover(r->pdev[0]);
		if (rc)
			break;
	}
	KUNIT_EXPECT_EQ(test, 5, nr);
	KUNIT_EXPECT_EQ(test, -EDQUOT, rc);
	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));

	/* An hour later */
	r->pdev[0]->recoveries.since -= 3601 * HZ;
	KUNIT_EXPECT_EQ(test, 0, pci_kunit_recover(r->pdev[0]));
}

static void platform_counts_by_itself(struct kunit *test)
{
	struct pci_recovery_budget budget = { };
	struct rec *r = rec_alloc(test, 1, true);

	rec_aware(r);
	rec_start(r, true);
	r->domain.by_user = false;
	r->domain.counted = true;

	for (int i = 0; i < 7; i++) {
		KUNIT_EXPECT_EQ(test, i < 6,
				pci_recovery_within_budget(&budget, 6));
		KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	}
	KUNIT_EXPECT_EQ(test, 7, budget.used);

	budget.since -= 3601 * HZ;
	KUNIT_EXPECT_TRUE(test, pci_recovery_within_budget(&budget, 6));
	KUNIT_EXPECT_EQ(test, 1, budget.used);
}

static unsigned int rec_refs(struct rec *r)
{
	unsigned int refs = 0;

#ifdef CONFIG_PM
	refs += atomic_read(&r->pdev[0]->dev.power.usage_count) << 16;
#endif
	return refs + kref_read(&r->pdev[0]->dev.kobj.kref) +
	       (kref_read(&r->bridge->dev.kobj.kref) << 8);
}

/* A bound driver has one, a failed recovery leaves none behind either */
static void references_are_returned(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, false);
	unsigned int refs;

	rec_start(r, true);
	refs = rec_refs(r);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_EQ(test, refs, rec_refs(r));

	r->domain.mask = PCI_RESET_PM;
	KUNIT_EXPECT_EQ(test, -ENOTTY, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_EQ(test, refs, rec_refs(r));

	r->domain.mask = PCI_RESET_BUS;
	r->probe = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, pci_recover_domain(&r->domain));
	rec_expect_bindable(r, 0);
	KUNIT_EXPECT_EQ(test, refs, rec_refs(r));
}

/* Others in the middle of it */

static struct pci_kunit_task *rec_run_slowly(struct rec *r)
{
	struct pci_kunit_task *task;

	r->fn[0]->not_ready_ms = SLOW_MS;
	task = pci_kunit_run(r->test, rec_run, r);
	KUNIT_EXPECT_FALSE(r->test, pci_kunit_wait(task, BLOCKED_MS));
	KUNIT_EXPECT_TRUE(r->test, pci_reset_pending(r->pdev[0]));
	return task;
}

static void second_recovery_is_refused(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 2, false);
	struct pci_recovery_domain second;
	struct pci_kunit_task *task;

	rec_start(r, true);
	second = r->domain;
	task = rec_run_slowly(r);

	KUNIT_EXPECT_EQ(test, -EBUSY, pci_recover_domain(&second));
	second.dev = r->pdev[1];
	KUNIT_EXPECT_EQ(test, -EBUSY, pci_recover_domain(&second));

	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, DONE_MS));
	KUNIT_EXPECT_EQ(test, 0, r->rc);
	rec_expect_recovered(r, 0, "prp");
	rec_expect_recovered(r, 1, "prp");
}

static void gate_makes_up_for_who_was_turned_away(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);
	struct pci_kunit_task *task;

	rec_start(r, false);
	task = rec_run_slowly(r);
	rec_add_driver(test, &r->other);

	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, DONE_MS));
	KUNIT_EXPECT_EQ(test, 0, r->rc);
	KUNIT_EXPECT_PTR_EQ(test, &r->other, r->pdev[0]->driver);
}

/* Between the driver's remove() and the reset, when no lock is held */
static int rec_let_other_try(const struct pci_recovery_domain *domain)
{
	struct device *dev = &domain->dev->dev;

	KUNIT_EXPECT_NULL(rec->test, dev->driver);
	KUNIT_EXPECT_EQ(rec->test, -ENODEV,
			device_driver_attach(&rec->other.driver, dev));
	KUNIT_EXPECT_EQ(rec->test, -ENODEV,
			device_driver_attach(&rec->driver.driver, dev));
	return 0;
}

static int rec_fail_reset(const struct pci_recovery_domain *domain)
{
	return -EIO;
}

static void gate_is_closed_to_others(struct kunit *test)
{
	static const struct pci_recovery_ops ops = {
		.begin = rec_let_other_try,
	};
	struct rec *r = rec_alloc(test, 1, true);

	rec_start(r, true);
	rec_add_driver(test, &r->other);
	r->domain.ops = &ops;

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_FALSE(test, r->other_bound);
	rec_expect_recovered(r, 0, "prp");
	KUNIT_EXPECT_EQ(test, 1, r->fn[0]->resets[PCI_KUNIT_FLR]);
}

static void gate_binds_nobody_to_a_dead_device(struct kunit *test)
{
	static const struct pci_recovery_ops ops = {
		.begin = rec_let_other_try, .reset = rec_fail_reset,
	};
	struct rec *r = rec_alloc(test, 1, false);

	rec_start(r, true);
	rec_add_driver(test, &r->other);
	r->domain.ops = &ops;
	r->domain.devs = r->pdev;
	r->domain.nr_devs = 1;

	KUNIT_EXPECT_EQ(test, -EIO, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_FALSE(test, r->other_bound);
	KUNIT_EXPECT_STREQ(test, "pr", r->fn[0]->events);
	rec_expect_bindable(r, 0);
}

static void removal_wins(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);
	struct pci_kunit_task *task;

	rec_start(r, true);
	task = rec_run_slowly(r);
	pci_stop_and_remove_bus_device_locked(r->pdev[0]);

	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, DONE_MS));
	KUNIT_EXPECT_EQ(test, -ENODEV, r->rc);
	KUNIT_EXPECT_STREQ(test, "pr", r->fn[0]->events);
	KUNIT_EXPECT_EQ(test, -ENODEV, pci_recover_domain(&r->domain));
}

static void surprise_removal_wins(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);
	struct pci_kunit_task *task;

	rec_start(r, true);
	r->fn[0]->not_ready_ms = NEVER_MS;
	task = pci_kunit_run(test, rec_run, r);
	KUNIT_EXPECT_FALSE(test, pci_kunit_wait(task, BLOCKED_MS));
	r->fn[0]->gone = true;
	pci_bus_set_pulled(r->bridge->subordinate);

	/* Not after a minute */
	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, 2000));
	KUNIT_EXPECT_EQ(test, -ENODEV, r->rc);
	KUNIT_EXPECT_STREQ(test, "pr", r->fn[0]->events);
}

/* Given up */

static void rec_give_up(struct rec *r)
{
	pci_dev_set_disconnected(r->pdev[0], NULL);
}

/* Its driver was told that it is gone for good, and is bound anew */
static void given_up_device_is_revived(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_aware(r);
	rec_start(r, true);
	rec_give_up(r);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "prp");
	KUNIT_EXPECT_EQ(test, 1, r->fn[0]->resets[PCI_KUNIT_FLR]);
}

/* AER gives up a device by leaving it frozen */
static void frozen_device_is_thawed(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_aware(r);
	rec_start(r, true);
	pci_dev_set_io_state(r->pdev[0], pci_channel_io_frozen);

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	rec_expect_recovered(r, 0, "prp");
}

/* It does not answer before it is reset, and not at once after that */
static void given_up_and_hung(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, false);

	rec_start(r, true);
	rec_hang(r);
	rec_give_up(r);
	r->fn[0]->not_ready_ms = 700;

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_STREQ(test, "prp", r->fn[0]->events);
	KUNIT_EXPECT_PTR_EQ(test, &r->driver, r->pdev[0]->driver);
	KUNIT_EXPECT_FALSE(test, pci_channel_offline(r->pdev[0]));
	KUNIT_EXPECT_EQ(test, 1, r->fn[0]->resets[PCI_KUNIT_HOT]);
}

static void given_up_and_replaced(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_start(r, true);
	rec_give_up(r);
	r->fn[0]->on_reset = rec_swap;

	KUNIT_EXPECT_EQ(test, -ENODEV, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(r->pdev[0]));
	rec_expect_bindable(r, 0);
}

static void pulled_is_not_revived(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);

	rec_start(r, true);
	pci_dev_set_pulled(r->pdev[0]);
	pci_kunit_forget_writes(r->fn[0]);

	KUNIT_EXPECT_EQ(test, -ENODEV, pci_recover_domain(&r->domain));
	KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(r->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "p", r->fn[0]->events);
	pci_kunit_expect_no_writes(test, r->fn[0]);
}

static void pulled_while_it_is_revived(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 1, true);
	struct pci_kunit_task *task;

	rec_start(r, true);
	rec_give_up(r);
	r->fn[0]->not_ready_ms = NEVER_MS;
	task = pci_kunit_run(test, rec_run, r);
	KUNIT_EXPECT_FALSE(test, pci_kunit_wait(task, BLOCKED_MS));
	r->fn[0]->gone = true;
	pci_dev_set_pulled(r->pdev[0]);

	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, 2000));
	KUNIT_EXPECT_EQ(test, -ENODEV, r->rc);
	KUNIT_EXPECT_TRUE(test, pci_dev_is_disconnected(r->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pr", r->fn[0]->events);
}

static void sibling_leaves(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 2, false);
	struct pci_kunit_task *task;

	rec_start(r, true);
	task = rec_run_slowly(r);
	pci_stop_and_remove_bus_device_locked(r->pdev[1]);

	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(task, DONE_MS));
	KUNIT_EXPECT_EQ(test, 0, r->rc);
	rec_expect_recovered(r, 0, "prp");
}

/* Many at once */

struct rec_port {
	struct pci_kunit_fn *fn;
	struct pci_recovery_domain domain;
	struct pci_kunit_task *task;
	int rc;
};

static void rec_port_run(void *data)
{
	struct rec_port *port = data;

	port->rc = pci_recover_domain(&port->domain);
}

/*
 * Virtual time passes only while all are asleep.  Begin in the middle of a
 * jiffy, at which sleeps are rounded as in any other measurement.
 */
static unsigned long rec_begin_to_measure(void)
{
	unsigned long us = WHEEL_US + USEC_PER_SEC / HZ / 2;
	u32 past;

	div_u64_rem(ktime_to_us(ktime_get()), WHEEL_US, &past);
	us -= past;
	usleep_range(us, us + 1);

	return jiffies;
}

static unsigned long rec_ports_take(struct kunit *test, struct rec_port *ports,
				    int nr, pci_reset_t mask)
{
	unsigned long start = rec_begin_to_measure();

	for (int i = 0; i < nr; i++) {
		ports[i].domain.mask = mask;
		ports[i].task = pci_kunit_run(test, rec_port_run, &ports[i]);
	}
	for (int i = 0; i < nr; i++) {
		KUNIT_EXPECT_TRUE(test, pci_kunit_wait(ports[i].task, DONE_MS));
		KUNIT_EXPECT_EQ(test, 0, ports[i].rc);
	}

	return jiffies - start;
}

static void all_at_once(struct kunit *test)
{
	static const pci_reset_t masks[] = { PCI_RESET_FLR, PCI_RESET_BUS };
	struct rec *r = rec_alloc(test, 0, false);
	struct rec_port *ports;

	if (!IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT))
		kunit_skip(test, "no virtual time to measure in");

	ports = kunit_kcalloc(test, NR_PORTS, sizeof(*ports), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ports);
	for (int i = 0; i < NR_PORTS; i++) {
		struct pci_kunit_fn *port =
			pci_kunit_add_port(test, r->host,
					   PCI_DEVFN(3 + i / 8, i % 8));

		ports[i].fn = pci_kunit_add_endpoint(test, r->host, port, 0);
		pci_kunit_add_flr(ports[i].fn);
		ports[i].fn->not_ready_ms = SLOW_MS;
	}
	rec_start(r, false);
	rec_add_driver(test, &r->driver);
	for (int i = 0; i < NR_PORTS; i++) {
		ports[i].domain.by_user = true;
		ports[i].domain.dev = pci_kunit_dev(test, ports[i].fn);
	}

	for (int i = 0; i < ARRAY_SIZE(masks); i++) {
		unsigned long one, all;

		one = rec_ports_take(test, ports, 1, masks[i]);
		all = rec_ports_take(test, ports, NR_PORTS, masks[i]);
		kunit_info(test, "%s: one %u ms, %d %u ms\n",
			   pci_reset_kind_name(masks[i]), jiffies_to_msecs(one),
			   NR_PORTS, jiffies_to_msecs(all));
		KUNIT_EXPECT_GE(test, jiffies_to_msecs(one), SLOW_MS);
		KUNIT_EXPECT_EQ(test, one, all);
	}
}

static void bus_of_many_takes_as_long_as_one(struct kunit *test)
{
	unsigned long took[2];

	if (!IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT))
		kunit_skip(test, "no virtual time to measure in");

	struct rec *r = rec_alloc(test, NR_FNS, false);

	rec_start(r, true);
	for (int i = 0; i < 2; i++) {
		unsigned long start = rec_begin_to_measure();

		for (int j = 0; j < (i ? NR_FNS : 1); j++)
			r->fn[j]->not_ready_ms = SLOW_MS;
		KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&r->domain));
		took[i] = jiffies - start;
	}
	KUNIT_EXPECT_EQ(test, took[0], took[1]);
}

/* After errors */

#ifdef CONFIG_PCIE_DPC

/* Where the port's DPC capability is, in a model that has none */
#define DPC_CAP		0x200

static unsigned int rec_link_resets;
static ktime_t rec_link_reset;

static pci_ers_result_t rec_reset_link(struct pci_dev *bridge)
{
	rec_link_resets++;
	rec_link_reset = ktime_get();
	if (bridge->dpc_cap)
		pci_write_config_word(bridge, DPC_CAP + PCI_EXP_DPC_STATUS, 0);
	rec->fn[0]->hung = false;
	rec->fn[1]->hung = false;

	return PCI_ERS_RESULT_RECOVERED;
}

/* Two functions: the driver of the first one knows errors, the other's not */
static struct rec *rec_start_mixed(struct kunit *test, bool opt_in)
{
	struct rec *r = rec_alloc(test, 2, true);

	rec_link_resets = 0;
	rec_steps(r);
	/* After an error these are not for it */
	rec_aware(r);
	rec_start(r, false);
	rec_add_driver(test, &r->driver);
	device_release_driver(&r->pdev[1]->dev);
	rec_add_driver(test, &r->other);
	KUNIT_ASSERT_TRUE(test, r->other_bound);
	r->other_bound = false;
	if (opt_in)
		set_bit(PCI_PORT_RECOVERS, &r->bridge->priv_flags);

	return r;
}

static pci_ers_result_t rec_error(struct rec *r, pci_channel_state_t state)
{
	return pcie_do_recovery(r->bridge, state, rec_reset_link);
}

static void error_gives_up_by_default(struct kunit *test)
{
	struct rec *r = rec_start_mixed(test, false);

	KUNIT_EXPECT_TRUE(test, rec_error(r, pci_channel_io_frozen) ==
			  PCI_ERS_RESULT_NO_AER_DRIVER);
	KUNIT_EXPECT_STREQ(test, "peE", r->fn[0]->events);
	KUNIT_EXPECT_FALSE(test, r->other_bound);
	KUNIT_EXPECT_EQ(test, 1, rec_link_resets);
	KUNIT_EXPECT_EQ(test, 0, r->fn[0]->resets[PCI_KUNIT_HOT]);
}

static void error_is_recovered_in_place(struct kunit *test)
{
	struct rec *r = rec_start_mixed(test, true);

	KUNIT_EXPECT_TRUE(test, rec_error(r, pci_channel_io_normal) ==
			  PCI_ERS_RESULT_RECOVERED);
	KUNIT_EXPECT_STREQ(test, "pesR", r->fn[0]->events);
	KUNIT_EXPECT_PTR_EQ(test, &r->driver, r->pdev[0]->driver);
	KUNIT_EXPECT_TRUE(test, r->other_bound);
	KUNIT_EXPECT_PTR_EQ(test, &r->other, r->pdev[1]->driver);
	KUNIT_EXPECT_EQ(test, 0, rec_link_resets);
	KUNIT_EXPECT_EQ(test, 1, r->fn[0]->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_EQ(test, 1, r->fn[1]->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_FALSE(test, pci_channel_offline(r->pdev[0]));
	KUNIT_EXPECT_FALSE(test, pci_channel_offline(r->pdev[1]));
}

/* DPC has the link disabled: nobody answers, and the handler resets it */
static void contained_error_is_recovered_in_place(struct kunit *test)
{
	struct rec *r = rec_start_mixed(test, true);
	ktime_t start = ktime_get();

	r->bridge->dpc_cap = DPC_CAP;
	pci_kunit_define(r->port, DPC_CAP + PCI_EXP_DPC_STATUS, 2,
			 PCI_EXP_DPC_STATUS_TRIGGER, U16_MAX);
	r->fn[0]->hung = true;
	r->fn[1]->hung = true;

	KUNIT_EXPECT_TRUE(test, rec_error(r, pci_channel_io_frozen) ==
			  PCI_ERS_RESULT_RECOVERED);
	KUNIT_EXPECT_STREQ(test, "pesR", r->fn[0]->events);
	KUNIT_EXPECT_TRUE(test, r->other_bound);
	KUNIT_EXPECT_EQ(test, 1, rec_link_resets);
	KUNIT_EXPECT_EQ(test, 0, r->fn[0]->resets[PCI_KUNIT_HOT]);
	/* What pci_dpc_recovered() grants, less what the link may take */
	KUNIT_EXPECT_LT(test, ktime_ms_delta(rec_link_reset, start), 1000);
	r->bridge->dpc_cap = 0;
}

/* Nothing was touched: all is as if nobody had asked for it */
static void error_of_busy_device_gives_up(struct kunit *test)
{
	struct rec *r = rec_start_mixed(test, true);

	r->request = -EBUSY;
	r->handlers.reset_request = rec_request;
	KUNIT_EXPECT_TRUE(test, rec_error(r, pci_channel_io_frozen) ==
			  PCI_ERS_RESULT_NO_AER_DRIVER);
	KUNIT_EXPECT_STREQ(test, "peE", r->fn[0]->events);
	KUNIT_EXPECT_FALSE(test, r->other_bound);
	KUNIT_EXPECT_EQ(test, 1, rec_link_resets);
	KUNIT_EXPECT_EQ(test, 0, r->fn[0]->resets[PCI_KUNIT_HOT]);
}

/* If all know errors, it is none of its business */
static void error_that_all_know_takes_its_usual_course(struct kunit *test)
{
	struct rec *r = rec_alloc(test, 2, true);

	rec_link_resets = 0;
	rec_steps(r);
	rec_start(r, true);
	set_bit(PCI_PORT_RECOVERS, &r->bridge->priv_flags);

	KUNIT_EXPECT_TRUE(test, rec_error(r, pci_channel_io_frozen) ==
			  PCI_ERS_RESULT_RECOVERED);
	KUNIT_EXPECT_STREQ(test, "pesR", r->fn[0]->events);
	KUNIT_EXPECT_EQ(test, 1, rec_link_resets);
}

#endif /* CONFIG_PCIE_DPC */

static struct kunit_case recovery_cases[] = {
	KUNIT_CASE(prepared_driver_stays_bound),
	KUNIT_CASE(error_handlers_step_by_step),
	KUNIT_CASE(done_is_enough_if_the_link_stays_up),
	KUNIT_CASE(other_driver_is_rebound),
	KUNIT_CASE(driver_override_is_kept),
	KUNIT_CASE(failed_driver_is_bound_anew),
	KUNIT_CASE(failed_driver_is_left_if_nobody_asked),
	KUNIT_CASE(driver_refuses),
	KUNIT_CASE(driver_narrows_the_mask),
	KUNIT_CASE(unused_device_keeps_its_driver),
	KUNIT_CASE(bus_is_recovered_as_one),
	KUNIT_CASE(mask_is_checked),
	KUNIT_CASE(disabled_method_is_not_used),
	KUNIT_CASE(platform_resets),
	KUNIT_CASE(platform_resets_one_function),
	KUNIT_CASE(lost_functions_are_recovered),
	KUNIT_CASE(lost_device_keeps_its_keeper),
	KUNIT_CASE(platform_reset_is_refused),
	KUNIT_CASE(vf_comes_back_with_its_pf),
	KUNIT_CASE(vf_left_behind_is_not_lost),
	KUNIT_CASE(vf_of_unprepared_pf_is_not_lost),
	KUNIT_CASE(locked_vf_is_not_waited_for),
	KUNIT_CASE(dead_config_space_comes_back),
	KUNIT_CASE(forgotten_config_space_comes_back),
	KUNIT_CASE(moved_bar_stays_moved),
	KUNIT_CASE(foreign_bar_is_left_alone),
	KUNIT_CASE(resized_bar_keeps_its_size),
	KUNIT_CASE_SLOW(device_never_returns),
	KUNIT_CASE_SLOW(one_of_two_never_returns),
	KUNIT_CASE_SLOW(wait_for_many_is_bounded),
	KUNIT_CASE(another_device_answers),
	KUNIT_CASE(probe_fails_after_the_reset),
	KUNIT_CASE(automatic_recovery_gives_up),
	KUNIT_CASE(platform_counts_by_itself),
	KUNIT_CASE(references_are_returned),
	KUNIT_CASE_SLOW(second_recovery_is_refused),
	KUNIT_CASE(gate_is_closed_to_others),
	KUNIT_CASE_SLOW(gate_makes_up_for_who_was_turned_away),
	KUNIT_CASE(gate_binds_nobody_to_a_dead_device),
	KUNIT_CASE_SLOW(removal_wins),
	KUNIT_CASE(surprise_removal_wins),
	KUNIT_CASE(given_up_device_is_revived),
	KUNIT_CASE(frozen_device_is_thawed),
	KUNIT_CASE(given_up_and_hung),
	KUNIT_CASE(given_up_and_replaced),
	KUNIT_CASE(pulled_is_not_revived),
	KUNIT_CASE_SLOW(pulled_while_it_is_revived),
	KUNIT_CASE_SLOW(sibling_leaves),
#ifdef CONFIG_PCIE_DPC
	KUNIT_CASE(error_gives_up_by_default),
	KUNIT_CASE(error_is_recovered_in_place),
	KUNIT_CASE(contained_error_is_recovered_in_place),
	KUNIT_CASE(error_of_busy_device_gives_up),
	KUNIT_CASE(error_that_all_know_takes_its_usual_course),
#endif
	KUNIT_CASE_SLOW(all_at_once),
	KUNIT_CASE_SLOW(bus_of_many_takes_as_long_as_one),
	{}
};

#else /* !PCI_DEV_GATED */

static void no_recovery(struct kunit *test)
{
	kunit_skip(test, "there is no recovery in place here");
}

static struct kunit_case recovery_cases[] = {
	KUNIT_CASE(no_recovery),
	{}
};

#endif /* PCI_DEV_GATED */

static struct kunit_suite recovery_suite = {
	.name = "pci-recovery",
	.test_cases = recovery_cases,
};

kunit_test_suites(&recovery_suite);

MODULE_DESCRIPTION("KUnit tests for recovery of PCI functions");
MODULE_LICENSE("GPL");
