/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info qtree`, `info qdm` and `info pci`: buses and what sits on them, in QEMU's forms. */
#include "qemu/osdep.h"

#include "hmp.h"
#include "hw/core/qdev-monitor.h"
#include "hw/core/sysbus.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/json.h"

#define INDENT 2

static void print_line(MonitorHMP *mon, int indent, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

static void print_line(MonitorHMP *mon, int indent, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    hmp_printf(mon, "%*s%s\n", indent, "", text);
}

/* ---- PCI functions ---- */

typedef struct ClassName {
    uint16_t class;
    const char *name;
} ClassName;

static const ClassName class_names[] = {
    { PCI_CLASS_MEMORY_RAM, "RAM controller" },
    { PCI_CLASS_BRIDGE_HOST, "Host bridge" },
    { PCI_CLASS_BRIDGE_ISA, "ISA bridge" },
    { PCI_CLASS_BRIDGE_PCI, "PCI bridge" },
    { PCI_CLASS_BRIDGE_OTHER, "Bridge" },
};

/* NULL: the class has no name. */
static const char *pci_class_name(const PCIDevice *dev)
{
    uint16_t class = pci_get_word(dev->config + PCI_CLASS_DEVICE);

    for (size_t i = 0; i < ARRAY_SIZE(class_names); i++) {
        if (class_names[i].class == class) {
            return class_names[i].name;
        }
    }
    return NULL;
}

static uint8_t pci_header_type(const PCIDevice *dev)
{
    return pci_get_byte(dev->config + PCI_HEADER_TYPE) & ~0x80;
}

/* The last address; an unmapped BAR begins at all ones, and QEMU's arithmetic wraps. */
static pcibus_t region_last(const PCIIORegion *r)
{
    return r->addr + r->size - 1;
}

/* ---- info pci ---- */

static void print_bar(MonitorHMP *mon, int index, const PCIIORegion *r)
{
    if (r->type & PCI_BASE_ADDRESS_SPACE_IO) {
        hmp_printf(mon, "      BAR%d: I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", index,
                   r->addr, region_last(r));
        return;
    }
    hmp_printf(mon, "      BAR%d: %d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n", index,
               r->type & PCI_BASE_ADDRESS_MEM_TYPE_64 ? 64 : 32,
               r->type & PCI_BASE_ADDRESS_MEM_PREFETCH ? " prefetchable" : "", r->addr,
               region_last(r));
}

static void print_io_window(MonitorHMP *mon, const uint8_t *config)
{
    uint32_t base = (config[PCI_IO_BASE] & PCI_IO_RANGE_MASK & 0xff) << 8;
    uint32_t limit = (config[PCI_IO_LIMIT] & PCI_IO_RANGE_MASK & 0xff) << 8;

    if ((config[PCI_IO_BASE] & PCI_IO_RANGE_TYPE_MASK) == PCI_IO_RANGE_TYPE_32) {
        base |= (uint32_t)pci_get_word(config + PCI_IO_BASE_UPPER16) << 16;
        limit |= (uint32_t)pci_get_word(config + PCI_IO_LIMIT_UPPER16) << 16;
    }
    hmp_printf(mon, "      IO range [0x%04x, 0x%04x]\n", base, limit | 0xfff);
}

/* Memory windows count in MiB. */
static uint64_t window_address(const uint8_t *reg)
{
    return (uint64_t)(pci_get_word(reg) & 0xfff0) << 16;
}

static void print_memory_windows(MonitorHMP *mon, const uint8_t *config)
{
    uint64_t base = window_address(config + PCI_PREF_MEMORY_BASE);
    uint64_t limit = window_address(config + PCI_PREF_MEMORY_LIMIT) | 0xfffff;

    hmp_printf(mon, "      memory range [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n",
               window_address(config + PCI_MEMORY_BASE),
               window_address(config + PCI_MEMORY_LIMIT) | 0xfffff);
    if ((config[PCI_PREF_MEMORY_BASE] & PCI_PREF_RANGE_TYPE_MASK) == PCI_PREF_RANGE_TYPE_64) {
        base |= (uint64_t)pci_get_long(config + PCI_PREF_BASE_UPPER32) << 32;
        limit |= (uint64_t)pci_get_long(config + PCI_PREF_LIMIT_UPPER32) << 32;
    }
    hmp_printf(mon, "      prefetchable memory range [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n", base,
               limit);
}

static void print_bridge(MonitorHMP *mon, const uint8_t *config)
{
    hmp_printf(mon, "      BUS %d.\n", config[PCI_PRIMARY_BUS]);
    hmp_printf(mon, "      secondary bus %d.\n", config[PCI_SECONDARY_BUS]);
    hmp_printf(mon, "      subordinate bus %d.\n", config[PCI_SUBORDINATE_BUS]);
    print_io_window(mon, config);
    print_memory_windows(mon, config);
}

static void print_function(MonitorHMP *mon, int bus_num, const PCIDevice *dev)
{
    const uint8_t *config = dev->config;
    const char *class = pci_class_name(dev);

    hmp_printf(mon, "  Bus %2d, device %3d, function %d:\n", bus_num, PCI_SLOT(dev->devfn),
               PCI_FUNC(dev->devfn));
    if (class) {
        hmp_printf(mon, "    %s", class);
    } else {
        hmp_printf(mon, "    Class %04d", pci_get_word(config + PCI_CLASS_DEVICE));
    }
    hmp_printf(mon, ": PCI device %04x:%04x\n", pci_get_word(config + PCI_VENDOR_ID),
               pci_get_word(config + PCI_DEVICE_ID));
    if (pci_header_type(dev) == PCI_HEADER_TYPE_NORMAL) {
        hmp_printf(mon, "      PCI subsystem %04x:%04x\n",
                   pci_get_word(config + PCI_SUBSYSTEM_VENDOR_ID),
                   pci_get_word(config + PCI_SUBSYSTEM_ID));
    }
    if (config[PCI_INTERRUPT_PIN]) {
        hmp_printf(mon, "      IRQ %d, pin %c\n", config[PCI_INTERRUPT_LINE],
                   'A' + config[PCI_INTERRUPT_PIN] - 1);
    }
    if (pci_header_type(dev) == PCI_HEADER_TYPE_BRIDGE) {
        print_bridge(mon, config);
    }
    for (int i = 0; i < PCI_NUM_REGIONS; i++) {
        if (dev->io_regions[i].size) {
            print_bar(mon, i, &dev->io_regions[i]);
        }
    }
    hmp_printf(mon, "      id \"%s\"\n", dev->qdev.id ? dev->qdev.id : "");
}

/* The bus behind a bridge to which the guest has given a number, or NULL. */
static PCIBus *bus_behind(const PCIDevice *dev)
{
    BusState *bus = QLIST_FIRST(&dev->qdev.child_bus);

    if (pci_header_type(dev) != PCI_HEADER_TYPE_BRIDGE || !dev->config[PCI_SECONDARY_BUS] ||
        !bus || !object_dynamic_cast(OBJECT(bus), TYPE_PCI_BUS)) {
        return NULL;
    }
    return PCI_BUS(bus);
}

static void print_pci_bus(MonitorHMP *mon, PCIBus *bus, int bus_num)
{
    for (int devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        PCIDevice *dev = bus->devices[devfn];
        PCIBus *behind;

        if (!dev) {
            continue;
        }
        print_function(mon, bus_num, dev);
        behind = bus_behind(dev);
        if (behind) {
            print_pci_bus(mon, behind, dev->config[PCI_SECONDARY_BUS]);
        }
    }
}

/* Root buses are those of host bridges, which sit on the system bus. */
void hmp_info_pci(MonitorHMP *mon, char **args)
{
    BusChild *kid;
    BusState *bus;

    QTAILQ_FOREACH(kid, &sysbus_get_default()->children, sibling) {
        QLIST_FOREACH(bus, &kid->child->child_bus, sibling) {
            if (object_dynamic_cast(OBJECT(bus), TYPE_PCI_BUS)) {
                print_pci_bus(mon, PCI_BUS(bus), 0);
            }
        }
    }
}

/* ---- info qtree ---- */

/* Integers as QEMU prints them for people: signed, then in hexadecimal; sizes with a unit. */
static char *format_integer(const json_t *value, bool is_size)
{
    uint64_t u = 0;
    g_autofree char *size = NULL;

    if (!qjson_get_uint(value, &u)) {
        u = json_integer_value(value);
    }
    if (!is_size) {
        return g_strdup_printf("%" PRId64 " (0x%" PRIx64 ")", (int64_t)u, u);
    }
    size = size_to_str(u);
    return g_strdup_printf("%" PRIu64 " (%s)", u, size);
}

static char *format_value(const json_t *value, const char *type)
{
    if (qjson_is_string(value)) {
        return g_strdup_printf("\"%s\"", json_string_value(value));
    }
    if (json_is_boolean(value)) {
        return g_strdup(json_is_true(value) ? "true" : "false");
    }
    return format_integer(value, !strcmp(type, "size"));
}

static void print_property(MonitorHMP *mon, DeviceState *dev, const Property *prop, int indent)
{
    g_autofree char *text = NULL;
    json_t *value;

    if (!prop->info->get) {
        return;     /* a link */
    }
    value = object_property_get_json(OBJECT(dev), prop->name, NULL);
    if (value) {
        text = format_value(value, prop->info->type);
        print_line(mon, indent, "%s = %s", prop->name, text);
        json_decref(value);
    }
}

/* The properties that a type declares, from the device's own type to the most general. */
static void print_properties(MonitorHMP *mon, DeviceState *dev, int indent)
{
    ObjectClass *oc = object_get_class(OBJECT(dev));

    for (; oc != object_class_by_name(TYPE_DEVICE); oc = object_class_get_parent(oc)) {
        ObjectClass *parent = object_class_get_parent(oc);
        const DeviceClass *dc = DEVICE_CLASS(oc);

        if (!strcmp(object_class_get_name(oc), TYPE_PCI_DEVICE)) {
            print_line(mon, indent, "addr = %02x.%x", PCI_SLOT(PCI_DEVICE(dev)->devfn),
                       PCI_FUNC(PCI_DEVICE(dev)->devfn));
        }
        if (dc->props_ == DEVICE_CLASS(parent)->props_) {
            continue;   /* inherited */
        }
        for (unsigned i = 0; i < dc->props_count_; i++) {
            print_property(mon, dev, &dc->props_[i], indent);
        }
    }
}

static void print_gpios(MonitorHMP *mon, DeviceState *dev, int indent)
{
    NamedGPIOList *list;

    QLIST_FOREACH(list, &dev->gpios, node) {
        const char *name = list->name ? list->name : "";

        if (list->num_in) {
            print_line(mon, indent, "gpio-in \"%s\" %d", name, list->num_in);
        }
        if (list->num_out) {
            print_line(mon, indent, "gpio-out \"%s\" %d", name, list->num_out);
        }
    }
}

static void print_mmio(MonitorHMP *mon, SysBusDevice *dev, int indent)
{
    for (int i = 0; i < dev->num_mmio; i++) {
        print_line(mon, indent, "mmio %016" PRIx64 "/%016" PRIx64, dev->mmio[i].addr,
                   memory_region_size(dev->mmio[i].memory));
    }
}

static void print_pci(MonitorHMP *mon, PCIDevice *dev, int indent)
{
    g_autofree char *number = g_strdup_printf("Class %04x",
                                              pci_get_word(dev->config + PCI_CLASS_DEVICE));
    const char *class = pci_class_name(dev);

    print_line(mon, indent, "class %s, addr %02x:%02x.%x, pci id %04x:%04x (sub %04x:%04x)",
               class ? class : number, pci_bus_num(pci_get_bus(dev)), PCI_SLOT(dev->devfn),
               PCI_FUNC(dev->devfn), pci_get_word(dev->config + PCI_VENDOR_ID),
               pci_get_word(dev->config + PCI_DEVICE_ID),
               pci_get_word(dev->config + PCI_SUBSYSTEM_VENDOR_ID),
               pci_get_word(dev->config + PCI_SUBSYSTEM_ID));
    for (int i = 0; i < PCI_NUM_REGIONS; i++) {
        const PCIIORegion *r = &dev->io_regions[i];

        if (r->size) {
            print_line(mon, indent, "bar %d: %s at 0x%" PRIx64 " [0x%" PRIx64 "]", i,
                       r->type & PCI_BASE_ADDRESS_SPACE_IO ? "i/o" : "mem", r->addr,
                       region_last(r));
        }
    }
}

static void print_bus(MonitorHMP *mon, BusState *bus, int indent);

static void print_device(MonitorHMP *mon, DeviceState *dev, int indent)
{
    BusState *bus;

    print_line(mon, indent, "dev: %s, id \"%s\"", object_get_typename(OBJECT(dev)),
               dev->id ? dev->id : "");
    indent += INDENT;
    print_gpios(mon, dev, indent);
    print_properties(mon, dev, indent);
    if (object_dynamic_cast(OBJECT(dev), TYPE_SYS_BUS_DEVICE)) {
        print_mmio(mon, SYS_BUS_DEVICE(dev), indent);
    } else if (object_dynamic_cast(OBJECT(dev), TYPE_PCI_DEVICE)) {
        print_pci(mon, PCI_DEVICE(dev), indent);
    }
    QLIST_FOREACH(bus, &dev->child_bus, sibling) {
        print_bus(mon, bus, indent);
    }
}

static void print_bus(MonitorHMP *mon, BusState *bus, int indent)
{
    BusChild *kid;

    print_line(mon, indent, "bus: %s", bus->name);
    print_line(mon, indent + INDENT, "type %s", object_get_typename(OBJECT(bus)));
    QTAILQ_FOREACH(kid, &bus->children, sibling) {
        print_device(mon, kid->child, indent + INDENT);
    }
}

void hmp_info_qtree(MonitorHMP *mon, char **args)
{
    print_bus(mon, sysbus_get_default(), 0);
}

/* ---- info qdm ---- */

void hmp_info_qdm(MonitorHMP *mon, char **args)
{
    qdev_print_all_drivers(true);
}
