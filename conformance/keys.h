/*
 * conformance/keys.h - keys and certificates to run with, where one has none
 *
 * A CA of its own and what it issues, as run.h names them, in a folder that must not hold any yet.
 * ca.pem and ca-silent.pem are what the endpoint under test has to trust, and crls/ has the first
 * one's revocation list; of the other there is none. Not for real use.
 */
#pragma once

#include "crypto/base/error.h"

/* ST_INVALID: the folder, or a file in it that exists already. */
MUST_CHECK enum status conf_keys_make(const char *folder, struct error *err);
