/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The values of model-specific registers after RESET: one table, each row with its source. An MSR
 * that is not in it keeps what the accelerator gave a fresh vCPU.
 */
#ifndef TARGET_I386_MSR_RESET_H
#define TARGET_I386_MSR_RESET_H

typedef struct X86CPU X86CPU;

typedef struct X86MsrReset {
    uint32_t first, last;           /* indexes that the row is about */
    uint64_t value;
    /* Not NULL: gives the value instead, for a @cpu whose fresh vCPU holds @fresh. */
    uint64_t (*compute)(X86CPU *cpu, uint64_t fresh);
    const char *source;
} X86MsrReset;

/* The row of an MSR, or NULL. */
const X86MsrReset *x86_msr_reset_find(uint32_t index);
/* What MSR @index of the realized @cpu holds after RESET; @fresh is the accelerator's value. */
uint64_t x86_msr_reset_value(X86CPU *cpu, uint32_t index, uint64_t fresh);

#endif /* TARGET_I386_MSR_RESET_H */
