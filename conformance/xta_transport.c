/* How an XTA server is reached: ports, TLS, HTTP, and the form of its answers. */
#include <curl/curl.h>
#include <openssl/ssl.h>

#include "conformance/xta_scenarios.h"
#include "conformance/xta_tls.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static enum status account_active(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_ask(run, ASK_ACCOUNT, "author", "author", &reply, err));
    (void)conf_check(run, 20, conf_xta_is_result(&reply) && conf_xta_body(&reply) == NULL, "%s",
                     reply.what);
    return ST_OK;
}

static const char *const ports[CONF_VERSIONS][4] = {{"management", "send", "msgbox", NULL},
                                                    {"base", "sender", "recipient", NULL}};

/* One operation of each port, in either version, at the port's own URL. */
static enum status port_answers(struct conf_run *run, enum conf_xta_version version,
                                enum conf_ask ask, bool *good, struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_request_of(&q, run, version, ask, "author", err));
    conf_xta_put_party(&q, "author");
    if (ask == ASK_LIST)
        buf_str(&q.body,
                version == CONF_V3
                    ? "<b:MsgBoxStatusListRequest "
                      "xmlns:b=\"http://www.osci.eu/ws/2008/05/transport\"><b:MsgSelector/>"
                      "</b:MsgBoxStatusListRequest>"
                    : "<x:MessageSelector xmlns:x=\"https://xoev.de/transport/xta/core/3.1.1\">"
                      "<x:OtherCriteria/></x:MessageSelector>");
    TRY(conf_xta_send(&q, &reply, err));
    /* the send port of V3 has only sendMessage: that it speaks of the missing letter is enough */
    *good = ask == ASK_SEND ? reply.envelope && reply.fault : conf_xta_is_result(&reply);
    return ST_OK;
}

static enum status own_urls(struct conf_run *run, struct error *err)
{
    static const enum conf_ask asks[CONF_VERSIONS][3] = {{ASK_ACCOUNT, ASK_SEND, ASK_LIST},
                                                         {ASK_ACCOUNT, ASK_NEW_ID, ASK_LIST}};
    enum conf_xta_version version = conf_xta_version(run);
    const char *urls[2 * 3];
    size_t count = 0;

    for (size_t v = 0; v < CONF_VERSIONS; v++) /* one after the other, taking turns */
        for (size_t i = 0; i < 3; i++)
            TRY(conf_xta_port(run, (enum conf_xta_version)v, ports[v][i], &urls[count++], err));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(urls[i], urls[k]) == 0) {
                conf_untestable(run, 2, "mehrere Ports haben hier dieselbe URL",
                                "several ports have the same URL here");
                return ST_OK;
            }
    for (size_t i = 0; i < 3; i++)
        for (size_t v = 0; v < CONF_VERSIONS; v++) {
            enum conf_xta_version turn = v == 0 ? version : (enum conf_xta_version) !version;
            bool good = false;

            TRY(port_answers(run, turn, asks[turn][i], &good, err));
            (void)conf_check(run, 2, good, "the port %s does not answer at its URL",
                             ports[turn][i]);
        }
    return ST_OK;
}

static enum status plain_http(struct conf_run *run, struct error *err)
{
    const char *const *names = ports[conf_xta_version(run)];

    TRY(conf_xta_works(run, err));
    for (size_t i = 0; names[i] != NULL; i++) {
        char plain[1024];
        const char *url;
        AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

        TRY(conf_xta_port(run, conf_xta_version(run), names[i], &url, err));
        if (!conf_check(run, 3, strncasecmp(url, "https://", 8) == 0, "%s is not HTTPS", url))
            continue;
        (void)snprintf(plain, sizeof plain, "http://%s", url + 8);
        TRY(conf_xta_request_init(&q, run, ASK_ACCOUNT, NULL, err));
        conf_xta_put_party(&q, "author");
        q.way.url = plain;
        TRY(conf_xta_send(&q, &reply, err));
        (void)conf_check(run, 3, !reply.envelope && (reply.status == 0 || reply.status >= 300),
                         "%s: %s", plain, reply.what);
    }
    return ST_OK;
}

static enum status old_tls(struct conf_run *run, struct error *err)
{
    static const struct {
        int version;
        const char *name;
    } old[] = {{TLS1_VERSION, "TLS 1.0"}, {TLS1_1_VERSION, "TLS 1.1"}};
    const char *url;

    TRY(conf_xta_port(run, conf_xta_version(run), ports[conf_xta_version(run)][0], &url, err));
    if (conf_xta_handshake(run, url, TLS1_2_VERSION, "author") != CONF_HANDSHAKE_DONE)
        return error_set(err, ST_RETRY, 0, "not even TLS 1.2 is spoken at %s", url);
    for (size_t i = 0; i < ARRAY_LEN(old); i++) {
        enum conf_handshake h = conf_xta_handshake(run, url, old[i].version, "author");

        if (h == CONF_HANDSHAKE_UNTRIED)
            conf_untestable(run, 4, "OpenSSL kann hier kein TLS unter 1.2 mehr anbieten",
                            "OpenSSL here cannot offer TLS below 1.2 any more");
        else
            (void)conf_check(run, 4, h == CONF_HANDSHAKE_REFUSED, "%s is spoken", old[i].name);
    }
    return ST_OK;
}

/* No answer of XTA but PermissionDenied. */
static enum status kept_out(struct conf_run *run, unsigned number, const char *who,
                            const char *expected, struct error *err)
{
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_works(run, err));
    TRY(conf_xta_ask(run, ASK_ACCOUNT, who, "author", &reply, err));
    (void)conf_check(run, number,
                     reply.envelope ? conf_xta_is_fault(&reply, "PD", expected)
                                    : reply.status == 0 || reply.status >= 400,
                     "%s: %s", who != NULL ? who : "without certificate", reply.what);
    return ST_OK;
}

static enum status no_certificate(struct conf_run *run, struct error *err)
{
    return kept_out(run, 5, NULL, NULL, err);
}

static enum status untrusted(struct conf_run *run, struct error *err)
{
    return kept_out(run, 6, "stranger", NULL, err);
}

static enum status out_of_date(struct conf_run *run, struct error *err)
{
    TRY(kept_out(run, 7, "expired", "9010", err));
    return kept_out(run, 7, "revoked", "9010", err);
}

static enum status tls_versions(struct conf_run *run, struct error *err)
{
    static const long versions[] = {CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2,
                                    CURL_SSLVERSION_TLSv1_3 | CURL_SSLVERSION_MAX_TLSv1_3};

    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

        TRY(conf_xta_request_init(&q, run, ASK_ACCOUNT, "author", err));
        conf_xta_put_party(&q, "author");
        q.way.tls = versions[i];
        TRY(conf_xta_send(&q, &reply, err));
        (void)conf_check(run, 8, conf_xta_is_result(&reply), "TLS 1.%zu: %s", i + 2, reply.what);
    }
    return ST_OK;
}

static enum status transfer(struct conf_run *run, struct error *err)
{
    for (size_t i = 1; i < 4; i++) {
        struct conf_xta_letter letter;
        AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

        TRY(conf_xta_letter_init(run, "author", "author", "reader", &letter, err));
        TRY(conf_xta_request_init(&q, run, ASK_SEND, "author", err));
        conf_xta_put_letter(&q, &letter);
        q.way.chunked = (i & 1) != 0;
        q.way.expect = (i & 2) != 0;
        TRY(conf_xta_send(&q, &reply, err));
        (void)conf_check(run, 9, conf_xta_is_result(&reply), "%s%s: %s",
                         q.way.chunked ? "chunked " : "", q.way.expect ? "Expect" : "", reply.what);
    }
    return ST_OK;
}

/* The looks at every fault do the work. */
static enum status faults(struct conf_run *run, struct error *err)
{
    char id[CONF_XTA_ID_SIZE];
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply unknown = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply wrong = {0};

    conf_xta_uuid(run, "urn:de:xta:messageid:niemand:", id, sizeof id);
    TRY(conf_xta_ask_about(run, ASK_REPORT, "author", "author", id, &unknown, err));
    TRY(conf_xta_ask(run, ASK_ACCOUNT, "author", "reader", &wrong, err));
    if (unknown.exception[0] == '\0' || wrong.exception[0] == '\0')
        return error_set(err, ST_RETRY, 0, "no exception where one was due: %s; %s", unknown.what,
                         wrong.what);
    return ST_OK;
}

static enum status dispatch_fetch(struct conf_run *run, struct error *err)
{
    struct conf_xta_box box = {run, "both", "second", ""};
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply got = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply closed = {0};

    TRY(conf_xta_box_fill(&box, 1, &letter, err));
    TRY(conf_xta_box_get(&box, letter.id, &got, err));
    TRY(conf_xta_box_close(&box, letter.id, &closed, err));
    (void)conf_check(run, 14, conf_xta_is_result(&got) && conf_xta_body(&got) != NULL,
                     "getMessage: %s", got.what);
    (void)conf_check(run, 14, conf_xta_is_result(&closed) && conf_xta_body(&closed) == NULL,
                     "close with the body of getMessage: %s", closed.what);
    return ST_OK;
}

/* The same body under another action. */
static enum status dispatch(struct conf_run *run, struct error *err)
{
    struct conf_xta_letter letter;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply sync = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply async = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply report = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply cancel = {0};

    TRY(conf_xta_letter_init(run, "author", "author", "reader", &letter, err));
    TRY(conf_xta_bring(run, ASK_SEND_SYNC, "author", &letter, &sync, err));
    TRY(conf_xta_bring(run, ASK_SEND, "author", &letter, &async, err));
    (void)conf_check(run, 14,
                     conf_xta_is_fault(&sync, "SA", "9080") || conf_xta_is_fault(&sync, "NI", NULL),
                     "sendMessageSync: %s", sync.what);
    (void)conf_check(run, 14, conf_xta_is_result(&async) && conf_xta_body(&async) == NULL,
                     "sendMessage with the body of sendMessageSync: %s", async.what);
    if (conf_xta_version(run) == CONF_V5)
        return dispatch_fetch(run, err);
    TRY(conf_xta_ask_about(run, ASK_REPORT, "author", "author", letter.id, &report, err));
    TRY(conf_xta_ask_about(run, ASK_CANCEL, "author", "author", letter.id, &cancel, err));
    (void)conf_check(run, 14,
                     conf_xta_is_result(&report) &&
                         conf_xta_node(&report, NULL, "//" EL("TransportReport")) != NULL,
                     "getTransportReport: %s", report.what);
    (void)conf_check(run, 14, conf_xta_is_fault(&cancel, "CD", NULL),
                     "cancelMessage with the body of getTransportReport: %s", cancel.what);
    return ST_OK;
}

/* Words that only the inside of a program uses. */
static const char *leak(const struct conf_xta_reply *reply)
{
    static const char *const words[] = {"/tmp/",   "/var/",  ".c:",
                                        "sqlite",  "SQLITE", "errno",
                                        "No such", "rename", "Permission denied",
                                        "payload"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (span_find(buf_span(&reply->body), span_str(words[i])) != SIZE_MAX)
            return words[i];
    return NULL;
}

static enum status broken_inside(struct conf_run *run, struct error *err)
{
    struct conf_xta_letter letter;
    struct error ignored = {0};
    const char *word;
    enum status st;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_letter_init(run, "author", "author", "reader", &letter, err));
    TRY(conf_hook_run(run, "break", NULL, 0, NULL, err));
    st = conf_xta_bring(run, ASK_SEND, "author", &letter, &reply, err);
    if (conf_hook_run(run, "mend", NULL, 0, NULL, &ignored) != ST_OK)
        return error_set(err, ST_RETRY, 0, "%s", ignored.text);
    TRY(st);
    word = leak(&reply);
    (void)conf_check(run, 19, conf_xta_is_fault(&reply, "TP", NULL), "%s", reply.what);
    (void)conf_check(run, 19, word == NULL, "the fault says \"%s\"", word != NULL ? word : "");
    return conf_xta_works(run, err);
}

static const struct conf_scenario scenarios[] = {
    {"account-active", account_active, {1, 10, 11, 12, 18, 20}},
    {"own-urls", own_urls, {2}},
    {"plain-http", plain_http, {3}},
    {"old-tls", old_tls, {4}},
    {"no-certificate", no_certificate, {5}},
    {"untrusted", untrusted, {6}},
    {"out-of-date", out_of_date, {7}},
    {"tls-versions", tls_versions, {8}},
    {"transfer", transfer, {9}},
    {"faults", faults, {13, 15, 16, 17}},
    {"dispatch", dispatch, {14}},
    {"broken-inside", broken_inside, {19}},
};

struct conf_scenario_list conf_xta_transport(void)
{
    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
