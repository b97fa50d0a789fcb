/* May these settings come into force, as far as keys go that messages of ours still wait for? */
#include <stdio.h>

#include "gateway/config_schema.h"
#include "gateway/reload.h"
#include "gateway/store_osci.h"

enum { NAMED_MAX = 5, IDS_MAX = 1024 };

struct needing {
    struct gw_config_report *report;
    struct gw_tx *tx;
    struct arena arena;
};

/* Which they are, the first few, as text. */
static enum status names_put(struct needing *n, const struct gw_mailbox_row *mailbox,
                             struct buf *text, struct error *err)
{
    struct gw_card_select by = {.tenant = mailbox->tenant,
                                .by = GW_CARD_CREATION,
                                .role = GW_CARD_ADDRESSEE,
                                .no_reception = true,
                                .limit = NAMED_MAX};
    struct gw_delivery_list list;

    memcpy(by.cipher, mailbox->mailbox, sizeof by.cipher);
    TRY(gw_store_cards(n->tx, &n->arena, &by, &list, err));
    for (size_t i = 0; i < list.count; i++)
        buf_printf(text, "%s%s", i > 0 ? ", " : "", list.rows[i].osci_message_id);
    if (mailbox->waiting > list.count)
        buf_str(text, ", ...");
    return ST_OK;
}

static enum status mailbox_look(struct needing *n, const struct cert *cert,
                                const struct gw_mailbox_row *mailbox, struct error *err)
{
    AUTO(buf_deinit) struct buf names = {0};
    char count[24];
    struct gw_explain_field fields[] = {{"subject", cert_subject(cert)}, {"count", count}, {0}};

    if (mailbox->waiting == 0 ||
        !span_eq(span_of(mailbox->mailbox, sizeof mailbox->mailbox), cert_sha256(cert)))
        return ST_OK;
    buf_init(&names, IDS_MAX);
    TRY(names_put(n, mailbox, &names, err));
    fields[2] = (struct gw_explain_field){"detail", buf_cstr(&names)};
    (void)snprintf(count, sizeof count, "%llu", (unsigned long long)mailbox->waiting);
    gw_config_find(n->report, 0, GW_R_CONFIG_NEEDED, false, fields, ARRAY_LEN(fields));
    return ST_OK;
}

/* One that the new settings do not have any more. */
static enum status dropped_look(struct needing *n, const struct cert *cert, struct error *err)
{
    struct gw_mailbox_list list = {0};

    TRY(gw_store_mailboxes(n->tx, &n->arena, &list, err));
    for (size_t i = 0; i < list.count; i++)
        TRY(mailbox_look(n, cert, &list.rows[i], err));
    return ST_OK;
}

static enum status tenant_look(struct needing *n, const struct gw_tenant *tenant,
                               const struct gw_config *config, const struct gw_key_places *places,
                               struct error *err)
{
    const struct gw_tenant_conf *conf = gw_config_tenant(config, tenant->conf->name);
    AUTO(identity_drop) struct identity *next = NULL;

    if (conf == NULL && config->tenants_count == 1)
        conf = &config->tenants[0]; /* it is called otherwise now */
    if (conf != NULL)
        TRY(gw_identity_load(&conf->identity, places, &next, err));
    for (size_t i = 0; i < tenant->own_count; i++)
        if (next == NULL || identity_cipher_for(next, tenant->own[i].cert) == NULL)
            TRY(dropped_look(n, tenant->own[i].cert, err));
    return ST_OK;
}

enum status gw_reload_keys(const struct gw_runtime *rt, const struct gw_config *config,
                           struct gw_config_report *report, struct error *err)
{
    const struct gw_key_process_conf trial = {.config = config};
    AUTO(gw_key_process_drop) struct gw_key_process *process = NULL;
    struct needing n = {.report = report};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    enum status st = ST_OK;

    if (config->security.key_process) /* another one, for this question alone */
        TRY(gw_key_process_new(&trial, &process, err));
    TRY(gw_store_read(rt->store, &tx, err));
    n.tx = tx;
    arena_init(&n.arena, 16 * 1024 * 1024);
    for (size_t i = 0; i < rt->tenant_count && st == ST_OK; i++)
        st = tenant_look(&n, &rt->tenants[i], config,
                         &(struct gw_key_places){rt->places.tokens, process}, err);
    arena_deinit(&n.arena);
    TRY(st);
    return report->errors == 0
               ? ST_OK
               : error_set(err, ST_INVALID, GW_R_CONFIG_NEEDED, "messages still need a key");
}
