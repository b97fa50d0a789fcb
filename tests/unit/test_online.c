/* Revocation asked online: what every fault of a responder or a distribution point leads to */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/recheck.h"
#include "gateway/worker.h"
#include "tests/unit/helper_chain.h"
#include "tests/unit/helper_crl.h"
#include "tests/unit/helper_ocsp.h"
#include "tests/unit/helper_pki.h"

enum { WORKERS = 8 };

#define HOUR (INT64_C(3600) * 1000)
#define DAY (24 * HOUR)

/* ---- somebody who is asked ---- */

enum fault {
    FINE,
    REVOKED,
    REVOKED_ONCE, /* in an answer that is outdated by now */
    SUSPENDED,
    UNKNOWN,
    EXPIRED,
    STALE,  /* no nextUpdate, and old */
    BEFORE, /* good, and of before the others */
    EARLY,
    FORGED,
    STRANGER, /* signed by another authority */
    OTHER,    /* about another certificate */
    TRY_LATER,
    GARBAGE,
    EMPTY,
    LARGE,
    SLOW,
    DEAD,
    CUT,
    REDIRECT,
    HTTP_500,
    HTTP_404,
};

static struct responder {
    int listener;
    unsigned port;
    atomic_int fault;      /* of what stands under /ocsp and /list */
    atomic_int delta;      /* 0: there is none; else what it holds: */
    atomic_uint questions; /* so many came */
    pthread_t thread;
} responder;

enum { NO_DELTA, DELTA_NOTHING, DELTA_REVOKES, DELTA_REMOVES, DELTA_OF_ANOTHER };

static struct cert *ca, *stranger, *leaf, *other;
static struct buf ca_pem, ca_key, stranger_pem, stranger_key;
static char leaf_more[512];

static void dates_set(enum fault fault, int64_t now, int64_t *from, int64_t *until)
{
    *from = fault == EARLY    ? now + HOUR / 2
            : fault == STALE  ? now - 2 * DAY
            : fault == BEFORE ? now - 2 * HOUR
                              : now - HOUR;
    *until = fault == EXPIRED || fault == REVOKED_ONCE ? now - HOUR / 2
             : fault == STALE                          ? 0
                                                       : now + HOUR;
}

static void ocsp_answer(enum fault fault, struct buf *out)
{
    const bool strange = fault == STRANGER;
    const int64_t now = gw_now_ms();
    struct ocsp_spec spec = {.about = fault == OTHER ? other : leaf,
                             .issuer = ca,
                             .signer = strange ? stranger : ca,
                             .signer_key_pem = buf_span(strange ? &stranger_key : &ca_key),
                             .said = fault == REVOKED || fault == REVOKED_ONCE ? SAYS_REVOKED
                                     : fault == UNKNOWN                        ? SAYS_UNKNOWN
                                                                               : SAYS_GOOD,
                             .reason = -1,
                             .revoked_at = now - 5 * DAY,
                             .status = fault == TRY_LATER ? 3 : 0,
                             .forged = fault == FORGED};

    dates_set(fault, now, &spec.from, &spec.until);
    ocsp_make(&spec, out);
}

static void list_answer(enum fault fault, struct buf *out)
{
    const bool strange = fault == STRANGER;
    const struct cert *revoked = leaf;
    const int64_t now = gw_now_ms();
    struct crl_spec spec = {.ca_cert_pem = buf_span(strange ? &stranger_pem : &ca_pem),
                            .ca_key_pem = buf_span(strange ? &stranger_key : &ca_key),
                            .revoked = &revoked,
                            .revoked_count =
                                fault == REVOKED || fault == REVOKED_ONCE || fault == SUSPENDED,
                            .reason = fault == SUSPENDED ? 6 : 0,
                            .der = true,
                            .number = 5,
                            .forged = fault == FORGED};

    dates_set(fault, now, &spec.from, &spec.until);
    crl_make(&spec, out);
}

static void delta_answer(int delta, struct buf *out)
{
    const struct cert *revoked = leaf;
    const int64_t now = gw_now_ms();
    struct crl_spec spec = {.ca_cert_pem = buf_span(&ca_pem),
                            .ca_key_pem = buf_span(&ca_key),
                            .revoked = &revoked,
                            .revoked_count = delta != DELTA_NOTHING,
                            .from = now - HOUR / 2,
                            .until = now + HOUR,
                            .der = true,
                            .number = 7,
                            .base = delta == DELTA_OF_ANOTHER ? 6 : 5,
                            .reason = delta == DELTA_REMOVES ? 8 : 1};

    crl_make(&spec, out);
}

static void send_all(int fd, const void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        const ssize_t sent = send(fd, (const char *)bytes + at, len - at, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        at += (size_t)sent;
    }
}

static void reply(int fd, const char *status, const char *more, struct span body, size_t told)
{
    char head[512];

    (void)snprintf(head, sizeof head,
                   "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n", status,
                   told, more);
    send_all(fd, head, strlen(head));
    send_all(fd, body.ptr, body.len);
}

static void answer(int fd, const char *path)
{
    const enum fault fault = (enum fault)responder.fault;
    AUTO(buf_deinit) struct buf body = {0};
    struct span bytes;

    if (strncmp(path, "/delta", 6) == 0 && responder.delta == NO_DELTA) {
        reply(fd, "404 Not Found", "", SPAN(""), 0);
        return;
    }
    if (strncmp(path, "/delta", 6) == 0)
        delta_answer(responder.delta, &body);
    else if (strncmp(path, "/ocsp", 5) == 0)
        ocsp_answer(fault, &body);
    else
        list_answer(fault, &body);
    bytes = buf_span(&body);
    if (fault == LARGE) {
        const size_t room = body.max - body.len;

        memset(buf_grow(&body, room), 0, room);
    }
    if (fault == HTTP_500 || fault == HTTP_404)
        reply(fd, fault == HTTP_500 ? "500 Oops" : "404 Not Found", "", SPAN("oops"), 4);
    else if (fault == REDIRECT)
        reply(fd, "302 Found", "Location: http://127.0.0.1/elsewhere\r\n", SPAN(""), 0);
    else if (fault == GARBAGE)
        reply(fd, "200 OK", "", SPAN("<html>welcome to the hotel</html>"), 33);
    else if (fault == EMPTY)
        reply(fd, "200 OK", "", SPAN(""), 0);
    else if (fault == CUT)
        reply(fd, "200 OK", "", span_sub(bytes, 0, bytes.len / 2), bytes.len);
    else
        reply(fd, "200 OK", "", buf_span(&body), body.len);
}

static void *serve(void *arg)
{
    (void)arg;
    for (;;) {
        const int fd = accept(responder.listener, NULL, NULL);
        char head[8192] = "", path[64] = "";
        size_t len = 0;
        ssize_t got;

        if (fd < 0)
            return NULL;
        while (strstr(head, "\r\n\r\n") == NULL &&
               (got = recv(fd, head + len, sizeof head - 1 - len, 0)) > 0) {
            len += (size_t)got;
            head[len] = '\0';
        }
        responder.questions++;
        if (responder.fault == SLOW) { /* until nobody waits any more */
            while (recv(fd, head, sizeof head, 0) > 0)
                ;
        } else if (sscanf(head, "%*s %63s", path) == 1) {
            answer(fd, path);
            (void)shutdown(fd, SHUT_WR);
            while (recv(fd, head, sizeof head, 0) > 0)
                ;
        }
        (void)close(fd);
    }
}

/* ---- who asks ---- */

static struct asker {
    char state[64];
    struct gw_loop *loop;
    struct gw_log *log;
    struct trust *trust;
    struct gw_revocation_conf conf;
    struct gw_revocation *revocation;
    struct cert_checker *checker;
    pthread_t thread;
} asker;

static const struct policy policy;

static void *loop_main(void *loop)
{
    gw_loop_run(loop);
    return NULL;
}

static void close_hook(void *ctx)
{
    gw_revocation_close(ctx);
}

static void loop_begun(void *ctx)
{
    *(atomic_bool *)ctx = true;
}

static void asker_begin(enum gw_unknown_conf when_unknown)
{
    static atomic_bool begun;
    struct error err = {0};

    begun = false;
    asker.conf = (struct gw_revocation_conf){.mode = GW_REVOCATION_ONLINE,
                                             .when_unknown = when_unknown,
                                             .timeout_seconds = 1,
                                             .list_max_mb = 1};
    assert_int_equal(gw_loop_new(&asker.loop, &err), ST_OK);
    assert_int_equal(gw_revocation_new(&asker.conf, &policy, rng_system(), asker.state, asker.log,
                                       &asker.revocation, &err),
                     ST_OK);
    assert_int_equal(gw_revocation_start(asker.revocation, asker.loop, asker.state, &err), ST_OK);
    gw_loop_on_stop(asker.loop, close_hook, asker.revocation);
    assert_int_equal(cert_checker_new(asker.trust, 16, CERT_CHECKER_TTL_MS, &asker.checker, &err),
                     ST_OK);
    cert_checker_use_source(asker.checker, gw_revocation_source(asker.revocation));
    gw_loop_post(asker.loop, loop_begun, &begun);
    assert_int_equal(pthread_create(&asker.thread, NULL, loop_main, asker.loop), 0);
    while (!begun)
        (void)usleep(1000);
}

static void asker_end(void)
{
    gw_loop_stop(asker.loop);
    (void)pthread_join(asker.thread, NULL);
    cert_checker_free(asker.checker);
    gw_revocation_free(asker.revocation);
    gw_loop_free(asker.loop);
}

static void state_make(void)
{
    (void)snprintf(asker.state, sizeof asker.state, "/tmp/depesche-online-XXXXXX");
    assert_non_null(mkdtemp(asker.state));
}

static void state_remove(void)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -rf %s", asker.state);
    assert_int_equal(system(command), 0);
}

static struct cert_verdict check_at(int64_t now)
{
    struct cert_verdict v = {0};
    struct error err = {0};

    assert_int_equal(
        cert_checker_check(asker.checker, leaf, CERT_FOR_OSCI_SIGNATURE, now, &v, &err), ST_OK);
    return v;
}

static struct cert_verdict check(void)
{
    return check_at(gw_now_ms());
}

static void leaf_make(const char *more, unsigned serial)
{
    const int64_t now = gw_now_ms();
    struct chain_node node = {.id = 'L',
                              .issuer = 'A',
                              .serial = serial,
                              .more = more,
                              .from = now - 10 * DAY,
                              .until = now + 10 * DAY};
    struct error err = {0};

    cert_free(leaf);
    leaf = NULL;
    assert_int_equal(chain_cert(&node, &leaf, &err), ST_OK);
}

/* ---- every fault, by both policies ---- */

enum whom { RESPONDER, LIST };

static struct row {
    const char *name;
    enum whom whom;
    enum fault fault;
    enum cert_online online;
    enum cert_lack lack;
    int code; /* of who waits; 0: nobody does */
} rows[] = {
#define GOES CERT_ONLINE_OK, CERT_LACK_NONE, 0
#define STOPS CERT_ONLINE_REVOKED, CERT_LACK_NONE, 0
#define WAITS(lack, code) CERT_ONLINE_NONE, CERT_LACK_##lack, GW_R_STATUS_##code
    {"responder: good", RESPONDER, FINE, GOES},
    {"responder: revoked", RESPONDER, REVOKED, STOPS},
    {"responder: revoked, in an old answer", RESPONDER, REVOKED_ONCE, STOPS},
    {"responder: unknown", RESPONDER, UNKNOWN, WAITS(UNKNOWN, UNKNOWN)},
    {"responder: expired", RESPONDER, EXPIRED, WAITS(OLD, OLD)},
    {"responder: stale", RESPONDER, STALE, WAITS(OLD, OLD)},
    {"responder: of later", RESPONDER, EARLY, WAITS(EARLY, OLD)},
    {"responder: forged", RESPONDER, FORGED, WAITS(SIGNER, ANSWER)},
    {"responder: wrong signer", RESPONDER, STRANGER, WAITS(SIGNER, ANSWER)},
    {"responder: about another", RESPONDER, OTHER, WAITS(OTHER, ANSWER)},
    {"responder: later", RESPONDER, TRY_LATER, WAITS(REFUSED, SILENT)},
    {"responder: garbage", RESPONDER, GARBAGE, WAITS(FORM, ANSWER)},
    {"responder: empty", RESPONDER, EMPTY, WAITS(FORM, ANSWER)},
    {"responder: oversized", RESPONDER, LARGE, WAITS(SIZE, ANSWER)},
    {"responder: slow", RESPONDER, SLOW, WAITS(SILENT, SILENT)},
    {"responder: dead", RESPONDER, DEAD, WAITS(SILENT, SILENT)},
    {"responder: cut", RESPONDER, CUT, WAITS(SILENT, SILENT)},
    {"responder: redirect", RESPONDER, REDIRECT, WAITS(HTTP, SILENT)},
    {"responder: HTTP 500", RESPONDER, HTTP_500, WAITS(HTTP, SILENT)},
    {"responder: HTTP 404", RESPONDER, HTTP_404, WAITS(HTTP, SILENT)},
    {"list: good", LIST, FINE, GOES},
    {"list: revoked", LIST, REVOKED, STOPS},
    {"list: revoked, in an old list", LIST, REVOKED_ONCE, STOPS},
    {"list: expired", LIST, EXPIRED, WAITS(OLD, OLD)},
    {"list: stale", LIST, STALE, WAITS(OLD, OLD)},
    {"list: of later", LIST, EARLY, WAITS(EARLY, OLD)},
    {"list: forged", LIST, FORGED, WAITS(SIGNER, ANSWER)},
    {"list: wrong signer", LIST, STRANGER, WAITS(SIGNER, ANSWER)},
    {"list: garbage", LIST, GARBAGE, WAITS(FORM, ANSWER)},
    {"list: empty", LIST, EMPTY, WAITS(FORM, ANSWER)},
    {"list: oversized", LIST, LARGE, WAITS(SIZE, ANSWER)},
    {"list: slow", LIST, SLOW, WAITS(SILENT, SILENT)},
    {"list: dead", LIST, DEAD, WAITS(SILENT, SILENT)},
    {"list: cut", LIST, CUT, WAITS(SILENT, SILENT)},
    {"list: redirect", LIST, REDIRECT, WAITS(HTTP, SILENT)},
    {"list: HTTP 500", LIST, HTTP_500, WAITS(HTTP, SILENT)},
    {"list: HTTP 404", LIST, HTTP_404, WAITS(HTTP, SILENT)},
};

static void points_to(enum whom whom, bool dead)
{
    const unsigned port = dead ? 1 : responder.port;

    if (whom == RESPONDER)
        (void)snprintf(leaf_more, sizeof leaf_more,
                       "authorityInfoAccess=OCSP;URI:http://127.0.0.1:%u/ocsp\n", port);
    else
        (void)snprintf(leaf_more, sizeof leaf_more,
                       "crlDistributionPoints=URI:http://127.0.0.1:%u/list\n"
                       "freshestCRL=URI:http://127.0.0.1:%u/delta\n",
                       port, port);
    leaf_make(leaf_more, 5);
}

static void row_check(const struct row *row, enum gw_unknown_conf when_unknown)
{
    const bool waits = row->code != 0 && when_unknown == GW_UNKNOWN_HOLD;
    struct cert_verdict v;

    responder.fault = row->fault;
    responder.delta = NO_DELTA;
    points_to(row->whom, row->fault == DEAD);
    state_make();
    asker_begin(when_unknown);
    v = check();
    asker_end();
    state_remove();
    if (row->fault != SLOW) /* silent, or still pending: who is first */
        assert_string_equal(cert_lack_name(v.lack), cert_lack_name(row->lack));
    assert_int_equal(v.online, row->online);
    assert_int_equal(v.must_wait, waits);
    assert_int_equal(v.status_missing, row->code != 0);
    assert_int_equal(cert_verdict_good(&v), row->online != CERT_ONLINE_REVOKED);
    assert_int_equal(v.math, CERT_MATH_OK);
    assert_int_equal(v.offline, CERT_OFFLINE_VALID);
    assert_int_equal(v.reason[0] != '\0', row->online != CERT_ONLINE_OK);
    if (row->code != 0)
        assert_int_equal(gw_recheck_reason(&v), row->code);
    if (row->online == CERT_ONLINE_REVOKED)
        assert_true(v.revoked_at != 0 && strstr(v.reason, "revoked by its issuer on 20") != NULL);
    if (row->online == CERT_ONLINE_OK)
        assert_true(v.listed_at != 0);
}

static void test_hold(void **state)
{
    row_check(*state, GW_UNKNOWN_HOLD);
}

static void test_pass(void **state)
{
    row_check(*state, GW_UNKNOWN_PASS);
}

/* ---- delta lists ---- */

static struct delta_row {
    const char *name;
    enum fault list;
    int delta;
    enum cert_online online;
} delta_rows[] = {
    {"the delta list says nothing", FINE, DELTA_NOTHING, CERT_ONLINE_OK},
    {"revoked since", FINE, DELTA_REVOKES, CERT_ONLINE_REVOKED},
    {"no longer suspended", SUSPENDED, DELTA_REMOVES, CERT_ONLINE_OK},
    {"suspended", SUSPENDED, DELTA_NOTHING, CERT_ONLINE_REVOKED},
    {"a delta list of another base", FINE, DELTA_OF_ANOTHER, CERT_ONLINE_OK},
    {"there is no delta list", FINE, NO_DELTA, CERT_ONLINE_OK},
};

static void test_delta(void **state)
{
    const struct delta_row *row = *state;
    struct cert_verdict v;

    responder.fault = row->list;
    responder.delta = row->delta;
    points_to(LIST, false);
    state_make();
    asker_begin(GW_UNKNOWN_HOLD);
    v = check();
    asker_end();
    state_remove();
    assert_int_equal(v.online, row->online);
    assert_false(v.must_wait);
}

/* ---- over time ---- */

/* Known once, it is known after a restart, though nobody answers any more. */
static void test_kept(void **state)
{
    for (int whom = RESPONDER; whom <= LIST; whom++) {
        (void)state;
        responder.fault = FINE;
        responder.delta = NO_DELTA;
        points_to((enum whom)whom, false);
        state_make();
        asker_begin(GW_UNKNOWN_HOLD);
        assert_int_equal(check().online, CERT_ONLINE_OK);
        asker_end();
        responder.fault = HTTP_500;
        asker_begin(GW_UNKNOWN_HOLD);
        assert_int_equal(check().online, CERT_ONLINE_OK);
        asker_end();
        state_remove();
    }
}

/* Revoked, and then somebody hands out what was good before: it stays revoked, also on the disk. */
static void test_older(void **state)
{
    (void)state;
    for (int whom = RESPONDER; whom <= LIST; whom++) {
        responder.fault = REVOKED;
        responder.delta = NO_DELTA;
        points_to((enum whom)whom, false);
        state_make();
        asker_begin(GW_UNKNOWN_HOLD);
        assert_int_equal(check().online, CERT_ONLINE_REVOKED);
        responder.fault = BEFORE;
        responder.questions = 0;
        while (responder.questions == 0) {
            assert_int_equal(check_at(gw_now_ms() + 12 * HOUR).online, CERT_ONLINE_REVOKED);
            (void)usleep(10 * 1000);
        }
        (void)usleep(999 * 1000); /* until it has been judged; or else this shows nothing */
        asker_end();
        responder.fault = HTTP_500;
        asker_begin(GW_UNKNOWN_HOLD);
        assert_int_equal(check().online, CERT_ONLINE_REVOKED);
        asker_end();
        state_remove();
    }
}

static void *check_thread(void *arg)
{
    *(struct cert_verdict *)arg = check();
    return NULL;
}

/* All who ask at the same time cause one question. */
static void test_single(void **state)
{
    struct cert_verdict verdicts[4];
    pthread_t threads[4];

    (void)state;
    responder.fault = FINE;
    points_to(RESPONDER, false);
    state_make();
    asker_begin(GW_UNKNOWN_HOLD);
    responder.questions = 0;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, check_thread, &verdicts[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(verdicts[i].online, CERT_ONLINE_OK);
    }
    asker_end();
    state_remove();
    assert_int_equal(responder.questions, 1);
}

static atomic_uint told, done;

static void check_job(void *arg)
{
    (void)arg;
    told += check().online == CERT_ONLINE_OK;
    done++;
}

static void workers_ask(void *arg)
{
    (void)arg;
    for (int i = 0; i < WORKERS; i++)
        gw_worker_run(asker.loop, check_job, NULL, NULL);
}

/* All workers ask somebody who answers, as he has before: one is left who judges it, and nobody's
 * time has to be over for that. More than once, because a busy machine may let it pass. */
static void test_workers(void **state)
{
    bool quick = false;

    (void)state;
    responder.fault = FINE;
    points_to(RESPONDER, false);
    state_make();
    asker_begin(GW_UNKNOWN_HOLD);
    assert_int_equal(check().online, CERT_ONLINE_OK);
    for (unsigned serial = 7; serial < 27 && !quick; serial++) {
        const int64_t began = gw_monotonic_ms();

        leaf_make(leaf_more, serial);
        told = 0;
        done = 0;
        gw_loop_post(asker.loop, workers_ask, NULL);
        while (done < WORKERS)
            (void)usleep(1000);
        quick = told > 0 && gw_monotonic_ms() - began < asker.conf.timeout_seconds * 1000;
    }
    asker_end();
    state_remove();
    assert_true(quick);
}

/* Who hangs costs one timeout, not one for each question; and is asked again by itself. */
static void test_back(void **state)
{
    int64_t began;

    (void)state;
    responder.fault = SLOW;
    points_to(RESPONDER, false);
    state_make();
    asker_begin(GW_UNKNOWN_HOLD);
    assert_true(check().must_wait);
    began = gw_monotonic_ms();
    for (int i = 0; i < 20; i++)
        assert_true(check().must_wait);
    assert_true(gw_monotonic_ms() - began < 4000); /* that many timeouts would be 20 s */
    responder.fault = FINE;
    while (check().must_wait) {
        assert_true(gw_monotonic_ms() - began < 60000);
        (void)usleep(100 * 1000);
    }
    assert_int_equal(check().online, CERT_ONLINE_OK);
    asker_end();
    state_remove();
}

/* Four places hang, and each has its own time: whoever asks about the certificate has one, which
 * does not grow with them. More than once, because a busy machine may take its time. */
static void test_places(void **state)
{
    bool quick = false;

    (void)state;
    responder.fault = SLOW;
    for (unsigned serial = 31; serial < 36 && !quick; serial++) {
        char more[512];
        int64_t began;

        (void)snprintf(more, sizeof more,
                       "authorityInfoAccess=OCSP;URI:http://127.0.0.1:%1$u/ocsp,"
                       "OCSP;URI:http://localhost:%1$u/ocsp\n"
                       "crlDistributionPoints=URI:http://127.1:%1$u/list,"
                       "URI:http://0x7f000001:%1$u/list\n",
                       responder.port);
        leaf_make(more, serial);
        state_make();
        asker_begin(GW_UNKNOWN_HOLD);
        began = gw_monotonic_ms();
        assert_true(check().must_wait);
        quick = gw_monotonic_ms() - began < 4 * asker.conf.timeout_seconds * 1000;
        asker_end();
        state_remove();
    }
    assert_true(quick);
}

/* However many have been asked before: who has not been asked for longest is forgotten. */
static void test_many_origins(void **state)
{
    (void)state;
    state_make();
    asker_begin(GW_UNKNOWN_HOLD);
    for (unsigned i = 0; i < 300; i++) {
        char more[128];
        struct cert_verdict v;

        (void)snprintf(more, sizeof more, "crlDistributionPoints=URI:http://127.0.%u.%u:9/list\n",
                       2 + i / 200, 1 + i % 200);
        leaf_make(more, 100 + i);
        v = check();
        assert_true(v.must_wait);
        assert_int_not_equal(gw_recheck_reason(&v), GW_R_STATUS_SOURCE);
    }
    asker_end();
    state_remove();
}

/* A certificate that names nobody, or nobody who is asked. */
static void test_nobody(void **state)
{
    static const char *const mores[] = {
        "",
        "crlDistributionPoints=URI:ldap://127.0.0.1/cn=list\n",
        "crlDistributionPoints=URI:https://127.0.0.1/list\n",
        "authorityInfoAccess=OCSP;URI:http://user@127.0.0.1/ocsp\n",
        "authorityInfoAccess=OCSP;URI:file:///etc/passwd\n",
        "authorityInfoAccess=OCSP;URI:http://\n",
    };

    (void)state;
    responder.questions = 0;
    for (size_t i = 0; i < ARRAY_LEN(mores); i++) {
        struct cert_verdict v;

        leaf_make(mores[i], 5);
        state_make();
        asker_begin(GW_UNKNOWN_HOLD);
        v = check();
        asker_end();
        state_remove();
        assert_true(v.must_wait);
        assert_int_equal(gw_recheck_reason(&v), GW_R_STATUS_SOURCE);
    }
    assert_int_equal(responder.questions, 0);
}

static void authority_make(char letter, struct cert **cert, struct buf *pem, struct buf *key)
{
    const struct chain_node node = {.id = letter,
                                    .issuer = letter,
                                    .from = gw_now_ms() - 100 * DAY,
                                    .until = gw_now_ms() + 100 * DAY};
    struct error err = {0};

    assert_int_equal(chain_cert(&node, cert, &err), ST_OK);
    chain_cert_pem(&node, pem);
    chain_key_pem(letter, key);
}

static int setup(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct error err = {0};

    (void)state;
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    authority_make('A', &ca, &ca_pem, &ca_key);
    authority_make('B', &stranger, &stranger_pem, &stranger_key);
    leaf_make("", 6);
    other = leaf;
    leaf = NULL;
    assert_int_equal(gw_log_new(GW_LOG_STDERR, GW_LOG_ERROR, NULL, &asker.log, &err), ST_OK);
    assert_int_equal(trust_new(&asker.trust, &err), ST_OK);
    assert_int_equal(trust_add_anchors(asker.trust, "ca", buf_span(&ca_pem), &err), ST_OK);
    responder.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(responder.listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(responder.listener, 64), 0);
    assert_int_equal(getsockname(responder.listener, (struct sockaddr *)&at, &len), 0);
    responder.port = ntohs(at.sin_port);
    return pthread_create(&responder.thread, NULL, serve, NULL);
}

static int teardown(void **state)
{
    (void)state;
    (void)shutdown(responder.listener, SHUT_RDWR);
    (void)pthread_join(responder.thread, NULL);
    (void)close(responder.listener);
    trust_free(asker.trust);
    gw_log_free(asker.log);
    cert_free(ca);
    cert_free(stranger);
    cert_free(leaf);
    cert_free(other);
    buf_deinit(&ca_pem);
    buf_deinit(&ca_key);
    buf_deinit(&stranger_pem);
    buf_deinit(&stranger_key);
    chain_keys_drop();
    curl_global_cleanup();
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[2 * ARRAY_LEN(rows) + ARRAY_LEN(delta_rows) + 8];
    size_t n = 0;

    gw_worker_setup(WORKERS);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        tests[n++] = (struct CMUnitTest){rows[i].name, test_hold, NULL, NULL, &rows[i]};
        tests[n++] = (struct CMUnitTest){rows[i].name, test_pass, NULL, NULL, &rows[i]};
    }
    for (size_t i = 0; i < ARRAY_LEN(delta_rows); i++)
        tests[n++] =
            (struct CMUnitTest){delta_rows[i].name, test_delta, NULL, NULL, &delta_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_kept);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_older);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_single);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_workers);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_back);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_places);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_many_origins);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_nobody);
    return cmocka_run_group_tests(tests, setup, teardown);
}
