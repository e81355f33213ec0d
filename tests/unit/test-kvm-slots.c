/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory slots of a KVM that refuses, with an ioctl function that stands in for it: who asked for
 * the memory hears why it is not there, and taking it back leaves nothing behind.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/event_notifier.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "system/address-spaces.h"
#include "../../accel/kvm/kvm-int.h"

#define MAX_SLOTS 3

static struct kvm_userspace_memory_region kvm_slots[MAX_SLOTS];
static uint64_t kvm_end = UINT64_MAX;    /* of what the processor can address */
static bool refuse_ioeventfd;
static unsigned nb_ioeventfds;
static KvmVm vm;

static int refuse(int err)
{
    errno = err;
    return -1;
}

static int fake_set_region(const struct kvm_userspace_memory_region *region)
{
    g_assert_cmpuint(region->slot, <, MAX_SLOTS);
    if (region->memory_size) {
        g_assert_cmpuint(kvm_slots[region->slot].memory_size, ==, 0);
        if (region->guest_phys_addr + region->memory_size > kvm_end) {
            return refuse(EINVAL);
        }
    } else {
        g_assert_cmpuint(kvm_slots[region->slot].memory_size, !=, 0);
    }
    kvm_slots[region->slot] = *region;
    return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
    const struct kvm_ioeventfd *fd_request = arg;

    switch (request) {
    case KVM_SET_USER_MEMORY_REGION:
        return fake_set_region(arg);
    case KVM_IOEVENTFD:
        if (fd_request->flags & KVM_IOEVENTFD_FLAG_DEASSIGN) {
            if (!nb_ioeventfds) {
                return refuse(ENOENT);
            }
            nb_ioeventfds--;
            return 0;
        }
        if (refuse_ioeventfd) {
            return refuse(ENOSPC);
        }
        nb_ioeventfds++;
        return 0;
    default:
        g_assert_not_reached();
    }
}

static unsigned nb_kvm_slots(void)
{
    unsigned nb = 0;

    for (unsigned i = 0; i < MAX_SLOTS; i++) {
        nb += kvm_slots[i].memory_size != 0;
    }
    g_assert_cmpuint(kvm_slots_used(), ==, nb);
    return nb;
}

/* RAM regions of 2 MiB for the tests to map. */
static MemoryRegion ram[MAX_SLOTS + 1];

/* Maps a region as somebody does who wants to know, and takes it back if it cannot be had. */
static bool map(unsigned i, uint64_t gpa, Error **errp)
{
    MemoryErrorScope scope;

    memory_errors_begin(&scope);
    memory_region_add_subregion(get_system_memory(), gpa, &ram[i]);
    if (memory_errors_end(&scope, errp)) {
        return true;
    }
    memory_region_del_subregion(get_system_memory(), &ram[i]);
    return false;
}

static void unmap(unsigned i)
{
    memory_region_del_subregion(get_system_memory(), &ram[i]);
}

static void assert_refused(unsigned i, uint64_t gpa, const char *why)
{
    unsigned before = nb_kvm_slots();
    Error *err = NULL;

    g_assert_false(map(i, gpa, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), why));
    error_free(err);
    g_assert_cmpuint(nb_kvm_slots(), ==, before);
}

static void test_address_too_high(void)
{
    kvm_end = UINT64_C(1) << 39;
    g_assert_true(map(0, kvm_end - 2 * MiB, NULL));
    assert_refused(1, kvm_end, "guest address 0x8000000000, size 0x200000: Invalid argument");
    unmap(0);
    /* Later, on a better processor: nothing stood in the way. */
    kvm_end = UINT64_MAX;
    g_assert_true(map(1, UINT64_C(1) << 39, NULL));
    unmap(1);
    g_assert_cmpuint(nb_kvm_slots(), ==, 0);
}

static void test_slots_used_up(void)
{
    for (unsigned i = 0; i < MAX_SLOTS; i++) {
        g_assert_true(map(i, i * 4 * MiB, NULL));
    }
    assert_refused(MAX_SLOTS, GiB, "all 3 memory slots are in use; guest memory at 0x40000000");
    unmap(1);
    g_assert_true(map(MAX_SLOTS, GiB, NULL));
    for (unsigned i = 0; i <= MAX_SLOTS; i++) {
        if (i != 1) {
            unmap(i);
        }
    }
    g_assert_cmpuint(nb_kvm_slots(), ==, 0);
}

/* The inner scope hears, the outer one does not; what nobody asks about does not pile up. */
static void test_scopes(void)
{
    MemoryErrorScope outer;
    Error *err = NULL;

    kvm_end = GiB;
    memory_errors_begin(&outer);
    assert_refused(0, GiB, "Invalid argument");
    g_assert_true(map(0, 0, NULL));
    unmap(0);
    g_assert_true(memory_errors_end(&outer, &err));
    g_assert_null(err);

    /* Two that fail: the first is told. */
    memory_errors_begin(&outer);
    memory_region_transaction_begin();
    memory_region_add_subregion(get_system_memory(), GiB, &ram[0]);
    memory_region_add_subregion(get_system_memory(), 2 * GiB, &ram[1]);
    memory_region_transaction_commit();
    g_assert_false(memory_errors_end(&outer, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "guest address 0x40000000"));
    error_free(err);
    unmap(0);
    unmap(1);
    kvm_end = UINT64_MAX;
    g_assert_cmpuint(nb_kvm_slots(), ==, 0);
}

static void test_unheard(void)
{
    if (g_test_subprocess()) {
        kvm_end = GiB;
        for (int i = 0; i < 100; i++) {
            memory_region_add_subregion(get_system_memory(), GiB, &ram[0]);
            unmap(0);
        }
        exit(0);
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*guest memory: KVM: KVM_SET_USER_MEMORY_REGION failed*");
    /* a guest that does so does not fill the disk */
    g_test_trap_assert_stderr_unmatched("*failed*failed*failed*failed*failed*failed*failed*failed*"
                                        "failed*failed*failed*");
}

static void test_ioeventfd(void)
{
    MemoryErrorScope scope;
    MemoryRegion io;
    EventNotifier e;
    Error *err = NULL;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr_unmatched("*failed*");   /* it was heard, and is told once */
        return;
    }
    g_assert_cmpint(event_notifier_init(&e, 0), ==, 0);
    memory_region_init_io(&io, NULL, &unassigned_io_ops, NULL, NULL, 4096);
    memory_region_add_subregion(get_system_memory(), GiB, &io);
    refuse_ioeventfd = true;
    memory_errors_begin(&scope);
    memory_region_add_eventfd(&io, 0, 2, false, 0, &e);
    g_assert_false(memory_errors_end(&scope, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "KVM_IOEVENTFD at 0x40000000 failed: No space"));
    error_free(err);
    memory_region_del_eventfd(&io, 0, 2, false, 0, &e);
    refuse_ioeventfd = false;
    memory_errors_begin(&scope);
    memory_region_add_eventfd(&io, 0, 2, false, 0, &e);
    g_assert_true(memory_errors_end(&scope, NULL));
    g_assert_cmpuint(nb_ioeventfds, ==, 1);
    memory_region_del_eventfd(&io, 0, 2, false, 0, &e);
    g_assert_cmpuint(nb_ioeventfds, ==, 0);
    memory_region_del_subregion(get_system_memory(), &io);
    object_unref(&io);
    event_notifier_cleanup(&e);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop();
    kvm_ioctl = fake_ioctl;
    vm = (KvmVm) { .nr_memslots = MAX_SLOTS, .vcpus = g_ptr_array_new() };
    kvm_slots_init(&vm);
    for (unsigned i = 0; i <= MAX_SLOTS; i++) {
        memory_region_init_ram(&ram[i], NULL, NULL, 2 * MiB, &error_abort);
    }
    g_test_add_func("/kvm/slots/address-too-high", test_address_too_high);
    g_test_add_func("/kvm/slots/used-up", test_slots_used_up);
    g_test_add_func("/kvm/slots/scopes", test_scopes);
    g_test_add_func("/kvm/slots/unheard", test_unheard);
    g_test_add_func("/kvm/slots/ioeventfd", test_ioeventfd);
    return g_test_run();
}
