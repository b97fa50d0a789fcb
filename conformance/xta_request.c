#include <curl/curl.h>

#include "conformance/xta_wire.h"

#include <stdio.h>
#include <string.h>

#define SOAP12 "http://www.w3.org/2003/05/soap-envelope"
#define SOAP11 "http://schemas.xmlsoap.org/soap/envelope/"
#define WSA "http://www.w3.org/2005/08/addressing"

enum conf_xta_version conf_xta_version(const struct conf_run *run)
{
    return conf_role(run->role)->version_letter == '3' ? CONF_V3 : CONF_V5;
}

enum status conf_xta_port(const struct conf_run *run, enum conf_xta_version version,
                          const char *port, const char **url, struct error *err)
{
    const struct conf_settings *s = run->settings;
    char name[64];

    if (run->role == CONF_XTA_CLIENT_V3 || run->role == CONF_XTA_CLIENT_V5) {
        *url = s->urls[run->role]; /* we are the server */
        return ST_OK;
    }
    (void)snprintf(name, sizeof name, "%s.%s", version == CONF_V3 ? "v3" : "v5", port);
    for (size_t i = 0; i < s->port_count; i++)
        if (strcmp(s->ports[i].name, name) == 0) {
            *url = s->ports[i].value;
            return ST_OK;
        }
    return error_set(err, ST_NOT_FOUND, 0, "needs the URL of a port (--xta %s=URL)", name);
}

void conf_xta_uuid(struct conf_run *run, const char *prefix, char *out, size_t cap)
{
    uint8_t b[16] = {0};
    struct error err = {0};

    if (rng_bytes(run->rng, b, sizeof b, &err) != ST_OK)
        abort(); /* nothing can be asked without ids */
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)snprintf(out, cap,
                   "%s%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", prefix,
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                   b[13], b[14], b[15]);
}

enum status conf_xta_request_init(struct conf_xta_request *q, struct conf_run *run,
                                  enum conf_ask ask, const char *who, struct error *err)
{
    return conf_xta_request_of(q, run, conf_xta_version(run), ask, who, err);
}

enum status conf_xta_request_of(struct conf_xta_request *q, struct conf_run *run,
                                enum conf_xta_version version, enum conf_ask ask, const char *who,
                                struct error *err)
{
    const struct conf_xta_operation *operation = conf_xta_operation(version, ask);

    *q = (struct conf_xta_request){.run = run, .version = version, .ask = ask, .who = who};
    if (operation->name == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "this version has no such operation");
    q->operation = operation;
    q->action = operation->action;
    q->outer = operation->action;
    buf_init(&q->header, CONF_XTA_WIRE_MAX);
    buf_init(&q->body, CONF_XTA_WIRE_MAX);
    buf_init(&q->envelope, CONF_XTA_WIRE_MAX);
    buf_init(&q->wire, CONF_XTA_WIRE_MAX);
    conf_xta_uuid(run, "urn:uuid:", q->id, sizeof q->id);
    return ST_OK;
}

void conf_xta_request_deinit(struct conf_xta_request *q)
{
    buf_deinit(&q->header);
    buf_deinit(&q->body);
    buf_deinit(&q->envelope);
    buf_deinit(&q->wire);
}

void conf_xta_put_bytes(struct conf_xta_request *q, struct span bytes)
{
    struct conf_xta_part *part = &q->parts[q->part_count];

    if (q->plain) {
        buf_base64(&q->body, bytes, 0);
        return;
    }
    if (q->part_count == CONF_XTA_PARTS_MAX)
        abort(); /* no scenario has so many */
    (void)snprintf(part->id, sizeof part->id, "part%zu@conformance.invalid", q->part_count + 1);
    part->bytes = bytes;
    q->part_count++;
    buf_printf(&q->body,
               "<xop:Include xmlns:xop=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:%s\"/>",
               part->id);
}

enum status conf_xta_close(struct conf_xta_request *q, struct error *err)
{
    const char *url;
    struct buf *e = &q->envelope;

    TRY(conf_xta_port(q->run, q->version, q->operation->port, &url, err));
    buf_printf(e,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap=\"%s\" "
               "xmlns:wsa=\"" WSA "\"><soap:Header>",
               q->way.soap11 ? SOAP11 : SOAP12);
    if (q->action != NULL)
        buf_printf(e, "<wsa:Action>%s</wsa:Action>", q->action);
    buf_printf(e, "<wsa:MessageID>%s</wsa:MessageID><wsa:To>", q->id);
    buf_xml_text(e, span_str(url));
    buf_str(e, "</wsa:To>");
    buf_add(e, buf_span(&q->header));
    buf_str(e, "</soap:Header><soap:Body>");
    buf_add(e, buf_span(&q->body));
    buf_str(e, "</soap:Body></soap:Envelope>");
    TRY(buf_check(&q->header, err));
    TRY(buf_check(&q->body, err));
    return buf_check(e, err);
}

/* ` name="value"` behind a semicolon, unless value is NULL. */
static void parameter(char *out, size_t cap, const char *name, const char *value)
{
    size_t len = strlen(out);

    if (value != NULL)
        (void)snprintf(out + len, cap - len, "; %s=\"%s\"", name, value);
}

static void pack_plain(struct conf_xta_request *q)
{
    (void)snprintf(q->content_type, sizeof q->content_type, "%s; charset=utf-8",
                   q->way.soap11 ? "text/xml" : "application/soap+xml");
    if (!q->way.soap11)
        parameter(q->content_type, sizeof q->content_type, "action", q->outer);
    buf_add(&q->wire, buf_span(&q->envelope));
}

static void pack_mtom(struct conf_xta_request *q)
{
    char boundary[80], info[400] = "application/soap+xml", root[400] = "application/soap+xml";

    conf_xta_uuid(q->run, "uuid:", boundary, sizeof boundary);
    if (q->info != NULL)
        (void)snprintf(info, sizeof info, "application/soap+xml;action=\\\"%s\\\"", q->info);
    if (q->root != NULL)
        (void)snprintf(root, sizeof root, "application/soap+xml;action=\\\"%s\\\"", q->root);
    (void)snprintf(q->content_type, sizeof q->content_type,
                   "multipart/related; type=\"application/xop+xml\"; boundary=\"%s\"; "
                   "start=\"<root@conformance.invalid>\"; start-info=\"%s\"",
                   boundary, info);
    parameter(q->content_type, sizeof q->content_type, "action", q->outer);
    buf_printf(
        &q->wire,
        "--%s\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"%s\"\r\n"
        "Content-Transfer-Encoding: binary\r\nContent-ID: <root@conformance.invalid>\r\n\r\n",
        boundary, root);
    buf_add(&q->wire, buf_span(&q->envelope));
    for (size_t i = 0; i < q->part_count; i++) {
        buf_printf(&q->wire,
                   "\r\n--%s\r\nContent-Type: application/octet-stream\r\n"
                   "Content-Transfer-Encoding: binary\r\nContent-ID: <%s>\r\n\r\n",
                   boundary, q->parts[i].id);
        buf_add(&q->wire, q->parts[i].bytes);
    }
    buf_printf(&q->wire, "\r\n--%s--\r\n", boundary);
}

enum status conf_xta_pack(struct conf_xta_request *q, struct error *err)
{
    if (q->plain)
        pack_plain(q);
    else
        pack_mtom(q);
    return buf_check(&q->wire, err);
}

/* len bytes from at on give way to to. */
static enum status replace(struct buf *text, size_t at, size_t len, const char *to,
                           struct error *err)
{
    AUTO(buf_deinit) struct buf edited = {0};

    buf_init(&edited, text->max);
    buf_add(&edited, span_sub(buf_span(text), 0, at));
    buf_str(&edited, to);
    buf_add(&edited, span_from(buf_span(text), at + len));
    TRY(buf_check(&edited, err));
    buf_reset(text);
    buf_add(text, buf_span(&edited));
    return buf_check(text, err);
}

enum status conf_xta_edit(struct buf *text, const char *from, const char *to, struct error *err)
{
    size_t at = span_find(buf_span(text), span_str(from));

    if (at == SIZE_MAX)
        return error_set(err, ST_INTERNAL, 0, "the request has no \"%s\" to change", from);
    return replace(text, at, strlen(from), to, err);
}

enum status conf_xta_cut(struct buf *text, const char *from, const char *to, struct error *err)
{
    size_t at = span_find(buf_span(text), span_str(from));
    size_t end = at == SIZE_MAX ? at : span_find(span_from(buf_span(text), at), span_str(to));

    if (end == SIZE_MAX)
        return error_set(err, ST_INTERNAL, 0, "the request has no \"%s\" to take out", from);
    return replace(text, at, end + strlen(to), "", err);
}
