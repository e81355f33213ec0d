/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The executable's own source; everything else is in libraries that tests can link. */
#include "qemu/osdep.h"

#include "main.h"

int main(int argc, char **argv)
{
    return qemu_main(argc, argv);
}
