/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM's memory slots follow the flat view of address_space_memory: one slot for each section of
 * RAM, cut to whole pages. A transaction's changes are gathered and applied in commit, deletions
 * first, while no vCPU executes guest code, so that a guest never sees the gap between a slot that
 * goes and the one that takes its place. Also ioeventfds. All under the big lock.
 */
#include "qemu/osdep.h"
#include <linux/kvm.h>
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/event_notifier.h"
#include "qemu/int128.h"
#include "system/address-spaces.h"
#include "kvm-int.h"

typedef struct KvmSlot {
    uint64_t gpa;
    uint64_t size;
    void *hva;
    uint32_t id;
    bool readonly;
} KvmSlot;

/* KVM counts a slot's pages in 31 bits; larger sections are cut into several of this size. */
#define KVM_SLOT_MAX_SIZE (UINT64_C(4) << 40)

static KvmVm *slots_vm;
static GHashTable *slots;           /* by &slot->gpa */
static GArray *free_ids;            /* uint32_t: slot numbers given back */
static uint32_t next_id;
static GPtrArray *to_add;           /* KvmSlot: of the running transaction */
static GPtrArray *to_delete;

/* The whole pages of a RAM section; false if there is none or it is not RAM. */
static bool section_to_range(const MemoryRegionSection *section, KvmSlot *range)
{
    uint64_t page = qemu_real_host_page_size();
    uint64_t start = section->offset_within_address_space;
    uint64_t size = int128_get64(section->size);
    uint64_t skip = QEMU_ALIGN_UP(start, page) - start;

    if (!memory_region_is_ram(section->mr) || size <= skip) {
        return false;
    }
    *range = (KvmSlot) {
        .gpa = start + skip,
        .size = QEMU_ALIGN_DOWN(size - skip, page),
        .hva = (char *)memory_region_get_ram_ptr(section->mr) +
               section->offset_within_region + skip,
        .readonly = section->readonly || memory_region_is_rom(section->mr),
    };
    return range->size > 0;
}

static int set_slot(const KvmSlot *slot, uint64_t size)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot->id,
        .flags = slot->readonly && slots_vm->has_readonly_mem ? KVM_MEM_READONLY : 0,
        .guest_phys_addr = slot->gpa,
        .memory_size = size,
        .userspace_addr = (uintptr_t)slot->hva,
    };

    return kvm_call(slots_vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static bool take_id(uint32_t *id)
{
    if (free_ids->len) {
        *id = g_array_index(free_ids, uint32_t, free_ids->len - 1);
        g_array_set_size(free_ids, free_ids->len - 1);
        return true;
    }
    if (next_id >= (uint32_t)slots_vm->nr_memslots) {
        return false;
    }
    *id = next_id++;
    return true;
}

/* A slot that cannot be had leaves a hole that the guest sees as MMIO: who asked for it hears. */
static bool try_add(KvmSlot *slot, Error **errp)
{
    int ret;

    if (!take_id(&slot->id)) {
        error_setg(errp, "KVM: all %d memory slots are in use; guest memory at 0x%" PRIx64
                   " is missing", slots_vm->nr_memslots, slot->gpa);
        return false;
    }
    ret = set_slot(slot, slot->size);
    if (ret < 0) {
        error_setg(errp, "KVM: KVM_SET_USER_MEMORY_REGION failed: slot %u, guest address 0x%"
                   PRIx64 ", size 0x%" PRIx64 ": %s", slot->id, slot->gpa, slot->size,
                   g_strerror(-ret));
        g_array_append_val(free_ids, slot->id);
        return false;
    }
    return true;
}

static void apply_add(KvmSlot *slot)
{
    Error *err = NULL;

    if (try_add(slot, &err)) {
        g_hash_table_insert(slots, &slot->gpa, slot);
    } else {
        memory_listener_failed(err);
        g_free(slot);
    }
}

static void apply_delete(const KvmSlot *range)
{
    KvmSlot *slot = g_hash_table_lookup(slots, &range->gpa);
    int ret;

    if (!slot) {
        return;
    }
    ret = set_slot(slot, 0);
    if (ret < 0) {
        error_report("KVM: deleting memory slot %u at 0x%" PRIx64 " failed: %s", slot->id,
                     slot->gpa, g_strerror(-ret));
    }
    g_array_append_val(free_ids, slot->id);
    g_hash_table_remove(slots, &range->gpa);
}

static void gather(GPtrArray *list, const MemoryRegionSection *section)
{
    KvmSlot range;

    if (!section_to_range(section, &range)) {
        return;
    }
    while (range.size) {
        KvmSlot *part = g_memdup2(&range, sizeof(range));

        part->size = MIN(range.size, KVM_SLOT_MAX_SIZE);
        g_ptr_array_add(list, part);
        range.gpa += part->size;
        range.size -= part->size;
        range.hva = (char *)range.hva + part->size;
    }
}

static void kvm_region_add(MemoryListener *listener, MemoryRegionSection *section)
{
    gather(to_add, section);
}

static void kvm_region_del(MemoryListener *listener, MemoryRegionSection *section)
{
    gather(to_delete, section);
}

static void kvm_commit(MemoryListener *listener)
{
    if (!to_add->len && !to_delete->len) {
        return;
    }
    kvm_guests_hold(slots_vm);
    for (unsigned i = 0; i < to_delete->len; i++) {
        apply_delete(to_delete->pdata[i]);
        g_free(to_delete->pdata[i]);
    }
    for (unsigned i = 0; i < to_add->len; i++) {
        apply_add(to_add->pdata[i]);
    }
    kvm_guests_release(slots_vm);
    g_ptr_array_set_size(to_delete, 0);
    g_ptr_array_set_size(to_add, 0);
}

static void set_ioeventfd(MemoryRegionSection *section, bool match_data, uint64_t data,
                          EventNotifier *e, uint32_t flags)
{
    struct kvm_ioeventfd request = {
        .datamatch = match_data ? data : 0,
        .addr = section->offset_within_address_space,
        .len = int128_get64(section->size),
        .fd = event_notifier_get_fd(e),
        .flags = flags | (match_data ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0),
    };
    int ret = kvm_call(slots_vm->vm_fd, KVM_IOEVENTFD, &request);

    if (ret < 0 && !(flags & KVM_IOEVENTFD_FLAG_DEASSIGN)) {
        Error *err = NULL;

        error_setg(&err, "KVM: KVM_IOEVENTFD at 0x%" PRIx64 " failed: %s", (uint64_t)request.addr,
                   g_strerror(-ret));
        memory_listener_failed(err);
    } else if (ret < 0 && ret != -ENOENT) {  /* what could not be had cannot be given back */
        error_report("KVM: KVM_IOEVENTFD at 0x%" PRIx64 " failed: %s", (uint64_t)request.addr,
                     g_strerror(-ret));
    }
}

static void mmio_eventfd_add(MemoryListener *listener, MemoryRegionSection *section,
                             bool match_data, uint64_t data, EventNotifier *e)
{
    set_ioeventfd(section, match_data, data, e, 0);
}

static void mmio_eventfd_del(MemoryListener *listener, MemoryRegionSection *section,
                             bool match_data, uint64_t data, EventNotifier *e)
{
    set_ioeventfd(section, match_data, data, e, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static void pio_eventfd_add(MemoryListener *listener, MemoryRegionSection *section,
                            bool match_data, uint64_t data, EventNotifier *e)
{
    set_ioeventfd(section, match_data, data, e, KVM_IOEVENTFD_FLAG_PIO);
}

static void pio_eventfd_del(MemoryListener *listener, MemoryRegionSection *section,
                            bool match_data, uint64_t data, EventNotifier *e)
{
    set_ioeventfd(section, match_data, data, e,
                  KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static MemoryListener memory_slots_listener = {
    .name = "kvm-memory",
    .priority = 10,
    .region_add = kvm_region_add,
    .region_del = kvm_region_del,
    .commit = kvm_commit,
    .eventfd_add = mmio_eventfd_add,
    .eventfd_del = mmio_eventfd_del,
};

static MemoryListener io_listener = {
    .name = "kvm-io",
    .priority = 10,
    .eventfd_add = pio_eventfd_add,
    .eventfd_del = pio_eventfd_del,
};

unsigned kvm_slots_used(void)
{
    return slots ? g_hash_table_size(slots) : 0;
}

void kvm_slots_init(KvmVm *vm)
{
    slots_vm = vm;
    slots = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    free_ids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    to_add = g_ptr_array_new();
    to_delete = g_ptr_array_new();
    memory_listener_register(&memory_slots_listener, &address_space_memory);
    memory_listener_register(&io_listener, &address_space_io);
}

void kvm_slots_cleanup(void)
{
    memory_listener_unregister(&io_listener);
    memory_listener_unregister(&memory_slots_listener);
    g_clear_pointer(&slots, g_hash_table_unref);
    g_array_unref(free_ids);
    g_ptr_array_unref(to_add);
    g_ptr_array_unref(to_delete);
}
