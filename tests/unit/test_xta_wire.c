/*
 * XTA on the wire beyond the vectors: where actions stand, what is hostile, which faults may be
 * sent, what a metadata set loses on its way through the other version, and how much memory a large
 * message takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>

#include "crypto/base/xml.h"
#include "tests/unit/helper_xta_codec.h"

#define SOAP "http://www.w3.org/2003/05/soap-envelope"
#define WSA "http://www.w3.org/2005/08/addressing"
#define XTA3 "http://xoev.de/transport/xta/211"
#define META "http://www.osci.eu/ws/2014/10/transport"
#define CREATE "http://www.xta.de/XTA/CreateMessageID"
#define SEND "http://www.xta.de/XTA/SendMessage"
#define REPORT "http://www.xta.de/XTA/GetTransportReport"
#define CREATE5 "https://xoev.de/transport/xta/core/core.sender/createMessageID"
#define SOAP_TYPE "application/soap+xml; charset=utf-8"
#define XOP "http://www.w3.org/2004/08/xop/include"

#define ENVELOPE(header, body)                                                                     \
    "<s:Envelope xmlns:s=\"" SOAP "\" xmlns:a=\"" WSA "\" xmlns:x=\"" XTA3 "\" xmlns:m=\"" META    \
    "\" xmlns:xop=\"" XOP "\"><s:Header>" header "</s:Header><s:Body>" body                        \
    "</s:Body></s:Envelope>"
#define ACTION(action) "<a:Action>" action "</a:Action><a:MessageID>urn:uuid:1</a:MessageID>"

enum { ARENA_MAX = 64 * 1024 * 1024 };

struct read {
    struct arena arena;
    struct helper_intake intake;
    struct xta_reading conf;
    struct xta_request request;
    struct xta_fault fault;
    struct span relates;
    struct error err;
    enum status st;
};

static void read_close(struct read *r)
{
    arena_deinit(&r->arena);
    helper_intake_deinit(&r->intake);
}

static void read_open(struct read *r, enum xta_version version, enum xta_port port)
{
    *r = (struct read){0};
    arena_init(&r->arena, ARENA_MAX);
    r->conf = helper_xta_reading(version, port, helper_intake_init(&r->intake));
}

static void read_from(struct read *r, struct source *body, const char *type,
                      const char *soap_action)
{
    r->st = xta_request_read(&r->conf, body, span_str(type), span_str(soap_action), &r->arena,
                             &r->request, &r->fault, &r->relates, &r->err);
    assert_int_equal(r->st == ST_OK, r->fault.exception == XTA_NO_EXCEPTION);
}

static void read_text(struct read *r, const char *text, const char *type, const char *soap_action)
{
    struct source_span source;

    read_from(r, source_span_init(&source, span_str(text)), type, soap_action);
}

/* ---- actions ---- */

#define ROOT(type)                                                                                 \
    "--b\r\nContent-Type: " type "\r\nContent-ID: <r>\r\n\r\n" ENVELOPE("", "") "\r\n--b--\r\n"
#define ROOT_PLAIN ROOT("application/xop+xml; type=\"application/soap+xml\"")
#define OUTER "multipart/related; type=\"application/xop+xml\"; boundary=b; start=\"<r>\""

static const struct action_row {
    const char *name, *type, *soap_action, *body;
    enum xta_exception expect; /* none: createMessageId of V3 */
} action_rows[] = {
    {"header alone", SOAP_TYPE, NULL, ENVELOPE(ACTION(CREATE), ""), XTA_NO_EXCEPTION},
    {"header with blanks", SOAP_TYPE, NULL, ENVELOPE(ACTION(" \n" CREATE "\n "), ""),
     XTA_NO_EXCEPTION},
    {"action of application/soap+xml", "application/soap+xml; action=\"" CREATE "\"", NULL,
     ENVELOPE("", ""), XTA_NO_EXCEPTION},
    {"the same without quotes", "application/soap+xml;action=" CREATE, NULL, ENVELOPE("", ""),
     XTA_NO_EXCEPTION},
    {"SOAPAction", SOAP_TYPE, "\"" CREATE "\"", ENVELOPE("", ""), XTA_NO_EXCEPTION},
    {"an empty SOAPAction says nothing", SOAP_TYPE, "\"\"", ENVELOPE(ACTION(CREATE), ""),
     XTA_NO_EXCEPTION},
    {"outer content type (CXF)", OUTER "; action=\"" CREATE "\"", NULL, ROOT_PLAIN,
     XTA_NO_EXCEPTION},
    {"start-info", OUTER "; start-info=\"application/soap+xml; action=\\\"" CREATE "\\\"\"", NULL,
     ROOT_PLAIN, XTA_NO_EXCEPTION},
    {"type of the root part (WCF)", OUTER, NULL,
     ROOT("application/xop+xml; type=\"application/soap+xml; action=\\\"" CREATE "\\\"\""),
     XTA_NO_EXCEPTION},
    {"action of the root part", OUTER, NULL,
     ROOT("application/xop+xml; type=\"application/soap+xml\"; action=\"" CREATE "\""),
     XTA_NO_EXCEPTION},
    {"none", SOAP_TYPE, NULL, ENVELOPE("", ""), XTA_SOAP_ACTION_UNKNOWN},
    {"unknown", SOAP_TYPE, NULL, ENVELOPE(ACTION("urn:nothing"), ""), XTA_SOAP_ACTION_UNKNOWN},
    {"of version 5", SOAP_TYPE, NULL, ENVELOPE(ACTION(CREATE5), ""), XTA_SOAP_ACTION_UNKNOWN},
    {"of another port", SOAP_TYPE, NULL, ENVELOPE(ACTION(SEND), ""), XTA_SOAP_ACTION_UNKNOWN},
    {"header and SOAPAction differ", SOAP_TYPE, SEND, ENVELOPE(ACTION(CREATE), ""),
     XTA_SOAP_ACTION_MISMATCH},
    {"two of HTTP differ", "application/soap+xml; action=\"" CREATE "\"", SEND, ENVELOPE("", ""),
     XTA_SOAP_ACTION_MISMATCH},
    {"two headers", SOAP_TYPE, NULL, ENVELOPE(ACTION(CREATE) "<a:Action>" CREATE "</a:Action>", ""),
     XTA_SOAP_SENDER},
    {"by action, not by body", SOAP_TYPE, NULL,
     ENVELOPE(ACTION(CREATE), "<a:MessageID>urn:x:1</a:MessageID>"), XTA_SOAP_SENDER},
};

static void test_action(void **state)
{
    const struct action_row *row = *state;
    AUTO(read_close) struct read r = {0};

    read_open(&r, XTA_V3, XTA_PORT_BASE);
    read_text(&r, row->body, row->type, row->soap_action);
    assert_int_equal(r.fault.exception, row->expect);
    if (row->expect == XTA_NO_EXCEPTION)
        assert_int_equal(r.request.operation, XTA_CREATE_MESSAGE_ID);
}

/* ---- hostile ---- */

#define PARTY "<m:Identifier type=\"xoev\">ags:1</m:Identifier>"
#define METADATA                                                                                   \
    "<m:MessageMetaData><m:DeliveryAttributes/><m:Originators><m:Author>" PARTY                    \
    "</m:Author></m:Originators><m:Destinations><m:Reader>" PARTY                                  \
    "</m:Reader></m:Destinations><m:MsgIdentification><a:MessageID>urn:x:1</a:MessageID>"          \
    "</m:MsgIdentification><m:Qualifier><m:Service/><m:BusinessScenario><m:Undefined>x"            \
    "</m:Undefined></m:BusinessScenario><m:MessageType listURI=\"urn:l\" listVersionID=\"1\" "     \
    "payloadSchema=\"urn:s\"><code>c</code></m:MessageType></m:Qualifier></m:MessageMetaData>"
#define CONTENT(inner)                                                                             \
    "<x:GenericContentContainer><x:ContentContainer><x:Message contentType=\"a/b\">" inner         \
    "</x:Message></x:ContentContainer></x:GenericContentContainer>"
#define SENDING(inner) ENVELOPE(ACTION(SEND) METADATA, CONTENT(inner))
#define INCLUDE(href) "<xop:Include href=\"" href "\"/>"
#define PART(head, body) "--b\r\n" head "\r\n" body "\r\n"
#define ROOT_PART(xml) PART("Content-Type: application/xop+xml\r\nContent-ID: <r>\r\n", xml)
#define END "--b--\r\n"

static const struct hostile_row {
    const char *name, *type, *body;
    enum xta_exception expect; /* none: taken, with ... */
    const char *content;       /* ... this */
} hostile_rows[] = {
    {"plain", SOAP_TYPE, SENDING("QUJD"), XTA_NO_EXCEPTION, "ABC"},
    {"white space within base64", SOAP_TYPE, SENDING("\r\n QU\tJD \n"), XTA_NO_EXCEPTION, "ABC"},
    {"CR as a character reference", SOAP_TYPE, SENDING("QU&#13;\nJD"), XTA_NO_EXCEPTION, "ABC"},
    {"base64 in CDATA and round a comment", SOAP_TYPE, SENDING("<![CDATA[QU]]><!-- x -->JD"),
     XTA_NO_EXCEPTION, "ABC"},
    {"an empty message", SOAP_TYPE, SENDING(""), XTA_NO_EXCEPTION, ""},
    {"a foreign character", SOAP_TYPE, SENDING("QU*JD"), XTA_PARAMETER_NOT_VALID, NULL},
    {"padding in the middle", SOAP_TYPE, SENDING("QQ==QUJD"), XTA_PARAMETER_NOT_VALID, NULL},
    {"padding missing", SOAP_TYPE, SENDING("QUJDQQ"), XTA_PARAMETER_NOT_VALID, NULL},
    {"an element in the content", SOAP_TYPE, SENDING("QUJD<x:y/>"), XTA_SOAP_SENDER, NULL},
    {"base64 and an Include", OUTER,
     ROOT_PART(SENDING("QUJD" INCLUDE("cid:p"))) PART("Content-ID: <p>\r\n", "ABC") END,
     XTA_SOAP_SENDER, NULL},
    {"a part", OUTER, ROOT_PART(SENDING(INCLUDE("cid:p"))) PART("Content-ID: <p>\r\n", "ABC") END,
     XTA_NO_EXCEPTION, "ABC"},
    {"the part in front of the root", OUTER,
     PART("Content-ID: <p>\r\n", "ABC") ROOT_PART(SENDING(INCLUDE("cid:p"))) END, XTA_NO_EXCEPTION,
     "ABC"},
    {"a part in base64", OUTER,
     ROOT_PART(SENDING(INCLUDE("cid:p")))
         PART("Content-ID: <p>\r\nContent-Transfer-Encoding: base64\r\n", "QUJD") END,
     XTA_NO_EXCEPTION, "ABC"},
    {"a part in quoted-printable", OUTER,
     ROOT_PART(SENDING(INCLUDE("cid:p"))) PART(
         "Content-ID: <p>\r\nContent-Transfer-Encoding: quoted-printable\r\n", "A=42=\r\nC") END,
     XTA_NO_EXCEPTION, "ABC"},
    {"quoted-printable that is none", OUTER,
     ROOT_PART(SENDING(INCLUDE("cid:p")))
         PART("Content-ID: <p>\r\nContent-Transfer-Encoding: quoted-printable\r\n", "A=4xC") END,
     XTA_PARAMETER_NOT_VALID, NULL},
    {"a Content-ID with percent signs in href", OUTER,
     ROOT_PART(SENDING(INCLUDE("cid:p%40x%2Fy"))) PART("Content-ID: <p@x/y>\r\n", "ABC") END,
     XTA_NO_EXCEPTION, "ABC"},
    {"parts nobody refers to", OUTER,
     ROOT_PART(SENDING("QUJD")) PART("Content-ID: <p>\r\n", "XYZ") PART("", "UVW") END,
     XTA_NO_EXCEPTION, "ABC"},
    {"text in front of the first part", OUTER,
     "This is a message\r\n--bx\r\nin parts\r\n" ROOT_PART(SENDING("QUJD")) END, XTA_NO_EXCEPTION,
     "ABC"},
    {"no such part", OUTER, ROOT_PART(SENDING(INCLUDE("cid:q"))) END, XTA_SOAP_SENDER, NULL},
    {"an Include that is no reference", OUTER, ROOT_PART(SENDING(INCLUDE("http://x/y"))) END,
     XTA_SOAP_SENDER, NULL},
    {"an Include of a file", OUTER, ROOT_PART(SENDING(INCLUDE("file:///etc/passwd"))) END,
     XTA_SOAP_SENDER, NULL},
    {"a broken percent sign", OUTER,
     ROOT_PART(SENDING(INCLUDE("cid:p%4"))) PART("Content-ID: <p>\r\n", "ABC") END, XTA_SOAP_SENDER,
     NULL},
    {"an Include of the root part", OUTER, ROOT_PART(SENDING(INCLUDE("cid:r"))) END,
     XTA_SOAP_SENDER, NULL},
    {"two Includes", OUTER,
     ROOT_PART(SENDING(INCLUDE("cid:p") INCLUDE("cid:q"))) PART("Content-ID: <p>\r\n", "A")
         PART("Content-ID: <q>\r\n", "B") END,
     XTA_SOAP_SENDER, NULL},
    {"an Include without envelope of parts", SOAP_TYPE, SENDING(INCLUDE("cid:p")), XTA_SOAP_SENDER,
     NULL},
    {"two parts of one name", OUTER,
     ROOT_PART(SENDING(INCLUDE("cid:p"))) PART("Content-ID: <p>\r\n", "A")
         PART("Content-ID: <p>\r\n", "B") END,
     XTA_SOAP_SENDER, NULL},
    {"no last boundary", OUTER,
     ROOT_PART(SENDING(INCLUDE("cid:p"))) PART("Content-ID: <p>\r\n", "ABC"), XTA_SOAP_SENDER,
     NULL},
    {"another boundary", OUTER, "--c\r\n\r\nx\r\n--c--\r\n", XTA_SOAP_SENDER, NULL},
    {"no boundary", "multipart/related; type=\"application/xop+xml\"", SENDING("QUJD"),
     XTA_SOAP_SENDER, NULL},
    {"start names nobody", "multipart/related; boundary=b; start=\"<z>\"",
     ROOT_PART(SENDING("QUJD")) END, XTA_SOAP_SENDER, NULL},
    {"an unknown transfer encoding", OUTER,
     ROOT_PART(SENDING("QUJD")) PART("Content-Transfer-Encoding: x-uuencode\r\n", "x") END,
     XTA_SOAP_SENDER, NULL},
    {"another media type", "application/json", SENDING("QUJD"), XTA_SOAP_SENDER, NULL},
    {"another charset", "application/soap+xml; charset=utf-16", SENDING("QUJD"), XTA_SOAP_SENDER,
     NULL},
    {"declared as UTF-16", SOAP_TYPE, "<?xml version=\"1.0\" encoding=\"UTF-16\"?>" SENDING("QUJD"),
     XTA_SOAP_SENDER, NULL},
    {"declared as Latin 1", SOAP_TYPE,
     "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" SENDING("QUJD"), XTA_SOAP_SENDER, NULL},
    {"a DOCTYPE", SOAP_TYPE, "<!DOCTYPE s:Envelope>" SENDING("QUJD"), XTA_SOAP_SENDER, NULL},
    {"an entity", SOAP_TYPE, "<!DOCTYPE x [<!ENTITY e \"QUJD\">]>" SENDING("&e;"), XTA_SOAP_SENDER,
     NULL},
    {"an undeclared entity", SOAP_TYPE, SENDING("&e;"), XTA_SOAP_SENDER, NULL},
    {"a DOCTYPE in the root part", OUTER,
     ROOT_PART("<!DOCTYPE s:Envelope SYSTEM \"http://127.0.0.1:1/\">" SENDING("QUJD")) END,
     XTA_SOAP_SENDER, NULL},
    {"cut off", SOAP_TYPE, "<s:Envelope xmlns:s=\"" SOAP "\"><s:Body>", XTA_SOAP_SENDER, NULL},
    {"something behind the end", SOAP_TYPE, SENDING("QUJD") "<x/>", XTA_SOAP_SENDER, NULL},
    {"no XML", SOAP_TYPE, "hello, world", XTA_SOAP_SENDER, NULL},
    {"nothing", SOAP_TYPE, "", XTA_SOAP_SENDER, NULL},
    {"another root element", SOAP_TYPE, "<x xmlns=\"" SOAP "\"/>", XTA_SOAP_SENDER, NULL},
    {"a header that must be understood", SOAP_TYPE,
     ENVELOPE(ACTION(SEND) METADATA "<y s:mustUnderstand=\"1\"/>", CONTENT("QUJD")),
     XTA_SOAP_MUST_UNDERSTAND, NULL},
    {"the same for somebody else", SOAP_TYPE,
     ENVELOPE(ACTION(SEND) METADATA "<y s:mustUnderstand=\"true\" s:role=\"urn:else\"/>",
              CONTENT("QUJD")),
     XTA_NO_EXCEPTION, "ABC"},
    {"a header of no interest", SOAP_TYPE,
     ENVELOPE(ACTION(SEND) METADATA "<y xmlns=\"urn:y\"><z/></y>", CONTENT("QUJD")),
     XTA_NO_EXCEPTION, "ABC"},
    {"two body children", SOAP_TYPE, ENVELOPE(ACTION(SEND) METADATA, CONTENT("QUJD") "<y/>"),
     XTA_SOAP_SENDER, NULL},
    {"two containers", SOAP_TYPE, ENVELOPE(ACTION(SEND) METADATA, CONTENT("QUJD") CONTENT("QUJD")),
     XTA_SOAP_SENDER, NULL},
    {"contents in the header", SOAP_TYPE,
     ENVELOPE(ACTION(SEND) METADATA CONTENT("QUJD"), CONTENT("QUJD")), XTA_NO_EXCEPTION, "ABC"},
    {"text in the body", SOAP_TYPE, ENVELOPE(ACTION(SEND) METADATA, "x" CONTENT("QUJD")),
     XTA_SOAP_SENDER, NULL},
    {"a body in front of the header", SOAP_TYPE,
     "<s:Envelope xmlns:s=\"" SOAP "\"><s:Body/><s:Header/></s:Envelope>", XTA_SOAP_SENDER, NULL},
    {"a message id that is no URI", SOAP_TYPE,
     ENVELOPE(
         ACTION(SEND) "<m:MessageMetaData><m:DeliveryAttributes/><m:Originators><m:Author>" PARTY
                      "</m:Author></m:Originators><m:Destinations><m:Reader>" PARTY
                      "</m:Reader></m:Destinations><m:MsgIdentification>"
                      "<a:MessageID>none</a:MessageID></m:MsgIdentification><m:Qualifier>"
                      "<m:Service/><m:BusinessScenario><m:Undefined>x</m:Undefined>"
                      "</m:BusinessScenario><m:MessageType listURI=\"urn:l\" "
                      "listVersionID=\"1\" payloadSchema=\"urn:s\"><code>c</code>"
                      "</m:MessageType></m:Qualifier></m:MessageMetaData>",
         CONTENT("QUJD")),
     XTA_PARAMETER_NOT_VALID, NULL},
};

static void test_hostile(void **state)
{
    const struct hostile_row *row = *state;

    for (int lenient = 0; lenient < 2; lenient++) {
        AUTO(read_close) struct read r = {0};

        read_open(&r, XTA_V3, XTA_PORT_SENDER);
        r.conf.lenient = lenient != 0;
        read_text(&r, row->body, row->type, NULL);
        if (r.fault.exception != row->expect)
            fail_msg("fault %d: %s", r.fault.exception, r.err.text);
        if (row->content == NULL)
            continue;
        assert_int_equal(r.intake.count, 1);
        assert_true(span_is(buf_span(&r.intake.contents[0]), row->content));
        assert_int_equal(r.request.container.contents[0].len, strlen(row->content));
    }
}

/* ---- version 5: what its schema lets through ---- */

#define XTA5 "https://xoev.de/transport/xta/core/3.1.1"
#define BASE5 "https://xoev.de/transport/xta/core/"
#define ENVELOPE5(header, body)                                                                    \
    "<s:Envelope xmlns:s=\"" SOAP "\" xmlns:a=\"" WSA "\" xmlns:x=\"" XTA5 "\"><s:Header>" header  \
    "</s:Header><s:Body>" body "</s:Body></s:Envelope>"
#define PARTY5 "<x:Party><x:Identifier>ags:1</x:Identifier></x:Party>"
#define METADATA5                                                                                  \
    "<x:MessageMetaData><x:XTAMessageID id=\"a\">urn:x:1</x:XTAMessageID><x:Reader id=\"b\">"      \
    "<x:Identifier>ags:2</x:Identifier></x:Reader><x:Originators><x:Author id=\"c\">"              \
    "<x:Identifier>ags:1</x:Identifier></x:Author></x:Originators><x:Qualifier id=\"d\">"          \
    "<x:BusinessScenario><x:Undefined>x</x:Undefined></x:BusinessScenario>"                        \
    "<x:MessageType messageSchema=\"urn:s\">t</x:MessageType></x:Qualifier>"                       \
    "<x:MessageSize>1</x:MessageSize><x:DeliveryAttributes/><x:ServiceQuality id=\"e\">"           \
    "<x:Undefined>x</x:Undefined></x:ServiceQuality></x:MessageMetaData>"
#define SEND5(header, container)                                                                   \
    ENVELOPE5(ACTION(BASE5 "core.sender/sendMessage") header,                                      \
              "<x:ContentContainer>" container "</x:ContentContainer>")
#define EXTENSIONS5                                                                                \
    "<x:Extensions><x:Extension id=\"z\"><x:Identifier>urn:e</x:Identifier><x:Version>1"           \
    "</x:Version><x:Data/></x:Extension></x:Extensions>"

static const struct v5_row {
    const char *name, *body;
    enum xta_port port;
    enum xta_exception strict, lenient;
    bool extended;
} v5_rows[] = {
    {"a message", SEND5(METADATA5 PARTY5, "<x:Message id=\"m\">QUJD</x:Message>"), XTA_PORT_SENDER,
     XTA_NO_EXCEPTION, XTA_NO_EXCEPTION, false},
    {"attachments alone", SEND5(METADATA5 PARTY5, "<x:Attachment id=\"m\">QUJD</x:Attachment>"),
     XTA_PORT_SENDER, XTA_NO_EXCEPTION, XTA_NO_EXCEPTION, false},
    {"extensions alone", SEND5(METADATA5 PARTY5, EXTENSIONS5), XTA_PORT_SENDER, XTA_NO_EXCEPTION,
     XTA_NO_EXCEPTION, false},
    {"an empty container", SEND5(METADATA5 PARTY5, ""), XTA_PORT_SENDER, XTA_PARAMETER_NOT_VALID,
     XTA_PARAMETER_NOT_VALID, false},
    {"two messages", SEND5(METADATA5 PARTY5, "<x:Message id=\"m\"/><x:Message id=\"n\"/>"),
     XTA_PORT_SENDER, XTA_PARAMETER_NOT_VALID, XTA_PARAMETER_NOT_VALID, false},
    {"the message behind an attachment",
     SEND5(METADATA5 PARTY5, "<x:Attachment id=\"m\"/><x:Message id=\"n\"/>"), XTA_PORT_SENDER,
     XTA_PARAMETER_NOT_VALID, XTA_PARAMETER_NOT_VALID, false},
    {"an id twice", SEND5(METADATA5 PARTY5, "<x:Message id=\"a\">QUJD</x:Message>"),
     XTA_PORT_SENDER, XTA_PARAMETER_NOT_VALID, XTA_NO_EXCEPTION, false},
    {"no Party", SEND5(METADATA5, "<x:Message id=\"m\">QUJD</x:Message>"), XTA_PORT_SENDER,
     XTA_PERMISSION_DENIED, XTA_NO_EXCEPTION, false},
    {"a fetch by extension",
     ENVELOPE5(ACTION(BASE5 "core.recipient/getMessage") PARTY5,
               "<x:MessageFetch>" EXTENSIONS5 "</x:MessageFetch>"),
     XTA_PORT_BOX, XTA_NO_EXCEPTION, XTA_NO_EXCEPTION, true},
    {"a selection by extension",
     ENVELOPE5(ACTION(BASE5 "core.recipient/getStatusList") PARTY5,
               "<x:MessageSelector><x:OtherCriteria>" EXTENSIONS5
               "</x:OtherCriteria></x:MessageSelector>"),
     XTA_PORT_BOX, XTA_NO_EXCEPTION, XTA_NO_EXCEPTION, true},
    {"a selection of nothing: no ParameterIsNotValid there",
     ENVELOPE5(ACTION(BASE5 "core.recipient/getStatusList") PARTY5, "<x:MessageSelector/>"),
     XTA_PORT_BOX, XTA_SOAP_SENDER, XTA_NO_EXCEPTION, false},
};

static void test_v5(void **state)
{
    const struct v5_row *row = *state;

    for (int lenient = 0; lenient < 2; lenient++) {
        enum xta_exception expect = lenient != 0 ? row->lenient : row->strict;
        AUTO(read_close) struct read r = {0};

        read_open(&r, XTA_V5, row->port);
        r.conf.lenient = lenient != 0;
        read_text(&r, row->body, SOAP_TYPE, NULL);
        if (r.fault.exception != expect)
            fail_msg("fault %d: %s", r.fault.exception, r.err.text);
        assert_int_equal(r.request.selection.extended, row->extended);
        assert_int_equal(r.request.deviation.ptr != NULL,
                         expect == XTA_NO_EXCEPTION && row->strict != XTA_NO_EXCEPTION);
    }
}

/* ---- bounds ---- */

static void repeat(struct buf *text, const char *what, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_str(text, what);
}

/* before, then many times what, then after; must be refused, and quickly. */
static const struct bound_row {
    const char *name, *before, *what, *after;
    size_t times;
    enum xta_exception expect;
} bound_rows[] = {
    {"depth", "<s:Envelope xmlns:s=\"" SOAP "\">", "<x>", "", 100, XTA_SOAP_SENDER},
    {"a huge header block", "<s:Envelope xmlns:s=\"" SOAP "\"><s:Header><x>", "0123456789abcdef",
     "</x></s:Header><s:Body/></s:Envelope>", 200000, XTA_SOAP_SENDER},
    {"a huge tag", "<s:Envelope xmlns:s=\"" SOAP "\" x=\"", "0123456789abcdef", "\"/>", 200000,
     XTA_SOAP_SENDER},
    {"a huge comment", "<s:Envelope xmlns:s=\"" SOAP "\"><!--", "0123456789abcdef",
     "--></s:Envelope>", 200000, XTA_SOAP_SENDER},
    {"many attributes", "<s:Envelope xmlns:s=\"" SOAP "\"", " a=\"\"", "/>", 100000,
     XTA_SOAP_SENDER},
    {"many elements", "<s:Envelope xmlns:s=\"" SOAP "\"><s:Header>", "<x/>",
     "</s:Header></s:Envelope>", 300000, XTA_SOAP_SENDER},
    {"many comments", "<s:Envelope xmlns:s=\"" SOAP "\"><s:Header>", "<!---->",
     "</s:Header></s:Envelope>", 300000, XTA_SOAP_SENDER},
    {"contents of more than may be",
     "<s:Envelope xmlns:s=\"" SOAP "\" xmlns:a=\"" WSA "\" xmlns:x=\"" XTA3 "\"><s:Header>" ACTION(
         SEND) "</s:Header><s:Body><x:GenericContentContainer><x:ContentContainer>"
               "<x:Message contentType=\"a/b\">",
     "QUJDQUJDQUJDQUJD", "", 200000, XTA_PARAMETER_NOT_VALID},
    {"more contents than may be",
     "<s:Envelope xmlns:s=\"" SOAP "\" xmlns:a=\"" WSA "\" xmlns:x=\"" XTA3 "\"><s:Header>" ACTION(
         SEND) "</s:Header><s:Body><x:GenericContentContainer><x:ContentContainer>",
     "<x:Attachment contentType=\"a/b\"/>", "", 100, XTA_PARAMETER_NOT_VALID},
};

static void test_bound(void **state)
{
    const struct bound_row *row = *state;
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(read_close) struct read r = {0};
    struct source_span source;

    read_open(&r, XTA_V3, XTA_PORT_SENDER);
    r.conf.limits.root_bytes = 1024 * 1024;
    r.conf.limits.content_bytes = 1024 * 1024;
    r.conf.limits.contents = 50;
    buf_init(&text, ARENA_MAX);
    buf_str(&text, row->before);
    repeat(&text, row->what, row->times);
    buf_str(&text, row->after);
    read_from(&r, source_span_init(&source, buf_span(&text)), SOAP_TYPE, NULL);
    assert_int_equal(r.fault.exception, row->expect);
    if (row->expect == XTA_PARAMETER_NOT_VALID)
        assert_int_equal(r.fault.number, XTA_N_TOO_LARGE);
    assert_true(r.intake.contents[0].len <= 1024 * 1024);
}

static void test_many_parts(void **state)
{
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(read_close) struct read r = {0};
    struct source_span source;

    (void)state;
    read_open(&r, XTA_V3, XTA_PORT_SENDER);
    buf_init(&text, ARENA_MAX);
    buf_str(&text, ROOT_PART(SENDING("QUJD")));
    repeat(&text, PART("", "x"), 2500);
    buf_str(&text, END);
    read_from(&r, source_span_init(&source, buf_span(&text)), OUTER, NULL);
    assert_int_equal(r.fault.exception, XTA_SOAP_SENDER);
}

/* Nothing is stored for an operation that takes no contents. */
static void test_no_contents_here(void **state)
{
    AUTO(read_close) struct read r = {0};

    (void)state;
    read_open(&r, XTA_V3, XTA_PORT_BASE);
    read_text(&r, ENVELOPE(ACTION(CREATE), CONTENT("QUJD")), SOAP_TYPE, NULL);
    assert_int_equal(r.fault.exception, XTA_SOAP_SENDER);
    assert_int_equal(r.intake.count, 0);
    assert_true(r.request.operation_known);
    assert_true(span_is(r.relates, "urn:uuid:1"));
}

/* ---- faults ---- */

static bool is_soap(enum xta_exception e)
{
    return e >= XTA_SOAP_SENDER;
}

static void fault_try(enum xta_version version, const enum xta_operation *operation,
                      enum xta_exception exception, int number)
{
    const enum xta_operation any = XTA_CHECK_ACCOUNT_ACTIVE;
    struct xta_request to = {.version = version, .operation = operation == NULL ? any : *operation};
    struct xta_fault fault = {
        .exception = exception, .number = number, .detail = SPAN("why <&>\b\0\xff")};
    struct xta_reading conf = helper_xta_reading(version, XTA_PORT_BASE, NULL);
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf bytes = {0};
    struct xta_fault again = {.exception = XTA_NO_EXCEPTION};
    struct source_span source;
    struct xta_answer answer;
    struct xta_parcel parcel;
    struct rng_count rng;
    struct error err = {0};
    bool declared = operation != NULL && !is_soap(exception) && exception != XTA_NO_EXCEPTION &&
                    xta_exception_declared(version, *operation, exception);

    rng_count_init(&rng);
    arena_init(&arena, ARENA_MAX);
    assert_int_equal(xta_fault_write(version, operation, &fault, SPAN("urn:uuid:7"), &rng.base,
                                     &arena, &parcel, &err),
                     ST_OK);
    helper_parcel_bytes(&parcel, &bytes);
    helper_xta_valid(version, helper_xta_root(parcel.content_type, buf_span(&bytes)));
    assert_int_equal(xta_answer_read(&conf, &to, source_span_init(&source, buf_span(&bytes)),
                                     span_str(parcel.content_type), &arena, &answer, &again, &err),
                     ST_DENIED);
    if (declared) {
        assert_int_equal(again.exception, exception);
        assert_int_equal(again.number, number == 0 ? XTA_N_UNSPECIFIED : number);
    } else {
        assert_true(is_soap(again.exception));
        if (is_soap(exception))
            assert_int_equal(again.exception, exception);
    }
}

/* Every exception at every operation: valid, and never one that is not declared. */
static void test_faults(void **state)
{
    static const int numbers[] = {0, 9000, 9010, 9024, 9030, 9070, 9101};

    (void)state;
    for (enum xta_version v = 0; v < XTA_VERSION_COUNT; v++)
        for (enum xta_exception e = 0; e < XTA_EXCEPTION_COUNT; e++) {
            fault_try(v, NULL, e, 9030);
            for (enum xta_operation o = 0; o < XTA_OPERATION_COUNT; o++)
                if (xta_operation_name(v, o) != NULL)
                    fault_try(v, &o, e, numbers[((size_t)o + (size_t)e) % ARRAY_LEN(numbers)]);
        }
}

static const struct fault_action_row {
    enum xta_version version;
    enum xta_operation operation;
    enum xta_exception exception;
    const char *action;
} fault_actions[] = {
    {XTA_V3, XTA_CREATE_MESSAGE_ID, XTA_PERMISSION_DENIED, CREATE},
    {XTA_V5, XTA_CREATE_MESSAGE_ID, XTA_PERMISSION_DENIED,
     "https://xoev.de/transport/xta/core/core.sender/PermissionDeniedException"},
    {XTA_V5, XTA_CHECK_ACCOUNT_ACTIVE, XTA_TECHNICAL_PROBLEM,
     "https://xoev.de/transport/xta/core/core.transport.base/TechnicalProblemException"},
    {XTA_V3, XTA_GET_STATUS_LIST, XTA_PARAMETER_NOT_VALID, WSA "/soap/fault"},
    {XTA_V3, XTA_CLOSE, XTA_SOAP_ACTION_MISMATCH, WSA "/fault"},
};

static void test_fault_actions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fault_actions); i++) {
        const struct fault_action_row *row = &fault_actions[i];
        struct xta_fault fault = {.exception = row->exception, .number = 9000};
        AUTO(arena_deinit) struct arena arena = {0};
        AUTO(buf_deinit) struct buf bytes = {0};
        struct xta_parcel parcel;
        struct rng_count rng;
        struct error err = {0};
        char wanted[256];

        rng_count_init(&rng);
        arena_init(&arena, ARENA_MAX);
        assert_int_equal(xta_fault_write(row->version, &row->operation, &fault, SPAN_NONE,
                                         &rng.base, &arena, &parcel, &err),
                         ST_OK);
        helper_parcel_bytes(&parcel, &bytes);
        snprintf(wanted, sizeof wanted, "<wsa:Action>%s</wsa:Action>", row->action);
        assert_int_not_equal(span_find(buf_span(&bytes), span_str(wanted)), SIZE_MAX);
        snprintf(wanted, sizeof wanted, "action=\"%s\"", row->action);
        assert_non_null(strstr(parcel.content_type, wanted));
    }
}

/* ---- metadata through the other version ---- */

#define S(text) SPAN(text)

static struct xta_metadata full_metadata(void)
{
    static struct xta_property property = {.key = {.list = SPAN_NONE}};
    static struct xta_related related;
    struct xta_metadata m = {.version = XTA_V3, .test = true, .id = S("urn:de:xta:messageid:a:1")};

    property = (struct xta_property){.key = {.code = S("Farbe")}, .value = S("grün & \"rot\"")};
    related = (struct xta_related){.id = S("urn:x:before")};
    m.reader = (struct xta_party){
        .value = S("ags:2"), .scheme = S("justiz"), .name = S("Köln"), .category = S("Amt")};
    m.author = (struct xta_party){
        .value = S("ags:1"), .scheme = S("xoev"), .name = S("A <&> B"), .category = S("Amt")};
    m.sender = (struct xta_party){
        .value = S("dbs:3"), .scheme = S("xoev"), .name = S("S"), .category = S("V")};
    m.reply_to = (struct xta_party){
        .value = S("ags:4"), .scheme = S("xoev"), .name = S("R"), .category = S("W")};
    m.service = S("urn:service");
    m.subject = S("Größe & Maß <1>");
    m.scenario = (struct xta_code){S("urn:list"), S("2"), S("XMELD_DATA"), SPAN_NONE};
    m.message_type = (struct xta_code){S("urn:types"), S("3"), S("a.b.1"), SPAN_NONE};
    m.message_schema = S("http://schema/x");
    m.origin = S("2025-03-14T08:00:02+00:00");
    m.initial_send = S("2025-03-14T08:00:03Z");
    m.not_before = S("2025-03-15T08:00:03.5Z");
    m.delivery = S("2025-03-14T08:00:04Z");
    m.initial_fetch = S("2025-03-14T08:00:05Z");
    m.reception = S("2025-03-14T08:00:06-01:30");
    m.obsolete_after = S("2028-02-29");
    m.quality = S("urn:xoev-de:kosit:standard:x.xta.serviceprofile.y_1");
    m.size = 4711;
    m.properties = &property;
    m.property_count = 1;
    m.related = &related;
    m.related_count = 1;
    m.process_requester = S("P1");
    m.process_requester_name = S("Vorgang");
    m.process_responder = S("P2");
    return m;
}

static struct xta_metadata through(const struct xta_metadata *m, enum xta_version version,
                                   struct arena *arena, struct span *xml)
{
    struct xta_metadata again;
    struct error err = {0};

    assert_int_equal(xta_metadata_write(m, version, arena, xml, &err), ST_OK);
    assert_int_equal(xta_metadata_read(*xml, arena, &again, &err), ST_OK);
    assert_int_equal(again.version, version);
    return again;
}

static void test_metadata_through_v5(void **state)
{
    AUTO(arena_deinit) struct arena arena = {0};
    struct xta_metadata m = full_metadata(), in_v5, back;
    struct span v3, v5, last;

    (void)state;
    arena_init(&arena, ARENA_MAX);
    in_v5 = through(&m, XTA_V5, &arena, &v5);
    assert_true(in_v5.test);
    assert_true(span_eq(in_v5.subject, m.subject));
    assert_int_equal(in_v5.property_count, 1);
    back = through(&in_v5, XTA_V3, &arena, &v3);
    /* the list of a property's key is all that is lost: version 5 has no code there */
    m = through(&m, XTA_V3, &arena, &last);
    assert_true(span_eq(v3, last));
    assert_true(back.test);
}

/* What OSCI adds to the element does not disturb. */
static void test_metadata_with_id(void **state)
{
    AUTO(arena_deinit) struct arena arena = {0};
    struct xta_metadata m;
    struct error err = {0};

    (void)state;
    arena_init(&arena, ARENA_MAX);
    assert_int_equal(
        xta_metadata_read(SPAN("<m:MessageMetaData xmlns:m=\"" META "\" xmlns:a=\"" WSA
                               "\" xmlns:s=\"urn:s\" Id=\"MetaData\" s:mustUnderstand=\"1\">"
                               "<m:MsgIdentification><a:MessageID>urn:x:1</a:MessageID>"
                               "</m:MsgIdentification></m:MessageMetaData>"),
                          &arena, &m, &err),
        ST_OK);
    assert_true(span_is(m.id, "urn:x:1"));
    assert_int_equal(xta_metadata_read(SPAN("<x/>"), &arena, &m, &err), ST_INVALID);
    assert_int_equal(xta_metadata_read(SPAN("no xml"), &arena, &m, &err), ST_INVALID);
}

/* XTA-108: metadata of several messages with the same ids and extensions in one list. */
static void test_unique_ids(void **state)
{
    static const struct span extension =
        SPAN("<x:Extensions xmlns:x=\"https://xoev.de/transport/xta/core/3.1.1\">"
             "<x:Extension id=\"same\"><x:Identifier>urn:e</x:Identifier><x:Version>1</x:Version>"
             "<x:Data/></x:Extension></x:Extensions>");
    struct span fragments[] = {extension};
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf bytes = {0};
    struct xta_metadata list[3];
    struct xta_answer answer = {.version = XTA_V5,
                                .operation = XTA_GET_STATUS_LIST,
                                .has_box = true,
                                .list = list,
                                .list_count = ARRAY_LEN(list)};
    struct xta_parcel parcel;
    struct rng_count rng;
    struct error err = {0};

    (void)state;
    rng_count_init(&rng);
    arena_init(&arena, ARENA_MAX);
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        list[i] = full_metadata();
        list[i].version = XTA_V5;
        list[i].fragments = fragments;
        list[i].fragment_count = 1;
        list[i].size = 0;
        list[i].quality = SPAN_NONE;
    }
    assert_int_equal(xta_answer_write(&answer, &rng.base, &arena, &parcel, &err), ST_OK);
    helper_parcel_bytes(&parcel, &bytes);
    helper_xta_valid(XTA_V5, helper_xta_root(parcel.content_type, buf_span(&bytes)));
}

/* Content ids that version 5 cannot have are made anew, others are kept. */
static void test_content_ids(void **state)
{
    static const char *const ids[] = {"fits", "1digit", "fits", "a b", "", "größe"};
    struct source_span body;
    struct xta_content contents[ARRAY_LEN(ids)];
    struct xta_request request = {
        .version = XTA_V5,
        .operation = XTA_SEND_MESSAGE,
        .metadata = full_metadata(),
        .container = {.has_message = true, .contents = contents, .count = ARRAY_LEN(ids)}};
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf bytes = {0};
    struct xta_parcel parcel;
    struct rng_count rng;
    struct error err = {0};

    (void)state;
    rng_count_init(&rng);
    arena_init(&arena, ARENA_MAX);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        contents[i] = (struct xta_content){.id = span_str(ids[i]),
                                           .body = source_span_init(&body, SPAN("x"))};
    assert_int_equal(xta_request_write(&request, &rng.base, &arena, &parcel, &err), ST_OK);
    helper_parcel_bytes(&parcel, &bytes);
    helper_xta_valid(XTA_V5, helper_xta_root(parcel.content_type, buf_span(&bytes)));
    assert_int_not_equal(span_find(buf_span(&bytes), SPAN(" id=\"fits\"")), SIZE_MAX);
    assert_int_not_equal(span_find(buf_span(&bytes), SPAN(" id=\"größe\"")), SIZE_MAX);
}

/* ---- large ---- */

/* front, then len times a byte or base64 of it, then back */
struct large {
    struct source base;
    struct span front, back;
    uint64_t middle;
    const char *pattern; /* of four */
};

static enum status large_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                              size_t *got, struct error *err)
{
    const struct large *l = (const struct large *)self;
    uint8_t *to = bytes;

    (void)err;
    for (*got = 0; *got < cap && offset < l->base.len; offset++, ++*got) {
        if (offset < l->front.len)
            to[*got] = l->front.ptr[offset];
        else if (offset < l->front.len + l->middle)
            to[*got] = (uint8_t)l->pattern[(offset - l->front.len) % 4];
        else
            to[*got] = l->back.ptr[offset - l->front.len - l->middle];
    }
    return ST_OK;
}

struct counting {
    struct xta_intake base;
    struct sink sink;
    uint64_t bytes;
    size_t most; /* memory in use */
};

static struct counting *counting_of(struct sink *sink)
{
    return (struct counting *)((char *)sink - offsetof(struct counting, sink));
}

static enum status counting_write(struct sink *self, struct span bytes, struct error *err)
{
    struct counting *c = counting_of(self);
    size_t used = mallinfo2().uordblks;

    (void)err;
    c->bytes += bytes.len;
    c->most = used > c->most ? used : c->most;
    return ST_OK;
}

static enum status counting_open(struct xta_intake *self, const struct xta_content *content,
                                 struct sink **sink, struct error *err)
{
    struct counting *c = (struct counting *)self;

    (void)content;
    (void)err;
    c->sink.write = counting_write;
    *sink = &c->sink;
    return ST_OK;
}

static enum status counting_close(struct xta_intake *self, struct error *err)
{
    (void)self;
    (void)err;
    return ST_OK;
}

static const struct large_row {
    const char *name, *type, *front, *back, *pattern;
    uint64_t middle, content;
} large_rows[] = {
    {"100 MB inline", SOAP_TYPE,
     "<s:Envelope xmlns:s=\"" SOAP "\" xmlns:a=\"" WSA "\" xmlns:x=\"" XTA3 "\" xmlns:m=\"" META
     "\"><s:Header>" ACTION(SEND) METADATA
     "</s:Header><s:Body><x:GenericContentContainer><x:ContentContainer>"
     "<x:Message contentType=\"a/b\">",
     "</x:Message></x:ContentContainer></x:GenericContentContainer></s:Body></s:Envelope>", "QUJD",
     UINT64_C(140) << 20, UINT64_C(105) << 20},
    {"100 MB beside", OUTER, ROOT_PART(SENDING(INCLUDE("cid:p"))) "--b\r\nContent-ID: <p>\r\n\r\n",
     "\r\n" END, "ABCD", UINT64_C(100) << 20, UINT64_C(100) << 20},
};

static void test_large(void **state)
{
    const struct large_row *row = *state;
    struct counting intake = {.base = {.open = counting_open, .close = counting_close}};
    struct large body = {.base.read = large_read,
                         .front = span_str(row->front),
                         .back = span_str(row->back),
                         .middle = row->middle,
                         .pattern = row->pattern};
    AUTO(read_close) struct read r = {0};
    size_t before;

    read_open(&r, XTA_V3, XTA_PORT_SENDER);
    arena_init(&r.arena, 1024 * 1024);
    r.conf.limits.root_bytes = 64 * 1024;
    r.conf.intake = &intake.base;
    body.base.len = body.front.len + body.middle + body.back.len;
    before = mallinfo2().uordblks;
    read_from(&r, &body.base, row->type, NULL);
    if (r.st != ST_OK)
        fail_msg("%s", r.err.text);
    assert_int_equal(intake.bytes, row->content);
    assert_int_equal(r.request.container.contents[0].len, row->content);
    assert_true(intake.most - before < 4 * 1024 * 1024);
}

/* ---- answers ---- */

static const struct answer_row {
    const char *name, *body;
    enum status expect;
} answer_rows[] = {
    {"an id", ENVELOPE(ACTION(CREATE), "<a:MessageID>urn:x:1</a:MessageID>"), ST_OK},
    {"no header",
     "<s:Envelope xmlns:s=\"" SOAP "\" xmlns:a=\"" WSA
     "\"><s:Body><a:MessageID>urn:x:1</a:MessageID></s:Body></s:Envelope>",
     ST_OK},
    {"no id", ENVELOPE(ACTION(CREATE), "<a:MessageID></a:MessageID>"), ST_INVALID},
    {"an empty body", ENVELOPE(ACTION(CREATE), ""), ST_INVALID},
    {"another body", ENVELOPE(ACTION(CREATE), "<a:To>urn:x:1</a:To>"), ST_INVALID},
    {"to another request",
     ENVELOPE(ACTION(CREATE) "<a:RelatesTo>urn:uuid:9</a:RelatesTo>",
              "<a:MessageID>urn:x:1</a:MessageID>"),
     ST_INVALID},
    {"to ours",
     ENVELOPE(ACTION(CREATE) "<a:RelatesTo>urn:uuid:8</a:RelatesTo>",
              "<a:MessageID>urn:x:1</a:MessageID>"),
     ST_OK},
    {"a DOCTYPE", "<!DOCTYPE x>" ENVELOPE("", "<a:MessageID>urn:x:1</a:MessageID>"), ST_INVALID},
    {"a page", "<html><body>502</body></html>", ST_INVALID},
    {"nothing", "", ST_INVALID},
    {"a fault without detail",
     ENVELOPE("", "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason>"
                  "<s:Text xml:lang=\"en\">busy</s:Text></s:Reason></s:Fault>"),
     ST_DENIED},
    {"a fault with nothing in it", ENVELOPE("", "<s:Fault/>"), ST_DENIED},
};

static void test_answer(void **state)
{
    const struct answer_row *row = *state;
    struct xta_request to = {
        .version = XTA_V3, .operation = XTA_CREATE_MESSAGE_ID, .soap_id = SPAN("urn:uuid:8")};
    struct xta_reading conf = helper_xta_reading(XTA_V3, XTA_PORT_BASE, NULL);
    AUTO(arena_deinit) struct arena arena = {0};
    struct source_span source;
    struct xta_answer answer;
    struct xta_fault fault;
    struct error err = {0};

    arena_init(&arena, ARENA_MAX);
    assert_int_equal(xta_answer_read(&conf, &to, source_span_init(&source, span_str(row->body)),
                                     SPAN(SOAP_TYPE), &arena, &answer, &fault, &err),
                     row->expect);
    if (row->expect == ST_OK)
        assert_true(span_is(answer.message_id, "urn:x:1"));
}

/* Every byte of a message cut off, one after the other: always a fault, never anything else. */
static void test_cut(void **state)
{
    static const char whole[] =
        ROOT_PART(SENDING(INCLUDE("cid:p"))) PART("Content-ID: <p>\r\n", "ABC") "--b--";

    (void)state;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        AUTO(read_close) struct read r = {0};
        struct source_span source;

        read_open(&r, XTA_V3, XTA_PORT_SENDER);
        read_from(&r, source_span_init(&source, span_of(whole, len)), OUTER, NULL);
        assert_int_equal(r.fault.exception, XTA_SOAP_SENDER);
    }
}

#define ROWS(rows, run)                                                                            \
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                                   \
        tests[count++] = (struct CMUnitTest)                                                       \
        {                                                                                          \
            rows[i].name, run, NULL, NULL, (void *)(uintptr_t)&rows[i]                             \
        }

int main(void)
{
    static const struct CMUnitTest single[] = {
        cmocka_unit_test(test_many_parts),
        cmocka_unit_test(test_no_contents_here),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_fault_actions),
        cmocka_unit_test(test_metadata_through_v5),
        cmocka_unit_test(test_metadata_with_id),
        cmocka_unit_test(test_unique_ids),
        cmocka_unit_test(test_content_ids),
        cmocka_unit_test(test_cut),
    };
    struct CMUnitTest tests[ARRAY_LEN(action_rows) + ARRAY_LEN(hostile_rows) +
                            ARRAY_LEN(bound_rows) + ARRAY_LEN(large_rows) + ARRAY_LEN(answer_rows) +
                            ARRAY_LEN(v5_rows) + ARRAY_LEN(single)];
    size_t count = 0;

    ROWS(action_rows, test_action);
    ROWS(hostile_rows, test_hostile);
    ROWS(v5_rows, test_v5);
    ROWS(bound_rows, test_bound);
    ROWS(large_rows, test_large);
    ROWS(answer_rows, test_answer);
    for (size_t i = 0; i < ARRAY_LEN(single); i++)
        tests[count++] = single[i];
    return _cmocka_run_group_tests("xta wire", tests, count, helper_crypto_setup,
                                   helper_crypto_teardown);
}
