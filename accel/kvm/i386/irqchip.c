/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interrupt controllers' and the timer's reset.
 */
#include "qemu/osdep.h"
#include "kvm-x86.h"

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
