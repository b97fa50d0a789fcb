/*
 * osci/chunk.h - deliveries too large for one message, in chunks
 *
 * What is cut into chunks is the complete inner MIME message as osci_message_write gives it without
 * sign_key and encrypt_for: a storeDelivery on the way in, a responseToFetchDelivery on the way
 * out. Chunks are counted from 1; all are size_kb long but the last. Put one behind the other they
 * are the inner message again, for osci_message_read.
 *
 *   client   inner message ► osci_chunk_cut ► partialStoreDelivery 1..n ► intermediary
 *   client   inner message ◄ responseToPartialFetchDelivery 1..n ◄ osci_chunk_cut ◄ intermediary
 *
 * The chunk orders of a storeDelivery go by its MessageId with "_Partial" behind it.
 *
 * Source: OSCI 1.2 digest 8; wire-notes 11.
 */
#pragma once

#include "osci/message.h"

#define OSCI_CHUNK_ID_SUFFIX "_Partial"
#define OSCI_CHUNK_FEATURE "PartialMessageTransmission 1.8.0"

enum {
    OSCI_CHUNKS_MAX = 65536,           /* of one message */
    OSCI_CHUNK_KB_MAX = 1024 * 1024,   /* the largest ChunkSize */
    OSCI_CHUNKS_TEXT_MAX = 512 * 1024, /* of ReceivedChunks */
};

/* ---- sizes ---- */

/* How many chunks of size_kb (not 0) make up bytes; at least one. */
uint64_t osci_chunk_count(uint64_t bytes, uint64_t size_kb);
/* TotalMessageSize: in KB, rounded up. */
uint64_t osci_chunk_total_kb(uint64_t bytes);
/* Is bytes what the peer called total_kb? He may have rounded either way (8.2). */
bool osci_chunk_total_fits(uint64_t bytes, uint64_t total_kb);

/* ---- MessageIds ---- */

/* "id_Partial", in the arena. */
MUST_CHECK enum status osci_chunk_id(struct span id, struct arena *arena, struct span *chunk_id,
                                     struct error *err);
/* The inner message's id: without the suffix. One that has none is the id itself. */
struct span osci_chunk_inner_id(struct span chunk_id);

/* ---- a chunk in a message ---- */

/* A chunk to be written. Must live as long as the message that carries it. */
struct osci_chunk {
    struct source_part part;
    struct osci_attachment attachment;
};

/*
 * Chunk number of the inner message becomes msg's only content: package, attachment and, in
 * msg->chunk, number, total and total_size_kb. Reads the chunk once, for its digest. whole is
 * borrowed and read again when msg is written. ST_INVALID 9901: there is no such chunk.
 */
MUST_CHECK enum status osci_chunk_cut(struct source *whole, uint64_t size_kb, uint64_t number,
                                      struct osci_chunk *chunk, struct osci_message *msg,
                                      struct error *err);
/* The content of a message without a chunk: InfoOnly. */
void osci_chunk_none(struct osci_message *msg);
/*
 * Which attachment of a verified message is its chunk, for osci_attachment_copy: the only one, in a
 * container that is clear. ST_INVALID 9905.
 */
MUST_CHECK enum status osci_chunk_find(const struct osci_reading *reading, size_t *attachment,
                                       struct error *err);

/* ---- which chunks there are ---- */

/* A set of chunk numbers, 1 to total. A zeroed one is empty and has no room. */
struct osci_chunk_set {
    uint8_t *bits; /* in the arena it was made in */
    uint64_t total, count;
};

/* Room for 1 to total, which is at most OSCI_CHUNKS_MAX (ST_LIMIT 9905). */
MUST_CHECK enum status osci_chunk_set_init(struct osci_chunk_set *set, uint64_t total,
                                           struct arena *arena, struct error *err);
/* False: it is in there, or beyond total. */
bool osci_chunk_set_add(struct osci_chunk_set *set, uint64_t number);
bool osci_chunk_set_has(const struct osci_chunk_set *set, uint64_t number);
bool osci_chunk_set_full(const struct osci_chunk_set *set);
/* The first from number on that is not in there; 0: none. */
uint64_t osci_chunk_set_missing(const struct osci_chunk_set *set, uint64_t number);
/* ReceivedChunks: "1 2 5", "-1" for none. Reading adds; ST_INVALID 9905. */
MUST_CHECK enum status osci_chunk_set_read(struct osci_chunk_set *set, struct span text,
                                           struct error *err);
void osci_chunk_set_write(const struct osci_chunk_set *set, struct buf *out);
