/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The i440FX host bridge: the bridge object with the root bus "pci.0", and its function at 00.0.
 * Of the function's registers PAM (0x59 to 0x5f) and SMRAM (0x72) have an effect; none is reset by
 * a system reset, as firmware expects. Source: Intel 82441FX datasheet.
 */
#include "qemu/osdep.h"
#include "hw/core/qdev-properties.h"
#include "hw/pci-host/pc-host-internal.h"
#include "qapi/error.h"
#include "qemu/units.h"

OBJECT_DECLARE_SIMPLE_TYPE(I440FXState, I440FX_PCI_HOST_BRIDGE)
OBJECT_DECLARE_SIMPLE_TYPE(PCII440FXState, I440FX_PCI_DEVICE)

#define I440FX_RAM_SIZE 0x57       /* RAM below 4 GiB and above in 8 MiB, as firmware once read */
#define I440FX_SMRAM 0x72
#define SMRAM_D_OPEN 0x40
#define I440FX_REVISION 2
#define I440FX_HOLE64_SIZE_DEFAULT (2 * GiB)

struct I440FXState {
    PCIHostState parent_obj;

    PCHostConfig config;
    PCHostWindows windows;
};

struct PCII440FXState {
    PCIDevice parent_obj;

    PCLowMemory low;
};

static void i440fx_update_low_memory(PCIDevice *dev)
{
    pc_low_memory_update(&I440FX_PCI_DEVICE(dev)->low, dev->config + I440FX_PAM0,
                         dev->config[I440FX_SMRAM] & SMRAM_D_OPEN);
}

static void i440fx_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len)
{
    pci_default_write_config(dev, address, val, len);
    if (ranges_overlap(address, len, I440FX_PAM0, PC_PAM_REGS) ||
        ranges_overlap(address, len, I440FX_SMRAM, 1)) {
        i440fx_update_low_memory(dev);
    }
}

static void i440fx_function_realize(PCIDevice *dev, Error **errp)
{
    dev->config[I440FX_SMRAM] = 0x02;
}

/* The function needs the machine's regions, which only the bridge object was told. */
static void i440fx_function_attach(PCIDevice *dev, const PCHostConfig *config)
{
    uint64_t ram = config->below_4g_mem_size + config->above_4g_mem_size;

    pc_low_memory_init(&I440FX_PCI_DEVICE(dev)->low, OBJECT(dev), config->system, config->ram,
                       config->pci);
    dev->config[I440FX_RAM_SIZE] = MIN(ram / (8 * MiB), 255);
    i440fx_update_low_memory(dev);
}

static void i440fx_host_realize(DeviceState *dev, Error **errp)
{
    I440FXState *s = I440FX_PCI_HOST_BRIDGE(dev);
    PCIHostState *phb = PCI_HOST_BRIDGE(dev);
    PCIDevice *function;

    memory_region_add_subregion(s->config.io, 0xcf8, &phb->conf_mem);
    memory_region_add_subregion(s->config.io, 0xcfc, &phb->data_mem);
    phb->bus = pci_root_bus_new(dev, "pci.0", s->config.pci, s->config.io, 0, TYPE_PCI_BUS);
    function = pci_create_simple(phb->bus, 0, TYPE_I440FX_PCI_DEVICE);
    i440fx_function_attach(function, &s->config);
}

static void i440fx_configure(DeviceState *dev, const PCHostConfig *config)
{
    I440FXState *s = I440FX_PCI_HOST_BRIDGE(dev);

    s->config = *config;
    s->windows.hole_start = config->below_4g_mem_size;
    s->windows.hole64_start = config->hole64_start;
}

DeviceState *i440fx_host_create(Object *machine, const PCHostConfig *config)
{
    return pc_host_create(machine, "i440fx", TYPE_I440FX_PCI_HOST_BRIDGE, config,
                          i440fx_configure);
}

static void i440fx_host_init(Object *obj)
{
    pc_host_init_ports(PCI_HOST_BRIDGE(obj));
    pc_host_add_window_properties(obj, &I440FX_PCI_HOST_BRIDGE(obj)->windows);
}

static const Property i440fx_host_props[] = {
    DEFINE_PROP_SIZE(PCI_HOST_PROP_PCI_HOLE64_SIZE, I440FXState, windows.hole64_size,
                     I440FX_HOLE64_SIZE_DEFAULT),
};

static void i440fx_host_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = i440fx_host_realize;
    dc->user_creatable = false;
    device_class_set_props(dc, i440fx_host_props);
}

static void i440fx_function_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    pc->realize = i440fx_function_realize;
    pc->config_write = i440fx_write_config;
    pc->vendor_id = PCI_VENDOR_ID_INTEL;
    pc->device_id = PCI_DEVICE_ID_INTEL_82441;
    pc->revision = I440FX_REVISION;
    pc->class_id = PCI_CLASS_BRIDGE_HOST;
    dc->desc = "Host bridge";
    dc->user_creatable = false;
    dc->hotpluggable = false;
}

static const TypeInfo i440fx_types[] = {
    {
        .name = TYPE_I440FX_PCI_HOST_BRIDGE,
        .parent = TYPE_PCI_HOST_BRIDGE,
        .instance_size = sizeof(I440FXState),
        .instance_init = i440fx_host_init,
        .class_init = i440fx_host_class_init,
    },
    {
        .name = TYPE_I440FX_PCI_DEVICE,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(PCII440FXState),
        .class_init = i440fx_function_class_init,
        .interfaces = (const InterfaceInfo[]) { { INTERFACE_CONVENTIONAL_PCI_DEVICE }, { } },
    },
};
DEFINE_TYPES(i440fx_types)
