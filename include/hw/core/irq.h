/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt lines: a qemu_irq is the input of whoever handles a level change. NULL is a line that
 * goes nowhere. Under the big lock.
 */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

#include "qom/object.h"

#define TYPE_IRQ "irq"
OBJECT_DECLARE_SIMPLE_TYPE(IRQState, IRQ)

typedef void (*qemu_irq_handler)(void *opaque, int n, int level);

struct IRQState {
    Object parent_obj;
    qemu_irq_handler handler;
    void *opaque;
    int n;
};

void qemu_set_irq(qemu_irq irq, int level);
static inline void qemu_irq_raise(qemu_irq irq) { qemu_set_irq(irq, 1); }
static inline void qemu_irq_lower(qemu_irq irq) { qemu_set_irq(irq, 0); }
static inline void qemu_irq_pulse(qemu_irq irq)
{
    qemu_set_irq(irq, 1);
    qemu_set_irq(irq, 0);
}

/* An array of @n lines whose handler is told the index; qemu_free_irqs() when done. */
qemu_irq *qemu_allocate_irqs(qemu_irq_handler handler, void *opaque, int n);
/* @old (may be NULL, @n_old lines) grown by @n; the new ones are numbered on from @n_old. */
qemu_irq *qemu_extend_irqs(qemu_irq *old, int n_old, qemu_irq_handler handler, void *opaque,
                           int n);
qemu_irq qemu_allocate_irq(qemu_irq_handler handler, void *opaque, int n);
void qemu_free_irqs(qemu_irq *s, int n);
void qemu_free_irq(qemu_irq irq);
/* A line that drives @irq with the opposite level. */
qemu_irq qemu_irq_invert(qemu_irq irq);
/* Puts @handler before the @n lines' own handlers, which it may no longer reach (qtest). */
void qemu_irq_intercept_in(qemu_irq *gpio_in, qemu_irq_handler handler, int n);
bool qemu_irq_is_connected(qemu_irq irq);

#endif /* HW_CORE_IRQ_H */
