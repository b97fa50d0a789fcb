#include "osci/read.h"

static const char *name_of(const xmlNode *node)
{
    return (const char *)node->name;
}

static bool is_blank(const xmlNode *node)
{
    return span_trim(span_str((const char *)node->content)).len == 0;
}

enum status osci_cursor_init(struct osci_cursor *c, const xmlNode *parent, struct error *err)
{
    for (const xmlNode *n = parent->children; n != NULL; n = n->next)
        if ((n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) && !is_blank(n))
            return error_set(err, ST_INVALID, 9300, "text where none belongs, in %s",
                             name_of(parent));
    *c = (struct osci_cursor){.parent = parent, .next = xml_first(parent)};
    return ST_OK;
}

const xmlNode *osci_cursor_take(struct osci_cursor *c, const char *ns, const char *name)
{
    const xmlNode *node = c->next;

    if (!xml_is(node, ns, name))
        return NULL;
    c->next = xml_next(node);
    return node;
}

enum status osci_cursor_need(struct osci_cursor *c, const char *ns, const char *name,
                             const xmlNode **node, struct error *err)
{
    *node = osci_cursor_take(c, ns, name);
    if (*node == NULL)
        return error_set(err, ST_INVALID, 9300, "no %s where it belongs, in %s", name,
                         name_of(c->parent));
    return ST_OK;
}

enum status osci_cursor_end(const struct osci_cursor *c, struct error *err)
{
    if (c->next != NULL)
        return error_set(err, ST_INVALID, 9300, "%s is unknown or in the wrong place, in %s",
                         name_of(c->next), name_of(c->parent));
    return ST_OK;
}

size_t osci_element_count(const xmlNode *parent)
{
    size_t count = 0;

    for (const xmlNode *n = xml_first(parent); n != NULL; n = xml_next(n))
        count++;
    return count;
}

enum status osci_read_string(struct osci_reader *rd, const xmlNode *node, size_t max,
                             struct span *text, struct error *err)
{
    TRY(xml_text(node, &rd->reading->arena, text, err));
    if (text->len > max)
        return error_set(err, ST_INVALID, 9300, "%s is longer than %zu bytes", name_of(node), max);
    return ST_OK;
}

enum status osci_read_base64(struct osci_reader *rd, const xmlNode *node, size_t max,
                             struct span *bytes, struct error *err)
{
    struct span text;

    TRY(osci_read_string(rd, node, max / 3 * 4 + max / 16 + 64, &text, err));
    buf_reset(&rd->scratch);
    if (buf_base64_decode(&rd->scratch, text, err) != ST_OK || rd->scratch.len > max)
        return error_set(err, ST_INVALID, 9300, "%s is no base64, or too long", name_of(node));
    *bytes = arena_span(&rd->reading->arena, buf_span(&rd->scratch));
    TRY_ALLOC(bytes->ptr, err);
    return ST_OK;
}

/* As many digits as the pattern has 0, and its other characters as they are. */
static bool fits(struct span *text, const char *pattern)
{
    size_t len = strlen(pattern);

    if (text->len < len)
        return false;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = text->ptr[i];

        if (pattern[i] == '0' ? c < '0' || c > '9' : c != (uint8_t)pattern[i])
            return false;
    }
    *text = span_from(*text, len);
    return true;
}

bool osci_is_datetime(struct span text)
{
    if (text.len > 64 || !fits(&text, "0000-00-00T00:00:00"))
        return false;
    if (fits(&text, ".")) {
        if (!fits(&text, "0"))
            return false;
        while (fits(&text, "0"))
            continue;
    }
    return text.len == 0 || span_is(text, "Z") ||
           ((fits(&text, "+00:00") || fits(&text, "-00:00")) && text.len == 0);
}

enum status osci_read_datetime(struct osci_reader *rd, const xmlNode *node, struct span *text,
                               struct error *err)
{
    TRY(osci_read_string(rd, node, OSCI_STRING_MAX, text, err));
    *text = span_trim(*text);
    if (!osci_is_datetime(*text))
        return error_set(err, ST_INVALID, 9300, "%s is no date and time", name_of(node));
    return ST_OK;
}

enum status osci_read_number(const xmlNode *node, const char *name, uint64_t *number,
                             struct error *err)
{
    struct span text = xml_attr(node, NULL, name);

    *number = 0;
    if (text.ptr != NULL && !span_to_u64(span_trim(text), number))
        return error_set(err, ST_INVALID, 9300, "%s of %s is no number", name, name_of(node));
    return ST_OK;
}

enum status osci_read_choice(const xmlNode *node, const char *attribute, const char *const *names,
                             size_t count, size_t *which, struct error *err)
{
    struct span text = xml_attr(node, NULL, attribute);

    for (size_t i = 0; i < count; i++) {
        if (text.ptr != NULL && span_is(text, names[i])) {
            *which = i;
            return ST_OK;
        }
    }
    return error_set(err, ST_INVALID, 9300, "%s of %s has no value that the schema knows",
                     attribute, name_of(node));
}

/* The next word of a list. */
static bool word_next(struct span *rest, struct span *word)
{
    size_t len = 0;

    *rest = span_trim(*rest);
    while (len < rest->len && memchr(" \t\r\n", rest->ptr[len], 4) == NULL)
        len++;
    *word = span_sub(*rest, 0, len);
    *rest = span_from(*rest, len);
    return len > 0;
}

struct span osci_envelope_schema(const xmlNode *envelope)
{
    struct span rest = xml_attr(envelope, XSI_NS, "schemaLocation");
    struct span ns, schema;

    while (rest.ptr != NULL && word_next(&rest, &ns) && word_next(&rest, &schema))
        if (span_is(ns, SOAP_NS))
            return schema;
    return SPAN_NONE;
}

enum status osci_envelope_parts(const xmlNode *envelope, const xmlNode **header,
                                const xmlNode **body, struct error *err)
{
    struct osci_cursor c;

    if (osci_cursor_init(&c, envelope, err) != ST_OK)
        return error_set(err, ST_INVALID, 9100, "text in the SOAP envelope");
    if (header != NULL) {
        *header = osci_cursor_take(&c, SOAP_NS, "Header");
        if (*header == NULL)
            return error_set(err, ST_INVALID, 9100, "no SOAP header");
    }
    *body = osci_cursor_take(&c, SOAP_NS, "Body");
    if (*body == NULL || c.next != NULL)
        return error_set(err, ST_INVALID, 9100, "not one SOAP body at the end of the envelope");
    return ST_OK;
}

/* Most texts are one node; the few that are not are put together in the buf. */
static enum status text_gather(const xmlNode *node, struct buf *scratch, struct span *text,
                               struct error *err)
{
    const xmlNode *first = node->children;

    if (first != NULL && first->next == NULL && first->type == XML_TEXT_NODE) {
        *text = span_str((const char *)first->content);
        return ST_OK;
    }
    for (const xmlNode *n = first; n != NULL; n = n->next) {
        if (n->type == XML_ELEMENT_NODE)
            return error_set(err, ST_INVALID, 9300, "%s holds more than text", name_of(node));
        if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE)
            buf_str(scratch, (const char *)n->content);
    }
    TRY(buf_check(scratch, err));
    *text = buf_span(scratch);
    return ST_OK;
}

enum status osci_x509_read(const xmlNode *x509_data, struct buf *scratch, struct span *der,
                           struct error *err)
{
    struct osci_cursor c;
    const xmlNode *node;
    AUTO(buf_deinit) struct buf gathered = {0};
    struct span text;

    buf_init(&gathered, 2 * CERT_DER_MAX);
    TRY(osci_cursor_init(&c, x509_data, err));
    TRY(osci_cursor_need(&c, DS_NS, "X509Certificate", &node, err));
    TRY(osci_cursor_end(&c, err));
    TRY(text_gather(node, &gathered, &text, err));
    buf_reset(scratch);
    if (text.len > 2 * CERT_DER_MAX || buf_base64_decode(scratch, text, err) != ST_OK)
        return error_set(err, ST_INVALID, 9300, "a certificate that is no base64, or too long");
    *der = buf_span(scratch);
    return ST_OK;
}
