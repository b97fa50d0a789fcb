/* A client that sends a large delivery in chunks. */
#include "conformance/caller.h"

enum { STEP_MS = 100 };

/* What is large, and what came of it: complete in chunks, or taken whole (*whole). */
static enum status large_send(struct conf_run *run, struct conf_fake *fake,
                              char name[CONF_FILE_NAME], bool *whole, struct error *err)
{
    struct conf_stored stored;
    size_t before = conf_fake_completed(fake);
    unsigned ms = conf_fake_patience(fake);

    *whole = false;
    TRY(conf_caller_send(run, "gross-in-teilen", name, err));
    for (unsigned waited = 0; conf_fake_completed(fake) == before; waited += STEP_MS) {
        if (conf_fake_stored(fake, name, &stored)) {
            *whole = conf_fake_completed(fake) == before; /* not just now, by the last chunk */
            return ST_OK;
        }
        if (waited > ms)
            return error_set(err, ST_RETRY, 0, "%s was not complete with us within %u seconds",
                             name, ms / 1000);
        conf_sleep(STEP_MS);
    }
    return ST_OK;
}

static void not_in_chunks(struct conf_run *run, unsigned number)
{
    conf_untestable(run, number, "Der Client hat nichts in Teilen gesendet",
                    "the client sent nothing in chunks");
}

/* Looked at as they come: fake_look.c, fake_chunks.c. */
enum status conf_caller_chunks(struct conf_run *run, struct error *err)
{
    struct conf_fake *fake;
    char name[CONF_FILE_NAME];
    bool whole;
    enum status st;

    TRY(conf_fake_get(run, &fake, err));
    conf_fake_chunks(fake, "0801");
    st = large_send(run, fake, name, &whole, err);
    conf_fake_chunks(fake, NULL);
    TRY(st);
    if (whole) {
        not_in_chunks(run, 98);
        not_in_chunks(run, 99);
    }
    return ST_OK;
}

enum status conf_caller_chunks_refused(struct conf_run *run, struct error *err)
{
    struct conf_fake *fake;
    char name[CONF_FILE_NAME], state[CONF_STATE_SIZE];
    bool whole;
    enum status st;

    if (conf_hook(run, "state") == NULL)
        return error_set(err, ST_NOT_FOUND, 0,
                         "without the hook state nobody sees what the client makes of it");
    TRY(conf_fake_get(run, &fake, err));
    conf_fake_chunks(fake, "9601");
    st = large_send(run, fake, name, &whole, err);
    if (st == ST_OK && whole)
        not_in_chunks(run, 107);
    else if (st == ST_OK)
        (void)conf_check(
            run, 107,
            conf_caller_reaches(run, name, "sent delivered failed", conf_patience_ms(run), state) &&
                strncmp(state, "failed", 6) == 0,
            "after 9601 in InsideFeedback the client says \"%s\"", state);
    conf_fake_chunks(fake, NULL);
    return st;
}
