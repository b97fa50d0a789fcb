#include "conformance/xta_tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* "127.0.0.1:8443" from "https://127.0.0.1:8443/xta". */
static void host_of(const char *url, char *host, size_t cap)
{
    const char *begin = strstr(url, "://");
    size_t len;

    begin = begin != NULL ? begin + 3 : url;
    len = strcspn(begin, "/");
    (void)snprintf(host, cap, "%.*s%s", (int)len, begin,
                   memchr(begin, ':', len) == NULL ? ":443" : "");
}

static SSL_CTX *context_make(const struct conf_run *run, int version, const char *who)
{
    char cert[4096], key[4096];
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    (void)snprintf(cert, sizeof cert, "%s/%s-tls.pem", run->settings->keys, who);
    (void)snprintf(key, sizeof key, "%s/%s-tls.key", run->settings->keys, who);
    if (ctx != NULL && SSL_CTX_set_cipher_list(ctx, "DEFAULT:@SECLEVEL=0") == 1 &&
        SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
        SSL_CTX_set_max_proto_version(ctx, version) == 1 &&
        SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* Who says nothing does not keep us waiting for ever. */
static void patience_set(BIO *connection, unsigned ms)
{
    const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    int fd = -1;

    if (BIO_get_fd(connection, &fd) >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    }
}

enum conf_handshake conf_xta_handshake(const struct conf_run *run, const char *url, int version,
                                       const char *who)
{
    char host[300];
    SSL_CTX *ctx = context_make(run, version, who);
    SSL *ssl = ctx == NULL ? NULL : SSL_new(ctx);
    BIO *connection;
    enum conf_handshake result = CONF_HANDSHAKE_UNTRIED;

    host_of(url, host, sizeof host);
    connection = BIO_new_connect(host);
    if (ssl != NULL && connection != NULL && BIO_do_connect(connection) == 1) {
        patience_set(connection, run->settings->timeout_ms);
        SSL_set_bio(ssl, connection, connection); /* which is now its own */
        if (SSL_connect(ssl) == 1)
            result = CONF_HANDSHAKE_DONE;
        else if (BIO_number_written(connection) > 0)
            result = CONF_HANDSHAKE_REFUSED;
    } else {
        BIO_free_all(connection);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return result;
}
