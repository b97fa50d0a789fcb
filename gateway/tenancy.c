#include "gateway/tenancy.h"

enum status gw_tenancy_check(const struct gw_config *conf, const char *tenant, const char *other,
                             struct error *err)
{
    if (conf->tenants_count < 2 || other == NULL || (tenant != NULL && strcmp(tenant, other) == 0))
        return ST_OK;
    return error_set(err, ST_DENIED, GW_R_TENANT_OTHER, "%s, %s", tenant == NULL ? "-" : tenant,
                     other);
}
