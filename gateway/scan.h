/*
 * gateway/scan.h - the virus scanner looks at what is taken in
 *
 * Whatever comes through a door, from a Fachverfahren or from a peer, is shown to the scanner of
 * the settings (virus_scan) before it becomes a message: clamd, by its socket and INSTREAM, or a
 * program that finds the file on its stdin. A scanner is not believed further than its word goes:
 * what is not plainly "clean" or "found" is trouble.
 *
 *   stage complete --gw_scan_stage--> clean ------> published, committed
 *                                 \-> finding ----> refused (out) or quarantined (in)
 *                                 \-> too large --> the same, unless too_large: pass
 *                                 \-> trouble ----> ST_RETRY, unless when_unavailable: pass
 *
 * What passes without having been looked at is counted in the verdict; gw_scan_remark says so for
 * the history of the message. Without a virus_scan block every verdict is clean at once.
 *
 * A scanner that gives no word is left alone for a while and then asked by one for all, so that it
 * does not hold everybody for its time-out (gateway/scan_guard.h).
 *
 * The file is read from the disk in small pieces, whatever its size. All of it blocks, up to
 * timeout_seconds for each file: worker threads and lanes only, while the loop runs (the program is
 * the loop's). A loop that stops ends it with ST_RETRY.
 */
#pragma once

#include "gateway/payload.h"
#include "gateway/runtime.h"

enum { GW_SCAN_NAME_SIZE = 128 };

enum gw_scan_result {
    GW_SCAN_CLEAN,     /* or passed, as the settings allow: see unscanned */
    GW_SCAN_FINDING,   /* one file has one; the others were not looked at any more */
    GW_SCAN_TOO_LARGE, /* one file is larger than what the scanner takes */
};

struct gw_scan_verdict {
    enum gw_scan_result result;
    char file[GW_NAME_SIZE];      /* which one: FINDING and TOO_LARGE, or the first unscanned */
    char name[GW_SCAN_NAME_SIZE]; /* FINDING: what the scanner calls it; printable UTF-8 */
    size_t scanned;               /* files that the scanner has called clean */
    size_t unscanned;             /* files that passed all the same */
    struct error why;             /* of the first unscanned */
};

/* Is there a scanner at all? */
bool gw_scan_wanted(const struct gw_runtime *rt);

/*
 * The closed payload files of a stage, published or not. ST_OK: *verdict says it. ST_RETRY,
 * GW_R_SCAN_UNAVAILABLE: the scanner is not there, answers nothing in time, or what cannot be
 * understood; others: the files cannot be read.
 */
MUST_CHECK enum status gw_scan_stage(const struct gw_runtime *rt, const struct gw_stage *stage,
                                     struct gw_scan_verdict *verdict, struct error *err);
/* The same for payload files of the index. */
MUST_CHECK enum status gw_scan_files(const struct gw_runtime *rt, const struct gw_file_list *files,
                                     struct gw_scan_verdict *verdict, struct error *err);
/* The same for one file that is open; name is for the verdict. Adds to *verdict: zero it before the
 * first. */
MUST_CHECK enum status gw_scan_file(const struct gw_runtime *rt, struct gw_file_source *file,
                                    const char *name, struct gw_scan_verdict *verdict,
                                    struct error *err);

/*
 * For doors where a Fachverfahren hands something in: gw_scan_stage, and what may not go out as an
 * error. ST_DENIED GW_R_SCAN_FINDING_OUT, ST_LIMIT GW_R_SCAN_TOO_LARGE_OUT: err->text names finding
 * and file ("Eicar-Signature (a.doc)"), the field {detail} of those sentences.
 */
MUST_CHECK enum status gw_scan_outgoing(const struct gw_runtime *rt, const struct gw_stage *stage,
                                        struct gw_scan_verdict *verdict, struct error *err);

/* Sentences for the history; all zero is empty. */
struct gw_scan_note {
    struct buf de, en;
};
void gw_scan_note_deinit(struct gw_scan_note *note); /* for AUTO too */
/* Where files passed unscanned: cause says so, in sentences that live in note. Otherwise it stays
 * as it is. */
void gw_scan_remark(const struct gw_scan_verdict *verdict, struct gw_scan_note *note,
                    struct gw_cause *cause);
/* "Eicar-Signature (a.doc)", for the field {detail} of the sentences about a verdict. */
void gw_scan_text(const struct gw_scan_verdict *verdict, char *text, size_t cap);
