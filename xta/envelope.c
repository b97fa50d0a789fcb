/*
 * xta/envelope.c - SOAP 1.2 and WS-Addressing: header, operation, the body's child, faults
 */
#include "xta/read.h"

#include <stdarg.h>
#include <stdio.h>

enum status xta_refuse_with(struct xta_reader *rd, enum xta_exception exception, int number,
                            struct error *err)
{
    struct span text = arena_span(rd->arena, span_str(err->text));

    if (exception < XTA_SOAP_SENDER &&
        (!rd->known || !xta_exception_declared(rd->conf->version, rd->operation, exception))) {
        exception = XTA_SOAP_SENDER;
        number = 0;
    }
    *rd->fault = (struct xta_fault){.exception = exception, .number = number, .detail = text};
    err->reason = number;
    return err->status;
}

enum status xta_refuse(struct xta_reader *rd, enum status status, enum xta_exception exception,
                       int number, struct error *err, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)error_set(err, status, number, "%s", text);
    return xta_refuse_with(rd, exception, number, err);
}

static enum status sender(struct xta_reader *rd, struct error *err, const char *why)
{
    return xta_refuse(rd, ST_INVALID, XTA_SOAP_SENDER, 0, err, "%s", why);
}

/* ---- header blocks ---- */

static const struct known_block {
    const char *ns, *local; /* local NULL: all of that namespace */
} known_blocks[] = {
    {XTA_WSA_NS, NULL},
    {XTA_META_NS, "Author"},
    {XTA_META_NS, "MessageMetaData"},
    {XTA_OSCI_NS, "X509TokenContainer"},
    {XTA_OSCI_NS, "MsgBoxResponse"},
    {XTA_V5_NS, "Party"},
    {XTA_V5_NS, "MessageMetaData"},
    {XTA_V5_NS, "MessageBoxStatus"},
    {XTA_V5_NS, "MessageMetaDataReply"},
};

static bool is_known(const xmlNode *block)
{
    const char *ns = block->ns == NULL ? NULL : (const char *)block->ns->href;

    for (size_t i = 0; ns != NULL && i < ARRAY_LEN(known_blocks); i++)
        if (strcmp(ns, known_blocks[i].ns) == 0 &&
            (known_blocks[i].local == NULL ||
             strcmp((const char *)block->name, known_blocks[i].local) == 0))
            return true;
    return false;
}

/* Blocks for other nodes on the way are none of our business. */
static bool is_for_us(const xmlNode *block)
{
    struct span role = xml_attr(block, XTA_SOAP_NS, "role");

    return role.len == 0 || span_is(role, XTA_SOAP_NS "/role/next") ||
           span_is(role, XTA_SOAP_NS "/role/ultimateReceiver");
}

static enum status understand(struct xta_reader *rd, const xmlNode *header, struct error *err)
{
    for (const xmlNode *block = xml_first(header); block != NULL; block = xml_next(block))
        if (xta_in_boolean(xml_attr(block, XTA_SOAP_NS, "mustUnderstand")) == XTA_TRUE &&
            is_for_us(block) && !is_known(block))
            return xta_refuse(rd, ST_INVALID, XTA_SOAP_MUST_UNDERSTAND, 0, err,
                              "the header block %.100s must be understood and is not",
                              (const char *)block->name);
    return ST_OK;
}

/* One of WS-Addressing's, at most once. */
static enum status address(struct xta_reader *rd, const xmlNode *header, const char *local,
                           struct span *value, struct error *err)
{
    const xmlNode *node = xml_child(header, XTA_WSA_NS, local);

    if (xta_in_from(xml_next(node), XTA_WSA_NS, local) != NULL)
        return xta_refuse(rd, ST_INVALID, XTA_SOAP_SENDER, 0, err, "two header blocks wsa:%s",
                          local);
    *value = xta_in_token(&rd->in, node);
    if (value->len == 0)
        *value = SPAN_NONE;
    return ST_OK;
}

static enum status addresses_read(struct xta_reader *rd, const xmlNode *header, struct error *err)
{
    TRY(address(rd, header, "MessageID", &rd->soap_id, err));
    TRY(address(rd, header, "RelatesTo", &rd->relates_to, err));
    TRY(address(rd, header, "To", &rd->to, err));
    return address(rd, header, "Action", &rd->action, err);
}

/* ---- operation ---- */

static enum status operation_find(struct xta_reader *rd, struct error *err)
{
    enum xta_version version = rd->conf->version;
    struct span action = rd->action.ptr != NULL ? rd->action : rd->http_action;

    if (action.ptr == NULL)
        return xta_refuse(rd, ST_INVALID, XTA_SOAP_ACTION_UNKNOWN, 0, err,
                          "the request names no action");
    for (enum xta_operation o = 0; o < XTA_OPERATION_COUNT; o++) {
        const char *own = xta_request_action(version, o);
        enum xta_port port;

        if (own == NULL || !span_is(action, own))
            continue;
        if (!xta_operation_port(version, o, &port) || port != rd->conf->port)
            break;
        rd->operation = o;
        rd->known = true;
        return ST_OK;
    }
    return xta_refuse(rd, ST_INVALID, XTA_SOAP_ACTION_UNKNOWN, 0, err,
                      "the action %.*s is none of this port",
                      (int)(action.len < 200 ? action.len : 200), (const char *)action.ptr);
}

static enum status request_head(struct xta_reader *rd, struct error *err)
{
    struct span http;

    if (xta_package_action(&rd->package, rd->soap_action, &http, err) != ST_OK)
        return xta_refuse_with(rd, XTA_SOAP_ACTION_MISMATCH, 0, err);
    rd->http_action = http;
    if (rd->action.ptr != NULL && http.ptr != NULL && !span_eq(rd->action, http))
        return xta_refuse(rd, ST_INVALID, XTA_SOAP_ACTION_MISMATCH, 0, err,
                          "wsa:Action and the action of HTTP differ");
    return operation_find(rd, err);
}

enum status xta_head_read(struct xta_reader *rd, const xmlNode *root, struct error *err)
{
    const xmlNode *header = xml_child(root, XTA_SOAP_NS, "Header");

    if (rd->done)
        return ST_OK;
    rd->done = true;
    if (strcmp((const char *)root->name, "Envelope") != 0)
        return sender(rd, err, "the root element is no Envelope");
    if (!xml_is(root, XTA_SOAP_NS, "Envelope"))
        return xta_refuse(rd, ST_INVALID, XTA_SOAP_VERSION_MISMATCH, 0, err,
                          "the envelope is not one of SOAP 1.2");
    if (header != NULL && header != xml_first(root))
        return sender(rd, err, "the header is not the first in the envelope");
    TRY(addresses_read(rd, header, err));
    TRY(understand(rd, header, err));
    return rd->answer_to == NULL ? request_head(rd, err) : ST_OK;
}

/* ---- body ---- */

static bool holds_text(const xmlNode *node)
{
    for (const xmlNode *n = node->children; n != NULL; n = n->next)
        if ((n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) &&
            span_trim(span_str((const char *)n->content)).len > 0)
            return true;
    return false;
}

static enum status body_find(struct xta_reader *rd, const xmlNode *root, const xmlNode **body,
                             struct error *err)
{
    const xmlNode *node = xml_first(root);

    if (xml_is(node, XTA_SOAP_NS, "Header"))
        node = xml_next(node);
    if (!xml_is(node, XTA_SOAP_NS, "Body") || xml_next(node) != NULL)
        return sender(rd, err, "the envelope is not a header and a body");
    if (holds_text(root) || holds_text(node))
        return sender(rd, err, "text between the elements of the envelope");
    *body = node;
    return ST_OK;
}

enum status xta_body_read(struct xta_reader *rd, const xmlNode *root, const struct xta_name *wanted,
                          const xmlNode **child, struct error *err)
{
    const xmlNode *body = NULL, *only;

    TRY(body_find(rd, root, &body, err));
    only = xml_first(body);
    if (rd->answer_to != NULL && xml_is(only, XTA_SOAP_NS, "Fault"))
        return xta_fault_read(rd, body, err);
    if (xml_next(only) != NULL)
        return sender(rd, err, "the body holds more than one element");
    if (wanted->local == NULL && only != NULL)
        return sender(rd, err, "the body of this operation is empty, and it is not");
    if (wanted->local != NULL && !xml_is(only, wanted->ns, wanted->local))
        return xta_refuse(rd, ST_INVALID, XTA_SOAP_SENDER, 0, err,
                          "the body does not hold %s in the namespace of this version",
                          wanted->local);
    *child = only;
    return ST_OK;
}

/* ---- faults ---- */

static const struct {
    const char *ns, *local;
    enum xta_exception exception;
} fault_codes[] = {
    {XTA_SOAP_NS, "VersionMismatch", XTA_SOAP_VERSION_MISMATCH},
    {XTA_SOAP_NS, "MustUnderstand", XTA_SOAP_MUST_UNDERSTAND},
    {XTA_SOAP_NS, "Receiver", XTA_SOAP_RECEIVER},
    {XTA_WSA_NS, "ActionMismatch", XTA_SOAP_ACTION_MISMATCH},
    {XTA_WSA_NS, "InvalidAddressingHeader", XTA_SOAP_ACTION_MISMATCH},
    {XTA_WSA_NS, "ActionNotSupported", XTA_SOAP_ACTION_UNKNOWN},
};

/* The code of a Value, the last that we know counts: subcodes are more exact. */
static void code_take(struct xta_reader *rd, const xmlNode *value, enum xta_exception *exception)
{
    struct span text = xta_in_token(&rd->in, value), prefix = SPAN_NONE;
    struct span local = text;
    const xmlNs *ns;
    char *name;

    if (span_find(text, SPAN(":")) != SIZE_MAX && span_split(&local, ':', &prefix))
        name = arena_str(rd->arena, prefix);
    else
        name = NULL;
    if (value == NULL || local.ptr == NULL)
        return;
    ns = xmlSearchNs(value->doc, (xmlNode *)(uintptr_t)value, (const xmlChar *)name);
    for (size_t i = 0; ns != NULL && i < ARRAY_LEN(fault_codes); i++)
        if (span_is(local, fault_codes[i].local) &&
            strcmp((const char *)ns->href, fault_codes[i].ns) == 0)
            *exception = fault_codes[i].exception;
}

static bool exception_find(struct xta_reader *rd, const xmlNode *element, struct xta_fault *fault)
{
    for (enum xta_exception e = 0; e < XTA_EXCEPTION_COUNT; e++) {
        const char *name = xta_exception_name(rd->conf->version, e);

        if (name == NULL || !xml_is(element, rd->codec->ns, name))
            continue;
        fault->exception = e;
        fault->number = rd->codec->exception_read(&rd->in, element, &fault->detail);
        return true;
    }
    return false;
}

enum status xta_fault_read(struct xta_reader *rd, const xmlNode *body, struct error *err)
{
    const xmlNode *fault = xml_child(body, XTA_SOAP_NS, "Fault");
    const xmlNode *code = xml_child(fault, XTA_SOAP_NS, "Code");
    const xmlNode *detail = xml_first(xml_child(fault, XTA_SOAP_NS, "Detail"));
    struct xta_fault f = {.exception = XTA_SOAP_SENDER};
    struct span reason = xta_in_text(
        &rd->in, xml_child(xml_child(fault, XTA_SOAP_NS, "Reason"), XTA_SOAP_NS, "Text"));

    for (int depth = 0; code != NULL && depth < 4; depth++) {
        code_take(rd, xml_child(code, XTA_SOAP_NS, "Value"), &f.exception);
        code = xml_child(code, XTA_SOAP_NS, "Subcode");
    }
    while (detail != NULL && !exception_find(rd, detail, &f))
        detail = xml_next(detail);
    if (f.detail.len == 0)
        f.detail = reason;
    TRY(xta_in_check(&rd->in, err));
    *rd->fault = f;
    rd->is_fault = true;
    return error_set(err, ST_DENIED, f.number, "the server answers with %s%s%d",
                     xta_exception_name(rd->conf->version, f.exception) == NULL
                         ? "a SOAP fault"
                         : xta_exception_name(rd->conf->version, f.exception),
                     f.number == 0 ? " " : ", number ", f.number);
}
