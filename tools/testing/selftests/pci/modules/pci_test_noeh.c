// SPDX-License-Identifier: GPL-2.0
/*
 * A PCI driver that does the least: no error handlers, no reset callbacks.
 *
 * It matches nothing by itself. Bind a device through driver_override or new_id.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pci.h>

static unsigned int probe_ms;
module_param(probe_ms, uint, 0644);
MODULE_PARM_DESC(probe_ms, "How long a probe takes, with the device lock held");

static unsigned int remove_ms;
module_param(remove_ms, uint, 0644);
MODULE_PARM_DESC(remove_ms, "How long a remove takes, with the device lock held");

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
	if (remove_ms)
		msleep(remove_ms);
	pci_info(pdev, "removed\n");
}

static struct pci_driver noeh_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= NULL,	/* for new_id */
	.probe		= noeh_probe,
	.remove		= noeh_remove,
};
module_pci_driver(noeh_driver);

MODULE_DESCRIPTION("PCI test driver without error handlers");
MODULE_LICENSE("GPL");
