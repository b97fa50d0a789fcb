/* The port of a reader: V5, deliverMessage. */
#include "conformance/xta_scenarios.h"

#include <stdio.h>
#include <string.h>

/* Whose key pair brings messages: the sending system's, which speaks for the author, or, where
 * --set deliverer=reader says so, one that the reader has let act for him. */
static const char *deliverer(const struct conf_run *run)
{
    const char *who = conf_set(run, "deliverer");

    return who != NULL ? who : "author";
}

/* Ids are made up: it is the sending server that hands them out. */
static void letter_make(struct conf_run *run, const char *reader, const char *service,
                        struct conf_xta_letter *letter)
{
    *letter = (struct conf_xta_letter){
        .author = "author",
        .reader = reader,
        .party = strcmp(deliverer(run), "author") == 0 ? "author" : reader,
        .service = service,
        .files = {{"prüfung.xml", "text/xml", SPAN("<probe xmlns=\"urn:depesche:probe:1\"/>\n")}},
        .file_count = 1};
    conf_xta_uuid(run, "urn:de:xta:messageid:conformance:", letter->id, sizeof letter->id);
}

#define REPLY_CONTENT EL("Body") "/" EL("ContentContainerReply")
#define REPLY_META EL("Header") "/" EL("MessageMetaDataReply")

static enum status without_answer(struct conf_run *run, struct error *err)
{
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    letter_make(run, "reader", "async", &letter);
    TRY(conf_xta_bring(run, ASK_DELIVER, deliverer(run), &letter, &reply, err));
    (void)conf_check(run, 150,
                     conf_xta_is_result(&reply) && conf_xta_count(&reply, REPLY_CONTENT) == 1 &&
                         conf_xta_count(&reply, REPLY_META) == 1 &&
                         conf_xta_count(&reply, REPLY_CONTENT "/*") == 0 &&
                         conf_xta_count(&reply, REPLY_META "/*") == 0,
                     "%s, with %zu and %zu elements inside", reply.what,
                     conf_xta_count(&reply, REPLY_CONTENT "/*"),
                     conf_xta_count(&reply, REPLY_META "/*"));
    return ST_OK;
}

static enum status with_answer(struct conf_run *run, struct error *err)
{
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};
    AUTO(buf_deinit) struct buf bytes = {0};
    xmlNode *message;

    if (conf_set_number(run, "sync", 0) == 0) {
        conf_untestable(run, 151, "braucht einen synchronen Dienst, der antwortet (--set sync=1)",
                        "needs a synchronous service that answers (--set sync=1)");
        return ST_OK;
    }
    letter_make(run, "answering", "sync", &letter);
    TRY(conf_xta_bring(run, ASK_DELIVER, deliverer(run), &letter, &reply, err));
    message =
        conf_xta_node(&reply, NULL, REPLY_CONTENT "/" EL("ContentContainer") "/" EL("Message"));
    (void)conf_check(run, 151,
                     conf_xta_is_result(&reply) && conf_xta_bytes(&reply, message, &bytes),
                     "no content: %s", reply.what);
    (void)conf_check(run, 151, conf_xta_count(&reply, REPLY_META "/" EL("MessageMetaData")) == 1,
                     "no metadata: %s", reply.what);
    return ST_OK;
}

/* One change; from NULL: none. party NULL: the right one. */
static enum status refused(struct conf_run *run, const char *who, const char *party,
                           const char *from, const char *until, const char *to,
                           struct conf_xta_reply *reply, struct error *err)
{
    struct conf_xta_letter letter;
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    letter_make(run, "reader", "async", &letter);
    letter.party = party != NULL ? party : letter.party;
    TRY(conf_xta_request_init(&q, run, ASK_DELIVER, who, err));
    conf_xta_put_letter(&q, &letter);
    TRY(conf_xta_close(&q, err));
    if (until != NULL)
        TRY(conf_xta_cut(&q.envelope, from, until, err));
    else if (from != NULL)
        TRY(conf_xta_edit(&q.envelope, from, to, err));
    TRY(conf_xta_pack(&q, err));
    return conf_xta_post(&q, reply, err);
}

static enum status checks(struct conf_run *run, struct error *err)
{
    static const struct {
        const char *what, *from, *until, *to;
    } rows[] = {
        {"without MessageMetaData", "<m:MessageMetaData", "</m:MessageMetaData>", NULL},
        {"without Qualifier", "<m:Qualifier", "</m:Qualifier>", NULL},
        {"without MessageSize", "<m:MessageSize", "</m:MessageSize>", NULL},
        {"with an empty container", "<x:Message", "</x:Message>", NULL},
        {"with a foreign element", "<x:Message", NULL, "<x:Fremd/><x:Message"},
    };
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply good = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply wrong = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply nobody = {0};

    TRY(refused(run, deliverer(run), NULL, NULL, NULL, NULL, &good, err));
    if (!conf_xta_is_result(&good))
        return error_set(err, ST_RETRY, 0, "what is right is refused, too: %s", good.what);
    TRY(refused(run, deliverer(run), "second", NULL, NULL, NULL, &wrong, err));
    (void)conf_check(run, 152, conf_xta_is_fault(&wrong, "PD", NULL), "another's party: %s",
                     wrong.what);
    TRY(refused(run, "nobody", "nobody", NULL, NULL, NULL, &nobody, err));
    (void)conf_check(run, 152, conf_xta_is_fault(&nobody, "PD", NULL), "without account: %s",
                     nobody.what);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

        TRY(refused(run, deliverer(run), NULL, rows[i].from, rows[i].until, rows[i].to, &reply,
                    err));
        (void)conf_check(run, 152, conf_xta_is_refusal(&reply), "%s: %s", rows[i].what, reply.what);
    }
    return ST_OK;
}

/* How often the message lies in the box of the reader, if the same server has one for him. */
static enum status in_box(struct conf_run *run, const char *id, uint64_t *count, struct error *err)
{
    const struct conf_xta_selection all = {.entries = CONF_NEW_OR_NOT};
    struct conf_xta_box box = {run, "reader", "reader", ""};
    char listed[CONF_XTA_ID_SIZE];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};

    TRY(conf_xta_box_list(&box, &all, &list, err));
    *count = 0;
    for (size_t i = 0; i < conf_xta_listed(&list); i++)
        *count += strcmp(conf_xta_listed_id(&list, i, listed, sizeof listed), id) == 0;
    return ST_OK;
}

/* How often the reader has processed the message of that id. */
static enum status processed(struct conf_run *run, const char *id, uint64_t *count,
                             struct error *err)
{
    const char *arguments[] = {id};
    AUTO(buf_deinit) struct buf out = {0};

    if (conf_hook(run, "processed") == NULL)
        return in_box(run, id, count, err);
    buf_init(&out, 4096);
    TRY(conf_hook_run(run, "processed", arguments, 1, &out, err));
    if (!span_to_u64(span_trim(buf_span(&out)), count))
        return error_set(err, ST_RETRY, 0, "the hook processed printed no number");
    return ST_OK;
}

static enum status twice(struct conf_run *run, struct error *err)
{
    struct conf_xta_letter letter;
    const char *url;
    uint64_t count = 0;
    int64_t until;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply first = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply second = {0};

    if (conf_hook(run, "processed") == NULL &&
        conf_xta_port(run, CONF_V5, "recipient", &url, err) != ST_OK)
        return error_set(err, ST_NOT_FOUND, 0,
                         "needs the reader's message box (--xta v5.recipient=URL), or the hook "
                         "processed, which counts messages by id (--hook processed=...)");
    letter_make(run, "reader", "async", &letter);
    TRY(conf_xta_bring(run, ASK_DELIVER, deliverer(run), &letter, &first, err));
    TRY(conf_xta_bring(run, ASK_DELIVER, deliverer(run), &letter, &second, err));
    (void)conf_check(run, 153,
                     conf_xta_is_result(&first) &&
                         (conf_xta_is_result(&second) || conf_xta_is_fault(&second, "PIV", NULL)),
                     "%s, then %s", first.what, second.what);
    until = conf_xta_wait_until(run);
    do {
        conf_sleep(500);
        TRY(processed(run, letter.id, &count, err));
    } while (count == 0 && conf_now() < until);
    conf_sleep(2000); /* a second one would come now */
    TRY(processed(run, letter.id, &count, err));
    (void)conf_check(run, 153, count == 1, "processed %llu times", (unsigned long long)count);
    return ST_OK;
}

static const struct conf_scenario scenarios[] = {
    {"deliver", without_answer, {150}},
    {"deliver-and-answer", with_answer, {151}},
    {"deliver-refused", checks, {152}},
    {"deliver-twice", twice, {153}},
};

struct conf_scenario_list conf_xta_reader(void)
{
    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
