/* An XTA request over HTTPS. */
#include <curl/curl.h>

#include "conformance/xta_wire.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conformance/xta_looks.h"

enum { PATH_SIZE = 4096 };

static size_t collect(char *bytes, size_t size, size_t count, void *ctx)
{
    struct buf *body = ctx;

    buf_add(body, span_of(bytes, size * count));
    return body->failed ? 0 : size * count;
}

struct source {
    struct span rest;
};

static size_t supply(char *out, size_t size, size_t count, void *ctx)
{
    struct source *source = ctx;
    struct span head = span_sub(source->rest, 0, size * count);

    memcpy(out, head.ptr, head.len);
    source->rest = span_from(source->rest, head.len);
    return head.len;
}

/* The key pair of who asks. */
static enum status pair_set(CURL *curl, const struct conf_xta_request *q, struct error *err)
{
    char cert[PATH_SIZE], key[PATH_SIZE];
    const char *folder = q->run->settings->keys != NULL ? q->run->settings->keys : ".";

    if (q->who == NULL)
        return ST_OK;
    (void)snprintf(cert, sizeof cert, "%s/%s-tls.pem", folder, q->who);
    (void)snprintf(key, sizeof key, "%s/%s-tls.key", folder, q->who);
    if (access(cert, R_OK) != 0 || access(key, R_OK) != 0)
        return error_set(err, ST_NOT_FOUND, 0, "needs the key pair %s-tls (--keys)", q->who);
    (void)curl_easy_setopt(curl, CURLOPT_SSLCERT, cert); /* curl copies both */
    (void)curl_easy_setopt(curl, CURLOPT_SSLKEY, key);
    return ST_OK;
}

static struct curl_slist *headers_make(const struct conf_xta_request *q)
{
    char line[1200];
    struct curl_slist *headers = NULL;

    (void)snprintf(line, sizeof line, "Content-Type: %s",
                   q->way.type != NULL ? q->way.type : q->content_type);
    headers = curl_slist_append(headers, line);
    headers = curl_slist_append(headers, q->way.expect ? "Expect: 100-continue" : "Expect:");
    if (q->way.chunked)
        headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
    if (q->way.soap11) {
        (void)snprintf(line, sizeof line, "SOAPAction: \"%s\"", q->operation->action);
        headers = curl_slist_append(headers, line);
    }
    return headers;
}

static void options_set(CURL *curl, const struct conf_xta_request *q, const char *url,
                        struct source *source, struct buf *body)
{
    unsigned timeout = q->way.timeout_ms != 0 ? q->way.timeout_ms : q->run->settings->timeout_ms;

    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L); /* the server is what is looked at */
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    if (q->way.tls != 0)
        (void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, q->way.tls);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout);
    (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
    if (q->way.chunked) {
        (void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, supply);
        (void)curl_easy_setopt(curl, CURLOPT_READDATA, source);
    } else {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->wire.ptr);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->wire.len);
    }
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
}

/* As it went over the wire, with the header line that says how to read it. */
static void keep(struct conf_run *run, const char *what, const char *type, struct span bytes)
{
    AUTO(buf_deinit) struct buf all = {0};

    if (run->settings->evidence == NULL)
        return;
    buf_init(&all, CONF_XTA_WIRE_MAX);
    buf_printf(&all, "Content-Type: %s\r\n\r\n", type);
    buf_add(&all, bytes);
    conf_evidence_add(run, what, buf_span(&all));
}

static void perform(CURL *curl, const struct conf_xta_request *q, struct conf_xta_reply *reply)
{
    CURLcode rc;
    long status = 0;
    char *type = NULL;

    keep(q->run, "request", q->content_type, buf_span(&q->wire));
    rc = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    /* a server that has heard enough answers and hangs up while we are still sending */
    reply->status = rc == CURLE_OK || rc == CURLE_SEND_ERROR ? (int)status : 0;
    (void)snprintf(reply->content_type, sizeof reply->content_type, "%s", type != NULL ? type : "");
    (void)snprintf(reply->why, sizeof reply->why, "%s", curl_easy_strerror(rc));
    if (reply->status != 0)
        keep(q->run, "answer", reply->content_type, buf_span(&reply->body));
}

enum status conf_xta_post(struct conf_xta_request *q, struct conf_xta_reply *reply,
                          struct error *err)
{
    const char *url = q->way.url;
    struct source source = {buf_span(&q->wire)};
    struct curl_slist *headers;
    enum status st;
    CURL *curl;

    *reply = (struct conf_xta_reply){.version = q->version};
    buf_init(&reply->body, CONF_XTA_WIRE_MAX);
    if (url == NULL)
        TRY(conf_xta_port(q->run, q->version, q->operation->port, &url, err));
    curl = curl_easy_init();
    headers = headers_make(q);
    if (curl == NULL || headers == NULL)
        st = error_set(err, ST_INTERNAL, 0, "curl does not start");
    else
        st = pair_set(curl, q, err);
    if (st == ST_OK) {
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        options_set(curl, q, url, &source, &reply->body);
        perform(curl, q, reply);
        conf_xta_reply_read(reply);
        conf_xta_look(q, reply);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return st;
}

enum status conf_xta_send(struct conf_xta_request *q, struct conf_xta_reply *reply,
                          struct error *err)
{
    TRY(conf_xta_close(q, err));
    TRY(conf_xta_pack(q, err));
    return conf_xta_post(q, reply, err);
}
