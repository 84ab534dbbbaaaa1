// SPDX-License-Identifier: GPL-2.0
/*
 * A PCI host bridge made of memory, for KUnit
 *
 * What is modelled: config space with its write masks, lists of capabilities,
 * secondary buses, the resets of enum pci_kunit_reset, which put a function's
 * registers back to what the test defined, functions that do not answer, and
 * an IOMMU that either blocks DMA or does not.  There is no memory behind BARs
 * and there are no interrupts.
 */
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/pci.h>
#include <linux/pci_hotplug.h>
#include <linux/pci_regs.h>
#include <linux/property.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "../pci.h"
#include "pci_kunit_helpers.h"

#define PCI_KUNIT_CLASS_ENDPOINT	(PCI_CLASS_OTHERS << 16)
#define PCI_KUNIT_CLASS_BRIDGE		(PCI_CLASS_BRIDGE_PCI << 16)

/*
 * bus->sysdata is the architecture's.  Where it is cast to a type, struct
 * pci_kunit_arch is that type, with as little in it as the callbacks of the
 * architecture (pcibios_*() and the like) can do with.
 */
#if defined(CONFIG_X86)
struct pci_kunit_arch {
	struct pci_sysdata sysdata;
};
#elif defined(CONFIG_S390)
struct pci_kunit_arch {
	struct zpci_bus sysdata;
};
#elif defined(CONFIG_PPC64)
struct pci_kunit_arch {
	struct pci_controller sysdata;
	struct pci_dn pdn;
	u64 phb[SZ_1K / sizeof(u64)];
};
#else
struct pci_kunit_arch {
	char sysdata;
};
#endif

/**
 * struct pci_kunit_host - the host bridge
 * @bridge: the PCI core's side of it, whose private data this is
 * @arch: what bus->sysdata points to
 * @lock: protects @fns and all that is in them
 * @fns: the functions behind the bridge, present or not
 * @busn: bus numbers
 * @mem: memory window
 * @iommu: the IOMMU if the test has added one
 * @hook: called in the middle of a secondary bus reset, or %NULL
 * @data: for @hook
 */
struct pci_kunit_host {
	struct pci_host_bridge *bridge;
	struct pci_kunit_arch arch;
	raw_spinlock_t lock;
	struct list_head fns;
	struct resource busn;
	struct resource mem;
#ifdef CONFIG_IOMMU_API
	struct iommu_device iommu;
#endif
	pci_kunit_hook_t hook;
	void *data;
};

static struct pci_kunit_host *pci_kunit_host(struct pci_bus *bus)
{
	return pci_host_bridge_priv(pci_find_host_bridge(bus));
}

/* Registers */

/**
 * pci_kunit_read - look into the config space of a function
 * @fn: the function
 * @where: offset
 * @size: 1, 2 or 4 bytes
 *
 * Unlike a config read this sees the registers of a function that does not
 * answer, too.
 *
 * Return: the value.
 */
u32 pci_kunit_read(const struct pci_kunit_fn *fn, int where, int size)
{
	u32 val = 0;

	for (int i = 0; i < size; i++)
		val |= (u32)fn->cfg[where + i] << (8 * i);

	return val;
}

/**
 * pci_kunit_define - define a register
 * @fn: the function
 * @where: offset
 * @size: 1, 2 or 4 bytes
 * @val: the value it has now and after a reset
 * @wmask: the bits of it that can be written
 */
void pci_kunit_define(struct pci_kunit_fn *fn, int where, int size, u32 val,
		      u32 wmask)
{
	for (int i = 0; i < size; i++) {
		fn->cfg[where + i] = val >> (8 * i);
		fn->dflt[where + i] = val >> (8 * i);
		fn->wmask[where + i] = wmask >> (8 * i);
	}
}

static void pci_kunit_write_masked(struct pci_kunit_fn *fn, int where,
				   int size, u32 val)
{
	for (int i = 0; i < size; i++) {
		u8 mask = fn->wmask[where + i];
		u8 byte = val >> (8 * i);

		fn->cfg[where + i] &= ~mask;
		fn->cfg[where + i] |= byte & mask;
	}
}

static bool pci_kunit_is_bridge(const struct pci_kunit_fn *fn)
{
	return (fn->cfg[PCI_HEADER_TYPE] & PCI_HEADER_TYPE_MASK) ==
	       PCI_HEADER_TYPE_BRIDGE;
}

static u8 pci_kunit_busnr(const struct pci_kunit_fn *fn)
{
	u8 busnr = fn->bridge ? fn->bridge->cfg[PCI_SECONDARY_BUS] :
				PCI_KUNIT_BUS;

	return busnr + (fn->devfn >> 8);
}

static bool pci_kunit_vf_enabled(const struct pci_kunit_fn *pf)
{
	return pf->cfg[pf->sriov + PCI_SRIOV_CTRL] & PCI_SRIOV_CTRL_VFE;
}

/* Does a config access for this function get there? */
static bool pci_kunit_answers(const struct pci_kunit_fn *fn)
{
	if (fn->gone || fn->hung || time_before(jiffies, fn->ready_at))
		return false;

	if (fn->pf && !(pci_kunit_answers(fn->pf) &&
			pci_kunit_vf_enabled(fn->pf)))
		return false;

	return !fn->bridge || pci_kunit_answers(fn->bridge);
}

/* Resets */

static void pci_kunit_reset_bus(struct pci_kunit_fn *bridge);

static void pci_kunit_reset_fn(struct pci_kunit_fn *fn,
			       enum pci_kunit_reset how)
{
	struct pci_kunit_fn *vf;

	if (fn->on_reset)
		fn->on_reset(fn, how);

	fn->resets[how]++;
	if (how == PCI_KUNIT_HOT)
		fn->hung = false;
	if (pci_kunit_is_bridge(fn))
		pci_kunit_reset_bus(fn);

	memcpy(fn->cfg, fn->dflt, sizeof(fn->cfg));
	fn->ready_at = jiffies + msecs_to_jiffies(fn->not_ready_ms);

	/* VFs lose their state along with their PF */
	list_for_each_entry(vf, &fn->host->fns, node)
		if (vf->pf == fn)
			memcpy(vf->cfg, vf->dflt, sizeof(vf->cfg));
}

static void pci_kunit_reset_bus(struct pci_kunit_fn *bridge)
{
	struct pci_kunit_fn *fn;

	list_for_each_entry(fn, &bridge->host->fns, node)
		if (fn->bridge == bridge && !fn->gone && !fn->pf)
			pci_kunit_reset_fn(fn, PCI_KUNIT_HOT);
}

/* In D3hot, and D0 will reset it */
static bool pci_kunit_in_d3(const struct pci_kunit_fn *fn)
{
	u32 csr = pci_kunit_read(fn, fn->pm + PCI_PM_CTRL, 2);

	return !(csr & PCI_PM_CTRL_NO_SOFT_RESET) &&
	       (csr & PCI_PM_CTRL_STATE_MASK) == (__force u32)PCI_D3hot;
}

static bool pci_kunit_in_bus_reset(const struct pci_kunit_fn *fn)
{
	return pci_kunit_is_bridge(fn) &&
	       fn->cfg[PCI_BRIDGE_CONTROL] & PCI_BRIDGE_CTL_BUS_RESET;
}

/* The response to whatever is asked: there is DOE Discovery, and no more */
static const u32 pci_kunit_doe_response[] = { PCI_VENDOR_ID_PCI_SIG, 3,
					      PCI_VENDOR_ID_PCI_SIG };

static void pci_kunit_doe_respond(struct pci_kunit_fn *fn, unsigned int read)
{
	bool ready = read < ARRAY_SIZE(pci_kunit_doe_response);
	u32 status = ready ? PCI_DOE_STATUS_DATA_OBJECT_READY : 0;

	fn->doe_read = read;
	put_unaligned_le32(status, &fn->cfg[fn->doe + PCI_DOE_STATUS]);
	put_unaligned_le32(ready ? pci_kunit_doe_response[read] : 0,
			   &fn->cfg[fn->doe + PCI_DOE_READ]);
}

static void pci_kunit_write_doe(struct pci_kunit_fn *fn, int where, u32 val)
{
	if (where == fn->doe + PCI_DOE_CTRL && val & PCI_DOE_CTRL_ABORT)
		pci_kunit_doe_respond(fn, UINT_MAX);
	else if (where == fn->doe + PCI_DOE_CTRL && val & PCI_DOE_CTRL_GO)
		pci_kunit_doe_respond(fn, fn->mute ? UINT_MAX : 0);
	else if (where == fn->doe + PCI_DOE_READ)
		pci_kunit_doe_respond(fn, fn->doe_read + 1);
}

/* Does what the hardware does when its registers are written */
static void pci_kunit_write(struct pci_kunit_fn *fn, int where, int size,
			    u32 val)
{
	bool was_in_bus_reset = pci_kunit_in_bus_reset(fn);
	bool was_in_d3 = pci_kunit_in_d3(fn);

	pci_kunit_write_masked(fn, where, size, val);

	if (pci_kunit_read(fn, fn->pcie + PCI_EXP_DEVCTL, 2) &
	    PCI_EXP_DEVCTL_BCR_FLR)
		pci_kunit_reset_fn(fn, PCI_KUNIT_FLR);

	if (fn->af && fn->cfg[fn->af + PCI_AF_CTRL] & PCI_AF_CTRL_FLR)
		pci_kunit_reset_fn(fn, PCI_KUNIT_AF_FLR);

	if (was_in_d3 && !pci_kunit_in_d3(fn))
		pci_kunit_reset_fn(fn, PCI_KUNIT_PM);

	if (!was_in_bus_reset && pci_kunit_in_bus_reset(fn))
		pci_kunit_reset_bus(fn);

	if (fn->doe)
		pci_kunit_write_doe(fn, where, val);
}

/* Config accessors */

static struct pci_kunit_fn *pci_kunit_find(struct pci_kunit_host *host,
					   u8 busnr, unsigned int devfn)
{
	struct pci_kunit_fn *fn;

	list_for_each_entry(fn, &host->fns, node)
		if (pci_kunit_busnr(fn) == busnr && (u8)fn->devfn == devfn)
			return fn;

	return NULL;
}

static int pci_kunit_cfg_read(struct pci_bus *bus, unsigned int devfn,
			      int where, int size, u32 *val)
{
	struct pci_kunit_host *host = pci_kunit_host(bus);
	struct pci_kunit_fn *fn;

	guard(raw_spinlock_irqsave)(&host->lock);

	fn = pci_kunit_find(host, bus->number, devfn);
	if (!fn || !pci_kunit_answers(fn)) {
		PCI_SET_ERROR_RESPONSE(val);
		return PCIBIOS_DEVICE_NOT_FOUND;
	}

	*val = pci_kunit_read(fn, where, size);
	return PCIBIOS_SUCCESSFUL;
}

static int pci_kunit_cfg_write(struct pci_bus *bus, unsigned int devfn,
			       int where, int size, u32 val)
{
	struct pci_kunit_host *host = pci_kunit_host(bus);
	struct pci_kunit_fn *fn;

	guard(raw_spinlock_irqsave)(&host->lock);

	fn = pci_kunit_find(host, bus->number, devfn);
	if (!fn || !pci_kunit_answers(fn))
		return PCIBIOS_DEVICE_NOT_FOUND;

	if (fn->nr_writes < PCI_KUNIT_WRITES)
		fn->writes[fn->nr_writes] = (struct pci_kunit_write) {
			.where = where, .size = size, .val = val,
		};
	fn->nr_writes++;

	pci_kunit_write(fn, where, size, val);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops pci_kunit_ops = {
	.read = pci_kunit_cfg_read,
	.write = pci_kunit_cfg_write,
};

/**
 * pci_kunit_forget_writes - start counting the config writes anew
 * @fn: the function
 */
void pci_kunit_forget_writes(struct pci_kunit_fn *fn)
{
	guard(raw_spinlock_irqsave)(&fn->host->lock);

	fn->nr_writes = 0;
}

/**
 * pci_kunit_expect_no_writes - fail if config writes reached a function
 * @test: the test
 * @fn: the function, whose writes are printed
 */
void pci_kunit_expect_no_writes(struct kunit *test, struct pci_kunit_fn *fn)
{
	unsigned int nr = fn->nr_writes;

	KUNIT_EXPECT_EQ_MSG(test, 0, nr, "config writes reached %02x.%x",
			    PCI_SLOT(fn->devfn), PCI_FUNC(fn->devfn));

	for (int i = 0; i < min(nr, PCI_KUNIT_WRITES); i++)
		kunit_info(test, "%#05x <- %#0*x\n", fn->writes[i].where,
			   2 + 2 * fn->writes[i].size, fn->writes[i].val);
}

/* The host bridge */

/* Stands in for pci_reset_secondary_bus() where a test has set a hook */
static void pci_kunit_reset_secondary_bus(struct pci_dev *bridge)
{
	struct pci_kunit_host *host = pci_kunit_host(bridge->bus);

	if (host->hook)
		host->hook(bridge, host->data);

	pci_reset_secondary_bus(bridge);
}

static int __maybe_unused
pci_kunit_reset_root_port(struct pci_host_bridge *bridge, struct pci_dev *port)
{
	pci_kunit_reset_secondary_bus(port);
	return 0;
}

#if defined(CONFIG_X86)

static int pci_kunit_init_arch(struct pci_kunit_host *host)
{
	host->arch.sysdata.domain = PCI_KUNIT_DOMAIN;
	host->arch.sysdata.node = NUMA_NO_NODE;
	return 0;
}

#elif defined(CONFIG_S390)

static int pci_kunit_init_arch(struct pci_kunit_host *host)
{
	host->arch.sysdata.domain_nr = PCI_KUNIT_DOMAIN;
	return 0;
}

/*
 * to_zpci() finds the zPCI function by devfn alone, so functions that have
 * the same one on different buses share it.
 */
static int pci_kunit_add_arch_fn(struct pci_kunit_host *host,
				 unsigned int devfn)
{
	struct zpci_bus *zbus = &host->arch.sysdata;
	struct zpci_dev *zdev;

	if (zbus->function[devfn])
		return 0;

	zdev = kzalloc_obj(*zdev);
	if (!zdev)
		return -ENOMEM;

	kref_init(&zdev->kref);
	mutex_init(&zdev->state_lock);
	mutex_init(&zdev->fmb_lock);
	mutex_init(&zdev->kzdev_lock);
	mutex_init(&zdev->pending_errs_lock);
	spin_lock_init(&zdev->dom_lock);
	zdev->zbus = zbus;
	zdev->devfn = devfn;
	zdev->state = ZPCI_FN_STATE_CONFIGURED;

	/*
	 * No measurements, for there is no function to measure.  A DMA range
	 * that ends before it starts keeps the IOMMU driver away.
	 */
	zdev->fmb_length = U16_MAX;
	zdev->start_dma = U64_MAX;
	zdev->end_dma = U32_MAX;

	zbus->function[devfn] = zdev;
	return 0;
}

static void pci_kunit_exit_arch(struct pci_kunit_host *host)
{
	for (int i = 0; i < ZPCI_FUNCTIONS_PER_BUS; i++)
		kfree(host->arch.sysdata.function[i]);
}

#elif defined(CONFIG_PPC64)

/* EEH asks for what firmware says of a device: nothing, leave it alone */
static void pci_kunit_dma_dev_setup(struct pci_dev *pdev)
{
	pdev->dev.archdata.pci_data = &pci_kunit_host(pdev->bus)->arch.pdn;
}

static int pci_kunit_init_arch(struct pci_kunit_host *host)
{
	struct pci_controller *hose = &host->arch.sysdata;

	hose->global_number = PCI_KUNIT_DOMAIN;
	hose->first_busno = PCI_KUNIT_BUS;
	hose->last_busno = PCI_KUNIT_LAST_BUS;
	hose->ops = &pci_kunit_ops;
	hose->controller_ops.reset_secondary_bus =
					pci_kunit_reset_secondary_bus;
	hose->controller_ops.dma_dev_setup = pci_kunit_dma_dev_setup;
	PHB_SET_NODE(hose, NUMA_NO_NODE);
	host->arch.pdn.phb = hose;

	/*
	 * powernv has a struct of its own behind this pointer, and header
	 * fixups that look into it for the type of the bridge.  With all of
	 * it 0 that is not one that they care about.
	 */
	hose->private_data = host->arch.phb;

	/*
	 * The IOMMU driver takes every PHB for one of its own.  It lets go of
	 * a device that it can't find a group for, but links it to its IOMMU
	 * in sysfs first.
	 */
	if (!IS_ENABLED(CONFIG_IOMMU_API))
		return 0;
	return iommu_device_sysfs_add(&hose->iommu, NULL, NULL,
				      "pci_kunit_phb");
}

static void pci_kunit_exit_arch(struct pci_kunit_host *host)
{
	if (IS_ENABLED(CONFIG_IOMMU_API))
		iommu_device_sysfs_remove(&host->arch.sysdata.iommu);
}

#else

static int pci_kunit_init_arch(struct pci_kunit_host *host)
{
	return 0;
}

#endif

#if !defined(CONFIG_S390)
static int pci_kunit_add_arch_fn(struct pci_kunit_host *host,
				 unsigned int devfn)
{
	return 0;
}
#endif

#if !defined(CONFIG_S390) && !defined(CONFIG_PPC64)
static void pci_kunit_exit_arch(struct pci_kunit_host *host)
{
}
#endif

/* Called with the last reference to the host bridge, its buses and devices */
static void pci_kunit_release_host(struct pci_host_bridge *bridge)
{
	pci_kunit_exit_arch(pci_host_bridge_priv(bridge));
}

static void pci_kunit_put_host(void *data)
{
	struct pci_kunit_host *host = data;

	pci_free_host_bridge(host->bridge);
}

/**
 * pci_kunit_alloc_host - allocate a host bridge with nothing behind it
 * @test: the test
 *
 * Return: the host bridge, freed when the test ends.
 */
struct pci_kunit_host *pci_kunit_alloc_host(struct kunit *test)
{
	struct pci_host_bridge *bridge;
	struct pci_kunit_host *host;
	int ret;

	bridge = pci_alloc_host_bridge(sizeof(*host));
	KUNIT_ASSERT_NOT_NULL(test, bridge);

	host = pci_host_bridge_priv(bridge);
	host->bridge = bridge;
	raw_spin_lock_init(&host->lock);
	INIT_LIST_HEAD(&host->fns);
	ret = pci_kunit_init_arch(host);
	if (ret)
		pci_free_host_bridge(bridge);
	KUNIT_ASSERT_EQ(test, 0, ret);

	pci_set_host_bridge_release(bridge, pci_kunit_release_host, NULL);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   pci_kunit_put_host,
							   host));

	return host;
}

/* The device on a bus that was added last, with a reference */
static struct pci_dev *pci_kunit_last_dev(struct pci_bus *bus)
{
	guard(rwsem_read)(&pci_bus_sem);

	if (list_empty(&bus->devices))
		return NULL;
	return pci_dev_get(list_last_entry(&bus->devices, struct pci_dev,
					   bus_list));
}

static void pci_kunit_stop_host(void *data)
{
	struct pci_kunit_host *host = data;
	struct pci_dev *pdev;

	/* With their drivers, which are not called under the lock */
	while ((pdev = pci_kunit_last_dev(host->bridge->bus))) {
		pci_stop_and_remove_bus_device_locked(pdev);
		pci_dev_put(pdev);
	}

	pci_lock_rescan_remove();
	pci_stop_root_bus(host->bridge->bus);
	pci_remove_root_bus(host->bridge->bus);
	pci_unlock_rescan_remove();
}

/**
 * pci_kunit_start_host - let the PCI core find the functions
 * @test: the test
 * @host: the host bridge, removed when the test ends
 */
void pci_kunit_start_host(struct kunit *test, struct pci_kunit_host *host)
{
	struct pci_host_bridge *bridge = host->bridge;

	host->busn = DEFINE_RES_NAMED(PCI_KUNIT_BUS, PCI_KUNIT_LAST_BUS -
				      PCI_KUNIT_BUS + 1, "pci_kunit buses",
				      IORESOURCE_BUS);
	host->mem = DEFINE_RES_MEM_NAMED(0xd0000000, SZ_16M, "pci_kunit mem");
	pci_add_resource(&bridge->windows, &host->busn);
	pci_add_resource(&bridge->windows, &host->mem);

#ifdef CONFIG_PCI_DOMAINS_GENERIC
	bridge->domain_nr = PCI_KUNIT_DOMAIN;
#endif
	bridge->sysdata = &host->arch.sysdata;
	bridge->busnr = PCI_KUNIT_BUS;
	bridge->ops = &pci_kunit_ops;

	KUNIT_ASSERT_EQ(test, 0, pci_host_probe(bridge));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   pci_kunit_stop_host,
							   host));
}

/**
 * pci_kunit_during_bus_reset - do something in the middle of a bus reset
 * @host: the host bridge
 * @hook: called when the secondary bus of a Root Port is to be reset
 * @data: for @hook
 */
void pci_kunit_during_bus_reset(struct pci_kunit_host *host,
				pci_kunit_hook_t hook, void *data)
{
	host->hook = hook;
	host->data = data;
#ifndef CONFIG_PPC64
	host->bridge->reset_root_port = pci_kunit_reset_root_port;
#endif
}

/* Functions */

/**
 * pci_kunit_add_cap - add a capability to the list of a function
 * @fn: the function
 * @id: PCI_CAP_ID_*
 * @size: of the capability in bytes, with its header
 *
 * Return: its offset.
 */
u16 pci_kunit_add_cap(struct pci_kunit_fn *fn, u8 id, u8 size)
{
	u16 pos = fn->end_cap;

	fn->end_cap = ALIGN(pos + size, 4);
	if (fn->last_cap)
		pci_kunit_define(fn, fn->last_cap + PCI_CAP_LIST_NEXT, 1, pos,
				 0);
	else
		pci_kunit_define(fn, PCI_CAPABILITY_LIST, 1, pos, 0);
	fn->last_cap = pos;

	pci_kunit_define(fn, pos + PCI_CAP_LIST_ID, 1, id, 0);
	return pos;
}

/**
 * pci_kunit_add_ext_cap - add an extended capability to the list of a function
 * @fn: the function
 * @id: PCI_EXT_CAP_ID_*
 * @version: of the capability
 * @size: of the capability in bytes, with its header
 *
 * Return: its offset.
 */
u16 pci_kunit_add_ext_cap(struct pci_kunit_fn *fn, u16 id, u8 version, u16 size)
{
	u16 pos = fn->end_ext_cap;
	u32 header;

	fn->end_ext_cap = ALIGN(pos + size, 4);
	if (fn->last_ext_cap) {
		header = pci_kunit_read(fn, fn->last_ext_cap, 4);
		pci_kunit_define(fn, fn->last_ext_cap, 4, header | pos << 20,
				 0);
	}
	fn->last_ext_cap = pos;

	pci_kunit_define(fn, pos, 4, id | version << 16, 0);
	return pos;
}

static void pci_kunit_add_pcie(struct pci_kunit_fn *fn, u16 type)
{
	u16 pos = pci_kunit_add_cap(fn, PCI_CAP_ID_EXP, 0x3c);

	fn->pcie = pos;
	pci_kunit_define(fn, pos + PCI_EXP_FLAGS, 2, 2 | type << 4, 0);
	pci_kunit_define(fn, pos + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER, 0);
	pci_kunit_define(fn, pos + PCI_EXP_DEVCTL, 2, 0,
			 U16_MAX & ~PCI_EXP_DEVCTL_BCR_FLR);
	pci_kunit_define(fn, pos + PCI_EXP_LNKCAP, 4,
			 PCI_EXP_LNKCAP_SLS_2_5GB | 1 << 4, 0);
	pci_kunit_define(fn, pos + PCI_EXP_LNKCTL, 2, 0, U16_MAX);
	pci_kunit_define(fn, pos + PCI_EXP_LNKSTA, 2,
			 PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1, 0);
	pci_kunit_define(fn, pos + PCI_EXP_DEVCTL2, 2, 0, U16_MAX);
}

/* Power management that does not reset the function */
static void pci_kunit_add_pm(struct pci_kunit_fn *fn)
{
	u16 pos = pci_kunit_add_cap(fn, PCI_CAP_ID_PM, PCI_PM_SIZEOF);

	fn->pm = pos;
	pci_kunit_define(fn, pos + PCI_PM_PMC, 2, 3, 0);
	pci_kunit_define(fn, pos + PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET,
			 PCI_PM_CTRL_STATE_MASK);
}

/* Functions of one device say that they are not alone */
static void pci_kunit_mark_multifunction(struct pci_kunit_fn *fn,
					 struct pci_kunit_fn *other)
{
	u8 type;

	if (other == fn || other->pf || other->bridge != fn->bridge ||
	    PCI_SLOT(other->devfn) != PCI_SLOT(fn->devfn))
		return;

	type = fn->cfg[PCI_HEADER_TYPE] | PCI_HEADER_TYPE_MFD;
	pci_kunit_define(fn, PCI_HEADER_TYPE, 1, type, 0);
	type = other->cfg[PCI_HEADER_TYPE] | PCI_HEADER_TYPE_MFD;
	pci_kunit_define(other, PCI_HEADER_TYPE, 1, type, 0);
}

static struct pci_kunit_fn *pci_kunit_alloc_fn(struct kunit *test,
					       struct pci_kunit_host *host,
					       struct pci_kunit_fn *bridge,
					       unsigned int devfn, u16 id)
{
	struct pci_kunit_fn *fn = kunit_kzalloc(test, sizeof(*fn), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fn);
	KUNIT_ASSERT_EQ(test, 0, pci_kunit_add_arch_fn(host, devfn));

	fn->host = host;
	fn->bridge = bridge;
	fn->devfn = devfn;
	fn->end_cap = PCI_STD_HEADER_SIZEOF;
	fn->end_ext_cap = PCI_CFG_SPACE_SIZE;
	fn->ready_at = jiffies;

	pci_kunit_define(fn, PCI_VENDOR_ID, 2, PCI_KUNIT_VENDOR_ID, 0);
	pci_kunit_define(fn, PCI_DEVICE_ID, 2, id, 0);
	pci_kunit_define(fn, PCI_COMMAND, 2, 0,
			 PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
			 PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
			 PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
	pci_kunit_define(fn, PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0);
	pci_kunit_define(fn, PCI_CACHE_LINE_SIZE, 1, 0, U8_MAX);
	pci_kunit_define(fn, PCI_INTERRUPT_LINE, 1, 0, U8_MAX);

	return fn;
}

static void pci_kunit_add_fn(struct pci_kunit_fn *fn)
{
	struct pci_kunit_fn *other;

	guard(raw_spinlock_irqsave)(&fn->host->lock);

	list_add_tail(&fn->node, &fn->host->fns);
	if (!fn->pf)
		list_for_each_entry(other, &fn->host->fns, node)
			pci_kunit_mark_multifunction(fn, other);
}

/**
 * pci_kunit_add_bridge - add a PCIe bridge
 * @test: the test
 * @host: the host bridge
 * @bridge: the bridge above it, %NULL for the root bus
 * @devfn: where on the bus
 * @type: PCI_EXP_TYPE_ROOT_PORT, _UPSTREAM or _DOWNSTREAM
 *
 * Return: the new function.
 */
struct pci_kunit_fn *pci_kunit_add_bridge(struct kunit *test,
					  struct pci_kunit_host *host,
					  struct pci_kunit_fn *bridge,
					  unsigned int devfn, u16 type)
{
	struct pci_kunit_fn *fn = pci_kunit_alloc_fn(test, host, bridge, devfn,
						     PCI_KUNIT_BRIDGE_ID);

	pci_kunit_define(fn, PCI_CLASS_REVISION, 4, PCI_KUNIT_CLASS_BRIDGE, 0);
	pci_kunit_define(fn, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE, 0);
	pci_kunit_define(fn, PCI_PRIMARY_BUS, 3, 0, 0xffffff);
	pci_kunit_define(fn, PCI_MEMORY_BASE, 4, 0, 0xfff0fff0);
	pci_kunit_define(fn, PCI_BRIDGE_CONTROL, 2, 0,
			 PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR |
			 PCI_BRIDGE_CTL_BUS_RESET);
	pci_kunit_add_pm(fn);
	pci_kunit_add_pcie(fn, type);
	pci_kunit_add_fn(fn);
	return fn;
}

/**
 * pci_kunit_add_endpoint - add a PCIe endpoint that cannot reset itself
 * @test: the test
 * @host: the host bridge
 * @bridge: the bridge above it, %NULL for the root bus
 * @devfn: where on the bus
 *
 * Return: the new function.
 */
struct pci_kunit_fn *pci_kunit_add_endpoint(struct kunit *test,
					    struct pci_kunit_host *host,
					    struct pci_kunit_fn *bridge,
					    unsigned int devfn)
{
	struct pci_kunit_fn *fn = pci_kunit_alloc_fn(test, host, bridge, devfn,
						     PCI_KUNIT_ENDPOINT_ID);

	pci_kunit_define(fn, PCI_CLASS_REVISION, 4, PCI_KUNIT_CLASS_ENDPOINT,
			 0);
	pci_kunit_add_pm(fn);
	pci_kunit_add_pcie(fn, PCI_EXP_TYPE_ENDPOINT);
	pci_kunit_add_fn(fn);
	return fn;
}

/**
 * pci_kunit_add_vf - add a VF
 * @test: the test
 * @pf: its Physical Function
 * @devfn: where on the bus of the Physical Function
 *
 * The VF is there while VF Enable is set in the PF.
 *
 * Return: the new function.
 */
struct pci_kunit_fn *pci_kunit_add_vf(struct kunit *test,
				      struct pci_kunit_fn *pf,
				      unsigned int devfn)
{
	struct pci_kunit_fn *fn = pci_kunit_alloc_fn(test, pf->host,
						     pf->bridge, devfn, 0);

	fn->pf = pf;
	pci_kunit_define(fn, PCI_VENDOR_ID, 4, U32_MAX, 0);
	pci_kunit_define(fn, PCI_CLASS_REVISION, 4, PCI_KUNIT_CLASS_ENDPOINT,
			 0);
	pci_kunit_add_pm(fn);
	pci_kunit_add_pcie(fn, PCI_EXP_TYPE_ENDPOINT);
	pci_kunit_add_fn(fn);
	return fn;
}

/**
 * pci_kunit_add_flr - make a function capable of FLR
 * @fn: the function
 */
void pci_kunit_add_flr(struct pci_kunit_fn *fn)
{
	pci_kunit_define(fn, fn->pcie + PCI_EXP_DEVCAP, 4,
			 PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR, 0);
	pci_kunit_define(fn, fn->pcie + PCI_EXP_DEVCTL, 2, 0, U16_MAX);
}

/**
 * pci_kunit_add_af_flr - make a function capable of FLR in the way of PCI
 * @fn: the function
 */
void pci_kunit_add_af_flr(struct pci_kunit_fn *fn)
{
	fn->af = pci_kunit_add_cap(fn, PCI_CAP_ID_AF, PCI_CAP_AF_SIZEOF);
	pci_kunit_define(fn, fn->af + PCI_AF_LENGTH, 1, PCI_CAP_AF_SIZEOF, 0);
	pci_kunit_define(fn, fn->af + PCI_AF_CAP, 1,
			 PCI_AF_CAP_TP | PCI_AF_CAP_FLR, 0);
	pci_kunit_define(fn, fn->af + PCI_AF_CTRL, 1, 0, PCI_AF_CTRL_FLR);
}

/**
 * pci_kunit_add_pm_reset - make D3hot to D0 reset a function
 * @fn: the function
 */
void pci_kunit_add_pm_reset(struct pci_kunit_fn *fn)
{
	pci_kunit_define(fn, fn->pm + PCI_PM_CTRL, 2, 0,
			 PCI_PM_CTRL_STATE_MASK);
}

/**
 * pci_kunit_add_ats - make a function capable of ATS
 * @fn: the function
 */
void pci_kunit_add_ats(struct pci_kunit_fn *fn)
{
	u16 pos = pci_kunit_add_ext_cap(fn, PCI_EXT_CAP_ID_ATS, 1,
					PCI_EXT_CAP_ATS_SIZEOF);

	pci_kunit_define(fn, pos + PCI_ATS_CTRL, 2, 0,
			 PCI_ATS_CTRL_ENABLE | PCI_ATS_CTRL_STU(0x1f));
}

/**
 * pci_kunit_add_doe - give a function a DOE mailbox
 * @fn: the function
 */
void pci_kunit_add_doe(struct pci_kunit_fn *fn)
{
	fn->doe = pci_kunit_add_ext_cap(fn, PCI_EXT_CAP_ID_DOE, 1,
					PCI_DOE_CAP_SIZEOF);
}

/**
 * pci_kunit_add_sriov - make a function a PF
 * @test: the test, skipped where VFs are not created by the kernel
 * @pf: the function
 * @total: how many VFs it has
 * @offset: First VF Offset
 * @stride: VF Stride
 */
void pci_kunit_add_sriov(struct kunit *test, struct pci_kunit_fn *pf,
			 u16 total, u16 offset, u16 stride)
{
	u16 pos;

	if (!IS_ENABLED(CONFIG_PCI_IOV))
		kunit_skip(test, "needs CONFIG_PCI_IOV");
	if (IS_ENABLED(CONFIG_S390) || IS_ENABLED(CONFIG_PPC64))
		kunit_skip(test, "VFs need the platform's firmware");

	pos = pci_kunit_add_ext_cap(pf, PCI_EXT_CAP_ID_SRIOV, 1,
				    PCI_EXT_CAP_SRIOV_SIZEOF);
	pf->sriov = pos;
	pci_kunit_define(pf, pos + PCI_SRIOV_CTRL, 2, 0,
			 PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE |
			 PCI_SRIOV_CTRL_ARI);
	pci_kunit_define(pf, pos + PCI_SRIOV_INITIAL_VF, 2, total, 0);
	pci_kunit_define(pf, pos + PCI_SRIOV_TOTAL_VF, 2, total, 0);
	pci_kunit_define(pf, pos + PCI_SRIOV_NUM_VF, 2, 0, U16_MAX);
	pci_kunit_define(pf, pos + PCI_SRIOV_FUNC_LINK, 1, pf->devfn, 0);
	pci_kunit_define(pf, pos + PCI_SRIOV_VF_OFFSET, 2, offset, 0);
	pci_kunit_define(pf, pos + PCI_SRIOV_VF_STRIDE, 2, stride, 0);
	pci_kunit_define(pf, pos + PCI_SRIOV_VF_DID, 2, PCI_KUNIT_ENDPOINT_ID,
			 0);
	pci_kunit_define(pf, pos + PCI_SRIOV_SUP_PGSIZE, 4, 0x553, 0);
	pci_kunit_define(pf, pos + PCI_SRIOV_SYS_PGSIZE, 4, 1, U32_MAX);
}

/* What the PCI core has made of them */

/*
 * VFs that a test leaves behind would be in the way of the next one.  A removed
 * PF may still have some, on a kernel that does not remove them with it: the
 * reference keeps what it takes to find them.
 */
static void pci_kunit_put_dev(void *data)
{
	struct pci_dev *pdev = data;

	if (pci_num_vf(pdev)) {
		device_lock(&pdev->dev);
		pci_disable_sriov(pdev);
		device_unlock(&pdev->dev);
	}
	pci_dev_put(pdev);
}

/**
 * pci_kunit_dev - get the device that the PCI core has made of a function
 * @test: the test, failed if there is none
 * @fn: the function
 *
 * VFs that a PF still has when the test ends are disabled then, before a driver
 * that was registered earlier than this is unregistered.
 *
 * Return: the device, valid until the test ends.
 */
struct pci_dev *pci_kunit_dev(struct kunit *test, struct pci_kunit_fn *fn)
{
	int domain = pci_domain_nr(fn->host->bridge->bus);
	struct pci_dev *pdev;

	pdev = pci_get_domain_bus_and_slot(domain, pci_kunit_busnr(fn),
					   (u8)fn->devfn);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   pci_kunit_put_dev,
							   pdev));
	return pdev;
}

/**
 * pci_kunit_plug - plug in the device that a function belongs to
 * @fn: a function of it
 *
 * All functions of the device that are not gone by now are scanned and added.
 *
 * Context: takes the rescan/remove lock.
 *
 * Return: the function's device, without a reference, or %NULL.
 */
struct pci_dev *pci_kunit_plug(struct pci_kunit_fn *fn)
{
	int domain = pci_domain_nr(fn->host->bridge->bus);
	struct pci_dev *pdev = NULL;
	struct pci_bus *bus;

	fn->gone = false;

	pci_lock_rescan_remove();
	bus = pci_find_bus(domain, pci_kunit_busnr(fn));
	if (bus) {
		pci_scan_slot(bus, PCI_DEVFN(PCI_SLOT(fn->devfn), 0));
		pci_bus_add_devices(bus);
		pdev = pci_get_slot(bus, fn->devfn);
		pci_dev_put(pdev);
	}
	pci_unlock_rescan_remove();

	return pdev;
}

/**
 * pci_kunit_set_vfs - let the driver of a PF enable or disable its VFs
 * @pdev: the PF
 * @nr: how many VFs there are to be, 0 to disable them
 *
 * What a write to sriov_numvfs does, whose store() only works on a real file.
 *
 * Context: takes the device lock.
 *
 * Return: what the driver returns, which is @nr if all went well; -ENOENT if
 * there is no driver that can do it.
 */
int pci_kunit_set_vfs(struct pci_dev *pdev, int nr)
{
	guard(device)(&pdev->dev);

	if (!pdev->driver || !pdev->driver->sriov_configure)
		return -ENOENT;
	return pdev->driver->sriov_configure(pdev, nr);
}

static void pci_kunit_put_slot(void *data)
{
	struct pci_kunit_slot *slot = data;

	slot->hotplug.pci_slot->hotplug = NULL;
	pci_destroy_slot(slot->hotplug.pci_slot);
}

static int pci_kunit_reset_slot(struct hotplug_slot *hotplug, bool probe)
{
	struct pci_kunit_slot *slot = container_of(hotplug,
						   struct pci_kunit_slot,
						   hotplug);
	struct pci_dev *bridge = hotplug->pci_slot->bus->self;

	if (probe)
		return 0;

	slot->resets++;
	if (slot->hook)
		slot->hook(bridge, slot->data);
	if (slot->error)
		return slot->error;

	return pci_bridge_secondary_bus_reset(bridge);
}

static const struct hotplug_slot_ops pci_kunit_slot_ops = {
	.reset_slot = pci_kunit_reset_slot,
};

/**
 * pci_kunit_add_slot - make the bus below a bridge a hotplug slot
 * @test: the test
 * @bridge: the bridge
 *
 * The slot is reset as native PCIe hotplug does it.  On s390 each function is
 * a slot of its own: there it is function 00.0.
 *
 * Return: the slot, which is gone when the test ends.
 */
struct pci_kunit_slot *pci_kunit_add_slot(struct kunit *test,
					  struct pci_dev *bridge)
{
	int nr = IS_ENABLED(CONFIG_S390) ? 0 : PCI_SLOT_ALL_DEVICES;
	struct pci_kunit_slot *slot;
	struct pci_slot *pci_slot;

	slot = kunit_kzalloc(test, sizeof(*slot), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, slot);

	pci_slot = pci_create_slot(bridge->subordinate, nr, "pci_kunit", NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pci_slot);

	slot->hotplug.ops = &pci_kunit_slot_ops;
	slot->hotplug.pci_slot = pci_slot;
	pci_slot->hotplug = &slot->hotplug;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   pci_kunit_put_slot,
							   slot));
	return slot;
}

/* What happens to a function besides resets and writes */

static struct pci_kunit_fn *pci_kunit_fn(struct pci_dev *pdev)
{
	struct pci_kunit_host *host = pci_kunit_host(pdev->bus);

	guard(raw_spinlock_irqsave)(&host->lock);

	return pci_kunit_find(host, pdev->bus->number, pdev->devfn);
}

/**
 * pci_kunit_event - note what happened to a function
 * @fn: the function, or %NULL to note nothing
 * @event: a letter
 */
void pci_kunit_event(struct pci_kunit_fn *fn, const char *event)
{
	static atomic_t clock;
	size_t nr;

	if (!fn)
		return;

	nr = strlen(fn->events);
	if (nr < ARRAY_SIZE(fn->when))
		fn->when[nr] = atomic_inc_return(&clock);
	strlcat(fn->events, event, sizeof(fn->events));
}

/**
 * pci_kunit_when - when an event happened
 * @fn: the function that it happened to
 * @event: its letter
 *
 * Return: a number to compare with that of other events, of any function; 0 if
 * it never happened, the last time if it happened more than once.
 */
unsigned int pci_kunit_when(const struct pci_kunit_fn *fn, char event)
{
	const char *last = strrchr(fn->events, event);

	return last ? fn->when[last - fn->events] : 0;
}

/* An IOMMU */

#ifdef CONFIG_IOMMU_API

static int pci_kunit_iommu_block(struct iommu_domain *domain,
				 struct device *dev, struct iommu_domain *old)
{
	pci_kunit_event(dev_iommu_priv_get(dev), "b");
	return 0;
}

static int pci_kunit_iommu_pass(struct iommu_domain *domain,
				struct device *dev, struct iommu_domain *old)
{
	pci_kunit_event(dev_iommu_priv_get(dev), "i");
	return 0;
}

static const struct iommu_domain_ops pci_kunit_blocked_ops = {
	.attach_dev = pci_kunit_iommu_block,
};

static const struct iommu_domain_ops pci_kunit_identity_ops = {
	.attach_dev = pci_kunit_iommu_pass,
};

static struct iommu_domain pci_kunit_blocked_domain = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &pci_kunit_blocked_ops,
};

static struct iommu_domain pci_kunit_identity_domain = {
	.type = IOMMU_DOMAIN_IDENTITY,
	.ops = &pci_kunit_identity_ops,
};

static struct iommu_device *pci_kunit_iommu_probe(struct device *dev)
{
	struct pci_dev *pdev = to_pci_dev(dev);

	dev_iommu_priv_set(dev, pci_kunit_fn(pdev));
	return &pci_kunit_host(pdev->bus)->iommu;
}

static int pci_kunit_iommu_def_domain_type(struct device *dev)
{
	return IOMMU_DOMAIN_IDENTITY;
}

static const struct iommu_ops pci_kunit_iommu_ops = {
	.probe_device = pci_kunit_iommu_probe,
	.device_group = generic_device_group,
	.def_domain_type = pci_kunit_iommu_def_domain_type,
	.blocked_domain = &pci_kunit_blocked_domain,
	.identity_domain = &pci_kunit_identity_domain,
};

static void pci_kunit_del_iommu(void *data)
{
	struct pci_kunit_host *host = data;

	iommu_device_unregister(&host->iommu);
	iommu_device_sysfs_remove(&host->iommu);
	fwnode_remove_software_node(host->iommu.fwnode);
}

/**
 * pci_kunit_add_iommu - add an IOMMU
 * @test: the test, skipped if the kernel does not support IOMMUs
 * @host: the host bridge, not started yet
 */
void pci_kunit_add_iommu(struct kunit *test, struct pci_kunit_host *host)
{
	struct iommu_device *iommu = &host->iommu;

	/* It is nobody's IOMMU but those devices' that ask for this node's */
	iommu->fwnode = fwnode_create_software_node(NULL, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(iommu->fwnode));
	KUNIT_ASSERT_EQ(test, 0, iommu_device_sysfs_add(iommu, NULL, NULL,
							"pci_kunit"));
	KUNIT_ASSERT_EQ(test, 0, iommu_device_register(iommu,
						       &pci_kunit_iommu_ops,
						       NULL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   pci_kunit_del_iommu,
							   host));
}

/**
 * pci_kunit_attach_iommu - put a device behind the IOMMU
 * @test: the test
 * @pdev: the device, not bound to a driver
 */
void pci_kunit_attach_iommu(struct kunit *test, struct pci_dev *pdev)
{
	struct iommu_device *iommu = &pci_kunit_host(pdev->bus)->iommu;
	int ret;

	scoped_guard(mutex, &iommu_probe_device_lock)
		ret = iommu_fwspec_init(&pdev->dev, iommu->fwnode);
	KUNIT_ASSERT_EQ(test, 0, ret);
	KUNIT_ASSERT_EQ(test, 0, iommu_probe_device(&pdev->dev));
}

#else

void pci_kunit_add_iommu(struct kunit *test, struct pci_kunit_host *host)
{
	kunit_skip(test, "needs CONFIG_IOMMU_API");
}

void pci_kunit_attach_iommu(struct kunit *test, struct pci_dev *pdev)
{
}

#endif /* CONFIG_IOMMU_API */

/* A driver for the endpoints */

static int pci_kunit_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct pci_kunit_fn *fn = pci_kunit_fn(pdev);

	pci_set_drvdata(pdev, fn);
	pci_kunit_event(fn, "p");
	return 0;
}

static void pci_kunit_remove(struct pci_dev *pdev)
{
	pci_kunit_event(pci_get_drvdata(pdev), "r");
}

/* As the PCI core disables a function before it is reset */
static bool pci_kunit_is_cut_off(const struct pci_kunit_fn *fn)
{
	while ((fn = fn->bridge)) {
		if (pci_kunit_read(fn, PCI_COMMAND, 2) ==
		    PCI_COMMAND_INTX_DISABLE)
			return true;
	}

	return false;
}

static void pci_kunit_reset_prepare(struct pci_dev *pdev)
{
	struct pci_kunit_fn *fn = pci_get_drvdata(pdev);

	if (pci_kunit_is_cut_off(fn))
		pci_kunit_event(fn, "X");
	pci_kunit_event(fn, "P");
}

static void pci_kunit_reset_done(struct pci_dev *pdev)
{
	pci_kunit_event(pci_get_drvdata(pdev), "D");
}

static const struct pci_error_handlers pci_kunit_err_handler = {
	.reset_prepare = pci_kunit_reset_prepare,
	.reset_done = pci_kunit_reset_done,
};

static const struct pci_device_id pci_kunit_ids[] = {
	{ PCI_DEVICE(PCI_KUNIT_VENDOR_ID, PCI_KUNIT_ENDPOINT_ID) },
	{ }
};

static void pci_kunit_del_driver(void *data)
{
	pci_unregister_driver(data);
}

/**
 * pci_kunit_add_driver - register a driver for the endpoints
 * @test: the test; the driver is unregistered when it ends
 *
 * The driver writes what happens to it into the events of the function.
 */
void pci_kunit_add_driver(struct kunit *test)
{
	struct pci_driver *drv = kunit_kzalloc(test, sizeof(*drv), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, drv);

	drv->name = "pci_kunit";
	drv->id_table = pci_kunit_ids;
	drv->probe = pci_kunit_probe;
	drv->remove = pci_kunit_remove;
	drv->sriov_configure = pci_sriov_configure_simple;
	drv->err_handler = &pci_kunit_err_handler;

	KUNIT_ASSERT_EQ(test, 0, pci_register_driver(drv));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   pci_kunit_del_driver,
							   drv));
}

/* Other tasks */

static int pci_kunit_thread(void *data)
{
	struct pci_kunit_task *task = data;

	task->fn(task->data);
	complete_all(&task->done);
	return 0;
}

static void pci_kunit_join(void *data)
{
	kthread_stop_put(data);
}

/**
 * pci_kunit_run - run a function in another task
 * @test: the test, which does not end before the function has returned
 * @fn: the function
 * @data: for @fn
 *
 * Return: the task.
 */
struct pci_kunit_task *pci_kunit_run(struct kunit *test,
				     void (*fn)(void *data), void *data)
{
	struct pci_kunit_task *task;
	struct task_struct *thread;

	task = kunit_kzalloc(test, sizeof(*task), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, task);

	task->fn = fn;
	task->data = data;
	init_completion(&task->done);

	thread = kthread_create(pci_kunit_thread, task, "pci_kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread);
	get_task_struct(thread);
	wake_up_process(thread);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   pci_kunit_join,
							   thread));
	return task;
}

/**
 * pci_kunit_wait - wait for a task
 * @task: the task
 * @ms: for how long
 *
 * Return: true if its function has returned.
 */
bool pci_kunit_wait(struct pci_kunit_task *task, unsigned int ms)
{
	return wait_for_completion_timeout(&task->done, msecs_to_jiffies(ms));
}
