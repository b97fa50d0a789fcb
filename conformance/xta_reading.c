/* The message box of an XTA server, as its reader sees it. */
#include "conformance/xta_scenarios.h"

#include <stdio.h>
#include <string.h>

#define ITS_ID ".//*[local-name()='MessageID' or local-name()='XTAMessageID']"

static const struct conf_xta_selection fresh = {.entries = CONF_NEW};
static const struct conf_xta_selection any = {.entries = CONF_NEW_OR_NOT};

/* ---- one message, from list to close ---- */

static enum status look_empty(struct conf_xta_box *box, unsigned number, struct error *err)
{
    char reason[200];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};
    bool v3 = conf_xta_version(box->run) == CONF_V3;
    long pending;

    TRY(conf_xta_box_list(box, &fresh, &list, err));
    (void)conf_check(box->run, number, conf_xta_is_result(&list) && conf_xta_listed(&list) == 0,
                     "%s, %zu listed", list.what, conf_xta_listed(&list));
    pending = conf_xta_pending(&list);
    (void)conf_xta_text(&list, NULL,
                        v3 ? EL("Header") "//" EL("NoMessageAvailable") "/@reason"
                           : EL("Header") "//" EL("NoMessageAvailable"),
                        reason, sizeof reason);
    if (reason[0] == '\0' && !v3 && pending == -1) /* the schema's default */
        (void)snprintf(reason, sizeof reason, ".../MessageBox/reasons/NoMatch");
    (void)conf_check(box->run, number,
                     pending == 0 || (pending == -1 &&
                                      strstr(reason, v3 ? "/MsgBox/reasons/NoMatch"
                                                        : "/MessageBox/reasons/NoMatch") != NULL),
                     "pending %ld, reason \"%s\"", pending, reason);
    return ST_OK;
}

static void look_header(struct conf_run *run, const struct conf_xta_reply *reply)
{
    char id[200];

    (void)conf_check(run, 62, conf_xta_pending(reply) >= -1, "no pending count: %s", reply->what);
    if (conf_xta_version(run) == CONF_V3)
        (void)conf_check(run, 62,
                         conf_xta_text(reply, NULL,
                                       EL("Header") "/" EL("MsgBoxResponse") "/@MsgBoxRequestID",
                                       id, sizeof id)[0] != '\0',
                         "no MsgBoxRequestID");
}

static void look_list(struct conf_run *run, const struct conf_xta_reply *list,
                      const struct conf_xta_letter *letters, size_t count)
{
    char delivery[64];

    look_header(run, list);
    for (size_t i = 0; i < count; i++)
        (void)conf_check(run, 61, conf_xta_lists(list, letters[i].id), "%s is not listed",
                         letters[i].id);
    for (size_t i = 0; i < conf_xta_listed(list); i++)
        (void)conf_check(run, 61,
                         conf_xta_text(list, conf_xta_listed_node(list, i), ".//" EL("Delivery"),
                                       delivery, sizeof delivery)[0] != '\0',
                         "no Delivery");
}

static enum status look_fetched(struct conf_xta_box *box, const struct conf_xta_letter *letter,
                                unsigned number, struct error *err)
{
    char id[CONF_XTA_ID_SIZE];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};
    AUTO(buf_deinit) struct buf bytes = {0};
    xmlNode *message;

    TRY(conf_xta_box_get(box, letter->id, &got, err));
    message = conf_xta_node(&got, NULL, EL("Body") "//" EL("Message"));
    (void)conf_check(box->run, number,
                     conf_xta_bytes(&got, message, &bytes) &&
                         span_eq(buf_span(&bytes), letter->files[0].bytes),
                     "getMessage: %s, with other content", got.what);
    (void)conf_check(box->run, number,
                     strcmp(conf_xta_fetched_id(&got, id, sizeof id), letter->id) == 0,
                     "the MessageMetaData header is about \"%s\"", id);
    (void)conf_check(box->run, number, conf_xta_pending(&got) >= -1, "no message box header");
    if (number == 65)
        look_header(box->run, &got);
    return ST_OK;
}

static enum status look_closed(struct conf_xta_box *box, const struct conf_xta_letter *letter,
                               struct error *err)
{
    struct conf_run *run = box->run;
    bool listed = true;
    int status = -1;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};

    TRY(conf_xta_box_close(box, letter->id, &closed, err));
    (void)conf_check(run, 70, conf_xta_is_result(&closed) && conf_xta_body(&closed) == NULL, "%s",
                     closed.what);
    TRY(conf_xta_arrives(box, letter->id, false, &listed, err));
    (void)conf_check(run, 72, !listed, "listed as new after close");
    TRY(conf_xta_status_ends(run, "author", "author", letter->id, &status, err));
    (void)conf_check(run, 71, status > 0, "the author's report has status %d", status);
    return ST_OK;
}

static enum status reads(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letters[3];
    int status = -1;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};

    TRY(conf_xta_box_empty(&box, err));
    TRY(look_empty(&box, 64, err));
    TRY(conf_xta_box_fill(&box, 3, letters, err));
    TRY(conf_xta_box_list(&box, &fresh, &list, err));
    look_list(run, &list, letters, 3);
    TRY(look_fetched(&box, &letters[0], 65, err));
    TRY(look_fetched(&box, &letters[0], 69, err)); /* and again */
    TRY(conf_xta_status(run, "author", "author", letters[0].id, &status, err));
    (void)conf_check(run, 69, status == 0, "fetched, not closed, and the report has status %d",
                     status);
    TRY(look_closed(&box, &letters[0], err));
    if (conf_xta_box_empty(&box, err) != ST_OK)
        (void)conf_check(run, 60, false, "%s", err->text);
    else
        TRY(look_empty(&box, 60, err));
    return ST_OK;
}

static enum status others(struct conf_run *run, struct error *err)
{
    struct conf_xta_box first = {run, "both", "first", ""};
    struct conf_xta_box other = {run, "other", "other", ""};
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};

    TRY(conf_xta_box_fill(&first, 1, &letter, err)); /* it does lie there */
    TRY(conf_xta_box_list(&other, &any, &list, err));
    (void)conf_check(run, 63, conf_xta_is_result(&list) && !conf_xta_lists(&list, letter.id), "%s",
                     list.what);
    for (size_t i = 0; i < conf_xta_listed(&list); i++) {
        char reader[64];

        (void)conf_xta_text(&list, conf_xta_listed_node(&list, i),
                            ".//" EL("Reader") "/" EL("Identifier"), reader, sizeof reader);
        (void)conf_check(run, 63, strcmp(reader, conf_xta_party(run, "other")) == 0,
                         "a message to %s is listed", reader);
    }
    return ST_OK;
}

/* ---- V5: InitialFetch, Reception, NewEntry ---- */

static bool listed_has(const struct conf_xta_reply *list, const char *id, const char *element)
{
    char path[300], text[64];

    (void)snprintf(path, sizeof path,
                   "//" EL("MessageMetaData") "[" ITS_ID "='%s']//*[local-name()='%s']", id,
                   element);
    return conf_xta_text(list, NULL, path, text, sizeof text)[0] != '\0';
}

static enum status look_reception(struct conf_xta_box *box, const char *id, bool wanted,
                                  struct error *err)
{
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply report = {0};

    TRY(conf_xta_ask_about(box->run, ASK_REPORT, box->who, box->party, id, &report, err));
    (void)conf_check(box->run, 67,
                     conf_xta_is_result(&report) && listed_has(&report, id, "Reception") == wanted,
                     "%s close the reader's report %s Reception (%s)", wanted ? "after" : "before",
                     wanted ? "lacks" : "has", report.what);
    return ST_OK;
}

static enum status fetched(struct conf_run *run, struct error *err)
{
    const struct conf_xta_selection unsaid = {.entries = CONF_NEW_UNSAID};
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letters[2];
    const char *id;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply new_ones = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply all = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply default_ones = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};

    if (conf_xta_version(run) != CONF_V5)
        return ST_OK;
    TRY(conf_xta_box_fill(&box, 2, letters, err));
    id = letters[0].id;
    TRY(conf_xta_box_get(&box, id, &got, err));
    TRY(conf_xta_box_list(&box, &fresh, &new_ones, err));
    TRY(conf_xta_box_list(&box, &any, &all, err));
    TRY(conf_xta_box_list(&box, &unsaid, &default_ones, err));
    (void)conf_check(run, 66, conf_xta_is_result(&new_ones) && !conf_xta_lists(&new_ones, id),
                     "fetched, and still listed with NewEntry true (%s)", new_ones.what);
    (void)conf_check(run, 66, conf_xta_lists(&all, id) && listed_has(&all, id, "InitialFetch"),
                     "not listed with NewEntry false and InitialFetch (%s)", all.what);
    (void)conf_check(
        run, 68, conf_xta_lists(&default_ones, letters[1].id) && !conf_xta_lists(&default_ones, id),
        "without NewEntry %zu are listed", conf_xta_listed(&default_ones));
    TRY(look_reception(&box, id, false, err));
    TRY(conf_xta_box_close(&box, id, &closed, err));
    return look_reception(&box, id, true, err);
}

/* ---- lists ---- */

static enum status bounded(struct conf_run *run, struct error *err)
{
    const struct conf_xta_selection two = {.entries = CONF_NEW, .max = 2};
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letters[4];
    char before[64] = "", delivery[64], id[CONF_XTA_ID_SIZE];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply some = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply all = {0};
    size_t count;

    TRY(conf_xta_box_fill(&box, 4, letters, err));
    TRY(conf_xta_box_list(&box, &two, &some, err));
    count = conf_xta_listed(&some);
    (void)conf_check(run, 73,
                     count >= 1 && count <= 2 && conf_xta_pending(&some) == 4 - (long)count,
                     "%zu listed, %ld pending of 4", count, conf_xta_pending(&some));
    TRY(conf_xta_box_list(&box, &fresh, &all, err));
    (void)conf_check(run, 74, conf_xta_listed(&all) == 4, "%zu of 4 listed", conf_xta_listed(&all));
    for (size_t i = 0; i < conf_xta_listed(&all) && i < 4; i++) {
        (void)conf_xta_text(&all, conf_xta_listed_node(&all, i), ".//" EL("Delivery"), delivery,
                            sizeof delivery);
        (void)conf_check(run, 74, strcmp(before, delivery) <= 0, "%s stands behind %s", delivery,
                         before);
        (void)conf_check(run, 74,
                         strcmp(conf_xta_listed_id(&all, i, id, sizeof id), letters[i].id) == 0,
                         "number %zu is another one", i + 1);
        memcpy(before, delivery, sizeof before);
    }
    return ST_OK;
}

static enum status by_ids(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letters[4];
    struct conf_xta_selection two = {.count = 2, .entries = CONF_NEW};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};

    TRY(conf_xta_box_fill(&box, 4, letters, err));
    two.ids[0] = letters[3].id;
    two.ids[1] = letters[1].id;
    TRY(conf_xta_box_list(&box, &two, &list, err));
    (void)conf_check(run, 75,
                     conf_xta_listed(&list) == 2 && conf_xta_lists(&list, letters[1].id) &&
                         conf_xta_lists(&list, letters[3].id),
                     "%zu listed, %s", conf_xta_listed(&list), list.what);
    return ST_OK;
}

/* ---- going through a box ---- */

enum { WALK = 4 };

struct walk {
    struct conf_xta_box box;
    struct conf_xta_letter letters[WALK];
    unsigned seen[WALK];
};

/* Notes which of them came. */
static void walk_note(struct walk *w, const struct conf_xta_reply *reply)
{
    char id[CONF_XTA_ID_SIZE];

    (void)conf_xta_fetched_id(reply, id, sizeof id);
    for (size_t i = 0; i < WALK; i++)
        w->seen[i] += strcmp(id, w->letters[i].id) == 0;
}

static void walk_look(struct walk *w)
{
    for (size_t i = 0; i < WALK; i++)
        (void)conf_check(w->box.run, 76, w->seen[i] == 1, "number %zu came %u times", i + 1,
                         w->seen[i]);
}

/* V5: by the list. */
static enum status walk_list(struct walk *w, struct error *err)
{
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};

    TRY(conf_xta_box_list(&w->box, &fresh, &list, err));
    for (size_t i = 0; i < conf_xta_listed(&list); i++) {
        char id[CONF_XTA_ID_SIZE];
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};

        TRY(conf_xta_box_get(&w->box, conf_xta_listed_id(&list, i, id, sizeof id), &got, err));
        walk_note(w, &got);
    }
    walk_look(w);
    return ST_OK;
}

/* V3: with getNextMessage. */
static enum status walk_next(struct walk *w, struct error *err)
{
    struct conf_run *run = w->box.run;
    char id[CONF_XTA_ID_SIZE] = "", request[sizeof w->box.request] = "";
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};

    for (size_t i = 0; i < WALK; i++) {
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};

        if (i == 0)
            TRY(conf_xta_box_get(&w->box, NULL, &got, err));
        else
            TRY(conf_xta_box_next(&w->box, ASK_NEXT, id, &got, err));
        walk_note(w, &got);
        (void)conf_xta_fetched_id(&got, id, sizeof id);
        (void)conf_check(run, 74, strcmp(id, w->letters[i].id) == 0,
                         "number %zu of the iteration is another one", i + 1);
        (void)conf_check(run, 77, conf_xta_pending(&got) == (long)(WALK - 1 - i),
                         "number %zu of %d, and %ld are pending", i + 1, WALK,
                         conf_xta_pending(&got));
        (void)conf_check(run, 77, i == 0 || strcmp(request, w->box.request) == 0,
                         "MsgBoxRequestID became %s", w->box.request);
        memcpy(request, w->box.request, sizeof request);
    }
    walk_look(w);
    return conf_xta_box_close(&w->box, id, &closed, err);
}

static enum status walks(struct conf_run *run, struct error *err)
{
    struct walk w = {.box = {run, "both", "first", ""}};

    TRY(conf_xta_box_fill(&w.box, WALK, w.letters, err));
    return conf_xta_version(run) == CONF_V3 ? walk_next(&w, err) : walk_list(&w, err);
}

static enum status look_new(struct conf_xta_box *box, const char *id, bool wanted, const char *what,
                            struct error *err)
{
    bool listed = !wanted;

    TRY(conf_xta_arrives(box, id, false, &listed, err));
    (void)conf_check(box->run, 78, listed == wanted, "%s", what);
    return ST_OK;
}

static enum status acknowledges(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letters[3];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply first = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply second = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply nothing = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply again = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};

    if (conf_xta_version(run) != CONF_V3)
        return ST_OK;
    TRY(conf_xta_box_fill(&box, 3, letters, err));
    TRY(conf_xta_box_get(&box, NULL, &first, err));
    TRY(conf_xta_box_next(&box, ASK_NEXT, letters[0].id, &second, err));
    TRY(conf_xta_box_close(&box, NULL, &nothing, err));
    TRY(look_new(&box, letters[0].id, false, "acknowledged in getNextMessage, and still new", err));
    TRY(look_new(&box, letters[1].id, true, "not acknowledged, and no longer new", err));
    TRY(look_new(&box, letters[2].id, true, "never handed out, and no longer new", err));
    TRY(conf_xta_box_get(&box, letters[1].id, &again, err));
    TRY(conf_xta_box_close(&box, letters[1].id, &closed, err));
    return look_new(&box, letters[1].id, false, "acknowledged in close, and still new", err);
}

static enum status unknown_request(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    if (conf_xta_version(run) != CONF_V3)
        return ST_OK;
    TRY(conf_xta_box_fill(&box, 1, &letter, err)); /* there is one that could come */
    conf_xta_uuid(run, "urn:de:xta:requestid:niemand:", box.request, sizeof box.request);
    TRY(conf_xta_box_next(&box, ASK_NEXT, NULL, &reply, err));
    (void)conf_check(run, 79,
                     reply.fault || (conf_xta_is_result(&reply) && conf_xta_pending(&reply) == -1),
                     "%s", reply.what);
    (void)conf_check(run, 79, conf_xta_node(&reply, NULL, "//" EL("Message")) == NULL,
                     "a message came");
    return ST_OK;
}

static const struct conf_scenario scenarios[] = {
    {"reads", reads, {60, 61, 62, 64, 65, 69, 70, 71, 72}},
    {"others", others, {63}},
    {"fetched", fetched, {66, 67, 68}},
    {"bounded", bounded, {73, 74}},
    {"by-ids", by_ids, {75}},
    {"walks", walks, {76, 77}},
    {"acknowledges", acknowledges, {78}},
    {"unknown-request", unknown_request, {79}},
};

struct conf_scenario_list conf_xta_boxes(void)
{
    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
