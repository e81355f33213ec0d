/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI's fixed hardware registers, for any south bridge: PM1 event and control blocks, PM timer,
 * general purpose events, and the APM ports. Source: ACPI Specification 6.4 section 4.8.
 */
#include "qemu/osdep.h"
#include "hw/acpi/acpi.h"
#include "qapi/qapi-types-run-state.h"
#include "qemu/timer.h"
#include "system/runstate.h"

#define PM_TIMER_MASK 0xffffff            /* 24 bits */
#define PM_TIMER_MSB (INT64_C(1) << 23)   /* a change of this bit sets TMR_STS */
#define APM_CNT_IOPORT 0xb2

bool acpi_builtin(void)
{
    return true;
}

/* ---- PM timer -------------------------------------------------------------------------------- */

/* The counter without its upper end: 24 bits of it can be read. */
static int64_t pm_timer_count(void)
{
    return muldiv64(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), PM_TIMER_FREQUENCY,
                    NANOSECONDS_PER_SECOND);
}

/* The first nanosecond at which the counter has reached @count. */
static int64_t pm_timer_ns(int64_t count)
{
    unsigned __int128 scaled = (unsigned __int128)count * NANOSECONDS_PER_SECOND;

    return (scaled + PM_TIMER_FREQUENCY - 1) / PM_TIMER_FREQUENCY;
}

/* TMR_STS is not stored: it is set from the first change of bit 23 after it was cleared. */
static bool pm_timer_status(const ACPIREGS *ar)
{
    return pm_timer_count() >= ar->tmr.toggle_count;
}

static void pm_timer_clear_status(ACPIREGS *ar)
{
    ar->tmr.toggle_count = (pm_timer_count() | (PM_TIMER_MSB - 1)) + 1;
}

/* The host's timer is needed only for a change of bit 23 that is to raise SCI. */
static void pm_timer_schedule(ACPIREGS *ar)
{
    bool wanted = ar->pm1.evt.en & ACPI_BITMASK_TIMER_ENABLE;

    if (wanted && !pm_timer_status(ar)) {
        timer_mod(ar->tmr.timer, pm_timer_ns(ar->tmr.toggle_count));
    } else {
        timer_del(ar->tmr.timer);
    }
}

static void pm_timer_toggled(void *opaque)
{
    ACPIREGS *ar = opaque;

    ar->update_sci(ar);
}

static uint64_t pm_timer_read(void *opaque, hwaddr addr, unsigned size)
{
    return pm_timer_count() & PM_TIMER_MASK;
}

/* TMR_VAL is read-only. */
static void pm_timer_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static const MemoryRegionOps pm_timer_ops = {
    .read = pm_timer_read,
    .write = pm_timer_write,
    .impl = { .min_access_size = 4 },
    .valid = { .min_access_size = 1, .max_access_size = 4 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/* ---- PM1 event ------------------------------------------------------------------------------- */

/* The events that SCI can be enabled for. */
#define PM1_SCI_EVENTS (ACPI_BITMASK_TIMER_ENABLE | ACPI_BITMASK_GLOBAL_LOCK_ENABLE | \
                        ACPI_BITMASK_POWER_BUTTON_ENABLE | ACPI_BITMASK_RT_CLOCK_ENABLE)

uint16_t acpi_pm1_evt_get_sts(ACPIREGS *ar)
{
    return ar->pm1.evt.sts | (pm_timer_status(ar) ? ACPI_BITMASK_TIMER_STATUS : 0);
}

static bool gpe_asks(const ACPIREGS *ar)
{
    uint8_t events = 0;

    for (unsigned i = 0; i < ar->gpe.len / 2; i++) {
        events |= ar->gpe.sts[i] & ar->gpe.en[i];
    }
    return events;
}

bool acpi_regs_sci_level(ACPIREGS *ar)
{
    pm_timer_schedule(ar);
    return (acpi_pm1_evt_get_sts(ar) & ar->pm1.evt.en & PM1_SCI_EVENTS) || gpe_asks(ar);
}

/* Both registers as one of 32 bits, of which any bytes may be read and written. */
static uint64_t acpi_pm1_evt_read(void *opaque, hwaddr addr, unsigned size)
{
    ACPIREGS *ar = opaque;
    uint32_t block = acpi_pm1_evt_get_sts(ar) | (uint32_t)ar->pm1.evt.en << 16;

    return block >> (8 * addr);
}

static void acpi_pm1_evt_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    ACPIREGS *ar = opaque;
    uint32_t lanes = (size == 1 ? 0xffU : 0xffffU) << (8 * addr);
    uint32_t block = ((uint32_t)val << (8 * addr)) & lanes;
    uint16_t cleared = block;

    ar->pm1.evt.sts &= ~cleared;
    if (cleared & ACPI_BITMASK_TIMER_STATUS) {
        pm_timer_clear_status(ar);
    }
    ar->pm1.evt.en = (ar->pm1.evt.en & ~(lanes >> 16)) | block >> 16;
    ar->update_sci(ar);
}

static const MemoryRegionOps acpi_pm1_evt_ops = {
    .read = acpi_pm1_evt_read,
    .write = acpi_pm1_evt_write,
    .impl = { .min_access_size = 1, .max_access_size = 2 },
    .valid = { .min_access_size = 1, .max_access_size = 4 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

void acpi_pm1_evt_power_down(ACPIREGS *ar)
{
    if (ar->pm1.evt.en & ACPI_BITMASK_POWER_BUTTON_ENABLE) {
        ar->pm1.evt.sts |= ACPI_BITMASK_POWER_BUTTON_STATUS;
        ar->update_sci(ar);
    }
}

/* ---- PM1 control ----------------------------------------------------------------------------- */

/* S5 is "off", and so is S4 for us: the guest has saved itself. No other state is offered. */
static void acpi_pm1_cnt_sleep(ACPIREGS *ar, unsigned type)
{
    if (type == ACPI_SLEEP_TYPE_S5 || (ar->pm1.cnt.s4_enabled && type == ar->pm1.cnt.s4_val)) {
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    }
}

static uint64_t acpi_pm1_cnt_read(void *opaque, hwaddr addr, unsigned size)
{
    ACPIREGS *ar = opaque;

    return ar->pm1.cnt.cnt >> (addr & 1) * 8;
}

static void acpi_pm1_cnt_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    ACPIREGS *ar = opaque;
    unsigned shift = (addr & 1) * 8;
    uint16_t mask = (size == 1 ? 0xff : 0xffff) << shift;
    uint16_t cnt = (ar->pm1.cnt.cnt & ~mask) | ((val << shift) & mask);

    ar->pm1.cnt.cnt = cnt & ~ACPI_BITMASK_SLEEP_ENABLE;
    if (cnt & ACPI_BITMASK_SLEEP_ENABLE) {
        acpi_pm1_cnt_sleep(ar, (cnt & ACPI_BITMASK_SLEEP_TYPE) >> 10);
    }
}

static const MemoryRegionOps acpi_pm1_cnt_ops = {
    .read = acpi_pm1_cnt_read,
    .write = acpi_pm1_cnt_write,
    .impl = { .min_access_size = 1, .max_access_size = 2 },
    .valid = { .min_access_size = 1, .max_access_size = 2 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

void acpi_pm1_cnt_update(ACPIREGS *ar, bool sci_enable, bool sci_disable)
{
    if (sci_enable) {
        ar->pm1.cnt.cnt |= ACPI_BITMASK_SCI_ENABLE;
    } else if (sci_disable) {
        ar->pm1.cnt.cnt &= ~ACPI_BITMASK_SCI_ENABLE;
    }
}

/* ---- general purpose events ------------------------------------------------------------------ */

/* Status in the first half, cleared by writing ones; enable in the second. */
void acpi_gpe_ioport_writeb(ACPIREGS *ar, uint32_t addr, uint32_t val)
{
    unsigned half = ar->gpe.len / 2;

    assert(addr < ar->gpe.len);
    if (addr < half) {
        ar->gpe.sts[addr] &= ~val;
    } else {
        ar->gpe.en[addr - half] = val;
    }
    ar->update_sci(ar);
}

uint32_t acpi_gpe_ioport_readb(ACPIREGS *ar, uint32_t addr)
{
    unsigned half = ar->gpe.len / 2;

    assert(addr < ar->gpe.len);
    return addr < half ? ar->gpe.sts[addr] : ar->gpe.en[addr - half];
}

void acpi_send_gpe_event(ACPIREGS *ar, unsigned gpe)
{
    assert(gpe / 8 < ar->gpe.len / 2);
    ar->gpe.sts[gpe / 8] |= 1 << (gpe % 8);
    ar->update_sci(ar);
}

/* ---- all of it ------------------------------------------------------------------------------- */

void acpi_regs_init(ACPIREGS *ar, Object *owner, MemoryRegion *parent,
                    acpi_update_sci_fn update_sci, uint8_t gpe_len, bool disable_s4,
                    uint8_t s4_val)
{
    assert(gpe_len <= ACPI_GPE_MAX_LEN);
    ar->update_sci = update_sci;
    ar->gpe.len = gpe_len;
    ar->pm1.cnt.s4_enabled = !disable_s4;
    ar->pm1.cnt.s4_val = s4_val;
    ar->tmr.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, pm_timer_toggled, ar);
    memory_region_init_io(&ar->pm1.evt.io, owner, &acpi_pm1_evt_ops, ar, "acpi-evt",
                          ACPI_PM1_EVT_LEN);
    memory_region_add_subregion(parent, 0, &ar->pm1.evt.io);
    memory_region_init_io(&ar->pm1.cnt.io, owner, &acpi_pm1_cnt_ops, ar, "acpi-cnt",
                          ACPI_PM1_CNT_LEN);
    memory_region_add_subregion(parent, 4, &ar->pm1.cnt.io);
    memory_region_init_io(&ar->tmr.io, owner, &pm_timer_ops, ar, "acpi-tmr", ACPI_PM_TMR_LEN);
    memory_region_add_subregion(parent, 8, &ar->tmr.io);
}

void acpi_regs_cleanup(ACPIREGS *ar)
{
    g_clear_pointer(&ar->tmr.timer, timer_free);
}

void acpi_regs_reset(ACPIREGS *ar)
{
    ar->pm1.evt.sts = 0;
    ar->pm1.evt.en = 0;
    ar->pm1.cnt.cnt = 0;
    ar->tmr.toggle_count = 0;
    timer_del(ar->tmr.timer);
    memset(ar->gpe.sts, 0, sizeof(ar->gpe.sts));
    memset(ar->gpe.en, 0, sizeof(ar->gpe.en));
    ar->update_sci(ar);
}

/* ---- APM ports ------------------------------------------------------------------------------- */

static void apm_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    APMState *apm = opaque;

    if (addr & 1) {
        apm->apms = val;
        return;
    }
    apm->apmc = val;
    apm->callback(val, apm->arg);
}

static uint64_t apm_read(void *opaque, hwaddr addr, unsigned size)
{
    APMState *apm = opaque;

    return addr & 1 ? apm->apms : apm->apmc;
}

static const MemoryRegionOps apm_ops = {
    .read = apm_read,
    .write = apm_write,
    .impl = { .min_access_size = 1, .max_access_size = 1 },
    .endianness = DEVICE_LITTLE_ENDIAN,
};

void apm_init(APMState *apm, Object *owner, MemoryRegion *io, apm_ctrl_changed_t fn, void *arg)
{
    apm->callback = fn;
    apm->arg = arg;
    memory_region_init_io(&apm->io, owner, &apm_ops, apm, "apm-io", 2);
    memory_region_add_subregion(io, APM_CNT_IOPORT, &apm->io);
}
