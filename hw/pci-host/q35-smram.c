/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that Q35 keeps for system management mode: SMRAM (0x9d) and ESMRAMC (0x9e) of the data
 * sheet, and two registers that are QEMU's: the size of a larger TSEG (0x50), RAM at the default
 * SMBASE (0x9c). No CPU of this machine is ever in that mode, so memory that is hidden from all
 * others (reads are ones, writes are lost, also by DMA) is hidden from everyone until a reset;
 * QEMU's machine with smm=off does the same. Source: Intel 3 Series (316966) datasheet; stock
 * over qtest.
 */
#include "qemu/osdep.h"
#include "q35-smram.h"
#include "qapi/error.h"
#include "qemu/units.h"

#define EXT_TSEG_MBYTES 0x50
#define EXT_TSEG_QUERY 0xffff
#define F_SMBASE 0x9c
#define F_SMBASE_QUERY 0xff
#define F_SMBASE_IN_RAM 0x01
#define F_SMBASE_LOCK 0x02
#define SMBASE_ADDR 0x30000
#define SMBASE_SIZE 0x20000
#define SMRAM 0x9d
#define SMRAM_DEFAULT 0x02
#define SMRAM_WMASK 0x78                     /* D_OPEN, D_CLS, D_LCK, G_SMRAME */
#define SMRAM_WMASK_LOCKED 0x20              /* D_CLS */
#define SMRAM_D_OPEN 0x40
#define SMRAM_D_LCK 0x10
#define SMRAM_G_SMRAME 0x08
#define SMRAM_ADDR 0xa0000
#define SMRAM_SIZE 0x20000
#define SMRAM_HIGH_ADDR 0xfeda0000
#define ESMRAMC 0x9e
#define ESMRAMC_DEFAULT 0x38
#define ESMRAMC_WMASK 0x87                   /* H_SMRAME, TSEG size and enable */
#define ESMRAMC_H_SMRAME 0x80
#define ESMRAMC_TSEG_SIZE_SHIFT 1
#define ESMRAMC_TSEG_SIZE_MASK 3
#define ESMRAMC_T_EN 0x01

static uint8_t smram(const MCHSmram *s)
{
    return s->mch->config[SMRAM];
}

static uint8_t esmramc(const MCHSmram *s)
{
    return s->mch->config[ESMRAMC];
}

/* ---- what is hidden -------------------------------------------------------------------------- */

static uint64_t hidden_read(void *opaque, hwaddr addr, unsigned size)
{
    return UINT64_MAX;
}

static void hidden_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static const MemoryRegionOps hidden_ops = {
    .read = hidden_read,
    .write = hidden_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/* The fourth size is reserved in the data sheet. */
static uint64_t tseg_size(const MCHSmram *s)
{
    const unsigned mbytes[] = { 1, 2, 8, s->ext_tseg_mbytes };

    return mbytes[esmramc(s) >> ESMRAMC_TSEG_SIZE_SHIFT & ESMRAMC_TSEG_SIZE_MASK] * MiB;
}

/* One that is larger than low RAM hides nothing. */
static void update_tseg(MCHSmram *s)
{
    uint64_t size = tseg_size(s);
    bool on = (smram(s) & SMRAM_G_SMRAME) && (esmramc(s) & ESMRAMC_T_EN) && size &&
              size <= s->top;

    memory_region_set_enabled(&s->tseg, on);
    if (on) {
        memory_region_set_size(&s->tseg, size);
        memory_region_set_address(&s->tseg, s->top - size);
    }
}

static bool smbase_is_taken(const MCHSmram *s)
{
    return mch_smram_get_smbase(s) == F_SMBASE_LOCK;
}

static void update_regions(MCHSmram *s)
{
    if (!s->top) {
        return;     /* not attached yet */
    }
    memory_region_transaction_begin();
    update_tseg(s);
    memory_region_set_enabled(&s->smbase, smbase_is_taken(s));
    memory_region_set_enabled(&s->high, (smram(s) & SMRAM_D_OPEN) &&
                                        (esmramc(s) & ESMRAMC_H_SMRAME));
    memory_region_transaction_commit();
}

bool mch_smram_is_open(const MCHSmram *s)
{
    return (smram(s) & SMRAM_D_OPEN) && !(esmramc(s) & ESMRAMC_H_SMRAME);
}

/* ---- registers ------------------------------------------------------------------------------- */

uint8_t mch_smram_get_smbase(const MCHSmram *s)
{
    return s->mch->config[F_SMBASE];
}

/* D_LCK makes itself and the others read-only until reset, and closes the window. */
static void update_lock(PCIDevice *dev)
{
    if (dev->config[SMRAM] & SMRAM_D_LCK) {
        dev->config[SMRAM] &= ~SMRAM_D_OPEN;
        dev->wmask[SMRAM] = SMRAM_WMASK_LOCKED;
        dev->wmask[ESMRAMC] = 0;
    }
}

/*
 * Software asks for the size by writing all ones; what it writes otherwise stays. Without a size
 * the register is none, and keeps all ones, too.
 */
static void update_ext_tseg(MCHSmram *s)
{
    uint8_t *reg = s->mch->config + EXT_TSEG_MBYTES;

    if (s->ext_tseg_mbytes && pci_get_word(reg) == EXT_TSEG_QUERY) {
        pci_set_word(reg, s->ext_tseg_mbytes);
    }
}

/*
 * Whether the default SMBASE can be RAM of its own: asked for by 0xff and answered by 1, after
 * which 2 takes it and locks the register. Anything else leaves @old.
 */
static void update_smbase(PCIDevice *dev, uint8_t old)
{
    uint8_t *reg = dev->config + F_SMBASE;

    if (*reg == F_SMBASE_QUERY) {
        *reg = F_SMBASE_IN_RAM;
    } else if (*reg == F_SMBASE_LOCK && old == F_SMBASE_IN_RAM) {
        dev->wmask[F_SMBASE] = 0;
    } else {
        *reg = old;
    }
}

bool mch_smram_written(MCHSmram *s, uint32_t address, int len, uint8_t old_smbase)
{
    if (ranges_overlap(address, len, EXT_TSEG_MBYTES, 2)) {
        update_ext_tseg(s);
    }
    if (ranges_overlap(address, len, F_SMBASE, 1)) {
        update_smbase(s->mch, old_smbase);
    }
    if (ranges_overlap(address, len, SMRAM, 2)) {
        update_lock(s->mch);
    }
    if (!ranges_overlap(address, len, F_SMBASE, 3)) {
        return false;
    }
    update_regions(s);
    return true;
}

void mch_smram_reset(MCHSmram *s)
{
    PCIDevice *dev = s->mch;

    pci_set_word(dev->config + EXT_TSEG_MBYTES, s->ext_tseg_mbytes);
    dev->config[F_SMBASE] = 0;
    dev->wmask[F_SMBASE] = 0xff;
    dev->config[SMRAM] = SMRAM_DEFAULT;
    dev->wmask[SMRAM] = SMRAM_WMASK;
    dev->config[ESMRAMC] = ESMRAMC_DEFAULT;
    dev->wmask[ESMRAMC] = ESMRAMC_WMASK;
    update_regions(s);
}

/* ---- life ------------------------------------------------------------------------------------ */

bool mch_smram_realize(MCHSmram *s, PCIDevice *mch, Error **errp)
{
    if (s->ext_tseg_mbytes > MCH_EXT_TSEG_MAX) {
        error_setg(errp, "invalid extended-tseg-mbytes value: %u (the largest is %u)",
                   s->ext_tseg_mbytes, MCH_EXT_TSEG_MAX);
        return false;
    }
    s->mch = mch;
    mch_smram_reset(s);
    return true;
}

static void add_hidden(MCHSmram *s, MemoryRegion *mr, const char *name, MemoryRegion *system,
                       hwaddr addr, uint64_t size)
{
    memory_region_init_io(mr, OBJECT(s->mch), &hidden_ops, NULL, name, size);
    memory_region_set_enabled(mr, false);
    memory_region_add_subregion_overlap(system, addr, mr, 1);
}

void mch_smram_attach(MCHSmram *s, const PCHostConfig *config)
{
    s->top = config->below_4g_mem_size;
    memory_region_init_alias(&s->high, OBJECT(s->mch), "smram-open-high", config->ram, SMRAM_ADDR,
                             SMRAM_SIZE);
    memory_region_set_enabled(&s->high, false);
    memory_region_add_subregion_overlap(config->system, SMRAM_HIGH_ADDR, &s->high, 1);
    add_hidden(s, &s->tseg, "tseg-blackhole", config->system, s->top, 0);
    add_hidden(s, &s->smbase, "smbase-blackhole", config->system, SMBASE_ADDR, SMBASE_SIZE);
    update_regions(s);
}
