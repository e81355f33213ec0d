/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block map of virtio-mem, against a plain array of bools. */
#include "qemu/osdep.h"
#include "hw/virtio/virtio-mem-map.h"

#define NB_BLOCKS 700   /* more than one word, and not a multiple of one */

typedef struct Model {
    bool plugged[NB_BLOCKS];
} Model;

static void check_runs(const VirtIOMEMMap *map, const Model *model, bool plugged, uint64_t from,
                       uint64_t end)
{
    VirtIOMEMRun run = { .first = from };
    uint64_t at = from;

    while (virtio_mem_map_next_run(map, plugged, run.first + run.nb, end, &run)) {
        g_assert_cmpuint(run.nb, >, 0);
        for (; at < run.first; at++) {
            g_assert_cmpint(model->plugged[at], !=, plugged);
        }
        for (; at < run.first + run.nb; at++) {
            g_assert_cmpint(model->plugged[at], ==, plugged);
        }
        /* Maximal, or clipped. */
        g_assert_true(at == end || model->plugged[at] != plugged);
    }
    for (; at < end; at++) {
        g_assert_cmpint(model->plugged[at], !=, plugged);
    }
}

static void check_all(const VirtIOMEMMap *map, const Model *model)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < NB_BLOCKS; i++) {
        count += model->plugged[i];
    }
    g_assert_cmpuint(map->nb_plugged, ==, count);
    check_runs(map, model, true, 0, NB_BLOCKS);
    check_runs(map, model, false, 0, NB_BLOCKS);
}

static void check_range(const VirtIOMEMMap *map, const Model *model, uint64_t first, uint64_t nb)
{
    uint64_t count = 0;

    for (uint64_t i = first; i < first + nb; i++) {
        count += model->plugged[i];
    }
    g_assert_cmpint(virtio_mem_map_is_plugged(map, first, nb), ==, count == nb);
    g_assert_cmpint(virtio_mem_map_is_unplugged(map, first, nb), ==, count == 0);
    check_runs(map, model, true, first, first + nb);
    check_runs(map, model, false, first, first + nb);
}

static void test_fresh(void)
{
    VirtIOMEMMap map;
    VirtIOMEMRun run;

    virtio_mem_map_init(&map, NB_BLOCKS);
    g_assert_cmpuint(map.nb_plugged, ==, 0);
    g_assert_false(virtio_mem_map_next_run(&map, true, 0, NB_BLOCKS, &run));
    g_assert_true(virtio_mem_map_next_run(&map, false, 0, NB_BLOCKS, &run));
    g_assert_cmpuint(run.first, ==, 0);
    g_assert_cmpuint(run.nb, ==, NB_BLOCKS);
    g_assert_false(virtio_mem_map_next_run(&map, false, NB_BLOCKS, NB_BLOCKS, &run));
    virtio_mem_map_cleanup(&map);
}

static void test_random(void)
{
    VirtIOMEMMap map;
    Model model = { 0 };

    virtio_mem_map_init(&map, NB_BLOCKS);
    for (int step = 0; step < 3000; step++) {
        uint64_t first = g_test_rand_int_range(0, NB_BLOCKS);
        uint64_t nb = g_test_rand_int_range(1, NB_BLOCKS - first + 1);
        int what = g_test_rand_int_range(0, 100);

        if (what < 45) {
            virtio_mem_map_plug(&map, first, MIN(nb, 65));
            memset(model.plugged + first, 1, MIN(nb, 65));
        } else if (what < 90) {
            virtio_mem_map_unplug(&map, first, MIN(nb, 65));
            memset(model.plugged + first, 0, MIN(nb, 65));
        } else if (what < 91) {
            virtio_mem_map_unplug_all(&map);
            memset(model.plugged, 0, sizeof(model.plugged));
        }
        check_all(&map, &model);
        check_range(&map, &model, first, nb);
    }
    virtio_mem_map_cleanup(&map);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-mem-map/fresh", test_fresh);
    g_test_add_func("/virtio-mem-map/random-against-model", test_random);
    return g_test_run();
}
