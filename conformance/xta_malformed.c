/* Requests to an XTA server that are wrong in one point. */
#include "conformance/xta_malformed.h"

#include <stdio.h>
#include <string.h>

/* ---- a letter that is spoilt ---- */

enum status conf_xta_spoilt_init(struct conf_xta_spoilt *s, struct conf_run *run, enum conf_ask ask,
                                 bool plain, struct error *err)
{
    *s = (struct conf_xta_spoilt){.box = {run, "both", "second", ""}};
    TRY(conf_xta_letter_init(run, "author", "author", "second", &s->letter, err));
    TRY(conf_xta_request_init(&s->q, run, ask, "author", err));
    s->q.plain = plain;
    conf_xta_put_letter(&s->q, &s->letter);
    return conf_xta_close(&s->q, err);
}

void conf_xta_spoilt_deinit(struct conf_xta_spoilt *s)
{
    conf_xta_request_deinit(&s->q);
    conf_xta_reply_deinit(&s->reply);
}

enum status conf_xta_spoilt_send(struct conf_xta_spoilt *s, struct error *err)
{
    TRY(conf_xta_pack(&s->q, err));
    return conf_xta_post(&s->q, &s->reply, err);
}

enum status conf_xta_spoilt_look(struct conf_xta_spoilt *s, unsigned number, const char *what,
                                 struct error *err)
{
    (void)conf_check(s->q.run, number, conf_xta_is_refusal(&s->reply), "%s: %s", what,
                     s->reply.what);
    return conf_xta_look_absent(&s->box, number, s->letter.id, err);
}

/* ---- in the XML ---- */

struct spoil {
    const char *what;
    const char *from, *to; /* to NULL: what stands from from up to until is taken out */
    const char *until;
};

#define CUT(element)                                                                               \
    {                                                                                              \
        "without " element, "<m:" element, NULL, "</m:" element ">"                                \
    }

static const struct spoil mandatory_v3[] = {
    CUT("DeliveryAttributes"),
    CUT("Originators"),
    CUT("Destinations"),
    CUT("Reader"),
    CUT("MsgIdentification"),
    CUT("Qualifier"),
    CUT("BusinessScenario"),
    CUT("MessageType"),
    {"without the author's Identifier", "<p:Identifier", NULL, "</p:Identifier>"},
    {"without type", " type=\"xoev\"", "", NULL},
    {"without listURI", " listURI=\"urn:de:xta:codeliste:business.scenario\"", "", NULL},
};

static const struct spoil mandatory_v5[] = {
    CUT("XTAMessageID"),
    CUT("Reader"),
    CUT("Originators"),
    CUT("Qualifier"),
    CUT("BusinessScenario"),
    CUT("MessageType"),
    CUT("MessageSize"),
    CUT("DeliveryAttributes"),
    CUT("ServiceQuality"),
    {"without an Identifier", "<p:Identifier", NULL, "</p:Identifier>"},
    {"without an id", "<m:Qualifier id=", "<m:Qualifier lang=", NULL},
    {"with an id that begins with a digit", "<m:Qualifier id=\"id-", "<m:Qualifier id=\"1-", NULL},
};

static const struct spoil content_v3[] = {
    {"without contentType", " contentType=\"text/xml\"", "", NULL},
    {"with a foreign element", "<x:ContentContainer>", "<x:ContentContainer><x:Fremd/>", NULL},
    {"with an attribute nobody knows", " contentType=", " fremd=\"1\" contentType=", NULL},
    {"with an empty container", "<x:Message", NULL, "</x:Message>"},
    {"with a size that is no number", " size=\"", " size=\"viel", NULL},
    {"with two elements in the body", "</x:GenericContentContainer>",
     "</x:GenericContentContainer><x:Zwei xmlns:x=\"urn:fremd\"/>", NULL},
};

static const struct spoil content_v5[] = {
    {"with a foreign element", "<x:Message", "<x:Fremd/><x:Message", NULL},
    {"with an attribute nobody knows", " contentType=", " fremd=\"1\" contentType=", NULL},
    {"with an empty container", "<x:Message", NULL, "</x:Message>"},
    {"with a size that is no number", " size=\"", " size=\"viel", NULL},
    {"with an empty file name", "filename=\"prüfung.xml\"", "filename=\"\"", NULL},
    {"with two elements in the body", "</x:ContentContainer>",
     "</x:ContentContainer><x:Zwei xmlns:x=\"urn:fremd\"/>", NULL},
};

static enum status spoil_all(struct conf_run *run, unsigned number, const struct spoil *rows,
                             size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt s = {0};

        TRY(conf_xta_spoilt_init(&s, run, ASK_SEND, false, err));
        if (rows[i].to != NULL)
            TRY(conf_xta_edit(&s.q.envelope, rows[i].from, rows[i].to, err));
        else
            TRY(conf_xta_cut(&s.q.envelope, rows[i].from, rows[i].until, err));
        TRY(conf_xta_spoilt_send(&s, err));
        TRY(conf_xta_spoilt_look(&s, number, rows[i].what, err));
    }
    return ST_OK;
}

static enum status mandatory(struct conf_run *run, struct error *err)
{
    return conf_xta_version(run) == CONF_V3
               ? spoil_all(run, 91, mandatory_v3, ARRAY_LEN(mandatory_v3), err)
               : spoil_all(run, 91, mandatory_v5, ARRAY_LEN(mandatory_v5), err);
}

static enum status content(struct conf_run *run, struct error *err)
{
    return conf_xta_version(run) == CONF_V3
               ? spoil_all(run, 92, content_v3, ARRAY_LEN(content_v3), err)
               : spoil_all(run, 92, content_v5, ARRAY_LEN(content_v5), err);
}

static enum status other_version(struct conf_run *run, struct error *err)
{
    enum conf_xta_version version = conf_xta_version(run);
    char from[100], to[100];
    AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt s = {0};

    (void)snprintf(from, sizeof from, "xmlns:x=\"%s\"", conf_xta_namespace(version));
    (void)snprintf(to, sizeof to, "xmlns:x=\"%s\"",
                   conf_xta_namespace((enum conf_xta_version) !version));
    TRY(conf_xta_spoilt_init(&s, run, ASK_SEND, false, err));
    TRY(conf_xta_edit(&s.q.envelope, from, to, err));
    TRY(conf_xta_spoilt_send(&s, err));
    return conf_xta_spoilt_look(&s, 93, "a body in the other version's namespace", err);
}

static enum status no_metadata(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt s = {0};

    TRY(conf_xta_spoilt_init(&s, run, ASK_SEND, false, err));
    TRY(conf_xta_cut(&s.q.envelope, "<m:MessageMetaData", "</m:MessageMetaData>", err));
    TRY(conf_xta_spoilt_send(&s, err));
    return conf_xta_spoilt_look(&s, 90, "without MessageMetaData", err);
}

/* ---- Base64 ---- */

/* Base64 in the XML, spoilt or not; *reply is kept by the caller. */
static enum status inline_base64(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "second", ""};
    AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt s = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};
    AUTO(buf_deinit) struct buf bytes = {0};
    xmlNode *message;

    TRY(conf_xta_spoilt_init(&s, run, ASK_SEND, true, err));
    TRY(conf_xta_spoilt_send(&s, err));
    if (!conf_check(run, 102, conf_xta_is_result(&s.reply), "%s", s.reply.what))
        return ST_OK;
    TRY(conf_xta_arrived(&box, s.letter.id, err));
    TRY(conf_xta_box_get(&box, s.letter.id, &got, err));
    message = conf_xta_node(&got, NULL, EL("Body") "//" EL("Message"));
    (void)conf_check(run, 102,
                     conf_xta_bytes(&got, message, &bytes) &&
                         span_eq(buf_span(&bytes), s.letter.files[0].bytes),
                     "other bytes came: %s", got.what);
    return conf_xta_box_close(&box, s.letter.id, &closed, err);
}

static enum status foreign_characters(struct conf_run *run, struct error *err)
{
    static const char *const spoils[] = {"\">*", "\">ä", "\">-_"};

    for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
        AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt s = {0};
        char size[32], spoilt[40];

        TRY(conf_xta_spoilt_init(&s, run, ASK_SEND, true, err));
        (void)snprintf(size, sizeof size, "size=\"%zu\">", s.letter.files[0].bytes.len);
        (void)snprintf(spoilt, sizeof spoilt, "size=\"%zu%s", s.letter.files[0].bytes.len,
                       spoils[i]);
        TRY(conf_xta_edit(&s.q.envelope, size, spoilt, err));
        TRY(conf_xta_spoilt_send(&s, err));
        TRY(conf_xta_spoilt_look(&s, 105, "foreign characters in Base64", err));
    }
    return ST_OK;
}

/* ---- headers ---- */

#define FOREIGN_BLOCK(must) "<f:Fremd xmlns:f=\"urn:fremd\"" must ">1</f:Fremd></soap:Header>"

static enum status must_understand(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt must = {0};
    AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt may = {0};

    TRY(conf_xta_spoilt_init(&must, run, ASK_SEND, false, err));
    TRY(conf_xta_edit(&must.q.envelope, "</soap:Header>",
                      FOREIGN_BLOCK(" soap:mustUnderstand=\"true\""), err));
    TRY(conf_xta_spoilt_send(&must, err));
    (void)conf_check(run, 104, must.reply.fault && strcmp(must.reply.code, "MustUnderstand") == 0,
                     "%s", must.reply.what);
    TRY(conf_xta_look_absent(&must.box, 104, must.letter.id, err));
    TRY(conf_xta_spoilt_init(&may, run, ASK_SEND, false, err));
    TRY(conf_xta_edit(&may.q.envelope, "</soap:Header>", FOREIGN_BLOCK(""), err));
    TRY(conf_xta_spoilt_send(&may, err));
    (void)conf_check(run, 104, conf_xta_is_result(&may.reply), "without mustUnderstand: %s",
                     may.reply.what);
    return ST_OK;
}

static enum status unknown_action(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_works(run, err));
    TRY(conf_xta_request_init(&q, run, ASK_ACCOUNT, "author", err));
    conf_xta_put_party(&q, "author");
    q.action = q.outer = "urn:depesche:conformance:nothing-of-the-kind";
    TRY(conf_xta_send(&q, &reply, err));
    (void)conf_check(run, 99, reply.fault, "%s", reply.what);
    return ST_OK;
}

static const char *other_action(const struct conf_run *run)
{
    return conf_xta_operation(conf_xta_version(run), ASK_REPORT)->action;
}

static enum status contradiction(struct conf_run *run, struct error *err)
{
    for (size_t i = 0; i < 2; i++) {
        AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt s = {0};

        TRY(conf_xta_spoilt_init(&s, run, ASK_SEND, i == 1, err)); /* as MTOM, then without */
        s.q.outer = other_action(run);
        TRY(conf_xta_spoilt_send(&s, err));
        (void)conf_check(run, 100, s.reply.fault, "%s: %s", i == 0 ? "MTOM" : "plain",
                         s.reply.what);
        TRY(conf_xta_look_absent(&s.box, 100, s.letter.id, err));
    }
    return ST_OK;
}

/* The action stands at one place alone: one that agrees is served, one that contradicts was found
 * there as well. */
static enum status one_place(struct conf_run *run, const char *place, bool agrees, bool header,
                             struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};
    const char *action;

    TRY(conf_xta_request_init(&q, run, ASK_ACCOUNT, "author", err));
    conf_xta_put_party(&q, "author");
    action = agrees ? q.operation->action : other_action(run);
    q.action = header ? q.operation->action : NULL;
    q.outer = strcmp(place, "outer") == 0 ? action : NULL;
    q.root = strcmp(place, "root") == 0 ? action : NULL;
    q.info = strcmp(place, "info") == 0 ? action : NULL;
    q.way.mangled = !header;
    TRY(conf_xta_send(&q, &reply, err));
    if (agrees)
        (void)conf_check(run, 103, conf_xta_is_result(&reply), "%s, %s wsa:Action: %s", place,
                         header ? "with" : "without", reply.what);
    else
        (void)conf_check(run, 103, reply.fault, "%s is not looked at: %s", place, reply.what);
    return ST_OK;
}

static enum status action_places(struct conf_run *run, struct error *err)
{
    static const char *const places[] = {"outer", "root", "info"};

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        TRY(one_place(run, places[i], true, true, err));
        TRY(one_place(run, places[i], false, true, err));
    }
    return ST_OK;
}

/* ---- lenient and strict ---- */

/* As a public city project sends it. */
static enum status field_letter(struct conf_run *run, const char *who, struct conf_xta_reply *reply,
                                struct error *err)
{
    struct conf_xta_letter letter;
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    TRY(conf_xta_letter_init(run, who, who, "reader", &letter, err));
    TRY(conf_xta_request_init(&q, run, ASK_SEND, who, err));
    conf_xta_put_letter(&q, &letter);
    TRY(conf_xta_close(&q, err));
    TRY(conf_xta_cut(&q.envelope, "<m:BusinessScenario>", "</m:BusinessScenario>", err));
    TRY(conf_xta_edit(&q.envelope, "</m:MessageMetaData>",
                      "</m:MessageMetaData><x:X509TokenContainer "
                      "xmlns:x=\"http://xoev.de/transport/xta/211\"/>",
                      err));
    TRY(conf_xta_edit(&q.envelope, "urn:de:codeliste:nachrichtentyp",
                      "urn:de:bos_bremen:gov:gateway:messageTypes", err));
    TRY(conf_xta_edit(&q.envelope,
                      "<m:Destinations><m:Reader><p:Identifier "
                      "xmlns:p=\"http://www.osci.eu/ws/2014/10/transport\" "
                      "type=\"xoev\"",
                      "<m:Destinations><m:Reader><p:Identifier "
                      "xmlns:p=\"http://www.osci.eu/ws/2014/10/transport\"",
                      err));
    TRY(conf_xta_pack(&q, err));
    return conf_xta_post(&q, reply, err);
}

/* KoSIT's tester for V5 leaves out the id of XTAMessageID. */
static enum status field_fetch(struct conf_run *run, const char *who, struct conf_xta_reply *reply,
                               struct error *err)
{
    struct conf_xta_box box = {run, who, who, ""};
    struct conf_xta_letter letter;
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    TRY(conf_xta_box_empty(&box, err));
    TRY(conf_xta_sent(run, "author", "author", who, &letter, err));
    TRY(conf_xta_arrived(&box, letter.id, err));
    TRY(conf_xta_request_init(&q, run, ASK_GET, who, err));
    conf_xta_put_party(&q, who);
    buf_printf(
        &q.body,
        "<x:MessageFetch xmlns:x=\"%s\"><x:XTAMessageID>%s</x:XTAMessageID></x:MessageFetch>",
        conf_xta_namespace(q.version), letter.id);
    return conf_xta_send(&q, reply, err);
}

static enum status deviations(struct conf_run *run, struct error *err)
{
    bool v3 = conf_xta_version(run) == CONF_V3;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply lenient = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply strict = {0};

    TRY(v3 ? field_letter(run, "lenient", &lenient, err)
           : field_fetch(run, "lenient", &lenient, err));
    TRY(v3 ? field_letter(run, "author", &strict, err) : field_fetch(run, "reader", &strict, err));
    (void)conf_check(run, 94, conf_xta_is_result(&lenient), "lenient: %s", lenient.what);
    (void)conf_check(run, 94, conf_xta_is_refusal(&strict), "strict: %s", strict.what);
    return ST_OK;
}

/* ---- V5 ---- */

#define EXTENSIONS                                                                                 \
    "<x:Extensions xmlns:x=\"https://xoev.de/transport/xta/core/3.1.1\"><x:Extension "             \
    "id=\"id-fremd\"><x:Identifier>urn:depesche:conformance:fremd</x:Identifier><x:Version>1"      \
    "</x:Version><x:Data>1</x:Data></x:Extension></x:Extensions>"

static enum status extension(struct conf_run *run, struct error *err)
{
    static const struct {
        const char *before, *what;
    } places[] = {{"</x:ContentContainer>", "in the content"},
                  {"</m:MessageMetaData>", "in the metadata"},
                  {"</p:Party>", "in the party"}};

    if (conf_xta_version(run) != CONF_V5)
        return ST_OK;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        char to[1024];
        AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt s = {0};

        TRY(conf_xta_spoilt_init(&s, run, ASK_SEND, false, err));
        (void)snprintf(to, sizeof to, "%s%s", EXTENSIONS, places[i].before);
        TRY(conf_xta_edit(&s.q.envelope, places[i].before, to, err));
        TRY(conf_xta_spoilt_send(&s, err));
        (void)conf_check(run, 106, conf_xta_is_fault(&s.reply, "UE", NULL), "%s: %s",
                         places[i].what, s.reply.what);
        TRY(conf_xta_look_absent(&s.box, 106, s.letter.id, err));
    }
    return ST_OK;
}

static enum status not_offered(struct conf_run *run, struct error *err)
{
    const char *name = conf_set(run, "not_offered");
    enum conf_ask ask = 0;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    if (conf_xta_version(run) != CONF_V5)
        return ST_OK;
    while (name != NULL && ask < ASK_KINDS &&
           (conf_xta_operation(CONF_V5, ask)->name == NULL ||
            strcmp(conf_xta_operation(CONF_V5, ask)->name, name) != 0))
        ask++;
    if (name == NULL || ask == ASK_KINDS) {
        conf_untestable(run, 107,
                        "dieser Server bietet alle Operationen und Parameter an; braucht eine, die "
                        "er nicht anbietet (--set not_offered=NAME)",
                        "this server offers all operations and parameters; needs one that it does "
                        "not offer (--set not_offered=NAME)");
        return ST_OK;
    }
    TRY(conf_xta_ask_any(run, ask, "author", "author", &reply, err));
    (void)conf_check(run, 107, conf_xta_is_fault(&reply, "NI", NULL), "%s: %s", name, reply.what);
    return ST_OK;
}

/* Two authors, who number their elements alike. */
static enum status unique_ids(struct conf_run *run, struct error *err)
{
    static const char *const authors[2] = {"author", "lenient"};
    const struct conf_xta_selection all = {.entries = CONF_NEW};
    struct conf_xta_box box = {run, "both", "second", ""};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};

    if (conf_xta_version(run) != CONF_V5)
        return ST_OK;
    TRY(conf_xta_box_empty(&box, err));
    for (size_t i = 0; i < 2; i++) {
        struct conf_xta_letter letter;
        AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

        TRY(conf_xta_letter_init(run, authors[i], authors[i], "second", &letter, err));
        TRY(conf_xta_request_init(&q, run, ASK_SEND, authors[i], err));
        conf_xta_put_letter(&q, &letter);
        TRY(conf_xta_close(&q, err));
        TRY(conf_xta_cut(&q.envelope, "<m:Qualifier id=\"", "\">", err));
        TRY(conf_xta_edit(&q.envelope, "<m:Service>", "<m:Qualifier id=\"id-gleich\"><m:Service>",
                          err));
        TRY(conf_xta_pack(&q, err));
        TRY(conf_xta_post(&q, &reply, err));
        if (!conf_xta_is_result(&reply))
            return error_set(err, ST_RETRY, 0, "sendMessage: %s", reply.what);
        TRY(conf_xta_arrived(&box, letter.id, err));
    }
    TRY(conf_xta_box_list(&box, &all, &list, err)); /* looked at as every answer is */
    (void)conf_check(run, 108, conf_xta_listed(&list) == 2, "%zu listed, %s",
                     conf_xta_listed(&list), list.what);
    return ST_OK;
}

static const struct conf_scenario scenarios[] = {
    {"no-metadata", no_metadata, {90}},
    {"mandatory", mandatory, {91}},
    {"content", content, {92}},
    {"other-version", other_version, {93}},
    {"deviations", deviations, {94}},
    {"doctype", conf_xta_doctype, {95}},
    {"entities", conf_xta_entities, {96}},
    {"noise", conf_xta_noise, {97}},
    {"soap-1.1", conf_xta_soap11, {98}},
    {"unknown-action", unknown_action, {99}},
    {"contradiction", contradiction, {100}},
    {"broken-mtom", conf_xta_broken_mtom, {101}},
    {"inline", inline_base64, {102}},
    {"action-places", action_places, {103}},
    {"must-understand", must_understand, {104}},
    {"foreign-characters", foreign_characters, {105}},
    {"extension", extension, {106}},
    {"not-offered", not_offered, {107}},
    {"unique-ids", unique_ids, {108}},
};

struct conf_scenario_list conf_xta_malformed(void)
{
    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
