/*
 * gateway/store_audit.h - does the history's chain hold? (gateway/chain.h)
 *
 * An audit walks through all events in order and says of each tenant where its chain breaks first.
 * It goes in steps, each with a view of the index of its own, so that a long history holds up
 * neither the writer nor its log; what is written in the meantime is looked at, too. Events that
 * retention has removed in the meantime count as looked at.
 *
 *   new --step--> ... --step, *done--> findings --free
 */
#pragma once

#include "gateway/store.h"

enum gw_audit_break {
    GW_AUDIT_WHOLE,     /* it holds */
    GW_AUDIT_CHANGED,   /* the event does not say what it said when it was written */
    GW_AUDIT_MISSING,   /* one or more events are gone */
    GW_AUDIT_INSERTED,  /* an event that was not written by the gateway */
    GW_AUDIT_REORDERED, /* an event that belongs elsewhere */
    GW_AUDIT_BREAK_COUNT
};

/* What is known of one tenant's chain. */
struct gw_audit_chain {
    const char *tenant; /* "": events about no tenant */
    int64_t events;     /* looked at */
    int64_t link, seq;  /* the last one that holds; link 0: none */
    uint8_t value[32];
    int64_t head_link;        /* up to where the gateway has written */
    int64_t cut_link, cut_at; /* up to where retention has removed events, and when; 0: nowhere */
    /* The first break; the rest is set unless GW_AUDIT_WHOLE. */
    enum gw_audit_break found;
    int64_t broken_link, broken_seq; /* broken_seq 0: it is not there */
    int64_t missing;                 /* how many are gone */
    int64_t at;                      /* of the broken event, or of the last one before it */
    const char *message_id;          /* of the broken event, NULL: none, or not known */
};

struct gw_audit;

/*
 * tenant NULL: all of them. since: events before that time are believed, and the chain is looked at
 * from there on; 0: from its beginning. head: NULL, or a value that must be found in one of the
 * chains looked at (32 bytes, copied): one from the log, say.
 */
MUST_CHECK enum status gw_audit_new(const char *tenant, int64_t since, const uint8_t *head,
                                    struct gw_audit **audit, struct error *err);
void gw_audit_free(struct gw_audit *audit);
DROP_DEFINE(gw_audit_drop, struct gw_audit, gw_audit_free)
/* Looks at up to limit more events (0: 10000). *done: that was the end. A broken chain is ST_OK. */
MUST_CHECK enum status gw_audit_step(struct gw_audit *audit, struct gw_tx *tx, size_t limit,
                                     bool *done, struct error *err);
/* After the end: one row a chain, by tenant, borrowed; *head: the value asked for was found. */
const struct gw_audit_chain *gw_audit_chains(const struct gw_audit *audit, size_t *count,
                                             bool *head);
/* "changed", ... static. */
const char *gw_audit_break_name(enum gw_audit_break found);

/* The ends of all chains as they are now, to be written to the log; in tenant, link, seq, value. */
MUST_CHECK enum status gw_audit_heads(struct gw_tx *tx, struct arena *arena,
                                      struct gw_audit_chain **rows, size_t *count,
                                      struct error *err);
