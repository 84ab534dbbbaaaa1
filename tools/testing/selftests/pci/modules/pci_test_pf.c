// SPDX-License-Identifier: GPL-2.0
/*
 * A PF driver that enables VFs in its probe and disables them in its remove.
 *
 * It matches nothing by itself. Bind a device through driver_override, or write
 * its address to the parameter claim: then the driver takes it from the moment
 * that it is found, so that it is probed by whoever finds it.
 */
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/string.h>

static unsigned int num_vfs = 2;
module_param(num_vfs, uint, 0644);
MODULE_PARM_DESC(num_vfs, "How many VFs a probe enables");

static char claim[16];
module_param_string(claim, claim, sizeof(claim), 0644);
MODULE_PARM_DESC(claim, "Address of the device that is taken when it is added");

static int pf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;

	pci_set_master(pdev);

	return pci_enable_sriov(pdev, num_vfs);
}

static void pf_remove(struct pci_dev *pdev)
{
	pci_disable_sriov(pdev);
}

static const struct pci_device_id pf_ids[] = {
	{ }
};

static struct pci_driver pf_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= pf_ids,
	.probe		= pf_probe,
	.remove		= pf_remove,
};

static int pf_notify(struct notifier_block *nb, unsigned long action,
		     void *data)
{
	struct device *dev = data;

	if (action == BUS_NOTIFY_ADD_DEVICE &&
	    sysfs_streq(claim, dev_name(dev)))
		device_set_driver_override(dev, pf_driver.name);

	return NOTIFY_DONE;
}

static struct notifier_block pf_notifier = {
	.notifier_call	= pf_notify,
};

static int __init pf_init(void)
{
	int ret;

	ret = bus_register_notifier(&pci_bus_type, &pf_notifier);
	if (ret)
		return ret;

	ret = pci_register_driver(&pf_driver);
	if (ret)
		bus_unregister_notifier(&pci_bus_type, &pf_notifier);

	return ret;
}
module_init(pf_init);

static void __exit pf_exit(void)
{
	pci_unregister_driver(&pf_driver);
	bus_unregister_notifier(&pci_bus_type, &pf_notifier);
}
module_exit(pf_exit);

MODULE_DESCRIPTION("PCI test driver of a PF that enables VFs in probe");
MODULE_LICENSE("GPL");
