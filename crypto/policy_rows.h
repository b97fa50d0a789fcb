/*
 * crypto/policy_rows.h - the dates that the program was built with; private to crypto/policy*.c
 *
 * The build writes them from share/algorithms.conf (crypto/policy_rows.cmake).
 */
#pragma once

#include "crypto/policy.h"

/* Days from 1970 to this one, as an expression that a compiler can work out. */
#define POLICY_LEAPS(y) ((y) / 4 - (y) / 100 + (y) / 400)
#define POLICY_MONTH(m) ((m) < 3 ? ((m)-1) * 31 : (153 * ((m)-3) + 2) / 5 + 59)
#define POLICY_DAYS(y, m, d)                                                                       \
    (INT64_C(365) * ((y)-1970) + POLICY_LEAPS((m) < 3 ? (y)-1 : (y)) - POLICY_LEAPS(1969) +        \
     POLICY_MONTH(m) + (d)-1)
/* The first moment after it, ms since 1970. */
#define POLICY_UNTIL(y, m, d) ((POLICY_DAYS(y, m, d) + 1) * 86400000)

struct policy_row {
    enum alg_use use;
    const char *name;
    struct policy_dates dates;
};

extern const struct policy_row policy_rows[];
extern const size_t policy_row_count;
