#include "gateway/target_folder.h"

#include <string.h>

#include "gateway/payload.h"

/* The target's folder, then what is formatted. */
static enum status url_make(const struct gw_target_place *p, const char *before, const char *behind,
                            const char **url, struct error *err)
{
    const struct gw_target_visit *v = p->curl.v;
    const char *base = v->target->url;
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, 16 * 1024);
    buf_str(&b, base);
    if (!span_ends(span_str(base), SPAN("/")))
        buf_char(&b, '/');
    buf_printf(&b, "%s%s%s", before, v->row->id, behind);
    TRY(buf_check(&b, err));
    *url = arena_str(v->arena, buf_span(&b));
    TRY_ALLOC(*url, err);
    return ST_OK;
}

/* A name below the part folder. */
static enum status file_url(const struct gw_target_place *p, const char *name, const char **url,
                            struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};
    char *escaped = curl_easy_escape(NULL, name, (int)strlen(name));

    TRY_ALLOC(escaped, err);
    buf_init(&b, 16 * 1024);
    buf_printf(&b, "%s%s", p->part, escaped);
    curl_free(escaped);
    TRY(buf_check(&b, err));
    *url = arena_str(p->curl.v->arena, buf_span(&b));
    TRY_ALLOC(*url, err);
    return ST_OK;
}

static enum status file_put(struct gw_target_place *p, const struct gw_target_verbs *verbs,
                            const struct gw_folder_item *item, struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    const char *url;

    TRY(file_url(p, item->name, &url, err));
    if (gw_payload_open(p->curl.v->rt->store, item->file, &source, err) != ST_OK) {
        err->reason = GW_R_STORE_DAMAGED;
        return err->status = ST_DENIED;
    }
    return verbs->put(p, url, &source.base, err);
}

static enum status fill(struct gw_target_place *p, const struct gw_target_verbs *verbs,
                        struct error *err)
{
    const struct gw_folder_plan *plan = &p->curl.v->plan;
    struct source_span json;
    const char *url;

    TRY(verbs->part_make(p, err));
    for (size_t i = 0; i < plan->count; i++)
        TRY(file_put(p, verbs, &plan->items[i], err));
    TRY(file_url(p, "message.json", &url, err));
    return verbs->put(p, url, source_span_init(&json, plan->message_json), err);
}

/* There is a folder of that name. What ours was filled as has become it, or it is not ours. */
static enum status ours(struct gw_target_place *p, const struct gw_target_verbs *verbs,
                        struct error *err)
{
    bool left;

    TRY(verbs->exists(p, p->part, &left, err));
    return left ? error_set(err, ST_RETRY, GW_R_TARGET_TAKEN, "%s", p->folder) : ST_OK;
}

/* Whole and visible; somebody's lost answer may have been a good one. */
static enum status show(struct gw_target_place *p, const struct gw_target_verbs *verbs,
                        struct error *err)
{
    struct error ignored;
    bool there = false;

    if (verbs->rename(p, err) == ST_OK)
        return ST_OK;
    if (verbs->exists(p, p->folder, &there, &ignored) == ST_OK && there)
        return ours(p, verbs, err);
    return err->status;
}

enum status gw_target_place_fill(struct gw_target_place *p, const char *marker,
                                 const struct gw_target_verbs *verbs, struct error *err)
{
    struct source_span nothing;
    bool there;

    TRY(url_make(p, "", "/", &p->folder, err));
    TRY(url_make(p, ".", ".part/", &p->part, err));
    if (marker != NULL)
        TRY(url_make(p, "", marker, &p->marker, err));
    TRY(verbs->exists(p, p->folder, &there, err));
    if (there) {
        TRY(ours(p, verbs, err));
    } else {
        TRY(fill(p, verbs, err));
        TRY(show(p, verbs, err));
    }
    buf_printf(p->curl.v->answer, "%s%s", p->folder,
               there ? " (it was there from an earlier attempt)" : "");
    return marker == NULL ? ST_OK
                          : verbs->put(p, p->marker, source_span_init(&nothing, SPAN("")), err);
}
