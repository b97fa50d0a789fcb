#include "conformance/result.h"

#include <stdio.h>
#include <string.h>

void conf_results_init(struct conf_results *results)
{
    *results = (struct conf_results){0};
    (void)pthread_mutex_init(&results->lock, NULL);
}

void conf_results_deinit(struct conf_results *results)
{
    (void)pthread_mutex_destroy(&results->lock);
}

static void scenario_note(struct conf_result *r, const char *scenario)
{
    if (scenario == NULL)
        return;
    for (size_t i = 0; i < r->scenario_count; i++)
        if (strcmp(r->scenarios[i], scenario) == 0)
            return;
    if (r->scenario_count < CONF_SCENARIOS_MAX)
        r->scenarios[r->scenario_count++] = scenario;
}

void conf_results_add(struct conf_results *results, unsigned number, enum conf_role role,
                      enum conf_verdict verdict, const char *scenario, const char *de,
                      const char *en)
{
    struct conf_result *r = &results->of[number][role];
    bool says_why;

    (void)pthread_mutex_lock(&results->lock);
    says_why = verdict > r->verdict || (verdict == r->verdict && r->en[0] == '\0');
    if (verdict == CONF_PASS || verdict == CONF_FAIL)
        r->looks++;
    scenario_note(r, scenario);
    results->looked[number] = true;
    if (says_why) {
        r->verdict = verdict;
        (void)snprintf(r->en, sizeof r->en, "%s", en != NULL ? en : "");
        (void)snprintf(r->de, sizeof r->de, "%s", de != NULL ? de : r->en);
    }
    (void)pthread_mutex_unlock(&results->lock);
}

void conf_results_close(struct conf_results *results, const bool role_run[CONF_ROLES])
{
    for (unsigned n = 1; n <= CONF_NUMBERS; n++)
        for (enum conf_role role = 0; role < CONF_ROLES; role++) {
            if (!conf_role_asks(role, n) || results->of[n][role].verdict != CONF_NOT_RUN)
                continue;
            if (role_run[role])
                conf_results_add(results, n, role, CONF_UNTESTABLE, NULL,
                                 "keines der Szenarien dieses Laufs betrachtet es",
                                 "none of this run's scenarios looks at it");
            else
                conf_results_add(results, n, role, CONF_UNTESTABLE, NULL,
                                 "diese Rolle wurde nicht geprüft: keine URL angegeben",
                                 "this role was not run: no URL was given");
        }
}

size_t conf_results_count(const struct conf_results *results, enum conf_role role,
                          enum conf_verdict verdict)
{
    size_t count = 0;

    for (unsigned n = 1; n <= CONF_NUMBERS; n++)
        count += conf_role_asks(role, n) && results->of[n][role].verdict == verdict;
    return count;
}

const char *conf_verdict_name(enum conf_verdict verdict)
{
    static const char *const names[] = {"untestable", "untestable", "pass", "fail"};

    return names[verdict];
}
