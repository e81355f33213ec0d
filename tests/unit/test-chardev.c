/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices: options refused with the right words, a server socket that accepts again,
 * bytes both ways, flow control in both directions, one front end only (or several behind a
 * multiplexer), files removed at the end.
 */
#include "qemu/osdep.h"
#include <sys/socket.h>
#include <sys/un.h>

#include "qapi/error.h"
#include "chardev/char.h"
#include "qemu/json.h"

static char *dir;

static Chardev *open_opts(const char *text, Error **errp)
{
    json_t *opts = qjson_parse(text, &error_abort);
    Chardev *chr = chardev_new_from_opts(opts, errp);

    json_decref(opts);
    return chr;
}

static void check_refused(const char *text, const char *expect)
{
    Error *err = NULL;

    g_assert_null(open_opts(text, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, expect);
    error_free(err);
}

static void test_refused(void)
{
    g_assert_nonnull(open_opts("{'backend':'null','id':'dup'}", &error_abort));
    check_refused("{'backend':'null'}", "chardev: no id specified");
    check_refused("{'backend':'null','id':'1c'}", "Parameter 'id' expects an identifier");
    check_refused("{'backend':'null','id':'dup'}", "Duplicate ID 'dup' for chardev");
    check_refused("{'backend':'foo','id':'c'}", "'foo' is not a valid char driver name");
    check_refused("{'backend':'null','id':'c','foo':'1'}", "Invalid parameter 'foo'");
    check_refused("{'backend':'null','id':'c','mux':'maybe'}",
                  "Parameter 'mux' expects 'on' or 'off'");
    g_assert_nonnull(open_opts("{'backend':'null','id':'taken-base'}", &error_abort));
    check_refused("{'backend':'null','id':'taken','mux':true}",
                  "Duplicate ID 'taken-base' for chardev");
    check_refused("{'backend':'file','id':'c','mux':'on','path':'/nonexistent/a'}",
                  "Could not open '/nonexistent/a': No such file or directory");
    g_assert_null(chardev_find("c-base"));
    check_refused("{'backend':'socket','id':'c','path':'/x','reconnect':'1'}",
                  "chardev: option 'reconnect' is not supported");
    check_refused("{'backend':'file','id':'c'}", "chardev: file: no filename given");
    check_refused("{'backend':'file','id':'c','path':'/nonexistent/a'}",
                  "Could not open '/nonexistent/a': No such file or directory");
    check_refused("{'backend':'socket','id':'c','path':'/x','wait':'off'}",
                  "'wait' option is incompatible with socket in client connect mode");
    check_refused("{'backend':'socket','id':'c','path':'/nonexistent/x','server':'on','wait':'off'}",
                  "Failed to bind socket to /nonexistent/x: No such file or directory");
    check_refused("{'backend':'socket','id':'c','path':'/x','server':'maybe'}",
                  "Parameter 'server' expects 'on' or 'off'");
    g_assert_null(chardev_find("c"));
    chardev_cleanup_all();
}

static void test_specs(void)
{
    g_autofree char *path = g_build_filename(dir, "f", NULL);
    g_autofree char *spec = g_strconcat("file:", path, NULL);
    g_autofree char *text = NULL;
    Error *err = NULL;
    Chardev *chr;

    g_assert_null(chardev_new_from_spec("n", "none", &error_abort));
    g_assert_null(chardev_new_from_spec("m", "mon:stdio", &err));
    error_free_or_abort(&err);
    g_assert_null(chardev_new_from_spec("x", "chardev:nope", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "chardev \"nope\" not found");
    error_free_or_abort(&err);
    chr = chardev_new_from_spec("f", spec, &error_abort);
    g_assert_true(chardev_new_from_spec("g", "chardev:f", &error_abort) == chr);
    g_assert_cmpint(chardev_write(chr, (const uint8_t *)"hello", 5), ==, 5);
    g_assert_true(chardev_attach(chr, &error_abort));
    g_assert_false(chardev_attach(chr, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Device 'f' is in use");
    error_free_or_abort(&err);
    chardev_detach(chr);
    g_assert_true(chardev_attach(chr, &error_abort));
    chardev_cleanup_all();
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "hello");
    unlink(path);
}

typedef struct Front {
    GString *got, *events;
    int room;
} Front;

static int front_can_read(void *opaque)
{
    return ((Front *)opaque)->room;
}

static void front_read(void *opaque, const uint8_t *buf, int size)
{
    Front *front = opaque;

    g_string_append_len(front->got, (const char *)buf, size);
    front->room -= size;
}

static void front_event(void *opaque, QEMUChrEvent event)
{
    static const char letters[] = {
        [CHR_EVENT_OPENED] = 'O', [CHR_EVENT_CLOSED] = 'C', [CHR_EVENT_BREAK] = 'B',
        [CHR_EVENT_MUX_IN] = '+', [CHR_EVENT_MUX_OUT] = '-',
    };

    g_string_append_c(((Front *)opaque)->events, letters[event]);
}

static void run_loop(void)
{
    for (int i = 0; i < 20; i++) {
        g_main_context_iteration(NULL, FALSE);
    }
}

static int connect_to(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    run_loop();
    return fd;
}

static gboolean count_watch(void *unused, GIOCondition cond, void *opaque)
{
    (*(int *)opaque)++;
    return G_SOURCE_REMOVE;
}

static void test_server(void)
{
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *spec = g_strdup_printf("unix:%s,server,nowait", path);
    g_autofree char *name = NULL;
    g_autofree uint8_t *big = g_malloc0(1024 * 1024);
    Front front = { g_string_new(NULL), g_string_new(NULL), 3 };
    Chardev *chr = chardev_new_from_spec("s", spec, &error_abort);
    int fd, watched = 0, written;
    char buf[8];

    g_assert_true(chardev_attach(chr, &error_abort));
    chardev_set_handlers(chr, front_can_read, front_read, front_event, &front);
    g_assert_cmpint(chardev_write(chr, (const uint8_t *)"lost", 4), ==, 4);
    g_assert_cmpuint(chardev_add_watch(chr, G_IO_OUT, count_watch, &watched), ==, 0);

    fd = connect_to(path);
    g_assert_cmpint(write(fd, "abcdef", 6), ==, 6);
    run_loop();
    g_assert_cmpstr(front.got->str, ==, "abc");    /* no room for more */
    front.room = 100;
    chardev_accept_input(chr);
    run_loop();
    g_assert_cmpstr(front.got->str, ==, "abcdef");
    g_assert_cmpint(chardev_write(chr, (const uint8_t *)"xy", 2), ==, 2);
    g_assert_cmpint(read(fd, buf, sizeof(buf)), ==, 2);
    written = chardev_write(chr, big, 1024 * 1024);
    g_assert_cmpint(written, <, 1024 * 1024);      /* the client does not read */
    g_assert_cmpuint(chardev_add_watch(chr, G_IO_OUT, count_watch, &watched), !=, 0);
    run_loop();
    g_assert_cmpint(watched, ==, 0);
    close(fd);
    run_loop();
    g_assert_cmpint(watched, ==, 1);               /* told once, by HUP */
    g_assert_cmpstr(front.events->str, ==, "OC");

    fd = connect_to(path);
    g_assert_cmpint(write(fd, "2", 1), ==, 1);
    run_loop();
    g_assert_cmpstr(front.got->str, ==, "abcdef2");
    g_assert_cmpstr(front.events->str, ==, "OCO");
    name = chardev_get_filename(chr);
    g_assert_true(g_str_has_prefix(name, "unix:"));
    g_assert_true(g_str_has_suffix(name, ",server=on"));
    close(fd);
    chardev_cleanup_all();
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_string_free(front.got, TRUE);
    g_string_free(front.events, TRUE);
}

/* ---- multiplexer ---- */

typedef struct Mux {
    char *path;
    Chardev *chr, *ports[2];
    Front fronts[2];
    int fd;                     /* the peer's end */
} Mux;

/* Two front ends on a socket, of which the second takes the focus. */
static void mux_start(Mux *m)
{
    g_autofree char *opts = NULL;

    m->path = g_build_filename(dir, "mux", NULL);
    opts = g_strdup_printf("{'backend':'socket','id':'m','mux':'on','path':'%s','server':true,"
                           "'wait':false}", m->path);
    m->chr = open_opts(opts, &error_abort);
    g_assert_true(chardev_find("m") == m->chr);
    g_assert_false(chardev_is_attached(m->chr));
    for (int i = 0; i < 2; i++) {
        m->fronts[i] = (Front) { g_string_new(NULL), g_string_new(NULL), 1000 };
        m->ports[i] = chardev_attach(m->chr, &error_abort);
        g_assert_cmpstr(chardev_label(m->ports[i]), ==, "m");
        chardev_set_handlers(m->ports[i], front_can_read, front_read, front_event, &m->fronts[i]);
    }
    g_assert_true(chardev_is_attached(m->chr));
    g_assert_true(chardev_has_focus(m->ports[0]));
    chardev_take_focus(m->ports[1]);
    g_assert_false(chardev_has_focus(m->ports[0]));
    m->fd = connect_to(m->path);
}

static void mux_end(Mux *m)
{
    close(m->fd);
    chardev_cleanup_all();
    for (int i = 0; i < 2; i++) {
        g_string_free(m->fronts[i].got, TRUE);
        g_string_free(m->fronts[i].events, TRUE);
    }
    g_free(m->path);
}

static void mux_type(Mux *m, const char *text)
{
    g_assert_cmpint(write(m->fd, text, strlen(text)), ==, strlen(text));
    run_loop();
}

static char *mux_shown(Mux *m)
{
    char buf[4096];
    ssize_t n = recv(m->fd, buf, sizeof(buf), MSG_DONTWAIT);

    return g_strndup(buf, MAX(n, 0));
}

static void test_mux_focus(void)
{
    Mux m;

    mux_start(&m);
    g_assert_cmpstr(m.fronts[0].events->str, ==, "-O");
    g_assert_cmpstr(m.fronts[1].events->str, ==, "+O");
    mux_type(&m, "ab\001ccd\001\001");
    g_assert_cmpstr(m.fronts[1].got->str, ==, "ab");
    g_assert_cmpstr(m.fronts[0].got->str, ==, "cd\001");
    g_assert_cmpstr(m.fronts[0].events->str, ==, "-O+");
    g_assert_cmpstr(m.fronts[1].events->str, ==, "+O-");
    mux_type(&m, "\001b\001z\001");
    mux_type(&m, "c!");
    g_assert_cmpstr(m.fronts[0].events->str, ==, "-O+B-");
    g_assert_cmpstr(m.fronts[1].got->str, ==, "ab!");
    mux_end(&m);
}

/* What is in the focus and takes nothing does not keep Ctrl-a from being heard. */
static void test_mux_flow(void)
{
    Mux m;

    mux_start(&m);
    m.fronts[1].room = 1;
    mux_type(&m, "xyz\001cq");
    g_assert_cmpstr(m.fronts[1].got->str, ==, "x");
    g_assert_cmpstr(m.fronts[0].got->str, ==, "q");
    m.fronts[1].room = 1;
    run_loop();
    g_assert_cmpstr(m.fronts[1].got->str, ==, "xy");
    m.fronts[1].room = 100;
    run_loop();
    g_assert_cmpstr(m.fronts[1].got->str, ==, "xyz");
    mux_end(&m);
}

/* Far more than is kept for a front end that takes nothing: the peer has to wait, nothing is lost. */
static void test_mux_backpressure(void)
{
    g_autofree char *text = g_strnfill(64 * 1024, 'x');
    Mux m;

    mux_start(&m);
    m.fronts[1].room = 0;
    mux_type(&m, text);
    m.fronts[1].room = INT_MAX;
    for (int i = 0; i < 100 && m.fronts[1].got->len < strlen(text); i++) {
        run_loop();
    }
    g_assert_cmpuint(m.fronts[1].got->len, ==, strlen(text));
    mux_end(&m);
}

/* A peer that asks and never reads: nothing blocks, and what is kept for it is bounded. */
static void test_mux_deaf_peer(void)
{
    g_autofree uint8_t *big = g_malloc0(1024 * 1024);
    g_autofree char *shown = NULL;
    int watched = 0;
    Mux m;

    mux_start(&m);
    mux_type(&m, "\001t");
    while (chardev_write(m.ports[0], (const uint8_t *)"line\n", 5) == 5) {
    }
    for (int i = 0; i < 1000; i++) {
        mux_type(&m, "\001h");
    }
    g_assert_cmpint(chardev_write(m.ports[0], big, 10), ==, 0);
    g_assert_cmpuint(chardev_add_watch(m.ports[0], G_IO_OUT, count_watch, &watched), !=, 0);
    for (int i = 0; i < 1000 && !watched; i++) {
        g_free(mux_shown(&m));
        run_loop();
    }
    g_assert_cmpint(watched, ==, 1);
    for (int i = 0; i < 1000 && chardev_write(m.ports[0], (const uint8_t *)"end", 3) != 3; i++) {
        g_free(mux_shown(&m));
        run_loop();
    }
    for (int i = 0; i < 1000 && !(shown && g_str_has_suffix(shown, "end")); i++) {
        g_free(shown);
        shown = mux_shown(&m);
    }
    g_assert_true(g_str_has_suffix(shown, "end"));
    mux_end(&m);
}

static int nb_quits;

static void count_quit(void)
{
    nb_quits++;
}

static void test_mux_output(void)
{
    g_autofree uint8_t *big = g_malloc0(1024 * 1024);
    int watched[2] = { 0, 0 };
    char *shown;
    Mux m;

    mux_start(&m);
    g_assert_cmpint(chardev_write(m.ports[0], (const uint8_t *)"one ", 4), ==, 4);
    chardev_write_all(m.ports[1], (const uint8_t *)"two", 3, NULL);
    shown = mux_shown(&m);
    g_assert_cmpstr(shown, ==, "one two");
    g_free(shown);

    mux_type(&m, "\001h");
    shown = mux_shown(&m);
    g_assert_nonnull(strstr(shown, "C-a x    exit emulator\n\r"));
    g_free(shown);

    mux_type(&m, "\001t");
    g_assert_cmpint(chardev_write(m.ports[0], (const uint8_t *)"a\nbc\nd", 6), ==, 6);
    shown = mux_shown(&m);
    g_assert_true(g_regex_match_simple("^a\n\\[00:00:00\\.000\\] bc\n\\[00:00:0\\d\\.\\d{3}\\] d$",
                                       shown, 0, 0));
    g_free(shown);
    mux_type(&m, "\001t");

    chardev_set_quit_handler(count_quit);
    mux_type(&m, "\001x");
    chardev_set_quit_handler(NULL);
    g_assert_cmpint(nb_quits, ==, 1);
    shown = mux_shown(&m);
    g_assert_cmpstr(shown, ==, "QEMU: Terminated\n\r");
    g_free(shown);

    g_assert_cmpint(chardev_write(m.ports[0], big, 1024 * 1024), <, 1024 * 1024);
    g_assert_cmpuint(chardev_add_watch(m.ports[0], G_IO_OUT, count_watch, &watched[0]), !=, 0);
    g_assert_cmpuint(chardev_add_watch(m.ports[1], G_IO_OUT, count_watch, &watched[1]), !=, 0);
    chardev_detach(m.ports[1]);
    close(m.fd);
    run_loop();
    g_assert_cmpint(watched[0], ==, 1);         /* told once, by HUP */
    g_assert_cmpint(watched[1], ==, 0);
    g_assert_true(chardev_has_focus(m.ports[0]));
    g_assert_cmpint(chardev_write(m.ports[0], big, 10), ==, 10);
    chardev_detach(m.ports[0]);
    g_assert_false(chardev_is_attached(m.chr));
    m.fd = connect_to(m.path);
    mux_type(&m, "nobody listens\001c\001b");
    mux_end(&m);
}

static void test_socket_path_not_socket(void)
{
    g_autofree char *path = g_build_filename(dir, "precious", NULL);
    g_autofree char *spec = g_strdup_printf("unix:%s,server=on,wait=off", path);
    Error *err = NULL;

    g_assert_true(g_file_set_contents(path, "data", -1, NULL));
    g_assert_null(chardev_new_from_spec("s", spec, &err));
    error_free_or_abort(&err);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    unlink(path);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("test-chardev-XXXXXX", NULL);
    g_test_add_func("/chardev/refused", test_refused);
    g_test_add_func("/chardev/specs", test_specs);
    g_test_add_func("/chardev/server", test_server);
    g_test_add_func("/chardev/mux/focus", test_mux_focus);
    g_test_add_func("/chardev/mux/flow", test_mux_flow);
    g_test_add_func("/chardev/mux/backpressure", test_mux_backpressure);
    g_test_add_func("/chardev/mux/deaf-peer", test_mux_deaf_peer);
    g_test_add_func("/chardev/mux/output", test_mux_output);
    g_test_add_func("/chardev/socket-path-not-socket", test_socket_path_not_socket);
    status = g_test_run();
    rmdir(dir);
    g_free(dir);
    return status;
}
