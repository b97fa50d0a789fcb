/*
 * Faults, brought about as far as a test can, and what `depesche why` says of each: the code, on
 * whose side it is, and the next step. Those of XTA servers and of our own keys: test_why_xta.c.
 * The command asks a real API over a real store; the intermediary is one that misbehaves on demand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "certs/demo_pki.h"
#include "gateway/api.h"
#include "gateway/cli.h"
#include "gateway/http_server.h"
#include "gateway/lane.h"
#include "gateway/outbound.h"
#include "gateway/payload.h"
#include "gateway/spool.h"
#include "gateway/worker.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_fake.h"
#include "tests/unit/helper_store.h"
#include "tests/unit/helper_tls.h"
#include "tests/unit/helper_why.h"

#define DAY INT64_C(86400000)

enum tls_kind { TLS_GOOD, TLS_EXPIRED, TLS_OTHER_NAME, TLS_WANTS_CLIENT, TLS_KINDS };

struct world {
    struct helper_fake fake;
    struct helper_runtime a;
    struct gw_api_server *api;
    struct gw_spool_endpoint spool;
    struct test_cert ca, other_ca, certs[TLS_KINDS];
    struct gw_tls *contexts[TLS_KINDS];
    struct gw_http_server *tls[TLS_KINDS];
    int mute; /* a socket that takes connections and never says anything */
    struct arena arena;
};

static const char town_yaml[] = "api: { socket: {dir}/api.sock }\n"
                                "retry: { first_seconds: 60, max_seconds: 120 }\n"
                                "limits: { message_max_mb: 1 }\n"
                                "endpoints:\n"
                                "  - name: bauamt\n"
                                "    folder: {dir}/bauamt\n"
                                "    receives: { default: true }\n"
                                "    routes:\n"
                                "      - {files: \"*.txt\", partner: Beheim}\n"
                                "      - {files: \"*.xml\", xpath: \"//Empf\"}\n";
static const char partners_yaml[] = "  - name: Altstadt\n"
                                    "    intermediary: demo\n"
                                    "    cipher_certificate: {dir}/expired.pem\n"
                                    "  - name: Neustadt\n"
                                    "    intermediary: demo\n"
                                    "    cipher_certificate: {dir}/early.pem\n"
                                    "  - name: Irgendwo\n"
                                    "    intermediary: demo\n"
                                    "    cipher_certificate: {dir}/stranger.pem\n"
                                    "  - name: Vertauscht\n"
                                    "    intermediary: demo\n"
                                    "    cipher_certificate: {dir}/purpose.pem\n";

/* ---- the world ---- */

static void on_tls_request(void *ctx, struct gw_http_request *req)
{
    (void)ctx;
    gw_http_answer_text(req, 200, NULL);
}

static void tls_open(struct world *w, enum tls_kind kind)
{
    const struct test_cert *cert = &w->certs[kind];
    const struct gw_tls_conf conf = {.cert_pem = buf_span(&cert->cert),
                                     .key_pem = buf_span(&cert->key),
                                     .client = kind == TLS_WANTS_CLIENT ? GW_TLS_ASK_REQUIRED
                                                                        : GW_TLS_ASK_NONE,
                                     .client_ca_pem = buf_span(&w->ca.cert)};
    struct gw_http_listen listen = {.host = "127.0.0.1",
                                    .spool_dir = w->a.rt->temp_dir,
                                    .limits = gw_http_limits_default(),
                                    .handler = {.on_complete = on_tls_request}};
    struct error err = {0};

    assert_int_equal(gw_tls_new(&conf, &w->contexts[kind], &err), ST_OK);
    listen.tls = w->contexts[kind];
    assert_int_equal(gw_http_server_new(w->a.loop, &listen, &w->tls[kind], &err), ST_OK);
}

static void on_stop(void *ctx)
{
    struct world *w = ctx;

    for (int i = 0; i < TLS_KINDS; i++)
        gw_http_server_close(w->tls[i], 100);
}

static void certs_make(struct world *w)
{
    const struct test_cert_spec specs[] = {
        [TLS_GOOD] = {"good", "DNS:localhost", &w->ca, false, 30},
        [TLS_EXPIRED] = {"old", "DNS:localhost", &w->ca, false, 1},
        [TLS_OTHER_NAME] = {"other", "DNS:elsewhere.invalid", &w->ca, false, 30},
        [TLS_WANTS_CLIENT] = {"strict", "DNS:localhost", &w->ca, false, 30}};

    test_cert_make(&w->ca, &(struct test_cert_spec){"CA", NULL, NULL, true, 30});
    test_cert_make(&w->other_ca, &(struct test_cert_spec){"Other", NULL, NULL, true, 30});
    for (int i = 0; i < TLS_KINDS; i++)
        test_cert_make(&w->certs[i], &specs[i]);
}

/* A partner's certificate by a CA of its own, in the folder of a town that is yet to open. */
static void partner_write(const struct helper_runtime *h, const char *name, int64_t from_days,
                          int64_t until_days, enum demo_kind kind, struct demo_ca *ca)
{
    struct demo_spec spec = {.organisation = "Test", .kind = kind};
    AUTO(demo_pair_deinit) struct demo_pair pair = {0};
    AUTO(buf_deinit) struct buf key = {0};
    struct error err = {0};

    helper_vector("osci12/keys/reader-cipher-2048.key.pem", &key);
    spec.key_pem = buf_span(&key);
    spec.from = gw_now_ms() + from_days * DAY;
    spec.until = gw_now_ms() + until_days * DAY;
    if (demo_ca_issue(ca, &spec, rng_system(), &pair, &err) != ST_OK)
        fail_msg("%s", err.text);
    helper_file(h, name, buf_span(&pair.cert_pem));
}

static void partners_write(const struct helper_runtime *h)
{
    AUTO(demo_ca_drop) struct demo_ca *ca = NULL, *stranger = NULL;
    AUTO(buf_deinit) struct buf key = {0}, other = {0};
    struct demo_spec spec = {
        .organisation = "Test", .from = gw_now_ms() - 100 * DAY, .until = gw_now_ms() + 100 * DAY};
    struct error err = {0};

    helper_vector("osci12/keys/reader-cipher-2048.key.pem", &key);
    spec.key_pem = buf_span(&key);
    assert_int_equal(demo_ca_new(&spec, rng_system(), &ca, &err), ST_OK);
    helper_vector("osci12/keys/addressee-cipher-2048.key.pem", &other);
    spec.organisation = "Stranger";
    spec.key_pem = buf_span(&other);
    assert_int_equal(demo_ca_new(&spec, rng_system(), &stranger, &err), ST_OK);
    helper_file(h, "ca.pem", buf_span(&demo_ca_pair(ca)->cert_pem));
    partner_write(h, "expired.pem", -20, -10, DEMO_CIPHER, ca);
    partner_write(h, "early.pem", 10, 20, DEMO_CIPHER, ca);
    partner_write(h, "purpose.pem", -10, 10, DEMO_SIGNATURE, ca);
    partner_write(h, "stranger.pem", -10, 10, DEMO_CIPHER, stranger);
}

static void mute_open(struct world *w)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    w->mute = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(w->mute >= 0);
    assert_int_equal(bind(w->mute, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(w->mute, 8), 0);
}

static int group_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    const char *trust = strstr(helper_town_yaml, "{keys}/ca.cert.pem");
    char yaml[8192], more[4096];
    struct error err = {0};

    assert_non_null(w);
    arena_init(&w->arena, 256 * 1024 * 1024);
    helper_fake_open(&w->fake, false);
    helper_dir_make(w->a.dir);
    partners_write(&w->a);
    (void)snprintf(yaml, sizeof yaml, "%.*s{dir}/ca.pem, %s", (int)(trust - helper_town_yaml),
                   helper_town_yaml, trust);
    (void)snprintf(more, sizeof more, "%s%s", partners_yaml, town_yaml);
    helper_runtime_open(&w->a, yaml, more, w->fake.url);
    if (gw_spool_endpoint_open(&w->spool, w->a.rt, gw_config_endpoint(w->a.conf, "bauamt"), &err) !=
            ST_OK ||
        gw_api_start(w->a.rt, &w->api, &err) != ST_OK)
        fail_msg("%s", err.text);
    certs_make(w);
    for (int i = 0; i < TLS_KINDS; i++)
        tls_open(w, (enum tls_kind)i);
    gw_loop_on_stop(w->a.loop, on_stop, w);
    mute_open(w);
    helper_runtime_run(&w->a);
    *state = w;
    return 0;
}

static int group_teardown(void **state)
{
    struct world *w = *state;

    (void)helper_runtime_stop(&w->a);
    gw_spool_endpoint_deinit(&w->spool);
    gw_api_server_free(w->api);
    helper_runtime_deinit(&w->a);
    helper_fake_close(&w->fake);
    test_cert_deinit(&w->ca);
    test_cert_deinit(&w->other_ca);
    for (int i = 0; i < TLS_KINDS; i++)
        gw_tls_free(w->contexts[i]);
    for (int i = 0; i < TLS_KINDS; i++)
        test_cert_deinit(&w->certs[i]);
    close(w->mute);
    arena_deinit(&w->arena);
    free(w);
    return 0;
}

/* ---- what is done to it ---- */

struct fault {
    const char *name;
    void (*inject)(struct world *w, const struct fault *f, char id[GW_ID_SIZE]);
    const char *arg; /* a script, a partner, a URL, a file's name */
    int number;      /* a feedback code, a status, a reason, days */
    int code;
    const char *side, *grade;
    const char *step_de, *step_en; /* part of what to do, or of what follows by itself */
};

/* The settings are const for all but tests. */
static struct gw_intermediary_conf *demo_conf(struct world *w)
{
    return (struct gw_intermediary_conf *)(uintptr_t)w->a.rt->peers[0].conf;
}

static void attempt(struct world *w, const char *id)
{
    struct gw_message_row row = helper_message_of(&w->a, &w->arena, id);
    struct gw_conversation talk;
    struct error err = {0};
    bool moved = false;

    gw_conversation_init(&talk, w->a.rt, &w->a.rt->peers[0]);
    (void)!gw_outbound_send(&talk, &row, &moved, &err);
    gw_conversation_close(&talk);
    assert_true(moved);
}

/* Each order by itself: getMessageId, then storeDelivery. */
static void by_script(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    demo_conf(w)->dialog = GW_DIALOG_IMPLICIT;
    helper_message_out(&w->a, "Beheim", SPAN("Hallo"), 0, id);
    w->fake.code = w->fake.status = f->number;
    helper_fake_script(&w->fake, f->arg);
    attempt(w, id);
    helper_fake_script(&w->fake, "");
}

static void by_url(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    struct gw_intermediary_conf *conf = demo_conf(w);
    const char *url = conf->url;

    helper_message_out(&w->a, "Beheim", SPAN("Hallo"), 0, id);
    conf->url = f->arg;
    attempt(w, id);
    conf->url = url;
}

static void by_silence(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    struct fault with = *f;
    char url[64];
    int64_t timeout = demo_conf(w)->timeout_seconds;

    assert_int_equal(getsockname(w->mute, (struct sockaddr *)&at, &len), 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/osci", ntohs(at.sin_port));
    with.arg = url;
    demo_conf(w)->timeout_seconds = 1;
    by_url(w, &with, id);
    demo_conf(w)->timeout_seconds = timeout;
}

static void by_tls(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    struct gw_peer *peer = &w->a.rt->peers[0];
    const struct gw_tls_client before = peer->tls.client;
    struct fault with = *f;
    char url[64];

    (void)snprintf(url, sizeof url, "https://localhost:%u/osci",
                   gw_http_server_port(w->tls[f->number]));
    with.arg = url;
    peer->tls.client.ca_pem = buf_span(f->arg == NULL ? &w->ca.cert : &w->other_ca.cert);
    by_url(w, &with, id);
    peer->tls.client = before;
}

/* arg: the partner. */
static void by_partner(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    helper_message_out(&w->a, f->arg, SPAN("Hallo"), 0, id);
    attempt(w, id);
}

static void by_payload(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files = {0};
    struct error err = {0};
    char path[512];

    helper_message_out(&w->a, "Beheim", SPAN("Hallo"), 0, id);
    assert_int_equal(gw_store_read(w->a.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &w->arena, id, &files, &err), ST_OK);
    gw_read_end(&tx);
    tx = NULL;
    (void)helper_path(&w->a, path, "state/%s", files.rows[0].path);
    if (f->number == 0) {
        assert_int_equal(unlink(path), 0);
    } else {
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, "b", 1), 1);
        close(fd);
    }
    attempt(w, id);
}

/* A file in the drop folder, which is taken in or refused. arg: name|content|meta */
static void by_drop(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    char *text = strdup(f->arg), *save = text, *name = strsep(&save, "|");
    const char *content = strsep(&save, "|"), *meta = strsep(&save, "|");
    AUTO(free_drop) char *large = calloc(1, 2 * 1024 * 1024);
    char path[512];
    struct error err = {0};
    int again_ms;

    id[0] = '\0';
    if (meta != NULL) {
        (void)snprintf(path, sizeof path, "bauamt/out/%s.meta.yaml", name);
        helper_file(&w->a, path, span_str(meta));
    }
    (void)snprintf(path, sizeof path, "bauamt/out/%s", name);
    helper_file(&w->a, path,
                f->code == GW_R_SPOOL_TOO_LARGE ? span_of(large, 2 * 1024 * 1024)
                                                : span_str(content));
    assert_int_equal(gw_spool_take(&w->spool, &again_ms, &err), ST_OK);
    free(text);
}

/* A step in the past. */
static void step(struct world *w, const char *id, enum gw_event event, int64_t days, int reason)
{
    const struct gw_explain_field fields[] = {{"sender", "Beheim"},
                                              {"recipient", "Beheim"},
                                              {"detail", "brief.txt"},
                                              {"subject", "CN=Beheim"},
                                              {"issuer", "CN=CA"},
                                              {"until", "2026-01-01"},
                                              {"days", "5"},
                                              {"algorithm", "md5"},
                                              {"message_type", "typ"},
                                              {"path", "/state"},
                                              {"folder", "/bauamt"},
                                              {"endpoint", "bauamt"},
                                              {"intermediary", "demo"},
                                              {"id", id}};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    struct gw_move move = {.id = id,
                           .event = event,
                           .next_attempt_at = gw_now_ms() + DAY,
                           .cause = {.now = gw_now_ms() - days * DAY, .actor = "test"}};
    struct error err = {0};

    buf_init(&en, 4096);
    buf_init(&de, 4096);
    if (reason != 0) {
        gw_explain_what(&en, reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
        gw_explain_what(&de, reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
        move.cause.reason = reason;
        move.cause.en = buf_cstr(&en);
        move.cause.de = buf_cstr(&de);
    }
    if (gw_store_commit_move(w->a.rt->store, &move, NULL, &err) != ST_OK)
        fail_msg("%s", err.text);
}

/* arg: steps, each three days earlier than told by number; the last one so many days ago */
static void by_steps(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    struct span rest = span_str(f->arg), word;
    enum gw_event event;

    helper_message_out(&w->a, "Beheim", SPAN("Hallo"), gw_now_ms() + DAY, id);
    while (span_split(&rest, ' ', &word) && word.len > 0) {
        assert_true(gw_event_of(word, &event));
        step(w, id, event, f->number, event == GW_EV_EXPIRE ? GW_R_EXPIRED : 0);
    }
}

/* An attempt that failed so. */
static void by_attempt(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    helper_message_out(&w->a, "Beheim", SPAN("Hallo"), gw_now_ms() + DAY, id);
    step(w, id, GW_EV_DEFER, 0, f->code);
}

static void by_plan(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    const struct gw_message_row row = {.id = id,
                                       .tenant = "Ahausen",
                                       .endpoint = "bauamt",
                                       .box = GW_OUTBOX,
                                       .peer = "demo",
                                       .recipient = "Beheim",
                                       .created_at = gw_now_ms(),
                                       .deliver_after = gw_now_ms() + f->number * DAY};
    const struct gw_cause cause = {.now = gw_now_ms(), .actor = "test"};
    struct error err = {0};

    assert_int_equal(gw_uuid_make(rng_system(), gw_now_ms(), id, &err), ST_OK);
    assert_int_equal(gw_store_commit_message(w->a.rt->store, &row, NULL, 0, &cause, NULL, &err),
                     ST_OK);
}

/* Two whose order is kept. */
static void by_order(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    struct gw_message_row row = {.id = id,
                                 .tenant = "Ahausen",
                                 .endpoint = "bauamt",
                                 .box = GW_OUTBOX,
                                 .peer = "demo",
                                 .recipient = f->arg,
                                 .keep_order = true,
                                 .created_at = gw_now_ms()};
    const struct gw_cause cause = {.now = gw_now_ms(), .actor = "test"};
    struct error err = {0};

    for (int i = 0; i < 2; i++) {
        assert_int_equal(gw_uuid_make(rng_system(), gw_now_ms(), id, &err), ST_OK);
        assert_int_equal(gw_store_commit_message(w->a.rt->store, &row, NULL, 0, &cause, NULL, &err),
                         ST_OK);
    }
}

/* An inbound message and its steps; the reason of the last one is the expected code, where it is
 * one that a step can have. number: days ago. */
static void by_inbound(struct world *w, const struct fault *f, char id[GW_ID_SIZE])
{
    const bool nobody = f->code == GW_R_NO_ENDPOINT_FOR_TYPE;
    const struct gw_message_row row = {.id = id,
                                       .tenant = "Ahausen",
                                       .endpoint = nobody ? NULL : "bauamt",
                                       .box = GW_INBOX,
                                       .peer = "demo",
                                       .sender = "Beheim",
                                       .message_type = "typ",
                                       .created_at = gw_now_ms()};
    const struct gw_cause cause = {.now = gw_now_ms() - f->number * DAY, .actor = "test"};
    struct span rest = span_str(f->arg), word;
    struct error err = {0};
    enum gw_event event;

    assert_int_equal(gw_uuid_make(rng_system(), gw_now_ms(), id, &err), ST_OK);
    assert_int_equal(gw_store_commit_message(w->a.rt->store, &row, NULL, 0, &cause, NULL, &err),
                     ST_OK);
    while (span_split(&rest, ' ', &word) && word.len > 0) {
        assert_true(gw_event_of(word, &event));
        step(w, id, event, f->number,
             event == GW_EV_QUARANTINE || event == GW_EV_DEFER || event == GW_EV_FAIL ? f->code
                                                                                      : 0);
    }
}

#define OSCI(number, side, grade, de, en)                                                          \
    {                                                                                              \
        "OSCI " #number, by_script, "X", number, number, side, grade, de, en                       \
    }
#define HTTP(number, code, side, grade, de, en)                                                    \
    {                                                                                              \
        "HTTP " #number, by_script, "U", number, code, side, grade, de, en                         \
    }
#define CERTS "certificates"
#define INTER "intermediary"
#define AGAIN_DE "nächster Versuch am"
#define AGAIN_EN "next attempt on"

static struct fault faults[] = {
    /* the way there */
    {"a name that nobody knows", by_url, "http://nirgends.invalid/osci", 0, GW_R_NET_NAME,
     "network", "trouble", "DNS", "DNS"},
    {"nobody listens", by_url, "http://127.0.0.1:1/osci", 0, GW_R_NET_REFUSED, "network", "trouble",
     "Firewall", "firewall"},
    {"silence", by_silence, NULL, 0, GW_R_NET_TIMEOUT, "network", "trouble", "Firewall",
     "firewall"},
    {"the line is cut", by_script, "N", 0, GW_R_NET_CUT, "network", "trouble", AGAIN_DE, AGAIN_EN},
    {"the answer is lost", by_script, "+L", 0, GW_R_NET_CUT, "network", "trouble",
     "wird nachgefragt, ob sie angekommen ist", "it is asked whether it has arrived"},
    {"a proxy answers instead", by_script, "G", 0, GW_R_NET_ANSWER, INTER, "trouble", "Proxy",
     "proxy"},
    {"an answer of before", by_script, "+R", 0, GW_R_NET_ANSWER, INTER, "trouble", "Proxy",
     "proxy"},
    {"unsigned and in the clear", by_script, "V", 0, GW_R_NET_ANSWER, INTER, "trouble", "Proxy",
     "proxy"},
    /* TLS */
    {"TLS: an authority that nobody believes", by_tls, "other", TLS_GOOD, GW_R_NET_TLS_TRUST, CERTS,
     "act", "trust.tls", "trust.tls"},
    {"TLS: expired", by_tls, NULL, TLS_EXPIRED, GW_R_NET_TLS_EXPIRED, CERTS, "act",
     "Zertifikat erneuern", "renew the certificate"},
    {"TLS: for another name", by_tls, NULL, TLS_OTHER_NAME, GW_R_NET_TLS_NAME, CERTS, "act",
     "mit dem Namen im Zertifikat vergleichen", "the name in the certificate"},
    {"TLS: it wants a certificate of ours", by_tls, NULL, TLS_WANTS_CLIENT, GW_R_NET_CLIENT_CERT,
     "own", "act", "unter tls ein Zertifikat eintragen", "Enter a certificate under tls"},
    {"TLS: but no OSCI behind it", by_tls, NULL, TLS_GOOD, GW_R_NET_ANSWER, INTER, "trouble",
     "Adresse", "address"},
    /* HTTP */
    HTTP(302, GW_R_NET_HTTP_REDIRECT, "own", "act", "neue Adresse", "new address"),
    HTTP(401, GW_R_NET_HTTP_AUTH, "own", "act", "Zugangsdaten", "credentials"),
    HTTP(403, GW_R_NET_HTTP_DENIED, INTER, "trouble", "freigeschaltet", "admitted"),
    HTTP(404, GW_R_NET_HTTP_PATH, "own", "act", "Pfad", "path"),
    HTTP(407, GW_R_NET_PROXY, "network", "trouble", "Proxy", "proxy"),
    HTTP(413, GW_R_NET_HTTP_LARGE, INTER, "trouble", "größere Grenze", "higher limit"),
    HTTP(429, GW_R_NET_HTTP_BUSY, INTER, "trouble", "von selbst", "by itself"),
    HTTP(500, GW_R_NET_ANSWER, INTER, "trouble", "Adresse", "address"),
    HTTP(501, GW_R_NET_HTTP_FAULT, INTER, "trouble", "Betreiber", "operator"),
    HTTP(502, GW_R_NET_HTTP_GATEWAY, INTER, "trouble", "Betreiber", "operator"),
    HTTP(503, GW_R_NET_HTTP_BUSY, INTER, "trouble", "von selbst", "by itself"),
    HTTP(504, GW_R_NET_HTTP_GATEWAY, INTER, "trouble", "Betreiber", "operator"),
    HTTP(418, GW_R_NET_HTTP, INTER, "trouble", "Pfad", "path"),
    /* what an intermediary says, signed */
    {"a fault that proves nothing", by_script, "F", 0, 9000, INTER, "trouble", "Betreiber",
     "operator"},
    OSCI(9500, "own", "act", "depesche events", "depesche events"),
    OSCI(9501, CERTS, "act", "Neues Zertifikat beschaffen", "new certificate"),
    OSCI(9502, CERTS, "act", "Neues Zertifikat beschaffen", "new certificate"),
    OSCI(9503, INTER, "trouble", "Betreiber", "operator"),
    OSCI(9600, "own", "act", "tenant.identity.signature", "tenant.identity.signature"),
    OSCI(9601, "own", "act", "Schlüssel und Zertifikat", "key and certificate"),
    OSCI(9602, "own", "act", "depesche events", "depesche events"),
    OSCI(9603, INTER, "trouble", AGAIN_DE, AGAIN_EN),
    OSCI(9700, CERTS, "act", "Neues Zertifikat beschaffen", "new certificate"),
    OSCI(9701, CERTS, "act", "Neues Zertifikat beschaffen", "new certificate"),
    OSCI(9705, CERTS, "act", "Neues Zertifikat beschaffen", "new certificate"),
    OSCI(9706, CERTS, "act", "Den Partner um sein aktuelles Zertifikat", "Ask the partner"),
    OSCI(9707, CERTS, "act", "Den Partner um sein aktuelles Zertifikat", "Ask the partner"),
    OSCI(9709, CERTS, "act", "Den Partner um sein aktuelles Zertifikat", "Ask the partner"),
    OSCI(9710, INTER, "trouble", AGAIN_DE, AGAIN_EN),
    OSCI(9800, "own", "act", "depesche events", "depesche events"),
    OSCI(9802, "own", "act", "dialog: explicit", "dialog: explicit"),
    OSCI(9805, "partner", "act", "Den Partner fragen", "Ask the partner"),
    OSCI(9811, INTER, "trouble", AGAIN_DE, AGAIN_EN),
    OSCI(9904, "application", "act", "aufteilen", "Split"),
    /* the partner's certificate, as we find it ourselves */
    {"the partner's certificate has expired", by_partner, "Altstadt", 0, GW_R_CERT_EXPIRED, CERTS,
     "act", "den Besitzer", "its owner"},
    {"the partner's certificate is not valid yet", by_partner, "Neustadt", 0, GW_R_CERT_NOT_YET,
     CERTS, "act", "Uhrzeit", "clock"},
    {"the partner's certificate is from a stranger", by_partner, "Irgendwo", 0, GW_R_CERT_UNTRUSTED,
     CERTS, "act", "trust.osci", "trust.osci"},
    {"the partner's certificate is for signatures", by_partner, "Vertauscht", 0, GW_R_CERT_PURPOSE,
     CERTS, "act", "vertauscht", "mixed up"},
    {"a partner that is not in the settings", by_partner, "Nirgendwo", 0, GW_R_PARTNER_UNKNOWN,
     "directory", "act", "unter partners", "under partners"},
    /* we ourselves */
    {"the service was stopped", by_attempt, NULL, 0, GW_R_STOPPING, "nobody", "trouble", AGAIN_DE,
     AGAIN_EN},
    /* the store */
    {"the payload is missing", by_payload, NULL, 0, GW_R_STORE_DAMAGED, "storage", "act",
     "Sicherung", "backup"},
    {"the payload has changed", by_payload, NULL, 1, GW_R_STORE_DAMAGED, "storage", "act",
     "Sicherung", "backup"},
    {"the disk is full", by_inbound, "defer", 0, GW_R_STORE_FULL, "storage", "act",
     "Platz schaffen", "Make space"},
    {"the disk is read-only", by_inbound, "defer", 0, GW_R_STORE_DENIED, "storage", "act", "chown",
     "chown"},
    {"another program holds the index", by_inbound, "defer", 0, GW_R_STORE_BUSY, "storage", "act",
     "Das andere Programm beenden", "End the other program"},
    /* the drop folder */
    {"drop: nobody knows to whom", by_drop, "a.bin|x", 0, GW_R_SPOOL_NO_ROUTE, "own", "act",
     "Route", "route"},
    {"drop: a meta file that is none", by_drop, "b.txt|x|recipient: [", 0, GW_R_SPOOL_BAD_META,
     "application", "act", "Begleitdatei", "meta file"},
    {"drop: a partner that there is not", by_drop, "c.txt|x|recipient: Atlantis\n", 0,
     GW_R_PARTNER_UNKNOWN, "directory", "act", "unter partners", "under partners"},
    {"drop: too large", by_drop, "e.txt|x", 0, GW_R_SPOOL_TOO_LARGE, "application", "act",
     "message_max_mb", "message_max_mb"},
    {"drop: not XML", by_drop, "f.xml|<a>", 0, GW_R_SPOOL_NOT_XML, "application", "act",
     "neu erzeugen", "anew"},
    {"drop: no recipient in it", by_drop, "g.xml|<a/>", 0, GW_R_SPOOL_XPATH_EMPTY, "application",
     "act", "Empfängerkennung", "identifier"},
    {"drop: an identifier that nobody has", by_drop, "h.xml|<Empf>0815</Empf>", 0,
     GW_R_ADDRESS_UNKNOWN, "directory", "act", "addresses", "addresses"},
    /* what came in */
    {"in: encrypted for somebody else", by_inbound, "quarantine", 0, GW_R_CONTENT_NOT_FOR_US,
     "partner", "act", "older_ciphers", "older_ciphers"},
    {"in: damaged", by_inbound, "quarantine", 0, GW_R_CONTENT_DAMAGED, "partner", "act",
     "neu zu erzeugen", "anew"},
    {"in: not signed", by_inbound, "quarantine", 0, GW_R_CONTENT_UNSIGNED, "partner", "act",
     "Absender", "sender"},
    {"in: signed by somebody else", by_inbound, "quarantine", 0, GW_R_CONTENT_AUTHOR, "partner",
     "act", "signature_certificates", "signature_certificates"},
    {"in: the author's certificate is revoked", by_inbound, "quarantine", 0, GW_R_CERT_REVOKED,
     CERTS, "act", "Besitzer", "owner"},
    {"in: a virus", by_inbound, "quarantine", 0, GW_R_SCAN_FINDING_IN, "partner", "act",
     "quarantine release", "quarantine release"},
    {"in: too large for the scanner", by_inbound, "quarantine", 0, GW_R_SCAN_TOO_LARGE_IN, "own",
     "act", "StreamMaxLength", "StreamMaxLength"},
    {"in: nobody receives this type", by_inbound, "", 0, GW_R_NO_ENDPOINT_FOR_TYPE, "own", "act",
     "receives", "receives"},
    {"in: the endpoint's folder is gone", by_inbound, "open defer", 0, GW_R_SPOOL_FOLDER, "own",
     "act", "Den Ordner anlegen", "Create the folder"},
    {"in: the scanner is away", by_inbound, "open defer", 0, GW_R_SCAN_UNAVAILABLE, "own", "act",
     "Scanner läuft", "scanner runs"},
    {"in: handed over", by_inbound, "open hand_over", 0, GW_R_HANDED_OVER, "nobody", "waiting",
     "Nichts zu tun", "Nothing to do"},
    {"in: not acknowledged for days", by_inbound, "open hand_over", 3, GW_R_UNACKNOWLEDGED,
     "application", "act", "depesche ack", "depesche ack"},
    {"in: failed where it went on", by_inbound, "open hand_over fail", 0, GW_R_TARGET_REFUSED,
     "partner", "act", "die sie dabei wurde", "that it became"},
    {"in: acknowledged", by_inbound, "open hand_over acknowledge", 0, GW_R_ACKNOWLEDGED, "nobody",
     "good", "Alles in Ordnung", "All is well"},
    /* where a message stands */
    {"waits as planned", by_plan, NULL, 2, GW_R_PLANNED, "nobody", "waiting", "wartet planmäßig",
     "waits as planned"},
    {"held behind another", by_order, "Beheim", 0, GW_R_ORDER_HELD, "nobody", "waiting",
     "depesche why 0", "depesche why 0"},
    {"accepted", by_steps, "", 0, GW_R_QUEUED, "nobody", "waiting", "geht von selbst weiter",
     "goes on by itself"},
    {"in the mailbox", by_steps, "seal submit", 0, GW_R_IN_MAILBOX, "nobody", "waiting",
     "laufend nachgefragt", "asked again and again"},
    {"not fetched for days", by_steps, "seal submit", 3, GW_R_OVERDUE, "partner", "act",
     "Beim Partner nachfragen", "Ask the partner"},
    {"forwarded, not confirmed for days", by_steps, "seal submit forward", 3, GW_R_OVERDUE,
     "partner", "act", "Beim Partner nachfragen", "Ask the partner"},
    {"fetched", by_steps, "seal submit deliver", 0, GW_R_DELIVERED, "nobody", "good",
     "Alles in Ordnung", "All is well"},
    {"expired", by_steps, "seal expire", 0, GW_R_EXPIRED, "network", "act", "neu ablegen",
     "drop the file anew"},
    {"withdrawn", by_steps, "cancel", 0, GW_R_CANCELLED, "nobody", "good", "Nichts zu tun",
     "Nothing to do"},
};

/* ---- what the command says ---- */

static struct world *world; /* one for all rows: each has a message of its own */

static void fault(void **state)
{
    const struct fault *f = *state;
    const struct helper_finding finding = {f->code, f->side, f->grade, f->step_de, f->step_en};
    char id[GW_ID_SIZE];

    f->inject(world, f, id);
    helper_why_expect(&world->a, id, &finding);
}

/* Without an id: what needs somebody, the worst first, and nothing that is well. */
static void the_worst_first(void **state)
{
    AUTO(free_drop) char *text = NULL;
    AUTO(json_drop) json_t *json = NULL;
    const json_t *all;
    bool trouble = false;

    (void)state;
    assert_int_equal(helper_why(&world->a, "", "en", true, &text), EX_DATAERR);
    json = json_loads(text, 0, NULL);
    all = json_object_get(json, "findings");
    assert_true(json_array_size(all) > 20);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *grade = helper_why_text(json_array_get(all, i), "grade");

        assert_true(strcmp(grade, "act") == 0 || strcmp(grade, "trouble") == 0);
        assert_false(trouble && strcmp(grade, "act") == 0);
        trouble = strcmp(grade, "trouble") == 0;
    }
}

static int setup(void **state)
{
    int rc = helper_crypto_setup(state);

    if (rc == 0)
        rc = group_setup(state);
    world = *state;
    *state = NULL; /* else it would be every row's */
    return rc;
}

static int teardown(void **state)
{
    *state = world;
    return group_teardown(state) | helper_crypto_teardown(state);
}

int main(void)
{
    static struct CMUnitTest tests[ARRAY_LEN(faults) + 1];
    size_t n = 0;
    int rc;

    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    gw_worker_setup(4);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        tests[n++] = (struct CMUnitTest){faults[i].name, fault, NULL, NULL, &faults[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(the_worst_first);
    rc = _cmocka_run_group_tests("why_faults", tests, n, setup, teardown);
    curl_global_cleanup();
    return rc;
}
