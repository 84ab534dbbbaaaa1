// SPDX-License-Identifier: GPL-2.0
/*
 * A PCI driver that has error handlers, and takes its time for them.
 *
 * It matches nothing by itself. Bind a device through driver_override.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pci.h>

static unsigned int detected_ms;
module_param(detected_ms, uint, 0644);
MODULE_PARM_DESC(detected_ms, "How long error_detected takes, with the device lock held");

static unsigned int detected;
module_param(detected, uint, 0444);
MODULE_PARM_DESC(detected, "How many errors the driver was told of");

static pci_ers_result_t eh_error_detected(struct pci_dev *pdev,
					  pci_channel_state_t state)
{
	detected++;
	if (detected_ms)
		msleep(detected_ms);

	return state == pci_channel_io_perm_failure ?
		PCI_ERS_RESULT_DISCONNECT : PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t eh_slot_reset(struct pci_dev *pdev)
{
	return PCI_ERS_RESULT_RECOVERED;
}

static int eh_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return pcim_enable_device(pdev);
}

static const struct pci_error_handlers eh_err_handler = {
	.error_detected	= eh_error_detected,
	.slot_reset	= eh_slot_reset,
};

static const struct pci_device_id eh_ids[] = {
	{ }
};

static struct pci_driver eh_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= eh_ids,
	.probe		= eh_probe,
	.err_handler	= &eh_err_handler,
};
module_pci_driver(eh_driver);

MODULE_DESCRIPTION("PCI test driver with error handlers");
MODULE_LICENSE("GPL");
