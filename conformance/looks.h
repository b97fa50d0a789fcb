/*
 * conformance/looks.h - what is looked at in every fault, and in every chunk
 *
 * Source: OSCI 1.2 digest 2.13, 8.2, 10.
 */
#pragma once

#include "conformance/run.h"
#include "conformance/view.h"

/* A fault that came as the answer with that status: OSCI-062. */
void conf_look_fault(struct conf_run *run, struct conf_view *view, int status);
/* A message that carries a chunk: OSCI-098. */
void conf_look_chunk(struct conf_run *run, const struct conf_view *view);
