/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest's write to a register asks for and that must not happen before the write has
 * returned: hardware that goes away, which may be above the one written to in the stack of calls.
 * It is done on the main loop, soon; sooner where the guest is stopped, since a stopped machine does
 * not change any more, and where the owner says so (a reset). All under the big lock.
 */
#ifndef HW_CORE_POSTPONED_H
#define HW_CORE_POSTPONED_H

#include "qemu/main-loop.h"
#include "system/runstate.h"

typedef struct PostponedWork {
    QEMUBHFunc *fn;
    void *opaque;
    QEMUBH *bh;
    VMChangeStateEntry *stop;
    bool wanted;
} PostponedWork;

/* @fn finds out for itself what is to be done now: things may have changed since it was wanted. */
void postponed_work_init(PostponedWork *w, QEMUBHFunc *fn, void *opaque);
void postponed_work_schedule(PostponedWork *w);
/* Now, if it is wanted. Not from where the work must not be done. */
void postponed_work_finish(PostponedWork *w);
/* What is still wanted is not done. A zeroed @w, never initialised, is fine as well. */
void postponed_work_cleanup(PostponedWork *w);

#endif /* HW_CORE_POSTPONED_H */
