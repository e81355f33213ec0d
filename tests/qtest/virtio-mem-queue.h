/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver's end of the device's virtqueue, split or packed (VIRTIO 1.3, 2.7 and 2.8), that keeps
 * nothing from the test: each descriptor, index and event field can be written as it pleases.
 * libqos' own queues are split ones that only know good behaviour.
 */
#ifndef TESTS_QTEST_VIRTIO_MEM_QUEUE_H
#define TESTS_QTEST_VIRTIO_MEM_QUEUE_H

#include "virtio-mem-fixture.h"
#include "standard-headers/linux/virtio_ring.h"

/* Where things are in the arena, a piece of guest RAM that nothing else uses. */
enum {
    ARENA_DESC = 0x0000,       /* descriptor table or ring */
    ARENA_DRIVER = 0x1000,     /* available ring, or the driver's event suppression */
    ARENA_DEVICE = 0x2000,     /* used ring, or the device's event suppression */
    ARENA_TABLE = 0x3000,      /* an indirect table */
    ARENA_REQ = 0x4000,        /* requests, and responses at QUEUE_RESP behind each, every */
    ARENA_SIZE = 0x8000,
};
#define QUEUE_STRIDE 64
#define QUEUE_RESP 32
#define QUEUE_NB_SLOTS ((ARENA_SIZE - ARENA_REQ) / QUEUE_STRIDE)
#define ARENA_FILL 0xa5        /* what nobody has written to */

/* A place in a queue. Split: counted without end; packed: in the ring, with a wrap counter. */
typedef struct QueuePos {
    uint16_t idx;
    bool wrap;
} QueuePos;

typedef struct Queue {
    Vm *vm;
    bool packed;
    uint16_t size;
    uint64_t arena;            /* gpa */
    uint64_t desc, driver, device;  /* gpas; in the arena unless the test moves them */
    QueuePos avail;            /* what the driver adds next */
    QueuePos used;             /* what the device uses next */
    uint16_t next_desc;        /* split: descriptors are taken in turn */
    uint16_t nb_desc[256];     /* packed: entries of the chain with that ID */
    QueuePos kicked;           /* avail when the device was last asked whether it wants to know */
} Queue;

/* A descriptor; flags without the packed format's AVAIL and USED. */
typedef struct QueueDesc {
    uint64_t gpa;
    uint32_t len;
    uint16_t flags;
} QueueDesc;

uint32_t queue_common_read(Queue *q, unsigned reg, unsigned width);
void queue_common_write(Queue *q, unsigned reg, unsigned width, uint32_t value);
uint8_t queue_status(Queue *q);

/* Once for a Vm that has been probed. */
void queue_init(Queue *q, Vm *vm, bool packed, uint16_t size);
/* Device reset, and up to FEATURES_OK, with SIMPLE_FEATURES and the format added to those. */
void queue_negotiate(Queue *q, uint64_t features);
/* Clears arena and positions; writes the queue's registers and enables it. */
void queue_enable(Queue *q);
/* All of it, and DRIVER_OK. */
void queue_start(Queue *q, uint64_t features);

/* Writes entry @i of a table of descriptors. @next is the packed format's buffer ID. */
void queue_desc_write(Queue *q, uint64_t table, unsigned i, const QueueDesc *desc,
                      uint16_t next);
/*
 * Puts @n descriptors into the ring, as they are, one behind the other, and makes the first one
 * available. Returns what the device has to give back: the head, or the ID.
 */
uint16_t queue_add(Queue *q, const QueueDesc *desc, unsigned n);
void queue_notify(Queue *q);
/* Does the device want to be notified of what was added since this was last asked? */
bool queue_wants_notification(Queue *q);
/* Takes the next used chain, if there is one. */
bool queue_get(Queue *q, uint16_t *id, uint32_t *len);
/* Waits for the next used chain, which has to be this one. */
void queue_wait(Queue *q, uint16_t id, uint32_t *len);
/* What the driver wants to be interrupted for: all, nothing, or when the queue gets to @pos. */
void queue_want_all(Queue *q);
void queue_want_none(Queue *q);
void queue_want_at(Queue *q, QueuePos pos);
QueuePos queue_pos_after(Queue *q, QueuePos pos, unsigned nb);

/* Writes request and room for its response into a slot; the chain of both. */
void queue_request_write(Queue *q, unsigned slot, uint16_t type, uint64_t addr, uint16_t nb,
                         QueueDesc chain[2]);
uint16_t queue_response(Queue *q, unsigned slot);
/* A whole request by the rules; returns the response's type. @state may be NULL. */
uint16_t queue_request(Queue *q, uint16_t type, uint64_t addr, uint16_t nb, uint16_t *state);

#endif /* TESTS_QTEST_VIRTIO_MEM_QUEUE_H */
