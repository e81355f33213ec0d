# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest tests have in common: one host for all of them (a nested one takes seconds to start),
the kernels and initramfs in it, and the emulator under test (QEMU_SYSTEM in the environment)."""

import os
import pathlib
import unittest

from . import guest as guests
from . import host as hosts
from . import initramfs, kernel

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
_state = {}


def emulator_path():
    return os.environ.get("QEMU_SYSTEM", str(ROOT / "build" / "qemu-system-x86_64"))


def cache_path():
    cache = pathlib.Path(os.environ.get("GUEST_CACHE", ROOT / "build" / "guest"))
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def is_stock():
    return os.path.realpath(emulator_path()) == os.path.realpath(hosts.STOCK_QEMU)


def _resources(cache):
    image = kernel.current(cache)
    resources = {"emulator": emulator_path(), "kernel": image.image,
                 "initrd": initramfs.guest(cache, image, "guest.cpio")}
    if os.path.exists(hosts.STOCK_QEMU):
        resources["stock"] = hosts.STOCK_QEMU
    programs = pathlib.Path(emulator_path()).parent / "tests" / "unit" / "test-kvm-smoke"
    if programs.exists() and not is_stock():
        resources["kvm-programs"] = programs
    try:
        legacy = kernel.legacy(cache)
        resources["legacy-kernel"] = legacy.image
        resources["legacy-initrd"] = initramfs.guest(cache, legacy, "guest-legacy.cpio")
    except kernel.Unavailable as error:
        _state["no legacy"] = str(error)
    return image, resources


def host():
    """The host that all tests share; started by the first that asks. Skips the test where the
    network or the machine does not allow one."""
    if "skip" in _state:
        raise unittest.SkipTest(_state["skip"])
    if "host" not in _state or _state["host"].agent.dead:
        cache = cache_path()
        try:
            image, resources = _resources(cache)
        except kernel.Unavailable as error:
            _state["skip"] = f"no kernel to boot: {error}"
            raise unittest.SkipTest(_state["skip"])
        force = bool(os.environ.get("GUEST_NESTED"))
        _state["host"] = hosts.make(cache, image, resources, force_nested=force)
    return _state["host"]


def require(test, name, why):
    """Skips the test when the host has no such resource."""
    if name not in host().resources:
        test.skipTest(_state.get(f"no {name.split('-')[0]}", why))


class GuestTestCase(unittest.TestCase):
    """Boots guests in the shared host and closes them whatever happens."""

    def setUp(self):
        self.host = host()

    def boot(self, **options):
        emulator, guest = guests.boot(self.host, **options)
        self.addCleanup(emulator.close)
        return emulator, guest

    def assert_size(self, emulator, size, timeout=20.0):
        got = guests.wait_size(emulator, size, timeout)
        self.assertEqual(got, size, f"vm0 has plugged {got} bytes, {size} were requested")

    def assert_powered_off(self, emulator, timeout=20.0):
        status = emulator.process.wait(timeout)
        self.assertEqual(status, 0, f"exit status; stderr: {emulator.process.stderr}")
