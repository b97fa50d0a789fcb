/* A folder reached by SFTP: libcurl's, and so libssh2's. */
#include <string.h>

#include "gateway/target_folder.h"

/* What came of a step, where the network is not to blame. */
static enum status judge(const struct gw_target_curl *c, CURLcode rc, struct error *err)
{
    int reason = GW_R_TARGET_LATER;

    if (rc == CURLE_OK)
        return ST_OK;
    if (rc == CURLE_REMOTE_ACCESS_DENIED)
        reason = GW_R_TARGET_RIGHTS;
    else if (rc == CURLE_REMOTE_FILE_NOT_FOUND)
        reason = GW_R_TARGET_FOLDER;
    else if (rc == CURLE_REMOTE_DISK_FULL)
        reason = GW_R_TARGET_FULL;
    return error_set(err, ST_RETRY, reason, "%s", gw_target_curl_why(c, rc));
}

static enum status step(struct gw_target_place *p, const char *url, bool transfer,
                        struct source *body, CURLcode *rc, struct error *err)
{
    struct gw_target_curl *c = &p->curl;
    enum status st;

    GW_TARGET_SET(c, CURLOPT_URL, url);
    GW_TARGET_SET(c, CURLOPT_NOBODY, transfer ? 0L : 1L);
    GW_TARGET_SET(c, CURLOPT_QUOTE, c->list);
    st = gw_target_curl_step(c, body, rc, err);
    gw_target_curl_lines_end(c);
    (void)curl_easy_setopt(c->easy, CURLOPT_QUOTE, NULL);
    return st;
}

static enum status exists(struct gw_target_place *p, const char *url, bool *there,
                          struct error *err)
{
    CURLcode rc;

    GW_TARGET_SET(&p->curl, CURLOPT_DIRLISTONLY, 1L);
    TRY(step(p, url, true, NULL, &rc, err));
    *there = rc == CURLE_OK;
    return rc == CURLE_REMOTE_FILE_NOT_FOUND ? ST_OK : judge(&p->curl, rc, err);
}

/*
 * The path of an address as the commands of libcurl want it: unescaped, in quotes, without a '/'
 * at its end. The settings take no quotes, no backslashes and nothing that a shell would expand.
 */
static enum status path_add(struct buf *b, const char *address, struct error *err)
{
    CURLU *url = curl_url();
    char *path = NULL;
    struct span s;
    bool good = url != NULL && curl_url_set(url, CURLUPART_URL, address, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_PATH, &path, CURLU_URLDECODE) == CURLUE_OK;

    if (good) {
        s = span_str(path);
        if (span_starts(s, SPAN("/~/")))
            s = span_from(s, 3); /* from where the user's session begins */
        if (span_ends(s, SPAN("/")))
            s.len--;
        good = memchr(s.ptr, '"', s.len) == NULL && memchr(s.ptr, '\\', s.len) == NULL;
        buf_printf(b, " \"%.*s\"", SPAN_FMT(s));
    }
    curl_free(path);
    curl_url_cleanup(url);
    return good ? buf_check(b, err)
                : error_set(err, ST_INTERNAL, 0, "%s is no usable address", address);
}

/* A command of libcurl's with one path or two. */
static enum status command(struct gw_target_place *p, const char *verb, const char *a,
                           const char *b, CURLcode *rc, struct error *err)
{
    AUTO(buf_deinit) struct buf line = {0};

    buf_init(&line, 16 * 1024);
    buf_str(&line, verb);
    TRY(path_add(&line, a, err));
    if (b != NULL)
        TRY(path_add(&line, b, err));
    TRY(gw_target_curl_line(&p->curl, buf_cstr(&line), err));
    return step(p, p->folder, false, NULL, rc, err);
}

static enum status part_make(struct gw_target_place *p, struct error *err)
{
    CURLcode rc;

    TRY(command(p, "*mkdir", p->part, NULL, &rc, err)); /* *: it may be there */
    return judge(&p->curl, rc, err);
}

static enum status put(struct gw_target_place *p, const char *url, struct source *bytes,
                       struct error *err)
{
    CURLcode rc;

    TRY(step(p, url, true, bytes, &rc, err));
    return judge(&p->curl, rc, err);
}

static enum status rename_part(struct gw_target_place *p, struct error *err)
{
    CURLcode rc;

    TRY(command(p, "rename", p->part, p->folder, &rc, err));
    return judge(&p->curl, rc, err);
}

static const struct gw_target_verbs verbs = {exists, part_make, put, rename_part};

/* Nothing but the key that is known. */
static int on_key(CURL *easy, const struct curl_khkey *known, const struct curl_khkey *found,
                  enum curl_khmatch match, void *ctx)
{
    struct gw_target_curl *c = ctx;

    (void)easy, (void)known, (void)found;
    if (match == CURLKHMATCH_OK)
        return CURLKHSTAT_FINE;
    (void)error_set(&c->own, ST_RETRY, GW_R_NET_HOST_KEY, "%s in %s",
                    match == CURLKHMATCH_MISMATCH ? "there is another one" : "there is none",
                    c->v->target->conf->sftp->known_hosts);
    return CURLKHSTAT_REJECT;
}

static enum status key_set(struct gw_target_curl *c, const struct gw_sftp_conf *conf,
                           struct error *err)
{
    AUTO(buf_deinit_secret) struct buf passphrase = {0};

    if (access(conf->key, R_OK) != 0)
        return error_set(err, ST_RETRY, GW_R_TARGET_SECRET, "%s: not readable", conf->key);
    GW_TARGET_SET(c, CURLOPT_SSH_AUTH_TYPES, (long)CURLSSH_AUTH_PUBLICKEY);
    GW_TARGET_SET(c, CURLOPT_SSH_PRIVATE_KEYFILE, conf->key);
    if (conf->passphrase_file == NULL)
        return ST_OK;
    TRY(gw_target_secret_read(conf->passphrase_file, &passphrase, err));
    GW_TARGET_SET(c, CURLOPT_KEYPASSWD, buf_cstr(&passphrase));
    return ST_OK;
}

static enum status deliver(struct gw_target_place *p, struct gw_target_visit *v, struct error *err)
{
    const struct gw_sftp_conf *conf = v->target->conf->sftp;
    struct gw_target_curl *c = &p->curl;

    TRY(gw_target_curl_init(c, v, err));
    GW_TARGET_SET(c, CURLOPT_SSH_KNOWNHOSTS, conf->known_hosts);
    GW_TARGET_SET(c, CURLOPT_SSH_KEYFUNCTION, on_key);
    GW_TARGET_SET(c, CURLOPT_SSH_KEYDATA, c);
    TRY(gw_target_curl_login(c, conf->user, conf->password_file, err));
    if (conf->key != NULL)
        TRY(key_set(c, conf, err));
    else
        GW_TARGET_SET(c, CURLOPT_SSH_AUTH_TYPES,
                      (long)(CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD));
    return gw_target_place_fill(p, conf->marker, &verbs, err);
}

enum status gw_target_sftp(struct gw_target_visit *v, struct error *err)
{
    struct gw_target_place p = {0};
    enum status st = deliver(&p, v, err);

    gw_target_curl_deinit(&p.curl);
    return st;
}
