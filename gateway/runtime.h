/*
 * gateway/runtime.h - what one running depesched stands on
 *
 * Made once from the settings, then const but for the store, the log and the loop, which look after
 * themselves. Everything that needs certificates gets them here, parsed once.
 */
#pragma once

#include <stdatomic.h>

#include "certs/checker.h"
#include "certs/identity.h"
#include "gateway/crl_folder.h"
#include "gateway/http_client.h"
#include "gateway/pair.h"
#include "gateway/reach.h"
#include "gateway/revocation.h"
#include "gateway/scan_guard.h"
#include "gateway/store.h"
#include "gateway/tls_next.h"
#include "gateway/transform.h"
#include "gateway/trust.h"
#include "osci/message.h"
#include "xta/schema.h"

/* Of somebody else, from a time on instead of the one before. */
struct gw_next_cert {
    int64_t from;
    struct cert *cert;
};

/* An authority that sends and receives here. */
struct gw_tenant {
    const struct gw_tenant_conf *conf;
    struct identity *identity;
    struct osci_own_cipher
        own[IDENTITY_CIPHERS_MAX]; /* its cipher generations, those to come too */
    size_t own_count;
    const struct gw_trust_scope *trust; /* whom it believes */
};

/* An intermediary that we talk to. */
struct gw_peer {
    const struct gw_intermediary_conf *conf;
    const struct gw_tenant *tenant; /* for whom; NULL: nobody, in a pure intermediary */
    struct cert *cipher;            /* orders to it are enveloped for this, or one of: */
    struct gw_next_cert *next_ciphers;
    size_t next_cipher_count;
    struct cert **signatures; /* its answers must be signed by one of them; none: by any we trust */
    size_t signature_count;
    const struct gw_trust_scope *trust; /* whom we believe about it */
    struct gw_tls_files tls;
    struct gw_tls_next next_tls;
    /* The cipher certificate of ours under which we speak there, for a mailbox of another
     * generation; NULL: the one in use. */
    const struct cert *as;
};

/* An XTA server whose client we are. */
struct gw_xta_peer {
    const struct gw_xta_peer_conf *conf;
    struct gw_tls_files tls;
    struct gw_tls_next next_tls;
    /* What is kept about it while we run; only the lane that fetches touches it. */
    struct gw_xta_memory {
        bool account_active; /* it said so since the start */
        /* V5: something may have been fetched and not closed, so what was fetched before is looked
         * through, too: at the start, and after a failure between both */
        bool looked_back;
    } * memory;
};

/* An authority that we write to or hear from. */
struct gw_partner {
    const struct gw_partner_conf *conf;
    const char *way;            /* the name of its destination: peer in the rows of its messages */
    const char *tenant;         /* whose partner it is; NULL: everybody's, a target */
    const struct gw_peer *peer; /* its intermediary; NULL: it is reached by XTA */
    struct cert *cipher;        /* NULL: there is none, with XTA; in its time one of: */
    struct gw_next_cert *next_ciphers;
    size_t next_cipher_count;
    struct cert **authors;
    size_t author_count;
    struct cert **readers; /* beside cipher */
    size_t reader_count;
    const struct gw_trust_scope *trust; /* whom we believe about it; NULL: a target */
};

/* A destination that speaks neither OSCI nor XTA (gateway/target.h). */
struct gw_target {
    const struct gw_target_conf *conf;
    const char *url;           /* of the settings; "" for a program */
    struct gw_tls_files tls;   /* whom we believe there */
    struct gw_partner partner; /* as a recipient: without certificates, its way is itself */
    struct gw_partner_conf as_partner;
};

/* Keys with which an endpoint signs its contents; none: the tenant does. */
struct gw_authors {
    struct identity_pair *pairs;
    size_t count;
};

struct gw_runtime {
    const struct gw_config *conf;
    struct gw_loop *loop;
    struct gw_log *log;
    struct gw_store *store;
    struct gw_tls_seen *seen; /* certificates that others showed; NULL: nobody keeps them */
    struct gw_http_client *http;
    struct gw_reach *reach; /* which destinations are away */
    struct gw_scan_guard *scan_guard;
    /* By endpoint of the settings: 0, or the reason why its drop folder cannot be used. Written by
     * its thread (gateway/spool.h); NULL: there are no endpoints. */
    atomic_int *folder_reasons;
    struct rng *rng;
    struct policy_dates dates[POLICY_ROWS_MAX]; /* of policy, where the settings name a file */
    struct policy policy;
    struct cert_cache *cache;
    struct gw_trust *trust;           /* whom we believe, for whom and for what */
    struct cert_checker *checker;     /* of what holds for all, whose lists are everybody's */
    struct gw_revocation *revocation; /* asked about whom the lists do not name */
    struct gw_crl_folder *crls;       /* keeps checker up to date; NULL: no such folder */
    struct gw_key_places places;      /* keys that are not in our memory */
    struct gw_tenant *tenants;        /* none: a pure intermediary */
    size_t tenant_count;
    struct gw_peer *peers;
    size_t peer_count;
    struct xta_schemas *schemas; /* of XTA; NULL: nobody here speaks it */
    struct gw_xta_peer *xta_peers;
    size_t xta_peer_count;
    struct gw_partner *partners;
    size_t partner_count;
    struct gw_target *targets;
    size_t target_count;
    struct gw_transform **transforms; /* by route, as in conf; NULL: it has none */
    struct gw_authors *authors;       /* by endpoint, as in conf */
    size_t authors_count;
    char *temp_dir;               /* for bodies too large for memory */
    void (*committed)(void *ctx); /* after a commit with events, from the store's thread */
    void *committed_ctx;
    void (*onward)(void *ctx); /* something that came in goes on, on the loop */
    void *onward_ctx;
};

/*
 * Reads keys and certificates, opens the store, starts the HTTP client. loop and log are borrowed.
 * err names the file that cannot be used. Free with gw_runtime_free after the loop has ended.
 */
MUST_CHECK enum status gw_runtime_new(const struct gw_config *conf, struct gw_loop *loop,
                                      struct gw_log *log, struct gw_runtime **rt,
                                      struct error *err);
void gw_runtime_free(struct gw_runtime *rt);
DROP_DEFINE(gw_runtime_drop, struct gw_runtime, gw_runtime_free)

/* Called after every commit that wrote events: return at once, call nothing of the store. To be set
 * before any thread writes. */
void gw_runtime_on_commit(struct gw_runtime *rt, void (*committed)(void *ctx), void *ctx);

/* Called on the loop after a message that came in was put into the outbox. Set as the one above. */
void gw_runtime_on_onward(struct gw_runtime *rt, void (*onward)(void *ctx), void *ctx);

/* By name; where there is only one always that, whatever it was called before. NULL: none. */
const struct gw_tenant *gw_runtime_tenant(const struct gw_runtime *rt, const char *name);
const struct gw_peer *gw_runtime_peer(const struct gw_runtime *rt, const char *name);
/* Whom a message may be addressed to: a partner, or a target as if it were one. */
const struct gw_partner *gw_runtime_partner(const struct gw_runtime *rt, const char *name);
const struct gw_target *gw_runtime_target(const struct gw_runtime *rt, const char *name);
/* Those of the endpoint of that name; NULL when there is no such endpoint. */
const struct gw_authors *gw_runtime_authors(const struct gw_runtime *rt, const char *endpoint);
/* For whom something is enciphered at that time. */
struct cert *gw_peer_cipher(const struct gw_peer *peer, int64_t now);
struct cert *gw_partner_cipher(const struct gw_partner *partner, int64_t now); /* NULL: none */
/* The partner of this tenant who signs with this certificate, or ciphers with it; NULL when nobody
 * says so. */
const struct gw_partner *gw_runtime_partner_of(const struct gw_runtime *rt,
                                               const struct gw_tenant *tenant,
                                               const struct cert *cert);
/* By what a certificate is judged that came by peer: as its partner's, if it is known as one. */
const struct gw_trust_scope *gw_runtime_trust_of(const struct gw_runtime *rt,
                                                 const struct gw_peer *peer,
                                                 const struct cert *cert);
/* An identity from the files of its block; places NULL: all of it is in files. Free with
 * identity_free. Where it is none err->cause is GW_R_KEY_UNREADABLE, GW_R_KEY_MISMATCH or
 * GW_R_CERT_PURPOSE. */
MUST_CHECK enum status gw_identity_load(const struct gw_identity_conf *conf,
                                        const struct gw_key_places *places,
                                        struct identity **identity, struct error *err);
/* All its cipher generations; how many. */
size_t gw_own_ciphers(const struct identity *identity,
                      struct osci_own_cipher own[static IDENTITY_CIPHERS_MAX]);
/* The certificate in a PEM file. */
MUST_CHECK enum status gw_cert_load(const char *path, struct cert **cert, struct error *err);
