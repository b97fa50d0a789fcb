/*
 * gateway/api_client.h - the command's end of the local interface
 *
 * Speaks HTTP over the daemon's UNIX socket as docs/openapi.yaml describes it, one request at a
 * time, blocking. A problem document becomes an error: its code is err->reason, its title
 * err->text, and what to do stands in gw_api_advice.
 */
#pragma once

#include <jansson.h>

#include "gateway/explain.h"

struct gw_api;

enum { GW_API_ANSWER_MAX = 64 * 1024 * 1024 };

/* done and total in bytes; called now and then while a message is sent. */
typedef void (*gw_api_progress)(void *ctx, uint64_t done, uint64_t total);

/* lang: of the problem documents. curl_global_init is the caller's part. */
MUST_CHECK enum status gw_api_new(const char *socket, enum gw_lang lang, struct gw_api **api,
                                  struct error *err);
void gw_api_free(struct gw_api *api);
DROP_DEFINE(gw_api_drop, struct gw_api, gw_api_free)
DROP_DEFINE(json_drop, json_t, json_decref)

/*
 * GET path ("/v1/status"); *answer is the caller's. ST_RETRY with GW_R_API_SOCKET: nobody answers
 * there. GW_R_API_ANSWER: what came is no JSON. Otherwise what the daemon said: ST_INVALID (400),
 * ST_DENIED (401, 403), ST_NOT_FOUND (404), ST_DUPLICATE (409), ST_LIMIT (413), ST_RETRY (429,
 * 503), ST_INTERNAL (all else).
 */
MUST_CHECK enum status gw_api_get(struct gw_api *api, const char *path, json_t **answer,
                                  struct error *err);
/* GET path as it is, a file say; *bytes are borrowed until the next request. */
MUST_CHECK enum status gw_api_bytes(struct gw_api *api, const char *path, struct span *bytes,
                                    struct error *err);
/* POST path without a body; errors as gw_api_get and GW_R_API_CUT. */
MUST_CHECK enum status gw_api_post(struct gw_api *api, const char *path, json_t **answer,
                                   struct error *err);
/* POST /v1/messages with meta, a header (NULL: none) and files, streamed from disk. GW_R_CLI_FILE:
 * a file cannot be read; GW_R_API_CUT: the connection broke, nobody knows whether the message was
 * taken. */
MUST_CHECK enum status gw_api_send(struct gw_api *api, const json_t *meta, const char *header,
                                   const char *const *files, size_t count, gw_api_progress progress,
                                   void *ctx, json_t **answer, struct error *err);
/* What to do about the last error, as the daemon advises; NULL when it said nothing. Borrowed until
 * the next request. */
const char *gw_api_advice(const struct gw_api *api);
/* value as part of a query, percent-encoded. */
void gw_api_query(struct buf *b, const char *value);
