/*
 * gateway/route.h - to whom a message of ours goes
 *
 * The table of routes decides (gateway/rule.h), on what is known of the message: its endpoint, its
 * name, what NAME.meta.yaml or the API say of it. Where no row of the table holds it goes to the
 * recipient that it names itself, else the endpoint's own routes are asked, the first whose
 * conditions all hold. Such a route looks at the file name and, by XPath, into the payload. One
 * that names files and takes the recipient from what stands in them has the last word on these
 * files. Nothing is guessed: a message without a recipient is refused, and err->reason says which
 * rule did not fit.
 */
#pragma once

#include "gateway/payload.h"
#include "gateway/rule.h"
#include "gateway/runtime.h"

enum { GW_META_MAX = 64 * 1024 };

/* Where and how; strings live in the arena or the settings. Zeroed is empty. */
struct gw_routing {
    const struct gw_partner *partner;   /* that the message names itself; NULL: none */
    const char *message_type, *subject; /* NULL: none */
    int priority;
    int64_t deliver_after; /* 0: at once */
    int64_t deliver_until; /* then it is worth nothing any more; 0: not said */
    enum gw_way delivery;
    struct gw_facts facts; /* what else is known; gw_route_outbound fills in the rest */
    /* what gw_route_outbound finds, as in the row of the message: */
    const char *peer, *recipient;
    const struct gw_rule_conf *rule; /* of the table; NULL: none of these */
    const char *facts_json;
};

/*
 * Reads a meta.yaml: recipient, message_type, subject, priority, deliver_after and deliver_until
 * (RFC 3339), and the facts ags, leitweg_id, process_id, service, author, reader, clerk. Whatever
 * it does not say stays as it is. ST_INVALID, GW_R_SPOOL_BAD_META: not YAML, or an unknown key;
 * ST_DENIED, GW_R_PARTNER_UNKNOWN: no such partner.
 */
MUST_CHECK enum status gw_route_meta(const struct gw_runtime *rt, struct span yaml,
                                     struct arena *arena, struct gw_routing *routing,
                                     struct error *err);

/* The same without asking who the recipient is. */
MUST_CHECK enum status gw_route_meta_facts(struct span yaml, struct arena *arena,
                                           struct gw_routing *routing, struct error *err);
/* What the endpoint's own routes say: one of them, and the name of the partner. Errors as
 * gw_route_outbound. */
MUST_CHECK enum status gw_route_endpoint(const struct gw_config *conf,
                                         const struct gw_endpoint_conf *endpoint,
                                         const char *file_name, struct gw_route_content *content,
                                         struct arena *arena, const struct gw_route_conf **route,
                                         const char **partner, struct error *err);
/* The file that conditions on content look into: the first whose name ends in ".xml", else the
 * first of all. */
MUST_CHECK enum status gw_route_payload(const struct gw_stage *stage, struct gw_file_source *source,
                                        struct error *err);
/*
 * Decides where a message of this endpoint goes: name is what was dropped, size all its payload,
 * payload the file that conditions on content look into, which is read only where there are some.
 * ST_DENIED: GW_R_SPOOL_NO_ROUTE, GW_R_ADDRESS_UNKNOWN, GW_R_SPOOL_XPATH_EMPTY, GW_R_SPOOL_NOT_XML,
 * GW_R_ROUTE_UNDECIDED, and as gw_route_to.
 */
MUST_CHECK enum status gw_route_outbound(const struct gw_runtime *rt,
                                         const struct gw_endpoint_conf *endpoint, const char *name,
                                         uint64_t size, struct source *payload, struct arena *arena,
                                         struct gw_routing *routing, struct error *err);
/* What a name in to means for a message's row: who gets it, by which destination. ST_DENIED,
 * GW_R_PARTNER_UNKNOWN: the settings have no such name any more. */
MUST_CHECK enum status gw_route_to(const struct gw_runtime *rt, const char *to, const char **peer,
                                   const char **recipient, struct error *err);
/* The same for the first destination of a rule that holds for a message of this tenant. ST_DENIED,
 * GW_R_TENANT_OTHER too: it is another tenant's. */
MUST_CHECK enum status gw_route_by(const struct gw_runtime *rt, const char *tenant,
                                   const struct gw_rule_conf *rule, const char **peer,
                                   const char **recipient, struct error *err);
