/*
 * gateway/tenancy.h - nothing crosses from one tenant to another
 *
 * Endpoints and destinations belong to one tenant each, partners to that of their destination. A
 * message belongs to the tenant whose endpoint sent it, or whose destination brought it, for good.
 * Wherever it is decided whither a message goes, and again where it is sent, this is asked; so it
 * holds whatever routes, directory or changed settings say.
 */
#pragma once

#include "gateway/config.h"

/*
 * May a message of this tenant go to what belongs to other? other NULL: it is everybody's, a target
 * say. Where there is only one tenant always, whatever it was called when the message came.
 * ST_DENIED, GW_R_TENANT_OTHER: no; err's text names both.
 */
MUST_CHECK enum status gw_tenancy_check(const struct gw_config *conf, const char *tenant,
                                        const char *other, struct error *err);
