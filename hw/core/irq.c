/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt lines. Lines are objects, so that they have a place in the tree with their device. */
#include "qemu/osdep.h"
#include "hw/core/irq.h"

void qemu_set_irq(qemu_irq irq, int level)
{
    if (irq) {
        irq->handler(irq->opaque, irq->n, level);
    }
}

qemu_irq qemu_allocate_irq(qemu_irq_handler handler, void *opaque, int n)
{
    qemu_irq irq = IRQ(object_new(TYPE_IRQ));

    irq->handler = handler;
    irq->opaque = opaque;
    irq->n = n;
    return irq;
}

qemu_irq *qemu_extend_irqs(qemu_irq *old, int n_old, qemu_irq_handler handler, void *opaque,
                           int n)
{
    qemu_irq *irqs = g_renew(qemu_irq, old, n_old + n);

    for (int i = n_old; i < n_old + n; i++) {
        irqs[i] = qemu_allocate_irq(handler, opaque, i);
    }
    return irqs;
}

qemu_irq *qemu_allocate_irqs(qemu_irq_handler handler, void *opaque, int n)
{
    return qemu_extend_irqs(NULL, 0, handler, opaque, n);
}

void qemu_free_irq(qemu_irq irq)
{
    object_unref(OBJECT(irq));
}

void qemu_free_irqs(qemu_irq *s, int n)
{
    for (int i = 0; i < n; i++) {
        qemu_free_irq(s[i]);
    }
    g_free(s);
}

static void irq_not_handler(void *opaque, int n, int level)
{
    qemu_set_irq(opaque, !level);
}

qemu_irq qemu_irq_invert(qemu_irq irq)
{
    return qemu_allocate_irq(irq_not_handler, irq, 0);
}

/* The old handler is dropped: who intercepts, sees the line in its stead. */
void qemu_irq_intercept_in(qemu_irq *gpio_in, qemu_irq_handler handler, int n)
{
    for (int i = 0; i < n; i++) {
        qemu_irq old = qemu_allocate_irq(gpio_in[i]->handler, gpio_in[i]->opaque, gpio_in[i]->n);

        object_property_add_child(OBJECT(gpio_in[i]), "intercepted", OBJECT(old));
        object_unref(OBJECT(old));
        gpio_in[i]->handler = handler;
        gpio_in[i]->opaque = old;
        gpio_in[i]->n = i;
    }
}

bool qemu_irq_is_connected(qemu_irq irq)
{
    return irq != NULL;
}

static const TypeInfo irq_info = {
    .name = TYPE_IRQ,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(struct IRQState),
};

static void irq_register_types(void)
{
    type_register_static(&irq_info);
}

type_init(irq_register_types)
