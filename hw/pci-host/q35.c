/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Q35 host bridge: the bridge object with the root bus "pcie.0" and the memory-mapped
 * configuration window, and its function "mch" at 00.0. PAM (0x90 to 0x96), SMRAM (0x9d) and
 * PCIEXBAR (0x60) have an effect; the other registers of system management mode, which this
 * machine does not have, only keep what is written, within their locks. Source: Intel 3 Series
 * (316966) datasheet.
 */
#include "qemu/osdep.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "hw/pci-host/pc-host-internal.h"
#include "qapi/error.h"
#include "qemu/units.h"

OBJECT_DECLARE_SIMPLE_TYPE(Q35PCIHost, Q35_HOST_DEVICE)
OBJECT_DECLARE_SIMPLE_TYPE(MCHPCIState, MCH_PCI_DEVICE)

#define MCH_EXT_TSEG_MBYTES 0x50
#define MCH_EXT_TSEG_QUERY 0xffff
#define MCH_EXT_TSEG_DEFAULT 16
#define MCH_PCIEXBAR_SIZE 8
#define MCH_PCIEXBAR_ENABLE 0x1
#define MCH_PCIEXBAR_ADDR_MASK 0xffffff000000u   /* bits 47:26, the low ones by length */
#define MCH_F_SMBASE 0x9c
#define MCH_F_SMBASE_QUERY 0xff
#define MCH_F_SMBASE_IN_RAM 0x01
#define MCH_F_SMBASE_LOCK 0x02
#define MCH_SMRAM 0x9d
#define MCH_SMRAM_DEFAULT 0x02
#define MCH_SMRAM_WMASK 0x78                     /* D_OPEN, D_CLS, D_LCK, G_SMRAME */
#define MCH_SMRAM_WMASK_LOCKED 0x20              /* D_CLS */
#define MCH_SMRAM_D_OPEN 0x40
#define MCH_SMRAM_D_LCK 0x10
#define MCH_ESMRAMC 0x9e
#define MCH_ESMRAMC_DEFAULT 0x38
#define MCH_ESMRAMC_WMASK 0x87                   /* H_SMRAME, TSEG size and enable */
#define Q35_HOLE64_SIZE_DEFAULT (32 * GiB)

struct Q35PCIHost {
    PCIExpressHost parent_obj;

    PCHostConfig config;
    PCHostWindows windows;
};

struct MCHPCIState {
    PCIDevice parent_obj;

    PCLowMemory low;
    uint16_t ext_tseg_mbytes;     /* property "extended-tseg-mbytes" */
    bool attached;                /* low memory and the bridge object are there */
};

static void mch_update_low_memory(MCHPCIState *mch)
{
    uint8_t *config = PCI_DEVICE(mch)->config;

    if (mch->attached) {
        pc_low_memory_update(&mch->low, config + MCH_HOST_BRIDGE_PAM0,
                             config[MCH_SMRAM] & MCH_SMRAM_D_OPEN);
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

/* D_LCK makes itself and the others read-only until reset, and closes the window. */
static void mch_update_smram(PCIDevice *dev)
{
    if (dev->config[MCH_SMRAM] & MCH_SMRAM_D_LCK) {
        dev->config[MCH_SMRAM] &= ~MCH_SMRAM_D_OPEN;
        dev->wmask[MCH_SMRAM] = MCH_SMRAM_WMASK_LOCKED;
        dev->wmask[MCH_ESMRAMC] = 0;
    }
}

/* Software asks for the size by writing all ones; what it writes otherwise stays. */
static void mch_update_ext_tseg(MCHPCIState *mch)
{
    uint8_t *reg = PCI_DEVICE(mch)->config + MCH_EXT_TSEG_MBYTES;

    if (pci_get_word(reg) == MCH_EXT_TSEG_QUERY) {
        pci_set_word(reg, mch->ext_tseg_mbytes);
    }
}

/*
 * Whether the default SMBASE can be RAM of its own: asked for by 0xff and answered by 1, after
 * which 2 takes it and locks the register. Anything else leaves @old.
 */
static void mch_update_smbase(PCIDevice *dev, uint8_t old)
{
    uint8_t *reg = dev->config + MCH_F_SMBASE;

    if (*reg == MCH_F_SMBASE_QUERY) {
        *reg = MCH_F_SMBASE_IN_RAM;
    } else if (*reg == MCH_F_SMBASE_LOCK && old == MCH_F_SMBASE_IN_RAM) {
        dev->wmask[MCH_F_SMBASE] = 0;
    } else {
        *reg = old;
    }
}

static void mch_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len)
{
    MCHPCIState *mch = MCH_PCI_DEVICE(dev);
    uint8_t old_smbase = dev->config[MCH_F_SMBASE];

    pci_default_write_config(dev, address, val, len);
    if (ranges_overlap(address, len, MCH_HOST_BRIDGE_PCIEXBAR, MCH_PCIEXBAR_SIZE)) {
        mch_update_pciexbar(mch);
    }
    if (ranges_overlap(address, len, MCH_EXT_TSEG_MBYTES, 2)) {
        mch_update_ext_tseg(mch);
    }
    if (ranges_overlap(address, len, MCH_F_SMBASE, 1)) {
        mch_update_smbase(dev, old_smbase);
    }
    if (ranges_overlap(address, len, MCH_SMRAM, 2)) {
        mch_update_smram(dev);
    }
    if (ranges_overlap(address, len, MCH_HOST_BRIDGE_PAM0, PC_PAM_REGS) ||
        ranges_overlap(address, len, MCH_SMRAM, 1)) {
        mch_update_low_memory(mch);
    }
}

static void mch_set_reset_values(MCHPCIState *mch)
{
    PCIDevice *dev = PCI_DEVICE(mch);

    pci_set_quad(dev->config + MCH_HOST_BRIDGE_PCIEXBAR, MCH_HOST_BRIDGE_PCIEXBAR_DEFAULT);
    pci_set_word(dev->config + MCH_EXT_TSEG_MBYTES, mch->ext_tseg_mbytes);
    dev->config[MCH_F_SMBASE] = 0;
    dev->wmask[MCH_F_SMBASE] = 0xff;
    dev->config[MCH_SMRAM] = MCH_SMRAM_DEFAULT;
    dev->wmask[MCH_SMRAM] = MCH_SMRAM_WMASK;
    dev->config[MCH_ESMRAMC] = MCH_ESMRAMC_DEFAULT;
    dev->wmask[MCH_ESMRAMC] = MCH_ESMRAMC_WMASK;
}

static void mch_reset_hold(Object *obj, ResetType type)
{
    MCHPCIState *mch = MCH_PCI_DEVICE(obj);

    mch_set_reset_values(mch);
    mch_update_pciexbar(mch);
    mch_update_low_memory(mch);
}

static void mch_realize(PCIDevice *dev, Error **errp)
{
    mch_set_reset_values(MCH_PCI_DEVICE(dev));
}

static void mch_attach(MCHPCIState *mch, const PCHostConfig *config)
{
    pc_low_memory_init(&mch->low, OBJECT(mch), config->system, config->ram, config->pci);
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
    DEFINE_PROP_UINT16("extended-tseg-mbytes", MCHPCIState, ext_tseg_mbytes,
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
