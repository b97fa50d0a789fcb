/* What the Fachverfahren took away. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "gateway/log.h"
#include "gateway/spool.h"

enum { ARENA_MAX = 32 * 1024 * 1024 };

/* Acknowledged together: one commit, one fsync. */
struct taken {
    const char **ids;
    size_t count;
};

static enum status taken_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct taken *taken = ctx;

    for (size_t i = 0; i < taken->count; i++) {
        const struct gw_move move = {.id = taken->ids[i],
                                     .event = GW_EV_ACKNOWLEDGE,
                                     .cause = {.now = gw_now_ms(), .actor = "spool"}};
        enum status st = gw_store_move(tx, &move, NULL, err);

        /* somebody else was quicker, the API say */
        if (st != ST_DENIED && st != ST_NOT_FOUND)
            TRY(st);
    }
    return ST_OK;
}

static bool is_missing(const struct gw_spool_endpoint *e, const char *name)
{
    struct stat st;

    return fstatat(e->in, name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

/* Not there under either name? First the hidden one: what is renamed between both looks is there in
 * the second. */
static bool was_taken(const struct gw_spool_endpoint *e, const struct gw_message_row *row)
{
    char hidden[GW_SPOOL_HIDDEN_SIZE];

    gw_spool_hidden(row->id, hidden);
    return is_missing(e, hidden) && is_missing(e, row->id);
}

static enum status commit(struct gw_spool_endpoint *e, struct taken *taken, struct error *err)
{
    if (taken->count == 0)
        return ST_OK;
    TRY(gw_store_commit(e->rt->store, taken_commit, taken, err));
    for (size_t i = 0; i < taken->count; i++)
        gw_log(e->rt->log, GW_LOG_INFO, "message.acknowledged", LOG_STR("id", taken->ids[i]),
               LOG_STR("endpoint", e->conf->name));
    return ST_OK;
}

/* One page of what was handed over, behind cursor. */
static enum status page(struct gw_spool_endpoint *e, char cursor[GW_ID_SIZE], bool *more,
                        struct error *err)
{
    const struct gw_filter filter = {.endpoint = e->conf->name,
                                     .box = GW_INBOX,
                                     .states = GW_STATES(GW_HANDED_OVER),
                                     .oldest_first = true,
                                     .cursor = cursor[0] == '\0' ? NULL : cursor,
                                     .limit = GW_LIST_MAX};
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_list list = {0};
    struct taken taken = {0};

    arena_init(&arena, ARENA_MAX);
    TRY(gw_store_read(e->rt->store, &tx, err));
    TRY(gw_store_messages(tx, &arena, &filter, &list, err));
    gw_read_end(&tx);
    tx = NULL;
    taken.ids = arena_array(&arena, sizeof *taken.ids, list.count + 1);
    TRY_ALLOC(taken.ids, err);
    for (size_t i = 0; i < list.count; i++)
        /* from this very folder; who was seen to leave it (one) needs no clock for that */
        if (list.rows[i].changed_at >= e->in_since && was_taken(e, &list.rows[i]))
            taken.ids[taken.count++] = list.rows[i].id;
    if (list.more)
        (void)snprintf(cursor, GW_ID_SIZE, "%s", list.cursor);
    *more = list.more;
    return commit(e, &taken, err);
}

static enum status one(struct gw_spool_endpoint *e, const char *id, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct taken taken = {.ids = &id, .count = 1};
    struct gw_message_row row;
    enum status st;

    arena_init(&arena, ARENA_MAX);
    TRY(gw_store_read(e->rt->store, &tx, err));
    st = gw_store_message(tx, &arena, id, &row, err);
    gw_read_end(&tx);
    tx = NULL;
    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    if (row.box != GW_INBOX || row.state != GW_HANDED_OVER || row.endpoint == NULL ||
        strcmp(row.endpoint, e->conf->name) != 0 || !was_taken(e, &row))
        return ST_OK;
    return commit(e, &taken, err);
}

enum status gw_spool_acknowledge(struct gw_spool_endpoint *e, const char *id, struct error *err)
{
    char cursor[GW_ID_SIZE] = "";
    struct stat st;
    bool more = true;

    /* a folder that was itself removed shows nothing any more; the next look at it finds out */
    if (fstat(e->in, &st) != 0 || st.st_nlink == 0)
        return error_set(err, ST_DENIED, GW_R_SPOOL_FOLDER, "%s/in was removed", e->conf->folder);
    if (id != NULL)
        return one(e, id, err);
    while (more && !gw_loop_stopping(e->rt->loop))
        TRY(page(e, cursor, &more, err));
    return ST_OK;
}
