// SPDX-License-Identifier: GPL-2.0
/// Name the kinds of reset that callers got without asking: every kind for a
/// function; for a bus its slot's reset, or else the bus's own.

@@
identifier f = { pci_reset_function, pci_reset_function_locked,
                 __pci_reset_function_locked, pci_try_reset_function };
expression dev;
@@

  f(dev
+  , PCI_RESET_ANY
   )

@@
expression dev;
@@

  pci_reset_bus(dev
+              , PCI_RESET_SLOT | PCI_RESET_BUS
               )
