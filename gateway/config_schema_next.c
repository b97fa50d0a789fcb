/* Rollover in the tables of settings: what takes over from a time on. */
#include "gateway/config_rows.h"

#define FROM_ROW(type) TIME(type, from, NEEDED, SAY("von wann an, in UTC", "from when on, in UTC"))

static const struct gw_config_row next_identity_rows[] = {
    FROM_ROW(gw_next_identity_conf),
    MAP_PTR(gw_next_identity_conf, signature, gw_config_pair_table,
            SAY("womit dann unterschrieben wird; ohne: wie zuvor",
                "what we sign with then; without: as before")),
    MAP_PTR(gw_next_identity_conf, cipher, gw_config_pair_table,
            SAY("wofür andere dann verschlüsseln; ohne: wie zuvor",
                "what others encrypt for then; without: as before")),
};
const struct gw_config_table gw_config_next_identity_table = {
    sizeof(struct gw_next_identity_conf), next_identity_rows, ARRAY_LEN(next_identity_rows)};

static const struct gw_config_row next_tls_rows[] = {
    FROM_ROW(gw_next_tls_conf),
    MAP_PTR(gw_next_tls_conf, tls, gw_config_pair_table, NEEDED,
            SAY("Zertifikat und Schlüssel dafür", "certificate and key for it")),
};
const struct gw_config_table gw_config_next_tls_table = {sizeof(struct gw_next_tls_conf),
                                                         next_tls_rows, ARRAY_LEN(next_tls_rows)};

static const struct gw_config_row next_cipher_rows[] = {
    FROM_ROW(gw_next_cipher_conf),
    PATH(gw_next_cipher_conf, certificate, NEEDED,
         SAY("das Verschlüsselungszertifikat (PEM)", "the cipher certificate (PEM)")),
};
const struct gw_config_table gw_config_next_cipher_table = {
    sizeof(struct gw_next_cipher_conf), next_cipher_rows, ARRAY_LEN(next_cipher_rows)};
