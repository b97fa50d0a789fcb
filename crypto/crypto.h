/*
 * crypto/crypto.h - what the libraries below insist on doing once
 */
#pragma once

#include "crypto/base/error.h"

/* libxml2, xmlsec and our transforms; once, in main, before any thread. ST_INTERNAL on failure. */
MUST_CHECK enum status crypto_init(struct error *err);
void crypto_deinit(void);
