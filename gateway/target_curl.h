/*
 * gateway/target_curl.h - one conversation with a target by libcurl, from a lane
 *
 * A blocking easy handle, which keeps its connection from one step to the next. Everything the
 * other side controls has a bound: the time to connect, silence, the whole time (by the bytes we
 * have to bring), what it may say. When the gateway stops, so does the step. Certificates and host
 * keys are always checked, redirections never followed, no proxy is asked
 * (docs/decisions/0081-blocking-curl.md).
 */
#pragma once

#include <curl/curl.h>

#include "gateway/target.h"

struct gw_target_curl {
    const struct gw_target_visit *v;
    CURL *easy;
    struct source *body; /* what this step brings, borrowed; NULL: nothing */
    uint64_t body_at;
    char said[512];   /* the last line that it answered with, in a step; no line end */
    size_t heard;     /* bytes of all its answers, in a step */
    bool connected;   /* it has answered since */
    struct error own; /* why a callback of ours gave up */
    char text[CURL_ERROR_SIZE];
    struct curl_slist *list; /* commands of SFTP, header fields of HTTP, recipients of SMTP */
};

MUST_CHECK enum status gw_target_curl_init(struct gw_target_curl *c, struct gw_target_visit *v,
                                           struct error *err);
void gw_target_curl_deinit(struct gw_target_curl *c); /* for AUTO; zeroed is fine */

/* TLS as the target's settings believe. */
MUST_CHECK enum status gw_target_curl_tls(struct gw_target_curl *c, struct error *err);
/* user may be NULL: no login. password_file: its first line is the password. */
MUST_CHECK enum status gw_target_curl_login(struct gw_target_curl *c, const char *user,
                                            const char *password_file, struct error *err);
/* One more for the list, whose lines a step has in common; empty again afterwards. */
MUST_CHECK enum status gw_target_curl_line(struct gw_target_curl *c, const char *line,
                                           struct error *err);
void gw_target_curl_lines_end(struct gw_target_curl *c);

/*
 * One step, with body (NULL: none) going up. *rc: what curl says, CURLE_OK or not; whoever knows
 * the protocol judges it. ST_RETRY: there is nothing to judge, the network says no: err has
 * GW_R_NET_*. ST_DENIED: our own file cannot be read.
 */
MUST_CHECK enum status gw_target_curl_step(struct gw_target_curl *c, struct source *body,
                                           CURLcode *rc, struct error *err);
/* Of HTTP or SMTP, in this step; 0: none. */
long gw_target_curl_code(const struct gw_target_curl *c);
/* What curl or the other side has to say about the step. */
const char *gw_target_curl_why(const struct gw_target_curl *c, CURLcode rc);

/* The first line of a file, for whoever needs a secret; wipe it (buf_deinit_secret). ST_RETRY,
 * GW_R_TARGET_SECRET: it cannot be read, or is empty. */
MUST_CHECK enum status gw_target_secret_read(const char *path, struct buf *secret,
                                             struct error *err);

#define GW_TARGET_SET(c, option, value)                                                            \
    do {                                                                                           \
        CURLcode set_ = curl_easy_setopt((c)->easy, option, value);                                \
        if (set_ != CURLE_OK)                                                                      \
            return error_set(err, ST_INTERNAL, 0, "curl refuses " #option ": %s",                  \
                             curl_easy_strerror(set_));                                            \
    } while (0)
