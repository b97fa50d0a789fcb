#include "osci/read.h"

static enum status time_read(struct osci_reader *rd, const xmlNode *node, struct osci_time *time,
                             struct error *err)
{
    struct osci_cursor c;
    const xmlNode *value;

    TRY(osci_cursor_init(&c, node, err));
    value = osci_cursor_take(&c, OSCI_NS, "Plain");
    if (value != NULL) {
        TRY(osci_read_datetime(rd, value, &time->text, err));
        return osci_cursor_end(&c, err);
    }
    TRY(osci_cursor_need(&c, OSCI_NS, "Cryptographic", &value, err));
    TRY(osci_read_string(rd, value, OSCI_EVIDENCE_MAX, &time->text, err));
    buf_reset(&rd->scratch);
    if (buf_base64_decode(&rd->scratch, time->text, err) != ST_OK)
        return error_set(err, ST_INVALID, 9300, "a cryptographic time that is no base64");
    time->cryptographic = true;
    time->algorithm = xml_attr(value, NULL, "Algorithm");
    return osci_cursor_end(&c, err);
}

/* A time that the message's type must, may or must not show. */
static enum status stamp_read(struct osci_reader *rd, struct osci_cursor *c, const char *name,
                              enum osci_presence presence, struct osci_time *time,
                              struct error *err)
{
    const xmlNode *node = osci_cursor_take(c, OSCI_NS, name);

    if (node == NULL) {
        if (presence == OSCI_MUST)
            return error_set(err, ST_INVALID, 9300, "a process card without %s", name);
        return ST_OK;
    }
    if (presence == OSCI_NEVER)
        return error_set(err, ST_INVALID, 9300, "a process card with %s in %s", name,
                         rd->row->name);
    return time_read(rd, node, time, err);
}

static enum status result_read(struct osci_cursor *c, const char *name, const char *good,
                               const char *bad, enum osci_check *check, struct error *err)
{
    const char *const names[] = {good, bad, "indeterminate"};
    const xmlNode *node;
    size_t which;

    TRY(osci_cursor_need(c, OSCI_NS, name, &node, err));
    TRY(osci_read_choice(node, "Result", names, ARRAY_LEN(names), &which, err));
    *check = (enum osci_check)(OSCI_CHECK_GOOD + which);
    return ST_OK;
}

/* OSCP is the schema's spelling, OCSP that of the field (digest 0.4 row 1). */
static enum status online_read(struct osci_reader *rd, const xmlNode *node,
                               struct osci_inspection *in, struct error *err)
{
    static const char *const kinds[] = {"OCSP", "OSCP", "CRL", "LDAP"};
    struct span result = xml_attr(node, NULL, "Result");
    struct osci_cursor c;

    if (result.ptr == NULL)
        return error_set(err, ST_INVALID, 9300, "OnlineResult without Result");
    in->online = span_is(result, "ok") ? OSCI_CHECK_GOOD : OSCI_CHECK_BAD;
    TRY(osci_cursor_init(&c, node, err));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const xmlNode *evidence = osci_cursor_take(&c, OSCI_NS, kinds[i]);
        struct span text;

        if (evidence == NULL)
            continue;
        TRY(osci_read_string(rd, evidence, OSCI_EVIDENCE_MAX, &text, err));
        if (in->online_kind.len == 0) {
            in->online_kind = i < 2 ? SPAN("OCSP") : span_str(kinds[i]);
            in->online_evidence = text;
        }
    }
    return osci_cursor_end(&c, err);
}

static enum status text_need(struct osci_reader *rd, struct osci_cursor *c, const char *name,
                             struct span *text, struct error *err)
{
    const xmlNode *node;

    TRY(osci_cursor_need(c, OSCI_NS, name, &node, err));
    return osci_read_string(rd, node, OSCI_STRING_MAX, text, err);
}

static bool is_integer(struct span text)
{
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = span_from(text, 1);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static enum status inspection_read(struct osci_reader *rd, const xmlNode *node,
                                   struct osci_inspection *in, struct error *err)
{
    static const char *const types[] = {"advanced", "qualified", "accredited", "unknown"};
    struct osci_cursor c;
    const xmlNode *child;
    size_t which;

    TRY(osci_cursor_init(&c, node, err));
    TRY(osci_cursor_need(&c, OSCI_NS, "Timestamp", &child, err));
    TRY(time_read(rd, child, &in->timestamp, err));
    TRY(text_need(rd, &c, "X509SubjectName", &in->subject, err));
    TRY(text_need(rd, &c, "X509IssuerName", &in->issuer, err));
    TRY(text_need(rd, &c, "X509SerialNumber", &in->serial, err));
    in->serial = span_trim(in->serial);
    if (!is_integer(in->serial))
        return error_set(err, ST_INVALID, 9300, "X509SerialNumber is no number");
    TRY(osci_cursor_need(&c, OSCI_NS, "CertType", &child, err));
    TRY(osci_read_choice(child, "Type", types, ARRAY_LEN(types), &which, err));
    in->cert_type = span_str(types[which]);
    TRY(result_read(&c, "MathResult", "ok", "corrupted", &in->math, err));
    TRY(result_read(&c, "OfflineResult", "valid", "invalid", &in->offline, err));
    child = osci_cursor_take(&c, OSCI_NS, "OnlineResult");
    if (child != NULL)
        TRY(online_read(rd, child, in, err));
    return osci_cursor_end(&c, err);
}

static enum status report_read(struct osci_reader *rd, const xmlNode *node, struct osci_card *card,
                               struct error *err)
{
    size_t count = osci_element_count(node);
    struct osci_cursor c;
    const xmlNode *child;

    if (count > OSCI_CERTS_MAX)
        return error_set(err, ST_LIMIT, 9100, "more than %d inspections", OSCI_CERTS_MAX);
    card->inspections = arena_array(&rd->reading->arena, sizeof *card->inspections, count);
    TRY_ALLOC(card->inspections, err);
    TRY(osci_cursor_init(&c, node, err));
    while ((child = osci_cursor_take(&c, OSCI_NS, "Inspection")) != NULL)
        TRY(inspection_read(rd, child, &card->inspections[card->inspection_count++], err));
    return osci_cursor_end(&c, err);
}

static enum status process_card_read(struct osci_reader *rd, const xmlNode *node,
                                     struct osci_card *card, struct error *err)
{
    enum osci_presence reception = rd->row->reception;
    struct osci_cursor c;
    const xmlNode *subject;

    if (rd->msg->type == OSCI_RSP_MEDIATE_DELIVERY) /* digest 5.2: two cards, two rules */
        reception = card->is_reply ? OSCI_NEVER : OSCI_MUST;
    card->recent_modification = span_trim(xml_attr(node, NULL, "RecentModification"));
    if (!osci_is_datetime(card->recent_modification))
        return error_set(err, ST_INVALID, 9300, "RecentModification is no date and time");
    TRY(osci_cursor_init(&c, node, err));
    TRY(stamp_read(rd, &c, "Creation", rd->row->creation, &card->creation, err));
    TRY(stamp_read(rd, &c, "Forwarding", rd->row->forwarding, &card->forwarding, err));
    TRY(stamp_read(rd, &c, "Reception", reception, &card->reception, err));
    subject = osci_cursor_take(&c, OSCI_NS, "Subject");
    if (subject != NULL)
        TRY(osci_read_string(rd, subject, OSCI_STRING_MAX, &card->subject, err));
    return osci_cursor_end(&c, err);
}

enum status osci_read_card(struct osci_reader *rd, const xmlNode *node, bool is_reply,
                           struct error *err)
{
    struct osci_card *card = &rd->msg->cards[rd->msg->card_count];
    struct osci_cursor c;
    const xmlNode *child;

    card->is_reply = is_reply;
    TRY(osci_cursor_init(&c, node, err));
    TRY(osci_cursor_need(&c, OSCI_NS, "MessageId", &child, err));
    TRY(osci_read_base64(rd, child, OSCI_ID_BYTES_MAX, &card->message_id, err));
    TRY(osci_cursor_need(&c, OSCI_NS, "ProcessCard", &child, err));
    TRY(process_card_read(rd, child, card, err));
    TRY(osci_cursor_need(&c, OSCI_NS, "InspectionReport", &child, err));
    TRY(report_read(rd, child, card, err));
    rd->msg->card_count++;
    return osci_cursor_end(&c, err);
}
