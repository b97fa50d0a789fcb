/*
 * crypto/crypto.h - what the libraries below insist on doing once
 */
#pragma once

#include "crypto/base/error.h"

/* libxml2, xmlsec, our transforms and OpenSSL's algorithms; in main, before any thread. A second
 * call does nothing. ST_INTERNAL on failure. */
MUST_CHECK enum status crypto_init(struct error *err);
void crypto_deinit(void);
