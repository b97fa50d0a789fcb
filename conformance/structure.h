/*
 * conformance/structure.h - is a message built as its type demands?
 *
 * The official schemas are not ours to hand on. So the form of what is sent is looked at here: the
 * schemaLocation, the header blocks in their order, with Id, actor and mustUnderstand, the body,
 * and the values inside that have a form of their own. Whoever has the schemas gives --schemas
 * besides.
 *
 * All functions: NULL, or what is wrong, in v->why.
 *
 * Source: OSCI 1.2 digest 0.5, 2, 3.2, 7.3; wire-notes 4, 8, 9.
 */
#pragma once

#include "conformance/view.h"

/* OSCI-005: the literal value, the prefix xsi. */
const char *conf_structure_location(struct conf_view *v);
/* OSCI-007: blocks and body. */
const char *conf_structure_check(struct conf_view *v);
/* OSCI-036: the envelope; also that the IV has 12 bytes. */
const char *conf_structure_envelope(struct conf_view *v);
/* OSCI-041: no attachment key outside an EncryptedData's plain text. */
const char *conf_structure_keys(struct conf_view *v);

/* Everything of that kind that can be said of any message: 1, 2, 5, 7, 23 to 25, 36, 41 are looked
 * at and counted for the run. signer: who must have signed; NULL: whom KeyInfo names. */
struct conf_run;
void conf_structure_look(struct conf_run *run, struct conf_view *v, const struct cert *signer);
