/* One dropped thing becomes a message. */
#include "gateway/spool_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "gateway/header.h"
#include "gateway/log.h"
#include "gateway/patience.h"
#include "osci/custom.h"

enum { ARENA_MAX = 8 * 1024 * 1024 };

/* ---- the files ---- */

/* Why it could not be opened; for now, or for good. */
static enum status unreadable(const struct gw_drop *d, int at, const char *name, struct error *err)
{
    switch (err->status) {
    case ST_DENIED:
        err->reason = GW_R_SPOOL_UNREADABLE;
        return gw_rights_explain(at, name, d->shown, err);
    case ST_NOT_FOUND:
        err->reason = GW_R_SPOOL_CHANGED;
        break;
    case ST_LIMIT:
        err->reason = GW_R_STORE_WRITE;
        break;
    default: /* locked, or a share that stumbles */
        err->reason = GW_R_SPOOL_BUSY;
    }
    return error_context(err, "%s", d->shown);
}

/* A file as long as it was when it was opened; what fails in reading it is not the store's fault.
 */
struct dropped_source {
    struct source base;
    struct source *file;
    bool failed;
};

static enum status dropped_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                                size_t *got, struct error *err)
{
    struct dropped_source *s = (struct dropped_source *)self;
    uint64_t left = offset < s->base.len ? s->base.len - offset : 0;
    enum status st;

    *got = 0;
    if (left == 0)
        return ST_OK;
    st = source_read(s->file, offset, bytes, left < cap ? (size_t)left : cap, got, err);
    s->failed = st != ST_OK;
    return st;
}

/* One file into the stage. */
static enum status file_stage(struct gw_drop *d, int at, const char *name, struct error *err)
{
    uint64_t max = (uint64_t)d->e->rt->conf->limits.message_max_mb << 20;
    AUTO(gw_file_source_deinit) struct gw_file_source file = {.fd = -1};
    struct dropped_source source = {.base = {.read = dropped_read}};
    enum status st;

    if (gw_file_source_open(&file, at, name, err) != ST_OK)
        return unreadable(d, at, name, err);
    TRY(gw_lock_check(file.fd, d->e->conf->complete == GW_COMPLETE_SETTLED, d->shown, err));
    d->size += file.base.len;
    if (d->size > max)
        return error_set(err, ST_LIMIT, GW_R_SPOOL_TOO_LARGE, "%s is too large", d->shown);
    d->files++;
    source.base.len = file.base.len;
    source.file = &file.base;
    st = gw_stage_add_source(d->stage, GW_FILE_PAYLOAD, name, NULL, NULL, &source.base, err);
    if (st != ST_OK && source.failed)
        err->reason = GW_R_SPOOL_BUSY;
    else if (st != ST_OK && err->reason == 0)
        err->reason = st == ST_LIMIT ? GW_R_STORE_FULL : GW_R_STORE_WRITE;
    return st;
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
    if (gw_dir_open(d->at, d->name, &fd, err) != ST_OK)
        return unreadable(d, d->at, d->name, err);
    if (faccessat(fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
        (void)error_set(err, ST_DENIED, GW_R_SPOOL_UNREADABLE,
                        "the folder must be readable and writable");
        return gw_rights_explain(fd, NULL, d->shown, err);
    }
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
    char path[GW_NAME_SIZE];
    enum status st;

    *there = false;
    if (!gw_spool_beside(d->name, kind, path))
        return ST_OK;
    buf_init(meta, max);
    st = gw_file_read(d->at, path, meta, err);
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
    if (gw_patience_check(d->routing.deliver_after, d->routing.deliver_until, d->now, err) !=
        ST_OK) {
        err->reason = GW_R_SPOOL_BAD_META;
        return err->status;
    }
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

/* ---- complete? ---- */

/* Under "manifest" the bytes that were copied decide. */
static enum status manifest_check(struct gw_drop *d, struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};
    struct gw_manifest manifest;
    const struct gw_file_row *files;
    size_t count;
    bool there;

    if (d->e->conf->complete != GW_COMPLETE_MANIFEST)
        return ST_OK;
    if (companion_read(d, GW_SPOOL_MANIFEST, GW_MANIFEST_BYTES_MAX, &text, &there, err) != ST_OK) {
        err->reason = GW_R_SPOOL_DIGEST;
        return err->status = ST_RETRY;
    }
    if (!there)
        return error_set(err, ST_RETRY, GW_R_SPOOL_DIGEST, "%s%s is gone", d->shown,
                         GW_SPOOL_MANIFEST);
    TRY(gw_manifest_read(buf_span(&text), &d->arena, &manifest, err));
    files = gw_stage_files(d->stage, &count);
    return gw_manifest_check(&manifest, d->name, files, count, S_ISDIR(d->look.mode), &d->arena,
                             err);
}

/* Did it stay as it was while we copied? */
static enum status unchanged(const struct gw_drop *d, struct error *err)
{
    struct gw_look now;

    if (gw_spool_look(d->e, d->at, d->name, &now, err) != ST_OK || !gw_look_same(&now, &d->look))
        return error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s changed while it was taken in",
                         d->shown);
    return ST_OK;
}

/* Nothing in it: not yet, or for good? */
static enum status empty(const struct gw_drop *d, struct error *err)
{
    int64_t age = d->now - d->look.touched_ms;

    if (age >= 0 && age < d->e->patience.empty_ms)
        return error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s is empty so far", d->shown);
    return error_set(err, ST_INVALID, GW_R_SPOOL_EMPTY, "%s is empty", d->shown);
}

static struct gw_message_row row_of(const struct gw_drop *d)
{
    const struct gw_config *conf = d->e->rt->conf;
    const struct gw_routing *r = &d->routing;

    struct gw_message_row row = {
        .id = d->id,
        .tenant = d->e->conf->tenant,
        .endpoint = d->e->conf->name,
        .box = GW_OUTBOX,
        .peer = r->peer,
        .recipient = r->recipient,
        .sender = d->e->conf->tenant,
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
        .delivery = r->delivery,
        .facts = r->facts_json,
        .route = r->rule == NULL ? NULL : r->rule->name,
    };

    gw_patience_apply(conf, &row, r->deliver_until);
    return row;
}

/* ---- the message ---- */

static enum status stage(struct gw_drop *d, struct error *err)
{
    TRY(gw_stage_new(d->e->rt->store, d->id, &d->stage, err));
    if (S_ISDIR(d->look.mode))
        TRY(folder_stage(d, err));
    else
        TRY(file_stage(d, d->at, d->name, err));
    TRY(manifest_check(d, err));
    if (d->size == 0)
        return empty(d, err);
    TRY(route(d, err));
    TRY(header_stage(d, err));
    TRY(gw_scan_outgoing(d->e->rt, d->stage, &d->scan, err));
    TRY(gw_transform_message(d->e->rt, d->routing.rule, d->stage, &d->transformed, err));
    d->size += d->transformed.size;
    TRY(unchanged(d, err));
    return gw_stage_publish(d->stage, err);
}

static enum status message_accept(struct gw_drop *d, struct error *err)
{
    struct gw_spool_endpoint *e = d->e;
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
    gw_transform_remark(&d->transformed, &note, &cause);
    if (d->claim < 0)
        TRY(gw_claim_make(d, err));
    TRY(gw_store_commit_message(e->rt->store, &row, files, count, &cause, NULL, err));
    gw_stage_done(d->stage);
    e->moving = true;
    gw_log(e->rt->log, GW_LOG_INFO, "message.accepted", LOG_STR("id", d->id),
           LOG_STR("endpoint", e->conf->name), LOG_STR("file", d->shown),
           LOG_STR("recipient", row.recipient), LOG_INT("bytes", d->size));
    if (e->accepted != NULL)
        e->accepted(e->accepted_ctx);
    return gw_claim_sent(d, err);
}

/* Accepted before, and not even the claim outlived the crash? Whatever the settings say now. */
static enum status accepted_before(struct gw_drop *d, bool *before, struct error *err)
{
    const struct gw_runtime *rt = d->e->rt;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row;
    enum status st;

    *before = false;
    TRY(gw_store_read(rt->store, &tx, err));
    st = gw_store_message_by_key(tx, &d->arena, d->e->conf->tenant, d->e->conf->name, d->key, &row,
                                 err);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    *before = true;
    (void)snprintf(d->id, sizeof d->id, "%s", row.id);
    gw_log(rt->log, GW_LOG_INFO, "message.accepted_before", LOG_STR("id", d->id),
           LOG_STR("endpoint", d->e->conf->name), LOG_STR("file", d->shown));
    return ST_OK;
}

static enum status take(struct gw_drop *d, struct error *err)
{
    bool before;

    if (gw_spool_look(d->e, d->at, d->name, &d->look, err) != ST_OK)
        return err->reason == 0 ? unreadable(d, d->at, d->name, err) : err->status;
    (void)snprintf(d->key, sizeof d->key, "spool:%llx:%llx:%lld:%lld:%.255s",
                   (unsigned long long)d->e->moved_at, (unsigned long long)d->look.inode,
                   (long long)d->look.changed_ns, (long long)d->look.size, d->name);
    TRY(accepted_before(d, &before, err));
    if (!before)
        return message_accept(d, err);
    if (d->claim < 0)
        TRY(gw_claim_make(d, err));
    return gw_claim_sent(d, err);
}

/* Is it the thing's own fault, so that another look would find the same? */
static bool for_good(const struct gw_drop *d, const struct error *why)
{
    switch (why->reason) {
    case GW_R_SPOOL_CHANGED:
    case GW_R_SPOOL_FOLDER:
    case GW_R_SPOOL_BUSY:
    case GW_R_SPOOL_DIGEST:
        return false;
    case GW_R_SPOOL_UNREADABLE:
        return d->now - d->look.touched_ms >= d->e->patience.unreadable_ms;
    case GW_R_LIMIT:
    case GW_R_SCAN_FINDING_OUT:
    case GW_R_SCAN_TOO_LARGE_OUT:
    case GW_R_TRANSFORM_OUT:
        return true;
    default:
        return why->reason >= GW_R_SPOOL_NO_ROUTE && why->reason < GW_R_CONFIG_UNREADABLE;
    }
}

static void result_set(struct gw_take_result *result, const struct gw_drop *d,
                       const struct error *why)
{
    if (why->reason == GW_R_SPOOL_CHANGED && why->status == ST_NOT_FOUND)
        return; /* gone: nothing to wait for */
    result->waits_for = why->reason;
    result->look = gw_look_hash(&d->look);
    (void)snprintf(result->detail, sizeof result->detail, "%.199s", why->text);
}

/* Takes what d names; what is not for good comes back in result. */
static enum status drop_take(struct gw_drop *d, struct gw_take_result *result, struct error *err)
{
    struct error why = {0};
    enum status st = take(d, &why);

    gw_stage_free(d->stage);
    d->stage = NULL;
    if (st != ST_OK && for_good(d, &why)) {
        struct error refused = {0};

        st = gw_spool_refuse(d, &why, &refused);
        why = refused;
    }
    if (st == ST_OK)
        return ST_OK;
    gw_claim_back(d);
    if (why.reason == 0)
        why.reason = st == ST_LIMIT ? GW_R_STORE_FULL : GW_R_STORE_WRITE;
    result_set(result, d, &why);
    *err = why;
    switch (why.reason) {
    case GW_R_SPOOL_CHANGED: /* nobody's concern, or told about when it takes too long */
    case GW_R_SPOOL_BUSY:
    case GW_R_SPOOL_DIGEST:
        return ST_OK;
    default:
        return error_context(err, "%s", d->shown);
    }
}

static enum status drop_init(struct gw_drop *d, const char *name, struct error *err)
{
    d->name = name;
    gw_name_show(span_str(name), d->shown);
    return d->id[0] != '\0' ? ST_OK : gw_uuid_make(d->e->rt->rng, d->now, d->id, err);
}

enum status gw_spool_take_one(struct gw_spool_endpoint *e, const char *name, pthread_mutex_t *lock,
                              struct gw_take_result *result, struct error *err)
{
    struct gw_drop d = {.e = e, .lock = lock, .at = e->out, .claim = -1, .now = gw_now_ms()};
    enum status st;

    arena_init(&d.arena, ARENA_MAX);
    st = drop_init(&d, name, err);
    if (st == ST_OK)
        st = drop_take(&d, result, err);
    gw_claim_close(&d);
    arena_deinit(&d.arena);
    return st;
}

/* ---- what a crash left ---- */

static enum status is_accepted(struct gw_drop *d, bool *accepted, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row;
    enum status st;

    TRY(gw_store_read(d->e->rt->store, &tx, err));
    st = gw_store_message(tx, &d->arena, d->id, &row, err);
    *accepted = st == ST_OK;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

/* Nobody knows how far it had come; but it was complete by its rule when it was claimed, unless
 * that goes by time. */
static enum status claim_take(struct gw_drop *d, struct error *err)
{
    struct gw_take_result result = {0};
    const char *name;
    bool accepted;
    enum status st;

    TRY(gw_claim_open(d, err));
    TRY(is_accepted(d, &accepted, err));
    if (accepted)
        return gw_claim_sent(d, err);
    st = gw_claim_name(d, &name, err);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    TRY(drop_init(d, name, err));
    if (d->e->conf->complete != GW_COMPLETE_SETTLED)
        return drop_take(d, &result, err);
    gw_claim_back(d);
    return ST_OK;
}

enum status gw_spool_take_claim(struct gw_spool_endpoint *e, const char *id, pthread_mutex_t *lock,
                                struct error *err)
{
    struct gw_drop d = {.e = e, .lock = lock, .at = e->out, .claim = -1, .now = gw_now_ms()};
    enum status st;

    arena_init(&d.arena, ARENA_MAX);
    (void)snprintf(d.id, sizeof d.id, "%s", id);
    (void)snprintf(d.shown, sizeof d.shown, "%s", id);
    st = claim_take(&d, err);
    gw_claim_close(&d);
    arena_deinit(&d.arena);
    return st;
}
