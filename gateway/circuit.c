#include "gateway/circuit.h"

enum {
    REST_FIRST_MS = 2000,
    QUIET_MS = 10 * 60 * 1000,
    TELL_FIRST_MS = 60 * 60 * 1000,
    LONGER = 4
};

void gw_circuit_init(struct gw_circuit *c, unsigned lanes_max, int64_t rest_max_ms)
{
    *c = (struct gw_circuit){
        .lanes_max = lanes_max, .rest_max_ms = rest_max_ms, .allowed = lanes_max};
}

int64_t gw_circuit_down_since(const struct gw_circuit *c)
{
    return c->rest_until != 0 || c->probing ? c->since : 0;
}

enum gw_circuit_state gw_circuit_state(const struct gw_circuit *c, int64_t now)
{
    if (c->probing)
        return GW_CIRCUIT_TRYING;
    if (c->rest_until > now)
        return GW_CIRCUIT_OPEN;
    return c->rest_until != 0 || c->allowed < c->lanes_max ? GW_CIRCUIT_TRYING : GW_CIRCUIT_CLOSED;
}

bool gw_circuit_may(struct gw_circuit *c, int64_t now, unsigned under_way, int64_t *until)
{
    *until = 0;
    if (c->rest_until > now + 2 * c->rest_max_ms) /* the clock was set back */
        c->rest_until = now;
    if (c->rest_until > now) {
        *until = c->rest_until;
        return false;
    }
    if (c->rest_until != 0) /* one tries for all, whatever is still under way from before */
        return !c->probing;
    return under_way < c->allowed;
}

bool gw_circuit_begin(struct gw_circuit *c)
{
    return c->probing = c->rest_until != 0;
}

static int64_t rest_ms(const struct gw_circuit *c, uint16_t chance)
{
    int64_t ms = REST_FIRST_MS;

    for (unsigned i = 1; i < c->failures && ms < c->rest_max_ms; i++)
        ms *= 2;
    if (ms > c->rest_max_ms)
        ms = c->rest_max_ms;
    return ms + ms * ((int64_t)chance - 32768) / 32768 / 5;
}

/* Trouble begins or goes on: does the operator hear of it now? */
static enum gw_circuit_news tell(struct gw_circuit *c, int64_t now)
{
    bool first = !c->told;

    if (now < c->tell_at && c->tell_at <= now + c->tell_ms) /* or the clock was set back */
        return GW_NEWS_NONE;
    c->told = true;
    c->tell_ms = first ? TELL_FIRST_MS : c->tell_ms * LONGER;
    c->tell_at = now + c->tell_ms;
    return first ? GW_NEWS_DOWN : GW_NEWS_STILL;
}

static enum gw_circuit_news answered(struct gw_circuit *c, int64_t now, bool *back)
{
    bool told = c->told;

    *back = c->rest_until != 0;
    if (c->allowed < c->lanes_max)
        c->allowed++;
    c->failures = 0;
    c->since = c->rest_until = 0;
    c->told = false;
    if (!told)
        return GW_NEWS_NONE;
    c->tell_ms = QUIET_MS;
    c->tell_at = now + QUIET_MS;
    return GW_NEWS_UP;
}

enum gw_circuit_news gw_circuit_end(struct gw_circuit *c, bool probe, enum gw_contact contact,
                                    int64_t now, uint16_t chance, bool *back)
{
    *back = false;
    if (probe)
        c->probing = false;
    if (contact == GW_CONTACT_NONE)
        return GW_NEWS_NONE;
    if (contact == GW_CONTACT_MADE)
        return answered(c, now, back);
    if (c->rest_until != 0 && !probe)
        return GW_NEWS_NONE; /* what failed together with the first is no further failure */
    if (c->failures++ == 0)
        c->since = now;
    if (c->failures > 1 || contact == GW_CONTACT_FAILED) {
        /* one at a time, until it has answered */
        c->rest_until = now + rest_ms(c, chance);
        c->allowed = 1;
    }
    return tell(c, now);
}
