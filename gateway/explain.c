#include "gateway/explain.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/explain_table.h"
#include "gateway/explain_words.h"

/* What stands for codes of a class nobody has named. */
static const struct gw_explain other_warning = {
    3000,
    GW_SIDE_NOBODY,
    "Die Gegenstelle meldet eine Warnung mit dem Code {code}.",
    "The other side reports a warning with code {code}.",
    "Nichts zu tun; der Auftrag wurde ausgeführt.",
    "Nothing to do; the order was executed.",
};
static const struct gw_explain other_error = {
    9999,
    GW_SIDE_INTERMEDIARY,
    "Die Gegenstelle meldet einen Fehler mit dem Code {code}.",
    "The other side reports an error with code {code}.",
    "Den Betreiber des Intermediärs mit Zeitpunkt und Code ansprechen.",
    "Contact the operator of the intermediary with the time and the code.",
};

static int code_order(const void *key, const void *row)
{
    int code = *(const int *)key, other = ((const struct gw_explain *)row)->code;

    return (code > other) - (code < other);
}

static const struct gw_explain *row_find(int code)
{
    if (code < GW_R_SPOOL_NO_ROUTE)
        return bsearch(&code, gw_explain_osci, gw_explain_osci_count, sizeof *gw_explain_osci,
                       code_order);
    if (code < GW_R_XTA_DENIED)
        return bsearch(&code, gw_explain_own, gw_explain_own_count, sizeof *gw_explain_own,
                       code_order);
    if (code >= gw_explain_certs[0].code)
        return bsearch(&code, gw_explain_certs, gw_explain_certs_count, sizeof *gw_explain_certs,
                       code_order);
    return bsearch(&code, gw_explain_late, gw_explain_late_count, sizeof *gw_explain_late,
                   code_order);
}

const struct gw_explain *gw_explain_find(int code)
{
    const struct gw_explain *row = row_find(code);

    if (row != NULL)
        return row;
    if (code >= 3000 && code < 4000)
        return &other_warning;
    if (code >= 9000 && code < GW_R_SPOOL_NO_ROUTE)
        return &other_error;
    return row_find(GW_R_UNKNOWN);
}

bool gw_explain_knows(int code)
{
    return row_find(code) != NULL;
}

const struct gw_explain *gw_explain_row(size_t index)
{
    if (index < gw_explain_osci_count)
        return &gw_explain_osci[index];
    index -= gw_explain_osci_count;
    if (index < gw_explain_own_count)
        return &gw_explain_own[index];
    index -= gw_explain_own_count;
    if (index < gw_explain_late_count)
        return &gw_explain_late[index];
    index -= gw_explain_late_count;
    return index < gw_explain_certs_count ? &gw_explain_certs[index] : NULL;
}

/* Own codes begin at 10000 and are told from those of OSCI, 0800, 3xxx and 9xxx, by this. */
enum { OWN_FIRST = 10000, OWN_SHIFT = 9000, SHOWN_OWN_FIRST = 1000, SHOWN_OWN_END = 3000 };

const char *gw_explain_code(int code, char text[static GW_CODE_SIZE])
{
    (void)snprintf(text, GW_CODE_SIZE, "D-%04d", code < OWN_FIRST ? code : code - OWN_SHIFT);
    return text;
}

bool gw_explain_code_read(const char *text, int *code)
{
    uint64_t number;

    if ((text[0] != 'D' && text[0] != 'd') || text[1] != '-' ||
        !span_to_u64(span_str(text + 2), &number) || number > 9999)
        return false;
    *code = (int)number;
    if (number >= SHOWN_OWN_FIRST && number < SHOWN_OWN_END)
        *code += OWN_SHIFT;
    return true;
}

static void field_add(struct buf *b, struct span name, int code, enum gw_lang lang,
                      const struct gw_explain_field *fields, size_t count)
{
    char text[GW_CODE_SIZE];

    for (size_t i = 0; i < count; i++)
        if (span_is(name, fields[i].name) && fields[i].value != NULL) {
            if (lang == GW_LANG_DE && span_is(name, "detail"))
                gw_words_german(b, fields[i].value);
            else
                gw_words_add(b, fields[i].value);
            return;
        }
    if (span_is(name, "code"))
        buf_str(b, gw_explain_code(code, text));
    else
        buf_char(b, '?');
}

static void fill(struct buf *b, const char *text, int code, enum gw_lang lang,
                 const struct gw_explain_field *fields, size_t count)
{
    for (const char *c = text; *c != '\0'; c++) {
        const char *end = *c == '{' ? strchr(c, '}') : NULL;

        if (end == NULL) {
            buf_char(b, *c);
            continue;
        }
        field_add(b, span_of(c + 1, (size_t)(end - c - 1)), code, lang, fields, count);
        c = end;
    }
}

void gw_explain_what(struct buf *b, int code, enum gw_lang lang,
                     const struct gw_explain_field *fields, size_t count)
{
    const struct gw_explain *row = gw_explain_find(code);

    fill(b, lang == GW_LANG_DE ? row->de : row->en, code, lang, fields, count);
}

void gw_explain_action(struct buf *b, int code, enum gw_lang lang,
                       const struct gw_explain_field *fields, size_t count)
{
    const struct gw_explain *row = gw_explain_find(code);

    fill(b, lang == GW_LANG_DE ? row->action_de : row->action_en, code, lang, fields, count);
}

void gw_explain_fill(struct buf *b, const char *text, const struct gw_explain_field *fields,
                     size_t count)
{
    fill(b, text, 0, GW_LANG_EN, fields, count);
}

static const struct {
    const char *name, *de, *en;
} sides[] = {
    [GW_SIDE_NOBODY] = {"nobody", "niemand", "nobody"},
    [GW_SIDE_US] = {"own", "dieses Gateway", "this gateway"},
    [GW_SIDE_APPLICATION] = {"application", "das Fachverfahren", "the line-of-business program"},
    [GW_SIDE_PARTNER] = {"partner", "der Partner", "the partner"},
    [GW_SIDE_INTERMEDIARY] = {"intermediary", "der Intermediär", "the intermediary"},
    [GW_SIDE_NETWORK] = {"network", "das Netz", "the network"},
    [GW_SIDE_DIRECTORY] = {"directory", "das Verzeichnis der Partner", "the directory of partners"},
    [GW_SIDE_CERTIFICATES] = {"certificates", "die Zertifikatsverwaltung",
                              "the management of certificates"},
    [GW_SIDE_STORAGE] = {"storage", "der Speicher dieses Gateways", "this gateway's storage"},
};

const char *gw_side_text(enum gw_side side, enum gw_lang lang)
{
    if ((size_t)side >= ARRAY_LEN(sides))
        return "?";
    return lang == GW_LANG_DE ? sides[side].de : sides[side].en;
}

const char *gw_side_name(enum gw_side side)
{
    return (size_t)side < ARRAY_LEN(sides) ? sides[side].name : "?";
}

void gw_explain_error_txt(struct buf *b, int code, const struct gw_explain_field *fields,
                          size_t count, const char *detail)
{
    enum gw_side side = gw_explain_find(code)->side;
    char text[GW_CODE_SIZE];

    gw_explain_what(b, code, GW_LANG_DE, fields, count);
    buf_printf(b, "\r\nZuständig: %s\r\nWas tun: ", gw_side_text(side, GW_LANG_DE));
    gw_explain_action(b, code, GW_LANG_DE, fields, count);
    buf_str(b, "\r\n\r\n");
    gw_explain_what(b, code, GW_LANG_EN, fields, count);
    buf_printf(b, "\r\nWho acts: %s\r\nWhat to do: ", gw_side_text(side, GW_LANG_EN));
    gw_explain_action(b, code, GW_LANG_EN, fields, count);
    buf_printf(b, "\r\n\r\nCode %s", gw_explain_code(code, text));
    if (detail != NULL) {
        buf_str(b, ": ");
        gw_words_add(b, detail);
    }
    buf_str(b, "\r\n");
}

/* q of one element of Accept-Language in thousandths: 1000 unless it says ";q=0.5". */
static unsigned weight_of(struct span element)
{
    size_t at = span_find(element, SPAN("q="));
    struct span q = at == SIZE_MAX ? SPAN("1") : span_from(element, at + 2);
    unsigned weight = 0, unit = 1000;

    for (size_t i = 0; i < q.len && unit > 0; i++) {
        if (q.ptr[i] == '.')
            continue;
        if (q.ptr[i] < '0' || q.ptr[i] > '9')
            break;
        weight += (unsigned)(q.ptr[i] - '0') * unit;
        unit /= 10;
    }
    return weight;
}

const char *gw_word_text(const struct gw_word *words, size_t count, const char *name,
                         enum gw_lang lang, const char *other)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i].name, name) == 0)
            return lang == GW_LANG_DE ? words[i].de : words[i].en;
    return other;
}

enum gw_lang gw_lang_of(const char *text, enum gw_lang fallback)
{
    struct span rest = span_str(text), element;
    enum gw_lang best = fallback;
    unsigned best_weight = 0;

    while (span_split(&rest, ',', &element)) {
        struct span tag = span_sub(span_trim(element), 0, 2);
        unsigned weight = weight_of(element);
        bool de = span_eq_nocase(tag, SPAN("de")), en = span_eq_nocase(tag, SPAN("en"));

        if ((de || en) && weight > best_weight) {
            best = de ? GW_LANG_DE : GW_LANG_EN;
            best_weight = weight;
        }
    }
    return best;
}

void gw_explain_url(const char *url, char *host, char *port, size_t cap)
{
    const char *at = strstr(url, "://");
    bool tls = strncmp(url, "https", 5) == 0;
    size_t len;

    at = at == NULL ? url : at + 3;
    len = strcspn(at, *at == '[' ? "]" : ":/");
    len += *at == '[' && at[len] == ']';
    (void)snprintf(host, cap, "%.*s", (int)len, at);
    (void)snprintf(port, cap, "%s", tls ? "443" : "80");
    if (at[len] == ':')
        (void)snprintf(port, cap, "%.*s", (int)strcspn(at + len + 1, "/"), at + len + 1);
}
