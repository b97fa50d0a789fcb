/* Which scenarios a role has. */
#include "conformance/role_intermediary.h"
#include "conformance/xta_scenarios.h"

static void run_lists(struct conf_run *run, enum conf_role role,
                      const struct conf_scenario_list *lists, size_t count)
{
    for (size_t i = 0; i < count; i++)
        conf_run_role(run, role, lists[i].scenarios, lists[i].count);
}

static void run_server(struct conf_run *run, enum conf_role role)
{
    const struct conf_scenario_list lists[] = {
        conf_xta_transport(), conf_xta_accounts(), conf_xta_sending(),   conf_xta_cancelling(),
        conf_xta_boxes(),     conf_xta_services(), conf_xta_malformed(),
    };

    run_lists(run, role, lists, ARRAY_LEN(lists));
}

void conf_run_all(struct conf_run *run, enum conf_role role)
{
    const struct conf_scenario_list reader = conf_xta_reader();
    struct conf_scenario_list list = {0};

    switch (role) {
    case CONF_INTERMEDIARY:
        conf_run_intermediary(run);
        return;
    case CONF_SERVER_V3:
    case CONF_SERVER_V5:
        run_server(run, role);
        return;
    case CONF_READER_V5:
        run_lists(run, role, &reader, 1);
        return;
    case CONF_CLIENT:
        list.scenarios = conf_client_scenarios(&list.count);
        break;
    case CONF_RECIPIENT:
        list.scenarios = conf_recipient_scenarios(&list.count);
        break;
    default:
        list = conf_xta_client();
        break;
    }
    run_lists(run, role, &list, 1);
}
