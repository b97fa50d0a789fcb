/* The client's side of a dialog, as scripts: what it sends, what it takes, when it falls silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "osci/dialog.h"

#include <stdio.h>

#define DIGITS40 "0000000000123456789012345678901234567890"

/*
 * O open, R order, C close, S single; L lost or unreadable. Answers: + right; - right, without
 * Challenge; n right, without SequenceNumber; forged: ! Response of another request, e empty
 * Response, m none, i another ConversationId, z the same number written shorter, d no
 * ConversationId, s another SequenceNumber, q SequenceNumber where none belongs, b a Challenge too
 * long to be kept, l late: the answer to the request before.
 */
static struct row {
    const char *name, *script;
    enum status last; /* what the last step returns; all before it return ST_OK */
    enum osci_dialog_state state;
    enum osci_dialog_action action; /* of the last step, where it is ST_OK */
} rows[] = {
    {"opened and closed", "O+C-", ST_OK, OSCI_CLOSED, OSCI_FINISH},
    {"one order", "O+R+C-", ST_OK, OSCI_CLOSED, OSCI_FINISH},
    {"two orders", "O+R+R+C-", ST_OK, OSCI_CLOSED, OSCI_FINISH},
    {"an answer is delivered", "O+R+", ST_OK, OSCI_READY, OSCI_DELIVER},
    {"an order is sent", "O+R", ST_OK, OSCI_WAITING, OSCI_SEND},
    {"the answer to exitDialog with a Challenge", "O+C+", ST_OK, OSCI_CLOSED, OSCI_FINISH},
    {"answers without SequenceNumber", "O+RnRnCn", ST_OK, OSCI_CLOSED, OSCI_FINISH},
    {"implicit", "S+", ST_OK, OSCI_CLOSED, OSCI_DELIVER},
    {"implicit, without Challenge", "S-", ST_OK, OSCI_CLOSED, OSCI_DELIVER},
    {"implicit, without SequenceNumber", "Sn", ST_OK, OSCI_CLOSED, OSCI_DELIVER},
    {"implicit, any ConversationId", "Si", ST_OK, OSCI_CLOSED, OSCI_DELIVER},
    {"implicit, no ConversationId (K7)", "Sd", ST_OK, OSCI_CLOSED, OSCI_DELIVER},
    {"a Challenge is missing at the beginning", "O-", ST_INVALID, OSCI_DEAD, 0},
    {"a Challenge is missing between orders", "O+R-", ST_INVALID, OSCI_DEAD, 0},
    {"a Challenge too long", "O+Rb", ST_INVALID, OSCI_DEAD, 0},
    {"forged: the first answer", "O!", ST_INVALID, OSCI_DEAD, 0},
    {"forged: a later answer", "O+R+R!", ST_INVALID, OSCI_DEAD, 0},
    {"forged: the last answer", "O+R+C!", ST_INVALID, OSCI_DEAD, 0},
    {"forged: implicit", "S!", ST_INVALID, OSCI_DEAD, 0},
    {"an empty Response", "O+Re", ST_INVALID, OSCI_DEAD, 0},
    {"no Response", "O+Rm", ST_INVALID, OSCI_DEAD, 0},
    {"no Response, implicit", "Sm", ST_INVALID, OSCI_DEAD, 0},
    {"late: the answer to the order before", "O+R+Rl", ST_INVALID, OSCI_DEAD, 0},
    {"late: in place of the answer to exitDialog", "O+R+Cl", ST_INVALID, OSCI_DEAD, 0},
    {"another ConversationId", "O+Ri", ST_INVALID, OSCI_DEAD, 0},
    {"another ConversationId at the end", "O+Ci", ST_INVALID, OSCI_DEAD, 0},
    {"leading zeros are part of the ConversationId", "O+Rz", ST_INVALID, OSCI_DEAD, 0},
    {"no ConversationId at the beginning", "Od", ST_INVALID, OSCI_DEAD, 0},
    {"no ConversationId later", "O+Rd", ST_INVALID, OSCI_DEAD, 0},
    {"another SequenceNumber", "O+Rs", ST_INVALID, OSCI_DEAD, 0},
    {"another SequenceNumber, implicit", "Ss", ST_INVALID, OSCI_DEAD, 0},
    {"a SequenceNumber at the beginning", "Oq", ST_INVALID, OSCI_DEAD, 0},
    {"3.5 (3): lost at the beginning", "OL", ST_OK, OSCI_DEAD, OSCI_ABANDON},
    {"3.5 (3): no exitDialog after an unreadable answer", "O+RL", ST_OK, OSCI_DEAD, OSCI_ABANDON},
    {"3.5 (3): fetched, but not stored", "O+R+L", ST_OK, OSCI_DEAD, OSCI_ABANDON},
    {"the answer to exitDialog is lost", "O+R+CL", ST_OK, OSCI_DEAD, OSCI_ABANDON},
    {"implicit, lost", "SL", ST_OK, OSCI_DEAD, OSCI_ABANDON},
};

/* What the supplier knows, and what the client must therefore send: digest 3.2, 3.3. */
struct peer {
    struct osci_controlblock answer;
    char challenge[300], before[OSCI_CHALLENGE_MAX], long_one[OSCI_CHALLENGE_MAX + 1];
    unsigned answered;
    uint64_t sequence; /* the next to be seen */
};

static void sent_check(const struct osci_dialog *d, struct peer *peer, char event)
{
    const struct osci_controlblock *cb = &d->sent;
    bool in_dialog = event == 'R' || event == 'C';

    assert_true(cb->challenge.len >= 22); /* 3.1: 16 random bytes at least */
    assert_false(span_is(cb->challenge, peer->before));
    assert_int_equal(cb->has_sequence, event != 'O');
    assert_int_equal(cb->response.ptr != NULL, in_dialog);
    assert_int_equal(cb->conversation_id.ptr != NULL, in_dialog);
    if (event == 'S')
        assert_int_equal(cb->sequence, 0);
    if (!in_dialog)
        return;
    assert_true(span_is(cb->response, peer->challenge));
    assert_true(span_is(cb->conversation_id, DIGITS40));
    assert_int_equal(cb->sequence, peer->sequence++);
}

static const struct osci_controlblock *answer(const struct osci_dialog *d, struct peer *peer,
                                              char how)
{
    struct osci_controlblock *a = &peer->answer;
    bool opening = d->state == OSCI_OPENING;

    (void)snprintf(peer->challenge, sizeof peer->challenge, "supplier %u", peer->answered++);
    *a = (struct osci_controlblock){.response = d->sent.challenge,
                                    .challenge = span_str(peer->challenge),
                                    .conversation_id = SPAN(DIGITS40),
                                    .has_sequence = !opening && how != 'n',
                                    .sequence = d->sent.sequence};
    switch (how) {
    case '-':
        a->challenge = SPAN_NONE;
        break;
    case '!':
        a->response = SPAN("AAAAAAAAAAAAAAAAAAAAAAAA");
        break;
    case 'e':
        a->response = SPAN("");
        break;
    case 'm':
        a->response = SPAN_NONE;
        break;
    case 'l':
        a->response = span_str(peer->before);
        break;
    case 'i':
        a->conversation_id = SPAN("4711");
        break;
    case 'z':
        a->conversation_id = SPAN("123456789012345678901234567890");
        break;
    case 'd':
        a->conversation_id = SPAN_NONE;
        break;
    case 's':
        a->sequence++;
        break;
    case 'q':
        a->has_sequence = true;
        a->sequence = 0;
        break;
    case 'b':
        memset(peer->long_one, 'A', OSCI_CHALLENGE_MAX);
        a->challenge = span_of(peer->long_one, OSCI_CHALLENGE_MAX);
        break;
    default:
        break;
    }
    return a;
}

static enum osci_dialog_event event_of(char c)
{
    return c == 'O'   ? OSCI_OPEN
           : c == 'R' ? OSCI_ORDER
           : c == 'C' ? OSCI_CLOSE
           : c == 'S' ? OSCI_ONE
           : c == 'L' ? OSCI_LOST
                      : OSCI_ANSWER;
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct rng_count rng;
    struct osci_dialog d;
    struct peer peer = {.sequence = 0};
    struct error err = {0};
    enum osci_dialog_action action = OSCI_SEND;
    enum status st = ST_OK;

    rng_count_init(&rng); /* counts up from 0: every run sees the same Challenges */
    osci_dialog_init(&d, &rng.base);
    for (const char *c = row->script; *c != '\0'; c++) {
        enum osci_dialog_event event = event_of(*c);
        const struct osci_controlblock *in = event == OSCI_ANSWER ? answer(&d, &peer, *c) : NULL;
        char before[OSCI_CHALLENGE_MAX];

        assert_int_equal(st, ST_OK);
        (void)snprintf(before, sizeof before, "%s", d.challenge);
        st = osci_dialog_step(&d, event, in, &action, &err);
        if (st == ST_OK && action == OSCI_SEND) {
            (void)snprintf(peer.before, sizeof peer.before, "%s", before);
            sent_check(&d, &peer, *c);
        }
    }
    assert_int_equal(st, row->last);
    assert_int_equal(d.state, row->state);
    if (st == ST_OK)
        assert_int_equal(action, row->action);
    else
        assert_int_equal(err.reason, 9400);
}

/* All that is wrong with an answer looks the same: nobody learns which part it was. */
static void one_text_for_all(void **state)
{
    const char *first = NULL;
    char text[ERROR_TEXT_MAX];

    (void)state;
    for (const char *how = "!emidsb-"; *how != '\0'; how++) {
        struct rng_count rng;
        struct osci_dialog d;
        struct peer peer = {.sequence = 0};
        struct error err = {0};
        enum osci_dialog_action action;

        rng_count_init(&rng);
        osci_dialog_init(&d, &rng.base);
        assert_int_equal(osci_dialog_step(&d, OSCI_OPEN, NULL, &action, &err), ST_OK);
        assert_int_equal(osci_dialog_step(&d, OSCI_ANSWER, answer(&d, &peer, '+'), &action, &err),
                         ST_OK);
        assert_int_equal(osci_dialog_step(&d, OSCI_ORDER, NULL, &action, &err), ST_OK);
        assert_int_equal(osci_dialog_step(&d, OSCI_ANSWER, answer(&d, &peer, *how), &action, &err),
                         ST_INVALID);
        if (first == NULL)
            first = strcpy(text, err.text);
        assert_string_equal(err.text, first);
    }
}

static enum status no_bytes(struct rng *self, void *bytes, size_t len, struct error *err)
{
    (void)self;
    (void)bytes;
    (void)len;
    return error_set(err, ST_INTERNAL, 0, "no random bytes");
}

/* Without random bytes nothing is sent, and the order may be tried again. */
static void without_chance(void **state)
{
    struct rng none = {no_bytes};
    struct rng_count rng;
    struct osci_dialog d;
    struct peer peer = {.sequence = 0};
    struct error err = {0};
    enum osci_dialog_action action;

    (void)state;
    rng_count_init(&rng);
    osci_dialog_init(&d, &none);
    assert_int_equal(osci_dialog_step(&d, OSCI_OPEN, NULL, &action, &err), ST_INTERNAL);
    assert_int_equal(d.state, OSCI_IDLE);
    d.rng = &rng.base;
    assert_int_equal(osci_dialog_step(&d, OSCI_OPEN, NULL, &action, &err), ST_OK);
    assert_int_equal(osci_dialog_step(&d, OSCI_ANSWER, answer(&d, &peer, '+'), &action, &err),
                     ST_OK);
    d.rng = &none;
    assert_int_equal(osci_dialog_step(&d, OSCI_ORDER, NULL, &action, &err), ST_INTERNAL);
    assert_int_equal(d.state, OSCI_READY);
    d.rng = &rng.base;
    assert_int_equal(osci_dialog_step(&d, OSCI_ORDER, NULL, &action, &err), ST_OK);
    sent_check(&d, &peer, 'R'); /* still number 0 */
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2] = {
        cmocka_unit_test(one_text_for_all),
        cmocka_unit_test(without_chance),
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i + 2] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("dialog", tests, NULL, NULL);
}
