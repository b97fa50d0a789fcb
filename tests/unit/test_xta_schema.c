#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libxml/parser.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/helper_xta.h"

#define V3_SEND "v3/06-sendMessage.request.xml"
#define V5_SEND "v5/05-sendMessage.request.xml"
#define XSI "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "

static enum xta_version version_of(const char *file)
{
    return file[1] == '3' ? XTA_V3 : XTA_V5;
}

/* ST_OK: valid; ST_INVALID also when it is no XML that we take at all. */
static enum status verdict(enum xta_version version, struct span xml, struct error *err)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;

    TRY(xml_parse(xml, &doc, err));
    return xta_schema_check(helper_xta_schemas(), version, doc, err);
}

/* Everything in the index gets the verdict that it notes. Bodies of HTTP that must be refused are
 * refused for their packaging, which no schema sees. */
static void vector(void **state)
{
    const json_t *entry = *state;
    const char *file = json_string_value(json_object_get(entry, "file"));
    bool positive = strcmp(json_string_value(json_object_get(entry, "kind")), "positive") == 0;
    bool valid = json_is_true(json_object_get(entry, "schema_valid"));
    AUTO(buf_deinit) struct buf xml = {0};
    struct error err = {0};
    enum status st;

    if (span_ends(span_str(file), SPAN(".http"))) {
        if (!positive)
            return;
        helper_xta_envelope(file, &xml);
        helper_xta_valid(version_of(file), buf_span(&xml));
        return;
    }
    helper_xta_envelope(file, &xml);
    st = verdict(version_of(file), buf_span(&xml), &err);
    if (st != (valid ? ST_OK : ST_INVALID))
        fail_msg("%s: %s", status_name(st), err.text);
    if (helper_xta_official())
        assert_int_equal(helper_xta_official_valid(version_of(file), buf_span(&xml)), valid);
}

/* What an operator reads. The values put in are all "SECRET". */
static struct sentence {
    const char *name, *file;
    const char *from, *to; /* the first from becomes to */
    const char *text;      /* NULL: still valid */
    int reason;
} sentences[] = {
    {"an element too many", V3_SEND, "<ns0:MsgIdentification>", "<ns0:X/><ns0:MsgIdentification>",
     "Header/MessageMetaData/X is not expected here, but MsgIdentification", XTA_N_COMBINATION},
    {"an element missing", V3_SEND, "<ns0:Author>", "<ns0:Author/><ns0:Author>",
     "Header/MessageMetaData/Originators/Author is not complete: it lacks Identifier",
     XTA_N_MISSING},
    {"one of several missing", V3_SEND, "</ns0:Identifier>",
     "</ns0:Identifier><ns0:SecurityToken usage=\"SIGNATURE\"/>",
     "Header/MessageMetaData/Originators/Author/SecurityToken is not complete: it lacks "
     "BinarySecurityToken or SecurityTokenReference or UsernameToken",
     XTA_N_MISSING},
    {"one of many expected", "v3/25-sendMessage-EncryptedData.request.xml", "<ds:X509Certificate>",
     "<ds:SECRET/><ds:X509Certificate>",
     "KeyInfo/EncryptedKey/KeyInfo/X509Data/SECRET is not expected here, but X509IssuerSerial or "
     "X509SKI "
     "or "
     "X509SubjectName or others",
     XTA_N_COMBINATION},
    {"nothing more expected", V3_SEND, "</ns0:Identifier>", "</ns0:Identifier><ns0:X/>",
     "Header/MessageMetaData/Originators/Author/X is not expected here, but SecurityToken",
     XTA_N_COMBINATION},
    {"a long name", V3_SEND, "</ns0:MsgIdentification>",
     "</"
     "ns0:MsgIdentification><ns0:aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg/"
     ">",
     "Header/MessageMetaData/(a long name) is not expected here, but Qualifier", XTA_N_COMBINATION},
    {"an attribute missing", V3_SEND, "Identifier type=\"xoev\"", "Identifier",
     "Header/MessageMetaData/Originators/Author/Identifier lacks the attribute type",
     XTA_N_MISSING},
    {"an attribute too many", V3_SEND, "TestMsg=", "SECRET=\"SECRET\" TestMsg=",
     "Header/MessageMetaData must not have the attribute SECRET", XTA_N_COMBINATION},
    {"a foreign attribute too many", V3_SEND,
     "TestMsg=", "xmlns:x=\"urn:x',attribute'y'\" x:SECRET=\"SECRET\" TestMsg=",
     "Header/MessageMetaData must not have the attribute SECRET", XTA_N_COMBINATION},
    {"a foreign element", V3_SEND, "<ns0:MsgIdentification>",
     "<y:X xmlns:y=\"urn:':Expected(SECRET)\"/><ns0:MsgIdentification>",
     "Header/MessageMetaData/X is not expected here, but MsgIdentification", XTA_N_COMBINATION},
    {"no time", V3_SEND, "<ns0:Origin>", "<ns0:Origin>SECRET",
     "Header/MessageMetaData/DeliveryAttributes/Origin has a value that is no xs:dateTime",
     XTA_N_COMBINATION},
    {"no number in an attribute", V3_SEND, " size=\"", " size=\"SECRET' type 'SECRET'.",
     "Body/GenericContentContainer/ContentContainer/Message, attribute size, has a value that is "
     "no "
     "xs:positiveInteger",
     XTA_N_COMBINATION},
    {"an empty text", V3_SEND, "category=\"Meldebehörde\"", "category=\"\"",
     "Header/MessageMetaData/Originators/Author/Identifier, attribute category, must not be empty",
     XTA_N_COMBINATION},
    {"not one of a list", V3_SEND, "</ns0:Identifier>",
     "</ns0:Identifier><ns0:SecurityToken usage=\"SECRET\"/>",
     "Header/MessageMetaData/Originators/Author/SecurityToken, attribute usage, has a value that "
     "is not "
     "allowed",
     XTA_N_COMBINATION},
    {"not the fixed value", "v3/faults/SyncAsyncException-9080.xml", "listVersionID=\"1.0\"",
     "listVersionID=\"SECRET\"",
     "Body/Fault/Detail/SyncAsyncException/errorCode, attribute listVersionID, has a value that is "
     "not "
     "allowed",
     XTA_N_COMBINATION},
    {"no code of SOAP", "v3/faults/SyncAsyncException-9080.xml", ":Value>", ":Value>SECRET",
     "Body/Fault/Code/Value has a value that is not allowed", XTA_N_COMBINATION},
    {"text between elements", V3_SEND, "<ns0:DeliveryAttributes>", "<ns0:DeliveryAttributes>SECRET",
     "Header/MessageMetaData/DeliveryAttributes holds text where only elements may be",
     XTA_N_COMBINATION},
    {"an element within text", V3_SEND, "<code>", "<code><SECRET/>",
     "MessageMetaData/Qualifier/BusinessScenario/Defined/code holds an element where only text may "
     "be",
     XTA_N_COMBINATION},
    {"an xop:Include that was left", V3_SEND, "</ns0:ContentContainer>",
     "<ns0:Attachment contentType=\"a/b\"><x:Include "
     "xmlns:x=\"http://www.w3.org/2004/08/xop/include\""
     " href=\"cid:SECRET\"/></ns0:Attachment></ns0:ContentContainer>",
     "Body/GenericContentContainer/ContentContainer/Attachment holds an element where only text "
     "may "
     "be",
     XTA_N_COMBINATION},
    {"a parameter that nobody knows", "v3/25-sendMessage-EncryptedData.request.xml",
     "mgf1sha256\"/>", "mgf1sha256\"/><x:X xmlns:x=\"urn:x\"/>",
     "EncryptedData/KeyInfo/EncryptedKey/EncryptionMethod/X is an element that no schema knows",
     XTA_N_COMBINATION},
    {"nil", V3_SEND, "TestMsg=", XSI "xsi:nil=\"true\" TestMsg=",
     "Header/MessageMetaData must not be nil", XTA_N_COMBINATION},
    {"a type that nobody knows", V3_SEND, "TestMsg=", XSI "xsi:type=\"SECRET\" TestMsg=",
     "Header/MessageMetaData has an xsi:type that no schema knows", XTA_N_COMBINATION},
    {"an id twice", V5_SEND, "<ns0:Qualifier id=\"", "<ns0:Qualifier id=\"7SECRET",
     "Header/MessageMetaData/Qualifier, attribute id, is no xs:ID, or one that occurs twice",
     XTA_N_COMBINATION},
    {"another root", V3_SEND, "http://www.w3.org/2003/05/soap-envelope",
     "http://schemas.xmlsoap.org/soap/envelope/",
     "the root element is not the Envelope of SOAP 1.2", XTA_N_COMBINATION},
    {"a place to get a schema from, which nobody goes to", V3_SEND,
     "TestMsg=", XSI "xsi:schemaLocation=\"urn:x file:///nowhere/SECRET.xsd\" TestMsg=", NULL, 0},
    {"a header block that nobody knows", V3_SEND, "<ns0:MessageMetaData ",
     "<x:X xmlns:x=\"urn:x\" y=\"1\">z</x:X><ns0:MessageMetaData ", NULL, 0},
    {"a serial number of many digits", "v3/25-sendMessage-EncryptedData.request.xml",
     "<ds:X509Certificate>",
     "<ds:X509IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName><ds:X509SerialNumber>"
     "1234567890123456789012345678901234567890</ds:X509SerialNumber></ds:X509IssuerSerial>"
     "<ds:X509Certificate>",
     NULL, 0},
};

static void sentence(void **state)
{
    const struct sentence *row = *state;
    AUTO(buf_deinit) struct buf xml = {0};
    AUTO(buf_deinit) struct buf spoilt = {0};
    struct error err = {0};
    size_t at;
    enum status st;

    helper_xta_envelope(row->file, &xml);
    at = span_find(buf_span(&xml), span_str(row->from));
    assert_int_not_equal(at, SIZE_MAX);
    buf_init(&spoilt, XML_BYTES_MAX);
    buf_add(&spoilt, span_sub(buf_span(&xml), 0, at));
    buf_str(&spoilt, row->to);
    buf_add(&spoilt, span_from(buf_span(&xml), at + strlen(row->from)));
    st = verdict(version_of(row->file), buf_span(&spoilt), &err);
    assert_string_equal(err.text, row->text == NULL ? "" : row->text);
    assert_int_equal(st, row->text == NULL ? ST_OK : ST_INVALID);
    assert_int_equal(err.reason, row->reason);
}

/* A check leaves no trace in the tree: not its ids, and the second says what the first did. */
static void tree_as_before(void **state)
{
    static const char *const files[] = {V5_SEND, "v5/negative/duplicate-xml-id.xml"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        AUTO(buf_deinit) struct buf xml = {0};
        AUTO(xml_doc_drop) xmlDoc *doc = NULL;
        struct error first = {0};
        struct error second = {0};
        const xmlNode *message;

        helper_xta_envelope(files[i], &xml);
        assert_int_equal(xml_parse(buf_span(&xml), &doc, &first), ST_OK);
        message = xml_first(xml_root(doc));
        while (xml_attr(message, NULL, "id").ptr == NULL)
            message = xml_first(message);
        assert_int_equal(xta_schema_check(helper_xta_schemas(), XTA_V5, doc, &first),
                         xta_schema_check(helper_xta_schemas(), XTA_V5, doc, &second));
        assert_string_equal(first.text, second.text);
        assert_null(xmlGetID(doc, (const xmlChar *)xml_attr(message, NULL, "id").ptr));
    }
}

static xmlParserInput *no_loading(const char *url, const char *id, xmlParserCtxt *ctxt)
{
    (void)id;
    (void)ctxt;
    fail_msg("something is loaded: %s", url);
    return NULL;
}

/* Compiling takes nothing from outside and puts the loader back. */
static void loader(void **state)
{
    xmlExternalEntityLoader before = xmlGetExternalEntityLoader();
    AUTO(xta_schemas_drop) struct xta_schemas *schemas = NULL;
    struct error err = {0};

    (void)state;
    xmlSetExternalEntityLoader(no_loading);
    assert_int_equal(xta_schemas_new(&schemas, &err), ST_OK);
    assert_true(xmlGetExternalEntityLoader() == no_loading);
    xmlSetExternalEntityLoader(before);
}

/* Every file is there by its name, and what it imports as well. */
static void files(void **state)
{
    (void)state;
    for (int v = 0; v < XTA_VERSION_COUNT; v++) {
        const char *name;
        size_t i;

        for (i = 0; (name = xta_schema_name((enum xta_version)v, i)) != NULL; i++) {
            struct span bytes = xta_schema_file((enum xta_version)v, name);
            struct span before = SPAN("schemaLocation=\"");
            size_t at;

            assert_non_null(bytes.ptr);
            while ((at = span_find(bytes, before)) != SIZE_MAX) {
                char import[128];
                const char *base;

                bytes = span_from(bytes, at + before.len);
                (void)snprintf(import, sizeof import, "%.*s", (int)span_find(bytes, SPAN("\"")),
                               (const char *)bytes.ptr);
                base = strrchr(import, '/');
                base = base == NULL ? import : base + 1;
                if (xta_schema_file((enum xta_version)v, base).ptr == NULL)
                    fail_msg("%s imports %s", name, import);
            }
        }
        assert_true(i > 8);
        assert_null(xta_schema_file((enum xta_version)v, "v3/xta.xsd").ptr);
        assert_null(xta_schema_file((enum xta_version)v, "../common/soap.xsd").ptr);
        assert_null(xta_schema_file((enum xta_version)v, "").ptr);
    }
    assert_null(xta_schema_file(XTA_V5, "msgbox.xsd").ptr);
    assert_non_null(xta_schema_file(XTA_V3, "msgbox.xsd").ptr);
}

enum { THREADS = 4, ROUNDS = 20 };

static const char *const threaded[] = {V3_SEND, V5_SEND, "v5/negative/duplicate-xml-id.xml",
                                       "v3/negative/wrong-element-order.xml"};

static void *check_again_and_again(void *arg)
{
    uintptr_t wrong = 0;

    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < ARRAY_LEN(threaded); i++) {
            AUTO(xml_doc_drop) xmlDoc *doc = NULL;
            const struct buf *xml = &((const struct buf *)arg)[i];
            struct error err = {0};

            if (xml_parse(buf_span(xml), &doc, &err) != ST_OK ||
                xta_schema_check(helper_xta_schemas(), version_of(threaded[i]), doc, &err) !=
                    (i < 2 ? ST_OK : ST_INVALID))
                wrong++;
        }
    return (void *)wrong;
}

/* One struct xta_schemas serves all threads. */
static void threads(void **state)
{
    struct buf xml[ARRAY_LEN(threaded)] = {{0}};
    pthread_t all[THREADS];

    (void)state;
    (void)helper_xta_schemas();
    for (size_t i = 0; i < ARRAY_LEN(threaded); i++)
        helper_xta_envelope(threaded[i], &xml[i]);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&all[i], NULL, check_again_and_again, xml), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong = NULL;

        assert_int_equal(pthread_join(all[i], &wrong), 0);
        assert_null(wrong);
    }
    for (size_t i = 0; i < ARRAY_LEN(threaded); i++)
        buf_deinit(&xml[i]);
}

int main(void)
{
    static struct CMUnitTest tests[400];
    json_t *index = helper_xta_index();
    json_t *entry;
    size_t n = 0, i;
    int failed;

    json_array_foreach(json_object_get(index, "files"), i, entry) tests[n++] = (struct CMUnitTest){
        json_string_value(json_object_get(entry, "file")), vector, NULL, NULL, entry};
    assert_true(n > 200);
    for (i = 0; i < ARRAY_LEN(sentences); i++)
        tests[n++] = (struct CMUnitTest){sentences[i].name, sentence, NULL, NULL, &sentences[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(tree_as_before);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(loader);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(files);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(threads);
    failed = _cmocka_run_group_tests("xta_schema", tests, n, helper_crypto_setup,
                                     helper_crypto_teardown);
    json_decref(index);
    return failed;
}
