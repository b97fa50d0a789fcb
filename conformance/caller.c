#include "conformance/caller.h"

#include <stdio.h>
#include <string.h>

enum { STATE_POLL_MS = 250, CLEAN_MS = 30000 };

/* ---- sending ---- */

enum status conf_caller_send(struct conf_run *run, const char *begin, char name[CONF_FILE_NAME],
                             struct error *err)
{
    char marker[CONF_MARKER_SIZE], subject[CONF_FILE_NAME + 64];
    const char *const arguments[] = {name, subject};

    conf_marker(run, marker);
    (void)snprintf(name, CONF_FILE_NAME, "%s-%s.txt", begin, marker);
    (void)snprintf(subject, sizeof subject, "%s " CONF_SUBJECT, name);
    return conf_hook_run(run, "send", arguments, ARRAY_LEN(arguments), NULL, err);
}

const char *conf_caller_state(struct conf_run *run, const char *name, char out[CONF_STATE_SIZE])
{
    const char *const arguments[] = {name};
    AUTO(buf_deinit) struct buf text = {0};
    struct error err = {0};
    struct span word;

    out[0] = '\0';
    if (conf_hook(run, "state") == NULL)
        return out;
    buf_init(&text, 64 * 1024);
    if (conf_hook_run(run, "state", arguments, 1, &text, &err) != ST_OK)
        return out;
    word = span_trim(buf_span(&text));
    (void)snprintf(out, CONF_STATE_SIZE, "%.*s", (int)word.len,
                   word.len == 0 ? "" : (const char *)word.ptr);
    return out;
}

static bool begins_with_one(const char *state, const char *words)
{
    struct span rest = span_str(words), word;

    while (rest.len > 0 && span_split(&rest, ' ', &word))
        if (span_starts(span_str(state), word))
            return true;
    return false;
}

bool conf_caller_reaches(struct conf_run *run, const char *name, const char *words, unsigned ms,
                         char out[CONF_STATE_SIZE])
{
    for (unsigned waited = 0;; waited += STATE_POLL_MS) {
        if (begins_with_one(conf_caller_state(run, name, out), words))
            return true;
        if (waited >= ms)
            return false;
        conf_sleep(STATE_POLL_MS);
    }
}

/* ---- fetching ---- */

void conf_caller_fetch(struct conf_run *run)
{
    struct error err = {0};

    if (conf_hook(run, "fetch") != NULL)
        (void)!conf_hook_run(run, "fetch", NULL, 0, NULL, &err);
}

enum status conf_caller_delivery(struct conf_run *run, const struct conf_party *reader,
                                 struct conf_delivery *d, struct error *err)
{
    const struct conf_delivery_want want = {.type = OSCI_RSP_FETCH_DELIVERY,
                                            .originator = conf_party(run, "addressee"),
                                            .addressee = conf_party(run, "client"),
                                            .intermediary = conf_party(run, "intermediary"),
                                            .reader = reader};

    return conf_delivery_make(run, d, &want, err);
}

enum status conf_caller_fetched(struct conf_run *run, const struct conf_misstep *step,
                                struct conf_delivery *d, bool must_pass, struct conf_fetched *got,
                                struct error *err)
{
    const char *inbox = conf_set(run, "client_inbox");
    struct conf_misstep once = *step;
    struct conf_fake *fake;
    size_t at, next;
    enum status st;

    *got = (struct conf_fetched){.contents = 1 + d->msg.attachment_count};
    TRY(conf_fake_get(run, &fake, err));
    once.withdraw = !must_pass;
    conf_fake_plan(fake, &once);
    conf_fake_deliver(fake, d);
    conf_caller_fetch(run);
    st = conf_fake_happened(fake, &at, err);
    if (st == ST_OK) {
        conf_fake_seen(fake, at, &got->seen);
        got->went_on = conf_fake_wait(fake, at + 1, NULL, got->seen.conversation,
                                      must_pass ? conf_fake_patience(fake) : CONF_QUIET_MS, &next);
        if (got->went_on)
            conf_fake_seen(fake, next, &got->next);
        got->in_order = got->went_on && strcmp(got->next.response, got->seen.our_challenge) == 0;
    }
    (void)conf_fake_withdraw(fake, d);
    conf_fake_plan(fake, NULL);
    TRY(st);
    if (inbox != NULL)
        got->kept = must_pass
                        ? conf_found_within(inbox, d->marker, got->contents, conf_patience_ms(run))
                        : conf_found(inbox, d->marker);
    /* a dialog that ends well, so that the client comes back soon after what it refused */
    (void)conf_fake_wait(fake, at + 1, "exitDialog", NULL, CLEAN_MS, NULL);
    return ST_OK;
}

void conf_caller_look(struct conf_run *run, unsigned number, const char *name,
                      const struct conf_fetched *got, bool must_pass)
{
    bool seen = conf_set(run, "client_inbox") != NULL;

    if (!must_pass) {
        (void)conf_check(run, number, !got->went_on, "%s: the dialog went on with %s", name,
                         got->next.type);
        (void)conf_check(run, number, got->kept == 0, "%s: contents were handed over", name);
        return;
    }
    (void)conf_check(run, number, got->in_order, "%s: %s", name,
                     got->went_on ? "the next Response is wrong" : "the dialog did not go on");
    if (seen)
        (void)conf_check(run, number, got->kept == got->contents,
                         "%s: %zu of %zu contents were handed over", name, got->kept,
                         got->contents);
}

enum status conf_caller_try(struct conf_run *run, unsigned number, const struct conf_misstep *step,
                            bool must_pass, struct error *err)
{
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    struct conf_fetched got;

    TRY(conf_caller_delivery(run, NULL, &d, err));
    TRY(conf_caller_fetched(run, step, &d, must_pass, &got, err));
    conf_caller_look(run, number, step->name, &got, must_pass);
    return ST_OK;
}
