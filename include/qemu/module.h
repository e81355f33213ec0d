/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registration at program start: type_init(fn) has fn called before main(). fn may only call
 * type_register_static(), which files the description and builds nothing.
 */
#ifndef QEMU_MODULE_H
#define QEMU_MODULE_H

#define type_init(function)                                              \
    static void __attribute__((constructor)) do_qemu_init_##function(void) \
    {                                                                    \
        function();                                                      \
    }

#endif /* QEMU_MODULE_H */
