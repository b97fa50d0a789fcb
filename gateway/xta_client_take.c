#include "gateway/xta_client.h"

#include <jansson.h>
#include <stdio.h>

#include "gateway/card.h"
#include "gateway/inbound.h"
#include "gateway/log.h"
#include "gateway/message_json.h"
#include "gateway/onward.h"
#include "gateway/transform_message.h"
#include "gateway/xta_inbound.h"
#include "gateway/xta_intake.h"

enum { FOLDED_MAX = GW_XTA_ID_MAX + 1 };

/* One message being taken in. */
struct taking {
    struct gw_xta_intake intake; /* its files go into the stage */
    const struct gw_xta_server_talk *talk;
    struct gw_xta_fetch *fetch;
    struct gw_xta_exchange x;
    const struct xta_metadata *metadata;
    struct gw_route_in route;
    const struct gw_endpoint_conf *endpoint; /* NULL: none receives it, or it goes on */
    struct gw_stage *stage;
    char id[GW_ID_SIZE];
    char xta_id[FOLDED_MAX];   /* as in the row: without regard to case */
    char existing[GW_ID_SIZE]; /* the message with its id that came by another way */
    bool again;                /* is the same */
    struct gw_scan_verdict scan;
    struct gw_transformed transformed;
    struct gw_doubt doubt;
    uint64_t size;
    int64_t now;
};

static void taking_deinit(struct taking *t)
{
    gw_stage_free(t->stage);
    gw_xta_exchange_deinit(&t->x);
}

/* ---- was it there before? ---- */

static enum status known(const struct taking *t, bool *is, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row;
    enum status st;

    TRY(gw_store_read(t->talk->rt->store, &tx, err));
    st = gw_store_message_by_osci_id(tx, t->fetch->arena, GW_INBOX, t->talk->peer->conf->tenant,
                                     t->talk->peer->conf->name, t->xta_id, &row, err);
    *is = st == ST_OK;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status id_fold(struct taking *t, struct error *err)
{
    size_t len = strlen(t->fetch->id);

    if (len >= sizeof t->xta_id)
        return error_set(err, ST_RETRY, GW_R_NET_ANSWER, "a message id of %zu characters", len);
    for (size_t i = 0; i <= len; i++) {
        char c = t->fetch->id[i];

        t->xta_id[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    return ST_OK;
}

/* ---- getMessage ---- */

static enum status message_get(struct taking *t, struct error *err)
{
    struct span id = span_str(t->fetch->id);
    enum status st;

    gw_xta_intake_init(&t->intake, t->stage);
    t->x = (struct gw_xta_exchange){.arena = t->fetch->arena,
                                    .intake = &t->intake.base,
                                    .request = {.operation = XTA_GET_MESSAGE,
                                                .has_party = true,
                                                .party = gw_xta_party(t->fetch->party),
                                                .message_id = id,
                                                .selection = {.ids = &id, .id_count = 1}}};
    st = gw_xta_ask(t->talk, &t->x, err);
    t->fetch->fetched = st == ST_OK || t->x.maybe_received;
    t->fetch->there = st == ST_OK && t->x.answer.has_message;
    if (st == ST_NOT_FOUND && t->x.refused) /* somebody else was quicker */
        return ST_OK;
    if (st != ST_OK && t->intake.failed)
        err->reason = 0; /* ours, whatever it was taken for */
    TRY(st);
    if (t->x.answer.has_box && t->x.answer.box.request_id.len > 0)
        t->fetch->request_id = t->x.answer.box.request_id;
    t->metadata = &t->x.answer.metadata;
    if (t->fetch->there && !xta_same(t->metadata->id, id))
        return error_set(err, ST_RETRY, GW_R_NET_ANSWER, "another message than that asked for");
    return ST_OK;
}

/* ---- whose it is, and whether it may be passed on ---- */

static void doubt(struct taking *t, int reason, const char *text)
{
    if (t->doubt.reason != 0)
        return; /* the first one is enough */
    t->doubt.reason = reason;
    (void)snprintf(t->doubt.text, sizeof t->doubt.text, "%.*s", (int)sizeof t->doubt.text - 1,
                   text);
}

static void endpoint_find(struct taking *t)
{
    const struct gw_config *conf = t->talk->rt->conf;
    const char *tenant = t->talk->peer->conf->tenant;
    char type[256];

    if (t->route.rule != NULL) {
        t->endpoint = t->route.endpoint;
        return;
    }
    if (t->fetch->party->endpoint != NULL)
        t->endpoint = gw_config_endpoint(conf, t->fetch->party->endpoint);
    if (t->endpoint == NULL)
        t->endpoint = gw_config_party_of(conf, tenant, t->metadata->reader.value);
    if (t->endpoint == NULL)
        t->endpoint = gw_inbound_endpoint(conf, tenant, t->metadata->message_type.code);
    (void)snprintf(type, sizeof type, "%.*s", SPAN_FMT(t->metadata->message_type.code));
    if (t->endpoint == NULL && conf->endpoints_count > 0)
        doubt(t, GW_R_NO_ENDPOINT_FOR_TYPE, type);
}

static enum status scan(struct taking *t, struct error *err)
{
    char text[GW_NAME_SIZE + GW_SCAN_NAME_SIZE + 4];

    TRY(gw_scan_stage(t->talk->rt, t->stage, &t->scan, err));
    gw_scan_text(&t->scan, text, sizeof text);
    if (t->scan.result == GW_SCAN_FINDING)
        doubt(t, GW_R_SCAN_FINDING_IN, text);
    if (t->scan.result == GW_SCAN_TOO_LARGE)
        doubt(t, GW_R_SCAN_TOO_LARGE_IN, text);
    return ST_OK;
}

static enum status transform(struct taking *t, struct error *err)
{
    enum status st;

    if (t->doubt.reason != 0)
        return ST_OK;
    st = gw_transform_message(t->talk->rt, t->route.rule, t->stage, &t->transformed, err);
    t->size += t->transformed.size;
    if (st == ST_OK || err->reason != GW_R_TRANSFORM_OUT)
        return st;
    doubt(t, GW_R_TRANSFORM_IN, err->text);
    return ST_OK;
}

/* The partner who is this author at this server. */
static const struct gw_partner *author_partner(const struct taking *t)
{
    const struct gw_runtime *rt = t->talk->rt;

    for (size_t i = 0; i < rt->partner_count; i++) {
        const struct gw_partner_conf *p = rt->partners[i].conf;

        if (p->xta != NULL && strcmp(p->xta, t->talk->peer->conf->name) == 0 && p->reader != NULL &&
            xta_same(span_str(p->reader->value), t->metadata->author.value))
            return &rt->partners[i];
    }
    return NULL;
}

/* XTA 2 has no author's signature; the server vouches, whom we know by its certificate. */
static enum status verification_write(struct taking *t, struct error *err)
{
    json_t *json =
        json_pack("{s:s, s:s, s:s%, s:b}", "result", t->doubt.reason != 0 ? "doubtful" : "unsigned",
                  "xta_server", t->talk->peer->conf->name, "author",
                  (const char *)t->metadata->author.value.ptr, t->metadata->author.value.len,
                  "encrypted", t->x.answer.container.encrypted.ptr != NULL);
    enum status st;
    char *text;

    if (t->doubt.reason != 0) {
        gw_json_put(&json, "reason", json_integer(t->doubt.reason));
        gw_json_put(&json, "finding", json_string(t->doubt.text));
    }
    text = gw_json_dump(json, JSON_INDENT(2));
    json_decref(json);
    TRY_ALLOC(text, err);
    st = gw_stage_add_bytes(t->stage, GW_FILE_VERIFICATION, "verification.json", "application/json",
                            NULL, span_str(text), err);
    free(text);
    return st;
}

/* ---- into the inbox ---- */

struct take_commit {
    struct gw_message_row row;
    const struct gw_file_row *files;
    size_t file_count;
    struct gw_cause cause;
    struct gw_move move;
    struct gw_xta_row facts;
    struct gw_onward onward;
    char existing[GW_ID_SIZE];
};

static void take_commit_deinit(struct take_commit *c)
{
    gw_onward_deinit(&c->onward);
}

static enum status take_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct take_commit *c = ctx;
    enum status st;

    TRY(gw_store_message_add(tx, &c->row, c->files, c->file_count, &c->cause, c->existing, err));
    TRY(gw_store_move(tx, &c->move, NULL, err));
    TRY(gw_onward_add(tx, &c->onward, c->cause.now, err));
    if (c->facts.message_id == NULL)
        return ST_OK;
    st = gw_store_xta_add(tx, &c->facts, err);
    /* another with this id came at the same moment: judged the next time this one comes */
    return st == ST_DUPLICATE ? (err->status = ST_RETRY) : st;
}

static enum status string(const struct taking *t, struct span s, const char **out,
                          struct error *err)
{
    if (s.ptr == NULL)
        return ST_OK;
    *out = arena_str(t->fetch->arena, s);
    TRY_ALLOC(*out, err);
    return ST_OK;
}

static enum status time_of(const struct taking *t, struct span text, struct gw_card_time *time,
                           struct error *err)
{
    TRY(string(t, text, &time->text, err));
    if (time->text != NULL && !gw_card_time_ms(text, &time->ms))
        time->ms = 0; /* the text is kept */
    return ST_OK;
}

static enum status row_make(struct taking *t, struct take_commit *c, struct error *err)
{
    const struct xta_metadata *m = t->metadata;
    const struct gw_partner *from = author_partner(t);

    c->row = (struct gw_message_row){.id = t->id,
                                     .tenant = t->talk->peer->conf->tenant,
                                     .endpoint = t->endpoint == NULL ? NULL : t->endpoint->name,
                                     .box = GW_INBOX,
                                     .peer = t->talk->peer->conf->name,
                                     .recipient = t->talk->peer->conf->tenant,
                                     .osci_message_id = t->xta_id,
                                     .size_bytes = t->size,
                                     .created_at = t->now,
                                     .facts = t->route.facts_json};
    if (t->route.rule != NULL)
        c->row.route = t->route.rule->name;
    if (from != NULL)
        c->row.sender = from->conf->name;
    else
        TRY(string(t, m->author.name.len > 0 ? m->author.name : m->author.value, &c->row.sender,
                   err));
    TRY(string(t, m->message_type.code, &c->row.message_type, err));
    TRY(string(t, m->subject.len > 0 ? m->subject : m->message_type.code, &c->row.subject, err));
    TRY(time_of(t, m->initial_send.ptr != NULL ? m->initial_send : m->origin, &c->row.creation,
                err));
    return time_of(t, m->delivery, &c->row.forwarding, err);
}

static enum status facts_make(const struct taking *t, struct take_commit *c, struct error *err)
{
    const struct xta_metadata *m = t->metadata;

    c->facts = (struct gw_xta_row){.message_id = t->id,
                                   .xta_id = t->fetch->id,
                                   .box = GW_INBOX,
                                   .version = m->version,
                                   .delivery = t->now};
    TRY(string(t, m->author.value, &c->facts.author, err));
    TRY(string(t, m->reader.value, &c->facts.reader, err));
    return string(t, m->service, &c->facts.service, err);
}

static void commit_explain(const struct taking *t, struct take_commit *c, struct gw_scan_note *note)
{
    const struct gw_explain_field fields[] = {
        {"detail", t->doubt.text}, {"message_type", t->doubt.text}, {"sender", c->row.sender}};

    c->cause = (struct gw_cause){.now = t->now, .actor = "inbound"};
    c->move = (struct gw_move){.id = t->id, .event = GW_EV_OPEN, .cause = c->cause};
    if (t->doubt.reason == 0) {
        gw_scan_remark(&t->scan, note, &c->move.cause);
        gw_transform_remark(&t->transformed, note, &c->move.cause);
        return;
    }
    buf_init(&note->de, 4096);
    buf_init(&note->en, 4096);
    gw_explain_what(&note->en, t->doubt.reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
    gw_explain_what(&note->de, t->doubt.reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
    c->move.event = GW_EV_QUARANTINE;
    c->move.cause.reason = t->doubt.reason;
    c->move.cause.en = buf_cstr(&note->en);
    c->move.cause.de = buf_cstr(&note->de);
}

/* Does it come into its reader's box? What goes on does not, nor what nobody receives, nor what
 * bears the id of another that is there. */
static bool in_a_box(const struct taking *t)
{
    return t->endpoint != NULL && t->doubt.reason != GW_R_XTA_ID_TWICE;
}

static enum status keep(struct taking *t, struct error *err)
{
    AUTO(gw_scan_note_deinit) struct gw_scan_note note = {0};
    AUTO(take_commit_deinit) struct take_commit c = {0};
    enum status st;

    TRY(row_make(t, &c, err));
    if (in_a_box(t))
        TRY(facts_make(t, &c, err));
    commit_explain(t, &c, &note);
    TRY(gw_stage_publish(t->stage, err));
    c.files = gw_stage_files(t->stage, &c.file_count);
    if (t->doubt.reason == 0)
        TRY(gw_onward_make(t->talk->rt, &c.row, c.files, c.file_count, &t->route, t->now, &c.onward,
                           err));
    st = gw_store_commit(t->talk->rt->store, take_commit, &c, err);
    if (st == ST_DUPLICATE) { /* it has come by another way, or twice at once */
        gw_log(t->talk->rt->log, GW_LOG_INFO, "message.seen_before", LOG_STR("id", c.existing),
               LOG_STR("peer", t->talk->peer->conf->name), LOG_STR("xta_id", t->fetch->id));
        return ST_OK;
    }
    TRY(st);
    gw_stage_done(t->stage);
    gw_onward_done(&c.onward);
    t->fetch->fresh = true;
    gw_log(t->talk->rt->log, t->doubt.reason == 0 ? GW_LOG_INFO : GW_LOG_ERROR,
           t->doubt.reason == 0 ? "message.received" : "message.quarantined", LOG_STR("id", t->id),
           LOG_STR("peer", t->talk->peer->conf->name), LOG_STR("sender", c.row.sender),
           LOG_STR("xta_id", t->fetch->id),
           LOG_STR("finding", t->doubt.reason != 0 ? t->doubt.text : NULL),
           LOG_INT("bytes", t->size), LOG_INT("ms", gw_now_ms() - t->now));
    return ST_OK;
}

/* Has its id come by another way? The same message once more is noted there, and no more; another
 * one is put aside. */
static enum status id_judge(struct taking *t, struct error *err)
{
    AUTO(take_commit_deinit) struct take_commit c = {0};
    struct gw_xta_arrival arrival = {.endpoint = t->endpoint};
    const struct gw_move note = {
        .id = t->existing,
        .event = GW_EV_NOTE,
        .cause = {.now = t->now,
                  .actor = "inbound",
                  .en = "it came once more by another way, and was dropped",
                  .de = "Sie kam noch einmal auf einem anderen Weg und wurde verworfen"}};
    enum gw_xta_known how;

    TRY(row_make(t, &c, err));
    TRY(facts_make(t, &c, err));
    arrival.row = c.facts;
    TRY(gw_xta_arrival_known(t->talk->rt, &arrival, c.row.sender, NULL, t->stage, &how, t->existing,
                             err));
    t->again = how == GW_XTA_AGAIN;
    if (how == GW_XTA_CLASH)
        doubt(t, GW_R_XTA_ID_TWICE, t->fetch->id);
    if (!t->again)
        return ST_OK;
    gw_log(t->talk->rt->log, GW_LOG_INFO, "message.seen_before", LOG_STR("id", t->existing),
           LOG_STR("peer", t->talk->peer->conf->name), LOG_STR("xta_id", t->fetch->id));
    return gw_store_commit_move(t->talk->rt->store, &note, NULL, err);
}

/* By the table of routes. Where nobody can say which row holds an operator must look. */
static enum status route(struct taking *t, struct error *err)
{
    const struct gw_partner *from = author_partner(t);
    struct gw_facts facts = {0};
    struct error why = {0};
    enum status st;

    TRY(gw_route_in_xta(t->metadata, t->fetch->arena, &facts, err));
    facts.of[GW_FACT_PEER] = t->talk->peer->conf->name;
    facts.of[GW_FACT_SENDER] = from != NULL ? from->conf->name : facts.of[GW_FACT_AUTHOR];
    st = gw_route_inbound(t->talk->rt, t->talk->peer->conf->tenant, &facts, t->stage,
                          t->fetch->arena, &t->route, &why);
    if (st == ST_DENIED) {
        doubt(t, why.reason, why.text);
        return ST_OK;
    }
    if (st != ST_OK)
        *err = why;
    return st;
}

static enum status files_complete(struct taking *t, struct error *err)
{
    const struct gw_file_row *files;
    size_t count;

    TRY(gw_xta_contents_name(t->stage, &t->x.answer.container, t->fetch->arena, err));
    files = gw_stage_files(t->stage, &count);
    for (size_t i = 0; i < count; i++)
        t->size += files[i].len;
    if (count == 0)
        doubt(t, GW_R_CONTENT_NONE, "the message has no content");
    TRY(gw_xta_headers_stage(t->stage, t->metadata, t->fetch->arena, err));
    TRY(route(t, err));
    endpoint_find(t);
    TRY(id_judge(t, err));
    if (t->again)
        return ST_OK;
    TRY(scan(t, err));
    TRY(transform(t, err));
    TRY(verification_write(t, err));
    if (t->doubt.reason == 0)
        return ST_OK;
    return gw_stage_add_source(t->stage, GW_FILE_RECEIVED, "received.mime", t->x.wire.content_type,
                               NULL, gw_body_source(t->x.wire.body), err);
}

static enum status take(struct taking *t, struct error *err)
{
    bool is_known;

    TRY(id_fold(t, err));
    TRY(known(t, &is_known, err));
    if (is_known) { /* and was not confirmed */
        t->fetch->there = true;
        return ST_OK;
    }
    TRY(gw_uuid_make(t->talk->rt->rng, t->now, t->id, err));
    TRY(gw_stage_new(t->talk->rt->store, t->id, &t->stage, err));
    TRY(message_get(t, err));
    if (!t->fetch->there)
        return ST_OK;
    TRY(files_complete(t, err));
    return t->again ? ST_OK : keep(t, err);
}

enum status gw_xta_take(const struct gw_xta_server_talk *talk, struct gw_xta_fetch *fetch,
                        struct error *err)
{
    AUTO(taking_deinit)
    struct taking t = {.talk = talk, .fetch = fetch, .now = gw_now_ms()};

    return take(&t, err);
}
