/*
 * gateway/transform_message.h - what a row of the table of routes makes of a message's files
 *
 * Asked by each door once it is known which row holds, before the stage is published: the results
 * are durable with the message, or there is neither.
 */
#pragma once

#include "gateway/runtime.h"
#include "gateway/scan.h"
#include "gateway/transform.h"

struct gw_transformed {
    size_t count;        /* files that were added, at the end of the stage */
    uint64_t size;       /* of them all, bytes */
    struct error passed; /* of the first that has no result, as the settings allow; ST_OK: none */
};

/*
 * The closed payload files of the stage whose names fit: each result is called like its original,
 * with the row's suffix behind. rule NULL, or without a stylesheet: nothing happens. Errors as
 * gw_transform_run, unless the row passes what cannot be transformed; the text begins with the
 * file's name, and the stage holds the originals alone, or is of no more use.
 */
MUST_CHECK enum status gw_transform_message(const struct gw_runtime *rt,
                                            const struct gw_rule_conf *rule, struct gw_stage *stage,
                                            struct gw_transformed *done, struct error *err);
/* Into the history, that there is no result, unless the scanner has said something: as
 * gw_scan_remark. */
void gw_transform_remark(const struct gw_transformed *done, struct gw_scan_note *note,
                         struct gw_cause *cause);
