/* The settings table as text for people: what may stand there, and the man page's key list. */
#include <inttypes.h>

#include "gateway/config_schema.h"

static void number_kind(struct buf *b, const struct gw_config_row *row, bool de)
{
    buf_printf(b, de ? "Zahl von %" PRId64 " bis %" PRId64 : "number from %" PRId64 " to %" PRId64,
               row->min, row->max);
}

static void choice_kind(struct buf *b, const struct gw_config_row *row, bool de)
{
    for (size_t i = 0; row->choices[i] != NULL; i++) {
        if (i > 0)
            buf_str(b, row->choices[i + 1] != NULL ? ", " : de ? " oder " : " or ");
        buf_str(b, row->choices[i]);
    }
}

static void list_kind(struct buf *b, const struct gw_config_row *row, const char *of, bool de)
{
    buf_printf(b, de ? "Liste von %s" : "list of %s", of);
    if (row->min > 0)
        buf_printf(b, de ? ", mindestens %" PRId64 : ", at least %" PRId64, row->min);
    buf_printf(b, de ? ", höchstens %" PRId64 : ", at most %" PRId64, row->max);
}

void gw_config_doc_kind(struct buf *b, const struct gw_config_row *row, enum gw_lang lang)
{
    bool de = lang == GW_LANG_DE;

    switch (row->kind) {
    case GW_C_STRING:
        buf_str(b, de ? "Text" : "text");
        break;
    case GW_C_PATH:
        buf_str(b, de ? "Pfad" : "path");
        break;
    case GW_C_NUMBER:
        number_kind(b, row, de);
        break;
    case GW_C_BOOL:
        buf_str(b, de ? "true oder false" : "true or false");
        break;
    case GW_C_CHOICE:
        choice_kind(b, row, de);
        break;
    case GW_C_MODE:
        buf_str(b, de ? "Rechte, oktal, höchstens 0777" : "permissions, octal, at most 0777");
        break;
    case GW_C_TIME:
        buf_str(b, de ? "Tag oder Zeitpunkt, etwa 2027-01-01 oder 2027-01-01T06:00:00+01:00"
                      : "day or time, 2027-01-01 or 2027-01-01T06:00:00+01:00 for instance");
        break;
    case GW_C_MAP:
    case GW_C_MAP_PTR:
        buf_str(b, de ? "Block" : "block");
        break;
    case GW_C_STRINGS:
        list_kind(b, row, de ? "Texten" : "texts", de);
        break;
    case GW_C_PATHS:
        list_kind(b, row, de ? "Pfaden" : "paths", de);
        break;
    case GW_C_MAPS:
        list_kind(b, row, de ? "Blöcken" : "blocks", de);
        break;
    }
}

/* roff takes a leading dot or quote for a command, and backslash for an escape. */
static void roff_text(struct buf *b, const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '\\')
            buf_str(b, "\\e");
        else if (*c == '-')
            buf_str(b, "\\-");
        else
            buf_char(b, *c);
}

/* parent: the keys above with their dots; a block that is used in several places (pair, identity)
 * is written out where it stands, so nobody has to look elsewhere. */
static void table_roff(struct buf *b, const struct gw_config_table *table, const char *parent)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct gw_config_row *row = &table->rows[i];
        AUTO(buf_deinit) struct buf path = {0};

        buf_init(&path, 256);
        buf_printf(&path, "%s%s", parent, row->key);
        buf_printf(b, ".TP\n.B %s\n", buf_cstr(&path));
        roff_text(b, row->en);
        buf_str(b, ";\n");
        gw_config_doc_kind(b, row, GW_LANG_EN);
        if (row->required)
            buf_str(b, ", needed");
        if (row->preset != NULL) {
            buf_str(b, ", default ");
            roff_text(b, row->preset);
        }
        buf_str(b, ".\n");
        if (row->sub != NULL) {
            buf_str(&path, row->kind == GW_C_MAPS ? "[]." : ".");
            table_roff(b, row->sub, buf_cstr(&path));
        }
    }
}

void gw_config_doc_roff(struct buf *b, const struct gw_config_table *table)
{
    table_roff(b, table, "");
}
