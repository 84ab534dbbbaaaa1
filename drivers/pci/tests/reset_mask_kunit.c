// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for masks of PCI reset kinds
 */
#include <kunit/test.h>
#include <linux/acpi.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/pci.h>
#include <linux/seq_buf.h>
#include <linux/string.h>

#include "../pci.h"
#include "pci_kunit_helpers.h"

#if PCI_KUNIT_MASKS

#define DEV_SPECIFIC	PCI_RESET_DEV_SPECIFIC
#define FLR		PCI_RESET_FLR
#define AF_FLR		PCI_RESET_AF_FLR
#define PM		PCI_RESET_PM
#define SLOT		PCI_RESET_SLOT
#define BUS		PCI_RESET_BUS
#define CXL_BUS		PCI_RESET_CXL_BUS

/* A kind of reset that does not exist */
#define UNKNOWN		((__force pci_reset_t)BIT(31))

/* What reset_intel_82599_sfp_virtfn() takes care of */
#define SPECIFIC_VENDOR	PCI_VENDOR_ID_INTEL
#define SPECIFIC_DEVICE	0x10ed

/* What the endpoint below the Root Port has besides "bus" */
enum {
	HAS_FLR		= BIT(0),
	HAS_AF_FLR	= BIT(1),
	HAS_PM		= BIT(2),
	HAS_SPECIFIC	= BIT(3),	/* and FLR */
	HAS_SIBLING	= BIT(4),	/* and thus no "bus" */
	HAS_SLOT	= BIT(5),
	HAS_CXL_PORT	= BIT(6),	/* above it, which masks SBR */
};

struct mask_test {
	struct pci_kunit_fn *port, *fn, *sibling;
	struct pci_kunit_slot *slot;
	struct pci_dev *bridge, *pdev;
	u16 cxl_port;
};

static void add_dvsec(struct pci_kunit_fn *fn, u16 *pos, u16 id, u16 size)
{
	*pos = pci_kunit_add_ext_cap(fn, PCI_EXT_CAP_ID_DVSEC, 1, size);
	pci_kunit_define(fn, *pos + PCI_DVSEC_HEADER1, 4,
			 PCI_VENDOR_ID_CXL | size << 20, 0);
	pci_kunit_define(fn, *pos + PCI_DVSEC_HEADER2, 2, id, 0);
}

static void add_cxl_port(struct mask_test *t)
{
	u16 flexbus;

	add_dvsec(t->port, &t->cxl_port, PCI_DVSEC_CXL_PORT, 0x28);
	pci_kunit_define(t->port, t->cxl_port + PCI_DVSEC_CXL_PORT_CTL, 2, 0,
			 PCI_DVSEC_CXL_PORT_CTL_UNMASK_SBR);
	add_dvsec(t->port, &flexbus, PCI_DVSEC_CXL_FLEXBUS_PORT, 0x20);
	pci_kunit_define(t->port,
			 flexbus + PCI_DVSEC_CXL_FLEXBUS_PORT_STATUS, 2,
			 PCI_DVSEC_CXL_FLEXBUS_PORT_STATUS_CACHE |
			 PCI_DVSEC_CXL_FLEXBUS_PORT_STATUS_MEM, 0);
}

static void mask_start(struct kunit *test, struct mask_test *t,
		       unsigned int has)
{
	struct pci_kunit_host *host = pci_kunit_alloc_host(test);

	*t = (struct mask_test) {};
	t->port = pci_kunit_add_port(test, host, PCI_DEVFN(2, 0));
	t->fn = pci_kunit_add_endpoint(test, host, t->port, PCI_DEVFN(0, 0));
	if (has & HAS_SIBLING)
		t->sibling = pci_kunit_add_endpoint(test, host, t->port,
						    PCI_DEVFN(0, 1));
	if (has & (HAS_FLR | HAS_SPECIFIC))
		pci_kunit_add_flr(t->fn);
	if (has & HAS_AF_FLR)
		pci_kunit_add_af_flr(t->fn);
	if (has & HAS_PM)
		pci_kunit_add_pm_reset(t->fn);
	if (has & HAS_SPECIFIC)
		pci_kunit_define(t->fn, PCI_VENDOR_ID, 4,
				 SPECIFIC_VENDOR | SPECIFIC_DEVICE << 16, 0);
	if (has & HAS_CXL_PORT)
		add_cxl_port(t);

	pci_kunit_add_driver(test);
	pci_kunit_start_host(test, host);
	t->bridge = pci_kunit_dev(test, t->port);
	t->pdev = pci_kunit_dev(test, t->fn);
	if (has & HAS_SLOT)
		t->slot = pci_kunit_add_slot(test, t->bridge);

	pci_kunit_forget_writes(t->fn);
	pci_kunit_forget_writes(t->port);
}

static void set_methods(struct mask_test *t, const char *names)
{
	char buf[80], *rest = buf, *name;
	int n = 0;

	strscpy(buf, names);
	while ((name = strsep(&rest, " "))) {
		for (int m = 1; m < PCI_NUM_RESET_METHODS; m++)
			if (!strcmp(name, pci_reset_fn_methods[m].name))
				t->pdev->reset_methods[n++] = m;
	}
	t->pdev->reset_methods[n] = 0;
}

static unsigned int nr_resets(struct mask_test *t)
{
	unsigned int nr = 0;

	for (int how = 0; how < PCI_KUNIT_RESETS; how++)
		nr += t->fn->resets[how];

	return nr;
}

static void expect_untouched(struct kunit *test, struct mask_test *t)
{
	pci_kunit_expect_no_writes(test, t->fn);
	pci_kunit_expect_no_writes(test, t->port);
	KUNIT_EXPECT_EQ(test, 0, nr_resets(t));
	KUNIT_EXPECT_EQ(test, 0, pci_kunit_when(t->fn, 'P'));
	if (t->slot)
		KUNIT_EXPECT_EQ(test, 0, t->slot->resets);
}

static void expect_unlocked(struct kunit *test, struct mask_test *t)
{
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&t->pdev->dev.mutex));
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&t->bridge->dev.mutex));
	KUNIT_EXPECT_FALSE(test, t->pdev->block_cfg_access);
	KUNIT_EXPECT_FALSE(test, t->bridge->block_cfg_access);
}

/* The entries */

static int reset_locked(struct pci_dev *pdev, pci_reset_t mask)
{
	guard(device)(&pdev->dev);

	return pci_reset_function_locked(pdev, mask);
}

/* As a caller that holds what it takes */
static int reset_bare(struct pci_dev *pdev, pci_reset_t mask)
{
	struct pci_dev *bridge = pci_upstream_bridge(pdev);
	int rc;

	pci_dev_lock(bridge);
	pci_dev_lock(pdev);
	rc = __pci_reset_function_locked(pdev, mask);
	pci_dev_unlock(pdev);
	pci_dev_unlock(bridge);

	return rc;
}

static int reset_function(struct pci_dev *pdev, pci_reset_t mask)
{
	return pci_reset_function(pdev, mask);
}

static int reset_try(struct pci_dev *pdev, pci_reset_t mask)
{
	return pci_try_reset_function(pdev, mask);
}

static int reset_bus(struct pci_dev *pdev, pci_reset_t mask)
{
	return pci_reset_bus(pdev, mask);
}

struct mask_entry {
	const char *name;
	int (*reset)(struct pci_dev *pdev, pci_reset_t mask);
};

static const struct mask_entry function_entries[] = {
	{ "pci_reset_function", reset_function },
	{ "pci_reset_function_locked", reset_locked },
	{ "pci_try_reset_function", reset_try },
	{ "__pci_reset_function_locked", reset_bare },
};

static const struct mask_entry all_entries[] = {
	{ "pci_reset_function", reset_function },
	{ "pci_reset_function_locked", reset_locked },
	{ "pci_try_reset_function", reset_try },
	{ "__pci_reset_function_locked", reset_bare },
	{ "pci_reset_bus", reset_bus },
};

KUNIT_ARRAY_PARAM_DESC(function_entry, function_entries, name);
KUNIT_ARRAY_PARAM_DESC(all_entry, all_entries, name);

/* What the device has x the user's order x the mask -> what runs */

struct mask_case {
	const char *name;
	unsigned int has;
	const char *order;	/* NULL: the default */
	pci_reset_t mask;
	int result;
	enum pci_kunit_reset how;
};

#define NOTHING	PCI_KUNIT_RESETS

static const struct mask_case mask_cases[] = {
	/* Each kind alone, of a device that has all */
	{ "flr of all", HAS_FLR | HAS_AF_FLR | HAS_PM, NULL, FLR, 0,
	  PCI_KUNIT_FLR },
	{ "af_flr of all", HAS_FLR | HAS_AF_FLR | HAS_PM, NULL, AF_FLR, 0,
	  PCI_KUNIT_AF_FLR },
	{ "pm of all", HAS_FLR | HAS_AF_FLR | HAS_PM, NULL, PM, 0,
	  PCI_KUNIT_PM },
	{ "bus of all", HAS_FLR | HAS_AF_FLR | HAS_PM, NULL, BUS, 0,
	  PCI_KUNIT_HOT },
	{ "slot of all", HAS_FLR | HAS_AF_FLR | HAS_PM | HAS_SLOT, NULL, SLOT,
	  0, PCI_KUNIT_HOT },
	{ "device_specific", HAS_SPECIFIC | HAS_PM, NULL, DEV_SPECIFIC, 0,
	  PCI_KUNIT_FLR },
	{ "cxl_bus", HAS_FLR | HAS_CXL_PORT, NULL, CXL_BUS, 0,
	  PCI_KUNIT_HOT },

	/* Each kind alone, of a device that lacks it */
	{ "no device_specific", HAS_FLR | HAS_PM, NULL, DEV_SPECIFIC,
	  -ENOTTY, NOTHING },
	{ "no acpi", HAS_FLR, NULL, PCI_RESET_ACPI, -ENOTTY, NOTHING },
	{ "no flr", HAS_AF_FLR | HAS_PM, NULL, FLR, -ENOTTY, NOTHING },
	{ "no af_flr", HAS_FLR | HAS_PM, NULL, AF_FLR, -ENOTTY, NOTHING },
	{ "no pm", HAS_FLR | HAS_AF_FLR, NULL, PM, -ENOTTY, NOTHING },
	{ "no slot", HAS_FLR, NULL, SLOT, -ENOTTY, NOTHING },
	{ "no bus with a sibling", HAS_FLR | HAS_SIBLING, NULL, BUS, -ENOTTY,
	  NOTHING },
	{ "no cxl_bus", HAS_FLR, NULL, CXL_BUS, -ENOTTY, NOTHING },
	{ "no bus where CXL masks it", HAS_FLR | HAS_CXL_PORT, NULL, BUS,
	  -ENOTTY, NOTHING },

	/* Groups, in the default order */
	{ "func takes flr", HAS_FLR | HAS_PM, NULL, PCI_RESET_FUNC, 0,
	  PCI_KUNIT_FLR },
	{ "func takes pm", HAS_PM, NULL, PCI_RESET_FUNC, 0, PCI_KUNIT_PM },
	{ "func has no bus", 0, NULL, PCI_RESET_FUNC, -ENOTTY, NOTHING },
	{ "link has no flr", HAS_FLR | HAS_SIBLING, NULL, PCI_RESET_LINK,
	  -ENOTTY, NOTHING },
	{ "link takes bus", HAS_FLR, NULL, PCI_RESET_LINK, 0,
	  PCI_KUNIT_HOT },
	{ "link takes cxl_bus", HAS_FLR | HAS_CXL_PORT, NULL, PCI_RESET_LINK,
	  0, PCI_KUNIT_HOT },
	{ "any takes flr", HAS_FLR | HAS_PM, NULL, PCI_RESET_ANY, 0,
	  PCI_KUNIT_FLR },
	{ "any takes bus", 0, NULL, PCI_RESET_ANY, 0, PCI_KUNIT_HOT },

	/* The user's order, which the mask filters and does not change */
	{ "pm before flr", HAS_FLR | HAS_PM, "pm flr", FLR | PM, 0,
	  PCI_KUNIT_PM },
	{ "flr before pm", HAS_FLR | HAS_PM, "flr pm", FLR | PM, 0,
	  PCI_KUNIT_FLR },
	{ "bus before flr", HAS_FLR, "bus flr", FLR | BUS, 0,
	  PCI_KUNIT_HOT },
	{ "flr before bus", HAS_FLR, "flr bus", FLR | BUS, 0,
	  PCI_KUNIT_FLR },
	{ "af_flr before flr", HAS_FLR | HAS_AF_FLR, "af_flr flr",
	  PCI_RESET_FUNC, 0, PCI_KUNIT_AF_FLR },
	{ "bus is skipped", HAS_FLR | HAS_PM, "bus pm flr", PCI_RESET_FUNC, 0,
	  PCI_KUNIT_PM },
	{ "slot is bus for the user", HAS_FLR | HAS_SLOT, "bus flr",
	  FLR | SLOT, 0, PCI_KUNIT_HOT },

	/* What the user disabled stays disabled */
	{ "flr disabled", HAS_FLR | HAS_PM, "pm bus", FLR, -ENOTTY, NOTHING },
	{ "all but bus disabled", HAS_FLR | HAS_PM, "bus", PCI_RESET_FUNC,
	  -ENOTTY, NOTHING },
	{ "bus disabled", HAS_FLR | HAS_SLOT, "flr", PCI_RESET_LINK, -ENOTTY,
	  NOTHING },
	{ "all disabled", HAS_FLR | HAS_PM, "", PCI_RESET_ANY, -ENOTTY,
	  NOTHING },

	/* No masks at all */
	{ "empty mask", HAS_FLR | HAS_PM, NULL, 0, -EINVAL, NOTHING },
	{ "unknown bit", HAS_FLR | HAS_PM, NULL, UNKNOWN, -EINVAL, NOTHING },
	{ "known and unknown bits", HAS_FLR | HAS_PM, NULL, FLR | UNKNOWN,
	  -EINVAL, NOTHING },
};

struct mask_param {
	const struct mask_case *what;
	const struct mask_entry *entry;
};

/* Every row by every entry */
static const void *mask_gen_params(struct kunit *test, const void *prev,
				   char *desc)
{
	static struct mask_param params[ARRAY_SIZE(mask_cases) *
					ARRAY_SIZE(function_entries)];
	struct mask_param *p = prev ? (struct mask_param *)prev + 1 : params;
	size_t nr = p - params;

	if (nr == ARRAY_SIZE(params))
		return NULL;

	p->what = &mask_cases[nr / ARRAY_SIZE(function_entries)];
	p->entry = &function_entries[nr % ARRAY_SIZE(function_entries)];
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s", p->what->name,
		 p->entry->name);
	return p;
}

static void mask_selects(struct kunit *test)
{
	const struct mask_param *p = test->param_value;
	const struct mask_case *c = p->what;
	struct mask_test t;

	mask_start(test, &t, c->has);
	if (c->order)
		set_methods(&t, c->order);

	KUNIT_EXPECT_EQ(test, c->result, p->entry->reset(t.pdev, c->mask));
	expect_unlocked(test, &t);
	if (c->how == NOTHING) {
		expect_untouched(test, &t);
	} else {
		KUNIT_EXPECT_EQ(test, 1, nr_resets(&t));
		KUNIT_EXPECT_EQ(test, 1, t.fn->resets[c->how]);
	}
}

/* A Function Level Reset sets Initiate FLR and changes no other bit */
static void flr_sets_one_bit(struct kunit *test)
{
	struct mask_test t;
	u16 before = 0, seen = 0;
	int nr = 0;

	mask_start(test, &t, HAS_FLR | HAS_PM);
	pcie_capability_read_word(t.pdev, PCI_EXP_DEVCTL, &before);
	KUNIT_ASSERT_EQ(test, 0, reset_bare(t.pdev, FLR));

	for (int i = 0; i < min(t.fn->nr_writes, PCI_KUNIT_WRITES); i++) {
		nr++;
		if (t.fn->writes[i].where == t.fn->pcie + PCI_EXP_DEVCTL)
			seen = t.fn->writes[i].val;
	}
	KUNIT_EXPECT_EQ(test, 1, nr);
	KUNIT_EXPECT_EQ(test, before | PCI_EXP_DEVCTL_BCR_FLR, seen);
	pci_kunit_expect_no_writes(test, t.port);
}

static void bad_mask(struct kunit *test)
{
	static const pci_reset_t masks[] = { 0, UNKNOWN, FLR | BUS | UNKNOWN };
	const struct mask_entry *entry = test->param_value;
	struct mask_test t;

	mask_start(test, &t, HAS_FLR | HAS_PM | HAS_SLOT);
	for (int i = 0; i < ARRAY_SIZE(masks); i++)
		KUNIT_EXPECT_EQ(test, -EINVAL, entry->reset(t.pdev, masks[i]));
	expect_untouched(test, &t);
	expect_unlocked(test, &t);
}

/* FLR times out: the mask decides whether the bus is reset instead */
static void timeout_stays_in_mask(struct kunit *test)
{
	struct mask_test t;

	if (!IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT))
		kunit_skip(test, "takes a minute of real time");

	mask_start(test, &t, HAS_FLR);
	t.fn->not_ready_ms = 10 * 60 * MSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, pci_reset_function(t.pdev, FLR));
	KUNIT_EXPECT_EQ(test, 1, nr_resets(&t));
	expect_unlocked(test, &t);
}

static void timeout_falls_back(struct kunit *test)
{
	struct mask_test t;

	if (!IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT))
		kunit_skip(test, "takes a minute of real time");

	mask_start(test, &t, HAS_FLR);
	set_methods(&t, "flr bus");
	t.fn->not_ready_ms = 10 * 60 * MSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			pci_reset_function(t.pdev, FLR | BUS));
	KUNIT_EXPECT_EQ(test, 1, t.fn->resets[PCI_KUNIT_FLR]);
	KUNIT_EXPECT_EQ(test, 1, t.fn->resets[PCI_KUNIT_HOT]);
	expect_unlocked(test, &t);
}

/* Without the bridge, a caller that holds its own locks gets no link reset */
static void bare_needs_bridge(struct kunit *test)
{
	struct mask_test t;

	mask_start(test, &t, HAS_FLR | HAS_SLOT);
	pci_dev_lock(t.pdev);
	KUNIT_EXPECT_EQ(test, -ENOTTY,
			__pci_reset_function_locked(t.pdev, PCI_RESET_LINK));
	expect_untouched(test, &t);
	set_methods(&t, "bus flr");
	KUNIT_EXPECT_EQ(test, 0,
			__pci_reset_function_locked(t.pdev, PCI_RESET_ANY));
	pci_dev_unlock(t.pdev);
	KUNIT_EXPECT_EQ(test, 1, t.fn->resets[PCI_KUNIT_FLR]);
	KUNIT_EXPECT_EQ(test, 1, nr_resets(&t));
}

/* A try does not wait for the bridge, and tells no driver */
static void link_tries_bridge(struct kunit *test)
{
	struct mask_test t;

	mask_start(test, &t, HAS_FLR | HAS_SLOT);
	pci_dev_lock(t.bridge);
	KUNIT_EXPECT_EQ(test, -EAGAIN, reset_locked(t.pdev, PCI_RESET_LINK));
	KUNIT_EXPECT_EQ(test, -EAGAIN, reset_try(t.pdev, PCI_RESET_LINK));
	pci_dev_unlock(t.bridge);
	expect_untouched(test, &t);
	expect_unlocked(test, &t);
}

/* Below a port, the hotplug driver hears of every reset of its link */
static void hotplug_is_told(struct kunit *test)
{
	const struct mask_entry *entry = test->param_value;
	struct mask_test t;

	mask_start(test, &t, HAS_FLR | HAS_SLOT);
	KUNIT_EXPECT_EQ(test, 0, entry->reset(t.pdev, BUS));
	KUNIT_EXPECT_EQ(test, 1, t.slot->resets);
	KUNIT_EXPECT_EQ(test, 1, t.fn->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_EQ(test, 0, entry->reset(t.pdev, SLOT));
	KUNIT_EXPECT_EQ(test, 2, t.slot->resets);
	KUNIT_EXPECT_EQ(test, 2, nr_resets(&t));
}

/* pci_reset_bus() is about slots and buses, whatever else the mask has */
static void bus_by_mask(struct kunit *test)
{
	struct mask_test t;

	mask_start(test, &t, HAS_FLR | HAS_SIBLING);
	KUNIT_EXPECT_EQ(test, -ENOTTY, pci_reset_bus(t.pdev, PCI_RESET_FUNC));
	KUNIT_EXPECT_EQ(test, -ENOTTY, pci_reset_bus(t.pdev, SLOT));
	KUNIT_EXPECT_EQ(test, -ENOTTY, pci_reset_bus(t.pdev, CXL_BUS));
	expect_untouched(test, &t);

	/* The user's list is about functions */
	set_methods(&t, "flr");
	KUNIT_EXPECT_EQ(test, 0, pci_reset_bus(t.pdev, PCI_RESET_ANY));
	KUNIT_EXPECT_EQ(test, 1, t.fn->resets[PCI_KUNIT_HOT]);
	KUNIT_EXPECT_EQ(test, 1, t.sibling->resets[PCI_KUNIT_HOT]);
}

/* CXL masks SBR: unmasked for the reset, and masked again */
static void cxl_mask_is_restored(struct kunit *test)
{
	struct mask_test t;
	u16 ctl;

	mask_start(test, &t, HAS_CXL_PORT);
	KUNIT_EXPECT_EQ(test, 0, pci_reset_function(t.pdev, CXL_BUS));
	KUNIT_EXPECT_EQ(test, 1, t.fn->resets[PCI_KUNIT_HOT]);
	ctl = pci_kunit_read(t.port, t.cxl_port + PCI_DVSEC_CXL_PORT_CTL, 2);
	KUNIT_EXPECT_FALSE(test, ctl & PCI_DVSEC_CXL_PORT_CTL_UNMASK_SBR);
}

/* _RST */

#ifdef CONFIG_ACPI

/*
 * Device (\_SB.KUNT)
 * {
 *	Name (COUN, 0)
 *	Method (_RST)
 *	{
 *		Increment (COUN)
 *	}
 * }
 */
static struct {
	struct acpi_table_header header;
	u8 aml[31];
} __packed rst_table = {
	.header = {
		.signature = ACPI_SIG_SSDT,
		.length = sizeof(rst_table),
		.revision = 2,
		.oem_id = "LINUX",
		.oem_table_id = "PCIKUNIT",
	},
	.aml = {
		0x5b, 0x82, 29, '\\', 0x2e, '_', 'S', 'B', '_',
		'K', 'U', 'N', 'T',
		0x08, 'C', 'O', 'U', 'N', 0x00,
		0x14, 11, '_', 'R', 'S', 'T', 0x00,
		0x75, 'C', 'O', 'U', 'N',
	},
};

static void unload_rst_table(void *data)
{
	u32 *index = data;

	acpi_unload_table(*index);
}

static void remove_companion(void *data)
{
	struct device *dev = data;

	ACPI_COMPANION_SET(dev, NULL);
}

/* Loading a table starts a scan, in a work item, which finds the device */
static struct acpi_device *wait_for_scan(acpi_handle handle)
{
	struct acpi_device *adev = NULL;

	for (int i = 0; i < 100 && !adev; i++) {
		msleep(20);
		acpi_scan_lock_acquire();
		adev = acpi_fetch_acpi_dev(handle);
		acpi_scan_lock_release();
	}

	return adev;
}

/* Let the firmware have a _RST for the device; returns its ACPI handle */
static acpi_handle add_rst(struct kunit *test, struct pci_dev *pdev)
{
	struct acpi_device *adev;
	acpi_handle handle;
	u32 *index;
	u8 sum = 0;

	if (acpi_disabled)
		kunit_skip(test, "this machine has no ACPI");

	rst_table.header.checksum = 0;
	for (int i = 0; i < sizeof(rst_table); i++)
		sum += ((u8 *)&rst_table)[i];
	rst_table.header.checksum = -sum;

	index = kunit_kzalloc(test, sizeof(*index), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, index);
	KUNIT_ASSERT_EQ(test, AE_OK,
			acpi_load_table(&rst_table.header, index));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unload_rst_table,
						  index));

	KUNIT_ASSERT_EQ(test, AE_OK,
			acpi_get_handle(NULL, "\\_SB.KUNT", &handle));
	adev = wait_for_scan(handle);
	KUNIT_ASSERT_NOT_NULL(test, adev);
	ACPI_COMPANION_SET(&pdev->dev, adev);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, remove_companion,
						  &pdev->dev));

	return handle;
}

static void expect_rst_calls(struct kunit *test, acpi_handle handle,
			     unsigned long long want)
{
	unsigned long long calls = 0;

	KUNIT_EXPECT_EQ(test, AE_OK,
			acpi_evaluate_integer(handle, "COUN", NULL, &calls));
	KUNIT_EXPECT_EQ(test, want, calls);
}

/* _RST runs if it is meant, in the user's order, and nothing else does */
static void acpi_calls_rst(struct kunit *test)
{
	const struct mask_entry *entry = test->param_value;
	struct mask_test t;
	acpi_handle handle;

	mask_start(test, &t, HAS_FLR);
	handle = add_rst(test, t.pdev);

	/* Not probed yet */
	KUNIT_EXPECT_EQ(test, -ENOTTY, entry->reset(t.pdev, PCI_RESET_ACPI));
	expect_rst_calls(test, handle, 0);
	expect_untouched(test, &t);

	set_methods(&t, "flr acpi");
	KUNIT_EXPECT_EQ(test, 0, entry->reset(t.pdev, PCI_RESET_ACPI));
	expect_rst_calls(test, handle, 1);
	KUNIT_EXPECT_EQ(test, 0, nr_resets(&t));

	KUNIT_EXPECT_EQ(test, 0, entry->reset(t.pdev, PCI_RESET_FUNC));
	expect_rst_calls(test, handle, 1);
	KUNIT_EXPECT_EQ(test, 1, t.fn->resets[PCI_KUNIT_FLR]);

	set_methods(&t, "acpi flr");
	KUNIT_EXPECT_EQ(test, 0, entry->reset(t.pdev, PCI_RESET_FUNC));
	expect_rst_calls(test, handle, 2);
	KUNIT_EXPECT_EQ(test, 1, nr_resets(&t));
	expect_unlocked(test, &t);
}

#else

static void acpi_calls_rst(struct kunit *test)
{
	kunit_skip(test, "this kernel has no ACPI");
}

#endif /* CONFIG_ACPI */

/* reset_scope */

static void expect_scope(struct kunit *test, struct pci_dev *pdev,
			 const char *scope)
{
	char buf[256];
	struct seq_buf s;

	seq_buf_init(&s, buf, sizeof(buf));
	pci_reset_scope_print(&s, pdev);
	KUNIT_EXPECT_FALSE(test, seq_buf_has_overflowed(&s));
	KUNIT_EXPECT_STREQ(test, scope, seq_buf_str(&s));
}

static void scope_of_lone(struct kunit *test)
{
	struct mask_test t;
	char want[128];

	mask_start(test, &t, HAS_FLR | HAS_PM);
	snprintf(want, sizeof(want), "flr: %s\npm: %s\nbus: %s\n",
		 pci_name(t.pdev), pci_name(t.pdev), pci_name(t.pdev));
	expect_scope(test, t.pdev, want);
	expect_untouched(test, &t);

	/* Whether the user wants them or not */
	set_methods(&t, "");
	expect_scope(test, t.pdev, want);
}

static void scope_of_sibling(struct kunit *test)
{
	struct pci_dev *sibling;
	struct mask_test t;
	char want[192];

	if (IS_ENABLED(CONFIG_S390))
		kunit_skip(test, "each function is a slot of its own");

	mask_start(test, &t, HAS_FLR | HAS_SIBLING | HAS_SLOT);
	sibling = pci_kunit_dev(test, t.sibling);
	snprintf(want, sizeof(want), "flr: %s\nslot: %s %s\nbus: %s %s\n",
		 pci_name(t.pdev), pci_name(t.pdev), pci_name(sibling),
		 pci_name(t.pdev), pci_name(sibling));
	expect_scope(test, t.pdev, want);
	expect_untouched(test, &t);
}

static struct kunit_case mask_kunit_cases[] = {
	KUNIT_CASE_PARAM(mask_selects, mask_gen_params),
	KUNIT_CASE(flr_sets_one_bit),
	KUNIT_CASE_PARAM(bad_mask, all_entry_gen_params),
	KUNIT_CASE_SLOW(timeout_stays_in_mask),
	KUNIT_CASE_SLOW(timeout_falls_back),
	KUNIT_CASE(bare_needs_bridge),
	KUNIT_CASE(link_tries_bridge),
	KUNIT_CASE_PARAM(hotplug_is_told, all_entry_gen_params),
	KUNIT_CASE(bus_by_mask),
	KUNIT_CASE(cxl_mask_is_restored),
	KUNIT_CASE_PARAM(acpi_calls_rst, function_entry_gen_params),
	KUNIT_CASE(scope_of_lone),
	KUNIT_CASE(scope_of_sibling),
	{}
};

#else /* !PCI_KUNIT_MASKS */

static void no_masks(struct kunit *test)
{
	kunit_skip(test, "resets take no mask here");
}

static struct kunit_case mask_kunit_cases[] = {
	KUNIT_CASE(no_masks),
	{}
};

#endif /* PCI_KUNIT_MASKS */

static struct kunit_suite mask_suite = {
	.name = "pci-reset-mask",
	.test_cases = mask_kunit_cases,
};

kunit_test_suites(&mask_suite);

MODULE_DESCRIPTION("KUnit tests for masks of PCI reset kinds");
MODULE_LICENSE("GPL");
