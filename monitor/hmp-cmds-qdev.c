/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info qtree` and `info qdm`: buses and what sits on them, in QEMU's forms. */
#include "qemu/osdep.h"

#include "hmp.h"
#include "hw/core/qdev-monitor.h"
#include "hw/core/sysbus.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "pci-info.h"
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
                       r->addr + r->size - 1);   /* wraps, as QEMU's, while it is unmapped */
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
