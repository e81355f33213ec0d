/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Q35 host bridge: the bridge object with the root bus "pcie.0" and the memory-mapped
 * configuration window, and its function "mch" at 00.0. PAM (0x90 to 0x96), PCIEXBAR (0x60) and
 * what is in q35-smram.c have an effect. Source: Intel 3 Series (316966) datasheet.
 */
#include "qemu/osdep.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "hw/pci-host/pc-host-internal.h"
#include "q35-smram.h"
#include "qapi/error.h"
#include "qemu/units.h"

OBJECT_DECLARE_SIMPLE_TYPE(Q35PCIHost, Q35_HOST_DEVICE)
OBJECT_DECLARE_SIMPLE_TYPE(MCHPCIState, MCH_PCI_DEVICE)

#define MCH_PCIEXBAR_SIZE 8
#define MCH_PCIEXBAR_ENABLE 0x1
#define MCH_PCIEXBAR_ADDR_MASK 0xffffff000000u   /* bits 47:26, the low ones by length */
#define Q35_HOLE64_SIZE_DEFAULT (32 * GiB)

struct Q35PCIHost {
    PCIExpressHost parent_obj;

    PCHostConfig config;
    PCHostWindows windows;
};

struct MCHPCIState {
    PCIDevice parent_obj;

    PCLowMemory low;
    MCHSmram smram;
    bool attached;                /* low memory and the bridge object are there */
};

static void mch_update_low_memory(MCHPCIState *mch)
{
    uint8_t *config = PCI_DEVICE(mch)->config;

    if (mch->attached) {
        pc_low_memory_update(&mch->low, config + MCH_HOST_BRIDGE_PAM0,
                             mch_smram_is_open(&mch->smram));
    }
}

static void mch_update_pciexbar(MCHPCIState *mch)
{
    PCIDevice *dev = PCI_DEVICE(mch);
    BusState *bus = qdev_get_parent_bus(DEVICE(mch));
    uint64_t reg = pci_get_quad(dev->config + MCH_HOST_BRIDGE_PCIEXBAR);
    unsigned length = (reg >> 1) & 3;
    uint64_t size = (256 * MiB) >> length;
    bool enable = reg & MCH_PCIEXBAR_ENABLE;

    if (!mch->attached) {
        return;
    }
    if (length == 3) {     /* reserved */
        enable = false;
        size = 64 * MiB;
    }
    pcie_host_mmcfg_update(PCIE_HOST_BRIDGE(bus->parent), enable,
                           reg & MCH_PCIEXBAR_ADDR_MASK & ~(size - 1), size);
}

static void mch_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len)
{
    MCHPCIState *mch = MCH_PCI_DEVICE(dev);
    uint8_t old_smbase = mch_smram_get_smbase(&mch->smram);

    pci_default_write_config(dev, address, val, len);
    if (ranges_overlap(address, len, MCH_HOST_BRIDGE_PCIEXBAR, MCH_PCIEXBAR_SIZE)) {
        mch_update_pciexbar(mch);
    }
    if (mch_smram_written(&mch->smram, address, len, old_smbase) ||
        ranges_overlap(address, len, MCH_HOST_BRIDGE_PAM0, PC_PAM_REGS)) {
        mch_update_low_memory(mch);
    }
}

static void mch_reset_pciexbar(MCHPCIState *mch)
{
    pci_set_quad(PCI_DEVICE(mch)->config + MCH_HOST_BRIDGE_PCIEXBAR,
                 MCH_HOST_BRIDGE_PCIEXBAR_DEFAULT);
}

static void mch_reset_hold(Object *obj, ResetType type)
{
    MCHPCIState *mch = MCH_PCI_DEVICE(obj);

    mch_reset_pciexbar(mch);
    mch_smram_reset(&mch->smram);
    mch_update_pciexbar(mch);
    mch_update_low_memory(mch);
}

static void mch_realize(PCIDevice *dev, Error **errp)
{
    mch_reset_pciexbar(MCH_PCI_DEVICE(dev));
    mch_smram_realize(&MCH_PCI_DEVICE(dev)->smram, dev, errp);
}

static void mch_attach(MCHPCIState *mch, const PCHostConfig *config)
{
    pc_low_memory_init(&mch->low, OBJECT(mch), config->system, config->ram, config->pci);
    mch_smram_attach(&mch->smram, config);
    mch->attached = true;
    mch_update_low_memory(mch);
}

static void q35_host_realize(DeviceState *dev, Error **errp)
{
    Q35PCIHost *s = Q35_HOST_DEVICE(dev);
    PCIHostState *phb = PCI_HOST_BRIDGE(dev);
    PCIDevice *mch = pci_new(0, TYPE_MCH_PCI_DEVICE);

    memory_region_add_subregion(s->config.io, 0xcf8, &phb->conf_mem);
    memory_region_add_subregion(s->config.io, 0xcfc, &phb->data_mem);
    phb->bus = pci_root_bus_new(dev, "pcie.0", s->config.pci, s->config.io, 0, TYPE_PCIE_BUS);
    object_property_add_child(OBJECT(dev), "mch", OBJECT(mch));
    pci_realize_and_unref(mch, phb->bus, &error_fatal);
    mch_attach(MCH_PCI_DEVICE(mch), &s->config);
}

static void q35_configure(DeviceState *dev, const PCHostConfig *config)
{
    Q35PCIHost *s = Q35_HOST_DEVICE(dev);

    s->config = *config;
    s->windows.hole_start = config->below_4g_mem_size;
    s->windows.hole64_start = config->hole64_start;
}

DeviceState *q35_host_create(Object *machine, const PCHostConfig *config)
{
    return pc_host_create(machine, "q35", TYPE_Q35_HOST_DEVICE, config, q35_configure);
}

static void q35_get_mcfg(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    visit_type_uint64(v, name, &PCIE_HOST_BRIDGE(obj)->base_addr, errp);
}

static void q35_get_mcfg_size(Object *obj, Visitor *v, const char *name, void *opaque,
                              Error **errp)
{
    visit_type_uint64(v, name, &PCIE_HOST_BRIDGE(obj)->size, errp);
}

static void q35_host_init(Object *obj)
{
    pc_host_init_ports(PCI_HOST_BRIDGE(obj));
    pc_host_add_window_properties(obj, &Q35_HOST_DEVICE(obj)->windows);
    object_property_add(obj, PCIE_HOST_MCFG_BASE, "uint64", q35_get_mcfg, NULL, NULL, NULL);
    object_property_add(obj, PCIE_HOST_MCFG_SIZE, "uint64", q35_get_mcfg_size, NULL, NULL, NULL);
}

static const Property q35_host_props[] = {
    DEFINE_PROP_SIZE(PCI_HOST_PROP_PCI_HOLE64_SIZE, Q35PCIHost, windows.hole64_size,
                     Q35_HOLE64_SIZE_DEFAULT),
};

static void q35_host_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = q35_host_realize;
    dc->user_creatable = false;
    device_class_set_props(dc, q35_host_props);
}

static const Property mch_props[] = {
    DEFINE_PROP_UINT16("extended-tseg-mbytes", MCHPCIState, smram.ext_tseg_mbytes,
                       MCH_EXT_TSEG_DEFAULT),
};

static void mch_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    pc->realize = mch_realize;
    pc->config_write = mch_write_config;
    pc->vendor_id = PCI_VENDOR_ID_INTEL;
    pc->device_id = PCI_DEVICE_ID_INTEL_Q35_MCH;
    pc->revision = 0;
    pc->class_id = PCI_CLASS_BRIDGE_HOST;
    dc->desc = "Host bridge";
    dc->user_creatable = false;
    dc->hotpluggable = false;
    RESETTABLE_CLASS(klass)->phases.hold = mch_reset_hold;
    device_class_set_props(dc, mch_props);
}

static const TypeInfo q35_types[] = {
    {
        .name = TYPE_Q35_HOST_DEVICE,
        .parent = TYPE_PCIE_HOST_BRIDGE,
        .instance_size = sizeof(Q35PCIHost),
        .instance_init = q35_host_init,
        .class_init = q35_host_class_init,
    },
    {
        .name = TYPE_MCH_PCI_DEVICE,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(MCHPCIState),
        .class_init = mch_class_init,
        .interfaces = (const InterfaceInfo[]) { { INTERFACE_CONVENTIONAL_PCI_DEVICE }, { } },
    },
};
DEFINE_TYPES(q35_types)
