#include "xta/wsdl.h"

#include "xta/schema.h"

static const char wsdl[] = "xta.wsdl";

static const struct service {
    const char *name, *prefix; /* of the namespace in which bindings are named */
    struct {
        const char *name, *binding; /* name NULL: not in this version */
    } ports[XTA_PORT_COUNT];
} services[XTA_VERSION_COUNT] = {
    [XTA_V3] =
        {
            .name = "XTAService",
            .prefix = "xta",
            .ports = {[XTA_PORT_BASE] = {"ManagementPort", "managementHttpsBinding"},
                      [XTA_PORT_SENDER] = {"SendXtaPort", "sendXTAHttpsBinding"},
                      [XTA_PORT_BOX] = {"MsgBoxPort", "msgBoxHttpsBinding"}},
        },
    [XTA_V5] =
        {
            .name = "XTACore",
            .prefix = "xta-core",
            .ports = {[XTA_PORT_BASE] = {"transport.base", "transport.baseHttpsBinding"},
                      [XTA_PORT_SENDER] = {"sender", "senderHttpsBinding"},
                      [XTA_PORT_BOX] = {"recipient", "recipientHttpsBinding"},
                      [XTA_PORT_READER] = {"reader", "readerHttpsBinding"}},
        },
};

/* text, with "?xsd=NAME" for each "../folder/NAME" of its imports. */
static void add_with_imports(struct buf *out, struct span text)
{
    struct span before = SPAN("schemaLocation=\"");

    for (size_t at = span_find(text, before); at != SIZE_MAX; at = span_find(text, before)) {
        struct span path;
        struct span name = SPAN_NONE;

        buf_add(out, span_sub(text, 0, at + before.len));
        text = span_from(text, at + before.len);
        path = span_sub(text, 0, span_find(text, SPAN("\"")));
        text = span_from(text, path.len);
        while (span_split(&path, '/', &name))
            ; /* the last is the name */
        buf_str(out, "?xsd=");
        buf_add(out, name);
    }
    buf_add(out, text);
}

static void add_service(struct buf *out, const struct service *service,
                        const struct xta_addresses *addresses)
{
    buf_printf(out, "\n  <service name=\"%s\">\n", service->name);
    for (int i = 0; i < XTA_PORT_COUNT; i++) {
        if (service->ports[i].name == NULL || addresses->url[i] == NULL)
            continue;
        buf_printf(out,
                   "    <port name=\"%s\" binding=\"%s:%s\">\n      <soap12:address location=\"",
                   service->ports[i].name, service->prefix, service->ports[i].binding);
        buf_xml_attr(out, span_str(addresses->url[i]));
        buf_str(out, "\"/>\n    </port>\n");
    }
    buf_str(out, "  </service>\n");
}

enum status xta_wsdl_write(enum xta_version version, const struct xta_addresses *addresses,
                           struct buf *out, struct error *err)
{
    struct span text = xta_schema_file(version, wsdl);
    size_t end = span_find(text, SPAN("</definitions>"));

    add_with_imports(out, span_sub(text, 0, end));
    add_service(out, &services[version], addresses);
    buf_add(out, span_from(text, end));
    return buf_check(out, err);
}

enum status xta_xsd_write(enum xta_version version, struct span name, struct buf *out,
                          struct error *err)
{
    const char *known;

    for (size_t i = 0; (known = xta_schema_name(version, i)) != NULL; i++)
        if (span_is(name, known) && span_ends(name, SPAN(".xsd"))) {
            add_with_imports(out, xta_schema_file(version, known));
            return buf_check(out, err);
        }
    return error_set(err, ST_NOT_FOUND, 0, "there is no schema of that name");
}
