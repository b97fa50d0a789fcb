/* Several tenants in one process: what belongs to whom, and that nothing crosses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "gateway/lane.h"
#include "gateway/local.h"
#include "gateway/outbound.h"
#include "gateway/route.h"
#include "gateway/tenancy.h"
#include "gateway/worker.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_fake.h"
#include "tests/unit/helper_store.h"

/* ---- settings ---- */

#define PAIR "{certificate: c.pem, key: k.pem}"
#define IDENTITY "identity: {signature: " PAIR ", cipher: " PAIR "}"
#define ONE "tenant: {name: A, " IDENTITY "}\n"
#define TWO                                                                                        \
    "tenants:\n  - {name: A, " IDENTITY "}\n  - {name: B, " IDENTITY "}\n" /* three lines          \
                                                                            */
#define URL "url: 'http://h/', cipher_certificate: i.pem, signature_certificate: s.pem"
#define WAYS                                                                                       \
    "intermediaries:\n  - {name: a, tenant: A, " URL "}\n  - {name: b, tenant: B, " URL            \
    "}\n" /* to line 6 */
#define PARTNERS                                                                                   \
    "partners:\n  - {name: X, intermediary: a, cipher_certificate: x.pem, addresses: [1]}\n"       \
    "  - {name: Y, intermediary: b, cipher_certificate: x.pem, addresses: [1]}\n" /* to 9 */
#define ENDPOINTS                                                                                  \
    "endpoints:\n"                                                                                 \
    "  - {name: ea, tenant: A, parties: [pa], receives: {default: true, message_types: [t]}}\n"    \
    "  - {name: eb, tenant: B, parties: [pb], receives: {default: true, message_types: [t]}}\n"
#define WORLD TWO WAYS PARTNERS ENDPOINTS /* twelve lines */
#define LISTENER "listeners: [{port: 1}]"

static struct bad_row {
    const char *name, *yaml;
    int line, code;
    const char *en;
} bad_rows[] = {
    {"both blocks", ONE TWO, 2, GW_R_CONFIG_VALUE,
     "'tenants' cannot be '...'; allowed: tenant or tenants, not both."},
    {"two of one name", "tenants:\n  - {name: A, " IDENTITY "}\n  - {name: A, " IDENTITY "}\n", 3,
     GW_R_CONFIG_DUPLICATE_NAME, "'A' already stands for tenants.name in line 2."},
    {"a tenant without keys", "tenants:\n  - {name: A}\n", 2, GW_R_CONFIG_MISSING, NULL},
    {"half a pair",
     "tenants:\n  - name: A\n    identity:\n      signature: {certificate: c}\n      cipher: " PAIR
     "\n",
     4, GW_R_CONFIG_PAIR, NULL},
    {"an endpoint of nobody", TWO "endpoints:\n  - {name: e}\n", 5, GW_R_CONFIG_TENANT,
     "endpoints: 'e' names no tenant, and there are several."},
    {"an intermediary of nobody", TWO "intermediaries:\n  - {name: i, " URL "}\n", 5,
     GW_R_CONFIG_TENANT, NULL},
    {"an XTA server of nobody",
     TWO "xta_servers:\n  - name: x\n    version: 5\n    urls: {base: 'https://x/b', sender: "
         "'https://x/s', recipient: 'https://x/r'}\n    tls: " PAIR "\n    parties: [{value: a}]\n",
     5, GW_R_CONFIG_TENANT, NULL},
    {"a recipient of nobody", TWO WAYS "osci_recipient:\n  " LISTENER "\n", 7, GW_R_CONFIG_TENANT,
     NULL},
    {"a tenant that is not there", TWO "endpoints:\n  - {name: e, tenant: C}\n", 5,
     GW_R_CONFIG_REFERENCE, "'tenant' names 'C', which is missing under tenants."},
    {"the same beside a single one", ONE "endpoints:\n  - {name: e, tenant: C}\n", 3,
     GW_R_CONFIG_REFERENCE, NULL},
    {"another's partner in an endpoint's route",
     TWO WAYS PARTNERS "endpoints:\n  - {name: e, tenant: A, routes: [{partner: Y}]}\n", 11,
     GW_R_CONFIG_TENANT_OTHER, "'partner': 'Y' belongs to the tenant B, not to A."},
    {"a route from one tenant to another's partner",
     WORLD "routes:\n  - {name: r, from: ea, to: Y}\n", 14, GW_R_CONFIG_TENANT_OTHER, NULL},
    {"a route from one tenant to another's endpoint",
     WORLD "routes:\n  - {name: r, from: ea, to: eb}\n", 14, GW_R_CONFIG_TENANT_OTHER, NULL},
    {"a route in, from one's intermediary to another's endpoint",
     WORLD "routes:\n  - {name: r, from: a, to: eb}\n", 14, GW_R_CONFIG_TENANT_OTHER, NULL},
    {"a route onward, from one's partner to another's",
     WORLD "routes:\n  - {name: r, from: X, to: Y}\n", 14, GW_R_CONFIG_TENANT_OTHER, NULL},
    {"an alternative of another's", WORLD "routes:\n  - {name: r, from: ea, to: [X, Y]}\n", 14,
     GW_R_CONFIG_TENANT_OTHER, NULL},
    {"an account of two tenants",
     WORLD "xta_server:\n  instance: a\n  listeners: [{port: 1, tls: " PAIR
           ", client_authorities: [ca.pem]}]\n  accounts:\n"
           "    - {name: m, certificates: [m.pem], parties: [pa, pb]}\n",
     17, GW_R_CONFIG_TENANT_OTHER, NULL},
    {"who we are elsewhere, for another's endpoint",
     WORLD "xta_servers:\n  - name: x\n    tenant: A\n    version: 5\n    urls: {base: "
           "'https://x/b', sender: 'https://x/s', recipient: 'https://x/r'}\n    tls: " PAIR
           "\n    parties:\n      - {value: a, endpoint: eb}\n",
     20, GW_R_CONFIG_TENANT_OTHER, NULL},
    {"two defaults of one tenant",
     TWO "endpoints:\n  - {name: e, tenant: A, receives: {default: true}}\n"
         "  - {name: f, tenant: A, receives: {default: true}}\n",
     6, GW_R_CONFIG_TWO_DEFAULTS, NULL},
    {"one type twice in a tenant",
     TWO "endpoints:\n  - {name: e, tenant: A, receives: {message_types: [t]}}\n"
         "  - {name: f, tenant: A, receives: {message_types: [t]}}\n",
     6, GW_R_CONFIG_DUPLICATE_NAME, NULL},
    {"an address twice in a tenant",
     TWO WAYS "partners:\n  - {name: X, intermediary: a, cipher_certificate: x, addresses: [1]}\n"
              "  - {name: Y, intermediary: a, cipher_certificate: x, addresses: [1]}\n",
     9, GW_R_CONFIG_DUPLICATE_NAME, NULL},
    {"a party that is another's in capitals",
     TWO "endpoints:\n  - {name: e, tenant: A, parties: ['ags:1']}\n"
         "  - {name: f, tenant: B, parties: ['AGS:1']}\n",
     6, GW_R_CONFIG_DUPLICATE_NAME, NULL},
    {"a folder that is another's, written in another way",
     TWO "endpoints:\n  - {name: e, tenant: A, folder: /srv/x}\n"
         "  - {name: f, tenant: B, folder: /srv/./x//}\n",
     6, GW_R_CONFIG_DUPLICATE_NAME, NULL},
    {"a recipient whose tenant has no intermediary",
     TWO "intermediaries:\n  - {name: a, tenant: A, " URL "}\n"
         "osci_recipient:\n  tenant: B\n  " LISTENER "\n",
     7, GW_R_CONFIG_MISSING, "'intermediaries' is missing."},
};

static enum status settings_read(const char *yaml, const struct gw_config **config,
                                 struct gw_config_report *report)
{
    struct error err = {0};

    gw_config_report_init(report);
    return gw_config_read(span_str(yaml), "/t.yaml", config, report, &err);
}

static void test_bad(void **state)
{
    const struct bad_row *row = *state;
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    const struct gw_config *config = NULL;
    const struct gw_config_finding *f = report.findings;

    assert_int_equal(settings_read(row->yaml, &config, &report), ST_INVALID);
    while (f < report.findings + report.count && f->warning)
        f++;
    if (f->code != row->code || f->line != row->line)
        print_message("got line %d: %d %s\n", f->line, f->code, f->en);
    assert_int_equal(f->code, row->code);
    assert_int_equal(f->line, row->line);
    if (row->en != NULL)
        assert_string_equal(f->en, row->en);
}

/* The same types, defaults and addresses in each of them; a target is everybody's. */
static void test_good(void **state)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(gw_config_drop) const struct gw_config *c = NULL;

    (void)state;
    if (settings_read(WORLD "targets: [{name: z, command: [/bin/true]}]\n"
                            "osci_recipient: {tenant: B, " LISTENER "}\n"
                            "routes:\n  - {name: r, from: [ea, eb], to: z}\n"
                            "  - {name: s, from: endpoints, when: {recipient: X}, to: X}\n",
                      &c, &report) != ST_OK)
        fail_msg("%s", report.findings[0].en);
    assert_int_equal(c->tenants_count, 2);
    assert_null(gw_config_sole_name(c));
    assert_string_equal(gw_config_address(c, "A", SPAN("1"))->name, "X");
    assert_string_equal(gw_config_address(c, "B", SPAN("1"))->name, "Y");
    assert_string_equal(gw_config_destination_tenant(c, "b"), "B");
    assert_non_null(gw_config_party_of(c, "A", SPAN("PA")));
    assert_null(gw_config_party_of(c, "B", SPAN("PA")));
}

/* One tenant, in either form: everything is its own without being told. */
static void test_one(void **state)
{
    static const char *const forms[] = {ONE, "tenants: [{name: A, " IDENTITY "}]\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
        AUTO(gw_config_drop) const struct gw_config *c = NULL;
        char yaml[1024];

        (void)snprintf(yaml, sizeof yaml,
                       "%sintermediaries: [{name: i, " URL "}]\nendpoints: [{name: e}]\n",
                       forms[i]);
        assert_int_equal(settings_read(yaml, &c, &report), ST_OK);
        assert_string_equal(gw_config_sole_name(c), "A");
        assert_string_equal(c->endpoints[0].tenant, "A");
        assert_string_equal(c->intermediaries[0].tenant, "A");
    }
}

static struct check_row {
    const char *name, *settings, *tenant, *other;
    bool denied;
} check_rows[] = {
    {"its own", TWO, "A", "A", false},
    {"another's", TWO, "A", "B", true},
    {"everybody's", TWO, "A", NULL, false},
    {"a message of nobody", TWO, NULL, "B", true},
    {"a message of a tenant that is gone", TWO, "C", "B", true},
    {"a tenant that is called otherwise now, and alone", ONE, "C", "A", false},
};

static void test_check(void **state)
{
    const struct check_row *row = *state;
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(gw_config_drop) const struct gw_config *c = NULL;
    struct error err = {0};
    enum status st;

    assert_int_equal(settings_read(row->settings, &c, &report), ST_OK);
    st = gw_tenancy_check(c, row->tenant, row->other, &err);
    assert_int_equal(st, row->denied ? ST_DENIED : ST_OK);
    assert_int_equal(err.reason, row->denied ? GW_R_TENANT_OTHER : 0);
}

/* ---- a process ---- */

static const char towns_yaml[] =
    "state: {dir}/state\n"
    "tenants:\n"
    "  - name: Ahausen\n"
    "    identity: {originator}\n"
    "  - name: Beheim\n"
    "    identity: {addressee}\n"
    "trust:\n"
    "  osci: [ {keys}/ca.cert.pem ]\n"
    "intermediaries:\n"
    "  - name: von-a\n"
    "    tenant: Ahausen\n"
    "    url: \"{url}\"\n"
    "    cipher_certificate: {keys}/intermediary-cipher-2048.cert.pem\n"
    "    signature_certificate: {keys}/intermediary-signature-2048.cert.pem\n"
    "    timeout_seconds: 120\n"
    "  - name: von-b\n"
    "    tenant: Beheim\n"
    "    url: \"{url}\"\n"
    "    cipher_certificate: {keys}/intermediary-cipher-2048.cert.pem\n"
    "    signature_certificate: {keys}/intermediary-signature-2048.cert.pem\n"
    "    timeout_seconds: 120\n"
    "partners:\n"
    "  - name: an-beheim\n"
    "    intermediary: von-a\n"
    "    cipher_certificate: {keys}/addressee-cipher-2048.cert.pem\n"
    "    signature_certificates: [ {keys}/addressee-signature-2048.cert.pem ]\n"
    "  - name: an-ahausen\n"
    "    intermediary: von-b\n"
    "    cipher_certificate: {keys}/originator-cipher-2048.cert.pem\n"
    "    signature_certificates: [ {keys}/originator-signature-2048.cert.pem ]\n"
    "  - name: dritter-a\n"
    "    intermediary: von-a\n"
    "    cipher_certificate: {keys}/reader-cipher-2048.cert.pem\n"
    "  - name: dritter-b\n"
    "    intermediary: von-b\n"
    "    cipher_certificate: {keys}/reader-cipher-2048.cert.pem\n"
    "endpoints:\n"
    "  - name: bauamt\n"
    "    tenant: Ahausen\n"
    "    receives: { default: true }\n"
    "    routes: [ {partner: an-beheim} ]\n"
    "  - name: ordnungsamt\n"
    "    tenant: Beheim\n"
    "    receives: { default: true }\n"
    "    routes: [ {partner: an-ahausen} ]\n"
    "targets: [ {name: drucker, command: [/bin/true]} ]\n";

struct world {
    struct helper_fake fake;
    struct helper_runtime towns;
    struct arena arena;
};

static void world_open(struct world *w, const char *more)
{
    *w = (struct world){0};
    arena_init(&w->arena, 256 * 1024 * 1024);
    helper_fake_open(&w->fake, true);
    helper_runtime_open(&w->towns, towns_yaml, more, w->fake.url);
    helper_runtime_run(&w->towns);
}

static void world_close(struct world *w)
{
    helper_runtime_deinit(&w->towns);
    helper_fake_close(&w->fake);
    arena_deinit(&w->arena);
}

static void test_runtime(void **state)
{
    struct helper_runtime h = {0};
    const struct gw_tenant *a, *b;
    const struct cert *third;

    (void)state;
    helper_runtime_open(&h, towns_yaml, "", NULL);
    a = gw_runtime_tenant(h.rt, "Ahausen");
    b = gw_runtime_tenant(h.rt, "Beheim");
    assert_non_null(a);
    assert_non_null(b);
    assert_null(gw_runtime_tenant(h.rt, "Cestadt"));
    assert_ptr_equal(h.rt->peers[0].tenant, a);
    assert_ptr_equal(h.rt->peers[1].tenant, b);
    assert_int_equal(a->own_count, 1);
    assert_int_equal(b->own_count, 1);
    assert_false(cert_eq(a->own[0].cert, b->own[0].cert));
    assert_string_equal(gw_runtime_partner(h.rt, "an-beheim")->tenant, "Ahausen");
    assert_null(gw_runtime_partner(h.rt, "drucker")->tenant);
    third = gw_runtime_partner(h.rt, "dritter-a")->cipher;
    assert_string_equal(gw_runtime_partner_of(h.rt, a, third)->conf->name, "dritter-a");
    assert_string_equal(gw_runtime_partner_of(h.rt, b, third)->conf->name, "dritter-b");
    assert_null(gw_runtime_partner_of(h.rt, b, b->own[0].cert));
    helper_runtime_deinit(&h);
}

/* ---- may it be sent there? ---- */

static struct out_row {
    const char *name, *recipient, *type;
    int reason;
    const char *to;
} out_rows[] = {
    {"by its own route", NULL, NULL, 0, "an-beheim"},
    {"to a partner it names", "dritter-a", NULL, 0, "dritter-a"},
    {"to a target", "drucker", NULL, 0, "drucker"},
    {"to another's partner that it names", "dritter-b", NULL, GW_R_TENANT_OTHER, NULL},
    {"by a route for everybody, to its own", NULL, "eigen", 0, "dritter-a"},
    {"by a route for everybody, to another's partner", NULL, "fremd", GW_R_TENANT_OTHER, NULL},
    {"by a route for everybody, to another's endpoint", NULL, "hier", GW_R_TENANT_OTHER, NULL},
};

static const char routes_yaml[] =
    "routes:\n"
    "  - {name: eigen, from: endpoints, when: {message_type: eigen}, to: dritter-a}\n"
    "  - {name: fremd, from: endpoints, when: {message_type: fremd}, to: dritter-b}\n"
    "  - {name: hier, from: endpoints, when: {message_type: hier}, to: ordnungsamt}\n";

static void test_out(void **state)
{
    const struct out_row *row = *state;
    struct helper_runtime h = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    struct gw_routing routing = {.message_type = row->type};
    struct source_span source;
    struct error err = {0};
    enum status st;

    helper_runtime_open(&h, towns_yaml, routes_yaml, NULL);
    if (row->recipient != NULL)
        routing.partner = gw_runtime_partner(h.rt, row->recipient);
    st = gw_route_outbound(h.rt, gw_config_endpoint(h.conf, "bauamt"), "brief.txt", 1,
                           source_span_init(&source, SPAN("x")), &arena, &routing, &err);
    assert_int_equal(st, row->reason == 0 ? ST_OK : ST_DENIED);
    assert_int_equal(err.reason, row->reason);
    if (row->to != NULL)
        assert_string_equal(routing.recipient, row->to);
    helper_runtime_deinit(&h);
}

static enum status send_once(struct world *w, const char *id, size_t peer)
{
    struct gw_message_row row = helper_message_of(&w->towns, &w->arena, id);
    struct gw_conversation talk;
    struct error err = {0};
    bool moved = false;
    enum status st;

    gw_conversation_init(&talk, w->towns.rt, &w->towns.rt->peers[peer]);
    st = gw_outbound_send(&talk, &row, &moved, &err);
    gw_conversation_close(&talk);
    assert_true(moved);
    return st;
}

/* Accepted before the settings became what they are: it does not go out under another's name, and
 * nobody outside hears of it. */
static struct stray_row {
    const char *name, *peer, *recipient;
    size_t at;
} stray_rows[] = {
    {"by another's intermediary", "von-b", "an-beheim", 1},
    {"to another's partner", "von-a", "dritter-b", 0},
    {"to another's, by another's", "von-b", "dritter-b", 1},
};

static void test_stray(void **state)
{
    const struct stray_row *row = *state;
    struct world w;
    char id[GW_ID_SIZE];
    struct gw_message_row m;

    world_open(&w, "");
    helper_message_row(&w.towns,
                       &(struct gw_message_row){.peer = row->peer,
                                                .recipient = row->recipient,
                                                .expires_at = gw_now_ms() + 3600 * 1000},
                       SPAN("geheim"), id);
    assert_int_equal(send_once(&w, id, row->at), ST_DENIED);
    m = helper_message_of(&w.towns, &w.arena, id);
    assert_int_equal(m.state, GW_FAILED);
    assert_int_equal(m.last_reason, GW_R_TENANT_OTHER);
    assert_int_equal(helper_fake_requests(&w.fake), 0);
    world_close(&w);
}

static void test_redirect(void **state)
{
    const struct gw_cause cause = {.now = gw_now_ms(), .actor = "test"};
    struct helper_runtime h = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    char id[GW_ID_SIZE];
    struct error err = {0};

    (void)state;
    helper_runtime_open(&h, towns_yaml, "", NULL);
    helper_message_row(&h, &(struct gw_message_row){.peer = "von-a", .recipient = "an-beheim"},
                       SPAN("x"), id);
    assert_int_equal(
        gw_outbound_redirect(h.rt, id, gw_runtime_partner(h.rt, "dritter-b"), &cause, &err),
        ST_DENIED);
    assert_int_equal(err.reason, GW_R_TENANT_OTHER);
    assert_string_equal(helper_message_of(&h, &arena, id).recipient, "an-beheim");
    assert_int_equal(
        gw_outbound_redirect(h.rt, id, gw_runtime_partner(h.rt, "dritter-a"), &cause, &err), ST_OK);
    assert_string_equal(helper_message_of(&h, &arena, id).recipient, "dritter-a");
    helper_runtime_deinit(&h);
}

static void test_local(void **state)
{
    const struct gw_destination to = {.carrier = &gw_local_carrier, .name = GW_LOCAL_PEER};
    struct helper_runtime h = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    char id[GW_ID_SIZE];
    struct error err = {0};
    struct gw_message_row row;
    bool moved = false;
    void *talk;

    (void)state;
    helper_runtime_open(&h, towns_yaml, "", NULL);
    helper_message_row(&h,
                       &(struct gw_message_row){.peer = GW_LOCAL_PEER, .recipient = "ordnungsamt"},
                       SPAN("x"), id);
    talk = gw_local_carrier.talk_new(h.rt, &to);
    row = helper_message_of(&h, &arena, id);
    assert_int_equal(gw_local_carrier.send(talk, &row, false, &moved, &err), ST_DENIED);
    gw_local_carrier.talk_free(talk);
    row = helper_message_of(&h, &arena, id);
    assert_int_equal(row.state, GW_FAILED);
    assert_int_equal(row.last_reason, GW_R_TENANT_OTHER);
    assert_int_equal(helper_messages(&h, &arena, GW_INBOX, 0).count, 0);
    helper_runtime_deinit(&h);
}

/* ---- what comes in ---- */

static struct in_row {
    const char *name, *routes;
    const char *tenant, *peer, *recipient; /* who sends, by what, to whom */
    size_t from, at;                       /* and where it is fetched: the other's */
    const char *to, *endpoint;
    enum gw_state state;
    int reason;
} in_rows[] = {
    {"from A to B", "", "Ahausen", "von-a", "an-beheim", 0, 1, "Beheim", "ordnungsamt", GW_OPENED,
     0},
    {"from B to A", "", "Beheim", "von-b", "an-ahausen", 1, 0, "Ahausen", "bauamt", GW_OPENED, 0},
    {"a route for everybody that leads to its own endpoint",
     "routes: [{name: r, from: peers, to: bauamt}]\n", "Beheim", "von-b", "an-ahausen", 1, 0,
     "Ahausen", "bauamt", GW_OPENED, 0},
    {"a route for everybody that leads to another's endpoint",
     "routes: [{name: r, from: peers, to: bauamt}]\n", "Ahausen", "von-a", "an-beheim", 0, 1,
     "Beheim", "ordnungsamt", GW_QUARANTINED, GW_R_TENANT_OTHER},
    {"a route for everybody that leads onward to another's partner",
     "routes: [{name: r, from: peers, to: dritter-a}]\n", "Ahausen", "von-a", "an-beheim", 0, 1,
     "Beheim", "ordnungsamt", GW_QUARANTINED, GW_R_TENANT_OTHER},
};

static void test_in(void **state)
{
    const struct in_row *row = *state;
    struct world w;
    struct gw_message_list list;
    struct gw_detour none = {0};
    struct error err = {0};
    char id[GW_ID_SIZE];
    size_t count = 0;

    world_open(&w, row->routes);
    helper_message_row(&w.towns,
                       &(struct gw_message_row){.tenant = row->tenant,
                                                .peer = row->peer,
                                                .recipient = row->recipient,
                                                .subject = "typ",
                                                .expires_at = gw_now_ms() + 3600 * 1000},
                       SPAN("Hallo"), id);
    assert_int_equal(send_once(&w, id, row->from), ST_OK);
    assert_int_equal(
        gw_inbound_fetch(w.towns.rt, &w.towns.rt->peers[row->from], &none, &count, &err), ST_OK);
    assert_int_equal(count, 0); /* not in the sender's mailbox */
    if (gw_inbound_fetch(w.towns.rt, &w.towns.rt->peers[row->at], &none, &count, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_int_equal(count, 1);
    list = helper_messages(&w.towns, &w.arena, GW_INBOX, 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.rows[0].tenant, row->to);
    assert_string_equal(list.rows[0].recipient, row->to);
    assert_string_equal(list.rows[0].endpoint, row->endpoint);
    assert_int_equal(list.rows[0].state, row->state);
    assert_int_equal(list.rows[0].last_reason, row->reason);
    assert_int_equal(helper_messages(&w.towns, &w.arena, GW_OUTBOX, 0).count, 1); /* no onward */
    world_close(&w);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(bad_rows) + ARRAY_LEN(check_rows) + ARRAY_LEN(out_rows) +
                            ARRAY_LEN(stray_rows) + ARRAY_LEN(in_rows) + 5] = {
        cmocka_unit_test(test_good), cmocka_unit_test(test_one), cmocka_unit_test(test_runtime),
        cmocka_unit_test(test_redirect), cmocka_unit_test(test_local)};
    size_t n = 5;

    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++)
        tests[n++] =
            (struct CMUnitTest){bad_rows[i].name, test_bad, NULL, NULL, (void *)&bad_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(check_rows); i++)
        tests[n++] =
            (struct CMUnitTest){check_rows[i].name, test_check, NULL, NULL, (void *)&check_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(out_rows); i++)
        tests[n++] =
            (struct CMUnitTest){out_rows[i].name, test_out, NULL, NULL, (void *)&out_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(stray_rows); i++)
        tests[n++] =
            (struct CMUnitTest){stray_rows[i].name, test_stray, NULL, NULL, (void *)&stray_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(in_rows); i++)
        tests[n++] = (struct CMUnitTest){in_rows[i].name, test_in, NULL, NULL, (void *)&in_rows[i]};
    gw_worker_setup(4);
    return cmocka_run_group_tests_name("tenancy", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}
