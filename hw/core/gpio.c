/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines between devices. A list has inputs (objects, children of the device, made here) and outputs
 * (members of the device's structure, each a link property that holds what it drives). Inputs are
 * "unnamed-gpio-in[N]" or "NAME[N]" in the tree, outputs "unnamed-gpio-out[N]" or "NAME[N]".
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/core/qdev.h"

static NamedGPIOList *gpio_find_list(DeviceState *dev, const char *name)
{
    NamedGPIOList *list;

    QLIST_FOREACH(list, &dev->gpios, node) {
        if (g_strcmp0(list->name, name) == 0) {
            return list;
        }
    }
    return NULL;
}

NamedGPIOList *qdev_get_named_gpio_list(DeviceState *dev, const char *name)
{
    NamedGPIOList *list = gpio_find_list(dev, name);

    if (!list) {
        list = g_new0(NamedGPIOList, 1);
        list->name = g_strdup(name);
        QLIST_INSERT_HEAD(&dev->gpios, list, node);
    }
    return list;
}

static char *gpio_in_property(const char *name, int n)
{
    return g_strdup_printf("%s[%d]", name ? name : "unnamed-gpio-in", n);
}

static char *gpio_out_property(const char *name, int n)
{
    return g_strdup_printf("%s[%d]", name ? name : "unnamed-gpio-out", n);
}

/* Inputs. */

void qdev_init_gpio_in_named_with_opaque(DeviceState *dev, qemu_irq_handler handler, void *opaque,
                                         const char *name, int n)
{
    NamedGPIOList *list = qdev_get_named_gpio_list(dev, name);
    int first = list->num_in;

    assert(n >= 0 && (!name || list->num_out == 0));
    list->in = qemu_extend_irqs(list->in, first, handler, opaque, n);
    list->num_in = first + n;
    for (int i = first; i < list->num_in; i++) {
        g_autofree char *property = gpio_in_property(name, i);

        object_property_add_child(OBJECT(dev), property, OBJECT(list->in[i]));
    }
}

void qdev_init_gpio_in_named(DeviceState *dev, qemu_irq_handler handler, const char *name, int n)
{
    qdev_init_gpio_in_named_with_opaque(dev, handler, dev, name, n);
}

void qdev_init_gpio_in(DeviceState *dev, qemu_irq_handler handler, int n)
{
    qdev_init_gpio_in_named(dev, handler, NULL, n);
}

qemu_irq qdev_get_gpio_in_named(DeviceState *dev, const char *name, int n)
{
    NamedGPIOList *list = gpio_find_list(dev, name);

    assert(list && n >= 0 && n < list->num_in);
    return list->in[n];
}

qemu_irq qdev_get_gpio_in(DeviceState *dev, int n)
{
    return qdev_get_gpio_in_named(dev, NULL, n);
}

/* Outputs. */

void qdev_init_gpio_out_named(DeviceState *dev, qemu_irq *pins, const char *name, int n)
{
    NamedGPIOList *list = qdev_get_named_gpio_list(dev, name);
    int first = list->num_out;

    assert(n >= 0 && (!name || list->num_in == 0));
    list->num_out = first + n;
    list->outs = g_renew(qemu_irq *, list->outs, list->num_out);
    for (int i = first; i < list->num_out; i++) {
        g_autofree char *property = gpio_out_property(name, i);

        list->outs[i] = &pins[i - first];
        object_property_add_link(OBJECT(dev), property, TYPE_IRQ, (Object **)list->outs[i],
                                 object_property_allow_set_link, OBJ_PROP_LINK_STRONG);
    }
}

void qdev_init_gpio_out(DeviceState *dev, qemu_irq *pins, int n)
{
    qdev_init_gpio_out_named(dev, pins, NULL, n);
}

static qemu_irq *gpio_out_pin(DeviceState *dev, const char *name, int n)
{
    NamedGPIOList *list = gpio_find_list(dev, name);

    assert(list && n >= 0 && n < list->num_out);
    return list->outs[n];
}

/* The board's loose lines get a place in the tree, so that the link has a path to show. */
static void gpio_attach_to_tree(qemu_irq pin)
{
    if (pin && !OBJECT(pin)->parent &&
        object_resolve_path_component(object_get_root(), "machine")) {
        object_property_add_child(machine_get_container("unattached"), "non-qdev-gpio[*]",
                                  OBJECT(pin));
    }
}

void qdev_connect_gpio_out_named(DeviceState *dev, const char *name, int n, qemu_irq input_pin)
{
    qemu_irq *pin = gpio_out_pin(dev, name, n);
    qemu_irq old = *pin;

    gpio_attach_to_tree(input_pin);
    *pin = input_pin ? IRQ(object_ref(input_pin)) : NULL;
    if (old) {
        object_unref(old);
    }
}

void qdev_connect_gpio_out(DeviceState *dev, int n, qemu_irq pin)
{
    qdev_connect_gpio_out_named(dev, NULL, n, pin);
}

qemu_irq qdev_get_gpio_out_connector(DeviceState *dev, const char *name, int n)
{
    return *gpio_out_pin(dev, name, n);
}

/* The link's reference to the old destination goes to the caller. */
qemu_irq qdev_intercept_gpio_out(DeviceState *dev, qemu_irq icpt, const char *name, int n)
{
    qemu_irq *pin = gpio_out_pin(dev, name, n);
    qemu_irq old = *pin;

    *pin = icpt ? IRQ(object_ref(icpt)) : NULL;
    return old;
}

/* A container shows the lines of a device in it as its own. */

static void gpio_add_aliases(DeviceState *dev, DeviceState *container, NamedGPIOList *list)
{
    for (int i = 0; i < list->num_in; i++) {
        g_autofree char *property = gpio_in_property(list->name, i);

        object_property_add_alias(OBJECT(container), property, OBJECT(dev), property);
    }
    for (int i = 0; i < list->num_out; i++) {
        g_autofree char *property = gpio_out_property(list->name, i);

        object_property_add_alias(OBJECT(container), property, OBJECT(dev), property);
    }
}

/* The list moves: @dev must live as long as @container. */
void qdev_pass_gpios(DeviceState *dev, DeviceState *container, const char *name)
{
    NamedGPIOList *list = qdev_get_named_gpio_list(dev, name);
    NamedGPIOList *empty = gpio_find_list(container, name);

    if (empty) {
        assert(empty->num_in == 0 && empty->num_out == 0);
        QLIST_REMOVE(empty, node);
        g_free(empty->name);
        g_free(empty);
    }
    gpio_add_aliases(dev, container, list);
    QLIST_REMOVE(list, node);
    QLIST_INSERT_HEAD(&container->gpios, list, node);
}
