/*
 * helper_crypto.h - the libraries started, and the keys and files of the vectors
 *
 * All of it fails the running test when something is missing.
 */
#pragma once

#include "crypto/base/buf.h"
#include "crypto/key.h"

/* A cmocka group setup: crypto_init. Pair it with helper_crypto_teardown. */
int helper_crypto_setup(void **state);
int helper_crypto_teardown(void **state);
/* The file below tests/vectors, appended to buf, which is given a limit of 64 MiB when empty. */
void helper_vector(const char *path, struct buf *buf);
/* tests/vectors/osci12/keys/NAME.key.pem and .cert.pem; the caller frees. */
struct key *helper_key(const char *name);
struct cert *helper_cert(const char *name);
/* The XML part of a plain message, borrowed from mime. */
struct span helper_xml_part(struct span mime);
/* Each file below tests/vectors/dir whose name ends so; returns how many. */
size_t helper_each_vector(const char *dir, const char *ending,
                          void (*visit)(const char *path, void *arg), void *arg);
