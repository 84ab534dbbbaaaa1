// SPDX-License-Identifier: GPL-2.0
/*
 * Lets user space call each function that resets by mask.
 *
 * Write "CALL ADDRESS MASK" to pci_test_reset/reset in debugfs:
 *
 *   CALL     function   pci_reset_function()
 *            try        pci_try_reset_function()
 *            locked     pci_reset_function_locked()
 *            bare       __pci_reset_function_locked(); only the function's
 *                       own config space is saved and restored
 *            bus        pci_reset_bus()
 *   ADDRESS  of the function, 0000:01:00.0
 *   MASK     names of methods joined by '|' (flr|pm), func, link, any, or a
 *            number
 *
 * The result of the write is the function's.  On a kernel without reset masks
 * it is -EOPNOTSUPP.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/string.h>

#if __has_include(<linux/pci-reset.h>)

static const struct {
	const char *name;
	pci_reset_t mask;
} names[] = {
	{ "device_specific", PCI_RESET_DEV_SPECIFIC },
	{ "acpi", PCI_RESET_ACPI },
	{ "flr", PCI_RESET_FLR },
	{ "af_flr", PCI_RESET_AF_FLR },
	{ "pm", PCI_RESET_PM },
	{ "slot", PCI_RESET_SLOT },
	{ "bus", PCI_RESET_BUS },
	{ "cxl_bus", PCI_RESET_CXL_BUS },
	{ "func", PCI_RESET_FUNC },
	{ "link", PCI_RESET_LINK },
	{ "any", PCI_RESET_ANY },
};

static int parse_mask(char *text, pci_reset_t *mask)
{
	char *name;
	u32 number;

	if (!kstrtou32(text, 0, &number)) {
		*mask = (__force pci_reset_t)number;
		return 0;
	}

	*mask = (__force pci_reset_t)0;
	while ((name = strsep(&text, "|"))) {
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(names); i++)
			if (!strcmp(name, names[i].name))
				break;
		if (i == ARRAY_SIZE(names))
			return -ENOENT;
		*mask |= names[i].mask;
	}

	return 0;
}

static int reset_locked(struct pci_dev *dev, pci_reset_t mask)
{
	guard(device)(&dev->dev);

	return pci_reset_function_locked(dev, mask);
}

/* A link reset needs the bridge held, and order is bridge first */
static int reset_bare(struct pci_dev *dev, pci_reset_t mask)
{
	struct pci_dev *bridge = pci_upstream_bridge(dev);
	int ret;

	if (bridge)
		pci_dev_lock(bridge);
	pci_dev_lock(dev);

	pci_save_state(dev);
	ret = __pci_reset_function_locked(dev, mask);
	pci_restore_state(dev);

	pci_dev_unlock(dev);
	if (bridge)
		pci_dev_unlock(bridge);

	return ret;
}

static const struct {
	const char *name;
	int (*fn)(struct pci_dev *dev, pci_reset_t mask);
} calls[] = {
	{ "function", pci_reset_function },
	{ "try", pci_try_reset_function },
	{ "locked", reset_locked },
	{ "bare", reset_bare },
	{ "bus", pci_reset_bus },
};

static int run(const char *call, struct pci_dev *dev, char *text)
{
	pci_reset_t mask;
	int ret;

	ret = parse_mask(text, &mask);
	if (ret)
		return ret;

	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
		if (!strcmp(call, calls[i].name))
			return calls[i].fn(dev, mask);

	return -ENOENT;
}

#else

static int run(const char *call, struct pci_dev *dev, char *text)
{
	return -EOPNOTSUPP;
}

#endif

static ssize_t reset_write(struct file *file, const char __user *from,
			   size_t count, loff_t *pos)
{
	unsigned int domain, bus, device, function;
	char call[16], mask[64];
	struct pci_dev *dev;
	int ret;

	char *text __free(kfree) = memdup_user_nul(from, min(count, 128));
	if (IS_ERR(text))
		return PTR_ERR(text);

	if (sscanf(text, "%15s %x:%x:%x.%x %63s", call, &domain, &bus, &device,
		   &function, mask) != 6)
		return -ENOENT;

	dev = pci_get_domain_bus_and_slot(domain, bus,
					  PCI_DEVFN(device, function));
	if (!dev)
		return -ENXIO;

	pm_runtime_get_sync(&dev->dev);
	ret = run(call, dev, mask);
	pm_runtime_put(&dev->dev);
	pci_dev_put(dev);

	return ret ?: count;
}

static const struct file_operations reset_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= reset_write,
};

static struct dentry *folder;

static int __init pci_test_reset_init(void)
{
	folder = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("reset", 0200, folder, NULL, &reset_fops);

	return 0;
}
module_init(pci_test_reset_init);

static void __exit pci_test_reset_exit(void)
{
	debugfs_remove(folder);
}
module_exit(pci_test_reset_exit);

MODULE_DESCRIPTION("Resets of PCI devices by mask, for tests");
MODULE_LICENSE("GPL");
