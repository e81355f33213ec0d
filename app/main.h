/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The emulator as a function: from the command line to the exit status. */
#ifndef SYSTEM_MAIN_H
#define SYSTEM_MAIN_H

int qemu_main(int argc, char **argv);

#endif /* SYSTEM_MAIN_H */
