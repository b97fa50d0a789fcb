/* NotBefore and cancelMessage: V3 alone has them. */
#include "conformance/xta_scenarios.h"

enum { NOT_BEFORE_SECONDS = 15 };

static enum status cancel(struct conf_run *run, const char *id, struct conf_xta_reply *reply,
                          struct error *err)
{
    return conf_xta_ask_about(run, ASK_CANCEL, "author", "author", id, reply, err);
}

static enum status send_later(struct conf_run *run, int64_t when, struct conf_xta_letter *letter,
                              struct error *err)
{
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_letter_init(run, "author", "author", "second", letter, err));
    letter->not_before = when;
    TRY(conf_xta_bring(run, ASK_SEND, "author", letter, &reply, err));
    if (!conf_xta_is_result(&reply))
        return error_set(err, ST_RETRY, 0, "sendMessage with NotBefore: %s", reply.what);
    return ST_OK;
}

/* Neither is listed, and this was seen in time. */
static enum status look_hidden(struct conf_xta_box *box, const struct conf_xta_letter *letters,
                               int64_t when, struct error *err)
{
    for (size_t i = 0; i < 2; i++) {
        bool listed = false;

        TRY(conf_xta_arrives(box, letters[i].id, false, &listed, err));
        if (conf_now() >= when)
            return error_set(
                err, ST_RETRY, 0,
                "NotBefore had passed before one could look (--set not_before_seconds)");
        (void)conf_check(box->run, 57, !listed, "listed before NotBefore");
    }
    return ST_OK;
}

static enum status later(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "second", ""};
    struct conf_xta_letter letters[2]; /* one that is cancelled, one that is not */
    bool listed = false;
    int64_t when;
    int status = -1;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply early = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply late = {0};

    if (conf_xta_version(run) != CONF_V3)
        return ST_OK;
    TRY(conf_xta_box_empty(&box, err));
    /* NotBefore is written in whole seconds */
    when = (conf_now() / 1000 +
            (int64_t)conf_set_number(run, "not_before_seconds", NOT_BEFORE_SECONDS)) *
           1000;
    for (size_t i = 0; i < 2; i++)
        TRY(send_later(run, when, &letters[i], err));
    TRY(cancel(run, letters[0].id, &early, err));
    (void)conf_check(run, 56, conf_xta_is_result(&early) && conf_xta_body(&early) == NULL,
                     "cancelMessage: %s", early.what);
    TRY(look_hidden(&box, letters, when, err));
    TRY(conf_xta_arrives(&box, letters[1].id, true, &listed, err));
    (void)conf_check(run, 57, listed && conf_now() >= when, "after NotBefore it is not listed");
    TRY(conf_xta_arrives(&box, letters[0].id, false, &listed, err));
    (void)conf_check(run, 56, !listed, "the cancelled message lies in the box");
    TRY(conf_xta_status(run, "author", "author", letters[0].id, &status, err));
    (void)conf_check(run, 56, status > 0, "the report of the cancelled message has status %d",
                     status);
    TRY(cancel(run, letters[1].id, &late, err));
    (void)conf_check(run, 58, conf_xta_is_fault(&late, "CD", "9100"), "%s", late.what);
    return ST_OK;
}

static enum status without(struct conf_run *run, struct error *err)
{
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    if (conf_xta_version(run) != CONF_V3)
        return ST_OK;
    TRY(conf_xta_sent(run, "author", "author", "reader", &letter, err));
    TRY(cancel(run, letter.id, &reply, err));
    (void)conf_check(run, 55, conf_xta_is_fault(&reply, "CD", "9101"), "%s", reply.what);
    return ST_OK;
}

static enum status unknown(struct conf_run *run, struct error *err)
{
    char id[CONF_XTA_ID_SIZE];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    if (conf_xta_version(run) != CONF_V3)
        return ST_OK;
    TRY(conf_xta_works(run, err));
    conf_xta_uuid(run, "urn:de:xta:messageid:niemand:", id, sizeof id);
    TRY(cancel(run, id, &reply, err));
    (void)conf_check(run, 59, reply.fault, "%s", reply.what);
    return ST_OK;
}

static const struct conf_scenario scenarios[] = {
    {"cancel-without", without, {55}},
    {"later", later, {56, 57, 58}},
    {"cancel-unknown", unknown, {59}},
};

struct conf_scenario_list conf_xta_cancelling(void)
{
    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
