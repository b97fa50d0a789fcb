/*
 * gateway/facts.h - what is known of a message when it is decided where it goes
 *
 * Out: the endpoint, the dropped name, and what NAME.meta.yaml, the fields of the API or
 * MessageMetaData say. In: the peer that brought it, the sender, the subject, and what
 * MessageMetaData says. They are kept with the message as one JSON object (gw_message_row.facts),
 * as they were before any rule: so that other rules can be tried on them later.
 *
 * AGS and Leitweg-ID are those of the reader. Where nobody names them they are taken from a party
 * of that kind: "ags:09162000", "leitweg-id:05315-1-2" (the prefix in any case of its letters).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/arena.h"

enum gw_fact {
    GW_FACT_ENDPOINT,  /* out: the program that sends */
    GW_FACT_PEER,      /* in: the intermediary or XTA server that it came from */
    GW_FACT_SENDER,    /* in: the partner, or the name in its certificate */
    GW_FACT_RECIPIENT, /* out: the partner that the message itself names */
    GW_FACT_AUTHOR,    /* XTA: parties */
    GW_FACT_READER,
    GW_FACT_AGS, /* Amtlicher Gemeindeschlüssel */
    GW_FACT_LEITWEG_ID,
    GW_FACT_PROCESS_ID, /* Prozess-Id, the procedure or case */
    GW_FACT_SERVICE,    /* URI */
    GW_FACT_MESSAGE_TYPE,
    GW_FACT_SUBJECT,
    GW_FACT_CLERK, /* Sachbearbeiter */
    GW_FACT_FILE,  /* the name dropped; of what came in, of the first file */
    GW_FACT_COUNT
};

enum { GW_FACT_MAX = 1024, GW_FACTS_MAX = 32 * 1024 }; /* bytes of one, and of all as JSON */

struct gw_facts {
    bool inbound;
    const char *of[GW_FACT_COUNT]; /* NULL: not known */
    uint64_t size;                 /* of all payload files, bytes */
};

/* "leitweg_id", as in settings, NAME.meta.yaml, API and JSON. Static. */
const char *gw_fact_name(enum gw_fact fact);
bool gw_fact_of(struct span name, enum gw_fact *fact);
/* For people: "Leitweg-ID". Static, UTF-8. */
const char *gw_fact_text(enum gw_fact fact, bool german);

/* Fills in AGS and Leitweg-ID from the reader where nothing else has; strings are borrowed from
 * what is there. */
void gw_facts_complete(struct gw_facts *facts);

/* As JSON: {"file": "a.xml", "size": 12, ...}, in the arena. ST_LIMIT: memory, or too long. */
MUST_CHECK enum status gw_facts_write(const struct gw_facts *facts, struct arena *arena,
                                      const char **json, struct error *err);
/* And back; members it does not know are passed over. ST_INVALID: no JSON object. */
MUST_CHECK enum status gw_facts_read(const char *json, struct arena *arena, struct gw_facts *facts,
                                     struct error *err);
