/*
 * HTTP requests as a listener reads them; the first byte says in what pieces they come. Whatever
 * the pieces, the same must be seen: once whole, once cut.
 */
#include <assert.h>

#include "gateway/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A running sum over all that was said, in order. */
struct seen {
    uint64_t sum;
    size_t requests;
};

static void seen_add(struct seen *seen, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        seen->sum = (seen->sum ^ s.ptr[i]) * 1099511628211U;
}

static enum status on_head(void *ctx, const struct gw_http_head *head, struct error *err)
{
    struct seen *seen = ctx;
    struct buf value;

    assert(head->target.len > 0 && head->path.len > 0);
    seen->requests++;
    seen_add(seen, head->method_name);
    seen_add(seen, head->path);
    seen_add(seen, head->query);
    for (size_t i = 0; i < head->field_count; i++) {
        seen_add(seen, head->fields[i].name);
        seen_add(seen, head->fields[i].value);
    }
    buf_init(&value, GW_HTTP_TARGET_BYTES);
    (void)!gw_http_query(head, "a", &value, err);
    seen_add(seen, buf_span(&value));
    buf_deinit(&value);
    return ST_OK;
}

static enum status on_body(void *ctx, struct span bytes, struct error *err)
{
    (void)err;
    seen_add(ctx, bytes);
    return ST_OK;
}

static enum status on_end(void *ctx, struct error *err)
{
    (void)err;
    seen_add(ctx, SPAN(";"));
    return ST_OK;
}

static const struct gw_http_parse_events events = {on_head, on_body, on_end};

/* The HTTP status of the failure, 0 when all was read. */
static int run(struct span bytes, size_t step, struct seen *seen)
{
    struct gw_http_parse p;
    struct error err = {0};
    enum status st = ST_OK;

    gw_http_parse_init(&p, &events, seen);
    while (bytes.len > 0 && st == ST_OK) {
        size_t used = 0;

        st = gw_http_parse_feed(&p, span_sub(bytes, 0, step), &used, &err);
        assert(st != ST_OK || used > 0);
        assert(st == ST_OK || (err.reason >= 400 && err.reason < 600));
        bytes = span_from(bytes, used);
    }
    gw_http_parse_deinit(&p);
    return st == ST_OK ? 0 : err.reason;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct seen whole = {0}, cut = {0};
    int a, b;

    if (len == 0)
        return 0;
    a = run(span_of(bytes + 1, len - 1), SIZE_MAX, &whole);
    b = run(span_of(bytes + 1, len - 1), 1 + bytes[0] % 16, &cut);
    assert((a == 0) == (b == 0));
    assert(a != 0 || (whole.sum == cut.sum && whole.requests == cut.requests));
    return 0;
}
