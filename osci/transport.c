/*
 * The envelope's XML is small and becomes a tree; the enciphered part streams through the opener.
 * What depends on the key fails with 9202 alone (digest 12.3); what anybody on the way can see, the
 * frame and the form, fails with 9100.
 */
#include "osci/read.h"

enum { SNIFF_BYTES = 8192, ENVELOPE_BYTES_MAX = 1024 * 1024 };

struct envelope {
    const xmlNode *data, *key; /* EncryptedData, EncryptedKey */
    struct span cid;           /* of the enciphered part, in the tree */
};

static enum status key_info_read(const xmlNode *data, struct envelope *e, struct error *err)
{
    const xmlNode *info;
    struct osci_cursor c;

    TRY(xml_only_child(data, DS_NS, "KeyInfo", &info, err));
    TRY(osci_cursor_init(&c, info, err));
    TRY(osci_cursor_need(&c, XENC_NS, "EncryptedKey", &e->key, err));
    return osci_cursor_end(&c, err);
}

static enum status reference_read(const xmlNode *data, struct envelope *e, struct error *err)
{
    static const struct span cid = SPAN("cid:");
    const xmlNode *cipher_data, *reference;
    struct span uri;

    TRY(xml_only_child(data, XENC_NS, "CipherData", &cipher_data, err));
    TRY(xml_only_child(cipher_data, XENC_NS, "CipherReference", &reference, err));
    uri = xml_attr(reference, NULL, "URI");
    if (!span_starts(uri, cid) || uri.len == cid.len)
        return error_set(err, ST_INVALID, 9100, "CipherReference is not to a part");
    e->cid = span_from(uri, cid.len);
    return ST_OK;
}

static enum status form_read(const xmlNode *body, struct envelope *e, struct error *err)
{
    struct osci_cursor c;

    TRY(osci_cursor_init(&c, body, err));
    TRY(osci_cursor_need(&c, XENC_NS, "EncryptedData", &e->data, err));
    TRY(osci_cursor_end(&c, err));
    TRY(key_info_read(e->data, e, err));
    return reference_read(e->data, e, err);
}

/* *is false: it is some other message after all. */
static enum status envelope_read(const xmlNode *root, bool *is, struct envelope *e,
                                 struct error *err)
{
    const xmlNode *body;

    *is = xml_is(root, SOAP_NS, "Envelope") &&
          span_is(osci_envelope_schema(root), OSCI_SCHEMA_ENCRYPTED);
    if (!*is)
        return ST_OK;
    TRY(osci_envelope_parts(root, NULL, &body, err));
    if (form_read(body, e, err) != ST_OK) {
        err->reason = 9100;
        return error_context(err, "transport envelope");
    }
    return ST_OK;
}

/* The recipient is named by a whole certificate. */
static enum status recipient_find(const xmlNode *key, const struct osci_own_cipher *own,
                                  size_t own_count, size_t *which, struct error *err)
{
    AUTO(buf_deinit) struct buf scratch = {0};
    const xmlNode *info, *data;
    struct span der;

    buf_init(&scratch, 2 * CERT_DER_MAX);
    if (xml_only_child(key, DS_NS, "KeyInfo", &info, err) != ST_OK ||
        xml_only_child(info, DS_NS, "X509Data", &data, err) != ST_OK ||
        osci_x509_read(data, &scratch, &der, err) != ST_OK)
        return error_set(err, ST_INVALID, 9100, "no recipient's certificate in the envelope");
    for (size_t i = 0; i < own_count; i++) {
        if (span_eq(cert_der(own[i].cert), der)) {
            *which = i;
            return ST_OK;
        }
    }
    return error_set(err, ST_NOT_FOUND, 9200, "enciphered for a certificate that is not ours");
}

struct opener {
    struct cipher *cipher;
    struct sink *plain;
    struct buf octets;
    struct mime_base64 base64;
};

static void opener_deinit(struct opener *o)
{
    cipher_drop(&o->cipher);
    buf_deinit(&o->octets);
}

static enum status garbled(struct error *err)
{
    return error_set(err, ST_DENIED, 9202, "the message cannot be deciphered");
}

static enum status piece_open(struct opener *o, const struct mime_part *part, struct span piece,
                              struct error *err)
{
    if (part->base64) {
        buf_reset(&o->octets);
        if (mime_base64_push(&o->base64, piece, &o->octets, err) != ST_OK)
            return garbled(err);
        piece = buf_span(&o->octets);
    }
    return cipher_push(o->cipher, piece, o->plain, err);
}

static enum status part_open(struct opener *o, struct mime_reader *mime, struct span cid,
                             struct error *err)
{
    struct mime_part *part, *more;
    struct span piece;

    TRY(mime_reader_next(mime, &part, err));
    if (part == NULL || !span_eq(part->content_id, cid))
        return error_set(err, ST_INVALID, 9100, "the enciphered part is not there");
    for (;;) {
        TRY(mime_reader_piece(mime, &piece, err));
        if (piece.len == 0)
            break;
        TRY(piece_open(o, part, piece, err));
    }
    TRY(mime_reader_next(mime, &more, err));
    if (more != NULL)
        return error_set(err, ST_INVALID, 9100, "more parts than the enciphered one");
    if (mime_base64_finish(&o->base64, err) != ST_OK)
        return garbled(err);
    return cipher_finish(o->cipher, o->plain, err);
}

static const struct alg *key_transport_of(const xmlNode *key)
{
    const xmlNode *method = xml_child(key, XENC_NS, "EncryptionMethod");

    return method == NULL ? NULL : alg_find(xml_attr(method, NULL, "Algorithm"), ALG_KEY_TRANSPORT);
}

/* Enough of a look to leave plain messages alone; the tree decides. */
static bool sniff(struct span piece)
{
    return span_find(span_sub(piece, 0, SNIFF_BYTES), SPAN(OSCI_SCHEMA_ENCRYPTED)) != SIZE_MAX;
}

/* The rest of the XML part, after its first piece; too large for an envelope: left empty. */
static enum status xml_gather(struct mime_reader *mime, struct span piece, struct buf *xml,
                              struct error *err)
{
    while (piece.len > 0) {
        buf_add(xml, piece);
        if (buf_check(xml, err) != ST_OK) {
            buf_reset(xml);
            return ST_OK;
        }
        TRY(mime_reader_piece(mime, &piece, err));
    }
    return ST_OK;
}

struct opening {
    const struct osci_own_cipher *own;
    size_t own_count;
    const struct policy *policy;
    int64_t now;
    struct sink *plain;
};

static enum status envelope_open(const struct opening *in, const struct envelope *e,
                                 struct mime_reader *mime, struct osci_transport *t,
                                 struct error *err)
{
    AUTO(opener_deinit) struct opener o = {.plain = in->plain};
    AUTO(secret_wipe) struct secret secret = {0};

    buf_init(&o.octets, 1 << 20);
    TRY(recipient_find(e->key, in->own, in->own_count, &t->own, err));
    TRY(enc_method_read(e->data, in->policy, in->now, &t->method, err));
    TRY(enc_key_read(e->key, in->own[t->own].key, &t->method, in->policy, in->now, &secret, err));
    t->key_transport = key_transport_of(e->key);
    TRY(cipher_open_new(&t->method, &secret, &o.cipher, err));
    t->encrypted = true;
    return part_open(&o, mime, e->cid, err);
}

enum status osci_transport_open(struct source *wire, const struct osci_own_cipher *own,
                                size_t own_count, const struct policy *policy, int64_t now,
                                const struct osci_limits *limits, struct sink *plain,
                                struct osci_transport *transport, struct error *err)
{
    const struct opening in = {own, own_count, policy, now, plain};
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf xml = {0};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct osci_transport t = {0};
    struct envelope e;
    struct mime_reader mime;
    struct mime_part *part;
    struct span piece;
    bool is;

    arena_init(&arena, 1024 * 1024);
    buf_init(&xml, ENVELOPE_BYTES_MAX);
    *transport = t;
    if (limits != NULL && limits->message_bytes != 0 && wire->len > limits->message_bytes)
        return error_set(err, ST_LIMIT, 9100, "the message is larger than allowed");
    TRY(mime_reader_init(&mime, wire, &arena, err));
    TRY(mime_reader_next(&mime, &part, err));
    if (part == NULL)
        return error_set(err, ST_INVALID, 9100, "a MIME message without parts");
    TRY(mime_reader_piece(&mime, &piece, err));
    if (!sniff(piece))
        return ST_OK;
    TRY(xml_gather(&mime, piece, &xml, err));
    if (xml.len == 0)
        return ST_OK;
    TRY(xml_parse(buf_span(&xml), &doc, err));
    TRY(envelope_read(xml_root(doc), &is, &e, err));
    if (!is)
        return ST_OK;
    TRY(envelope_open(&in, &e, &mime, &t, err));
    *transport = t;
    return ST_OK;
}
