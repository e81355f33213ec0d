/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads count, with the lock ("locked") or, on purpose, without it ("racy"): shows that the
 * thread sanitizer's build finds a race, and that it understands our locks, conditions and threads.
 */
#include "qemu/osdep.h"

#include "qemu/thread.h"

static QemuMutex lock = QEMU_MUTEX_INITIALIZER;
static QemuCond ended = QEMU_COND_INITIALIZER;
static int count, nb_ended;
static bool locked;

static void *count_up(void *opaque)
{
    for (int i = 0; i < 100000; i++) {
        if (locked) {
            qemu_mutex_lock(&lock);
        }
        count++;
        if (locked) {
            qemu_mutex_unlock(&lock);
        }
    }
    qemu_mutex_lock(&lock);
    nb_ended++;
    qemu_cond_signal(&ended);
    qemu_mutex_unlock(&lock);
    return NULL;
}

int main(int argc, char **argv)
{
    QemuThread threads[2];

    locked = argc == 2 && !strcmp(argv[1], "locked");
    for (int i = 0; i < 2; i++) {
        qemu_thread_create(&threads[i], "count", count_up, NULL, QEMU_THREAD_JOINABLE);
    }
    qemu_mutex_lock(&lock);
    while (nb_ended < 2) {
        qemu_cond_wait(&ended, &lock);
    }
    qemu_mutex_unlock(&lock);
    printf("%d\n", count);
    for (int i = 0; i < 2; i++) {
        qemu_thread_join(&threads[i]);
    }
    return 0;
}
