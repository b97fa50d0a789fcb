#include "gateway/xta_client.h"

#include "gateway/card.h"
#include "gateway/log.h"

enum { BATCH = 25, ARENA_MAX = 32 * 1024 * 1024, OPEN = 0, GREEN = 1, YELLOW = 2, STEPS_MAX = 3 };

/* What a report says comes into the store in one commit. */
struct steps {
    struct gw_move moves[STEPS_MAX];
    size_t count;
};

static enum status steps_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct steps *s = ctx;

    for (size_t i = 0; i < s->count; i++)
        TRY(gw_store_move(tx, &s->moves[i], NULL, err));
    return ST_OK;
}

static enum status time_of(struct span text, struct arena *arena, struct gw_card_time *time,
                           struct error *err)
{
    if (text.ptr == NULL)
        return ST_OK;
    time->text = arena_str(arena, text);
    TRY_ALLOC(time->text, err);
    if (!gw_card_time_ms(text, &time->ms))
        time->ms = 0; /* the text is kept */
    return ST_OK;
}

/* The times of the metadata are those of a process card under other names. */
static enum status step_add(struct steps *s, const struct gw_attempt *a, enum gw_event event,
                            const struct xta_metadata *m, struct arena *arena, struct error *err)
{
    struct gw_move *move = &s->moves[s->count++];

    *move = gw_attempt_move(a, event);
    move->cause.actor = "receipts";
    TRY(time_of(m->initial_send, arena, &move->creation, err));
    TRY(time_of(m->initial_fetch, arena, &move->forwarding, err));
    return time_of(m->reception, arena, &move->reception, err);
}

/* The first record that says why: "code: reason". */
static const char *record_text(const struct xta_records *records, struct arena *arena)
{
    AUTO(buf_deinit) struct buf b = {0};
    const char *text;

    if (records->count == 0)
        return "?";
    buf_init(&b, 1024 * 1024);
    buf_add(&b, records->rows[0].code.code);
    buf_str(&b, ": ");
    buf_add(&b, records->rows[0].reason);
    text = arena_str(arena, buf_span(&b));
    return text == NULL ? "?" : text;
}

/* The reason of the last step, in both languages. */
static void step_explain(struct steps *s, const struct gw_attempt *a, int reason,
                         const struct xta_records *records, struct arena *arena,
                         struct gw_sentences *said)
{
    struct gw_move *move = &s->moves[s->count - 1];
    struct error why = {.reason = reason};

    (void)error_set(&why, ST_DENIED, reason, "%s", record_text(records, arena));
    gw_attempt_sentences(a, &why, said);
    move->cause.reason = reason;
    move->cause.en = buf_cstr(&said->en);
    move->cause.de = buf_cstr(&said->de);
}

static enum status steps_make(struct steps *s, const struct gw_attempt *a,
                              const struct xta_report *report, struct arena *arena,
                              struct gw_sentences *said, struct error *err)
{
    enum gw_state state = a->row->state;
    bool theirs = state == GW_SUBMITTED || state == GW_FORWARDED || state == GW_DELIVERED;

    if (!theirs) {
        TRY(step_add(s, a, GW_EV_SUBMIT, &report->metadata, arena, err));
        s->moves[0].attempted = true;
    }
    if (report->status == OPEN && report->metadata.initial_fetch.ptr != NULL &&
        state != GW_FORWARDED)
        return step_add(s, a, GW_EV_FORWARD, &report->metadata, arena, err);
    if (report->status == GREEN || report->status == YELLOW) {
        TRY(step_add(s, a, GW_EV_DELIVER, &report->metadata, arena, err));
        if (report->status == YELLOW)
            step_explain(s, a, GW_R_XTA_WARNING, &report->warnings, arena, said);
    } else if (report->status != OPEN) {
        TRY(step_add(s, a, GW_EV_FAIL, &report->metadata, arena, err));
        step_explain(s, a, GW_R_XTA_REPORT, &report->errors, arena, said);
    }
    return ST_OK;
}

/* Any report is worth keeping that changes something; the final one says it all. */
static enum status evidence_keep(const struct gw_attempt *a, const struct gw_xta_exchange *x,
                                 struct gw_stage **stage, struct steps *s, struct error *err)
{
    struct gw_move *last = &s->moves[s->count - 1];

    TRY(gw_stage_new(a->rt->store, a->row->id, stage, err));
    TRY(gw_stage_add_source(*stage, GW_FILE_EVIDENCE, "transportreport.mime", x->wire.content_type,
                            "TransportReport", gw_body_source(x->wire.body), err));
    TRY(gw_stage_publish(*stage, err));
    last->files = gw_stage_files(*stage, &last->file_count);
    return ST_OK;
}

static enum status report_apply(const struct gw_attempt *a, const struct gw_xta_exchange *x,
                                struct arena *arena, struct error *err)
{
    const struct xta_report *report = &x->answer.report;
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    AUTO(gw_sentences_deinit) struct gw_sentences said = {0};
    struct steps s = {.count = 0};

    TRY(steps_make(&s, a, report, arena, &said, err));
    if (s.count == 0)
        return ST_OK;
    if (report->status != OPEN)
        TRY(evidence_keep(a, x, &stage, &s, err));
    TRY(gw_store_commit(a->rt->store, steps_commit, &s, err));
    if (stage != NULL)
        gw_stage_done(stage);
    gw_log(a->rt->log, s.moves[s.count - 1].event == GW_EV_FAIL ? GW_LOG_ERROR : GW_LOG_INFO,
           s.moves[s.count - 1].event == GW_EV_DELIVER   ? "message.delivered"
           : s.moves[s.count - 1].event == GW_EV_FORWARD ? "message.forwarded"
           : s.moves[s.count - 1].event == GW_EV_FAIL    ? "message.failed"
                                                         : "message.submitted",
           LOG_STR("id", a->row->id), LOG_STR("peer", a->to.name),
           LOG_INT("report", report->status));
    return ST_OK;
}

enum status gw_xta_report_take(const struct gw_xta_server_talk *talk,
                               const struct gw_message_row *row, const char *id,
                               const struct xta_party *party, struct arena *arena,
                               struct error *err)
{
    const struct gw_attempt a = {
        .rt = talk->rt,
        .to = {.name = talk->peer->conf->name, .url = "", .peer = talk->peer},
        .row = row,
        .now = gw_now_ms()};
    AUTO(gw_xta_exchange_deinit)
    struct gw_xta_exchange x = {.arena = arena,
                                .request = {.operation = XTA_GET_TRANSPORT_REPORT,
                                            .has_party = true,
                                            .party = *party,
                                            .message_id = span_str(id)}};
    const struct xta_report *report = &x.answer.report;

    TRY(gw_xta_ask(talk, &x, err));
    if (report->metadata.id.ptr != NULL && !xta_same(report->metadata.id, span_str(id)))
        return error_set(err, ST_RETRY, GW_R_NET_ANSWER, "a report about another message");
    return report_apply(&a, &x, arena, err);
}

/* ---- what is still outstanding ---- */

static enum status outstanding(const struct gw_xta_server_talk *talk, const char *cursor,
                               struct arena *arena, struct gw_message_list *list, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(talk->rt->store, &tx, err));
    return gw_store_outstanding(tx, arena, NULL, talk->peer->conf->name, cursor, BATCH, list, err);
}

static enum status files_load(const struct gw_xta_server_talk *talk, const char *id,
                              struct arena *arena, struct gw_file_list *files, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(talk->rt->store, &tx, err));
    return gw_store_files(tx, arena, id, files, err);
}

static enum status one_ask(const struct gw_xta_server_talk *talk, const struct gw_message_row *row,
                           struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_file_list files = {0};
    struct xta_party author;

    if (row->osci_message_id == NULL || row->osci_message_id[0] == '\0')
        return ST_OK;
    arena_init(&arena, ARENA_MAX);
    TRY(files_load(talk, row->id, &arena, &files, err));
    TRY(gw_xta_author_of(talk, row, &files, &arena, &author, err));
    return gw_xta_report_take(talk, row, row->osci_message_id, &author, &arena, err);
}

/* Trouble with one message is no reason not to ask for the others. */
static bool is_its_own(enum status st, const struct error *err)
{
    return st == ST_NOT_FOUND || st == ST_INVALID || st == ST_DENIED ||
           err->reason == GW_R_NET_ANSWER || err->reason >= GW_R_XTA_DENIED;
}

enum status gw_xta_reports_fetch(const struct gw_xta_server_talk *talk, struct error *err)
{
    char cursor[GW_ID_SIZE] = "";
    enum status last = ST_OK;
    struct error why = {0};
    bool more = true;

    while (more && !gw_loop_stopping(talk->rt->loop)) {
        struct gw_message_list list = {0};
        AUTO(arena_deinit) struct arena arena = {0};

        arena_init(&arena, ARENA_MAX);
        TRY(outstanding(talk, cursor[0] == '\0' ? NULL : cursor, &arena, &list, err));
        for (size_t i = 0; i < list.count && !gw_loop_stopping(talk->rt->loop); i++) {
            struct error one = {0};
            enum status st = one_ask(talk, &list.rows[i], &one);

            if (st == ST_OK)
                continue;
            last = st;
            why = one;
            if (!is_its_own(st, &one)) {
                *err = one;
                return st;
            }
        }
        if (list.count > 0)
            memcpy(cursor, list.rows[list.count - 1].id, GW_ID_SIZE);
        more = list.more && list.count > 0;
    }
    if (last != ST_OK)
        *err = why;
    return last;
}
