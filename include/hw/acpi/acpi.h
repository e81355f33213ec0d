/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI's fixed hardware: PM1 event and control, the PM timer, general purpose events, and the APM
 * control port through which an OS turns ACPI mode on. A south bridge embeds ACPIREGS, maps the
 * blocks and drives SCI. Source: ACPI Specification 6.4 sections 4.8.3 and 4.8.4.
 *
 * For the FADT: SMI_CMD 0xb2, ACPI_ENABLE 2 (0xf1 on PIIX4), ACPI_DISABLE 3 (0xf0 on PIIX4), which
 * the controller answers by SCI_EN without any SMM code; or call acpi_pm1_cnt_update() from the
 * boot code at each reset and give 0 as SMI_CMD: then ACPI mode is always on.
 */
#ifndef HW_ACPI_ACPI_H
#define HW_ACPI_ACPI_H

#include "hw/core/irq.h"
#include "qemu/notify.h"
#include "system/memory.h"

/* Cycles of the PM timer in a second. */
#define PM_TIMER_FREQUENCY 3579545

#define ACPI_PM1_EVT_LEN 4
#define ACPI_PM1_CNT_LEN 2
#define ACPI_PM_TMR_LEN 4

/* PM1 status and enable. */
#define ACPI_BITMASK_TIMER_STATUS 0x0001
#define ACPI_BITMASK_BUS_MASTER_STATUS 0x0010
#define ACPI_BITMASK_GLOBAL_LOCK_STATUS 0x0020
#define ACPI_BITMASK_POWER_BUTTON_STATUS 0x0100
#define ACPI_BITMASK_SLEEP_BUTTON_STATUS 0x0200
#define ACPI_BITMASK_RT_CLOCK_STATUS 0x0400
#define ACPI_BITMASK_WAKE_STATUS 0x8000
#define ACPI_BITMASK_TIMER_ENABLE 0x0001
#define ACPI_BITMASK_GLOBAL_LOCK_ENABLE 0x0020
#define ACPI_BITMASK_POWER_BUTTON_ENABLE 0x0100
#define ACPI_BITMASK_RT_CLOCK_ENABLE 0x0400
/* PM1 control. */
#define ACPI_BITMASK_SCI_ENABLE 0x0001
#define ACPI_BITMASK_SLEEP_TYPE 0x1c00
#define ACPI_BITMASK_SLEEP_ENABLE 0x2000
#define ACPI_SLEEP_TYPE_S5 0        /* of _S5_; the state "off" */

#define ACPI_GPE_MAX_LEN 16

typedef struct ACPIREGS ACPIREGS;
/* Sets SCI to what the registers now ask for. */
typedef void (*acpi_update_sci_fn)(ACPIREGS *ar);

struct ACPIREGS {
    struct {
        MemoryRegion io;
        QEMUTimer *timer;           /* runs to toggle_count, while SCI waits for it */
        int64_t toggle_count;       /* cycles since the clock's origin, at which bit 23 changes
                                     * (a reset: 0, as if it had) and so TMR_STS is set */
    } tmr;
    struct {
        struct {
            MemoryRegion io;
            uint16_t sts;
            uint16_t en;
        } evt;
        struct {
            MemoryRegion io;
            uint16_t cnt;
            bool s4_enabled;
            uint8_t s4_val;
        } cnt;
    } pm1;
    struct {
        uint8_t sts[ACPI_GPE_MAX_LEN / 2];
        uint8_t en[ACPI_GPE_MAX_LEN / 2];
        uint8_t len;                /* of both halves together, bytes */
    } gpe;
    acpi_update_sci_fn update_sci;
};

/* Timer, event and control blocks at 8, 0 and 4 of @parent. */
void acpi_regs_init(ACPIREGS *ar, Object *owner, MemoryRegion *parent,
                    acpi_update_sci_fn update_sci, uint8_t gpe_len, bool disable_s4,
                    uint8_t s4_val);
void acpi_regs_cleanup(ACPIREGS *ar);
void acpi_regs_reset(ACPIREGS *ar);

/* PM1 status; whether TMR_STS is set depends on the time. */
uint16_t acpi_pm1_evt_get_sts(ACPIREGS *ar);
/* The level SCI must have; also arms the timer that raises it on the timer's overflow. */
bool acpi_regs_sci_level(ACPIREGS *ar);
/* ACPI mode on or off, as the OS asks by SMI_CMD (or the boot code for good). */
void acpi_pm1_cnt_update(ACPIREGS *ar, bool sci_enable, bool sci_disable);
/* The power button was pressed. */
void acpi_pm1_evt_power_down(ACPIREGS *ar);

/* General purpose events: @addr below the length of both halves. */
void acpi_gpe_ioport_writeb(ACPIREGS *ar, uint32_t addr, uint32_t val);
uint32_t acpi_gpe_ioport_readb(ACPIREGS *ar, uint32_t addr);
/* Raises general purpose event @gpe (a bit number). */
void acpi_send_gpe_event(ACPIREGS *ar, unsigned gpe);

/* Ports 0xb2 (command, tells @fn) and 0xb3 (status). */
typedef void (*apm_ctrl_changed_t)(uint32_t val, void *arg);
typedef struct APMState {
    uint8_t apmc;
    uint8_t apms;
    apm_ctrl_changed_t callback;
    void *arg;
    MemoryRegion io;
} APMState;
void apm_init(APMState *apm, Object *owner, MemoryRegion *io, apm_ctrl_changed_t fn, void *arg);

/* Whether the machine's firmware tables describe memory devices and their nodes (they do). */
bool acpi_builtin(void);

#endif /* HW_ACPI_ACPI_H */
