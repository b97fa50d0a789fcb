/*
 * gateway/rule.h - the table of routes: which of them holds for a message, and why
 *
 * The rows are those of "routes" in the settings, in their order; the first whose conditions all
 * hold decides. A row whose from names endpoints is for what these send, one whose from names
 * partners or peers for what these bring. What is not known of a message fits no pattern.
 *
 * A message that names its recipient itself (NAME.meta.yaml, API) is nobody else's to send
 * elsewhere: only rows with a condition on recipient are for it.
 *
 * Deciding keeps a trace, one entry for each row looked at, so that people can be told why.
 */
#pragma once

#include "gateway/config.h"
#include "gateway/route_content.h"

/* ---- names in from and to ---- */

enum gw_rule_to { GW_TO_ENDPOINT, GW_TO_PARTNER, GW_TO_TARGET };

struct gw_rule_target {
    enum gw_rule_to kind;
    const char *name; /* without what stands in front */
};

enum gw_named {
    GW_NAMED_ONE,
    GW_NAMED_NONE,    /* there is nothing of that name */
    GW_NAMED_SEVERAL, /* an endpoint and a partner, say: "endpoint:" in front tells them apart */
};

/* What a name in to means. *target is set where there is one. */
enum gw_named gw_rule_target_of(const struct gw_config *conf, const char *name,
                                struct gw_rule_target *target);
/* "endpoint", "partner", "target". Static. */
const char *gw_rule_to_name(enum gw_rule_to kind);

/* Whose it is; NULL: everybody's, or there is nothing of that name. */
const char *gw_rule_target_tenant(const struct gw_config *conf,
                                  const struct gw_rule_target *target);
/* The same of a name in from; NULL for "endpoints" and "peers", too. */
const char *gw_rule_source_tenant(const struct gw_config *conf, const char *name);

enum gw_rule_side { GW_RULE_OUT, GW_RULE_IN };
/* Whether a name in from is one of an endpoint or of a partner or peer. */
enum gw_named gw_rule_source(const struct gw_config *conf, const char *name,
                             enum gw_rule_side *side);
/* Of a row in settings that were checked. */
enum gw_rule_side gw_rule_side(const struct gw_config *conf, const struct gw_rule_conf *rule);
/* By name; NULL when there is none. */
const struct gw_rule_conf *gw_rule_find(const struct gw_config *conf, const char *name);

/* ---- deciding ---- */

enum gw_held {
    GW_HELD,
    GW_HELD_NOT,
    GW_HELD_UNKNOWN, /* a condition on content that is not there any more */
};

struct gw_rule_trace {
    const struct gw_rule_conf *rule;
    enum gw_held held;
    /* where it does not hold: the condition, as in the settings ("from", "ags", "content[2]"), what
     * it asks for, and what the message has; found NULL: nothing */
    const char *condition, *wanted, *found;
};

struct gw_decision {
    const struct gw_rule_conf *rule; /* NULL: none holds, or it is not known which */
    bool unknown;                    /* the last row of the trace might */
    struct gw_rule_trace *traces;
    size_t trace_count;
};

/*
 * Which row holds? content->payload NULL: its content is not there any more. In the arena.
 * ST_DENIED, GW_R_ROUTE_UNDECIDED: an XPath took too long on this content, so that nobody can say
 * which; GW_R_ROUTE_WORK: all together did; ST_LIMIT.
 */
MUST_CHECK enum status gw_rule_decide(const struct gw_config *conf, const struct gw_facts *facts,
                                      struct gw_route_content *content, struct arena *arena,
                                      struct gw_decision *decision, struct error *err);

/* ---- looking at the table ---- */

/* Can later never hold, because earlier takes whatever it could? False where that is not sure. */
bool gw_rule_shadows(const struct gw_config *conf, const struct gw_rule_conf *earlier,
                     const struct gw_rule_conf *later);
