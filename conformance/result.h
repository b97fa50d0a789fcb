/*
 * conformance/result.h - what was found, for each assertion and role
 *
 * A scenario may look at an assertion many times, and several scenarios at the same one. One
 * failure makes the result a failure, and its reason stays; else one passed look makes it pass;
 * else it is untestable, with the reason why. What nobody looked at is untestable too, because the
 * role was not run or a black box cannot see it.
 *
 * Thread-safe: fake endpoints look at what they get from threads of their own.
 */
#pragma once

#include <pthread.h>

#include "conformance/assertion.h"
#include "crypto/base/cleanup.h"

enum conf_verdict { CONF_NOT_RUN, CONF_UNTESTABLE, CONF_PASS, CONF_FAIL };
enum { CONF_REASON_MAX = 400, CONF_SCENARIOS_MAX = 8 };

struct conf_result {
    enum conf_verdict verdict;
    unsigned looks;                                /* passed and failed */
    char de[CONF_REASON_MAX], en[CONF_REASON_MAX]; /* why it failed or is untestable; of a pass,
                                                      what was looked at, or empty */
    const char *scenarios[CONF_SCENARIOS_MAX];     /* names, for the evidence; borrowed */
    size_t scenario_count;
};

struct conf_results {
    pthread_mutex_t lock;
    struct conf_result of[CONF_NUMBERS + 1][CONF_ROLES];
    bool looked[CONF_NUMBERS + 1]; /* since the scenario began, which forgets the one before */
};

void conf_results_init(struct conf_results *results);
void conf_results_deinit(struct conf_results *results);
/* reason is copied; de NULL: English in both languages; en NULL: none. */
void conf_results_add(struct conf_results *results, unsigned number, enum conf_role role,
                      enum conf_verdict verdict, const char *scenario, const char *de,
                      const char *en);
/* Fills what was not looked at: role_run says which roles were. */
void conf_results_close(struct conf_results *results, const bool role_run[CONF_ROLES]);
size_t conf_results_count(const struct conf_results *results, enum conf_role role,
                          enum conf_verdict verdict);
/* "pass", "fail", "untestable" */
const char *conf_verdict_name(enum conf_verdict verdict);
