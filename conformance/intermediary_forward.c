/*
 * forwardDelivery and mediateDelivery, with a passive recipient of ours that answers as it is told.
 */
#include "conformance/role_intermediary.h"

#include <stdio.h>

#include "conformance/structure.h"

enum how {
    ANSWER_GOOD,
    ANSWER_HANG_UP,
    ANSWER_REJECT,
    ANSWER_UNSIGNED,
    ANSWER_CLEAR,
    ANSWER_FORGED,
    ANSWER_EMPTY
};

struct receiver {
    struct conf_run *run;
    const struct conf_party *party, *intermediary;
    enum how how;
    struct conf_listener *listener;
    char url[64];
    /* what came: */
    unsigned visits;
    bool with_reply_id;
    struct buf plain; /* of the last one, for comparing */
    bool keep;
};

static void receiver_deinit(struct receiver *r)
{
    conf_listener_free(r->listener);
    buf_deinit(&r->plain);
}

/* OSCI-083: what the intermediary brings. */
static void look_brought(struct receiver *r, struct conf_view *v)
{
    const xmlNode *block = conf_view_block(v, "ControlBlock");
    const xmlNode *certs = conf_view_block(v, "IntermediaryCertificates");
    const char *wrong = conf_view_signature(v, r->intermediary->signature);
    char text[CONF_CONTROL_MAX];

    conf_structure_look(r->run, v, r->intermediary->signature);
    (void)conf_check(r->run, 83, wrong == NULL, "%s", wrong != NULL ? wrong : "");
    (void)conf_check(r->run, 83,
                     conf_node_attr(block, "ConversationId", text, sizeof text)[0] == '\0' &&
                         conf_node_attr(block, "SequenceNumber", text, sizeof text)[0] == '\0',
                     "ConversationId or SequenceNumber in what is brought");
    (void)conf_check(r->run, 83, conf_node_below(certs, "CipherCertificateIntermediary") != NULL,
                     "no cipher certificate of the intermediary");
    (void)conf_check(r->run, 83, conf_node_below(certs, "SignatureCertificateIntermediary") != NULL,
                     "no signature certificate of the intermediary");
    (void)conf_node_text(conf_node_below(conf_view_block(v, "acceptDelivery"), "Reception"), text,
                         sizeof text);
    (void)conf_check(r->run, 74, text[0] == '\0', "acceptDelivery shows Reception");
}

/* The content of a reply to processDelivery. */
static enum status reply_make(struct receiver *r, const struct conf_view *v,
                              struct conf_delivery *d, struct error *err)
{
    const struct conf_delivery_want want = {.type = OSCI_RSP_PROCESS_DELIVERY,
                                            .originator = r->party,
                                            .addressee = conf_party(r->run, "originator"),
                                            .intermediary = r->intermediary,
                                            .no_attachment = true};
    const xmlNode *order = conf_view_block(v, "processDelivery");
    AUTO(buf_deinit) struct buf id = {0};

    TRY(conf_delivery_make(r->run, d, &want, err));
    d->msg.control.challenge = SPAN_NONE;
    d->msg.message_id = SPAN_NONE;
    d->msg.card_count = 0;
    for (size_t i = 0; i < d->msg.cert_count; i++)
        if (d->certs[i].role == OSCI_SIGNATURE_INTERMEDIARY)
            d->msg.cert_count = i;
    conf_node_bytes(conf_node_below(order, "MessageIdResponse"), &id);
    if (id.len > 0) {
        d->msg.message_id = arena_span(&d->arena, buf_span(&id));
        d->msg.creation = d->msg.reception = OSCI_QUALITY_PLAIN;
    }
    return ST_OK;
}

static enum status answer_make(struct receiver *r, struct conf_view *v, struct buf *wire,
                               struct error *err)
{
    static const struct conf_edit forged[] = {{.from = "xml:lang=\"de\"", .to = "xml:lang=\"en\""},
                                              {.from = NULL}};
    struct osci_feedback feedback = {.code = r->how == ANSWER_REJECT ? SPAN("9601") : SPAN("0800"),
                                     .lang = SPAN("de"),
                                     .text = SPAN("Konformit\xc3\xa4t")};
    struct osci_cert cert = {.role = OSCI_SIGNATURE_ADDRESSEE, .cert = r->party->signature};
    struct osci_message accepted = {
        .type = OSCI_RSP_ACCEPT_DELIVERY, .certs = &cert, .cert_count = 1};
    struct osci_message *msg = &accepted;
    struct conf_forge forge = {.sign_key = r->party->signature_key,
                               .encrypt_for = r->intermediary->cipher};
    char challenge[CONF_CONTROL_MAX], type[64];
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};

    (void)conf_node_text(conf_node_below(conf_view_block(v, "ControlBlock"), "Challenge"),
                         challenge, sizeof challenge);
    if (strcmp(conf_view_type(v, type, sizeof type), "processDelivery") == 0) {
        TRY(reply_make(r, v, &d, err));
        msg = &d.msg;
        if (r->how == ANSWER_EMPTY) {
            msg->has_package = false;
            msg->package = SPAN_NONE;
        }
    }
    msg->control.response = span_str(challenge);
    msg->feedback = &feedback;
    msg->feedback_count = 1;
    forge.msg = msg;
    if (r->how == ANSWER_UNSIGNED)
        forge.sign_key = NULL;
    if (r->how == ANSWER_CLEAR)
        forge.encrypt_for = NULL;
    if (r->how == ANSWER_FORGED)
        forge.after = forged;
    return conf_forge(&forge, wire, err);
}

static void receive(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    struct receiver *r = ctx;
    const struct conf_pair own = {r->party->cipher, r->party->cipher_key};
    struct error err = {0};
    AUTO(conf_view_deinit) struct conf_view v = {0};
    const char *wrong = conf_view_open(&v, request->body, &own, 1);

    r->visits++;
    if (!conf_check(r->run, 83, wrong == NULL, "what was brought cannot be read: %s",
                    wrong != NULL ? wrong : ""))
        return;
    conf_evidence_add(r->run, "brought-plain", buf_span(&v.plain));
    look_brought(r, &v);
    r->with_reply_id =
        conf_node_below(conf_view_block(&v, "processDelivery"), "MessageIdResponse") != NULL;
    if (r->keep)
        buf_add(&r->plain, buf_span(&v.plain));
    if (r->how == ANSWER_HANG_UP)
        return;
    answer->status = 200;
    if (answer_make(r, &v, &answer->body, &err) != ST_OK)
        answer->status = 500;
}

static enum status receiver_init(struct conf_run *run, struct receiver *r, struct error *err)
{
    uint64_t port = conf_set_number(run, "receiver_port", 0);

    *r = (struct receiver){.run = run,
                           .party = conf_party(run, "recipient"),
                           .intermediary = conf_party(run, "intermediary")};
    if (port == 0)
        return error_set(err, ST_NOT_FOUND, 0,
                         "needs the setting receiver_port (--set), a port on 127.0.0.1 that the "
                         "intermediary may forward to");
    if (r->party->signature_key == NULL || r->party->cipher_key == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "needs keys of the party recipient");
    buf_init(&r->plain, CONF_WIRE_MAX);
    (void)snprintf(r->url, sizeof r->url, "http://127.0.0.1:%u/osci", (unsigned)port);
    return conf_listen(run, (unsigned)port, receive, r, &r->listener, err);
}

static enum status forward(struct conf_client *c, const char *url, struct conf_delivery *d,
                           struct buf *plain, struct conf_got *got, struct error *err)
{
    char id[CONF_CONTROL_MAX];
    struct conf_forge forge = {.inner = plain};

    TRY(conf_client_id(c, id, err));
    TRY(conf_client_delivery(c, OSCI_FORWARD_DELIVERY, "recipient", id, d, err));
    d->msg.message_id = arena_span(&d->arena, span_str(id));
    d->msg.receiver_uri = span_str(url);
    return conf_client_send(c, &d->msg, &forge, got, err);
}

/* Each way to answer, the code that is to come of it, and whether it proves reception. */
static enum status answers(struct conf_run *run, struct error *err)
{
    static const struct {
        enum how how;
        const char *name, *code;
        bool received, warning;
    } rows[] = {
        {ANSWER_GOOD, "accepted", "0", true, true},
        {ANSWER_HANG_UP, "the answer is lost", "9810", false, false},
        {ANSWER_REJECT, "rejected", "9805", false, false},
        {ANSWER_UNSIGNED, "an unsigned answer", "3802", true, true},
        {ANSWER_CLEAR, "an answer in the clear", "3803", true, true},
        {ANSWER_FORGED, "a wrong signature", "9807", false, false},
    };
    struct conf_client c;
    AUTO(receiver_deinit) struct receiver r = {0};

    TRY(receiver_init(run, &r, err));
    TRY(conf_client_init(&c, run, "originator", err));
    TRY(conf_client_open(&c, err));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
        AUTO(conf_got_deinit) struct conf_got got = {0};
        AUTO(conf_got_deinit) struct conf_got card = {0};
        bool received;

        r.how = rows[i].how;
        TRY(forward(&c, r.url, &d, NULL, &got, err));
        (void)conf_check(run, 84,
                         rows[i].warning ? strstr(got.codes, rows[i].code) != NULL &&
                                               got.fault == 0 && got.code[0] != '9'
                                         : conf_got_code(&got, rows[i].code),
                         "%s: %s instead of %s", rows[i].name, got.what, rows[i].code);
        (void)conf_check(run, 61, got.fault == 0, "forwardDelivery: %s", got.what);
        TRY(conf_card(&c, d.msg.message_id, &card, err));
        received = conf_node_below(conf_view_body(&card.view), "Reception") != NULL;
        (void)conf_check(run, 73, received == rows[i].received, "%s: the card %s Reception",
                         rows[i].name, received ? "has" : "lacks");
    }
    return conf_client_close(&c, err);
}

static enum status passed_on(struct conf_run *run, struct error *err)
{
    struct conf_client c;
    const char *wrong;
    AUTO(receiver_deinit) struct receiver r = {0};
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};
    AUTO(conf_view_deinit) struct conf_view sent = {0};
    AUTO(conf_view_deinit) struct conf_view came = {0};
    AUTO(buf_deinit) struct buf plain = {0};

    TRY(receiver_init(run, &r, err));
    TRY(conf_client_init(&c, run, "originator", err));
    r.keep = true;
    buf_init(&plain, CONF_WIRE_MAX);
    TRY(forward(&c, r.url, &d, &plain, &got, err));
    wrong = conf_view_open(&sent, buf_span(&plain), NULL, 0);
    if (wrong == NULL)
        wrong = conf_view_open(&came, buf_span(&r.plain), NULL, 0);
    if (wrong != NULL)
        return error_set(err, ST_RETRY, 0, "nothing readable was brought: %s, %s", got.what, wrong);
    conf_look_delivery(run, &sent, &came);
    return ST_OK;
}

/* Nobody listens; and addresses that are not on the list, at a door of ours that must stay shut. */
static enum status nowhere(struct conf_run *run, struct error *err)
{
    uint64_t dead = conf_set_number(run, "dead_port", 0);
    struct conf_client c;
    struct conf_listener *shut = NULL;
    char url[64];
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_delivery_deinit) struct conf_delivery e = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};
    AUTO(conf_got_deinit) struct conf_got refused = {0};
    enum status st;

    TRY(conf_client_init(&c, run, "originator", err));
    if (dead == 0) {
        conf_untestable(run, 84, "braucht die Angabe dead_port (--set)",
                        "needs the setting dead_port (--set)");
    } else {
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/osci", (unsigned)dead);
        TRY(forward(&c, url, &d, NULL, &got, err));
        (void)conf_check(run, 84, conf_got_code(&got, "9809"), "unreachable: %s instead of 9809",
                         got.what);
    }
    TRY(conf_trap(run, &shut, url, err));
    st = forward(&c, url, &e, NULL, &refused, err);
    if (st == ST_OK) {
        (void)conf_check(run, 87, conf_got_refused(&refused), "an address off the list: %s",
                         refused.what);
        (void)conf_check(run, 87, conf_listener_connections(shut) == 0,
                         "an address off the list was connected to");
    }
    conf_listener_free(shut);
    return st;
}

static enum status mediate(struct conf_client *c, struct receiver *r, bool with_id,
                           struct conf_got *got, struct error *err)
{
    char id[CONF_CONTROL_MAX];
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};

    if (with_id)
        TRY(conf_client_id(c, id, err));
    TRY(conf_client_delivery(c, OSCI_MEDIATE_DELIVERY, "recipient", with_id ? id : NULL, &d, err));
    d.msg.receiver_uri = span_str(r->url);
    return conf_client_send(c, &d.msg, NULL, got, err);
}

static enum status replies(struct conf_run *run, struct error *err)
{
    struct conf_client c;
    const xmlNode *root;
    AUTO(receiver_deinit) struct receiver r = {0};
    AUTO(conf_got_deinit) struct conf_got good = {0};
    AUTO(conf_got_deinit) struct conf_got empty = {0};
    AUTO(conf_got_deinit) struct conf_got bare = {0};

    TRY(receiver_init(run, &r, err));
    TRY(conf_client_init(&c, run, "originator", err));
    TRY(conf_client_open(&c, err));
    TRY(mediate(&c, &r, true, &good, err));
    (void)conf_check(run, 61, conf_delivered(&good), "mediateDelivery: %s", good.what);
    (void)conf_check(run, 86, r.with_reply_id, "no MessageIdResponse in processDelivery");
    root = good.readable ? xmlDocGetRootElement(good.view.doc) : NULL;
    (void)conf_check(run, 86,
                     conf_node_below(root, "RequestProcessCardBundle") != NULL &&
                         conf_node_below(root, "ReplyProcessCardBundle") != NULL,
                     "not two process cards: %s", good.what);
    r.how = ANSWER_EMPTY;
    TRY(mediate(&c, &r, true, &empty, err));
    (void)conf_check(run, 85, conf_got_code(&empty, "9806"), "no content in the answer: %s",
                     empty.what);
    r.how = ANSWER_GOOD;
    r.visits = 0;
    TRY(mediate(&c, &r, false, &bare, err));
    (void)conf_check(run, 86, !r.with_reply_id || r.visits == 0,
                     "MessageIdResponse although the order has no MessageId");
    (void)conf_check(run, 86, bare.fault == 0, "without MessageId: %s", bare.what);
    return conf_client_close(&c, err);
}

struct conf_scenario_list conf_intermediary_forwards(void)
{
    static const struct conf_scenario scenarios[] = {
        {"forward-answers", answers, {61, 73, 83, 84}},
        {"forward-unchanged", passed_on, {82}},
        {"forward-nowhere", nowhere, {84, 87}},
        {"mediate", replies, {61, 85, 86}},
    };

    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
