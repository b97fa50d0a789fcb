#include "xta/tree.h"

enum { FRAGMENT_MAX = 64 * 1024 * 1024 };

/* ---- reading ---- */

static void in_fail(struct xta_in *in, enum status status, const char *why)
{
    if (in->failed != ST_OK)
        return;
    in->failed = status;
    in->why = why;
}

static struct span in_keep(struct xta_in *in, struct span text)
{
    struct span kept;

    if (text.ptr == NULL)
        return SPAN_NONE;
    kept = text.len == 0 ? SPAN("") : arena_span(in->arena, text);
    if (kept.ptr == NULL)
        in_fail(in, ST_LIMIT, "out of memory");
    return kept;
}

static struct span text_of(struct xta_in *in, const xmlNode *node)
{
    struct error err = {0};
    struct span text;

    if (node == NULL || in->failed != ST_OK)
        return SPAN_NONE;
    if (xml_text(node, in->arena, &text, &err) != ST_OK) {
        in_fail(in, err.status,
                err.status == ST_LIMIT ? "out of memory" : "elements instead of text");
        return SPAN_NONE;
    }
    return text;
}

struct span xta_in_text(struct xta_in *in, const xmlNode *node)
{
    return in_keep(in, text_of(in, node));
}

struct span xta_in_token(struct xta_in *in, const xmlNode *node)
{
    return in_keep(in, span_trim(text_of(in, node)));
}

struct span xta_in_attr(struct xta_in *in, const xmlNode *node, const char *name)
{
    return node == NULL ? SPAN_NONE : in_keep(in, xml_attr(node, NULL, name));
}

struct span xta_in_time(struct xta_in *in, const xmlNode *node)
{
    struct span text = span_trim(text_of(in, node));

    return xta_is_time(text) ? in_keep(in, text) : SPAN_NONE;
}

struct span xta_in_date(struct xta_in *in, const xmlNode *node)
{
    struct span text = span_trim(text_of(in, node));

    return xta_is_date(text) ? in_keep(in, text) : SPAN_NONE;
}

uint64_t xta_in_number(struct xta_in *in, const xmlNode *node)
{
    uint64_t value;

    return span_to_u64(span_trim(text_of(in, node)), &value) ? value : 0;
}

enum xta_tri xta_in_boolean(struct span text)
{
    text = span_trim(text);
    if (span_is(text, "true") || span_is(text, "1"))
        return XTA_TRUE;
    return span_is(text, "false") || span_is(text, "0") ? XTA_FALSE : XTA_UNSET;
}

const xmlNode *xta_in_from(const xmlNode *node, const char *ns, const char *local)
{
    while (node != NULL && !xml_is(node, ns, local))
        node = xml_next(node);
    return node;
}

size_t xta_in_count(struct xta_in *in, const xmlNode *parent, const char *ns, const char *local)
{
    size_t count = 0;

    for (const xmlNode *n = xml_first(parent); n != NULL; n = xml_next(n))
        count += xml_is(n, ns, local);
    if (count > in->items_max) {
        in_fail(in, ST_LIMIT, "a list that is too long");
        return 0;
    }
    return count;
}

void *xta_in_array(struct xta_in *in, size_t size, size_t count)
{
    void *array = count == 0 || in->failed != ST_OK ? NULL : arena_array(in->arena, size, count);

    if (count > 0 && array == NULL)
        in_fail(in, ST_LIMIT, "out of memory");
    return array;
}

struct span *xta_in_tokens(struct xta_in *in, const xmlNode *parent, const char *ns,
                           const char *local, size_t *count)
{
    size_t n = xta_in_count(in, parent, ns, local);
    struct span *list = xta_in_array(in, sizeof *list, n);
    const xmlNode *node = xml_first(parent);

    *count = list == NULL ? 0 : n;
    for (size_t i = 0; i < *count; i++) {
        node = xta_in_from(node, ns, local);
        list[i] = xta_in_token(in, node);
        node = xml_next(node);
    }
    return list;
}

struct xta_code xta_in_code(struct xta_in *in, const xmlNode *node)
{
    if (node == NULL)
        return (struct xta_code){0};
    return (struct xta_code){.list = xta_in_attr(in, node, "listURI"),
                             .list_version = xta_in_attr(in, node, "listVersionID"),
                             .code = xta_in_token(in, xml_child(node, NULL, "code")),
                             .name = xta_in_text(in, xml_child(node, NULL, "name"))};
}

struct span xta_in_fragment(struct xta_in *in, const xmlNode *node)
{
    AUTO(buf_deinit) struct buf xml = {0};
    struct error err = {0};

    if (node == NULL || in->failed != ST_OK)
        return SPAN_NONE;
    buf_init(&xml, FRAGMENT_MAX);
    if (xml_c14n(node, &xml, &err) != ST_OK) {
        in_fail(in, err.status, "a part that cannot be made canonical");
        return SPAN_NONE;
    }
    return in_keep(in, buf_span(&xml));
}

void xta_in_fragment_add(struct xta_in *in, const xmlNode *node, struct span **list, size_t *count)
{
    struct span *longer;

    if (node == NULL || in->failed != ST_OK)
        return;
    if (*count >= in->items_max) {
        in_fail(in, ST_LIMIT, "a list that is too long");
        return;
    }
    longer = xta_in_array(in, sizeof *longer, *count + 1);
    if (longer == NULL)
        return;
    if (*count > 0)
        memcpy(longer, *list, *count * sizeof *longer);
    longer[*count] = xta_in_fragment(in, node);
    *list = longer;
    ++*count;
}

struct span xta_in_octets(struct xta_in *in, const xmlNode *node)
{
    AUTO(buf_deinit) struct buf octets = {0};
    struct error err = {0};
    struct span text = text_of(in, node);

    if (text.ptr == NULL)
        return SPAN_NONE;
    buf_init(&octets, text.len / 4 * 3 + 3);
    if (buf_base64_decode(&octets, text, &err) != ST_OK) {
        in_fail(in, err.status, "base64 that is none");
        return SPAN_NONE;
    }
    return octets.len == 0 ? SPAN("") : in_keep(in, buf_span(&octets));
}

enum status xta_in_check(const struct xta_in *in, struct error *err)
{
    if (in->failed == ST_OK)
        return ST_OK;
    return error_set(err, in->failed, 0, "the message holds %s", in->why);
}

/* ---- writing ---- */

void xta_out_begin(struct xta_out *out, const char *name)
{
    buf_char(out->xml, '<');
    buf_str(out->xml, name);
}

void xta_out_attr(struct xta_out *out, const char *name, struct span value)
{
    if (value.ptr == NULL)
        return;
    buf_printf(out->xml, " %s=\"", name);
    buf_xml_attr(out->xml, value);
    buf_char(out->xml, '"');
}

void xta_out_attr_number(struct xta_out *out, const char *name, uint64_t value)
{
    buf_printf(out->xml, " %s=\"%llu\"", name, (unsigned long long)value);
}

void xta_out_id(struct xta_out *out)
{
    buf_printf(out->xml, " id=\"%s-%u\"", out->id_prefix, ++out->ids);
}

void xta_out_more(struct xta_out *out)
{
    buf_char(out->xml, '>');
}

void xta_out_open(struct xta_out *out, const char *name)
{
    xta_out_begin(out, name);
    xta_out_more(out);
}

void xta_out_close(struct xta_out *out, const char *name)
{
    buf_printf(out->xml, "</%s>", name);
}

static void text_close(struct xta_out *out, const char *name, struct span text)
{
    xta_out_more(out);
    buf_xml_text(out->xml, text);
    xta_out_close(out, name);
}

void xta_out_text(struct xta_out *out, const char *name, struct span text)
{
    if (text.ptr == NULL)
        return;
    xta_out_begin(out, name);
    text_close(out, name, text);
}

void xta_out_text_id(struct xta_out *out, const char *name, struct span text)
{
    if (text.ptr == NULL)
        return;
    xta_out_begin(out, name);
    xta_out_id(out);
    text_close(out, name, text);
}

void xta_out_number(struct xta_out *out, const char *name, uint64_t value)
{
    buf_printf(out->xml, "<%s>%llu</%s>", name, (unsigned long long)value, name);
}

void xta_out_code(struct xta_out *out, const char *name, const struct xta_code *code,
                  const char *list, const char *version, bool with_name)
{
    xta_out_begin(out, name);
    xta_out_attr(out, "listURI", xta_or(code->list, list));
    xta_out_attr(out, "listVersionID", xta_or(code->list_version, version));
    xta_out_more(out);
    xta_out_text(out, "code", xta_or(code->code, "-"));
    if (with_name)
        xta_out_text(out, "name", code->name);
    xta_out_close(out, name);
}

void xta_out_fragment(struct xta_out *out, struct span fragment)
{
    buf_add(out->xml, fragment);
}

void xta_out_base64(struct xta_out *out, const char *name, struct span octets)
{
    xta_out_open(out, name);
    buf_base64(out->xml, octets, 0);
    xta_out_close(out, name);
}

struct span xta_or(struct span text, const char *otherwise)
{
    return text.len > 0 ? text : span_str(otherwise);
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Takes digits off the front, as many as there are, at least least and at most most. */
static bool take_number(struct span *text, size_t least, size_t most, unsigned *value)
{
    size_t n = 0;

    *value = 0;
    while (n < text->len && n < most && is_digit(text->ptr[n]))
        *value = *value * 10 + (text->ptr[n++] - (unsigned)'0');
    *text = span_from(*text, n);
    return n >= least;
}

static bool take_char(struct span *text, char c)
{
    if (text->len == 0 || text->ptr[0] != (uint8_t)c)
        return false;
    *text = span_from(*text, 1);
    return true;
}

static bool take_date(struct span *text)
{
    static const unsigned days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    bool leap;

    if (!take_number(text, 4, 4, &year) || !take_char(text, '-') ||
        !take_number(text, 2, 2, &month) || !take_char(text, '-') || !take_number(text, 2, 2, &day))
        return false;
    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] &&
           (month != 2 || day < 29 || leap);
}

/* Z, an offset, or nothing; and then the end. */
static bool take_zone(struct span *text)
{
    unsigned hours, minutes;

    if (text->len == 0)
        return true;
    if (take_char(text, 'Z'))
        return text->len == 0;
    if (!take_char(text, '+') && !take_char(text, '-'))
        return false;
    return take_number(text, 2, 2, &hours) && take_char(text, ':') &&
           take_number(text, 2, 2, &minutes) && text->len == 0 && minutes < 60 &&
           (hours < 14 || (hours == 14 && minutes == 0));
}

bool xta_is_date(struct span text)
{
    return take_date(&text) && take_zone(&text);
}

bool xta_is_time(struct span text)
{
    enum { FRACTION_MAX = 30 };
    unsigned hours, minutes, seconds, fraction;

    if (!take_date(&text) || !take_char(&text, 'T') || !take_number(&text, 2, 2, &hours) ||
        !take_char(&text, ':') || !take_number(&text, 2, 2, &minutes) || !take_char(&text, ':') ||
        !take_number(&text, 2, 2, &seconds))
        return false;
    if (take_char(&text, '.') && !take_number(&text, 1, FRACTION_MAX, &fraction))
        return false;
    return hours < 24 && minutes < 60 && seconds < 60 && take_zone(&text);
}

bool xta_is_ncname(struct span text)
{
    AUTO(free_drop) char *name = NULL;

    if (text.len == 0 || memchr(text.ptr, 0, text.len) != NULL)
        return false;
    name = strndup((const char *)text.ptr, text.len);
    return name != NULL && xmlValidateNCName((const xmlChar *)name, 0) == 0;
}

bool xta_is_uri(struct span text)
{
    size_t colon = 0;

    while (colon < text.len && text.ptr[colon] != ':') {
        uint8_t c = text.ptr[colon];

        if (!is_letter(c) && (colon == 0 || (!is_digit(c) && c != '+' && c != '-' && c != '.')))
            return false;
        colon++;
    }
    if (colon == 0 || colon + 1 >= text.len)
        return false;
    for (size_t i = colon + 1; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] == 0x7f || strchr("<>\"{}|\\^`", text.ptr[i]) != NULL)
            return false;
    return true;
}
