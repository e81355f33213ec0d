/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slot of a PCI Express port: presence, power, indicators and the attention button, and what
 * follows for the device in it. A user's device_add inserts a device without power and presses the
 * button; device_del presses the button; the guest's driver switches power on, or off with the
 * power indicator, upon which the operator takes the device out: soon, not within the guest's write,
 * and not if the slot has power again by then. Source: PCI Express Base 3.0 sections 6.7, 7.8.9 to
 * 7.8.11.
 */
#include "qemu/osdep.h"
#include "hw/core/hotplug.h"
#include "hw/core/qdev-properties.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_port.h"
#include "qapi/error.h"

#define SLOT_EVENTS (PCI_EXP_SLTSTA_ABP | PCI_EXP_SLTSTA_PFD | PCI_EXP_SLTSTA_MRLSC | \
                     PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_CC)
#define SLOT_CTL_WMASK (PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_CCIE | \
                        PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_AIC | PCI_EXP_SLTCTL_PIC | \
                        PCI_EXP_SLTCTL_PCC)
#define SLOT_CTL_OCCUPIED (PCI_EXP_SLTCTL_ATTN_IND_OFF | PCI_EXP_SLTCTL_PWR_IND_ON)
#define SLOT_CTL_EMPTY (PCI_EXP_SLTCTL_ATTN_IND_OFF | PCI_EXP_SLTCTL_PWR_IND_OFF | \
                        PCI_EXP_SLTCTL_PWR_OFF)
#define SLOT_MSIX_VECTOR 0
/* Pressing the button again within this time would cancel (section 6.7.1.5). */
#define SLOT_AGAIN_MS 5000

/* ---- registers ------------------------------------------------------------------------------- */

static uint8_t *slot_reg(PCIESlot *s, unsigned reg)
{
    PCIDevice *dev = PCI_DEVICE(s);

    return dev->config + dev->express_cap + reg;
}

static uint16_t slot_control(PCIESlot *s)
{
    return pci_get_word(slot_reg(s, PCI_EXP_SLTCTL));
}

static uint16_t slot_status(PCIESlot *s)
{
    return pci_get_word(slot_reg(s, PCI_EXP_SLTSTA));
}

static PCIBus *slot_bus(PCIESlot *s)
{
    return PCI_BRIDGE(s)->sec_bus;
}

/* Whether the slot itself plugs and unplugs what is in it. */
static bool slot_is_native(PCIESlot *s)
{
    return (Object *)BUS(slot_bus(s))->hotplug_handler == OBJECT(s);
}

/* The events that the guest has enabled, bit by bit the same in both registers. */
static void slot_update_interrupt(PCIESlot *s)
{
    PCIDevice *dev = PCI_DEVICE(s);
    uint16_t control = slot_control(s);
    bool level = (control & PCI_EXP_SLTCTL_HPIE) && (control & slot_status(s) & SLOT_EVENTS);
    bool was = s->interrupt;

    s->interrupt = level;
    if (!msix_enabled(dev)) {
        pci_set_irq(dev, level);
    } else if (level && !was) {
        msix_notify(dev, SLOT_MSIX_VECTOR);
    }
}

static void slot_set_events(PCIESlot *s, uint16_t events)
{
    pci_word_test_and_set_mask(slot_reg(s, PCI_EXP_SLTSTA), events);
    slot_update_interrupt(s);
}

static void slot_update_power(PCIESlot *s)
{
    PCIBus *bus = slot_bus(s);
    bool on = !(slot_control(s) & PCI_EXP_SLTCTL_PCC);

    for (int devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        if (bus->devices[devfn]) {
            pci_set_power(bus->devices[devfn], on);
        }
    }
}

void pcie_slot_power_on(PCIESlot *s)
{
    pci_word_test_and_clear_mask(slot_reg(s, PCI_EXP_SLTCTL), PCI_EXP_SLTCTL_PCC);
    slot_update_power(s);
}

/* ---- taking devices away --------------------------------------------------------------------- */

static void slot_remove_devices(PCIESlot *s)
{
    PCIBus *bus = slot_bus(s);

    for (int devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
        DeviceState *dev = bus->devices[devfn] ? &bus->devices[devfn]->qdev : NULL;

        if (dev && DEVICE_GET_CLASS(dev)->hotpluggable) {
            hotplug_handler_unplug(qdev_get_hotplug_handler(dev), dev, &error_abort);
            object_unparent(OBJECT(dev));
        }
    }
    pci_word_test_and_clear_mask(slot_reg(s, PCI_EXP_SLTSTA),
                                 PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_ABP);
    slot_set_events(s, PCI_EXP_SLTSTA_PDC);
}

/* Power off, and the indicator tells the operator to take the card out. */
static bool slot_is_released(uint16_t control)
{
    return (control & PCI_EXP_SLTCTL_PCC) &&
           (control & PCI_EXP_SLTCTL_PIC) == PCI_EXP_SLTCTL_PWR_IND_OFF;
}

static void slot_remove_released(void *opaque)
{
    PCIESlot *s = opaque;

    if ((slot_status(s) & PCI_EXP_SLTSTA_PDS) && slot_is_released(slot_control(s))) {
        slot_remove_devices(s);
    }
}

/* @val is what was written to the control register. */
static void slot_control_written(PCIESlot *s, uint16_t old, uint16_t val)
{
    uint8_t *status = slot_reg(s, PCI_EXP_SLTSTA);

    if (val & PCI_EXP_SLTCTL_EIC) {
        pci_set_word(status, pci_get_word(status) ^ PCI_EXP_SLTSTA_EIS);
    }
    slot_update_power(s);
    if ((slot_status(s) & PCI_EXP_SLTSTA_PDS) && !slot_is_released(old) &&
        slot_is_released(slot_control(s))) {
        postponed_work_schedule(&s->removal);
    }
    slot_set_events(s, PCI_EXP_SLTSTA_CC);
}

/* ---- configuration accesses ------------------------------------------------------------------ */

/* The link's speed and width are those of the less able end: of the device, if there is one. */
static void slot_update_link(PCIESlot *s)
{
    PCIDevice *dev = PCI_DEVICE(s), *other = slot_bus(s)->devices[0];
    PCIDevice *end = other && other->express_cap ? other : dev;
    uint32_t cap = pci_get_long(end->config + end->express_cap + PCI_EXP_LNKCAP);
    uint16_t status = cap & (PCI_EXP_LNKCAP_SLS | PCI_EXP_LNKCAP_MLW);

    if (other && slot_is_native(s)) {
        status |= PCI_EXP_LNKSTA_DLLLA;
    }
    pci_set_word(slot_reg(s, PCI_EXP_LNKSTA), status);
}

uint32_t pcie_slot_read_config(PCIDevice *dev, uint32_t address, int len)
{
    if (ranges_overlap(address, len, dev->express_cap + PCI_EXP_LNKSTA, 2)) {
        slot_update_link(PCIE_SLOT(dev));
    }
    return pci_default_read_config(dev, address, len);
}

void pcie_slot_write_config(PCIDevice *dev, uint32_t address, uint32_t val, int len)
{
    PCIESlot *s = PCIE_SLOT(dev);
    uint32_t control = dev->express_cap + PCI_EXP_SLTCTL;
    uint16_t old = slot_control(s), old_events = slot_status(s) & SLOT_EVENTS;

    pci_bridge_write_config(dev, address, val, len);
    /* A guest that clears all at start has not seen an event that came just now: none is lost. */
    if (address == dev->express_cap + PCI_EXP_SLTSTA && (val & SLOT_EVENTS & ~old_events)) {
        pci_word_test_and_set_mask(slot_reg(s, PCI_EXP_SLTSTA), old_events);
    }
    if (ranges_overlap(address, len, control, 2)) {
        /* A write of the first byte only has no interlock bit, one of the second starts there. */
        slot_control_written(s, old, address <= control ? val >> 8 * (control - address)
                                                        : val << 8);
    }
    slot_update_interrupt(s);
}

void pcie_slot_reset_enter(PCIESlot *s)
{
    postponed_work_finish(&s->removal);
}

void pcie_slot_reset(PCIESlot *s)
{
    bool occupied = slot_bus(s)->devices[0];
    uint8_t *status = slot_reg(s, PCI_EXP_SLTSTA);

    pci_set_word(slot_reg(s, PCI_EXP_SLTCTL), occupied ? SLOT_CTL_OCCUPIED : SLOT_CTL_EMPTY);
    pci_word_test_and_clear_mask(status, SLOT_EVENTS | PCI_EXP_SLTSTA_EIS | PCI_EXP_SLTSTA_PDS);
    if (occupied && slot_is_native(s)) {
        pci_word_test_and_set_mask(status, PCI_EXP_SLTSTA_PDS);
    }
    slot_update_interrupt(s);
    slot_update_power(s);
}

/* ---- hotplug handler ------------------------------------------------------------------------- */

static bool slot_check_capable(PCIESlot *s, const char *what, Error **errp)
{
    if (pci_get_long(slot_reg(s, PCI_EXP_SLTCAP)) & PCI_EXP_SLTCAP_HPC) {
        return true;
    }
    error_setg(errp, "Hot-%s failed: unsupported by the port device '%s'", what,
               qdev_get_printable_name(DEVICE(s)));
    return false;
}

static void slot_pre_plug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    PCIESlot *s = PCIE_SLOT(handler);

    if (!dev->hotplugged || !slot_check_capable(s, "plug", errp)) {
        return;
    }
    if (slot_status(s) & PCI_EXP_SLTSTA_EIS) {
        error_setg(errp, "Hot-plug failed: the slot of '%s' is electromechanically locked",
                   qdev_get_printable_name(DEVICE(s)));
    }
}

static void slot_plug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    PCIESlot *s = PCIE_SLOT(handler);

    if (!dev->hotplugged) {
        return;     /* found at reset */
    }
    slot_update_power(s);
    pci_word_test_and_set_mask(slot_reg(s, PCI_EXP_SLTSTA), PCI_EXP_SLTSTA_PDS);
    if (slot_bus(s)->devices[0]) {
        slot_set_events(s, PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_ABP);
    }
}

static void slot_unplug_request(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    PCIESlot *s = PCIE_SLOT(handler);
    uint16_t control = slot_control(s);

    if (!slot_check_capable(s, "unplug", errp)) {
        return;
    }
    if ((control & PCI_EXP_SLTCTL_PIC) == PCI_EXP_SLTCTL_PWR_IND_BLINK) {
        error_setg(errp, "Hot-unplug failed: guest is busy (power indicator blinking)");
        return;
    }
    qdev_unplug_pending(dev, SLOT_AGAIN_MS);
    if (slot_is_released(control)) {
        slot_remove_devices(s);     /* the guest does not use it */
    } else {
        slot_set_events(s, PCI_EXP_SLTSTA_ABP);
    }
}

static bool slot_is_hotpluggable_bus(HotplugHandler *handler, BusState *bus)
{
    return PCIE_SLOT(handler)->hotplug;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Chassis and slot numbers that are taken, as chassis << 16 | slot. */
static GHashTable *slot_numbers;

static gpointer slot_number(const PCIESlot *s)
{
    return GUINT_TO_POINTER((unsigned)s->chassis << 16 | s->slot);
}

static bool slot_register_number(PCIESlot *s, Error **errp)
{
    if (!slot_numbers) {
        slot_numbers = g_hash_table_new(NULL, NULL);
    }
    if (!g_hash_table_add(slot_numbers, slot_number(s))) {
        error_setg(errp, "Can't add chassis slot, error %d: chassis %u slot %u is taken; a port "
                   "needs a 'chassis' (or 'slot') of its own", -EBUSY, s->chassis, s->slot);
        return false;
    }
    s->registered = true;
    return true;
}

bool pcie_slot_init(PCIESlot *s, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(s);
    uint32_t cap = PCI_EXP_SLTCAP_ABP | PCI_EXP_SLTCAP_PCP | PCI_EXP_SLTCAP_AIP |
                   PCI_EXP_SLTCAP_PIP | PCI_EXP_SLTCAP_EIP |
                   (uint32_t)s->slot << 19;

    if (!slot_register_number(s, errp)) {
        return false;
    }
    if (s->hotplug && s->native_hotplug) {
        cap |= PCI_EXP_SLTCAP_HPS | PCI_EXP_SLTCAP_HPC;
    }
    pci_word_test_and_set_mask(slot_reg(s, PCI_EXP_FLAGS), PCI_EXP_FLAGS_SLOT);
    pci_set_long(slot_reg(s, PCI_EXP_SLTCAP), cap);
    pci_set_word(dev->wmask + dev->express_cap + PCI_EXP_SLTCTL, SLOT_CTL_WMASK);
    pci_set_word(dev->w1cmask + dev->express_cap + PCI_EXP_SLTSTA, SLOT_EVENTS);
    qbus_set_hotplug_handler(BUS(slot_bus(s)), OBJECT(s));
    postponed_work_init(&s->removal, slot_remove_released, s);
    pcie_slot_reset(s);
    return true;
}

void pcie_slot_cleanup(PCIESlot *s)
{
    postponed_work_cleanup(&s->removal);
    if (s->registered) {
        g_hash_table_remove(slot_numbers, slot_number(s));
        s->registered = false;
    }
}

static const Property pcie_port_props[] = {
    DEFINE_PROP_UINT8("port", PCIEPort, port, 0),
};

static void pcie_port_class_init(ObjectClass *klass, const void *data)
{
    device_class_set_props(DEVICE_CLASS(klass), pcie_port_props);
}

static const Property pcie_slot_props[] = {
    DEFINE_PROP_UINT8("chassis", PCIESlot, chassis, 0),
    DEFINE_PROP_UINT16("slot", PCIESlot, slot, 0),
    DEFINE_PROP_BOOL("hotplug", PCIESlot, hotplug, true),
    DEFINE_PROP_BOOL("x-native-hotplug", PCIESlot, native_hotplug, true),
};

static void pcie_slot_class_init(ObjectClass *klass, const void *data)
{
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_CLASS(klass);

    device_class_set_props(DEVICE_CLASS(klass), pcie_slot_props);
    hc->pre_plug = slot_pre_plug;
    hc->plug = slot_plug;
    hc->unplug_request = slot_unplug_request;
    hc->unplug = qdev_simple_device_unplug_cb;
    hc->is_hotpluggable_bus = slot_is_hotpluggable_bus;
}

static const TypeInfo pcie_port_types[] = {
    {
        .name = TYPE_PCIE_PORT,
        .parent = TYPE_PCI_BRIDGE,
        .abstract = true,
        .instance_size = sizeof(PCIEPort),
        .class_init = pcie_port_class_init,
    },
    {
        .name = TYPE_PCIE_SLOT,
        .parent = TYPE_PCIE_PORT,
        .abstract = true,
        .instance_size = sizeof(PCIESlot),
        .class_init = pcie_slot_class_init,
        .interfaces = (const InterfaceInfo[]) { { TYPE_HOTPLUG_HANDLER }, { } },
    },
};
DEFINE_TYPES(pcie_port_types)
