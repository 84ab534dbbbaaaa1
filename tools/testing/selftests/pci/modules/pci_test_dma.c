// SPDX-License-Identifier: GPL-2.0
/*
 * Has an NVMe controller read where it may not, as a device that went wrong.
 *
 * Write its address to pci_test_dma/parameters/go below /sys/module: its admin
 * queue is put where nothing is mapped for it (the parameter iova), and told
 * that there is something to do.  A driver that is bound must leave the
 * controller alone, pci_test_noeh does.
 */
#include <linux/delay.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/module.h>
#include <linux/pci.h>

/* NVM Express Base Specification 2.0, section 3.1.3 */
#define CC		0x14
#define CC_ENABLE	0x00460001
#define CSTS		0x1c
#define CSTS_RDY	BIT(0)
#define CSTS_CFS	BIT(1)
#define AQA		0x24
#define ASQ		0x28
#define ACQ		0x30
#define DOORBELLS	0x1000
#define SIZE		0x2000

#define WAIT_US		(2 * USEC_PER_SEC)

static unsigned long long iova = 0x100001000;
module_param(iova, ullong, 0644);
MODULE_PARM_DESC(iova, "Where nothing is mapped for the device");

static void misbehave(void __iomem *regs)
{
	u32 csts;

	writel(0, regs + CC);
	readl_poll_timeout(regs + CSTS, csts, !(csts & CSTS_RDY), 1000,
			   WAIT_US);

	writel(0x001f001f, regs + AQA);
	writeq(iova, regs + ASQ);
	writeq(iova + 0x1000, regs + ACQ);
	writel(CC_ENABLE, regs + CC);
	readl_poll_timeout(regs + CSTS, csts, csts & (CSTS_RDY | CSTS_CFS),
			   1000, WAIT_US);

	/* It may only read what it may not as long as it is bus master */
	writel(1, regs + DOORBELLS);
	readl_poll_timeout(regs + CSTS, csts, csts & CSTS_CFS, 1000, WAIT_US);
}

static int go(const char *address, const struct kernel_param *kp)
{
	unsigned int domain, bus, device, function;
	void __iomem *regs;
	struct pci_dev *dev;
	int ret;

	if (sscanf(address, "%x:%x:%x.%x", &domain, &bus, &device,
		   &function) != 4)
		return -EINVAL;

	dev = pci_get_domain_bus_and_slot(domain, bus,
					  PCI_DEVFN(device, function));
	if (!dev)
		return -ENODEV;

	/* Nobody resets or removes it meanwhile */
	device_lock(&dev->dev);
	ret = pci_device_is_present(dev) ? pci_enable_device(dev) : -ENODEV;
	if (ret)
		goto unlock;
	pci_set_master(dev);

	regs = pci_iomap(dev, 0, SIZE);
	if (regs) {
		misbehave(regs);
		pci_iounmap(dev, regs);
	} else {
		ret = -ENOMEM;
	}
	pci_disable_device(dev);
unlock:
	device_unlock(&dev->dev);
	pci_dev_put(dev);
	return ret;
}

static const struct kernel_param_ops go_ops = { .set = go };
module_param_cb(go, &go_ops, NULL, 0200);
MODULE_PARM_DESC(go, "Address of the controller");

static int __init pci_test_dma_init(void)
{
	return 0;
}
module_init(pci_test_dma_init);

static void __exit pci_test_dma_exit(void)
{
}
module_exit(pci_test_dma_exit);

MODULE_DESCRIPTION("An NVMe controller that reads where it may not, for tests");
MODULE_LICENSE("GPL");
