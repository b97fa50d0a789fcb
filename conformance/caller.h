/*
 * conformance/caller.h - what the scenarios with a client under test share
 *
 * How the client is reached: --hook send makes it send a file of the name $1 with the Subject $2 to
 * "addressee"; --set client_inbox=DIR is where it hands over; --hook state prints, for the name of
 * a sent file in $1, a word and if it likes a reason: waiting, sent, delivered or failed. It
 * fetches by itself, or when --hook fetch is run.
 */
#pragma once

#include "conformance/fake.h"

/* Behind the file's name in every Subject: what must be escaped, and what is no ASCII. */
#define CONF_SUBJECT                                                                               \
    "<&> \"Gr\xc3\xb6\xc3\x9f"                                                                     \
    "e\""

enum { CONF_FILE_NAME = 128, CONF_STATE_SIZE = 64 };
enum { CONF_QUIET_MS = 800 }; /* so long nothing must come when nothing more may */

/* Gives the client a file to be sent; begin is the front of its name, which is filled in.
 * ST_NOT_FOUND: there is no hook for it. */
MUST_CHECK enum status conf_caller_send(struct conf_run *run, const char *begin,
                                        char name[CONF_FILE_NAME], struct error *err);
/* What the client says of it; "" when nobody can ask. */
const char *conf_caller_state(struct conf_run *run, const char *name, char out[CONF_STATE_SIZE]);
/* Waits until that state begins with one of the blank-separated words; false: it did not. */
bool conf_caller_reaches(struct conf_run *run, const char *name, const char *words, unsigned ms,
                         char out[CONF_STATE_SIZE]);
/* Asks the client to fetch, where it must be asked. */
void conf_caller_fetch(struct conf_run *run);

/* A delivery for the client, from the addressee of its own ones. */
MUST_CHECK enum status conf_caller_delivery(struct conf_run *run, const struct conf_party *reader,
                                            struct conf_delivery *d, struct error *err);

/* One fetch with a misstep in its answer: what came of it. */
struct conf_fetched {
    bool went_on;  /* another order of that dialog came */
    bool in_order; /* ... and the ControlBlock was right */
    size_t kept;   /* contents handed over, of conf_delivery's */
    size_t contents;
    struct conf_seen seen, next;
};
MUST_CHECK enum status conf_caller_fetched(struct conf_run *run, const struct conf_misstep *step,
                                           struct conf_delivery *d, bool must_pass,
                                           struct conf_fetched *got, struct error *err);
/* Refused: nothing more in the dialog, nothing handed over; or taken: both. */
void conf_caller_look(struct conf_run *run, unsigned number, const char *name,
                      const struct conf_fetched *got, bool must_pass);
/* A new delivery, fetched so. */
MUST_CHECK enum status conf_caller_try(struct conf_run *run, unsigned number,
                                       const struct conf_misstep *step, bool must_pass,
                                       struct error *err);

/* The scenarios; caller_*.c */
enum status conf_caller_sends(struct conf_run *run, struct error *err);
enum status conf_caller_contents(struct conf_run *run, struct error *err);
enum status conf_caller_implicit(struct conf_run *run, struct error *err);
enum status conf_caller_lost(struct conf_run *run, struct error *err);
enum status conf_caller_warnings(struct conf_run *run, struct error *err);
enum status conf_caller_faults(struct conf_run *run, struct error *err);
enum status conf_caller_redirects(struct conf_run *run, struct error *err);
enum status conf_caller_features(struct conf_run *run, struct error *err);
enum status conf_caller_conversations(struct conf_run *run, struct error *err);
enum status conf_caller_fetches(struct conf_run *run, struct error *err);
enum status conf_caller_nothing(struct conf_run *run, struct error *err);
enum status conf_caller_durable(struct conf_run *run, struct error *err);
enum status conf_caller_answers(struct conf_run *run, struct error *err);
enum status conf_caller_alterations(struct conf_run *run, struct error *err);
enum status conf_caller_doctype(struct conf_run *run, struct error *err);
enum status conf_caller_status_services(struct conf_run *run, struct error *err);
enum status conf_caller_bounds(struct conf_run *run, struct error *err);
enum status conf_caller_mangled(struct conf_run *run, struct error *err);
enum status conf_caller_chunks(struct conf_run *run, struct error *err);
enum status conf_caller_chunks_refused(struct conf_run *run, struct error *err);
enum status conf_caller_unseen(struct conf_run *run, struct error *err);
