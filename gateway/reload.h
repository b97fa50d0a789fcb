/*
 * gateway/reload.h - new settings for a gateway that runs
 *
 * The file is checked as check-config does it, with all it names. Only when nothing is wrong the
 * process begins anew with it (gateway/handover.h); otherwise the old settings go on. Both is told
 * by log and history: settings.reload, settings.refused.
 */
#pragma once

#include "gateway/runtime.h"

struct gw_reload {
    const struct gw_runtime *rt;
    void (*begin)(void *ctx); /* on the loop: end, to begin anew */
    void *ctx;
};

enum { GW_SETTINGS_ID_CAP = 65 };

/* Which settings these are: the SHA-256 of their text in hexadecimal. */
MUST_CHECK enum status gw_settings_id(struct span text, char id[GW_SETTINGS_ID_CAP],
                                      struct error *err);

/*
 * From a worker. actor: who wants it. ST_OK: begin follows; id: of the settings that will hold.
 * Otherwise nothing changes: report says what is wrong, err has the first finding.
 */
MUST_CHECK enum status gw_reload_ask(const struct gw_reload *reload, const char *actor,
                                     struct gw_config_report *report, char id[GW_SETTINGS_ID_CAP],
                                     struct error *err);
/*
 * May the keys go that the new settings do not have any more? One that opens messages which wait in
 * a mailbox of ours, of an intermediary in this process, may not. ST_INVALID: the report says which
 * messages. Mailboxes that others keep are not seen from here.
 */
MUST_CHECK enum status gw_reload_keys(const struct gw_runtime *rt, const struct gw_config *config,
                                      struct gw_config_report *report, struct error *err);
/* The first error of a report, for people: file, line, sentence. */
void gw_reload_finding(const struct gw_config_report *report, enum gw_lang lang, struct buf *b);
/* The settings in force are not those of their file, which could not be started with, for this
 * reason: for log and history. */
void gw_reload_fell_back(const struct gw_runtime *rt, const struct error *why);
