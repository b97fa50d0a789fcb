/* Messages in through an intermediary that misbehaves, and the lanes that carry both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>

#include "certs/demo_pki.h"
#include "gateway/api_call.h"
#include "gateway/inbound.h"
#include "gateway/lane.h"
#include "gateway/outbound.h"
#include "gateway/spool.h"
#include "gateway/worker.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_line.h"
#include "tests/unit/helper_store.h"
#include "tests/unit/helper_world.h"

enum { MANY = 40, STOP_MS = 25000 /* below the rest of an idle lane */ };

static const char two_partners_yaml[] =
    "  - name: Altstadt\n"
    "    intermediary: demo\n"
    "    cipher_certificate: {keys}/addressee-cipher-4096.cert.pem\n"
    "endpoints:\n"
    "  - name: bauamt\n"
    "    receives: { default: true }\n";
static const char tight_yaml[] = "limits: { message_max_mb: 1 }\n"
                                 "partners:\n"
                                 "  - name: Ahausen\n"
                                 "    intermediary: demo\n"
                                 "    cipher_certificate: {keys}/originator-cipher-2048.cert.pem\n";
static const char stranger_yaml[] =
    "partners:\n"
    "  - name: Ahausen\n"
    "    intermediary: demo\n"
    "    cipher_certificate: {keys}/originator-cipher-2048.cert.pem\n"
    "    signature_certificates: [ {keys}/reader-signature-2048.cert.pem ]\n";

/* ---- the partner's certificate ---- */

static struct cert_row {
    const char *name;
    int64_t from_days, until_days;
    bool trusted;
    enum demo_kind kind;
    enum gw_state state;
    int reason;
} cert_rows[] = {
    {"expired", -20, -10, true, DEMO_CIPHER, GW_FAILED, GW_R_CERT_EXPIRED},
    {"not yet valid", 10, 20, true, DEMO_CIPHER, GW_DEFERRED, GW_R_CERT_NOT_YET},
    {"from nobody we believe", -10, 10, false, DEMO_CIPHER, GW_FAILED, GW_R_CERT_UNTRUSTED},
    {"not for ciphers", -10, 10, true, DEMO_SIGNATURE, GW_FAILED, GW_R_CERT_PURPOSE},
};

/* A CA and a certificate by it for the key of "reader", in the folder of a town yet to open. */
static void cert_write(const struct helper_runtime *h, const struct cert_row *row)
{
    const int64_t day = INT64_C(86400000), now = gw_now_ms();
    struct demo_spec spec = {
        .organisation = "Test", .from = now - 100 * day, .until = now + 100 * day};
    AUTO(demo_ca_drop) struct demo_ca *ca = NULL;
    AUTO(demo_pair_deinit) struct demo_pair pair = {0};
    AUTO(buf_deinit) struct buf key = {0};
    struct error err = {0};

    helper_vector("osci12/keys/reader-cipher-2048.key.pem", &key);
    spec.key_pem = buf_span(&key);
    assert_int_equal(demo_ca_new(&spec, rng_system(), &ca, &err), ST_OK);
    spec.kind = row->kind;
    spec.from = now + row->from_days * day;
    spec.until = now + row->until_days * day;
    if (demo_ca_issue(ca, &spec, rng_system(), &pair, &err) != ST_OK)
        fail_msg("%s", err.text);
    helper_file(h, "ca.pem", buf_span(&demo_ca_pair(ca)->cert_pem));
    helper_file(h, "partner.pem", buf_span(&pair.cert_pem));
}

static void test_partner_cert(void **state)
{
    const struct cert_row *row = *state;
    struct helper_runtime h = {.dir = ""};
    struct helper_world w = {.arena = {0}};
    struct gw_message_row m;
    struct error err = {0};
    char id[GW_ID_SIZE], yaml[8192];
    const char *trust = strstr(helper_town_yaml, "{keys}/ca.cert.pem");

    arena_init(&w.arena, 16 * 1024 * 1024);
    helper_dir_make(h.dir);
    cert_write(&h, row);
    (void)snprintf(yaml, sizeof yaml, "%.*s%s%s", (int)(trust - helper_town_yaml), helper_town_yaml,
                   row->trusted ? "{dir}/ca.pem, " : "", trust);
    helper_runtime_open(&h, yaml,
                        "  - name: Altstadt\n"
                        "    intermediary: demo\n"
                        "    cipher_certificate: {dir}/partner.pem\n",
                        NULL);
    helper_runtime_run(&h);
    w.a = h;
    helper_world_out(&w.a, "Altstadt", "Hallo", 0, id);
    assert_int_not_equal(helper_world_send(&w, id, &err), ST_OK);
    m = helper_world_message(&w, &w.a, id);
    assert_int_equal(m.state, row->state);
    assert_int_equal(m.last_reason, row->reason);
    assert_null(strchr(m.last_error_de, '?'));
    assert_null(strchr(m.last_error_en, '?'));
    helper_runtime_deinit(&w.a);
    arena_deinit(&w.arena);
}

/* ---- a store that is damaged, a time that is over, a way that is gone ---- */

static void test_damaged_payload(void **state)
{
    struct helper_world w;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files = {0};
    struct error err = {0};
    char id[GW_ID_SIZE], path[512];
    int fd;

    (void)state;
    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    helper_world_out(&w.a, "Beheim", "Hallo", 0, id);
    assert_int_equal(gw_store_read(w.a.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &w.arena, id, &files, &err), ST_OK);
    gw_read_end(&tx);
    tx = NULL;
    fd = open(helper_path(&w.a, path, "state/%s", files.rows[0].path), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "b", 1), 1);
    close(fd);
    assert_int_equal(helper_world_send(&w, id, &err), ST_DENIED);
    assert_int_equal(helper_world_message(&w, &w.a, id).state, GW_FAILED);
    assert_int_equal(helper_world_message(&w, &w.a, id).last_reason, GW_R_STORE_DAMAGED);
    assert_int_equal(helper_fake_requests(&w.fake), 0);
    helper_world_close(&w);
}

static void test_expiry(void **state)
{
    struct helper_world w;
    struct error err = {0};
    char late[GW_ID_SIZE], fresh[GW_ID_SIZE];

    (void)state;
    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    helper_world_out(&w.a, "Beheim", "alt", gw_now_ms() - 1, late);
    helper_world_out(&w.a, "Beheim", "neu", gw_now_ms() + 60000, fresh);
    assert_int_equal(gw_outbound_expire(w.a.rt, &err), ST_OK);
    assert_int_equal(helper_world_message(&w, &w.a, late).state, GW_EXPIRED);
    assert_int_equal(helper_world_message(&w, &w.a, late).last_reason, GW_R_EXPIRED);
    assert_null(strchr(helper_world_message(&w, &w.a, late).last_error_de, '?'));
    assert_int_equal(helper_world_message(&w, &w.a, fresh).state, GW_ACCEPTED);
    helper_world_close(&w);
}

/* Settings that no longer know the intermediary of a message that waits. */
static void test_strays(void **state)
{
    struct helper_world w;
    struct error err = {0};
    char fresh[GW_ID_SIZE], tried[GW_ID_SIZE], lost[GW_ID_SIZE];
    struct gw_move move = {.event = GW_EV_NOTE, .peer = "frueher"};

    (void)state;
    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    helper_world_out(&w.a, "Beheim", "1", 0, fresh);
    helper_world_out(&w.a, "Beheim", "2", 0, tried);
    helper_world_out(&w.a, "Cestadt", "3", 0, lost);
    move.cause = (struct gw_cause){.now = gw_now_ms(), .actor = "test"};
    move.id = fresh;
    assert_int_equal(gw_store_commit_move(w.a.rt->store, &move, NULL, &err), ST_OK);
    move.id = lost;
    assert_int_equal(gw_store_commit_move(w.a.rt->store, &move, NULL, &err), ST_OK);
    move.id = tried;
    move.osci_message_id = "QUJD";
    assert_int_equal(gw_store_commit_move(w.a.rt->store, &move, NULL, &err), ST_OK);
    assert_int_equal(gw_outbound_strays(w.a.rt, &err), ST_OK);
    assert_int_equal(helper_world_message(&w, &w.a, fresh).state, GW_ACCEPTED);
    assert_string_equal(helper_world_message(&w, &w.a, fresh).peer, "demo");
    assert_int_equal(helper_world_message(&w, &w.a, tried).state, GW_FAILED);
    assert_int_equal(helper_world_message(&w, &w.a, lost).state, GW_FAILED);
    helper_world_close(&w);
}

/* Not sent yet: it goes to another, sealed anew. Perhaps sent, or in a lane's hand: it does not. */
static void test_redirect(void **state)
{
    struct helper_world w;
    const struct gw_cause cause = {.now = gw_now_ms(), .actor = "test"};
    const struct gw_partner *other;
    struct gw_hand hand;
    struct error err = {0};
    char unsent[GW_ID_SIZE], sent[GW_ID_SIZE], brought[GW_ID_SIZE];
    const struct gw_message_row by_forward = {.peer = "demo",
                                              .recipient = "Beheim",
                                              .subject = "3",
                                              .source_name = "3",
                                              .delivery = GW_WAY_FORWARD};

    (void)state;
    helper_world_open(&w, true, two_partners_yaml, helper_world_ahausen);
    other = gw_runtime_partner(w.a.rt, "Altstadt");
    helper_world_out(&w.a, "Beheim", "1", 0, unsent);
    helper_world_out(&w.a, "Beheim", "2", 0, sent);
    helper_fake_script(&w.fake, "N"
                                "++N");
    assert_int_not_equal(helper_world_send(&w, unsent, &err), ST_OK);
    assert_int_not_equal(helper_world_send(&w, sent, &err), ST_OK);
    assert_int_equal(helper_world_message(&w, &w.a, unsent).state, GW_DEFERRED);
    assert_int_equal(helper_world_message(&w, &w.a, sent).state, GW_UNCLEAR);

    assert_int_equal(gw_outbound_redirect(w.a.rt, sent, other, &cause, &err), ST_DENIED);
    assert_string_equal(helper_world_message(&w, &w.a, sent).recipient, "Beheim");
    assert_true(gw_reach_take(w.a.rt->reach, &hand, unsent, gw_reach_changes(w.a.rt->reach)));
    assert_int_equal(gw_outbound_redirect(w.a.rt, unsent, other, &cause, &err), ST_RETRY);
    gw_reach_put(w.a.rt->reach, &hand, false);
    assert_int_equal(gw_outbound_redirect(w.a.rt, unsent, other, &cause, &err), ST_OK);
    assert_string_equal(helper_world_message(&w, &w.a, unsent).recipient, "Altstadt");
    assert_int_equal(helper_world_message(&w, &w.a, unsent).state, GW_ACCEPTED);
    assert_int_equal(helper_world_message(&w, &w.a, unsent).attempts, 0);
    assert_int_equal(helper_world_send(&w, unsent, &err), ST_OK);
    assert_int_equal(helper_world_message(&w, &w.a, unsent).state, GW_SUBMITTED);
    assert_int_equal(gw_outbound_redirect(w.a.rt, unsent, other, &cause, &err), ST_DENIED);
    /* the other one has no receiver_url, and no route says that it goes so to it */
    helper_message_row(&w.a, &by_forward, SPAN("Hallo"), brought);
    assert_int_equal(gw_outbound_redirect(w.a.rt, brought, other, &cause, &err), ST_OK);
    assert_int_equal(helper_world_message(&w, &w.a, brought).delivery, GW_WAY_DEFAULT);
    assert_int_equal(helper_world_send(&w, brought, &err), ST_OK);
    assert_int_equal(helper_world_message(&w, &w.a, brought).state, GW_SUBMITTED);
    helper_world_close(&w);
}

/* ---- in ---- */

/*
 * Orders of a fetch with two deliveries waiting: initDialog, three times fetchDelivery (the last
 * finds nothing), exitDialog.
 */
static struct in_row {
    const char *name, *script;
    unsigned requests;
    size_t first; /* messages after the spoiled fetch */
} in_rows[] = {
    {"all goes well", "", 5, 2},
    {"an answer is lost", "+L", 2, 0},
    {"the acknowledging request does not arrive", "++N", 3, 1},
    {"an answer of before: asked again at once", "++R", 8, 2},
    {"garbage", "+G", 7, 2},
    {"unsigned and in the clear", "+V", 7, 2},
    {"a fault: asked again by fetchDelivery", "++F", 8, 2},
    {"the end is lost", "++++L", 5, 2},
};

static void test_in(void **state)
{
    const struct in_row *row = *state;
    struct helper_world w;
    struct error err = {0};
    char id[2][GW_ID_SIZE];
    size_t count;
    bool smooth;

    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    for (int i = 0; i < 2; i++) {
        helper_world_out(&w.a, "Beheim", "Hallo", 0, id[i]);
        assert_int_equal(helper_world_send(&w, id[i], &err), ST_OK);
    }
    helper_fake_script(&w.fake, row->script);
    smooth = helper_world_fetch(&w, &count, &err) == ST_OK;
    assert_int_equal(smooth, row->first == 2);
    assert_int_equal(count, row->first);
    assert_int_equal(helper_world_inbox(&w).count, row->first);
    assert_int_equal(helper_fake_requests(&w.fake), row->requests);
    for (int i = 0; i < 2; i++)
        assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(helper_world_inbox(&w).count, 2);
    assert_int_equal(gw_receipts_fetch(w.a.rt, &w.a.rt->peers[0], &err), ST_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(helper_world_message(&w, &w.a, id[i]).state, GW_DELIVERED);
        assert_non_null(helper_world_message(&w, &w.a, id[i]).reception.text);
    }
    helper_world_close(&w);
}

/* The disk fails between reading and keeping: the intermediary must not hear that we have it. */
static void test_in_not_kept(void **state)
{
    struct helper_world w;
    struct error err = {0};
    char id[GW_ID_SIZE], from[512], to[512];
    size_t count;

    (void)state;
    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    helper_world_out(&w.a, "Beheim", "Hallo", 0, id);
    assert_int_equal(helper_world_send(&w, id, &err), ST_OK);
    assert_int_equal(
        rename(helper_path(&w.b, from, "state/payload"), helper_path(&w.b, to, "state/elsewhere")),
        0);
    helper_fake_script(&w.fake, "");
    assert_int_not_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(helper_fake_requests(&w.fake), 2);
    assert_int_equal(helper_world_inbox(&w).count, 0);
    assert_int_equal(gw_receipts_fetch(w.a.rt, &w.a.rt->peers[0], &err), ST_OK);
    assert_int_equal(helper_world_message(&w, &w.a, id).state, GW_FORWARDED);
    assert_int_equal(rename(to, from), 0);
    helper_world_arrived_once(&w);
    helper_world_close(&w);
}

/* A delivery larger than we ever accept, before one that we do: it is left there, and told of. */
static void test_in_never(void **state)
{
    struct helper_world w;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_event_list events = {0};
    struct gw_config loose;
    struct error err = {0};
    char id[2][GW_ID_SIZE], *large = malloc(2 * 1024 * 1024);
    size_t count, told = 0;

    (void)state;
    assert_non_null(large);
    memset(large, 'x', 2 * 1024 * 1024 - 1);
    large[2 * 1024 * 1024 - 1] = '\0';
    helper_world_open(&w, false, helper_world_retry, tight_yaml);
    helper_world_out(&w.a, "Beheim", large, 0, id[0]);
    helper_world_out(&w.a, "Beheim", "Hallo", 0, id[1]);
    for (int i = 0; i < 2; i++)
        assert_int_equal(helper_world_send(&w, id[i], &err), ST_OK);
    assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(count, 1); /* the one behind it, by its id, in the same fetch */
    for (int i = 0; i < 3; i++)
        assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(helper_world_inbox(&w).count, 1);
    assert_int_equal(gw_detour_skipped(&w.detour), 1);
    assert_int_equal(gw_store_read(w.b.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_events(tx, &w.arena, 0, NULL, NULL, NULL, 0, &events, &err), ST_OK);
    for (size_t i = 0; i < events.count; i++)
        if (strcmp(events.rows[i].kind, "delivery.skipped") == 0) {
            assert_int_equal(events.rows[i].reason, GW_R_NET_ANSWER);
            assert_string_not_equal(events.rows[i].de, events.rows[i].en);
            told++;
        }
    assert_int_equal(told, 1);
    gw_read_end(&tx);
    tx = NULL;
    helper_world_out(&w.a, "Beheim", "und noch eine", 0, id[1]);
    assert_int_equal(helper_world_send(&w, id[1], &err), ST_OK);
    assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(count, 1);

    /* what was left is tried again when its time has come: it may have been the line's fault */
    loose = *w.b.conf;
    loose.limits.message_max_mb = 8;
    w.b.rt->conf = &loose;
    assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(count, 0);
    assert_in_range(w.detour.rows[0].again_at - gw_monotonic_ms(), GW_DETOUR_REST_MS / 2,
                    GW_DETOUR_REST_MS);
    w.detour.rows[0].again_at = gw_monotonic_ms();
    assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(count, 1);
    assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(gw_detour_skipped(&w.detour), 0);
    w.b.rt->conf = w.b.conf;
    helper_world_close(&w);
    free(large);
}

/* Many behind one that can never be taken: it costs them a few requests, not some for each. */
static void test_in_never_many(void **state)
{
    enum { FEW = 20 };
    struct helper_world w;
    struct error err = {0};
    char id[GW_ID_SIZE], *large = malloc(2 * 1024 * 1024);
    size_t count;

    (void)state;
    assert_non_null(large);
    memset(large, 'x', 2 * 1024 * 1024 - 1);
    large[2 * 1024 * 1024 - 1] = '\0';
    helper_world_open(&w, false, helper_world_retry, tight_yaml);
    for (int i = 0; i <= MANY; i++) {
        helper_world_out(&w.a, "Beheim", i == 0 ? large : "Hallo", 0, id);
        assert_int_equal(helper_world_send(&w, id, &err), ST_OK);
    }
    helper_fake_script(&w.fake, "");
    assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(count, MANY);
    assert_in_range(helper_fake_requests(&w.fake), MANY, MANY + FEW);
    assert_int_equal(gw_detour_skipped(&w.detour), 1);
    helper_world_close(&w);
    free(large);
}

/* What cannot be believed is kept as it came, and does not keep the mailbox shut. */
static struct doubt_row {
    const char *name, *partners, *sender; /* settings of Beheim; who signs at Ahausen */
    int reason;
} doubt_rows[] = {
    {"an author who was not agreed", stranger_yaml, "originator", GW_R_CONTENT_AUTHOR},
    {"an author from nowhere", helper_world_ahausen, "mallory", GW_R_CERT_UNTRUSTED},
};

static void test_doubt(void **state)
{
    const struct doubt_row *row = *state;
    struct helper_world w;
    struct helper_runtime other = {.dir = ""};
    AUTO(buf_deinit) struct buf yaml = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files = {0};
    struct gw_message_row m;
    struct error err = {0};
    char id[GW_ID_SIZE];
    size_t count;
    bool raw = false;

    helper_world_open(&w, false, helper_world_retry, row->partners);
    /* Ahausen with the signature of somebody else */
    buf_init(&yaml, 64 * 1024);
    for (const char *c = helper_town_yaml; *c != '\0'; c++) {
        if (strncmp(c, "{originator}", 12) == 0) {
            buf_printf(&yaml,
                       "{signature: {certificate: {keys}/%s-signature-2048.cert.pem, "
                       "key: {keys}/%s-signature-2048.key.pem}, "
                       "cipher: {certificate: {keys}/originator-cipher-2048.cert.pem, "
                       "key: {keys}/originator-cipher-2048.key.pem}}",
                       row->sender, row->sender);
            c += 11;
        } else if (strncmp(c, "{keys}/ca.cert.pem", 18) == 0) {
            buf_str(&yaml, "{keys}/ca.cert.pem, {keys}/ca-other.cert.pem");
            c += 17;
        } else {
            buf_char(&yaml, *c);
        }
    }
    helper_runtime_open(&other, buf_cstr(&yaml), helper_world_retry, w.fake.url);
    helper_runtime_run(&other);
    helper_runtime_deinit(&w.a);
    w.a = other;
    helper_world_out(&w.a, "Beheim", "Hallo", 0, id);
    if (helper_world_send(&w, id, &err) != ST_OK)
        fail_msg("%d %s", err.reason, err.text);
    helper_fake_script(&w.fake, "");
    assert_int_equal(helper_world_fetch(&w, &count, &err), ST_OK);
    assert_int_equal(helper_fake_requests(&w.fake), 4); /* the dialog went on to its end */
    assert_int_equal(helper_world_inbox(&w).count, 1);
    m = helper_world_inbox(&w).rows[0];
    assert_int_equal(m.state, GW_QUARANTINED);
    assert_int_equal(m.last_reason, row->reason);
    assert_true(m.last_error_de[0] != '\0');
    assert_int_equal(gw_store_read(w.b.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &w.arena, m.id, &files, &err), ST_OK);
    for (size_t i = 0; i < files.count; i++)
        raw |= files.rows[i].kind == GW_FILE_RECEIVED;
    assert_true(raw);
    gw_read_end(&tx);
    tx = NULL;
    helper_world_close(&w);
}

/* ---- the lanes ---- */

static bool all_delivered(struct helper_world *w, size_t count)
{
    return helper_messages(&w->a, &w->arena, GW_OUTBOX, GW_STATES(GW_DELIVERED)).count == count;
}

static void lanes_start(struct helper_runtime *h, struct gw_lanes **lanes)
{
    struct error err = {0};

    if (gw_lanes_start(h->rt, NULL, NULL, lanes, &err) != ST_OK)
        fail_msg("%s", err.text);
}

/* Many messages through lanes on both sides; the sender stops in the middle of it, and what it had
 * under way arrives once. */
static void test_lanes(void **state)
{
    struct helper_world w;
    struct gw_lanes *a = NULL, *b = NULL;
    int64_t until;
    char id[GW_ID_SIZE];

    (void)state;
    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    for (int i = 0; i < MANY; i++)
        helper_world_out(&w.a, "Beheim", "Hallo", 0, id);
    helper_fake_script(&w.fake,
                       "+++++++L++++++L+++++N++++++++++G+++++++++++L+++++++++++++U++++++L");
    lanes_start(&w.a, &a);
    lanes_start(&w.b, &b);
    usleep(400 * 1000);
    assert_true(helper_runtime_stop(&w.a) < STOP_MS);
    gw_lanes_free(a);
    a = NULL;
    helper_runtime_close(&w.a);
    helper_runtime_open(&w.a, helper_town_yaml, helper_world_retry, w.fake.url);
    lanes_start(&w.a, &a);
    helper_runtime_run(&w.a);
    until = gw_monotonic_ms() + 240 * 1000;
    while (!all_delivered(&w, MANY) && gw_monotonic_ms() < until)
        usleep(50 * 1000);
    assert_true(all_delivered(&w, MANY));
    assert_int_equal(helper_world_inbox(&w).count, MANY);
    assert_true(helper_runtime_stop(&w.a) < STOP_MS);
    assert_true(helper_runtime_stop(&w.b) < STOP_MS);
    gw_lanes_free(a);
    gw_lanes_free(b);
    helper_world_close(&w);
}

static size_t attempts(struct helper_world *w)
{
    struct gw_message_list list = helper_messages(&w->a, &w->arena, GW_OUTBOX, 0);
    size_t sum = 0;

    for (size_t i = 0; i < list.count; i++)
        sum += (size_t)list.rows[i].attempts;
    return sum;
}

/* The number behind this sample in what the gateway says of itself. */
static double metric(struct helper_world *w, struct gw_lanes *lanes, const char *sample)
{
    struct gw_api_server server = {.rt = w->a.rt, .lanes = lanes};
    struct gw_api_call call = {.server = &server, .admin = true, .arena = {.max = 8 << 20}};
    struct error err = {0};
    const char *line;
    double value = -1;

    gw_api_metrics_init(&server);
    assert_int_equal(gw_api_metrics(&call, &err), ST_OK);
    line = strstr(buf_cstr(&call.text), sample);
    if (line != NULL)
        value = strtod(line + strlen(sample), NULL);
    else
        fail_msg("no %s", sample);
    buf_deinit(&call.text);
    arena_deinit(&call.arena);
    gw_api_metrics_deinit(&server);
    return value;
}

#define CIRCUIT(state) "depesche_destination_circuit{destination=\"demo\",state=\"" state "\"} "
#define ATTEMPTS(result) "depesche_attempts_total{destination=\"demo\",result=\"" result "\"} "

/* Nobody there: few attempts, however many messages wait; and then all of them go. */
static void test_outage(void **state)
{
    struct helper_world w;
    struct gw_lanes *lanes = NULL;
    struct helper_line line = {.target = 0};
    char id[GW_ID_SIZE], url[64];
    int64_t until;
    struct gw_lane_report report;

    (void)state;
    helper_world_open(&w, false, helper_world_retry, helper_world_ahausen);
    helper_line_open(&line); /* to have a port, at which nobody listens for now */
    helper_line_close(&line);
    line.target = gw_http_server_port(w.fake.front);
    helper_runtime_deinit(&w.a);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/osci", line.port);
    helper_runtime_open(&w.a, helper_town_yaml, helper_world_retry, url);
    helper_runtime_run(&w.a);
    for (int i = 0; i < MANY; i++)
        helper_world_out(&w.a, "Beheim", "Hallo", 0, id);
    lanes_start(&w.a, &lanes);
    until = gw_monotonic_ms() + 240 * 1000;
    while (attempts(&w) == 0 && gw_monotonic_ms() < until)
        usleep(50 * 1000);
    (void)sleep(3);
    assert_in_range(attempts(&w), 1, 10);
    assert_true(gw_lanes_report(lanes, 0, &report));
    assert_int_equal(report.last_error.reason, GW_R_NET_REFUSED);
    assert_int_equal(report.last_success_at, 0);
    assert_true(metric(&w, lanes, CIRCUIT("closed")) == 0);
    assert_true(metric(&w, lanes, "depesche_destination_up{destination=\"demo\"} ") == 0);
    assert_true(metric(&w, lanes, ATTEMPTS("ok")) == 0);
    assert_in_range(metric(&w, lanes, ATTEMPTS("failed")), 1, 10);
    helper_line_reopen(&line);
    until = gw_monotonic_ms() + 240 * 1000;
    while (helper_messages(&w.a, &w.arena, GW_OUTBOX, GW_STATES(GW_SUBMITTED)).count < MANY &&
           gw_monotonic_ms() < until)
        usleep(50 * 1000);
    assert_int_equal(helper_messages(&w.a, &w.arena, GW_OUTBOX, GW_STATES(GW_SUBMITTED)).count,
                     MANY);
    assert_true(gw_lanes_report(lanes, 0, &report));
    assert_true(report.last_success_at >= report.last_error_at);
    assert_true(metric(&w, lanes, CIRCUIT("closed")) == 1);
    assert_true(metric(&w, lanes, CIRCUIT("open")) == 0);
    assert_true(metric(&w, lanes, "depesche_destination_up{destination=\"demo\"} ") == 1);
    /* counted once an attempt has ended, which is after its message has moved */
    while (metric(&w, lanes, ATTEMPTS("ok")) < MANY && gw_monotonic_ms() < until)
        usleep(50 * 1000);
    assert_true(metric(&w, lanes, ATTEMPTS("ok")) >= MANY);
    assert_true(helper_runtime_stop(&w.a) < STOP_MS);
    gw_lanes_free(lanes);
    helper_line_close(&line);
    helper_world_close(&w);
}

int main(void)
{
    enum {
        INS = ARRAY_LEN(in_rows),
        CERTS = ARRAY_LEN(cert_rows),
        DOUBTS = ARRAY_LEN(doubt_rows),
    };
    static const struct CMUnitTest more[] = {
        cmocka_unit_test(test_damaged_payload), cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_strays),          cmocka_unit_test(test_in_not_kept),
        cmocka_unit_test(test_in_never),        cmocka_unit_test(test_in_never_many),
        cmocka_unit_test(test_lanes),           cmocka_unit_test(test_outage),
        cmocka_unit_test(test_redirect),
    };
    struct CMUnitTest tests[INS + CERTS + DOUBTS + ARRAY_LEN(more)];
    size_t n = 0;

    for (size_t i = 0; i < INS; i++)
        tests[n++] = (struct CMUnitTest){in_rows[i].name, test_in, NULL, NULL, &in_rows[i]};
    for (size_t i = 0; i < CERTS; i++)
        tests[n++] =
            (struct CMUnitTest){cert_rows[i].name, test_partner_cert, NULL, NULL, &cert_rows[i]};
    for (size_t i = 0; i < DOUBTS; i++)
        tests[n++] =
            (struct CMUnitTest){doubt_rows[i].name, test_doubt, NULL, NULL, &doubt_rows[i]};
    memcpy(tests + n, more, sizeof more);
    gw_worker_setup(4);
    return cmocka_run_group_tests_name("lane", tests, helper_crypto_setup, helper_crypto_teardown);
}
