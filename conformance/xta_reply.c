#include <libxml/parser.h>
#include <libxml/xpath.h>

#include "conformance/xta_wire.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SOAP12 "http://www.w3.org/2003/05/soap-envelope"

void conf_xta_reply_deinit(struct conf_xta_reply *reply)
{
    buf_deinit(&reply->body);
    if (reply->doc != NULL)
        xmlFreeDoc(reply->doc);
    *reply = (struct conf_xta_reply){0};
}

/* ---- MIME ---- */

/* A parameter of a Content-Type, quoted or not; "" when it has none. */
static const char *parameter(const char *type, const char *name, char *out, size_t cap)
{
    size_t len = strlen(name), n = 0;

    out[0] = '\0';
    for (const char *p = strchr(type, ';'); p != NULL; p = strchr(p, ';')) {
        p += 1 + strspn(p + 1, " \t");
        if (strncasecmp(p, name, len) != 0 || p[len] != '=')
            continue;
        p += len + 1;
        if (*p == '"')
            for (p++; *p != '\0' && *p != '"' && n + 1 < cap; p++)
                out[n++] = *p;
        else
            for (; *p != '\0' && strchr("; \t\r\n", *p) == NULL && n + 1 < cap; p++)
                out[n++] = *p;
        out[n] = '\0';
        return out;
    }
    return out;
}

/* Content-ID of a part's head without brackets. */
static void id_read(struct span head, char *out, size_t cap)
{
    struct span line;

    out[0] = '\0';
    while (head.len > 0 && span_split(&head, '\n', &line)) {
        struct span value = span_trim(span_from(line, 11));

        if (line.len < 11 || !span_eq_nocase(span_sub(line, 0, 11), SPAN("Content-ID:")))
            continue;
        if (value.len >= 2 && value.ptr[0] == '<' && value.ptr[value.len - 1] == '>')
            value = span_sub(value, 1, value.len - 2);
        (void)snprintf(out, cap, "%.*s", SPAN_FMT(value));
    }
}

/* The parts between the boundaries; false when the bytes are no multipart. */
static bool split(struct conf_xta_reply *r, const char *boundary)
{
    char mark[300];
    struct span rest = buf_span(&r->body);
    int len = snprintf(mark, sizeof mark, "--%s", boundary);
    size_t at = span_find(rest, span_of(mark, (size_t)len));

    if (at == SIZE_MAX || boundary[0] == '\0')
        return false;
    rest = span_from(rest, at + (size_t)len);
    len = snprintf(mark, sizeof mark, "\r\n--%s", boundary);
    while (!span_starts(rest, SPAN("--"))) {
        size_t end = span_find(rest, span_of(mark, (size_t)len));
        size_t head = span_find(rest, SPAN("\r\n\r\n"));

        if (end == SIZE_MAX || head == SIZE_MAX || head > end ||
            r->part_count == CONF_XTA_PARTS_MAX)
            return false;
        id_read(span_sub(rest, 0, head), r->parts[r->part_count].id, sizeof r->parts[0].id);
        r->parts[r->part_count++].bytes = span_sub(rest, head + 4, end - head - 4);
        rest = span_from(rest, end + (size_t)len);
    }
    return r->part_count > 0;
}

static const struct conf_xta_part *part_find(const struct conf_xta_reply *r, const char *id)
{
    for (size_t i = 0; i < r->part_count; i++)
        if (strcmp(r->parts[i].id, id) == 0)
            return &r->parts[i];
    return NULL;
}

/* The bytes of the envelope: the part that start names, the first one, or the whole body. */
static struct span envelope_find(struct conf_xta_reply *r)
{
    char value[256], start[256];
    size_t len;
    const struct conf_xta_part *root;

    if (strncasecmp(r->content_type, "multipart/related", 17) != 0)
        return buf_span(&r->body);
    if (!split(r, parameter(r->content_type, "boundary", value, sizeof value)))
        return SPAN_NONE;
    r->mtom =
        strcmp(parameter(r->content_type, "type", value, sizeof value), "application/xop+xml") == 0;
    len = strlen(parameter(r->content_type, "start", start, sizeof start));
    if (len >= 2 && start[0] == '<') {
        start[len - 1] = '\0';
        memmove(start, start + 1, len - 1);
    }
    root = start[0] != '\0' ? part_find(r, start) : &r->parts[0];
    return root != NULL ? root->bytes : SPAN_NONE;
}

/* ---- looking ---- */

static xmlXPathObject *evaluate(const struct conf_xta_reply *r, xmlNode *context, const char *path)
{
    xmlXPathContext *xpath = r->doc == NULL ? NULL : xmlXPathNewContext(r->doc);
    xmlXPathObject *found;

    if (xpath == NULL)
        return NULL;
    xpath->node = context != NULL ? context : xmlDocGetRootElement(r->doc);
    found = xmlXPathEvalExpression((const xmlChar *)path, xpath);
    xmlXPathFreeContext(xpath);
    return found;
}

xmlNode *conf_xta_node(const struct conf_xta_reply *reply, xmlNode *context, const char *path)
{
    xmlXPathObject *found = evaluate(reply, context, path);
    xmlNode *node = found != NULL && found->nodesetval != NULL && found->nodesetval->nodeNr > 0
                        ? found->nodesetval->nodeTab[0]
                        : NULL;

    xmlXPathFreeObject(found);
    return node;
}

size_t conf_xta_count(const struct conf_xta_reply *reply, const char *path)
{
    xmlXPathObject *found = evaluate(reply, NULL, path);
    size_t count =
        found != NULL && found->nodesetval != NULL ? (size_t)found->nodesetval->nodeNr : 0;

    xmlXPathFreeObject(found);
    return count;
}

const char *conf_xta_text(const struct conf_xta_reply *reply, xmlNode *context, const char *path,
                          char *out, size_t cap)
{
    xmlNode *node = conf_xta_node(reply, context, path);
    xmlChar *text = node == NULL ? NULL : xmlNodeGetContent(node);

    (void)snprintf(out, cap, "%s", text != NULL ? (const char *)text : "");
    xmlFree(text);
    return out;
}

xmlNode *conf_xta_body(const struct conf_xta_reply *reply)
{
    return conf_xta_node(reply, NULL, "/" EL("Envelope") "/" EL("Body") "/*");
}

/* %40 and its like are taken off. */
static void url_decode(const char *from, char *out, size_t cap)
{
    size_t n = 0;

    while (*from != '\0' && n + 1 < cap) {
        unsigned byte;

        if (*from == '%' && isxdigit((unsigned char)from[1]) &&
            sscanf(from + 1, "%2x", &byte) == 1) {
            out[n++] = (char)byte;
            from += 3;
        } else {
            out[n++] = *from++;
        }
    }
    out[n] = '\0';
}

bool conf_xta_bytes(const struct conf_xta_reply *reply, xmlNode *node, struct buf *out)
{
    char href[512], id[256];
    const struct conf_xta_part *part;
    struct error err = {0};
    xmlChar *text;
    bool good;

    buf_init(out, CONF_XTA_WIRE_MAX);
    if (node == NULL)
        return false;
    if (conf_xta_node(reply, node, "*") != NULL) {
        (void)conf_xta_text(reply, node, EL("Include") "/@href", href, sizeof href);
        if (strncmp(href, "cid:", 4) != 0)
            return false;
        url_decode(href + 4, id, sizeof id);
        part = part_find(reply, id);
        if (part != NULL)
            buf_add(out, part->bytes);
        return part != NULL && !out->failed;
    }
    text = xmlNodeGetContent(node);
    good = buf_base64_decode(out, span_str((const char *)text), &err) == ST_OK;
    xmlFree(text);
    return good;
}

/* ---- what it is ---- */

static const char *local_part(const char *qname)
{
    const char *colon = strrchr(qname, ':');

    return colon != NULL ? colon + 1 : qname;
}

static void fault_read(struct conf_xta_reply *r)
{
    char text[256];
    xmlNode *detail = conf_xta_node(r, NULL, "//" EL("Fault") "/" EL("Detail") "/*");

    (void)conf_xta_text(r, NULL, "//" EL("Fault") "/" EL("Code") "//" EL("Value") "[last()]", text,
                        sizeof text);
    (void)conf_xta_text(r, NULL, "//" EL("Fault") "/" EL("Code") "/" EL("Subcode") "/" EL("Value"),
                        r->code, sizeof r->code);
    if (r->code[0] != '\0')
        (void)snprintf(text, sizeof text, "%s", r->code);
    (void)snprintf(r->code, sizeof r->code, "%.60s", local_part(text));
    if (detail == NULL || detail->ns == NULL ||
        strcmp((const char *)detail->ns->href, conf_xta_namespace(r->version)) != 0)
        return;
    (void)snprintf(r->exception, sizeof r->exception, "%.60s", (const char *)detail->name);
    (void)conf_xta_text(r, detail, "*/code", r->number, sizeof r->number);
}

void conf_xta_reply_read(struct conf_xta_reply *r)
{
    struct span xml = envelope_find(r);
    xmlNode *root;
    int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE;

    if (xml.len > 0 && xml.len < INT32_MAX)
        r->doc = xmlReadMemory((const char *)xml.ptr, (int)xml.len, NULL, NULL, options);
    root = r->doc == NULL ? NULL : xmlDocGetRootElement(r->doc);
    if (root != NULL && strcmp((const char *)root->name, "Envelope") == 0 && root->ns != NULL) {
        r->envelope = strcmp((const char *)root->ns->href, SOAP12) == 0;
        r->fault = conf_xta_node(r, NULL, EL("Body") "/" EL("Fault")) != NULL;
        (void)conf_xta_text(r, NULL, EL("Header") "/" EL("Action"), r->action, sizeof r->action);
        (void)conf_xta_text(r, NULL, EL("Header") "/" EL("RelatesTo"), r->relates,
                            sizeof r->relates);
    }
    if (r->fault)
        fault_read(r);
    if (r->status == 0)
        (void)snprintf(r->what, sizeof r->what, "no answer (%s)", r->why);
    else
        (void)snprintf(r->what, sizeof r->what, "HTTP %d%s%s%s%s%s", r->status,
                       r->fault         ? " fault "
                       : r->doc == NULL ? " without XML"
                       : r->envelope    ? " result"
                                        : " with something else",
                       r->code, r->exception[0] != '\0' ? " " : "", r->exception, "");
    if (r->number[0] != '\0') {
        size_t len = strlen(r->what);

        (void)snprintf(r->what + len, sizeof r->what - len, " %s", r->number);
    }
}

bool conf_xta_is_result(const struct conf_xta_reply *reply)
{
    return reply->status == 200 && reply->envelope && !reply->fault;
}

bool conf_xta_is_refusal(const struct conf_xta_reply *reply)
{
    return reply->status >= 400 && reply->status < 600 &&
           (reply->fault || reply->doc == NULL || !reply->envelope);
}

bool conf_xta_is_fault(const struct conf_xta_reply *reply, const char *short_name,
                       const char *number)
{
    const char *is = conf_xta_short(reply->version, reply->exception);

    return reply->fault && is != NULL && strcmp(is, short_name) == 0 &&
           (number == NULL || reply->version != CONF_V3 || strcmp(reply->number, number) == 0);
}
