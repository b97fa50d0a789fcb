/*
 * gateway/osci_door.h - OSCI over HTTP and HTTPS: what intermediary and recipient share as servers
 *
 * Doors are the listeners of one role: they take POSTs for their path and spool the bodies. A post
 * is one such message on its way through a worker and back:
 *
 *   doors ► message(ctx, req) ► gw_osci_post_init ► job: gw_osci_post_read ... gw_osci_post_write
 *         ► loop: gw_osci_post_answer ► done
 *
 * Answers come with HTTP 200, faults too. Large ones are pulled from files while the network takes
 * them.
 *
 * Source: OSCI 1.2 digest 10; wire-notes 2.
 */
#pragma once

#include "gateway/http_server.h"
#include "gateway/runtime.h"
#include "osci/intermediary.h"

struct gw_osci_doors;

struct gw_osci_doors_conf {
    const struct gw_listener_conf *listeners; /* borrowed for the doors' life */
    unsigned count;
    uint64_t message_bytes; /* the largest message */
    const char *event;      /* logged for each door: "osci.listening" */
    /* Further paths, beside each listener's own; NULL: none. */
    bool (*has_path)(void *ctx, struct span path);
    /* On the loop: head and body have come. Answer by a post, or by gw_http_answer. */
    void (*message)(void *ctx, struct gw_http_request *req);
    void *ctx;
};

/* Listens on all of them at once. ST_RETRY, ST_DENIED: an address cannot be had; ST_INVALID,
 * ST_NOT_FOUND: a certificate cannot be read. The text names it. */
MUST_CHECK enum status gw_osci_doors_new(const struct gw_runtime *rt,
                                         const struct gw_osci_doors_conf *conf,
                                         struct gw_osci_doors **doors, struct error *err);
/* No new connections; what runs has grace_ms. On the loop, in a stop hook at the latest; twice is
 * fine. */
void gw_osci_doors_close(struct gw_osci_doors *doors, int64_t grace_ms);
/* After gw_loop_run has returned. */
void gw_osci_doors_free(struct gw_osci_doors *doors);
DROP_DEFINE(gw_osci_doors_drop, struct gw_osci_doors, gw_osci_doors_free)
/* The port of listener i, for tests with port 0. */
uint16_t gw_osci_doors_port(const struct gw_osci_doors *doors, size_t i);

/* One message and its answer. */
struct gw_osci_post {
    const struct gw_runtime *rt;
    struct gw_http_request *req;
    char address[64];
    int64_t began;               /* gw_monotonic_ms */
    struct gw_body *wire;        /* as it came */
    struct gw_body *plain;       /* without the transport envelope; empty when it had none */
    struct osci_request request; /* of gw_osci_post_read */
    struct osci_reading *reading;
    /* the answer: */
    struct osci_writer *writer; /* a large one, still to be pulled */
    struct buf bytes;           /* a small one, or a fault; empty: HTTP 500 */
    bool cut;                   /* the line is cut instead */
    uint64_t len;
    void (*done)(void *ctx, bool whole);
    void *done_ctx;
};

/* Takes the body out of req. */
void gw_osci_post_init(struct gw_osci_post *post, const struct gw_runtime *rt,
                       struct gw_http_request *req);
void gw_osci_post_deinit(struct gw_osci_post *post);
/* Worker: opens and reads; post->request says how it went, for osci_intermediary_handle and
 * osci_recipient_check. */
void gw_osci_post_read(struct gw_osci_post *post, const struct osci_own_cipher *own,
                       size_t own_count, const struct osci_limits *limits);
/* Worker: the message is not needed any more, its memory and files go. */
void gw_osci_post_release(struct gw_osci_post *post);
/* Worker: takes the writer of the answer; a small answer is collected at once. On failure there is
 * no answer: write a fault. */
MUST_CHECK enum status gw_osci_post_write(struct gw_osci_post *post, struct osci_writer *take,
                                          struct error *err);
/* Worker: the line is cut instead of an answer: whether we have taken the message stays in doubt.
 */
void gw_osci_post_nothing(struct gw_osci_post *post);
/* Worker: the answer is that fault. */
void gw_osci_post_fault(struct gw_osci_post *post, int code);
/* Loop: answers the request; done(ctx, whole) comes when the network has taken it, perhaps at once,
 * and is where the post's owner frees it. */
void gw_osci_post_answer(struct gw_osci_post *post, void (*done)(void *ctx, bool whole), void *ctx);
