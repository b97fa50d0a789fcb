/* Targets as destinations of the lanes. */
#include "gateway/explain.h"
#include "gateway/log.h"
#include "gateway/message_json.h"
#include "gateway/payload.h"
#include "gateway/reason.h"
#include "gateway/target.h"

enum { ARENA_MAX = 64 * 1024 * 1024, POLL_SECONDS = 60, ANSWER_MAX = 1024 };

struct talk {
    const struct gw_runtime *rt;
    struct gw_destination to;
};

static bool destination(const struct gw_runtime *rt, size_t i, struct gw_destination *to)
{
    const struct gw_target *target = i < rt->target_count ? &rt->targets[i] : NULL;

    if (target == NULL)
        return false;
    *to = (struct gw_destination){.carrier = &gw_target_carrier,
                                  .peer = target,
                                  .name = target->conf->name,
                                  .url = target->url,
                                  .poll_seconds = POLL_SECONDS,
                                  .receipt_poll_seconds = POLL_SECONDS,
                                  .timeout_seconds = target->conf->timeout_seconds,
                                  .at_once = (unsigned)target->conf->at_once};
    return true;
}

static void *talk_new(const struct gw_runtime *rt, const struct gw_destination *to)
{
    struct talk *talk = malloc(sizeof *talk);

    if (talk != NULL)
        *talk = (struct talk){rt, *to};
    return talk;
}

/* ---- one attempt ---- */

/* What is on disk must be what was accepted before anybody outside sees it. */
static enum status files_check(struct gw_target_visit *v, struct error *err)
{
    for (size_t i = 0; i < v->plan.count; i++) {
        enum status st = gw_payload_verify(v->rt->store, v->plan.items[i].file, err);

        if (st == ST_NOT_FOUND || st == ST_INVALID) {
            err->reason = GW_R_STORE_DAMAGED;
            return err->status = ST_DENIED;
        }
        TRY(st);
    }
    return ST_OK;
}

static enum status bring(struct gw_target_visit *v, struct error *err)
{
    const struct gw_target_conf *conf = v->target->conf;

    TRY(gw_folder_plan(v->rt->store, v->row, v->arena, &v->plan, err));
    TRY(files_check(v, err));
    return conf->email != NULL    ? gw_target_mail(v, err)
           : conf->sftp != NULL   ? gw_target_sftp(v, err)
           : conf->webdav != NULL ? gw_target_webdav(v, err)
                                  : gw_target_command(v, err);
}

/* Where, and what was said there, for whoever reads the receipt. */
static char *detail_of(struct gw_target_visit *v)
{
    json_t *json = json_object();
    char *text;

    gw_json_put(&json, "target", gw_json_text(v->target->conf->name));
    gw_json_put(&json, "url", gw_json_text(v->target->url[0] == '\0' ? NULL : v->target->url));
    gw_json_put(&json, "answer", gw_json_text(v->answer->len == 0 ? NULL : buf_cstr(v->answer)));
    text = gw_json_dump(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

static enum status delivered(const struct gw_attempt *a, struct gw_target_visit *v,
                             struct error *err)
{
    struct gw_move move = gw_attempt_move(a, GW_EV_DELIVER);
    AUTO(free_drop) char *detail = detail_of(v);
    AUTO(gw_sentences_deinit) struct gw_sentences s = {0};
    json_t *time = gw_json_time(move.cause.now);
    enum status st;

    buf_init(&s.en, 4096);
    buf_init(&s.de, 4096);
    buf_printf(&s.en, "delivered to %s", a->to.name);
    buf_printf(&s.de, "zugestellt an %s", a->to.name);
    if (v->answer->len > 0) {
        buf_printf(&s.en, ": %s", buf_cstr(v->answer));
        buf_printf(&s.de, ": %s", buf_cstr(v->answer));
    }
    move.attempted = true;
    move.reception = (struct gw_card_time){json_string_value(time), move.cause.now};
    move.cause.en = buf_cstr(&s.en);
    move.cause.de = buf_cstr(&s.de);
    move.cause.detail = detail;
    st = gw_store_commit_move(a->rt->store, &move, NULL, err);
    json_decref(time);
    TRY(st);
    gw_log(a->rt->log, GW_LOG_INFO, "message.delivered", LOG_STR("id", a->row->id),
           LOG_STR("peer", a->to.name), LOG_INT("attempt", a->row->attempts + 1),
           LOG_INT("ms", gw_now_ms() - a->now));
    return ST_OK;
}

static enum gw_event event_of(enum status st, const struct error *why)
{
    if (st != ST_DENIED)
        return GW_EV_DEFER;
    return why->reason == GW_R_STORE_DAMAGED ? GW_EV_DAMAGE : GW_EV_FAIL;
}

static enum status message_send(void *ctx, const struct gw_message_row *row, bool outage_known,
                                bool *moved, struct error *err)
{
    struct talk *talk = ctx;
    const struct gw_attempt a = {.rt = talk->rt,
                                 .to = talk->to,
                                 .row = row,
                                 .partner = &((const struct gw_target *)talk->to.peer)->partner,
                                 .quiet = outage_known,
                                 .now = gw_now_ms()};
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    AUTO(buf_deinit) struct buf answer = {0};
    struct gw_target_visit v = {
        .rt = talk->rt, .target = talk->to.peer, .row = row, .arena = &arena, .answer = &answer};
    enum status st;

    buf_init(&answer, ANSWER_MAX);
    *moved = true;
    st = bring(&v, err);
    if (st == ST_OK)
        st = delivered(&a, &v, err);
    if (st != ST_OK) {
        err->reason = gw_reason_of(err);
        *moved = gw_attempt_failed(&a, event_of(st, err), err);
    }
    return st;
}

/* Each message has a connection of its own. */
static bool talk_pause(void *talk)
{
    (void)talk;
    return false;
}

/* What was taken is delivered: nothing is outstanding. */
static enum status receipts(const struct gw_runtime *rt, const struct gw_destination *to,
                            struct error *err)
{
    (void)rt, (void)to, (void)err;
    return ST_OK;
}

const struct gw_carrier gw_target_carrier = {
    .destination = destination,
    .talk_new = talk_new,
    .talk_free = free,
    .send = message_send,
    .pause = talk_pause,
    .receipts = receipts,
};
