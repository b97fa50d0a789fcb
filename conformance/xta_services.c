/* lookupService, synchronous services, bounds, readers in parallel, the scanner. */
#include <pthread.h>

#include "conformance/xta_scenarios.h"

#include <stdio.h>
#include <string.h>

enum { READERS = 2, PILE = 6, GROWTH_MAX_KB = 64 * 1024 };

/* ---- lookupService ---- */

static void put_questions(struct conf_xta_request *q, const char *const *readers, size_t count)
{
    const char *service = conf_xta_service(q->run, "async");
    bool v3 = q->version == CONF_V3;

    buf_printf(&q->body,
               v3 ? "<x:LookupServiceRequest xmlns:x=\"%s\">" : "<x:LookupQuery xmlns:x=\"%s\">",
               conf_xta_namespace(q->version));
    for (size_t i = 0; i < count; i++)
        if (v3)
            buf_printf(&q->body,
                       "<x:LookupServiceRequestList><x:LookupService><m:Reader "
                       "xmlns:m=\"http://www.osci.eu/ws/2014/10/transport\"><m:Identifier "
                       "type=\"xoev\">%s</m:Identifier></m:Reader><x:ServiceType>%s"
                       "</x:ServiceType></x:LookupService></x:LookupServiceRequestList>",
                       conf_xta_party(q->run, readers[i]), service);
        else
            buf_printf(&q->body,
                       "<x:LookupService><x:Reader><x:Identifier identifierScheme=\"xoev\">%s"
                       "</x:Identifier></x:Reader><x:Service>%s</x:Service></x:LookupService>",
                       conf_xta_party(q->run, readers[i]), service);
    buf_str(&q->body, v3 ? "</x:LookupServiceRequest>" : "</x:LookupQuery>");
}

static enum status look_up(struct conf_run *run, const char *const *readers, size_t count,
                           struct conf_xta_reply *reply, struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};

    TRY(conf_xta_request_init(&q, run, ASK_LOOKUP, "author", err));
    conf_xta_put_party(&q, "author");
    put_questions(&q, readers, count);
    return conf_xta_send(&q, reply, err);
}

/* "true", "false", "unknown" or "" for the result at that place, which must repeat its question. */
static const char *result_of(const struct conf_xta_reply *reply, size_t at, const char *reader,
                             char *out, size_t cap)
{
    char path[120], text[200];
    xmlNode *node;

    (void)snprintf(path, sizeof path, "(//" EL("LookupServiceResult") ")[%zu]", at + 1);
    node = conf_xta_node(reply, NULL, path);
    out[0] = '\0';
    if (node == NULL ||
        strcmp(conf_xta_text(reply, node, EL("Reader") "/" EL("Identifier"), text, sizeof text),
               reader) != 0)
        return out;
    if (conf_xta_node(reply, node, ".//" EL("ServiceIsAvailableUnknown")) != NULL)
        (void)snprintf(out, cap, "unknown");
    else
        (void)conf_xta_text(reply, node, ".//" EL("ServiceIsAvailable"), out, cap);
    return out;
}

static enum status lookup(struct conf_run *run, struct error *err)
{
    static const char *const readers[] = {"reader", "unknown", "first", "reader"};
    char word[16], service[200];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(look_up(run, readers, ARRAY_LEN(readers), &reply, err));
    (void)result_of(&reply, 0, conf_xta_party(run, "reader"), word, sizeof word);
    (void)conf_check(run, 80, strcmp(word, "true") == 0 || strcmp(word, "unknown") == 0,
                     "a known reader: \"%s\", %s", word, reply.what);
    (void)conf_xta_text(&reply, NULL,
                        "(//" EL("LookupServiceResult") ")[1]/*[local-name()='ServiceType' or "
                                                        "local-name()='Service']",
                        service, sizeof service);
    (void)conf_check(run, 80, strcmp(service, conf_xta_service(run, "async")) == 0,
                     "the question was about another service than \"%s\"", service);
    (void)result_of(&reply, 1, conf_xta_party(run, "unknown"), word, sizeof word);
    (void)conf_check(run, 81, strcmp(word, "false") == 0 || strcmp(word, "unknown") == 0,
                     "an unknown reader: \"%s\", %s", word, reply.what);
    (void)conf_check(run, 82,
                     conf_xta_count(&reply, "//" EL("LookupServiceResult")) == ARRAY_LEN(readers),
                     "%zu results", conf_xta_count(&reply, "//" EL("LookupServiceResult")));
    for (size_t i = 0; i < ARRAY_LEN(readers); i++)
        (void)conf_check(
            run, 82,
            result_of(&reply, i, conf_xta_party(run, readers[i]), word, sizeof word)[0] != '\0',
            "result %zu is about another question", i + 1);
    return ST_OK;
}

/* ---- synchronous ---- */

static enum status bring(struct conf_run *run, enum conf_ask ask, const char *reader,
                         const char *service, struct conf_xta_reply *reply, struct error *err)
{
    struct conf_xta_letter letter;

    TRY(conf_xta_letter_init(run, "author", "author", reader, &letter, err));
    letter.service = service;
    return conf_xta_bring(run, ask, "author", &letter, reply, err);
}

static enum status other_kind(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply only_async = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply only_sync = {0};

    TRY(bring(run, ASK_SEND_SYNC, "reader", "async", &only_async, err));
    (void)conf_check(run, 83,
                     conf_xta_is_fault(&only_async, "SA", "9080") ||
                         conf_xta_is_fault(&only_async, "NI", NULL),
                     "%s", only_async.what);
    TRY(bring(run, ASK_SEND, "answering", "sync_only", &only_sync, err));
    (void)conf_check(run, 85, conf_xta_is_fault(&only_sync, "SA", "9081"), "%s", only_sync.what);
    return ST_OK;
}

static enum status synchronous(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};
    AUTO(buf_deinit) struct buf bytes = {0};
    xmlNode *message;

    if (conf_set_number(run, "sync", 0) == 0) {
        conf_untestable(run, 84,
                        "braucht einen synchronen Dienst, dessen Leser antwortet (--set sync=1)",
                        "needs a synchronous service whose reader answers (--set sync=1)");
        return ST_OK;
    }
    TRY(bring(run, ASK_SEND_SYNC, "answering", "sync", &reply, err));
    message = conf_xta_node(&reply, NULL, EL("Body") "//" EL("Message"));
    (void)conf_check(run, 84, conf_xta_is_result(&reply) && conf_xta_bytes(&reply, message, &bytes),
                     "no content: %s", reply.what);
    (void)conf_check(run, 84,
                     conf_xta_node(&reply, NULL, EL("Header") "//" EL("MessageMetaData")) != NULL,
                     "no metadata: %s", reply.what);
    return ST_OK;
}

/* ---- bounds ---- */

/* Peak memory of the server in kB; 0: nobody tells. */
static uint64_t memory(struct conf_run *run)
{
    struct error err = {0};
    uint64_t kb = 0;
    AUTO(buf_deinit) struct buf out = {0};

    buf_init(&out, 4096);
    if (conf_hook_run(run, "memory-xta", NULL, 0, &out, &err) != ST_OK ||
        !span_to_u64(span_trim(buf_span(&out)), &kb))
        return 0;
    return kb;
}

static enum status too_large(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    uint64_t max_mb = conf_set_number(run, "xta_max_mb", 0);
    size_t len = (size_t)max_mb * 1024 * 1024 + 1024 * 1024;
    struct conf_xta_letter letter;
    uint64_t before, after;
    AUTO(free_drop) uint8_t *bytes = NULL;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    if (max_mb == 0 || max_mb > 256) {
        conf_untestable(run, 86,
                        "braucht die Größengrenze des Servers (--set xta_max_mb=N, bis 256)",
                        "needs the size limit of the server (--set xta_max_mb=N, up to 256)");
        return ST_OK;
    }
    bytes = calloc(1, len);
    TRY_ALLOC(bytes, err);
    TRY(conf_xta_letter_init(run, "author", "author", "first", &letter, err));
    letter.files[0].bytes = span_of(bytes, len);
    before = memory(run);
    TRY(conf_xta_bring(run, ASK_SEND, "author", &letter, &reply, err));
    after = memory(run);
    (void)conf_check(run, 86, conf_xta_is_fault(&reply, "PIV", "9023"), "%s", reply.what);
    (void)conf_check(run, 86, after <= before + GROWTH_MAX_KB, "memory grew from %llu to %llu kB",
                     (unsigned long long)before, (unsigned long long)after);
    return conf_xta_look_absent(&box, 86, letter.id, err);
}

/* ---- readers in parallel ---- */

struct reading {
    struct conf_xta_box box;
    const struct conf_xta_letter *letters;
    unsigned fetched[PILE];
    char wrong[320]; /* what must not have come */
    struct error err;
    enum status st;
};

/* Another one was faster: that is no error. */
static bool tolerable(const struct conf_xta_reply *reply)
{
    return conf_xta_is_result(reply) || conf_xta_is_fault(reply, "IMI", NULL);
}

static enum status read_one(struct reading *r, const char *id, struct error *err)
{
    char got_id[CONF_XTA_ID_SIZE];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};

    TRY(conf_xta_box_get(&r->box, id, &got, err));
    if (!tolerable(&got))
        (void)snprintf(r->wrong, sizeof r->wrong, "getMessage: %.200s", got.what);
    if (!conf_xta_is_result(&got))
        return ST_OK;
    (void)conf_xta_fetched_id(&got, got_id, sizeof got_id);
    for (size_t i = 0; i < PILE; i++)
        r->fetched[i] += strcmp(got_id, r->letters[i].id) == 0;
    TRY(conf_xta_box_close(&r->box, id, &closed, err));
    if (!tolerable(&closed))
        (void)snprintf(r->wrong, sizeof r->wrong, "close: %.200s", closed.what);
    return ST_OK;
}

static enum status read_all(struct reading *r, struct error *err)
{
    const struct conf_xta_selection fresh = {.entries = CONF_NEW};

    for (size_t round = 0; round < 2 * PILE; round++) {
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};
        char id[CONF_XTA_ID_SIZE];

        TRY(conf_xta_box_list(&r->box, &fresh, &list, err));
        if (!conf_xta_is_result(&list))
            (void)snprintf(r->wrong, sizeof r->wrong, "getStatusList: %.200s", list.what);
        if (conf_xta_listed(&list) == 0)
            break;
        for (size_t i = 0; i < conf_xta_listed(&list); i++)
            TRY(read_one(r, conf_xta_listed_id(&list, i, id, sizeof id), err));
    }
    return ST_OK;
}

static void *reading_thread(void *ctx)
{
    struct reading *r = ctx;

    r->st = read_all(r, &r->err);
    return NULL;
}

static enum status parallel(struct conf_run *run, struct error *err)
{
    const struct conf_xta_selection fresh = {.entries = CONF_NEW};
    struct conf_xta_letter letters[PILE];
    struct reading readings[READERS] = {0};
    pthread_t threads[READERS];
    size_t started = 0;
    struct conf_xta_box box = {run, "both", "first", ""};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply list = {0};

    TRY(conf_xta_box_fill(&box, PILE, letters, err));
    for (; started < READERS; started++) {
        readings[started].box = box;
        readings[started].letters = letters;
        if (pthread_create(&threads[started], NULL, reading_thread, &readings[started]) != 0)
            break;
    }
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    if (started < READERS)
        return error_set(err, ST_INTERNAL, 0, "no thread");
    for (size_t i = 0; i < READERS; i++)
        (void)conf_check(run, 87, readings[i].st == ST_OK && readings[i].wrong[0] == '\0', "%s%s",
                         readings[i].wrong, readings[i].err.text);
    for (size_t i = 0; i < PILE; i++)
        (void)conf_check(run, 87, readings[0].fetched[i] + readings[1].fetched[i] >= 1,
                         "number %zu came to nobody", i + 1);
    TRY(conf_xta_box_list(&box, &fresh, &list, err));
    (void)conf_check(run, 87, conf_xta_is_result(&list) && conf_xta_listed(&list) == 0,
                     "%zu are left over", conf_xta_listed(&list));
    return ST_OK;
}

static enum status twice(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letter;
    bool listed = true;
    int before = -1, after = -1;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply again = {0};

    TRY(conf_xta_box_fill(&box, 1, &letter, err));
    TRY(conf_xta_box_get(&box, letter.id, &got, err));
    TRY(conf_xta_box_close(&box, letter.id, &closed, err));
    TRY(conf_xta_status_ends(run, "author", "author", letter.id, &before, err));
    TRY(conf_xta_box_close(&box, letter.id, &again, err));
    TRY(conf_xta_status(run, "author", "author", letter.id, &after, err));
    (void)conf_check(run, 88,
                     conf_xta_is_result(&closed) &&
                         (conf_xta_is_result(&again) || conf_xta_is_fault(&again, "IMI", "9070")),
                     "%s, then %s", closed.what, again.what);
    TRY(conf_xta_arrives(&box, letter.id, false, &listed, err));
    (void)conf_check(run, 88, !listed && before > 0 && before == after,
                     "the second close has changed something: status %d, then %d", before, after);
    return ST_OK;
}

/* ---- the scanner ---- */

/* The test string of the virus scanners' makers; in two pieces, so that this program is not taken
 * for one itself. */
static const char *infected(char out[80])
{
    (void)snprintf(out, 80, "%s%s", "X5O!P%@AP[4\\PZX54(P^)7CC)7}$",
                   "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*");
    return out;
}

static enum status scanned(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "first", ""};
    struct conf_xta_letter letter;
    char virus[80];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    if (conf_set_number(run, "scanner", 0) == 0) {
        conf_untestable(run, 89, "braucht einen Virenscanner beim Server (--set scanner=1)",
                        "needs a virus scanner at the server (--set scanner=1)");
        return ST_OK;
    }
    TRY(conf_xta_letter_init(run, "author", "author", "first", &letter, err));
    letter.files[1] =
        (struct conf_xta_file){"eicar.com", "application/octet-stream", span_str(infected(virus))};
    letter.file_count = 2;
    TRY(conf_xta_bring(run, ASK_SEND, "author", &letter, &reply, err));
    (void)conf_check(run, 89, conf_xta_is_fault(&reply, "MVD", "9060"), "%s", reply.what);
    return conf_xta_look_absent(&box, 89, letter.id, err);
}

static const struct conf_scenario scenarios[] = {
    {"lookup", lookup, {80, 81, 82}},   {"other-kind", other_kind, {83, 85}},
    {"synchronous", synchronous, {84}}, {"too-large", too_large, {86}},
    {"parallel", parallel, {87}},       {"closed-twice", twice, {88}},
    {"scanned", scanned, {89}},
};

struct conf_scenario_list conf_xta_services(void)
{
    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
