/* What a client makes of the answers to its fetchDelivery. */
#include <stdio.h>
#include <string.h>

#include "conformance/caller.h"

#define FETCH .type = "fetchDelivery"

/* ---- OSCI-035, 060 ---- */

static enum status plain_fetch(struct conf_run *run, unsigned number, const char *name,
                               const struct conf_alteration *row, const struct conf_party *reader,
                               struct error *err)
{
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    const struct conf_misstep step = {.name = name, FETCH, .row = row};
    struct conf_fetched got;

    TRY(conf_caller_delivery(run, reader, &d, err));
    TRY(conf_caller_fetched(run, &step, &d, true, &got, err));
    conf_caller_look(run, number, name, &got, true);
    return ST_OK;
}

enum status conf_caller_fetches(struct conf_run *run, struct error *err)
{
    static const struct conf_alteration misspelt = {
        .name = "OSCP",
        .before = {{"<osci:OCSP>", "<osci:OSCP>", true}, {"</osci:OCSP>", "</osci:OSCP>", true}}};
    char time[CONF_TIME_SIZE];
    struct osci_inspection inspection = {.subject = SPAN("CN=Stadt A"),
                                         .issuer = SPAN("CN=CA"),
                                         .serial = SPAN("4711"),
                                         .math = OSCI_CHECK_GOOD,
                                         .offline = OSCI_CHECK_GOOD,
                                         .online = OSCI_CHECK_GOOD,
                                         .online_kind = SPAN("OCSP"),
                                         .online_evidence = SPAN("aGFsbG8=")};
    struct conf_fake *fake;
    enum status st;

    TRY(conf_fake_get(run, &fake, err));
    TRY(plain_fetch(run, 35, "two readers", NULL, conf_party(run, "reader"), err));
    conf_time(time);
    inspection.timestamp.text = span_str(time);
    conf_fake_inspections(fake, &inspection, 1);
    st = plain_fetch(run, 60, "an inspection with OCSP", NULL, NULL, err);
    if (st == ST_OK)
        st = plain_fetch(run, 60, "an inspection with OSCP", &misspelt, NULL, err);
    conf_fake_inspections(fake, NULL, 0);
    return st;
}

/* ---- OSCI-050 ---- */

enum status conf_caller_nothing(struct conf_run *run, struct error *err)
{
    const struct conf_misstep nothing = {.name = "9803", FETCH, .codes = "9803"};
    const struct conf_misstep no_card = {
        .name = "9804", .type = "fetchProcessCard", .codes = "9804"};
    const struct conf_misstep *const steps[] = {&no_card, &nothing};
    bool sends = conf_hook(run, "send") != NULL; /* so that there is a card to be asked for */
    struct conf_fake *fake;
    char name[CONF_FILE_NAME];

    TRY(conf_fake_get(run, &fake, err));
    for (size_t i = sends ? 0 : 1; i < ARRAY_LEN(steps); i++) {
        struct conf_seen seen;
        size_t at;
        enum status st = ST_OK;

        conf_fake_plan(fake, steps[i]);
        if (steps[i] == &no_card)
            st = conf_caller_send(run, "nichts", name, err);
        conf_caller_fetch(run);
        if (st == ST_OK)
            st = conf_fake_happened(fake, &at, err);
        conf_fake_plan(fake, NULL);
        if (st == ST_RETRY && steps[i] == &no_card) /* it asks for no cards */
            continue;
        TRY(st);
        conf_fake_seen(fake, at, &seen);
        (void)conf_check(
            run, 50,
            conf_fake_wait(fake, at + 1, NULL, seen.conversation, conf_fake_patience(fake), NULL),
            "after %s the dialog broke off", steps[i]->name);
    }
    return ST_OK;
}

/* ---- OSCI-047 ---- */

/* Killed when its next order arrives, it must have what it fetched, and we do not send it again. */
enum status conf_caller_durable(struct conf_run *run, struct error *err)
{
    const struct conf_misstep kill_it = {
        .name = "killed", FETCH, .skip = 1, .what = CONF_HOOK, .hook = "kill"};
    const char *inbox = conf_set(run, "client_inbox");
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    struct conf_fake *fake;
    size_t at, kept, contents;
    enum status st;

    if (conf_hook(run, "kill") == NULL || conf_hook(run, "start") == NULL || inbox == NULL)
        return error_set(
            err, ST_NOT_FOUND, 0,
            "needs the hooks kill (at once, without a word) and start, and client_inbox");
    TRY(conf_fake_get(run, &fake, err));
    TRY(conf_caller_delivery(run, NULL, &d, err));
    contents = 1 + d.msg.attachment_count;
    conf_fake_plan(fake, &kill_it);
    conf_fake_deliver(fake, &d);
    conf_caller_fetch(run);
    st = conf_fake_happened(fake, &at, err);
    (void)conf_fake_withdraw(fake, &d);
    conf_fake_plan(fake, NULL);
    TRY(conf_hook_run(run, "start", NULL, 0, NULL, err));
    TRY(st);
    kept = conf_found_within(inbox, d.marker, contents, conf_patience_ms(run));
    (void)conf_check(run, 47, kept == contents,
                     "killed at its next order, the client has %zu of %zu contents it fetched",
                     kept, contents);
    return ST_OK;
}

/* ---- OSCI-045, 046, 048, 056 ---- */

static void wrong_response(struct osci_message *answer, void *ctx)
{
    (void)ctx;
    answer->control.response = SPAN("ZmFsc2No");
}

static void wrong_conversation(struct osci_message *answer, void *ctx)
{
    (void)ctx;
    answer->control.conversation_id = SPAN("4711");
}

static void wrong_sequence(struct osci_message *answer, void *ctx)
{
    (void)ctx;
    answer->control.sequence += 1;
}

enum status conf_caller_answers(struct conf_run *run, struct error *err)
{
    static const struct conf_alteration flipped = {.envelope = {.flip = CONF_FLIP_TEXT}};
    static const struct conf_alteration changed = {
        .after = {{"Id=\"body\">", "Id=\"body\"> ", false}}};
    static const struct {
        unsigned number;
        struct conf_misstep step;
    } rows[] = {
        {45, {.name = "another Response", FETCH, .change = wrong_response}},
        {45, {.name = "another ConversationId", FETCH, .change = wrong_conversation}},
        {45, {.name = "another SequenceNumber", FETCH, .change = wrong_sequence}},
        {46, {.name = "an answer that does not decipher", FETCH, .row = &flipped}},
        {46, {.name = "an answer changed after signing", FETCH, .row = &changed}},
        {46, {.name = "an unsigned answer", FETCH, .unsign = true}},
        {46,
         {.name = "an answer that is no OSCI",
          FETCH,
          .what = CONF_BYTES,
          .bytes = {(const uint8_t *)"<html>Hallo</html>", 18}}},
        {48, {.name = "an answer in the clear", FETCH, .plain = true}},
        {56,
         {.name = "signed by a stranger, his certificate enclosed", FETCH, .signer = "stranger"}},
        {56, {.name = "signed by another party of the same CA", FETCH, .signer = "other"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        TRY(conf_caller_try(run, rows[i].number, &rows[i].step, false, err));
    return ST_OK;
}

/* ---- the table of alterations ---- */

enum status conf_caller_alterations(struct conf_run *run, struct error *err)
{
    size_t count;
    const struct conf_alteration *row = conf_alterations(&count);

    for (size_t i = 0; i < count; i++, row++) {
        const struct conf_misstep step = {.name = row->name, FETCH, .row = row};
        AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
        struct conf_fetched got;
        bool must_pass =
            row->codes == NULL || (row->setting != NULL && conf_set(run, row->setting) != NULL);

        TRY(conf_caller_delivery(run, NULL, &d, err));
        if (!conf_alteration_fits(row, &d.msg))
            continue;
        TRY(conf_caller_fetched(run, &step, &d, must_pass, &got, err));
        conf_caller_look(run, row->number, row->name, &got, must_pass);
    }
    return ST_OK;
}
