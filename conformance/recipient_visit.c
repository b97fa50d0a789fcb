#include <stdio.h>
#include <string.h>

#include "conformance/recipient.h"

void conf_visit_deinit(struct conf_visit *visit)
{
    conf_delivery_deinit(&visit->d);
    buf_deinit(&visit->wire);
    conf_reply_deinit(&visit->reply);
    conf_view_deinit(&visit->view);
}

enum status conf_visit_make(struct conf_run *run, struct conf_visit *visit, enum osci_type type,
                            struct error *err)
{
    const struct conf_delivery_want want = {.type = type,
                                            .originator = conf_party(run, "originator"),
                                            .addressee = conf_party(run, "recipient"),
                                            .intermediary = conf_party(run, "intermediary")};

    *visit = (struct conf_visit){.why = "nothing was sent"};
    buf_init(&visit->wire, CONF_WIRE_MAX);
    return conf_delivery_make(run, &visit->d, &want, err);
}

enum status conf_visit_write(struct conf_run *run, struct conf_visit *visit,
                             const struct conf_alteration *row, struct error *err)
{
    static const struct conf_alteration none = {.name = "as it is"};
    const struct conf_hop hop = {conf_party(run, "intermediary"), conf_party(run, "recipient")};

    buf_reset(&visit->wire);
    return conf_alter(row == NULL ? &none : row, &visit->d.msg, &hop, &visit->wire, err);
}

enum status conf_visit_post_as(struct conf_run *run, struct conf_visit *visit,
                               const struct conf_party *us, struct error *err)
{
    const struct conf_pair own = {us->cipher, us->cipher_key};

    conf_reply_deinit(&visit->reply);
    conf_view_deinit(&visit->view);
    visit->answered = false;
    visit->code[0] = '\0';
    TRY(conf_post(run, run->settings->urls[CONF_RECIPIENT], buf_span(&visit->wire), &visit->reply,
                  err));
    visit->why = visit->reply.why;
    if (visit->reply.status == 0)
        return ST_OK;
    visit->why = conf_view_open(&visit->view, buf_span(&visit->reply.body), &own, 1);
    visit->answered = visit->why == NULL;
    if (!visit->answered)
        return ST_OK;
    if (visit->view.encrypted)
        conf_evidence_add(run, "answer-plain", buf_span(&visit->view.plain));
    (void)conf_view_code(&visit->view, visit->code, sizeof visit->code);
    return ST_OK;
}

enum status conf_visit_post(struct conf_run *run, struct conf_visit *visit, struct error *err)
{
    return conf_visit_post_as(run, visit, conf_party(run, "intermediary"), err);
}

enum status conf_visit(struct conf_run *run, struct conf_visit *visit,
                       const struct conf_alteration *row, struct error *err)
{
    TRY(conf_visit_make(run, visit, OSCI_ACCEPT_DELIVERY, err));
    TRY(conf_visit_write(run, visit, row, err));
    return conf_visit_post(run, visit, err);
}

size_t conf_visit_kept(struct conf_run *run, const struct conf_visit *visit, bool wait)
{
    const char *inbox = conf_set(run, "inbox");
    size_t contents = 1 + visit->d.msg.attachment_count;

    if (inbox == NULL)
        return SIZE_MAX;
    return wait ? conf_found_within(inbox, visit->d.marker, contents, conf_patience_ms(run))
                : conf_found(inbox, visit->d.marker);
}

bool conf_recipient_lives(struct conf_run *run)
{
    AUTO(conf_visit_deinit) struct conf_visit visit = {0};
    struct error err = {0};

    return conf_visit(run, &visit, NULL, &err) == ST_OK && conf_code_allowed(NULL, visit.code);
}
