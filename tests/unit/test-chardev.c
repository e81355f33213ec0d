/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices: options refused with the right words, a server socket that accepts again,
 * bytes both ways, flow control in both directions, one front end only, files removed at the end.
 */
#include "qemu/osdep.h"
#include <sys/socket.h>
#include <sys/un.h>

#include "qapi/error.h"
#include "qemu/chardev.h"
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
    check_refused("{'backend':'null','id':'c','mux':'on'}",
                  "chardev: option 'mux' is not supported");
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
    g_string_append_c(((Front *)opaque)->events, event == CHR_EVENT_OPENED ? 'O' : 'C');
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
    g_test_add_func("/chardev/socket-path-not-socket", test_socket_path_not_socket);
    status = g_test_run();
    rmdir(dir);
    g_free(dir);
    return status;
}
