/* The client: we are its intermediary. */
#include "conformance/caller.h"

static const struct conf_scenario scenarios[] = {
    {"send", conf_caller_sends, {1, 2, 5, 7, 23, 36, 44, 52, 53, 54}},
    {"contents", conf_caller_contents, {28}},
    {"implicit", conf_caller_implicit, {43}},
    {"fetch", conf_caller_fetches, {35, 60}},
    {"nothing-found", conf_caller_nothing, {50}},
    {"lost-answer", conf_caller_lost, {51}},
    {"warnings", conf_caller_warnings, {49, 58}},
    {"faults", conf_caller_faults, {48, 57}},
    {"redirects", conf_caller_redirects, {59}},
    {"features", conf_caller_features, {42}},
    {"conversation-ids", conf_caller_conversations, {111}},
    {"durable", conf_caller_durable, {47}},
    {"answers", conf_caller_answers, {45, 46, 48, 56}},
    {"alterations", conf_caller_alterations, {3,  4,  6,  8,  10, 11, 12, 13, 14, 15,
                                              16, 17, 18, 19, 20, 21, 22, 25, 26, 27,
                                              29, 30, 31, 32, 33, 34, 37, 38, 39}},
    {"doctype", conf_caller_doctype, {9}},
    {"status-services", conf_caller_status_services, {110}},
    {"bounds", conf_caller_bounds, {108}},
    {"mangled", conf_caller_mangled, {112}},
    {"chunks", conf_caller_chunks, {98, 99}},
    {"chunks-refused", conf_caller_chunks_refused, {107}},
    {"unseen", conf_caller_unseen, {24, 40, 55, 109}},
};

const struct conf_scenario *conf_client_scenarios(size_t *count)
{
    *count = ARRAY_LEN(scenarios);
    return scenarios;
}
