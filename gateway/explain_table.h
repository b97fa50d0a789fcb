/* gateway/explain_table.h - the rows behind explain.h, each table in ascending order of code */
#pragma once

#include "gateway/explain.h"

extern const struct gw_explain gw_explain_osci[];
extern const size_t gw_explain_osci_count;
extern const struct gw_explain gw_explain_own[];
extern const size_t gw_explain_own_count;
extern const struct gw_explain gw_explain_late[];
extern const size_t gw_explain_late_count;
extern const struct gw_explain gw_explain_certs[];
extern const size_t gw_explain_certs_count;
