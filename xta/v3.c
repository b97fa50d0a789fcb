/*
 * xta/v3.c - the operations of version 3
 *
 * Source: XTA 2 digest 5, 8; V3 WSDL.
 */
#include "xta/v3.h"

#include <stdio.h>

#define OSCI XTA_OSCI_NS
#define META XTA_META_NS
#define XTA XTA_V3_NS
#define REASONS XTA_OSCI_NS "/MsgBox/reasons/"

#define ERROR_LIST "urn:de:xta:webservice:codeliste:fehlernummer"

static const char *const reasons[] = {[XTA_NO_MATCH] = REASONS "NoMatch",
                                      [XTA_BAD_SEARCH] = REASONS "SearchArgsInvalid",
                                      [XTA_BAD_REQUEST_ID] = REASONS "RequestIdInvalid"};

static const struct xta_name requests[XTA_OPERATION_COUNT] = {
    [XTA_LOOKUP_SERVICE] = {XTA, "LookupServiceRequest"},
    [XTA_GET_TRANSPORT_REPORT] = {XTA_WSA_NS, "MessageID"},
    [XTA_CANCEL_MESSAGE] = {XTA_WSA_NS, "MessageID"},
    [XTA_SEND_MESSAGE] = {XTA, "GenericContentContainer"},
    [XTA_SEND_MESSAGE_SYNC] = {XTA, "GenericContentContainer"},
    [XTA_GET_STATUS_LIST] = {OSCI, "MsgBoxStatusListRequest"},
    [XTA_GET_NEXT_STATUS_LIST] = {OSCI, "MsgBoxGetNextRequest"},
    [XTA_GET_MESSAGE] = {OSCI, "MsgBoxFetchRequest"},
    [XTA_GET_NEXT_MESSAGE] = {OSCI, "MsgBoxGetNextRequest"},
    [XTA_CLOSE] = {OSCI, "MsgBoxCloseRequest"},
};

static const struct xta_name answers[XTA_OPERATION_COUNT] = {
    [XTA_CREATE_MESSAGE_ID] = {XTA_WSA_NS, "MessageID"},
    [XTA_LOOKUP_SERVICE] = {XTA, "LookupServiceResponse"},
    [XTA_GET_TRANSPORT_REPORT] = {XTA, "TransportReport"},
    [XTA_SEND_MESSAGE_SYNC] = {XTA, "GenericContentContainer"},
    [XTA_GET_STATUS_LIST] = {OSCI, "MsgStatusList"},
    [XTA_GET_NEXT_STATUS_LIST] = {OSCI, "MsgStatusList"},
    [XTA_GET_MESSAGE] = {XTA, "GenericContentContainer"},
    [XTA_GET_NEXT_MESSAGE] = {XTA, "GenericContentContainer"},
};

/* ---- containers ---- */

static const xmlNode *container_of(const xmlNode *child)
{
    return xml_child(child, XTA, "ContentContainer");
}

static void container_read(struct xta_in *in, const xmlNode *child, struct xta_container *c)
{
    c->encrypted = xta_in_fragment(in, xml_child(child, XTA_XENC_NS, "EncryptedData"));
}

static void container_write(struct xta_out *out, const struct xta_container *c)
{
    xta_out_open(out, "xta:GenericContentContainer");
    if (c->encrypted.ptr != NULL) {
        xta_out_fragment(out, c->encrypted);
    } else {
        xta_out_open(out, "xta:ContentContainer");
        xta_contents_write(out, XTA_V3, c);
        xta_out_close(out, "xta:ContentContainer");
    }
    xta_out_close(out, "xta:GenericContentContainer");
}

/* ---- lookupService ---- */

static void question_read(struct xta_in *in, const xmlNode *node, struct xta_question *q)
{
    xta_v3_party_read(in, xml_child(node, META, "Reader"), &q->reader);
    q->service = xta_in_token(in, xml_child(node, XTA, "ServiceType"));
}

static void question_write(struct xta_out *out, const struct xta_question *q)
{
    xta_v3_party_write(out, "oscimeta:Reader", &q->reader, false);
    xta_out_text(out, "xta:ServiceType", xta_or(q->service, ""));
}

static void questions_read(struct xta_in *in, const xmlNode *child, struct xta_request *r)
{
    size_t count = xta_in_count(in, child, XTA, "LookupServiceRequestList");
    const xmlNode *n = xml_first(child);

    r->questions = xta_in_array(in, sizeof *r->questions, count);
    r->question_count = r->questions == NULL ? 0 : count;
    for (size_t i = 0; i < r->question_count; i++) {
        n = xta_in_from(n, XTA, "LookupServiceRequestList");
        question_read(in, xml_child(n, XTA, "LookupService"), &r->questions[i]);
        n = xml_next(n);
    }
}

static void questions_write(struct xta_out *out, const struct xta_request *r)
{
    xta_out_open(out, "xta:LookupServiceRequest");
    for (size_t i = 0; i < r->question_count; i++) {
        xta_out_open(out, "xta:LookupServiceRequestList");
        xta_out_open(out, "xta:LookupService");
        question_write(out, &r->questions[i]);
        xta_out_close(out, "xta:LookupService");
        xta_out_close(out, "xta:LookupServiceRequestList");
    }
    xta_out_close(out, "xta:LookupServiceRequest");
}

static void services_read(struct xta_in *in, const xmlNode *child, struct xta_answer *a)
{
    const xmlNode *list = xml_child(child, XTA, "LookupServiceResultList");
    size_t count = xta_in_count(in, list, XTA, "LookupServiceResult");
    const xmlNode *n = xml_first(list);

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
    xta_out_open(out, "xta:LookupServiceResponse");
    xta_out_open(out, "xta:LookupServiceResultList");
    for (size_t i = 0; i < a->service_count; i++) {
        xta_out_open(out, "xta:LookupServiceResult");
        question_write(out, &a->services[i].question);
        xta_service_write(out, &a->services[i]);
        xta_out_close(out, "xta:LookupServiceResult");
    }
    xta_out_close(out, "xta:LookupServiceResultList");
    xta_out_close(out, "xta:LookupServiceResponse");
}

/* ---- message box: requests ---- */

static void selector_read(struct xta_in *in, const xmlNode *node, struct xta_selection *s)
{
    s->ids = xta_in_tokens(in, node, XTA_WSA_NS, "MessageID", &s->id_count);
    s->relates_to = xta_in_tokens(in, node, XTA_WSA_NS, "RelatesTo", &s->relates_count);
    s->from = xta_in_time(in, xml_child(node, OSCI, "MsgBoxEntryTimeFrom"));
    s->to = xta_in_time(in, xml_child(node, OSCI, "MsgBoxEntryTimeTo"));
    s->extended = xml_child(node, OSCI, "Extension") != NULL;
    s->new_entry = xta_in_boolean(xta_in_attr(in, node, "newEntry"));
}

static void selection_read(struct xta_in *in, const xmlNode *child, struct xta_selection *s)
{
    selector_read(in, xml_child(child, OSCI, "MsgSelector"), s);
    if (!span_to_u64(span_trim(xml_attr(child, NULL, "maxListItems")), &s->max_items))
        s->max_items = 0;
    s->attributes_form = span_is(xml_attr(child, NULL, "ListForm"), "MsgAtrributes");
    s->part = xta_in_attr(in, child, "MsgPart");
    s->request_id = xta_in_attr(in, child, "MsgBoxRequestID");
    s->received = xta_in_tokens(in, child, OSCI, "LastMsgReceived", &s->received_count);
}

static const char *boolean(enum xta_tri value)
{
    return value == XTA_TRUE ? "true" : "false";
}

static void selector_write(struct xta_out *out, const struct xta_selection *s, struct span id)
{
    xta_out_begin(out, "osci:MsgSelector");
    if (s->new_entry != XTA_UNSET)
        xta_out_attr(out, "newEntry", span_str(boolean(s->new_entry)));
    xta_out_more(out);
    for (size_t i = 0; i < s->id_count; i++)
        xta_out_text(out, "wsa:MessageID", s->ids[i]);
    if (s->id_count == 0)
        xta_out_text(out, "wsa:MessageID", id);
    for (size_t i = 0; i < s->relates_count; i++)
        xta_out_text(out, "wsa:RelatesTo", s->relates_to[i]);
    xta_out_text(out, "osci:MsgBoxEntryTimeFrom", s->from);
    xta_out_text(out, "osci:MsgBoxEntryTimeTo", s->to);
    xta_out_close(out, "osci:MsgSelector");
}

static void list_request_write(struct xta_out *out, const struct xta_selection *s)
{
    xta_out_begin(out, "osci:MsgBoxStatusListRequest");
    if (s->max_items > 0)
        xta_out_attr_number(out, "maxListItems", s->max_items);
    xta_out_attr(out, "ListForm",
                 s->attributes_form ? SPAN("MsgAtrributes") : SPAN("MessageMetaData"));
    xta_out_more(out);
    selector_write(out, s, SPAN_NONE);
    xta_out_close(out, "osci:MsgBoxStatusListRequest");
}

static void fetch_request_write(struct xta_out *out, const struct xta_request *r)
{
    xta_out_begin(out, "osci:MsgBoxFetchRequest");
    xta_out_attr(out, "MsgPart", r->selection.part);
    xta_out_more(out);
    selector_write(out, &r->selection, r->message_id);
    xta_out_close(out, "osci:MsgBoxFetchRequest");
}

static void next_request_write(struct xta_out *out, const char *name, const struct xta_request *r)
{
    const struct xta_selection *s = &r->selection;

    xta_out_begin(out, name);
    xta_out_attr(out, "MsgBoxRequestID", xta_or(s->request_id, ""));
    xta_out_more(out);
    for (size_t i = 0; i < s->received_count; i++)
        xta_out_text(out, "osci:LastMsgReceived", s->received[i]);
    if (s->received_count == 0)
        xta_out_text(out, "osci:LastMsgReceived", r->message_id);
    xta_out_close(out, name);
}

/* ---- message box: answers ---- */

static void box_read(struct xta_in *in, const xmlNode *header, struct xta_answer *a)
{
    const xmlNode *box = xml_child(header, OSCI, "MsgBoxResponse");
    const xmlNode *none = xml_child(box, OSCI, "NoMessageAvailable");
    struct span reason = xta_in_attr(in, none, "reason");

    a->has_box = box != NULL;
    a->box.request_id = xta_in_attr(in, box, "MsgBoxRequestID");
    a->box.none = none != NULL;
    for (enum xta_none_reason why = 0; why < XTA_NONE_REASON_COUNT; why++)
        if (span_is(reason, reasons[why]))
            a->box.why = why;
    a->box.pending = xta_in_number(in, xml_child(box, OSCI, "ItemsPending"));
}

static void box_write(struct xta_out *out, const struct xta_box_state *box)
{
    xta_out_begin(out, "osci:MsgBoxResponse");
    xta_out_attr(out, "MsgBoxRequestID", xta_or(box->request_id, ""));
    xta_out_more(out);
    if (box->none) {
        xta_out_begin(out, "osci:NoMessageAvailable");
        xta_out_attr(out, "reason", span_str(reasons[box->why]));
        buf_str(out->xml, "/>");
    } else {
        xta_out_number(out, "osci:ItemsPending", box->pending);
    }
    xta_out_close(out, "osci:MsgBoxResponse");
}

static void attributes_read(struct xta_in *in, const xmlNode *n, struct xta_metadata *m)
{
    *m = (struct xta_metadata){.version = XTA_V3,
                               .id = xta_in_token(in, xml_child(n, XTA_WSA_NS, "MessageID"))};
    m->author.value =
        xta_in_token(in, xml_child(xml_child(n, XTA_WSA_NS, "From"), XTA_WSA_NS, "Address"));
    m->scenario.code = xta_in_token(in, xml_child(n, OSCI, "TypeOfBusinessScenario"));
    m->size = xta_in_number(in, xml_child(n, OSCI, "MsgSize"));
    m->obsolete_after = xta_in_date(in, xml_child(n, OSCI, "ObsoleteAfterDate"));
    m->delivery = xta_in_time(in, xml_child(n, OSCI, "DeliveryTime"));
    m->initial_fetch = xta_in_time(in, xml_child(n, OSCI, "InitialFetchedTime"));
}

static void list_read(struct xta_in *in, const xmlNode *child, struct xta_answer *a)
{
    size_t rows = xta_in_count(in, child, OSCI, "MsgAttributes");
    size_t full = xta_in_count(in, child, META, "MessageMetaData");
    const xmlNode *n = xml_first(child);

    a->list_attributes = rows > 0;
    a->list = xta_in_array(in, sizeof *a->list, rows + full);
    for (; n != NULL && a->list != NULL && a->list_count < rows + full; n = xml_next(n)) {
        if (xml_is(n, OSCI, "MsgAttributes"))
            attributes_read(in, n, &a->list[a->list_count++]);
        else if (xml_is(n, META, "MessageMetaData"))
            xta_v3_metadata_read(in, n, &a->list[a->list_count++]);
    }
}

static void attributes_write(struct xta_out *out, const struct xta_metadata *m)
{
    const uint64_t most = INT32_MAX; /* xs:int */

    xta_out_open(out, "osci:MsgAttributes");
    xta_out_text(out, "wsa:MessageID", m->id);
    for (size_t i = 0; i < m->related_count; i++)
        xta_out_text(out, "wsa:RelatesTo", m->related[i].id);
    xta_out_text(out, "osci:TypeOfBusinessScenario", xta_or(m->scenario.code, ""));
    xta_out_number(out, "osci:MsgSize", m->size < most ? m->size : most);
    xta_out_text(out, "osci:ObsoleteAfterDate", m->obsolete_after);
    xta_out_text(out, "osci:DeliveryTime",
                 m->delivery.len > 0 ? m->delivery
                                     : xta_or(m->initial_send, "1970-01-01T00:00:00Z"));
    xta_out_text(out, "osci:InitialFetchedTime", m->initial_fetch);
    xta_out_close(out, "osci:MsgAttributes");
}

static void list_write(struct xta_out *out, const struct xta_answer *a)
{
    xta_out_open(out, "osci:MsgStatusList");
    for (size_t i = 0; i < a->list_count; i++) {
        if (a->list_attributes)
            attributes_write(out, &a->list[i]);
        else
            xta_v3_metadata_write(out, &a->list[i]);
    }
    xta_out_close(out, "osci:MsgStatusList");
}

static void report_write(struct xta_out *out, const struct xta_report *report)
{
    xta_out_open(out, "xta:TransportReport");
    xta_v3_metadata_write(out, &report->metadata);
    xta_status_write(out, XTA_V3, report);
    xta_extras_write(out, report);
    xta_out_close(out, "xta:TransportReport");
}

/* ---- requests ---- */

static void request_read(struct xta_in *in, const xmlNode *header, const xmlNode *child,
                         struct xta_request *r)
{
    const xmlNode *author = xml_child(header, META, "Author");

    r->has_party = author != NULL;
    if (r->has_party)
        xta_v3_party_read(in, author, &r->party);
    switch (r->operation) {
    case XTA_LOOKUP_SERVICE:
        questions_read(in, child, r);
        break;
    case XTA_GET_TRANSPORT_REPORT:
    case XTA_CANCEL_MESSAGE:
        r->message_id = xta_in_token(in, child);
        break;
    case XTA_SEND_MESSAGE:
    case XTA_SEND_MESSAGE_SYNC:
        xta_v3_metadata_read(in, xml_child(header, META, "MessageMetaData"), &r->metadata);
        break;
    default:
        if (child != NULL)
            selection_read(in, child, &r->selection);
    }
}

static void header_request_write(struct xta_out *out, const struct xta_request *r)
{
    if (xta_carries_message(r->operation))
        xta_v3_metadata_write(out, &r->metadata);
    else if (r->has_party)
        xta_v3_party_write(out, "oscimeta:Author", &r->party, false);
}

static void body_request_write(struct xta_out *out, const struct xta_request *r)
{
    switch (r->operation) {
    case XTA_LOOKUP_SERVICE:
        questions_write(out, r);
        break;
    case XTA_GET_TRANSPORT_REPORT:
    case XTA_CANCEL_MESSAGE:
        xta_out_text(out, "wsa:MessageID", r->message_id);
        break;
    case XTA_SEND_MESSAGE:
    case XTA_SEND_MESSAGE_SYNC:
        container_write(out, &r->container);
        break;
    case XTA_GET_STATUS_LIST:
        list_request_write(out, &r->selection);
        break;
    case XTA_GET_MESSAGE:
        fetch_request_write(out, r);
        break;
    case XTA_GET_NEXT_STATUS_LIST:
    case XTA_GET_NEXT_MESSAGE:
        next_request_write(out, "osci:MsgBoxGetNextRequest", r);
        break;
    case XTA_CLOSE:
        next_request_write(out, "osci:MsgBoxCloseRequest", r);
        break;
    default:
        break; /* an empty body */
    }
}

/* ---- answers ---- */

static void answer_read(struct xta_in *in, const xmlNode *header, const xmlNode *child,
                        struct xta_answer *a)
{
    box_read(in, header, a);
    switch (a->operation) {
    case XTA_CREATE_MESSAGE_ID:
        a->message_id = xta_in_token(in, child);
        break;
    case XTA_LOOKUP_SERVICE:
        services_read(in, child, a);
        break;
    case XTA_GET_TRANSPORT_REPORT:
        xta_status_read(in, XTA, child, &a->report);
        xta_v3_metadata_read(in, xml_child(child, META, "MessageMetaData"), &a->report.metadata);
        break;
    case XTA_GET_STATUS_LIST:
    case XTA_GET_NEXT_STATUS_LIST:
        list_read(in, child, a);
        break;
    case XTA_GET_MESSAGE:
    case XTA_GET_NEXT_MESSAGE:
    case XTA_SEND_MESSAGE_SYNC:
        xta_v3_metadata_read(in, xml_child(header, META, "MessageMetaData"), &a->metadata);
        break;
    default:
        break;
    }
}

static void header_answer_write(struct xta_out *out, const struct xta_answer *a)
{
    if (a->has_message)
        xta_v3_metadata_write(out, &a->metadata);
    if (a->has_box)
        box_write(out, &a->box);
}

static void body_answer_write(struct xta_out *out, const struct xta_answer *a)
{
    switch (a->operation) {
    case XTA_CREATE_MESSAGE_ID:
        xta_out_text(out, "wsa:MessageID", a->message_id);
        break;
    case XTA_LOOKUP_SERVICE:
        services_write(out, a);
        break;
    case XTA_GET_TRANSPORT_REPORT:
        report_write(out, &a->report);
        break;
    case XTA_GET_STATUS_LIST:
    case XTA_GET_NEXT_STATUS_LIST:
        list_write(out, a);
        break;
    case XTA_GET_MESSAGE:
    case XTA_GET_NEXT_MESSAGE:
    case XTA_SEND_MESSAGE_SYNC:
        if (a->has_message)
            container_write(out, &a->container);
        break;
    default:
        break;
    }
}

/* ---- faults ---- */

static void exception_write(struct xta_out *out, const char *name, const struct xta_fault *fault)
{
    const char *text = xta_number_text(fault->number);

    buf_printf(out->xml, "<xta:%s><xta:errorCode listURI=\"" ERROR_LIST "\" listVersionID=\"1.0\">",
               name);
    xta_out_number(out, "code", (uint64_t)fault->number);
    if (text != NULL)
        xta_out_text(out, "name", span_str(text));
    else
        xta_out_text(out, "name", xta_or(fault->detail, "Nicht näher bezeichneter Fehler"));
    buf_printf(out->xml, "</xta:errorCode></xta:%s>", name);
}

static int exception_read(struct xta_in *in, const xmlNode *exception, struct span *detail)
{
    const xmlNode *code = xml_child(exception, XTA, "errorCode");
    uint64_t number = xta_in_number(in, xml_child(code, NULL, "code"));

    *detail = xta_in_text(in, xml_child(code, NULL, "name"));
    return number < 100000 ? (int)number : 0;
}

const struct xta_codec xta_codec_v3 = {
    .ns = XTA,
    .declare = " xmlns:oscimeta=\"" META "\" xmlns:osci=\"" OSCI "\" xmlns:wsa=\"" XTA_WSA_NS
               "\" xmlns:xta=\"" XTA "\"",
    .metadata_declare = " xmlns:oscimeta=\"" META "\" xmlns:wsa=\"" XTA_WSA_NS "\"",
    .metadata = {META, "MessageMetaData"},
    .requests = requests,
    .answers = answers,
    .metadata_read = xta_v3_metadata_read,
    .metadata_write = xta_v3_metadata_write,
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
