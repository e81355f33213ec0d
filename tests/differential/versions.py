# SPDX-License-Identifier: GPL-2.0-or-later
"""What each machine version that both have shows: PCI configuration space of every function and the virtio
registers at reset, the CPU's properties, the layout of memory, the topology of CPUs."""

import json

from differential.pair import Pair

VERSIONS = [f"{family}-{version}" for family in ("pc-i440fx", "pc-q35")
            for version in ("5.1", "5.2", "6.0", "6.1", "6.2", "7.0", "7.1", "7.2")]
DEVICES = ("-m 512M,maxmem=4G -smp 4 -object memory-backend-ram,id=m0,size=1G"
           " -object memory-backend-memfd,id=m1,size=1G"
           " -device virtio-mem-pci,id=vm0,memdev=m0,requested-size=64M,addr=5"
           " -device virtio-mem-pci,id=vm1,memdev=m1,addr=6.0,multifunction=on")
# On q35 besides: a root port, and a device behind it, which then is a PCI Express endpoint.
ROOT_PORT = (" -object memory-backend-ram,id=m2,size=1G -device pcie-root-port,id=rp,addr=7,chassis=1"
             " -device virtio-mem-pci,id=vm2,memdev=m2,bus=rp")
ECAM = 0xb0000000
MCH, PORT, BEHIND_PORT = 0, 7 << 3, 1 << 8
BAR = 0xfe000000            # where a test puts BAR 4: below the I/O APIC, where nothing else is
BAR_REGIONS = {"common": range(0, 0x40, 4), "isr": range(0x1000, 0x1004, 4),
               "device": range(0x2000, 0x2038, 4)}
CPU = "/machine/unattached/device[0]"
# Memory and CPUs of a version: as they are, and where addresses reach 1 TiB.
LAYOUTS = {
    "default": "",
    "1 TiB with AMD": "-m 6G,maxmem=2T -cpu qemu64,phys-bits=46",
    "1 TiB with Intel": "-m 6G,maxmem=2T -cpu qemu64,phys-bits=46,vendor=GenuineIntel",
    "just below 1 TiB": "-m 1G,maxmem=977G",
    "above 3 GiB": "-m 3585M,maxmem=8G,slots=1",
}
LAYOUT_DEVICE = (" -object memory-backend-ram,id=m0,size=1G,reserve=off"
                 " -device virtio-mem-pci,id=vm0,memdev=m0")


def values(answers):
    return [int(answer.split()[1], 16) for answer in answers]


def config_read(pair, function, offset):
    pair.qtest(f"outl 0xcf8 {0x80000000 | function << 8 | offset:#x}")
    return values(pair.qtest("inl 0xcfc"))


def config_write(pair, function, offset, value):
    pair.qtest(f"outl 0xcf8 {0x80000000 | function << 8 | offset:#x}")
    pair.qtest(f"outl 0xcfc {value:#x}")


def name_of(function):
    bus = f"{function >> 8:02x}:" if function >> 8 else ""
    return f"{bus}{function >> 3 & 31:02x}.{function & 7}"


def functions(pair):
    """All of bus 0, by which have them: [ours, stock's]."""
    for function in range(256):
        present = [value != 0xffffffff for value in config_read(pair, function, 0)]
        if any(present):
            yield function, present


def compare_config(pair):
    found = []
    for function, present in functions(pair):
        if not all(present):
            found.append((f"only {'ours' if present[0] else 'stock'} {name_of(function)}", ""))
            continue
        for offset in range(0, 256, 4):
            ours, stock = config_read(pair, function, offset)
            if ours != stock:
                found.append((f"config {name_of(function)}", f"at {offset:#x}: ours {ours:#010x}, "
                                                             f"stock {stock:#010x}"))
    return found


def compare_extended(pair):
    """All 4096 bytes of each function of q35 that both have, and of the device behind the port."""
    present = [function for function, both in functions(pair) if all(both)]
    config_write(pair, MCH, 0x64, 0)
    config_write(pair, MCH, 0x60, ECAM | 1)
    config_write(pair, PORT, 0x18, 0x010100)
    found = []
    for function in present + [BEHIND_PORT]:
        for offset in range(0, 4096, 4):
            if function in (MCH, PORT) and offset in (0x18, 0x60):
                continue
            ours, stock = values(pair.qtest(f"readl {ECAM + (function << 12) + offset:#x}"))
            if ours != stock:
                found.append((f"config {name_of(function)}", f"at {offset:#x}: ours {ours:#010x}, "
                                                             f"stock {stock:#010x}"))
    return found


def compare_registers(pair, function):
    """BAR 4 of a virtio-mem-pci, whose registers all have their values of reset."""
    config_write(pair, function, 0x20, BAR)
    config_write(pair, function, 0x24, 0)
    config_write(pair, function, 4, 2)
    found = []
    for select in (0, 1, 2):
        pair.qtest(f"writel {BAR:#x} {select}")
        features = values(pair.qtest(f"readl {BAR + 4:#x}"))
        if features[0] != features[1]:
            found.append((f"features {select}", "ours {:#x}, stock {:#x}".format(*features)))
    pair.qtest(f"writel {BAR:#x} 0")
    for region, offsets in BAR_REGIONS.items():
        for offset in offsets:
            ours, stock = values(pair.qtest(f"readl {BAR + offset:#x}"))
            if ours != stock:
                found.append((f"{region}", f"at {offset:#x}: ours {ours:#x}, stock {stock:#x}"))
    return found


def read_properties(monitor, path):
    listed = monitor.cmd("qom-list", path=path)
    names = [p["name"] for p in listed if not p["type"].startswith(("child<", "link<"))]
    return {name: monitor.ask("qom-get", path=path, property=name) for name in names}


def compare_properties(pair, path):
    """All properties that both have."""
    ours, stock = [read_properties(monitor, path) for monitor in pair.monitors]
    return [(name, f"ours {json.dumps(ours[name])}, stock {json.dumps(stock[name])}")
            for name in sorted(set(ours) & set(stock)) if ours[name] != stock[name]]


def compare_answers(pair, *requests):
    found = []
    for command, arguments in requests:
        ours, stock = pair.ask(command, **arguments)
        if ours != stock:
            found.append((command, f"ours {json.dumps(ours)}\nstock {json.dumps(stock)}"))
    return found


def results_of(version):
    q35 = version.startswith("pc-q35")
    line = DEVICES + ROOT_PORT if q35 else DEVICES
    with Pair(["-machine", version, *line.split()], qtest=True) as pair:
        yield f"version/{version}/PCI configuration at reset", compare_config(pair)
        for i, function in ((0, 5 << 3), (1, 6 << 3)):
            yield f"version/{version}/virtio registers {i}", compare_registers(pair, function)
            yield (f"version/{version}/properties vm{i}",
                   compare_properties(pair, f"/machine/peripheral/vm{i}"))
        if q35:
            yield f"version/{version}/extended PCI configuration", compare_extended(pair)
            yield (f"version/{version}/properties rp",
                   compare_properties(pair, "/machine/peripheral/rp"))
        yield f"version/{version}/CPU", compare_properties(pair, CPU)
        yield (f"version/{version}/topology",
               compare_answers(pair, ("qom-get", {"path": "/machine", "property": "smp"})))


def layout_results(version):
    for name, line in LAYOUTS.items():
        device = LAYOUT_DEVICE if line else ""
        with Pair(["-machine", version, *(line + device).split()]) as pair:
            yield (f"version/{version}/layout {name}",
                   compare_answers(pair, ("query-memory-devices", {}),
                                   ("query-memory-size-summary", {})))


def results(wanted, version):
    if wanted(f"version/{version}/"):
        yield from results_of(version)
        yield from layout_results(version)
