/*
 * forwardDelivery and mediateDelivery through intermediary and passive recipient, both ours, and
 * what the originator is told when the recipient misbehaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "osci/recipient.h"
#include "tests/unit/helper_flaw.h"
#include "tests/unit/helper_osci.h"

#define URI "http://127.0.0.1:9/osci"
#define REPLY_PACKAGE                                                                              \
    "<osci:ContentContainer Id=\"r1\"><osci:Content><osci:Base64Content Id=\"r2\">"                \
    "QW50d29ydA==</osci:Base64Content></osci:Content><osci:Content Id=\"r3\" "                     \
    "href=\"cid:antwort.bin\"></osci:Content></osci:ContentContainer>"
#define REPLY_OCTETS "the octets of the reply"

enum twist { /* what the recipient does that it should not */
             NOTHING,
             UNSIGNED,
             PLAIN,
             FOREIGN_RESPONSE,
             FOREIGN_KEY,
             SIGNER_EXPIRED,
             SIGNER_FORGED,
             SIGNER_REVOKED,
             GARBAGE,
             CLIENT_FAULT,
             SERVER_FAULT,
             UNREACHABLE,
             LOST,
             NO_OSCI,
};

struct world {
    struct im_fixture f;
    struct identity *identity;
    struct osci_own_cipher own;
    struct osci_sender sender;
    struct osci_recipient r;
    enum twist twist;
    int refusal;  /* of the recipient; 0: it takes */
    bool replies; /* with content */
    unsigned calls;
    /* what came, of the last call */
    char message_id[64], reply_id[64];
    bool had_card;
    bool foreign; /* not our own client's order */
    struct buf octets;
};

static void fault_make(struct buf *answer, const char *code)
{
    struct error err = {0};

    helper_ok(osci_fault_write(answer, code, "text", rng_system(), &err), &err);
}

static void writer_drain(struct osci_writer *writer, struct buf *out)
{
    struct error err = {0};
    bool end = false;

    while (!end)
        helper_ok(osci_writer_next(writer, out, &end, &err), &err);
}

static void came(struct world *w, const struct helper_in *in)
{
    const struct osci_message *msg = &in->reading->msg;
    struct sink_buf sink;
    struct error err = {0};

    w->had_card = msg->card_count == 1;
    im_text(w->had_card ? msg->cards[0].message_id : SPAN_NONE, w->message_id,
            sizeof w->message_id);
    im_text(msg->message_id_response, w->reply_id, sizeof w->reply_id);
    assert_null(msg->control.conversation_id.ptr);
    assert_false(msg->control.has_sequence);
    assert_true(in->transport.encrypted);
    if (w->foreign)
        return;
    assert_int_equal(msg->attachment_count, 1);
    buf_reset(&w->octets);
    helper_ok(osci_attachment_copy(in->reading, 0, sink_buf_init(&sink, &w->octets), &err), &err);
    assert_true(span_is(buf_span(&w->octets), IM_ATTACHMENT));
    if (w->had_card) {
        assert_non_null(msg->cards[0].creation.text.ptr);
        assert_non_null(msg->cards[0].forwarding.text.ptr);
        assert_int_equal(msg->cards[0].inspection_count, 3);
        assert_true(span_is(msg->cards[0].subject, "Betreff"));
    }
}

/* The recipient's signature certificate is not what it should be. */
static void signer_flaw(struct world *w, struct osci_recipient *r, struct identity *other,
                        enum flaw flaw)
{
    *other = *w->identity;
    other->signature.cert = flaw_make(&w->f, "addressee-signature-2048", flaw);
    r->identity = other;
}

static void answer_twist(struct world *w, struct osci_visit *v, struct osci_recipient *r,
                         struct identity *other)
{
    switch (w->twist) {
    case UNSIGNED:
        v->is_signed = false;
        break;
    case PLAIN:
        cert_free(v->encrypt_for);
        v->encrypt_for = NULL;
        break;
    case FOREIGN_RESPONSE:
        v->answer.control.response = SPAN("AAAA");
        break;
    case FOREIGN_KEY:
        *other = *w->identity;
        other->signature.key = im_key(&w->f, "author-signature-2048");
        r->identity = other;
        break;
    case SIGNER_EXPIRED:
        signer_flaw(w, r, other, FLAW_EXPIRED);
        break;
    case SIGNER_FORGED:
        signer_flaw(w, r, other, FLAW_CORRUPT);
        break;
    case SIGNER_REVOKED:
        signer_flaw(w, r, other, FLAW_REVOKED);
        break;
    default:
        break;
    }
}

static enum osci_forward_how answer_make(struct world *w, struct span wire, struct buf *answer)
{
    struct osci_attachment part = {.cid = SPAN("antwort.bin"), .len = sizeof REPLY_OCTETS - 1};
    const struct osci_reply reply = {.subject = SPAN("Antwort"),
                                     .package = SPAN(REPLY_PACKAGE),
                                     .attachments = &part,
                                     .attachment_count = 1};
    const struct error why = {.status = ST_DENIED, .text = "as the test wished"};
    struct osci_request request = {0};
    struct osci_recipient r = w->r;
    struct identity other;
    struct source_span octets;
    struct error err = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(osci_visit_drop) struct osci_visit *v = NULL;
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;

    buf_init(&in.wire, 64 * 1024 * 1024);
    buf_add(&in.wire, wire);
    helper_ok(helper_read_own(&in, &w->own, 1, &w->f.policy, &err), &err);
    request.transport = in.transport;
    request.reading = in.reading;
    helper_ok(osci_recipient_check(&r, &request, helper_now, &v, &err), &err);
    if (!v->take)
        fail_msg("%d: %s", v->code, v->why.text);
    came(w, &in);
    part.body = source_span_init(&octets, SPAN(REPLY_OCTETS));
    helper_ok(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), SPAN(REPLY_OCTETS),
                        &part.digest, &err),
              &err);
    answer_twist(w, v, &r, &other);
    osci_recipient_answer(&r, v, w->refusal, &why, w->replies ? &reply : NULL);
    helper_ok(osci_visit_write(&r, v, helper_now, &writer, &err), &err);
    writer_drain(writer, answer);
    return OSCI_FORWARD_ANSWERED;
}

static enum osci_forward_how recipient(void *ctx, const char *uri, struct span wire,
                                       struct buf *answer)
{
    struct world *w = ctx;

    w->calls++;
    assert_string_equal(uri, w->foreign ? "http://recipient.example/osci" : URI);
    switch (w->twist) {
    case GARBAGE:
        buf_str(answer, "not OSCI at all");
        return OSCI_FORWARD_ANSWERED;
    case CLIENT_FAULT:
        fault_make(answer, "9202");
        return OSCI_FORWARD_ANSWERED;
    case SERVER_FAULT:
        fault_make(answer, "9000");
        return OSCI_FORWARD_ANSWERED;
    case UNREACHABLE:
        return OSCI_FORWARD_NOT_SENT;
    case LOST:
        return OSCI_FORWARD_LOST;
    case NO_OSCI:
        return OSCI_FORWARD_FAILED;
    default:
        return answer_make(w, wire, answer);
    }
}

static void world_init(struct world *w)
{
    static const char *const receivers[] = {"http://other.example/", URI};

    *w = (struct world){.octets = {.max = 1024 * 1024}};
    im_fixture_init(&w->f);
    w->f.im.receivers = receivers;
    w->f.im.receiver_count = ARRAY_LEN(receivers);
    w->f.recipient = recipient;
    w->f.recipient_ctx = w;
    w->identity = im_identity("addressee");
    w->own = (struct osci_own_cipher){w->identity->cipher.cert, w->identity->cipher.key};
    w->sender = (struct osci_sender){w->f.identity->cipher.cert, w->f.identity->signature.cert};
    w->r = (struct osci_recipient){.identity = w->identity,
                                   .checker = w->f.checker,
                                   .policy = &w->f.policy,
                                   .rng = rng_system(),
                                   .senders = &w->sender,
                                   .sender_count = 1,
                                   .require_signature = true,
                                   .processes = true};
}

static void world_deinit(struct world *w)
{
    identity_free(w->identity);
    buf_deinit(&w->octets);
    im_fixture_deinit(&w->f);
}

/* ---- every outcome ---- */

static struct outcome_row {
    const char *name;
    enum twist twist;
    int refusal;
    const char *forward;    /* codes of the answer to forwardDelivery in a dialog of its own */
    const char *times;      /* on its card */
    const char *mediate;    /* codes with content in the reply */
    const char *no_content; /* and without */
} outcome_rows[] = {
    {"accepted", NOTHING, 0, "0800", "CFR", "0801", "9806"},
    {"answered unsigned", UNSIGNED, 0, "3802 0800", "CFR", "3802 0801", "3802 9806"},
    {"answered in the clear", PLAIN, 0, "3803 0800", "CFR", "3803 0801", "3803 9806"},
    {"the answer is to another message", FOREIGN_RESPONSE, 0, "9810", "CF", "9810", "9810"},
    {"the answer's signature is wrong", FOREIGN_KEY, 0, "9807", "CF", "9807", "9807"},
    {"the signer's certificate is expired", SIGNER_EXPIRED, 0, "3708 0800", "CFR", "3708 0801",
     "3708 9806"},
    {"the signer's certificate is forged", SIGNER_FORGED, 0, "9711", "CF", "9711", "9711"},
    {"the signer's certificate is revoked", SIGNER_REVOKED, 0, "9712", "CF", "9712", "9712"},
    {"the answer cannot be read", GARBAGE, 0, "9810", "CF", "9810", "9810"},
    {"refused", NOTHING, 9601, "9805", "CF", "9805", "9805"},
    {"its own error", NOTHING, 9811, "9808", "CF", "9808", "9808"},
    {"a client fault", CLIENT_FAULT, 0, "9805", "CF", "9805", "9805"},
    {"a server fault", SERVER_FAULT, 0, "9808", "CF", "9808", "9808"},
    {"another HTTP status", NO_OSCI, 0, "9808", "CF", "9808", "9808"},
    {"not to be reached", UNREACHABLE, 0, "9809", "C", "9809", "9809"},
    {"no answer came", LOST, 0, "9810", "CF", "9810", "9810"},
};

static void times_expect(const char *times, bool creation, bool forwarding, bool reception)
{
    char text[4] = {0};

    (void)snprintf(text, sizeof text, "%s%s%s", creation ? "C" : "", forwarding ? "F" : "",
                   reception ? "R" : "");
    assert_string_equal(text, times);
}

static void forward_again(struct world *w, const char *who, const char *codes)
{
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    im_client_init(&c, &w->f, who);
    im_forward_order(&c, OSCI_FORWARD_DELIVERY, &m, "m1", "addressee", URI);
    im_send(&c, &m, &r);
    im_assert_codes(&r, codes);
    im_reply_deinit(&r);
}

/* What may not have got there may be brought again by its originator, until it has. */
static void again_expect(struct world *w, const struct outcome_row *row,
                         const struct osci_delivery *kept)
{
    forward_again(w, "originator",
                  kept->reception != 0                ? "9801"
                  : strcmp(row->forward, "9808") == 0 ? "9810"
                                                      : row->forward);
    times_expect(row->times, kept->creation != 0, kept->forwarding != 0, kept->reception != 0);
    assert_int_equal(w->calls, kept->reception != 0 ? 1 : 2);
    w->twist = NOTHING;
    w->refusal = 0;
    forward_again(w, "reader", "9801"); /* it is not his */
    if (kept->reception == 0)
        forward_again(w, "originator", "0800");
    assert_true(kept->reception != 0);
    forward_again(w, "originator", "9801");
    assert_int_equal(w->f.mailbox.delivery_count, 1);
}

static void test_forward(void **state)
{
    const struct outcome_row *row = *state;
    const struct osci_delivery *kept;
    const struct osci_card *card;
    struct world w;
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    world_init(&w);
    w.twist = row->twist;
    w.refusal = row->refusal;
    helper_mailbox_issue(&w.f.mailbox, SPAN("m1"));
    im_client_init(&c, &w.f, "originator");
    im_forward_order(&c, OSCI_FORWARD_DELIVERY, &m, "m1", "addressee", URI);
    im_send(&c, &m, &r);
    im_assert_codes(&r, row->forward);
    assert_int_equal(w.calls, 1);
    assert_int_equal(r.reading->msg.card_count, 1);
    card = &r.reading->msg.cards[0];
    times_expect(row->times, card->creation.text.ptr != NULL, card->forwarding.text.ptr != NULL,
                 card->reception.text.ptr != NULL);
    im_reply_deinit(&r);
    assert_int_equal(w.f.mailbox.delivery_count, 1); /* and so the kept card says */
    kept = &w.f.mailbox.deliveries[0].d;
    times_expect(row->times, kept->creation != 0, kept->forwarding != 0, kept->reception != 0);
    assert_int_equal(kept->kind, OSCI_DELIVERY_FORWARD);
    if (row->twist != SIGNER_FORGED && row->twist != SIGNER_REVOKED) /* those flaws stay */
        again_expect(&w, row, kept);
    world_deinit(&w);
}

static void mediate(struct world *w, const struct outcome_row *row, bool content, const char *codes)
{
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    w->twist = row->twist;
    w->refusal = row->refusal;
    w->replies = content;
    helper_mailbox_issue(&w->f.mailbox, SPAN("m1"));
    im_client_init(&c, &w->f, "originator");
    im_dialog_open(&c);
    im_forward_order(&c, OSCI_MEDIATE_DELIVERY, &m, "m1", "addressee", URI);
    im_send(&c, &m, &r);
    im_assert_codes(&r, codes);
    if (osci_executed(&r.reading->msg)) {
        assert_int_equal(r.reading->msg.card_count, 2);
        assert_true(r.reading->msg.has_package);
    } else {
        assert_int_equal(r.reading->msg.card_count, 0);
        assert_false(r.reading->msg.has_package);
    }
    im_reply_deinit(&r);
    im_dialog_close(&c);
}

static void test_mediate(void **state)
{
    const struct outcome_row *row = *state;
    struct world w;

    world_init(&w);
    mediate(&w, row, true, row->mediate);
    world_deinit(&w);
    world_init(&w);
    mediate(&w, row, false, row->no_content);
    world_deinit(&w);
}

/* ---- request and reply, looked at closely ---- */

static void reply_expect(const struct im_reply *r, struct world *w)
{
    const struct osci_message *msg = &r->reading->msg;
    struct sink_buf sink;
    struct error err = {0};
    AUTO(buf_deinit) struct buf octets = {.max = 65536}, text = {.max = 65536};

    helper_ok(osci_package_text(r->reading, &text, &err), &err);
    assert_true(span_find(buf_span(&text), SPAN("QW50d29ydA==</osci:Base64Content>")) != SIZE_MAX);
    assert_int_equal(msg->attachment_count, 1);
    helper_ok(osci_attachment_copy(r->reading, 0, sink_buf_init(&sink, &octets), &err), &err);
    assert_true(span_is(buf_span(&octets), REPLY_OCTETS));
    assert_true(cert_eq(osci_cert_of(msg, OSCI_CIPHER_ADDRESSEE)->cert,
                        im_cert(&w->f, "originator-cipher-2048")));
    assert_true(cert_eq(osci_cert_of(msg, OSCI_SIGNATURE_ORIGINATOR)->cert,
                        im_cert(&w->f, "addressee-signature-2048")));
}

static void test_reply(void **state)
{
    struct world w;
    struct im_client c;
    struct osci_message m;
    struct im_reply r;
    char id[64];

    (void)state;
    world_init(&w);
    w.replies = true;
    helper_mailbox_issue(&w.f.mailbox, SPAN("m1"));
    im_client_init(&c, &w.f, "originator");
    im_dialog_open(&c);
    im_forward_order(&c, OSCI_MEDIATE_DELIVERY, &m, "m1", "addressee", URI);
    im_send(&c, &m, &r);
    im_assert_codes(&r, "0801");
    reply_expect(&r, &w);
    assert_string_equal(w.message_id, "m1");
    assert_non_null(r.reading->msg.cards[0].reception.text.ptr);
    assert_true(r.reading->msg.cards[1].is_reply);
    assert_null(r.reading->msg.cards[1].reception.text.ptr);
    im_text(r.reading->msg.cards[1].message_id, id, sizeof id);
    assert_string_equal(id, w.reply_id);
    assert_true(span_is(r.reading->msg.cards[1].subject, "Antwort"));
    im_reply_deinit(&r);
    assert_int_equal(w.f.mailbox.delivery_count, 2);
    assert_int_equal(w.f.mailbox.deliveries[1].d.reception, 0);
    im_dialog_close(&c); /* 3.4 (7): it could read the reply */
    assert_int_not_equal(w.f.mailbox.deliveries[1].d.reception, 0);
    world_deinit(&w);
}

static void test_without_protocol(void **state)
{
    struct world w;
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    (void)state;
    world_init(&w);
    w.replies = true;
    im_client_init(&c, &w.f, "originator");
    im_dialog_open(&c);
    im_forward_order(&c, OSCI_MEDIATE_DELIVERY, &m, NULL, "addressee", URI);
    im_send(&c, &m, &r);
    im_assert_codes(&r, "0801");
    reply_expect(&r, &w);
    assert_int_equal(r.reading->msg.card_count, 0);
    assert_false(w.had_card);
    assert_string_equal(w.reply_id, "");
    im_reply_deinit(&r);
    im_dialog_close(&c);
    assert_int_equal(w.f.mailbox.delivery_count, 0);
    world_deinit(&w);
}

static void test_mediate_needs_dialog(void **state)
{
    struct world w;
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    (void)state;
    world_init(&w);
    helper_mailbox_issue(&w.f.mailbox, SPAN("m1"));
    im_client_init(&c, &w.f, "originator");
    im_forward_order(&c, OSCI_MEDIATE_DELIVERY, &m, "m1", "addressee", URI);
    im_send(&c, &m, &r);
    im_assert_codes(&r, "9802");
    im_reply_deinit(&r);
    assert_int_equal(w.calls, 0);
    world_deinit(&w);
}

/* ---- digest 12.7: nobody makes us connect anywhere ---- */

static struct uri_row {
    const char *uri;
    bool allowed;
} uri_rows[] = {
    {"https://town.example/osci", true},
    {"https://town.example/osci/", false},
    {"https://town.example/osci?x", false},
    {"http://town.example/osci", false},
    {"https://all.example/", true},
    {"https://all.example/a/b", true},
    {"https://all.example", false},
    {"https://all.example.evil/", false},
    {"https://all.example@evil/", false},
    {"https://all.example/a/../b", false},
    {"https://all.example/%2e%2e/b", false},
    {"https://all.example/a b", false},
    {"https://all.example/a\\b", false},
    {"file:///etc/passwd", false},
    {"", false},
};

static void test_uri(void **state)
{
    static const char *const receivers[] = {"https://town.example/osci", "https://all.example/"};
    const struct osci_intermediary im = {.receivers = receivers, .receiver_count = 2};
    const struct uri_row *row = *state;
    size_t receiver;

    assert_int_equal(osci_receiver_find(&im, span_str(row->uri), &receiver), row->allowed);
}

static void test_not_connected(void **state)
{
    struct world w;
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    (void)state;
    world_init(&w);
    helper_mailbox_issue(&w.f.mailbox, SPAN("m1"));
    im_client_init(&c, &w.f, "originator");
    im_forward_order(&c, OSCI_FORWARD_DELIVERY, &m, "m1", "addressee", "http://127.0.0.1:22/");
    im_send(&c, &m, &r);
    im_assert_codes(&r, "9811");
    im_reply_deinit(&r);
    assert_int_equal(w.calls, 0);
    assert_int_equal(w.f.mailbox.delivery_count, 0);
    im_forward_order(&c, OSCI_FORWARD_DELIVERY, &m, "m1", "addressee", URI);
    im_send(&c, &m, &r);
    im_assert_codes(&r, "0800"); /* the id was not used up */
    im_reply_deinit(&r);
    world_deinit(&w);
}

/* The official library's forwardDelivery, with its own certificate Ids, goes on readable. */
static void test_library_order(void **state)
{
    static const char *const receivers[] = {"http://recipient.example/osci"};
    struct world w;
    struct im_reply r;
    struct osci_own_cipher client;
    AUTO(buf_deinit) struct buf wire = {0};

    (void)state;
    world_init(&w);
    w.foreign = true;
    w.f.im.receivers = receivers;
    w.f.im.receiver_count = 1;
    helper_mailbox_issue(&w.f.mailbox, SPAN("intermediary.example_1795298136604_000292"));
    client = (struct osci_own_cipher){im_cert(&w.f, "originator-cipher-2048"),
                                      im_key(&w.f, "originator-cipher-2048")};
    helper_vector("osci12/passive/encrypted/forwardDelivery.req.mime", &wire);
    im_exchange(&w.f, buf_span(&wire), &client, &r);
    im_assert_code(&r, "0800");
    im_reply_deinit(&r);
    assert_int_equal(w.calls, 1);
    assert_string_equal(w.message_id, "intermediary.example_1795298136604_000292");
    world_deinit(&w);
}

/* ---- attachments as sources ---- */

static const char *const attachment_vectors[] = {
    "osci12/store/62-attachment-clear-base64-100k.req.mime", /* decoded on the way */
    "osci12/negative/accept/base.mime",
};

static void source_expect(struct source *source, struct span whole, size_t step)
{
    struct error err = {0};
    uint8_t piece[5000];
    uint64_t at = 0;
    size_t got;

    assert_int_equal(source->len, whole.len);
    do {
        helper_ok(source_read(source, at, piece, step, &got, &err), &err);
        assert_true(got <= step);
        assert_memory_equal(piece, whole.ptr + at, got);
        at += got;
    } while (got > 0);
    assert_int_equal(at, whole.len);
}

static void test_sources(void **state)
{
    static const size_t steps[] = {5000, 4096, 77, 5000};
    const struct policy policy = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(attachment_vectors); i++) {
        struct error err = {0};
        struct sink_buf sink;
        struct source *source;
        AUTO(buf_deinit) struct buf whole = {.max = 1024 * 1024};
        AUTO(arena_deinit) struct arena arena = {0};
        AUTO(helper_in_deinit) struct helper_in in = {0};

        arena_init(&arena, 1024 * 1024);
        helper_vector(attachment_vectors[i], &in.wire);
        helper_ok(helper_read(&in, NULL, &policy, &err), &err);
        assert_int_equal(in.reading->msg.attachments[0].base64, i == 0);
        helper_ok(osci_attachment_copy(in.reading, 0, sink_buf_init(&sink, &whole), &err), &err);
        helper_ok(osci_attachment_source(in.reading, 0, &arena, &source, &err), &err);
        for (size_t k = 0; k < ARRAY_LEN(steps); k++) /* each time from the start again */
            source_expect(source, buf_span(&whole), steps[k]);
    }
}

int main(void)
{
    static struct CMUnitTest tests[128];
    static char names[2 * ARRAY_LEN(outcome_rows)][96];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(outcome_rows); i++) {
        (void)snprintf(names[2 * i], sizeof names[0], "forward: %s", outcome_rows[i].name);
        (void)snprintf(names[2 * i + 1], sizeof names[0], "mediate: %s", outcome_rows[i].name);
        tests[n++] = (struct CMUnitTest){names[2 * i], test_forward, NULL, NULL, &outcome_rows[i]};
        tests[n++] =
            (struct CMUnitTest){names[2 * i + 1], test_mediate, NULL, NULL, &outcome_rows[i]};
    }
    for (size_t i = 0; i < ARRAY_LEN(uri_rows); i++)
        tests[n++] = (struct CMUnitTest){uri_rows[i].uri, test_uri, NULL, NULL, &uri_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_reply);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_without_protocol);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_mediate_needs_dialog);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_not_connected);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_library_order);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_sources);
    return _cmocka_run_group_tests("forward", tests, n, helper_crypto_setup,
                                   helper_crypto_teardown);
}
