/*
 * xta/v3_metadata.c - oscimeta:MessageMetaData, and parties, of version 3
 *
 * Whoever changes what is read here changes what is written, and the other way round.
 *
 * Source: XTA 2 digest 4, 7, 9.
 */
#include "xta/v3.h"

#define META XTA_META_NS

static const char no_scenario[] = "nicht angegeben";

/* ---- parties ---- */

void xta_v3_party_read(struct xta_in *in, const xmlNode *node, struct xta_party *party)
{
    const xmlNode *id = xml_child(node, META, "Identifier");

    *party = (struct xta_party){.value = xta_in_token(in, id),
                                .scheme = xta_in_attr(in, id, "type"),
                                .name = xta_in_attr(in, id, "name"),
                                .category = xta_in_attr(in, id, "category")};
    for (const xmlNode *n = xml_first(node); n != NULL; n = xml_next(n))
        if (xml_is(n, META, "SecurityToken"))
            xta_in_fragment_add(in, n, &party->fragments, &party->fragment_count);
}

void xta_v3_party_write(struct xta_out *out, const char *name, const struct xta_party *party,
                        bool with_fragments)
{
    if (party->value.ptr == NULL)
        return;
    xta_out_open(out, name);
    xta_out_begin(out, "oscimeta:Identifier");
    xta_out_attr(out, "type", xta_or(party->scheme, XTA_V3_PARTY_TYPE));
    if (party->name.len > 0)
        xta_out_attr(out, "name", party->name);
    if (party->category.len > 0)
        xta_out_attr(out, "category", party->category);
    xta_out_more(out);
    buf_xml_text(out->xml, party->value);
    xta_out_close(out, "oscimeta:Identifier");
    for (size_t i = 0; with_fragments && i < party->fragment_count; i++)
        xta_out_fragment(out, party->fragments[i]);
    xta_out_close(out, name);
}

/* ---- reading ---- */

static void times_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m)
{
    m->origin = xta_in_time(in, xml_child(node, META, "Origin"));
    m->initial_send = xta_in_time(in, xml_child(node, META, "InitialSend"));
    m->not_before = xta_in_time(in, xml_child(node, META, "NotBefore"));
    m->obsolete_after = xta_in_date(in, xml_child(node, META, "ObsoleteAfter"));
    m->delivery = xta_in_time(in, xml_child(node, META, "Delivery"));
    m->initial_fetch = xta_in_time(in, xml_child(node, META, "InitialFetch"));
    m->reception = xta_in_time(in, xml_child(node, META, "Reception"));
    m->quality = xta_in_token(in, xml_child(node, META, "ServiceQuality"));
    xta_in_fragment_add(in, xml_child(node, META, "ReceiptRequests"), &m->fragments,
                        &m->fragment_count);
}

static void parties_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m)
{
    const xmlNode *from = xml_child(node, META, "Originators");
    const xmlNode *to = xml_child(node, META, "Destinations");

    xta_v3_party_read(in, xml_child(from, META, "Author"), &m->author);
    xta_v3_party_read(in, xml_child(from, META, "Sender"), &m->sender);
    xta_v3_party_read(in, xml_child(from, META, "ReplyTo"), &m->reply_to);
    xta_v3_party_read(in, xml_child(to, META, "Reader"), &m->reader);
    xta_in_fragment_add(in, xml_child(to, META, "OtherDestinations"), &m->fragments,
                        &m->fragment_count);
}

static void identification_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m)
{
    const xmlNode *process = xml_child(node, META, "ProcessRef");
    const xmlNode *requester = xml_child(process, META, "Requester");
    const xmlNode *responder = xml_child(process, META, "Responder");
    size_t count;
    const struct span *ids = xta_in_tokens(in, node, META, "In-Reply-To", &count);

    m->id = xta_in_token(in, xml_child(node, XTA_WSA_NS, "MessageID"));
    m->related = xta_in_array(in, sizeof *m->related, count);
    m->related_count = m->related == NULL ? 0 : count;
    for (size_t i = 0; i < m->related_count; i++)
        m->related[i].id = ids[i];
    m->process_requester = xta_in_text(in, requester);
    m->process_requester_name = xta_in_attr(in, requester, "ProccesName");
    m->process_responder = xta_in_text(in, responder);
    m->process_responder_name = xta_in_attr(in, responder, "ProccesName");
}

static void qualifier_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m)
{
    const xmlNode *scenario = xml_child(node, META, "BusinessScenario");
    const xmlNode *type = xml_child(node, META, "MessageType");

    m->subject = xta_in_text(in, xml_child(node, META, "Subject"));
    m->service = xta_in_token(in, xml_child(node, META, "Service"));
    m->scenario = xta_in_code(in, xml_child(scenario, META, "Defined"));
    m->scenario_undefined = xta_in_text(in, xml_child(scenario, META, "Undefined"));
    m->message_type = xta_in_code(in, type);
    m->message_schema = xta_in_attr(in, type, "payloadSchema");
}

static void properties_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m)
{
    size_t count = xta_in_count(in, node, META, "Property");
    const xmlNode *n = xml_first(node);

    m->properties = xta_in_array(in, sizeof *m->properties, count);
    m->property_count = m->properties == NULL ? 0 : count;
    for (size_t i = 0; i < m->property_count; i++) {
        n = xta_in_from(n, META, "Property");
        m->properties[i].key = xta_in_code(in, xml_child(n, META, "Key"));
        m->properties[i].value = xta_in_text(in, xml_child(n, META, "Value"));
        n = xml_next(n);
    }
}

void xta_v3_metadata_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m)
{
    *m = (struct xta_metadata){.version = XTA_V3};
    m->test = xta_in_boolean(xta_in_attr(in, node, "TestMsg")) == XTA_TRUE;
    times_read(in, xml_child(node, META, "DeliveryAttributes"), m);
    parties_read(in, node, m);
    identification_read(in, xml_child(node, META, "MsgIdentification"), m);
    qualifier_read(in, xml_child(node, META, "Qualifier"), m);
    properties_read(in, xml_child(node, META, "MessageProperties"), m);
    m->size = xta_in_number(in, xml_child(node, META, "MsgSize"));
}

/* ---- writing ---- */

/* A fragment of version 3 with that name, if there is one. */
static void fragment_write(struct xta_out *out, const struct xta_metadata *m, const char *local)
{
    for (size_t i = 0; m->version == XTA_V3 && i < m->fragment_count; i++) {
        struct span f = m->fragments[i], head = SPAN_NONE;
        struct span name = span_sub(f, 1, f.len);

        /* canonical XML begins with the element's name */
        (void)span_split(&name, ' ', &head);
        if (span_find(head, SPAN(">")) != SIZE_MAX)
            head.len = span_find(head, SPAN(">"));
        if (span_find(head, SPAN(":")) != SIZE_MAX)
            head = span_from(head, span_find(head, SPAN(":")) + 1);
        if (span_is(head, local))
            xta_out_fragment(out, f);
    }
}

static void times_write(struct xta_out *out, const struct xta_metadata *m)
{
    xta_out_open(out, "oscimeta:DeliveryAttributes");
    xta_out_text(out, "oscimeta:Origin", m->origin);
    xta_out_text(out, "oscimeta:InitialSend", m->initial_send);
    xta_out_text(out, "oscimeta:NotBefore", m->not_before);
    xta_out_text(out, "oscimeta:ObsoleteAfter", m->obsolete_after);
    xta_out_text(out, "oscimeta:Delivery", m->delivery);
    xta_out_text(out, "oscimeta:InitialFetch", m->initial_fetch);
    xta_out_text(out, "oscimeta:Reception", m->reception);
    if (m->quality.len > 0)
        xta_out_text(out, "oscimeta:ServiceQuality", m->quality);
    fragment_write(out, m, "ReceiptRequests");
    xta_out_close(out, "oscimeta:DeliveryAttributes");
}

static void parties_write(struct xta_out *out, const struct xta_metadata *m)
{
    bool own = m->version == XTA_V3;

    xta_out_open(out, "oscimeta:Originators");
    xta_v3_party_write(out, "oscimeta:Author", &m->author, own);
    xta_v3_party_write(out, "oscimeta:Sender", &m->sender, own);
    xta_v3_party_write(out, "oscimeta:ReplyTo", &m->reply_to, own);
    xta_out_close(out, "oscimeta:Originators");
    xta_out_open(out, "oscimeta:Destinations");
    xta_v3_party_write(out, "oscimeta:Reader", &m->reader, own);
    fragment_write(out, m, "OtherDestinations");
    xta_out_close(out, "oscimeta:Destinations");
}

static void process_write(struct xta_out *out, const char *name, struct span id,
                          struct span process_name)
{
    if (id.len == 0)
        return;
    xta_out_begin(out, name);
    if (process_name.len > 0)
        xta_out_attr(out, "ProccesName", process_name);
    xta_out_more(out);
    buf_xml_text(out->xml, id);
    xta_out_close(out, name);
}

static void identification_write(struct xta_out *out, const struct xta_metadata *m)
{
    xta_out_open(out, "oscimeta:MsgIdentification");
    xta_out_text(out, "wsa:MessageID", m->id);
    for (size_t i = 0; i < m->related_count; i++)
        if (m->related[i].context.code.len == 0)
            xta_out_text(out, "oscimeta:In-Reply-To", m->related[i].id);
    if (m->process_requester.len > 0 || m->process_responder.len > 0) {
        xta_out_open(out, "oscimeta:ProcessRef");
        process_write(out, "oscimeta:Requester", m->process_requester, m->process_requester_name);
        process_write(out, "oscimeta:Responder", m->process_responder, m->process_responder_name);
        xta_out_close(out, "oscimeta:ProcessRef");
    }
    xta_out_close(out, "oscimeta:MsgIdentification");
}

static void type_write(struct xta_out *out, const struct xta_metadata *m)
{
    xta_out_begin(out, "oscimeta:MessageType");
    xta_out_attr(out, "listURI", xta_or(m->message_type.list, XTA_V3_TYPE_LIST));
    xta_out_attr(out, "listVersionID", xta_or(m->message_type.list_version, XTA_V3_LIST_VERSION));
    xta_out_attr(out, "payloadSchema", xta_or(m->message_schema, XTA_NO_SCHEMA));
    xta_out_more(out);
    xta_out_text(out, "code", xta_or(m->message_type.code, "-"));
    xta_out_text(out, "name", m->message_type.name);
    xta_out_close(out, "oscimeta:MessageType");
}

static void qualifier_write(struct xta_out *out, const struct xta_metadata *m)
{
    xta_out_open(out, "oscimeta:Qualifier");
    xta_out_text(out, "oscimeta:Subject", m->subject);
    xta_out_text(out, "oscimeta:Service", xta_or(m->service, ""));
    xta_out_open(out, "oscimeta:BusinessScenario");
    if (m->scenario.code.ptr != NULL)
        xta_out_code(out, "oscimeta:Defined", &m->scenario, XTA_V3_SCENARIO_LIST,
                     XTA_V3_LIST_VERSION, true);
    else
        xta_out_text(out, "oscimeta:Undefined", xta_or(m->scenario_undefined, no_scenario));
    xta_out_close(out, "oscimeta:BusinessScenario");
    type_write(out, m);
    xta_out_close(out, "oscimeta:Qualifier");
}

static void properties_write(struct xta_out *out, const struct xta_metadata *m)
{
    bool any = false;

    for (size_t i = 0; i < m->property_count; i++) {
        if (m->properties[i].value.len == 0)
            continue; /* V3 has no empty ones */
        if (!any)
            xta_out_open(out, "oscimeta:MessageProperties");
        any = true;
        xta_out_open(out, "oscimeta:Property");
        xta_out_code(out, "oscimeta:Key", &m->properties[i].key, XTA_V3_PROPERTY_LIST,
                     XTA_V3_LIST_VERSION, true);
        xta_out_text(out, "oscimeta:Value", m->properties[i].value);
        xta_out_close(out, "oscimeta:Property");
    }
    if (any)
        xta_out_close(out, "oscimeta:MessageProperties");
}

void xta_v3_metadata_write(struct xta_out *out, const struct xta_metadata *m)
{
    xta_out_begin(out, "oscimeta:MessageMetaData");
    xta_out_attr(out, "TestMsg", m->test ? SPAN("true") : SPAN("false"));
    xta_out_more(out);
    times_write(out, m);
    parties_write(out, m);
    identification_write(out, m);
    qualifier_write(out, m);
    properties_write(out, m);
    if (m->size > 0)
        xta_out_number(out, "oscimeta:MsgSize", m->size);
    xta_out_close(out, "oscimeta:MessageMetaData");
}
