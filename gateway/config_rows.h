/* gateway/config_rows.h - how the tables of settings are written; for gateway/config_schema*.c */
#pragma once

#include "gateway/config_schema.h"

/* One line a setting: kind, struct, member, then need or bounds or default, then the sentences. */
#define AT(type, m) .key = #m, .offset = offsetof(struct type, m)
#define COUNTED(type, m) AT(type, m), .count_offset = offsetof(struct type, m##_count)
#define NEEDED .required = true
#define PRESET(text) .preset = (text)
#define SAY(german, english) .de = (german), .en = (english)
#define STRING(type, m, ...)                                                                       \
    {                                                                                              \
        AT(type, m), .kind = GW_C_STRING, .min = 1, .max = 1024, __VA_ARGS__                       \
    }
#define PATH(type, m, ...)                                                                         \
    {                                                                                              \
        AT(type, m), .kind = GW_C_PATH, .min = 1, .max = 1024, __VA_ARGS__                         \
    }
#define NUMBER(type, m, lo, hi, ...)                                                               \
    {                                                                                              \
        AT(type, m), .kind = GW_C_NUMBER, .min = (lo), .max = (hi), __VA_ARGS__                    \
    }
#define BOOL(type, m, ...)                                                                         \
    {                                                                                              \
        AT(type, m), .kind = GW_C_BOOL, __VA_ARGS__                                                \
    }
#define CHOICE(type, m, names, ...)                                                                \
    {                                                                                              \
        AT(type, m), .kind = GW_C_CHOICE, .choices = (names), __VA_ARGS__                          \
    }
#define MAP(type, m, table, ...)                                                                   \
    {                                                                                              \
        AT(type, m), .kind = GW_C_MAP, .sub = &(table), __VA_ARGS__                                \
    }
#define MAP_PTR(type, m, table, ...)                                                               \
    {                                                                                              \
        AT(type, m), .kind = GW_C_MAP_PTR, .sub = &(table), __VA_ARGS__                            \
    }
#define TIME(type, m, ...)                                                                         \
    {                                                                                              \
        AT(type, m), .kind = GW_C_TIME, __VA_ARGS__                                                \
    }
#define STRINGS(type, m, hi, ...)                                                                  \
    {                                                                                              \
        COUNTED(type, m), .kind = GW_C_STRINGS, .max = (hi), __VA_ARGS__                           \
    }
#define PATHS(type, m, hi, ...)                                                                    \
    {                                                                                              \
        COUNTED(type, m), .kind = GW_C_PATHS, .max = (hi), __VA_ARGS__                             \
    }
#define MAPS(type, m, hi, table, ...)                                                              \
    {                                                                                              \
        COUNTED(type, m), .kind = GW_C_MAPS, .max = (hi), .sub = &(table), __VA_ARGS__             \
    }
#define TABLE(name, type)                                                                          \
    static const struct gw_config_table name = {sizeof(struct type), name##_rows,                  \
                                                ARRAY_LEN(name##_rows)}

/* Tables with a file of their own. */
extern const struct gw_config_table gw_config_target_table, gw_config_security_table;
extern const struct gw_config_table gw_config_calendar_table;
extern const struct gw_config_table gw_config_pair_table, gw_config_revocation_table;
/* Whom one believes: at the top, and where it is narrower. */
extern const struct gw_config_table gw_config_trust_table, gw_config_tenant_trust_table,
    gw_config_peer_trust_table, gw_config_partner_trust_table;
#define TRUST_ROW(type, table)                                                                     \
    MAP_PTR(type, trust, table,                                                                    \
            SAY("wem hier vertraut wird; was hier steht, gilt anstelle dessen, was weiter außen " \
                "für denselben Zweck steht",                                                       \
                "who is believed here; what stands here holds in place of what is said further "   \
                "out for the same purpose"))
/* What takes over from a time on (config_schema_next.c). */
extern const struct gw_config_table gw_config_next_identity_table, gw_config_next_tls_table,
    gw_config_next_cipher_table;
enum { GW_CONFIG_NEXT_MAX = 8 };

#define NEXT_TLS_ROW(type)                                                                         \
    MAPS(type, next_tls, GW_CONFIG_NEXT_MAX, gw_config_next_tls_table,                             \
         SAY("was tls von einem Tag an ablöst", "what replaces tls from a day on"))
#define NEXT_CIPHERS_ROW(type)                                                                     \
    MAPS(type, next_ciphers, GW_CONFIG_NEXT_MAX, gw_config_next_cipher_table,                      \
         SAY("was cipher_certificate von einem Tag an ablöst",                                     \
             "what replaces cipher_certificate from a day on"))
