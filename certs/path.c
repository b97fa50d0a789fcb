#include "certs/path.h"

#include <stdio.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "certs/strength.h"
#include "certs/x509_drop.h"

enum { WAYS_MAX = 32, EXTENSIONS_MAX = 64, DEPTH_BITS = 31 };
enum { SUBJECT_SHOWN = 120, ISSUER_SHOWN = 60, TEXT_SHOWN = 128 };

/* What can be wrong, the worst last: that one is named in the reason. */
enum trouble { FINE, STATUS, TIME, USAGE, WEAK, CHAIN, UNTRUSTED, REVOKED, CORRUPTED };

struct check {
    const struct cert *cert;
    const struct crls *crls;
    struct cert_source *source;
    int64_t now;
    enum trouble worst;
    X509 *worst_at;    /* the certificate that it is about; borrowed from the chain */
    X509 *detour;      /* the helper without which there may be a better way; NULL: none */
    int forged_depth;  /* where a list's signature did not fit; -1: nowhere */
    unsigned unlisted; /* by depth, bits: no current list speaks for it */
    X509 *quiet_at;    /* the first of them, and why; NULL: none */
    int quiet_error;
    struct cert_verdict v;
};

bool cert_verdict_good(const struct cert_verdict *v)
{
    return v->math == CERT_MATH_OK && v->offline == CERT_OFFLINE_VALID &&
           v->online != CERT_ONLINE_REVOKED;
}

bool cert_verdict_only_time(const struct cert_verdict *v)
{
    return (v->expired || v->not_yet_valid) && v->math == CERT_MATH_OK && !v->usage_wrong &&
           !v->untrusted && !v->chain_bad && !v->weak && v->online != CERT_ONLINE_REVOKED;
}

const char *cert_math_name(enum cert_math math)
{
    static const char *const names[] = {"indeterminate", "ok", "corrupted"};

    return names[math];
}

const char *cert_offline_name(enum cert_offline offline)
{
    static const char *const names[] = {"indeterminate", "valid", "invalid"};

    return names[offline];
}

const char *cert_online_name(enum cert_online online)
{
    static const char *const names[] = {NULL, "ok", "revoked"};

    return names[online];
}

const char *cert_purpose_name(enum cert_purpose purpose)
{
    static const char *const names[] = {"signing",     "enciphering", "TLS servers",
                                        "TLS clients", "XTA clients", "time stamps"};

    return names[purpose];
}

/* Length of name when at most max bytes may be shown and no UTF-8 character be cut in two. */
static int shown(const char *name, size_t max)
{
    size_t len = strnlen(name, max);

    if (name[len] != '\0') {
        while (len > 0 && ((unsigned char)name[len] & 0xC0) == 0x80)
            len--;
    }
    return (int)len;
}

static void subject_text(X509 *x509, char *text, size_t size)
{
    AUTO(bio_drop) BIO *bio = BIO_new(BIO_s_mem());
    int got = 0;

    if (bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(x509), 0,
                                          XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
        got = BIO_read(bio, text, (int)size - 1);
    text[got > 0 ? got : 0] = '\0';
}

static const char *check_name(enum trouble trouble)
{
    static const char *const names[] = {NULL,        "revocation status", "validity",
                                        "key usage", "strength",          "chain",
                                        "issuer",    "revocation",        "signature"};

    return names[trouble];
}

/* Remembers what, and says it if nothing worse was found. at: the certificate concerned, NULL for
 * the checked one itself. */
__attribute__((format(printf, 4, 5))) static void note(struct check *c, enum trouble what, X509 *at,
                                                       const char *fmt, ...)
{
    const char *subject = cert_subject(c->cert);
    char text[TEXT_SHOWN];
    char issuer[ISSUER_SHOWN + 8] = "";
    va_list ap;

    if (what <= c->worst)
        return;
    c->worst = what;
    c->worst_at = at == NULL ? cert_x509(c->cert) : at;
    c->v.check = check_name(what);
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (at != NULL && at != cert_x509(c->cert))
        subject_text(at, issuer, sizeof issuer);
    (void)snprintf(c->v.reason, sizeof c->v.reason, "%.*s (serial %.40s), for %s: %s%.*s%s%s",
                   shown(subject, SUBJECT_SHOWN), subject, cert_serial(c->cert),
                   cert_purpose_name(c->v.purpose), issuer[0] != '\0' ? "issuer " : "",
                   shown(issuer, ISSUER_SHOWN), issuer, issuer[0] != '\0' ? ": " : "", text);
}

static enum trouble trouble_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
        return CORRUPTED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_CERT_UNTRUSTED:
        return UNTRUSTED;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TIME;
    case X509_V_ERR_CERT_REVOKED:
        return REVOKED;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
    case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
        return STATUS;
    default:
        return CHAIN;
    }
}

static void date_text(const ASN1_TIME *at, char *text, size_t size)
{
    struct tm tm = {0};

    text[0] = '\0';
    if (ASN1_TIME_to_tm(at, &tm) == 1)
        (void)strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void note_expired(struct check *c, X509 *at)
{
    char date[32];

    c->v.expired = true;
    date_text(X509_get0_notAfter(at), date, sizeof date);
    note(c, TIME, at, "expired on %s", date);
}

static void note_not_yet(struct check *c, X509 *at)
{
    char date[32];

    c->v.not_yet_valid = true;
    date_text(X509_get0_notBefore(at), date, sizeof date);
    note(c, TIME, at, "not valid before %s", date);
}

/* In words that an operator knows. */
static const char *error_words(int error)
{
    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "its issuer is not known";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "it is self-signed";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return "this root is not trusted";
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
        return "too many issuers";
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        return "path length exceeded";
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        return "it may not issue certificates";
    case X509_V_ERR_PERMITTED_VIOLATION:
        return "its issuer may not issue for this name";
    case X509_V_ERR_EXCLUDED_VIOLATION:
        return "this name is excluded for its issuer";
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
        return "it has a critical extension that is not known here";
    case X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
        return "its key is on a curve without a name";
    case X509_V_ERR_NO_EXPLICIT_POLICY:
        return "no policy that is asked for";
    case X509_V_ERR_INVALID_POLICY_EXTENSION:
        return "its policies cannot be read";
    default:
        return X509_verify_cert_error_string(error);
    }
}

/* Somebody has the issuer's name, but his key did not sign it. */
static bool is_forged(X509_STORE_CTX *ctx, X509 *at)
{
    AUTO(x509_stack_all_drop)
    STACK_OF(X509) *anchors = X509_STORE_CTX_get1_certs(ctx, X509_get_issuer_name(at));
    STACK_OF(X509) *const stacks[] = {anchors, X509_STORE_CTX_get0_untrusted(ctx)};
    bool named = false;

    for (size_t i = 0; i < ARRAY_LEN(stacks) && !named; i++)
        for (int k = 0; k < sk_X509_num(stacks[i]) && !named; k++)
            named = X509_check_issued(sk_X509_value(stacks[i], k), at) == X509_V_OK &&
                    X509_verify(at, X509_get0_pubkey(sk_X509_value(stacks[i], k))) != 1;
    ERR_clear_error();
    return named;
}

static void on_unknown(struct check *c, X509_STORE_CTX *ctx, X509 *at, int error)
{
    bool unreadable = (X509_get_extension_flags(at) & EXFLAG_INVALID) != 0;

    if (c->v.math == CERT_MATH_CORRUPTED)
        return;
    if (is_forged(ctx, at)) {
        c->v.math = CERT_MATH_CORRUPTED;
        note(c, CORRUPTED, at, "its signature does not fit its issuer's key");
        return;
    }
    c->v.untrusted = true;
    note(c, UNTRUSTED, at, "no way to a trust anchor (%s)",
         unreadable ? "an extension of it cannot be read" : error_words(error));
}

/* The list a finding is about speaks with the issuer's voice, unless its signature is wrong. */
static bool list_is_forged(int error)
{
    return error == X509_V_ERR_CRL_SIGNATURE_FAILURE ||
           error == X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE ||
           error == X509_V_ERR_KEYUSAGE_NO_CRL_SIGN || error == X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER;
}

/* What lists say, or that they say nothing. */
static void on_status(struct check *c, X509_STORE_CTX *ctx, X509 *at, int error)
{
    int depth = X509_STORE_CTX_get_error_depth(ctx);
    bool anchor = depth + 1 >= sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) && !c->v.untrusted;

    if (anchor)
        return;
    if (list_is_forged(error))
        c->forged_depth = depth;
    if (error == X509_V_ERR_CERT_REVOKED && c->forged_depth != depth) {
        c->v.online = CERT_ONLINE_REVOKED;
        note(c, REVOKED, at, "it has been revoked by its issuer");
        return;
    }
    if (depth < DEPTH_BITS)
        c->unlisted |= 1U << depth;
    if (c->quiet_at == NULL) {
        c->quiet_at = at;
        c->quiet_error = error;
    }
}

/* Takes down each finding and lets the verification go on, so that none hides another. */
static int on_finding(int ok, X509_STORE_CTX *ctx)
{
    struct check *c = X509_STORE_CTX_get_app_data(ctx);
    X509 *at = X509_STORE_CTX_get_current_cert(ctx);
    int error = X509_STORE_CTX_get_error(ctx);

    if (ok == 1)
        return 1;
    if (at == NULL)
        at = cert_x509(c->cert);
    switch (trouble_of(error)) {
    case CORRUPTED:
        c->v.math = CERT_MATH_CORRUPTED;
        note(c, CORRUPTED, at, "its signature does not fit its issuer's key");
        break;
    case UNTRUSTED:
        on_unknown(c, ctx, at, error);
        break;
    case TIME:
        if (error == X509_V_ERR_CERT_HAS_EXPIRED)
            note_expired(c, at);
        else
            note_not_yet(c, at);
        break;
    case REVOKED:
    case STATUS:
        on_status(c, ctx, at, error);
        break;
    default:
        c->v.chain_bad = true;
        note(c, CHAIN, at, "the chain is not valid (%s)", error_words(error));
    }
    return 1;
}

static void check_key(struct check *c, X509 *at)
{
    int bits, min;

    if (x509_key_suffices(at, &bits, &min))
        return;
    c->v.weak = true;
    note(c, WEAK, at, "a key of %d bits is too short, %d are needed", bits, min);
}

static void check_signature_digest(struct check *c, X509 *at)
{
    int md = NID_undef;
    int key = NID_undef;

    if (X509_get_signature_info(at, &md, &key, NULL, NULL) == 1 && !digest_is_weak(md))
        return;
    c->v.weak = true;
    note(c, WEAK, at, "signed with %s, which is not accepted any more",
         md == NID_undef ? "an unknown digest" : OBJ_nid2sn(md));
}

/* RFC 5280, 4.2: each extension once. The library keeps that for those it knows. */
static void check_extensions(struct check *c, X509 *at)
{
    int count = X509_get_ext_count(at);
    bool twice = false;

    for (int i = 0; i < count && count <= EXTENSIONS_MAX && !twice; i++)
        twice = X509_get_ext_by_OBJ(at, X509_EXTENSION_get_object(X509_get_ext(at, i)), i) >= 0;
    if (count <= EXTENSIONS_MAX && !twice && (X509_get_extension_flags(at) & EXFLAG_INVALID) == 0)
        return;
    c->v.chain_bad = true;
    note(c, CHAIN, at, "the chain is not valid (%s)",
         count > EXTENSIONS_MAX ? "too many extensions"
         : twice                ? "the same extension twice"
                                : "an extension of it cannot be read");
}

/* What an issuer below the anchor must be, beyond what the library asks: it takes a CA's word in
 * the key usage alone, too, and bounds extended usages only when it is told the purpose. */
static void check_issuer(struct check *c, X509 *at)
{
    static const uint32_t extended[CERT_PURPOSES] = {[CERT_FOR_TLS_SERVER] = XKU_SSL_SERVER,
                                                     [CERT_FOR_TLS_CLIENT] = XKU_SSL_CLIENT,
                                                     [CERT_FOR_XTA_CLIENT] = XKU_SSL_CLIENT,
                                                     [CERT_FOR_TIME_STAMP] = XKU_TIMESTAMP};
    uint32_t needed = extended[c->v.purpose];

    if (X509_check_ca(at) != 1) {
        c->v.chain_bad = true;
        note(c, CHAIN, at, "the chain is not valid (%s)", error_words(X509_V_ERR_INVALID_CA));
    }
    if (needed == 0 || (X509_get_extended_key_usage(at) & (needed | XKU_ANYEKU)) != 0)
        return;
    c->v.usage_wrong = true;
    note(c, USAGE, at, "its key usage does not allow that");
}

/* The signature of the anchor says nothing: it is believed as it is. */
static void check_each(struct check *c, STACK_OF(X509) * chain)
{
    int count = sk_X509_num(chain);

    for (int i = 0; i < count; i++) {
        X509 *at = sk_X509_value(chain, i);
        bool anchor = i == count - 1 && !c->v.untrusted && c->v.math != CERT_MATH_CORRUPTED;

        check_key(c, at);
        check_extensions(c, at);
        if (!anchor)
            check_signature_digest(c, at);
        if (!anchor && i > 0)
            check_issuer(c, at);
    }
}

static void check_usage(struct check *c)
{
    X509 *x509 = cert_x509(c->cert);
    uint32_t usage = X509_get_key_usage(x509); /* all bits when the extension is absent */
    uint32_t extended = X509_get_extended_key_usage(x509);
    bool fits = false;

    switch (c->v.purpose) {
    case CERT_FOR_OSCI_SIGNATURE:
        fits = (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0;
        break;
    case CERT_FOR_OSCI_CIPHER:
        fits = (usage & (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT)) != 0;
        break;
    case CERT_FOR_TLS_SERVER:
        fits = (usage & (KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT)) != 0 &&
               (extended & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
        break;
    case CERT_FOR_TLS_CLIENT:
    case CERT_FOR_XTA_CLIENT:
        fits = (usage & (KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT)) != 0 &&
               (extended & (XKU_SSL_CLIENT | XKU_ANYEKU)) != 0;
        break;
    case CERT_FOR_TIME_STAMP:
        fits = X509_check_purpose(x509, X509_PURPOSE_TIMESTAMP_SIGN, 0) == 1;
        break;
    }
    if (fits)
        return;
    c->v.usage_wrong = true;
    note(c, USAGE, NULL, "its key usage does not allow that");
}

/* Believed by itself: no chain, no issuer's signature. */
static void check_pinned(struct check *c)
{
    X509 *x509 = cert_x509(c->cert);

    if (c->now > cert_not_after(c->cert))
        note_expired(c, x509);
    if (c->now < cert_not_before(c->cert))
        note_not_yet(c, x509);
    check_key(c, x509);
}

/* ---- revocation, when the chain is known ---- */

static bool is_closed(const struct check *c)
{
    return c->source != NULL && (c->source->closed & CERT_PURPOSE_BIT(c->v.purpose)) != 0;
}

static void note_missing(struct check *c, enum cert_lack lack)
{
    if (!c->v.status_missing)
        c->v.lack = lack;
    c->v.status_missing = true;
    c->v.must_wait = is_closed(c);
}

/* What somebody says who was asked about the certificate at this depth. */
static void on_standing(struct check *c, X509 *at, int depth, const struct cert_standing *s)
{
    if (s->known == CERT_KNOWN_NOTHING) {
        note_missing(c, s->lack);
        note(c, STATUS, at, "nobody says whether it is revoked (%s)", s->text);
        return;
    }
    if (s->known == CERT_KNOWN_REVOKED) {
        c->v.online = CERT_ONLINE_REVOKED;
        c->v.listed_at = s->as_of;
        c->v.revoked_at = s->revoked_at;
        note(c, REVOKED, at, "%s", s->text);
        return;
    }
    if (c->v.told_until == 0 || s->until < c->v.told_until)
        c->v.told_until = s->until;
    if (depth == 0) {
        c->unlisted &= ~1U;
        c->v.listed_at = s->as_of;
    }
}

/* Whom a certificate names is believed in a good chain only. */
static bool is_whole(const struct check *c)
{
    return !c->v.untrusted && !c->v.chain_bad && !c->v.weak && !c->v.expired &&
           !c->v.not_yet_valid && c->v.math != CERT_MATH_CORRUPTED &&
           c->v.online != CERT_ONLINE_REVOKED;
}

/* False: nobody is asked. */
static bool check_asked(struct check *c, STACK_OF(X509) * chain)
{
    struct cert_standing s;
    bool asked = false;

    for (int i = 0; c->source != NULL && i < sk_X509_num(chain) - 1; i++) {
        X509 *at = sk_X509_value(chain, i);

        if (i < DEPTH_BITS && (c->unlisted & 1U << i) == 0)
            continue;
        if (!c->source->ask(c->source, at, sk_X509_value(chain, i + 1), c->v.purpose, c->now, &s))
            return false;
        on_standing(c, at, i, &s);
        asked = true;
    }
    return asked;
}

/* No list at hand says anything, and one should. */
static void check_quiet(struct check *c)
{
    if (c->crls == NULL && is_closed(c)) {
        note_missing(c, CERT_LACK_SOURCE);
        note(c, STATUS, NULL, "nobody says whether it is revoked (the settings name nobody)");
    }
    if (c->quiet_at == NULL || (!crls_expected(c->crls) && !is_closed(c)))
        return;
    note_missing(c, CERT_LACK_SOURCE);
    note(c, STATUS, c->quiet_at, "no current revocation list of its issuer (%s)",
         X509_verify_cert_error_string(c->quiet_error));
}

/* The evidence, and that nothing was found where somebody looked. */
static void check_listed(struct check *c, STACK_OF(X509) * chain)
{
    if (!is_whole(c) || !check_asked(c, chain))
        check_quiet(c);
    if (c->v.online == CERT_ONLINE_NONE && !c->v.untrusted && (c->unlisted & 1U) == 0)
        c->v.online = CERT_ONLINE_OK;
    if (c->v.online != CERT_ONLINE_NONE && c->v.listed_at == 0 && c->crls != NULL)
        c->v.listed_at = crls_date(c->crls, cert_x509(c->cert), c->now);
    c->v.must_wait = c->v.must_wait && is_whole(c); /* what is bad need not wait */
}

/* RFC 5280, 6.1.1: certification authorities may ask for policies, and so may we. */
static enum status policies_ask(X509_VERIFY_PARAM *param, const struct trust *trust,
                                enum cert_purpose purpose, struct error *err)
{
    const STACK_OF(ASN1_OBJECT) *policies = trust_policies(trust, purpose);
    int count = sk_ASN1_OBJECT_num(policies);
    bool taken =
        count > 0 || X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy)) == 1;

    for (int i = 0; i < count && taken; i++) {
        ASN1_OBJECT *policy = OBJ_dup(sk_ASN1_OBJECT_value(policies, i));

        taken = policy != NULL && X509_VERIFY_PARAM_add0_policy(param, policy) == 1;
        if (!taken)
            ASN1_OBJECT_free(policy);
    }
    if (!taken)
        return error_starved(err);
    (void)X509_VERIFY_PARAM_set_flags(param, count > 0 ? X509_V_FLAG_EXPLICIT_POLICY : 0);
    (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_POLICY_CHECK);
    return ST_OK;
}

/*
 * The helper without which another way might be a better one; NULL: there is none. That is the one
 * the finding is about. Where it is about somebody else (the end of a chain that has a name which
 * an issuer may not certify), it is the helper next to the anchor.
 */
static X509 *detour_find(const struct check *c, STACK_OF(X509) * chain, STACK_OF(X509) * helpers)
{
    bool evitable = c->worst == TIME || c->worst == USAGE || c->worst == WEAK ||
                    c->worst == CHAIN || c->worst == UNTRUSTED;

    if (!evitable)
        return NULL;
    if (c->worst_at != cert_x509(c->cert) && sk_X509_find(helpers, c->worst_at) >= 0)
        return c->worst_at;
    for (int i = sk_X509_num(chain) - 1; i > 0 && (c->worst == CHAIN || c->worst == UNTRUSTED); i--)
        if (sk_X509_find(helpers, sk_X509_value(chain, i)) >= 0)
            return sk_X509_value(chain, i);
    return NULL;
}

/* One way, the first that is found with these helpers. */
static enum status check_way(struct check *c, const struct trust *trust, STACK_OF(X509) * helpers,
                             struct error *err)
{
    AUTO(store_ctx_drop) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *param = NULL;
    int done = 0;

    TRY_ALLOC(ctx, err);
    if (X509_STORE_CTX_init(ctx, trust_x509_store(trust, c->v.purpose), cert_x509(c->cert),
                            helpers) != 1)
        return error_set(err, ST_LIMIT, 9710, "out of memory");
    param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)(c->now / 1000));
    X509_VERIFY_PARAM_set_depth(param, CERT_DEPTH_MAX);
    TRY(policies_ask(param, trust, c->v.purpose, err));
    if (c->crls != NULL) {
        X509_STORE_CTX_set0_crls(ctx, crls_stack(c->crls));
        (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    }
    X509_VERIFY_PARAM_set_auth_level(param, 0); /* check_strength has more to say */
    X509_STORE_CTX_set_app_data(ctx, c);
    X509_STORE_CTX_set_verify_cb(ctx, on_finding);
    done = X509_verify_cert(ctx);
    ERR_clear_error();
    if (done < 0)
        return error_set(err, ST_INTERNAL, 9710, "the check of certificate %.*s failed (%s)",
                         shown(cert_subject(c->cert), SUBJECT_SHOWN), cert_subject(c->cert),
                         X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    if (done == 0) {
        c->v.chain_bad = true;
        note(c, CHAIN, NULL, "it cannot be checked (%s)",
             X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    }
    check_each(c, X509_STORE_CTX_get0_chain(ctx));
    c->detour = detour_find(c, X509_STORE_CTX_get0_chain(ctx), helpers);
    if (sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) > 1)
        check_listed(c, X509_STORE_CTX_get0_chain(ctx));
    return ST_OK;
}

/*
 * The library goes one way, and where cross certificates lead somewhere else, or somewhere worse,
 * it does not come back. So we do: without the certificate that led there, up to WAYS_MAX times. A
 * revoked issuer is not gone round, and the best of all ways counts.
 */
static enum status check_chain(struct check *c, const struct trust *trust,
                               const struct cert *const *extra, size_t extra_count,
                               struct error *err)
{
    AUTO(x509_stack_drop) STACK_OF(X509) *helpers = sk_X509_dup(trust_intermediates(trust));
    const struct check fresh = *c;
    struct check way;
    int ways = 0;

    TRY_ALLOC(helpers, err);
    for (size_t i = 0; i < extra_count && i < CERT_EXTRA_MAX; i++) {
        if (sk_X509_push(helpers, cert_x509(extra[i])) <= 0)
            return error_set(err, ST_LIMIT, 9710, "out of memory");
    }
    do {
        way = fresh;
        TRY(check_way(&way, trust, helpers, err));
        if (ways == 0 || way.worst < c->worst)
            *c = way;
        if (way.detour != NULL)
            (void)sk_X509_delete_ptr(helpers, way.detour);
    } while (way.detour != NULL && ++ways < WAYS_MAX);
    return ST_OK;
}

static void conclude(struct cert_verdict *v)
{
    if (v->math != CERT_MATH_CORRUPTED)
        v->math = v->untrusted ? CERT_MATH_INDETERMINATE : CERT_MATH_OK;
    if (v->math == CERT_MATH_CORRUPTED || v->chain_bad || v->weak || v->usage_wrong || v->expired ||
        v->not_yet_valid)
        v->offline = CERT_OFFLINE_INVALID;
    else
        v->offline = v->untrusted ? CERT_OFFLINE_INDETERMINATE : CERT_OFFLINE_VALID;
}

/* Where it was looked up belongs to what was found. */
static void say_where(struct cert_verdict *v, const struct trust *trust)
{
    const char *name = trust_name_of(trust, v->purpose);
    size_t len = strlen(v->reason), room = sizeof v->reason;
    char where[TRUST_NAME_MAX + 32];

    if (len == 0 || name[0] == '\0')
        return;
    (void)snprintf(where, sizeof where, ", by %s%s", name,
                   trust_is_empty(trust, v->purpose) ? ", which is empty" : "");
    if (len + strlen(where) < room)
        memcpy(v->reason + len, where, strlen(where) + 1);
}

enum status cert_check_with(const struct trust *trust, struct cert_evidence evidence,
                            const struct cert *cert, const struct cert *const *extra,
                            size_t extra_count, enum cert_purpose purpose, int64_t now,
                            struct cert_verdict *verdict, struct error *err)
{
    struct check c = {.cert = cert,
                      .crls = evidence.crls,
                      .source = evidence.source,
                      .unlisted = evidence.crls == NULL ? ~0U : 0,
                      .now = now,
                      .forged_depth = -1,
                      .v = {.checked_at = now, .purpose = purpose}};

    if (trust_is_pinned(trust, cert, purpose))
        check_pinned(&c);
    else
        TRY(check_chain(&c, trust, extra, extra_count, err));
    check_usage(&c);
    conclude(&c.v);
    say_where(&c.v, trust);
    *verdict = c.v;
    return ST_OK;
}

enum status cert_check(const struct trust *trust, const struct crls *crls, const struct cert *cert,
                       const struct cert *const *extra, size_t extra_count,
                       enum cert_purpose purpose, int64_t now, struct cert_verdict *verdict,
                       struct error *err)
{
    return cert_check_with(trust, (struct cert_evidence){.crls = crls}, cert, extra, extra_count,
                           purpose, now, verdict, err);
}
