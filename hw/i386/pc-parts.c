/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine properties about parts that every PC here has, or that none has (docs/system/platform.rst).
 * libvirt and scripts name them all the same: the one value that is true is taken, another is
 * refused.
 */
#include "qemu/osdep.h"
#include "pc-parts.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-common.h"
#include "qapi/visitor.h"

typedef struct PCPart {
    const char *name;
    const char *part;       /* what the property is about */
    const char *description;
    bool present;
    bool has_auto;          /* an OnOffAuto, as in QEMU; otherwise a bool */
} PCPart;

#define PC_PART(_name, _part, _auto) \
    { .name = _name, .part = _part, .description = "Only on: " _part " is always there", \
      .present = true, .has_auto = _auto }
#define PC_NO_PART(_name, _part, _auto) \
    { .name = _name, .part = _part, .description = "Only off: there is no " _part, \
      .has_auto = _auto }

static const PCPart pc_parts[] = {
    PC_PART("acpi", "ACPI", true),
    PC_PART("i8042", "the 8042", false),
    PC_PART("pic", "the 8259", true),
    PC_PART("pit", "the 8254", true),
    PC_NO_PART("hpet", "HPET", false),
    PC_NO_PART("nvdimm", "NVDIMM", false),
    PC_NO_PART("sata", "AHCI", false),
    PC_NO_PART("smbus", "SMBus", false),
    PC_NO_PART("smm", "system management mode", true),
    PC_NO_PART("vmport", "VMware port", true),
};

static void pc_part_get(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    const PCPart *part = opaque;
    bool value = part->present;
    OnOffAuto state = value ? ON_OFF_AUTO_ON : ON_OFF_AUTO_OFF;

    if (part->has_auto) {
        visit_type_OnOffAuto(v, name, &state, errp);
    } else {
        visit_type_bool(v, name, &value, errp);
    }
}

/* What the user gave; auto is whatever there is. */
static bool pc_part_visit(const PCPart *part, Visitor *v, bool *value, Error **errp)
{
    OnOffAuto state;

    if (!part->has_auto) {
        return visit_type_bool(v, part->name, value, errp);
    }
    if (!visit_type_OnOffAuto(v, part->name, &state, errp)) {
        return false;
    }
    *value = state == ON_OFF_AUTO_AUTO ? part->present : state == ON_OFF_AUTO_ON;
    return true;
}

static void pc_part_set(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    const PCPart *part = opaque;
    bool value;

    if (!pc_part_visit(part, v, &value, errp) || value == part->present) {
        return;
    }
    if (part->present) {
        error_setg(errp, "%s=off is not supported: %s is always there, use %s=on", name,
                   part->part, name);
    } else {
        error_setg(errp, "%s=on is not supported: there is no %s here, use %s=off", name,
                   part->part, name);
    }
}

void pc_parts_add_properties(ObjectClass *oc)
{
    for (unsigned i = 0; i < ARRAY_SIZE(pc_parts); i++) {
        const PCPart *part = &pc_parts[i];

        object_class_property_add(oc, part->name, part->has_auto ? "OnOffAuto" : "bool",
                                  pc_part_get, pc_part_set, NULL, (void *)part);
        object_class_property_set_description(oc, part->name, part->description);
    }
}
