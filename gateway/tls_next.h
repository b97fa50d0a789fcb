/*
 * gateway/tls_next.h - our certificates for TLS, each from its time on
 *
 * Which one holds is asked for each connection: a switch needs neither restart nor reload, and what
 * is connected stays so.
 */
#pragma once

#include "gateway/tls_files.h"

/* Behind the first, which stands beside it; the earliest first. Zeroed: there are none. */
struct gw_tls_next {
    struct gw_tls_later {
        int64_t from;
        struct gw_tls_files files;
    } * list;
    size_t count;
};

/* They believe whom first believes, which is borrowed. Errors as gw_tls_files_load. */
MUST_CHECK enum status gw_tls_next_load(const struct gw_next_tls_conf *conf, unsigned count,
                                        const struct gw_tls_files *first, struct gw_tls_next *next,
                                        struct error *err);
void gw_tls_next_deinit(struct gw_tls_next *next);
/* Who we are at that time. */
const struct gw_tls_client *gw_tls_client_at(const struct gw_tls_files *first,
                                             const struct gw_tls_next *next, int64_t now);
