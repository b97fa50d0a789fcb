#include "gateway/reload.h"

#include <string.h>

#include "crypto/digest.h"
#include "gateway/log.h"

enum { SENTENCE_MAX = 4096 };

enum status gw_settings_id(struct span text, char id[GW_SETTINGS_ID_CAP], struct error *err)
{
    AUTO(buf_deinit) struct buf hex = {0};
    struct digest_value value;

    buf_init(&hex, GW_SETTINGS_ID_CAP);
    TRY(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), text, &value, err));
    buf_hex(&hex, digest_span(&value));
    TRY(buf_check(&hex, err));
    memcpy(id, buf_cstr(&hex), GW_SETTINGS_ID_CAP);
    return ST_OK;
}

void gw_reload_finding(const struct gw_config_report *report, enum gw_lang lang, struct buf *b)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct gw_config_finding *f = &report->findings[i];

        if (f->warning)
            continue;
        buf_printf(b, "%s:%d: %s", f->file, f->line, lang == GW_LANG_DE ? f->de : f->en);
        return;
    }
}

static enum status history_add(const struct gw_runtime *rt, const char *kind, const char *actor,
                               int reason, const char *de, const char *en, struct error *err)
{
    struct gw_cause cause = {
        .now = gw_now_ms(), .actor = actor, .reason = reason, .de = de, .en = en};

    return gw_store_commit_event(rt->store, kind, NULL, NULL, &cause, err);
}

static enum status refuse(const struct gw_reload *reload, const char *actor,
                          const struct gw_config_report *report, struct error *err)
{
    AUTO(buf_deinit) struct buf de = {0}, en = {0};
    struct error lost = {0};

    buf_init(&de, SENTENCE_MAX);
    buf_init(&en, SENTENCE_MAX);
    gw_reload_finding(report, GW_LANG_DE, &de);
    gw_reload_finding(report, GW_LANG_EN, &en);
    gw_log(reload->rt->log, GW_LOG_ERROR, "settings.refused", LOG_STR("actor", actor),
           LOG_ERR(err));
    if (history_add(reload->rt, "settings.refused", actor, GW_R_CONFIG_REFUSED, buf_cstr(&de),
                    buf_cstr(&en), &lost) != ST_OK)
        gw_log(reload->rt->log, GW_LOG_ERROR, "store.event_lost", LOG_ERR(&lost));
    return err->status;
}

enum status gw_reload_ask(const struct gw_reload *reload, const char *actor,
                          struct gw_config_report *report, char id[GW_SETTINGS_ID_CAP],
                          struct error *err)
{
    const struct gw_runtime *rt = reload->rt;
    AUTO(gw_config_drop) const struct gw_config *config = NULL;

    if (gw_config_load(rt->conf->path, &config, report, err) != ST_OK ||
        gw_reload_keys(rt, config, report, err) != ST_OK)
        return refuse(reload, actor, report, err);
    TRY(gw_settings_id(config->text, id, err));
    TRY(history_add(rt, "settings.reload", actor, 0, "Die Einstellungen werden neu gelesen.",
                    "The settings are read anew.", err));
    gw_log(rt->log, GW_LOG_INFO, "settings.reload", LOG_STR("actor", actor), LOG_STR("sha256", id));
    gw_loop_post(rt->loop, reload->begin, reload->ctx);
    return ST_OK;
}

void gw_reload_fell_back(const struct gw_runtime *rt, const struct error *why)
{
    struct error err = {0};

    gw_log(rt->log, GW_LOG_ERROR, "settings.refused", LOG_STR("actor", "start"), LOG_ERR(why));
    if (history_add(rt, "settings.refused", "start", GW_R_CONFIG_REFUSED, why->text, why->text,
                    &err) != ST_OK)
        gw_log(rt->log, GW_LOG_ERROR, "store.event_lost", LOG_ERR(&err));
}
