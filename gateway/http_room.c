/*
 * Who makes room when a listener has as many connections as it may.
 *
 * A connection that waits for its client costs the client nothing, so those are what an attacker
 * collects: idle ones, heads and handshakes that never end, bodies that drip. What somebody is busy
 * with never makes room. Of the others, in this order:
 *
 *   1. who has not done in time what he came for, however few connections his address has;
 *   2. who has been idle for a while;
 *   3. who has just become idle, an upload that is slower than a poor line, and the newcomers of an
 *      address that has more than its share.
 *
 * Among these what does not move before what does, the slowest first; then of the address that is
 * furthest over its share; then the oldest.
 */
#include "gateway/http_conn.h"

/* So long nobody is hurried who has just come, has begun to speak, or is idle. */
enum { SILENT_MS = 1000, SPEAKING_MS = 3000, IDLE_MS = 3000 };
/*
 * A body has so long to begin to flow. From then on a place is earned: at less than CRAWL_BYTES a
 * second it has none; it keeps its place among others by CRAWL_BYTES a second for each second of
 * its age, up to FAIR_BYTES: half of what a line of 1 Mbit/s brings.
 */
enum { BODY_MS = 1000, CRAWL_BYTES = 8 * 1024, FAIR_BYTES = 64 * 1024 };
/* An address has so much of the places to itself before it counts how many it has; a site more. */
enum { SHARE_PART = 16, SITE_SHARES = 4 };

enum turn { TURN_NEVER, TURN_LAST, TURN_LATER, TURN_FIRST };

/* How it stands: who goes first. */
struct standing {
    enum turn turn;
    uint64_t pace; /* bytes of the body a second; 0: not a body */
    size_t excess;
};

static size_t beyond(size_t count, size_t share)
{
    return count > share ? count - share : 0;
}

/* By how many connections its address is over its share, or the site that the address is of. */
static size_t excess(const struct conn *c)
{
    size_t share = c->server->limits.connections_max / SHARE_PART, own, site;

    if (c->from == NULL)
        return 0;
    own = beyond(c->from->count, share);
    site = c->from->site == NULL ? 0 : beyond(c->from->site->count, SITE_SHARES * share);
    return own > site ? own : site;
}

/* A body that will not have moved what it must when its window ends. */
static bool drips(const struct conn *c, int64_t age)
{
    const struct gw_http_limits *limits = &c->server->limits;

    return age >= BODY_MS && (c->moved - c->moved_before) * (uint64_t)limits->window_ms <
                                 limits->window_bytes * (uint64_t)age;
}

static enum turn body_turn(const struct conn *c, uint64_t pace, int64_t now)
{
    uint64_t age = (uint64_t)(now - c->body_since), wanted = age * CRAWL_BYTES / 1000;

    if (drips(c, now - c->since))
        return TURN_FIRST;
    if (age < BODY_MS)
        return TURN_NEVER;
    if (pace < CRAWL_BYTES)
        return TURN_FIRST;
    return pace < (wanted < FAIR_BYTES ? wanted : FAIR_BYTES) ? TURN_LAST : TURN_NEVER;
}

static struct standing standing_of(const struct conn *c, const struct conn *newcomer, int64_t now)
{
    struct standing s = {.excess = excess(c)};
    int64_t age = now - c->since;

    if (c == newcomer)
        return s;
    switch (c->state) {
    case CONN_LINGER:
        s.turn = TURN_FIRST;
        break;
    case CONN_IDLE:
        s.turn = age >= IDLE_MS ? TURN_LATER : TURN_LAST;
        break;
    case CONN_HEAD:
        if (age >= (c->heard ? SPEAKING_MS : SILENT_MS))
            s.turn = TURN_FIRST;
        else if (newcomer != NULL && s.excess > excess(newcomer) + 1)
            s.turn = TURN_LAST;
        break;
    case CONN_BODY:
        s.pace = c->moved * 1000 / (uint64_t)(now - c->body_since + 1);
        s.turn = body_turn(c, s.pace, now);
        break;
    default:
        break;
    }
    return s;
}

/* Does it go before the other one, which is younger? */
static bool is_before(const struct standing *s, const struct standing *other)
{
    if (s->turn != other->turn)
        return s->turn > other->turn;
    if (s->pace != other->pace)
        return s->pace < other->pace;
    return s->excess >= other->excess;
}

static bool is_of(const struct gw_http_neighbour *from, const struct gw_http_neighbour *n)
{
    return n == NULL || from == n || (from != NULL && from->site == n);
}

bool room_make(struct gw_http_server *server, const struct conn *newcomer,
               const struct gw_http_neighbour *among)
{
    int64_t now = (int64_t)uv_now(gw_loop_uv(server->loop));
    struct standing found_at = {0};
    struct conn *found = NULL;

    for (struct conn *c = server->conns; c != NULL; c = c->next) {
        struct standing s = {0};

        if (is_of(c->from, among))
            s = standing_of(c, newcomer, now);
        if (s.turn == TURN_NEVER || (found != NULL && !is_before(&s, &found_at)))
            continue;
        found = c;
        found_at = s;
    }
    if (found == NULL)
        return false;
    conn_end(found);
    return true;
}
