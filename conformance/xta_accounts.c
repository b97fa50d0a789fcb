/* Accounts, parties and message ids of an XTA server. */
#include <regex.h>

#include "conformance/xta_scenarios.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { IDS = 40, ID_MAX = 100 };

static enum status no_author_header(struct conf_run *run, struct error *err)
{
    char id[CONF_XTA_ID_SIZE];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    if (conf_xta_version(run) != CONF_V3)
        return ST_OK;
    TRY(conf_xta_ask(run, ASK_ACCOUNT, "author", NULL, &reply, err));
    (void)conf_check(run, 21, conf_xta_is_result(&reply), "checkAccountActive: %s", reply.what);
    if (conf_xta_new_id(run, "author", NULL, id, sizeof id, err) != ST_OK)
        (void)conf_check(run, 21, false, "createMessageId: %s", err->text);
    return ST_OK;
}

static enum status wrong_party(struct conf_run *run, struct error *err)
{
    static const enum conf_ask asks[] = {ASK_ACCOUNT, ASK_NEW_ID, ASK_LIST, ASK_LOOKUP, ASK_REPORT};

    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply own = {0};
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply other = {0};

        TRY(conf_xta_ask_any(run, asks[i], "author", "author", &own, err));
        TRY(conf_xta_ask_any(run, asks[i], "author", "reader", &other, err));
        (void)conf_check(
            run, 22,
            conf_xta_is_fault(&other, "PD", "9014") && !conf_xta_is_fault(&own, "PD", NULL),
            "%s: %s; with a party of one's own: %s",
            conf_xta_operation(conf_xta_version(run), asks[i])->name, other.what, own.what);
    }
    return ST_OK;
}

static enum status no_account(struct conf_run *run, struct error *err)
{
    static const enum conf_ask asks[] = {ASK_ACCOUNT, ASK_NEW_ID, ASK_LIST, ASK_SEND};

    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

        TRY(conf_xta_ask_any(run, asks[i], "nobody", "nobody", &reply, err));
        (void)conf_check(run, 23, conf_xta_is_fault(&reply, "PD", "9012"), "%s: %s",
                         conf_xta_operation(conf_xta_version(run), asks[i])->name, reply.what);
    }
    return ST_OK;
}

static enum status locked(struct conf_run *run, struct error *err)
{
    for (enum conf_ask ask = 0; ask < ASK_KINDS; ask++) {
        const char *name = conf_xta_operation(conf_xta_version(run), ask)->name;
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

        if (name == NULL || ask == ASK_DELIVER)
            continue; /* the reader's port is a role of its own */
        TRY(conf_xta_ask_any(run, ask, "locked", "locked", &reply, err));
        (void)conf_check(run, 24, conf_xta_is_fault(&reply, "PD", "9011"), "%s: %s", name,
                         reply.what);
    }
    return ST_OK;
}

static enum status two_parties(struct conf_run *run, struct error *err)
{
    static const char *const parties[2] = {"first", "second"};
    const struct conf_xta_selection all = {.entries = CONF_NEW};
    struct conf_xta_letter letters[2];

    for (size_t i = 0; i < 2; i++) {
        struct conf_xta_box box = {run, "both", parties[i], ""};

        TRY(conf_xta_box_fill(&box, 1, &letters[i], err));
    }
    for (size_t i = 0; i < 2; i++) {
        struct conf_xta_box box = {run, "both", parties[i], ""};
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply account = {0};
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};

        TRY(conf_xta_ask(run, ASK_ACCOUNT, "both", parties[i], &account, err));
        TRY(conf_xta_box_list(&box, &all, &list, err));
        (void)conf_check(run, 25, conf_xta_is_result(&account), "%s: %s", parties[i], account.what);
        (void)conf_check(
            run, 25,
            conf_xta_lists(&list, letters[i].id) && !conf_xta_lists(&list, letters[1 - i].id),
            "the box of %s lists %zu, not its own one alone", parties[i], conf_xta_listed(&list));
    }
    return ST_OK;
}

static enum status not_booked(struct conf_run *run, struct error *err)
{
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    if (conf_set(run, "service.unbooked") == NULL) {
        conf_untestable(
            run, 26,
            "braucht einen Dienst, den das Konto nicht gebucht hat (--set service.unbooked=URI)",
            "needs a service that the account has not booked (--set service.unbooked=URI)");
        return ST_OK;
    }
    TRY(conf_xta_letter_init(run, "author", "author", "reader", &letter, err));
    letter.service = "unbooked";
    TRY(conf_xta_bring(run, ASK_SEND, "author", &letter, &reply, err));
    (void)conf_check(run, 26, conf_xta_is_fault(&reply, "PD", "9013"), "%s", reply.what);
    return ST_OK;
}

/* ---- message ids ---- */

static bool well_formed(const char *id)
{
    static const char pattern[] = "^urn:de:xta:messageid:[^:]{1,41}:[0-9a-f]{8}-[0-9a-f]{4}-"
                                  "[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
    regex_t regex;
    bool fits;

    if (regcomp(&regex, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
        return false;
    fits = regexec(&regex, id, 0, NULL, 0) == 0 && strlen(id) <= ID_MAX;
    regfree(&regex);
    return fits;
}

static enum status id_form(struct conf_run *run, struct error *err)
{
    char id[CONF_XTA_ID_SIZE];

    TRY(conf_xta_new_id(run, "author", "author", id, sizeof id, err));
    (void)conf_check(run, 30, well_formed(id), "\"%s\"", id);
    return ST_OK;
}

static enum status ids_make(struct conf_run *run, char ids[][CONF_XTA_ID_SIZE], struct error *err)
{
    for (size_t i = 0; i < IDS; i++)
        TRY(conf_xta_new_id(run, i % 2 == 0 ? "author" : "reader", i % 2 == 0 ? "author" : "reader",
                            ids[i], CONF_XTA_ID_SIZE, err));
    return ST_OK;
}

static enum status ids_unique(struct conf_run *run, struct error *err)
{
    static const char *const kill[] = {"KILL"};
    char ids[2 * IDS][CONF_XTA_ID_SIZE];
    const char *twice = NULL;

    TRY(ids_make(run, ids, err));
    TRY(conf_hook_run(run, "restart-xta", kill, 1, NULL, err));
    TRY(ids_make(run, ids + IDS, err));
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(ids[i], ids[k]) == 0)
                twice = ids[i];
    (void)conf_check(run, 31, twice == NULL, "%s came twice", twice != NULL ? twice : "");
    return ST_OK;
}

/* What lies in the box under the letter's id is still the letter's. */
static enum status look_unchanged(struct conf_xta_box *box, const struct conf_xta_letter *letter,
                                  unsigned number, struct error *err)
{
    AUTO(buf_deinit) struct buf bytes = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};
    bool same;

    TRY(conf_xta_box_get(box, letter->id, &got, err));
    same = conf_xta_bytes(&got, conf_xta_node(&got, NULL, EL("Body") "//" EL("Message")), &bytes) &&
           span_eq(buf_span(&bytes), letter->files[0].bytes);
    (void)conf_check(box->run, number, same, "the first message is no longer what it was: %s",
                     got.what);
    return ST_OK;
}

static enum status used_id(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letter, again;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_box_fill(&box, 1, &letter, err));
    again = letter;
    again.files[0].bytes = SPAN("etwas anderes");
    TRY(conf_xta_bring(run, ASK_SEND, "author", &again, &reply, err));
    (void)conf_check(run, 32, conf_xta_is_fault(&reply, "PIV", "9024"), "%s", reply.what);
    return look_unchanged(&box, &letter, 32, err);
}

/* V3 only advises it: there a server that tells them apart is not wrong. */
static void look_case(struct conf_run *run, bool good, const char *what)
{
    if (good || conf_xta_version(run) == CONF_V5)
        (void)conf_check(run, 33, good, "%s", what);
    else
        conf_untestable(run, 33, "in V3 nur empfohlen, und dieser Server tut es nicht",
                        "only advised in V3, and this server does not");
}

static enum status id_case(struct conf_run *run, struct error *err)
{
    struct conf_xta_letter letter, again;
    int status = -1;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_sent(run, "author", "author", "reader", &letter, err));
    again = letter;
    for (char *p = again.id; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
    if (strcmp(again.id, letter.id) == 0)
        return error_set(err, ST_INTERNAL, 0, "the id has no letters");
    TRY(conf_xta_status(run, "author", "author", again.id, &status, err));
    TRY(conf_xta_bring(run, ASK_SEND, "author", &again, &reply, err));
    look_case(run, status >= 0 && conf_xta_is_fault(&reply, "PIV", "9024"), reply.what);
    return ST_OK;
}

static enum status foreign_id(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "second", ""};
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_letter_init(run, "author", "author", "second", &letter, err));
    TRY(conf_xta_new_id(run, "reader", "reader", letter.id, sizeof letter.id, err));
    TRY(conf_xta_bring(run, ASK_SEND, "author", &letter, &reply, err));
    (void)conf_check(
        run, 34, conf_xta_is_fault(&reply, "PIV", NULL) || conf_xta_is_fault(&reply, "PD", NULL),
        "%s", reply.what);
    return conf_xta_look_absent(&box, 34, letter.id, err);
}

static enum status id_no_uri(struct conf_run *run, struct error *err)
{
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_letter_init(run, "author", "author", "reader", &letter, err));
    (void)snprintf(letter.id, sizeof letter.id, "das ist keine URI");
    TRY(conf_xta_bring(run, ASK_SEND, "author", &letter, &reply, err));
    (void)conf_check(run, 35, conf_xta_is_fault(&reply, "PIV", "9021"), "%s", reply.what);
    return ST_OK;
}

static const struct conf_scenario scenarios[] = {
    {"no-author-header", no_author_header, {21}},
    {"wrong-party", wrong_party, {22}},
    {"no-account", no_account, {23}},
    {"locked", locked, {24}},
    {"two-parties", two_parties, {25}},
    {"not-booked", not_booked, {26}},
    {"id-form", id_form, {30}},
    {"ids-unique", ids_unique, {31}},
    {"used-id", used_id, {32}},
    {"id-case", id_case, {33}},
    {"foreign-id", foreign_id, {34}},
    {"id-no-uri", id_no_uri, {35}},
};

struct conf_scenario_list conf_xta_accounts(void)
{
    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
