/*
 * gateway/encoding.h - the character encoding of texts that go through our hands
 *
 * Only what is written today and can be decoded without state is looked at: UTF-8, -16, -32,
 * US-ASCII, ISO-8859-n, windows-125n. The C library knows a thousand more, some of whose decoders
 * abort the process over the wrong bytes (IBM1390, IBM1399: CVE-2026-4046), and whoever sends must
 * not choose what runs here.
 */
#pragma once

#include "crypto/base/io.h"

enum { GW_ENCODING_SIZE = 41 };

/* Is this media type one of texts: text/..., XML? */
bool gw_encoding_is_text(struct span type);
/* Can a text in that encoding be these bytes? An encoding that is not looked at fits always. */
MUST_CHECK enum status gw_encoding_fits(struct source *text, struct span encoding, bool *fits,
                                        struct error *err);
/*
 * A name for what nobody has said: of XML what its declaration says, else UTF-8; of another text
 * UTF-8 where it fits, else ISO-8859-1, which fits all; UTF-8 of anything else.
 */
MUST_CHECK enum status gw_encoding_guess(struct source *content, struct span type,
                                         char name[GW_ENCODING_SIZE], struct error *err);
