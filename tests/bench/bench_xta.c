/*
 * bench_xta.c - what a sendMessage of 10 KB costs, from outside and in its parts
 *
 *   bench_xta drive URL CA CERT KEY AUTHOR READER SERVICE CONNECTIONS MESSAGES
 *       sends so many messages, each over one of so many connections that stay open
 *   bench_xta parts CERT KEY FOLDER
 *       the same bytes through TLS, XML and store, one after the other, without a network
 *
 * Prints one JSON object a line; bench.sh puts both together. Version 3, MTOM, as the writer of
 * xta/ makes it.
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crypto/crypto.h"
#include "gateway/payload.h"
#include "gateway/store_xta.h"
#include "gateway/tls.h"
#include "xta/schema.h"
#include "xta/wire.h"

enum { PAYLOAD_BYTES = 10 * 1024, WIRE_MAX = 64 * 1024, ROUNDS = 400, WARM_UP = 40 };
enum { THREADS_MAX = 64, ARENA_MAX = 1024 * 1024 };

#define ID_PREFIX "urn:de:xta:messageid:driver:"

static void must(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "bench_xta: %s: %s\n", status_name(st), err->text);
    exit(1);
}

static void must_be(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_xta: %s\n", what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* -- the message ------------------------------------------------------------------------------- */

struct letter {
    struct buf bytes;
    char content_type[512];
};

static void letter_make(struct letter *letter, const char *to, const char *author,
                        const char *reader, const char *service)
{
    static uint8_t payload[PAYLOAD_BYTES];
    struct error err = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    struct source_span body;
    struct xta_content content = {.content_type = SPAN("application/octet-stream"),
                                  .filename = SPAN("fachnachricht.bin"),
                                  .id = SPAN("id-1"),
                                  .announced = PAYLOAD_BYTES,
                                  .len = PAYLOAD_BYTES};
    struct xta_request request = {
        .version = XTA_V3,
        .operation = XTA_SEND_MESSAGE,
        .to = span_str(to),
        .metadata = {.version = XTA_V3,
                     .reader = {.value = span_str(reader), .scheme = SPAN("xoev")},
                     .author = {.value = span_str(author), .scheme = SPAN("xoev")},
                     .service = span_str(service),
                     .scenario = {.list = SPAN("urn:de:xta:codeliste:business.scenario"),
                                  .list_version = SPAN("3.6"),
                                  .code = SPAN("XMELD_DATA")},
                     .message_type = {.list = SPAN("urn:de:codeliste:nachrichtentyp"),
                                      .list_version = SPAN("1"),
                                      .code = SPAN("probe.nachricht.0001")},
                     .message_schema = SPAN("http://www.osci.de/xmeld33"),
                     .origin = SPAN("2026-11-22T08:00:00Z"),
                     .size = PAYLOAD_BYTES},
        .container = {.has_message = true, .contents = &content, .count = 1}};
    struct xta_parcel parcel;
    uint8_t chance[16];

    arena_init(&arena, ARENA_MAX);
    buf_init(&letter->bytes, WIRE_MAX);
    must(rng_bytes(rng_system(), payload, sizeof payload, &err), &err);
    must(rng_bytes(rng_system(), chance, sizeof chance, &err), &err);
    buf_str(&letter->bytes, ID_PREFIX);
    buf_hex(&letter->bytes, span_of(chance, sizeof chance));
    request.metadata.id = arena_span(&arena, buf_span(&letter->bytes));
    buf_reset(&letter->bytes);
    content.body = source_span_init(&body, span_of(payload, sizeof payload));
    must(xta_request_write(&request, rng_system(), &arena, &parcel, &err), &err);
    for (size_t i = 0; i < parcel.count; i++)
        if (parcel.pieces[i].source == NULL)
            buf_add(&letter->bytes, parcel.pieces[i].bytes);
        else
            must(source_read_all(parcel.pieces[i].source, &letter->bytes, &err), &err);
    must(buf_check(&letter->bytes, &err), &err);
    must_be(strlen(parcel.content_type) < sizeof letter->content_type, "a long content type");
    strcpy(letter->content_type, parcel.content_type);
}

/* -- from outside ------------------------------------------------------------------------------ */

struct drive {
    const char *url, *ca, *cert, *key;
    struct letter *letters;
    size_t count;
    long handshakes;
    int64_t *latencies; /* ns */
};

static size_t swallow(char *bytes, size_t size, size_t count, void *ctx)
{
    (void)bytes;
    (void)ctx;
    return size * count;
}

static void letter_post(CURL *curl, const struct letter *letter, struct drive *d)
{
    char field[600];
    struct curl_slist *fields = NULL;
    long status = 0, connects = 0;

    (void)snprintf(field, sizeof field, "Content-Type: %s", letter->content_type);
    fields = curl_slist_append(fields, field);
    fields = curl_slist_append(fields, "Expect:");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)letter->bytes.ptr);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)letter->bytes.len);
    must_be(curl_easy_perform(curl) == CURLE_OK, "the server does not answer");
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
    must_be(status == 200, "the server refuses the message");
    d->handshakes += connects;
    curl_slist_free_all(fields);
}

static void *drive_run(void *ctx)
{
    struct drive *d = ctx;
    CURL *curl = curl_easy_init();

    must_be(curl != NULL, "out of memory");
    curl_easy_setopt(curl, CURLOPT_URL, d->url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, d->ca);
    curl_easy_setopt(curl, CURLOPT_SSLCERT, d->cert);
    curl_easy_setopt(curl, CURLOPT_SSLKEY, d->key);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    for (size_t i = 0; i < d->count; i++) {
        int64_t begin = now_ns();

        letter_post(curl, &d->letters[i], d);
        d->latencies[i] = now_ns() - begin;
    }
    curl_easy_cleanup(curl);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int64_t median(int64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

static int drive(char **argv)
{
    size_t threads = strtoul(argv[7], NULL, 10), messages = strtoul(argv[8], NULL, 10);
    struct letter *letters = calloc(messages, sizeof *letters);
    int64_t *latencies = calloc(messages, sizeof *latencies);
    struct drive drives[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    long handshakes = 0;
    int64_t begin, ns;

    must_be(threads > 0 && threads <= THREADS_MAX && letters != NULL && latencies != NULL,
            "no such number of connections or messages");
    messages -= messages % threads;
    for (size_t i = 0; i < messages; i++)
        letter_make(&letters[i], argv[0], argv[4], argv[5], argv[6]);
    begin = now_ns();
    for (size_t i = 0; i < threads; i++) {
        size_t share = messages / threads;

        drives[i] = (struct drive){argv[0],
                                   argv[1],
                                   argv[2],
                                   argv[3],
                                   letters + i * share,
                                   share,
                                   0,
                                   latencies + i * share};
        must_be(pthread_create(&ids[i], NULL, drive_run, &drives[i]) == 0, "no thread");
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        handshakes += drives[i].handshakes;
    }
    ns = now_ns() - begin;
    printf("{\"connections\": %zu, \"messages\": %zu, \"handshakes\": %ld, "
           "\"per_second\": %.1f, \"median_us\": %.1f}\n",
           threads, messages, handshakes, (double)messages * 1e9 / (double)ns,
           (double)median(latencies, messages) / 1e3);
    for (size_t i = 0; i < messages; i++)
        buf_deinit(&letters[i].bytes);
    free(letters);
    free(latencies);
    return 0;
}

/* -- in its parts ------------------------------------------------------------------------------ */

struct tls_pair {
    struct gw_tls *tls;
    struct gw_tls_session *server;
    SSL_CTX *ctx;
    SSL *client;
    BIO *in, *out; /* of the client */
};

/* What the client has to say, to the server; answers to the client. */
static void tls_move(struct tls_pair *t, struct buf *plain, struct buf *wire)
{
    static uint8_t bytes[WIRE_MAX];
    struct error err = {0};
    bool closed;
    int len;

    while ((len = BIO_read(t->out, bytes, sizeof bytes)) > 0)
        must(gw_tls_receive(t->server, span_of(bytes, (size_t)len), plain, wire, &closed, &err),
             &err);
    if (wire->len > 0)
        must_be(BIO_write(t->in, wire->ptr, (int)wire->len) == (int)wire->len, "BIO");
    buf_reset(wire);
}

static void tls_open(struct tls_pair *t, const char *cert, const char *key)
{
    struct error err = {0};
    AUTO(buf_deinit) struct buf plain = {0}, wire = {0};
    int done;

    buf_init(&plain, WIRE_MAX);
    buf_init(&wire, WIRE_MAX);
    must(gw_tls_new_files(cert, key, &(struct gw_tls_conf){0}, &t->tls, &err), &err);
    must(gw_tls_session_new(t->tls, &t->server, &err), &err);
    t->ctx = SSL_CTX_new(TLS_client_method());
    t->client = SSL_new(t->ctx);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    SSL_set_bio(t->client, t->in, t->out);
    for (int i = 0; i < 10; i++) {
        done = SSL_connect(t->client);
        tls_move(t, &plain, &wire);
        if (done == 1 && gw_tls_ready(t->server))
            return;
    }
    must_be(false, "no TLS with ourselves");
}

static void tls_close(struct tls_pair *t)
{
    SSL_free(t->client);
    SSL_CTX_free(t->ctx);
    gw_tls_session_free(t->server);
    gw_tls_free(t->tls);
}

/* The server's side of one request and an answer of that length. */
static int64_t tls_turn(struct tls_pair *t, const struct letter *letter, size_t answer_len)
{
    static uint8_t bytes[WIRE_MAX], answer[WIRE_MAX];
    struct error err = {0};
    AUTO(buf_deinit) struct buf plain = {0}, wire = {0};
    bool closed;
    int64_t begin;
    int len;

    buf_init(&plain, WIRE_MAX);
    buf_init(&wire, 2 * WIRE_MAX);
    must_be(SSL_write(t->client, letter->bytes.ptr, (int)letter->bytes.len) > 0, "SSL_write");
    len = BIO_read(t->out, bytes, sizeof bytes);
    begin = now_ns();
    must(gw_tls_receive(t->server, span_of(bytes, (size_t)len), &plain, &wire, &closed, &err),
         &err);
    must(gw_tls_send(t->server, span_of(answer, answer_len), &wire, &err), &err);
    begin = now_ns() - begin;
    must_be(plain.len == letter->bytes.len, "TLS has lost something");
    BIO_write(t->in, wire.ptr, (int)wire.len);
    while (SSL_read(t->client, bytes, sizeof bytes) > 0)
        continue;
    return begin;
}

/* Where contents go that are looked at no further. */
struct hole {
    struct xta_intake base;
    struct sink sink;
    uint64_t len;
};

static enum status hole_write(struct sink *self, struct span bytes, struct error *err)
{
    struct hole *h = (struct hole *)((char *)self - offsetof(struct hole, sink));

    (void)err;
    h->len += bytes.len;
    return ST_OK;
}

static enum status hole_open(struct xta_intake *self, const struct xta_content *content,
                             struct sink **sink, struct error *err)
{
    (void)content;
    (void)err;
    *sink = &((struct hole *)self)->sink;
    return ST_OK;
}

static enum status hole_close(struct xta_intake *self, struct error *err)
{
    (void)self;
    (void)err;
    return ST_OK;
}

/* Reading the request, with schemas, and writing its answer. */
static int64_t xml_turn(const struct xta_schemas *schemas, const struct letter *letter,
                        size_t *answer_len)
{
    struct error err = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    struct hole hole = {.base = {hole_open, hole_close}, .sink = {hole_write}};
    const struct xta_reading conf = {.version = XTA_V3,
                                     .port = XTA_PORT_SENDER,
                                     .schemas = schemas,
                                     .limits = xta_limits_default(),
                                     .intake = &hole.base};
    struct xta_answer answer = {.version = XTA_V3, .operation = XTA_SEND_MESSAGE};
    struct source_span body;
    struct xta_request request;
    struct xta_fault fault;
    struct xta_parcel parcel;
    struct span relates_to;
    int64_t begin;

    arena_init(&arena, ARENA_MAX);
    begin = now_ns();
    must(xta_request_read(&conf, source_span_init(&body, buf_span(&letter->bytes)),
                          span_str(letter->content_type), SPAN_NONE, &arena, &request, &fault,
                          &relates_to, &err),
         &err);
    answer.relates_to = request.soap_id;
    must(xta_answer_write(&answer, rng_system(), &arena, &parcel, &err), &err);
    begin = now_ns() - begin;
    must_be(hole.len == PAYLOAD_BYTES, "contents got lost");
    *answer_len = parcel.len;
    return begin;
}

struct keep {
    const struct gw_message_row *row;
    const struct gw_file_row *files;
    size_t file_count;
    const struct gw_xta_row *xta;
    const struct gw_cause *cause;
};

static enum status keep(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct keep *k = ctx;

    TRY(gw_store_message_add(tx, k->row, k->files, k->file_count, k->cause, NULL, err));
    TRY(gw_store_xta_claim(tx, k->xta->xta_id, k->xta->account, true, k->row->id, k->cause->now,
                           err));
    return gw_store_xta_add(tx, k->xta, err);
}

/* What the store does for one message: two files, durable, and one commit. */
static int64_t store_turn(struct gw_store *store, int64_t now, int n)
{
    static uint8_t payload[PAYLOAD_BYTES];
    struct error err = {0};
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    char id[GW_ID_SIZE], xta_id[100];
    const struct gw_cause cause = {.now = now, .actor = "bench"};
    struct gw_message_row row = {.id = id,
                                 .tenant = "bench",
                                 .endpoint = "bench",
                                 .box = GW_OUTBOX,
                                 .peer = "bench",
                                 .recipient = "ags:09163000",
                                 .message_type = "probe.nachricht.0001",
                                 .size_bytes = PAYLOAD_BYTES,
                                 .created_at = now};
    struct gw_xta_row xta = {.message_id = id,
                             .xta_id = xta_id,
                             .box = GW_OUTBOX,
                             .author = "ags:09162000",
                             .reader = "ags:09163000",
                             .account = "bench",
                             .version = XTA_V3};
    struct keep k = {&row, NULL, 0, &xta, &cause};
    int64_t begin;

    must(gw_uuid_make(rng_system(), now, id, &err), &err);
    (void)snprintf(xta_id, sizeof xta_id, ID_PREFIX "%d", n);
    begin = now_ns();
    must(gw_stage_new(store, id, &stage, &err), &err);
    must(gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "fachnachricht.bin", NULL, NULL,
                            span_of(payload, sizeof payload), &err),
         &err);
    must(gw_stage_add_bytes(stage, GW_FILE_HEADER, "MessageMetaData.xml", NULL, NULL,
                            span_of(payload, 2048), &err),
         &err);
    must(gw_stage_publish(stage, &err), &err);
    k.files = gw_stage_files(stage, &k.file_count);
    must(gw_store_commit(store, keep, &k, &err), &err);
    gw_stage_done(stage);
    return now_ns() - begin;
}

static int parts(char **argv)
{
    struct error err = {0};
    AUTO(xta_schemas_drop) struct xta_schemas *schemas = NULL;
    AUTO(gw_store_drop) struct gw_store *store = NULL;
    struct gw_store_report report;
    const struct gw_store_conf conf = {.dir = argv[2], .rng = rng_system()};
    static int64_t tls[ROUNDS], xml[ROUNDS], kept[ROUNDS];
    const int64_t now = (int64_t)time(NULL) * 1000;
    struct tls_pair pair = {0};
    size_t answer_len = 0;

    must(xta_schemas_new(&schemas, &err), &err);
    must(gw_store_open(&conf, now, &store, &report, &err), &err);
    tls_open(&pair, argv[0], argv[1]);
    for (int i = -WARM_UP; i < ROUNDS; i++) {
        struct letter letter = {0};
        size_t slot = i < 0 ? 0 : (size_t)i;

        letter_make(&letter, "https://127.0.0.1/xta", "ags:09162000", "ags:09163000", "urn:bench");
        xml[slot] = xml_turn(schemas, &letter, &answer_len);
        tls[slot] = tls_turn(&pair, &letter, answer_len);
        kept[slot] = store_turn(store, now, i + WARM_UP);
        buf_deinit(&letter.bytes);
    }
    tls_close(&pair);
    printf("{\"tls_us\": %.1f, \"xml_us\": %.1f, \"store_us\": %.1f}\n",
           (double)median(tls, ROUNDS) / 1e3, (double)median(xml, ROUNDS) / 1e3,
           (double)median(kept, ROUNDS) / 1e3);
    return 0;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    int rc = 64;

    must(crypto_init(&err), &err);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (argc == 11 && strcmp(argv[1], "drive") == 0)
        rc = drive(argv + 2);
    else if (argc == 5 && strcmp(argv[1], "parts") == 0)
        rc = parts(argv + 2);
    else
        fprintf(stderr, "usage: bench_xta drive URL CA CERT KEY AUTHOR READER SERVICE "
                        "CONNECTIONS MESSAGES | parts CERT KEY FOLDER\n");
    curl_global_cleanup();
    crypto_deinit();
    return rc;
}
