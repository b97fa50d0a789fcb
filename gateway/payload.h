/*
 * gateway/payload.h - the files of a message or delivery, from first byte to durable
 *
 * A stage gathers new files under tmp/. gw_stage_publish makes them durable under payload/; then
 * their rows go into the index in the same commit as the message (gw_store_message_add,
 * gw_store_move, gw_store_delivery_accept), and gw_stage_done ends the stage. Dropping a stage that
 * is not done removes its files again; what a crash leaves behind, the next start removes.
 *
 *   open --add, write, close--> ... --publish--> durable --commit of the rows--> done
 *
 * One stage belongs to one job; the store may be shared. Several stages may add to one owner, one
 * after the other or at once: names on disk never meet.
 */
#pragma once

#include "gateway/store.h"

struct gw_stage;

/* owner_id: a valid id (gateway/uuid.h), of a new message or of one that exists. */
MUST_CHECK enum status gw_stage_new(struct gw_store *store, const char *owner_id,
                                    struct gw_stage **stage, struct error *err);
/* Removes the files unless done. */
void gw_stage_free(struct gw_stage *stage);
DROP_DEFINE(gw_stage_drop, struct gw_stage, gw_stage_free)

/*
 * Begins the next file; *sink (borrowed) takes its bytes until gw_stage_close. name, content_type
 * and ref are copied and may be NULL. One file is open at a time.
 */
MUST_CHECK enum status gw_stage_add(struct gw_stage *stage, enum gw_file_kind kind,
                                    const char *name, const char *content_type, const char *ref,
                                    struct sink **sink, struct error *err);
/* Ends the open file: fsync, length and SHA-256 are known. */
MUST_CHECK enum status gw_stage_close(struct gw_stage *stage, struct error *err);
/* Add, write, close. */
MUST_CHECK enum status gw_stage_add_bytes(struct gw_stage *stage, enum gw_file_kind kind,
                                          const char *name, const char *content_type,
                                          const char *ref, struct span bytes, struct error *err);
MUST_CHECK enum status gw_stage_add_source(struct gw_stage *stage, enum gw_file_kind kind,
                                           const char *name, const char *content_type,
                                           const char *ref, struct source *from, struct error *err);
/* Says anew what a closed file is called, before its row is committed. index as in gw_stage_files.
 */
MUST_CHECK enum status gw_stage_describe(struct gw_stage *stage, size_t index, const char *name,
                                         const char *content_type, const char *ref,
                                         struct error *err);
/* A published file of another owner becomes one of this stage, too, with the same names: as a
 * second link to it where the disk can do that, else as a copy. */
MUST_CHECK enum status gw_stage_add_link(struct gw_stage *stage, const struct gw_file_row *file,
                                         struct error *err);
/* Removes a closed file from the stage again. index as in gw_stage_files. */
MUST_CHECK enum status gw_stage_discard(struct gw_stage *stage, size_t index, struct error *err);
/* The closed files so far, for reading and for the index; paths are valid after publish. */
const struct gw_file_row *gw_stage_files(const struct gw_stage *stage, size_t *count);
/* Reads a closed file again, before or after publish. */
MUST_CHECK enum status gw_stage_source(const struct gw_stage *stage, size_t index,
                                       struct gw_file_source *source, struct error *err);
/* Renamed into place, folders fsynced. Nothing can be added any more. Once. */
MUST_CHECK enum status gw_stage_publish(struct gw_stage *stage, struct error *err);
/* The rows are committed: the files stay. */
void gw_stage_done(struct gw_stage *stage);

/* Opens a file of the index. ST_NOT_FOUND: missing; ST_DENIED: not a regular file. */
MUST_CHECK enum status gw_payload_open(struct gw_store *store, const struct gw_file_row *row,
                                       struct gw_file_source *source, struct error *err);
/* Compares length and SHA-256 with the row. ST_NOT_FOUND missing, ST_INVALID changed. */
MUST_CHECK enum status gw_payload_verify(struct gw_store *store, const struct gw_file_row *row,
                                         struct error *err);
/* For a temporary file of any other use: an unused name under tmp/, removed at the next start. */
MUST_CHECK enum status gw_payload_temp(struct gw_store *store, char path[GW_PATH_SIZE],
                                       struct error *err);
/* The state folder, borrowed; paths of rows are relative to it. */
int gw_store_dir(const struct gw_store *store);
/* Can files be written? One is, in tmp/, and removed again; not flushed. */
MUST_CHECK enum status gw_payload_try(struct gw_store *store, struct error *err);
