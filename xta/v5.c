/*
 * xta/v5.c - the operations of version 5
 *
 * Source: XTA 2 digest 6, 8; V5 WSDL.
 */
#include "xta/v5.h"

#define XTA XTA_V5_NS
#define REASONS XTA_OSCI_NS "/MessageBox/reasons/"
#define ERROR_LIST "urn:xoev-de:kosit:codeliste:xta.core.fehlernummer"
#define ERROR_LIST_VERSION "1.0.0"

static const char *const reasons[] = {[XTA_NO_MATCH] = REASONS "NoMatch",
                                      [XTA_BAD_SEARCH] = REASONS "SearchArgsInvalid",
                                      [XTA_BAD_REQUEST_ID] = REASONS "RequestIdInvalid"};

static const struct xta_name requests[XTA_OPERATION_COUNT] = {
    [XTA_GET_TRANSPORT_REPORT] = {XTA, "XTAMessageID"},
    [XTA_LOOKUP_SERVICE] = {XTA, "LookupQuery"},
    [XTA_SEND_MESSAGE] = {XTA, "ContentContainer"},
    [XTA_SEND_MESSAGE_SYNC] = {XTA, "ContentContainer"},
    [XTA_GET_STATUS_LIST] = {XTA, "MessageSelector"},
    [XTA_GET_MESSAGE] = {XTA, "MessageFetch"},
    [XTA_CLOSE] = {XTA, "MessageFetch"},
    [XTA_DELIVER_MESSAGE] = {XTA, "ContentContainer"},
};

static const struct xta_name answers[XTA_OPERATION_COUNT] = {
    [XTA_GET_TRANSPORT_REPORT] = {XTA, "ReportResult"},
    [XTA_CREATE_MESSAGE_ID] = {XTA, "XTAMessageID"},
    [XTA_LOOKUP_SERVICE] = {XTA, "LookupStatus"},
    [XTA_SEND_MESSAGE_SYNC] = {XTA, "ContentContainerReply"},
    [XTA_GET_STATUS_LIST] = {XTA, "MessageStatusList"},
    [XTA_GET_MESSAGE] = {XTA, "ContentContainer"},
    [XTA_DELIVER_MESSAGE] = {XTA, "ContentContainerReply"},
};

/* ---- containers ---- */

static const xmlNode *container_of(const xmlNode *child)
{
    return xml_is(child, XTA, "ContentContainer") ? child
                                                  : xml_child(child, XTA, "ContentContainer");
}

static void container_read(struct xta_in *in, const xmlNode *child, struct xta_container *c)
{
    c->extensions = xta_in_fragment(in, xml_child(container_of(child), XTA, "Extensions"));
}

static void container_write(struct xta_out *out, const struct xta_container *c)
{
    xta_out_open(out, "xta:ContentContainer");
    xta_contents_write(out, XTA_V5, c);
    if (c->extensions.ptr != NULL)
        xta_v5_fragment_write(out, c->extensions);
    xta_out_close(out, "xta:ContentContainer");
}

static void reply_write(struct xta_out *out, const struct xta_answer *a)
{
    xta_out_open(out, "xta:ContentContainerReply");
    if (a->has_message)
        container_write(out, &a->container);
    xta_out_close(out, "xta:ContentContainerReply");
}

/* ---- lookupService ---- */

static void question_read(struct xta_in *in, const xmlNode *node, struct xta_question *q)
{
    xta_v5_party_read(in, xml_child(node, XTA, "Reader"), &q->reader);
    q->service = xta_in_token(in, xml_child(node, XTA, "Service"));
}

static void question_write(struct xta_out *out, const struct xta_question *q)
{
    xta_v5_party_write(out, "xta:Reader", &q->reader, false, false);
    if (q->service.len > 0)
        xta_out_text(out, "xta:Service", q->service);
}

static void questions_read(struct xta_in *in, const xmlNode *child, struct xta_request *r)
{
    size_t count = xta_in_count(in, child, XTA, "LookupService");
    const xmlNode *n = xml_first(child);

    r->questions = xta_in_array(in, sizeof *r->questions, count);
    r->question_count = r->questions == NULL ? 0 : count;
    for (size_t i = 0; i < r->question_count; i++) {
        n = xta_in_from(n, XTA, "LookupService");
        question_read(in, n, &r->questions[i]);
        n = xml_next(n);
    }
}

static void questions_write(struct xta_out *out, const struct xta_request *r)
{
    xta_out_open(out, "xta:LookupQuery");
    for (size_t i = 0; i < r->question_count; i++) {
        xta_out_open(out, "xta:LookupService");
        question_write(out, &r->questions[i]);
        xta_out_close(out, "xta:LookupService");
    }
    xta_out_close(out, "xta:LookupQuery");
}

static void services_read(struct xta_in *in, const xmlNode *child, struct xta_answer *a)
{
    size_t count = xta_in_count(in, child, XTA, "LookupServiceResult");
    const xmlNode *n = xml_first(child);

    a->services = xta_in_array(in, sizeof *a->services, count);
    a->service_count = a->services == NULL ? 0 : count;
    for (size_t i = 0; i < a->service_count; i++) {
        n = xta_in_from(n, XTA, "LookupServiceResult");
        question_read(in, n, &a->services[i].question);
        xta_service_read(in, XTA, n, &a->services[i]);
        n = xml_next(n);
    }
}

static void services_write(struct xta_out *out, const struct xta_answer *a)
{
    xta_out_open(out, "xta:LookupStatus");
    for (size_t i = 0; i < a->service_count; i++) {
        xta_out_open(out, "xta:LookupServiceResult");
        question_write(out, &a->services[i].question);
        xta_service_write(out, &a->services[i]);
        xta_out_close(out, "xta:LookupServiceResult");
    }
    xta_out_close(out, "xta:LookupStatus");
}

/* ---- message box ---- */

static void selection_read(struct xta_in *in, const xmlNode *child, struct xta_selection *s)
{
    const xmlNode *other = xml_child(child, XTA, "OtherCriteria");

    s->ids = xta_in_tokens(in, xml_child(child, XTA, "XTAMessageIDs"), XTA, "XTAMessageID",
                           &s->id_count);
    s->new_entry = xta_in_boolean(xta_in_token(in, xml_child(other, XTA, "NewEntry")));
    s->max_items = xta_in_number(in, xml_child(other, XTA, "MaxMessages"));
    s->from = xta_in_time(in, xml_child(other, XTA, "MessageBoxEntryTimeFrom"));
    s->to = xta_in_time(in, xml_child(other, XTA, "MessageBoxEntryTimeTo"));
    s->extended = xml_child(other, XTA, "Extensions") != NULL;
}

static void selection_write(struct xta_out *out, const struct xta_selection *s)
{
    xta_out_open(out, "xta:MessageSelector");
    if (s->id_count > 0) {
        xta_out_open(out, "xta:XTAMessageIDs");
        for (size_t i = 0; i < s->id_count; i++)
            xta_out_text_id(out, "xta:XTAMessageID", s->ids[i]);
        xta_out_close(out, "xta:XTAMessageIDs");
    } else {
        xta_out_open(out, "xta:OtherCriteria");
        if (s->new_entry != XTA_UNSET)
            xta_out_text(out, "xta:NewEntry",
                         span_str(s->new_entry == XTA_TRUE ? "true" : "false"));
        if (s->max_items > 0)
            xta_out_number(out, "xta:MaxMessages", s->max_items);
        xta_out_text(out, "xta:MessageBoxEntryTimeFrom", s->from);
        xta_out_text(out, "xta:MessageBoxEntryTimeTo", s->to);
        xta_out_close(out, "xta:OtherCriteria");
    }
    xta_out_close(out, "xta:MessageSelector");
}

/* MessageFetch, for getMessage and close. */
static void fetch_read(struct xta_in *in, const xmlNode *child, struct xta_request *r)
{
    struct xta_selection *s = &r->selection;
    bool close = r->operation == XTA_CLOSE;
    struct span **list = close ? &s->received : &s->ids;
    size_t *count = close ? &s->received_count : &s->id_count;

    *list = xta_in_tokens(in, child, XTA, "XTAMessageID", count);
    r->message_id = *count > 0 ? (*list)[0] : SPAN_NONE;
    s->extended = xml_child(child, XTA, "Extensions") != NULL;
}

static void fetch_write(struct xta_out *out, const struct xta_request *r)
{
    const struct xta_selection *s = &r->selection;
    struct span id = r->message_id;

    if (id.ptr == NULL && r->operation == XTA_CLOSE && s->received_count > 0)
        id = s->received[0];
    if (id.ptr == NULL && r->operation == XTA_GET_MESSAGE && s->id_count > 0)
        id = s->ids[0];
    xta_out_open(out, "xta:MessageFetch");
    xta_out_text_id(out, "xta:XTAMessageID", id);
    xta_out_close(out, "xta:MessageFetch");
}

static void box_read(struct xta_in *in, const xmlNode *header, struct xta_answer *a)
{
    const xmlNode *box = xml_child(header, XTA, "MessageBoxStatus");
    const xmlNode *left = xml_child(box, XTA, "MessagesRemaining");
    const xmlNode *none = xml_child(left, XTA, "NoMessageAvailable");
    struct span reason = xta_in_token(in, none);

    a->has_box = box != NULL;
    a->box.none = none != NULL;
    for (enum xta_none_reason why = 0; why < XTA_NONE_REASON_COUNT; why++)
        if (span_is(reason, reasons[why]))
            a->box.why = why;
    a->box.pending = xta_in_number(in, xml_child(left, XTA, "MessagesPending"));
}

static void box_write(struct xta_out *out, const struct xta_box_state *box)
{
    xta_out_open(out, "xta:MessageBoxStatus");
    xta_out_open(out, "xta:MessagesRemaining");
    if (box->none)
        xta_out_text(out, "xta:NoMessageAvailable", span_str(reasons[box->why]));
    else
        xta_out_number(out, "xta:MessagesPending", box->pending);
    xta_out_close(out, "xta:MessagesRemaining");
    xta_out_close(out, "xta:MessageBoxStatus");
}

static void list_read(struct xta_in *in, const xmlNode *child, struct xta_answer *a)
{
    size_t count = xta_in_count(in, child, XTA, "MessageMetaData");
    const xmlNode *n = xml_first(child);

    a->list = xta_in_array(in, sizeof *a->list, count);
    a->list_count = a->list == NULL ? 0 : count;
    for (size_t i = 0; i < a->list_count; i++) {
        n = xta_in_from(n, XTA, "MessageMetaData");
        xta_v5_metadata_read(in, n, &a->list[i]);
        n = xml_next(n);
    }
}

static void list_write(struct xta_out *out, const struct xta_answer *a)
{
    xta_out_open(out, "xta:MessageStatusList");
    for (size_t i = 0; i < a->list_count; i++)
        xta_v5_metadata_write(out, &a->list[i]);
    xta_out_close(out, "xta:MessageStatusList");
}

/* ---- reports ---- */

static void report_read(struct xta_in *in, const xmlNode *child, struct xta_report *report)
{
    const xmlNode *node = xml_child(child, XTA, "TransportReport");

    xta_status_read(in, XTA, node, report);
    xta_v5_metadata_read(in, xml_child(node, XTA, "MessageMetaData"), &report->metadata);
}

static void report_write(struct xta_out *out, const struct xta_report *report)
{
    xta_out_open(out, "xta:ReportResult");
    xta_out_begin(out, "xta:TransportReport");
    xta_out_id(out);
    xta_out_more(out);
    xta_status_write(out, XTA_V5, report);
    xta_v5_metadata_write(out, &report->metadata);
    xta_extras_write(out, report);
    xta_out_close(out, "xta:TransportReport");
    xta_out_close(out, "xta:ReportResult");
}

/* ---- requests ---- */

static void request_read(struct xta_in *in, const xmlNode *header, const xmlNode *child,
                         struct xta_request *r)
{
    const xmlNode *party = xml_child(header, XTA, "Party");

    r->has_party = party != NULL;
    if (r->has_party)
        xta_v5_party_read(in, party, &r->party);
    switch (r->operation) {
    case XTA_LOOKUP_SERVICE:
        questions_read(in, child, r);
        break;
    case XTA_GET_TRANSPORT_REPORT:
        r->message_id = xta_in_token(in, child);
        break;
    case XTA_SEND_MESSAGE:
    case XTA_SEND_MESSAGE_SYNC:
    case XTA_DELIVER_MESSAGE:
        xta_v5_metadata_read(in, xml_child(header, XTA, "MessageMetaData"), &r->metadata);
        break;
    case XTA_GET_STATUS_LIST:
        selection_read(in, child, &r->selection);
        break;
    case XTA_GET_MESSAGE:
    case XTA_CLOSE:
        fetch_read(in, child, r);
        break;
    default:
        break; /* an empty body */
    }
}

static void header_request_write(struct xta_out *out, const struct xta_request *r)
{
    if (xta_carries_message(r->operation))
        xta_v5_metadata_write(out, &r->metadata);
    if (r->has_party)
        xta_v5_party_write(out, "xta:Party", &r->party, false, false);
    else if (xta_carries_message(r->operation))
        xta_v5_party_write(out, "xta:Party", &r->metadata.author, false, false);
}

static void body_request_write(struct xta_out *out, const struct xta_request *r)
{
    switch (r->operation) {
    case XTA_LOOKUP_SERVICE:
        questions_write(out, r);
        break;
    case XTA_GET_TRANSPORT_REPORT:
        xta_out_text_id(out, "xta:XTAMessageID", r->message_id);
        break;
    case XTA_SEND_MESSAGE:
    case XTA_SEND_MESSAGE_SYNC:
    case XTA_DELIVER_MESSAGE:
        container_write(out, &r->container);
        break;
    case XTA_GET_STATUS_LIST:
        selection_write(out, &r->selection);
        break;
    case XTA_GET_MESSAGE:
    case XTA_CLOSE:
        fetch_write(out, r);
        break;
    default:
        break;
    }
}

/* ---- answers ---- */

static void answer_read(struct xta_in *in, const xmlNode *header, const xmlNode *child,
                        struct xta_answer *a)
{
    const xmlNode *metadata = xml_child(header, XTA, "MessageMetaData");

    box_read(in, header, a);
    switch (a->operation) {
    case XTA_CREATE_MESSAGE_ID:
        a->message_id = xta_in_token(in, child);
        break;
    case XTA_LOOKUP_SERVICE:
        services_read(in, child, a);
        break;
    case XTA_GET_TRANSPORT_REPORT:
        report_read(in, child, &a->report);
        break;
    case XTA_GET_STATUS_LIST:
        list_read(in, child, a);
        break;
    case XTA_SEND_MESSAGE_SYNC:
    case XTA_DELIVER_MESSAGE:
        metadata =
            xml_child(xml_child(header, XTA, "MessageMetaDataReply"), XTA, "MessageMetaData");
        xta_v5_metadata_read(in, metadata, &a->metadata);
        break;
    case XTA_GET_MESSAGE:
        xta_v5_metadata_read(in, metadata, &a->metadata);
        break;
    default:
        break;
    }
}

static void header_answer_write(struct xta_out *out, const struct xta_answer *a)
{
    if (a->has_box)
        box_write(out, &a->box);
    if (a->operation == XTA_SEND_MESSAGE_SYNC || a->operation == XTA_DELIVER_MESSAGE) {
        xta_out_open(out, "xta:MessageMetaDataReply");
        if (a->has_message)
            xta_v5_metadata_write(out, &a->metadata);
        xta_out_close(out, "xta:MessageMetaDataReply");
    } else if (a->has_message) {
        xta_v5_metadata_write(out, &a->metadata);
    }
}

static void body_answer_write(struct xta_out *out, const struct xta_answer *a)
{
    switch (a->operation) {
    case XTA_CREATE_MESSAGE_ID:
        xta_out_text_id(out, "xta:XTAMessageID", a->message_id);
        break;
    case XTA_LOOKUP_SERVICE:
        services_write(out, a);
        break;
    case XTA_GET_TRANSPORT_REPORT:
        report_write(out, &a->report);
        break;
    case XTA_GET_STATUS_LIST:
        list_write(out, a);
        break;
    case XTA_GET_MESSAGE:
        container_write(out, &a->container);
        break;
    case XTA_SEND_MESSAGE_SYNC:
    case XTA_DELIVER_MESSAGE:
        reply_write(out, a);
        break;
    default:
        break;
    }
}

/* ---- faults ---- */

static void exception_write(struct xta_out *out, const char *name, const struct xta_fault *fault)
{
    buf_printf(out->xml,
               "<xta:%s><xta:ErrorCode listURI=\"" ERROR_LIST
               "\" listVersionID=\"" ERROR_LIST_VERSION "\">",
               name);
    xta_out_number(out, "code", (uint64_t)fault->number);
    xta_out_close(out, "xta:ErrorCode");
    if (fault->detail.len > 0)
        xta_out_text(out, "xta:Detail", fault->detail);
    buf_printf(out->xml, "</xta:%s>", name);
}

static int exception_read(struct xta_in *in, const xmlNode *exception, struct span *detail)
{
    uint64_t number =
        xta_in_number(in, xml_child(xml_child(exception, XTA, "ErrorCode"), NULL, "code"));

    *detail = xta_in_text(in, xml_child(exception, XTA, "Detail"));
    return number < 100000 ? (int)number : 0;
}

const struct xta_codec xta_codec_v5 = {
    .ns = XTA,
    .metadata_declare = " xmlns:xta=\"" XTA "\"",
    .declare = " xmlns:wsa=\"" XTA_WSA_NS "\" xmlns:xta=\"" XTA "\"",
    .metadata = {XTA, "MessageMetaData"},
    .requests = requests,
    .answers = answers,
    .metadata_read = xta_v5_metadata_read,
    .metadata_write = xta_v5_metadata_write,
    .request_read = request_read,
    .answer_read = answer_read,
    .container = container_of,
    .container_read = container_read,
    .header_request_write = header_request_write,
    .body_request_write = body_request_write,
    .header_answer_write = header_answer_write,
    .body_answer_write = body_answer_write,
    .exception_write = exception_write,
    .exception_read = exception_read,
};
