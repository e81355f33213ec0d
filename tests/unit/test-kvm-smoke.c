/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The KVM accelerator with no machine round it: an accelerator, two CPUs, a page of ports and some
 * memory run guest programs of a few instructions. Checks exits, memory slots that come and go
 * under a running guest, read-only slots, reset, pause and continue, INIT and SIPI, triple fault,
 * SMIs (with and without a KVM that has SMM). Needs /dev/kvm (skips without):
 * tests/guest/test_kvm.py runs it inside the nested host.
 */
#include "qemu/osdep.h"
#include "hw/core/boards.h"
#include "hw/core/qdev.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "system/accel.h"
#include "system/address-spaces.h"
#include "system/memory.h"
#include "system/reset.h"
#include "system/runstate.h"
#include "target/i386/cpu.h"

/*
 * Guest programs, each position independent. Ports: 0x80 takes marks, 0x84 values, 0x88 a stream
 * of values read from the window at 1 GiB; 0x70 gives 0xa5.
 */
#define GUEST_CODE(name, mode, text)                                    \
    extern const uint8_t name[], name##_end[];                          \
    __asm__(".pushsection .rodata\n" #name ":\n" mode "\n" text "\n"    \
            #name "_end:\n.code64\n.popsection\n")

GUEST_CODE(guest_io, ".code64",
    "movb $0x41, %al; outb %al, $0x80; inb $0x70, %al; outb %al, $0x80\n"
    "movl $0xd0000000, %edi; movl $0x12345678, (%rdi); movl 8(%rdi), %eax; outl %eax, $0x84\n"
    "leaq 1f(%rip), %rsi; movw $0x80, %dx; movl $5, %ecx; cld; rep outsb; ud2\n"
    "1: .ascii \"HELLO\"");
GUEST_CODE(guest_window, ".code64",
    "movl $0x40000000, %edi; 1: movl (%rdi), %eax; outl %eax, $0x88; jmp 1b");
GUEST_CODE(guest_smp, ".code64",
    "movl $0xfee00000, %edi; movl $0x1ff, 0xf0(%rdi)\n"
    "movl $0x01000000, 0x310(%rdi); movl $0x00004500, 0x300(%rdi)\n"
    "movl $0x01000000, 0x310(%rdi); movl $0x00004608, 0x300(%rdi)\n"
    "1: cmpl $0x77, 0x7000; jne 1b; movb $0x42, %al; outb %al, $0x80; 2: hlt; jmp 2b");
GUEST_CODE(guest_ap, ".code16",
    "movb $0x55, %al; outb %al, $0x80; xorw %ax, %ax; movw %ax, %ds; movl $0x77, 0x7000\n"
    "1: hlt; jmp 1b");
/* Ten SMIs to itself (ICR: delivery mode 2, level assert); a mark if a register kept its value. */
GUEST_CODE(guest_smi, ".code64",
    "movl $0xfee00000, %edi; movl $0x1ff, 0xf0(%rdi); movl $10, %ecx; movl $0x12345678, %ebx\n"
    "1: movl $0, 0x310(%rdi); movl $0x00004200, 0x300(%rdi); nop; decl %ecx; jnz 1b\n"
    "cmpl $0x12345678, %ebx; jne 2f; movb $0x53, %al; outb %al, $0x80; 2: hlt; jmp 2b");
/* SMIs to both processors, while the second counts; a mark when it still counts after 200. */
GUEST_CODE(guest_smi_smp, ".code64",
    "movl $0xfee00000, %edi; movl $0x1ff, 0xf0(%rdi)\n"
    "movl $0x01000000, 0x310(%rdi); movl $0x00004500, 0x300(%rdi)\n"
    "movl $0x01000000, 0x310(%rdi); movl $0x00004609, 0x300(%rdi); movl $200, %ecx\n"
    "1: movl 0x7010, %eax; movl $0x00084200, 0x300(%rdi); 2: cmpl %eax, 0x7010; je 2b\n"
    "decl %ecx; jnz 1b; movb $0x44, %al; outb %al, $0x80; 3: hlt; jmp 3b");
GUEST_CODE(guest_ap_counts, ".code16",
    "xorw %ax, %ax; movw %ax, %ds; 1: incl 0x7010; jmp 1b");
/* At the reset vector: writes to ROM must come out as accesses and change nothing. */
GUEST_CODE(guest_rom, ".code16",
    "movb %cs:0xf100, %al; outb %al, $0x80; movb $0x99, %cs:0xf100\n"
    "movb %cs:0xf100, %al; outb %al, $0x80; movb $0x52, %al; outb %al, $0x80; 1: hlt; jmp 1b");

#define RAM_SIZE (2 * MiB)
#define PML4_GPA 0x1000
#define PDPT_GPA 0x2000
#define GDT_GPA 0x5000
#define AP_CODE_GPA 0x8000
#define AP_COUNTS_GPA 0x9000
#define CODE_GPA 0x10000
#define PD_GPA 0x30000
#define ROM_GPA 0xfffff000
#define WINDOW_GPA 0x40000000
#define MMIO_GPA 0xd0000000
#define WAIT_MS 10000

static struct {
    AccelState *accel;
    X86CPU *cpus[2];
    MemoryRegion ram, rom, window, mmio, ports;
    uint64_t boot_rip;              /* 0: start at the reset vector */
    GString *marks;                 /* bytes written to port 0x80 */
    uint32_t value;                 /* last one written to port 0x84 */
    uint32_t streamed;              /* last one written to port 0x88, and how many */
    unsigned nb_streamed, nb_unexpected;
    bool window_must_be_ram;
    unsigned nb_resets;
    uint64_t mmio_written;
} vm;

/* ---- Devices ---- */

static uint64_t ports_read(void *opaque, hwaddr addr, unsigned size)
{
    return addr == 0x70 ? 0xa5 : 0xff;
}

static void ports_write(void *opaque, hwaddr addr, uint64_t data, unsigned size)
{
    if (addr == 0x80) {
        g_string_append_c(vm.marks, data);
    } else if (addr == 0x84) {
        vm.value = data;
    } else if (addr == 0x88) {
        vm.streamed = data;
        vm.nb_streamed++;
        vm.nb_unexpected += vm.window_must_be_ram && data != 0x600d;
    }
}

static const MemoryRegionOps ports_ops = {
    .read = ports_read, .write = ports_write, .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 4, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 4, .unaligned = true },
};

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0xcafe0000 + addr;
}

static void mmio_write(void *opaque, hwaddr addr, uint64_t data, unsigned size)
{
    vm.mmio_written = data;
}

static const MemoryRegionOps mmio_ops = {
    .read = mmio_read, .write = mmio_write, .endianness = DEVICE_LITTLE_ENDIAN,
};

/* ---- The machine ---- */

static void *ram_at(uint64_t gpa)
{
    return (char *)memory_region_get_ram_ptr(&vm.ram) + gpa;
}

/* Identity mapping of 4 GiB in 2 MiB pages, and flat segments. */
static void load_tables(void)
{
    static const uint64_t gdt[4] = { 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
    uint64_t *pml4 = ram_at(PML4_GPA), *pdpt = ram_at(PDPT_GPA), *pd = ram_at(PD_GPA);

    pml4[0] = PDPT_GPA | 3;
    for (uint64_t i = 0; i < 4; i++) {
        pdpt[i] = (PD_GPA + i * 4096) | 3;
    }
    for (uint64_t i = 0; i < 4 * 512; i++) {
        pd[i] = i << 21 | 0x83;
    }
    memcpy(ram_at(GDT_GPA), gdt, sizeof(gdt));
}

static void boot_reset(void *opaque)
{
    vm.nb_resets++;
    if (vm.boot_rip) {
        cpu_x86_set_boot_state64(vm.cpus[0], vm.boot_rip, 0, PML4_GPA, GDT_GPA, 0x1f, 0x7ff0);
    }
}

static void make_memory(void)
{
    uint8_t *rom;

    memory_region_init_ram(&vm.ram, NULL, "ram", RAM_SIZE, &error_abort);
    memory_region_add_subregion(get_system_memory(), 0, &vm.ram);
    memory_region_init_rom(&vm.rom, NULL, "rom", 4096, &error_abort);
    rom = memory_region_get_ram_ptr(&vm.rom);
    memcpy(rom, guest_rom, guest_rom_end - guest_rom);
    rom[0x100] = 0x4b;
    memcpy(rom + 0xff0, "\xe9\x0d\xf0", 3);       /* jmp to the ROM's start */
    memory_region_add_subregion(get_system_memory(), ROM_GPA, &vm.rom);
    memory_region_init_ram(&vm.window, NULL, "window", 4096, &error_abort);
    *(uint32_t *)memory_region_get_ram_ptr(&vm.window) = 0x600d;
    memory_region_init_io(&vm.mmio, NULL, &mmio_ops, NULL, "mmio", 4096);
    memory_region_add_subregion(get_system_memory(), MMIO_GPA, &vm.mmio);
    memory_region_init_io(&vm.ports, NULL, &ports_ops, NULL, "ports", 256);
    memory_region_add_subregion(get_system_io(), 0, &vm.ports);
}

static void make_machine(void)
{
    static MachineState ms;

    ms.smp = (CpuTopology) {
        .cpus = 2, .max_cpus = 2, .sockets = 2, .dies = 1, .cores = 1, .threads = 1,
    };
    current_machine = &ms;
    vm.marks = g_string_new(NULL);
    vm.accel = ACCEL(object_new(ACCEL_CLASS_NAME("kvm")));
    accel_init_machine(vm.accel, &ms, &error_fatal);
    make_memory();
    for (unsigned i = 0; i < 2; i++) {
        vm.cpus[i] = X86_CPU(object_new(X86_CPU_DEFAULT_TYPE));
        vm.cpus[i]->apic_id = i;
        qdev_realize(DEVICE(vm.cpus[i]), NULL, &error_fatal);
    }
    qemu_register_reset(boot_reset, NULL);
}

static void load(uint64_t gpa, const uint8_t *code, const uint8_t *end)
{
    memcpy(ram_at(gpa), code, end - code);
}

/* Stops the VM, resets it and starts it with @code (NULL: at the reset vector). */
static void run_guest(const uint8_t *code, const uint8_t *end)
{
    int status;

    vm_stop(RUN_STATE_PAUSED);
    main_loop_should_exit(&status);     /* the last guest may have asked for a reset */
    vm.boot_rip = code ? CODE_GPA : 0;
    memset(ram_at(0), 0, RAM_SIZE);
    load_tables();
    load(AP_CODE_GPA, guest_ap, guest_ap_end);
    load(AP_COUNTS_GPA, guest_ap_counts, guest_ap_counts_end);
    if (code) {
        load(CODE_GPA, code, end);
    }
    qemu_system_reset(SHUTDOWN_CAUSE_NONE);
    g_string_truncate(vm.marks, 0);
    vm.value = 0;
    vm.nb_streamed = vm.nb_unexpected = 0;
    vm.window_must_be_ram = false;
    vm_start();
}

static void run_main_loop_for(int ms)
{
    int64_t end = g_get_monotonic_time() + ms * 1000;
    int status;

    while (g_get_monotonic_time() < end) {
        main_loop_wait(true);
        main_loop_should_exit(&status);
        bql_unlock();
        g_usleep(1000);
        bql_lock();
    }
}

#define WAIT_FOR(condition)                                                 \
    do {                                                                    \
        for (int waited = 0; !(condition) && waited < WAIT_MS; waited += 5) { \
            run_main_loop_for(5);                                           \
        }                                                                   \
        g_assert_true(condition);                                           \
    } while (0)

/* ---- Tests ---- */

static void test_exits(void)
{
    unsigned resets;

    run_guest(guest_io, guest_io_end);
    resets = vm.nb_resets;
    WAIT_FOR(vm.marks->len >= 7);
    g_assert_cmpmem(vm.marks->str, 7, "A\xa5HELLO", 7);
    g_assert_cmphex(vm.mmio_written, ==, 0x12345678);
    g_assert_cmphex(vm.value, ==, 0xcafe0008);
    /* Its last instruction is a fault with no handler: the VM resets, and it runs again. */
    WAIT_FOR(vm.nb_resets > resets && vm.marks->len >= 14);
}

static void test_reset_vector_and_rom(void)
{
    run_guest(NULL, NULL);
    WAIT_FOR(vm.marks->len >= 3);
    g_assert_cmpmem(vm.marks->str, 3, "KKR", 3);
    g_assert_cmphex(((uint8_t *)memory_region_get_ram_ptr(&vm.rom))[0x100], ==, 0x4b);
}

/*
 * The window is RAM, replaced over and over in one transaction: the guest never sees a gap. (It
 * takes a second processor to see one: on a nested host with one this only checks the result.)
 */
static void test_slots(void)
{
    run_guest(guest_window, guest_window_end);
    WAIT_FOR(vm.nb_streamed > 10);
    g_assert_cmphex(vm.streamed, !=, 0x600d);
    memory_region_add_subregion(get_system_memory(), WINDOW_GPA, &vm.window);
    WAIT_FOR(vm.streamed == 0x600d);
    vm.window_must_be_ram = true;
    for (unsigned i = 0; i < 100; i++) {
        memory_region_transaction_begin();
        memory_region_set_readonly(&vm.window, i % 2 == 0);
        memory_region_transaction_commit();
        run_main_loop_for(2);
    }
    g_assert_cmpuint(vm.nb_unexpected, ==, 0);
    vm.window_must_be_ram = false;
    memory_region_del_subregion(get_system_memory(), &vm.window);
    WAIT_FOR(vm.streamed != 0x600d);
}

static void test_pause(void)
{
    unsigned before;

    run_guest(guest_window, guest_window_end);
    for (unsigned i = 0; i < 200; i++) {
        vm_stop(RUN_STATE_PAUSED);
        before = vm.nb_streamed;
        current_accel_class()->vcpu_get_state(vm.accel, CPU(vm.cpus[0]));
        g_assert_cmphex(vm.cpus[0]->env.rip - CODE_GPA, <, guest_window_end - guest_window);
        g_assert_cmphex(vm.cpus[0]->env.efer & EFER_LMA_MASK, ==, EFER_LMA_MASK);
        g_assert_cmpuint(vm.nb_streamed, ==, before);
        current_accel_class()->vcpu_put_state(vm.accel, CPU(vm.cpus[0]));
        vm_start();
        WAIT_FOR(vm.nb_streamed > before);
    }
}

static void test_init_sipi(void)
{
    for (unsigned i = 0; i < 50; i++) {
        run_guest(guest_smp, guest_smp_end);
        WAIT_FOR(vm.marks->len >= 2);
        g_assert_cmpmem(vm.marks->str, 2, "\x55\x42", 2);
    }
    vm_stop(RUN_STATE_PAUSED);
    current_accel_class()->vcpu_get_state(vm.accel, CPU(vm.cpus[1]));
    g_assert_cmphex(vm.cpus[1]->env.segs[R_CS].selector, ==, AP_CODE_GPA >> 4);
    qemu_system_reset(SHUTDOWN_CAUSE_NONE);
    g_assert_cmpint(vm.cpus[1]->env.mp_state, ==, X86_MP_UNINITIALIZED);
}

static void get_state(unsigned i)
{
    current_accel_class()->vcpu_get_state(vm.accel, CPU(vm.cpus[i]));
}

/* An SMI does nothing, on a KVM with SMM or without; nor does it to two processors at a time. */
static void test_smi(void)
{
    run_guest(guest_smi, guest_smi_end);
    WAIT_FOR(vm.marks->len >= 1 || !runstate_is_running());
    g_assert_true(runstate_is_running());
    g_assert_cmpmem(vm.marks->str, 1, "S", 1);
}

static void test_smi_smp(void)
{
    unsigned resets;

    run_guest(guest_smi_smp, guest_smi_smp_end);
    resets = vm.nb_resets;
    WAIT_FOR(vm.marks->len >= 1 || !runstate_is_running());
    g_assert_true(runstate_is_running());
    g_assert_cmpmem(vm.marks->str, 1, "D", 1);
    g_assert_cmpuint(vm.nb_resets, ==, resets);
}

/* Each processor saves its state at a place of its own. */
static void test_smbase(void)
{
    const uint64_t *smbase[] = { x86_cpu_msr(vm.cpus[0], 0x9e), x86_cpu_msr(vm.cpus[1], 0x9e) };

    if (!smbase[0]) {
        g_test_skip("this KVM has no SMM");
        return;
    }
    g_assert_cmphex(*smbase[0], !=, *smbase[1]);
}

/* A vCPU in SMM (halted there, lest it leaves by itself) is out of it after a system reset. */
static void test_smm_reset(void)
{
    bool has_smm = x86_cpu_msr(vm.cpus[0], 0x9e);

    run_guest(guest_window, guest_window_end);
    WAIT_FOR(vm.nb_streamed > 10);
    vm_stop(RUN_STATE_PAUSED);
    get_state(0);
    vm.cpus[0]->env.events.smm = has_smm;
    vm.cpus[0]->env.mp_state = X86_MP_HALTED;
    current_accel_class()->vcpu_put_state(vm.accel, CPU(vm.cpus[0]));
    vm_start();
    run_main_loop_for(20);
    vm_stop(RUN_STATE_PAUSED);
    get_state(0);
    g_assert_cmpint(vm.cpus[0]->env.events.smm, ==, has_smm);
    run_guest(guest_io, guest_io_end);
    WAIT_FOR(vm.marks->len >= 7);
    vm_stop(RUN_STATE_PAUSED);
    get_state(0);
    g_assert_false(vm.cpus[0]->env.events.smm);
}

static void skip(void)
{
    g_test_skip("no /dev/kvm");
}

int main(int argc, char **argv)
{
    bool have_kvm = access("/dev/kvm", R_OK | W_OK) == 0;

    g_test_init(&argc, &argv, NULL);
    error_init(argv[0]);
    if (have_kvm) {
        qemu_init_main_loop();
        make_machine();
    }
    g_test_add_func("/kvm/exits", have_kvm ? test_exits : skip);
    g_test_add_func("/kvm/reset-vector-and-rom", have_kvm ? test_reset_vector_and_rom : skip);
    g_test_add_func("/kvm/slots", have_kvm ? test_slots : skip);
    g_test_add_func("/kvm/pause", have_kvm ? test_pause : skip);
    g_test_add_func("/kvm/init-sipi", have_kvm ? test_init_sipi : skip);
    g_test_add_func("/kvm/smi", have_kvm ? test_smi : skip);
    g_test_add_func("/kvm/smi-smp", have_kvm ? test_smi_smp : skip);
    g_test_add_func("/kvm/smbase", have_kvm ? test_smbase : skip);
    g_test_add_func("/kvm/smm-reset", have_kvm ? test_smm_reset : skip);
    return g_test_run();
}
