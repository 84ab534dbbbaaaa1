// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for the locks around devices that come and go, and around what
 * others do to them meanwhile
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>

#include "../pci.h"
#include "pci_kunit_helpers.h"

/* Long enough for another task to get where it is blocked */
#define BLOCKED_MS	50

/* More than enough for a task that is not blocked */
#define DONE_MS		5000

/* One endpoint below a Root Port, and one that is not plugged in */
struct lone {
	struct pci_kunit_host *host;
	struct pci_kunit_fn *port, *fn, *late;
	struct pci_dev *bridge, *pdev;
};

static void lone_start(struct kunit *test, struct lone *l)
{
	*l = (struct lone) { .host = pci_kunit_alloc_host(test) };
	l->port = pci_kunit_add_port(test, l->host, PCI_DEVFN(2, 0));
	l->fn = pci_kunit_add_endpoint(test, l->host, l->port, PCI_DEVFN(0, 0));
	l->late = pci_kunit_add_endpoint(test, l->host, l->port,
					 PCI_DEVFN(0, 1));
	l->late->gone = true;
	pci_kunit_start_host(test, l->host);
	l->bridge = pci_kunit_dev(test, l->port);
	l->pdev = pci_kunit_dev(test, l->fn);
}

/* A driver that looks at locks when it is called */

static const struct pci_device_id watcher_ids[] = {
	{ PCI_DEVICE(PCI_KUNIT_VENDOR_ID, PCI_KUNIT_ENDPOINT_ID) },
	{ }
};

static struct {
	int probes, removes, calls;
	int bus_sem_held, lock_held;
	void (*in_remove)(struct pci_dev *pdev, void *data);
	void *data;
} watcher;

static void watch(void)
{
	watcher.calls++;
	if (rwsem_is_locked(&pci_bus_sem))
		watcher.bus_sem_held++;
	if (mutex_is_locked(&pci_rescan_remove_lock))
		watcher.lock_held++;
}

static int watcher_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	watcher.probes++;
	watch();
	return 0;
}

static void watcher_remove(struct pci_dev *pdev)
{
	watcher.removes++;
	watch();
	if (watcher.in_remove)
		watcher.in_remove(pdev, watcher.data);
}

static pci_ers_result_t watcher_error_detected(struct pci_dev *pdev,
					       pci_channel_state_t state)
{
	watch();
	return PCI_ERS_RESULT_CAN_RECOVER;
}

static pci_ers_result_t watcher_mmio_enabled(struct pci_dev *pdev)
{
	watch();
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t watcher_slot_reset(struct pci_dev *pdev)
{
	watch();
	return PCI_ERS_RESULT_RECOVERED;
}

static void watcher_resume(struct pci_dev *pdev)
{
	watch();
}

static const struct pci_error_handlers watcher_err_handler = {
	.error_detected = watcher_error_detected,
	.mmio_enabled = watcher_mmio_enabled,
	.slot_reset = watcher_slot_reset,
	.resume = watcher_resume,
};

static void del_watcher(void *data)
{
	pci_unregister_driver(data);
}

static void add_watcher(struct kunit *test)
{
	struct pci_driver *drv = kunit_kzalloc(test, sizeof(*drv), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, drv);
	memset(&watcher, 0, sizeof(watcher));
	drv->name = "pci_kunit_watcher";
	drv->id_table = watcher_ids;
	drv->probe = watcher_probe;
	drv->remove = watcher_remove;
	drv->err_handler = &watcher_err_handler;
	KUNIT_ASSERT_EQ(test, 0, pci_register_driver(drv));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, del_watcher,
							   drv));
}

/* Errors */

static pci_ers_result_t reset_nothing(struct pci_dev *pdev)
{
	watch();
	return PCI_ERS_RESULT_RECOVERED;
}

/* Handlers may add and remove devices, and wait for those who do */
static void error_handlers_without_bus_sem(struct kunit *test)
{
	struct lone l;

	if (!IS_ENABLED(CONFIG_PCIEAER))
		kunit_skip(test, "needs CONFIG_PCIEAER");

	add_watcher(test);
	lone_start(test, &l);

	watcher.calls = 0;
	watcher.bus_sem_held = 0;
	KUNIT_EXPECT_TRUE(test, pcie_do_recovery(l.bridge,
						 pci_channel_io_normal,
						 reset_nothing) ==
				PCI_ERS_RESULT_RECOVERED);
	KUNIT_EXPECT_EQ(test, 5, watcher.calls);
	KUNIT_EXPECT_EQ_MSG(test, 0, watcher.bus_sem_held,
			    "calls with pci_bus_sem held");
}

/* Slots */

struct slot_watch {
	bool called;
	bool slot_mutex_held;
};

static void watch_slot(struct pci_dev *bridge, void *data)
{
	struct slot_watch *w = data;

	w->called = true;
	w->slot_mutex_held = mutex_is_locked(&pci_slot_mutex);
}

/*
 * The hotplug driver of a slot takes pci_slot_mutex while it has the device
 * lock that a reset takes
 */
static void slot_reset_without_slot_mutex(struct kunit *test)
{
	struct pci_kunit_slot *slot;
	struct slot_watch w = {};
	struct lone l;

	lone_start(test, &l);
	slot = pci_kunit_add_slot(test, l.bridge);
	slot->hook = watch_slot;
	slot->data = &w;

	KUNIT_EXPECT_EQ(test, 0, pci_try_reset_bridge(l.bridge));
	KUNIT_EXPECT_EQ(test, 1, slot->resets);
	KUNIT_EXPECT_TRUE(test, w.called);
	KUNIT_EXPECT_FALSE(test, w.slot_mutex_held);

	w = (struct slot_watch) {};
	KUNIT_EXPECT_EQ(test, 0, pci_bus_error_reset(l.bridge));
	KUNIT_EXPECT_EQ(test, 2, slot->resets);
	KUNIT_EXPECT_TRUE(test, w.called);
	KUNIT_EXPECT_FALSE(test, w.slot_mutex_held);

	/* An error ends it, and does not leave a reference behind */
	slot->error = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, pci_bus_error_reset(l.bridge));
	KUNIT_EXPECT_EQ(test, 1,
			kref_read(&slot->hotplug.pci_slot->kobj.kref));
}

/* The rescan/remove lock */

/* Drivers may take it, and take long, when they are bound and unbound */
static void drivers_without_rescan_lock(struct kunit *test)
{
	struct lone l;

	add_watcher(test);
	lone_start(test, &l);
	KUNIT_EXPECT_EQ(test, 1, watcher.probes);

	KUNIT_EXPECT_NOT_NULL(test, pci_kunit_plug(l.late));
	KUNIT_EXPECT_EQ(test, 2, watcher.probes);
	KUNIT_EXPECT_EQ_MSG(test, 0, watcher.lock_held,
			    "probes with the rescan/remove lock held");

	watcher.lock_held = 0;
	pci_stop_and_remove_bus_device_locked(l.pdev);
	KUNIT_EXPECT_EQ(test, 1, watcher.removes);
	pci_stop_and_remove_bus_device_locked(l.bridge);
	KUNIT_EXPECT_EQ(test, 2, watcher.removes);
	KUNIT_EXPECT_EQ_MSG(test, 0, watcher.lock_held,
			    "removes with the rescan/remove lock held");
}

struct late {
	struct lone l;
	bool tried;
};

static void plug_late(struct pci_dev *pdev, void *data)
{
	struct late *late = data;

	/* It would wait for itself */
	if (mutex_is_locked(&pci_rescan_remove_lock) || late->tried)
		return;

	late->tried = true;
	pci_kunit_plug(late->l.late);
}

/* What is added below a bridge that is being removed goes away with it */
static void added_during_removal(struct kunit *test)
{
	struct late late = {};

	add_watcher(test);
	lone_start(test, &late.l);
	watcher.in_remove = plug_late;
	watcher.data = &late;

	pci_stop_and_remove_bus_device_locked(late.l.bridge);
	watcher.in_remove = NULL;
	KUNIT_EXPECT_TRUE(test, late.tried);
	KUNIT_EXPECT_EQ(test, 1, watcher.probes);
	KUNIT_EXPECT_EQ(test, 1, watcher.removes);
	KUNIT_EXPECT_FALSE(test, device_is_registered(&late.l.pdev->dev));
	KUNIT_EXPECT_FALSE(test, device_is_registered(&late.l.bridge->dev));
}

/* It is still there for those who look, and not to be added again */
static void note_added(struct pci_dev *pdev, void *data)
{
	bool *added = data;

	*added = pci_dev_is_added(pdev);
}

static void added_until_removed(struct kunit *test)
{
	bool added = false;
	struct lone l;

	add_watcher(test);
	lone_start(test, &l);
	watcher.in_remove = note_added;
	watcher.data = &added;

	pci_stop_and_remove_bus_device_locked(l.pdev);
	watcher.in_remove = NULL;
	KUNIT_EXPECT_TRUE(test, added);
	KUNIT_EXPECT_FALSE(test, pci_dev_is_added(l.pdev));
}

/* A driver that takes long does not keep other devices from coming and going */

struct slow {
	struct pci_kunit_fn *fn;
	struct pci_dev *pdev;
	struct completion go;
};

static void wait_to_go(struct pci_dev *pdev, void *data)
{
	struct slow *slow = data;

	wait_for_completion(&slow->go);
}

static void remove_slowly(void *data)
{
	struct slow *slow = data;

	pci_stop_and_remove_bus_device_locked(slow->pdev);
}

static void plug(void *data)
{
	struct slow *slow = data;

	pci_kunit_plug(slow->fn);
}

static void slow_remove_stops_nobody(struct kunit *test)
{
	struct pci_kunit_task *removal, *other;
	struct slow slow = {};
	struct lone l;

	add_watcher(test);
	lone_start(test, &l);
	slow.fn = l.late;
	slow.pdev = l.pdev;
	init_completion(&slow.go);
	watcher.in_remove = wait_to_go;
	watcher.data = &slow;

	removal = pci_kunit_run(test, remove_slowly, &slow);
	KUNIT_EXPECT_FALSE(test, pci_kunit_wait(removal, BLOCKED_MS));
	other = pci_kunit_run(test, plug, &slow);
	KUNIT_EXPECT_TRUE_MSG(test, pci_kunit_wait(other, BLOCKED_MS),
			      "hotplug waits for a driver's remove()");

	complete_all(&slow.go);
	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(removal, DONE_MS));
	KUNIT_EXPECT_TRUE(test, pci_kunit_wait(other, DONE_MS));
	watcher.in_remove = NULL;
}

static struct kunit_case hotplug_cases[] = {
	KUNIT_CASE(drivers_without_rescan_lock),
	KUNIT_CASE(added_during_removal),
	KUNIT_CASE(added_until_removed),
	KUNIT_CASE(slow_remove_stops_nobody),
	KUNIT_CASE(error_handlers_without_bus_sem),
	KUNIT_CASE(slot_reset_without_slot_mutex),
	{}
};

static struct kunit_suite hotplug_suite = {
	.name = "pci-hotplug",
	.test_cases = hotplug_cases,
};

kunit_test_suite(hotplug_suite);
