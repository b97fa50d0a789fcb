/* what a crash left behind, and what has been damaged: gateway/store.h, gw_store_open */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/reason.h"

#include "gateway/store_impl.h"

enum { SWEEP_ARENA_MAX = 4 << 20, DAMAGE_PAGE = 500 };

struct sweep {
    struct gw_store *store;
    struct gw_store_report *report;
    char folder[GW_PATH_SIZE]; /* being walked */
    int64_t now;
};

static enum status temp_remove(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct sweep *sweep = ctx;
    char path[GW_PATH_SIZE];

    (void)mode;
    (void)snprintf(path, sizeof path, "tmp/%s", name);
    TRY(gw_dir_remove(sweep->store->dir, path, err));
    sweep->report->temp_removed++;
    return ST_OK;
}

static enum status path_is_known(struct gw_store *store, const char *owner_id, const char *path,
                                 bool *known, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(store->writer.db, "SELECT 1 FROM file WHERE owner = ? AND path = ?", &stmt,
                    err));
    sql_put_text(stmt, owner_id);
    sql_put_text(stmt, path);
    return sql_step(stmt, known, err);
}

/* Does a row name it? */
static enum status is_in(struct gw_store *store, const char *query, const char *id, bool *known,
                         struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(store->writer.db, query, &stmt, err));
    sql_put_text(stmt, id);
    return sql_step(stmt, known, err);
}

/* Into aside/, in the place of what went there under this name before. */
static enum status put_aside(struct sweep *sweep, const char *path, const char *name,
                             struct error *err)
{
    struct gw_store_report *report = sweep->report;
    char to[GW_PATH_SIZE];

    if ((size_t)snprintf(to, sizeof to, "aside/%s", name) >= sizeof to)
        return error_set(err, ST_INTERNAL, 0, "%s holds too long a name", path);
    TRY(gw_dir_make(sweep->store->dir, "aside", 0700, err));
    TRY(gw_dir_remove(sweep->store->dir, to, err));
    TRY(gw_file_move(sweep->store->dir, path, sweep->store->dir, to, err));
    if (report->aside < GW_ASIDE_NAMED)
        (void)snprintf(report->aside_names[report->aside], GW_ID_SIZE, "%s", name);
    report->aside++;
    return ST_OK;
}

/* One file of an owner's folder. */
static enum status file_sweep(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct sweep *sweep = ctx;
    char path[GW_PATH_SIZE];
    bool known;

    (void)mode;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", sweep->folder, name) >= sizeof path)
        return error_set(err, ST_INTERNAL, 0, "%s holds too long a name", sweep->folder);
    TRY(path_is_known(sweep->store, strrchr(sweep->folder, '/') + 1, path, &known, err));
    if (known)
        return ST_OK;
    TRY(gw_dir_remove(sweep->store->dir, path, err));
    sweep->report->files_removed++;
    return ST_OK;
}

/* One owner's folder on its shelf payload/<xx>. */
static enum status folder_sweep(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct sweep *shelf = ctx, inside = *shelf;
    struct gw_store *store = shelf->store;
    bool known;

    if ((size_t)snprintf(inside.folder, sizeof inside.folder, "%s/%s", shelf->folder, name) >=
        sizeof inside.folder)
        return error_set(err, ST_INTERNAL, 0, "%s holds too long a name", shelf->folder);
    TRY(is_in(store, "SELECT 1 FROM file WHERE owner = ? LIMIT 1", name, &known, err));
    if (known && S_ISDIR(mode))
        return gw_dir_each(store->dir, inside.folder, file_sweep, &inside, err);
    TRY(is_in(store, "SELECT 1 FROM message WHERE id = ?", name, &known, err));
    if (!known)
        TRY(is_in(store, "SELECT 1 FROM delivery WHERE id = ?", name, &known, err));
    if (!known)
        return put_aside(shelf, inside.folder, name, err);
    TRY(gw_dir_remove(store->dir, inside.folder, err)); /* forgotten, and then we were stopped */
    shelf->report->files_removed++;
    return ST_OK;
}

/* What was put aside long ago. */
static enum status aside_sweep(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct sweep *sweep = ctx;
    char path[GW_PATH_SIZE];
    struct stat st;

    (void)mode;
    if ((size_t)snprintf(path, sizeof path, "aside/%s", name) >= sizeof path ||
        fstatat(sweep->store->dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        sweep->now - (int64_t)st.st_ctim.tv_sec * 1000 < GW_ASIDE_DAYS * INT64_C(86400000))
        return ST_OK;
    return gw_dir_remove(sweep->store->dir, path, err);
}

enum status gw_sweep(struct gw_store *store, int64_t now, struct gw_store_report *report,
                     struct error *err)
{
    struct sweep sweep = {.store = store, .report = report, .now = now};
    enum status st;

    st = gw_dir_each(store->dir, "aside", aside_sweep, &sweep, err);
    if (st != ST_NOT_FOUND)
        TRY(st);
    TRY(gw_dir_each(store->dir, "tmp", temp_remove, &sweep, err));
    if (store->clean)
        return ST_OK;
    for (int i = 0; i < 256; i++) {
        (void)snprintf(sweep.folder, sizeof sweep.folder, "payload/%02x", (unsigned)i);
        TRY(gw_dir_each(store->dir, sweep.folder, folder_sweep, &sweep, err));
    }
    return ST_OK;
}

/* A file of a message or delivery that something still has to happen with. */
struct live_file {
    const char *owner, *path;
    int64_t n;
    uint64_t len;
    uint8_t sha256[GW_SHA256_BYTES];
    bool of_message;
};

struct live_list {
    struct live_file *rows;
    size_t count;
};

/* The next page of live files behind (owner, n). */
static enum status live_read(struct gw_tx *tx, struct arena *arena, const char *owner, int64_t n,
                             struct live_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    size_t cap = 0;
    bool row;

    *list = (struct live_list){0};
    /* message_outstanding and message_due name the same states */
    TRY(sql_prepare(
        tx->db,
        "SELECT f.owner, f.n, f.path, f.len, f.sha256, m.id IS NOT NULL FROM file f "
        "LEFT JOIN message m ON m.id = f.owner LEFT JOIN delivery d ON d.id = f.owner "
        "WHERE (f.owner, f.n) > (?, ?) AND f.damaged = 0 AND "
        "(m.state IN ('accepted', 'sealed', 'received', 'opened', 'deferred', 'unclear', "
        "'submitted', 'forwarded', 'handed_over') OR (d.reception = 0 AND d.content = 1)) "
        "ORDER BY f.owner, f.n LIMIT ?",
        &stmt, err));
    sql_put_text(stmt, owner);
    sql_put_int(stmt, n);
    sql_put_int(stmt, DAMAGE_PAGE);
    for (;;) {
        struct live_file *f;

        TRY(sql_step(stmt, &row, err));
        if (!row)
            return ST_OK;
        list->rows = gw_rows_grow(arena, list->rows, sizeof *list->rows, list->count, &cap);
        TRY_ALLOC(list->rows, err);
        f = &list->rows[list->count++];
        f->owner = sql_get_text(stmt, 0, arena);
        f->n = sql_get_int(stmt, 1);
        f->path = sql_get_text(stmt, 2, arena);
        f->len = (uint64_t)sql_get_int(stmt, 3);
        sql_get_fixed(stmt, 4, f->sha256, sizeof f->sha256);
        f->of_message = sql_get_int(stmt, 5) != 0;
        TRY(sql_check(stmt, err));
    }
}

/* ST_NOT_FOUND, ST_INVALID: damaged, err says how. Any other status: could not be looked at. */
static enum status live_check(struct gw_store *store, const struct live_file *f, struct error *err)
{
    struct gw_file_row row = {.path = f->path, .len = f->len};
    int64_t changed_at;
    uint64_t len;

    TRY(gw_file_stat(store->dir, f->path, &len, &changed_at, err));
    if (len != f->len)
        return gw_reason_because(
            error_set(err, ST_INVALID, 0, "%s has another length than when it was stored", f->path),
            GW_R_STORE_DAMAGED, err);
    if (!store->conf.deep_check)
        return ST_OK;
    memcpy(row.sha256, f->sha256, sizeof row.sha256);
    return gw_payload_verify(store, &row, err);
}

struct damage {
    const struct live_file *file;
    const char *why;
    int64_t now;
    bool aside; /* the message was moved aside */
};

static enum status damage_mark(struct gw_tx *tx, const char *text, const struct live_file *f,
                               bool with_n, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(tx->db, text, &stmt, err));
    sql_put_text(stmt, f->owner);
    if (with_n)
        sql_put_int(stmt, f->n);
    return sql_run(stmt, err);
}

static enum status damage_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct damage *d = ctx;
    const struct live_file *f = d->file;
    const struct gw_cause cause = {
        .now = d->now,
        .actor = "store",
        .en = d->why,
        .de = "Eine Datei der Nachricht fehlt oder wurde verändert; bitte aus der Sicherung "
              "wiederherstellen und neu anstoßen",
    };
    struct gw_move move = {.id = f->owner, .event = GW_EV_DAMAGE, .cause = cause};
    enum gw_state state;

    TRY(damage_mark(tx, "UPDATE file SET damaged = 1 WHERE owner = ? AND n = ?", f, true, err));
    if (f->of_message) {
        TRY(gw_store_move(tx, &move, &state, err));
        d->aside = state == GW_FAILED || state == GW_QUARANTINED;
        return ST_OK;
    }
    d->aside = false;
    TRY(damage_mark(tx, "UPDATE delivery SET damaged = 1 WHERE id = ?", f, false, err));
    return gw_store_event_add(tx, "delivery.damaged", NULL, NULL, &cause, err);
}

static enum status page_check(struct gw_store *store, const struct live_list *list, int64_t now,
                              struct gw_store_report *report, struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        struct error why = {0};
        struct damage damage = {.file = &list->rows[i], .why = why.text, .now = now};
        enum status st = live_check(store, &list->rows[i], &why);

        if (st == ST_OK)
            continue;
        if (st != ST_NOT_FOUND && st != ST_INVALID) {
            *err = why;
            return st;
        }
        TRY(gw_store_commit(store, damage_commit, &damage, err));
        report->missing++;
        report->quarantined += damage.aside;
    }
    return ST_OK;
}

enum status gw_sweep_damage(struct gw_store *store, int64_t now, struct gw_store_report *report,
                            struct error *err)
{
    char owner[GW_ID_SIZE] = "";
    int64_t n = 0;

    for (;;) {
        AUTO(arena_deinit) struct arena arena = {0};
        AUTO(gw_read_end) struct gw_tx *tx = NULL;
        struct live_list list;

        arena_init(&arena, SWEEP_ARENA_MAX);
        TRY(gw_store_read(store, &tx, err));
        TRY(live_read(tx, &arena, owner, n, &list, err));
        gw_read_end(&tx);
        TRY(page_check(store, &list, now, report, err));
        if (list.count < DAMAGE_PAGE)
            return ST_OK;
        (void)snprintf(owner, sizeof owner, "%s", list.rows[list.count - 1].owner);
        n = list.rows[list.count - 1].n;
    }
}
