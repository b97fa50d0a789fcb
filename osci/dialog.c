#include "osci/dialog.h"

#include <assert.h>
#include <stdio.h>

enum { CHALLENGE_RANDOM = 18 };

static const struct rule {
    enum osci_dialog_state state;
    enum osci_dialog_event event;
    enum osci_dialog_state next;
    enum osci_dialog_action action;
} rules[] = {
    {OSCI_IDLE, OSCI_OPEN, OSCI_OPENING, OSCI_SEND},
    {OSCI_IDLE, OSCI_ONE, OSCI_SINGLE, OSCI_SEND},
    {OSCI_OPENING, OSCI_ANSWER, OSCI_READY, OSCI_DELIVER},
    {OSCI_READY, OSCI_ORDER, OSCI_WAITING, OSCI_SEND},
    {OSCI_WAITING, OSCI_ANSWER, OSCI_READY, OSCI_DELIVER},
    {OSCI_READY, OSCI_CLOSE, OSCI_CLOSING, OSCI_SEND},
    {OSCI_CLOSING, OSCI_ANSWER, OSCI_CLOSED, OSCI_FINISH},
    {OSCI_SINGLE, OSCI_ANSWER, OSCI_CLOSED, OSCI_DELIVER},
    /* 3.5 (3): after an answer we cannot read, send nothing more, not even exitDialog: any further
     * request would tell the intermediary that we have received and understood it. */
    {OSCI_OPENING, OSCI_LOST, OSCI_DEAD, OSCI_ABANDON},
    {OSCI_WAITING, OSCI_LOST, OSCI_DEAD, OSCI_ABANDON},
    {OSCI_CLOSING, OSCI_LOST, OSCI_DEAD, OSCI_ABANDON},
    {OSCI_SINGLE, OSCI_LOST, OSCI_DEAD, OSCI_ABANDON},
    {OSCI_READY, OSCI_LOST, OSCI_DEAD, OSCI_ABANDON}, /* what we fetched could not be stored */
};

static const struct rule *rule_find(enum osci_dialog_state state, enum osci_dialog_event event)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (rules[i].state == state && rules[i].event == event)
            return &rules[i];
    return NULL;
}

void osci_dialog_init(struct osci_dialog *d, struct rng *rng)
{
    *d = (struct osci_dialog){.state = OSCI_IDLE, .rng = rng};
}

static enum status challenge_make(struct osci_dialog *d, struct error *err)
{
    uint8_t random[CHALLENGE_RANDOM];
    AUTO(buf_deinit) struct buf text = {0};

    TRY(rng_bytes(d->rng, random, sizeof random, err));
    buf_init(&text, sizeof d->challenge - 1);
    buf_base64(&text, span_of(random, sizeof random), 0);
    TRY(buf_check(&text, err));
    memcpy(d->challenge, buf_cstr(&text), text.len + 1);
    return ST_OK;
}

/* The next ControlBlock, by the table of digest 3.2. */
static enum status request_make(struct osci_dialog *d, enum osci_dialog_event event,
                                struct error *err)
{
    TRY(challenge_make(d, err));
    d->sent = (struct osci_controlblock){.challenge = span_str(d->challenge)};
    if (event == OSCI_OPEN)
        return ST_OK;
    d->sent.has_sequence = true;
    if (event == OSCI_ONE)
        return ST_OK; /* 0, with neither Response nor ConversationId */
    d->sent.sequence = d->next_sequence++;
    d->sent.response = span_str(d->peer_challenge);
    d->sent.conversation_id = span_str(d->conversation_id);
    return ST_OK;
}

static bool copy(char *to, size_t cap, struct span s)
{
    if (s.len >= cap)
        return false;
    memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
    return true;
}

/* Does in answer our last request? One text for all reasons: 3.4 rule 2 holds for us as well. */
static bool answers(struct osci_dialog *d, const struct osci_controlblock *in)
{
    bool opening = d->state == OSCI_OPENING;

    if (in->response.ptr == NULL || !span_is(in->response, d->challenge))
        return false;
    if (in->has_sequence && (opening || in->sequence != d->sent.sequence))
        return false;
    if (d->state == OSCI_SINGLE)
        return true; /* any ConversationId; it is never used */
    if (opening)
        return in->conversation_id.len > 0 &&
               copy(d->conversation_id, sizeof d->conversation_id, in->conversation_id);
    return in->conversation_id.ptr != NULL && span_is(in->conversation_id, d->conversation_id);
}

enum status osci_dialog_step(struct osci_dialog *d, enum osci_dialog_event event,
                             const struct osci_controlblock *in, enum osci_dialog_action *action,
                             struct error *err)
{
    const struct rule *rule = rule_find(d->state, event);

    assert(rule != NULL); /* a step this state does not have is the caller's mistake */
    if (event == OSCI_ANSWER) {
        bool challenged = in->challenge.len > 0 &&
                          copy(d->peer_challenge, sizeof d->peer_challenge, in->challenge);

        /* only the answer to exitDialog and to a dialog of its own may lack a challenge */
        if (!answers(d, in) || (!challenged && rule->next == OSCI_READY)) {
            d->state = OSCI_DEAD;
            return error_set(err, ST_INVALID, 9400, "the answer does not belong to our request");
        }
    }
    if (rule->action == OSCI_SEND)
        TRY(request_make(d, event, err));
    d->state = rule->next;
    *action = rule->action;
    return ST_OK;
}
