/*
 * gateway/http_server.h - HTTP/1.1 and HTTPS listeners on TCP and UNIX sockets
 *
 * One server is one listener. A connection carries one request at a time: head, body, answer; what
 * a client pipelines waits. Bodies are spooled into a gw_body, or into a sink of the handler's.
 *
 *   on_request --(body)--> on_complete --later--> gw_http_answer or gw_http_stream_open
 *        \                      \
 *         on_gone                on_gone
 *
 * A request that reached on_complete belongs to the handler until it calls gw_http_answer (or opens
 * a stream), exactly once, however late, and also when on_gone told that the client went away: the
 * request stays valid until then and the answer is thrown away. A request whose client went away
 * before on_complete ends with on_gone. So a handler's own state is released either in on_gone
 * before on_complete, or when it answers. A client that closes its sending side after its request
 * has come to the end gets its answer; before that, or on a stream, it counts as gone.
 *
 * All of it runs on the loop's thread. Bounds and time limits hold for everything a client
 * controls; a client that breaks them gets 400, 408, 413, 414, 417, 431, 501, 503 or 505 where an
 * answer is still possible, and the connection ends.
 */
#pragma once

#include <sys/types.h>

#include "gateway/body.h"
#include "gateway/http_parse.h"
#include "gateway/loop.h"
#include "gateway/pull.h"
#include "gateway/tls.h"

struct gw_http_server;
struct gw_http_request;
struct gw_http_stream;

struct gw_http_limits {
    uint64_t body_max;      /* bytes; a handler may choose another in on_request */
    size_t body_memory_max; /* beyond it a body is a temporary file */
    /* when there are so many, one of those that wait for their clients makes room (http_room.c
     * says which); where none does, further ones stay in the kernel's queue. A client that has gone
     * counts until its request is answered. */
    size_t connections_max;
    size_t connections_address; /* so many of one address (IPv6: of one /64 and of one /48),
                                 * likewise; 0: no bound */
    /* so many of one user of a UNIX socket who is neither root nor ourselves, further ones are
     * closed; 0: no bound */
    size_t connections_each;
    int64_t head_ms;       /* from the first byte (or the connection) to the head's end, with TLS */
    int64_t idle_ms;       /* between two requests */
    int64_t window_ms;     /* in each such window of a body or an answer ... */
    uint64_t window_bytes; /* ... at least so many bytes must move */
    int64_t linger_ms;     /* for a refused client to read why */
    size_t stream_bytes_max; /* unread bytes of a pushed stream; beyond it the client is cut off */
};

/* 64 MiB bodies, 256 KiB in memory, 512 connections, any number of one address, 20 s, 75 s, 10 s,
 * 8 KiB, 2 s, 1 MiB. */
struct gw_http_limits gw_http_limits_default(void);

/* Functions may be NULL except on_complete. */
struct gw_http_handler {
    /* The head has come. May answer at once (the body is not read then), or call
     * gw_http_request_body_max and gw_http_request_sink. */
    void (*on_request)(void *ctx, struct gw_http_request *req);
    /* Head and body have come; answer now or later. */
    void (*on_complete)(void *ctx, struct gw_http_request *req);
    /* The client went away, or broke a bound, before it was answered; see above for who owns req.
     * What happens to an answer on its way is told by its pull's close. */
    void (*on_gone)(void *ctx, struct gw_http_request *req);
    /* The server refuses it by itself; of a head that could not be read all fields are empty.
     * Answers at once; any on_gone has come before. NULL: the server answers with a line of text.
     */
    void (*on_refuse)(void *ctx, struct gw_http_request *req, int status, const struct error *err);
    void *ctx; /* borrowed for the server's life */
};

/* (uid_t)-1 and (gid_t)-1: whoever runs. */
struct gw_http_owner {
    uid_t uid;
    gid_t gid;
};

struct gw_http_listen {
    const char *host;      /* numeric IPv4 or IPv6 address for TCP; NULL for a UNIX socket */
    uint16_t port;         /* 0: the kernel chooses, see gw_http_server_port */
    const char *unix_path; /* a stale socket there is replaced */
    mode_t unix_mode;
    const struct gw_http_owner *unix_owner; /* NULL: whoever runs */
    struct gw_tls *tls;                     /* NULL: plain; borrowed for the server's life */
    const char *spool_dir;                  /* for bodies too large for memory; copied */
    struct gw_http_limits limits;           /* start from gw_http_limits_default */
    struct gw_http_handler handler;
};

/* Listens at once. ST_RETRY: the address is in use or not ours; ST_DENIED: no right to it. */
MUST_CHECK enum status gw_http_server_new(struct gw_loop *loop, const struct gw_http_listen *conf,
                                          struct gw_http_server **server, struct error *err);
/*
 * Takes no more connections, ends idle ones, gives the others grace_ms to finish, then frees the
 * server; call it once, in a stop hook at the latest. The socket file is removed. Handlers still
 * answer what they hold. Where the program replaces itself (gateway/handover.h) the socket goes on
 * listening, and what is under way has half a minute.
 */
void gw_http_server_close(struct gw_http_server *server, int64_t grace_ms);
uint16_t gw_http_server_port(const struct gw_http_server *server);

/* The request's parts live until it is answered. */
const struct gw_http_head *gw_http_request_head(const struct gw_http_request *req);
/* The body, borrowed; empty, never NULL, in on_complete (unless taken or sent to a sink). */
struct gw_body *gw_http_request_body(struct gw_http_request *req);
/* The same for keeps; the caller frees it. */
struct gw_body *gw_http_request_take_body(struct gw_http_request *req);
/* For the handler's own state of this request; NULL at first. */
void gw_http_request_set_user(struct gw_http_request *req, void *user);
void *gw_http_request_user(const struct gw_http_request *req);
bool gw_http_request_gone(const struct gw_http_request *req);

struct gw_http_peer {
    char address[64]; /* "192.0.2.1", or "unix" */
    bool local;       /* a UNIX socket: the next three are the kernel's word for it */
    uid_t uid;
    gid_t gid;
    pid_t pid;
    bool tls;
    struct span cert; /* the client's certificate in DER, ptr NULL: none */
};
const struct gw_http_peer *gw_http_request_peer(const struct gw_http_request *req);

/* In on_request only: another limit for this body (an announced larger one is 413 by itself). */
void gw_http_request_body_max(struct gw_http_request *req, uint64_t max);
/* In on_request only: the body goes there piece by piece; a failure is answered with err->reason if
 * that is an HTTP status, else 413 (ST_LIMIT), 400 (ST_INVALID) or 500. Borrowed until on_complete
 * or on_gone. */
void gw_http_request_sink(struct gw_http_request *req, struct sink *sink);

struct gw_http_reply {
    int status;
    const char *content_type;           /* NULL: none */
    const struct gw_http_field *fields; /* further ones, checked for CR and LF */
    size_t field_count;
    struct span bytes;    /* the body: copied; or */
    struct gw_body *body; /* taken; or */
    struct gw_pull pull;  /* taken; known length: Content-Length, else chunked */
    bool close;           /* end the connection afterwards */
};

/*
 * Answers and gives the request back; req is not to be used afterwards. Date, Content-Length and
 * Connection are added. To HEAD only the head is sent.
 */
void gw_http_answer(struct gw_http_request *req, const struct gw_http_reply *reply);
/* A short plain text with a line end; text NULL: the status's own words. */
void gw_http_answer_text(struct gw_http_request *req, int status, const char *text);
/* 405 with the methods allowed here ("GET, POST"). */
void gw_http_answer_method(struct gw_http_request *req, const char *allow);

/*
 * An answer that stays open (server-sent events). Gives the request back; the stream is the
 * handler's until it closes it or on_close is called, once, because the client or the server went
 * away. NULL when the client was gone already; on_close is not called then.
 */
struct gw_http_stream *gw_http_stream_open(struct gw_http_request *req, const char *content_type,
                                           void (*on_close)(void *ctx), void *ctx);
/* Copies the bytes. When the client does not read, on_close comes later, from the loop. */
void gw_http_stream_push(struct gw_http_stream *stream, struct span bytes);
/* Bytes pushed that the client has not read. */
size_t gw_http_stream_pending(const struct gw_http_stream *stream);
void gw_http_stream_close(struct gw_http_stream *stream); /* on_close is not called */
