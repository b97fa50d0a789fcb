/* What must hold in the table of routes: names that exist, patterns that can be used, rows that can
 * hold at all. */
#include <stdio.h>
#include <string.h>

#include <libxml/xpath.h>

#include "gateway/config_schema.h"
#include "gateway/files.h"
#include "gateway/pattern.h"
#include "gateway/rule.h"
#include "gateway/transform.h"

#define SOURCES "endpoints, partners, intermediaries, xta_servers"
#define TARGETS "endpoints, partners, targets"

static void find(struct gw_config_reader *r, const void *at, int code, const char *key,
                 const char *value, const char *more, const char *text)
{
    const struct gw_explain_field fields[] = {{"key", key}, {"value", value}, {more, text}};

    gw_config_find(r->report, gw_config_line_of(r, at), code, false, fields, ARRAY_LEN(fields));
}

/* Names that stand under several keys of the settings, or none. */
static void named_check(struct gw_config_reader *r, enum gw_named named, const char *const *at,
                        const char *key, const char *list)
{
    if (named == GW_NAMED_NONE)
        find(r, at, GW_R_CONFIG_REFERENCE, key, *at, "list", list);
    if (named == GW_NAMED_SEVERAL)
        find(r, at, GW_R_CONFIG_AMBIGUOUS, key, *at, "list", list);
}

static void from_check(struct gw_config_reader *r, const struct gw_config *config,
                       const struct gw_rule_conf *rule)
{
    enum gw_rule_side first = GW_RULE_OUT, side;
    bool any = false;

    for (unsigned i = 0; i < rule->from_count; i++) {
        enum gw_named named;

        if (rule->from[i] == NULL)
            continue;
        named = gw_rule_source(config, rule->from[i], &side);
        named_check(r, named, &rule->from[i], "from", SOURCES);
        if (named != GW_NAMED_ONE)
            continue;
        if (any && side != first)
            find(r, &rule->from[i], GW_R_CONFIG_VALUE, "from", rule->from[i], "expected",
                 "endpoints only, or partners and peers only");
        if (!any)
            first = side;
        any = true;
    }
}

/* libxml2 would write to stderr; the finding says it instead. */
static void silence(void *ctx, xmlError *error)
{
    (void)ctx;
    (void)error;
}

bool gw_config_xpath_is_good(const char *xpath)
{
    xmlXPathContext *ctx = xmlXPathNewContext(NULL);
    xmlXPathCompExpr *expr;

    if (ctx == NULL)
        return true; /* the next allocation fails as well and is reported */
    ctx->error = silence;
    expr = xmlXPathCtxtCompile(ctx, BAD_CAST xpath);
    xmlXPathFreeContext(ctx);
    xmlXPathFreeCompExpr(expr);
    return expr != NULL;
}

static void content_check(struct gw_config_reader *r, const struct gw_content_conf *c)
{
    int kinds = (c->xpath != NULL) + (c->line > 0) + (c->lines > 0);
    struct error err = {0};

    if (kinds == 0)
        find(r, c, GW_R_CONFIG_MISSING, "xpath, line, lines", NULL, "", NULL);
    if (kinds > 1)
        find(r, c, GW_R_CONFIG_VALUE, "content", "xpath, line, lines", "expected", "one of them");
    if (c->xpath == NULL && c->equals == NULL && c->matches == NULL)
        find(r, c, GW_R_CONFIG_MISSING, "matches", NULL, "", NULL);
    if (c->xpath != NULL && !gw_config_xpath_is_good(c->xpath))
        find(r, &c->xpath, GW_R_CONFIG_VALUE, "xpath", c->xpath, "expected",
             "an XPath 1.0 expression");
    if (c->matches != NULL && gw_regex_check(c->matches, &err) != ST_OK)
        find(r, &c->matches, GW_R_CONFIG_REGEX, "matches", c->matches, "detail", err.text);
}

static void size_check(struct gw_config_reader *r, const struct gw_when_conf *when)
{
    char value[24];

    if (when->smaller_kb == 0 || when->larger_kb < when->smaller_kb)
        return;
    (void)snprintf(value, sizeof value, "%lld", (long long)when->smaller_kb);
    find(r, &when->smaller_kb, GW_R_CONFIG_VALUE, "smaller_kb", value, "expected",
         "more than larger_kb");
}

/* Is there a way of this kind to every partner that it may go to? */
static void delivery_check(struct gw_config_reader *r, const struct gw_config *config,
                           const struct gw_rule_conf *rule, const char *name)
{
    const struct gw_partner_conf *p = gw_config_partner(config, name);
    bool brings = rule->delivery == GW_WAY_FORWARD || rule->delivery == GW_WAY_MEDIATE;

    if (p != NULL && brings && p->xta != NULL) {
        find(r, &rule->delivery, GW_R_CONFIG_VALUE, "delivery", gw_way_name(rule->delivery),
             "expected", "store");
        return;
    }
    if (p != NULL && brings && p->receiver_url == NULL) {
        const struct gw_explain_field fields[] = {{"value", gw_way_name(rule->delivery)},
                                                  {"partner", p->name}};

        gw_config_find(r->report, gw_config_line_of(r, &rule->delivery), GW_R_CONFIG_WAY_URL, false,
                       fields, ARRAY_LEN(fields));
    }
}

static void to_check(struct gw_config_reader *r, const struct gw_config *config,
                     const struct gw_rule_conf *rule)
{
    for (unsigned i = 0; i < rule->to_count; i++) {
        struct gw_rule_target target;
        enum gw_named named;

        if (rule->to[i] == NULL)
            continue;
        named = gw_rule_target_of(config, rule->to[i], &target);
        named_check(r, named, &rule->to[i], "to", TARGETS);
        if (named == GW_NAMED_ONE && target.kind == GW_TO_ENDPOINT && rule->to_count > 1)
            find(r, &rule->to[i], GW_R_CONFIG_VALUE, "to", rule->to[i], "expected",
                 "an endpoint alone, which is never down");
        if (named == GW_NAMED_ONE && target.kind == GW_TO_PARTNER)
            delivery_check(r, config, rule, target.name);
        for (unsigned k = 0; k < i; k++)
            if (rule->to[k] != NULL && strcmp(rule->to[k], rule->to[i]) == 0)
                find(r, &rule->to[i], GW_R_CONFIG_VALUE, "to", rule->to[i], "expected",
                     "each destination once");
    }
}

/* Parts of file names. */
static void transform_check(struct gw_config_reader *r, const struct gw_transform_conf *t)
{
    const char *const *const texts[] = {&t->suffix, &t->files};
    static const char *const keys[] = {"suffix", "files"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (*texts[i] != NULL &&
            (strchr(*texts[i], '/') != NULL || !gw_name_is_printable(span_str(*texts[i]))))
            find(r, texts[i], GW_R_CONFIG_VALUE, keys[i], *texts[i], "expected",
                 "a part of a file name");
}

/* What never holds, because a row above it always does first, or is called the same. */
static void earlier_check(struct gw_config_reader *r, const struct gw_config *config, unsigned n)
{
    const struct gw_rule_conf *rule = &config->routes[n];
    char first[16];

    for (unsigned i = 0; i < n; i++) {
        const struct gw_rule_conf *earlier = &config->routes[i];
        const struct gw_explain_field fields[] = {{"key", "routes.name"},
                                                  {"value", rule->name},
                                                  {"route", earlier->name},
                                                  {"first", first}};

        (void)snprintf(first, sizeof first, "%d", gw_config_line_of(r, &earlier->name));
        if (strcmp(earlier->name, rule->name) == 0)
            gw_config_find(r->report, gw_config_line_of(r, &rule->name), GW_R_CONFIG_DUPLICATE_NAME,
                           false, fields, ARRAY_LEN(fields));
        if (!gw_rule_shadows(config, earlier, rule))
            continue;
        gw_config_find(r->report, gw_config_line_of(r, &rule->name), GW_R_CONFIG_ROUTE_SHADOWED,
                       true, fields, ARRAY_LEN(fields));
        return;
    }
}

void gw_config_check_rules(struct gw_config_reader *r, const struct gw_config *config)
{
    for (unsigned i = 0; i < config->routes_count; i++) {
        const struct gw_rule_conf *rule = &config->routes[i];

        from_check(r, config, rule);
        to_check(r, config, rule);
        size_check(r, &rule->when);
        if (rule->transform != NULL)
            transform_check(r, rule->transform);
        for (unsigned k = 0; k < rule->when.content_count; k++)
            content_check(r, &rule->when.content[k]);
    }
    /* compares rows as a whole: not where pieces are missing */
    for (unsigned i = 0; i < config->routes_count && r->report->errors == 0; i++)
        earlier_check(r, config, i);
}

/* A stylesheet is compiled: what is wrong with it is known before any message is. */
void gw_config_check_rule_files(struct gw_config_reader *r, const struct gw_config *config)
{
    for (unsigned i = 0; i < config->routes_count; i++) {
        const struct gw_transform_conf *conf = config->routes[i].transform;
        AUTO(gw_transform_drop) struct gw_transform *t = NULL;
        struct error err = {0};

        if (conf != NULL && conf->stylesheet != NULL &&
            gw_transform_new(conf->stylesheet, &t, &err) != ST_OK)
            find(r, &conf->stylesheet, GW_R_CONFIG_STYLESHEET, "stylesheet", conf->stylesheet,
                 "detail", err.text);
    }
}
