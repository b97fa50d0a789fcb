#include "gateway/parties.h"

enum { ORDER_CERTS = 2, REF_MAX = 16 * 1024 };

static enum status author_add(struct gw_parties *p, const struct identity_pair *pair,
                              enum osci_role role, struct arena *arena, struct error *err)
{
    struct osci_signer *author = &p->authors[p->author_count];

    *author = (struct osci_signer){.key = pair->key, .cert = pair->cert};
    TRY(osci_cert_id(role, p->author_count, pair->cert, arena, &author->id, err));
    p->author_count++;
    if (role == OSCI_SIGNATURE_OTHER_AUTHOR) /* the originator's stands in every order */
        p->certs[p->cert_count++] = (struct osci_cert){role, author->id, pair->cert};
    return ST_OK;
}

static enum status reader_add(struct gw_parties *p, struct cert *cert, struct arena *arena,
                              struct error *err)
{
    bool addressee = p->reader_count == 0;
    struct osci_cert *reader = &p->readers[p->reader_count];

    *reader = (struct osci_cert){
        .role = addressee ? OSCI_CIPHER_ADDRESSEE : OSCI_CIPHER_OTHER_READER, .cert = cert};
    TRY(osci_cert_id(reader->role, addressee ? 0 : p->reader_count - 1, cert, arena, &reader->id,
                     err));
    p->certs[p->cert_count++] = *reader;
    p->reader_count++;
    return ST_OK;
}

static enum status ref_make(struct gw_parties *p, struct arena *arena, struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, REF_MAX);
    for (size_t i = 0; i < p->author_count; i++)
        buf_printf(&b, "%s ", cert_fingerprint(p->authors[i].cert));
    for (size_t i = 0; i < p->reader_count; i++)
        buf_printf(&b, "%s%s", i > 0 ? " " : "", cert_fingerprint(p->readers[i].cert));
    TRY(buf_check(&b, err));
    p->ref = arena_str(arena, buf_span(&b));
    TRY_ALLOC(p->ref, err);
    return ST_OK;
}

enum status gw_parties_of(const struct gw_runtime *rt, const struct gw_partner *partner,
                          const char *endpoint, int64_t now, struct arena *arena,
                          struct gw_parties *parties, struct error *err)
{
    const struct gw_authors *own = endpoint == NULL ? NULL : gw_runtime_authors(rt, endpoint);
    size_t authors = own == NULL ? 0 : own->count, readers = partner->reader_count + 1;
    const struct gw_tenant *tenant = gw_runtime_tenant(rt, partner->tenant);
    struct gw_parties p = {0};

    if (tenant == NULL)
        return error_set(err, ST_DENIED, GW_R_TENANT_OTHER, "-, %s",
                         partner->tenant == NULL ? "-" : partner->tenant);
    p.authors = arena_array(arena, sizeof *p.authors, authors + 1);
    p.readers = arena_array(arena, sizeof *p.readers, readers);
    p.certs = arena_array(arena, sizeof *p.certs, authors + readers + ORDER_CERTS);
    if (p.authors == NULL || p.readers == NULL || p.certs == NULL)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    TRY(reader_add(&p, gw_partner_cipher(partner, now), arena, err));
    for (size_t i = 0; i < partner->reader_count; i++)
        TRY(reader_add(&p, partner->readers[i], arena, err));
    for (size_t i = 0; i < authors; i++)
        TRY(author_add(&p, &own->pairs[i], OSCI_SIGNATURE_OTHER_AUTHOR, arena, err));
    if (authors == 0)
        TRY(author_add(&p, identity_signature(tenant->identity, now), OSCI_SIGNATURE_ORIGINATOR,
                       arena, err));
    TRY(ref_make(&p, arena, err));
    *parties = p;
    return ST_OK;
}
