#include <curl/curl.h>

#include "conformance/http.h"

#include <stdio.h>

void conf_reply_deinit(struct conf_reply *reply)
{
    buf_deinit(&reply->body);
    *reply = (struct conf_reply){0};
}

static size_t collect(char *bytes, size_t size, size_t count, void *ctx)
{
    struct buf *body = ctx;

    buf_add(body, span_of(bytes, size * count));
    return body->failed ? 0 : size * count;
}

enum status conf_post(struct conf_run *run, const char *url, struct span bytes,
                      struct conf_reply *reply, struct error *err)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: text/xml");
    CURL *curl = curl_easy_init();
    CURLcode rc;
    long status = 0;
    curl_off_t sent = 0;

    *reply = (struct conf_reply){0};
    buf_init(&reply->body, CONF_WIRE_MAX);
    if (curl == NULL || headers == NULL) {
        curl_slist_free_all(headers);
        return error_set(err, ST_INTERNAL, 0, "curl does not start");
    }
    headers = curl_slist_append(headers, "Expect:");
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L); /* OSCI protects itself */
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)run->settings->timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, bytes.ptr);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)bytes.len);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply->body);
    conf_evidence_add(run, "request", bytes);
    rc = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &sent);
    reply->status = rc == CURLE_OK ? (int)status : 0;
    reply->sent_all = sent == (curl_off_t)bytes.len;
    (void)snprintf(reply->why, sizeof reply->why, "%s", curl_easy_strerror(rc));
    if (reply->body.len > 0)
        conf_evidence_add(run, "answer", buf_span(&reply->body));
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return ST_OK;
}
