#include "gateway/folder.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/explain.h"
#include "gateway/message_json.h"
#include "gateway/payload.h"

enum { ARENA_MAX = 32 * 1024 * 1024, NAMES_MAX = 2000, EXTENSION_MAX = 20 };

struct handing {
    struct gw_store *store;
    const struct gw_message_row *row;
    struct gw_file_list files;
    struct arena arena;
    int fd;
    const char **names;
    size_t name_count;
    void (*give)(void *ctx, int at, const char *name);
    void *ctx;
};

static void given(const struct handing *h, const char *name)
{
    if (h->give != NULL)
        h->give(h->ctx, h->fd, name);
}

/* ---- message.json ---- */

/* name: what it is called in the folder. */
static json_t *file_json(const struct gw_file_row *file, const char *name)
{
    json_t *json = gw_json_file(file);

    gw_json_put(&json, "name", gw_json_text(name));
    if (file->name != NULL && strcmp(file->name, name) != 0)
        gw_json_put(&json, "original_name", gw_json_text(file->name));
    return json;
}

static enum status json_write(struct handing *h, json_t *json, const char *name, struct error *err)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(2));
    enum status st;

    TRY_ALLOC(text, err);
    st = gw_file_write(h->fd, name, span_str(text), err);
    free(text);
    if (st == ST_OK)
        given(h, name);
    return st;
}

/* As the API tells it, without what will have changed when the file is read. */
static enum status message_write(struct handing *h, json_t *files, struct error *err)
{
    static const char *const passing[] = {"state",    "changed_at", "next_attempt_at",
                                          "attempts", "last_error", "expires_at"};
    json_t *json = gw_json_message(h->row, NULL);
    enum status st;

    for (size_t i = 0; i < ARRAY_LEN(passing); i++)
        (void)json_object_del(json, passing[i]);
    gw_json_put(&json, "files", json_incref(files));
    st = json_write(h, json, "message.json", err);
    json_decref(json);
    return st;
}

/* ---- the payload ---- */

/* Two files may become one name by being made safe, or by the case of letters on Windows. */
static bool taken(const struct handing *h, const char *name)
{
    if (strcasecmp(name, "message.json") == 0 || strcasecmp(name, "verification.json") == 0)
        return true;
    for (size_t i = 0; i < h->name_count; i++)
        if (strcasecmp(h->names[i], name) == 0)
            return true;
    return false;
}

/* The front of a name, not cutting a character, so that room bytes fit behind it. */
static int front_len(const char *name, size_t len, size_t room)
{
    if (len + room <= GW_NAME_MAX)
        return (int)len;
    len = GW_NAME_MAX - room;
    while (len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80)
        len--;
    return (int)len;
}

static enum status name_choose(struct handing *h, const struct gw_file_row *file, const char **out,
                               struct error *err)
{
    char safe[GW_NAME_SIZE], name[GW_NAME_SIZE + 32], number[16];
    const char *dot;

    if (h->name_count == NAMES_MAX)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "more than %d files", NAMES_MAX);
    gw_name_make_safe(span_str(file->name == NULL ? "content" : file->name), safe);
    (void)snprintf(name, sizeof name, "%s", safe);
    dot = strrchr(safe, '.');
    if (dot == NULL || dot == safe || strlen(dot) > EXTENSION_MAX)
        dot = safe + strlen(safe);
    for (size_t i = 2; taken(h, name); i += i < 10 ? 1 : h->name_count) {
        (void)snprintf(number, sizeof number, " (%zu)", i);
        (void)snprintf(name, sizeof name, "%.*s%s%s",
                       front_len(safe, (size_t)(dot - safe), strlen(number) + strlen(dot)), safe,
                       number, dot);
    }
    *out = arena_str(&h->arena, span_str(name));
    TRY_ALLOC(*out, err);
    h->names[h->name_count++] = *out;
    return ST_OK;
}

static enum status file_hand(struct handing *h, const struct gw_file_row *file, const char *name,
                             struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    AUTO(gw_file_writer_deinit) struct gw_file_writer writer = {0};
    enum status st;

    st = gw_payload_open(h->store, file, &source, err);
    if (st == ST_NOT_FOUND)
        err->reason = GW_R_STORE_DAMAGED;
    TRY(st);
    TRY(gw_file_writer_open(&writer, h->fd, name, err));
    TRY(gw_file_pump(&source.base, &writer.base, err));
    TRY(gw_file_writer_finish(&writer, err));
    if (memcmp(writer.sha256, file->sha256, sizeof writer.sha256) != 0)
        return error_set(err, ST_INVALID, GW_R_STORE_DAMAGED, "%s has changed on disk", file->path);
    given(h, name);
    return ST_OK;
}

static enum status folder_fill(struct handing *h, struct error *err)
{
    json_t *files = json_array();
    enum status st = ST_OK;

    for (size_t i = 0; i < h->files.count && st == ST_OK; i++) {
        const struct gw_file_row *file = &h->files.rows[i];
        const char *name = "verification.json";

        bool listed = file->kind == GW_FILE_PAYLOAD || file->kind == GW_FILE_HEADER;

        if (!listed && file->kind != GW_FILE_VERIFICATION)
            continue;
        if (listed)
            st = name_choose(h, file, &name, err);
        if (st == ST_OK)
            st = file_hand(h, file, name, err);
        if (st == ST_OK && listed && json_array_append_new(files, file_json(file, name)) != 0)
            st = error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    }
    if (st == ST_OK)
        st = message_write(h, files, err);
    json_decref(files);
    return st;
}

static enum status files_load(struct handing *h, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(h->store, &tx, err));
    return gw_store_files(tx, &h->arena, h->row->id, &h->files, err);
}

enum status gw_folder_fill(struct gw_store *store, const struct gw_message_row *row, int fd,
                           void (*give)(void *ctx, int at, const char *name), void *ctx,
                           struct error *err)
{
    struct handing h = {.store = store, .row = row, .fd = fd, .give = give, .ctx = ctx};
    enum status st;

    arena_init(&h.arena, ARENA_MAX);
    h.names = arena_array(&h.arena, sizeof *h.names, NAMES_MAX);
    st = h.names == NULL ? error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory")
                         : files_load(&h, err);
    if (st == ST_OK)
        st = folder_fill(&h, err);
    arena_deinit(&h.arena);
    return st;
}
