# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives a booted guest over its serial port, by guest-init.sh's protocol. The kernel may write into
any answer: one that does not parse is asked for again, and never mistaken for another."""

import base64
import binascii
import re
import time

from . import host as hosts

KERNEL_COMMAND_LINE = "console=ttyS0 quiet panic=-1 memhp_default_state=online_movable"
CONTROL = KERNEL_COMMAND_LINE + " guest.control"
INIT_SECONDS = 60.0        # nested, on a busy machine; stock takes 5
AGAIN_SECONDS = 5.0        # how long an answer may be missing before it is asked for again


class GuestError(Exception):
    pass


class Guest:
    def __init__(self, emulator):
        self.emulator = emulator
        self.channel = emulator.serial
        self.console = b""        # all that the serial port has said
        self.seen = 0             # up to where it has been looked at
        self.last_id = 0

    def _read_until(self, pattern, timeout, what):
        deadline = time.monotonic() + timeout
        pattern = re.compile(pattern)
        while True:
            found = pattern.search(self.console, self.seen)
            if found:
                self.seen = found.end()
                return found
            left = deadline - time.monotonic()
            try:
                data = self.channel.read(left)
            except TimeoutError:
                raise TimeoutError(f"no {what} within {timeout:.0f} s; the console's end: "
                                   f"{self.tail()}") from None
            if not data:
                process = self.emulator.process
                raise GuestError(f"the emulator ended (status {process.returncode}) before "
                                 f"{what}: {process.stderr.strip()}; the console's end: "
                                 f"{self.tail()}")
            self.console += data

    def tail(self, size=600):
        return repr(self.console[-size:].decode(errors="replace"))

    def wait_init(self, timeout=INIT_SECONDS):
        """Waits until /init runs; returns the time of its arrival."""
        self._read_until(rb"@init@", timeout, "/init")
        return time.monotonic()

    def wait_ready(self, timeout=INIT_SECONDS, after_init=False):
        """Waits for the control loop; @after_init: wait_init() has been called before."""
        if not after_init:
            self.wait_init(timeout)
        self._read_until(rb"@ready@", timeout, "the control loop")

    def send(self, command):
        """Sends a command whose answer nobody waits for (it may not come: reboot)."""
        self.last_id += 1
        self.channel.write(f"{self.last_id} {command}\n".encode())

    def shell(self, command, timeout=30.0):
        """Runs a one-line shell command in the guest: (status, output)."""
        if "\n" in command or len(command) > 4000:
            raise ValueError("a command is one line of at most 4000 characters")
        self.send(command)
        number, deadline = self.last_id, time.monotonic() + timeout
        while True:
            wait = min(AGAIN_SECONDS, deadline - time.monotonic())
            if wait <= 0:
                raise TimeoutError(f"'{command}' gave no answer within {timeout:.0f} s; the "
                                   f"console's end: {self.tail()}")
            nb_before = len(self.console)
            try:
                found = self._read_until(rb"@reply %d (\d+) ([A-Za-z0-9+/=]*)@|@unknown %d@"
                                         % (number, number), wait, "an answer")
            except TimeoutError:
                if len(self.console) == nb_before:      # else an answer is on its way
                    self.channel.write(f"again {number}\n".encode())
                continue
            if found.group(1) is None:
                self.channel.write(f"{number} {command}\n".encode())
                continue
            text = found.group(2)
            try:
                if len(text) != int(found.group(1)):
                    raise ValueError
                output, status = base64.b64decode(text, validate=True).rsplit(b"|", 1)
                return int(status), output.decode(errors="replace")
            except (ValueError, binascii.Error):
                self.channel.write(f"again {number}\n".encode())

    def check(self, command, timeout=30.0):
        status, output = self.shell(command, timeout)
        if status:
            raise GuestError(f"in the guest '{command}' ended with {status}: {output.strip()}")
        return output

    def mem_total(self):
        """The guest's own MemTotal, in bytes."""
        return int(re.search(r"MemTotal:\s+(\d+) kB", self.check("cat /proc/meminfo")).group(1)) \
            * 1024

    def movable_bytes(self):
        """What is online in the movable zones, where this command line puts plugged memory."""
        text = self.check("sed -n '/zone  *Movable/,/present/p' /proc/zoneinfo | grep present"
                          " || true")
        return sum(int(line.split()[1]) * 4096 for line in text.splitlines())

    def hold(self, name, size, seed, timeout=120.0):
        """Writes and reads back `size` bytes and keeps them; returns the bytes that were right."""
        status, output = self.shell(f"memtool hold {name} {size} {seed}", timeout)
        found = re.search(r"verified=(\d+) bad=(\d+)", output)
        if not found:
            raise GuestError(f"memtool ended with {status}: {output.strip()}")
        return int(found.group(1))

    def verify(self, name, timeout=120.0):
        output = self.shell(f"memtool verify {name}", timeout)[1]
        found = re.search(r"verified=(\d+) bad=(\d+)", output)
        if not found:
            raise GuestError(f"memtool verify: {output.strip()}")
        return int(found.group(1))

    def release(self, name, timeout=60.0):
        self.check(f"memtool release {name}", timeout)

    def warnings(self):
        """The kernel's messages of level 0 to 4, without their times."""
        lines = []
        # Filtered over there, since each byte of a serial port is costly in a nested host.
        for line in self.check("dmesg -r | grep '^<[0-4]>' || true").splitlines():
            lines.append(re.sub(r"^<\d>(\[[^]]*\] )?", "", line))
        return lines


def command_line(host, emulator="emulator", machine="q35", smp=None, kernel="kernel",
                 initrd="initrd", append=CONTROL, device="unplugged-inaccessible=on",
                 requested=0, extra=()):
    """The command line of issue 2, with what a test varies. Names are the host's resources. With
    device=None there is no virtio-mem device, only room for one."""
    argv = [host.resource(emulator), "-accel", "kvm", "-nodefaults", "-machine", machine]
    if smp:
        argv += ["-smp", str(smp)]
    argv += ["-m", "512M,maxmem=4G"]
    if device is not None:
        options = ",".join(part for part in (device, f"requested-size={requested}") if part)
        argv += ["-object", "memory-backend-memfd,id=mem0,size=2G",
                 "-device", f"virtio-mem-pci,id=vm0,memdev=mem0,{options}"]
    return [*argv, "-kernel", host.resource(kernel), "-initrd", host.resource(initrd),
            "-append", append, *extra]


DEVICE_PATH = "/machine/peripheral/vm0"
BACKEND_SIZE = 2 << 30


def wait_size(emulator, size, timeout=20.0):
    """Waits until the device has plugged exactly `size`; returns what it has at the end."""
    deadline = time.monotonic() + timeout
    while True:
        got = emulator.qmp.get(DEVICE_PATH, "size")
        if got == size or time.monotonic() > deadline:
            return got
        time.sleep(0.05)


def start(host, argv):
    """(emulator, guest) with the guest's control loop running. The caller closes the emulator."""
    emulator = hosts.Emulator(host, argv)
    guest = Guest(emulator)
    try:
        guest.wait_ready()
    except BaseException:
        emulator.close()
        raise
    return emulator, guest


def boot(host, **options):
    """The same with the usual command line."""
    return start(host, command_line(host, **options))
