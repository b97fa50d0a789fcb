/*
 * Revocation lists out of files: PEM or DER, of an authority that is known or not. What is taken
 * was signed, so hardly anything mutated is; reading must survive all of it.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "certs/revocation.h"
#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { PEM_MAX = 20000 };

static struct trust *trust;

__attribute__((constructor)) static void start(void)
{
    char text[PEM_MAX];
    struct error err = {0};
    FILE *f = fopen(TEST_VECTORS "/osci12/keys/ca.cert.pem", "rb");

    if (f == NULL || crypto_init(&err) != ST_OK || trust_new(&trust, &err) != ST_OK ||
        trust_add_anchors(trust, "ca", span_of(text, fread(text, 1, sizeof text, f)), &err) !=
            ST_OK)
        abort();
    (void)fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO(crls_drop) struct crls *crls = NULL;
    struct error err = {0};

    if (crls_new(trust, true, &crls, &err) != ST_OK)
        abort();
    if (crls_add(crls, "input", span_of(bytes, len), &err) != ST_OK)
        assert(crls_count(crls) == 0); /* whole or not at all */
    (void)crls_next_update(crls);
    return 0;
}
