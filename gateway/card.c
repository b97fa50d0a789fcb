#define _GNU_SOURCE
#include "gateway/card.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "gateway/lane.h"
#include "gateway/log.h"
#include "gateway/message_json.h"
#include "gateway/outbound.h"
#include "gateway/payload.h"

enum { BATCH = 25, ARENA_MAX = 32 * 1024 * 1024 };

bool gw_card_time_ms(struct span text, int64_t *ms)
{
    char s[64], *end;
    struct tm tm = {0};
    int64_t value, fraction = 0, scale = 100;

    text = span_trim(text);
    if (text.len == 0 || text.len >= sizeof s)
        return false;
    memcpy(s, text.ptr, text.len);
    s[text.len] = '\0';
    end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end == NULL)
        return false;
    value = (int64_t)timegm(&tm) * 1000;
    if (*end == '.')
        for (end++; *end >= '0' && *end <= '9'; end++, scale /= 10)
            fraction += (*end - '0') * scale;
    if (*end == '+' || *end == '-') {
        int hours, minutes;

        if (sscanf(end + 1, "%2d:%2d", &hours, &minutes) != 2)
            return false;
        value -= (*end == '+' ? 1 : -1) * ((int64_t)hours * 60 + minutes) * 60000;
    } else if (*end != '\0' && strcmp(end, "Z") != 0) {
        return false;
    }
    *ms = value + fraction;
    return true;
}

static enum status card_time(const struct osci_time *in, struct arena *arena,
                             struct gw_card_time *out, struct error *err)
{
    if (in->text.ptr == NULL)
        return ST_OK;
    out->text = arena_str(arena, in->text);
    TRY_ALLOC(out->text, err);
    if (in->cryptographic || !gw_card_time_ms(in->text, &out->ms))
        out->ms = 0; /* a token says it in its own way; the text is kept */
    return ST_OK;
}

static const char *check_name(enum osci_check check, const char *good, const char *bad)
{
    return check == OSCI_CHECK_GOOD ? good : check == OSCI_CHECK_BAD ? bad : "indeterminate";
}

static json_t *json_span(struct span s)
{
    return json_stringn((const char *)s.ptr, s.len);
}

static json_t *inspection_json(const struct osci_inspection *in)
{
    json_t *json = json_object();

    gw_json_put(&json, "subject", json_span(in->subject));
    gw_json_put(&json, "issuer", json_span(in->issuer));
    gw_json_put(&json, "serial", json_span(in->serial));
    gw_json_put(&json, "at", json_span(in->timestamp.text));
    gw_json_put(&json, "level", json_span(in->cert_type));
    gw_json_put(&json, "math", json_string(check_name(in->math, "ok", "corrupted")));
    gw_json_put(&json, "offline", json_string(check_name(in->offline, "valid", "invalid")));
    if (in->online != OSCI_CHECK_NONE)
        gw_json_put(&json, "online", json_string(check_name(in->online, "ok", "revoked")));
    if (in->online_kind.len > 0)
        gw_json_put(&json, "source", json_span(in->online_kind));
    if (span_is(in->online_kind, "CRL"))
        gw_json_put(&json, "source_date", json_span(in->online_evidence));
    return json;
}

enum status gw_card_apply(const struct osci_card *card, struct arena *arena, struct gw_move *move,
                          struct error *err)
{
    json_t *all = json_array();
    char *text;

    for (size_t i = 0; i < card->inspection_count; i++)
        gw_json_append(&all, inspection_json(&card->inspections[i]));
    text = gw_json_dump(all, JSON_COMPACT);
    json_decref(all);
    TRY_ALLOC(text, err);
    move->inspections = arena_str(arena, span_str(text));
    free(text);
    TRY_ALLOC(move->inspections, err);
    TRY(card_time(&card->creation, arena, &move->creation, err));
    TRY(card_time(&card->forwarding, arena, &move->forwarding, err));
    return card_time(&card->reception, arena, &move->reception, err);
}

enum status gw_card_fetch(struct gw_conversation *talk, struct span *ids, size_t count,
                          struct gw_answer *answer, struct error *err)
{
    struct osci_cert certs[2];
    struct osci_message msg = {.type = OSCI_FETCH_PROCESS_CARD, .certs = certs};

    msg.selection = (struct osci_selection){.by = OSCI_SELECT_IDS, .ids = ids, .id_count = count};
    return gw_exchange(talk, &msg, answer, err);
}

enum status gw_card_waiting(struct gw_conversation *talk, enum osci_select by, uint64_t limit,
                            struct gw_answer *answer, struct error *err)
{
    struct osci_cert certs[2];
    struct osci_message msg = {.type = OSCI_FETCH_PROCESS_CARD,
                               .certs = certs,
                               .selection = {.by = by,
                                             .date = SPAN("2000-01-01T00:00:00Z"),
                                             .role = SPAN("Addressee"),
                                             .no_reception = true,
                                             .has_limit = true,
                                             .limit = limit}};

    return gw_exchange(talk, &msg, answer, err);
}

/* ---- what is still outstanding ---- */

struct update {
    struct gw_move forward, deliver, back;
    bool forwards, delivers, comes_back;
};

static enum status update_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct update *u = ctx;

    if (u->forwards)
        TRY(gw_store_move(tx, &u->forward, NULL, err));
    if (u->delivers)
        TRY(gw_store_move(tx, &u->deliver, NULL, err));
    if (u->comes_back)
        TRY(gw_store_move(tx, &u->back, NULL, err));
    return ST_OK;
}

/* The intermediary took back that it had brought it: the recipient never got it, and the id is
 * used. So it is sent anew, under another. A reply is not: it went out with an answer, and goes out
 * again when its request comes again. */
static bool comes_back(const struct gw_runtime *rt, const struct gw_message_row *row,
                       const struct osci_card *card)
{
    const struct gw_partner *partner =
        row->recipient == NULL ? NULL : gw_runtime_partner(rt, row->recipient);

    return row->state == GW_FORWARDED && row->correlation == NULL && partner != NULL &&
           gw_outbound_way(row, partner) != GW_WAY_STORE && card->creation.text.ptr != NULL &&
           card->forwarding.text.ptr == NULL && card->reception.text.ptr == NULL;
}

static struct gw_move back_move(const struct gw_message_row *row)
{
    return (struct gw_move){
        .id = row->id,
        .event = GW_EV_DEFER,
        .osci_message_id = "",
        .cause = {.now = gw_now_ms(),
                  .actor = "receipts",
                  .reason = 9809,
                  .en = "the process card says that it has not reached the recipient",
                  .de = "Laut Laufzettel hat die Nachricht den Empfänger nicht erreicht"}};
}

/* A card that says more than we know; the signed answer is kept once reception is proven. */
static enum status card_take(const struct gw_runtime *rt, const struct gw_message_row *row,
                             const struct osci_card *card, const struct gw_answer *answer,
                             struct error *err)
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct update u = {0};

    u.forwards = row->state == GW_SUBMITTED && card->forwarding.text.ptr != NULL;
    u.delivers = card->reception.text.ptr != NULL;
    u.comes_back = comes_back(rt, row, card);
    if (!u.forwards && !u.delivers && !u.comes_back)
        return ST_OK;
    arena_init(&arena, ARENA_MAX);
    u.forward = (struct gw_move){.id = row->id, .event = GW_EV_FORWARD};
    u.forward.cause = (struct gw_cause){.now = gw_now_ms(), .actor = "receipts"};
    TRY(gw_card_apply(card, &arena, &u.forward, err));
    u.deliver = u.forward;
    u.deliver.event = GW_EV_DELIVER;
    u.back = back_move(row);
    if (u.delivers) {
        TRY(gw_stage_new(rt->store, row->id, &stage, err));
        TRY(gw_stage_add_source(stage, GW_FILE_EVIDENCE, "processcard.mime", "multipart/related",
                                osci_type_name(answer->reading->msg.type), gw_answer_source(answer),
                                err));
        TRY(gw_stage_publish(stage, err));
        u.deliver.files = gw_stage_files(stage, &u.deliver.file_count);
    }
    TRY(gw_store_commit(rt->store, update_commit, &u, err));
    if (stage != NULL)
        gw_stage_done(stage);
    gw_log(rt->log, u.comes_back ? GW_LOG_WARNING : GW_LOG_INFO,
           u.comes_back ? "message.deferred"
           : u.delivers ? "message.delivered"
                        : "message.forwarded",
           LOG_STR("id", row->id), LOG_STR("peer", row->peer));
    return ST_OK;
}

/* A message that was moved on meanwhile needs no more of it. */
static enum status card_known(const struct gw_runtime *rt, const struct gw_message_row *row,
                              const struct osci_card *card, const struct gw_answer *answer,
                              struct error *err)
{
    enum status st = card_take(rt, row, card, answer, err);

    return st == ST_DENIED || st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status batch(struct gw_conversation *talk, const struct gw_message_list *list,
                         struct arena *arena, struct error *err)
{
    AUTO(gw_answer_deinit) struct gw_answer answer = {0};
    struct span ids[BATCH] = {0};
    size_t count = 0;
    enum status st;

    for (size_t i = 0; i < list->count; i++)
        if (list->rows[i].osci_message_id != NULL && list->rows[i].osci_message_id[0] != '\0')
            TRY(gw_osci_id_bytes(list->rows[i].osci_message_id, arena, &ids[count++], err));
    if (count == 0)
        return ST_OK;
    st = gw_card_fetch(talk, ids, count, &answer, err);
    if (st == ST_NOT_FOUND)
        return ST_OK; /* an intermediary may forget cards; the messages stay outstanding */
    TRY(st);
    for (size_t c = 0; c < answer.reading->msg.card_count; c++) {
        const struct osci_card *card = &answer.reading->msg.cards[c];
        const char *id;

        TRY(gw_osci_id_text(card->message_id, arena, &id, err));
        for (size_t i = 0; i < list->count; i++)
            if (list->rows[i].osci_message_id != NULL &&
                strcmp(list->rows[i].osci_message_id, id) == 0)
                TRY(card_known(talk->rt, &list->rows[i], card, &answer, err));
    }
    return ST_OK;
}

/* The next BATCH of them behind cursor. */
static enum status outstanding(const struct gw_runtime *rt, const struct gw_peer *peer,
                               const char *cursor, struct arena *arena,
                               struct gw_message_list *list, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(rt->store, &tx, err));
    return gw_store_outstanding(tx, arena, NULL, peer->conf->name, cursor, BATCH, list, err);
}

static enum status receipts_as(const struct gw_runtime *rt, const struct gw_peer *peer,
                               struct error *err)
{
    struct gw_conversation talk;
    char cursor[GW_ID_SIZE] = "";
    bool more = true, open = false;
    enum status st = ST_OK;

    gw_conversation_init(&talk, rt, peer);
    while (st == ST_OK && more) {
        struct gw_message_list list = {0};
        AUTO(arena_deinit) struct arena arena = {0};

        arena_init(&arena, ARENA_MAX);
        st = outstanding(rt, peer, cursor[0] == '\0' ? NULL : cursor, &arena, &list, err);
        if (st != ST_OK || list.count == 0)
            break;
        if (!open)
            st = gw_conversation_open(&talk, err);
        open = true;
        if (st == ST_OK)
            st = batch(&talk, &list, &arena, err);
        memcpy(cursor, list.rows[list.count - 1].id, GW_ID_SIZE);
        more = list.more;
    }
    if (open)
        gw_conversation_close(&talk);
    return st;
}

/* Cards are shown to whose certificates they name: what went out under another of ours is asked for
 * under that. Who does not know us by it has no cards for it either. */
enum status gw_receipts_fetch(const struct gw_runtime *rt, const struct gw_peer *peer,
                              struct error *err)
{
    const struct identity_pair *pairs[IDENTITY_CIPHERS_MAX];
    size_t count = peer->tenant == NULL
                       ? 0
                       : identity_ciphers_named(peer->tenant->identity, gw_now_ms(), pairs);

    TRY(receipts_as(rt, peer, err));
    for (size_t i = 1; i < count && !gw_loop_stopping(rt->loop); i++) {
        struct gw_peer other = *peer;
        enum status st;

        other.as = pairs[i]->cert;
        st = receipts_as(rt, &other, err);
        if (st != ST_OK && st != ST_DENIED)
            return st;
    }
    return ST_OK;
}
