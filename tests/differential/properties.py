# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix of properties: of each memory backend, of virtio-mem-pci and of machines. Every property
that qom-list-properties lists for the type and that can be set has a row (test_coverage)."""

from differential.cells import Row, Topic
from differential.options import NONE, Q35

ON_OFF = {"wrong_type": ["{p}=maybe", "{p}=1", "{p}="], "valid": ["{p}=on", "{p}=off"],
          "duplicate": ["{p}=on,{p}=off"]}


def switch(name, json=None, **more):
    """The row of a bool: on, off, neither, both; plus `more`."""
    kinds = {kind: [text.replace("{p}", name) for text in texts] for kind, texts in ON_OFF.items()}
    for kind, texts in more.items():
        kinds[kind] = kinds.get(kind, []) + texts
    if json is None:
        json = [f'"{name}":true', f'"{name}":"on"', f'"{name}":1']
    return Row(name, json=json, **kinds)


def common(before):
    """Rows of what all memory backends have; `before` is what they need besides."""
    return [
        Row("size",
            valid=["size=4M", "size=4194304", "size=0x400000", "size=4096k", "size=0.5G"],
            wrong_type=["size=x", "size=", "size=4Q", "size=1M1"],
            out_of_range=["size=0", "size=-1", "size=16E", "size=4097", "size=1"],
            duplicate=["size=8M,size=4M", "size=0,size=4M"],
            json=['"size":4194304', '"size":"4M"', '"size":-1', '"size":1.5', '"size":null']),
        switch("share", conflicting=["share=on,reserve=off", "share=off,reserve=off"]),
        switch("prealloc", conflicting=["prealloc=on,reserve=off", "reserve=off,prealloc=on",
                                        "prealloc=on,prealloc-threads=2",
                                        "reserve=off,prealloc=off"]),
        switch("reserve", json=['"reserve":false', '"reserve":"on"', '"reserve":0']),
        switch("merge", conflicting=["merge=on,share=on"]),
        switch("dump", conflicting=["dump=off,share=on"]),
        switch("x-use-canonical-path-for-ramblock-id"),
        Row("prealloc-threads",
            valid=["prealloc-threads=1", "prealloc-threads=4", "prealloc-threads=0x2"],
            wrong_type=["prealloc-threads=x", "prealloc-threads="],
            out_of_range=["prealloc-threads=0", "prealloc-threads=-1",
                          "prealloc-threads=4294967296"],
            duplicate=["prealloc-threads=2,prealloc-threads=3"],
            json=['"prealloc-threads":2', '"prealloc-threads":"2"', '"prealloc-threads":-1']),
        Row("policy",
            valid=["policy=default", "policy=bind,host-nodes=0", "policy=preferred,host-nodes=0",
                   "policy=interleave,host-nodes=0"],
            wrong_type=["policy=foo", "policy=", "policy=0"],
            out_of_range=["policy=bind,host-nodes=100", "policy=bind,host-nodes=128"],
            duplicate=["policy=bind,policy=default"],
            conflicting=["policy=bind", "host-nodes=0", "policy=default,host-nodes=0"],
            json=['"policy":"default"', '"policy":"bind","host-nodes":[0]', '"policy":1',
                  '"policy":"Bind"']),
        Row("host-nodes",
            valid=["host-nodes=0-0,policy=bind", "host-nodes.0=0,policy=bind"],
            wrong_type=["host-nodes=x,policy=bind", "host-nodes=,policy=bind",
                        "host-nodes=1-,policy=bind", "host-nodes.x=0,policy=bind"],
            out_of_range=["host-nodes=200,policy=bind", "host-nodes=-1,policy=bind",
                          "host-nodes=1-0,policy=bind", "host-nodes.1=0,policy=bind",
                          "host-nodes=65536,policy=bind"],
            duplicate=["host-nodes=5,host-nodes=0,policy=bind",
                       "host-nodes.0=0,host-nodes.1=0,policy=bind"],
            json=['"host-nodes":[0],"policy":"bind"', '"host-nodes":0,"policy":"bind"',
                  '"host-nodes":[],"policy":"bind"', '"host-nodes":["0"],"policy":"bind"',
                  '"host-nodes":[128],"policy":"bind"']),
        Row("id", wrong_type=["id=", "id=9", "id=a/b", "id=a b"], duplicate=["id=a,id=b"]),
        Row("nosuch", wrong_type=["nosuch=1", "nosuch", "=1", "a.b=1"],
            json=['"nosuch":1', '"":1']),
    ]


def backend_views(rows):
    names = [row.name for row in rows if row.name not in ("id", "nosuch")]
    return [("qom-get", {"path": "/objects/a", "property": name}) for name in names]


RAM = common("")
MEMFD = common("") + [
    switch("hugetlb", valid=["hugetlb=off,hugetlbsize=0"]),
    Row("hugetlbsize",
        valid=["hugetlbsize=0", "hugetlb=off,hugetlbsize=2M"],
        wrong_type=["hugetlb=on,hugetlbsize=x", "hugetlb=on,hugetlbsize="],
        out_of_range=["hugetlb=on,hugetlbsize=3M", "hugetlb=on,hugetlbsize=0",
                      "hugetlb=on,hugetlbsize=-1", "hugetlb=on,hugetlbsize=4k"],
        conflicting=["hugetlbsize=2M"],
        json=['"hugetlbsize":"2M"', '"hugetlb":true,"hugetlbsize":3145728']),
    switch("seal", conflicting=["seal=on,share=off"]),
]
FILE = common("mem-path=f") + [
    Row("mem-path",
        valid=["mem-path=f", "mem-path=new", "mem-path=d", "mem-path=f,share=on"],
        wrong_type=["mem-path=", "mem-path=f/x"],
        out_of_range=["mem-path=/nonexistent/x", "mem-path=small", "mem-path=/dev/null"],
        duplicate=["mem-path=/nonexistent/x,mem-path=f"],
        json=['"mem-path":"f"', '"mem-path":5']),
    switch("discard-data"),
    Row("align",
        valid=["align=0", "align=2M", "align=4k"],
        wrong_type=["align=x", "align="],
        out_of_range=["align=3M", "align=1", "align=16E", "align=-1"],
        duplicate=["align=3M,align=2M"],
        json=['"align":2097152', '"align":"2M"', '"align":3']),
    Row("pmem", valid=["pmem=off"], wrong_type=["pmem=maybe"], json=['"pmem":false', '"pmem":1']),
    switch("readonly", conflicting=["readonly=on,share=on", "readonly=on,prealloc=on",
                                    "readonly=on,share=off"]),
]

# Rows of what is no plain property of the object: made with the machine, not set on it.
MEM = [
    Row("size", wrong_type=["size=1G"], json=['"size":1']),
    Row("memdev",
        valid=["memdev=m0", "memdev=/objects/m0"],
        wrong_type=["memdev=nosuch", "memdev=", "memdev=/machine", "memdev=vm9"],
        out_of_range=["memdev=used", "memdev=small"],
        duplicate=["memdev=nosuch,memdev=m0", "memdev=used,memdev=m0"],
        conflicting=["memdev=big"],
        json=['"memdev":"m0"', '"memdev":5', '"memdev":null', '"memdev":""']),
    Row("requested-size",
        valid=["memdev=m0,requested-size=0", "memdev=m0,requested-size=64M",
               "memdev=m0,requested-size=1G", "requested-size=2M,memdev=m0"],
        wrong_type=["memdev=m0,requested-size=x", "memdev=m0,requested-size="],
        out_of_range=["memdev=m0,requested-size=1M", "memdev=m0,requested-size=3M",
                      "memdev=m0,requested-size=2G", "memdev=m0,requested-size=-1",
                      "memdev=m0,requested-size=16E"],
        duplicate=["memdev=m0,requested-size=3M,requested-size=64M"],
        json=['"memdev":"m0","requested-size":67108864', '"memdev":"m0","requested-size":"64M"',
              '"memdev":"m0","requested-size":1', '"memdev":"m0","requested-size":true',
              '"memdev":"m0","requested-size":-1']),
    Row("block-size",
        valid=["memdev=m0,block-size=2M", "memdev=m0,block-size=1G", "block-size=4M,memdev=m0",
               "memdev=m0,block-size=0x800000"],
        wrong_type=["memdev=m0,block-size=x", "memdev=m0,block-size="],
        out_of_range=["memdev=m0,block-size=3M", "memdev=m0,block-size=4k",
                      "memdev=m0,block-size=1M", "memdev=m0,block-size=0",
                      "memdev=m0,block-size=16E"],
        duplicate=["memdev=m0,block-size=3M,block-size=4M"],
        conflicting=["memdev=m0,block-size=128M,requested-size=64M", "memdev=m0,block-size=2G",
                     "memdev=m0,requested-size=64M,block-size=64M",
                     "memdev=odd,block-size=4M"],
        json=['"memdev":"m0","block-size":4194304', '"memdev":"m0","block-size":"4M"',
              '"memdev":"m0","block-size":3', '"memdev":"m0","block-size":-1']),
    Row("memaddr",
        valid=["memdev=m0,memaddr=0x140000000", "memdev=m0,memaddr=0",
               "memdev=m0,memaddr=6442450944"],
        wrong_type=["memdev=m0,memaddr=x", "memdev=m0,memaddr=", "memdev=m0,memaddr=5G"],
        out_of_range=["memdev=m0,memaddr=0x100000", "memdev=m0,memaddr=0x140000001",
                      "memdev=m0,memaddr=-1", "memdev=m0,memaddr=0x1ffffffff000000",
                      "memdev=m0,memaddr=18446744073709551616"],
        duplicate=["memdev=m0,memaddr=1,memaddr=0x140000000"],
        conflicting=["memdev=m0,memaddr=0x100000000", "memdev=m0,memaddr=0x1e0000000"],
        json=['"memdev":"m0","memaddr":5368709120', '"memdev":"m0","memaddr":"0x140000000"',
              '"memdev":"m0","memaddr":true']),
    Row("node",
        valid=["memdev=m0,node=0"], wrong_type=["memdev=m0,node=x", "memdev=m0,node="],
        out_of_range=["memdev=m0,node=1", "memdev=m0,node=-1", "memdev=m0,node=4294967296"],
        duplicate=["memdev=m0,node=1,node=0"],
        json=['"memdev":"m0","node":0', '"memdev":"m0","node":"0"', '"memdev":"m0","node":1.0']),
    Row("prealloc",
        valid=["memdev=m0,prealloc=on", "memdev=m0,prealloc=off",
               "memdev=m0,prealloc=on,requested-size=4M"],
        wrong_type=["memdev=m0,prealloc=maybe", "memdev=m0,prealloc=1"],
        duplicate=["memdev=m0,prealloc=on,prealloc=off"],
        conflicting=["memdev=unreserved,prealloc=on"],
        json=['"memdev":"m0","prealloc":true', '"memdev":"m0","prealloc":"on"',
              '"memdev":"m0","prealloc":0']),
    Row("unplugged-inaccessible",
        valid=["memdev=m0,unplugged-inaccessible=on", "memdev=m0,unplugged-inaccessible=off",
               "memdev=m0,unplugged-inaccessible=auto", "memdev=fd,unplugged-inaccessible=auto",
               "memdev=fd,unplugged-inaccessible=off"],
        wrong_type=["memdev=m0,unplugged-inaccessible=maybe", "memdev=m0,unplugged-inaccessible=",
                    "memdev=m0,unplugged-inaccessible=1"],
        duplicate=["memdev=m0,unplugged-inaccessible=on,unplugged-inaccessible=off"],
        json=['"memdev":"m0","unplugged-inaccessible":"on"',
              '"memdev":"m0","unplugged-inaccessible":true',
              '"memdev":"m0","unplugged-inaccessible":"On"']),
    Row("addr",
        valid=["memdev=m0,addr=6", "memdev=m0,addr=06.0", "memdev=m0,addr=1e.0", "memdev=m0,addr=-1"],
        wrong_type=["memdev=m0,addr=x", "memdev=m0,addr=", "memdev=m0,addr=1.x",
                    "memdev=m0,addr=6."],
        out_of_range=["memdev=m0,addr=20", "memdev=m0,addr=1.8", "memdev=m0,addr=-2",
                      "memdev=m0,addr=0x99", "memdev=m0,addr=999999999999"],
        duplicate=["memdev=m0,addr=99,addr=6"],
        conflicting=["memdev=m0,addr=2", "memdev=m0,addr=0", "memdev=m0,addr=2.1",
                     "memdev=m0,addr=1f.0", "memdev=m0,addr=7.1"],
        json=['"memdev":"m0","addr":"6"', '"memdev":"m0","addr":48', '"memdev":"m0","addr":"6.0"',
              '"memdev":"m0","addr":6.5', '"memdev":"m0","addr":256']),
    Row("multifunction",
        valid=["memdev=m0,addr=6,multifunction=on", "memdev=m0,multifunction=off"],
        wrong_type=["memdev=m0,multifunction=maybe"],
        conflicting=["memdev=m0,addr=2.1,multifunction=on"],
        json=['"memdev":"m0","multifunction":true', '"memdev":"m0","multifunction":"on"']),
    *[Row(name,
          valid=[f"memdev=m0,{name}=on", f"memdev=m0,{name}=off"],
          wrong_type=[f"memdev=m0,{name}=maybe", f"memdev=m0,{name}=1"],
          duplicate=[f"memdev=m0,{name}=off,{name}=on"],
          json=[f'"memdev":"m0","{name}":false', f'"memdev":"m0","{name}":"on"',
                f'"memdev":"m0","{name}":"maybe"'])
      for name in ("event_idx", "indirect_desc", "queue_reset", "packed", "iommu_platform",
                   "page-per-vq")],
    Row("disable-legacy",
        valid=["memdev=m0,disable-legacy=on", "memdev=m0,disable-legacy=auto"],
        wrong_type=["memdev=m0,disable-legacy=maybe", "memdev=m0,disable-legacy=1"],
        out_of_range=["memdev=m0,disable-legacy=off"],
        duplicate=["memdev=m0,disable-legacy=auto,disable-legacy=on"],
        conflicting=["memdev=m0,disable-legacy=on,disable-modern=on"],
        json=['"memdev":"m0","disable-legacy":"on"', '"memdev":"m0","disable-legacy":true']),
    Row("disable-modern",
        valid=["memdev=m0,disable-modern=off", "memdev=m0,disable-legacy=on,disable-modern=off"],
        wrong_type=["memdev=m0,disable-modern=maybe", "memdev=m0,disable-modern=1"],
        out_of_range=["memdev=m0,disable-modern=on"],
        json=['"memdev":"m0","disable-modern":false', '"memdev":"m0","disable-modern":"off"']),
    Row("bus",
        valid=["memdev=m0,bus=pcie.0"],
        wrong_type=["memdev=m0,bus=nosuch", "memdev=m0,bus=", "memdev=m0,bus=isa.0",
                    "memdev=m0,bus=/machine"],
        duplicate=["memdev=m0,bus=nosuch,bus=pcie.0"],
        json=['"memdev":"m0","bus":"pcie.0"', '"memdev":"m0","bus":5']),
    Row("id",
        valid=["memdev=m0,id=vm1"],
        wrong_type=["memdev=m0,id=9", "memdev=m0,id=", "memdev=m0,id=a/b"],
        duplicate=["memdev=m0,id=a,id=vm0"], conflicting=["memdev=m0,id=there"],
        json=['"memdev":"m0","id":5', '"memdev":"m0","id":"9"']),
    Row("driver", wrong_type=["driver=foo,memdev=m0"], json=['"driver":"foo","memdev":"m0"']),
    Row("nosuch", wrong_type=["memdev=m0,nosuch=1", "memdev=m0,nosuch", "memdev=m0,=1"],
        conflicting=["memdev=m0,realized=on", "memdev=m0,type=foo", "memdev=m0,hotplugged=on",
                     "memdev=m0,virtio-backend=foo", "memdev=m0,parent_bus=foo"],
        json=['"memdev":"m0","nosuch":1', '"memdev":"m0","":1', '"memdev":"m0","a.b":1']),
]

MEM_BASE = Q35 + (
    " -m 512M,maxmem=5G -object memory-backend-ram,id=m0,size=1G"
    " -object memory-backend-ram,id=odd,size=1026M -object memory-backend-ram,id=small,size=1M"
    " -object memory-backend-ram,id=big,size=16G,reserve=off"
    " -object memory-backend-memfd,id=fd,size=1G,share=on"
    " -object memory-backend-ram,id=unreserved,size=256M,reserve=off"
    " -object memory-backend-ram,id=used,size=256M"
    " -device virtio-mem-pci,id=there,memdev=used,addr=2")

MEM_NAMES = ("memdev", "requested-size", "size", "block-size", "memaddr", "node", "prealloc",
             "unplugged-inaccessible", "addr", "multifunction", "event_idx", "indirect_desc",
             "queue_reset", "packed", "iommu_platform", "page-per-vq", "disable-legacy",
             "disable-modern")

# "-machine pc-q35-7.2,{}", with a backend to take memory from.
MACHINE = [
    switch("mem-merge", json=()),
    switch("dump-guest-core", json=()),
    Row("usb", valid=["usb=off"], wrong_type=["usb=maybe"]),
    *(Row(name, valid=[f"{name}=off"], wrong_type=[f"{name}=maybe"])
      for name in ("hpet", "nvdimm", "sata", "smbus", "smm", "vmport")),
    *(Row(name, valid=[f"{name}=on"], wrong_type=[f"{name}=maybe"])
      for name in ("acpi", "i8042", "pic", "pit")),
    Row("memory-backend",
        valid=["memory-backend=b", "memory-backend=/objects/b"],
        wrong_type=["memory-backend=nosuch", "memory-backend=", "memory-backend=/machine"],
        duplicate=["memory-backend=nosuch,memory-backend=b", "memory-backend=b,memory-backend=b"]),
    Row("smp",
        valid=["smp.cpus=2", "smp.cpus=4,smp.cores=2,smp.sockets=2"],
        wrong_type=["smp.cpus=x", "smp=2", "smp.foo=1"],
        out_of_range=["smp.cpus=-1", "smp.cpus=100000"],
        duplicate=["smp.cpus=2,smp.cpus=3"],
        conflicting=["smp.cpus=4,smp.maxcpus=2", "smp=1,smp.cpus=2"]),
    Row("memory",
        valid=["memory.size=256M", "memory.size=1G,memory.max-size=2G,memory.slots=2"],
        wrong_type=["memory.size=x", "memory=1G", "memory.foo=1"],
        out_of_range=["memory.size=16E", "memory.size=1G,memory.max-size=2G,memory.slots=257"],
        duplicate=["memory.size=1G,memory.size=2G"],
        conflicting=["memory.size=1G,memory.max-size=512M", "memory.size=1G,memory.slots=1"]),
    Row("kernel", wrong_type=["kernel=/nonexistent/a"]),
    Row("initrd", conflicting=["initrd=f"]),
    Row("append", conflicting=["append=x"]),
    Row("accel", wrong_type=["accel=foo"]),
    Row("nosuch", wrong_type=["nosuch=1", "nosuch", "=1"], conflicting=["type.x=1"]),
]

SIZED = " -m 256M -object memory-backend-ram,id=b,size=256M"


def backend(kind, rows, extra):
    line = f"-object '{kind},id=a,{extra}{{}}'"
    return Topic(kind, rows, NONE, template=line, views=backend_views(rows),
                 json_template=f"-object '{{\"qom-type\":\"{kind}\",\"id\":\"a\","
                               f"{json_members(extra)}{{}}}}'",
                 files={"f": 4 << 20, "d": None, "small": 4096})


def json_members(extra):
    pairs = [part.split("=") for part in extra.split(",") if part]
    return "".join(f'"{k}":4194304,' if k == "size" else f'"{k}":"{v}",' for k, v in pairs)


def split_size(kind, rows, extra=""):
    """The row of `size` gives it, all others have it given."""
    sized = [row for row in rows if row.name == "size"]
    others = [row for row in rows if row.name != "size"]
    given = [row for row in others if row.name == "mem-path"]
    others = [row for row in others if row.name != "mem-path"]
    topics = [backend(kind, sized, extra), backend(kind, others, extra + "size=4M,")]
    if given:
        topics.append(backend(kind, given, "size=4M,"))
    for topic in topics:
        topic.views = backend_views(rows)
    return topics


TOPICS = [
    *split_size("memory-backend-ram", RAM),
    *split_size("memory-backend-memfd", MEMFD),
    *split_size("memory-backend-file", FILE, "mem-path=f,"),
    Topic("virtio-mem-pci", MEM, MEM_BASE, template="-device 'virtio-mem-pci,id=vm0,{}'",
          json_template="-device '{\"driver\":\"virtio-mem-pci\",\"id\":\"vm0\",{}}'",
          views=[("qom-get", {"path": "/machine/peripheral/vm0", "property": name})
                 for name in MEM_NAMES] + [("query-memory-devices", {})]),
    Topic("machine property", MACHINE, "-nodefaults -display none -S" + SIZED,
          template="-machine 'pc-q35-7.2,{}'", files={"f": 4096},
          views=[("qom-get", {"path": "/machine", "property": name})
                 for name in ("mem-merge", "dump-guest-core", "usb", "memory-backend", "smp",
                              "memory", "kernel", "initrd", "append")]),
]
