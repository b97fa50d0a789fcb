#include "gateway/redeliver.h"

#include "gateway/explain.h"

enum { STEP = 100, ARENA_MAX = 16 * 1024 * 1024 };

/* Whole, or it is not worth handing over. */
static enum status payload_check(struct gw_tx *tx, const char *id, bool *there, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_file_list files = {0};
    size_t count = 0;
    bool whole = true;

    arena_init(&arena, ARENA_MAX);
    TRY(gw_store_files(tx, &arena, id, &files, err));
    for (size_t i = 0; i < files.count; i++) {
        if (files.rows[i].kind != GW_FILE_PAYLOAD)
            continue;
        count++;
        whole = whole && !files.rows[i].damaged;
    }
    *there = count > 0 && whole;
    return ST_OK;
}

enum status gw_redeliver_one(struct gw_tx *tx, const char *id, const struct gw_cause *cause,
                             bool *gone, struct error *err)
{
    struct gw_move move = {.id = id, .event = GW_EV_REDELIVER, .cause = *cause};
    bool there;

    TRY(payload_check(tx, id, &there, err));
    *gone = !there;
    if (there)
        return gw_store_move(tx, &move, NULL, err);
    move.event = GW_EV_NOTE;
    move.cause.reason = GW_R_PAYLOAD_GONE;
    move.cause.en = "it cannot be handed over again: its content has been deleted";
    move.cause.de = "Sie kann nicht erneut übergeben werden: Ihr Inhalt wurde gelöscht";
    return gw_store_move(tx, &move, NULL, err);
}

/* Some messages in one transaction. */
struct step {
    const struct gw_redelivery *what;
    struct gw_message_list list;
    struct gw_redelivered *done; /* counted after the commit only */
    bool *gone, *passed;         /* by message */
};

static enum status step_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct step *s = ctx;

    for (size_t i = 0; i < s->list.count; i++) {
        struct error why = {0};
        enum status st =
            gw_redeliver_one(tx, s->list.rows[i].id, &s->what->cause, &s->gone[i], &why);

        /* meanwhile removed, or handed over again by somebody else */
        s->passed[i] = st == ST_DENIED || st == ST_NOT_FOUND;
        if (st == ST_OK || s->passed[i])
            continue;
        *err = why;
        return st;
    }
    return ST_OK;
}

/* Its strings live as long as the answer. */
static enum status gone_add(struct gw_redelivered *done, const struct gw_message_row *row,
                            struct arena *arena, struct error *err)
{
    done->gone_count++;
    if (done->gone.count == GW_GONE_MAX)
        return ST_OK;
    if (done->gone.rows == NULL)
        done->gone.rows = arena_array(arena, sizeof *done->gone.rows, GW_GONE_MAX);
    TRY_ALLOC(done->gone.rows, err);
    done->gone.rows[done->gone.count++] = *row;
    return ST_OK;
}

static enum status step_count(const struct step *s, struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < s->list.count; i++) {
        const struct gw_message_row *row = &s->list.rows[i];
        struct gw_message_row copy = {.id = arena_str(arena, span_str(row->id)),
                                      .created_at = row->created_at};

        if (s->passed[i])
            continue;
        if (!s->gone[i]) {
            s->done->count++;
            continue;
        }
        TRY_ALLOC(copy.id, err);
        if (row->sender != NULL)
            copy.sender = arena_str(arena, span_str(row->sender));
        if (row->subject != NULL)
            copy.subject = arena_str(arena, span_str(row->subject));
        TRY(gone_add(s->done, &copy, arena, err));
    }
    return ST_OK;
}

/* The next messages behind cursor, and the cursor behind them. */
static enum status step_read(struct gw_store *store, struct step *s, struct arena *arena,
                             char cursor[GW_ID_SIZE], struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(store, &tx, err));
    TRY(gw_store_handed_since(tx, arena, s->what->endpoint, s->what->since,
                              cursor[0] == '\0' ? NULL : cursor, STEP, &s->list, err));
    if (s->list.count > 0)
        memcpy(cursor, s->list.rows[s->list.count - 1].id, GW_ID_SIZE);
    return ST_OK;
}

enum status gw_redeliver(struct gw_store *store, const struct gw_redelivery *what,
                         struct arena *arena, struct gw_redelivered *done, struct error *err)
{
    bool gone[STEP], passed[STEP];
    struct step s = {.what = what, .done = done, .gone = gone, .passed = passed};
    char cursor[GW_ID_SIZE] = "";

    *done = (struct gw_redelivered){0};
    do {
        AUTO(arena_deinit) struct arena page = {0};

        arena_init(&page, ARENA_MAX);
        TRY(step_read(store, &s, &page, cursor, err));
        if (s.list.count == 0)
            break;
        TRY(gw_store_commit(store, step_commit, &s, err));
        TRY(step_count(&s, arena, err));
    } while (s.list.more);
    return ST_OK;
}
