/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that read what QEMU protects by RCU say so there, first and last thing. Nothing in this
 * tree is freed under a reader (views are changed while no vCPU runs, under the big lock), so both
 * do nothing here; devices call them to be at home in either tree.
 */
#ifndef QEMU_RCU_H
#define QEMU_RCU_H

static inline void rcu_register_thread(void)
{
}

static inline void rcu_unregister_thread(void)
{
}

#endif /* QEMU_RCU_H */
