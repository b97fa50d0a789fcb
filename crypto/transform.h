/*
 * crypto/transform.h - xmlsec's transforms, and ours for what xmlsec 1.2.37 lacks
 *
 * For crypto/ only. One table serves all algorithms: rows of the policy table lead to xmlsec's own
 * transform classes where it has them, and to ours for RSA-PSS, SHA-3, rsa-oaep of XML Encryption
 * 1.1 and AES-GCM with an IV of 12 or 16 bytes.
 */
#pragma once

#include "crypto/policy.h"

/* After xmlSecInit and before xmlSecCryptoInit. ST_INTERNAL on failure. */
MUST_CHECK enum status transform_register(struct error *err);
/* True between transform_register and xmlSecShutdown. */
bool transform_registered(void);
