/* backup while the store works, its verification, and what a restored state knows */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "gateway/audit.h"
#include "gateway/explain.h"
#include "gateway/store_backup.h"
#include "helper_store.h"

enum { ARENA_MAX = 8 << 20, PATH_CAP = 128 };

#define BACKUP_TEST(fn)                                                                            \
    cmocka_unit_test_setup_teardown(fn, helper_store_setup, helper_store_teardown)

static void json_end(json_t **json)
{
    json_decref(*json);
}

static void beside(const struct helper_store *h, const char *name, char path[PATH_CAP])
{
    (void)snprintf(path, PATH_CAP, "%s/%s", h->dir, name);
}

static void back_up(struct helper_store *h, const char *name, struct gw_backup_report *report)
{
    struct error err = {0};
    char path[PATH_CAP];

    beside(h, name, path);
    if (gw_store_backup(h->store, path, report, &err) != ST_OK)
        fail_msg("%s", err.text);
}

/* In the folder of the test. */
static void run(const struct helper_store *h, const char *what)
{
    char command[512];

    (void)snprintf(command, sizeof command, "cd %s && %s", h->dir, what);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
}

static void whole(void **state)
{
    struct helper_store *h = *state;
    struct gw_backup_report report, again;
    char id[GW_ID_SIZE], path[PATH_CAP];
    struct error err = {0};

    helper_message_add(h, GW_OUTBOX, "p", "a", 0, id);
    helper_message_add(h, GW_INBOX, "p", "bb", 1, id);
    back_up(h, "b1", &report);
    assert_int_equal(report.files, 2);
    assert_int_equal(report.missing, 0);
    beside(h, "b1", path);
    assert_int_equal(gw_backup_verify(path, &again, &err), ST_OK);
    assert_int_equal(again.files, 2);
    assert_true(again.bytes == report.bytes);
    run(h, "cd b1 && sha256sum --quiet -c manifest.sha256");
    assert_int_equal(gw_store_backup(h->store, path, &report, &err), ST_DUPLICATE);
    run(h, "test ! -e b1.partial");
    run(h, "mkdir b2.partial"); /* of one that was interrupted */
    back_up(h, "b2", &report);
    run(h, "test ! -e b2.partial");
}

static struct row {
    const char *name, *harm;
    enum status st;
} rows[] = {
    {"a file is missing", "rm b/payload/*/*/payload-*", ST_INVALID},
    {"a file has changed", "printf x >>$(ls b/payload/*/*/payload-*)", ST_INVALID},
    {"the index has changed", "printf x >>b/index.db", ST_INVALID},
    {"no manifest", "rm b/manifest.sha256", ST_NOT_FOUND},
    {"an empty manifest", ": >b/manifest.sha256", ST_INVALID},
    {"a manifest without the payload", "sed -i /payload/d b/manifest.sha256", ST_INVALID},
    {"a manifest that leads outside", "sed -i s,payload/,payload/../../, b/manifest.sha256",
     ST_INVALID},
    {"rubbish in the manifest", "echo rubbish >>b/manifest.sha256", ST_INVALID},
    {"a link in a file's place",
     "f=$(ls b/payload/*/*/payload-*) && cp $f elsewhere && ln -sf $PWD/elsewhere $f", ST_DENIED},
    {"a pipe in a file's place", "f=$(ls b/payload/*/*/payload-*) && rm $f && mkfifo $f",
     ST_DENIED},
    {"an absolute path in the manifest",
     "echo \"$(printf '%064d' 0)  /etc/passwd\" >>b/manifest.sha256", ST_INVALID},
    {"a manifest made anew over another content",
     "cd b && f=$(ls payload/*/*/payload-*) && printf x >$f && sha256sum $f index.db "
     ">manifest.sha256",
     ST_INVALID},
    {"a manifest that names another file",
     "cd b && mv payload payload.old && mkdir -p payload/00 && mv payload.old/*/*/payload-* "
     "payload/00/f && sha256sum payload/00/f index.db >manifest.sha256",
     ST_INVALID},
    /* of the digest of "hello"; strtoul takes all of them for the 0e that is there */
    {"a blank in a digest", "sed -i 's/a30e26e83b2/a3 e26e83b2/' b/manifest.sha256", ST_INVALID},
    {"a sign in a digest", "sed -i 's/a30e26e83b2/a3+e26e83b2/' b/manifest.sha256", ST_INVALID},
    {"nothing", "true", ST_OK},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    struct gw_backup_report report;
    char id[GW_ID_SIZE], backup[PATH_CAP], restored[PATH_CAP];
    void *made = NULL;
    struct error err = {0};
    struct helper_store *h;

    assert_int_equal(helper_store_setup(&made), 0);
    h = made;
    helper_message_add(h, GW_INBOX, "p", "hello", 0, id);
    back_up(h, "b", &report);
    run(h, row->harm);
    beside(h, "b", backup);
    beside(h, "r", restored);
    assert_int_equal(gw_backup_verify(backup, &report, &err), row->st);
    assert_int_equal(gw_backup_restore(backup, restored, HELPER_NOW_MS, &report, &err), row->st);
    run(h, row->st == ST_OK ? "test -e r/index.db" : "test ! -e r");
    run(h, "test ! -e r.partial");
    assert_int_equal(helper_store_teardown(&made), 0);
}

/* ---- what is restored ---- */

static enum status card_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct gw_move move = {.id = ctx,
                                 .event = GW_EV_SEAL,
                                 .osci_message_id = ctx, /* any */
                                 .cause = {.now = HELPER_NOW_MS, .actor = "test"}};

    return gw_store_move(tx, &move, NULL, err);
}

static void seal(struct helper_store *h, char *id)
{
    struct error err = {0};

    assert_int_equal(gw_store_commit(h->store, card_commit, id, &err), ST_OK);
}

static enum gw_state state_of(struct helper_store *h, const char *id, int *reason)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_message_row row = helper_message(h, &arena, id);

    *reason = row.last_reason;
    return row.state;
}

static void nothing_is_sent_twice(void **state)
{
    struct helper_store *h = *state, other = {0};
    char accepted[GW_ID_SIZE], sealed[GW_ID_SIZE], deferred[GW_ID_SIZE], submitted[GW_ID_SIZE],
        delivered[GW_ID_SIZE], opened[GW_ID_SIZE], path[PATH_CAP];
    struct gw_backup_report report;
    struct error err = {0};
    int reason;

    helper_message_add(h, GW_OUTBOX, "p", "a", 0, accepted);
    helper_message_add(h, GW_OUTBOX, "p", "b", 1, sealed);
    helper_message_add(h, GW_OUTBOX, "p", "c", 2, deferred);
    helper_message_add(h, GW_OUTBOX, "p", "d", 3, submitted);
    helper_message_add(h, GW_OUTBOX, "p", "e", 4, delivered);
    helper_message_add(h, GW_INBOX, "p", "f", 5, opened);
    seal(h, sealed);
    helper_move(h, deferred, GW_EV_DEFER, 6); /* before it was sealed */
    seal(h, submitted);
    helper_move(h, submitted, GW_EV_SUBMIT, 7);
    seal(h, delivered);
    helper_move(h, delivered, GW_EV_DELIVER, 8);
    helper_move(h, opened, GW_EV_OPEN, 9);
    back_up(h, "b", &report);

    beside(h, "b", path);
    helper_dir_make(other.dir); /* empty, which is as good as none */
    assert_int_equal(gw_backup_restore(path, other.dir, HELPER_NOW_MS + 99, &report, &err), ST_OK);
    assert_int_equal(report.unclear, 1);
    assert_int_equal(report.held, 2);
    assert_int_equal(gw_backup_restore(path, other.dir, HELPER_NOW_MS, &report, &err),
                     ST_DUPLICATE); /* never over a state */
    helper_store_open(&other, true);
    assert_int_equal(other.report.missing, 0);
    assert_int_equal(state_of(&other, accepted, &reason), GW_FAILED);
    assert_int_equal(reason, GW_R_RESTORED);
    assert_int_equal(state_of(&other, sealed, &reason), GW_UNCLEAR);
    assert_int_equal(state_of(&other, deferred, &reason), GW_FAILED);
    assert_int_equal(state_of(&other, submitted, &reason), GW_SUBMITTED);
    assert_int_equal(state_of(&other, delivered, &reason), GW_DELIVERED);
    assert_int_equal(state_of(&other, opened, &reason), GW_OPENED);
    helper_store_close(&other);
    helper_dir_remove(other.dir);
}

/* As the completion of a shell writes them. */
static void slashes_at_the_end(void **state)
{
    struct helper_store *h = *state;
    struct gw_backup_report report;
    char id[GW_ID_SIZE], backup[PATH_CAP], restored[PATH_CAP];
    struct error err = {0};

    helper_message_add(h, GW_INBOX, "p", "a", 0, id);
    back_up(h, "b/", &report);
    run(h, "test -e b/index.db && test ! -e b/.partial && mkdir r");
    beside(h, "b/", backup);
    beside(h, "r//", restored);
    if (gw_backup_restore(backup, restored, HELPER_NOW_MS, &report, &err) != ST_OK)
        fail_msg("%s", err.text);
    run(h, "test -e r/index.db && test ! -e r/.partial");
    /* another mistake than a state that is there */
    run(h, "touch f");
    beside(h, "f", restored);
    assert_int_equal(gw_backup_restore(backup, restored, HELPER_NOW_MS, &report, &err), ST_DENIED);
    assert_null(strstr(err.text, "not empty"));
}

static int64_t last_event(struct helper_store *h)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct error err = {0};
    int64_t seq;

    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_events_last(tx, &seq, &err), ST_OK);
    return seq;
}

/* A client that has heard of what came after the backup goes on behind that. */
static void no_number_of_an_event_is_given_twice(void **state)
{
    struct helper_store *h = *state, other = {0};
    const struct gw_audit_ask ask = {0};
    AUTO(json_end) json_t *audit = NULL;
    struct gw_backup_report report;
    char id[GW_ID_SIZE], path[PATH_CAP];
    struct error err = {0};
    int64_t heard;

    helper_message_add(h, GW_OUTBOX, "p", "a", 0, id);
    back_up(h, "b", &report);
    for (int i = 0; i < 20; i++)
        helper_message_add(h, GW_OUTBOX, "p", "later", 1 + i, id);
    heard = last_event(h);
    beside(h, "b", path);
    helper_dir_make(other.dir);
    assert_int_equal(gw_backup_restore(path, other.dir, HELPER_NOW_MS, &report, &err), ST_OK);
    helper_store_open(&other, true);
    assert_true(last_event(&other) > heard);
    assert_int_equal(gw_audit_run(other.store, &ask, &audit, &err), ST_OK);
    assert_true(json_is_true(json_object_get(audit, "whole")));
    helper_store_close(&other);
    helper_dir_remove(other.dir);
}

/* ---- while messages flow ---- */

struct flow {
    struct helper_store *h;
    atomic_bool stop;
    atomic_int made;
};

static enum status forget(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_store_files_remove(tx, ctx, GW_FILE_PAYLOAD, err);
}

/* Messages come, and their files go again. */
static void *flow_main(void *arg)
{
    struct flow *f = arg;
    char ids[8][GW_ID_SIZE];

    for (int i = 0; !atomic_load(&f->stop); i++) {
        struct error err = {0};

        if (i >= 8 && gw_store_commit(f->h->store, forget, ids[i % 8], &err) != ST_OK)
            break;
        helper_message_add(f->h, GW_OUTBOX, "p", "flows", i, ids[i % 8]);
        atomic_fetch_add(&f->made, 1);
    }
    return NULL;
}

static void while_messages_flow(void **state)
{
    struct helper_store *h = *state;
    struct flow flow = {.h = h};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, flow_main, &flow), 0);
    for (int i = 0; i < 6; i++) {
        struct gw_backup_report report;
        struct error err = {0};
        char name[16], path[PATH_CAP];
        int before = atomic_load(&flow.made);

        while (atomic_load(&flow.made) < before + 10) /* the other thread makes them */
            (void)sched_yield();
        (void)snprintf(name, sizeof name, "b%d", i);
        back_up(h, name, &report);
        assert_true(report.files > 0);
        beside(h, name, path);
        if (gw_backup_verify(path, &report, &err) != ST_OK)
            fail_msg("%s", err.text);
    }
    atomic_store(&flow.stop, true);
    (void)pthread_join(thread, NULL);
    /* what was held back is gone now: eight messages still have their file */
    assert_int_equal(helper_file_count(h, "payload"), 8);
}

int main(void)
{
    enum { PLAIN = 5 };
    struct CMUnitTest tests[PLAIN + ARRAY_LEN(rows)] = {
        BACKUP_TEST(whole),
        BACKUP_TEST(nothing_is_sent_twice),
        BACKUP_TEST(slashes_at_the_end),
        BACKUP_TEST(no_number_of_an_event_is_given_twice),
        BACKUP_TEST(while_messages_flow),
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[PLAIN + i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
