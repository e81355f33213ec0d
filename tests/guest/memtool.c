/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs inside a guest: holds anonymous memory whose every 64-bit word depends on its page and on a
 * seed, so that a page lost, swapped with another or given back too early is noticed.
 * `hold` returns once the memory is written and read back; a background process then keeps it
 * until `release`. `verify` reads it all again. Each prints "held=… verified=… bad=…", and exits
 * with 0 only when every page was right.
 * `exits` prints "ready" and reads a configuration register of the PCI host bridge on one CPU, which
 * leaves the guest for the emulator each time, until it is sent SIGTERM; then it prints how often
 * and how long the longest took.
 * `hang` keeps the processor that it runs on for itself, for ever: no other program and no thread of the
 * kernel has it again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REGISTER "/sys/bus/pci/devices/0000:00:00.0/config"
#define PAGE 4096u
#define WORDS (PAGE / sizeof(uint64_t))

struct report {
    uint64_t held, verified, bad;
};

static uint64_t pattern(uint64_t seed, uint64_t page)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + page;

    x = (x ^ (x >> 31)) * 0xbf58476d1ce4e5b9u;
    return x ^ (x >> 29);
}

static void memory_fill(uint64_t *memory, uint64_t nb_pages, uint64_t seed)
{
    for (uint64_t page = 0; page < nb_pages; page++, memory += WORDS) {
        uint64_t value = pattern(seed, page);

        for (unsigned i = 0; i < WORDS; i++) {
            memory[i] = value + i;
        }
    }
}

static struct report memory_verify(const uint64_t *memory, uint64_t nb_pages, uint64_t seed)
{
    struct report report = { .held = nb_pages * PAGE };

    for (uint64_t page = 0; page < nb_pages; page++, memory += WORDS) {
        uint64_t value = pattern(seed, page), wrong = 0;

        for (unsigned i = 0; i < WORDS; i++) {
            wrong |= ((const volatile uint64_t *)memory)[i] ^ (value + i);
        }
        if (wrong) {
            report.bad += PAGE;
        } else {
            report.verified += PAGE;
        }
    }
    return report;
}

static int report_print(const struct report *report)
{
    printf("held=%llu verified=%llu bad=%llu\n", (unsigned long long)report->held,
           (unsigned long long)report->verified, (unsigned long long)report->bad);
    return report->bad || report->verified != report->held;
}

static struct sockaddr_un address_of(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    /* The first byte stays 0: an abstract name needs no file and goes with its owner. */
    snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "memtool.%s", name);
    return address;
}

static _Noreturn void fail(const char *what)
{
    printf("memtool: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* The background process: answers 'v' with a fresh report and ends on 'r'. */
static void keep(int listener, uint64_t *memory, uint64_t nb_pages, uint64_t seed)
{
    struct report report = memory_verify(memory, nb_pages, seed);

    for (;;) {
        char request = 0;
        int peer = accept(listener, NULL, NULL);

        if (peer < 0) {
            continue;
        }
        if (read(peer, &request, 1) == 1 && request == 'v') {
            report = memory_verify(memory, nb_pages, seed);
        }
        if (request == 'r') {
            munmap(memory, nb_pages * PAGE);
        }
        if (write(peer, &report, sizeof(report)) < 0) {
            perror("memtool");
        }
        close(peer);
        if (request == 'r') {
            _exit(0);
        }
    }
}

static int ask(const char *name, char request)
{
    struct sockaddr_un address = address_of(name);
    struct report report;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
        write(fd, &request, 1) != 1 ||
        recv(fd, &report, sizeof(report), MSG_WAITALL) != sizeof(report)) {
        fail(name);
    }
    return report_print(&report);
}

static int hold(const char *name, uint64_t size, uint64_t seed)
{
    struct sockaddr_un address = address_of(name);
    uint64_t nb_pages = size / PAGE;
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    uint64_t *memory;
    pid_t child;

    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
        listen(listener, 4)) {
        fail(name);
    }
    child = fork();
    if (child < 0) {
        fail("fork");
    }
    if (child > 0) {
        close(listener);
        return ask(name, 'i');
    }
    setsid();
    memory = mmap(NULL, nb_pages * PAGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        fail("mmap");
    }
    if (!freopen("/dev/null", "r+", stdout) || !freopen("/dev/null", "r+", stderr)) {
        _exit(2);
    }
    memory_fill(memory, nb_pages, seed);
    keep(listener, memory, nb_pages, seed);
    return 0;
}

static volatile sig_atomic_t exits_end;

static void exits_stop(int sig)
{
    exits_end = sig;
}

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000ull + ts.tv_nsec / 1000;
}

static int exits(int cpu)
{
    uint64_t nb_reads = 0, longest = 0;
    int fd = open(REGISTER, O_RDONLY);
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) || fd < 0) {
        fail("exits");
    }
    signal(SIGTERM, exits_stop);
    puts("ready");
    fflush(stdout);
    while (!exits_end) {
        uint64_t start = now_us(), took;
        uint32_t value;

        if (pread(fd, &value, sizeof(value), 0) != sizeof(value)) {
            fail(REGISTER);
        }
        took = now_us() - start;
        longest = took > longest ? took : longest;
        nb_reads++;
    }
    printf("reads=%llu longest_us=%llu\n", (unsigned long long)nb_reads,
           (unsigned long long)longest);
    return 0;
}

static int hang(void)
{
    const struct sched_param param = { .sched_priority = sched_get_priority_max(SCHED_FIFO) };
    int fd = open("/proc/sys/kernel/sched_rt_runtime_us", O_WRONLY);

    /* Else a part of each second is left to the others. */
    if (fd < 0 || write(fd, "-1", 2) != 2 || sched_setscheduler(0, SCHED_FIFO, &param)) {
        fail("hang");
    }
    for (;;) {
        __asm__ volatile ("pause");
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "hang")) {
        return hang();
    }
    if (argc == 3 && !strcmp(argv[1], "exits")) {
        return exits(atoi(argv[2]));
    }
    if (argc == 5 && !strcmp(argv[1], "hold")) {
        return hold(argv[2], strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0));
    }
    if (argc == 3 && !strcmp(argv[1], "verify")) {
        return ask(argv[2], 'v');
    }
    if (argc == 3 && !strcmp(argv[1], "release")) {
        return ask(argv[2], 'r');
    }
    fprintf(stderr, "usage: memtool hold NAME BYTES SEED | verify NAME | release NAME | "
                    "exits CPU | hang\n");
    return 2;
}
