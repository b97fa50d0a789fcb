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

/* Canonical order: the default namespace first, then by prefix as bytes. */
static int prefix_order(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

enum status osci_apex_complete(struct span canonical, struct arena *arena, struct span *out,
                               struct error *err)
{
    struct apex apex;
    size_t ours = 0, theirs = 0;
    AUTO(buf_deinit) struct buf text = {0};

    TRY(apex_read(canonical, &apex, err));
    buf_init(&text, canonical.len + 1024);
    buf_add(&text, apex.name);
    while (ours < ARRAY_LEN(fives) || theirs < apex.ns_count) {
        int order = ours == ARRAY_LEN(fives) ? 1
                    : theirs == apex.ns_count
                        ? -1
                        : prefix_order(span_str(fives[ours].prefix), apex.ns[theirs].prefix);

        if (order < 0)
            buf_printf(&text, " xmlns:%s=\"%s\"", fives[ours].prefix, fives[ours].uri);
        else
            buf_add(&text, apex.ns[theirs].text);
        ours += order <= 0;
        theirs += order >= 0;
    }
    buf_add(&text, apex.rest);
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

enum status osci_package_move(const xmlNode *package, struct buf *out, struct error *err)
{
    if (package == NULL)
        return ST_OK;
    for (const xmlNode *child = package->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE)
            TRY(child_move(child, out, err));
        else if (!is_blank(child))
            return error_set(err, ST_INVALID, 9300, "text in the content package");
    }
    return buf_check(out, err);
}
