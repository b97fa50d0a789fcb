/*
 * gateway/receiver.h - the passive recipients that an intermediary may connect to
 *
 * The URL of a ContentReceiver comes from whoever sends an order. Only those of the configuration
 * are ever connected to (digest 12.7); each has the authorities of its own TLS.
 */
#pragma once

#include "gateway/runtime.h"
#include "osci/intermediary.h"

struct gw_receivers;

/* Reads the certificates; conf and rt are borrowed. ST_NOT_FOUND, ST_DENIED, ST_RETRY: a file. */
MUST_CHECK enum status gw_receivers_new(const struct gw_runtime *rt,
                                        const struct gw_osci_server_conf *conf,
                                        struct gw_receivers **receivers, struct error *err);
void gw_receivers_free(struct gw_receivers *receivers);
DROP_DEFINE(gw_receivers_drop, struct gw_receivers, gw_receivers_free)

/* Their URLs in the order of the configuration, for struct osci_intermediary. */
const char *const *gw_receivers_urls(const struct gw_receivers *receivers);

/* One delivery on its way there and its answer on the way back. Zeroed is empty. */
struct gw_forward {
    const struct gw_runtime *rt;
    struct osci_writer *writer;
    struct osci_forward_result result;
    struct gw_body *wire, *plain; /* of the answer */
    struct osci_reading *reading;
    struct gw_receivers *receivers;
    bool counted; /* among those under way */
    size_t receiver;
    const char *url;
    struct gw_timer *again; /* the pause before the next attempt */
    int64_t pause_ms, until;
    void (*done)(void *ctx);
    void *ctx;
};
/*
 * Loop: sends f->writer, which is set, to url, which belongs to that receiver and is borrowed; done
 * on the loop, never from within, with f->result.how and f->wire. Where the answer got lost after
 * the whole message was sent the same is sent again, until there is an answer or forward_seconds
 * are over: the recipient knows a repetition by its MessageId (digest 2.8). Beyond forwards_max at
 * once it is not sent.
 */
void gw_forward_send(struct gw_forward *f, struct gw_receivers *receivers, size_t receiver,
                     const char *url, void (*done)(void *ctx), void *ctx);
/* Worker: opens and reads what came; f->result is then complete. */
void gw_forward_read(struct gw_forward *f, const struct osci_own_cipher *own, size_t own_count,
                     const struct osci_limits *limits);
void gw_forward_deinit(struct gw_forward *f);
