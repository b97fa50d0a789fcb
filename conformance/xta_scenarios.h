/*
 * conformance/xta_scenarios.h - the scenarios for an XTA server, by what they are about
 *
 * The same scenarios run for both versions; numbers that one version does not have are passed over.
 */
#pragma once

#include "conformance/xta_letter.h"

/* 001 to 019: packaging, addressing, TLS, HTTP */
struct conf_scenario_list conf_xta_transport(void);
/* 020 to 035: accounts and message ids */
struct conf_scenario_list conf_xta_accounts(void);
/* 040 to 054: sending and reports */
struct conf_scenario_list conf_xta_sending(void);
/* 055 to 059: NotBefore and cancelMessage, V3 */
struct conf_scenario_list conf_xta_cancelling(void);
/* 060 to 079: message boxes */
struct conf_scenario_list conf_xta_boxes(void);
/* 080 to 089: lookup, synchronous services, bounds, readers in parallel, scanner */
struct conf_scenario_list conf_xta_services(void);
/* 090 to 108: requests that are wrong in one point */
struct conf_scenario_list conf_xta_malformed(void);
/* 150 to 153: the port of a reader, V5 */
struct conf_scenario_list conf_xta_reader(void);
/* 120 to 145: a client */
struct conf_scenario_list conf_xta_client(void);
