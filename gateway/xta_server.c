#include "gateway/xta_server.h"

#include "gateway/doors.h"
#include "gateway/xta_visit.h"
#include "xta/wsdl.h"

enum { DESCRIPTION_MAX = 1024 * 1024, URL_MAX = 8 * 1024, MTOM_BYTES = 1024 * 1024 };

/* One listener, and where its ports are. */
struct gw_xta_door {
    struct gw_xta_server *server;
    const struct gw_xta_listener_conf *conf;
    const struct gw_xta_paths_conf *paths;
};

static const char *path_of(const struct gw_xta_paths_conf *p, enum xta_version version,
                           enum xta_port port)
{
    const char *const paths[XTA_VERSION_COUNT][XTA_PORT_COUNT] = {
        [XTA_V3] = {[XTA_PORT_BASE] = p->v3.management,
                    [XTA_PORT_SENDER] = p->v3.send,
                    [XTA_PORT_BOX] = p->v3.msgbox},
        [XTA_V5] = {[XTA_PORT_BASE] = p->v5.base,
                    [XTA_PORT_SENDER] = p->v5.sender,
                    [XTA_PORT_BOX] = p->v5.recipient,
                    [XTA_PORT_READER] = p->v5.reader}};

    return paths[version][port];
}

static bool port_find(const struct gw_xta_door *door, struct span path, enum xta_version *version,
                      enum xta_port *port)
{
    for (enum xta_version v = 0; v < XTA_VERSION_COUNT; v++)
        for (enum xta_port p = 0; p < XTA_PORT_COUNT; p++) {
            const char *at = path_of(door->paths, v, p);

            if (at == NULL || !span_is(path, at))
                continue;
            *version = v;
            *port = p;
            return true;
        }
    return false;
}

/* ---- WSDL and schemas ---- */

/* As programs reach us: by the settings, or as this one did. */
static void base_url(const struct gw_xta_door *door, const struct gw_http_head *head,
                     struct buf *url)
{
    struct span host = gw_http_head_field(head, "Host");

    if (door->server->conf->url != NULL)
        buf_str(url, door->server->conf->url);
    else
        buf_printf(url, "https://%.*s", SPAN_FMT(host));
    while (url->len > 0 && url->ptr[url->len - 1] == '/')
        url->len--;
}

static enum status wsdl_write(const struct gw_xta_door *door, const struct gw_http_head *head,
                              enum xta_version version, struct buf *out, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = 2 * XTA_PORT_COUNT * URL_MAX};
    struct xta_addresses addresses = {0};

    for (enum xta_port port = 0; port < XTA_PORT_COUNT; port++) {
        const char *path = path_of(door->paths, version, port);
        AUTO(buf_deinit) struct buf url = {0};

        if (path == NULL)
            continue;
        buf_init(&url, URL_MAX);
        base_url(door, head, &url);
        buf_str(&url, path);
        TRY(buf_check(&url, err));
        addresses.url[port] = arena_str(&arena, buf_span(&url));
        TRY_ALLOC(addresses.url[port], err);
    }
    return xta_wsdl_write(version, &addresses, out, err);
}

/* ?wsdl, in whatever case, or ?xsd=NAME */
static enum status description_write(const struct gw_xta_door *door,
                                     const struct gw_http_head *head, enum xta_version version,
                                     struct buf *out, struct error *err)
{
    AUTO(buf_deinit) struct buf name = {0};

    buf_init(&name, 256);
    if (span_eq_nocase(head->query, SPAN("wsdl")))
        return wsdl_write(door, head, version, out, err);
    TRY(gw_http_query(head, "xsd", &name, err));
    return xta_xsd_write(version, buf_span(&name), out, err);
}

static void description_answer(const struct gw_xta_door *door, struct gw_http_request *req,
                               enum xta_version version)
{
    AUTO(buf_deinit) struct buf out = {0};
    struct gw_http_reply reply = {.status = 200, .content_type = "text/xml; charset=utf-8"};
    struct error err = {0};

    if (gw_http_request_head(req)->query.len == 0) {
        gw_http_answer_method(req, "POST");
        return;
    }
    buf_init(&out, DESCRIPTION_MAX);
    if (description_write(door, gw_http_request_head(req), version, &out, &err) != ST_OK) {
        gw_http_answer_text(req, 404, NULL);
        return;
    }
    reply.bytes = buf_span(&out);
    gw_http_answer(req, &reply);
}

/* ---- requests ---- */

static void on_request(void *ctx, struct gw_http_request *req)
{
    const struct gw_xta_door *door = ctx;
    const struct gw_http_head *head = gw_http_request_head(req);
    enum xta_version version;
    enum xta_port port;

    if (!port_find(door, head->path, &version, &port))
        gw_http_answer_text(req, 404, NULL);
    else if (head->method == GW_HTTP_GET || head->method == GW_HTTP_HEAD)
        description_answer(door, req, version);
    else if (head->method != GW_HTTP_POST)
        gw_http_answer_method(req, "GET, POST");
    else
        gw_xta_visit_begin(door->server, version, port, req);
}

static void on_complete(void *ctx, struct gw_http_request *req)
{
    (void)ctx;
    gw_xta_visit_go(gw_http_request_user(req));
}

static void on_gone(void *ctx, struct gw_http_request *req)
{
    (void)ctx;
    gw_xta_visit_left(gw_http_request_user(req));
}

/* ---- up and down ---- */

static void limits_fill(struct gw_xta_server *s)
{
    s->limits = xta_limits_default();
    s->limits.content_bytes = (uint64_t)s->conf->message_max_mb << 20;
    s->limits.contents = (size_t)s->conf->attachments_max + 1;
    s->limits.items = (size_t)s->conf->list_max;
    /* all of it inline, in lines of base64 */
    s->body_max = s->limits.content_bytes / 5 * 7 + s->limits.root_bytes + MTOM_BYTES;
}

static enum status doors_open(struct gw_xta_server *s, struct error *err)
{
    AUTO(free_drop)
    struct gw_door_conf *list = gw_alloc((s->conf->listeners_count + 1) * sizeof *list);
    const struct gw_doors_conf doors = {
        .list = list,
        .count = s->conf->listeners_count,
        .body_bytes = s->body_max,
        .event = "xta.listening",
        .handler = {.on_request = on_request, .on_complete = on_complete, .on_gone = on_gone}};

    s->door_list = gw_alloc((s->conf->listeners_count + 1) * sizeof *s->door_list);
    for (unsigned i = 0; i < s->conf->listeners_count; i++) {
        const struct gw_xta_listener_conf *l = &s->conf->listeners[i];

        s->door_list[i] = (struct gw_xta_door){s, l, l->paths != NULL ? l->paths : &s->conf->paths};
        list[i] = (struct gw_door_conf){.address = l->address,
                                        .port = l->port,
                                        .tls = l->tls,
                                        .next_tls = l->next_tls,
                                        .next_tls_count = l->next_tls_count,
                                        .client = GW_TLS_ASK_REQUIRED,
                                        .client_ca_pem = gw_xta_accounts_ca(s->accounts, i),
                                        .ctx = &s->door_list[i]};
    }
    return gw_doors_new(s->rt, &doors, &s->doors, err);
}

enum status gw_xta_server_new(const struct gw_runtime *rt, struct gw_requests *requests,
                              void (*sent)(void *ctx), void *ctx, struct gw_xta_server **server,
                              struct error *err)
{
    AUTO(gw_xta_server_drop) struct gw_xta_server *s = gw_alloc(sizeof *s);

    s->rt = rt;
    s->conf = rt->conf->xta_server;
    s->sent = sent;
    s->sent_ctx = ctx;
    gw_refusals_init(&s->refusals);
    limits_fill(s);
    TRY(gw_xta_accounts_new(rt, &s->accounts, err));
    s->waits = gw_xta_waits_new(rt, requests);
    TRY(doors_open(s, err));
    *server = TAKE(s);
    return ST_OK;
}

void gw_xta_server_close(struct gw_xta_server *s, int64_t grace_ms)
{
    gw_xta_accounts_close(s->accounts);
    gw_xta_waits_close(s->waits);
    gw_doors_close(s->doors, grace_ms);
}

void gw_xta_server_free(struct gw_xta_server *s)
{
    if (s == NULL)
        return;
    gw_doors_free(s->doors);
    gw_xta_waits_free(s->waits);
    gw_xta_accounts_free(s->accounts);
    gw_refusals_deinit(&s->refusals);
    free(s->door_list);
    free(s);
}

uint16_t gw_xta_server_port(const struct gw_xta_server *s, size_t i)
{
    return gw_doors_port(s->doors, i);
}
