#include "gateway/transform_message.h"

#include <string.h>

#include "gateway/log.h"
#include "gateway/pattern.h"

enum { NOTE_MAX = 4096 };

static void last_discard(struct gw_stage *stage)
{
    struct error ignored;
    size_t count;

    (void)gw_stage_files(stage, &count);
    (void)!gw_stage_discard(stage, count - 1, &ignored);
}

static enum status file_transform(const struct gw_transform *t, const char *name, size_t index,
                                  const char *suffix, uint64_t max, struct gw_stage *stage,
                                  struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    AUTO(buf_deinit) struct buf longer = {0};
    struct sink *sink;
    enum status st;

    buf_init(&longer, 4096);
    buf_printf(&longer, "%s%s", name, suffix);
    TRY(buf_check(&longer, err));
    TRY(gw_stage_source(stage, index, &source, err));
    TRY(gw_stage_add(stage, GW_FILE_PAYLOAD, buf_cstr(&longer), NULL, NULL, &sink, err));
    st = gw_transform_run(t, &source.base, max, sink, err);
    if (st == ST_OK)
        return gw_stage_close(stage, err);
    if (err->reason == GW_R_TRANSFORM_OUT) {
        struct error ignored;

        if (gw_stage_close(stage, &ignored) == ST_OK)
            last_discard(stage);
        return error_context(err, "%s", name);
    }
    return st; /* the stage is of no more use */
}

static bool wanted(const struct gw_transform_conf *conf, const struct gw_file_row *file)
{
    return file->kind == GW_FILE_PAYLOAD && file->name != NULL &&
           gw_glob_match(conf->files, file->name);
}

static enum status file_look(const struct gw_runtime *rt, const struct gw_rule_conf *rule,
                             size_t index, struct gw_stage *stage, struct gw_transformed *done,
                             struct error *err)
{
    const struct gw_transform *t = rt->transforms[rule - rt->conf->routes];
    uint64_t max = (uint64_t)rt->conf->limits.message_max_mb << 20;
    AUTO(free_drop) char *name = NULL;
    struct error why = {0};
    enum status st;
    size_t count;
    const struct gw_file_row *files = gw_stage_files(stage, &count);

    if (!wanted(rule->transform, &files[index]))
        return ST_OK;
    name = strdup(files[index].name); /* the list moves when a file is added */
    TRY_ALLOC(name, err);
    st = file_transform(t, name, index, rule->transform->suffix, max, stage, &why);
    if (st == ST_OK) {
        done->size += gw_stage_files(stage, &count)[count - 1].len;
        done->count++;
        return ST_OK;
    }
    gw_log(rt->log, GW_LOG_WARNING, "transform.failed", LOG_STR("route", rule->name),
           LOG_ERR(&why));
    *err = why;
    if (why.reason != GW_R_TRANSFORM_OUT ||
        rule->transform->when_impossible == GW_UNTRANSFORMED_HOLD)
        return st;
    if (done->passed.status == ST_OK)
        done->passed = why;
    return ST_OK;
}

enum status gw_transform_message(const struct gw_runtime *rt, const struct gw_rule_conf *rule,
                                 struct gw_stage *stage, struct gw_transformed *done,
                                 struct error *err)
{
    enum status st = ST_OK;
    size_t count;

    *done = (struct gw_transformed){0};
    if (rule == NULL || rule->transform == NULL)
        return ST_OK;
    (void)gw_stage_files(stage, &count);
    for (size_t i = 0; i < count && st == ST_OK; i++)
        st = file_look(rt, rule, i, stage, done, err);
    while (st != ST_OK && err->reason == GW_R_TRANSFORM_OUT && done->count > 0) {
        last_discard(stage);
        done->count--;
    }
    if (st != ST_OK)
        done->size = 0;
    return st;
}

void gw_transform_remark(const struct gw_transformed *done, struct gw_scan_note *note,
                         struct gw_cause *cause)
{
    const struct gw_explain_field field = {"detail", done->passed.text};

    if (done->passed.status == ST_OK || cause->reason != 0)
        return;
    buf_init(&note->de, NOTE_MAX);
    buf_init(&note->en, NOTE_MAX);
    gw_explain_what(&note->de, GW_R_TRANSFORM_PASSED, GW_LANG_DE, &field, 1);
    gw_explain_what(&note->en, GW_R_TRANSFORM_PASSED, GW_LANG_EN, &field, 1);
    cause->reason = GW_R_TRANSFORM_PASSED;
    cause->de = buf_cstr(&note->de);
    cause->en = buf_cstr(&note->en);
}
