/* Drop folders: handing over, acknowledging, receipts; real folders and a real store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gateway/payload.h"
#include "gateway/redeliver.h"
#include "gateway/spool.h"
#include "gateway/worker.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_runtime.h"
#include "tests/unit/helper_store.h"

/* A look at everything comes each ten seconds: what is quicker came without it. */
enum { AT_ONCE_MS = 5000, STOP_MS = 9000, WAIT_MS = 300 * 1000 };

static const char endpoints_yaml[] = "endpoints:\n"
                                     "  - name: bauamt\n"
                                     "    folder: {dir}/bauamt\n"
                                     "    routes: [ {partner: Beheim} ]\n"
                                     "  - name: standesamt\n"
                                     "    folder: {dir}/standesamt\n"
                                     "    routes: [ {partner: Beheim} ]\n";

struct world {
    struct helper_runtime h;
    struct gw_spool_endpoint e;
    struct arena arena;
};

static void world_open(struct world *w)
{
    struct error err = {0};

    helper_runtime_open(&w->h, helper_town_yaml, endpoints_yaml, NULL);
    if (gw_spool_endpoint_open(&w->e, w->h.rt, gw_config_endpoint(w->h.conf, "bauamt"), &err) !=
        ST_OK)
        fail_msg("%s", err.text);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    arena_init(&w->arena, 256 * 1024 * 1024);
    world_open(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    gw_spool_endpoint_deinit(&w->e);
    helper_runtime_deinit(&w->h);
    arena_deinit(&w->arena);
    free(w);
    return 0;
}

static void restart(struct world *w)
{
    gw_spool_endpoint_deinit(&w->e);
    helper_runtime_close(&w->h);
    world_open(w);
}

/* An opened message with files of these names; the content is the name. */
static void message_in(struct world *w, const char *endpoint, const char *const *names,
                       size_t count, char id[GW_ID_SIZE])
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    struct gw_store *store = w->h.rt->store;
    struct gw_message_row row = {.id = id,
                                 .tenant = "Ahausen",
                                 .endpoint = endpoint,
                                 .box = GW_INBOX,
                                 .peer = "demo",
                                 .sender = "Beheim",
                                 .subject = "B\303\274rger",
                                 .created_at = gw_now_ms()};
    const struct gw_cause cause = {.now = gw_now_ms(), .actor = "test"};
    struct gw_move opened = {.id = id, .event = GW_EV_OPEN, .cause = cause};
    const struct gw_file_row *files;
    struct error err = {0};
    size_t n;

    assert_int_equal(gw_uuid_make(rng_system(), gw_now_ms(), id, &err), ST_OK);
    assert_int_equal(gw_stage_new(store, id, &stage, &err), ST_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, names[i], NULL, NULL,
                                            span_str(names[i] == NULL ? "NULL" : names[i]), &err),
                         ST_OK);
    assert_int_equal(gw_stage_add_bytes(stage, GW_FILE_VERIFICATION, "verification.json", NULL,
                                        NULL, SPAN("{\"result\": \"good\"}"), &err),
                     ST_OK);
    assert_int_equal(
        gw_stage_add_bytes(stage, GW_FILE_RECEIVED, "received.mime", NULL, NULL, SPAN("raw"), &err),
        ST_OK);
    assert_int_equal(gw_stage_publish(stage, &err), ST_OK);
    files = gw_stage_files(stage, &n);
    if (gw_store_commit_message(store, &row, files, n, &cause, NULL, &err) != ST_OK)
        fail_msg("%s", err.text);
    gw_stage_done(stage);
    assert_int_equal(gw_store_commit_move(store, &opened, NULL, &err), ST_OK);
}

static void hand_over(struct world *w)
{
    struct error err = {0};

    if (gw_spool_hand_over(&w->e, &err) != ST_OK)
        fail_msg("%s", err.text);
}

static struct gw_message_row message(struct world *w, const char *id)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row = {0};
    struct error err = {0};

    assert_int_equal(gw_store_read(w->h.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_message(tx, &w->arena, id, &row, &err), ST_OK);
    return row;
}

/* ---- handed over again ---- */

static bool marked(struct world *w, const char *id)
{
    AUTO(free_drop) char *text = helper_read_file(&w->h, "bauamt/in/%s/message.json", id);
    json_t *json = json_loads(text, 0, NULL);
    bool repeated = json_is_string(json_object_get(json, "repeated_at"));

    assert_non_null(json);
    json_decref(json);
    return repeated;
}

/* What the Fachverfahren took, and what it left, comes again and says so. */
static void what_is_repeated_is_marked(void **state)
{
    static const char *const names[] = {"a.txt"};
    struct world *w = *state;
    const struct gw_redelivery what = {
        .endpoint = "bauamt", .since = 1, .cause = {.now = gw_now_ms(), .actor = "test"}};
    struct gw_redelivered done;
    char taken[GW_ID_SIZE], left[GW_ID_SIZE], path[512];
    struct error err = {0};

    message_in(w, "bauamt", names, 1, taken);
    message_in(w, "bauamt", names, 1, left);
    hand_over(w);
    assert_false(marked(w, left));
    assert_int_equal(gw_dir_remove(AT_FDCWD, helper_path(&w->h, path, "bauamt/in/%s", taken), &err),
                     ST_OK);
    assert_int_equal(gw_spool_acknowledge(&w->e, taken, &err), ST_OK);
    assert_int_equal(message(w, taken).state, GW_ACKNOWLEDGED);

    assert_int_equal(gw_redeliver(w->h.rt->store, &what, &w->arena, &done, &err), ST_OK);
    assert_int_equal(done.count, 2);
    hand_over(w);
    assert_int_equal(message(w, taken).state, GW_HANDED_OVER);
    assert_int_equal(message(w, left).state, GW_HANDED_OVER);
    assert_true(marked(w, taken));
    assert_true(marked(w, left));
    assert_int_equal(helper_entries(&w->h, "bauamt/in", NULL), 2); /* nothing hidden is left */
}

/* ---- names ---- */

#define N50 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx"
#define N200 N50 N50 N50 N50

/* Files as sent, and under which names they are handed over. */
static struct names_row {
    const char *name;
    const char *sent[4], *handed[4];
} names_rows[] = {
    {"plain", {"a.txt", "b.txt"}, {"a.txt", "b.txt"}},
    {"umlauts and blanks", {"\303\204 \303\274.txt"}, {"\303\204 \303\274.txt"}},
    {"twice the same", {"a.txt", "a.txt", "a.txt"}, {"a.txt", "a (2).txt", "a (3).txt"}},
    {"the same for Windows", {"a.txt", "A.TXT"}, {"a.txt", "A (2).TXT"}},
    {"the same for Windows, with umlauts",
     {"\303\204.txt", "\303\244.TXT"},
     {"\303\204.txt", "\303\244 (2).TXT"}},
    {"the same for macOS",
     {"\303\274.txt", "u\314\210.txt"},
     {"\303\274.txt", "u\314\210 (2).txt"}},
    {"the same in both ways, and what the number would give",
     {"\303\274.txt", "U\314\210.txt", "u\314\210 (2).TXT"},
     {"\303\274.txt", "U\314\210 (2).txt", "u\314\210 (2) (2).TXT"}},
    {"not UTF-8",
     {"M\374ller.txt", "M\303\274ller.txt"},
     {"M\303\274ller.txt", "M\303\274ller (2).txt"}},
    {"devices, and what is only different for us",
     {"nul", "NUL.", "aux.xml ", "COM1"},
     {"_nul", "_NUL (2)", "_aux.xml", "_COM1"}},
    {"dots and blanks at the end",
     {"a.txt", "a.txt.", "a.txt "},
     {"a.txt", "a (2).txt", "a (3).txt"}},
    {"called like ours",
     {"message.json", "Verification.JSON"},
     {"message (2).json", "Verification (2).JSON"}},
    {"out of the folder", {"../../etc/passwd", "/etc/passwd"}, {"passwd", "passwd (2)"}},
    {"hidden and devices", {".profile", "CON.txt"}, {"_.profile", "_CON.txt"}},
    {"no name", {""}, {"unnamed"}},
    {"255 bytes twice",
     {N200 N50 "x.txt", N200 N50 "x.txt"},
     {N200 N50 "x.txt", N200 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstu (2).txt"}},
    {"long, without extension, twice",
     {N200 N50 "vwxyz", N200 N50 "vwxyz"},
     {N200 N50 "vwxyz", N200 N50 "v (2)"}},
};

static void test_names(void **state)
{
    struct names_row *row = *state;
    struct world *w;
    char id[GW_ID_SIZE];
    size_t count = 0, listed;
    AUTO(free_drop) char *text = NULL;
    json_t *json;

    setup((void **)&w);
    while (count < ARRAY_LEN(row->sent) && row->sent[count] != NULL)
        count++;
    message_in(w, "bauamt", row->sent, count, id);
    hand_over(w);
    assert_int_equal(message(w, id).state, GW_HANDED_OVER);
    text = helper_read_file(&w->h, "bauamt/in/%s/message.json", id);
    json = json_loads(text, 0, NULL);
    assert_non_null(json);
    listed = json_array_size(json_object_get(json, "files"));
    assert_int_equal(listed, count);
    assert_string_equal(json_string_value(json_object_get(json, "subject")), "B\303\274rger");
    for (size_t i = 0; i < count; i++) {
        AUTO(free_drop)
        char *bytes = helper_read_file(&w->h, "bauamt/in/%s/%s", id, row->handed[i]);
        const json_t *file = json_array_get(json_object_get(json, "files"), i);

        assert_string_equal(bytes, row->sent[i]);
        assert_string_equal(json_string_value(json_object_get(file, "name")), row->handed[i]);
    }
    json_decref(json);
    /* what was sent, the two of ours, and nothing else: the message as it came stays with us */
    {
        char folder[128];

        (void)snprintf(folder, sizeof folder, "bauamt/in/%s", id);
        assert_int_equal(helper_entries(&w->h, folder, NULL), count + 2);
    }
    assert_int_equal(helper_entries(&w->h, "bauamt/in", NULL), 1);
    teardown((void **)&w);
}

/* ---- crashes, damage, strangers ---- */

static const char *const one_file[] = {"a.txt"};

/* A crash in the middle of building: the hidden folder is built anew. */
static void test_hidden_leftover(void **state)
{
    struct world *w = *state;
    char id[GW_ID_SIZE], path[512], name[600];

    message_in(w, "bauamt", one_file, 1, id);
    assert_int_equal(mkdir(helper_path(&w->h, path, "bauamt/in/.incoming-%s", id), 0700), 0);
    (void)snprintf(name, sizeof name, "bauamt/in/.incoming-%s/a.txt", id);
    helper_file(&w->h, name, SPAN("half"));
    hand_over(w);
    assert_int_equal(helper_entries(&w->h, "bauamt/in", NULL), 1);
    assert_true(helper_there(&w->h, "bauamt/in/%s/a.txt", id));
}

static void moved(struct world *w, const char *id, enum gw_event event)
{
    const struct gw_move move = {
        .id = id, .event = event, .cause = {.now = gw_now_ms(), .actor = "test"}};
    struct error err = {0};

    assert_int_equal(gw_store_commit_move(w->h.rt->store, &move, NULL, &err), ST_OK);
}

/* A crash between commit and rename: nobody has seen it, so nobody has taken it, and the next start
 * shows it; just once. */
static void test_hidden_handed(void **state)
{
    struct world *w = *state;
    char id[GW_ID_SIZE], path[512], name[600];
    struct error err = {0};

    message_in(w, "bauamt", one_file, 1, id);
    assert_int_equal(mkdir(helper_path(&w->h, path, "bauamt/in/.incoming-%s", id), 0700), 0);
    (void)snprintf(name, sizeof name, "bauamt/in/.incoming-%s/as-built", id);
    helper_file(&w->h, name, SPAN("x"));
    moved(w, id, GW_EV_HAND_OVER);
    assert_int_equal(gw_spool_acknowledge(&w->e, id, &err), ST_OK);
    assert_int_equal(gw_spool_acknowledge(&w->e, NULL, &err), ST_OK);
    assert_int_equal(message(w, id).state, GW_HANDED_OVER);
    restart(w);
    hand_over(w);
    assert_true(helper_there(&w->h, "bauamt/in/%s/as-built", id));
    assert_int_equal(helper_entries(&w->h, "bauamt/in", NULL), 1);
    assert_int_equal(gw_dir_remove(AT_FDCWD, helper_path(&w->h, path, "bauamt/in/%s", id), &err),
                     ST_OK);
    restart(w);
    hand_over(w);
    assert_int_equal(helper_entries(&w->h, "bauamt/in", NULL), 0);
}

/* Taken away and acknowledged by another door meanwhile: what is hidden goes. */
static void test_hidden_acknowledged(void **state)
{
    struct world *w = *state;
    char id[GW_ID_SIZE], path[512];

    message_in(w, "bauamt", one_file, 1, id);
    assert_int_equal(mkdir(helper_path(&w->h, path, "bauamt/in/.incoming-%s", id), 0700), 0);
    moved(w, id, GW_EV_HAND_OVER);
    moved(w, id, GW_EV_ACKNOWLEDGE);
    hand_over(w);
    assert_int_equal(helper_entries(&w->h, "bauamt/in", NULL), 0);
}

/* Handed over once more while the folder is still there: it stays as it is. */
static void test_there_already(void **state)
{
    struct world *w = *state;
    char id[GW_ID_SIZE], path[512], name[600];

    message_in(w, "bauamt", one_file, 1, id);
    assert_int_equal(mkdir(helper_path(&w->h, path, "bauamt/in/%s", id), 0700), 0);
    (void)snprintf(name, sizeof name, "bauamt/in/%s/in-use", id);
    helper_file(&w->h, name, SPAN("x"));
    hand_over(w);
    assert_int_equal(message(w, id).state, GW_HANDED_OVER);
    assert_true(helper_there(&w->h, "%s", name));
    assert_false(helper_there(&w->h, "bauamt/in/%s/a.txt", id));
}

static void payload_path(struct world *w, const char *id, char path[512])
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files = {0};
    struct error err = {0};

    assert_int_equal(gw_store_read(w->h.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &w->arena, id, &files, &err), ST_OK);
    (void)helper_path(&w->h, path, "state/%s", files.rows[0].path);
}

/* The payload rotted, or is gone: reported, quarantined, and nothing of it before the
 * Fachverfahren; the others go their way. */
static void test_damaged(void **state)
{
    struct world *w = *state;
    char rotten[GW_ID_SIZE], gone[GW_ID_SIZE], good[GW_ID_SIZE], path[512];
    int fd;

    message_in(w, "bauamt", one_file, 1, rotten);
    message_in(w, "bauamt", one_file, 1, gone);
    message_in(w, "bauamt", one_file, 1, good);
    payload_path(w, rotten, path);
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "b", 1), 1);
    close(fd);
    payload_path(w, gone, path);
    assert_int_equal(unlink(path), 0);
    hand_over(w);
    assert_int_equal(message(w, rotten).state, GW_QUARANTINED);
    assert_int_equal(message(w, rotten).last_reason, GW_R_STORE_DAMAGED);
    assert_non_null(message(w, rotten).last_error_de);
    assert_int_equal(message(w, gone).state, GW_QUARANTINED);
    assert_int_equal(message(w, good).state, GW_HANDED_OVER);
    assert_int_equal(helper_entries(&w->h, "bauamt/in", NULL), 1);
}

/* What is for others, also for those that are no longer configured, is nobody else's. */
static void test_strangers(void **state)
{
    struct world *w = *state;
    char other[GW_ID_SIZE], old[GW_ID_SIZE], none[GW_ID_SIZE];

    message_in(w, "standesamt", one_file, 1, other);
    message_in(w, "abgeschafft", one_file, 1, old);
    message_in(w, NULL, one_file, 1, none);
    hand_over(w);
    assert_int_equal(helper_entries(&w->h, "bauamt/in", NULL), 0);
    assert_int_equal(message(w, other).state, GW_OPENED);
    assert_int_equal(message(w, old).state, GW_OPENED);
    assert_int_equal(message(w, none).state, GW_OPENED);
}

/* ---- acknowledging ---- */

static void acknowledge(struct world *w, const char *id)
{
    struct error err = {0};

    if (gw_spool_acknowledge(&w->e, id, &err) != ST_OK)
        fail_msg("%s", err.text);
}

static void test_acknowledge(void **state)
{
    struct world *w = *state;
    char a[GW_ID_SIZE], b[GW_ID_SIZE], c[GW_ID_SIZE], from[512], to[512];
    struct error err = {0};

    message_in(w, "bauamt", one_file, 1, a);
    message_in(w, "bauamt", one_file, 1, b);
    message_in(w, "bauamt", one_file, 1, c);
    hand_over(w);
    assert_int_equal(gw_dir_remove(AT_FDCWD, helper_path(&w->h, from, "bauamt/in/%s", a), &err),
                     ST_OK);
    assert_int_equal(
        rename(helper_path(&w->h, from, "bauamt/in/%s", b), helper_path(&w->h, to, "fertig")), 0);
    acknowledge(w, a);
    assert_int_equal(message(w, a).state, GW_ACKNOWLEDGED);
    assert_int_equal(message(w, b).state, GW_HANDED_OVER);
    acknowledge(w, NULL);
    assert_int_equal(message(w, b).state, GW_ACKNOWLEDGED);
    assert_int_equal(message(w, c).state, GW_HANDED_OVER);
    acknowledge(w, c); /* it is still there */
    assert_int_equal(message(w, c).state, GW_HANDED_OVER);
}

/* in/ was replaced, and then the clock set back: what is seen to leave it was taken all the same.
 */
static void test_acknowledge_clock(void **state)
{
    struct world *w = *state;
    char id[GW_ID_SIZE], path[512];
    struct error err = {0};

    message_in(w, "bauamt", one_file, 1, id);
    hand_over(w);
    w->e.in_since = gw_now_ms() + 3600000;
    assert_int_equal(gw_dir_remove(AT_FDCWD, helper_path(&w->h, path, "bauamt/in/%s", id), &err),
                     ST_OK);
    acknowledge(w, NULL);
    assert_int_equal(message(w, id).state, GW_HANDED_OVER);
    acknowledge(w, id);
    assert_int_equal(message(w, id).state, GW_ACKNOWLEDGED);
}

static enum status open_again(struct world *w, struct error *err)
{
    return gw_spool_endpoint_open(&w->e, w->h.rt, gw_config_endpoint(w->h.conf, "bauamt"), err);
}

/* The configured folder may be a link, to a share say; in it none is followed. */
static void test_links(void **state)
{
    struct world *w = *state;
    char from[512], to[512];
    struct error err = {0};
    int again_ms;

    gw_spool_endpoint_deinit(&w->e);
    assert_int_equal(rename(helper_path(&w->h, from, "bauamt"), helper_path(&w->h, to, "share")),
                     0);
    assert_int_equal(symlink("share", from), 0);
    assert_int_equal(open_again(w, &err), ST_OK);
    assert_true(gw_spool_endpoint_in_place(&w->e));
    helper_file(&w->h, "share/out/a.txt", SPAN("x"));
    assert_int_equal(gw_spool_take(&w->e, &again_ms, &err), ST_OK);
    assert_int_equal(helper_messages(&w->h, &w->arena, GW_OUTBOX, 0).count, 1);
    gw_spool_endpoint_deinit(&w->e);

    assert_int_equal(
        rename(helper_path(&w->h, from, "share/out"), helper_path(&w->h, to, "elsewhere")), 0);
    assert_int_equal(symlink("../elsewhere", from), 0);
    assert_int_equal(open_again(w, &err), ST_DENIED);
    assert_int_equal(err.reason, GW_R_SPOOL_FOLDER);
    assert_non_null(strstr(err.text, "is a link"));
}

/* The whole folder gone, while we run or before: nobody has taken anything. */
static void test_folder_lost(void **state)
{
    struct world *w = *state;
    char before[GW_ID_SIZE], after[GW_ID_SIZE], path[512], to[512];
    struct error err = {0};

    message_in(w, "bauamt", one_file, 1, before);
    hand_over(w);
    assert_int_equal(gw_dir_remove(AT_FDCWD, helper_path(&w->h, path, "bauamt"), &err), ST_OK);
    assert_int_equal(gw_spool_acknowledge(&w->e, NULL, &err), ST_DENIED);
    assert_false(gw_spool_endpoint_in_place(&w->e));
    /* perhaps a share that is not mounted: nothing is made in its place until somebody says so */
    gw_spool_endpoint_deinit(&w->e);
    assert_int_equal(open_again(w, &err), ST_DENIED);
    assert_int_equal(err.reason, GW_R_SPOOL_SHARE);
    assert_false(helper_there(&w->h, "bauamt"));
    assert_int_equal(mkdir(helper_path(&w->h, path, "bauamt"), 0770), 0);
    assert_int_equal(open_again(w, &err), ST_DENIED);
    assert_int_equal(helper_entries(&w->h, "bauamt", NULL), 0);
    assert_int_equal(mkdir(helper_path(&w->h, path, "bauamt/in"), 0770), 0);
    assert_int_equal(open_again(w, &err), ST_OK);
    assert_true(gw_spool_endpoint_in_place(&w->e));
    acknowledge(w, NULL);
    assert_int_equal(message(w, before).state, GW_HANDED_OVER);
    usleep(5000);
    message_in(w, "bauamt", one_file, 1, after);
    hand_over(w);
    assert_int_equal(
        rename(helper_path(&w->h, path, "bauamt/in/%s", after), helper_path(&w->h, to, "fertig")),
        0);
    restart(w);
    acknowledge(w, NULL);
    assert_int_equal(message(w, after).state, GW_ACKNOWLEDGED);
    assert_int_equal(message(w, before).state, GW_HANDED_OVER);
}

/* ---- acknowledged by another door ---- */

static void receipts(struct world *w)
{
    struct error err = {0};

    if (gw_spool_receipts(&w->e, &err) != ST_OK)
        fail_msg("%s", err.text);
}

/* Through the API: what is left in in/ goes, unless it was asked for once more. */
static void test_acknowledged_elsewhere(void **state)
{
    static const char *const names[] = {"a.txt"};
    struct world *w = *state;
    char gone[GW_ID_SIZE], left[GW_ID_SIZE], again[GW_ID_SIZE];

    message_in(w, "bauamt", names, 1, gone);
    message_in(w, "bauamt", names, 1, left);
    message_in(w, "bauamt", names, 1, again);
    hand_over(w);
    moved(w, gone, GW_EV_ACKNOWLEDGE);
    moved(w, again, GW_EV_ACKNOWLEDGE);
    moved(w, again, GW_EV_REDELIVER);
    hand_over(w);
    receipts(w);
    assert_false(helper_there(&w->h, "bauamt/in/%s", gone));
    assert_true(helper_there(&w->h, "bauamt/in/%s/a.txt", left));
    assert_true(helper_there(&w->h, "bauamt/in/%s/a.txt", again));
    assert_int_equal(helper_entries(&w->h, "bauamt/in", NULL), 2);
    acknowledge(w, NULL);
    assert_int_equal(message(w, gone).state, GW_ACKNOWLEDGED);
    assert_int_equal(message(w, left).state, GW_HANDED_OVER);
    assert_int_equal(message(w, again).state, GW_HANDED_OVER);
}

/* ---- receipts ---- */

static json_t *receipt(struct world *w, const char *id)
{
    AUTO(free_drop) char *text = helper_read_file(&w->h, "bauamt/receipts/%s.json", id);
    json_t *json = json_loads(text, 0, NULL);

    assert_non_null(json);
    return json;
}

/* Does receipts/<id>.txt say so? */
static bool told(struct world *w, const char *id, const char *words)
{
    AUTO(free_drop) char *text = helper_read_file(&w->h, "bauamt/receipts/%s.txt", id);

    return strstr(text, words) != NULL;
}

static void move(struct world *w, const char *id, enum gw_event event, const char *evidence)
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    struct gw_move m = {.id = id,
                        .event = event,
                        .cause = {.now = gw_now_ms(),
                                  .actor = "test",
                                  .reason = GW_R_NET_REFUSED,
                                  .en = "why",
                                  .de = "warum"}};
    struct error err = {0};

    if (event == GW_EV_SUBMIT)
        m.creation = (struct gw_card_time){"2026-05-04T08:15:00Z", INT64_C(1777882500000)};
    if (event == GW_EV_DELIVER)
        m.reception = (struct gw_card_time){"2026-05-04T09:15:00Z", INT64_C(1777886100000)};
    if (evidence != NULL) {
        assert_int_equal(gw_stage_new(w->h.rt->store, id, &stage, &err), ST_OK);
        assert_int_equal(
            gw_stage_add_bytes(stage, GW_FILE_EVIDENCE, evidence, NULL, NULL, SPAN("signed"), &err),
            ST_OK);
        assert_int_equal(gw_stage_publish(stage, &err), ST_OK);
        m.files = gw_stage_files(stage, &m.file_count);
    }
    if (gw_store_commit_move(w->h.rt->store, &m, NULL, &err) != ST_OK)
        fail_msg("%s", err.text);
    if (stage != NULL)
        gw_stage_done(stage);
}

static const char *member(const json_t *json, const char *a, const char *b)
{
    const json_t *found = json_object_get(json, a);

    return json_string_value(b == NULL ? found : json_object_get(found, b));
}

static void test_receipts(void **state)
{
    struct world *w = *state;
    struct error err = {0};
    int again_ms;
    const char *id;
    json_t *json;

    helper_file(&w->h, "bauamt/out/a.txt", SPAN("x"));
    assert_int_equal(gw_spool_take(&w->e, &again_ms, &err), ST_OK);
    id = helper_messages(&w->h, &w->arena, GW_OUTBOX, 0).rows[0].id;
    receipts(w);
    json = receipt(w, id);
    assert_string_equal(member(json, "state", NULL), "accepted");
    assert_string_equal(member(json, "source_name", NULL), "a.txt");
    assert_true(json_is_null(json_object_get(json, "last_error")));
    json_decref(json);
    assert_true(told(w, id, "Zustand:           angenommen\r\n"));
    assert_true(told(w, id, "State:             accepted\r\n"));

    move(w, id, GW_EV_DEFER, NULL);
    receipts(w);
    json = receipt(w, id);
    assert_string_equal(member(json, "state", NULL), "deferred");
    assert_string_equal(member(json, "last_error", "de"), "warum");
    assert_string_equal(member(json, "last_error", "side"), "network");
    json_decref(json);
    assert_true(told(w, id, "Zustand:           zur\303\274ckgestellt\r\nwarum\r\n"));

    move(w, id, GW_EV_SEAL, NULL);
    move(w, id, GW_EV_SUBMIT, "submitted.mime");
    move(w, id, GW_EV_DELIVER, "processcard.mime");
    receipts(w);
    json = receipt(w, id);
    assert_string_equal(member(json, "state", NULL), "delivered");
    assert_string_equal(member(json, "receipt", "creation"), "2026-05-04T08:15:00.000Z");
    assert_string_equal(member(json, "receipt", "reception"), "2026-05-04T09:15:00.000Z");
    assert_true(json_is_null(json_object_get(json, "last_error")));
    json_decref(json);
    assert_true(helper_there(&w->h, "bauamt/receipts/%s.submitted.mime", id));
    assert_true(helper_there(&w->h, "bauamt/receipts/%s.processcard.mime", id));
    assert_true(told(w, id, "Zustand:           zugestellt\r\n"));
    assert_true(told(w, id, ".processcard.mime\r\n"));
    assert_int_equal(helper_entries(&w->h, "bauamt/receipts", NULL), 4);

    /* it goes on where it was; what the Fachverfahren removed stays removed */
    {
        char path[512];

        assert_int_equal(unlink(helper_path(&w->h, path, "bauamt/receipts/%s.json", id)), 0);
    }
    restart(w);
    receipts(w);
    assert_false(helper_there(&w->h, "bauamt/receipts/%s.json", id));
}

/* One that was dropped and submitted, with its evidence; its id. */
static const char *submitted(struct world *w)
{
    struct error err = {0};
    const char *id;
    int again_ms;

    helper_file(&w->h, "bauamt/out/a.txt", SPAN("x"));
    assert_int_equal(gw_spool_take(&w->e, &again_ms, &err), ST_OK);
    id = helper_messages(&w->h, &w->arena, GW_OUTBOX, 0).rows[0].id;
    move(w, id, GW_EV_SEAL, NULL);
    move(w, id, GW_EV_SUBMIT, "submitted.mime");
    return id;
}

/* Folders of those names do not end them either; what is in them stays. */
static void test_receipts_names_taken(void **state)
{
    static const char *const names[] = {"json", "txt", "submitted.mime"};
    struct world *w = *state;
    const char *id = submitted(w);
    char path[512], file[128];

    for (int again = 1; again <= 2; again++) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            (void)helper_path(&w->h, path, "bauamt/receipts/%s.%s", id, names[i]);
            (void)unlink(path);
            assert_int_equal(mkdir(path, 0700), 0);
            (void)snprintf(file, sizeof file, "bauamt/receipts/%s.%s/seins", id, names[i]);
            helper_file(&w->h, file, SPAN("x"));
        }
        receipts(w);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            AUTO(free_drop)
            char *text = helper_read_file(&w->h, "bauamt/receipts/%s.%s", id, names[i]);

            assert_true(strlen(text) > 0);
            assert_true(
                helper_there(&w->h, "bauamt/receipts/%s.%s.aside-%d/seins", id, names[i], again));
        }
        move(w, id, GW_EV_NOTE, NULL);
    }
}

/* One piece of evidence that is lost does not end all receipts after it. */
static void test_receipts_evidence_gone(void **state)
{
    struct world *w = *state;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files = {0};
    struct error err = {0};
    char path[512];
    const char *id = submitted(w);

    assert_int_equal(gw_store_read(w->h.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &w->arena, id, &files, &err), ST_OK);
    assert_int_equal(files.count, 2);
    assert_int_equal(unlink(helper_path(&w->h, path, "state/%s", files.rows[1].path)), 0);
    gw_read_end(&tx);
    tx = NULL;
    receipts(w);
    assert_true(helper_there(&w->h, "bauamt/receipts/%s.json", id));
}

/* ---- the threads ---- */

static void on_commit(void *ctx)
{
    gw_spool_wake(ctx);
}

static void state_wait(struct world *w, const char *id, enum gw_state state)
{
    int64_t until = gw_monotonic_ms() + WAIT_MS;

    while (message(w, id).state != state && gw_monotonic_ms() < until)
        usleep(2000);
    assert_int_equal(message(w, id).state, state);
}

/* A file dropped and taken, a message committed, handed over, taken away and acknowledged; how long
 * that takes. */
static int64_t round_trip(struct world *w, unsigned n)
{
    int64_t start = gw_monotonic_ms();
    char id[GW_ID_SIZE], name[64], from[512], to[512];

    helper_file(&w->h, "neu.tmp", SPAN("x"));
    (void)snprintf(name, sizeof name, "bauamt/out/neu%u", n);
    assert_int_equal(
        rename(helper_path(&w->h, from, "neu.tmp"), helper_path(&w->h, to, "%s", name)), 0);
    while (helper_there(&w->h, "%s", name) && gw_monotonic_ms() - start < WAIT_MS)
        usleep(2000);
    assert_false(helper_there(&w->h, "%s", name));
    message_in(w, "bauamt", one_file, 1, id);
    state_wait(w, id, GW_HANDED_OVER);
    while (!helper_there(&w->h, "bauamt/in/%s", id) && gw_monotonic_ms() - start < WAIT_MS)
        usleep(2000); /* shown a moment after it counts */
    assert_int_equal(
        rename(helper_path(&w->h, from, "bauamt/in/%s", id), helper_path(&w->h, to, "weg%u", n)),
        0);
    state_wait(w, id, GW_ACKNOWLEDGED);
    return gw_monotonic_ms() - start;
}

/*
 * A drop is noticed, a commit is handed over, a removal acknowledged, all without waiting for the
 * clock; and stopping does not wait either. What the clock alone brings about comes ten seconds
 * after it came before, so one of the rounds behind the first, on whatever machine, tells.
 */
static void test_threads(void **state)
{
    struct world *w = *state;
    struct gw_spool *spool = NULL;
    struct error err = {0};
    int64_t until, took;
    unsigned rounds = 0;

    gw_spool_endpoint_deinit(&w->e);
    assert_int_equal(gw_spool_start(w->h.rt, &spool, &err), ST_OK);
    gw_runtime_on_commit(w->h.rt, on_commit, spool);
    helper_runtime_run(&w->h);
    gw_spool_on_accept(spool, NULL, NULL);
    do {
        took = round_trip(w, rounds++);
    } while (rounds < 2 || (took > AT_ONCE_MS && rounds < 8));
    assert_true(took <= AT_ONCE_MS);
    until = gw_monotonic_ms() + WAIT_MS;
    /* each as .json and as .txt */
    while (helper_entries(&w->h, "bauamt/receipts", NULL) < 2 * rounds && gw_monotonic_ms() < until)
        usleep(2000);
    assert_int_equal(helper_entries(&w->h, "bauamt/receipts", NULL), 2 * rounds);

    assert_true(helper_runtime_stop(&w->h) < STOP_MS);
    gw_spool_free(spool);
    helper_runtime_close(&w->h);
    world_open(w);
}

static void reason_wait(struct world *w, int reason)
{
    int64_t until = gw_monotonic_ms() + WAIT_MS;

    while (w->h.rt->folder_reasons[0] != reason && gw_monotonic_ms() < until)
        usleep(2000);
    assert_int_equal(w->h.rt->folder_reasons[0], reason);
}

/* A share that is not mounted at the start, comes, goes, and comes back: the other endpoint does
 * not mind, and nothing is made in its place. */
static void test_share(void **state)
{
    struct world *w = *state;
    struct gw_spool *spool = NULL;
    struct error err = {0};
    char bauamt[512], away[512], mine[GW_ID_SIZE], other[GW_ID_SIZE];

    (void)helper_path(&w->h, bauamt, "bauamt");
    (void)helper_path(&w->h, away, "away");
    gw_spool_endpoint_deinit(&w->e);
    assert_int_equal(rename(bauamt, away), 0);
    assert_int_equal(gw_spool_start(w->h.rt, &spool, &err), ST_OK);
    assert_int_equal(w->h.rt->folder_reasons[0], GW_R_SPOOL_SHARE);
    assert_int_equal(w->h.rt->folder_reasons[1], 0);
    gw_runtime_on_commit(w->h.rt, on_commit, spool);
    helper_runtime_run(&w->h);
    gw_spool_on_accept(spool, NULL, NULL);
    message_in(w, "bauamt", one_file, 1, mine);
    message_in(w, "standesamt", one_file, 1, other);
    state_wait(w, other, GW_HANDED_OVER);
    assert_int_equal(message(w, mine).state, GW_OPENED);
    assert_false(helper_there(&w->h, "bauamt"));

    assert_int_equal(rename(away, bauamt), 0);
    reason_wait(w, 0);
    state_wait(w, mine, GW_HANDED_OVER);
    assert_int_equal(rename(bauamt, away), 0);
    assert_int_equal(mkdir(bauamt, 0770), 0); /* where it was mounted */
    reason_wait(w, GW_R_SPOOL_SHARE);
    message_in(w, "bauamt", one_file, 1, other);
    assert_int_equal(helper_entries(&w->h, "bauamt", NULL), 0);
    assert_int_equal(rmdir(bauamt), 0);
    assert_int_equal(rename(away, bauamt), 0);
    state_wait(w, other, GW_HANDED_OVER);
    assert_int_equal(message(w, mine).state, GW_HANDED_OVER); /* nobody took it meanwhile */

    (void)helper_runtime_stop(&w->h);
    gw_spool_free(spool);
    helper_runtime_close(&w->h);
    world_open(w);
}

int main(void)
{
    static const struct CMUnitTest more[] = {
        cmocka_unit_test_setup_teardown(test_hidden_leftover, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hidden_handed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hidden_acknowledged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_there_already, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_repeated_is_marked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_acknowledge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_acknowledge_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folder_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_acknowledged_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_share, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receipts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receipts_names_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receipts_evidence_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
    };
    struct CMUnitTest tests[ARRAY_LEN(names_rows) + ARRAY_LEN(more)];

    for (size_t i = 0; i < ARRAY_LEN(names_rows); i++)
        tests[i] = (struct CMUnitTest){names_rows[i].name, test_names, NULL, NULL, &names_rows[i]};
    memcpy(tests + ARRAY_LEN(names_rows), more, sizeof more);
    gw_worker_setup(4);
    return cmocka_run_group_tests_name("spool_hand", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}
