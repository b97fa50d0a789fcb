#include "gateway/parts.h"

#include "gateway/explain.h"

/* Our own file is not what it was: nobody outside can help. */
static enum status damaged(enum status st, struct error *err)
{
    if (st != ST_NOT_FOUND && st != ST_INVALID)
        return st;
    err->reason = GW_R_STORE_DAMAGED;
    return err->status = ST_DENIED;
}

/* The piece that holds the byte at offset, which lies within the whole. */
static size_t piece_of(const struct gw_parts *p, uint64_t offset)
{
    size_t low = 0, high = p->count - 1;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (p->ends[middle] > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static enum status piece_open(struct gw_parts *p, size_t i, struct error *err)
{
    if (p->file.fd >= 0 && p->at == i)
        return ST_OK;
    gw_file_source_deinit(&p->file);
    p->file.fd = -1;
    TRY(damaged(gw_payload_open(p->store, p->rows[i], &p->file, err), err));
    p->at = i;
    return ST_OK;
}

static enum status parts_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                              size_t *got, struct error *err)
{
    struct gw_parts *p = (struct gw_parts *)self;
    uint64_t begin;
    size_t i;

    *got = 0;
    if (offset >= self->len || cap == 0)
        return ST_OK;
    i = piece_of(p, offset);
    begin = p->ends[i] - p->rows[i]->len;
    TRY(piece_open(p, i, err));
    if (cap > p->ends[i] - offset)
        cap = (size_t)(p->ends[i] - offset);
    TRY(source_read(&p->file.base, offset - begin, bytes, cap, got, err));
    if (*got == 0)
        return error_set(err, ST_DENIED, GW_R_STORE_DAMAGED, "%s has become shorter",
                         p->rows[i]->path);
    return ST_OK;
}

enum status gw_parts_init(struct gw_parts *p, struct gw_store *store,
                          const struct gw_file_row *const *rows, size_t count, struct arena *arena,
                          struct error *err)
{
    *p = (struct gw_parts){.base.read = parts_read, .store = store, .file.fd = -1};
    p->rows = arena_array(arena, sizeof *p->rows, count + 1);
    p->ends = arena_array(arena, sizeof *p->ends, count + 1);
    TRY_ALLOC(p->rows, err);
    TRY_ALLOC(p->ends, err);
    for (size_t i = 0; i < count; i++) {
        if (rows[i]->len == 0)
            continue;
        p->base.len += rows[i]->len;
        p->rows[p->count] = rows[i];
        p->ends[p->count++] = p->base.len;
    }
    return ST_OK;
}

void gw_parts_deinit(struct gw_parts *p)
{
    if (p->base.read != NULL)
        gw_file_source_deinit(&p->file);
    *p = (struct gw_parts){0};
}

enum status gw_parts_verify(const struct gw_parts *p, struct error *err)
{
    for (size_t i = 0; i < p->count; i++)
        TRY(damaged(gw_payload_verify(p->store, p->rows[i], err), err));
    return ST_OK;
}
