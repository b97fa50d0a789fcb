/*
 * What TLS must not do: a hello for each thing that is refused, made by hand, since no library
 * writes most of them any more; and servers of yesterday that our client turns away from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "helper_http.h"
#include "helper_tls.h"

struct pki {
    struct test_cert ca, server;
};

static int pki_setup(void **state)
{
    struct pki *p = calloc(1, sizeof(*p));

    test_cert_make(&p->ca, &(struct test_cert_spec){"CA", NULL, NULL, true, 30});
    test_cert_make(&p->server,
                   &(struct test_cert_spec){"server", "DNS:localhost", &p->ca, false, 30});
    *state = p;
    return 0;
}

static int pki_teardown(void **state)
{
    struct pki *p = *state;

    test_cert_deinit(&p->ca);
    test_cert_deinit(&p->server);
    free(p);
    return 0;
}

/* ---- hellos ---- */

enum { P256 = 23, P192 = 19, SECP160 = 16 };

struct hello {
    uint16_t version, suite, group;
    uint8_t compression; /* offered beside none; 0: nothing else */
    bool no_null;        /* and not even none */
};

static void number(struct buf *b, unsigned value, int bytes)
{
    while (bytes-- > 0)
        buf_char(b, (char)(value >> 8 * bytes));
}

static void part(struct buf *b, const struct buf *inner, int length_bytes)
{
    number(b, (unsigned)inner->len, length_bytes);
    buf_add(b, buf_span(inner));
}

static void extension(struct buf *b, unsigned type, const char *bytes, size_t len)
{
    number(b, type, 2);
    number(b, (unsigned)len, 2);
    buf_add(b, span_of(bytes, len));
}

/* A ClientHello of TLS 1.2 at most, in one record. */
static void hello_write(const struct hello *h, struct buf *out)
{
    AUTO(buf_deinit) struct buf body = {0}, extensions = {0}, message = {0};
    const char groups[] = {0, 2, (char)(h->group >> 8), (char)h->group};

    buf_init(&body, 4096);
    buf_init(&extensions, 4096);
    buf_init(&message, 4096);
    extension(&extensions, 10, groups, sizeof groups);
    extension(&extensions, 11, "\x01\x00", 2);                 /* uncompressed points */
    extension(&extensions, 13, "\x00\x04\x04\x03\x05\x03", 6); /* ECDSA with SHA-256, SHA-384 */
    extension(&extensions, 0xff01, "\x00", 1);                 /* renegotiation_info */
    number(&body, h->version, 2);
    for (int i = 0; i < 32; i++)
        number(&body, (unsigned)i, 1);
    number(&body, 0, 1); /* no session */
    number(&body, 2, 2);
    number(&body, h->suite, 2);
    number(&body, h->compression == 0 || h->no_null ? 1 : 2, 1);
    if (h->compression != 0)
        number(&body, h->compression, 1);
    if (!h->no_null)
        number(&body, 0, 1);
    part(&body, &extensions, 2);
    number(&message, 1, 1);
    part(&message, &body, 3);
    number(out, 22, 1);
    number(out, 0x0301, 2);
    part(out, &message, 2);
}

enum { GOOD = 0xc02b }; /* ECDHE-ECDSA with AES-128-GCM */

static struct hello_row {
    const char *name;
    struct hello hello;
    enum status st;
} hello_rows[] = {
    {"ECDHE with AES-128-GCM", {0x0303, GOOD, P256, 0, false}, ST_OK},
    {"ECDHE with AES-256-GCM", {0x0303, 0xc02c, P256, 0, false}, ST_OK},
    {"ECDHE with ChaCha20", {0x0303, 0xcca9, P256, 0, false}, ST_OK},
    {"compression is not taken up", {0x0303, GOOD, P256, 1, false}, ST_OK},
    {"nothing but compression", {0x0303, GOOD, P256, 1, true}, ST_INVALID},
    {"SSL 3.0", {0x0300, GOOD, P256, 0, false}, ST_DENIED},
    {"TLS 1.0", {0x0301, 0xc00a, P256, 0, false}, ST_DENIED},
    {"TLS 1.1", {0x0302, 0xc00a, P256, 0, false}, ST_DENIED},
    {"no cipher, no authentication", {0x0303, 0x0000, P256, 0, false}, ST_DENIED},
    {"RSA, no cipher, MD5", {0x0303, 0x0001, P256, 0, false}, ST_DENIED},
    {"RSA, no cipher, SHA-256", {0x0303, 0x003b, P256, 0, false}, ST_DENIED},
    {"ECDHE-ECDSA, no cipher", {0x0303, 0xc006, P256, 0, false}, ST_DENIED},
    {"export, RC4 of 40 bits", {0x0303, 0x0003, P256, 0, false}, ST_DENIED},
    {"export, DES of 40 bits", {0x0303, 0x0008, P256, 0, false}, ST_DENIED},
    {"RC4", {0x0303, 0x0005, P256, 0, false}, ST_DENIED},
    {"ECDHE-ECDSA with RC4", {0x0303, 0xc007, P256, 0, false}, ST_DENIED},
    {"DES", {0x0303, 0x0009, P256, 0, false}, ST_DENIED},
    {"3DES", {0x0303, 0x000a, P256, 0, false}, ST_DENIED},
    {"ECDHE-ECDSA with 3DES", {0x0303, 0xc008, P256, 0, false}, ST_DENIED},
    {"RSA key exchange, CBC", {0x0303, 0x002f, P256, 0, false}, ST_DENIED},
    {"RSA key exchange, AES-GCM", {0x0303, 0x009d, P256, 0, false}, ST_DENIED},
    {"ECDHE-ECDSA with AES-CBC, SHA-1", {0x0303, 0xc009, P256, 0, false}, ST_DENIED},
    {"ECDHE-ECDSA with AES-CBC, SHA-256", {0x0303, 0xc023, P256, 0, false}, ST_DENIED},
    {"ECDHE-ECDSA with CAMELLIA", {0x0303, 0xc072, P256, 0, false}, ST_DENIED},
    {"static ECDH", {0x0303, 0xc02d, P256, 0, false}, ST_DENIED},
    {"DHE", {0x0303, 0x009e, P256, 0, false}, ST_DENIED},
    {"anonymous DH", {0x0303, 0x00a6, P256, 0, false}, ST_DENIED},
    {"anonymous ECDH", {0x0303, 0xc018, P256, 0, false}, ST_DENIED},
    {"PSK", {0x0303, 0x00a8, P256, 0, false}, ST_DENIED},
    {"a curve of 192 bits", {0x0303, GOOD, P192, 0, false}, ST_DENIED},
    {"a curve of 160 bits", {0x0303, GOOD, SECP160, 0, false}, ST_DENIED},
    {"a suite nobody knows", {0x0303, 0xeeee, P256, 0, false}, ST_DENIED},
};

static enum status told(const struct pki *pki, struct span bytes, struct buf *wire)
{
    struct gw_tls_conf conf = {.cert_pem = buf_span(&pki->server.cert),
                               .key_pem = buf_span(&pki->server.key)};
    AUTO(gw_tls_drop) struct gw_tls *tls = NULL;
    AUTO(gw_tls_session_drop) struct gw_tls_session *session = NULL;
    AUTO(buf_deinit) struct buf plain = {0};
    struct error err = {0};
    enum status st;
    bool closed;

    buf_init(&plain, 1 << 20);
    assert_int_equal(gw_tls_new(&conf, &tls, &err), ST_OK);
    assert_int_equal(gw_tls_session_new(tls, &session, &err), ST_OK);
    st = gw_tls_receive(session, bytes, &plain, wire, &closed, &err);
    assert_false(gw_tls_ready(session));
    assert_int_equal(plain.len, 0);
    return st;
}

static void test_hellos(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(hello_rows); i++) {
        const struct hello_row *row = &hello_rows[i];
        AUTO(buf_deinit) struct buf bytes = {0}, wire = {0};
        enum status st;

        buf_init(&bytes, 4096);
        buf_init(&wire, 1 << 20);
        hello_write(&row->hello, &bytes);
        st = told(*state, buf_span(&bytes), &wire);
        if (st != row->st)
            fail_msg("%s: %s", row->name, status_name(st));
        assert_true(wire.len > 0);
        assert_int_equal(wire.ptr[0], row->st == ST_OK ? 22 : 21); /* a ServerHello or an alert */
        if (row->st == ST_OK) { /* record 5, message 4, version 2, random 32, an empty or new id */
            size_t id = 5 + 4 + 2 + 32, suite = id + 1 + wire.ptr[id];

            assert_int_equal(wire.ptr[suite] << 8 | wire.ptr[suite + 1], row->hello.suite);
            assert_int_equal(wire.ptr[suite + 2], 0); /* nothing is compressed */
        }
    }
}

/* ---- bytes that are no hello ---- */

#define BYTES(lit)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(lit), sizeof(lit) - 1                                                    \
    }
static struct noise_row {
    const char *name;
    struct span bytes;
    size_t more; /* zeros behind */
} noise_rows[] = {
    {"a hello of SSL 2.0", BYTES("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x07\x00\xc0"), 64},
    {"a record beyond 16 KB and what a cipher adds", BYTES("\x16\x03\x01\x48\x01"), 18433},
    {"a record of the greatest length there is", BYTES("\x16\x03\x01\xff\xff"), 65535},
    {"a hello of 16 MB", BYTES("\x16\x03\x01\x40\x00\x01\xff\xff\xff"), 16384},
    {"data before the handshake", BYTES("\x17\x03\x03\x00\x10"), 16},
    {"early data before the hello", BYTES("\x17\x03\x03\x40\x00"), 16384},
    {"ChangeCipherSpec first", BYTES("\x14\x03\x03\x00\x01\x01"), 0},
    {"an alert first", BYTES("\x15\x03\x03\x00\x02\x02\x28"), 0},
    {"a heartbeat", BYTES("\x18\x03\x03\x00\x03\x01\x40\x00"), 0},
    {"Finished first", BYTES("\x16\x03\x03\x00\x10\x14\x00\x00\x0c"), 12},
    {"a record of no kind", BYTES("\x63\x03\x03\x00\x04"), 4},
    {"plain HTTP", BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0},
};

static void test_noise(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(noise_rows); i++) {
        AUTO(buf_deinit) struct buf bytes = {0}, wire = {0};
        enum status st;

        buf_init(&bytes, 1 << 20);
        buf_init(&wire, 1 << 20);
        buf_add(&bytes, noise_rows[i].bytes);
        for (size_t n = 0; n < noise_rows[i].more; n++)
            buf_char(&bytes, '\0');
        st = told(*state, buf_span(&bytes), &wire);
        if (st != ST_INVALID && st != ST_DENIED)
            fail_msg("%s: %s", noise_rows[i].name, status_name(st));
        assert_true(wire.len < 100); /* an alert at most */
    }
}

/* ---- servers of yesterday ---- */

static struct server_row {
    const char *name;
    int version;
    const char *ciphers; /* of TLS 1.2 and before */
    bool good;
} server_rows[] = {
    {"TLS 1.3", TLS1_3_VERSION, NULL, true},
    {"TLS 1.2", TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", true},
    {"TLS 1.2 with CBC", TLS1_2_VERSION, "ECDHE-ECDSA-AES256-SHA384", false},
    {"TLS 1.2 with CCM", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-CCM8", false},
    {"TLS 1.2 without a cipher", TLS1_2_VERSION, "ECDHE-ECDSA-NULL-SHA", false},
    {"TLS 1.1", TLS1_1_VERSION, "ALL", false},
    {"TLS 1.0", TLS1_VERSION, "ALL", false},
};

struct yesterday {
    const struct pki *pki;
    const struct server_row *row;
    int listener;
    bool shaken; /* hands */
};

static SSL_CTX *yesterday_ctx(const struct yesterday *y)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    BIO *cert = BIO_new_mem_buf(y->pki->server.cert.ptr, (int)y->pki->server.cert.len);
    BIO *key = BIO_new_mem_buf(y->pki->server.key.ptr, (int)y->pki->server.key.len);
    X509 *x509 = PEM_read_bio_X509(cert, NULL, NULL, NULL);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);

    SSL_CTX_set_security_level(ctx, 0);
    assert_int_equal(SSL_CTX_use_certificate(ctx, x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pkey), 1);
    assert_int_equal(SSL_CTX_set_min_proto_version(ctx, y->row->version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, y->row->version), 1);
    if (y->row->ciphers != NULL)
        assert_int_equal(SSL_CTX_set_cipher_list(ctx, y->row->ciphers), 1);
    X509_free(x509);
    EVP_PKEY_free(pkey);
    BIO_free(cert);
    BIO_free(key);
    return ctx;
}

static void *yesterday_main(void *arg)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    struct yesterday *y = arg;
    SSL_CTX *ctx = yesterday_ctx(y);
    SSL *ssl = SSL_new(ctx);
    AUTO(fd_drop) int fd = accept(y->listener, NULL, NULL);
    char request[4096];

    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    y->shaken = SSL_accept(ssl) == 1;
    if (y->shaken && SSL_read(ssl, request, sizeof request) > 0) {
        (void)SSL_write(ssl, answer, sizeof answer - 1);
        (void)SSL_shutdown(ssl);
    }
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return NULL;
}

static void test_yesterday(void **state)
{
    const struct pki *pki = *state;
    struct gw_tls_client trust = {.ca_pem = buf_span(&pki->ca.cert)};

    for (size_t i = 0; i < ARRAY_LEN(server_rows); i++) {
        const struct server_row *row = &server_rows[i];
        struct yesterday y = {pki, row, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), false};
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        struct world *w = world_new();
        socklen_t len = sizeof at;
        struct answer a;
        pthread_t thread;

        assert_int_equal(bind(y.listener, (struct sockaddr *)&at, sizeof at), 0);
        assert_int_equal(listen(y.listener, 1), 0);
        assert_int_equal(getsockname(y.listener, (struct sockaddr *)&at, &len), 0);
        world_listen(w, false, NULL);
        (void)snprintf(w->base, sizeof w->base, "https://localhost:%u", ntohs(at.sin_port));
        assert_int_equal(pthread_create(&thread, NULL, yesterday_main, &y), 0);
        world_call(w, (struct gw_http_call){.tls = &trust, .answer_max = 100}, "/", &a);
        assert_int_equal(pthread_join(thread, NULL), 0);
        if ((a.outcome == GW_HTTP_ANSWERED) != row->good || y.shaken != row->good)
            fail_msg("%s: %d, %s", row->name, a.outcome, a.error.text);
        answer_deinit(&a);
        world_free(w);
        assert_int_equal(close(y.listener), 0);
    }
}

/* ---- what a good session must not offer ---- */

/* A ticket that let data come before the handshake would let them come twice. */
static void test_early_data(void **state)
{
    const struct pki *pki = *state;
    struct gw_tls_conf conf = {.cert_pem = buf_span(&pki->server.cert),
                               .key_pem = buf_span(&pki->server.key)};
    AUTO(gw_tls_drop) struct gw_tls *tls = NULL;
    AUTO(gw_tls_session_drop) struct gw_tls_session *session = NULL;
    AUTO(buf_deinit) struct buf plain = {0}, wire = {0};
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    uint8_t bytes[16384];
    struct error err = {0};
    bool closed;

    buf_init(&plain, 1 << 20);
    buf_init(&wire, 1 << 20);
    assert_int_equal(gw_tls_new(&conf, &tls, &err), ST_OK);
    assert_int_equal(gw_tls_session_new(tls, &session, &err), ST_OK);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    for (int i = 0; i < 4; i++) {
        int len;

        (void)SSL_do_handshake(ssl);
        (void)SSL_read(ssl, bytes, sizeof bytes); /* takes a ticket, if there is one */
        len = BIO_read(SSL_get_wbio(ssl), bytes, sizeof bytes);
        if (len > 0)
            assert_int_equal(
                gw_tls_receive(session, span_of(bytes, (size_t)len), &plain, &wire, &closed, &err),
                ST_OK);
        (void)BIO_write(SSL_get_rbio(ssl), wire.ptr, (int)wire.len);
        buf_reset(&wire);
    }
    assert_true(gw_tls_ready(session));
    assert_int_equal(SSL_version(ssl), TLS1_3_VERSION);
    assert_int_equal(SSL_SESSION_get_max_early_data(SSL_get0_session(ssl)), 0);
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hellos),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_yesterday),
        cmocka_unit_test(test_early_data),
    };

    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
