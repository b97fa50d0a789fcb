/* many writers at once, kill -9 at any moment, damaged files, older and newer indexes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include <sqlite3.h>

#include "gateway/store_osci.h"
#include "helper_store.h"

enum { ARENA_MAX = 64 << 20, THREADS = 8, WRITES = 200, ROUNDS = 15 };

#define STORE_TEST(fn)                                                                             \
    cmocka_unit_test_setup_teardown(fn, helper_store_setup, helper_store_teardown)

/* One message with one file; text is its subject and its file's content. */
static enum status message_accept(struct gw_store *store, int64_t now, const char *text,
                                  char id[GW_ID_SIZE], struct error *err)
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    const struct gw_message_row row = {
        .id = id, .box = GW_OUTBOX, .subject = text, .client_key = text, .created_at = now};
    const struct gw_cause cause = {.now = now, .actor = "test"};
    const struct gw_file_row *files;
    size_t count;

    TRY(gw_uuid_make(rng_system(), now, id, err));
    TRY(gw_stage_new(store, id, &stage, err));
    TRY(gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "f", NULL, NULL, span_str(text), err));
    TRY(gw_stage_publish(stage, err));
    files = gw_stage_files(stage, &count);
    TRY(gw_store_commit_message(store, &row, files, count, &cause, NULL, err));
    gw_stage_done(stage);
    return ST_OK;
}

struct writer {
    struct gw_store *store;
    int number;
    int failed;
};

static void *writer_main(void *arg)
{
    struct writer *w = arg;

    for (int i = 0; i < WRITES; i++) {
        const struct gw_cause cause = {.now = HELPER_NOW_MS, .reason = w->number * WRITES + i};
        struct error err = {0};

        w->failed +=
            gw_store_commit_event(w->store, "test", "t", NULL, &cause, &err) != ST_OK ? 1 : 0;
    }
    return NULL;
}

struct heard {
    int64_t last_seq;
    size_t calls;
};

static void on_commit(void *ctx, int64_t last_seq)
{
    struct heard *heard = ctx; /* the writer thread's alone until the store is closed */

    assert_true(last_seq > heard->last_seq);
    heard->last_seq = last_seq;
    heard->calls++;
}

static void each_event_once(struct helper_store *h)
{
    bool seen[THREADS * WRITES] = {false};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct error err = {0};
    size_t count = 0;
    int64_t after = 0;

    arena_init(&arena, ARENA_MAX);
    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    for (;;) {
        struct gw_event_list list;

        assert_int_equal(gw_store_events(tx, &arena, after, NULL, NULL, NULL, 1000, &list, &err),
                         ST_OK);
        for (size_t i = 0; i < list.count; i++) {
            assert_false(seen[list.rows[i].reason]);
            seen[list.rows[i].reason] = true;
            after = list.rows[i].seq;
        }
        count += list.count;
        if (!list.more)
            break;
    }
    assert_int_equal(count, THREADS * WRITES);
}

static void many_writers_share_commits(void **state)
{
    struct helper_store h = {.store = NULL};
    struct heard heard = {0};
    const struct gw_store_conf conf = {
        .dir = h.dir, .rng = rng_system(), .committed = on_commit, .committed_ctx = &heard};
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    struct gw_store_stats stats;
    struct error err = {0};

    (void)state;
    helper_dir_make(h.dir);
    assert_int_equal(gw_store_open(&conf, HELPER_NOW_MS, &h.store, NULL, &err), ST_OK);
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){h.store, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, writer_main, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(writers[i].failed, 0);
    }
    gw_store_stats(h.store, &stats);
    assert_int_equal(stats.jobs, THREADS * WRITES);
    assert_true(stats.commits < stats.jobs);
    assert_true(stats.batch_max > 1);
    helper_store_reopen(&h);
    assert_int_equal(heard.last_seq, THREADS * WRITES);
    assert_int_equal(heard.calls, stats.commits);
    each_event_once(&h);
    helper_store_close(&h);
    helper_dir_remove(h.dir);
}

/* In the child: accepts messages from two threads and tells each through the pipe, for ever. */
struct teller {
    struct gw_store *store;
    int pipe, thread, round;
};

static void *teller_main(void *arg)
{
    const struct teller *t = arg;
    char text[48], id[GW_ID_SIZE];
    struct error err = {0};

    for (int i = 0;; i++) {
        (void)snprintf(text, sizeof text, "%02d-%d-%06d", t->round, t->thread, i);
        if (message_accept(t->store, HELPER_NOW_MS, text, id, &err) != ST_OK)
            _exit(3);
        if (write(t->pipe, text, 11) != 11)
            _exit(4);
    }
}

static void child_main(const char *dir, int pipe, int round)
{
    const struct gw_store_conf conf = {.dir = dir, .rng = rng_system()};
    struct gw_store *store;
    struct error err = {0};
    struct teller tellers[2];
    pthread_t threads[2];

    if (gw_store_open(&conf, HELPER_NOW_MS, &store, NULL, &err) != ST_OK)
        _exit(2);
    for (int i = 0; i < 2; i++) {
        tellers[i] = (struct teller){store, pipe, i, round};
        if (pthread_create(&threads[i], NULL, teller_main, &tellers[i]) != 0)
            _exit(5);
    }
    for (;;)
        (void)pause();
}

/* Lets a child write for ms, kills it; appends what it acknowledged (11 bytes each) to told. */
static void round_run(const struct helper_store *h, int round, int ms, struct buf *told)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    int ends[2], how;
    pid_t child;
    uint8_t bytes[1100];
    ssize_t n;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        child_main(h->dir, ends[1], round);
    }
    close(ends[1]);
    /* the clock runs from the first word, so that every round gets somewhere */
    n = read(ends[0], bytes, 11);
    assert_int_equal(n, 11);
    buf_add(told, span_of(bytes, 11));
    (void)nanosleep(&time, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    while ((n = read(ends[0], bytes, sizeof bytes)) > 0)
        buf_add(told, span_of(bytes, (size_t)n));
    close(ends[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}

static void file_is_intact(struct helper_store *h, struct gw_tx *tx, struct arena *arena,
                           const struct gw_message_row *row)
{
    AUTO(buf_deinit) struct buf content = {0};
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    struct gw_file_list files;
    struct error err = {0};

    buf_init(&content, 100);
    assert_int_equal(gw_store_files(tx, arena, row->id, &files, &err), ST_OK);
    assert_int_equal(files.count, 1);
    if (gw_payload_open(h->store, &files.rows[0], &source, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_int_equal(source_read_all(&source.base, &content, &err), ST_OK);
    assert_true(span_is(buf_span(&content), row->subject));
}

/* Everything told is there once and whole; what is there has its file; nothing else lies about. */
static void everything_is_right(struct helper_store *h, struct span told)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_filter filter = {.oldest_first = true, .limit = 1000};
    struct gw_message_list list = {.more = true};
    struct gw_message_row row;
    struct error err = {0};
    size_t count = 0;

    arena_init(&arena, ARENA_MAX);
    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    assert_int_equal(told.len % 11, 0);
    for (size_t i = 0; i < told.len; i += 11) {
        char key[12] = "";

        memcpy(key, told.ptr + i, 11);
        if (gw_store_message_by_key(tx, &arena, NULL, NULL, key, &row, &err) != ST_OK)
            fail_msg("acknowledged and lost: %s", key);
    }
    while (list.more) { /* the client key is unique: none is there twice */
        assert_int_equal(gw_store_messages(tx, &arena, &filter, &list, &err), ST_OK);
        for (size_t i = 0; i < list.count; i++)
            file_is_intact(h, tx, &arena, &list.rows[i]);
        count += list.count;
        if (list.count > 0)
            filter.cursor = list.rows[list.count - 1].id;
    }
    assert_true(count >= told.len / 11);
    assert_int_equal(helper_file_count(h, "payload"), count);
    assert_int_equal(helper_file_count(h, "tmp"), 0);
    assert_int_equal(h->report.missing, 0);
}

static void kill_at_any_moment(void **state)
{
    struct helper_store h = {.store = NULL};
    AUTO(buf_deinit) struct buf told = {0};
    struct error err = {0};

    (void)state;
    buf_init(&told, 64 << 20);
    helper_dir_make(h.dir);
    for (int round = 0; round < ROUNDS; round++) {
        round_run(&h, round, round * 7 % 60, &told);
        if (round % 5 == 4) { /* in between, the next child finds what the last one left */
            helper_store_open(&h, true);
            everything_is_right(&h, buf_span(&told));
            helper_store_close(&h);
        }
    }
    assert_int_equal(buf_check(&told, &err), ST_OK);
    assert_true(told.len / 11 >= ROUNDS);
    helper_dir_remove(h.dir);
}

static bool is_aside(const struct helper_store *h, const char *name)
{
    for (size_t i = 0; i < h->report.aside && i < GW_ASIDE_NAMED; i++)
        if (strcmp(h->report.aside_names[i], name) == 0)
            return true;
    return false;
}

/* What a crash leaves when it comes between rename and commit, and beside it. */
static void leftovers_are_swept(void **state)
{
    struct helper_store *h = *state;
    char known[GW_ID_SIZE], path[GW_PATH_SIZE];
    struct error err = {0};
    int dir = gw_store_dir(h->store);

    helper_message_add(h, GW_OUTBOX, "p", "x", 0, known);
    assert_int_equal(gw_file_write(dir, "tmp/half", SPAN("x"), &err), ST_OK);
    assert_int_equal(gw_dir_make(dir, "tmp/a.b", 0700, &err), ST_OK);
    assert_int_equal(gw_file_write(dir, "tmp/a.b/half", SPAN("x"), &err), ST_OK);
    assert_int_equal(
        gw_dir_make(dir, "payload/aa/018bcfe5-6800-7000-8000-0000000000aa", 0700, &err), ST_OK);
    assert_int_equal(
        gw_file_write(dir, "payload/aa/018bcfe5-6800-7000-8000-0000000000aa/x", SPAN("x"), &err),
        ST_OK);
    assert_int_equal(gw_file_write(dir, "payload/bb/stray", SPAN("x"), &err), ST_OK);
    (void)snprintf(path, sizeof path, "payload/%s/%s/evidence-x", known + GW_ID_LEN - 2, known);
    assert_int_equal(gw_file_write(dir, path, SPAN("x"), &err), ST_OK);

    /* an orderly stop says that nothing was left: the sweep is for crashes, tmp for every start */
    helper_store_reopen(h);
    assert_int_equal(h->report.temp_removed, 2);
    assert_int_equal(h->report.files_removed + h->report.aside, 0);
    helper_store_close(h);
    {
        sqlite3 *db;

        (void)snprintf(path, sizeof path, "%s/index.db", h->dir);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "DELETE FROM meta", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
    }
    helper_store_open(h, false);
    assert_int_equal(h->report.files_removed, 1);
    assert_int_equal(h->report.aside, 2);
    assert_true(is_aside(h, "018bcfe5-6800-7000-8000-0000000000aa"));
    assert_true(is_aside(h, "stray"));
    assert_int_equal(helper_file_count(h, "payload"), 1);
    assert_int_equal(helper_file_count(h, "aside"), 2);
    assert_int_equal(h->report.missing, 0);
}

/* The index is gone, or has lost its last commits: what it does not know may have been accepted, so
 * it is put aside under its name, and what comes goes its way. */
static void lost_index(void **state)
{
    struct helper_store *h = *state;
    char ids[3][GW_ID_SIZE], next[GW_ID_SIZE], path[GW_PATH_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        helper_message_add(h, GW_OUTBOX, "p", "content", 0, ids[i]);
    helper_store_close(h);
    (void)snprintf(path, sizeof path, "%s/index.db", h->dir);
    assert_int_equal(unlink(path), 0);
    helper_store_open(h, false);
    assert_int_equal(h->report.aside, 3);
    assert_int_equal(helper_file_count(h, "aside"), 3);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        assert_true(is_aside(h, ids[i]));
    helper_message_add(h, GW_OUTBOX, "p", "content", 0, next);
    helper_store_reopen(h);
    assert_int_equal(h->report.aside, 0);
    assert_int_equal(helper_file_count(h, "aside"), 3);
}

static void copy(const struct helper_store *h, const char *from, const char *to)
{
    AUTO(buf_deinit) struct buf bytes = {0};
    struct error err = {0};
    int dir;

    assert_int_equal(gw_dir_open(AT_FDCWD, h->dir, &dir, &err), ST_OK);
    buf_init(&bytes, 1 << 24);
    assert_int_equal(gw_file_read(dir, from, &bytes, &err), ST_OK);
    assert_int_equal(gw_file_write(dir, to, buf_span(&bytes), &err), ST_OK);
    close(dir);
}

/* The log of the database is gone, all of it: what is left must not look like an orderly stop. */
static void lost_log(void **state)
{
    struct helper_store *h = *state;
    char id[GW_ID_SIZE], path[GW_PATH_SIZE];

    helper_store_reopen(h);
    helper_message_add(h, GW_OUTBOX, "p", "content", 0, id);
    copy(h, "index.db", "kept");
    helper_store_close(h);
    copy(h, "kept", "index.db");
    for (const char *const *name = (const char *const[]){"index.db-wal", "index.db-shm", NULL};
         *name != NULL; name++) {
        (void)snprintf(path, sizeof path, "%s/%s", h->dir, *name);
        (void)unlink(path);
    }
    helper_store_open(h, false);
    assert_int_equal(h->report.aside, 1);
    assert_true(is_aside(h, id));
}

/* What the index knows to be deleted is not kept by a crash before it left the disk. */
static void deleted_is_not_aside(void **state)
{
    struct helper_store *h = *state;
    char id[GW_ID_SIZE], path[GW_PATH_SIZE];
    sqlite3 *db;

    helper_message_add(h, GW_OUTBOX, "p", "content", 0, id);
    helper_store_close(h);
    (void)snprintf(path, sizeof path, "%s/index.db", h->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM meta; DELETE FROM file", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    helper_store_open(h, false);
    assert_int_equal(h->report.files_removed, 1);
    assert_int_equal(h->report.aside, 0);
    assert_int_equal(helper_file_count(h, "payload"), 0);
}

/* Changes, shortens or removes the one file of a message. */
static void harm(struct helper_store *h, const char *id, char how)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_file_list files;
    struct error err = {0};

    arena_init(&arena, ARENA_MAX);
    assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &arena, id, &files, &err), ST_OK);
    assert_int_equal(files.count, 1);
    if (how == 'r') {
        assert_int_equal(gw_dir_remove(gw_store_dir(h->store), files.rows[0].path, &err), ST_OK);
        assert_int_equal(gw_payload_verify(h->store, &files.rows[0], &err), ST_NOT_FOUND);
        return;
    }
    assert_int_equal(gw_file_write(gw_store_dir(h->store), files.rows[0].path,
                                   how == 's' ? SPAN("tex") : SPAN("tExt"), &err),
                     ST_OK);
    assert_int_equal(gw_payload_verify(h->store, &files.rows[0], &err), ST_INVALID);
}

static struct damage_row {
    const char *name;
    enum gw_box box;
    const char *events; /* s seal, u submit, f forward, d deliver, o open, h hand over */
    char how;           /* r removed, s shortened, c changed */
    bool deep, reported;
    enum gw_state state;
} damage_rows[] = {
    {"inbound, file removed", GW_INBOX, "", 'r', false, true, GW_QUARANTINED},
    {"inbound, file shortened", GW_INBOX, "o", 's', false, true, GW_QUARANTINED},
    {"inbound, file changed: the quick look misses it", GW_INBOX, "", 'c', false, false,
     GW_RECEIVED},
    {"inbound, file changed: the deep look finds it", GW_INBOX, "", 'c', true, true,
     GW_QUARANTINED},
    {"outbound, file removed", GW_OUTBOX, "", 'r', false, true, GW_FAILED},
    {"outbound, sealed, file changed", GW_OUTBOX, "s", 'c', true, true, GW_FAILED},
    {"outbound, with the peer: reported, evidence still awaited", GW_OUTBOX, "su", 'r', false, true,
     GW_SUBMITTED},
    {"outbound, delivered: nobody needs it", GW_OUTBOX, "sufd", 'r', false, false, GW_DELIVERED},
};

static void damage_row(void **state)
{
    static const char letters[] = "sufdoh";
    static const enum gw_event events[] = {GW_EV_SEAL,    GW_EV_SUBMIT, GW_EV_FORWARD,
                                           GW_EV_DELIVER, GW_EV_OPEN,   GW_EV_HAND_OVER};
    const struct damage_row *row = *state;
    struct helper_store h = {.store = NULL};
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_message_row message;
    char id[GW_ID_SIZE], sound[GW_ID_SIZE];

    arena_init(&arena, ARENA_MAX);
    helper_dir_make(h.dir);
    helper_store_open(&h, false);
    helper_message_add(&h, row->box, "p", "text", 0, id);
    helper_message_add(&h, row->box, "p", "text", 1, sound);
    for (const char *e = row->events; *e != '\0'; e++)
        helper_move(&h, id, events[strchr(letters, *e) - letters], 2);
    harm(&h, id, row->how);
    helper_store_close(&h);
    helper_store_open(&h, row->deep);
    assert_int_equal(h.report.missing, row->reported ? 1 : 0);
    assert_int_equal(h.report.quarantined,
                     row->state == GW_QUARANTINED || row->state == GW_FAILED ? 1 : 0);
    message = helper_message(&h, &arena, id);
    assert_int_equal(message.state, row->state);
    assert_int_equal(message.last_error_en != NULL, row->reported);
    assert_int_equal(helper_message(&h, &arena, sound).state,
                     row->box == GW_INBOX ? GW_RECEIVED : GW_ACCEPTED);
    helper_store_close(&h);
    helper_store_open(&h, row->deep);
    assert_int_equal(h.report.missing, 0); /* told once */
    helper_store_close(&h);
    helper_dir_remove(h.dir);
}

static void a_damaged_delivery_is_not_handed_out(void **state)
{
    struct helper_store *h = *state;
    struct gw_osci_id_row issued = {.osci_message_id = "x", .issued_at = HELPER_NOW_MS};
    struct gw_delivery_select select = {.since = 0};
    char id[GW_ID_SIZE];
    struct gw_delivery_row row = {.id = id, .osci_message_id = "x", .creation = HELPER_NOW_MS};
    struct error err = {0};

    helper_id(0, id);
    memset(row.mailbox, 'M', sizeof row.mailbox);
    memset(select.mailbox, 'M', sizeof select.mailbox);
    assert_int_equal(gw_store_commit_osci_id(h->store, &issued, &err), ST_OK);
    {
        AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
        const struct gw_file_row *files;
        size_t count;

        assert_int_equal(gw_stage_new(h->store, id, &stage, &err), ST_OK);
        assert_int_equal(
            gw_stage_add_bytes(stage, GW_FILE_RECEIVED, NULL, NULL, NULL, SPAN("text"), &err),
            ST_OK);
        assert_int_equal(gw_stage_publish(stage, &err), ST_OK);
        files = gw_stage_files(stage, &count);
        assert_int_equal(gw_store_commit_delivery(h->store, &row, files, count, &err), ST_OK);
        gw_stage_done(stage);
    }
    harm(h, id, 'r');
    helper_store_reopen(h);
    assert_int_equal(h->report.missing, 1);
    {
        AUTO(gw_read_end) struct gw_tx *tx = NULL;
        AUTO(arena_deinit) struct arena arena = {0};
        struct gw_event_list events;

        arena_init(&arena, ARENA_MAX);
        assert_int_equal(gw_store_read(h->store, &tx, &err), ST_OK);
        assert_int_equal(gw_store_delivery_select(tx, &arena, &select, &row, NULL, &err),
                         ST_NOT_FOUND);
        assert_int_equal(gw_store_delivery(tx, &arena, "x", &row, &err), ST_OK);
        assert_true(row.damaged);
        assert_int_equal(gw_store_events(tx, &arena, 0, NULL, NULL, NULL, 0, &events, &err), ST_OK);
        assert_string_equal(events.rows[events.count - 1].kind, "delivery.damaged");
    }
}

static struct version_row {
    const char *name, *script;
    enum status st;
} version_rows[] = {
    {"version 0, an empty file, is brought up to date", "PRAGMA user_version = 0", ST_OK},
    {"a newer version is left alone", "PRAGMA user_version = 4711", ST_INTERNAL},
    {"a step that fails changes nothing", "CREATE TABLE event (x)", ST_INTERNAL},
};

static void version_row(void **state)
{
    const struct version_row *row = *state;
    struct helper_store h = {.store = NULL};
    const struct gw_store_conf conf = {.dir = h.dir, .rng = rng_system()};
    struct error err = {0};
    char path[GW_PATH_SIZE];
    sqlite3_stmt *stmt;
    sqlite3 *db;

    helper_dir_make(h.dir);
    (void)snprintf(path, sizeof path, "%s/index.db", h.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, row->script, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(gw_store_open(&conf, HELPER_NOW_MS, &h.store, NULL, &err), row->st);
    if (row->st == ST_OK) {
        char id[GW_ID_SIZE];

        helper_message_add(&h, GW_OUTBOX, "p", "x", 0, id);
    }
    helper_store_close(&h);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT count(*) FROM sqlite_master WHERE name IN "
                                        "('message', 'delivery')",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), row->st == ST_OK ? 2 : 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    helper_dir_remove(h.dir);
}

static void a_broken_index_is_refused(void **state)
{
    struct helper_store *h = *state;
    const struct gw_store_conf conf = {.dir = h->dir, .rng = rng_system()};
    struct gw_store *store = NULL;
    struct error err = {0};
    char path[GW_PATH_SIZE], id[GW_ID_SIZE];
    FILE *file;

    for (int i = 0; i < 20; i++)
        helper_message_add(h, GW_OUTBOX, "p", "x", i, id);
    helper_store_close(h);
    (void)snprintf(path, sizeof path, "%s/index.db", h->dir);
    file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 4096, SEEK_SET), 0); /* the first page stays: a schema */
    for (int i = 0; i < 4096 * 8; i++)
        assert_int_equal(fputc(0x55, file), 0x55);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(gw_store_open(&conf, HELPER_NOW_MS, &store, NULL, &err), ST_INTERNAL);
    assert_null(store);
}

int main(void)
{
    enum { PLAIN = 8, DAMAGES = ARRAY_LEN(damage_rows), VERSIONS = ARRAY_LEN(version_rows) };
    struct CMUnitTest tests[PLAIN + DAMAGES + VERSIONS] = {
        cmocka_unit_test(kill_at_any_moment), /* forks: before the threads of the others */
        cmocka_unit_test(many_writers_share_commits),
        STORE_TEST(leftovers_are_swept),
        STORE_TEST(lost_index),
        STORE_TEST(lost_log),
        STORE_TEST(deleted_is_not_aside),
        STORE_TEST(a_damaged_delivery_is_not_handed_out),
        STORE_TEST(a_broken_index_is_refused),
    };

    for (size_t i = 0; i < DAMAGES; i++)
        tests[PLAIN + i] =
            (struct CMUnitTest){damage_rows[i].name, damage_row, NULL, NULL, &damage_rows[i]};
    for (size_t i = 0; i < VERSIONS; i++)
        tests[PLAIN + DAMAGES + i] =
            (struct CMUnitTest){version_rows[i].name, version_row, NULL, NULL, &version_rows[i]};
    return cmocka_run_group_tests_name("store_crash", tests, NULL, NULL);
}
