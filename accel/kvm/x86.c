/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86 on KVM: CPUID for a new vCPU, and its registers between KVM's structures and CPUX86State.
 * The order of writing matters: EFER and control registers before the local APIC (whose base is in
 * them), the APIC before the TSC deadline. Time (TSC, deadline) and the paravirtual MSRs are
 * written by a reset only: otherwise they are KVM's to keep.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "target/i386/msr-index.h"
#include "kvm-int.h"

#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_6_EAX_ARAT (1u << 2)
#define CPUID_7_EDX_AMX ((1u << 22) | (1u << 24) | (1u << 25))
#define CPUID_MCE_MCA ((1u << 7) | (1u << 14))
#define KVM_CPUID_SIGNATURE_LEAF 0x40000000u
#define MCG_CTL_P (1u << 8)
#define MCG_SER_P (1u << 24)
#define NB_MCE_BANKS 10

/* Hyper-V's MSRs: not shown to the guest, hence never in use. */
#define HYPERV_MSR_FIRST 0x40000000u
#define HYPERV_MSR_LAST 0x400001ffu

/* ---- CPUID ---- */

static const struct kvm_cpuid_entry2 *find_supported(const KvmVm *vm, uint32_t leaf,
                                                     uint32_t subleaf)
{
    for (uint32_t i = 0; i < vm->cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *entry = &vm->cpuid->entries[i];

        if (entry->function == leaf &&
            (!(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || entry->index == subleaf)) {
            return entry;
        }
    }
    return NULL;
}

void kvm_x86_supported_cpuid(const KvmVm *vm, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    const struct kvm_cpuid_entry2 *entry = find_supported(vm, leaf, subleaf);

    memset(regs, 0, 4 * sizeof(*regs));
    if (entry) {
        regs[0] = entry->eax;
        regs[1] = entry->ebx;
        regs[2] = entry->ecx;
        regs[3] = entry->edx;
    }
    if (leaf == 1) {
        /* The in-kernel APIC has x2APIC and the deadline timer whatever the host's has. */
        regs[2] |= CPUID_1_ECX_HYPERVISOR | CPUID_1_ECX_X2APIC;
        regs[2] |= vm->has_tsc_deadline ? CPUID_1_ECX_TSC_DEADLINE : 0;
    } else if (leaf == 6) {
        regs[0] |= CPUID_6_EAX_ARAT;
    } else if (leaf == 7 && subleaf == 0) {
        regs[3] &= ~CPUID_7_EDX_AMX;  /* needs a permission that is not asked for */
    }
}

static bool set_cpuid(KvmVcpu *vcpu, Error **errp)
{
    X86CpuidEntry entries[X86_CPUID_MAX_ENTRIES];
    unsigned nb_entries = x86_cpu_build_cpuid(X86_CPU(vcpu->cpu), entries, ARRAY_SIZE(entries));
    g_autofree struct kvm_cpuid2 *cpuid =
        g_malloc0(sizeof(*cpuid) + nb_entries * sizeof(cpuid->entries[0]));
    int ret;

    cpuid->nent = nb_entries;
    for (unsigned i = 0; i < nb_entries; i++) {
        cpuid->entries[i] = (struct kvm_cpuid_entry2) {
            .function = entries[i].leaf, .index = entries[i].subleaf,
            .flags = entries[i].has_subleaf ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = entries[i].eax, .ebx = entries[i].ebx,
            .ecx = entries[i].ecx, .edx = entries[i].edx,
        };
    }
    ret = kvm_call(vcpu->fd, KVM_SET_CPUID2, cpuid);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM: KVM_SET_CPUID2 failed");
        return false;
    }
    return true;
}

/* Machine check banks exist if the model shows them; how many the host can emulate is asked. */
static bool set_up_mce(KvmVcpu *vcpu, unsigned *nb_banks, Error **errp)
{
    uint64_t supported = 0;
    uint64_t wanted = MCG_CTL_P | MCG_SER_P;
    uint32_t features = X86_CPU(vcpu->cpu)->cpuid.features[FEAT_1_EDX];
    int ret;

    *nb_banks = 0;
    if (!vcpu->vm->has_mce || (features & CPUID_MCE_MCA) != CPUID_MCE_MCA) {
        return true;
    }
    ret = kvm_call(vcpu->vm->kvm_fd, KVM_X86_GET_MCE_CAP_SUPPORTED, &supported);
    *nb_banks = kvm_call(vcpu->vm->vm_fd, KVM_CHECK_EXTENSION, KVM_ARG(KVM_CAP_MCE));
    *nb_banks = MIN(*nb_banks, NB_MCE_BANKS);
    wanted = (wanted & supported) | *nb_banks;
    if (ret >= 0) {
        ret = kvm_call(vcpu->fd, KVM_X86_SETUP_MCE, &wanted);
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM: KVM_X86_SETUP_MCE failed");
        return false;
    }
    return true;
}

/* ---- MSRs ---- */

/* A struct kvm_msrs with one entry behind it. */
typedef union MsrBuffer {
    struct kvm_msrs msrs;
    uint8_t bytes[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
} MsrBuffer;

static bool get_msr(KvmVcpu *vcpu, uint32_t index, uint64_t *value)
{
    MsrBuffer buffer = { .bytes = { 0 } };
    bool ok;

    buffer.msrs.nmsrs = 1;
    buffer.msrs.entries[0].index = index;
    ok = kvm_call(vcpu->fd, KVM_GET_MSRS, &buffer) == 1;
    *value = buffer.msrs.entries[0].data;
    return ok;
}

static bool set_msr(KvmVcpu *vcpu, uint32_t index, uint64_t value)
{
    MsrBuffer buffer = { .bytes = { 0 } };

    buffer.msrs.nmsrs = 1;
    buffer.msrs.entries[0].index = index;
    buffer.msrs.entries[0].data = value;
    return kvm_call(vcpu->fd, KVM_SET_MSRS, &buffer) == 1;
}

/* The fresh vCPU's value is read and written back: what KVM refuses is not ours to manage. */
static void add_msr(KvmVcpu *vcpu, GArray *msrs, uint32_t index)
{
    X86Msr msr = { .index = index };

    if (index >= HYPERV_MSR_FIRST && index <= HYPERV_MSR_LAST) {
        return;
    }
    for (unsigned i = 0; i < msrs->len; i++) {
        if (g_array_index(msrs, X86Msr, i).index == index) {
            return;
        }
    }
    if (get_msr(vcpu, index, &msr.value) &&
        (index == MSR_IA32_TSC || set_msr(vcpu, index, msr.value))) {
        g_array_append_val(msrs, msr);
    }
}

/* KVM's list leaves out the MTRRs and the machine check banks. */
static void list_msrs(KvmVcpu *vcpu, unsigned nb_mce_banks)
{
    GArray *msrs = g_array_new(FALSE, FALSE, sizeof(X86Msr));
    uint64_t mtrr_cap = 0;
    unsigned nb_msrs;

    for (uint32_t i = 0; i < vcpu->vm->msrs->nmsrs; i++) {
        add_msr(vcpu, msrs, vcpu->vm->msrs->indices[i]);
    }
    if (get_msr(vcpu, MSR_MTRR_CAP, &mtrr_cap)) {
        for (unsigned i = 0; i < 2 * (mtrr_cap & 0xff); i++) {
            add_msr(vcpu, msrs, MSR_MTRR_PHYS_BASE0 + i);
        }
        add_msr(vcpu, msrs, MSR_MTRR_FIX64K_00000);
        add_msr(vcpu, msrs, MSR_MTRR_FIX16K_80000);
        add_msr(vcpu, msrs, MSR_MTRR_FIX16K_A0000);
        for (unsigned i = 0; i < 8; i++) {
            add_msr(vcpu, msrs, MSR_MTRR_FIX4K_C0000 + i);
        }
        add_msr(vcpu, msrs, MSR_MTRR_DEF_TYPE);
    }
    add_msr(vcpu, msrs, MSR_IA32_PAT);
    for (unsigned i = 0; i < 4 * nb_mce_banks; i++) {
        add_msr(vcpu, msrs, MSR_MC0_CTL + i);
    }
    nb_msrs = msrs->len;
    x86_cpu_set_power_on_msrs(X86_CPU(vcpu->cpu), (X86Msr *)g_array_free(msrs, FALSE), nb_msrs);
}

static bool msr_is_time(uint32_t index)
{
    return index == MSR_IA32_TSC || index == MSR_IA32_TSC_ADJUST ||
           index == MSR_IA32_TSC_DEADLINE;
}

static bool msr_is_paravirtual(uint32_t index)
{
    return index == MSR_KVM_WALL_CLOCK_OLD || index == MSR_KVM_SYSTEM_TIME_OLD ||
           (index >= MSR_KVM_WALL_CLOCK && index <= MSR_KVM_MIGRATION_CONTROL);
}

/*
 * All that are to be written in as few calls as possible: a call stops at the first MSR that KVM
 * refuses in the present state (an acknowledgement whose feature is off), which is skipped.
 */
static int put_msrs(KvmVcpu *vcpu)
{
    const CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    g_autofree struct kvm_msrs *buffer =
        g_malloc0(sizeof(*buffer) + env->nb_msrs * sizeof(buffer->entries[0]));
    unsigned nb_entries = 0, done = 0;

    for (unsigned i = 0; i < env->nb_msrs; i++) {
        uint32_t index = env->msrs[i].index;

        if (vcpu->reset_pending || (!msr_is_time(index) && !msr_is_paravirtual(index))) {
            buffer->entries[nb_entries++] = (struct kvm_msr_entry) {
                .index = index, .data = env->msrs[i].value,
            };
        }
    }
    while (done < nb_entries) {
        int ret;

        buffer->nmsrs = nb_entries - done;
        ret = kvm_call(vcpu->fd, KVM_SET_MSRS, buffer);
        if (ret < 0) {
            return ret;
        }
        done += ret + 1;
        if (done < nb_entries) {
            memmove(buffer->entries, buffer->entries + ret + 1,
                    (nb_entries - done) * sizeof(buffer->entries[0]));
        }
    }
    return 0;
}

static int get_msrs(KvmVcpu *vcpu)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;

    for (unsigned i = 0; i < env->nb_msrs; i++) {
        get_msr(vcpu, env->msrs[i].index, &env->msrs[i].value);
    }
    return 0;
}

bool kvm_x86_init_vcpu(KvmVcpu *vcpu, Error **errp)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    unsigned nb_mce_banks;

    if (!set_cpuid(vcpu, errp) || !set_up_mce(vcpu, &nb_mce_banks, errp)) {
        return false;
    }
    list_msrs(vcpu, nb_mce_banks);
    env->xsave_size = MAX(vcpu->vm->xsave2_size, X86_XSAVE_MIN_SIZE);
    env->xsave = g_realloc(env->xsave, env->xsave_size);
    memset(env->xsave, 0, env->xsave_size);
    return true;
}

/* ---- General and system registers ---- */

static struct kvm_segment to_kvm_segment(const X86Segment *seg)
{
    return (struct kvm_segment) {
        .base = seg->base, .limit = seg->limit, .selector = seg->selector,
        .type = seg->access & X86_SEG_TYPE_MASK, .s = !!(seg->access & X86_SEG_S),
        .dpl = seg->access >> X86_SEG_DPL_SHIFT & 3, .present = !!(seg->access & X86_SEG_P),
        .avl = !!(seg->access & X86_SEG_AVL), .l = !!(seg->access & X86_SEG_L),
        .db = !!(seg->access & X86_SEG_DB), .g = !!(seg->access & X86_SEG_G),
        .unusable = !(seg->access & X86_SEG_P),
    };
}

static X86Segment from_kvm_segment(const struct kvm_segment *seg)
{
    bool present = seg->present && !seg->unusable;

    return (X86Segment) {
        .base = seg->base, .limit = seg->limit, .selector = seg->selector,
        .access = seg->type | (seg->s ? X86_SEG_S : 0) | seg->dpl << X86_SEG_DPL_SHIFT |
                  (present ? X86_SEG_P : 0) | (seg->avl ? X86_SEG_AVL : 0) |
                  (seg->l ? X86_SEG_L : 0) | (seg->db ? X86_SEG_DB : 0) |
                  (seg->g ? X86_SEG_G : 0),
    };
}

static struct kvm_dtable to_kvm_table(const X86Table *table)
{
    return (struct kvm_dtable) { .base = table->base, .limit = table->limit };
}

static X86Table from_kvm_table(const struct kvm_dtable *table)
{
    return (X86Table) { .base = table->base, .limit = table->limit };
}

/* kvm_regs names the registers in another order than instructions encode them. */
static int put_regs(KvmVcpu *vcpu)
{
    const CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_regs regs = {
        .rax = env->regs[R_RAX], .rbx = env->regs[R_RBX], .rcx = env->regs[R_RCX],
        .rdx = env->regs[R_RDX], .rsi = env->regs[R_RSI], .rdi = env->regs[R_RDI],
        .rsp = env->regs[R_RSP], .rbp = env->regs[R_RBP], .r8 = env->regs[R_R8],
        .r9 = env->regs[R_R9], .r10 = env->regs[R_R10], .r11 = env->regs[R_R11],
        .r12 = env->regs[R_R12], .r13 = env->regs[R_R13], .r14 = env->regs[R_R14],
        .r15 = env->regs[R_R15], .rip = env->rip, .rflags = env->rflags,
    };

    return kvm_call(vcpu->fd, KVM_SET_REGS, &regs);
}

static int get_regs(KvmVcpu *vcpu)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_regs regs;
    int ret = kvm_call(vcpu->fd, KVM_GET_REGS, &regs);

    if (ret < 0) {
        return ret;
    }
    memcpy(env->regs, (uint64_t[X86_NB_REGS]) {
        regs.rax, regs.rcx, regs.rdx, regs.rbx, regs.rsp, regs.rbp, regs.rsi, regs.rdi,
        regs.r8, regs.r9, regs.r10, regs.r11, regs.r12, regs.r13, regs.r14, regs.r15,
    }, sizeof(env->regs));
    env->rip = regs.rip;
    env->rflags = regs.rflags;
    return 0;
}

static int put_sregs(KvmVcpu *vcpu)
{
    const CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_sregs sregs = {
        .cs = to_kvm_segment(&env->segs[R_CS]), .ds = to_kvm_segment(&env->segs[R_DS]),
        .es = to_kvm_segment(&env->segs[R_ES]), .fs = to_kvm_segment(&env->segs[R_FS]),
        .gs = to_kvm_segment(&env->segs[R_GS]), .ss = to_kvm_segment(&env->segs[R_SS]),
        .tr = to_kvm_segment(&env->tr), .ldt = to_kvm_segment(&env->ldt),
        .gdt = to_kvm_table(&env->gdt), .idt = to_kvm_table(&env->idt),
        .cr0 = env->cr0, .cr2 = env->cr2, .cr3 = env->cr3, .cr4 = env->cr4, .cr8 = env->cr8,
        .efer = env->efer, .apic_base = env->apic_base,
    };

    return kvm_call(vcpu->fd, KVM_SET_SREGS, &sregs);
}

static int get_sregs(KvmVcpu *vcpu)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_sregs sregs;
    int ret = kvm_call(vcpu->fd, KVM_GET_SREGS, &sregs);

    if (ret < 0) {
        return ret;
    }
    env->segs[R_CS] = from_kvm_segment(&sregs.cs);
    env->segs[R_DS] = from_kvm_segment(&sregs.ds);
    env->segs[R_ES] = from_kvm_segment(&sregs.es);
    env->segs[R_FS] = from_kvm_segment(&sregs.fs);
    env->segs[R_GS] = from_kvm_segment(&sregs.gs);
    env->segs[R_SS] = from_kvm_segment(&sregs.ss);
    env->tr = from_kvm_segment(&sregs.tr);
    env->ldt = from_kvm_segment(&sregs.ldt);
    env->gdt = from_kvm_table(&sregs.gdt);
    env->idt = from_kvm_table(&sregs.idt);
    env->cr0 = sregs.cr0;
    env->cr2 = sregs.cr2;
    env->cr3 = sregs.cr3;
    env->cr4 = sregs.cr4;
    env->cr8 = sregs.cr8;
    env->efer = sregs.efer;
    env->apic_base = sregs.apic_base;
    return 0;
}

/* ---- FPU and its extensions ---- */

/* Without XSAVE the legacy area (SDM volume 1 table 10-2) goes through struct kvm_fpu. */
static void legacy_area_to_fpu(const uint8_t *area, struct kvm_fpu *fpu)
{
    memcpy(&fpu->fcw, area, 2);
    memcpy(&fpu->fsw, area + 2, 2);
    fpu->ftwx = area[4];
    memcpy(&fpu->last_opcode, area + 6, 2);
    memcpy(&fpu->last_ip, area + 8, 8);
    memcpy(&fpu->last_dp, area + 16, 8);
    memcpy(&fpu->mxcsr, area + 24, 4);
    memcpy(fpu->fpr, area + 32, sizeof(fpu->fpr));
    memcpy(fpu->xmm, area + 160, sizeof(fpu->xmm));
}

static void fpu_to_legacy_area(const struct kvm_fpu *fpu, uint8_t *area)
{
    memcpy(area, &fpu->fcw, 2);
    memcpy(area + 2, &fpu->fsw, 2);
    area[4] = fpu->ftwx;
    memcpy(area + 6, &fpu->last_opcode, 2);
    memcpy(area + 8, &fpu->last_ip, 8);
    memcpy(area + 16, &fpu->last_dp, 8);
    memcpy(area + 24, &fpu->mxcsr, 4);
    memcpy(area + 32, fpu->fpr, sizeof(fpu->fpr));
    memcpy(area + 160, fpu->xmm, sizeof(fpu->xmm));
}

static int put_fpu(KvmVcpu *vcpu)
{
    const CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_fpu fpu = { 0 };

    if (vcpu->vm->has_xsave) {
        return kvm_call(vcpu->fd, KVM_SET_XSAVE, env->xsave);
    }
    legacy_area_to_fpu(env->xsave, &fpu);
    return kvm_call(vcpu->fd, KVM_SET_FPU, &fpu);
}

static int get_fpu(KvmVcpu *vcpu)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_fpu fpu;
    int ret;

    if (vcpu->vm->has_xsave) {
        bool large = env->xsave_size > X86_XSAVE_MIN_SIZE;

        return kvm_call(vcpu->fd, large ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, env->xsave);
    }
    ret = kvm_call(vcpu->fd, KVM_GET_FPU, &fpu);
    if (ret >= 0) {
        fpu_to_legacy_area(&fpu, env->xsave);
    }
    return ret;
}

static int put_xcrs(KvmVcpu *vcpu)
{
    struct kvm_xcrs xcrs = {
        .nr_xcrs = 1, .xcrs[0] = { .xcr = 0, .value = X86_CPU(vcpu->cpu)->env.xcr0 },
    };

    return vcpu->vm->has_xcrs ? kvm_call(vcpu->fd, KVM_SET_XCRS, &xcrs) : 0;
}

static int get_xcrs(KvmVcpu *vcpu)
{
    struct kvm_xcrs xcrs = { 0 };
    int ret = vcpu->vm->has_xcrs ? kvm_call(vcpu->fd, KVM_GET_XCRS, &xcrs) : 0;

    for (uint32_t i = 0; ret >= 0 && i < xcrs.nr_xcrs; i++) {
        if (xcrs.xcrs[i].xcr == 0) {
            X86_CPU(vcpu->cpu)->env.xcr0 = xcrs.xcrs[i].value;
        }
    }
    return ret;
}

/* ---- Local APIC, events, debug registers, what the vCPU does next ---- */

static int put_lapic(KvmVcpu *vcpu)
{
    struct kvm_lapic_state state;

    QEMU_BUILD_BUG_ON(sizeof(state.regs) != X86_LAPIC_STATE_SIZE);
    memcpy(state.regs, X86_CPU(vcpu->cpu)->env.lapic, sizeof(state.regs));
    return kvm_call(vcpu->fd, KVM_SET_LAPIC, &state);
}

static int get_lapic(KvmVcpu *vcpu)
{
    struct kvm_lapic_state state;
    int ret = kvm_call(vcpu->fd, KVM_GET_LAPIC, &state);

    if (ret >= 0) {
        memcpy(X86_CPU(vcpu->cpu)->env.lapic, state.regs, sizeof(state.regs));
    }
    return ret;
}

static int put_events(KvmVcpu *vcpu)
{
    const X86Events *events = &X86_CPU(vcpu->cpu)->env.events;
    struct kvm_vcpu_events state = {
        .exception = {
            .injected = events->exception_injected || events->exception_pending,
            .nr = events->exception_nr, .has_error_code = events->exception_has_error_code,
            .error_code = events->exception_error_code,
        },
        .interrupt = {
            .injected = events->interrupt_injected, .nr = events->interrupt_nr,
            .soft = events->interrupt_soft, .shadow = events->interrupt_shadow,
        },
        .nmi = {
            .injected = events->nmi_injected, .pending = events->nmi_pending,
            .masked = events->nmi_masked,
        },
        .sipi_vector = events->sipi_vector,
        .smi = {
            .smm = events->smm, .pending = events->smi_pending,
            .smm_inside_nmi = events->smm_inside_nmi, .latched_init = events->smi_latched_init,
        },
        .flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
                 (vcpu->reset_pending ? KVM_VCPUEVENT_VALID_SIPI_VECTOR : 0),
    };

    return kvm_call(vcpu->fd, KVM_SET_VCPU_EVENTS, &state);
}

static int get_events(KvmVcpu *vcpu)
{
    X86Events *events = &X86_CPU(vcpu->cpu)->env.events;
    struct kvm_vcpu_events state = { 0 };
    int ret = kvm_call(vcpu->fd, KVM_GET_VCPU_EVENTS, &state);

    if (ret < 0) {
        return ret;
    }
    *events = (X86Events) {
        .exception_injected = state.exception.injected, .exception_nr = state.exception.nr,
        .exception_has_error_code = state.exception.has_error_code,
        .exception_error_code = state.exception.error_code,
        .interrupt_injected = state.interrupt.injected, .interrupt_nr = state.interrupt.nr,
        .interrupt_soft = state.interrupt.soft, .interrupt_shadow = state.interrupt.shadow,
        .nmi_injected = state.nmi.injected, .nmi_pending = state.nmi.pending,
        .nmi_masked = state.nmi.masked, .sipi_vector = state.sipi_vector,
        .smm = state.smi.smm, .smi_pending = state.smi.pending,
        .smm_inside_nmi = state.smi.smm_inside_nmi, .smi_latched_init = state.smi.latched_init,
    };
    return 0;
}

static int put_debugregs(KvmVcpu *vcpu)
{
    const CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_debugregs state = { .dr6 = env->dr[6], .dr7 = env->dr[7] };

    memcpy(state.db, env->dr, sizeof(state.db));
    return kvm_call(vcpu->fd, KVM_SET_DEBUGREGS, &state);
}

static int get_debugregs(KvmVcpu *vcpu)
{
    CPUX86State *env = &X86_CPU(vcpu->cpu)->env;
    struct kvm_debugregs state;
    int ret = kvm_call(vcpu->fd, KVM_GET_DEBUGREGS, &state);

    if (ret >= 0) {
        memcpy(env->dr, state.db, sizeof(state.db));
        env->dr[6] = state.dr6;
        env->dr[7] = state.dr7;
    }
    return ret;
}

static const uint32_t mp_states[] = {
    [X86_MP_RUNNABLE] = KVM_MP_STATE_RUNNABLE,
    [X86_MP_UNINITIALIZED] = KVM_MP_STATE_UNINITIALIZED,
    [X86_MP_INIT_RECEIVED] = KVM_MP_STATE_INIT_RECEIVED,
    [X86_MP_HALTED] = KVM_MP_STATE_HALTED,
    [X86_MP_SIPI_RECEIVED] = KVM_MP_STATE_SIPI_RECEIVED,
};

static int put_mp_state(KvmVcpu *vcpu)
{
    struct kvm_mp_state state = { .mp_state = mp_states[X86_CPU(vcpu->cpu)->env.mp_state] };

    return kvm_call(vcpu->fd, KVM_SET_MP_STATE, &state);
}

static int get_mp_state(KvmVcpu *vcpu)
{
    struct kvm_mp_state state = { 0 };
    int ret = kvm_call(vcpu->fd, KVM_GET_MP_STATE, &state);

    for (unsigned i = 0; ret >= 0 && i < ARRAY_SIZE(mp_states); i++) {
        if (mp_states[i] == state.mp_state) {
            X86_CPU(vcpu->cpu)->env.mp_state = i;
        }
    }
    return ret;
}

/* A guest that was itself a hypervisor, inside its guest, leaves it before anything is written. */
static int leave_nested_guest(KvmVcpu *vcpu)
{
    const X86CpuidState *id = &X86_CPU(vcpu->cpu)->cpuid;
    struct kvm_nested_state state = { .size = sizeof(state) };
    bool svm = id->features[FEAT_8000_0001_ECX] & (1u << 2);
    bool vmx = id->features[FEAT_1_ECX] & (1u << 5);

    if (!vcpu->reset_pending || !vcpu->vm->has_nested_state || (!svm && !vmx)) {
        return 0;
    }
    if (svm) {
        state.format = KVM_STATE_NESTED_FORMAT_SVM;
        state.flags = KVM_STATE_NESTED_GIF_SET;
    } else {
        state.format = KVM_STATE_NESTED_FORMAT_VMX;
        state.hdr.vmx.vmxon_pa = state.hdr.vmx.vmcs12_pa = UINT64_MAX;
    }
    return kvm_call(vcpu->fd, KVM_SET_NESTED_STATE, &state);
}

/* ---- All of it ---- */

typedef struct StateStep {
    const char *name;
    int (*run)(KvmVcpu *vcpu);
} StateStep;

static const StateStep put_steps[] = {
    { "KVM_SET_NESTED_STATE", leave_nested_guest },
    { "KVM_SET_REGS", put_regs },
    { "KVM_SET_XSAVE", put_fpu },
    { "KVM_SET_XCRS", put_xcrs },
    { "KVM_SET_SREGS", put_sregs },
    { "KVM_SET_LAPIC", put_lapic },
    { "KVM_SET_MSRS", put_msrs },
    { "KVM_SET_MP_STATE", put_mp_state },
    { "KVM_SET_VCPU_EVENTS", put_events },
    { "KVM_SET_DEBUGREGS", put_debugregs },
};

static const StateStep get_steps[] = {
    { "KVM_GET_MP_STATE", get_mp_state },  /* first: it has KVM take in a pending INIT or SIPI */
    { "KVM_GET_REGS", get_regs },
    { "KVM_GET_SREGS", get_sregs },
    { "KVM_GET_XSAVE", get_fpu },
    { "KVM_GET_XCRS", get_xcrs },
    { "KVM_GET_LAPIC", get_lapic },
    { "KVM_GET_MSRS", get_msrs },
    { "KVM_GET_VCPU_EVENTS", get_events },
    { "KVM_GET_DEBUGREGS", get_debugregs },
};

static int run_steps(KvmVcpu *vcpu, const StateStep *steps, size_t nb_steps, const char **what)
{
    for (size_t i = 0; i < nb_steps; i++) {
        int ret = steps[i].run(vcpu);

        if (ret < 0) {
            *what = steps[i].name;
            return ret;
        }
    }
    return 0;
}

int kvm_x86_put_state(KvmVcpu *vcpu, const char **what)
{
    int ret = run_steps(vcpu, put_steps, ARRAY_SIZE(put_steps), what);

    vcpu->dirty = vcpu->reset_pending = false;
    return ret;
}

int kvm_x86_get_state(KvmVcpu *vcpu, const char **what)
{
    return run_steps(vcpu, get_steps, ARRAY_SIZE(get_steps), what);
}

/* ---- Interrupt controllers and timer ---- */

/* Reset values: 8259A data sheet (all zero but the ELCR masks of a PC), 82093AA section 3.2. */
static void fill_reset_chip(struct kvm_irqchip *chip)
{
    if (chip->chip_id != KVM_IRQCHIP_IOAPIC) {
        chip->chip.pic.elcr_mask = chip->chip_id == KVM_IRQCHIP_PIC_MASTER ? 0xf8 : 0xde;
        return;
    }
    chip->chip.ioapic.base_address = 0xfec00000;
    for (unsigned pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++) {
        chip->chip.ioapic.redirtbl[pin].fields.mask = 1;
    }
}

int kvm_x86_reset_irqchip(KvmVm *vm, const char **what)
{
    struct kvm_pit_state2 pit = { 0 };

    *what = "KVM_SET_IRQCHIP";
    for (unsigned id = KVM_IRQCHIP_PIC_MASTER; id <= KVM_IRQCHIP_IOAPIC; id++) {
        struct kvm_irqchip chip = { .chip_id = id };
        int ret;

        fill_reset_chip(&chip);
        ret = kvm_call(vm->vm_fd, KVM_SET_IRQCHIP, &chip);
        if (ret < 0) {
            return ret;
        }
    }
    *what = "KVM_SET_PIT2";
    for (unsigned i = 0; i < ARRAY_SIZE(pit.channels); i++) {
        pit.channels[i].mode = 3;
        pit.channels[i].gate = i != 2;
        pit.channels[i].count = 0x10000;
    }
    /* No interrupt from channel 0 before the guest programs it. */
    pit.channels[0].mode = 0xff;
    return kvm_call(vm->vm_fd, KVM_SET_PIT2, &pit);
}
