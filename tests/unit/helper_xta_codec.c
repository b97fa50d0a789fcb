#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_xta_codec.h"

#include <stdio.h>

enum { BYTES_MAX = 256 * 1024 * 1024 };

static enum status intake_open(struct xta_intake *self, const struct xta_content *content,
                               struct sink **sink, struct error *err)
{
    struct helper_intake *intake = (struct helper_intake *)self;

    (void)content;
    assert_false(intake->open);
    if (intake->count == HELPER_XTA_CONTENTS)
        return error_set(err, ST_LIMIT, 0, "the test's intake is full");
    intake->open = true;
    buf_init(&intake->contents[intake->count], BYTES_MAX);
    *sink = sink_buf_init(&intake->sink, &intake->contents[intake->count]);
    return ST_OK;
}

static enum status intake_close(struct xta_intake *self, struct error *err)
{
    struct helper_intake *intake = (struct helper_intake *)self;

    (void)err;
    assert_true(intake->open);
    intake->open = false;
    intake->count++;
    return ST_OK;
}

struct xta_intake *helper_intake_init(struct helper_intake *intake)
{
    *intake = (struct helper_intake){.base = {.open = intake_open, .close = intake_close}};
    return &intake->base;
}

void helper_intake_deinit(struct helper_intake *intake)
{
    for (size_t i = 0; i < HELPER_XTA_CONTENTS; i++)
        buf_deinit(&intake->contents[i]);
}

void helper_wire_load(struct helper_wire *wire, const char *name)
{
    static const struct span field = SPAN("Content-Type: "), blank = SPAN("\r\n\r\n");
    char path[256];
    struct span all;

    *wire = (struct helper_wire){.content_type = SPAN("application/soap+xml; charset=utf-8")};
    snprintf(path, sizeof path, "xta/%s", name);
    helper_vector(path, &wire->file);
    all = buf_span(&wire->file);
    wire->body = all;
    if (!span_ends(span_str(name), SPAN(".http")))
        return;
    assert_true(span_starts(all, field));
    wire->content_type = span_from(span_sub(all, 0, span_find(all, blank)), field.len);
    wire->body = span_from(all, span_find(all, blank) + blank.len);
}

void helper_wire_deinit(struct helper_wire *wire)
{
    buf_deinit(&wire->file);
}

enum xta_version helper_xta_version(const char *name)
{
    assert_non_null(name);
    return strcmp(name, "v3") == 0 ? XTA_V3 : XTA_V5;
}

enum xta_port helper_xta_port(const char *name)
{
    static const struct {
        const char *name;
        enum xta_port port;
    } ports[] = {
        {"ManagementPort", XTA_PORT_BASE}, {"transport.base", XTA_PORT_BASE},
        {"SendXtaPort", XTA_PORT_SENDER},  {"sender", XTA_PORT_SENDER},
        {"MsgBoxPort", XTA_PORT_BOX},      {"recipient", XTA_PORT_BOX},
        {"reader", XTA_PORT_READER},
    };

    assert_non_null(name);
    for (size_t i = 0; i < ARRAY_LEN(ports); i++)
        if (strcmp(ports[i].name, name) == 0)
            return ports[i].port;
    fail_msg("no port is called %s", name);
    return XTA_PORT_BASE;
}

enum xta_operation helper_xta_operation(enum xta_version version, const char *name)
{
    assert_non_null(name);
    for (enum xta_operation o = 0; o < XTA_OPERATION_COUNT; o++)
        if (xta_operation_name(version, o) != NULL &&
            strcmp(xta_operation_name(version, o), name) == 0)
            return o;
    fail_msg("no operation is called %s", name);
    return XTA_OPERATION_COUNT;
}

enum xta_exception helper_xta_exception(enum xta_version version, const char *name)
{
    assert_non_null(name);
    for (enum xta_exception e = 0; e < XTA_EXCEPTION_COUNT; e++)
        if (xta_exception_name(version, e) != NULL &&
            strcmp(xta_exception_name(version, e), name) == 0)
            return e;
    fail_msg("no exception is called %s", name);
    return XTA_NO_EXCEPTION;
}

struct xta_reading helper_xta_reading(enum xta_version version, enum xta_port port,
                                      struct xta_intake *intake)
{
    return (struct xta_reading){.version = version,
                                .port = port,
                                .schemas = helper_xta_schemas(),
                                .limits = xta_limits_default(),
                                .intake = intake};
}

void helper_parcel_bytes(const struct xta_parcel *parcel, struct buf *bytes)
{
    size_t before = bytes->len;
    struct error err = {0};

    if (bytes->max == 0)
        buf_init(bytes, BYTES_MAX);
    for (size_t i = 0; i < parcel->count; i++) {
        if (parcel->pieces[i].source == NULL)
            buf_add(bytes, parcel->pieces[i].bytes);
        else
            assert_int_equal(source_read_all(parcel->pieces[i].source, bytes, &err), ST_OK);
    }
    assert_int_equal(buf_check(bytes, &err), ST_OK);
    assert_int_equal(bytes->len - before, parcel->len);
}
