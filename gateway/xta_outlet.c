#include "gateway/xta_outlet.h"

#include "gateway/explain.h"

static enum status outlet_open(struct gw_xta_outlet *o, struct error *err)
{
    if (o->file.fd >= 0)
        return ST_OK;
    if (gw_payload_open(o->store, o->row, &o->file, err) != ST_OK) {
        o->file.fd = -1;
        err->reason = GW_R_STORE_DAMAGED;
        return err->status = ST_INTERNAL;
    }
    if (o->file.base.len != o->row->len)
        return error_set(err, ST_INTERNAL, GW_R_STORE_DAMAGED, "%s has changed its length",
                         o->row->path);
    return ST_OK;
}

static enum status outlet_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                               size_t *got, struct error *err)
{
    struct gw_xta_outlet *o = (struct gw_xta_outlet *)self;

    TRY(outlet_open(o, err));
    TRY(source_read(&o->file.base, offset, bytes, cap, got, err));
    if (offset + *got >= self->len)
        gw_file_source_deinit(&o->file);
    return ST_OK;
}

enum status gw_xta_outlet_init(struct gw_xta_outlet *o, struct gw_store *store,
                               const struct gw_file_row *row, struct error *err)
{
    *o = (struct gw_xta_outlet){.base = {.read = outlet_read, .len = row->len},
                                .store = store,
                                .row = row,
                                .file = {.fd = -1}};
    TRY(outlet_open(o, err));
    gw_file_source_deinit(&o->file);
    return ST_OK;
}

void gw_xta_outlet_deinit(struct gw_xta_outlet *o)
{
    gw_file_source_deinit(&o->file);
}
