/*
 * Contents of a message, opened by readers whose keys are known: a whole message, or, where the
 * input begins like an element, a container that was deciphered. What is handed out is what the
 * report says, and who is called a good author has shown his certificate.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "osci/content.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { OUT_MAX = 4 * 1024 * 1024, PEM_MAX = 20000 };
#define NOW INT64_C(1780000000000)

static struct osci_own_cipher own[2];
static struct cert *author;
/* an EncryptedKey for own[0], and the key in it */
static struct buf encrypted_key;
static struct secret secret;
static struct enc_params params;
static const struct policy strict;

static struct span pem_read(const char *name, const char *kind, char text[PEM_MAX])
{
    char path[1024];
    size_t len;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/osci12/keys/%s.%s.pem", TEST_VECTORS, name, kind);
    f = fopen(path, "rb");
    if (f == NULL)
        abort();
    len = fread(text, 1, PEM_MAX, f);
    (void)fclose(f);
    return span_of(text, len);
}

static void must(enum status st)
{
    if (st != ST_OK)
        abort();
}

__attribute__((constructor)) static void start(void)
{
    static const char *const names[] = {"reader-cipher-2048", "addressee-cipher-2048"};
    static struct rng_count rng;
    struct error err = {0};
    char text[PEM_MAX];

    must(crypto_init(&err));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct cert *cert = NULL;
        struct key *key = NULL;

        must(key_from_pem(pem_read(names[i], "key", text), NULL, &key, &err));
        must(cert_from_pem(pem_read(names[i], "cert", text), &cert, &err));
        own[i] = (struct osci_own_cipher){cert, key};
    }
    must(cert_from_pem(pem_read("author-signature-2048", "cert", text), &author, &err));
    rng_count_init(&rng);
    enc_params_default(&params, &strict, NOW);
    must(secret_make(params.method.alg, &rng.base, &secret, &err));
    buf_init(&encrypted_key, 65536);
    must(enc_key_write(&encrypted_key, &secret, own[0].cert,
                       SPAN("<ds:RetrievalMethod URI=\"#reader\"></ds:RetrievalMethod>"), &params,
                       &err));
}

/* ---- where the contents go: counted, and no more ---- */

struct out {
    struct osci_open_out base;
    struct sink sink;
    uint64_t len[OSCI_CONTENTS_MAX];
    size_t begun, ended;
};

static struct out *out_of(struct sink *sink)
{
    return (struct out *)((char *)sink - offsetof(struct out, sink));
}

static enum status out_write(struct sink *self, struct span bytes, struct error *err)
{
    struct out *out = out_of(self);

    (void)err;
    out->len[out->begun - 1] += bytes.len;
    return ST_OK;
}

static enum status out_begin(struct osci_open_out *self, const struct osci_opened *content,
                             struct sink **sink, struct error *err)
{
    struct out *out = (struct out *)self;

    (void)content;
    assert(out->begun == out->ended);
    if (out->begun == ARRAY_LEN(out->len))
        return error_set(err, ST_LIMIT, 0, "too many contents");
    out->len[out->begun++] = 0;
    *sink = &out->sink;
    return ST_OK;
}

static enum status out_end(struct osci_open_out *self, const struct osci_opened *content,
                           struct error *err)
{
    struct out *out = (struct out *)self;

    (void)content;
    (void)err;
    out->ended++;
    return ST_OK;
}

static void open_and_check(const struct osci_reading *reading, const struct policy *policy)
{
    static struct out out;
    AUTO(arena_deinit) struct arena arena = {.max = 16 * OUT_MAX};
    struct osci_open_report report;
    struct error err = {0};

    out = (struct out){{out_begin, out_end}, {out_write}, {0}, 0, 0};
    if (osci_open(reading, own, ARRAY_LEN(own), policy, NOW, &arena, &out.base, &report, &err) !=
        ST_OK) {
        assert(err.status != ST_OK && err.status != ST_INTERNAL);
        return;
    }
    assert(out.begun == report.count && out.ended == report.count);
    for (size_t i = 0; i < report.count; i++) {
        const struct osci_opened *content = &report.contents[i];

        assert(content->len == out.len[i]);
        for (size_t k = 0; k < content->author_count; k++)
            assert(content->authors[k].good
                       ? content->authors[k].cert != NULL && content->authors[k].alg != NULL
                       : content->authors[k].why_not.len > 0);
    }
}

/* ---- a container in a message made for it ---- */

static void package_write(struct span container, struct buf *package)
{
    struct rng_count rng;
    struct error err = {0};

    rng_count_init(&rng);
    buf_str(package, "<xenc:EncryptedData>");
    enc_method_write(package, &params.method);
    buf_str(package, "<ds:KeyInfo>");
    buf_add(package, buf_span(&encrypted_key));
    buf_str(package, "</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>");
    must(enc_value_write(package, container, &secret, &params.method, &rng.base, &err));
    buf_str(package, "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>");
    must(buf_check(package, &err));
}

static void message_write(struct span container, struct buf *wire)
{
    struct source_span octets;
    struct osci_cert certs[] = {
        {OSCI_CIPHER_ADDRESSEE, SPAN("addressee"), (struct cert *)(uintptr_t)own[1].cert},
        {OSCI_CIPHER_OTHER_READER, SPAN("reader"), (struct cert *)(uintptr_t)own[0].cert},
        {OSCI_SIGNATURE_OTHER_AUTHOR, SPAN("author"), author}};
    struct osci_attachment attachment = {.cid = SPAN("secret.txt"),
                                         .len = 40,
                                         .body = source_span_init(&octets, SPAN("0123456789"
                                                                                "0123456789"
                                                                                "0123456789"
                                                                                "0123456789"))};
    AUTO(buf_deinit) struct buf package = {.max = OUT_MAX};
    struct osci_message msg = {.type = OSCI_STORE_DELIVERY,
                               .control = {.challenge = SPAN("c"), .has_sequence = true},
                               .creation = OSCI_QUALITY_PLAIN,
                               .reception = OSCI_QUALITY_PLAIN,
                               .message_id = SPAN("id"),
                               .certs = certs,
                               .cert_count = ARRAY_LEN(certs),
                               .attachments = &attachment,
                               .attachment_count = 1,
                               .has_package = true};
    struct rng_count rng;
    struct osci_write in = {.msg = &msg, .policy = &strict, .now = NOW, .rng = &rng.base};
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    struct error err = {0};
    bool end = false;

    rng_count_init(&rng);
    package_write(container, &package);
    msg.package = buf_span(&package);
    must(osci_message_write(&in, &writer, &err));
    while (!end)
        must(osci_writer_next(writer, wire, &end, &err));
}

static void name_try(struct span name)
{
    AUTO(arena_deinit) struct arena arena = {.max = OUT_MAX};
    struct span coded, back;
    struct error err = {0};

    if (osci_name_encode(span_sub(name, 0, 255), &arena, &coded, &err) != ST_OK ||
        osci_name_decode(coded, &arena, &back, &err) != ST_OK)
        abort();
    assert(span_eq(span_sub(name, 0, 255), back));
    must(osci_name_decode(span_sub(name, 0, 10000), &arena, &back, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct policy policy = {.read_cbc = len % 2 == 0, .read_rsa15 = len % 2 == 0};
    const struct osci_limits limits = {.message_bytes = OUT_MAX};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    AUTO(buf_deinit) struct buf wire = {.max = 2 * OUT_MAX};
    struct span in = span_of(bytes, len);
    struct source_span source;
    struct error err = {0};

    name_try(in);
    if (len > 0 && bytes[0] == '<') {
        message_write(in, &wire);
        in = buf_span(&wire);
    }
    if (osci_message_read(source_span_init(&source, in), &policy, NOW, NULL, &limits, &reading,
                          &err) == ST_OK)
        open_and_check(reading, &policy);
    else
        assert(wire.len == 0); /* what we wrote ourselves can be read */
    return 0;
}
