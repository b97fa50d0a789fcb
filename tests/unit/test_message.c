/* the table of states, read aloud: every box, state and event */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/message.h"

/* Every step there is; what is not here must be refused (but note and damage, see below). */
static const struct step {
    enum gw_box box;
    const char *from, *event, *to;
} steps[] = {
    {GW_OUTBOX, "accepted", "seal", "sealed"},
    {GW_OUTBOX, "deferred", "seal", "sealed"},
    {GW_OUTBOX, "unclear", "seal", "sealed"},
    {GW_OUTBOX, "sealed", "submit", "submitted"},
    {GW_OUTBOX, "deferred", "submit", "submitted"},
    {GW_OUTBOX, "unclear", "submit", "submitted"},
    {GW_OUTBOX, "failed", "submit", "submitted"},
    {GW_OUTBOX, "expired", "submit", "submitted"},
    {GW_OUTBOX, "cancelled", "submit", "submitted"},
    {GW_OUTBOX, "accepted", "forward", "forwarded"},
    {GW_OUTBOX, "sealed", "forward", "forwarded"},
    {GW_OUTBOX, "deferred", "forward", "forwarded"},
    {GW_OUTBOX, "unclear", "forward", "forwarded"},
    {GW_OUTBOX, "submitted", "forward", "forwarded"},
    {GW_OUTBOX, "forwarded", "forward", "forwarded"},
    {GW_OUTBOX, "failed", "forward", "forwarded"},
    {GW_OUTBOX, "expired", "forward", "forwarded"},
    {GW_OUTBOX, "cancelled", "forward", "forwarded"},
    {GW_OUTBOX, "accepted", "deliver", "delivered"},
    {GW_OUTBOX, "sealed", "deliver", "delivered"},
    {GW_OUTBOX, "deferred", "deliver", "delivered"},
    {GW_OUTBOX, "unclear", "deliver", "delivered"},
    {GW_OUTBOX, "submitted", "deliver", "delivered"},
    {GW_OUTBOX, "forwarded", "deliver", "delivered"},
    {GW_OUTBOX, "failed", "deliver", "delivered"},
    {GW_OUTBOX, "expired", "deliver", "delivered"},
    {GW_OUTBOX, "cancelled", "deliver", "delivered"},
    {GW_OUTBOX, "accepted", "defer", "deferred"},
    {GW_OUTBOX, "sealed", "defer", "deferred"},
    {GW_OUTBOX, "deferred", "defer", "deferred"},
    {GW_OUTBOX, "unclear", "defer", "deferred"},
    {GW_OUTBOX, "forwarded", "defer", "deferred"},
    {GW_OUTBOX, "sealed", "doubt", "unclear"},
    {GW_OUTBOX, "deferred", "doubt", "unclear"},
    {GW_OUTBOX, "unclear", "doubt", "unclear"},
    {GW_OUTBOX, "accepted", "redirect", "accepted"},
    {GW_OUTBOX, "sealed", "redirect", "accepted"},
    {GW_OUTBOX, "deferred", "redirect", "accepted"},
    {GW_OUTBOX, "accepted", "cancel", "cancelled"},
    {GW_OUTBOX, "sealed", "cancel", "cancelled"},
    {GW_OUTBOX, "deferred", "cancel", "cancelled"},
    {GW_OUTBOX, "accepted", "expire", "expired"},
    {GW_OUTBOX, "sealed", "expire", "expired"},
    {GW_OUTBOX, "deferred", "expire", "expired"},
    {GW_OUTBOX, "unclear", "expire", "expired"},
    {GW_OUTBOX, "submitted", "expire", "expired"},
    {GW_OUTBOX, "forwarded", "expire", "expired"},
    {GW_OUTBOX, "accepted", "fail", "failed"},
    {GW_OUTBOX, "sealed", "fail", "failed"},
    {GW_OUTBOX, "deferred", "fail", "failed"},
    {GW_OUTBOX, "unclear", "fail", "failed"},
    {GW_OUTBOX, "submitted", "fail", "failed"},
    {GW_OUTBOX, "forwarded", "fail", "failed"},
    {GW_OUTBOX, "deferred", "retry", "deferred"},
    {GW_OUTBOX, "unclear", "retry", "unclear"},
    {GW_OUTBOX, "failed", "retry", "deferred"},
    {GW_OUTBOX, "expired", "retry", "deferred"},
    {GW_OUTBOX, "accepted", "damage", "failed"},
    {GW_OUTBOX, "sealed", "damage", "failed"},
    {GW_OUTBOX, "deferred", "damage", "failed"},
    {GW_OUTBOX, "unclear", "damage", "failed"},
    {GW_INBOX, "received", "open", "opened"},
    {GW_INBOX, "deferred", "open", "opened"},
    {GW_INBOX, "opened", "hand_over", "handed_over"},
    {GW_INBOX, "deferred", "hand_over", "handed_over"},
    {GW_INBOX, "handed_over", "acknowledge", "acknowledged"},
    {GW_INBOX, "handed_over", "fail", "failed"},
    {GW_INBOX, "failed", "hand_over", "handed_over"},
    {GW_INBOX, "failed", "acknowledge", "acknowledged"},
    {GW_OUTBOX, "delivered", "archive", "delivered"},
    {GW_OUTBOX, "failed", "archive", "failed"},
    {GW_OUTBOX, "cancelled", "archive", "cancelled"},
    {GW_OUTBOX, "expired", "archive", "expired"},
    {GW_INBOX, "failed", "archive", "archived"},
    {GW_INBOX, "handed_over", "retry", "opened"},
    {GW_INBOX, "handed_over", "redeliver", "opened"},
    {GW_INBOX, "acknowledged", "redeliver", "opened"},
    {GW_INBOX, "archived", "redeliver", "opened"},
    {GW_INBOX, "acknowledged", "archive", "archived"},
    {GW_INBOX, "rejected", "archive", "archived"},
    {GW_INBOX, "quarantined", "archive", "archived"},
    {GW_INBOX, "received", "defer", "deferred"},
    {GW_INBOX, "opened", "defer", "deferred"},
    {GW_INBOX, "deferred", "defer", "deferred"},
    {GW_INBOX, "received", "quarantine", "quarantined"},
    {GW_INBOX, "opened", "quarantine", "quarantined"},
    {GW_INBOX, "deferred", "quarantine", "quarantined"},
    {GW_INBOX, "received", "reject", "rejected"},
    {GW_INBOX, "opened", "reject", "rejected"},
    {GW_INBOX, "deferred", "reject", "rejected"},
    {GW_INBOX, "quarantined", "reject", "rejected"},
    {GW_INBOX, "quarantined", "retry", "received"},
    {GW_INBOX, "deferred", "retry", "deferred"},
    {GW_INBOX, "received", "damage", "quarantined"},
    {GW_INBOX, "opened", "damage", "quarantined"},
    {GW_INBOX, "deferred", "damage", "quarantined"},
};

/* The state expected, NULL when there is no such step. */
static const char *expected(enum gw_box box, const char *from, const char *event)
{
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (steps[i].box == box && strcmp(steps[i].from, from) == 0 &&
            strcmp(steps[i].event, event) == 0)
            return steps[i].to;
    if (strcmp(event, "note") == 0 || strcmp(event, "damage") == 0)
        return from; /* remembered anywhere, changing nothing */
    return NULL;
}

static void every_step(void **state)
{
    const enum gw_box box = *(const enum gw_box *)*state;
    size_t taken = 0;

    for (enum gw_state from = GW_NEW + 1; from < GW_STATE_COUNT; from++) {
        for (enum gw_event event = 0; event < GW_EVENT_COUNT; event++) {
            const char *want = expected(box, gw_state_name(from), gw_event_name(event));
            enum gw_state next = GW_NEW;
            struct error err = {0};
            enum status st = gw_message_move(box, from, event, &next, &err);

            if (want == NULL) {
                assert_int_equal(st, ST_DENIED);
                assert_int_equal(next, GW_NEW);
                assert_non_null(strstr(err.text, gw_event_name(event)));
            } else {
                assert_int_equal(st, ST_OK);
                assert_string_equal(gw_state_name(next), want);
                taken++;
            }
        }
    }
    assert_true(taken > 30);
}

static void births(void **state)
{
    enum gw_state next;
    struct error err = {0};

    (void)state;
    assert_int_equal(gw_message_move(GW_OUTBOX, GW_NEW, GW_EV_ACCEPT, &next, &err), ST_OK);
    assert_int_equal(next, GW_ACCEPTED);
    assert_int_equal(gw_message_move(GW_INBOX, GW_NEW, GW_EV_RECEIVE, &next, &err), ST_OK);
    assert_int_equal(next, GW_RECEIVED);
    for (enum gw_event event = 0; event < GW_EVENT_COUNT; event++) {
        if (event != GW_EV_ACCEPT)
            assert_int_equal(gw_message_move(GW_OUTBOX, GW_NEW, event, &next, &err), ST_DENIED);
        if (event != GW_EV_RECEIVE)
            assert_int_equal(gw_message_move(GW_INBOX, GW_NEW, event, &next, &err), ST_DENIED);
    }
}

static void names_there_and_back(void **state)
{
    (void)state;
    for (enum gw_state s = GW_NEW + 1; s < GW_STATE_COUNT; s++) {
        enum gw_state back = GW_NEW;

        assert_true(gw_state_of(span_str(gw_state_name(s)), &back));
        assert_int_equal(back, s);
        assert_true(gw_state_text(s, true)[0] != '\0' && gw_state_text(s, false)[0] != '\0');
    }
    for (enum gw_event e = 0; e < GW_EVENT_COUNT; e++) {
        enum gw_event back = GW_EVENT_COUNT;

        assert_true(gw_event_of(span_str(gw_event_name(e)), &back));
        assert_int_equal(back, e);
    }
    for (enum gw_box b = GW_OUTBOX; b <= GW_INBOX; b++) {
        enum gw_box back = GW_BOX_NONE;

        assert_true(gw_box_of(span_str(gw_box_name(b)), &back));
        assert_int_equal(back, b);
    }
}

static void unknown_names(void **state)
{
    enum gw_state s = GW_FAILED;
    enum gw_event e = GW_EV_NOTE;
    enum gw_box b = GW_INBOX;

    (void)state;
    assert_false(gw_state_of(SPAN("new"), &s));
    assert_false(gw_state_of(SPAN("Accepted"), &s));
    assert_false(gw_state_of(SPAN_NONE, &s));
    assert_false(gw_event_of(SPAN("explode"), &e));
    assert_false(gw_box_of(SPAN("none"), &b));
    assert_int_equal(s, GW_FAILED);
    assert_int_equal(e, GW_EV_NOTE);
    assert_int_equal(b, GW_INBOX);
}

static void final_states(void **state)
{
    const uint32_t final = GW_STATES(GW_DELIVERED) | GW_STATES(GW_ACKNOWLEDGED) |
                           GW_STATES(GW_ARCHIVED) | GW_STATES(GW_FAILED) | GW_STATES(GW_CANCELLED) |
                           GW_STATES(GW_EXPIRED) | GW_STATES(GW_QUARANTINED) |
                           GW_STATES(GW_REJECTED);

    (void)state;
    for (enum gw_state s = GW_NEW; s < GW_STATE_COUNT; s++)
        assert_int_equal(gw_state_is_final(s), (final & GW_STATES(s)) != 0);
}

int main(void)
{
    static enum gw_box out = GW_OUTBOX, in = GW_INBOX;
    const struct CMUnitTest tests[] = {
        {"every step of the outbox", every_step, NULL, NULL, &out},
        {"every step of the inbox", every_step, NULL, NULL, &in},
        cmocka_unit_test(births),
        cmocka_unit_test(names_there_and_back),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(final_states),
    };

    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
