/*
 * certs/path.h - may this certificate be believed, for this purpose, at this time
 *
 * The answer is a verdict, in the words of an OSCI Inspection: MathResult for the signatures of the
 * chain, OfflineResult for validity, chain and usage, OnlineResult for revocation. An unknown
 * issuer, an expired certificate or a wrong usage are verdicts, never error statuses; a status
 * other than ST_OK means that the check itself could not be made.
 *
 *   case                                      math           offline        flag
 *   signature does not fit the issuer's key   corrupted      invalid
 *   issuer unknown, chain too long            indeterminate  indeterminate  untrusted
 *   issuer not entitled: no CA, path length,  ok             invalid        chain_bad
 *     names, policies; extensions it may not
 *     have
 *   RSA below 2048 bits, SHA-1 in the chain   ok             invalid        weak
 *   key usage does not fit the purpose        ok             invalid        usage_wrong
 *   outside validity (any of the chain)       ok             invalid        expired, not_yet_valid
 *   none of these                             ok             valid
 *
 * Where there are revocation lists, online says what they do: revoked (the certificate or an issuer
 * of its chain), or ok. Without a current list of its issuer there is no online result, and the
 * flag status_missing where one was expected. An anchor is believed whatever lists say. Where a
 * source can be asked (certs/standing.h) it tells about those of whom no list at hand does; the
 * flag must_wait says that by the source's rules nothing may go on without an answer.
 *
 * All flags are collected in one go, so "expired" alone can be told from "expired and issued by
 * somebody unknown". Where several apply, the upper row decides math; invalid wins over
 * indeterminate in offline.
 *
 * There may be several ways to an anchor, over cross certificates and keys of the same name. The
 * best of them counts; how many are tried, and how large certificates and their policies may be, is
 * bounded. A revoked issuer is not gone round. Policies are asked for by the authorities of the
 * chain, and by the trust store.
 *
 * Source: OSCI 1.2 digest 5.4 and 11.1; RFC 5280, 6.1.
 */
#pragma once

#include "certs/revocation.h"
#include "certs/standing.h"

enum cert_math { CERT_MATH_INDETERMINATE, CERT_MATH_OK, CERT_MATH_CORRUPTED };
enum cert_offline { CERT_OFFLINE_INDETERMINATE, CERT_OFFLINE_VALID, CERT_OFFLINE_INVALID };
/* Revocation; NONE: not asked, or no answer. */
enum cert_online { CERT_ONLINE_NONE, CERT_ONLINE_OK, CERT_ONLINE_REVOKED };

enum { CERT_DEPTH_MAX = 8, CERT_EXTRA_MAX = 32, CERT_REASON_MAX = 464 };

/* A plain value; the zero verdict is "indeterminate" everywhere. */
struct cert_verdict {
    enum cert_math math;
    enum cert_offline offline;
    enum cert_online online;
    bool expired, not_yet_valid; /* the certificate or one of its issuers */
    bool usage_wrong, untrusted, chain_bad, weak;
    bool status_missing; /* an answer or a revocation list was expected and is not there */
    bool must_wait;      /* and the source says that nothing may go on so */
    enum cert_lack lack; /* why it is not there, of the first such certificate of the chain */
    int64_t listed_at;   /* where online is set: thisUpdate of the answer or list */
    int64_t told_until;  /* how long online holds at least; 0: a list at hand says so */
    int64_t revoked_at;  /* where a source says so */
    int64_t checked_at;  /* the now of the check */
    /* One English sentence, or "": certificate, purpose, the worst finding, and the store in which
     * it was looked up, where that has a name. */
    char reason[CERT_REASON_MAX];
    enum cert_purpose purpose; /* for which it was checked */
    const char *check;         /* that which reason is about: "validity", "key usage"; NULL: none */
};

/* Believable in every respect: math ok, offline valid, not known to be revoked. */
bool cert_verdict_good(const struct cert_verdict *v);
/* Outside its validity, and that is all that is wrong with it. */
bool cert_verdict_only_time(const struct cert_verdict *v);
/* The words of the Inspection: "ok", "corrupted", "indeterminate"; "valid", "invalid" ...;
 * online: NULL for NONE, where the element is left out. */
const char *cert_math_name(enum cert_math math);
const char *cert_offline_name(enum cert_offline offline);
const char *cert_online_name(enum cert_online online);

/* Who tells about revocation. */
struct cert_evidence {
    const struct crls *crls;    /* lists at hand; NULL: none */
    struct cert_source *source; /* asked about whom these do not name; NULL: nobody */
};

/*
 * Checks cert at the time now. extra are certificates that came along and may help to build the
 * chain; only the first CERT_EXTRA_MAX are looked at. crls NULL: nobody is revoked. Thread-safe.
 * ST_LIMIT: no memory; ST_INTERNAL, reason 9710: the library refused to check.
 */
MUST_CHECK enum status cert_check(const struct trust *trust, const struct crls *crls,
                                  const struct cert *cert, const struct cert *const *extra,
                                  size_t extra_count, enum cert_purpose purpose, int64_t now,
                                  struct cert_verdict *verdict, struct error *err);
/* The same with somebody who may be asked. */
MUST_CHECK enum status cert_check_with(const struct trust *trust, struct cert_evidence evidence,
                                       const struct cert *cert, const struct cert *const *extra,
                                       size_t extra_count, enum cert_purpose purpose, int64_t now,
                                       struct cert_verdict *verdict, struct error *err);
