/*
 * gateway/reason.h - which reason of the catalogue a failure of the world around us is
 *
 * The system, SQLite, curl, OpenSSL, HTTP and XTA each number what can go wrong in their own way.
 * Here each of those numbers becomes a reason of gateway/explain.h, so that an operator reads what
 * is the matter and what to do, and never "error 60". Tables, no state; the tests walk through
 * every number there is.
 *
 * Below the gateway's edge such a reason stays in err->cause: err->reason belongs to the protocol
 * and may go to a peer, ours must not. gw_reason_of is for the edge: where a message's row, a log
 * line or an answer of the API is made.
 */
#pragma once

#include "crypto/base/error.h"
#include "gateway/explain.h"

/* Of a file or folder of ours, or of a socket. 0 for 0. */
int gw_reason_errno(int number);
/* What a call to path ended with, in the words of the system: sets status, text and cause. */
enum status gw_reason_system_at(struct error *err, const char *file, int line, enum status st,
                                int number, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
#define gw_reason_system(err, st, number, ...)                                                     \
    status_same(gw_reason_system_at((err), __FILE__, __LINE__, (st), (number), __VA_ARGS__), (st))
/* After error_set: st, which is returned, came about so. */
enum status gw_reason_because(enum status st, int cause, struct error *err);
/* SQLite's result code, extended or not. 0 for what is no failure. */
int gw_reason_sqlite(int rc);
/* What OpenSSL found wrong with a peer's certificate for TLS (X509_V_ERR_...). 0 for X509_V_OK. */
int gw_reason_verify(long code);
/* An HTTP status that is no success; any number. */
int gw_reason_http(int status);

struct gw_curl_failure {
    int rc;           /* CURLcode */
    bool connected;   /* a request had begun */
    long os_errno;    /* of the last connect; 0: none */
    long verify;      /* CURLINFO_SSL_VERIFYRESULT */
    const char *text; /* curl's; an alert of the peer's is only told from it */
};
/* 0 for CURLE_OK. */
int gw_reason_curl(const struct gw_curl_failure *f);

/* One of GW_R_NET_*: the destination is not to be reached, or what answers is not what it should
 * be. */
bool gw_reason_is_network(int code);
/* One of those that an HTTP status stands behind. */
bool gw_reason_is_http(int code);
/* An XTA server has answered with it. */
bool gw_reason_is_xta(int code);

/* Behind the last blank of an error's text: the HTTP status, where the reason is one of those. */
const char *gw_reason_last_word(const char *text);

/* What the operator is told: reason, else cause, else what the status alone says. Never 0. */
int gw_reason_of(const struct error *err);
