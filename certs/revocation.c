#include "certs/revocation.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "certs/x509_drop.h"
#include "certs/x509_time.h"

struct crls {
    const struct trust *trust;
    bool expected;
    STACK_OF(X509_CRL) * lists;
};

enum status crls_new(const struct trust *trust, bool expected, struct crls **crls,
                     struct error *err)
{
    AUTO(crls_drop) struct crls *c = calloc(1, sizeof *c);

    TRY_ALLOC(c, err);
    c->trust = trust;
    c->expected = expected;
    c->lists = sk_X509_CRL_new_null();
    TRY_ALLOC(c->lists, err);
    *crls = TAKE(c);
    return ST_OK;
}

void crls_free(struct crls *crls)
{
    if (crls == NULL)
        return;
    sk_X509_CRL_pop_free(crls->lists, X509_CRL_free);
    free(crls);
}

/* ---- in ---- */

static bool is_signed_by(X509_CRL *crl, X509 *ca)
{
    EVP_PKEY *key = X509_get0_pubkey(ca);
    bool entitled = (X509_get_key_usage(ca) & KU_CRL_SIGN) != 0; /* absent: everything */
    bool fits = entitled && key != NULL &&
                X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) == 0 &&
                X509_CRL_verify(crl, key) == 1;

    ERR_clear_error();
    return fits;
}

static enum status list_check(const struct crls *crls, X509_CRL *crl, struct error *err)
{
    const struct cert *ca;

    for (size_t i = 0; (ca = trust_authority(crls->trust, i)) != NULL; i++)
        if (is_signed_by(crl, cert_x509(ca)))
            return ST_OK;
    return error_set(err, ST_DENIED, 0,
                     "the revocation list is not signed by an authority that is trusted");
}

static enum status stack_take(STACK_OF(X509_CRL) * stack, X509_CRL **crl, struct error *err)
{
    if (sk_X509_CRL_push(stack, *crl) <= 0)
        return error_starved(err);
    *crl = NULL;
    return ST_OK;
}

static enum status pem_read(struct span pem, STACK_OF(X509_CRL) * found, struct error *err)
{
    AUTO(bio_drop) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);

    TRY_ALLOC(bio, err);
    for (;;) {
        AUTO(crl_drop) X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
        bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;

        ERR_clear_error();
        if (crl != NULL)
            TRY(stack_take(found, &crl, err));
        else if (end)
            return ST_OK;
        else
            return error_set(err, ST_INVALID, 0, "a revocation list cannot be read");
    }
}

static enum status der_read(struct span der, STACK_OF(X509_CRL) * found, struct error *err)
{
    const unsigned char *at = der.ptr;
    AUTO(crl_drop) X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);

    ERR_clear_error();
    if (crl == NULL || at != der.ptr + der.len)
        return error_set(err, ST_INVALID, 0, "neither a revocation list in PEM nor one in DER");
    return stack_take(found, &crl, err);
}

static enum status lists_read(struct span bytes, STACK_OF(X509_CRL) * found, struct error *err)
{
    if (bytes.len > CRL_BYTES_MAX)
        return error_set(err, ST_LIMIT, 0, "larger than %d MB", CRL_BYTES_MAX >> 20);
    ERR_clear_error();
    if (span_find(bytes, SPAN("-----BEGIN X509 CRL-----")) == SIZE_MAX)
        return der_read(bytes, found, err);
    return pem_read(bytes, found, err);
}

static enum status lists_take(struct crls *crls, STACK_OF(X509_CRL) * found, struct error *err)
{
    if (sk_X509_CRL_num(crls->lists) + sk_X509_CRL_num(found) > CRLS_MAX)
        return error_set(err, ST_LIMIT, 0, "more than %d revocation lists", CRLS_MAX);
    for (int i = 0; i < sk_X509_CRL_num(found); i++)
        TRY(list_check(crls, sk_X509_CRL_value(found, i), err));
    if (sk_X509_CRL_reserve(crls->lists, sk_X509_CRL_num(found)) != 1)
        return error_starved(err);
    while (sk_X509_CRL_num(found) > 0)
        (void)sk_X509_CRL_push(crls->lists, sk_X509_CRL_shift(found));
    return ST_OK;
}

enum status crls_add(struct crls *crls, const char *label, struct span bytes, struct error *err)
{
    STACK_OF(X509_CRL) *found = sk_X509_CRL_new_null();
    enum status st;

    TRY_ALLOC(found, err);
    st = lists_read(bytes, found, err);
    if (st == ST_OK)
        st = lists_take(crls, found, err);
    sk_X509_CRL_pop_free(found, X509_CRL_free);
    return st == ST_OK ? ST_OK : error_context(err, "%s", label);
}

/* ---- out ---- */

size_t crls_count(const struct crls *crls)
{
    return (size_t)sk_X509_CRL_num(crls->lists);
}

void crls_each(const struct crls *crls, void (*see)(void *ctx, const struct crl_facts *facts),
               void *ctx)
{
    for (int i = 0; i < sk_X509_CRL_num(crls->lists); i++) {
        const X509_CRL *crl = sk_X509_CRL_value(crls->lists, i);
        char *issuer = cert_name_text(X509_CRL_get_issuer(crl));
        const struct crl_facts facts = {.issuer = issuer,
                                        .from = x509_time_ms(X509_CRL_get0_lastUpdate(crl)),
                                        .until = x509_time_ms(X509_CRL_get0_nextUpdate(crl))};

        if (issuer != NULL)
            see(ctx, &facts);
        free(issuer);
    }
}

int64_t crls_next_update(const struct crls *crls)
{
    int64_t first = 0;

    for (int i = 0; i < sk_X509_CRL_num(crls->lists); i++) {
        int64_t next = x509_time_ms(X509_CRL_get0_nextUpdate(sk_X509_CRL_value(crls->lists, i)));

        if (next != 0 && (first == 0 || next < first))
            first = next;
    }
    return first;
}

bool crls_expected(const struct crls *crls)
{
    return crls->expected;
}

STACK_OF(X509_CRL) * crls_stack(const struct crls *crls)
{
    return crls->lists;
}

int64_t crls_date(const struct crls *crls, X509 *x509, int64_t now)
{
    int64_t newest = 0;

    for (int i = 0; i < sk_X509_CRL_num(crls->lists); i++) {
        X509_CRL *crl = sk_X509_CRL_value(crls->lists, i);
        int64_t date = x509_time_ms(X509_CRL_get0_lastUpdate(crl));

        if (date <= now && date > newest &&
            X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(x509)) == 0)
            newest = date;
    }
    return newest;
}
