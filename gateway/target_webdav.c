/* A folder reached by WebDAV (RFC 4918). */
#include <string.h>

#include "gateway/target_folder.h"

/* What a status says that is none of those the step waits for. */
static enum status judge(long code, struct error *err)
{
    int reason = GW_R_TARGET_REFUSED;
    enum status st = ST_RETRY;

    switch (code) {
    case 401:
    case 407:
        reason = GW_R_NET_LOGIN;
        break;
    case 403:
        reason = GW_R_TARGET_RIGHTS;
        break;
    case 404:
    case 405: /* a server without WebDAV there */
    case 409: /* the folder above is missing */
    case 410:
        reason = GW_R_TARGET_FOLDER;
        break;
    case 507:
        reason = GW_R_TARGET_FULL;
        break;
    case 408:
    case 412:
    case 423:
    case 425:
    case 429:
        reason = GW_R_TARGET_LATER;
        break;
    default:
        if (code >= 300 && code < 400)
            reason = GW_R_TARGET_FOLDER; /* it has moved, and we follow nobody */
        else if (code >= 500 || code < 300)
            reason = GW_R_TARGET_LATER;
        else
            st = ST_DENIED;
    }
    return error_set(err, st, reason, "HTTP status %ld", code);
}

/* One request; *code: its status. */
static enum status request(struct gw_target_place *p, const char *method, const char *url,
                           struct source *body, long *code, struct error *err)
{
    struct gw_target_curl *c = &p->curl;
    enum status st;
    CURLcode rc;

    GW_TARGET_SET(c, CURLOPT_URL, url);
    GW_TARGET_SET(c, CURLOPT_CUSTOMREQUEST, method);
    TRY(gw_target_curl_line(c, "Expect:", err));
    GW_TARGET_SET(c, CURLOPT_HTTPHEADER, c->list);
    st = gw_target_curl_step(c, body, &rc, err);
    *code = gw_target_curl_code(c);
    (void)curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL);
    gw_target_curl_lines_end(c);
    if (*code >= 400) /* said before it hung up on our body */
        return ST_OK;
    TRY(st);
    if (rc != CURLE_OK)
        return error_set(err, ST_RETRY, GW_R_NET_CUT, "%s", gw_target_curl_why(c, rc));
    return ST_OK;
}

static enum status exists(struct gw_target_place *p, const char *url, bool *there,
                          struct error *err)
{
    long code;

    TRY(gw_target_curl_line(&p->curl, "Depth: 0", err));
    TRY(request(p, "PROPFIND", url, NULL, &code, err));
    *there = code == 207;
    return code == 207 || code == 404 ? ST_OK : judge(code, err);
}

static enum status part_make(struct gw_target_place *p, struct error *err)
{
    long code;

    TRY(request(p, "MKCOL", p->part, NULL, &code, err));
    return code == 201 || code == 405 ? ST_OK : judge(code, err); /* 405: it is there */
}

static enum status put(struct gw_target_place *p, const char *url, struct source *bytes,
                       struct error *err)
{
    long code;

    TRY(gw_target_curl_line(&p->curl, "Content-Type: application/octet-stream", err));
    TRY(request(p, "PUT", url, bytes, &code, err));
    return code >= 200 && code < 300 ? ST_OK : judge(code, err);
}

static enum status rename_part(struct gw_target_place *p, struct error *err)
{
    AUTO(buf_deinit) struct buf line = {0};
    long code;

    buf_init(&line, 16 * 1024);
    buf_printf(&line, "Destination: %s", p->folder);
    TRY(buf_check(&line, err));
    TRY(gw_target_curl_line(&p->curl, buf_cstr(&line), err));
    TRY(gw_target_curl_line(&p->curl, "Overwrite: F", err));
    TRY(request(p, "MOVE", p->part, NULL, &code, err));
    return code == 201 || code == 204 ? ST_OK : judge(code, err);
}

static const struct gw_target_verbs verbs = {exists, part_make, put, rename_part};

static enum status deliver(struct gw_target_place *p, struct gw_target_visit *v, struct error *err)
{
    const struct gw_webdav_conf *conf = v->target->conf->webdav;
    struct gw_target_curl *c = &p->curl;

    TRY(gw_target_curl_init(c, v, err));
    TRY(gw_target_curl_tls(c, err));
    GW_TARGET_SET(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    GW_TARGET_SET(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    TRY(gw_target_curl_login(c, conf->user, conf->password_file, err));
    return gw_target_place_fill(p, conf->marker, &verbs, err);
}

enum status gw_target_webdav(struct gw_target_visit *v, struct error *err)
{
    struct gw_target_place p = {0};
    enum status st = deliver(&p, v, err);

    gw_target_curl_deinit(&p.curl);
    return st;
}
