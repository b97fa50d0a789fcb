#include "conformance/role_intermediary.h"

/* getMessageId, storeDelivery, and all that fetches. */
static enum status store_and_fetch(struct conf_run *run, struct error *err)
{
    struct conf_client sender, receiver;
    struct osci_message msg;
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got stored = {0};
    AUTO(conf_got_deinit) struct conf_got fetched = {0};

    TRY(conf_client_init(&sender, run, "originator", err));
    TRY(conf_client_init(&receiver, run, "addressee", err));
    TRY(conf_client_store(&sender, "addressee", NULL, &d, &stored, err));
    TRY(conf_client_open(&receiver, err));
    TRY(conf_client_order(&receiver, OSCI_FETCH_DELIVERY, &msg, err));
    TRY(conf_client_send(&receiver, &msg, NULL, &fetched, err));
    (void)conf_check(run, 61,
                     conf_node_below(conf_view_body(&fetched.view), "ContentPackage") != NULL, "%s",
                     fetched.what);
    return conf_client_close(&receiver, err);
}

static const struct conf_scenario scenarios[] = {
    {"store-and-fetch", store_and_fetch, {61}},
};

void conf_run_intermediary(struct conf_run *run)
{
    const struct conf_scenario_list lists[] = {
        {scenarios, ARRAY_LEN(scenarios)}, conf_intermediary_refusals(),
        conf_intermediary_selections(),    conf_intermediary_forwards(),
        conf_intermediary_hostile(),       conf_intermediary_chunks(),
        conf_intermediary_dialogs(),
    };

    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        conf_run_role(run, CONF_INTERMEDIARY, lists[i].scenarios, lists[i].count);
}
