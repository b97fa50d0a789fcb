/*
 * conformance/delivery.h - something to be delivered, made complete from the parties' keys
 *
 * Every delivery has a marker, a word that stands in its contents and nowhere else: so it can be
 * found again where the endpoint under test hands deliveries over.
 *
 *   originator (author) --seals for--> addressee and further readers --> a message of any type
 *
 * A content is inline, another an attachment. Source: OSCI 1.2
 * digest 2.4, 2.5, 2.8, 2.10, 6.5, 7.5.
 */
#pragma once

#include "conformance/run.h"
#include "osci/content.h"

enum { CONF_DELIVERY_CERTS = 12, CONF_MARKER_SIZE = 40, CONF_TIME_SIZE = 32 };

struct conf_delivery_want {
    enum osci_type type;
    const struct conf_party *originator, *addressee, *intermediary;
    const struct conf_party *reader; /* one more who can open it; NULL: none */
    bool clear;                      /* contents not enciphered */
    bool unsigned_content;
    bool no_attachment;
    uint64_t attachment_bytes; /* of the attachment; 0: a few */
    const char *subject;       /* NULL: "Konformität" */
};

/* Everything that msg points to lives in here. */
struct conf_delivery {
    struct osci_message msg;
    char marker[CONF_MARKER_SIZE]; /* the MessageId, too */
    char challenge[CONF_MARKER_SIZE];
    char time[CONF_TIME_SIZE]; /* now, as an xs:dateTime */
    struct arena arena;
    struct osci_cert certs[CONF_DELIVERY_CERTS];
    struct osci_card card;
    struct osci_attachment attachment;
    struct source_span body;
    struct buf package, sealed;
};

/* Card, ControlBlock, certificates, contents; ST_NOT_FOUND: a key of a party is missing. */
MUST_CHECK enum status conf_delivery_make(struct conf_run *run, struct conf_delivery *d,
                                          const struct conf_delivery_want *want, struct error *err);
void conf_delivery_deinit(struct conf_delivery *d); /* for AUTO; zeroed is fine */

/* A word that nobody has said before: letters and digits. */
void conf_marker(struct conf_run *run, char marker[CONF_MARKER_SIZE]);
void conf_time(char text[CONF_TIME_SIZE]);

/*
 * How many files below folder are contents with that marker; a delivery has as many as it has
 * contents. 0 when there is no such folder. What begins with a dot is still being written.
 */
size_t conf_found(const char *folder, const char *marker);
/* The same, waiting until it is count at least, for ms at most. */
size_t conf_found_within(const char *folder, const char *marker, size_t count, unsigned ms);
