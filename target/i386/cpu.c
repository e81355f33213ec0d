/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QOM side of an x86 processor: types per model, properties (a bool for each named feature),
 * realize (features, address width, vCPU), reset, and the "-cpu" option. CPUID is in cpuid.c,
 * registers in state.c; the vCPU belongs to the accelerator, which is asked by AccelClass alone.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/resettable.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/known-names.h"
#include "system/accel.h"
#include "system/reset.h"
#include "target/i386/cpu.h"
#include "feature-words.h"

#define X86_PHYS_BITS_DEFAULT 40    /* what a guest sees when nobody chose */
#define X86_PHYS_BITS_MIN 32
#define X86_MAX_APIC_ID 254         /* 255 is xAPIC's broadcast */

/* "+feature" and "-feature" of "-cpu", in order: applied at realize, after all "feature=…". */
typedef struct LegacyFeature {
    char *name;
    bool value;
} LegacyFeature;
static GSList *legacy_features;

/* ---- Properties ---- */

static bool refuse_after_realize(X86CPU *cpu, const char *name, Error **errp)
{
    DeviceState *dev = DEVICE(cpu);

    if (!dev->realized) {
        return false;
    }
    error_setg(errp, "Attempt to set property '%s' on device '%s' (type '%s') after it was "
               "realized", name, dev->id ? dev->id : "", object_get_typename(OBJECT(cpu)));
    return true;
}

static bool names_equal(const char *name, const char *other)
{
    return name && strcmp(name, other) == 0;
}

static void get_feature(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    X86CPU *cpu = X86_CPU(obj);
    const char *feature = opaque;
    bool value = true;

    for (unsigned word = 0; word < FEATURE_WORDS; word++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            if (names_equal(x86_feature_name(word, bit), feature)) {
                value = value && (cpu->cpuid.features[word] >> bit & 1);
            }
        }
    }
    visit_type_bool(v, name, &value, errp);
}

static void set_feature(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    X86CPU *cpu = X86_CPU(obj);
    const char *feature = opaque;
    bool value;

    if (refuse_after_realize(cpu, name, errp) || !visit_type_bool(v, name, &value, errp)) {
        return;
    }
    for (unsigned word = 0; word < FEATURE_WORDS; word++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            uint32_t mask = UINT32_C(1) << bit;

            if (names_equal(x86_feature_name(word, bit), feature)) {
                cpu->cpuid.user_features[word] |= mask;
                cpu->cpuid.features[word] &= ~mask;
                cpu->cpuid.features[word] |= value ? mask : 0;
            }
        }
    }
}

/* "family", "model", "stepping": fields of the signature, each with its greatest value. */
typedef struct SignatureField {
    const char *name;
    size_t offset;
    int64_t max;
} SignatureField;

static const SignatureField signature_fields[] = {
    { "family", offsetof(X86CpuidState, family), 0xff + 0xf },
    { "model", offsetof(X86CpuidState, model), 0xff },
    { "stepping", offsetof(X86CpuidState, stepping), 0xf },
};

static unsigned *signature_field(X86CPU *cpu, const SignatureField *field)
{
    return (unsigned *)((char *)&cpu->cpuid + field->offset);
}

static void get_signature(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    int64_t value = *signature_field(X86_CPU(obj), opaque);

    visit_type_int(v, name, &value, errp);
}

static void set_signature(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
    const SignatureField *field = opaque;
    X86CPU *cpu = X86_CPU(obj);
    int64_t value;

    if (refuse_after_realize(cpu, name, errp) || !visit_type_int(v, name, &value, errp)) {
        return;
    }
    if (value < 0 || value > field->max) {
        error_setg(errp, "Property %s.%s doesn't take value %" PRId64
                   " (minimum: 0, maximum: %" PRId64 ")",
                   object_get_typename(obj), name, value, field->max);
        return;
    }
    *signature_field(cpu, field) = value;
}

static char *get_vendor(Object *obj, Error **errp)
{
    return g_strdup(X86_CPU(obj)->cpuid.vendor);
}

static void set_vendor(Object *obj, const char *value, Error **errp)
{
    X86CPU *cpu = X86_CPU(obj);

    if (refuse_after_realize(cpu, "vendor", errp)) {
        return;
    }
    if (strlen(value) != sizeof(cpu->cpuid.vendor) - 1) {
        error_setg(errp, "Property '.vendor' doesn't take value '%s'", value);
        return;
    }
    memcpy(cpu->cpuid.vendor, value, sizeof(cpu->cpuid.vendor));
}

static char *get_model_id(Object *obj, Error **errp)
{
    return g_strdup(X86_CPU(obj)->cpuid.model_id);
}

static void set_model_id(Object *obj, const char *value, Error **errp)
{
    X86CPU *cpu = X86_CPU(obj);

    if (!refuse_after_realize(cpu, "model-id", errp)) {
        memset(cpu->cpuid.model_id, 0, sizeof(cpu->cpuid.model_id));
        g_strlcpy(cpu->cpuid.model_id, value, sizeof(cpu->cpuid.model_id));
    }
}

static const Property x86_cpu_properties[] = {
    DEFINE_PROP_UINT32("apic-id", X86CPU, apic_id, X86_CPU_UNASSIGNED_APIC_ID),
    DEFINE_PROP_INT32("thread-id", X86CPU, thread_id, -1),
    DEFINE_PROP_INT32("core-id", X86CPU, core_id, -1),
    DEFINE_PROP_INT32("die-id", X86CPU, die_id, -1),
    DEFINE_PROP_INT32("socket-id", X86CPU, socket_id, -1),
    DEFINE_PROP_INT32("node-id", X86CPU, node_id, -1),
    DEFINE_PROP_BOOL("check", X86CPU, check, true),
    DEFINE_PROP_BOOL("enforce", X86CPU, enforce, false),
    DEFINE_PROP_BOOL("kvm", X86CPU, kvm_signature, true),
    DEFINE_PROP_UINT32("phys-bits", X86CPU, phys_bits, 0),
    DEFINE_PROP_BOOL("host-phys-bits", X86CPU, host_phys_bits, false),
    DEFINE_PROP_UINT8("host-phys-bits-limit", X86CPU, host_phys_bits_limit, 0),
    DEFINE_PROP_UINT32("level", X86CPU, level, UINT32_MAX),
    DEFINE_PROP_UINT32("xlevel", X86CPU, xlevel, UINT32_MAX),
    DEFINE_PROP_UINT32("min-level", X86CPU, min_level, 0),
    DEFINE_PROP_UINT32("min-xlevel", X86CPU, min_xlevel, 0),
    DEFINE_PROP_BOOL("cpuid-0xb", X86CPU, cpuid_0xb, true),
    DEFINE_PROP_BOOL("l3-cache", X86CPU, l3_cache, true),
    DEFINE_PROP_BOOL("pmu", X86CPU, pmu, false),
    DEFINE_PROP_BOOL("x-vendor-cpuid-only", X86CPU, vendor_cpuid_only, true),
};

/* Other names of features, from when Linux or QEMU called them so. */
static const struct {
    const char *alias, *name;
} feature_aliases[] = {
    { "sse3", "pni" }, { "pclmuldq", "pclmulqdq" }, { "sse4-1", "sse4.1" }, { "sse4_1", "sse4.1" },
    { "sse4-2", "sse4.2" }, { "sse4_2", "sse4.2" }, { "xd", "nx" }, { "ffxsr", "fxsr-opt" },
    { "fxsr_opt", "fxsr-opt" }, { "i64", "lm" }, { "ds_cpl", "ds-cpl" },
    { "tsc_adjust", "tsc-adjust" }, { "lahf_lm", "lahf-lm" }, { "cmp_legacy", "cmp-legacy" },
    { "nodeid_msr", "nodeid-msr" }, { "perfctr_core", "perfctr-core" },
    { "perfctr_nb", "perfctr-nb" }, { "svm_lock", "svm-lock" }, { "nrip_save", "nrip-save" },
    { "tsc_scale", "tsc-scale" }, { "vmcb_clean", "vmcb-clean" },
    { "pause_filter", "pause-filter" }, { "kvm_nopiodelay", "kvm-nopiodelay" },
    { "kvm_mmu", "kvm-mmu" }, { "kvm_asyncpf", "kvm-asyncpf" },
    { "kvm_asyncpf_int", "kvm-asyncpf-int" }, { "kvm_steal_time", "kvm-steal-time" },
    { "kvm_pv_eoi", "kvm-pv-eoi" }, { "kvm_pv_unhalt", "kvm-pv-unhalt" },
    { "kvm_poll_control", "kvm-poll-control" },
};

static void add_feature_aliases(ObjectClass *oc)
{
    for (size_t i = 0; i < ARRAY_SIZE(feature_aliases); i++) {
        assert(object_class_property_find(oc, feature_aliases[i].name));
        object_class_property_add(oc, feature_aliases[i].alias, "bool", get_feature, set_feature,
                                  NULL, (void *)feature_aliases[i].name);
    }
}

static void add_feature_properties(ObjectClass *oc)
{
    for (unsigned word = 0; word < FEATURE_WORDS; word++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            const char *name = x86_feature_name(word, bit);

            if (name && !object_class_property_find(oc, name)) {
                object_class_property_add(oc, name, "bool", get_feature, set_feature, NULL,
                                          (void *)name);
            }
        }
    }
    add_feature_aliases(oc);
}

/* ---- Realize ---- */

static bool apply_legacy_features(X86CPU *cpu, Error **errp)
{
    for (GSList *l = legacy_features; l; l = l->next) {
        const LegacyFeature *feature = l->data;

        if (!object_property_set_bool(OBJECT(cpu), feature->name, feature->value, errp)) {
            return false;
        }
    }
    return true;
}

static unsigned accel_phys_bits(void)
{
    AccelState *as = current_accel();

    return as && current_accel_class()->phys_bits ? current_accel_class()->phys_bits(as) : 0;
}

/* Under an accelerator that knows none the property host-phys-bits has no effect, as on stock. */
static bool choose_phys_bits(X86CPU *cpu, Error **errp)
{
    unsigned host_bits = accel_phys_bits();

    if (host_bits && cpu->host_phys_bits) {
        cpu->phys_bits = host_bits;
        if (cpu->host_phys_bits_limit) {
            cpu->phys_bits = MIN(cpu->phys_bits, cpu->host_phys_bits_limit);
        }
    }
    if (cpu->phys_bits == 0) {
        cpu->phys_bits = X86_PHYS_BITS_DEFAULT;
    } else if (host_bits && cpu->phys_bits != host_bits && !cpu->host_phys_bits) {
        warn_report("Host physical bits (%u) does not match phys-bits property (%u)", host_bits,
                    cpu->phys_bits);
    }
    if (cpu->phys_bits < X86_PHYS_BITS_MIN || cpu->phys_bits > X86_PHYS_BITS_MAX) {
        error_setg(errp, "phys-bits should be between %u and %u  (but is %u)", X86_PHYS_BITS_MIN,
                   X86_PHYS_BITS_MAX, cpu->phys_bits);
        return false;
    }
    return true;
}

static bool check_apic_id(const X86CPU *cpu, Error **errp)
{
    if (cpu->apic_id == X86_CPU_UNASSIGNED_APIC_ID) {
        error_setg(errp, "apic-id property was not initialized properly");
        return false;
    }
    if (cpu->apic_id > X86_MAX_APIC_ID) {
        error_setg(errp, "APIC id %u is above %u: more CPUs would need an IOMMU with interrupt "
                   "remapping, which is not supported", cpu->apic_id, X86_MAX_APIC_ID);
        return false;
    }
    return true;
}

static bool check_model(const X86CPU *cpu, Error **errp)
{
    const X86CpuModel *model = X86_CPU_GET_CLASS(cpu)->model;

    if (model && model->needs_kvm && !kvm_enabled()) {
        error_setg(errp, "CPU model '%s' requires KVM or HVF", model->name);
        return false;
    }
    return true;
}

static void machine_reset_cpu(void *opaque)
{
    device_cold_reset(DEVICE(opaque));
}

static void unrealize_parent(DeviceState *dev)
{
    if (X86_CPU_GET_CLASS(dev)->parent_unrealize) {
        X86_CPU_GET_CLASS(dev)->parent_unrealize(dev);
    }
}

static void x86_cpu_realize(DeviceState *dev, Error **errp)
{
    X86CPU *cpu = X86_CPU(dev);
    AccelState *as = current_accel();
    Error *local_err = NULL;

    if (!check_model(cpu, errp) || !check_apic_id(cpu, errp) ||
        !apply_legacy_features(cpu, errp) || !x86_cpu_expand_features(cpu, errp) ||
        !choose_phys_bits(cpu, errp)) {
        return;
    }
    X86_CPU_GET_CLASS(cpu)->parent_realize(dev, &local_err);
    if (local_err) {
        error_propagate(errp, local_err);
        return;
    }
    if (as && current_accel_class()->vcpu_create &&
        !current_accel_class()->vcpu_create(as, CPU(cpu), errp)) {
        unrealize_parent(dev);
        return;
    }
    x86_cpu_reset_state(cpu);
    qemu_register_reset(machine_reset_cpu, cpu);
}

static void x86_cpu_unrealize(DeviceState *dev)
{
    AccelState *as = current_accel();

    qemu_unregister_reset(machine_reset_cpu, dev);
    if (as && current_accel_class()->vcpu_destroy) {
        current_accel_class()->vcpu_destroy(as, CPU(dev));
    }
    unrealize_parent(dev);
}

static void x86_cpu_reset_hold(Object *obj, ResetType type)
{
    X86CPU *cpu = X86_CPU(obj);
    AccelState *as = current_accel();

    if (X86_CPU_GET_CLASS(obj)->parent_phases.hold) {
        X86_CPU_GET_CLASS(obj)->parent_phases.hold(obj, type);
    }
    x86_cpu_reset_state(cpu);
    if (as && current_accel_class()->vcpu_reset) {
        current_accel_class()->vcpu_reset(as, CPU(cpu));
    }
}

/* ---- "-cpu" ---- */

/*
 * Features only: other properties (realized, which a CPU's realize must not set) have their
 * name=value. A name that no property has is refused when a CPU is made.
 */
static bool add_legacy_feature(ObjectClass *oc, const char *text, Error **errp)
{
    g_autofree char *name = g_strdelimit(g_strdup(text + 1), "_", '-');
    ObjectProperty *prop = object_class_property_find(oc, name);
    LegacyFeature *feature;

    if (prop && prop->get != get_feature) {
        error_setg(errp, "-cpu: '%s': '%s' is a property, not a CPU feature: it takes '%s=VALUE'",
                   text, name, name);
        return false;
    }
    feature = g_new0(LegacyFeature, 1);
    feature->name = g_steal_pointer(&name);
    feature->value = text[0] == '+';
    legacy_features = g_slist_append(legacy_features, feature);
    return true;
}

static void add_global_feature(const char *type_name, const char *text)
{
    const char *equals = strchr(text, '=');
    GlobalProperty *prop = g_new0(GlobalProperty, 1);

    prop->driver = g_strdup(type_name);
    prop->property = g_strdelimit(g_strndup(text, equals ? equals - text : strlen(text)), "_",
                                  '-');
    prop->value = g_strdup(equals ? equals + 1 : "on");
    qdev_prop_register_global(prop);
}

static ObjectClass *x86_cpu_class_by_name(const char *cpu_model)
{
    g_autofree char *type_name = g_strconcat(cpu_model, X86_CPU_TYPE_SUFFIX, NULL);

    return object_class_by_name(type_name);
}

/* "feature=value", "feature" (on) become globals of the type; "+feature", "-feature" wait. */
static bool x86_cpu_parse_features(ObjectClass *oc, const char *str, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(str ? str : "", ",", -1);

    for (char **part = parts; *part; part++) {
        if (**part == '+' || **part == '-') {
            if (!add_legacy_feature(oc, *part, errp)) {
                return false;
            }
        } else if (**part) {
            add_global_feature(object_class_get_name(oc), *part);
        }
    }
    return true;
}

const char *x86_cpu_parse_option(const char *optarg, Error **errp)
{
    const char *comma = strchrnul(optarg, ',');
    g_autofree char *model = g_strndup(optarg, comma - optarg);
    ObjectClass *oc;

    if (!*optarg) {
        error_setg(errp, "-cpu option cannot be empty");
        return NULL;
    }
    oc = x86_cpu_class_by_name(model);
    if (!oc) {
        g_autofree char *why = qemu_name_explain(QEMU_NAME_CPU, model);

        error_setg(errp, "unable to find CPU model '%s'%s", model, why);
        return NULL;
    }
    if (!x86_cpu_parse_features(oc, *comma ? comma + 1 : NULL, errp)) {
        return NULL;
    }
    return object_class_get_name(oc);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list_feature_names(void)
{
    const char *names[FEATURE_WORDS * 32];
    size_t nb_names = 0, column = 0;

    for (unsigned word = 0; word < FEATURE_WORDS; word++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            if (x86_feature_name(word, bit)) {
                names[nb_names++] = x86_feature_name(word, bit);
            }
        }
    }
    qsort(names, nb_names, sizeof(names[0]), compare_names);
    for (size_t i = 0; i < nb_names; i++) {
        if (i && strcmp(names[i], names[i - 1]) == 0) {
            continue;
        }
        if (column && column + 1 + strlen(names[i]) >= 75) {
            printf("\n");
            column = 0;
        }
        column += printf("%s%s", column ? " " : "  ", names[i]);
    }
    printf("\n");
}

void x86_cpu_list(void)
{
    printf("Available CPUs:\n");
    for (unsigned i = 0; i < x86_nb_cpu_models; i++) {
        printf("x86 %-20s  %s\n", x86_cpu_models[i].name, x86_cpu_models[i].description);
    }
    printf("\nRecognized CPUID flags:\n");
    list_feature_names();
}

/* ---- Types ---- */

static void x86_cpu_instance_init(Object *obj)
{
    X86CPU *cpu = X86_CPU(obj);
    const X86CpuModel *model = X86_CPU_GET_CLASS(obj)->model;

    cpu->env.xsave_size = X86_XSAVE_MIN_SIZE;
    cpu->env.xsave = g_malloc0(cpu->env.xsave_size);
    if (!model) {
        return;
    }
    cpu->cpuid.family = model->family;
    cpu->cpuid.model = model->model;
    cpu->cpuid.stepping = model->stepping;
    g_strlcpy(cpu->cpuid.vendor, model->vendor, sizeof(cpu->cpuid.vendor));
    g_strlcpy(cpu->cpuid.model_id, model->model_id, sizeof(cpu->cpuid.model_id));
    if (!model->from_host || !kvm_enabled()) {
        memcpy(cpu->cpuid.features, model->features, sizeof(cpu->cpuid.features));
    }
    /* Properties' defaults have been set by the parent: these are the model's. */
    cpu->min_level = model->level;
    cpu->min_xlevel = model->xlevel;
    cpu->host_phys_bits = model->from_host && kvm_enabled();
    cpu->pmu = cpu->migratable = model->from_host;
    x86_cpu_apply_accel_defaults(cpu);
}

static void x86_cpu_instance_finalize(Object *obj)
{
    X86CPU *cpu = X86_CPU(obj);

    g_free(cpu->env.xsave);
    g_free(cpu->env.msrs);
    g_free(cpu->power_on_msrs);
}

static int64_t x86_cpu_get_arch_id(CPUState *cs)
{
    return X86_CPU(cs)->apic_id;
}

static void x86_cpu_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    CPUClass *cc = CPU_CLASS(oc);
    X86CPUClass *xcc = X86_CPU_CLASS(oc);

    xcc->parent_realize = dc->realize;
    dc->realize = x86_cpu_realize;
    xcc->parent_unrealize = dc->unrealize;
    dc->unrealize = x86_cpu_unrealize;
    cc->class_by_name = x86_cpu_class_by_name;
    cc->get_arch_id = x86_cpu_get_arch_id;
    resettable_class_set_parent_phases(RESETTABLE_CLASS(oc), NULL, x86_cpu_reset_hold, NULL,
                                       &xcc->parent_phases);
    device_class_set_props(dc, x86_cpu_properties);
    add_feature_properties(oc);
    for (size_t i = 0; i < ARRAY_SIZE(signature_fields); i++) {
        object_class_property_add(oc, signature_fields[i].name, "int", get_signature,
                                  set_signature, NULL, (void *)&signature_fields[i]);
    }
    object_class_property_add_str(oc, "vendor", get_vendor, set_vendor);
    object_class_property_add_str(oc, "model-id", get_model_id, set_model_id);
}

/* Of the models that take what the host has. */
static const Property host_model_properties[] = {
    DEFINE_PROP_BOOL("migratable", X86CPU, migratable, true),
};

static void x86_cpu_model_class_init(ObjectClass *oc, const void *data)
{
    const X86CpuModel *model = data;

    X86_CPU_CLASS(oc)->model = model;
    if (model->from_host) {
        device_class_set_props(DEVICE_CLASS(oc), host_model_properties);
    }
}

static const TypeInfo x86_cpu_type_info = {
    .name = TYPE_X86_CPU,
    .parent = TYPE_CPU,
    .instance_size = sizeof(X86CPU),
    .instance_align = __alignof__(X86CPU),
    .instance_init = x86_cpu_instance_init,
    .instance_finalize = x86_cpu_instance_finalize,
    .abstract = true,
    .class_size = sizeof(X86CPUClass),
    .class_init = x86_cpu_class_init,
};

static void x86_cpu_register_types(void)
{
    static TypeInfo infos[8];

    assert(x86_nb_cpu_models <= ARRAY_SIZE(infos));
    type_register_static(&x86_cpu_type_info);
    for (unsigned i = 0; i < x86_nb_cpu_models; i++) {
        infos[i] = (TypeInfo) {
            .name = g_strconcat(x86_cpu_models[i].name, X86_CPU_TYPE_SUFFIX, NULL),
            .parent = TYPE_X86_CPU,
            .class_init = x86_cpu_model_class_init,
            .class_data = &x86_cpu_models[i],
        };
        type_register_static(&infos[i]);
    }
}

type_init(x86_cpu_register_types)
