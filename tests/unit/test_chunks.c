/* Deliveries in chunks, out and in, to and from intermediaries that do it well or badly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "gateway/chunks.h"
#include "gateway/lane.h"
#include "gateway/parts.h"
#include "tests/unit/helper_chunks.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_runtime.h"
#include "tests/unit/helper_store.h"

enum { CONTENT = 200 * 1024 };

static const char endpoint_yaml[] = "endpoints:\n"
                                    "  - name: bauamt\n"
                                    "    folder: {dir}/bauamt\n"
                                    "    receives: { default: true }\n"
                                    "    routes: [ {partner: %s} ]\n";
static const char partner_yaml[] =
    "partners:\n"
    "  - name: Ahausen\n"
    "    intermediary: demo\n"
    "    cipher_certificate: {keys}/originator-cipher-2048.cert.pem\n"
    "    signature_certificates: [ {keys}/originator-signature-2048.cert.pem ]\n";

struct world {
    struct helper_chunks peer;
    struct helper_runtime town;
    bool fetches;
    struct arena arena;
};

static struct gw_intermediary_conf *conf(struct world *w)
{
    /* the settings are const for all but tests */
    return (struct gw_intermediary_conf *)(uintptr_t)w->town.rt->peers[0].conf;
}

static void town_open(struct world *w)
{
    char more[1024];
    int n = snprintf(more, sizeof more, "%s", w->fetches ? partner_yaml : "");

    (void)snprintf(more + n, sizeof more - (size_t)n, endpoint_yaml,
                   w->fetches ? "Ahausen" : "Beheim");
    helper_runtime_open(&w->town, w->fetches ? helper_other_town_yaml : helper_town_yaml, more,
                        w->peer.url);
    conf(w)->chunk_above_kb = 64;
    conf(w)->chunk_kb = w->fetches ? 60 : 32;
    helper_runtime_run(&w->town);
}

static void world_open(struct world *w)
{
    *w = (struct world){0};
    arena_init(&w->arena, 256 * 1024 * 1024);
    helper_chunks_open(&w->peer);
    town_open(w);
}

/* What the disk alone remembers. */
static void town_restart(struct world *w)
{
    helper_runtime_close(&w->town);
    town_open(w);
}

static void world_close(struct world *w)
{
    helper_runtime_deinit(&w->town);
    helper_chunks_close(&w->peer);
    arena_deinit(&w->arena);
}

/* ---- out ---- */

static void content_make(struct buf *content)
{
    buf_init(content, CONTENT);
    for (unsigned i = 0; i < CONTENT; i++)
        buf_char(content, (char)(i * 7 + i / 251));
}

static void message_out(struct world *w, char id[GW_ID_SIZE])
{
    AUTO(buf_deinit) struct buf content = {0};

    content_make(&content);
    helper_message_out(&w->town, "Beheim", buf_span(&content), 0, id);
}

static enum status send_once(struct world *w, const char *id, struct error *err)
{
    struct gw_message_row row = helper_message_of(&w->town, &w->arena, id);
    struct gw_conversation talk;
    bool moved = false;
    enum status st;

    *err = (struct error){0};
    gw_conversation_init(&talk, w->town.rt, &w->town.rt->peers[0]);
    st = gw_outbound_send(&talk, &row, &moved, err);
    gw_conversation_close(&talk);
    assert_true(moved);
    return st;
}

/* 200 KB in chunks of 32 KB: 7 of them, and the text round them. */
static struct out_row {
    const char *name, *script; /* of the first attempt */
    int inside, working;
    enum gw_state state;
    int reason;
    unsigned orders, infos; /* chunk orders of the first attempt, and questions among them */
    const char *again;      /* script of the second */
    unsigned again_orders;
    unsigned ids; /* MessageIds taken in the end */
} out_rows[] = {
    {"all goes well", "", 0, 0, GW_SUBMITTED, 0, 7, 0, "", 0, 1},
    {"it takes a while", "", 0, 2, GW_SUBMITTED, 0, 9, 2, "", 0, 1},
    {"the whole is refused", "", 9807, 0, GW_FAILED, 9807, 7, 0, "", 0, 1},
    {"the whole is refused after a while", "", 9706, 1, GW_FAILED, 9706, 8, 1, "", 0, 1},
    {"the whole has bad luck", "", 9811, 0, GW_DEFERRED, 9811, 7, 0, "", 7, 2},
    {"the first chunk does not arrive", "N", 0, 0, GW_DEFERRED, GW_R_NET_CUT, 1, 0, "", 8, 1},
    {"the answer to the first is lost", "L", 0, 0, GW_DEFERRED, GW_R_NET_CUT, 1, 0, "", 7, 1},
    {"the fourth does not arrive", "+++N", 0, 0, GW_DEFERRED, GW_R_NET_CUT, 4, 0, "", 5, 1},
    {"the answer to the fourth is lost", "+++L", 0, 0, GW_DEFERRED, GW_R_NET_CUT, 4, 0, "", 4, 1},
    {"the last does not arrive", "++++++N", 0, 0, GW_UNCLEAR, GW_R_NET_CUT, 7, 0, "", 2, 1},
    {"the answer to the last is lost", "++++++L", 0, 0, GW_UNCLEAR, GW_R_NET_CUT, 7, 0, "", 0, 1},
    {"a fault in the middle", "++X", 0, 0, GW_DEFERRED, 9000, 3, 0, "", 6, 1},
    {"internal trouble in the middle", "++A", 0, 0, GW_DEFERRED, 9811, 3, 0, "", 6, 1},
    {"9900 for a chunk that is there", "+0+", 0, 0, GW_SUBMITTED, 0, 7, 0, "", 0, 1},
    {"9900 for a chunk that is not there", "+o", 0, 0, GW_SUBMITTED, 0, 9, 1, "", 0, 1},
    {"9901", "+1", 0, 0, GW_FAILED, 9901, 2, 0, "", 0, 1},
    {"9902", "2", 0, 0, GW_FAILED, 9902, 1, 0, "", 0, 1},
    {"9903", "3", 0, 0, GW_FAILED, 9903, 1, 0, "", 0, 1},
    {"9904 with the first", "4", 0, 0, GW_FAILED, 9904, 1, 0, "", 0, 1},
    {"9905: it has other chunks than ours", "++5", 0, 0, GW_DEFERRED, 9905, 3, 0, "", 7, 2},
    {"it speaks of another total", "++T", 0, 0, GW_DEFERRED, 9905, 3, 0, "", 7, 2},
    {"it says that all are there", "+S", 0, 0, GW_SUBMITTED, 0, 8, 1, "", 0, 1},
    {"it says that none is there", "+++E", 0, 0, GW_SUBMITTED, 0, 7, 0, "", 0, 1},
    {"it names chunks that do not exist", "+G", 0, 0, GW_DEFERRED, GW_R_NET_ANSWER, 2, 0, "", 6, 1},
    {"it forgets them in the middle", "+++F", 0, 0, GW_SUBMITTED, 0, 12, 1, "", 0, 1},
    {"it forgets them between two attempts", "+++N", 0, 0, GW_DEFERRED, GW_R_NET_CUT, 4, 0, "F", 8,
     1},
    {"it forgets them always", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 0, 0, GW_DEFERRED,
     GW_R_NET_ANSWER, 16, 2, "", 8, 1},
};

static void assert_sent(struct world *w, const char *id, const struct out_row *row)
{
    struct gw_message_row m = helper_message_of(&w->town, &w->arena, id);

    assert_int_equal(m.state, GW_SUBMITTED);
    assert_int_equal(m.last_reason, 0);
    assert_non_null(m.creation.text);
    assert_int_equal(w->peer.deliveries, 1);
    assert_int_equal(w->peer.wholes, 0);
    assert_int_equal(w->peer.kb, 32);
    assert_int_equal(w->peer.ids, row->ids);
    assert_true(w->peer.octets > CONTENT);
}

static void test_out(void **state)
{
    const struct out_row *row = *state;
    struct world w;
    struct error err;
    struct gw_message_row m;
    char id[GW_ID_SIZE];

    world_open(&w);
    w.peer.inside = row->inside;
    w.peer.working = row->working;
    message_out(&w, id);
    helper_chunks_script(&w.peer, row->script);
    (void)send_once(&w, id, &err);
    m = helper_message_of(&w.town, &w.arena, id);
    if (m.state != row->state || m.last_reason != row->reason)
        fail_msg("%s: %d %s", gw_state_name(m.state), m.last_reason, err.text);
    assert_int_equal(w.peer.orders, row->orders);
    assert_int_equal(w.peer.infos, row->infos);
    if (row->state == GW_FAILED) {
        assert_true(m.last_error_de[0] != '\0' && m.last_error_en[0] != '\0');
        assert_int_equal(w.peer.deliveries, 0);
    }
    if (row->state == GW_DEFERRED || row->state == GW_UNCLEAR) {
        w.peer.inside = 0;
        helper_chunks_script(&w.peer, row->again);
        town_restart(&w);
        if (send_once(&w, id, &err) != ST_OK)
            fail_msg("%d %s", err.reason, err.text);
        assert_int_equal(w.peer.orders, row->again_orders);
    }
    if (row->state != GW_FAILED)
        assert_sent(&w, id, row);
    world_close(&w);
}

/* What the intermediary says of itself decides how a message goes. */
static struct feature_row {
    const char *name;
    bool silent, implicit;
    uint64_t min_kb, max_kb, message_kb;
    enum gw_state state;
    unsigned wholes, deliveries;
    uint64_t kb;
} feature_rows[] = {
    {"it knows no chunks", true, false, 0, 0, 0, GW_SUBMITTED, 1, 0, 0},
    {"it knows them", false, false, 0, 0, 0, GW_SUBMITTED, 0, 1, 32},
    {"asked even where dialogs are implicit", false, true, 0, 0, 0, GW_SUBMITTED, 0, 1, 32},
    {"no larger ones", false, false, 1, 16, 0, GW_SUBMITTED, 0, 1, 16},
    {"no smaller ones", false, false, 50, 100, 0, GW_SUBMITTED, 0, 1, 50},
    {"just large enough", false, false, 0, 0, 400, GW_SUBMITTED, 0, 1, 32},
    {"no message so large", false, false, 0, 0, 100, GW_FAILED, 0, 0, 0},
    {"nor in one piece", true, false, 0, 0, 100, GW_FAILED, 0, 0, 0},
};

static void test_feature(void **state)
{
    const struct feature_row *row = *state;
    struct world w;
    struct error err;
    struct gw_message_row m;
    char id[GW_ID_SIZE];

    world_open(&w);
    w.peer.silent = row->silent;
    w.peer.min_kb = row->min_kb;
    w.peer.max_kb = row->max_kb;
    w.peer.message_kb = row->message_kb;
    if (row->implicit)
        conf(&w)->dialog = GW_DIALOG_IMPLICIT;
    message_out(&w, id);
    (void)send_once(&w, id, &err);
    m = helper_message_of(&w.town, &w.arena, id);
    if (m.state != row->state)
        fail_msg("%s: %s", gw_state_name(m.state), err.text);
    assert_int_equal(w.peer.wholes, row->wholes);
    assert_int_equal(w.peer.deliveries, row->deliveries);
    assert_int_equal(w.peer.kb, row->kb);
    if (row->state == GW_FAILED) {
        assert_int_equal(m.last_reason, GW_R_MESSAGE_TOO_LARGE);
        assert_int_equal(gw_explain_find(m.last_reason)->side, GW_SIDE_INTERMEDIARY);
        assert_null(strchr(m.last_error_de, '?'));
    }
    world_close(&w);
}

/* A chunk size that was fine when the transfer began, and is not any more. */
static void test_bounds_change(void **state)
{
    struct world w;
    struct error err;
    char id[GW_ID_SIZE];

    (void)state;
    world_open(&w);
    message_out(&w, id);
    helper_chunks_script(&w.peer, "++N");
    assert_int_equal(send_once(&w, id, &err), ST_RETRY);
    w.peer.max_kb = 16;
    assert_int_equal(send_once(&w, id, &err), ST_RETRY);
    assert_int_equal(err.reason, 9902);
    assert_int_equal(send_once(&w, id, &err), ST_OK);
    assert_int_equal(w.peer.kb, 16);
    assert_int_equal(w.peer.ids, 2);
    assert_int_equal(w.peer.deliveries, 1);
    world_close(&w);
}

static struct gw_file_list files_of(struct world *w, const char *id)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files;
    struct error err = {0};

    assert_int_equal(gw_store_read(w->town.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &w->arena, id, &files, &err), ST_OK);
    return files;
}

static struct gw_event_list events_of(struct world *w, const char *id)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_event_list events;
    struct error err = {0};

    assert_int_equal(gw_store_read(w->town.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_events(tx, &w->arena, 0, id, NULL, NULL, 0, &events, &err), ST_OK);
    return events;
}

/* What lies sealed on the disk rots between two attempts: nothing more of it is sent. */
static void test_damage(void **state)
{
    struct gw_file_list files;
    struct world w;
    struct error err;
    char id[GW_ID_SIZE];

    (void)state;
    world_open(&w);
    message_out(&w, id);
    helper_chunks_script(&w.peer, "++N");
    assert_int_equal(send_once(&w, id, &err), ST_RETRY);
    files = files_of(&w, id);
    for (size_t i = 0; i < files.count; i++) {
        char path[512];
        FILE *f;

        if (files.rows[i].kind != GW_FILE_ATTACHMENT)
            continue;
        f = fopen(helper_path(&w.town, path, "state/%s", files.rows[i].path), "r+b");
        assert_non_null(f);
        assert_int_equal(fseek(f, CONTENT / 2, SEEK_SET), 0);
        assert_int_equal(fputs("rot", f) < 0, 0);
        assert_int_equal(fclose(f), 0);
    }
    helper_chunks_script(&w.peer, "");
    assert_int_equal(send_once(&w, id, &err), ST_DENIED);
    assert_int_equal(err.reason, GW_R_STORE_DAMAGED);
    assert_int_equal(w.peer.orders, 1); /* only the question */
    assert_int_equal(helper_message_of(&w.town, &w.arena, id).state, GW_FAILED);
    world_close(&w);
}

/* The history says how far it came. */
static void test_history(void **state)
{
    struct gw_event_list events;
    struct world w;
    struct error err;
    char id[GW_ID_SIZE];
    bool plan = false, progress = false;

    (void)state;
    world_open(&w);
    message_out(&w, id);
    helper_chunks_script(&w.peer, "+++N");
    assert_int_equal(send_once(&w, id, &err), ST_RETRY);
    events = events_of(&w, id);
    for (size_t i = 0; i < events.count; i++) {
        const struct gw_event_row *e = &events.rows[i];

        plan |= e->en != NULL && strstr(e->en, "in 7 chunks of 32 KB") != NULL &&
                strstr(e->de, "in 7 Paketen zu 32 KB") != NULL;
        progress |= e->en != NULL && strstr(e->en, "chunk 3 of 7") != NULL &&
                    strstr(e->de, "Paket 3 von 7") != NULL &&
                    strcmp(e->detail, "{\"chunk\": 3, \"chunks\": 7}") == 0;
    }
    assert_true(plan);
    assert_true(progress);
    world_close(&w);
}

/* ---- in ---- */

/* The same message in chunks of 60 KB: 4 of them. The empty mailbox costs one more order. */
static struct in_row {
    const char *name, *script;
    bool silent, off, big; /* big: all of it fits one chunk */
    enum status st;        /* of the first fetch */
    int reason;
    unsigned orders; /* chunk orders in it */
    unsigned again;  /* and in the second, which brings it, where the first did not */
} in_rows[] = {
    {"all goes well", "", false, false, false, ST_OK, 0, 5, 0},
    {"it fits one chunk", "", false, false, true, ST_OK, 0, 2, 0},
    {"it knows no chunks", "", true, false, false, ST_OK, 0, 0, 0},
    {"we do not want chunks", "", false, true, false, ST_OK, 0, 0, 0},
    {"it says so, but does not do it", "A", false, false, false, ST_OK, 0, 1, 0},
    {"it says so, and answers with a fault", "X", false, false, false, ST_OK, 0, 1, 0},
    {"it takes no chunks of the size it named", "2", false, false, false, ST_OK, 0, 1, 0},
    {"the first is lost", "L", false, false, false, ST_RETRY, GW_R_NET_CUT, 1, 5},
    {"the third does not come", "++N", false, false, false, ST_RETRY, GW_R_NET_CUT, 3, 3},
    {"the third is lost", "++L", false, false, false, ST_RETRY, GW_R_NET_CUT, 3, 3},
    {"the last is lost", "+++L", false, false, false, ST_RETRY, GW_R_NET_CUT, 4, 2},
    {"a fault in the middle", "++X", false, false, false, ST_RETRY, 9000, 3, 3},
    {"internal trouble in the middle", "++A", false, false, false, ST_RETRY, 9811, 3, 3},
    {"a certificate cannot be looked at", "B", false, false, false, ST_RETRY, 9710, 1, 5},
    {"nor in the middle", "++B", false, false, false, ST_RETRY, 9710, 3, 3},
    {"gone in the middle, and there again", "++8", false, false, false, ST_OK, 0, 8, 0},
    {"another total", "+T", false, false, false, ST_INVALID, GW_R_NET_ANSWER, 2, 5},
    {"another delivery", "+M", false, false, false, ST_INVALID, GW_R_NET_ANSWER, 2, 5},
    {"another chunk", "+C", false, false, false, ST_INVALID, GW_R_NET_ANSWER, 2, 5},
    {"half a chunk", "+H", false, false, false, ST_INVALID, GW_R_NET_ANSWER, 2, 5},
    {"half a last chunk", "+++H", false, false, false, ST_INVALID, GW_R_NET_ANSWER, 4, 5},
    {"more than anybody can hold", "Z", false, false, false, ST_LIMIT, GW_R_LIMIT, 1, 5},
};

/* What town A has sent waits for town B. */
static void world_open_in(struct world *w)
{
    struct error err;
    char id[GW_ID_SIZE];

    world_open(w);
    message_out(w, id);
    assert_int_equal(send_once(w, id, &err), ST_OK);
    helper_chunks_hold(&w->peer);
    helper_runtime_deinit(&w->town);
    w->fetches = true;
    town_open(w);
}

static enum status fetch(struct world *w, size_t *count, struct error *err)
{
    struct gw_detour detour = {0};
    enum status st;

    *count = 0;
    *err = (struct error){0};
    st = gw_inbound_round(w->town.rt, &w->town.rt->peers[0], &detour, count, err);
    gw_detour_deinit(&detour);
    return st;
}

/* Its payload is what A sent; nothing is left of the chunks. */
static void assert_payload(struct world *w, const char *id)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(buf_deinit) struct buf sent = {0};
    struct gw_file_list files;
    struct digest_value sha256;
    struct error err = {0};
    const char *facts;
    size_t payloads = 0;

    content_make(&sent);
    assert_int_equal(
        digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), buf_span(&sent), &sha256, &err),
        ST_OK);
    files = files_of(w, id);
    assert_int_equal(gw_store_read(w->town.rt->store, &tx, &err), ST_OK);
    for (size_t i = 0; i < files.count; i++)
        if (files.rows[i].kind == GW_FILE_PAYLOAD) {
            payloads++;
            assert_memory_equal(files.rows[i].sha256, sha256.bytes, GW_SHA256_BYTES);
        }
    assert_int_equal(payloads, 1);
    assert_int_equal(gw_store_meta(tx, &w->arena, "mailbox.chunks/demo", &facts, &err),
                     ST_NOT_FOUND);
}

static void assert_arrived_once(struct world *w)
{
    struct gw_message_list inbox = helper_messages(&w->town, &w->arena, GW_INBOX, 0);
    struct error err;
    size_t count;

    assert_int_equal(inbox.count, 1);
    if (inbox.rows[0].state != GW_OPENED)
        fail_msg("%d %s", inbox.rows[0].last_reason, inbox.rows[0].last_error_en);
    assert_string_equal(inbox.rows[0].sender, "Ahausen");
    assert_payload(w, inbox.rows[0].id);
    assert_true(w->peer.received);
    assert_int_equal(fetch(w, &count, &err), ST_OK);
    assert_int_equal(count, 0);
}

static void test_in(void **state)
{
    const struct in_row *row = *state;
    struct world w;
    struct error err;
    enum status st;
    size_t count;

    world_open_in(&w);
    w.peer.silent = row->silent;
    conf(&w)->fetch_chunks = !row->off;
    conf(&w)->chunk_kb = row->big ? 1000 : 60;
    helper_chunks_script(&w.peer, row->script);
    st = fetch(&w, &count, &err);
    if (st != row->st || (st != ST_OK && err.reason != row->reason))
        fail_msg("%d %d %s", st, err.reason, err.text);
    assert_int_equal(w.peer.orders, row->orders);
    assert_int_equal(count, row->again == 0);
    if (row->again > 0) {
        assert_false(w.peer.received);
        helper_chunks_script(&w.peer, "");
        town_restart(&w);
        if (fetch(&w, &count, &err) != ST_OK)
            fail_msg("%d %s", err.reason, err.text);
        assert_int_equal(w.peer.orders, row->again);
        assert_int_equal(count, 1);
    }
    assert_arrived_once(&w);
    world_close(&w);
}

/* Octets that are no OSCI message: dropped, told, and fetched anew when they are right again. */
static void test_garbled(void **state)
{
    struct world w;
    struct error err;
    size_t count;
    uint8_t *ptr;

    (void)state;
    world_open_in(&w);
    ptr = w.peer.held.ptr + 1500;
    helper_chunks_script(&w.peer, "++++");
    ptr[0] ^= 0x80;
    assert_int_equal(fetch(&w, &count, &err), ST_INVALID);
    assert_int_equal(err.reason, GW_R_NET_ANSWER);
    assert_int_equal(w.peer.orders, 4);
    assert_false(w.peer.received);
    assert_int_equal(helper_messages(&w.town, &w.arena, GW_INBOX, 0).count, 0);
    ptr[0] ^= 0x80;
    assert_int_equal(fetch(&w, &count, &err), ST_OK);
    assert_int_equal(count, 1);
    assert_arrived_once(&w);
    world_close(&w);
}

/* Handed out a second time, since our word that it came was lost: the last chunk is enough. */
static void test_seen_before(void **state)
{
    struct world w;
    struct error err;
    size_t count;

    (void)state;
    world_open_in(&w);
    assert_int_equal(fetch(&w, &count, &err), ST_OK);
    assert_int_equal(count, 1);
    w.peer.received = false;
    helper_chunks_script(&w.peer, "");
    if (fetch(&w, &count, &err) != ST_OK)
        fail_msg("%d %s", err.reason, err.text);
    assert_int_equal(count, 0);
    assert_int_equal(w.peer.orders, 3); /* the first, the last, and the empty mailbox */
    assert_arrived_once(&w);
    world_close(&w);
}

/* ---- small parts ---- */

static void test_chunk_kb(void **state)
{
    static const struct {
        int64_t conf;
        uint64_t min, max, len, kb;
    } rows[] = {{4096, 0, 0, 0, 4096},
                {4096, 0, 1024, 0, 1024},
                {4096, 8192, 0, 0, 8192},
                {1, 0, 0, 65536 * 1024ULL, 1},
                {1, 0, 0, 65537 * 1024ULL, 2},
                {1, 0, 1, 65537 * 1024ULL, 1},
                {4096, UINT64_MAX, 0, 0, 1024 * 1024}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct gw_intermediary_conf conf = {.chunk_kb = rows[i].conf};
        const struct gw_features features = {.min_chunk_kb = rows[i].min,
                                             .max_chunk_kb = rows[i].max};

        assert_int_equal(gw_chunk_kb(&conf, &features, rows[i].len), rows[i].kb);
    }
}

static void test_progress(void **state)
{
    struct gw_chunk_progress p = {0};
    unsigned told = 0;

    (void)state;
    for (uint64_t n = 0; n <= 2000; n++)
        told += gw_chunk_progress_due(&p, n, 2000, 1000);
    assert_in_range(told, 9, 11);
    assert_false(gw_chunk_progress_due(&p, 2000, 2000, 1000 * 1000));
    p = (struct gw_chunk_progress){.told = 5, .told_at = 1000};
    assert_false(gw_chunk_progress_due(&p, 6, 2000, 2000));
    assert_true(gw_chunk_progress_due(&p, 6, 2000, 32 * 1000));
    assert_false(gw_chunk_progress_due(&p, 6, 2000, 99 * 1000));
}

int main(void)
{
    struct CMUnitTest tests[128];
    size_t n = 0;

    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_chunk_kb);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_progress);
    for (size_t i = 0; i < ARRAY_LEN(out_rows); i++)
        tests[n++] =
            (struct CMUnitTest){out_rows[i].name, test_out, NULL, NULL, (void *)&out_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(feature_rows); i++)
        tests[n++] = (struct CMUnitTest){feature_rows[i].name, test_feature, NULL, NULL,
                                         (void *)&feature_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_bounds_change);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_damage);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_history);
    for (size_t i = 0; i < ARRAY_LEN(in_rows); i++)
        tests[n++] = (struct CMUnitTest){in_rows[i].name, test_in, NULL, NULL, (void *)&in_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_garbled);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_seen_before);
    return _cmocka_run_group_tests("chunks", tests, n, helper_crypto_setup, helper_crypto_teardown);
}
