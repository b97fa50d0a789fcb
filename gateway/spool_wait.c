/* What lies in out/ and waits. */
#include "gateway/spool_in.h"

#include <stdio.h>

#include "gateway/log.h"

/* ---- what a look remembers for the next ---- */

uint64_t gw_name_hash(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return hash;
}

static int by_name(const void *a, const void *b)
{
    uint64_t x = ((const struct gw_waiting *)a)->name, y = ((const struct gw_waiting *)b)->name;

    return (x > y) - (x < y);
}

const struct gw_waiting *gw_waits_find(const struct gw_waits *w, uint64_t name)
{
    const struct gw_waiting key = {.name = name};

    return w->count == 0 ? NULL : bsearch(&key, w->items, w->count, sizeof key, by_name);
}

void gw_waits_add(struct gw_waits *w, const struct gw_waiting *one)
{
    if (w->count == w->cap) {
        size_t cap = w->cap == 0 ? 64 : w->cap * 2;
        struct gw_waiting *more = realloc(w->items, cap * sizeof *more);

        if (more == NULL)
            return;
        w->items = more;
        w->cap = cap;
    }
    w->items[w->count++] = *one;
}

void gw_waits_sort(struct gw_waits *w)
{
    if (w->count > 0)
        qsort(w->items, w->count, sizeof *w->items, by_name);
}

void gw_waits_free(struct gw_waits *w)
{
    free(w->items);
    *w = (struct gw_waits){0};
}

/* ---- what waits for too long ---- */

static void sentence(struct buf *b, const struct gw_spool_endpoint *e,
                     const struct gw_overdue *overdue, enum gw_lang lang)
{
    const struct gw_explain_field fields[] = {
        {"file", overdue->name}, {"endpoint", e->conf->name}, {"detail", overdue->detail}};

    buf_init(b, 4096);
    gw_explain_what(b, overdue->reason, lang, fields, ARRAY_LEN(fields));
    if (overdue->count > 1)
        buf_printf(b, lang == GW_LANG_DE ? " So warten noch %zu andere." : " So do %zu others.",
                   overdue->count - 1);
}

void gw_overdue_tell(const struct gw_spool_endpoint *e, const struct gw_overdue *overdue)
{
    struct gw_cause cause = {.now = gw_now_ms(), .actor = "spool", .reason = overdue->reason};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    struct error err = {0};
    char code[GW_CODE_SIZE];

    gw_log(e->rt->log, GW_LOG_WARNING, "spool.waiting", LOG_STR("endpoint", e->conf->name),
           LOG_STR("file", overdue->name), LOG_STR("code", gw_explain_code(overdue->reason, code)),
           LOG_INT("count", overdue->count), LOG_STR("detail", overdue->detail));
    sentence(&en, e, overdue, GW_LANG_EN);
    sentence(&de, e, overdue, GW_LANG_DE);
    cause.en = buf_cstr(&en);
    cause.de = buf_cstr(&de);
    if (gw_store_commit_event(e->rt->store, "spool.waiting", e->conf->tenant, e->conf->name, &cause,
                              &err) != ST_OK)
        gw_log(e->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&err));
}
