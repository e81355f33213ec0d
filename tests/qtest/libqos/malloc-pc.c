/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Below 1 MiB are holes and ROM; at 0xe0000000 begins what qpci_iomap() gives to BARs. */
#include "qemu/osdep.h"
#include "malloc-pc.h"

#define RAM_LIMIT 0xe0000000ull

static uint64_t base_memory(QTestState *qts)
{
    QDict *sizes = qtest_qmp_assert_success_ref(qts, "{'execute': 'query-memory-size-summary'}");
    uint64_t size = qdict_get_int(sizes, "base-memory");

    qobject_unref(sizes);
    return size;
}

void pc_alloc_init(QGuestAllocator *s, QTestState *qts, QAllocOpts flags)
{
    alloc_init(s, flags, 1 << 20, MIN(base_memory(qts), RAM_LIMIT), 4096);
}
