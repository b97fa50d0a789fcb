#define _GNU_SOURCE 1 /* strcasestr */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/tls_files.h"
#include "helper_http.h"
#include "helper_tls.h"

struct pki {
    struct test_cert ca, other_ca, server, expired, client, foreign;
};

static int pki_setup(void **state)
{
    struct pki *p = calloc(1, sizeof(*p));

    test_cert_make(&p->ca, &(struct test_cert_spec){"CA", NULL, NULL, true, 30});
    test_cert_make(&p->other_ca, &(struct test_cert_spec){"Other", NULL, NULL, true, 30});
    test_cert_make(&p->server,
                   &(struct test_cert_spec){"server", "DNS:localhost", &p->ca, false, 30});
    test_cert_make(&p->expired,
                   &(struct test_cert_spec){"server", "DNS:localhost", &p->ca, false, 1});
    test_cert_make(&p->client, &(struct test_cert_spec){"client", NULL, &p->ca, false, 30});
    test_cert_make(&p->foreign, &(struct test_cert_spec){"client", NULL, &p->other_ca, false, 30});
    *state = p;
    return 0;
}

static int pki_teardown(void **state)
{
    struct pki *p = *state;
    struct test_cert *all[] = {&p->ca,      &p->other_ca, &p->server,
                               &p->expired, &p->client,   &p->foreign};

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        test_cert_deinit(all[i]);
    free(p);
    return 0;
}

static struct gw_tls *tls_of(const struct pki *pki, const struct test_cert *cert,
                             enum gw_tls_ask ask)
{
    struct gw_tls_conf conf = {.cert_pem = buf_span(&cert->cert),
                               .key_pem = buf_span(&cert->key),
                               .client = ask,
                               .client_ca_pem = buf_span(&pki->ca.cert)};
    struct gw_tls *tls = NULL;
    struct error err = {0};

    if (gw_tls_new(&conf, &tls, &err) != ST_OK)
        fail_msg("%s", err.text);
    return tls;
}

static void test_calls(void **state)
{
    static const int64_t sizes[] = {0, 1, 16384, 65536, 100001, 8000000};
    const struct pki *pki = *state;
    struct world *w = world_new();
    struct gw_tls_client trust = {.ca_pem = buf_span(&pki->ca.cert)};

    world_listen(w, false, tls_of(pki, &pki->server, GW_TLS_ASK_NONE));
    for (size_t i = 0; i < ARRAY_LEN(sizes) * 4; i++) {
        uint64_t len = (uint64_t)sizes[i / 4];
        struct gw_http_call call = {.tls = &trust, .body = pattern_pull(len, (i & 1) != 0)};
        struct answer a;

        world_call(w, call, (i & 2) != 0 ? "/echo" : "/chunked", &a);
        if (a.outcome != GW_HTTP_ANSWERED)
            fail_msg("%s", a.error.text);
        assert_int_equal(a.status, 200);
        assert_true(a.request_complete);
        pattern_check(a.body, len);
        answer_deinit(&a);
    }
    world_free(w);
}

enum who { NOBODY, CLIENT, FOREIGN };

static const struct trust_row {
    const char *name;
    bool expired;   /* the server's certificate */
    bool other_ca;  /* the client trusts another authority */
    bool no_ca;     /* the client trusts the system's */
    bool by_number; /* asks for 127.0.0.1, which the certificate does not name */
    enum gw_tls_ask ask;
    enum who who;
    enum gw_http_outcome outcome;
    enum status st;
    const char *text; /* within the error */
} trust_rows[] = {
    {"all is well", false, false, false, false, GW_TLS_ASK_NONE, NOBODY, GW_HTTP_ANSWERED, ST_OK,
     "tls=1 cert=0"},
    {"an expired certificate", true, false, false, false, GW_TLS_ASK_NONE, NOBODY, GW_HTTP_TLS,
     ST_DENIED, "expired"},
    {"another authority", false, true, false, false, GW_TLS_ASK_NONE, NOBODY, GW_HTTP_TLS,
     ST_DENIED, "issuer"},
    {"no authority of ours", false, false, true, false, GW_TLS_ASK_NONE, NOBODY, GW_HTTP_TLS,
     ST_DENIED, "issuer"},
    {"another name", false, false, false, true, GW_TLS_ASK_NONE, NOBODY, GW_HTTP_TLS, ST_DENIED,
     "127.0.0.1"},
    {"asked and shown", false, false, false, false, GW_TLS_ASK_REQUIRED, CLIENT, GW_HTTP_ANSWERED,
     ST_OK, "tls=1 cert=1"},
    {"asked and not shown", false, false, false, false, GW_TLS_ASK_REQUIRED, NOBODY,
     GW_HTTP_NO_ANSWER, ST_RETRY, "certificate required"},
    {"may be shown", false, false, false, false, GW_TLS_ASK_OPTIONAL, CLIENT, GW_HTTP_ANSWERED,
     ST_OK, "tls=1 cert=1"},
    {"need not be shown", false, false, false, false, GW_TLS_ASK_OPTIONAL, NOBODY, GW_HTTP_ANSWERED,
     ST_OK, "tls=1 cert=0"},
    {"a foreign one is refused", false, false, false, false, GW_TLS_ASK_OPTIONAL, FOREIGN,
     GW_HTTP_NO_ANSWER, ST_RETRY, "unknown ca"},
};

static void test_trust(void **state)
{
    const struct pki *pki = *state;

    for (size_t i = 0; i < ARRAY_LEN(trust_rows); i++) {
        const struct trust_row *row = &trust_rows[i];
        const struct test_cert *own = row->who == CLIENT ? &pki->client : &pki->foreign;
        struct world *w = world_new();
        struct gw_tls_client trust = {
            .ca_pem = buf_span(row->other_ca ? &pki->other_ca.cert : &pki->ca.cert)};
        struct gw_http_call call = {.tls = row->no_ca ? NULL : &trust};
        char url[100];
        struct answer a;

        world_listen(w, false, tls_of(pki, row->expired ? &pki->expired : &pki->server, row->ask));
        if (row->who != NOBODY) {
            trust.cert_pem = buf_span(&own->cert);
            trust.key_pem = buf_span(&own->key);
        }
        if (row->by_number) {
            snprintf(url, sizeof(url), "https://127.0.0.1:%u/peer", gw_http_server_port(w->server));
            call.url = url;
        }
        world_call(w, call, "/peer", &a);
        if (a.outcome != row->outcome || a.error.status != row->st)
            fail_msg("%s: %s, %s", row->name, gw_http_outcome_name(a.outcome), a.error.text);
        if (a.body != NULL) {
            struct span text = SPAN_NONE;

            assert_true(gw_body_bytes(a.body, &text));
            assert_true(span_find(text, span_str(row->text)) != SIZE_MAX);
        } else if (strcasestr(a.error.text, row->text) == NULL) {
            fail_msg("%s: %s", row->name, a.error.text);
        }
        answer_deinit(&a);
        world_free(w);
    }
}

/* What is not TLS, or ends within the handshake, disturbs nobody. */
static void test_raw_bytes(void **state)
{
    const struct pki *pki = *state;
    struct gw_tls_client trust = {.ca_pem = buf_span(&pki->ca.cert)};
    struct world *w = world_new();
    struct raw plain = {.bytes = SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n")};
    struct raw cut = {.bytes = SPAN("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
                      .half_close = true};
    struct raw silent = {.bytes = SPAN("\x16")};
    struct answer a;

    w->limits.head_ms = 3000;
    world_listen(w, false, tls_of(pki, &pki->server, GW_TLS_ASK_NONE));
    raw_run(w, &plain);
    raw_run(w, &cut);
    raw_run(w, &silent);
    assert_int_equal(w->heads, 0);
    world_call(w, (struct gw_http_call){.tls = &trust}, "/peer", &a);
    assert_int_equal(a.outcome, GW_HTTP_ANSWERED);
    answer_deinit(&a);
    buf_deinit(&plain.answer);
    buf_deinit(&cut.answer);
    buf_deinit(&silent.answer);
    world_free(w);
}

/* An OpenSSL client in memory on the other side of one session of ours. */
struct duel {
    SSL_CTX *ctx;
    SSL *ssl;
    struct gw_tls *tls;
    struct gw_tls_session *session;
    struct buf plain, wire;
    struct error err;
};

static void duel_begin(struct duel *d, const struct pki *pki, int version, const char *ciphers)
{
    *d = (struct duel){0};
    buf_init(&d->plain, 1 << 20);
    buf_init(&d->wire, 1 << 20);
    d->tls = tls_of(pki, &pki->server, GW_TLS_ASK_NONE);
    assert_int_equal(gw_tls_session_new(d->tls, &d->session, &d->err), ST_OK);
    d->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(d->ctx, 0);
    SSL_CTX_set_min_proto_version(d->ctx, version);
    SSL_CTX_set_max_proto_version(d->ctx, version);
    if (ciphers != NULL)
        assert_int_equal(SSL_CTX_set_cipher_list(d->ctx, ciphers), 1);
    d->ssl = SSL_new(d->ctx);
    SSL_set_bio(d->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(d->ssl);
}

/* Carries bytes there and back until nothing moves; one at a time towards us. */
static enum status duel_move(struct duel *d)
{
    for (int idle = 0; idle < 2; idle++) {
        uint8_t byte;
        bool closed;

        (void)SSL_do_handshake(d->ssl);
        while (BIO_read(SSL_get_wbio(d->ssl), &byte, 1) == 1) {
            idle = -1;
            TRY(gw_tls_receive(d->session, span_of(&byte, 1), &d->plain, &d->wire, &closed,
                               &d->err));
        }
        if (d->wire.len > 0)
            BIO_write(SSL_get_rbio(d->ssl), d->wire.ptr, (int)d->wire.len);
        buf_reset(&d->wire);
    }
    return ST_OK;
}

static void duel_end(struct duel *d)
{
    ERR_clear_error();
    SSL_free(d->ssl);
    SSL_CTX_free(d->ctx);
    gw_tls_session_free(d->session);
    gw_tls_free(d->tls);
    buf_deinit(&d->plain);
    buf_deinit(&d->wire);
}

static const struct duel_row {
    const char *name;
    int version;
    const char *ciphers;
    enum status st;
} duel_rows[] = {
    {"TLS 1.3", TLS1_3_VERSION, NULL, ST_OK},
    {"TLS 1.2", TLS1_2_VERSION, NULL, ST_OK},
    {"TLS 1.1", TLS1_1_VERSION, NULL, ST_DENIED},
    {"TLS 1.0", TLS1_VERSION, NULL, ST_DENIED},
    {"no forward secrecy", TLS1_2_VERSION, "AES256-GCM-SHA384", ST_DENIED},
    {"CBC", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", ST_DENIED},
    {"no encryption", TLS1_2_VERSION, "ECDHE-ECDSA-NULL-SHA", ST_DENIED},
};

static void test_versions(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(duel_rows); i++) {
        struct duel d;

        duel_begin(&d, *state, duel_rows[i].version, duel_rows[i].ciphers);
        assert_int_equal(duel_move(&d), duel_rows[i].st);
        assert_int_equal(gw_tls_ready(d.session), duel_rows[i].st == ST_OK);
        if (duel_rows[i].st != ST_OK)
            assert_true(d.wire.len > 0); /* an alert says so */
        duel_end(&d);
    }
}

static void test_session(void **state)
{
    struct duel d;
    struct error err;
    char answer[100];
    bool closed;

    duel_begin(&d, *state, TLS1_2_VERSION, NULL);
    assert_int_equal(duel_move(&d), ST_OK);
    assert_int_equal(SSL_write(d.ssl, "hello", 5), 5);
    assert_int_equal(duel_move(&d), ST_OK);
    assert_string_equal(buf_cstr(&d.plain), "hello");
    assert_int_equal(gw_tls_send(d.session, SPAN("world"), &d.wire, &err), ST_OK);
    assert_int_equal(duel_move(&d), ST_OK);
    assert_int_equal(SSL_read(d.ssl, answer, sizeof(answer)), 5);
    assert_memory_equal(answer, "world", 5);
    assert_null(gw_tls_client_cert(d.session).ptr);

    assert_int_equal(gw_tls_receive(d.session, SPAN("\x17\x03\x03\x00\x20rubbish rubbish rubbish!"),
                                    &d.plain, &d.wire, &closed, &err),
                     ST_OK); /* not a whole record yet */
    assert_int_equal(
        gw_tls_receive(d.session, SPAN("more rubbish"), &d.plain, &d.wire, &closed, &err),
        ST_INVALID);
    duel_end(&d);
}

/* The client is told no, and this one takes it so hard that it ends the connection. */
static void test_renegotiation(void **state)
{
    struct duel d;

    duel_begin(&d, *state, TLS1_2_VERSION, NULL);
    assert_int_equal(duel_move(&d), ST_OK);
    assert_int_equal(SSL_renegotiate(d.ssl), 1);
    assert_int_equal(duel_move(&d), ST_INVALID);
    assert_non_null(strstr(d.err.text, "alert handshake failure"));
    duel_end(&d);
}

static void test_conf(void **state)
{
    const struct pki *pki = *state;
    struct gw_tls_conf conf = {.cert_pem = buf_span(&pki->server.cert),
                               .key_pem = buf_span(&pki->client.key)};
    struct gw_tls *tls = NULL;
    struct error err;

    assert_int_equal(gw_tls_new(&conf, &tls, &err), ST_INVALID);
    assert_non_null(strstr(err.text, "does not belong"));
    conf.key_pem = SPAN("no PEM");
    assert_int_equal(gw_tls_new(&conf, &tls, &err), ST_INVALID);
    conf.cert_pem = SPAN_NONE;
    assert_int_equal(gw_tls_new(&conf, &tls, &err), ST_INVALID);
    conf.cert_pem = buf_span(&pki->server.cert);
    conf.key_pem = buf_span(&pki->server.key);
    conf.client = GW_TLS_ASK_REQUIRED;
    assert_int_equal(gw_tls_new(&conf, &tls, &err), ST_INVALID);
    assert_non_null(strstr(err.text, "authority"));
    assert_int_equal(gw_tls_new_files("/nonexistent/cert", "/nonexistent/key", &conf, &tls, &err),
                     ST_NOT_FOUND);
    assert_null(tls);
}

static void file_put(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* One file with key, certificate and its issuer, as authorities hand them out. */
static void pkcs12_put(const struct test_cert *own, const struct test_cert *ca, const char *path)
{
    BIO *key_bio = BIO_new_mem_buf(own->key.ptr, (int)own->key.len);
    BIO *cert_bio = BIO_new_mem_buf(own->cert.ptr, (int)own->cert.len);
    BIO *ca_bio = BIO_new_mem_buf(ca->cert.ptr, (int)ca->cert.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    X509 *cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    STACK_OF(X509) *others = sk_X509_new_null();
    uint8_t *der = NULL;
    PKCS12 *p12;
    int len;

    assert_true(sk_X509_push(others, PEM_read_bio_X509(ca_bio, NULL, NULL, NULL)) == 1);
    p12 = PKCS12_create("key word", "own", key, cert, others, 0, 0, 0, 0, 0);
    assert_non_null(p12);
    len = i2d_PKCS12(p12, &der);
    assert_true(len > 0);
    file_put(path, der, (size_t)len);
    OPENSSL_free(der);
    PKCS12_free(p12);
    sk_X509_pop_free(others, X509_free);
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(key_bio);
    BIO_free(cert_bio);
    BIO_free(ca_bio);
}

/* Both sides show a certificate from a PKCS#12 file. */
static void test_pkcs12(void **state)
{
    const struct pki *pki = *state;
    struct gw_tls_files server = {0}, client = {0}, refused = {0};
    struct gw_pair_conf pair = {.pkcs12 = "own.p12", .passphrase_file = "pass"};
    struct gw_tls_conf conf = {.client = GW_TLS_ASK_REQUIRED,
                               .client_ca_pem = buf_span(&pki->ca.cert)};
    char dir[] = "/tmp/test_https.XXXXXX";
    struct world *w = world_new();
    struct gw_http_call call = {.tls = &client.client};
    struct gw_tls *tls = NULL;
    struct error err = {0};
    struct answer a;

    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    file_put("pass", "key word\n", 9);
    pkcs12_put(&pki->server, &pki->ca, "own.p12");
    assert_int_equal(gw_tls_files_load(&pair, NULL, 0, SPAN_NONE, &server, &err), ST_OK);
    conf.cert_pem = server.client.cert_pem;
    conf.key_pem = server.client.key_pem;
    assert_null(server.client.key_password);
    assert_int_equal(gw_tls_new(&conf, &tls, &err), ST_OK);
    pkcs12_put(&pki->client, &pki->ca, "own.p12");
    assert_int_equal(gw_tls_files_load(&pair, NULL, 0, buf_span(&pki->ca.cert), &client, &err),
                     ST_OK);
    world_listen(w, false, tls);
    world_call(w, call, "/echo", &a);
    if (a.outcome != GW_HTTP_ANSWERED)
        fail_msg("%s", a.error.text);
    assert_int_equal(a.status, 200);
    answer_deinit(&a);
    world_free(w);
    file_put("pass", "another\n", 8);
    assert_int_equal(gw_tls_files_load(&pair, NULL, 0, SPAN_NONE, &refused, &err), ST_DENIED);
    assert_non_null(strstr(err.text, "own.p12"));
    gw_tls_files_deinit(&server);
    gw_tls_files_deinit(&client);
    gw_tls_files_deinit(&refused);
    assert_int_equal(unlink("own.p12") | unlink("pass"), 0);
    assert_int_equal(chdir("/") | rmdir(dir), 0);
}

/* A client that says, in TLS or in TCP, that it will say no more. */
struct half {
    bool in_tls, in_tcp;
    uint16_t port;
    char answer[1000];
    bool done;
};

static void half_job(void *ctx)
{
    static const char request[] = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";
    struct half *h = ctx;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(h->port)};
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(tls);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n;
    size_t len = 0;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && SSL_set_fd(ssl, fd) == 1 &&
        SSL_connect(ssl) == 1 && SSL_write(ssl, request, sizeof request - 1) > 0) {
        if (h->in_tls)
            (void)SSL_shutdown(ssl);
        if (h->in_tcp)
            (void)shutdown(fd, SHUT_WR);
        while ((n = SSL_read(ssl, h->answer + len, (int)(sizeof h->answer - len - 1))) > 0)
            len += (size_t)n;
    }
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(tls);
    (void)close(fd);
}

static void half_done(void *ctx)
{
    struct half *h = ctx;

    h->done = true;
}

static void test_half(void **state)
{
    static const bool rows[][2] = {{true, false}, {false, true}, {true, true}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct pki *pki = *state;
        struct half h = {.in_tls = rows[i][0], .in_tcp = rows[i][1]};
        struct world *w = world_new();

        world_listen(w, false, tls_of(pki, &pki->server, GW_TLS_ASK_NONE));
        h.port = gw_http_server_port(w->server);
        gw_worker_run(w->loop, half_job, half_done, &h);
        world_until(w, &h.done);
        assert_non_null(strstr(h.answer, "HTTP/1.1 200"));
        assert_non_null(strstr(h.answer, "later"));
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),     cmocka_unit_test(test_trust),
        cmocka_unit_test(test_raw_bytes), cmocka_unit_test(test_versions),
        cmocka_unit_test(test_session),   cmocka_unit_test(test_renegotiation),
        cmocka_unit_test(test_conf),      cmocka_unit_test(test_pkcs12),
        cmocka_unit_test(test_half),
    };
    int failed;

    gw_worker_setup(8);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    failed = cmocka_run_group_tests(tests, pki_setup, pki_teardown);
    curl_global_cleanup();
    return failed;
}
