#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/enc.h"

#include <stdio.h>

#include "crypto/base/mime.h"
#include "crypto/digest.h"
#include "tests/unit/helper_crypto.h"

#define NOW 1795305600000 /* 2026-11-22 */
#define DS "http://www.w3.org/2000/09/xmldsig#"
#define XENC "http://www.w3.org/2001/04/xmlenc#"
#define XENC11 "http://www.w3.org/2009/xmlenc11#"
#define REFUSED "the bytes cannot be deciphered"

static const struct policy strict, lax = {.read_cbc = true, .read_rsa15 = true};

static const char *const ring[] = {
    "addressee-cipher-2048",    "addressee-cipher-4096",    "author-cipher-2048",
    "intermediary-cipher-2048", "intermediary-cipher-4096", "originator-cipher-2048",
    "originator-cipher-4096",   "reader-cipher-2048",       "reader-cipher-4096",
    "reader2-cipher-2048",
};

struct keys {
    struct key *keys[ARRAY_LEN(ring)];
    struct cert *certs[ARRAY_LEN(ring)];
};

static void keys_init(struct keys *k)
{
    for (size_t i = 0; i < ARRAY_LEN(ring); i++) {
        k->keys[i] = helper_key(ring[i]);
        k->certs[i] = helper_cert(ring[i]);
    }
}

static void keys_deinit(struct keys *k)
{
    for (size_t i = 0; i < ARRAY_LEN(ring); i++) {
        key_free(k->keys[i]);
        cert_free(k->certs[i]);
    }
}

/* The XML of a message, and its second part where there is one. */
struct message {
    struct buf mime, part;
    struct arena arena;
    xmlDoc *doc;
    struct xml_ids *ids;
};

static void message_deinit(struct message *m)
{
    buf_deinit(&m->mime);
    buf_deinit(&m->part);
    arena_deinit(&m->arena);
    xml_doc_drop(&m->doc);
    xml_ids_drop(&m->ids);
}

static void read_part(struct mime_reader *reader, const struct mime_part *part, struct buf *out)
{
    AUTO(buf_deinit) struct buf wire = {0};
    struct span piece;
    struct error err = {0};

    buf_init(&wire, 16 * 1024 * 1024);
    do {
        assert_int_equal(mime_reader_piece(reader, &piece, &err), ST_OK);
        buf_add(&wire, piece);
    } while (piece.len > 0);
    buf_init(out, 16 * 1024 * 1024);
    if (part->base64)
        assert_int_equal(buf_base64_decode(out, buf_span(&wire), &err), ST_OK);
    else
        buf_add(out, buf_span(&wire));
}

static void message_read(struct message *m, const char *path)
{
    AUTO(buf_deinit) struct buf xml = {0};
    struct mime_reader reader = {0};
    struct mime_part *part;
    struct source_span source;
    struct error err = {0};

    *m = (struct message){0};
    arena_init(&m->arena, 64 * 1024 * 1024);
    helper_vector(path, &m->mime);
    source_span_init(&source, buf_span(&m->mime));
    assert_int_equal(mime_reader_init(&reader, &source.base, &m->arena, &err), ST_OK);
    assert_int_equal(mime_reader_next(&reader, &part, &err), ST_OK);
    read_part(&reader, part, &xml);
    assert_int_equal(xml_parse(buf_span(&xml), &m->doc, &err), ST_OK);
    assert_int_equal(xml_ids_new(m->doc, &m->ids, &err), ST_OK);
    assert_int_equal(mime_reader_next(&reader, &part, &err), ST_OK);
    if (part != NULL)
        read_part(&reader, part, &m->part);
}

static const xmlNode *find(const xmlNode *node, const char *ns, const char *local)
{
    const xmlNode *found = xml_is(node, ns, local) ? node : NULL;

    for (const xmlNode *c = xml_first(node); c != NULL && found == NULL; c = xml_next(c))
        found = find(c, ns, local);
    return found;
}

/* The key for whom this EncryptedKey is, by the certificate that it shows or points to. */
static const struct key *key_for(struct message *m, const struct keys *keys,
                                 const xmlNode *encrypted_key)
{
    const xmlNode *info = xml_child(encrypted_key, DS, "KeyInfo");
    const xmlNode *method = xml_child(info, DS, "RetrievalMethod");
    const xmlNode *shown;
    AUTO(buf_deinit) struct buf der = {0};
    struct span text;
    struct error err = {0};

    if (method != NULL)
        info = xml_by_id(m->ids, span_from(xml_attr(method, NULL, "URI"), 1));
    shown = info == NULL ? NULL : find(info, DS, "X509Certificate");
    if (shown == NULL)
        return NULL;
    buf_init(&der, CERT_DER_MAX);
    assert_int_equal(xml_text(shown, &m->arena, &text, &err), ST_OK);
    assert_int_equal(buf_base64_decode(&der, text, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(ring); i++)
        if (span_eq(cert_der(keys->certs[i]), buf_span(&der)))
            return keys->keys[i];
    return NULL;
}

static enum status open_part(const struct cipher_method *method, const struct secret *secret,
                             struct span wire, struct buf *plain, struct error *err)
{
    AUTO(cipher_drop) struct cipher *cipher = NULL;
    struct sink_buf sink;

    sink_buf_init(&sink, plain);
    TRY(cipher_open_new(method, secret, &cipher, err));
    TRY(cipher_push(cipher, wire, &sink.base, err));
    return cipher_finish(cipher, &sink.base, err);
}

struct walk {
    struct keys keys;
    size_t keys_read, contents, envelopes;
};

static void open_envelope(struct walk *w, const struct message *m, const char *path,
                          const struct cipher_method *method, const struct secret *secret)
{
    AUTO(buf_deinit) struct buf plain = {0};
    AUTO(buf_deinit) struct buf inner = {0};
    char inner_path[256];
    struct error err = {0};

    buf_init(&plain, 16 * 1024 * 1024);
    assert_int_equal(open_part(method, secret, buf_span(&m->part), &plain, &err), ST_OK);
    (void)snprintf(inner_path, sizeof inner_path, "%.*s.inner.mime",
                   (int)(strlen(path) - strlen(".mime")), path);
    helper_vector(inner_path, &inner);
    assert_true(span_eq(buf_span(&plain), buf_span(&inner)));
    w->envelopes++;
}

static void open_content(struct walk *w, const xmlNode *encrypted,
                         const struct cipher_method *method, const struct secret *secret)
{
    AUTO(buf_deinit) struct buf plain = {0};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};

    buf_init(&plain, 16 * 1024 * 1024);
    assert_int_equal(enc_value_read(encrypted, method, secret, &plain, &err), ST_OK);
    assert_int_equal(xml_parse(buf_span(&plain), &doc, &err), ST_OK);
    assert_true(xml_is(xml_root(doc), "http://www.osci.de/2002/04/osci", "ContentContainer"));
    w->contents++;
}

static void open_all(struct walk *w, struct message *m, const char *path, const xmlNode *encrypted)
{
    const xmlNode *info = xml_child(encrypted, DS, "KeyInfo");
    struct cipher_method method;
    struct error err = {0};

    assert_int_equal(enc_method_read(encrypted, &lax, NOW, &method, &err), ST_OK);
    for (const xmlNode *k = xml_first(info); k != NULL; k = xml_next(k)) {
        const struct key *key = key_for(m, &w->keys, k);
        AUTO(secret_wipe) struct secret secret = {0};

        if (!xml_is(k, XENC, "EncryptedKey"))
            continue;
        assert_non_null(key);
        if (enc_key_read(k, key, &method, &lax, NOW, &secret, &err) != ST_OK)
            fail_msg("%s: %s", path, err.text);
        w->keys_read++;
        if (find(encrypted, XENC, "CipherReference") != NULL)
            open_envelope(w, m, path, &method, &secret);
        else
            open_content(w, encrypted, &method, &secret);
    }
}

static void walk_nodes(struct walk *w, struct message *m, const char *path, const xmlNode *node)
{
    if (xml_is(node, XENC, "EncryptedData"))
        open_all(w, m, path, node);
    for (const xmlNode *c = xml_first(node); c != NULL; c = xml_next(c))
        walk_nodes(w, m, path, c);
}

static void walk_file(const char *path, void *arg)
{
    AUTO(message_deinit) struct message m = {0};

    if (strstr(path, "46-encrypted-tripledes") != NULL) {
        struct cipher_method method;
        struct error err = {0};

        message_read(&m, path);
        if (find(xml_root(m.doc), XENC, "EncryptedData") == NULL)
            return;
        assert_int_equal(
            enc_method_read(find(xml_root(m.doc), XENC, "EncryptedData"), &lax, NOW, &method, &err),
            ST_DENIED);
        assert_int_equal(err.reason, 9202);
        return;
    }
    message_read(&m, path);
    walk_nodes(arg, &m, path, xml_root(m.doc));
}

static void test_all_vectors(void **state)
{
    static const char *const dirs[] = {"dialogs", "store", "passive", "partial", "forms"};
    struct walk w = {0};

    (void)state;
    keys_init(&w.keys);
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        char dir[64];

        (void)snprintf(dir, sizeof dir, "osci12/%s", dirs[i]);
        assert_true(helper_each_vector(dir, ".mime", walk_file, &w) > 40);
    }
    keys_deinit(&w.keys);
    assert_true(w.envelopes >= 148); /* all that are there */
    assert_true(w.contents >= 56);
}

/* Session keys and plaintexts as the makers of the reference messages noted them. */
static void compare_expected(struct span line)
{
    /* file, layer, key, algorithm, IV, element, session key, length, SHA-256 */
    struct span fields[9] = {{NULL, 0}};
    size_t count = 0;
    AUTO(message_deinit) struct message m = {0};
    AUTO(buf_deinit) struct buf pem = {0};
    AUTO(buf_deinit) struct buf plain = {0};
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(key_drop) struct key *key = NULL;
    const xmlNode *encrypted, *k;
    struct cipher_method method;
    struct digest_value digest;
    struct secret secret;
    bool content;
    struct error err = {0};
    char path[256];

    while (count < ARRAY_LEN(fields) && span_split(&line, '\t', &fields[count]))
        count++;
    if (count < ARRAY_LEN(fields) || span_is(fields[1], "attachment") || span_is(fields[0], "file"))
        return;
    content = span_is(fields[1], "content");
    (void)snprintf(path, sizeof path, "osci12-reference/%.*s", SPAN_FMT(fields[0]));
    message_read(&m, path);
    encrypted = find(xml_root(m.doc), XENC, "EncryptedData");
    if (encrypted == NULL || content != (find(encrypted, XENC, "CipherReference") == NULL))
        return; /* inside the envelope */
    (void)snprintf(path, sizeof path, "osci12-reference/keys/%.*s.key", SPAN_FMT(fields[2]));
    helper_vector(path, &pem);
    assert_int_equal(key_from_pem(buf_span(&pem), NULL, &key, &err), ST_OK);
    assert_int_equal(enc_method_read(encrypted, &lax, NOW, &method, &err), ST_OK);
    buf_init(&text, 1024);
    for (k = find(encrypted, XENC, "EncryptedKey"); k != NULL; k = xml_next(k)) {
        buf_reset(&text);
        if (enc_key_read(k, key, &method, &lax, NOW, &secret, &err) == ST_OK)
            buf_hex(&text, span_of(secret.bytes, secret.len));
        if (span_eq(buf_span(&text), fields[6]))
            break;
    }
    assert_non_null(k);
    buf_init(&plain, 16 * 1024 * 1024);
    if (content)
        assert_int_equal(enc_value_read(encrypted, &method, &secret, &plain, &err), ST_OK);
    else
        assert_int_equal(open_part(&method, &secret, buf_span(&m.part), &plain, &err), ST_OK);
    buf_reset(&text);
    assert_int_equal(
        digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), buf_span(&plain), &digest, &err),
        ST_OK);
    buf_hex(&text, digest_span(&digest));
    assert_true(span_eq(buf_span(&text), fields[8]));
}

static void test_reference_messages(void **state)
{
    AUTO(buf_deinit) struct buf tsv = {0};
    struct span rest, line;
    size_t lines = 0;

    (void)state;
    helper_vector("osci12-reference/expected.tsv", &tsv);
    rest = buf_span(&tsv);
    while (span_split(&rest, '\n', &line)) {
        compare_expected(line);
        lines++;
    }
    assert_true(lines > 20);
}

/* How an envelope of the negatives is met, in the order a receiver would. */
static enum status open_message(struct message *m, const char *key_name, struct error *err)
{
    const xmlNode *encrypted = find(xml_root(m->doc), XENC, "EncryptedData");
    AUTO(key_drop) struct key *key = helper_key(key_name);
    AUTO(buf_deinit) struct buf plain = {0};
    struct cipher_method method;
    struct secret secret;

    buf_init(&plain, 16 * 1024 * 1024);
    TRY(enc_method_read(encrypted, &lax, NOW, &method, err));
    TRY(enc_key_read(find(encrypted, XENC, "EncryptedKey"), key, &method, &lax, NOW, &secret, err));
    if (find(encrypted, XENC, "CipherReference") == NULL)
        return enc_value_read(encrypted, &method, &secret, &plain, err);
    return open_part(&method, &secret, buf_span(&m->part), &plain, err);
}

static struct negative_row {
    const char *file, *key;
    const char *text; /* NULL: all is well */
} negative_rows[] = {
    {"store/03-transport-gcm12-oaep.req", "intermediary-cipher-2048", NULL},
    {"store/03-transport-gcm12-oaep.req", "addressee-cipher-2048", REFUSED},
    {"store/13-transport-rsa4096.req", "intermediary-cipher-2048", REFUSED},
    {"store/03-transport-gcm12-oaep.req", "intermediary-cipher-4096", REFUSED},
    {"negative/store/e01-ciphertext-flipped", "intermediary-cipher-2048", REFUSED},
    {"negative/store/e02-tag-flipped", "intermediary-cipher-2048", REFUSED},
    {"negative/accept/e02-tag-flipped", "addressee-cipher-2048", REFUSED},
    {"negative/accept/e03-ciphertext-truncated", "addressee-cipher-2048", REFUSED},
    {"negative/store/e05-key-for-other", "intermediary-cipher-2048", REFUSED},
    {"negative/accept/e05-key-for-other", "addressee-cipher-2048", REFUSED},
    {"negative/accept/e06-iv-length-lies", "addressee-cipher-2048", REFUSED},
    {"negative/store/e07-iv-length-missing", "intermediary-cipher-2048", REFUSED},
    {"negative/store/e08-iv-length-absurd", "intermediary-cipher-2048", "IvLength"},
    {"negative/accept/e09-encrypted-key-garbage", "addressee-cipher-2048", REFUSED},
    {"negative/store/e13-cbc-padding", "intermediary-cipher-2048", REFUSED},
    {"negative/store/e14-unknown-algorithm", "intermediary-cipher-2048", "unknown"},
    {"negative/reader/r01-content-ciphertext-flipped", "reader-cipher-2048", REFUSED},
};

static void test_negative(void **state)
{
    const struct negative_row *row = *state;
    AUTO(message_deinit) struct message m = {0};
    struct error err = {0};
    enum status st;
    char path[128];

    (void)snprintf(path, sizeof path, "osci12/%s.mime", row->file);
    message_read(&m, path);
    st = open_message(&m, row->key, &err);
    if (row->text == NULL) {
        assert_int_equal(st, ST_OK);
        return;
    }
    assert_int_equal(st, ST_DENIED);
    assert_int_equal(err.reason, 9202);
    assert_non_null(strstr(err.text, row->text));
}

static struct write_row {
    const char *name, *cipher, *digest, *reader;
    size_t iv_len;
} write_rows[] = {
    {"defaults", ALG_AES256_GCM_URI, ALG_SHA256_URI, "reader-cipher-2048", 12},
    {"IV 16", ALG_AES256_GCM_URI, ALG_SHA256_URI, "reader-cipher-2048", 16},
    {"sha512", ALG_AES256_GCM_URI, XENC "sha512", "reader-cipher-2048", 12},
    {"aes192", XENC11 "aes192-gcm", ALG_SHA256_URI, "reader-cipher-2048", 12},
    {"aes128, RSA-4096", XENC11 "aes128-gcm", XENC "sha512", "reader-cipher-4096", 16},
};

#define PLAIN "<osci:ContentContainer>\xC3\xA4\r\n</osci:ContentContainer>"

static void write_document(const struct write_row *row, struct buf *out)
{
    AUTO(cert_drop) struct cert *reader = helper_cert(row->reader);
    struct enc_params params;
    struct rng_count rng;
    struct secret secret;
    struct error err = {0};

    rng_count_init(&rng);
    enc_params_default(&params, &strict, NOW);
    params.method =
        (struct cipher_method){alg_find(span_str(row->cipher), ALG_CIPHER), row->iv_len};
    params.oaep_digest = alg_find(span_str(row->digest), ALG_DIGEST);
    buf_init(out, 64 * 1024);
    buf_str(out, "<xenc:EncryptedData xmlns:ds=\"" DS "\" xmlns:xenc=\"" XENC "\">");
    assert_int_equal(secret_make(params.method.alg, &rng.base, &secret, &err), ST_OK);
    enc_method_write(out, &params.method);
    buf_str(out, "<ds:KeyInfo>");
    assert_int_equal(
        enc_key_write(out, &secret, reader, SPAN("<ds:KeyName>r</ds:KeyName>"), &params, &err),
        ST_OK);
    buf_str(out, "</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>");
    assert_int_equal(enc_value_write(out, SPAN(PLAIN), &secret, &params.method, &rng.base, &err),
                     ST_OK);
    buf_str(out, "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>");
}

static enum status read_document(struct span xml, const struct key *key,
                                 const struct policy *policy, struct buf *plain, struct error *err)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct cipher_method method;
    struct secret secret;

    TRY(xml_parse(xml, &doc, err));
    TRY(enc_method_read(xml_root(doc), policy, NOW, &method, err));
    TRY(enc_key_read(find(xml_root(doc), XENC, "EncryptedKey"), key, &method, policy, NOW, &secret,
                     err));
    return enc_value_read(xml_root(doc), &method, &secret, plain, err);
}

static void test_write(void **state)
{
    const struct write_row *row = *state;
    AUTO(key_drop) struct key *key = helper_key(row->reader);
    AUTO(buf_deinit) struct buf xml = {0};
    AUTO(buf_deinit) struct buf plain = {0};
    struct error err = {0};

    write_document(row, &xml);
    assert_true((span_find(buf_span(&xml), SPAN("IvLength")) == SIZE_MAX) == (row->iv_len == 16));
    buf_init(&plain, 4096);
    assert_int_equal(read_document(buf_span(&xml), key, &strict, &plain, &err), ST_OK);
    assert_string_equal(buf_cstr(&plain), PLAIN);
}

/* Characters of the first CipherValue (the key's) and of the second (the content's). */
static void flip_value(struct buf *xml, size_t from, size_t step, const struct key *key)
{
    AUTO(buf_deinit) struct buf plain = {0};
    struct error err = {0};
    size_t begin = from + span_find(span_from(buf_span(xml), from), SPAN("<xenc:CipherValue>")) +
                   strlen("<xenc:CipherValue>");
    size_t len = span_find(span_from(buf_span(xml), begin), SPAN("</xenc:CipherValue>"));

    buf_init(&plain, 4096);
    for (size_t i = begin; i < begin + len - 4; i += step) { /* the last ones may hold padding */
        uint8_t was = xml->ptr[i];

        if (was == '\n')
            continue;
        xml->ptr[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(read_document(buf_span(xml), key, &strict, &plain, &err), ST_DENIED);
        assert_int_equal(err.reason, 9202);
        assert_string_equal(err.text, REFUSED);
        assert_int_equal(plain.len, 0);
        xml->ptr[i] = was;
    }
}

/* Whatever is wrong, one answer and no plaintext. */
static void test_every_flipped_character(void **state)
{
    AUTO(key_drop) struct key *key = helper_key("reader-cipher-2048");
    AUTO(buf_deinit) struct buf xml = {0};

    (void)state;
    write_document(&write_rows[0], &xml);
    flip_value(&xml, 0, 7, key);
    flip_value(&xml, span_find(buf_span(&xml), SPAN("</xenc:EncryptedKey>")), 1, key);
}

static struct form_row {
    const char *name, *from, *to;
    enum status status;
} form_rows[] = {
    {"no change", "", "", ST_OK},
    {"no MGF is MGF1 with SHA-1",
     "<xenc11:MGF xmlns:xenc11=\"" XENC11 "\" Algorithm=\"" XENC11 "mgf1sha256\"></xenc11:MGF>", "",
     ST_DENIED},
    {"no digest is SHA-1", "<ds:DigestMethod Algorithm=\"" ALG_SHA256_URI "\"></ds:DigestMethod>",
     "", ST_DENIED},
    {"a label", "</xenc11:MGF>", "</xenc11:MGF><xenc:OAEPparams>AAAA</xenc:OAEPparams>", ST_DENIED},
    {"another mask", "mgf1sha256", "mgf1sha512", ST_DENIED},
    {"another digest", "<ds:DigestMethod Algorithm=\"" ALG_SHA256_URI,
     "<ds:DigestMethod Algorithm=\"" XENC "sha512", ST_DENIED},
    {"rsa-oaep-mgf1p", ALG_RSA_OAEP_URI, XENC "rsa-oaep-mgf1p", ST_DENIED},
    {"rsa-1_5 without the switch", ALG_RSA_OAEP_URI, XENC "rsa-1_5", ST_DENIED},
    {"CBC without the switch", ALG_AES256_GCM_URI, XENC "aes256-cbc", ST_DENIED},
    {"IvLength 13", "Value=\"12\"", "Value=\"13\"", ST_DENIED},
    {"IvLength of words", "Value=\"12\"", "Value=\"twelve\"", ST_DENIED},
    {"a longer key is used whole", "aes256-gcm", "aes128-gcm", ST_OK},
    {"no EncryptionMethod", "<xenc:EncryptionMethod Algorithm=\"" ALG_AES256_GCM_URI "\">",
     "<xenc:EncryptionMethod>", ST_DENIED},
    {"a value that is no base64", "<xenc:CipherValue>", "<xenc:CipherValue>*", ST_DENIED},
    {"a value with an element", "<xenc:CipherValue>", "<xenc:CipherValue><x/>", ST_INVALID},
    {"no CipherData", "<xenc:CipherData>", "<xenc:CipherData/><xenc:CipherData>", ST_INVALID},
};

static void test_form(void **state)
{
    const struct form_row *row = *state;
    AUTO(key_drop) struct key *key = helper_key("reader-cipher-2048");
    AUTO(buf_deinit) struct buf xml = {0};
    AUTO(buf_deinit) struct buf changed = {0};
    AUTO(buf_deinit) struct buf plain = {0};
    struct span all;
    struct error err = {0};
    size_t at;

    write_document(&write_rows[0], &xml);
    all = buf_span(&xml);
    at = span_find(all, span_str(row->from));
    assert_true(at != SIZE_MAX);
    buf_init(&changed, 64 * 1024);
    buf_init(&plain, 4096);
    buf_add(&changed, span_sub(all, 0, at));
    buf_str(&changed, row->to);
    buf_add(&changed, span_from(all, at + strlen(row->from)));
    assert_int_equal(read_document(buf_span(&changed), key, &strict, &plain, &err), row->status);
    if (row->status == ST_DENIED)
        assert_int_equal(err.reason, 9202);
}

/* The other way round it would be weaker than it says. */
static void test_shorter_key(void **state)
{
    AUTO(key_drop) struct key *key = helper_key("reader-cipher-4096");
    AUTO(buf_deinit) struct buf xml = {0};
    AUTO(buf_deinit) struct buf plain = {0};
    struct error err = {0};
    size_t at;

    (void)state;
    write_document(&write_rows[4], &xml);
    buf_init(&plain, 4096);
    assert_int_equal(read_document(buf_span(&xml), key, &strict, &plain, &err), ST_OK);
    at = span_find(buf_span(&xml), SPAN("aes128-gcm"));
    memcpy(xml.ptr + at, "aes256", 6);
    assert_int_equal(read_document(buf_span(&xml), key, &strict, &plain, &err), ST_DENIED);
    assert_int_equal(err.reason, 9202);
}

static void read_rsa15(const struct message *m, const struct key *key, struct secret *secret)
{
    const xmlNode *encrypted = find(xml_root(m->doc), XENC, "EncryptedData");
    struct cipher_method method;
    struct error err = {0};

    assert_int_equal(enc_method_read(encrypted, &lax, NOW, &method, &err), ST_OK);
    assert_int_equal(
        enc_key_read(find(encrypted, XENC, "EncryptedKey"), key, &method, &lax, NOW, secret, &err),
        ST_OK);
}

/* A bad padding must look like a good one with another key: no error, no constant. */
static void test_rsa15_rejects_silently(void **state)
{
    AUTO(key_drop) struct key *key = helper_key("intermediary-cipher-2048");
    AUTO(message_deinit) struct message m = {0};
    struct secret good, one, two;
    xmlChar *text;

    (void)state;
    message_read(&m, "osci12/store/09-transport-cbc-rsa15.req.mime");
    read_rsa15(&m, key, &good);
    assert_int_equal(good.len, 32);
    text = find(xml_root(m.doc), XENC, "CipherValue")->children->content;
    for (size_t i = 4; i < 200; i += 13) {
        xmlChar was = text[i];

        if (was == '\n')
            continue;
        text[i] = was == 'A' ? 'B' : 'A';
        read_rsa15(&m, key, &one);
        read_rsa15(&m, key, &two);
        assert_int_equal(one.len, 32);
        assert_memory_not_equal(one.bytes, good.bytes, 32);
        assert_memory_not_equal(one.bytes, two.bytes, 32);
        text[i] = was;
    }
}

static void test_write_refusals(void **state)
{
    AUTO(cert_drop) struct cert *ec = helper_cert("author-signature-p256");
    AUTO(cert_drop) struct cert *rsa = helper_cert("reader-cipher-2048");
    AUTO(buf_deinit) struct buf out = {0};
    struct enc_params params;
    struct rng_count rng;
    struct secret secret;
    struct error err = {0};

    (void)state;
    rng_count_init(&rng);
    buf_init(&out, 64 * 1024);
    enc_params_default(&params, &lax, NOW);
    assert_int_equal(secret_make(params.method.alg, &rng.base, &secret, &err), ST_OK);
    assert_int_equal(enc_key_write(&out, &secret, ec, SPAN(""), &params, &err), ST_DENIED);
    params.oaep_digest =
        alg_find(SPAN("http://www.w3.org/2007/05/xmldsig-more#sha3-256"), ALG_DIGEST);
    assert_int_equal(enc_key_write(&out, &secret, rsa, SPAN(""), &params, &err), ST_DENIED);
    enc_params_default(&params, &lax, NOW);
    params.key_transport = alg_find(SPAN(XENC "rsa-1_5"), ALG_KEY_TRANSPORT);
    assert_int_equal(enc_key_write(&out, &secret, rsa, SPAN(""), &params, &err), ST_DENIED);
    enc_params_default(&params, &lax, NOW);
    params.method = (struct cipher_method){alg_find(SPAN(XENC "aes256-cbc"), ALG_CIPHER), 16};
    assert_int_equal(enc_key_write(&out, &secret, rsa, SPAN(""), &params, &err), ST_DENIED);
    assert_int_equal(enc_value_write(&out, SPAN("x"), &secret, &params.method, &rng.base, &err),
                     ST_DENIED);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    struct CMUnitTest
        tests[ARRAY_LEN(negative_rows) + ARRAY_LEN(write_rows) + ARRAY_LEN(form_rows) + 6];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(negative_rows); i++)
        tests[n++] = (struct CMUnitTest){negative_rows[i].file, test_negative, NULL, NULL,
                                         &negative_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(write_rows); i++)
        tests[n++] =
            (struct CMUnitTest){write_rows[i].name, test_write, NULL, NULL, &write_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(form_rows); i++)
        tests[n++] = (struct CMUnitTest){form_rows[i].name, test_form, NULL, NULL, &form_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_all_vectors);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_reference_messages);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_every_flipped_character);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_rsa15_rejects_silently);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_shorter_key);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_write_refusals);
    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}
