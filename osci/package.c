#include "osci/package.h"

enum { APEX_NAMESPACES_MAX = 64 };

static const struct five {
    const char *prefix, *uri;
} fives[] = {
    {"ds", DS_NS}, {"osci", OSCI_NS}, {"soap", SOAP_NS}, {"xenc", XENC_NS}, {"xsi", XSI_NS},
};

/* A start tag in canonical form: name, declarations, then everything else with its '>' or '/>'. */
struct apex {
    struct span name; /* with '<' */
    struct apex_ns {
        struct span prefix, text; /* text: the whole declaration with its leading blank */
        struct span uri;          /* as written, escaped */
    } ns[APEX_NAMESPACES_MAX];
    size_t ns_count;
    struct span rest;
};

/* Takes ` xmlns...="..."` off the front of rest. */
static bool declaration_take(struct span *rest, struct apex_ns *ns)
{
    size_t quote, end;
    struct span name;

    if (!span_starts(*rest, SPAN(" xmlns")))
        return false;
    quote = span_find(*rest, SPAN("=\""));
    if (quote == SIZE_MAX)
        return false;
    name = span_sub(*rest, 1, quote - 1);
    if (!span_is(name, "xmlns") && !span_starts(name, SPAN("xmlns:")))
        return false; /* an attribute that only begins like one */
    end = span_find(span_from(*rest, quote + 2), SPAN("\""));
    if (end == SIZE_MAX)
        return false;
    ns->prefix = span_from(name, sizeof "xmlns");
    ns->uri = span_sub(*rest, quote + 2, end);
    ns->text = span_sub(*rest, 0, quote + 2 + end + 1);
    *rest = span_from(*rest, ns->text.len);
    return true;
}

static enum status apex_read(struct span canonical, struct apex *apex, struct error *err)
{
    size_t n = 0;

    *apex = (struct apex){0};
    while (n < canonical.len && canonical.ptr[n] != ' ' && canonical.ptr[n] != '>')
        n++;
    if (n < 2 || n == canonical.len || canonical.ptr[0] != '<')
        return error_set(err, ST_INVALID, 9300, "no start tag in front");
    apex->name = span_sub(canonical, 0, n);
    apex->rest = span_from(canonical, n);
    while (apex->ns_count < APEX_NAMESPACES_MAX &&
           declaration_take(&apex->rest, &apex->ns[apex->ns_count]))
        apex->ns_count++;
    if (span_starts(apex->rest, SPAN(" xmlns:")))
        return error_set(err, ST_INVALID, 9300, "too many namespaces on one element");
    return ST_OK;
}

static bool is_of_five(const struct apex_ns *ns)
{
    for (size_t i = 0; i < ARRAY_LEN(fives); i++)
        if (span_is(ns->prefix, fives[i].prefix))
            return span_is(ns->uri, fives[i].uri);
    return false;
}

/* All before rest. */
static void head_reduce(const struct apex *apex, struct buf *out)
{
    buf_add(out, apex->name);
    for (size_t i = 0; i < apex->ns_count; i++)
        if (!is_of_five(&apex->ns[i]))
            buf_add(out, apex->ns[i].text);
}

enum status osci_apex_reduce(struct span canonical, struct buf *out, struct error *err)
{
    struct apex apex;

    TRY(apex_read(canonical, &apex, err));
    head_reduce(&apex, out);
    buf_add(out, apex.rest);
    return buf_check(out, err);
}

/* Are all five declared in front of the apex's attributes? */
static bool has_five(const struct apex *apex)
{
    size_t n = 0;

    for (size_t i = 0; i < apex->ns_count; i++)
        n += is_of_five(&apex->ns[i]);
    return n == ARRAY_LEN(fives);
}

/* text below an element that declares the five. */
static enum status wrapped_parse(struct span text, xmlDoc **doc, struct error *err)
{
    AUTO(buf_deinit) struct buf wrap = {.max = text.len + 2048};

    buf_str(&wrap, "<osci:ContentPackage" OSCI_FIVE_NS ">");
    buf_add(&wrap, text);
    buf_str(&wrap, "</osci:ContentPackage>");
    TRY(buf_check(&wrap, err));
    return xml_parse(buf_span(&wrap), doc, err);
}

enum status osci_apex_complete(struct span canonical, struct arena *arena, struct span *out,
                               struct error *err)
{
    struct apex apex;
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    AUTO(buf_deinit) struct buf text = {.max = canonical.len + 2048};

    TRY(apex_read(canonical, &apex, err));
    if (has_five(&apex)) {
        buf_add(&text, canonical);
    } else { /* declarations further down may be superfluous now */
        TRY(wrapped_parse(canonical, &doc, err));
        TRY(xml_c14n(xml_first(xml_root(doc)), &text, err));
    }
    TRY(buf_check(&text, err));
    *out = arena_span(arena, buf_span(&text));
    TRY_ALLOC(out->ptr, err);
    return ST_OK;
}

static bool is_blank(const xmlNode *node)
{
    return node->type == XML_COMMENT_NODE || xmlIsBlankNode(node) == 1;
}

/* The child at the end of out, its apex reduced where it stands: a large one is not copied. */
static enum status child_move(const xmlNode *child, struct buf *out, struct error *err)
{
    size_t mark = out->len, before;
    struct apex apex;
    AUTO(buf_deinit) struct buf head = {0};

    TRY(xml_c14n(child, out, err));
    TRY(apex_read(span_from(buf_span(out), mark), &apex, err));
    before = (size_t)(apex.rest.ptr - (out->ptr + mark));
    buf_init(&head, before);
    head_reduce(&apex, &head);
    TRY(buf_check(&head, err));
    memcpy(out->ptr + mark, head.ptr, head.len);
    memmove(out->ptr + mark + head.len, out->ptr + mark + before, out->len - mark - before);
    out->len -= before - head.len;
    return ST_OK;
}

static enum status children_move(const xmlNode *package, struct buf *out, struct error *err)
{
    for (const xmlNode *child = package->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE)
            TRY(child_move(child, out, err));
        else if (!is_blank(child))
            return error_set(err, ST_INVALID, 9300, "text in the content package");
    }
    return buf_check(out, err);
}

static bool five_in_scope(const xmlNode *node)
{
    for (size_t i = 0; i < ARRAY_LEN(fives); i++) {
        const xmlNs *ns = xmlSearchNs(node->doc, (xmlNode *)node, BAD_CAST fives[i].prefix);

        if (ns == NULL || !xmlStrEqual(ns->href, BAD_CAST fives[i].uri))
            return false;
    }
    return true;
}

enum status osci_package_move(const xmlNode *package, struct buf *out, struct error *err)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    AUTO(buf_deinit) struct buf text = {.max = XML_BYTES_MAX};

    if (package == NULL)
        return ST_OK;
    if (five_in_scope(package))
        return children_move(package, out, err);
    /* What was declared further down only is superfluous where it goes, and must be left out
     * there, too: so once more in that place. */
    TRY(children_move(package, &text, err));
    TRY(wrapped_parse(buf_span(&text), &doc, err));
    return children_move(xml_root(doc), out, err);
}
