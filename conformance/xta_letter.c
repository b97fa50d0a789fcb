#include "conformance/xta_letter.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define META "http://www.osci.eu/ws/2014/10/transport"
#define BOX "http://www.osci.eu/ws/2008/05/transport"
#define V5 "https://xoev.de/transport/xta/core/3.1.1"
#define CATEGORY "Meldebehörde"
#define SCENARIO                                                                                   \
    "listURI=\"urn:de:xta:codeliste:business.scenario\" listVersionID=\"3.6\"><code>XMELD_DATA"    \
    "</code>"

static const struct named {
    const char *name, *value;
} parties[] = {
    {"author", "ags:09162000"},  {"reader", "ags:09163000"}, {"first", "ags:09164000"},
    {"second", "ags:09165000"},  {"other", "ags:09166000"},  {"lenient", "ags:09167000"},
    {"locked", "ags:09168000"},  {"nobody", "ags:09171000"}, {"answering", "ags:09174000"},
    {"unknown", "ags:00000000"},
};

static const struct named services[] = {
    {"async", "urn:xoev-de:test:dienst/probe_1.wsdl"},
    {"sync", "urn:xoev-de:test:dienst/synchron_1.wsdl"},
    {"sync_only", "urn:xoev-de:test:dienst/synchron_1.wsdl"},
};

static const char *named(const struct conf_run *run, const char *kind, const char *name,
                         const struct named *rows, size_t count)
{
    char set[64];
    const char *value;

    (void)snprintf(set, sizeof set, "%s.%s", kind, name);
    value = conf_set(run, set);
    for (size_t i = 0; i < count && value == NULL; i++)
        if (strcmp(rows[i].name, name) == 0)
            value = rows[i].value;
    if (value == NULL)
        abort(); /* a name that no table has */
    return value;
}

const char *conf_xta_party(const struct conf_run *run, const char *name)
{
    return named(run, "party", name, parties, ARRAY_LEN(parties));
}

const char *conf_xta_service(const struct conf_run *run, const char *name)
{
    return named(run, "service", name, services, ARRAY_LEN(services));
}

/* ---- pieces ---- */

/* An element Identifier. */
static void put_identifier(const struct conf_xta_request *q, struct buf *b, const char *party)
{
    buf_printf(b,
               q->version == CONF_V3
                   ? "<p:Identifier xmlns:p=\"" META "\" type=\"xoev\" name=\"Größhausen: %s\" "
                     "category=\"" CATEGORY "\">"
                   : "<p:Identifier xmlns:p=\"" V5 "\" identifierScheme=\"xoev\" "
                     "name=\"Größhausen: %s\" organizationCategory=\"" CATEGORY "\">",
               party);
    buf_xml_text(b, span_str(conf_xta_party(q->run, party)));
    buf_str(b, "</p:Identifier>");
}

void conf_xta_put_party(struct conf_xta_request *q, const char *party)
{
    if (party == NULL)
        return;
    buf_str(&q->header, q->version == CONF_V3 ? "<p:Author xmlns:p=\"" META "\">"
                                              : "<p:Party xmlns:p=\"" V5 "\">");
    put_identifier(q, &q->header, party);
    buf_str(&q->header, q->version == CONF_V3 ? "</p:Author>" : "</p:Party>");
}

/* ` id="..."`, which V5 wants everywhere. */
static void put_xml_id(const struct conf_xta_request *q, struct buf *b)
{
    char id[64];

    conf_xta_uuid(q->run, "id-", id, sizeof id);
    buf_printf(b, " id=\"%s\"", id);
}

static void put_message_id(const struct conf_xta_request *q, struct buf *b, const char *id)
{
    if (q->version == CONF_V3) {
        buf_printf(b, "<wsa:MessageID>%s</wsa:MessageID>", id);
        return;
    }
    buf_str(b, "<m:XTAMessageID xmlns:m=\"" V5 "\"");
    put_xml_id(q, b);
    buf_printf(b, ">%s</m:XTAMessageID>", id);
}

void conf_xta_put_id(struct conf_xta_request *q, const char *id)
{
    put_message_id(q, &q->body, id);
}

static const char *time_of(int64_t ms, char out[40])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {0};

    if (gmtime_r(&seconds, &tm) != NULL)
        (void)strftime(out, 40, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return out;
}

static size_t size_of(const struct conf_xta_letter *l)
{
    size_t size = l->encrypted != NULL ? strlen(l->encrypted) : 0;

    for (size_t i = 0; i < l->file_count; i++)
        size += l->files[i].bytes.len;
    return size;
}

static void put_metadata_v3(struct conf_xta_request *q, const struct conf_xta_letter *l)
{
    struct buf *b = &q->header;
    char when[40];

    buf_printf(b,
               "<m:MessageMetaData xmlns:m=\"" META "\" TestMsg=\"false\"><m:DeliveryAttributes>"
               "<m:Origin>%s</m:Origin>",
               time_of(conf_now(), when));
    if (l->not_before != 0)
        buf_printf(b, "<m:NotBefore>%s</m:NotBefore>", time_of(l->not_before, when));
    buf_str(b, "</m:DeliveryAttributes><m:Originators><m:Author>");
    put_identifier(q, b, l->author);
    buf_str(b, "</m:Author></m:Originators><m:Destinations><m:Reader>");
    put_identifier(q, b, l->reader);
    buf_str(b, "</m:Reader></m:Destinations><m:MsgIdentification>");
    put_message_id(q, b, l->id);
    buf_str(b, "</m:MsgIdentification><m:Qualifier><m:Subject>");
    buf_xml_text(b, span_str(l->subject));
    buf_printf(b,
               "</m:Subject><m:Service>%s</m:Service><m:BusinessScenario><m:Defined " SCENARIO
               "</m:Defined></m:BusinessScenario><m:MessageType "
               "listURI=\"urn:de:codeliste:nachrichtentyp\" listVersionID=\"1\" "
               "payloadSchema=\"http://www.osci.de/xmeld33\"><code>probe.nachricht.0001</code>"
               "</m:MessageType></m:Qualifier><m:MsgSize>%zu</m:MsgSize></m:MessageMetaData>",
               conf_xta_service(q->run, l->service), size_of(l));
}

static void put_metadata_v5(struct conf_xta_request *q, const struct conf_xta_letter *l)
{
    struct buf *b = &q->header;
    char when[40];

    buf_str(b, "<m:MessageMetaData xmlns:m=\"" V5 "\">");
    put_message_id(q, b, l->id);
    buf_str(b, "<m:Reader");
    put_xml_id(q, b);
    buf_char(b, '>');
    put_identifier(q, b, l->reader);
    buf_str(b, "</m:Reader><m:Originators><m:Author");
    put_xml_id(q, b);
    buf_char(b, '>');
    put_identifier(q, b, l->author);
    buf_str(b, "</m:Author></m:Originators><m:Qualifier");
    put_xml_id(q, b);
    buf_printf(b,
               "><m:Service>%s</m:Service><m:BusinessScenario><m:Defined " SCENARIO
               "</m:Defined></m:BusinessScenario><m:MessageType "
               "messageSchema=\"http://www.osci.de/xmeld33\">probe.nachricht.0001</m:MessageType>"
               "</m:Qualifier><m:MessageSize>%zu</m:MessageSize><m:DeliveryAttributes><m:Origin",
               conf_xta_service(q->run, l->service), size_of(l));
    put_xml_id(q, b);
    buf_printf(b, ">%s</m:Origin></m:DeliveryAttributes><m:ServiceQuality",
               time_of(conf_now(), when));
    put_xml_id(q, b);
    buf_str(b, "><m:Undefined>kein einheitliches Serviceprofil</m:Undefined></m:ServiceQuality>"
               "</m:MessageMetaData>");
}

static void put_file(struct conf_xta_request *q, const struct conf_xta_file *file, bool message)
{
    struct buf *b = &q->body;
    const char *element = message ? "Message" : "Attachment";

    buf_printf(b, "<x:%s contentType=\"%s\" encoding=\"UTF-8\" filename=\"", element, file->type);
    buf_xml_attr(b, span_str(file->name));
    buf_char(b, '"');
    put_xml_id(q, b);
    buf_printf(b, " size=\"%zu\">", file->bytes.len);
    conf_xta_put_bytes(q, file->bytes);
    buf_printf(b, "</x:%s>", element);
}

void conf_xta_put_letter(struct conf_xta_request *q, const struct conf_xta_letter *l)
{
    if (q->version == CONF_V5) {
        put_metadata_v5(q, l);
        conf_xta_put_party(q, l->party != NULL ? l->party : l->author);
        buf_str(&q->body, "<x:ContentContainer xmlns:x=\"" V5 "\">");
    } else {
        put_metadata_v3(q, l);
        buf_str(&q->body,
                "<x:GenericContentContainer xmlns:x=\"http://xoev.de/transport/xta/211\">");
        buf_str(&q->body, l->encrypted != NULL ? l->encrypted : "<x:ContentContainer>");
    }
    for (size_t i = 0; i < l->file_count; i++)
        put_file(q, &l->files[i], i == 0);
    if (q->version == CONF_V5 || l->encrypted == NULL)
        buf_str(&q->body, "</x:ContentContainer>");
    if (q->version == CONF_V3)
        buf_str(&q->body, "</x:GenericContentContainer>");
}

/* ---- exchanges ---- */

enum status conf_xta_ask(struct conf_run *run, enum conf_ask ask, const char *who,
                         const char *party, struct conf_xta_reply *reply, struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    TRY(conf_xta_request_init(&q, run, ask, who, err));
    conf_xta_put_party(&q, party);
    return conf_xta_send(&q, reply, err);
}

enum status conf_xta_works(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_ask(run, ASK_ACCOUNT, "author", "author", &reply, err));
    if (!conf_xta_is_result(&reply))
        return error_set(err, ST_RETRY, 0, "checkAccountActive of author: %s", reply.what);
    return ST_OK;
}

enum status conf_xta_ask_about(struct conf_run *run, enum conf_ask ask, const char *who,
                               const char *party, const char *id, struct conf_xta_reply *reply,
                               struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    TRY(conf_xta_request_init(&q, run, ask, who, err));
    conf_xta_put_party(&q, party);
    conf_xta_put_id(&q, id);
    return conf_xta_send(&q, reply, err);
}

enum status conf_xta_bring(struct conf_run *run, enum conf_ask ask, const char *who,
                           const struct conf_xta_letter *letter, struct conf_xta_reply *reply,
                           struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    TRY(conf_xta_request_init(&q, run, ask, who, err));
    conf_xta_put_letter(&q, letter);
    return conf_xta_send(&q, reply, err);
}

enum status conf_xta_new_id(struct conf_run *run, const char *who, const char *party, char *id,
                            size_t cap, struct error *err)
{
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_ask(run, ASK_NEW_ID, who, party, &reply, err));
    (void)conf_xta_text(&reply, NULL, EL("Body") "/*", id, cap);
    if (!conf_xta_is_result(&reply) || id[0] == '\0')
        return error_set(err, ST_RETRY, 0, "no message id: %s", reply.what);
    return ST_OK;
}

enum status conf_xta_letter_init(struct conf_run *run, const char *who, const char *author,
                                 const char *reader, struct conf_xta_letter *letter,
                                 struct error *err)
{
    *letter = (struct conf_xta_letter){
        .author = author,
        .reader = reader,
        .service = "async",
        .subject = "Rückmeldung – Größe & Maß <1>",
        .files = {{"prüfung.xml", "text/xml",
                   SPAN("<probe xmlns=\"urn:depesche:probe:1\">Grüße aus Łódź</probe>\n")}},
        .file_count = 1};
    return conf_xta_new_id(run, who, author, letter->id, sizeof letter->id, err);
}

enum status conf_xta_sent(struct conf_run *run, const char *who, const char *author,
                          const char *reader, struct conf_xta_letter *letter, struct error *err)
{
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_letter_init(run, who, author, reader, letter, err));
    TRY(conf_xta_bring(run, ASK_SEND, who, letter, &reply, err));
    if (!conf_xta_is_result(&reply))
        return error_set(err, ST_RETRY, 0, "sendMessage: %s", reply.what);
    return ST_OK;
}

enum status conf_xta_status(struct conf_run *run, const char *who, const char *party,
                            const char *id, int *status, struct error *err)
{
    char text[32];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_ask_about(run, ASK_REPORT, who, party, id, &reply, err));
    (void)conf_xta_text(&reply, NULL, "//" EL("MessageStatus") "/" EL("Status"), text, sizeof text);
    *status = conf_xta_is_result(&reply) && text[0] != '\0' ? (int)strtol(text, NULL, 10) : -1;
    return ST_OK;
}

enum status conf_xta_status_ends(struct conf_run *run, const char *who, const char *party,
                                 const char *id, int *status, struct error *err)
{
    int64_t until = conf_xta_wait_until(run);

    for (;;) {
        TRY(conf_xta_status(run, who, party, id, status, err));
        if (*status != 0 || conf_now() > until)
            return ST_OK;
        conf_sleep(200);
    }
}

/* A body that fits, with that id where one is asked for. */
static void put_any(struct conf_xta_request *q, const char *id)
{
    static const char *const bodies[ASK_KINDS][CONF_VERSIONS] = {
        [ASK_LOOKUP] = {"<x:LookupServiceRequest xmlns:x=\"http://xoev.de/transport/xta/211\">"
                        "<x:LookupServiceRequestList><x:LookupService><m:Reader xmlns:m=\"" META
                        "\"><m:Identifier type=\"xoev\">ags:1</m:Identifier></m:Reader>"
                        "<x:ServiceType>urn:dienst</x:ServiceType></x:LookupService>"
                        "</x:LookupServiceRequestList></x:LookupServiceRequest>",
                        "<x:LookupQuery xmlns:x=\"" V5 "\"><x:LookupService><x:Reader>"
                        "<x:Identifier>ags:1</x:Identifier></x:Reader></x:LookupService>"
                        "</x:LookupQuery>"},
        [ASK_LIST] = {"<b:MsgBoxStatusListRequest xmlns:b=\"" BOX "\"><b:MsgSelector/>"
                      "</b:MsgBoxStatusListRequest>",
                      "<x:MessageSelector xmlns:x=\"" V5 "\"><x:OtherCriteria/>"
                      "</x:MessageSelector>"},
        [ASK_NEXT_LIST] = {"<b:MsgBoxGetNextRequest xmlns:b=\"" BOX "\" "
                           "MsgBoxRequestID=\"urn:de:xta:requestid:niemand:1\"/>",
                           ""},
        [ASK_NEXT] = {"<b:MsgBoxGetNextRequest xmlns:b=\"" BOX "\" "
                      "MsgBoxRequestID=\"urn:de:xta:requestid:niemand:1\"/>",
                      ""},
        [ASK_GET] = {"<b:MsgBoxFetchRequest xmlns:b=\"" BOX "\"><b:MsgSelector/>"
                     "</b:MsgBoxFetchRequest>",
                     ""},
        [ASK_CLOSE] = {"<b:MsgBoxCloseRequest xmlns:b=\"" BOX "\" "
                       "MsgBoxRequestID=\"urn:de:xta:requestid:niemand:1\"/>",
                       ""},
    };
    bool fetch = q->version == CONF_V5 && (q->ask == ASK_GET || q->ask == ASK_CLOSE);

    if (bodies[q->ask][q->version] != NULL)
        buf_str(&q->body, bodies[q->ask][q->version]);
    if (fetch)
        buf_str(&q->body, "<x:MessageFetch xmlns:x=\"" V5 "\">");
    if (fetch || q->ask == ASK_REPORT || q->ask == ASK_CANCEL)
        conf_xta_put_id(q, id);
    if (fetch)
        buf_str(&q->body, "</x:MessageFetch>");
}

enum status conf_xta_ask_any(struct conf_run *run, enum conf_ask ask, const char *who,
                             const char *party, struct conf_xta_reply *reply, struct error *err)
{
    struct conf_xta_letter letter = {.author = party,
                                     .reader = "reader",
                                     .service = "async",
                                     .subject = "Probe",
                                     .files = {{"probe.txt", "text/plain", SPAN("Probe")}},
                                     .file_count = 1};
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    conf_xta_uuid(run, "urn:de:xta:messageid:niemand:", letter.id, sizeof letter.id);
    TRY(conf_xta_request_init(&q, run, ask, who, err));
    if (ask == ASK_SEND || ask == ASK_SEND_SYNC || ask == ASK_DELIVER) {
        conf_xta_put_letter(&q, &letter);
    } else {
        conf_xta_put_party(&q, party);
        put_any(&q, letter.id);
    }
    return conf_xta_send(&q, reply, err);
}
