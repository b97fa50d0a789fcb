#include "gateway/http_range.h"

/* The next entity tag of a list, with its quotes; weak: W/ stood before it. False: none follows, or
 * the list is broken there. */
static bool tag_next(struct span *list, struct span *tag, bool *weak)
{
    size_t end;

    while (list->len > 0 && (list->ptr[0] == ' ' || list->ptr[0] == '\t' || list->ptr[0] == ','))
        *list = span_from(*list, 1);
    *weak = span_is(span_sub(*list, 0, 2), "W/");
    if (*weak)
        *list = span_from(*list, 2);
    if (list->len == 0 || list->ptr[0] != '"')
        return false;
    end = span_find(span_from(*list, 1), SPAN("\""));
    if (end == SIZE_MAX)
        return false;
    *tag = span_sub(*list, 0, end + 2);
    *list = span_from(*list, end + 2);
    return true;
}

/* Is the tag in one of the fields of that name? "*" is every tag. weakly: W/"a" is "a". */
static bool fields_name(const struct gw_http_head *head, const char *name, struct span etag,
                        bool weakly)
{
    for (size_t i = 0; i < head->field_count; i++) {
        struct span list = head->fields[i].value, tag;
        bool weak;

        if (!span_eq_nocase(head->fields[i].name, span_str(name)))
            continue;
        if (span_is(list, "*"))
            return true;
        while (tag_next(&list, &tag, &weak))
            if (span_eq(tag, etag) && (weakly || !weak))
                return true;
    }
    return false;
}

static bool has_field(const struct gw_http_head *head, const char *name)
{
    return gw_http_head_field(head, name).ptr != NULL;
}

/* "bytes=first-last", "first-", "-suffix". False: not a single range that one can read. */
static bool range_read(struct span value, uint64_t file_len, struct gw_http_portion *out)
{
    uint64_t first = 0, last = UINT64_MAX;
    struct span unit, from, to;

    if (!span_split(&value, '=', &unit) || !span_eq_nocase(span_trim(unit), SPAN("bytes")))
        return false;
    value = span_trim(value);
    if (!span_split(&value, '-', &from) || value.ptr == NULL)
        return false;
    to = value;
    if (from.len + to.len == 0 || (from.len > 0 && !span_to_u64(from, &first)) ||
        (to.len > 0 && !span_to_u64(to, &last)) || (from.len > 0 && last < first))
        return false;
    if (from.len == 0) { /* the last bytes */
        first = last < file_len ? file_len - last : 0;
        if (last == 0)
            first = file_len;
        last = UINT64_MAX;
    }
    if (first >= file_len) {
        *out = (struct gw_http_portion){.kind = GW_PORTION_OUTSIDE};
        return true;
    }
    if (last > file_len - 1)
        last = file_len - 1;
    *out = (struct gw_http_portion){GW_PORTION_RANGE, first, last - first + 1};
    return true;
}

struct gw_http_portion gw_http_portion_of(const struct gw_http_head *head, struct span etag,
                                          uint64_t file_len)
{
    struct gw_http_portion whole = {GW_PORTION_WHOLE, 0, file_len}, part;
    struct span range = gw_http_head_field(head, "Range");
    size_t ranges = 0;

    if (has_field(head, "If-Match") && !fields_name(head, "If-Match", etag, false))
        return (struct gw_http_portion){.kind = GW_PORTION_OTHER};
    if (fields_name(head, "If-None-Match", etag, true))
        return (struct gw_http_portion){.kind = GW_PORTION_UNCHANGED};
    for (size_t i = 0; i < head->field_count; i++)
        ranges += span_eq_nocase(head->fields[i].name, SPAN("Range"));
    if (head->method != GW_HTTP_GET || ranges != 1)
        return whole;
    /* a date, or a weak tag, proves nothing */
    if (has_field(head, "If-Range") && !span_eq(gw_http_head_field(head, "If-Range"), etag))
        return whole;
    return range_read(range, file_len, &part) ? part : whole;
}
