/*
 * Deliveries in chunks through an intermediary with a store: what comes in which order, twice,
 * over several dialogs, after a restart; and on the way out the same octets every time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/mailbox.h"
#include "gateway/transfers.h"
#include "osci/chunk.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_intermediary.h"
#include "tests/unit/helper_osci.h"
#include "tests/unit/helper_store.h"

#include <stdio.h>

enum { OCTETS = 3000, INNER_MAX = 1024 * 1024, SIZE_KB = 4 };
#define ID "dep_chunked"

struct partial {
    struct im_fixture f;
    struct helper_store store;
    struct gw_mailbox mailbox;
    struct gw_ids_open ids;
    struct gw_transfers transfers;
    struct im_client client;
    struct buf inner;
    struct source_span source;
    uint8_t octets[OCTETS];
    struct buf out; /* what happened, one word for each step */
    struct buf fetched;
    uint64_t total;
    struct osci_chunk_set got;
    struct arena arena;
};

static void connect(struct partial *p)
{
    const struct gw_mailbox mailbox = {
        .store = p->store.store, .rng = rng_system(), .ids = &p->ids};
    const struct gw_transfers transfers = {
        .store = p->store.store, .rng = rng_system(), .client_max = 3, .client_kb_max = 200};

    p->ids.max = 100;
    p->f.im.mailbox = gw_mailbox_init(&p->mailbox, &mailbox);
    p->f.im.transfers = gw_transfers_init(&p->transfers, &transfers);
    p->f.im.chunks =
        (struct osci_chunk_limits){.min_kb = 2, .max_kb = 8, .message_kb = 100, .timeout_s = 60};
}

static void issue(struct partial *p, const char *id)
{
    struct error err = {0};

    helper_ok(p->f.im.mailbox->id_issue(p->f.im.mailbox, span_str(id),
                                        im_cert(&p->f, "originator-cipher-2048"), IM_NOW, &err),
              &err);
}

/* The inner storeDelivery of that id: unsigned, in no dialog. */
static void inner_make(struct partial *p, const char *id, const char *to)
{
    static const struct span more = SPAN("Betreff");
    struct im_client c;
    struct osci_message m;

    im_client_init(&c, &p->f, "originator");
    c.plain = c.unsign = true;
    im_store_order(&c, &m, id, to);
    m.subject = more;
    c.attachment.len = OCTETS;
    c.attachment.body = source_span_init(&c.body, span_of(p->octets, OCTETS));
    buf_reset(&p->inner);
    im_write(&c, &m, &p->inner);
    (void)source_span_init(&p->source, buf_span(&p->inner));
}

static void partial_init(struct partial *p)
{
    *p = (struct partial){0};
    im_fixture_init(&p->f);
    helper_dir_make(p->store.dir);
    helper_store_open(&p->store, false);
    buf_init(&p->inner, INNER_MAX);
    buf_init(&p->out, 64 * 1024);
    buf_init(&p->fetched, INNER_MAX);
    arena_init(&p->arena, 1024 * 1024);
    for (size_t i = 0; i < OCTETS; i++)
        p->octets[i] = (uint8_t)(i * 7 + i / 256);
    connect(p);
    issue(p, ID);
    inner_make(p, ID, "addressee");
    im_client_init(&p->client, &p->f, "originator");
}

static void partial_deinit(struct partial *p)
{
    helper_store_close(&p->store);
    helper_dir_remove(p->store.dir);
    im_fixture_deinit(&p->f);
    buf_deinit(&p->inner);
    buf_deinit(&p->out);
    buf_deinit(&p->fetched);
    arena_deinit(&p->arena);
}

/* The process ends and another begins: dialogs are gone, the store is not. */
static void restart(struct partial *p)
{
    const struct osci_sessions_conf conf = {.max = 64, .client_max = 8};
    struct error err = {0};

    helper_store_reopen(&p->store);
    connect(p);
    osci_sessions_drop(&p->f.sessions);
    helper_ok(osci_sessions_new(&conf, &p->f.sessions, &err), &err);
    p->f.im.sessions = p->f.sessions;
    im_client_init(&p->client, &p->f, p->client.who);
}

/* ---- partialStoreDelivery ---- */

static void codes_note(struct partial *p, const struct osci_feedback *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !span_eq(list[i].code, list[i - 1].code))
            buf_printf(&p->out, "%s%.*s", i == 0 ? "" : "+", SPAN_FMT(list[i].code));
}

/* "{0800}3950+0801(1 2)" and, for a card, its times: "C" */
static void answer_note(struct partial *p, const struct im_reply *r)
{
    const struct osci_message *m;

    buf_str(&p->out, p->out.len == 0 ? "" : " ");
    if (r->fault != 0) {
        buf_printf(&p->out, "!%d", r->fault);
        return;
    }
    m = &r->reading->msg;
    if (m->inside_feedback_count > 0) {
        buf_char(&p->out, '{');
        codes_note(p, m->inside_feedback, m->inside_feedback_count);
        buf_char(&p->out, '}');
    }
    codes_note(p, m->feedback, m->feedback_count);
    if (m->type == OSCI_RSP_PARTIAL_STORE_DELIVERY)
        buf_printf(&p->out, "(%.*s)", SPAN_FMT(m->chunk.received));
    if (m->card_count == 1) {
        assert_true(span_is(m->cards[0].message_id, ID));
        assert_true(span_is(m->cards[0].subject, "Betreff"));
        buf_char(&p->out, 'C');
    }
    assert_true(m->features.present);
    assert_int_equal(m->features.max_chunk_kb, p->f.im.chunks.max_kb);
    assert_int_equal(m->features.chunk_timeout, 60);
}

/* What a letter changes of an otherwise good order. */
static void order_change(struct osci_message *m, char c)
{
    switch (c) {
    case '0':
        m->chunk.number = 0;
        break;
    case '9':
        m->chunk.number = 9;
        break;
    case 'L':
        m->chunk.size_kb = 9;
        break;
    case 'S':
        m->chunk.size_kb = 1;
        break;
    case 'B':
        m->chunk.total_size_kb = 101;
        m->chunk.total = 26;
        break;
    case 'T':
        m->chunk.total = 40;
        break;
    case 'Z':
        m->chunk.total = 0;
        break;
    case 'D': /* good in itself, but not what the first chunk said */
        m->chunk.total_size_kb++;
        break;
    case 'P':
        m->message_id = SPAN(ID);
        break;
    case 'U':
        m->message_id = SPAN("dep_unknown_Partial");
        break;
    case 'E':
        m->package = SPAN("<osci:ContentContainer Id=\"x\"></osci:ContentContainer>");
        break;
    default:
        break;
    }
}

static void chunk_send(struct partial *p, uint64_t number, char change)
{
    struct im_client *c = &p->client;
    struct osci_message m;
    struct osci_chunk chunk;
    struct im_reply r;
    struct error err = {0};

    im_order(c, OSCI_PARTIAL_STORE_DELIVERY, &m);
    m.creation = OSCI_QUALITY_PLAIN;
    m.message_id = SPAN(ID OSCI_CHUNK_ID_SUFFIX);
    m.features.present = true;
    c->certs[m.cert_count++] = (struct osci_cert){.role = OSCI_CIPHER_ADDRESSEE,
                                                  .cert = im_cert(&p->f, "addressee-cipher-2048")};
    if (change == 'i')
        osci_chunk_none(&m);
    else
        helper_ok(osci_chunk_cut(&p->source.base, SIZE_KB, number, &chunk, &m, &err), &err);
    order_change(&m, change);
    im_send(c, &m, &r);
    answer_note(p, &r);
    im_reply_deinit(&r);
}

static void another_client(struct partial *p)
{
    struct im_client mine = p->client;

    im_client_init(&p->client, &p->f, "author");
    chunk_send(p, 1, 'x');
    p->client = mine;
}

/* Whoever has the id already leaves nothing for the inner message. */
static void id_use(struct partial *p)
{
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    im_client_init(&c, &p->f, "originator");
    im_store_order(&c, &m, ID, "addressee");
    im_send(&c, &m, &r);
    im_assert_code(&r, "0800");
    im_reply_deinit(&r);
}

static void store_step(struct partial *p, char c)
{
    switch (c) {
    case 'n':
        im_dialog_open(&p->client);
        break;
    case 'q':
        im_dialog_close(&p->client);
        break;
    case 'R':
        restart(p);
        break;
    case 'a':
        p->f.processing = IM_AT_ONCE;
        break;
    case 'w':
        p->f.processing = IM_TOO_SLOW;
        break;
    case 'l':
        p->f.processing = IM_LATER;
        break;
    case 'x':
        another_client(p);
        break;
    case 'u':
        id_use(p);
        break;
    case 'o': /* the inner message is another's */
        inner_make(p, "dep_other", "addressee");
        break;
    case 'g': /* or none */
        memset(p->inner.ptr, 'x', 40);
        break;
    default:
        chunk_send(p, c >= '1' && c <= '4' ? (uint64_t)(c - '0') : 1, c);
        break;
    }
}

/*
 * 1 to 4: that chunk; i InfoOnly; n new dialog, q its end; R restart; a w l: the inner message is
 * carried out at once, too late for the answer, not yet; the others as above.
 */
static struct store_row {
    const char *name, *script, *answers;
} store_rows[] = {
    {"in order", "n1234q", "0801(1) 0801(1 2) 0801(1 2 3) {0800}3950+0801(1 2 3 4)C"},
    {"backwards", "n4321q", "0801(4) 0801(3 4) 0801(2 3 4) {0800}3950+0801(1 2 3 4)C"},
    {"each on its own", "1234", "0800(1) 0800(1 2) 0800(1 2 3) {0800}3950+0800(1 2 3 4)C"},
    {"with the plain id", "nP23", "0801(1) 0801(1 2) 0801(1 2 3)"},
    {"asked before the first", "niq", "0801(-1)"},
    {"asked in between", "n1i3iq", "0801(1) 0801(1) 0801(1 3) 0801(1 3)"},
    {"asked afterwards", "n1234i",
     "0801(1) 0801(1 2) 0801(1 2 3) {0800}3950+0801(1 2 3 4)C {0800}3950+0801(1 2 3 4)C"},
    {"repeated", "n1122", "0801(1) 9900(1) 0801(1 2) 9900(1 2)"},
    {"the last repeated", "n12344",
     "0801(1) 0801(1 2) 0801(1 2 3) {0800}3950+0801(1 2 3 4)C {0800}3950+9900(1 2 3 4)C"},
    {"over three dialogs and a restart", "n1qn4RniR23",
     "0801(1) 0801(1 4) 0801(1 4) 0800(1 2 4) {0800}3950+0800(1 2 3 4)C"},
    {"too slow, then done", "wn1234i",
     "0801(1) 0801(1 2) 0801(1 2 3) 3951+0801(1 2 3 4) {0800}3950+0801(1 2 3 4)C"},
    {"too slow, asked too early", "ln1234iaii",
     "0801(1) 0801(1 2) 0801(1 2 3) 3951+0801(1 2 3 4) 3952+0801(1 2 3 4) "
     "{0800}3950+0801(1 2 3 4)C {0800}3950+0801(1 2 3 4)C"},
    {"stopped before it was carried out", "ln1234Rai",
     "0801(1) 0801(1 2) 0801(1 2 3) 3951+0801(1 2 3 4) {0800}3950+0800(1 2 3 4)C"},
    {"stopped before the last answer arrived", "n1234R4",
     "0801(1) 0801(1 2) 0801(1 2 3) {0800}3950+0801(1 2 3 4)C {0800}3950+9900(1 2 3 4)C"},
    {"chunk 0", "n0", "9901(-1)"},
    {"beyond the last", "n19", "0801(1) 9901(1)"},
    {"too large", "nL", "9902(-1)"},
    {"too small", "nS", "9903(-1)"},
    {"the message too large, with the first chunk", "nB", "9904(-1)"},
    {"numbers that do not fit", "nT", "9905(-1)"},
    {"no number of chunks", "nZ", "9905(-1)"},
    {"another size than at first", "n1D", "0801(1) 9905(1)"},
    {"no chunk in it", "nE", "9905(-1)"},
    {"an id that nobody issued", "nU", "9801(-1)"},
    {"an id that was used", "un1i", "9801(-1) 9801(-1)"},
    {"a stranger's", "1xi", "0800(1) 9801(-1) 0800(1)"},
    {"the id used meanwhile", "n123u4i",
     "0801(1) 0801(1 2) 0801(1 2 3) {9801}9950(1 2 3 4) {9801}9950(1 2 3 4)"},
    {"another message inside", "on1234", "0801(1) 0801(1 2) 0801(1 2 3) {9905}9950(1 2 3 4)"},
    {"no message inside", "gn1234", "0801(1) 0801(1 2) 0801(1 2 3) {9100}9950(1 2 3 4)"},
};

static size_t deliveries(struct partial *p)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_mailbox_list list;
    struct error err = {0};

    helper_ok(gw_store_read(p->store.store, &tx, &err), &err);
    helper_ok(gw_store_mailboxes(tx, &arena, &list, &err), &err);
    return list.count == 0 ? 0 : (size_t)list.rows[0].total;
}

static void store(void **state)
{
    const struct store_row *row = *state;
    AUTO(partial_deinit) struct partial p = {0};
    bool done, refused;

    partial_init(&p);
    assert_int_equal(osci_chunk_count(p.inner.len, SIZE_KB), 4);
    for (const char *c = row->script; *c != '\0'; c++)
        store_step(&p, *c);
    assert_string_equal(buf_cstr(&p.out), row->answers);
    done = strstr(row->answers, "{0800}") != NULL;
    refused = strstr(row->answers, "{9") != NULL;
    assert_int_equal(deliveries(&p), done || strchr(row->script, 'u') != NULL);
    if (done) /* package and attachment; the chunks are gone */
        assert_int_equal(helper_file_count(&p.store, "payload"), 2);
    if (refused && strchr(row->script, 'u') == NULL)
        assert_int_equal(helper_file_count(&p.store, "payload"), 0);
}

/* ---- bounds of a client ---- */

static void bounds(void **state)
{
    static const char *const ids[] = {"dep_1", "dep_2", "dep_3", "dep_4"};
    AUTO(partial_deinit) struct partial p = {0};

    (void)state;
    partial_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct osci_message m;
        struct osci_chunk chunk;
        struct im_reply r;
        struct error err = {0};

        issue(&p, ids[i]);
        im_order(&p.client, OSCI_PARTIAL_STORE_DELIVERY, &m);
        m.creation = OSCI_QUALITY_PLAIN;
        m.message_id = span_str(ids[i]);
        m.features.present = true;
        p.client.certs[m.cert_count++] = (struct osci_cert){
            .role = OSCI_CIPHER_ADDRESSEE, .cert = im_cert(&p.f, "addressee-cipher-2048")};
        helper_ok(osci_chunk_cut(&p.source.base, SIZE_KB, 1, &chunk, &m, &err), &err);
        if (i == 1) { /* it would be too much with the first */
            p.transfers.client_kb_max = 20;
            m.chunk.total_size_kb = 14;
        } else {
            p.transfers.client_kb_max = 200;
        }
        im_send(&p.client, &m, &r);
        answer_note(&p, &r);
        im_reply_deinit(&r);
    }
    p.transfers.client_max = 2;
    chunk_send(&p, 1, '1');
    assert_string_equal(buf_cstr(&p.out), "0800(1) 9904(-1) 0800(1) 0800(1) 9811(-1)");
}

/* ---- partialFetchDelivery ---- */

static void delivery_make(struct partial *p)
{
    store_step(p, 'n');
    for (char c = '1'; c <= '4'; c++)
        store_step(p, c);
    store_step(p, 'q');
    buf_reset(&p->out);
    im_client_init(&p->client, &p->f, "addressee");
}

/* The chunk as it came: twice the same, and in its place. */
static void fetched_keep(struct partial *p, const struct im_reply *r)
{
    const struct osci_message *m = &r->reading->msg;
    AUTO(buf_deinit) struct buf octets = {.max = INNER_MAX};
    struct sink_buf sink;
    size_t which, offset = (size_t)(m->chunk.number - 1) * SIZE_KB * 1024;
    struct error err = {0};

    helper_ok(osci_chunk_find(r->reading, &which, &err), &err);
    helper_ok(osci_attachment_copy(r->reading, which, sink_buf_init(&sink, &octets), &err), &err);
    if (p->total == 0) {
        p->total = m->chunk.total;
        helper_ok(osci_chunk_set_init(&p->got, p->total, &p->arena, &err), &err);
        assert_non_null(buf_grow(&p->fetched, (size_t)p->total * SIZE_KB * 1024));
    }
    assert_int_equal(m->chunk.total, p->total);
    assert_true(span_is(m->message_id, ID));
    if (!osci_chunk_set_add(&p->got, m->chunk.number))
        assert_memory_equal(p->fetched.ptr + offset, octets.ptr, octets.len);
    memcpy(p->fetched.ptr + offset, octets.ptr, octets.len);
    if (m->chunk.number == p->total)
        p->fetched.len = offset + octets.len;
}

static void fetch_send(struct partial *p, uint64_t number, uint64_t size_kb, bool by_id)
{
    struct im_client *c = &p->client;
    struct osci_message m;
    struct im_reply r;
    struct span id = SPAN(ID);
    AUTO(buf_deinit) struct buf received = {.max = 4096};

    im_order(c, OSCI_PARTIAL_FETCH_DELIVERY, &m);
    m.features.present = true;
    if (by_id)
        m.selection = (struct osci_selection){.by = OSCI_SELECT_IDS, .ids = &id, .id_count = 1};
    osci_chunk_set_write(&p->got, &received);
    m.chunk = (struct osci_chunk_info){
        .present = true, .number = number, .size_kb = size_kb, .received = buf_span(&received)};
    im_send(c, &m, &r);
    answer_note(p, &r);
    if (r.fault == 0 && r.reading->msg.has_package) {
        buf_char(&p->out, r.reading->msg.type == OSCI_RSP_FETCH_DELIVERY ? 'W' : 'K');
        if (r.reading->msg.type == OSCI_RSP_PARTIAL_FETCH_DELIVERY)
            fetched_keep(p, &r);
    }
    im_reply_deinit(&r);
}

static bool is_received(struct partial *p)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(buf_deinit) struct buf id = {.max = 256};
    struct gw_delivery_row row;
    struct error err = {0};

    buf_base64(&id, SPAN(ID), 0);
    helper_ok(gw_store_read(p->store.store, &tx, &err), &err);
    helper_ok(gw_store_delivery(tx, &arena, buf_cstr(&id), &row, &err), &err);
    return row.reception != 0;
}

static void fetch_step(struct partial *p, char c)
{
    switch (c) {
    case 'n':
        im_dialog_open(&p->client);
        break;
    case 'q':
        im_dialog_close(&p->client);
        break;
    case 'R':
        restart(p);
        break;
    case 'p':
        p->client.plain = true;
        break;
    case 't': /* time goes by: a stamp made anew would differ */
        p->f.now += 5000;
        break;
    case 'a': /* any delivery, not by id */
        fetch_send(p, 1, SIZE_KB, false);
        break;
    case 'L':
        fetch_send(p, 1, 9, true);
        break;
    case 'S':
        fetch_send(p, 1, 1, true);
        break;
    case 'Z':
        fetch_send(p, 1, 0, true);
        break;
    case 'H': /* the chunk size is the client's choice, once more */
        p->f.im.chunks.max_kb = 100;
        fetch_send(p, 1, 100, true);
        p->f.im.chunks.max_kb = 8;
        break;
    case 'f': /* it forgets the last one */
        p->got.count--;
        p->got.bits[(p->total - 1) / 8] &= (uint8_t) ~(1U << ((p->total - 1) % 8));
        break;
    default:
        fetch_send(p, (uint64_t)(c - '0'), SIZE_KB, true);
        break;
    }
}

/* 1 to 9: that chunk; W in an answer: the whole delivery, K a chunk */
static struct fetch_row {
    const char *name, *script, *answers;
    bool whole, received;
} fetch_rows[] = {
    {"in order", "n12345q", "0801K 0801K 0801K 0801K 0801K", true, true},
    {"begun by any, backwards", "na5432q", "0801K 0801K 0801K 0801K 0801K", true, true},
    {"over dialogs and a restart", "n1tqn3tRn52t4q", "0801K 0801K 0801K 0801K 0801K", true, true},
    {"the same chunk later is the same", "n1t1tRnt1", "0801K 0801K 0801K", false, false},
    {"cut off before the last", "n1234q", "0801K 0801K 0801K 0801K", false, false},
    {"the last went out, and nobody came again", "n12345", "0801K 0801K 0801K 0801K 0801K", true,
     false},
    {"the last did not arrive, says who comes again", "n12345f5",
     "0801K 0801K 0801K 0801K 0801K 0801K", true, false},
    {"and then it did", "n12345f5q", "0801K 0801K 0801K 0801K 0801K 0801K", true, true},
    {"small enough for one", "nHq", "0801CW", false, true},
    {"outside of a dialog", "p1", "9802", false, false},
    {"chunk 0", "n0", "9901", false, false},
    {"beyond the last", "n19", "0801K 9901", false, false},
    {"too large", "nL", "9902", false, false},
    {"too small", "nS", "9903", false, false},
    {"no size", "nZ", "9905", false, false},
};

static void fetch(void **state)
{
    const struct fetch_row *row = *state;
    AUTO(partial_deinit) struct partial p = {0};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    AUTO(buf_deinit) struct buf octets = {.max = INNER_MAX};
    struct source_span source;
    struct sink_buf sink;
    struct error err = {0};

    partial_init(&p);
    delivery_make(&p);
    for (const char *c = row->script; *c != '\0'; c++)
        fetch_step(&p, *c);
    assert_string_equal(buf_cstr(&p.out), row->answers);
    assert_int_equal(is_received(&p), row->received);
    if (!row->whole)
        return;
    assert_true(osci_chunk_set_full(&p.got) || strchr(row->script, 'f') != NULL);
    helper_ok(osci_message_read(source_span_init(&source, buf_span(&p.fetched)), &p.f.policy,
                                IM_NOW, NULL, NULL, &reading, &err),
              &err);
    assert_int_equal(reading->msg.type, OSCI_RSP_FETCH_DELIVERY);
    helper_ok(osci_message_verify(reading, p.f.identity->signature.cert, NULL, &err), &err);
    assert_true(span_is(reading->msg.cards[0].message_id, ID));
    assert_true(reading->msg.cards[0].forwarding.text.ptr != NULL);
    helper_ok(osci_attachment_copy(reading, 0, sink_buf_init(&sink, &octets), &err), &err);
    assert_true(span_eq(buf_span(&octets), span_of(p.octets, OCTETS)));
}

static void nothing_waits(void **state)
{
    AUTO(partial_deinit) struct partial p = {0};

    (void)state;
    partial_init(&p);
    im_client_init(&p.client, &p.f, "addressee");
    fetch_step(&p, 'n');
    fetch_step(&p, '1');
    fetch_step(&p, 'a');
    assert_string_equal(buf_cstr(&p.out), "9803 9803");
}

/* ---- what is too old ---- */

static enum status retain(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_store_transfers_retain(tx, ctx, err);
}

static void too_old(void **state)
{
    AUTO(partial_deinit) struct partial p = {0};
    struct gw_transfer_retention r = {.changed_before = IM_NOW, .used_before = IM_NOW};
    struct error err = {0};

    (void)state;
    partial_init(&p);
    store_step(&p, 'n');
    store_step(&p, '1');
    helper_ok(gw_store_commit(p.store.store, retain, &r, &err), &err);
    assert_int_equal(r.transfers, 0);
    r.changed_before = IM_NOW + 1;
    helper_ok(gw_store_commit(p.store.store, retain, &r, &err), &err);
    assert_int_equal(r.transfers, 1);
    assert_int_equal(r.unfinished, 1);
    assert_int_equal(helper_file_count(&p.store, "payload"), 0);
    store_step(&p, 'q');
    delivery_make(&p);
    fetch_step(&p, 'n');
    fetch_step(&p, '1');
    assert_int_equal(helper_file_count(&p.store, "payload"), 3); /* and the frame */
    r.used_before = IM_NOW + 1;
    helper_ok(gw_store_commit(p.store.store, retain, &r, &err), &err);
    assert_int_equal(r.transfers, 1);
    assert_int_equal(r.unfinished, 0);
    assert_int_equal(r.frames, 1);
    assert_int_equal(helper_file_count(&p.store, "payload"), 2);
}

int main(void)
{
    struct CMUnitTest tests[128];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(store_rows); i++)
        tests[n++] = (struct CMUnitTest){store_rows[i].name, store, NULL, NULL, &store_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(fetch_rows); i++)
        tests[n++] = (struct CMUnitTest){fetch_rows[i].name, fetch, NULL, NULL, &fetch_rows[i]};
    tests[n++] = (struct CMUnitTest){"bounds of a client", bounds, NULL, NULL, NULL};
    tests[n++] = (struct CMUnitTest){"nothing waits", nothing_waits, NULL, NULL, NULL};
    tests[n++] = (struct CMUnitTest){"what is too old", too_old, NULL, NULL, NULL};
    return _cmocka_run_group_tests("partial", tests, n, helper_crypto_setup,
                                   helper_crypto_teardown);
}
