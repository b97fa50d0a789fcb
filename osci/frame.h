/*
 * osci/frame.h - a message without its attachments, to be put together again octet by octet
 *
 * A message is text with attachments between. The text is written once, boundary, times and
 * signature in it, and small; the attachments lie somewhere already. A frame is the text with the
 * places marked, so that the whole is a source that nobody had to write down.
 *
 * Form: records of a letter and 20 decimal digits, a length; "T": so many octets follow; "A": the
 * next attachment, of that length.
 */
#pragma once

#include "crypto/base/arena.h"
#include "osci/message.h"

/* The frame of a writer without transport envelope. */
MUST_CHECK enum status osci_writer_frame(const struct osci_writer *writer, struct sink *sink,
                                         struct error *err);

/* The whole message: frame and the bodies of attachments, all borrowed, the source in the arena.
 * ST_INTERNAL: the attachments are not those of the frame. */
MUST_CHECK enum status osci_frame_source(struct source *frame,
                                         const struct osci_attachment *attachments, size_t count,
                                         struct arena *arena, struct source **whole,
                                         struct error *err);
