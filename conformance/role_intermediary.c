#include "conformance/http.h"
#include "conformance/run.h"

/* Bytes that are no message at all are answered, and by nothing but a refusal. */
static enum status garbage(struct conf_run *run, struct error *err)
{
    AUTO(conf_reply_deinit) struct conf_reply reply = {0};

    TRY(conf_post(run, run->settings->urls[run->role], SPAN("garbage"), &reply, err));
    (void)conf_check(run, 112, reply.status != 0, "no answer to garbage: %s", reply.why);
    return ST_OK;
}

static const struct conf_scenario scenarios[] = {
    {"garbage", garbage, {112}},
};

const struct conf_scenario *conf_intermediary_scenarios(size_t *count)
{
    *count = ARRAY_LEN(scenarios);
    return scenarios;
}
