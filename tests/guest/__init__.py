# SPDX-License-Identifier: GPL-2.0-or-later
"""Real Linux guests round the emulator: the kernel and initramfs they boot, the host they run in
(this machine, or a nested one where it has no /dev/kvm), and the tests that use them.
Used by scripts/run-guest, by run.py of this folder (the meson test) and by tests/bench."""
