/*
 * gateway/retain.h - what is too old goes, and the ends of the history's chains go to the log
 *
 * Every few minutes a worker lets the store forget what the settings do not want kept
 * (gateway/store_retain.h), a bounded part at a time. Once an hour and at the stop the end of each
 * tenant's chain is logged (event=history.head): a value that whoever changes the index later
 * cannot change there, for depesche audit verify --head.
 */
#pragma once

#include "gateway/runtime.h"

struct gw_retain;

/* Begins by itself. rt must outlive it; free it when the loop has ended. */
MUST_CHECK enum status gw_retain_new(struct gw_runtime *rt, struct gw_retain **retain,
                                     struct error *err);
void gw_retain_free(struct gw_retain *retain); /* logs the heads once more */
