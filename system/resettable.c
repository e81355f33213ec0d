/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reset in three phases over a tree of objects. An object that is asserted twice (by its bus and by
 * itself) runs its phases once: when the first reset begins, and when the last one ends. The
 * header is among hw/core's, where device authors look for it; reset.c needs it in this layer.
 */
#include "qemu/osdep.h"
#include "hw/core/resettable.h"

static ResettableState *resettable_state(Object *obj)
{
    return RESETTABLE_GET_CLASS(obj)->get_state(obj);
}

static void resettable_for_children(Object *obj, ResettableChildCallback cb, void *opaque,
                                    ResetType type)
{
    ResettableClass *rc = RESETTABLE_GET_CLASS(obj);

    if (rc->child_foreach) {
        rc->child_foreach(obj, cb, opaque, type);
    }
}

static void resettable_enter(Object *obj, void *opaque, ResetType type)
{
    ResettableClass *rc = RESETTABLE_GET_CLASS(obj);
    ResettableState *s = resettable_state(obj);
    bool first = s->count++ == 0;

    resettable_for_children(obj, resettable_enter, opaque, type);
    if (first) {
        if (rc->phases.enter) {
            rc->phases.enter(obj, type);
        }
        s->hold_phase_pending = true;
    }
}

static void resettable_hold(Object *obj, void *opaque, ResetType type)
{
    ResettableClass *rc = RESETTABLE_GET_CLASS(obj);
    ResettableState *s = resettable_state(obj);

    resettable_for_children(obj, resettable_hold, opaque, type);
    if (s->hold_phase_pending) {
        s->hold_phase_pending = false;
        if (rc->phases.hold) {
            rc->phases.hold(obj, type);
        }
    }
}

static void resettable_exit(Object *obj, void *opaque, ResetType type)
{
    ResettableClass *rc = RESETTABLE_GET_CLASS(obj);
    ResettableState *s = resettable_state(obj);

    s->exit_phase_in_progress = true;
    resettable_for_children(obj, resettable_exit, opaque, type);
    assert(s->count > 0);
    if (--s->count == 0 && rc->phases.exit) {
        rc->phases.exit(obj, type);
    }
    s->exit_phase_in_progress = false;
}

void resettable_assert_reset(Object *obj, ResetType type)
{
    resettable_enter(obj, NULL, type);
    resettable_hold(obj, NULL, type);
}

void resettable_release_reset(Object *obj, ResetType type)
{
    resettable_exit(obj, NULL, type);
}

void resettable_reset(Object *obj, ResetType type)
{
    resettable_assert_reset(obj, type);
    resettable_release_reset(obj, type);
}

bool resettable_is_in_reset(Object *obj)
{
    return resettable_state(obj)->count > 0;
}

static unsigned resettable_count(Object *obj)
{
    return obj ? resettable_state(obj)->count : 0;
}

/* As many resets as @newp is in and @oldp is not begin for @obj, and the other way round. */
void resettable_change_parent(Object *obj, Object *newp, Object *oldp)
{
    unsigned new_count = resettable_count(newp), old_count = resettable_count(oldp);

    for (; old_count < new_count; old_count++) {
        resettable_assert_reset(obj, RESET_TYPE_COLD);
    }
    for (; old_count > new_count; old_count--) {
        resettable_release_reset(obj, RESET_TYPE_COLD);
    }
}

void resettable_class_set_parent_phases(ResettableClass *rc, ResettableEnterPhase enter,
                                        ResettableHoldPhase hold, ResettableExitPhase exit,
                                        ResettablePhases *parent_phases)
{
    *parent_phases = rc->phases;
    if (enter) {
        rc->phases.enter = enter;
    }
    if (hold) {
        rc->phases.hold = hold;
    }
    if (exit) {
        rc->phases.exit = exit;
    }
}

/* A list of objects that are reset together, in the order in which they were added. */
struct ResettableContainer {
    Object parent;
    ResettableState reset_state;
    GPtrArray *children;   /* not referenced */
};

void resettable_container_add(ResettableContainer *rc, Object *obj)
{
    g_ptr_array_add(rc->children, obj);
}

void resettable_container_remove(ResettableContainer *rc, Object *obj)
{
    g_ptr_array_remove(rc->children, obj);
}

static ResettableState *resettable_container_get_state(Object *obj)
{
    return &RESETTABLE_CONTAINER(obj)->reset_state;
}

/* Children may be removed by what their phases do: walk a copy. */
static void resettable_container_foreach(Object *obj, ResettableChildCallback cb, void *opaque,
                                         ResetType type)
{
    ResettableContainer *rc = RESETTABLE_CONTAINER(obj);
    g_autoptr(GPtrArray) children = g_ptr_array_copy(rc->children, NULL, NULL);

    for (guint i = 0; i < children->len; i++) {
        Object *child = g_ptr_array_index(children, i);

        if (g_ptr_array_find(rc->children, child, NULL)) {
            cb(child, opaque, type);
        }
    }
}

static void resettable_container_init(Object *obj)
{
    RESETTABLE_CONTAINER(obj)->children = g_ptr_array_new();
}

static void resettable_container_finalize(Object *obj)
{
    g_ptr_array_free(RESETTABLE_CONTAINER(obj)->children, true);
}

static void resettable_container_class_init(ObjectClass *klass, const void *data)
{
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    rc->get_state = resettable_container_get_state;
    rc->child_foreach = resettable_container_foreach;
}

static const TypeInfo resettable_types[] = {
    {
        .name = TYPE_RESETTABLE_INTERFACE,
        .parent = TYPE_INTERFACE,
        .class_size = sizeof(ResettableClass),
    },
    {
        .name = TYPE_RESETTABLE_CONTAINER,
        .parent = TYPE_OBJECT,
        .instance_size = sizeof(ResettableContainer),
        .instance_init = resettable_container_init,
        .instance_finalize = resettable_container_finalize,
        .class_init = resettable_container_class_init,
        .interfaces = (const InterfaceInfo[]) { { TYPE_RESETTABLE_INTERFACE }, { } },
    },
};

DEFINE_TYPES(resettable_types)
