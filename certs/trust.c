#include "certs/trust.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "certs/x509_drop.h"

struct cert_list {
    struct cert **certs;
    size_t count;
};

struct trust {
    X509_STORE *store;
    STACK_OF(X509) * chain; /* the X509s of intermediates, borrowed from them */
    struct cert_list anchors, intermediates, pinned;
};

static void list_deinit(struct cert_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        cert_free(list->certs[i]);
    free(list->certs);
    *list = (struct cert_list){0};
}

static bool list_has(const struct cert_list *list, const struct cert *cert)
{
    for (size_t i = 0; i < list->count; i++) {
        if (cert_eq(list->certs[i], cert))
            return true;
    }
    return false;
}

/* Takes over *cert on ST_OK. */
static enum status list_take(struct cert_list *list, struct cert **cert, struct error *err)
{
    struct cert **grown = NULL;

    if (list->count >= TRUST_CERTS_MAX)
        return error_set(err, ST_LIMIT, 0, "more than %d certificates", TRUST_CERTS_MAX);
    grown = realloc(list->certs, (list->count + 1) * sizeof *grown);
    TRY_ALLOC(grown, err);
    list->certs = grown;
    list->certs[list->count++] = TAKE(*cert);
    return ST_OK;
}

enum status trust_new(struct trust **trust, struct error *err)
{
    AUTO(trust_drop) struct trust *t = calloc(1, sizeof *t);

    TRY_ALLOC(t, err);
    t->store = X509_STORE_new();
    TRY_ALLOC(t->store, err);
    t->chain = sk_X509_new_null();
    TRY_ALLOC(t->chain, err);
    /* an anchor need not be self-signed: sub-CAs are what administrations hand out */
    if (X509_STORE_set_flags(t->store, X509_V_FLAG_PARTIAL_CHAIN) != 1)
        return error_set(err, ST_INTERNAL, 0, "trust store refused its flags");
    *trust = TAKE(t);
    return ST_OK;
}

void trust_free(struct trust *trust)
{
    if (trust == NULL)
        return;
    X509_STORE_free(trust->store);
    sk_X509_free(trust->chain);
    list_deinit(&trust->anchors);
    list_deinit(&trust->intermediates);
    list_deinit(&trust->pinned);
    free(trust);
}

static enum status take_anchor(struct trust *trust, struct cert **cert, struct error *err)
{
    X509 *x509 = cert_x509(*cert);

    if (X509_check_ca(x509) == 0)
        return error_set(err, ST_INVALID, 0, "%s is no CA certificate: pin it, or name its issuer",
                         cert_subject(*cert));
    if (list_has(&trust->anchors, *cert))
        return ST_OK;
    TRY(list_take(&trust->anchors, cert, err));
    if (X509_STORE_add_cert(trust->store, x509) != 1)
        return error_starved(err);
    return ST_OK;
}

static enum status take_intermediate(struct trust *trust, struct cert **cert, struct error *err)
{
    X509 *x509 = cert_x509(*cert);

    if (X509_check_ca(x509) == 0)
        return error_set(err, ST_INVALID, 0, "%s is no CA certificate", cert_subject(*cert));
    if (list_has(&trust->intermediates, *cert))
        return ST_OK;
    TRY(list_take(&trust->intermediates, cert, err));
    if (sk_X509_push(trust->chain, x509) <= 0)
        return error_starved(err);
    return ST_OK;
}

static enum status take_pinned(struct trust *trust, struct cert **cert, struct error *err)
{
    if (list_has(&trust->pinned, *cert))
        return ST_OK;
    return list_take(&trust->pinned, cert, err);
}

typedef enum status take_fn(struct trust *trust, struct cert **cert, struct error *err);

static enum status pem_each(struct trust *trust, struct span pem, take_fn *take, struct error *err)
{
    AUTO(bio_drop) BIO *bio = NULL;
    size_t found = 0;

    if (pem.len > INT_MAX)
        return error_set(err, ST_LIMIT, 0, "too large");
    bio = BIO_new_mem_buf(pem.ptr == NULL ? "" : (const char *)pem.ptr, (int)pem.len);
    TRY_ALLOC(bio, err);
    for (;;) {
        AUTO(cert_drop) struct cert *cert = NULL;
        AUTO(openssl_drop) char *name = NULL;
        AUTO(openssl_drop) char *header = NULL;
        AUTO(openssl_drop) unsigned char *der = NULL;
        long len = 0;

        if (PEM_read_bio(bio, &name, &header, &der, &len) != 1)
            break;
        if (strcmp(name, PEM_STRING_X509) != 0)
            continue;
        found++;
        if (cert_from_der(span_of(der, (size_t)len), &cert, err) != ST_OK)
            return error_context(err, "certificate %zu", found);
        TRY(take(trust, &cert, err));
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        ERR_clear_error();
        return error_set(err, ST_INVALID, 0, "the PEM text is damaged after certificate %zu",
                         found);
    }
    ERR_clear_error(); /* the end of the text */
    if (found == 0)
        return error_set(err, ST_INVALID, 0, "no certificate in PEM form in it");
    return ST_OK;
}

static enum status pem_add(struct trust *trust, const char *label, struct span pem, take_fn *take,
                           struct error *err)
{
    ERR_clear_error();
    if (pem_each(trust, pem, take, err) != ST_OK)
        return error_context(err, "%s", label);
    return ST_OK;
}

enum status trust_add_anchors(struct trust *trust, const char *label, struct span pem,
                              struct error *err)
{
    return pem_add(trust, label, pem, take_anchor, err);
}

enum status trust_add_intermediates(struct trust *trust, const char *label, struct span pem,
                                    struct error *err)
{
    return pem_add(trust, label, pem, take_intermediate, err);
}

enum status trust_add_pinned(struct trust *trust, const char *label, struct span pem,
                             struct error *err)
{
    return pem_add(trust, label, pem, take_pinned, err);
}

const struct cert *trust_authority(const struct trust *trust, size_t i)
{
    if (i < trust->anchors.count)
        return trust->anchors.certs[i];
    i -= trust->anchors.count;
    return i < trust->intermediates.count ? trust->intermediates.certs[i] : NULL;
}

size_t trust_anchor_count(const struct trust *trust)
{
    return trust->anchors.count;
}

bool trust_is_pinned(const struct trust *trust, const struct cert *cert)
{
    return list_has(&trust->pinned, cert);
}

X509_STORE *trust_x509_store(const struct trust *trust)
{
    return trust->store;
}

const STACK_OF(X509) * trust_intermediates(const struct trust *trust)
{
    return trust->chain;
}
