/* Whole exchanges against the intermediary, with our own client, over mailboxes in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "osci/package.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_intermediary.h"

static struct im_fixture *open_fixture(void **state)
{
    return *state;
}

/* ---- what the client reads ---- */

/* 7.7: he is answered as he describes himself, and never with less than GCM and OAEP. */
static void test_features_of_the_client(void **state)
{
    static const struct {
        const char *key;
        bool iv12, binary;
    } rows[] = {{NULL, true, true},
                {"DisableBase64", false, true},
                {"Support96Bit12ByteIV", true, false},
                {"Zukunft", false, false}};
    struct im_fixture *f = open_fixture(state);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct im_client a;
        struct osci_message m;
        struct im_reply r;

        im_client_init(&a, f, "originator");
        im_order(&a, OSCI_GET_MESSAGE_ID, &m);
        m.features = (struct osci_features){.present = rows[i].key != NULL, .key_count = 1};
        m.features.keys[0] = span_str(rows[i].key);
        im_send(&a, &m, &r);
        im_assert_code(&r, "0800");
        assert_int_equal(span_find(buf_span(&r.wire), SPAN("IvLength")) != SIZE_MAX, rows[i].iv12);
        assert_int_equal(span_find(buf_span(&r.wire), SPAN("text/base64")) == SIZE_MAX,
                         rows[i].binary);
        assert_true(span_find(buf_span(&r.wire), SPAN(ALG_AES256_GCM_URI)) != SIZE_MAX);
        assert_true(span_find(buf_span(&r.wire), SPAN(ALG_RSA_OAEP_URI)) != SIZE_MAX);
        im_reply_deinit(&r);
    }
}

/* ---- a whole life ---- */

static void test_explicit_life(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client a, b;
    struct osci_message m;
    struct im_reply r;
    char id[64];

    im_client_init(&a, f, "originator");
    im_client_init(&b, f, "addressee");
    im_dialog_open(&a);
    assert_int_equal(osci_sessions_count(f->sessions), 1);

    im_order(&a, OSCI_GET_MESSAGE_ID, &m);
    im_send(&a, &m, &r);
    im_assert_code(&r, "0801");
    im_text(r.reading->msg.message_id, id, sizeof id);
    assert_int_equal(strlen(id), 36);
    assert_true(r.reading->msg.features.present);
    im_reply_deinit(&r);

    im_store_order(&a, &m, id, "addressee");
    m.subject = SPAN("Bescheid & mehr");
    im_send(&a, &m, &r);
    im_assert_code(&r, "0801");
    assert_int_equal(r.reading->msg.card_count, 1);
    assert_true(span_is(r.reading->msg.cards[0].message_id, id));
    assert_true(span_is(r.reading->msg.cards[0].subject, "Bescheid & mehr"));
    assert_true(span_is(r.reading->msg.cards[0].creation.text, "2026-11-21T23:00:00.000Z"));
    assert_null(r.reading->msg.cards[0].forwarding.text.ptr);
    assert_int_equal(r.reading->msg.cards[0].inspection_count, 3);
    assert_int_equal(r.reading->msg.cards[0].inspections[0].math, OSCI_CHECK_GOOD);
    assert_int_equal(r.reading->msg.cards[0].inspections[0].offline, OSCI_CHECK_GOOD);
    im_reply_deinit(&r);
    im_dialog_close(&a);
    assert_int_equal(osci_sessions_count(f->sessions), 0);

    f->now += 1000;
    im_dialog_open(&b);
    im_order(&b, OSCI_FETCH_DELIVERY, &m);
    im_send(&b, &m, &r);
    im_assert_code(&r, "0801");
    assert_true(span_is(r.reading->msg.cards[0].forwarding.text, "2026-11-21T23:00:01.000Z"));
    assert_null(r.reading->msg.cards[0].reception.text.ptr);
    assert_int_equal(r.reading->msg.attachment_count, 1);
    assert_int_equal(r.reading->msg.attachments[0].len, strlen(IM_ATTACHMENT));
    assert_non_null(osci_cert_of(&r.reading->msg, OSCI_CIPHER_ADDRESSEE));
    assert_non_null(r.reading->package);
    im_reply_deinit(&r);
    assert_int_equal(f->mailbox.selected, f->mailbox.released);
    assert_int_equal(f->mailbox.deliveries[0].d.reception, 0);

    f->now += 1000; /* the next request proves the reception */
    im_dialog_close(&b);
    assert_int_equal(f->mailbox.deliveries[0].d.reception, f->now);

    im_dialog_open(&a);
    im_order(&a, OSCI_FETCH_PROCESS_CARD, &m);
    im_send(&a, &m, &r);
    im_assert_code(&r, "0801");
    assert_true(span_is(r.reading->msg.cards[0].reception.text, "2026-11-21T23:00:02.000Z"));
    assert_true(span_is(r.reading->msg.cards[0].recent_modification, "2026-11-21T23:00:02.000Z"));
    im_reply_deinit(&r);
    im_dialog_close(&a);
}

static void test_implicit_life(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client a;
    struct osci_message m;
    struct im_reply r;
    char id[64];

    im_client_init(&a, f, "originator");
    im_order(&a, OSCI_GET_MESSAGE_ID, &m);
    im_send(&a, &m, &r);
    im_assert_code(&r, "0800");
    assert_true(r.reading->msg.control.conversation_id.len > 0);
    im_text(r.reading->msg.message_id, id, sizeof id);
    im_reply_deinit(&r);
    im_store_order(&a, &m, id, "addressee");
    im_send(&a, &m, &r);
    im_assert_code(&r, "0800");
    im_reply_deinit(&r);
    assert_int_equal(osci_sessions_count(f->sessions), 0);
    assert_int_equal(f->mailbox.delivery_count, 1);

    im_store_order(&a, &m, id, "addressee"); /* the same once more */
    im_send(&a, &m, &r);
    im_assert_code(&r, "9801");
    assert_int_equal(r.reading->msg.card_count, 0);
    im_reply_deinit(&r);
    im_store_order(&a, &m, "dep_ffffffffffffffffffffffffffffffff", "addressee");
    im_send(&a, &m, &r);
    im_assert_code(&r, "9801");
    im_reply_deinit(&r);
    assert_int_equal(f->mailbox.delivery_count, 1);
}

static void test_fetched_again_until_received(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client b;
    struct osci_message m;
    struct im_reply r;

    im_deliver(f, "one");
    im_client_init(&b, f, "addressee");
    for (int i = 0; i < 2; i++) { /* the first time the dialog breaks off */
        f->now += 5000;
        im_dialog_open(&b);
        im_order(&b, OSCI_FETCH_DELIVERY, &m);
        im_send(&b, &m, &r);
        im_assert_code(&r, "0801");
        im_reply_deinit(&r);
        assert_int_equal(f->mailbox.deliveries[0].d.forwarding, f->now);
        osci_dialog_init(&b.dialog, rng_system());
    }
    assert_int_equal(f->mailbox.deliveries[0].d.reception, 0);
}

/* ---- selections ---- */

/* deliveries: 1 at +0 s, 2 at +10 s, 3 at +20 s; the first is received */
static void three_deliveries(struct im_fixture *f)
{
    im_deliver(f, "m1");
    f->now += 10000;
    im_deliver(f, "m2");
    f->now += 10000;
    im_deliver(f, "m3");
    f->now += 10000;
    f->mailbox.deliveries[0].d.reception = f->now;
    f->mailbox.deliveries[0].d.modified = f->now;
}

static struct fetch_row {
    const char *name, *who, *id, *since;
    const char *codes; /* in their order, without languages */
    const char *got;
} fetch_rows[] = {
    {"none: the oldest not received", "addressee", NULL, NULL, "3800 0801", "m2"},
    {"by id", "addressee", "m3", NULL, "0801", "m3"},
    {"by id, received before", "addressee", "m1", NULL, "0801", "m1"},
    {"by id, unknown", "addressee", "m9", NULL, "9803", NULL},
    {"by id, of another mailbox", "originator", "m2", NULL, "9803", NULL},
    {"by date", "addressee", NULL, "2026-11-21T23:00:11Z", "0801", "m3"},
    {"by date, exactly", "addressee", NULL, "2026-11-22T00:00:20+01:00", "0801", "m3"},
    {"by date, nothing", "addressee", NULL, "2026-11-21T23:00:21Z", "9803", NULL},
    {"an empty mailbox", "originator", NULL, NULL, "9803", NULL},
};

static void test_fetch_row(void **state)
{
    const struct fetch_row *row = *state;
    struct im_fixture fixture, *f = &fixture;
    struct im_client c;
    struct osci_message m;
    struct im_reply r;
    struct span id;

    im_fixture_init(f);
    three_deliveries(f);
    im_client_init(&c, f, row->who);
    im_dialog_open(&c);
    im_order(&c, OSCI_FETCH_DELIVERY, &m);
    id = span_str(row->id);
    if (row->id != NULL)
        m.selection = (struct osci_selection){.by = OSCI_SELECT_IDS, .ids = &id, .id_count = 1};
    else if (row->since != NULL)
        m.selection =
            (struct osci_selection){.by = OSCI_SELECT_RECEPTION, .date = span_str(row->since)};
    im_send(&c, &m, &r);
    im_assert_codes(&r, row->codes);
    assert_int_equal(r.reading->msg.card_count, row->got != NULL);
    assert_int_equal(r.reading->package != NULL, row->got != NULL);
    assert_int_equal(r.reading->msg.selection.by, m.selection.by); /* the echo */
    if (row->got != NULL)
        assert_true(span_is(r.reading->msg.cards[0].message_id, row->got));
    im_reply_deinit(&r);
    im_fixture_deinit(f);
}

static struct card_row {
    const char *name, *who;
    enum osci_select by;
    const char *what, *role;
    bool no_reception;
    uint64_t limit;
    const char *codes;
    const char *got;
} card_rows[] = {
    {"none", "addressee", OSCI_SELECT_NONE, "", "", false, 0, "0801", "m1 m2 m3 "},
    {"none, of the originator", "originator", OSCI_SELECT_NONE, "", "", false, 0, "0801",
     "m1 m2 m3 "},
    {"none, limited", "addressee", OSCI_SELECT_NONE, "", "", false, 2, "3801 0801", "m1 m2 "},
    {"none, of a stranger", "reader", OSCI_SELECT_NONE, "", "", false, 0, "9804", ""},
    {"ids", "addressee", OSCI_SELECT_IDS, "m3 m1", "", false, 0, "0801", "m1 m3 "},
    {"ids, one unknown", "addressee", OSCI_SELECT_IDS, "m3 m9", "", false, 0, "0801", "m3 "},
    {"ids, none known", "addressee", OSCI_SELECT_IDS, "m8 m9", "", false, 0, "9804", ""},
    {"ids, of a stranger", "reader", OSCI_SELECT_IDS, "m1", "", false, 0, "9804", ""},
    {"creation", "addressee", OSCI_SELECT_RECEPTION, "2026-11-21T23:00:10Z", "", false, 0, "0801",
     "m2 m3 "},
    {"creation, sent to me", "originator", OSCI_SELECT_RECEPTION, "2026-11-21T23:00:10Z",
     "Addressee", false, 0, "9804", ""},
    {"creation, sent by me", "originator", OSCI_SELECT_RECEPTION, "2026-11-21T23:00:10Z",
     "Originator", false, 1, "3801 0801", "m2 "},
    {"modification", "addressee", OSCI_SELECT_MODIFIED, "2026-11-21T23:00:20Z", "", false, 0,
     "0801", "m1 m3 "},
    {"modification, not received", "addressee", OSCI_SELECT_MODIFIED, "2026-11-21T23:00:00Z", "",
     true, 0, "0801", "m2 m3 "},
};

static void test_card_row(void **state)
{
    const struct card_row *row = *state;
    struct im_fixture fixture, *f = &fixture;
    struct im_client c;
    struct osci_message m;
    struct im_reply r;
    struct span ids[4], rest = span_str(row->what);
    char got[64] = "";

    im_fixture_init(f);
    three_deliveries(f);
    im_client_init(&c, f, row->who);
    im_dialog_open(&c);
    im_order(&c, OSCI_FETCH_PROCESS_CARD, &m);
    m.selection = (struct osci_selection){.by = row->by,
                                          .ids = ids,
                                          .date = span_str(row->what),
                                          .role = span_str(row->role),
                                          .no_reception = row->no_reception,
                                          .has_limit = row->limit > 0,
                                          .limit = row->limit};
    while (row->by == OSCI_SELECT_IDS && span_split(&rest, ' ', &ids[m.selection.id_count]))
        m.selection.id_count++;
    im_send(&c, &m, &r);
    im_assert_codes(&r, row->codes);
    for (size_t i = 0; i < r.reading->msg.card_count; i++) {
        strncat(got, (const char *)r.reading->msg.cards[i].message_id.ptr, 2);
        strcat(got, " ");
    }
    assert_string_equal(got, row->got);
    assert_int_equal(r.reading->msg.selection.by, row->by);
    assert_int_equal(r.reading->msg.selection.limit, row->limit);
    im_reply_deinit(&r);
    im_fixture_deinit(f);
}

/* ---- what is refused ---- */

static void test_outside_of_a_dialog(void **state)
{
    static const enum osci_type types[] = {OSCI_FETCH_DELIVERY, OSCI_FETCH_PROCESS_CARD,
                                           OSCI_EXIT_DIALOG};
    struct im_fixture *f = open_fixture(state);
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    im_client_init(&c, f, "addressee");
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        im_order(&c, types[i], &m);
        im_send(&c, &m, &r); /* encrypted, and no certificate to answer for */
        assert_int_equal(r.fault, 9500);
        im_reply_deinit(&r);
        c.plain = true;
        im_order(&c, types[i], &m);
        im_send(&c, &m, &r);
        im_assert_code(&r, "9802");
        assert_true(r.reading->msg.control.conversation_id.len > 0);
        im_reply_deinit(&r);
        c.plain = false;
    }
    assert_int_equal(f->mailbox.writes, 0);
}

static void test_replay_and_forgery(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client c;
    struct osci_message m;
    struct im_reply r;
    struct osci_dialog before;
    AUTO(buf_deinit) struct buf first = {0};

    im_client_init(&c, f, "originator");
    im_dialog_open(&c);
    im_order(&c, OSCI_GET_MESSAGE_ID, &m);
    buf_init(&first, 1024 * 1024);
    im_write(&c, &m, &first);
    im_post(&c, buf_span(&first), &r);
    im_assert_code(&r, "0801");
    im_reply_deinit(&r);

    im_post_foreign(&c, buf_span(&first), &r); /* the same bytes again */
    assert_int_equal(r.fault, 9400);
    im_reply_deinit(&r);
    before = c.dialog;
    for (int i = 0; i < 4; i++) {
        im_order(&c, OSCI_GET_MESSAGE_ID, &m);
        switch (i) {
        case 0:
            m.control.response = SPAN("bm90IGl0");
            break;
        case 1:
            m.control.sequence += 1;
            break;
        case 2:
            m.control.conversation_id = SPAN("4711");
            break;
        default:
            m.control.response = SPAN_NONE;
        }
        buf_reset(&first);
        im_write(&c, &m, &first);
        im_post_foreign(&c, buf_span(&first), &r);
        assert_int_equal(r.fault, 9400);
        im_reply_deinit(&r);
        im_client_restore(&c, &before);
    }
    im_order(&c, OSCI_GET_MESSAGE_ID, &m); /* and the right one still goes on */
    im_send(&c, &m, &r);
    im_assert_code(&r, "0801");
    im_reply_deinit(&r);
    f->now += 601 * 1000;
    im_order(&c, OSCI_GET_MESSAGE_ID, &m);
    buf_reset(&first);
    im_write(&c, &m, &first);
    im_post_foreign(&c, buf_span(&first), &r); /* ten minutes of silence */
    assert_int_equal(r.fault, 9400);
    im_reply_deinit(&r);
}

static void test_one_at_a_time(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client c;
    struct osci_message m;
    struct osci_session taken = {0};
    struct im_reply r;
    struct error err = {0};
    AUTO(buf_deinit) struct buf wire = {0};

    im_client_init(&c, f, "originator");
    im_dialog_open(&c);
    im_order(&c, OSCI_GET_MESSAGE_ID, &m);
    buf_init(&wire, 1024 * 1024);
    im_write(&c, &m, &wire);
    assert_int_equal(osci_sessions_take(f->sessions, &m.control, f->now, &taken, &err), ST_OK);
    im_post_foreign(&c, buf_span(&wire), &r);
    assert_int_equal(r.fault, 9400);
    im_reply_deinit(&r);
    osci_session_deinit(&taken);
}

static void test_signature_wanted(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    im_client_init(&c, f, "originator");
    c.unsign = true;
    im_order(&c, OSCI_GET_MESSAGE_ID, &m);
    im_send(&c, &m, &r);
    im_assert_code(&r, "9600");
    assert_true(r.reading->is_signed); /* the intermediary's answer is */
    im_reply_deinit(&r);
    im_order(&c, OSCI_INIT_DIALOG, &m);
    im_send(&c, &m, &r);
    im_assert_code(&r, "9600");
    im_reply_deinit(&r);
    assert_int_equal(osci_sessions_count(f->sessions), 0);
    f->im.require_signature = false;
    osci_dialog_init(&c.dialog, rng_system());
    im_order(&c, OSCI_GET_MESSAGE_ID, &m);
    im_send(&c, &m, &r);
    im_assert_code(&r, "0800");
    im_reply_deinit(&r);
}

static void test_plain_refused(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    im_client_init(&c, f, "originator");
    c.plain = true;
    f->im.allow_plain = false;
    im_order(&c, OSCI_GET_MESSAGE_ID, &m);
    im_send(&c, &m, &r);
    assert_int_equal(r.fault, 9300);
    im_reply_deinit(&r);
    assert_int_equal(f->mailbox.writes, 0);
}

static void test_unknown_authority(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    im_client_init(&c, f, "mallory");
    im_order(&c, OSCI_GET_MESSAGE_ID, &m);
    im_send(&c, &m, &r); /* "could not check" never stops an order */
    im_assert_codes(&r, "3501 3707 0800");
    im_reply_deinit(&r);
    helper_mailbox_issue(&f->mailbox, SPAN("m1"));
    im_client_init(&c, f, "originator");
    im_store_order(&c, &m, "m1", "mallory");
    im_send(&c, &m, &r); /* but a mailbox has only who is believed */
    im_assert_codes(&r, "3707 9805");
    im_reply_deinit(&r);
    f->mailbox.known = im_cert(f, "mallory-cipher-2048");
    im_store_order(&c, &m, "m1", "mallory");
    im_send(&c, &m, &r); /* or who is configured */
    im_assert_codes(&r, "3707 0800");
    im_reply_deinit(&r);
}

static void test_certificates_out_of_time(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    f->now = INT64_C(1760000000000); /* before all of them */
    helper_mailbox_issue(&f->mailbox, SPAN("m1"));
    im_client_init(&c, f, "originator");
    im_store_order(&c, &m, "m1", "addressee");
    im_send(&c, &m, &r);
    im_assert_codes(&r, "3500 3700 3705 0800");
    assert_int_equal(r.reading->msg.cards[0].inspections[0].offline, OSCI_CHECK_BAD);
    im_reply_deinit(&r);
}

static void test_no_mailbox(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    f->im.self_registering = false;
    helper_mailbox_issue(&f->mailbox, SPAN("m1"));
    im_client_init(&c, f, "originator");
    im_store_order(&c, &m, "m1", "addressee");
    im_send(&c, &m, &r);
    im_assert_code(&r, "9805");
    im_reply_deinit(&r);
    assert_int_equal(f->mailbox.delivery_count, 0);
}

static void test_store_trouble(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    helper_mailbox_issue(&f->mailbox, SPAN("m1"));
    f->mailbox.accept_status = ST_RETRY;
    im_client_init(&c, f, "originator");
    im_store_order(&c, &m, "m1", "addressee");
    im_send(&c, &m, &r);
    im_assert_code(&r, "9811");
    assert_int_equal(r.reading->msg.card_count, 0);
    im_reply_deinit(&r);
    f->mailbox.accept_status = ST_OK; /* the id is not used up */
    im_store_order(&c, &m, "m1", "addressee");
    im_send(&c, &m, &r);
    im_assert_code(&r, "0800");
    im_reply_deinit(&r);
}

/* Nobody can spoil another's mailbox with an Id that our answer needs itself. */
static void test_ids_in_the_way(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    helper_mailbox_issue(&f->mailbox, SPAN("m1"));
    im_client_init(&c, f, "originator");
    im_store_order(&c, &m, "m1", "addressee");
    m.package =
        SPAN("<osci:ContentContainer Id=\"responsetofetchdelivery\"></osci:ContentContainer>");
    m.attachment_count = 0;
    im_send(&c, &m, &r);
    assert_int_equal(r.fault, 9300);
    im_reply_deinit(&r);
    assert_int_equal(f->mailbox.delivery_count, 0);
}

/* What a delivery may not do to its mailbox: stand at the front and never be readable. */
static void spoil_certificates(struct im_client *c, struct osci_message *m)
{
    static struct osci_cert certs[500];

    memcpy(certs, m->certs, m->cert_count * sizeof certs[0]);
    while (m->cert_count < ARRAY_LEN(certs))
        certs[m->cert_count++] = (struct osci_cert){.role = OSCI_CIPHER_OTHER_READER,
                                                    .cert = im_cert(c->f, "reader-cipher-2048")};
    m->certs = certs;
}

static void spoil_control_character(struct im_client *c, struct osci_message *m)
{
    (void)m;
    c->attachment.cid = SPAN("a\x01z");
}

static void spoil_no_utf8(struct im_client *c, struct osci_message *m)
{
    (void)m;
    c->attachment.cid = SPAN("a\xffz");
}

static void spoil_noncharacter(struct im_client *c, struct osci_message *m)
{
    (void)m;
    c->attachment.cid = SPAN("a\xef\xbf\xbfz");
}

/* Canonical where it will stand, each child would repeat what only the envelope declares here. */
static void spoil_namespaces(struct im_client *c, struct osci_message *m)
{
    static char package[5000 * 64];
    size_t len = 0;

    (void)c;
    for (int i = 0; i < 5000; i++)
        len += (size_t)snprintf(package + len, sizeof package - len,
                                "<osci:ContentContainer></osci:ContentContainer>");
    m->package = span_of(package, len);
    m->attachment_count = 0;
}

static struct spoiled_row {
    const char *name;
    void (*spoil)(struct im_client *c, struct osci_message *m);
    int namespaces; /* more of them on the envelope */
} spoiled_rows[] = {
    {"as many certificates as a message may have", spoil_certificates, 0},
    {"a control character in a cid", spoil_control_character, 0},
    {"a cid that is no UTF-8", spoil_no_utf8, 0},
    {"a cid with a character XML does not have", spoil_noncharacter, 0},
    {"namespaces declared outside the package", spoil_namespaces, 50},
};

static void envelope_declare(const struct buf *wire, int namespaces, struct buf *out)
{
    size_t at = span_find(buf_span(wire), SPAN("<soap:Envelope")) + strlen("<soap:Envelope");

    buf_add(out, span_sub(buf_span(wire), 0, at));
    for (int i = 0; i < namespaces; i++)
        buf_printf(out, " xmlns:a%d=\"urn:a%d\"", i, i);
    buf_add(out, span_from(buf_span(wire), at));
}

static void test_spoiled_row(void **state)
{
    const struct spoiled_row *row = *state;
    struct im_fixture fixture, *f = &fixture;
    struct im_client c;
    struct osci_message m;
    struct im_reply r;
    AUTO(buf_deinit) struct buf plain = {0}, wire = {0};

    im_fixture_init(f);
    f->im.require_signature = false; /* a signature would have to name the cid, too */
    helper_mailbox_issue(&f->mailbox, SPAN("m1"));
    im_client_init(&c, f, "originator");
    c.plain = c.unsign = true;
    im_store_order(&c, &m, "m1", "addressee");
    row->spoil(&c, &m);
    buf_init(&plain, 8 * 1024 * 1024);
    buf_init(&wire, 8 * 1024 * 1024);
    im_write(&c, &m, &plain);
    envelope_declare(&plain, row->namespaces, &wire);
    im_post_foreign(&c, buf_span(&wire), &r);
    assert_int_equal(r.fault, 9300);
    im_reply_deinit(&r);
    assert_int_equal(f->mailbox.delivery_count, 0);
    assert_false(f->mailbox.ids[0].used);
    im_fixture_deinit(f);
}

static void test_forward_refused(void **state)
{
    struct im_fixture *f = open_fixture(state);
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    helper_mailbox_issue(&f->mailbox, SPAN("m1"));
    im_client_init(&c, f, "originator");
    im_store_order(&c, &m, "m1", "addressee");
    m.type = OSCI_FORWARD_DELIVERY;
    m.receiver_uri = SPAN("http://127.0.0.1/");
    im_send(&c, &m, &r);
    im_assert_code(&r, "9811");
    im_reply_deinit(&r);
    assert_int_equal(f->mailbox.delivery_count, 0);
}

/* ---- 12.3: CBC is read only inside a verified signature, and says nothing else ---- */

static void cbc_good(struct im_client *c, struct osci_message *m)
{
    im_order(c, OSCI_GET_MESSAGE_ID, m);
}

static void cbc_unsigned(struct im_client *c, struct osci_message *m)
{
    c->unsign = true;
    im_order(c, OSCI_GET_MESSAGE_ID, m);
}

static void cbc_no_certificate(struct im_client *c, struct osci_message *m)
{
    im_order(c, OSCI_GET_MESSAGE_ID, m);
    m->certs[0].role = OSCI_CIPHER_OTHER_AUTHOR;
}

static void cbc_wrong_number(struct im_client *c, struct osci_message *m)
{
    im_order(c, OSCI_GET_MESSAGE_ID, m);
    m->control.sequence = 7;
}

static void cbc_no_dialog(struct im_client *c, struct osci_message *m)
{
    im_order(c, OSCI_GET_MESSAGE_ID, m);
    m->control.conversation_id = SPAN("4711");
    m->control.response = SPAN("MTIz");
}

static void cbc_no_order(struct im_client *c, struct osci_message *m)
{
    im_order(c, OSCI_GET_MESSAGE_ID, m);
    m->languages = SPAN(" ");
}

static struct cbc_row {
    const char *name;
    void (*order)(struct im_client *c, struct osci_message *m);
    int fault;
    bool silent; /* nobody says whether certificates are revoked: the order has to wait */
} cbc_rows[] = {
    {"CBC: signed and right", cbc_good, 0, false},
    {"CBC: not signed", cbc_unsigned, 9202, false},
    {"CBC: no certificate to answer for", cbc_no_certificate, 9202, false},
    {"CBC: a wrong SequenceNumber", cbc_wrong_number, 9202, false},
    {"CBC: an unknown dialog", cbc_no_dialog, 9202, false},
    {"CBC: no order", cbc_no_order, 9202, false},
    {"CBC: a silent responder", cbc_good, 9503, true},
    {"CBC: a silent responder, not signed", cbc_unsigned, 9202, true},
};

static void test_cbc_row(void **state)
{
    const struct cbc_row *row = *state;
    struct cert_source silent = im_silence();
    struct im_fixture fixture, *f = &fixture;
    struct osci_request request = {.transport.encrypted = true};
    struct im_client c;
    struct osci_message m;
    struct source_span source;
    struct error err = {0};
    AUTO(buf_deinit) struct buf wire = {.max = 1024 * 1024};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    AUTO(osci_decision_drop) struct osci_decision *d = NULL;

    im_fixture_init(f);
    f->im.require_signature = false;
    if (row->silent)
        cert_checker_use_source(f->checker, &silent);
    im_client_init(&c, f, "originator");
    c.plain = true;
    row->order(&c, &m);
    im_write(&c, &m, &wire);
    request.transport.method.alg =
        alg_find(SPAN("http://www.w3.org/2001/04/xmlenc#aes256-cbc"), ALG_CIPHER);
    (void)!osci_message_read(source_span_init(&source, buf_span(&wire)), &f->policy, f->now,
                             f->cache, NULL, &reading, &request.failure);
    request.reading = reading;
    assert_int_equal(osci_intermediary_handle(&f->im, &request, f->now, &d, &err), ST_OK);
    assert_int_equal(d->fault, row->fault);
    assert_int_equal(f->mailbox.writes, row->fault == 0 ? 1 : 0);
    osci_reading_drop(&reading);
    reading = NULL;
    im_fixture_deinit(f);
}

static struct language_row {
    const char *name, *wished, *given;
} language_rows[] = {
    {"both in the wished order", "en de", "en de "},
    {"one", "de", "de "},
    {"a region", "en-GB", "en "},
    {"none we know", "fr tr", "de "},
};

static void test_language_row(void **state)
{
    const struct language_row *row = *state;
    struct im_fixture fixture, *f = &fixture;
    struct im_client c;
    struct osci_message m;
    struct im_reply r;
    char got[32] = "";

    im_fixture_init(f);
    im_client_init(&c, f, "originator");
    im_order(&c, OSCI_GET_MESSAGE_ID, &m);
    m.languages = span_str(row->wished);
    im_send(&c, &m, &r);
    for (size_t i = 0; i < r.reading->msg.feedback_count; i++) {
        strncat(got, (const char *)r.reading->msg.feedback[i].lang.ptr, 2);
        strcat(got, " ");
        assert_true(r.reading->msg.feedback[i].text.len > 0);
    }
    assert_string_equal(got, row->given);
    im_reply_deinit(&r);
    im_fixture_deinit(f);
}

#define LIFE(fn) cmocka_unit_test_setup_teardown(fn, im_fixture_setup, im_fixture_teardown)
#define ROWS_MAX 64

static size_t rows_add(struct CMUnitTest *tests, size_t n, size_t count, void *rows, size_t size,
                       CMUnitTestFunction fn)
{
    for (size_t i = 0; i < count; i++) {
        char *row = (char *)rows + i * size;

        tests[n++] = (struct CMUnitTest){*(const char **)row, fn, NULL, NULL, row};
    }
    return n;
}
#define ADD(rows, fn) rows_add(tests, n, ARRAY_LEN(rows), rows, sizeof rows[0], fn)

/* ---- packages that are long in their own ways: what comes out is what went in ---- */

static struct package_row {
    const char *name;
    const char *before, *unit, *after; /* unit many times over */
    size_t times;
} package_rows[] = {
    {"a short text", "", "QUJD", "", 3},
    {"a long text", "", "QUJD", "", 200000},
    {"a long text with references", "", "a&amp;b ", "", 20000},
    {"letters of several bytes", "", "\xC3\xA4\xE2\x82\xAC", "", 20000},
    {"letters of several bytes, shifted", "x", "\xE2\x82\xAC", "", 20000},
    {"an attribute with a greater-than", "<a b=\"x>y\">", "QUJD", "</a>", 2000},
    {"many elements", "", "<e f=\"1>2\">t</e>", "", 5000},
    {"texts between elements", "", "<e></e>0123456789", "", 5000},
    {"a processing instruction", "<?p a>\"b?>", "QUJD", "", 2000},
};

static void test_package_row(void **state)
{
    const struct package_row *row = *state;
    struct im_fixture fixture, *f = &fixture;
    struct im_client a, b;
    struct osci_message m;
    struct im_reply r;
    struct error err = {0};
    AUTO(buf_deinit)
    struct buf package = {.max = 64 * 1024 * 1024}, got = {.max = 64 * 1024 * 1024};

    im_fixture_init(f);
    buf_str(&package, "<osci:ContentContainer Id=\"c1\"><osci:Content><osci:XMLContent Id=\"c2\">");
    buf_str(&package, row->before);
    for (size_t i = 0; i < row->times; i++)
        buf_str(&package, row->unit);
    buf_str(&package, row->after);
    buf_str(&package, "</osci:XMLContent></osci:Content></osci:ContentContainer>");
    assert_false(package.failed);
    helper_mailbox_issue(&f->mailbox, SPAN("m1"));
    im_client_init(&a, f, "originator");
    im_store_order(&a, &m, "m1", "addressee");
    m.package = buf_span(&package);
    m.attachment_count = 0;
    im_send(&a, &m, &r);
    im_assert_code(&r, "0800");
    im_reply_deinit(&r);
    im_client_init(&b, f, "addressee");
    im_dialog_open(&b);
    im_order(&b, OSCI_FETCH_DELIVERY, &m);
    im_send(&b, &m, &r);
    im_assert_code(&r, "0801");
    assert_int_equal(osci_package_move(r.reading->package, &got, &err), ST_OK);
    assert_true(span_eq(buf_span(&got), buf_span(&package)));
    im_reply_deinit(&r);
    im_dialog_close(&b);
    im_fixture_deinit(f);
}

int main(void)
{
    const struct CMUnitTest lives[] = {
        LIFE(test_explicit_life),
        LIFE(test_implicit_life),
        LIFE(test_fetched_again_until_received),
        LIFE(test_outside_of_a_dialog),
        LIFE(test_replay_and_forgery),
        LIFE(test_one_at_a_time),
        LIFE(test_signature_wanted),
        LIFE(test_plain_refused),
        LIFE(test_unknown_authority),
        LIFE(test_certificates_out_of_time),
        LIFE(test_no_mailbox),
        LIFE(test_store_trouble),
        LIFE(test_ids_in_the_way),
        LIFE(test_forward_refused),
        LIFE(test_features_of_the_client),
    };
    struct CMUnitTest tests[ROWS_MAX] = {0};
    size_t n = 0;

    for (; n < ARRAY_LEN(lives); n++)
        tests[n] = lives[n];
    n = ADD(fetch_rows, test_fetch_row);
    n = ADD(card_rows, test_card_row);
    n = ADD(language_rows, test_language_row);
    n = ADD(spoiled_rows, test_spoiled_row);
    n = ADD(cbc_rows, test_cbc_row);
    n = ADD(package_rows, test_package_row);
    return _cmocka_run_group_tests("intermediary", tests, n, helper_crypto_setup,
                                   helper_crypto_teardown);
}
