/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that waits until the register write that asked for it has returned; see hw/core/postponed.h.
 */
#include "qemu/osdep.h"
#include "hw/core/postponed.h"

void postponed_work_finish(PostponedWork *w)
{
    if (w->wanted) {
        w->wanted = false;
        qemu_bh_cancel(w->bh);
        w->fn(w->opaque);
    }
}

static void postponed_work_bh(void *opaque)
{
    postponed_work_finish(opaque);
}

static void postponed_work_vm_change(void *opaque, bool running, RunState state)
{
    if (!running) {
        postponed_work_finish(opaque);
    }
}

void postponed_work_init(PostponedWork *w, QEMUBHFunc *fn, void *opaque)
{
    *w = (PostponedWork) {
        .fn = fn,
        .opaque = opaque,
        .bh = qemu_bh_new(postponed_work_bh, w),
        .stop = qemu_add_vm_change_state_handler(postponed_work_vm_change, w),
    };
}

void postponed_work_schedule(PostponedWork *w)
{
    w->wanted = true;
    qemu_bh_schedule(w->bh);
}

void postponed_work_cleanup(PostponedWork *w)
{
    if (w->bh) {
        qemu_del_vm_change_state_handler(w->stop);
        qemu_bh_delete(w->bh);
        *w = (PostponedWork) { };
    }
}
