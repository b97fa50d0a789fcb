/* Trust in the settings: by purpose, for all, a tenant, an intermediary, a partner; and for nobody
 * else */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/trust.h"
#include "helper_chain.h"
#include "helper_pki.h"

/* ---- certificates ---- */

#define YEAR_2100 INT64_C(4102444800000)
static char dir[64];

static void file_write(const char *name, struct span bytes)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

#define SIGNS_ONLY                                                                                 \
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n" CHAIN_IDS
#define ENCIPHERS_ONLY                                                                             \
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,keyEncipherment\n" CHAIN_IDS
#define SERVER_ONLY                                                                                \
    "basicConstraints=critical,CA:FALSE\n" CHAIN_KU "extendedKeyUsage=serverAuth\n" CHAIN_IDS
#define CLIENT_ONLY                                                                                \
    "basicConstraints=critical,CA:FALSE\n" CHAIN_KU "extendedKeyUsage=clientAuth\n" CHAIN_IDS

/* A is ours, B another's, S a CA below A that nobody has beside it; C is known to nobody. */
static const struct file {
    const char *name;
    struct chain_node node;
} files[] = {
    {"a", {.id = 'A', .issuer = 'A', .until = YEAR_2100}},
    {"b", {.id = 'B', .issuer = 'B', .until = YEAR_2100}},
    {"s", {.id = 'S', .issuer = 'A'}},
    {"ended", {.id = 'A', .issuer = 'A', .until = PKI_2026}},
    {"of-a", {.id = 'L', .issuer = 'A'}},
    {"of-b", {.id = 'L', .issuer = 'B'}},
    {"of-s", {.id = 'L', .issuer = 'S'}},
    {"of-c", {.id = 'L', .issuer = 'C'}},
    {"other-of-a", {.id = 'L', .issuer = 'A', .key = 'M', .cn = "Stadt Beheim"}},
    {"expired", {.id = 'L', .issuer = 'A', .from = PKI_2026 - 2000, .until = PKI_2026}},
    {"signs", {.id = 'L', .issuer = 'A', .ext = SIGNS_ONLY}},
    {"enciphers", {.id = 'L', .issuer = 'A', .ext = ENCIPHERS_ONLY}},
    {"server", {.id = 'L', .issuer = 'A', .ext = SERVER_ONLY}},
    {"client", {.id = 'L', .issuer = 'A', .ext = CLIENT_ONLY}},
    {"policy", {.id = 'L', .issuer = 'A', .more = "certificatePolicies=1.2.276.0.76.4.1\n"}},
};

static int files_make(void **state)
{
    (void)state;
    (void)strcpy(dir, "/tmp/test_trust_settings.XXXXXX");
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        AUTO(buf_deinit) struct buf pem = {0};

        chain_cert_pem(&files[i].node, &pem);
        file_write(files[i].name, buf_span(&pem));
    }
    return 0;
}

static int files_drop(void **state)
{
    char path[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s.pem", dir, files[i].name);
        (void)unlink(path);
    }
    chain_keys_drop();
    return rmdir(dir);
}

/* ---- settings ---- */

#define PAIR "{certificate: c.pem, key: k.pem}"
#define IDENTITY "identity: {signature: " PAIR ", cipher: " PAIR "}"
#define WAY "url: 'http://h/', cipher_certificate: i.pem"

/* Where a block of trust may stand: two of each, of which the first is tried. */
enum level { FOR_ALL, TENANT, PEER, PARTNER, SERVER, SERVER_TENANT, LEVELS };

struct blocks {
    const char *at[LEVELS];    /* of the first; NULL: none */
    const char *other[LEVELS]; /* of the second */
};

static void trust_put(struct buf *b, const char *text)
{
    if (text != NULL)
        buf_printf(b, ", trust: {%s}", text);
}

static void town_put(struct buf *b, const char *fmt, const char *const *at, enum level level)
{
    buf_str(b, fmt);
    trust_put(b, at[level]);
    buf_str(b, "}\n");
}

static const struct gw_config *settings(const struct blocks *blocks)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(buf_deinit) struct buf b = {0}, text = {0};
    const struct gw_config *config = NULL;
    struct error err = {0};
    char name[128];

    buf_init(&b, 64 * 1024);
    buf_init(&text, 64 * 1024);
    buf_printf(&b, "trust: {%s}\ntenants:\n",
               blocks->at[FOR_ALL] == NULL ? "" : blocks->at[FOR_ALL]);
    town_put(&b, "  - {name: A, " IDENTITY, blocks->at, TENANT);
    town_put(&b, "  - {name: B, " IDENTITY, blocks->other, TENANT);
    buf_str(&b, "intermediaries:\n");
    town_put(&b, "  - {name: a, tenant: A, " WAY, blocks->at, PEER);
    town_put(&b, "  - {name: a2, tenant: A, " WAY, blocks->other, PEER);
    town_put(&b, "  - {name: b, tenant: B, " WAY, (const char *const[LEVELS]){0}, PEER);
    buf_str(&b, "partners:\n");
    town_put(&b, "  - {name: X, intermediary: a, cipher_certificate: x.pem", blocks->at, PARTNER);
    town_put(&b, "  - {name: X2, intermediary: a, cipher_certificate: x.pem", blocks->other,
             PARTNER);
    town_put(&b, "  - {name: Y, intermediary: b, cipher_certificate: x.pem",
             (const char *const[LEVELS]){0}, PARTNER);
    buf_str(&b, "endpoints:\n"
                "  - {name: ea, tenant: A, parties: [pa]}\n"
                "  - {name: eb, tenant: B, parties: [pb]}\n"
                "xta_server:\n  instance: x\n  listeners: [{port: 1, tls: " PAIR
                ", client_authorities: [l.pem]}]\n"
                "  accounts:\n    - {name: ma, certificates: [m.pem], parties: [pa]}\n"
                "    - {name: mb, certificates: [m2.pem], parties: [pb]}\n"
                "osci_server:\n  listeners: [{port: 1}]\n  self_registering: true\n");
    if (blocks->at[SERVER] != NULL)
        buf_printf(&b, "  trust: {%s}\n", blocks->at[SERVER]);
    buf_str(&b, "  tenants:\n");
    town_put(&b, "    - {name: S1, path: /1, self_registering: true, " IDENTITY, blocks->at,
             SERVER_TENANT);
    town_put(&b, "    - {name: S2, path: /2, self_registering: true, " IDENTITY, blocks->other,
             SERVER_TENANT);
    gw_config_report_init(&report);
    (void)snprintf(name, sizeof name, "%s/depesche.yaml", dir);
    if (gw_config_read(buf_span(&b), name, &config, &report, &err) != ST_OK) {
        gw_config_report_text(&report, GW_LANG_EN, &text);
        fail_msg("%s\n%s", buf_cstr(&text), buf_cstr(&b));
    }
    return config;
}

/* Those who are asked, by name. */
static const struct gw_trust_scope *scope_of(const struct gw_trust *trust,
                                             const struct gw_config *config, const char *who)
{
    if (strlen(who) == 3) /* all */
        return gw_trust_for_all(trust);
    switch (who[0]) {
    case 'A':
    case 'B':
        return gw_trust_for_tenant(trust, gw_config_tenant(config, who));
    case 'X':
    case 'Y':
        return gw_trust_for_partner(trust, gw_config_partner(config, who));
    case 'm':
        return gw_trust_for_account(trust, &config->xta_server->accounts[who[1] == 'b']);
    case 'S':
        return gw_trust_for_server(trust, who[1] == '\0'
                                              ? config->osci_server
                                              : &config->osci_server->tenants[who[1] - '1']);
    default:
        return gw_trust_for_peer(trust, gw_config_intermediary(config, who));
    }
}

/* ---- each purpose, at each place ---- */

static const struct purpose {
    enum cert_purpose purpose;
    const char *key, *name, *wrong; /* wrong: a certificate that is for something else */
} purposes[] = {
    {CERT_FOR_OSCI_SIGNATURE, "signing", "for signing", "enciphers"},
    {CERT_FOR_OSCI_CIPHER, "enciphering", "for enciphering", "signs"},
    {CERT_FOR_TLS_SERVER, "tls_servers", "for TLS servers", "client"},
    {CERT_FOR_XTA_CLIENT, "xta_clients", "for XTA clients", "server"},
};

/* Who is inside the place, besides who is not; and what its store is called in verdicts. */
static const struct spot {
    const char *name, *inside, *outside;
    const char *place, *owner; /* its store is called by both, with the purpose between */
    size_t purposes;           /* the first so many */
} spots[LEVELS] = {
    [FOR_ALL] = {"for all", "all A B a a2 b X X2 Y S S1 S2", "", "trust.", "", 4},
    [TENANT] = {"of a tenant", "A a a2 X X2", "all B b Y S S1 S2", "tenants.trust.", " (A)", 4},
    [PEER] = {"of an intermediary", "a X X2", "all A B a2 b Y S S1 S2", "intermediaries.trust.",
              " (a)", 3},
    [PARTNER] = {"of a partner", "X", "all A B a a2 b X2 Y S S1 S2", "partners.trust.", " (X)", 2},
    [SERVER] = {"of our intermediary", "S S1 S2", "all A B a a2 b X X2 Y", "osci_server.trust.", "",
                3},
    [SERVER_TENANT] = {"of one of several intermediaries", "S1", "all A B a a2 b X X2 Y S S2",
                       "osci_server.tenants.trust.", " (S1)", 3},
};

/* What stands at the place; cert NULL: the purpose's wrong one. */
static const struct
try {
    const char *name, *store, *cert;
    const char *check; /* that refuses inside; NULL: it is believed */
    bool wider;        /* the other's CA stands further out, and believes what is refused here */
}
tries[] = {
    {"the right store", "authorities: [a.pem]", "of-a", NULL, false},
    {"a way over an intermediate", "authorities: [a.pem], intermediates: [s.pem]", "of-s", NULL,
     false},
    {"an intermediate is no anchor", "authorities: [b.pem], intermediates: [s.pem]", "of-s",
     "issuer", false},
    {"another's store", "authorities: [a.pem]", "of-b", "issuer", true},
    {"the right pin", "pinned: [of-c.pem]", "of-c", NULL, false},
    {"a wrong pin", "pinned: [other-of-a.pem]", "of-a", "issuer", false},
    {"pins alone take nothing from further out", "pinned: [of-c.pem]", "of-b", "issuer", true},
    {"nobody is named", "", "of-b", "issuer", true},
    {"expired", "authorities: [a.pem]", "expired", "validity", false},
    {"pinned and expired", "pinned: [expired.pem]", "expired", "validity", false},
    {"an anchor that has expired", "authorities: [ended.pem]", "of-a", "validity", false},
    {"a wrong usage", "authorities: [a.pem]", NULL, "key usage", false},
    {"pinned, with a wrong usage", "pinned: [signs.pem, enciphers.pem, server.pem, client.pem]",
     NULL, "key usage", false},
    {"a policy that is there", "authorities: [a.pem], policies: [1.2.276.0.76.4.1]", "policy", NULL,
     false},
    {"a policy that is not", "authorities: [a.pem], policies: [1.2.276.0.76.4.1]", "of-a", "chain",
     false},
};

static void judge(const struct gw_trust *trust, const struct gw_config *config, const char *who,
                  enum cert_purpose purpose, const char *name, struct cert_verdict *verdict)
{
    AUTO(cert_drop) struct cert *cert = NULL;
    AUTO(pki_file_drop) struct span pem = {0};
    struct error err = {0};
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    pem = pki_file(path);
    assert_int_equal(cert_from_pem(pem, &cert, &err), ST_OK);
    assert_int_equal(cert_check(gw_trust_store(scope_of(trust, config, who)), NULL, cert, NULL, 0,
                                purpose, PKI_NOW, verdict, &err),
                     ST_OK);
}

/* Whoever is outside does not believe what the place believes. */
static void outside_check(const struct gw_trust *trust, const struct gw_config *config,
                          const struct spot *spot, const struct purpose *p, const struct try *t)
{
    const char *cert = t->cert == NULL ? p->wrong : t->cert;
    char *names = strdup(spot->outside), *rest = NULL;

    assert_non_null(names);
    for (char *who = strtok_r(names, " ", &rest); who != NULL; who = strtok_r(NULL, " ", &rest)) {
        struct cert_verdict v;

        judge(trust, config, who, p->purpose, cert, &v);
        if (cert_verdict_good(&v) != t->wider)
            fail_msg("%s %s, %s, %s believes it: %d %s", p->key, spot->name, t->name, who,
                     !t->wider, v.reason);
    }
    free(names);
}

static void inside_check(const struct gw_trust *trust, const struct gw_config *config,
                         const struct spot *spot, const struct purpose *p, const struct try *t)
{
    char *names = strdup(spot->inside), *rest = NULL;
    char by[128];

    assert_non_null(names);
    (void)snprintf(by, sizeof by, ", by %s%s%s", spot->place, p->key, spot->owner);
    for (char *who = strtok_r(names, " ", &rest); who != NULL; who = strtok_r(NULL, " ", &rest)) {
        struct cert_verdict v;

        judge(trust, config, who, p->purpose, t->cert == NULL ? p->wrong : t->cert, &v);
        if (t->check == NULL) {
            assert_string_equal(v.reason, "");
            assert_true(cert_verdict_good(&v));
            continue;
        }
        assert_false(cert_verdict_good(&v));
        assert_string_equal(v.check, t->check);
        if (strstr(v.reason, p->name) == NULL || strstr(v.reason, by) == NULL ||
            strstr(v.reason, "(serial ") == NULL)
            fail_msg("%s %s, %s: '%s' does not say '%s'", p->key, spot->name, t->name, v.reason,
                     by);
    }
    free(names);
}

static void try_one(enum level level, const struct purpose *p, const struct try *t)
{
    struct blocks blocks = {0};
    AUTO(gw_config_drop) const struct gw_config *config = NULL;
    AUTO(gw_trust_drop) struct gw_trust *trust = NULL;
    struct error err = {0};
    char block[256], wider[64];

    (void)snprintf(wider, sizeof wider, "%s: {authorities: [b.pem]}", p->key);
    (void)snprintf(block, sizeof block, "%s: {%s}", p->key, t->store);
    if (level != FOR_ALL && t->wider)
        blocks.at[FOR_ALL] = wider;
    blocks.at[level] = block;
    config = settings(&blocks);
    if (gw_trust_new(config, &trust, &err) != ST_OK)
        fail_msg("%s", err.text);
    inside_check(trust, config, &spots[level], p, t);
    outside_check(trust, config, &spots[level], p, t);
}

static void place(void **state)
{
    const struct spot *spot = *state;

    for (size_t i = 0; i < spot->purposes; i++)
        for (size_t k = 0; k < ARRAY_LEN(tries); k++)
            try_one((enum level)(spot - spots), &purposes[i], &tries[k]);
}

/* ---- what decides ---- */

/* Whom the one who asks believes, of two CAs: "a", "b", "ab", or "" */
static struct rule_row {
    const char *name;
    struct blocks blocks;
    const char *who;
    const char *believed[ARRAY_LEN(purposes)];
} rule_rows[] = {
    {"plain lists, as ever",
     {.at = {[FOR_ALL] = "osci: [a.pem], tls: [b.pem]"}},
     "all",
     {"a", "a", "b", "b"}},
    {"a plain list with a certificate that is no CA",
     {.at = {[FOR_ALL] = "tls: [of-a.pem]"}},
     "all",
     {"", "", "a", "a"}},
    {"a store beside a plain list",
     {.at = {[FOR_ALL] = "osci: [a.pem], signing: {authorities: [b.pem]}"}},
     "all",
     {"b", "a", "", ""}},
    {"a tenant without anything",
     {.at = {[FOR_ALL] = "osci: [a.pem], tls: [a.pem]"}},
     "A",
     {"a", "a", "a", "a"}},
    {"a tenant's plain list",
     {.at = {[FOR_ALL] = "osci: [a.pem], tls: [a.pem]", [TENANT] = "osci: [b.pem]"}},
     "A",
     {"b", "b", "a", "a"}},
    {"which is not the other's",
     {.at = {[FOR_ALL] = "osci: [a.pem], tls: [a.pem]", [TENANT] = "osci: [b.pem], tls: [b.pem]"}},
     "B",
     {"a", "a", "a", "a"}},
    {"a tenant's plain list against a store for all",
     {.at = {[FOR_ALL] = "signing: {authorities: [a.pem]}", [TENANT] = "osci: [b.pem]"}},
     "A",
     {"b", "b", "", ""}},
    {"two tenants",
     {.at = {[TENANT] = "osci: [a.pem]"}, .other = {[TENANT] = "osci: [b.pem]"}},
     "B",
     {"b", "b", "", ""}},
    {"a partner says something about one purpose",
     {.at = {[TENANT] = "osci: [a.pem]", [PARTNER] = "signing: {authorities: [b.pem]}"}},
     "X",
     {"b", "a", "", ""}},
    {"a partner through what its intermediary says",
     {.at = {[TENANT] = "osci: [a.pem]", [PEER] = "osci: [b.pem]"}},
     "X2",
     {"b", "b", "", ""}},
    {"an account by its tenant",
     {.at = {[FOR_ALL] = "tls: [a.pem]", [TENANT] = "xta_clients: {authorities: [b.pem]}"}},
     "ma",
     {"", "", "a", "b"}},
    {"an account by another tenant",
     {.at = {[FOR_ALL] = "tls: [a.pem]", [TENANT] = "xta_clients: {authorities: [b.pem]}"}},
     "mb",
     {"", "", "a", "a"}},
    {"our intermediary is not its tenant",
     {.at = {[FOR_ALL] = "osci: [a.pem]", [TENANT] = "osci: [b.pem]"}},
     "S",
     {"a", "a", "", ""}},
    {"one of several intermediaries",
     {.at = {[SERVER] = "osci: [a.pem]", [SERVER_TENANT] = "signing: {authorities: [b.pem]}"}},
     "S1",
     {"b", "a", "", ""}},
};

static void rule(void **state)
{
    const struct rule_row *row = *state;
    AUTO(gw_config_drop) const struct gw_config *config = settings(&row->blocks);
    AUTO(gw_trust_drop) struct gw_trust *trust = NULL;
    struct error err = {0};

    if (gw_trust_new(config, &trust, &err) != ST_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < ARRAY_LEN(purposes); i++) {
        struct cert_verdict a, b;
        char got[3] = "";

        judge(trust, config, row->who, purposes[i].purpose, "of-a", &a);
        judge(trust, config, row->who, purposes[i].purpose, "of-b", &b);
        (void)snprintf(got, sizeof got, "%s%s", cert_verdict_good(&a) ? "a" : "",
                       cert_verdict_good(&b) ? "b" : "");
        assert_string_equal(got, row->believed[i]);
    }
}

/* ---- what cannot be read ---- */

static struct unread_row {
    const char *name, *block, *text;
} unread_rows[] = {
    {"a file that is not there", "signing: {authorities: [none.pem]}", "tenants.trust.signing (A)"},
    {"a certificate that may issue nothing", "signing: {authorities: [of-a.pem]}",
     "is no CA certificate"},
    {"the same as an intermediate", "signing: {authorities: [a.pem], intermediates: [of-a.pem]}",
     "is no CA certificate"},
    {"the same in a plain list", "osci: [of-a.pem]", "tenants.trust.osci (A)"},
};

static void unread(void **state)
{
    const struct unread_row *row = *state;
    const struct blocks blocks = {.at = {[TENANT] = row->block}};
    AUTO(gw_config_drop) const struct gw_config *config = settings(&blocks);
    struct gw_trust *trust = NULL;
    struct error err = {0};

    assert_int_not_equal(gw_trust_new(config, &trust, &err), ST_OK);
    assert_non_null(strstr(err.text, row->text));
    assert_null(trust);
}

/* ---- what check-config says ---- */

static struct finding_row {
    const char *name, *block, *partner;
    int code, line; /* 0: nothing about trust */
    const char *text;
} finding_rows[] = {
    {"all is well", "osci: [a.pem, b.pem]", "", 0, 0, NULL},
    {"a store that names nobody", "osci: [a.pem, b.pem], tls_servers: {}", "",
     GW_R_CONFIG_TRUST_EMPTY, 5, "'tenants.trust.tls_servers (A)' names nobody"},
    {"a partner's store that names nobody", "osci: [a.pem, b.pem]",
     "enciphering: {intermediates: [s.pem]}", GW_R_CONFIG_TRUST_EMPTY, 9,
     "'partners.trust.enciphering (X)' names nobody"},
    {"an anchor that has expired", "osci: [a.pem, b.pem, ended.pem]", "", GW_R_CONFIG_TRUST_EXPIRED,
     5, "'tenants.trust.osci (A)': "},
    {"a pin that has expired", "osci: [a.pem, b.pem], tls_servers: {pinned: [expired.pem]}", "",
     GW_R_CONFIG_TRUST_EXPIRED, 5, "expired on 2026-01-01"},
    {"a file that is not there", "signing: {authorities: [none.pem]}", "", GW_R_CONFIG_FILE_MISSING,
     5, "none.pem"},
    {"a certificate that may issue nothing", "osci: [of-a.pem]", "", GW_R_CONFIG_CERTIFICATE, 5,
     "is no CA certificate"},
    {"no policy", "signing: {authorities: [a.pem], policies: [x.y]}", "", GW_R_CONFIG_VALUE, 5,
     "x.y"},
    {"a partner nobody vouches for", "osci: [a.pem]", "", GW_R_CONFIG_TRUST_NEVER, 9,
     "'partners.signature_certificates': the certificate in"},
    {"and where it was looked up", "osci: [a.pem]", "", GW_R_CONFIG_TRUST_NEVER, 9,
     "by tenants.trust.osci (A)"},
    {"whom another place would believe", "osci: [a.pem, b.pem]", "signing: {authorities: [a.pem]}",
     GW_R_CONFIG_TRUST_NEVER, 9, "by partners.trust.signing (X)"},
    {"pinned", "osci: [a.pem]", "signing: {pinned: [of-b.pem]}", 0, 0, NULL},
    {"a usage that never fits", "osci: [a.pem], signing: {pinned: [of-b.pem]}",
     "enciphering: {pinned: [signs.pem]}", GW_R_CONFIG_TRUST_NEVER, 9,
     "'partners.cipher_certificate': "},
};

static bool is_trust(int code)
{
    return code == GW_R_CONFIG_TRUST_EMPTY || code == GW_R_CONFIG_TRUST_EXPIRED ||
           code == GW_R_CONFIG_TRUST_NEVER;
}

static void key_copy(const char *name)
{
    AUTO(pki_file_drop) struct span key = {0};
    char path[256];

    (void)snprintf(path, sizeof path, TEST_VECTORS "/osci12/keys/%s.key.pem", name);
    key = pki_file(path);
    file_write(name, key);
    (void)snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    assert_int_equal(chmod(path, 0600), 0);
}

static void key_remove(const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    assert_int_equal(unlink(path), 0);
}

#define SIGNS "originator-signature-2048"
#define OPENS "originator-cipher-2048"
#define OWN(name) "{certificate: " TEST_VECTORS "/osci12/keys/" name ".cert.pem, key: " name ".pem}"

static void findings_expect(const struct gw_config_report *report, const struct finding_row *row)
{
    bool found = false;

    for (size_t i = 0; i < report->count; i++) {
        const struct gw_config_finding *f = &report->findings[i];

        if (row->code == 0 && is_trust(f->code))
            fail_msg("%d: %s", f->line, f->en);
        found = found || (f->code == row->code && f->line == row->line &&
                          strstr(f->en, row->text) != NULL && f->warning == is_trust(row->code));
    }
    if (row->code == 0 || found)
        return;
    for (size_t i = 0; i < report->count; i++)
        print_message("%d: %s\n", report->findings[i].line, report->findings[i].en);
    fail_msg("nothing of %d in line %d with '%s'", row->code, row->line, row->text);
}

static void finding(void **state)
{
    const struct finding_row *row = *state;
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(gw_config_drop) const struct gw_config *config = NULL;
    struct error err = {0};
    char path[128], yaml[2048];
    int len = snprintf(yaml, sizeof yaml,
                       "state: state\n"
                       "tenant:\n"
                       "  name: A\n"
                       "  identity: {signature: " OWN(SIGNS) ", cipher: " OWN(
                           OPENS) "}\n"
                                  "  trust: {%s}\n"
                                  "intermediaries:\n"
                                  "  - {name: a, url: 'http://h/', cipher_certificate: of-c.pem}\n"
                                  "partners:\n"
                                  "  - {name: X, intermediary: a, cipher_certificate: %s, "
                                  "signature_certificates: [of-b.pem], trust: {%s}}\n",
                       row->block, strstr(row->partner, "signs") == NULL ? "of-a.pem" : "signs.pem",
                       row->partner);

    key_copy(SIGNS);
    key_copy(OPENS);
    file_write("settings", span_of(yaml, (size_t)len));
    (void)snprintf(path, sizeof path, "%s/settings.pem", dir);
    gw_config_report_init(&report);
    if (gw_config_load(path, &config, &report, &err) != ST_OK && is_trust(row->code))
        fail_msg("%s", err.text);
    findings_expect(&report, row);
    key_remove("settings");
    key_remove(SIGNS);
    key_remove(OPENS);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(spots) + ARRAY_LEN(rule_rows) + ARRAY_LEN(unread_rows) +
                            ARRAY_LEN(finding_rows)];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(spots); i++)
        tests[count++] =
            (struct CMUnitTest){spots[i].name, place, NULL, NULL, (void *)(uintptr_t)&spots[i]};
    for (size_t i = 0; i < ARRAY_LEN(rule_rows); i++)
        tests[count++] = (struct CMUnitTest){rule_rows[i].name, rule, NULL, NULL, &rule_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(unread_rows); i++)
        tests[count++] =
            (struct CMUnitTest){unread_rows[i].name, unread, NULL, NULL, &unread_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(finding_rows); i++)
        tests[count++] =
            (struct CMUnitTest){finding_rows[i].name, finding, NULL, NULL, &finding_rows[i]};
    return cmocka_run_group_tests_name("trust_settings", tests, files_make, files_drop);
}
