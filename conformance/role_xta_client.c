/* The client of XTA: we are the server it sends to and fetches from. */
#include "conformance/caller.h"
#include "conformance/xta_host.h"
#include "conformance/xta_scenarios.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

enum { QUIET_MS = 6000, SHORT_MS = 1500 };

static const char *prefix(const struct conf_run *run)
{
    return conf_xta_version(run) == CONF_V3 ? "xta3" : "xta5";
}

/* ---- sending ---- */

/* Sends a file and waits for one of the states; what the server saw of it. */
struct sent {
    char name[CONF_FILE_NAME], state[CONF_STATE_SIZE];
    size_t kept, attempts;
    bool reached;
};

static enum status send_file(struct conf_xta_host *h, const char *words, struct sent *s,
                             struct error *err)
{
    TRY(conf_caller_send(h->run, prefix(h->run), s->name, err));
    s->reached = conf_caller_reaches(h->run, s->name, words, conf_patience_ms(h->run), s->state);
    s->kept = conf_xta_host_kept(h, s->name, &s->attempts);
    return ST_OK;
}

static enum status sends(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_host_deinit) struct conf_xta_host h = {0};
    struct sent s = {.kept = 0};
    unsigned before;

    TRY(conf_xta_host_open(&h, run, "xta-server", err));
    if (conf_hook(run, "kill") != NULL && conf_hook(run, "start") != NULL) {
        TRY(conf_hook_run(run, "kill", NULL, 0, NULL, err));
        TRY(conf_hook_run(run, "start", NULL, 0, NULL, err));
        (void)conf_check(run, 142, conf_xta_host_asked(&h, ASK_ACCOUNT, 1, conf_patience_ms(run)),
                         "no checkAccountActive after the start");
    }
    TRY(send_file(&h, "sent delivered", &s, err));
    (void)conf_check(run, 124, s.reached && s.kept == 1, "\"%s\", %zu of %zu processed", s.state,
                     s.kept, s.attempts);
    (void)conf_check(run, 141, h.asked[ASK_LOOKUP] > 0, "no lookupService");
    before = h.reports_of_sent;
    for (int i = 0; i < 600 && h.reports_of_sent < before + 2; i++)
        conf_sleep(100);
    (void)conf_check(run, 125, h.reports_of_sent >= before + 2,
                     "getTransportReport is not asked again while the status is 0");
    h.report = 1;
    (void)conf_check(run, 125,
                     conf_caller_reaches(run, s.name, "delivered", conf_patience_ms(run), s.state),
                     "\"%s\" after the report has ended", s.state);
    (void)conf_check(run, 123, h.without_certificate == 0, "%u requests without certificate",
                     h.without_certificate);
    return ST_OK;
}

/* XTA-130: the answer is lost, and once more. */
static enum status lost(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_host_deinit) struct conf_xta_host h = {0};
    struct sent s = {.kept = 0};
    size_t ids = 0;

    TRY(conf_xta_host_open(&h, run, "xta-server", err));
    conf_xta_host_script(&h, ASK_SEND, "L");
    TRY(send_file(&h, "sent delivered", &s, err));
    (void)conf_check(run, 130, s.reached && s.kept == 1, "\"%s\", %zu of %zu processed", s.state,
                     s.kept, s.attempts);
    (void)conf_check(run, 130, s.attempts >= 2, "it was not sent again");
    for (size_t i = 1; i < h.send_count; i++)
        ids += strcmp(h.sends[i].id, h.sends[0].id) != 0;
    (void)conf_check(run, 130, ids == 0, "sent again under another id");
    (void)conf_check(run, 130, h.reports_of_sent > 0, "9024, and nobody asked for the report");
    return ST_OK;
}

/* XTA-131, 132 */
static enum status faults(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_host_deinit) struct conf_xta_host h = {0};
    struct sent passes = {.kept = 0}, never = {.kept = 0};
    int64_t first, last;
    size_t before;

    TRY(conf_xta_host_open(&h, run, "xta-server", err));
    conf_xta_host_script(&h, ASK_SEND, "TTT");
    TRY(send_file(&h, "sent delivered failed", &passes, err));
    (void)conf_check(run, 131, passes.kept == 1 && passes.attempts == 4,
                     "a technical problem, three times: %zu attempts, \"%s\"", passes.attempts,
                     passes.state);
    (void)conf_check(run, 132, passes.kept == 1, "a technical problem with HTTP 400: \"%s\"",
                     passes.state);
    if (h.send_count >= 4) {
        first = h.sends[1].at - h.sends[0].at;
        last = h.sends[3].at - h.sends[2].at;
        (void)conf_check(run, 131, first >= 200 && last > first, "pauses from %lld to %lld ms",
                         (long long)first, (long long)last);
    }
    conf_xta_host_script(&h, ASK_SEND, "P");
    TRY(send_file(&h, "failed sent delivered", &never, err));
    (void)conf_check(run, 132, strncmp(never.state, "failed", 6) == 0,
                     "PermissionDenied with HTTP 200: \"%s\"", never.state);
    before = never.attempts;
    conf_sleep(QUIET_MS);
    (void)conf_xta_host_kept(&h, never.name, &never.attempts);
    (void)conf_check(run, 131, never.attempts == before, "PermissionDenied is tried again");
    return ST_OK;
}

/* Each of these in the way of one message; in the end it is there once. */
static enum status missteps(struct conf_run *run, struct error *err)
{
    static const struct {
        enum conf_ask ask;
        const char *script;
        unsigned number;
    } rows[] = {{ASK_SEND, "W", 145},   {ASK_SEND, "G", 145},   {ASK_SEND, "C", 145},
                {ASK_SEND, "N", 145},   {ASK_SEND, "D", 138},   {ASK_NEW_ID, "D", 138},
                {ASK_NEW_ID, "B", 133}, {ASK_NEW_ID, "C", 145}, {ASK_SEND, "R", 143}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(conf_xta_host_deinit) struct conf_xta_host h = {0};
        struct sent s = {.kept = 0};

        TRY(conf_xta_host_open(&h, run, "xta-server", err));
        conf_xta_host_script(&h, rows[i].ask, rows[i].script);
        TRY(send_file(&h, "sent delivered", &s, err));
        (void)conf_check(run, rows[i].number, s.reached && s.kept == 1,
                         "script %s: \"%s\", %zu of %zu processed", rows[i].script, s.state, s.kept,
                         s.attempts);
        (void)conf_check(run, 143, conf_listener_connections(h.elsewhere) == 0,
                         "a redirect was followed");
    }
    return ST_OK;
}

/* XTA-123: who is not believed gets no request. */
static enum status strangers(struct conf_run *run, struct error *err)
{
    static const char *const names[] = {"stranger", "author"}; /* of no CA; of no host */
    struct sent s = {.kept = 0};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO(conf_xta_host_deinit) struct conf_xta_host h = {0};

        TRY(conf_xta_host_open(&h, run, names[i], err));
        TRY(conf_caller_send(run, prefix(run), s.name, err));
        for (int waited = 0; waited < 600 && conf_listener_connections(h.listener) == 0; waited++)
            conf_sleep(100);
        conf_sleep(SHORT_MS);
        (void)conf_check(run, 123, conf_listener_connections(h.listener) > 0 && h.seen_count == 0,
                         "%zu requests to a server with the certificate of \"%s\"", h.seen_count,
                         names[i]);
    }
    return ST_OK;
}

/* XTA-140: its name tells the hook to make it larger than --set max_mb. */
static enum status large(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_host_deinit) struct conf_xta_host h = {0};
    char name[CONF_FILE_NAME], begin[32], state[CONF_STATE_SIZE];
    size_t attempts;

    if (conf_set_number(run, "large", 0) == 0) {
        conf_untestable(run, 140,
                        "braucht einen Client mit Größengrenze, und --hook send, der Dateien "
                        "namens xta?-riesig* größer macht (--set large=1)",
                        "needs a client with a limit, and --hook send to make files named "
                        "xta?-riesig* larger (--set large=1)");
        return ST_OK;
    }
    TRY(conf_xta_host_open(&h, run, "xta-server", err));
    (void)snprintf(begin, sizeof begin, "%s-riesig", prefix(run));
    TRY(conf_caller_send(run, begin, name, err));
    (void)conf_check(run, 140,
                     conf_caller_reaches(run, name, "failed", conf_patience_ms(run), state),
                     "\"%s\"", state);
    (void)conf_xta_host_kept(&h, name, &attempts);
    (void)conf_check(run, 140, attempts == 0, "it was sent all the same");
    return ST_OK;
}

/* ---- fetching ---- */

/* How often a file of that name lies in the client's inbox; -1: nobody says where that is. */
static int inbox_count(const struct conf_run *run, const char *file)
{
    const char *inbox = conf_set(run, "client_inbox");
    char pattern[4096];
    glob_t found = {0};
    int count;

    if (inbox == NULL)
        return -1;
    (void)snprintf(pattern, sizeof pattern, "%s/*/%s", inbox, file);
    count = glob(pattern, GLOB_NOSORT, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static bool closed(const struct conf_xta_host *h, unsigned ms)
{
    for (unsigned waited = 0; waited < ms && !h->closed; waited += 100)
        conf_sleep(100);
    return h->closed;
}

static bool in_inbox(const struct conf_run *run, const char *file, unsigned ms)
{
    for (unsigned waited = 0; waited < ms && inbox_count(run, file) == 0; waited += 100)
        conf_sleep(100);
    return inbox_count(run, file) != 0;
}

/* One message through a misstep: in the end it is confirmed, and in the inbox once. */
static enum status fetch_one(struct conf_xta_host *h, unsigned number, const char *script,
                             struct error *err)
{
    struct conf_run *run = h->run;
    char marker[CONF_MARKER_SIZE], file[64], id[CONF_XTA_ID_SIZE];

    (void)err;
    conf_marker(run, marker);
    (void)snprintf(file, sizeof file, "anfrage-%s.txt", marker);
    conf_xta_uuid(run, "urn:de:xta:messageid:conformance:", id, sizeof id);
    conf_xta_host_put(h, id, file);
    conf_caller_fetch(run);
    (void)conf_check(run, number, closed(h, conf_patience_ms(run)), "script \"%s\": not closed",
                     script);
    if (inbox_count(run, file) < 0)
        return ST_OK;
    (void)conf_check(run, number, in_inbox(run, file, conf_patience_ms(run)),
                     "script \"%s\": closed, and not in the inbox", script);
    conf_sleep(SHORT_MS);
    (void)conf_check(run, number, inbox_count(run, file) == 1, "script \"%s\": %d in the inbox",
                     script, inbox_count(run, file));
    return ST_OK;
}

static enum status fetches(struct conf_run *run, struct error *err)
{
    static const struct {
        enum conf_ask ask;
        const char *script;
        unsigned number;
    } rows[] = {{ASK_GET, "", 127},    {ASK_GET, "L", 145},  {ASK_GET, "C", 145},
                {ASK_GET, "G", 145},   {ASK_GET, "B", 133},  {ASK_LIST, "N", 145},
                {ASK_CLOSE, "L", 145}, {ASK_CLOSE, "N", 145}};
    static const char *const gone[] = {"X", "0"};
    AUTO(conf_xta_host_deinit) struct conf_xta_host h = {0};

    TRY(conf_xta_host_open(&h, run, "xta-server", err));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        conf_xta_host_script(&h, rows[i].ask, rows[i].script);
        TRY(fetch_one(&h, rows[i].number, rows[i].script, err));
    }
    if (conf_xta_version(run) != CONF_V3)
        return ST_OK;
    for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
        conf_xta_host_script(&h, ASK_GET, gone[i]);
        TRY(fetch_one(&h, 134, gone[i], err));
    }
    conf_xta_host_script(&h, ASK_NEXT_LIST, "");
    conf_xta_host_script(&h, ASK_NEXT, "");
    TRY(fetch_one(&h, 134, "", err));
    (void)conf_check(run, 134, h.asked[ASK_NEXT_LIST] + h.asked[ASK_NEXT] == 0,
                     "it went on though 0 were pending");
    return ST_OK;
}

/* XTA-127, 135: killed between getMessage and close. */
static enum status durable(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_host_deinit) struct conf_xta_host h = {0};
    char marker[CONF_MARKER_SIZE], file[64], id[CONF_XTA_ID_SIZE];
    unsigned number = conf_xta_version(run) == CONF_V5 ? 135 : 127;

    TRY(conf_xta_host_open(&h, run, "xta-server", err));
    conf_marker(run, marker);
    (void)snprintf(file, sizeof file, "anfrage-%s.txt", marker);
    conf_xta_uuid(run, "urn:de:xta:messageid:conformance:", id, sizeof id);
    conf_xta_host_script(&h, ASK_CLOSE, "NNNNNNNNNNNNNNNN");
    conf_xta_host_put(&h, id, file);
    conf_caller_fetch(run);
    (void)conf_check(run, number, conf_xta_host_asked(&h, ASK_CLOSE, 1, conf_patience_ms(run)),
                     "no close");
    TRY(conf_hook_run(run, "kill", NULL, 0, NULL, err));
    conf_xta_host_script(&h, ASK_CLOSE, "");
    TRY(conf_hook_run(run, "start", NULL, 0, NULL, err));
    conf_caller_fetch(run);
    (void)conf_check(run, number, closed(&h, conf_patience_ms(run)), "not closed after the start");
    if (inbox_count(run, file) >= 0) {
        (void)conf_check(run, 127, in_inbox(run, file, conf_patience_ms(run)),
                         "close was sent, and after a kill it is not in the inbox");
        conf_sleep(SHORT_MS);
        (void)conf_check(run, number, inbox_count(run, file) == 1, "%d in the inbox",
                         inbox_count(run, file));
    }
    return ST_OK;
}

/* What cannot be seen from outside. */
static enum status unseen(struct conf_run *run, struct error *err)
{
    (void)err;
    conf_untestable(run, 129, "dazu müsste der Speicher des Clients voll sein",
                    "the client's disk would have to be full");
    conf_untestable(run, 144, "welche Fristen einstellbar sind, zeigt kein Austausch",
                    "no exchange shows which time-outs can be set");
    if (conf_xta_version(run) == CONF_V5)
        conf_untestable(run, 137, "der Client sendet keine synchronen Nachrichten von sich aus",
                        "the client sends no synchronous messages by itself");
    return ST_OK;
}

static const struct conf_scenario scenarios[] = {
    {"send", sends, {120, 121, 122, 123, 124, 125, 136, 139, 141, 142}},
    {"lost-answer", lost, {130}},
    {"faults", faults, {131, 132}},
    {"missteps", missteps, {133, 138, 143, 145}},
    {"large", large, {140}},
    {"fetch", fetches, {126, 127, 128, 133, 134, 145}},
    {"durable", durable, {127, 135}},
    {"strangers", strangers, {123}},
    {"unseen", unseen, {129, 137, 144}},
};

struct conf_scenario_list conf_xta_client(void)
{
    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
