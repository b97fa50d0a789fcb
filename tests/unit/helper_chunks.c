#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_chunks.h"

#include <stdio.h>

#include "osci/chunk.h"
#include "osci/feedback.h"
#include "osci/package.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_store.h"

enum { WIRE_MAX = 64 * 1024 * 1024 };
#define WHEN SPAN("2026-11-22T00:00:00Z")

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct error err = {0};                                                                    \
        if ((call) != ST_OK)                                                                       \
            fail_msg("%s: %d %s", #call, err.reason, err.text);                                    \
    } while (0)

/* One order and what it is answered. */
struct turn {
    struct helper_chunks *c;
    struct gw_http_request *req;
    const struct osci_reading *order;
    struct osci_message answer;
    struct arena arena;
    struct osci_cert certs[24];
    struct osci_card card;
    struct osci_chunk chunk;
    struct source_span whole;
    struct osci_reading *inner; /* of the delivery that is given out */
    struct buf package;
    const char *code;
    char what;
};

static enum status broken_next(void *ctx, struct buf *out, bool *end, struct error *err)
{
    (void)ctx;
    (void)out;
    (void)end;
    return error_set(err, ST_RETRY, 0, "on purpose");
}

static void hang_up(struct gw_http_request *req)
{
    const struct gw_http_reply reply = {.status = 200,
                                        .content_type = "text/xml",
                                        .pull = {.next = broken_next, .len = 1000},
                                        .close = true};

    gw_http_answer(req, &reply);
}

static void answer_bytes(struct gw_http_request *req, struct span bytes)
{
    const struct gw_http_reply reply = {.status = 200, .content_type = "text/xml", .bytes = bytes};

    gw_http_answer(req, &reply);
}

/* In the arena, ending with NUL. */
static const char *text_of(struct turn *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static const char *text_of(struct turn *t, const char *fmt, ...)
{
    char text[64];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return arena_str(&t->arena, span_str(text));
}

/* ---- deliveries in ---- */

static struct span plain_id(const struct helper_chunks *c)
{
    return buf_span(&c->id);
}

static void card_add(struct turn *t, struct span id)
{
    t->card =
        (struct osci_card){.message_id = id, .creation.text = WHEN, .recent_modification = WHEN};
    t->answer.cards = &t->card;
    t->answer.card_count = 1;
}

static void id_set(struct helper_chunks *c, struct span id)
{
    buf_reset(&c->id);
    buf_add(&c->id, id);
}

static void together(const struct helper_chunks *c, struct buf *whole)
{
    buf_init(whole, WIRE_MAX);
    for (uint64_t i = 0; i < c->total; i++)
        buf_add(whole, buf_span(&c->chunks[i]));
}

/* The inner message must be one, under the plain id, and unsigned. */
static void assemble(struct helper_chunks *c)
{
    AUTO(buf_deinit) struct buf whole = {0};
    AUTO(osci_reading_drop) struct osci_reading *inner = NULL;
    struct source_span source;

    together(c, &whole);
    OK(osci_message_read(source_span_init(&source, buf_span(&whole)), &c->im.policy, gw_now_ms(),
                         c->im.cache, NULL, &inner, &err));
    assert_int_equal(inner->msg.type, OSCI_STORE_DELIVERY);
    assert_false(inner->is_signed);
    assert_true(span_eq(inner->msg.message_id, plain_id(c)));
    c->octets = whole.len;
    c->done = true;
    c->deliveries += c->inside == 0;
}

static void octets_keep(struct turn *t, uint64_t number)
{
    struct helper_chunks *c = t->c;
    AUTO(buf_deinit) struct buf octets = {0};
    struct buf *to = &c->chunks[number - 1];
    struct sink_buf sink;
    size_t i;

    buf_init(&octets, WIRE_MAX);
    OK(osci_chunk_find(t->order, &i, &err));
    OK(osci_attachment_copy(t->order, i, sink_buf_init(&sink, &octets), &err));
    if (to->len > 0) /* sealed once, sent again unchanged */
        assert_true(span_eq(buf_span(to), buf_span(&octets)));
    buf_reset(to);
    buf_add(to, buf_span(&octets));
    c->there[number - 1] = true;
}

static struct span received_text(struct turn *t)
{
    struct helper_chunks *c = t->c;
    AUTO(buf_deinit) struct buf text = {0};
    struct osci_chunk_set set = {0};

    if (t->what == 'E' || c->total == 0)
        return SPAN("-1");
    if (t->what == 'G')
        return SPAN("1 2 99999");
    OK(osci_chunk_set_init(&set, c->total, &t->arena, &err));
    for (uint64_t n = 1; n <= c->total; n++)
        if (c->there[n - 1] || t->what == 'S')
            (void)osci_chunk_set_add(&set, n);
    buf_init(&text, 4096);
    osci_chunk_set_write(&set, &text);
    return arena_span(&t->arena, buf_span(&text));
}

static bool all_there(const struct helper_chunks *c)
{
    for (uint64_t i = 0; i < c->total; i++)
        if (!c->there[i])
            return false;
    return c->total > 0;
}

/* What the whole came to, or that it is being worked on. */
static void fate_tell(struct turn *t, bool asked)
{
    struct helper_chunks *c = t->c;
    struct osci_message *a = &t->answer;
    const char *inside;

    if (!c->done)
        assemble(c);
    if (c->working > 0) {
        c->working--;
        t->code = asked ? "3952" : "3951";
        return;
    }
    inside = text_of(t, "%04d", c->inside == 0 ? 800 : c->inside);
    OK(osci_feedback_make(&inside, 1, SPAN("de"), &t->arena, &a->inside_feedback,
                          &a->inside_feedback_count, &err));
    if (strcmp(t->code, "9900") != 0)
        t->code = c->inside == 0 ? "3950" : "9950";
    card_add(t, plain_id(c));
}

static void store_chunk(struct turn *t)
{
    struct helper_chunks *c = t->c;
    const struct osci_message *m = &t->order->msg;
    const struct osci_chunk_info *info = &m->chunk;
    const char *refusals[] = {"9901", "9902", "9903", "9904", "9905"};
    bool keep = !info->info_only && strchr("oA12345", t->what) == NULL;

    c->infos += info->info_only;
    assert_true(span_eq(span_from(m->message_id, m->message_id.len - 8), SPAN("_Partial")));
    assert_int_equal(m->creation, OSCI_QUALITY_PLAIN);
    t->code = strchr("0o", t->what) != NULL ? "9900" : t->what == 'A' ? "9811" : "0801";
    if (t->what >= '1' && t->what <= '5')
        t->code = refusals[t->what - '1'];
    if (!span_eq(plain_id(c), osci_chunk_inner_id(m->message_id))) {
        id_set(c, osci_chunk_inner_id(m->message_id));
        memset(c->there, 0, sizeof c->there);
        for (size_t i = 0; i < HELPER_CHUNKS_MAX; i++)
            buf_reset(&c->chunks[i]);
        c->total = 0;
        c->done = false;
    }
    if (keep) {
        assert_true(info->number <= info->total && info->total <= HELPER_CHUNKS_MAX);
        assert_true(c->total == 0 || c->total == info->total);
        c->total = info->total;
        c->kb = info->size_kb;
        if (c->there[info->number - 1])
            t->code = "9900";
        octets_keep(t, info->number);
    }
    if (t->what == 'F')
        memset(c->there, 0, sizeof c->there);
    if (all_there(c) && (keep || info->info_only))
        fate_tell(t, info->info_only);
    t->answer.chunk = (struct osci_chunk_info){.present = true,
                                               .number = info->number,
                                               .total = c->total + (t->what == 'T'),
                                               .received = received_text(t)};
}

/* ---- a delivery out ---- */

static void held_read(struct turn *t)
{
    OK(osci_message_read(source_span_init(&t->whole, buf_span(&t->c->held)), &t->c->im.policy,
                         gw_now_ms(), t->c->im.cache, NULL, &t->inner, &err));
}

/* The delivery that was read, in a responseToFetchDelivery. */
static void delivery_pass(struct turn *t)
{
    struct osci_message *a = &t->answer;
    const struct osci_message *m = &t->inner->msg;

    buf_init(&t->package, WIRE_MAX);
    OK(osci_package_move(t->inner->package, &t->package, &err));
    a->type = OSCI_RSP_FETCH_DELIVERY;
    a->has_package = true;
    a->package = buf_span(&t->package);
    a->certs = t->certs;
    a->attachments = m->attachments;
    a->attachment_count = m->attachment_count;
    for (size_t i = 0; i < m->attachment_count; i++)
        OK(osci_attachment_source(t->inner, i, &t->arena, &m->attachments[i].body, &err));
    for (size_t i = 0; i < m->cert_count; i++)
        if (m->certs[i].role < OSCI_CIPHER_INTERMEDIARY)
            t->certs[a->cert_count++] = m->certs[i];
}

static void give_whole(struct turn *t)
{
    held_read(t);
    delivery_pass(t);
    card_add(t, t->inner->msg.cards[0].message_id);
    t->card.forwarding.text = WHEN;
    t->c->seen = true;
}

static void give_chunk(struct turn *t)
{
    struct osci_message *a = &t->answer;
    const struct osci_chunk_info *info = &t->order->msg.chunk;
    uint64_t number = info->number + (t->what == 'C');
    struct osci_chunk_set have = {0};

    if (osci_chunk_count(t->c->held.len, info->size_kb) == 1) {
        give_whole(t);
        return;
    }
    OK(osci_chunk_cut(source_span_init(&t->whole, buf_span(&t->c->held)), info->size_kb, number,
                      &t->chunk, a, &err));
    if (t->what == 'H') {
        t->chunk.attachment.len /= 2;
        t->chunk.part.base.len /= 2;
        OK(digest_of(t->chunk.attachment.digest.alg,
                     span_sub(buf_span(&t->c->held), (size_t)t->chunk.part.offset,
                              (size_t)t->chunk.attachment.len),
                     &t->chunk.attachment.digest, &err));
    }
    a->message_id = t->what == 'M' ? SPAN("another") : plain_id(t->c);
    a->chunk.total += t->what == 'T';
    a->chunk.total_size_kb = t->what == 'Z' ? UINT64_MAX / 4096 : a->chunk.total_size_kb;
    OK(osci_chunk_set_init(&have, a->chunk.total, &t->arena, &err));
    OK(osci_chunk_set_read(&have, info->received, &err));
    (void)osci_chunk_set_add(&have, number);
    t->c->seen = osci_chunk_set_full(&have);
}

static void fetch(struct turn *t, bool chunks)
{
    struct helper_chunks *c = t->c;

    if ((t->what == 'A' || t->what == 'B') && chunks) {
        t->code = t->what == 'A' ? "9811" : "9710";
    } else if (t->what >= '1' && t->what <= '5' && chunks) {
        t->code = (const char *[]){"9901", "9902", "9903", "9904", "9905"}[t->what - '1'];
    } else if (c->held.len == 0 || c->received || (t->what == '8' && chunks)) {
        t->code = "9803";
    } else if (chunks) {
        give_chunk(t);
    } else {
        give_whole(t);
    }
}

/* ---- every order ---- */

static void control_fill(struct turn *t)
{
    const struct osci_message *m = &t->order->msg;
    struct osci_controlblock *control = &t->answer.control;

    *control = (struct osci_controlblock){.response = m->control.challenge,
                                          .conversation_id = SPAN("4711")};
    if (m->type != OSCI_EXIT_DIALOG)
        control->challenge = SPAN("MDEyMzQ1Njc4OQ==");
    if (m->type != OSCI_INIT_DIALOG) {
        control->has_sequence = true;
        control->sequence = m->control.sequence;
    }
}

static void decide(struct turn *t)
{
    struct helper_chunks *c = t->c;
    const struct osci_message *m = &t->order->msg;

    t->code = m->type == OSCI_EXIT_DIALOG ? "0800" : "0801";
    c->received |= c->seen && m->type != OSCI_INIT_DIALOG;
    c->seen = false;
    switch (m->type) {
    case OSCI_INIT_DIALOG:
        cert_free(c->client);
        c->client = cert_ref(osci_cert_of(m, OSCI_CIPHER_ORIGINATOR)->cert);
        break;
    case OSCI_GET_MESSAGE_ID:
        t->answer.message_id = span_str(text_of(t, "id-%u", ++c->ids));
        break;
    case OSCI_STORE_DELIVERY:
        c->wholes++;
        id_set(c, m->message_id);
        c->done = true;
        card_add(t, plain_id(c));
        break;
    case OSCI_PARTIAL_STORE_DELIVERY:
        store_chunk(t);
        break;
    case OSCI_FETCH_PROCESS_CARD:
        if (c->done && c->inside == 0 && c->working == 0 && m->selection.id_count == 1 &&
            span_eq(m->selection.ids[0], plain_id(c)))
            card_add(t, plain_id(c));
        else
            t->code = "9804";
        break;
    case OSCI_FETCH_DELIVERY:
    case OSCI_PARTIAL_FETCH_DELIVERY:
        fetch(t, m->type == OSCI_PARTIAL_FETCH_DELIVERY);
        break;
    default:
        break;
    }
}

static void features_fill(const struct helper_chunks *c, struct osci_features *f)
{
    *f = (struct osci_features){.present = true,
                                .min_chunk_kb = c->min_kb,
                                .max_chunk_kb = c->max_kb,
                                .max_message_kb = c->message_kb};
    f->keys[f->key_count++] = SPAN("GCMPaddingModus 1.7.0");
    if (!c->silent)
        f->keys[f->key_count++] = SPAN(OSCI_CHUNK_FEATURE);
}

static void turn_write(struct turn *t, struct buf *wire)
{
    struct helper_chunks *c = t->c;
    struct osci_message *a = &t->answer;
    const struct osci_write in = {.msg = a,
                                  .sign_key = c->im.identity->signature.key,
                                  .encrypt_for = c->client,
                                  .policy = &c->im.policy,
                                  .now = gw_now_ms(),
                                  .rng = rng_system()};
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    bool end = false;

    control_fill(t);
    OK(osci_feedback_make(&t->code, 1, SPAN("de en"), &t->arena, &a->feedback, &a->feedback_count,
                          &err));
    a->certs[a->cert_count++] = (struct osci_cert){.role = OSCI_SIGNATURE_INTERMEDIARY,
                                                   .cert = c->im.identity->signature.cert};
    features_fill(c, &a->features);
    OK(osci_message_write(&in, &writer, &err));
    while (!end)
        OK(osci_writer_next(writer, wire, &end, &err));
}

static bool is_chunk_order(enum osci_type type)
{
    return type == OSCI_PARTIAL_STORE_DELIVERY || type == OSCI_PARTIAL_FETCH_DELIVERY;
}

static void turn_run(struct turn *t)
{
    struct helper_chunks *c = t->c;
    AUTO(buf_deinit) struct buf wire = {0};

    buf_init(&wire, WIRE_MAX);
    t->what = '+';
    if (is_chunk_order(t->order->msg.type)) {
        c->orders++;
        t->what = *c->script == '\0' ? '+' : *c->script++;
    }
    if (t->what == 'X') {
        helper_vector("osci12/faults/fault-9000.mime", &wire);
        answer_bytes(t->req, buf_span(&wire));
        return;
    }
    if (t->what != 'N') {
        t->answer =
            (struct osci_message){.type = osci_answer_type(t->order->msg.type), .certs = t->certs};
        decide(t);
        turn_write(t, &wire);
    }
    if (t->what == 'N' || t->what == 'L')
        hang_up(t->req);
    else
        answer_bytes(t->req, buf_span(&wire));
}

static void on_complete(void *ctx, struct gw_http_request *req)
{
    struct turn t = {.c = ctx, .req = req};
    AUTO(buf_deinit) struct buf plain = {0};
    AUTO(osci_reading_drop) struct osci_reading *order = NULL;
    struct osci_transport transport = {0};
    struct source_span source;
    struct sink_buf sink;

    buf_init(&plain, WIRE_MAX);
    arena_init(&t.arena, WIRE_MAX);
    OK(osci_transport_open(gw_body_source(gw_http_request_body(req)), t.c->im.own, 2,
                           &t.c->im.policy, gw_now_ms(), NULL, sink_buf_init(&sink, &plain),
                           &transport, &err));
    OK(osci_message_read(source_span_init(&source, buf_span(&plain)), &t.c->im.policy, gw_now_ms(),
                         t.c->im.cache, NULL, &order, &err));
    OK(osci_message_verify(order, NULL, NULL, &err));
    t.order = order;
    pthread_mutex_lock(&t.c->lock);
    turn_run(&t);
    pthread_mutex_unlock(&t.c->lock);
    osci_reading_free(t.inner);
    buf_deinit(&t.package);
    arena_deinit(&t.arena);
}

static void on_stop(void *ctx)
{
    struct helper_chunks *c = ctx;

    gw_http_server_close(c->front, 100);
}

static void *loop_run(void *ctx)
{
    gw_loop_run(ctx);
    return NULL;
}

void helper_chunks_open(struct helper_chunks *c)
{
    struct gw_http_listen listen = {.host = "127.0.0.1",
                                    .limits = gw_http_limits_default(),
                                    .handler = {.on_complete = on_complete, .ctx = c}};

    *c = (struct helper_chunks){.script = ""};
    helper_dir_make(c->dir);
    listen.spool_dir = c->dir;
    pthread_mutex_init(&c->lock, NULL);
    im_fixture_init(&c->im);
    for (size_t i = 0; i < HELPER_CHUNKS_MAX; i++)
        buf_init(&c->chunks[i], WIRE_MAX);
    buf_init(&c->id, 1024);
    buf_init(&c->held, WIRE_MAX);
    OK(gw_loop_new(&c->loop, &err));
    OK(gw_http_server_new(c->loop, &listen, &c->front, &err));
    (void)snprintf(c->url, sizeof c->url, "http://127.0.0.1:%u/osci",
                   gw_http_server_port(c->front));
    gw_loop_on_stop(c->loop, on_stop, c);
    assert_int_equal(pthread_create(&c->thread, NULL, loop_run, c->loop), 0);
}

void helper_chunks_close(struct helper_chunks *c)
{
    gw_loop_stop(c->loop);
    assert_int_equal(pthread_join(c->thread, NULL), 0);
    gw_loop_free(c->loop);
    for (size_t i = 0; i < HELPER_CHUNKS_MAX; i++)
        buf_deinit(&c->chunks[i]);
    buf_deinit(&c->id);
    buf_deinit(&c->held);
    cert_free(c->client);
    im_fixture_deinit(&c->im);
    pthread_mutex_destroy(&c->lock);
    helper_dir_remove(c->dir);
}

/* Unsigned, as its inner message; its ControlBlock belongs to no dialog. */
void helper_chunks_hold(struct helper_chunks *c)
{
    struct turn t = {.c = c};
    const char *code = "0801";
    AUTO(buf_deinit) struct buf whole = {0};
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;
    const struct osci_write in = {
        .msg = &t.answer, .policy = &c->im.policy, .now = gw_now_ms(), .rng = rng_system()};
    bool end = false;

    arena_init(&t.arena, WIRE_MAX);
    together(c, &whole);
    OK(osci_message_read(source_span_init(&t.whole, buf_span(&whole)), &c->im.policy, gw_now_ms(),
                         c->im.cache, NULL, &t.inner, &err));
    t.order = t.inner;
    delivery_pass(&t);
    card_add(&t, plain_id(c));
    t.card.forwarding.text = WHEN;
    control_fill(&t);
    OK(osci_feedback_make(&code, 1, SPAN("de"), &t.arena, &t.answer.feedback,
                          &t.answer.feedback_count, &err));
    t.certs[t.answer.cert_count++] = (struct osci_cert){.role = OSCI_SIGNATURE_INTERMEDIARY,
                                                        .cert = c->im.identity->signature.cert};
    OK(osci_message_write(&in, &writer, &err));
    while (!end)
        OK(osci_writer_next(writer, &c->held, &end, &err));
    osci_reading_free(t.inner);
    buf_deinit(&t.package);
    arena_deinit(&t.arena);
}

void helper_chunks_script(struct helper_chunks *c, const char *script)
{
    pthread_mutex_lock(&c->lock);
    c->script = script;
    c->orders = c->infos = 0;
    pthread_mutex_unlock(&c->lock);
}
