/*
 * gateway/explain_words.h - the words of others in our sentences
 *
 * What the system, a library or a reader of ours says of a failure is English. In a German sentence
 * the phrases that operators meet stand in German; where there is none for what reads like English
 * it is marked as what it is: "technisch: ...".
 */
#pragma once

#include "crypto/base/buf.h"

/* As it stands; control characters come out as '?', else a file name could write lines of its own.
 */
void gw_words_add(struct buf *b, const char *value);
/* For a German sentence. */
void gw_words_german(struct buf *b, const char *value);
