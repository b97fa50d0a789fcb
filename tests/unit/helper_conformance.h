/*
 * helper_conformance.h - the conformance program against endpoints that do everything wrong
 *
 * A test that cannot fail says nothing. So the scenarios run here against endpoints that are wrong
 * on purpose, and what they find is counted.
 */
#pragma once

#include "conformance/http.h"
#include "conformance/run.h"

struct helper_conformance {
    char keys[64]; /* a folder with links to the keys of the vectors */
    char url[64];
    struct conf_settings settings;
    struct conf_run run;
    struct conf_listener *listener;
};

/* The endpoint is a handler in this process; NULL: none listens. */
void helper_conformance_open(struct helper_conformance *h, enum conf_role role,
                             conf_handler *handler, void *ctx);
void helper_conformance_close(struct helper_conformance *h);
/* All scenarios of the role whose names begin with only (NULL: all). */
void helper_conformance_run(struct helper_conformance *h, enum conf_role role, const char *only);
/* Fails the test unless each of the assertions, ended by 0, came to that. */
void helper_conformance_expect(const struct helper_conformance *h, enum conf_role role,
                               const unsigned char *numbers, enum conf_verdict verdict);
