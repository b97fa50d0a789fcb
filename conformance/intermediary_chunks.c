/*
 * Large deliveries in chunks, in both directions.
 */
#include "conformance/role_intermediary.h"

#include <stdio.h>

#include "conformance/looks.h"
#include "osci/chunk.h"

enum { CHUNK_KB = 64, PAYLOAD = 300 * 1024, CHUNKS_AT_MOST = 64 };

/* Those of a client that is for chunks: they are binary. */
static const struct osci_features features = {
    .present = true,
    .keys = {{(const uint8_t *)OSCI_CHUNK_FEATURE, sizeof OSCI_CHUNK_FEATURE - 1},
             {(const uint8_t *)"DisableBase64 1.2.0", 19},
             {(const uint8_t *)"GCMPaddingModus 1.7.0", 21},
             {(const uint8_t *)"Support96Bit12ByteIV 1.9.0", 26}},
    .key_count = 4};

/* An inner storeDelivery, and the client who sends it in chunks. */
struct transfer {
    struct conf_client c;
    struct conf_delivery d;
    struct buf inner; /* unsigned and in the clear */
    struct source_span source;
    struct span chunk_id;
    uint64_t total;
};

static void transfer_deinit(struct transfer *t)
{
    conf_delivery_deinit(&t->d);
    buf_deinit(&t->inner);
}

/* id NULL: a fresh one. */
static enum status transfer_init(struct conf_run *run, struct transfer *t, const char *id,
                                 struct error *err)
{
    struct conf_client inside;
    char fresh[CONF_CONTROL_MAX];
    struct conf_delivery_want want = {.type = OSCI_STORE_DELIVERY, .attachment_bytes = PAYLOAD};

    TRY(conf_client_init(&t->c, run, "originator", err));
    TRY(conf_client_init(&inside, run, "originator", err));
    TRY(conf_client_open(&t->c, err));
    if (id == NULL)
        TRY(conf_client_id(&t->c, fresh, err));
    want.originator = t->c.party;
    want.addressee = conf_party(run, "addressee");
    want.intermediary = t->c.peer;
    TRY(conf_delivery_make(run, &t->d, &want, err));
    t->d.msg.message_id = arena_span(&t->d.arena, span_str(id != NULL ? id : fresh));
    t->d.msg.creation = t->d.msg.reception = OSCI_QUALITY_PLAIN;
    TRY(conf_client_control(&inside, &t->d.msg, err));
    inside.plain = inside.unsign = true;
    TRY(conf_client_write(&inside, &t->d.msg, NULL, &t->inner, err));
    (void)source_span_init(&t->source, buf_span(&t->inner));
    t->total = osci_chunk_count(t->inner.len, CHUNK_KB);
    return osci_chunk_id(t->d.msg.message_id, &t->d.arena, &t->chunk_id, err);
}

/* The order around a chunk; number 0: InfoOnly. */
static enum status chunk_send(struct transfer *t, uint64_t number, const struct conf_forge *tweak,
                              struct conf_got *got, struct error *err)
{
    struct osci_chunk chunk;
    struct osci_message msg = {.type = OSCI_PARTIAL_STORE_DELIVERY,
                               .message_id = t->chunk_id,
                               .creation = OSCI_QUALITY_PLAIN,
                               .certs = t->d.certs,
                               .cert_count = t->d.msg.cert_count,
                               .features = features};

    if (number > 0)
        TRY(osci_chunk_cut(&t->source.base, CHUNK_KB, number, &chunk, &msg, err));
    else
        osci_chunk_none(&msg);
    TRY(conf_client_control(&t->c, &msg, err));
    return conf_client_send(&t->c, &msg, tweak, got, err);
}

static void received(const struct conf_got *got, char *text, size_t cap)
{
    const xmlNode *root = got->readable ? xmlDocGetRootElement(got->view.doc) : NULL;

    (void)conf_node_attr(root == NULL ? NULL : conf_node_below(root, "ChunkInformation"),
                         "ReceivedChunks", text, cap);
}

static void look_received(struct conf_run *run, const struct conf_got *got, const char *wanted)
{
    char text[256];

    received(got, text, sizeof text);
    (void)conf_check(run, 101, strcmp(text, wanted) == 0,
                     "ReceivedChunks is \"%s\" instead of \"%s\" (%s)", text, wanted, got->what);
}

static void look_completed(struct conf_run *run, const struct conf_got *got,
                           const struct transfer *t)
{
    const xmlNode *block =
        got->readable ? conf_view_block(&got->view, "responseToPartialStoreDelivery") : NULL;
    const xmlNode *first = block == NULL ? NULL : xmlFirstElementChild((xmlNode *)(uintptr_t)block);
    const xmlNode *card = conf_node_below(block, "ProcessCardBundle");
    AUTO(buf_deinit) struct buf id = {0};

    (void)conf_check(run, 102,
                     first != NULL && strcmp((const char *)first->name, "InsideFeedback") == 0,
                     "InsideFeedback is not what comes first (%s)", got->what);
    conf_node_bytes(conf_node_below(card, "MessageId"), &id);
    (void)conf_check(run, 102, span_eq(buf_span(&id), t->d.msg.message_id),
                     "no process card of the whole message (%s)", got->what);
    (void)conf_check(run, 102, conf_node_below(card, "Inspection") != NULL,
                     "the process card has no inspections");
    (void)conf_check(run, 61, got->code[0] == '0' || got->code[0] == '3',
                     "partialStoreDelivery: %s", got->what);
}

/* Out of order, one of them twice, and resumed in another dialog. */
static enum status store_in_chunks(struct conf_run *run, struct error *err)
{
    struct conf_client reader;
    const char *wrong;
    AUTO(transfer_deinit) struct transfer t = {0};
    AUTO(conf_view_deinit) struct conf_view sent = {0};
    AUTO(conf_got_deinit) struct conf_got none = {0};
    AUTO(conf_got_deinit) struct conf_got third = {0};
    AUTO(conf_got_deinit) struct conf_got twice = {0};
    AUTO(conf_got_deinit) struct conf_got info = {0};
    AUTO(conf_got_deinit) struct conf_got fetched = {0};

    TRY(transfer_init(run, &t, NULL, err));
    TRY(chunk_send(&t, 0, NULL, &none, err));
    look_received(run, &none, "-1");
    TRY(chunk_send(&t, 3, NULL, &third, err));
    look_received(run, &third, "3");
    TRY(chunk_send(&t, 3, NULL, &twice, err));
    (void)conf_check(run, 100, conf_got_code(&twice, "9900"), "a chunk again: %s instead of 9900",
                     twice.what);
    TRY(conf_client_close(&t.c, err));
    TRY(conf_client_open(&t.c, err));
    TRY(chunk_send(&t, 0, NULL, &info, err));
    look_received(run, &info, "3");
    for (uint64_t n = t.total; n >= 1; n--) { /* backwards */
        AUTO(conf_got_deinit) struct conf_got got = {0};

        if (n == 3)
            continue;
        TRY(chunk_send(&t, n, NULL, &got, err));
        (void)conf_check(run, 100, got.fault == 0 && (got.code[0] == '0' || got.code[0] == '3'),
                         "chunk %llu: %s", (unsigned long long)n, got.what);
        if (n == 1)
            look_completed(run, &got, &t);
    }
    TRY(conf_client_close(&t.c, err));
    wrong = conf_view_open(&sent, buf_span(&t.inner), NULL, 0);
    if (wrong != NULL)
        return error_set(err, ST_INTERNAL, 0, "our own message: %s", wrong);
    TRY(conf_client_init(&reader, run, "addressee", err));
    TRY(conf_client_open(&reader, err));
    TRY(conf_fetch(&reader, t.d.msg.message_id, &fetched, err));
    if (conf_check(run, 100, conf_delivered(&fetched), "the delivery does not come: %s",
                   fetched.what))
        conf_look_delivery(run, &sent, &fetched.view);
    return conf_client_close(&reader, err);
}

/* The inner delivery cannot be carried out: its MessageId is nobody's. */
static enum status bad_inside(struct conf_run *run, struct error *err)
{
    char inside[CONF_CODES_MAX] = "";
    AUTO(transfer_deinit) struct transfer t = {0};

    TRY(transfer_init(run, &t, "nobody-issued-this-one", err));
    for (uint64_t n = 1; n <= t.total; n++) {
        AUTO(conf_got_deinit) struct conf_got got = {0};

        TRY(chunk_send(&t, n, NULL, &got, err));
        if (got.readable && got.fault == 0)
            (void)conf_view_codes(&got.view, "InsideFeedback", inside, sizeof inside);
        if (got.code[0] == '9' && inside[0] == '\0') {
            /* refused with the first chunk already: nothing more could go wrong inside */
            (void)conf_check(run, 107, conf_got_code(&got, "9801"), "chunk %llu: %s",
                             (unsigned long long)n, got.what);
            return conf_client_close(&t.c, err);
        }
    }
    (void)conf_check(run, 107, strstr(inside, "9801") != NULL,
                     "InsideFeedback is \"%s\", without 9801", inside);
    return conf_client_close(&t.c, err);
}

/* The inner delivery is broken: its content belongs to nobody's certificate. */
static enum status broken_inside(struct conf_run *run, struct error *err)
{
    char inside[CONF_CODES_MAX] = "";
    struct error ignored = {0};
    AUTO(transfer_deinit) struct transfer t = {0};
    const struct conf_edit edits[] = {
        {.from = "</osci:storeDelivery>",
         .to = "<osci:Surprise></osci:Surprise></osci:storeDelivery>"},
        {.from = NULL}};

    TRY(transfer_init(run, &t, NULL, err));
    TRY(conf_edit(edits, &t.inner, err));
    (void)source_span_init(&t.source, buf_span(&t.inner));
    t.total = osci_chunk_count(t.inner.len, CHUNK_KB);
    for (uint64_t n = 1; n <= t.total; n++) {
        AUTO(conf_got_deinit) struct conf_got got = {0};

        TRY(chunk_send(&t, n, NULL, &got, err));
        if (n < t.total)
            continue;
        if (got.readable && got.fault == 0)
            (void)conf_view_codes(&got.view, "InsideFeedback", inside, sizeof inside);
        (void)conf_check(run, 107, inside[0] == '9' || strstr(inside, " 9") != NULL,
                         "InsideFeedback \"%s\" of a broken delivery (%s)", inside, got.what);
        (void)conf_check(run, 107, conf_got_code(&got, "9950"), "Feedback %s instead of 9950",
                         got.what);
    }
    (void)!conf_client_close(&t.c, &ignored);
    return ST_OK;
}

/* ---- limits ---- */

static uint64_t feature(const struct conf_got *got, const char *name)
{
    return conf_node_number(
        got->readable ? conf_view_block(&got->view, "FeatureDescription") : NULL, name);
}

/* One chunk order with other numbers in it. */
static enum status numbers(struct conf_run *run, const char *name, const char *from, const char *to,
                           const char *codes, struct error *err)
{
    const struct conf_edit edits[] = {{.from = from, .to = to}, {.from = NULL}};
    const struct conf_forge forge = {.before = edits};
    struct error ignored = {0};
    AUTO(transfer_deinit) struct transfer t = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};

    TRY(transfer_init(run, &t, NULL, err));
    TRY(chunk_send(&t, 1, &forge, &got, err));
    (void)conf_check(run, 104, conf_code_allowed(codes, got.code), "%s: %s instead of %s", name,
                     got.what, codes);
    (void)!conf_client_close(&t.c, &ignored);
    return ST_OK;
}

static enum status limits(struct conf_run *run, struct error *err)
{
    uint64_t least, most, message;
    char from[160], to[160];
    uint64_t total;
    AUTO(transfer_deinit) struct transfer t = {0};
    AUTO(conf_got_deinit) struct conf_got info = {0};

    TRY(transfer_init(run, &t, NULL, err));
    TRY(chunk_send(&t, 0, NULL, &info, err));
    TRY(conf_client_close(&t.c, err));
    least = feature(&info, "MinChunkSize");
    most = feature(&info, "MaxChunkSize");
    message = feature(&info, "MaxMessageSize");
    total = osci_chunk_total_kb(t.inner.len);
    (void)snprintf(from, sizeof from, "ChunkNumber=\"1\"");
    (void)snprintf(to, sizeof to, "ChunkNumber=\"%llu\"", (unsigned long long)t.total + 1);
    TRY(numbers(run, "a number beyond the total", from, to, "9901", err));
    TRY(numbers(run, "number 0", from, "ChunkNumber=\"0\"", "9901 9300 9905", err));
    TRY(numbers(run, "no TotalChunkNumbers", "TotalChunkNumbers=", "Total=", "9905 9300", err));
    (void)snprintf(from, sizeof from, "TotalMessageSize=\"%llu\"", (unsigned long long)total);
    TRY(numbers(run, "sizes that contradict each other", from, "TotalMessageSize=\"7\"", "9905",
                err));
    (void)snprintf(from, sizeof from,
                   "ChunkSize=\"%d\" TotalChunkNumbers=\"%llu\" TotalMessageSize=\"%llu\"",
                   CHUNK_KB, (unsigned long long)t.total, (unsigned long long)total);
    if (most > 0) {
        (void)snprintf(to, sizeof to,
                       "ChunkSize=\"%llu\" TotalChunkNumbers=\"1\" TotalMessageSize=\"%llu\"",
                       (unsigned long long)most + 1, (unsigned long long)total);
        TRY(numbers(run, "a chunk above the maximum", from, to, "9902", err));
    }
    if (least > 1) {
        (void)snprintf(to, sizeof to,
                       "ChunkSize=\"%llu\" TotalChunkNumbers=\"%llu\" TotalMessageSize=\"%llu\"",
                       (unsigned long long)least - 1,
                       (unsigned long long)osci_chunk_count(t.inner.len, least - 1),
                       (unsigned long long)total);
        TRY(numbers(run, "a chunk below the minimum", from, to, "9903", err));
    }
    if (message > 0 && most > 0) {
        (void)snprintf(to, sizeof to,
                       "ChunkSize=\"%llu\" TotalChunkNumbers=\"%llu\" TotalMessageSize=\"%llu\"",
                       (unsigned long long)most, (unsigned long long)((message + most) / most) + 1,
                       (unsigned long long)(message + most));
        TRY(numbers(run, "a message above the maximum", from, to, "9904", err));
    }
    (void)conf_check(run, 104, most > 0 && message > 0, "the limits are not announced");
    return ST_OK;
}

/* ---- fetching ---- */

static enum status chunk_fetch(struct conf_client *c, struct span id, uint64_t number,
                               const char *have, struct conf_got *got, struct error *err)
{
    struct osci_message msg;

    TRY(conf_client_order(c, OSCI_PARTIAL_FETCH_DELIVERY, &msg, err));
    msg.selection = (struct osci_selection){.by = OSCI_SELECT_IDS, .ids = &id, .id_count = 1};
    msg.chunk = (struct osci_chunk_info){
        .present = true, .number = number, .size_kb = CHUNK_KB, .received = span_str(have)};
    msg.features = features;
    return conf_client_send(c, &msg, NULL, got, err);
}

static enum status small_in_chunks(struct conf_run *run, struct error *err)
{
    struct conf_client sender, reader;
    char type[64] = "";
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got stored = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};

    TRY(conf_client_init(&sender, run, "originator", err));
    TRY(conf_client_init(&reader, run, "addressee", err));
    TRY(conf_client_store(&sender, "addressee", NULL, &d, &stored, err));
    TRY(conf_client_open(&reader, err));
    TRY(chunk_fetch(&reader, d.msg.message_id, 1, "-1", &got, err));
    if (got.readable)
        (void)conf_view_type(&got.view, type, sizeof type);
    (void)conf_check(run, 105, strcmp(type, "responseToFetchDelivery") == 0, "answered with %s, %s",
                     type, got.what);
    return conf_client_close(&reader, err);
}

/* Chunk number, with its octets behind the others. *total is filled. */
static enum status piece(struct conf_run *run, struct conf_client *c, struct span id,
                         uint64_t number, struct buf *whole, uint64_t *total, struct error *err)
{
    char have[CHUNKS_AT_MOST * 4] = "-1", text[32];
    size_t n = 0;
    AUTO(conf_got_deinit) struct conf_got got = {0};

    for (uint64_t i = 1; i < number; i++)
        n += (size_t)snprintf(have + n, sizeof have - n, "%s%llu", i > 1 ? " " : "",
                              (unsigned long long)i);
    TRY(chunk_fetch(c, id, number, have, &got, err));
    if (!got.readable || got.fault != 0 || got.view.frame.count != 2)
        return error_set(err, ST_RETRY, 0, "chunk %llu: %s", (unsigned long long)number, got.what);
    conf_look_chunk(run, &got.view);
    buf_add(whole, got.view.frame.parts[1].body);
    (void)conf_node_attr(
        conf_node_below(conf_view_block(&got.view, "responseToPartialFetchDelivery"),
                        "ChunkInformation"),
        "TotalChunkNumbers", text, sizeof text);
    return span_to_u64(span_str(text), total) && *total <= CHUNKS_AT_MOST
               ? ST_OK
               : error_set(err, ST_RETRY, 0, "TotalChunkNumbers is \"%s\"", text);
}

static enum status fetch_in_chunks(struct conf_run *run, struct error *err)
{
    static const char *const signal[] = {"KILL"};
    struct conf_client reader;
    uint64_t total = 2;
    size_t first;
    const char *wrong;
    char type[64];
    AUTO(transfer_deinit) struct transfer t = {0};
    AUTO(conf_got_deinit) struct conf_got stored = {0};
    AUTO(conf_view_deinit) struct conf_view sent = {0};
    AUTO(conf_view_deinit) struct conf_view came = {0};
    AUTO(buf_deinit) struct buf whole = {0};
    AUTO(buf_deinit) struct buf again = {0};

    buf_init(&whole, CONF_WIRE_MAX);
    buf_init(&again, CONF_WIRE_MAX);
    TRY(transfer_init(run, &t, NULL, err));
    TRY(conf_client_control(&t.c, &t.d.msg, err));
    TRY(conf_client_send(&t.c, &t.d.msg, NULL, &stored, err));
    TRY(conf_client_init(&reader, run, "addressee", err));
    TRY(conf_client_open(&reader, err));
    TRY(piece(run, &reader, t.d.msg.message_id, 1, &whole, &total, err));
    first = whole.len;
    if (conf_hook(run, "restart") != NULL) {
        TRY(conf_hook_run(run, "restart", signal, 1, NULL, err));
        TRY(conf_client_open(&reader, err));
        TRY(piece(run, &reader, t.d.msg.message_id, 1, &again, &total, err));
        (void)conf_check(run, 106, span_eq(buf_span(&again), span_sub(buf_span(&whole), 0, first)),
                         "the first chunk is another one after a restart");
    }
    for (uint64_t n = 2; n <= total; n++)
        TRY(piece(run, &reader, t.d.msg.message_id, n, &whole, &total, err));
    TRY(conf_client_close(&reader, err));
    wrong = conf_view_open(&came, buf_span(&whole), NULL, 0);
    if (!conf_check(run, 106, wrong == NULL, "the chunks together: %s", wrong != NULL ? wrong : ""))
        return ST_OK;
    (void)conf_check(
        run, 106, strcmp(conf_view_type(&came, type, sizeof type), "responseToFetchDelivery") == 0,
        "the chunks together are %s", type);
    (void)conf_check(run, 61, true, "partialFetchDelivery");
    wrong = conf_view_open(&sent, buf_span(&t.inner), NULL, 0);
    if (wrong == NULL)
        conf_look_delivery(run, &sent, &came);
    return ST_OK;
}

static enum status long_processing(struct conf_run *run, struct error *err)
{
    (void)err;
    conf_untestable(run, 103,
                    "von außen lässt sich nicht bewirken, dass die Verarbeitung länger als "
                    "ChunkMessageTimeout dauert",
                    "a black box cannot make the processing outlast ChunkMessageTimeout");
    return ST_OK;
}

static enum status very_large(struct conf_run *run, struct error *err)
{
    (void)err;
    conf_untestable(
        run, 109,
        "10 GiB brauchen auf beiden Seiten so viel Platz und Minuten; das Programm hält "
        "Nachrichten im Speicher. ./run bench und die Tests messen den Speicher bei 1 "
        "und 2 GB",
        "10 GiB take that much room on both sides, and minutes, and this program holds "
        "messages in memory; ./run bench and the tests measure memory at 1 and 2 GB");
    return ST_OK;
}

struct conf_scenario_list conf_intermediary_chunks(void)
{
    static const struct conf_scenario scenarios[] = {
        {"store-in-chunks", store_in_chunks, {61, 82, 100, 101, 102}},
        {"bad-inside", bad_inside, {107}},
        {"broken-inside", broken_inside, {107}},
        {"chunk-limits", limits, {104}},
        {"small-in-chunks", small_in_chunks, {105}},
        {"fetch-in-chunks", fetch_in_chunks, {61, 82, 98, 106}},
        {"long-processing", long_processing, {103}},
        {"very-large", very_large, {109}},
    };

    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
