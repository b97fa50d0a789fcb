/*
 * bench_osci.c KEYS - what a storeDelivery costs beside the cryptography it consists of
 *
 * Builds and parses a signed, content-encrypted, transport-encrypted storeDelivery with 10 KB of
 * payload, and does the bare OpenSSL operations in between, on one core. Each figure is the median
 * of processor time per message; taking turns keeps a changing clock rate out of the ratio. Prints
 * one JSON object a line. KEYS is the folder with the keys, tests/vectors/osci12/keys.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "osci/content.h"
#include "osci/message.h"
#include "tests/bench/floor.h"

enum { PAYLOAD_BYTES = 10 * 1024, WIRE_MAX = 4 * 1024 * 1024, FILE_MAX = 64 * 1024 };
enum { ROUNDS_MAX = 400 };
#define NOW_MS INT64_C(1796000000000) /* within the certificates' time */

struct party {
    struct key *key;
    struct cert *cert;
};

struct setup {
    struct party signer, cipher, reader, intermediary;
    struct policy policy;
    struct cert_cache *cache;
    uint8_t payload[PAYLOAD_BYTES];
    struct buf wire;
    struct floor *floor;
};

static void must(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "bench_osci: %s: %s\n", status_name(st), err->text);
    exit(1);
}

static void must_be(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_osci: %s\n", what);
    exit(1);
}

static void load(const char *folder, const char *role, unsigned bits, const char *kind,
                 struct buf *out)
{
    char path[4096];
    FILE *f;
    uint8_t *room;

    snprintf(path, sizeof path, "%s/%s-%u.%s.pem", folder, role, bits, kind);
    f = fopen(path, "rb");
    must_be(f != NULL, path);
    buf_reset(out);
    room = buf_grow(out, FILE_MAX);
    must_be(room != NULL, "out of memory");
    out->len = fread(room, 1, FILE_MAX, f);
    fclose(f);
}

static void party_load(struct party *p, const char *folder, const char *role, unsigned bits)
{
    struct error err = {0};
    AUTO(buf_deinit_secret) struct buf pem = {0};

    buf_init(&pem, FILE_MAX + 1);
    load(folder, role, bits, "key", &pem);
    must(key_from_pem(buf_span(&pem), NULL, &p->key, &err), &err);
    load(folder, role, bits, "cert", &pem);
    must(cert_from_pem(buf_span(&pem), &p->cert, &err), &err);
}

static void party_free(struct party *p)
{
    key_free(p->key);
    cert_free(p->cert);
}

/* ---- one message ---- */

enum { ROLES = 3 };

/* Ids for the certificates, and the message around them. The package follows. */
static void message_fill(const struct setup *s, struct osci_message *msg, struct osci_cert *certs,
                         struct arena *arena)
{
    const struct osci_cert all[ROLES] = {
        {.role = OSCI_CIPHER_ORIGINATOR, .cert = s->cipher.cert},
        {.role = OSCI_CIPHER_ADDRESSEE, .cert = s->reader.cert},
        {.role = OSCI_SIGNATURE_ORIGINATOR, .cert = s->signer.cert},
    };
    struct error err = {0};

    for (size_t i = 0; i < ROLES; i++) {
        certs[i] = all[i];
        must(osci_cert_id(all[i].role, 0, all[i].cert, arena, &certs[i].id, &err), &err);
    }
    *msg = (struct osci_message){
        .type = OSCI_STORE_DELIVERY,
        .control = {.response = SPAN("4711"),
                    .challenge = SPAN("0815"),
                    .conversation_id = SPAN("1234567890"),
                    .has_sequence = true,
                    .sequence = 1},
        .languages = SPAN("de"),
        .creation = OSCI_QUALITY_PLAIN,
        .reception = OSCI_QUALITY_PLAIN,
        .message_id = SPAN("a-message-id-of-the-usual-length@intermediary.example"),
        .subject = SPAN("10 KB"),
        .certs = certs,
        .cert_count = ROLES,
        .has_package = true,
    };
}

/* The whole wire into out; plain: without transport envelope. */
static void build(const struct setup *s, bool plain, struct buf *out)
{
    struct error err = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf package = {0};
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    struct osci_cert certs[ROLES];
    struct osci_message msg;
    struct source_span bytes;
    struct osci_seal_content content = {.name = SPAN("payload.bin")};
    struct osci_signer signer;
    struct osci_seal_container container;
    struct osci_seal seal;
    struct osci_write write;
    bool end = false;

    arena_init(&arena, WIRE_MAX);
    buf_init(&package, WIRE_MAX);
    message_fill(s, &msg, certs, &arena);
    content.bytes = source_span_init(&bytes, span_of(s->payload, sizeof s->payload));
    signer = (struct osci_signer){s->signer.key, s->signer.cert, certs[2].id};
    container = (struct osci_seal_container){.contents = &content,
                                             .count = 1,
                                             .authors = &signer,
                                             .author_count = 1,
                                             .readers = &certs[1],
                                             .reader_count = 1};
    seal = (struct osci_seal){.containers = &container,
                              .count = 1,
                              .policy = &s->policy,
                              .now = NOW_MS,
                              .rng = rng_system()};
    must(osci_seal(&seal, &arena, &package, &err), &err);
    msg.package = buf_span(&package);
    write = (struct osci_write){.msg = &msg,
                                .sign_key = s->signer.key,
                                .encrypt_for = plain ? NULL : s->intermediary.cert,
                                .policy = &s->policy,
                                .now = NOW_MS,
                                .rng = rng_system()};
    must(osci_message_write(&write, &writer, &err), &err);
    buf_reset(out);
    while (!end)
        must(osci_writer_next(writer, out, &end, &err), &err);
    must(buf_check(out, &err), &err);
}

struct taker {
    struct osci_open_out base;
    struct sink_buf sink;
    struct buf buf;
};

static enum status take_begin(struct osci_open_out *self, const struct osci_opened *content,
                              struct sink **sink, struct error *err)
{
    struct taker *t = (struct taker *)self;

    (void)content;
    (void)err;
    *sink = sink_buf_init(&t->sink, &t->buf);
    return ST_OK;
}

static enum status take_end(struct osci_open_out *self, const struct osci_opened *content,
                            struct error *err)
{
    (void)self;
    (void)content;
    (void)err;
    return ST_OK;
}

/* The intermediary's half: envelope and message signature; then the reader's: the content. */
static void parse(const struct setup *s)
{
    struct error err = {0};
    struct osci_own_cipher ours = {s->intermediary.cert, s->intermediary.key};
    struct osci_own_cipher theirs = {s->reader.cert, s->reader.key};
    struct osci_transport transport;
    struct osci_open_report report;
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    AUTO(buf_deinit) struct buf inner = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    struct source_span wire, plain;
    struct sink_buf sink;
    struct taker taker = {.base = {take_begin, take_end}};

    buf_init(&inner, WIRE_MAX);
    buf_init(&taker.buf, WIRE_MAX);
    arena_init(&arena, WIRE_MAX);
    must(osci_transport_open(source_span_init(&wire, buf_span(&s->wire)), &ours, 1, &s->policy,
                             NOW_MS, NULL, sink_buf_init(&sink, &inner), &transport, &err),
         &err);
    must(osci_message_read(source_span_init(&plain, buf_span(&inner)), &s->policy, NOW_MS, s->cache,
                           NULL, &reading, &err),
         &err);
    must(osci_message_verify(reading, NULL, NULL, &err), &err);
    must(osci_open(reading, &theirs, 1, &s->policy, NOW_MS, &arena, &taker.base, &report, &err),
         &err);
    must_be(report.count == 1 && report.contents[0].author_count == 1 &&
                report.contents[0].authors[0].good && taker.buf.len == PAYLOAD_BYTES &&
                memcmp(taker.buf.ptr, s->payload, PAYLOAD_BYTES) == 0,
            "the payload did not come back as it was");
    buf_deinit(&taker.buf);
}

/* ---- timing ---- */

static int64_t cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static double median_us(int64_t *ns, size_t count)
{
    qsort(ns, count, sizeof *ns, compare);
    return (double)ns[count / 2] / 1000.0;
}

enum { FLOOR_BUILD, BUILD, FLOOR_PARSE, PARSE, KINDS };

static void turn(struct setup *s, int kind)
{
    switch (kind) {
    case FLOOR_BUILD:
        must_be(floor_build(s->floor), "the floor's building failed");
        break;
    case BUILD:
        build(s, false, &s->wire);
        break;
    case FLOOR_PARSE:
        must_be(floor_parse(s->floor), "the floor's parsing failed");
        break;
    default:
        parse(s);
    }
}

static void run(struct setup *s, unsigned bits, size_t rounds)
{
    static int64_t ns[KINDS][ROUNDS_MAX];
    double us[KINDS];

    assert(rounds <= ROUNDS_MAX);
    for (size_t warm = 0; warm < 5; warm++)
        for (int kind = 0; kind < KINDS; kind++)
            turn(s, kind);
    for (size_t i = 0; i < rounds; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            int64_t begin = cpu_ns();

            turn(s, kind);
            ns[kind][i] = cpu_ns() - begin;
        }
    }
    for (int kind = 0; kind < KINDS; kind++)
        us[kind] = median_us(ns[kind], rounds);
    printf("{\"name\": \"osci.floor.build.rsa%u\", \"value\": %.1f, \"unit\": \"us\", "
           "\"floor_ratio\": 1.0}\n",
           bits, us[FLOOR_BUILD]);
    printf("{\"name\": \"osci.build.rsa%u\", \"value\": %.1f, \"unit\": \"us\", "
           "\"floor_ratio\": %.3f}\n",
           bits, us[BUILD], us[BUILD] / us[FLOOR_BUILD]);
    printf("{\"name\": \"osci.floor.parse.rsa%u\", \"value\": %.1f, \"unit\": \"us\", "
           "\"floor_ratio\": 1.0}\n",
           bits, us[FLOOR_PARSE]);
    printf("{\"name\": \"osci.parse.rsa%u\", \"value\": %.1f, \"unit\": \"us\", "
           "\"floor_ratio\": %.3f}\n",
           bits, us[PARSE], us[PARSE] / us[FLOOR_PARSE]);
    fflush(stdout);
}

static size_t canonical_len(const xmlNode *node)
{
    struct error err = {0};
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&text, WIRE_MAX);
    must(xml_c14n(node, &text, &err), &err);
    return text.len;
}

static size_t container_len(const xmlNode *package)
{
    struct error err = {0};
    const xmlNode *data = xml_child(package, XENC_NS, "EncryptedData");
    const xmlNode *value =
        xml_child(xml_child(data, XENC_NS, "CipherData"), XENC_NS, "CipherValue");
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf bytes = {0};
    struct span text;

    arena_init(&arena, WIRE_MAX);
    buf_init(&bytes, WIRE_MAX);
    must(xml_text(value, &arena, &text, &err), &err);
    must(buf_base64_decode(&bytes, text, &err), &err);
    return bytes.len - 12 - 16; /* IV and tag */
}

/* What passes through digests and ciphers in this message, built in the clear. */
static void sizes_take(const struct setup *s, struct floor_sizes *sizes)
{
    struct error err = {0};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    struct source_span wire;

    must(osci_message_read(source_span_init(&wire, buf_span(&s->wire)), &s->policy, NOW_MS,
                           s->cache, NULL, &reading, &err),
         &err);
    must_be(reading->block_count <= FLOOR_BLOCKS_MAX, "too many blocks");
    *sizes = (struct floor_sizes){.content = PAYLOAD_BYTES,
                                  .container = container_len(reading->package),
                                  .block_count = reading->block_count,
                                  .inner = s->wire.len};
    for (size_t i = 0; i < reading->block_count; i++)
        sizes->blocks[i] = canonical_len(reading->blocks[i]);
    sizes->info = canonical_len(xml_child(reading->signature.signature, DS_NS, "SignedInfo"));
}

static void measure(const char *keys, unsigned bits, size_t rounds)
{
    struct setup s = {0};
    struct error err = {0};
    struct floor_sizes sizes;

    party_load(&s.signer, keys, "originator-signature", bits);
    party_load(&s.cipher, keys, "originator-cipher", bits);
    party_load(&s.reader, keys, "addressee-cipher", bits);
    party_load(&s.intermediary, keys, "intermediary-cipher", bits);
    must(cert_cache_new(16, &s.cache, &err), &err);
    must(rng_bytes(rng_system(), s.payload, sizeof s.payload, &err), &err);
    buf_init(&s.wire, WIRE_MAX);

    build(&s, true, &s.wire);
    sizes_take(&s, &sizes);
    s.floor = floor_new(key_pkey(s.signer.key), key_pkey(s.reader.key),
                        key_pkey(s.intermediary.key), &sizes);
    must_be(s.floor != NULL, "the floor cannot be laid");
    run(&s, bits, rounds);

    floor_free(s.floor);
    buf_deinit(&s.wire);
    cert_cache_free(s.cache);
    party_free(&s.signer);
    party_free(&s.cipher);
    party_free(&s.reader);
    party_free(&s.intermediary);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    cpu_set_t one;
    int cpu = sched_getcpu();

    if (argc != 2) {
        fprintf(stderr, "usage: bench_osci KEYS\n");
        return 64;
    }
    CPU_ZERO(&one);
    CPU_SET(cpu < 0 ? 0 : (size_t)cpu, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
    must(crypto_init(&err), &err);
    measure(argv[1], 2048, 300);
    measure(argv[1], 4096, 100);
    crypto_deinit();
    return 0;
}
