/* the loop's part of gateway/revocation.h: a call for each question, judged by a worker */
#include <stdio.h>

#include <openssl/x509.h>

#include "gateway/revocation_impl.h"
#include "gateway/worker.h"

enum {
    REVOKED_MS = 2 * 3600 * 1000,
    LIST_MS = 120 * 1000,
    AGAIN_FIRST_MS = 5000,
    AGAIN_MAX_MS = 60 * 1000,
    DOUBLINGS_MAX = 8,
    PRUNE_ROUNDS = 120 /* of gw_asks_refresh: an hour */
};
#define USED_MS (INT64_C(24) * 3600 * 1000)

/* One call, its answer, and what is made of it. */
struct fetch {
    struct gw_ask *ask;
    uint8_t nonce[OCSP_NONCE_BYTES];
    size_t nonce_len;
    bool heard; /* somebody answered, whatever he said */
    struct gw_body *body;
    struct buf bytes;
    struct crl_list *list;
    struct cert_standing standing;
    int64_t until;
};

static void fetch_free(struct fetch *f)
{
    gw_body_free(f->body);
    buf_deinit(&f->bytes);
    crl_list_free(f->list);
    free(f);
}

static int64_t rest_ms(unsigned failures)
{
    const unsigned doublings = failures > DOUBLINGS_MAX ? DOUBLINGS_MAX : failures - 1;
    const int64_t ms = (int64_t)AGAIN_FIRST_MS << doublings;

    return ms > AGAIN_MAX_MS ? AGAIN_MAX_MS : ms;
}

/* ---- what came of it ---- */

static bool keeps_silent(const struct fetch *f)
{
    return f->standing.known == CERT_KNOWN_NOTHING && !f->heard;
}

/* Everybody else at the same place need not find out for himself. */
static void origin_learn(struct gw_origin *o, const struct fetch *f, struct gw_log *log)
{
    if (!keeps_silent(f)) {
        if (o->failures > 0)
            gw_log(log, GW_LOG_INFO, "revocation.back", LOG_STR("from", o->name));
        o->failures = 0;
        o->again_at = 0;
        o->heard = true;
        return;
    }
    o->heard = false;
    o->failures++;
    o->again_at = gw_monotonic_ms() + rest_ms(o->failures);
    o->why = f->standing;
}

static void failure_learn(struct gw_ask *ask, const struct fetch *f)
{
    ask->failures++;
    ask->again_at = gw_monotonic_ms() + rest_ms(ask->failures);
    ask->why = f->standing;
    if (ask->failures == 1)
        gw_log(ask->r->log, GW_LOG_WARNING, "revocation.unknown", LOG_STR("url", ask->url),
               LOG_STR("lack", cert_lack_name(f->standing.lack)),
               LOG_STR("finding", f->standing.text));
}

static void answer_learn(struct gw_ask *ask, struct fetch *f, struct crl_list **before)
{
    ask->failures = 0;
    ask->again_at = 0;
    ask->fetched_at = gw_monotonic_ms();
    ask->as_of = f->standing.as_of;
    ask->refresh_at = gw_ask_refresh_at(ask, gw_now_ms(), f->until);
    buf_deinit(&ask->answer);
    ask->answer = f->bytes;
    f->bytes = (struct buf){0};
    *before = ask->list;
    ask->list = TAKE(f->list);
    gw_log(ask->r->log, GW_LOG_INFO, "revocation.fetched", LOG_STR("url", ask->url),
           LOG_TIME("until", f->until));
}

/* What was known before stays, whatever came now, until its time is over. */
static void learn(struct fetch *f)
{
    struct gw_ask *ask = f->ask;
    struct gw_revocation *r = ask->r;
    struct crl_list *before = NULL; /* a million entries are not freed under the lock */

    pthread_mutex_lock(&r->lock);
    ask->running = false;
    ask->users--;
    origin_learn(ask->origin, f, r->log);
    if (f->standing.known != CERT_KNOWN_NOTHING)
        answer_learn(ask, f, &before);
    else
        failure_learn(ask, f);
    (void)pthread_cond_broadcast(&r->news);
    pthread_mutex_unlock(&r->lock);
    crl_list_free(before);
}

/* Nothing came that would have to be judged. */
static void give_up(struct fetch *f)
{
    learn(f);
    fetch_free(f);
}

static void done(void *ctx)
{
    fetch_free(ctx);
}

/* ---- in a worker ---- */

static void ocsp_judge(struct fetch *f)
{
    const struct gw_ask *ask = f->ask;
    struct error err = {0};

    if (ocsp_answer_judge(buf_span(&f->bytes), ask->x509, ask->issuer,
                          span_of(f->nonce, f->nonce_len), &ask->r->ocsp_rules, gw_now_ms(),
                          &f->standing, &err) != ST_OK)
        cert_standing_lacks(&f->standing, CERT_LACK_FORM, "%.150s", err.text);
}

static void list_judge(struct fetch *f)
{
    const struct gw_ask *ask = f->ask;
    struct error err = {0};

    if (gw_ask_list_read(ask->r, buf_span(&f->bytes), &f->list, &err) != ST_OK)
        cert_standing_lacks(&f->standing, CERT_LACK_FORM, "%.150s", err.text);
    else if (ask->kind == GW_ASK_DELTA)
        crl_list_judge_delta(f->list, ask->x509, ask->issuer, &ask->r->crl_rules, gw_now_ms(),
                             &f->standing);
    else
        crl_list_judge(f->list, NULL, ask->x509, ask->issuer, &ask->r->crl_rules, gw_now_ms(),
                       &f->standing);
}

/* Who repeats what was said before the latest word says nothing: it may not be the issuer who does.
 */
static void older_drop(struct fetch *f)
{
    int64_t known;

    pthread_mutex_lock(&f->ask->r->lock);
    known = f->ask->as_of;
    pthread_mutex_unlock(&f->ask->r->lock);
    if (f->standing.known != CERT_KNOWN_NOTHING && f->standing.as_of < known)
        cert_standing_lacks(&f->standing, CERT_LACK_OLD, "what %.90s says is older than the last",
                            f->ask->url);
}

static void judge(struct fetch *f)
{
    struct error err = {0};

    buf_init(&f->bytes, gw_ask_bytes_max(f->ask));
    if (source_read_all(gw_body_source(f->body), &f->bytes, &err) != ST_OK)
        cert_standing_lacks(&f->standing, CERT_LACK_FORM, "%.150s", err.text);
    else if (f->ask->kind == GW_ASK_OCSP)
        ocsp_judge(f);
    else
        list_judge(f);
    older_drop(f);
    if (f->standing.known == CERT_KNOWN_NOTHING)
        return;
    f->until = f->standing.known == CERT_KNOWN_GOOD ? f->standing.until : gw_now_ms() + REVOKED_MS;
    gw_ask_file_write(f->ask, buf_span(&f->bytes));
    if (f->ask->kind != GW_ASK_OCSP)
        buf_deinit(&f->bytes); /* it has been read */
}

static void run(void *ctx)
{
    judge(ctx);
    learn(ctx);
}

/* ---- on the loop ---- */

static void answered(void *ctx, struct gw_http_result *result)
{
    struct fetch *f = ctx;
    struct cert_standing *s = &f->standing;

    f->heard = result->outcome == GW_HTTP_ANSWERED || result->outcome == GW_HTTP_TOO_LARGE;
    if (result->outcome == GW_HTTP_ANSWERED && result->status == 200) {
        f->body = TAKE(result->body);
        gw_worker_run(f->ask->r->loop, run, done, f);
        return;
    }
    if (result->outcome == GW_HTTP_ANSWERED)
        cert_standing_lacks(s, CERT_LACK_HTTP, "%.120s answers with HTTP status %d%s", f->ask->url,
                            result->status,
                            result->status / 100 == 3 ? ", and redirections are not followed" : "");
    else if (result->outcome == GW_HTTP_TOO_LARGE)
        cert_standing_lacks(s, CERT_LACK_SIZE, "what %.120s gives is too large", f->ask->url);
    else
        cert_standing_lacks(s, CERT_LACK_SILENT, "%.90s gives no answer: %.90s", f->ask->url,
                            result->error.text);
    give_up(f);
}

static enum status question(struct fetch *f, struct gw_http_call *call, struct error *err)
{
    static const struct gw_http_field fields[] = {
        {SPAN("Content-Type"), SPAN("application/ocsp-request")},
        {SPAN("Accept"), SPAN("application/ocsp-response")}};
    const struct gw_ask *ask = f->ask;
    AUTO(buf_deinit) struct buf der = {0};

    if (ask->r->conf->nonce != GW_NONCE_NONE) {
        TRY(rng_bytes(ask->r->rng, f->nonce, sizeof f->nonce, err));
        f->nonce_len = sizeof f->nonce;
    }
    buf_init(&der, OCSP_QUESTION_MAX);
    TRY(ocsp_question_write(ask->x509, ask->issuer, span_of(f->nonce, f->nonce_len), &der, err));
    call->fields = fields;
    call->field_count = ARRAY_LEN(fields);
    call->body = gw_pull_bytes(buf_span(&der));
    return ST_OK;
}

static enum status call_begin(struct fetch *f, struct error *err)
{
    const struct gw_ask *ask = f->ask;
    const struct gw_revocation *r = ask->r;
    const int64_t timeout_ms = r->conf->timeout_seconds * 1000;
    struct gw_http_call call = {.url = ask->url,
                                .answer_max = gw_ask_bytes_max(ask),
                                .connect_ms = timeout_ms,
                                .stall_ms = timeout_ms,
                                .total_ms = ask->kind == GW_ASK_OCSP ? timeout_ms : LIST_MS,
                                .done = answered,
                                .ctx = f};

    if (r->http == NULL)
        return error_set(err, ST_RETRY, 0, "the gateway is being stopped");
    if (ask->kind == GW_ASK_OCSP)
        TRY(question(f, &call, err));
    return gw_http_call(r->http, &call, NULL, err);
}

static void begin(void *ctx)
{
    struct fetch *f = ctx;
    struct error err = {0};

    if (call_begin(f, &err) == ST_OK)
        return;
    cert_standing_lacks(&f->standing, CERT_LACK_SILENT, "%.90s cannot be asked: %.90s", f->ask->url,
                        err.text);
    give_up(f);
}

void gw_ask_begin(struct gw_ask *ask)
{
    struct fetch *f;

    if (ask->running || !ask->r->open)
        return;
    f = gw_alloc(sizeof *f);
    f->ask = ask;
    ask->running = true;
    ask->users++;
    gw_loop_post(ask->r->loop, begin, f);
}

static void prune(void *ctx)
{
    gw_ask_files_prune(ctx);
}

void gw_asks_refresh(void *revocation)
{
    struct gw_revocation *r = revocation;
    const int64_t now = gw_now_ms();

    if (++r->refreshes % PRUNE_ROUNDS == 0)
        gw_worker_run(r->loop, prune, NULL, r);
    pthread_mutex_lock(&r->lock);
    for (struct gw_ask *a = r->asks; a != NULL; a = a->next)
        if (a->refresh_at != 0 && now >= a->refresh_at && now - a->used_at < USED_MS &&
            gw_monotonic_ms() >= a->again_at && gw_monotonic_ms() >= a->origin->again_at)
            gw_ask_begin(a);
    pthread_mutex_unlock(&r->lock);
}
