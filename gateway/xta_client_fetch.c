#include "gateway/xta_client.h"

#include "gateway/log.h"
#include "gateway/reason.h"

enum { PAGE = 100, ARENA_MAX = 32 * 1024 * 1024, PAGES_MAX = 1000 };

/* One look through the box of one party. */
struct round {
    const struct gw_xta_server_talk *talk;
    const struct gw_xta_party_conf *party;
    struct gw_detour *detour;
    size_t *count;
    bool fetched_before;  /* V5: also what was handed out already */
    struct error trouble; /* with a message; the others were looked at all the same */
};

/* One page of its list; everything lives in the arena. */
struct page {
    struct arena arena;
    struct span *ids;
    size_t count;
    struct span request_id, last_delivery;
    uint64_t pending;
};

static void page_deinit(struct page *page)
{
    arena_deinit(&page->arena);
}

/* ---- getStatusList ---- */

/* What was closed before is listed, too, where everything is asked for. */
static bool is_closed(const struct xta_metadata *m)
{
    return m->version == XTA_V5 && m->reception.ptr != NULL;
}

static enum status page_keep(struct page *page, const struct xta_answer *answer, struct error *err)
{
    page->ids = arena_array(&page->arena, sizeof *page->ids, answer->list_count + 1);
    TRY_ALLOC(page->ids, err);
    for (size_t i = 0; i < answer->list_count; i++) {
        if (answer->list[i].delivery.ptr != NULL)
            page->last_delivery = answer->list[i].delivery;
        if (answer->list[i].id.len > 0 && !is_closed(&answer->list[i]))
            page->ids[page->count++] = answer->list[i].id;
    }
    page->request_id = answer->has_box ? answer->box.request_id : SPAN_NONE;
    page->pending = answer->has_box && !answer->box.none ? answer->box.pending : 0;
    return ST_OK;
}

/* after: the page before, NULL: from the beginning. */
static enum status page_fetch(const struct round *r, const struct page *after, struct page *page,
                              struct error *err)
{
    bool v3 = gw_xta_version(r->talk->peer) == XTA_V3;
    AUTO(gw_xta_exchange_deinit)
    struct gw_xta_exchange x = {.arena = &page->arena,
                                .request = {.operation = XTA_GET_STATUS_LIST,
                                            .has_party = true,
                                            .party = gw_xta_party(r->party)}};
    struct xta_selection *s = &x.request.selection;

    arena_init(&page->arena, ARENA_MAX);
    if (v3 && after != NULL) {
        x.request.operation = XTA_GET_NEXT_STATUS_LIST;
        s->request_id = after->request_id;
    } else {
        s->new_entry = r->fetched_before ? XTA_FALSE : XTA_TRUE;
        s->max_items = PAGE;
    }
    if (!v3 && after != NULL)
        s->from = after->last_delivery; /* what lies before it was in a page already */
    TRY(gw_xta_ask(r->talk, &x, err));
    return page_keep(page, &x.answer, err);
}

/* ---- close ---- */

/* It lies in our inbox. A server that does not know it any more has it closed. */
static enum status confirm(const struct round *r, struct span id, struct span request_id,
                           struct arena *arena, struct error *err)
{
    AUTO(gw_xta_exchange_deinit)
    struct gw_xta_exchange x = {
        .arena = arena,
        .request = {.operation = XTA_CLOSE, .has_party = true, .party = gw_xta_party(r->party)}};
    enum status st;

    x.request.selection.request_id = request_id; /* V3 */
    x.request.selection.received = &id;
    x.request.selection.received_count = 1;
    st = gw_xta_ask(r->talk, &x, err);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

/* ---- one message ---- */

static enum status one_fetch(struct round *r, const struct page *page, struct span id,
                             struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_xta_fetch fetch = {
        .party = r->party, .arena = &arena, .request_id = page->request_id};
    enum status st;

    arena_init(&arena, ARENA_MAX);
    fetch.id = arena_str(&arena, id);
    TRY_ALLOC(fetch.id, err);
    st = gw_xta_take(r->talk, &fetch, err);
    *r->count += fetch.fresh;
    if (st == ST_OK && fetch.there)
        st = confirm(r, id, fetch.request_id, &arena, err);
    if (st != ST_OK && fetch.fetched)
        r->talk->peer->memory->looked_back = false; /* V5 lists it as new no more */
    return st;
}

/* The server is away, or our own store is in trouble: the next message fares no better. */
static bool is_general(enum status st, const struct error *err)
{
    bool answered = err->reason == GW_R_NET_ANSWER || gw_reason_is_xta(err->reason);

    return st != ST_OK && !answered;
}

/* Those of a page, round what cannot be taken. *moved: some were taken. */
static enum status page_take(struct round *r, const struct page *page, bool *moved,
                             struct error *err)
{
    for (size_t i = 0; i < page->count && !gw_loop_stopping(r->talk->rt->loop); i++) {
        AUTO(arena_deinit) struct arena arena = {0};
        struct error why = {0};
        const char *id;
        enum status st;

        arena_init(&arena, 64 * 1024);
        id = arena_str(&arena, page->ids[i]);
        TRY_ALLOC(id, err);
        gw_detour_seen(r->detour, id);
        if (gw_detour_left(r->detour, id))
            continue;
        st = one_fetch(r, page, page->ids[i], &why);
        *moved |= st == ST_OK;
        if (is_general(st, &why)) {
            *err = why;
            return st;
        }
        if (st == ST_OK)
            continue;
        gw_detour_failed(r->detour, r->talk->rt, r->talk->peer->conf->name, id, &why);
        if (!gw_detour_left(r->detour, id))
            r->trouble = why;
    }
    return ST_OK;
}

/* ---- the box ---- */

/*
 * What is taken leaves the list, so its beginning is asked for again and again; only past a page of
 * nothing but what is left we go on to the next.
 */
static enum status look_through(struct round *r, struct error *err)
{
    struct page pages[2] = {0}, *page = &pages[0], *before = NULL;
    enum status st = ST_OK;

    for (int i = 0; i < PAGES_MAX && st == ST_OK && !gw_loop_stopping(r->talk->rt->loop); i++) {
        bool moved = false;

        st = page_fetch(r, before, page, err);
        if (st == ST_OK)
            st = page_take(r, page, &moved, err);
        if (st != ST_OK || page->pending == 0 || (before != NULL && page->count == 0))
            break;
        if (before != NULL)
            page_deinit(before);
        before = NULL;
        if (moved && !r->fetched_before) {
            page_deinit(page);
        } else {
            before = page;
        }
        page = before == &pages[0] ? &pages[1] : &pages[0];
        *page = (struct page){0};
    }
    page_deinit(&pages[0]);
    page_deinit(&pages[1]);
    return st;
}

static enum status party_fetch(struct round *r, bool look_back, struct error *err)
{
    TRY(look_through(r, err));
    if (!look_back)
        return ST_OK;
    r->fetched_before = true; /* XTA-135 */
    return look_through(r, err);
}

enum status gw_xta_box_fetch(const struct gw_xta_server_talk *talk, struct gw_detour *detour,
                             size_t *count, struct error *err)
{
    const struct gw_xta_peer_conf *conf = talk->peer->conf;
    struct gw_xta_memory *memory = talk->peer->memory;
    bool look_back = gw_xta_version(talk->peer) == XTA_V5 && !memory->looked_back;
    struct error trouble = {0};

    memory->looked_back = true; /* until something goes wrong */
    gw_detour_begin(detour);
    for (unsigned i = 0; i < conf->parties_count && !gw_loop_stopping(talk->rt->loop); i++) {
        struct round r = {
            .talk = talk, .party = &conf->parties[i], .detour = detour, .count = count};
        enum status st = party_fetch(&r, look_back, err);

        if (st != ST_OK) {
            memory->looked_back &= !look_back;
            return st;
        }
        if (r.trouble.status != ST_OK)
            trouble = r.trouble;
    }
    if (look_back || gw_xta_version(talk->peer) == XTA_V3)
        gw_detour_end(detour);
    if (trouble.status != ST_OK)
        *err = trouble;
    return trouble.status;
}
