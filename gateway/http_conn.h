/*
 * gateway/http_conn.h - one connection of the HTTP server; private to gateway/http_*.c
 *
 *   http_server.c  the listener and its connections' list
 *   http_room.c    who makes room when there are too many; http_crowd.c counts them by address
 *   http_conn.c    bytes in: TLS, parser, body; time limits; the end of a connection
 *   http_reply.c   bytes out: answers, streams, write back-pressure
 *
 * States: HEAD -> BODY -> BUSY -> ANSWER -> IDLE -> HEAD ..., STREAM instead of ANSWER for a
 * pushed one, LINGER while a client may still read our last words, ENDED from uv_close on. An
 * answer that comes before the request's end skips BUSY and ends the connection afterwards.
 *
 * The memory stays until both handles are closed and the handler has given its request back. So
 * does its place among those that there may be: who asks and leaves has not made room for more.
 */
#pragma once

#include "gateway/http_crowd.h"
#include "gateway/http_server.h"

enum conn_state {
    CONN_IDLE,   /* between two requests */
    CONN_HEAD,   /* also the TLS handshake and the wait for the first request */
    CONN_BODY,   /* the head was handed over, the end has not come */
    CONN_BUSY,   /* the handler has it all */
    CONN_ANSWER, /* an answer is being written */
    CONN_STREAM, /* a pushed answer */
    CONN_LINGER, /* all written; the client may still read */
    CONN_ENDED,  /* closing, or closed and waiting for the handler */
};

/* Lives in its connection. */
struct gw_http_request {
    void *user;
    struct gw_body *body;
    struct sink *sink; /* instead of body */
    uint64_t body_max;
    bool in_head;   /* on_request is running */
    bool seen;      /* the handler knows of it */
    bool completed; /* it is the handler's */
    bool answered;
};

struct gw_http_stream {
    bool open;
    bool full;
    void (*on_close)(void *ctx);
    void *ctx;
};

struct conn {
    struct gw_http_server *server;
    struct conn *prev, *next;
    struct gw_http_neighbour *from; /* NULL: a UNIX socket, or no place any more */
    bool placed;                    /* counts among those that there may be */
    int64_t since;                  /* loop time when this state, or window of it, began */
    int64_t body_since;             /* and when the body did */
    bool heard;                     /* bytes of the head have come, or of the handshake */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } io;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    int handles; /* not yet closed */
    enum conn_state state;
    bool reading, writing, keep_alive, chunked;
    bool over; /* the client will say no more, and may still read */
    struct gw_tls_session *tls;
    struct gw_http_parse parse;
    struct buf in;      /* plain bytes that wait for the present request's end */
    struct buf out;     /* plain bytes to write */
    struct buf tls_out; /* records of TLS's own, to go before the next of out */
    struct buf wire;    /* being written */
    struct gw_pull pull;
    struct gw_http_peer peer;
    struct gw_http_request req;
    struct gw_http_stream stream;
    uint64_t moved, moved_before;   /* bytes of the body or answer; at the window's beginning */
    uint64_t writes, writes_before; /* writes begun; at the window's beginning */
    uint64_t discarded;
};

struct gw_http_server {
    struct gw_loop *loop;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } io;
    uv_timer_t grace; /* at the end; before, while somebody waits: looks for room */
    int handles;
    bool closing, waiting; /* waiting: a connection is left in the kernel's queue */
    struct gw_tls *tls;
    struct gw_http_limits limits;
    struct gw_http_handler handler;
    char *spool_dir, *unix_path;
    uint16_t port;
    struct conn *conns; /* the newest in front */
    size_t conn_count;
    size_t live_count; /* those that have a place */
    struct gw_http_crowd crowd;
    struct buf plain;              /* scratch for decrypted bytes */
    uint8_t scratch[GW_PULL_STEP]; /* what libuv reads into; used up in the same callback */
};

#define CONN_OF(member, ptr) ((struct conn *)((char *)(ptr)-offsetof(struct conn, member)))

/* http_conn.c */
struct conn *conn_new(struct gw_http_server *server);
void conn_start(struct conn *c); /* accepted: reads the first request */
void conn_end(struct conn *c);   /* at once; tells handler, pull or stream */
void conn_timer(struct conn *c, int64_t ms);
void conn_read(struct conn *c, bool on);
void conn_next(struct conn *c);    /* the answer is out: next request */
void conn_release(struct conn *c); /* frees it when nobody needs it any more */

/* http_reply.c */
void conn_refuse(struct conn *c, const struct error *err); /* answers by itself and ends */
void conn_flush(struct conn *c);                           /* writes what is there, pulls more */

/* http_server.c */
void server_place_free(struct gw_http_server *server, struct conn *c); /* for who has one */
void server_conn_closed(struct conn *c); /* the server knows it no more */

/* http_room.c */
/* Ends one connection in favour of newcomer (NULL: of whoever comes next), of those of one
 * neighbour (NULL: of all); false: none waits. */
bool room_make(struct gw_http_server *server, const struct conn *newcomer,
               const struct gw_http_neighbour *among);
