#include "certs/strength.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum { RSA_BITS_MIN = 2048, EC_BITS_MIN = 250 };

bool x509_key_suffices(X509 *x509, int *bits, int *needed)
{
    EVP_PKEY *key = X509_get0_pubkey(x509);

    *bits = key == NULL ? 0 : EVP_PKEY_get_bits(key);
    *needed = key != NULL && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA &&
                      EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA_PSS &&
                      EVP_PKEY_get_base_id(key) != EVP_PKEY_DSA
                  ? EC_BITS_MIN
                  : RSA_BITS_MIN;
    return *bits >= *needed;
}

bool digest_is_weak(int md)
{
    return md == NID_sha1 || md == NID_md5 || md == NID_md5_sha1 || md == NID_md4 ||
           md == NID_ripemd160;
}

static int pss_digest(const X509_ALGOR *alg)
{
    const ASN1_OBJECT *oid = NULL;
    const void *value = NULL;
    RSA_PSS_PARAMS *pss = NULL;
    int type, md = NID_sha1; /* the default of RFC 8017, A.2.3 */

    X509_ALGOR_get0(NULL, &type, &value, alg);
    if (type == V_ASN1_SEQUENCE)
        pss = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
    ERR_clear_error();
    if (pss == NULL)
        return NID_undef;
    if (pss->hashAlgorithm != NULL) {
        X509_ALGOR_get0(&oid, NULL, NULL, pss->hashAlgorithm);
        md = OBJ_obj2nid(oid);
    }
    RSA_PSS_PARAMS_free(pss);
    return md;
}

/* What XML Signature has no name for has the dates of what is as strong. */
static const struct kind_row {
    int key, md;
    const char *uri;
} kinds[] = {
    {NID_rsaEncryption, NID_sha256, ALG_RSA_SHA256_URI},
    {NID_rsaEncryption, NID_sha384, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"},
    {NID_rsaEncryption, NID_sha512, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"},
    {NID_rsassaPss, NID_sha256, "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"},
    {NID_rsassaPss, NID_sha384, "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1"},
    {NID_rsassaPss, NID_sha512, "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1"},
    {NID_X9_62_id_ecPublicKey, NID_sha256, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"},
    {NID_X9_62_id_ecPublicKey, NID_sha384, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"},
    {NID_X9_62_id_ecPublicKey, NID_sha512, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"},
    {NID_ED25519, NID_undef, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"},
    {NID_ED448, NID_undef, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"},
};

enum status signature_alg_check(const struct policy *policy, const X509_ALGOR *alg, int64_t now,
                                struct error *err)
{
    const ASN1_OBJECT *oid = NULL;
    const struct alg *row = NULL;
    int md = NID_undef, key = NID_undef;

    X509_ALGOR_get0(&oid, NULL, NULL, alg);
    (void)OBJ_find_sigid_algs(OBJ_obj2nid(oid), &md, &key);
    if (key == NID_rsassaPss)
        md = pss_digest(alg);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].key == key && kinds[i].md == md)
            return policy_find(policy, span_str(kinds[i].uri), ALG_SIGNATURE, ALG_READ, now, &row,
                               err);
    return error_set(err, ST_DENIED, 0, "signed with %s, which is not accepted",
                     OBJ_obj2nid(oid) == NID_undef ? "an unknown algorithm"
                                                   : OBJ_nid2sn(OBJ_obj2nid(oid)));
}
