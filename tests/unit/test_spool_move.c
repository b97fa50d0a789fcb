/*
 * out/ on one file system, sent/ and refused/ on another. The tests cannot count on having two, so
 * renameat says EXDEV where two would: whatever leads from one tree into the other must be copied.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gateway/worker.h"
#include "helper_spool.h"
#include "tests/unit/helper_crypto.h"

static bool apart;     /* two file systems */
static bool fails_now; /* what comes out of hiding on the other one does not */
static bool across;    /* something had to be copied */

static bool is_other(int fd)
{
    char link[64], path[GW_PATH_SIZE];
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = '\0';
    return strstr(path, "/sent") != NULL || strstr(path, "/refused") != NULL;
}

int __real_renameat(int from_at, const char *from, int to_at, const char *to);
int __wrap_renameat(int from_at, const char *from, int to_at, const char *to);

int __wrap_renameat(int from_at, const char *from, int to_at, const char *to)
{
    bool other = apart && is_other(to_at);

    if (apart && is_other(from_at) != other) {
        across = true;
        errno = EXDEV;
        return -1;
    }
    if (other && fails_now && from[0] == '.') {
        errno = EIO;
        return -1;
    }
    return __real_renameat(from_at, from, to_at, to);
}

static struct row {
    const char *name;
    enum spool_rule rule;
    const char *script;
    struct spool_expect expect; /* taken, refused, left, reason */
} rows[] = {
    {"a file", SPOOL_RENAME, "t % eins; scan", {1, 0, 0, 0}},
    {"the same name twice", SPOOL_RENAME, "t % eins; scan; t % zwei; scan", {2, 0, 0, 0}},
    {"a file with what belongs to it",
     SPOOL_MANIFEST,
     "w %.meta.yaml subject: S; w % eins; sum %; scan",
     {1, 0, 0, 0}},
    {"a folder", SPOOL_RENAME, "d d; w d/a eins; w d/b zwei; w d/.c drei; scan", {1, 0, 0, 0}},
    {"a folder without its empty files",
     SPOOL_RENAME,
     "d d; w d/a eins; w d/b ; scan",
     {1, 0, 0, 0}},
    {"a link is refused", SPOOL_RENAME, "link %; scan", {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"a pipe is refused", SPOOL_RENAME, "fifo %; scan", {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"a socket is refused", SPOOL_RENAME, "sock %; scan", {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"folders in folders, with a link in them",
     SPOOL_RENAME,
     "d d; d d/d; d d/d/d; w d/d/d/a eins; link d/d/b; fifo d/d/c; scan",
     {0, 1, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"refused twice under one name",
     SPOOL_RENAME,
     "link %; scan; link %; scan",
     {0, 2, 0, GW_R_SPOOL_NOT_A_FILE}},
    {"refused with its meta file",
     SPOOL_RENAME,
     "w %.meta.yaml kein: S; t % eins; scan",
     {0, 1, 0, GW_R_SPOOL_BAD_META}},
    {"a crash after the claim", SPOOL_RENAME, "t % eins; claim %; crash; scan", {1, 0, 0, 0}},
    {"written where it lies", SPOOL_SETTLED, "w % eins; until", {1, 0, 0, 0}},
};

static struct spool_world *world(void)
{
    static struct spool_world *w; /* for all: each leaves its folders empty */

    if (w == NULL) {
        w = calloc(1, sizeof *w);
        assert_non_null(w);
        spool_world_open(w);
    }
    return w;
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct spool_world *w = world();

    apart = true;
    across = false;
    spool_play(w, row->rule, row->script, "brief.txt");
    apart = false;
    assert_true(across);
    spool_settle_up(w, row->rule, &row->expect);
}

/* What lies in a folder, hidden or not. */
static enum status count_entry(void *ctx, const char *name, mode_t mode, struct error *err)
{
    (void)name;
    (void)mode;
    (void)err;
    ++*(unsigned *)ctx;
    return ST_OK;
}

static unsigned entries(int folder)
{
    struct error err = {0};
    unsigned count = 0;

    assert_int_equal(gw_dir_each(folder, ".", count_entry, &count, &err), ST_OK);
    return count;
}

/* The copy is there, under its hidden name, and then nothing works any more: it is one message, and
 * the next start makes its copy anew. */
static void test_copied_and_cut(void **state)
{
    const struct spool_expect once = {.taken = 1};
    struct spool_world *w = world();
    struct gw_spool_endpoint *e = &w->e[SPOOL_RENAME];
    struct error err = {0};
    int again_ms;

    (void)state;
    apart = fails_now = true;
    spool_play(w, SPOOL_RENAME, "d d; w d/a eins; w d/b zwei", "");
    assert_int_not_equal(gw_spool_take(e, &again_ms, &err), ST_OK);
    assert_int_equal(err.reason, GW_R_SPOOL_FOLDER);
    assert_int_equal(entries(e->sent), 1); /* the hidden copy */
    assert_int_equal(entries(e->out), 1);  /* the claim */
    fails_now = false;
    spool_play(w, SPOOL_RENAME, "crash; scan", "");
    apart = false;
    assert_int_equal(entries(e->sent), 1);
    assert_int_equal(entries(e->out), 0);
    spool_settle_up(w, SPOOL_RENAME, &once);
}

/* A copy looks like what it was made of. */
static void test_times_and_rights(void **state)
{
    const struct spool_expect once = {.refused = 1, .reason = GW_R_SPOOL_BAD_META};
    struct spool_world *w = world();
    struct gw_spool_endpoint *e = &w->e[SPOOL_RENAME];
    struct stat st;

    (void)state;
    apart = true;
    spool_play(w, SPOOL_RENAME, "w a.meta.yaml kein: S; t a eins; touch a; scan", "");
    apart = false;
    assert_int_equal(fstatat(e->refused, "a", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_mtim.tv_sec, 1000000000);
    assert_int_equal(st.st_mode & 0777, 0660);
    spool_settle_up(w, SPOOL_RENAME, &once);
}

static int finish(void **state)
{
    struct spool_world *w = world();

    spool_world_close(w);
    free(w);
    return helper_crypto_teardown(state);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_copied_and_cut);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_times_and_rights);
    gw_worker_setup(2);
    return cmocka_run_group_tests_name("spool_move", tests, helper_crypto_setup, finish);
}
