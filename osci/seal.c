#include "osci/content.h"

#include <stdio.h>

enum { CHUNK_BYTES = 64 * 1024, NAME_MAX_BYTES = 255 };
enum { CONTAINER_MAX = XML_BYTES_MAX, PACKAGE_MAX = XML_BYTES_MAX - 1024 * 1024 };

/* ---- names ---- */

static bool plain(uint32_t c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (!first && ((c >= '0' && c <= '9') || c == '.' || c == '-'));
}

/* One code point of UTF-8; bytes that are none count one by one, as U+DC80 and up. */
static size_t code_point(struct span s, uint32_t *c)
{
    uint8_t b = s.ptr[0];
    size_t n = b < 0x80 ? 1 : b >= 0xf0 && b < 0xf5 ? 4 : b >= 0xe0 ? 3 : b >= 0xc2 ? 2 : 0;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    *c = 0xdc00U + b;
    if (n == 0 || n > s.len || b >= 0xf5)
        return 1;
    if (n == 1) {
        *c = b;
        return 1;
    }
    uint32_t v = b & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s.ptr[i] & 0xc0) != 0x80)
            return 1;
        v = v << 6 | (s.ptr[i] & 0x3fU);
    }
    if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return 1;
    *c = v;
    return n;
}

/* Does "_xHHHH" stand at the front? */
static bool looks_escaped(struct span s, uint32_t *unit)
{
    uint32_t v = 0;

    if (s.len < 6 || s.ptr[0] != '_' || s.ptr[1] != 'x')
        return false;
    for (size_t i = 2; i < 6; i++) {
        uint8_t c = s.ptr[i];

        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if (c >= 'A' && c <= 'F')
            v = v << 4 | (uint32_t)(c - 'A' + 10);
        else
            return false;
    }
    *unit = v;
    return true;
}

static bool escaped(struct span s, uint32_t *unit)
{
    return s.len >= 7 && s.ptr[6] == '_' && looks_escaped(s, unit);
}

enum status osci_name_encode(struct span name, struct arena *arena, struct span *out,
                             struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};
    size_t i = 0;

    if (name.len > NAME_MAX_BYTES)
        return error_set(err, ST_LIMIT, 0, "a file name of more than %d bytes", NAME_MAX_BYTES);
    buf_init(&b, NAME_MAX_BYTES * 16);
    while (i < name.len) {
        uint32_t c, unit;
        size_t n = code_point(span_from(name, i), &c);

        /* the '_' at its end may come from what follows */
        if (plain(c, b.len == 0) && !looks_escaped(span_from(name, i), &unit)) {
            buf_char(&b, (char)c);
        } else if (c > 0xffff) {
            buf_printf(&b, "_x%04X__x%04X_", 0xd800 + ((c - 0x10000) >> 10),
                       0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            buf_printf(&b, "_x%04X_", c);
        }
        i += n;
    }
    TRY(buf_check(&b, err));
    *out = arena_span(arena, buf_span(&b));
    TRY_ALLOC(out->ptr, err);
    return ST_OK;
}

static void utf8(struct buf *b, uint32_t c)
{
    if (c < 0x80) {
        buf_char(b, (char)c);
    } else if (c < 0x800) {
        buf_char(b, (char)(0xc0 | c >> 6));
        buf_char(b, (char)(0x80 | (c & 0x3f)));
    } else if (c >= 0xdc80 && c <= 0xdcff) {
        buf_char(b, (char)(c - 0xdc00)); /* a byte that was no UTF-8 */
    } else if (c < 0x10000) {
        buf_char(b, (char)(0xe0 | c >> 12));
        buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_char(b, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_char(b, (char)(0xf0 | c >> 18));
        buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
        buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_char(b, (char)(0x80 | (c & 0x3f)));
    }
}

enum status osci_name_decode(struct span text, struct arena *arena, struct span *name,
                             struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};
    size_t i = 0;

    buf_init(&b, 64 * 1024);
    while (i < text.len) {
        uint32_t unit, low;

        if (!escaped(span_from(text, i), &unit)) {
            buf_char(&b, (char)text.ptr[i++]);
            continue;
        }
        i += 7;
        if (unit >= 0xd800 && unit < 0xdc00 && escaped(span_from(text, i), &low) && low >= 0xdc00 &&
            low < 0xe000) {
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            i += 7;
        }
        utf8(&b, unit);
    }
    TRY(buf_check(&b, err));
    *name = arena_span(arena, buf_span(&b));
    TRY_ALLOC(name->ptr, err);
    return ST_OK;
}

/* ---- sealing ---- */

struct sealing {
    const struct osci_seal *in;
    struct arena *arena;
    const struct alg *sha256;
    struct enc_params params;
    struct span *names; /* of the contents, encoded */
    struct sig_ref *refs;
    size_t ref_count;
    struct buf contents;    /* the osci:Content elements */
    struct buf attachments; /* the EncryptedData with the attachments' keys */
};

static enum status ref_add(struct sealing *s, const char *prefix, struct span id,
                           enum sig_transform transform, const struct digest_value *digest,
                           struct error *err)
{
    size_t plen = strlen(prefix);
    uint8_t *uri = arena_alloc(s->arena, plen + id.len);

    TRY_ALLOC(uri, err);
    memcpy(uri, prefix, plen);
    memcpy(uri + plen, id.ptr, id.len);
    s->refs[s->ref_count++] = (struct sig_ref){span_of(uri, plen + id.len), transform, *digest};
    return ST_OK;
}

/* The content's name as it travels, which no other one may have. */
static enum status name_make(struct sealing *s, size_t i, struct error *err)
{
    const struct osci_seal_content *c = &s->in->contents[i];
    struct span *name = &s->names[i];
    char number[32];

    if (c->name.len > 0) {
        TRY(osci_name_encode(c->name, s->arena, name, err));
    } else {
        (void)snprintf(number, sizeof number, "content%zu", i);
        *name = arena_span(s->arena, span_str(number));
        TRY_ALLOC(name->ptr, err);
    }
    for (size_t k = 0; k < i; k++)
        if (span_eq(s->names[k], *name))
            return error_set(err, ST_INVALID, 0, "two contents named %.*s", SPAN_FMT(*name));
    return ST_OK;
}

/* What was accepted is signed, and nothing else. */
static enum status clear_check(struct osci_seal_content *c, const struct digest_value *clear,
                               struct error *err)
{
    if (c->sha256.len == 0 || span_eq(c->sha256, digest_span(clear)))
        return ST_OK;
    c->changed = true;
    return error_set(err, ST_INVALID, 0, "the content %.*s has changed", SPAN_FMT(c->name));
}

static enum status inline_write(struct sealing *s, struct osci_seal_content *c, struct span id,
                                struct error *err)
{
    AUTO(buf_deinit_secret) struct buf bytes = {0};
    struct digest_value value;

    buf_init(&bytes, OSCI_INLINE_MAX);
    TRY(source_read_all(c->bytes, &bytes, err));
    TRY(digest_of(s->sha256, buf_span(&bytes), &value, err));
    TRY(clear_check(c, &value, err));
    buf_printf(&s->contents, "<osci:Content><osci:Base64Content Id=\"%.*s\">", SPAN_FMT(id));
    buf_base64(&s->contents, buf_span(&bytes), 76);
    buf_str(&s->contents, "</osci:Base64Content></osci:Content>");
    return ref_add(s, "#", id, SIG_BASE64, &value, err);
}

/* What passes to the sink is digested and counted on its way. */
struct sink_digest {
    struct sink base, *next;
    struct digest *digest;
    uint64_t len;
};

static enum status digest_write(struct sink *self, struct span bytes, struct error *err)
{
    struct sink_digest *s = (struct sink_digest *)self;

    s->len += bytes.len;
    TRY(digest_update(s->digest, bytes, err));
    return sink_write(s->next, bytes, err);
}

/* One pass over the file: clear digest, cipher, digest of the ciphertext, sink. */
static enum status attachment_flow(struct sealing *s, struct osci_seal_content *c,
                                   struct cipher *cipher, struct digest_value *clear,
                                   struct error *err)
{
    AUTO(digest_drop) struct digest *clear_digest = NULL, *sealed_digest = NULL;
    AUTO(free_drop) uint8_t *chunk = malloc(CHUNK_BYTES);
    struct sink_digest out = {.base.write = digest_write, .next = c->sealed};
    uint64_t offset = 0;

    TRY_ALLOC(chunk, err);
    TRY(digest_new(s->sha256, &clear_digest, err));
    TRY(digest_new(s->sha256, &sealed_digest, err));
    out.digest = sealed_digest;
    for (;;) {
        size_t got;

        TRY(source_read(c->bytes, offset, chunk, CHUNK_BYTES, &got, err));
        if (got == 0)
            break;
        offset += got;
        TRY(digest_update(clear_digest, span_of(chunk, got), err));
        if (cipher == NULL)
            TRY(sink_write(&out.base, span_of(chunk, got), err));
        else
            TRY(cipher_push(cipher, span_of(chunk, got), &out.base, err));
    }
    if (cipher != NULL)
        TRY(cipher_finish(cipher, &out.base, err));
    c->sealed_len = out.len;
    TRY(digest_final(clear_digest, clear, err));
    return digest_final(sealed_digest, &c->sealed_digest, err);
}

static enum status attachment_write(struct sealing *s, struct osci_seal_content *c, struct span id,
                                    struct span cid, struct error *err)
{
    AUTO(secret_wipe) struct secret secret = {0};
    AUTO(cipher_drop) struct cipher *cipher = NULL;
    struct digest_value clear, content;
    AUTO(buf_deinit) struct buf element = {0};

    if (s->in->reader_count > 0) {
        TRY(secret_make(s->params.method.alg, s->in->rng, &secret, err));
        TRY(cipher_seal_new(&s->params.method, &secret, s->in->rng, &cipher, err));
    }
    TRY(attachment_flow(s, c, cipher, &clear, err));
    TRY(clear_check(c, &clear, err));
    c->cid = cid;
    /* the canonical form of the element by itself: all five namespaces on it */
    buf_init(&element, 8192);
    buf_printf(&element,
               "<osci:Content" OSCI_FIVE_NS " Id=\"%.*s\" href=\"cid:%.*s\"></osci:Content>",
               SPAN_FMT(id), SPAN_FMT(cid));
    TRY(buf_check(&element, err));
    TRY(digest_of(s->sha256, buf_span(&element), &content, err));
    buf_printf(&s->contents, "<osci:Content Id=\"%.*s\" href=\"cid:%.*s\"></osci:Content>",
               SPAN_FMT(id), SPAN_FMT(cid));
    TRY(ref_add(s, "#", id, SIG_C14N, &content, err));
    TRY(ref_add(s, "cid:", cid, SIG_PLAIN, &clear, err));
    if (cipher == NULL)
        return ST_OK;
    buf_printf(&s->attachments, "<xenc:EncryptedData Id=\"Attachment%.*s\" MimeType=\"text/xml\">",
               SPAN_FMT(cid));
    enc_method_write(&s->attachments, &s->params.method);
    buf_str(&s->attachments, "<ds:KeyInfo><ds:MgmtData>");
    buf_base64(&s->attachments, span_of(secret.bytes, secret.len), 0);
    buf_printf(&s->attachments,
               "</ds:MgmtData></ds:KeyInfo><xenc:CipherData><xenc:CipherReference URI=\"cid:%.*s\">"
               "<xenc:Transforms><ds:Transform Algorithm=\"" ALG_BASE64_URI
               "\"></ds:Transform></xenc:Transforms></xenc:CipherReference></xenc:CipherData>"
               "</xenc:EncryptedData>",
               SPAN_FMT(cid));
    return ST_OK;
}

static enum status contents_write(struct sealing *s, struct error *err)
{
    for (size_t i = 0; i < s->in->count; i++) {
        struct osci_seal_content *c = &s->in->contents[i];
        struct span id;
        AUTO(buf_deinit) struct buf b = {0};

        TRY(name_make(s, i, err));
        buf_init(&b, 16 * 1024);
        buf_str(&b, c->name.len > 0 ? "file-" : "");
        buf_add(&b, s->names[i]);
        TRY(buf_check(&b, err));
        id = arena_span(s->arena, buf_span(&b));
        TRY_ALLOC(id.ptr, err);
        if (c->attachment)
            TRY(attachment_write(s, c, id, s->names[i], err));
        else
            TRY(inline_write(s, c, id, err));
    }
    TRY(buf_check(&s->contents, err));
    return buf_check(&s->attachments, err);
}

/* The container with all it needs to stand alone: it is deciphered as a document of its own. */
static enum status container_write(struct sealing *s, struct buf *out, struct error *err)
{
    buf_str(out, "<osci:ContentContainer");
    if (s->in->reader_count > 0)
        buf_str(out, OSCI_FIVE_NS);
    buf_str(out, " Id=\"container0\">");
    if (s->in->author_key != NULL) {
        struct sig_params params = {.policy = s->in->policy, .now = s->in->now};
        AUTO(buf_deinit) struct buf retrieval = {0};
        bool ec = cert_key_name(s->in->author)[0] == 'P';

        params.signature =
            alg_find(span_str(ec ? "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
                                 : ALG_RSA_SHA256_URI),
                     ALG_SIGNATURE);
        buf_init(&retrieval, 1024);
        buf_char(&retrieval, '#');
        buf_add(&retrieval, s->in->author_id);
        TRY(buf_check(&retrieval, err));
        TRY(sig_write(out, s->refs, s->ref_count, &params, s->in->author_key, buf_span(&retrieval),
                      OSCI_FIVE_NS, err));
    }
    buf_add(out, buf_span(&s->contents));
    buf_add(out, buf_span(&s->attachments));
    buf_str(out, "</osci:ContentContainer>");
    return buf_check(out, err);
}

static enum status container_encrypt(struct sealing *s, struct span container, struct buf *package,
                                     struct error *err)
{
    AUTO(secret_wipe) struct secret secret = {0};

    TRY(secret_make(s->params.method.alg, s->in->rng, &secret, err));
    buf_str(package, "<xenc:EncryptedData Id=\"encdata_0\" MimeType=\"text/xml\">");
    enc_method_write(package, &s->params.method);
    buf_str(package, "<ds:KeyInfo>");
    for (size_t i = 0; i < s->in->reader_count; i++) {
        AUTO(buf_deinit) struct buf key_info = {0};

        buf_init(&key_info, 2048);
        buf_printf(&key_info,
                   "<ds:RetrievalMethod Type=\"" DS_NS "X509Data\" URI=\"#%.*s\">"
                   "</ds:RetrievalMethod>",
                   SPAN_FMT(s->in->readers[i].id));
        TRY(buf_check(&key_info, err));
        TRY(enc_key_write(package, &secret, s->in->readers[i].cert, buf_span(&key_info), &s->params,
                          err));
    }
    buf_str(package, "</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>");
    TRY(enc_value_write(package, container, &secret, &s->params.method, s->in->rng, err));
    buf_str(package, "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>");
    return buf_check(package, err);
}

static enum status seal(struct sealing *s, struct buf *package, struct error *err)
{
    AUTO(buf_deinit_secret) struct buf container = {0};

    TRY(contents_write(s, err));
    if (s->in->reader_count == 0)
        return container_write(s, package, err);
    buf_init(&container, CONTAINER_MAX);
    TRY(container_write(s, &container, err));
    return container_encrypt(s, buf_span(&container), package, err);
}

enum status osci_seal(const struct osci_seal *in, struct arena *arena, struct buf *package,
                      struct error *err)
{
    struct sealing s = {.in = in, .arena = arena};
    enum status st;

    if (in->count == 0 || in->count > OSCI_CONTENTS_MAX)
        return error_set(err, ST_LIMIT, 0, "%zu contents, 1 to %d are possible", in->count,
                         OSCI_CONTENTS_MAX);
    s.sha256 = alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST);
    enc_params_default(&s.params, in->policy, in->now);
    s.names = arena_array(arena, sizeof *s.names, in->count);
    s.refs = arena_array(arena, sizeof *s.refs, in->count * 2);
    TRY_ALLOC(s.names, err);
    TRY_ALLOC(s.refs, err);
    buf_init(&s.contents, CONTAINER_MAX);
    buf_init(&s.attachments, CONTAINER_MAX);
    st = seal(&s, package, err);
    buf_deinit_secret(&s.contents);
    buf_deinit_secret(&s.attachments);
    if (st == ST_OK && package->len > PACKAGE_MAX) /* no reader of ours would take it */
        return error_set(err, ST_LIMIT, 0, "%zu bytes of XML, at most %d fit in a message",
                         package->len, PACKAGE_MAX);
    return st;
}
