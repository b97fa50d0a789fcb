#define _GNU_SOURCE 1 /* asprintf */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "gateway/body.h"
#include "gateway/pull.h"

static char dir[] = "/tmp/depesche-body-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(dir); /* fails when a temporary file has kept its name */
}

static uint8_t pattern(uint64_t at)
{
    return (uint8_t)(at * 7 + at / 251);
}

static void body_fill(struct gw_body *body, size_t len, size_t step)
{
    uint8_t bytes[4096];
    struct error err;

    for (size_t at = 0; at < len;) {
        size_t n = len - at < step ? len - at : step;

        for (size_t i = 0; i < n; i++)
            bytes[i] = pattern(at + i);
        assert_int_equal(sink_write(gw_body_sink(body), span_of(bytes, n), &err), ST_OK);
        at += n;
    }
}

static void source_check(struct source *source, uint64_t offset, size_t cap, size_t want)
{
    uint8_t bytes[5000];
    struct error err;
    size_t got = 999;

    assert_int_equal(source_read(source, offset, bytes, cap, &got, &err), ST_OK);
    assert_int_equal(got, want);
    for (size_t i = 0; i < got; i++)
        assert_int_equal(bytes[i], pattern(offset + i));
}

static const struct row {
    const char *name;
    size_t memory_max, len, step;
    bool in_memory;
} rows[] = {
    {"an empty body", 100, 0, 1, true},
    {"all in memory", 1000, 999, 100, true},
    {"memory filled to the brim", 1000, 1000, 100, true},
    {"one byte more", 1000, 1001, 100, false},
    {"never in memory", 0, 1, 1, false},
    {"many pieces", 1000, 100000, 4096, false},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(gw_body_drop) struct gw_body *body = NULL;
    struct source *source;
    struct span bytes;
    struct error err;

    assert_int_equal(gw_body_new(dir, row->memory_max, 1 << 20, &body, &err), ST_OK);
    body_fill(body, row->len, row->step);
    source = gw_body_source(body);
    assert_int_equal(gw_body_len(body), row->len);
    assert_int_equal(source->len, row->len);
    assert_int_equal(gw_body_bytes(body, &bytes), row->in_memory);
    source_check(source, 0, 5000, row->len < 5000 ? row->len : 5000);
    source_check(source, row->len, 10, 0);
    source_check(source, row->len + 1000, 10, 0);
    if (row->len > 0)
        source_check(source, row->len - 1, 10, 1);
}

static void test_limit(void **state)
{
    AUTO(gw_body_drop) struct gw_body *body = NULL;
    struct error err;

    (void)state;
    assert_int_equal(gw_body_new(dir, 10, 20, &body, &err), ST_OK);
    body_fill(body, 20, 5);
    assert_int_equal(gw_body_write(body, SPAN("x"), &err), ST_LIMIT);
    assert_int_equal(gw_body_len(body), 20);
    gw_body_max_set(body, 21);
    assert_int_equal(gw_body_write(body, SPAN("x"), &err), ST_OK);
    assert_int_equal(gw_body_write(body, SPAN("x"), &err), ST_LIMIT);
}

static void test_no_dir(void **state)
{
    AUTO(gw_body_drop) struct gw_body *body = NULL;
    struct error err;

    (void)state;
    assert_int_equal(gw_body_new("/nonexistent/folder", 10, 100, &body, &err), ST_OK);
    assert_int_equal(gw_body_write(body, SPAN("0123456789"), &err), ST_OK);
    assert_int_equal(gw_body_write(body, SPAN("x"), &err), ST_RETRY);
    assert_non_null(strstr(err.text, "/nonexistent/folder"));
}

static void test_file(void **state)
{
    AUTO(free_drop) char *path = NULL;
    struct gw_range_source file = {.fd = -1};
    struct gw_range_sink sink;
    struct error err;
    uint8_t bytes[4096];
    size_t got;
    int fd;

    (void)state;
    assert_true(asprintf(&path, "%s/file", dir) > 0);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = pattern(i);
    (void)gw_range_sink_init(&sink, fd);
    assert_int_equal(sink_write(&sink.base, span_of(bytes, sizeof(bytes)), &err), ST_OK);
    assert_int_equal(sink.len, sizeof(bytes));

    assert_int_equal(gw_range_source_open(&file, path, &err), ST_OK);
    source_check(&file.base, 4000, 200, 96);
    gw_range_source_deinit(&file);
    gw_range_source_deinit(&file);

    (void)gw_range_source_init(&file, fd, 100, 50);
    assert_int_equal(source_read(&file.base, 40, bytes, 100, &got, &err), ST_OK);
    assert_int_equal(got, 10);
    assert_int_equal(bytes[0], pattern(140));
    assert_int_equal(ftruncate(fd, 120), 0);
    assert_int_equal(source_read(&file.base, 0, bytes, 50, &got, &err), ST_RETRY);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(gw_range_source_open(&file, path, &err), ST_NOT_FOUND);
    assert_int_equal(gw_range_source_open(&file, dir, &err), ST_DENIED);
    close(fd);
}

static void count_close(void *ctx, bool whole)
{
    int *count = ctx;

    *count += whole ? 100 : 1;
}

static void test_pull(void **state)
{
    AUTO(gw_body_drop) struct gw_body *body = NULL;
    AUTO(buf_deinit) struct buf out = {0};
    struct gw_pull pull;
    struct error err;
    int closed = 0;
    bool end;

    (void)state;
    buf_init(&out, 1 << 20);
    assert_int_equal(gw_body_new(dir, 10, 1 << 20, &body, &err), ST_OK);
    body_fill(body, GW_PULL_STEP + 1, 4096);
    pull = gw_pull_source(gw_body_source(body), count_close, &closed);
    assert_int_equal(pull.len, GW_PULL_STEP + 1);
    for (int round = 0; round < 2; round++) {
        buf_reset(&out);
        assert_int_equal(pull.next(pull.ctx, &out, &end, &err), ST_OK);
        assert_false(end);
        assert_int_equal(out.len, GW_PULL_STEP);
        assert_int_equal(pull.next(pull.ctx, &out, &end, &err), ST_OK);
        assert_true(end);
        assert_int_equal(out.len, GW_PULL_STEP + 1);
        assert_int_equal(out.ptr[GW_PULL_STEP], pattern(GW_PULL_STEP));
        assert_int_equal(pull.reset(pull.ctx, &err), ST_OK);
    }
    gw_pull_close(&pull, true);
    gw_pull_close(&pull, false);
    assert_int_equal(closed, 100);

    pull = gw_pull_bytes(SPAN_NONE);
    buf_reset(&out);
    assert_int_equal(pull.next(pull.ctx, &out, &end, &err), ST_OK);
    assert_true(end);
    assert_int_equal(out.len, 0);
    gw_pull_close(&pull, false);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 4] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_no_dir),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_pull),
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[4 + i] =
            (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    return cmocka_run_group_tests(tests, setup, teardown);
}
