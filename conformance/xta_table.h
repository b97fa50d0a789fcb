/*
 * conformance/xta_table.h - what both versions of XTA 2 call things, in this program's own words
 *
 * Operations with their ports, actions and declared exceptions, and the numbers of the code list.
 * The product has such a table too; a mistake there must not be repeated here, so this one was
 * written beside it from the same source.
 *
 * Source: XTA 2 digest 5 and 6.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum conf_xta_version { CONF_V3, CONF_V5, CONF_VERSIONS };

enum conf_ask {
    ASK_ACCOUNT,   /* checkAccountActive */
    ASK_NEW_ID,    /* createMessageId, createMessageID */
    ASK_LOOKUP,    /* lookupService */
    ASK_REPORT,    /* getTransportReport */
    ASK_CANCEL,    /* cancelMessage, V3 */
    ASK_SEND,      /* sendMessage */
    ASK_SEND_SYNC, /* sendMessageSync */
    ASK_LIST,      /* getStatusList */
    ASK_NEXT_LIST, /* getNextStatusList, V3 */
    ASK_GET,       /* getMessage */
    ASK_NEXT,      /* getNextMessage, V3 */
    ASK_CLOSE,     /* close */
    ASK_DELIVER,   /* deliverMessage, V5 */
    ASK_KINDS
};

struct conf_xta_operation {
    const char *name; /* NULL: the version has none */
    const char *port; /* "management", "send", "msgbox"; "base", "sender", "recipient", "reader" */
    const char *action; /* of the request */
    const char *faults; /* exceptions that are declared, as " PD TP " */
};

const struct conf_xta_operation *conf_xta_operation(enum conf_xta_version version,
                                                    enum conf_ask ask);
/* "" for an empty body. */
const char *conf_xta_answer_element(enum conf_xta_version version, enum conf_ask ask);
/* "PD" for PermissionDeniedException; NULL when the version has no such exception. */
const char *conf_xta_short(enum conf_xta_version version, const char *exception);
/* Does the number go with the exception of that short name? 9000 goes with any. */
bool conf_xta_number_fits(const char *short_name, const char *number);
/* The text of the code list; NULL: no such number, or one with a text of its own (9000). */
const char *conf_xta_number_text(const char *number);
/* Namespace of the version's own elements. */
const char *conf_xta_namespace(enum conf_xta_version version);
