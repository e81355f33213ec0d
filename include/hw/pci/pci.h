/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The conventional PCI bus: 32 slots of 8 functions, each with a configuration space whose bits are
 * writable (wmask), cleared by writing 1 (w1cmask) or fixed, base address registers that place
 * regions in the bus' memory or port space, and four interrupt pins that the host routes.
 * A function masters the bus through its own address space, which is empty until the guest sets the
 * command register's bus master bit. All under the big lock, the pci_dma functions excepted.
 * Source: PCI Local Bus Specification 3.0; ranges of numbers are given with each function.
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "hw/core/qdev.h"
#include "hw/pci/pci_ids.h"
#include "hw/pci/pci_regs.h"
#include "qemu/bswap.h"
#include "system/memory.h"

#define PCI_BUS_NUM(x) (((x) >> 8) & 0xff)
#define PCI_SLOT(devfn) (((devfn) >> 3) & 0x1f)
#define PCI_FUNC(devfn) ((devfn) & 0x07)
#define PCI_DEVFN(slot, func) ((((slot) & 0x1f) << 3) | ((func) & 0x07))
#define PCI_BUILD_BDF(bus, devfn) (((bus) << 8) | (devfn))
#define PCI_SLOT_MAX 32
#define PCI_FUNC_MAX 8
#define PCI_DEVFN_MAX 256

#define PCI_CONFIG_HEADER_SIZE 0x40
#define PCI_CONFIG_SPACE_SIZE 0x100
#define PCIE_CONFIG_SPACE_SIZE 0x1000

#define PCI_NUM_PINS 4           /* INTA to INTD, counted from 0 */
#define PCI_ROM_SLOT 6
#define PCI_NUM_REGIONS 7
#define PCI_BAR_UNMAPPED UINT64_MAX
typedef uint64_t pcibus_t;
#define FMT_PCIBUS PRIx64

#define TYPE_PCI_BUS "PCI"
#define TYPE_PCIE_BUS "PCIE"
typedef struct PCIBusClass PCIBusClass;
DECLARE_OBJ_CHECKERS(PCIBus, PCIBusClass, PCI_BUS, TYPE_PCI_BUS)

/* What a device type says about the buses it fits on. */
#define INTERFACE_CONVENTIONAL_PCI_DEVICE "conventional-pci-device"
#define INTERFACE_PCIE_DEVICE "pci-express-device"

/* Bits of PCIDevice.cap_present. */
enum {
    QEMU_PCI_CAP_MSIX = 1 << 1,
    QEMU_PCI_CAP_EXPRESS = 1 << 2,        /* 4 KiB of configuration space; set before realize */
    QEMU_PCI_CAP_MULTIFUNCTION = 1 << 3,  /* "multifunction=on" */
};

/* ---- bus ------------------------------------------------------------------------------------- */

/* Sets the level of host interrupt line @irq_num (as map_irq numbers them). */
typedef void (*pci_set_irq_fn)(void *opaque, int irq_num, int level);
/* The host line, from 0, that pin @pin (0 is INTA) of @dev drives. */
typedef int (*pci_map_irq_fn)(PCIDevice *dev, int pin);

/*
 * A root bus named @name below @parent (a host bridge), whose BARs are placed in the two regions.
 * @typename is TYPE_PCI_BUS or TYPE_PCIE_BUS. @devfn_min: the first devfn that may be chosen for a
 * device without "addr=".
 */
PCIBus *pci_root_bus_new(DeviceState *parent, const char *name, MemoryRegion *mem,
                         MemoryRegion *io, uint8_t devfn_min, const char *typename);
/*
 * The secondary bus of bridge @br, named @name, or by the bus type and a number if that is NULL.
 * pci_secondary_bus_free() undoes it, its devices being gone.
 */
PCIBus *pci_secondary_bus_new(PCIDevice *br, const char *name, MemoryRegion *mem,
                              MemoryRegion *io, const char *typename);
void pci_secondary_bus_free(PCIBus *bus);
/* The @nirq host lines and how they are driven; pins go there by the map function. */
void pci_bus_irqs(PCIBus *bus, pci_set_irq_fn set_irq, void *irq_opaque, int nirq);
void pci_bus_map_irqs(PCIBus *bus, pci_map_irq_fn map_irq);
/* Calls @change(@opaque), after which map_irq may answer differently: levels move along. */
void pci_bus_irqs_rerouted(PCIBus *bus, void (*change)(void *opaque), void *opaque);
/* Whether any device drives host line @irq_num. */
int pci_bus_get_irq_level(PCIBus *bus, int irq_num);
bool pci_bus_is_express(const PCIBus *bus);
bool pci_bus_is_root(const PCIBus *bus);
/* 0 for a root bus and for one that nobody has given a number yet. */
int pci_bus_num(PCIBus *bus);
MemoryRegion *pci_address_space(PCIDevice *dev);     /* where its memory BARs are mapped */
MemoryRegion *pci_address_space_io(PCIDevice *dev);
/* The bus numbered @bus_num among root bus @bus and those below it, or NULL. */
PCIBus *pci_find_bus(PCIBus *bus, int bus_num);
/* The function at @devfn of that bus, or NULL. */
PCIDevice *pci_find_device(PCIBus *bus, int bus_num, uint8_t devfn);
/* The function that makes the slot of @dev known to a guest: 0; or NULL if it is not there. */
PCIDevice *pci_get_function_0(PCIDevice *dev);
void pci_for_each_device(PCIBus *bus, void (*fn)(PCIBus *b, PCIDevice *d, void *opaque),
                         void *opaque);

/* ---- devices --------------------------------------------------------------------------------- */

/* A device of type @name for slot @devfn (-1: any free one), not realized. */
PCIDevice *pci_new(int devfn, const char *name);
PCIDevice *pci_new_multifunction(int devfn, const char *name);
bool pci_realize_and_unref(PCIDevice *dev, PCIBus *bus, Error **errp);
PCIDevice *pci_create_simple(PCIBus *bus, int devfn, const char *name);
PCIDevice *pci_create_simple_multifunction(PCIBus *bus, int devfn, const char *name);

PCIBus *pci_get_bus(const PCIDevice *dev);
uint16_t pci_get_bdf(PCIDevice *dev);
bool pci_is_express(const PCIDevice *dev);
/* Size of the configuration space, bytes: 256 or 4096. */
uint32_t pci_config_size(const PCIDevice *dev);

/*
 * In realize: @memory (a power of two in size, at least 16) is what BAR @region_num (0 to 5, 6 the
 * ROM) places. @attr is PCI_BASE_ADDRESS_SPACE_IO, or any of PCI_BASE_ADDRESS_MEM_TYPE_64 and
 * PCI_BASE_ADDRESS_MEM_PREFETCH. A 64-bit BAR takes the next one too.
 */
void pci_register_bar(PCIDevice *dev, int region_num, uint8_t attr, MemoryRegion *memory);
/* Where the guest has put it, or PCI_BAR_UNMAPPED. */
pcibus_t pci_get_bar_addr(PCIDevice *dev, int region_num);

/*
 * Links a capability of @size bytes at @offset (0: a free place) into the list; all of its bytes
 * are read-only and 0 until the caller says otherwise. Returns its offset or, with @errp, -EINVAL.
 */
int pci_add_capability(PCIDevice *dev, uint8_t cap_id, uint8_t offset, uint8_t size,
                       Error **errp);
void pci_del_capability(PCIDevice *dev, uint8_t cap_id, uint8_t cap_size);
uint8_t pci_find_capability(PCIDevice *dev, uint8_t cap_id);

/* What config_read/config_write of a class call for all that they do not treat themselves. */
uint32_t pci_default_read_config(PCIDevice *dev, uint32_t address, int len);
void pci_default_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len);
/* Access from the bus: limits and absent functions are the host bridge's business. */
void pci_host_config_write_common(PCIDevice *dev, uint32_t addr, uint32_t limit, uint32_t val,
                                  uint32_t len);
uint32_t pci_host_config_read_common(PCIDevice *dev, uint32_t addr, uint32_t limit, uint32_t len);

/* The function's own interrupt pin, as its PCI_INTERRUPT_PIN says; @level is 0 or 1. */
void pci_set_irq(PCIDevice *dev, int level);
static inline void pci_irq_assert(PCIDevice *dev)
{
    pci_set_irq(dev, 1);
}
static inline void pci_irq_deassert(PCIDevice *dev)
{
    pci_set_irq(dev, 0);
}
/* The same as a line, owned by the caller (qemu_free_irq). */
qemu_irq pci_allocate_irq(PCIDevice *dev);
/* Function-level state back to reset values: config, BARs, interrupts, MSI-X. */
void pci_device_reset(PCIDevice *dev);
/* Power of its slot. Without, a function is reset, and absent for whoever looks for it. */
void pci_set_power(PCIDevice *dev, bool on);
/* Function-level reset, as a guest asks for it. */
void pci_device_function_reset(PCIDevice *dev);

/* Memory as the device sees it: guest memory while it may master the bus, else nothing. */
AddressSpace *pci_get_address_space(PCIDevice *dev);
#define pci_device_iommu_address_space(dev) pci_get_address_space(dev)

#define TYPE_PCI_DEVICE "pci-device"
typedef struct PCIDeviceClass PCIDeviceClass;
DECLARE_OBJ_CHECKERS(PCIDevice, PCIDeviceClass, PCI_DEVICE, TYPE_PCI_DEVICE)

/* ---- the bytes of configuration space: little endian ----------------------------------------- */

static inline void pci_set_byte(uint8_t *config, uint8_t val)
{
    *config = val;
}
static inline uint8_t pci_get_byte(const uint8_t *config)
{
    return *config;
}
static inline void pci_set_word(uint8_t *config, uint16_t val)
{
    stw_le_p(config, val);
}
static inline uint16_t pci_get_word(const uint8_t *config)
{
    return lduw_le_p(config);
}
static inline void pci_set_long(uint8_t *config, uint32_t val)
{
    stl_le_p(config, val);
}
static inline uint32_t pci_get_long(const uint8_t *config)
{
    return ldl_le_p(config);
}
static inline void pci_set_quad(uint8_t *config, uint64_t val)
{
    stq_le_p(config, val);
}
static inline uint64_t pci_get_quad(const uint8_t *config)
{
    return ldq_le_p(config);
}
static inline void pci_config_set_vendor_id(uint8_t *config, uint16_t val)
{
    pci_set_word(&config[PCI_VENDOR_ID], val);
}
static inline void pci_config_set_device_id(uint8_t *config, uint16_t val)
{
    pci_set_word(&config[PCI_DEVICE_ID], val);
}
static inline void pci_config_set_revision(uint8_t *config, uint8_t val)
{
    pci_set_byte(&config[PCI_REVISION_ID], val);
}
static inline void pci_config_set_class(uint8_t *config, uint16_t val)
{
    pci_set_word(&config[PCI_CLASS_DEVICE], val);
}
static inline void pci_config_set_interrupt_pin(uint8_t *config, uint8_t val)
{
    pci_set_byte(&config[PCI_INTERRUPT_PIN], val);
}
static inline uint16_t pci_word_test_and_clear_mask(uint8_t *config, uint16_t mask)
{
    uint16_t val = pci_get_word(config);

    pci_set_word(config, val & ~mask);
    return val & mask;
}
static inline uint16_t pci_word_test_and_set_mask(uint8_t *config, uint16_t mask)
{
    uint16_t val = pci_get_word(config);

    pci_set_word(config, val | mask);
    return val & mask;
}
/* Whether accesses [@first1, +@len1) and [@first2, +@len2) touch. Lengths are at least 1. */
static inline bool ranges_overlap(uint64_t first1, uint64_t len1, uint64_t first2, uint64_t len2)
{
    uint64_t last1 = first1 + len1 - 1;
    uint64_t last2 = first2 + len2 - 1;

    return !(last2 < first1 || last1 < first2);
}

#endif /* HW_PCI_PCI_H */
