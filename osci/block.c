#include "osci/block.h"

#include <ctype.h>

#define NEXT " soap:actor=\"" OSCI_ACTOR_NEXT "\" soap:mustUnderstand=\"1\""
#define NONE " soap:actor=\"" OSCI_ACTOR_NONE "\" soap:mustUnderstand=\"1\""

void osci_block_id(struct buf *out, const char *name)
{
    for (; *name != '\0'; name++)
        buf_char(out, (char)tolower((unsigned char)*name));
}

static void attr(struct buf *out, const char *name, struct span value)
{
    if (value.ptr == NULL)
        return;
    buf_printf(out, " %s=\"", name);
    buf_xml_attr(out, value);
    buf_char(out, '"');
}

static void number_attr(struct buf *out, const char *name, uint64_t value)
{
    if (value != 0)
        buf_printf(out, " %s=\"%llu\"", name, (unsigned long long)value);
}

/* <osci:name>text</osci:name>, or nothing when text is absent */
static void text_element(struct buf *out, const char *name, struct span text)
{
    if (text.ptr == NULL)
        return;
    buf_printf(out, "<osci:%s>", name);
    buf_xml_text(out, text);
    buf_printf(out, "</osci:%s>", name);
}

/* MessageId and its like travel as base64 of their bytes (4.1) */
static void id_element(struct buf *out, const char *name, struct span id)
{
    if (id.ptr == NULL)
        return;
    buf_printf(out, "<osci:%s>", name);
    buf_base64(out, id, 0);
    buf_printf(out, "</osci:%s>", name);
}

void osci_block_control(struct buf *out, const struct osci_message *msg)
{
    const struct osci_controlblock *cb = &msg->control;

    buf_str(out, "<osci:ControlBlock" OSCI_FIVE_NS);
    attr(out, "ConversationId", cb->conversation_id);
    buf_str(out, " Id=\"controlblock\"");
    if (cb->has_sequence)
        buf_printf(out, " SequenceNumber=\"%llu\"", (unsigned long long)cb->sequence);
    buf_str(out, NEXT ">");
    text_element(out, "Response", cb->response);
    text_element(out, "Challenge", cb->challenge);
    buf_str(out, "</osci:ControlBlock>");
}

void osci_block_languages(struct buf *out, const struct osci_message *msg)
{
    if (osci_type_is_answer(msg->type))
        return;
    buf_str(out, "<osci:DesiredLanguages" OSCI_FIVE_NS " Id=\"desiredlanguages\"");
    attr(out, "LanguagesList", msg->languages.len > 0 ? msg->languages : SPAN("de en"));
    buf_str(out, NEXT "></osci:DesiredLanguages>");
}

void osci_block_quality(struct buf *out, enum osci_quality quality, const char *service)
{
    if (quality == OSCI_QUALITY_NONE)
        return;
    buf_printf(out,
               "<osci:QualityOfTimestamp" OSCI_FIVE_NS
               " Id=\"qualityoftimestamp_%s\" Quality=\"%s\" Service=\"%s\"" NEXT
               "></osci:QualityOfTimestamp>",
               service, quality == OSCI_QUALITY_PLAIN ? "plain" : "cryptographic", service);
}

static void entries(struct buf *out, const struct osci_feedback *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct osci_feedback *entry = &list[i];

        buf_str(out, "<osci:Entry");
        attr(out, "xml:lang", entry->lang);
        buf_char(out, '>');
        text_element(out, "Code", entry->code);
        text_element(out, "Text", entry->text.ptr == NULL ? SPAN("") : entry->text);
        buf_str(out, "</osci:Entry>");
    }
}

/* What the inner message came to stands before what the chunk came to (8.2). */
static void feedback(struct buf *out, const struct osci_message *msg)
{
    if (msg->inside_feedback_count > 0) {
        buf_str(out, "<osci2017:InsideFeedback>");
        entries(out, msg->inside_feedback, msg->inside_feedback_count);
        buf_str(out, "</osci2017:InsideFeedback>");
    }
    buf_str(out, "<osci:Feedback>");
    entries(out, msg->feedback, msg->feedback_count);
    buf_str(out, "</osci:Feedback>");
}

static void selection(struct buf *out, const struct osci_selection *s)
{
    if (s->by == OSCI_SELECT_NONE)
        return;
    buf_str(out, "<osci:SelectionRule>");
    if (s->by == OSCI_SELECT_IDS) {
        for (size_t i = 0; i < s->id_count; i++)
            id_element(out, "MessageId", s->ids[i]);
    } else {
        const char *name =
            s->by == OSCI_SELECT_RECEPTION ? "ReceptionOfDelivery" : "RecentModification";

        buf_printf(out, "<osci:%s", name);
        if (s->no_reception)
            buf_str(out, " NoReception=\"true\"");
        if (s->role.len > 0)
            attr(out, "Role", s->role);
        buf_char(out, '>');
        buf_xml_text(out, s->date);
        buf_printf(out, "</osci:%s>", name);
    }
    buf_str(out, "</osci:SelectionRule>");
}

static void quantity(struct buf *out, const struct osci_selection *s)
{
    if (s->has_limit)
        buf_printf(out, "<osci:Quantity Limit=\"%llu\"></osci:Quantity>",
                   (unsigned long long)s->limit);
}

static void time_element(struct buf *out, const char *name, const struct osci_time *t)
{
    if (t->text.ptr == NULL)
        return;
    buf_printf(out, "<osci:%s>", name);
    if (t->cryptographic) {
        buf_str(out, "<osci:Cryptographic");
        attr(out, "Algorithm", t->algorithm);
        buf_char(out, '>');
        buf_xml_text(out, t->text);
        buf_str(out, "</osci:Cryptographic>");
    } else {
        text_element(out, "Plain", t->text);
    }
    buf_printf(out, "</osci:%s>", name);
}

static const char *check_word(enum osci_check check, const char *good, const char *bad)
{
    switch (check) {
    case OSCI_CHECK_GOOD:
        return good;
    case OSCI_CHECK_BAD:
        return bad;
    default:
        return "indeterminate";
    }
}

static void inspection(struct buf *out, const struct osci_inspection *in)
{
    buf_str(out, "<osci:Inspection>");
    time_element(out, "Timestamp", &in->timestamp);
    text_element(out, "X509SubjectName", in->subject);
    text_element(out, "X509IssuerName", in->issuer);
    text_element(out, "X509SerialNumber", in->serial);
    buf_str(out, "<osci:CertType");
    attr(out, "Type", in->cert_type.len > 0 ? in->cert_type : SPAN("unknown"));
    buf_printf(out,
               "></osci:CertType><osci:MathResult Result=\"%s\"></osci:MathResult>"
               "<osci:OfflineResult Result=\"%s\"></osci:OfflineResult>",
               check_word(in->math, "ok", "corrupted"),
               check_word(in->offline, "valid", "invalid"));
    if (in->online == OSCI_CHECK_GOOD || in->online == OSCI_CHECK_BAD) {
        buf_printf(out, "<osci:OnlineResult Result=\"%s\">",
                   check_word(in->online, "ok", "revoked"));
        if (span_is(in->online_kind, "OCSP"))
            text_element(out, "OCSP", in->online_evidence);
        else if (span_is(in->online_kind, "CRL"))
            text_element(out, "CRL", in->online_evidence);
        else if (span_is(in->online_kind, "LDAP"))
            text_element(out, "LDAP", in->online_evidence);
        buf_str(out, "</osci:OnlineResult>");
    }
    buf_str(out, "</osci:Inspection>");
}

static void card(struct buf *out, const char *name, const struct osci_card *c)
{
    buf_printf(out, "<osci:%s>", name);
    id_element(out, "MessageId", c->message_id);
    buf_str(out, "<osci:ProcessCard");
    attr(out, "RecentModification", c->recent_modification);
    buf_char(out, '>');
    time_element(out, "Creation", &c->creation);
    time_element(out, "Forwarding", &c->forwarding);
    time_element(out, "Reception", &c->reception);
    text_element(out, "Subject", c->subject);
    buf_str(out, "</osci:ProcessCard><osci:InspectionReport>");
    for (size_t i = 0; i < c->inspection_count; i++)
        inspection(out, &c->inspections[i]);
    buf_printf(out, "</osci:InspectionReport></osci:%s>", name);
}

static void cards(struct buf *out, const struct osci_message *msg)
{
    bool mediate = msg->type == OSCI_RSP_MEDIATE_DELIVERY;

    for (size_t i = 0; i < msg->card_count; i++)
        card(out,
             !mediate                 ? "ProcessCardBundle"
             : msg->cards[i].is_reply ? "ReplyProcessCardBundle"
                                      : "RequestProcessCardBundle",
             &msg->cards[i]);
}

static void delivery_echo(struct buf *out, const struct osci_message *msg)
{
    buf_str(out, "<osci:fetchDelivery>");
    selection(out, &msg->selection);
    buf_str(out, "</osci:fetchDelivery>");
}

static void always_attr(struct buf *out, const char *name, uint64_t value)
{
    buf_printf(out, " %s=\"%llu\"", name, (unsigned long long)value);
}

/* Which attributes there are the schemas say for each of the four types. */
static void chunk(struct buf *out, const struct osci_message *msg)
{
    const struct osci_chunk_info *c = &msg->chunk;
    bool order = !osci_type_is_answer(msg->type);
    bool store =
        msg->type == OSCI_PARTIAL_STORE_DELIVERY || msg->type == OSCI_RSP_PARTIAL_STORE_DELIVERY;
    bool sends = order == store; /* the chunk; the other side says what it has */

    if (order && c->info_only) {
        buf_str(out, "<osci2017:InfoOnly></osci2017:InfoOnly>");
        return;
    }
    buf_str(out, "<osci2017:ChunkInformation");
    always_attr(out, "ChunkNumber", c->number);
    if (order)
        always_attr(out, "ChunkSize", c->size_kb);
    if (!sends)
        attr(out, "ReceivedChunks", c->received.len > 0 ? c->received : SPAN("-1"));
    if (sends || store)
        always_attr(out, "TotalChunkNumbers", c->total);
    if (sends)
        always_attr(out, "TotalMessageSize", c->total_size_kb);
    buf_str(out, "></osci2017:ChunkInformation>");
}

/* The matter of an order or answer: what stands inside its block or body element. */
static void matter(struct buf *out, const struct osci_message *msg)
{
    if (osci_type_is_answer(msg->type))
        feedback(out, msg);
    switch (msg->type) {
    case OSCI_STORE_DELIVERY:
    case OSCI_RSP_PROCESS_DELIVERY:
    case OSCI_RSP_GET_MESSAGE_ID:
        id_element(out, "MessageId", msg->message_id);
        text_element(out, "Subject", msg->subject);
        break;
    case OSCI_FORWARD_DELIVERY:
    case OSCI_MEDIATE_DELIVERY:
        buf_str(out, "<osci:ContentReceiver");
        attr(out, "URI", msg->receiver_uri);
        buf_str(out, "></osci:ContentReceiver>");
        id_element(out, "MessageId", msg->message_id);
        text_element(out, "Subject", msg->subject);
        break;
    case OSCI_FETCH_DELIVERY:
        selection(out, &msg->selection);
        break;
    case OSCI_FETCH_PROCESS_CARD:
        selection(out, &msg->selection);
        quantity(out, &msg->selection);
        break;
    case OSCI_RSP_FETCH_DELIVERY:
        delivery_echo(out, msg);
        cards(out, msg);
        break;
    case OSCI_RSP_FETCH_PROCESS_CARD:
        buf_str(out, "<osci:fetchProcessCard>");
        selection(out, &msg->selection);
        quantity(out, &msg->selection);
        buf_str(out, "</osci:fetchProcessCard>");
        cards(out, msg);
        break;
    case OSCI_PROCESS_DELIVERY:
        id_element(out, "MessageIdResponse", msg->message_id_response);
        cards(out, msg);
        break;
    case OSCI_PARTIAL_STORE_DELIVERY:
        id_element(out, "MessageId", msg->message_id);
        text_element(out, "Subject", msg->subject);
        chunk(out, msg);
        break;
    case OSCI_PARTIAL_FETCH_DELIVERY:
        selection(out, &msg->selection);
        chunk(out, msg);
        break;
    case OSCI_RSP_PARTIAL_STORE_DELIVERY:
        cards(out, msg);
        chunk(out, msg);
        break;
    case OSCI_RSP_PARTIAL_FETCH_DELIVERY:
        delivery_echo(out, msg);
        chunk(out, msg);
        id_element(out, "MessageId", msg->message_id);
        break;
    default:
        cards(out, msg);
        break;
    }
}

void osci_block_order(struct buf *out, const struct osci_message *msg)
{
    const char *name = osci_type_name(msg->type);
    bool chunked = osci_type_is_chunk(msg->type);
    const char *prefix = chunked ? "osci2017" : "osci";

    if (osci_type_row(msg->type)->body == OSCI_BODY_ORDER)
        return;
    buf_printf(out, "<%s:%s%s Id=\"", prefix, name, chunked ? OSCI_SIX_NS : OSCI_FIVE_NS);
    osci_block_id(out, name);
    buf_str(out, "\"" NEXT ">");
    matter(out, msg);
    buf_printf(out, "</%s:%s>", prefix, name);
}

void osci_block_features(struct buf *out, const struct osci_message *msg)
{
    const struct osci_features *f = &msg->features;

    if (!f->present)
        return;
    buf_str(out, "<osci2017:FeatureDescription" OSCI_SIX_NS);
    number_attr(out, "ChunkMessageTimeOut", f->chunk_timeout); /* the schema's spelling */
    number_attr(out, "ChunkMessageTimeout", f->chunk_timeout); /* the official library's */
    buf_str(out, " Id=\"featuredescription\"");
    number_attr(out, "MaxChunkSize", f->max_chunk_kb);
    number_attr(out, "MaxMessageSize", f->max_message_kb);
    number_attr(out, "MinChunkSize", f->min_chunk_kb);
    buf_str(out, "><osci2017:SupportedFeatures>");
    for (size_t i = 0; i < f->key_count; i++) {
        struct span version = SPAN("1.9.0"), key = f->keys[i], rest = key;

        if (span_find(key, SPAN(" ")) != SIZE_MAX && span_split(&rest, ' ', &key))
            version = rest; /* "Key 1.2.0" carries its version */
        buf_str(out, "<osci2017:Feature");
        attr(out, "Key", key);
        attr(out, "Version", version);
        buf_str(out, "></osci2017:Feature>");
    }
    buf_str(out, "</osci2017:SupportedFeatures></osci2017:FeatureDescription>");
}

static bool of_intermediary(enum osci_role role)
{
    return role >= OSCI_CIPHER_INTERMEDIARY;
}

void osci_block_certs(struct buf *out, const struct osci_message *msg, const struct span *ids,
                      bool intermediary)
{
    const char *name = intermediary ? "IntermediaryCertificates" : "NonIntermediaryCertificates";
    bool any = false;

    for (enum osci_role role = 0; role < OSCI_ROLES; role++)
        for (size_t i = 0; i < msg->cert_count; i++) {
            const struct osci_cert *c = &msg->certs[i];

            if (c->role != role || of_intermediary(c->role) != intermediary)
                continue;
            if (!any) {
                buf_printf(out, "<osci:%s" OSCI_FIVE_NS " Id=\"", name);
                osci_block_id(out, name);
                buf_str(out, "\"" NONE ">");
                any = true;
            }
            buf_printf(out, "<osci:%s", osci_role_element(role));
            attr(out, "Id", ids[i]);
            buf_str(out, "><ds:X509Data><ds:X509Certificate>");
            buf_base64(out, cert_der(c->cert), 76);
            buf_printf(out, "</ds:X509Certificate></ds:X509Data></osci:%s>",
                       osci_role_element(role));
        }
    if (any)
        buf_printf(out, "</osci:%s>", name);
}

void osci_body_open(struct buf *out, const struct osci_message *msg)
{
    buf_str(out, "<soap:Body" OSCI_FIVE_NS " Id=\"body\">");
    if (osci_type_row(msg->type)->body == OSCI_BODY_ORDER) {
        buf_printf(out, "<osci:%s>", osci_type_name(msg->type));
        matter(out, msg);
        buf_printf(out, "</osci:%s>", osci_type_name(msg->type));
    }
    if (msg->has_package)
        buf_str(out, "<osci:ContentPackage>");
}

void osci_body_close(struct buf *out, const struct osci_message *msg)
{
    if (msg->has_package)
        buf_str(out, "</osci:ContentPackage>");
    buf_str(out, "</soap:Body>");
}
