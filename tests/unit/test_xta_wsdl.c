#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/helper_xta.h"
#include "xta/wsdl.h"

#define WSDL "http://schemas.xmlsoap.org/wsdl/"
#define SOAP12 "http://schemas.xmlsoap.org/wsdl/soap12/"
#define WSAM "http://www.w3.org/2007/05/addressing/metadata"

static const struct xta_addresses all = {
    .url = {"https://h/base", "https://h/sender?a=1&b=\"2\"", "https://h/box", "https://h/reader"}};

static xmlDoc *written(enum xta_version version, const struct xta_addresses *addresses)
{
    AUTO(buf_deinit) struct buf out = {0};
    struct error err = {0};
    xmlDoc *doc = NULL;

    buf_init(&out, 64 * 1024);
    assert_int_equal(xta_wsdl_write(version, addresses, &out, &err), ST_OK);
    assert_int_equal(xml_parse(buf_span(&out), &doc, &err), ST_OK);
    return doc;
}

/* The child of that kind with that name. */
static const xmlNode *named(const xmlNode *parent, const char *kind, const char *name)
{
    const xmlNode *node = xml_first(parent);

    while (node != NULL &&
           !(xml_is(node, WSDL, kind) && span_is(xml_attr(node, NULL, "name"), name)))
        node = xml_next(node);
    return node;
}

static struct span local(struct span name)
{
    size_t at = span_find(name, SPAN(":"));

    return at == SIZE_MAX ? name : span_from(name, at + 1);
}

static const xmlNode *by_local(const xmlNode *root, const char *kind, struct span qname)
{
    char name[128];

    (void)snprintf(name, sizeof name, "%.*s", SPAN_FMT(local(qname)));
    return named(root, kind, name);
}

static size_t count(const xmlNode *parent, const char *kind)
{
    size_t n = 0;

    for (const xmlNode *node = xml_first(parent); node != NULL; node = xml_next(node))
        n += xml_is(node, WSDL, kind);
    return n;
}

static void has_action(const xmlNode *operation, const char *kind, const char *action)
{
    const xmlNode *node = xml_child(operation, WSDL, kind);

    assert_non_null(node);
    assert_true(span_is(xml_attr(node, WSAM, "Action"), action));
}

/* The faults of an operation are those that the tables declare, each with its action. */
static void has_faults(enum xta_version v, enum xta_operation op, const xmlNode *operation,
                       const xmlNode *bound)
{
    size_t declared = 0;

    for (int e = XTA_NO_EXCEPTION + 1; e < XTA_SOAP_SENDER; e++) {
        const char *name = xta_exception_name(v, (enum xta_exception)e);
        const xmlNode *fault;
        char action[256];
        const char *request = xta_request_action(v, op);

        if (name == NULL || !xta_exception_declared(v, op, (enum xta_exception)e))
            continue;
        declared++;
        /* so it is called there in version 3 */
        if (v == XTA_V3 && op == XTA_LOOKUP_SERVICE && e == XTA_PARAMETER_NOT_VALID)
            name = "ParameterIsNotValid";
        fault = named(operation, "fault", name);
        if (fault == NULL || named(bound, "fault", name) == NULL)
            fail_msg("%s lacks %s", xta_operation_name(v, op), name);
        if (v == XTA_V3)
            (void)snprintf(action, sizeof action, "%s", request);
        else
            (void)snprintf(action, sizeof action, "%.*s/%s", (int)(strrchr(request, '/') - request),
                           request, name);
        assert_true(span_is(xml_attr(fault, WSAM, "Action"), action));
    }
    assert_int_equal(count(operation, "fault"), declared);
    assert_int_equal(count(bound, "fault"), declared);
}

/* Every operation of the tables is on its port, with its actions and faults, and no other. */
static void operations(void **state)
{
    (void)state;
    for (enum xta_version v = XTA_V3; v < XTA_VERSION_COUNT; v++) {
        AUTO(xml_doc_drop) xmlDoc *doc = written(v, &all);
        const xmlNode *root = xml_root(doc);
        const xmlNode *service = xml_child(root, WSDL, "service");
        size_t known = 0, described = 0;

        for (const xmlNode *port = xml_first(service); port != NULL; port = xml_next(port)) {
            const xmlNode *binding = by_local(root, "binding", xml_attr(port, NULL, "binding"));
            const xmlNode *type = by_local(root, "portType", xml_attr(binding, NULL, "type"));
            struct span location = xml_attr(xml_child(port, SOAP12, "address"), NULL, "location");

            assert_int_equal(count(binding, "operation"), count(type, "operation"));
            described += count(type, "operation");
            for (int o = 0; o < XTA_OPERATION_COUNT; o++) {
                enum xta_operation op = (enum xta_operation)o;
                const xmlNode *operation, *bound;
                enum xta_port at;

                if (!xta_operation_port(v, op, &at) || !span_is(location, all.url[at]))
                    continue;
                known++;
                operation = named(type, "operation", xta_operation_name(v, op));
                bound = named(binding, "operation", xta_operation_name(v, op));
                assert_non_null(operation);
                assert_non_null(bound);
                assert_true(
                    span_is(xml_attr(xml_child(bound, SOAP12, "operation"), NULL, "soapAction"),
                            xta_request_action(v, op)));
                has_action(operation, "input", xta_request_action(v, op));
                has_action(operation, "output", xta_answer_action(v, op));
                has_faults(v, op, operation, bound);
            }
        }
        assert_int_equal(known, v == XTA_V3 ? 12 : 10);
        assert_int_equal(described, known);
    }
}

/* A port without an address is not named; the others are. */
static void addresses(void **state)
{
    struct xta_addresses some = {.url = {[XTA_PORT_BOX] = "https://h/box"}};

    (void)state;
    for (enum xta_version v = XTA_V3; v < XTA_VERSION_COUNT; v++) {
        AUTO(xml_doc_drop) xmlDoc *doc = written(v, &some);
        const xmlNode *service = xml_child(xml_root(doc), WSDL, "service");

        assert_int_equal(count(service, "port"), 1);
        assert_true(
            span_is(xml_attr(xml_child(xml_first(service), SOAP12, "address"), NULL, "location"),
                    "https://h/box"));
    }
}

/* text is XML, and whatever it imports is handed out; so is whatever that imports. */
static void follow(enum xta_version v, struct span text, int depth)
{
    struct span before = SPAN("schemaLocation=\"");
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};

    assert_true(depth < 8);
    assert_int_equal(xml_parse(text, &doc, &err), ST_OK);
    for (size_t at = span_find(text, before); at != SIZE_MAX; at = span_find(text, before)) {
        AUTO(buf_deinit) struct buf xsd = {0};
        struct span query = span_from(text, at + before.len);

        text = query;
        query = span_sub(query, 0, span_find(query, SPAN("\"")));
        assert_true(span_starts(query, SPAN("?xsd=")));
        buf_init(&xsd, 64 * 1024);
        assert_int_equal(xta_xsd_write(v, span_from(query, 5), &xsd, &err), ST_OK);
        follow(v, buf_span(&xsd), depth + 1);
    }
}

static void imports(void **state)
{
    (void)state;
    for (enum xta_version v = XTA_V3; v < XTA_VERSION_COUNT; v++) {
        AUTO(buf_deinit) struct buf out = {0};
        struct error err = {0};

        buf_init(&out, 64 * 1024);
        assert_int_equal(xta_wsdl_write(v, &all, &out, &err), ST_OK);
        follow(v, buf_span(&out), 0);
    }
}

/* What is asked for comes from outside. */
static void unknown(void **state)
{
    static const char *const names[] = {
        "", "xta.wsdl", "v3/xta.xsd", "../common/soap.xsd", "/etc/passwd", "xta.xsd\n", "XTA.XSD"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO(buf_deinit) struct buf out = {0};
        struct error err = {0};

        buf_init(&out, 64 * 1024);
        assert_int_equal(xta_xsd_write(XTA_V5, span_str(names[i]), &out, &err), ST_NOT_FOUND);
        assert_int_equal(out.len, 0);
    }
}

static void no_room(void **state)
{
    AUTO(buf_deinit) struct buf out = {0};
    struct error err = {0};

    (void)state;
    buf_init(&out, 1000);
    assert_int_equal(xta_wsdl_write(XTA_V3, &all, &out, &err), ST_LIMIT);
    assert_int_equal(xta_xsd_write(XTA_V3, SPAN("xta.xsd"), &out, &err), ST_LIMIT);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations), cmocka_unit_test(addresses), cmocka_unit_test(imports),
        cmocka_unit_test(unknown),    cmocka_unit_test(no_room),
    };

    return cmocka_run_group_tests_name("xta_wsdl", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}
