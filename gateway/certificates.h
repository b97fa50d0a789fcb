/*
 * gateway/certificates.h - every certificate that is in use here: whose, for what, until when
 *
 * Those of the settings, one after the other, as they are in force; what is only used from a file
 * (TLS, whose contexts keep none for us) is read again. The directory of partners has its own
 * (gateway/directory.h). It reads files: call it from a worker.
 */
#pragma once

#include "gateway/explain.h"
#include "gateway/runtime.h"

enum gw_cert_owner {
    GW_CERT_OWN,          /* ours, with a key */
    GW_CERT_INTERMEDIARY, /* of an intermediary that we talk to */
    GW_CERT_PARTNER,      /* of an authority that we write to or hear from */
    GW_CERT_CLIENT,       /* of somebody who speaks to our intermediary or XTA server */
    GW_CERT_AUTHORITY,    /* an issuer that we believe */
    GW_CERT_SERVER,       /* of a server that we connect to */
};

enum gw_cert_use_for {
    GW_CERT_SIGNS,      /* it signs, or what it signed is believed */
    GW_CERT_ENCIPHERS,  /* what is enciphered for it is meant for its owner */
    GW_CERT_DECIPHERED, /* it was in use once; what still comes for it is opened */
    GW_CERT_TLS,
    GW_CERT_ISSUES,
    GW_CERT_LISTS,  /* no certificate: an issuer's list of those it has revoked */
    GW_CERT_PINNED, /* believed by itself, without its issuer */
};

struct gw_cert_use {
    enum gw_cert_owner owner;
    enum gw_cert_use_for use;
    const char *setting;     /* "tenant.identity.signature" */
    unsigned serves;         /* in a store of trust: the purposes it decides about there, bits */
    const char *name;        /* of the partner, intermediary, endpoint, ...; NULL: there is none */
    const char *path;        /* NULL: it was read with the settings */
    int64_t from;            /* it takes over then; 0: it is in use already */
    int64_t until;           /* from then on another one does its work; 0: nothing else does */
    const struct cert *cert; /* valid during the call; NULL: the file cannot be read */
    const char *detail;      /* why it cannot */
};

/* "own", ...; "signature", ... as in the API. */
const char *gw_cert_owner_name(enum gw_cert_owner owner);
const char *gw_cert_use_name(enum gw_cert_use_for use);

/* Calls see for each of them. */
void gw_certificates(const struct gw_runtime *rt,
                     void (*see)(void *ctx, const struct gw_cert_use *use), void *ctx);

/* Whole days until it expires, below 0 once it has. */
int64_t gw_cert_days_left(const struct cert *cert, int64_t now);
int64_t gw_days_left(int64_t until, int64_t now); /* of anything */
/* Its work ends with it: nothing takes over before. */
bool gw_cert_leaves_gap(const struct gw_cert_use *use);
/* Its work is done by another one then, or it only opens what comes late. */
bool gw_cert_replaced(const struct gw_cert_use *use, int64_t on);
/* 0: nothing, good for at least 30 days, or replaced; else GW_R_CERT_EXPIRED, GW_R_CERT_NOT_YET,
 * or, which is a warning, GW_R_CERT_EXPIRES_SOON. What takes over later is judged as of then. */
int gw_cert_finding(const struct gw_cert_use *use, int64_t now);
/* 0: on that day it does its work, or another one does; else GW_R_CERT_EXPIRED, GW_R_CERT_NOT_YET.
 */
int gw_cert_hindrance(const struct gw_cert_use *use, int64_t on);
/* What can no longer be done once it has ended, in a sentence. */
void gw_cert_blocks(struct buf *b, const struct gw_cert_use *use, enum gw_lang lang);
/* "2026-05-04" in UTC. */
void gw_cert_day(int64_t ms, char day[static 16]);
