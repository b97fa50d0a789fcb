/*
 * gateway/pattern.h - patterns that an operator writes and strangers' texts are held against
 *
 * Globs for names and identifiers: '*' is any text, '?' one character, all else stands for itself;
 * the whole text must fit. Matching takes at most pattern times text steps.
 *
 * Regular expressions for lines and values: POSIX extended ones, of UTF-8 whatever the locale of
 * the process; a text that is no UTF-8 is read as ISO-8859-1. Without references back ("\1") the C
 * library's matcher needs no more steps than text times states, so those are refused, and so are
 * repetitions that multiply to more than GW_REGEX_REPEAT_MAX. docs/decisions/0076-patterns.md.
 */
#pragma once

#include "crypto/base/error.h"
#include "crypto/base/span.h"

enum { GW_REGEX_MAX = 1024, GW_REGEX_TEXT_MAX = 4096, GW_REGEX_REPEAT_MAX = 1000 };

bool gw_glob_match(const char *glob, const char *text);
/* Does every text that fits narrow fit wide, too? False where that is not sure. */
bool gw_glob_covers(const char *wide, const char *narrow);

/* Is it one that can be used? ST_INVALID: err says what is wrong with it. */
MUST_CHECK enum status gw_regex_check(const char *regex, struct error *err);
/* Does it match somewhere in the first GW_REGEX_TEXT_MAX bytes? Any thread. ST_INVALID as above;
 * ST_LIMIT: memory. */
MUST_CHECK enum status gw_regex_match(const char *regex, struct span text, bool *matches,
                                      struct error *err);
