#include "crypto/policy.h"

#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define DSIG_MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define DSIG_2007 "http://www.w3.org/2007/05/xmldsig-more#"
#define XENC "http://www.w3.org/2001/04/xmlenc#"
#define XENC11 "http://www.w3.org/2009/xmlenc11#"

/*
 * BSI TR-02102-1 speaks for the years up to 2031, so nothing is written longer than to the end of
 * that year without somebody looking at this table. What was written until then may lie in a
 * mailbox or an archive and is read for five years more. SHA-384 is known as a signature's hash
 * only: as a digest of references OSCI does not have it.
 */
#define WRITE_UNTIL 1956528000000 /* 2032-01-01T00:00:00Z */
#define READ_UNTIL 2114380800000  /* 2037-01-01T00:00:00Z */
#define WRITTEN .write_until = WRITE_UNTIL, .read_until = READ_UNTIL
#define READ_ONLY .read_until = READ_UNTIL

/* Rows without dates and legacy are forbidden; they stand here so that a refusal has a name. */
static const struct alg table[] = {
    {.uri = ALG_SHA256_URI, .use = ALG_DIGEST, .hash = "SHA2-256", WRITTEN},
    {.uri = XENC "sha512", .use = ALG_DIGEST, .hash = "SHA2-512", WRITTEN},
    {.uri = DSIG_2007 "sha3-256", .use = ALG_DIGEST, .hash = "SHA3-256", WRITTEN},
    {.uri = DSIG_2007 "sha3-384", .use = ALG_DIGEST, .hash = "SHA3-384", WRITTEN},
    {.uri = DSIG_2007 "sha3-512", .use = ALG_DIGEST, .hash = "SHA3-512", WRITTEN},
    {.uri = DSIG "sha1", .use = ALG_DIGEST},
    {.uri = DSIG_MORE "sha224", .use = ALG_DIGEST},
    {.uri = DSIG_MORE "sha384", .use = ALG_DIGEST},
    {.uri = DSIG_MORE "md5", .use = ALG_DIGEST},
    {.uri = XENC "ripemd160", .use = ALG_DIGEST},

    {.uri = ALG_RSA_SHA256_URI, .use = ALG_SIGNATURE, .hash = "SHA2-256", WRITTEN},
    {.uri = DSIG_MORE "rsa-sha512", .use = ALG_SIGNATURE, .hash = "SHA2-512", WRITTEN},
    {.uri = DSIG_2007 "sha256-rsa-MGF1",
     .use = ALG_SIGNATURE,
     .hash = "SHA2-256",
     .pss = true,
     WRITTEN},
    {.uri = DSIG_2007 "sha512-rsa-MGF1",
     .use = ALG_SIGNATURE,
     .hash = "SHA2-512",
     .pss = true,
     WRITTEN},
    {.uri = DSIG_2007 "sha3-256-rsa-MGF1",
     .use = ALG_SIGNATURE,
     .hash = "SHA3-256",
     .pss = true,
     WRITTEN},
    {.uri = DSIG_2007 "sha3-384-rsa-MGF1",
     .use = ALG_SIGNATURE,
     .hash = "SHA3-384",
     .pss = true,
     WRITTEN},
    {.uri = DSIG_2007 "sha3-512-rsa-MGF1",
     .use = ALG_SIGNATURE,
     .hash = "SHA3-512",
     .pss = true,
     WRITTEN},
    {.uri = DSIG_MORE "ecdsa-sha256",
     .use = ALG_SIGNATURE,
     .hash = "SHA2-256",
     .ecdsa = true,
     WRITTEN},
    {.uri = DSIG_MORE "ecdsa-sha384",
     .use = ALG_SIGNATURE,
     .hash = "SHA2-384",
     .ecdsa = true,
     READ_ONLY},
    {.uri = DSIG_MORE "ecdsa-sha512",
     .use = ALG_SIGNATURE,
     .hash = "SHA2-512",
     .ecdsa = true,
     WRITTEN},
    {.uri = DSIG "rsa-sha1", .use = ALG_SIGNATURE},
    {.uri = DSIG "dsa-sha1", .use = ALG_SIGNATURE},
    {.uri = DSIG "hmac-sha1", .use = ALG_SIGNATURE},
    {.uri = DSIG_MORE "hmac-sha256", .use = ALG_SIGNATURE},
    {.uri = DSIG_MORE "rsa-md5", .use = ALG_SIGNATURE},
    {.uri = DSIG_MORE "rsa-ripemd160", .use = ALG_SIGNATURE},
    {.uri = DSIG_MORE "ecdsa-sha1", .use = ALG_SIGNATURE},

    {.uri = ALG_AES256_GCM_URI, .use = ALG_CIPHER, .gcm = true, .key_bytes = 32, WRITTEN},
    {.uri = XENC11 "aes192-gcm", .use = ALG_CIPHER, .gcm = true, .key_bytes = 24, WRITTEN},
    {.uri = XENC11 "aes128-gcm", .use = ALG_CIPHER, .gcm = true, .key_bytes = 16, WRITTEN},
    {.uri = XENC "aes256-cbc", .use = ALG_CIPHER, .key_bytes = 32, .legacy = "cbc"},
    {.uri = XENC "aes192-cbc", .use = ALG_CIPHER, .key_bytes = 24, .legacy = "cbc"},
    {.uri = XENC "aes128-cbc", .use = ALG_CIPHER, .key_bytes = 16, .legacy = "cbc"},
    {.uri = XENC "tripledes-cbc", .use = ALG_CIPHER},

    {.uri = ALG_RSA_OAEP_URI, .use = ALG_KEY_TRANSPORT, WRITTEN},
    {.uri = XENC "rsa-1_5", .use = ALG_KEY_TRANSPORT, .legacy = "rsa15"},
    {.uri = XENC "rsa-oaep-mgf1p", .use = ALG_KEY_TRANSPORT},

    {.uri = XENC11 "mgf1sha256", .use = ALG_MGF, .hash = "SHA2-256", WRITTEN},
    {.uri = XENC11 "mgf1sha384", .use = ALG_MGF, .hash = "SHA2-384", READ_ONLY},
    {.uri = XENC11 "mgf1sha512", .use = ALG_MGF, .hash = "SHA2-512", WRITTEN},
    {.uri = XENC11 "mgf1sha1", .use = ALG_MGF},
};

const struct alg *alg_find(struct span uri, enum alg_use use)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].use == use && span_is(uri, table[i].uri))
            return &table[i];
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

enum status policy_check(const struct policy *policy, const struct alg *alg, enum alg_for what,
                         int64_t now, struct error *err)
{
    int64_t until = what == ALG_WRITE ? alg->write_until : alg->read_until;
    const char *verb = what == ALG_WRITE ? "writing" : "reading";

    if (what == ALG_READ && legacy_allowed(policy, alg))
        until = policy->legacy_until == 0 ? READ_UNTIL : policy->legacy_until;
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
