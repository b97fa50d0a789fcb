/*
 * gateway/store_metrics.h - what the store tells of itself to who watches it
 *
 * Cheap whatever the store holds: only what waits, and what is new, is looked at.
 */
#pragma once

#include "gateway/store.h"

/* How long transactions took to be durable: up to 1, 2, 4 ... ms; the last one holds all longer. */
enum { GW_STORE_BUCKETS = 14 };
struct gw_store_times {
    uint64_t took[GW_STORE_BUCKETS];
    uint64_t took_us; /* all together */
};
void gw_store_times(struct gw_store *store, struct gw_store_times *times);

/* Outbound messages that wait, by destination and state. */
struct gw_queue_row {
    const char *peer;
    enum gw_state state;
    uint64_t count;
    int64_t oldest_at; /* created_at */
};
struct gw_queue_list {
    struct gw_queue_row *rows;
    size_t count;
    bool more;
};
MUST_CHECK enum status gw_store_queues(struct gw_tx *tx, struct arena *arena,
                                       struct gw_queue_list *list, struct error *err);

/* Events after < seq <= upto by kind and reason. */
struct gw_event_count {
    const char *kind;
    int reason;
    uint64_t count;
};
struct gw_event_count_list {
    struct gw_event_count *rows;
    size_t count;
    bool more;
};
MUST_CHECK enum status gw_store_event_counts(struct gw_tx *tx, struct arena *arena, int64_t after,
                                             int64_t upto, struct gw_event_count_list *list,
                                             struct error *err);
