/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of QEMU's driver graph that our device drivers carry: an object
 * that knows how to destroy itself. There is no graph here; every test builds
 * its machine by hand.
 */
#ifndef LIBQOS_QGRAPH_H
#define LIBQOS_QGRAPH_H

typedef struct QOSGraphObject QOSGraphObject;

struct QOSGraphObject {
    void (*destructor)(QOSGraphObject *obj);    /* releases what the object holds */
    void (*free)(void *obj);                    /* then frees the object itself */
};

/* NULL is allowed. */
void qos_object_destroy(QOSGraphObject *obj);

#endif
