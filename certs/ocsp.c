#include "certs/ocsp.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "certs/strength.h"
#include "certs/x509_drop.h"
#include "certs/x509_time.h"

DROP_DEFINE(ocsp_request_drop, OCSP_REQUEST, OCSP_REQUEST_free)
DROP_DEFINE(ocsp_response_drop, OCSP_RESPONSE, OCSP_RESPONSE_free)
DROP_DEFINE(ocsp_id_drop, OCSP_CERTID, OCSP_CERTID_free)

enum { SIGNERS_MAX = 8 };

/* One answer being judged. */
struct judging {
    X509 *x509, *issuer;
    struct span nonce;
    const struct ocsp_rules *rules;
    int64_t now;
    OCSP_BASICRESP *basic;
    bool nonce_wrong;
};

/* ---- the question ---- */

static enum status refused(struct error *err)
{
    ERR_clear_error();
    return error_set(err, ST_INTERNAL, 0, "no question about this certificate can be written");
}

static enum status id_add(OCSP_REQUEST *request, X509 *x509, X509 *issuer, struct error *err)
{
    AUTO(ocsp_id_drop) OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), x509, issuer);

    if (id == NULL || OCSP_request_add0_id(request, id) == NULL)
        return refused(err);
    (void)TAKE(id);
    return ST_OK;
}

enum status ocsp_question_write(X509 *x509, X509 *issuer, struct span nonce, struct buf *out,
                                struct error *err)
{
    AUTO(ocsp_request_drop) OCSP_REQUEST *request = OCSP_REQUEST_new();
    uint8_t bytes[OCSP_NONCE_BYTES];
    unsigned char *der = NULL;
    int len;

    TRY_ALLOC(request, err);
    TRY(id_add(request, x509, issuer, err));
    if (nonce.len > 0) {
        const size_t used = nonce.len < sizeof bytes ? nonce.len : sizeof bytes;

        memcpy(bytes, nonce.ptr, used);
        if (OCSP_request_add1_nonce(request, bytes, (int)used) != 1)
            return refused(err);
    }
    len = i2d_OCSP_REQUEST(request, &der);
    if (len <= 0)
        return refused(err);
    buf_add(out, span_of(der, (size_t)len));
    OPENSSL_free(der);
    return buf_check(out, err);
}

/* ---- who signed ---- */

static bool is_responder(OCSP_BASICRESP *basic, X509 *x509)
{
    const ASN1_OCTET_STRING *key = NULL;
    const X509_NAME *name = NULL;
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (OCSP_resp_get0_id(basic, &key, &name) != 1)
        return false;
    if (name != NULL)
        return X509_NAME_cmp(name, X509_get_subject_name(x509)) == 0;
    return X509_pubkey_digest(x509, EVP_sha1(), hash, &len) == 1 &&
           ASN1_STRING_length(key) == (int)len &&
           memcmp(ASN1_STRING_get0_data(key), hash, len) == 0;
}

/* What keeps this certificate from answering for the issuer; NULL: nothing does. */
static const char *delegation_fault(const struct judging *j, X509 *signer)
{
    const uint32_t flags = X509_get_extension_flags(signer);
    int bits, needed, md = NID_undef, key = NID_undef;

    if (X509_check_issued(j->issuer, signer) != X509_V_OK ||
        X509_verify(signer, X509_get0_pubkey(j->issuer)) != 1)
        return "its certificate is not from the issuer of the one that was asked about";
    if ((flags & EXFLAG_XKUSAGE) == 0 ||
        (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) == 0 ||
        (X509_get_key_usage(signer) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
        return "its certificate is not for signing such answers";
    if ((flags & (EXFLAG_CRITICAL | EXFLAG_INVALID)) != 0)
        return "its certificate has an extension that is not known here";
    if (x509_time_ms(X509_get0_notAfter(signer)) < j->now)
        return "its certificate has expired";
    if (x509_time_ms(X509_get0_notBefore(signer)) > j->now)
        return "its certificate is not valid yet";
    if (X509_get_ext_by_NID(signer, NID_id_pkix_OCSP_noCheck, -1) < 0)
        return "nobody says that its certificate is not revoked (ocsp-nocheck is missing)";
    if (!x509_key_suffices(signer, &bits, &needed) ||
        X509_get_signature_info(signer, &md, &key, NULL, NULL) != 1 || digest_is_weak(md))
        return "its certificate is too weak";
    return NULL;
}

/* The one who says that he signed, and may; NULL: nobody, and why. */
static X509 *signer_find(const struct judging *j, const char **why)
{
    const STACK_OF(X509) *certs = OCSP_resp_get0_certs(j->basic);

    *why = "its certificate does not stand in the answer";
    if (is_responder(j->basic, j->issuer))
        return j->issuer;
    for (int i = 0; i < sk_X509_num(certs) && i < SIGNERS_MAX; i++) {
        X509 *signer = sk_X509_value(certs, i);

        if (!is_responder(j->basic, signer))
            continue;
        *why = delegation_fault(j, signer);
        if (*why == NULL)
            return signer;
    }
    return NULL;
}

static bool is_signed_by(OCSP_BASICRESP *basic, X509 *signer)
{
    AUTO(x509_stack_drop) STACK_OF(X509) *known = sk_X509_new_null();

    /* we know him, so the library checks the signature alone */
    return known != NULL && sk_X509_push(known, signer) > 0 &&
           OCSP_basic_verify(basic, known, NULL, OCSP_NOINTERN | OCSP_TRUSTOTHER | OCSP_NOVERIFY) ==
               1;
}

static bool signature_judge(const struct judging *j, struct cert_standing *s)
{
    struct error err = {0};
    const char *why = NULL;
    X509 *signer = signer_find(j, &why);

    if (signer == NULL)
        cert_standing_lacks(s, CERT_LACK_SIGNER, "the responder may not answer: %s", why);
    else if (signature_alg_check(j->rules->policy, OCSP_resp_get0_tbs_sigalg(j->basic), j->now,
                                 &err) != ST_OK)
        cert_standing_lacks(s, CERT_LACK_WEAK, "the responder's answer: %.120s", err.text);
    else if (!is_signed_by(j->basic, signer))
        cert_standing_lacks(s, CERT_LACK_SIGNER,
                            "the signature of the responder's answer is wrong");
    else
        return true;
    return false;
}

/* ---- what is said ---- */

/* RFC 8954: an octet string within the extension. */
static bool nonce_fits(const struct judging *j)
{
    X509_EXTENSION *ext = OCSP_BASICRESP_get_ext(
        j->basic, OCSP_BASICRESP_get_ext_by_NID(j->basic, NID_id_pkix_OCSP_Nonce, -1));
    const ASN1_OCTET_STRING *value = ext == NULL ? NULL : X509_EXTENSION_get_data(ext);
    const uint8_t head[] = {V_ASN1_OCTET_STRING, (uint8_t)j->nonce.len};
    struct span bytes;

    if (j->nonce.len == 0)
        return true;
    if (value == NULL)
        return !j->rules->nonce_demanded;
    bytes = span_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    return span_starts(bytes, span_of(head, sizeof head)) &&
           span_eq(span_from(bytes, sizeof head), j->nonce);
}

static bool is_foreign_critical(X509_EXTENSION *ext)
{
    return X509_EXTENSION_get_critical(ext) &&
           OBJ_obj2nid(X509_EXTENSION_get_object(ext)) != NID_id_pkix_OCSP_Nonce;
}

static bool has_foreign_critical(OCSP_BASICRESP *basic, OCSP_SINGLERESP *single)
{
    bool found = false;

    for (int i = 0; i < OCSP_BASICRESP_get_ext_count(basic) && !found; i++)
        found = is_foreign_critical(OCSP_BASICRESP_get_ext(basic, i));
    for (int i = 0; i < OCSP_SINGLERESP_get_ext_count(single) && !found; i++)
        found = is_foreign_critical(OCSP_SINGLERESP_get_ext(single, i));
    return found;
}

/* The digest of the answer's CertID is the responder's choice. */
static bool is_about(const struct judging *j, OCSP_SINGLERESP *single)
{
    OCSP_CERTID *theirs = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);
    AUTO(ocsp_id_drop) OCSP_CERTID *ours = NULL;
    ASN1_INTEGER *serial = NULL;
    ASN1_OBJECT *oid = NULL;
    const EVP_MD *md;

    if (OCSP_id_get0_info(NULL, &oid, NULL, &serial, theirs) != 1 ||
        ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(j->x509)) != 0)
        return false;
    md = OBJ_obj2nid(oid) == NID_sha1     ? EVP_sha1()
         : OBJ_obj2nid(oid) == NID_sha256 ? EVP_sha256()
         : OBJ_obj2nid(oid) == NID_sha384 ? EVP_sha384()
         : OBJ_obj2nid(oid) == NID_sha512 ? EVP_sha512()
                                          : NULL;
    if (md != NULL)
        ours = OCSP_cert_to_id(md, j->x509, j->issuer);
    return ours != NULL && OCSP_id_cmp(ours, theirs) == 0;
}

static void good_judge(const struct judging *j, int64_t from, int64_t next, struct cert_standing *s)
{
    const int64_t until = next == 0 ? from + j->rules->age_max_ms : next + j->rules->skew_ms;

    if (j->nonce_wrong)
        cert_standing_lacks(s, CERT_LACK_NONCE, "the responder's answer is not to our question");
    else if (from > j->now + j->rules->skew_ms)
        cert_standing_lacks(s, CERT_LACK_EARLY, "the responder's answer is dated later than now");
    else if (until < j->now)
        cert_standing_lacks(s, CERT_LACK_OLD, "the responder's answer is outdated");
    else
        *s = (struct cert_standing){.known = CERT_KNOWN_GOOD, .as_of = from, .until = until};
}

static void single_judge(const struct judging *j, OCSP_SINGLERESP *single, struct cert_standing *s)
{
    ASN1_GENERALIZEDTIME *revoked = NULL, *from = NULL, *next = NULL;
    int reason = -1, status = OCSP_single_get0_status(single, &reason, &revoked, &from, &next);
    const int64_t as_of = x509_time_ms(from), until = x509_time_ms(next);

    if (as_of == 0 || (next != NULL && until < as_of) || has_foreign_critical(j->basic, single)) {
        cert_standing_lacks(s, CERT_LACK_FORM, "the responder's answer cannot be understood");
        return;
    }
    good_judge(j, as_of, until, s); /* is it for us, and fresh */
    if (status == V_OCSP_CERTSTATUS_REVOKED &&
        (s->known == CERT_KNOWN_GOOD || reason != OCSP_REVOKED_STATUS_CERTIFICATEHOLD))
        cert_standing_revoked(s, as_of, x509_time_ms(revoked), reason);
    else if (status == V_OCSP_CERTSTATUS_UNKNOWN && s->known == CERT_KNOWN_GOOD)
        cert_standing_lacks(s, CERT_LACK_UNKNOWN, "the responder does not know this certificate");
}

static bool is_better(const struct cert_standing *a, const struct cert_standing *b)
{
    return a->known != b->known ? a->known > b->known : a->as_of > b->as_of;
}

static void basic_judge(struct judging *j, struct cert_standing *s)
{
    bool found = false;

    if (!signature_judge(j, s))
        return;
    j->nonce_wrong = !nonce_fits(j);
    cert_standing_lacks(s, CERT_LACK_OTHER, "the responder's answer is about other certificates");
    for (int i = 0; i < OCSP_resp_count(j->basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(j->basic, i);
        struct cert_standing one;

        if (!is_about(j, single))
            continue;
        single_judge(j, single, &one);
        if (!found || is_better(&one, s))
            *s = one;
        found = true;
    }
}

static void response_judge(struct judging *j, OCSP_RESPONSE *response, struct cert_standing *s)
{
    const int status = OCSP_response_status(response);

    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        cert_standing_lacks(s, CERT_LACK_REFUSED, "the responder does not answer (%s)",
                            OCSP_response_status_str(status));
    else if ((j->basic = OCSP_response_get1_basic(response)) == NULL)
        cert_standing_lacks(s, CERT_LACK_FORM, "the responder's answer is of no known kind");
    else
        basic_judge(j, s);
}

enum status ocsp_answer_judge(struct span answer, X509 *x509, X509 *issuer, struct span nonce,
                              const struct ocsp_rules *rules, int64_t now,
                              struct cert_standing *standing, struct error *err)
{
    AUTO(ocsp_response_drop) OCSP_RESPONSE *response = NULL;
    struct judging j = {.x509 = x509, .issuer = issuer, .nonce = nonce, .rules = rules, .now = now};
    const unsigned char *at = answer.ptr;

    if (answer.len > OCSP_ANSWER_MAX) {
        cert_standing_lacks(standing, CERT_LACK_SIZE, "the responder's answer is too large");
        return ST_OK;
    }
    ERR_clear_error();
    response = d2i_OCSP_RESPONSE(NULL, &at, (long)answer.len);
    if (response == NULL && ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE) {
        ERR_clear_error();
        return error_starved(err);
    }
    if (response == NULL || at != answer.ptr + answer.len)
        cert_standing_lacks(standing, CERT_LACK_FORM, "what the responder says is no answer");
    else
        response_judge(&j, response, standing);
    OCSP_BASICRESP_free(j.basic);
    ERR_clear_error();
    return ST_OK;
}
