#include "crypto/keygen.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

DROP_DEFINE(pkey_drop, EVP_PKEY, EVP_PKEY_free)
DROP_DEFINE(secret_bio_drop, BIO, BIO_free_all)

enum status key_make_rsa(unsigned bits, struct buf *pem, struct error *err)
{
    AUTO(pkey_drop) EVP_PKEY *key = EVP_RSA_gen(bits);
    AUTO(secret_bio_drop) BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    long len = 0;

    TRY_ALLOC(bio, err);
    if (key == NULL)
        return error_set(err, ST_INTERNAL, 0, "no RSA key of %u bits could be made", bits);
    if (PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return error_set(err, ST_INTERNAL, 0, "the new RSA key could not be written as PEM");
    len = BIO_get_mem_data(bio, &text);
    buf_add(pem, span_of(text, (size_t)len));
    return buf_check(pem, err);
}
