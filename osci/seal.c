/*
 * Sealing goes from the innermost container outwards: contents are written and digested as they
 * stand, what signs them refers to the digests, and what is encrypted is a container complete with
 * its signatures. Nothing is parsed again (docs/decisions/0002).
 */
#include "osci/content.h"

#include <stdio.h>

enum { CHUNK_BYTES = 64 * 1024 };
enum { CONTAINER_MAX = XML_BYTES_MAX, PACKAGE_MAX = XML_BYTES_MAX - 1024 * 1024 };

struct sealing {
    const struct osci_seal *in;
    struct arena *arena;
    const struct alg *sha256;
    struct enc_params params;
    struct span *names; /* of the contents so far, as they travel */
    size_t name_count;
    struct attached { /* so far */
        struct span cid;
        struct digest_value clear;
    } * attached;
    size_t attached_count;
    size_t container_count;
};

/* One container while it is filled. */
struct filling {
    const struct osci_seal_container *of;
    unsigned depth;
    /* The next container outwards that will be in cipher, NULL: none. It keeps the keys of all
     * attachments: put into a container within, they would be part of what is signed there, and
     * the official library signs and verifies without them. */
    struct filling *keeper;
    struct sig_ref *refs;
    size_t ref_count;
    struct buf contents;       /* the osci:Content elements */
    struct buf encrypted_data; /* containers in cipher, and the keys of attachments */
};

static enum status ref_add(struct sealing *s, struct filling *f, const char *prefix, struct span id,
                           enum sig_transform transform, const struct digest_value *digest,
                           struct error *err)
{
    size_t plen = strlen(prefix);
    uint8_t *uri = arena_alloc(s->arena, plen + id.len);

    TRY_ALLOC(uri, err);
    memcpy(uri, prefix, plen);
    memcpy(uri + plen, id.ptr, id.len);
    f->refs[f->ref_count++] = (struct sig_ref){span_of(uri, plen + id.len), transform, *digest};
    return ST_OK;
}

/* The content's name as it travels, which no other one of the message may have. */
static enum status name_make(struct sealing *s, const struct osci_seal_content *c,
                             struct span *name, struct error *err)
{
    char number[32];

    if (c->name.len > 0) {
        TRY(osci_name_encode(c->name, s->arena, name, err));
    } else {
        (void)snprintf(number, sizeof number, "content%zu", s->name_count);
        *name = arena_span(s->arena, span_str(number));
        TRY_ALLOC(name->ptr, err);
    }
    for (size_t k = 0; k < s->name_count; k++)
        if (span_eq(s->names[k], *name))
            return error_set(err, ST_INVALID, 0, "two contents named %.*s", SPAN_FMT(*name));
    s->names[s->name_count++] = *name;
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

static enum status inline_write(struct sealing *s, struct filling *f, struct osci_seal_content *c,
                                struct span id, struct error *err)
{
    AUTO(buf_deinit_secret) struct buf bytes = {0};
    struct digest_value value;

    buf_init(&bytes, OSCI_INLINE_MAX);
    TRY(source_read_all(c->bytes, &bytes, err));
    TRY(digest_of(s->sha256, buf_span(&bytes), &value, err));
    TRY(clear_check(c, &value, err));
    buf_printf(&f->contents, "<osci:Content><osci:Base64Content Id=\"%.*s\">", SPAN_FMT(id));
    buf_base64(&f->contents, buf_span(&bytes), 76);
    buf_str(&f->contents, "</osci:Base64Content></osci:Content>");
    return ref_add(s, f, "#", id, SIG_BASE64, &value, err);
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

/* The key of an enciphered attachment, which lies in the enciphered container. */
static void descriptor_write(const struct sealing *s, struct buf *out, struct span cid,
                             const struct secret *secret)
{
    buf_printf(out, "<xenc:EncryptedData Id=\"Attachment%.*s\" MimeType=\"text/xml\">",
               SPAN_FMT(cid));
    enc_method_write(out, &s->params.method);
    buf_str(out, "<ds:KeyInfo><ds:MgmtData>");
    buf_base64(out, span_of(secret->bytes, secret->len), 0);
    buf_printf(out,
               "</ds:MgmtData></ds:KeyInfo><xenc:CipherData><xenc:CipherReference URI=\"cid:%.*s\">"
               "<xenc:Transforms><ds:Transform Algorithm=\"" ALG_BASE64_URI
               "\"></ds:Transform></xenc:Transforms></xenc:CipherReference></xenc:CipherData>"
               "</xenc:EncryptedData>",
               SPAN_FMT(cid));
}

static enum status attachment_write(struct sealing *s, struct filling *f,
                                    struct osci_seal_content *c, struct span id, struct span cid,
                                    struct error *err)
{
    AUTO(secret_wipe) struct secret secret = {0};
    AUTO(cipher_drop) struct cipher *cipher = NULL;
    struct digest_value clear, content;
    AUTO(buf_deinit) struct buf element = {0};

    if (f->keeper != NULL) {
        TRY(secret_make(s->params.method.alg, s->in->rng, &secret, err));
        TRY(cipher_seal_new(&s->params.method, &secret, s->in->rng, &cipher, err));
    }
    TRY(attachment_flow(s, c, cipher, &clear, err));
    TRY(clear_check(c, &clear, err));
    c->cid = cid;
    s->attached[s->attached_count++] = (struct attached){cid, clear};
    /* the canonical form of the element by itself: all five namespaces on it */
    buf_init(&element, 8192);
    buf_printf(&element,
               "<osci:Content" OSCI_FIVE_NS " Id=\"%.*s\" href=\"cid:%.*s\"></osci:Content>",
               SPAN_FMT(id), SPAN_FMT(cid));
    TRY(buf_check(&element, err));
    TRY(digest_of(s->sha256, buf_span(&element), &content, err));
    buf_printf(&f->contents, "<osci:Content Id=\"%.*s\" href=\"cid:%.*s\"></osci:Content>",
               SPAN_FMT(id), SPAN_FMT(cid));
    TRY(ref_add(s, f, "#", id, SIG_C14N, &content, err));
    TRY(ref_add(s, f, "cid:", cid, SIG_PLAIN, &clear, err));
    if (cipher != NULL)
        descriptor_write(s, &f->keeper->encrypted_data, cid, &secret);
    return ST_OK;
}

static enum status content_write(struct sealing *s, struct filling *f, struct osci_seal_content *c,
                                 struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};
    struct span name, id;

    TRY(name_make(s, c, &name, err));
    buf_init(&b, 16 * 1024);
    buf_str(&b, c->name.len > 0 ? "file-" : "");
    buf_add(&b, name);
    TRY(buf_check(&b, err));
    id = arena_span(s->arena, buf_span(&b));
    TRY_ALLOC(id.ptr, err);
    return c->attachment ? attachment_write(s, f, c, id, name, err)
                         : inline_write(s, f, c, id, err);
}

/* ---- containers ---- */

static enum status container_seal(struct sealing *s, const struct osci_seal_container *c,
                                  struct filling *outer, struct buf *out, struct error *err);

/* A container within, as a Content of its own; who signs the outer one signs the octets of all
 * attachments in it, too. */
static enum status inner_write(struct sealing *s, struct filling *f,
                               const struct osci_seal_container *inner, struct error *err)
{
    AUTO(digest_drop) struct digest *digest = NULL;
    const size_t tag = strlen("<osci:Content"), mark = f->contents.len, first = s->attached_count;
    struct digest_value value;
    char id[32];

    (void)snprintf(id, sizeof id, "inner%zu", s->container_count);
    buf_printf(&f->contents, "<osci:Content Id=\"%s\">", id);
    TRY(container_seal(s, inner, f, &f->contents, err));
    buf_str(&f->contents, "</osci:Content>");
    TRY(buf_check(&f->contents, err));
    TRY(digest_new(s->sha256, &digest, err));
    TRY(digest_update(digest, SPAN("<osci:Content" OSCI_FIVE_NS), err));
    TRY(digest_update(digest, span_from(buf_span(&f->contents), mark + tag), err));
    TRY(digest_final(digest, &value, err));
    TRY(ref_add(s, f, "#", span_str(id), SIG_C14N, &value, err));
    for (size_t i = first; i < s->attached_count; i++)
        TRY(ref_add(s, f, "cid:", s->attached[i].cid, SIG_PLAIN, &s->attached[i].clear, err));
    return ST_OK;
}

static enum status filling_fill(struct sealing *s, struct filling *f, struct error *err)
{
    for (size_t i = 0; i < f->of->count; i++)
        TRY(content_write(s, f, &f->of->contents[i], err));
    for (size_t i = 0; i < f->of->inner_count; i++) {
        const struct osci_seal_container *inner = &f->of->inner[i];

        if (inner->reader_count == 0)
            TRY(inner_write(s, f, inner, err));
        else if (f->of->author_count == 0)
            TRY(container_seal(s, inner, f, &f->encrypted_data, err));
        else /* wire-notes 6: the official library digests an EncryptedData in its own way */
            return error_set(err, ST_INVALID, 0,
                             "a container in cipher cannot be signed from "
                             "outside");
    }
    TRY(buf_check(&f->contents, err));
    return buf_check(&f->encrypted_data, err);
}

static enum status signature_write(struct sealing *s, const struct filling *f,
                                   const struct osci_signer *author, struct buf *out,
                                   struct error *err)
{
    struct sig_params params = {.policy = s->in->policy, .now = s->in->now};
    AUTO(buf_deinit) struct buf retrieval = {0};
    bool ec = cert_key_name(author->cert)[0] == 'P';

    params.signature = alg_find(
        span_str(ec ? "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" : ALG_RSA_SHA256_URI),
        ALG_SIGNATURE);
    buf_init(&retrieval, 1024);
    buf_char(&retrieval, '#');
    buf_add(&retrieval, author->id);
    TRY(buf_check(&retrieval, err));
    return sig_write(out, f->refs, f->ref_count, &params, author->key, buf_span(&retrieval),
                     OSCI_FIVE_NS, err);
}

/* In the container and in those within. */
static size_t contents_in(const struct osci_seal_container *c)
{
    size_t n = c->count;

    for (size_t i = 0; i < c->inner_count; i++)
        n += contents_in(&c->inner[i]);
    return n;
}

/* The container with all it needs to stand alone where it is enciphered: it becomes a document of
 * its own. */
static enum status container_write(struct sealing *s, struct filling *f, struct buf *out,
                                   struct error *err)
{
    const struct osci_seal_container *c = f->of;
    size_t number = s->container_count++;

    f->refs = arena_array(s->arena, sizeof *f->refs, 2 * contents_in(c) + c->inner_count);
    TRY_ALLOC(f->refs, err);
    TRY(filling_fill(s, f, err));
    buf_printf(out, "<osci:ContentContainer%s Id=\"container%zu\">",
               c->reader_count > 0 ? OSCI_FIVE_NS : "", number);
    for (size_t i = 0; i < c->author_count; i++)
        TRY(signature_write(s, f, &c->authors[i], out, err));
    buf_add(out, buf_span(&f->contents));
    buf_add(out, buf_span(&f->encrypted_data));
    buf_str(out, "</osci:ContentContainer>");
    return buf_check(out, err);
}

static enum status container_encrypt(struct sealing *s, const struct osci_seal_container *c,
                                     size_t number, struct span container, struct buf *out,
                                     struct error *err)
{
    AUTO(secret_wipe) struct secret secret = {0};

    TRY(secret_make(s->params.method.alg, s->in->rng, &secret, err));
    buf_printf(out, "<xenc:EncryptedData Id=\"encdata_%zu\" MimeType=\"text/xml\">", number);
    enc_method_write(out, &s->params.method);
    buf_str(out, "<ds:KeyInfo>");
    for (size_t i = 0; i < c->reader_count; i++) {
        AUTO(buf_deinit) struct buf key_info = {0};

        buf_init(&key_info, 2048);
        buf_printf(&key_info,
                   "<ds:RetrievalMethod Type=\"" DS_NS "X509Data\" URI=\"#%.*s\">"
                   "</ds:RetrievalMethod>",
                   SPAN_FMT(c->readers[i].id));
        TRY(buf_check(&key_info, err));
        TRY(enc_key_write(out, &secret, c->readers[i].cert, buf_span(&key_info), &s->params, err));
    }
    buf_str(out, "</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>");
    TRY(enc_value_write(out, container, &secret, &s->params.method, s->in->rng, err));
    buf_str(out, "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>");
    return buf_check(out, err);
}

static enum status container_seal(struct sealing *s, const struct osci_seal_container *c,
                                  struct filling *outer, struct buf *out, struct error *err)
{
    struct filling f = {.of = c, .depth = outer == NULL ? 1 : outer->depth + 1};
    AUTO(buf_deinit_secret) struct buf container = {0};
    size_t number = s->container_count;
    enum status st;

    if (f.depth > OSCI_NESTING_MAX || number == OSCI_CONTAINERS_MAX ||
        c->author_count > OSCI_AUTHORS_MAX || c->reader_count > OSCI_READERS_MAX)
        return error_set(err, ST_LIMIT, 0,
                         "more than %d containers, %d within one another, %d authors or %d readers",
                         OSCI_CONTAINERS_MAX, OSCI_NESTING_MAX, OSCI_AUTHORS_MAX, OSCI_READERS_MAX);
    if (c->count == 0 && c->inner_count == 0)
        return error_set(err, ST_INVALID, 0, "a container without content");
    f.keeper = c->reader_count > 0 ? &f : outer != NULL ? outer->keeper : NULL;
    buf_init(&f.contents, CONTAINER_MAX);
    buf_init(&f.encrypted_data, CONTAINER_MAX);
    buf_init(&container, CONTAINER_MAX);
    st = container_write(s, &f, c->reader_count > 0 ? &container : out, err);
    if (st == ST_OK && c->reader_count > 0)
        st = container_encrypt(s, c, number, buf_span(&container), out, err);
    buf_deinit_secret(&f.contents);
    buf_deinit_secret(&f.encrypted_data);
    return st;
}

/* The schema wants those in cipher first. */
static enum status package_write(struct sealing *s, struct buf *package, struct error *err)
{
    const struct osci_seal *in = s->in;

    for (size_t i = 0; i < in->count; i++)
        if (in->containers[i].reader_count > 0)
            TRY(container_seal(s, &in->containers[i], NULL, package, err));
    for (size_t i = 0; i < in->count; i++)
        if (in->containers[i].reader_count == 0)
            TRY(container_seal(s, &in->containers[i], NULL, package, err));
    return ST_OK;
}

enum status osci_seal(const struct osci_seal *in, struct arena *arena, struct buf *package,
                      struct error *err)
{
    struct sealing s = {.in = in, .arena = arena};
    size_t count = 0;

    for (size_t i = 0; i < in->count; i++)
        count += contents_in(&in->containers[i]);
    if (count == 0 || count > OSCI_CONTENTS_MAX)
        return error_set(err, ST_LIMIT, 0, "%zu contents, 1 to %d are possible", count,
                         OSCI_CONTENTS_MAX);
    s.sha256 = alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST);
    enc_params_default(&s.params, in->policy, in->now);
    s.names = arena_array(arena, sizeof *s.names, count);
    s.attached = arena_array(arena, sizeof *s.attached, count);
    TRY_ALLOC(s.names, err);
    TRY_ALLOC(s.attached, err);
    TRY(package_write(&s, package, err));
    if (package->len > PACKAGE_MAX) /* no reader of ours would take it */
        return error_set(err, ST_LIMIT, 0, "%zu bytes of XML, at most %d fit in a message",
                         package->len, PACKAGE_MAX);
    return ST_OK;
}
