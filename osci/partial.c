/* The intermediary's chunk orders, digest 8.2 and 8.3. */
#include <inttypes.h>

#include "osci/frame.h"
#include "osci/orders.h"

enum { KB = 1024, CARD_BYTES = 1024 * 1024, ENVELOPE_BYTES = 64 * 1024 };

static enum status supported(const struct osci_work *w, struct error *err)
{
    if (w->im->transfers == NULL)
        return error_set(err, ST_INVALID, 9000, "%s is not carried out here",
                         osci_type_name(w->msg->type));
    return ST_OK;
}

/* ---- partialStoreDelivery: what it says of itself ---- */

static enum status size_check(const struct osci_work *w, uint64_t size_kb, bool only_chunk,
                              struct error *err)
{
    const struct osci_chunk_limits *limits = &w->im->chunks;

    if (size_kb == 0)
        return error_set(err, ST_INVALID, 9905, "no ChunkSize");
    if (size_kb > limits->max_kb)
        return error_set(err, ST_INVALID, 9902, "chunks of %" PRIu64 " KB, allowed are %" PRIu64,
                         size_kb, limits->max_kb);
    if (size_kb < limits->min_kb && !only_chunk)
        return error_set(err, ST_INVALID, 9903, "chunks of %" PRIu64 " KB, at least %" PRIu64,
                         size_kb, limits->min_kb);
    return ST_OK;
}

/* The numbers, before anything is kept: 9904 comes with the first chunk. */
static enum status numbers_check(const struct osci_work *w, struct error *err)
{
    const struct osci_chunk_info *c = &w->msg->chunk;
    uint64_t bytes;

    if (c->total == 0 || c->total > OSCI_CHUNKS_MAX)
        return error_set(err, ST_INVALID, 9905, "TotalChunkNumbers %" PRIu64, c->total);
    if (c->number < 1 || c->number > c->total)
        return error_set(err, ST_INVALID, 9901, "chunk %" PRIu64 " of %" PRIu64, c->number,
                         c->total);
    if (c->total_size_kb > w->im->chunks.message_kb)
        return error_set(err, ST_INVALID, 9904, "a message of %" PRIu64 " KB, allowed are %" PRIu64,
                         c->total_size_kb, w->im->chunks.message_kb);
    TRY(size_check(w, c->size_kb, c->total == 1, err));
    bytes = (c->total - 1) * c->size_kb; /* no overflow: both are bounded */
    if (c->total_size_kb + 1 < bytes || c->total_size_kb > bytes + c->size_kb + 1)
        return error_set(err, ST_INVALID, 9905,
                         "%" PRIu64 " chunks of %" PRIu64 " KB are not %" PRIu64 " KB", c->total,
                         c->size_kb, c->total_size_kb);
    return ST_OK;
}

/* The chunk itself: all are as long as they say, the last may be shorter. */
static enum status octets_check(const struct osci_work *w, size_t attachment, struct error *err)
{
    const struct osci_chunk_info *c = &w->msg->chunk;
    uint64_t len = w->msg->attachments[attachment].len, size = c->size_kb * KB;

    if (len > size)
        return error_set(err, ST_INVALID, 9902, "a chunk of %" PRIu64 " octets, not %" PRIu64, len,
                         size);
    if (len == 0 || (c->number < c->total && len < size))
        return error_set(err, ST_INVALID, 9903, "a chunk of %" PRIu64 " octets, not %" PRIu64, len,
                         size);
    if (c->number == c->total &&
        !osci_chunk_total_fits((c->total - 1) * size + len, c->total_size_kb))
        return error_set(err, ST_INVALID, 9905, "with this last chunk it is not %" PRIu64 " KB",
                         c->total_size_kb);
    return ST_OK;
}

/* ---- its transfer ---- */

/* The inner message need not be signed, so what began signed comes from that signer to its end:
 * anybody can name a cipher certificate. */
static bool same_client(const struct osci_work *w, const struct osci_transfer *t)
{
    if (t->signature.len > 0)
        return span_eq(osci_sha256_of(w->signer), t->signature);
    return span_eq(osci_sha256_of(w->cipher), t->cipher);
}

/* What there is of the transfer; none: w->transfer has no ref, and the id is free to begin one. */
static enum status transfer_find(struct osci_work *w, struct error *err)
{
    struct osci_transfers *transfers = w->im->transfers;
    struct osci_transfer found;
    struct span id = osci_chunk_inner_id(w->msg->message_id);
    enum status st;

    TRY(osci_work_copy(w, id, &w->d->message_id, err));
    st = transfers->find(transfers, id, &w->d->arena, &found, err);
    if (st == ST_NOT_FOUND)
        return osci_id_status(w->im->mailbox->id_check(w->im->mailbox, id, err), err);
    if (st != ST_OK)
        return st;
    if (!same_client(w, &found))
        return error_set(err, ST_DENIED, 9801, "another client's transfer");
    w->transfer = found;
    return ST_OK;
}

static enum status consistent(const struct osci_work *w, struct error *err)
{
    const struct osci_chunk_info *c = &w->msg->chunk;
    const struct osci_transfer *t = &w->transfer;

    if (c->size_kb != t->size_kb || c->total != t->total || c->total_size_kb != t->total_kb)
        return error_set(err, ST_INVALID, 9905, "other sizes than those of the first chunk");
    return ST_OK;
}

static enum status chunk_keep(struct osci_work *w, size_t attachment, struct error *err)
{
    const struct osci_chunk_info *c = &w->msg->chunk;
    struct osci_transfers *transfers = w->im->transfers;
    struct osci_transfer *t = &w->transfer;

    if (t->ref.len == 0)
        *t = (struct osci_transfer){.message_id = w->d->message_id,
                                    .cipher = osci_sha256_of(w->cipher),
                                    .signature = osci_sha256_of(w->signer),
                                    .size_kb = c->size_kb,
                                    .total = c->total,
                                    .total_kb = c->total_size_kb};
    return transfers->keep(transfers, t, c->number, w->reading, attachment, w->now, &w->d->arena,
                           err);
}

/* The chunk is in the transfer when this returns, brought now or before. */
static enum status chunk_take(struct osci_work *w, struct error *err)
{
    const struct osci_chunk_info *c = &w->msg->chunk;
    enum status st;
    size_t attachment;

    TRY(numbers_check(w, err));
    TRY(osci_chunk_find(w->reading, &attachment, err));
    TRY(octets_check(w, attachment, err));
    for (int i = 0; i < 2; i++) { /* once more where another dialog began the transfer meanwhile */
        if (w->transfer.ref.len > 0)
            TRY(consistent(w, err));
        w->again = osci_chunk_set_has(&w->transfer.received, c->number);
        if (w->again)
            return ST_OK;
        st = chunk_keep(w, attachment, err);
        if (st != ST_DUPLICATE)
            return st;
        w->transfer = (struct osci_transfer){0};
        TRY(transfer_find(w, err));
    }
    return error_set(err, ST_RETRY, 9811, "another dialog is at the same transfer");
}

/* ---- and its answer ---- */

/* The full message's card, if there is one still. */
static enum status card_fill(struct osci_work *w, struct error *err)
{
    struct osci_mailbox *mailbox = w->im->mailbox;
    const struct osci_card_select select = {.cipher = w->transfer.cipher,
                                            .signature = w->transfer.signature,
                                            .by = OSCI_SELECT_IDS,
                                            .ids = &w->transfer.message_id,
                                            .id_count = 1,
                                            .limit = 1};
    struct osci_message *answer = &w->d->answer;
    struct osci_delivery *rows;
    size_t count;
    bool more;

    TRY(mailbox->cards(mailbox, &select, &w->d->arena, &rows, &count, &more, err));
    if (count == 0)
        return ST_OK;
    answer->cards = arena_alloc(&w->d->arena, sizeof *answer->cards);
    TRY_ALLOC(answer->cards, err);
    TRY(osci_work_card(w, &rows[0], OSCI_CREATION_ONLY, &answer->cards[0], err));
    answer->card_count = 1;
    w->keep_card = true;
    return ST_OK;
}

/* 8.2: the inner message's fate stands in InsideFeedback, and 3950 or 9950 says that it does. */
static enum status result_fill(struct osci_work *w, struct error *err)
{
    struct span result = w->transfer.result;
    bool refused = result.len >= 4 && result.ptr[result.len - 4] == '9';

    w->inside = arena_str(&w->d->arena, result);
    TRY_ALLOC(w->inside, err);
    if (refused)
        return error_set(err, ST_DENIED, 9950, "the inner message was refused: %s", w->inside);
    TRY(card_fill(w, err));
    osci_work_warn(w, 3950);
    return ST_OK;
}

static enum status again_check(const struct osci_work *w, struct error *err)
{
    if (w->again)
        return error_set(err, ST_DUPLICATE, 9900, "chunk %" PRIu64 " is there already",
                         w->msg->chunk.number);
    return ST_OK;
}

enum status osci_order_partial_store(struct osci_work *w, struct error *err)
{
    TRY(supported(w, err));
    TRY(transfer_find(w, err));
    if (!w->msg->chunk.info_only)
        TRY(chunk_take(w, err));
    if (w->transfer.completed == 0)
        return again_check(w, err);
    if (w->transfer.result.len > 0) {
        TRY(result_fill(w, err));
        return again_check(w, err);
    }
    w->d->process = true;
    w->d->transfer = w->transfer.ref;
    w->d->wait_ms = w->msg->chunk.info_only ? 0 : (int64_t)w->im->chunks.timeout_s * 1000;
    return ST_OK;
}

enum status osci_partial_finish(struct osci_work *w, bool ended, struct error *err)
{
    w->transfer = (struct osci_transfer){0};
    TRY(transfer_find(w, err));
    if (w->transfer.result.len > 0) {
        TRY(result_fill(w, err));
    } else if (!ended) {
        osci_work_warn(w, w->msg->chunk.info_only ? 3952 : 3951);
    } else {
        return error_set(err, ST_RETRY, 9811,
                         "the inner message could not be worked on; ask again");
    }
    return again_check(w, err);
}

/* ---- partialFetchDelivery ---- */

bool osci_partial_wants_more(const struct osci_work *w)
{
    const struct osci_selection *s = &w->msg->selection;

    return w->msg->type == OSCI_PARTIAL_FETCH_DELIVERY && s->by == OSCI_SELECT_IDS &&
           span_eq(s->ids[0], span_of(w->session.pending, w->session.pending_len));
}

/* The inner message: it belongs to no dialog, and is signed once. */
static enum status inner_write(struct osci_work *w, struct osci_message *inner,
                               struct osci_writer **writer, struct error *err)
{
    const struct identity_pair *signer = identity_signature(w->im->identity, w->now);
    const struct osci_write in = {.msg = inner,
                                  .sign_key = signer->key,
                                  .policy = w->im->policy,
                                  .now = w->now,
                                  .rng = w->im->rng};
    const struct osci_cert shown = {.role = OSCI_SIGNATURE_INTERMEDIARY,
                                    .cert = cert_ref(signer->cert)};

    inner->certs[inner->cert_count++] = shown; /* osci_parts_read has left room for it */
    inner->feedback_count = 1;
    inner->feedback = arena_alloc(&w->d->arena, sizeof *inner->feedback);
    TRY_ALLOC(inner->feedback, err);
    inner->feedback[0] = (struct osci_feedback){SPAN("0800"), SPAN("de"), SPAN("")};
    inner->selection = (struct osci_selection){
        .by = OSCI_SELECT_IDS, .ids = &w->d->delivery.message_id, .id_count = 1};
    return osci_message_write(&in, writer, err);
}

static enum status frame_write(void *ctx, struct sink *sink, struct error *err)
{
    return osci_writer_frame(ctx, sink, err);
}

/* Makes the frame of a delivery that is fetched in chunks for the first time. */
static enum status frame_make(struct osci_work *w, struct osci_writer *writer, struct error *err)
{
    struct osci_transfers *transfers = w->im->transfers;
    struct osci_delivery *delivery = &w->d->delivery;
    enum status st =
        transfers->frame_keep(transfers, delivery->message_id, w->now, frame_write, writer, err);

    if (st != ST_OK && st != ST_DUPLICATE)
        return st;
    if (st == ST_OK)
        TRY(w->im->mailbox->forwarded(w->im->mailbox, delivery->message_id, w->now, err));
    return transfers->frame_open(transfers, delivery->message_id, w->now, &w->d->frame, err);
}

/* Far from a chunk's size, whatever base64 and process card add: the inner message need not be
 * written, and signed, to see how long it is. */
static bool surely_fits(const struct osci_delivery *d, uint64_t size_kb)
{
    uint64_t len = d->parts.len + d->inspections.len;

    if (d->package_source != NULL)
        len += d->package_source->len;
    for (size_t i = 0; i < d->attachment_count; i++)
        len += d->attachments[i].len;
    return size_kb * KB > ENVELOPE_BYTES && len < (size_kb * KB - ENVELOPE_BYTES) / 4;
}

/* The kept frame, else a new one; *whole stays NULL when the message fits into one chunk. */
static enum status frame_get(struct osci_work *w, uint64_t size_kb, struct source **whole,
                             struct error *err)
{
    struct osci_transfers *transfers = w->im->transfers;
    struct osci_delivery *delivery = &w->d->delivery;
    enum status st =
        transfers->frame_open(transfers, delivery->message_id, w->now, &w->d->frame, err);

    w->d->transfers = transfers;
    *whole = NULL;
    if (st == ST_NOT_FOUND && surely_fits(delivery, size_kb))
        return ST_OK;
    if (st == ST_NOT_FOUND) {
        AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
        struct osci_message inner = {.type = OSCI_RSP_FETCH_DELIVERY,
                                     .control = {SPAN("0"), SPAN("0"), SPAN("0"), true, 0}};

        st = osci_fetch_fill(w, &inner, err);
        if (st == ST_OK)
            st = inner_write(w, &inner, &writer, err);
        if (st == ST_OK && osci_writer_len(writer) > size_kb * KB)
            st = frame_make(w, writer, err);
        osci_certs_drop(&inner);
    }
    if (st != ST_OK || w->d->frame == NULL)
        return st;
    return osci_frame_source(w->d->frame, delivery->attachments, delivery->attachment_count,
                             &w->d->arena, whole, err);
}

/* It fits: an answer as to fetchDelivery. */
static enum status fetch_whole(struct osci_work *w, struct error *err)
{
    struct osci_mailbox *mailbox = w->im->mailbox;

    if (w->msg->chunk.number != 1)
        return error_set(err, ST_INVALID, 9901, "chunk %" PRIu64 " of one", w->msg->chunk.number);
    w->d->answer.type = OSCI_RSP_FETCH_DELIVERY;
    buf_reset(&w->d->package);
    TRY(osci_fetch_fill(w, &w->d->answer, err));
    TRY(mailbox->forwarded(mailbox, w->d->delivery.message_id, w->now, err));
    osci_fetch_pending(w);
    return ST_OK;
}

/* 8.3: Reception may come once the client says that it has all but this one. */
static enum status fetch_chunk(struct osci_work *w, struct source *whole, struct error *err)
{
    const struct osci_chunk_info *c = &w->msg->chunk;
    struct osci_message *answer = &w->d->answer;
    struct osci_chunk_set received;

    TRY(osci_chunk_set_init(&received, osci_chunk_count(whole->len, c->size_kb), &w->d->arena,
                            err));
    TRY(osci_chunk_set_read(&received, c->received, err));
    TRY(osci_chunk_cut(whole, c->size_kb, c->number, &w->d->chunk, answer, err));
    answer->message_id = w->d->delivery.message_id;
    (void)osci_chunk_set_add(&received, c->number);
    if (osci_chunk_set_full(&received))
        osci_fetch_pending(w);
    return ST_OK;
}

enum status osci_order_partial_fetch(struct osci_work *w, struct error *err)
{
    const struct osci_chunk_info *c = &w->msg->chunk;
    struct source *whole;
    uint64_t waiting;

    TRY(supported(w, err));
    TRY(size_check(w, c->size_kb, false, err));
    if (c->number < 1)
        return error_set(err, ST_INVALID, 9901, "chunk 0");
    TRY(osci_fetch_select(w, &waiting, err));
    TRY(frame_get(w, c->size_kb, &whole, err));
    if (whole == NULL || whole->len <= c->size_kb * KB)
        TRY(fetch_whole(w, err));
    else
        TRY(fetch_chunk(w, whole, err));
    if (waiting > 0)
        osci_work_warn(w, 3800);
    return ST_OK;
}

/* ---- ChunkInformation ---- */

enum status osci_partial_echo(struct osci_work *w, struct error *err)
{
    const struct osci_chunk_info *asked = &w->msg->chunk;
    struct osci_chunk_info *c = &w->d->answer.chunk;
    AUTO(buf_deinit) struct buf text = {0};

    c->present = osci_type_is_chunk(w->d->answer.type);
    if (!c->present)
        return ST_OK;
    if (c->number == 0)
        c->number = asked->number;
    if (w->d->answer.type != OSCI_RSP_PARTIAL_STORE_DELIVERY)
        return ST_OK;
    c->total = w->transfer.total > 0 ? w->transfer.total : asked->total;
    buf_init(&text, OSCI_CHUNKS_TEXT_MAX);
    osci_chunk_set_write(&w->transfer.received, &text);
    TRY(buf_check(&text, err));
    return osci_work_copy(w, buf_span(&text), &c->received, err);
}
