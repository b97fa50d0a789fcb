/*
 * crypto/keygen.h - making new keys, for demo PKIs and tests
 */
#pragma once

#include "crypto/base/buf.h"

/* Appends a new RSA key as PEM (PKCS#8, no passphrase) to pem, which holds a secret from then on:
 * buf_deinit_secret. OpenSSL's own generator. ST_INTERNAL: the library refused the size. */
MUST_CHECK enum status key_make_rsa(unsigned bits, struct buf *pem, struct error *err);
