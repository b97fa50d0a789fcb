/*
 * gateway/tls.h - TLS as bytes in, bytes out
 *
 * TLS 1.2 with forward secrecy and TLS 1.3 only; no renegotiation, no compression. A session works
 * on memory, the sockets stay with the HTTP server. Contexts are const after they were made and may
 * be shared by all sessions of the loop. Outgoing HTTPS is libcurl's; struct gw_tls_client holds
 * what it needs to know.
 *
 * Source: BSI TR-02102-2; RFC 8446, RFC 5246.
 */
#pragma once

#include "crypto/base/buf.h"

enum gw_tls_ask { GW_TLS_ASK_NONE, GW_TLS_ASK_OPTIONAL, GW_TLS_ASK_REQUIRED };

struct gw_tls_conf {
    struct span cert_pem;      /* our certificate, then its intermediates */
    struct span key_pem;       /* unencrypted, or under password */
    const char *password;      /* NULL: none */
    enum gw_tls_ask client;    /* ask clients for a certificate? one that fails is always refused */
    struct span client_ca_pem; /* who may have issued theirs; needed when asked */
};

struct gw_tls;         /* settings of one listener */
struct gw_tls_session; /* one connection */

/* Copies what it needs. ST_INVALID: unreadable PEM, or the key is not the certificate's. */
MUST_CHECK enum status gw_tls_new(const struct gw_tls_conf *conf, struct gw_tls **tls,
                                  struct error *err);
/* The same with certificate and key from PEM files, all else as conf says; ST_NOT_FOUND, ST_DENIED:
 * a file cannot be read. */
MUST_CHECK enum status gw_tls_new_files(const char *cert_path, const char *key_path,
                                        const struct gw_tls_conf *conf, struct gw_tls **tls,
                                        struct error *err);
void gw_tls_free(struct gw_tls *tls); /* sessions keep what they need */
DROP_DEFINE(gw_tls_drop, struct gw_tls, gw_tls_free)

/* From that time on take holds instead, and instead of those that followed before. Takes it. */
void gw_tls_follow(struct gw_tls *tls, int64_t from, struct gw_tls *take);
/* The one that holds then. */
struct gw_tls *gw_tls_at(struct gw_tls *tls, int64_t now);

MUST_CHECK enum status gw_tls_session_new(struct gw_tls *tls, struct gw_tls_session **session,
                                          struct error *err);
void gw_tls_session_free(struct gw_tls_session *s);
DROP_DEFINE(gw_tls_session_drop, struct gw_tls_session, gw_tls_session_free)

/*
 * Takes bytes from the wire; appends what they say to plain and what must be sent now to wire.
 * *closed: the peer has said that no more will come. ST_INVALID: not TLS or broken; ST_DENIED:
 * version, cipher or client certificate refused. An alert may then lie in wire.
 */
MUST_CHECK enum status gw_tls_receive(struct gw_tls_session *s, struct span bytes,
                                      struct buf *plain, struct buf *wire, bool *closed,
                                      struct error *err);
/* Encrypts plain at the end of wire; only after the handshake. */
MUST_CHECK enum status gw_tls_send(struct gw_tls_session *s, struct span plain, struct buf *wire,
                                   struct error *err);
/* Appends our close_notify to wire. */
void gw_tls_close(struct gw_tls_session *s, struct buf *wire);
bool gw_tls_ready(const struct gw_tls_session *s); /* the handshake is done */
/* The client's certificate in DER, valid as long as the session; ptr NULL: it sent none. */
struct span gw_tls_client_cert(const struct gw_tls_session *s);

/* Whom we believe when we connect, and who we are. Strings and spans are borrowed. */
struct gw_tls_client {
    const char *ca_file;  /* PEM; all NULL and empty: the system's authorities */
    const char *ca_dir;   /* hashed as by c_rehash */
    struct span ca_pem;   /* instead of ca_file */
    struct span cert_pem; /* our certificate and chain; empty: none */
    struct span key_pem;
    const char *key_password; /* NULL: none */
};
