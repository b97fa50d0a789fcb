#include "gateway/attempt.h"

#include <stdio.h>
#include <time.h>

#include "gateway/log.h"
#include "gateway/patience.h"
#include "gateway/reason.h"
#include "gateway/tenancy.h"

enum status gw_attempt_tenant(const struct gw_attempt *a, const char *destination,
                              struct error *err)
{
    TRY(gw_tenancy_check(a->rt->conf, a->row->tenant, destination, err));
    return a->partner == NULL
               ? ST_OK
               : gw_tenancy_check(a->rt->conf, a->row->tenant, a->partner->tenant, err);
}

struct gw_move gw_attempt_move(const struct gw_attempt *a, enum gw_event event)
{
    return (struct gw_move){
        .id = a->row->id, .event = event, .cause = {.now = gw_now_ms(), .actor = "outbound"}};
}

void gw_sentences_deinit(struct gw_sentences *s)
{
    buf_deinit(&s->en);
    buf_deinit(&s->de);
}

static void date_text(int64_t ms, char *text, size_t cap)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL || strftime(text, cap, "%Y-%m-%d", &tm) == 0)
        (void)snprintf(text, cap, "?");
}

void gw_attempt_sentences(const struct gw_attempt *a, const struct error *err,
                          struct gw_sentences *s)
{
    char host[256], port[256], seconds[24], until[40] = "?", from[40] = "?";
    const struct cert *cert = a->partner == NULL ? NULL : gw_partner_cipher(a->partner, a->now);
    const struct gw_explain_field fields[] = {
        {"recipient", a->row->recipient},
        {"host", host},
        {"port", port},
        {"seconds", seconds},
        {"http_status", gw_reason_last_word(err->text)}, /* it ends the text: gateway/exchange.c */
        {"detail", err->text},
        {"id", a->row->id},
        {"value", gw_way_name(a->row->delivery)},
        {"partner", a->row->recipient},
        {"intermediary", a->to.name},
        {"endpoint", a->row->endpoint},
        {"file", a->row->source_name},
        {"path", a->rt->conf->state},
        {"subject", cert == NULL ? NULL : cert_subject(cert)},
        {"issuer", cert == NULL ? NULL : cert_issuer(cert)},
        {"until", until},
        {"from", from}};

    if (cert != NULL) {
        date_text(cert_not_after(cert), until, sizeof until);
        date_text(cert_not_before(cert), from, sizeof from);
    }
    gw_explain_url(a->to.url, host, port, sizeof host);
    (void)snprintf(seconds, sizeof seconds, "%lld", (long long)a->to.timeout_seconds);
    buf_init(&s->en, 4096);
    buf_init(&s->de, 4096);
    gw_explain_what(&s->en, err->reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
    gw_explain_what(&s->de, err->reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
}

/* Twice as long each time, up to the bound, and a fifth more or less so that not all come at once.
 */
static int64_t next_attempt_at(const struct gw_attempt *a)
{
    const struct gw_patience p = gw_patience_of(a->rt->conf, a->row->endpoint, a->row->route);
    int64_t seconds = p.first_seconds, ms;
    uint16_t chance = 0;
    struct error ignored;

    for (int i = 0; i < a->row->attempts && seconds < p.max_seconds; i++)
        seconds *= 2;
    if (seconds > p.max_seconds)
        seconds = p.max_seconds;
    ms = seconds * 1000;
    if (rng_bytes(a->rt->rng, &chance, sizeof chance, &ignored) == ST_OK)
        ms += ms * ((int64_t)chance - 32768) / 32768 / 5;
    return gw_now_ms() + ms;
}

/* What is unclear is asked for at least as often as receipts are. */
static int64_t next_question_at(const struct gw_attempt *a)
{
    int64_t at = next_attempt_at(a);
    int64_t latest = gw_now_ms() + a->to.receipt_poll_seconds * 1000;

    return at < latest ? at : latest;
}

/* An outage of days is not a line for each attempt: 1, 2, 4, 8 ..., and none where the lane says
 * it. */
static enum gw_log_level give_up_level(const struct gw_attempt *a, enum gw_event event,
                                       const struct error *why)
{
    bool network = gw_reason_is_network(why->reason);

    if (event != GW_EV_DEFER && event != GW_EV_DOUBT)
        return GW_LOG_ERROR;
    if (((a->row->attempts + 1) & a->row->attempts) != 0 ||
        (network && (a->quiet || event == GW_EV_DEFER)))
        return GW_LOG_DEBUG;
    return GW_LOG_WARNING;
}

/* The attempt failed: later again, or never. */
static enum status give_up(const struct gw_attempt *a, enum gw_event event, const struct error *why,
                           struct error *err)
{
    AUTO(gw_sentences_deinit) struct gw_sentences s = {0};
    struct gw_move move = gw_attempt_move(a, event);
    enum status st;

    gw_attempt_sentences(a, why, &s);
    move.attempted = true;
    move.next_attempt_at = event == GW_EV_DEFER   ? next_attempt_at(a)
                           : event == GW_EV_DOUBT ? next_question_at(a)
                                                  : 0;
    move.cause.reason = why->reason;
    move.cause.en = buf_cstr(&s.en);
    move.cause.de = buf_cstr(&s.de);
    st = gw_store_commit_move(a->rt->store, &move, NULL, err);
    gw_log(a->rt->log, give_up_level(a, event, why),
           event == GW_EV_DEFER   ? "message.deferred"
           : event == GW_EV_DOUBT ? "message.unclear"
                                  : "message.failed",
           LOG_STR("id", a->row->id), LOG_STR("peer", a->to.name),
           LOG_INT("attempt", a->row->attempts + 1), LOG_TIME("next", move.next_attempt_at),
           LOG_ERR(why));
    return st;
}

bool gw_attempt_failed(const struct gw_attempt *a, enum gw_event event, const struct error *why)
{
    struct error err = {0};

    if (gw_loop_stopping(a->rt->loop))
        return false;
    if (give_up(a, a->in_doubt ? GW_EV_DOUBT : event, why, &err) == ST_OK)
        return true;
    gw_log(a->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_STR("id", a->row->id),
           LOG_ERR(&err));
    return false;
}
