/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What setting a machine's properties has in common, whichever file keeps them: until when that is
 * allowed, and how an option of several parts ("-m", "-smp") becomes a property that is a
 * structure.
 */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "qapi/error.h"

bool machine_set_structure(MachineState *ms, const char *name, json_t *config, bool keyval,
                           Error **errp)
{
    json_t *props = json_object();
    Visitor *v;
    bool ok;

    json_object_set(props, name, config);
    v = keyval ? qobject_input_visitor_new_keyval(props) : qobject_input_visitor_new(props);
    ok = visit_start_struct(v, NULL, errp);
    if (ok) {
        ok = object_property_set(OBJECT(ms), name, v, errp);
        visit_end_struct(v);
    }
    visit_free(v);
    json_decref(props);
    return ok;
}

bool machine_refuse_late(const char *name, Error **errp)
{
    if (phase_check(PHASE_ACCEL_CREATED)) {
        error_setg(errp, "machine property '%s' cannot be changed any more", name);
        return true;
    }
    return false;
}
