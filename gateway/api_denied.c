/* Who asked for what he has no right to: for the history. */
#include <pwd.h>
#include <stdio.h>

#include "gateway/api_call.h"
#include "gateway/worker.h"

enum { PASSWD_MAX = 16 * 1024, TEXT_MAX = 400 };

void gw_api_actor(uid_t uid, char actor[static GW_API_ACTOR_SIZE])
{
    char bytes[PASSWD_MAX];
    struct passwd row, *found = NULL;

    if (getpwuid_r(uid, &row, bytes, sizeof bytes, &found) == 0 && found != NULL)
        (void)snprintf(actor, GW_API_ACTOR_SIZE, "api:%lu (%.32s)", (unsigned long)uid,
                       found->pw_name);
    else
        (void)snprintf(actor, GW_API_ACTOR_SIZE, "api:%lu", (unsigned long)uid);
}

struct denial {
    struct gw_api_server *server;
    uid_t uid;
    char what[TEXT_MAX]; /* method and path */
};

static void denial_make(const struct gw_api_call *call, struct denial *d)
{
    const struct gw_http_head *head = gw_http_request_head(call->req);
    struct span method = span_sub(head->method_name, 0, 40), path = span_sub(head->path, 0, 300);

    *d = (struct denial){.server = call->server, .uid = call->uid};
    (void)snprintf(d->what, sizeof d->what, "%.*s %.*s", SPAN_FMT(method), SPAN_FMT(path));
}

static void denial_write(void *ctx)
{
    const struct denial *d = ctx;
    char actor[GW_API_ACTOR_SIZE], en[TEXT_MAX + 64], de[TEXT_MAX + 64];

    gw_api_actor(d->uid, actor);
    (void)snprintf(en, sizeof en, "%s refused: the user has no right to it", d->what);
    (void)snprintf(de, sizeof de, "%s abgelehnt: Der Benutzer hat kein Recht dazu", d->what);
    gw_refusal_say(&d->server->refusals, d->server->rt, actor, GW_R_API_DENIED, en, de);
}

void gw_api_denied(struct gw_api_call *call)
{
    struct denial d;

    denial_make(call, &d);
    denial_write(&d);
}

void gw_api_denied_later(struct gw_api_call *call)
{
    struct denial *d = gw_alloc(sizeof *d);

    denial_make(call, d);
    gw_worker_run(call->server->rt->loop, denial_write, free, d);
}
