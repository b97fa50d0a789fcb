#include "osci/read.h"

/* ---- fields: what an order or answer element may hold ---- */

static enum status message_id_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    return osci_read_base64(rd, node, OSCI_ID_BYTES_MAX, &rd->msg->message_id, err);
}

static enum status response_id_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    return osci_read_base64(rd, node, OSCI_ID_BYTES_MAX, &rd->msg->message_id_response, err);
}

static enum status subject_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    return osci_read_string(rd, node, OSCI_STRING_MAX, &rd->msg->subject, err);
}

static enum status receiver_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    rd->msg->receiver_uri = span_trim(xml_attr(node, NULL, "URI"));
    if (rd->msg->receiver_uri.len == 0 || rd->msg->receiver_uri.len > OSCI_STRING_MAX)
        return error_set(err, ST_INVALID, 9300, "ContentReceiver without a usable URI");
    return ST_OK;
}

static enum status date_rule_read(struct osci_reader *rd, const xmlNode *node,
                                  struct osci_selection *rule, struct error *err)
{
    static const char *const roles[] = {"Originator", "Addressee"};
    static const char *const truths[] = {"false", "0", "true", "1"};
    size_t which;

    if (xml_attr(node, NULL, "Role").ptr != NULL) {
        TRY(osci_read_choice(node, "Role", roles, ARRAY_LEN(roles), &which, err));
        rule->role = span_str(roles[which]);
    }
    if (xml_attr(node, NULL, "NoReception").ptr != NULL) {
        TRY(osci_read_choice(node, "NoReception", truths, ARRAY_LEN(truths), &which, err));
        rule->no_reception = which >= 2;
    }
    return osci_read_datetime(rd, node, &rule->date, err);
}

static enum status id_rule_read(struct osci_reader *rd, struct osci_cursor *c,
                                struct osci_selection *rule, struct error *err)
{
    size_t count = osci_element_count(c->parent);
    const xmlNode *node;

    if (count > OSCI_CARDS_MAX)
        return error_set(err, ST_LIMIT, 9100, "more than %d MessageIds", OSCI_CARDS_MAX);
    rule->ids = arena_array(&rd->reading->arena, sizeof *rule->ids, count);
    TRY_ALLOC(rule->ids, err);
    while ((node = osci_cursor_take(c, OSCI_NS, "MessageId")) != NULL) {
        TRY(osci_read_base64(rd, node, OSCI_ID_BYTES_MAX, &rule->ids[rule->id_count], err));
        rule->id_count++;
    }
    return ST_OK;
}

static enum status selection_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    struct osci_selection *rule = &rd->msg->selection;
    struct osci_cursor c;
    const xmlNode *date;

    TRY(osci_cursor_init(&c, node, err));
    if ((date = osci_cursor_take(&c, OSCI_NS, "ReceptionOfDelivery")) != NULL) {
        rule->by = OSCI_SELECT_RECEPTION;
        TRY(date_rule_read(rd, date, rule, err));
    } else if ((date = osci_cursor_take(&c, OSCI_NS, "RecentModification")) != NULL) {
        if (rd->msg->type == OSCI_FETCH_DELIVERY || rd->msg->type == OSCI_PARTIAL_FETCH_DELIVERY)
            return error_set(err, ST_INVALID, 9300, "%s does not select by RecentModification",
                             rd->row->name);
        rule->by = OSCI_SELECT_MODIFIED;
        TRY(date_rule_read(rd, date, rule, err));
    } else {
        rule->by = OSCI_SELECT_IDS;
        TRY(id_rule_read(rd, &c, rule, err));
        if (rule->id_count == 0)
            return error_set(err, ST_INVALID, 9300, "SelectionRule without a rule");
        if (rule->id_count > 1 &&
            (rd->msg->type == OSCI_FETCH_DELIVERY || rd->msg->type == OSCI_PARTIAL_FETCH_DELIVERY))
            return error_set(err, ST_INVALID, 9300, "%s with several MessageIds", rd->row->name);
    }
    return osci_cursor_end(&c, err);
}

static enum status quantity_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    TRY(osci_read_number(node, "Limit", &rd->msg->selection.limit, err));
    if (rd->msg->selection.limit == 0)
        return error_set(err, ST_INVALID, 9300, "Quantity without a positive Limit");
    rd->msg->selection.has_limit = true;
    return ST_OK;
}

/* The answer repeats the order: with its rule, or empty. */
static enum status echo_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    struct osci_cursor c;
    const xmlNode *child;

    TRY(osci_cursor_init(&c, node, err));
    if ((child = osci_cursor_take(&c, OSCI_NS, "SelectionRule")) != NULL)
        TRY(selection_read(rd, child, err));
    if ((child = osci_cursor_take(&c, OSCI_NS, "Quantity")) != NULL)
        TRY(quantity_read(rd, child, err));
    return osci_cursor_end(&c, err);
}

static enum status entry_read(struct osci_reader *rd, const xmlNode *node,
                              struct osci_feedback *entry, struct error *err)
{
    struct osci_cursor c;
    const xmlNode *child;
    uint64_t number;

    entry->lang = xml_attr(node, (const char *)XML_XML_NAMESPACE, "lang");
    TRY(osci_cursor_init(&c, node, err));
    TRY(osci_cursor_need(&c, OSCI_NS, "Code", &child, err));
    TRY(osci_read_string(rd, child, OSCI_STRING_MAX, &entry->code, err));
    entry->code = span_trim(entry->code);
    if (entry->code.len != 4 || !span_to_u64(entry->code, &number))
        return error_set(err, ST_INVALID, 9300, "a feedback code that is not four digits");
    TRY(osci_cursor_need(&c, OSCI_NS, "Text", &child, err));
    TRY(osci_read_string(rd, child, OSCI_STRING_MAX, &entry->text, err));
    return osci_cursor_end(&c, err);
}

static enum status entries_read(struct osci_reader *rd, const xmlNode *node,
                                struct osci_feedback **entries, size_t *count, struct error *err)
{
    size_t room = osci_element_count(node);
    struct osci_cursor c;
    const xmlNode *child;

    if (room == 0 || room > OSCI_FEEDBACK_MAX)
        return error_set(err, ST_INVALID, 9300, "feedback with no entry, or too many");
    *entries = arena_array(&rd->reading->arena, sizeof **entries, room);
    TRY_ALLOC(*entries, err);
    TRY(osci_cursor_init(&c, node, err));
    while ((child = osci_cursor_take(&c, OSCI_NS, "Entry")) != NULL)
        TRY(entry_read(rd, child, &(*entries)[(*count)++], err));
    return osci_cursor_end(&c, err);
}

static enum status feedback_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    return entries_read(rd, node, &rd->msg->feedback, &rd->msg->feedback_count, err);
}

static enum status inside_feedback_read(struct osci_reader *rd, const xmlNode *node,
                                        struct error *err)
{
    return entries_read(rd, node, &rd->msg->inside_feedback, &rd->msg->inside_feedback_count, err);
}

static enum status card_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    return osci_read_card(rd, node, false, err);
}

static enum status reply_card_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    return osci_read_card(rd, node, true, err);
}

static enum status chunk_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    struct osci_chunk_info *chunk = &rd->msg->chunk;

    if (chunk->info_only)
        return error_set(err, ST_INVALID, 9300, "both InfoOnly and ChunkInformation");
    chunk->present = true;
    TRY(osci_read_number(node, "ChunkNumber", &chunk->number, err));
    TRY(osci_read_number(node, "ChunkSize", &chunk->size_kb, err));
    TRY(osci_read_number(node, "TotalChunkNumbers", &chunk->total, err));
    TRY(osci_read_number(node, "TotalMessageSize", &chunk->total_size_kb, err));
    chunk->received = span_trim(xml_attr(node, NULL, "ReceivedChunks"));
    return ST_OK;
}

static enum status info_only_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    (void)node;
    (void)err;
    rd->msg->chunk.present = true;
    rd->msg->chunk.info_only = true;
    return ST_OK;
}

/* ---- which fields in which order ---- */

enum field {
    NONE,
    MESSAGE_ID,
    RESPONSE_ID,
    SUBJECT,
    RECEIVER,
    SELECTION,
    QUANTITY,
    FEEDBACK,
    INSIDE_FEEDBACK,
    ECHO_DELIVERY,
    ECHO_CARDS,
    CARD,
    PROCARD,
    REQUEST_CARD,
    REPLY_CARD,
    CHUNK,
    INFO_ONLY
};

static const struct field_row {
    const char *ns, *name;
    enum status (*read)(struct osci_reader *rd, const xmlNode *node, struct error *err);
} fields[] = {
    [MESSAGE_ID] = {OSCI_NS, "MessageId", message_id_read},
    [RESPONSE_ID] = {OSCI_NS, "MessageIdResponse", response_id_read},
    [SUBJECT] = {OSCI_NS, "Subject", subject_read},
    [RECEIVER] = {OSCI_NS, "ContentReceiver", receiver_read},
    [SELECTION] = {OSCI_NS, "SelectionRule", selection_read},
    [QUANTITY] = {OSCI_NS, "Quantity", quantity_read},
    [FEEDBACK] = {OSCI_NS, "Feedback", feedback_read},
    [INSIDE_FEEDBACK] = {OSCI17_NS, "InsideFeedback", inside_feedback_read},
    [ECHO_DELIVERY] = {OSCI_NS, "fetchDelivery", echo_read},
    [ECHO_CARDS] = {OSCI_NS, "fetchProcessCard", echo_read},
    [CARD] = {OSCI_NS, "ProcessCardBundle", card_read},
    [PROCARD] = {OSCI_NS, "procard", card_read}, /* the schema's name for it, digest 0.4 row 3 */
    [REQUEST_CARD] = {OSCI_NS, "RequestProcessCardBundle", card_read},
    [REPLY_CARD] = {OSCI_NS, "ReplyProcessCardBundle", reply_card_read},
    [CHUNK] = {OSCI17_NS, "ChunkInformation", chunk_read},
    [INFO_ONLY] = {OSCI17_NS, "InfoOnly", info_only_read},
};

enum { STEPS_MAX = 5 };

/* In the order of the schema; what is not MUST may be left out, MANY comes as often as it likes. */
enum often { MAY, MUST, MANY };

static const struct step {
    enum field field;
    enum often often;
} steps[OSCI_FAULT][STEPS_MAX] = {
    [OSCI_STORE_DELIVERY] = {{MESSAGE_ID, MUST}, {SUBJECT, MAY}},
    [OSCI_FETCH_DELIVERY] = {{SELECTION, MAY}},
    [OSCI_FETCH_PROCESS_CARD] = {{SELECTION, MAY}, {QUANTITY, MAY}},
    [OSCI_FORWARD_DELIVERY] = {{RECEIVER, MUST}, {MESSAGE_ID, MUST}, {SUBJECT, MAY}},
    [OSCI_MEDIATE_DELIVERY] = {{RECEIVER, MUST}, {MESSAGE_ID, MAY}, {SUBJECT, MAY}},
    [OSCI_ACCEPT_DELIVERY] = {{CARD, MUST}},
    [OSCI_PROCESS_DELIVERY] = {{RESPONSE_ID, MAY}, {CARD, MAY}},
    [OSCI_PARTIAL_STORE_DELIVERY] = {{MESSAGE_ID, MUST},
                                     {SUBJECT, MAY},
                                     {INFO_ONLY, MAY},
                                     {CHUNK, MAY}},
    [OSCI_PARTIAL_FETCH_DELIVERY] = {{SELECTION, MAY}, {CHUNK, MUST}},
    [OSCI_RSP_INIT_DIALOG] = {{FEEDBACK, MUST}},
    [OSCI_RSP_EXIT_DIALOG] = {{FEEDBACK, MUST}},
    [OSCI_RSP_GET_MESSAGE_ID] = {{FEEDBACK, MUST}, {MESSAGE_ID, MAY}},
    [OSCI_RSP_STORE_DELIVERY] = {{FEEDBACK, MUST}, {CARD, MAY}},
    [OSCI_RSP_FETCH_DELIVERY] = {{FEEDBACK, MUST}, {ECHO_DELIVERY, MAY}, {CARD, MAY}},
    [OSCI_RSP_FETCH_PROCESS_CARD] = {{FEEDBACK, MUST}, {ECHO_CARDS, MAY}, {CARD, MANY}},
    [OSCI_RSP_FORWARD_DELIVERY] = {{FEEDBACK, MUST}, {CARD, MAY}},
    [OSCI_RSP_ACCEPT_DELIVERY] = {{FEEDBACK, MUST}},
    [OSCI_RSP_MEDIATE_DELIVERY] = {{FEEDBACK, MUST}, {REQUEST_CARD, MAY}, {REPLY_CARD, MAY}},
    [OSCI_RSP_PROCESS_DELIVERY] = {{FEEDBACK, MUST}, {MESSAGE_ID, MAY}, {SUBJECT, MAY}},
    [OSCI_RSP_PARTIAL_STORE_DELIVERY] =
        {{INSIDE_FEEDBACK, MAY}, {FEEDBACK, MUST}, {CARD, MAY}, {PROCARD, MAY}, {CHUNK, MUST}},
    [OSCI_RSP_PARTIAL_FETCH_DELIVERY] = {{FEEDBACK, MUST},
                                         {ECHO_DELIVERY, MAY},
                                         {CHUNK, MUST},
                                         {MESSAGE_ID, MAY}},
};

/* What depends on more than one field. */
static enum status fields_check(const struct osci_message *msg, struct error *err)
{
    if (msg->subject.ptr != NULL && msg->message_id.ptr == NULL)
        return error_set(err, ST_INVALID, 9300, "a Subject without MessageId");
    if (msg->type == OSCI_PARTIAL_STORE_DELIVERY && !msg->chunk.present)
        return error_set(err, ST_INVALID, 9300, "neither ChunkInformation nor InfoOnly");
    if (msg->type == OSCI_RSP_MEDIATE_DELIVERY && msg->card_count == 1 && msg->cards[0].is_reply)
        return error_set(err, ST_INVALID, 9300, "ReplyProcessCardBundle alone");
    if (msg->type != OSCI_RSP_MEDIATE_DELIVERY && msg->type != OSCI_RSP_FETCH_PROCESS_CARD &&
        msg->card_count > 1)
        return error_set(err, ST_INVALID, 9300, "two process cards where one belongs");
    return ST_OK;
}

enum status osci_read_order(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    const struct step *step = steps[rd->msg->type];
    size_t room = osci_element_count(node);
    struct osci_cursor c;

    if (room > OSCI_CARDS_MAX)
        return error_set(err, ST_LIMIT, 9100, "more than %d elements in %s", OSCI_CARDS_MAX,
                         rd->row->name);
    rd->msg->cards = arena_array(&rd->reading->arena, sizeof *rd->msg->cards, room);
    TRY_ALLOC(rd->msg->cards, err);
    TRY(osci_cursor_init(&c, node, err));
    for (size_t i = 0; i < STEPS_MAX && step[i].field != NONE; i++) {
        const struct field_row *field = &fields[step[i].field];
        const xmlNode *child = osci_cursor_take(&c, field->ns, field->name);

        if (child == NULL && step[i].often == MUST)
            return error_set(err, ST_INVALID, 9300, "no %s where it belongs, in %s", field->name,
                             rd->row->name);
        while (child != NULL) {
            TRY(field->read(rd, child, err));
            child = step[i].often == MANY ? osci_cursor_take(&c, field->ns, field->name) : NULL;
        }
    }
    TRY(osci_cursor_end(&c, err));
    return fields_check(rd->msg, err);
}

/* ---- faults ---- */

/* Unqualified by the schema; the library qualifies them as well. */
static const xmlNode *fault_child(const xmlNode *fault, const char *name)
{
    const xmlNode *node = xml_child(fault, NULL, name);

    return node != NULL ? node : xml_child(fault, SOAP_NS, name);
}

/* Is the text "prefix:Server" with the prefix of the SOAP namespace? */
static bool is_server(const xmlNode *node, struct span text)
{
    struct span rest = span_trim(text), head;
    char prefix[64];
    const xmlNs *ns;

    if (!span_split(&rest, ':', &head) || rest.ptr == NULL || !span_is(rest, "Server") ||
        head.len >= sizeof prefix)
        return false;
    memcpy(prefix, head.ptr, head.len);
    prefix[head.len] = '\0';
    ns = xmlSearchNs(node->doc, (xmlNode *)(uintptr_t)node, (const xmlChar *)prefix);
    return ns != NULL && strcmp((const char *)ns->href, SOAP_NS) == 0;
}

enum status osci_read_fault(struct osci_reader *rd, const xmlNode *envelope, struct error *err)
{
    const xmlNode *body, *fault, *node;
    struct span code;

    TRY(osci_envelope_parts(envelope, NULL, &body, err));
    fault = xml_first(body);
    if (!xml_is(fault, SOAP_NS, "Fault") || xml_next(fault) != NULL)
        return error_set(err, ST_INVALID, 9100, "neither an OSCI message nor a SOAP fault");
    rd->msg->type = OSCI_FAULT;
    node = fault_child(fault, "faultcode");
    if (node == NULL)
        return error_set(err, ST_INVALID, 9100, "a SOAP fault without faultcode");
    TRY(osci_read_string(rd, node, OSCI_STRING_MAX, &code, err));
    rd->msg->fault_server = is_server(node, code);
    node = fault_child(fault, "faultstring");
    if (node != NULL)
        TRY(osci_read_string(rd, node, OSCI_STRING_MAX, &rd->msg->fault_text, err));
    node = fault_child(fault, "detail");
    node = node == NULL ? NULL : xml_child(node, OSCI_NS, "Code");
    if (node == NULL)
        return ST_OK;
    TRY(osci_read_string(rd, node, OSCI_STRING_MAX, &rd->msg->fault_code, err));
    rd->msg->fault_code = span_trim(rd->msg->fault_code);
    return ST_OK;
}
