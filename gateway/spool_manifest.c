/* NAME.sha256: what sha256sum writes, and whether a message is all of that. */
#include <string.h>

#include "gateway/hex.h"
#include "gateway/spool_in.h"

enum { HEX_LEN = 2 * GW_SHA256_BYTES, NAME_SHOWN = 100 };

/* ---- reading ---- */

/* A line that begins with a backslash has \\, \n and \r in its name. False: something else. */
static bool unescape(struct span *name, struct arena *arena)
{
    char *out = arena_array(arena, 1, name->len + 1);
    size_t len = 0;

    if (out == NULL)
        return false;
    for (size_t i = 0; i < name->len; i++) {
        uint8_t c = name->ptr[i];

        if (c == '\\') {
            uint8_t next = ++i < name->len ? name->ptr[i] : 0;

            c = next == '\\' ? '\\' : next == 'n' ? '\n' : next == 'r' ? '\r' : 0;
            if (c == 0)
                return false;
        }
        out[len++] = (char)c;
    }
    *name = span_of(out, len);
    return true;
}

/* "<hex>  NAME", "<hex> *NAME", or "<hex>" alone. */
static bool row_read(struct span line, struct arena *arena, struct gw_manifest_row *row)
{
    bool escaped = span_starts(line, SPAN("\\"));

    line = span_from(line, escaped);
    if (!gw_hex_read(span_sub(line, 0, HEX_LEN), row->sha256, sizeof row->sha256))
        return false;
    row->name = span_from(line, HEX_LEN);
    if (row->name.len == 0)
        return true;
    if (!span_starts(row->name, SPAN("  ")) && !span_starts(row->name, SPAN(" *")))
        return false;
    row->name = span_from(row->name, 2);
    return row->name.len > 0 && (!escaped || unescape(&row->name, arena));
}

enum status gw_manifest_read(struct span text, struct arena *arena, struct gw_manifest *manifest,
                             struct error *err)
{
    struct gw_manifest m = {0};
    struct span line;

    if (span_starts(text, SPAN("\xef\xbb\xbf")))
        text = span_from(text, 3);
    m.rows = arena_array(arena, sizeof *m.rows, GW_FOLDER_FILES_MAX);
    TRY_ALLOC(m.rows, err);
    for (size_t n = 1; span_split(&text, '\n', &line); n++) {
        if (span_ends(line, SPAN("\r")))
            line = span_sub(line, 0, line.len - 1);
        if (line.len == 0)
            continue;
        if (m.count == GW_FOLDER_FILES_MAX)
            return error_set(err, ST_LIMIT, GW_R_LIMIT, "more than %d lines in the manifest",
                             GW_FOLDER_FILES_MAX);
        if (!row_read(line, arena, &m.rows[m.count]))
            return error_set(err, ST_INVALID, GW_R_SPOOL_DIGEST,
                             "line %zu of the manifest is not like \"<SHA-256>  <name>\"", n);
        m.count++;
    }
    *manifest = m;
    return ST_OK;
}

/* ---- comparing ---- */

/* The same name, perhaps with its umlauts written in another way. */
static bool is_same(struct span a, struct span b, struct arena *arena)
{
    struct span x, y;

    if (span_eq(a, b))
        return true;
    x = gw_name_composed(a, arena);
    y = gw_name_composed(b, arena);
    return x.ptr != NULL && y.ptr != NULL && span_eq(x, y);
}

/* The file that a line speaks of: "b.txt", "./b.txt", and in a folder "NAME/b.txt". */
static struct span file_of(struct span row, const char *name, bool folder, struct arena *arena)
{
    struct span front, rest;

    if (span_starts(row, SPAN("./")))
        row = span_from(row, 2);
    rest = row;
    if (!folder || !span_split(&rest, '/', &front) || rest.len == 0)
        return row;
    return is_same(front, span_str(name), arena) ? rest : row;
}

/* The files of a message, and which of them the manifest has named. */
struct comparing {
    const struct gw_file_row *files;
    struct span *composed; /* their names in NFC; NULL until they are asked for */
    bool *named;
    size_t count;
    struct arena *arena;
};

static enum status names_compose(struct comparing *c, struct error *err)
{
    c->composed = arena_array(c->arena, sizeof *c->composed, c->count);
    TRY_ALLOC(c->composed, err);
    for (size_t i = 0; i < c->count; i++) {
        c->composed[i] = gw_name_composed(span_str(c->files[i].name), c->arena);
        TRY_ALLOC(c->composed[i].ptr, err);
    }
    return ST_OK;
}

/* The file of that very name, or else the one whose umlauts are only written in another way: macOS
 * does that to names, and not to what stands in a manifest. c->count: there is none. */
static enum status file_find(struct comparing *c, struct span name, size_t *at, struct error *err)
{
    struct span composed;

    for (*at = 0; *at < c->count; ++*at)
        if (span_is(name, c->files[*at].name))
            return ST_OK;
    if (c->composed == NULL)
        TRY(names_compose(c, err));
    composed = gw_name_composed(name, c->arena);
    for (*at = 0; *at < c->count; ++*at)
        if (composed.ptr != NULL && span_eq(composed, c->composed[*at]))
            return ST_OK;
    return ST_OK;
}

static enum status row_check(struct comparing *c, const struct gw_manifest_row *row,
                             struct span name, struct error *err)
{
    char shown[GW_NAME_SIZE];
    size_t at;

    gw_name_show(name, shown);
    TRY(file_find(c, name, &at, err));
    if (at == c->count)
        return error_set(err, ST_RETRY, GW_R_SPOOL_DIGEST, "%.*s is in the manifest, but not there",
                         NAME_SHOWN, shown);
    if (memcmp(row->sha256, c->files[at].sha256, GW_SHA256_BYTES) != 0)
        return error_set(err, ST_RETRY, GW_R_SPOOL_DIGEST,
                         "%.*s does not have the digest in the manifest", NAME_SHOWN, shown);
    c->named[at] = true;
    return ST_OK;
}

enum status gw_manifest_check(const struct gw_manifest *manifest, const char *name,
                              const struct gw_file_row *files, size_t count, bool folder,
                              struct arena *arena, struct error *err)
{
    struct comparing c = {.files = files, .count = count, .arena = arena};
    char shown[GW_NAME_SIZE];

    if (manifest->count == 0)
        return error_set(err, ST_RETRY, GW_R_SPOOL_DIGEST, "the manifest is empty");
    c.named = arena_array(arena, sizeof *c.named, count + 1);
    TRY_ALLOC(c.named, err);
    memset(c.named, 0, count * sizeof *c.named);
    for (size_t i = 0; i < manifest->count; i++) {
        const struct gw_manifest_row *row = &manifest->rows[i];
        struct span file = file_of(row->name, name, folder, arena);

        if (file.len == 0 && !folder)
            file = span_str(name); /* a digest alone */
        TRY(row_check(&c, row, file, err));
    }
    for (size_t i = 0; i < count; i++) {
        if (c.named[i])
            continue;
        gw_name_show(span_str(files[i].name), shown);
        return error_set(err, ST_RETRY, GW_R_SPOOL_DIGEST, "%.*s is not in the manifest",
                         NAME_SHOWN, shown);
    }
    return ST_OK;
}
