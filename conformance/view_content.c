/* The inside of enciphered contents, as their reader sees it. */
#include <libxml/parser.h>
#include <stdarg.h>
#include <stdio.h>

#include "conformance/view.h"
#include "crypto/base/xml.h"
#include "crypto/policy.h"

enum { CONTENT_MAX = 64 * 1024 * 1024, URI_SIZE = 600 };

struct opened {
    struct conf_view *v;
    xmlDoc *doc; /* the container */
    size_t contents;
};

static const char *no(struct opened *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static const char *no(struct opened *o, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(o->v->why, sizeof o->v->why, fmt, ap);
    va_end(ap);
    return o->v->why;
}

/* The container in one EncryptedData; false: it is for others, or does not decipher. */
static bool container_open(struct opened *o, const xmlNode *data, const struct key *key)
{
    const xmlNode *info = conf_node_below(data, "KeyInfo"), *cipher_data = NULL;
    AUTO(buf_deinit) struct buf sealed = {0}, plain = {0};
    char uri[128];

    for (const xmlNode *n = xml_first(data); n != NULL; n = xml_next(n))
        if (strcmp((const char *)n->name, "CipherData") == 0)
            cipher_data = n;
    conf_node_bytes(conf_node_below(cipher_data, "CipherValue"), &sealed);
    (void)conf_node_attr(conf_node_below(data, "EncryptionMethod"), "Algorithm", uri, sizeof uri);
    for (const xmlNode *n = info == NULL ? NULL : xml_first(info); n != NULL; n = xml_next(n)) {
        uint8_t secret[1024];
        size_t len = sizeof secret;

        buf_init(&plain, CONTENT_MAX);
        if (conf_unwrap(n, key, secret, &len) &&
            conf_decipher(uri, conf_iv_len(data), buf_span(&sealed), secret, &plain))
            o->doc = xmlReadMemory((const char *)plain.ptr, (int)plain.len, NULL, NULL,
                                   XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
        buf_deinit(&plain);
        if (o->doc != NULL)
            return true;
    }
    return false;
}

static const xmlNode *by_id(const xmlNode *top, const char *id)
{
    char text[URI_SIZE];

    for (const xmlNode *n = xml_first(top); n != NULL; n = xml_next(n)) {
        const xmlNode *below = by_id(n, id);

        if (strcmp(conf_node_attr(n, "Id", text, sizeof text), id) == 0)
            return n;
        if (below != NULL)
            return below;
    }
    return NULL;
}

/* The EncryptedData in the container that holds the key of that attachment. */
static const xmlNode *key_of(const xmlNode *container, const char *cid_uri)
{
    char text[URI_SIZE];

    for (const xmlNode *n = xml_first(container); n != NULL; n = xml_next(n))
        if (strcmp((const char *)n->name, "EncryptedData") == 0 &&
            strcmp(conf_node_attr(conf_node_below(n, "CipherReference"), "URI", text, sizeof text),
                   cid_uri) == 0)
            return n;
    return NULL;
}

/* The clear octets of an attachment. */
static bool attachment_open(struct opened *o, const char *cid_uri, struct buf *clear)
{
    const xmlNode *data = key_of(xml_root(o->doc), cid_uri);
    AUTO(buf_deinit) struct buf secret = {0};
    char uri[128];

    conf_node_bytes(conf_node_below(data, "MgmtData"), &secret);
    (void)conf_node_attr(conf_node_below(data, "EncryptionMethod"), "Algorithm", uri, sizeof uri);
    for (size_t i = 1; i < o->v->frame.count; i++) {
        const struct conf_frame_part *part = &o->v->frame.parts[i];

        if (span_is(part->id, cid_uri + sizeof "cid:" - 1) && secret.len >= 16)
            return conf_decipher(uri, conf_iv_len(data), part->body, secret.ptr, clear);
    }
    return false;
}

/* What a reference is over; the transform must be the one that belongs to it. */
static const char *referred(struct opened *o, const xmlNode *ref, const char *uri,
                            struct buf *bytes)
{
    const xmlNode *node = uri[0] == '#' ? by_id(xml_root(o->doc), uri + 1) : NULL;
    const char *wanted = ALG_C14N_URI;
    char transform[128];

    (void)conf_node_attr(conf_node_below(ref, "Transform"), "Algorithm", transform,
                         sizeof transform);
    if (strncmp(uri, "cid:", 4) == 0) {
        if (transform[0] != '\0')
            return no(o, "%s has a transform", uri);
        return attachment_open(o, uri, bytes) ? NULL : no(o, "%s does not decipher", uri);
    }
    if (node == NULL)
        return no(o, "%s is not in the container", uri);
    if (strcmp((const char *)node->name, "Base64Content") == 0) {
        wanted = ALG_BASE64_URI;
        buf_deinit(bytes);
        conf_node_bytes(node, bytes);
    } else {
        buf_deinit(bytes);
        conf_canonical(node, bytes);
    }
    return strcmp(transform, wanted) == 0 ? NULL : no(o, "%s has the transform %s", uri, transform);
}

static const char *reference_check(struct opened *o, const xmlNode *ref)
{
    AUTO(buf_deinit) struct buf bytes = {0}, value = {0};
    char uri[URI_SIZE], alg[128];
    uint8_t digest[64];
    const char *wrong;
    size_t len;

    buf_init(&bytes, CONTENT_MAX);
    (void)conf_node_attr(ref, "URI", uri, sizeof uri);
    wrong = referred(o, ref, uri, &bytes);
    if (wrong != NULL)
        return wrong;
    (void)conf_node_attr(conf_node_below(ref, "DigestMethod"), "Algorithm", alg, sizeof alg);
    conf_node_bytes(conf_node_below(ref, "DigestValue"), &value);
    len = conf_digest(alg, buf_span(&bytes), digest);
    o->contents++;
    return len > 0 && span_eq(span_of(digest, len), buf_span(&value))
               ? NULL
               : no(o, "the digest of %s is wrong", uri);
}

static const char *container_check(struct opened *o, const struct cert *author)
{
    const xmlNode *signature = conf_node_below(xml_root(o->doc), "Signature");
    const xmlNode *info = conf_node_below(signature, "SignedInfo");

    if (info == NULL)
        return no(o, "a container without its author's signature");
    for (const xmlNode *n = xml_first(info); n != NULL; n = xml_next(n)) {
        const char *wrong =
            strcmp((const char *)n->name, "Reference") == 0 ? reference_check(o, n) : NULL;

        if (wrong != NULL)
            return wrong;
    }
    return conf_value_check(o->v, signature, author);
}

const char *conf_view_contents(struct conf_view *v, const struct conf_pair *own,
                               const struct cert *author, size_t *contents)
{
    const xmlNode *package = conf_node_below(conf_view_body(v), "ContentPackage");
    const xmlNode *data = package == NULL ? NULL : xml_first(package);

    *contents = 0;
    for (; data != NULL; data = xml_next(data)) {
        struct opened o = {.v = v};
        const char *wrong;

        if (strcmp((const char *)data->name, "EncryptedData") != 0 ||
            !container_open(&o, data, own->key))
            continue;
        wrong = container_check(&o, author);
        *contents += o.contents;
        xmlFreeDoc(o.doc);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}
