/*
 * conformance/assertion.h - the numbered assertions, about OSCI-Transport 1.2 and about XTA 2
 *
 * An assertion has a number that never changes, a sentence of ours in German and English, the place
 * it comes from, the kind of evidence it takes, and the roles it can be asked of. There is one
 * result for each assertion and role. A suite is the assertions about one standard, each with
 * numbers of its own; XTA leaves some out. The two versions of XTA are two roles, since what serves
 * one well may fail in the other.
 *
 * Source: OSCI 1.2 digest 13; XTA 2 digest 12.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum conf_suite { CONF_OSCI, CONF_XTA, CONF_SUITES };
enum { CONF_NUMBERS = 153 }; /* the highest number of any suite */

/* What is looked at: an intermediary, while we are its clients; a client, while we are its
 * intermediary; a passive recipient, while we bring it something. Of XTA: a server, while we are
 * author and reader; a reader's own port; a client, while we are its server. */
enum conf_role {
    CONF_INTERMEDIARY,
    CONF_CLIENT,
    CONF_RECIPIENT,
    CONF_SERVER_V3,
    CONF_SERVER_V5,
    CONF_READER_V5,
    CONF_XTA_CLIENT_V3,
    CONF_XTA_CLIENT_V5,
    CONF_ROLES
};

enum conf_kind {
    CONF_SCHEMA = 'X',   /* by the structure of messages */
    CONF_WIRE = 'W',     /* by the bytes of messages */
    CONF_BEHAVIOUR = 'B' /* by what happens */
};

struct conf_text { /* the same in both languages */
    const char *de, *en;
};

struct conf_assertion {
    unsigned number;
    enum conf_kind kind;
    const char *roles; /* "ICR", "S35", "C3": first letters of those it can be asked of, versions */
    const char *clause; /* sections of the digest */
    struct conf_text text;
};

struct conf_role_row {
    enum conf_suite suite;
    char letter, version_letter; /* as in conf_assertion.roles; version_letter 0: there is one */
    const char *name;            /* alone in all suites: "server-v3" */
    const char *role, *version;  /* as they are reported: "server", "v3"; version may be NULL */
    struct conf_text text;
};

/* NULL when the suite has no such number. */
const struct conf_assertion *conf_assertion(enum conf_suite suite, unsigned number);
const char *conf_suite_name(enum conf_suite suite); /* "OSCI", "XTA" */
const struct conf_role_row *conf_role(enum conf_role role);
/* Can that assertion of the role's suite be asked of it? */
bool conf_role_asks(enum conf_role role, unsigned number);

/* The tables; numbers of XTA that were left out are zeroed. */
const struct conf_assertion *conf_osci_assertion(unsigned number);
const struct conf_assertion *conf_xta_assertion(unsigned number);
