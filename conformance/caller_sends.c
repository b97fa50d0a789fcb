/* What a client sends, and what it makes of the answers. */
#include <stdio.h>
#include <string.h>

#include "conformance/caller.h"

enum { QUIET_LOOK_MS = 1000 };

/* Sent, and seen by us. */
static enum status send_and_wait(struct conf_run *run, struct conf_fake *fake, const char *begin,
                                 char name[CONF_FILE_NAME], struct conf_stored *stored,
                                 struct error *err)
{
    unsigned ms = conf_fake_patience(fake);

    TRY(conf_caller_send(run, begin, name, err));
    for (unsigned waited = 0; !conf_fake_stored(fake, name, stored); waited += 100) {
        if (waited > ms)
            return error_set(err, ST_RETRY, 0, "%s was not stored with us within %u seconds", name,
                             ms / 1000);
        conf_sleep(100);
    }
    return ST_OK;
}

/* Says the client that it went well? Nothing is looked at when it cannot be asked. */
static void success_look(struct conf_run *run, unsigned number, const char *name, const char *after)
{
    char state[CONF_STATE_SIZE];

    if (conf_hook(run, "state") == NULL)
        return;
    (void)conf_check(run, number,
                     conf_caller_reaches(run, name, "sent delivered", conf_patience_ms(run), state),
                     "after %s the client says \"%s\"", after, state);
}

enum status conf_caller_sends(struct conf_run *run, struct error *err)
{
    struct conf_fake *fake;
    struct conf_stored stored;
    AUTO(buf_deinit) struct buf plain = {0};
    char name[CONF_FILE_NAME];

    TRY(conf_fake_get(run, &fake, err));
    TRY(send_and_wait(run, fake, "betreff", name, &stored, err));
    (void)conf_check(run, 53, strstr(stored.subject, CONF_SUBJECT) != NULL, "the Subject is \"%s\"",
                     stored.subject);
    buf_init(&plain, CONF_WIRE_MAX);
    (void)conf_check(run, 53,
                     conf_fake_wire(fake, name, &plain) &&
                         span_find(buf_span(&plain), SPAN("&lt;&amp;")) != SIZE_MAX,
                     "< and & of the Subject are not escaped");
    success_look(run, 52, name, "a card with the MessageId");
    return ST_OK;
}

/* ---- OSCI-026, 028 ---- */

/* The addressee's view of what the client has enciphered for it, an attachment among it. */
enum status conf_caller_contents(struct conf_run *run, struct error *err)
{
    const struct conf_party *addressee = conf_party(run, "addressee");
    const struct conf_pair own = {addressee->cipher, addressee->cipher_key};
    struct conf_fake *fake;
    struct conf_stored stored;
    struct conf_view view = {0};
    AUTO(buf_deinit) struct buf plain = {0};
    char name[CONF_FILE_NAME];
    const char *wrong;
    size_t contents = 0;

    if (addressee->cipher_key == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "no key of the addressee among the keys");
    TRY(conf_fake_get(run, &fake, err));
    TRY(send_and_wait(run, fake, "gross", name, &stored, err));
    buf_init(&plain, CONF_WIRE_MAX);
    (void)conf_fake_wire(fake, name, &plain);
    wrong = conf_view_open(&view, buf_span(&plain), NULL, 0);
    if (wrong == NULL)
        wrong = conf_view_contents(&view, &own, conf_party(run, "client")->signature, &contents);
    (void)conf_check(run, 28, wrong == NULL && contents > 0, "%s",
                     wrong == NULL ? "nothing that the addressee can open" : wrong);
    if (view.frame.count > 1)
        (void)conf_check(run, 26, wrong == NULL, "%s", wrong);
    conf_view_deinit(&view);
    return ST_OK;
}

/* ---- OSCI-043 ---- */

enum status conf_caller_implicit(struct conf_run *run, struct error *err)
{
    struct conf_fake *fake;
    struct conf_stored stored;
    char name[CONF_FILE_NAME];
    size_t from, at;

    if (conf_set(run, "implicit") == NULL)
        return error_set(err, ST_NOT_FOUND, 0,
                         "the client must send what begins with \"implicit\" without initDialog "
                         "(--set implicit=1)");
    TRY(conf_fake_get(run, &fake, err));
    from = conf_fake_count(fake);
    TRY(send_and_wait(run, fake, "implicit", name, &stored, err));
    (void)conf_check(run, 43,
                     conf_fake_wait(fake, from, "storeDelivery", "", conf_fake_patience(fake), &at),
                     "no storeDelivery outside a dialog");
    return ST_OK;
}

/* ---- OSCI-051 ---- */

/* The answer is lost; the card is not found at first; the repetition gets 9801. */
enum status conf_caller_lost(struct conf_run *run, struct error *err)
{
    const struct conf_misstep lost = {
        .name = "a lost answer", .type = "storeDelivery", .what = CONF_HANG_UP_AFTER};
    const struct conf_misstep no_card = {
        .name = "no card", .type = "fetchProcessCard", .codes = "9804"};
    struct conf_fake *fake;
    struct conf_stored stored = {.id = ""};
    struct conf_seen seen;
    char name[CONF_FILE_NAME];
    size_t at = 0, again;
    enum status st;

    TRY(conf_fake_get(run, &fake, err));
    conf_fake_plan(fake, &lost);
    st = conf_caller_send(run, "verloren", name, err);
    if (st == ST_OK)
        st = conf_fake_happened(fake, &at, err);
    conf_fake_plan(fake, &no_card);
    if (st == ST_OK &&
        conf_fake_wait(fake, at + 1, "storeDelivery", NULL, conf_fake_patience(fake), &again)) {
        conf_fake_seen(fake, again, &seen);
        (void)conf_check(run, 51,
                         conf_fake_stored(fake, name, &stored) && strcmp(seen.id, stored.id) == 0,
                         "repeated with another MessageId");
    }
    conf_fake_plan(fake, NULL);
    TRY(st);
    if (conf_hook(run, "state") == NULL)
        conf_untestable(run, 51,
                        "Ohne den Hook state ist nicht zu sehen, was der Client daraus macht",
                        "without the hook state nobody sees what the client makes of it");
    success_look(run, 51, name, "9801 with a process card");
    return ST_OK;
}

/* ---- OSCI-049, 058 ---- */

/* Each code in several languages, one of them a list. */
static void many_languages(struct osci_message *answer, void *ctx)
{
    static const struct osci_feedback entries[] = {
        {SPAN("0801"), SPAN("de en"), SPAN("Auftrag ausgef\xc3\xbchrt / order executed")},
        {SPAN("0801"), SPAN("fr"),
         SPAN("ordre ex\xc3\xa9"
              "cut\xc3\xa9")},
        {SPAN("0801"), SPAN("en-GB"), SPAN("order executed")},
    };

    (void)ctx;
    answer->feedback = (struct osci_feedback *)(uintptr_t)entries;
    answer->feedback_count = ARRAY_LEN(entries);
}

enum status conf_caller_warnings(struct conf_run *run, struct error *err)
{
    static const struct {
        unsigned number;
        struct conf_misstep step;
    } rows[] = {
        {49, {.name = "warnings", .type = "storeDelivery", .codes = "3500 3700 3707 0801"}},
        {49, {.name = "a warning behind", .type = "storeDelivery", .codes = "0801 3707"}},
        {58, {.name = "several languages", .type = "storeDelivery", .change = many_languages}},
    };
    struct conf_fake *fake;

    TRY(conf_fake_get(run, &fake, err));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf_stored stored;
        char name[CONF_FILE_NAME];
        size_t at;

        conf_fake_plan(fake, &rows[i].step);
        TRY(send_and_wait(run, fake, "warnung", name, &stored, err));
        TRY(conf_fake_happened(fake, &at, err));
        /* what was executed is not sent again */
        (void)conf_check(run, rows[i].number,
                         !conf_fake_wait(fake, at + 1, "storeDelivery", NULL, QUIET_LOOK_MS, NULL),
                         "%s: the delivery is sent again", rows[i].step.name);
        success_look(run, rows[i].number, name, rows[i].step.name);
    }
    conf_fake_plan(fake, NULL);
    return ST_OK;
}

/* ---- OSCI-048, 057 ---- */

/* The client has understood: it names the fault, or has gone on to a good end already. */
static bool fault_told(struct conf_run *run, const char *name, const char *fault,
                       char state[CONF_STATE_SIZE])
{
    for (unsigned waited = 0; waited <= conf_patience_ms(run); waited += QUIET_LOOK_MS / 4) {
        (void)conf_caller_state(run, name, state);
        if (strncmp(state, "sent", 4) == 0 || strncmp(state, "delivered", 9) == 0 ||
            strstr(state, fault) != NULL)
            return true;
        conf_sleep(QUIET_LOOK_MS / 4);
    }
    return false;
}

enum status conf_caller_faults(struct conf_run *run, struct error *err)
{
    static const struct {
        unsigned number;
        struct conf_misstep step;
    } rows[] = {
        {48,
         {.name = "a fault in the clear",
          .type = "storeDelivery",
          .what = CONF_FAULT,
          .fault = "9000"}},
        {57,
         {.name = "a faultcode with another prefix",
          .type = "storeDelivery",
          .what = CONF_FAULT,
          .fault = "9503",
          .qualified = true}},
        {57,
         {.name = "a fault with HTTP 500",
          .type = "storeDelivery",
          .what = CONF_FAULT,
          .fault = "9000",
          .status = 500}},
    };
    struct conf_fake *fake;

    TRY(conf_fake_get(run, &fake, err));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char name[CONF_FILE_NAME], state[CONF_STATE_SIZE];
        struct conf_seen seen;
        size_t at;

        conf_fake_plan(fake, &rows[i].step);
        TRY(conf_caller_send(run, "fehler", name, err));
        TRY(conf_fake_happened(fake, &at, err));
        conf_fake_seen(fake, at, &seen);
        (void)conf_check(
            run, rows[i].number,
            seen.conversation[0] == '\0' ||
                !conf_fake_wait(fake, at + 1, NULL, seen.conversation, QUIET_LOOK_MS, NULL),
            "%s: the dialog went on", rows[i].step.name);
        if (conf_hook(run, "state") == NULL)
            continue;
        (void)conf_check(run, rows[i].number, fault_told(run, name, rows[i].step.fault, state),
                         "%s: the client says \"%s\"", rows[i].step.name, state);
        (void)conf_caller_reaches(run, name, "sent delivered failed", conf_patience_ms(run), state);
    }
    conf_fake_plan(fake, NULL);
    return ST_OK;
}

/* ---- OSCI-059 ---- */

enum status conf_caller_redirects(struct conf_run *run, struct error *err)
{
    static const int statuses[] = {301, 302, 307, 308};
    AUTO(conf_listener_drop) struct conf_listener *trap = NULL;
    struct conf_fake *fake;
    char url[64], name[CONF_FILE_NAME];

    TRY(conf_fake_get(run, &fake, err));
    TRY(conf_trap(run, &trap, url, err));
    if (conf_hook(run, "send") != NULL)
        TRY(conf_caller_send(run, "umleitung", name, err));
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        const struct conf_misstep step = {.name = "a redirect",
                                          .type = "initDialog",
                                          .what = CONF_REDIRECT,
                                          .status = statuses[i],
                                          .location = url};
        size_t at;
        enum status st;

        conf_fake_plan(fake, &step);
        conf_caller_fetch(run);
        st = conf_fake_happened(fake, &at, err);
        conf_fake_plan(fake, NULL);
        TRY(st);
        conf_sleep(QUIET_LOOK_MS);
        (void)conf_check(run, 59, conf_listener_connections(trap) == 0, "HTTP %d was followed",
                         statuses[i]);
        (void)conf_fake_wait(fake, at + 1, "exitDialog", NULL, conf_fake_patience(fake), NULL);
    }
    return ST_OK;
}

/* ---- OSCI-042 ---- */

/* Not a word of GCM and OAEP, which must be used all the same; of the IV's length there is. */
static void other_features(struct osci_message *answer, void *ctx)
{
    (void)ctx;
    answer->features = (struct osci_features){
        .present = true,
        .keys = {SPAN("KonformitaetMitAllem 0.0.1"), SPAN("Support96Bit12ByteIV 1.9.0")},
        .key_count = 2};
}

enum status conf_caller_features(struct conf_run *run, struct error *err)
{
    const struct conf_misstep step = {
        .name = "an unknown feature", .type = "initDialog", .change = other_features};
    struct conf_fake *fake;
    struct conf_seen seen, next;
    size_t at, after;
    enum status st;

    TRY(conf_fake_get(run, &fake, err));
    conf_fake_plan(fake, &step);
    conf_caller_fetch(run);
    st = conf_fake_happened(fake, &at, err);
    conf_fake_plan(fake, NULL);
    TRY(st);
    conf_fake_seen(fake, at, &seen);
    if (!conf_check(run, 42,
                    conf_fake_wait(fake, at + 1, NULL, seen.our_conversation,
                                   conf_fake_patience(fake), &after),
                    "an unknown feature ends the dialog"))
        return ST_OK;
    conf_fake_seen(fake, after, &next);
    (void)conf_check(run, 42, next.strong, "without the usual features the envelope is weaker");
    return ST_OK;
}

/* ---- OSCI-111 ---- */

enum status conf_caller_conversations(struct conf_run *run, struct error *err)
{
    static const char *const ids[] = {"0000000000000000000000000000000000000007",
                                      "9999999999999999999999999999999999999999", "00"};
    struct conf_fake *fake;

    TRY(conf_fake_get(run, &fake, err));
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        size_t from = conf_fake_count(fake);

        conf_fake_conversation(fake, ids[i]);
        conf_caller_fetch(run);
        if (!conf_check(run, 111,
                        conf_fake_wait(fake, from, NULL, ids[i], conf_fake_patience(fake), NULL),
                        "no order came with the ConversationId %s", ids[i]))
            break;
    }
    return ST_OK;
}
