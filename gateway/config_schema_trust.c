/* Trust in the tables of settings: stores by purpose, at the top and further in. */
#include "gateway/config_rows.h"

static const struct gw_config_row store_rows[] = {
    PATHS(gw_trust_store_conf, authorities, 256,
          SAY("Aussteller, denen vertraut wird (PEM)", "issuers that are believed (PEM)")),
    PATHS(gw_trust_store_conf, intermediates, 256,
          SAY("Aussteller, die nur helfen, den Weg zu ihnen zu finden (PEM)",
              "issuers that only help to find the way to them (PEM)")),
    PATHS(gw_trust_store_conf, pinned, 256,
          SAY("einzelne Zertifikate, die ohne ihren Aussteller gelten, solange sie gültig sind "
              "(PEM)",
              "single certificates that count without their issuer, while they are valid (PEM)")),
    STRINGS(gw_trust_store_conf, policies, 32,
            SAY("Zertifikatsrichtlinien (OID), von denen eine gelten muss; leer: gleich",
                "certificate policies (OIDs), of which one must hold; empty: it does not matter")),
};
TABLE(store, gw_trust_store_conf);

#define SIGNING_ROW                                                                                \
    MAP_PTR(gw_trust_conf, signing, store,                                                         \
            SAY("für Signaturzertifikate in OSCI, anstelle von osci",                              \
                "for signature certificates in OSCI, in place of osci"))
#define ENCIPHERING_ROW                                                                            \
    MAP_PTR(gw_trust_conf, enciphering, store,                                                     \
            SAY("für Verschlüsselungszertifikate in OSCI, anstelle von osci",                      \
                "for cipher certificates in OSCI, in place of osci"))
#define TLS_SERVERS_ROW                                                                            \
    MAP_PTR(gw_trust_conf, tls_servers, store,                                                     \
            SAY("für TLS-Server, die wir anrufen, anstelle von tls",                               \
                "for TLS servers that we call, in place of tls"))
#define XTA_CLIENTS_ROW                                                                            \
    MAP_PTR(gw_trust_conf, xta_clients, store,                                                     \
            SAY("für Clients unseres XTA-Servers, anstelle von tls",                               \
                "for clients of our XTA server, in place of tls"))
#define OSCI_ROW                                                                                   \
    PATHS(gw_trust_conf, osci, 256,                                                                \
          SAY("Aussteller, denen bei OSCI-Zertifikaten vertraut wird (PEM)",                       \
              "issuers believed for OSCI certificates (PEM)"))
#define TLS_ROW                                                                                    \
    PATHS(gw_trust_conf, tls, 256,                                                                 \
          SAY("Aussteller, denen bei TLS vertraut wird (PEM)", "issuers believed for TLS (PEM)"))

static const struct gw_config_row trust_rows[] = {
    OSCI_ROW,
    PATHS(gw_trust_conf, tls, 256,
          SAY("Aussteller, denen bei TLS vertraut wird (PEM); leer: die des Systems",
              "issuers believed for TLS (PEM); empty: the system's")),
    SIGNING_ROW,
    ENCIPHERING_ROW,
    TLS_SERVERS_ROW,
    XTA_CLIENTS_ROW,
    PATH(
        gw_trust_conf, crls,
        SAY("Ordner mit Sperrlisten der OSCI-Aussteller (PEM oder DER); ohne: keine Sperrprüfung",
            "folder with revocation lists of the OSCI issuers (PEM or DER); without: revocation is "
            "not checked")),
    BOOL(gw_trust_conf, crls_expected, PRESET("true"),
         SAY("ohne aktuelle Liste gilt ein Zertifikat als unvollständig geprüft (3707)",
             "without a current list a certificate counts as checked incompletely (3707)")),
};
const struct gw_config_table gw_config_trust_table = {sizeof(struct gw_trust_conf), trust_rows,
                                                      ARRAY_LEN(trust_rows)};

static const struct gw_config_row tenant_rows[] = {
    OSCI_ROW, TLS_ROW, SIGNING_ROW, ENCIPHERING_ROW, TLS_SERVERS_ROW, XTA_CLIENTS_ROW,
};
const struct gw_config_table gw_config_tenant_trust_table = {sizeof(struct gw_trust_conf),
                                                             tenant_rows, ARRAY_LEN(tenant_rows)};

/* Nobody calls its XTA server here. */
static const struct gw_config_row peer_rows[] = {
    OSCI_ROW, TLS_ROW, SIGNING_ROW, ENCIPHERING_ROW, TLS_SERVERS_ROW,
};
const struct gw_config_table gw_config_peer_trust_table = {sizeof(struct gw_trust_conf), peer_rows,
                                                           ARRAY_LEN(peer_rows)};

/* We do not connect to it: its intermediary, or its XTA server, is whom we call. */
static const struct gw_config_row partner_rows[] = {OSCI_ROW, SIGNING_ROW, ENCIPHERING_ROW};
const struct gw_config_table gw_config_partner_trust_table = {
    sizeof(struct gw_trust_conf), partner_rows, ARRAY_LEN(partner_rows)};
