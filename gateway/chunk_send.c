/* Out: the frame, the chunks, and the fate of the whole. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/chunks.h"
#include "gateway/log.h"
#include "gateway/outbound.h"
#include "gateway/reason.h"
#include "osci/chunk.h"
#include "osci/frame.h"

enum { ROUNDS = 2, CHALLENGE_BYTES = 10, OWN_CERTS = 2 };
enum { POLL_FIRST_MS = 500, POLL_MAX_MS = 8000, POLL_ALL_MS = 60 * 1000, STEP_MS = 100 };

/* One attempt to bring a message's chunks to the intermediary. */
struct sending {
    struct gw_chunk_send *s;
    struct gw_answer *answer; /* to the last order */
    const struct gw_file_row *frame;
    struct gw_file_source frame_file;
    struct source *whole; /* the inner message: the frame with the attachments in it */
    struct osci_cert *certs;
    struct span chunk_id;
    uint64_t kb, total;
    struct arena said;           /* what the last answer says: */
    struct osci_chunk_set there; /* these have arrived, */
    bool working;                /* the whole is being processed, */
    bool finished;               /* or what came of it is known */
    struct osci_chunk_set sent;  /* in this attempt */
    struct gw_chunk_progress progress;
};

/* ---- what lies sealed on our disk ---- */

static const struct gw_file_row *frame_of(const struct gw_file_list *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->rows[i].kind == GW_FILE_FRAME)
            return &files->rows[i];
    return NULL;
}

static uint64_t sealed_len(const struct gw_file_list *files)
{
    uint64_t len = 0;

    for (size_t i = 0; i < files->count; i++)
        if (files->rows[i].kind == GW_FILE_SEALED || files->rows[i].kind == GW_FILE_ATTACHMENT)
            len += files->rows[i].len;
    return len;
}

bool gw_chunks_large(const struct gw_intermediary_conf *conf, const struct gw_file_list *files)
{
    return sealed_len(files) > (uint64_t)conf->chunk_above_kb * 1024;
}

bool gw_chunks_begun(const struct gw_file_list *files)
{
    return frame_of(files) != NULL;
}

bool gw_chunks_wanted(const struct gw_conversation *talk, const struct gw_file_list *files)
{
    return talk->explicit_dialog && talk->features.chunks &&
           (gw_chunks_begun(files) || gw_chunks_large(talk->peer->conf, files));
}

enum status gw_chunks_fit(const struct gw_conversation *talk, const struct gw_file_list *files,
                          struct error *err)
{
    uint64_t len = sealed_len(files), max = talk->features.max_message_kb;

    if (max == 0 || len / 1024 <= max)
        return ST_OK;
    return error_set(err, ST_DENIED, GW_R_MESSAGE_TOO_LARGE,
                     "%llu MB are more than the %llu MB that the intermediary takes",
                     (unsigned long long)(len >> 20), (unsigned long long)(max >> 10));
}

/* ---- the frame ---- */

/* Its ControlBlock belongs to no dialog (8.1), but has the form of one. */
static enum status challenge_make(const struct gw_chunk_send *s, struct span *challenge,
                                  struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};
    uint8_t bytes[CHALLENGE_BYTES];

    TRY(rng_bytes(s->talk->rt->rng, bytes, sizeof bytes, err));
    buf_init(&text, 64);
    buf_base64(&text, span_of(bytes, sizeof bytes), 0);
    TRY(buf_check(&text, err));
    *challenge = arena_span(s->arena, buf_span(&text));
    TRY_ALLOC(challenge->ptr, err);
    return ST_OK;
}

/* Those of the order, with room for ours behind them. */
static enum status certs_make(const struct gw_chunk_send *s, struct osci_cert **certs,
                              struct error *err)
{
    *certs = arena_array(s->arena, sizeof **certs, s->order->cert_count + OWN_CERTS);
    TRY_ALLOC(*certs, err);
    memcpy(*certs, s->order->certs, s->order->cert_count * sizeof **certs);
    return ST_OK;
}

/* The inner message: neither signed nor enveloped, wire-notes 11. */
static enum status inner_write(const struct gw_chunk_send *s, struct osci_writer **writer,
                               struct error *err)
{
    const struct gw_runtime *rt = s->talk->rt;
    struct osci_message inner = *s->order;
    struct osci_write in = {
        .msg = &inner, .policy = &rt->policy, .now = gw_now_ms(), .rng = rt->rng};

    TRY(certs_make(s, &inner.certs, err));
    inner.control = (struct osci_controlblock){.has_sequence = true};
    TRY(challenge_make(s, &inner.control.challenge, err));
    gw_order_complete(s->talk, &inner, true);
    return osci_message_write(&in, writer, err);
}

static enum status frame_commit(struct gw_chunk_send *s, struct gw_stage *stage, uint64_t kb,
                                uint64_t len, struct error *err)
{
    unsigned long long count = osci_chunk_count(len, kb);
    char en[160], de[160];
    struct gw_move move = {.id = s->row->id,
                           .event = GW_EV_NOTE,
                           .cause = {.now = gw_now_ms(), .actor = "outbound", .en = en, .de = de}};

    (void)snprintf(en, sizeof en, "it goes to the intermediary in %llu chunks of %llu KB", count,
                   (unsigned long long)kb);
    (void)snprintf(de, sizeof de, "Sie geht in %llu Paketen zu %llu KB an den Intermediär", count,
                   (unsigned long long)kb);
    move.files = gw_stage_files(stage, &move.file_count);
    TRY(gw_store_commit_move(s->talk->rt->store, &move, NULL, err));
    gw_stage_done(stage);
    return ST_OK;
}

static enum status frame_make(struct gw_chunk_send *s, struct error *err)
{
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    struct gw_conversation *talk = s->talk;
    struct sink *sink;
    uint64_t len, kb;
    char ref[24];

    TRY(inner_write(s, &writer, err));
    len = osci_writer_len(writer);
    kb = gw_chunk_kb(talk->peer->conf, &talk->features, len);
    if (osci_chunk_count(len, kb) > OSCI_CHUNKS_MAX)
        return error_set(err, ST_DENIED, GW_R_MESSAGE_TOO_LARGE,
                         "more than %d chunks of %llu KB, the most that the intermediary takes",
                         OSCI_CHUNKS_MAX, (unsigned long long)kb);
    (void)snprintf(ref, sizeof ref, "%llu", (unsigned long long)kb);
    TRY(gw_stage_new(talk->rt->store, s->row->id, &stage, err));
    TRY(gw_stage_add(stage, GW_FILE_FRAME, NULL, "text/plain", ref, &sink, err));
    TRY(osci_writer_frame(writer, sink, err));
    TRY(gw_stage_close(stage, err));
    TRY(gw_stage_publish(stage, err));
    return frame_commit(s, stage, kb, len, err);
}

/* The inner message as it is sent. */
static enum status whole_open(struct sending *g, struct error *err)
{
    const struct gw_chunk_send *s = g->s;

    g->kb = strtoull(g->frame->ref == NULL ? "" : g->frame->ref, NULL, 10);
    if (g->kb == 0)
        return error_set(err, ST_DENIED, GW_R_STORE_DAMAGED, "the frame does not say its chunks");
    TRY(gw_outbound_payload(s->talk->rt, g->frame, &g->frame_file, err));
    if (osci_frame_source(&g->frame_file.base, s->order->attachments, s->order->attachment_count,
                          s->arena, &g->whole, err) != ST_OK) {
        err->reason = err->status == ST_INTERNAL ? GW_R_STORE_DAMAGED : err->reason;
        return err->status = err->status == ST_INTERNAL ? ST_DENIED : err->status;
    }
    g->total = osci_chunk_count(g->whole->len, g->kb);
    return osci_chunk_set_init(&g->sent, g->total, s->arena, err);
}

/* The index knows what was sealed; nothing else may be sent under this id. */
static enum status sealed_verify(const struct sending *g, struct error *err)
{
    const struct gw_file_list *files = g->s->files;

    for (size_t i = 0; i < files->count; i++) {
        enum gw_file_kind kind = files->rows[i].kind;
        enum status st = ST_OK;

        if (kind == GW_FILE_FRAME || kind == GW_FILE_ATTACHMENT)
            st = gw_payload_verify(g->s->talk->rt->store, &files->rows[i], err);
        if (st == ST_INVALID || st == ST_NOT_FOUND) {
            err->reason = GW_R_STORE_DAMAGED;
            st = err->status = ST_DENIED;
        }
        TRY(st);
    }
    return ST_OK;
}

static enum status frame_load(struct gw_chunk_send *s, struct gw_file_list *files,
                              struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(s->talk->rt->store, &tx, err));
    return gw_store_files(tx, s->arena, s->row->id, files, err);
}

/* ---- for the operator ---- */

/* How far it is; and whether somebody has called it off meanwhile. */
static enum status tell(struct sending *g, struct error *err)
{
    unsigned long long done = g->there.count, total = g->total;
    char en[160], de[160], detail[80];
    enum gw_state state = GW_NEW;
    struct gw_move move = {
        .id = g->s->row->id,
        .event = GW_EV_NOTE,
        .cause = {.now = gw_now_ms(), .actor = "outbound", .en = en, .de = de, .detail = detail}};

    if (!gw_chunk_progress_due(&g->progress, done, total, move.cause.now))
        return ST_OK;
    (void)snprintf(en, sizeof en, "chunk %llu of %llu is at the intermediary", done, total);
    (void)snprintf(de, sizeof de, "Paket %llu von %llu ist beim Intermediär", done, total);
    (void)snprintf(detail, sizeof detail, "{\"chunk\": %llu, \"chunks\": %llu}", done, total);
    TRY(gw_store_commit_move(g->s->talk->rt->store, &move, &state, err));
    gw_log(g->s->talk->rt->log, GW_LOG_INFO, "message.chunks", LOG_STR("id", g->s->row->id),
           LOG_STR("peer", g->s->talk->peer->conf->name), LOG_INT("chunk", done),
           LOG_INT("chunks", total));
    if (state == GW_CANCELLED || state == GW_EXPIRED || state == GW_FAILED)
        return error_set(err, ST_RETRY, GW_R_CANCELLED, "the message was called off");
    return ST_OK;
}

/* ---- what an answer says ---- */

static enum status nonsense(enum status st, struct error *err)
{
    if (st != ST_INVALID && st != ST_LIMIT)
        return st;
    err->reason = GW_R_NET_ANSWER;
    return err->status = ST_RETRY;
}

/* Other chunks than ours under our id: they can never become our message. */
static enum status not_ours(struct sending *g, const struct osci_chunk_info *info,
                            struct error *err)
{
    if (info->total == 0 || info->total == g->total)
        return ST_OK;
    g->s->forget = true;
    return error_set(err, ST_RETRY, 9905, "the intermediary speaks of %llu chunks, there are %llu",
                     (unsigned long long)info->total, (unsigned long long)g->total);
}

static enum status received_read(struct sending *g, struct error *err)
{
    const struct osci_chunk_info *info = &g->answer->reading->msg.chunk;

    arena_deinit(&g->said);
    arena_init(&g->said, 64 * 1024);
    TRY(osci_chunk_set_init(&g->there, g->total, &g->said, err));
    TRY(not_ours(g, info, err));
    return nonsense(osci_chunk_set_read(&g->there, info->received, err), err);
}

/* Could the same delivery succeed under another id? Then its fate was an accident. */
static bool accident(uint64_t code)
{
    return code == 9603 || code == 9710 || code == 9811;
}

/* InsideFeedback is what storeDelivery would have been answered (8.2). */
static enum status inside_judge(struct sending *g, struct error *err)
{
    const struct osci_message *msg = &g->answer->reading->msg;

    for (size_t i = 0; i < msg->inside_feedback_count; i++) {
        struct span code = msg->inside_feedback[i].code, text = msg->inside_feedback[i].text;
        uint64_t number = 0;

        if (!span_starts(code, SPAN("9")))
            continue;
        (void)span_to_u64(code, &number);
        g->s->forget = accident(number);
        return error_set(err, g->s->forget ? ST_RETRY : ST_DENIED, (int)number,
                         "the intermediary refused the whole message with %.*s: %.*s",
                         SPAN_FMT(code), (int)(text.len > 200 ? 200 : text.len),
                         (const char *)text.ptr);
    }
    g->finished = true;
    if (msg->card_count > 0 && !span_eq(msg->cards[0].message_id, g->s->order->message_id))
        g->answer->reading->msg.card_count = 0; /* of the chunks, not of the message */
    return ST_OK;
}

/* st and err are those of gw_exchange. */
static enum status judge(struct sending *g, enum status st, struct error *err)
{
    const struct osci_message *msg;
    struct span code;

    if (!g->answer->proven)
        return st;
    msg = &g->answer->reading->msg;
    code = osci_feedback_last(msg);
    g->working = span_is(code, "3951") || span_is(code, "3952");
    if (msg->inside_feedback_count > 0) {
        TRY(inside_judge(g, err));
        return err->reason == 9900 ? ST_OK : st; /* 9950 with nothing bad inside: a refusal too */
    }
    if (st != ST_OK && err->reason == 9905) {
        g->s->forget = true;
        return err->status = ST_RETRY;
    }
    if (st != ST_OK && err->reason != 9900)
        return st;
    return received_read(g, err);
}

/* ---- orders ---- */

/* Chunk number, or with 0 the question which there are. */
static enum status order(struct sending *g, uint64_t number, struct error *err)
{
    struct gw_chunk_send *s = g->s;
    struct osci_chunk chunk;
    struct osci_message msg = {.type = OSCI_PARTIAL_STORE_DELIVERY,
                               .certs = g->certs,
                               .cert_count = s->order->cert_count,
                               .creation = OSCI_QUALITY_PLAIN,
                               .message_id = g->chunk_id,
                               .subject = s->order->subject};

    if (number == 0)
        osci_chunk_none(&msg);
    else
        TRY(osci_chunk_cut(g->whole, g->kb, number, &chunk, &msg, err));
    gw_answer_deinit(g->answer);
    TRY(judge(g, gw_exchange(s->talk, &msg, g->answer, err), err));
    if (number != 0)
        (void)osci_chunk_set_add(&g->sent, number);
    return tell(g, err);
}

static bool over(const struct sending *g)
{
    return g->finished || g->working;
}

/* The first from number on that is not there; in a second round, when all seem to be there and
 * nothing comes of it, also those that we have only been told of. */
static uint64_t next_chunk(const struct sending *g, uint64_t number, int round)
{
    uint64_t missing = osci_chunk_set_missing(&g->there, number), untried;

    if (round == 0)
        return missing;
    untried = osci_chunk_set_missing(&g->sent, number);
    return missing == 0 || (untried != 0 && untried < missing) ? untried : missing;
}

static enum status round_send(struct sending *g, int round, struct error *err)
{
    for (uint64_t n = next_chunk(g, 1, round); n != 0 && !over(g);
         n = next_chunk(g, n + 1, round)) {
        if (gw_loop_stopping(g->s->talk->rt->loop))
            return gw_reason_because(error_set(err, ST_RETRY, 0, "the gateway is shutting down"),
                                     GW_R_STOPPING, err);
        TRY(order(g, n, err));
    }
    return ST_OK;
}

/* ---- the fate of the whole ---- */

static void sleep_ms(const struct gw_runtime *rt, int64_t ms)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};

    for (; ms > 0 && !gw_loop_stopping(rt->loop); ms -= STEP_MS)
        (void)nanosleep(&step, NULL);
}

/* 8.2: InfoOnly until it is done, for a while; then the next attempt goes on asking. */
static enum status fate_await(struct sending *g, struct error *err)
{
    const struct gw_runtime *rt = g->s->talk->rt;
    int64_t wait = POLL_FIRST_MS, until = gw_monotonic_ms() + POLL_ALL_MS;

    while (!g->finished && g->working) {
        if (gw_monotonic_ms() >= until)
            return error_set(err, ST_RETRY, 3952, "the intermediary is still at work on it");
        sleep_ms(rt, wait);
        if (gw_loop_stopping(rt->loop))
            return gw_reason_because(error_set(err, ST_RETRY, 0, "the gateway is shutting down"),
                                     GW_R_STOPPING, err);
        wait = 2 * wait < POLL_MAX_MS ? 2 * wait : POLL_MAX_MS;
        TRY(order(g, 0, err));
    }
    return ST_OK;
}

/* A frame whose chunks the intermediary would refuse by now is of no use. */
static enum status size_check(struct sending *g, struct error *err)
{
    const struct gw_features *f = &g->s->talk->features;

    if (g->kb >= f->min_chunk_kb && (f->max_chunk_kb == 0 || g->kb <= f->max_chunk_kb))
        return ST_OK;
    g->s->forget = true;
    return error_set(err, ST_RETRY, g->kb < f->min_chunk_kb ? 9903 : 9902,
                     "the intermediary takes no chunks of %llu KB any more",
                     (unsigned long long)g->kb);
}

static enum status chunks_send(struct sending *g, bool resumed, struct error *err)
{
    if (resumed)
        TRY(order(g, 0, err));
    if (!over(g)) {
        TRY(size_check(g, err));
        if (resumed)
            TRY(sealed_verify(g, err));
    }
    for (int round = 0; round < ROUNDS && !over(g); round++) {
        TRY(round_send(g, round, err));
        if (!over(g))
            TRY(order(g, 0, err)); /* all there, so why does nothing come of it? */
    }
    TRY(fate_await(g, err));
    if (g->finished)
        return ST_OK;
    return error_set(err, ST_RETRY, GW_R_NET_ANSWER,
                     "the intermediary has %llu of %llu chunks and does not say what comes of them",
                     (unsigned long long)g->there.count, (unsigned long long)g->total);
}

enum status gw_chunks_send(struct gw_chunk_send *s, struct gw_answer *answer, struct error *err)
{
    struct sending g = {.s = s, .answer = answer, .frame_file.fd = -1};
    struct gw_file_list files = *s->files;
    bool resumed = gw_chunks_begun(s->files);
    enum status st = ST_OK;

    arena_init(&g.said, 64 * 1024);
    if (!resumed) {
        st = frame_make(s, err);
        if (st == ST_OK)
            st = frame_load(s, &files, err);
    }
    g.frame = frame_of(&files);
    if (st == ST_OK)
        st = whole_open(&g, err);
    if (st == ST_OK)
        st = certs_make(s, &g.certs, err);
    if (st == ST_OK)
        st = osci_chunk_id(s->order->message_id, s->arena, &g.chunk_id, err);
    if (st == ST_OK)
        st = osci_chunk_set_init(&g.there, g.total, &g.said, err);
    if (st == ST_OK)
        st = chunks_send(&g, resumed, err);
    s->may_be_complete =
        st != ST_OK && s->talk->maybe_received && !answer->proven && g.there.count + 1 >= g.total;
    gw_file_source_deinit(&g.frame_file);
    arena_deinit(&g.said);
    return st;
}
