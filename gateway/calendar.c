#include "gateway/calendar.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/calendar_mail.h"
#include "gateway/certificates.h"
#include "gateway/log.h"
#include "gateway/loop.h"
#include "gateway/worker.h"

enum { FIRST_MS = 20 * 1000, EVERY_MS = 3600 * 1000, SENTENCE_MAX = 4096 };

struct gw_calendar {
    struct gw_runtime *rt;
    struct gw_timer *timer;
    bool running;
    struct error why, mail_why;
};

/* One look. */
struct look {
    const struct gw_runtime *rt;
    int64_t now;
    size_t told;
    struct error why; /* of the first that failed */
};

/* What is said of one. */
struct telling {
    const struct gw_cert_use *use;
    int step;
    int64_t now;
    char key[96];
    struct buf de, en;
};

int gw_calendar_step(int64_t days_left)
{
    static const int steps[] = {90, 60, 30, 14, 7, 1};
    int step = GW_CALENDAR_NONE;

    if (days_left < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(steps) && days_left <= steps[i]; i++)
        step = steps[i];
    return step;
}

bool gw_calendar_is_ahead(int64_t told, int64_t days_left)
{
    return told < gw_calendar_step(days_left - 1);
}

/* ---- the words ---- */

static void telling_init(struct telling *t, const struct gw_cert_use *use, int64_t now)
{
    char until[16];
    const struct gw_explain_field fields[] = {{"subject", cert_subject(use->cert)},
                                              {"until", until}};
    const int64_t left = gw_cert_days_left(use->cert, now);
    const int reason = left < 0 ? GW_R_CERT_EXPIRED : GW_R_CERT_EXPIRES_SOON;

    *t = (struct telling){.use = use, .step = gw_calendar_step(left), .now = now};
    gw_cert_day(cert_not_after(use->cert), until);
    (void)snprintf(t->key, sizeof t->key, "certificate.%s", cert_fingerprint(use->cert));
    buf_init(&t->de, SENTENCE_MAX);
    buf_init(&t->en, SENTENCE_MAX);
    gw_explain_what(&t->de, reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
    gw_explain_what(&t->en, reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
}

static void telling_deinit(struct telling *t)
{
    buf_deinit(&t->de);
    buf_deinit(&t->en);
}

/* ---- one ---- */

/* The step that was told last. */
static enum status told_read(const struct gw_runtime *rt, const struct telling *t, int64_t *step,
                             struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(rt->store, &tx, err));
    return gw_store_meta_ms(tx, t->key, GW_CALENDAR_NONE, step, err);
}

static enum status tell_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct telling *t = ctx;
    const struct gw_cause cause = {.now = t->now,
                                   .actor = "calendar",
                                   .reason =
                                       t->step == 0 ? GW_R_CERT_EXPIRED : GW_R_CERT_EXPIRES_SOON,
                                   .de = buf_cstr(&t->de),
                                   .en = buf_cstr(&t->en)};
    char step[16];

    (void)snprintf(step, sizeof step, "%d", t->step);
    TRY(gw_store_meta_set(tx, t->key, step, err));
    return gw_store_event_add(tx, "certificate.ends", NULL, NULL, &cause, err);
}

static enum status untell_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct telling *t = ctx;
    char step[16];

    (void)snprintf(step, sizeof step, "%d", t->step);
    return gw_store_meta_set(tx, t->key, step, err);
}

static enum status tell(const struct gw_runtime *rt, struct telling *t, struct error *err)
{
    TRY(gw_store_commit(rt->store, tell_commit, t, err));
    gw_log(rt->log, t->step <= 7 ? GW_LOG_ERROR : GW_LOG_WARNING, "certificate.ends",
           LOG_STR("subject", cert_subject(t->use->cert)),
           LOG_STR("fingerprint", cert_fingerprint(t->use->cert)),
           LOG_STR("setting", t->use->setting), LOG_STR("name", t->use->name),
           LOG_INT("days_left", gw_cert_days_left(t->use->cert, t->now)),
           LOG_TIME("until", cert_not_after(t->use->cert)));
    return ST_OK;
}

static enum status one_look(struct look *l, const struct gw_cert_use *use, struct error *err)
{
    AUTO(telling_deinit) struct telling t = {0};
    int64_t before;

    telling_init(&t, use, l->now);
    TRY(told_read(l->rt, &t, &before, err));
    if (gw_calendar_is_ahead(before, gw_cert_days_left(use->cert, l->now)))
        return gw_store_commit(l->rt->store, untell_commit, &t, err);
    if (before <= t.step)
        return ST_OK;
    TRY(tell(l->rt, &t, err));
    l->told++;
    return ST_OK;
}

/* The same certificate may stand in several settings. */
static void look_at(void *ctx, const struct gw_cert_use *use)
{
    struct look *l = ctx;

    if (use->cert == NULL || l->why.status != ST_OK || !gw_cert_leaves_gap(use))
        return;
    (void)!one_look(l, use, &l->why);
}

enum status gw_calendar_look(const struct gw_runtime *rt, int64_t now, size_t *told,
                             struct error *err)
{
    struct look l = {.rt = rt, .now = now};

    gw_certificates(rt, look_at, &l);
    *told = l.told;
    if (l.why.status != ST_OK)
        *err = l.why;
    return l.why.status;
}

/* ---- every hour ---- */

/* In a worker. */
static void run(void *ctx)
{
    struct gw_calendar *c = ctx;
    size_t told;
    bool sent;

    c->why = c->mail_why = (struct error){0};
    (void)!gw_calendar_look(c->rt, gw_now_ms(), &told, &c->why);
    if (gw_calendar_mail(c->rt, gw_now_ms(), &sent, &c->mail_why) == ST_OK && sent)
        gw_log(c->rt->log, GW_LOG_INFO, "certificate.mailed",
               LOG_STR("target", c->rt->conf->calendar.mail));
}

static void done(void *ctx)
{
    struct gw_calendar *c = ctx;

    c->running = false;
    if (c->why.status != ST_OK)
        gw_log(c->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&c->why));
    if (c->mail_why.status != ST_OK)
        gw_log(c->rt->log, GW_LOG_ERROR, "certificate.mail_failed",
               LOG_STR("target", c->rt->conf->calendar.mail), LOG_ERR(&c->mail_why));
}

static void fire(void *ctx)
{
    struct gw_calendar *c = ctx;

    if (c->running)
        return;
    c->running = true;
    gw_worker_run(c->rt->loop, run, done, c);
}

static void stop(void *ctx)
{
    struct gw_calendar *c = ctx;

    gw_timer_free(c->timer);
    c->timer = NULL;
}

void gw_calendar_new(struct gw_runtime *rt, struct gw_calendar **calendar)
{
    struct gw_calendar *c = gw_alloc(sizeof *c);

    c->rt = rt;
    c->timer = gw_timer_new(rt->loop, fire, c);
    gw_timer_start(c->timer, FIRST_MS, EVERY_MS);
    gw_loop_on_stop(rt->loop, stop, c);
    *calendar = c;
}

void gw_calendar_free(struct gw_calendar *calendar)
{
    free(calendar);
}
