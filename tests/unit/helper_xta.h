/*
 * helper_xta.h - XTA's vectors, and the schemas that decide about a message
 *
 * The official schemas cannot be shipped. Where somebody has them, in ../shared beside the sources
 * or in the folder that the environment variable DEPESCHE_SHARED names, everything here asks them
 * as well; where not, our own alone. They are compiled when they are first needed.
 *
 * All of it fails the running test when something is missing. One thread only.
 */
#pragma once

#include <jansson.h>

#include "tests/unit/helper_crypto.h"
#include "xta/schema.h"

/* tests/vectors/xta/index.json; json_decref. */
json_t *helper_xta_index(void);
/*
 * The envelope in a vector of the index ("v3/06-sendMessage.request.http"), appended to xml, which
 * is given a limit when empty: the file itself, or the root part of a multipart.
 */
void helper_xta_envelope(const char *file, struct buf *xml);

/* Ours. */
const struct xta_schemas *helper_xta_schemas(void);
/* Are the official ones there? */
bool helper_xta_official(void);
/* What they say; what is only theirs to say. */
bool helper_xta_official_valid(enum xta_version version, struct span xml);

/* Fails the test with the reason when a schema refuses the envelope. An xop:Include counts as the
 * base64 that it stands for. */
void helper_xta_valid(enum xta_version version, struct span envelope);
/* The root part of a multipart/related body, borrowed from it; the body itself when content_type is
 * another. */
struct span helper_xta_root(const char *content_type, struct span body);
