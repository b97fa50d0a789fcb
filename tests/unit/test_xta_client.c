/* Messages out to an XTA server that misbehaves, and in from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gateway/lane.h"
#include "gateway/store_xta.h"
#include "gateway/xta_client.h"
#include "tests/unit/helper_runtime.h"
#include "tests/unit/helper_xta_fake.h"

enum { MANY = 40, YAML_MAX = 64 * 1024 };

static const char tenant_yaml[] = "state: {dir}/state\n"
                                  "tenant:\n"
                                  "  name: Ahausen\n"
                                  "  identity: {originator}\n"
                                  "retry: { first_seconds: 1, max_seconds: 2 }\n"
                                  "endpoints:\n"
                                  "  - name: bauamt\n"
                                  "    receives: { default: true }\n";

struct world {
    struct helper_xta_fake fake;
    struct helper_runtime h;
    struct buf yaml;
    struct gw_detour detour;
    struct gw_destination to;
    struct gw_xta_server_talk talk;
    struct arena arena;
};

static void gateway_open(struct world *w)
{
    helper_runtime_open(&w->h, tenant_yaml, buf_cstr(&w->yaml), NULL);
    helper_runtime_run(&w->h);
    assert_true(gw_destination_at(w->h.rt, 0, &w->to));
    w->talk = (struct gw_xta_server_talk){.rt = w->h.rt, .peer = w->to.peer};
}

static void world_open(struct world *w, enum xta_version version, const char *more)
{
    *w = (struct world){0};
    arena_init(&w->arena, 256 * 1024 * 1024);
    helper_xta_fake_open(&w->fake, version);
    buf_init(&w->yaml, YAML_MAX);
    helper_xta_fake_yaml(&w->fake, more, &w->yaml);
    gateway_open(w);
}

static void world_close(struct world *w)
{
    helper_runtime_deinit(&w->h);
    helper_xta_fake_close(&w->fake);
    gw_detour_deinit(&w->detour);
    buf_deinit(&w->yaml);
    arena_deinit(&w->arena);
}

/* What a crash and a start are to what stands in memory. */
static void world_restart(struct world *w)
{
    helper_runtime_close(&w->h);
    gw_detour_deinit(&w->detour);
    gateway_open(w);
}

static void message_out(struct world *w, char id[GW_ID_SIZE])
{
    helper_message_out(&w->h, "Beheim", SPAN("Hallo Welt"), 0, id);
}

static struct gw_message_row message(struct world *w, const char *id)
{
    return helper_message_of(&w->h, &w->arena, id);
}

static enum status send_once(struct world *w, const char *id, struct error *err)
{
    struct gw_message_row row = message(w, id);
    bool moved = false;
    enum status st = gw_xta_message_send(&w->talk, &w->to, &row, false, &moved, err);

    assert_true(moved);
    return st;
}

static struct gw_message_list inbox(struct world *w)
{
    return helper_messages(&w->h, &w->arena, GW_INBOX, 0);
}

/* ---- out ---- */

static struct out_row {
    const char *name;
    const char *lookup, *create, *send; /* scripts */
    int attempts;                       /* that are made */
    enum gw_state state;                /* after the last */
    int reason;                         /* of the last; 0: none */
    size_t kept;                        /* messages that the server has */
} out_rows[] = {
    {"as it should be", "", "", "", 1, GW_SUBMITTED, 0, 1},
    {"XTA-130: the answer is lost", "", "", "L", 1, GW_UNCLEAR, GW_R_NET_CUT, 1},
    {"XTA-130: and sent again", "", "", "L", 2, GW_SUBMITTED, 0, 1},
    {"XTA-130: lost three times", "", "", "NNL", 4, GW_SUBMITTED, 0, 1},
    {"nothing arrives", "", "", "N", 1, GW_UNCLEAR, GW_R_NET_CUT, 0},
    {"nothing arrives, and then it does", "", "", "N", 2, GW_SUBMITTED, 0, 1},
    {"garbage", "", "", "G", 1, GW_UNCLEAR, GW_R_NET_ANSWER, 0},
    {"XTA-138: an answer with a document type", "", "", "D", 1, GW_UNCLEAR, GW_R_NET_ANSWER, 0},
    {"busy", "", "", "U", 2, GW_SUBMITTED, 0, 1},
    {"XTA-143: a redirect", "", "", "R", 1, GW_UNCLEAR, GW_R_NET_HTTP_REDIRECT, 0},
    {"XTA-131: a technical problem", "", "", "T", 1, GW_UNCLEAR, GW_R_XTA_TECHNICAL, 0},
    {"a technical problem after it was taken", "", "", "A", 1, GW_UNCLEAR, GW_R_XTA_TECHNICAL, 1},
    {"and asked for", "", "", "A", 2, GW_SUBMITTED, 0, 1},
    {"XTA-131: a technical problem that passes", "", "", "TT", 3, GW_SUBMITTED, 0, 1},
    {"a fault of SOAP", "", "", "S", 1, GW_UNCLEAR, GW_R_XTA_FAULT, 0},
    {"XTA-131: permission denied", "", "", "P", 1, GW_FAILED, GW_R_XTA_ACCOUNT, 0},
    {"XTA-131: a parameter", "", "", "I", 1, GW_FAILED, GW_R_XTA_PARAMETER, 0},
    {"XTA-131: a virus", "", "", "V", 1, GW_FAILED, GW_R_XTA_VIRUS, 0},
    {"unclear, and then a parameter: the report knows it", "", "", "LI", 2, GW_SUBMITTED, 0, 1},
    {"unclear, and then a parameter: the report does not", "", "", "NI", 2, GW_FAILED,
     GW_R_XTA_PARAMETER, 0},
    {"unclear, and then denied: it stays so", "", "", "NP", 2, GW_UNCLEAR, GW_R_XTA_ACCOUNT, 0},
    {"no id", "", "N", "", 1, GW_DEFERRED, GW_R_NET_CUT, 0},
    {"no id at first", "", "N", "", 2, GW_SUBMITTED, 0, 1},
    {"an id that was lost", "", "L", "", 2, GW_SUBMITTED, 0, 1},
    {"no id is denied", "", "P", "", 1, GW_FAILED, GW_R_XTA_ACCOUNT, 0},
    {"the directory is away", "T", "", "", 1, GW_DEFERRED, GW_R_XTA_TECHNICAL, 0},
    {"the directory comes back", "T", "", "", 2, GW_SUBMITTED, 0, 1},
};

static void out_run(const struct out_row *row, enum xta_version version)
{
    struct world w;
    struct gw_message_row m;
    char id[GW_ID_SIZE];

    world_open(&w, version, "");
    helper_xta_fake_script(&w.fake, XTA_LOOKUP_SERVICE, row->lookup);
    helper_xta_fake_script(&w.fake, XTA_CREATE_MESSAGE_ID, row->create);
    helper_xta_fake_script(&w.fake, XTA_SEND_MESSAGE, row->send);
    message_out(&w, id);
    for (int i = 0; i < row->attempts; i++) {
        struct error err = {0};

        (void)!send_once(&w, id, &err);
    }
    m = message(&w, id);
    if (m.state != row->state)
        print_error("%s: %s\n", gw_state_name(m.state), m.last_error_en);
    assert_int_equal(m.state, row->state);
    if (row->reason != 0)
        assert_int_equal(m.last_reason, row->reason);
    assert_int_equal(w.fake.count, row->kept);
    if (row->kept > 0) {
        assert_string_equal(buf_cstr(&w.fake.messages[0]->contents[0]), "Hallo Welt");
        assert_true(span_is(w.fake.messages[0]->metadata.author.value, "ags:1"));
        assert_true(span_is(w.fake.messages[0]->metadata.reader.value, "ags:2"));
    }
    world_close(&w);
}

static void out_v3(void **state)
{
    out_run(*state, XTA_V3);
}

static void out_v5(void **state)
{
    out_run(*state, XTA_V5);
}

/* What is unclear is asked for before it is sent again; where nobody answers that, not at all. */
static void test_doubt(void **state)
{
    struct world w;
    struct error err = {0};
    char id[GW_ID_SIZE];

    (void)state;
    world_open(&w, XTA_V5, "");
    message_out(&w, id);
    helper_xta_fake_script(&w.fake, XTA_SEND_MESSAGE, "A");
    helper_xta_fake_script(&w.fake, XTA_GET_TRANSPORT_REPORT, "N");
    for (int i = 0; i < 2; i++) {
        assert_int_not_equal(send_once(&w, id, &err), ST_OK);
        assert_int_equal(message(&w, id).state, GW_UNCLEAR);
        assert_int_equal(helper_xta_fake_requests(&w.fake, XTA_SEND_MESSAGE), 1);
    }
    assert_int_equal(send_once(&w, id, &err), ST_OK);
    assert_int_equal(message(&w, id).state, GW_SUBMITTED);
    assert_int_equal(helper_xta_fake_requests(&w.fake, XTA_SEND_MESSAGE), 1);
    assert_int_equal(w.fake.count, 1);
    world_close(&w);
}

/* XTA-141. */
static void test_lookup(void **state)
{
    static const struct {
        const char *more;
        enum xta_tri available;
        enum gw_state state;
        unsigned asked;
    } rows[] = {{"", XTA_TRUE, GW_SUBMITTED, 1},
                {"", XTA_UNSET, GW_SUBMITTED, 1},
                {"", XTA_FALSE, GW_FAILED, 1},
                {"    lookup: false\n", XTA_FALSE, GW_SUBMITTED, 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        struct error err = {0};
        char id[GW_ID_SIZE];

        world_open(&w, i % 2 == 0 ? XTA_V3 : XTA_V5, rows[i].more);
        w.fake.available = rows[i].available;
        message_out(&w, id);
        (void)!send_once(&w, id, &err);
        assert_int_equal(message(&w, id).state, rows[i].state);
        assert_int_equal(helper_xta_fake_requests(&w.fake, XTA_LOOKUP_SERVICE), rows[i].asked);
        world_close(&w);
    }
}

/* XTA-140: what is too large is not even asked about. */
static void test_too_large(void **state)
{
    struct world w;
    struct error err = {0};
    char id[GW_ID_SIZE];
    uint8_t *big = calloc(1, 2 << 20);

    (void)state;
    assert_non_null(big);
    world_open(&w, XTA_V5, "    message_max_mb: 1\n");
    helper_message_out(&w.h, "Beheim", span_of(big, 2 << 20), 0, id);
    assert_int_equal(send_once(&w, id, &err), ST_DENIED);
    assert_int_equal(message(&w, id).state, GW_FAILED);
    assert_int_equal(message(&w, id).last_reason, GW_R_MESSAGE_TOO_LARGE);
    assert_int_equal(helper_xta_fake_requests(&w.fake, XTA_CREATE_MESSAGE_ID), 0);
    world_close(&w);
    free(big);
}

/* XTA-125: until its status is not 0. */
static void test_report(void **state)
{
    static const struct {
        int status;
        enum gw_state state;
        int reason;
        size_t evidence;
    } rows[] = {{0, GW_SUBMITTED, 0, 0},
                {1, GW_DELIVERED, 0, 1},
                {2, GW_DELIVERED, 0, 1},
                {3, GW_FAILED, GW_R_XTA_REPORT, 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        struct error err = {0};
        struct gw_file_list files = {0};
        struct gw_tx *tx = NULL;
        char id[GW_ID_SIZE];
        size_t evidence = 0;

        world_open(&w, i % 2 == 0 ? XTA_V5 : XTA_V3, "");
        message_out(&w, id);
        assert_int_equal(send_once(&w, id, &err), ST_OK);
        assert_int_equal(gw_xta_reports_fetch(&w.talk, &err), ST_OK);
        assert_int_equal(message(&w, id).state, GW_SUBMITTED);
        w.fake.messages[0]->report = rows[i].status;
        helper_xta_fake_script(&w.fake, XTA_GET_TRANSPORT_REPORT, "NT");
        assert_int_equal(gw_xta_reports_fetch(&w.talk, &err), ST_RETRY);
        assert_int_equal(gw_xta_reports_fetch(&w.talk, &err), ST_RETRY);
        assert_int_equal(gw_xta_reports_fetch(&w.talk, &err), ST_OK);
        assert_int_equal(message(&w, id).state, rows[i].state);
        assert_int_equal(message(&w, id).last_reason, rows[i].reason);
        assert_int_equal(gw_store_read(w.h.rt->store, &tx, &err), ST_OK);
        assert_int_equal(gw_store_files(tx, &w.arena, id, &files, &err), ST_OK);
        gw_read_end(&tx);
        for (size_t k = 0; k < files.count; k++)
            evidence += files.rows[k].kind == GW_FILE_EVIDENCE;
        assert_int_equal(evidence, rows[i].evidence);
        world_close(&w);
    }
}

/* ---- in ---- */

static struct in_row {
    const char *name;
    const char *list, *get, *close; /* scripts */
    int rounds;                     /* that are made */
    enum status last;               /* how the last ends */
    size_t messages;                /* in the inbox then */
    bool closed;                    /* both */
    bool restart;                   /* between the rounds */
    bool v3; /* only there: version 5 looks through what was fetched in the first round already */
} in_rows[] = {
    {"as it should be", "", "", "", 1, ST_OK, 2, true, false, false},
    {"no list", "N", "", "", 1, ST_RETRY, 0, false, false, false},
    {"no list at first", "T", "", "", 2, ST_OK, 2, true, false, false},
    {"XTA-145: the first is cut", "", "L", "", 1, ST_RETRY, 0, false, false, false},
    {"XTA-135: and found again", "", "L", "", 2, ST_OK, 2, true, false, false},
    {"XTA-135: by the next start, too", "", "L", "", 2, ST_OK, 2, true, true, false},
    {"XTA-129: garbage instead of the first", "", "G", "", 1, ST_RETRY, 1, false, false, true},
    {"XTA-129: and fetched later", "", "G", "", 2, ST_OK, 2, true, false, false},
    {"half of an answer", "", "C", "", 2, ST_OK, 2, true, false, false},
    {"another message than asked for", "", "M", "", 2, ST_OK, 2, true, false, false},
    {"XTA-134: gone meanwhile", "", "X", "", 1, ST_OK, 1, false, false, true},
    {"the confirmation is lost", "", "", "L", 2, ST_OK, 2, true, false, false},
    {"the confirmation does not arrive", "", "", "N", 2, ST_OK, 2, true, false, false},
    {"nor before a crash", "", "", "N", 2, ST_OK, 2, true, true, false},
    {"the confirmation is refused", "", "", "T", 1, ST_RETRY, 2, false, false, true},
    {"the confirmation of what is unknown", "", "", "X", 1, ST_OK, 2, false, false, true},
};

static void in_run(const struct in_row *row, enum xta_version version)
{
    struct world w;
    enum status st = ST_OK;
    bool closed;

    world_open(&w, version, "");
    (void)helper_xta_fake_put(&w.fake, "urn:de:xta:messageid:Andere:A1", "ags:1", "eins");
    (void)helper_xta_fake_put(&w.fake, "urn:de:xta:messageid:Andere:a2", "AGS:1", "zwei");
    (void)helper_xta_fake_put(&w.fake, "urn:de:xta:messageid:Andere:a3", "ags:3", "nicht für uns");
    helper_xta_fake_script(&w.fake, XTA_GET_STATUS_LIST, row->list);
    helper_xta_fake_script(&w.fake, XTA_GET_MESSAGE, row->get);
    helper_xta_fake_script(&w.fake, XTA_CLOSE, row->close);
    for (int i = 0; i < row->rounds; i++) {
        struct error err = {0};
        size_t count = 0;

        if (i > 0 && row->restart)
            world_restart(&w);
        st = gw_xta_box_fetch(&w.talk, &w.detour, &count, &err);
        if (st != ST_OK)
            print_message("%s\n", err.text);
    }
    assert_int_equal(st, row->last);
    assert_int_equal(inbox(&w).count, row->messages);
    closed = w.fake.messages[0]->closed > 0 && w.fake.messages[1]->closed > 0;
    assert_int_equal(closed, row->closed);
    assert_int_equal(w.fake.messages[2]->fetched + w.fake.messages[2]->closed, 0);
    world_close(&w);
}

static void in_v3(void **state)
{
    in_run(*state, XTA_V3);
}

static void in_v5(void **state)
{
    const struct in_row *row = *state;

    if (!row->v3)
        in_run(row, XTA_V5);
}

/* What lies in the inbox of it. */
static void test_in_content(void **state)
{
    struct world w;
    struct error err = {0};
    struct gw_file_list files = {0};
    struct gw_tx *tx = NULL;
    struct gw_message_row m;
    struct gw_xta_row facts;
    size_t count = 0, payloads = 0, headers = 0;

    (void)state;
    world_open(&w, XTA_V5, "");
    (void)helper_xta_fake_put(&w.fake, "urn:de:xta:messageid:Andere:A1", "ags:1", "eins");
    assert_int_equal(gw_xta_box_fetch(&w.talk, &w.detour, &count, &err), ST_OK);
    assert_int_equal(count, 1);
    m = inbox(&w).rows[0];
    assert_int_equal(m.state, GW_OPENED);
    assert_string_equal(m.sender, "Beheim");
    assert_string_equal(m.subject, "Anfrage");
    assert_string_equal(m.message_type, "probe.0001");
    assert_string_equal(m.endpoint, "bauamt");
    assert_int_equal(gw_store_read(w.h.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &w.arena, m.id, &files, &err), ST_OK);
    assert_int_equal(gw_store_xta_row(tx, &w.arena, m.id, &facts, &err), ST_OK);
    gw_read_end(&tx);
    assert_string_equal(facts.xta_id, "urn:de:xta:messageid:Andere:A1");
    assert_string_equal(facts.author, "ags:2");
    assert_string_equal(facts.reader, "ags:1");
    for (size_t i = 0; i < files.count; i++) {
        headers += files.rows[i].kind == GW_FILE_HEADER;
        if (files.rows[i].kind != GW_FILE_PAYLOAD)
            continue;
        payloads++;
        assert_string_equal(files.rows[i].name, "anfrage.txt");
        assert_string_equal(files.rows[i].content_type, "text/plain");
        assert_int_equal(files.rows[i].len, 4);
    }
    assert_int_equal(payloads, 1);
    assert_true(headers >= 1);
    world_close(&w);
}

/* ---- an id that is taken ---- */

static enum status elsewhere_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct gw_xta_row row = {.message_id = ctx,
                                   .xta_id = "urn:de:xta:messageid:Andere:A1",
                                   .box = GW_INBOX,
                                   .version = XTA_V5,
                                   .author = "ags:2",
                                   .reader = "ags:1",
                                   .delivery = 1000};

    return gw_store_xta_add(tx, &row, err);
}

/* A message that came by another way, say as OSCI, with the id of the server's first. */
static void elsewhere_add(struct world *w, const char *content, char id[GW_ID_SIZE])
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    const struct gw_message_row row = {.id = id,
                                       .tenant = "Ahausen",
                                       .endpoint = "bauamt",
                                       .box = GW_INBOX,
                                       .peer = "elsewhere",
                                       .sender = "Beheim",
                                       .osci_message_id = "urn:another",
                                       .created_at = 1000};
    const struct gw_cause cause = {.now = 1000, .actor = "test"};
    const struct gw_move move = {.id = id, .event = GW_EV_OPEN, .cause = cause};
    const struct gw_file_row *files;
    struct error err = {0};
    size_t count;

    assert_int_equal(gw_uuid_make(rng_system(), 1000, id, &err), ST_OK);
    assert_int_equal(gw_stage_new(w->h.rt->store, id, &stage, &err), ST_OK);
    assert_int_equal(gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "anfrage.txt", NULL, NULL,
                                        span_str(content), &err),
                     ST_OK);
    assert_int_equal(gw_stage_publish(stage, &err), ST_OK);
    files = gw_stage_files(stage, &count);
    assert_int_equal(
        gw_store_commit_message(w->h.rt->store, &row, files, count, &cause, NULL, &err), ST_OK);
    gw_stage_done(stage);
    assert_int_equal(gw_store_commit_move(w->h.rt->store, &move, NULL, &err), ST_OK);
    assert_int_equal(gw_store_commit(w->h.rt->store, elsewhere_commit, id, &err), ST_OK);
}

/* Another message with it is not lost: the server has it no more once it is closed. */
static void test_in_taken_id(void **state)
{
    static const struct {
        const char *content; /* of what there is */
        size_t messages;     /* in the inbox then */
    } rows[] = {{"eins", 1}, {"something else", 2}};

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct world w;
        struct error err = {0};
        struct gw_message_list list;
        char id[GW_ID_SIZE];
        size_t count = 0;

        world_open(&w, i % 2 == 0 ? XTA_V5 : XTA_V3, "");
        elsewhere_add(&w, rows[i / 2].content, id);
        (void)helper_xta_fake_put(&w.fake, "urn:de:xta:messageid:Andere:A1", "ags:1", "eins");
        assert_int_equal(gw_xta_box_fetch(&w.talk, &w.detour, &count, &err), ST_OK);
        assert_true(w.fake.messages[0]->closed > 0);
        list = inbox(&w);
        assert_int_equal(list.count, rows[i / 2].messages);
        for (size_t k = 0; k < list.count; k++) {
            bool first = strcmp(list.rows[k].id, id) == 0;

            assert_int_equal(list.rows[k].state, first ? GW_OPENED : GW_QUARANTINED);
            assert_int_equal(list.rows[k].last_reason, first ? 0 : GW_R_XTA_ID_TWICE);
        }
        world_close(&w);
    }
}

/* More than a page, and one among them that can never be taken: the others come. */
static void test_in_round(void **state)
{
    struct world w;
    struct error err = {0};
    size_t count = 0;

    for (enum xta_version version = XTA_V3; version < XTA_VERSION_COUNT; version++) {
        char script[200];
        char id[64];

        (void)state;
        world_open(&w, version, "");
        for (int i = 0; i < MANY; i++) {
            (void)snprintf(id, sizeof id, "urn:de:xta:messageid:Andere:m%d", i);
            (void)helper_xta_fake_put(&w.fake, id, "ags:1", "ein Inhalt");
        }
        w.fake.messages[0]->metadata.id = SPAN("urn:de:xta:messageid:Andere:m0");
        w.fake.messages[0]->container.contents[0].filename = SPAN("x");
        memset(script, '+', sizeof script);
        script[0] = script[MANY] = 'G';
        script[MANY + 1] = '\0';
        helper_xta_fake_script(&w.fake, XTA_GET_MESSAGE, script);
        count = 0;
        (void)!gw_xta_box_fetch(&w.talk, &w.detour, &count, &err);
        (void)!gw_xta_box_fetch(&w.talk, &w.detour, &count, &err);
        assert_int_equal(inbox(&w).count, MANY);
        world_close(&w);
    }
}

/* ---- the lanes, and TLS ---- */

static void test_lanes(void **state)
{
    struct world w;
    struct gw_lanes *lanes = NULL;
    struct error err = {0};
    int64_t until = gw_monotonic_ms() + 240 * 1000;
    struct gw_lane_report report;
    char id[GW_ID_SIZE];

    (void)state;
    world_open(&w, XTA_V3, "");
    helper_xta_fake_script(&w.fake, XTA_SEND_MESSAGE, "+L++N+G+++T+++L++++U+++L");
    helper_xta_fake_script(&w.fake, XTA_CREATE_MESSAGE_ID, "++L++T+++N");
    for (int i = 0; i < MANY; i++)
        message_out(&w, id);
    assert_int_equal(gw_lanes_start(w.h.rt, NULL, NULL, &lanes, &err), ST_OK);
    while (helper_messages(&w.h, &w.arena, GW_OUTBOX, GW_STATES(GW_SUBMITTED)).count < MANY &&
           gw_monotonic_ms() < until)
        usleep(50 * 1000);
    assert_int_equal(helper_messages(&w.h, &w.arena, GW_OUTBOX, GW_STATES(GW_SUBMITTED)).count,
                     MANY);
    assert_int_equal(w.fake.count, MANY);
    assert_true(helper_xta_fake_requests(&w.fake, XTA_CHECK_ACCOUNT_ACTIVE) > 0); /* XTA-142 */
    assert_true(gw_lanes_report(lanes, 0, &report));
    assert_string_equal(report.to.name, "demo");
    assert_true(report.last_success_at > 0);
    assert_true(helper_runtime_stop(&w.h) < 60000);
    gw_lanes_free(lanes);
    world_close(&w);
}

/* XTA-123: whoever is not believed gets nothing. */
static void test_untrusted(void **state)
{
    struct world w;
    struct error err = {0};
    struct gw_xta_peer *peer;
    struct test_cert other = {0};
    char id[GW_ID_SIZE];

    (void)state;
    world_open(&w, XTA_V3, "");
    test_cert_make(&other, &(struct test_cert_spec){"Andere", NULL, NULL, true, 30});
    peer = (struct gw_xta_peer *)(uintptr_t)w.talk.peer;
    peer->tls.client.ca_pem = buf_span(&other.cert);
    message_out(&w, id);
    assert_int_equal(send_once(&w, id, &err), ST_RETRY);
    assert_int_equal(message(&w, id).last_reason, GW_R_NET_TLS_TRUST);
    assert_int_equal(message(&w, id).state, GW_DEFERRED);
    test_cert_deinit(&other);
    world_close(&w);
}

int main(void)
{
    enum { OUTS = ARRAY_LEN(out_rows), INS = ARRAY_LEN(in_rows) };
    static const struct CMUnitTest more[] = {
        cmocka_unit_test(test_lookup),      cmocka_unit_test(test_doubt),
        cmocka_unit_test(test_too_large),   cmocka_unit_test(test_report),
        cmocka_unit_test(test_in_content),  cmocka_unit_test(test_in_round),
        cmocka_unit_test(test_in_taken_id), cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_untrusted),
    };
    static struct CMUnitTest tests[2 * OUTS + 2 * INS + ARRAY_LEN(more)];
    size_t n = 0;

    for (size_t i = 0; i < OUTS; i++) {
        tests[n++] = (struct CMUnitTest){out_rows[i].name, out_v3, NULL, NULL, &out_rows[i]};
        tests[n++] = (struct CMUnitTest){out_rows[i].name, out_v5, NULL, NULL, &out_rows[i]};
    }
    for (size_t i = 0; i < INS; i++) {
        tests[n++] = (struct CMUnitTest){in_rows[i].name, in_v3, NULL, NULL, &in_rows[i]};
        tests[n++] = (struct CMUnitTest){in_rows[i].name, in_v5, NULL, NULL, &in_rows[i]};
    }
    for (size_t i = 0; i < ARRAY_LEN(more); i++)
        tests[n++] = more[i];
    if (getenv("ONLY") != NULL)
        cmocka_set_test_filter(getenv("ONLY"));
    return _cmocka_run_group_tests("xta_client", tests, n, NULL, NULL);
}
