#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Times of a Linux guest under KVM, ours against stock QEMU: same host (a nested one where there is no
/dev/kvm), kernel, initrd and command line, in turns, so that a busy machine slows both. Prints a line
"SAMPLE what which seconds" for each, and one "HOST kind memory". What is measured:

  boot    process start to the guest's /init
  grow    a running guest with 0 plugged is asked for 1 GiB, has it, is asked for 0, has given it back
  exits   while the guest gives back 1 GiB that it has written, another of its CPUs reads a PCI
          configuration register over and over: the longest read; and the longest where the
          first CPU is busy with something else ("exits-busy")"""

import argparse
import os
import pathlib
import re
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from guest import guest as guests  # noqa: E402
from guest import host as hosts  # noqa: E402
from guest import initramfs, kernel  # noqa: E402
from guest.progress import Step  # noqa: E402

SIDES = ("emulator", "stock")
GIB = 1 << 30
GROW_SECONDS = 120.0
READS_SECONDS = 60.0
# about as long as 1 GiB takes to go
BUSY = "end=$(($(date +%s) + 7)); while [ $(date +%s) -lt $end ]; do :; done"
INIT_SECONDS = 240.0    # on a machine so busy that its figures say little
THP = "/sys/kernel/mm/transparent_hugepage"


def emit(what, side, seconds):
    print(f"SAMPLE {what} {side} {seconds:.4f}", flush=True)


def boot_seconds(host, side, machine):
    argv = guests.command_line(host, emulator=side, machine=machine)
    with hosts.Emulator(host, argv) as process:
        return guests.Guest(process).wait_init(INIT_SECONDS) - process.started


def boot(host, **options):
    """(emulator, guest) with the guest's control loop running. The caller closes the emulator."""
    emulator = hosts.Emulator(host, guests.command_line(host, **options))
    guest = guests.Guest(emulator)
    try:
        guest.wait_ready(INIT_SECONDS)
    except BaseException:
        emulator.close()
        raise
    return emulator, guest


def measure_boot(host, options):
    for turn in range(options.runs + options.warm_up):
        for side in SIDES:
            seconds = boot_seconds(host, side, options.machine)
            if turn >= options.warm_up:     # the first fills the host's page cache
                emit("boot", side, seconds)


def resize(emulator, size):
    emulator.qmp.set(guests.DEVICE_PATH, "requested-size", size)
    deadline = time.monotonic() + GROW_SECONDS
    while emulator.qmp.get(guests.DEVICE_PATH, "size") != size:
        if time.monotonic() > deadline:
            raise guests.GuestError(f"not {size} bytes plugged after {GROW_SECONDS} s")
        time.sleep(0.01)


def measure_grow(host, options):
    """Both guests run all the time; the one that is not asked to do anything sleeps."""
    running = {}
    try:
        for side in SIDES:
            running[side] = boot(host, emulator=side, machine=options.machine)[0]
        for turn in range(options.runs + options.warm_up):
            for side in SIDES:
                start = time.monotonic()
                resize(running[side], GIB)
                resize(running[side], 0)
                if turn >= options.warm_up:
                    emit("grow", side, time.monotonic() - start)
    finally:
        for emulator in running.values():
            emulator.close()


def longest_read(guest, meanwhile):
    """Seconds of the longest register read of CPU 1 while @meanwhile is called."""
    pid = int(guest.check("memtool exits 1 > /tmp/exits 2>&1 & "
                          "while [ ! -s /tmp/exits ]; do sleep 0.1; done; echo $!"))
    meanwhile()
    # it stays a zombie while this command runs: init waits for the command alone
    said = guest.check(f"kill {pid} && while grep -q '^State:.[RSD]' /proc/{pid}/status; "
                       f"do sleep 0.1; done; cat /tmp/exits", READS_SECONDS)
    found = re.search(r"reads=(\d+) longest_us=(\d+)", said)
    if not found:
        raise guests.GuestError(f"the program that reads a register said: {said}")
    return int(found.group(2)) / 1e6


def write_and_release(emulator, guest, size):
    """Has the guest write most of @size, so that giving it back is work."""
    written = size // 10 * 9 & ~4095
    resize(emulator, size)
    if guest.hold("held", written, 1) != written:
        raise guests.GuestError("the guest cannot write the memory that it was given")
    guest.release("held")


def measure_exits(host, options):
    """Besides, the same reads while the other CPU only computes: in a nested host of one CPU, both share it."""
    for _ in range(options.runs):
        for side in SIDES:
            emulator, guest = boot(host, emulator=side, machine=options.machine, smp=2)
            with emulator:
                write_and_release(emulator, guest, options.exits_size)
                emit("exits", side, longest_read(guest, lambda: resize(emulator, 0)))
                emit("exits-busy", side, longest_read(guest, lambda: guest.check(BUSY)))


def measure_quick(host, options):
    """One boot of each for a sample of both boot and grow, the latter of less memory."""
    for side in SIDES:
        argv = guests.command_line(host, emulator=side, machine=options.machine)
        with hosts.Emulator(host, argv) as emulator:
            guest = guests.Guest(emulator)
            emit("boot", side, guest.wait_init(INIT_SECONDS) - emulator.started)
            guest.wait_ready(INIT_SECONDS, after_init=True)
            start = time.monotonic()
            resize(emulator, GIB // 4)
            resize(emulator, 0)
            emit("grow", side, time.monotonic() - start)


MEASUREMENTS = {"boot": ("Booting both in turn", measure_boot),
                "grow": ("Growing and shrinking both in turn", measure_grow),
                "exits": ("Reading a register while memory is given back", measure_exits)}


def measure(host, options, what):
    """An exit status: what cannot be measured does not take the rest with it."""
    title, function = MEASUREMENTS[what]
    try:
        with Step(title):
            function(host, options)
    except (guests.GuestError, OSError) as error:
        print(f"guest_time.py: {what}: {error}", file=sys.stderr)
        return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="boot, grow, exits (default: all)")
    parser.add_argument("--emulator", default=os.environ.get(
        "QEMU_SYSTEM", str(ROOT / "build" / "qemu-system-x86_64")), help="ours")
    parser.add_argument("--machine", default="q35")
    parser.add_argument("--runs", type=int, default=7, help="of each (default: 7)")
    parser.add_argument("--quick", action="store_true",
                        help="everything once, of less memory: whether it works, not how fast")
    parser.add_argument("--warm-up", type=int, default=1, metavar="N",
                        help="runs before that are not counted (default: 1)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that all is cleaned up
    options = parser.parse_args()
    options.exits_size = GIB // 4 if options.quick else GIB
    for what in options.what:
        if what not in MEASUREMENTS:
            parser.error(f"'{what}' is not one of " + ", ".join(MEASUREMENTS))
    cache = pathlib.Path(os.environ.get("GUEST_CACHE", ROOT / "build" / "guest"))
    cache.mkdir(parents=True, exist_ok=True)
    image = kernel.current(cache)
    resources = {"emulator": options.emulator, "stock": hosts.STOCK_QEMU, "kernel": image.image,
                 "initrd": initramfs.guest(cache, image, "guest.cpio")}
    with Step("Starting the host"):
        host = hosts.make(cache, image, resources)
    with host:
        mode = re.search(r"\[(\w+)\]", host.check(f"cat {THP}/shmem_enabled")).group(1)
        print(f"HOST {host.kind} memfd,shmem_thp={mode}", flush=True)
        wanted = options.what or list(MEASUREMENTS)
        if options.quick and wanted != ["exits"]:
            with Step("One boot of each"):
                measure_quick(host, options)
            wanted = [what for what in wanted if what == "exits"]
        return max([measure(host, options, what) for what in wanted], default=0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except kernel.Unavailable as error:
        sys.exit(f"guest_time.py: no kernel to boot: {error}")
