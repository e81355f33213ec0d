# SPDX-License-Identifier: GPL-2.0-or-later
"""The differences from stock that are allowed: where, in what, and why. This list is closed: what is not in
it fails, and an entry that no longer occurs fails too.

A reason is one of four kinds. PLATFORM quotes docs/system/platform.rst, the closed list of what is
left out; NEWER is what QEMU does after 7.2; BEYOND is what only this emulator does; DEFECT is what stock
7.2 gets wrong. All but the first stand, word for word, in docs/devel/differential.rst (documented.py
looks)."""

import re

PLATFORM, NEWER, BEYOND, DEFECT = ("platform", "newer than 7.2", "beyond stock",
                                   "defect of stock 7.2")

REASONS = {
    # left out
    "suspend": (PLATFORM, "Hence no suspend to RAM."),
    "boot": (PLATFORM, "A guest is booted with ``-kernel``"),
    "disks": (PLATFORM, "HPET, IDE and AHCI functions, VGA, USB, floppy, parallel ports."),
    "smbus": (PLATFORM, "SMBus (the registers of PIIX4 are there, nothing is behind them), SMBIOS"),
    "cpu-models": (PLATFORM, "CPU models other than ``qemu64``, ``host``, ``max`` and ``base``"),
    "cpus": (PLATFORM, "CPUs that come and go, and more than 255 of them"),
    "machines": (PLATFORM, "Other machines, and versions before 5.1"),
    "machine-options": (PLATFORM, "Machine properties about firmware"),
    "memory-devices": (PLATFORM, "Memory devices other than virtio-mem"),
    "objects": (PLATFORM, "Objects other than memory backends"),
    "targets": (PLATFORM, "Targets other than x86_64"),
    "root-ports": (PLATFORM, "Properties of PCI Express root ports about their link"),
    "old-virtio": (PLATFORM, "Legacy and transitional virtio"),
    "hmat": (PLATFORM, "The table of memory attributes (HMAT)"),
    "iommu": (PLATFORM, "An IOMMU and what needs one"),
    "pci-options": (PLATFORM, "PCI option ROMs, failover, AER"),
    "thread-context": (PLATFORM, "Thread contexts for preallocation"),
    "tree": (PLATFORM, "Names in the object tree that nobody sets"),
    # came later
    "versions": (NEWER, "Machine versions up to 10.2 exist, pc and q35 are the newest, and those up "
                        "to 8.0 are deprecated."),
    "audio": (NEWER, "-audio none needs no model of a sound device, and -audiodev no id."),
    "run-with": (NEWER, "-run-with exists."),
    "smp-zero": (NEWER, "A CPU topology with a parameter below one is an error."),
    "properties": (NEWER, "virtio-mem-pci has vectors (MSI-X), dynamic-memslots and "
                          "x-early-migration, and unplugged-inaccessible is on by default."),
    "qtest-accel": (NEWER, "The accelerator qtest is built in, which Debian's build leaves out."),
    "commands": (NEWER, "qom-list-get and query-accelerators came with 10.1 and 10.2."),
    "machine-parameters": (NEWER, "query-command-line-options tells all properties of machines."),
    # only here
    "plan": (BEYOND, "x-unplugged-inaccessible-required prepares what a machine version to come "
                     "will refuse."),
    "report": (BEYOND, "x-report and x-query-virtio-mem tell why a resize stopped."),
    "avx": (BEYOND, "A feature of -cpu that needs another, as AVX needs XSAVE, is left out with a "
                    "warning."),
    "shortage": (BEYOND, "The machine stops and tells when the host has no page left for a backend."),
    # stock's defects
    "truncates": (DEFECT, "The number of CPUs is cut to 32 bits."),
    "swallows": (DEFECT, "A value that is of the wrong type, or of no use without another option, "
                         "is ignored without a word."),
    "crashes": (DEFECT, "The program crashes or aborts on what the user gave."),
    "help-succeeds": (DEFECT, "Help about something that does not exist succeeds, and help=on or an "
                              "empty name is taken for a request for help."),
    "texts": (DEFECT, "A description or message does not say what it is about."),
    "empty-id": (DEFECT, "An empty id is taken for the container of all devices."),
    "requested": (DEFECT, "requested-size may exceed the size of the backend."),
}


class Entry:
    """In cells whose name matches `cells`, differences in aspects that match `aspects`; * stands for
    anything, all else for itself."""

    def __init__(self, cells, aspects, reason):
        assert reason in REASONS, reason
        self.cells, self.aspects, self.reason = cells, aspects, reason
        self.patterns = [re.compile(re.escape(text).replace(r"\*", ".*") + r"\Z", re.DOTALL)
                         for text in (cells, aspects)]

    def matches(self, name, aspect):
        return self.patterns[0].match(name) and self.patterns[1].match(aspect)

    def __str__(self):
        return f"{self.cells} {self.aspects}: {self.reason}"


# machine properties about parts that are there for good, or not at all
PARTS = ("acpi", "hpet", "i8042", "nvdimm", "pic", "pit", "sata", "smbus", "smm", "vmport")

ENTRIES = [Entry(*entry) for entry in (
    ("option/-smp/out of range/-smp 0", "outcome", "smp-zero"),
    ("option/-smp/out of range/-smp -1", "message", "smp-zero"),
    ("option/-smp/out of range/-smp 1,cores=0", "outcome", "smp-zero"),
    ("option/-smp/out of range/-smp 4294967297", "outcome", "truncates"),
    ("machine property/smp/out of range/smp.cpus=-1", "message", "smp-zero"),
    ("option/-kernel/wrong type/-kernel f", "outcome", "boot"),
    *((f"option/-cpu/{cell}", "warning", "avx") for cell in (
        "valid/-cpu qemu64,+avx", "conflicting/-cpu qemu64,avx=off,+avx")),
    ("option/disk image/*", "outcome", "disks"),
    ("option/disk image/*", "message", "disks"),
    ("machine name/-machine/wrong type/-machine ''", "view qom-get /machine type", "versions"),
    ("machine name/-accel/wrong type/-machine none -accel ''", "outcome", "help-succeeds"),
    ("help/-machine*", "help pc*", "versions"),
    ("help/-machine*", "help q35*", "versions"),
    ("help/-machine NAME,help/valid/*", "help   memory-backend=*", "texts"),
    ("help/-machine NAME,help/valid/*", "help   usb=*", "disks"),
    *(("help/-machine NAME,help/valid/*", f"help   {name}=*", "machine-options")
      for name in PARTS),
    *(("list/qom-list-properties pc-q35-7.2-machine", f"description of {name}", "machine-options")
      for name in PARTS),
    ("help/-machine NAME,help/wrong type/-machine foo,help", "outcome", "help-succeeds"),
    ("help/-device/valid/-device virtio-mem-pci*", "help   *", "properties"),
    ("help/-device/wrong type/*", "outcome", "help-succeeds"),
    ("help/-object/wrong type/*", "outcome", "help-succeeds"),
    ("help/-cpu/valid/*", "help *", "cpu-models"),
    ("help/-accel/valid/-accel help", "help qtest", "qtest-accel"),
    ("device option/-chardev/conflicting/-chardev null,id=a,path=f", "outcome", "swallows"),
    ("device option/-serial/out of range/*", "outcome", "swallows"),
    ("device option/-serial/duplicate/-chardev null,id=a*", "outcome", "crashes"),
    ("device option/-qmp/conflicting/-chardev null,id=a*", "outcome", "crashes"),
    ('memory-backend-ram/size/json/"size":-1', "outcome", "crashes"),
    ("memory-backend-memfd/hugetlbsize/*/*hugetlbsize=2M", "outcome", "swallows"),
    ("memory-backend-file/readonly/conflicting/readonly=on,prealloc=on", "outcome", "crashes"),
    ("virtio-mem-pci/requested-size/out of range/memdev=m0,requested-size=2G", "warning",
     "requested"),
    ('virtio-mem-pci/bus/json/"memdev":"m0","bus":5', "outcome", "swallows"),
    ("virtio-mem-pci/nosuch/conflicting/memdev=m0,realized=on", "outcome", "crashes"),
    ("machine property/memory-backend/wrong type/memory-backend=", "outcome", "swallows"),
    ("version/pc-i440fx-*", "only stock 01.1", "disks"),
    ("version/pc-q35-*", "only stock 1f.2", "disks"),
    ("version/pc-q35-*", "only stock 1f.3", "smbus"),
    ("version/*/CPU", "hotpluggable", "cpus"),
    ("global/*-global virtio-mem-pci.addr=*", "outcome", "crashes"),
    ("qmp/queries/* query-current-machine", "answer", "suspend"),
    ("list/query-cpu-definitions", "only stock *", "cpu-models"),
    ("list/query-cpu-definitions", "alias-of of qemu64", "cpu-models"),
    ("list/query-pci", "only stock 1f.2", "disks"),
    ("list/query-pci", "only stock 1f.3", "smbus"),
    ("list/query-command-line-options", "only ours machine.*", "machine-parameters"),
    ("schema/commands", "only ours qom-list-get", "commands"),
    ("schema/commands", "only ours query-accelerators", "commands"),
    *(("schema/" + command, "only stock *", "disks") for command in
      ("query-block", "query-named-block-nodes", "query-blockstats")),
    ("list/query-machines", "hotpluggable-cpus of *", "cpus"),
    ("list/query-machines", "cpu-max of pc-q35-*", "cpus"),
    ("list/query-machines", "deprecated of *", "versions"),
    ("list/query-machines", "alias of *-7.2", "versions"),
    ("list/query-machines", "is-default of pc-i440fx-7.2", "versions"),
    ("list/query-machines", "only ours pc-*", "versions"),
    *(("list/query-machines", f"only stock {name}", "machines") for name in
      ("pc-i440fx-1.*", "pc-i440fx-2.*", "pc-i440fx-3.*", "pc-i440fx-4.*", "pc-i440fx-5.0",
       "pc-q35-2.*", "pc-q35-3.*", "pc-q35-4.*", "pc-q35-5.0", "isapc", "microvm", "x-remote")),
    *(("list/qom-list-properties pc-q35-7.2-machine", f"only stock {name}", "machine-options")
      for name in (
          "boot", "bus-lock-ratelimit", "confidential-guest-support", "cxl", "cxl-fmw",
          "default-bus-bypass-iommu", "device-memory-region-size", "dt-compatible", "dtb",
          "dumpdtb", "firmware", "graphics", "hmat", "max-fw-size",
          "max-ram-below-4g", "memory-encryption", "nvdimm-persistence",
          "pcspk-audiodev", "pflash0", "pflash1", "phandle-start", "sgx-epc",
          "smbios-entry-point-type", "suppress-vmdesc", "system.flash0",
          "system.flash1", "x-oem-id", "x-oem-table-id")),
    ("list/qom-list-properties pc-q35-7.2-machine", "only ours unattached", "tree"),
    ("list/qom-list-properties pc-q35-7.2-machine", "description of memory-backend", "texts"),
    ("list/qom-list-properties pc-q35-7.2-machine", "description of usb", "disks"),
    ("list/qom-list /", "only stock chardevs", "tree"),
    ("list/qom-list /machine/peripheral/vm0", "only stock virtio-pci-notify-pio-*", "old-virtio"),
    *(("list/*", f"only ours {name}", "properties")
      for name in ("vectors", "dynamic-memslots", "x-early-migration")),
    ("list/*", "only ours x-unplugged-inaccessible-required", "plan"),
    ("list/*", "only ours x-report", "report"),
    ("schema/commands", "only ours x-query-virtio-mem", "report"),
    ("list/device-list-properties virtio-mem*", "default-value of unplugged-inaccessible",
     "properties"),
    *(("list/*", f"only stock {name}", "old-virtio") for name in (
        "any_layout", "notify_on_empty", "modern-pio-notify",
        "migrate-extra", "virtio-pci-bus-master-bug-migration", "legacy-addr", "legacy-memdev",
        "use-disabled-flag", "use-started", "x-disable-legacy-check", "x-ignore-backend-features",
        "x-disable-pcie", "x-pcie-*-init", "x-pcie-lnksta-dllla")),
    *(("list/*", f"only stock {name}", "pci-options") for name in (
        "rombar", "romfile", "romsize", "failover_pair_id", "aer", "acpi-index")),
    *(("list/*", f"only stock {name}", "iommu") for name in (
        "ats", "x-ats-page-aligned")),
    ("virtio-mem-pci/disable-*/out of range/*", "outcome", "swallows"),
    ("list/*", "only stock prealloc-context", "thread-context"),
    *(("list/device-list-properties pcie-root-port", f"only stock {name}", "root-ports")
      for name in ("aer_log_max", "*-reserve", "disable-acs", "power_controller_present",
                   "x-migrate-msix", "x-speed", "x-width")),
    ("qmp/device_add/* device_del {\"id\": \"\"}", "class", "empty-id"),
    ("schema/object-add", "only stock prealloc-context", "thread-context"),
    ("schema/object-add", "only stock *", "objects"),
    ("schema/set-numa-node", "only stock cluster-id", "targets"),
    *(("schema/set-numa-node", f"only stock {name}", "hmat")
      for name in ("hmat-cache", "hmat-lb", "initiator")),
    ("option/-audio/valid/*", "outcome", "audio"),
    ("option/-run-with/*", "outcome", "run-with"),
    ("list/query-command-line-options", "only ours run-with.*", "run-with"),
    ("schema/query-status", "only ours memory-shortage", "shortage"),
    ("schema/events", "only ours MEMORY_BACKEND_EXHAUSTED", "shortage"),
    ("schema/query-cpus-fast", "only stock *", "targets"),
    ("schema/query-hotpluggable-cpus", "only stock cluster-id", "targets"),
    *(("schema/query-memory-devices", f"only stock {name}", "memory-devices")
      for name in ("dimm", "nvdimm", "sgx-epc", "virtio-pmem")),
)]


def find(name, aspect):
    """The entry that allows this difference, or None."""
    return next((entry for entry in ENTRIES if entry.matches(name, aspect)), None)
