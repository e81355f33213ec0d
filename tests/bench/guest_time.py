#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Process start to the guest's /init, ours against stock QEMU: same host, kernel, initrd and command line,
one after the other in turn, so that a busy machine slows both. Prints medians and their ratio."""

import argparse
import os
import pathlib
import signal
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from guest import guest as guests  # noqa: E402
from guest import host as hosts  # noqa: E402
from guest import initramfs, kernel  # noqa: E402
from guest.progress import Step  # noqa: E402

TARGET = 0.7


def boot_seconds(host, emulator, machine):
    argv = guests.command_line(host, emulator=emulator, machine=machine)
    with hosts.Emulator(host, argv) as process:
        return guests.Guest(process).wait_init() - process.started


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emulator", default=os.environ.get(
        "QEMU_SYSTEM", str(ROOT / "build" / "qemu-system-x86_64")), help="ours")
    parser.add_argument("--machine", default="q35")
    parser.add_argument("--runs", type=int, default=7, help="of each (default and least: 7)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that all is cleaned up
    options = parser.parse_args()
    cache = pathlib.Path(os.environ.get("GUEST_CACHE", ROOT / "build" / "guest"))
    cache.mkdir(parents=True, exist_ok=True)
    image = kernel.current(cache)
    resources = {"emulator": options.emulator, "stock": hosts.STOCK_QEMU, "kernel": image.image,
                 "initrd": initramfs.guest(cache, image, "guest.cpio")}
    times = {"emulator": [], "stock": []}
    with hosts.make(cache, image, resources) as host:
        with Step("Booting both in turn"):
            for name in times:
                boot_seconds(host, name, options.machine)      # fills the host's page cache
            for _ in range(max(options.runs, 7)):
                for name, list_of in times.items():
                    list_of.append(boot_seconds(host, name, options.machine))
        kind = host.kind
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["emulator"] / medians["stock"]
    for name, title in (("emulator", "ours "), ("stock", "stock")):
        values = times[name]
        print(f"{title} process start to /init: median {medians[name]:.2f} s "
              f"(min {min(values):.2f}, max {max(values):.2f}, {len(values)} runs)")
    print(f"boot to /init, {options.machine}, {kind} host: ratio {ratio:.2f}, "
          f"target <= {TARGET}: {'met' if ratio <= TARGET else 'missed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
