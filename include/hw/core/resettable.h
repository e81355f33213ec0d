/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reset in three phases, so that parts may be reset in any order: enter (local state only, no
 * side effects on others), hold (outputs take their reset values), exit (leave reset). Each phase
 * is carried out on a whole tree before the next begins. Nested resets are counted. Big lock.
 */
#ifndef HW_CORE_RESETTABLE_H
#define HW_CORE_RESETTABLE_H

#include "qom/object.h"

#define TYPE_RESETTABLE_INTERFACE "resettable"
typedef struct ResettableClass ResettableClass;
DECLARE_CLASS_CHECKERS(ResettableClass, RESETTABLE, TYPE_RESETTABLE_INTERFACE)

typedef enum ResetType {
    RESET_TYPE_COLD,            /* power-on, and what a system reset does */
    RESET_TYPE_SNAPSHOT_LOAD,   /* before a snapshot's state is loaded */
    RESET_TYPE_WAKEUP,          /* the machine wakes from suspend */
    RESET_TYPE_S390_CPU_INITIAL,
    RESET_TYPE_S390_CPU_NORMAL,
} ResetType;

typedef void (*ResettableEnterPhase)(Object *obj, ResetType type);
typedef void (*ResettableHoldPhase)(Object *obj, ResetType type);
typedef void (*ResettableExitPhase)(Object *obj, ResetType type);
typedef void (*ResettableChildCallback)(Object *obj, void *opaque, ResetType type);
/* Calls @cb for each object that is reset with @obj. */
typedef void (*ResettableChildForeach)(Object *obj, ResettableChildCallback cb, void *opaque,
                                       ResetType type);
/* The state of @obj; it starts zeroed and belongs to the functions below. */
typedef ResettableState *(*ResettableGetState)(Object *obj);

typedef struct ResettablePhases {
    ResettableEnterPhase enter;
    ResettableHoldPhase hold;
    ResettableExitPhase exit;
} ResettablePhases;

struct ResettableClass {
    InterfaceClass parent_class;

    ResettablePhases phases;
    ResettableGetState get_state;
    ResettableChildForeach child_foreach;
};

struct ResettableState {
    unsigned count;               /* resets asserted on it */
    bool hold_phase_pending;
    bool exit_phase_in_progress;
};

static inline void resettable_state_clear(ResettableState *state)
{
    memset(state, 0, sizeof(*state));
}

/* assert + release. */
void resettable_reset(Object *obj, ResetType type);
void resettable_assert_reset(Object *obj, ResetType type);
void resettable_release_reset(Object *obj, ResetType type);
bool resettable_is_in_reset(Object *obj);
/* Tells @obj (a child of another reset tree from now on) which resets begin or end for it. */
void resettable_change_parent(Object *obj, Object *newp, Object *oldp);
/* Saves the class' phases in @parent_phases and replaces those that are not NULL. */
void resettable_class_set_parent_phases(ResettableClass *rc, ResettableEnterPhase enter,
                                        ResettableHoldPhase hold, ResettableExitPhase exit,
                                        ResettablePhases *parent_phases);

/* A list of resettable objects (borrowed) that are reset together. */
#define TYPE_RESETTABLE_CONTAINER "resettable-container"
OBJECT_DECLARE_SIMPLE_TYPE(ResettableContainer, RESETTABLE_CONTAINER)
void resettable_container_add(ResettableContainer *rc, Object *obj);
void resettable_container_remove(ResettableContainer *rc, Object *obj);

#endif /* HW_CORE_RESETTABLE_H */
