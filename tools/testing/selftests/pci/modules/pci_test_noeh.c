// SPDX-License-Identifier: GPL-2.0
/*
 * A PCI driver that does the least: no error handlers, no reset callbacks.
 *
 * It matches nothing by itself. Bind a device through driver_override.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pci.h>

static unsigned int probe_ms;
module_param(probe_ms, uint, 0644);
MODULE_PARM_DESC(probe_ms, "How long a probe takes, with the device lock held");

static int noeh_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;

	pci_set_master(pdev);
	if (probe_ms)
		msleep(probe_ms);
	pci_info(pdev, "probed\n");

	return 0;
}

static void noeh_remove(struct pci_dev *pdev)
{
	pci_info(pdev, "removed\n");
}

static const struct pci_device_id noeh_ids[] = {
	{ }
};

static struct pci_driver noeh_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= noeh_ids,
	.probe		= noeh_probe,
	.remove		= noeh_remove,
};
module_pci_driver(noeh_driver);

MODULE_DESCRIPTION("PCI test driver without error handlers");
MODULE_LICENSE("GPL");
