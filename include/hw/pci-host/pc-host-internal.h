/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between hw/pci-host/pc-host.c and the two bridges that it helps. Nobody else includes this.
 */
#ifndef HW_PCI_HOST_PC_HOST_INTERNAL_H
#define HW_PCI_HOST_PC_HOST_INTERNAL_H

#include "hw/pci-host/pc-host.h"

/* Where BARs may go: below 4 GiB up to the I/O APIC, and above all memory. */
typedef struct PCHostWindows {
    uint32_t hole_start;
    uint64_t hole64_start;
    uint64_t hole64_size;      /* property "pci-hole64-size" */
} PCHostWindows;

void pc_host_add_window_properties(Object *obj, PCHostWindows *w);
/* The bridge's ports, to be mapped at 0xcf8 and 0xcfc in its realize(). */
void pc_host_init_ports(PCIHostState *phb);
/* Makes @machine's child, tells it @config by @configure, maps the PCI space, realizes it. */
DeviceState *pc_host_create(Object *machine, const char *child, const char *type,
                            const PCHostConfig *config,
                            void (*configure)(DeviceState *dev, const PCHostConfig *config));

#endif /* HW_PCI_HOST_PC_HOST_INTERNAL_H */
