/* Sending through an XTA server, and its reports. */
#include "conformance/xta_scenarios.h"

#include <stdio.h>
#include <string.h>

enum { LARGE = 10 * 1024 * 1024, REPORT_TEXT = 512 };

static void look_report(struct conf_run *run, const struct conf_xta_reply *report, const char *id)
{
    char text[REPORT_TEXT], found[CONF_XTA_ID_SIZE];
    xmlNode *node = conf_xta_node(report, NULL, EL("Body") "//" EL("TransportReport"));

    if (!conf_check(run, 46, conf_xta_is_result(report) && node != NULL, "%s", report->what))
        return;
    (void)conf_check(run, 46,
                     conf_xta_text(report, node, EL("ReportTime"), text, sizeof text)[0] != '\0',
                     "no ReportTime");
    (void)conf_check(
        run, 46, conf_xta_text(report, node, EL("XTAServerIdentity"), text, sizeof text)[0] != '\0',
        "no XTAServerIdentity");
    (void)conf_check(run, 46,
                     conf_xta_text(report, node, EL("MessageStatus") "/" EL("Status"), text,
                                   sizeof text)[0] != '\0',
                     "no MessageStatus");
    (void)conf_xta_text(report, node,
                        EL("MessageMetaData") "//*[local-name()='MessageID' or "
                                              "local-name()='XTAMessageID']",
                        found, sizeof found);
    (void)conf_check(run, 46, strcmp(found, id) == 0, "a report about \"%s\" instead of %s", found,
                     id);
    (void)conf_check(run, 47,
                     conf_xta_node(report, node, EL("AdditionalReports") "/" EL("Report")) != NULL,
                     "no AdditionalReports");
}

static enum status sends(struct conf_run *run, struct error *err)
{
    struct conf_xta_letter letter;
    char status[16];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply sent = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply report = {0};

    TRY(conf_xta_letter_init(run, "author", "author", "reader", &letter, err));
    TRY(conf_xta_bring(run, ASK_SEND, "author", &letter, &sent, err));
    (void)conf_check(run, 40, conf_xta_is_result(&sent) && conf_xta_body(&sent) == NULL, "%s",
                     sent.what);
    TRY(conf_xta_ask_about(run, ASK_REPORT, "author", "author", letter.id, &report, err));
    (void)conf_xta_text(&report, NULL, "//" EL("MessageStatus") "/" EL("Status"), status,
                        sizeof status);
    (void)conf_check(run, 45, conf_xta_is_result(&report) && strcmp(status, "0") == 0,
                     "status \"%s\", %s", status, report.what);
    look_report(run, &report, letter.id);
    return ST_OK;
}

/* ---- unchanged ---- */

/* What metadata say, below MessageMetaData. */
static const char *const said[] = {
    "//" EL("Author") "/" EL("Identifier"),
    "//" EL("Author") "/" EL("Identifier") "/@name",
    "//" EL("Author") "/" EL("Identifier") "/@type",
    "//" EL("Author") "/" EL("Identifier") "/@category",
    "//" EL("Author") "/" EL("Identifier") "/@identifierScheme",
    "//" EL("Author") "/" EL("Identifier") "/@organizationCategory",
    "//" EL("Reader") "/" EL("Identifier"),
    "//" EL("Reader") "/" EL("Identifier") "/@name",
    "//" EL("Reader") "/" EL("Identifier") "/@type",
    "//" EL("Reader") "/" EL("Identifier") "/@identifierScheme",
    "//" EL("Qualifier") "/" EL("Service"),
    "//" EL("Qualifier") "/" EL("Subject"),
    "//" EL("BusinessScenario") "//code",
    "//" EL("BusinessScenario") "//@listURI",
    "//" EL("MessageType"),
    "//" EL("MessageType") "/@payloadSchema",
    "//" EL("MessageType") "/@messageSchema",
    "//*[local-name()='MsgSize' or local-name()='MessageSize']",
};

static void look_metadata(struct conf_run *run, const struct conf_xta_reply *sent,
                          const struct conf_xta_reply *got)
{
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        char path[400], before[300], after[300];

        (void)snprintf(path, sizeof path, EL("Header") "/" EL("MessageMetaData") "%s", said[i]);
        (void)conf_xta_text(sent, NULL, path, before, sizeof before);
        (void)conf_xta_text(got, NULL, path, after, sizeof after);
        (void)conf_check(run, 41, strcmp(before, after) == 0, "\"%s\" became \"%s\" (%s)", before,
                         after, said[i]);
    }
}

static void look_files(struct conf_run *run, unsigned number, const struct conf_xta_letter *letter,
                       const struct conf_xta_reply *got)
{
    for (size_t i = 0; i < letter->file_count; i++) {
        const struct conf_xta_file *file = &letter->files[i];
        char path[200], name[200], type[100];
        xmlNode *node;
        AUTO(buf_deinit) struct buf bytes = {0};

        (void)snprintf(path, sizeof path,
                       "(" EL("Body") "//*[local-name()='Message' or local-name()='Attachment'])"
                                      "[%zu]",
                       i + 1);
        node = conf_xta_node(got, NULL, path);
        (void)conf_check(
            run, number,
            conf_xta_bytes(got, node, &bytes) && span_eq(buf_span(&bytes), file->bytes),
            "%s: %zu bytes came of %zu, or others", file->name, bytes.len, file->bytes.len);
        (void)conf_xta_text(got, node, "@filename", name, sizeof name);
        (void)conf_xta_text(got, node, "@contentType", type, sizeof type);
        (void)conf_check(run, number,
                         node != NULL && strcmp(name, file->name) == 0 &&
                             strcmp(type, file->type) == 0,
                         "%s, %s became %s, %s", file->name, file->type, name, type);
    }
}

/* Sends, waits, fetches, closes. sent: NULL, or what the request said. */
static enum status through(struct conf_xta_box *box, struct conf_xta_letter *letter,
                           struct conf_xta_reply *sent, struct conf_xta_reply *got,
                           struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};

    TRY(conf_xta_request_init(&q, box->run, ASK_SEND, "author", err));
    conf_xta_put_letter(&q, letter);
    TRY(conf_xta_send(&q, &reply, err));
    if (!conf_xta_is_result(&reply))
        return error_set(err, ST_RETRY, 0, "sendMessage: %s", reply.what);
    if (sent != NULL) { /* one's own request is read as an answer would be */
        *sent = (struct conf_xta_reply){.status = 200, .version = q.version};
        buf_init(&sent->body, CONF_XTA_WIRE_MAX);
        buf_add(&sent->body, buf_span(&q.envelope));
        conf_xta_reply_read(sent);
    }
    TRY(conf_xta_arrived(box, letter->id, err));
    TRY(conf_xta_box_get(box, letter->id, got, err));
    if (!conf_xta_is_result(got))
        return error_set(err, ST_RETRY, 0, "getMessage: %s", got->what);
    return conf_xta_box_close(box, letter->id, &closed, err);
}

static enum status unchanged(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letter;
    uint8_t all[2 * 256];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply sent = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};

    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    TRY(conf_xta_letter_init(run, "author", "author", "first", &letter, err));
    letter.files[1] = (struct conf_xta_file){"Anlage Größe ß – Łódź.bin",
                                             "application/octet-stream", span_of(all, sizeof all)};
    letter.files[2] =
        (struct conf_xta_file){"Zeilen.txt", "text/plain", SPAN("a\r\nb\nc\r\r\n--\r\n")};
    letter.file_count = 3;
    TRY(through(&box, &letter, &sent, &got, err));
    look_files(run, 41, &letter, &got);
    look_metadata(run, &sent, &got);
    return ST_OK;
}

static enum status large(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letter;
    AUTO(free_drop) uint8_t *bytes = malloc(LARGE);
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};

    TRY_ALLOC(bytes, err);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)((i * 2654435761u) >> 13);
    TRY(conf_xta_letter_init(run, "author", "author", "first", &letter, err));
    letter.files[1] =
        (struct conf_xta_file){"gross.bin", "application/octet-stream", span_of(bytes, LARGE)};
    letter.file_count = 2;
    TRY(through(&box, &letter, NULL, &got, err));
    look_files(run, 44, &letter, &got);
    return ST_OK;
}

/* ---- encrypted ---- */

#define SEALED                                                                                     \
    "<xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" "                        \
    "Type=\"http://www.w3.org/2001/04/xmlenc#Element\"><xenc:EncryptionMethod "                    \
    "Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/><ds:KeyInfo "                       \
    "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:KeyName>Schlüssel 1</ds:KeyName>"        \
    "</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g" \
    "ISIjJCUmJygpKissLS4v</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>"

static void look_sealed(struct conf_run *run, const struct conf_xta_reply *got)
{
    char text[200];
    xmlNode *sealed = conf_xta_node(got, NULL, EL("Body") "//" EL("EncryptedData"));
    AUTO(buf_deinit) struct buf bytes = {0};
    bool same = conf_xta_bytes(got, conf_xta_node(got, sealed, ".//" EL("CipherValue")), &bytes) &&
                bytes.len == 48;

    for (size_t i = 0; same && i < bytes.len; i++)
        same = bytes.ptr[i] == i;
    (void)conf_check(run, 43, sealed != NULL && same, "the CipherValue is another one");
    (void)conf_xta_text(got, sealed, ".//" EL("KeyName"), text, sizeof text);
    (void)conf_check(run, 43, strcmp(text, "Schlüssel 1") == 0, "KeyName became \"%s\"", text);
    (void)conf_xta_text(got, sealed, EL("EncryptionMethod") "/@Algorithm", text, sizeof text);
    (void)conf_check(run, 43, strcmp(text, "http://www.w3.org/2009/xmlenc11#aes256-gcm") == 0,
                     "Algorithm became \"%s\"", text);
}

static enum status encrypted(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};

    TRY(conf_xta_letter_init(run, "author", "author", "first", &letter, err));
    if (conf_xta_version(run) == CONF_V3) {
        letter.encrypted = SEALED;
        letter.file_count = 0;
    } else { /* V5 has no element for it: it goes as an opaque Message */
        letter.files[0] =
            (struct conf_xta_file){"verschlüsselt.xml", "application/octet-stream", SPAN(SEALED)};
    }
    TRY(through(&box, &letter, NULL, &got, err));
    if (conf_xta_version(run) == CONF_V3)
        look_sealed(run, &got);
    else
        look_files(run, 43, &letter, &got);
    return ST_OK;
}

/* ---- refused ---- */

static enum status author_not_mine(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "second", ""};

    for (size_t i = 0; i < 2; i++) {
        struct conf_xta_letter letter;
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

        TRY(conf_xta_letter_init(run, "author", "author", "second", &letter, err));
        letter.author = "reader";
        letter.party = i == 0 ? NULL : "author"; /* in V5 the header alone is right */
        TRY(conf_xta_bring(run, ASK_SEND, "author", &letter, &reply, err));
        (void)conf_check(run, 42, conf_xta_is_fault(&reply, "PD", "9014"), "%s", reply.what);
        TRY(conf_xta_look_absent(&box, 42, letter.id, err));
    }
    return ST_OK;
}

static bool is_denied(const struct conf_xta_reply *reply)
{
    return conf_xta_is_fault(reply, "IMI", "9070") || conf_xta_is_fault(reply, "PD", NULL);
}

static enum status unknown_ids(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "reader", "reader", ""};
    const struct conf_xta_selection all = {.entries = CONF_NEW};
    char id[CONF_XTA_ID_SIZE];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply report = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};

    conf_xta_uuid(run, "urn:de:xta:messageid:niemand:", id, sizeof id);
    TRY(conf_xta_ask_about(run, ASK_REPORT, "author", "author", id, &report, err));
    (void)conf_check(run, 50, conf_xta_is_fault(&report, "IMI", "9070"), "%s", report.what);
    TRY(conf_xta_box_get(&box, id, &got, err));
    (void)conf_check(run, 51, conf_xta_is_fault(&got, "IMI", "9070"), "%s", got.what);
    TRY(conf_xta_box_list(&box, &all, &list, err)); /* a request id of the reader's, for close */
    TRY(conf_xta_box_close(&box, id, &closed, err));
    (void)conf_check(run, 52, conf_xta_is_fault(&closed, "IMI", "9070"), "%s", closed.what);
    return ST_OK;
}

static enum status third_party(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_box other = {run, "other", "other", ""};
    const struct conf_xta_selection all = {.entries = CONF_NEW};
    struct conf_xta_letter letter;
    bool listed = false;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply report = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};

    TRY(conf_xta_box_fill(&box, 1, &letter, err));
    TRY(conf_xta_ask_about(run, ASK_REPORT, "other", "other", letter.id, &report, err));
    TRY(conf_xta_box_list(&other, &all, &list, err));
    TRY(conf_xta_box_get(&other, letter.id, &got, err));
    TRY(conf_xta_box_close(&other, letter.id, &closed, err));
    (void)conf_check(run, 53, conf_xta_is_result(&list), "the third party has no box: %s",
                     list.what);
    (void)conf_check(run, 53, is_denied(&report), "getTransportReport: %s", report.what);
    (void)conf_check(run, 53, is_denied(&got), "getMessage: %s", got.what);
    (void)conf_check(run, 53, is_denied(&closed), "close: %s", closed.what);
    TRY(conf_xta_arrives(&box, letter.id, false, &listed, err));
    (void)conf_check(run, 53, listed, "the reader's message is no longer new");
    return ST_OK;
}

static enum status author_fetches(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_box own = {run, "author", "author", ""};
    struct conf_xta_box foreign = {run, "author", "first", ""};
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply as_author = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply as_reader = {0};

    TRY(conf_xta_box_fill(&box, 1, &letter, err));
    TRY(conf_xta_box_get(&own, letter.id, &as_author, err));
    TRY(conf_xta_box_get(&foreign, letter.id, &as_reader, err));
    (void)conf_check(run, 54, is_denied(&as_author), "as the author: %s", as_author.what);
    (void)conf_check(run, 54, conf_xta_is_fault(&as_reader, "PD", "9014"),
                     "in the reader's name: %s", as_reader.what);
    return ST_OK;
}

/* ---- how it ends ---- */

static enum status unreachable(struct conf_run *run, struct error *err)
{
    struct conf_xta_letter letter;
    int status = -1;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply report = {0};

    if (conf_set(run, "party.unreachable") == NULL)
        return error_set(err, ST_NOT_FOUND, 0,
                         "needs a reader whom no message reaches (--set party.unreachable=ID)");
    TRY(conf_xta_sent(run, "author", "author", "unreachable", &letter, err));
    TRY(conf_xta_status_ends(run, "author", "author", letter.id, &status, err));
    TRY(conf_xta_ask_about(run, ASK_REPORT, "author", "author", letter.id, &report, err));
    (void)conf_check(run, 48,
                     status == 3 &&
                         conf_xta_node(&report, NULL, "//" EL("ErrorList") "/" EL("Error")) != NULL,
                     "status %d after a failed transport", status);
    return ST_OK;
}

static enum status ends(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letter;
    int status = -1;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};

    TRY(conf_xta_letter_init(run, "author", "author", "first", &letter, err));
    TRY(through(&box, &letter, NULL, &got, err));
    TRY(conf_xta_status_ends(run, "author", "author", letter.id, &status, err));
    if (status != 1 && status != 2)
        (void)conf_check(run, 48, false, "status %d after close", status);
    return unreachable(run, err);
}

static enum status crash(struct conf_run *run, struct error *err)
{
    static const char *const kill[] = {"KILL"};
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letter;
    bool listed = false;
    int status = -1;

    if (conf_hook(run, "restart-xta") == NULL)
        return error_set(err, ST_NOT_FOUND, 0,
                         "needs the hook restart-xta (--hook restart-xta=...)");
    TRY(conf_xta_sent(run, "author", "author", "first", &letter, err));
    TRY(conf_hook_run(run, "restart-xta", kill, 1, NULL, err));
    TRY(conf_xta_status(run, "author", "author", letter.id, &status, err));
    (void)conf_check(run, 49, status >= 0 && status < 3, "after the crash its report has status %d",
                     status);
    TRY(conf_xta_arrives(&box, letter.id, true, &listed, err));
    (void)conf_check(run, 49, listed, "after the crash it never arrives");
    return ST_OK;
}

static const struct conf_scenario scenarios[] = {
    {"send", sends, {40, 45, 46, 47}},
    {"unchanged", unchanged, {41}},
    {"author-not-mine", author_not_mine, {42}},
    {"encrypted", encrypted, {43}},
    {"large", large, {44}},
    {"ends", ends, {48}},
    {"crash", crash, {49}},
    {"unknown-ids", unknown_ids, {50, 51, 52}},
    {"third-party", third_party, {53}},
    {"author-fetches", author_fetches, {54}},
};

struct conf_scenario_list conf_xta_sending(void)
{
    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
