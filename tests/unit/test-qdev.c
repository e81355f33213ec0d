/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices, buses, lines and hotplug: that a device is realized in order, that a failure at any step
 * leaves nothing behind, who is told what, and who holds whom. No machine type: /machine is a
 * container with the three places that devices go to.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/core/qdev.h"
#include "hw/core/qdev-properties.h"
#include "system/memory.h"

#define TYPE_TEST_BUS "test-bus"
#define TYPE_TEST_DEV "test-dev"
#define TYPE_TEST_LEAF "test-leaf"
#define TYPE_TEST_HANDLER "test-handler"

OBJECT_DECLARE_SIMPLE_TYPE(TestDev, TEST_DEV)

struct TestDev {
    DeviceState parent_obj;
    qemu_irq out[2];
    uint32_t value;
    BusState bus;
    bool has_bus;
};

/* What happened, a letter each. */
static GString *events;
static char fail_at;         /* the step that refuses */
static int live;             /* test devices that exist */
static int in_level[4];
static int deleted;
static char *deleted_path;

static bool test_step(char c, Error **errp)
{
    g_string_append_c(events, c);
    if (c == fail_at) {
        error_setg(errp, "step %c", c);
        return false;
    }
    return true;
}

static void test_in(void *opaque, int n, int level)
{
    g_assert_cmpint(n, <, 4);
    in_level[n] = level;
}

static void test_dev_init(Object *obj)
{
    TestDev *t = TEST_DEV(obj);

    live++;
    qdev_init_gpio_in(DEVICE(obj), test_in, 2);
    qdev_init_gpio_in(DEVICE(obj), test_in, 2);
    qdev_init_gpio_out(DEVICE(obj), &t->out[0], 1);
    qdev_init_gpio_out_named(DEVICE(obj), &t->out[1], "wire", 1);
}

static void test_dev_finalize(Object *obj)
{
    live--;
}

static bool memory_refused;

static void test_dev_realize(DeviceState *dev, Error **errp)
{
    TestDev *t = TEST_DEV(dev);

    if (memory_refused) {
        Error *err = NULL;

        error_setg(&err, "memory refused");
        memory_listener_failed(err);
    }
    if (!test_step('r', errp)) {
        return;
    }
    qbus_init(&t->bus, sizeof(t->bus), TYPE_TEST_BUS, dev, dev->id);
    t->has_bus = true;
    qbus_set_bus_hotplug_handler(&t->bus);
}

static void test_dev_unrealize(DeviceState *dev)
{
    TestDev *t = TEST_DEV(dev);

    g_string_append_c(events, 'u');
    if (t->has_bus) {
        object_unparent(OBJECT(&t->bus));
        t->has_bus = false;
    }
}

static void test_enter(Object *obj, ResetType type)
{
    g_string_append_c(events, 'E');
}

static void test_exit(Object *obj, ResetType type)
{
    g_string_append_c(events, 'X');
}

static const Property test_dev_props[] = {
    DEFINE_PROP_UINT32("value", TestDev, value, 7),
};

static void test_dev_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    dc->realize = test_dev_realize;
    dc->unrealize = test_dev_unrealize;
    dc->bus_type = TYPE_TEST_BUS;
    rc->phases.enter = test_enter;
    rc->phases.exit = test_exit;
    device_class_set_props(dc, test_dev_props);
}

static void test_leaf_class_init(ObjectClass *klass, const void *data)
{
    DEVICE_CLASS(klass)->hotpluggable = false;
}

static bool test_bus_check_address(BusState *bus, DeviceState *dev, Error **errp)
{
    return test_step('a', errp);
}

static void test_bus_realize(BusState *bus, Error **errp)
{
    test_step('b', errp);
}

static void test_bus_unrealize(BusState *bus)
{
    g_string_append_c(events, 'v');
}

static void test_pre_plug(HotplugHandler *h, DeviceState *dev, Error **errp)
{
    test_step('p', errp);
}

static void test_plug(HotplugHandler *h, DeviceState *dev, Error **errp)
{
    test_step('P', errp);
}

static void test_unplug(HotplugHandler *h, DeviceState *dev, Error **errp)
{
    if (test_step('d', errp)) {
        qdev_simple_device_unplug_cb(h, dev, errp);
    }
}

static void test_bus_class_init(ObjectClass *klass, const void *data)
{
    BusClass *bc = BUS_CLASS(klass);
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_CLASS(klass);

    bc->check_address = test_bus_check_address;
    bc->realize = test_bus_realize;
    bc->unrealize = test_bus_unrealize;
    hc->pre_plug = test_pre_plug;
    hc->plug = test_plug;
    hc->unplug = test_unplug;
}

static int64_t unplug_patience_ms;

static void test_unplug_request(HotplugHandler *h, DeviceState *dev, Error **errp)
{
    g_string_append_c(events, 'q');
    qdev_unplug_pending(dev, unplug_patience_ms);
}

static void test_handler_class_init(ObjectClass *klass, const void *data)
{
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_CLASS(klass);

    hc->unplug_request = test_unplug_request;
    hc->unplug = test_unplug;
}

static const TypeInfo test_types[] = {
    {
        .name = TYPE_TEST_BUS,
        .parent = TYPE_BUS,
        .instance_size = sizeof(BusState),
        .class_init = test_bus_class_init,
        .interfaces = (const InterfaceInfo[]) { { TYPE_HOTPLUG_HANDLER }, { } },
    }, {
        .name = TYPE_TEST_DEV,
        .parent = TYPE_DEVICE,
        .instance_size = sizeof(TestDev),
        .instance_init = test_dev_init,
        .instance_finalize = test_dev_finalize,
        .class_init = test_dev_class_init,
    }, {
        .name = TYPE_TEST_LEAF,
        .parent = TYPE_TEST_DEV,
        .class_init = test_leaf_class_init,
    }, {
        .name = TYPE_TEST_HANDLER,
        .parent = TYPE_OBJECT,
        .class_init = test_handler_class_init,
        .interfaces = (const InterfaceInfo[]) { { TYPE_HOTPLUG_HANDLER }, { } },
    },
};

static void test_deleted(const char *id, const char *path)
{
    deleted++;
    g_free(deleted_path);
    deleted_path = g_strdup(path);
}

/* A bus that can be plugged into, as the tests' root. */
static BusState *root_bus_new(void)
{
    BusState *bus = qbus_new(TYPE_TEST_BUS, NULL, "root");

    object_property_add_child(object_get_root(), "test-root", OBJECT(bus));
    object_unref(bus);
    qbus_set_bus_hotplug_handler(bus);
    qbus_realize(bus, &error_abort);
    g_string_truncate(events, 0);
    return bus;
}

static void root_bus_free(BusState *bus)
{
    g_assert_cmpint(bus->num_children, ==, 0);
    g_assert_cmpint(OBJECT(bus)->ref, ==, 1);
    object_unparent(OBJECT(bus));
    g_assert_cmpint(live, ==, 0);
}

static void test_realize_order(void)
{
    BusState *bus = root_bus_new();
    DeviceState *dev = qdev_new(TYPE_TEST_DEV);

    g_assert_true(qdev_realize_and_unref(dev, bus, &error_abort));
    g_assert_cmpstr(events->str, ==, "aprbP");
    g_assert_cmpstr(dev->canonical_path, ==, "/machine/unattached/device[0]");
    g_assert_true(object_property_get_bool(OBJECT(dev), "realized", &error_abort));
    g_assert_true(object_property_get_link(OBJECT(dev), "parent_bus", &error_abort) ==
                  OBJECT(bus));
    g_assert_true(object_property_get_link(OBJECT(bus), "child[0]", &error_abort) ==
                  OBJECT(dev));
    g_assert_cmpstr(TEST_DEV(dev)->bus.name, ==, "test-bus.0");
    g_assert_true(qdev_get_child_bus(dev, "test-bus.0") == &TEST_DEV(dev)->bus);
    g_assert_false(object_property_set_uint(OBJECT(dev), "value", 8, NULL));
    g_string_truncate(events, 0);
    object_unparent(OBJECT(dev));
    g_assert_cmpstr(events->str, ==, "vu");
    g_assert_null(object_property_find(OBJECT(bus), "child[0]"));
    root_bus_free(bus);
}

static void test_realize_failures(void)
{
    static const struct {
        char at;
        const char *events;
    } cases[] = { { 'a', "a" }, { 'p', "ap" }, { 'r', "apr" } };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        BusState *bus = root_bus_new();
        DeviceState *dev = qdev_new(TYPE_TEST_DEV);
        Error *err = NULL;

        fail_at = cases[i].at;
        g_assert_false(qdev_realize(dev, bus, &err));
        fail_at = 0;
        error_free_or_abort(&err);
        g_assert_cmpstr(events->str, ==, cases[i].events);
        g_assert_false(dev->realized);
        g_assert_null(dev->parent_bus);
        g_assert_null(dev->canonical_path);
        g_assert_null(OBJECT(dev)->parent);
        g_assert_cmpint(OBJECT(dev)->ref, ==, 1);
        /* It may try again. */
        g_assert_true(qdev_realize_and_unref(dev, bus, &error_abort));
        object_unparent(OBJECT(dev));
        root_bus_free(bus);
    }
}

/* What a device makes of guest memory in realize, and an accelerator cannot follow. */
static void test_realize_memory_refused(void)
{
    BusState *bus = root_bus_new();
    DeviceState *dev = qdev_new(TYPE_TEST_DEV);
    Error *err = NULL;

    memory_refused = true;
    g_assert_false(qdev_realize(dev, bus, &err));
    memory_refused = false;
    g_assert_cmpstr(error_get_pretty(err), ==, "memory refused");
    g_clear_pointer(&err, error_free);
    g_assert_cmpstr(events->str, ==, "aprbvu");
    g_assert_false(dev->realized);
    g_assert_null(dev->parent_bus);
    g_string_truncate(events, 0);
    /* An error of its own is the one that is told. */
    memory_refused = true;
    fail_at = 'r';
    g_assert_false(qdev_realize(dev, bus, &err));
    memory_refused = false;
    fail_at = 0;
    g_assert_cmpstr(error_get_pretty(err), ==, "step r");
    error_free(err);
    g_assert_true(qdev_realize_and_unref(dev, bus, &error_abort));
    object_unparent(OBJECT(dev));
    root_bus_free(bus);
}

static void test_realize_fails_late(void)
{
    static const struct {
        char at;
        const char *events;
    } cases[] = { { 'b', "aprbu" }, { 'P', "aprbPvu" } };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        BusState *bus = root_bus_new();
        Error *err = NULL;

        fail_at = cases[i].at;
        g_assert_false(qdev_realize_and_unref(qdev_new(TYPE_TEST_DEV), bus, &err));
        fail_at = 0;
        error_free_or_abort(&err);
        g_assert_cmpstr(events->str, ==, cases[i].events);
        root_bus_free(bus);
    }
}

static void test_ids(void)
{
    BusState *bus = root_bus_new();
    DeviceState *dev = qdev_new(TYPE_TEST_DEV), *other = qdev_new(TYPE_TEST_DEV);
    static const char *const bad[] = { "", "a/b", "1", "vm0", "type", "x[*]" };

    g_assert_true(qdev_set_id(dev, g_strdup("vm0"), &error_abort));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        Error *err = NULL;

        g_assert_false(qdev_set_id(other, g_strdup(bad[i]), &err));
        if (i == 3) {
            g_assert_cmpstr(error_get_pretty(err), ==, "Duplicate device ID 'vm0'");
        }
        error_free_or_abort(&err);
        g_assert_null(other->id);
    }
    g_assert_true(qdev_set_id(other, NULL, &error_abort));
    g_assert_true(qdev_realize_and_unref(dev, bus, &error_abort));
    g_assert_true(qdev_realize_and_unref(other, bus, &error_abort));
    g_assert_cmpstr(dev->canonical_path, ==, "/machine/peripheral/vm0");
    g_assert_cmpstr(other->canonical_path, ==, "/machine/peripheral-anon/device[0]");
    g_assert_true(qdev_find_recursive(bus, "vm0") == dev);
    g_assert_null(qdev_find_recursive(bus, "vm1"));
    object_unparent(OBJECT(dev));
    object_unparent(OBJECT(other));
    root_bus_free(bus);
}

/* A bus that is named by the user's id, which is also a property's name. */
static void test_bus_name_taken(void)
{
    BusState *bus = root_bus_new();
    DeviceState *dev = qdev_new(TYPE_TEST_DEV);

    qdev_set_id(dev, g_strdup("value"), &error_abort);
    g_assert_true(qdev_realize_and_unref(dev, bus, &error_abort));
    g_assert_cmpstr(TEST_DEV(dev)->bus.name, ==, "value");
    g_assert_true(object_resolve_path("/machine/peripheral/value/bus[0]", NULL) ==
                  OBJECT(&TEST_DEV(dev)->bus));
    object_unparent(OBJECT(dev));
    root_bus_free(bus);
}

/* A device takes its whole subtree with it, deepest first. */
static void test_subtree(void)
{
    BusState *bus = root_bus_new();
    DeviceState *dev = qdev_new(TYPE_TEST_DEV), *sub = qdev_new(TYPE_TEST_DEV);

    qdev_realize_and_unref(dev, bus, &error_abort);
    qdev_realize_and_unref(sub, &TEST_DEV(dev)->bus, &error_abort);
    g_string_truncate(events, 0);
    bus_cold_reset(bus);
    g_assert_cmpstr(events->str, ==, "EEXX");
    g_string_truncate(events, 0);
    object_unparent(OBJECT(dev));
    g_assert_cmpstr(events->str, ==, "vuvu");
    root_bus_free(bus);
}

/* A device that comes while its bus is in reset is in reset too, until its bus leaves it. */
static void test_plug_into_reset(void)
{
    BusState *bus = root_bus_new();
    DeviceState *dev = qdev_new(TYPE_TEST_DEV);

    resettable_assert_reset(OBJECT(bus), RESET_TYPE_COLD);
    qdev_realize_and_unref(dev, bus, &error_abort);
    g_assert_true(device_is_in_reset(dev));
    g_string_truncate(events, 0);
    resettable_release_reset(OBJECT(bus), RESET_TYPE_COLD);
    g_assert_cmpstr(events->str, ==, "X");
    g_assert_false(device_is_in_reset(dev));
    object_unparent(OBJECT(dev));
    root_bus_free(bus);
}

/* A realized device that moves takes on the reset state of the bus it comes to. */
static void test_move_into_reset(void)
{
    BusState *bus = root_bus_new();
    DeviceState *dev = qdev_new(TYPE_TEST_DEV), *sub = qdev_new(TYPE_TEST_DEV);
    BusState *lower;

    qdev_realize_and_unref(dev, bus, &error_abort);
    qdev_realize_and_unref(sub, bus, &error_abort);
    lower = &TEST_DEV(dev)->bus;
    device_cold_reset(dev);
    resettable_assert_reset(OBJECT(dev), RESET_TYPE_COLD);
    g_assert_false(device_is_in_reset(sub));
    g_assert_true(qdev_set_parent_bus(sub, lower, &error_abort));
    g_assert_true(device_is_in_reset(sub));
    g_assert_true(qdev_set_parent_bus(sub, bus, &error_abort));
    g_assert_false(device_is_in_reset(sub));
    resettable_release_reset(OBJECT(dev), RESET_TYPE_COLD);
    object_unparent(OBJECT(sub));
    object_unparent(OBJECT(dev));
    root_bus_free(bus);
}

static void test_hot_unplug(void)
{
    BusState *bus = root_bus_new();
    DeviceState *dev = qdev_new(TYPE_TEST_DEV);
    Error *err = NULL;

    deleted = 0;
    qdev_set_id(dev, g_strdup("gone"), &error_abort);
    qdev_realize_and_unref(dev, bus, &error_abort);
    fail_at = 'd';
    qdev_unplug(dev, &err);
    fail_at = 0;
    error_free_or_abort(&err);
    g_assert_true(dev->realized);
    g_assert_false(object_property_set_bool(OBJECT(dev), "realized", false, NULL));
    qdev_unplug(dev, &error_abort);
    g_assert_cmpint(live, ==, 0);
    g_assert_cmpint(deleted, ==, 1);
    g_assert_cmpstr(deleted_path, ==, "/machine/peripheral/gone");
    root_bus_free(bus);
}

static void test_unplug_refused(void)
{
    BusState *bus = root_bus_new();
    DeviceState *dev = qdev_new(TYPE_TEST_LEAF);
    Error *err = NULL;

    qdev_realize_and_unref(dev, bus, &error_abort);
    qdev_unplug(dev, &err);
    g_assert_cmpstr(error_get_pretty(err), ==, "Device 'test-leaf' does not support hotplugging");
    error_free_or_abort(&err);
    g_assert_false(object_property_get_bool(OBJECT(dev), "hotpluggable", &error_abort));
    qbus_set_hotplug_handler(bus, NULL);
    qdev_unplug(dev, &err);
    g_assert_cmpstr(error_get_pretty(err), ==, "Bus 'root' does not support hotplugging");
    error_free_or_abort(&err);
    object_unparent(OBJECT(dev));
    root_bus_free(bus);
}

static void test_unplug_asks(void)
{
    BusState *bus = root_bus_new();
    Object *handler = object_new(TYPE_TEST_HANDLER);
    DeviceState *dev = qdev_new(TYPE_TEST_DEV);
    Error *err = NULL;

    qbus_set_hotplug_handler(bus, handler);
    qdev_realize_and_unref(dev, bus, &error_abort);
    g_string_truncate(events, 0);
    /* once, while the guest has time for it */
    unplug_patience_ms = 3600 * 1000;
    qdev_unplug(dev, &error_abort);
    g_assert_cmpstr(events->str, ==, "q");
    qdev_unplug(dev, &err);
    error_free_or_abort(&err);
    g_assert_cmpstr(events->str, ==, "q");
    /* and again when it has not used it */
    dev->pending_deleted_expires_ms = 0;
    qdev_unplug(dev, &error_abort);
    g_assert_cmpstr(events->str, ==, "qq");
    g_assert_cmpint(live, ==, 1);
    object_unparent(OBJECT(dev));
    root_bus_free(bus);
    object_unref(handler);
}

static void test_gpio(void)
{
    BusState *bus = root_bus_new();
    DeviceState *a = qdev_new(TYPE_TEST_DEV), *b = qdev_new(TYPE_TEST_DEV);
    qemu_irq loose = qemu_allocate_irq(test_in, NULL, 0), old;

    qdev_realize_and_unref(a, bus, &error_abort);
    qdev_realize_and_unref(b, bus, &error_abort);
    g_assert_true(object_resolve_path_component(OBJECT(b), "unnamed-gpio-in[3]") ==
                  OBJECT(qdev_get_gpio_in(b, 3)));
    qdev_connect_gpio_out(a, 0, qdev_get_gpio_in(b, 3));
    g_assert_true(object_property_get_link(OBJECT(a), "unnamed-gpio-out[0]", &error_abort) ==
                  OBJECT(qdev_get_gpio_in(b, 3)));
    qemu_irq_raise(TEST_DEV(a)->out[0]);
    g_assert_cmpint(in_level[3], ==, 1);
    qemu_irq_lower(TEST_DEV(a)->out[0]);
    g_assert_cmpint(in_level[3], ==, 0);
    qemu_irq_raise(TEST_DEV(a)->out[1]);   /* goes nowhere */

    qdev_connect_gpio_out_named(a, "wire", 0, loose);
    qemu_free_irq(loose);
    g_assert_true(object_resolve_path("/machine/unattached/non-qdev-gpio[0]", NULL) ==
                  OBJECT(loose));
    old = qdev_intercept_gpio_out(a, qdev_get_gpio_in(b, 1), "wire", 0);
    g_assert_true(old == loose);
    qemu_irq_raise(TEST_DEV(a)->out[1]);
    g_assert_cmpint(in_level[1], ==, 1);
    g_assert_cmpint(in_level[0], ==, 0);
    object_unparent(OBJECT(old));
    object_unref(old);
    object_unparent(OBJECT(a));
    object_unparent(OBJECT(b));
    root_bus_free(bus);
}

static void test_pass_gpios(void)
{
    DeviceState *box = qdev_new(TYPE_TEST_DEV), *dev;
    TestDev *inner = g_new0(TestDev, 1);

    object_initialize_child(OBJECT(box), "inner", inner, TYPE_TEST_LEAF);
    dev = DEVICE(inner);
    qdev_init_gpio_in_named(dev, test_in, "in", 2);
    qdev_pass_gpios(dev, box, "in");
    qemu_irq_raise(qdev_get_gpio_in_named(box, "in", 1));
    g_assert_cmpint(in_level[1], ==, 1);
    g_assert_nonnull(object_property_find(OBJECT(box), "in[1]"));
    object_unref(box);
    g_assert_cmpint(live, ==, 0);
    g_free(inner);
}

static int walk_note(DeviceState *dev, void *opaque)
{
    g_string_append_c(events, 'w');
    return GPOINTER_TO_INT(opaque);
}

static void test_walk(void)
{
    BusState *bus = root_bus_new();
    DeviceState *dev[3];

    for (int i = 0; i < 3; i++) {
        dev[i] = qdev_new(TYPE_TEST_DEV);
        qdev_realize_and_unref(dev[i], i == 2 ? &TEST_DEV(dev[0])->bus : bus, &error_abort);
    }
    g_string_truncate(events, 0);
    g_assert_cmpint(qbus_walk_children(bus, walk_note, NULL, NULL, NULL, NULL), ==, 0);
    g_assert_cmpstr(events->str, ==, "www");
    g_string_truncate(events, 0);
    g_assert_cmpint(qbus_walk_children(bus, walk_note, NULL, NULL, NULL, GINT_TO_POINTER(1)),
                    ==, 0);
    g_assert_cmpstr(events->str, ==, "ww");
    g_string_truncate(events, 0);
    g_assert_cmpint(qbus_walk_children(bus, walk_note, NULL, NULL, NULL, GINT_TO_POINTER(-1)),
                    ==, -1);
    g_assert_cmpstr(events->str, ==, "w");
    object_unparent(OBJECT(dev[0]));
    object_unparent(OBJECT(dev[1]));
    root_bus_free(bus);
}

/* Last: from here on every new device is hotplugged. */
static void test_hotplugged(void)
{
    BusState *bus = root_bus_new();
    DeviceState *dev, *leaf;
    Error *err = NULL;

    for (int phase = PHASE_MACHINE_CREATED; phase <= PHASE_MACHINE_READY; phase++) {
        g_assert_false(phase_check(phase));
        phase_advance(phase);
        g_assert_true(phase_check(phase));
    }
    dev = qdev_new(TYPE_TEST_DEV);
    g_assert_true(object_property_get_bool(OBJECT(dev), "hotplugged", &error_abort));
    qdev_realize_and_unref(dev, bus, &error_abort);
    g_assert_cmpstr(events->str, ==, "aprbPEX");
    leaf = qdev_new(TYPE_TEST_LEAF);
    g_assert_false(qdev_realize_and_unref(leaf, bus, &err));
    error_free_or_abort(&err);
    object_unparent(OBJECT(dev));
    root_bus_free(bus);
}

static void make_machine(void)
{
    static const char *const places[] = { "peripheral", "peripheral-anon", "unattached" };
    Object *machine = object_property_add_new_container(object_get_root(), "machine");

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        object_property_add_new_container(machine, places[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    type_register_static_array(test_types, ARRAY_SIZE(test_types));
    events = g_string_new(NULL);
    make_machine();
    qdev_set_deleted_hook(test_deleted);
    g_test_add_func("/qdev/realize/order", test_realize_order);
    g_test_add_func("/qdev/realize/failure-leaves-nothing", test_realize_failures);
    g_test_add_func("/qdev/realize/realize-memory-refused", test_realize_memory_refused);
    g_test_add_func("/qdev/realize/late-failure-is-undone", test_realize_fails_late);
    g_test_add_func("/qdev/id/places-and-refusals", test_ids);
    g_test_add_func("/qdev/id/bus-name-is-a-property", test_bus_name_taken);
    g_test_add_func("/qdev/bus/subtree-goes-along", test_subtree);
    g_test_add_func("/qdev/bus/plug-into-reset", test_plug_into_reset);
    g_test_add_func("/qdev/bus/move-into-reset", test_move_into_reset);
    g_test_add_func("/qdev/bus/walk", test_walk);
    g_test_add_func("/qdev/unplug/now", test_hot_unplug);
    g_test_add_func("/qdev/unplug/refused", test_unplug_refused);
    g_test_add_func("/qdev/unplug/asks-once-and-later-again", test_unplug_asks);
    g_test_add_func("/qdev/gpio/connect-and-intercept", test_gpio);
    g_test_add_func("/qdev/gpio/pass", test_pass_gpios);
    g_test_add_func("/qdev-machine-ready/hotplugged", test_hotplugged);
    return g_test_run();
}
