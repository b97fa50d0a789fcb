/* The passive recipient: we are the intermediary that brings it deliveries. */
#include "conformance/recipient.h"

static const struct conf_scenario scenarios[] = {
    {"accept", conf_recipient_accept, {1, 2, 5, 7, 23, 36, 92, 93}},
    {"alterations", conf_recipient_alterations, {3,  4,  6,  8,  10, 11, 12, 13, 14, 15,
                                                 16, 17, 18, 19, 20, 21, 22, 25, 26, 27,
                                                 29, 30, 31, 32, 33, 34, 37, 38, 39}},
    {"doctype", conf_recipient_doctype, {9}},
    {"two-readers", conf_recipient_readers, {35}},
    {"elliptic", conf_recipient_elliptic, {24}},
    {"features", conf_recipient_features, {42}},
    {"oracle", conf_recipient_oracle, {40}},
    {"twice", conf_recipient_twice, {95}},
    {"foreign", conf_recipient_foreign, {96}},
    {"tampered", conf_recipient_tampered, {97}},
    {"process", conf_recipient_process, {28, 41, 94}},
    {"status-services", conf_recipient_status_services, {110}},
    {"bounds", conf_recipient_bounds, {108}},
    {"mangled", conf_recipient_mangled, {112}},
};

const struct conf_scenario *conf_recipient_scenarios(size_t *count)
{
    *count = ARRAY_LEN(scenarios);
    return scenarios;
}
