#include "certs/crl_list.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "certs/strength.h"
#include "certs/x509_drop.h"
#include "certs/x509_time.h"

DROP_DEFINE(idp_drop, ISSUING_DIST_POINT, ISSUING_DIST_POINT_free)
DROP_DEFINE(points_drop, CRL_DIST_POINTS, CRL_DIST_POINTS_free)
DROP_DEFINE(integer_drop, ASN1_INTEGER, ASN1_INTEGER_free)
DROP_DEFINE(enumerated_drop, ASN1_ENUMERATED, ASN1_ENUMERATED_free)

/* As the library counts it; the struct is never looked into. */
struct crl_list;

static X509_CRL *crl_of(struct crl_list *list)
{
    return (X509_CRL *)list;
}

enum status crl_list_read(struct span bytes, struct crl_list **list, struct error *err)
{
    const unsigned char *at = bytes.ptr;
    X509_CRL *crl = NULL;

    if (bytes.len > INT_MAX)
        return error_set(err, ST_LIMIT, 0, "too large for a revocation list");
    ERR_clear_error();
    if (span_find(span_sub(bytes, 0, 4096), SPAN("-----BEGIN X509 CRL-----")) != SIZE_MAX) {
        AUTO(bio_drop) BIO *bio = BIO_new_mem_buf(bytes.ptr, (int)bytes.len);

        TRY_ALLOC(bio, err);
        crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    } else {
        crl = d2i_X509_CRL(NULL, &at, (long)bytes.len);
    }
    ERR_clear_error();
    if (at != bytes.ptr && at != bytes.ptr + bytes.len) {
        X509_CRL_free(crl);
        crl = NULL;
    }
    if (crl == NULL)
        return error_set(err, ST_INVALID, 0, "what the distribution point gives is no list");
    *list = (struct crl_list *)crl;
    return ST_OK;
}

struct crl_list *crl_list_ref(struct crl_list *list)
{
    (void)X509_CRL_up_ref(crl_of(list));
    return list;
}

void crl_list_free(struct crl_list *list)
{
    X509_CRL_free(crl_of(list));
}

const X509_CRL *crl_list_x509(const struct crl_list *list)
{
    return (const X509_CRL *)list;
}

/* ---- may it speak ---- */

/* RFC 5280, 6.3.3 (b)(2): the list's own name is one of those that the certificate gives. */
static bool point_fits(const DIST_POINT_NAME *name, X509 *x509)
{
    AUTO(points_drop)
    CRL_DIST_POINTS *all = X509_get_ext_d2i(x509, NID_crl_distribution_points, NULL, NULL);

    ERR_clear_error();
    if (name->type != 0)
        return false;
    for (int i = 0; i < sk_DIST_POINT_num(all); i++) {
        const DIST_POINT_NAME *theirs = sk_DIST_POINT_value(all, i)->distpoint;

        for (int k = 0;
             theirs != NULL && theirs->type == 0 && k < sk_GENERAL_NAME_num(theirs->name.fullname);
             k++)
            for (int m = 0; m < sk_GENERAL_NAME_num(name->name.fullname); m++)
                if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(theirs->name.fullname, k),
                                     sk_GENERAL_NAME_value(name->name.fullname, m)) == 0)
                    return true;
    }
    return false;
}

static bool scope_holds(const X509_CRL *crl, X509 *x509)
{
    int critical = -1;
    AUTO(idp_drop)
    ISSUING_DIST_POINT *idp =
        X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, NULL);
    const bool ca = X509_check_ca(x509) > 0;

    ERR_clear_error();
    if (idp == NULL)
        return critical == -1; /* otherwise it cannot be read, or stands there twice */
    return !idp->indirectCRL && !idp->onlyattr && idp->onlysomereasons == NULL &&
           !(idp->onlyuser && ca) && !(idp->onlyCA && !ca) &&
           (idp->distpoint == NULL || point_fits(idp->distpoint, x509));
}

static bool has_unknown(const X509_CRL *crl)
{
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
        X509_EXTENSION *ext = X509_CRL_get_ext(crl, i);
        const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));

        if (X509_EXTENSION_get_critical(ext) && nid != NID_issuing_distribution_point &&
            nid != NID_delta_crl)
            return true;
    }
    return false;
}

static bool is_delta(const X509_CRL *crl)
{
    return X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;
}

/* Is it the issuer's, and about such certificates? */
static bool origin_judge(X509_CRL *crl, X509 *x509, X509 *issuer, const struct crl_rules *rules,
                         int64_t now, struct cert_standing *s)
{
    const X509_ALGOR *alg = NULL;
    struct error err = {0};

    X509_CRL_get0_signature(crl, NULL, &alg);
    if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(x509)) != 0 ||
        (X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0)
        cert_standing_lacks(s, CERT_LACK_SIGNER, "the list is not from the certificate's issuer");
    else if (signature_alg_check(rules->policy, alg, now, &err) != ST_OK)
        cert_standing_lacks(s, CERT_LACK_WEAK, "the list: %.120s", err.text);
    else if (X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1)
        cert_standing_lacks(s, CERT_LACK_SIGNER, "the signature of the list is wrong");
    else if (has_unknown(crl))
        cert_standing_lacks(s, CERT_LACK_FORM, "the list has an extension that is not known here");
    else if (!scope_holds(crl, x509))
        cert_standing_lacks(s, CERT_LACK_OTHER, "the list is not about such certificates");
    else
        return true;
    ERR_clear_error();
    return false;
}

static void time_judge(const X509_CRL *crl, const struct crl_rules *rules, int64_t now,
                       struct cert_standing *s)
{
    const int64_t from = x509_time_ms(X509_CRL_get0_lastUpdate(crl));
    const int64_t next = x509_time_ms(X509_CRL_get0_nextUpdate(crl));
    const int64_t until = next == 0 ? from + rules->age_max_ms : next + rules->skew_ms;

    if (from > now + rules->skew_ms)
        cert_standing_lacks(s, CERT_LACK_EARLY, "the list is dated later than now");
    else if (until < now)
        cert_standing_lacks(s, CERT_LACK_OLD, "the list is outdated");
    else
        *s = (struct cert_standing){.known = CERT_KNOWN_GOOD, .as_of = from, .until = until};
}

/* ---- what it says ---- */

enum { NOT_LISTED = -2, REASON_UNKNOWN = -1, ON_HOLD = 6, REMOVED = 8 };

/* The reason of its entry, or NOT_LISTED. */
static long entry_find(X509_CRL *crl, X509 *x509, int64_t *at)
{
    AUTO(enumerated_drop) ASN1_ENUMERATED *code = NULL;
    X509_REVOKED *entry = NULL;

    if (X509_CRL_get0_by_serial(crl, &entry, X509_get_serialNumber(x509)) == 0)
        return NOT_LISTED;
    *at = x509_time_ms(X509_REVOKED_get0_revocationDate(entry));
    code = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    ERR_clear_error();
    return code == NULL ? REASON_UNKNOWN : ASN1_ENUMERATED_get(code);
}

static bool same_extension(const X509_CRL *a, const X509_CRL *b, int nid)
{
    X509_EXTENSION *of_a = X509_CRL_get_ext(a, X509_CRL_get_ext_by_NID(a, nid, -1));
    X509_EXTENSION *of_b = X509_CRL_get_ext(b, X509_CRL_get_ext_by_NID(b, nid, -1));

    if (of_a == NULL || of_b == NULL)
        return of_a == of_b;
    return ASN1_STRING_cmp(X509_EXTENSION_get_data(of_a), X509_EXTENSION_get_data(of_b)) == 0;
}

/* RFC 5280, 5.2.4: what it changes is this list, or one before it. */
static bool goes_with(const X509_CRL *delta, const X509_CRL *base)
{
    AUTO(integer_drop) ASN1_INTEGER *from = X509_CRL_get_ext_d2i(delta, NID_delta_crl, NULL, NULL);
    AUTO(integer_drop) ASN1_INTEGER *to = X509_CRL_get_ext_d2i(delta, NID_crl_number, NULL, NULL);
    AUTO(integer_drop) ASN1_INTEGER *at = X509_CRL_get_ext_d2i(base, NID_crl_number, NULL, NULL);

    ERR_clear_error();
    return from != NULL && to != NULL && at != NULL && ASN1_INTEGER_cmp(from, at) <= 0 &&
           ASN1_INTEGER_cmp(to, at) > 0 &&
           same_extension(delta, base, NID_issuing_distribution_point) &&
           same_extension(delta, base, NID_authority_key_identifier);
}

void crl_list_judge_delta(struct crl_list *delta, X509 *x509, X509 *issuer,
                          const struct crl_rules *rules, int64_t now, struct cert_standing *s)
{
    if (!is_delta(crl_of(delta)))
        cert_standing_lacks(s, CERT_LACK_OTHER, "the list is no delta list");
    else if (origin_judge(crl_of(delta), x509, issuer, rules, now, s))
        time_judge(crl_of(delta), rules, now, s);
}

void crl_list_judge(struct crl_list *list, struct crl_list *delta, X509 *x509, X509 *issuer,
                    const struct crl_rules *rules, int64_t now, struct cert_standing *s)
{
    X509_CRL *crl = crl_of(list);
    struct cert_standing newer = {0};
    int64_t at = 0, changed_at = 0;
    long reason, changed = NOT_LISTED;

    if (is_delta(crl)) {
        cert_standing_lacks(s, CERT_LACK_OTHER, "the list is a delta list");
        return;
    }
    if (!origin_judge(crl, x509, issuer, rules, now, s))
        return;
    time_judge(crl, rules, now, s);
    reason = entry_find(crl, x509, &at);
    if (delta != NULL && goes_with(crl_of(delta), crl))
        crl_list_judge_delta(delta, x509, issuer, rules, now, &newer);
    if (newer.known == CERT_KNOWN_GOOD) {
        changed = entry_find(crl_of(delta), x509, &changed_at);
        if (s->known == CERT_KNOWN_GOOD) {
            s->as_of = newer.as_of;
            s->until = newer.until < s->until ? newer.until : s->until;
        }
    }
    if (changed == REMOVED)
        reason = NOT_LISTED;
    else if (changed != NOT_LISTED) {
        reason = changed;
        at = changed_at;
    }
    if (reason != NOT_LISTED && reason != REMOVED &&
        (s->known == CERT_KNOWN_GOOD || reason != ON_HOLD))
        cert_standing_revoked(s, x509_time_ms(X509_CRL_get0_lastUpdate(crl)), at, reason);
}
