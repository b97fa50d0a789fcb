/*
 * conformance/assertion.h - the 112 assertions about OSCI-Transport 1.2 as one table
 *
 * An assertion has a number that never changes, a sentence of ours in German and English, the place
 * it comes from, the kind of evidence it takes, and the roles it can be asked of. There is one
 * result for each assertion and role.
 *
 * Source: OSCI 1.2 digest 13.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { CONF_ASSERTIONS = 112 };

/* What is looked at: an intermediary, while we are its clients; a client, while we are its
 * intermediary; a passive recipient, while we bring it something. */
enum conf_role { CONF_INTERMEDIARY, CONF_CLIENT, CONF_RECIPIENT, CONF_ROLES };

enum conf_kind {
    CONF_SCHEMA = 'X',   /* by the structure of messages */
    CONF_WIRE = 'W',     /* by the bytes of messages */
    CONF_BEHAVIOUR = 'B' /* by what happens */
};

struct conf_text { /* the same in both languages */
    const char *de, *en;
};

struct conf_assertion {
    unsigned number; /* 1 to 112 */
    enum conf_kind kind;
    const char *roles;  /* "ICR": first letters of those it can be asked of */
    const char *clause; /* sections of the digest */
    struct conf_text text;
};

/* NULL unless 1 <= number <= CONF_ASSERTIONS. */
const struct conf_assertion *conf_assertion(unsigned number);
bool conf_assertion_has(const struct conf_assertion *assertion, enum conf_role role);
/* "intermediary", "client", "recipient" */
const char *conf_role_name(enum conf_role role);
/* False when it is none. */
bool conf_role_find(const char *name, enum conf_role *role);
