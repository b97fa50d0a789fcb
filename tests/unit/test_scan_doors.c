/* The virus scanner at every door: drop folder, API, mailbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/lane.h"
#include "gateway/outbound.h"
#include "gateway/spool.h"
#include "gateway/worker.h"
#include "tests/unit/helper_api.h"
#include "tests/unit/helper_clamd.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_fake.h"
#include "tests/unit/helper_runtime.h"

enum { MB = 1024 * 1024 };

#define SCAN "virus_scan: {clamd: '{dir}/clamd.ctl', max_mb: 1, timeout_seconds: 60}\n"
#define SCAN_PASS                                                                                  \
    "virus_scan: {clamd: '{dir}/clamd.ctl', max_mb: 1, too_large: pass, when_unavailable: pass}\n"
#define ENDPOINT                                                                                   \
    "endpoints:\n"                                                                                 \
    "  - name: bauamt\n"                                                                           \
    "    folder: {dir}/bauamt\n"                                                                   \
    "    routes: [ {partner: Beheim} ]\n"                                                          \
    "api: {socket: '{dir}/api.sock', mode: 0600}\n"

static const char receives_yaml[] =
    "partners:\n"
    "  - name: Ahausen\n"
    "    intermediary: demo\n"
    "    cipher_certificate: {keys}/originator-cipher-2048.cert.pem\n"
    "    signature_certificates: [ {keys}/originator-signature-2048.cert.pem ]\n"
    "endpoints: [ {name: bauamt} ]\n"
    "api: {socket: '{dir}/api.sock', mode: 0600}\n";

/* A gateway with a scanner of its own, its folder and its API. */
struct town {
    struct helper_runtime h;
    struct helper_clamd clamd;
    struct gw_api_server *server;
    struct helper_api api; /* its socket alone */
    struct arena arena;
};

static void town_open(struct town *t, const char *yaml, const char *scan, const char *rest,
                      const char *url)
{
    char more[4096];
    struct error err = {0};

    *t = (struct town){0};
    helper_dir_make(t->h.dir);
    helper_clamd_start(&t->clamd, t->h.dir);
    arena_init(&t->arena, 256 * MB);
    (void)snprintf(more, sizeof more, "%s%s", scan, rest);
    helper_runtime_open(&t->h, yaml, more, url);
    (void)snprintf(t->api.socket, sizeof t->api.socket, "%s", t->h.conf->api.socket);
    assert_int_equal(gw_api_start(t->h.rt, &t->server, &err), ST_OK);
    helper_runtime_run(&t->h);
}

static void town_close(struct town *t)
{
    (void)helper_runtime_stop(&t->h);
    gw_api_server_free(t->server);
    helper_clamd_stop(&t->clamd);
    helper_runtime_deinit(&t->h);
    arena_deinit(&t->arena);
}

/* The reason that the history gives for a step. */
static int reason_of(struct town *t, const char *id, const char *kind)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_event_list events = {0};
    struct error err = {0};

    assert_int_equal(gw_store_read(t->h.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_events(tx, &t->arena, 0, id, NULL, NULL, 0, &events, &err), ST_OK);
    for (size_t i = 0; i < events.count; i++)
        if (strcmp(events.rows[i].kind, kind) == 0)
            return events.rows[i].reason;
    fail_msg("no event %s", kind);
    return 0;
}

/* So many bytes that the settings call them too large. */
static struct span too_many(void)
{
    static char bytes[MB + 1];

    return span_of(bytes, sizeof bytes);
}

/* ---- the drop folder ---- */

static struct spool_row {
    const char *name, *scan;
    enum helper_clamd_manner manner;
    bool large;
    const char *content;
    enum status status;
    int reason; /* of the refusal, of the trouble or of the remark; 0: none */
    bool accepted;
} spool_rows[] = {
    {"clean", SCAN, CLAMD_HONEST, false, "harmless", ST_OK, 0, true},
    {"a finding", SCAN, CLAMD_HONEST, false, HELPER_VIRUS, ST_OK, GW_R_SCAN_FINDING_OUT, false},
    {"too large", SCAN, CLAMD_HONEST, true, NULL, ST_OK, GW_R_SCAN_TOO_LARGE_OUT, false},
    {"too large, passed", SCAN_PASS, CLAMD_HONEST, true, NULL, ST_OK, GW_R_SCAN_PASSED, true},
    {"no scanner", SCAN, CLAMD_CLOSES, false, "x", ST_RETRY, GW_R_SCAN_UNAVAILABLE, false},
    {"no scanner, passed", SCAN_PASS, CLAMD_CLOSES, false, "x", ST_OK, GW_R_SCAN_PASSED, true},
};

static void refused_expect(struct town *t, int reason)
{
    AUTO(free_drop) char *text = helper_read_file(&t->h, "bauamt/refused/a.doc.error.txt");
    char code[GW_CODE_SIZE];

    assert_non_null(strstr(text, gw_explain_code(reason, code)));
    assert_non_null(strstr(text, "Virenscanner"));
    assert_non_null(strstr(text, "virus scanner"));
    assert_non_null(strstr(text, reason == GW_R_SCAN_FINDING_OUT ? HELPER_FINDING : "max_mb"));
    assert_true(helper_there(&t->h, "bauamt/refused/a.doc"));
}

static void spool_row(void **state)
{
    const struct spool_row *row = *state;
    struct gw_spool_endpoint e;
    struct gw_message_list out;
    struct error err = {0};
    struct town t;
    int again_ms = -1;

    town_open(&t, helper_town_yaml, row->scan, ENDPOINT, NULL);
    t.clamd.manner = row->manner;
    assert_int_equal(gw_spool_endpoint_open(&e, t.h.rt, &t.h.conf->endpoints[0], &err), ST_OK);
    helper_file(&t.h, "bauamt/out/a.doc", row->large ? too_many() : span_str(row->content));
    assert_int_equal(gw_spool_take(&e, &again_ms, &err), row->status);
    out = helper_messages(&t.h, &t.arena, GW_OUTBOX, 0);
    assert_int_equal(out.count, row->accepted ? 1 : 0);
    if (row->reason == GW_R_SCAN_FINDING_OUT || row->reason == GW_R_SCAN_TOO_LARGE_OUT)
        refused_expect(&t, row->reason);
    if (row->status == ST_RETRY) {
        assert_int_equal(err.reason, row->reason);
        assert_true(again_ms > 1000); /* not at once: the next would fare alike */
        assert_true(helper_there(&t.h, "bauamt/out/a.doc"));
        t.clamd.manner = CLAMD_HONEST;
        assert_int_equal(gw_spool_take(&e, &again_ms, &err), ST_OK);
        assert_int_equal(helper_messages(&t.h, &t.arena, GW_OUTBOX, 0).count, 1);
    }
    if (row->accepted)
        assert_int_equal(reason_of(&t, out.rows[0].id, "accept"), row->reason);
    gw_spool_endpoint_deinit(&e);
    town_close(&t);
}

/* In a folder of files it is one of them that is named, and none is sent. */
static void spool_folder(void **state)
{
    struct gw_spool_endpoint e;
    struct error err = {0};
    struct town t;
    char path[512];
    int again_ms;

    (void)state;
    town_open(&t, helper_town_yaml, SCAN, ENDPOINT, NULL);
    assert_int_equal(gw_spool_endpoint_open(&e, t.h.rt, &t.h.conf->endpoints[0], &err), ST_OK);
    assert_int_equal(mkdir(helper_path(&t.h, path, "bauamt/out/a.doc"), 0700), 0);
    helper_file(&t.h, "bauamt/out/a.doc/eins.txt", SPAN("harmless"));
    helper_file(&t.h, "bauamt/out/a.doc/zwei.txt", SPAN(HELPER_VIRUS));
    assert_int_equal(gw_spool_take(&e, &again_ms, &err), ST_OK);
    assert_int_equal(helper_messages(&t.h, &t.arena, GW_OUTBOX, 0).count, 0);
    refused_expect(&t, GW_R_SCAN_FINDING_OUT);
    {
        AUTO(free_drop) char *text = helper_read_file(&t.h, "bauamt/refused/a.doc.error.txt");

        assert_non_null(strstr(text, HELPER_FINDING " (zwei.txt)"));
    }
    gw_spool_endpoint_deinit(&e);
    town_close(&t);
}

/* ---- the API ---- */

static struct api_row {
    const char *name, *scan;
    enum helper_clamd_manner manner;
    bool large;
    const char *content;
    long status;
    int code;
} api_rows[] = {
    {"clean", SCAN, CLAMD_HONEST, false, "harmless", 202, 0},
    {"a finding", SCAN, CLAMD_HONEST, false, HELPER_VIRUS, 422, GW_R_SCAN_FINDING_OUT},
    {"too large", SCAN, CLAMD_HONEST, true, NULL, 413, GW_R_SCAN_TOO_LARGE_OUT},
    {"too large, passed", SCAN_PASS, CLAMD_HONEST, true, NULL, 202, 0},
    {"no scanner", SCAN, CLAMD_CLOSES, false, "x", 503, GW_R_SCAN_UNAVAILABLE},
    {"no scanner, passed", SCAN_PASS, CLAMD_CLOSES, false, "x", 202, 0},
};

static void api_row(void **state)
{
    const struct api_row *row = *state;
    const struct helper_part file = {"b.doc", row->large ? too_many() : span_str(row->content)};
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    char code[GW_CODE_SIZE];
    struct town t;

    town_open(&t, helper_town_yaml, row->scan, ENDPOINT, NULL);
    t.clamd.manner = row->manner;
    helper_api_send(&t.api, "{\"endpoint\":\"bauamt\",\"recipient\":\"Beheim\"}", &file, 1, &a);
    assert_int_equal(a.status, row->status);
    assert_int_equal(helper_messages(&t.h, &t.arena, GW_OUTBOX, 0).count, row->code == 0 ? 1 : 0);
    if (row->code != 0)
        assert_string_equal(helper_str(a.json, "code"), gw_explain_code(row->code, code));
    if (row->code == GW_R_SCAN_FINDING_OUT)
        assert_non_null(strstr(helper_str(a.json, "title"), HELPER_FINDING " (b.doc)"));
    if (row->code == 0 && strcmp(row->scan, SCAN_PASS) == 0)
        assert_int_equal(reason_of(&t, helper_str(a.json, "id"), "accept"), GW_R_SCAN_PASSED);
    town_close(&t);
}

/* ---- what comes in ---- */

static struct in_row {
    const char *name, *scan;
    enum helper_clamd_manner manner;
    bool large;
    const char *content;
    enum gw_state state;
    int reason;
    const char *result; /* in verification.json */
} in_rows[] = {
    {"clean", SCAN, CLAMD_HONEST, false, "harmless", GW_OPENED, 0, "\"result\": \"clean\""},
    {"a finding", SCAN, CLAMD_HONEST, false, HELPER_VIRUS, GW_QUARANTINED, GW_R_SCAN_FINDING_IN,
     "\"finding\": \"" HELPER_FINDING "\""},
    {"too large", SCAN, CLAMD_HONEST, true, NULL, GW_QUARANTINED, GW_R_SCAN_TOO_LARGE_IN,
     "\"result\": \"too_large\""},
    {"too large, passed", SCAN_PASS, CLAMD_HONEST, true, NULL, GW_OPENED, GW_R_SCAN_PASSED,
     "\"result\": \"unscanned\""},
    {"no scanner, passed", SCAN_PASS, CLAMD_CLOSES, false, "x", GW_OPENED, GW_R_SCAN_PASSED,
     "\"unscanned\": 1"},
    {"nobody asks", "", CLAMD_HONEST, false, HELPER_VIRUS, GW_OPENED, 0, NULL},
};

struct both {
    struct helper_fake fake;
    struct helper_runtime a;
    struct town b;
    struct gw_detour detour;
};

static void both_open(struct both *w, const char *scan)
{
    *w = (struct both){0};
    helper_fake_open(&w->fake, false);
    helper_runtime_open(&w->a, helper_town_yaml, "endpoints: [ {name: bauamt} ]\n", w->fake.url);
    helper_runtime_run(&w->a);
    town_open(&w->b, helper_other_town_yaml, scan, receives_yaml, w->fake.url);
}

static void both_close(struct both *w)
{
    helper_runtime_deinit(&w->a);
    town_close(&w->b);
    helper_fake_close(&w->fake);
    gw_detour_deinit(&w->detour);
}

static void send_from_a(struct both *w, struct span content)
{
    struct gw_message_row row;
    struct gw_conversation talk;
    struct error err = {0};
    char id[GW_ID_SIZE];
    bool moved;

    helper_message_out(&w->a, "Beheim", content, 0, id);
    row = helper_message_of(&w->a, &w->b.arena, id);
    gw_conversation_init(&talk, w->a.rt, &w->a.rt->peers[0]);
    if (gw_outbound_send(&talk, &row, &moved, &err) != ST_OK)
        fail_msg("%s", err.text);
    gw_conversation_close(&talk);
}

static enum status fetch(struct both *w, struct error *err)
{
    size_t count = 0;

    return gw_inbound_fetch(w->b.h.rt, &w->b.h.rt->peers[0], &w->detour, &count, err);
}

static struct gw_message_list inbox(struct both *w)
{
    return helper_messages(&w->b.h, &w->b.arena, GW_INBOX, 0);
}

/* verification.json of a message, as text in the arena. */
static const char *verification(struct town *t, const char *id)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    AUTO(buf_deinit) struct buf text = {0};
    struct gw_file_list files = {0};
    struct error err = {0};

    assert_int_equal(gw_store_read(t->h.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &t->arena, id, &files, &err), ST_OK);
    buf_init(&text, MB);
    for (size_t i = 0; i < files.count; i++)
        if (files.rows[i].kind == GW_FILE_VERIFICATION) {
            assert_int_equal(gw_payload_open(t->h.rt->store, &files.rows[i], &source, &err), ST_OK);
            assert_int_equal(source_read_all(&source.base, &text, &err), ST_OK);
        }
    return arena_str(&t->arena, buf_span(&text));
}

static void in_row(void **state)
{
    const struct in_row *row = *state;
    struct gw_message_row m;
    struct error err = {0};
    struct both w;

    both_open(&w, row->scan);
    w.b.clamd.manner = row->manner;
    send_from_a(&w, row->large ? too_many() : span_str(row->content));
    if (fetch(&w, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_int_equal(inbox(&w).count, 1);
    m = inbox(&w).rows[0];
    assert_int_equal(m.state, row->state);
    if (row->state == GW_QUARANTINED) {
        assert_int_equal(m.last_reason, row->reason);
        assert_non_null(strstr(m.last_error_de, "Ahausen"));
        assert_non_null(strstr(m.last_error_en, row->reason == GW_R_SCAN_FINDING_IN ? HELPER_FINDING
                                                    " (brief.txt)"
                                                                                    : "brief.txt"));
        assert_int_equal(reason_of(&w.b, m.id, "quarantine"), row->reason);
    } else {
        assert_int_equal(reason_of(&w.b, m.id, "open"), row->reason);
    }
    if (row->result == NULL)
        assert_null(strstr(verification(&w.b, m.id), "virus_scan"));
    else if (strstr(verification(&w.b, m.id), row->result) == NULL)
        fail_msg("%s", verification(&w.b, m.id));
    both_close(&w);
}

/* While the scanner is away nothing is taken, and the intermediary keeps it. */
static void in_waits(void **state)
{
    struct error err = {0};
    struct both w;
    int64_t until;

    (void)state;
    both_open(&w, SCAN);
    w.b.clamd.manner = CLAMD_CLOSES;
    send_from_a(&w, SPAN("harmless"));
    for (int i = 0; i < 5; i++) { /* and it is no delivery to walk round */
        assert_int_equal(fetch(&w, &err), ST_RETRY);
        assert_int_equal(err.reason, GW_R_SCAN_UNAVAILABLE);
    }
    assert_int_equal(inbox(&w).count, 0);
    w.b.clamd.manner = CLAMD_HONEST;
    until = gw_monotonic_ms() + 60 * 1000;
    while (fetch(&w, &err) != ST_OK && gw_monotonic_ms() < until)
        (void)poll(NULL, 0, 100); /* it is left alone for a while */
    assert_int_equal(inbox(&w).count, 1);
    assert_int_equal(inbox(&w).rows[0].state, GW_OPENED);
    both_close(&w);
}

/* What the operator takes for a mistake of the scanner is handed over all the same. */
static void in_released(void **state)
{
    AUTO(helper_answer_deinit) struct helper_answer a = {0};
    struct error err = {0};
    struct both w;
    char path[200];

    (void)state;
    both_open(&w, SCAN);
    send_from_a(&w, SPAN(HELPER_VIRUS));
    assert_int_equal(fetch(&w, &err), ST_OK);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/release?reason=Irrtum",
                   inbox(&w).rows[0].id);
    helper_api_raw(&w.b.api, "POST", path, NULL, SPAN_NONE, false, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(inbox(&w).rows[0].state, GW_OPENED);
    both_close(&w);
}

int main(void)
{
    static const struct CMUnitTest more[] = {
        cmocka_unit_test(spool_folder), cmocka_unit_test(in_waits), cmocka_unit_test(in_released)};
    static struct CMUnitTest
        tests[ARRAY_LEN(spool_rows) + ARRAY_LEN(api_rows) + ARRAY_LEN(in_rows) + ARRAY_LEN(more)];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(spool_rows); i++)
        tests[n++] = (struct CMUnitTest){spool_rows[i].name, spool_row, NULL, NULL, &spool_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(api_rows); i++)
        tests[n++] = (struct CMUnitTest){api_rows[i].name, api_row, NULL, NULL, &api_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(in_rows); i++)
        tests[n++] = (struct CMUnitTest){in_rows[i].name, in_row, NULL, NULL, &in_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(more); i++)
        tests[n++] = more[i];
    gw_worker_setup(2);
    return cmocka_run_group_tests_name("scan_doors", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}
