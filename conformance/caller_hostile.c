/* A client among people who mean it no good. */
#include <stdio.h>
#include <string.h>

#include "conformance/caller.h"

enum { MANGLED = 12 };

#define FETCH .type = "fetchDelivery"

/* ---- OSCI-009 ---- */

enum status conf_caller_doctype(struct conf_run *run, struct error *err)
{
    AUTO(conf_listener_drop) struct conf_listener *trap = NULL;
    struct conf_alteration inside = {.name = "a DOCTYPE inside"}, outside = {.name = "a DOCTYPE"};
    const struct conf_misstep steps[] = {
        {.name = "a DOCTYPE in the envelope", FETCH, .row = &outside},
        {.name = "a DOCTYPE inside", FETCH, .row = &inside}};
    char url[64], text[256];

    TRY(conf_trap(run, &trap, url, err));
    (void)snprintf(text, sizeof text,
                   "<!DOCTYPE soap:Envelope SYSTEM \"%s\" [<!ENTITY %% e SYSTEM \"%s\"> %%e;]>"
                   "<soap:Envelope",
                   url, url);
    outside.outer[0] = inside.after[0] = (struct conf_edit){"<soap:Envelope", text, false};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        TRY(conf_caller_try(run, 9, &steps[i], false, err));
    (void)conf_check(run, 9, conf_listener_connections(trap) == 0, "something was fetched for it");
    return ST_OK;
}

/* ---- OSCI-110 ---- */

enum status conf_caller_status_services(struct conf_run *run, struct error *err)
{
    AUTO(conf_listener_drop) struct conf_listener *trap = NULL;
    AUTO(cert_drop) struct cert *cert = NULL;
    const struct conf_party *stranger = conf_party(run, "stranger");
    struct conf_misstep step = {.name = "a stranger's certificate", FETCH, .signer = "stranger"};
    char url[64];

    if (stranger->signature_key == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "no key of a stranger among the keys");
    TRY(conf_trap(run, &trap, url, err));
    TRY(conf_trap_cert(stranger->signature_key, url, &cert, err));
    step.shown = cert;
    TRY(conf_caller_try(run, 110, &step, false, err));
    (void)conf_check(run, 110, conf_listener_connections(trap) == 0,
                     "the status service of a stranger's certificate was asked");
    return ST_OK;
}

/* ---- OSCI-108, 112 ---- */

/* A well-formed delivery is still fetched: the client lives. */
static enum status lives(struct conf_run *run, unsigned number, const char *after,
                         struct error *err)
{
    const struct conf_misstep step = {.name = after, FETCH};

    return conf_caller_try(run, number, &step, true, err);
}

enum status conf_caller_bounds(struct conf_run *run, struct error *err)
{
    for (unsigned i = 0; i < CONF_EXCESSES; i++) {
        const struct conf_misstep step = {.name = conf_excess_name(i), FETCH, .excess = i + 1};

        TRY(conf_caller_try(run, 108, &step, false, err));
    }
    return lives(run, 108, "after all that is too much", err);
}

enum status conf_caller_mangled(struct conf_run *run, struct error *err)
{
    unsigned count = (unsigned)conf_set_number(run, "mangled_answers", MANGLED);
    struct conf_mangler mangler;
    struct conf_misstep step = {.name = "a mangled answer", FETCH, .mangler = &mangler};

    conf_mangler_init(&mangler, 0x6465706573636865);
    for (unsigned i = 0; i < count; i++) {
        AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
        struct conf_fetched got;

        TRY(conf_caller_delivery(run, NULL, &d, err));
        TRY(conf_caller_fetched(run, &step, &d, false, &got, err));
    }
    return lives(run, 112, "after mangled answers", err);
}

/* ---- what was not to be seen ---- */

enum status conf_caller_unseen(struct conf_run *run, struct error *err)
{
    static const struct {
        unsigned number;
        const char *de, *en;
    } rows[] = {
        {40, "Ein Client antwortet niemandem, der ihm etwas Falsches schickt",
         "a client answers nobody who sends it something wrong"},
        {24, "Der Client hat keine ECDSA-Signatur geschrieben",
         "the client wrote no ECDSA signature"},
        {55, "Der Client hat keine mediateDelivery ohne MessageId gesendet",
         "the client sent no mediateDelivery without MessageId"},
        {109, "Ein Anhang von 10 GiB wird hier nicht gesendet",
         "an attachment of 10 GiB is not sent here"},
    };

    (void)err;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        conf_untestable(run, rows[i].number, rows[i].de, rows[i].en);
    return ST_OK;
}
