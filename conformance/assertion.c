#include "conformance/assertion.h"

#include <string.h>

static const struct conf_role_row roles[CONF_ROLES] = {
    {CONF_OSCI, 'I', 0, "intermediary", "intermediary", NULL, {"Intermediär", "intermediary"}},
    {CONF_OSCI, 'C', 0, "client", "client", NULL, {"Client", "client"}},
    {CONF_OSCI, 'R', 0, "recipient", "recipient", NULL, {"Passiver Empfänger", "recipient"}},
    {CONF_XTA, 'S', '3', "server-v3", "server", "v3", {"Server V3", "server V3"}},
    {CONF_XTA, 'S', '5', "server-v5", "server", "v5", {"Server V5", "server V5"}},
    {CONF_XTA, 'R', '5', "reader-v5", "reader", "v5", {"Leser V5", "reader V5"}},
    {CONF_XTA, 'C', '3', "client-v3", "client", "v3", {"Client V3", "client V3"}},
    {CONF_XTA, 'C', '5', "client-v5", "client", "v5", {"Client V5", "client V5"}},
};

const struct conf_assertion *conf_assertion(enum conf_suite suite, unsigned number)
{
    return suite == CONF_OSCI ? conf_osci_assertion(number) : conf_xta_assertion(number);
}

const char *conf_suite_name(enum conf_suite suite)
{
    return suite == CONF_OSCI ? "OSCI" : "XTA";
}

const struct conf_role_row *conf_role(enum conf_role role)
{
    return &roles[role];
}

bool conf_role_asks(enum conf_role role, unsigned number)
{
    const struct conf_role_row *r = &roles[role];
    const struct conf_assertion *a = conf_assertion(r->suite, number);

    return a != NULL && strchr(a->roles, r->letter) != NULL &&
           (r->version_letter == 0 || strchr(a->roles, r->version_letter) != NULL);
}
