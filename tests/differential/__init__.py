# SPDX-License-Identifier: GPL-2.0-or-later
"""The differential test: the same input to this emulator and to stock QEMU 7.2, the results compared."""
