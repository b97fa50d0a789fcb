/* The XTA server over real TLS: door, accounts, ids, box. XTA 2 digest 12. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "helper_crl.h"
#include "helper_osci.h"
#include "helper_store.h"
#include "helper_xta_server.h"

static struct helper_xta *world(void **state)
{
    return *state;
}

static int setup(void **state)
{
    struct helper_xta *x = calloc(1, sizeof *x);

    *state = x;
    helper_xta_start(x, "", "");
    return 0;
}

static int teardown(void **state)
{
    helper_xta_stop(*state);
    free(*state);
    return 0;
}

/* ---- accounts ---- */

struct denied {
    const char *client;
    const char *party; /* NULL: no header */
    enum xta_version version;
    int number; /* 0: it is answered */
};

static const struct denied denied_rows[] = {
    {"melde", HELPER_TOWN, XTA_V3, 0},
    {"melde", NULL, XTA_V3, 0},                          /* XTA-021 */
    {"melde", "AGS:09162001", XTA_V3, 0},                /* XTA-025 */
    {"melde", HELPER_TOWN, XTA_V5, 0},                   /* XTA-020 */
    {"melde", HELPER_OFFICE, XTA_V3, XTA_N_WRONG_PARTY}, /* XTA-022 */
    {"melde", HELPER_OFFICE, XTA_V5, XTA_N_WRONG_PARTY},
    {"nobody", HELPER_OFFICE, XTA_V3, XTA_N_NO_ACCOUNT}, /* XTA-023 */
    {"nobody", NULL, XTA_V3, XTA_N_NO_ACCOUNT},
    {"nobody", HELPER_OFFICE, XTA_V5, XTA_N_NO_ACCOUNT},
    {"locked", HELPER_OFFICE, XTA_V3, XTA_N_ACCOUNT_LOCKED}, /* XTA-024 */
    {"locked", HELPER_OFFICE, XTA_V5, XTA_N_ACCOUNT_LOCKED},
};

static void accounts(void **state)
{
    struct helper_xta *x = world(state);

    for (size_t i = 0; i < ARRAY_LEN(denied_rows); i++) {
        const struct denied *row = &denied_rows[i];
        struct xta_request r =
            helper_xta_request(row->version, XTA_CHECK_ACCOUNT_ACTIVE, row->party);
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

        helper_xta_ask(x, row->client, &r, &reply);
        assert_int_equal(reply.status, row->number == 0 ? ST_OK : ST_DENIED);
        if (row->number == 0)
            continue;
        assert_int_equal(reply.fault.exception, XTA_PERMISSION_DENIED);
        assert_int_equal(reply.fault.number, row->number);
    }
}

/* Every refusal of the account is one of every operation. */
static void locked_everywhere(void **state)
{
    static const char *const paths[] = {"/xta/v3/management", "/xta/v3/send",   "/xta/v3/msgbox",
                                        "/xta/v5/base",       "/xta/v5/sender", "/xta/v5/recipient",
                                        "/xta/v5/reader"};
    struct helper_xta *x = world(state);

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

        assert_true(helper_xta_http(x, "locked", "POST", paths[i], "application/soap+xml",
                                    SPAN("no XML"), false, &reply));
        assert_int_equal(reply.http_status, 500);
        assert_non_null(strstr(buf_cstr(&reply.body), "PermissionDeniedException"));
        assert_non_null(strstr(buf_cstr(&reply.body), "<code>9011</code>"));
    }
}

/* XTA-007 */
static void revoked(void **state)
{
    struct helper_xta *x = world(state);
    AUTO(cert_drop) struct cert *cert = NULL;
    AUTO(buf_deinit) struct buf list = {0};
    struct crl_spec spec = {.ca_cert_pem = buf_span(&x->ca.cert),
                            .ca_key_pem = buf_span(&x->ca.key),
                            .from = gw_now_ms() - 3600 * 1000,
                            .until = gw_now_ms() + 3600 * 1000};
    struct error err = {0};
    char path[512];

    helper_ok(cert_from_pem(buf_span(&x->clients[0].cert), &cert, &err), &err);
    spec.revoked = (const struct cert *const[]){cert};
    spec.revoked_count = 1;
    crl_make(&spec, &list);
    assert_int_equal(mkdir(helper_path(&x->h, path, "lists"), 0700), 0);
    helper_file(&x->h, "lists/ca.crl", buf_span(&list));
    helper_xta_restart(x, "  crls: {dir}/lists\n", "");
    for (enum xta_version v = XTA_V3; v <= XTA_V5; v++) {
        struct xta_request r = helper_xta_request(v, XTA_CHECK_ACCOUNT_ACTIVE, HELPER_TOWN);
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

        helper_xta_ask(x, "melde", &r, &reply);
        assert_int_equal(reply.status, ST_DENIED);
        assert_int_equal(reply.fault.exception, XTA_PERMISSION_DENIED);
        assert_int_equal(reply.fault.number, XTA_N_CERTIFICATE_EXPIRED);
        r.party.value = SPAN(HELPER_OFFICE);
        helper_xta_ask(x, "standes", &r, &reply);
        assert_int_equal(reply.status, ST_OK);
    }
}

static void events(struct helper_xta *x, struct arena *arena, struct gw_event_list *list)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct error err = {0};

    helper_ok(gw_store_read(x->h.rt->store, &tx, &err), &err);
    helper_ok(gw_store_events_newest(tx, arena, NULL, NULL, 100, list, &err), &err);
}

static void refusals_are_remembered(void **state)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    struct xta_request r = helper_xta_request(XTA_V3, XTA_CHECK_ACCOUNT_ACTIVE, HELPER_OFFICE);
    struct helper_xta *x = world(state);
    struct gw_event_list list;

    helper_xta_ask(x, "melde", &r, &reply);
    events(x, &arena, &list);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.rows[0].kind, "peer.refused");
    assert_int_equal(list.rows[0].reason, XTA_N_WRONG_PARTY);
    assert_non_null(strstr(list.rows[0].en, "in the line-of-business program"));
    assert_non_null(strstr(list.rows[0].de, "im Fachverfahren"));
}

/* ---- the door ---- */

static void tls_only_with_certificates(void **state)
{
    struct helper_xta *x = world(state);
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    AUTO(test_cert_deinit) struct test_cert other = {0};
    AUTO(buf_deinit) struct buf kept_cert = {0}, kept_key = {0};

    assert_false(helper_xta_http(x, NULL, "GET", "/xta/v3/send?wsdl", NULL, SPAN_NONE, false,
                                 &reply)); /* XTA-005 */
    assert_false(helper_xta_http(x, "expired", "GET", "/xta/v3/send?wsdl", NULL, SPAN_NONE, false,
                                 &reply)); /* XTA-007 */
    /* of another CA: XTA-006 */
    test_cert_make(&other, &(struct test_cert_spec){.name = "melde", .ca = true, .days = 30});
    kept_cert = x->clients[0].cert;
    kept_key = x->clients[0].key;
    x->clients[0] = other;
    assert_false(
        helper_xta_http(x, "melde", "GET", "/xta/v3/send?wsdl", NULL, SPAN_NONE, false, &reply));
    x->clients[0] = (struct test_cert){kept_cert, kept_key};
    kept_cert = kept_key = (struct buf){0};
}

/* Who was let in, by the account. */
static void client_find(void *ctx, const struct gw_tls_sight *sight)
{
    bool *found = ctx;

    assert_false(sight->server);
    assert_string_not_equal(sight->name, "expired");
    *found = *found || strcmp(sight->name, "melde") == 0;
}

static void clients_are_seen(void **state)
{
    struct helper_xta *x = world(state);
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct xta_request r = helper_xta_request(XTA_V3, XTA_CHECK_ACCOUNT_ACTIVE, HELPER_TOWN);
    bool found = false;

    helper_xta_ask(x, "melde", &r, &reply);
    gw_tls_seen_each(x->h.rt->seen, client_find, &found);
    assert_true(found);
}

static struct door_row {
    const char *name, *method, *path;
    int status;
    const char *want; /* in the body, or NULL */
} door_rows[] = {
    {"WSDL of version 3", "GET", "/xta/v3/send?wsdl", 200, "http://xoev.de/transport/xta/211"},
    {"WSDL by capitals", "GET", "/xta/v3/msgbox?WSDL", 200, "https://127.0.0.1:"},
    {"WSDL of version 5", "GET", "/xta/v5/sender?wsdl", 200,
     "https://xoev.de/transport/xta/core/3.1.1"},
    {"a schema", "GET", "/xta/v5/sender?xsd=xta.xsd", 200, "schema"},
    {"no such schema", "GET", "/xta/v5/sender?xsd=../xta.xsd", 404, NULL},
    {"a query of its own", "GET", "/xta/v5/sender?what", 404, NULL},
    {"a port by GET", "GET", "/xta/v3/send", 405, NULL},
    {"a port by PUT", "PUT", "/xta/v3/send", 405, NULL},
    {"no port", "POST", "/xta/v3/sender", 404, NULL},
    {"nothing", "GET", "/", 404, NULL},
};

static void doors(void **state)
{
    struct helper_xta *x = world(state);

    for (size_t i = 0; i < ARRAY_LEN(door_rows); i++) {
        const struct door_row *row = &door_rows[i];
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

        assert_true(helper_xta_http(x, "melde", row->method, row->path, "text/plain", SPAN("x"),
                                    false, &reply));
        if (reply.http_status != row->status)
            fail_msg("%s: %ld", row->name, reply.http_status);
        if (row->want != NULL && strstr(buf_cstr(&reply.body), row->want) == NULL)
            fail_msg("%s: %s", row->name, buf_cstr(&reply.body));
    }
}

#define PLAIN_ENVELOPE                                                                             \
    "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' "                               \
    "xmlns:a='http://www.w3.org/2005/08/addressing'><s:Header>"                                    \
    "<a:Action>http://www.xta.de/XTA/CheckAccountActive</a:Action>"                                \
    "<a:MessageID>urn:uuid:1</a:MessageID><a:To>https://x/</a:To></s:Header><s:Body/></"           \
    "s:Envelope>"
#define PLAIN_TYPE "application/soap+xml; action=\"http://www.xta.de/XTA/CheckAccountActive\""

/* XTA-009: in pieces, without a length. */
static void chunked(void **state)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

    assert_true(helper_xta_http(world(state), "melde", "POST", "/xta/v3/management", PLAIN_TYPE,
                                SPAN(PLAIN_ENVELOPE), true, &reply));
    assert_int_equal(reply.http_status, 200);
    assert_non_null(strstr(buf_cstr(&reply.body), "RelatesTo"));
}

/* XTA-086: announced or not, it is SOAP that says so. */
static void too_large(void **state)
{
    struct helper_xta *x = world(state);
    struct span junk;
    uint8_t *bytes;

    helper_xta_restart(x, "  message_max_mb: 1\n", "");
    junk.len = 24 << 20;
    junk.ptr = bytes = malloc(junk.len);
    memset(bytes, ' ', junk.len);
    memcpy(bytes, PLAIN_ENVELOPE, sizeof PLAIN_ENVELOPE - 1);
    for (int i = 0; i < 2; i++) {
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

        assert_true(
            helper_xta_http(x, "melde", "POST", "/xta/v3/send", PLAIN_TYPE, junk, i == 1, &reply));
        assert_int_equal(reply.http_status, 500);
        assert_non_null(strstr(buf_cstr(&reply.body), "ParameterIsNotValidException"));
        assert_non_null(strstr(buf_cstr(&reply.body), "<code>9023</code>"));
    }
    free(bytes);
    assert_int_equal(helper_entries(&x->h, "state/tmp", NULL), 0);
}

/* XTA-023: whoever has no account fills no disk of ours, however much he sends. The folder for
 * bodies is away: what went there would fail. */
static void strangers_are_not_stored(void **state)
{
    static const char *const clients[] = {"nobody", "locked"};
    struct helper_xta *x = world(state);
    char folder[128], away[140];
    struct span junk = {.len = 4 << 20};
    uint8_t *bytes = malloc(junk.len);

    assert_non_null(bytes);
    junk.ptr = memset(bytes, ' ', junk.len);
    (void)snprintf(folder, sizeof folder, "%s/state/tmp", x->h.dir);
    (void)snprintf(away, sizeof away, "%s.away", folder);
    assert_int_equal(rename(folder, away), 0);
    for (size_t i = 0; i < 2 * ARRAY_LEN(clients); i++) {
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

        assert_true(helper_xta_http(x, clients[i / 2], "POST", "/xta/v3/send", PLAIN_TYPE, junk,
                                    i % 2 == 1, &reply));
        assert_int_equal(reply.http_status, 500);
        assert_non_null(strstr(buf_cstr(&reply.body), "PermissionDenied"));
        assert_non_null(
            strstr(buf_cstr(&reply.body), i / 2 == 0 ? "<code>9012</code>" : "<code>9011</code>"));
    }
    assert_int_equal(rename(away, folder), 0);
    free(bytes);
}

/* XTA-097: it is refused, and the server goes on. */
static void garbage(void **state)
{
    static const char *const bodies[] = {"", "no XML", "<a",
                                         "<?xml version='1.0'?><!DOCTYPE a><a/>"};
    struct helper_xta *x = world(state);

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

        assert_true(helper_xta_http(x, "melde", "POST", "/xta/v5/sender", PLAIN_TYPE,
                                    span_str(bodies[i]), false, &reply));
        assert_in_range(reply.http_status, 400, 500);
        assert_non_null(strstr(buf_cstr(&reply.body), "Fault"));
    }
    chunked(state);
}

/* ---- ids ---- */

static void ids(void **state)
{
    struct helper_xta *x = world(state);
    char first[128] = "";

    for (int i = 0; i < 4; i++) {
        enum xta_version version = i % 2 == 0 ? XTA_V3 : XTA_V5;
        struct xta_request r = helper_xta_request(version, XTA_CREATE_MESSAGE_ID, HELPER_TOWN);
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
        char id[128];

        helper_xta_ask(x, "melde", &r, &reply);
        assert_int_equal(reply.status, ST_OK);
        assert_true(span_eq(reply.answer.relates_to, r.soap_id)); /* XTA-012 */
        (void)snprintf(id, sizeof id, "%.*s", SPAN_FMT(reply.answer.message_id));
        assert_true(span_starts(span_str(id), SPAN("urn:de:xta:messageid:test:"))); /* XTA-030 */
        assert_true(strlen(id) <= 100);
        assert_string_not_equal(id, first);
        (void)strcpy(first, id);
    }
}

/* ---- the box ---- */

static void box_ask(struct helper_xta *x, enum xta_version version, enum xta_operation operation,
                    const struct xta_selection *selection, struct helper_xta_reply *reply)
{
    struct xta_request r = helper_xta_request(version, operation, HELPER_TOWN);

    helper_xta_reply_deinit(reply);
    if (selection != NULL)
        r.selection = *selection;
    if (version == XTA_V5 && selection != NULL && operation != XTA_GET_STATUS_LIST)
        r.message_id = selection->ids[0];
    helper_xta_ask(x, "melde", &r, reply);
}

/* The last parts of the ids of a list, "a b|pending". */
static void listed(const struct helper_xta_reply *reply, const char *want)
{
    char got[256] = "", pending[32];

    assert_int_equal(reply->status, ST_OK);
    assert_true(reply->answer.has_box);
    for (size_t i = 0; i < reply->answer.list_count; i++) {
        char id[128];

        (void)snprintf(id, sizeof id, "%s%.*s", i == 0 ? "" : " ",
                       SPAN_FMT(span_from(reply->answer.list[i].id, strlen("urn:x:"))));
        (void)strcat(got, id);
    }
    (void)snprintf(pending, sizeof pending, "|%d", (int)reply->answer.box.pending);
    if (reply->answer.box.none)
        (void)strcpy(pending, "|none");
    assert_string_equal(strcat(got, pending), want);
}

static void status_list(struct helper_xta *x, enum xta_version version, enum xta_tri new_entry,
                        const char *want)
{
    const struct xta_selection selection = {.new_entry = new_entry};
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

    box_ask(x, version, XTA_GET_STATUS_LIST, &selection, &reply);
    listed(&reply, want);
}

/* XTA-060, 065, 069 to 072, 088: list, fetch twice, close twice. */
static void box_v3(void **state)
{
    struct span id = SPAN("urn:x:a");
    const struct xta_selection fetch = {.ids = &id, .id_count = 1};
    struct xta_selection close = {
        .received = &id, .received_count = 1, .request_id = SPAN("urn:any")};
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct helper_xta *x = world(state);
    char gw_id[GW_ID_SIZE];

    status_list(x, XTA_V3, XTA_UNSET, "|none"); /* XTA-064 */
    helper_xta_put(x, "urn:x:a", HELPER_TOWN, "<umzug/>", gw_id);
    helper_xta_put(x, "urn:x:foreign", HELPER_OFFICE, "<geburt/>", gw_id);
    helper_xta_put(x, "urn:x:too", HELPER_TOWN_TOO, "<umzug/>", gw_id);
    status_list(x, XTA_V3, XTA_UNSET, "a|0"); /* XTA-063, 025 */
    for (int i = 0; i < 2; i++) {
        box_ask(x, XTA_V3, XTA_GET_MESSAGE, &fetch, &reply);
        assert_int_equal(reply.status, ST_OK);
        assert_true(reply.answer.has_message);
        assert_string_equal(buf_cstr(&reply.content), "<umzug/>");
        assert_int_equal(reply.answer.container.count, 1);
        assert_true(reply.answer.container.has_message);
        assert_true(span_is(reply.answer.container.contents[0].filename, "Grüße.xml"));
        assert_true(span_is(reply.answer.metadata.reader.value, HELPER_TOWN));
        assert_true(reply.answer.metadata.delivery.len > 0); /* XTA-061 */
        assert_int_equal(reply.answer.metadata.initial_fetch.len, 0);
        status_list(x, XTA_V3, XTA_TRUE, "a|0"); /* handed out is not fetched for good */
    }
    box_ask(x, XTA_V3, XTA_CLOSE, &close, &reply);
    assert_int_equal(reply.status, ST_OK);
    box_ask(x, XTA_V3, XTA_CLOSE, &close, &reply); /* XTA-088 */
    assert_int_equal(reply.fault.exception, XTA_INVALID_MESSAGE_ID);
    status_list(x, XTA_V3, XTA_UNSET, "|none");
    status_list(x, XTA_V3, XTA_FALSE, "a|0");
    id = SPAN("urn:x:foreign"); /* XTA-052, 053 */
    box_ask(x, XTA_V3, XTA_CLOSE, &close, &reply);
    assert_int_equal(reply.fault.exception, XTA_INVALID_MESSAGE_ID);
    box_ask(x, XTA_V3, XTA_GET_MESSAGE, &fetch, &reply);
    assert_int_equal(reply.fault.exception, XTA_INVALID_MESSAGE_ID); /* XTA-051 */
    assert_int_equal(reply.fault.number, XTA_N_UNKNOWN_ID);
}

/* XTA-066 to 068: InitialFetch at getMessage, Reception at close. */
static void box_v5(void **state)
{
    struct span id = SPAN("URN:X:A");
    const struct xta_selection fetch = {.ids = &id, .id_count = 1};
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    struct helper_xta *x = world(state);
    char gw_id[GW_ID_SIZE];

    helper_xta_put(x, "urn:x:a", HELPER_TOWN, "<umzug/>", gw_id);
    status_list(x, XTA_V5, XTA_UNSET, "a|0");
    box_ask(x, XTA_V5, XTA_GET_MESSAGE, &fetch, &reply);
    assert_int_equal(reply.status, ST_OK);
    assert_string_equal(buf_cstr(&reply.content), "<umzug/>");
    assert_true(reply.answer.metadata.initial_fetch.len > 0);
    assert_int_equal(reply.answer.metadata.reception.len, 0);
    status_list(x, XTA_V5, XTA_UNSET, "|none");
    status_list(x, XTA_V5, XTA_FALSE, "a|0"); /* XTA-135: a reader that died finds it so */
    status_list(x, XTA_V3, XTA_UNSET, "a|0"); /* and one of version 3 in any case */
    box_ask(x, XTA_V5, XTA_CLOSE, &fetch, &reply);
    assert_int_equal(reply.status, ST_OK);
    assert_int_equal(helper_message_of(&x->h, &arena, gw_id).state, GW_ACKNOWLEDGED);
    status_list(x, XTA_V3, XTA_UNSET, "|none");
    box_ask(x, XTA_V5, XTA_GET_STATUS_LIST, &(struct xta_selection){.new_entry = XTA_FALSE},
            &reply);
    assert_int_equal(reply.answer.list_count, 1);
    assert_true(reply.answer.list[0].reception.len > 0);
    box_ask(x, XTA_V5, XTA_CLOSE, &fetch, &reply);
    assert_int_equal(reply.fault.exception, XTA_INVALID_MESSAGE_ID);
    id = SPAN("urn:x:none");
    box_ask(x, XTA_V5, XTA_CLOSE, &fetch, &reply);
    assert_int_equal(reply.fault.exception, XTA_INVALID_MESSAGE_ID);
}

static void three_put(struct helper_xta *x)
{
    char id[GW_ID_SIZE];

    helper_xta_put(x, "urn:x:a", HELPER_TOWN, "<a/>", id);
    helper_xta_put(x, "urn:x:b", HELPER_TOWN, "<b/>", id);
    helper_xta_put(x, "urn:x:c", HELPER_TOWN, "<c/>", id);
}

static struct span kept(const struct helper_xta_reply *reply, char text[128])
{
    (void)snprintf(text, 128, "%.*s", SPAN_FMT(reply->answer.box.request_id));
    return span_str(text);
}

/* XTA-073, 074, 076 to 079: pages, and an iteration that outlives the server. */
static void iterations(void **state)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct helper_xta *x = world(state);
    struct xta_selection next = {0};
    struct span got;
    char request_id[128], id[128];

    three_put(x);
    box_ask(x, XTA_V3, XTA_GET_STATUS_LIST, &(struct xta_selection){.max_items = 2}, &reply);
    listed(&reply, "a b|1");
    next.request_id = kept(&reply, request_id);
    got = SPAN("urn:x:a"); /* listed is not received */
    next.received = &got;
    next.received_count = 1;
    box_ask(x, XTA_V3, XTA_GET_NEXT_STATUS_LIST, &next, &reply);
    listed(&reply, "c|0");
    status_list(x, XTA_V3, XTA_TRUE, "a b c|0");

    box_ask(x, XTA_V3, XTA_GET_MESSAGE, NULL, &reply);
    assert_true(span_is(reply.answer.metadata.id, "urn:x:a"));
    assert_int_equal(reply.answer.box.pending, 2);
    next.request_id = kept(&reply, request_id);
    helper_xta_restart(x, "", "");
    for (int i = 0; i < 2; i++) {
        (void)snprintf(id, sizeof id, "urn:x:%c", 'a' + i);
        got = span_str(id);
        next.received = &got;
        next.received_count = i == 0; /* b is handed out and not acknowledged */
        box_ask(x, XTA_V3, XTA_GET_NEXT_MESSAGE, &next, &reply);
        assert_int_equal(reply.status, ST_OK);
        assert_int_equal(reply.answer.metadata.id.ptr[6], 'b' + i);
        assert_int_equal(reply.answer.box.pending, 1 - i);
        assert_true(span_is(reply.answer.box.request_id, request_id));
    }
    next.received_count = 0;
    box_ask(x, XTA_V3, XTA_GET_NEXT_MESSAGE, &next, &reply);
    assert_true(reply.answer.box.none && !reply.answer.has_message);
    status_list(x, XTA_V3, XTA_TRUE, "b c|0");
    next.request_id = SPAN("urn:de:xta:requestid:test:none");
    box_ask(x, XTA_V3, XTA_GET_NEXT_MESSAGE, &next, &reply);
    assert_true(reply.answer.box.none && !reply.answer.has_message);
    assert_int_equal(reply.answer.box.why, XTA_BAD_REQUEST_ID);
}

/* XTA-075, and times that are none. */
static void selections(void **state)
{
    struct span ids[] = {SPAN("urn:x:c"), SPAN("URN:x:a"), SPAN("urn:x:none")};
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct helper_xta *x = world(state);

    three_put(x);
    for (enum xta_version v = XTA_V3; v <= XTA_V5; v++) {
        box_ask(x, v, XTA_GET_STATUS_LIST, &(struct xta_selection){.ids = ids, .id_count = 3},
                &reply);
        listed(&reply, "a c|0");
        box_ask(x, v, XTA_GET_STATUS_LIST,
                &(struct xta_selection){.to = SPAN("2020-01-01T00:00:00Z")}, &reply);
        listed(&reply, "|none");
        box_ask(x, v, XTA_GET_STATUS_LIST,
                &(struct xta_selection){.from = SPAN("2020-01-01T00:00:00Z")}, &reply);
        listed(&reply, "a b c|0");
    }
}

/* What came from somebody who knows nothing of XTA is for the endpoint's first party. */
static void strangers(void **state)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    struct helper_xta *x = world(state);
    struct xta_request r = helper_xta_request(XTA_V5, XTA_GET_STATUS_LIST, HELPER_TOWN_TOO);
    char id[GW_ID_SIZE], own[128], text[128];
    struct span xta_id;

    helper_xta_put(x, NULL, HELPER_TOWN, "<post/>", id);
    helper_xta_ask(x, "melde", &r, &reply);
    assert_int_equal(reply.answer.list_count, 0);
    for (int i = 0; i < 2; i++) {
        box_ask(x, XTA_V5, XTA_GET_STATUS_LIST, &(struct xta_selection){0}, &reply);
        assert_int_equal(reply.answer.list_count, 1);
        (void)snprintf(own, sizeof own, "urn:de:xta:messageid:test:%s", id);
        assert_true(span_is(reply.answer.list[0].id, own));
        assert_true(span_is(reply.answer.list[0].author.value, "Beheim"));
        assert_true(span_is(reply.answer.list[0].subject, "Umzug"));
    }
    (void)snprintf(text, sizeof text, "%s", own);
    xta_id = span_str(text);
    box_ask(x, XTA_V5, XTA_GET_MESSAGE, &(struct xta_selection){.ids = &xta_id, .id_count = 1},
            &reply);
    assert_string_equal(buf_cstr(&reply.content), "<post/>");
}

/* ---- several readers ---- */

enum { READERS = 4, MESSAGES = 24 };

struct reader {
    struct helper_xta *x;
    pthread_t thread;
    int fetched;
};

static void *reader_main(void *arg)
{
    struct reader *r = arg;
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};

    for (;;) {
        struct span id;
        char text[128];
        const struct xta_selection close = {
            .received = &id, .received_count = 1, .request_id = SPAN("urn:any")};

        box_ask(r->x, XTA_V3, XTA_GET_MESSAGE, NULL, &reply);
        if (!reply.answer.has_message)
            return NULL;
        (void)snprintf(text, sizeof text, "%.*s", SPAN_FMT(reply.answer.metadata.id));
        id = span_str(text);
        box_ask(r->x, XTA_V3, XTA_CLOSE, &close, &reply);
        r->fetched += reply.status == ST_OK;
    }
}

/* XTA-087: they may get the same, but none is left, and each is one reader's to close. */
static void readers(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 16 << 20};
    struct helper_xta *x = world(state);
    struct reader all[READERS] = {0};
    int fetched = 0;

    for (int i = 0; i < MESSAGES; i++) {
        char xta_id[64], id[GW_ID_SIZE];

        (void)snprintf(xta_id, sizeof xta_id, "urn:x:%d", i);
        helper_xta_put(x, xta_id, HELPER_TOWN, "<a/>", id);
    }
    for (size_t i = 0; i < READERS; i++) {
        all[i].x = x;
        assert_int_equal(pthread_create(&all[i].thread, NULL, reader_main, &all[i]), 0);
    }
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
        fetched += all[i].fetched;
    }
    assert_int_equal(fetched, MESSAGES); /* each is closed once */
    status_list(x, XTA_V3, XTA_UNSET, "|none");
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, GW_STATES(GW_ACKNOWLEDGED)).count,
                     MESSAGES);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accounts),
        TEST(locked_everywhere),
        TEST(refusals_are_remembered),
        TEST(revoked),
        TEST(tls_only_with_certificates),
        TEST(clients_are_seen),
        TEST(doors),
        TEST(chunked),
        TEST(too_large),
        TEST(strangers_are_not_stored),
        TEST(garbage),
        TEST(ids),
        TEST(box_v3),
        TEST(box_v5),
        TEST(iterations),
        TEST(selections),
        TEST(strangers),
        TEST(readers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
