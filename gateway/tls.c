#include "gateway/tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "gateway/body.h"

enum { PLAIN_STEP = 16 * 1024, PEM_MAX = 1024 * 1024 };

struct gw_tls {
    SSL_CTX *ctx;
    int64_t from;
    struct gw_tls *next; /* the earliest first */
};

struct gw_tls_session {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    struct buf cert;
};

DROP_DEFINE(bio_drop, BIO, BIO_free)
DROP_DEFINE(x509_drop, X509, X509_free)
DROP_DEFINE(key_drop, EVP_PKEY, EVP_PKEY_free)

/* OpenSSL's own words for what went wrong last, and a clean slate. */
static enum status ssl_error(struct error *err, enum status st, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);

    ERR_clear_error();
    return error_set(err, st, 0, "%s: %s", what, reason == NULL ? "unknown cause" : reason);
}

/* Never asks the terminal for a password. */
static int password_cb(char *out, int size, int writing, void *user)
{
    size_t len = user == NULL ? 0 : strlen(user);

    (void)writing;
    if (len == 0 || len > (size_t)size)
        return -1;
    memcpy(out, user, len);
    return (int)len;
}

static BIO *pem_bio(struct span pem)
{
    return BIO_new_mem_buf(pem.len == 0 ? (const void *)"" : pem.ptr, (int)pem.len);
}

static enum status chain_use(SSL_CTX *ctx, struct span pem, struct error *err)
{
    AUTO(bio_drop) BIO *bio = pem_bio(pem);
    AUTO(x509_drop) X509 *cert = NULL;

    TRY_ALLOC(bio, err);
    cert = PEM_read_bio_X509_AUX(bio, NULL, password_cb, NULL);
    if (cert == NULL)
        return ssl_error(err, ST_INVALID, "the TLS certificate is not PEM");
    if (SSL_CTX_use_certificate(ctx, cert) != 1)
        return ssl_error(err, ST_INVALID, "the TLS certificate cannot be used");
    for (;;) {
        X509 *issuer = PEM_read_bio_X509(bio, NULL, password_cb, NULL);

        if (issuer == NULL)
            break;
        if (SSL_CTX_add0_chain_cert(ctx, issuer) != 1) {
            X509_free(issuer);
            return ssl_error(err, ST_INVALID, "an intermediate TLS certificate cannot be used");
        }
    }
    ERR_clear_error(); /* "no more PEM" */
    return ST_OK;
}

static enum status key_use(SSL_CTX *ctx, const struct gw_tls_conf *conf, struct error *err)
{
    AUTO(bio_drop) BIO *bio = pem_bio(conf->key_pem);
    AUTO(key_drop) EVP_PKEY *key = NULL;

    TRY_ALLOC(bio, err);
    key = PEM_read_bio_PrivateKey(bio, NULL, password_cb, (void *)(uintptr_t)conf->password);
    if (key == NULL)
        return ssl_error(err, ST_INVALID, "the TLS key is not PEM, or its password is wrong");
    if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return ssl_error(err, ST_INVALID, "the TLS key does not belong to the certificate");
    return ST_OK;
}

/* Clients are told by whom a certificate may be that they show: an authority, or who issued a
 * pinned one. */
static int client_name_add(SSL_CTX *ctx, X509 *x509)
{
    STACK_OF(X509_NAME) *names = SSL_CTX_get_client_CA_list(ctx);
    X509_NAME *name;

    if (X509_check_ca(x509) != 0)
        return SSL_CTX_add_client_CA(ctx, x509);
    if (names == NULL) {
        names = sk_X509_NAME_new_null();
        SSL_CTX_set_client_CA_list(ctx, names); /* takes it */
    }
    name = X509_NAME_dup(X509_get_issuer_name(x509));
    if (name != NULL && sk_X509_NAME_push(names, name) > 0)
        return 1;
    X509_NAME_free(name);
    return 0;
}

static enum status clients_ask(SSL_CTX *ctx, const struct gw_tls_conf *conf, struct error *err)
{
    AUTO(bio_drop) BIO *bio = NULL;
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    int mode = SSL_VERIFY_PEER, count = 0;

    if (conf->client == GW_TLS_ASK_NONE)
        return ST_OK;
    if (conf->client == GW_TLS_ASK_REQUIRED)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, mode, NULL);
    bio = pem_bio(conf->client_ca_pem);
    TRY_ALLOC(bio, err);
    /* an authority need not be self-signed, and a certificate may be named itself */
    if (X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1)
        return ssl_error(err, ST_INTERNAL, "TLS cannot be set up");
    for (;;) {
        AUTO(x509_drop) X509 *ca = PEM_read_bio_X509(bio, NULL, password_cb, NULL);

        if (ca == NULL)
            break;
        if (X509_STORE_add_cert(store, ca) != 1 || client_name_add(ctx, ca) != 1)
            return ssl_error(err, ST_INVALID, "an authority for client certificates is unusable");
        count++;
    }
    ERR_clear_error();
    if (count == 0)
        return error_set(err, ST_INVALID, 0, "no authority for client certificates is given");
    return ST_OK;
}

/* We speak HTTP/1.1 only; a client that offers other things beside it is told so. */
static int alpn_select(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *ctx)
{
    (void)ssl;
    (void)ctx;
    for (unsigned i = 0; i < in_len && in[i] <= in_len - i - 1; i += 1U + in[i]) {
        if (!span_is(span_of(in + i + 1, in[i]), "http/1.1"))
            continue;
        *out = in + i + 1;
        *out_len = in[i];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static enum status ctx_setup(SSL_CTX *ctx, struct error *err)
{
    static const unsigned char session_id[] = "depesche";

    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_sess_set_cache_size(ctx, 1024);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, alpn_select, NULL);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2") != 1 ||
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384:P-521") != 1 ||
        SSL_CTX_set_session_id_context(ctx, session_id, sizeof(session_id) - 1) != 1)
        return ssl_error(err, ST_INTERNAL, "TLS cannot be set up");
    return ST_OK;
}

void gw_tls_free(struct gw_tls *tls)
{
    while (tls != NULL) {
        struct gw_tls *next = tls->next;

        SSL_CTX_free(tls->ctx);
        free(tls);
        tls = next;
    }
}

void gw_tls_follow(struct gw_tls *tls, int64_t from, struct gw_tls *take)
{
    while (tls->next != NULL)
        tls = tls->next;
    take->from = from;
    tls->next = take;
}

struct gw_tls *gw_tls_at(struct gw_tls *tls, int64_t now)
{
    while (tls->next != NULL && tls->next->from <= now)
        tls = tls->next;
    return tls;
}

enum status gw_tls_new(const struct gw_tls_conf *conf, struct gw_tls **tls, struct error *err)
{
    AUTO(gw_tls_drop) struct gw_tls *t = calloc(1, sizeof(*t));

    TRY_ALLOC(t, err);
    if (conf->cert_pem.len > PEM_MAX || conf->key_pem.len > PEM_MAX ||
        conf->client_ca_pem.len > 16 * PEM_MAX)
        return error_set(err, ST_LIMIT, 0, "a PEM file for TLS is too large");
    t->ctx = SSL_CTX_new(TLS_server_method());
    if (t->ctx == NULL)
        return ssl_error(err, ST_INTERNAL, "TLS cannot be set up");
    TRY(ctx_setup(t->ctx, err));
    TRY(chain_use(t->ctx, conf->cert_pem, err));
    TRY(key_use(t->ctx, conf, err));
    TRY(clients_ask(t->ctx, conf, err));
    *tls = TAKE(t);
    return ST_OK;
}

static enum status file_read(const char *path, struct buf *out, struct error *err)
{
    struct gw_range_source file = {.fd = -1};
    enum status st;

    TRY(gw_range_source_open(&file, path, err));
    st = source_read_all(&file.base, out, err);
    gw_range_source_deinit(&file);
    return st;
}

enum status gw_tls_new_files(const char *cert_path, const char *key_path,
                             const struct gw_tls_conf *with, struct gw_tls **tls, struct error *err)
{
    AUTO(buf_deinit) struct buf cert = {0}, key = {0};
    struct gw_tls_conf conf = *with;
    enum status st;

    buf_init(&cert, PEM_MAX);
    buf_init(&key, PEM_MAX);
    st = file_read(cert_path, &cert, err);
    if (st == ST_OK)
        st = file_read(key_path, &key, err);
    if (st == ST_OK) {
        conf.cert_pem = buf_span(&cert);
        conf.key_pem = buf_span(&key);
        st = gw_tls_new(&conf, tls, err);
        if (st != ST_OK)
            (void)error_context(err, "%s, %s", cert_path, key_path);
    }
    buf_deinit_secret(&key);
    return st;
}

void gw_tls_session_free(struct gw_tls_session *s)
{
    if (s == NULL)
        return;
    SSL_free(s->ssl); /* and the two BIOs with it */
    buf_deinit(&s->cert);
    free(s);
}

enum status gw_tls_session_new(struct gw_tls *tls, struct gw_tls_session **session,
                               struct error *err)
{
    AUTO(gw_tls_session_drop) struct gw_tls_session *s = calloc(1, sizeof(*s));

    TRY_ALLOC(s, err);
    buf_init(&s->cert, 64 * 1024);
    s->ssl = SSL_new(tls->ctx);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    if (s->ssl == NULL || s->in == NULL || s->out == NULL) {
        BIO_free(s->in);
        BIO_free(s->out);
        return ssl_error(err, ST_LIMIT, "no TLS session");
    }
    SSL_set_bio(s->ssl, s->in, s->out);
    SSL_set_accept_state(s->ssl);
    *session = TAKE(s);
    return ST_OK;
}

/* What OpenSSL wants sent. */
static void wire_take(struct gw_tls_session *s, struct buf *wire)
{
    char *bytes;
    long len = BIO_get_mem_data(s->out, &bytes);

    if (len > 0)
        buf_add(wire, span_of(bytes, (size_t)len));
    (void)BIO_reset(s->out);
}

static void cert_keep(struct gw_tls_session *s)
{
    AUTO(x509_drop) X509 *cert = SSL_get1_peer_certificate(s->ssl);
    unsigned char *at;
    int len;

    if (cert == NULL || s->cert.len > 0)
        return;
    len = i2d_X509(cert, NULL);
    at = len <= 0 ? NULL : buf_grow(&s->cert, (size_t)len);
    if (at != NULL)
        (void)i2d_X509(cert, &at);
}

static enum status broken(struct gw_tls_session *s, struct buf *wire, struct error *err)
{
    enum status st = ST_INVALID;

    switch (ERR_GET_REASON(ERR_peek_last_error())) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        st = ST_DENIED;
        break;
    default:
        break;
    }
    wire_take(s, wire); /* the alert */
    return ssl_error(err, st, "the TLS connection failed");
}

enum status gw_tls_receive(struct gw_tls_session *s, struct span bytes, struct buf *plain,
                           struct buf *wire, bool *closed, struct error *err)
{
    int rc;

    *closed = false;
    ERR_clear_error();
    if (bytes.len > 0 && BIO_write(s->in, bytes.ptr, (int)bytes.len) != (int)bytes.len)
        return ssl_error(err, ST_LIMIT, "no memory for TLS");
    if (!SSL_is_init_finished(s->ssl)) {
        rc = SSL_do_handshake(s->ssl);
        if (rc != 1 && SSL_get_error(s->ssl, rc) != SSL_ERROR_WANT_READ)
            return broken(s, wire, err);
        if (rc == 1)
            cert_keep(s);
    }
    while (SSL_is_init_finished(s->ssl)) {
        size_t before = plain->len;
        uint8_t *room = buf_grow(plain, PLAIN_STEP);

        if (room == NULL)
            return buf_check(plain, err);
        rc = SSL_read(s->ssl, room, PLAIN_STEP);
        plain->len = before + (rc > 0 ? (size_t)rc : 0);
        if (rc > 0)
            continue;
        rc = SSL_get_error(s->ssl, rc);
        if (rc == SSL_ERROR_ZERO_RETURN)
            *closed = true;
        else if (rc != SSL_ERROR_WANT_READ)
            return broken(s, wire, err);
        break;
    }
    wire_take(s, wire);
    return buf_check(wire, err);
}

enum status gw_tls_send(struct gw_tls_session *s, struct span plain, struct buf *wire,
                        struct error *err)
{
    ERR_clear_error();
    if (plain.len > 0 && SSL_write(s->ssl, plain.ptr, (int)plain.len) != (int)plain.len)
        return ssl_error(err, ST_INTERNAL, "TLS refuses to send");
    wire_take(s, wire);
    return buf_check(wire, err);
}

void gw_tls_close(struct gw_tls_session *s, struct buf *wire)
{
    ERR_clear_error();
    if (SSL_is_init_finished(s->ssl))
        (void)SSL_shutdown(s->ssl);
    wire_take(s, wire);
    ERR_clear_error();
}

bool gw_tls_ready(const struct gw_tls_session *s)
{
    return SSL_is_init_finished(s->ssl);
}

struct span gw_tls_client_cert(const struct gw_tls_session *s)
{
    return s->cert.len == 0 ? SPAN_NONE : buf_span(&s->cert);
}
