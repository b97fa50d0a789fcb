#include "osci/read.h"

enum {
    ARENA_MAX = 256 * 1024 * 1024,
    PACKAGE_MAX = 2 * XML_BYTES_MAX,
    USUAL_BYTES = 48 * 1024, /* of the XML part of a small message */
};
static const uint64_t message_bytes_max = 16ULL << 30;

/* ---- the XML part ---- */

/* ds:Signature alone in its block. A forbidden algorithm is kept for osci_message_verify. */
static enum status signature_read(struct osci_reader *rd, struct error *err)
{
    struct osci_reading *r = rd->reading;
    const xmlNode *node;
    struct osci_cursor c;

    if (rd->signature_block == NULL)
        return ST_OK;
    TRY(osci_cursor_init(&c, rd->signature_block, err));
    TRY(osci_cursor_need(&c, DS_NS, "Signature", &node, err));
    TRY(osci_cursor_end(&c, err));
    r->is_signed = true;
    r->signature_status =
        sig_read(node, rd->policy, rd->now, &r->arena, &r->signature, &r->signature_error);
    if (r->signature_status == ST_DENIED)
        return ST_OK;
    if (r->signature_status != ST_OK)
        *err = r->signature_error;
    return r->signature_status;
}

static int refs_order(const void *a, const void *b)
{
    struct span x = (*(const struct sig_reading_ref *const *)a)->uri;
    struct span y = (*(const struct sig_reading_ref *const *)b)->uri;
    size_t len = x.len < y.len ? x.len : y.len;
    int order = len == 0 ? 0 : memcmp(x.ptr, y.ptr, len);

    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static enum status refs_sort(struct osci_reading *r, struct error *err)
{
    if (!r->is_signed || r->signature_status != ST_OK)
        return ST_OK;
    r->refs = arena_array(&r->arena, sizeof(struct sig_reading_ref *), r->signature.count);
    TRY_ALLOC(r->refs, err);
    for (size_t i = 0; i < r->signature.count; i++)
        r->refs[i] = &r->signature.refs[i];
    qsort(r->refs, r->signature.count, sizeof(struct sig_reading_ref *), refs_order);
    return ST_OK;
}

const struct sig_reading_ref *osci_reading_ref(const struct osci_reading *r, struct span uri)
{
    const struct sig_reading_ref key = {.uri = uri}, *wanted = &key;
    const struct sig_reading_ref **found;

    if (r->refs == NULL)
        return NULL;
    found =
        bsearch(&wanted, r->refs, r->signature.count, sizeof(struct sig_reading_ref *), refs_order);
    return found == NULL ? NULL : *found;
}

static enum status package_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    struct osci_cursor c;

    rd->reading->package = node;
    rd->msg->has_package = true;
    TRY(osci_cursor_init(&c, node, err));
    for (const xmlNode *child = c.next; child != NULL; child = xml_next(child))
        if (!xml_is(child, XENC_NS, "EncryptedData") && !xml_is(child, OSCI_NS, "ContentContainer"))
            return error_set(err, ST_INVALID, 9300, "no place for %s in ContentPackage",
                             (const char *)child->name);
    return ST_OK;
}

static enum status body_read(struct osci_reader *rd, const xmlNode *body, struct error *err)
{
    struct osci_reading *r = rd->reading;
    struct span id = xml_attr(body, NULL, "Id");
    struct osci_cursor c;
    const xmlNode *node;

    if (id.len == 0)
        return error_set(err, ST_INVALID, 9300, "the SOAP body has no Id");
    r->blocks[r->block_count] = body;
    r->block_ids[r->block_count++] = id;
    TRY(osci_cursor_init(&c, body, err));
    switch (rd->row->body) {
    case OSCI_BODY_EMPTY:
        break;
    case OSCI_BODY_ORDER:
        if (!xml_is(c.next, rd->row->ns, rd->row->name))
            return error_set(err, ST_INVALID, 9100, "schemaLocation says %s, the body does not",
                             rd->row->name);
        node = osci_cursor_take(&c, rd->row->ns, rd->row->name);
        TRY(osci_read_order(rd, node, err));
        break;
    case OSCI_BODY_PACKAGE:
        TRY(osci_cursor_need(&c, OSCI_NS, "ContentPackage", &node, err));
        TRY(package_read(rd, node, err));
        break;
    case OSCI_BODY_MAY_PACKAGE:
        node = osci_cursor_take(&c, OSCI_NS, "ContentPackage");
        if (node != NULL)
            TRY(package_read(rd, node, err));
        break;
    }
    return osci_cursor_end(&c, err);
}

static enum status envelope_read(struct osci_reader *rd, struct error *err)
{
    struct osci_reading *r = rd->reading;
    const xmlNode *envelope = xml_root(r->doc), *header, *body;
    struct span schema;

    if (!xml_is(envelope, SOAP_NS, "Envelope"))
        return error_set(err, ST_INVALID, 9100, "not a SOAP envelope");
    schema = osci_envelope_schema(envelope);
    if (schema.len == 0 || span_is(schema, OSCI_SCHEMA_FAULT))
        return osci_read_fault(rd, envelope, err);
    if (span_is(schema, OSCI_SCHEMA_ENCRYPTED))
        return error_set(err, ST_INVALID, 9100, "a transport envelope where a message belongs");
    if (!osci_type_by_schema(schema, &rd->msg->type))
        return error_set(err, ST_INVALID, 9100, "schemaLocation names no message type");
    rd->row = osci_type_row(rd->msg->type);
    TRY(xml_ids_new(r->doc, &r->ids, err));
    TRY(osci_envelope_parts(envelope, &header, &body, err));
    TRY(osci_read_header(rd, header, err));
    TRY(body_read(rd, body, err));
    TRY(signature_read(rd, err));
    return refs_sort(r, err);
}

enum status osci_part_read(struct mime_reader *mime, const struct mime_part *part, uint64_t max,
                           struct buf *xml, struct error *err)
{
    struct span piece;

    if (part->base64)
        return error_set(err, ST_INVALID, 9100, "the XML part is base64");
    buf_init(xml, max > XML_BYTES_MAX ? XML_BYTES_MAX : (size_t)max);
    if (buf_grow(xml, xml->max < USUAL_BYTES ? xml->max : USUAL_BYTES) != NULL)
        buf_reset(xml); /* growing means copying: start with enough */
    for (;;) {
        TRY(mime_reader_piece(mime, &piece, err));
        if (piece.len == 0)
            return ST_OK;
        buf_add(xml, piece);
        if (buf_check(xml, err) != ST_OK)
            return error_set(err, ST_LIMIT, 9100, "the XML part is too large");
    }
}

/* ---- attachments ---- */

/* A piece with the transfer encoding taken off, in scratch; base64 NULL: as it stands. */
static enum status octets_of(struct osci_reader *rd, struct mime_base64 *base64, struct span piece,
                             struct span *octets, struct error *err)
{
    *octets = piece;
    if (base64 == NULL)
        return ST_OK;
    buf_reset(&rd->scratch);
    TRY(mime_base64_push(base64, piece, &rd->scratch, err));
    *octets = buf_span(&rd->scratch);
    return ST_OK;
}

/* As the message signature refers to it, so that its digest can be compared. */
static enum status attachment_alg(struct osci_reader *rd, struct span cid, const struct alg **alg,
                                  struct error *err)
{
    const struct sig_reading_ref *ref;

    buf_reset(&rd->scratch);
    buf_str(&rd->scratch, "cid:");
    buf_add(&rd->scratch, cid);
    TRY(buf_check(&rd->scratch, err));
    ref = osci_reading_ref(rd->reading, buf_span(&rd->scratch));
    *alg = ref != NULL ? ref->digest : alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST);
    return ST_OK;
}

static enum status attachment_read(struct osci_reader *rd, struct mime_reader *mime,
                                   const struct mime_part *part, struct osci_attachment *a,
                                   struct error *err)
{
    AUTO(digest_drop) struct digest *digest = NULL;
    struct mime_base64 base64 = {0};
    const struct alg *alg;
    struct span piece, octets;

    TRY(attachment_alg(rd, part->content_id, &alg, err));
    TRY(digest_new(alg, &digest, err));
    *a = (struct osci_attachment){
        .cid = part->content_id, .base64 = part->base64, .offset = part->offset};
    for (;;) {
        TRY(mime_reader_piece(mime, &piece, err));
        if (piece.len == 0)
            break;
        TRY(octets_of(rd, part->base64 ? &base64 : NULL, piece, &octets, err));
        TRY(digest_update(digest, octets, err));
        a->len += octets.len;
    }
    TRY(mime_base64_finish(&base64, err));
    a->wire_len = part->len;
    return digest_final(digest, &a->digest, err);
}

/* Room for a few at first, for twice as many each time. */
static enum status attachment_room(struct osci_reader *rd, size_t *room, struct error *err)
{
    struct osci_message *msg = rd->msg;
    struct osci_attachment *more;

    if (msg->attachment_count < *room)
        return ST_OK;
    *room = *room == 0 ? 4 : *room * 2;
    more = arena_array(&rd->reading->arena, sizeof *more, *room);
    TRY_ALLOC(more, err);
    if (msg->attachment_count > 0)
        memcpy(more, msg->attachments, msg->attachment_count * sizeof *more);
    msg->attachments = more;
    return ST_OK;
}

static enum status attachments_read(struct osci_reader *rd, struct mime_reader *mime,
                                    struct error *err)
{
    struct osci_message *msg = rd->msg;
    struct mime_part *part;
    size_t room = 0;

    for (;;) {
        TRY(mime_reader_next(mime, &part, err));
        if (part == NULL)
            return ST_OK;
        TRY(attachment_room(rd, &room, err));
        TRY(attachment_read(rd, mime, part, &msg->attachments[msg->attachment_count], err));
        msg->attachment_count++;
    }
}

/* ---- the whole ---- */

static enum status message_read(struct osci_reader *rd, struct source *wire, uint64_t xml_max,
                                struct error *err)
{
    AUTO(buf_deinit) struct buf xml = {0};
    struct mime_reader mime;
    struct mime_part *part;

    TRY(mime_reader_init(&mime, wire, &rd->reading->arena, err));
    TRY(mime_reader_next(&mime, &part, err));
    if (part == NULL)
        return error_set(err, ST_INVALID, 9100, "a MIME message without parts");
    TRY(osci_part_read(&mime, part, xml_max, &xml, err));
    TRY(xml_parse(buf_span(&xml), &rd->reading->doc, err));
    buf_deinit(&xml);
    xml = (struct buf){0};
    TRY(envelope_read(rd, err));
    return attachments_read(rd, &mime, err);
}

enum status osci_message_read(struct source *wire, const struct policy *policy, int64_t now,
                              struct cert_cache *cache, const struct osci_limits *limits,
                              struct osci_reading **reading, struct error *err)
{
    uint64_t max =
        limits == NULL || limits->message_bytes == 0 ? message_bytes_max : limits->message_bytes;
    uint64_t xml_max = limits == NULL || limits->xml_bytes == 0 ? XML_BYTES_MAX : limits->xml_bytes;
    AUTO(osci_reading_drop) struct osci_reading *r = NULL;
    struct osci_reader rd = {.policy = policy, .now = now, .cache = cache};
    enum status st;

    if (wire->len > max)
        return error_set(err, ST_LIMIT, 9100, "the message is larger than allowed");
    r = calloc(1, sizeof *r);
    TRY_ALLOC(r, err);
    arena_init(&r->arena, ARENA_MAX);
    r->wire = wire;
    rd.reading = r;
    rd.msg = &r->msg;
    buf_init(&rd.scratch, PACKAGE_MAX);
    st = message_read(&rd, wire, xml_max, err);
    buf_deinit(&rd.scratch);
    TRY(st);
    *reading = TAKE(r);
    return ST_OK;
}

void osci_reading_free(struct osci_reading *reading)
{
    if (reading == NULL)
        return;
    for (size_t i = 0; i < reading->msg.cert_count; i++)
        cert_free(reading->msg.certs[i].cert);
    xml_ids_drop(&reading->ids);
    xml_doc_drop(&reading->doc);
    arena_deinit(&reading->arena);
    free(reading);
}

enum status osci_attachment_copy(const struct osci_reading *reading, size_t i, struct sink *sink,
                                 struct error *err)
{
    const struct osci_attachment *a = &reading->msg.attachments[i];
    AUTO(free_drop) uint8_t *chunk = malloc(32768);
    struct mime_base64 base64 = {0};
    AUTO(buf_deinit) struct buf plain = {0};
    uint64_t done = 0;

    buf_init(&plain, 65536);
    TRY_ALLOC(chunk, err);
    while (done < a->wire_len) {
        uint64_t left = a->wire_len - done;
        size_t got;

        TRY(source_read(reading->wire, a->offset + done, chunk, left < 32768 ? (size_t)left : 32768,
                        &got, err));
        if (got == 0)
            return error_set(err, ST_INTERNAL, 0, "the message became shorter");
        done += got;
        if (!a->base64) {
            TRY(sink_write(sink, span_of(chunk, got), err));
            continue;
        }
        buf_reset(&plain);
        TRY(mime_base64_push(&base64, span_of(chunk, got), &plain, err));
        TRY(sink_write(sink, buf_span(&plain), err));
    }
    return ST_OK;
}

enum status osci_package_text(const struct osci_reading *reading, struct buf *out,
                              struct error *err)
{
    for (const xmlNode *n = xml_first(reading->package); n != NULL; n = xml_next(n))
        TRY(xml_c14n(n, out, err));
    return buf_check(out, err);
}
