/*
 * gateway/xta_table.h - the table of routes for what programs send by XTA; private to
 * gateway/xta_*.c
 *
 * As for the other doors: who names somebody that is known, by the reader, is nobody else's to send
 * elsewhere, so that only rows with a condition on recipient are for it; whom nobody knows, the
 * whole table is asked for. Not asked for sendMessageSync, whose author waits for that very reader.
 *
 * Source: docs/decisions/0077-table-of-routes.md.
 */
#pragma once

#include "gateway/xta_sending.h"

/*
 * Fills s->route, and of s->row peer and recipient, route and facts, subject and message type where
 * the message has none; s->way where the row has another. Refuses as gw_xta_route_message, and what
 * nobody can decide.
 */
MUST_CHECK enum status gw_xta_table_route(struct gw_xta_sending *s, enum gw_directory_mode mode,
                                          struct error *err);
