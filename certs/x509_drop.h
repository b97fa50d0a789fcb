/*
 * certs/x509_drop.h - OpenSSL's objects, freed at the end of their block
 */
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/base/cleanup.h"

DROP_DEFINE(bio_drop, BIO, BIO_free_all)
DROP_DEFINE(x509_drop, X509, X509_free)
DROP_DEFINE(crl_drop, X509_CRL, X509_CRL_free)
DROP_DEFINE(store_ctx_drop, X509_STORE_CTX, X509_STORE_CTX_free)
DROP_DEFINE(bignum_drop, BIGNUM, BN_free)
DROP_DEFINE(general_names_drop, GENERAL_NAMES, GENERAL_NAMES_free)
/* The stack alone, not what is in it. */
DROP_DEFINE(x509_stack_drop, STACK_OF(X509), sk_X509_free)

static inline void x509_stack_all_free(STACK_OF(X509) * stack)
{
    sk_X509_pop_free(stack, X509_free);
}
/* The stack with what is in it. */
DROP_DEFINE(x509_stack_all_drop, STACK_OF(X509), x509_stack_all_free)

/* What OpenSSL allocated as plain bytes. */
static inline void openssl_drop(void *p)
{
    void **pp = p;

    OPENSSL_free(*pp);
    *pp = NULL;
}
