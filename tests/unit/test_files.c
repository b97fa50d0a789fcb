/* durable files, and names that are safe to give them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gateway/files.h"
#include "helper_store.h"

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X250 X50 X50 X50 X50 X50
#define UE10 "üüüüüüüüüü"
#define UE120 UE10 UE10 UE10 UE10 UE10 UE10 UE10 UE10 UE10 UE10 UE10 UE10

static struct name_row {
    const char *name, *wanted, *safe;
} name_rows[] = {
    {"plain", "brief.xml", "brief.xml"},
    {"umlauts and blanks stay", "Bescheid für Müller.pdf", "Bescheid für Müller.pdf"},
    {"ISO-8859-1 becomes UTF-8", "M\xfcller.txt", "Müller.txt"},
    {"folder taken off", "../../etc/passwd", "passwd"},
    {"Windows folder taken off", "C:\\Users\\x\\a.txt", "a.txt"},
    {"only folders", "a/b/", "unnamed"},
    {"dots", "..", "unnamed"},
    {"empty", "", "unnamed"},
    {"blanks", "   ", "unnamed"},
    {"hidden file", ".profile", "_.profile"},
    {"an option", "-rf", "_-rf"},
    {"trailing dot and blank", "a.txt. .", "a.txt"},
    {"leading blanks", "  a.txt", "a.txt"},
    {"line end", "a\r\nb.txt", "a__b.txt"},
    {"escape sequence", "a\x1b[31m.txt", "a_[31m.txt"},
    {"C1 control character",
     "a\xc2\x9b"
     "31m",
     "a_31m"},
    {"characters of shells and Windows", "a<b>c:d\"e|f?g*h", "a_b_c_d_e_f_g_h"},
    {"reading direction", "a\xe2\x80\xaetxt.exe", "a_txt.exe"},
    {"DOS device", "nul", "_nul"},
    {"DOS device with extension", "Com1.txt", "_Com1.txt"},
    {"no DOS device", "comma.txt", "comma.txt"},
    {"DOS device with a small number", "com¹", "_com¹"},
    {"DOS device and a blank before the extension", "NUL .txt", "_NUL .txt"},
    {"DOS device with two extensions", "lpt9.tar.gz", "_lpt9.tar.gz"},
    {"DOS console", "CONIN$", "_CONIN$"},
    {"no DOS device, for it is longer", "com10", "com10"},
    {"overlong UTF-8 slash is ISO-8859-1",
     "a\xc0\xaf"
     "b",
     "aÀ¯b"},
    {"longest", X250 "a.txt", X250 "a.txt"},
    {"too long: extension stays", X250 X50 ".xml", X250 "x.xml"},
    {"too long without extension", X250 X50, X250 "xxxxx"},
    {"too long: no character is cut", UE120 UE10 ".xml",
     UE120 "üüüüü"
           ".xml"},
};

/* Names that Windows or macOS takes for one, and names that they do not. */
static struct clash_row {
    const char *name, *a, *b;
    bool clash;
} clash_rows[] = {
    {"one: the same", "a.txt", "a.txt", true},
    {"one: case", "Brief.TXT", "bRIEF.txt", true},
    {"one: case of umlauts", "\303\204rger", "\303\244rger", true},
    {"one: composed or not", "\303\204rger", "A\314\210rger", true},
    {"one: both", "\303\204RGER", "a\314\210rger", true},
    {"one: marks in another order", "a\314\243\314\202", "a\314\202\314\243", true},
    {"one: Greek at the end of a word", "\316\243\316\237\316\243", "\317\203\316\277\317\202",
     true},
    {"one: the Angstrom sign", "\342\204\253", "\303\205", true},
    {"two: other letters", "a", "b", false},
    {"two: with and without its mark", "\303\244", "a", false},
    {"two: with and without extension", "a", "a.txt", false},
    {"two: wide letters", "\357\274\241", "A", false},
    {"two: not UTF-8", "\374", "\334", false},
};

static void clash_row(void **state)
{
    const struct clash_row *row = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    struct span a = gw_name_key(span_str(row->a), &arena),
                b = gw_name_key(span_str(row->b), &arena);

    assert_non_null(a.ptr);
    assert_non_null(b.ptr);
    assert_int_equal(span_eq(a, b), row->clash);
}

static void name_row(void **state)
{
    const struct name_row *row = *state;
    char name[GW_NAME_SIZE], again[GW_NAME_SIZE];

    gw_name_make_safe(span_str(row->wanted), name);
    assert_string_equal(name, row->safe);
    assert_true(strlen(name) <= GW_NAME_MAX);
    gw_name_make_safe(span_str(name), again);
    assert_string_equal(again, name); /* once safe, always safe */
    assert_true(gw_name_is_safe(span_str(name)));
    assert_int_equal(gw_name_is_safe(span_str(row->wanted)), strcmp(row->wanted, name) == 0);
}

static void name_with_nul(void **state)
{
    char name[GW_NAME_SIZE];

    (void)state;
    gw_name_make_safe(SPAN("a\0b.txt"), name);
    assert_string_equal(name, "a_b.txt");
}

struct place {
    char dir[64];
    int fd;
};

static int place_setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    struct error err = {0};

    assert_non_null(p);
    helper_dir_make(p->dir);
    assert_int_equal(gw_dir_open(AT_FDCWD, p->dir, &p->fd, &err), ST_OK);
    *state = p;
    return 0;
}

static int place_teardown(void **state)
{
    struct place *p = *state;

    fd_drop(&p->fd);
    helper_dir_remove(p->dir);
    free(p);
    return 0;
}

static void assert_content(const struct place *p, const char *path, const char *text)
{
    AUTO(buf_deinit) struct buf b = {0};
    struct error err = {0};

    buf_init(&b, 1000);
    if (gw_file_read(p->fd, path, &b, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_true(span_is(buf_span(&b), text));
}

static void write_replaces(void **state)
{
    const struct place *p = *state;
    struct error err = {0};
    AUTO(buf_deinit) struct buf b = {0};

    assert_int_equal(gw_file_write(p->fd, "a", SPAN("one"), &err), ST_OK);
    assert_content(p, "a", "one");
    /* what a crash in the middle would leave */
    assert_int_equal(gw_file_write(p->fd, "a.tmp", SPAN("half"), &err), ST_OK);
    assert_int_equal(gw_file_write(p->fd, "a", SPAN("two"), &err), ST_OK);
    assert_content(p, "a", "two");
    assert_int_equal(faccessat(p->fd, "a.tmp", F_OK, 0), -1);
    buf_init(&b, 2);
    assert_int_equal(gw_file_read(p->fd, "a", &b, &err), ST_LIMIT);
    assert_int_equal(gw_file_read(p->fd, "b", &b, &err), ST_NOT_FOUND);
}

static void folders_deep(void **state)
{
    const struct place *p = *state;
    struct error err = {0};

    assert_int_equal(gw_dir_make(p->fd, "a/b/c", 0700, &err), ST_OK);
    assert_int_equal(gw_dir_make(p->fd, "a/b/c", 0700, &err), ST_OK);
    assert_int_equal(gw_file_write(p->fd, "a/b/c/f", SPAN("x"), &err), ST_OK);
    assert_int_equal(gw_dir_make(p->fd, "a/b/c/f", 0700, &err), ST_DENIED);
    assert_int_equal(gw_dir_sync(p->fd, "a/b", &err), ST_OK);
    assert_int_equal(gw_dir_sync(p->fd, "nowhere", &err), ST_NOT_FOUND);
    assert_int_equal(gw_dir_remove(p->fd, "a", &err), ST_OK);
    assert_int_equal(faccessat(p->fd, "a", F_OK, 0), -1);
    assert_int_equal(gw_dir_remove(p->fd, "a", &err), ST_OK); /* gone is gone */
}

static void no_way_out(void **state)
{
    const struct place *p = *state;
    struct error err = {0};
    struct gw_file_source s = {.fd = -1};
    struct gw_file_writer w = {.fd = -1};
    int fd = -1;

    assert_int_equal(gw_file_write(p->fd, "../a", SPAN("x"), &err), ST_DENIED);
    assert_int_equal(gw_file_write(p->fd, "/tmp/a", SPAN("x"), &err), ST_DENIED);
    assert_int_equal(gw_dir_make(p->fd, "a/../../b", 0700, &err), ST_DENIED);
    assert_int_equal(gw_dir_open(p->fd, "..", &fd, &err), ST_DENIED);
    assert_int_equal(gw_dir_remove(p->fd, "..", &err), ST_DENIED);
    assert_int_equal(gw_file_source_open(&s, p->fd, "", &err), ST_DENIED);
    assert_int_equal(gw_file_writer_open(&w, p->fd, "..", &err), ST_DENIED);
}

static void links_are_not_followed(void **state)
{
    const struct place *p = *state;
    struct gw_file_source s = {.fd = -1};
    struct error err = {0};
    AUTO(buf_deinit) struct buf b = {0};
    uint64_t len;
    int64_t at;
    int fd = -1;

    buf_init(&b, 100);
    assert_int_equal(gw_dir_make(p->fd, "real", 0700, &err), ST_OK);
    assert_int_equal(gw_file_write(p->fd, "real/f", SPAN("x"), &err), ST_OK);
    assert_int_equal(symlinkat("real", p->fd, "dirlink"), 0);
    assert_int_equal(symlinkat("real/f", p->fd, "link"), 0);
    assert_int_equal(gw_file_source_open(&s, p->fd, "link", &err), ST_DENIED);
    assert_int_equal(gw_file_read(p->fd, "link", &b, &err), ST_DENIED);
    assert_int_equal(gw_file_stat(p->fd, "link", &len, &at, &err), ST_NOT_FOUND);
    assert_int_equal(gw_dir_open(p->fd, "dirlink", &fd, &err), ST_DENIED);
    assert_int_equal(gw_dir_remove(p->fd, "dirlink", &err), ST_OK);
    assert_content(p, "real/f", "x"); /* only the link is gone */
    assert_int_equal(gw_file_source_open(&s, p->fd, "real", &err), ST_DENIED);
}

static void a_pipe_does_not_hang(void **state)
{
    const struct place *p = *state;
    struct gw_file_source s = {.fd = -1};
    struct error err = {0};

    assert_int_equal(mkfifoat(p->fd, "pipe", 0600), 0);
    assert_int_equal(gw_file_source_open(&s, p->fd, "pipe", &err), ST_DENIED);
}

static void writer_counts(void **state)
{
    static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf}; /* FIPS 180-2, "abc" */
    const struct place *p = *state;
    AUTO(gw_file_writer_deinit) struct gw_file_writer w = {.fd = -1};
    struct gw_file_writer second = {.fd = -1};
    struct error err = {0};
    uint8_t sha256[32];
    uint64_t len;
    int64_t changed_at;

    assert_int_equal(gw_file_writer_open(&w, p->fd, "f", &err), ST_OK);
    assert_int_equal(gw_file_writer_open(&second, p->fd, "f", &err), ST_DUPLICATE);
    assert_int_equal(sink_write(&w.base, SPAN("a"), &err), ST_OK);
    assert_int_equal(sink_write(&w.base, SPAN("bc"), &err), ST_OK);
    assert_int_equal(gw_file_writer_finish(&w, &err), ST_OK);
    assert_int_equal(w.len, 3);
    assert_memory_equal(w.sha256, abc, sizeof abc);
    assert_int_equal(gw_file_digest(p->fd, "f", &len, sha256, &err), ST_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(sha256, w.sha256, sizeof sha256);
    assert_int_equal(gw_file_stat(p->fd, "f", &len, &changed_at, &err), ST_OK);
    assert_int_equal(len, 3);
    assert_true(changed_at > HELPER_NOW_MS);
    assert_int_equal(gw_file_digest(p->fd, "g", &len, sha256, &err), ST_NOT_FOUND);
}

static void source_reads_anywhere(void **state)
{
    const struct place *p = *state;
    AUTO(gw_file_source_deinit) struct gw_file_source s = {.fd = -1};
    struct error err = {0};
    char bytes[8];
    size_t got;

    assert_int_equal(gw_file_write(p->fd, "f", SPAN("0123456789"), &err), ST_OK);
    assert_int_equal(gw_file_source_open(&s, p->fd, "f", &err), ST_OK);
    assert_int_equal(s.base.len, 10);
    assert_int_equal(source_read(&s.base, 7, bytes, sizeof bytes, &got, &err), ST_OK);
    assert_true(span_is(span_of(bytes, got), "789"));
    assert_int_equal(source_read(&s.base, 0, bytes, 2, &got, &err), ST_OK);
    assert_true(span_is(span_of(bytes, got), "01"));
    assert_int_equal(source_read(&s.base, 10, bytes, sizeof bytes, &got, &err), ST_OK);
    assert_int_equal(got, 0);
}

static void pump_large(void **state)
{
    enum { LARGE = 1000 * 1000 };
    const struct place *p = *state;
    AUTO(free_drop) uint8_t *bytes = malloc(LARGE);
    AUTO(gw_file_source_deinit) struct gw_file_source s = {.fd = -1};
    AUTO(gw_file_writer_deinit) struct gw_file_writer w = {.fd = -1};
    AUTO(buf_deinit) struct buf b = {0};
    struct error err = {0};

    assert_non_null(bytes);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    assert_int_equal(gw_file_write(p->fd, "a", span_of(bytes, LARGE), &err), ST_OK);
    assert_int_equal(gw_file_source_open(&s, p->fd, "a", &err), ST_OK);
    assert_int_equal(gw_file_writer_open(&w, p->fd, "b", &err), ST_OK);
    assert_int_equal(gw_file_pump(&s.base, &w.base, &err), ST_OK);
    assert_int_equal(gw_file_writer_finish(&w, &err), ST_OK);
    buf_init(&b, LARGE);
    assert_int_equal(gw_file_read(p->fd, "b", &b, &err), ST_OK);
    assert_true(span_eq(buf_span(&b), span_of(bytes, LARGE)));
}

static void move_never_replaces(void **state)
{
    const struct place *p = *state;
    struct error err = {0};

    assert_int_equal(gw_dir_make(p->fd, "to", 0700, &err), ST_OK);
    assert_int_equal(gw_file_write(p->fd, "a", SPAN("a"), &err), ST_OK);
    assert_int_equal(gw_file_write(p->fd, "to/b", SPAN("b"), &err), ST_OK);
    assert_int_equal(gw_file_move(p->fd, "a", p->fd, "to/b", &err), ST_DUPLICATE);
    assert_content(p, "to/b", "b");
    assert_int_equal(gw_file_move(p->fd, "a", p->fd, "to/a", &err), ST_OK);
    assert_content(p, "to/a", "a");
    assert_int_equal(gw_file_move(p->fd, "a", p->fd, "to/c", &err), ST_NOT_FOUND);
    assert_int_equal(gw_file_move(p->fd, "to", p->fd, "there", &err), ST_OK);
    assert_content(p, "there/b", "b");
}

static enum status stop_at_second(void *ctx, const char *name, mode_t mode, struct error *err)
{
    int *seen = ctx;

    (void)name, (void)mode;
    return ++*seen == 2 ? error_set(err, ST_DENIED, 0, "enough") : ST_OK;
}

static void walk_ends_early(void **state)
{
    const struct place *p = *state;
    struct error err = {0};
    int seen = 0;

    for (const char *name = "abc"; *name != '\0'; name++)
        assert_int_equal(gw_file_write(p->fd, (char[]){*name, 0}, SPAN("x"), &err), ST_OK);
    assert_int_equal(gw_dir_each(p->fd, ".", stop_at_second, &seen, &err), ST_DENIED);
    assert_int_equal(seen, 2);
    assert_int_equal(gw_dir_each(p->fd, "none", stop_at_second, &seen, &err), ST_NOT_FOUND);
}

#define PLACE_TEST(fn) cmocka_unit_test_setup_teardown(fn, place_setup, place_teardown)

int main(void)
{
    struct CMUnitTest tests[11 + ARRAY_LEN(name_rows) + ARRAY_LEN(clash_rows)] = {
        PLACE_TEST(write_replaces),
        PLACE_TEST(folders_deep),
        PLACE_TEST(no_way_out),
        PLACE_TEST(links_are_not_followed),
        PLACE_TEST(a_pipe_does_not_hang),
        PLACE_TEST(writer_counts),
        PLACE_TEST(source_reads_anywhere),
        PLACE_TEST(pump_large),
        PLACE_TEST(move_never_replaces),
        PLACE_TEST(walk_ends_early),
        cmocka_unit_test(name_with_nul),
    };

    for (size_t i = 0; i < ARRAY_LEN(name_rows); i++)
        tests[11 + i] = (struct CMUnitTest){name_rows[i].name, name_row, NULL, NULL, &name_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(clash_rows); i++)
        tests[11 + ARRAY_LEN(name_rows) + i] =
            (struct CMUnitTest){clash_rows[i].name, clash_row, NULL, NULL, &clash_rows[i]};
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
