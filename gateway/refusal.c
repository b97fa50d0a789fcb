#include "gateway/refusal.h"

#include <stdio.h>

#include "gateway/log.h"
#include "gateway/loop.h"
#include "osci/feedback.h"

enum { A_MINUTE = 60, AN_HOUR = 300, MINUTE_MS = 60000, HOUR_MS = 3600000 };

void gw_refusals_init(struct gw_refusals *r)
{
    *r = (struct gw_refusals){0};
    (void)pthread_mutex_init(&r->lock, NULL);
}

void gw_refusals_deinit(struct gw_refusals *r)
{
    (void)pthread_mutex_destroy(&r->lock);
}

/* *left_out: how many there were since the last one that was allowed. */
static bool allowed(struct gw_refusals *r, int64_t now, uint64_t *left_out)
{
    bool yes;

    pthread_mutex_lock(&r->lock);
    if (now / MINUTE_MS != r->minute)
        r->in_minute = 0;
    if (now / HOUR_MS != r->hour)
        r->in_hour = 0;
    r->minute = now / MINUTE_MS;
    r->hour = now / HOUR_MS;
    yes = r->in_minute < A_MINUTE && r->in_hour < AN_HOUR;
    r->in_minute += yes;
    r->in_hour += yes;
    *left_out = r->left_out;
    r->left_out = yes ? 0 : r->left_out + 1;
    pthread_mutex_unlock(&r->lock);
    return yes;
}

void gw_refusal_say(struct gw_refusals *r, const struct gw_runtime *rt, const char *actor, int code,
                    const char *en, const char *de)
{
    AUTO(buf_deinit) struct buf more_en = {0}, more_de = {0};
    struct gw_cause cause = {
        .now = gw_now_ms(), .actor = actor, .reason = code, .en = en, .de = de};
    struct error err = {0};
    uint64_t left_out;

    if (!allowed(r, cause.now, &left_out))
        return;
    if (left_out > 0) {
        buf_init(&more_en, 8192);
        buf_init(&more_de, 8192);
        buf_printf(&more_en, "%s (%llu more before it are only in the log)", en,
                   (unsigned long long)left_out);
        buf_printf(&more_de, "%s (%llu weitere davor stehen nur im Protokoll)", de,
                   (unsigned long long)left_out);
        cause.en = buf_cstr(&more_en);
        cause.de = buf_cstr(&more_de);
    }
    if (gw_store_commit_event(rt->store, "peer.refused", NULL, NULL, &cause, &err) != ST_OK)
        gw_log(rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&err));
}

void gw_refusal_keep(struct gw_refusals *r, const struct gw_runtime *rt, const char *actor,
                     const char *order, const char *address, int code, const struct error *why)
{
    char digits[8];
    AUTO(buf_deinit) struct buf de = {0}, en = {0};

    (void)snprintf(digits, sizeof digits, "%04d", code % 10000);
    buf_init(&de, 4096);
    buf_init(&en, 4096);
    buf_printf(&de, "%s von %s abgelehnt: %s (%s)", order, address,
               osci_feedback_text(digits, "de"), why->text);
    buf_printf(&en, "%s from %s refused: %s (%s)", order, address, osci_feedback_text(digits, "en"),
               why->text);
    gw_refusal_say(r, rt, actor, code, buf_cstr(&en), buf_cstr(&de));
}
