/* a message between two programs of this house: out of one's outbox, into the other's inbox */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/local.h"
#include "gateway/store_xta.h"
#include "helper_osci.h"
#include "helper_runtime.h"

#define ID "urn:de:xta:messageid:ahausen:1"

static const char endpoints[] = "endpoints:\n"
                                "  - { name: standesamt, parties: [ 'ags:1' ] }\n"
                                "  - { name: meldewesen, parties: [ 'ags:2' ],"
                                " answers: { deadline_seconds: 60 } }\n"
                                "osci_recipient: { listeners: [ { port: 0 } ] }\n";

static int setup(void **state)
{
    struct helper_runtime *h = calloc(1, sizeof *h);

    assert_non_null(h);
    helper_runtime_open(h, helper_town_yaml, endpoints, NULL);
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    helper_runtime_deinit(*state);
    free(*state);
    return 0;
}

struct adding {
    struct gw_message_row row;
    struct gw_stage *stage;
};

static enum status add_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct adding *a = ctx;
    const struct gw_cause cause = {.now = a->row.created_at, .actor = "test"};
    const struct gw_xta_row xta = {.message_id = a->row.id,
                                   .xta_id = ID,
                                   .box = GW_OUTBOX,
                                   .author = "ags:1",
                                   .reader = "ags:2"};
    size_t count;
    const struct gw_file_row *files = gw_stage_files(a->stage, &count);

    TRY(gw_store_message_add(tx, &a->row, files, count, &cause, NULL, err));
    return gw_store_xta_add(tx, &xta, err);
}

/* A message that waits for the lanes, as sendMessage leaves one that has a NotBefore. */
static void message_add(struct helper_runtime *h, const char *reader, char id[GW_ID_SIZE])
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    struct error err = {0};
    struct adding a = {.row = {.id = id,
                               .tenant = "Ahausen",
                               .endpoint = "standesamt",
                               .box = GW_OUTBOX,
                               .peer = GW_LOCAL_PEER,
                               .recipient = reader,
                               .subject = "Geburt",
                               .size_bytes = 5,
                               .created_at = gw_now_ms()}};

    helper_ok(gw_uuid_make(h->rt->rng, a.row.created_at, id, &err), &err);
    helper_ok(gw_stage_new(h->rt->store, id, &stage, &err), &err);
    helper_ok(gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "a.xml", "application/xml", "r",
                                 SPAN("hallo"), &err),
              &err);
    helper_ok(gw_stage_add_bytes(stage, GW_FILE_HEADER, "m.xml", "text/xml", "MetaData",
                                 SPAN("<m/>"), &err),
              &err);
    helper_ok(gw_stage_publish(stage, &err), &err);
    a.stage = stage;
    helper_ok(gw_store_commit(h->rt->store, add_commit, &a, &err), &err);
    gw_stage_done(stage);
}

static enum status carry(struct helper_runtime *h, const char *id, bool *moved)
{
    struct gw_destination to = {0};
    void *talk = gw_local_carrier.talk_new(h->rt, &to);
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    struct gw_message_row row = helper_message_of(h, &arena, id);
    struct error err = {0};
    enum status st;

    assert_non_null(talk);
    st = gw_local_carrier.send(talk, &row, false, moved, &err);
    gw_local_carrier.talk_free(talk);
    return st;
}

static struct gw_file_list files_of(struct helper_runtime *h, struct arena *arena, const char *id)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files = {0};
    struct error err = {0};

    helper_ok(gw_store_read(h->rt->store, &tx, &err), &err);
    helper_ok(gw_store_files(tx, arena, id, &files, &err), &err);
    return files;
}

static struct gw_xta_row xta_of(struct helper_runtime *h, struct arena *arena, const char *id)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_xta_row row = {0};
    struct error err = {0};

    helper_ok(gw_store_read(h->rt->store, &tx, &err), &err);
    helper_ok(gw_store_xta_row(tx, arena, id, &row, &err), &err);
    return row;
}

static ino_t inode_of(struct helper_runtime *h, const struct gw_file_row *file)
{
    struct stat st;

    assert_int_equal(fstatat(gw_store_dir(h->rt->store), file->path, &st, 0), 0);
    return st.st_ino;
}

static void test_carried(void **state)
{
    struct helper_runtime *h = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    struct gw_file_list ours, theirs;
    struct gw_message_list in;
    struct gw_message_row out;
    struct gw_xta_row xta;
    char id[GW_ID_SIZE];
    bool moved = false;

    message_add(h, "meldewesen", id);
    assert_int_equal(carry(h, id, &moved), ST_OK);
    assert_true(moved);
    out = helper_message_of(h, &arena, id);
    assert_int_equal(out.state, GW_FORWARDED);
    in = helper_messages(h, &arena, GW_INBOX, 0);
    assert_int_equal(in.count, 1);
    assert_int_equal(in.rows[0].state, GW_OPENED);
    assert_string_equal(in.rows[0].endpoint, "meldewesen");
    assert_string_equal(in.rows[0].sender, "standesamt");
    assert_string_equal(in.rows[0].correlation, id);
    assert_null(in.rows[0].peer);
    ours = files_of(h, &arena, id);
    theirs = files_of(h, &arena, in.rows[0].id);
    assert_int_equal(theirs.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(theirs.rows[i].name, ours.rows[i].name);
        assert_string_equal(theirs.rows[i].ref, ours.rows[i].ref);
        assert_int_equal(inode_of(h, &theirs.rows[i]), inode_of(h, &ours.rows[i]));
    }
    xta = xta_of(h, &arena, in.rows[0].id);
    assert_string_equal(xta.xta_id, ID);
    assert_string_equal(xta.twin, id);
    assert_true(xta.delivery > 0);
    assert_int_equal(xta_of(h, &arena, id).delivery, xta.delivery);
}

/* Once: a second attempt, after a crash of the lane say, finds it forwarded. */
static void test_once(void **state)
{
    struct helper_runtime *h = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    char id[GW_ID_SIZE];
    bool moved;

    message_add(h, "meldewesen", id);
    assert_int_equal(carry(h, id, &moved), ST_OK);
    assert_int_equal(carry(h, id, &moved), ST_OK);
    assert_true(moved);
    assert_int_equal(helper_messages(h, &arena, GW_INBOX, 0).count, 1);
    assert_int_equal(helper_message_of(h, &arena, id).state, GW_FORWARDED);
}

static void acknowledge(struct helper_runtime *h, const char *id, enum gw_event event)
{
    const struct gw_move move = {
        .id = id, .event = event, .cause = {.now = gw_now_ms(), .actor = "test"}};
    struct error err = {0};

    helper_ok(gw_store_commit_move(h->rt->store, &move, NULL, &err), &err);
}

/* Whatever door the reader takes, its author hears of it. */
static void test_acknowledged(void **state)
{
    struct helper_runtime *h = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    struct gw_message_row out;
    const char *twin;
    char id[GW_ID_SIZE];
    bool moved;

    message_add(h, "meldewesen", id);
    assert_int_equal(carry(h, id, &moved), ST_OK);
    twin = helper_messages(h, &arena, GW_INBOX, 0).rows[0].id;
    acknowledge(h, twin, GW_EV_HAND_OVER);
    assert_int_equal(helper_message_of(h, &arena, id).state, GW_FORWARDED);
    acknowledge(h, twin, GW_EV_ACKNOWLEDGE);
    out = helper_message_of(h, &arena, id);
    assert_int_equal(out.state, GW_DELIVERED);
    assert_non_null(out.reception.text);
    assert_true(xta_of(h, &arena, id).reception > 0);
}

/* The settings may have changed since it was accepted. */
static void test_no_endpoint(void **state)
{
    struct helper_runtime *h = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    char id[GW_ID_SIZE];
    bool moved = false;

    message_add(h, "bauamt", id);
    assert_int_equal(carry(h, id, &moved), ST_DENIED);
    assert_true(moved);
    assert_int_equal(helper_message_of(h, &arena, id).state, GW_FAILED);
}

static void test_file_gone(void **state)
{
    struct helper_runtime *h = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    struct gw_file_list files;
    char id[GW_ID_SIZE];
    bool moved = false;

    message_add(h, "meldewesen", id);
    files = files_of(h, &arena, id);
    assert_int_equal(unlinkat(gw_store_dir(h->rt->store), files.rows[0].path, 0), 0);
    assert_int_equal(carry(h, id, &moved), ST_DENIED);
    assert_true(moved);
    assert_int_equal(helper_message_of(h, &arena, id).state, GW_FAILED);
    assert_int_equal(helper_messages(h, &arena, GW_INBOX, 0).count, 0);
}

/* How many messages have files. */
static size_t folders(struct helper_runtime *h)
{
    char shelf[64];
    size_t count = 0;

    for (int i = 0; i < 256; i++) {
        (void)snprintf(shelf, sizeof shelf, "state/payload/%02x", i);
        if (helper_there(h, "%s", shelf))
            count += helper_entries(h, shelf, NULL);
    }
    return count;
}

/* Files are there, and the commit never came. */
static void die_before_commit(struct helper_runtime *h)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    struct gw_local_twin twin = {0};
    struct gw_message_row row;
    struct gw_file_list files;
    struct error err = {0};
    char id[GW_ID_SIZE];

    helper_runtime_open(h, helper_town_yaml, endpoints, NULL);
    message_add(h, "meldewesen", id);
    row = helper_message_of(h, &arena, id);
    files = files_of(h, &arena, id);
    helper_ok(gw_local_twin_make(h->rt, &row, files.rows, files.count, gw_now_ms(), &twin, &err),
              &err);
    _exit(0);
}

/* The next start removes them, and the message goes once. */
static void test_crash_before_commit(void **state)
{
    struct helper_runtime *h = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    struct gw_message_list out;
    int status;
    pid_t child;
    bool moved;

    helper_runtime_close(h);
    child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0)
        die_before_commit(h);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    helper_runtime_open(h, helper_town_yaml, endpoints, NULL);
    assert_int_equal(helper_messages(h, &arena, GW_INBOX, 0).count, 0);
    out = helper_messages(h, &arena, GW_OUTBOX, 0);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.rows[0].state, GW_ACCEPTED);
    assert_int_equal(carry(h, out.rows[0].id, &moved), ST_OK);
    assert_int_equal(helper_messages(h, &arena, GW_INBOX, 0).count, 1);
    assert_int_equal(folders(h), 2);
}

struct together {
    const struct gw_local_twin *twin;
};

static enum status together_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct together *t = ctx;

    return gw_local_twin_add(tx, t->twin, gw_now_ms(), err);
}

/* A request: whoever sends waits, and the endpoint that answers finds it so. */
static void test_request(void **state)
{
    struct helper_runtime *h = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(gw_local_twin_deinit) struct gw_local_twin twin = {0};
    struct gw_request_row request = {.due_at = gw_now_ms() + 60000};
    struct together t = {&twin};
    struct gw_message_row row;
    struct gw_file_list files;
    struct error err = {0};
    char id[GW_ID_SIZE];

    message_add(h, "meldewesen", id);
    row = helper_message_of(h, &arena, id);
    files = files_of(h, &arena, id);
    helper_ok(gw_local_twin_make(h->rt, &row, files.rows, files.count, gw_now_ms(), &twin, &err),
              &err);
    twin.request = &request;
    helper_ok(gw_store_commit(h->rt->store, together_commit, &t, &err), &err);
    gw_local_twin_done(&twin);
    assert_int_equal(helper_message_of(h, &arena, twin.id).answer, GW_ANSWER_AWAITED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_carried, setup, teardown),
        cmocka_unit_test_setup_teardown(test_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_acknowledged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_endpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_before_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
