/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A test of the tests: an emulator whose hole punches do nothing, as if its
 * discard were MADV_DONTNEED alone, has to fail the tests that claim to prove
 * that shared memory is freed, while private memory is freed by that alone.
 * The breakage is a preloaded library (no-punch-preload.c) named by
 * QTEST_NO_PUNCH; QTEST_VIRTIO_MEM_TEST names the test binary.
 */
#include "qemu/osdep.h"
#include <sys/wait.h>
#include "libqtest.h"

typedef struct DiscardCase {
    const char *kind;           /* the last part of the test's name */
    bool shared;
} DiscardCase;

static const DiscardCase cases[] = {
    { "ram", false }, { "memfd", true }, { "file-shared", true }, { "file-private", true },
    { "ram-shared", true },
};

/* Runs one test of virtio-mem-test; its output, and whether it passed. */
static bool run_freed_test(const char *kind, bool broken, char **output)
{
    g_autofree char *path = g_strdup_printf("/%s/virtio-mem/freed-by-unplug/%s",
                                            qtest_get_arch(), kind);
    char *argv[] = { (char *)g_getenv("QTEST_VIRTIO_MEM_TEST"), (char *)"-p", path, NULL };
    g_auto(GStrv) env = g_get_environ();
    g_autoptr(GError) error = NULL;
    int status;

    if (broken) {
        env = g_environ_setenv(env, "LD_PRELOAD", g_getenv("QTEST_NO_PUNCH"), TRUE);
    }
    if (!g_spawn_sync(NULL, argv, env, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, output,
                      &status, &error)) {
        g_error("%s: %s", argv[0], error->message);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_discard(const void *data)
{
    const DiscardCase *c = data;
    g_autofree char *output = NULL, *broken_output = NULL;

    if (!g_getenv("QTEST_VIRTIO_MEM_TEST") || !g_getenv("QTEST_NO_PUNCH")) {
        g_test_skip("QTEST_VIRTIO_MEM_TEST and QTEST_NO_PUNCH do not name test and library");
        return;
    }
    if (!run_freed_test(c->kind, false, &output)) {
        g_error("fails without any breakage: %s", output);
    }
    if (run_freed_test(c->kind, true, &broken_output) != !c->shared) {
        g_error("with hole punches that do nothing, freed-by-unplug/%s should %s: %s", c->kind,
                c->shared ? "fail" : "pass", broken_output);
    }
    if (c->shared && !strstr(broken_output, "the kernel holds")) {
        g_error("freed-by-unplug/%s failed for another reason: %s", c->kind, broken_output);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/virtio-mem-discard/%s", cases[i].kind);

        qtest_add_data_func(path, &cases[i], test_discard);
    }
    return g_test_run();
}
