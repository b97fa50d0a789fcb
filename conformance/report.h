/*
 * conformance/report.h - the results as text, as JSON, one object a line, and as a page to hand
 * over
 */
#pragma once

#include <stdio.h>

#include "conformance/run.h"

/* Is the suite reported? One none of whose roles was run is not. */
bool conf_report_has(const struct conf_run *run, enum conf_suite suite);
/* Over all roles that are reported. */
size_t conf_report_count(const struct conf_run *run, enum conf_verdict verdict);
void conf_report_list(FILE *out, bool german);
void conf_report_text(FILE *out, const struct conf_run *run, bool german);
void conf_report_json(FILE *out, const struct conf_run *run);
/* One page in German and English, complete in itself. */
void conf_report_html(FILE *out, const struct conf_run *run);
