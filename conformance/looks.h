/*
 * conformance/looks.h - what is looked at in every fault
 *
 * Source: OSCI 1.2 digest 2.13, 10.
 */
#pragma once

#include "conformance/run.h"
#include "conformance/view.h"

/* A fault that came as the answer with that status: OSCI-062. */
void conf_look_fault(struct conf_run *run, struct conf_view *view, int status);
