/* what a crash left behind, and what has been damaged: gateway/store.h, gw_store_open */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/reason.h"

#include "gateway/store_impl.h"

enum {
    SHELVES = 256,
    AT_START_MAX = 20000, /* owners' folders looked at before the store is open; then, the others */
    OWNERS_PAGE = 500,
    OWNERS_ARENA_MAX = 1 << 20,
    FILES_ARENA_MAX = 64 << 20,
};

struct sweep {
    struct gw_store *store;
    struct sql_db *db;
    struct gw_store_report *report;
    size_t *seen;              /* owners' folders */
    atomic_bool *stop;         /* NULL: nobody stops it */
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

static enum status path_is_known(struct sql_db *db, const char *owner_id, const char *path,
                                 bool *known, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(db, "SELECT 1 FROM file WHERE owner = ? AND path = ?", &stmt, err));
    sql_put_text(stmt, owner_id);
    sql_put_text(stmt, path);
    return sql_step(stmt, known, err);
}

/* Does a row name it? */
static enum status is_in(struct sql_db *db, const char *query, const char *id, bool *known,
                         struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    TRY(sql_prepare(db, query, &stmt, err));
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
    TRY(path_is_known(sweep->db, strrchr(sweep->folder, '/') + 1, path, &known, err));
    if (known)
        return ST_OK;
    TRY(gw_dir_remove(sweep->store->dir, path, err));
    sweep->report->files_removed++;
    return ST_OK;
}

static enum status owner_sweep(struct sweep *inside, const char *owner, mode_t mode,
                               struct error *err)
{
    struct gw_store *store = inside->store;
    bool known;

    TRY(is_in(inside->db, "SELECT 1 FROM file WHERE owner = ? LIMIT 1", owner, &known, err));
    if (known && S_ISDIR(mode))
        return gw_dir_each(store->dir, inside->folder, file_sweep, inside, err);
    TRY(is_in(inside->db, "SELECT 1 FROM message WHERE id = ?", owner, &known, err));
    if (!known)
        TRY(is_in(inside->db, "SELECT 1 FROM delivery WHERE id = ?", owner, &known, err));
    if (!known)
        return put_aside(inside, inside->folder, owner, err);
    TRY(gw_dir_remove(store->dir, inside->folder, err)); /* forgotten, and then we were stopped */
    inside->report->files_removed++;
    return ST_OK;
}

/*
 * One owner's folder on its shelf payload/<xx>. Files are published before their rows are
 * committed: an owner with an open stage is none of ours, and none is opened while we look.
 */
static enum status folder_sweep(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct sweep *shelf = ctx, inside = *shelf;
    enum status st = ST_OK;

    if (shelf->stop != NULL && atomic_load(shelf->stop))
        return error_set(err, ST_RETRY, 0, "stopped");
    if ((size_t)snprintf(inside.folder, sizeof inside.folder, "%s/%s", shelf->folder, name) >=
        sizeof inside.folder)
        return error_set(err, ST_INTERNAL, 0, "%s holds too long a name", shelf->folder);
    ++*shelf->seen;
    pthread_mutex_lock(&shelf->store->stage_lock);
    if (!gw_stage_is_open(shelf->store, name))
        st = owner_sweep(&inside, name, mode, err);
    pthread_mutex_unlock(&shelf->store->stage_lock);
    return st;
}

static enum status shelf_sweep(struct sweep *sweep, int shelf, struct error *err)
{
    (void)snprintf(sweep->folder, sizeof sweep->folder, "payload/%02x", (unsigned)shelf);
    return gw_dir_each(sweep->store->dir, sweep->folder, folder_sweep, sweep, err);
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
    size_t seen = 0;
    struct sweep sweep = {
        .store = store, .db = store->writer.db, .report = report, .seen = &seen, .now = now};
    enum status st;

    st = gw_dir_each(store->dir, "aside", aside_sweep, &sweep, err);
    if (st != ST_NOT_FOUND)
        TRY(st);
    TRY(gw_dir_each(store->dir, "tmp", temp_remove, &sweep, err));
    store->unswept = store->clean ? SHELVES : 0;
    for (; store->unswept < SHELVES && seen < AT_START_MAX; store->unswept++)
        TRY(shelf_sweep(&sweep, store->unswept, err));
    store->later = store->later || store->unswept < SHELVES;
    return ST_OK;
}

enum status gw_sweep_rest(struct gw_store *store, struct sql_db *db, atomic_bool *stop,
                          struct gw_store_report *report, struct error *err)
{
    size_t seen = 0;
    struct sweep sweep = {.store = store, .db = db, .report = report, .seen = &seen, .stop = stop};

    for (int shelf = store->unswept; shelf < SHELVES; shelf++)
        TRY(shelf_sweep(&sweep, shelf, err));
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
    size_t count, cap;
};

/* The next page of messages of a box in a state; of no box: of deliveries that wait
 * (delivery_live).
 */
static enum status owners_find(struct gw_tx *tx, struct arena *arena, enum gw_box box,
                               enum gw_state state, const char *after, struct gw_id_list *list,
                               struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;

    *list = (struct gw_id_list){0};
    TRY(sql_prepare(tx->db,
                    box == GW_BOX_NONE
                        ? "SELECT id FROM delivery WHERE reception = 0 AND content = 1 AND "
                          "damaged = 0 AND id > ? ORDER BY id LIMIT ?"
                        : "SELECT id FROM message WHERE box = ? AND state = ? AND id > ? "
                          "ORDER BY id LIMIT ?",
                    &stmt, err));
    if (box != GW_BOX_NONE) {
        sql_put_text(stmt, gw_box_name(box));
        sql_put_text(stmt, gw_state_name(state));
    }
    sql_put_text(stmt, after);
    sql_put_int(stmt, OWNERS_PAGE);
    return gw_ids_read(stmt, arena, list, err);
}

static enum status files_find(struct gw_tx *tx, struct arena *arena, const char *owner,
                              bool of_message, struct live_list *list, struct error *err)
{
    AUTO(sql_done) struct sql_stmt *stmt = NULL;
    bool row;

    TRY(sql_prepare(tx->db,
                    "SELECT n, path, len, sha256 FROM file WHERE owner = ? AND damaged = 0 "
                    "ORDER BY n",
                    &stmt, err));
    sql_put_text(stmt, owner);
    for (;;) {
        struct live_file *f;

        TRY(sql_step(stmt, &row, err));
        if (!row)
            return ST_OK;
        list->rows = gw_rows_grow(arena, list->rows, sizeof *list->rows, list->count, &list->cap);
        TRY_ALLOC(list->rows, err);
        f = &list->rows[list->count++];
        f->owner = owner;
        f->n = sql_get_int(stmt, 0);
        f->path = sql_get_text(stmt, 1, arena);
        f->len = (uint64_t)sql_get_int(stmt, 2);
        sql_get_fixed(stmt, 3, f->sha256, sizeof f->sha256);
        f->of_message = of_message;
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

/* All live files of messages of a box in a state, or of deliveries. */
static enum status live_check_all(struct gw_store *store, enum gw_box box, enum gw_state state,
                                  int64_t now, struct gw_store_report *report, struct error *err)
{
    char after[GW_ID_SIZE] = "";
    size_t count;

    do {
        AUTO(arena_deinit) struct arena arena = {0};
        AUTO(gw_read_end) struct gw_tx *tx = NULL;
        struct gw_id_list owners;
        struct live_list files = {0};

        arena_init(&arena, FILES_ARENA_MAX);
        TRY(gw_store_read(store, &tx, err));
        TRY(owners_find(tx, &arena, box, state, after, &owners, err));
        for (size_t i = 0; i < owners.count; i++)
            TRY(files_find(tx, &arena, owners.ids[i], box != GW_BOX_NONE, &files, err));
        gw_read_end(&tx);
        TRY(page_check(store, &files, now, report, err));
        count = owners.count;
        if (count > 0)
            (void)snprintf(after, sizeof after, "%s", owners.ids[count - 1]);
    } while (count == OWNERS_PAGE);
    return ST_OK;
}

/* The finished messages are many, the others few: only states that have any are asked for. */
enum status gw_sweep_damage(struct gw_store *store, int64_t now, struct gw_store_report *report,
                            struct error *err)
{
    struct gw_counts counts;

    {
        AUTO(gw_read_end) struct gw_tx *tx = NULL;

        TRY(gw_store_read(store, &tx, err));
        TRY(gw_counts_read(tx, NULL, NULL, NULL, &counts, err));
    }
    for (enum gw_box box = GW_OUTBOX; box <= GW_INBOX; box++)
        for (enum gw_state s = GW_NEW + 1; s < GW_STATE_COUNT; s++)
            if (!gw_state_is_final(s) && counts.messages[box][s] > 0)
                TRY(live_check_all(store, box, s, now, report, err));
    return live_check_all(store, GW_BOX_NONE, GW_NEW, now, report, err);
}
