#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_api.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char settings[] = "state: state\n"
                               "tenant:\n"
                               "  name: Stadt Ahausen\n"
                               "  identity:\n"
                               "    signature: {certificate: c.pem, key: k.pem}\n"
                               "    cipher: {certificate: c.pem, key: k.pem}\n"
                               "intermediaries:\n"
                               "  - name: demo\n"
                               "    url: 'https://127.0.0.1:9443/osci'\n"
                               "    cipher_certificate: i.pem\n"
                               "partners:\n"
                               "  - name: Stadt Beheim\n"
                               "    intermediary: demo\n"
                               "    cipher_certificate: b.pem\n"
                               "endpoints:\n"
                               "  - name: meldewesen\n"
                               "  - name: kasse\n"
                               "limits: {message_max_mb: 4, memory_kb: 64}\n"
                               "retry: {expire_days: 3}\n"
                               "api: {socket: api.sock, mode: 0600}\n";

struct helper_api *helper_api_new(void)
{
    struct helper_api *h = calloc(1, sizeof *h);
    struct error err = {0};
    char path[80];

    assert_non_null(h);
    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    helper_dir_make(h->store.dir);
    helper_store_open(&h->store, false);
    gw_config_report_init(&h->report);
    (void)snprintf(path, sizeof path, "%s/a.yaml", h->store.dir);
    if (gw_config_read(SPAN(settings), path, &h->conf, &h->report, &err) != ST_OK)
        fail_msg("%s", err.text);
    (void)snprintf(h->socket, sizeof h->socket, "%s", h->conf->api.socket);
    return h;
}

static void *loop_main(void *arg)
{
    struct helper_api *h = arg;

    gw_loop_run(h->loop);
    return NULL;
}

void helper_api_start(struct helper_api *h)
{
    struct error err = {0};
    char temp[80];

    (void)snprintf(temp, sizeof temp, "%s/tmp", h->store.dir);
    assert_int_equal(gw_loop_new(&h->loop, &err), ST_OK);
    h->peer = (struct gw_peer){.conf = &h->conf->intermediaries[0]};
    h->partner = (struct gw_partner){
        .conf = &h->conf->partners[0], .way = h->peer.conf->name, .peer = &h->peer};
    h->rt = (struct gw_runtime){.conf = h->conf,
                                .loop = h->loop,
                                .store = h->store.store,
                                .rng = rng_system(),
                                .peers = &h->peer,
                                .peer_count = 1,
                                .partners = &h->partner,
                                .partner_count = 1,
                                .temp_dir = strdup(temp)};
    assert_non_null(h->rt.temp_dir);
    if (gw_api_start(&h->rt, &h->server, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_int_equal(pthread_create(&h->thread, NULL, loop_main, h), 0);
    h->running = true;
}

void helper_api_stop(struct helper_api *h)
{
    if (!h->running)
        return;
    h->running = false;
    gw_loop_stop(h->loop);
    assert_int_equal(pthread_join(h->thread, NULL), 0);
    gw_api_server_free(h->server);
    gw_loop_free(h->loop);
    free(h->rt.temp_dir);
    h->rt.temp_dir = NULL;
}

void helper_api_free(struct helper_api *h)
{
    helper_api_stop(h);
    gw_config_free(h->conf);
    gw_config_report_deinit(&h->report);
    helper_store_close(&h->store);
    helper_dir_remove(h->store.dir);
    curl_global_cleanup();
    free(h);
}

int helper_api_setup(void **state)
{
    struct helper_api *h = helper_api_new();

    helper_api_start(h);
    *state = h;
    return 0;
}

int helper_api_teardown(void **state)
{
    helper_api_free(*state);
    return 0;
}

void helper_api_be(struct helper_api *h, enum helper_user user)
{
    struct gw_api_rights *rights = &h->server->rights;
    const struct gw_endpoint_conf *all = h->conf->endpoints;

    gw_api_rights_deinit(rights);
    rights->rows = calloc(4, sizeof *rights->rows);
    assert_non_null(rights->rows);
    if (user == HELPER_ADMIN)
        rights->rows[rights->count++] = (struct gw_api_right){geteuid(), NULL};
    if (user == HELPER_ONE || user == HELPER_BOTH)
        rights->rows[rights->count++] = (struct gw_api_right){geteuid(), &all[0]};
    if (user == HELPER_TWO || user == HELPER_BOTH)
        rights->rows[rights->count++] = (struct gw_api_right){geteuid(), &all[1]};
}

/* ---- the client ---- */

void helper_answer_deinit(struct helper_answer *a)
{
    buf_deinit(&a->body);
    json_decref(a->json);
    a->json = NULL;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct helper_answer *a = ctx;

    buf_add(&a->body, span_of(bytes, size * count));
    return size * count;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct helper_answer *a = ctx;
    size_t len = strlen(a->header);

    (void)snprintf(a->header + len, sizeof a->header - len, "%.*s", (int)(size * count), bytes);
    return size * count;
}

static CURL *client(struct helper_api *h, const char *path, struct helper_answer *a)
{
    CURL *curl = curl_easy_init();
    char url[4096];

    assert_non_null(curl);
    *a = (struct helper_answer){0};
    buf_init(&a->body, 64 * 1024 * 1024);
    (void)snprintf(url, sizeof url, "http://depesche%s", path);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, h->socket);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
    return curl;
}

static void perform(CURL *curl, struct curl_slist *headers, struct helper_answer *a)
{
    CURLcode rc;
    const char *type = NULL;

    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    rc = curl_easy_perform(curl);
    if (rc != CURLE_OK && rc != CURLE_SEND_ERROR) /* an early refusal may cut the upload short */
        fail_msg("%s", curl_easy_strerror(rc));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    (void)snprintf(a->type, sizeof a->type, "%s", type == NULL ? "" : type);
    a->json = json_loadb((const char *)a->body.ptr, a->body.len, 0, NULL);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

void helper_api_get(struct helper_api *h, const char *path, const char *lang,
                    struct helper_answer *a)
{
    CURL *curl = client(h, path, a);
    char line[256];

    (void)snprintf(line, sizeof line, "Accept-Language: %s", lang == NULL ? "en" : lang);
    perform(curl, lang == NULL ? NULL : curl_slist_append(NULL, line), a);
}

struct upload {
    struct span left;
};

static size_t give_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct upload *u = ctx;
    struct span piece = span_sub(u->left, 0, size * count);

    if (piece.len > 0)
        memcpy(bytes, piece.ptr, piece.len);
    u->left = span_from(u->left, piece.len);
    return piece.len;
}

void helper_api_raw(struct helper_api *h, const char *method, const char *path, const char *type,
                    struct span body, bool chunked, struct helper_answer *a)
{
    CURL *curl = client(h, path, a);
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    struct upload upload = {body};
    char line[512];

    (void)snprintf(line, sizeof line, "Content-Type: %s", type == NULL ? "" : type);
    headers = curl_slist_append(headers, line);
    if (chunked)
        headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    if (!chunked)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
    perform(curl, headers, a);
}

int helper_api_connect(struct helper_api *h)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = 120};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", h->socket);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

void helper_api_bytes(struct helper_api *h, struct span request, struct helper_answer *a)
{
    int fd = helper_api_connect(h);
    char bytes[16 * 1024];
    struct span type, head;
    size_t end;
    ssize_t n = 0;

    *a = (struct helper_answer){0};
    buf_init(&a->body, 64 * 1024 * 1024);
    while (request.len > 0 && (n = send(fd, request.ptr, request.len, MSG_NOSIGNAL)) > 0)
        request = span_from(request, (size_t)n); /* a refusal may cut it short */
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        buf_add(&a->body, span_of(bytes, (size_t)n));
    assert_true(n == 0 || errno == ECONNRESET);
    close(fd);
    end = span_find(buf_span(&a->body), SPAN("\r\n\r\n"));
    if (end == SIZE_MAX || end >= sizeof a->header)
        fail_msg("no answer: '%.*s'", SPAN_FMT(buf_span(&a->body)));
    memcpy(a->header, a->body.ptr, end + 2);
    memmove(a->body.ptr, a->body.ptr + end + 4, a->body.len - end - 4);
    a->body.len -= end + 4;
    (void)sscanf(a->header, "HTTP/1.1 %ld ", &a->status);
    head = span_str(a->header);
    type = span_from(head, span_find(head, SPAN("Content-Type: ")));
    type = span_from(span_sub(type, 0, span_find(type, SPAN("\r\n"))), sizeof "Content-Type: " - 1);
    (void)snprintf(a->type, sizeof a->type, "%.*s", SPAN_FMT(type));
    a->json = json_loadb((const char *)a->body.ptr, a->body.len, 0, NULL);
}

void helper_api_send(struct helper_api *h, const char *meta, const struct helper_part *files,
                     size_t count, struct helper_answer *a)
{
    CURL *curl = client(h, "/v1/messages", a);
    curl_mime *mime = curl_mime_init(curl);
    curl_mimepart *part = curl_mime_addpart(mime);

    assert_non_null(part);
    curl_mime_name(part, "meta");
    curl_mime_type(part, "application/json");
    curl_mime_data(part, meta, CURL_ZERO_TERMINATED);
    for (size_t i = 0; i < count; i++) {
        part = curl_mime_addpart(mime);
        assert_non_null(part);
        curl_mime_name(part, "file");
        curl_mime_filename(part, files[i].name);
        curl_mime_data(part, (const char *)files[i].bytes.ptr, files[i].bytes.len);
    }
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
    perform(curl, curl_slist_append(NULL, "Expect:"), a);
    curl_mime_free(mime);
}

const char *helper_str(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    return text == NULL ? "" : text;
}

void helper_problem_is(const struct helper_answer *a, long status, int code)
{
    char shown[GW_CODE_SIZE];

    if (a->status != status)
        fail_msg("HTTP %ld instead of %ld: %.*s", a->status, status, SPAN_FMT(buf_span(&a->body)));
    assert_string_equal(a->type, "application/problem+json");
    assert_int_equal(json_integer_value(json_object_get(a->json, "status")), status);
    assert_string_equal(helper_str(a->json, "code"), gw_explain_code(code, shown));
    assert_string_equal(helper_str(a->json, "side"), gw_side_name(gw_explain_find(code)->side));
    assert_true(helper_str(a->json, "title")[0] != '\0');
    assert_true(helper_str(a->json, "action")[0] != '\0');
    assert_string_equal(helper_str(a->json, "detail"), helper_str(a->json, "action"));
    assert_null(strchr(helper_str(a->json, "title"), '?')); /* every field is filled in */
}
