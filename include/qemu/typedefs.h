/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forward names of the types that headers of several folders mention, so that a header need not
 * include another one just to spell a pointer. The structures are defined by their owners.
 */
#ifndef QEMU_TYPEDEFS_H
#define QEMU_TYPEDEFS_H

typedef uint64_t hwaddr;      /* guest physical address, or offset within a region */
typedef uint64_t ram_addr_t;  /* offset in a RAM block */

typedef struct AccelClass AccelClass;
typedef struct AccelState AccelState;
typedef struct AddressSpace AddressSpace;
typedef struct BusClass BusClass;
typedef struct BusState BusState;
typedef struct Chardev Chardev;
typedef struct CPUState CPUState;
typedef struct DeviceClass DeviceClass;
typedef struct DeviceState DeviceState;
typedef struct Error Error;
typedef struct EventNotifier EventNotifier;
typedef struct FlatView FlatView;
typedef struct HostMemoryBackend HostMemoryBackend;
typedef struct HotplugHandler HotplugHandler;
typedef struct InterfaceClass InterfaceClass;
typedef struct IRQState *qemu_irq;
typedef struct ISABus ISABus;
typedef struct ISADevice ISADevice;
typedef struct MachineClass MachineClass;
typedef struct MachineState MachineState;
typedef struct MemoryDeviceState MemoryDeviceState;
typedef struct MemoryListener MemoryListener;
typedef struct MemoryRegion MemoryRegion;
typedef struct MemoryRegionOps MemoryRegionOps;
typedef struct MemoryRegionSection MemoryRegionSection;
typedef struct Object Object;
typedef struct ObjectClass ObjectClass;
typedef struct PCIBus PCIBus;
typedef struct PCIDevice PCIDevice;
typedef struct Property Property;
typedef struct QEMUTimer QEMUTimer;
typedef struct RAMBlock RAMBlock;
typedef struct RamDiscardListener RamDiscardListener;
typedef struct RamDiscardManager RamDiscardManager;
typedef struct ResettableState ResettableState;
typedef struct VirtIODevice VirtIODevice;
typedef struct VirtQueue VirtQueue;
typedef struct VirtQueueElement VirtQueueElement;
typedef struct Visitor Visitor;

#endif /* QEMU_TYPEDEFS_H */
