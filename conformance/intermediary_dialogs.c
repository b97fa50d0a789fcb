/*
 * Dialogs, MessageIds, mailboxes and the time of reception.
 */
#include "conformance/role_intermediary.h"

#include <pthread.h>
#include <stdio.h>

/* ---- ControlBlock ---- */

enum wrong { WRONG_RESPONSE, WRONG_SEQUENCE, WRONG_CONVERSATION, WRONG_KINDS };

/* Each field wrong in turn; then the order with the right one, which must find the dialog as it
 * was.
 */
static enum status wrong_control(struct conf_run *run, struct error *err)
{
    struct conf_client c;
    AUTO(buf_deinit) struct buf first = {0};
    char id[CONF_CONTROL_MAX];

    buf_init(&first, CONF_WIRE_MAX);
    TRY(conf_client_init(&c, run, "originator", err));
    TRY(conf_client_open(&c, err));
    for (enum wrong wrong = WRONG_RESPONSE; wrong < WRONG_KINDS; wrong++) {
        struct osci_message msg;
        AUTO(conf_got_deinit) struct conf_got got = {0};
        struct span xml;

        TRY(conf_client_order(&c, OSCI_GET_MESSAGE_ID, &msg, err));
        if (wrong == WRONG_RESPONSE)
            msg.control.response = SPAN("AAAAAAAAAAAAAAAA");
        else if (wrong == WRONG_SEQUENCE)
            msg.control.sequence += 7;
        else
            msg.control.conversation_id = SPAN("4711");
        TRY(conf_client_send(&c, &msg, NULL, &got, err));
        (void)conf_check(run, 64, got.fault == 9400, "wrong field %d: %s instead of fault 9400",
                         (int)wrong, got.what);
        xml = got.readable ? got.view.outer.parts[0].body : SPAN_NONE;
        if (wrong == WRONG_RESPONSE)
            buf_add(&first, xml);
        else
            (void)conf_check(run, 64, span_eq(buf_span(&first), xml),
                             "the fault tells which field was wrong");
    }
    if (conf_client_id(&c, id, err) != ST_OK)
        (void)conf_check(run, 64, false, "the dialog is gone after a wrong ControlBlock: %s",
                         err->text);
    return conf_client_close(&c, err);
}

/* Without a dialog an enciphered order of these types names no cipher certificate that an answer
 * with 9802 could be enciphered for, so fault 9500 says as much. */
static enum status outside(struct conf_run *run, struct error *err)
{
    static const enum osci_type types[] = {OSCI_FETCH_DELIVERY, OSCI_FETCH_PROCESS_CARD,
                                           OSCI_EXIT_DIALOG, OSCI_MEDIATE_DELIVERY,
                                           OSCI_PARTIAL_FETCH_DELIVERY};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct conf_client c;
        struct osci_message msg;
        AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
        AUTO(conf_got_deinit) struct conf_got got = {0};

        TRY(conf_client_init(&c, run, "originator", err));
        if (types[i] == OSCI_MEDIATE_DELIVERY) {
            TRY(conf_client_delivery(&c, types[i], "addressee", NULL, &d, err));
            d.msg.receiver_uri = SPAN("http://127.0.0.1:1/");
            d.msg.subject = SPAN_NONE;
            TRY(conf_client_send(&c, &d.msg, NULL, &got, err));
        } else {
            TRY(conf_client_order(&c, types[i], &msg, err));
            if (types[i] == OSCI_PARTIAL_FETCH_DELIVERY)
                msg.features.present = true;
            TRY(conf_client_send(&c, &msg, NULL, &got, err));
        }
        (void)conf_check(run, 65, strstr("9802 9300 9500", got.code) != NULL && got.code[0] == '9',
                         "%s: %s instead of 9802 or 9300", osci_type_name(types[i]), got.what);
    }
    return ST_OK;
}

static enum status odd_numbers(struct conf_run *run, struct error *err)
{
    static const struct {
        const char *conversation, *sequence;
    } rows[] = {
        {"0000000000000000000000000000000000000042", "0"},
        {"1234567890123456789012345678901234567890", "0"},
        {"42", "18446744073709551616"},
        {"42", "340282366920938463463374607431768211456"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char sequence[96];
        struct conf_client c;
        struct osci_message msg;
        const struct conf_edit edits[] = {{.from = "SequenceNumber=\"5\"", .to = sequence},
                                          {.from = NULL}};
        const struct conf_forge forge = {.before = edits};
        AUTO(conf_got_deinit) struct conf_got got = {0};

        (void)snprintf(sequence, sizeof sequence, "SequenceNumber=\"%s\"", rows[i].sequence);
        TRY(conf_client_init(&c, run, "originator", err));
        TRY(conf_client_order(&c, OSCI_GET_MESSAGE_ID, &msg, err));
        msg.control.conversation_id = span_str(rows[i].conversation);
        msg.control.response = SPAN("AAAAAAAAAAAAAAAA");
        msg.control.sequence = 5;
        TRY(conf_client_send(&c, &msg, &forge, &got, err));
        (void)conf_check(run, 111, got.fault == 9400, "ConversationId %s, SequenceNumber %s: %s",
                         rows[i].conversation, rows[i].sequence, got.what);
    }
    return ST_OK;
}

/* The same bytes again. */
static enum status replay(struct conf_run *run, struct error *err)
{
    struct conf_client c;
    struct osci_message msg;
    AUTO(buf_deinit) struct buf wire = {0};
    AUTO(conf_got_deinit) struct conf_got first = {0};
    AUTO(conf_got_deinit) struct conf_got second = {0};

    TRY(conf_client_init(&c, run, "originator", err));
    TRY(conf_client_open(&c, err));
    TRY(conf_client_order(&c, OSCI_GET_MESSAGE_ID, &msg, err));
    TRY(conf_client_write(&c, &msg, NULL, &wire, err));
    TRY(conf_client_post(&c, buf_span(&wire), &first, err));
    TRY(conf_client_ask(&c, buf_span(&wire), &second, err));
    (void)conf_check(run, 90, second.fault == 9400, "the same bytes again: %s", second.what);
    return conf_client_close(&c, err);
}

/* ---- at the same time ---- */

enum { AT_ONCE = 4 };

struct racer {
    struct conf_client *client;
    struct span wire;
    struct conf_got got;
    struct error err;
    enum status st;
};

static void *race(void *arg)
{
    struct racer *r = arg;

    r->st = conf_client_ask(r->client, r->wire, &r->got, &r->err);
    return NULL;
}

/* All racers at once; how many orders were executed, and how many answered by that code. */
static void race_all(struct racer *racers, size_t count, const char *code, size_t *good,
                     size_t *coded)
{
    pthread_t threads[AT_ONCE];
    bool started[AT_ONCE];

    *good = *coded = 0;
    for (size_t i = 0; i < count; i++)
        started[i] = pthread_create(&threads[i], NULL, race, &racers[i]) == 0;
    for (size_t i = 0; i < count; i++) {
        if (started[i])
            (void)pthread_join(threads[i], NULL);
        *good += racers[i].got.code[0] == '0' || racers[i].got.code[0] == '3';
        *coded += conf_got_code(&racers[i].got, code);
        conf_got_deinit(&racers[i].got);
    }
}

static enum status two_at_once(struct conf_run *run, struct error *err)
{
    struct conf_client c;
    struct osci_message msg;
    struct buf wires[2] = {{0}, {0}};
    struct racer racers[2] = {{.client = &c}, {.client = &c}};
    size_t good = 0, refused = 0;
    enum status st = ST_OK;

    TRY(conf_client_init(&c, run, "originator", err));
    TRY(conf_client_open(&c, err));
    for (size_t i = 0; i < 2 && st == ST_OK; i++) {
        st = conf_client_order(&c, OSCI_GET_MESSAGE_ID, &msg, err);
        if (st == ST_OK)
            st = conf_client_write(&c, &msg, NULL, &wires[i], err);
        racers[i].wire = buf_span(&wires[i]);
    }
    if (st == ST_OK) {
        race_all(racers, 2, "9400", &good, &refused);
        (void)conf_check(run, 91, good == 1, "of two orders at once %zu were executed", good);
    }
    buf_deinit(&wires[0]);
    buf_deinit(&wires[1]);
    return st;
}

/* ---- MessageIds ---- */

static enum status used_ids(struct conf_run *run, struct error *err)
{
    struct conf_client c;
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_delivery_deinit) struct conf_delivery again = {0};
    AUTO(conf_got_deinit) struct conf_got stored = {0};
    AUTO(conf_got_deinit) struct conf_got unknown = {0};
    AUTO(conf_got_deinit) struct conf_got reused = {0};

    TRY(conf_client_init(&c, run, "originator", err));
    TRY(conf_client_delivery(&c, OSCI_STORE_DELIVERY, "addressee", "nobody-issued-this", &again,
                             err));
    TRY(conf_client_send(&c, &again.msg, NULL, &unknown, err));
    (void)conf_check(run, 68, conf_got_code(&unknown, "9801"), "an unknown MessageId: %s",
                     unknown.what);
    TRY(conf_client_store(&c, "addressee", NULL, &d, &stored, err));
    again.msg.message_id = d.msg.message_id;
    TRY(conf_client_control(&c, &again.msg, err));
    TRY(conf_client_send(&c, &again.msg, NULL, &reused, err));
    (void)conf_check(run, 68, conf_got_code(&reused, "9801"), "a used MessageId: %s", reused.what);
    return ST_OK;
}

static enum status one_id_at_once(struct conf_run *run, struct error *err)
{
    struct conf_client c;
    char id[CONF_CONTROL_MAX];
    struct buf wires[AT_ONCE] = {{0}};
    struct racer racers[AT_ONCE] = {{0}};
    size_t good = 0, refused = 0;
    enum status st = ST_OK;

    TRY(conf_client_init(&c, run, "originator", err));
    TRY(conf_client_id(&c, id, err));
    for (size_t i = 0; i < AT_ONCE && st == ST_OK; i++) {
        AUTO(conf_delivery_deinit) struct conf_delivery d = {0};

        st = conf_client_delivery(&c, OSCI_STORE_DELIVERY, "addressee", id, &d, err);
        if (st == ST_OK)
            st = conf_client_write(&c, &d.msg, NULL, &wires[i], err);
        racers[i].client = &c;
        racers[i].wire = buf_span(&wires[i]);
    }
    if (st == ST_OK) {
        race_all(racers, AT_ONCE, "9801", &good, &refused);
        (void)conf_check(run, 68, good == 1 && refused == AT_ONCE - 1,
                         "of %d deliveries at once with one MessageId %zu were taken, %zu got 9801",
                         AT_ONCE, good, refused);
    }
    for (size_t i = 0; i < AT_ONCE; i++)
        buf_deinit(&wires[i]);
    return st;
}

/* ---- kill -9 ---- */

static enum status killed(struct conf_run *run, struct error *err)
{
    static const char *const signal[] = {"KILL"};
    struct conf_client sender, receiver;
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got stored = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};

    if (conf_hook(run, "restart") == NULL) {
        conf_untestable(run, 69, "braucht den Aufruf restart (--hook)", "needs the hook restart");
        return ST_OK;
    }
    TRY(conf_client_init(&sender, run, "originator", err));
    TRY(conf_client_init(&receiver, run, "addressee", err));
    TRY(conf_client_store(&sender, "addressee", NULL, &d, &stored, err));
    TRY(conf_hook_run(run, "restart", signal, 1, NULL, err));
    TRY(conf_client_open(&receiver, err));
    TRY(conf_fetch(&receiver, d.msg.message_id, &got, err));
    (void)conf_check(run, 69, conf_delivered(&got), "after kill -9 the delivery is gone: %s",
                     got.what);
    return conf_client_close(&receiver, err);
}

/* ---- who sees what ---- */

static enum status foreign_mailbox(struct conf_run *run, struct error *err)
{
    struct conf_client sender, stranger;
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got stored = {0};
    AUTO(conf_got_deinit) struct conf_got by_id = {0};
    AUTO(conf_got_deinit) struct conf_got all = {0};
    AUTO(conf_got_deinit) struct conf_got card = {0};

    TRY(conf_client_init(&sender, run, "originator", err));
    TRY(conf_client_init(&stranger, run, "other", err));
    TRY(conf_client_store(&sender, "addressee", NULL, &d, &stored, err));
    TRY(conf_client_open(&stranger, err));
    TRY(conf_fetch(&stranger, d.msg.message_id, &by_id, err));
    (void)conf_check(run, 70, conf_got_code(&by_id, "9803"), "a foreign delivery by its id: %s",
                     by_id.what);
    TRY(conf_fetch(&stranger, SPAN_NONE, &all, err));
    (void)conf_check(run, 70, conf_got_code(&all, "9803"), "an empty mailbox: %s", all.what);
    TRY(conf_card(&stranger, d.msg.message_id, &card, err));
    (void)conf_check(run, 70, conf_got_code(&card, "9804"), "a foreign process card: %s",
                     card.what);
    return conf_client_close(&stranger, err);
}

/* ---- Reception ---- */

static enum status reception_is(struct conf_client *c, struct span id, bool wanted, unsigned number,
                                const char *when, char *modified, size_t cap, struct error *err)
{
    const xmlNode *card;
    AUTO(conf_got_deinit) struct conf_got got = {0};

    TRY(conf_card(c, id, &got, err));
    if (!got.readable || got.fault != 0)
        return error_set(err, ST_RETRY, 0, "fetchProcessCard: %s", got.what);
    card = conf_node_below(conf_view_body(&got.view), "ProcessCard");
    if (card == NULL)
        return error_set(err, ST_RETRY, 0, "no process card: %s", got.what);
    (void)conf_check(c->run, number, (conf_node_below(card, "Reception") != NULL) == wanted,
                     "%s the card %s Reception", when, wanted ? "lacks" : "has");
    (void)conf_node_attr(card, "RecentModification", modified, cap);
    return ST_OK;
}

/* Fetched, and then the next order; the sender looks at the card in between. */
static enum status reception(struct conf_run *run, struct error *err)
{
    struct conf_client sender, receiver;
    char before[80], looked[80], fetched[80], after[80];
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got stored = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};

    TRY(conf_client_init(&sender, run, "originator", err));
    TRY(conf_client_init(&receiver, run, "addressee", err));
    TRY(conf_client_open(&sender, err));
    TRY(conf_client_store(&sender, "addressee", NULL, &d, &stored, err));
    TRY(reception_is(&sender, d.msg.message_id, false, 71, "before the fetch", before,
                     sizeof before, err));
    TRY(reception_is(&sender, d.msg.message_id, false, 71, "before the fetch", looked,
                     sizeof looked, err));
    (void)conf_check(run, 75, strcmp(before, looked) == 0,
                     "looking at the card changed RecentModification");
    TRY(conf_client_open(&receiver, err));
    TRY(conf_fetch(&receiver, d.msg.message_id, &got, err));
    TRY(reception_is(&sender, d.msg.message_id, false, 71, "after the fetch alone", fetched,
                     sizeof fetched, err));
    (void)conf_check(run, 75, strcmp(looked, fetched) != 0,
                     "Forwarding did not change RecentModification");
    TRY(conf_client_close(&receiver, err));
    TRY(reception_is(&sender, d.msg.message_id, true, 71, "after exitDialog", after, sizeof after,
                     err));
    (void)conf_check(run, 75, strcmp(fetched, after) != 0,
                     "Reception did not change RecentModification");
    return conf_client_close(&sender, err);
}

/* The dialog of the fetch dies of old age. */
static enum status timed_out(struct conf_run *run, struct error *err)
{
    uint64_t seconds = conf_set_number(run, "dialog_seconds", 0);
    struct conf_client sender, receiver;
    char modified[80];
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got stored = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};
    AUTO(conf_got_deinit) struct conf_got again = {0};

    if (seconds == 0) {
        conf_untestable(run, 72, "braucht die Angabe dialog_seconds (--set)",
                        "needs the setting dialog_seconds (--set)");
        return ST_OK;
    }
    TRY(conf_client_init(&sender, run, "originator", err));
    TRY(conf_client_init(&receiver, run, "other", err));
    TRY(conf_client_store(&sender, "other", NULL, &d, &stored, err));
    TRY(conf_client_open(&receiver, err));
    TRY(conf_fetch(&receiver, d.msg.message_id, &got, err));
    conf_sleep((unsigned)(seconds + 3) * 1000);
    TRY(conf_client_open(&sender, err));
    TRY(reception_is(&sender, d.msg.message_id, false, 72, "after the time-out", modified,
                     sizeof modified, err));
    TRY(conf_client_close(&sender, err));
    TRY(conf_client_open(&receiver, err));
    TRY(conf_fetch(&receiver, SPAN_NONE, &again, err));
    (void)conf_check(run, 72, conf_delivered(&again), "it is not offered again: %s", again.what);
    return conf_client_close(&receiver, err);
}

struct conf_scenario_list conf_intermediary_dialogs(void)
{
    static const struct conf_scenario scenarios[] = {
        {"wrong-control", wrong_control, {64}},
        {"outside-a-dialog", outside, {65}},
        {"odd-numbers", odd_numbers, {111}},
        {"replay", replay, {90}},
        {"two-at-once", two_at_once, {91}},
        {"used-ids", used_ids, {68}},
        {"one-id-at-once", one_id_at_once, {68}},
        {"killed", killed, {69}},
        {"foreign-mailbox", foreign_mailbox, {70}},
        {"reception", reception, {71, 75}},
        {"timed-out", timed_out, {72}},
    };

    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
