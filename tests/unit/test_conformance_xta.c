/* The scenarios for XTA servers, against servers that do everything wrong; and the looks at every
 * answer, at answers that are wrong in one point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "conformance/xta_looks.h"
#include "tests/unit/helper_conformance.h"
#include "tests/unit/helper_crypto.h"

/* ---- servers that are wrong ---- */

#define HEAD                                                                                       \
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "                             \
    "xmlns:wsa=\"http://www.w3.org/2005/08/addressing\"><s:Header>"                                \
    "<wsa:Action>urn:irgendwas</wsa:Action></s:Header>"

/* Says yes to whatever comes. */
static void yes(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    (void)ctx;
    (void)request;
    answer->status = 200;
    answer->content_type = "application/soap+xml";
    buf_str(&answer->body, HEAD "<s:Body/></s:Envelope>");
}

/* Says no to whatever comes, with the wrong number. */
static void no(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    (void)ctx;
    (void)request;
    answer->status = 200;
    answer->content_type = "application/soap+xml";
    buf_str(&answer->body,
            HEAD "<s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text "
                 "xml:lang=\"de\">nein</s:Text></s:Reason><s:Detail>"
                 "<x:PermissionDeniedException xmlns:x=\"http://xoev.de/transport/xta/211\">"
                 "<x:errorCode><code>9070</code><name>nein</name></x:errorCode>"
                 "</x:PermissionDeniedException></s:Detail></s:Fault></s:Body></s:Envelope>");
}

/* Never says anything. */
static void silence(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    (void)ctx;
    (void)request;
    (void)answer;
}

/* Speaks, but not XTA. */
static void web_page(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    (void)ctx;
    (void)request;
    answer->status = 200;
    buf_str(&answer->body, "<html>Willkommen</html>");
}

/* Whatever is not listed may be untestable, but it never passes unless it says so here. */
static struct server {
    const char *name;
    conf_handler *handler;
    enum conf_role role;
    unsigned char passes[64];
} servers[] = {
    {"one that says yes, V3", yes, CONF_SERVER_V3, {1, 8, 18, 20, 21}},
    {"one that says yes, V5", yes, CONF_SERVER_V5, {1, 8, 18, 20, 108}},
    {"one that says no, V3", no, CONF_SERVER_V3, {1}},
    {"one that says no, V5", no, CONF_SERVER_V5, {1}},
    {"one that never answers, V3", silence, CONF_SERVER_V3, {0}},
    {"one that never answers, V5", silence, CONF_SERVER_V5, {0}},
    {"one that speaks something else, V3", web_page, CONF_SERVER_V3, {0}},
    {"one that speaks something else, V5", web_page, CONF_SERVER_V5, {0}},
    {"a reader that says yes", yes, CONF_READER_V5, {0}},
    {"a reader that says no", no, CONF_READER_V5, {0}},
    {"a reader that never answers", silence, CONF_READER_V5, {0}},
};

static bool listed(const unsigned char *numbers, unsigned number)
{
    for (; *numbers != 0; numbers++)
        if (*numbers == number)
            return true;
    return false;
}

static void test_server(void **state)
{
    const struct server *server = *state;
    struct helper_conformance h;

    helper_conformance_open(&h, server->role, server->handler, NULL);
    h.settings.timeout_ms = 2000;
    h.settings.sets[h.settings.set_count++] = (struct conf_option){"wait", "1"};
    helper_conformance_run(&h, server->role, NULL);
    for (unsigned n = 1; n <= CONF_NUMBERS; n++)
        if (conf_role_asks(server->role, n) && !listed(server->passes, n) &&
            h.run.results.of[n][server->role].verdict == CONF_PASS)
            fail_msg("XTA-%03u passes", n);
    helper_conformance_close(&h);
}

/* ---- answers that are wrong in one point ---- */

static const char answer_v5[] =
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
    "xmlns:wsa=\"http://www.w3.org/2005/08/addressing\" "
    "xmlns:x=\"https://xoev.de/transport/xta/core/3.1.1\"><s:Header>"
    "<wsa:Action>https://xoev.de/transport/xta/core/core.sender/createMessageIDResponse"
    "</wsa:Action><wsa:MessageID>urn:uuid:1</wsa:MessageID><wsa:RelatesTo>urn:uuid:frage"
    "</wsa:RelatesTo></s:Header><s:Body><x:XTAMessageID id=\"id-1\">"
    "urn:de:xta:messageid:a:72b41544-40b4-4da2-99e7-eb73d95452bd</x:XTAMessageID></s:Body>"
    "</s:Envelope>";

static const char answer_v3[] =
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
    "xmlns:wsa=\"http://www.w3.org/2005/08/addressing\"><s:Header>"
    "<wsa:Action>http://www.xta.de/XTA/CreateMessageID</wsa:Action>"
    "<wsa:MessageID>urn:uuid:1</wsa:MessageID><wsa:RelatesTo>urn:uuid:frage</wsa:RelatesTo>"
    "</s:Header><s:Body><wsa:MessageID>"
    "urn:de:xta:messageid:a:72b41544-40b4-4da2-99e7-eb73d95452bd</wsa:MessageID></s:Body>"
    "</s:Envelope>";

#define FAULT(ns, action, code)                                                                    \
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "                             \
    "xmlns:wsa=\"http://www.w3.org/2005/08/addressing\" xmlns:x=\"" ns "\"><s:Header>"             \
    "<wsa:Action>" action "</wsa:Action><wsa:MessageID>urn:uuid:1</wsa:MessageID>"                 \
    "<wsa:RelatesTo>urn:uuid:frage</wsa:RelatesTo></s:Header><s:Body><s:Fault><s:Code>"            \
    "<s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang=\"de\">nein</s:Text>"          \
    "</s:Reason><s:Detail><x:PermissionDeniedException>" code "</x:PermissionDeniedException>"     \
    "</s:Detail></s:Fault></s:Body></s:Envelope>"

static const char fault_v3[] = FAULT(
    "http://xoev.de/transport/xta/211", "http://www.xta.de/XTA/CreateMessageID",
    "<x:errorCode listURI=\"urn:de:xta:webservice:codeliste:fehlernummer\" listVersionID=\"1.0\">"
    "<code>9011</code><name>Account ist gesperrt.</name></x:errorCode>");

static const char fault_v5[] =
    FAULT("https://xoev.de/transport/xta/core/3.1.1",
          "https://xoev.de/transport/xta/core/core.sender/PermissionDeniedException",
          "<x:ErrorCode listURI=\"urn:xoev-de:kosit:codeliste:xta.core.fehlernummer\" "
          "listVersionID=\"1.0.0\"><code>9011</code></x:ErrorCode>");

static struct look {
    const char *name;
    enum conf_role role;
    const char *answer;
    int status;
    const char *from, *to; /* NULL: as it is */
    unsigned number;       /* the one that fails; 0: none does */
    const char *type;      /* NULL: MTOM */
} looks[] = {
    {"a good answer of V3", CONF_SERVER_V3, answer_v3, 200, NULL, NULL, 0, NULL},
    {"a good answer of V5", CONF_SERVER_V5, answer_v5, 200, NULL, NULL, 0, NULL},
    {"a good fault of V3", CONF_SERVER_V3, fault_v3, 500, NULL, NULL, 0, NULL},
    {"a good fault of V5", CONF_SERVER_V5, fault_v5, 500, NULL, NULL, 0, NULL},
    {"SOAP 1.1", CONF_SERVER_V5, answer_v5, 200, "http://www.w3.org/2003/05/soap-envelope",
     "http://schemas.xmlsoap.org/soap/envelope/", 1, NULL},
    {"against the schema", CONF_SERVER_V5, answer_v5, 200, " id=\"id-1\"", "", 1, NULL},
    {"an id that begins with a digit", CONF_SERVER_V5, answer_v5, 200, "id-1", "1", 1, NULL},
    {"a fault against the schema", CONF_SERVER_V3, fault_v3, 500,
     "<name>Account ist gesperrt.</name>", "", 1, NULL},
    {"no MTOM", CONF_SERVER_V5, answer_v5, 200, NULL, NULL, 10, "application/soap+xml"},
    {"the wrong type", CONF_SERVER_V5, answer_v5, 200, NULL, NULL, 10,
     "multipart/related; boundary=grenze; type=\"text/xml\""},
    {"V5 without Response", CONF_SERVER_V5, answer_v5, 200, "createMessageIDResponse",
     "createMessageID", 11, NULL},
    {"V3 with Response", CONF_SERVER_V3, answer_v3, 200, "XTA/CreateMessageID",
     "XTA/CreateMessageIDResponse", 11, NULL},
    {"an answer to another question", CONF_SERVER_V3, answer_v3, 200, "urn:uuid:frage",
     "urn:uuid:andere", 12, NULL},
    {"a fault with the answer's action", CONF_SERVER_V5, fault_v5, 500,
     "PermissionDeniedException<", "createMessageIDResponse<", 13, NULL},
    {"a fault with another action, V3", CONF_SERVER_V3, fault_v3, 500, "XTA/CreateMessageID",
     "XTA/SendMessage", 13, NULL},
    {"an exception that is not declared", CONF_SERVER_V3, fault_v3, 500,
     "<x:PermissionDeniedException>", "<x:CancelDeniedException>", 13, NULL},
    {"another name", CONF_SERVER_V3, fault_v3, 500, "Account ist gesperrt.", "gesperrt", 15, NULL},
    {"a name in V5", CONF_SERVER_V5, fault_v5, 500, "</x:ErrorCode>",
     "<name>x</name></x:ErrorCode>", 16, NULL},
    {"no listVersionID", CONF_SERVER_V5, fault_v5, 500, " listVersionID=\"1.0.0\"", "", 16, NULL},
    {"another exception's number", CONF_SERVER_V3, fault_v3, 500, "9011", "9070", 17, NULL},
    {"a result with 500", CONF_SERVER_V3, answer_v3, 500, NULL, NULL, 18, NULL},
    {"a fault with 200", CONF_SERVER_V5, fault_v5, 200, NULL, NULL, 18, NULL},
    {"one id twice", CONF_SERVER_V5, answer_v5, 200, "</s:Body>",
     "<x:XTAMessageID id=\"id-1\">urn:a</x:XTAMessageID></s:Body>", 108, NULL},
};

/* The answer as MTOM, or as it stands under another type. */
static void reply_make(const struct look *look, struct conf_xta_reply *reply)
{
    struct error err = {0};
    const char *type = look->type != NULL ? look->type
                                          : "multipart/related; boundary=grenze; "
                                            "type=\"application/xop+xml\"";
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&text, 1024 * 1024);
    buf_str(&text, look->answer);
    if (look->from != NULL)
        assert_int_equal(conf_xta_edit(&text, look->from, look->to, &err), ST_OK);
    if (strstr(buf_cstr(&text), "<x:CancelDenied") != NULL)
        assert_int_equal(conf_xta_edit(&text, "</x:PermissionDenied", "</x:CancelDenied", &err),
                         ST_OK);
    buf_init(&reply->body, 1024 * 1024);
    if (strncmp(type, "multipart", 9) == 0)
        buf_str(&reply->body, "--grenze\r\nContent-Type: application/xop+xml\r\n\r\n");
    buf_add(&reply->body, buf_span(&text));
    if (strncmp(type, "multipart", 9) == 0)
        buf_str(&reply->body, "\r\n--grenze--\r\n");
    reply->status = look->status;
    (void)snprintf(reply->content_type, sizeof reply->content_type, "%s", type);
    conf_xta_reply_read(reply);
}

static void test_look(void **state)
{
    static const struct conf_scenario scenario = {.name = "test"};
    static const unsigned all[] = {1, 10, 11, 12, 13, 15, 16, 17, 18, 108};
    const struct look *look = *state;
    struct helper_conformance h;
    struct error err = {0};
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    helper_conformance_open(&h, look->role, yes, NULL);
    h.run.role = look->role;
    h.run.scenario = &scenario;
    assert_int_equal(conf_xta_request_init(&q, &h.run, ASK_NEW_ID, "author", &err), ST_OK);
    (void)snprintf(q.id, sizeof q.id, "urn:uuid:frage");
    reply.version = q.version;
    reply_make(look, &reply);
    conf_xta_look(&q, &reply);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        const struct conf_result *r = &h.run.results.of[all[i]][look->role];

        if (all[i] == look->number)
            assert_int_equal(r->verdict, CONF_FAIL);
        else if (look->number == 0 && r->verdict == CONF_FAIL)
            fail_msg("XTA-%03u: %s", all[i], r->en);
    }
    h.run.scenario = NULL;
    helper_conformance_close(&h);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(servers) + ARRAY_LEN(looks)];

    for (size_t i = 0; i < ARRAY_LEN(looks); i++)
        tests[i] = (struct CMUnitTest){looks[i].name, test_look, NULL, NULL, &looks[i]};
    for (size_t i = 0; i < ARRAY_LEN(servers); i++)
        tests[ARRAY_LEN(looks) + i] =
            (struct CMUnitTest){servers[i].name, test_server, NULL, NULL, &servers[i]};
    return cmocka_run_group_tests_name("conformance_xta", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}
