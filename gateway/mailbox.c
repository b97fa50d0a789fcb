#include "gateway/mailbox.h"

#include "gateway/osci_names.h"
#include "gateway/payload.h"
#include "gateway/store_transfer.h"
#include "osci/feedback.h"

#define REF_PACKAGE "package"
enum { IDS_COUNT_MS = 60000 };

/* ---- MessageIds ---- */

struct issuing {
    const struct gw_osci_id_row *row;
    struct gw_ids_open *ids;
};

/* Whoever makes himself certificates can have ids for each: all together are bounded, too. */
static enum status issue(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct issuing *issuing = ctx;
    const struct gw_osci_id_row *row = issuing->row;
    struct gw_ids_open *ids = issuing->ids;
    uint64_t open;

    if (ids->counted_at == 0 || row->issued_at - ids->counted_at >= IDS_COUNT_MS) {
        TRY(gw_store_osci_ids_open(tx, NULL, &ids->open, err));
        ids->counted_at = row->issued_at;
    }
    if (ids->open >= ids->max)
        return error_set(err, ST_LIMIT, OSCI_IDS_FULL, "%llu MessageIds are unused",
                         (unsigned long long)ids->open);
    TRY(gw_store_osci_ids_open(tx, row->client, &open, err));
    if (open >= GW_IDS_OPEN_MAX)
        return error_set(err, ST_LIMIT, OSCI_IDS_FULL, "the client has %llu unused MessageIds",
                         (unsigned long long)open);
    TRY(gw_store_osci_id_issue(tx, row, err));
    ids->open++;
    return ST_OK;
}

static enum status mailbox_id_issue(struct osci_mailbox *self, struct span id,
                                    const struct cert *client, int64_t now, struct error *err)
{
    struct gw_mailbox *m = (struct gw_mailbox *)self;
    struct gw_osci_id_row row = {.issued_at = now, .tenant = m->tenant};
    struct issuing issuing = {&row, m->ids};
    AUTO(buf_deinit) struct buf text = {0};

    TRY(gw_osci_id_key(id, &text, err));
    row.osci_message_id = (const char *)text.ptr;
    gw_osci_hash_set(row.client, client == NULL ? SPAN_NONE : cert_sha256(client));
    return gw_store_commit(m->store, issue, &issuing, err);
}

static enum status mailbox_id_check(struct osci_mailbox *self, struct span id, struct error *err)
{
    struct gw_mailbox *m = (struct gw_mailbox *)self;
    struct gw_osci_id_row row;
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    if (id.len > OSCI_MESSAGE_ID_MAX)
        return error_set(err, ST_NOT_FOUND, 9801, "a MessageId of %zu bytes", id.len);
    arena_init(&arena, 64 * 1024);
    TRY(gw_osci_id_key(id, &text, err));
    TRY(gw_store_read(m->store, &tx, err));
    TRY(gw_store_osci_id(tx, &arena, m->tenant, (const char *)text.ptr, &row, err));
    if (row.used_at != 0)
        return error_set(err, ST_DUPLICATE, 9801, "the MessageId is used");
    return ST_OK;
}

static enum status mailbox_known(struct osci_mailbox *self, const struct cert *addressee,
                                 struct error *err)
{
    struct gw_mailbox *m = (struct gw_mailbox *)self;

    for (size_t i = 0; i < m->known_count; i++)
        if (memcmp(m->known[i], cert_sha256(addressee).ptr, GW_SHA256_BYTES) == 0)
            return ST_OK;
    return error_set(err, ST_NOT_FOUND, OSCI_NO_MAILBOX, "no such mailbox");
}

/* ---- a delivery in ---- */

static enum status files_stage(struct gw_stage *stage, const struct osci_delivery *delivery,
                               struct error *err)
{
    const struct osci_reading *reading = delivery->reading;

    if (delivery->has_package)
        TRY(gw_stage_add_bytes(stage, GW_FILE_SEALED, NULL, "text/xml", REF_PACKAGE,
                               delivery->package, err));
    for (size_t i = 0; i < reading->msg.attachment_count; i++) {
        struct span cid = reading->msg.attachments[i].cid;
        AUTO(free_drop) char *ref = strndup((const char *)cid.ptr, cid.len);
        struct sink *sink;

        TRY_ALLOC(ref, err);
        TRY(gw_stage_add(stage, GW_FILE_ATTACHMENT, NULL, "application/octet-stream", ref, &sink,
                         err));
        TRY(osci_attachment_copy(reading, i, sink, err));
        TRY(gw_stage_close(stage, err));
    }
    return gw_stage_publish(stage, err);
}

/* Delivery, card and the id's use; where it came in chunks, the end of its transfer. */
struct accepting {
    const struct gw_delivery_row *row;
    const struct gw_file_row *files;
    size_t count;
    const char *transfer, *result; /* NULL: it came whole */
};

static enum status accept_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct accepting *a = ctx;

    TRY(gw_store_delivery_accept(tx, a->row, a->files, a->count, err));
    if (a->transfer == NULL)
        return ST_OK;
    return gw_store_transfer_end(tx, a->transfer, a->result, a->row->creation, err);
}

static enum status accept_rows(struct gw_mailbox *m, const struct gw_delivery_row *row,
                               const struct gw_file_row *files, size_t count,
                               const struct osci_delivery *delivery, struct error *err)
{
    struct accepting a = {.row = row, .files = files, .count = count};
    AUTO(arena_deinit) struct arena arena = {.max = 4096};

    if (delivery->transfer.len > 0) {
        a.transfer = arena_str(&arena, delivery->transfer);
        TRY_ALLOC(a.transfer, err);
        a.result = arena_str(&arena, delivery->transfer_result);
        TRY_ALLOC(a.result, err);
    }
    return gw_store_commit(m->store, accept_commit, &a, err);
}

static enum status mailbox_accept(struct osci_mailbox *self, const struct osci_delivery *delivery,
                                  struct error *err)
{
    struct gw_mailbox *m = (struct gw_mailbox *)self;
    static const enum gw_delivery_kind kinds[] = {[OSCI_DELIVERY_STORE] = GW_DELIVERY_STORE,
                                                  [OSCI_DELIVERY_FORWARD] = GW_DELIVERY_FORWARD,
                                                  [OSCI_DELIVERY_MEDIATE] = GW_DELIVERY_MEDIATE};
    struct gw_delivery_row row = {.tenant = m->tenant,
                                  .quotas = &m->quotas,
                                  .kind = kinds[delivery->kind],
                                  .creation = delivery->creation,
                                  .forwarding = delivery->forwarding,
                                  .recent_modification = delivery->creation,
                                  .parts = delivery->parts,
                                  .inspections = delivery->inspections};
    char id[GW_ID_SIZE];
    const struct gw_file_row *files = NULL;
    size_t count = 0;
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(free_drop) char *subject = NULL, *addressee = NULL;
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;

    TRY(gw_osci_id_key(delivery->message_id, &text, err));
    TRY(gw_uuid_make(m->rng, delivery->creation, id, err));
    if (delivery->subject.ptr != NULL) {
        subject = strndup((const char *)delivery->subject.ptr, delivery->subject.len);
        TRY_ALLOC(subject, err);
    }
    if (delivery->addressee.ptr != NULL) {
        addressee = strndup((const char *)delivery->addressee.ptr, delivery->addressee.len);
        TRY_ALLOC(addressee, err);
    }
    if (delivery->kind == OSCI_DELIVERY_STORE) { /* others are cards without content */
        TRY(gw_stage_new(m->store, id, &stage, err));
        TRY(files_stage(stage, delivery, err));
        files = gw_stage_files(stage, &count);
    }
    for (size_t i = 0; i < count; i++)
        row.size_bytes += files[i].len;
    row.id = id;
    row.osci_message_id = (const char *)text.ptr;
    row.subject = subject;
    row.addressee = addressee;
    gw_osci_hash_set(row.mailbox, delivery->mailbox);
    gw_osci_hash_set(row.originator_cipher, delivery->originator_cipher);
    gw_osci_hash_set(row.originator_signature, delivery->originator_signature);
    TRY(accept_rows(m, &row, files, count, delivery, err));
    if (stage != NULL)
        gw_stage_done(stage);
    return ST_OK;
}

/* ---- a delivery out ---- */

struct held {
    size_t count;
    struct gw_file_source sources[];
};

static void held_free(struct held *held)
{
    for (size_t i = 0; i < held->count; i++)
        gw_file_source_deinit(&held->sources[i]);
    free(held);
}
DROP_DEFINE(held_drop, struct held, held_free)

static enum status delivery_of(const struct gw_delivery_row *row, struct arena *arena,
                               struct osci_delivery *delivery, struct error *err)
{
    static const enum osci_delivery_kind kinds[] = {[GW_DELIVERY_STORE] = OSCI_DELIVERY_STORE,
                                                    [GW_DELIVERY_FORWARD] = OSCI_DELIVERY_FORWARD,
                                                    [GW_DELIVERY_MEDIATE] = OSCI_DELIVERY_MEDIATE};

    *delivery = (struct osci_delivery){.kind = kinds[row->kind],
                                       .subject = span_str(row->subject),
                                       .creation = row->creation,
                                       .forwarding = row->forwarding,
                                       .reception = row->reception,
                                       .modified = row->recent_modification,
                                       .parts = row->parts,
                                       .inspections = row->inspections};
    TRY(gw_osci_hash_get(row->mailbox, arena, &delivery->mailbox, err));
    TRY(gw_osci_hash_get(row->originator_cipher, arena, &delivery->originator_cipher, err));
    TRY(gw_osci_hash_get(row->originator_signature, arena, &delivery->originator_signature, err));
    return gw_osci_id_bytes(row->osci_message_id, arena, &delivery->message_id, err);
}

/* The digest was made when the file was written: nothing large is read before it is sent. */
static void attachment_of(const struct gw_file_row *file, struct source *body,
                          struct osci_attachment *attachment)
{
    *attachment = (struct osci_attachment){
        .cid = span_str(file->ref),
        .len = file->len,
        .body = body,
        .digest = {.alg = alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), .len = GW_SHA256_BYTES}};
    memcpy(attachment->digest.bytes, file->sha256, GW_SHA256_BYTES);
}

static enum status files_open(struct gw_mailbox *m, const struct gw_file_list *files,
                              struct arena *arena, struct osci_delivery *delivery,
                              struct error *err)
{
    AUTO(held_drop)
    struct held *held = calloc(1, sizeof *held + files->count * sizeof held->sources[0]);

    TRY_ALLOC(held, err);
    delivery->attachments = arena_array(arena, sizeof *delivery->attachments, files->count + 1);
    TRY_ALLOC(delivery->attachments, err);
    for (size_t i = 0; i < files->count; i++) {
        const struct gw_file_row *file = &files->rows[i];
        struct gw_file_source *source = &held->sources[i];

        source->fd = -1;
        held->count++;
        TRY(gw_payload_open(m->store, file, source, err));
        if (file->kind == GW_FILE_SEALED)
            delivery->package_source = &source->base;
        else
            attachment_of(file, &source->base,
                          &delivery->attachments[delivery->attachment_count++]);
    }
    delivery->held = TAKE(held);
    return ST_OK;
}

static enum status rows_select(struct gw_mailbox *m, const struct gw_delivery_select *select,
                               struct arena *arena, struct gw_delivery_row *row,
                               struct gw_file_list *files, uint64_t *waiting, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(m->store, &tx, err));
    TRY(gw_store_delivery_select(tx, arena, select, row, waiting, err));
    return gw_store_files(tx, arena, row->id, files, err);
}

static enum status mailbox_select(struct osci_mailbox *self,
                                  const struct osci_mailbox_select *select, struct arena *arena,
                                  struct osci_delivery *delivery, uint64_t *waiting,
                                  struct error *err)
{
    struct gw_mailbox *m = (struct gw_mailbox *)self;
    struct gw_delivery_select by = {.tenant = m->tenant, .since = select->since};
    struct gw_delivery_row row;
    struct gw_file_list files;
    struct osci_delivery d;
    AUTO(buf_deinit) struct buf text = {0};

    gw_osci_hash_set(by.mailbox, select->mailbox);
    if (select->message_id.ptr != NULL) {
        if (select->message_id.len > OSCI_MESSAGE_ID_MAX)
            return error_set(err, ST_NOT_FOUND, 9803, "no such MessageId");
        TRY(gw_osci_id_key(select->message_id, &text, err));
        by.osci_message_id = (const char *)text.ptr;
    }
    TRY(rows_select(m, &by, arena, &row, &files, waiting, err));
    TRY(delivery_of(&row, arena, &d, err));
    if (files_open(m, &files, arena, &d, err) != ST_OK) {
        err->status = ST_INTERNAL; /* not "nothing waits": it does, and somebody must look */
        err->reason = 9811;
        return error_context(err, "delivery %s", row.id);
    }
    *delivery = d;
    return ST_OK;
}

static void mailbox_release(struct osci_mailbox *self, struct osci_delivery *delivery)
{
    (void)self;
    if (delivery->held != NULL)
        held_free(delivery->held);
    delivery->held = NULL;
}

static enum status mailbox_forwarded(struct osci_mailbox *self, struct span id, int64_t at,
                                     struct error *err)
{
    struct gw_mailbox *m = (struct gw_mailbox *)self;
    AUTO(buf_deinit) struct buf text = {0};

    TRY(gw_osci_id_key(id, &text, err));
    return gw_store_commit_forwarded(m->store, (const char *)text.ptr, at, err);
}

static enum status mailbox_unforwarded(struct osci_mailbox *self, struct span id, int64_t at,
                                       struct error *err)
{
    struct gw_mailbox *m = (struct gw_mailbox *)self;
    AUTO(buf_deinit) struct buf text = {0};

    TRY(gw_osci_id_key(id, &text, err));
    return gw_store_commit_unforwarded(m->store, (const char *)text.ptr, at, err);
}

static enum status mailbox_received(struct osci_mailbox *self, struct span id, int64_t at,
                                    struct error *err)
{
    struct gw_mailbox *m = (struct gw_mailbox *)self;
    enum status st;
    AUTO(buf_deinit) struct buf text = {0};

    TRY(gw_osci_id_key(id, &text, err));
    st = gw_store_commit_received(m->store, (const char *)text.ptr, at, err);
    return st == ST_DUPLICATE ? ST_OK : st;
}

/* ---- process cards ---- */

static enum status ids_fill(const struct osci_card_select *from, struct gw_card_select *to,
                            struct arena *arena, struct error *err)
{
    const char **ids = arena_array(arena, sizeof *ids, from->id_count + 1);

    TRY_ALLOC(ids, err);
    to->ids = ids;
    for (size_t i = 0; i < from->id_count; i++) {
        AUTO(buf_deinit) struct buf text = {0};

        if (from->ids[i].len > OSCI_MESSAGE_ID_MAX)
            continue;
        TRY(gw_osci_id_key(from->ids[i], &text, err));
        ids[to->id_count] = arena_str(arena, buf_span(&text));
        TRY_ALLOC(ids[to->id_count], err);
        to->id_count++;
    }
    return ST_OK;
}

static enum status mailbox_cards(struct osci_mailbox *self, const struct osci_card_select *select,
                                 struct arena *arena, struct osci_delivery **cards, size_t *count,
                                 bool *more, struct error *err)
{
    static const enum gw_card_by bys[] = {[OSCI_SELECT_NONE] = GW_CARD_ALL,
                                          [OSCI_SELECT_IDS] = GW_CARD_IDS,
                                          [OSCI_SELECT_RECEPTION] = GW_CARD_CREATION,
                                          [OSCI_SELECT_MODIFIED] = GW_CARD_MODIFICATION};
    struct gw_mailbox *m = (struct gw_mailbox *)self;
    struct gw_card_select by = {.tenant = m->tenant,
                                .by = bys[select->by],
                                .since = select->since,
                                .role = select->originator  ? GW_CARD_ORIGINATOR
                                        : select->addressee ? GW_CARD_ADDRESSEE
                                                            : GW_CARD_BOTH,
                                .no_reception = select->no_reception,
                                .limit = select->limit};
    struct gw_delivery_list list;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    gw_osci_hash_set(by.cipher, select->cipher);
    gw_osci_hash_set(by.signature, select->signature);
    TRY(ids_fill(select, &by, arena, err));
    TRY(gw_store_read(m->store, &tx, err));
    TRY(gw_store_cards(tx, arena, &by, &list, err));
    *cards = arena_array(arena, sizeof **cards, list.count + 1);
    TRY_ALLOC(*cards, err);
    for (size_t i = 0; i < list.count; i++)
        TRY(delivery_of(&list.rows[i], arena, &(*cards)[i], err));
    *count = list.count;
    *more = list.more;
    return ST_OK;
}

struct osci_mailbox *gw_mailbox_init(struct gw_mailbox *m, const struct gw_mailbox *conf)
{
    *m = *conf;
    m->base = (struct osci_mailbox){.id_issue = mailbox_id_issue,
                                    .id_check = mailbox_id_check,
                                    .known = mailbox_known,
                                    .accept = mailbox_accept,
                                    .select = mailbox_select,
                                    .release = mailbox_release,
                                    .forwarded = mailbox_forwarded,
                                    .unforwarded = mailbox_unforwarded,
                                    .received = mailbox_received,
                                    .cards = mailbox_cards};
    return &m->base;
}
