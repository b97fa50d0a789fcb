/*
 * The wire bytes are a list of pieces: text that we hold, and attachments that stay where they are.
 * Without a transport envelope they go out one after the other; with one, all but the outer frame
 * passes through the cipher on its way. Nothing is written twice, and nothing large is held.
 */
#include "osci/block.h"
#include "osci/frame.h"

#include <assert.h>
#include <stdio.h>

enum { PIECE_BYTES = 60 * 1024, CERTS_MAX = 500, BLOCKS_MAX = 16, BOUNDARY_RANDOM = 18 };
enum { TEXT_MAX = 96 * 1024 * 1024, ARENA_MAX = 4 * 1024 * 1024 };

struct piece {
    struct span text;
    struct source *source; /* NULL: text */
    uint64_t len;          /* of its own; in base64 it is longer on the wire */
};

/* Gives the same bytes again after a rewind: the IV must not change under a sent prefix. */
struct rng_fixed {
    struct rng base;
    uint8_t bytes[16];
};

struct osci_writer {
    struct arena arena;
    struct buf front, back; /* XML up to the signature; the blocks behind it and the body's start */
    struct buf outer_front, outer_back, tail;
    struct piece *pieces;
    size_t count, at;
    uint64_t at_offset, inner_len, total;
    size_t piece_bytes; /* that are taken at once */
    bool encrypted, base64;
    struct mime_base64_sink attachment_base64, cipher_base64;
    enum { OUTER_FRONT, INNER, OUTER_BACK, DONE } stage;
    struct cipher_method method;
    struct secret secret;
    struct rng_fixed iv;
    struct cipher *cipher;
    struct buf clear; /* one piece on its way into the cipher */
};

/* What is needed while the XML is being made. */
struct making {
    const struct osci_write *in;
    struct osci_writer *w;
    struct span *ids; /* of the certificates */
    struct sig_ref *refs;
    size_t ref_count;
    const struct alg *digest;
    char boundary[64];
};

static enum status fixed_fill(struct rng *self, void *bytes, size_t len, struct error *err)
{
    struct rng_fixed *rng = (struct rng_fixed *)self;

    if (len > sizeof rng->bytes)
        return error_set(err, ST_INTERNAL, 0, "an IV of %zu bytes", len);
    memcpy(bytes, rng->bytes, len);
    return ST_OK;
}

static enum status boundary_make(struct rng *rng, char *out, size_t cap, struct error *err)
{
    uint8_t random[BOUNDARY_RANDOM];
    size_t n = (size_t)snprintf(out, cap, "MIME_boundary_");

    TRY(rng_bytes(rng, random, sizeof random, err));
    for (size_t i = 0; i < sizeof random; i++)
        n += (size_t)snprintf(out + n, cap - n, "%02x", random[i]);
    return ST_OK;
}

enum status osci_cert_id(enum osci_role role, size_t number, const struct cert *cert,
                         struct arena *arena, struct span *id, struct error *err)
{
    static const char *const who[OSCI_ROLES] = {
        [OSCI_CIPHER_ORIGINATOR] = "originator",    [OSCI_SIGNATURE_ORIGINATOR] = "originator",
        [OSCI_CIPHER_ADDRESSEE] = "addressee",      [OSCI_SIGNATURE_ADDRESSEE] = "addressee",
        [OSCI_CIPHER_OTHER_AUTHOR] = "author",      [OSCI_SIGNATURE_OTHER_AUTHOR] = "author",
        [OSCI_CIPHER_OTHER_READER] = "reader",      [OSCI_CIPHER_INTERMEDIARY] = "intermed",
        [OSCI_SIGNATURE_INTERMEDIARY] = "intermed",
    };
    bool numbered = role == OSCI_CIPHER_OTHER_AUTHOR || role == OSCI_SIGNATURE_OTHER_AUTHOR ||
                    role == OSCI_CIPHER_OTHER_READER;
    bool cipher = role <= OSCI_CIPHER_OTHER_READER || role == OSCI_CIPHER_INTERMEDIARY;
    char text[160], digits[24] = "";
    int n;

    if (numbered)
        (void)snprintf(digits, sizeof digits, "%zu", number);
    n = snprintf(text, sizeof text, "%s%s_%s_%s", who[role], digits,
                 cipher ? "cipher" : "signature", cert_fingerprint(cert));
    *id = arena_span(arena, span_of(text, (size_t)n));
    TRY_ALLOC(id->ptr, err);
    return ST_OK;
}

static enum status cert_ids(struct making *m, struct error *err)
{
    const struct osci_message *msg = m->in->msg;

    if (msg->cert_count > CERTS_MAX)
        return error_set(err, ST_LIMIT, 0, "more than %d certificates", CERTS_MAX);
    m->ids = arena_array(&m->w->arena, sizeof *m->ids, msg->cert_count + 1);
    TRY_ALLOC(m->ids, err);
    for (size_t i = 0; i < msg->cert_count; i++) {
        size_t number = 0;

        for (size_t k = 0; k < i; k++)
            number += msg->certs[k].role == msg->certs[i].role;
        m->ids[i] = msg->certs[i].id;
        if (m->ids[i].len == 0)
            TRY(osci_cert_id(msg->certs[i].role, number, msg->certs[i].cert, &m->w->arena,
                             &m->ids[i], err));
    }
    return ST_OK;
}

static enum status ref_add(struct making *m, const char *prefix, struct span id,
                           enum sig_transform transform, const struct digest_value *digest,
                           struct error *err)
{
    size_t plen = strlen(prefix);
    uint8_t *uri = arena_alloc(&m->w->arena, plen + id.len);

    TRY_ALLOC(uri, err);
    memcpy(uri, prefix, plen);
    memcpy(uri + plen, id.ptr, id.len);
    m->refs[m->ref_count++] = (struct sig_ref){span_of(uri, plen + id.len), transform, *digest};
    return ST_OK;
}

/* The block that was just appended to buf from offset on; nothing when it is empty. */
static enum status block_done(struct making *m, const struct buf *buf, size_t offset,
                              const char *id, struct error *err)
{
    struct digest_value value;

    if (buf->len == offset || m->in->sign_key == NULL)
        return ST_OK;
    TRY(buf_check(buf, err));
    TRY(digest_of(m->digest, span_from(buf_span(buf), offset), &value, err));
    return ref_add(m, "#", span_str(id), SIG_C14N, &value, err);
}

static enum status blocks_write(struct making *m, struct error *err)
{
    const struct osci_message *msg = m->in->msg;
    struct buf *out = &m->w->back;
    size_t mark = out->len;
    AUTO(buf_deinit) struct buf id = {0};

    osci_block_languages(out, msg);
    TRY(block_done(m, out, mark, "desiredlanguages", err));
    mark = out->len;
    osci_block_quality(out, msg->creation, "creation");
    TRY(block_done(m, out, mark, "qualityoftimestamp_creation", err));
    mark = out->len;
    osci_block_quality(out, msg->reception, "reception");
    TRY(block_done(m, out, mark, "qualityoftimestamp_reception", err));
    mark = out->len;
    osci_block_order(out, msg);
    buf_init(&id, 128);
    osci_block_id(&id, osci_type_name(msg->type));
    TRY(block_done(m, out, mark, buf_cstr(&id), err));
    mark = out->len;
    osci_block_certs(out, msg, m->ids, true);
    TRY(block_done(m, out, mark, "intermediarycertificates", err));
    mark = out->len;
    osci_block_certs(out, msg, m->ids, false);
    TRY(block_done(m, out, mark, "nonintermediarycertificates", err));
    mark = out->len;
    osci_block_features(out, msg);
    TRY(block_done(m, out, mark, "featuredescription", err));
    for (size_t i = 0; i < msg->custom_count; i++) {
        struct digest_value value;

        buf_add(out, msg->customs[i].xml);
        TRY(digest_of(m->digest, msg->customs[i].xml, &value, err));
        TRY(ref_add(m, "#", msg->customs[i].id, SIG_C14N, &value, err));
    }
    buf_str(out, "</soap:Header>");
    return ST_OK;
}

/* The body is digested in three pieces, so that the package is not copied. */
static enum status body_write(struct making *m, struct error *err)
{
    const struct osci_message *msg = m->in->msg;
    struct buf *back = &m->w->back, *tail = &m->w->tail;
    size_t mark = back->len;
    struct digest_value value;
    AUTO(digest_drop) struct digest *digest = NULL;

    osci_body_open(back, msg);
    osci_body_close(tail, msg);
    if (m->in->sign_key != NULL) {
        TRY(digest_new(m->digest, &digest, err));
        TRY(digest_update(digest, span_from(buf_span(back), mark), err));
        if (msg->has_package)
            TRY(digest_update(digest, msg->package, err));
        TRY(digest_update(digest, buf_span(tail), err));
        TRY(digest_final(digest, &value, err));
        TRY(ref_add(m, "#", SPAN("body"), SIG_C14N, &value, err));
        for (size_t i = 0; i < msg->attachment_count; i++)
            TRY(ref_add(m, "cid:", msg->attachments[i].cid, SIG_PLAIN, &msg->attachments[i].digest,
                        err));
    }
    buf_str(tail, "</soap:Envelope>");
    return ST_OK;
}

static enum status signature_write(struct making *m, struct error *err)
{
    const struct osci_write *in = m->in;
    const struct osci_type_row *row = osci_type_row(in->msg->type);
    const char *name = row->request ? "ClientSignature" : "SupplierSignature";
    struct sig_params params = {
        .signature = in->signature_alg, .policy = in->policy, .now = in->now};
    struct span id = in->sign_cert_id;
    const struct cert *cert = NULL;
    AUTO(buf_deinit) struct buf retrieval = {0};

    for (size_t i = 0; i < in->msg->cert_count; i++)
        if (in->sign_cert_id.len > 0 ? span_eq(m->ids[i], in->sign_cert_id)
                                     : in->msg->certs[i].role == row->signer) {
            id = m->ids[i];
            cert = in->msg->certs[i].cert;
            break;
        }
    if (cert == NULL)
        return error_set(err, ST_INTERNAL, 0, "a signed %s without its signer's certificate",
                         row->name);
    if (params.signature == NULL)
        params.signature =
            alg_find(span_str(cert_key_name(cert)[0] == 'P'
                                  ? "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
                                  : ALG_RSA_SHA256_URI),
                     ALG_SIGNATURE);
    buf_init(&retrieval, 1024);
    buf_char(&retrieval, '#');
    buf_add(&retrieval, id);
    TRY(buf_check(&retrieval, err));
    buf_printf(&m->w->front, "<osci:%s Id=\"", name);
    osci_block_id(&m->w->front, name);
    buf_str(&m->w->front, "\" soap:actor=\"" OSCI_ACTOR_NEXT "\" soap:mustUnderstand=\"1\">");
    TRY(sig_write(&m->w->front, m->refs, m->ref_count, &params, in->sign_key, buf_span(&retrieval),
                  OSCI_FIVE_NS, err));
    buf_printf(&m->w->front, "</osci:%s>", name);
    return ST_OK;
}

static void mime_open(struct buf *out, const char *boundary)
{
    buf_printf(out,
               "MIME-Version: 1.0\r\nContent-Type: Multipart/Related; boundary=%s; "
               "type=text/xml\r\n\r\n--%s\r\nContent-Type: text/xml; charset=UTF-8\r\n"
               "Content-Transfer-Encoding: 8bit\r\nContent-ID: <osci@message>\r\n\r\n"
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\r\n",
               boundary, boundary);
}

static void envelope_open(struct buf *out, const char *schema, const char *namespaces)
{
    buf_printf(out, "<soap:Envelope%s xsi:schemaLocation=\"" OSCI_SCHEMA_LOCATION "\">", namespaces,
               schema);
}

static enum status xml_write(struct making *m, struct error *err)
{
    struct osci_writer *w = m->w;
    const struct osci_message *msg = m->in->msg;
    size_t mark;

    mime_open(&w->front, m->boundary);
    envelope_open(&w->front, osci_type_row(msg->type)->schema, OSCI_FIVE_NS);
    buf_str(&w->front, "<soap:Header>");
    mark = w->front.len;
    osci_block_control(&w->front, msg);
    TRY(block_done(m, &w->front, mark, "controlblock", err));
    TRY(blocks_write(m, err));
    TRY(body_write(m, err));
    TRY(buf_check(&w->front, err));
    TRY(buf_check(&w->back, err));
    /* a subject with a control character, say: nobody could read it, so it is not sent */
    if (!xml_is_text(buf_span(&w->front)) || !xml_is_text(buf_span(&w->back)))
        return error_set(err, ST_INVALID, 0, "the message holds characters that XML cannot hold");
    if (m->in->sign_key != NULL)
        TRY(signature_write(m, err));
    return ST_OK;
}

static void piece_text(struct osci_writer *w, struct span text)
{
    if (text.len > 0)
        w->pieces[w->count++] = (struct piece){.text = text, .len = text.len};
}

/* How long so many octets of an attachment, or of the cipher, become. */
static uint64_t on_wire(const struct osci_writer *w, uint64_t len)
{
    return w->base64 ? mime_base64_len(len) : len;
}

/* The pieces of the plain message. Texts between attachments lie one behind the other in tail. */
static enum status pieces_make(struct making *m, struct error *err)
{
    const struct osci_message *msg = m->in->msg;
    struct osci_writer *w = m->w;
    size_t *marks = arena_array(&w->arena, sizeof *marks, msg->attachment_count + 2);
    size_t from = 0;

    w->pieces = arena_array(&w->arena, sizeof *w->pieces, 2 * msg->attachment_count + 5);
    TRY_ALLOC(marks, err);
    TRY_ALLOC(w->pieces, err);
    for (size_t i = 0; i < msg->attachment_count; i++) {
        buf_printf(&w->tail,
                   "\r\n--%s\r\nContent-Type: application/octet-stream\r\n"
                   "Content-Transfer-Encoding: %s\r\nContent-ID: <%.*s>\r\n"
                   "Content-Length: %llu\r\n\r\n",
                   m->boundary, w->base64 ? "base64" : "8-bit", SPAN_FMT(msg->attachments[i].cid),
                   (unsigned long long)on_wire(w, msg->attachments[i].len));
        marks[i] = w->tail.len;
    }
    buf_printf(&w->tail, "\r\n--%s--\r\n", m->boundary);
    TRY(buf_check(&w->front, err));
    TRY(buf_check(&w->back, err));
    TRY(buf_check(&w->tail, err));
    piece_text(w, buf_span(&w->front));
    piece_text(w, buf_span(&w->back));
    if (msg->has_package)
        piece_text(w, msg->package);
    for (size_t i = 0; i < msg->attachment_count; i++) {
        piece_text(w, span_sub(buf_span(&w->tail), from, marks[i] - from));
        from = marks[i];
        w->pieces[w->count++] =
            (struct piece){.source = msg->attachments[i].body, .len = msg->attachments[i].len};
    }
    piece_text(w, span_from(buf_span(&w->tail), from));
    for (size_t i = 0; i < w->count; i++)
        w->inner_len +=
            w->pieces[i].source == NULL ? w->pieces[i].len : on_wire(w, w->pieces[i].len);
    return ST_OK;
}

/* The transport envelope, digest 7.3: everything before and after the cipher bytes. */
static enum status envelope_make(struct making *m, struct error *err)
{
    struct osci_writer *w = m->w;
    struct buf *out = &w->outer_front;
    struct enc_params params;
    char boundary[64];
    AUTO(buf_deinit) struct buf key_info = {0};

    enc_params_default(&params, m->in->policy, m->in->now);
    w->method = params.method;
    if (m->in->form.iv16)
        w->method.iv_len = sizeof w->iv.bytes;
    TRY(boundary_make(m->in->rng, boundary, sizeof boundary, err));
    TRY(secret_make(w->method.alg, m->in->rng, &w->secret, err));
    TRY(rng_bytes(m->in->rng, w->iv.bytes, sizeof w->iv.bytes, err));
    w->iv.base.fill = fixed_fill;
    buf_init(&key_info, TEXT_MAX);
    buf_str(&key_info, "<ds:X509Data><ds:X509Certificate>");
    buf_base64(&key_info, cert_der(m->in->encrypt_for), 76);
    buf_str(&key_info, "</ds:X509Certificate></ds:X509Data>");
    TRY(buf_check(&key_info, err));
    mime_open(out, boundary);
    envelope_open(out, OSCI_SCHEMA_ENCRYPTED,
                  " xmlns:ds=\"" DS_NS "\" xmlns:soap=\"" SOAP_NS "\" xmlns:xenc=\"" XENC_NS
                  "\" xmlns:xsi=\"" XSI_NS "\"");
    buf_str(out, "<soap:Body><xenc:EncryptedData MimeType=\"Multipart/Related\">");
    enc_method_write(out, &w->method);
    buf_str(out, "<ds:KeyInfo>");
    TRY(enc_key_write(out, &w->secret, m->in->encrypt_for, buf_span(&key_info), &params, err));
    buf_printf(out,
               "</ds:KeyInfo><xenc:CipherData><xenc:CipherReference URI=\"cid:osci_enc\">"
               "<xenc:Transforms><ds:Transform Algorithm=\"" ALG_BASE64_URI
               "\"></ds:Transform></xenc:Transforms></xenc:CipherReference></xenc:CipherData>"
               "</xenc:EncryptedData></soap:Body></soap:Envelope>\r\n--%s\r\n"
               "Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n"
               "Content-ID: <osci_enc>\r\n\r\n",
               boundary, w->base64 ? "text/base64" : "application/octet-stream",
               w->base64 ? "7bit" : "binary");
    buf_printf(&w->outer_back, "\r\n--%s--\r\n", boundary);
    TRY(buf_check(out, err));
    TRY(buf_check(&w->outer_back, err));
    w->encrypted = true;
    w->total =
        out->len + on_wire(w, cipher_sealed_len(&w->method, w->inner_len)) + w->outer_back.len;
    return ST_OK;
}

enum status osci_message_write(const struct osci_write *in, struct osci_writer **writer,
                               struct error *err)
{
    AUTO(osci_writer_drop) struct osci_writer *w = calloc(1, sizeof *w);
    struct making m = {.in = in, .w = w};

    TRY_ALLOC(w, err);
    assert(in->msg->type != OSCI_FAULT); /* which has a function of its own */
    arena_init(&w->arena, ARENA_MAX + in->msg->attachment_count * 1024);
    buf_init(&w->front, TEXT_MAX);
    buf_init(&w->back, TEXT_MAX);
    buf_init(&w->tail, TEXT_MAX);
    buf_init(&w->outer_front, TEXT_MAX);
    buf_init(&w->outer_back, TEXT_MAX);
    buf_init(&w->clear, PIECE_BYTES);
    w->base64 = in->form.base64;
    w->piece_bytes = w->base64 ? PIECE_BYTES / 2 : PIECE_BYTES; /* it grows, perhaps twice */
    m.digest = alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST);
    m.refs = arena_array(&w->arena, sizeof *m.refs,
                         BLOCKS_MAX + in->msg->custom_count + in->msg->attachment_count);
    TRY_ALLOC(m.refs, err);
    TRY(boundary_make(in->rng, m.boundary, sizeof m.boundary, err));
    TRY(cert_ids(&m, err));
    TRY(xml_write(&m, err));
    TRY(pieces_make(&m, err));
    w->total = w->inner_len;
    if (in->encrypt_for != NULL)
        TRY(envelope_make(&m, err));
    TRY(osci_writer_rewind(w, err));
    *writer = TAKE(w);
    return ST_OK;
}

void osci_writer_free(struct osci_writer *w)
{
    if (w == NULL)
        return;
    cipher_free(w->cipher);
    secret_wipe(&w->secret);
    buf_deinit_secret(&w->front);
    buf_deinit_secret(&w->back);
    buf_deinit_secret(&w->tail);
    buf_deinit_secret(&w->clear);
    buf_deinit(&w->outer_front);
    buf_deinit(&w->outer_back);
    arena_deinit(&w->arena);
    free(w);
}

uint64_t osci_writer_len(const struct osci_writer *w)
{
    return w->total;
}

enum status osci_writer_rewind(struct osci_writer *w, struct error *err)
{
    w->at = 0;
    w->at_offset = 0;
    mime_base64_sink_init(&w->attachment_base64);
    mime_base64_sink_init(&w->cipher_base64);
    w->stage = w->encrypted ? OUTER_FRONT : INNER;
    if (!w->encrypted)
        return ST_OK;
    cipher_free(w->cipher);
    w->cipher = NULL;
    return cipher_seal_new(&w->method, &w->secret, &w->iv.base, &w->cipher, err);
}

/* Up to n octets of an attachment, in base64 where it is wanted; *n: how many they were. */
static enum status attachment_next(struct osci_writer *w, const struct piece *p, size_t *n,
                                   struct buf *out, struct error *err)
{
    AUTO(free_drop) uint8_t *octets = NULL;
    struct sink_buf sink;
    size_t wanted = *n;
    uint8_t *bytes;

    if (!w->base64) {
        bytes = buf_grow(out, wanted);
        TRY(buf_check(out, err));
        TRY(source_read(p->source, w->at_offset, bytes, wanted, n, err));
        out->len -= wanted - *n;
        return ST_OK;
    }
    octets = malloc(wanted);
    TRY_ALLOC(octets, err);
    TRY(source_read(p->source, w->at_offset, octets, wanted, n, err));
    w->attachment_base64.next = sink_buf_init(&sink, out);
    TRY(sink_write(&w->attachment_base64.base, span_of(octets, *n), err));
    if (w->at_offset + *n < p->len)
        return ST_OK;
    TRY(mime_base64_sink_finish(&w->attachment_base64, err));
    mime_base64_sink_init(&w->attachment_base64); /* for the next one */
    return ST_OK;
}

/* Up to piece_bytes of the plain message; *end after the last. */
static enum status inner_next(struct osci_writer *w, struct buf *out, bool *end, struct error *err)
{
    size_t room = w->piece_bytes;

    while (room > 0 && w->at < w->count) {
        struct piece *p = &w->pieces[w->at];
        uint64_t left = p->len - w->at_offset;
        size_t n = left < room ? (size_t)left : room;

        if (p->source == NULL) {
            buf_add(out, span_sub(p->text, (size_t)w->at_offset, n));
        } else if (n > 0) {
            TRY(attachment_next(w, p, &n, out, err));
            if (n == 0)
                return error_set(err, ST_INTERNAL, 0, "an attachment ended before its length");
        }
        w->at_offset += n;
        room -= n;
        if (w->at_offset == p->len) {
            w->at++;
            w->at_offset = 0;
        }
    }
    *end = w->at == w->count;
    return buf_check(out, err);
}

/* A piece through the cipher. */
static enum status sealed_next(struct osci_writer *w, struct buf *out, struct error *err)
{
    struct sink_buf sink;
    struct sink *to = sink_buf_init(&sink, out);
    bool inner_end;

    if (w->base64) {
        w->cipher_base64.next = to;
        to = &w->cipher_base64.base;
    }
    buf_reset(&w->clear);
    TRY(inner_next(w, &w->clear, &inner_end, err));
    TRY(cipher_push(w->cipher, buf_span(&w->clear), to, err));
    if (inner_end) {
        TRY(cipher_finish(w->cipher, to, err));
        if (w->base64)
            TRY(mime_base64_sink_finish(&w->cipher_base64, err));
        w->stage = OUTER_BACK;
    }
    return buf_check(out, err);
}

enum status osci_writer_next(struct osci_writer *w, struct buf *out, bool *end, struct error *err)
{
    *end = false;
    switch (w->stage) {
    case OUTER_FRONT:
        buf_add(out, buf_span(&w->outer_front));
        w->stage = INNER;
        return buf_check(out, err);
    case INNER:
        if (!w->encrypted) {
            TRY(inner_next(w, out, end, err));
            if (*end)
                w->stage = DONE;
            return ST_OK;
        }
        return sealed_next(w, out, err);
    case OUTER_BACK:
        buf_add(out, buf_span(&w->outer_back));
        w->stage = DONE;
        *end = true;
        return buf_check(out, err);
    case DONE:
        break;
    }
    *end = true;
    return ST_OK;
}

enum status osci_writer_frame(const struct osci_writer *w, struct sink *sink, struct error *err)
{
    assert(!w->encrypted);
    for (size_t i = 0; i < w->count; i++) {
        const struct piece *p = &w->pieces[i];
        char record[32];
        int n = snprintf(record, sizeof record, "%c%020llu", p->source == NULL ? 'T' : 'A',
                         (unsigned long long)p->len);

        TRY(sink_write(sink, span_of(record, (size_t)n), err));
        if (p->source == NULL)
            TRY(sink_write(sink, p->text, err));
    }
    return ST_OK;
}

enum status osci_fault_write(struct buf *out, const char *code, const char *text, struct rng *rng,
                             struct error *err)
{
    char boundary[64];
    bool server = strcmp(code, "9000") == 0 || strcmp(code, "9503") == 0;

    TRY(boundary_make(rng, boundary, sizeof boundary, err));
    mime_open(out, boundary);
    buf_printf(out,
               "<soap:Envelope xmlns:osci=\"" OSCI_NS "\" xmlns:soap=\"" SOAP_NS
               "\"><soap:Body><soap:Fault><faultcode>soap:%s</faultcode><faultstring>",
               server ? "Server" : "Client");
    buf_xml_text(out, span_str(text));
    buf_printf(out,
               "</faultstring><detail><osci:Code>%s</osci:Code></detail></soap:Fault></soap:Body>"
               "</soap:Envelope>\r\n--%s--\r\n",
               code, boundary);
    return buf_check(out, err);
}
