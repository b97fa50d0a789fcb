/*
 * gateway/calendar_mail.h - what the calendar has to tell, as one e-mail
 *
 * The setting calendar.mail names a target with an e-mail block; its addresses get a letter as soon
 * as a certificate has reached a step that no letter has told of: one a day at most, with all that
 * are due. What was told stands in the index, written after the server took the letter: a crash
 * between both repeats it, none is lost. A server that fails is asked again an hour later; that
 * stands in the log, once in the history, and in the status until it works again.
 */
#pragma once

#include "gateway/runtime.h"

/* From a worker; it waits for the mail server, within the target's bounds. *sent: a letter went
 * out. ST_OK without one: nothing is due, nobody wants it, or it is too early. */
MUST_CHECK enum status gw_calendar_mail(const struct gw_runtime *rt, int64_t now, bool *sent,
                                        struct error *err);
/* What went wrong with the last letter, in both languages; NULL: nothing, or memory. Into arena. */
const char *gw_calendar_mail_trouble(struct gw_tx *tx, const struct gw_runtime *rt,
                                     struct arena *arena, enum gw_lang lang);
