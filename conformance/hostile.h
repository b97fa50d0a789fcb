/*
 * conformance/hostile.h - messages nobody means well with
 *
 * Beyond every bound, mangled at random (the same each time), or with certificates whose status
 * services are traps. They are bytes; who sends them to whom, and what is expected, is the roles'.
 *
 * Source: OSCI 1.2 digest 11.1, 12.
 */
#pragma once

#include "conformance/forge.h"
#include "conformance/http.h"

/* ---- too much of something ---- */

enum { CONF_EXCESSES = 6 };
const char *conf_excess_name(unsigned i); /* i < CONF_EXCESSES */
/* plain: a well-formed message, signed or not, MIME included. */
MUST_CHECK enum status conf_excess(unsigned i, struct span plain, struct buf *out,
                                   struct error *err);

/* ---- mangled ---- */

struct conf_mangler {
    uint64_t state;
};
void conf_mangler_init(struct conf_mangler *m, uint64_t seed); /* not 0 */
/* A copy with some bytes flipped, cut out, doubled, or replaced by what parsers dislike. */
void conf_mangle(struct conf_mangler *m, struct span bytes, struct buf *out);

/* ---- a trap ---- */

/* A listener that nobody must connect to. */
MUST_CHECK enum status conf_trap(struct conf_run *run, struct conf_listener **listener,
                                 char url[64], struct error *err);
/* A self-signed certificate for key that names url as its OCSP service and its CRL; cert_free. */
MUST_CHECK enum status conf_trap_cert(const struct key *key, const char *url, struct cert **cert,
                                      struct error *err);
