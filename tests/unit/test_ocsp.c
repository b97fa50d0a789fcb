/* RFC 6960: what is asked, whose answer counts, and for how long */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ocsp.h>

#include "certs/ocsp.h"
#include "tests/unit/helper_chain.h"
#include "tests/unit/helper_ocsp.h"
#include "tests/unit/helper_pki.h"

#define MINUTE (INT64_C(60) * 1000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define NONCE SPAN("0123456789abcdef")
#define DELEGATE_USAGE                                                                             \
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n" CHAIN_IDS
#define DELEGATE DELEGATE_USAGE "extendedKeyUsage=OCSPSigning\n"
#define NO_CHECK "noCheck=ignored\n"

/* Who may sign, and who may not, by letter. */
static const struct chain_node signers[] = {
    {.id = 'A', .issuer = 'A'},
    {.id = 'B', .issuer = 'B'},
    {.id = 'R', .issuer = 'A', .ext = DELEGATE NO_CHECK},
    {.id = 'E', .issuer = 'A', .ext = DELEGATE_USAGE NO_CHECK},
    {.id = 'H',
     .issuer = 'A',
     .ext = DELEGATE_USAGE "extendedKeyUsage=anyExtendedKeyUsage\n" NO_CHECK},
    {.id = 'N', .issuer = 'A', .ext = DELEGATE},
    {.id = 'X', .issuer = 'A', .ext = DELEGATE NO_CHECK, .until = PKI_NOW - DAY},
    {.id = 'F', .issuer = 'A', .ext = DELEGATE NO_CHECK, .from = PKI_NOW + DAY},
    {.id = 'S', .issuer = 'B', .ext = DELEGATE NO_CHECK},
    {.id = 'W', .issuer = 'A', .key = 'w', .ext = DELEGATE NO_CHECK},
    {.id = 'G',
     .issuer = 'A',
     .ext = "keyUsage=critical,keyEncipherment\nextendedKeyUsage=OCSPSigning\n" CHAIN_IDS NO_CHECK},
    {.id = 'C', .issuer = 'A', .ext = DELEGATE NO_CHECK "1.2.3.4=critical,DER:0500\n"},
    {.id = 'D', .issuer = 'A', .ext = DELEGATE NO_CHECK, .damaged = true},
    {.id = 'M', .issuer = 'M', .name = 'A', .issuer_name = 'A'},
    {.id = 'T', .issuer = 'A', .key = 'r', .ext = DELEGATE NO_CHECK},
};
static const struct chain_node leaf_node = {.id = 'L', .issuer = 'A', .serial = 5};
static const struct chain_node other_node = {.id = 'L', .issuer = 'A', .serial = 77};
static const struct chain_node twin_node = {.id = 'L', .issuer = 'B', .serial = 5};

enum { NO_REASON = -1, KEY_COMPROMISE = 1, HOLD = 6 };
enum nonce { NONE_SENT, SENT, SENT_IGNORED, SENT_OTHER, DEMANDED, DEMANDED_IGNORED };
enum about { LEAF, OTHER, TWIN, NOBODY, BOTH };
enum form {
    PLAIN,
    BY_KEY,
    NO_CERTS,
    FORGED,
    CRITICAL,
    ID_SHA256,
    ID_MD5,
    MD_SHA1,
    MD_SHA384,
    TRY_LATER,
    UNAUTHORIZED,
    CUT,
    TRAILING,
    NOISE,
    EMPTY,
    LARGE
};

#define GOOD CERT_KNOWN_GOOD, CERT_LACK_NONE
#define REVOKED CERT_KNOWN_REVOKED, CERT_LACK_NONE
#define LACKS(what) CERT_KNOWN_NOTHING, CERT_LACK_##what
#define FRESH -HOUR, HOUR
#define AS(form, nonce, about) SAYS_GOOD, FRESH, form, nonce, about, NO_REASON
#define FROM(from, until) from, until, PLAIN, NONE_SENT, LEAF

static struct row {
    const char *name;
    char signer;
    enum ocsp_said said;
    int64_t from, until; /* from PKI_NOW; until 0: no nextUpdate */
    enum form form;
    enum nonce nonce;
    enum about about;
    int reason;
    enum cert_known known;
    enum cert_lack lack;
} rows[] = {
    /* who signs */
    {"good, by the issuer", 'A', AS(PLAIN, NONE_SENT, LEAF), GOOD},
    {"good, by his delegate", 'R', AS(PLAIN, NONE_SENT, LEAF), GOOD},
    {"good, by a delegate with RSA", 'T', AS(PLAIN, NONE_SENT, LEAF), GOOD},
    {"a certificate of the issuer, for something else", 'E', AS(PLAIN, NONE_SENT, LEAF),
     LACKS(SIGNER)},
    {"any extended usage is not this one", 'H', AS(PLAIN, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"a delegate who may not sign", 'G', AS(PLAIN, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"a delegate whose revocation nobody tells", 'N', AS(PLAIN, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"a delegate who has expired", 'X', AS(PLAIN, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"a delegate of tomorrow", 'F', AS(PLAIN, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"a delegate of another issuer", 'S', AS(PLAIN, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"a delegate with a weak key", 'W', AS(PLAIN, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"a delegate with an unknown condition", 'C', AS(PLAIN, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"a delegate whose certificate is forged", 'D', AS(PLAIN, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"somebody with the issuer's name", 'M', AS(PLAIN, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"the certificate itself", 'L', AS(PLAIN, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"the issuer named by his key", 'A', AS(BY_KEY, NONE_SENT, LEAF), GOOD},
    {"the delegate named by his key", 'R', AS(BY_KEY, NONE_SENT, LEAF), GOOD},
    {"the issuer's certificate is known", 'A', AS(NO_CERTS, NONE_SENT, LEAF), GOOD},
    {"the delegate's is not", 'R', AS(NO_CERTS, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"a forged signature", 'R', AS(FORGED, NONE_SENT, LEAF), LACKS(SIGNER)},
    {"SHA-384", 'R', AS(MD_SHA384, NONE_SENT, LEAF), GOOD},
    {"SHA-384 with RSA", 'T', AS(MD_SHA384, NONE_SENT, LEAF), GOOD},
    {"SHA-1", 'R', AS(MD_SHA1, NONE_SENT, LEAF), LACKS(WEAK)},
    {"SHA-1 with RSA", 'T', AS(MD_SHA1, NONE_SENT, LEAF), LACKS(WEAK)},
    /* about whom */
    {"SHA-256 in the CertID", 'R', AS(ID_SHA256, NONE_SENT, LEAF), GOOD},
    {"MD5 in the CertID", 'R', AS(ID_MD5, NONE_SENT, LEAF), LACKS(OTHER)},
    {"another serial number", 'R', AS(PLAIN, NONE_SENT, OTHER), LACKS(OTHER)},
    {"the same serial number of another issuer", 'R', AS(PLAIN, NONE_SENT, TWIN), LACKS(OTHER)},
    {"about nobody", 'R', AS(PLAIN, NONE_SENT, NOBODY), LACKS(OTHER)},
    {"about several", 'R', AS(PLAIN, NONE_SENT, BOTH), GOOD},
    {"unknown conditions", 'R', AS(CRITICAL, NONE_SENT, LEAF), LACKS(FORM)},
    /* nonce */
    {"with our nonce", 'R', AS(PLAIN, SENT, LEAF), GOOD},
    {"our nonce is ignored", 'R', AS(PLAIN, SENT_IGNORED, LEAF), GOOD},
    {"another nonce", 'R', AS(PLAIN, SENT_OTHER, LEAF), LACKS(NONCE)},
    {"the nonce that we demand", 'R', AS(PLAIN, DEMANDED, LEAF), GOOD},
    {"the nonce that we demand is ignored", 'R', AS(PLAIN, DEMANDED_IGNORED, LEAF), LACKS(NONCE)},
    /* bytes */
    {"tryLater", 'R', AS(TRY_LATER, NONE_SENT, LEAF), LACKS(REFUSED)},
    {"unauthorized", 'R', AS(UNAUTHORIZED, NONE_SENT, LEAF), LACKS(REFUSED)},
    {"cut", 'R', AS(CUT, NONE_SENT, LEAF), LACKS(FORM)},
    {"with something behind it", 'R', AS(TRAILING, NONE_SENT, LEAF), LACKS(FORM)},
    {"noise", 'R', AS(NOISE, NONE_SENT, LEAF), LACKS(FORM)},
    {"nothing", 'R', AS(EMPTY, NONE_SENT, LEAF), LACKS(FORM)},
    {"too large", 'R', AS(LARGE, NONE_SENT, LEAF), LACKS(SIZE)},
    /* when */
    {"no nextUpdate, young", 'R', SAYS_GOOD, FROM(-23 * HOUR, 0), NO_REASON, GOOD},
    {"no nextUpdate, old", 'R', SAYS_GOOD, FROM(-25 * HOUR, 0), NO_REASON, LACKS(OLD)},
    {"over a little", 'R', SAYS_GOOD, FROM(-HOUR, -4 * MINUTE), NO_REASON, GOOD},
    {"over", 'R', SAYS_GOOD, FROM(-HOUR, -6 * MINUTE), NO_REASON, LACKS(OLD)},
    {"from a little later", 'R', SAYS_GOOD, FROM(4 * MINUTE, HOUR), NO_REASON, GOOD},
    {"of later", 'R', SAYS_GOOD, FROM(6 * MINUTE, HOUR), NO_REASON, LACKS(EARLY)},
    {"it ends before it begins", 'R', SAYS_GOOD, FROM(MINUTE, -MINUTE), NO_REASON, LACKS(FORM)},
    /* what */
    {"unknown", 'R', SAYS_UNKNOWN, FROM(-HOUR, HOUR), NO_REASON, LACKS(UNKNOWN)},
    {"an old unknown", 'R', SAYS_UNKNOWN, FROM(-HOUR, -HOUR / 2), NO_REASON, LACKS(OLD)},
    {"revoked", 'R', SAYS_REVOKED, FROM(-HOUR, HOUR), NO_REASON, REVOKED},
    {"revoked, with a reason", 'R', SAYS_REVOKED, FROM(-HOUR, HOUR), KEY_COMPROMISE, REVOKED},
    {"suspended", 'R', SAYS_REVOKED, FROM(-HOUR, HOUR), HOLD, REVOKED},
    {"revoked stays revoked", 'R', SAYS_REVOKED, FROM(-2 * DAY, -DAY), KEY_COMPROMISE, REVOKED},
    {"suspended once", 'R', SAYS_REVOKED, FROM(-2 * DAY, -DAY), HOLD, LACKS(OLD)},
    {"revoked, by the wrong signer", 'M', SAYS_REVOKED, FROM(-HOUR, HOUR), NO_REASON,
     LACKS(SIGNER)},
    {"revoked, without the nonce that we demand", 'R', SAYS_REVOKED, FRESH, PLAIN, DEMANDED_IGNORED,
     LEAF, NO_REASON, REVOKED},
    {"revoked among several", 'R', SAYS_REVOKED, FRESH, PLAIN, NONE_SENT, BOTH, NO_REASON, REVOKED},
};

static struct cert *cert_of(const struct chain_node *node)
{
    struct cert *cert = NULL;
    struct error err = {0};

    assert_int_equal(chain_cert(node, &cert, &err), ST_OK);
    return cert;
}

static struct cert *signer_of(char letter, char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(signers); i++)
        if (signers[i].id == letter) {
            *key = signers[i].key == 0 ? letter : signers[i].key;
            return cert_of(&signers[i]);
        }
    *key = 'L';
    return cert_of(&leaf_node);
}

struct people {
    struct cert *ca, *twin_ca, *leaf, *other, *twin, *signer;
    struct buf key;
};

static void people_deinit(struct people *p)
{
    cert_free(p->ca);
    cert_free(p->twin_ca);
    cert_free(p->leaf);
    cert_free(p->other);
    cert_free(p->twin);
    cert_free(p->signer);
    buf_deinit(&p->key);
}

static void people_init(struct people *p, char signer)
{
    char key;

    *p = (struct people){.ca = cert_of(&signers[0]),
                         .twin_ca = cert_of(&signers[1]),
                         .leaf = cert_of(&leaf_node),
                         .other = cert_of(&other_node),
                         .twin = cert_of(&twin_node),
                         .signer = signer_of(signer, &key)};
    chain_key_pem(key, &p->key);
}

static struct ocsp_spec spec_of(const struct row *row, const struct people *p)
{
    const enum form form = row->form;

    return (struct ocsp_spec){.about = row->about == OTHER    ? p->other
                                       : row->about == TWIN   ? p->twin
                                       : row->about == NOBODY ? NULL
                                                              : p->leaf,
                              .also = row->about == BOTH ? p->other : NULL,
                              .issuer = row->about == TWIN ? p->twin_ca : p->ca,
                              .signer = p->signer,
                              .signer_key_pem = buf_span(&p->key),
                              .said = row->said,
                              .reason = row->reason,
                              .revoked_at = PKI_NOW - 5 * DAY,
                              .from = PKI_NOW + row->from,
                              .until = row->until == 0 ? 0 : PKI_NOW + row->until,
                              .nonce = row->nonce == SENT || row->nonce == DEMANDED ? NONCE
                                       : row->nonce == SENT_OTHER ? SPAN("0123456789abcdeg")
                                                                  : SPAN_NONE,
                              .md = form == MD_SHA1     ? "SHA1"
                                    : form == MD_SHA384 ? "SHA384"
                                                        : NULL,
                              .id_md = form == ID_SHA256 ? "SHA256"
                                       : form == ID_MD5  ? "MD5"
                                                         : NULL,
                              .status = form == TRY_LATER      ? 3
                                        : form == UNAUTHORIZED ? 6
                                                               : 0,
                              .by_key = form == BY_KEY,
                              .no_certs = form == NO_CERTS,
                              .forged = form == FORGED,
                              .critical = form == CRITICAL};
}

static struct span bytes_of(const struct row *row, struct buf *answer)
{
    struct span bytes = buf_span(answer);

    if (row->form == CUT)
        bytes.len /= 2;
    if (row->form == TRAILING)
        buf_char(answer, '\0');
    if (row->form == LARGE)
        memset(buf_grow(answer, OCSP_ANSWER_MAX), 0, OCSP_ANSWER_MAX);
    return row->form == NOISE   ? SPAN("<html>not found</html>")
           : row->form == EMPTY ? SPAN("")
           : row->form == CUT   ? bytes
                                : buf_span(answer);
}

static const struct policy policy;

static struct ocsp_rules rules_of(const struct row *row)
{
    return (struct ocsp_rules){.nonce_demanded =
                                   row->nonce == DEMANDED || row->nonce == DEMANDED_IGNORED,
                               .skew_ms = OCSP_SKEW_MS,
                               .age_max_ms = OCSP_AGE_MAX_MS,
                               .policy = &policy};
}

static void test_row(void **state)
{
    const struct row *row = *state;
    const struct ocsp_rules rules = rules_of(row);
    AUTO(people_deinit) struct people p = {0};
    AUTO(buf_deinit) struct buf answer = {0};
    struct ocsp_spec spec;
    struct cert_standing s;
    struct error err = {0};

    people_init(&p, row->signer);
    spec = spec_of(row, &p);
    ocsp_make(&spec, &answer);
    assert_int_equal(ocsp_answer_judge(bytes_of(row, &answer), cert_x509(p.leaf), cert_x509(p.ca),
                                       row->nonce == NONE_SENT ? SPAN_NONE : NONCE, &rules, PKI_NOW,
                                       &s, &err),
                     ST_OK);
    assert_string_equal(cert_lack_name(s.lack), cert_lack_name(row->lack));
    assert_int_equal(s.known, row->known);
    assert_int_equal(s.text[0] == '\0', row->known == CERT_KNOWN_GOOD);
    assert_int_equal(s.as_of, row->known == CERT_KNOWN_NOTHING ? 0 : PKI_NOW + row->from);
    if (row->known == CERT_KNOWN_GOOD)
        assert_int_equal(s.until, row->until == 0 ? PKI_NOW + row->from + OCSP_AGE_MAX_MS
                                                  : PKI_NOW + row->until + OCSP_SKEW_MS);
    if (row->known != CERT_KNOWN_REVOKED)
        return;
    assert_int_equal(s.revoked_at, PKI_NOW - 5 * DAY);
    assert_int_equal(s.why != NULL, row->reason >= 0);
    assert_non_null(strstr(s.text, "2026-04-06T00:00:00Z"));
    if (row->reason == KEY_COMPROMISE)
        assert_non_null(strstr(s.text, "keyCompromise"));
}

/* ---- whatever is changed ---- */

static struct row base_rows[] = {
    {"good", 'R', SAYS_GOOD, FRESH, PLAIN, SENT, LEAF, NO_REASON, GOOD},
    {"revoked", 'A', SAYS_REVOKED, FRESH, PLAIN, SENT, LEAF, KEY_COMPROMISE, REVOKED},
};

/* An answer that was touched says what it said, or nothing. */
static void test_touched(void **state)
{
    const struct row *row = *state;
    const struct ocsp_rules rules = rules_of(row);
    AUTO(people_deinit) struct people p = {0};
    AUTO(buf_deinit) struct buf answer = {0};
    struct ocsp_spec spec;
    struct cert_standing s, whole;
    struct error err = {0};
    size_t kept = 0;

    people_init(&p, row->signer);
    spec = spec_of(row, &p);
    ocsp_make(&spec, &answer);
    assert_int_equal(ocsp_answer_judge(buf_span(&answer), cert_x509(p.leaf), cert_x509(p.ca), NONCE,
                                       &rules, PKI_NOW, &whole, &err),
                     ST_OK);
    assert_int_equal(whole.known, row->known);
    for (size_t i = 0; i < answer.len * 2; i++) {
        const size_t at = i / 2;
        const bool cut = i % 2 == 1;

        answer.ptr[at] ^= cut ? 0 : 0x04;
        assert_int_equal(ocsp_answer_judge(span_of(answer.ptr, cut ? at : answer.len),
                                           cert_x509(p.leaf), cert_x509(p.ca), NONCE, &rules,
                                           PKI_NOW, &s, &err),
                         ST_OK);
        answer.ptr[at] ^= cut ? 0 : 0x04;
        assert_true(s.known == CERT_KNOWN_NOTHING || s.known == whole.known);
        assert_true(s.known == CERT_KNOWN_NOTHING || s.as_of == whole.as_of);
        assert_true(s.until == whole.until || s.known != CERT_KNOWN_GOOD);
        kept += s.known != CERT_KNOWN_NOTHING;
    }
    assert_true(kept < answer.len / 2); /* what is left are unsigned parts, the issuer's own cert */
}

/* ---- the question ---- */

static void question(void **state)
{
    AUTO(people_deinit) struct people p = {0};
    AUTO(buf_deinit) struct buf with = {0}, without = {0};
    OCSP_REQUEST *request;
    OCSP_CERTID *id;
    const unsigned char *at;
    struct error err = {0};

    (void)state;
    people_init(&p, 'A');
    buf_init(&with, OCSP_QUESTION_MAX);
    buf_init(&without, OCSP_QUESTION_MAX);
    assert_int_equal(ocsp_question_write(cert_x509(p.leaf), cert_x509(p.ca), NONCE, &with, &err),
                     ST_OK);
    assert_int_equal(
        ocsp_question_write(cert_x509(p.leaf), cert_x509(p.ca), SPAN_NONE, &without, &err), ST_OK);
    assert_true(span_find(buf_span(&with), NONCE) != SIZE_MAX);
    assert_true(with.len > without.len);
    at = without.ptr;
    request = d2i_OCSP_REQUEST(NULL, &at, (long)without.len);
    assert_non_null(request);
    assert_int_equal(OCSP_request_onereq_count(request), 1);
    id = OCSP_cert_to_id(NULL, cert_x509(p.leaf), cert_x509(p.ca)); /* SHA-1 */
    assert_int_equal(OCSP_id_cmp(id, OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0))), 0);
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(request);
    buf_reset(&with);
    with.max = 8;
    assert_int_equal(ocsp_question_write(cert_x509(p.leaf), cert_x509(p.ca), NONCE, &with, &err),
                     ST_LIMIT);
}

static int teardown(void **state)
{
    (void)state;
    chain_keys_drop();
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(base_rows) + 1];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(base_rows); i++)
        tests[n++] =
            (struct CMUnitTest){base_rows[i].name, test_touched, NULL, NULL, &base_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(question);
    return cmocka_run_group_tests(tests, NULL, teardown);
}
