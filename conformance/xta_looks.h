/*
 * conformance/xta_looks.h - what every answer and every fault of an XTA server must keep
 *
 * Looked at after each exchange, whatever the scenario was about: XTA-001, 010 to 013, 015 to 018,
 * 108. An answer that is no envelope at all says nothing about them but where one was due.
 *
 * Source: XTA 2 digest 3, 5, 6.
 */
#pragma once

#include "conformance/xta_wire.h"

void conf_xta_look(const struct conf_xta_request *q, const struct conf_xta_reply *reply);

/* NULL, or the first thing that the schemas of the version do not allow, in why: our own ones, and
 * the official ones where --xta-schemas names them. Attachments are taken as read. */
const char *conf_xta_invalid(struct conf_run *run, enum conf_xta_version version, xmlDoc *doc,
                             char *why, size_t cap);
