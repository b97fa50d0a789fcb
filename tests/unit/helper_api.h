/*
 * helper_api.h - the local API on a socket in a temporary folder, over a real store
 *
 * Town A with the endpoints meldewesen and kasse and the partner Stadt Beheim; no lanes. The loop
 * runs in a thread of its own; the test is the client. All of it fails the running test when
 * something goes wrong.
 */
#pragma once

#include <jansson.h>
#include <pthread.h>

#include "gateway/api_call.h"
#include "helper_store.h"

/* Who the caller is; by changing the rights of the uid that the test has anyway. */
enum helper_user {
    HELPER_ADMIN,
    HELPER_ONE,  /* a user of meldewesen */
    HELPER_TWO,  /* a user of kasse */
    HELPER_BOTH, /* a user of meldewesen and kasse */
    HELPER_NOBODY,
};

struct helper_api {
    struct helper_store store;
    const struct gw_config *conf;
    struct gw_config_report report;
    struct gw_loop *loop;
    struct gw_runtime rt;
    struct gw_peer peer;
    struct gw_partner partner;
    struct gw_api_server *server;
    pthread_t thread;
    bool running;
    char socket[100]; /* what fits an address */
};

/* cmocka setup and teardown: *state is a struct helper_api, up and running, as an admin. */
int helper_api_setup(void **state);
int helper_api_teardown(void **state);
/* For a stale socket: the folder and the store alone, then the rest. */
struct helper_api *helper_api_new(void);
void helper_api_start(struct helper_api *h);
void helper_api_stop(struct helper_api *h);
void helper_api_free(struct helper_api *h);
/* While no request is running. */
void helper_api_be(struct helper_api *h, enum helper_user user);

struct helper_answer {
    long status;
    char type[64], header[4096];
    struct buf body;
    json_t *json; /* NULL: it is none */
};
void helper_answer_deinit(struct helper_answer *a); /* for AUTO too */

/* One request. lang: Accept-Language, or NULL. */
void helper_api_get(struct helper_api *h, const char *path, const char *lang,
                    struct helper_answer *a);
/* method with a body as it stands; type NULL: none. chunked: without announcing the length. */
void helper_api_raw(struct helper_api *h, const char *method, const char *path, const char *type,
                    struct span body, bool chunked, struct helper_answer *a);
/* These bytes as they stand; the answer as it stands until the connection ends, so the request says
 * Connection: close, or breaks something. Of several answers the first one's head, all else is
 * body.
 */
void helper_api_bytes(struct helper_api *h, struct span request, struct helper_answer *a);
/* A connection of one's own. */
int helper_api_connect(struct helper_api *h);
/* POST /v1/messages as curl writes it: meta, then each file as name and bytes. */
struct helper_part {
    const char *name;
    struct span bytes;
};
void helper_api_send(struct helper_api *h, const char *meta, const struct helper_part *files,
                     size_t count, struct helper_answer *a);
/* A member that is a string, "" when it is none. */
const char *helper_str(const json_t *json, const char *key);
/* A problem document of this HTTP status and reason, with all its texts filled in. */
void helper_problem_is(const struct helper_answer *a, long status, int code);
