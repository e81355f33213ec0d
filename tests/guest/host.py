# SPDX-License-Identifier: GPL-2.0-or-later
"""Where an emulator runs: Direct is this machine, Nested a small Linux that stock QEMU emulates in
software and whose emulated SVM gives it a /dev/kvm. Both speak to the same agent (agent.c) over a
pair of pipes, so everything above sees one interface: run programs, connect to unix sockets, read
/proc. Nothing outlives this process: the agent kills what it started when its pipe ends, and the
nested host is a child that dies with its parent."""

import atexit
import ctypes
import os
import pathlib
import re
import shlex
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

from . import initramfs, qmp

HEADER = struct.Struct("<IHBB")
STOCK_QEMU = "/usr/bin/qemu-system-x86_64"
STOCK_DATA = ["/usr/share/seabios", "/usr/share/qemu", "/usr/lib/ipxe/qemu"]
STOCK_FILES = re.compile(r"(bios-256k|bios-microvm|kvmvapic|linuxboot|linuxboot_dma|multiboot|pvh|"
                         r"efi-virtio|vgabios-stdvga)\.(bin|rom)")
NESTED_MEMORY_MB = 3072     # holds a guest that is given and writes 1 GiB, twice over
NESTED_BOOT_SECONDS = 90
PR_SET_PDEATHSIG = 1


class HostError(Exception):
    pass


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _has_hardware_virtualization():
    """A KVM without it (kvm_pvm) runs code, but no kernel that was not made for it."""
    flags = re.search(r"^flags\s*:(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return bool(flags and {"vmx", "svm"} & set(flags.group(1).split()))


def kvm_usable():
    """None when /dev/kvm can be used here, else why it cannot."""
    if not os.path.exists("/dev/kvm"):
        return "no /dev/kvm here"
    if not _has_hardware_virtualization():
        return "/dev/kvm here is without hardware virtualization (no vmx, no svm)"
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"/dev/kvm cannot be opened ({error.strerror})"
    return None


class Channel:
    """One program or connection in the host. Output is kept until somebody reads it."""

    def __init__(self, agent, number):
        self.agent, self.number = agent, number
        self.changed = threading.Condition()
        self.started = self.refused = None
        self.output, self.errors = b"", b""
        self.ended = False          # no more output will come
        self.status = None          # exit status; minus the signal's number for a killed program
        self.status_time = None

    def handle(self, kind, data):
        with self.changed:
            if kind == "S":
                self.started = int(data)
            elif kind == "R":
                self.refused = data.decode(errors="replace")
                self.ended = True
            elif kind == "D":
                self.output += data
            elif kind == "e":
                self.errors += data
            elif kind == "E":
                self.ended = True
            elif kind == "Q":
                self.status, self.status_time = int(data), time.monotonic()
                self.ended = True
            self.changed.notify_all()

    def wait_for(self, condition, timeout):
        with self.changed:
            return self.changed.wait_for(
                lambda: condition() or self.agent.dead, max(timeout, 0))

    def start(self, kind, data, timeout=30.0):
        self.agent.send(self.number, kind, data)
        self.wait_for(lambda: self.started is not None or self.refused, timeout)
        if self.started is None:
            self.close()
            raise ConnectionRefusedError(self.refused or self.agent.dead or "no answer from agent")
        return self

    def read(self, timeout):
        """Some bytes; b"" at the end of data. Raises TimeoutError when none came."""
        self.wait_for(lambda: self.output or self.ended, timeout)
        with self.changed:
            if not self.output and not self.ended and not self.agent.dead:
                raise TimeoutError("nothing came")
            data, self.output = self.output, b""
            return data

    def write(self, data):
        for at in range(0, len(data), 16384):
            self.agent.send(self.number, "D", data[at:at + 16384])

    def end(self):
        """No more data will be written."""
        self.agent.send(self.number, "E", b"")

    def close(self):
        if self.agent.channels.pop(self.number, None):
            self.agent.send(self.number, "F", b"")


class Agent:
    """Our end of agent.c's byte stream."""

    def __init__(self, process):
        self.process = process
        self.channels = {}
        self.lock = threading.Lock()
        self.hello = threading.Event()
        self.dead = None
        self.next_number = 1
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        stream = self.process.stdout
        while True:
            header = stream.read(HEADER.size)
            if len(header) < HEADER.size:
                break
            length, number, kind, _ = HEADER.unpack(header)
            data = stream.read(length)
            if kind == ord("H"):
                self.hello.set()
            channel = self.channels.get(number)
            if channel:
                channel.handle(chr(kind), data)
        self.dead = "the host has ended"
        self.hello.set()
        for channel in list(self.channels.values()):
            with channel.changed:
                channel.changed.notify_all()

    def send(self, number, kind, data):
        try:
            with self.lock:
                self.process.stdin.write(HEADER.pack(len(data), number, ord(kind), 0) + data)
                self.process.stdin.flush()
        except (OSError, ValueError):
            self.dead = self.dead or "the host has ended"

    def channel(self):
        with self.lock:
            while self.next_number in self.channels:
                self.next_number = self.next_number % 65535 + 1
            number = self.next_number
            self.next_number = number % 65535 + 1
            self.channels[number] = Channel(self, number)
        return self.channels[number]


class Process:
    """A program in the host. `channel` carries its standard input and output."""

    def __init__(self, channel):
        self.channel = channel
        self.pid = channel.started

    @property
    def stderr(self):
        return self.channel.errors.decode(errors="replace")

    @property
    def returncode(self):
        return self.channel.status

    def wait(self, timeout):
        self.channel.wait_for(lambda: self.channel.status is not None, timeout)
        if self.channel.status is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout} s")
        return self.channel.status

    def kill(self, number=signal.SIGKILL):
        self.channel.agent.send(self.channel.number, "K", str(int(number)).encode())

    def close(self):
        if self.returncode is None:
            self.kill()
            try:
                self.wait(10)
            except TimeoutError:
                pass
        self.channel.close()


class Host:
    """`work` is a folder in the host for sockets and logs. Files are named by `resource`."""

    kind = "none"

    def __init__(self):
        self.scratch = tempfile.mkdtemp(prefix="guest-")
        self.nb_emulators = 0
        self.log = None
        self.process = None
        atexit.register(self.close)

    def _launch(self, argv, hello_seconds):
        self.log = os.path.join(self.scratch, "host.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=log, start_new_session=True,
                                            preexec_fn=_die_with_parent)
        self.agent = Agent(self.process)
        if not self.agent.hello.wait(hello_seconds) or self.agent.dead:
            text = pathlib.Path(self.log).read_text(errors="replace")[-2000:]
            console = pathlib.Path(self.scratch, "console.log")
            if console.exists():
                text += console.read_text(errors="replace")[-2000:]
            self.close()
            raise HostError(f"the {self.kind} host did not come up within "
                            f"{hello_seconds} s:\n{text}")

    def spawn(self, argv):
        data = b"\0".join(os.fsencode(str(a)) for a in argv) + b"\0"
        return Process(self.agent.channel().start("X", data))

    def shell(self, command, timeout=30.0):
        """Runs a shell command there: (status, output with errors)."""
        process = self.spawn(["sh", "-c", f"exec 2>&1 </dev/null; {command}"])
        try:
            status = process.wait(timeout)
            return status, process.channel.output.decode(errors="replace")
        finally:
            process.close()

    def check(self, command, timeout=30.0):
        status, output = self.shell(command, timeout)
        if status:
            raise HostError(f"'{command}' ended with {status}: {output.strip()}")
        return output

    def connect(self, path, timeout=20.0):
        """A channel to a unix socket there, waiting for it to appear."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.agent.channel().start("C", os.fsencode(str(path)))
            except ConnectionRefusedError as error:
                if time.monotonic() > deadline or self.agent.dead:
                    raise TimeoutError(f"cannot connect: {error}") from None
                time.sleep(0.02)

    def new_path(self, name):
        self.nb_emulators += 1
        return f"{self.work}/{self.nb_emulators}-{name}"

    def close(self):
        atexit.unregister(self.close)
        if self.process:
            try:
                self.process.stdin.close()
                self.process.wait(5)
            except (OSError, subprocess.TimeoutExpired):
                pass
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None
        shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Direct(Host):
    """This machine, by its own /dev/kvm."""

    kind = "direct"

    def __init__(self, cache, resources):
        super().__init__()
        self.resources = dict(resources)
        self.work = self.scratch
        self._launch([str(initramfs.static_program(cache, "agent"))], 10)

    def resource(self, name):
        return str(self.resources[name])


class Nested(Host):
    """A small Linux in stock QEMU under software emulation. The resources lie in an ext4 image; the
    programs among them bring their shared libraries, at the paths that they have here."""

    kind = "nested"

    def __init__(self, cache, resources, kernel, memory_mb=NESTED_MEMORY_MB):
        super().__init__()
        self.work = "/run"
        self.resources = {}
        image = self._image(pathlib.Path(cache), resources)
        initrd = initramfs.nested_host(cache, kernel)
        self._launch([
            STOCK_QEMU, "-accel", "tcg,thread=multi,tb-size=256", "-machine", "q35",
            "-cpu", "max", "-smp", "1", "-m", f"{memory_mb}M", "-nodefaults", "-display", "none",
            "-no-reboot", "-serial", f"file:{self.scratch}/console.log",
            "-kernel", str(kernel.image), "-initrd", str(initrd),
            "-append", "console=ttyS0 panic=-1 quiet mitigations=off",
            "-drive", f"file={image},if=none,id=d,format=raw,readonly=on",
            "-device", "virtio-blk-pci,drive=d",
            "-device", "virtio-serial-pci", "-chardev", "stdio,id=agent,signal=off",
            "-device", "virtserialport,chardev=agent,nr=1,name=agent",
        ], NESTED_BOOT_SECONDS)
        if "no /dev/kvm" in pathlib.Path(self.scratch, "console.log").read_text(errors="replace"):
            self.close()
            raise HostError("the nested host has no /dev/kvm: stock QEMU's -cpu max lacks SVM?")

    def resource(self, name):
        return self.resources[name]

    @staticmethod
    def _libraries(program):
        """The shared libraries of a program with their paths here; none for a static one."""
        run = subprocess.run(["ldd", str(program)], text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"})
        return re.findall(r"(?:=> )?(/\S+) \(0x", run.stdout)

    def _contents(self, resources):
        """{path in the image: file here} for all resources, and fills self.resources."""
        contents = {}
        for name, path in resources.items():
            path = pathlib.Path(path).resolve()
            inside = f"guest/{name}"
            if str(path) == STOCK_QEMU:
                inside = STOCK_QEMU.lstrip("/")
                for folder in STOCK_DATA:
                    for data in sorted(pathlib.Path(folder).glob("*")):
                        if STOCK_FILES.fullmatch(data.name):
                            contents[str(data).lstrip("/")] = data.resolve()
            contents[inside] = path
            self.resources[name] = f"/img/{inside}" if inside.startswith("guest/") \
                else f"/{inside}"
            for library in self._libraries(path) if os.access(path, os.X_OK) else []:
                contents[library.lstrip("/")] = pathlib.Path(library).resolve()
        return contents

    def _image(self, cache, resources):
        """The image, made anew when any file in it has changed. Named by what it holds, so that
        two runs with different emulators do not take it from each other."""
        contents = self._contents(resources)
        stamp = "".join(f"{inside} {path} {path.stat().st_size} {path.stat().st_mtime_ns}\n"
                        for inside, path in sorted(contents.items()))
        key = re.sub(r"\W+", "-", str(resources.get("emulator", "none")).strip("/"))[-40:]
        key += f"-{len(resources)}"
        image, note = cache / f"image-{key}.ext4", cache / f"image-{key}.txt"
        if image.exists() and note.exists() and note.read_text() == stamp:
            return image
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="image-", dir=cache) as folder:
            tree = pathlib.Path(folder, "tree")
            for inside, path in contents.items():
                (tree / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, tree / inside)
            for name in ("lib", "lib64", "usr", "opt"):
                (tree / name).mkdir(exist_ok=True)
            megabytes = sum(p.stat().st_size for p in contents.values()) // 900000 + 32
            new = pathlib.Path(folder, "image")
            run = subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", str(tree),
                                  str(new), f"{megabytes}M"], text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})
            if run.returncode:
                raise HostError(f"mkfs.ext4: {run.stdout.strip()}")
            new.rename(image)
            note.write_text(stamp)
        return image


def make(cache, kernel, resources, force_nested=False):
    """The host that this machine allows."""
    if not force_nested and kvm_usable() is None:
        return Direct(cache, resources)
    return Nested(cache, resources, kernel)


class Emulator:
    """An emulator that runs in a host, its guest's serial port on its standard input and output.

    `argv` is the whole command line without the sockets, which are added here."""

    def __init__(self, host, argv, qmp_timeout=30.0):
        self.host = host
        self.qmp_path = host.new_path("qmp.sock")
        self.argv = [*argv, "-serial", "stdio", "-monitor", "none", "-display", "none",
                     "-qmp", f"unix:{self.qmp_path},server=on,wait=off"]
        self.started = time.monotonic()
        self.process = host.spawn(self.argv)
        self.serial = self.process.channel
        self.qmp = None
        try:
            self.qmp = self._connect(qmp_timeout)
        except BaseException:
            self.close()
            raise

    def _connect(self, timeout):
        deadline = time.monotonic() + timeout
        while True:
            try:
                return qmp.QMP(self.host.connect(self.qmp_path, 0.0), timeout)
            except (TimeoutError, EOFError) as error:
                if self.process.returncode is not None:
                    raise HostError(f"{self.argv[0]} ended with {self.process.returncode}: "
                                    f"{self.process.stderr.strip()}") from None
                if time.monotonic() > deadline:
                    raise HostError(f"no QMP greeting within {timeout} s ({error}); stderr: "
                                    f"{self.process.stderr.strip()}") from None
                time.sleep(0.02)

    def held_bytes(self, size):
        """Bytes that the host holds for the memfd of that size: what its blocks take up."""
        output = self.host.check(
            f"for f in /proc/{self.process.pid}/fd/*; do case $(readlink $f) in "
            "/memfd:*) stat -L -c '%s %b' $f;; esac; done")
        found = {tuple(map(int, line.split())) for line in output.splitlines()}
        blocks = [b for s, b in found if s == size]
        if len(blocks) != 1:
            raise HostError(f"expected one memfd of {size} bytes, found (size, blocks): {found}")
        return blocks[0] * 512

    def mapping_kb(self, size, fields=("Rss", "Private_Dirty", "AnonHugePages")):
        """Fields of smaps, in KiB, summed over the mappings of exactly `size` bytes."""
        text = self.host.check(f"cat /proc/{self.process.pid}/smaps")
        sums, counted = dict.fromkeys(fields, 0), False
        for line in text.splitlines():
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
            if found:
                counted = int(found.group(2), 16) - int(found.group(1), 16) == size
            elif counted and line.split(":")[0] in sums:
                sums[line.split(":")[0]] += int(line.split()[1])
        return sums

    def describe(self):
        return " ".join(shlex.quote(a) for a in self.argv)

    def close(self):
        if self.qmp:
            self.qmp.close()
        self.process.close()
        if not self.host.agent.dead:
            self.host.shell(f"rm -f {self.qmp_path}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
