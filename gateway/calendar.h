/*
 * gateway/calendar.h - certificates that end soon, told in time
 *
 * Every hour all certificates in use are looked at (gateway/certificates.h). One that has 90, 60,
 * 30, 14, 7 or 1 days left, and one that has ended, is told: once for each of these steps, in the
 * log (certificate.ends) and in the history. What was told is kept in the index, in the commit that
 * writes the history, so a restart repeats nothing. A gateway that was off for weeks tells the step
 * that holds now, not those that it has missed. A certificate that is used in several places is
 * told of once, as of the first. What calendar.mail names gets it by e-mail, too
 * (gateway/calendar_mail.h).
 */
#pragma once

#include "gateway/runtime.h"

struct gw_calendar;

/* Looks every hour, until the loop stops. */
void gw_calendar_new(struct gw_runtime *rt, struct gw_calendar **calendar);
void gw_calendar_free(struct gw_calendar *calendar); /* after the loop has ended */

/* One look, from a worker. *told: how many were told of now. */
MUST_CHECK enum status gw_calendar_look(const struct gw_runtime *rt, int64_t now, size_t *told,
                                        struct error *err);
/* The step that so many days have reached: 90, 60, 30, 14, 7, 1, or 0 once it has ended; above, it
 * is none: GW_CALENDAR_NONE. */
enum { GW_CALENDAR_NONE = 1000 };
int gw_calendar_step(int64_t days_left);
/* Was told told by a clock that was ahead? By more than a day, so that one that is set right by a
 * second tells nothing twice. */
bool gw_calendar_is_ahead(int64_t told, int64_t days_left);
