/*
 * gateway/why.h - what is the matter with a message, in one sentence
 *
 * Facts in, a finding out: which reason of the catalogue it is, where it lies, since when, what
 * happens next and when, and what the operator can do. For every state, the good ones too. Nothing
 * here asks the store, a clock or the network, so that the tests can be a table.
 *
 * A finding has one of four grades: all is well, it waits as it should, it is in trouble that the
 * gateway goes on working at, or somebody must act.
 */
#pragma once

#include "crypto/base/arena.h"
#include "gateway/explain.h"
#include "gateway/store.h"

enum gw_why_grade { GW_WHY_GOOD, GW_WHY_WAITING, GW_WHY_TROUBLE, GW_WHY_ACT };

/* Everything is borrowed; NULL and 0 where it is not known. */
struct gw_why_facts {
    const struct gw_message_row *row;
    const struct gw_message_row
        *came_as; /* the inbound one that goes on as row, if one is asked for */
    const struct gw_event_list *events; /* row's own, oldest first */
    const char *damaged;                /* the name of a file that is missing or changed */
    const char *ahead;                  /* the id of the message that its order waits for */
    const char *intermediary, *url;     /* its destination */
    int trouble;                        /* the destination's latest reason; 0: it answers */
    const char *trouble_text;           /* err->text of that */
    int64_t trouble_at;                 /* since when */
    int64_t timeout_seconds;            /* of the destination */
    const char *state_dir, *folder;     /* of the store; of the endpoint */
    int64_t overdue_ms;                 /* without a reception, or an acknowledgement */
    int64_t now;
};

/* Sentences without a line end, in the arena. */
struct gw_why_text {
    const char *what;   /* what is the matter */
    const char *next;   /* what happens next, and when */
    const char *action; /* what the operator can do */
    const char *all;    /* these, since when, on whose side, and the code: one line */
};

struct gw_why {
    int code;
    enum gw_side side;
    enum gw_why_grade grade;
    int64_t since, next_at; /* 0: never, or not by the clock */
    struct gw_why_text de, en;
};

/* ST_LIMIT: the arena is full. Times in sentences are local. */
MUST_CHECK enum status gw_why_find(const struct gw_why_facts *facts, struct arena *arena,
                                   struct gw_why *why, struct error *err);
/* "good", "waiting", "trouble", "act"; for JSON, never changed. */
const char *gw_why_grade_name(enum gw_why_grade grade);
