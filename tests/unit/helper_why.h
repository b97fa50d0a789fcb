/*
 * helper_why.h - what `depesche why` says of a message, asked of a running API
 *
 * All of it fails the running test when something goes wrong.
 */
#pragma once

#include <jansson.h>

#include "helper_runtime.h"

/* What is to be found; the steps are part of what to do, or of what follows by itself. */
struct helper_finding {
    int code;
    const char *side, *grade;
    const char *step_de, *step_en;
};

/* Runs the command at the socket {dir}/api.sock; its exit code. id "": the worst first. Free *said.
 */
int helper_why(const struct helper_runtime *h, const char *id, const char *lang, bool json,
               char **said);
/* A member that is a string, "" when it is none. */
const char *helper_why_text(const json_t *json, const char *key);
/* Both languages, as JSON and in words: this finding, no hole, the right exit code. id "": it is
 * one of those without a message. */
void helper_why_expect(const struct helper_runtime *h, const char *id,
                       const struct helper_finding *f);
