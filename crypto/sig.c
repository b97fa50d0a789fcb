#include "crypto/sig.h"

#include "crypto/transform.h"

#define DS "http://www.w3.org/2000/09/xmldsig#"
#define XENC "http://www.w3.org/2001/04/xmlenc#"

enum {
    VALUE_TEXT_MAX = 16 * 1024,
    PART_BYTES = 64 * 1024, /* of an ordinary part */
    /* Canonical bytes of all references together: parts may lie within one another, and each
     * repeats the namespaces in scope. */
    CANONICAL_MAX = 4 * XML_BYTES_MAX,
};

static enum status malformed(const char *what, struct error *err)
{
    return error_set(err, ST_INVALID, 9100, "the signature's form: %s", what);
}

static enum status only(const xmlNode *parent, const char *local, const xmlNode **child,
                        struct error *err)
{
    enum status st = xml_only_child(parent, DS, local, child, err);

    if (st != ST_OK)
        err->reason = 9100;
    return st;
}

/* Each element child of node must have one of the names. */
static enum status nothing_but(const xmlNode *node, const char *const *names, struct error *err)
{
    for (const xmlNode *n = xml_first(node); n != NULL; n = xml_next(n)) {
        const char *const *name = names;

        while (*name != NULL && !xml_is(n, DS, *name))
            name++;
        if (*name == NULL)
            return malformed("an element that has no place in it", err);
    }
    return ST_OK;
}

static enum status read_base64(const xmlNode *node, struct arena *arena, struct span *bytes,
                               struct error *err)
{
    AUTO(buf_deinit) struct buf decoded = {0};
    struct span text;

    buf_init(&decoded, VALUE_TEXT_MAX);
    TRY(xml_text(node, arena, &text, err));
    if (text.len > VALUE_TEXT_MAX || buf_base64_decode(&decoded, text, err) != ST_OK)
        return malformed("a value that is no base64", err);
    *bytes = arena_span(arena, buf_span(&decoded));
    TRY_ALLOC(bytes->ptr, err);
    return ST_OK;
}

/* The Algorithm, asked of the policy; it must have no parameters. */
static enum status read_alg(const xmlNode *node, enum alg_use use, const struct policy *policy,
                            int64_t now, const struct alg **alg, struct error *err)
{
    if (xml_first(node) != NULL)
        return error_set(err, ST_DENIED, 9601, "an algorithm with parameters in the signature");
    if (policy_find(policy, xml_attr(node, NULL, "Algorithm"), use, ALG_READ, now, alg, err) !=
        ST_OK) {
        err->reason = 9601;
        return ST_DENIED;
    }
    return ST_OK;
}

static enum status read_transform(const xmlNode *reference, enum sig_transform *transform,
                                  struct error *err)
{
    const xmlNode *list = xml_child(reference, DS, "Transforms");
    const xmlNode *one = xml_first(list);
    struct span uri;

    *transform = SIG_PLAIN;
    if (list == NULL)
        return ST_OK;
    if (!xml_is(one, DS, "Transform") || xml_next(one) != NULL || xml_first(one) != NULL)
        return error_set(err, ST_DENIED, 9601, "a reference with anything but one plain transform");
    uri = xml_attr(one, NULL, "Algorithm");
    if (span_is(uri, ALG_C14N_URI))
        *transform = SIG_C14N;
    else if (span_is(uri, ALG_BASE64_URI))
        *transform = SIG_BASE64;
    else
        return error_set(err, ST_DENIED, 9601, "the transform %.*s is not allowed",
                         SPAN_FMT(span_sub(uri, 0, 200)));
    return ST_OK;
}

static enum status read_reference(const xmlNode *node, const struct policy *policy, int64_t now,
                                  struct arena *arena, struct sig_reading_ref *ref,
                                  struct error *err)
{
    static const char *const parts[] = {"Transforms", "DigestMethod", "DigestValue", NULL};
    const xmlNode *method, *value;

    TRY(nothing_but(node, parts, err));
    ref->uri = xml_attr(node, NULL, "URI");
    if (!span_starts(ref->uri, SPAN("#")) && !span_starts(ref->uri, SPAN("cid:")))
        return malformed("a reference to something outside the message", err);
    TRY(read_transform(node, &ref->transform, err));
    if (ref->uri.ptr[0] != '#' && ref->transform != SIG_PLAIN)
        return error_set(err, ST_DENIED, 9601, "a transform over the attachment %.*s",
                         SPAN_FMT(span_sub(ref->uri, 0, 200)));
    TRY(only(node, "DigestMethod", &method, err));
    TRY(read_alg(method, ALG_DIGEST, policy, now, &ref->digest, err));
    TRY(only(node, "DigestValue", &value, err));
    return read_base64(value, arena, &ref->value, err);
}

static int span_order(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    int order = memcmp(x->ptr, y->ptr, x->len < y->len ? x->len : y->len);

    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static enum status no_reference_twice(const struct sig_reading *reading, struct arena *arena,
                                      struct error *err)
{
    struct span *uris = arena_array(arena, sizeof *uris, reading->count);

    TRY_ALLOC(uris, err);
    for (size_t i = 0; i < reading->count; i++)
        uris[i] = reading->refs[i].uri;
    qsort(uris, reading->count, sizeof *uris, span_order);
    for (size_t i = 1; i < reading->count; i++)
        if (span_eq(uris[i - 1], uris[i]))
            return malformed("two references to one part", err);
    return ST_OK;
}

static enum status read_references(const xmlNode *info, const struct policy *policy, int64_t now,
                                   struct arena *arena, struct sig_reading *reading,
                                   struct error *err)
{
    size_t count = 0;

    for (const xmlNode *n = xml_first(info); n != NULL; n = xml_next(n))
        count += xml_is(n, DS, "Reference");
    if (count == 0)
        return malformed("no reference", err);
    if (count > SIG_REFERENCES_MAX)
        return error_set(err, ST_LIMIT, 9100, "a signature with %zu references", count);
    reading->refs = arena_array(arena, sizeof *reading->refs, count);
    TRY_ALLOC(reading->refs, err);
    for (const xmlNode *n = xml_first(info); n != NULL; n = xml_next(n))
        if (xml_is(n, DS, "Reference"))
            TRY(read_reference(n, policy, now, arena, &reading->refs[reading->count++], err));
    return no_reference_twice(reading, arena, err);
}

static enum status read_retrieval(const xmlNode *signature, struct span *retrieval,
                                  struct error *err)
{
    static const char *const alone[] = {"RetrievalMethod", NULL};
    const xmlNode *key_info, *method;

    TRY(only(signature, "KeyInfo", &key_info, err));
    TRY(nothing_but(key_info, alone, err));
    TRY(only(key_info, "RetrievalMethod", &method, err));
    *retrieval = xml_attr(method, NULL, "URI");
    if (!span_starts(*retrieval, SPAN("#")) || xml_first(method) != NULL)
        return malformed("a RetrievalMethod that does not name an Id", err);
    return ST_OK;
}

enum status sig_read(const xmlNode *signature, const struct policy *policy, int64_t now,
                     struct arena *arena, struct sig_reading *reading, struct error *err)
{
    static const char *const outer[] = {"SignedInfo", "SignatureValue", "KeyInfo", "Object", NULL};
    static const char *const inner[] = {"CanonicalizationMethod", "SignatureMethod", "Reference",
                                        NULL};
    struct sig_reading r = {.signature = signature};
    const xmlNode *info, *canonical, *method;

    if (!xml_is(signature, DS, "Signature"))
        return malformed("it is no ds:Signature", err);
    TRY(nothing_but(signature, outer, err));
    TRY(only(signature, "SignedInfo", &info, err));
    TRY(nothing_but(info, inner, err));
    TRY(only(info, "CanonicalizationMethod", &canonical, err));
    if (!span_is(xml_attr(canonical, NULL, "Algorithm"), ALG_C14N_URI) ||
        xml_first(canonical) != NULL)
        return error_set(err, ST_DENIED, 9601, "a signature with another canonical form");
    TRY(only(info, "SignatureMethod", &method, err));
    TRY(read_alg(method, ALG_SIGNATURE, policy, now, &r.alg, err));
    TRY(read_retrieval(signature, &r.retrieval, err));
    TRY(read_references(info, policy, now, arena, &r, err));
    *reading = r;
    return ST_OK;
}

/* What one sig_verify works with. */
struct check {
    const struct xml_ids *ids;
    const struct sig_attachment *attachments;
    size_t attachment_count;
    struct arena *arena;
    struct buf bytes; /* of the part at hand */
    size_t canonical_left;
};

static enum status mismatch(const struct sig_reading_ref *ref, const char *why, struct error *err)
{
    return error_set(err, ST_DENIED, 9601, "%s: %.*s", why, SPAN_FMT(span_sub(ref->uri, 0, 200)));
}

/* The digest that somebody has already made, NULL: nobody has. */
static const struct digest_value *
known_digest(const struct check *c, const struct sig_reading_ref *ref, const xmlNode *node)
{
    struct span cid = node == NULL ? span_from(ref->uri, strlen("cid:")) : SPAN_NONE;

    for (size_t i = 0; i < c->attachment_count; i++) {
        const struct sig_attachment *a = &c->attachments[i];

        if (a->digest.alg == ref->digest && a->node == node &&
            (node != NULL || span_eq(a->cid, cid)))
            return &a->digest;
    }
    return NULL;
}

static enum status check_attachment(const struct check *c, const struct sig_reading_ref *ref,
                                    struct error *err)
{
    const struct digest_value *digest = known_digest(c, ref, NULL);

    if (digest == NULL)
        return mismatch(ref, "a signed attachment is missing", err);
    if (!span_eq_secret(digest_span(digest), ref->value))
        return mismatch(ref, "the digest of an attachment differs", err);
    return ST_OK;
}

static enum status canonical(struct check *c, const xmlNode *node,
                             enum status (*form)(const xmlNode *, struct buf *, struct error *),
                             struct error *err)
{
    buf_reset(&c->bytes);
    c->bytes.max = c->canonical_left;
    TRY(form(node, &c->bytes, err));
    c->canonical_left -= c->bytes.len;
    return ST_OK;
}

static enum status decoded(struct check *c, const xmlNode *node, struct error *err)
{
    struct span text;

    buf_reset(&c->bytes);
    c->bytes.max = XML_BYTES_MAX;
    TRY(xml_text(node, c->arena, &text, err));
    return buf_base64_decode(&c->bytes, text, err);
}

static enum status digest_fits(const struct check *c, const struct sig_reading_ref *ref, bool *fits,
                               struct error *err)
{
    struct digest_value value;

    TRY(transform_digest(ref->digest, buf_span(&c->bytes), &value, err));
    *fits = span_eq_secret(digest_span(&value), ref->value);
    return ST_OK;
}

static enum status base64_fits(struct check *c, const struct sig_reading_ref *ref,
                               const xmlNode *node, bool *fits, struct error *err)
{
    const struct digest_value *known = known_digest(c, ref, node);

    if (known != NULL) {
        *fits = span_eq_secret(digest_span(known), ref->value);
        return ST_OK;
    }
    if (decoded(c, node, err) != ST_OK)
        return mismatch(ref, "a signed part is no base64", err);
    return digest_fits(c, ref, fits, err);
}

/*
 * The official library digests an EncryptedData without its namespace declarations, against
 * XML Signature (wire-notes 1.12); both are taken. The element is the same, and so is what it says.
 */
static enum status canonical_fits(struct check *c, const struct sig_reading_ref *ref,
                                  const xmlNode *node, bool *fits, struct error *err)
{
    TRY(canonical(c, node, xml_c14n, err));
    TRY(digest_fits(c, ref, fits, err));
    if (*fits || ref->transform != SIG_C14N || !xml_is(node, XENC, "EncryptedData"))
        return ST_OK;
    TRY(canonical(c, node, xml_c14n_bare, err));
    return digest_fits(c, ref, fits, err);
}

static enum status check_node(struct check *c, const struct sig_reading_ref *ref,
                              const xmlNode **node, struct error *err)
{
    bool fits = false;

    *node = xml_by_id(c->ids, span_from(ref->uri, 1));
    if (*node == NULL)
        return mismatch(ref, "a signed part is missing", err);
    if (ref->transform == SIG_BASE64)
        TRY(base64_fits(c, ref, *node, &fits, err));
    else /* also where no transform is named */
        TRY(canonical_fits(c, ref, *node, &fits, err));
    return fits ? ST_OK : mismatch(ref, "the digest of a part differs", err);
}

static enum status check_value(struct check *c, const struct sig_reading *reading,
                               const struct cert *signer, struct error *err)
{
    const xmlNode *info, *value_node;
    struct span value;

    TRY(only(reading->signature, "SignedInfo", &info, err));
    TRY(only(reading->signature, "SignatureValue", &value_node, err));
    TRY(read_base64(value_node, c->arena, &value, err));
    TRY(canonical(c, info, xml_c14n, err));
    return transform_verify(reading->alg, signer, buf_span(&c->bytes), value, err);
}

static enum status check_all(struct check *c, const struct sig_reading *reading,
                             const struct cert *signer, const xmlNode **nodes, struct error *err)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct sig_reading_ref *ref = &reading->refs[i];

        if (ref->uri.ptr[0] == '#')
            TRY(check_node(c, ref, &nodes[i], err));
        else
            TRY(check_attachment(c, ref, err));
    }
    return check_value(c, reading, signer, err);
}

enum status sig_verify(const struct sig_reading *reading, const struct xml_ids *ids,
                       const struct sig_attachment *attachments, size_t count,
                       const struct cert *signer, struct arena *arena, struct sig_cover *cover,
                       struct error *err)
{
    struct check check = {.ids = ids,
                          .attachments = attachments,
                          .attachment_count = count,
                          .arena = arena,
                          .canonical_left = CANONICAL_MAX};
    const xmlNode **nodes = arena_array(arena, sizeof *nodes, reading->count);
    enum status st;

    TRY_ALLOC(nodes, err);
    buf_init(&check.bytes, CANONICAL_MAX);
    if (buf_grow(&check.bytes, PART_BYTES) != NULL) /* growing means copying: start with enough */
        buf_reset(&check.bytes);
    st = check_all(&check, reading, signer, nodes, err);
    buf_deinit(&check.bytes);
    TRY(st);
    *cover = (struct sig_cover){reading, signer, nodes};
    return ST_OK;
}
