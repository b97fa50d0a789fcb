/*
 * xta/v5_metadata.c - MessageMetaData, and parties, of version 5
 *
 * What only version 3 has travels as MessageProperty under a key of ours, so that a message that
 * goes through a version 5 system and comes back is what it was (decision 0059). Whoever changes
 * what is read here changes what is written, and the other way round.
 *
 * Source: XTA 2 digest 4, 6, 7, 9.
 */
#include "xta/v5.h"

#include <stddef.h>

#define XTA XTA_V5_NS
#define OURS "urn:depesche:xta3:"
#define LIST_VERSION "1"
#define DIRECTORY_LIST "urn:xoev-de:kosit:codeliste:xta.core.directory"
#define SCENARIO_LIST "urn:de:xta:codeliste:business.scenario"
#define CONTEXT_LIST "urn:depesche:codeliste:identifier.context"
#define IN_REPLY_TO "IN-REPLY-TO"
#define NO_SCHEMA "urn:depesche:schema:unknown"

static const char no_scenario[] = "nicht angegeben", no_quality[] = "kein Serviceprofil angegeben";

/* Fields of version 3 as properties. */
static const struct foreign {
    const char *key;
    size_t offset;                   /* of a span in struct xta_metadata */
    bool (*fits)(struct span value); /* NULL: any text does */
} foreign_fields[] = {
    {OURS "Subject", offsetof(struct xta_metadata, subject), NULL},
    {OURS "NotBefore", offsetof(struct xta_metadata, not_before), xta_is_time},
    {OURS "ObsoleteAfter", offsetof(struct xta_metadata, obsolete_after), xta_is_date},
    {OURS "MessageTypeList", offsetof(struct xta_metadata, message_type.list), NULL},
    {OURS "MessageTypeListVersion", offsetof(struct xta_metadata, message_type.list_version), NULL},
    {OURS "Requester", offsetof(struct xta_metadata, process_requester), NULL},
    {OURS "RequesterProcess", offsetof(struct xta_metadata, process_requester_name), NULL},
    {OURS "Responder", offsetof(struct xta_metadata, process_responder), NULL},
    {OURS "ResponderProcess", offsetof(struct xta_metadata, process_responder_name), NULL},
    {OURS "ReplyTo", offsetof(struct xta_metadata, reply_to.value), NULL},
    {OURS "ReplyToType", offsetof(struct xta_metadata, reply_to.scheme), NULL},
    {OURS "ReplyToName", offsetof(struct xta_metadata, reply_to.name), NULL},
    {OURS "ReplyToCategory", offsetof(struct xta_metadata, reply_to.category), NULL},
};
static const char test_key[] = OURS "TestMsg";

/* ---- fragments ---- */

static void ids_renew(struct xta_out *out, xmlNode *node)
{
    for (xmlNode *n = node; n != NULL; n = n->next) {
        AUTO(buf_deinit) struct buf id = {0};

        if (xml_is(n, XTA, "Extensions")) {
            ids_renew(out, n->children);
            continue;
        }
        if (!xml_is(n, XTA, "Extension"))
            continue;
        buf_init(&id, 2 * XTA_ID_PREFIX_MAX);
        buf_printf(&id, "%s-%u", out->id_prefix, ++out->ids);
        if (xmlSetProp(n, (const xmlChar *)"id", (const xmlChar *)buf_cstr(&id)) == NULL)
            out->failed = ST_LIMIT;
    }
}

void xta_v5_fragment_write(struct xta_out *out, struct span fragment)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};

    if (xml_parse(fragment, &doc, &err) != ST_OK) {
        out->failed = err.status;
        return;
    }
    ids_renew(out, xmlDocGetRootElement(doc));
    if (xml_c14n(xml_root(doc), out->xml, &err) != ST_OK)
        out->failed = err.status;
}

/* ---- parties ---- */

void xta_v5_party_read(struct xta_in *in, const xmlNode *node, struct xta_party *party)
{
    const xmlNode *id = xml_child(node, XTA, "Identifier");

    *party = (struct xta_party){.value = xta_in_token(in, id),
                                .scheme = xta_in_attr(in, id, "identifierScheme"),
                                .name = xta_in_attr(in, id, "name"),
                                .category = xta_in_attr(in, id, "organizationCategory"),
                                .directory = xta_in_code(in, xml_child(node, XTA, "Directory"))};
    for (const xmlNode *n = xml_first(node); n != NULL; n = xml_next(n))
        if (xml_is(n, XTA, "Extensions") || xml_is(n, XTA, "Certificate"))
            xta_in_fragment_add(in, n, &party->fragments, &party->fragment_count);
}

static void attr_unless_empty(struct xta_out *out, const char *name, struct span value)
{
    if (value.len > 0)
        xta_out_attr(out, name, value);
}

void xta_v5_party_write(struct xta_out *out, const char *name, const struct xta_party *party,
                        bool with_id, bool with_fragments)
{
    if (party->value.ptr == NULL)
        return;
    xta_out_begin(out, name);
    if (with_id)
        xta_out_id(out);
    xta_out_more(out);
    xta_out_begin(out, "xta:Identifier");
    attr_unless_empty(out, "identifierScheme", party->scheme);
    attr_unless_empty(out, "name", party->name);
    attr_unless_empty(out, "organizationCategory", party->category);
    xta_out_more(out);
    buf_xml_text(out->xml, party->value);
    xta_out_close(out, "xta:Identifier");
    if (party->directory.code.ptr != NULL)
        xta_out_code(out, "xta:Directory", &party->directory, DIRECTORY_LIST, LIST_VERSION, false);
    for (size_t i = 0; with_fragments && i < party->fragment_count; i++)
        xta_v5_fragment_write(out, party->fragments[i]);
    xta_out_close(out, name);
}

/* ---- reading ---- */

static void times_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m)
{
    m->origin = xta_in_time(in, xml_child(node, XTA, "Origin"));
    m->initial_send = xta_in_time(in, xml_child(node, XTA, "InitialSend"));
    m->delivery = xta_in_time(in, xml_child(node, XTA, "Delivery"));
    m->initial_fetch = xta_in_time(in, xml_child(node, XTA, "InitialFetch"));
    m->reception = xta_in_time(in, xml_child(node, XTA, "Reception"));
}

static void qualifier_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m)
{
    const xmlNode *scenario = xml_child(node, XTA, "BusinessScenario");
    const xmlNode *type = xml_child(node, XTA, "MessageType");

    m->service = xta_in_token(in, xml_child(node, XTA, "Service"));
    m->scenario = xta_in_code(in, xml_child(scenario, XTA, "Defined"));
    m->scenario_undefined = xta_in_text(in, xml_child(scenario, XTA, "Undefined"));
    m->message_type.code = xta_in_text(in, type);
    m->message_schema = xta_in_attr(in, type, "messageSchema");
}

static void related_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m)
{
    size_t count = xta_in_count(in, node, XTA, "AdditionalIdentifier");
    const xmlNode *n = xml_first(node);

    m->related = xta_in_array(in, sizeof *m->related, count);
    m->related_count = m->related == NULL ? 0 : count;
    for (size_t i = 0; i < m->related_count; i++) {
        struct xta_related *r = &m->related[i];

        n = xta_in_from(n, XTA, "AdditionalIdentifier");
        r->id = xta_in_text(in, xml_child(n, XTA, "MessageIdentifier"));
        r->context = xta_in_code(in, xml_child(n, XTA, "Context"));
        if (span_is(r->context.list, CONTEXT_LIST) && span_is(r->context.code, IN_REPLY_TO))
            r->context = (struct xta_code){0};
        n = xml_next(n);
    }
}

static struct span *foreign_field(struct xta_metadata *m, const struct foreign *row)
{
    return (struct span *)(void *)((char *)m + row->offset);
}

/* A property that is really a field of version 3. */
static bool foreign_take(struct xta_metadata *m, struct span key, struct span value)
{
    if (span_is(key, test_key)) {
        m->test = xta_in_boolean(value) == XTA_TRUE;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(foreign_fields); i++) {
        const struct foreign *row = &foreign_fields[i];

        if (!span_is(key, row->key))
            continue;
        if (row->fits == NULL || row->fits(value))
            *foreign_field(m, row) = value;
        return true;
    }
    return false;
}

static void properties_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m)
{
    size_t count = xta_in_count(in, node, XTA, "MessageProperty");
    const xmlNode *n = xml_first(node);

    m->properties = xta_in_array(in, sizeof *m->properties, count);
    for (size_t i = 0; m->properties != NULL && i < count; i++) {
        struct span key, value;

        n = xta_in_from(n, XTA, "MessageProperty");
        key = xta_in_text(in, xml_child(n, XTA, "Key"));
        value = xta_in_text(in, xml_child(n, XTA, "Value"));
        n = xml_next(n);
        if (!foreign_take(m, key, value))
            m->properties[m->property_count++] =
                (struct xta_property){.key.code = key, .value = value};
    }
}

void xta_v5_metadata_read(struct xta_in *in, const xmlNode *node, struct xta_metadata *m)
{
    const xmlNode *from = xml_child(node, XTA, "Originators");
    const xmlNode *quality = xml_child(node, XTA, "ServiceQuality");

    *m = (struct xta_metadata){.version = XTA_V5};
    m->id = xta_in_token(in, xml_child(node, XTA, "XTAMessageID"));
    xta_v5_party_read(in, xml_child(node, XTA, "Reader"), &m->reader);
    xta_v5_party_read(in, xml_child(from, XTA, "Author"), &m->author);
    xta_v5_party_read(in, xml_child(from, XTA, "Sender"), &m->sender);
    qualifier_read(in, xml_child(node, XTA, "Qualifier"), m);
    m->size = xta_in_number(in, xml_child(node, XTA, "MessageSize"));
    times_read(in, xml_child(node, XTA, "DeliveryAttributes"), m);
    m->quality = xta_in_token(in, xml_child(quality, XTA, "Defined"));
    m->quality_undefined = xta_in_text(in, xml_child(quality, XTA, "Undefined"));
    related_read(in, node, m);
    properties_read(in, node, m);
    xta_in_fragment_add(in, xml_child(node, XTA, "Extensions"), &m->fragments, &m->fragment_count);
}

/* ---- writing ---- */

static void times_write(struct xta_out *out, const struct xta_metadata *m)
{
    xta_out_open(out, "xta:DeliveryAttributes");
    xta_out_text_id(out, "xta:Origin", m->origin);
    xta_out_text_id(out, "xta:InitialSend", m->initial_send);
    xta_out_text_id(out, "xta:Delivery", m->delivery);
    xta_out_text_id(out, "xta:InitialFetch", m->initial_fetch);
    xta_out_text_id(out, "xta:Reception", m->reception);
    xta_out_close(out, "xta:DeliveryAttributes");
}

static void qualifier_write(struct xta_out *out, const struct xta_metadata *m)
{
    xta_out_begin(out, "xta:Qualifier");
    xta_out_id(out);
    xta_out_more(out);
    if (m->service.len > 0)
        xta_out_text(out, "xta:Service", m->service);
    xta_out_open(out, "xta:BusinessScenario");
    if (m->scenario.code.ptr != NULL)
        xta_out_code(out, "xta:Defined", &m->scenario, SCENARIO_LIST, LIST_VERSION, false);
    else
        xta_out_text(out, "xta:Undefined", xta_or(m->scenario_undefined, no_scenario));
    xta_out_close(out, "xta:BusinessScenario");
    xta_out_begin(out, "xta:MessageType");
    xta_out_attr(out, "messageSchema", xta_or(m->message_schema, NO_SCHEMA));
    xta_out_more(out);
    buf_xml_text(out->xml, xta_or(m->message_type.code, "-"));
    xta_out_close(out, "xta:MessageType");
    xta_out_close(out, "xta:Qualifier");
}

static void quality_write(struct xta_out *out, const struct xta_metadata *m)
{
    xta_out_begin(out, "xta:ServiceQuality");
    xta_out_id(out);
    xta_out_more(out);
    if (m->quality.len > 0)
        xta_out_text(out, "xta:Defined", m->quality);
    else
        xta_out_text(out, "xta:Undefined", xta_or(m->quality_undefined, no_quality));
    xta_out_close(out, "xta:ServiceQuality");
}

static void related_write(struct xta_out *out, const struct xta_metadata *m)
{
    static const struct xta_code in_reply_to = {
        .code = {(const uint8_t *)IN_REPLY_TO, sizeof IN_REPLY_TO - 1}};

    for (size_t i = 0; i < m->related_count; i++) {
        const struct xta_code *context = &m->related[i].context;

        if (m->related[i].id.len == 0)
            continue;
        xta_out_begin(out, "xta:AdditionalIdentifier");
        xta_out_id(out);
        xta_out_more(out);
        xta_out_text(out, "xta:MessageIdentifier", m->related[i].id);
        xta_out_code(out, "xta:Context", context->code.len > 0 ? context : &in_reply_to,
                     CONTEXT_LIST, LIST_VERSION, false);
        xta_out_close(out, "xta:AdditionalIdentifier");
    }
}

static void property_write(struct xta_out *out, struct span key, struct span value)
{
    xta_out_begin(out, "xta:MessageProperty");
    xta_out_id(out);
    xta_out_more(out);
    xta_out_text(out, "xta:Key", xta_or(key, "-"));
    xta_out_text(out, "xta:Value", xta_or(value, ""));
    xta_out_close(out, "xta:MessageProperty");
}

static void properties_write(struct xta_out *out, const struct xta_metadata *m)
{
    for (size_t i = 0; i < m->property_count; i++)
        property_write(out, m->properties[i].key.code, m->properties[i].value);
    for (size_t i = 0; i < ARRAY_LEN(foreign_fields); i++) {
        struct span value =
            *(const struct span *)(const void *)((const char *)m + foreign_fields[i].offset);

        if (value.len > 0)
            property_write(out, span_str(foreign_fields[i].key), value);
    }
    if (m->test)
        property_write(out, span_str(test_key), SPAN("true"));
}

void xta_v5_metadata_write(struct xta_out *out, const struct xta_metadata *m)
{
    bool own = m->version == XTA_V5;

    xta_out_open(out, "xta:MessageMetaData");
    xta_out_text_id(out, "xta:XTAMessageID", m->id);
    xta_v5_party_write(out, "xta:Reader", &m->reader, true, own);
    xta_out_open(out, "xta:Originators");
    xta_v5_party_write(out, "xta:Author", &m->author, true, own);
    xta_v5_party_write(out, "xta:Sender", &m->sender, true, own);
    xta_out_close(out, "xta:Originators");
    qualifier_write(out, m);
    xta_out_number(out, "xta:MessageSize", m->size > 0 ? m->size : 1);
    times_write(out, m);
    quality_write(out, m);
    related_write(out, m);
    properties_write(out, m);
    for (size_t i = 0; own && i < m->fragment_count; i++)
        xta_v5_fragment_write(out, m->fragments[i]);
    xta_out_close(out, "xta:MessageMetaData");
}
