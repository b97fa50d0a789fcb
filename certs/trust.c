#include "certs/trust.h"

#include <limits.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "certs/x509_drop.h"

struct entry {
    struct cert *cert;
    unsigned purposes; /* bits; none for intermediates */
};

struct cert_list {
    struct entry *entries;
    size_t count;
};

struct trust {
    X509_STORE *stores[CERT_PURPOSES];
    STACK_OF(X509) * chain; /* the X509s of intermediates, borrowed from them */
    STACK_OF(ASN1_OBJECT) * policies[CERT_PURPOSES];
    char names[CERT_PURPOSES][TRUST_NAME_MAX];
    struct cert_list anchors, intermediates, pinned;
};

static void list_deinit(struct cert_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        cert_free(list->entries[i].cert);
    free(list->entries);
    *list = (struct cert_list){0};
}

static struct entry *list_find(const struct cert_list *list, const struct cert *cert)
{
    for (size_t i = 0; i < list->count; i++) {
        if (cert_eq(list->entries[i].cert, cert))
            return &list->entries[i];
    }
    return NULL;
}

/* The entry of *cert, which is taken over when it is new; its purposes are for the caller to add.
 * Valid until the next call. */
static enum status list_take(struct cert_list *list, struct cert **cert, struct entry **entry,
                             struct error *err)
{
    struct entry *grown = NULL;

    *entry = list_find(list, *cert);
    if (*entry != NULL)
        return ST_OK;
    if (list->count >= TRUST_CERTS_MAX)
        return error_set(err, ST_LIMIT, 0, "more than %d certificates", TRUST_CERTS_MAX);
    grown = realloc(list->entries, (list->count + 1) * sizeof *grown);
    TRY_ALLOC(grown, err);
    list->entries = grown;
    *entry = &grown[list->count++];
    **entry = (struct entry){.cert = TAKE(*cert)};
    return ST_OK;
}

/* Several authorities may have the same name, and nothing need say which one it was: that is the
 * one whose key fits. Who may not sign certificates is found out later, and said. */
static int is_issuer(X509_STORE_CTX *ctx, X509 *subject, X509 *issuer)
{
    int error = X509_check_issued(issuer, subject);
    bool fits = (error == X509_V_OK || error == X509_V_ERR_KEYUSAGE_NO_CERTSIGN) &&
                X509_verify(subject, X509_get0_pubkey(issuer)) == 1;

    (void)ctx;
    ERR_clear_error();
    return fits;
}

enum status trust_new(struct trust **trust, struct error *err)
{
    AUTO(trust_drop) struct trust *t = calloc(1, sizeof *t);

    TRY_ALLOC(t, err);
    t->chain = sk_X509_new_null();
    TRY_ALLOC(t->chain, err);
    for (size_t i = 0; i < CERT_PURPOSES; i++) {
        t->policies[i] = sk_ASN1_OBJECT_new_null();
        TRY_ALLOC(t->policies[i], err);
        t->stores[i] = X509_STORE_new();
        TRY_ALLOC(t->stores[i], err);
        /* an anchor need not be self-signed: sub-CAs are what administrations hand out */
        if (X509_STORE_set_flags(t->stores[i], X509_V_FLAG_PARTIAL_CHAIN) != 1)
            return error_set(err, ST_INTERNAL, 0, "trust store refused its flags");
        X509_STORE_set_check_issued(t->stores[i], is_issuer);
    }
    *trust = TAKE(t);
    return ST_OK;
}

void trust_free(struct trust *trust)
{
    if (trust == NULL)
        return;
    for (size_t i = 0; i < CERT_PURPOSES; i++) {
        X509_STORE_free(trust->stores[i]);
        sk_ASN1_OBJECT_pop_free(trust->policies[i], ASN1_OBJECT_free);
    }
    sk_X509_free(trust->chain);
    list_deinit(&trust->anchors);
    list_deinit(&trust->intermediates);
    list_deinit(&trust->pinned);
    free(trust);
}

static enum status take_anchor(struct trust *trust, unsigned purposes, struct cert **cert,
                               struct error *err)
{
    struct entry *entry;

    if (X509_check_ca(cert_x509(*cert)) == 0)
        return error_set(err, ST_INVALID, 0, "%s is no CA certificate: pin it, or name its issuer",
                         cert_subject(*cert));
    TRY(list_take(&trust->anchors, cert, &entry, err));
    for (unsigned i = 0; i < CERT_PURPOSES; i++) {
        if ((purposes & ~entry->purposes & CERT_PURPOSE_BIT(i)) != 0 &&
            X509_STORE_add_cert(trust->stores[i], cert_x509(entry->cert)) != 1)
            return error_starved(err);
    }
    entry->purposes |= purposes;
    return ST_OK;
}

static enum status take_intermediate(struct trust *trust, unsigned purposes, struct cert **cert,
                                     struct error *err)
{
    bool known = list_find(&trust->intermediates, *cert) != NULL;
    struct entry *entry;

    (void)purposes; /* it is believed for none */
    if (X509_check_ca(cert_x509(*cert)) == 0)
        return error_set(err, ST_INVALID, 0, "%s is no CA certificate", cert_subject(*cert));
    TRY(list_take(&trust->intermediates, cert, &entry, err));
    if (!known && sk_X509_push(trust->chain, cert_x509(entry->cert)) <= 0)
        return error_starved(err);
    return ST_OK;
}

static enum status take_pinned(struct trust *trust, unsigned purposes, struct cert **cert,
                               struct error *err)
{
    struct entry *entry;

    TRY(list_take(&trust->pinned, cert, &entry, err));
    entry->purposes |= purposes;
    return ST_OK;
}

static enum status take_believed(struct trust *trust, unsigned purposes, struct cert **cert,
                                 struct error *err)
{
    return X509_check_ca(cert_x509(*cert)) == 0 ? take_pinned(trust, purposes, cert, err)
                                                : take_anchor(trust, purposes, cert, err);
}

typedef enum status take_fn(struct trust *trust, unsigned purposes, struct cert **cert,
                            struct error *err);

static enum status pem_each(struct trust *trust, unsigned purposes, struct span pem, take_fn *take,
                            struct error *err)
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
        TRY(take(trust, purposes, &cert, err));
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

static enum status pem_add(struct trust *trust, unsigned purposes, const char *label,
                           struct span pem, take_fn *take, struct error *err)
{
    ERR_clear_error();
    if (pem_each(trust, purposes, pem, take, err) != ST_OK)
        return error_context(err, "%s", label);
    return ST_OK;
}

enum status trust_add_anchors_for(struct trust *trust, unsigned purposes, const char *label,
                                  struct span pem, struct error *err)
{
    return pem_add(trust, purposes, label, pem, take_anchor, err);
}

enum status trust_pin(struct trust *trust, unsigned purposes, struct cert *cert, struct error *err)
{
    AUTO(cert_drop) struct cert *mine = cert_ref(cert);

    return take_pinned(trust, purposes, &mine, err);
}

enum status trust_add_intermediates(struct trust *trust, const char *label, struct span pem,
                                    struct error *err)
{
    return pem_add(trust, 0, label, pem, take_intermediate, err);
}

enum status trust_add_issuers_of(struct trust *trust, const struct trust *other, struct error *err)
{
    const struct cert_list *const lists[] = {&other->anchors, &other->intermediates};

    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (size_t k = 0; k < lists[i]->count; k++) {
            AUTO(cert_drop) struct cert *cert = cert_ref(lists[i]->entries[k].cert);

            TRY(take_intermediate(trust, 0, &cert, err));
        }
    return ST_OK;
}

enum status trust_add_anchors(struct trust *trust, const char *label, struct span pem,
                              struct error *err)
{
    return trust_add_anchors_for(trust, CERT_FOR_EVERYTHING, label, pem, err);
}

enum status trust_add_believed(struct trust *trust, unsigned purposes, const char *label,
                               struct span pem, struct error *err)
{
    return pem_add(trust, purposes, label, pem, take_believed, err);
}

enum status trust_add_pinned_for(struct trust *trust, unsigned purposes, const char *label,
                                 struct span pem, struct error *err)
{
    return pem_add(trust, purposes, label, pem, take_pinned, err);
}

enum status trust_add_pinned(struct trust *trust, const char *label, struct span pem,
                             struct error *err)
{
    return trust_add_pinned_for(trust, CERT_FOR_EVERYTHING, label, pem, err);
}

enum status trust_add_policy(struct trust *trust, unsigned purposes, const char *oid,
                             struct error *err)
{
    for (unsigned i = 0; i < CERT_PURPOSES; i++) {
        ASN1_OBJECT *object;

        if ((purposes & CERT_PURPOSE_BIT(i)) == 0)
            continue;
        object = OBJ_txt2obj(oid, 1);
        ERR_clear_error();
        if (object == NULL)
            return error_set(err, ST_INVALID, 0, "%s is no OID in numbers", oid);
        if (sk_ASN1_OBJECT_push(trust->policies[i], object) <= 0) {
            ASN1_OBJECT_free(object);
            return error_starved(err);
        }
    }
    return ST_OK;
}

const STACK_OF(ASN1_OBJECT) * trust_policies(const struct trust *trust, enum cert_purpose purpose)
{
    return trust->policies[purpose];
}

void trust_name(struct trust *trust, unsigned purposes, const char *name)
{
    for (unsigned i = 0; i < CERT_PURPOSES; i++)
        if ((purposes & CERT_PURPOSE_BIT(i)) != 0)
            (void)snprintf(trust->names[i], sizeof trust->names[i], "%s", name);
}

const char *trust_name_of(const struct trust *trust, enum cert_purpose purpose)
{
    return trust->names[purpose];
}

const struct cert *trust_authority(const struct trust *trust, size_t i)
{
    if (i < trust->anchors.count)
        return trust->anchors.entries[i].cert;
    i -= trust->anchors.count;
    return i < trust->intermediates.count ? trust->intermediates.entries[i].cert : NULL;
}

size_t trust_anchor_count(const struct trust *trust)
{
    return trust->anchors.count;
}

const struct cert *trust_pinned(const struct trust *trust, size_t i)
{
    return i < trust->pinned.count ? trust->pinned.entries[i].cert : NULL;
}

static bool list_serves(const struct cert_list *list, enum cert_purpose purpose)
{
    for (size_t i = 0; i < list->count; i++)
        if ((list->entries[i].purposes & CERT_PURPOSE_BIT(purpose)) != 0)
            return true;
    return false;
}

bool trust_is_empty(const struct trust *trust, enum cert_purpose purpose)
{
    return !list_serves(&trust->anchors, purpose) && !list_serves(&trust->pinned, purpose);
}

bool trust_is_pinned(const struct trust *trust, const struct cert *cert, enum cert_purpose purpose)
{
    const struct entry *entry = list_find(&trust->pinned, cert);

    return entry != NULL && (entry->purposes & CERT_PURPOSE_BIT(purpose)) != 0;
}

X509_STORE *trust_x509_store(const struct trust *trust, enum cert_purpose purpose)
{
    return trust->stores[purpose];
}

const STACK_OF(X509) * trust_intermediates(const struct trust *trust)
{
    return trust->chain;
}
