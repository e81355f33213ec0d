/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of virtqueues share: a virtio device with two queues, a transport that counts
 * interrupts, and two regions of guest RAM, one right behind the other, that the test writes to.
 */
#ifndef TESTS_UNIT_VIRTQUEUE_FIXTURE_H
#define TESTS_UNIT_VIRTQUEUE_FIXTURE_H

#include "hw/virtio/virtio.h"

#define RAM_SIZE 0x40000
#define RAM2_BASE RAM_SIZE          /* right behind the first: buffers may span both */
#define RAM2_SIZE 0x10000
#define BUF_GPA 0x10000
#define QUEUE_SIZE 8                /* of queue 0, at most; the other's is twice that */
#define FEATURE_REFUSED 5           /* validate_features() does not like it */

extern MemoryRegion test_root, test_mr, test_mr2;
extern uint8_t *ram, *ram2;
extern VirtIODevice *vdev;
extern VirtQueue *vq;               /* queue 0 */
extern unsigned nb_irqs, nb_config_irqs, nb_kicks;
/* What the device does when notified, besides counting; NULL: nothing. */
extern void (*test_on_kick)(VirtQueue *q);
/* What an interrupt leads to at once, besides counting; NULL: nothing. */
extern void (*test_on_irq)(void);
/* What a RamDiscardManager of the type "test-sparse" answers for everything. */
extern bool test_populated;

void set_up(void);

/* Little-endian values in RAM. */
void put16(hwaddr gpa, uint16_t val);
uint16_t get16(hwaddr gpa);

/* Reset, and up to FEATURES_OK if these features are accepted. */
void negotiate(uint64_t features);
/* Clears RAM, counters and the limit of messages. */
void forget(void);
/*
 * Between these two, each byte of RAM that changes must have been told to be dirty; the second says
 * how many were told to be.
 */
void dirty_watch(void);
unsigned dirty_check(void);
/* The device's own part: fills the writable buffers of an element, up to @len bytes. */
void fill_element(const VirtQueueElement *elem, size_t len);
/* No messages of the device for a while. */
void be_quiet(void);

#endif /* TESTS_UNIT_VIRTQUEUE_FIXTURE_H */
