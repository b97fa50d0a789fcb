/* One dropped thing becomes a message. */
#include "gateway/spool_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "gateway/header.h"
#include "gateway/log.h"
#include "osci/custom.h"

enum {
    ARENA_MAX = 8 * 1024 * 1024,
    AGAIN_MS = 60 * 1000, /* a crash between accepting and moving away is younger */
    EMPTY_MS = 2000,      /* so long an empty file may be one that is just being begun */
    UNREADABLE_MS = 60000 /* so long a file may be locked, by a virus scanner say */
};

/* Into sent/<id>/; need not be durable: the key finds the message again after a crash. */
static enum status sent_move(const struct gw_drop *d, const char *id, struct error *err)
{
    const struct gw_spool_endpoint *e = d->e;
    char path[GW_PATH_SIZE];

    if (mkdirat(e->sent, id, 0770) != 0 && errno != EEXIST)
        return error_set(err, ST_DENIED, GW_R_SPOOL_FOLDER, "sent/%s: %s", id, strerror(errno));
    gw_spool_give(e, e->sent, id);
    (void)snprintf(path, sizeof path, "%s/%s", id, d->name);
    if (renameat(e->out, d->name, e->sent, path) != 0 && errno != ENOENT)
        return error_set(err, ST_DENIED, GW_R_SPOOL_FOLDER, "%s cannot be moved to sent/%s: %s",
                         d->shown, id, strerror(errno));
    gw_spool_companions_move(e, d->name, e->sent, path);
    return ST_OK;
}

/* ---- the files ---- */

static enum status unreadable(const struct gw_drop *d, struct error *err)
{
    err->reason = err->status == ST_DENIED      ? GW_R_SPOOL_UNREADABLE
                  : err->status == ST_NOT_FOUND ? GW_R_SPOOL_CHANGED
                                                : GW_R_STORE_WRITE;
    return error_context(err, "%s", d->shown);
}

/* One file into the stage. */
static enum status file_stage(struct gw_drop *d, int at, const char *name, struct error *err)
{
    uint64_t max = (uint64_t)d->e->rt->conf->limits.message_max_mb << 20;
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};

    if (gw_file_source_open(&source, at, name, err) != ST_OK)
        return unreadable(d, err);
    d->size += source.base.len;
    if (d->size > max)
        return error_set(err, ST_LIMIT, GW_R_SPOOL_TOO_LARGE, "%s is too large", d->shown);
    d->files++;
    return gw_stage_add_source(d->stage, GW_FILE_PAYLOAD, name, NULL, NULL, &source.base, err);
}

/* The names in a folder, to be taken in their order: the same folder gives the same message. */
struct folder_names {
    struct gw_drop *d;
    const char **names;
    size_t count;
};

static enum status folder_name(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct folder_names *f = ctx;

    if (name[0] == '.' || span_ends(span_str(name), SPAN("~")))
        return ST_OK;
    if (!gw_name_is_printable(span_str(name)))
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_NAME,
                         "a name in the folder %s is not "
                         "usable",
                         f->d->shown);
    if (!S_ISREG(mode))
        return error_set(err, ST_INVALID, GW_R_SPOOL_NOT_A_FILE,
                         "%s/%s is %s; a folder may hold files only", f->d->shown, name,
                         S_ISDIR(mode) ? "a folder" : "no ordinary file");
    if (f->count == GW_FOLDER_FILES_MAX)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "more than %d files in %s", GW_FOLDER_FILES_MAX,
                         f->d->shown);
    f->names[f->count] = arena_str(&f->d->arena, span_str(name));
    TRY_ALLOC(f->names[f->count], err);
    f->count++;
    return ST_OK;
}

static int name_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum status folder_stage(struct gw_drop *d, struct error *err)
{
    AUTO(fd_drop) int fd = -1;
    struct folder_names f = {.d = d};

    /* to move a folder takes the right to write in it */
    if (gw_dir_open(d->e->out, d->name, &fd, err) != ST_OK)
        return unreadable(d, err);
    if (faccessat(fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return error_set(err, ST_DENIED, GW_R_SPOOL_UNREADABLE,
                         "the folder %s must be readable and writable", d->shown);
    f.names = arena_array(&d->arena, sizeof *f.names, GW_FOLDER_FILES_MAX);
    TRY_ALLOC(f.names, err);
    TRY(gw_dir_each(fd, ".", folder_name, &f, err));
    if (f.count > 0)
        qsort(f.names, f.count, sizeof *f.names, name_cmp);
    for (size_t i = 0; i < f.count; i++)
        TRY(file_stage(d, fd, f.names[i], err));
    return ST_OK;
}

/* ---- whither ---- */

/* Is there a companion of that kind? A name too long for one has none. */
static enum status companion_read(struct gw_drop *d, const char *kind, size_t max, struct buf *meta,
                                  bool *there, struct error *err)
{
    char path[GW_NAME_SIZE + 16];
    enum status st;

    *there = false;
    (void)snprintf(path, sizeof path, "%s%s", d->name, kind);
    if (strlen(path) > GW_NAME_MAX)
        return ST_OK;
    buf_init(meta, max);
    st = gw_file_read(d->e->out, path, meta, err);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st == ST_DENIED)
        err->reason = GW_R_SPOOL_BAD_META;
    if (meta->failed)
        return error_set(err, ST_LIMIT, GW_R_SPOOL_BAD_META, "it is larger than %zu KB",
                         max / 1024);
    TRY(st);
    *there = true;
    return ST_OK;
}

/* The routes read what was staged, not what may be changing outside. */
static enum status route(struct gw_drop *d, struct error *err)
{
    AUTO(buf_deinit) struct buf meta = {0};
    AUTO(gw_file_source_deinit) struct gw_file_source payload = {.fd = -1};
    bool there;

    TRY(companion_read(d, ".meta.yaml", GW_META_MAX, &meta, &there, err));
    if (there)
        TRY(gw_route_meta(d->e->rt, buf_span(&meta), &d->arena, &d->routing, err));
    TRY(gw_route_payload(d->stage, &payload, err));
    return gw_route_outbound(d->e->rt, d->e->conf, d->name, d->size, &payload.base, &d->arena,
                             &d->routing, err);
}

/* NAME.meta.xml goes with the message as a header block. */
static enum status header_stage(struct gw_drop *d, struct error *err)
{
    AUTO(buf_deinit) struct buf xml = {0};
    bool there;

    TRY(companion_read(d, ".meta.xml", OSCI_CUSTOM_BYTES_MAX, &xml, &there, err));
    if (!there)
        return ST_OK;
    if (gw_header_stage(d->stage, buf_span(&xml), &d->arena, err) == ST_OK)
        return ST_OK;
    if (err->status == ST_INVALID)
        err->reason = GW_R_SPOOL_BAD_META;
    return err->status;
}

/* ---- the message ---- */

/* Did it stay as it was while we copied? */
static enum status unchanged(const struct gw_drop *d, struct error *err)
{
    struct gw_look now;

    if (gw_spool_look(d->e, d->name, &now, err) != ST_OK || !gw_look_same(&now, &d->look))
        return error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s changed while it was taken in",
                         d->shown);
    return ST_OK;
}

/* Nothing in it: not yet, or for good? */
static enum status empty(const struct gw_drop *d, struct error *err)
{
    int64_t age = d->now - d->look.touched_ms;

    if (age >= 0 && age < EMPTY_MS)
        return error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s is empty so far", d->shown);
    return error_set(err, ST_INVALID, GW_R_SPOOL_EMPTY, "%s is empty", d->shown);
}

static struct gw_message_row row_of(const struct gw_drop *d)
{
    const struct gw_config *conf = d->e->rt->conf;
    const struct gw_routing *r = &d->routing;

    return (struct gw_message_row){
        .id = d->id,
        .tenant = conf->tenant->name,
        .endpoint = d->e->conf->name,
        .box = GW_OUTBOX,
        .peer = r->peer,
        .recipient = r->recipient,
        .sender = conf->tenant->name,
        .message_type = r->message_type,
        .subject = r->subject != NULL        ? r->subject
                   : r->message_type != NULL ? r->message_type
                                             : d->name,
        .priority = r->priority,
        .client_key = d->key,
        .source_name = d->name,
        .size_bytes = d->size,
        .created_at = d->now,
        .deliver_after = r->deliver_after,
        .expires_at = d->now + conf->retry.expire_days * 86400000,
        .delivery = r->delivery,
        .facts = r->facts_json,
        .route = r->rule == NULL ? NULL : r->rule->name,
    };
}

static enum status stage(struct gw_drop *d, struct error *err)
{
    TRY(gw_uuid_make(d->e->rt->rng, d->now, d->id, err));
    TRY(gw_stage_new(d->e->rt->store, d->id, &d->stage, err));
    if (S_ISDIR(d->look.mode))
        TRY(folder_stage(d, err));
    else
        TRY(file_stage(d, d->e->out, d->name, err));
    if (d->size == 0)
        return empty(d, err);
    TRY(route(d, err));
    TRY(header_stage(d, err));
    TRY(gw_scan_outgoing(d->e->rt, d->stage, &d->scan, err));
    TRY(unchanged(d, err));
    return gw_stage_publish(d->stage, err);
}

static enum status message_accept(struct gw_drop *d, struct error *err)
{
    const struct gw_spool_endpoint *e = d->e;
    AUTO(gw_scan_note_deinit) struct gw_scan_note note = {0};
    struct gw_cause cause = {.now = d->now, .actor = "spool"};
    const struct gw_file_row *files;
    struct gw_message_row row;
    size_t count;

    if (!gw_name_is_printable(span_str(d->name)))
        return error_set(err, ST_INVALID, GW_R_SPOOL_BAD_NAME,
                         "control characters, or not UTF-8, in %s", d->shown);
    if (!S_ISREG(d->look.mode) && !S_ISDIR(d->look.mode))
        return error_set(err, ST_INVALID, GW_R_SPOOL_NOT_A_FILE, "%s", d->shown);
    TRY(stage(d, err));
    files = gw_stage_files(d->stage, &count);
    row = row_of(d);
    gw_scan_remark(&d->scan, &note, &cause);
    TRY(gw_store_commit_message(e->rt->store, &row, files, count, &cause, NULL, err));
    gw_stage_done(d->stage);
    gw_log(e->rt->log, GW_LOG_INFO, "message.accepted", LOG_STR("id", d->id),
           LOG_STR("endpoint", e->conf->name), LOG_STR("file", d->shown),
           LOG_STR("recipient", row.recipient), LOG_INT("bytes", d->size));
    if (e->accepted != NULL)
        e->accepted(e->accepted_ctx);
    return sent_move(d, d->id, err);
}

/* Accepted before a crash, and only the move was missing? Whatever the settings say now. */
static enum status accepted_before(struct gw_drop *d, const char **id, int64_t *at,
                                   struct error *err)
{
    const struct gw_runtime *rt = d->e->rt;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row;
    enum status st;

    *id = NULL;
    TRY(gw_store_read(rt->store, &tx, err));
    st = gw_store_message_by_key(tx, &d->arena, rt->conf->tenant->name, d->e->conf->name, d->key,
                                 &row, err);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    *id = row.id;
    *at = row.created_at;
    return ST_OK;
}

/* Somebody moved a file from sent/ back to out/: to the operator that must not look as if it were
 * sent again. */
static void dropped_again(const struct gw_drop *d, const char *id, int64_t accepted_at)
{
    const struct gw_runtime *rt = d->e->rt;
    struct gw_move move = {.id = id, .event = GW_EV_NOTE};
    bool meant = d->now - accepted_at > AGAIN_MS;
    struct error err = {0};

    gw_log(rt->log, meant ? GW_LOG_WARNING : GW_LOG_INFO, "message.accepted_before",
           LOG_STR("id", id), LOG_STR("endpoint", d->e->conf->name), LOG_STR("file", d->shown),
           LOG_STR("advice", meant ? "to send it again, drop a copy" : NULL));
    if (!meant)
        return;
    move.cause = (struct gw_cause){
        .now = d->now,
        .actor = "spool",
        .en = "The same file was put into out/ once more; it has been sent already and is not sent "
              "again. To send it again, copy it there instead of moving it.",
        .de =
            "Dieselbe Datei wurde noch einmal in out/ gelegt; sie ist schon gesendet und wird "
            "nicht noch einmal gesendet. Wer sie noch einmal senden will, legt eine Kopie hinein, "
            "statt sie zu verschieben."};
    if (gw_store_commit_move(rt->store, &move, NULL, &err) != ST_OK)
        gw_log(rt->log, GW_LOG_ERROR, "store.write_failed", LOG_STR("id", id), LOG_ERR(&err));
}

static enum status take(struct gw_drop *d, struct error *err)
{
    const char *id;
    int64_t at;

    if (gw_spool_look(d->e, d->name, &d->look, err) != ST_OK)
        return err->status == ST_DENIED ? unreadable(d, err) : err->status;
    (void)snprintf(d->key, sizeof d->key, "spool:%llx:%lld:%lld:%.255s",
                   (unsigned long long)d->look.inode, (long long)d->look.changed_ns,
                   (long long)d->look.size, d->name);
    TRY(accepted_before(d, &id, &at, err));
    if (id == NULL)
        return message_accept(d, err);
    dropped_again(d, id, at);
    return sent_move(d, id, err);
}

/* Is it the thing's own fault, so that another look would find the same? */
static bool for_good(const struct gw_drop *d, const struct error *why)
{
    switch (why->reason) {
    case GW_R_SPOOL_CHANGED:
    case GW_R_SPOOL_FOLDER:
        return false;
    case GW_R_SPOOL_UNREADABLE:
        return d->now - d->look.touched_ms >= UNREADABLE_MS;
    case GW_R_LIMIT:
    case GW_R_SCAN_FINDING_OUT:
    case GW_R_SCAN_TOO_LARGE_OUT:
        return true;
    default:
        return why->reason >= GW_R_SPOOL_NO_ROUTE && why->reason < GW_R_CONFIG_UNREADABLE;
    }
}

enum status gw_spool_take_one(struct gw_spool_endpoint *e, const char *name, pthread_mutex_t *lock,
                              bool *again, struct error *err)
{
    struct gw_drop d = {.e = e, .lock = lock, .name = name, .now = gw_now_ms()};
    struct error why = {0};
    enum status st;

    gw_name_make_safe(span_str(name), d.shown);
    if (gw_name_is_printable(span_str(name)))
        (void)snprintf(d.shown, sizeof d.shown, "%s", name);
    arena_init(&d.arena, ARENA_MAX);
    st = take(&d, &why);
    gw_stage_free(d.stage);
    d.stage = NULL;
    if (st != ST_OK && for_good(&d, &why)) {
        st = gw_spool_refuse(&d, &why, err);
    } else if (st != ST_OK) {
        *err = why;
        *again = true;
        /* what vanished or still changes is nobody's concern */
        st = why.reason == GW_R_SPOOL_CHANGED ? ST_OK : error_context(err, "%s", d.shown);
    }
    arena_deinit(&d.arena);
    return st;
}
