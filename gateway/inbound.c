#include "gateway/inbound.h"

#include <jansson.h>
#include <stdio.h>

#include "gateway/card.h"
#include "gateway/header.h"
#include "gateway/log.h"
#include "gateway/message_json.h"
#include "gateway/onward.h"
#include "gateway/outbound.h"
#include "gateway/payload.h"
#include "gateway/recheck.h"
#include "gateway/transform_message.h"
#include "gateway/verdicts.h"
#include "gateway/xta_inbound.h"
#include "osci/content.h"

enum { ARENA_MAX = 64 * 1024 * 1024, HAND_OVER_LATER_MS = 60 * 1000 };
enum { NOTE_MAX = 4096, REPLY_LATER_MS = 5000 };

/* One delivery being taken in. */
struct taking {
    const struct gw_runtime *rt;
    const struct gw_peer *peer;
    const struct gw_answer *answer;
    struct gw_inbound_as as;
    struct arena arena;
    char id[GW_ID_SIZE];
    struct gw_stage *stage;
    struct osci_open_report report;
    struct gw_scan_verdict scan;
    struct gw_transformed transformed;
    struct gw_doubt doubt;
    struct gw_verdicts verdicts;
    struct gw_doubt unknown; /* the revocation of an author's certificate; it may have to wait */
    bool waits;              /* it has */
    struct gw_xta_arrival xta;
    struct gw_route_in route;
    const struct cert *author; /* the first good one */
    bool some_unsigned;        /* contents without an author's signature */
    uint64_t size;
    size_t files;
    int64_t now;
    bool store_failed; /* where opening failed: it was not the content's fault */
};

/* The card of what came in; a mediateDelivery's answer shows that of our request, too. NULL: a
 * request or reply without protocol. */
static const struct osci_card *card_of(const struct osci_message *msg)
{
    for (size_t i = 0; i < msg->card_count; i++)
        if (msg->type != OSCI_RSP_MEDIATE_DELIVERY || msg->cards[i].is_reply)
            return &msg->cards[i];
    return NULL;
}

static const char *tenant_of(const struct taking *t)
{
    return t->peer->tenant->conf->name;
}

/* ---- contents become payload files ---- */

struct open_out {
    struct osci_open_out base;
    struct taking *t;
    struct out_sink {
        struct sink base, *stage;
        struct taking *t;
    } sink;
};

static enum status stored(struct taking *t, enum status st)
{
    t->store_failed |= st != ST_OK;
    return st;
}

static enum status out_write(struct sink *self, struct span bytes, struct error *err)
{
    struct out_sink *s = (struct out_sink *)self;

    return stored(s->t, sink_write(s->stage, bytes, err));
}

static enum status out_begin(struct osci_open_out *self, const struct osci_opened *content,
                             struct sink **sink, struct error *err)
{
    struct open_out *out = (struct open_out *)self;
    struct taking *t = out->t;
    const char *name = arena_str(&t->arena, content->name), *type, *ref;

    TRY_ALLOC(name, err);
    TRY(gw_xta_incoming_file(t->xta.found ? &t->xta.incoming : NULL, t->files++, name, &t->arena,
                             &type, &ref, err));
    out->sink = (struct out_sink){{out_write}, NULL, t};
    *sink = &out->sink.base;
    return stored(t, gw_stage_add(t->stage, GW_FILE_PAYLOAD, name[0] == '\0' ? NULL : name, type,
                                  ref, &out->sink.stage, err));
}

static enum status out_end(struct osci_open_out *self, const struct osci_opened *content,
                           struct error *err)
{
    struct taking *t = ((struct open_out *)self)->t;

    t->size += content->len;
    return stored(t, gw_stage_close(t->stage, err));
}

static enum status contents_open(struct taking *t, struct error *err)
{
    struct open_out out = {.base = {.begin = out_begin, .end = out_end}, .t = t};

    return osci_open(t->answer->reading, t->peer->tenant->own, t->peer->tenant->own_count,
                     &t->rt->policy, t->now, &t->arena, &out.base, &t->report, err);
}

/* ---- whose it is ---- */

static struct span subject_of(const struct taking *t)
{
    const struct osci_card *card = card_of(&t->answer->reading->msg);

    return card == NULL ? SPAN_NONE : card->subject;
}

const struct gw_endpoint_conf *gw_inbound_endpoint(const struct gw_config *conf, const char *tenant,
                                                   struct span subject)
{
    const struct gw_endpoint_conf *by_default = NULL, *last = NULL;
    size_t count = 0;

    for (unsigned i = 0; i < conf->endpoints_count; i++) {
        const struct gw_endpoint_conf *e = &conf->endpoints[i];

        if (!gw_config_same_tenant(e->tenant, tenant))
            continue;
        last = e;
        count++;
        for (unsigned k = 0; k < e->receives.message_types_count; k++)
            if (span_is(subject, e->receives.message_types[k]))
                return e;
        if (e->receives.by_default)
            by_default = e;
    }
    return by_default == NULL && count == 1 ? last : by_default;
}

/* Whose it is: of a reply the one that asked, else whose a route says, of an XTA message its
 * reader, whatever the subject says. NULL: nobody's, or it goes on. */
static const char *endpoint_of(const struct taking *t)
{
    const struct gw_endpoint_conf *e;

    if (t->as.reply_to != NULL)
        return t->as.reply_to->endpoint;
    if (t->as.request != NULL)
        return t->as.endpoint;
    if (t->route.rule != NULL)
        return t->route.endpoint == NULL ? NULL : t->route.endpoint->name;
    if (t->xta.endpoint != NULL)
        return t->xta.endpoint->name;
    e = gw_inbound_endpoint(t->rt->conf, tenant_of(t), subject_of(t));
    return e == NULL ? NULL : e->name;
}

/* ---- may it be believed? ---- */

static void doubt(struct taking *t, int reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void doubt(struct taking *t, int reason, const char *fmt, ...)
{
    va_list ap;

    if (t->doubt.reason != 0)
        return; /* the first one is enough */
    t->doubt.reason = reason;
    va_start(ap, fmt);
    (void)vsnprintf(t->doubt.text, sizeof t->doubt.text, fmt, ap);
    va_end(ap);
}

static int verdict_reason(const struct cert_verdict *v)
{
    return v->online == CERT_ONLINE_REVOKED ? GW_R_CERT_REVOKED
           : v->untrusted                   ? GW_R_CERT_UNTRUSTED
           : v->expired                     ? GW_R_CERT_EXPIRED
           : v->not_yet_valid               ? GW_R_CERT_NOT_YET
           : v->usage_wrong                 ? GW_R_CERT_PURPOSE
                                            : GW_R_CERT_UNTRUSTED;
}

/* NULL: no partner of ours. */
static const struct gw_partner *originator_partner(const struct taking *t)
{
    const struct osci_cert *originator =
        osci_cert_of(&t->answer->reading->msg, OSCI_CIPHER_ORIGINATOR);

    return originator == NULL ? NULL
                              : gw_runtime_partner_of(t->rt, t->peer->tenant, originator->cert);
}

/* A partner whose authors are named may be signed for by nobody else. */
static bool agreed(const struct taking *t, const struct cert *author)
{
    const struct gw_partner *from = originator_partner(t);

    for (size_t i = 0; from != NULL && i < from->author_count; i++)
        if (cert_eq(from->authors[i], author))
            return true;
    return from == NULL || from->author_count == 0;
}

/* The settings say more than that a list was expected. */
static bool rt_asks(const struct taking *t)
{
    const struct gw_revocation_conf *conf = &t->rt->conf->revocation;

    return conf->mode == GW_REVOCATION_ONLINE || conf->when_unknown == GW_UNKNOWN_HOLD ||
           conf->purposes_count > 0;
}

static void unknown(struct taking *t, const struct cert_verdict *v)
{
    t->waits = t->waits || v->must_wait;
    if (t->unknown.reason != 0)
        return;
    t->unknown.reason = gw_recheck_reason(v);
    (void)snprintf(t->unknown.text, sizeof t->unknown.text, "%s", v->reason);
}

/* By whose settings an author is judged: whom the message says it is from, or whom he is known to
 * be; NULL: nobody we know. */
static const struct gw_partner *judged_as(const struct taking *t, const struct gw_partner *author)
{
    const struct gw_partner *from = originator_partner(t);

    return from != NULL ? from : author;
}

static void author_judge(struct taking *t, const struct osci_author *author, json_t **json)
{
    const struct gw_partner *partner, *as;
    const struct gw_trust_scope *trust;
    const struct cert_verdict *v;
    struct error err = {0};
    bool fresh;

    if (author->cert == NULL) { /* it names a certificate that is not there */
        doubt(t, GW_R_CONTENT_DAMAGED, "%.*s", SPAN_FMT(author->why_not));
        gw_json_put(json, "signature", json_string("invalid"));
        return;
    }
    partner = gw_runtime_partner_of(t->rt, t->peer->tenant, author->cert);
    gw_json_put(json, "subject", json_string(cert_subject(author->cert)));
    gw_json_put(json, "issuer", json_string(cert_issuer(author->cert)));
    gw_json_put(json, "serial", json_string(cert_serial(author->cert)));
    gw_json_put(json, "fingerprint", json_string(cert_fingerprint(author->cert)));
    gw_json_put(json, "algorithm", json_string(author->alg == NULL ? "" : author->alg->uri));
    gw_json_put(json, "partner", partner == NULL ? json_null() : json_string(partner->conf->name));
    gw_json_put(json, "signature", json_string(author->good ? "valid" : "invalid"));
    if (!author->good) {
        doubt(t, GW_R_CONTENT_DAMAGED, "%.*s", SPAN_FMT(author->why_not));
        return;
    }
    as = judged_as(t, partner);
    trust = as != NULL ? as->trust : t->peer->trust;
    gw_json_put(json, "judged_as", as == NULL ? json_null() : json_string(as->conf->name));
    gw_json_put(json, "trust",
                json_string(trust_name_of(gw_trust_store(trust), CERT_FOR_OSCI_SIGNATURE)));
    if (gw_verdict(&t->verdicts, gw_trust_checker(trust), author->cert, t->now, &v, &fresh, &err) !=
        ST_OK) {
        doubt(t, GW_R_CERT_UNTRUSTED, "%s", err.text);
        return;
    }
    gw_json_put(json, "certificate", json_string(cert_offline_name(v->offline)));
    gw_json_put(json, "chain", json_string(cert_math_name(v->math)));
    if (v->reason[0] != '\0')
        gw_json_put(json, "finding", json_string(v->reason));
    gw_json_put(json, "revocation", gw_recheck_json(v));
    if (v->status_missing && rt_asks(t))
        unknown(t, v);
    if (v->must_wait &&
        fresh) /* gw_recheck_* reads it, and knows the others by their fingerprint */
        gw_json_put(json, "x509", gw_recheck_cert(author->cert));
    if (!cert_verdict_good(v))
        doubt(t, verdict_reason(v), "%s", v->reason);
    if (!agreed(t, author->cert))
        doubt(t, GW_R_CONTENT_AUTHOR, "%s", cert_subject(author->cert));
}

/*
 * The author's signature is optional in OSCI, and the intermediary's covers the contents as they
 * came. It must be there where the endpoint wants it, or a partner's authors are named.
 */
static bool unsigned_taken(const struct taking *t)
{
    const struct gw_partner *from = originator_partner(t);
    const char *name = endpoint_of(t);
    const struct gw_endpoint_conf *endpoint =
        name == NULL ? NULL : gw_config_endpoint(t->rt->conf, name);

    return t->answer->reading->is_signed && (from == NULL || from->author_count == 0) &&
           (endpoint == NULL || endpoint->receives.unsigned_contents == GW_UNSIGNED_TAKE);
}

static void content_unsigned(struct taking *t, const struct osci_opened *content)
{
    t->some_unsigned = true;
    if (!unsigned_taken(t))
        doubt(t, GW_R_CONTENT_UNSIGNED, "%.*s is not signed", SPAN_FMT(content->name));
}

static json_t *content_json(struct taking *t, const struct osci_opened *content)
{
    json_t *json = json_object(), *authors = json_array();
    AUTO(buf_deinit) struct buf hex = {0};

    buf_init(&hex, 256);
    buf_hex(&hex, digest_span(&content->sha256));
    gw_json_put(&json, "name", json_stringn((const char *)content->name.ptr, content->name.len));
    gw_json_put(&json, "length", json_integer((json_int_t)content->len));
    gw_json_put(&json, "sha256", json_string(buf_cstr(&hex)));
    gw_json_put(&json, "encrypted", json_boolean(content->encrypted));
    for (size_t i = 0; i < content->author_count; i++) {
        json_t *author = json_object();

        author_judge(t, &content->authors[i], &author);
        gw_json_append(&authors, author);
    }
    if (content->author_count == 0)
        content_unsigned(t, content);
    gw_json_put(&json, "authors", authors);
    gw_json_put(&json, "container", json_integer((json_int_t)content->container + 1));
    return json;
}

/* How the containers lay within one another; who signed is said of each content. */
static json_t *containers_json(const struct osci_open_report *report)
{
    json_t *list = json_array();

    for (size_t i = 0; i < report->container_count; i++) {
        const struct osci_opened_container *c = &report->containers[i];
        json_t *json = json_object(), *signatures = json_array();

        gw_json_put(&json, "n", json_integer((json_int_t)i + 1));
        gw_json_put(&json, "id", json_stringn((const char *)c->id.ptr, c->id.len));
        gw_json_put(&json, "within",
                    c->within == OSCI_OUTERMOST ? json_null()
                                                : json_integer((json_int_t)c->within + 1));
        gw_json_put(&json, "encrypted", json_boolean(c->encrypted));
        for (size_t k = 0; k < c->author_count; k++)
            gw_json_append(
                &signatures,
                json_pack("{s:s?, s:s}", "fingerprint",
                          c->authors[k].cert == NULL ? NULL : cert_fingerprint(c->authors[k].cert),
                          "signature", c->authors[k].good ? "valid" : "invalid"));
        gw_json_put(&json, "signatures", signatures);
        gw_json_append(&list, json);
    }
    return list;
}

/* ---- the virus scanner ---- */

/* Until it has spoken nothing is taken: the intermediary still has it. Only the reply to a request
 * will not come again, and is put aside. */
static enum status scan(struct taking *t, struct error *err)
{
    enum status st = gw_scan_stage(t->rt, t->stage, &t->scan, err);
    char text[GW_NAME_SIZE + GW_SCAN_NAME_SIZE + 4];

    if (st == ST_RETRY && err->reason == GW_R_SCAN_UNAVAILABLE && t->as.reply_to != NULL) {
        doubt(t, GW_R_SCAN_MISSED, "%s", err->text);
        return ST_OK;
    }
    TRY(st);
    gw_scan_text(&t->scan, text, sizeof text);
    if (t->scan.result == GW_SCAN_FINDING)
        doubt(t, GW_R_SCAN_FINDING_IN, "%s", text);
    if (t->scan.result == GW_SCAN_TOO_LARGE)
        doubt(t, GW_R_SCAN_TOO_LARGE_IN, "%s", text);
    return ST_OK;
}

/* ---- by a stylesheet ---- */

/* What it cannot read is put aside; scanned first: the result holds nothing new. */
static enum status transform(struct taking *t, struct error *err)
{
    enum status st;

    if (t->doubt.reason != 0)
        return ST_OK;
    st = gw_transform_message(t->rt, t->route.rule, t->stage, &t->transformed, err);
    t->size += t->transformed.size;
    if (st == ST_OK || err->reason != GW_R_TRANSFORM_OUT)
        return st;
    doubt(t, GW_R_TRANSFORM_IN, "%s", err->text);
    return ST_OK;
}

static json_t *scan_json(const struct taking *t)
{
    const struct gw_scan_verdict *v = &t->scan;
    bool found = v->result == GW_SCAN_FINDING;
    const char *result = t->doubt.reason == GW_R_SCAN_MISSED ? "unavailable"
                         : found                             ? "finding"
                         : v->result == GW_SCAN_TOO_LARGE    ? "too_large"
                         : v->unscanned > 0                  ? "unscanned"
                                                             : "clean";

    return json_pack("{s:s, s:s*, s:s*, s:I, s:I}", "result", result, "finding",
                     found ? v->name : NULL, "file", v->file[0] == '\0' ? NULL : v->file, "clean",
                     (json_int_t)v->scanned, "unscanned", (json_int_t)v->unscanned);
}

/* verification.json: who signed, which checks, with what result. */
static enum status verification_write(struct taking *t, struct error *err)
{
    const struct osci_card *shown = card_of(&t->answer->reading->msg);
    json_t *json = json_object(), *contents = json_array();
    struct gw_move card = {0};
    enum status st = ST_OK;
    char *text;

    for (size_t i = 0; i < t->report.count; i++)
        gw_json_append(&contents, content_json(t, &t->report.contents[i]));
    if (t->waits && t->doubt.reason == 0)
        t->doubt = t->unknown;
    gw_json_put(&json, "result",
                json_string(t->doubt.reason != 0 ? "doubtful"
                            : t->some_unsigned   ? "unsigned"
                                                 : "good"));
    if (t->doubt.reason != 0) {
        gw_json_put(&json, "reason", json_integer(t->doubt.reason));
        gw_json_put(&json, "finding", json_string(t->doubt.text));
    }
    gw_json_put(&json, "intermediary", json_string(t->peer->conf->name));
    gw_json_put(
        &json, "intermediary_signature",
        json_string(t->answer->reading->is_signed || t->answer->chunks ? "valid" : "absent"));
    gw_json_put(&json, "containers", containers_json(&t->report));
    gw_json_put(&json, "contents", contents);
    if (gw_scan_wanted(t->rt))
        gw_json_put(&json, "virus_scan", scan_json(t));
    gw_json_put(&json, "not_for_us", json_integer((json_int_t)t->report.closed));
    if (shown != NULL) {
        st = gw_card_apply(shown, &t->arena, &card, err);
        if (st == ST_OK)
            gw_json_put(&json, "inspections", json_loads(card.inspections, 0, NULL));
    }
    text = gw_json_dump(json, JSON_INDENT(2));
    json_decref(json);
    if (st == ST_OK && text == NULL)
        st = error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    if (st == ST_OK)
        st = gw_stage_add_bytes(t->stage, GW_FILE_VERIFICATION, "verification.json",
                                "application/json", NULL, span_str(text), err);
    free(text);
    return st;
}

/* Header blocks of others, as they stood in the message: MessageMetaData, say. */
static enum status customs_write(struct taking *t, struct error *err)
{
    const struct osci_message *msg = &t->answer->reading->msg;

    for (size_t i = 0; i < msg->custom_count; i++)
        TRY(gw_header_keep(t->stage, &msg->customs[i], &t->arena, err));
    return ST_OK;
}

/* ---- into the inbox ---- */

struct inbound_commit {
    struct gw_message_row row;
    struct gw_file_row const *files;
    size_t file_count;
    struct gw_cause cause;
    struct gw_move move;
    const struct gw_move *along;   /* NULL: none */
    struct gw_request_row request; /* where message_id is set */
    struct gw_xta_row xta;         /* likewise */
    struct gw_onward onward;
    char existing[GW_ID_SIZE];
};

static void inbound_commit_deinit(struct inbound_commit *c)
{
    gw_onward_deinit(&c->onward);
}

/* Into the reader's box, in the order of commits. Another with this id that came at the same moment
 * is judged the next time this one comes. */
static enum status xta_add(struct gw_tx *tx, struct gw_xta_row *row, struct error *err)
{
    enum status st;

    row->delivery = gw_now_ms();
    st = gw_store_xta_add(tx, row, err);
    return st == ST_DUPLICATE ? (err->status = ST_RETRY) : st;
}

static enum status inbound_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct inbound_commit *c = ctx;

    TRY(gw_store_message_add(tx, &c->row, c->files, c->file_count, &c->cause, c->existing, err));
    TRY(gw_store_move(tx, &c->move, NULL, err));
    TRY(gw_onward_add(tx, &c->onward, c->cause.now, err));
    if (c->xta.message_id != NULL)
        TRY(xta_add(tx, &c->xta, err));
    if (c->request.message_id != NULL) {
        TRY(gw_store_request_add(tx, &c->request, err));
        if (c->move.event == GW_EV_QUARANTINE)
            TRY(gw_store_request_settle(tx, c->request.message_id, NULL, err));
    }
    return c->along == NULL ? ST_OK : gw_store_move(tx, c->along, NULL, err);
}

/* MessageId and times; only a request or its reply may come without. */
static enum status row_card(struct taking *t, struct inbound_commit *c, struct error *err)
{
    const struct osci_card *card = card_of(&t->answer->reading->msg);
    struct gw_move times = {0};

    if (card == NULL && t->as.request == NULL && t->as.reply_to == NULL)
        return error_set(err, ST_INVALID, GW_R_NET_ANSWER, "a delivery without a process card");
    if (card == NULL)
        return ST_OK;
    TRY(gw_osci_id_text(card->message_id, &t->arena, &c->row.osci_message_id, err));
    TRY(gw_card_apply(card, &t->arena, &times, err));
    c->row.creation = times.creation;
    c->row.forwarding = times.forwarding;
    c->row.inspections = times.inspections;
    return ST_OK;
}

/* What the operator calls it: a partner by its name, others by their certificate; NULL: unknown. */
static const char *sender_name(const struct taking *t)
{
    const struct osci_cert *originator =
        osci_cert_of(&t->answer->reading->msg, OSCI_CIPHER_ORIGINATOR);
    const struct cert *from = t->author != NULL    ? t->author
                              : originator != NULL ? originator->cert
                                                   : NULL;
    const struct gw_partner *partner =
        from == NULL ? NULL : gw_runtime_partner_of(t->rt, t->peer->tenant, from);

    return partner != NULL ? partner->conf->name : from != NULL ? cert_subject(from) : NULL;
}

/* A reply for which sendMessageSync may be waiting: the drop folder gets it when nobody does. */
static enum status reply_later(struct taking *t, struct gw_message_row *row, struct error *err)
{
    const struct gw_xta_server_conf *conf = t->rt->conf->xta_server;
    struct gw_xta_row asked;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct error why = {0};
    enum status st;

    if (conf == NULL)
        return ST_OK;
    TRY(gw_store_read(t->rt->store, &tx, err));
    st = gw_store_xta_row(tx, &t->arena, t->as.reply_to->id, &asked, &why);
    if (st == ST_OK)
        row->deliver_after =
            t->as.reply_to->created_at + conf->sync_seconds * 1000 + REPLY_LATER_MS;
    if (st == ST_OK || st == ST_NOT_FOUND)
        return ST_OK;
    *err = why;
    return st;
}

static enum status row_make(struct taking *t, struct inbound_commit *c, struct error *err)
{
    struct span subject = subject_of(t);

    c->row = (struct gw_message_row){.id = t->id,
                                     .tenant = tenant_of(t),
                                     .box = GW_INBOX,
                                     .peer = t->peer->conf->name,
                                     .recipient = tenant_of(t),
                                     .size_bytes = t->size,
                                     .created_at = t->now};
    c->row.endpoint = endpoint_of(t);
    if (t->as.reply_to != NULL) {
        c->row.correlation = t->as.reply_to->id;
        TRY(reply_later(t, &c->row, err));
    }
    if (t->as.request != NULL) {
        c->request = *t->as.request;
        c->request.message_id = t->id;
        if (c->request.command) /* a drop folder gets only what the program left undone */
            c->row.deliver_after = c->request.due_at + HAND_OVER_LATER_MS;
    }
    c->row.sender = sender_name(t);
    if (t->xta.endpoint != NULL && t->doubt.reason != GW_R_XTA_ID_TWICE &&
        c->row.endpoint != NULL && strcmp(t->xta.endpoint->name, c->row.endpoint) == 0) {
        c->xta = t->xta.row;
        c->xta.message_id = t->id;
    }
    if (t->xta.found && t->xta.incoming.metadata.message_type.code.len > 0) {
        c->row.message_type = arena_str(&t->arena, t->xta.incoming.metadata.message_type.code);
        TRY_ALLOC(c->row.message_type, err);
    }
    c->row.facts = t->route.facts_json;
    c->row.route = t->route.rule == NULL ? NULL : t->route.rule->name;
    if (c->row.message_type == NULL && t->route.rule != NULL)
        c->row.message_type = t->route.rule->message_type;
    if (subject.ptr != NULL) {
        c->row.subject = arena_str(&t->arena, subject);
        TRY_ALLOC(c->row.subject, err);
    }
    return row_card(t, c, err);
}

static void id_tell(const struct taking *t, const char *id)
{
    if (t->as.id != NULL)
        (void)snprintf(t->as.id, GW_ID_SIZE, "%s", id);
}

static enum status keep(struct taking *t, enum gw_event event, const struct gw_cause *cause,
                        bool *fresh, struct error *err)
{
    AUTO(inbound_commit_deinit) struct inbound_commit c = {0};
    enum status st;

    TRY(row_make(t, &c, err));
    TRY(gw_stage_publish(t->stage, err));
    c.files = gw_stage_files(t->stage, &c.file_count);
    if (event == GW_EV_OPEN)
        TRY(gw_onward_make(t->rt, &c.row, c.files, c.file_count, &t->route, t->now, &c.onward,
                           err));
    c.cause = (struct gw_cause){.now = t->now, .actor = "inbound"};
    c.move = (struct gw_move){.id = t->id, .event = event, .cause = *cause};
    c.along = t->as.along;
    if (t->as.turn != NULL)
        TRY(t->as.turn(t->as.turn_ctx, err));
    st = gw_store_commit(t->rt->store, inbound_commit, &c, err);
    if (st == ST_DUPLICATE) {
        gw_log(t->rt->log, GW_LOG_INFO, "message.seen_before", LOG_STR("id", c.existing),
               LOG_STR("peer", t->peer->conf->name));
        *fresh = false;
        id_tell(t, c.existing);
        return t->as.along == NULL ? ST_OK
                                   : gw_store_commit_move(t->rt->store, t->as.along, NULL, err);
    }
    TRY(st);
    gw_stage_done(t->stage);
    gw_onward_done(&c.onward);
    id_tell(t, t->id);
    *fresh = true;
    gw_log(t->rt->log, event == GW_EV_OPEN ? GW_LOG_INFO : GW_LOG_ERROR,
           event == GW_EV_OPEN ? "message.received" : "message.quarantined", LOG_STR("id", t->id),
           LOG_STR("peer", t->peer->conf->name), LOG_STR("sender", c.row.sender),
           LOG_STR("finding", t->doubt.reason != 0 ? t->doubt.text : NULL),
           LOG_INT("bytes", t->size), LOG_INT("ms", gw_now_ms() - t->now));
    return ST_OK;
}

static enum status quarantine(struct taking *t, bool *fresh, struct error *err)
{
    const char *from = sender_name(t);
    const struct gw_explain_field fields[] = {
        {"detail", t->doubt.text},
        {"message_type", t->doubt.text},
        {"sender", from == NULL ? "?" : from},
        {"subject", t->author == NULL ? "?" : cert_subject(t->author)}};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    struct gw_cause cause = {.now = gw_now_ms(), .actor = "inbound", .reason = t->doubt.reason};

    buf_init(&en, 4096);
    buf_init(&de, 4096);
    gw_explain_what(&en, t->doubt.reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
    gw_explain_what(&de, t->doubt.reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
    cause.en = buf_cstr(&en);
    cause.de = buf_cstr(&de);
    return keep(t, GW_EV_QUARANTINE, &cause, fresh, err);
}

/* The message as it came beside whatever else there is: evidence, or all that is left of it. */
static enum status raw_keep(struct taking *t, struct error *err)
{
    return gw_stage_add_source(t->stage, GW_FILE_RECEIVED, "received.mime", "multipart/related",
                               NULL, t->answer->reading->wire, err);
}

/* A message that no endpoint receives would wait unseen. */
static void receiver_check(struct taking *t)
{
    struct span subject = subject_of(t);

    if (t->rt->conf->endpoints_count > 0 && endpoint_of(t) == NULL && t->route.recipient == NULL)
        doubt(t, GW_R_NO_ENDPOINT_FOR_TYPE, "%.*s", SPAN_FMT(subject));
}

/* Nobody said whether an author's certificate is revoked, and that is allowed. */
static void unknown_remark(const struct taking *t, struct gw_scan_note *note,
                           struct gw_cause *cause)
{
    const struct gw_explain_field field = {"detail", t->unknown.text};

    if (t->unknown.reason == 0 || cause->reason != 0)
        return;
    buf_init(&note->de, NOTE_MAX);
    buf_init(&note->en, NOTE_MAX);
    gw_explain_what(&note->de, GW_R_STATUS_PASSED, GW_LANG_DE, &field, 1);
    gw_explain_what(&note->en, GW_R_STATUS_PASSED, GW_LANG_EN, &field, 1);
    cause->reason = GW_R_STATUS_PASSED;
    cause->de = buf_cstr(&note->de);
    cause->en = buf_cstr(&note->en);
    gw_log(t->rt->log, GW_LOG_WARNING, "message.unchecked", LOG_STR("id", t->id),
           LOG_STR("finding", t->unknown.text));
}

static enum status opened(struct taking *t, bool *fresh, struct error *err)
{
    AUTO(gw_scan_note_deinit) struct gw_scan_note note = {0};
    struct gw_cause cause = {.now = t->now, .actor = "inbound"};

    gw_scan_remark(&t->scan, &note, &cause);
    gw_transform_remark(&t->transformed, &note, &cause);
    unknown_remark(t, &note, &cause);
    return keep(t, GW_EV_OPEN, &cause, fresh, err);
}

/* Whose signature is right, whether he is believed or not. */
static const struct cert *first_author(const struct taking *t)
{
    for (size_t i = 0; i < t->report.count; i++)
        for (size_t k = 0; k < t->report.contents[i].author_count; k++)
            if (t->report.contents[i].authors[k].good)
                return t->report.contents[i].authors[k].cert;
    return NULL;
}

/* Has its XTA id come before? */
static enum status xta_known(struct taking *t, enum gw_xta_known *known, char existing[GW_ID_SIZE],
                             struct error *err)
{
    const struct osci_card *card = card_of(&t->answer->reading->msg);
    const char *osci_id = NULL;

    if (card != NULL)
        TRY(gw_osci_id_text(card->message_id, &t->arena, &osci_id, err));
    TRY(gw_xta_arrival_known(t->rt, &t->xta, sender_name(t), osci_id, t->stage, known, existing,
                             err));
    if (*known == GW_XTA_CLASH)
        doubt(t, GW_R_XTA_ID_TWICE, "%s", t->xta.row.xta_id);
    return ST_OK;
}

/* The same XTA message under another MessageId: noted, and no more. */
static enum status again(struct taking *t, const char *existing, bool *fresh, struct error *err)
{
    const struct gw_move note = {
        .id = existing,
        .event = GW_EV_NOTE,
        .cause = {.now = t->now,
                  .actor = "inbound",
                  .en = "it came once more under another MessageId, and was dropped",
                  .de = "Sie kam noch einmal unter einer anderen MessageId und wurde verworfen"}};

    gw_log(t->rt->log, GW_LOG_INFO, "message.seen_before", LOG_STR("id", existing),
           LOG_STR("peer", t->peer->conf->name), LOG_STR("xta_id", t->xta.row.xta_id));
    *fresh = false;
    id_tell(t, existing);
    TRY(gw_store_commit_move(t->rt->store, &note, NULL, err));
    return t->as.along == NULL ? ST_OK : gw_store_commit_move(t->rt->store, t->as.along, NULL, err);
}

/* By the table of routes. Where nobody can say which row holds an operator must look. */
static enum status route(struct taking *t, struct error *err)
{
    struct span subject = subject_of(t);
    struct gw_facts facts = {0};
    struct error why = {0};
    enum status st;

    if (t->as.reply_to != NULL || t->as.request != NULL)
        return ST_OK;
    if (t->xta.found)
        TRY(gw_route_in_xta(&t->xta.incoming.metadata, &t->arena, &facts, err));
    facts.of[GW_FACT_PEER] = t->peer->conf->name;
    facts.of[GW_FACT_SENDER] = sender_name(t);
    if (subject.len > 0) {
        facts.of[GW_FACT_SUBJECT] = arena_str(&t->arena, span_sub(subject, 0, GW_FACT_MAX));
        TRY_ALLOC(facts.of[GW_FACT_SUBJECT], err);
    }
    st = gw_route_inbound(t->rt, tenant_of(t), &facts, t->stage, &t->arena, &t->route, &why);
    if (st == ST_DENIED) {
        doubt(t, why.reason, "%s", why.text);
        return ST_OK;
    }
    if (st != ST_OK)
        *err = why;
    return st;
}

static enum status take(struct taking *t, bool *fresh, struct error *err)
{
    enum gw_xta_known known;
    char existing[GW_ID_SIZE];
    struct error why = {0};
    enum status st;

    TRY(gw_uuid_make(t->rt->rng, t->now, t->id, err));
    TRY(gw_stage_new(t->rt->store, t->id, &t->stage, err));
    TRY(gw_xta_arrival_read(t->rt->conf, tenant_of(t), &t->answer->reading->msg, &t->arena, &t->xta,
                            err));
    st = contents_open(t, &why);
    /* what reaches a bound now will reach it the next time: it must not keep the mailbox shut */
    if ((st == ST_INVALID || st == ST_DENIED || st == ST_LIMIT) && !t->store_failed) {
        gw_stage_free(t->stage);
        t->stage = NULL;
        t->size = 0;
        TRY(gw_stage_new(t->rt->store, t->id, &t->stage, err));
        doubt(t, GW_R_CONTENT_DAMAGED, "%s", why.text);
        TRY(raw_keep(t, err));
        return quarantine(t, fresh, err);
    }
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    if (t->report.count == 0 && t->report.closed > 0)
        doubt(t, GW_R_CONTENT_NOT_FOR_US, "nothing in the delivery is readable for us");
    else if (t->report.count == 0 && t->answer->reading->msg.custom_count == 0)
        doubt(t, GW_R_CONTENT_NONE, "the delivery has no content");
    t->author = first_author(t);
    TRY(xta_known(t, &known, existing, err));
    if (known == GW_XTA_AGAIN)
        return again(t, existing, fresh, err);
    TRY(route(t, err));
    TRY(customs_write(t, err));
    TRY(scan(t, err));
    TRY(transform(t, err));
    TRY(verification_write(t, err));
    if (t->as.request != NULL && gw_recheck_is(t->doubt.reason)) /* who asks tries again */
        return error_set(err, ST_RETRY, t->doubt.reason, "%s", t->doubt.text);
    receiver_check(t);
    if (t->doubt.reason != 0) {
        TRY(raw_keep(t, err));
        return quarantine(t, fresh, err);
    }
    return opened(t, fresh, err);
}

enum status gw_inbound_take(const struct gw_runtime *rt, const struct gw_peer *peer,
                            const struct gw_answer *answer, const struct gw_inbound_as *as,
                            bool *fresh, struct error *err)
{
    struct taking t = {.rt = rt, .peer = peer, .answer = answer, .now = gw_now_ms()};
    enum status st;

    if (as != NULL)
        t.as = *as;
    if (t.as.at != 0)
        t.now = t.as.at;
    arena_init(&t.arena, ARENA_MAX);
    t.verdicts.arena = &t.arena;
    st = take(&t, fresh, err);
    gw_stage_free(t.stage);
    arena_deinit(&t.arena);
    return st;
}
