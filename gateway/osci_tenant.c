#include "gateway/osci_tenant.h"

enum { DAY_MS = 24 * 3600 * 1000, MB = 1024 * 1024 };

static enum status mailboxes_load(struct gw_osci_tenant *t, struct gw_ids_open *ids,
                                  struct error *err)
{
    const struct gw_osci_server_conf *conf = t->conf;
    struct gw_mailbox mailbox = {
        .store = t->rt->store,
        .rng = t->rt->rng,
        .tenant = conf->name,
        .quotas = {{(uint64_t)conf->mailbox_messages, (uint64_t)conf->mailbox_mb * MB},
                   {(uint64_t)conf->client_messages, (uint64_t)conf->client_mb * MB}},
        .ids = ids,
        .known_count = conf->mailboxes_count};

    t->known = calloc(mailbox.known_count + 1, sizeof *t->known);
    TRY_ALLOC(t->known, err);
    for (size_t i = 0; i < mailbox.known_count; i++) {
        AUTO(cert_drop) struct cert *cert = NULL;

        TRY(gw_cert_load(conf->mailboxes[i].cipher_certificate, &cert, err));
        memcpy(t->known[i], cert_sha256(cert).ptr, GW_SHA256_BYTES);
    }
    mailbox.known = t->known;
    t->intermediary.mailbox = gw_mailbox_init(&t->mailbox, &mailbox);
    return ST_OK;
}

/* A chunk travels in a message, with certificates and signature. */
static void chunks_load(struct gw_osci_tenant *t)
{
    uint64_t fits_kb = t->limits.message_bytes / 1024 / 8 * 7;
    const struct gw_osci_server_conf *conf = t->conf;
    const struct gw_transfers transfers = {.store = t->rt->store,
                                           .rng = t->rt->rng,
                                           .tenant = conf->name,
                                           .client_max = (uint64_t)conf->chunk_transfers,
                                           .client_kb_max = (uint64_t)conf->chunk_client_mb * 1024};

    t->intermediary.chunks = (struct osci_chunk_limits){
        .min_kb = (uint64_t)conf->chunk_min_kb,
        .max_kb = (uint64_t)conf->chunk_max_kb,
        .message_kb = (uint64_t)conf->chunked_max_mb * 1024,
        .timeout_s = (uint64_t)conf->chunk_timeout_s,
    };
    if (t->intermediary.chunks.max_kb > fits_kb)
        t->intermediary.chunks.max_kb = fits_kb;
    t->intermediary.transfers = gw_transfers_init(&t->transfers, &transfers);
}

static enum status tenant_load(struct gw_osci_tenant *t, struct gw_ids_open *ids, struct error *err)
{
    const struct gw_osci_server_conf *conf = t->conf;
    const struct osci_sessions_conf sessions = {.idle_ms = conf->dialog_minutes * 60000};

    TRY(gw_identity_load(conf->identity, &t->rt->places, &t->identity, err));
    t->own_count = gw_own_ciphers(t->identity, t->own);
    TRY(osci_sessions_new(&sessions, &t->sessions, err));
    t->limits.message_bytes = (uint64_t)conf->message_max_mb * MB;
    t->intermediary = (struct osci_intermediary){
        .identity = t->identity,
        .own = t->own,
        .own_count = t->own_count,
        .checker = gw_trust_checker(gw_trust_for_server(t->rt->trust, conf)),
        .cache = t->rt->cache,
        .policy = &t->rt->policy,
        .sessions = t->sessions,
        .rng = t->rt->rng,
        .require_signature = conf->require_signature,
        .allow_plain = conf->allow_plain,
        .self_registering = conf->self_registering,
        .max_message_kb = t->limits.message_bytes / 1024};
    TRY(gw_receivers_new(t->rt, conf, &t->receivers, err));
    t->intermediary.receivers = gw_receivers_urls(t->receivers);
    t->intermediary.receiver_count = conf->receivers_count;
    chunks_load(t);
    return mailboxes_load(t, ids, err);
}

enum status gw_osci_tenant_init(struct gw_osci_tenant *t, const struct gw_runtime *rt,
                                const struct gw_osci_server_conf *conf, struct gw_ids_open *ids,
                                struct error *err)
{
    *t = (struct gw_osci_tenant){.rt = rt, .conf = conf};
    if (tenant_load(t, ids, err) == ST_OK)
        return ST_OK;
    gw_osci_tenant_deinit(t);
    return conf->name == NULL ? err->status
                              : error_context(err, "osci_server.tenants: %s", conf->name);
}

void gw_osci_tenant_deinit(struct gw_osci_tenant *t)
{
    gw_receivers_free(t->receivers);
    osci_sessions_free(t->sessions);
    identity_free(t->identity);
    free(t->known);
    *t = (struct gw_osci_tenant){0};
}

struct retaining {
    struct gw_retention retention;
    struct gw_transfer_retention transfers;
    int64_t now;
    struct gw_retention_done done;
};

static enum status retain(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct retaining *r = ctx;

    TRY(gw_store_transfers_retain(tx, &r->transfers, err));
    return gw_store_retain(tx, &r->retention, r->now, &r->done, err);
}

enum status gw_osci_tenant_retain(struct gw_osci_tenant *t, int64_t now,
                                  struct gw_osci_retained *retained, struct error *err)
{
    const struct gw_osci_server_conf *conf = t->conf;
    struct retaining r = {.retention = {.tenant = conf->name,
                                        .undelivered = conf->undelivered_days * DAY_MS,
                                        .delivered = conf->delivered_days * DAY_MS,
                                        .card = conf->processcard_days * DAY_MS,
                                        .unused_id = conf->messageid_days * DAY_MS},
                          .transfers = {.tenant = conf->name,
                                        .changed_before = now - conf->chunk_days * DAY_MS,
                                        .used_before = now - DAY_MS},
                          .now = now};

    *retained = (struct gw_osci_retained){0};
    TRY(gw_store_commit(t->rt->store, retain, &r, err));
    *retained = (struct gw_osci_retained){r.done, r.transfers.unfinished};
    return ST_OK;
}
