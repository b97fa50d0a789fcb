/*
 * crypto/transform_class.h - our xmlsec transform classes, between transform.c and where they live
 *
 * The setters are for a transform of that class before its first byte; xmlsec's own way to the same
 * values is readNode.
 */
#pragma once

#include <xmlsec/transforms.h>

#include "crypto/cipher.h"

/* Each registers its file's classes; a negative number on failure, as xmlsec does it. */
int transform_rsa_register(void);
int transform_bytes_register(void);

void transform_gcm_set(xmlSecTransformPtr transform, size_t iv_len, struct rng *rng);
void transform_oaep_set(xmlSecTransformPtr transform, const struct alg *digest,
                        const struct alg *mgf);
/* The length that the session key must have: with rsa-1_5 the random one has it too. */
void transform_rsa15_set(xmlSecTransformPtr transform, size_t secret_len);
