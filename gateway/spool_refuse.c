/* What cannot be sent: refused/NAME with NAME.error.txt beside it. */
#include "gateway/spool_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "gateway/log.h"

enum { TRIES = 100000, SHORT_MAX = 200 };

/* Where it goes, and where the reason is explained. */
struct refused_names {
    char file[GW_NAME_SIZE + 16], error[GW_NAME_SIZE + 16];
};

/* At most max bytes, not cutting a character. */
static int cut(const char *name, size_t max)
{
    size_t len = strlen(name);

    if (len <= max)
        return (int)len;
    while (max > 0 && ((unsigned char)name[max] & 0xc0) == 0x80)
        max--;
    return (int)max;
}

static bool is_free(const struct gw_spool_endpoint *e, const char *name)
{
    struct stat st;

    return fstatat(e->refused, name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

/* NAME, NAME.2, NAME.3 ...: the first that is free together with its explanation, so nothing that
 * somebody may still want is written over. Long names are shortened to leave room for the endings,
 * and for the ".tmp" of writing them. */
static enum status names_choose(const struct gw_drop *d, struct refused_names *n, struct error *err)
{
    for (int i = 1; i < TRIES; i++) {
        if (i == 1)
            (void)snprintf(n->file, sizeof n->file, "%s", d->name);
        else
            (void)snprintf(n->file, sizeof n->file, "%.*s.%d", cut(d->name, SHORT_MAX), d->name, i);
        (void)snprintf(n->error, sizeof n->error, "%.*s.error.txt", cut(n->file, SHORT_MAX + 8),
                       n->file);
        if (is_free(d->e, n->file) && is_free(d->e, n->error))
            return ST_OK;
    }
    return error_set(err, ST_LIMIT, GW_R_SPOOL_FOLDER, "refused/ is full of %s", d->shown);
}

/* What the sentences need to know. */
struct refused_fields {
    char size[32], max[32];
    struct gw_explain_field rows[8];
};

static void fields_make(struct refused_fields *f, const struct gw_drop *d, const struct error *why)
{
    const struct gw_explain_field rows[] = {{"file", d->shown},     {"endpoint", d->e->conf->name},
                                            {"detail", why->text},  {"recipient", why->text},
                                            {"address", why->text}, {"xpath", why->text},
                                            {"size", f->size},      {"max", f->max}};

    (void)snprintf(f->size, sizeof f->size, "%lld MB", (long long)(d->look.size >> 20));
    (void)snprintf(f->max, sizeof f->max, "%lld MB",
                   (long long)d->e->rt->conf->limits.message_max_mb);
    memcpy(f->rows, rows, sizeof rows);
}

static enum status explain(const struct gw_drop *d, const char *name, const struct error *why,
                           struct error *err)
{
    AUTO(buf_deinit) struct buf text = {0};
    struct refused_fields f;

    fields_make(&f, d, why);
    buf_init(&text, 64 * 1024);
    gw_explain_error_txt(&text, why->reason, f.rows, ARRAY_LEN(f.rows), why->text);
    TRY(buf_check(&text, err));
    TRY(gw_file_write(d->e->refused, name, buf_span(&text), err));
    gw_spool_give(d->e, d->e->refused, name);
    return ST_OK;
}

/* First the explanation, then the file: nobody finds one without the other. */
static enum status move(const struct gw_drop *d, const struct error *why, struct error *err)
{
    const struct gw_spool_endpoint *e = d->e;
    char hidden[GW_ID_SIZE + 16], from[GW_NAME_SIZE], to[GW_NAME_SIZE];
    struct error ignored = {0};
    struct refused_names n;
    const char *ending;

    TRY(names_choose(d, &n, err));
    TRY(explain(d, n.error, why, err));
    (void)snprintf(hidden, sizeof hidden, ".refusing-%s", d->id);
    if (gw_spool_move(e, d->claim, d->name, e->refused, n.file, hidden, err) != ST_OK) {
        (void)unlinkat(e->refused, n.error, 0);
        err->reason = GW_R_SPOOL_FOLDER;
        (void)error_context(err, "%s cannot be moved to refused/", d->shown);
        return gw_rights_explain(e->refused, NULL, "refused/", err);
    }
    for (size_t i = 0; (ending = gw_spool_companion(e, i)) != NULL; i++)
        if (gw_spool_beside(d->name, ending, from) && gw_spool_beside(n.file, ending, to))
            (void)!gw_spool_move(e, d->claim, from, e->refused, to, hidden, &ignored);
    return ST_OK;
}

static enum status event_write(const struct gw_drop *d, const struct error *why, struct error *err)
{
    const struct gw_spool_endpoint *e = d->e;
    struct gw_cause cause = {.now = d->now, .actor = "spool", .reason = why->reason};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    struct refused_fields f;

    fields_make(&f, d, why);
    buf_init(&en, 16 * 1024);
    buf_init(&de, 16 * 1024);
    gw_explain_what(&en, why->reason, GW_LANG_EN, f.rows, ARRAY_LEN(f.rows));
    gw_explain_what(&de, why->reason, GW_LANG_DE, f.rows, ARRAY_LEN(f.rows));
    cause.en = buf_cstr(&en);
    cause.de = buf_cstr(&de);
    return gw_store_commit_event(e->rt->store, "spool.refused", e->conf->tenant, e->conf->name,
                                 &cause, err);
}

enum status gw_spool_refuse(struct gw_drop *d, const struct error *why, struct error *err)
{
    enum status st;

    if (d->claim < 0)
        TRY(gw_claim_make(d, err));
    pthread_mutex_lock(d->lock); /* two of them must not choose the same name */
    st = move(d, why, err);
    pthread_mutex_unlock(d->lock);
    TRY(st);
    gw_log(d->e->rt->log, GW_LOG_WARNING, "spool.refused", LOG_STR("endpoint", d->e->conf->name),
           LOG_STR("file", d->shown), LOG_ERR(why));
    return event_write(d, why, err);
}
