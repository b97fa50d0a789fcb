/*
 * osci/processcard.h - process cards (Laufzettel): times, inspections, what a message shows
 *
 * An intermediary keeps one card for each delivery. Its times are ms since 1970 in UTC inside and
 * xs:dateTime outside; its inspections are kept as text that only this module reads.
 *
 * Source: OSCI 1.2 digest 5.
 */
#pragma once

#include "certs/path.h"
#include "osci/message.h"

enum { OSCI_DATETIME_MAX = 32 };

/* "2026-05-04T08:15:00.123Z", NUL included. */
void osci_datetime_write(int64_t ms, char text[OSCI_DATETIME_MAX]);
/* xs:dateTime; without a zone it counts as UTC, fractions beyond ms are cut. ST_INVALID 9300. */
MUST_CHECK enum status osci_datetime_read(struct span text, int64_t *ms, struct error *err);
/* Plain, in the arena; 0 gives an absent time. */
MUST_CHECK enum status osci_time_plain(int64_t ms, struct arena *arena, struct osci_time *time,
                                       struct error *err);

/* What the check of one certificate says on a card. Texts in the arena. */
MUST_CHECK enum status osci_inspection_make(const struct cert *cert,
                                            const struct cert_verdict *verdict, struct arena *arena,
                                            struct osci_inspection *inspection, struct error *err);

/* For keeping, and back. Online evidence is kept, too. ST_INVALID: not written by us. */
void osci_inspections_write(const struct osci_inspection *inspections, size_t count,
                            struct buf *out);
MUST_CHECK enum status osci_inspections_read(struct span kept, struct arena *arena,
                                             struct osci_inspection **inspections, size_t *count,
                                             struct error *err);
