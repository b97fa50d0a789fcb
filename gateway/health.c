#include "gateway/health.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "certs/identity.h"
#include "crypto/key_away.h"
#include "gateway/keys_away.h"
#include "gateway/message_json.h"
#include "gateway/payload.h"
#include "gateway/reason.h"
#include "gateway/token.h"

enum { TEXT_MAX = 4096 };

static struct gw_health_check *begin(struct gw_health *health, size_t i, const char *name)
{
    health->checks[i] = (struct gw_health_check){.name = name, .good = true};
    return &health->checks[i];
}

static void bad(struct gw_health_check *check, int reason)
{
    check->good = false;
    check->reason = check->why.reason != 0 && gw_explain_knows(check->why.reason)
                        ? check->why.reason
                    : check->why.cause != 0 ? check->why.cause
                                            : reason;
}

/* A commit of its own, and a file: nothing else proves that both are possible. */
static void store_look(const struct gw_runtime *rt, struct gw_health_check *check)
{
    enum status st =
        gw_store_commit_meta_ms(rt->store, "health.looked_at", gw_now_ms(), &check->why);

    if (st == ST_OK)
        st = gw_payload_try(rt->store, &check->why);
    if (st != ST_OK)
        bad(check, st == ST_LIMIT ? GW_R_STORE_FULL : GW_R_STORE_WRITE);
}

static void disk_look(const struct gw_runtime *rt, struct gw_health_check *check)
{
    const uint64_t floor = (uint64_t)GW_HEALTH_DISK_MIN_MB << 20;

    if (gw_disk_room(gw_store_dir(rt->store), floor, &check->why) != ST_OK)
        bad(check, GW_R_STORE_FULL);
}

static void day_write(int64_t ms, char text[32])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL || strftime(text, 32, "%Y-%m-%d", &tm) == 0)
        text[0] = '\0';
}

static void certificate_look(const struct cert *cert, int64_t now, struct gw_health_check *check)
{
    int64_t from = cert_not_before(cert), until = cert_not_after(cert);

    if (!check->good || (from <= now && now <= until))
        return;
    (void)snprintf(check->subject, sizeof check->subject, "%s", cert_subject(cert));
    day_write(now < from ? from : until, check->day);
    bad(check, now < from ? GW_R_CERT_NOT_YET : GW_R_CERT_EXPIRED);
}

/* ---- keys ---- */

static void file_look(const char *path, struct gw_health_check *check)
{
    AUTO(fd_drop) int fd = -1;
    char byte;
    ssize_t n = -1;

    if (path == NULL || gw_token_is(path) || !check->good)
        return;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        n = read(fd, &byte, 1);
    if (n == 1)
        return;
    check->path = path;
    (void)error_set(&check->why, ST_DENIED, GW_R_KEY_UNREADABLE, "%s",
                    n == 0 ? "it is empty" : strerror(errno));
    bad(check, GW_R_KEY_UNREADABLE);
}

static void pairs_look(const struct gw_pair_conf *pairs, size_t count,
                       struct gw_health_check *check)
{
    for (size_t i = 0; pairs != NULL && i < count; i++) {
        file_look(pairs[i].pkcs12, check);
        file_look(pairs[i].certificate, check);
        file_look(pairs[i].key, check);
        file_look(pairs[i].passphrase_file, check);
    }
}

static void away_look(void *ctx, const char *name, const struct identity_pair *pair)
{
    struct gw_health_check *check = ctx;

    (void)name;
    if (check->good && key_try(pair->key, &check->why) != ST_OK)
        bad(check, check->why.cause != 0 ? check->why.cause : GW_R_TOKEN_FAILED);
}

static void keys_look(const struct gw_runtime *rt, struct gw_health_check *check)
{
    for (size_t i = 0; i < rt->tenant_count; i++) {
        const struct gw_identity_conf *conf = &rt->tenants[i].conf->identity;

        pairs_look(&conf->signature, 1, check);
        pairs_look(&conf->cipher, 1, check);
        pairs_look(conf->older_ciphers, conf->older_ciphers_count, check);
        for (unsigned k = 0; k < conf->next_count; k++) {
            pairs_look(conf->next[k].signature, 1, check);
            pairs_look(conf->next[k].cipher, 1, check);
        }
    }
    for (unsigned i = 0; i < rt->conf->endpoints_count; i++)
        pairs_look(rt->conf->endpoints[i].authors, rt->conf->endpoints[i].authors_count, check);
    for (size_t i = 0; i < rt->peer_count; i++)
        pairs_look(rt->peers[i].conf->tls, 1, check);
    for (size_t i = 0; i < rt->xta_peer_count; i++)
        pairs_look(rt->xta_peers[i].conf->tls, 1, check);
    gw_keys_away(rt, away_look, check);
}

/* ---- the loop ---- */

/* Outlives the waiting: whoever comes last frees it. */
struct echo {
    pthread_mutex_t lock;
    pthread_cond_t heard;
    bool answered, given_up;
};

static void echo_free(struct echo *e)
{
    pthread_cond_destroy(&e->heard);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

static void on_loop(void *ctx)
{
    struct echo *e = ctx;
    bool mine;

    pthread_mutex_lock(&e->lock);
    e->answered = true;
    mine = e->given_up;
    pthread_cond_signal(&e->heard);
    pthread_mutex_unlock(&e->lock);
    if (mine)
        echo_free(e);
}

static void loop_look(const struct gw_runtime *rt, struct gw_health_check *check)
{
    struct echo *e = gw_alloc(sizeof *e);
    pthread_condattr_t monotonic;
    struct timespec until;
    bool answered;
    int rc = 0;

    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&e->heard, &monotonic);
    pthread_condattr_destroy(&monotonic);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += GW_HEALTH_SLOW_MS / 1000;
    gw_loop_post(rt->loop, on_loop, e);
    pthread_mutex_lock(&e->lock);
    while (!e->answered && rc == 0)
        rc = pthread_cond_timedwait(&e->heard, &e->lock, &until);
    answered = e->answered;
    e->given_up = !answered;
    pthread_mutex_unlock(&e->lock);
    if (answered) {
        echo_free(e);
        return;
    }
    (void)error_set(&check->why, ST_RETRY, 0, "the event loop did not answer within %d ms",
                    GW_HEALTH_SLOW_MS);
    bad(check, GW_R_OVERLOADED);
}

static void workers_look(int64_t waited_ms, struct gw_health_check *check)
{
    if (waited_ms <= GW_HEALTH_SLOW_MS)
        return;
    (void)error_set(&check->why, ST_RETRY, 0, "no worker had time for %lld ms",
                    (long long)waited_ms);
    bad(check, GW_R_OVERLOADED);
}

/* As their threads have found them: a share that hangs must not hang us, too. */
static void folders_look(const struct gw_runtime *rt, struct gw_health_check *check)
{
    for (unsigned i = 0; rt->folder_reasons != NULL && i < rt->conf->endpoints_count; i++) {
        int reason = rt->folder_reasons[i];

        if (reason == 0)
            continue;
        check->folder = rt->conf->endpoints[i].folder;
        (void)error_set(&check->why, ST_DENIED, reason, "endpoint %s", rt->conf->endpoints[i].name);
        bad(check, reason);
        return;
    }
}

void gw_health_look(const struct gw_runtime *rt, int64_t waited_ms, struct gw_health *health)
{
    struct gw_health_check *certificates;
    int64_t now = gw_now_ms();

    store_look(rt, begin(health, 0, "store"));
    disk_look(rt, begin(health, 1, "disk"));
    certificates = begin(health, 2, "certificates");
    for (size_t i = 0; i < rt->tenant_count; i++) {
        certificate_look(identity_signature(rt->tenants[i].identity, now)->cert, now, certificates);
        certificate_look(identity_cipher(rt->tenants[i].identity, now)->cert, now, certificates);
    }
    workers_look(waited_ms, begin(health, 3, "workers"));
    loop_look(rt, begin(health, 4, "loop"));
    folders_look(rt, begin(health, 5, "folders"));
    keys_look(rt, begin(health, 6, "keys"));
    health->good = true;
    for (size_t i = 0; i < GW_HEALTH_CHECKS; i++)
        health->good = health->good && health->checks[i].good;
}

static json_t *check_json(const struct gw_runtime *rt, const struct gw_health_check *check)
{
    const struct gw_explain_field fields[] = {
        {"path", check->path == NULL ? rt->conf->state : check->path},
        {"folder", check->folder},
        {"detail", check->why.text},
        {"subject", check->subject},
        {"until", check->day},
        {"from", check->day}};
    AUTO(buf_deinit) struct buf en = {0}, de = {0};
    json_t *json = json_object();

    gw_json_put(&json, "name", json_string(check->name));
    gw_json_put(&json, "good", json_boolean(check->good));
    if (check->good)
        return json;
    buf_init(&en, TEXT_MAX);
    buf_init(&de, TEXT_MAX);
    gw_explain_what(&en, check->reason, GW_LANG_EN, fields, ARRAY_LEN(fields));
    gw_explain_what(&de, check->reason, GW_LANG_DE, fields, ARRAY_LEN(fields));
    gw_json_put(&json, "trouble", gw_json_trouble(check->reason, buf_cstr(&en), buf_cstr(&de)));
    return json;
}

json_t *gw_health_json(const struct gw_runtime *rt, const struct gw_health *health)
{
    json_t *json = json_object(), *all = json_array();

    for (size_t i = 0; i < GW_HEALTH_CHECKS; i++)
        gw_json_append(&all, check_json(rt, &health->checks[i]));
    gw_json_put(&json, "status", json_string(health->good ? "green" : "red"));
    gw_json_put(&json, "checks", all);
    return json;
}
