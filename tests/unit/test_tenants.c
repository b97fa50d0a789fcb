/*
 * Several intermediaries in one daemon, over real HTTP and a real store: what one does not see of
 * the other, what a full mailbox says, and a new cipher key while messages are on their way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/api.h"
#include "gateway/api_client.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_gateway.h"
#include "tests/unit/helper_intermediary.h"
#include "tests/unit/helper_runtime.h"

enum { WIRE_MAX = 64 * 1024 * 1024 };

#define PAIR(who, use, bits)                                                                       \
    use ": {certificate: '{keys}/" who "-" use "-" bits ".cert.pem', key: '{keys}/" who "-" use    \
        "-" bits ".key.pem'}"
#define HEAD                                                                                       \
    "state: '{dir}/state'\n"                                                                       \
    "trust: {osci: ['{keys}/ca.cert.pem']}\n"                                                      \
    "api: {socket: '{dir}/api.sock'}\n"                                                            \
    "osci_server:\n"                                                                               \
    "  listeners: [{port: 0, path: /osci}]\n"
#define ITSELF                                                                                     \
    "  identity:\n"                                                                                \
    "    " PAIR("intermediary", "signature",                                                       \
                "2048") "\n"                                                                       \
                        "    " PAIR("intermediary", "cipher", "2048") "\n"                         \
                                                                      "  self_registering: true\n"
#define TENANT(name, who, door, more)                                                              \
    "    - name: " name "\n"                                                                       \
    "      " door "\n"                                                                             \
    "      identity:\n"                                                                            \
    "        " PAIR(who, "signature",                                                              \
                    "2048") "\n"                                                                   \
                            "        " PAIR(who, "cipher",                                         \
                                            "2048") "\n"                                           \
                                                    "      self_registering: true\n" more

static const char three[] = HEAD ITSELF "  tenants:\n" TENANT("Kreis", "reader", "path: /kreis", "")
    TENANT("Land", "author", "listeners: [{port: 0, path: /land}]", "");
static const char only_tenants[] =
    HEAD "  tenants:\n" TENANT("Kreis", "reader", "path: /kreis", "");
static const char old_key[] = HEAD ITSELF;
static const char new_key[] = HEAD
    "  identity:\n"
    "    " PAIR("intermediary", "signature",
                "2048") "\n"
                        "    " PAIR("intermediary", "cipher",
                                    "4096") "\n"
                                            "    older_ciphers: [{certificate: "
                                            "'{keys}/intermediary-cipher-2048.cert.pem',"
                                            " key: '{keys}/intermediary-cipher-2048.key.pem'}]\n"
                                            "  self_registering: true\n";

/* The daemon, and how its tenants look from outside. */
struct house {
    struct helper_runtime h;
    struct gw_osci_server *server;
    struct gw_api_server *api;
};
struct side {
    struct im_fixture f;
    struct identity *own; /* of the fixture */
    struct house *house;
    size_t tenant;
    const char *path;
};

static void on_stop(void *ctx)
{
    gw_osci_server_close(ctx, 1000);
}

static void house_open(struct house *house, const char *yaml, const char *more)
{
    struct error err = {0};

    helper_runtime_open(&house->h, yaml, more, NULL);
    if (gw_osci_server_new(house->h.rt, NULL, NULL, &house->server, &err) != ST_OK)
        fail_msg("%s", err.text);
    if (gw_api_start(house->h.rt, &house->api, &err) != ST_OK)
        fail_msg("%s", err.text);
    gw_api_use_server(house->api, house->server);
    gw_loop_on_stop(house->h.loop, on_stop, house->server);
    helper_runtime_run(&house->h);
}

static void house_close(struct house *house)
{
    (void)helper_runtime_stop(&house->h);
    gw_api_server_free(house->api);
    gw_osci_server_free(house->server);
    house->server = NULL;
    helper_runtime_close(&house->h);
}

static void post(void *ctx, struct span wire, struct im_reply *r)
{
    const struct side *side = ctx;
    size_t head;
    AUTO(buf_deinit) struct buf answer = {.max = WIRE_MAX};

    helper_gateway_http(gw_osci_server_tenant_port(side->house->server, side->tenant), "POST",
                        side->path, wire, &answer);
    assert_true(span_starts(buf_span(&answer), SPAN("HTTP/1.1 200 ")));
    head = span_find(buf_span(&answer), SPAN("\r\n\r\n"));
    assert_true(head != SIZE_MAX);
    buf_add(&r->wire, span_from(buf_span(&answer), head + 4));
}

/* What the keys of who sign and open, found at the path of tenant i. */
static void side_init(struct side *side, struct house *house, size_t tenant, const char *path,
                      const char *who)
{
    *side = (struct side){.house = house, .tenant = tenant, .path = path};
    im_fixture_init(&side->f);
    side->own = side->f.identity;
    side->f.identity = im_identity(who);
    side->f.post = post;
    side->f.post_ctx = side;
}

static void side_deinit(struct side *side)
{
    identity_free(side->f.identity);
    side->f.identity = side->own;
    im_fixture_deinit(&side->f);
}

static void id_get(struct side *side, char id[64])
{
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    im_client_init(&c, &side->f, "originator");
    im_order(&c, OSCI_GET_MESSAGE_ID, &m);
    im_send(&c, &m, &r);
    im_assert_codes(&r, "0800");
    im_text(r.reading->msg.message_id, id, 64);
    im_reply_deinit(&r);
}

static void store(struct side *side, const char *id, const char *to, const char *codes,
                  const char *text)
{
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    im_client_init(&c, &side->f, "originator");
    im_store_order(&c, &m, id, to);
    im_send(&c, &m, &r);
    im_assert_codes(&r, codes);
    if (text != NULL)
        assert_true(span_find(r.reading->msg.feedback[0].text, span_str(text)) != SIZE_MAX);
    im_reply_deinit(&r);
}

/* In a dialog of its own; the close proves the reception. */
static void order(struct side *side, const char *who, enum osci_type type, const char *id,
                  const char *codes)
{
    struct im_client c;
    struct osci_message m;
    struct im_reply r;
    struct span ids = span_str(id);

    im_client_init(&c, &side->f, who);
    im_dialog_open(&c);
    im_order(&c, type, &m);
    if (id != NULL)
        m.selection = (struct osci_selection){.by = OSCI_SELECT_IDS, .ids = &ids, .id_count = 1};
    im_send(&c, &m, &r);
    im_assert_codes(&r, codes);
    im_reply_deinit(&r);
    im_dialog_close(&c);
}

/* ---- tenants ---- */

/* Ids, mailboxes and cards of the one are nothing to the other, whoever asks. */
static void nothing_seen(struct side *a, struct side *b)
{
    char id[64], foreign[64];

    id_get(a, id);
    id_get(b, foreign);
    store(b, id, "addressee", "9801", NULL);
    store(a, id, "addressee", "0800", NULL);
    store(b, id, "addressee", "9801", NULL);
    order(b, "addressee", OSCI_FETCH_DELIVERY, NULL, "9803");
    order(b, "addressee", OSCI_FETCH_DELIVERY, id, "9803");
    order(b, "addressee", OSCI_FETCH_PROCESS_CARD, id, "9804");
    order(b, "originator", OSCI_FETCH_PROCESS_CARD, id, "9804");
    order(a, "originator", OSCI_FETCH_PROCESS_CARD, id, "0801");
    order(a, "addressee", OSCI_FETCH_DELIVERY, NULL, "0801");
    order(a, "addressee", OSCI_FETCH_DELIVERY, NULL, "9803");
    store(b, foreign, "addressee", "0800", NULL);
    order(b, "addressee", OSCI_FETCH_DELIVERY, NULL, "0801");
}

static void test_isolation(void **state)
{
    struct house house = {0};
    struct side itself, kreis, land;

    (void)state;
    house_open(&house, three, "");
    assert_int_equal(gw_osci_server_tenants(house.server), 3);
    side_init(&itself, &house, 0, "/osci", "intermediary");
    side_init(&kreis, &house, 1, "/kreis", "reader");
    side_init(&land, &house, 2, "/land", "author");
    nothing_seen(&itself, &kreis);
    nothing_seen(&kreis, &itself);
    nothing_seen(&land, &kreis);
    side_deinit(&itself);
    side_deinit(&kreis);
    side_deinit(&land);
    house_close(&house);
    helper_runtime_deinit(&house.h);
}

/* Whoever knocks at the wrong door has enciphered for somebody else. */
static void test_wrong_door(void **state)
{
    struct house house = {0};
    struct side lost;
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    (void)state;
    house_open(&house, three, "");
    side_init(&lost, &house, 1, "/osci", "reader");
    im_client_init(&c, &lost.f, "originator");
    im_order(&c, OSCI_GET_MESSAGE_ID, &m);
    im_send(&c, &m, &r);
    assert_int_equal(r.fault, 9200);
    im_reply_deinit(&r);
    side_deinit(&lost);
    house_close(&house);
    helper_runtime_deinit(&house.h);
}

static struct path_row {
    const char *name, *yaml, *path;
    size_t tenant; /* whose port */
    const char *status;
} path_rows[] = {
    {"the block's path", three, "/osci", 0, "200"},
    {"a tenant's path", three, "/kreis", 0, "200"},
    {"no such path", three, "/stadt", 0, "404"},
    {"below a tenant's path", three, "/kreis/", 0, "404"},
    {"a path of other listeners", three, "/land", 0, "404"},
    {"own listeners", three, "/land", 2, "200"},
    {"another tenant's path at own listeners", three, "/kreis", 2, "404"},
    {"the block is no tenant", only_tenants, "/osci", 0, "404"},
    {"its tenant is", only_tenants, "/kreis", 0, "200"},
};

static void test_path(void **state)
{
    const struct path_row *row = *state;
    struct house house = {0};
    char expected[32];
    AUTO(buf_deinit) struct buf answer = {.max = WIRE_MAX};

    house_open(&house, row->yaml, "");
    helper_gateway_http(gw_osci_server_tenant_port(house.server, row->tenant), "POST", row->path,
                        SPAN("nothing of ours"), &answer);
    (void)snprintf(expected, sizeof expected, "HTTP/1.1 %s ", row->status);
    assert_true(span_starts(buf_span(&answer), span_str(expected)));
    house_close(&house);
    helper_runtime_deinit(&house.h);
}

/* ---- quotas ---- */

static struct quota_row {
    const char *name, *conf;
    const char *first, *second; /* addressees */
    const char *codes, *text;   /* of the second delivery */
    bool helped;                /* by the first addressee's fetching */
} quota_rows[] = {
    {"no bound", "  mailbox_messages: 0\n  mailbox_mb: 0\n", "addressee", "addressee", "0800", NULL,
     false},
    {"a mailbox full of messages", "  mailbox_messages: 1\n", "addressee", "addressee", "9811",
     "Postfach des Empfängers ist voll", true},
    {"another mailbox has room", "  mailbox_messages: 1\n", "addressee", "reader", "0800", NULL,
     false},
    {"a sender with too many", "  client_messages: 1\n", "addressee", "reader", "9811",
     "Von diesem Absender", true},
    {"room for both", "  mailbox_messages: 2\n  client_messages: 2\n  mailbox_mb: 1\n", "addressee",
     "addressee", "0800", NULL, false},
};

static void test_quota(void **state)
{
    const struct quota_row *row = *state;
    struct house house = {0};
    struct side side;
    char one[64], two[64];

    house_open(&house, old_key, row->conf);
    side_init(&side, &house, 0, "/osci", "intermediary");
    id_get(&side, one);
    id_get(&side, two);
    store(&side, one, row->first, "0800", NULL);
    store(&side, two, row->second, row->codes, row->text);
    if (row->helped) { /* nothing was lost: the same id, the same message */
        order(&side, row->first, OSCI_FETCH_DELIVERY, NULL, "0801");
        store(&side, two, row->second, "0800", NULL);
    }
    order(&side, row->second, OSCI_FETCH_DELIVERY, two, "0801");
    side_deinit(&side);
    house_close(&house);
    helper_runtime_deinit(&house.h);
}

/* The attachment alone is larger than what may wait. */
static void test_quota_bytes(void **state)
{
    struct house house = {0};
    struct side side;
    struct im_client c;
    struct osci_message m;
    struct im_reply r;
    struct source_span body;
    struct error err = {0};
    char id[64];
    enum { LARGE = 1100 * 1024 };
    uint8_t *large = calloc(1, LARGE);

    (void)state;
    assert_non_null(large);
    house_open(&house, old_key, "  mailbox_mb: 1\n");
    side_init(&side, &house, 0, "/osci", "intermediary");
    id_get(&side, id);
    im_client_init(&c, &side.f, "originator");
    im_store_order(&c, &m, id, "addressee");
    c.attachment.len = LARGE;
    c.attachment.body = source_span_init(&body, span_of(large, LARGE));
    assert_int_equal(
        digest_of(c.attachment.digest.alg, span_of(large, LARGE), &c.attachment.digest, &err),
        ST_OK);
    im_send(&c, &m, &r);
    im_assert_codes(&r, "9811");
    im_reply_deinit(&r);
    store(&side, id, "addressee", "0800", NULL); /* a smaller one fits */
    free(large);
    side_deinit(&side);
    house_close(&house);
    helper_runtime_deinit(&house.h);
}

/* ---- a new cipher key ---- */

/* Sealed for the old key, accepted after the new one is announced; and what waited is fetched. */
static void test_rollover(void **state)
{
    struct house house = {0};
    struct side side;
    struct identity renewed, *before;
    struct im_client c, waiting;
    struct osci_message m;
    struct im_reply r;
    char one[64], two[64], three_id[64];
    AUTO(buf_deinit) struct buf wire = {.max = WIRE_MAX};

    (void)state;
    house_open(&house, old_key, "");
    side_init(&side, &house, 0, "/osci", "intermediary");
    id_get(&side, one);
    id_get(&side, two);
    id_get(&side, three_id);
    store(&side, one, "addressee", "0800", NULL);
    im_client_init(&c, &side.f, "originator");
    im_store_order(&c, &m, two, "addressee");
    im_write(&c, &m, &wire); /* on its way */
    house_close(&house);

    house_open(&house, new_key, "");
    assert_true(cert_eq(gw_osci_server_tenant(house.server, 0)->identity->cipher.cert,
                        im_cert(&side.f, "intermediary-cipher-4096")));
    im_post(&c, buf_span(&wire), &r);
    im_assert_codes(&r, "0800");
    im_reply_deinit(&r);
    order(&side, "addressee", OSCI_FETCH_DELIVERY, one, "0801"); /* still with the old one */
    renewed = *side.f.identity;
    renewed.cipher.cert = im_cert(&side.f, "intermediary-cipher-4096");
    before = side.f.identity;
    side.f.identity = &renewed;
    order(&side, "addressee", OSCI_FETCH_DELIVERY, two, "0801");
    im_client_init(&waiting, &side.f, "originator");
    im_store_order(&waiting, &m, three_id, "addressee");
    im_send(&waiting, &m, &r);
    im_assert_codes(&r, "0800");
    im_reply_deinit(&r);
    side.f.identity = before;
    side_deinit(&side);
    house_close(&house);
    helper_runtime_deinit(&house.h);
}

/* ---- what the operator is told ---- */

static json_t *asked(const struct house *house, const char *path)
{
    AUTO(gw_api_drop) struct gw_api *api = NULL;
    struct error err = {0};
    json_t *answer = NULL;
    char socket[512];

    assert_int_equal(gw_api_new(helper_path(&house->h, socket, "api.sock"), GW_LANG_EN, &api, &err),
                     ST_OK);
    if (gw_api_get(api, path, &answer, &err) != ST_OK)
        fail_msg("%s", err.text);
    return answer;
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    return text == NULL ? "" : text;
}

static int number_of(const json_t *json, const char *key)
{
    return (int)json_integer_value(json_object_get(json, key));
}

static void test_told(void **state)
{
    static const char more[] =
        "  mailboxes:\n"
        "    - {name: Amt, cipher_certificate: '{keys}/addressee-cipher-2048.cert.pem'}\n"
        "    - {name: Leer, cipher_certificate: '{keys}/author-cipher-2048.cert.pem'}\n";
    AUTO(json_drop) json_t *mailboxes = NULL, *described = NULL;
    const json_t *all, *one;
    struct house house = {0};
    struct side side;
    char id[64];

    (void)state;
    house_open(&house, old_key, more);
    side_init(&side, &house, 0, "/osci", "intermediary");
    for (int i = 0; i < 2; i++) {
        id_get(&side, id);
        store(&side, id, "addressee", "0800", NULL);
    }
    id_get(&side, id);
    store(&side, id, "reader", "0800", NULL);
    order(&side, "addressee", OSCI_FETCH_DELIVERY, NULL, "3800 0801");
    mailboxes = asked(&house, "/v1/mailboxes");
    all = json_object_get(mailboxes, "mailboxes");
    assert_int_equal(json_array_size(all), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *m = json_array_get(all, i);
        const char *name = text_of(m, "name");

        assert_int_equal(number_of(m, "waiting"), strcmp(name, "Leer") != 0);
        assert_int_equal(number_of(m, "kept"), strcmp(name, "Amt") == 0    ? 2
                                               : strcmp(name, "Leer") == 0 ? 0
                                                                           : 1);
        assert_int_equal(text_of(m, "last_fetched_at")[0] != '\0', strcmp(name, "Amt") == 0);
        assert_int_equal(text_of(m, "subject")[0] != '\0', strcmp(name, "Leer") != 0);
    }
    described = asked(&house, "/v1/intermediary");
    one = json_array_get(json_object_get(described, "intermediaries"), 0);
    assert_string_equal(text_of(one, "osci_version"), "1.2");
    assert_string_equal(text_of(json_object_get(one, "cipher_certificate"), "sha256"),
                        cert_fingerprint(im_cert(&side.f, "intermediary-cipher-2048")));
    assert_int_equal(strlen(text_of(json_object_get(one, "signature_certificate"), "sha1")), 40);
    assert_true(json_array_size(json_object_get(one, "features")) >= 5);
    side_deinit(&side);
    house_close(&house);
    helper_runtime_deinit(&house.h);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(path_rows) + ARRAY_LEN(quota_rows) + 5];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(path_rows); i++)
        tests[n++] = (struct CMUnitTest){path_rows[i].name, test_path, NULL, NULL, &path_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(quota_rows); i++)
        tests[n++] =
            (struct CMUnitTest){quota_rows[i].name, test_quota, NULL, NULL, &quota_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_isolation);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_wrong_door);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_quota_bytes);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_rollover);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_told);
    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}
