#include "gateway/folder.h"

#include <stdio.h>
#include <string.h>

#include "gateway/explain.h"
#include "gateway/message_json.h"
#include "gateway/payload.h"

enum { ARENA_MAX = 32 * 1024 * 1024, NAMES_MAX = 2000, EXTENSION_MAX = 20 };

struct handing {
    struct gw_store *store;
    const struct gw_message_row *row;
    struct gw_file_list files;
    struct arena *arena;
    struct gw_folder_plan *plan;
    struct span *keys; /* of the names in the plan */
};

/* Where the files go, and who is told of each. */
struct filling {
    struct gw_store *store;
    int fd;
    void (*give)(void *ctx, int at, const char *name);
    void *ctx;
};

static void given(const struct filling *f, const char *name)
{
    if (f->give != NULL)
        f->give(f->ctx, f->fd, name);
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

/* As the API tells it, without what will have changed when the file is read. */
static enum status message_make(struct handing *h, json_t *files, struct error *err)
{
    static const char *const passing[] = {"state",    "changed_at", "next_attempt_at",
                                          "attempts", "last_error", "expires_at"};
    json_t *json = gw_json_message(h->row, NULL);
    AUTO(free_drop) char *text = NULL;

    for (size_t i = 0; i < ARRAY_LEN(passing); i++)
        (void)json_object_del(json, passing[i]);
    gw_json_put(&json, "files", json_incref(files));
    text = gw_json_dump(json, JSON_INDENT(2));
    json_decref(json);
    TRY_ALLOC(text, err);
    h->plan->message_json = arena_span(h->arena, span_str(text));
    TRY_ALLOC(h->plan->message_json.ptr, err);
    return ST_OK;
}

/* ---- the payload ---- */

/* Two files may become one name by being made safe, by the case of letters on Windows, or by how
 * umlauts are written on macOS. */
static bool taken(const struct handing *h, struct span key)
{
    if (span_is(key, "message.json") || span_is(key, "verification.json"))
        return true;
    for (size_t i = 0; i < h->plan->count; i++)
        if (span_eq(h->keys[i], key))
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
    struct span key;

    if (h->plan->count == NAMES_MAX)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "more than %d files", NAMES_MAX);
    gw_name_make_safe(span_str(file->name == NULL ? "content" : file->name), safe);
    (void)snprintf(name, sizeof name, "%s", safe);
    dot = strrchr(safe, '.');
    if (dot == NULL || dot == safe || strlen(dot) > EXTENSION_MAX)
        dot = safe + strlen(safe);
    key = gw_name_key(span_str(name), h->arena);
    for (size_t i = 2; key.ptr != NULL && taken(h, key); i += i < 10 ? 1 : h->plan->count) {
        (void)snprintf(number, sizeof number, " (%zu)", i);
        (void)snprintf(name, sizeof name, "%.*s%s%s",
                       front_len(safe, (size_t)(dot - safe), strlen(number) + strlen(dot)), safe,
                       number, dot);
        key = gw_name_key(span_str(name), h->arena);
    }
    TRY_ALLOC(key.ptr, err);
    h->keys[h->plan->count] = key;
    *out = arena_str(h->arena, span_str(name));
    TRY_ALLOC(*out, err);
    return ST_OK;
}

static enum status item_add(struct handing *h, const struct gw_file_row *file, json_t *files,
                            struct error *err)
{
    bool listed = file->kind == GW_FILE_PAYLOAD || file->kind == GW_FILE_HEADER;
    const char *name = "verification.json";

    if (!listed && file->kind != GW_FILE_VERIFICATION)
        return ST_OK;
    h->keys[h->plan->count] = span_str(name);
    if (listed)
        TRY(name_choose(h, file, &name, err));
    if (listed && json_array_append_new(files, file_json(file, name)) != 0)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    h->plan->items[h->plan->count++] = (struct gw_folder_item){file, name};
    return ST_OK;
}

static enum status plan_make(struct handing *h, json_t *files, struct error *err)
{
    for (size_t i = 0; i < h->files.count; i++)
        TRY(item_add(h, &h->files.rows[i], files, err));
    return message_make(h, files, err);
}

static enum status files_load(struct handing *h, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(h->store, &tx, err));
    return gw_store_files(tx, h->arena, h->row->id, &h->files, err);
}

enum status gw_folder_plan(struct gw_store *store, const struct gw_message_row *row,
                           struct arena *arena, struct gw_folder_plan *plan, struct error *err)
{
    struct handing h = {.store = store, .row = row, .arena = arena, .plan = plan};
    json_t *files = NULL;
    enum status st;

    *plan = (struct gw_folder_plan){0};
    TRY(files_load(&h, err));
    plan->items = arena_array(arena, sizeof *plan->items, h.files.count + 1);
    TRY_ALLOC(plan->items, err);
    h.keys = arena_array(arena, sizeof *h.keys, h.files.count + 1);
    TRY_ALLOC(h.keys, err);
    files = json_array();
    st = plan_make(&h, files, err);
    json_decref(files);
    return st;
}

static enum status file_hand(const struct filling *f, const struct gw_folder_item *item,
                             struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    AUTO(gw_file_writer_deinit) struct gw_file_writer writer = {0};
    enum status st;

    st = gw_payload_open(f->store, item->file, &source, err);
    if (st == ST_NOT_FOUND)
        err->reason = GW_R_STORE_DAMAGED;
    TRY(st);
    TRY(gw_file_writer_open(&writer, f->fd, item->name, err));
    TRY(gw_file_pump(&source.base, &writer.base, err));
    TRY(gw_file_writer_finish(&writer, err));
    if (memcmp(writer.sha256, item->file->sha256, sizeof writer.sha256) != 0)
        return error_set(err, ST_INVALID, GW_R_STORE_DAMAGED, "%s has changed on disk",
                         item->file->path);
    given(f, item->name);
    return ST_OK;
}

enum status gw_folder_fill(struct gw_store *store, const struct gw_message_row *row, int fd,
                           void (*give)(void *ctx, int at, const char *name), void *ctx,
                           struct error *err)
{
    const struct filling f = {.store = store, .fd = fd, .give = give, .ctx = ctx};
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_folder_plan plan;

    TRY(gw_folder_plan(store, row, &arena, &plan, err));
    for (size_t i = 0; i < plan.count; i++)
        TRY(file_hand(&f, &plan.items[i], err));
    TRY(gw_file_write(fd, "message.json", plan.message_json, err));
    given(&f, "message.json");
    return ST_OK;
}
