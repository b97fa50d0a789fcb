/*
 * gateway/route_in.h - whither a message goes that has come in
 *
 * The table of routes decides (gateway/rule.h), on the peer that brought it, its sender and what
 * its metadata say; where no row holds, the reader's endpoint or "receives" does, as the doors have
 * it. A row leads to an endpoint of ours, or onward (gateway/onward.h): to a partner or a target.
 *
 * Not asked for replies to requests of ours, which belong to whom has asked, and for requests whose
 * sender waits.
 */
#pragma once

#include "gateway/payload.h"
#include "gateway/rule.h"
#include "gateway/runtime.h"
#include "xta/model.h"

/* Zeroed: no row holds. */
struct gw_route_in {
    const struct gw_rule_conf *rule;         /* NULL: none */
    const struct gw_endpoint_conf *endpoint; /* where it leads to one; else ... */
    const char *peer, *recipient;            /* ... onward, as in the row of a message */
    const char *facts_json;                  /* set in any case */
};

/* What MessageMetaData says. Properties whose key is the name of a fact are taken for it; the
 * process is that of the responder, else of the requester. In the arena. */
MUST_CHECK enum status gw_route_in_xta(const struct xta_metadata *metadata, struct arena *arena,
                                       struct gw_facts *facts, struct error *err);

/*
 * Decides. facts: peer, sender, subject, and what the metadata said; the rest is filled in here,
 * from the stage, whose payload files are closed. opened false: there is no content to look into.
 * ST_DENIED: it cannot be said which row holds, or it leads to another tenant than this one, whose
 * message it is; err says why.
 */
MUST_CHECK enum status gw_route_inbound(const struct gw_runtime *rt, const char *tenant,
                                        struct gw_facts *facts, const struct gw_stage *stage,
                                        struct arena *arena, struct gw_route_in *route,
                                        struct error *err);
/*
 * The same for a message that was kept: its row of the table is known by name, and leads where it
 * leads today. ST_NOT_FOUND: it took none, or there is none of that name any more. ST_DENIED as
 * above.
 */
MUST_CHECK enum status gw_route_kept(const struct gw_runtime *rt, const struct gw_message_row *row,
                                     struct gw_route_in *route, struct error *err);
