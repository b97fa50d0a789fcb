#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

void helper_dir_make(char dir[64])
{
    (void)snprintf(dir, 64, "/tmp/depesche-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

void helper_dir_remove(const char *dir)
{
    struct error err = {0};

    assert_int_equal(gw_dir_remove(AT_FDCWD, dir, &err), ST_OK);
}

void helper_store_open(struct helper_store *h, bool deep_check)
{
    const struct gw_store_conf conf = {
        .dir = h->dir, .rng = rng_system(), .deep_check = deep_check};
    struct error err = {0};

    if (gw_store_open(&conf, HELPER_NOW_MS, &h->store, &h->report, &err) != ST_OK)
        fail_msg("%s", err.text);
}

void helper_store_close(struct helper_store *h)
{
    gw_store_close(h->store);
    h->store = NULL;
}

void helper_store_reopen(struct helper_store *h)
{
    helper_store_close(h);
    helper_store_open(h, false);
}

int helper_store_setup(void **state)
{
    struct helper_store *h = calloc(1, sizeof *h);

    assert_non_null(h);
    helper_dir_make(h->dir);
    helper_store_open(h, false);
    *state = h;
    return 0;
}

int helper_store_teardown(void **state)
{
    struct helper_store *h = *state;

    gw_store_close(h->store);
    helper_dir_remove(h->dir);
    free(h);
    return 0;
}

void helper_id(int64_t at, char id[GW_ID_SIZE])
{
    struct error err = {0};

    assert_int_equal(gw_uuid_make(rng_system(), HELPER_NOW_MS + at, id, &err), ST_OK);
}

void helper_message_add(struct helper_store *h, enum gw_box box, const char *peer, const char *text,
                        int64_t at, char id[GW_ID_SIZE])
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    struct gw_message_row row = {.id = id,
                                 .tenant = "stadt",
                                 .endpoint = "meldewesen",
                                 .box = box,
                                 .peer = peer,
                                 .subject = text,
                                 .created_at = HELPER_NOW_MS + at};
    const struct gw_cause cause = {.now = HELPER_NOW_MS + at, .actor = "test"};
    const struct gw_file_row *files;
    struct error err = {0};
    size_t count;

    helper_id(at, id);
    assert_int_equal(gw_stage_new(h->store, id, &stage, &err), ST_OK);
    assert_int_equal(gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "brief.txt", "text/plain", NULL,
                                        span_str(text), &err),
                     ST_OK);
    assert_int_equal(gw_stage_publish(stage, &err), ST_OK);
    files = gw_stage_files(stage, &count);
    if (gw_store_commit_message(h->store, &row, files, count, &cause, NULL, &err) != ST_OK)
        fail_msg("%s", err.text);
    gw_stage_done(stage);
}

void helper_move(struct helper_store *h, const char *id, enum gw_event event, int64_t at)
{
    const struct gw_move move = {
        .id = id,
        .event = event,
        .cause = {.now = HELPER_NOW_MS + at, .actor = "test", .en = "why", .de = "warum"}};
    struct error err = {0};

    if (gw_store_commit_move(h->store, &move, NULL, &err) != ST_OK)
        fail_msg("%s", err.text);
}

struct gw_message_row helper_message(struct helper_store *h, struct arena *arena, const char *id)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row = {0};
    struct error err = {0};

    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    if (gw_store_message(tx, arena, id, &row, &err) != ST_OK)
        fail_msg("%s", err.text);
    return row;
}

struct counting {
    char path[GW_PATH_SIZE];
    size_t count;
};

static enum status count_entry(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct counting *c = ctx, inside = {.count = 0};

    if (!S_ISDIR(mode)) {
        c->count++;
        return ST_OK;
    }
    assert_true(strlen(c->path) + strlen(name) + 2 < sizeof inside.path);
    (void)strcpy(inside.path, c->path);
    (void)strcat(strcat(inside.path, "/"), name);
    TRY(gw_dir_each(AT_FDCWD, inside.path, count_entry, &inside, err));
    c->count += inside.count;
    return ST_OK;
}

size_t helper_file_count(const struct helper_store *h, const char *sub)
{
    struct counting c = {.count = 0};
    struct error err = {0};

    (void)snprintf(c.path, sizeof c.path, "%s/%s", h->dir, sub);
    assert_int_equal(gw_dir_each(AT_FDCWD, c.path, count_entry, &c, &err), ST_OK);
    return c.count;
}
