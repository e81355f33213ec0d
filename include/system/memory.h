/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory: a tree of MemoryRegions, rendered per AddressSpace to a FlatView, a sorted array
 * of ranges that do not overlap. Changes of the tree are made under the big lock and take effect
 * at the end of the outermost transaction, when listeners are told the difference of the views.
 * Accesses may come from any thread at any time: they hold a reference of the view they began
 * with, and with it of the owners of all regions in it. RAM is copied without a lock; device
 * registers are accessed under the big lock, which is taken where the caller has not got it.
 */
#ifndef SYSTEM_MEMORY_H
#define SYSTEM_MEMORY_H

#include "exec/memattrs.h"
#include "qemu/int128.h"
#include "qemu/log-limit.h"
#include "qemu/queue.h"
#include "qemu/thread.h"
#include "qom/object.h"

#define TYPE_MEMORY_REGION "memory-region"
DECLARE_INSTANCE_CHECKER(MemoryRegion, MEMORY_REGION, TYPE_MEMORY_REGION)

#define RAM_ADDR_INVALID (~(ram_addr_t)0)
#define RAM_ADDR_FMT "%" PRIx64
#define HWADDR_PRIx PRIx64
#define HWADDR_FMT_plx "%016" PRIx64

enum device_endian {
    DEVICE_NATIVE_ENDIAN,   /* the target's: little endian on x86 */
    DEVICE_BIG_ENDIAN,
    DEVICE_LITTLE_ENDIAN,
};

/*
 * Registers of a device. Offsets are from the region's start, sizes 1, 2, 4 or 8 bytes. Called
 * under the big lock. Either read or read_with_attrs, either write or write_with_attrs.
 */
struct MemoryRegionOps {
    uint64_t (*read)(void *opaque, hwaddr addr, unsigned size);
    void (*write)(void *opaque, hwaddr addr, uint64_t data, unsigned size);
    MemTxResult (*read_with_attrs)(void *opaque, hwaddr addr, uint64_t *data, unsigned size,
                                   MemTxAttrs attrs);
    MemTxResult (*write_with_attrs)(void *opaque, hwaddr addr, uint64_t data, unsigned size,
                                    MemTxAttrs attrs);
    enum device_endian endianness;
    /* What a guest may do; anything else is a decode error. Sizes of 0: 1 to 4 bytes. */
    struct {
        unsigned min_access_size;
        unsigned max_access_size;
        bool unaligned;
        bool (*accepts)(void *opaque, hwaddr addr, unsigned size, bool is_write,
                        MemTxAttrs attrs);
    } valid;
    /* What the functions above can do; other sizes are split or widened. 0: 1 to 4 bytes. */
    struct {
        unsigned min_access_size;
        unsigned max_access_size;
        bool unaligned;
    } impl;
};

typedef struct MemoryRegionIoeventfd MemoryRegionIoeventfd;

struct MemoryRegion {
    Object parent_obj;

    /* What it is. */
    bool ram;
    bool rom_device;
    bool readonly;         /* writes of the guest do nothing */
    bool nonvolatile;
    bool terminates;       /* answers accesses itself: RAM or I/O */
    bool unmergeable;      /* its range stays apart from neighbours in a flat view */
    bool enabled;
    RAMBlock *ram_block;
    Object *owner;
    const MemoryRegionOps *ops;
    void *opaque;
    Int128 size;
    uint64_t align;        /* of guest physical placement of RAM, bytes; 0: no wish */
    char *name;
    RamDiscardManager *rdm;
    bool rdm_inaccessible; /* see memory_region_set_discarded_inaccessible() */
    bool takes_messages;   /* see memory_region_set_takes_messages() */

    /* Where it is. */
    MemoryRegion *container;
    int mapped_via_alias;  /* aliases of it that have a container */
    hwaddr addr;           /* in the container */
    int32_t priority;
    MemoryRegion *alias;
    hwaddr alias_offset;
    QTAILQ_HEAD(, MemoryRegion) subregions;  /* by falling priority, newest first */
    QTAILQ_ENTRY(MemoryRegion) subregions_link;

    unsigned ioeventfd_nb;
    MemoryRegionIoeventfd *ioeventfds;
};

/* A piece of a region as an address space shows it. */
struct MemoryRegionSection {
    Int128 size;
    MemoryRegion *mr;
    FlatView *fv;
    hwaddr offset_within_region;
    hwaddr offset_within_address_space;
    bool readonly;
    bool nonvolatile;
    bool unmergeable;
};

/*
 * Told of changes of one address space's view, in order: begin; region_del for what goes (by
 * falling priority of the listener); region_add for what comes and region_nop for what stays (by
 * rising priority); eventfds; commit. Begin and commit are called for every listener at every
 * transaction that changes anything. All optional, all under the big lock.
 */
struct MemoryListener {
    void (*begin)(MemoryListener *listener);
    void (*commit)(MemoryListener *listener);
    void (*region_add)(MemoryListener *listener, MemoryRegionSection *section);
    void (*region_del)(MemoryListener *listener, MemoryRegionSection *section);
    void (*region_nop)(MemoryListener *listener, MemoryRegionSection *section);
    void (*eventfd_add)(MemoryListener *listener, MemoryRegionSection *section, bool match_data,
                        uint64_t data, EventNotifier *e);
    void (*eventfd_del)(MemoryListener *listener, MemoryRegionSection *section, bool match_data,
                        uint64_t data, EventNotifier *e);
    unsigned priority;
    const char *name;
    /* Private. */
    AddressSpace *address_space;
    QTAILQ_ENTRY(MemoryListener) link;
    QTAILQ_ENTRY(MemoryListener) link_as;
};

#define MEMORY_LISTENER_PRIORITY_MIN 0
#define MEMORY_LISTENER_PRIORITY_ACCEL 10
#define MEMORY_LISTENER_PRIORITY_DEV_BACKEND 10

struct AddressSpace {
    char *name;
    MemoryRegion *root;
    FlatView *current_map;   /* replaced under view_lock */
    uint64_t generation;     /* of current_map; big lock */
    QemuMutex view_lock; /* only to take a reference of current_map, or to replace it */
    int ioeventfd_nb;
    MemoryRegionIoeventfd *ioeventfds;
    bool of_device;          /* see address_space_set_of_device() */
    LogLimit refusals;       /* lines about accesses to registers that were refused */
    QTAILQ_HEAD(, MemoryListener) listeners;
    QTAILQ_ENTRY(AddressSpace) address_spaces_link;
};

/* ---- regions: creation ---------------------------------------------------------------------- */

/*
 * All: @mr is the caller's memory (embedded in @owner as a rule) and becomes a child "name[N]"
 * of @owner, with which it goes; a region without owner lives until object_unparent() or
 * object_unref(). @size is in bytes, UINT64_MAX meaning 2^64. @owner is kept alive while the
 * region is in any view.
 */
void memory_region_init(MemoryRegion *mr, Object *owner, const char *name, uint64_t size);
void memory_region_init_io(MemoryRegion *mr, Object *owner, const MemoryRegionOps *ops,
                           void *opaque, const char *name, uint64_t size);
/* A window to @size bytes of @orig from @offset on. */
void memory_region_init_alias(MemoryRegion *mr, Object *owner, const char *name,
                              MemoryRegion *orig, hwaddr offset, uint64_t size);
/* RAM; false with @errp if the host cannot give it. Flags: system/ramblock.h. */
bool memory_region_init_ram(MemoryRegion *mr, Object *owner, const char *name, uint64_t size,
                            Error **errp);
bool memory_region_init_ram_nomigrate(MemoryRegion *mr, Object *owner, const char *name,
                                      uint64_t size, Error **errp);
bool memory_region_init_ram_flags_nomigrate(MemoryRegion *mr, Object *owner, const char *name,
                                            uint64_t size, uint32_t ram_flags, Error **errp);
bool memory_region_init_ram_from_file(MemoryRegion *mr, Object *owner, const char *name,
                                      uint64_t size, uint64_t align, uint32_t ram_flags,
                                      const char *path, ram_addr_t offset, Error **errp);
/* Owns @fd afterwards (also closed on failure). */
bool memory_region_init_ram_from_fd(MemoryRegion *mr, Object *owner, const char *name,
                                    uint64_t size, uint32_t ram_flags, int fd,
                                    ram_addr_t offset, Error **errp);
/* Memory of the caller's, which outlives the region. */
void memory_region_init_ram_ptr(MemoryRegion *mr, Object *owner, const char *name, uint64_t size,
                                void *ptr);
bool memory_region_init_rom(MemoryRegion *mr, Object *owner, const char *name, uint64_t size,
                            Error **errp);

/* ---- regions: questions --------------------------------------------------------------------- */

Object *memory_region_owner(MemoryRegion *mr);
uint64_t memory_region_size(const MemoryRegion *mr);  /* UINT64_MAX for 2^64 */
const char *memory_region_name(const MemoryRegion *mr);
/* RAM or ROM (an alias is neither: ask its target). */
static inline bool memory_region_is_ram(const MemoryRegion *mr)
{
    return mr->ram;
}
static inline bool memory_region_is_rom(const MemoryRegion *mr)
{
    return mr->ram && mr->readonly;
}
bool memory_region_is_ram_device(const MemoryRegion *mr);
bool memory_region_is_nonvolatile(const MemoryRegion *mr);
bool memory_region_is_mapped(MemoryRegion *mr);  /* has a container, itself or through an alias */
bool memory_region_present(MemoryRegion *container, hwaddr addr);
/* Host memory behind RAM, aliases followed; the region must be RAM. */
void *memory_region_get_ram_ptr(const MemoryRegion *mr);
int memory_region_get_fd(const MemoryRegion *mr);  /* -1: none */
/* Offset in its block, 0 for RAM; RAM_ADDR_INVALID for anything else. */
ram_addr_t memory_region_get_ram_addr(const MemoryRegion *mr);
uint64_t memory_region_get_alignment(const MemoryRegion *mr);
/* Finds the RAM region behind a host address and the offset in it; NULL if it is not guest RAM. */
MemoryRegion *memory_region_from_host(void *ptr, ram_addr_t *offset);

/* References the region's owner (nothing if it has none). Any thread. */
void memory_region_ref(MemoryRegion *mr);
void memory_region_unref(MemoryRegion *mr);

/* ---- regions: changes (big lock) ------------------------------------------------------------ */

void memory_region_transaction_begin(void);
void memory_region_transaction_commit(void);

void memory_region_add_subregion(MemoryRegion *mr, hwaddr offset, MemoryRegion *subregion);
/* Higher priorities hide lower ones; plain subregions have 0. */
void memory_region_add_subregion_overlap(MemoryRegion *mr, hwaddr offset,
                                         MemoryRegion *subregion, int priority);
void memory_region_del_subregion(MemoryRegion *mr, MemoryRegion *subregion);
void memory_region_set_enabled(MemoryRegion *mr, bool enabled);
void memory_region_set_address(MemoryRegion *mr, hwaddr addr);
void memory_region_set_size(MemoryRegion *mr, uint64_t size);
void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset);
void memory_region_set_readonly(MemoryRegion *mr, bool readonly);
void memory_region_set_nonvolatile(MemoryRegion *mr, bool nonvolatile);
void memory_region_set_unmergeable(MemoryRegion *mr, bool unmergeable);
/* Registers that other devices write to: an interrupt controller's, and nothing else. */
void memory_region_set_takes_messages(MemoryRegion *mr);
/* A write of @size bytes (0: any) at @addr, of value @data if @match_data, signals @e instead of
 * calling the region's ops. */
void memory_region_add_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size, bool match_data,
                               uint64_t data, EventNotifier *e);
void memory_region_del_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size, bool match_data,
                               uint64_t data, EventNotifier *e);

/* ---- sections ------------------------------------------------------------------------------- */

/*
 * The first piece of what is mapped in [@addr, @addr + @size) below the root of @mr, clipped to
 * it. .mr is NULL if nothing is there; otherwise memory_region_unref() it when done.
 */
MemoryRegionSection memory_region_find(MemoryRegion *mr, hwaddr addr, uint64_t size);
/* A copy that holds references, to be freed with the other. */
MemoryRegionSection *memory_region_section_new_copy(MemoryRegionSection *s);
void memory_region_section_free_copy(MemoryRegionSection *s);
/* Clips @s to [@offset, @offset + @size) of its region; false (and @s unchanged) if they miss. */
bool memory_region_section_intersect_range(MemoryRegionSection *s, uint64_t offset,
                                           uint64_t size);

/* ---- sparse RAM ----------------------------------------------------------------------------- */

#define TYPE_RAM_DISCARD_MANAGER "ram-discard-manager"
typedef struct RamDiscardManagerClass RamDiscardManagerClass;
DECLARE_OBJ_CHECKERS(RamDiscardManager, RamDiscardManagerClass, RAM_DISCARD_MANAGER,
                     TYPE_RAM_DISCARD_MANAGER)

/* Populate may refuse (negative errno); then the listeners that agreed are told discard. */
typedef int (*NotifyRamPopulate)(RamDiscardListener *rdl, MemoryRegionSection *section);
typedef void (*NotifyRamDiscard)(RamDiscardListener *rdl, MemoryRegionSection *section);

struct RamDiscardListener {
    NotifyRamPopulate notify_populate;
    NotifyRamDiscard notify_discard;
    bool double_discard_supported;   /* may be told to discard what is discarded already */
    MemoryRegionSection *section;    /* set while registered */
    QLIST_ENTRY(RamDiscardListener) next;
};

static inline void ram_discard_listener_init(RamDiscardListener *rdl,
                                             NotifyRamPopulate populate_fn,
                                             NotifyRamDiscard discard_fn,
                                             bool double_discard_supported)
{
    rdl->notify_populate = populate_fn;
    rdl->notify_discard = discard_fn;
    rdl->double_discard_supported = double_discard_supported;
}

/* Called for each maximal run; non-zero ends the replay, which returns it. */
typedef int (*ReplayRamDiscardState)(MemoryRegionSection *section, void *opaque);
typedef ReplayRamDiscardState ReplayRamPopulate;
typedef ReplayRamDiscardState ReplayRamDiscard;

/*
 * Implemented by who owns a region with holes. Offsets of sections are those within the region
 * it was set on. All under the big lock.
 */
struct RamDiscardManagerClass {
    InterfaceClass parent_class;

    /* Changes come in multiples of this, aligned to it, bytes. */
    uint64_t (*get_min_granularity)(const RamDiscardManager *rdm, const MemoryRegion *mr);
    /* Whether all of the section is populated. */
    bool (*is_populated)(const RamDiscardManager *rdm, const MemoryRegionSection *section);
    int (*replay_populated)(const RamDiscardManager *rdm, MemoryRegionSection *section,
                            ReplayRamDiscardState replay_fn, void *opaque);
    int (*replay_discarded)(const RamDiscardManager *rdm, MemoryRegionSection *section,
                            ReplayRamDiscardState replay_fn, void *opaque);
    /* Tells the listener populate for what is populated, from then on every change. */
    void (*register_listener)(RamDiscardManager *rdm, RamDiscardListener *rdl,
                              MemoryRegionSection *section);
    /* Tells it discard for what is populated; then nothing more. */
    void (*unregister_listener)(RamDiscardManager *rdm, RamDiscardListener *rdl);
};

uint64_t ram_discard_manager_get_min_granularity(const RamDiscardManager *rdm,
                                                 const MemoryRegion *mr);
bool ram_discard_manager_is_populated(const RamDiscardManager *rdm,
                                      const MemoryRegionSection *section);
int ram_discard_manager_replay_populated(const RamDiscardManager *rdm,
                                         MemoryRegionSection *section,
                                         ReplayRamDiscardState replay_fn, void *opaque);
int ram_discard_manager_replay_discarded(const RamDiscardManager *rdm,
                                         MemoryRegionSection *section,
                                         ReplayRamDiscardState replay_fn, void *opaque);
void ram_discard_manager_register_listener(RamDiscardManager *rdm, RamDiscardListener *rdl,
                                           MemoryRegionSection *section);
void ram_discard_manager_unregister_listener(RamDiscardManager *rdm, RamDiscardListener *rdl);

RamDiscardManager *memory_region_get_ram_discard_manager(MemoryRegion *mr);
static inline bool memory_region_has_ram_discard_manager(MemoryRegion *mr)
{
    return __atomic_load_n(&mr->rdm, __ATOMIC_ACQUIRE) != NULL;
}
/* Before the RAM region is mapped, or after. 0, or -EBUSY if it has one; NULL always succeeds. */
int memory_region_set_ram_discard_manager(MemoryRegion *mr, RamDiscardManager *rdm);
/*
 * Whether discarded parts of @mr are as good as absent, for reading too. Off at first: they can be
 * read, as guests without VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE may expect. Has effect while a
 * discard manager is set, which clears it when it goes. Ours, not QEMU's.
 */
#define MEMORY_REGION_HAS_DISCARDED_INACCESSIBLE 1
void memory_region_set_discarded_inaccessible(MemoryRegion *mr, bool inaccessible);

/* ---- RAM at a guest address ----------------------------------------------------------------- */

/*
 * All of it ours, not QEMU's, but memory_region_set_dirty().
 *
 * May host code access [@offset, @offset + @size) of RAM? The one rule, for devices, vCPUs' exits,
 * qtest, monitor and loaders, from the specification of virtio-mem (VIRTIO 1.3, 5.15.6): a part
 * that the region's discard manager does not call populated is never written, since it would come
 * back as memory that the guest was not given; it may be read (and gives what the host has there,
 * zeroes as a rule) unless it was said to be inaccessible. Other RAM may always be accessed.
 *
 * For RAM with a discard manager the big lock must be held, and the answer is good until it is
 * given up: who asks and then copies holds it over both.
 */
bool memory_region_range_accessible(MemoryRegion *mr, hwaddr offset, hwaddr size, bool is_write);

/* A stretch of RAM, contiguous in the guest's addresses, in its region and on the host. */
typedef struct RamSpan {
    uint8_t *hva;
    hwaddr size;             /* bytes */
    MemoryRegion *mr;        /* not referenced */
    hwaddr offset;           /* of the first byte, in mr */
} RamSpan;

/*
 * What RAM the bytes from @addr on are, at most @size of them (not 0). MEMTX_OK with @span;
 * MEMTX_DECODE_ERROR if no RAM is at @addr, or none that can be written; MEMTX_ACCESS_ERROR, with
 * @span as well, if not all of the span may be accessed.
 *
 * Big lock. The span is good until the lock is given up or a transaction ends: where it is (and
 * that it is RAM) for as long as address_space_generation() is the same, so that it can be kept
 * and looked up again when it is not; whether it may be accessed has to be asked each time.
 */
MemTxResult address_space_find_ram(AddressSpace *as, hwaddr addr, hwaddr size, bool is_write,
                                   RamSpan *span);
/*
 * Has the pages of @span there, for single loads (and stores, if @is_write) that follow: false
 * where the host cannot give one.
 */
bool ram_span_populate(const RamSpan *span, bool is_write);
/* Changes with the space's view; never 0. Big lock. */
static inline uint64_t address_space_generation(const AddressSpace *as)
{
    return as->generation;
}

/*
 * Host code has written [@addr, @addr + @size) of the RAM region. Whoever writes guest RAM other
 * than by address_space_*() says so, after the write. Any thread.
 */
void memory_region_set_dirty(MemoryRegion *mr, hwaddr addr, hwaddr size);
/*
 * Who wants to hear of it: one at a time, NULL for nobody. Called on the thread that wrote, with
 * or without the big lock (with it if the RAM has a discard manager), after the write; it must be
 * quick and not touch guest memory. What vCPUs write themselves is the accelerator's to tell.
 */
typedef void MemoryDirtyHook(MemoryRegion *mr, hwaddr offset, hwaddr size);
void memory_set_dirty_hook(MemoryDirtyHook *hook);

/* ---- address spaces ------------------------------------------------------------------------- */

void address_space_init(AddressSpace *as, MemoryRegion *root, const char *name);
/*
 * What goes through @as is done by a device itself: DMA, interrupt messages. The rule, which
 * memory-dispatch.c enforces: registers answer CPUs and who speaks for them (qtest, the monitor),
 * never a device. So an access through @as reaches RAM, and registers that take messages, alone;
 * and no access at all, from wherever, reaches the others from within a register's own callback.
 * What is refused is MEMTX_ACCESS_ERROR, does nothing, reads as 0, and is told on stderr, so many
 * lines and no more (qemu/log-limit.h).
 */
void address_space_set_of_device(AddressSpace *as);
/* Listeners must be gone. */
void address_space_destroy(AddressSpace *as);
/* Replays the view to @listener, as one transaction would; unregistering takes it back. */
void memory_listener_register(MemoryListener *listener, AddressSpace *as);
void memory_listener_unregister(MemoryListener *listener);

/*
 * What a listener cannot follow, as a memory slot that the host's kernel refuses, reaches who asked
 * for the change. Who may hear of it puts a scope round it (on the stack, in one function):
 *
 *     memory_errors_begin(&scope);
 *     ... change guest memory, to the end of the outermost transaction ...
 *     if (!memory_errors_end(&scope, errp)) { take the change back }
 *
 * Scopes nest, the innermost hears, and are the thread's own; of several errors the first is kept.
 * Without a scope the operator reads a line, so many in a while at most. Ours, not QEMU's.
 */
#define MEMORY_HAS_ERROR_SCOPES 1
typedef struct MemoryErrorScope {
    struct MemoryErrorScope *outer;
    Error *err;
} MemoryErrorScope;

void memory_errors_begin(MemoryErrorScope *scope);
/* True if all was followed; else false with @errp (NULL: nobody wants to know). */
bool memory_errors_end(MemoryErrorScope *scope, Error **errp);
/* As above, but the operator is told; for changes that a guest asks for. */
bool memory_errors_end_report(MemoryErrorScope *scope);
/* For listeners, within their callbacks: takes @err. */
void memory_listener_failed(Error *err);

/*
 * The trees of all address spaces as text (`info mtree`), or with @flat their views. @owners: with
 * whom each region belongs to; @disabled: disabled regions too. Big lock; the caller frees.
 */
char *mtree_info(bool flat, bool owners, bool disabled);

/* The view as it is now, referenced. Any thread. */
FlatView *address_space_get_flatview(AddressSpace *as);
void flatview_ref(FlatView *view);
void flatview_unref(FlatView *view);
/* Calls @cb for each range by rising address until it returns true. */
typedef bool (*flatview_cb)(Int128 start, Int128 len, const MemoryRegion *mr,
                            hwaddr offset_in_region, void *opaque);
void flatview_for_each_range(FlatView *fv, flatview_cb cb, void *opaque);

/*
 * Any length, any alignment, across regions; device registers get accesses of the greatest size
 * they allow. Any thread. The result is MEMTX_OK or the bits of what went wrong anywhere.
 */
MemTxResult address_space_rw(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, void *buf,
                             hwaddr len, bool is_write);
MemTxResult address_space_read(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, void *buf,
                               hwaddr len);
MemTxResult address_space_write(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, const void *buf,
                                hwaddr len);
/* As a write, but ROM is written too and device registers are left alone (loaders). */
MemTxResult address_space_write_rom(AddressSpace *as, hwaddr addr, MemTxAttrs attrs,
                                    const void *buf, hwaddr len);
MemTxResult address_space_set(AddressSpace *as, hwaddr addr, uint8_t c, hwaddr len,
                              MemTxAttrs attrs);
bool address_space_access_valid(AddressSpace *as, hwaddr addr, hwaddr len, bool is_write,
                                MemTxAttrs attrs);

/*
 * Host address of guest memory. *@plen is lowered to what is contiguous. RAM is given as it is;
 * anything else through a copy, of which only one exists at a time and of at most a page.
 * NULL (and *@plen 0) if that is in use, if a device copy cannot be read or if sparse RAM may not
 * be accessed (which is asked here only: who keeps a map of it while the big lock is given up asks
 * memory_region_range_accessible() again before writing). Unmap with the length mapped and how much
 * of it was used: that much counts as written. Any thread.
 */
void *address_space_map(AddressSpace *as, hwaddr addr, hwaddr *plen, bool is_write,
                        MemTxAttrs attrs);
void address_space_unmap(AddressSpace *as, void *buffer, hwaddr len, bool is_write,
                         hwaddr access_len);

/* One access of 1, 2, 4 or 8 bytes; @result may be NULL. A failed load gives what was read. */
uint8_t address_space_ldub(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, MemTxResult *result);
uint16_t address_space_lduw_le(AddressSpace *as, hwaddr addr, MemTxAttrs attrs,
                               MemTxResult *result);
uint16_t address_space_lduw_be(AddressSpace *as, hwaddr addr, MemTxAttrs attrs,
                               MemTxResult *result);
uint32_t address_space_ldl_le(AddressSpace *as, hwaddr addr, MemTxAttrs attrs,
                              MemTxResult *result);
uint32_t address_space_ldl_be(AddressSpace *as, hwaddr addr, MemTxAttrs attrs,
                              MemTxResult *result);
uint64_t address_space_ldq_le(AddressSpace *as, hwaddr addr, MemTxAttrs attrs,
                              MemTxResult *result);
uint64_t address_space_ldq_be(AddressSpace *as, hwaddr addr, MemTxAttrs attrs,
                              MemTxResult *result);
void address_space_stb(AddressSpace *as, hwaddr addr, uint8_t val, MemTxAttrs attrs,
                       MemTxResult *result);
void address_space_stw_le(AddressSpace *as, hwaddr addr, uint16_t val, MemTxAttrs attrs,
                          MemTxResult *result);
void address_space_stw_be(AddressSpace *as, hwaddr addr, uint16_t val, MemTxAttrs attrs,
                          MemTxResult *result);
void address_space_stl_le(AddressSpace *as, hwaddr addr, uint32_t val, MemTxAttrs attrs,
                          MemTxResult *result);
void address_space_stl_be(AddressSpace *as, hwaddr addr, uint32_t val, MemTxAttrs attrs,
                          MemTxResult *result);
void address_space_stq_le(AddressSpace *as, hwaddr addr, uint64_t val, MemTxAttrs attrs,
                          MemTxResult *result);
void address_space_stq_be(AddressSpace *as, hwaddr addr, uint64_t val, MemTxAttrs attrs,
                          MemTxResult *result);

/* As the above with unspecified attributes and no result. */
uint8_t ldub_phys(AddressSpace *as, hwaddr addr);
uint16_t lduw_le_phys(AddressSpace *as, hwaddr addr);
uint32_t ldl_le_phys(AddressSpace *as, hwaddr addr);
uint64_t ldq_le_phys(AddressSpace *as, hwaddr addr);
void stb_phys(AddressSpace *as, hwaddr addr, uint8_t val);
void stw_le_phys(AddressSpace *as, hwaddr addr, uint16_t val);
void stl_le_phys(AddressSpace *as, hwaddr addr, uint32_t val);
void stq_le_phys(AddressSpace *as, hwaddr addr, uint64_t val);

/* Guest physical memory of the machine. */
void cpu_physical_memory_read(hwaddr addr, void *buf, hwaddr len);
void cpu_physical_memory_write(hwaddr addr, const void *buf, hwaddr len);
void *cpu_physical_memory_map(hwaddr addr, hwaddr *plen, bool is_write);
void cpu_physical_memory_unmap(void *buffer, hwaddr len, bool is_write, hwaddr access_len);

/* One access of @size bytes in host order to a region's own registers, endianness regarded. */
MemTxResult memory_region_dispatch_read(MemoryRegion *mr, hwaddr addr, uint64_t *pval,
                                        unsigned size, MemTxAttrs attrs);
MemTxResult memory_region_dispatch_write(MemoryRegion *mr, hwaddr addr, uint64_t data,
                                         unsigned size, MemTxAttrs attrs);

/* Ports without a device: reads all ones, ignores writes. */
extern const MemoryRegionOps unassigned_io_ops;

#endif /* SYSTEM_MEMORY_H */
