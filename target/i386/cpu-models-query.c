/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the command line and the monitor ask about CPU models (hw/core/cpu-models.h). Each answer
 * comes from a CPU of the model that is made for it, expanded under the accelerator in use as
 * realize would expand it, and thrown away; no vCPU is made.
 */
#include "qemu/osdep.h"

#include "feature-words.h"
#include "hw/core/cpu-models.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "qemu/json.h"
#include "system/accel.h"
#include "target/i386/cpu.h"

#define STATIC_MODEL "base"

static bool model_runs_here(const X86CpuModel *model)
{
    return !model->needs_kvm || kvm_enabled();
}

/* Silent: what is missing is part of the answer. */
static bool expand_quietly(X86CPU *cpu, Error **errp)
{
    bool check = cpu->check, ok;

    cpu->check = false;
    ok = x86_cpu_expand_features(cpu, errp);
    cpu->check = check;
    return ok;
}

/* ---- definitions ---- */

static bool list_has(const strList *list, const char *name)
{
    while (list && strcmp(list->value, name)) {
        list = list->next;
    }
    return list;
}

static strList *filtered_names(const X86CPU *cpu)
{
    strList *list = NULL, **tail = &list;

    for (unsigned word = 0; word < FEATURE_WORDS; word++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            const char *name = x86_feature_name(word, bit);

            if (name && cpu->cpuid.filtered[word] >> bit & 1 && !list_has(list, name)) {
                QAPI_LIST_APPEND(tail, g_strdup(name));
            }
        }
    }
    return list;
}

/* What keeps the model from running here: names of features, or "kvm". */
static strList *unavailable_features(ObjectClass *oc)
{
    strList *list = NULL;
    X86CPU *cpu;

    if (!model_runs_here(X86_CPU_CLASS(oc)->model)) {
        QAPI_LIST_PREPEND(list, g_strdup("kvm"));
        return list;
    }
    cpu = X86_CPU(object_new_with_class(oc));
    cpu->enforce = false;
    expand_quietly(cpu, &error_abort);
    list = filtered_names(cpu);
    object_unref(OBJECT(cpu));
    return list;
}

static CpuDefinitionInfo *definition_new(const X86CpuModel *model)
{
    CpuDefinitionInfo *info = g_new0(CpuDefinitionInfo, 1);
    ObjectClass *oc = cpu_class_by_name(TYPE_X86_CPU, model->name);

    info->name = g_strdup(model->name);
    info->typename = g_strdup(object_class_get_name(oc));
    info->q_static = model->is_static;
    info->has_migration_safe = true;
    info->migration_safe = !model->from_host;
    info->has_unavailable_features = true;
    info->unavailable_features = unavailable_features(oc);
    return info;
}

static CpuDefinitionInfoList *definitions(void)
{
    CpuDefinitionInfoList *list = NULL, **tail = &list;

    for (unsigned i = 0; i < x86_nb_cpu_models; i++) {
        QAPI_LIST_APPEND(tail, definition_new(&x86_cpu_models[i]));
    }
    return list;
}

/* ---- expansion ---- */

/* The class of a model by its name after -cpu; types that are no models are not found. */
static ObjectClass *model_class(const char *name, Error **errp)
{
    ObjectClass *oc = cpu_class_by_name(TYPE_X86_CPU, name);
    const X86CpuModel *model = oc ? X86_CPU_CLASS(oc)->model : NULL;

    if (!model) {
        error_setg(errp, "CPU model '%s' not found", name);
        return NULL;
    }
    if (!model_runs_here(model)) {
        error_setg(errp, "CPU model '%s' requires KVM or HVF", name);
        return NULL;
    }
    return oc;
}

/* As -cpu would set it. Nothing is realized here: a CPU comes to life in a machine only. */
static bool set_property(Object *obj, const char *name, json_t *value, Error **errp)
{
    if (!strcmp(name, "realized") && !json_is_false(value)) {
        error_setg(errp, "Property '%s.realized' is no part of a CPU model",
                   object_get_typename(obj));
        return false;
    }
    return object_property_set_json(obj, name, value, errp);
}

static bool set_properties(Object *obj, json_t *props, Error **errp)
{
    const char *name;
    json_t *value;

    if (props && !json_is_object(props)) {
        error_setg(errp, "Invalid parameter type for 'props', expected: object");
        return false;
    }
    json_object_foreach(props, name, value) {
        if (!set_property(obj, name, value, errp)) {
            return false;
        }
    }
    return true;
}

static void add_value(json_t *props, Object *obj, const char *name)
{
    json_object_set_new(props, name, object_property_get_json(obj, name, &error_abort));
}

/* What makes the CPU of the static model: features by their first name, and its identity. */
static json_t *static_properties(Object *obj)
{
    static const char *const identity[] = {
        "min-level", "min-xlevel", "family", "model", "stepping", "model-id", "vendor",
    };
    json_t *props = json_object();

    for (unsigned word = 0; word < FEATURE_WORDS; word++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            const char *name = x86_feature_name(word, bit);

            if (name && !json_object_get(props, name)) {
                add_value(props, obj, name);
            }
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(identity); i++) {
        add_value(props, obj, identity[i]);
    }
    return props;
}

typedef struct PropertyReader {
    Object *obj;
    json_t *props;
} PropertyReader;

static bool read_property(ObjectProperty *prop, void *opaque)
{
    PropertyReader *reader = opaque;

    if (prop->get && prop->set) {
        add_value(reader->props, reader->obj, prop->name);
    }
    return true;
}

/* All that could be set. */
static json_t *full_properties(Object *obj)
{
    PropertyReader reader = { obj, json_object() };

    object_property_foreach(obj, read_property, &reader);
    return reader.props;
}

static CpuModelInfo *expand(CpuModelExpansionType type, const CpuModelInfo *model, Error **errp)
{
    ObjectClass *oc = model_class(model->name, errp);
    g_autoptr(Object) obj = oc ? object_new_with_class(oc) : NULL;
    bool is_static = type == CPU_MODEL_EXPANSION_TYPE_STATIC;
    CpuModelInfo *info;

    if (!obj || !set_properties(obj, model->props, errp) || !expand_quietly(X86_CPU(obj), errp)) {
        return NULL;
    }
    info = g_new0(CpuModelInfo, 1);
    info->name = g_strdup(is_static ? STATIC_MODEL : model->name);
    info->props = is_static ? static_properties(obj) : full_properties(obj);
    return info;
}

static const CPUModelOps x86_cpu_model_ops = {
    .parse_option = x86_cpu_parse_option,
    .print_list = x86_cpu_list,
    .definitions = definitions,
    .expand = expand,
};

static void __attribute__((constructor)) register_ops(void)
{
    cpu_models_register(&x86_cpu_model_ops);
}
