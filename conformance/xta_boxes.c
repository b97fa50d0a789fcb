/* Message boxes: asking for lists and messages, and what such answers say. */
#include "conformance/xta_letter.h"

#include <stdio.h>
#include <string.h>

#define BOX "http://www.osci.eu/ws/2008/05/transport"
#define V5 "https://xoev.de/transport/xta/core/3.1.1"

enum { WAIT_SECONDS = 60, POLL_MS = 200, ROUNDS_MAX = 1000 };

int64_t conf_xta_wait_until(const struct conf_run *run)
{
    return conf_now() + (int64_t)conf_set_number(run, "wait", WAIT_SECONDS) * 1000;
}

/* ---- asking ---- */

static enum status box_request(struct conf_xta_box *box, enum conf_ask ask,
                               struct conf_xta_request *q, struct error *err)
{
    TRY(conf_xta_request_init(q, box->run, ask, box->who, err));
    conf_xta_put_party(q, box->party);
    return ST_OK;
}

/* Sends, and remembers the request's id for what follows. */
static enum status box_send(struct conf_xta_box *box, struct conf_xta_request *q,
                            struct conf_xta_reply *reply, struct error *err)
{
    char id[sizeof box->request];

    TRY(conf_xta_send(q, reply, err));
    (void)conf_xta_text(reply, NULL, EL("Header") "/" EL("MsgBoxResponse") "/@MsgBoxRequestID", id,
                        sizeof id);
    if (id[0] != '\0')
        memcpy(box->request, id, sizeof id);
    return ST_OK;
}

static void put_selection_v3(struct conf_xta_request *q, const struct conf_xta_selection *s)
{
    static const char *const entries[] = {"", " newEntry=\"true\"", " newEntry=\"false\""};

    buf_printf(&q->body, "<b:MsgSelector%s>", entries[s->entries]);
    for (size_t i = 0; i < s->count; i++)
        conf_xta_put_id(q, s->ids[i]);
    buf_str(&q->body, "</b:MsgSelector>");
}

static void put_selection_v5(struct conf_xta_request *q, const struct conf_xta_selection *s)
{
    static const char *const entries[] = {"", "<x:NewEntry>true</x:NewEntry>",
                                          "<x:NewEntry>false</x:NewEntry>"};

    buf_str(&q->body, "<x:MessageSelector xmlns:x=\"" V5 "\">");
    if (s->count > 0) {
        buf_str(&q->body, "<x:XTAMessageIDs>");
        for (size_t i = 0; i < s->count; i++)
            conf_xta_put_id(q, s->ids[i]);
        buf_str(&q->body, "</x:XTAMessageIDs>");
    } else {
        buf_printf(&q->body, "<x:OtherCriteria>%s", entries[s->entries]);
        if (s->max > 0)
            buf_printf(&q->body, "<x:MaxMessages>%u</x:MaxMessages>", s->max);
        buf_str(&q->body, "</x:OtherCriteria>");
    }
    buf_str(&q->body, "</x:MessageSelector>");
}

enum status conf_xta_box_list(struct conf_xta_box *box, const struct conf_xta_selection *selection,
                              struct conf_xta_reply *reply, struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    TRY(box_request(box, ASK_LIST, &q, err));
    if (q.version == CONF_V5) {
        put_selection_v5(&q, selection);
    } else {
        buf_str(&q.body,
                "<b:MsgBoxStatusListRequest xmlns:b=\"" BOX "\" ListForm=\"MessageMetaData\"");
        if (selection->max > 0)
            buf_printf(&q.body, " maxListItems=\"%u\"", selection->max);
        buf_char(&q.body, '>');
        put_selection_v3(&q, selection);
        buf_str(&q.body, "</b:MsgBoxStatusListRequest>");
    }
    return box_send(box, &q, reply, err);
}

enum status conf_xta_box_get(struct conf_xta_box *box, const char *id, struct conf_xta_reply *reply,
                             struct error *err)
{
    const struct conf_xta_selection s = {.ids = {id}, .count = id != NULL, .entries = CONF_NEW};
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    TRY(box_request(box, ASK_GET, &q, err));
    if (q.version == CONF_V5) {
        buf_str(&q.body, "<x:MessageFetch xmlns:x=\"" V5 "\">");
        conf_xta_put_id(&q, id != NULL ? id : "");
        buf_str(&q.body, "</x:MessageFetch>");
    } else {
        buf_str(&q.body, "<b:MsgBoxFetchRequest xmlns:b=\"" BOX "\" MsgPart=\"Envelope\">");
        put_selection_v3(&q, &s);
        buf_str(&q.body, "</b:MsgBoxFetchRequest>");
    }
    return box_send(box, &q, reply, err);
}

/* MsgBoxGetNextRequest or MsgBoxCloseRequest. */
static void put_follower(struct conf_xta_request *q, const struct conf_xta_box *box,
                         const char *element, const char *acknowledged)
{
    buf_printf(&q->body, "<b:%s xmlns:b=\"" BOX "\" MsgBoxRequestID=\"%s\">", element,
               box->request[0] != '\0' ? box->request : "urn:de:xta:requestid:unbekannt:0");
    if (acknowledged != NULL)
        buf_printf(&q->body, "<b:LastMsgReceived>%s</b:LastMsgReceived>", acknowledged);
    buf_printf(&q->body, "</b:%s>", element);
}

enum status conf_xta_box_next(struct conf_xta_box *box, enum conf_ask ask, const char *acknowledged,
                              struct conf_xta_reply *reply, struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    TRY(box_request(box, ask, &q, err));
    put_follower(&q, box, "MsgBoxGetNextRequest", acknowledged);
    return box_send(box, &q, reply, err);
}

enum status conf_xta_box_close(struct conf_xta_box *box, const char *id,
                               struct conf_xta_reply *reply, struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    TRY(box_request(box, ASK_CLOSE, &q, err));
    if (q.version == CONF_V5) {
        buf_str(&q.body, "<x:MessageFetch xmlns:x=\"" V5 "\">");
        conf_xta_put_id(&q, id != NULL ? id : "");
        buf_str(&q.body, "</x:MessageFetch>");
    } else {
        put_follower(&q, box, "MsgBoxCloseRequest", id);
    }
    return box_send(box, &q, reply, err);
}

/* ---- reading ---- */

#define LISTED                                                                                     \
    EL("Body")                                                                                     \
    "/*[local-name()='MsgStatusList' or local-name()='MessageStatusList']/" EL("MessageMetaData")
#define ITS_ID ".//*[local-name()='MessageID' or local-name()='XTAMessageID']"

size_t conf_xta_listed(const struct conf_xta_reply *reply)
{
    return conf_xta_count(reply, LISTED);
}

xmlNode *conf_xta_listed_node(const struct conf_xta_reply *reply, size_t at)
{
    char path[300];

    (void)snprintf(path, sizeof path, LISTED "[%zu]", at + 1);
    return conf_xta_node(reply, NULL, path);
}

const char *conf_xta_listed_id(const struct conf_xta_reply *reply, size_t at, char *out, size_t cap)
{
    xmlNode *node = conf_xta_listed_node(reply, at);

    out[0] = '\0';
    return node != NULL ? conf_xta_text(reply, node, ITS_ID, out, cap) : out;
}

bool conf_xta_lists(const struct conf_xta_reply *reply, const char *id)
{
    char listed[CONF_XTA_ID_SIZE];
    size_t count = conf_xta_listed(reply);

    for (size_t i = 0; i < count; i++)
        if (strcmp(conf_xta_listed_id(reply, i, listed, sizeof listed), id) == 0)
            return true;
    return false;
}

long conf_xta_pending(const struct conf_xta_reply *reply)
{
    char text[32];

    (void)conf_xta_text(reply, NULL,
                        EL("Header") "//*[local-name()='ItemsPending' or "
                                     "local-name()='MessagesPending']",
                        text, sizeof text);
    if (text[0] != '\0')
        return strtol(text, NULL, 10);
    return conf_xta_node(reply, NULL, EL("Header") "//" EL("NoMessageAvailable")) != NULL ? -1 : -2;
}

const char *conf_xta_fetched_id(const struct conf_xta_reply *reply, char *out, size_t cap)
{
    xmlNode *node = conf_xta_node(reply, NULL, EL("Header") "/" EL("MessageMetaData"));

    out[0] = '\0';
    return node != NULL ? conf_xta_text(reply, node, ITS_ID, out, cap) : out;
}

/* ---- waiting, emptying, filling ---- */

enum status conf_xta_arrives(struct conf_xta_box *box, const char *id, bool wanted, bool *listed,
                             struct error *err)
{
    const struct conf_xta_selection all = {.entries = CONF_NEW};
    int64_t until = conf_xta_wait_until(box->run);

    for (;;) {
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

        TRY(conf_xta_box_list(box, &all, &reply, err));
        if (!conf_xta_is_result(&reply))
            return error_set(err, ST_RETRY, 0, "getStatusList: %s", reply.what);
        *listed = conf_xta_lists(&reply, id);
        if (*listed || !wanted || conf_now() > until)
            return ST_OK;
        conf_sleep(POLL_MS);
    }
}

enum status conf_xta_arrived(struct conf_xta_box *box, const char *id, struct error *err)
{
    bool listed = false;

    TRY(conf_xta_arrives(box, id, true, &listed, err));
    if (!listed)
        return error_set(err, ST_RETRY, 0, "%s does not appear in the box of %s (--set wait)", id,
                         box->party);
    return ST_OK;
}

/* The first that is listed, fetched or not. */
static enum status box_take_one(struct conf_xta_box *box, bool *empty, struct error *err)
{
    const struct conf_xta_selection all = {.entries = CONF_NEW_OR_NOT};
    const struct conf_xta_selection fresh = {.entries = CONF_NEW};
    char id[CONF_XTA_ID_SIZE];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};
    enum conf_xta_version version = conf_xta_version(box->run);

    /* in V5 what was fetched and not closed is no longer new; closed ones must not come again */
    TRY(conf_xta_box_list(box, version == CONF_V5 ? &all : &fresh, &list, err));
    if (!conf_xta_is_result(&list))
        return error_set(err, ST_RETRY, 0, "getStatusList: %s", list.what);
    *empty = true;
    for (size_t i = 0; i < conf_xta_listed(&list); i++) {
        xmlNode *node = conf_xta_listed_node(&list, i);

        if (conf_xta_node(&list, node, ".//" EL("Reception")) != NULL)
            continue; /* closed before */
        (void)conf_xta_listed_id(&list, i, id, sizeof id);
        TRY(conf_xta_box_get(box, id, &got, err));
        TRY(conf_xta_box_close(box, id, &closed, err));
        if (!conf_xta_is_result(&got) || !conf_xta_is_result(&closed))
            return error_set(err, ST_RETRY, 0, "getMessage: %s; close: %s", got.what, closed.what);
        *empty = false;
        return ST_OK;
    }
    return ST_OK;
}

enum status conf_xta_box_empty(struct conf_xta_box *box, struct error *err)
{
    bool empty = false;

    for (size_t i = 0; i < ROUNDS_MAX && !empty; i++)
        TRY(box_take_one(box, &empty, err));
    return empty ? ST_OK
                 : error_set(err, ST_RETRY, 0, "the box of %s does not become empty", box->party);
}

enum status conf_xta_box_fill(struct conf_xta_box *box, size_t count,
                              struct conf_xta_letter *letters, struct error *err)
{
    TRY(conf_xta_box_empty(box, err));
    for (size_t i = 0; i < count; i++) {
        TRY(conf_xta_sent(box->run, "author", "author", box->party, &letters[i], err));
        TRY(conf_xta_arrived(box, letters[i].id, err)); /* one by one: their order is theirs */
    }
    return ST_OK;
}

enum status conf_xta_look_absent(struct conf_xta_box *box, unsigned number, const char *id,
                                 struct error *err)
{
    bool listed = false;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply report = {0};

    TRY(conf_xta_ask_about(box->run, ASK_REPORT, "author", "author", id, &report, err));
    (void)conf_check(box->run, number, !conf_xta_is_result(&report),
                     "there is a report about what was refused");
    TRY(conf_xta_arrives(box, id, false, &listed, err));
    (void)conf_check(box->run, number, !listed, "what was refused lies in the box");
    return ST_OK;
}
