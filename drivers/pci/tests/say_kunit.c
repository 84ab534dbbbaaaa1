// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for what drivers have to say in a reset
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "../pci.h"
#include "pci_kunit_helpers.h"

#ifdef PCI_RESET_BY_DRIVER

/* Long enough for another task to get where it is blocked */
#define BLOCKED_MS	50

/* More than enough for a task that is not blocked */
#define DONE_MS		5000

/* Longer than any device may take */
#define NEVER_MS	3000000

/* A register that is saved and restored, and that nobody else writes */
#define MARK		0x5a

#define NR_FNS		4

/*
 * Functions of one device, and the driver that is bound to them.  It leaves a
 * letter for each callback: 'q' when it is asked, 'B' when it does the reset by
 * itself, 'O' or 'o' for the outcome, and those of pci_kunit_helpers.h.
 */
struct say {
	struct kunit *test;
	struct pci_kunit_host *host;
	struct pci_kunit_fn *port, *fn[NR_FNS];
	struct pci_dev *bridge, *pdev[NR_FNS];
	unsigned int nr;
	struct pci_driver driver;
	struct pci_error_handlers handlers;

	/* What function number @who answers, and does before that */
	int who;
	int answer;
	pci_reset_t refused;
	void (*meanwhile)(struct say *s);

	/* What reset_perform() does, and returns */
	void (*perform)(struct say *s, struct pci_dev *pdev);
	int performed;

	/* What the callbacks saw */
	unsigned int questions;
	u32 asked;
	unsigned int others_locked;
	bool config_blocked;
	bool not_locked;
	bool not_pending;
	int outcome;

	/* For another task */
	struct pci_dev *read;
	u8 value;
};

static struct say *say;

static int say_index(struct pci_dev *pdev)
{
	for (int i = 0; i < say->nr; i++) {
		if (say->fn[i]->devfn == pdev->devfn)
			return i;
	}

	return 0;
}

static void say_event(struct pci_dev *pdev, const char *event)
{
	pci_kunit_event(say->fn[say_index(pdev)], event);
}

static int say_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	say_event(pdev, "p");
	return 0;
}

static void say_remove(struct pci_dev *pdev)
{
	say_event(pdev, "r");
}

static bool say_is_locked(struct pci_dev *pdev)
{
	return mutex_is_locked(&pdev->dev.mutex);
}

static int say_request(struct pci_dev *pdev, pci_reset_t *mask)
{
	struct say *s = say;

	say_event(pdev, "q");
	s->questions++;
	s->asked = (__force u32)*mask;
	s->not_locked |= !say_is_locked(pdev);
	s->not_pending |= !pci_reset_pending(pdev);
	s->config_blocked |= pdev->block_cfg_access;
	s->others_locked += say_is_locked(s->bridge);
	s->others_locked += mutex_is_locked(&pci_rescan_remove_lock);
	for (int i = 0; i < s->nr; i++)
		s->others_locked += s->pdev[i] != pdev &&
				    say_is_locked(s->pdev[i]);

	if (say_index(pdev) != s->who)
		return 0;
	if (s->meanwhile)
		s->meanwhile(s);
	*mask &= ~s->refused;
	return s->answer;
}

static int say_perform(struct pci_dev *pdev, pci_reset_t mask)
{
	say_event(pdev, "B");
	say->not_locked |= !say_is_locked(pdev);
	say->config_blocked |= pdev->block_cfg_access;
	if (say->perform)
		say->perform(say, pdev);
	return say->performed;
}

static void say_prepare(struct pci_dev *pdev)
{
	say_event(pdev, "P");
	if (say->questions)
		say->not_pending |= !pci_reset_pending(pdev);
}

static void say_done(struct pci_dev *pdev)
{
	say_event(pdev, "D");
}

static void say_outcome(struct pci_dev *pdev, int result)
{
	say_event(pdev, result ? "o" : "O");
	say->outcome = result;
}

static pci_ers_result_t say_error_detected(struct pci_dev *pdev,
					   pci_channel_state_t state)
{
	say_event(pdev, "e");
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t say_slot_reset(struct pci_dev *pdev)
{
	say_event(pdev, "s");
	return PCI_ERS_RESULT_RECOVERED;
}

static const struct pci_device_id say_ids[] = {
	{ PCI_DEVICE(PCI_KUNIT_VENDOR_ID, PCI_KUNIT_ENDPOINT_ID) },
	{ }
};

static void say_del_driver(void *data)
{
	pci_unregister_driver(data);
}

static struct say *say_alloc(struct kunit *test, unsigned int nr)
{
	struct say *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	say = s;
	s->test = test;
	s->nr = nr;
	s->driver.name = "pci_kunit_say";
	s->driver.id_table = say_ids;
	s->driver.probe = say_probe;
	s->driver.remove = say_remove;
	s->driver.err_handler = &s->handlers;
	s->handlers.reset_request = say_request;
	s->handlers.reset_perform = say_perform;
	s->handlers.reset_prepare = say_prepare;
	s->handlers.reset_done = say_done;

	s->host = pci_kunit_alloc_host(test);
	s->port = pci_kunit_add_port(test, s->host, PCI_DEVFN(2, 0));
	for (int i = 0; i < nr; i++) {
		s->fn[i] = pci_kunit_add_endpoint(test, s->host, s->port,
						  PCI_DEVFN(0, i));
		pci_kunit_add_flr(s->fn[i]);
	}

	return s;
}

static void say_start(struct say *s)
{
	KUNIT_ASSERT_EQ(s->test, 0, pci_register_driver(&s->driver));
	KUNIT_ASSERT_EQ(s->test, 0,
			kunit_add_action_or_reset(s->test, say_del_driver,
						  &s->driver));
	pci_kunit_start_host(s->test, s->host);
	s->bridge = pci_kunit_dev(s->test, s->port);
	for (int i = 0; i < s->nr; i++) {
		s->pdev[i] = pci_kunit_dev(s->test, s->fn[i]);
		pci_write_config_byte(s->pdev[i], PCI_INTERRUPT_LINE, MARK);
		pci_kunit_forget_writes(s->fn[i]);
	}
	pci_kunit_forget_writes(s->port);
}

static unsigned int say_resets(const struct pci_kunit_fn *fn)
{
	unsigned int nr = 0;

	for (int i = 0; i < PCI_KUNIT_RESETS; i++)
		nr += fn->resets[i];

	return nr;
}

static void say_expect_idle(struct say *s)
{
	KUNIT_EXPECT_FALSE(s->test, s->not_locked);
	KUNIT_EXPECT_FALSE(s->test, s->not_pending);
	KUNIT_EXPECT_FALSE(s->test, say_is_locked(s->bridge));
	for (int i = 0; i < s->nr; i++) {
		KUNIT_EXPECT_FALSE(s->test, say_is_locked(s->pdev[i]));
		KUNIT_EXPECT_FALSE(s->test, s->pdev[i]->block_cfg_access);
		KUNIT_EXPECT_FALSE(s->test, pci_reset_pending(s->pdev[i]));
		KUNIT_EXPECT_EQ(s->test, MARK,
				pci_kunit_read(s->fn[i], PCI_INTERRUPT_LINE,
					       1));
	}
}

static void say_expect_untouched(struct say *s)
{
	pci_kunit_expect_no_writes(s->test, s->port);
	for (int i = 0; i < s->nr; i++) {
		pci_kunit_expect_no_writes(s->test, s->fn[i]);
		KUNIT_EXPECT_EQ(s->test, 0, say_resets(s->fn[i]));
	}
	say_expect_idle(s);
}

/* Who is asked, and when */

/**
 * struct asker - a way to reset one function
 * @name: for the log
 * @reset: how
 * @events: what the driver learns
 */
struct asker {
	const char *name;
	int (*reset)(struct pci_dev *pdev);
	const char *events;
};

static int by_anybody(struct pci_dev *pdev)
{
	return pci_reset_function(pdev, PCI_RESET_ANY);
}

static int by_its_bus(struct pci_dev *pdev)
{
	return pci_reset_bus(pdev, PCI_RESET_BUS);
}

static int by_a_bridge(struct pci_dev *pdev)
{
	return pci_try_reset_bridge(pdev->bus->self);
}

static int by_recovery(struct pci_dev *pdev)
{
	return pci_kunit_recover(pdev);
}

static int by_its_owner(struct pci_dev *pdev)
{
	guard(device)(&pdev->dev);

	return pci_reset_function_locked(pdev, PCI_RESET_ANY);
}

static int by_its_owner_trying(struct pci_dev *pdev)
{
	return pci_try_reset_function(pdev, PCI_RESET_ANY);
}

static const struct asker askers[] = {
	{ "pci_reset_function", by_anybody, "pqPD" },
	{ "pci_reset_bus", by_its_bus, "pqPD" },
	{ "reset_subordinate", by_a_bridge, "pqPD" },
	{ "recovery", by_recovery, "pqPD" },
	{ "pci_reset_function_locked", by_its_owner, "pPD" },
	{ "pci_try_reset_function", by_its_owner_trying, "pPD" },
};

KUNIT_ARRAY_PARAM_DESC(asker, askers, name);

static void asked_and_told(struct kunit *test)
{
	const struct asker *asker = test->param_value;
	struct say *s = say_alloc(test, 1);

	say_start(s);

	KUNIT_EXPECT_EQ(test, 0, asker->reset(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, asker->events, s->fn[0]->events);
	KUNIT_EXPECT_EQ(test, 1, say_resets(s->fn[0]));
	KUNIT_EXPECT_EQ(test, 0, s->others_locked);
	KUNIT_EXPECT_FALSE(test, s->config_blocked);
	say_expect_idle(s);
}

static bool asks(const struct asker *asker)
{
	return strchr(asker->events, 'q');
}

static void refused(struct kunit *test)
{
	const struct asker *asker = test->param_value;
	struct say *s = say_alloc(test, 1);

	if (!asks(asker))
		kunit_skip(test, "the owner is not asked");

	say_start(s);
	s->answer = -EPERM;

	KUNIT_EXPECT_EQ(test, -EPERM, asker->reset(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pq", s->fn[0]->events);
	say_expect_untouched(s);

	/* Not for ever */
	s->answer = 0;
	KUNIT_EXPECT_EQ(test, 0, asker->reset(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqqPD", s->fn[0]->events);
}

/* A driver that waits for slot_reset() must not be told of another reset */

static void say_error(struct pci_dev *pdev, pci_ers_result_t result)
{
	guard(device)(&pdev->dev);

	pci_uevent_ers(pdev, result);
}

static void not_in_error_recovery(struct kunit *test)
{
	const struct asker *asker = test->param_value;
	struct say *s = say_alloc(test, 1);

	say_start(s);
	say_error(s->pdev[0], PCI_ERS_RESULT_NEED_RESET);

	/* It unbinds the driver of such a device */
	if (asker->reset == by_recovery) {
		KUNIT_EXPECT_EQ(test, 0, asker->reset(s->pdev[0]));
		KUNIT_EXPECT_STREQ(test, "pqrp", s->fn[0]->events);
		KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
		return;
	}

	KUNIT_EXPECT_EQ(test, -EBUSY, asker->reset(s->pdev[0]));
	KUNIT_EXPECT_NULL(test, strchr(s->fn[0]->events, 'P'));
	say_expect_untouched(s);

	say_error(s->pdev[0], PCI_ERS_RESULT_DISCONNECT);
	KUNIT_EXPECT_EQ(test, -EBUSY, asker->reset(s->pdev[0]));
	say_expect_untouched(s);

	say_error(s->pdev[0], PCI_ERS_RESULT_RECOVERED);
	KUNIT_EXPECT_EQ(test, 0, asker->reset(s->pdev[0]));
	KUNIT_EXPECT_NOT_NULL(test, strstr(s->fn[0]->events, "PD"));
	say_expect_idle(s);
}

/* Its device lock is held while it is asked */
static void say_first_fails(struct say *s)
{
	pci_dev_note_recovery(s->pdev[0], PCI_ERS_RESULT_NEED_RESET);
}

static void error_after_it_was_asked(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	say_start(s);
	s->meanwhile = say_first_fails;

	KUNIT_EXPECT_EQ(test, -EBUSY, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pq", s->fn[0]->events);
	say_expect_untouched(s);
}

static void say_other_fails(struct say *s)
{
	say_error(s->pdev[0], PCI_ERS_RESULT_NEED_RESET);
}

static void error_after_recovery_asked(struct kunit *test)
{
	struct pci_recovery_domain domain = { .mask = PCI_RESET_BUS };
	struct say *s = say_alloc(test, 2);

	say_start(s);
	domain.dev = s->pdev[0];
	s->who = 1;
	s->meanwhile = say_other_fails;

	KUNIT_EXPECT_EQ(test, -EBUSY, pci_recover_domain(&domain));
	KUNIT_EXPECT_STREQ(test, "pq", s->fn[0]->events);
	KUNIT_EXPECT_STREQ(test, "pq", s->fn[1]->events);
	say_expect_untouched(s);
}

static void not_for_one_of_four_in_error_recovery(struct kunit *test)
{
	struct say *s = say_alloc(test, NR_FNS);

	say_start(s);
	say_error(s->pdev[2], PCI_ERS_RESULT_NEED_RESET);

	KUNIT_EXPECT_EQ(test, -EBUSY, by_its_bus(s->pdev[0]));
	KUNIT_EXPECT_EQ(test, -EBUSY, by_a_bridge(s->pdev[0]));
	for (int i = 0; i < NR_FNS; i++)
		KUNIT_EXPECT_NULL(test, strchr(s->fn[i]->events, 'P'));
	say_expect_untouched(s);

	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	say_expect_idle(s);
}

/* Who does not wait, is not told of resets, or is bound after it, can't hang */
static void in_error_but_not_waiting(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	say_start(s);
	say_error(s->pdev[0], PCI_ERS_RESULT_CAN_RECOVER);
	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));

	say_error(s->pdev[0], PCI_ERS_RESULT_NEED_RESET);
	s->handlers.reset_prepare = NULL;
	s->handlers.reset_done = NULL;
	s->handlers.reset_perform = NULL;
	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));

	device_release_driver(&s->pdev[0]->dev);
	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	s->handlers.reset_prepare = say_prepare;
	KUNIT_EXPECT_EQ(test, 0,
			device_driver_attach(&s->driver.driver,
					     &s->pdev[0]->dev));
	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_EQ(test, 4, say_resets(s->fn[0]));
	say_expect_idle(s);
}

static void not_performed_in_error_recovery(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	s->handlers.reset_prepare = NULL;
	s->handlers.reset_done = NULL;
	s->answer = PCI_RESET_BY_DRIVER;
	say_start(s);
	s->meanwhile = say_first_fails;

	KUNIT_EXPECT_EQ(test, -EBUSY, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pq", s->fn[0]->events);
	say_expect_untouched(s);
}

/* Once its slot_reset() is through, nothing is left of the error */
static void recovered_by_steps(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	s->handlers.error_detected = say_error_detected;
	s->handlers.slot_reset = say_slot_reset;
	s->handlers.reset_prepare = NULL;
	s->handlers.reset_done = NULL;
	say_start(s);

	KUNIT_EXPECT_EQ(test, 0, by_recovery(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqes", s->fn[0]->events);
	KUNIT_EXPECT_FALSE(test, pci_dev_awaits_recovery(s->pdev[0]));
	s->handlers.reset_done = say_done;
	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	say_expect_idle(s);
}

static void all_are_asked_before_one_is_told(struct kunit *test)
{
	struct say *s = say_alloc(test, NR_FNS);

	say_start(s);

	KUNIT_EXPECT_EQ(test, 0, by_its_bus(s->pdev[1]));
	KUNIT_EXPECT_EQ(test, NR_FNS, s->questions);
	KUNIT_EXPECT_EQ(test, 0, s->others_locked);
	KUNIT_EXPECT_FALSE(test, s->config_blocked);
	for (int i = 0; i < NR_FNS; i++) {
		KUNIT_EXPECT_STREQ(test, "pqPD", s->fn[i]->events);
		KUNIT_EXPECT_EQ(test, 1, s->fn[i]->resets[PCI_KUNIT_HOT]);
		for (int j = 0; j < NR_FNS; j++)
			KUNIT_EXPECT_LT(test, pci_kunit_when(s->fn[i], 'q'),
					pci_kunit_when(s->fn[j], 'P'));
	}
	say_expect_idle(s);
}

static void refused_by_one_of_four(struct kunit *test)
{
	struct say *s = say_alloc(test, NR_FNS);

	say_start(s);
	s->who = 2;
	s->answer = -EPERM;

	KUNIT_EXPECT_EQ(test, -EPERM, by_its_bus(s->pdev[0]));
	KUNIT_EXPECT_EQ(test, -EPERM, by_a_bridge(s->pdev[0]));
	for (int i = 0; i < NR_FNS; i++)
		KUNIT_EXPECT_NULL(test, strchr(s->fn[i]->events, 'P'));
	say_expect_untouched(s);
}

static void asked_of_what_is_enabled(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	say_start(s);
	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_EQ(test, s->asked, (__force u32)(PCI_RESET_FLR |
						      PCI_RESET_SLOT |
						      PCI_RESET_BUS));

	/* A driver that has nothing left says why in its own way */
	s->pdev[0]->reset_methods[1] = 0;
	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_EQ(test, s->asked, (__force u32)PCI_RESET_FLR);
	say_expect_idle(s);
}

static void refused_if_no_kind_is_left(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	say_start(s);
	s->refused = PCI_RESET_FLR;

	KUNIT_EXPECT_EQ(test, -ENOTTY,
			pci_reset_function(s->pdev[0], PCI_RESET_FLR));
	say_expect_untouched(s);

	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_EQ(test, 0, s->fn[0]->resets[PCI_KUNIT_FLR]);
	KUNIT_EXPECT_EQ(test, 1, s->fn[0]->resets[PCI_KUNIT_HOT]);
	say_expect_idle(s);
}

static void nobody_is_asked_without_callback(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	s->handlers.reset_request = NULL;
	s->answer = -EPERM;
	say_start(s);

	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pPD", s->fn[0]->events);
}

/* Others in between: while the second function is asked, the first is free */

static void say_unbind_first(struct say *s)
{
	device_release_driver(&s->pdev[0]->dev);
}

static void say_rebind_first(struct say *s)
{
	s->meanwhile = NULL;
	say_unbind_first(s);
	KUNIT_EXPECT_EQ(s->test, 0,
			device_driver_attach(&s->driver.driver,
					     &s->pdev[0]->dev));
}

static void unbound_after_it_was_asked(struct kunit *test)
{
	struct say *s = say_alloc(test, 2);

	say_start(s);
	s->who = 1;
	s->meanwhile = say_unbind_first;

	KUNIT_EXPECT_EQ(test, 0, by_its_bus(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqr", s->fn[0]->events);
	KUNIT_EXPECT_STREQ(test, "pqPD", s->fn[1]->events);
	say_expect_idle(s);
}

static void bound_after_it_was_asked(struct kunit *test)
{
	struct say *s = say_alloc(test, 2);

	say_start(s);
	s->who = 1;
	s->meanwhile = say_rebind_first;

	/* It only tries, and this driver has not been asked */
	KUNIT_EXPECT_EQ(test, -EAGAIN, by_its_bus(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqrp", s->fn[0]->events);
	KUNIT_EXPECT_STREQ(test, "pq", s->fn[1]->events);
	say_expect_untouched(s);

	KUNIT_EXPECT_EQ(test, 0, by_its_bus(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqrpqPD", s->fn[0]->events);
}

/* Where it can wait, it asks again */
static void bound_pf_is_asked_again(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	pci_kunit_add_sriov(test, s->fn[0], 1, 1, 1);
	s->fn[1] = pci_kunit_add_vf(test, s->fn[0], 1);
	s->driver.sriov_configure = pci_sriov_configure_simple;
	say_start(s);
	s->nr = 2;
	KUNIT_ASSERT_EQ(test, 1, pci_kunit_set_vfs(s->pdev[0], 1));
	s->pdev[1] = pci_kunit_dev(test, s->fn[1]);
	pci_write_config_byte(s->pdev[1], PCI_INTERRUPT_LINE, MARK);
	s->who = 1;
	s->meanwhile = say_rebind_first;

	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqrpqPD", s->fn[0]->events);
	KUNIT_EXPECT_STREQ(test, "pqqPD", s->fn[1]->events);
	KUNIT_EXPECT_EQ(test, 1, s->fn[0]->resets[PCI_KUNIT_FLR]);
	say_expect_idle(s);

	/* The PF's driver knows, the VF's is asked all the same */
	KUNIT_EXPECT_EQ(test, 0, by_its_owner_trying(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqrpqPDPD", s->fn[0]->events);
	KUNIT_EXPECT_STREQ(test, "pqqPDqPD", s->fn[1]->events);
	s->answer = -EPERM;
	KUNIT_EXPECT_EQ(test, -EPERM, by_its_owner_trying(s->pdev[0]));
	KUNIT_EXPECT_EQ(test, 2, s->fn[0]->resets[PCI_KUNIT_FLR]);
}

/* A driver that does it by itself */

static void performed_by_driver(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	say_start(s);
	s->answer = PCI_RESET_BY_DRIVER;

	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqB", s->fn[0]->events);
	KUNIT_EXPECT_FALSE(test, s->config_blocked);
	say_expect_untouched(s);

	s->performed = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqBqB", s->fn[0]->events);
	say_expect_untouched(s);

	/* The user's word still counts */
	s->pdev[0]->reset_methods[0] = 0;
	KUNIT_EXPECT_EQ(test, -ENOTTY, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqBqBq", s->fn[0]->events);
}

static void not_performed_for_others(struct kunit *test)
{
	struct say *s = say_alloc(test, 2);

	say_start(s);
	s->answer = PCI_RESET_BY_DRIVER;

	KUNIT_EXPECT_EQ(test, -EBUSY, by_its_bus(s->pdev[1]));
	KUNIT_EXPECT_STREQ(test, "pq", s->fn[0]->events);
	KUNIT_EXPECT_STREQ(test, "p", s->fn[1]->events);
	say_expect_untouched(s);
}

static void recovered_by_driver(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);
	struct pci_recovery_domain domain = {
		.mask = PCI_RESET_FUNC, .by_user = true,
	};

	/* These return while the driver's own reset may still be under way */
	s->handlers.error_detected = say_error_detected;
	s->handlers.slot_reset = say_slot_reset;
	say_start(s);
	domain.dev = s->pdev[0];
	s->answer = PCI_RESET_BY_DRIVER;

	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&domain));
	KUNIT_EXPECT_STREQ(test, "pqB", s->fn[0]->events);
	say_expect_untouched(s);

	/* Who asked wants it back */
	s->performed = -EIO;
	KUNIT_EXPECT_EQ(test, 0, pci_recover_domain(&domain));
	KUNIT_EXPECT_STREQ(test, "pqBqBrp", s->fn[0]->events);

	domain.by_user = false;
	KUNIT_EXPECT_EQ(test, -EIO, pci_recover_domain(&domain));
	KUNIT_EXPECT_STREQ(test, "pqBqBrpqB", s->fn[0]->events);
	KUNIT_EXPECT_PTR_EQ(test, &s->driver, s->pdev[0]->driver);
}

static void say_read_config(void *data)
{
	struct say *s = data;

	pci_user_read_config_byte(s->read, PCI_INTERRUPT_LINE, &s->value);
}

/*
 * A chip that is reset by its Built-in Self Test, which its driver runs with
 * config accesses blocked, as ipr does.
 */
static void say_run_bist(struct say *s, struct pci_dev *pdev)
{
	struct pci_kunit_fn *fn = s->fn[0];
	struct pci_kunit_task *reader;

	KUNIT_EXPECT_TRUE(s->test, pci_cfg_access_trylock(pdev));
	s->read = pdev;
	reader = pci_kunit_run(s->test, say_read_config, s);
	KUNIT_EXPECT_FALSE(s->test, pci_kunit_wait(reader, BLOCKED_MS));

	pci_save_state(pdev);
	pci_write_config_byte(pdev, PCI_BIST, PCI_BIST_START);
	KUNIT_EXPECT_EQ(s->test, PCI_BIST_START,
			pci_kunit_read(fn, PCI_BIST, 1));
	/* Which is what the model does not do by itself */
	memcpy(fn->cfg, fn->dflt, sizeof(fn->cfg));
	pci_restore_state(pdev);

	pci_cfg_access_unlock(pdev);
	KUNIT_EXPECT_TRUE(s->test, pci_kunit_wait(reader, DONE_MS));
	KUNIT_EXPECT_EQ(s->test, MARK, s->value);
}

static void performed_by_bist(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	pci_kunit_define(s->fn[0], PCI_BIST, 1, 0, PCI_BIST_START);
	say_start(s);
	s->answer = PCI_RESET_BY_DRIVER;
	s->perform = say_run_bist;

	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqB", s->fn[0]->events);
	KUNIT_EXPECT_EQ(test, 0, say_resets(s->fn[0]));
	say_expect_idle(s);
}

/* How it ended */

static void outcome_of_success(struct kunit *test)
{
	struct say *s = say_alloc(test, 2);

	s->handlers.reset_outcome = say_outcome;
	say_start(s);

	KUNIT_EXPECT_EQ(test, 0, by_anybody(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqPO", s->fn[0]->events);

	KUNIT_EXPECT_EQ(test, 0, by_its_bus(s->pdev[0]));
	KUNIT_EXPECT_STREQ(test, "pqPOqPO", s->fn[0]->events);
	KUNIT_EXPECT_STREQ(test, "pqPO", s->fn[1]->events);
	say_expect_idle(s);
}

static void outcome_of_timeout(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	if (!IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT))
		kunit_skip(test, "takes a minute of real time");

	s->handlers.reset_outcome = say_outcome;
	say_start(s);
	s->fn[0]->not_ready_ms = NEVER_MS;

	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			pci_reset_function(s->pdev[0], PCI_RESET_FLR));
	KUNIT_EXPECT_STREQ(test, "pqPo", s->fn[0]->events);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, s->outcome);
}

static void outcome_of_slot_that_fails(struct kunit *test)
{
	struct say *s = say_alloc(test, 2);
	struct pci_kunit_slot *slot;

	if (IS_ENABLED(CONFIG_S390))
		kunit_skip(test, "each function is a slot of its own");

	s->handlers.reset_outcome = say_outcome;
	say_start(s);
	slot = pci_kunit_add_slot(test, s->bridge);
	slot->error = -EIO;

	KUNIT_EXPECT_EQ(test, -EIO,
			pci_reset_bus(s->pdev[0], PCI_RESET_SLOT));
	KUNIT_EXPECT_STREQ(test, "pqPo", s->fn[0]->events);
	KUNIT_EXPECT_STREQ(test, "pqPo", s->fn[1]->events);
	KUNIT_EXPECT_EQ(test, -EIO, s->outcome);
	say_expect_idle(s);
}

/* What a driver can find out before */

static int say_count(struct pci_dev *pdev, void *data)
{
	unsigned int *left = data;

	return --*left ? 0 : -ENOSPC;
}

static void scope_can_be_walked(struct kunit *test)
{
	struct say *s = say_alloc(test, 3);
	unsigned int left;

	say_start(s);

	left = 4;
	KUNIT_EXPECT_EQ(test, 0, pci_walk_reset_scope(s->pdev[1], PCI_RESET_BUS,
						      say_count, &left));
	KUNIT_EXPECT_EQ(test, 1, left);
	left = 2;
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			pci_walk_reset_scope(s->pdev[1], PCI_RESET_BUS,
					     say_count, &left));
	KUNIT_EXPECT_EQ(test, 0, left);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pci_walk_reset_scope(s->pdev[1], PCI_RESET_FLR,
					     say_count, &left));
	say_expect_untouched(s);
}

/* A driver that resets its link in probe, while user space reads config space */

static void say_read_during_reset(struct pci_dev *bridge, void *data)
{
	struct pci_dev *functions[] = { bridge, say->pdev[0] };
	struct pci_kunit_task *reader;

	KUNIT_EXPECT_TRUE(say->test, bridge->block_cfg_access);
	KUNIT_EXPECT_FALSE(say->test, pci_cfg_access_trylock(bridge));
	for (int i = 0; i < ARRAY_SIZE(functions); i++) {
		say->read = functions[i];
		reader = pci_kunit_run(say->test, say_read_config, say);
		KUNIT_EXPECT_EQ(say->test, !functions[i]->block_cfg_access,
				pci_kunit_wait(reader, BLOCKED_MS));
	}
}

static int say_probe_by_link_reset(struct pci_dev *pdev,
				   const struct pci_device_id *id)
{
	say_event(pdev, "p");
	return pci_reset_function_locked(pdev, PCI_RESET_LINK);
}

static void link_reset_in_probe(struct kunit *test)
{
	struct say *s = say_alloc(test, 1);

	if (IS_ENABLED(CONFIG_PPC64))
		kunit_skip(test, "the platform resets the link by itself");

	say_start(s);
	device_release_driver(&s->pdev[0]->dev);
	s->driver.probe = say_probe_by_link_reset;
	pci_kunit_during_bus_reset(s->host, say_read_during_reset, s);

	KUNIT_EXPECT_EQ(test, 0, device_driver_attach(&s->driver.driver,
						      &s->pdev[0]->dev));
	KUNIT_EXPECT_STREQ(test, "prpPD", s->fn[0]->events);
	KUNIT_EXPECT_EQ(test, 1, s->fn[0]->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_FALSE(test, s->bridge->block_cfg_access);
	say_expect_idle(s);

	/* Nor does it wait for somebody who has the bridge and may want us */
	device_release_driver(&s->pdev[0]->dev);
	scoped_guard(device, &s->bridge->dev)
		KUNIT_EXPECT_EQ(test, -EAGAIN,
				device_driver_attach(&s->driver.driver,
						     &s->pdev[0]->dev));
	KUNIT_EXPECT_EQ(test, 1, s->fn[0]->resets[PCI_KUNIT_HOT]);
}

static struct kunit_case say_cases[] = {
	KUNIT_CASE_PARAM(asked_and_told, asker_gen_params),
	KUNIT_CASE_PARAM(refused, asker_gen_params),
	KUNIT_CASE_PARAM(not_in_error_recovery, asker_gen_params),
	KUNIT_CASE(error_after_it_was_asked),
	KUNIT_CASE(error_after_recovery_asked),
	KUNIT_CASE(not_for_one_of_four_in_error_recovery),
	KUNIT_CASE(in_error_but_not_waiting),
	KUNIT_CASE(not_performed_in_error_recovery),
	KUNIT_CASE(recovered_by_steps),
	KUNIT_CASE(all_are_asked_before_one_is_told),
	KUNIT_CASE(refused_by_one_of_four),
	KUNIT_CASE(asked_of_what_is_enabled),
	KUNIT_CASE(refused_if_no_kind_is_left),
	KUNIT_CASE(nobody_is_asked_without_callback),
	KUNIT_CASE(unbound_after_it_was_asked),
	KUNIT_CASE(bound_after_it_was_asked),
	KUNIT_CASE(bound_pf_is_asked_again),
	KUNIT_CASE(performed_by_driver),
	KUNIT_CASE(not_performed_for_others),
	KUNIT_CASE(recovered_by_driver),
	KUNIT_CASE(performed_by_bist),
	KUNIT_CASE(outcome_of_success),
	KUNIT_CASE_SLOW(outcome_of_timeout),
	KUNIT_CASE(outcome_of_slot_that_fails),
	KUNIT_CASE(scope_can_be_walked),
	KUNIT_CASE(link_reset_in_probe),
	{}
};

#else /* !PCI_RESET_BY_DRIVER */

static void no_say(struct kunit *test)
{
	kunit_skip(test, "drivers have no say here");
}

static struct kunit_case say_cases[] = {
	KUNIT_CASE(no_say),
	{}
};

#endif /* PCI_RESET_BY_DRIVER */

static struct kunit_suite say_suite = {
	.name = "pci-reset-say",
	.test_cases = say_cases,
};

kunit_test_suites(&say_suite);

MODULE_DESCRIPTION("KUnit tests for what drivers have to say in a reset");
MODULE_LICENSE("GPL");
