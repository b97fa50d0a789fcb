/*
 * conformance/recipient.h - what the scenarios with a passive recipient share
 *
 * A visit is one delivery brought to the recipient, and its answer looked at. Whether it was kept
 * is seen only in the folder where the recipient hands deliveries over (--set inbox=DIR); without
 * that setting the answer alone is judged, and the reason says so.
 *
 * Source: OSCI 1.2 digest 2.8, 2.10.
 */
#pragma once

#include "conformance/alteration.h"
#include "conformance/delivery.h"
#include "conformance/http.h"
#include "conformance/structure.h"

struct conf_visit {
    struct conf_delivery d;
    struct buf wire;
    struct conf_reply reply;
    struct conf_view view;
    bool answered; /* with something that could be opened: */
    char code[8];
    const char *why; /* not */
};
void conf_visit_deinit(struct conf_visit *visit); /* for AUTO; zeroed is fine */

/* An acceptDelivery from originator, by us, to the recipient; not altered, not sent yet. */
MUST_CHECK enum status conf_visit_make(struct conf_run *run, struct conf_visit *visit,
                                       enum osci_type type, struct error *err);
/* Writes it with that alteration (NULL: none) into wire. */
MUST_CHECK enum status conf_visit_write(struct conf_run *run, struct conf_visit *visit,
                                        const struct conf_alteration *row, struct error *err);
/* Posts wire and opens the answer, as the intermediary that we usually play or as another one. */
MUST_CHECK enum status conf_visit_post_as(struct conf_run *run, struct conf_visit *visit,
                                          const struct conf_party *us, struct error *err);
MUST_CHECK enum status conf_visit_post(struct conf_run *run, struct conf_visit *visit,
                                       struct error *err);
/* All three. */
MUST_CHECK enum status conf_visit(struct conf_run *run, struct conf_visit *visit,
                                  const struct conf_alteration *row, struct error *err);

/* How many of the delivery's contents were handed over: SIZE_MAX when nobody can see. wait: until
 * all of them are there, for a while. */
size_t conf_visit_kept(struct conf_run *run, const struct conf_visit *visit, bool wait);
/* A well-formed delivery is still taken: the recipient lives. */
bool conf_recipient_lives(struct conf_run *run);

/* The scenarios; recipient_*.c */
enum status conf_recipient_accept(struct conf_run *run, struct error *err);
enum status conf_recipient_alterations(struct conf_run *run, struct error *err);
enum status conf_recipient_doctype(struct conf_run *run, struct error *err);
enum status conf_recipient_readers(struct conf_run *run, struct error *err);
enum status conf_recipient_elliptic(struct conf_run *run, struct error *err);
enum status conf_recipient_features(struct conf_run *run, struct error *err);
enum status conf_recipient_oracle(struct conf_run *run, struct error *err);
enum status conf_recipient_twice(struct conf_run *run, struct error *err);
enum status conf_recipient_foreign(struct conf_run *run, struct error *err);
enum status conf_recipient_tampered(struct conf_run *run, struct error *err);
enum status conf_recipient_process(struct conf_run *run, struct error *err);
enum status conf_recipient_status_services(struct conf_run *run, struct error *err);
enum status conf_recipient_bounds(struct conf_run *run, struct error *err);
enum status conf_recipient_mangled(struct conf_run *run, struct error *err);
