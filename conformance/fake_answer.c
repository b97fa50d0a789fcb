#include <stdio.h>
#include <string.h>

#include "conformance/fake_state.h"
#include "crypto/base/xml.h"
#include "osci/chunk.h"
#include "osci/feedback.h"

enum { CHUNK_KB_MAX = 1024, CHUNK_SECONDS = 30 };

static struct span keep(struct fake_turn *turn, const char *text)
{
    struct span s = arena_span(&turn->arena, span_str(text));

    return s.ptr == NULL ? SPAN("") : s;
}

/* ---- what every answer has ---- */

enum status fake_feedback(struct fake_turn *turn, const char *codes, struct osci_feedback **entries,
                          size_t *entry_count, struct error *err)
{
    const char *list[16];
    size_t count = 0;
    struct span rest = span_str(codes), code;

    while (count < ARRAY_LEN(list) && rest.len > 0 && span_split(&rest, ' ', &code)) {
        list[count] = arena_str(&turn->arena, code);
        TRY_ALLOC(list[count], err);
        count++;
    }
    return osci_feedback_make(list, count, SPAN("de en"), &turn->arena, entries, entry_count, err);
}

static void cert_add(struct fake_turn *turn, enum osci_role role, struct cert *cert)
{
    turn->certs[turn->answer.cert_count++] = (struct osci_cert){.role = role, .cert = cert};
}

static void control_fill(struct fake_turn *turn)
{
    struct osci_controlblock *c = &turn->answer.control;
    const struct conf_seen *seen = turn->seen;
    bool opens = strcmp(seen->type, "initDialog") == 0;

    c->response = span_str(seen->challenge);
    conf_marker(turn->fake->run, turn->challenge);
    if (strcmp(seen->type, "exitDialog") != 0)
        c->challenge = span_str(turn->challenge);
    if (!opens) {
        c->has_sequence = true;
        c->sequence = seen->sequence < 0 ? 0 : (uint64_t)seen->sequence;
    }
    if (seen->conversation[0] != '\0') {
        (void)snprintf(turn->conversation, sizeof turn->conversation, "%s", seen->conversation);
    } else if (opens && turn->fake->conversation != NULL) {
        (void)snprintf(turn->conversation, sizeof turn->conversation, "%s",
                       turn->fake->conversation);
        turn->fake->conversation = NULL;
    } else {
        uint64_t number = 0;
        struct error err = {0};

        (void)!rng_bytes(turn->fake->run->rng, &number, sizeof number, &err);
        (void)snprintf(turn->conversation, sizeof turn->conversation, "%llu",
                       (unsigned long long)number);
    }
    c->conversation_id = span_str(turn->conversation);
}

/* ---- dialogs ---- */

static struct fake_session *session_find(struct conf_fake *f, const char *conversation)
{
    for (size_t i = 0; i < CONF_SESSIONS_MAX; i++)
        if (conversation[0] != '\0' && strcmp(f->sessions[i].conversation, conversation) == 0)
            return &f->sessions[i];
    return NULL;
}

static void received(struct conf_fake *f, const struct conf_delivery *d)
{
    for (size_t i = 0; i < f->waiting_count; i++)
        if (f->waiting[i] == d) {
            f->waiting[i] = f->waiting[--f->waiting_count];
            return;
        }
}

/* Does the ControlBlock go on where the dialog is? */
static bool session_take(struct fake_turn *turn)
{
    const struct conf_seen *seen = turn->seen;
    struct fake_session *s = session_find(turn->fake, seen->conversation);

    if (seen->conversation[0] == '\0')
        return true;
    if (s == NULL || strcmp(s->challenge, seen->response) != 0 || s->sequence + 1 != seen->sequence)
        return false;
    turn->session = s;
    if (s->fetched != NULL)
        received(turn->fake, s->fetched);
    s->fetched = NULL;
    s->sequence = seen->sequence;
    return true;
}

static void session_go_on(struct fake_turn *turn)
{
    struct conf_fake *f = turn->fake;
    struct fake_session *s = turn->session;

    if (strcmp(turn->seen->type, "initDialog") == 0) {
        s = &f->sessions[f->session_next++ % CONF_SESSIONS_MAX];
        *s = (struct fake_session){.sequence = -1};
        (void)snprintf(s->conversation, sizeof s->conversation, "%s", turn->conversation);
    }
    if (s == NULL)
        return;
    (void)snprintf(s->challenge, sizeof s->challenge, "%s", turn->challenge);
    if (strcmp(turn->seen->type, "exitDialog") == 0)
        s->conversation[0] = '\0';
}

/* ---- orders ---- */

/* Ids with an umlaut: whoever compares them encoded, or takes them for ASCII, will be found out. */
static void id_give(struct fake_turn *turn)
{
    char marker[CONF_MARKER_SIZE], id[CONF_MARKER_SIZE + 16];

    conf_marker(turn->fake->run, marker);
    (void)snprintf(id, sizeof id, "n\xc3\xbcmmer-%s", marker);
    turn->answer.message_id = keep(turn, id);
}

static void card_fill(struct fake_turn *turn, const struct conf_stored *s, bool all_times)
{
    struct osci_card *card = &turn->cards[turn->answer.card_count++];

    *card =
        (struct osci_card){.message_id = keep(turn, s->id),
                           .recent_modification = keep(turn, s->time),
                           .creation = {.text = keep(turn, s->time)},
                           .subject = s->subject[0] == '\0' ? SPAN_NONE : keep(turn, s->subject),
                           .inspections = turn->fake->inspections,
                           .inspection_count = turn->fake->inspection_count};
    if (all_times)
        card->forwarding = card->reception = card->creation;
    turn->answer.cards = turn->cards;
}

static struct conf_stored *stored_find(struct conf_fake *f, const char *id)
{
    for (size_t i = 0; i < f->stored_count; i++)
        if (strcmp(f->stored[i].id, id) == 0)
            return &f->stored[i];
    return NULL;
}

void fake_store(struct fake_turn *turn, const char *id, const xmlNode *order, struct span plain)
{
    struct conf_fake *f = turn->fake;
    struct conf_stored *s;

    if (f->stored_count == CONF_STORED_MAX)
        return;
    s = &f->stored[f->stored_count++];
    *s = (struct conf_stored){.asked = false};
    (void)snprintf(s->id, sizeof s->id, "%s", id);
    (void)conf_node_text(conf_node_below(order, "Subject"), s->subject, sizeof s->subject);
    conf_time(s->time);
    (void)snprintf(f->stored_subject, sizeof f->stored_subject, "%s", s->subject);
    buf_reset(&f->stored_plain);
    buf_add(&f->stored_plain, plain);
    card_fill(turn, s, false);
}

/* The code of the answer; an id that was used is 9801. */
static const char *store(struct fake_turn *turn, bool refused)
{
    const struct conf_seen *seen = turn->seen;

    if (stored_find(turn->fake, seen->id) != NULL)
        return "9801";
    if (!refused)
        fake_store(turn, seen->id, conf_view_block(turn->view, seen->type),
                   buf_span(&turn->view->plain));
    return turn->session == NULL ? "0800" : "0801";
}

static const char *fetch(struct fake_turn *turn)
{
    struct conf_fake *f = turn->fake;
    struct conf_delivery *d = f->waiting_count == 0 ? NULL : f->waiting[0];
    size_t own = turn->answer.cert_count;

    if (d == NULL)
        return "9803";
    turn->answer.cards = d->msg.cards;
    turn->answer.card_count = d->msg.card_count;
    turn->answer.cards[0].inspections = f->inspections;
    turn->answer.cards[0].inspection_count = f->inspection_count;
    turn->answer.has_package = true;
    turn->answer.package = d->msg.package;
    turn->answer.attachments = d->msg.attachments;
    turn->answer.attachment_count = d->msg.attachment_count;
    for (size_t i = 0; i < d->msg.cert_count; i++)
        if (d->certs[i].role < OSCI_CIPHER_INTERMEDIARY)
            turn->certs[own++] = d->certs[i];
    turn->answer.cert_count = own;
    turn->session->fetched = d;
    return f->waiting_count > 1 ? "3800 0801" : "0801";
}

static bool selects(const xmlNode *order, const char *id)
{
    const xmlNode *rule = conf_node_below(order, "SelectionRule");

    for (const xmlNode *n = rule == NULL ? NULL : xml_first(rule); n != NULL; n = xml_next(n)) {
        AUTO(buf_deinit) struct buf bytes = {0};

        conf_node_bytes(n, &bytes);
        if (span_is(buf_span(&bytes), id))
            return true;
    }
    return false;
}

/* By the ids of the selection, or all when it goes by dates. */
static const char *cards(struct fake_turn *turn)
{
    struct conf_fake *f = turn->fake;
    const xmlNode *order = conf_node_below(conf_view_body(turn->view), "fetchProcessCard");
    bool by_id = conf_node_below(order, "MessageId") != NULL;

    for (size_t i = 0; i < f->stored_count; i++) {
        struct conf_stored *s = &f->stored[i];

        if (by_id && !selects(order, s->id))
            continue;
        s->asked = true;
        card_fill(turn, s, true);
    }
    return turn->answer.card_count == 0 ? "9804" : "0801";
}

static const struct act {
    const char *order;
    enum osci_type answer;
} acts[] = {
    {"initDialog", OSCI_RSP_INIT_DIALOG},
    {"exitDialog", OSCI_RSP_EXIT_DIALOG},
    {"getMessageId", OSCI_RSP_GET_MESSAGE_ID},
    {"storeDelivery", OSCI_RSP_STORE_DELIVERY},
    {"fetchDelivery", OSCI_RSP_FETCH_DELIVERY},
    {"fetchProcessCard", OSCI_RSP_FETCH_PROCESS_CARD},
    {"partialStoreDelivery", OSCI_RSP_PARTIAL_STORE_DELIVERY},
    {"partialFetchDelivery", OSCI_RSP_FETCH_DELIVERY}, /* all that we have is small */
};

static const char *act(struct fake_turn *turn, bool refused)
{
    switch (turn->answer.type) {
    case OSCI_RSP_GET_MESSAGE_ID:
        id_give(turn);
        return turn->session == NULL ? "0800" : "0801";
    case OSCI_RSP_STORE_DELIVERY:
        return store(turn, refused);
    case OSCI_RSP_FETCH_DELIVERY:
        return turn->session == NULL ? "9802" : refused ? "9803" : fetch(turn);
    case OSCI_RSP_FETCH_PROCESS_CARD:
        return turn->session == NULL ? "9802" : refused ? "9804" : cards(turn);
    case OSCI_RSP_EXIT_DIALOG:
        return "0800";
    default:
        return "0801";
    }
}

/* What the order selected by is repeated in the answer. */
static void selection_echo(struct fake_turn *turn)
{
    struct osci_selection *s = &turn->answer.selection;

    if (turn->seen->id[0] == '\0' || (turn->answer.type != OSCI_RSP_FETCH_DELIVERY &&
                                      turn->answer.type != OSCI_RSP_FETCH_PROCESS_CARD))
        return;
    s->ids = arena_array(&turn->arena, sizeof *s->ids, 1);
    if (s->ids == NULL)
        return;
    s->by = OSCI_SELECT_IDS;
    s->id_count = 1;
    s->ids[0] = span_str(turn->seen->id);
}

/* Other codes whose last is 9xxx: nothing is done. */
static bool refuses(const struct conf_misstep *step)
{
    const char *last = step == NULL || step->codes == NULL ? NULL : strrchr(step->codes, ' ');

    if (step == NULL || step->codes == NULL)
        return false;
    return (last == NULL ? step->codes : last + 1)[0] == '9';
}

static void features_fill(struct fake_turn *turn)
{
    struct osci_features *f = &turn->answer.features;

    *f = (struct osci_features){.present = true,
                                .keys = {SPAN("DisableBase64 1.2.0"), SPAN("OAEPEncryption 1.6.0"),
                                         SPAN("GCMPaddingModus 1.7.0"),
                                         SPAN("Support96Bit12ByteIV 1.9.0")},
                                .key_count = 4};
    if (turn->fake->inside == NULL)
        return;
    f->keys[f->key_count++] = SPAN(OSCI_CHUNK_FEATURE);
    f->min_chunk_kb = 1;
    f->max_chunk_kb = CHUNK_KB_MAX;
    f->max_message_kb = CONF_WIRE_MAX / 1024;
    f->chunk_timeout = CHUNK_SECONDS;
}

enum status fake_answer_make(struct fake_turn *turn, const char **fault, struct error *err)
{
    const struct conf_misstep *step = turn->step;
    const char *codes;
    bool chunks;
    size_t i = 0;

    *fault = NULL;
    chunks = strcmp(turn->seen->type, "partialStoreDelivery") == 0;
    while (i < ARRAY_LEN(acts) && strcmp(acts[i].order, turn->seen->type) != 0)
        i++;
    if (i == ARRAY_LEN(acts) || (chunks && turn->fake->inside == NULL))
        *fault = "9000";
    else if (!session_take(turn))
        *fault = "9400";
    if (*fault != NULL)
        return ST_OK;
    turn->answer = (struct osci_message){.type = acts[i].answer, .certs = turn->certs};
    control_fill(turn);
    cert_add(turn, OSCI_SIGNATURE_INTERMEDIARY, turn->fake->us->signature);
    if (turn->answer.type == OSCI_RSP_PARTIAL_STORE_DELIVERY)
        TRY(fake_chunk_take(turn, &codes, err));
    else
        codes = act(turn, refuses(step));
    if (step != NULL && step->codes != NULL)
        codes = step->codes;
    selection_echo(turn);
    features_fill(turn);
    TRY(fake_feedback(turn, codes, &turn->answer.feedback, &turn->answer.feedback_count, err));
    session_go_on(turn);
    return ST_OK;
}
