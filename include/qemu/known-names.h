/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU has and this program does not: see util/known-names.c.
 */
#ifndef QEMU_KNOWN_NAMES_H
#define QEMU_KNOWN_NAMES_H

typedef enum QemuNameKind {
    QEMU_NAME_OPTION,       /* of the command line, without its dash */
    QEMU_NAME_MACHINE,
    QEMU_NAME_DEVICE,
    QEMU_NAME_OBJECT,
    QEMU_NAME_COMMAND,      /* QMP */
    QEMU_NAME_HMP,          /* a word of the human monitor; those behind "info" as well */
    QEMU_NAME_CHARDEV,
    QEMU_NAME_CPU,
    QEMU_NAME_ACCEL,
} QemuNameKind;

/*
 * To be put behind the error about a name that is not known: ": QEMU has the device 'x'; it is out of scope
 * here: ..." if QEMU knows it, else "" (a typing error). The caller frees it.
 */
char *qemu_name_explain(QemuNameKind kind, const char *name);

#endif /* QEMU_KNOWN_NAMES_H */
