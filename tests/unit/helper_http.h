/*
 * helper_http.h - a server and a client of ours on one loop, and a raw client that breaks rules
 *
 * The server knows: /echo (the body comes back), /chunked (the same, length unknown), /empty (204),
 * /later (answered by a worker job after 50 ms), /pattern?n=N (N bytes), /broken (ends half way),
 * /endless (never ends), /refuse (403 from the head alone), /small (bodies up to 1000 bytes), /sink
 * (the body goes to a sink that fails after 1000 bytes), /events (a stream), /peer (who asks),
 * /hold (answered when world_release is called).
 */
#pragma once

#include "gateway/http_client.h"
#include "gateway/http_server.h"
#include "gateway/worker.h"

struct world {
    struct gw_loop *loop;
    struct gw_http_server *server;
    struct gw_http_client *client;
    struct gw_tls *tls;
    struct gw_http_limits limits;
    char dir[64], socket[96], base[64];
    struct gw_http_stream *stream;
    struct gw_http_request *held[8];
    int held_count;
    int heads, completes, gone, streams_closed, pulls_whole, pulls_broken;
};

/* tls NULL: plain; taken. on_unix: listens on world->socket. Limits come from w->limits. */
struct world *world_new(void);
void world_listen(struct world *w, bool on_unix, struct gw_tls *tls);
void world_free(struct world *w);
/* Turns the loop until *flag, for 60 seconds at most. */
void world_until(struct world *w, const bool *flag);
void world_turn(struct world *w, int ms);
void world_release(struct world *w);

/* One call's end; free with answer_deinit. */
struct answer {
    bool done;
    enum gw_http_outcome outcome;
    bool request_complete;
    int status;
    char content_type[64];
    struct gw_body *body;
    struct error error;
};
void answer_deinit(struct answer *a);
/* Fills url (path appended to the server's own), done and ctx, and waits for the end. */
void world_call(struct world *w, struct gw_http_call call, const char *path, struct answer *a);
/* The same without waiting. */
void world_start(struct world *w, struct gw_http_call call, const char *path, struct answer *a,
                 struct gw_http_running **running);

/* Sends bytes from another thread, step at a time with a pause, and reads until the end. */
struct raw {
    struct span bytes;
    size_t step;
    int pause_ms;
    size_t read_max; /* hangs up after so many bytes; 0: reads to the end */
    bool half_close; /* says that no more will come, before reading */
    bool abort;      /* resets the connection and reads nothing */
    int wait_ms;     /* before reading */
    /* result */
    bool done, reset;
    struct buf answer;
    struct world *world;
};
void raw_run(struct world *w, struct raw *raw); /* waits; answer is the caller's to deinit */
void raw_start(struct world *w, struct raw *raw);

uint8_t pattern_at(uint64_t at);
/* A pull of n pattern bytes; known: announces its length. */
struct gw_pull pattern_pull(uint64_t n, bool known);
void pattern_check(struct gw_body *body, uint64_t n);
