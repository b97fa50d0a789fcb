#include "gateway/transfers.h"

#include <assert.h>
#include <stdio.h>

#include "gateway/osci_names.h"
#include "gateway/payload.h"
#include "gateway/reason.h"

enum { ROW_BYTES = 256 * 1024, FRAME_USED_MS = 60 * 60 * 1000 };

static struct gw_transfers *of(struct osci_transfers *self)
{
    return (struct gw_transfers *)self;
}

/* ---- rows ---- */

static enum status transfer_of(const struct gw_transfer_row *row, struct arena *arena,
                               struct osci_transfer *t, struct error *err)
{
    *t = (struct osci_transfer){.ref = span_str(row->id),
                                .size_kb = row->size_kb,
                                .total = row->total,
                                .total_kb = row->total_kb,
                                .completed = row->completed_at,
                                .result = span_str(row->result)};
    TRY(gw_osci_id_bytes(row->osci_message_id, arena, &t->message_id, err));
    TRY(gw_osci_hash_get(row->cipher, arena, &t->cipher, err));
    TRY(gw_osci_hash_get(row->signature, arena, &t->signature, err));
    TRY(osci_chunk_set_init(&t->received, row->total, arena, err));
    for (uint64_t n = 1; n <= row->total && (n - 1) / 8 < row->received.len; n++)
        if ((row->received.ptr[(n - 1) / 8] & 1U << ((n - 1) % 8)) != 0)
            (void)osci_chunk_set_add(&t->received, n);
    return ST_OK;
}

static enum status transfers_find(struct osci_transfers *self, struct span message_id,
                                  struct arena *arena, struct osci_transfer *transfer,
                                  struct error *err)
{
    struct gw_transfer_row row;
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    if (message_id.len > OSCI_MESSAGE_ID_MAX)
        return error_set(err, ST_NOT_FOUND, 0, "a MessageId of %zu bytes", message_id.len);
    TRY(gw_osci_id_key(message_id, &text, err));
    TRY(gw_store_read(of(self)->store, &tx, err));
    TRY(gw_store_transfer(tx, arena, of(self)->tenant, (const char *)text.ptr, &row, err));
    return transfer_of(&row, arena, transfer, err);
}

/* ---- a chunk ---- */

struct keeping {
    const struct gw_transfers *t;
    struct gw_transfer_row row; /* begun by this chunk where began is set */
    bool began;
    uint64_t number;
    int64_t now;
    struct arena *arena;
    const struct gw_file_row *files;
    size_t count;
};

/* In the same transaction as the row: nobody gets past the bounds by hurrying. */
static enum status bounds_check(struct gw_tx *tx, const struct keeping *k, struct error *err)
{
    const struct gw_transfers *t = k->t;
    uint64_t count, total_kb;

    TRY(gw_store_transfers_open(tx, t->tenant, k->row.cipher, &count, &total_kb, err));
    if (t->client_max > 0 && count >= t->client_max)
        return error_set(err, ST_LIMIT, 9811, "the client has %llu unfinished transfers",
                         (unsigned long long)count);
    if (t->client_kb_max > 0 && total_kb + k->row.total_kb > t->client_kb_max)
        return error_set(err, ST_LIMIT, 9904,
                         "the client's unfinished transfers would be %llu KB together",
                         (unsigned long long)(total_kb + k->row.total_kb));
    return ST_OK;
}

/* The chunk's bit; the last one completes the transfer. */
static enum status bit_set(struct keeping *k, struct error *err)
{
    struct osci_transfer as_is;
    struct gw_transfer_row *row = &k->row;

    TRY(transfer_of(row, k->arena, &as_is, err));
    if (row->result != NULL || !osci_chunk_set_add(&as_is.received, k->number))
        return error_set(err, ST_DUPLICATE, 9900, "the chunk is there");
    row->received = span_of(as_is.received.bits, (size_t)(row->total / 8 + 1));
    row->changed_at = k->now;
    if (osci_chunk_set_full(&as_is.received))
        row->completed_at = k->now;
    return ST_OK;
}

static enum status keep_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct keeping *k = ctx;

    if (k->began)
        TRY(bounds_check(tx, k, err));
    else
        TRY(gw_store_transfer_by_id(tx, k->arena, k->row.id, &k->row, err));
    TRY(bit_set(k, err));
    if (k->began)
        TRY(gw_store_transfer_add(tx, &k->row, err));
    else
        TRY(gw_store_transfer_update(tx, &k->row, err));
    return gw_store_files_add(tx, k->row.id, k->files, k->count, err);
}

/* The octets, durable under payload/; without their row nobody knows them, and a start sweeps. */
static enum status chunk_stage(const struct keeping *k, const struct osci_reading *reading,
                               size_t i, struct gw_stage **stage, struct error *err)
{
    AUTO(gw_stage_drop) struct gw_stage *made = NULL;
    struct sink *sink;
    char ref[24];

    (void)snprintf(ref, sizeof ref, "%llu", (unsigned long long)k->number);
    TRY(gw_stage_new(k->t->store, k->row.id, &made, err));
    TRY(gw_stage_add(made, GW_FILE_RECEIVED, NULL, "application/octet-stream", ref, &sink, err));
    TRY(osci_attachment_copy(reading, i, sink, err));
    TRY(gw_stage_close(made, err));
    TRY(gw_stage_publish(made, err));
    *stage = TAKE(made);
    return ST_OK;
}

static enum status transfers_keep(struct osci_transfers *self, struct osci_transfer *transfer,
                                  uint64_t number, const struct osci_reading *reading, size_t i,
                                  int64_t now, struct arena *arena, struct error *err)
{
    struct keeping k = {.t = of(self),
                        .began = transfer->ref.len == 0,
                        .number = number,
                        .now = now,
                        .arena = arena};
    char id[GW_ID_SIZE];
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;

    TRY(gw_osci_id_key(transfer->message_id, &text, err));
    if (k.began) {
        TRY(gw_uuid_make(k.t->rng, now, id, err));
        k.row = (struct gw_transfer_row){.tenant = k.t->tenant,
                                         .osci_message_id = (const char *)text.ptr,
                                         .size_kb = transfer->size_kb,
                                         .total = transfer->total,
                                         .total_kb = transfer->total_kb,
                                         .began_at = now};
        gw_osci_hash_set(k.row.cipher, transfer->cipher);
        gw_osci_hash_set(k.row.signature, transfer->signature);
    } else {
        assert(transfer->ref.len < sizeof id);
        (void)snprintf(id, sizeof id, "%.*s", SPAN_FMT(transfer->ref));
    }
    k.row.id = id;
    TRY(chunk_stage(&k, reading, i, &stage, err));
    k.files = gw_stage_files(stage, &k.count);
    TRY(gw_store_commit(k.t->store, keep_commit, &k, err));
    gw_stage_done(stage);
    k.row.id = arena_str(arena, span_str(id));
    TRY_ALLOC(k.row.id, err);
    return transfer_of(&k.row, arena, transfer, err);
}

/* ---- all chunks as one source ---- */

struct chunks {
    struct source base;
    struct gw_store *store;
    struct arena arena;
    struct gw_file_row **rows; /* by number, from 0 */
    uint64_t size;             /* of all but the last */
    struct gw_file_source open;
    uint64_t which; /* of rows is open */
};

static enum status chunks_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                               size_t *got, struct error *err)
{
    struct chunks *c = (struct chunks *)self;
    uint64_t which = offset / c->size;

    *got = 0;
    if (offset >= c->base.len)
        return ST_OK;
    if (c->open.fd < 0 || c->which != which) {
        gw_file_source_deinit(&c->open);
        TRY(gw_payload_open(c->store, c->rows[which], &c->open, err));
        c->which = which;
    }
    return source_read(&c->open.base, offset - which * c->size, bytes, cap, got, err);
}

static void chunks_free(struct chunks *c)
{
    if (c == NULL)
        return;
    gw_file_source_deinit(&c->open);
    arena_deinit(&c->arena);
    free(c);
}
DROP_DEFINE(chunks_drop, struct chunks, chunks_free)

/* Each number once, each as long as it must be. */
static enum status chunks_order(struct chunks *c, const struct gw_file_list *files, uint64_t total,
                                struct error *err)
{
    c->rows = arena_array(&c->arena, sizeof(struct gw_file_row *), (size_t)total);
    TRY_ALLOC(c->rows, err);
    for (size_t i = 0; i < files->count; i++) {
        struct gw_file_row *row = &files->rows[i];
        uint64_t number;

        if (!span_to_u64(span_str(row->ref), &number) || number < 1 || number > total ||
            c->rows[number - 1] != NULL || (number < total && row->len != c->size))
            return gw_reason_because(
                error_set(err, ST_INTERNAL, 0, "%s is not the chunk it should be", row->path),
                GW_R_STORE_DAMAGED, err);
        c->rows[number - 1] = row;
        c->base.len += row->len;
    }
    if (files->count != total)
        return gw_reason_because(error_set(err, ST_INTERNAL, 0, "%zu chunks of %llu", files->count,
                                           (unsigned long long)total),
                                 GW_R_STORE_DAMAGED, err);
    return ST_OK;
}

static enum status transfers_open(struct osci_transfers *self, struct span ref, struct arena *arena,
                                  struct osci_transfer *transfer, struct source **whole,
                                  struct error *err)
{
    AUTO(chunks_drop) struct chunks *c = calloc(1, sizeof *c);
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_transfer_row row;
    struct gw_file_list files;
    char id[GW_ID_SIZE];

    TRY_ALLOC(c, err);
    c->base.read = chunks_read;
    c->store = of(self)->store;
    c->open.fd = -1;
    arena_init(&c->arena, 512 * OSCI_CHUNKS_MAX);
    assert(ref.len < sizeof id);
    (void)snprintf(id, sizeof id, "%.*s", SPAN_FMT(ref));
    TRY(gw_store_read(c->store, &tx, err));
    TRY(gw_store_transfer_by_id(tx, arena, id, &row, err));
    if (row.completed_at == 0 || row.result != NULL)
        return error_set(err, ST_NOT_FOUND, 0, "the transfer is not complete, or done");
    TRY(gw_store_files(tx, &c->arena, id, &files, err));
    c->size = row.size_kb * 1024;
    TRY(chunks_order(c, &files, row.total, err));
    TRY(transfer_of(&row, arena, transfer, err));
    *whole = &c->base;
    TAKE(c);
    return ST_OK;
}

static void transfers_close(struct osci_transfers *self, struct source *whole)
{
    (void)self;
    chunks_free((struct chunks *)whole);
}

struct ending {
    const char *id, *result;
    int64_t now;
};

static enum status refuse_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct ending *e = ctx;

    return gw_store_transfer_end(tx, e->id, e->result, e->now, err);
}

static enum status transfers_refuse(struct osci_transfers *self, struct span ref,
                                    struct span result, int64_t now, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = 4096};
    struct ending e = {.id = arena_str(&arena, ref), .result = arena_str(&arena, result), now};

    TRY_ALLOC(e.id, err);
    TRY_ALLOC(e.result, err);
    return gw_store_commit(of(self)->store, refuse_commit, &e, err);
}

/* ---- frames ---- */

struct frame_use {
    const char *osci_message_id, *id;
    int64_t now;
    const struct gw_file_row *files;
    size_t count;
};

static enum status frame_used(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct frame_use *use = ctx;

    return gw_store_frame_used(tx, use->osci_message_id, use->now, err);
}

static enum status frame_add(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct frame_use *use = ctx;

    TRY(gw_store_frame_add(tx, use->osci_message_id, use->id, use->now, err));
    return gw_store_files_add(tx, use->id, use->files, use->count, err);
}

static enum status frame_rows(struct gw_store *store, struct arena *arena, const char *id,
                              struct gw_frame_row *row, struct gw_file_list *files,
                              struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(store, &tx, err));
    TRY(gw_store_frame(tx, arena, id, row, err));
    return gw_store_files(tx, arena, row->id, files, err);
}

struct held_frame {
    struct gw_file_source file; /* first: it is the source */
};

static void held_frame_free(struct held_frame *f)
{
    if (f == NULL)
        return;
    gw_file_source_deinit(&f->file);
    free(f);
}
DROP_DEFINE(held_frame_drop, struct held_frame, held_frame_free)

static enum status transfers_frame_open(struct osci_transfers *self, struct span message_id,
                                        int64_t now, struct source **frame, struct error *err)
{
    struct gw_store *store = of(self)->store;
    AUTO(held_frame_drop) struct held_frame *held = calloc(1, sizeof *held);
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(arena_deinit) struct arena arena = {.max = ROW_BYTES};
    struct gw_frame_row row;
    struct gw_file_list files;

    TRY_ALLOC(held, err);
    held->file.fd = -1;
    TRY(gw_osci_id_key(message_id, &text, err));
    TRY(frame_rows(store, &arena, (const char *)text.ptr, &row, &files, err));
    if (files.count != 1)
        return error_set(err, ST_INTERNAL, 0, "a frame of %zu files", files.count);
    TRY(gw_payload_open(store, &files.rows[0], &held->file, err));
    if (now - row.used_at > FRAME_USED_MS) {
        struct frame_use use = {.osci_message_id = (const char *)text.ptr, .now = now};

        TRY(gw_store_commit(store, frame_used, &use, err));
    }
    *frame = &held->file.base;
    TAKE(held);
    return ST_OK;
}

static enum status
transfers_frame_keep(struct osci_transfers *self, struct span message_id, int64_t now,
                     enum status (*write)(void *ctx, struct sink *sink, struct error *err),
                     void *ctx, struct error *err)
{
    struct gw_transfers *t = of(self);
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    AUTO(buf_deinit) struct buf text = {0};
    char id[GW_ID_SIZE];
    struct frame_use use = {.id = id, .now = now};
    struct sink *sink;

    TRY(gw_osci_id_key(message_id, &text, err));
    use.osci_message_id = (const char *)text.ptr;
    TRY(gw_uuid_make(t->rng, now, id, err));
    TRY(gw_stage_new(t->store, id, &stage, err));
    TRY(gw_stage_add(stage, GW_FILE_SEALED, NULL, NULL, NULL, &sink, err));
    TRY(write(ctx, sink, err));
    TRY(gw_stage_close(stage, err));
    TRY(gw_stage_publish(stage, err));
    use.files = gw_stage_files(stage, &use.count);
    TRY(gw_store_commit(t->store, frame_add, &use, err));
    gw_stage_done(stage);
    return ST_OK;
}

static void transfers_frame_close(struct osci_transfers *self, struct source *frame)
{
    (void)self;
    held_frame_free((struct held_frame *)frame);
}

struct osci_transfers *gw_transfers_init(struct gw_transfers *t, const struct gw_transfers *conf)
{
    *t = *conf;
    t->base = (struct osci_transfers){.find = transfers_find,
                                      .keep = transfers_keep,
                                      .chunks_open = transfers_open,
                                      .chunks_close = transfers_close,
                                      .refuse = transfers_refuse,
                                      .frame_open = transfers_frame_open,
                                      .frame_keep = transfers_frame_keep,
                                      .frame_close = transfers_frame_close};
    return &t->base;
}
