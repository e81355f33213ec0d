/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest physical pages that KVM needs for itself on Intel processors without unrestricted guest
 * mode (Documentation/virt/kvm/api.rst: KVM_SET_IDENTITY_MAP_ADDR, KVM_SET_TSS_ADDR). They hold no
 * RAM; the machine reserves [KVM_X86_RESERVED_BASE, +KVM_X86_RESERVED_SIZE) in E820.
 */
#ifndef TARGET_I386_KVM_LAYOUT_H
#define TARGET_I386_KVM_LAYOUT_H

#define KVM_X86_IDENTITY_MAP_ADDR 0xfeffc000u  /* one page */
#define KVM_X86_TSS_ADDR 0xfeffd000u           /* three pages */
#define KVM_X86_RESERVED_BASE KVM_X86_IDENTITY_MAP_ADDR
#define KVM_X86_RESERVED_SIZE 0x4000u

#endif /* TARGET_I386_KVM_LAYOUT_H */
