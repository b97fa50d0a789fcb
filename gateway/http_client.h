/*
 * gateway/http_client.h - HTTP and HTTPS calls to peers: libcurl on the loop
 *
 * Never follows a redirect, never heeds proxy variables of the environment, never waits for "100
 * Continue", keeps connections for the next call to the same peer. A call ends with exactly one
 * done, on the loop, never from within gw_http_call itself. What a caller must know for its retry
 * is the outcome: whether anything can have reached the peer. With TLS 1.3 a peer that refuses our
 * certificate says so only after the handshake: that is NO_ANSWER, with its alert in the text.
 */
#pragma once

#include "gateway/body.h"
#include "gateway/http_parse.h"
#include "gateway/loop.h"
#include "gateway/pull.h"
#include "gateway/tls.h"
#include "gateway/tls_seen.h"

struct gw_http_client;
struct gw_http_running; /* a call under way */

struct gw_http_client_conf {
    const char *spool_dir;    /* for answers too large for memory; copied */
    size_t connections_max;   /* 0: 64 */
    size_t per_host_max;      /* 0: 4 */
    const char *proxy;        /* NULL: none, whatever the environment says */
    const char *user_agent;   /* NULL: "depesche/VERSION" */
    struct gw_tls_seen *seen; /* notes servers' certificates; borrowed, NULL: nobody does */
};

enum gw_http_outcome {
    GW_HTTP_ANSWERED,      /* a whole answer, whatever its status; error is ST_OK */
    GW_HTTP_NOT_CONNECTED, /* no name, no route, refused: nothing left us */
    GW_HTTP_TLS,           /* the handshake or the peer's certificate failed: nothing left us */
    GW_HTTP_NO_ANSWER,     /* connected; the request may have arrived, no whole answer came */
    GW_HTTP_TOO_LARGE,     /* the answer exceeds answer_max */
    GW_HTTP_BODY_FAILED,   /* our own pull failed; error is its own */
    GW_HTTP_CANCELLED,     /* by gw_http_cancel or because the client closes */
};

struct gw_http_result {
    enum gw_http_outcome outcome;
    bool request_complete;    /* all bytes of the request were handed to the network */
    int status;               /* HTTP status; 0: none came */
    const char *content_type; /* "" when there is none; lives until done returns */
    int64_t retry_after_ms;   /* the peer's wish, -1: none; from Retry-After in seconds */
    struct gw_body *body;     /* when ANSWERED; TAKE it, or it is freed after done */
    int64_t ms;               /* how long it took */
    /* Its reason is of GW_R_NET_*. ST_RETRY: the world outside (not connected, no answer);
     * ST_DENIED: certificate refused;
     * ST_LIMIT: too large; ST_INVALID: our URL or their HTTP. The text is one English sentence. */
    struct error error;
};

struct gw_http_call {
    const char *method;                 /* NULL: POST with a body, else GET */
    const char *url;                    /* http:// or https:// */
    const char *unix_path;              /* connect there instead; NULL: by URL */
    const struct gw_http_field *fields; /* request fields, copied */
    size_t field_count;
    struct gw_pull body;             /* taken, also on failure; next NULL: none */
    const struct gw_tls_client *tls; /* NULL: system authorities; borrowed until done */
    uint64_t answer_max;             /* bytes; 0: 64 MiB */
    size_t answer_memory_max;        /* 0: 256 KiB */
    int64_t connect_ms;              /* 0: 15 s */
    int64_t total_ms;                /* 0: no limit beside the next */
    /* 0: 60 s; ends when less than 64 bytes/s moved for so long, or when request or answer take
     * more than twice that and a second for each 1,024 bytes. */
    int64_t stall_ms;
    void (*done)(void *ctx, struct gw_http_result *result);
    void *ctx;
};

/* curl_global_init is main's. */
MUST_CHECK enum status gw_http_client_new(struct gw_loop *loop,
                                          const struct gw_http_client_conf *conf,
                                          struct gw_http_client **client, struct error *err);
/* Cancels what runs (done is called from within), then frees; in a stop hook at the latest. */
void gw_http_client_close(struct gw_http_client *client);

/* Starts. *running (may be NULL) is for gw_http_cancel, until done. On failure done is not called.
 */
MUST_CHECK enum status gw_http_call(struct gw_http_client *client, const struct gw_http_call *call,
                                    struct gw_http_running **running, struct error *err);
/* done is called with CANCELLED before this returns. Not from within the call's own pull. */
void gw_http_cancel(struct gw_http_running *running);
const char *gw_http_outcome_name(enum gw_http_outcome outcome);
