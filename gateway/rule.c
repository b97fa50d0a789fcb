#include "gateway/rule.h"

#include <assert.h>
#include <stdio.h>

#include "gateway/pattern.h"

#define ALL_ENDPOINTS "endpoints"
#define ALL_PEERS "peers"

/* ---- names ---- */

static const struct prefix {
    const char *text;
    enum gw_rule_to kind;
} prefixes[] = {
    {"endpoint:", GW_TO_ENDPOINT}, {"partner:", GW_TO_PARTNER}, {"target:", GW_TO_TARGET}};

static bool kind_has(const struct gw_config *conf, enum gw_rule_to kind, const char *name)
{
    switch (kind) {
    case GW_TO_ENDPOINT:
        return gw_config_endpoint(conf, name) != NULL;
    case GW_TO_PARTNER:
        return gw_config_partner(conf, name) != NULL;
    case GW_TO_TARGET:
        return gw_config_target(conf, name) != NULL;
    }
    return false;
}

const char *gw_rule_to_name(enum gw_rule_to kind)
{
    static const char *const names[] = {"endpoint", "partner", "target"};

    assert((size_t)kind < ARRAY_LEN(names));
    return names[kind];
}

enum gw_named gw_rule_target_of(const struct gw_config *conf, const char *name,
                                struct gw_rule_target *target)
{
    size_t found = 0;

    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        size_t len = strlen(prefixes[i].text);

        if (strncmp(name, prefixes[i].text, len) != 0)
            continue;
        *target = (struct gw_rule_target){prefixes[i].kind, name + len};
        return kind_has(conf, target->kind, target->name) ? GW_NAMED_ONE : GW_NAMED_NONE;
    }
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (kind_has(conf, prefixes[i].kind, name) && found++ == 0)
            *target = (struct gw_rule_target){prefixes[i].kind, name};
    return found == 0 ? GW_NAMED_NONE : found == 1 ? GW_NAMED_ONE : GW_NAMED_SEVERAL;
}

static bool is_peer(const struct gw_config *conf, const char *name)
{
    if (gw_config_intermediary(conf, name) != NULL)
        return true;
    for (unsigned i = 0; i < conf->xta_servers_count; i++)
        if (conf->xta_servers[i].name != NULL && strcmp(conf->xta_servers[i].name, name) == 0)
            return true;
    return false;
}

/* A name in from: what it may mean, and how it is called there. */
struct origin {
    bool endpoint, partner, peer, all;
    const char *name;
};

static struct origin origin_of(const struct gw_config *conf, const char *name)
{
    static const char *const words[] = {"endpoint:", "partner:", "peer:"};
    struct origin o = {.name = name};
    size_t i = 0;

    if (strcmp(name, ALL_ENDPOINTS) == 0 || strcmp(name, ALL_PEERS) == 0) {
        o.all = true;
        o.endpoint = strcmp(name, ALL_ENDPOINTS) == 0;
        o.peer = !o.endpoint;
        return o;
    }
    while (i < ARRAY_LEN(words) && strncmp(name, words[i], strlen(words[i])) != 0)
        i++;
    if (i < ARRAY_LEN(words))
        o.name = name + strlen(words[i]);
    if (i == 0 || i == ARRAY_LEN(words))
        o.endpoint = gw_config_endpoint(conf, o.name) != NULL;
    if (i == 1 || i == ARRAY_LEN(words))
        o.partner = gw_config_partner(conf, o.name) != NULL;
    if (i == 2 || i == ARRAY_LEN(words))
        o.peer = is_peer(conf, o.name);
    return o;
}

enum gw_named gw_rule_source(const struct gw_config *conf, const char *name,
                             enum gw_rule_side *side)
{
    struct origin o = origin_of(conf, name);

    if (!o.endpoint && !o.partner && !o.peer)
        return GW_NAMED_NONE;
    if (o.endpoint && (o.partner || o.peer))
        return GW_NAMED_SEVERAL;
    *side = o.endpoint ? GW_RULE_OUT : GW_RULE_IN;
    return GW_NAMED_ONE;
}

/* ---- tenants ---- */

static const char *endpoint_tenant(const struct gw_config *conf, const char *name)
{
    const struct gw_endpoint_conf *e = gw_config_endpoint(conf, name);

    return e == NULL ? NULL : e->tenant;
}

static const char *partner_tenant(const struct gw_config *conf, const char *name)
{
    const struct gw_partner_conf *p = gw_config_partner(conf, name);

    return p == NULL ? NULL : gw_config_partner_tenant(conf, p);
}

const char *gw_rule_target_tenant(const struct gw_config *conf, const struct gw_rule_target *target)
{
    return target->kind == GW_TO_ENDPOINT  ? endpoint_tenant(conf, target->name)
           : target->kind == GW_TO_PARTNER ? partner_tenant(conf, target->name)
                                           : NULL;
}

const char *gw_rule_source_tenant(const struct gw_config *conf, const char *name)
{
    struct origin o = origin_of(conf, name);

    if (o.all)
        return NULL;
    if (o.endpoint)
        return endpoint_tenant(conf, o.name);
    if (o.partner)
        return partner_tenant(conf, o.name);
    return gw_config_destination_tenant(conf, o.name);
}

enum gw_rule_side gw_rule_side(const struct gw_config *conf, const struct gw_rule_conf *rule)
{
    enum gw_rule_side side = GW_RULE_OUT;

    (void)gw_rule_source(conf, rule->from[0], &side);
    return side;
}

const struct gw_rule_conf *gw_rule_find(const struct gw_config *conf, const char *name)
{
    for (unsigned i = 0; name != NULL && i < conf->routes_count; i++)
        if (strcmp(conf->routes[i].name, name) == 0)
            return &conf->routes[i];
    return NULL;
}

/* ---- deciding ---- */

struct deciding {
    const struct gw_config *conf;
    const struct gw_facts *facts;
    struct gw_route_content *content;
    struct arena *arena;
    struct gw_rule_trace *trace; /* of the row that is looked at */
};

static bool same(const char *a, const char *b)
{
    return a != NULL && strcmp(a, b) == 0;
}

/* "a, b, c" in the arena, cut where it gets long; NULL: no memory. */
static const char *list_text(struct arena *arena, const char *const *list, unsigned count)
{
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, 64 * 1024);
    for (unsigned i = 0; i < count; i++) {
        if (b.len > 200) {
            buf_str(&b, ", ...");
            break;
        }
        buf_printf(&b, "%s%s", i > 0 ? ", " : "", list[i]);
    }
    return b.failed ? NULL : arena_str(arena, buf_span(&b));
}

/* The row does not hold, for this condition. */
static enum status held_not(struct deciding *d, const char *condition, const char *wanted,
                            const char *found, struct error *err)
{
    d->trace->held = GW_HELD_NOT;
    d->trace->condition = condition;
    d->trace->wanted = wanted;
    d->trace->found = found;
    TRY_ALLOC(wanted, err);
    return ST_OK;
}

static enum status from_check(struct deciding *d, const struct gw_rule_conf *rule,
                              struct error *err)
{
    const struct gw_facts *f = d->facts;
    const char *sender = f->of[GW_FACT_SENDER];

    for (unsigned i = 0; i < rule->from_count; i++) {
        struct origin o = origin_of(d->conf, rule->from[i]);

        if (o.all        ? o.peer == f->inbound
            : f->inbound ? (o.partner && same(sender, o.name)) ||
                               (o.peer && same(f->of[GW_FACT_PEER], o.name))
                         : o.endpoint && same(f->of[GW_FACT_ENDPOINT], o.name))
            return ST_OK;
    }
    return held_not(d, "from", list_text(d->arena, rule->from, rule->from_count),
                    !f->inbound      ? f->of[GW_FACT_ENDPOINT]
                    : sender != NULL ? sender
                                     : f->of[GW_FACT_PEER],
                    err);
}

static bool any_fits(const struct gw_patterns_conf *patterns, const char *text)
{
    for (unsigned i = 0; text != NULL && i < patterns->any_count; i++)
        if (gw_glob_match(patterns->any[i], text))
            return true;
    return false;
}

static enum status facts_check(struct deciding *d, const struct gw_rule_conf *rule,
                               struct error *err)
{
    const char *named = d->facts->of[GW_FACT_RECIPIENT];

    if (named != NULL && rule->when.of[GW_FACT_RECIPIENT].any_count == 0)
        return held_not(d, "recipient", "", named, err);
    for (size_t i = 0; i < GW_FACT_COUNT; i++) {
        const struct gw_patterns_conf *p = &rule->when.of[i];

        if (p->any_count > 0 && !any_fits(p, d->facts->of[i]))
            return held_not(d, gw_fact_name((enum gw_fact)i),
                            list_text(d->arena, p->any, p->any_count), d->facts->of[i], err);
    }
    return ST_OK;
}

static enum status size_check(struct deciding *d, const struct gw_rule_conf *rule,
                              struct error *err)
{
    uint64_t size = d->facts->size;
    int64_t larger = rule->when.larger_kb, smaller = rule->when.smaller_kb;
    bool too_small = larger > 0 && size < (uint64_t)larger * 1024;
    char wanted[32], found[32];

    if (!too_small && (smaller == 0 || size < (uint64_t)smaller * 1024))
        return ST_OK;
    (void)snprintf(wanted, sizeof wanted, "%lld KB", (long long)(too_small ? larger : smaller));
    (void)snprintf(found, sizeof found, "%.1f KB", (double)size / 1024);
    return held_not(d, too_small ? "larger_kb" : "smaller_kb",
                    arena_str(d->arena, span_str(wanted)), arena_str(d->arena, span_str(found)),
                    err);
}

/* Does the text that was found say what is asked for? */
static enum status says(const struct gw_content_conf *c, struct span text, bool *yes,
                        struct error *err)
{
    *yes = true;
    if (c->equals != NULL)
        *yes = span_is(text, c->equals);
    if (*yes && c->matches != NULL)
        return gw_regex_match(c->matches, text, yes, err);
    return ST_OK;
}

static enum status xpath_look(struct deciding *d, const struct gw_content_conf *c, bool *yes,
                              struct span *found, struct error *err)
{
    const xmlDoc *doc = gw_route_content_tree(d->content);

    *yes = false;
    if (doc == NULL) {
        *found = span_str(d->content->why.text);
        return ST_OK;
    }
    TRY(gw_route_xpath(d->content, c->xpath, d->arena, found, err));
    return found->len == 0 ? ST_OK : says(c, *found, yes, err);
}

static enum status lines_look(struct deciding *d, const struct gw_content_conf *c, bool *yes,
                              struct span *found, struct error *err)
{
    unsigned first = c->line > 0 ? (unsigned)c->line : 1;
    unsigned last = c->line > 0 ? (unsigned)c->line : (unsigned)c->lines;
    struct span line;

    *yes = false;
    for (unsigned n = first; n <= last && !*yes; n++) {
        if (!gw_route_content_line(d->content, n, &line))
            break;
        if (n == first)
            *found = line;
        TRY(says(c, line, yes, err));
    }
    return ST_OK;
}

/* What a condition on content asks for, in words. */
static const char *content_text(struct arena *arena, const struct gw_content_conf *c)
{
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, 8192);
    if (c->xpath != NULL)
        buf_str(&b, c->xpath);
    else
        buf_printf(&b, "%s %lld", c->line > 0 ? "line" : "lines",
                   (long long)(c->line > 0 ? c->line : c->lines));
    if (c->equals != NULL)
        buf_printf(&b, " equals %s", c->equals);
    if (c->matches != NULL)
        buf_printf(&b, " matches %s", c->matches);
    return b.failed ? NULL : arena_str(arena, buf_span(&b));
}

/* A piece of somebody's payload, for people: short, and printable. */
static const char *found_text(struct arena *arena, struct span found)
{
    char *text = arena_str(arena, span_sub(found, 0, 80));

    if (text == NULL || found.ptr == NULL)
        return NULL;
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return text;
}

static enum status content_check(struct deciding *d, const struct gw_rule_conf *rule,
                                 struct error *err)
{
    for (unsigned i = 0; i < rule->when.content_count; i++) {
        const struct gw_content_conf *c = &rule->when.content[i];
        struct span found = SPAN_NONE;
        char condition[24];
        bool yes;

        (void)snprintf(condition, sizeof condition, "content[%u]", i + 1);
        if (d->content->payload != NULL) {
            TRY(c->xpath != NULL ? xpath_look(d, c, &yes, &found, err)
                                 : lines_look(d, c, &yes, &found, err));
            if (yes)
                continue;
        }
        TRY(held_not(d, arena_str(d->arena, span_str(condition)), content_text(d->arena, c),
                     found_text(d->arena, found), err));
        if (d->content->payload == NULL)
            d->trace->held = GW_HELD_UNKNOWN;
        return ST_OK;
    }
    return ST_OK;
}

static enum status rule_try(struct deciding *d, const struct gw_rule_conf *rule, struct error *err)
{
    typedef enum status (*check_fn)(struct deciding *, const struct gw_rule_conf *, struct error *);
    static const check_fn checks[] = {from_check, facts_check, size_check, content_check};

    d->trace->rule = rule;
    d->trace->held = GW_HELD;
    for (size_t i = 0; i < ARRAY_LEN(checks) && d->trace->held == GW_HELD; i++)
        TRY(checks[i](d, rule, err));
    return ST_OK;
}

enum status gw_rule_decide(const struct gw_config *conf, const struct gw_facts *facts,
                           struct gw_route_content *content, struct arena *arena,
                           struct gw_decision *decision, struct error *err)
{
    struct deciding d = {conf, facts, content, arena, NULL};
    struct gw_decision out = {0};

    out.traces = arena_array(arena, sizeof *out.traces, conf->routes_count + 1);
    TRY_ALLOC(out.traces, err);
    for (unsigned i = 0; i < conf->routes_count && out.rule == NULL && !out.unknown; i++) {
        d.trace = &out.traces[out.trace_count++];
        TRY(rule_try(&d, &conf->routes[i], err));
        if (d.trace->held == GW_HELD)
            out.rule = d.trace->rule;
        out.unknown = d.trace->held == GW_HELD_UNKNOWN;
    }
    *decision = out;
    return ST_OK;
}

/* ---- shadows ---- */

static bool from_covers(const struct gw_config *conf, const struct gw_rule_conf *a,
                        const struct gw_rule_conf *b)
{
    for (unsigned i = 0; i < b->from_count; i++) {
        struct origin y = origin_of(conf, b->from[i]);
        bool covered = false;

        for (unsigned k = 0; k < a->from_count && !covered; k++) {
            struct origin x = origin_of(conf, a->from[k]);

            covered = x.all ? x.endpoint == y.endpoint
                            : !y.all && x.endpoint == y.endpoint && x.partner == y.partner &&
                                  x.peer == y.peer && strcmp(x.name, y.name) == 0;
        }
        if (!covered)
            return false;
    }
    return true;
}

static bool patterns_cover(const struct gw_patterns_conf *a, const struct gw_patterns_conf *b)
{
    if (a->any_count == 0)
        return true;
    for (unsigned i = 0; i < b->any_count; i++) {
        bool covered = false;

        for (unsigned k = 0; k < a->any_count && !covered; k++)
            covered = gw_glob_covers(a->any[k], b->any[i]);
        if (!covered)
            return false;
    }
    return b->any_count > 0;
}

static bool text_eq(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Every condition of a is one of b's, too. */
static bool content_covers(const struct gw_when_conf *a, const struct gw_when_conf *b)
{
    for (unsigned i = 0; i < a->content_count; i++) {
        const struct gw_content_conf *x = &a->content[i];
        bool found = false;

        for (unsigned k = 0; k < b->content_count && !found; k++) {
            const struct gw_content_conf *y = &b->content[k];

            found = text_eq(x->xpath, y->xpath) && x->line == y->line && x->lines == y->lines &&
                    text_eq(x->equals, y->equals) && text_eq(x->matches, y->matches);
        }
        if (!found)
            return false;
    }
    return true;
}

bool gw_rule_shadows(const struct gw_config *conf, const struct gw_rule_conf *earlier,
                     const struct gw_rule_conf *later)
{
    const struct gw_when_conf *a = &earlier->when, *b = &later->when;

    if (!from_covers(conf, earlier, later))
        return false;
    /* one is for messages that name their recipient, the other for those that do not */
    if (a->of[GW_FACT_RECIPIENT].any_count == 0 && b->of[GW_FACT_RECIPIENT].any_count > 0)
        return false;
    for (size_t i = 0; i < GW_FACT_COUNT; i++)
        if (!patterns_cover(&a->of[i], &b->of[i]))
            return false;
    if (a->larger_kb > b->larger_kb ||
        (a->smaller_kb > 0 && (b->smaller_kb == 0 || b->smaller_kb > a->smaller_kb)))
        return false;
    return content_covers(a, b);
}
