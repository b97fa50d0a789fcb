#include "gateway/target_curl.h"

#include <stdio.h>
#include <string.h>

#include "gateway/key_file.h"

enum {
    CONNECT_MS = 30000,
    SLOW_BYTES_PER_S = 256, /* less for timeout_seconds is silence */
    BYTES_PER_S = 8 * 1024, /* what the whole time of a step is reckoned with */
    HEARD_MAX = 256 * 1024, /* of answers, in one step */
};

/* ---- callbacks ---- */

static size_t on_read(char *out, size_t size, size_t count, void *ctx)
{
    struct gw_target_curl *c = ctx;
    size_t got = 0;

    if (c->body == NULL || c->body_at >= c->body->len)
        return 0;
    if (source_read(c->body, c->body_at, out, size * count, &got, &c->own) != ST_OK)
        return CURL_READFUNC_ABORT;
    if (got == 0) { /* shorter than it was: the rest would be waited for */
        (void)error_set(&c->own, ST_DENIED, GW_R_STORE_DAMAGED, "a file has become shorter");
        return CURL_READFUNC_ABORT;
    }
    c->body_at += got;
    return got;
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct gw_target_curl *c = ctx;

    if (origin != SEEK_SET || offset < 0)
        return CURL_SEEKFUNC_CANTSEEK;
    c->body_at = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* What it answers is looked at line by line, and no more than so much of it. */
static size_t on_line(char *bytes, size_t size, size_t count, void *ctx)
{
    struct gw_target_curl *c = ctx;
    size_t len = size * count, n = 0;

    c->heard += len;
    if (c->heard > HEARD_MAX) {
        (void)error_set(&c->own, ST_RETRY, GW_R_NET_ANSWER, "it says more than %d KB",
                        HEARD_MAX / 1024);
        return 0;
    }
    if (span_trim(span_of(bytes, len)).len == 0 || span_starts(span_of(bytes, len), SPAN("221")))
        return len; /* SMTP's good bye says nothing of the message */
    for (size_t i = 0; i < len && n < sizeof c->said - 1 && bytes[i] != '\r' && bytes[i] != '\n';
         i++)
        c->said[n++] = bytes[i];
    c->said[n] = '\0';
    if (!gw_name_is_printable(span_str(c->said))) /* it goes to logs and receipts */
        for (char *s = c->said; *s != '\0'; s++)
            *s = *s >= ' ' && *s < 0x7f ? *s : '?';
    return len;
}

/* Bodies of answers say nothing that we need. */
static size_t on_answer(char *bytes, size_t size, size_t count, void *ctx)
{
    struct gw_target_curl *c = ctx;

    (void)bytes;
    c->heard += size * count;
    if (c->heard <= HEARD_MAX)
        return size * count;
    (void)error_set(&c->own, ST_RETRY, GW_R_NET_ANSWER, "it says more than %d KB",
                    HEARD_MAX / 1024);
    return 0;
}

static int on_progress(void *ctx, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                       curl_off_t up)
{
    const struct gw_target_curl *c = ctx;

    (void)down_all, (void)down, (void)up_all, (void)up;
    return gw_loop_stopping(c->v->rt->loop);
}

/* ---- before ---- */

enum status gw_target_curl_init(struct gw_target_curl *c, struct gw_target_visit *v,
                                struct error *err)
{
    const int64_t seconds = v->target->conf->timeout_seconds;

    *c = (struct gw_target_curl){.v = v};
    c->easy = curl_easy_init();
    TRY_ALLOC(c->easy, err);
    GW_TARGET_SET(c, CURLOPT_NOSIGNAL, 1L);
    GW_TARGET_SET(c, CURLOPT_ERRORBUFFER, c->text);
    GW_TARGET_SET(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps,sftp,http,https");
    GW_TARGET_SET(c, CURLOPT_FOLLOWLOCATION, 0L);
    GW_TARGET_SET(c, CURLOPT_PROXY, "");
    GW_TARGET_SET(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    GW_TARGET_SET(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)seconds);
    GW_TARGET_SET(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_PER_S);
    GW_TARGET_SET(c, CURLOPT_LOW_SPEED_TIME, (long)seconds);
    GW_TARGET_SET(c, CURLOPT_NOPROGRESS, 0L);
    GW_TARGET_SET(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    GW_TARGET_SET(c, CURLOPT_XFERINFODATA, c);
    GW_TARGET_SET(c, CURLOPT_READFUNCTION, on_read);
    GW_TARGET_SET(c, CURLOPT_READDATA, c);
    GW_TARGET_SET(c, CURLOPT_SEEKFUNCTION, on_seek);
    GW_TARGET_SET(c, CURLOPT_SEEKDATA, c);
    GW_TARGET_SET(c, CURLOPT_HEADERFUNCTION, on_line);
    GW_TARGET_SET(c, CURLOPT_HEADERDATA, c);
    GW_TARGET_SET(c, CURLOPT_WRITEFUNCTION, on_answer);
    GW_TARGET_SET(c, CURLOPT_WRITEDATA, c);
    return ST_OK;
}

void gw_target_curl_lines_end(struct gw_target_curl *c)
{
    curl_slist_free_all(c->list);
    c->list = NULL;
}

void gw_target_curl_deinit(struct gw_target_curl *c)
{
    if (c->easy != NULL)
        curl_easy_cleanup(c->easy);
    gw_target_curl_lines_end(c);
    c->easy = NULL;
}

enum status gw_target_curl_tls(struct gw_target_curl *c, struct error *err)
{
    struct span ca = c->v->target->tls.client.ca_pem;
    struct curl_blob blob = {(void *)(uintptr_t)ca.ptr, ca.len, CURL_BLOB_COPY};

    GW_TARGET_SET(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    GW_TARGET_SET(c, CURLOPT_SSL_VERIFYPEER, 1L);
    GW_TARGET_SET(c, CURLOPT_SSL_VERIFYHOST, 2L);
    if (ca.len == 0)
        return ST_OK;
    GW_TARGET_SET(c, CURLOPT_CAINFO, NULL); /* and no others */
    GW_TARGET_SET(c, CURLOPT_CAPATH, NULL);
    GW_TARGET_SET(c, CURLOPT_CAINFO_BLOB, &blob);
    return ST_OK;
}

enum status gw_target_secret_read(const char *path, struct buf *secret, struct error *err)
{
    if (gw_key_file_line(path, secret, err) != ST_OK) {
        err->reason = GW_R_TARGET_SECRET;
        return err->status = ST_RETRY;
    }
    if (secret->len == 0)
        return error_set(err, ST_RETRY, GW_R_TARGET_SECRET, "%s: its first line is empty", path);
    return ST_OK;
}

enum status gw_target_curl_login(struct gw_target_curl *c, const char *user,
                                 const char *password_file, struct error *err)
{
    AUTO(buf_deinit_secret) struct buf password = {0};

    if (user == NULL)
        return ST_OK;
    GW_TARGET_SET(c, CURLOPT_USERNAME, user);
    if (password_file == NULL)
        return ST_OK;
    TRY(gw_target_secret_read(password_file, &password, err));
    GW_TARGET_SET(c, CURLOPT_PASSWORD, buf_cstr(&password));
    return ST_OK;
}

enum status gw_target_curl_line(struct gw_target_curl *c, const char *line, struct error *err)
{
    struct curl_slist *longer = curl_slist_append(c->list, line);

    TRY_ALLOC(longer, err);
    c->list = longer;
    return ST_OK;
}

/* ---- a step ---- */

const char *gw_target_curl_why(const struct gw_target_curl *c, CURLcode rc)
{
    return c->text[0] != '\0' ? c->text : curl_easy_strerror(rc);
}

long gw_target_curl_code(const struct gw_target_curl *c)
{
    long code = 0;

    (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &code);
    return code;
}

/* Which GW_R_NET_* a failure of curl is; 0: none of the network's. */
static int net_reason(const struct gw_target_curl *c, CURLcode rc)
{
    switch (rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return GW_R_NET_NAME;
    case CURLE_COULDNT_CONNECT:
        return GW_R_NET_REFUSED;
    case CURLE_OPERATION_TIMEDOUT:
        return GW_R_NET_TIMEOUT;
    case CURLE_LOGIN_DENIED:
        return GW_R_NET_LOGIN;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return c->v->target->conf->sftp != NULL ? GW_R_NET_HOST_KEY : GW_R_NET_TLS_TRUST;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED:
        return GW_R_NET_TLS;
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_ABORTED_BY_CALLBACK:
        return GW_R_NET_CUT;
    case CURLE_FAILED_INIT: /* of SSH: not even a greeting that could be read */
        return GW_R_NET_CUT;
    case CURLE_SSH:
        return c->connected ? 0 : GW_R_NET_CUT;
    default:
        return 0;
    }
}

static enum status time_set(struct gw_target_curl *c, struct error *err)
{
    int64_t seconds = c->v->target->conf->timeout_seconds;

    seconds += CONNECT_MS / 1000 + (int64_t)((c->body == NULL ? 0 : c->body->len) / BYTES_PER_S);
    GW_TARGET_SET(c, CURLOPT_TIMEOUT, (long)seconds);
    return ST_OK;
}

enum status gw_target_curl_step(struct gw_target_curl *c, struct source *body, CURLcode *rc,
                                struct error *err)
{
    int reason;

    c->body = body;
    c->body_at = 0;
    c->heard = 0;
    c->own = (struct error){0};
    c->said[0] = c->text[0] = '\0';
    TRY(time_set(c, err));
    GW_TARGET_SET(c, CURLOPT_UPLOAD, body == NULL ? 0L : 1L);
    if (body != NULL)
        GW_TARGET_SET(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body->len);
    *rc = curl_easy_perform(c->easy);
    c->connected |=
        *rc == CURLE_OK || *rc == CURLE_REMOTE_FILE_NOT_FOUND || *rc == CURLE_REMOTE_ACCESS_DENIED;
    c->body = NULL;
    if (c->own.status != ST_OK) {
        *err = c->own;
        return err->status;
    }
    reason = *rc == CURLE_OK ? 0 : net_reason(c, *rc);
    if (reason != 0)
        return error_set(err, ST_RETRY, reason, "%s", gw_target_curl_why(c, *rc));
    return ST_OK;
}
