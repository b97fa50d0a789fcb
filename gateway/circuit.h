/*
 * gateway/circuit.h - when a destination that cannot be reached is tried again
 *
 *   CLOSED --failure--> RESTING --time is over, one attempt--> PROBING --failure--> RESTING
 *                                                              PROBING --answer--> RETURNING
 *   RETURNING --as many answers as lanes--> CLOSED             RETURNING --failure--> RESTING
 *
 * It rests for longer each time, a fifth more or less so that not all come at once, but never for
 * longer than rest_max_ms. Then one attempt tells whether the destination is back; if so two may be
 * under way, then three, until all lanes are: who comes back from an outage is not to be run over.
 * One answer that never came, or was none, may be that message's own fault, so it takes two in a
 * row to rest.
 *
 * The operator hears when trouble begins, and again after one hour, four, sixteen and so on, and
 * when it is over. A destination that comes and goes is told of once in ten minutes.
 *
 * No thread, no clock, no chance of its own: the lanes (gateway/lane.h) hold a lock around it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gw_circuit {
    unsigned lanes_max;
    int64_t rest_max_ms;
    unsigned failures;  /* in a row */
    int64_t since;      /* the first of them; 0: none */
    int64_t rest_until; /* 0: it does not rest */
    bool probing;
    unsigned allowed; /* attempts that may be under way at the same time */
    bool told;        /* the operator knows of this trouble */
    int64_t tell_at;  /* when he hears of it (again) */
    int64_t tell_ms;  /* how long after the last time */
};

/* What an attempt says about the destination. */
enum gw_contact {
    GW_CONTACT_NONE,   /* nothing: it failed before the destination was asked */
    GW_CONTACT_MADE,   /* it answered, whatever it said */
    GW_CONTACT_LOST,   /* no answer, or none that makes sense: perhaps this message's own fault */
    GW_CONTACT_FAILED, /* nobody there, or nobody whom we may talk to */
};

/* What the operator should hear. */
enum gw_circuit_news { GW_NEWS_NONE, GW_NEWS_DOWN, GW_NEWS_STILL, GW_NEWS_UP };

void gw_circuit_init(struct gw_circuit *c, unsigned lanes_max, int64_t rest_max_ms);

/* May another attempt begin, while under_way are? *until, when not: no earlier than then, 0: not
 * before one of those ends. */
bool gw_circuit_may(struct gw_circuit *c, int64_t now, unsigned under_way, int64_t *until);
/* One begins; gw_circuit_may said so. True: it is the one that tries for all. */
bool gw_circuit_begin(struct gw_circuit *c);
/* One ended. probe: what begin said; false for what was not asked about. chance: any number, for
 * the length of the rest. *back: an outage is over, so what failed for it may be tried again. */
enum gw_circuit_news gw_circuit_end(struct gw_circuit *c, bool probe, enum gw_contact contact,
                                    int64_t now, uint16_t chance, bool *back);
enum gw_circuit_state {
    GW_CIRCUIT_CLOSED, /* all lanes may */
    GW_CIRCUIT_OPEN,   /* none may: it rests */
    GW_CIRCUIT_TRYING, /* the one that tries for all, and the few after it that succeeded */
};
enum gw_circuit_state gw_circuit_state(const struct gw_circuit *c, int64_t now);
/* Since when the destination is away; 0: it is not, or that is not sure yet. */
int64_t gw_circuit_down_since(const struct gw_circuit *c);
