/* Rollover in the settings: what takes over from a time on, checked. */
#include "gateway/config_schema.h"

#define FIND(r, at, code, ...)                                                                     \
    do {                                                                                           \
        const struct gw_explain_field fields_[] = {__VA_ARGS__};                                   \
                                                                                                   \
        gw_config_find((r)->report, gw_config_line_of(r, at), code, false, fields_,                \
                       ARRAY_LEN(fields_));                                                        \
    } while (0)

/* What is told of one entry: its time, and that of the one before it for the same. */
static void order_check(struct gw_config_reader *r, const int64_t *from, bool first, int64_t before,
                        const char *key)
{
    if (!first && *from <= before)
        FIND(r, from, GW_R_CONFIG_NEXT, {"key", key});
}

void gw_config_check_next_identity(struct gw_config_reader *r,
                                   const struct gw_identity_conf *identity)
{
    for (unsigned i = 0; i < identity->next_count; i++) {
        const struct gw_next_identity_conf *next = &identity->next[i];

        order_check(r, &next->from, i == 0, i == 0 ? 0 : next[-1].from, "identity.next");
        if (next->signature == NULL && next->cipher == NULL)
            FIND(r, next, GW_R_CONFIG_MISSING, {"key", "identity.next: signature, cipher"});
        if (next->signature != NULL)
            gw_config_check_pair(r, next->signature, "identity.next.signature");
        if (next->cipher != NULL)
            gw_config_check_pair(r, next->cipher, "identity.next.cipher");
    }
}

static void ciphers_check(struct gw_config_reader *r, const char *cipher,
                          const struct gw_next_cipher_conf *next, unsigned count)
{
    if (count > 0 && cipher == NULL)
        FIND(r, &next[0], GW_R_CONFIG_MISSING, {"key", "cipher_certificate"});
    for (unsigned i = 0; i < count; i++)
        order_check(r, &next[i].from, i == 0, i == 0 ? 0 : next[i - 1].from, "next_ciphers");
}

/* tls: what they follow. */
static void tls_check(struct gw_config_reader *r, const struct gw_pair_conf *tls,
                      const struct gw_next_tls_conf *next, unsigned count)
{
    if (count > 0 && tls == NULL)
        FIND(r, &next[0], GW_R_CONFIG_MISSING, {"key", "tls"});
    for (unsigned i = 0; i < count; i++) {
        order_check(r, &next[i].from, i == 0, i == 0 ? 0 : next[i - 1].from, "next_tls");
        if (next[i].tls != NULL)
            gw_config_check_pair(r, next[i].tls, "next_tls.tls");
    }
}

static void server_check(struct gw_config_reader *r, const struct gw_osci_server_conf *server)
{
    for (unsigned i = 0; i < server->listeners_count; i++)
        tls_check(r, server->listeners[i].tls, server->listeners[i].next_tls,
                  server->listeners[i].next_tls_count);
    for (unsigned i = 0; i < server->receivers_count; i++)
        tls_check(r, server->receivers[i].tls, server->receivers[i].next_tls,
                  server->receivers[i].next_tls_count);
    for (unsigned i = 0; i < server->tenants_count; i++) /* those have none */
        server_check(r, &server->tenants[i]);
}

static void doors_check(struct gw_config_reader *r, const struct gw_config *config)
{
    if (config->osci_server != NULL)
        server_check(r, config->osci_server);
    for (unsigned i = 0;
         config->osci_recipient != NULL && i < config->osci_recipient->listeners_count; i++) {
        const struct gw_listener_conf *l = &config->osci_recipient->listeners[i];

        tls_check(r, l->tls, l->next_tls, l->next_tls_count);
    }
    for (unsigned i = 0; config->xta_server != NULL && i < config->xta_server->listeners_count;
         i++) {
        const struct gw_xta_listener_conf *l = &config->xta_server->listeners[i];

        tls_check(r, l->tls, l->next_tls, l->next_tls_count);
    }
}

void gw_config_check_next(struct gw_config_reader *r, const struct gw_config *config)
{
    doors_check(r, config);
    for (unsigned i = 0; i < config->intermediaries_count; i++) {
        const struct gw_intermediary_conf *im = &config->intermediaries[i];

        ciphers_check(r, im->cipher_certificate, im->next_ciphers, im->next_ciphers_count);
        tls_check(r, im->tls, im->next_tls, im->next_tls_count);
    }
    for (unsigned i = 0; i < config->xta_servers_count; i++)
        tls_check(r, config->xta_servers[i].tls, config->xta_servers[i].next_tls,
                  config->xta_servers[i].next_tls_count);
    for (unsigned i = 0; i < config->partners_count; i++) {
        const struct gw_partner_conf *p = &config->partners[i];

        ciphers_check(r, p->cipher_certificate, p->next_ciphers, p->next_ciphers_count);
    }
}

void gw_config_check_next_identity_files(struct gw_config_reader *r,
                                         const struct gw_identity_conf *identity)
{
    for (unsigned i = 0; i < identity->next_count; i++) {
        if (identity->next[i].signature != NULL)
            gw_config_check_pair_files(r, identity->next[i].signature);
        if (identity->next[i].cipher != NULL)
            gw_config_check_pair_files(r, identity->next[i].cipher);
    }
}

static void ciphers_files(struct gw_config_reader *r, const struct gw_next_cipher_conf *next,
                          unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        gw_config_check_certificate(r, &next[i].certificate, "next_ciphers.certificate");
}

void gw_config_check_next_tls_files(struct gw_config_reader *r, const struct gw_next_tls_conf *next,
                                    unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (next[i].tls != NULL)
            gw_config_check_pair_files(r, next[i].tls);
}

void gw_config_check_next_files(struct gw_config_reader *r, const struct gw_config *config)
{
    for (unsigned i = 0; i < config->intermediaries_count; i++) {
        const struct gw_intermediary_conf *im = &config->intermediaries[i];

        ciphers_files(r, im->next_ciphers, im->next_ciphers_count);
        gw_config_check_next_tls_files(r, im->next_tls, im->next_tls_count);
        for (unsigned k = 0; k < im->signature_certificates_count; k++)
            gw_config_check_certificate(r, &im->signature_certificates[k],
                                        "signature_certificates");
    }
    for (unsigned i = 0; i < config->xta_servers_count; i++)
        gw_config_check_next_tls_files(r, config->xta_servers[i].next_tls,
                                       config->xta_servers[i].next_tls_count);
    for (unsigned i = 0; i < config->partners_count; i++)
        ciphers_files(r, config->partners[i].next_ciphers, config->partners[i].next_ciphers_count);
}
