#include "gateway/doors.h"

#include <sys/resource.h>

#include "gateway/log.h"
#include "gateway/tls_files.h"

/* Descriptors for store, drop folders, the API and what we call ourselves; roles that have doors;
 * those of a connection, its socket and a body that became a file. */
enum { FILES_RESERVED = 512, ROLES = 3, FILES_EACH = 2 };

struct door {
    struct gw_tls *tls;
    struct gw_http_server *http;
};

struct gw_doors {
    struct door *list;
    size_t count;
};

static enum status door_tls(struct door *door, const struct gw_door_conf *conf, struct error *err)
{
    const struct gw_pair_conf *pair = conf->tls;
    struct gw_tls_conf tls = {.client = conf->client, .client_ca_pem = conf->client_ca_pem};
    AUTO(gw_tls_files_deinit) struct gw_tls_files files = {0};

    if (pair == NULL)
        return ST_OK;
    TRY(gw_tls_files_load(pair, NULL, 0, SPAN_NONE, &files, err));
    tls.cert_pem = files.client.cert_pem;
    tls.key_pem = files.client.key_pem;
    tls.password = files.client.key_password;
    if (gw_tls_new(&tls, &door->tls, err) != ST_OK)
        return error_context(err, "%s", pair->pkcs12 != NULL ? pair->pkcs12 : pair->certificate);
    return ST_OK;
}

/* What the settings say, but never so many that the store could not open its files any more. */
static size_t connections_max(const struct gw_limits_conf *limits, size_t doors)
{
    rlim_t share = FILES_RESERVED, wanted = (rlim_t)limits->connections;
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur > 2 * FILES_RESERVED)
        share = rl.rlim_cur - FILES_RESERVED;
    share /= ROLES * FILES_EACH * (doors == 0 ? 1 : doors);
    return (size_t)(wanted < share + 1 ? wanted : share + 1);
}

/* Each from its time on; what is connected stays. */
static enum status door_next(struct door *door, const struct gw_door_conf *conf, struct error *err)
{
    for (unsigned i = 0; door->tls != NULL && i < conf->next_tls_count; i++) {
        struct gw_door_conf one = *conf;
        struct door later = {0};

        one.tls = conf->next_tls[i].tls;
        TRY(door_tls(&later, &one, err));
        gw_tls_follow(door->tls, conf->next_tls[i].from, later.tls);
    }
    return ST_OK;
}

static enum status door_open(struct door *door, const struct gw_runtime *rt,
                             const struct gw_doors_conf *all, const struct gw_door_conf *conf,
                             struct error *err)
{
    struct gw_http_listen listen = {.host = conf->address,
                                    .port = (uint16_t)conf->port,
                                    .spool_dir = rt->temp_dir,
                                    .limits = gw_http_limits_default(),
                                    .handler = all->handler};

    TRY(door_tls(door, conf, err));
    TRY(door_next(door, conf, err));
    listen.tls = door->tls;
    listen.handler.ctx = conf->ctx;
    listen.limits.body_max = all->body_bytes;
    listen.limits.body_memory_max = (size_t)rt->conf->limits.memory_kb * 1024;
    listen.limits.connections_max = connections_max(&rt->conf->limits, all->count);
    listen.limits.connections_address = (size_t)rt->conf->limits.connections_per_address;
    TRY(gw_http_server_new(rt->loop, &listen, &door->http, err));
    gw_log(rt->log, GW_LOG_INFO, all->event, LOG_STR("address", conf->address),
           LOG_INT("port", gw_http_server_port(door->http)), LOG_STR("path", conf->path),
           LOG_BOOL("tls", door->tls != NULL),
           LOG_INT("connections_max", (int64_t)listen.limits.connections_max));
    return ST_OK;
}

enum status gw_doors_new(const struct gw_runtime *rt, const struct gw_doors_conf *conf,
                         struct gw_doors **doors, struct error *err)
{
    struct gw_doors *d = gw_alloc(sizeof *d);
    enum status st = ST_OK;

    d->list = gw_alloc((conf->count + 1) * sizeof *d->list);
    for (; st == ST_OK && d->count < conf->count; d->count++)
        st = door_open(&d->list[d->count], rt, conf, &conf->list[d->count], err);
    if (st != ST_OK) {
        gw_doors_close(d, 0);
        gw_doors_free(d);
        return st;
    }
    *doors = d;
    return ST_OK;
}

void gw_doors_close(struct gw_doors *d, int64_t grace_ms)
{
    for (size_t i = 0; d != NULL && i < d->count; i++) {
        if (d->list[i].http != NULL)
            gw_http_server_close(d->list[i].http, grace_ms);
        d->list[i].http = NULL;
    }
}

void gw_doors_free(struct gw_doors *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->count; i++)
        gw_tls_free(d->list[i].tls);
    free(d->list);
    free(d);
}

uint16_t gw_doors_port(const struct gw_doors *d, size_t i)
{
    return gw_http_server_port(d->list[i].http);
}
