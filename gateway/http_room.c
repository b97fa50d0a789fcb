/*
 * Who makes room when a listener has as many connections as it may.
 *
 * A connection that waits for its client costs the client nothing, so those are what an attacker
 * collects: idle ones, heads and handshakes that never end, bodies that drip. One of them goes:
 * of the address that has most of them, the oldest. What somebody is busy with never does.
 */
#include "gateway/http_conn.h"

/* So long nobody is hurried who has just come, or has begun to speak; but of an address that has
 * more connections than the newcomer's. And so long a body may take to begin to flow. */
enum { SILENT_MS = 1000, SPEAKING_MS = 3000, BODY_MS = 1000 };

static size_t company(const struct conn *c)
{
    return c->from == NULL ? 1 : c->from->count;
}

/* A body that will not have moved what it must when its window ends. */
static bool drips(const struct conn *c, int64_t age)
{
    const struct gw_http_limits *limits = &c->server->limits;

    return age >= BODY_MS && (c->moved - c->moved_before) * (uint64_t)limits->window_ms <
                                 limits->window_bytes * (uint64_t)age;
}

static bool makes_room(const struct conn *c, const struct conn *newcomer, int64_t now)
{
    int64_t age = now - c->since;

    if (c == newcomer)
        return false;
    switch (c->state) {
    case CONN_IDLE:
    case CONN_LINGER:
        return true;
    case CONN_HEAD:
        return age >= (c->heard ? SPEAKING_MS : SILENT_MS) ||
               (newcomer != NULL && company(c) > company(newcomer) + 1);
    case CONN_BODY:
        return drips(c, age);
    default:
        return false;
    }
}

static bool end_one(struct gw_http_server *server, const struct conn *newcomer, bool of_its_address)
{
    int64_t now = (int64_t)uv_now(gw_loop_uv(server->loop));
    struct conn *found = NULL;

    for (struct conn *c = server->conns; c != NULL; c = c->next)
        if ((!of_its_address || c->from == newcomer->from) && makes_room(c, newcomer, now) &&
            (found == NULL || company(c) >= company(found)))
            found = c;
    if (found == NULL)
        return false;
    conn_end(found);
    return true;
}

bool room_make(struct gw_http_server *server, const struct conn *newcomer)
{
    return end_one(server, newcomer, false);
}

bool room_make_among(struct gw_http_server *server, const struct conn *newcomer)
{
    return end_one(server, newcomer, true);
}
