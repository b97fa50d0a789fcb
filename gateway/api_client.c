#include "gateway/api_client.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "gateway/message_json.h"

enum { CONNECT_SECONDS = 10, ANSWER_SECONDS = 60 };

struct gw_api {
    char *socket;
    enum gw_lang lang;
    CURL *curl;
    struct curl_slist *headers;
    struct buf answer;
    char *advice;
};

enum status gw_api_new(const char *socket, enum gw_lang lang, struct gw_api **api,
                       struct error *err)
{
    AUTO(gw_api_drop) struct gw_api *a = calloc(1, sizeof *a);

    TRY_ALLOC(a, err);
    buf_init(&a->answer, GW_API_ANSWER_MAX);
    a->lang = lang;
    a->socket = strdup(socket);
    a->curl = curl_easy_init();
    a->headers =
        curl_slist_append(NULL, lang == GW_LANG_DE ? "Accept-Language: de" : "Accept-Language: en");
    if (a->headers != NULL && curl_slist_append(a->headers, "Expect:") == NULL) /* no waiting */
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    if (a->socket == NULL || a->curl == NULL || a->headers == NULL)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    *api = TAKE(a);
    return ST_OK;
}

void gw_api_free(struct gw_api *api)
{
    if (api == NULL)
        return;
    curl_slist_free_all(api->headers);
    curl_easy_cleanup(api->curl);
    buf_deinit(&api->answer);
    free(api->advice);
    free(api->socket);
    free(api);
}

const char *gw_api_advice(const struct gw_api *api)
{
    return api->advice;
}

void gw_api_query(struct buf *b, const char *value)
{
    static const char hex[] = "0123456789ABCDEF";

    for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr("-_.~", *c) != NULL;

        if (plain) {
            buf_char(b, (char)*c);
        } else {
            buf_char(b, '%');
            buf_char(b, hex[*c >> 4]);
            buf_char(b, hex[*c & 15]);
        }
    }
}

static size_t answer_take(char *bytes, size_t size, size_t count, void *ctx)
{
    struct buf *b = ctx;

    buf_add(b, span_of(bytes, size * count));
    return b->failed ? 0 : size * count;
}

static enum status status_of(long http)
{
    switch (http) {
    case 400:
        return ST_INVALID;
    case 401:
    case 403:
        return ST_DENIED;
    case 404:
        return ST_NOT_FOUND;
    case 409:
        return ST_DUPLICATE;
    case 413:
        return ST_LIMIT;
    case 429:
    case 503:
        return ST_RETRY;
    default:
        return ST_INTERNAL;
    }
}

/* A problem document, or whatever else came with a bad status. */
static enum status problem_set(struct gw_api *api, long http, const json_t *json, struct error *err)
{
    const char *title = json_string_value(json_object_get(json, "title"));
    const char *advice = json_string_value(json_object_get(json, "detail"));
    const char *text = json_string_value(json_object_get(json, "code"));
    int code = GW_R_UNKNOWN;

    if (title == NULL)
        return error_set(err, ST_INTERNAL, GW_R_API_ANSWER, "HTTP status %ld", http);
    if (advice != NULL)
        api->advice = strdup(advice);
    if (text != NULL)
        (void)gw_explain_code_read(text, &code);
    return error_set(err, status_of(http), code, "%s", title);
}

static enum status transport_error(struct gw_api *api, CURLcode rc, bool sending, struct error *err)
{
    struct stat info;
    const char *detail = curl_easy_strerror(rc);

    if (rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST) {
        if (stat(api->socket, &info) != 0)
            detail = strerror(errno);
        else if (access(api->socket, W_OK) != 0)
            detail = strerror(errno);
        return error_set(err, ST_RETRY, GW_R_API_SOCKET, "%s", detail);
    }
    if (rc == CURLE_READ_ERROR)
        return error_set(err, ST_NOT_FOUND, GW_R_CLI_FILE, "%s", detail);
    return error_set(err, ST_RETRY, sending ? GW_R_API_CUT : GW_R_API_ANSWER, "%s", detail);
}

/* Everything a request needs besides its method and body; runs it and judges the answer, which is
 * JSON unless answer is NULL. */
static enum status perform(struct gw_api *api, const char *path, bool sending, json_t **answer,
                           struct error *err)
{
    AUTO(buf_deinit) struct buf url = {0};
    AUTO(json_drop) json_t *json = NULL;
    CURLcode rc;
    long http = 0;

    buf_init(&url, 8192);
    buf_printf(&url, "http://depesche%s", path);
    buf_reset(&api->answer);
    free(api->advice);
    api->advice = NULL;
    curl_easy_setopt(api->curl, CURLOPT_UNIX_SOCKET_PATH, api->socket);
    curl_easy_setopt(api->curl, CURLOPT_URL, buf_cstr(&url));
    curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, api->headers);
    curl_easy_setopt(api->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(api->curl, CURLOPT_LOW_SPEED_LIMIT, 1L); /* large files may take their time */
    curl_easy_setopt(api->curl, CURLOPT_LOW_SPEED_TIME, (long)ANSWER_SECONDS);
    curl_easy_setopt(api->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(api->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(api->curl, CURLOPT_WRITEFUNCTION, answer_take);
    curl_easy_setopt(api->curl, CURLOPT_WRITEDATA, &api->answer);
    rc = curl_easy_perform(api->curl);
    curl_easy_getinfo(api->curl, CURLINFO_RESPONSE_CODE, &http);
    /* a daemon that refuses early may close before it has read the whole file */
    if (rc != CURLE_OK && !(rc == CURLE_SEND_ERROR && http >= 400))
        return transport_error(api, rc, sending, err);
    json = json_loadb((const char *)api->answer.ptr, api->answer.len, 0, NULL);
    if (http < 200 || http >= 300)
        return problem_set(api, http, json, err);
    if (answer == NULL)
        return ST_OK;
    if (!json_is_object(json))
        return error_set(err, ST_INTERNAL, GW_R_API_ANSWER, "no JSON");
    *answer = TAKE(json);
    return ST_OK;
}

enum status gw_api_get(struct gw_api *api, const char *path, json_t **answer, struct error *err)
{
    curl_easy_reset(api->curl);
    return perform(api, path, false, answer, err);
}

enum status gw_api_bytes(struct gw_api *api, const char *path, struct span *bytes,
                         struct error *err)
{
    curl_easy_reset(api->curl);
    TRY(perform(api, path, false, NULL, err));
    *bytes = buf_span(&api->answer);
    return ST_OK;
}

enum status gw_api_post(struct gw_api *api, const char *path, json_t **answer, struct error *err)
{
    curl_easy_reset(api->curl);
    curl_easy_setopt(api->curl, CURLOPT_POSTFIELDS, "");
    return perform(api, path, true, answer, err);
}

struct progress {
    gw_api_progress fn;
    void *ctx;
};

static int progress_tell(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t total,
                         curl_off_t done)
{
    const struct progress *p = ctx;

    (void)down_total;
    (void)down;
    if (p->fn != NULL && total > 0)
        p->fn(p->ctx, (uint64_t)done, (uint64_t)total);
    return 0;
}

static bool file_add(curl_mime *mime, const char *name, const char *path, struct error *err)
{
    curl_mimepart *part = curl_mime_addpart(mime);

    if (part != NULL && curl_mime_name(part, name) == CURLE_OK &&
        curl_mime_filedata(part, path) == CURLE_OK &&
        curl_mime_type(part, "application/octet-stream") == CURLE_OK)
        return true;
    (void)error_set(err, ST_NOT_FOUND, GW_R_CLI_FILE, "%s", path);
    return false;
}

static bool parts_add(curl_mime *mime, const char *meta, const char *header,
                      const char *const *files, size_t count, struct error *err)
{
    curl_mimepart *part = curl_mime_addpart(mime);

    if (part == NULL || curl_mime_name(part, "meta") != CURLE_OK ||
        curl_mime_type(part, "application/json") != CURLE_OK ||
        curl_mime_data(part, meta, CURL_ZERO_TERMINATED) != CURLE_OK) {
        (void)error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
        return false;
    }
    if (header != NULL && !file_add(mime, "header", header, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!file_add(mime, "file", files[i], err))
            return false;
    return true;
}

enum status gw_api_send(struct gw_api *api, const json_t *meta, const char *header,
                        const char *const *files, size_t count, gw_api_progress progress, void *ctx,
                        json_t **answer, struct error *err)
{
    struct progress p = {progress, ctx};
    AUTO(free_drop) char *text = gw_json_dump(meta, JSON_COMPACT);
    curl_mime *mime;
    enum status st;

    TRY_ALLOC(text, err);
    curl_easy_reset(api->curl);
    mime = curl_mime_init(api->curl);
    TRY_ALLOC(mime, err);
    if (parts_add(mime, text, header, files, count, err)) {
        curl_easy_setopt(api->curl, CURLOPT_MIMEPOST, mime);
        curl_easy_setopt(api->curl, CURLOPT_XFERINFOFUNCTION, progress_tell);
        curl_easy_setopt(api->curl, CURLOPT_XFERINFODATA, &p);
        curl_easy_setopt(api->curl, CURLOPT_NOPROGRESS, 0L);
        st = perform(api, "/v1/messages", true, answer, err);
    } else {
        st = err->status;
    }
    curl_mime_free(mime);
    return st;
}
