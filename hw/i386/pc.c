/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What both PC boards have in common: RAM around the hole below 4 GiB, device memory above it,
 * CPUs, interrupt lines, legacy devices, the hotplug handler of memory devices; and the boot stub,
 * which does after every system reset what firmware would do.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/char/serial-isa.h"
#include "hw/core/hotplug.h"
#include "hw/core/qdev-properties.h"
#include "hw/i386/pc.h"
#include "hw/intc/i8259.h"
#include "hw/isa/i8042.h"
#include "hw/mem/memory-device.h"
#include "hw/timer/i8254.h"
#include "hw/virtio/virtio-md-pci.h"
#include "system/accel.h"
#include "system/address-spaces.h"
#include "system/numa.h"
#include "system/reset.h"
#include "system/runstate.h"
#include "system/system.h"
#include "target/i386/cpu.h"
#include "target/i386/kvm-layout.h"
#include "acpi-build.h"
#include "linuxboot.h"
#include "pc-parts.h"
#include "pcisetup.h"

#define ABOVE_4G ((uint64_t)(4 * GiB))
#define PC_DEFAULT_RAM_SIZE ((uint64_t)(128 * MiB))
#define PC_MAX_CPUS 255
/* Of HyperTransport on AMD's CPUs (BIOS and Kernel Developer's Guide): 12 GiB up to 1 TiB. */
#define AMD_HT_START UINT64_C(0xfd00000000)
#define AMD_HT_END UINT64_C(0x10000000000)
/* End of the 32-bit PCI window: I/O APIC, local APIC and KVM's pages come after it. */
#define PC_PCI_WINDOW_LAST 0xfebfffffu
#define PC_PCI_IO_FIRST 0xc000
#define PC_PCI_IO_LAST 0xffff
/* Where the boot stub leaves the ACPI tables: the top of the first MiB, as firmware would. */
#define PC_ACPI_BASE 0xe0000u
#define PC_ACPI_SIZE 0x20000u
#define PC_EBDA_BASE 0x9fc00u
#define E820_RAM 1
#define E820_RESERVED 2

/* ISA interrupts whose line is PCI's or SCI's: level triggered, active high. */
static const uint8_t pc_level_irqs[] = { 5, 9, 10, 11 };

/* Guest physical memory. */

static void pc_split_ram(PCMachineState *pcms)
{
    const PCMachineClass *pcmc = PC_MACHINE_GET_CLASS(pcms);
    uint64_t ram = MACHINE(pcms)->ram_size;
    uint64_t low = ram > pcmc->low_ram_max ? pcmc->low_ram_split : ram;

    pcms->below_4g_mem_size = low;
    pcms->above_4g_mem_size = ram - low;
    pcms->above_4g_mem_start = ABOVE_4G;
}

static uint64_t pc_device_memory_base(const PCMachineState *pcms)
{
    return QEMU_ALIGN_UP(pcms->above_4g_mem_start + pcms->above_4g_mem_size, (uint64_t)GiB);
}

/* Room to align each device to the largest page, 1 GiB. */
static uint64_t pc_device_memory_size(const MachineState *ms)
{
    return ms->maxram_size - ms->ram_size + ms->ram_slots * GiB;
}

static bool pc_has_device_memory(const MachineState *ms)
{
    return ms->ram_slots || ms->maxram_size > ms->ram_size;
}

/* First address above RAM and device memory. */
static uint64_t pc_memory_end(const PCMachineState *pcms)
{
    const MachineState *ms = MACHINE(pcms);
    uint64_t base = pc_device_memory_base(pcms);

    return pc_has_device_memory(ms) ? base + pc_device_memory_size(ms) : base;
}

static void pc_map_ram(PCMachineState *pcms)
{
    MachineState *ms = MACHINE(pcms);
    MemoryRegion *system = get_system_memory();

    memory_region_init_alias(&pcms->ram_below_4g, OBJECT(pcms), "ram-below-4g", ms->ram, 0,
                             pcms->below_4g_mem_size);
    memory_region_add_subregion(system, 0, &pcms->ram_below_4g);
    if (pcms->above_4g_mem_size) {
        memory_region_init_alias(&pcms->ram_above_4g, OBJECT(pcms), "ram-above-4g", ms->ram,
                                 pcms->below_4g_mem_size, pcms->above_4g_mem_size);
        memory_region_add_subregion(system, pcms->above_4g_mem_start, &pcms->ram_above_4g);
    }
    if (pc_has_device_memory(ms)) {
        machine_memory_devices_init(ms, pc_device_memory_base(pcms), pc_device_memory_size(ms));
    }
}

/* What the host bridge will have, with the user's globals: a bridge that nobody keeps knows. */
static uint64_t pc_hole64_size(const PCMachineState *pcms)
{
    Object *host = object_new(PC_MACHINE_GET_CLASS(pcms)->host_type);
    uint64_t size = object_property_get_uint(host, PCI_HOST_PROP_PCI_HOLE64_SIZE, &error_abort);

    object_unref(host);
    return size;
}

/* The last address that RAM, device memory or the 64-bit PCI window takes. */
static uint64_t pc_last_address(const PCMachineState *pcms)
{
    uint64_t start = QEMU_ALIGN_UP(pc_memory_end(pcms), (uint64_t)GiB), end;

    return __builtin_add_overflow(start, pc_hole64_size(pcms), &end) ? UINT64_MAX : end - 1;
}

static void pc_avoid_amd_hole(PCMachineState *pcms)
{
    if (PC_MACHINE_GET_CLASS(pcms)->avoid_amd_1tb_hole &&
        x86_cpu_is_amd(X86_CPU(first_cpu)) &&
        pc_last_address(pcms) >= AMD_HT_START) {
        pcms->above_4g_mem_start = AMD_HT_END;
    }
}

/* Whether RAM and device memory, rounded up to GiB, have an end: where they have, so has all the rest. */
static bool pc_check_memory_end(const PCMachineState *pcms, Error **errp)
{
    const MachineState *ms = MACHINE(pcms);
    uint64_t start = pcms->above_4g_mem_start, end;

    if (__builtin_add_overflow(start, pcms->above_4g_mem_size, &end) ||
        __builtin_add_overflow(end, ms->maxram_size - ms->ram_size, &end) ||
        __builtin_add_overflow(end, (ms->ram_slots + 2) * GiB, &end)) {
        error_setg(errp, "unsupported amount of maximum memory: %" PRIx64 " (it ends beyond what 64 "
                   "bits can address)", ms->maxram_size);
        return false;
    }
    return true;
}

/* What maxmem may be at most (at least the RAM's size) for all to end below @limit; 0: nothing does. */
static uint64_t pc_largest_maxmem(const PCMachineState *pcms, uint64_t limit)
{
    uint64_t slots = MACHINE(pcms)->ram_slots * GiB;
    const MachineState *ms = MACHINE(pcms);
    uint64_t base = pc_device_memory_base(pcms), hole = pc_hole64_size(pcms), room;

    if (pcms->above_4g_mem_start == AMD_HT_END && limit <= AMD_HT_END) {
        /* With less, nothing has to stand behind the hole. */
        base -= AMD_HT_END - ABOVE_4G;
        limit = MIN(limit, AMD_HT_START);
    }
    room = hole < limit ? QEMU_ALIGN_DOWN(limit - hole, (uint64_t)GiB) : 0;
    return room >= base && room - base >= slots ? ms->ram_size + (room - base - slots) : 0;
}

static void pc_explain_phys_bits(const PCMachineState *pcms, uint64_t limit, uint64_t last,
                                 GString *text)
{
    uint64_t maxmem = pc_largest_maxmem(pcms, limit);
    unsigned bits = 64 - clz64(last);
    g_autofree char *can = size_to_exact_str(limit), *value = size_to_option_str(maxmem);
    g_autofree char *hole = size_to_exact_str(pc_hole64_size(pcms));
    g_autofree char *need = size_to_exact_str(last / GiB * GiB + GiB);

    g_string_append_printf(text, ": the CPU addresses %s, and %s are needed for RAM, maxmem and a "
                           "window of %s for PCI behind them", can,
                           last < UINT64_MAX - GiB ? need : "more than 16 EiB", hole);
    if (maxmem > MACHINE(pcms)->ram_size) {
        g_string_append_printf(text, "; maxmem=%s would do", value);
    }
    if (bits <= X86_PHYS_BITS_MAX) {
        g_string_append_printf(text, "%s a CPU of %u bits (-cpu ...,phys-bits=%u)",
                               maxmem > MACHINE(pcms)->ram_size ? ", or" : "; what would do is", bits,
                               bits);
    }
}

static bool pc_check_phys_bits(const PCMachineState *pcms, Error **errp)
{
    const X86CPU *cpu = X86_CPU(first_cpu);
    uint64_t last = pc_last_address(pcms);
    unsigned bits = x86_cpu_phys_bits(cpu);
    g_autoptr(GString) text = g_string_new(NULL);

    if (bits >= 64 || !(last >> bits)) {
        return true;
    }
    g_string_printf(text, "Address space limit 0x%" PRIx64 " < 0x%" PRIx64 " phys-bits too low (%u)",
                    (UINT64_C(1) << bits) - 1, last, bits);
    pc_explain_phys_bits(pcms, UINT64_C(1) << bits, last, text);
    error_setg(errp, "%s", text->str);
    return false;
}

/* CPUs. */

static void pc_init_possible_cpu(const MachineState *ms, unsigned index, CPUArchId *slot)
{
    const X86CPUTopoInfo topo = x86_topo_info_of_machine(ms);
    X86CPUTopoIDs ids;

    x86_topo_ids_from_idx(&topo, index, &ids);
    slot->arch_id = x86_apicid_from_topo_ids(&topo, &ids);
    slot->props = (CpuInstanceProperties) {
        .has_socket_id = true, .socket_id = ids.pkg_id,
        .has_die_id = topo.dies_per_pkg > 1, .die_id = ids.die_id,
        .has_core_id = true, .core_id = ids.core_id,
        .has_thread_id = true, .thread_id = ids.smt_id,
    };
}

static bool pc_set_cpu_place(Object *cpu, const CPUArchId *slot, Error **errp)
{
    const CpuInstanceProperties *p = &slot->props;

    return object_property_set_uint(cpu, "apic-id", slot->arch_id, errp) &&
           object_property_set_int(cpu, "socket-id", p->socket_id, errp) &&
           object_property_set_int(cpu, "die-id", p->die_id, errp) &&
           object_property_set_int(cpu, "core-id", p->core_id, errp) &&
           object_property_set_int(cpu, "thread-id", p->thread_id, errp) &&
           (!p->has_node_id || object_property_set_int(cpu, "node-id", p->node_id, errp));
}

static bool pc_create_cpus(PCMachineState *pcms, Error **errp)
{
    MachineState *ms = MACHINE(pcms);
    CPUArchIdList *slots = machine_possible_cpus(ms);

    for (unsigned i = 0; i < ms->smp.cpus; i++) {
        Object *cpu = object_new(ms->cpu_type);
        bool ok = pc_set_cpu_place(cpu, &slots->cpus[i], errp) &&
                  qdev_realize(DEVICE(cpu), NULL, errp);

        slots->cpus[i].cpu = ok ? CPU(cpu) : NULL;
        object_unref(cpu);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* Devices. */

/* Memory sizes where firmware reports them (the CMOS map of the IBM PC AT and its followers). */
static void pc_init_cmos(PCMachineState *pcms)
{
    MC146818RtcState *rtc = pcms->rtc;
    uint64_t low = pcms->below_4g_mem_size, high = pcms->above_4g_mem_size / (64 * KiB);
    uint64_t extended = MIN(low > MiB ? (low - MiB) / KiB : 0, 65535);
    uint64_t above_16m = MIN(low > 16 * MiB ? (low - 16 * MiB) / (64 * KiB) : 0, 65535);

    mc146818rtc_set_cmos_data(rtc, 0x14, 0x06);   /* equipment: FPU, PS/2 mouse port */
    mc146818rtc_set_cmos_data(rtc, 0x38, 0x30);   /* boot order as QEMU's default, "cad" */
    mc146818rtc_set_cmos_data(rtc, 0x3d, 0x12);
    mc146818rtc_set_cmos_data(rtc, 0x15, 640 & 0xff);
    mc146818rtc_set_cmos_data(rtc, 0x16, 640 >> 8);
    mc146818rtc_set_cmos_data(rtc, 0x17, extended & 0xff);
    mc146818rtc_set_cmos_data(rtc, 0x18, extended >> 8);
    mc146818rtc_set_cmos_data(rtc, 0x30, extended & 0xff);
    mc146818rtc_set_cmos_data(rtc, 0x31, extended >> 8);
    mc146818rtc_set_cmos_data(rtc, 0x34, above_16m & 0xff);
    mc146818rtc_set_cmos_data(rtc, 0x35, above_16m >> 8);
    mc146818rtc_set_cmos_data(rtc, 0x5b, high & 0xff);
    mc146818rtc_set_cmos_data(rtc, 0x5c, high >> 8 & 0xff);
    mc146818rtc_set_cmos_data(rtc, 0x5d, high >> 16 & 0xff);
    mc146818rtc_set_cmos_data(rtc, 0x5f, MACHINE(pcms)->smp.cpus - 1);
}

static bool pc_create_serial(PCMachineState *pcms, Error **errp)
{
    for (unsigned i = 0; i < MAX_SERIAL_PORTS; i++) {
        if (serial_hd(i) && !serial_isa_create(pcms->isa_bus, i, serial_hd(i), errp)) {
            return false;
        }
    }
    return true;
}

static bool pc_create_isa_devices(PCMachineState *pcms, Error **errp)
{
    g_autofree qemu_irq *i8259 = i8259_init(pcms->isa_bus, NULL);

    memcpy(pcms->gsi_state.i8259_irq, i8259, sizeof(pcms->gsi_state.i8259_irq));
    i8254_pit_create(pcms->isa_bus, 0);
    pcms->rtc = mc146818_rtc_init(pcms->isa_bus, 0);
    isa_create_simple(pcms->isa_bus, TYPE_I8042);
    isa_create_simple(pcms->isa_bus, TYPE_PORT92);
    return pc_create_serial(pcms, errp);
}

void pc_attach_ioapic(PCMachineState *pcms, DeviceState *host)
{
    DeviceState *ioapic = ioapic_create(OBJECT(host));

    for (unsigned i = 0; i < IOAPIC_NUM_PINS; i++) {
        pcms->gsi_state.ioapic_irq[i] = qdev_get_gpio_in(ioapic, i);
    }
    apic_msi_region_init(&pcms->msi_region, OBJECT(pcms));
    memory_region_add_subregion_overlap(get_system_memory(), APIC_DEFAULT_ADDRESS,
                                        &pcms->msi_region, 4096);
}

/* Boot stub. */

static unsigned pc_e820(const PCMachineState *pcms, LinuxBootE820 *map)
{
    const PCMachineClass *pcmc = PC_MACHINE_GET_CLASS(pcms);
    unsigned nb = 0;

    map[nb++] = (LinuxBootE820) { 0, PC_EBDA_BASE, E820_RAM };
    map[nb++] = (LinuxBootE820) { PC_EBDA_BASE, 0xa0000 - PC_EBDA_BASE, E820_RESERVED };
    map[nb++] = (LinuxBootE820) { PC_ACPI_BASE, PC_ACPI_SIZE, E820_RESERVED };
    map[nb++] = (LinuxBootE820) { MiB, pcms->below_4g_mem_size - MiB, E820_RAM };
    if (pcmc->pcie) {
        map[nb++] = (LinuxBootE820) { MCH_HOST_BRIDGE_PCIEXBAR_DEFAULT,
                                      MCH_HOST_BRIDGE_PCIEXBAR_MAX, E820_RESERVED };
    }
    map[nb++] = (LinuxBootE820) { KVM_X86_RESERVED_BASE, KVM_X86_RESERVED_SIZE, E820_RESERVED };
    if (pcms->above_4g_mem_start == AMD_HT_END) {
        map[nb++] = (LinuxBootE820) { AMD_HT_START, AMD_HT_END - AMD_HT_START, E820_RESERVED };
    }
    if (pcms->above_4g_mem_size) {
        map[nb++] = (LinuxBootE820) { pcms->above_4g_mem_start, pcms->above_4g_mem_size, E820_RAM };
    }
    return nb;
}

/* Bit n: COM(n+1) is there, from -serial or from -device isa-serial. */
static unsigned pc_serial_ports(const PCMachineState *pcms)
{
    unsigned ports = 0;
    BusChild *kid;

    QTAILQ_FOREACH(kid, &BUS(pcms->isa_bus)->children, sibling) {
        if (object_dynamic_cast(OBJECT(kid->child), TYPE_ISA_SERIAL)) {
            ports |= 1u << object_property_get_uint(OBJECT(kid->child), "index", &error_abort);
        }
    }
    return ports;
}

/* NUMA in ACPI: nothing unless there are nodes. */
static AcpiNuma pc_acpi_numa(const PCMachineState *pcms)
{
    const MachineState *ms = MACHINE(pcms);
    const NumaState *numa = ms->numa_state;

    return (AcpiNuma) {
        .nodes = numa ? numa->nodes : NULL,
        .nb_nodes = numa ? numa->num_nodes : 0,
        .distance = numa && numa->have_numa_distance ? numa->distance : NULL,
        .cpus = ms->possible_cpus,
        .ram_below_4g = pcms->below_4g_mem_size,
        .ram_above_4g = pcms->above_4g_mem_size,
        .ram_above_4g_start = pcms->above_4g_mem_start,
        .device_memory_base = pc_device_memory_base(pcms),
        .device_memory_size = pc_has_device_memory(ms) ? pc_device_memory_size(ms) : 0,
    };
}

/* Slots of the buses that ACPI hotplugs. The caller frees the list. */
static AcpiPciHpSlots *pc_hotplug_slots(const PCMachineState *pcms, unsigned *nb)
{
    GArray *list = g_array_new(false, false, sizeof(AcpiPciHpSlots));
    PCIBus *bus;

    for (unsigned i = 0; pcms->pcihp && (bus = acpi_pcihp_bus(pcms->pcihp, i)); i++) {
        bool port = !pci_bus_is_root(bus);
        AcpiPciHpSlots slots = {
            .port_devfn = port ? bus->parent_dev->devfn : -1,
            .slots = acpi_pcihp_removable(bus) & (port ? 1 : UINT32_MAX),
        };

        g_array_append_val(list, slots);
    }
    *nb = list->len;
    return (AcpiPciHpSlots *)g_array_free(list, false);
}

static bool pc_write_acpi(const PCMachineState *pcms, uint8_t last_bus, Error **errp)
{
    const PCMachineClass *pcmc = PC_MACHINE_GET_CLASS(pcms);
    const MachineState *ms = MACHINE(pcms);
    g_autofree uint32_t *apic_ids = g_new(uint32_t, ms->smp.cpus);
    unsigned nb_hotplug;
    g_autofree AcpiPciHpSlots *hotplug = pc_hotplug_slots(pcms, &nb_hotplug);
    const AcpiConfig config = {
        .pcie = pcmc->pcie,
        .pci_root_uid = pcmc->pci_root_uid,
        .nb_cpus = ms->smp.cpus,
        .apic_ids = apic_ids,
        .level_irqs = pc_level_irqs,
        .nb_level_irqs = ARRAY_SIZE(pc_level_irqs),
        .pci_gsi = pcmc->pci_gsi,
        .numa = pc_acpi_numa(pcms),
        .pm_io_base = PC_PM_IO_BASE,
        .gpe0_base = pcmc->gpe0_base,
        .gpe0_length = pcmc->gpe0_length,
        .last_bus = last_bus,
        .mcfg_base = MCH_HOST_BRIDGE_PCIEXBAR_DEFAULT,
        .mcfg_size = MCH_HOST_BRIDGE_PCIEXBAR_MAX,
        .pci_window_first = pcmc->pci_window_first,
        .pci_window_last = PC_PCI_WINDOW_LAST,
        .serial_ports = pc_serial_ports(pcms),
        .native_hotplug = !pcms->pcihp,
        .pcihp = {
            .base = pcmc->pcihp_base,
            .nb_buses = nb_hotplug,
            .buses = hotplug,
        },
    };
    g_autoptr(GByteArray) tables = NULL;

    for (unsigned i = 0; i < ms->smp.cpus; i++) {
        apic_ids[i] = ms->possible_cpus->cpus[i].arch_id;
    }
    tables = acpi_build(&config, PC_ACPI_BASE);
    if (tables->len > PC_ACPI_SIZE ||
        address_space_write(&address_space_memory, PC_ACPI_BASE, MEMTXATTRS_UNSPECIFIED,
                            tables->data, tables->len)) {
        error_setg(errp, "ACPI tables of %u bytes do not fit", tables->len);
        return false;
    }
    return true;
}

static bool pc_setup_pci(const PCMachineState *pcms, uint8_t *last_bus, Error **errp)
{
    const PCMachineClass *pcmc = PC_MACHINE_GET_CLASS(pcms);
    const PciSetup setup = {
        .bus = pcms->pcibus,
        .io_first = PC_PCI_IO_FIRST,
        .io_last = PC_PCI_IO_LAST,
        .mem_first = pcmc->pci_window_first,
        .mem_last = PC_PCI_WINDOW_LAST,
        .irq_line = pcmc->pci_irq_line,
    };

    return pci_setup(&setup, last_bus, errp);
}

/* The machine as an operating system expects to find it, and the first CPU in the kernel. */
static bool pc_boot(PCMachineState *pcms, Error **errp)
{
    LinuxBootE820 e820[8];
    unsigned nb_e820 = pc_e820(pcms, e820);
    uint8_t last_bus;
    uint64_t entry;

    PC_MACHINE_GET_CLASS(pcms)->setup_chipset(pcms);
    acpi_pm1_cnt_update(pcms->acpi_regs, true, false);
    if (!pc_setup_pci(pcms, &last_bus, errp) || !pc_write_acpi(pcms, last_bus, errp) ||
        !linuxboot_load(pcms->boot, PC_ACPI_BASE, e820, nb_e820, &entry, errp)) {
        return false;
    }
    cpu_x86_set_boot_state64(X86_CPU(first_cpu), entry, LINUXBOOT_PARAMS, LINUXBOOT_PAGE_TABLES,
                             LINUXBOOT_GDT, 4 * 8 - 1, LINUXBOOT_STACK);
    return true;
}

static void pc_system_reset(ShutdownCause reason)
{
    PCMachineState *pcms = PC_MACHINE(current_machine);
    Error *err = NULL;

    qemu_devices_reset(RESET_TYPE_COLD);
    if (pcms->boot && !pc_boot(pcms, &err)) {
        error_report_err(err);
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_ERROR);
    }
}

/* Making the machine. */

static bool pc_open_kernel(PCMachineState *pcms, Error **errp)
{
    const MachineState *ms = MACHINE(pcms);

    if (!ms->kernel_filename) {
        if (ms->kernel_cmdline_given || ms->initrd_filename) {
            error_setg(errp, "%s only allowed with -kernel option",
                       ms->kernel_cmdline_given ? "-append" : "-initrd");
            return false;
        }
        return true;
    }
    pcms->boot = linuxboot_new(ms->kernel_filename, ms->initrd_filename, ms->kernel_cmdline,
                               pcms->below_4g_mem_size, errp);
    return pcms->boot != NULL;
}

static bool pc_make(PCMachineState *pcms, Error **errp)
{
    PCMachineClass *pcmc = PC_MACHINE_GET_CLASS(pcms);
    MachineState *ms = MACHINE(pcms);
    PCHostConfig config;

    if (ms->ram_size < 2 * MiB) {
        error_setg(errp, "a PC needs at least 2 MiB of RAM, -m says %" PRIu64 " bytes",
                   ms->ram_size);
        return false;
    }
    if (!memory_devices_check_maxmem(ms, errp)) {
        return false;
    }
    pc_split_ram(pcms);
    if (!pc_open_kernel(pcms, errp) || !pc_create_cpus(pcms, errp)) {
        return false;
    }
    if (!pc_check_memory_end(pcms, errp)) {
        return false;
    }
    pc_avoid_amd_hole(pcms);
    if (!pc_check_memory_end(pcms, errp) || !pc_check_phys_bits(pcms, errp) ||
        !memory_devices_check_host(pc_memory_end(pcms), errp) ||
        !memory_devices_check_maxmem_alignment(ms, errp)) {
        return false;
    }
    pc_map_ram(pcms);
    memory_region_init(&pcms->pci_memory, OBJECT(pcms), "pci", UINT64_MAX);
    config = (PCHostConfig) {
        .ram = ms->ram,
        .system = get_system_memory(),
        .io = get_system_io(),
        .pci = &pcms->pci_memory,
        .below_4g_mem_size = pcms->below_4g_mem_size,
        .above_4g_mem_size = pcms->above_4g_mem_size,
        .hole64_start = QEMU_ALIGN_UP(pc_memory_end(pcms), (uint64_t)GiB),
    };
    pcms->gsi = gsi_create(&pcms->gsi_state);
    pcmc->make_bridges(pcms, &config);
    if (!pc_create_isa_devices(pcms, errp)) {
        return false;
    }
    pc_init_cmos(pcms);
    qemu_set_system_reset_hook(pc_system_reset);
    return true;
}

static void pc_machine_init(MachineState *ms)
{
    Error *err = NULL;

    if (!pc_make(PC_MACHINE(ms), &err)) {
        error_report_err(err);
        exit(1);
    }
}

static bool pc_machine_check_runnable(MachineState *ms, Error **errp)
{
    if (!PC_MACHINE(ms)->boot) {
        error_setg(errp, "no firmware: use -kernel");
        return false;
    }
    return true;
}

/* Memory devices. */

static void pc_machine_pre_plug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    if (object_dynamic_cast(OBJECT(dev), TYPE_VIRTIO_MD_PCI)) {
        virtio_md_pci_pre_plug(VIRTIO_MD_PCI(dev), MACHINE(handler), errp);
    }
}

static void pc_machine_plug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    if (object_dynamic_cast(OBJECT(dev), TYPE_VIRTIO_MD_PCI)) {
        virtio_md_pci_plug(VIRTIO_MD_PCI(dev), MACHINE(handler), errp);
    }
}

static void pc_machine_unplug_request(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    if (object_dynamic_cast(OBJECT(dev), TYPE_VIRTIO_MD_PCI)) {
        virtio_md_pci_unplug_request(VIRTIO_MD_PCI(dev), MACHINE(handler), errp);
    } else {
        error_setg(errp, "device unplug request for not supported device type: %s",
                   object_get_typename(OBJECT(dev)));
    }
}

static void pc_machine_unplug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    virtio_md_pci_unplug(VIRTIO_MD_PCI(dev), MACHINE(handler), errp);
}

static HotplugHandler *pc_machine_get_hotplug_handler(MachineState *ms, DeviceState *dev)
{
    return object_dynamic_cast(OBJECT(dev), TYPE_VIRTIO_MD_PCI) ? HOTPLUG_HANDLER(ms) : NULL;
}

static void pc_machine_finalize(Object *obj)
{
    linuxboot_free(PC_MACHINE(obj)->boot);
}

static void pc_machine_class_init(ObjectClass *klass, const void *data)
{
    MachineClass *mc = MACHINE_CLASS(klass);
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_CLASS(klass);

    mc->init = pc_machine_init;
    mc->check_runnable = pc_machine_check_runnable;
    mc->init_possible_cpu = pc_init_possible_cpu;
    mc->get_hotplug_handler = pc_machine_get_hotplug_handler;
    mc->default_cpu_type = X86_CPU_DEFAULT_TYPE;
    mc->default_ram_size = PC_DEFAULT_RAM_SIZE;
    mc->default_ram_id = "pc.ram";
    mc->max_cpus = PC_MAX_CPUS;
    mc->dies_supported = true;
    hc->pre_plug = pc_machine_pre_plug;
    hc->plug = pc_machine_plug;
    hc->unplug_request = pc_machine_unplug_request;
    hc->unplug = pc_machine_unplug;
    pc_parts_add_properties(klass);
}

static const TypeInfo pc_machine_info = {
    .name = TYPE_PC_MACHINE,
    .parent = TYPE_MACHINE,
    .abstract = true,
    .instance_size = sizeof(PCMachineState),
    .instance_finalize = pc_machine_finalize,
    .class_size = sizeof(PCMachineClass),
    .class_init = pc_machine_class_init,
    .interfaces = (const InterfaceInfo[]) {
        { TYPE_HOTPLUG_HANDLER },
        { }
    },
};

static void pc_machine_register_types(void)
{
    type_register_static(&pc_machine_info);
}

type_init(pc_machine_register_types)
