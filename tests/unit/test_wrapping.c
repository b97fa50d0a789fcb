/*
 * Signature wrapping: what was signed is still there and its digests are right, but not where it is
 * read; what is read there instead says something else. Every published way of doing so, tried on
 * the signature of the message and on that of a content's author.
 *
 * Each row is one change to the same good message, which is accepted. Before a refusal counts, the
 * row shows that it is an attack: a reader that verifies and reads apart would read something else
 * (naive), and the signed bytes still stand in the message.
 *
 * Source: OSCI 1.2 digest 12.1. The ways: McIntosh and Austel, XML Signature Element Wrapping
 * Attacks and Countermeasures (2005); Gajek and others, Analysis of Signature Wrapping Attacks and
 * Countermeasures (2009); Somorovsky and others, On Breaking SAML: Be Whoever You Want to Be
 * (2012).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <stdio.h>

#include "crypto/transform.h"
#include "tests/unit/helper_parcel.h"

enum { WIRE_MAX = 1024 * 1024 };

static const struct policy policy;

/* ---- the good message ---- */

#define META                                                                                       \
    "<x:Meta xmlns:ds=\"" DS_NS "\" xmlns:osci=\"" OSCI_NS "\" xmlns:soap=\"" SOAP_NS              \
    "\" xmlns:x=\"urn:x\" xmlns:xenc=\"" XENC_NS "\" xmlns:xsi=\"" XSI_NS "\" Id=\"meta\">GOOD"    \
    "</x:Meta>"

/* A subject, a header of somebody else, a content inline and an attachment: GOOD, all of them; and
 * an attachment EVIL, which no content speaks of. */
static void good_write(struct buf *wire, bool is_signed)
{
    AUTO(parcel_deinit) struct parcel p = {0};
    struct osci_custom custom = {SPAN("meta"), SPAN(META)};
    struct osci_cert certs[4];

    parcel_init(&p, "author-signature-2048");
    p.msg.subject = SPAN("GOOD");
    p.msg.customs = &custom;
    p.msg.custom_count = 1;
    for (size_t i = 0, n = 0; i < P_CERTS; i++)
        if (i != P_READER2)
            certs[n++] = p.certs[i];
    p.msg.certs = certs;
    p.msg.cert_count = ARRAY_LEN(certs);
    parcel_add(&p, SPAN("wort"), 0, false);
    parcel_add(&p, SPAN("anlage"), 0, true);
    for (size_t i = 0; i < 2; i++)
        p.contents[i].bytes = source_span_init(&p.sources[i], SPAN("GOOD"));
    parcel_seal(&p);
    parcel_attach(&p, SPAN("falsch"), SPAN("EVIL"));
    buf_init(wire, WIRE_MAX);
    parcel_write(&p, is_signed, wire);
}

/* ---- texts made of the good one ---- */

#define GOOD64 "R09PRA=="
#define EVIL64 "RVZJTA=="

static void replace(struct buf *text, const char *from, const char *to)
{
    AUTO(buf_deinit) struct buf done = {.max = WIRE_MAX};
    struct span rest = buf_span(text);
    size_t at;

    while ((at = span_find(rest, span_str(from))) != SIZE_MAX) {
        buf_add(&done, span_sub(rest, 0, at));
        buf_str(&done, to);
        rest = span_from(rest, at + strlen(from));
    }
    buf_add(&done, rest);
    buf_reset(text);
    buf_add(text, buf_span(&done));
}

/* The element's text with both tags; the first of that name. */
static struct span element(struct span wire, const char *name)
{
    AUTO(buf_deinit) struct buf tag = {.max = 256};
    size_t from, to;

    buf_printf(&tag, "<%s", name);
    from = span_find(wire, buf_span(&tag));
    assert_int_not_equal(from, SIZE_MAX);
    buf_reset(&tag);
    buf_printf(&tag, "</%s>", name);
    to = span_find(span_from(wire, from), buf_span(&tag));
    assert_int_not_equal(to, SIZE_MAX);
    return span_sub(wire, from, to + tag.len);
}

/* What the attacker would like to be read: other words, and another addressee. */
static void evil_make(struct buf *text)
{
    replace(text, "GOOD", "EVIL");
    replace(text, GOOD64, EVIL64);
    replace(text, "cid:falsch", "cid:tausch");
    replace(text, "cid:anlage", "cid:falsch");
    replace(text, "cid:tausch", "cid:anlage");
    replace(text, "container0", "container9"); /* Ids within, so that they are not found twice */
    replace(text, "\"file-", "\"other-");
    replace(text, "#file-", "#other-");
    replace(text, "_cipher_", "_chiffre_");
    replace(text, "_signature_", "_zeichnung_");
    replace(text, "CipherCertificateAddressee", "Tausch");
    replace(text, "CipherCertificateOtherReader", "CipherCertificateAddressee");
    replace(text, "Tausch", "CipherCertificateOtherReader");
}

/* The first Id is written so; "": there is none. */
static void id_change(struct buf *text, const char *id)
{
    struct span all = buf_span(text);
    size_t at = span_find(all, SPAN(" Id=\""));
    AUTO(buf_deinit) struct buf done = {.max = WIRE_MAX};
    size_t len;

    assert_int_not_equal(at, SIZE_MAX);
    len = span_find(span_from(all, at + 5), SPAN("\""));
    buf_add(&done, span_sub(all, 0, at));
    buf_str(&done, id);
    buf_add(&done, span_from(all, at + 5 + len + 1));
    buf_reset(text);
    buf_add(text, buf_span(&done));
}

/*
 * $G the good element. The evil one: $E with the same Id, $O with another, $N without, $X with an
 * xml:id, $W with a wsu:Id, $L with an id in small letters, $B with a blank in the Id, $P of
 * another prefix, $I with the good one in it. $D: the line between MIME parts.
 */
static void token(struct buf *out, char kind, struct span good, struct span line)
{
    static const struct {
        char kind;
        const char *id;
    } ids[] = {
        {'O', " Id=\"evil\""},      {'N', ""},
        {'X', " xml:id=\"GIVEN\""}, {'W', " xmlns:wsu=\"urn:wsu\" wsu:Id=\"GIVEN\""},
        {'L', " id=\"GIVEN\""},     {'B', " Id=\" GIVEN\""},
        {'P', " Id=\"evil\""},      {'I', " Id=\"evil\""},
    };
    AUTO(buf_deinit) struct buf text = {.max = WIRE_MAX}, given = {.max = 1024};
    size_t at = span_find(good, SPAN(" Id=\""));
    struct span id = span_from(good, at + 5);

    buf_add(&given, span_sub(id, 0, span_find(id, SPAN("\""))));
    buf_add(&text, good);
    if (kind != 'G')
        evil_make(&text);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        if (ids[i].kind == kind)
            id_change(&text, ids[i].id);
    replace(&text, "GIVEN", buf_cstr(&given));
    if (kind == 'P') {
        replace(&text, "<osci:", "<o:");
        replace(&text, "</osci:", "</o:");
        replace(&text, " Id=\"evil\"", " xmlns:o=\"" OSCI_NS "\" Id=\"evil\"");
    }
    if (kind == 'D') {
        buf_reset(&text);
        buf_add(&text, line);
    }
    at = text.len;
    while (kind == 'I' && text.ptr[at - 1] != '<')
        at--;
    if (kind == 'I')
        at--;
    buf_add(out, span_sub(buf_span(&text), 0, at));
    if (kind == 'I') {
        buf_add(out, good);
        buf_add(out, span_from(buf_span(&text), at));
    }
}

static void expand(struct buf *out, const char *pattern, struct span good, struct span line)
{
    for (; *pattern != '\0'; pattern++)
        if (*pattern == '$')
            token(out, *++pattern, good, line);
        else
            buf_char(out, *pattern);
}

/* ---- attacks ---- */

struct attack {
    const char *name;
    const char *block;          /* the signed element that is not to be read */
    const char *here;           /* what stands in its place */
    const char *before, *there; /* there is inserted before the first such text; NULL: nothing */
    const char *from, *to;      /* one change more; NULL: none */
    const char *naive;          /* XPath of what would be read */
    int reason;                 /* of the refusal, or one of these: */
#define SAYS_THE_SAME 0         /* it may be read */
#define NOT_SIGNED 1            /* a content is handed out, but with nobody who signed it */
    const char *resign;         /* NULL, or the key that signs the changed SignedInfo */
    bool outside;               /* the signed bytes lie in another MIME part, or nowhere */
};

/* A signature once more, over a SignedInfo that was changed. */
static void sign_again(struct buf *wire, const char *signer)
{
    AUTO(key_drop) struct key *key = helper_key(signer);
    AUTO(buf_deinit) struct buf info = {.max = WIRE_MAX}, value = {.max = 4096};
    AUTO(buf_deinit) struct buf was = {.max = 4096}, fresh = {.max = 4096};
    struct error err = {0};

    buf_add(&info, element(buf_span(wire), "ds:SignedInfo"));
    replace(&info, "<ds:SignedInfo>", "<ds:SignedInfo" OSCI_FIVE_NS ">");
    helper_ok(transform_sign(alg_find(SPAN(ALG_RSA_SHA256_URI), ALG_SIGNATURE), key,
                             buf_span(&info), &value, &err),
              &err);
    buf_add(&was, element(buf_span(wire), "ds:SignatureValue"));
    buf_str(&fresh, "<ds:SignatureValue>");
    buf_base64(&fresh, buf_span(&value), 76);
    buf_str(&fresh, "</ds:SignatureValue>");
    replace(wire, buf_cstr(&was), buf_cstr(&fresh));
}

static void attack_make(const struct attack *a, struct span good, struct buf *wire)
{
    AUTO(buf_deinit) struct buf first = {.max = WIRE_MAX}, there = {.max = WIRE_MAX};
    struct span block = element(good, a->block);
    size_t line_at = span_find(good, SPAN("--MIME_boundary_"));
    struct span line = span_from(good, line_at);
    size_t at = (size_t)(block.ptr - good.ptr);

    line = span_sub(line, 0, span_find(line, SPAN("\r\n")));
    buf_add(&first, span_sub(good, 0, at));
    expand(&first, a->here, block, line);
    buf_add(&first, span_from(good, at + block.len));
    buf_init(wire, WIRE_MAX);
    at = first.len;
    if (a->before != NULL) {
        AUTO(buf_deinit) struct buf before = {.max = 4096};

        expand(&before, a->before, block, line);
        at = span_find(buf_span(&first), buf_span(&before));
        assert_int_not_equal(at, SIZE_MAX);
        expand(&there, a->there, block, line);
    }
    buf_add(wire, span_sub(buf_span(&first), 0, at));
    buf_add(wire, buf_span(&there));
    buf_add(wire, span_from(buf_span(&first), at));
    if (a->from != NULL) {
        assert_int_not_equal(span_find(buf_span(wire), span_str(a->from)), SIZE_MAX);
        replace(wire, a->from, a->to);
    }
    if (a->resign != NULL)
        sign_again(wire, a->resign);
}

/* ---- is it one? ---- */

static void quiet(void *ctx, const char *fmt, ...)
{
    (void)ctx;
    (void)fmt;
}

/* Parsed by anybody who takes what comes. */
static xmlDoc *naive_parse(struct span wire)
{
    struct span xml = helper_xml_part(wire);
    xmlDoc *doc;

    xmlSetGenericErrorFunc(NULL, quiet);
    doc = xmlReadMemory((const char *)xml.ptr, (int)xml.len, NULL, NULL,
                        XML_PARSE_NOENT | XML_PARSE_DTDATTR | XML_PARSE_NONET | XML_PARSE_NOERROR |
                            XML_PARSE_NOWARNING);
    assert_non_null(doc);
    return doc;
}

static void naive_read(xmlDoc *doc, const char *xpath, struct buf *text)
{
    static const char *const namespaces[][2] = {
        {"soap", SOAP_NS}, {"osci", OSCI_NS}, {"ds", DS_NS}, {"x", "urn:x"}};
    xmlXPathContext *ctx = xmlXPathNewContext(doc);
    xmlXPathObject *found;
    xmlChar *value;

    assert_non_null(ctx);
    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
        (void)xmlXPathRegisterNs(ctx, (const xmlChar *)namespaces[i][0],
                                 (const xmlChar *)namespaces[i][1]);
    found = xmlXPathEvalExpression((const xmlChar *)xpath, ctx);
    assert_non_null(found);
    value = xmlXPathCastToString(found);
    buf_init(text, WIRE_MAX);
    buf_str(text, (const char *)value);
    xmlFree(value);
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(ctx);
}

static const xmlNode *next_of(const xmlNode *n)
{
    const xmlNode *child = xml_first(n);

    while (child == NULL && n != NULL) {
        child = xml_next(n);
        n = n->parent != NULL && n->parent->type == XML_ELEMENT_NODE ? n->parent : NULL;
    }
    return child;
}

/* Does some element of the document still give the canonical form that was signed? */
static bool is_still_there(const xmlDoc *doc, struct span canonical)
{
    for (const xmlNode *n = xml_root(doc); n != NULL; n = next_of(n)) {
        AUTO(buf_deinit) struct buf text = {.max = WIRE_MAX};
        struct error err = {0};

        helper_ok(xml_c14n(n, &text, &err), &err);
        if (span_eq(buf_span(&text), canonical))
            return true;
    }
    return false;
}

static void canonical_of(xmlDoc *doc, const char *name, struct buf *text)
{
    const char *local = strchr(name, ':') + 1;
    const xmlNode *n = xml_root(doc);
    struct error err = {0};

    while (n != NULL && strcmp((const char *)n->name, local) != 0)
        n = next_of(n);
    assert_non_null(n);
    buf_init(text, WIRE_MAX);
    helper_ok(xml_c14n(n, text, &err), &err);
}

static void is_attack(const struct attack *a, struct span good, struct span wire)
{
    AUTO(xml_doc_drop) xmlDoc *before = naive_parse(good);
    AUTO(xml_doc_drop) xmlDoc *after = naive_parse(wire);
    AUTO(buf_deinit) struct buf was = {0}, reads = {0}, canonical = {0};

    if (!a->outside) {
        canonical_of(before, a->block, &canonical);
        if (!is_still_there(after, buf_span(&canonical)))
            fail_msg("the signed %s is there no longer", a->block);
    }
    if (a->naive == NULL)
        return;
    naive_read(before, a->naive, &was);
    naive_read(after, a->naive, &reads);
    assert_true(reads.len > 0);
    if (span_eq(buf_span(&was), buf_span(&reads)))
        fail_msg("nobody would read anything else: %s", buf_cstr(&reads));
}

/* ---- the signature of the message ---- */

#define ORDER "osci:storeDelivery"
#define CERTS "osci:NonIntermediaryCertificates"
#define BLOCKS "/soap:Envelope/soap:Header/"
#define READ_SUBJECT "string(" BLOCKS ORDER "/osci:Subject)"
#define READ_BODY "string(/soap:Envelope/soap:Body//osci:Base64Content)"
#define READ_READER "string(" BLOCKS CERTS "/osci:CipherCertificateAddressee)"
#define IN_OBJECT "</ds:Signature>", "<ds:Object>$G</ds:Object>"
#define IN_WRAPPER "</soap:Header>", "<xsi:Wrapper Id=\"wrapper\">$G</xsi:Wrapper>"
#define IN_A_PART                                                                                  \
    "$D--", "$D\r\nContent-Type: text/xml; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n"   \
            "Content-ID: <block>\r\n\r\n$G\r\n"
#define REFERENCE "<ds:Reference URI=\"#storedelivery\">\n"
#define TRANSFORM(inner)                                                                           \
    .from = REFERENCE "<ds:Transforms>\n", .to = REFERENCE "<ds:Transforms>\n<ds:Transform "       \
                                                           "Algorithm=" inner "</ds:Transform>\n"
#define BY_ORIGINATOR .resign = "originator-signature-2048"

static struct attack on_message[] = {
    /* moved: the evil one stands where the good one stood */
    {"moved into another header block", ORDER, "$O", IN_WRAPPER, .naive = READ_SUBJECT,
     .reason = 9602},
    {"moved into a header block without Id", ORDER, "$O", "</soap:Header>",
     "<xsi:Wrapper>$G</xsi:Wrapper>", .naive = READ_SUBJECT, .reason = 9100},
    {"moved into a header block for nobody", ORDER, "$O", "</soap:Header>",
     "<xsi:Wrapper Id=\"wrapper\" soap:actor=\"http://schemas.xmlsoap.org/soap/actor/none\" "
     "soap:mustUnderstand=\"0\">$G</xsi:Wrapper>",
     .naive = READ_SUBJECT, .reason = 9602},
    {"moved into ds:Object", ORDER, "$O", IN_OBJECT, .naive = READ_SUBJECT, .reason = 9602},
    {"moved into a SignatureProperty", ORDER, "$O", "</ds:Signature>",
     "<ds:Object><ds:SignatureProperties><ds:SignatureProperty Target=\"#storedelivery\">$G"
     "</ds:SignatureProperty></ds:SignatureProperties></ds:Object>",
     .naive = READ_SUBJECT, .reason = 9602},
    {"moved into KeyInfo", ORDER, "$O", "</ds:KeyInfo>", "$G", .naive = READ_SUBJECT,
     .reason = 9100},
    {"moved into the signature block", ORDER, "$O", "</osci:ClientSignature>", "$G",
     .naive = READ_SUBJECT, .reason = 9300},
    {"moved in front of the header", ORDER, "$O", "<soap:Header>", "$G", .naive = READ_SUBJECT,
     .reason = 9100},
    {"moved behind the body", ORDER, "$O", "</soap:Envelope>", "$G", .naive = READ_SUBJECT,
     .reason = 9100},
    {"moved into an attachment", ORDER, "$O", IN_A_PART, .naive = READ_SUBJECT, .reason = 9602,
     .outside = true},
    {"the certificates moved", CERTS, "$O", IN_WRAPPER, .naive = READ_READER, .reason = 9602},
    {"somebody's header moved", "x:Meta", "$O", "</soap:Header>",
     "<xsi:Wrapper Id=\"wrapper\">$G</xsi:Wrapper>", .naive = "string(" BLOCKS "x:Meta)",
     .reason = 9602},
    {"the body moved into a header block", "soap:Body", "$O", IN_WRAPPER, .naive = READ_BODY,
     .reason = 9602},
    {"the body moved into ds:Object", "soap:Body", "$O", IN_OBJECT, .naive = READ_BODY,
     .reason = 9602},
    {"the body moved into an attachment", "soap:Body", "$O", IN_A_PART, .naive = READ_BODY,
     .reason = 9602, .outside = true},
    {"the signature moved into another header block", "osci:ClientSignature", "", IN_WRAPPER,
     "<osci:Subject>GOOD", "<osci:Subject>EVIL", READ_SUBJECT, .reason = 9600},
    {"the signature moved behind the body", "osci:ClientSignature", "", "</soap:Envelope>", "$G",
     "<osci:Subject>GOOD", "<osci:Subject>EVIL", READ_SUBJECT, .reason = 9100},

    /* doubled and nested: the good one stays */
    {"doubled, the evil one in front", ORDER, "$O$G", .naive = READ_SUBJECT, .reason = 9300},
    {"doubled, the evil one behind", ORDER, "$G$O",
     .naive = "string((" BLOCKS ORDER "/osci:Subject)[last()])", .reason = 9300},
    {"the evil one round it", ORDER, "$I", .naive = READ_SUBJECT, .reason = 9300},
    {"somebody's header doubled", "x:Meta", "$O$G", .naive = "string(" BLOCKS "x:Meta)",
     .reason = 9602},
    {"a second body in front", "soap:Body", "$O$G", .naive = READ_BODY, .reason = 9100},
    {"a second body behind", "soap:Body", "$G$O",
     .naive = "string((//soap:Body)[last()]//osci:Base64Content)", .reason = 9100},
    {"the evil body round it", "soap:Body", "$I", .naive = READ_BODY, .reason = 9300},
    {"a body of SOAP 1.2 beside it", "soap:Body",
     "<soap:Body xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\" Id=\"evil\">EVIL"
     "</soap:Body>$G",
     .naive = "string(/soap:Envelope/*[local-name() = 'Body'])", .reason = 9100},
    {"the evil message round it", "soap:Envelope", "$I", .naive = READ_SUBJECT, .reason = 9100},
    {"the evil message in front, the good one in a part", "soap:Envelope", "$E", IN_A_PART,
     .naive = READ_SUBJECT, .reason = 9602, .outside = true},
    {"two parts of one name", "soap:Envelope", "$E", IN_A_PART, "<block>", "<osci@message>",
     READ_SUBJECT, .reason = 9100, .outside = true},

    /* Ids */
    {"one Id twice, the good one in ds:Object", ORDER, "$E", IN_OBJECT, .naive = READ_SUBJECT,
     .reason = 9100},
    {"one Id twice, the evil one in front", ORDER, "$E$G", .naive = READ_SUBJECT, .reason = 9100},
    {"one Id twice, in another header block", ORDER, "$E", IN_WRAPPER, .naive = READ_SUBJECT,
     .reason = 9100},
    {"the evil one without Id", ORDER, "$N", IN_OBJECT, .naive = READ_SUBJECT, .reason = 9300},
    {"the evil one with xml:id", ORDER, "$X", IN_OBJECT, .naive = READ_SUBJECT, .reason = 9100},
    {"the evil one with wsu:Id", ORDER, "$W", IN_OBJECT, .naive = READ_SUBJECT, .reason = 9300},
    {"the evil one with id", ORDER, "$L", IN_OBJECT, .naive = READ_SUBJECT, .reason = 9300},
    {"the evil one with a blank in its Id", ORDER, "$B", IN_OBJECT, .naive = READ_SUBJECT,
     .reason = 9602},
    {"a DTD that declares an ID", ORDER, "$O", "</soap:Header>",
     "<xsi:Wrapper Id=\"wrapper\" Ref=\"storedelivery\">$G</xsi:Wrapper>", "<soap:Envelope",
     "<!DOCTYPE soap:Envelope [<!ATTLIST xsi:Wrapper Ref ID #IMPLIED>]><soap:Envelope",
     READ_SUBJECT, .reason = 9100},
    {"a DTD that gives the evil one the Id", ORDER, "$N", IN_OBJECT, "<soap:Envelope",
     "<!DOCTYPE soap:Envelope [<!ATTLIST osci:storeDelivery Id CDATA \"storedelivery\">]>"
     "<soap:Envelope",
     READ_SUBJECT, .reason = 9100},
    {"an entity instead of the word", ORDER, "$O", IN_OBJECT, "<soap:Envelope",
     "<!DOCTYPE soap:Envelope [<!ENTITY wort \"EVIL\">]><soap:Envelope", READ_SUBJECT,
     .reason = 9100},

    /* prefixes and namespaces */
    {"another prefix", ORDER, "$P$G", .naive = READ_SUBJECT, .reason = 9300},
    {"another prefix, the good one in ds:Object", ORDER, "$P", IN_OBJECT, .naive = READ_SUBJECT,
     .reason = 9602},
    {"the same prefix, another namespace", ORDER,
     "<osci:storeDelivery xmlns:osci=\"urn:evil\" Id=\"evil\"><osci:Subject>EVIL</osci:Subject>"
     "</osci:storeDelivery>$G",
     .naive = "string(//*[name() = 'osci:Subject'])", .reason = 9602},
    {"the prefix declared anew round it", ORDER, "$O", "</soap:Header>",
     "<xsi:Wrapper xmlns:osci=\"urn:evil\" Id=\"wrapper\">$G</xsi:Wrapper>", .naive = READ_SUBJECT,
     .reason = 9602},
    {"no namespace for the evil one", ORDER,
     "<storeDelivery Id=\"evil\"><Subject>EVIL</Subject></storeDelivery>$G",
     .naive = "string(//*[local-name() = 'Subject'])", .reason = 9300},

    /* references that the signer's software would sign, and others would follow elsewhere */
    {"XPointer to the Id", ORDER, "$O", IN_OBJECT, "URI=\"#storedelivery\"",
     "URI=\"#xpointer(id('storedelivery'))\"", READ_SUBJECT, 9602, BY_ORIGINATOR},
    {"XPointer to a place", ORDER, "$O", IN_OBJECT, "URI=\"#storedelivery\"",
     "URI=\"#xpointer(//ds:Object/*)\"", READ_SUBJECT, 9602, BY_ORIGINATOR},
    {"XPointer to the whole", ORDER, "$O", IN_OBJECT, "URI=\"#storedelivery\"",
     "URI=\"#xpointer(/)\"", READ_SUBJECT, 9602, BY_ORIGINATOR},
    {"a reference to the whole message", ORDER, "$O", IN_OBJECT, "URI=\"#storedelivery\"",
     "URI=\"\"", READ_SUBJECT, 9100, BY_ORIGINATOR},
    {"a reference without URI", ORDER, "$O", IN_OBJECT, " URI=\"#storedelivery\"", "", READ_SUBJECT,
     9100, BY_ORIGINATOR},
    {"a reference to the network", ORDER, "$O", IN_OBJECT, "URI=\"#storedelivery\"",
     "URI=\"http://127.0.0.1/order.xml\"", READ_SUBJECT, 9100, BY_ORIGINATOR},
    {"a reference to a file", ORDER, "$O", IN_OBJECT, "URI=\"#storedelivery\"",
     "URI=\"file:///tmp/order.xml\"", READ_SUBJECT, 9100, BY_ORIGINATOR},
    {"a reference to an attachment that holds it", ORDER, "$O", IN_A_PART, "URI=\"#storedelivery\"",
     "URI=\"cid:block\"", READ_SUBJECT, 9601, BY_ORIGINATOR, true},
    {"a manifest", ORDER, "$O", "</ds:Signature>",
     "<ds:Object><ds:Manifest Id=\"manifest\"></ds:Manifest>$G</ds:Object>",
     "URI=\"#storedelivery\"",
     "Type=\"http://www.w3.org/2000/09/xmldsig#Manifest\" URI=\"#manifest\"", READ_SUBJECT, 9602,
     BY_ORIGINATOR},

    /* transforms that pick what is digested */
    {"XSLT", ORDER, "$O", IN_OBJECT,
     TRANSFORM("\"http://www.w3.org/TR/1999/REC-xslt-19991116\"><xsl:stylesheet "
               "xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" version=\"1.0\">"
               "</xsl:stylesheet>"),
     READ_SUBJECT, 9601, BY_ORIGINATOR},
    {"XPath", ORDER, "$O", IN_OBJECT,
     TRANSFORM("\"http://www.w3.org/TR/1999/REC-xpath-19991116\">"
               "<ds:XPath>ancestor-or-self::ds:Object</ds:XPath>"),
     READ_SUBJECT, 9601, BY_ORIGINATOR},
    {"XPath Filter 2.0", ORDER, "$O", IN_OBJECT,
     TRANSFORM("\"http://www.w3.org/2002/06/xmldsig-filter2\"><f:XPath "
               "xmlns:f=\"http://www.w3.org/2002/06/xmldsig-filter2\" Filter=\"subtract\">"
               "//osci:Subject</f:XPath>"),
     READ_SUBJECT, 9601, BY_ORIGINATOR},
    {"enveloped signature", ORDER, "$O", IN_OBJECT,
     TRANSFORM("\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\">"), READ_SUBJECT, 9601,
     BY_ORIGINATOR},
    {"exclusive canonical form", ORDER, "$O", IN_OBJECT,
     TRANSFORM("\"http://www.w3.org/2001/10/xml-exc-c14n#\">"), READ_SUBJECT, 9601, BY_ORIGINATOR},

    /* attachments */
    {"an attachment renamed, another in its place", ORDER, "$G", "$D--",
     "$D\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8-bit\r\n"
     "Content-ID: <anlage>\r\n\r\nEVIL\r\n",
     "<anlage>\r\nContent-Length", "<alt>\r\nContent-Length", .reason = 9602},
    {"an attachment twice", ORDER, "$G", "$D--",
     "$D\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8-bit\r\n"
     "Content-ID: <anlage>\r\n\r\nEVIL\r\n",
     .reason = 9100},
    {"an attachment more", ORDER, "$G", "$D--",
     "$D\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8-bit\r\n"
     "Content-ID: <mehr>\r\n\r\nEVIL\r\n",
     .reason = 9602},
    {"two attachments change places", ORDER, "$G", .from = "<anlage>\r\n", .to = "<falsch>\r\n",
     .reason = 9100},

    /* what canonical XML does not see: it may be read, but as a whole */
    {"a comment in a word", ORDER, "$G", .from = "<osci:Subject>GOOD",
     .to = "<osci:Subject>GO<!-- EVIL -->OD", .naive = "string(//osci:Subject/text()[1])"},
    {"a comment in front of a word", ORDER, "$G", .from = "<osci:Subject>GOOD",
     .to = "<osci:Subject><!-- EVIL -->GOOD", .naive = "string(//osci:Subject/node()[1])"},
    {"a word as CDATA", ORDER, "$G", .from = "<osci:Subject>GOOD",
     .to = "<osci:Subject>GO<![CDATA[OD]]>"},
    {"a character reference in a word", ORDER, "$G", .from = "<osci:Subject>GOOD",
     .to = "<osci:Subject>GO&#79;D"},
    {"a processing instruction in a word", ORDER, "$G", .from = "<osci:Subject>GOOD",
     .to = "<osci:Subject>GO<?evil?>OD", .naive = "string(//osci:Subject/text()[1])",
     .reason = 9601, .outside = true},
};

static void test_message(void **state)
{
    const struct attack *a = *state;
    AUTO(buf_deinit) struct buf good = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    struct error err = {0};
    enum status st;

    good_write(&good, true);
    attack_make(a, buf_span(&good), &in.wire);
    is_attack(a, buf_span(&good), buf_span(&in.wire));
    st = helper_read(&in, NULL, &policy, &err);
    if (st == ST_OK)
        st = osci_message_verify(in.reading, NULL, NULL, &err);
    if (a->reason == SAYS_THE_SAME) {
        helper_ok(st, &err);
        assert_true(span_is(in.reading->msg.subject, "GOOD"));
        return;
    }
    assert_int_not_equal(st, ST_OK);
    if (err.reason != a->reason)
        fail_msg("%d, %s", err.reason, err.text);
}

/* ---- the signature of a content's author ---- */

#define INNER "osci:Base64Content"
#define CONTAINER(inner) "<osci:ContentContainer>" inner "</osci:ContentContainer>"
#define CONTENT(inner) "<osci:Content>" inner "</osci:Content>"
#define READ_CONTENT                                                                               \
    "string(/soap:Envelope/soap:Body/osci:ContentPackage/osci:ContentContainer/osci:Content/"      \
    "osci:Base64Content)"
#define CONTENT_IN_OBJECT "</ds:Signature>", "<ds:Object>" CONTENT("$G") "</ds:Object>"
#define CONTENT_REFERENCE "<ds:Reference URI=\"#file-wort\">\n<ds:Transforms>\n"
#define BY_AUTHOR .resign = "author-signature-2048"

static struct attack on_content[] = {
    {"moved into ds:Object", INNER, "$O", CONTENT_IN_OBJECT, .naive = READ_CONTENT,
     .reason = NOT_SIGNED},
    {"moved into ds:Object, bare", INNER, "$O", "</ds:Signature>", "<ds:Object>$G</ds:Object>",
     .naive = READ_CONTENT, .reason = NOT_SIGNED},
    {"moved into XAdES properties", INNER, "$O", "</ds:Signature>",
     "<ds:Object><xsi:SignedProperties>$G</xsi:SignedProperties></ds:Object>",
     .naive = READ_CONTENT, .reason = NOT_SIGNED},
    {"moved into KeyInfo", INNER, "$O", "</ds:KeyInfo>", "$G", .naive = READ_CONTENT,
     .reason = 9100},
    {"moved into another container", INNER, "$O", "</osci:ContentPackage>",
     CONTAINER(CONTENT("$G")), .naive = READ_CONTENT, .reason = NOT_SIGNED},
    {"moved into a container in front", INNER, "$O", "<osci:ContentContainer",
     CONTAINER(CONTENT("$G")), .naive = "string((//osci:ContentContainer)[2]//osci:Base64Content)",
     .reason = NOT_SIGNED},
    {"moved into a container within", INNER,
     "$O</osci:Content><osci:Content>" CONTAINER(CONTENT("$G")), .naive = READ_CONTENT,
     .reason = NOT_SIGNED},
    {"moved into a header block", INNER, "$O", IN_WRAPPER, .naive = READ_CONTENT,
     .reason = NOT_SIGNED},
    {"moved into an attachment", INNER, "$O", IN_A_PART, .naive = READ_CONTENT,
     .reason = NOT_SIGNED, .outside = true},
    {"moved into something else in the package", INNER, "$O", "</osci:ContentPackage>",
     "<xsi:Wrapper>$G</xsi:Wrapper>", .naive = READ_CONTENT, .reason = 9300},
    {"moved into something else in the container", INNER, "$O", "</osci:ContentContainer>",
     "<xsi:Wrapper>$G</xsi:Wrapper>", .naive = READ_CONTENT, .reason = 9100},
    {"another content in front", INNER, "$O</osci:Content><osci:Content>$G", .naive = READ_CONTENT,
     .reason = NOT_SIGNED},
    {"another content behind", INNER, "$G</osci:Content><osci:Content>$O",
     .naive = "string((//osci:Base64Content)[last()])", .reason = NOT_SIGNED},
    {"two in one Content", INNER, "$O$G", .naive = READ_CONTENT, .reason = 9100},
    {"the evil one round it", INNER, "$I", .naive = READ_CONTENT, .reason = 9300},
    {"an evil container in front", INNER, "$G", "<osci:ContentContainer", CONTAINER(CONTENT("$O")),
     .naive = READ_CONTENT, .reason = NOT_SIGNED},
    {"an evil container behind", INNER, "$G", "</osci:ContentPackage>", CONTAINER(CONTENT("$O")),
     .naive = "string((//osci:Base64Content)[last()])", .reason = NOT_SIGNED},
    {"an evil container round it", INNER, "$G", "<osci:ContentContainer",
     "<osci:ContentContainer>" CONTENT("$O") "<osci:Content>", "</osci:ContentPackage>",
     "</osci:Content></osci:ContentContainer></osci:ContentPackage>", READ_CONTENT,
     .reason = NOT_SIGNED},
    {"a second package", INNER, "$G", "<osci:ContentPackage",
     "<osci:ContentPackage>" CONTAINER(CONTENT("$O")) "</osci:ContentPackage>",
     .naive = READ_CONTENT, .reason = 9300},
    {"one Id twice", INNER, "$E", CONTENT_IN_OBJECT, "other-wort", "file-wort", READ_CONTENT,
     .reason = 9100},
    {"the evil one without Id", INNER, "$N", CONTENT_IN_OBJECT, .naive = READ_CONTENT,
     .reason = NOT_SIGNED},
    {"the evil one with xml:id", INNER, "$X", CONTENT_IN_OBJECT, .naive = READ_CONTENT,
     .reason = 9100},
    {"the evil one with wsu:Id", INNER, "$W", CONTENT_IN_OBJECT, .naive = READ_CONTENT,
     .reason = NOT_SIGNED},
    {"the evil one with a blank in its Id", INNER, "$B", CONTENT_IN_OBJECT, .naive = READ_CONTENT,
     .reason = NOT_SIGNED},
    {"another prefix", INNER, "$P", CONTENT_IN_OBJECT, .naive = READ_CONTENT, .reason = NOT_SIGNED},
    {"the same prefix, another namespace", INNER,
     "<osci:Base64Content xmlns:osci=\"urn:evil\" Id=\"evil\">" EVIL64 "</osci:Base64Content>",
     CONTENT_IN_OBJECT,
     .naive = "string(//osci:ContentContainer/osci:Content/*[name() = 'osci:Base64Content'])",
     .reason = 9100},
    {"a place for another attachment, the good one in ds:Object", INNER, "$G", "</ds:Signature>",
     "<ds:Object><osci:Content Id=\"file-anlage\" href=\"cid:anlage\"></osci:Content></ds:Object>",
     "<osci:Content Id=\"file-anlage\" href=\"cid:anlage\"></osci:Content></osci:ContentContainer>",
     "<osci:Content Id=\"evil\" href=\"cid:falsch\"></osci:Content></osci:ContentContainer>",
     "string(//osci:ContentContainer/osci:Content/@href)", .reason = NOT_SIGNED},
    {"the same place for another attachment", INNER, "$G", .from = "href=\"cid:anlage\"",
     .to = "href=\"cid:falsch\"", .naive = "string(//osci:Content/@href)", .reason = NOT_SIGNED},
    {"an attachment more", INNER, "$G", "</osci:ContentContainer>",
     "<osci:Content Id=\"evil\" href=\"cid:falsch\"></osci:Content>",
     .naive = "string((//osci:Content/@href)[last()])", .reason = NOT_SIGNED},
    {"XPointer", INNER, "$O", CONTENT_IN_OBJECT, "URI=\"#file-wort\"",
     "URI=\"#xpointer(id('file-wort'))\"", READ_CONTENT, NOT_SIGNED, BY_AUTHOR},
    {"a reference to the whole message", INNER, "$O", CONTENT_IN_OBJECT, "URI=\"#file-wort\"",
     "URI=\"\"", READ_CONTENT, 9100, BY_AUTHOR},
    {"a reference to the network", INNER, "$O", CONTENT_IN_OBJECT, "URI=\"#file-wort\"",
     "URI=\"http://127.0.0.1/wort\"", READ_CONTENT, 9100, BY_AUTHOR},
    {"a reference to an attachment of no content", INNER, "$O", CONTENT_IN_OBJECT,
     "URI=\"#file-wort\"", "URI=\"cid:falsch\"", READ_CONTENT, NOT_SIGNED, BY_AUTHOR},
    {"XPath", INNER, "$O", CONTENT_IN_OBJECT, CONTENT_REFERENCE,
     CONTENT_REFERENCE "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">"
                       "<ds:XPath>ancestor-or-self::ds:Object</ds:XPath></ds:Transform>\n",
     READ_CONTENT, NOT_SIGNED, BY_AUTHOR},
    {"XSLT", INNER, "$O", CONTENT_IN_OBJECT, CONTENT_REFERENCE,
     CONTENT_REFERENCE "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\">"
                       "</ds:Transform>\n",
     READ_CONTENT, NOT_SIGNED, BY_AUTHOR},
    {"a comment in a word", INNER, "$G", .from = ">" GOOD64,
     .to = ">R09P<!-- " EVIL64 " -->RA==", .naive = "string(//osci:Base64Content/text()[1])"},
};

/* Who would be believed to have said EVIL? And is there anything that GOOD alone would hide? */
static void believed_check(const struct helper_opened *o)
{
    size_t unsigned_ones = 0;
    bool evil = false;

    for (size_t i = 0; i < o->report.count; i++) {
        const struct osci_opened *c = &o->report.contents[i];
        bool good = c->author_count > 0;

        for (size_t k = 0; k < c->author_count; k++)
            good = good && c->authors[k].good;
        unsigned_ones += !good;
        if (!span_is(buf_span(&o->bytes[i]), "EVIL"))
            continue;
        evil = true;
        for (size_t k = 0; k < c->author_count; k++)
            assert_false(c->authors[k].good);
    }
    assert_true(evil);
    assert_true(unsigned_ones > 0);
}

static void test_content(void **state)
{
    const struct attack *a = *state;
    AUTO(buf_deinit) struct buf good = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    struct error err = {0};
    enum status st;

    good_write(&good, false);
    attack_make(a, buf_span(&good), &in.wire);
    is_attack(a, buf_span(&good), buf_span(&in.wire));
    st = helper_read(&in, NULL, &policy, &err);
    if (st == ST_OK)
        st = helper_open(&o, in.reading, NULL, 0, &policy, &err);
    if (a->reason > NOT_SIGNED) {
        assert_int_not_equal(st, ST_OK);
        if (err.reason != a->reason)
            fail_msg("%d, %s", err.reason, err.text);
        return;
    }
    helper_ok(st, &err);
    if (a->reason == NOT_SIGNED) {
        believed_check(&o);
        return;
    }
    assert_true(o.report.contents[0].authors[0].good);
    assert_true(span_is(buf_span(&o.bytes[0]), "GOOD"));
}

/* What all rows begin with is accepted, and says what it should. */
static void test_good(void **state)
{
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    struct error err = {0};

    (void)state;
    good_write(&in.wire, true);
    helper_ok(helper_read(&in, NULL, &policy, &err), &err);
    helper_ok(osci_message_verify(in.reading, NULL, NULL, &err), &err);
    assert_true(span_is(in.reading->msg.subject, "GOOD"));
    assert_int_equal(in.reading->msg.custom_count, 1);
    helper_ok(helper_open(&o, in.reading, NULL, 0, &policy, &err), &err);
    assert_int_equal(o.report.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(span_is(buf_span(&o.bytes[i]), "GOOD"));
        assert_int_equal(o.report.contents[i].author_count, 1);
        assert_true(o.report.contents[i].authors[0].good);
    }
}

/* A signature made again without any change is as good: what refuses the others is their change. */
static void test_signed_again(void **state)
{
    static const char *const signers[] = {"originator-signature-2048", "author-signature-2048"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        AUTO(helper_in_deinit) struct helper_in in = {0};
        AUTO(helper_opened_deinit) struct helper_opened o = {0};
        struct error err = {0};

        good_write(&in.wire, i == 0);
        sign_again(&in.wire, signers[i]);
        helper_ok(helper_read(&in, NULL, &policy, &err), &err);
        if (i == 0)
            helper_ok(osci_message_verify(in.reading, NULL, NULL, &err), &err);
        helper_ok(helper_open(&o, in.reading, NULL, 0, &policy, &err), &err);
        assert_true(o.report.contents[0].authors[0].good);
    }
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(on_message) + ARRAY_LEN(on_content) + 2];
    static char names[ARRAY_LEN(on_message) + ARRAY_LEN(on_content)][120];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(on_message) + ARRAY_LEN(on_content); i++) {
        bool message = i < ARRAY_LEN(on_message);
        struct attack *a = message ? &on_message[i] : &on_content[i - ARRAY_LEN(on_message)];

        (void)snprintf(names[n], sizeof names[n], "%s: %s", message ? "message" : "content",
                       a->name);
        tests[n] =
            (struct CMUnitTest){names[n], message ? test_message : test_content, NULL, NULL, a};
        n++;
    }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_good);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_signed_again);
    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}
