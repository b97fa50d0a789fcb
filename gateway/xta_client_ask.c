#include "gateway/xta_client.h"

#include <stdio.h>

#include "gateway/reason.h"
#include "gateway/xta_parcel.h"

enum { ANSWER_MEMORY = 1024 * 1024, ROOM = 1024 * 1024, SLOWEST_BYTES_PER_MS = 16 };

void gw_xta_exchange_deinit(struct gw_xta_exchange *x)
{
    gw_http_waited_deinit(&x->wire);
}

enum xta_version gw_xta_version(const struct gw_xta_peer *peer)
{
    return peer->conf->version == GW_XTA_VERSION_3 ? XTA_V3 : XTA_V5;
}

static const char *url_of(const struct gw_xta_peer *peer, enum xta_port port)
{
    const struct gw_xta_urls_conf *urls = &peer->conf->urls;

    if (gw_xta_version(peer) == XTA_V3)
        return port == XTA_PORT_BASE     ? urls->management
               : port == XTA_PORT_SENDER ? urls->send
                                         : urls->msgbox;
    return port == XTA_PORT_BASE     ? urls->base
           : port == XTA_PORT_SENDER ? urls->sender
                                     : urls->recipient;
}

/* ---- the answer ---- */

/* What a refusal means for us: XTA-131. */
static const struct verdict {
    enum xta_exception exception;
    enum status status;
    int reason;
} verdicts[] = {
    {XTA_PERMISSION_DENIED, ST_DENIED, GW_R_XTA_DENIED},
    {XTA_PARAMETER_NOT_VALID, ST_DENIED, GW_R_XTA_PARAMETER},
    {XTA_TECHNICAL_PROBLEM, ST_RETRY, GW_R_XTA_TECHNICAL},
    {XTA_SCHEMA_VIOLATION, ST_DENIED, GW_R_XTA_SCHEMA},
    {XTA_VIRUS_DETECTION, ST_DENIED, GW_R_XTA_VIRUS},
    {XTA_INVALID_MESSAGE_ID, ST_NOT_FOUND, GW_R_XTA_UNKNOWN_ID},
    {XTA_SYNC_ASYNC, ST_DENIED, GW_R_XTA_SYNC},
    {XTA_NOT_IMPLEMENTED, ST_DENIED, GW_R_XTA_UNSUPPORTED},
    {XTA_PARAMETER_UNSUPPORTED, ST_DENIED, GW_R_XTA_UNSUPPORTED},
    {XTA_UNSUPPORTED_EXTENSION, ST_DENIED, GW_R_XTA_UNSUPPORTED},
    {XTA_EXTERNAL_UNAVAILABLE, ST_RETRY, GW_R_XTA_TECHNICAL},
    {XTA_CANCEL_DENIED, ST_DENIED, GW_R_XTA_TOO_LATE},
};

/* What the number says more precisely than its exception; the verdict stays the exception's. */
static const struct {
    int number, reason;
} numbers[] = {
    {XTA_N_CERTIFICATE_EXPIRED, GW_R_XTA_CERTIFICATE},
    {XTA_N_ACCOUNT_LOCKED, GW_R_XTA_ACCOUNT},
    {XTA_N_NO_ACCOUNT, GW_R_XTA_ACCOUNT},
    {XTA_N_NOT_BOOKED, GW_R_XTA_ACCOUNT},
    {XTA_N_TOO_LARGE, GW_R_XTA_TOO_LARGE},
    {XTA_N_DIRECTORY, GW_R_XTA_DIRECTORY},
    {XTA_N_DELIVERY, GW_R_XTA_DELIVERY},
};

int gw_xta_reason(const struct xta_fault *f, enum status *status)
{
    int reason = GW_R_XTA_FAULT;

    *status = ST_RETRY; /* SOAP's own say nothing of XTA: it may pass */
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
        if (verdicts[i].exception == f->exception) {
            *status = verdicts[i].status;
            reason = verdicts[i].reason;
        }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (numbers[i].number == f->number && xta_exception_of(f->number) == f->exception)
            reason = numbers[i].reason;
    return reason;
}

static enum status fault_error(const struct gw_xta_exchange *x, struct error *err)
{
    const struct xta_fault *f = &x->fault;
    const char *name = xta_exception_name(x->request.version, f->exception);
    size_t len = f->detail.len - span_ends(f->detail, SPAN(".")); /* a part of our sentence */
    int shown = len > 200 ? 200 : (int)len;
    enum status status;
    int reason = gw_xta_reason(f, &status);

    return error_set(err, status, reason, "%s: %s %d%s%.*s",
                     xta_operation_name(x->request.version, x->request.operation),
                     name != NULL ? name : "SOAP fault", f->number, shown > 0 ? ", " : "", shown,
                     shown > 0 ? (const char *)f->detail.ptr : "");
}

/* Is there something of XTA in it, whatever the status says? (XTA-132) */
static bool may_be_xta(const struct gw_http_waited *wire)
{
    struct span type = span_str(wire->content_type);

    return wire->status == 200 ||
           (wire->status >= 400 && (span_starts(type, SPAN("multipart/related")) ||
                                    span_starts(type, SPAN("application/soap+xml")) ||
                                    span_starts(type, SPAN("Multipart/Related"))));
}

static struct xta_limits limits_of(const struct gw_xta_server_talk *talk)
{
    struct xta_limits limits = xta_limits_default();

    limits.content_bytes = (uint64_t)talk->rt->conf->limits.message_max_mb << 20;
    return limits;
}

static enum status answer_read(const struct gw_xta_server_talk *talk, struct gw_xta_exchange *x,
                               enum xta_port port, struct error *err)
{
    struct xta_reading reading = {.version = x->request.version,
                                  .port = port,
                                  .lenient = true,
                                  .limits = limits_of(talk),
                                  .intake = x->intake};
    enum status st;

    if (!may_be_xta(&x->wire))
        return error_set(err, ST_RETRY, gw_reason_http(x->wire.status),
                         "%.*s answered with HTTP status %d", SPAN_FMT(x->request.to),
                         x->wire.status);
    st = xta_answer_read(&reading, &x->request, gw_body_source(x->wire.body),
                         span_str(x->wire.content_type), x->arena, &x->answer, &x->fault, err);
    if (st == ST_DENIED) {
        x->refused = true;
        return fault_error(x, err);
    }
    if (st == ST_INVALID || st == ST_LIMIT) { /* anybody may have sent it */
        if (x->wire.status != 200)
            return error_set(err, ST_RETRY, gw_reason_http(x->wire.status),
                             "%.*s answered with HTTP status %d", SPAN_FMT(x->request.to),
                             x->wire.status);
        err->reason = GW_R_NET_ANSWER;
        return err->status = ST_RETRY;
    }
    return st;
}

/* ---- both ---- */

static enum status request_complete(const struct gw_xta_server_talk *talk,
                                    struct gw_xta_exchange *x, enum xta_port *port,
                                    struct error *err)
{
    char id[GW_ID_SIZE];
    const char *url;

    x->request.version = gw_xta_version(talk->peer);
    if (!xta_operation_port(x->request.version, x->request.operation, port))
        return error_set(err, ST_INTERNAL, GW_R_INTERNAL, "no such operation in this version");
    url = url_of(talk->peer, *port);
    if (url == NULL)
        return error_set(err, ST_DENIED, GW_R_CONFIG_MISSING, "no URL for that port is set");
    x->request.to = span_str(url);
    TRY(gw_uuid_make(talk->rt->rng, gw_now_ms(), id, err));
    (void)snprintf(x->soap_id, sizeof x->soap_id, "urn:uuid:%s", id);
    x->request.soap_id = span_str(x->soap_id);
    return ST_OK;
}

/* The answer may be so large, contents in Base64 included, and all of it take so long. */
static void bounds_set(const struct gw_xta_server_talk *talk, const struct gw_xta_exchange *x,
                       struct gw_http_call *call)
{
    const struct xta_limits limits = limits_of(talk);
    const struct gw_xta_peer_conf *conf = talk->peer->conf;

    call->answer_max = limits.root_bytes + ROOM;
    if (x->intake != NULL)
        call->answer_max += limits.content_bytes + limits.content_bytes / 2;
    call->answer_memory_max = ANSWER_MEMORY;
    call->connect_ms = conf->connect_seconds * 1000;
    call->stall_ms = conf->timeout_seconds * 1000;
    call->total_ms = call->connect_ms + 2 * call->stall_ms +
                     (int64_t)((call->body.len + call->answer_max) / SLOWEST_BYTES_PER_MS);
}

enum status gw_xta_ask(const struct gw_xta_server_talk *talk, struct gw_xta_exchange *x,
                       struct error *err)
{
    struct xta_parcel parcel = {0};
    struct gw_xta_parcel sending = {0};
    struct gw_http_field type = {.name = SPAN("Content-Type")};
    struct gw_http_call call = {
        .fields = &type,
        .field_count = 1,
        .tls = gw_tls_client_at(&talk->peer->tls, &talk->peer->next_tls, gw_now_ms())};
    enum xta_port port;
    enum status st;

    TRY(request_complete(talk, x, &port, err));
    TRY(xta_request_write(&x->request, talk->rt->rng, x->arena, &parcel, err));
    call.url = (const char *)x->request.to.ptr;
    type.value = span_str(parcel.content_type);
    call.body = gw_xta_parcel_pull(&sending, &parcel, NULL, NULL);
    bounds_set(talk, x, &call);
    st = gw_http_wait(talk->rt, &call, &x->wire, err);
    x->maybe_received = x->wire.maybe_received;
    TRY(st);
    return answer_read(talk, x, port, err);
}
