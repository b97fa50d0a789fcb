#include "crypto/policy.h"

#include <assert.h>

#include "crypto/policy_rows.h"

#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define DSIG_MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define DSIG_2007 "http://www.w3.org/2007/05/xmldsig-more#"
#define XENC "http://www.w3.org/2001/04/xmlenc#"
#define XENC11 "http://www.w3.org/2009/xmlenc11#"

/* What a switch lets be read, where the settings name no year: 2037-01-01T00:00:00Z. */
#define LEGACY_UNTIL 2114380800000

/* What may never be written nor read stands here so that a refusal has a name. SHA-384 is known as
 * a signature's hash only: as a digest of references OSCI does not have it. */
static const struct alg table[] = {
    {.uri = ALG_SHA256_URI, .use = ALG_DIGEST, .hash = "SHA2-256"},
    {.uri = XENC "sha512", .use = ALG_DIGEST, .hash = "SHA2-512"},
    {.uri = DSIG_2007 "sha3-256", .use = ALG_DIGEST, .hash = "SHA3-256"},
    {.uri = DSIG_2007 "sha3-384", .use = ALG_DIGEST, .hash = "SHA3-384"},
    {.uri = DSIG_2007 "sha3-512", .use = ALG_DIGEST, .hash = "SHA3-512"},
    {.uri = DSIG "sha1", .use = ALG_DIGEST},
    {.uri = DSIG_MORE "sha224", .use = ALG_DIGEST},
    {.uri = DSIG_MORE "sha384", .use = ALG_DIGEST},
    {.uri = DSIG_MORE "md5", .use = ALG_DIGEST},
    {.uri = XENC "ripemd160", .use = ALG_DIGEST},

    {.uri = ALG_RSA_SHA256_URI, .use = ALG_SIGNATURE, .hash = "SHA2-256"},
    {.uri = DSIG_MORE "rsa-sha512", .use = ALG_SIGNATURE, .hash = "SHA2-512"},
    {.uri = DSIG_2007 "sha256-rsa-MGF1", .use = ALG_SIGNATURE, .hash = "SHA2-256", .pss = true},
    {.uri = DSIG_2007 "sha512-rsa-MGF1", .use = ALG_SIGNATURE, .hash = "SHA2-512", .pss = true},
    {.uri = DSIG_2007 "sha3-256-rsa-MGF1", .use = ALG_SIGNATURE, .hash = "SHA3-256", .pss = true},
    {.uri = DSIG_2007 "sha3-384-rsa-MGF1", .use = ALG_SIGNATURE, .hash = "SHA3-384", .pss = true},
    {.uri = DSIG_2007 "sha3-512-rsa-MGF1", .use = ALG_SIGNATURE, .hash = "SHA3-512", .pss = true},
    {.uri = DSIG_MORE "ecdsa-sha256", .use = ALG_SIGNATURE, .hash = "SHA2-256", .ecdsa = true},
    {.uri = DSIG_MORE "ecdsa-sha384", .use = ALG_SIGNATURE, .hash = "SHA2-384", .ecdsa = true},
    {.uri = DSIG_MORE "ecdsa-sha512", .use = ALG_SIGNATURE, .hash = "SHA2-512", .ecdsa = true},
    {.uri = DSIG "rsa-sha1", .use = ALG_SIGNATURE},
    {.uri = DSIG "dsa-sha1", .use = ALG_SIGNATURE},
    {.uri = DSIG "hmac-sha1", .use = ALG_SIGNATURE},
    {.uri = DSIG_MORE "hmac-sha256", .use = ALG_SIGNATURE},
    {.uri = DSIG_MORE "rsa-md5", .use = ALG_SIGNATURE},
    {.uri = DSIG_MORE "rsa-ripemd160", .use = ALG_SIGNATURE},
    {.uri = DSIG_MORE "ecdsa-sha1", .use = ALG_SIGNATURE},

    {.uri = ALG_AES256_GCM_URI, .use = ALG_CIPHER, .gcm = true, .key_bytes = 32},
    {.uri = XENC11 "aes192-gcm", .use = ALG_CIPHER, .gcm = true, .key_bytes = 24},
    {.uri = XENC11 "aes128-gcm", .use = ALG_CIPHER, .gcm = true, .key_bytes = 16},
    {.uri = XENC "aes256-cbc", .use = ALG_CIPHER, .key_bytes = 32, .legacy = "cbc"},
    {.uri = XENC "aes192-cbc", .use = ALG_CIPHER, .key_bytes = 24, .legacy = "cbc"},
    {.uri = XENC "aes128-cbc", .use = ALG_CIPHER, .key_bytes = 16, .legacy = "cbc"},
    {.uri = XENC "tripledes-cbc", .use = ALG_CIPHER},

    {.uri = ALG_RSA_OAEP_URI, .use = ALG_KEY_TRANSPORT},
    {.uri = XENC "rsa-1_5", .use = ALG_KEY_TRANSPORT, .legacy = "rsa15"},
    {.uri = XENC "rsa-oaep-mgf1p", .use = ALG_KEY_TRANSPORT},

    {.uri = XENC11 "mgf1sha256", .use = ALG_MGF, .hash = "SHA2-256"},
    {.uri = XENC11 "mgf1sha384", .use = ALG_MGF, .hash = "SHA2-384"},
    {.uri = XENC11 "mgf1sha512", .use = ALG_MGF, .hash = "SHA2-512"},
    {.uri = XENC11 "mgf1sha1", .use = ALG_MGF},
};

const struct alg *alg_find(struct span uri, enum alg_use use)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].use == use && span_is(uri, table[i].uri))
            return &table[i];
    return NULL;
}

_Static_assert(ARRAY_LEN(table) <= POLICY_ROWS_MAX, "policy_dates_read has room for each row");

const struct alg *alg_row(size_t index)
{
    return index < ARRAY_LEN(table) ? &table[index] : NULL;
}

const char *alg_name(const struct alg *alg)
{
    return strchr(alg->uri, '#') + 1;
}

const char *alg_use_name(enum alg_use use)
{
    static const char *const names[] = {"digest", "signature", "cipher", "key-transport", "mgf"};

    return names[use];
}

/* Every row of the table has a line in the file: test_policy walks through both. */
static const struct policy_dates *built_in(const struct alg *alg)
{
    for (size_t i = 0; i < policy_row_count; i++)
        if (policy_rows[i].use == alg->use && strcmp(policy_rows[i].name, alg_name(alg)) == 0)
            return &policy_rows[i].dates;
    assert(!"an algorithm without a line in share/algorithms.conf");
    return NULL;
}

static bool legacy_allowed(const struct policy *policy, const struct alg *alg)
{
    if (alg->legacy == NULL)
        return false;
    if (strcmp(alg->legacy, "cbc") == 0)
        return policy->read_cbc;
    return strcmp(alg->legacy, "rsa15") == 0 && policy->read_rsa15;
}

const struct alg *alg_for_key(const struct alg *alg, size_t key_bytes)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].use == ALG_CIPHER && table[i].gcm == alg->gcm &&
            table[i].key_bytes == key_bytes)
            return &table[i];
    return NULL;
}

int64_t policy_until(const struct policy *policy, const struct alg *alg, enum alg_for what)
{
    const struct policy_dates *dates =
        policy->dates != NULL ? &policy->dates[alg - table] : built_in(alg);

    if (what == ALG_WRITE)
        return dates->write_until;
    if (!legacy_allowed(policy, alg))
        return dates->read_until;
    return policy->legacy_until == 0 ? LEGACY_UNTIL : policy->legacy_until;
}

enum status policy_check(const struct policy *policy, const struct alg *alg, enum alg_for what,
                         int64_t now, struct error *err)
{
    int64_t until = policy_until(policy, alg, what);
    const char *verb = what == ALG_WRITE ? "writing" : "reading";

    if (until == 0)
        return error_set(err, ST_DENIED, 0, "the algorithm %s is not allowed for %s%s%s", alg->uri,
                         verb, alg->legacy == NULL ? "" : "; the switch for it: ",
                         alg->legacy == NULL ? "" : alg->legacy);
    if (now >= until)
        return error_set(err, ST_DENIED, 0, "the algorithm %s is no longer allowed for %s",
                         alg->uri, verb);
    return ST_OK;
}

enum status policy_find(const struct policy *policy, struct span uri, enum alg_use use,
                        enum alg_for what, int64_t now, const struct alg **alg, struct error *err)
{
    const struct alg *found = alg_find(uri, use);

    if (found == NULL)
        return error_set(err, ST_DENIED, 0, "the algorithm %.*s is unknown",
                         SPAN_FMT(span_sub(uri, 0, 200)));
    TRY(policy_check(policy, found, what, now, err));
    *alg = found;
    return ST_OK;
}
