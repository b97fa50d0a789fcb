/*
 * gateway/parties.h - who signs the contents of a message, and who may read them
 *
 * The authors are the endpoint's own keys where it has some, else the tenant; the readers are the
 * partner and whoever else its settings name. All of them stand with their certificates in the
 * message, under Ids that the sealed contents refer to: so the same parties are asked for when a
 * message is sealed and when it is sent.
 *
 * Source: OSCI 1.2 digest 1, 6.5, 7.5.
 */
#pragma once

#include "gateway/runtime.h"
#include "osci/content.h"

struct gw_parties {
    struct osci_signer *authors;
    size_t author_count;
    struct osci_cert *readers; /* the addressee first */
    size_t reader_count;
    struct osci_cert *certs; /* for a delivery, with room for the two of each order */
    size_t cert_count;
    const char *ref; /* their fingerprints: when they changed, the contents are sealed anew */
};

/* With the certificates of that time. endpoint: its name, NULL: none. In the arena; keys and
 * certificates are the runtime's. */
MUST_CHECK enum status gw_parties_of(const struct gw_runtime *rt, const struct gw_partner *partner,
                                     const char *endpoint, int64_t now, struct arena *arena,
                                     struct gw_parties *parties, struct error *err);
