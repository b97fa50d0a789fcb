/*
 * The answer to a fetchDelivery, tried before the delivery is taken. What an addressee cannot read,
 * because what is passed on no longer fits into a message, would stand at the front of its mailbox
 * for ever. The answer is written and read as a whole, but for what cannot matter: signature,
 * octets of attachments, and what is left of texts that are long.
 */
#include "osci/delivery.h"
#include "osci/orders.h"
#include "osci/processcard.h"

/* Of a text that goes on for longer, this much is tried. SIGNED_MAX: what signature and
 * certificates of ours add to the length. */
enum { TEXT_TRIED = 256, REFERENCE_MAX = 8, SIGNED_MAX = 256 * 1024 };

/* ---- a package with its long texts cut off ---- */

/* Behind the tag at the front of rest; 0: it is no tag. Canonical: attribute values stand in double
 * quotes, and may hold a > of their own. */
static size_t tag_len(struct span rest)
{
    bool quoted = false;

    if (rest.len < 2 || rest.ptr[1] == '?' || rest.ptr[1] == '!')
        return 0;
    for (size_t i = 1; i < rest.len; i++) {
        if (rest.ptr[i] == '"')
            quoted = !quoted;
        else if (rest.ptr[i] == '>' && !quoted)
            return i + 1;
    }
    return 0;
}

/* How much of a text is tried: the beginning of a long one, up to a whole character. */
static size_t tried_len(struct span text)
{
    size_t cut = TEXT_TRIED;

    if (text.len <= TEXT_TRIED)
        return text.len;
    for (size_t i = TEXT_TRIED; i > TEXT_TRIED - REFERENCE_MAX; i--)
        if (text.ptr[i - 1] == '&')
            return i - 1;
    while ((text.ptr[cut] & 0xC0) == 0x80)
        cut--;
    return cut;
}

/*
 * Canonical text was a tree before and becomes the same tree again, whatever its character data
 * are: their length has been read once, and their characters have. *cut: bytes that are missing.
 * False: there is something else in it than tags and text, and out is not to be used.
 */
static bool abridge(struct span package, struct buf *out, uint64_t *cut)
{
    struct span rest = package;

    *cut = 0;
    while (rest.len > 0) {
        const uint8_t *next = memchr(rest.ptr, '<', rest.len);
        struct span text = span_sub(rest, 0, next == NULL ? rest.len : (size_t)(next - rest.ptr));
        size_t tried = tried_len(text), tag;

        buf_add(out, span_sub(text, 0, tried));
        *cut += text.len - tried;
        rest = span_from(rest, text.len);
        if (rest.len == 0)
            return true;
        tag = tag_len(rest);
        if (tag == 0)
            return false;
        buf_add(out, span_sub(rest, 0, tag));
        rest = span_from(rest, tag);
    }
    return true;
}

/* ---- the answer ---- */

/* What the answer to fetchDelivery will say, but for signature, certificate and octets. */
static enum status rehearsal_fill(struct osci_work *w, const struct osci_delivery *delivery,
                                  struct span package, struct arena *arena, struct osci_message *m,
                                  struct error *err)
{
    const struct osci_message *order = w->msg;
    struct osci_delivery forwarded = *delivery;

    forwarded.forwarding = w->now;
    *m = (struct osci_message){.type = OSCI_RSP_FETCH_DELIVERY,
                               .control = {SPAN("0"), SPAN("0"), SPAN("0"), true, 0},
                               .feedback_count = 1,
                               .features.present = true,
                               .has_package = delivery->has_package,
                               .package = package};
    m->feedback = arena_alloc(arena, sizeof *m->feedback);
    m->cards = arena_alloc(arena, sizeof *m->cards);
    m->attachments = arena_array(arena, sizeof *m->attachments, order->attachment_count + 1);
    TRY_ALLOC(m->feedback, err);
    TRY_ALLOC(m->cards, err);
    TRY_ALLOC(m->attachments, err);
    m->feedback[0] = (struct osci_feedback){SPAN("0801"), SPAN("de"), SPAN("")};
    TRY(osci_work_card(w, &forwarded, OSCI_AND_FORWARDING, m->cards, err));
    m->card_count = 1;
    for (size_t i = 0; i < order->attachment_count; i++)
        m->attachments[m->attachment_count++].cid = order->attachments[i].cid;
    TRY(osci_parts_read(delivery->parts, w->im->cache, 1, arena, m, err));
    m->certs[m->cert_count++] =
        (struct osci_cert){.role = OSCI_SIGNATURE_INTERMEDIARY,
                           .cert = cert_ref(identity_signature(w->im->identity, w->now)->cert)};
    return ST_OK;
}

/* cut: what the message would be longer. */
static enum status message_reread(const struct osci_work *w, const struct osci_message *m,
                                  uint64_t cut, struct error *err)
{
    const struct osci_write in = {
        .msg = m, .policy = w->im->policy, .now = w->now, .rng = w->im->rng};
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    AUTO(buf_deinit) struct buf wire = {.max = 2 * (size_t)XML_BYTES_MAX};
    struct source_span source;
    bool end = false;

    TRY(osci_message_write(&in, &writer, err));
    if (osci_writer_len(writer) + cut + SIGNED_MAX > XML_BYTES_MAX)
        return error_set(err, ST_LIMIT, 9300, "with its certificates and card it is too long");
    while (!end)
        TRY(osci_writer_next(writer, &wire, &end, err));
    return osci_message_read(source_span_init(&source, buf_span(&wire)), w->im->policy, w->now,
                             w->im->cache, NULL, &reading, err);
}

/* The answer's signature will have them in attributes. */
static enum status cids_reread(const struct osci_message *m, struct error *err)
{
    AUTO(buf_deinit) struct buf text = {.max = XML_BYTES_MAX};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;

    buf_str(&text, "<cids>");
    for (size_t i = 0; i < m->attachment_count; i++)
        buf_xml_attr(&text, m->attachments[i].cid);
    buf_str(&text, "</cids>");
    TRY(buf_check(&text, err));
    return xml_parse(buf_span(&text), &doc, err);
}

static enum status tried(struct osci_work *w, const struct osci_delivery *delivery,
                         struct span package, uint64_t cut, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = OSCI_PARTS_MAX};
    struct osci_message m;
    enum status st = rehearsal_fill(w, delivery, package, &arena, &m, err);

    if (st == ST_OK)
        st = cids_reread(&m, err);
    if (st == ST_OK)
        st = message_reread(w, &m, cut, err);
    for (size_t i = 0; i < m.cert_count; i++)
        cert_free(m.certs[i].cert);
    return st;
}

enum status osci_work_rehearse(struct osci_work *w, const struct osci_delivery *delivery,
                               struct error *err)
{
    AUTO(buf_deinit) struct buf abridged = {.max = XML_BYTES_MAX};
    struct span package = delivery->package;
    uint64_t cut = 0;
    enum status st;

    if (package.len > TEXT_TRIED && abridge(package, &abridged, &cut) && cut > 0 &&
        !abridged.failed)
        package = buf_span(&abridged);
    else
        cut = 0;
    st = tried(w, delivery, package, cut, err);
    if (st == ST_OK || err->starved)
        return st;
    err->status = ST_INVALID;
    err->reason = 9300;
    return error_context(err, "the addressee could not read it");
}
