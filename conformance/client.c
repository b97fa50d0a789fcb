#include "conformance/client.h"

#include <stdio.h>

#include "conformance/looks.h"
#include "conformance/structure.h"

enum { ORDER_MAX = 256 * 1024 * 1024 };

void conf_got_deinit(struct conf_got *got)
{
    conf_view_deinit(&got->view);
    conf_reply_deinit(&got->reply);
    *got = (struct conf_got){0};
}

bool conf_got_code(const struct conf_got *got, const char *code)
{
    return strcmp(got->code, code) == 0;
}

bool conf_got_refused(const struct conf_got *got)
{
    if (!got->readable)
        return got->reply.status == 0 || got->reply.status >= 400;
    return got->fault != 0 || got->code[0] == '9';
}

enum status conf_client_init(struct conf_client *c, struct conf_run *run, const char *party,
                             struct error *err)
{
    *c = (struct conf_client){.run = run,
                              .party = conf_party(run, party),
                              .peer = conf_party(run, "intermediary"),
                              .url = run->settings->urls[CONF_INTERMEDIARY]};
    if (c->party->signature_key == NULL || c->party->cipher_key == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "needs keys of the party %s (--keys)", party);
    if (c->peer->cipher == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "needs intermediary-cipher.pem (--keys)");
    return ST_OK;
}

enum status conf_client_control(struct conf_client *c, struct osci_message *msg, struct error *err)
{
    bool init = msg->type == OSCI_INIT_DIALOG;

    (void)err;
    conf_marker(c->run, c->challenge);
    msg->control = (struct osci_controlblock){.challenge = span_str(c->challenge)};
    msg->languages = span_str(c->languages);
    if (init)
        return ST_OK;
    msg->control.has_sequence = true;
    if (!c->in_dialog)
        return ST_OK;
    msg->control.sequence = c->sequence;
    msg->control.response = span_str(c->peer_challenge);
    msg->control.conversation_id = span_str(c->conversation);
    return ST_OK;
}

enum status conf_client_order(struct conf_client *c, enum osci_type type, struct osci_message *msg,
                              struct error *err)
{
    *msg = (struct osci_message){.type = type, .certs = c->certs};
    TRY(conf_client_control(c, msg, err));
    if (type == OSCI_INIT_DIALOG || (type == OSCI_GET_MESSAGE_ID && !c->in_dialog))
        c->certs[msg->cert_count++] =
            (struct osci_cert){.role = OSCI_CIPHER_ORIGINATOR, .cert = c->party->cipher};
    if (!c->unsign)
        c->certs[msg->cert_count++] =
            (struct osci_cert){.role = OSCI_SIGNATURE_ORIGINATOR, .cert = c->party->signature};
    return ST_OK;
}

enum status conf_client_write(struct conf_client *c, const struct osci_message *msg,
                              const struct conf_forge *tweak, struct buf *wire, struct error *err)
{
    struct conf_forge forge = tweak != NULL ? *tweak : (struct conf_forge){0};

    forge.msg = msg;
    if (forge.sign_key == NULL && !c->unsign)
        forge.sign_key = c->party->signature_key;
    if (forge.encrypt_for == NULL && !c->plain)
        forge.encrypt_for = c->peer->cipher;
    buf_init(wire, ORDER_MAX);
    return conf_forge(&forge, wire, err);
}

enum status conf_client_seal(struct conf_client *c, struct span plain, struct buf *wire,
                             struct error *err)
{
    const struct conf_envelope usual = {0};

    buf_init(wire, ORDER_MAX);
    return conf_envelope_write(&usual, c->peer->cipher, plain, wire, err);
}

/* ---- answers ---- */

static void got_read(struct conf_client *c, struct conf_got *got)
{
    const struct conf_pair own = {c->party->cipher, c->party->cipher_key};
    const char *wrong;

    if (got->reply.status == 0) {
        (void)snprintf(got->what, sizeof got->what, "no answer (%s)", got->reply.why);
        return;
    }
    wrong = conf_view_open(&got->view, buf_span(&got->reply.body), &own, 1);
    got->readable = wrong == NULL;
    if (wrong != NULL) {
        (void)snprintf(got->what, sizeof got->what, "HTTP %d and %s", got->reply.status, wrong);
        return;
    }
    if (got->view.encrypted)
        conf_evidence_add(c->run, "answer-plain", buf_span(&got->view.plain));
    (void)conf_view_codes(&got->view, "Feedback", got->codes, sizeof got->codes);
    (void)conf_view_code(&got->view, got->code, sizeof got->code);
    if (conf_view_is_fault(&got->view))
        got->fault = atoi(got->code);
    (void)snprintf(got->what, sizeof got->what, "%s %s", got->fault != 0 ? "fault" : "feedback",
                   got->codes);
}

/* The dialog goes on with what a regular answer says. */
static void step(struct conf_client *c, const struct conf_got *got)
{
    const xmlNode *block = conf_view_block(&got->view, "ControlBlock");
    char type[64];

    if (got->fault != 0 || block == NULL)
        return;
    (void)conf_node_text(conf_node_below(block, "Challenge"), c->peer_challenge,
                         sizeof c->peer_challenge);
    (void)conf_view_type(&got->view, type, sizeof type);
    if (strcmp(type, "responseToInitDialog") == 0 && got->code[0] != '9') {
        (void)conf_node_attr(block, "ConversationId", c->conversation, sizeof c->conversation);
        c->in_dialog = true;
        c->sequence = 0;
    } else if (strcmp(type, "responseToExitDialog") == 0) {
        c->in_dialog = false;
    } else if (c->in_dialog) {
        c->sequence++;
    }
}

static void look_times(struct conf_client *c, const struct conf_got *got, const char *type)
{
    static const struct {
        const char *type;
        char creation, forwarding, reception; /* + must, - must not, ? may */
    } rows[] = {
        {"responseToStoreDelivery", '+', '-', '-'},    {"responseToFetchDelivery", '+', '+', '-'},
        {"responseToFetchProcessCard", '+', '?', '?'}, {"responseToForwardDelivery", '+', '?', '?'},
        {"responseToMediateDelivery", '+', '?', '?'},
    };
    static const char *const names[] = {"Creation", "Forwarding", "Reception"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char must[] = {rows[i].creation, rows[i].forwarding, rows[i].reception};
        const xmlNode *card = conf_node_below(xmlDocGetRootElement(got->view.doc), "ProcessCard");

        if (strcmp(rows[i].type, type) != 0 || card == NULL)
            continue;
        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            bool there = conf_node_below(card, names[k]) != NULL;

            (void)conf_check(c->run, 74, must[k] == '?' || there == (must[k] == '+'), "%s %s %s",
                             type, there ? "shows" : "lacks", names[k]);
        }
    }
}

static void look_control(struct conf_client *c, const struct conf_got *got, const char *type)
{
    const xmlNode *block = conf_view_block(&got->view, "ControlBlock");
    char id[CONF_CONTROL_MAX];

    (void)conf_node_attr(block, "ConversationId", id, sizeof id);
    if (strcmp(type, "responseToStoreDelivery") == 0 || strcmp(type, "responseToGetMessageId") == 0)
        (void)conf_check(c->run, 66, id[0] != '\0', "%s without ConversationId", type);
}

/* Each code in each wished language that is ours to know, the deciding one last. */
static void look_feedback(struct conf_client *c, const struct conf_got *got)
{
    const xmlNode *root = xmlDocGetRootElement(got->view.doc);
    const xmlNode *feedback = conf_node_below(root, "Feedback");
    char all[CONF_CODES_MAX] = "", lang[32], code[16], pair[64];

    if (feedback == NULL || (c->languages != NULL && strcmp(c->languages, "de en") != 0))
        return;
    for (const xmlNode *n = feedback->children; n != NULL; n = n->next) {
        size_t len = strlen(all);

        if (n->type != XML_ELEMENT_NODE)
            continue;
        (void)conf_node_attr(n, "lang", lang, sizeof lang);
        (void)conf_node_text(conf_node_below(n, "Code"), code, sizeof code);
        (void)snprintf(all + len, sizeof all - len, " %s:%s", lang, code);
    }
    for (const char *p = got->codes; strlen(p) >= 4; p += p[4] == ' ' ? 5 : 4) {
        static const char *const languages[] = {"de", "en"};

        for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
            (void)snprintf(pair, sizeof pair, "%s:%.4s", languages[i], p);
            (void)conf_check(c->run, 88, strstr(all, pair) != NULL,
                             "code %.4s is missing in language %s", p, languages[i]);
        }
    }
}

static void look_answer(struct conf_client *c, struct conf_got *got, bool was_signed,
                        bool was_encrypted)
{
    const char *wrong;
    char type[64];

    if (!got->readable)
        return;
    conf_structure_look(c->run, &got->view, c->peer->signature);
    if (got->fault != 0) {
        conf_look_fault(c->run, &got->view, got->reply.status);
        return;
    }
    (void)conf_view_type(&got->view, type, sizeof type);
    (void)conf_check(c->run, 89, got->view.encrypted == was_encrypted,
                     "%s is %senciphered, the order was not so", type,
                     got->view.encrypted ? "" : "not ");
    if (was_signed) {
        wrong = conf_view_signature(&got->view, c->peer->signature);
        (void)conf_check(c->run, 89, wrong == NULL, "%s: %s", type, wrong != NULL ? wrong : "");
    }
    look_times(c, got, type);
    look_control(c, got, type);
    look_feedback(c, got);
}

enum status conf_client_ask(struct conf_client *c, struct span wire, struct conf_got *got,
                            struct error *err)
{
    *got = (struct conf_got){0};
    TRY(conf_post(c->run, c->url, wire, &got->reply, err));
    got_read(c, got);
    return ST_OK;
}

enum status conf_client_post(struct conf_client *c, struct span wire, struct conf_got *got,
                             struct error *err)
{
    TRY(conf_client_ask(c, wire, got, err));
    look_answer(c, got, !c->unsign, !c->plain);
    if (got->readable)
        step(c, got);
    return ST_OK;
}

enum status conf_client_send(struct conf_client *c, const struct osci_message *msg,
                             const struct conf_forge *tweak, struct conf_got *got,
                             struct error *err)
{
    AUTO(buf_deinit) struct buf wire = {0};

    TRY(conf_client_write(c, msg, tweak, &wire, err));
    return conf_client_post(c, buf_span(&wire), got, err);
}

/* ---- whole orders ---- */

static enum status simple(struct conf_client *c, enum osci_type type, const char *expected,
                          struct conf_got *got, struct error *err)
{
    struct osci_message msg;

    TRY(conf_client_order(c, type, &msg, err));
    TRY(conf_client_send(c, &msg, NULL, got, err));
    if (!got->readable || got->fault != 0 || got->code[0] == '9')
        return error_set(err, ST_RETRY, 0, "%s: %s", osci_type_name(type), got->what);
    if (expected != NULL && !conf_got_code(got, expected))
        return error_set(err, ST_RETRY, 0, "%s: %s instead of %s", osci_type_name(type), got->what,
                         expected);
    return ST_OK;
}

enum status conf_client_open(struct conf_client *c, struct error *err)
{
    AUTO(conf_got_deinit) struct conf_got got = {0};

    c->in_dialog = false;
    TRY(simple(c, OSCI_INIT_DIALOG, NULL, &got, err));
    return c->in_dialog ? ST_OK : error_set(err, ST_RETRY, 0, "no dialog: %s", got.what);
}

enum status conf_client_close(struct conf_client *c, struct error *err)
{
    AUTO(conf_got_deinit) struct conf_got got = {0};

    return simple(c, OSCI_EXIT_DIALOG, NULL, &got, err);
}

enum status conf_client_id(struct conf_client *c, char id[CONF_CONTROL_MAX], struct error *err)
{
    AUTO(conf_got_deinit) struct conf_got got = {0};
    AUTO(buf_deinit) struct buf bytes = {0};

    TRY(simple(c, OSCI_GET_MESSAGE_ID, NULL, &got, err));
    conf_node_bytes(conf_node_below(conf_view_body(&got.view), "MessageId"), &bytes);
    if (bytes.len == 0 || bytes.len >= CONF_CONTROL_MAX)
        return error_set(err, ST_RETRY, 0, "an answer to getMessageId without MessageId");
    memcpy(id, bytes.ptr, bytes.len);
    id[bytes.len] = '\0';
    return ST_OK;
}

enum status conf_client_delivery(struct conf_client *c, enum osci_type type, const char *addressee,
                                 const char *id, struct conf_delivery *d, struct error *err)
{
    const struct conf_delivery_want want = {.type = type,
                                            .originator = c->party,
                                            .addressee = conf_party(c->run, addressee),
                                            .intermediary = c->peer};

    TRY(conf_delivery_make(c->run, d, &want, err));
    d->msg.message_id = span_str(id);
    if (type != OSCI_MEDIATE_DELIVERY || id != NULL)
        d->msg.creation = d->msg.reception = OSCI_QUALITY_PLAIN;
    return conf_client_control(c, &d->msg, err);
}

enum status conf_client_store(struct conf_client *c, const char *addressee, const char *subject,
                              struct conf_delivery *d, struct conf_got *got, struct error *err)
{
    char id[CONF_CONTROL_MAX];

    TRY(conf_client_id(c, id, err));
    TRY(conf_client_delivery(c, OSCI_STORE_DELIVERY, addressee, NULL, d, err));
    d->msg.message_id = arena_span(&d->arena, span_str(id));
    TRY_ALLOC(d->msg.message_id.ptr, err);
    if (subject != NULL)
        d->msg.subject = span_str(subject);
    TRY(conf_client_send(c, &d->msg, NULL, got, err));
    if (got->fault != 0 || (got->code[0] != '0' && got->code[0] != '3'))
        return error_set(err, ST_RETRY, 0, "storeDelivery: %s", got->what);
    return ST_OK;
}

static enum status select_by(struct conf_client *c, enum osci_type type, struct span id,
                             struct conf_got *got, struct error *err)
{
    struct osci_message msg;

    TRY(conf_client_order(c, type, &msg, err));
    if (id.ptr != NULL)
        msg.selection = (struct osci_selection){.by = OSCI_SELECT_IDS, .ids = &id, .id_count = 1};
    return conf_client_send(c, &msg, NULL, got, err);
}

enum status conf_fetch(struct conf_client *c, struct span id, struct conf_got *got,
                       struct error *err)
{
    return select_by(c, OSCI_FETCH_DELIVERY, id, got, err);
}

enum status conf_card(struct conf_client *c, struct span id, struct conf_got *got,
                      struct error *err)
{
    return select_by(c, OSCI_FETCH_PROCESS_CARD, id, got, err);
}

bool conf_delivered(const struct conf_got *got)
{
    return got->readable && got->fault == 0 &&
           conf_node_below(conf_view_body(&got->view), "ContentPackage") != NULL;
}
