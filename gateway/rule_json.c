#include "gateway/rule_json.h"

#include "gateway/message_json.h"

static json_t *list_json(const char *const *list, unsigned count)
{
    json_t *json = json_array();

    for (unsigned i = 0; i < count; i++)
        gw_json_append(&json, gw_json_text(list[i]));
    return json;
}

static void text_put(json_t **json, const char *key, const char *text)
{
    if (text != NULL)
        gw_json_put(json, key, gw_json_text(text));
}

static void number_put(json_t **json, const char *key, int64_t number)
{
    if (number != 0)
        gw_json_put(json, key, json_integer(number));
}

static json_t *content_json(const struct gw_content_conf *c)
{
    json_t *json = json_object();

    text_put(&json, "xpath", c->xpath);
    number_put(&json, "line", c->line);
    number_put(&json, "lines", c->lines);
    text_put(&json, "equals", c->equals);
    text_put(&json, "matches", c->matches);
    return json;
}

static json_t *when_json(const struct gw_when_conf *when)
{
    json_t *json = json_object(), *content = json_array();

    for (size_t i = 0; i < GW_FACT_COUNT; i++)
        if (when->of[i].any_count > 0)
            gw_json_put(&json, gw_fact_name((enum gw_fact)i),
                        list_json(when->of[i].any, when->of[i].any_count));
    number_put(&json, "larger_kb", when->larger_kb);
    number_put(&json, "smaller_kb", when->smaller_kb);
    for (unsigned i = 0; i < when->content_count; i++)
        gw_json_append(&content, content_json(&when->content[i]));
    if (when->content_count > 0)
        gw_json_put(&json, "content", content);
    else
        json_decref(content);
    return json;
}

static json_t *to_json(const struct gw_config *conf, const char *name)
{
    struct gw_rule_target target;
    json_t *json = json_object();

    if (gw_rule_target_of(conf, name, &target) != GW_NAMED_ONE)
        return json;
    gw_json_put(&json, "kind", json_string(gw_rule_to_name(target.kind)));
    gw_json_put(&json, "name", gw_json_text(target.name));
    return json;
}

static json_t *transform_json(const struct gw_transform_conf *t)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "stylesheet", t->stylesheet, "files", t->files,
                     "suffix", t->suffix, "when_impossible",
                     t->when_impossible == GW_UNTRANSFORMED_HOLD ? "hold" : "pass");
}

json_t *gw_rule_json(const struct gw_config *conf, const struct gw_rule_conf *rule)
{
    json_t *json = json_object(), *to = json_array();

    gw_json_put(&json, "name", gw_json_text(rule->name));
    gw_json_put(&json, "direction",
                json_string(gw_rule_side(conf, rule) == GW_RULE_OUT ? "out" : "in"));
    gw_json_put(&json, "from", list_json(rule->from, rule->from_count));
    gw_json_put(&json, "when", when_json(&rule->when));
    for (unsigned i = 0; i < rule->to_count; i++)
        gw_json_append(&to, to_json(conf, rule->to[i]));
    gw_json_put(&json, "to", to);
    gw_json_put(&json, "after_seconds", json_integer(rule->after_seconds));
    text_put(&json, "message_type", rule->message_type);
    text_put(&json, "subject", rule->subject);
    text_put(&json, "delivery", gw_way_name(rule->delivery));
    if (rule->transform != NULL)
        gw_json_put(&json, "transform", transform_json(rule->transform));
    return json;
}

json_t *gw_rule_trace_json(const struct gw_rule_trace *trace)
{
    static const char *const held[] = {
        [GW_HELD] = "yes", [GW_HELD_NOT] = "no", [GW_HELD_UNKNOWN] = "unknown"};
    json_t *json = json_object();

    gw_json_put(&json, "route", gw_json_text(trace->rule->name));
    gw_json_put(&json, "held", json_string(held[trace->held]));
    if (trace->held == GW_HELD)
        return json;
    gw_json_put(&json, "condition", gw_json_text(trace->condition));
    gw_json_put(&json, "wanted", gw_json_text(trace->wanted));
    gw_json_put(&json, "found", gw_json_text(trace->found));
    return json;
}
