// SPDX-License-Identifier: GPL-2.0
/*
 * A PCI driver that resets its device's link when it is probed, with the
 * device lock held as it is then.
 *
 * It matches nothing by itself. Bind a device through driver_override. What
 * became of the resets is counted in the module's parameters.
 */
#include <linux/module.h>
#include <linux/pci.h>

static unsigned int done;
module_param(done, uint, 0644);
MODULE_PARM_DESC(done, "Resets that succeeded");

static unsigned int busy;
module_param(busy, uint, 0644);
MODULE_PARM_DESC(busy, "Resets that ended with -EAGAIN");

static int error;
module_param(error, int, 0644);
MODULE_PARM_DESC(error, "The last other error");

static int reset_link(struct pci_dev *pdev)
{
#if __has_include(<linux/pci-reset.h>)
	return pci_reset_function_locked(pdev, PCI_RESET_LINK);
#else
	/* Whatever the user has left in reset_method */
	return pci_reset_function_locked(pdev);
#endif
}

static int reset_in_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;

	pci_set_master(pdev);

	ret = reset_link(pdev);
	if (!ret)
		done++;
	else if (ret == -EAGAIN)
		busy++;
	else
		error = ret;

	return 0;
}

static const struct pci_device_id reset_in_probe_ids[] = {
	{ }
};

static struct pci_driver reset_in_probe_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= reset_in_probe_ids,
	.probe		= reset_in_probe,
};
module_pci_driver(reset_in_probe_driver);

MODULE_DESCRIPTION("PCI test driver that resets its link in probe");
MODULE_LICENSE("GPL");
