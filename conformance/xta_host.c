#include "conformance/xta_host.h"

#include <stdio.h>
#include <string.h>

#include "conformance/xta_looks.h"

#define WSA "http://www.w3.org/2005/08/addressing"
#define SOAP12 "http://www.w3.org/2003/05/soap-envelope"

enum { SLOW_MS = 3000, TURN_MS = 100 };

/* ---- what every request must keep ---- */

static uint64_t sum_of(struct span bytes)
{
    uint64_t sum = UINT64_C(14695981039346656037); /* FNV-1a */

    for (size_t i = 0; i < bytes.len; i++)
        sum = (sum ^ bytes.ptr[i]) * UINT64_C(1099511628211);
    return sum;
}

/* In another request than this one. */
static bool seen_before(struct conf_xta_host *h, const char *id, struct span request)
{
    size_t len = strlen(id);
    const char *end = len > 31 ? id + len - 31 : id;
    uint64_t sum = sum_of(request);

    for (size_t i = 0; i < h->seen_count; i++)
        if (strcmp(h->seen[i].id, end) == 0)
            return h->seen[i].sum != sum;
    if (h->seen_count < CONF_HOST_SEEN) {
        memcpy(h->seen[h->seen_count].id, end, strlen(end) + 1);
        h->seen[h->seen_count++].sum = sum;
    }
    return false;
}

static void look_ids(struct conf_xta_host *h, const struct conf_xta_reply *r, const char *name)
{
    char path[200], id[160];
    size_t count = conf_xta_count(r, "//@id");

    for (size_t i = 1; i <= count; i++) {
        (void)snprintf(path, sizeof path, "(//@id)[%zu]", i);
        (void)conf_xta_text(r, NULL, path, id, sizeof id);
        (void)snprintf(path, sizeof path, "//@id[.='%s']", id);
        (void)conf_check(h->run, 136,
                         strchr(id, '\'') == NULL && conf_xta_count(r, path) == 1 &&
                             xmlValidateNCName((const xmlChar *)id, 0) == 0,
                         "%s: the id \"%s\"", name, id);
    }
}

static void look_contents(struct conf_xta_host *h, const struct conf_xta_reply *r)
{
    static const char *const attributes[] = {"contentType", "encoding", "filename", "id", "size"};
    char path[100], value[200];
    xmlNode *message = conf_xta_node(r, NULL, EL("Body") "//" EL("Message"));
    AUTO(buf_deinit) struct buf bytes = {0};
    uint64_t size = 0;

    for (size_t i = 0; i < ARRAY_LEN(attributes) && message != NULL; i++) {
        (void)snprintf(path, sizeof path, "@%s", attributes[i]);
        (void)conf_check(h->run, 139,
                         conf_xta_text(r, message, path, value, sizeof value)[0] != '\0',
                         "Message without %s", attributes[i]);
    }
    if (message == NULL || !conf_xta_bytes(r, message, &bytes))
        return;
    (void)span_to_u64(span_str(conf_xta_text(r, message, "@size", value, sizeof value)), &size);
    (void)conf_check(h->run, 139, size == bytes.len, "size says %s of %zu bytes", value, bytes.len);
}

static void look(struct conf_xta_host *h, enum conf_ask ask, const struct conf_xta_reply *r)
{
    const char *name = conf_xta_operation(conf_xta_version(h->run), ask)->name;
    char why[400], id[160], to[400];
    const char *wrong = conf_xta_invalid(h->run, conf_xta_version(h->run), r->doc, why, sizeof why);

    (void)conf_check(h->run, 120, r->mtom, "%s: Content-Type %s", name, r->content_type);
    (void)conf_xta_text(r, NULL,
                        EL("Header") "/*[local-name()='MessageID' and namespace-uri()='" WSA "']",
                        id, sizeof id);
    (void)conf_check(h->run, 121, id[0] != '\0' && !seen_before(h, id, buf_span(&r->body)),
                     "%s: wsa:MessageID \"%s\"", name, id);
    (void)conf_check(h->run, 121,
                     conf_xta_text(r, NULL, EL("Header") "/" EL("To"), to, sizeof to)[0] != '\0',
                     "%s without wsa:To", name);
    (void)conf_check(h->run, 122, wrong == NULL, "%s: %s", name, wrong == NULL ? "" : wrong);
    if (conf_xta_version(h->run) == CONF_V5) {
        (void)conf_check(h->run, 122, conf_xta_node(r, NULL, EL("Header") "/" EL("Party")) != NULL,
                         "%s without Party", name);
        look_ids(h, r, name);
    }
    if (ask == ASK_SEND) {
        (void)conf_check(h->run, 122,
                         conf_xta_node(r, NULL, EL("Header") "/" EL("MessageMetaData")) != NULL,
                         "%s without MessageMetaData", name);
        look_contents(h, r);
    }
}

/* ---- answers ---- */

static bool v3(const struct conf_xta_host *h)
{
    return conf_xta_version(h->run) == CONF_V3;
}

static enum status answer_begin(struct conf_xta_host *h, enum conf_ask ask, const char *relates,
                                struct conf_xta_request *q, struct error *err)
{
    TRY(conf_xta_request_init(q, h->run, ask, NULL, err));
    q->outer = NULL;
    buf_printf(&q->header, "<wsa:RelatesTo>%s</wsa:RelatesTo>", relates);
    return ST_OK;
}

/* Only the metadata of a letter, in header or elsewhere; content as well when with_content. */
static enum status put_letter(struct conf_xta_host *h, struct conf_xta_request *q,
                              const struct conf_xta_letter *letter, struct buf *metadata,
                              bool with_content, struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request part = {0};
    const char *delivery =
        v3(h) ? "<m:Delivery>2026-01-02T03:04:05Z</m:Delivery></m:DeliveryAttributes>"
              : "<m:Delivery id=\"delivery\">2026-01-02T03:04:05Z</m:Delivery>"
                "</m:DeliveryAttributes>";

    TRY(conf_xta_request_init(&part, h->run, ASK_SEND, NULL, err));
    conf_xta_put_letter(&part, letter);
    if (!v3(h))
        TRY(conf_xta_cut(&part.header, "<p:Party", "</p:Party>", err));
    TRY(conf_xta_edit(&part.header, "</m:DeliveryAttributes>", delivery, err));
    buf_add(metadata, buf_span(&part.header));
    if (with_content) {
        buf_add(&q->body, buf_span(&part.body));
        memcpy(q->parts, part.parts, sizeof q->parts);
        q->part_count = part.part_count;
    }
    return ST_OK;
}

static void put_box(const struct conf_xta_host *h, struct conf_xta_request *q, bool none,
                    unsigned pending)
{
    if (v3(h))
        buf_str(&q->header, "<b:MsgBoxResponse "
                            "xmlns:b=\"http://www.osci.eu/ws/2008/05/transport\" "
                            "MsgBoxRequestID=\"urn:de:xta:requestid:conformance:1\">");
    else
        buf_printf(&q->header, "<x:MessageBoxStatus xmlns:x=\"%s\"><x:MessagesRemaining>",
                   conf_xta_namespace(CONF_V5));
    if (v3(h) && none)
        buf_str(&q->header, "<b:NoMessageAvailable "
                            "reason=\"http://www.osci.eu/ws/2008/05/transport/MsgBox/reasons/"
                            "NoMatch\"/></b:MsgBoxResponse>");
    else if (v3(h))
        buf_printf(&q->header, "<b:ItemsPending>%u</b:ItemsPending></b:MsgBoxResponse>", pending);
    else if (none)
        buf_str(
            &q->header,
            "<x:NoMessageAvailable>http://www.osci.eu/ws/2008/05/transport/MessageBox/"
            "reasons/NoMatch</x:NoMessageAvailable></x:MessagesRemaining></x:MessageBoxStatus>");
    else
        buf_printf(&q->header,
                   "<x:MessagesPending>%u</x:MessagesPending></x:MessagesRemaining>"
                   "</x:MessageBoxStatus>",
                   pending);
}

static enum status put_list(struct conf_xta_host *h, struct conf_xta_request *q, bool there,
                            struct error *err)
{
    put_box(h, q, !there, 0);
    buf_printf(&q->body, "<l:%s xmlns:l=\"%s\">", v3(h) ? "MsgStatusList" : "MessageStatusList",
               v3(h) ? "http://www.osci.eu/ws/2008/05/transport" : conf_xta_namespace(CONF_V5));
    if (there)
        TRY(put_letter(h, q, &h->letter, &q->body, false, err));
    buf_printf(&q->body, "</l:%s>", v3(h) ? "MsgStatusList" : "MessageStatusList");
    return ST_OK;
}

static enum status put_report(struct conf_xta_host *h, struct conf_xta_request *q, const char *id,
                              struct error *err)
{
    struct conf_xta_letter about = {.author = "first",
                                    .reader = "reader",
                                    .service = "async",
                                    .subject = "Bericht",
                                    .files = {{"a.txt", "text/plain", SPAN("a")}},
                                    .file_count = 1};
    AUTO(buf_deinit) struct buf metadata = {0};
    struct buf *b = &q->body;

    buf_init(&metadata, 1024 * 1024);
    (void)snprintf(about.id, sizeof about.id, "%s", id);
    TRY(put_letter(h, q, &about, &metadata, false, err));
    buf_printf(b,
               v3(h) ? "<x:TransportReport xmlns:x=\"%s\">"
                     : "<x:ReportResult xmlns:x=\"%s\"><x:TransportReport id=\"report\">",
               conf_xta_namespace(conf_xta_version(h->run)));
    if (v3(h))
        buf_add(b, buf_span(&metadata));
    buf_printf(b,
               "<x:ReportTime>2026-01-02T03:04:05Z</x:ReportTime><x:XTAServerIdentity>"
               "conformance</x:XTAServerIdentity><x:MessageStatus><x:Status>%d</x:Status>"
               "<x:ErrorList/><x:WarnList/><x:InfoList/></x:MessageStatus>",
               h->report);
    if (!v3(h))
        buf_add(b, buf_span(&metadata));
    buf_str(b, "<x:AdditionalReports/>");
    buf_str(b, v3(h) ? "</x:TransportReport>" : "</x:TransportReport></x:ReportResult>");
    return ST_OK;
}

/* That nothing is known of the service is no reason not to send. */
static void put_lookup(struct conf_xta_host *h, struct conf_xta_request *q,
                       const struct conf_xta_reply *r)
{
    char reader[200], service[300];
    struct buf *b = &q->body;

    (void)conf_xta_text(r, NULL, EL("Body") "//" EL("Identifier"), reader, sizeof reader);
    (void)conf_xta_text(r, NULL,
                        EL("Body") "//*[local-name()='ServiceType' or local-name()="
                                   "'Service']",
                        service, sizeof service);
    if (v3(h)) {
        buf_printf(b,
                   "<x:LookupServiceResponse xmlns:x=\"%s\"><x:LookupServiceResultList>"
                   "<x:LookupServiceResult><m:Reader "
                   "xmlns:m=\"http://www.osci.eu/ws/2014/10/transport\"><m:Identifier "
                   "type=\"xoev\">%s</m:Identifier></m:Reader><x:ServiceType>%s</x:ServiceType>"
                   "<x:ServiceIsAvailableUnknown>true</x:ServiceIsAvailableUnknown>"
                   "</x:LookupServiceResult></x:LookupServiceResultList>"
                   "</x:LookupServiceResponse>",
                   conf_xta_namespace(CONF_V3), reader, service);
        return;
    }
    buf_printf(b,
               "<x:LookupStatus xmlns:x=\"%s\"><x:LookupServiceResult><x:Reader id=\"reader\">"
               "<x:Identifier identifierScheme=\"xoev\">%s</x:Identifier></x:Reader><x:Service>%s"
               "</x:Service><x:ServiceIsAvailableUnknown>true</x:ServiceIsAvailableUnknown>"
               "</x:LookupServiceResult></x:LookupStatus>",
               conf_xta_namespace(CONF_V5), reader, service);
}

static void put_fault(struct conf_xta_host *h, struct conf_xta_request *q, const char *exception,
                      const char *number, const char *text)
{
    if (!v3(h)) { /* V5: the port, and the exception */
        const char *slash = strrchr(q->operation->action, '/');

        (void)snprintf(h->action, sizeof h->action, "%.*s/%s", (int)(slash - q->operation->action),
                       q->operation->action, exception);
        q->action = h->action;
    }
    buf_printf(&q->body,
               "<soap:Fault><soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code>"
               "<soap:Reason><soap:Text xml:lang=\"de\">%s</soap:Text></soap:Reason><soap:Detail>"
               "<x:%s xmlns:x=\"%s\">",
               text, exception, conf_xta_namespace(conf_xta_version(h->run)));
    if (v3(h))
        buf_printf(&q->body,
                   "<x:errorCode listURI=\"urn:de:xta:webservice:codeliste:fehlernummer\" "
                   "listVersionID=\"1.0\"><code>%s</code><name>%s</name></x:errorCode>",
                   number, conf_xta_number_text(number));
    else
        buf_printf(&q->body,
                   "<x:ErrorCode "
                   "listURI=\"urn:xoev-de:kosit:codeliste:xta.core.fehlernummer\" "
                   "listVersionID=\"1.0\"><code>%s</code></x:ErrorCode>",
                   number);
    buf_printf(&q->body, "</x:%s></soap:Detail></soap:Fault>", exception);
}

/* ---- what it does ---- */

static bool was_issued(const struct conf_xta_host *h, const char *id)
{
    for (size_t i = 0; i < h->issued_count; i++)
        if (strcmp(h->issued[i], id) == 0)
            return true;
    return false;
}

static bool is_kept(const struct conf_xta_host *h, const char *id)
{
    for (size_t i = 0; i < h->send_count; i++)
        if (h->sends[i].kept && strcmp(h->sends[i].id, id) == 0)
            return true;
    return false;
}

static const char *id_of(const struct conf_xta_reply *r, const char *where, char *out, size_t cap)
{
    char path[300];

    (void)snprintf(path, sizeof path,
                   "%s//*[local-name()='XTAMessageID' or local-name()='MessageID' or "
                   "local-name()='LastMsgReceived']",
                   where);
    return conf_xta_text(r, NULL, path, out, cap);
}

/* Notes one sendMessage. False: its id is used. */
static bool send_note(struct conf_xta_host *h, const struct conf_xta_reply *r, bool processed)
{
    struct conf_xta_send *s = &h->sends[h->send_count];
    bool used;

    if (h->send_count == CONF_HOST_SENDS)
        return true;
    *s = (struct conf_xta_send){.at = conf_now()};
    (void)id_of(r, EL("Header") "/" EL("MessageMetaData"), s->id, sizeof s->id);
    (void)conf_xta_text(r, NULL, EL("Body") "//" EL("Message") "/@filename", s->file,
                        sizeof s->file);
    (void)conf_check(h->run, 124, was_issued(h, s->id), "sendMessage with the id \"%s\"", s->id);
    used = is_kept(h, s->id);
    s->kept = processed && !used;
    h->send_count++;
    return !used;
}

static void id_issue(struct conf_xta_host *h, struct conf_xta_request *q)
{
    char *id = h->issued[h->issued_count % CONF_HOST_IDS];

    h->issued_count += h->issued_count < CONF_HOST_IDS;
    conf_xta_uuid(h->run, "urn:de:xta:messageid:conformance:", id, CONF_XTA_ID_SIZE);
    conf_xta_put_id(q, id);
}

static bool asks_for_all(const struct conf_xta_host *h, const struct conf_xta_reply *r)
{
    char value[16];

    (void)conf_xta_text(r, NULL, v3(h) ? EL("Body") "//@newEntry" : EL("Body") "//" EL("NewEntry"),
                        value, sizeof value);
    return strcmp(value, "false") == 0 || strcmp(value, "0") == 0;
}

/* The result of an operation. */
static enum status result(struct conf_xta_host *h, enum conf_ask ask, bool processed,
                          const struct conf_xta_reply *r, struct conf_xta_request *q, bool *fault,
                          struct error *err)
{
    char id[CONF_XTA_ID_SIZE];
    bool all;

    switch (ask) {
    case ASK_NEW_ID:
        id_issue(h, q);
        return ST_OK;
    case ASK_LOOKUP:
        put_lookup(h, q, r);
        return ST_OK;
    case ASK_SEND:
        if (send_note(h, r, processed))
            return ST_OK;
        *fault = true;
        put_fault(h, q, "ParameterIsNotValidException", "9024", "schon verwendet");
        return ST_OK;
    case ASK_REPORT:
        (void)id_of(r, EL("Body"), id, sizeof id);
        h->reports_of_sent += is_kept(h, id);
        if (is_kept(h, id))
            return put_report(h, q, id, err);
        *fault = true;
        put_fault(h, q, "InvalidMessageIDException", "9070", "unbekannt");
        return ST_OK;
    case ASK_LIST:
    case ASK_NEXT_LIST:
        all = asks_for_all(h, r);
        h->not_new += all;
        h->listed = h->letter.id[0] != '\0' && !h->closed && (all || v3(h) || !h->fetched);
        return put_list(h, q, h->listed, err);
    case ASK_GET:
        (void)id_of(r, EL("Body"), id, sizeof id);
        (void)conf_check(h->run, 126, h->listed && strcmp(id, h->letter.id) == 0,
                         "getMessage of \"%s\", which was not listed", id);
        h->fetches++;
        h->fetched = true;
        put_box(h, q, false, 0);
        return put_letter(h, q, &h->letter, &q->header, true, err);
    case ASK_CLOSE:
        (void)id_of(r, EL("Body"), id, sizeof id);
        h->closes++;
        h->closed |= strcmp(id, h->letter.id) == 0;
        if (v3(h))
            (void)conf_check(
                h->run, 128,
                strcmp(conf_xta_text(r, NULL, EL("Body") "//@MsgBoxRequestID", id, sizeof id),
                       "urn:de:xta:requestid:conformance:1") == 0,
                "MsgBoxRequestID \"%s\"", id);
        return ST_OK;
    default:
        return ST_OK;
    }
}

static bool scripted_fault(struct conf_xta_host *h, struct conf_xta_request *q, char what,
                           int *status)
{
    switch (what) {
    case 'T':
        put_fault(h, q, v3(h) ? "XTAWSTechnicalProblemException" : "TechnicalProblemException",
                  "9030", "gleich wieder");
        *status = 400;
        return true;
    case 'P':
        put_fault(h, q, "PermissionDeniedException", "9012", "technisch alles in Ordnung");
        *status = 200;
        return true;
    case 'X':
        put_fault(h, q, "InvalidMessageIDException", "9070", "unbekannt");
        *status = 500;
        return true;
    default:
        return false;
    }
}

static enum status compose(struct conf_xta_host *h, enum conf_ask ask, char what,
                           const struct conf_xta_reply *r, const char *relates,
                           struct conf_xta_request *q, int *status, struct error *err)
{
    bool fault = false;

    TRY(answer_begin(h, ask, relates, q, err));
    *status = 200;
    if (scripted_fault(h, q, what, status)) {
        if (ask == ASK_SEND)
            (void)send_note(h, r, false);
    } else if (what == '0') {
        put_box(h, q, true, 0);
    } else {
        TRY(result(h, ask, what != 'G' && what != 'D', r, q, &fault, err));
        *status = fault ? 500 : 200;
        if (!fault && !v3(h)) {
            (void)snprintf(h->action, sizeof h->action, "%sResponse", q->operation->action);
            q->action = h->action;
        }
    }
    q->plain = what == 'B';
    TRY(conf_xta_close(q, err));
    return conf_xta_pack(q, err);
}

static void spoil(struct conf_xta_host *h, char what, struct conf_answer *answer)
{
    if (what == 'G' || what == 'D') {
        buf_reset(&answer->body);
        buf_str(&answer->body, what == 'G' ? "<html>Bitte melden Sie sich an</html>"
                                           : "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>");
        answer->content_type = what == 'G' ? "text/html" : "application/soap+xml";
    }
    if (what == 'L')
        answer->status = 0;
    if (what == 'C')
        answer->cut = answer->body.len / 2;
    if (what == 'W')
        answer->delay_ms = SLOW_MS;
    if (what == 'R') {
        (void)snprintf(h->redirect, sizeof h->redirect, "https://127.0.0.1:%u/elsewhere",
                       conf_listener_port(h->elsewhere));
        answer->status = 307;
        answer->location = h->redirect;
    }
}

static bool ask_of(const struct conf_xta_host *h, const char *action, enum conf_ask *ask)
{
    for (unsigned i = 0; i < ASK_KINDS; i++) {
        const struct conf_xta_operation *o = conf_xta_operation(conf_xta_version(h->run), i);

        if (o->name != NULL && strcmp(o->action, action) == 0) {
            *ask = i;
            return true;
        }
    }
    return false;
}

static void request_answer(struct conf_xta_host *h, const struct conf_xta_reply *r,
                           struct conf_answer *answer)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
    struct error err = {0};
    enum conf_ask ask;
    char what, relates[160];

    if (!ask_of(h, r->action, &ask)) {
        (void)conf_check(h->run, 121, false, "wsa:Action \"%s\"", r->action);
        answer->status = 500;
        return;
    }
    look(h, ask, r);
    h->asked[ask]++;
    what = h->scripts[ask] == NULL || *h->scripts[ask] == '\0' ? '+' : *h->scripts[ask]++;
    (void)conf_xta_text(r, NULL, EL("Header") "/" EL("MessageID"), relates, sizeof relates);
    if (what == 'N' || what == 'R') {
        if (ask == ASK_SEND)
            (void)send_note(h, r, false);
        spoil(h, what, answer);
        return;
    }
    if (compose(h, ask, what, r, relates, &q, &answer->status, &err) != ST_OK) {
        (void)fprintf(stderr, "depesche-conformance: %s\n", err.text);
        answer->status = 500;
        return;
    }
    buf_add(&answer->body, buf_span(&q.wire));
    (void)snprintf(answer->own_type, sizeof answer->own_type, "%s", q.content_type);
    answer->content_type = answer->own_type;
    spoil(h, what, answer);
}

static void handle(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    struct conf_xta_host *h = ctx;
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply r = {.status = 200};

    (void)pthread_mutex_lock(&h->lock);
    r.version = conf_xta_version(h->run);
    (void)snprintf(r.content_type, sizeof r.content_type, "%s", request->content_type);
    buf_init(&r.body, CONF_XTA_WIRE_MAX);
    buf_add(&r.body, request->body);
    conf_xta_reply_read(&r);
    h->without_certificate += !request->certificate;
    if (r.doc != NULL && r.envelope)
        request_answer(h, &r, answer);
    else
        (void)conf_check(h->run, 120, false, "a request that is no envelope: %s", r.content_type);
    (void)pthread_mutex_unlock(&h->lock);
}

/* ---- the whole ---- */

static void silence(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    (void)ctx;
    (void)request;
    (void)answer;
}

static unsigned port_of(const char *url)
{
    const char *host = strstr(url, "://"), *colon;

    colon = strchr(host == NULL ? url : host + 3, ':');
    return colon == NULL ? 443 : (unsigned)strtoul(colon + 1, NULL, 10);
}

enum status conf_xta_host_open(struct conf_xta_host *h, struct conf_run *run, const char *name,
                               struct error *err)
{
    *h = (struct conf_xta_host){.run = run};
    (void)pthread_mutex_init(&h->lock, NULL);
    TRY(conf_listen_tls(run, 0, name, silence, NULL, &h->elsewhere, err));
    return conf_listen_tls(run, port_of(run->settings->urls[run->role]), name, handle, h,
                           &h->listener, err);
}

void conf_xta_host_deinit(struct conf_xta_host *h)
{
    conf_listener_free(h->listener);
    conf_listener_free(h->elsewhere);
    h->listener = h->elsewhere = NULL;
}

void conf_xta_host_script(struct conf_xta_host *h, enum conf_ask ask, const char *script)
{
    (void)pthread_mutex_lock(&h->lock);
    h->scripts[ask] = script;
    h->asked[ask] = 0;
    (void)pthread_mutex_unlock(&h->lock);
}

void conf_xta_host_put(struct conf_xta_host *h, const char *id, const char *file)
{
    (void)pthread_mutex_lock(&h->lock);
    h->letter = (struct conf_xta_letter){.author = "author",
                                         .reader = "first",
                                         .service = "async",
                                         .subject = "Anfrage",
                                         .files = {{file, "text/plain", SPAN("Eine Anfrage\n")}},
                                         .file_count = 1};
    (void)snprintf(h->letter.id, sizeof h->letter.id, "%s", id);
    h->listed = h->fetched = h->closed = false;
    h->fetches = h->closes = h->not_new = 0;
    (void)pthread_mutex_unlock(&h->lock);
}

bool conf_xta_host_asked(struct conf_xta_host *h, enum conf_ask ask, unsigned count, unsigned ms)
{
    for (unsigned waited = 0;; waited += TURN_MS) {
        unsigned asked;

        (void)pthread_mutex_lock(&h->lock);
        asked = h->asked[ask];
        (void)pthread_mutex_unlock(&h->lock);
        if (asked >= count || waited >= ms)
            return asked >= count;
        conf_sleep(TURN_MS);
    }
}

size_t conf_xta_host_kept(struct conf_xta_host *h, const char *file, size_t *attempts)
{
    size_t kept = 0;

    *attempts = 0;
    (void)pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < h->send_count; i++)
        if (strcmp(h->sends[i].file, file) == 0) {
            ++*attempts;
            kept += h->sends[i].kept;
        }
    (void)pthread_mutex_unlock(&h->lock);
    return kept;
}
