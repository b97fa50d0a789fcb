/*
 * conformance/xta_malformed.h - a letter that is right but for one thing, and what must come of it
 *
 * The letter goes from author to second, with an id that was handed out. After it was refused the
 * author's server knows of no such message, and none lies in the box.
 */
#pragma once

#include "conformance/xta_scenarios.h"

struct conf_xta_spoilt {
    struct conf_xta_box box; /* where the letter would lie */
    struct conf_xta_letter letter;
    struct conf_xta_request q; /* envelope is there, to be changed */
    struct conf_xta_reply reply;
};

/* plain: without MIME. */
MUST_CHECK enum status conf_xta_spoilt_init(struct conf_xta_spoilt *s, struct conf_run *run,
                                            enum conf_ask ask, bool plain, struct error *err);
void conf_xta_spoilt_deinit(struct conf_xta_spoilt *s); /* for AUTO; zeroed is fine */
/* Packs and posts. */
MUST_CHECK enum status conf_xta_spoilt_send(struct conf_xta_spoilt *s, struct error *err);
/* It was refused, and nothing was stored. */
MUST_CHECK enum status conf_xta_spoilt_look(struct conf_xta_spoilt *s, unsigned number,
                                            const char *what, struct error *err);

/* Scenarios about bytes that are no XTA at all. */
enum status conf_xta_doctype(struct conf_run *run, struct error *err);
enum status conf_xta_entities(struct conf_run *run, struct error *err);
enum status conf_xta_noise(struct conf_run *run, struct error *err);
enum status conf_xta_soap11(struct conf_run *run, struct error *err);
enum status conf_xta_broken_mtom(struct conf_run *run, struct error *err);
