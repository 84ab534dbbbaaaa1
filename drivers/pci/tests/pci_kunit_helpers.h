/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A PCI host bridge made of memory, for KUnit
 *
 * A test describes the functions behind the bridge, starts it, and then works
 * with the struct pci_dev that the PCI core has made for each of them.  What
 * reaches the functions is recorded: resets, config writes, and the callbacks
 * of the test driver bound to them.
 *
 *	host = pci_kunit_alloc_host(test);
 *	port = pci_kunit_add_port(test, host, PCI_DEVFN(1, 0));
 *	fn = pci_kunit_add_endpoint(test, host, port, PCI_DEVFN(0, 0));
 *	pci_kunit_add_flr(fn);
 *	pci_kunit_start_host(test, host);
 *	pdev = pci_kunit_dev(test, fn);
 *
 * Everything goes away with the test, in the right order.
 */
#ifndef DRIVERS_PCI_TESTS_PCI_KUNIT_HELPERS_H
#define DRIVERS_PCI_TESTS_PCI_KUNIT_HELPERS_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/pci_hotplug.h>

/*
 * IDs that no real device has: Red Hat's vendor ID is QEMU's, whose devices
 * are numbered from 0x0001 and 0x1100.
 */
#define PCI_KUNIT_VENDOR_ID		0x1b36
#define PCI_KUNIT_ENDPOINT_ID		0x6b76
#define PCI_KUNIT_BRIDGE_ID		0x6b77

/* Where there are domains, no other host bridge shares this one's */
#define PCI_KUNIT_DOMAIN		0x6b75
#define PCI_KUNIT_BUS			0x40
#define PCI_KUNIT_LAST_BUS		0x8f

/* Config writes that are kept in full, the later ones are only counted */
#define PCI_KUNIT_WRITES		32

/*
 * A kernel whose resets take no mask does what it does with PCI_RESET_ANY
 * where there are masks.  What is about masks says SKIP there.
 */
#ifdef PCI_RESET_ANY
#define PCI_KUNIT_MASKS			1
#define pci_kunit_probe_method(dev, m)		pci_probe_reset_method(dev, m)
#else
#define PCI_KUNIT_MASKS			0
#define pci_reset_function(dev, mask)		pci_reset_function(dev)
#define pci_reset_function_locked(dev, mask)	pci_reset_function_locked(dev)
#define pci_try_reset_function(dev, mask)	pci_try_reset_function(dev)
#define pci_reset_bus(dev, mask)		pci_reset_bus(dev)
#define pci_kunit_probe_method(dev, m) \
	pci_reset_fn_methods[m].reset_fn(dev, PCI_RESET_PROBE)
#endif

struct pci_kunit_host;

/**
 * enum pci_kunit_reset - the ways in which a function can be reset
 * @PCI_KUNIT_FLR: PCIe Function Level Reset
 * @PCI_KUNIT_AF_FLR: the same through the Advanced Features capability
 * @PCI_KUNIT_PM: D3hot to D0 without No_Soft_Reset
 * @PCI_KUNIT_HOT: secondary bus reset of a bridge above
 * @PCI_KUNIT_RESETS: how many there are
 */
enum pci_kunit_reset {
	PCI_KUNIT_FLR,
	PCI_KUNIT_AF_FLR,
	PCI_KUNIT_PM,
	PCI_KUNIT_HOT,
	PCI_KUNIT_RESETS,
};

/**
 * struct pci_kunit_write - a config write that reached a function
 * @where: offset
 * @size: 1, 2 or 4 bytes
 * @val: the value written
 */
struct pci_kunit_write {
	u16 where;
	u8 size;
	u32 val;
};

/**
 * struct pci_kunit_fn - one function of the model
 * @node: entry in the list of the host's functions
 * @host: the host bridge it belongs to
 * @bridge: the bridge right above, %NULL on the root bus
 * @pf: the Physical Function if this one is a VF
 * @devfn: device and function number on its bus; from 0x100 on, for VFs, on
 *	the buses after that one
 * @cfg: config space as it reads now
 * @dflt: config space as it is after a reset
 * @wmask: the bits of config space that can be written
 * @last_cap: offset of the last capability in the list
 * @end_cap: where the next capability goes
 * @last_ext_cap: offset of the last extended capability in the list
 * @end_ext_cap: where the next extended capability goes
 * @pcie: offset of the PCI Express capability
 * @af: offset of the Advanced Features capability, or 0
 * @pm: offset of the Power Management capability
 * @sriov: offset of the SR-IOV capability, or 0
 * @doe: offset of the DOE capability, or 0
 * @doe_read: how much of its response was read, in dwords
 * @mute: it takes requests, but does not respond
 * @gone: not plugged in: reads answer all ones, writes are lost
 * @hung: the same, but a hot reset revives the function
 * @not_ready_ms: how long the function does not answer after a reset
 * @ready_at: when it answers again, in jiffies
 * @on_reset: called at each reset with a raw spinlock held: it may look and
 *	complete(), but neither sleep nor access config space
 * @priv: for the test's use
 * @resets: how often the function was reset, by kind
 * @nr_writes: how many config writes reached it
 * @writes: the first of them
 * @events: what became of it, a letter each.  What its driver was told: 'p'
 *	probe, 'P' reset_prepare, 'D' reset_done, 'r' remove, 'X' if a bridge
 *	above was disabled already.  What its IOMMU was told: 'b' block DMA,
 *	'i' let DMA pass
 * @when: for each of @events, a number that is higher the later it was,
 *	whatever function it was about
 */
struct pci_kunit_fn {
	struct list_head node;
	struct pci_kunit_host *host;
	struct pci_kunit_fn *bridge;
	struct pci_kunit_fn *pf;
	unsigned int devfn;

	u8 cfg[PCI_CFG_SPACE_EXP_SIZE];
	u8 dflt[PCI_CFG_SPACE_EXP_SIZE];
	u8 wmask[PCI_CFG_SPACE_EXP_SIZE];
	u16 last_cap, end_cap;
	u16 last_ext_cap, end_ext_cap;
	u16 pcie, af, pm, sriov, doe;
	unsigned int doe_read;

	bool mute;
	bool gone;
	bool hung;
	unsigned int not_ready_ms;
	unsigned long ready_at;
	void (*on_reset)(struct pci_kunit_fn *fn, enum pci_kunit_reset how);
	void *priv;

	unsigned int resets[PCI_KUNIT_RESETS];
	unsigned int nr_writes;
	struct pci_kunit_write writes[PCI_KUNIT_WRITES];
	char events[32];
	unsigned int when[32];
};

/**
 * typedef pci_kunit_hook_t - what a test does in the middle of a link reset
 * @bridge: the bridge whose secondary bus is reset
 * @data: the test's
 *
 * Context: the task that resets, with the locks it has taken.  May sleep.
 */
typedef void (*pci_kunit_hook_t)(struct pci_dev *bridge, void *data);

/**
 * struct pci_kunit_slot - a hotplug slot below a bridge
 * @hotplug: what the PCI core knows of it
 * @hook: called before the link is reset, or %NULL
 * @data: for @hook
 * @error: if not 0, what a reset of the slot returns; it resets nothing then
 * @resets: how often the slot was reset, or was meant to be
 */
struct pci_kunit_slot {
	struct hotplug_slot hotplug;
	pci_kunit_hook_t hook;
	void *data;
	int error;
	unsigned int resets;
};

/**
 * struct pci_kunit_task - another task, for what one task cannot do alone
 * @fn: what the task runs
 * @data: for @fn
 * @done: completed when @fn has returned
 */
struct pci_kunit_task {
	void (*fn)(void *data);
	void *data;
	struct completion done;
};

struct pci_kunit_host *pci_kunit_alloc_host(struct kunit *test);
void pci_kunit_start_host(struct kunit *test, struct pci_kunit_host *host);

struct pci_kunit_fn *pci_kunit_add_bridge(struct kunit *test,
					  struct pci_kunit_host *host,
					  struct pci_kunit_fn *bridge,
					  unsigned int devfn, u16 type);
struct pci_kunit_fn *pci_kunit_add_endpoint(struct kunit *test,
					    struct pci_kunit_host *host,
					    struct pci_kunit_fn *bridge,
					    unsigned int devfn);
struct pci_kunit_fn *pci_kunit_add_vf(struct kunit *test,
				      struct pci_kunit_fn *pf,
				      unsigned int devfn);

/**
 * pci_kunit_add_port - add a Root Port to the root bus
 * @test: the test
 * @host: the host bridge
 * @devfn: where on the root bus
 *
 * Return: the new function.
 */
static inline struct pci_kunit_fn *
pci_kunit_add_port(struct kunit *test, struct pci_kunit_host *host,
		   unsigned int devfn)
{
	return pci_kunit_add_bridge(test, host, NULL, devfn,
				    PCI_EXP_TYPE_ROOT_PORT);
}

u16 pci_kunit_add_cap(struct pci_kunit_fn *fn, u8 id, u8 size);
u16 pci_kunit_add_ext_cap(struct pci_kunit_fn *fn, u16 id, u8 version,
			  u16 size);
void pci_kunit_add_flr(struct pci_kunit_fn *fn);
void pci_kunit_add_af_flr(struct pci_kunit_fn *fn);
void pci_kunit_add_pm_reset(struct pci_kunit_fn *fn);
void pci_kunit_add_ats(struct pci_kunit_fn *fn);
void pci_kunit_add_doe(struct pci_kunit_fn *fn);
void pci_kunit_add_sriov(struct kunit *test, struct pci_kunit_fn *pf,
			 u16 total, u16 offset, u16 stride);

u32 pci_kunit_read(const struct pci_kunit_fn *fn, int where, int size);
void pci_kunit_define(struct pci_kunit_fn *fn, int where, int size, u32 val,
		      u32 wmask);
void pci_kunit_forget_writes(struct pci_kunit_fn *fn);
void pci_kunit_event(struct pci_kunit_fn *fn, const char *event);
unsigned int pci_kunit_when(const struct pci_kunit_fn *fn, char event);
void pci_kunit_expect_no_writes(struct kunit *test, struct pci_kunit_fn *fn);

struct pci_dev *pci_kunit_dev(struct kunit *test, struct pci_kunit_fn *fn);
struct pci_dev *pci_kunit_plug(struct pci_kunit_fn *fn);
int pci_kunit_set_vfs(struct pci_dev *pdev, int nr);

void pci_kunit_during_bus_reset(struct pci_kunit_host *host,
				pci_kunit_hook_t hook, void *data);
struct pci_kunit_slot *pci_kunit_add_slot(struct kunit *test,
					  struct pci_dev *bridge);

void pci_kunit_add_iommu(struct kunit *test, struct pci_kunit_host *host);
void pci_kunit_attach_iommu(struct kunit *test, struct pci_dev *pdev);

void pci_kunit_add_driver(struct kunit *test);
struct pci_kunit_task *pci_kunit_run(struct kunit *test,
				     void (*fn)(void *data), void *data);
bool pci_kunit_wait(struct pci_kunit_task *task, unsigned int ms);

#ifdef PCI_DEV_GATED
#include <linux/pci-recovery.h>

/*
 * As pci_recover_function(), but by the core's own resets: a platform that has
 * one of its own can't do that to a function that is made of memory.
 */
static inline int pci_kunit_recover(struct pci_dev *pdev)
{
	const struct pci_recovery_domain domain = {
		.dev = pdev, .mask = PCI_RESET_ANY,
	};

	return pci_recover_domain(&domain);
}
#endif

#endif /* DRIVERS_PCI_TESTS_PCI_KUNIT_HELPERS_H */
