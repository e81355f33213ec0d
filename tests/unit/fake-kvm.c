/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fake-kvm.h. */
#include "qemu/osdep.h"
#include <sys/mman.h>
#include "fake-kvm.h"

#define RUN_PAGE_SIZE 12288

static FakeKvm *in_use;

/* ---- Reading a set ---- */

static void read_cpuid_line(FakeKvm *kvm, const char *line)
{
    struct kvm_cpuid_entry2 e = { 0 };
    int n = sscanf(line, "%x %x %x %x %x %x %x", &e.function, &e.index, &e.flags, &e.eax, &e.ebx,
                   &e.ecx, &e.edx);

    g_assert_cmpint(n, ==, 7);
    g_array_append_val(kvm->offered, e);
}

static void put_msr(FakeKvm *kvm, uint32_t index, uint64_t value)
{
    g_hash_table_insert(kvm->msrs, GUINT_TO_POINTER(index), g_memdup2(&value, sizeof(value)));
}

static void read_msr_line(FakeKvm *kvm, const char *line, bool is_listed)
{
    unsigned long long value;
    uint32_t index;

    if (sscanf(line, "%x %llx", &index, &value) == 2) {
        put_msr(kvm, index, value);
        if (is_listed) {
            g_array_append_val(kvm->msr_indexes, index);
        }
    }
}

static void read_msr_index_line(FakeKvm *kvm, const char *line)
{
    uint32_t index = strtoul(line, NULL, 16);

    g_array_append_val(kvm->msr_indexes, index);
    if (!g_hash_table_contains(kvm->msrs, GUINT_TO_POINTER(index))) {
        put_msr(kvm, index, 0);
    }
}

static void read_cap_line(FakeKvm *kvm, const char *line)
{
    int number, value;

    g_assert_cmpint(sscanf(line, "%*s %d %*d %d", &number, &value), ==, 2);
    g_hash_table_insert(kvm->caps, GINT_TO_POINTER(number), GINT_TO_POINTER(value));
}

static void read_line(FakeKvm *kvm, const char *section, const char *line)
{
    if (!strcmp(section, "[supported-cpuid]") || !strcmp(section, "[guest-cpuid]")) {
        read_cpuid_line(kvm, line);
    } else if (!strcmp(section, "[msr-index]")) {
        read_msr_index_line(kvm, line);
    } else if (!strcmp(section, "[feature-msr]") || !strcmp(section, "[guest-msr]")) {
        read_msr_line(kvm, line, !strcmp(section, "[guest-msr]"));
    } else if (!strcmp(section, "[caps]")) {
        read_cap_line(kvm, line);
    }
}

FakeKvm *fake_kvm_load(const char *path)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    g_autofree char *base = g_path_get_basename(path);
    const char *section = "";
    FakeKvm *kvm;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return NULL;
    }
    kvm = g_new0(FakeKvm, 1);
    kvm->name = g_strndup(base, strlen(base) - strlen(".txt"));
    kvm->offered = g_array_new(FALSE, FALSE, sizeof(struct kvm_cpuid_entry2));
    kvm->shown = g_array_new(FALSE, FALSE, sizeof(struct kvm_cpuid_entry2));
    kvm->msr_indexes = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    kvm->caps = g_hash_table_new(NULL, NULL);
    kvm->msrs = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (**line == '[') {
            section = *line;
        } else if (**line && **line != '#') {
            read_line(kvm, section, *line);
        }
    }
    /* What every KVM gives a fresh vCPU, and no set has: no BTS, no PEBS; the PAT of RESET. */
    put_msr(kvm, 0x1a0, 0x1800);
    put_msr(kvm, 0x277, UINT64_C(0x0007040600070406));
    g_assert_cmpuint(kvm->offered->len, >, 0);
    return kvm;
}

void fake_kvm_free(FakeKvm *kvm)
{
    g_array_unref(kvm->offered);
    g_array_unref(kvm->shown);
    g_array_unref(kvm->msr_indexes);
    g_hash_table_unref(kvm->caps);
    g_hash_table_unref(kvm->msrs);
    g_free(kvm->name);
    g_free(kvm);
}

const struct kvm_cpuid_entry2 *fake_kvm_find(const GArray *entries, uint32_t leaf,
                                             uint32_t subleaf)
{
    for (unsigned i = 0; i < entries->len; i++) {
        const struct kvm_cpuid_entry2 *e = &g_array_index(entries, struct kvm_cpuid_entry2, i);

        if (e->function == leaf && e->index == subleaf) {
            return e;
        }
    }
    return NULL;
}

/* ---- ioctls ---- */

static int fake_open(const char *path)
{
    return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int refuse(int err)
{
    errno = err;
    return -1;
}

static int create_vcpu(void)
{
    int fd = memfd_create("fake-vcpu", MFD_CLOEXEC);

    g_assert_cmpint(ftruncate(fd, RUN_PAGE_SIZE), ==, 0);
    return fd;
}

static int get_supported_cpuid(struct kvm_cpuid2 *cpuid)
{
    if (cpuid->nent < in_use->offered->len) {
        return refuse(E2BIG);
    }
    cpuid->nent = in_use->offered->len;
    memcpy(cpuid->entries, in_use->offered->data, cpuid->nent * sizeof(cpuid->entries[0]));
    return 0;
}

static int get_msr_list(struct kvm_msr_list *list)
{
    uint32_t room = list->nmsrs;

    list->nmsrs = in_use->msr_indexes->len;
    if (room < list->nmsrs) {
        return refuse(E2BIG);
    }
    memcpy(list->indices, in_use->msr_indexes->data, list->nmsrs * sizeof(list->indices[0]));
    return 0;
}

static int get_msrs(struct kvm_msrs *msrs)
{
    for (uint32_t i = 0; i < msrs->nmsrs; i++) {
        const uint64_t *value = g_hash_table_lookup(in_use->msrs,
                                                    GUINT_TO_POINTER(msrs->entries[i].index));

        if (!value) {
            return i;
        }
        msrs->entries[i].data = *value;
    }
    return msrs->nmsrs;
}

static int set_msrs(const struct kvm_msrs *msrs)
{
    for (uint32_t i = 0; i < msrs->nmsrs; i++) {
        if (!g_hash_table_contains(in_use->msrs, GUINT_TO_POINTER(msrs->entries[i].index))) {
            return i;
        }
        put_msr(in_use, msrs->entries[i].index, msrs->entries[i].data);
    }
    return msrs->nmsrs;
}

static int check_extension(int number)
{
    gpointer value;

    if (g_hash_table_lookup_extended(in_use->caps, GINT_TO_POINTER(number), NULL, &value)) {
        return GPOINTER_TO_INT(value);
    }
    return number == KVM_CAP_XSAVE2 ? 4096 : 1;
}

static int enable_cap(const struct kvm_enable_cap *cap)
{
    in_use->disabled_pmus += cap->cap == KVM_CAP_PMU_CAPABILITY && cap->args[0] == 1;
    return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
    switch (request) {
    case KVM_GET_API_VERSION:
        return KVM_API_VERSION;
    case KVM_CREATE_VM:
        return open("/dev/null", O_RDWR | O_CLOEXEC);
    case KVM_GET_VCPU_MMAP_SIZE:
        return RUN_PAGE_SIZE;
    case KVM_CREATE_VCPU:
        return create_vcpu();
    case KVM_CHECK_EXTENSION:
        return check_extension((intptr_t)arg);
    case KVM_ENABLE_CAP:
        return enable_cap(arg);
    case KVM_GET_SUPPORTED_CPUID:
        return get_supported_cpuid(arg);
    case KVM_GET_MSR_INDEX_LIST:
        return get_msr_list(arg);
    case KVM_SET_CPUID2: {
        const struct kvm_cpuid2 *cpuid = arg;

        g_array_set_size(in_use->shown, 0);
        g_array_append_vals(in_use->shown, cpuid->entries, cpuid->nent);
        return 0;
    }
    case KVM_GET_MSRS:
        return get_msrs(arg);
    case KVM_SET_MSRS:
        return set_msrs(arg);
    case KVM_RUN:
        return refuse(EINTR);
    default:
        return 0;
    }
}

void fake_kvm_use(FakeKvm *kvm)
{
    in_use = kvm;
    kvm_ioctl = fake_ioctl;
    kvm_open = fake_open;
}
