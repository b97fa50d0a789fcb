/*
 * gateway/api_call.h - one request of the local interface; private to gateway/api*.c
 *
 *   api.c         the listener: path, rights, worker job, answer
 *   api_rights.c  who may do what
 *   api_problem.c problem documents
 *   api_read.c    what is asked: messages, events, files, receipts, status
 *   api_events.c  events, as a page or as a stream: api_stream.c
 *   api_metrics.c metrics and health
 *   api_send.c    POST /v1/messages and /v1/messages/{id}/answer
 *   api_action.c  acknowledged, retried, cancelled, handed over again
 *   api_why.c     what is the matter
 *   api_intermediary.c  our mailboxes, and what a directory is to know of us
 *   api_certificates.c  certificates in use
 *   api_directory.c     the directory of partners
 *   api_routes.c        the table of routes
 *   api_audit.c         whether the history holds; api_backup.c copies of the state
 *
 * A handler runs in a worker. It sets json (or file) and status on ST_OK. On failure it has called
 * gw_api_problem, or returns what went wrong and gw_api_fail finds words for it.
 */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#include "gateway/api.h"
#include "gateway/explain.h"
#include "gateway/http_range.h"
#include "gateway/http_server.h"
#include "gateway/message_json.h"
#include "gateway/refusal.h"
#include "gateway/store_metrics.h"

enum { GW_API_ARENA_MAX = 64 * 1024 * 1024, GW_API_LIMIT_DEFAULT = 100, GW_API_BODY_MAX = 4096 };

struct gw_api_stream; /* api_stream.c */

/* One right: of a uid for an endpoint; endpoint NULL: for everything. */
struct gw_api_right {
    uid_t uid;
    const struct gw_endpoint_conf *endpoint;
};

struct gw_api_rights {
    struct gw_api_right *rows;
    size_t count;
};

struct gw_api_server {
    struct gw_runtime *rt;
    struct gw_http_server *http;
    struct gw_lanes *lanes;
    const struct gw_osci_server *osci; /* NULL: not an intermediary */
    struct gw_requests *requests;      /* NULL: nobody here answers requests */
    const struct gw_reload *reload;    /* NULL: the settings stay as they are */
    struct gw_api_rights rights;
    struct gw_refusals refusals;
    int64_t started_at;
    uint64_t upload_max;
    struct gw_api_stream *streams; /* open ones; these four are the loop's */
    size_t stream_count;
    struct gw_timer *stream_timer;
    bool stopping;
    atomic_bool wake_posted;
    atomic_ullong answers[6]; /* by the first digit of their status */
    /* what has happened since somebody first asked: api_metrics.c */
    pthread_mutex_t happened_lock;
    struct gw_event_count *happened;
    size_t happened_count;
    int64_t happened_seq; /* counted up to here */
    bool happened_begun;
};

struct gw_api_call;

struct gw_api_route {
    enum gw_http_method method;
    const char *pattern; /* "/v1/messages/{}/files/{}" */
    enum status (*run)(struct gw_api_call *call, struct error *err);
    const char *const *params; /* of the query; NULL-terminated, or NULL: none */
    bool upload;               /* otherwise a body has GW_API_BODY_MAX bytes at most */
};

struct gw_api_call {
    struct gw_api_server *server;
    struct gw_http_request *req;
    const struct gw_api_route *route;
    struct span args[2]; /* what stood for {} in the path; lives in the request */
    uid_t uid;
    bool admin;
    enum gw_lang lang;
    int64_t began;
    struct gw_body *body;
    struct arena arena;
    /* what the handler made: */
    int status;
    json_t *json;
    const char *field; /* a further header field, NULL: none */
    char field_value[80];
    struct gw_file_source file;
    bool has_file;
    struct gw_http_portion portion; /* of the file */
    char etag[2 * GW_SHA256_BYTES + 3];
    struct buf disposition;
    struct buf text; /* instead of json, when has_text */
    bool has_text;
    struct gw_api_stream *stream; /* the answer stays open; NULL: it does not */
    /* why it did not: */
    int reason;
    struct error why;
    struct buf title, action;
};

/* Who may do everything is an admin; may: for this endpoint (NULL: messages of none), any: at all.
 */
MUST_CHECK enum status gw_api_rights_load(struct gw_api_rights *rights,
                                          const struct gw_config *conf, struct error *err);
/* Whose the socket is to be. ST_INVALID: nobody of that name. */
MUST_CHECK enum status gw_api_owner_load(const struct gw_api_conf *conf,
                                         struct gw_http_owner *owner, struct error *err);
void gw_api_rights_deinit(struct gw_api_rights *rights);
bool gw_api_is_admin(const struct gw_api_rights *rights, uid_t uid);
bool gw_api_may(const struct gw_api_rights *rights, uid_t uid, const char *endpoint);
bool gw_api_may_any(const struct gw_api_rights *rights, uid_t uid);
/* Has the user to do with this tenant? NULL: what belongs to nobody. Where there is only one tenant
 * everybody has. */
bool gw_api_may_tenant(const struct gw_api_rights *rights, const struct gw_config *conf, uid_t uid,
                       const char *tenant);
/* The next endpoint of this user; *at begins with 0. NULL: no further one. */
const char *gw_api_endpoint_next(const struct gw_api_rights *rights, uid_t uid, size_t *at);

/* Worker: who he is, for log and history: "api:1000 (meier)". */
enum { GW_API_ACTOR_SIZE = 64 };
void gw_api_actor(uid_t uid, char actor[static GW_API_ACTOR_SIZE]);
/* Who has no right to what he asked for goes into the history: any thread, and worker. */
void gw_api_denied_later(struct gw_api_call *call);
void gw_api_denied(struct gw_api_call *call);

/* The problem document, in the caller's language. Values are copied. Returns ST_DENIED. */
enum status gw_api_problem(struct gw_api_call *call, int status, int reason, struct error *err,
                           const struct gw_explain_field *fields, size_t count);
/* With one field, as most have. */
enum status gw_api_problem_of(struct gw_api_call *call, int status, int reason, struct error *err,
                              const char *name, const char *value);
/* 413, with how large a body may be here. */
enum status gw_api_problem_size(struct gw_api_call *call, struct error *err);
/* Words for a failure that no handler found any for: mostly the disk's, or our own. */
void gw_api_problem_make(struct gw_api_call *call);
/* For what the HTTP server refuses by itself. */
void gw_api_problem_http(struct gw_api_call *call, int status, const struct error *why);
json_t *gw_api_problem_json(const struct gw_api_call *call);
/* 403 for this endpoint; NULL: for all of them. */
enum status gw_api_problem_denied(struct gw_api_call *call, const char *endpoint,
                                  struct error *err);

/* The decoded value of a query parameter in the arena, NULL when it is not there. */
MUST_CHECK enum status gw_api_param(struct gw_api_call *call, const char *name, const char **value,
                                    struct error *err);

/* 400, naming what is wrong. */
enum status gw_api_bad(struct gw_api_call *call, const char *detail, struct error *err);
/* limit=1...1000, otherwise 100. */
MUST_CHECK enum status gw_api_param_limit(struct gw_api_call *call, size_t *limit,
                                          struct error *err);
/* RFC 3339, or a day, which begins at midnight in UTC; 0 when it is not there. */
MUST_CHECK enum status gw_api_param_time(struct gw_api_call *call, const char *name, int64_t *ms,
                                         struct error *err);
/* 200 with {key: array}; takes the array. */
MUST_CHECK enum status gw_api_array(struct gw_api_call *call, const char *key, json_t *array,
                                    struct error *err);
MUST_CHECK enum status gw_api_events_append(json_t *all, const struct gw_event_list *list,
                                            struct error *err);

/* A certificate with all that a registrar asks for; NULL: no memory. */
json_t *gw_api_certificate_json(const struct cert *cert);
/* What hinders the letters about certificates that end; null: nothing, or no admin. */
json_t *gw_api_calendar_mail_json(struct gw_api_call *call, struct gw_tx *tx);
/* Which certificates have ended or do so within 30 days, for the status; null for others than
 * admins. Takes mail. Reads all files with certificates: hold no view of the store. */
json_t *gw_api_ending_json(struct gw_api_call *call, json_t *mail);

enum status gw_api_messages(struct gw_api_call *call, struct error *err);
enum status gw_api_message(struct gw_api_call *call, struct error *err);
enum status gw_api_message_events(struct gw_api_call *call, struct error *err);
enum status gw_api_message_why(struct gw_api_call *call, struct error *err);
enum status gw_api_why(struct gw_api_call *call, struct error *err);
enum status gw_api_message_file(struct gw_api_call *call, struct error *err);
enum status gw_api_message_receipt(struct gw_api_call *call, struct error *err);
enum status gw_api_events(struct gw_api_call *call, struct error *err);
enum status gw_api_audit(struct gw_api_call *call, struct error *err);
enum status gw_api_backup(struct gw_api_call *call, struct error *err);
enum status gw_api_status(struct gw_api_call *call, struct error *err);
enum status gw_api_metrics(struct gw_api_call *call, struct error *err);
enum status gw_api_health(struct gw_api_call *call, struct error *err);
enum status gw_api_mailboxes(struct gw_api_call *call, struct error *err);
enum status gw_api_intermediary(struct gw_api_call *call, struct error *err);
enum status gw_api_certificates(struct gw_api_call *call, struct error *err);
enum status gw_api_outlook(struct gw_api_call *call, struct error *err);
enum status gw_api_directory(struct gw_api_call *call, struct error *err);
enum status gw_api_routes(struct gw_api_call *call, struct error *err);
enum status gw_api_fetch(struct gw_api_call *call, struct error *err);
enum status gw_api_release(struct gw_api_call *call, struct error *err);
enum status gw_api_doctor(struct gw_api_call *call, struct error *err);
enum status gw_api_reload(struct gw_api_call *call, struct error *err);
enum status gw_api_discard(struct gw_api_call *call, struct error *err);
enum status gw_api_ack(struct gw_api_call *call, struct error *err);
enum status gw_api_retry(struct gw_api_call *call, struct error *err);
enum status gw_api_cancel(struct gw_api_call *call, struct error *err);
enum status gw_api_redeliver(struct gw_api_call *call, struct error *err);
enum status gw_api_send_message(struct gw_api_call *call, struct error *err);
enum status gw_api_send_answer(struct gw_api_call *call, struct error *err);

void gw_api_metrics_init(struct gw_api_server *server);
void gw_api_metrics_deinit(struct gw_api_server *server);

/*
 * A stream of events behind filter->after, for a caller of these rights; what it needs of the
 * filter is copied. NULL: out of memory. On the loop: is there room for call->stream, and begin it,
 * instead of an answer; it is the streams' own then.
 */
struct gw_api_stream *gw_api_stream_new(const struct gw_api_call *call,
                                        const struct gw_event_filter *filter);
bool gw_api_stream_room(const struct gw_api_call *call);
void gw_api_stream_begin(struct gw_api_call *call);
void gw_api_stream_free(struct gw_api_stream *stream); /* one that has not begun, or NULL */
/* Starts and ends what all streams have in common. */
void gw_api_streams_open(struct gw_api_server *server);
void gw_api_streams_close(struct gw_api_server *server);
enum { GW_API_STREAMS_MAX = 32, GW_API_STREAMS_EACH = 16 }; /* altogether; of one user */

/* The message that the path names. What the caller has no right to does not exist for him. */
MUST_CHECK enum status gw_api_message_find(struct gw_api_call *call, struct gw_tx *tx,
                                           struct gw_message_row *row, struct error *err);
