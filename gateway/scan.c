#include "gateway/scan.h"

#include <stdio.h>

#include "gateway/log.h"
#include "gateway/scan_impl.h"

enum { NOTE_MAX = 4096 };

bool gw_scan_wanted(const struct gw_runtime *rt)
{
    return rt->conf->virus_scan != NULL;
}

/* A name that comes from outside, fit for log, JSON and XML. */
static void name_copy(char *to, size_t cap, const char *from)
{
    (void)snprintf(to, cap, "%s", from);
    if (gw_name_is_printable(span_str(to)))
        return;
    for (char *c = to; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

/* ---- one file ---- */

static enum status ask(const struct gw_runtime *rt, struct gw_file_source *file,
                       struct gw_scan_word *word, struct error *err)
{
    const struct gw_virus_scan_conf *conf = rt->conf->virus_scan;
    enum status st;
    bool probe;

    if (file->base.len > (uint64_t)conf->max_mb << 20) {
        word->result = GW_SCAN_TOO_LARGE;
        return ST_OK;
    }
    TRY(gw_scan_guard_begin(rt->scan_guard, gw_now_ms(), &probe, err));
    st = conf->clamd != NULL ? gw_scan_clamd(conf, rt->loop, &file->base, word, err)
                             : gw_scan_command(conf, rt->loop, file, word, err);
    gw_scan_guard_end(rt->scan_guard, gw_now_ms(), probe, st, err);
    return st;
}

/* It goes through unscanned, and that is remembered. */
static enum status pass(const struct gw_runtime *rt, const char *name,
                        struct gw_scan_verdict *verdict, const struct error *why)
{
    gw_log(rt->log, GW_LOG_WARNING, "scan.passed_unscanned", LOG_STR("file", name), LOG_ERR(why));
    if (verdict->unscanned++ == 0) {
        verdict->why = *why;
        name_copy(verdict->file, sizeof verdict->file, name);
    }
    return ST_OK;
}

enum status gw_scan_file(const struct gw_runtime *rt, struct gw_file_source *file, const char *name,
                         struct gw_scan_verdict *verdict, struct error *err)
{
    const struct gw_virus_scan_conf *conf = rt->conf->virus_scan;
    struct gw_scan_word word = {0};
    struct error why = {0};
    enum status st;

    if (conf == NULL || verdict->result != GW_SCAN_CLEAN)
        return ST_OK;
    st = ask(rt, file, &word, &why);
    if (st != ST_OK && why.reason == GW_R_SCAN_UNAVAILABLE &&
        conf->when_unavailable == GW_UNSCANNED_PASS && !gw_loop_stopping(rt->loop))
        return pass(rt, name, verdict, &why);
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    if (word.result == GW_SCAN_TOO_LARGE && conf->too_large == GW_TOO_LARGE_PASS) {
        (void)error_set(&why, ST_LIMIT, GW_R_SCAN_TOO_LARGE_IN, "more than %lld MB",
                        (long long)conf->max_mb);
        return pass(rt, name, verdict, &why);
    }
    verdict->result = word.result;
    verdict->scanned += word.result == GW_SCAN_CLEAN;
    if (word.result == GW_SCAN_CLEAN)
        return ST_OK;
    name_copy(verdict->file, sizeof verdict->file, name);
    if (word.result == GW_SCAN_FINDING)
        name_copy(verdict->name, sizeof verdict->name, word.name[0] == '\0' ? "?" : word.name);
    return ST_OK;
}

/* ---- many ---- */

/* What others get to see of a message, as it came in: what we seal and note ourselves is ours. */
static bool concerned(const struct gw_file_row *row)
{
    return row->kind == GW_FILE_PAYLOAD || row->kind == GW_FILE_HEADER;
}

enum status gw_scan_stage(const struct gw_runtime *rt, const struct gw_stage *stage,
                          struct gw_scan_verdict *verdict, struct error *err)
{
    const struct gw_file_row *rows;
    size_t count;

    *verdict = (struct gw_scan_verdict){0};
    rows = gw_stage_files(stage, &count);
    for (size_t i = 0; gw_scan_wanted(rt) && i < count; i++) {
        AUTO(gw_file_source_deinit) struct gw_file_source file = {.fd = -1};

        if (!concerned(&rows[i]))
            continue;
        TRY(gw_stage_source(stage, i, &file, err));
        TRY(gw_scan_file(rt, &file, rows[i].name == NULL ? "?" : rows[i].name, verdict, err));
    }
    return ST_OK;
}

enum status gw_scan_files(const struct gw_runtime *rt, const struct gw_file_list *files,
                          struct gw_scan_verdict *verdict, struct error *err)
{
    *verdict = (struct gw_scan_verdict){0};
    for (size_t i = 0; gw_scan_wanted(rt) && i < files->count; i++) {
        const struct gw_file_row *row = &files->rows[i];
        AUTO(gw_file_source_deinit) struct gw_file_source file = {.fd = -1};

        if (!concerned(row))
            continue;
        TRY(gw_payload_open(rt->store, row, &file, err));
        TRY(gw_scan_file(rt, &file, row->name == NULL ? "?" : row->name, verdict, err));
    }
    return ST_OK;
}

/* ---- in words ---- */

void gw_scan_text(const struct gw_scan_verdict *verdict, char *text, size_t cap)
{
    if (verdict->result == GW_SCAN_FINDING)
        (void)snprintf(text, cap, "%s (%s)", verdict->name, verdict->file);
    else
        (void)snprintf(text, cap, "%s", verdict->file);
}

enum status gw_scan_outgoing(const struct gw_runtime *rt, const struct gw_stage *stage,
                             struct gw_scan_verdict *verdict, struct error *err)
{
    char text[GW_NAME_SIZE + GW_SCAN_NAME_SIZE + 4];

    TRY(gw_scan_stage(rt, stage, verdict, err));
    gw_scan_text(verdict, text, sizeof text);
    switch (verdict->result) {
    case GW_SCAN_FINDING:
        return error_set(err, ST_DENIED, GW_R_SCAN_FINDING_OUT, "%s", text);
    case GW_SCAN_TOO_LARGE:
        return error_set(err, ST_LIMIT, GW_R_SCAN_TOO_LARGE_OUT, "%s", text);
    default:
        return ST_OK;
    }
}

void gw_scan_note_deinit(struct gw_scan_note *note)
{
    buf_deinit(&note->de);
    buf_deinit(&note->en);
}

void gw_scan_remark(const struct gw_scan_verdict *verdict, struct gw_scan_note *note,
                    struct gw_cause *cause)
{
    char count[24], detail[GW_NAME_SIZE + sizeof verdict->why.text + 8];
    const struct gw_explain_field fields[] = {{"count", count}, {"detail", detail}};

    if (verdict->unscanned == 0)
        return;
    (void)snprintf(count, sizeof count, "%zu", verdict->unscanned);
    (void)snprintf(detail, sizeof detail, "%s (%s)", verdict->file, verdict->why.text);
    buf_init(&note->de, NOTE_MAX);
    buf_init(&note->en, NOTE_MAX);
    gw_explain_what(&note->de, GW_R_SCAN_PASSED, GW_LANG_DE, fields, ARRAY_LEN(fields));
    gw_explain_what(&note->en, GW_R_SCAN_PASSED, GW_LANG_EN, fields, ARRAY_LEN(fields));
    cause->reason = GW_R_SCAN_PASSED;
    cause->de = buf_cstr(&note->de);
    cause->en = buf_cstr(&note->en);
}
