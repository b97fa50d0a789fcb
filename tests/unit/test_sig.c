#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/sig.h"

#include <stdio.h>

#include "crypto/base/mime.h"
#include "tests/unit/helper_crypto.h"

#define NOW 1795305600000 /* 2026-11-22 */
#define DS "http://www.w3.org/2000/09/xmldsig#"
#define SOAP "http://schemas.xmlsoap.org/soap/envelope/"
#define OSCI "http://www.osci.de/2002/04/osci"
#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define MORE_2007 "http://www.w3.org/2007/05/xmldsig-more#"

static const struct policy strict;

/* A message of the vectors, read just so far that its signatures can be verified. */
struct message {
    struct buf mime;
    struct arena arena;
    xmlDoc *doc;
    struct xml_ids *ids;
    struct sig_attachment attachments[64];
    size_t count;
};

static void message_deinit(struct message *m)
{
    buf_deinit(&m->mime);
    arena_deinit(&m->arena);
    xml_doc_drop(&m->doc);
    xml_ids_drop(&m->ids);
}

/* Digests of the part's octets, one for each algorithm in use. */
static void note_attachment(struct message *m, const struct mime_part *part, struct span octets)
{
    static const char *const algs[] = {ALG_SHA256_URI, "http://www.w3.org/2001/04/xmlenc#sha512",
                                       MORE_2007 "sha3-256"};
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        struct sig_attachment *a = &m->attachments[m->count++];

        assert_true(m->count <= ARRAY_LEN(m->attachments));
        a->cid = part->content_id;
        assert_int_equal(
            digest_of(alg_find(span_str(algs[i]), ALG_DIGEST), octets, &a->digest, &err), ST_OK);
    }
}

static enum status read_parts(struct message *m, struct source *source, struct error *err)
{
    struct mime_reader reader = {0};
    struct mime_part *part = NULL;

    TRY(mime_reader_init(&reader, source, &m->arena, err));
    for (;;) {
        AUTO(buf_deinit) struct buf octets = {0};
        AUTO(buf_deinit) struct buf clear = {0};
        struct span piece;

        TRY(mime_reader_next(&reader, &part, err));
        if (part == NULL)
            return m->doc == NULL ? error_set(err, ST_INVALID, 9100, "no XML") : ST_OK;
        buf_init(&octets, 16 * 1024 * 1024);
        buf_init(&clear, 16 * 1024 * 1024);
        do {
            TRY(mime_reader_piece(&reader, &piece, err));
            buf_add(&octets, piece);
        } while (piece.len > 0);
        if (m->doc == NULL) {
            TRY(xml_parse(buf_span(&octets), &m->doc, err));
            continue;
        }
        if (part->base64)
            TRY(buf_base64_decode(&clear, buf_span(&octets), err));
        note_attachment(m, part, buf_span(part->base64 ? &clear : &octets));
    }
}

static enum status message_read(struct message *m, const char *path, struct error *err)
{
    struct source_span source;

    *m = (struct message){0};
    arena_init(&m->arena, 64 * 1024 * 1024);
    helper_vector(path, &m->mime);
    TRY(read_parts(m, source_span_init(&source, buf_span(&m->mime)), err));
    return xml_ids_new(m->doc, &m->ids, err);
}

static struct cert *cert_at(const struct message *m, struct span retrieval)
{
    const xmlNode *node = xml_by_id(m->ids, span_from(retrieval, 1));
    AUTO(buf_deinit) struct buf der = {0};
    struct arena arena = {0};
    struct span text;
    struct cert *cert = NULL;
    struct error err = {0};

    buf_init(&der, CERT_DER_MAX);
    if (node == NULL)
        return NULL;
    assert_int_equal(xml_text(xml_first(xml_first(node)), &arena, &text, &err), ST_OK);
    assert_int_equal(buf_base64_decode(&der, text, &err), ST_OK);
    assert_int_equal(cert_from_der(buf_span(&der), &cert, &err), ST_OK);
    return cert;
}

static enum status verify(struct message *m, const xmlNode *signature, struct sig_cover *cover,
                          struct error *err)
{
    struct sig_reading *reading = arena_alloc(&m->arena, sizeof *reading);
    AUTO(cert_drop) struct cert *signer = NULL;
    enum status st;

    TRY(sig_read(signature, &strict, NOW, &m->arena, reading, err));
    signer = cert_at(m, reading->retrieval);
    if (signer == NULL) /* shown at the beginning of the dialog only */
        signer = helper_cert("originator-signature-2048");
    st = sig_verify(reading, m->ids, m->attachments, m->count, signer, &m->arena, cover, err);
    cover->signer = NULL;
    return st;
}

static const xmlNode *message_signature(const struct message *m)
{
    const xmlNode *header = xml_child(xml_root(m->doc), SOAP, "Header");
    const xmlNode *block = xml_child(header, OSCI, "ClientSignature");

    if (block == NULL)
        block = xml_child(header, OSCI, "SupplierSignature");
    return xml_first(block);
}

struct tally {
    size_t message, content;
};

/* Content signatures in clear containers, those over enciphered attachments left out. */
static void verify_contents(struct message *m, const char *path, const xmlNode *node,
                            struct tally *tally)
{
    for (const xmlNode *n = xml_first(node); n != NULL; n = xml_next(n)) {
        struct sig_cover cover;
        struct error err = {0};

        verify_contents(m, path, n, tally);
        if (!xml_is(node, OSCI, "ContentContainer") || !xml_is(n, DS, "Signature"))
            continue;
        if (xml_child(node, "http://www.w3.org/2001/04/xmlenc#", "EncryptedData") != NULL &&
            strstr(path, "49-") == NULL)
            continue;
        if (verify(m, n, &cover, &err) != ST_OK)
            fail_msg("%s, content: %s", path, err.text);
        tally->content++;
    }
}

static void verify_file(const char *path, void *arg)
{
    AUTO(message_deinit) struct message m = {0};
    struct tally *tally = arg;
    struct sig_cover cover;
    struct error err = {0};

    if (message_read(&m, path, &err) != ST_OK)
        fail_msg("%s: %s", path, err.text);
    verify_contents(&m, path, xml_child(xml_root(m.doc), SOAP, "Body"), tally);
    if (message_signature(&m) == NULL)
        return;
    if (verify(&m, message_signature(&m), &cover, &err) != ST_OK)
        fail_msg("%s: %s", path, err.text);
    for (size_t i = 0; i < cover.reading->count; i++)
        assert_true((cover.nodes[i] != NULL) == span_starts(cover.reading->refs[i].uri, SPAN("#")));
    tally->message++;
}

static void test_all_vectors(void **state)
{
    static const char *const dirs[] = {"dialogs", "store", "passive", "partial", "forms"};
    struct tally tally = {0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        char dir[64];

        (void)snprintf(dir, sizeof dir, "osci12/%s", dirs[i]);
        assert_true(helper_each_vector(dir, ".mime", verify_file, &tally) > 40);
    }
    assert_true(tally.message >= 392); /* all that are there */
    assert_true(tally.content >= 29);
}

static struct reference_row {
    const char *file, *alg;
} reference_rows[] = {
    {"v02-signed-rsa-sha256", ALG_RSA_SHA256_URI},
    {"v03-signed-rsa-pss-sha256", MORE_2007 "sha256-rsa-MGF1"},
    {"v04-signed-ecdsa-sha256", MORE "ecdsa-sha256"},
    {"v05-signed-rsa-sha512", MORE "rsa-sha512"},
    {"v06-signed-sha3-256-digest", ALG_RSA_SHA256_URI},
    {"v12-signed-with-messagemetadata", ALG_RSA_SHA256_URI},
};

static void test_reference_message(void **state)
{
    const struct reference_row *row = *state;
    AUTO(message_deinit) struct message m = {0};
    struct sig_cover cover;
    char path[128];
    struct error err = {0};

    (void)snprintf(path, sizeof path, "osci12-reference/%s.mime", row->file);
    assert_int_equal(message_read(&m, path, &err), ST_OK);
    assert_int_equal(verify(&m, message_signature(&m), &cover, &err), ST_OK);
    assert_string_equal(cover.reading->alg->uri, row->alg);
}

static struct negative_row {
    const char *file;
    enum status status;
    int reason;
} negative_rows[] = {
    {"negative/store/n01-digest-value-altered", ST_DENIED, 9601},
    {"negative/accept/n01-digest-value-altered", ST_DENIED, 9601},
    {"negative/accept/n02-body-changed", ST_DENIED, 9601},
    {"negative/store/n03-wrong-digest-signed", ST_DENIED, 9601},
    {"negative/store/n04-signature-by-other-key", ST_DENIED, 9601},
    {"negative/accept/n04-signature-by-other-key", ST_DENIED, 9601},
    {"negative/store/n06-wrapping-duplicate-id-last", ST_INVALID, 9100},
    {"negative/store/n06b-wrapping-duplicate-id-first", ST_INVALID, 9100},
    {"negative/store/n08b-wrapping-body-same-id", ST_INVALID, 9100},
    {"negative/store/n14-attachment-changed", ST_DENIED, 9601},
    {"negative/accept/n14-attachment-changed", ST_DENIED, 9601},
    {"negative/store/n16-attachment-missing", ST_DENIED, 9601},
    {"negative/store/n23-doctype-external-entity", ST_INVALID, 9100},
    {"negative/accept/n24-doctype-billion-laughs", ST_INVALID, 9100},
    {"negative/store/n25-doctype-harmless", ST_INVALID, 9100},
    {"negative/store/n30-deep-nesting", ST_INVALID, 9100},
    {"negative/accept/n34-signature-rsa-sha1", ST_DENIED, 9601},
    {"negative/store/n35-xslt-transform", ST_DENIED, 9601},
    {"negative/client/c06-body-changed", ST_DENIED, 9601},
    {"negative/client/c10-doctype", ST_INVALID, 9100},
    /* the controls */
    {"negative/store/base", ST_OK, 0},
    {"negative/accept/base", ST_OK, 0},
    {"negative/store/n36-comment-in-message-id", ST_OK, 0},
};

static enum status read_and_verify(struct message *m, const char *path, struct error *err)
{
    struct sig_cover cover;

    TRY(message_read(m, path, err));
    return verify(m, message_signature(m), &cover, err);
}

static void test_negative(void **state)
{
    const struct negative_row *row = *state;
    AUTO(message_deinit) struct message m = {0};
    char path[128];
    struct error err = {0};

    (void)snprintf(path, sizeof path, "osci12/%s.mime", row->file);
    assert_int_equal(read_and_verify(&m, path, &err), row->status);
    assert_int_equal(err.reason, row->reason);
}

/* The signer's own words about the reader's contents: both found out by the content signature. */
static void test_content_negatives(void **state)
{
    static const char *const files[] = {"r02-content-signature-by-other-key",
                                        "r05-attachment-changed",
                                        "r07-namespaces-added-on-the-way"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        AUTO(message_deinit) struct message m = {0};
        const xmlNode *container;
        struct sig_cover cover;
        char path[128];
        struct error err = {0};

        (void)snprintf(path, sizeof path, "osci12/negative/reader/%s.mime", files[i]);
        assert_int_equal(message_read(&m, path, &err), ST_OK);
        if (message_signature(&m) != NULL)
            assert_int_equal(verify(&m, message_signature(&m), &cover, &err), ST_OK);
        container = xml_first(xml_child(xml_root(m.doc), SOAP, "Body"));
        while (container != NULL && !xml_is(container, OSCI, "ContentContainer"))
            container = xml_first(container);
        assert_non_null(container);
        assert_int_equal(verify(&m, xml_child(container, DS, "Signature"), &cover, &err),
                         ST_DENIED);
        assert_int_equal(err.reason, 9601);
    }
}

/* What we write, in a document where it stands as it would in a message. */
#define SCOPE " xmlns:ds=\"" DS "\" xmlns:osci=\"" OSCI "\""
#define PART "<osci:a" SCOPE " Id=\"a\">\xC3\xA4 &amp; b</osci:a>"
#define BASE64_PART "aGFs\nbG8="

static struct write_row {
    const char *name, *alg, *digest, *key;
} write_rows[] = {
    {"rsa-sha256", ALG_RSA_SHA256_URI, ALG_SHA256_URI, "author-signature-2048"},
    {"rsa-sha512", MORE "rsa-sha512", "http://www.w3.org/2001/04/xmlenc#sha512",
     "author-signature-4096"},
    {"pss sha256", MORE_2007 "sha256-rsa-MGF1", ALG_SHA256_URI, "author-signature-2048"},
    {"pss sha512", MORE_2007 "sha512-rsa-MGF1", MORE_2007 "sha3-512", "author-signature-2048"},
    {"pss sha3-256", MORE_2007 "sha3-256-rsa-MGF1", MORE_2007 "sha3-256", "author-signature-2048"},
    {"pss sha3-384", MORE_2007 "sha3-384-rsa-MGF1", MORE_2007 "sha3-384", "author-signature-2048"},
    {"pss sha3-512", MORE_2007 "sha3-512-rsa-MGF1", MORE_2007 "sha3-512", "author-signature-2048"},
    {"ecdsa", MORE "ecdsa-sha256", ALG_SHA256_URI, "author-signature-p256"},
};

static void make_refs(const struct write_row *row, struct sig_ref refs[3])
{
    static const struct {
        const char *uri, *bytes;
        enum sig_transform transform;
    } parts[] = {{"#a", PART, SIG_C14N},
                 {"#b", "hallo", SIG_BASE64},
                 {"cid:ein \"Anhang\" & mehr", "attachment", SIG_PLAIN}};
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        refs[i].uri = span_str(parts[i].uri);
        refs[i].transform = parts[i].transform;
        assert_int_equal(digest_of(alg_find(span_str(row->digest), ALG_DIGEST),
                                   span_str(parts[i].bytes), &refs[i].digest, &err),
                         ST_OK);
    }
}

static void write_document(const struct write_row *row, struct buf *out)
{
    struct sig_ref refs[3];
    const struct sig_params params = {alg_find(span_str(row->alg), ALG_SIGNATURE), &strict, NOW};
    AUTO(key_drop) struct key *key = helper_key(row->key);
    struct error err = {0};

    make_refs(row, refs);
    buf_init(out, 64 * 1024);
    buf_str(out, "<osci:r" SCOPE "><osci:s>");
    assert_int_equal(sig_write(out, refs, 3, &params, key, SPAN("#cert"), SCOPE, &err), ST_OK);
    buf_str(out, "</osci:s>" PART "<osci:b Id=\"b\">" BASE64_PART "</osci:b></osci:r>");
}

static enum status verify_document(const struct write_row *row, struct span xml,
                                   const struct cert *signer, struct error *err)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    AUTO(xml_ids_drop) struct xml_ids *ids = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct sig_attachment attachment = {.cid = SPAN("ein \"Anhang\" & mehr")};
    struct sig_reading reading;
    struct sig_cover cover;

    arena_init(&arena, 1024 * 1024);
    TRY(digest_of(alg_find(span_str(row->digest), ALG_DIGEST), SPAN("attachment"),
                  &attachment.digest, err));
    TRY(xml_parse(xml, &doc, err));
    TRY(xml_ids_new(doc, &ids, err));
    TRY(sig_read(xml_first(xml_first(xml_root(doc))), &strict, NOW, &arena, &reading, err));
    TRY(sig_verify(&reading, ids, &attachment, 1, signer, &arena, &cover, err));
    assert_int_equal(reading.count, 3);
    assert_true(span_is(reading.retrieval, "#cert"));
    assert_ptr_equal(cover.nodes[0], xml_by_id(ids, SPAN("a")));
    assert_ptr_equal(cover.nodes[1], xml_by_id(ids, SPAN("b")));
    assert_null(cover.nodes[2]);
    return ST_OK;
}

static void test_write(void **state)
{
    const struct write_row *row = *state;
    AUTO(cert_drop) struct cert *cert = helper_cert(row->key);
    AUTO(cert_drop) struct cert *other = helper_cert("mallory-signature-2048");
    AUTO(buf_deinit) struct buf xml = {0};
    struct error err = {0};

    write_document(row, &xml);
    if (verify_document(row, buf_span(&xml), cert, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_int_equal(verify_document(row, buf_span(&xml), other, &err), ST_DENIED);
    assert_int_equal(err.reason, 9601);
}

/* No byte of what was signed, nor of the signature itself, can change unnoticed. */
static void test_every_flipped_byte(void **state)
{
    AUTO(cert_drop) struct cert *cert = helper_cert(write_rows[0].key);
    AUTO(buf_deinit) struct buf xml = {0};
    struct error err = {0};
    size_t from, value, key_info, part;

    (void)state;
    write_document(&write_rows[0], &xml);
    from = span_find(buf_span(&xml), SPAN("<ds:Signature>"));
    value = span_find(buf_span(&xml), SPAN("<ds:SignatureValue>"));
    key_info = span_find(buf_span(&xml), SPAN("<ds:KeyInfo>"));
    part = span_find(buf_span(&xml), SPAN(PART));
    for (size_t i = from; i < xml.len; i++) {
        uint8_t was = xml.ptr[i];

        if (i >= key_info && i < part)
            continue; /* which certificate is meant is checked by the caller */
        if (was == '\n' && i > value)
            continue; /* white space in base64 says nothing */
        xml.ptr[i] ^= 4;
        if (verify_document(&write_rows[0], buf_span(&xml), cert, &err) == ST_OK)
            fail_msg("byte %zu, %c", i, was);
        xml.ptr[i] = was;
    }
}

static struct form_row {
    const char *name, *from, *to;
    enum status status;
    int reason;
} form_rows[] = {
    {"no change", "", "", ST_OK, 0},
    {"X509Data in KeyInfo", "<ds:RetrievalMethod URI=\"#cert\"></ds:RetrievalMethod>",
     "<ds:X509Data></ds:X509Data>", ST_INVALID, 9100},
    {"something beside RetrievalMethod", "<ds:KeyInfo>", "<ds:KeyInfo><ds:KeyName>x</ds:KeyName>",
     ST_INVALID, 9100},
    {"RetrievalMethod outside the message", "URI=\"#cert\"", "URI=\"http://x\"", ST_INVALID, 9100},
    {"no KeyInfo",
     "<ds:KeyInfo><ds:RetrievalMethod URI=\"#cert\"></ds:RetrievalMethod></ds:KeyInfo>", "",
     ST_INVALID, 9100},
    {"exclusive C14N for SignedInfo", "<ds:CanonicalizationMethod Algorithm=\"" ALG_C14N_URI "\">",
     "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">", ST_DENIED,
     9601},
    {"C14N with comments", "<ds:Transform Algorithm=\"" ALG_C14N_URI "\">",
     "<ds:Transform Algorithm=\"" ALG_C14N_URI "#WithComments\">", ST_DENIED, 9601},
    {"enveloped signature", "<ds:Transform Algorithm=\"" ALG_C14N_URI "\">",
     "<ds:Transform Algorithm=\"" DS "enveloped-signature\">", ST_DENIED, 9601},
    {"two transforms", "<ds:Transforms>",
     "<ds:Transforms><ds:Transform Algorithm=\"" ALG_C14N_URI "\"></ds:Transform>", ST_DENIED,
     9601},
    {"parameters of a transform", "<ds:Transform Algorithm=\"" ALG_C14N_URI "\">",
     "<ds:Transform Algorithm=\"" ALG_C14N_URI "\"><x/>", ST_DENIED, 9601},
    {"SHA-1 digest", "<ds:DigestMethod Algorithm=\"" ALG_SHA256_URI "\">",
     "<ds:DigestMethod Algorithm=\"" DS "sha1\">", ST_DENIED, 9601},
    {"HMAC", "<ds:SignatureMethod Algorithm=\"" ALG_RSA_SHA256_URI "\">",
     "<ds:SignatureMethod Algorithm=\"" MORE "hmac-sha256\">", ST_DENIED, 9601},
    {"ECDSA with an RSA key", "<ds:SignatureMethod Algorithm=\"" ALG_RSA_SHA256_URI "\">",
     "<ds:SignatureMethod Algorithm=\"" MORE "ecdsa-sha256\">", ST_DENIED, 9601},
    {"a reference to a file", "URI=\"#a\"", "URI=\"file:///etc/passwd\"", ST_INVALID, 9100},
    {"a reference to the document", "URI=\"#a\"", "URI=\"\"", ST_INVALID, 9100},
    {"a reference to nothing", "URI=\"#a\"", "URI=\"#nobody\"", ST_DENIED, 9601},
    {"an attachment that did not come", "URI=\"cid:ein", "URI=\"cid:kein", ST_DENIED, 9601},
    {"a reference twice", "URI=\"#a\"", "URI=\"#b\"", ST_INVALID, 9100},
    {"a manifest", "<ds:KeyInfo>", "<ds:Manifest></ds:Manifest><ds:KeyInfo>", ST_INVALID, 9100},
    {"two values", "<ds:KeyInfo>", "<ds:SignatureValue>AAAA</ds:SignatureValue><ds:KeyInfo>",
     ST_INVALID, 9100},
    {"a digest that is no base64", "<ds:DigestValue>", "<ds:DigestValue>*", ST_INVALID, 9100},
    {"an empty value", "</ds:SignedInfo><ds:SignatureValue>",
     "</ds:SignedInfo><ds:SignatureValue></ds:SignatureValue><ds:SignatureValue>", ST_INVALID,
     9100},
};

static void test_form(void **state)
{
    const struct form_row *row = *state;
    AUTO(cert_drop) struct cert *cert = helper_cert(write_rows[0].key);
    AUTO(buf_deinit) struct buf xml = {0};
    AUTO(buf_deinit) struct buf changed = {0};
    struct span all;
    size_t at;
    struct error err = {0};

    write_document(&write_rows[0], &xml);
    all = buf_span(&xml);
    at = span_find(all, span_str(row->from));
    assert_true(at != SIZE_MAX);
    buf_init(&changed, 64 * 1024);
    buf_add(&changed, span_sub(all, 0, at));
    buf_str(&changed, row->to);
    buf_add(&changed, span_from(all, at + strlen(row->from)));
    assert_int_equal(verify_document(&write_rows[0], buf_span(&changed), cert, &err), row->status);
    assert_int_equal(err.reason, row->reason);
}

static void test_write_refusals(void **state)
{
    AUTO(key_drop) struct key *rsa = helper_key("author-signature-2048");
    AUTO(key_drop) struct key *ec = helper_key("author-signature-p256");
    AUTO(buf_deinit) struct buf out = {0};
    struct sig_params params = {alg_find(SPAN(ALG_RSA_SHA256_URI), ALG_SIGNATURE), &strict, NOW};
    struct sig_ref refs[3];
    struct error err = {0};

    (void)state;
    buf_init(&out, 64 * 1024);
    make_refs(&write_rows[0], refs);
    assert_int_equal(sig_write(&out, refs, 3, &params, ec, SPAN("#c"), SCOPE, &err), ST_DENIED);
    params.now = 4102444800000; /* 2100: nothing is allowed any more */
    assert_int_equal(sig_write(&out, refs, 3, &params, rsa, SPAN("#c"), SCOPE, &err), ST_DENIED);
    params.now = NOW;
    assert_int_equal(sig_write(&out, refs, 0, &params, rsa, SPAN("#c"), SCOPE, &err), ST_LIMIT);
    params.signature = alg_find(SPAN(MORE "ecdsa-sha384"), ALG_SIGNATURE);
    assert_int_equal(sig_write(&out, refs, 3, &params, ec, SPAN("#c"), SCOPE, &err), ST_DENIED);
    assert_int_equal(out.len, 0); /* whole or not at all */
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(reference_rows) + ARRAY_LEN(negative_rows) +
                            ARRAY_LEN(write_rows) + ARRAY_LEN(form_rows) + 4];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(reference_rows); i++)
        tests[n++] = (struct CMUnitTest){reference_rows[i].file, test_reference_message, NULL, NULL,
                                         &reference_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(negative_rows); i++)
        tests[n++] = (struct CMUnitTest){negative_rows[i].file, test_negative, NULL, NULL,
                                         &negative_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(write_rows); i++)
        tests[n++] =
            (struct CMUnitTest){write_rows[i].name, test_write, NULL, NULL, &write_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(form_rows); i++)
        tests[n++] = (struct CMUnitTest){form_rows[i].name, test_form, NULL, NULL, &form_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_all_vectors);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_content_negatives);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_every_flipped_byte);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_write_refusals);
    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}
