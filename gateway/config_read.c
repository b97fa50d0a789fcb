/*
 * From YAML to settings: libyaml makes a tree with line marks, the table says what may stand where.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "gateway/card.h"
#include "gateway/config_schema.h"

enum { PATH_TEXT_MAX = 160 };

/* Where in the tree we are, from the value up to the root: gives "intermediaries[1].url". */
struct place {
    const struct place *up;
    const char *key; /* NULL: an item of a list */
    unsigned index;
};

/* The document and what is read from it travel together. */
struct walk {
    struct gw_config_reader *r;
    yaml_document_t *doc;
};

static bool map_read(struct walk *w, const struct place *place, yaml_node_t *node,
                     const struct gw_config_table *table, void *into, int line);

static int line_of(const yaml_node_t *node)
{
    return node->start_mark.line < INT_MAX ? (int)node->start_mark.line + 1 : INT_MAX;
}

static struct span text_of(const yaml_node_t *node)
{
    return span_of(node->data.scalar.value, node->data.scalar.length);
}

/* "key:" with nothing behind it, "~" and "null" mean: not set. */
static bool is_null(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (node->data.scalar.length == 0 || span_is(text_of(node), "~") ||
            span_is(text_of(node), "null"));
}

static void place_text(const struct place *place, char *text, size_t cap)
{
    size_t len;

    if (place == NULL) {
        text[0] = '\0';
        return;
    }
    place_text(place->up, text, cap);
    len = strlen(text);
    if (place->key == NULL)
        (void)snprintf(text + len, cap - len, "[%u]", place->index + 1);
    else
        (void)snprintf(text + len, cap - len, "%s%s", len == 0 ? "" : ".", place->key);
}

bool gw_config_was_read(const struct gw_config_reader *r, const void *block)
{
    for (size_t i = 0; i < r->lines_count; i++)
        if (r->lines[i].at == block && r->lines[i].size > 0)
            return true;
    return false;
}

static bool line_note(struct gw_config_reader *r, const void *at, size_t size, int line)
{
    if (r->lines_count == r->lines_cap) {
        size_t cap = r->lines_cap == 0 ? 64 : r->lines_cap * 2;
        struct gw_config_line *lines = realloc(r->lines, cap * sizeof *lines);

        if (lines == NULL)
            return false;
        r->lines = lines;
        r->lines_cap = cap;
    }
    r->lines[r->lines_count++] = (struct gw_config_line){at, size, line};
    return true;
}

int gw_config_line_of(const struct gw_config_reader *r, const void *at)
{
    const uint8_t *p = at;
    size_t best_size = SIZE_MAX;
    int best = 0;

    for (size_t i = 0; i < r->lines_count; i++) {
        const struct gw_config_line *l = &r->lines[i];
        const uint8_t *from = l->at;

        if (l->size == 0 && l->at == at)
            return l->line;
        if (l->size < best_size && p >= from && p < from + l->size) {
            best = l->line;
            best_size = l->size;
        }
    }
    return best;
}

/* A finding about one value: its key, what stands there, what may stand there. */
static void value_wrong(struct walk *w, const struct place *place, const yaml_node_t *node,
                        const char *expected)
{
    char path[PATH_TEXT_MAX], value[64] = "?";

    place_text(place, path, sizeof path);
    if (node->type == YAML_SCALAR_NODE)
        (void)snprintf(value, sizeof value, "%.*s",
                       (int)(node->data.scalar.length < 60 ? node->data.scalar.length : 60),
                       (const char *)node->data.scalar.value);
    else
        (void)snprintf(value, sizeof value, "%s",
                       node->type == YAML_MAPPING_NODE ? "{...}" : "[...]");
    const struct gw_explain_field fields[] = {
        {"key", path}, {"value", value}, {"expected", expected}};
    gw_config_find(w->r->report, line_of(node), GW_R_CONFIG_VALUE, false, fields,
                   ARRAY_LEN(fields));
}

static void kind_wrong(struct walk *w, const struct place *place, const yaml_node_t *node,
                       const struct gw_config_row *row)
{
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, 512);
    gw_config_doc_kind(&b, row, GW_LANG_EN);
    value_wrong(w, place, node, buf_cstr(&b));
}

static bool number_parse(struct span s, int64_t *value)
{
    uint64_t u;

    if (!span_to_u64(s, &u) || u > INT64_MAX)
        return false;
    *value = (int64_t)u;
    return true;
}

static bool bool_parse(struct span s, bool *value)
{
    *value = span_is(s, "true") || span_is(s, "yes");
    return *value || span_is(s, "false") || span_is(s, "no");
}

static bool mode_parse(struct span s, uint32_t *value)
{
    *value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '7' || i > 4)
            return false;
        *value = *value * 8 + (uint32_t)(s.ptr[i] - '0');
    }
    return s.len > 0;
}

/* A day begins at midnight in UTC. */
static bool time_parse(struct span s, int64_t *ms)
{
    char text[64];

    if (s.len >= sizeof text - sizeof "T00:00:00Z" || memchr(s.ptr, '\0', s.len) != NULL)
        return false;
    (void)snprintf(text, sizeof text, "%.*s%s", SPAN_FMT(s), s.len == 10 ? "T00:00:00Z" : "");
    return gw_card_time_ms(span_str(text), ms);
}

static bool choice_parse(struct span s, const char *const *choices, unsigned *value)
{
    for (*value = 0; choices[*value] != NULL; ++*value)
        if (span_is(s, choices[*value]))
            return true;
    return false;
}

/* An absolute path, or a plain string or what is in a token as it is, in the arena. NULL: no
 * memory. */
static char *string_make(struct gw_config_reader *r, struct span s, bool is_path)
{
    size_t folder_len = strlen(r->folder);
    char *text;

    if (!is_path || s.len == 0 || s.ptr[0] == '/' || folder_len == 0 ||
        span_eq(span_sub(s, 0, strlen("pkcs11:")), SPAN("pkcs11:")))
        return arena_str(r->arena, s);
    text = arena_alloc(r->arena, folder_len + 1 + s.len + 1);
    if (text != NULL)
        (void)snprintf(text, folder_len + 1 + s.len + 1, "%s/%.*s", r->folder, SPAN_FMT(s));
    return text;
}

/* Puts one scalar where its row says. False when the text does not fit the row. */
static bool scalar_put(struct gw_config_reader *r, const struct gw_config_row *row, struct span s,
                       void *at)
{
    unsigned choice;
    uint32_t mode;

    switch (row->kind) {
    case GW_C_NUMBER:
        return number_parse(s, at) && *(int64_t *)at >= row->min && *(int64_t *)at <= row->max;
    case GW_C_BOOL:
        return bool_parse(s, at);
    case GW_C_MODE:
        if (!mode_parse(s, &mode) || mode > row->max)
            return false;
        memcpy(at, &mode, sizeof mode);
        return true;
    case GW_C_TIME:
        return time_parse(s, at);
    case GW_C_CHOICE:
        if (!choice_parse(s, row->choices, &choice))
            return false;
        memcpy(at, &choice, sizeof choice); /* gcc and clang keep an enum in an unsigned */
        return true;
    default:
        if (s.len < 1 || s.len > 1024 || memchr(s.ptr, '\0', s.len) != NULL)
            return false;
        *(char **)at = string_make(r, s, row->kind == GW_C_PATH || row->kind == GW_C_PATHS);
        return *(char **)at != NULL;
    }
}

static bool scalar_read(struct walk *w, const struct place *place, yaml_node_t *node,
                        const struct gw_config_row *row, void *at)
{
    if (node->type != YAML_SCALAR_NODE || !scalar_put(w->r, row, text_of(node), at))
        kind_wrong(w, place, node, row);
    return line_note(w->r, at, 0, line_of(node));
}

/* One string where a list of them may stand. */
static bool single_read(struct walk *w, const struct place *place, yaml_node_t *node,
                        const struct gw_config_row *row, uint8_t *base, int line)
{
    const unsigned count = 1;
    char **item = arena_alloc(w->r->arena, sizeof *item);

    if (item == NULL)
        return false;
    memcpy(base + row->offset, &item, sizeof item);
    memcpy(base + row->count_offset, &count, sizeof count);
    return scalar_read(w, place, node, row, item) && line_note(w->r, base + row->offset, 0, line);
}

/* A list of strings, of paths or of mappings. */
static bool list_read(struct walk *w, const struct place *place, yaml_node_t *node,
                      const struct gw_config_row *row, uint8_t *base, int line)
{
    size_t size = row->kind == GW_C_MAPS ? row->sub->size : sizeof(char *);
    unsigned count = 0, n;
    uint8_t *items;
    bool ok = true;

    if (node->type == YAML_SCALAR_NODE && row->kind == GW_C_STRINGS && !is_null(node))
        return single_read(w, place, node, row, base, line);
    if (node->type != YAML_SEQUENCE_NODE) {
        kind_wrong(w, place, node, row);
        return true;
    }
    n = (unsigned)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (n < (unsigned)row->min || n > (unsigned)row->max) {
        kind_wrong(w, place, node, row);
        return true;
    }
    items = arena_array(w->r->arena, size, n == 0 ? 1 : n);
    if (items == NULL)
        return false;
    for (; ok && count < n; count++) {
        const struct place here = {place, NULL, count};
        yaml_node_t *item = yaml_document_get_node(w->doc, node->data.sequence.items.start[count]);
        uint8_t *at = items + count * size;

        ok = row->kind == GW_C_MAPS ? map_read(w, &here, item, row->sub, at, line_of(item))
                                    : scalar_read(w, &here, item, row, at);
    }
    memcpy(base + row->offset, &items, sizeof items);
    memcpy(base + row->count_offset, &count, sizeof count);
    return ok && line_note(w->r, base + row->offset, 0, line);
}

static bool value_read(struct walk *w, const struct place *place, yaml_node_t *node,
                       const struct gw_config_row *row, uint8_t *base, int line)
{
    ptrdiff_t index = node - w->doc->nodes.start;
    uint8_t *at = base + row->offset;
    void *block;

    if (w->r->seen[index]) {
        value_wrong(w, place, node, "no YAML alias");
        return true;
    }
    w->r->seen[index] = true;
    switch (row->kind) {
    case GW_C_MAP:
        return map_read(w, place, node, row->sub, at, line);
    case GW_C_MAP_PTR:
        block = arena_alloc(w->r->arena, row->sub->size);
        if (block == NULL)
            return false;
        memcpy(at, &block, sizeof block);
        return line_note(w->r, at, 0, line) && map_read(w, place, node, row->sub, block, line);
    case GW_C_STRINGS:
    case GW_C_PATHS:
    case GW_C_MAPS:
        return list_read(w, place, node, row, base, line);
    default:
        return scalar_read(w, place, node, row, at);
    }
}

static const struct gw_config_row *row_find(const struct gw_config_table *table, struct span key)
{
    for (size_t i = 0; i < table->count; i++)
        if (span_is(key, table->rows[i].key))
            return &table->rows[i];
    return NULL;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must change, with '-' and '_' as one. Both at most 40 long. */
static size_t distance(struct span a, struct span b)
{
    size_t row[41];

    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            uint8_t x = a.ptr[i - 1] == '-' ? '_' : a.ptr[i - 1];
            size_t change = corner + (x == b.ptr[j - 1] ? 0 : 1);

            corner = row[j];
            row[j] = least(change, least(row[j - 1], row[j]) + 1);
        }
    }
    return row[b.len];
}

const char *gw_config_suggest(const struct gw_config_table *table, struct span key)
{
    const char *best = NULL;
    size_t best_distance = key.len < 5   ? 2
                           : key.len < 9 ? 3
                                         : key.len / 3 + 1; /* farther: no typo */

    if (key.len > 40)
        return NULL;
    for (size_t i = 0; i < table->count; i++) {
        struct span known = span_str(table->rows[i].key);
        size_t d = known.len > 40 ? SIZE_MAX : distance(key, known);

        if (d < best_distance && d < known.len) {
            best = table->rows[i].key;
            best_distance = d;
        }
    }
    return best;
}

static void key_unknown(struct walk *w, const struct gw_config_table *table,
                        const yaml_node_t *node)
{
    struct span key = node->type == YAML_SCALAR_NODE ? text_of(node) : SPAN("?");
    const char *near = gw_config_suggest(table, key);
    char text[64];

    (void)snprintf(text, sizeof text, "%.*s", (int)least(key.len, 60), (const char *)key.ptr);
    const struct gw_explain_field fields[] = {{"key", text}, {"suggestion", near}};
    gw_config_find(w->r->report, line_of(node),
                   near == NULL ? GW_R_CONFIG_UNKNOWN_KEY : GW_R_CONFIG_DID_YOU_MEAN, false, fields,
                   ARRAY_LEN(fields));
}

/* What the mapping did not say: the default, or that it is missing. */
static bool absent_fill(struct walk *w, const struct place *place, const struct gw_config_row *row,
                        uint8_t *base, int line)
{
    const struct place here = {place, row->key, 0};
    char path[PATH_TEXT_MAX];

    if (row->preset != NULL) {
        bool fits = scalar_put(w->r, row, span_str(row->preset), base + row->offset);

        return fits; /* a preset that does not fit is the table's mistake, or memory ran out */
    }
    if (row->required) {
        place_text(&here, path, sizeof path);
        const struct gw_explain_field fields[] = {{"key", path}};
        gw_config_find(w->r->report, line, GW_R_CONFIG_MISSING, false, fields, ARRAY_LEN(fields));
        return true;
    }
    if (row->kind == GW_C_MAP) /* an absent block still has its defaults */
        for (size_t i = 0; i < row->sub->count; i++)
            if (!absent_fill(w, &here, &row->sub->rows[i], base + row->offset, line))
                return false;
    return true;
}

/* The value for key, NULL when there is none; says so when the key stands there twice. */
static yaml_node_t *value_find(struct walk *w, yaml_node_t *map, const struct gw_config_row *row,
                               int *line)
{
    yaml_node_t *value = NULL;
    char first[16];

    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        yaml_node_t *key = yaml_document_get_node(w->doc, p->key);

        if (key->type != YAML_SCALAR_NODE || !span_is(text_of(key), row->key))
            continue;
        if (value == NULL) {
            value = yaml_document_get_node(w->doc, p->value);
            *line = line_of(key);
            continue;
        }
        (void)snprintf(first, sizeof first, "%d", *line);
        const struct gw_explain_field fields[] = {{"key", row->key}, {"first", first}};
        gw_config_find(w->r->report, line_of(key), GW_R_CONFIG_DUPLICATE_KEY, false, fields,
                       ARRAY_LEN(fields));
    }
    return value;
}

/* False only when memory ran out; what is wrong with the text goes into the report. */
static bool map_read(struct walk *w, const struct place *place, yaml_node_t *node,
                     const struct gw_config_table *table, void *into, int line)
{
    uint8_t *base = into;

    if (!line_note(w->r, into, table->size, line))
        return false;
    if (node->type != YAML_MAPPING_NODE && !is_null(node)) {
        value_wrong(w, place, node, "a block of keys");
        return true;
    }
    if (node->type == YAML_MAPPING_NODE)
        for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
             p++) {
            yaml_node_t *key = yaml_document_get_node(w->doc, p->key);

            if (key->type != YAML_SCALAR_NODE || row_find(table, text_of(key)) == NULL)
                key_unknown(w, table, key);
        }
    for (size_t i = 0; i < table->count; i++) {
        const struct gw_config_row *row = &table->rows[i];
        const struct place here = {place, row->key, 0};
        int key_line = line;
        yaml_node_t *value =
            node->type == YAML_MAPPING_NODE ? value_find(w, node, row, &key_line) : NULL;
        bool ok = value == NULL || is_null(value)
                      ? absent_fill(w, place, row, base, key_line)
                      : value_read(w, &here, value, row, base, key_line);

        if (!ok)
            return false;
    }
    return true;
}

static void syntax_wrong(struct gw_config_reader *r, const yaml_parser_t *parser)
{
    char detail[256];
    size_t line = parser->error == YAML_READER_ERROR ? 0 : parser->problem_mark.line + 1;

    (void)snprintf(detail, sizeof detail, "%s%s%s", parser->problem == NULL ? "?" : parser->problem,
                   parser->context == NULL ? "" : " ",
                   parser->context == NULL ? "" : parser->context);
    const struct gw_explain_field fields[] = {{"detail", detail}};
    gw_config_find(r->report, line < INT_MAX ? (int)line : 0, GW_R_CONFIG_SYNTAX, false, fields,
                   ARRAY_LEN(fields));
}

/* A second document would be passed over in silence. */
static void rest_check(struct gw_config_reader *r, yaml_parser_t *parser)
{
    static const struct gw_explain_field fields[] = {{"detail", "a second document begins (---)"}};
    yaml_document_t doc;
    yaml_node_t *root;

    if (yaml_parser_load(parser, &doc) == 0) {
        syntax_wrong(r, parser);
        return;
    }
    root = yaml_document_get_root_node(&doc);
    if (root != NULL)
        gw_config_find(r->report, line_of(root), GW_R_CONFIG_SYNTAX, false, fields,
                       ARRAY_LEN(fields));
    yaml_document_delete(&doc);
}

enum status gw_config_fill(struct gw_config_reader *r, struct span yaml,
                           const struct gw_config_table *table, void *into, struct error *err)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    yaml_node_t *root;
    bool ok = true;

    if (yaml_parser_initialize(&parser) == 0)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    yaml_parser_set_input_string(&parser, yaml.len == 0 ? (const uint8_t *)"" : yaml.ptr, yaml.len);
    if (yaml_parser_load(&parser, &doc) == 0) {
        if (parser.error == YAML_MEMORY_ERROR)
            ok = false;
        else
            syntax_wrong(r, &parser);
        yaml_parser_delete(&parser);
        return ok ? ST_OK : error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    }
    root = yaml_document_get_root_node(&doc);
    if (root != NULL) {
        r->seen = calloc((size_t)(doc.nodes.top - doc.nodes.start), sizeof *r->seen);
        ok = r->seen != NULL &&
             map_read(&(struct walk){r, &doc}, NULL, root, table, into, line_of(root));
        free(r->seen);
        r->seen = NULL;
    }
    yaml_document_delete(&doc);
    rest_check(r, &parser);
    yaml_parser_delete(&parser);
    return ok ? ST_OK : error_set(err, ST_LIMIT, GW_R_MEMORY, "the settings are too large");
}
