/*
 * gateway/doctor.h - a look at everything that must be right for messages to flow
 *
 * Settings, folders and rights, certificates and the days they have left, the clock, the disk, and
 * whether each destination answers: a row for each thing looked at, also for the good ones, so that
 * an operator sees what was looked at. It blocks, for as long as the slowest destination takes;
 * call it from a worker.
 */
#pragma once

#include "gateway/runtime.h"

enum gw_doctor_subject {
    GW_DOCTOR_SETTINGS,
    GW_DOCTOR_FOLDER,
    GW_DOCTOR_CERTIFICATE,
    GW_DOCTOR_CLOCK,
    GW_DOCTOR_DISK,
    GW_DOCTOR_DESTINATION,
    GW_DOCTOR_SCANNER,
};

enum gw_doctor_level { GW_DOCTOR_GOOD, GW_DOCTOR_WARNING, GW_DOCTOR_BAD };

struct gw_doctor_row {
    enum gw_doctor_subject subject;
    enum gw_doctor_level level;
    const char *name;                  /* a path, a certificate's subject, a destination */
    int reason;                        /* 0: nothing is wrong */
    const char *de, *en;               /* what was found */
    const char *action_de, *action_en; /* what to do; "" when nothing is wrong */
};

struct gw_doctor_list {
    struct gw_doctor_row *rows;
    size_t count;
};

/* "settings", "folder", ...; "good", "warning", "bad". */
const char *gw_doctor_subject_name(enum gw_doctor_subject subject);
const char *gw_doctor_level_name(enum gw_doctor_level level);

/* Rows and texts live in arena. ST_LIMIT: no memory. */
MUST_CHECK enum status gw_doctor_look(const struct gw_runtime *rt, int64_t now, struct arena *arena,
                                      struct gw_doctor_list *list, struct error *err);
