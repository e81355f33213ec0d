/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The qtest line protocol itself: one test binary has to run against any
 * emulator, so what every command answers, also when it refuses, is checked
 * word by word against what stock QEMU answers. Stock aborts on malformed
 * lines and (without its qtest accelerator) has no clock: skipped there.
 */
#include "qemu/osdep.h"
#include "libqtest-raw.h"

#define RAM 0x100000

#define assert_answer(s, expected, ...)                                 \
    do {                                                                \
        g_autofree char *answer_ = qtest_raw(s, __VA_ARGS__);           \
        g_assert_cmpstr(answer_, ==, expected);                         \
    } while (0)

static QTestState *start(const char *machine)
{
    return qtest_initf("-nodefaults -machine %s", machine);
}

/* ---- memory ---- */

/* Every access of each width, little-endian, and its answer in the protocol's own words. */
static void test_memory_widths(const void *machine)
{
    QTestState *s = start(machine);

    assert_answer(s, "OK", "writeq 0x%x 0x123456789abcdef0", RAM);
    assert_answer(s, "OK 0x123456789abcdef0", "readq 0x%x", RAM);
    assert_answer(s, "OK 0x000000009abcdef0", "readl 0x%x", RAM);
    assert_answer(s, "OK 0x000000000000def0", "readw 0x%x", RAM);
    assert_answer(s, "OK 0x00000000000000f0", "readb 0x%x", RAM);
    assert_answer(s, "OK 0x0000000000000012", "readb 0x%x", RAM + 7);
    assert_answer(s, "OK", "writel 0x%x 0x11223344", RAM + 2);
    assert_answer(s, "OK 0x123411223344def0", "readq 0x%x", RAM);
    assert_answer(s, "OK", "writew 0x%x 0xaabb", RAM + 1);
    assert_answer(s, "OK", "writeb 0x%x 0xcc", RAM + 7);
    assert_answer(s, "OK 0xcc34112233aabbf0", "readq 0x%x", RAM);
    assert_answer(s, "OK 0xf0bbaa33221134cc", "read 0x%x 8", RAM);
    qtest_quit(s);
}

/* A value wider than the access keeps its low bits; numbers may be in any C base. */
static void test_memory_numbers(void)
{
    QTestState *s = start("q35");

    assert_answer(s, "OK", "writeq %d 0", RAM);
    assert_answer(s, "OK", "writeb %d 511", RAM);
    assert_answer(s, "OK 0x00000000000000ff", "readq %d", RAM);
    assert_answer(s, "OK", "writew %d 0x12345", RAM);
    assert_answer(s, "OK 0x0000000000002345", "readq 0x%X", RAM);
    assert_answer(s, "OK", "writel %d 010", RAM);
    assert_answer(s, "OK 0x0000000000000008", "readl %d", RAM);
    qtest_quit(s);
}

static void test_memory_blocks(const void *machine)
{
    QTestState *s = start(machine);

    assert_answer(s, "OK", "write 0x%x 4 0x01020304", RAM);
    assert_answer(s, "OK 0x01020304", "read 0x%x 4", RAM);
    assert_answer(s, "OK 0x0203", "read 0x%x 0x2", RAM + 1);
    /* what is missing is written as zeros */
    assert_answer(s, "OK", "memset 0x%x 8 0xff", RAM);
    assert_answer(s, "OK", "write 0x%x 6 0x0102", RAM);
    assert_answer(s, "OK 0x010200000000ffff", "read 0x%x 8", RAM);
    assert_answer(s, "OK", "memset 0x%x 4 0xaa", RAM + 2);
    assert_answer(s, "OK 0x0102aaaaaaaaffff", "read 0x%x 8", RAM);
    assert_answer(s, "OK", "memset 0x%x 0 0x55", RAM);
    assert_answer(s, "OK 0x01", "read 0x%x 1", RAM);
    qtest_quit(s);
}

static void test_memory_base64(void)
{
    QTestState *s = start("q35");

    assert_answer(s, "OK", "b64write 0x%x 3 AQID", RAM);
    assert_answer(s, "OK AQID", "b64read 0x%x 3", RAM);
    assert_answer(s, "OK AQI=", "b64read 0x%x 2", RAM);
    assert_answer(s, "OK AQ==", "b64read 0x%x 1", RAM);
    assert_answer(s, "OK 0x010203", "read 0x%x 3", RAM);
    qtest_quit(s);
}

/* Large blocks through both encodings give the same bytes. */
static void test_memory_large(void)
{
    const size_t size = 300 * 1024;
    g_autofree uint8_t *out = g_malloc(size), *in = g_malloc0(size);
    QTestState *s = start("q35");

    for (size_t i = 0; i < size; i++) {
        out[i] = i * 13 + (i >> 9);
    }
    qtest_bufwrite(s, RAM + 5, out, size);
    qtest_memread(s, RAM + 5, in, size);
    g_assert_cmpmem(in, size, out, size);
    qtest_memset(s, RAM + 5, 0, size);
    qtest_memwrite(s, RAM + 5, out, size);
    memset(in, 0, size);
    qtest_bufread(s, RAM + 5, in, size);
    g_assert_cmpmem(in, size, out, size);
    qtest_quit(s);
}

/* Addresses without memory or device read as zeros and swallow writes. */
static void test_memory_unassigned(const void *machine)
{
    QTestState *s = start(machine);

    assert_answer(s, "OK", "writel 0xe0000000 0x12345678");
    assert_answer(s, "OK 0x0000000000000000", "readl 0xe0000000");
    assert_answer(s, "OK 0x0000000000000000", "readq 0xe0000000");
    assert_answer(s, "OK 0x00000000", "read 0xe0000000 4");
    assert_answer(s, "OK", "memset 0xe0000000 4 1");
    assert_answer(s, "OK AAAAAA==", "b64read 0xe0000000 4");
    assert_answer(s, "OK 0x0000000000000000", "readb 0xffffffffffffffff");
    assert_answer(s, "OK 0x0000000000000000", "readq 0xfffffffffffffffc");
    qtest_quit(s);
}

/* ---- ports ---- */

static void test_ports_unassigned(const void *machine)
{
    QTestState *s = start(machine);

    assert_answer(s, "OK 0x00ff", "inb 0x1234");
    assert_answer(s, "OK 0xffff", "inw 0x1234");
    assert_answer(s, "OK 0xffffffff", "inl 0x1234");
    assert_answer(s, "OK", "outb 0x1234 1");
    assert_answer(s, "OK", "outw 0x1234 1");
    assert_answer(s, "OK", "outl 0x1234 1");
    qtest_quit(s);
}

static void test_ports_widths(const void *machine)
{
    QTestState *s = start(machine);
    uint32_t id;

    assert_answer(s, "OK", "outl 0xcf8 0x80000000");
    assert_answer(s, "OK 0x80000000", "inl 0xcf8");
    id = qtest_inl(s, 0xcfc);
    g_assert_cmphex(id & 0xffff, ==, 0x8086);
    assert_answer(s, "OK 0x8086", "inw 0xcfc");
    assert_answer(s, "OK 0x0086", "inb 0xcfc");
    assert_answer(s, "OK 0x0080", "inb 0xcfd");
    g_assert_cmphex(qtest_inw(s, 0xcfe), ==, id >> 16);
    g_assert_cmphex(qtest_inb(s, 0xcff), ==, id >> 24);
    qtest_quit(s);
}

/* ---- the rest ---- */

static void test_endianness(const void *machine)
{
    QTestState *s = start(machine);

    assert_answer(s, "OK little", "endianness");
    g_assert_false(qtest_big_endian(s));
    qtest_quit(s);
}

static void test_unknown_command(const void *machine)
{
    QTestState *s = start(machine);

    assert_answer(s, "FAIL Unknown command 'frobnicate'", "frobnicate 1 2 3");
    assert_answer(s, "FAIL Unknown command 'READB'", "READB 0x%x", RAM);
    assert_answer(s, "OK little", "endianness");
    qtest_quit(s);
}

/* Lines come in any pieces, and several in one piece are answered in order. */
static void test_pipelined_and_split(void)
{
    static const char many[] = "writeb 0x100000 7\nreadb 0x100000\nnonsense\nreadb 0x100";
    static const char *const expected[] = {
        "OK", "OK 0x0000000000000007", "FAIL Unknown command 'nonsense'",
        "OK 0x0000000000000007",
    };
    QTestState *s = start("q35");

    qtest_raw_send(s, many, strlen(many));
    for (int i = 0; i < 3; i++) {
        g_autofree char *answer = qtest_raw_receive(s);

        g_assert_cmpstr(answer, ==, expected[i]);
    }
    g_usleep(10000);
    qtest_raw_send(s, "000\n", 4);
    {
        g_autofree char *answer = qtest_raw_receive(s);

        g_assert_cmpstr(answer, ==, expected[3]);
    }
    qtest_quit(s);
}

static void test_irq_intercept(const void *machine)
{
    QTestState *s = start(machine);

    assert_answer(s, "FAIL Unknown device", "irq_intercept_in /machine/nonesuch");
    assert_answer(s, "FAIL Unknown device", "irq_intercept_in nonesuch");
    assert_answer(s, "FAIL Unknown device", "irq_intercept_out nonesuch");
    assert_answer(s, "OK", "irq_intercept_in ioapic");
    assert_answer(s, "OK", "irq_intercept_in ioapic");
    assert_answer(s, "FAIL IRQ intercept already enabled", "irq_intercept_in /machine");
    g_assert_false(qtest_get_irq(s, 5));
    qtest_quit(s);
}

/* Without a machine's devices the protocol works all the same. */
static void test_no_machine(void)
{
    QTestState *s = start("none");

    assert_answer(s, "OK little", "endianness");
    assert_answer(s, "OK 0x00ff", "inb 0x1234");
    assert_answer(s, "FAIL Unknown device", "irq_intercept_in ioapic");
    assert_answer(s, "FAIL Unknown command 'x'", "x");
    qtest_quit(s);
}

/* ---- the clock ---- */

static bool clock_missing(QTestState *s)
{
    g_autofree char *answer = qtest_raw(s, "clock_step 0");

    if (g_str_has_prefix(answer, "FAIL Unknown command")) {
        g_test_skip("no qtest accelerator in this emulator, so no virtual clock");
        qtest_quit(s);
        return true;
    }
    return false;
}

static void test_clock(const void *machine)
{
    QTestState *s = start(machine);
    int64_t now;

    if (clock_missing(s)) {
        return;
    }
    now = qtest_clock_step(s, 0);
    g_usleep(20000);
    g_assert_cmpint(qtest_clock_step(s, 0), ==, now);       /* it stands still */
    g_assert_cmpint(qtest_clock_step(s, 100), ==, now + 100);
    assert_answer(s, "FAIL Unknown command 'clock'", "clock");
    g_assert_cmpint(qtest_clock_set(s, now + 5000), ==, now + 5000);
    g_assert_cmpint(qtest_clock_step(s, 1), ==, now + 5001);
    /* it never goes back */
    g_assert_cmpint(qtest_clock_set(s, now), ==, now + 5001);
    qtest_quit(s);
}

/* ---- lines that break the rules ---- */

static const char *const malformed[] = {
    "readb", "readb zz", "readb 0x", "writeb 0x100000", "writeb 0x100000 zz", "inb", "inb 0x0x",
    "outl 0xcf8", "read 0x100000", "read 0x100000 zz", "read 0x100000 0", "write 0x100000 4",
    "write 0x100000 zz 0x01", "memset 0x100000", "memset 0x100000 4",
    "b64read 0x100000", "b64write 0x100000 4", "irq_intercept_in", "irq_intercept_out",
    "set_irq_in ioapic", "module_load", "clock_set", "clock_set zz", "clock_step zz",
    "read 0x100000 0xffffffffffffffff", "b64read 0x100000 0xffffffffffffffff",
    "readb 0x10000000000000000",
};

static void test_malformed(void)
{
    QTestState *s = start("q35");

    if (!qtest_is_elastic()) {
        g_test_skip("stock aborts on malformed lines");
        qtest_quit(s);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(malformed); i++) {
        g_autofree char *answer = qtest_raw(s, "%s", malformed[i]);

        if (!g_str_has_prefix(answer, "FAIL")) {
            g_error("'%s' was answered with '%s', expected FAIL", malformed[i], answer);
        }
        assert_answer(s, "OK little", "endianness");
    }
    qtest_quit(s);
}

/* An emulator that is ended in the middle of a line exits as cleanly as any. */
static void test_end_within_line(void)
{
    QTestState *s = start("q35");

    qtest_raw_send(s, "readb 0x10", 10);
    qtest_quit(s);
}

typedef struct PerMachine {
    const char *name;
    void (*fn)(const void *machine);
} PerMachine;

static const PerMachine per_machine[] = {
    { "memory/widths", test_memory_widths },
    { "memory/blocks", test_memory_blocks },
    { "memory/unassigned", test_memory_unassigned },
    { "ports/unassigned", test_ports_unassigned },
    { "ports/widths", test_ports_widths },
    { "endianness", test_endianness },
    { "unknown-command", test_unknown_command },
    { "irq-intercept", test_irq_intercept },
    { "clock", test_clock },
};

int main(int argc, char **argv)
{
    static const char *const machines[] = { "pc", "q35" };

    g_test_init(&argc, &argv, NULL);
    for (size_t m = 0; m < G_N_ELEMENTS(machines); m++) {
        for (size_t i = 0; i < G_N_ELEMENTS(per_machine); i++) {
            g_autofree char *path = g_strdup_printf("/qtest/%s/%s", per_machine[i].name,
                                                    machines[m]);

            qtest_add_data_func(path, machines[m], per_machine[i].fn);
        }
    }
    qtest_add_func("/qtest/memory/numbers", test_memory_numbers);
    qtest_add_func("/qtest/memory/base64", test_memory_base64);
    qtest_add_func("/qtest/memory/large", test_memory_large);
    qtest_add_func("/qtest/pipelined-and-split", test_pipelined_and_split);
    qtest_add_func("/qtest/no-machine", test_no_machine);
    qtest_add_data_func("/qtest/clock/none", "none", test_clock);
    qtest_add_func("/qtest/malformed", test_malformed);
    qtest_add_func("/qtest/end-within-line", test_end_within_line);
    return g_test_run();
}
