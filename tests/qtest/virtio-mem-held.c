/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel holds for a device's memory; see the header.
 */
#include "qemu/osdep.h"
#include <sys/file.h>
#include "virtio-mem-held.h"

/* What a mapping may hold more or less than what was written: nothing else is in it. */
#define HELD_SLACK (2 * MiB)

/* The size of the mapping that a line of smaps begins ("START-END PERMS …"), or 0. */
static uint64_t smaps_mapping_size(const char *line)
{
    char *end;
    uint64_t from = g_ascii_strtoull(line, &end, 16), to;

    if (end == line || *end != '-') {
        return 0;
    }
    line = end + 1;
    to = g_ascii_strtoull(line, &end, 16);
    return end != line && *end == ' ' ? to - from : 0;
}

/*
 * Bytes on the lines of /proc/PID/smaps that begin with key, in the mapping of HELD_SIZE. The
 * process as a whole does not do: it frees memory of its own when it likes.
 */
static uint64_t mapping_bytes(pid_t pid, const char *key)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps", (int)pid);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    uint64_t kib = 0, size = 0;
    bool found = false;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        uint64_t begins = smaps_mapping_size(*line);

        size = begins ? begins : size;
        found |= size == HELD_SIZE;
        if (size == HELD_SIZE && g_str_has_prefix(*line, key)) {
            kib += g_ascii_strtoull(strchr(*line, ':') + 1, NULL, 10);
        }
    }
    if (!found) {
        g_error("process %d has no mapping of %" PRIu64 " bytes", (int)pid, (uint64_t)HELD_SIZE);
    }
    return kib * KiB;
}

/*
 * Bytes that the kernel holds for the file of HELD_SIZE behind the process's
 * memory, wherever it is found: among its descriptors (memfd, file) or behind
 * its mappings (shared anonymous memory). -1 when neither shows it.
 */
static int64_t file_bytes(pid_t pid)
{
    static const char *const folders[] = { "fd", "map_files" };

    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *folder = g_strdup_printf("/proc/%d/%s", (int)pid, folders[i]);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
            g_autofree char *path = g_build_filename(folder, name, NULL);
            struct stat st;

            if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
                (uint64_t)st.st_size == HELD_SIZE) {
                return (int64_t)st.st_blocks * 512;
            }
        }
    }
    return -1;
}

Held held_by(Vm *vm)
{
    pid_t pid = qtest_pid(vm->qts);

    return (Held) {
        .process = mapping_bytes(pid, "Private_"),
        .huge = mapping_bytes(pid, "AnonHugePages"),
        .file = file_bytes(pid),
    };
}

void assert_held(const HeldKind *c, const Held *base, const Held *now, uint64_t expected,
                 const char *when)
{
    int64_t process = now->process - base->process, file = now->file - base->file;
    int64_t low = (int64_t)expected - HELD_SLACK, high = (int64_t)expected + HELD_SLACK;

    if (c->is_private && (process < low || process > high)) {
        g_error("%s: the mapping holds %" PRId64 " bytes more than at start, expected %" PRIu64,
                when, process, expected);
    }
    if (c->is_private && !expected && now->huge > base->huge) {
        g_error("%s: %" PRIu64 " bytes are left in transparent huge pages", when,
                now->huge - base->huge);
    }
    if (c->is_shared && (file < low || file > high)) {
        g_error("%s: the kernel holds %" PRId64 " bytes of the file more than at start, "
                "expected %" PRIu64, when, file, expected);
    }
}

/* ---- huge pages ---- */

#define HUGE_FOLDER "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static int64_t huge_read(const char *name)
{
    g_autofree char *path = g_strconcat(HUGE_FOLDER, name, NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? g_ascii_strtoll(text, NULL, 10) : -1;
}

static void huge_write(int64_t pages)
{
    g_autofree char *text = g_strdup_printf("%" PRId64 "\n", pages);
    int fd = open(HUGE_FOLDER "nr_hugepages", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        /* whether it worked is seen by what is free then */
        ssize_t ignored G_GNUC_UNUSED = write(fd, text, strlen(text));

        close(fd);
    }
}

int64_t huge_free_pages(void)
{
    return huge_read("free_hugepages");
}

int huge_reserve(int64_t pages, int64_t *before)
{
    int lock = open(HUGE_FOLDER "nr_hugepages", O_RDONLY | O_CLOEXEC);

    if (lock < 0 || flock(lock, LOCK_EX) < 0) {
        return -1;
    }
    *before = huge_read("nr_hugepages");
    huge_write(*before + pages);
    if (huge_free_pages() - huge_read("resv_hugepages") < pages) {
        huge_release(lock, *before);
        return -1;
    }
    return lock;
}

void huge_release(int lock, int64_t before)
{
    huge_write(before);
    close(lock);
}
