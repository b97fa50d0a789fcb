#include "osci/transfer.h"

#include "osci/orders.h"

/* Is the inner message the one that the chunks were for? */
static enum status inner_check(const struct osci_work *w, uint64_t bytes, struct error *err)
{
    if (w->msg->type != OSCI_STORE_DELIVERY)
        return error_set(err, ST_INVALID, 9300, "the chunks are a %s",
                         osci_type_name(w->msg->type));
    if (!span_eq(w->msg->message_id, w->transfer.message_id))
        return error_set(err, ST_INVALID, 9905, "the inner message has another MessageId");
    if (!osci_chunk_total_fits(bytes, w->transfer.total_kb))
        return error_set(err, ST_INVALID, 9905, "the chunks are %llu octets",
                         (unsigned long long)bytes);
    return ST_OK;
}

/* The client's own certificates among those of the inner message; NULL where it is not there. */
static const struct cert *own_cert(const struct osci_work *w, enum osci_role role,
                                   struct span sha256)
{
    const struct osci_cert *c = osci_cert_of(w->msg, role);

    return c != NULL && sha256.len > 0 && span_eq(cert_sha256(c->cert), sha256) ? c->cert : NULL;
}

/* 8.5: stages 3 and 6 to 9. Authenticity hangs on the orders that brought the chunks; where the
 * inner message is signed nevertheless, that must be right, too. */
static enum status inner_run(struct osci_work *w, struct source *whole,
                             struct osci_reading **reading, struct error *err)
{
    const struct osci_limits limits = {.message_bytes = (w->im->chunks.message_kb + 2) * 1024};

    TRY(osci_message_read(whole, w->im->policy, w->now, w->im->cache, &limits, reading, err));
    w->reading = *reading;
    w->msg = &(*reading)->msg;
    TRY(inner_check(w, whole->len, err));
    if (w->reading->is_signed)
        TRY(osci_message_verify(w->reading, NULL, NULL, err));
    w->signer = own_cert(w, OSCI_SIGNATURE_ORIGINATOR, w->transfer.signature);
    TRY(osci_work_inspect(w, err));
    return osci_order_store(w, err);
}

/* Trouble of ours that may pass: nothing is decided by it. */
static bool is_trouble(enum status st, int reason)
{
    return st == ST_RETRY || st == ST_INTERNAL || (st == ST_LIMIT && reason != 9100);
}

static enum status refusal_keep(struct osci_work *w, const struct error *why, struct error *err)
{
    struct osci_transfers *transfers = w->im->transfers;
    const char *codes;

    TRY(osci_work_codes(w, why->reason == 0 ? 9811 : why->reason, &codes, err));
    return transfers->refuse(transfers, w->transfer.ref, span_str(codes), w->now, err);
}

static enum status process(struct osci_work *w, struct span ref, struct osci_processed *done,
                           struct error *err)
{
    struct osci_transfers *transfers = w->im->transfers;
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    struct source *whole;
    enum status st;

    TRY(transfers->chunks_open(transfers, ref, &w->d->arena, &w->transfer, &whole, err));
    st = inner_run(w, whole, &reading, err);
    transfers->chunks_close(transfers, whole);
    w->reading = NULL;
    w->msg = NULL;
    if (w->transfer.message_id.len <= sizeof done->message_id) {
        memcpy(done->message_id, w->transfer.message_id.ptr, w->transfer.message_id.len);
        done->message_id_len = w->transfer.message_id.len;
    }
    if (st == ST_OK) {
        done->code = 800;
        done->delivered = w->d->delivered;
        memcpy(done->delivered_to, w->d->delivered_to, sizeof done->delivered_to);
        return ST_OK;
    }
    if (is_trouble(st, err->reason))
        return st;
    done->why = *err;
    done->code = err->reason == 0 ? 9811 : err->reason % 10000;
    return refusal_keep(w, &done->why, err);
}

enum status osci_transfer_process(const struct osci_intermediary *im, struct span ref, int64_t now,
                                  struct osci_processed *processed, struct error *err)
{
    static const struct osci_request none;
    AUTO(osci_decision_drop) struct osci_decision *d = NULL;
    AUTO(free_drop) struct osci_work *w = NULL;
    struct osci_processed done = {0};

    TRY(osci_decision_new(&d, err));
    w = calloc(1, sizeof *w);
    TRY_ALLOC(w, err);
    *w = (struct osci_work){.im = im, .request = &none, .now = now, .d = d};
    TRY(process(w, ref, &done, err));
    *processed = done;
    return ST_OK;
}
