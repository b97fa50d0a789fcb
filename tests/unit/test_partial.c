/*
 * Deliveries in chunks through an intermediary with a store: what comes in which order, twice,
 * over several dialogs, after a restart; and on the way out the same octets every time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_osci.h"
#include "tests/unit/helper_partial.h"

#include <stdio.h>

/* One test: what it did and what it got. */
struct run {
    struct partial p;
    struct buf out; /* what happened, one word for each step */
    struct buf fetched;
    uint64_t total;
    struct osci_chunk_set got;
    struct arena arena;
};

static void run_init(struct run *r)
{
    *r = (struct run){0};
    partial_init(&r->p, NULL);
    buf_init(&r->out, 64 * 1024);
    buf_init(&r->fetched, PARTIAL_INNER_MAX);
    arena_init(&r->arena, 1024 * 1024);
}

static void run_deinit(struct run *r)
{
    partial_deinit(&r->p);
    buf_deinit(&r->out);
    buf_deinit(&r->fetched);
    arena_deinit(&r->arena);
}

/* ---- partialStoreDelivery ---- */

static void codes_note(struct run *t, const struct osci_feedback *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !span_eq(list[i].code, list[i - 1].code))
            buf_printf(&t->out, "%s%.*s", i == 0 ? "" : "+", SPAN_FMT(list[i].code));
}

/* "{0800}3950+0801(1 2)" and, for a card, its times: "C" */
static void answer_note(struct run *t, const struct im_reply *r)
{
    const struct osci_message *m;

    buf_str(&t->out, t->out.len == 0 ? "" : " ");
    if (r->fault != 0) {
        buf_printf(&t->out, "!%d", r->fault);
        return;
    }
    m = &r->reading->msg;
    if (m->inside_feedback_count > 0) {
        buf_char(&t->out, '{');
        codes_note(t, m->inside_feedback, m->inside_feedback_count);
        buf_char(&t->out, '}');
    }
    codes_note(t, m->feedback, m->feedback_count);
    if (m->type == OSCI_RSP_PARTIAL_STORE_DELIVERY)
        buf_printf(&t->out, "(%.*s)", SPAN_FMT(m->chunk.received));
    if (m->card_count == 1) {
        assert_true(span_is(m->cards[0].message_id, PARTIAL_ID));
        assert_true(span_is(m->cards[0].subject, "Betreff"));
        buf_char(&t->out, 'C');
    }
    assert_true(m->features.present);
    assert_int_equal(m->features.max_chunk_kb, t->p.f.im.chunks.max_kb);
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
        m->message_id = SPAN(PARTIAL_ID);
        break;
    case 'U':
        m->message_id = SPAN("dep_unknown_Partial");
        break;
    case 'F':
        m->message_id = SPAN("dep_5_Partial");
        break;
    case 'E':
        m->package = SPAN("<osci:ContentContainer Id=\"x\"></osci:ContentContainer>");
        break;
    default:
        break;
    }
}

static void chunk_send(struct run *t, uint64_t number, char change)
{
    struct im_client *c = &t->p.client;
    struct osci_message m;
    struct osci_chunk chunk;
    struct im_reply r;

    partial_order(&t->p, PARTIAL_ID OSCI_CHUNK_ID_SUFFIX, change == 'i' ? 0 : number, &chunk, &m);
    order_change(&m, change);
    im_send(c, &m, &r);
    answer_note(t, &r);
    im_reply_deinit(&r);
}

static void another_client(struct run *t)
{
    struct im_client mine = t->p.client;

    im_client_init(&t->p.client, &t->p.f, "author");
    chunk_send(t, 1, 'x');
    t->p.client = mine;
}

/* Somebody who names our client's cipher certificate, with a signature of his own or none. */
static void impostor(struct run *t, bool unsign)
{
    struct im_client mine = t->p.client;
    struct osci_message m;
    struct osci_chunk chunk;
    struct im_reply r;

    im_client_init(&t->p.client, &t->p.f, "author");
    t->p.client.plain = true; /* the answer would be for our client's key */
    t->p.client.unsign = unsign;
    t->p.f.im.require_signature = !unsign;
    partial_order(&t->p, PARTIAL_ID OSCI_CHUNK_ID_SUFFIX, 2, &chunk, &m);
    t->p.client.certs[0].cert = im_cert(&t->p.f, "originator-cipher-2048");
    im_send(&t->p.client, &m, &r);
    answer_note(t, &r);
    im_reply_deinit(&r);
    t->p.client = mine;
}

/* Whoever has the id already leaves nothing for the inner message. */
static void id_use(struct run *t)
{
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    im_client_init(&c, &t->p.f, "originator");
    im_store_order(&c, &m, PARTIAL_ID, "addressee");
    im_send(&c, &m, &r);
    im_assert_code(&r, "0800");
    im_reply_deinit(&r);
}

/* n new dialog, q its end, R restart; false: another letter. */
static bool dialog_step(struct run *t, char c)
{
    if (c == 'n')
        im_dialog_open(&t->p.client);
    else if (c == 'q')
        im_dialog_close(&t->p.client);
    else if (c == 'R')
        partial_restart(&t->p);
    else
        return false;
    return true;
}

static void store_step(struct run *t, char c)
{
    if (dialog_step(t, c))
        return;
    switch (c) {
    case 'a':
        t->p.f.processing = IM_AT_ONCE;
        break;
    case 'w':
        t->p.f.processing = IM_TOO_SLOW;
        break;
    case 'l':
        t->p.f.processing = IM_LATER;
        break;
    case 'x':
        another_client(t);
        break;
    case 'u':
        id_use(t);
        break;
    case 'X':
    case 'V':
        impostor(t, c == 'V');
        break;
    case 'o': /* the inner message is another's */
        partial_inner(&t->p, "dep_other");
        break;
    case 'g': /* or none */
        memset(t->p.inner.ptr, 'x', 40);
        break;
    default:
        chunk_send(t, c >= '1' && c <= '4' ? (uint64_t)(c - '0') : 1, c);
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
    {"a stranger's under our cipher certificate", "1Xi", "0800(1) 9801(-1) 0800(1)"},
    {"nobody's in a transfer that was begun signed", "1Vi", "0800(1) 9801(-1) 0800(1)"},
    {"the id used meanwhile", "n123u4i",
     "0801(1) 0801(1 2) 0801(1 2 3) {9801}9950(1 2 3 4) {9801}9950(1 2 3 4)"},
    {"another message inside", "on1234", "0801(1) 0801(1 2) 0801(1 2 3) {9905}9950(1 2 3 4)"},
    {"no message inside", "gn1234", "0801(1) 0801(1 2) 0801(1 2 3) {9100}9950(1 2 3 4)"},
};

static void store(void **state)
{
    const struct store_row *row = *state;
    AUTO(run_deinit) struct run t = {0};
    bool done, refused;

    run_init(&t);
    assert_int_equal(osci_chunk_count(t.p.inner.len, PARTIAL_KB), 4);
    for (const char *c = row->script; *c != '\0'; c++)
        store_step(&t, *c);
    assert_string_equal(buf_cstr(&t.out), row->answers);
    done = strstr(row->answers, "{0800}") != NULL;
    refused = strstr(row->answers, "{9") != NULL;
    assert_int_equal(partial_deliveries(&t.p), done || strchr(row->script, 'u') != NULL);
    if (done) /* package and attachment; the chunks are gone */
        assert_int_equal(helper_file_count(&t.p.store, "payload"), 2);
    if (refused && strchr(row->script, 'u') == NULL)
        assert_int_equal(helper_file_count(&t.p.store, "payload"), 0);
}

/* ---- bounds of a client ---- */

static void bounds(void **state)
{
    static const char *const ids[] = {"dep_1", "dep_2", "dep_3", "dep_4"};
    AUTO(run_deinit) struct run t = {0};

    (void)state;
    run_init(&t);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct osci_message m;
        struct osci_chunk chunk;
        struct im_reply r;

        partial_issue(&t.p, ids[i]);
        partial_order(&t.p, ids[i], 1, &chunk, &m);
        if (i == 1) { /* it would be too much with the first */
            t.p.transfers.client_kb_max = 20;
            m.chunk.total_size_kb = 14;
        } else {
            t.p.transfers.client_kb_max = 200;
        }
        im_send(&t.p.client, &m, &r);
        answer_note(&t, &r);
        im_reply_deinit(&r);
    }
    t.p.transfers.client_max = 2;
    chunk_send(&t, 1, '1');
    t.p.transfers.tenant = t.p.mailbox.tenant = "b"; /* where nothing is open */
    partial_issue(&t.p, "dep_5");
    chunk_send(&t, 1, 'F');
    assert_string_equal(buf_cstr(&t.out), "0800(1) 9904(-1) 0800(1) 0800(1) 9811(-1) 0800(1)");
}

/* ---- partialFetchDelivery ---- */

static void delivery_make(struct run *t)
{
    store_step(t, 'n');
    for (char c = '1'; c <= '4'; c++)
        store_step(t, c);
    store_step(t, 'q');
    buf_reset(&t->out);
    im_client_init(&t->p.client, &t->p.f, "addressee");
}

/* The chunk as it came: twice the same, and in its place. */
static void fetched_keep(struct run *t, const struct im_reply *r)
{
    const struct osci_message *m = &r->reading->msg;
    AUTO(buf_deinit) struct buf octets = {.max = PARTIAL_INNER_MAX};
    struct sink_buf sink;
    size_t which, offset = (size_t)(m->chunk.number - 1) * PARTIAL_KB * 1024;
    struct error err = {0};

    helper_ok(osci_chunk_find(r->reading, &which, &err), &err);
    helper_ok(osci_attachment_copy(r->reading, which, sink_buf_init(&sink, &octets), &err), &err);
    if (t->total == 0) {
        t->total = m->chunk.total;
        helper_ok(osci_chunk_set_init(&t->got, t->total, &t->arena, &err), &err);
        assert_non_null(buf_grow(&t->fetched, (size_t)t->total * PARTIAL_KB * 1024));
    }
    assert_int_equal(m->chunk.total, t->total);
    assert_true(span_is(m->message_id, PARTIAL_ID));
    if (!osci_chunk_set_add(&t->got, m->chunk.number))
        assert_memory_equal(t->fetched.ptr + offset, octets.ptr, octets.len);
    memcpy(t->fetched.ptr + offset, octets.ptr, octets.len);
    if (m->chunk.number == t->total)
        t->fetched.len = offset + octets.len;
}

static void fetch_send(struct run *t, uint64_t number, uint64_t size_kb, bool by_id)
{
    struct im_client *c = &t->p.client;
    struct osci_message m;
    struct im_reply r;
    struct span id = SPAN(PARTIAL_ID);
    AUTO(buf_deinit) struct buf received = {.max = 4096};

    im_order(c, OSCI_PARTIAL_FETCH_DELIVERY, &m);
    m.features.present = true;
    if (by_id)
        m.selection = (struct osci_selection){.by = OSCI_SELECT_IDS, .ids = &id, .id_count = 1};
    osci_chunk_set_write(&t->got, &received);
    m.chunk = (struct osci_chunk_info){
        .present = true, .number = number, .size_kb = size_kb, .received = buf_span(&received)};
    im_send(c, &m, &r);
    answer_note(t, &r);
    if (r.fault == 0 && r.reading->msg.has_package) {
        buf_char(&t->out, r.reading->msg.type == OSCI_RSP_FETCH_DELIVERY ? 'W' : 'K');
        if (r.reading->msg.type == OSCI_RSP_PARTIAL_FETCH_DELIVERY)
            fetched_keep(t, &r);
    }
    im_reply_deinit(&r);
}

static bool is_received(struct run *t)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(buf_deinit) struct buf id = {.max = 256};
    struct gw_delivery_row row;
    struct error err = {0};

    buf_base64(&id, SPAN(PARTIAL_ID), 0);
    helper_ok(gw_store_read(t->p.store.store, &tx, &err), &err);
    helper_ok(gw_store_delivery(tx, &arena, buf_cstr(&id), &row, &err), &err);
    return row.reception != 0;
}

static void fetch_step(struct run *t, char c)
{
    if (dialog_step(t, c))
        return;
    switch (c) {
    case 'p':
        t->p.client.plain = true;
        break;
    case 't': /* time goes by: a stamp made anew would differ */
        t->p.f.now += 5000;
        break;
    case 'a': /* any delivery, not by id */
        fetch_send(t, 1, PARTIAL_KB, false);
        break;
    case 'L':
        fetch_send(t, 1, 9, true);
        break;
    case 'S':
        fetch_send(t, 1, 1, true);
        break;
    case 'Z':
        fetch_send(t, 1, 0, true);
        break;
    case 'H': /* the chunk size is the client's choice, once more */
        t->p.f.im.chunks.max_kb = 100;
        fetch_send(t, 1, 100, true);
        t->p.f.im.chunks.max_kb = 8;
        break;
    case 'f': /* it forgets the last one */
        t->got.count--;
        t->got.bits[(t->total - 1) / 8] &= (uint8_t) ~(1U << ((t->total - 1) % 8));
        break;
    default:
        fetch_send(t, (uint64_t)(c - '0'), PARTIAL_KB, true);
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
    AUTO(run_deinit) struct run t = {0};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    AUTO(buf_deinit) struct buf octets = {.max = PARTIAL_INNER_MAX};
    struct source_span source;
    struct sink_buf sink;
    struct error err = {0};

    run_init(&t);
    delivery_make(&t);
    for (const char *c = row->script; *c != '\0'; c++)
        fetch_step(&t, *c);
    assert_string_equal(buf_cstr(&t.out), row->answers);
    assert_int_equal(is_received(&t), row->received);
    if (!row->whole)
        return;
    assert_true(osci_chunk_set_full(&t.got) || strchr(row->script, 'f') != NULL);
    helper_ok(osci_message_read(source_span_init(&source, buf_span(&t.fetched)), &t.p.f.policy,
                                IM_NOW, NULL, NULL, &reading, &err),
              &err);
    assert_int_equal(reading->msg.type, OSCI_RSP_FETCH_DELIVERY);
    helper_ok(osci_message_verify(reading, t.p.f.identity->signature.cert, NULL, &err), &err);
    assert_true(span_is(reading->msg.cards[0].message_id, PARTIAL_ID));
    assert_true(reading->msg.cards[0].forwarding.text.ptr != NULL);
    helper_ok(osci_attachment_copy(reading, 0, sink_buf_init(&sink, &octets), &err), &err);
    assert_true(span_eq(buf_span(&octets), span_of(t.p.octets, PARTIAL_OCTETS)));
}

static void nothing_waits(void **state)
{
    AUTO(run_deinit) struct run t = {0};

    (void)state;
    run_init(&t);
    im_client_init(&t.p.client, &t.p.f, "addressee");
    fetch_step(&t, 'n');
    fetch_step(&t, '1');
    fetch_step(&t, 'a');
    assert_string_equal(buf_cstr(&t.out), "9803 9803");
}

/* ---- what is too old ---- */

static enum status retain(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_store_transfers_retain(tx, ctx, err);
}

static void too_old(void **state)
{
    AUTO(run_deinit) struct run t = {0};
    struct gw_transfer_retention r = {.changed_before = IM_NOW, .used_before = IM_NOW};
    struct error err = {0};

    (void)state;
    run_init(&t);
    store_step(&t, 'n');
    store_step(&t, '1');
    helper_ok(gw_store_commit(t.p.store.store, retain, &r, &err), &err);
    assert_int_equal(r.transfers, 0);
    r.changed_before = IM_NOW + 1;
    helper_ok(gw_store_commit(t.p.store.store, retain, &r, &err), &err);
    assert_int_equal(r.transfers, 1);
    assert_int_equal(r.unfinished, 1);
    assert_int_equal(helper_file_count(&t.p.store, "payload"), 0);
    store_step(&t, 'q');
    delivery_make(&t);
    fetch_step(&t, 'n');
    fetch_step(&t, '1');
    assert_int_equal(helper_file_count(&t.p.store, "payload"), 3); /* and the frame */
    r.used_before = IM_NOW + 1;
    helper_ok(gw_store_commit(t.p.store.store, retain, &r, &err), &err);
    assert_int_equal(r.transfers, 1);
    assert_int_equal(r.unfinished, 0);
    assert_int_equal(r.frames, 1);
    assert_int_equal(helper_file_count(&t.p.store, "payload"), 2);
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
