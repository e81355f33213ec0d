/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What both host bridges of a PC do alike: windows that show RAM or the PCI bus between 0xa0000 and
 * 0xfffff, and the properties that tell where the PCI bus may be given addresses.
 */
#include "qemu/osdep.h"
#include "hw/pci-host/pc-host-internal.h"
#include "hw/core/qdev-properties.h"
#include "qapi/error.h"

#define PAM_BASE 0xc0000u
#define PAM_SEGMENT_SIZE 0x4000u
#define PAM_BIOS_BASE 0xf0000u
#define PAM_BIOS_SIZE 0x10000u
#define PAM_END (PAM_BIOS_BASE + PAM_BIOS_SIZE)
#define PAM_READ 1
#define PAM_WRITE 2
#define SMRAM_BASE 0xa0000u
#define SMRAM_SIZE 0x20000u
#define PCI_HOLE_END 0xfec00000u
#define HOLE64_ALIGN (UINT64_C(1) << 30)

static void pam_segment_init(PAMSegment *s, Object *owner, MemoryRegion *system,
                             MemoryRegion *ram, MemoryRegion *pci, hwaddr addr, uint64_t size)
{
    memory_region_init_alias(&s->ram, owner, "pam-ram", ram, addr, size);
    memory_region_init_alias(&s->rom, owner, "pam-rom", ram, addr, size);
    memory_region_set_readonly(&s->rom, true);
    memory_region_init_alias(&s->pci, owner, "pam-pci", pci, addr, size);
    memory_region_set_enabled(&s->ram, false);
    memory_region_set_enabled(&s->rom, false);
    /* Never more than one is enabled; `info mtree -D` lists them newest first, as QEMU's. */
    memory_region_add_subregion_overlap(system, addr, &s->pci, 1);
    memory_region_add_subregion_overlap(system, addr, &s->rom, 1);
    memory_region_add_subregion_overlap(system, addr, &s->ram, 1);
}

/* Where firmware and option ROMs would be: reads as zero, like QEMU's while there are none. */
static uint64_t empty_rom_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static void empty_rom_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static const MemoryRegionOps empty_rom_ops = {
    .read = empty_rom_read,
    .write = empty_rom_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

void pc_low_memory_init(PCLowMemory *low, Object *owner, MemoryRegion *system, MemoryRegion *ram,
                        MemoryRegion *pci)
{
    memory_region_transaction_begin();
    memory_region_init_io(&low->empty_rom, owner, &empty_rom_ops, NULL, "pc.rom",
                          PAM_END - PAM_BASE);
    memory_region_add_subregion_overlap(pci, PAM_BASE, &low->empty_rom, 1);
    memory_region_init_alias(&low->smram_region, owner, "smram-region", pci, SMRAM_BASE,
                             SMRAM_SIZE);
    memory_region_add_subregion_overlap(system, SMRAM_BASE, &low->smram_region, 1);
    for (int i = 0; i < PC_PAM_SEGMENTS - 1; i++) {
        pam_segment_init(&low->pam[i], owner, system, ram, pci,
                         PAM_BASE + i * PAM_SEGMENT_SIZE, PAM_SEGMENT_SIZE);
    }
    pam_segment_init(&low->pam[PC_PAM_SEGMENTS - 1], owner, system, ram, pci, PAM_BIOS_BASE,
                     PAM_BIOS_SIZE);
    memory_region_transaction_commit();
}

static void pam_segment_update(PAMSegment *s, uint8_t mode)
{
    memory_region_set_enabled(&s->ram, mode & PAM_WRITE);
    memory_region_set_enabled(&s->rom, (mode & (PAM_READ | PAM_WRITE)) == PAM_READ);
    memory_region_set_enabled(&s->pci, !(mode & (PAM_READ | PAM_WRITE)));
}

/* The first register's high half is the last segment; then two segments a register, low first. */
void pc_low_memory_update(PCLowMemory *low, const uint8_t *regs, bool smram_open)
{
    memory_region_transaction_begin();
    pam_segment_update(&low->pam[PC_PAM_SEGMENTS - 1], regs[0] >> 4);
    for (int i = 0; i < PC_PAM_SEGMENTS - 1; i++) {
        uint8_t reg = regs[1 + i / 2];

        pam_segment_update(&low->pam[i], i % 2 ? reg >> 4 : reg);
    }
    memory_region_set_enabled(&low->smram_region, !smram_open);
    memory_region_transaction_commit();
}

/* ---- windows for BARs ------------------------------------------------------------------------ */

static void pc_host_get_hole(Object *obj, Visitor *v, const char *name, void *opaque,
                             Error **errp)
{
    PCHostWindows *w = opaque;
    uint32_t value = strcmp(name, PCI_HOST_PROP_PCI_HOLE_END) ? w->hole_start : PCI_HOLE_END;

    visit_type_uint32(v, name, &value, errp);
}

/* The greater of what was asked for by pci-hole64-size and the end of the GiB that it ends in. */
static void pc_host_get_hole64(Object *obj, Visitor *v, const char *name, void *opaque,
                               Error **errp)
{
    PCHostWindows *w = opaque;
    uint64_t value = w->hole64_start;

    if (!strcmp(name, PCI_HOST_PROP_PCI_HOLE64_END)) {
        value = QEMU_ALIGN_UP(value + w->hole64_size, HOLE64_ALIGN);
    }
    visit_type_uint64(v, name, &value, errp);
}

void pc_host_add_window_properties(Object *obj, PCHostWindows *w)
{
    object_property_add(obj, PCI_HOST_PROP_PCI_HOLE_START, "uint32", pc_host_get_hole, NULL, NULL,
                        w);
    object_property_add(obj, PCI_HOST_PROP_PCI_HOLE_END, "uint32", pc_host_get_hole, NULL, NULL,
                        w);
    object_property_add(obj, PCI_HOST_PROP_PCI_HOLE64_START, "uint64", pc_host_get_hole64, NULL,
                        NULL, w);
    object_property_add(obj, PCI_HOST_PROP_PCI_HOLE64_END, "uint64", pc_host_get_hole64, NULL,
                        NULL, w);
}

DeviceState *pc_host_create(Object *machine, const char *child, const char *type,
                            const PCHostConfig *config,
                            void (*configure)(DeviceState *dev, const PCHostConfig *config))
{
    DeviceState *dev = qdev_new(type);

    object_property_add_child(machine, child, OBJECT(dev));
    memory_region_add_subregion_overlap(config->system, 0, config->pci, -1);
    configure(dev, config);
    sysbus_realize_and_unref(SYS_BUS_DEVICE(dev), &error_fatal);
    return dev;
}

/* Ports of configuration mechanism 1, on any host bridge of a PC. */
void pc_host_init_ports(PCIHostState *phb)
{
    memory_region_init_io(&phb->conf_mem, OBJECT(phb), &pci_host_conf_le_ops, phb, "pci-conf-idx",
                          4);
    memory_region_init_io(&phb->data_mem, OBJECT(phb), &pci_host_data_le_ops, phb,
                          "pci-conf-data", 4);
}
