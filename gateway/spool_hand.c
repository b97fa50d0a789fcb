/* The way in: messages to the Fachverfahren. */
#include "gateway/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gateway/log.h"
#include "gateway/message_json.h"
#include "gateway/payload.h"

enum {
    HANDERS = 4,
    BATCH = 200,
    ARENA_MAX = 32 * 1024 * 1024,
    NAMES_MAX = 2000,
    EXTENSION_MAX = 20
};
#define HIDDEN ".incoming-"

struct handing {
    struct gw_spool_endpoint *e;
    const struct gw_message_row *row;
    struct gw_file_list files;
    struct arena arena;
    int fd; /* of the hidden folder */
    const char **names;
    size_t name_count;
};

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
        gw_spool_give(h->e, h->fd, name);
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

    st = gw_payload_open(h->e->rt->store, file, &source, err);
    if (st == ST_NOT_FOUND)
        err->reason = GW_R_STORE_DAMAGED;
    TRY(st);
    TRY(gw_file_writer_open(&writer, h->fd, name, err));
    TRY(gw_file_pump(&source.base, &writer.base, err));
    TRY(gw_file_writer_finish(&writer, err));
    if (memcmp(writer.sha256, file->sha256, sizeof writer.sha256) != 0)
        return error_set(err, ST_INVALID, GW_R_STORE_DAMAGED, "%s has changed on disk", file->path);
    gw_spool_give(h->e, h->fd, name);
    return ST_OK;
}

static enum status folder_fill(struct handing *h, struct error *err)
{
    json_t *files = json_array();
    enum status st = ST_OK;

    for (size_t i = 0; i < h->files.count && st == ST_OK; i++) {
        const struct gw_file_row *file = &h->files.rows[i];
        const char *name = "verification.json";

        if (file->kind != GW_FILE_PAYLOAD && file->kind != GW_FILE_VERIFICATION)
            continue;
        if (file->kind == GW_FILE_PAYLOAD)
            st = name_choose(h, file, &name, err);
        if (st == ST_OK)
            st = file_hand(h, file, name, err);
        if (st == ST_OK && file->kind == GW_FILE_PAYLOAD &&
            json_array_append_new(files, file_json(file, name)) != 0)
            st = error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    }
    if (st == ST_OK)
        st = message_write(h, files, err);
    json_decref(files);
    return st;
}

/* ---- one message ---- */

static enum status files_load(struct handing *h, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(h->e->rt->store, &tx, err));
    return gw_store_files(tx, &h->arena, h->row->id, &h->files, err);
}

/* Complete when visible: hidden, filled, fsynced, renamed. A folder that is there already was left
 * by a crash before the commit and is complete. */
static enum status folder_make(struct handing *h, const char *hidden, struct error *err)
{
    struct gw_spool_endpoint *e = h->e;
    struct stat there;

    if (fstatat(e->in, h->row->id, &there, AT_SYMLINK_NOFOLLOW) == 0)
        return ST_OK;
    TRY(gw_dir_remove(e->in, hidden, err));
    if (mkdirat(e->in, hidden, 0770) != 0)
        return error_set(err, ST_RETRY, GW_R_SPOOL_FOLDER, "in/: %s", strerror(errno));
    TRY(gw_dir_open(e->in, hidden, &h->fd, err));
    h->names = arena_array(&h->arena, sizeof *h->names, NAMES_MAX);
    TRY_ALLOC(h->names, err);
    TRY(files_load(h, err));
    TRY(folder_fill(h, err));
    gw_spool_give(e, e->in, hidden);
    if (fsync(h->fd) != 0 || renameat(e->in, hidden, e->in, h->row->id) != 0)
        return error_set(err, ST_RETRY, GW_R_SPOOL_FOLDER, "in/%s: %s", h->row->id,
                         strerror(errno));
    return gw_dir_sync(e->in, ".", err);
}

static enum status hand_one(struct gw_spool_endpoint *e, const struct gw_message_row *row,
                            struct error *err)
{
    struct handing h = {.e = e, .row = row, .fd = -1};
    struct gw_move move = {
        .id = row->id, .event = GW_EV_HAND_OVER, .cause = {.now = gw_now_ms(), .actor = "spool"}};
    char hidden[sizeof HIDDEN + GW_ID_SIZE];
    enum status st;

    arena_init(&h.arena, ARENA_MAX);
    (void)snprintf(hidden, sizeof hidden, HIDDEN "%s", row->id);
    st = folder_make(&h, hidden, err);
    fd_drop(&h.fd);
    if (st != ST_OK) {
        struct error ignored;

        (void)!gw_dir_remove(e->in, hidden, &ignored);
    }
    arena_deinit(&h.arena);
    TRY(st);
    TRY(gw_store_commit_move(e->rt->store, &move, NULL, err));
    gw_log(e->rt->log, GW_LOG_INFO, "message.handed_over", LOG_STR("id", row->id),
           LOG_STR("endpoint", e->conf->name), LOG_INT("ms", gw_now_ms() - row->created_at));
    return ST_OK;
}

/* What cannot be handed over now is tried again in a minute; nothing else waits for it. What is
 * damaged goes to quarantine. False: not even that could be written. */
static bool hand_defer(struct gw_spool_endpoint *e, const struct gw_message_row *row,
                       const struct error *why)
{
    struct gw_move move = {.id = row->id,
                           .event = why->reason == GW_R_STORE_DAMAGED ? GW_EV_DAMAGE : GW_EV_DEFER,
                           .attempted = true,
                           .next_attempt_at = gw_now_ms() + 60 * 1000,
                           .cause = {.now = gw_now_ms(), .actor = "spool"}};
    const struct gw_explain_field fields[] = {{"path", e->rt->conf->state},
                                              {"folder", e->conf->folder},
                                              {"detail", why->text},
                                              {"id", row->id}};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    struct error err = {0};

    move.cause.reason = why->reason == 0 ? GW_R_INTERNAL : why->reason;
    buf_init(&en, 4096);
    buf_init(&de, 4096);
    gw_explain_what(&en, move.cause.reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
    gw_explain_what(&de, move.cause.reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
    move.cause.en = buf_cstr(&en);
    move.cause.de = buf_cstr(&de);
    gw_log(e->rt->log, GW_LOG_WARNING, "message.not_handed_over", LOG_STR("id", row->id),
           LOG_ERR(why));
    if (gw_store_commit_move(e->rt->store, &move, NULL, &err) == ST_OK)
        return true;
    gw_log(e->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_STR("id", row->id), LOG_ERR(&err));
    return false;
}

struct hand_batch {
    struct gw_spool_endpoint *e;
    struct gw_message_list list;
    atomic_size_t next;
    atomic_bool stuck; /* something is due as before: not again at once */
};

static void *hander_main(void *arg)
{
    struct hand_batch *b = arg;

    while (!gw_loop_stopping(b->e->rt->loop)) {
        size_t i = atomic_fetch_add(&b->next, 1);
        struct error err = {0};

        if (i >= b->list.count)
            break;
        if (b->list.rows[i].state == GW_RECEIVED) { /* to be opened again first: inbound.c */
            b->stuck = true;
            continue;
        }
        if (hand_one(b->e, &b->list.rows[i], &err) != ST_OK &&
            !hand_defer(b->e, &b->list.rows[i], &err))
            b->stuck = true;
    }
    return NULL;
}

static enum status due_list(struct gw_spool_endpoint *e, struct arena *arena,
                            struct gw_message_list *list, struct error *err)
{
    const struct gw_skip skip = {.only = e->conf->name};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(e->rt->store, &tx, err));
    return gw_store_due(tx, arena, GW_INBOX, gw_now_ms(), &skip, BATCH, list, NULL, err);
}

enum status gw_spool_hand_over(struct gw_spool_endpoint *e, struct error *err)
{
    struct hand_batch batch = {.e = e};

    do {
        pthread_t threads[HANDERS - 1];
        size_t started = 0;
        AUTO(arena_deinit) struct arena arena = {0};

        arena_init(&arena, ARENA_MAX);
        batch.next = 0;
        TRY(due_list(e, &arena, &batch.list, err));
        while (started < ARRAY_LEN(threads) && started + 1 < batch.list.count &&
               pthread_create(&threads[started], NULL, hander_main, &batch) == 0)
            started++;
        (void)hander_main(&batch);
        for (size_t i = 0; i < started; i++)
            (void)pthread_join(threads[i], NULL);
    } while (batch.list.count == BATCH && !batch.stuck && !gw_loop_stopping(e->rt->loop));
    return ST_OK;
}
