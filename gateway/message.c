#include "gateway/message.h"

#include <assert.h>

static const char *const box_names[] = {
    [GW_BOX_NONE] = "none", [GW_OUTBOX] = "outbox", [GW_INBOX] = "inbox"};

static const struct state_names {
    const char *name, *en, *de;
    bool final;
} states[GW_STATE_COUNT] = {
    [GW_NEW] = {"new", "new", "neu", false},
    [GW_ACCEPTED] = {"accepted", "accepted", "angenommen", false},
    [GW_SEALED] = {"sealed", "sealed", "versiegelt", false},
    [GW_SUBMITTED] = {"submitted", "submitted", "eingeliefert", false},
    [GW_FORWARDED] = {"forwarded", "forwarded", "weitergeleitet", false},
    [GW_DELIVERED] = {"delivered", "delivered", "zugestellt", true},
    [GW_RECEIVED] = {"received", "received", "empfangen", false},
    [GW_OPENED] = {"opened", "opened", "geöffnet", false},
    [GW_HANDED_OVER] = {"handed_over", "handed over", "übergeben", false},
    [GW_ACKNOWLEDGED] = {"acknowledged", "acknowledged", "quittiert", true},
    [GW_ARCHIVED] = {"archived", "archived", "archiviert", true},
    [GW_DEFERRED] = {"deferred", "deferred", "zurückgestellt", false},
    [GW_UNCLEAR] = {"unclear", "unclear", "ungeklärt", false},
    [GW_FAILED] = {"failed", "failed", "gescheitert", true},
    [GW_CANCELLED] = {"cancelled", "cancelled", "zurückgezogen", true},
    [GW_EXPIRED] = {"expired", "expired", "abgelaufen", true},
    [GW_QUARANTINED] = {"quarantined", "quarantined", "in Quarantäne", true},
    [GW_REJECTED] = {"rejected", "rejected", "abgewiesen", true},
};

static const char *const event_names[GW_EVENT_COUNT] = {
    [GW_EV_ACCEPT] = "accept",       [GW_EV_SEAL] = "seal",
    [GW_EV_SUBMIT] = "submit",       [GW_EV_FORWARD] = "forward",
    [GW_EV_DELIVER] = "deliver",     [GW_EV_CANCEL] = "cancel",
    [GW_EV_EXPIRE] = "expire",       [GW_EV_FAIL] = "fail",
    [GW_EV_RECEIVE] = "receive",     [GW_EV_OPEN] = "open",
    [GW_EV_HAND_OVER] = "hand_over", [GW_EV_ACKNOWLEDGE] = "acknowledge",
    [GW_EV_ARCHIVE] = "archive",     [GW_EV_QUARANTINE] = "quarantine",
    [GW_EV_REJECT] = "reject",       [GW_EV_DEFER] = "defer",
    [GW_EV_RETRY] = "retry",         [GW_EV_DAMAGE] = "damage",
    [GW_EV_NOTE] = "note",           [GW_EV_DOUBT] = "doubt",
    [GW_EV_REDELIVER] = "redeliver", [GW_EV_REDIRECT] = "redirect",
};

#define ON(state) GW_STATES(GW_##state)
/* accepted for sending, and nobody outside has it yet */
#define OUT_OURS (ON(ACCEPTED) | ON(SEALED) | ON(DEFERRED))
/* sealed and on its way, or perhaps there already */
#define OUT_SENDING (ON(SEALED) | ON(DEFERRED) | ON(UNCLEAR))
#define OUT_THEIRS (ON(SUBMITTED) | ON(FORWARDED))
#define OUT_GIVEN_UP (ON(FAILED) | ON(EXPIRED))
#define IN_WORK (ON(RECEIVED) | ON(OPENED) | ON(DEFERRED))

static const struct rule {
    enum gw_box box;
    uint32_t from;
    enum gw_event event;
    enum gw_state next;
} rules[] = {
    {GW_OUTBOX, ON(NEW), GW_EV_ACCEPT, GW_ACCEPTED},
    {GW_OUTBOX, ON(ACCEPTED) | ON(DEFERRED) | ON(UNCLEAR), GW_EV_SEAL, GW_SEALED},
    /* given up or withdrawn while the answer that says so was on its way: what is, is */
    {GW_OUTBOX, OUT_SENDING | OUT_GIVEN_UP | ON(CANCELLED), GW_EV_SUBMIT, GW_SUBMITTED},
    /* a lost answer to storeDelivery, or a direct way: the process card may be ahead of us; a new
     * Forwarding replaces the former one, and what we gave up may turn out to have arrived. A
     * reader in this house gets it as it was accepted. */
    {GW_OUTBOX, ON(ACCEPTED) | OUT_SENDING | OUT_THEIRS | OUT_GIVEN_UP | ON(CANCELLED),
     GW_EV_FORWARD, GW_FORWARDED},
    /* a target has nothing to seal for */
    {GW_OUTBOX, ON(ACCEPTED) | OUT_SENDING | OUT_THEIRS | OUT_GIVEN_UP | ON(CANCELLED),
     GW_EV_DELIVER, GW_DELIVERED},
    /* the process card says that it is not there, or takes back that it was handed on */
    {GW_OUTBOX, OUT_OURS | ON(UNCLEAR) | ON(FORWARDED), GW_EV_DEFER, GW_DEFERRED},
    {GW_OUTBOX, OUT_SENDING, GW_EV_DOUBT, GW_UNCLEAR},
    {GW_OUTBOX, OUT_OURS, GW_EV_REDIRECT, GW_ACCEPTED},
    {GW_OUTBOX, OUT_OURS, GW_EV_CANCEL, GW_CANCELLED},
    {GW_OUTBOX, OUT_OURS | ON(UNCLEAR) | OUT_THEIRS, GW_EV_EXPIRE, GW_EXPIRED},
    {GW_OUTBOX, OUT_OURS | ON(UNCLEAR) | OUT_THEIRS, GW_EV_FAIL, GW_FAILED},
    {GW_OUTBOX, ON(DEFERRED) | OUT_GIVEN_UP, GW_EV_RETRY, GW_DEFERRED},
    {GW_OUTBOX, ON(UNCLEAR), GW_EV_RETRY, GW_UNCLEAR},
    {GW_OUTBOX, OUT_OURS | ON(UNCLEAR), GW_EV_DAMAGE, GW_FAILED},
    /* its payload is gone, what came of it remains */
    {GW_OUTBOX, ON(DELIVERED), GW_EV_ARCHIVE, GW_DELIVERED},
    {GW_OUTBOX, ON(FAILED), GW_EV_ARCHIVE, GW_FAILED},
    {GW_OUTBOX, ON(CANCELLED), GW_EV_ARCHIVE, GW_CANCELLED},
    {GW_OUTBOX, ON(EXPIRED), GW_EV_ARCHIVE, GW_EXPIRED},

    {GW_INBOX, ON(NEW), GW_EV_RECEIVE, GW_RECEIVED},
    {GW_INBOX, ON(RECEIVED) | ON(DEFERRED), GW_EV_OPEN, GW_OPENED},
    {GW_INBOX, ON(OPENED) | ON(DEFERRED) | ON(FAILED), GW_EV_HAND_OVER, GW_HANDED_OVER},
    {GW_INBOX, ON(HANDED_OVER) | ON(FAILED), GW_EV_ACKNOWLEDGE, GW_ACKNOWLEDGED},
    /* it went on to somebody else (gateway/onward.h), and did not get there */
    {GW_INBOX, ON(HANDED_OVER), GW_EV_FAIL, GW_FAILED},
    {GW_INBOX, ON(ACKNOWLEDGED) | ON(REJECTED) | ON(QUARANTINED) | ON(FAILED), GW_EV_ARCHIVE,
     GW_ARCHIVED},
    {GW_INBOX, IN_WORK, GW_EV_DEFER, GW_DEFERRED},
    {GW_INBOX, IN_WORK, GW_EV_QUARANTINE, GW_QUARANTINED},
    {GW_INBOX, IN_WORK | ON(QUARANTINED), GW_EV_REJECT, GW_REJECTED},
    {GW_INBOX, ON(QUARANTINED), GW_EV_RETRY, GW_RECEIVED},
    {GW_INBOX, ON(DEFERRED), GW_EV_RETRY, GW_DEFERRED},
    {GW_INBOX, ON(HANDED_OVER), GW_EV_RETRY, GW_OPENED /* the drop folder was lost, say */},
    /* a Fachverfahren restored from a backup has forgotten what it had taken */
    {GW_INBOX, ON(HANDED_OVER) | ON(ACKNOWLEDGED) | ON(ARCHIVED), GW_EV_REDELIVER, GW_OPENED},
    {GW_INBOX, IN_WORK, GW_EV_DAMAGE, GW_QUARANTINED},
};

enum status gw_message_move(enum gw_box box, enum gw_state state, enum gw_event event,
                            enum gw_state *next, struct error *err)
{
    assert(box == GW_OUTBOX || box == GW_INBOX);
    assert(state < GW_STATE_COUNT && event < GW_EVENT_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const struct rule *rule = &rules[i];

        if (rule->box != box || rule->event != event || (rule->from & GW_STATES(state)) == 0)
            continue;
        *next = rule->next;
        return ST_OK;
    }
    /* a note changes nothing and damage is noted wherever no attempt depends on the file */
    if (state != GW_NEW && (event == GW_EV_NOTE || event == GW_EV_DAMAGE)) {
        *next = state;
        return ST_OK;
    }
    return error_set(err, ST_DENIED, 0, "%s is not possible for a message in the %s that is %s",
                     event_names[event], box_names[box], states[state].en);
}

bool gw_state_is_final(enum gw_state state)
{
    assert(state < GW_STATE_COUNT);
    return states[state].final;
}

const char *gw_box_name(enum gw_box box)
{
    assert(box < ARRAY_LEN(box_names));
    return box_names[box];
}

const char *gw_state_name(enum gw_state state)
{
    assert(state < GW_STATE_COUNT);
    return states[state].name;
}

const char *gw_event_name(enum gw_event event)
{
    assert(event < GW_EVENT_COUNT);
    return event_names[event];
}

bool gw_box_of(struct span name, enum gw_box *box)
{
    for (enum gw_box b = GW_OUTBOX; b <= GW_INBOX; b++) {
        if (span_is(name, box_names[b])) {
            *box = b;
            return true;
        }
    }
    return false;
}

bool gw_state_of(struct span name, enum gw_state *state)
{
    for (enum gw_state s = GW_NEW + 1; s < GW_STATE_COUNT; s++) {
        if (span_is(name, states[s].name)) {
            *state = s;
            return true;
        }
    }
    return false;
}

bool gw_event_of(struct span name, enum gw_event *event)
{
    for (enum gw_event e = 0; e < GW_EVENT_COUNT; e++) {
        if (span_is(name, event_names[e])) {
            *event = e;
            return true;
        }
    }
    return false;
}

const char *gw_state_text(enum gw_state state, bool german)
{
    assert(state < GW_STATE_COUNT);
    return german ? states[state].de : states[state].en;
}

static const char *const way_names[] = {
    [GW_WAY_STORE] = "store", [GW_WAY_FORWARD] = "forward", [GW_WAY_MEDIATE] = "mediate"};
static const char *const answer_names[] = {
    [GW_ANSWER_AWAITED] = "awaited", [GW_ANSWER_GIVEN] = "given", [GW_ANSWER_MISSING] = "missing"};

/* The place of name, 0 for NULL; count when it has none. */
static size_t place_of(const char *name, const char *const *names, size_t count)
{
    size_t i = 1;

    if (name == NULL)
        return 0;
    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

const char *gw_way_name(enum gw_way way)
{
    assert(way < ARRAY_LEN(way_names));
    return way_names[way];
}

bool gw_way_of(const char *name, enum gw_way *way)
{
    size_t i = place_of(name, way_names, ARRAY_LEN(way_names));

    if (i == ARRAY_LEN(way_names))
        return false;
    *way = (enum gw_way)i;
    return true;
}

const char *gw_answer_name(enum gw_answer_state answer)
{
    assert(answer < ARRAY_LEN(answer_names));
    return answer_names[answer];
}

bool gw_answer_of(const char *name, enum gw_answer_state *answer)
{
    size_t i = place_of(name, answer_names, ARRAY_LEN(answer_names));

    if (i == ARRAY_LEN(answer_names))
        return false;
    *answer = (enum gw_answer_state)i;
    return true;
}
