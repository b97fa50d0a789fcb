#include "gateway/refusal.h"

#include <stdio.h>

#include "gateway/log.h"
#include "gateway/loop.h"
#include "osci/feedback.h"

enum { A_MINUTE = 60, MINUTE_MS = 60000 };

void gw_refusals_init(struct gw_refusals *r)
{
    *r = (struct gw_refusals){0};
    (void)pthread_mutex_init(&r->lock, NULL);
}

void gw_refusals_deinit(struct gw_refusals *r)
{
    (void)pthread_mutex_destroy(&r->lock);
}

static bool allowed(struct gw_refusals *r, int64_t now)
{
    bool yes;

    pthread_mutex_lock(&r->lock);
    if (now / MINUTE_MS != r->minute) {
        r->minute = now / MINUTE_MS;
        r->count = 0;
    }
    yes = r->count < A_MINUTE;
    r->count += yes;
    pthread_mutex_unlock(&r->lock);
    return yes;
}

void gw_refusal_say(struct gw_refusals *r, const struct gw_runtime *rt, const char *actor, int code,
                    const char *en, const char *de)
{
    const struct gw_cause cause = {
        .now = gw_now_ms(), .actor = actor, .reason = code, .en = en, .de = de};
    struct error err = {0};

    if (allowed(r, cause.now) &&
        gw_store_commit_event(rt->store, "peer.refused", NULL, NULL, &cause, &err) != ST_OK)
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
