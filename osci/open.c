/*
 * Opening goes down first and up afterwards: every container that is ours is deciphered and its
 * contents are handed out, each digested on its way; then, from the innermost outwards, the
 * signatures are checked, when the digests of all attachments are known. A content's authors are
 * those of its container and of all containers round it.
 */
#include "osci/content.h"

#define XADES_NS "http://uri.etsi.org/01903/v1.3.2#"

enum { PLAIN_MAX = 90 * 1024 * 1024, ALL_SIGNATURES_MAX = 200 };

struct container {
    const struct container *outer; /* NULL: outermost */
    const xmlNode *node;
    const struct xml_ids *ids; /* of its document */
    bool encrypted;
    unsigned depth;
    size_t number; /* in the report */
    struct osci_author *authors;
    struct sig_reading *readings;
    size_t author_count;
};

/* What was deciphered lives until the end: nodes and spans point into it. */
struct deciphered {
    struct deciphered *next;
    struct buf plain;
    xmlDoc *doc;
    struct xml_ids *ids;
};

struct opening {
    const struct osci_reading *reading;
    const struct osci_own_cipher *own;
    size_t own_count;
    const struct policy *policy;
    int64_t now;
    struct arena *arena;
    struct osci_open_out *out;
    struct osci_open_report *report;
    struct container **containers;
    size_t container_count, container_cap;
    struct place { /* of each content in the report */
        const struct container *container;
        struct span href; /* of an attachment */
    } * places;
    size_t content_cap, signature_count;
    struct sig_attachment *digested; /* attachments and inline contents, of the clear octets */
    size_t digested_count, digested_cap;
    struct deciphered *deciphered;
};

static enum status container_open(struct opening *o, const struct container *outer,
                                  const xmlNode *node, const struct xml_ids *ids, bool encrypted,
                                  struct error *err);

/* ---- lists that grow in the arena ---- */

static enum status grow(struct opening *o, void **list, size_t size, size_t count, size_t *cap,
                        struct error *err)
{
    size_t more = *cap == 0 ? 8 : *cap * 2;
    void *fresh;

    if (count < *cap)
        return ST_OK;
    fresh = arena_array(o->arena, size, more);
    TRY_ALLOC(fresh, err);
    if (count > 0)
        memcpy(fresh, *list, size * count);
    *list = fresh;
    *cap = more;
    return ST_OK;
}

static enum status content_add(struct opening *o, const struct container *c, struct span href,
                               const struct osci_opened *content, struct error *err)
{
    size_t cap = o->content_cap;
    void *list = o->report->contents, *places = o->places;

    if (o->report->count == OSCI_CONTENTS_MAX)
        return error_set(err, ST_LIMIT, 9100, "more than %d contents", OSCI_CONTENTS_MAX);
    TRY(grow(o, &places, sizeof *o->places, o->report->count, &cap, err));
    cap = o->content_cap;
    TRY(grow(o, &list, sizeof *o->report->contents, o->report->count, &cap, err));
    o->content_cap = cap;
    o->places = places;
    o->report->contents = list;
    o->places[o->report->count] = (struct place){c, href};
    o->report->contents[o->report->count++] = *content;
    return ST_OK;
}

/* Signatures refer to it, so that no content is digested twice. */
static enum status digested_add(struct opening *o, struct sig_attachment digested,
                                struct error *err)
{
    void *list = o->digested;

    TRY(grow(o, &list, sizeof *o->digested, o->digested_count, &o->digested_cap, err));
    o->digested = list;
    o->digested[o->digested_count++] = digested;
    return ST_OK;
}

/* ---- contents on their way out ---- */

struct sink_count {
    struct sink base, *next; /* NULL: the caller does not want it */
    struct digest *sha256, *other;
    uint64_t len;
};

static enum status count_write(struct sink *self, struct span bytes, struct error *err)
{
    struct sink_count *s = (struct sink_count *)self;

    s->len += bytes.len;
    TRY(digest_update(s->sha256, bytes, err));
    if (s->other != NULL)
        TRY(digest_update(s->other, bytes, err));
    return s->next == NULL ? ST_OK : sink_write(s->next, bytes, err);
}

struct sink_cipher {
    struct sink base, *next;
    struct cipher *cipher;
};

static enum status cipher_write(struct sink *self, struct span bytes, struct error *err)
{
    struct sink_cipher *s = (struct sink_cipher *)self;

    return cipher_push(s->cipher, bytes, s->next, err);
}

/* "file-NAME" and cids give the name back; other Ids are a name for want of a better one. */
static enum status name_of(struct opening *o, struct span id, bool attachment, struct span *name,
                           struct error *err)
{
    if (!attachment && span_starts(id, SPAN("file-")))
        id = span_from(id, 5);
    return osci_name_decode(id, o->arena, name, err);
}

static enum status inline_open(struct opening *o, const struct container *c, const xmlNode *base64,
                               struct error *err)
{
    struct osci_opened content = {.encrypted = c->encrypted};
    struct sink_count count = {.base.write = count_write};
    AUTO(digest_drop) struct digest *sha256 = NULL;
    AUTO(buf_deinit_secret) struct buf bytes = {0};
    struct span text;

    TRY(name_of(o, xml_attr(base64, NULL, "Id"), false, &content.name, err));
    TRY(xml_text(base64, o->arena, &text, err));
    buf_init(&bytes, text.len / 4 * 3 + 3); /* more than there is, where there are line ends */
    if (buf_base64_decode(&bytes, text, err) != ST_OK || bytes.len > OSCI_INLINE_MAX)
        return error_set(err, ST_INVALID, 9100, "a content that is not base64, or too large");
    content.len = bytes.len;
    TRY(digest_new(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), &sha256, err));
    count.sha256 = sha256;
    TRY(o->out->begin(o->out, &content, &count.next, err));
    TRY(count_write(&count.base, buf_span(&bytes), err));
    TRY(digest_final(sha256, &content.sha256, err));
    TRY(digested_add(o, (struct sig_attachment){.node = base64, .digest = content.sha256}, err));
    if (count.next != NULL)
        TRY(o->out->end(o->out, &content, err));
    return content_add(o, c, SPAN_NONE, &content, err);
}

static const xmlNode *descriptor_in(const struct container *c, struct span href)
{
    for (const xmlNode *n = xml_first(c->node); n != NULL; n = xml_next(n)) {
        const xmlNode *data, *ref;

        if (!xml_is(n, XENC_NS, "EncryptedData"))
            continue;
        data = xml_child(n, XENC_NS, "CipherData");
        ref = data == NULL ? NULL : xml_child(data, XENC_NS, "CipherReference");
        if (ref != NULL && span_eq(xml_attr(ref, NULL, "URI"), href))
            return n;
    }
    return NULL;
}

/* The EncryptedData with the attachment's key, NULL: it came in the clear. It lies in the
 * attachment's container, or in one round it that was deciphered together with it. */
static const xmlNode *descriptor_of(const struct container *c, struct span href)
{
    const xmlNode *found = descriptor_in(c, href);

    while (found == NULL && c->outer != NULL && c->outer->ids == c->ids) {
        c = c->outer;
        found = descriptor_in(c, href);
    }
    return found;
}

static enum status key_of(struct opening *o, const xmlNode *descriptor, struct cipher **cipher,
                          struct error *err)
{
    const xmlNode *info = xml_child(descriptor, DS_NS, "KeyInfo");
    const xmlNode *mgmt = info == NULL ? NULL : xml_child(info, DS_NS, "MgmtData");
    struct cipher_method method;
    AUTO(secret_wipe) struct secret secret = {0};
    AUTO(buf_deinit_secret) struct buf bytes = {0};
    struct span text;

    if (mgmt == NULL)
        return error_set(err, ST_INVALID, 9100, "an encrypted attachment without its key");
    TRY(enc_method_read(descriptor, o->policy, o->now, &method, err));
    TRY(xml_text(mgmt, o->arena, &text, err));
    buf_init(&bytes, 4 * SECRET_BYTES_MAX);
    if (text.len > 4 * SECRET_BYTES_MAX || buf_base64_decode(&bytes, text, err) != ST_OK ||
        bytes.len != method.alg->key_bytes)
        return error_set(err, ST_DENIED, 9202, "decryption failed");
    memcpy(secret.bytes, bytes.ptr, bytes.len);
    secret.len = bytes.len;
    return cipher_open_new(&method, &secret, cipher, err);
}

/* The digest that some signature wants of this attachment, if it is another than SHA-256. */
static const struct alg *digest_wanted(const struct container *c, struct span href)
{
    for (; c != NULL; c = c->outer)
        for (size_t a = 0; a < c->author_count; a++)
            for (size_t i = 0; i < c->readings[a].count; i++)
                if (span_eq(c->readings[a].refs[i].uri, href))
                    return c->readings[a].refs[i].digest;
    return alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST);
}

static enum status attachment_flow(struct opening *o, size_t i, struct cipher *cipher,
                                   struct sink_count *count, struct error *err)
{
    struct sink_cipher decipher = {
        .base.write = cipher_write, .next = &count->base, .cipher = cipher};

    if (cipher == NULL)
        return osci_attachment_copy(o->reading, i, &count->base, err);
    TRY(osci_attachment_copy(o->reading, i, &decipher.base, err));
    return cipher_finish(cipher, &count->base, err);
}

static enum status attachment_find(const struct opening *o, struct span href, size_t *index,
                                   struct error *err)
{
    const struct osci_message *msg = &o->reading->msg;
    struct span cid = span_from(href, 4);

    if (span_starts(href, SPAN("cid:")))
        for (*index = 0; *index < msg->attachment_count; ++*index)
            if (span_eq(msg->attachments[*index].cid, cid))
                return ST_OK;
    return error_set(err, ST_INVALID, 9100, "the attachment %.*s is missing", SPAN_FMT(href));
}

static enum status attachment_open(struct opening *o, const struct container *c, struct span href,
                                   struct error *err)
{
    struct osci_opened content = {.attachment = true};
    struct sink_count count = {.base.write = count_write};
    const xmlNode *descriptor = descriptor_of(c, href);
    const struct alg *sha256 = alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST);
    const struct alg *wanted = digest_wanted(c, href);
    struct sig_attachment digested = {.cid = span_from(href, 4)};
    AUTO(digest_drop) struct digest *first = NULL, *second = NULL;
    AUTO(cipher_drop) struct cipher *cipher = NULL;
    size_t index;

    TRY(attachment_find(o, href, &index, err));
    for (size_t i = 0; i < o->digested_count; i++)
        if (o->digested[i].node == NULL && span_eq(o->digested[i].cid, digested.cid))
            return error_set(err, ST_INVALID, 9100, "the attachment %.*s belongs to two contents",
                             SPAN_FMT(href));
    if (descriptor != NULL)
        TRY(key_of(o, descriptor, &cipher, err));
    content.encrypted = descriptor != NULL && c->encrypted; /* else its key lies open */
    TRY(name_of(o, span_from(href, 4), true, &content.name, err));
    TRY(digest_new(sha256, &first, err));
    if (wanted != sha256)
        TRY(digest_new(wanted, &second, err));
    count.sha256 = first;
    count.other = second;
    TRY(o->out->begin(o->out, &content, &count.next, err));
    TRY(attachment_flow(o, index, cipher, &count, err));
    TRY(digest_final(first, &content.sha256, err));
    content.len = count.len;
    digested.digest = content.sha256;
    if (second != NULL)
        TRY(digest_final(second, &digested.digest, err));
    TRY(digested_add(o, digested, err));
    if (count.next != NULL)
        TRY(o->out->end(o->out, &content, err));
    return content_add(o, c, href, &content, err);
}

static enum status elements_only(const xmlNode *node, struct error *err)
{
    for (const xmlNode *n = node->children; n != NULL; n = n->next)
        if (n->type != XML_ELEMENT_NODE && n->type != XML_COMMENT_NODE &&
            span_trim(span_str((const char *)n->content)).len > 0)
            return error_set(err, ST_INVALID, 9100, "text where none belongs, in %s",
                             (const char *)node->name);
    return ST_OK;
}

static enum status content_open(struct opening *o, const struct container *c, const xmlNode *node,
                                struct error *err)
{
    struct span href = xml_attr(node, NULL, "href");
    const xmlNode *inner = xml_first(node);

    TRY(elements_only(node, err));
    if (href.ptr != NULL && inner == NULL)
        return attachment_open(o, c, href, err);
    if (href.ptr == NULL && inner != NULL && xml_next(inner) == NULL) {
        if (xml_is(inner, OSCI_NS, "Base64Content"))
            return inline_open(o, c, inner, err);
        if (xml_is(inner, OSCI_NS, "ContentContainer"))
            return container_open(o, c, inner, c->ids, c->encrypted, err);
    }
    return error_set(err, ST_INVALID, 9100, "a Content of unknown form");
}

/* ---- deciphering ---- */

/* Which of ours an EncryptedKey is for; own_count: none. */
static size_t own_of(const struct opening *o, const xmlNode *key)
{
    const struct osci_message *msg = &o->reading->msg;
    const xmlNode *info = xml_child(key, DS_NS, "KeyInfo");
    const xmlNode *method = info == NULL ? NULL : xml_child(info, DS_NS, "RetrievalMethod");
    struct span uri = method == NULL ? SPAN_NONE : xml_attr(method, NULL, "URI");

    if (!span_starts(uri, SPAN("#")))
        return o->own_count;
    for (size_t i = 0; i < msg->cert_count; i++)
        if (span_eq(msg->certs[i].id, span_from(uri, 1)))
            for (size_t k = 0; k < o->own_count; k++)
                if (cert_eq(msg->certs[i].cert, o->own[k].cert))
                    return k;
    return o->own_count;
}

static const xmlNode *key_for_us(const struct opening *o, const xmlNode *data, size_t *own)
{
    const xmlNode *info = xml_child(data, DS_NS, "KeyInfo");
    int left = OSCI_READERS_MAX; /* digest 12.6 */

    for (const xmlNode *n = info == NULL ? NULL : xml_first(info); n != NULL && left > 0;
         n = xml_next(n), left--)
        if (xml_is(n, XENC_NS, "EncryptedKey") && (*own = own_of(o, n)) < o->own_count)
            return n;
    return NULL;
}

/* One EncryptedData that may be for us: its container is opened like one in the clear. */
static enum status encrypted_open(struct opening *o, const struct container *outer,
                                  const xmlNode *data, struct error *err)
{
    size_t own = 0;
    const xmlNode *key = key_for_us(o, data, &own);
    struct deciphered *d;
    struct cipher_method method;
    AUTO(secret_wipe) struct secret secret = {0};

    if (key == NULL) {
        o->report->closed++;
        return ST_OK;
    }
    d = arena_alloc(o->arena, sizeof *d);
    TRY_ALLOC(d, err);
    buf_init(&d->plain, PLAIN_MAX);
    d->next = o->deciphered;
    o->deciphered = d;
    TRY(enc_method_read(data, o->policy, o->now, &method, err));
    TRY(enc_key_read(key, o->own[own].key, &method, o->policy, o->now, &secret, err));
    TRY(enc_value_read(data, &method, &secret, &d->plain, err));
    /* after an unauthenticated cipher every failure must look the same: digest 12.3 */
    if (xml_parse(buf_span(&d->plain), &d->doc, err) != ST_OK ||
        xml_ids_new(d->doc, &d->ids, err) != ST_OK ||
        !xml_is(xml_root(d->doc), OSCI_NS, "ContentContainer"))
        return error_set(err, ST_DENIED, 9202, "decryption failed");
    return container_open(o, outer, xml_root(d->doc), d->ids, true, err);
}

/* ---- containers ---- */

/* A container in cipher; the others of its name hold the keys of attachments. */
static bool is_enciphered(const xmlNode *node)
{
    const xmlNode *data = xml_child(node, XENC_NS, "CipherData");

    return xml_is(node, XENC_NS, "EncryptedData") &&
           xml_child(data, XENC_NS, "CipherValue") != NULL;
}

static enum status signatures_read(struct opening *o, struct container *c, struct error *err)
{
    size_t count = 0;

    for (const xmlNode *n = xml_first(c->node); n != NULL; n = xml_next(n))
        count += xml_is(n, DS_NS, "Signature");
    o->signature_count += count;
    if (count > OSCI_AUTHORS_MAX || o->signature_count > ALL_SIGNATURES_MAX)
        return error_set(err, ST_LIMIT, 9100, "too many signatures of authors");
    c->authors = arena_array(o->arena, sizeof *c->authors, count + 1);
    c->readings = arena_array(o->arena, sizeof *c->readings, count + 1);
    TRY_ALLOC(c->authors, err);
    TRY_ALLOC(c->readings, err);
    for (const xmlNode *n = xml_first(c->node); n != NULL; n = xml_next(n)) {
        struct osci_author *author = &c->authors[c->author_count];
        struct sig_reading *reading = &c->readings[c->author_count];
        enum status st;

        if (!xml_is(n, DS_NS, "Signature"))
            continue;
        c->author_count++;
        st = sig_read(n, o->policy, o->now, o->arena, reading, err);
        if (st == ST_DENIED) { /* a forbidden algorithm: a finding about the author, no more */
            *reading = (struct sig_reading){0};
            author->why_not = arena_span(o->arena, span_str(err->text));
        } else if (st != ST_OK) {
            return st;
        }
        author->alg = reading->alg;
    }
    return ST_OK;
}

static enum status container_open(struct opening *o, const struct container *outer,
                                  const xmlNode *node, const struct xml_ids *ids, bool encrypted,
                                  struct error *err)
{
    struct container *c = arena_alloc(o->arena, sizeof *c);
    void *list = o->containers;

    TRY_ALLOC(c, err);
    *c = (struct container){.outer = outer, .node = node, .ids = ids, .encrypted = encrypted};
    c->depth = outer == NULL ? 1 : outer->depth + 1;
    if (c->depth > OSCI_NESTING_MAX || o->container_count == OSCI_CONTAINERS_MAX)
        return error_set(err, ST_LIMIT, 9100, "containers nested too deep, or too many");
    TRY(grow(o, &list, sizeof *o->containers, o->container_count, &o->container_cap, err));
    o->containers = list;
    c->number = o->container_count;
    o->containers[o->container_count++] = c;
    TRY(elements_only(node, err));
    TRY(signatures_read(o, c, err));
    for (const xmlNode *n = xml_first(node); n != NULL; n = xml_next(n)) {
        if (xml_is(n, OSCI_NS, "Content"))
            TRY(content_open(o, c, n, err));
        else if (is_enciphered(n))
            TRY(encrypted_open(o, c, n, err));
        else if (!xml_is(n, DS_NS, "Signature") && !xml_is(n, XENC_NS, "EncryptedData"))
            return error_set(err, ST_INVALID, 9100, "an unknown element in a ContentContainer");
    }
    return ST_OK;
}

/* ---- signatures ---- */

static const struct osci_cert *author_cert(const struct opening *o, struct span retrieval)
{
    const struct osci_message *msg = &o->reading->msg;

    for (size_t i = 0; i < msg->cert_count; i++)
        if (span_starts(retrieval, SPAN("#")) && span_eq(msg->certs[i].id, span_from(retrieval, 1)))
            return &msg->certs[i];
    return NULL;
}

static bool covers(const struct sig_cover *cover, const xmlNode *node, enum sig_transform transform)
{
    for (size_t i = 0; i < cover->reading->count; i++)
        if (cover->nodes[i] == node && cover->reading->refs[i].transform == transform)
            return true;
    return false;
}

static bool covers_uri(const struct sig_reading *reading, struct span uri)
{
    for (size_t i = 0; i < reading->count; i++)
        if (span_eq(reading->refs[i].uri, uri))
            return true;
    return false;
}

/*
 * What was not signed was not said: every content of the container must be covered (6.5), and the
 * octets of all attachments, those of containers nested in it as well.
 */
static bool covers_all(const xmlNode *container, bool outermost, const struct sig_cover *cover)
{
    for (const xmlNode *n = xml_first(container); n != NULL; n = xml_next(n)) {
        const xmlNode *inner = xml_first(n);
        struct span href = xml_attr(n, NULL, "href");

        if (outermost && is_enciphered(n) && !covers(cover, n, SIG_C14N))
            return false;
        if (!xml_is(n, OSCI_NS, "Content"))
            continue;
        if (outermost &&
            (xml_is(inner, OSCI_NS, "Base64Content") ? !covers(cover, inner, SIG_BASE64)
                                                     : !covers(cover, n, SIG_C14N)))
            return false;
        if (href.ptr != NULL && !covers_uri(cover->reading, href))
            return false;
        if (xml_is(inner, OSCI_NS, "ContentContainer") && !covers_all(inner, false, cover))
            return false;
    }
    return true;
}

/* Is it an attachment of this container, or of one in it? */
static bool is_attachment_of(const struct opening *o, struct span uri, const struct container *c)
{
    for (size_t i = 0; i < o->report->count; i++) {
        const struct container *at = o->places[i].container;

        if (!span_eq(o->places[i].href, uri))
            continue;
        while (at != NULL && at != c)
            at = at->outer;
        return at == c;
    }
    return false;
}

/* The properties of this very signature, a signing time among them. */
static bool is_signed_properties(const xmlNode *node, const xmlNode *signature)
{
    if (!xml_is(node, XADES_NS, "SignedProperties"))
        return false;
    while (node != NULL && node != signature)
        node = node->parent;
    return node != NULL;
}

static bool is_part_of(const xmlNode *node, const xmlNode *container)
{
    if (xml_is(node, OSCI_NS, "Base64Content"))
        node = node->parent;
    return node->parent == container &&
           (xml_is(node, OSCI_NS, "Content") || xml_is(node, XENC_NS, "EncryptedData"));
}

/*
 * All contents must be referenced, and nothing else may be (wire-notes 6). Looked at before
 * anything is digested: references to elements within one another would make that as long as they
 * like.
 */
static bool refers_only(const struct opening *o, const struct container *c,
                        const struct sig_reading *reading)
{
    int properties = 0;

    for (size_t i = 0; i < reading->count; i++) {
        struct span uri = reading->refs[i].uri;
        const xmlNode *node = xml_by_id(c->ids, span_from(uri, 1));

        if (uri.ptr[0] != '#') {
            if (!is_attachment_of(o, uri, c))
                return false;
        } else if (node != NULL && !is_part_of(node, c->node) &&
                   (!is_signed_properties(node, reading->signature) || ++properties > 1)) {
            return false;
        }
    }
    return true;
}

static enum status author_verify(struct opening *o, struct container *c, size_t i,
                                 struct error *err)
{
    struct osci_author *author = &c->authors[i];
    const struct sig_reading *reading = &c->readings[i];
    const struct osci_cert *cert;
    struct sig_cover cover;
    struct error why = {0};
    enum status st;

    cert = author_cert(o, reading->retrieval);
    if (cert != NULL)
        author->cert = cert->cert;
    if (author->why_not.ptr != NULL)
        return ST_OK;
    if (cert == NULL ||
        (cert->role != OSCI_SIGNATURE_ORIGINATOR && cert->role != OSCI_SIGNATURE_OTHER_AUTHOR &&
         cert->role != OSCI_SIGNATURE_ADDRESSEE)) {
        author->why_not = SPAN("the signature names no author's certificate of the message");
        return ST_OK;
    }
    if (!cert_may_sign(cert->cert)) {
        author->why_not = SPAN("the author's certificate is not made for signing");
        return ST_OK;
    }
    if (!refers_only(o, c, reading)) {
        author->why_not = SPAN("the author's signature covers something that is no content");
        return ST_OK;
    }
    st = sig_verify(reading, c->ids, o->digested, o->digested_count, cert->cert, o->arena, &cover,
                    &why);
    if (st == ST_LIMIT || st == ST_INTERNAL) {
        *err = why;
        return st;
    }
    if (st != ST_OK)
        author->why_not = arena_span(o->arena, span_str(why.text));
    else if (!covers_all(c->node, true, &cover))
        author->why_not = SPAN("the author's signature does not cover all of the content");
    else
        author->good = true;
    return ST_OK;
}

/*
 * The authors of a content: of its container, then of those round it. Who signed an enciphered
 * container from outside need not have seen its attachments: he is an author of those alone whose
 * octets he refers to.
 */
static enum status authors_collect(struct opening *o, struct error *err)
{
    for (size_t i = 0; i < o->report->count; i++) {
        struct span href = o->places[i].href;
        struct osci_author *all;
        size_t count = 0;

        for (const struct container *c = o->places[i].container; c != NULL; c = c->outer)
            count += c->author_count;
        all = arena_array(o->arena, sizeof *all, count + 1);
        TRY_ALLOC(all, err);
        count = 0;
        for (const struct container *c = o->places[i].container; c != NULL; c = c->outer)
            for (size_t k = 0; k < c->author_count; k++)
                if (!c->authors[k].good || href.ptr == NULL || covers_uri(&c->readings[k], href))
                    all[count++] = c->authors[k];
        o->report->contents[i].authors = all;
        o->report->contents[i].author_count = count;
        o->report->contents[i].container = o->places[i].container->number;
    }
    return ST_OK;
}

static enum status containers_report(struct opening *o, struct error *err)
{
    struct osci_opened_container *list =
        arena_array(o->arena, sizeof *list, o->container_count + 1);

    TRY_ALLOC(list, err);
    for (size_t i = 0; i < o->container_count; i++) {
        const struct container *c = o->containers[i];

        list[i] = (struct osci_opened_container){.within = c->outer == NULL ? OSCI_OUTERMOST
                                                                            : c->outer->number,
                                                 .encrypted = c->encrypted,
                                                 .authors = c->authors,
                                                 .author_count = c->author_count};
        /* the tree it lies in ends with the opening */
        list[i].id = arena_span(o->arena, xml_attr(c->node, NULL, "Id"));
        TRY_ALLOC(list[i].id.ptr, err);
    }
    o->report->containers = list;
    o->report->container_count = o->container_count;
    return ST_OK;
}

static enum status open_all(struct opening *o, struct error *err)
{
    if (o->reading->package == NULL)
        return ST_OK;
    for (const xmlNode *n = xml_first(o->reading->package); n != NULL; n = xml_next(n)) {
        if (xml_is(n, XENC_NS, "EncryptedData"))
            TRY(encrypted_open(o, NULL, n, err));
        else if (xml_is(n, OSCI_NS, "ContentContainer"))
            TRY(container_open(o, NULL, n, o->reading->ids, false, err));
        else
            return error_set(err, ST_INVALID, 9100, "an unknown element in the ContentPackage");
    }
    for (size_t i = o->container_count; i-- > 0;)
        for (size_t k = 0; k < o->containers[i]->author_count; k++)
            TRY(author_verify(o, o->containers[i], k, err));
    TRY(authors_collect(o, err));
    return containers_report(o, err);
}

enum status osci_open(const struct osci_reading *reading, const struct osci_own_cipher *own,
                      size_t own_count, const struct policy *policy, int64_t now,
                      struct arena *arena, struct osci_open_out *out,
                      struct osci_open_report *report, struct error *err)
{
    struct opening o = {.reading = reading,
                        .own = own,
                        .own_count = own_count,
                        .policy = policy,
                        .now = now,
                        .arena = arena,
                        .out = out,
                        .report = report};
    enum status st;

    *report = (struct osci_open_report){0};
    st = open_all(&o, err);
    for (struct deciphered *d = o.deciphered; d != NULL; d = d->next) {
        xml_ids_free(d->ids);
        xml_doc_drop(&d->doc);
        buf_deinit_secret(&d->plain);
    }
    return st;
}
