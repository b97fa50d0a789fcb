/*
 * gateway/release.h - out of quarantine: whose the message is then
 *
 * What no endpoint received goes to where the settings lead it today: on, by its row of the table
 * of routes, or to an endpoint. Whoever releases it (an operator by gateway/api_quarantine.c, time
 * by gateway/recheck.h) does both moves and the way on in one transaction.
 */
#pragma once

#include "gateway/onward.h"

/* RETRY and OPEN of a message that was opened before. Free with gw_release_deinit. */
struct gw_release {
    struct gw_move moves[2];
    struct gw_onward onward; /* whither it goes on; empty: nowhere */
};

/*
 * Makes it; the moves have no id and no cause yet. row and files must outlive it. ST_DENIED with a
 * reason of ours: it cannot go anywhere today, or its files are damaged.
 */
MUST_CHECK enum status gw_release_make(const struct gw_runtime *rt,
                                       const struct gw_message_row *row,
                                       const struct gw_file_list *files, struct gw_release *release,
                                       struct error *err);
void gw_release_deinit(struct gw_release *release); /* for AUTO too; zeroed is fine */
