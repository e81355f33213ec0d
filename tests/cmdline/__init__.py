# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulator from outside: its command line, what it refuses, QMP, and the types it has, alone and
side by side with stock QEMU."""
