#include "gateway/recheck.h"

#include <stdio.h>

#include "gateway/log.h"
#include "gateway/loop.h"
#include "gateway/message_json.h"
#include "gateway/release.h"
#include "gateway/worker.h"

enum { EVERY_MS = 10 * 1000, PAGE = 100, AT_ONCE_MAX = 100, PAGES_MAX = 50 };
enum { TEXT_MAX = 4096, FILE_MAX = 16 * 1024 * 1024 };
enum { ARENA_MAX = 64 * 1024 * 1024 };

struct gw_recheck {
    struct gw_runtime *rt;
    struct gw_timer *timer;
    bool running;          /* a job is */
    char from[GW_ID_SIZE]; /* where the next round begins, so that all have their turn; "": the
                              oldest */
};

/* ---- words ---- */

int gw_recheck_reason(const struct cert_verdict *v)
{
    switch (v->lack) {
    case CERT_LACK_NONE:
    case CERT_LACK_SOURCE:
        return GW_R_STATUS_SOURCE;
    case CERT_LACK_PENDING:
    case CERT_LACK_SILENT:
    case CERT_LACK_HTTP:
    case CERT_LACK_REFUSED:
        return GW_R_STATUS_SILENT;
    case CERT_LACK_UNKNOWN:
        return GW_R_STATUS_UNKNOWN;
    case CERT_LACK_EARLY:
    case CERT_LACK_OLD:
        return GW_R_STATUS_OLD;
    default:
        return GW_R_STATUS_ANSWER;
    }
}

bool gw_recheck_is(int reason)
{
    return reason >= GW_R_STATUS_SILENT && reason <= GW_R_STATUS_SOURCE;
}

json_t *gw_recheck_json(const struct cert_verdict *v)
{
    const char *result = cert_online_name(v->online);
    json_t *json = json_object();

    gw_json_put(&json, "result", json_string(result == NULL ? "unknown" : result));
    if (v->listed_at != 0)
        gw_json_put(&json, "as_of", json_integer((json_int_t)v->listed_at));
    if (v->revoked_at != 0)
        gw_json_put(&json, "revoked_at", json_integer((json_int_t)v->revoked_at));
    if (v->status_missing)
        gw_json_put(&json, "lack", json_string(cert_lack_name(v->lack)));
    gw_json_put(&json, "checked_at", json_integer((json_int_t)v->checked_at));
    return json;
}

json_t *gw_recheck_cert(const struct cert *cert)
{
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&text, 2 * CERT_DER_MAX);
    buf_base64(&text, cert_der(cert), 0);
    return json_string(buf_cstr(&text));
}

/* ---- one message ---- */

struct look {
    const struct gw_runtime *rt;
    const struct gw_message_row *row;
    struct gw_file_list files;
    json_t *json;              /* verification.json */
    json_t *seen;              /* what is known of each certificate, by fingerprint */
    size_t asked;              /* certificates */
    struct cert_verdict worst; /* of them */
    struct gw_release release;
    struct gw_stage *stage; /* with the new verification.json; NULL: it stays */
};

static void look_deinit(struct look *l)
{
    json_decref(l->json);
    json_decref(l->seen);
    gw_release_deinit(&l->release);
    gw_stage_free(l->stage);
}

static enum status json_read(struct look *l, struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};

    buf_init(&text, FILE_MAX);
    for (size_t i = 0; i < l->files.count && text.len == 0; i++) {
        if (l->files.rows[i].kind != GW_FILE_VERIFICATION)
            continue;
        TRY(gw_payload_open(l->rt->store, &l->files.rows[i], &source, err));
        TRY(source_read_all(&source.base, &text, err));
    }
    l->json = json_loadb((const char *)text.ptr, text.len, 0, NULL);
    if (l->json == NULL)
        return error_set(err, ST_INVALID, GW_R_STORE_DAMAGED, "its verification.json");
    return ST_OK;
}

/* Revoked is worse than unknown, and that than good. */
static int weight(const struct cert_verdict *v)
{
    return v->must_wait ? 1 : cert_verdict_good(v) ? 0 : 2;
}

/* Who signs more than once has his certificate with the first. */
static enum status known_put(const struct look *l, json_t *author, const char *fingerprint,
                             struct error *err)
{
    json_t *known = json_object_get(l->seen, fingerprint);

    if (known != NULL && json_object_set(author, "revocation", known) != 0)
        return error_starved(err);
    return ST_OK;
}

/* By the settings that he was judged by when it came; as they are now. */
static struct cert_checker *checker_of(const struct look *l, json_t *author)
{
    const char *name = json_string_value(json_object_get(author, "judged_as"));
    const struct gw_partner *partner = name == NULL ? NULL : gw_runtime_partner(l->rt, name);
    const struct gw_peer *peer = l->row->peer == NULL ? NULL : gw_runtime_peer(l->rt, l->row->peer);
    const struct gw_tenant *tenant = gw_runtime_tenant(l->rt, l->row->tenant);

    if (partner != NULL && partner->trust != NULL &&
        gw_config_same_tenant(partner->tenant, l->row->tenant))
        return gw_trust_checker(partner->trust);
    return peer != NULL     ? gw_trust_checker(peer->trust)
           : tenant != NULL ? gw_trust_checker(tenant->trust)
                            : l->rt->checker;
}

static enum status author_check(struct look *l, json_t *author, struct error *err)
{
    const char *text = json_string_value(json_object_get(author, "x509"));
    const char *fingerprint = json_string_value(json_object_get(author, "fingerprint"));
    AUTO(cert_drop) struct cert *cert = NULL;
    AUTO(buf_deinit) struct buf der = {0};
    struct cert_verdict v;

    if (fingerprint == NULL)
        fingerprint = "";
    if (text == NULL)
        return known_put(l, author, fingerprint, err);
    buf_init(&der, 2 * CERT_DER_MAX);
    TRY(buf_base64_decode(&der, span_str(text), err));
    TRY(cert_cache_get(l->rt->cache, buf_span(&der), &cert, err));
    TRY(cert_checker_check(checker_of(l, author), cert, CERT_FOR_OSCI_SIGNATURE, gw_now_ms(), &v,
                           err));
    if (l->asked++ == 0 || weight(&v) > weight(&l->worst))
        l->worst = v;
    if (json_object_set_new(l->seen, fingerprint, gw_recheck_json(&v)) != 0)
        return error_starved(err);
    return known_put(l, author, fingerprint, err);
}

static enum status authors_check(struct look *l, struct error *err)
{
    json_t *contents = json_object_get(l->json, "contents");

    l->seen = json_object();
    TRY_ALLOC(l->seen, err);
    for (size_t i = 0; i < json_array_size(contents); i++) {
        json_t *authors = json_object_get(json_array_get(contents, i), "authors");

        for (size_t k = 0; k < json_array_size(authors); k++)
            TRY(author_check(l, json_array_get(authors, k), err));
    }
    return ST_OK;
}

static enum status evidence_write(struct look *l, int reason, struct error *err)
{
    char *text;
    enum status st;

    if (weight(&l->worst) == 0) {
        gw_json_put(&l->json, "result", json_string("good"));
        (void)json_object_del(l->json, "reason");
        (void)json_object_del(l->json, "finding");
    } else {
        gw_json_put(&l->json, "reason", json_integer(reason));
        gw_json_put(&l->json, "finding", json_string(l->worst.reason));
    }
    text = gw_json_dump(l->json, JSON_INDENT(2));
    TRY_ALLOC(text, err);
    st = gw_stage_new(l->rt->store, l->row->id, &l->stage, err);
    if (st == ST_OK)
        st = gw_stage_add_bytes(l->stage, GW_FILE_VERIFICATION, "verification.json",
                                "application/json", NULL, span_str(text), err);
    free(text);
    TRY(st);
    return gw_stage_publish(l->stage, err);
}

/* Only where nobody has decided about it meanwhile: an operator may, and asking takes its time. */
static enum status moves_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct look *l = ctx;
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_message_row row;

    TRY(gw_store_message(tx, &arena, l->row->id, &row, err));
    if (row.state != GW_QUARANTINED || row.last_reason != l->row->last_reason)
        return error_set(err, ST_DUPLICATE, 0, "it has been decided about meanwhile");
    if (l->stage != NULL)
        TRY(gw_store_files_remove(tx, l->row->id, GW_FILE_VERIFICATION, err));
    for (size_t i = 0; i < ARRAY_LEN(l->release.moves); i++)
        TRY(gw_store_move(tx, &l->release.moves[i], NULL, err));
    return gw_onward_add(tx, &l->release.onward, l->release.moves[0].cause.now, err);
}

static enum status moves_make(struct look *l, struct gw_cause cause, struct error *err)
{
    cause.now = gw_now_ms();
    cause.actor = "recheck";
    for (size_t i = 0; i < ARRAY_LEN(l->release.moves); i++) {
        l->release.moves[i].id = l->row->id;
        l->release.moves[i].cause = cause;
    }
    if (l->stage != NULL)
        l->release.moves[1].files = gw_stage_files(l->stage, &l->release.moves[1].file_count);
    TRY(gw_store_commit(l->rt->store, moves_commit, l, err));
    if (l->stage != NULL)
        gw_stage_done(l->stage);
    gw_onward_done(&l->release.onward);
    return ST_OK;
}

/* Back to where it is, for another reason. */
static enum status keep_for(struct look *l, int reason, const char *detail, struct error *err)
{
    AUTO(buf_deinit) struct buf de = {0}, en = {0};
    const struct gw_explain_field fields[] = {
        {"detail", detail}, {"subject", l->row->sender}, {"message_type", l->row->subject}};

    l->release.moves[0].event = GW_EV_RETRY;
    l->release.moves[1].event = GW_EV_QUARANTINE;
    buf_init(&de, TEXT_MAX);
    buf_init(&en, TEXT_MAX);
    gw_explain_what(&de, reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
    gw_explain_what(&en, reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
    TRY(moves_make(l, (struct gw_cause){.reason = reason, .de = buf_cstr(&de), .en = buf_cstr(&en)},
                   err));
    gw_log(l->rt->log, GW_LOG_WARNING, "message.rechecked", LOG_STR("id", l->row->id),
           LOG_STR("finding", detail));
    return ST_OK;
}

static enum status let_go(struct look *l, struct error *err)
{
    struct error why = {0};
    enum status st = gw_release_make(l->rt, l->row, &l->files, &l->release, &why);

    if (st == ST_DENIED)
        return keep_for(l, why.reason, why.text, err);
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    TRY(moves_make(
        l,
        (struct gw_cause){.en = "its certificates are not revoked, as is known by now",
                          .de = "Ihre Zertifikate sind nicht gesperrt, wie inzwischen bekannt ist"},
        err));
    gw_log(l->rt->log, GW_LOG_INFO, "message.rechecked", LOG_STR("id", l->row->id));
    return ST_OK;
}

static enum status one_check(const struct gw_runtime *rt, const struct gw_message_row *row,
                             struct arena *arena, struct error *err)
{
    AUTO(look_deinit) struct look l = {.rt = rt, .row = row};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    int reason;

    TRY(gw_store_read(rt->store, &tx, err));
    TRY(gw_store_files(tx, arena, row->id, &l.files, err));
    gw_read_end(&tx);
    TRY(json_read(&l, err));
    TRY(authors_check(&l, err));
    if (l.asked == 0)
        return ST_OK;
    if (l.worst.must_wait)
        return gw_recheck_reason(&l.worst) == row->last_reason
                   ? ST_OK
                   : keep_for(&l, gw_recheck_reason(&l.worst), l.worst.reason, err);
    reason = l.worst.online == CERT_ONLINE_REVOKED ? GW_R_CERT_REVOKED : GW_R_CERT_UNTRUSTED;
    TRY(evidence_write(&l, reason, err));
    return cert_verdict_good(&l.worst) ? let_go(&l, err)
                                       : keep_for(&l, reason, l.worst.reason, err);
}

/* ---- all of them, in a worker ---- */

static enum status waiting_list(const struct gw_runtime *rt, const char *cursor,
                                struct arena *arena, struct gw_message_list *list,
                                struct error *err)
{
    const struct gw_filter filter = {.box = GW_INBOX,
                                     .states = GW_STATES(GW_QUARANTINED),
                                     .oldest_first = true,
                                     .cursor = cursor,
                                     .limit = PAGE};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(rt->store, &tx, err));
    return gw_store_messages(tx, arena, &filter, list, err);
}

static void page_check(const struct gw_runtime *rt, const struct gw_message_list *list,
                       struct arena *arena, size_t *count)
{
    for (size_t i = 0; i < list->count; i++) {
        struct error err = {0};
        enum status st;

        if (!gw_recheck_is(list->rows[i].last_reason) || gw_loop_stopping(rt->loop))
            continue;
        ++*count;
        st = one_check(rt, &list->rows[i], arena, &err);
        if (st != ST_OK && st != ST_DUPLICATE)
            gw_log(rt->log, GW_LOG_ERROR, "message.not_rechecked", LOG_STR("id", list->rows[i].id),
                   LOG_ERR(&err));
    }
}

/* A page, and where the next one begins. */
static enum status page(struct gw_recheck *r, size_t *count, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_message_list list = {0};

    TRY(waiting_list(r->rt, r->from[0] == '\0' ? NULL : r->from, &arena, &list, err));
    page_check(r->rt, &list, &arena, count);
    (void)snprintf(r->from, sizeof r->from, "%s",
                   list.more && list.cursor != NULL ? list.cursor : "");
    return ST_OK;
}

/* A round ends with the newest, or with as many as it may take; the next one goes on there. */
void gw_recheck_round(struct gw_recheck *r)
{
    struct error err = {0};
    size_t count = 0;

    for (int i = 0; i < PAGES_MAX && count < AT_ONCE_MAX && !gw_loop_stopping(r->rt->loop); i++) {
        if (page(r, &count, &err) != ST_OK) {
            gw_log(r->rt->log, GW_LOG_ERROR, "store.read_failed", LOG_ERR(&err));
            return;
        }
        if (r->from[0] == '\0')
            return;
    }
}

/* ---- on the loop ---- */

static void run(void *ctx)
{
    gw_recheck_round(ctx);
}

static void done(void *ctx)
{
    ((struct gw_recheck *)ctx)->running = false;
}

static void fire(void *ctx)
{
    struct gw_recheck *r = ctx;

    if (r->running)
        return;
    r->running = true;
    gw_worker_run(r->rt->loop, run, done, r);
}

static void stop(void *ctx)
{
    gw_timer_drop(&((struct gw_recheck *)ctx)->timer);
}

void gw_recheck_new(struct gw_runtime *rt, struct gw_recheck **recheck)
{
    struct gw_recheck *r = gw_alloc(sizeof *r);

    r->rt = rt;
    *recheck = r;
    r->timer = gw_timer_new(rt->loop, fire, r);
    gw_timer_start(r->timer, EVERY_MS, EVERY_MS);
    gw_loop_on_stop(rt->loop, stop, r);
}

void gw_recheck_free(struct gw_recheck *recheck)
{
    free(recheck);
}
