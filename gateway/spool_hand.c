/* The way in: messages to the Fachverfahren. */
#define _GNU_SOURCE 1 /* renameat2 */
#include "gateway/reason.h"
#include "gateway/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gateway/folder.h"
#include "gateway/log.h"

enum { HANDERS = 4, BATCH = 200, ARENA_MAX = 32 * 1024 * 1024 };
#define HIDDEN ".incoming-"

static void give(void *ctx, int at, const char *name)
{
    gw_spool_give(ctx, at, name);
}

void gw_spool_hidden(const char *id, char name[GW_SPOOL_HIDDEN_SIZE])
{
    (void)snprintf(name, GW_SPOOL_HIDDEN_SIZE, HIDDEN "%s", id);
}

/* ---- one message ---- */

/* Whole and durable, and not yet seen by anybody. */
static enum status folder_make(struct gw_spool_endpoint *e, const struct gw_message_row *row,
                               const char *hidden, struct error *err)
{
    AUTO(fd_drop) int fd = -1;

    TRY(gw_dir_remove(e->in, hidden, err));
    if (mkdirat(e->in, hidden, 0770) != 0)
        return error_set(err, ST_RETRY, GW_R_SPOOL_FOLDER, "in/: %s", strerror(errno));
    TRY(gw_dir_open(e->in, hidden, &fd, err));
    TRY(gw_folder_fill(e->rt->store, row, fd, give, e, err));
    gw_spool_give(e, e->in, hidden);
    if (fsync(fd) != 0)
        return error_set(err, ST_RETRY, GW_R_SPOOL_FOLDER, "in/%s: %s", row->id, strerror(errno));
    return gw_dir_sync(e->in, ".", err);
}

static bool is_shown(const struct gw_spool_endpoint *e, const char *id)
{
    struct stat st;

    return fstatat(e->in, id, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* In the place of what was handed over before, if it is still there: the name always shows a whole
 * folder. */
static enum status folder_show(struct gw_spool_endpoint *e, const char *id, struct error *err)
{
    char hidden[GW_SPOOL_HIDDEN_SIZE];
    bool before = is_shown(e, id);

    gw_spool_hidden(id, hidden);
    if (renameat2(e->in, hidden, e->in, id, before ? RENAME_EXCHANGE : 0) != 0)
        return error_set(err, ST_RETRY, GW_R_SPOOL_FOLDER, "in/%s: %s", id, strerror(errno));
    TRY(gw_dir_sync(e->in, ".", err));
    return before ? gw_dir_remove(e->in, hidden, err) : ST_OK;
}

/* The index says "handed over" before anybody can take the folder away: the other way round, what
 * was taken in between would be built once more after a crash. The folder that is hidden, of a
 * message that was handed over, is the memory of the step that is missing. *late: it is missing. */
static enum status hand_one(struct gw_spool_endpoint *e, const struct gw_message_row *row,
                            bool *late, struct error *err)
{
    struct gw_move move = {
        .id = row->id, .event = GW_EV_HAND_OVER, .cause = {.now = gw_now_ms(), .actor = "spool"}};
    char hidden[GW_SPOOL_HIDDEN_SIZE];
    struct error why = {0};
    bool there = row->repeated_at == 0 && is_shown(e, row->id); /* and not asked for once more */
    enum status st = ST_OK;

    gw_spool_hidden(row->id, hidden);
    if (!there)
        st = folder_make(e, row, hidden, err);
    if (st != ST_OK) {
        (void)!gw_dir_remove(e->in, hidden, &why);
        return st;
    }
    *late = true; /* a commit that fails may have been written in spite of that */
    TRY(gw_store_commit_move(e->rt->store, &move, NULL, err));
    *late = !there && folder_show(e, row->id, &why) != ST_OK;
    if (*late)
        gw_log(e->rt->log, GW_LOG_WARNING, "message.not_shown", LOG_STR("id", row->id),
               LOG_ERR(&why));
    gw_log(e->rt->log, GW_LOG_INFO, "message.handed_over", LOG_STR("id", row->id),
           LOG_STR("endpoint", e->conf->name), LOG_INT("ms", gw_now_ms() - row->created_at));
    return ST_OK;
}

/* ---- what was left hidden ---- */

static enum status state_of(struct gw_spool_endpoint *e, const char *id, enum gw_state *state,
                            struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row;
    enum status st;

    arena_init(&arena, ARENA_MAX);
    TRY(gw_store_read(e->rt->store, &tx, err));
    st = gw_store_message(tx, &arena, id, &row, err);
    if (st == ST_NOT_FOUND) {
        *state = GW_NEW;
        return ST_OK;
    }
    TRY(st);
    *state = row.state;
    return ST_OK;
}

static enum status hidden_heed(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct gw_spool_endpoint *e = ctx;
    const char *id = name + strlen(HIDDEN);
    enum gw_state state;

    if (!S_ISDIR(mode) || strncmp(name, HIDDEN, strlen(HIDDEN)) != 0 ||
        !gw_uuid_is_valid(span_str(id)))
        return ST_OK;
    TRY(state_of(e, id, &state, err));
    if (state == GW_HANDED_OVER && !is_shown(e, id))
        return folder_show(e, id, err);
    /* what is still due is built anew */
    return state == GW_HANDED_OVER || gw_state_is_final(state) ? gw_dir_remove(e->in, name, err)
                                                               : ST_OK;
}

/* First out of sight: nobody shall see half a folder, and the rest of it goes at the next start. */
static enum status folder_clear(struct gw_spool_endpoint *e, const char *id, struct error *err)
{
    char hidden[GW_SPOOL_HIDDEN_SIZE];

    gw_spool_hidden(id, hidden);
    TRY(gw_dir_remove(e->in, hidden, err));
    if (renameat(e->in, id, e->in, hidden) != 0)
        return errno == ENOENT
                   ? ST_OK
                   : error_set(err, ST_RETRY, GW_R_SPOOL_FOLDER, "in/%s: %s", id, strerror(errno));
    return gw_dir_remove(e->in, hidden, err);
}

enum status gw_spool_clear(struct gw_spool_endpoint *e, const char *id, struct error *err)
{
    enum gw_state state;

    TRY(state_of(e, id, &state, err));
    /* it may have been asked for once more since, and lie there for that */
    if (state == GW_ACKNOWLEDGED || state == GW_ARCHIVED)
        return folder_clear(e, id, err);
    return ST_OK;
}

/* The steps that are missing since a crash, or a disk that failed. */
static enum status hidden_show(struct gw_spool_endpoint *e, struct error *err)
{
    if (e->nothing_hidden)
        return ST_OK;
    TRY(gw_dir_each(e->in, ".", hidden_heed, e, err));
    e->nothing_hidden = true;
    return ST_OK;
}

/* What cannot be handed over now is tried again in a minute; nothing else waits for it. What is
 * damaged goes to quarantine. False: not even that could be written. */
static bool hand_defer(struct gw_spool_endpoint *e, const struct gw_message_row *row,
                       const struct error *why)
{
    struct gw_move move = {.id = row->id,
                           .event =
                               gw_reason_of(why) == GW_R_STORE_DAMAGED ? GW_EV_DAMAGE : GW_EV_DEFER,
                           .attempted = true,
                           .next_attempt_at = gw_now_ms() + 60 * 1000,
                           .cause = {.now = gw_now_ms(), .actor = "spool"}};
    const struct gw_explain_field fields[] = {{"path", e->rt->conf->state},
                                              {"folder", e->conf->folder},
                                              {"detail", why->text},
                                              {"id", row->id}};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    struct error err = {0};

    move.cause.reason = gw_reason_of(why);
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
    atomic_bool late;  /* something may be handed over and hidden */
};

static void *hander_main(void *arg)
{
    struct hand_batch *b = arg;

    while (!gw_loop_stopping(b->e->rt->loop)) {
        size_t i = atomic_fetch_add(&b->next, 1);
        struct error err = {0};
        bool late = false;

        if (i >= b->list.count)
            break;
        if (b->list.rows[i].state == GW_RECEIVED) { /* to be opened again first: inbound.c */
            b->stuck = true;
            continue;
        }
        if (hand_one(b->e, &b->list.rows[i], &late, &err) != ST_OK &&
            !hand_defer(b->e, &b->list.rows[i], &err))
            b->stuck = true;
        if (late)
            b->late = true;
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
    struct error late = {0};
    enum status st = hidden_show(e, &late); /* told in the end: the others do not wait for it */

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
        e->nothing_hidden &= !batch.late;
    } while (batch.list.count == BATCH && !batch.stuck && !gw_loop_stopping(e->rt->loop));
    if (st != ST_OK)
        *err = late;
    return st;
}
