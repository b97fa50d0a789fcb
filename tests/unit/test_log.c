/* the log: escaping, types, levels, one line in one piece */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/log.h"

static int64_t fixed_clock(void)
{
    return 1777882500123; /* 2026-05-04T08:15:00.123Z */
}

/* A file without a name; what was written can be read from its beginning. */
static int scratch(void)
{
    char path[] = "/tmp/test_log.XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    return fd;
}

static size_t content(int fd, char *text, size_t cap)
{
    ssize_t n = pread(fd, text, cap - 1, 0);

    assert_true(n >= 0);
    text[n] = '\0';
    return (size_t)n;
}

struct value_row {
    const char *name, *value, *line;
};

static struct value_row value_rows[] = {
    {"plain", "abc-1.2/x:y@z", "abc-1.2/x:y@z"},
    {"empty", "", "\"\""},
    {"blank", "Stadt Beheim", "\"Stadt Beheim\""},
    {"umlaut", "Größe", "\"Größe\""},
    {"quote and backslash", "a\"b\\c", "\"a\\\"b\\\\c\""},
    {"a forged second line", "x\nevent=forged", "\"x\\nevent=forged\""},
    {"carriage return and tab", "a\rb\tc", "\"a\\rb\\tc\""},
    {"escape sequence", "\x1b[31m", "\"\\x1b[31m\""},
    {"delete", "a\x7f", "\"a\\x7f\""},
    {"equals sign", "a=b", "\"a=b\""},
    {"Latin-1", "Gr\xf6\xdf", "\"Gr\\xf6\\xdf\""},
    {"cut character", "a\xc3", "\"a\\xc3\""},
    {"overlong", "\xc0\xaf", "\"\\xc0\\xaf\""},
    {"surrogate", "\xed\xa0\x80", "\"\\xed\\xa0\\x80\""},
    {"C1 control",
     "\xc2\x9b"
     "31m",
     "\"\\xc2\\x9b31m\""},
    {"past Unicode", "\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\""},
    {"emoji", "\xf0\x9f\x93\xa8", "\"\xf0\x9f\x93\xa8\""},
};

static void value_row(void **state)
{
    const struct value_row *row = *state;
    AUTO(gw_log_drop) struct gw_log *log = NULL;
    AUTO(fd_drop) int fd = scratch();
    struct error err = {0};
    char text[512], want[512];

    assert_int_equal(gw_log_new_fd(fd, GW_LOG_INFO, fixed_clock, &log, &err), ST_OK);
    gw_log(log, GW_LOG_INFO, "test", LOG_STR("v", row->value));
    content(fd, text, sizeof text);
    (void)snprintf(want, sizeof want, "2026-05-04T08:15:00.123Z info event=test v=%s\n", row->line);
    assert_string_equal(text, want);
}

static void types(void **state)
{
    AUTO(gw_log_drop) struct gw_log *log = NULL;
    AUTO(fd_drop) int fd = scratch();
    struct error err = {0}, told = {.status = ST_DENIED,
                                    .reason = 9601,
                                    .file = "gateway/x.c",
                                    .line = 12,
                                    .text = "bad \"sig\""};
    char text[512];

    (void)state;
    assert_int_equal(gw_log_new_fd(fd, GW_LOG_DEBUG, fixed_clock, &log, &err), ST_OK);
    gw_log(log, GW_LOG_ERROR, "a.b", LOG_INT("n", INT64_MIN), LOG_BOOL("b", true),
           LOG_TIME("t", 999), LOG_TIME("none", 0), LOG_STR("null", NULL),
           LOG_SPAN("s", SPAN("a\0b")), LOG_ERR(&told));
    gw_log(log, GW_LOG_DEBUG, "bare");
    gw_log(NULL, GW_LOG_ERROR, "nowhere");
    content(fd, text, sizeof text);
    assert_string_equal(text, "2026-05-04T08:15:00.123Z error event=a.b n=-9223372036854775808 "
                              "b=yes t=1970-01-01T00:00:00.999Z s=\"a\\x00b\" status=DENIED "
                              "code=D-9601 at=x.c:12 error=\"bad \\\"sig\\\"\"\n"
                              "2026-05-04T08:15:00.123Z debug event=bare\n");
}

static void levels(void **state)
{
    AUTO(gw_log_drop) struct gw_log *log = NULL;
    AUTO(fd_drop) int fd = scratch();
    struct error err = {0};
    char text[512];

    (void)state;
    assert_int_equal(gw_log_new_fd(fd, GW_LOG_WARNING, fixed_clock, &log, &err), ST_OK);
    gw_log(log, GW_LOG_DEBUG, "no");
    gw_log(log, GW_LOG_INFO, "no");
    gw_log(log, GW_LOG_WARNING, "yes");
    assert_false(gw_log_wants(log, GW_LOG_INFO));
    assert_true(gw_log_wants(log, GW_LOG_ERROR));
    content(fd, text, sizeof text);
    assert_string_equal(text, "2026-05-04T08:15:00.123Z warning event=yes\n");
}

/* A field that does not fit is left out whole, and the line still ends. */
static void long_lines(void **state)
{
    AUTO(gw_log_drop) struct gw_log *log = NULL;
    AUTO(fd_drop) int fd = scratch();
    struct error err = {0};
    char text[3 * GW_LOG_LINE_MAX];
    char *value = calloc(1, 2 * GW_LOG_LINE_MAX + 1);

    (void)state;
    memset(value, 'x', 2 * GW_LOG_LINE_MAX);
    assert_int_equal(gw_log_new_fd(fd, GW_LOG_INFO, fixed_clock, &log, &err), ST_OK);
    for (size_t len = GW_LOG_LINE_MAX - 120; len < GW_LOG_LINE_MAX + 5; len++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        gw_log(log, GW_LOG_INFO, "test", LOG_SPAN("v", span_of(value, len)), LOG_INT("n", 1));
        size_t n = content(fd, text, sizeof text);
        assert_true(n <= GW_LOG_LINE_MAX && n > 40);
        assert_int_equal(text[n - 1], '\n');
        assert_true(strstr(text, "cut=yes\n") != NULL || strstr(text, " n=1\n") != NULL);
    }
    free(value);
}

enum { THREADS = 8, LINES = 500 };

static void *writer(void *arg)
{
    for (int i = 0; i < LINES; i++)
        gw_log(arg, GW_LOG_INFO, "thread", LOG_STR("v", "0123456789"), LOG_INT("n", i));
    return NULL;
}

static void threads(void **state)
{
    AUTO(gw_log_drop) struct gw_log *log = NULL;
    AUTO(fd_drop) int fd = scratch();
    pthread_t t[THREADS];
    struct error err = {0};
    char *text = calloc(1, 1024 * 1024), *save = NULL;
    int lines = 0;

    (void)state;
    assert_int_equal(gw_log_new_fd(fd, GW_LOG_INFO, fixed_clock, &log, &err), ST_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, writer, log), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    content(fd, text, 1024 * 1024);
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        static const char want[] = "2026-05-04T08:15:00.123Z info event=thread v=0123456789 n=";

        assert_memory_equal(line, want, sizeof want - 1);
        lines++;
    }
    assert_int_equal(lines, THREADS * LINES);
    free(text);
}

static void reopened_file(void **state)
{
    char dir[] = "/tmp/test_log.XXXXXX", path[64], old[64], text[256];
    AUTO(gw_log_drop) struct gw_log *log = NULL;
    struct error err = {0};

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/log", dir);
    (void)snprintf(old, sizeof old, "%s/log.1", dir);
    assert_int_equal(gw_log_new(GW_LOG_FILE, GW_LOG_INFO, path, &log, &err), ST_OK);
    gw_log(log, GW_LOG_INFO, "one");
    assert_int_equal(rename(path, old), 0);
    gw_log_reopen(log);
    gw_log(log, GW_LOG_INFO, "two");
    AUTO(fd_drop) int fd = open(path, O_RDONLY);
    content(fd, text, sizeof text);
    assert_non_null(strstr(text, "event=two\n"));
    assert_null(strstr(text, "event=one\n"));
    assert_int_equal(unlink(path) | unlink(old) | rmdir(dir), 0);
    gw_log_drop(&log);
    assert_int_equal(gw_log_new(GW_LOG_FILE, GW_LOG_INFO, "/nonexistent/x", &log, &err), ST_RETRY);
}

int main(void)
{
    static struct CMUnitTest tests[ARRAY_LEN(value_rows) + 5];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(value_rows); i++)
        tests[n++] = (struct CMUnitTest){value_rows[i].name, value_row, NULL, NULL, &value_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(types);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(levels);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(long_lines);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(threads);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(reopened_file);
    return _cmocka_run_group_tests("log", tests, n, NULL, NULL);
}
