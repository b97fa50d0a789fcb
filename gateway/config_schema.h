/*
 * gateway/config_schema.h - the settings as a table, and what is read from it
 *
 * One row is one setting: key, kind, bounds, default and a sentence in both languages. The reader
 * (config_read.c), check-config's answers, the starter file and the man page's key list
 * (config_doc.c) all walk this table, so they cannot disagree. A new setting: a member in config.h,
 * a row in config_schema.c; if it names something else, a check in config_check.c.
 */
#pragma once

#include "gateway/key_file.h"

enum gw_config_kind {
    GW_C_STRING, /* const char *; min, max: its length in bytes */
    GW_C_PATH,   /* the same, made absolute */
    GW_C_NUMBER, /* int64_t within min and max */
    GW_C_BOOL,
    GW_C_TIME,    /* int64_t, ms since 1970: RFC 3339, or a day, which begins at midnight in UTC */
    GW_C_CHOICE,  /* an enum; choices in the order of its values */
    GW_C_MODE,    /* uint32_t, octal */
    GW_C_MAP,     /* a struct inside */
    GW_C_MAP_PTR, /* pointer to a struct, NULL when the block is absent */
    GW_C_STRINGS, /* const char ** and a count within min and max */
    GW_C_PATHS,
    GW_C_MAPS, /* pointer to structs and a count within min and max */
};

struct gw_config_table;

struct gw_config_row {
    const char *key;
    enum gw_config_kind kind;
    bool required;
    size_t offset, count_offset;
    int64_t min, max;
    const char *preset;         /* the default as one would write it, NULL: none */
    const char *const *choices; /* ends with NULL */
    const struct gw_config_table *sub;
    const char *de, *en;
};

struct gw_config_table {
    size_t size; /* of the struct it fills */
    const struct gw_config_row *rows;
    size_t count;
};

extern const struct gw_config_table gw_config_schema, gw_directory_schema;

/* Where in the file a value stands, by the address it was put at. */
struct gw_config_line {
    const void *at;
    size_t size; /* a whole mapping: its struct's size; a value: 0 */
    int line;
};

/* One reading: from text to settings. */
struct gw_config_reader {
    struct arena *arena; /* of the settings */
    struct gw_config_report *report;
    const char *folder; /* relative paths count from here */
    struct gw_config_line *lines;
    size_t lines_count, lines_cap;
    bool *seen;                  /* by node: an alias would make us walk a node twice */
    struct gw_key_keeper keeper; /* whose the files with keys are to be */
};

/* Fills into, which is of the table, from text. Everything that is wrong goes into the report; the
 * result is whole only when the report has no errors. An empty text leaves it as it is. ST_LIMIT:
 * memory. */
MUST_CHECK enum status gw_config_fill(struct gw_config_reader *r, struct span yaml,
                                      const struct gw_config_table *table, void *into,
                                      struct error *err);
/* Line of the value at this address, else of the mapping around it, else 0. */
int gw_config_line_of(const struct gw_config_reader *r, const void *at);
/* The file has this block; one that is missing was reported, and its content need not be. */
bool gw_config_was_read(const struct gw_config_reader *r, const void *block);
/* Adds a finding with the catalogue's text for code; drops it when the report is full. */
void gw_config_find(struct gw_config_report *report, int line, int code, bool warning,
                    const struct gw_explain_field *fields, size_t count);
/* What must hold between settings: names, references, pairs, addresses. */
void gw_config_check(struct gw_config_reader *r, const struct gw_config *config);
/* A pair is either two PEM files or one PKCS#12 file. */
void gw_config_check_pair(struct gw_config_reader *r, const struct gw_pair_conf *pair,
                          const char *key);
/* Its parts about what takes over from a time on (config_next.c): the earliest first, and pairs. */
void gw_config_check_next_identity(struct gw_config_reader *r,
                                   const struct gw_identity_conf *identity);
void gw_config_check_next(struct gw_config_reader *r, const struct gw_config *config);
void gw_config_check_next_files(struct gw_config_reader *r, const struct gw_config *config);
void gw_config_check_next_tls_files(struct gw_config_reader *r, const struct gw_next_tls_conf *next,
                                    unsigned count);
void gw_config_check_next_identity_files(struct gw_config_reader *r,
                                         const struct gw_identity_conf *identity);
/* The files of a pair. */
void gw_config_check_pair_files(struct gw_config_reader *r, const struct gw_pair_conf *pair);
/* Its part about tenants: whose everything is, and that nothing leads to another's
 * (config_tenants.c). */
void gw_config_check_tenants(struct gw_config_reader *r, const struct gw_config *config);
/* Its part about the table of routes (config_rules.c). */
void gw_config_check_rules(struct gw_config_reader *r, const struct gw_config *config);
void gw_config_check_rule_files(struct gw_config_reader *r, const struct gw_config *config);
/* Can libxml2 compile it? */
bool gw_config_xpath_is_good(const char *xpath);
/* What must hold outside: files, modes, folders, users. */
void gw_config_check_files(struct gw_config_reader *r, const struct gw_config *config);
/* Both for trust: stores, and what they hold and can never believe (config_trust.c). */
void gw_config_check_trust(struct gw_config_reader *r, const struct gw_config *config);
void gw_config_check_trust_files(struct gw_config_reader *r, const struct gw_config *config);
/* Both for the targets. */
void gw_config_check_targets(struct gw_config_reader *r, const struct gw_config *config);
void gw_config_check_target_files(struct gw_config_reader *r, const struct gw_config *config);
/* The file named at *at, or nothing: it is there, or a finding. */
void gw_config_check_file(struct gw_config_reader *r, const char *const *at, const char *key);
/* The same, and not for everybody to read. */
void gw_config_check_secret(struct gw_config_reader *r, const char *const *at, const char *key);
void gw_config_check_certificate(struct gw_config_reader *r, const char *const *at,
                                 const char *key);
/* The program of a command is there and may be run. */
void gw_config_check_program(struct gw_config_reader *r, const char *const *command,
                             unsigned count);
/* Both for the directory: doubles and references; certificates. */
void gw_config_check_directory(struct gw_config_reader *r, const struct gw_config *config,
                               const struct gw_directory *directory);
void gw_config_check_directory_files(struct gw_config_reader *r,
                                     const struct gw_directory *directory);

/* The key nearest to key among rows, NULL when none is near. */
const char *gw_config_suggest(const struct gw_config_table *table, struct span key);

/* Every key of a table as roff for depesche.yaml(5), between the markers of that page. */
void gw_config_doc_roff(struct buf *b, const struct gw_config_table *table);
/* "integer from 1 to 86400, default 60", for man page and starter file. */
void gw_config_doc_kind(struct buf *b, const struct gw_config_row *row, enum gw_lang lang);
