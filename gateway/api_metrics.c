/*
 * GET /metrics, in the text format of Prometheus, and GET /v1/health.
 *
 * Nothing here looks at all messages: numbers by state are kept by the store, destinations and
 * commits count for themselves, and of the events only those are read that are new since the last
 * time.
 */
#include <stdio.h>
#include <sys/statvfs.h>

#include "certs/identity.h"
#include "gateway/api_call.h"
#include "gateway/health.h"
#include "gateway/payload.h"

enum { TEXT_MAX = 8 * 1024 * 1024, DAY_S = 24 * 3600 };

/* ---- the form ---- */

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP depesche_%s %s\n# TYPE depesche_%s %s\n", name, help, name, type);
}

/* "key=\"value\"", with a comma before it unless it is the first. */
static void label(struct buf *out, bool first, const char *key, const char *value)
{
    buf_printf(out, "%s%s=\"", first ? "" : ",", key);
    for (const char *c = value == NULL ? "" : value; *c != '\0'; c++) {
        if (*c == '\\' || *c == '"')
            buf_char(out, '\\');
        if (*c == '\n')
            buf_str(out, "\\n");
        else
            buf_char(out, *c);
    }
    buf_char(out, '"');
}

static void single(struct buf *out, const char *name, const char *type, const char *help,
                   double value)
{
    family(out, name, type, help);
    buf_printf(out, "depesche_%s %.3f\n", name, value);
}

/* ---- what there is to tell ---- */

static void process_write(struct buf *out, const struct gw_api_server *server, int64_t now)
{
    family(out, "build_info", "gauge", "The version that runs.");
    buf_str(out, "depesche_build_info{version=\"" DEPESCHE_VERSION "\"} 1\n");
    single(out, "uptime_seconds", "gauge", "Seconds since the start.",
           (double)(now - server->started_at) / 1000);
    family(out, "api_requests_total", "counter", "Answers of the local API by class of status.");
    for (int i = 2; i < 6; i++)
        buf_printf(out, "depesche_api_requests_total{status=\"%dxx\"} %llu\n", i,
                   (unsigned long long)atomic_load(&server->answers[i]));
}

static void disk_write(struct buf *out, const struct gw_runtime *rt)
{
    struct statvfs fs;

    if (fstatvfs(gw_store_dir(rt->store), &fs) != 0)
        return;
    single(out, "disk_free_bytes", "gauge", "Free bytes where the state is kept.",
           (double)fs.f_bavail * (double)fs.f_frsize);
}

static void store_write(struct buf *out, const struct gw_runtime *rt)
{
    struct gw_store_stats stats;
    struct gw_store_times times;
    uint64_t count = 0;

    gw_store_stats(rt->store, &stats);
    family(out, "store_commits_total", "counter", "Durable transactions.");
    buf_printf(out, "depesche_store_commits_total %llu\n", (unsigned long long)stats.commits);
    family(out, "store_jobs_total", "counter", "Changes that those transactions held.");
    buf_printf(out, "depesche_store_jobs_total %llu\n", (unsigned long long)stats.jobs);
    family(out, "store_fsyncs_total", "counter",
           "Writes to disk that were waited for: of payload files, of their folders, and of the "
           "index for each transaction.");
    buf_printf(out,
               "depesche_store_fsyncs_total{of=\"files\"} %llu\n"
               "depesche_store_fsyncs_total{of=\"folders\"} %llu\n"
               "depesche_store_fsyncs_total{of=\"index\"} %llu\n",
               (unsigned long long)stats.file_syncs, (unsigned long long)stats.folder_syncs,
               (unsigned long long)stats.commits);
    gw_store_times(rt->store, &times);
    family(out, "store_commit_seconds", "histogram", "How long a transaction took to be durable.");
    for (size_t i = 0; i < GW_STORE_BUCKETS; i++) {
        count += times.took[i];
        buf_str(out, "depesche_store_commit_seconds_bucket{le=\"");
        if (i + 1 < GW_STORE_BUCKETS)
            buf_printf(out, "%.3f", (double)(UINT64_C(1) << i) / 1000);
        else
            buf_str(out, "+Inf");
        buf_printf(out, "\"} %llu\n", (unsigned long long)count);
    }
    buf_printf(out, "depesche_store_commit_seconds_sum %.6f\n", (double)times.took_us / 1e6);
    buf_printf(out, "depesche_store_commit_seconds_count %llu\n", (unsigned long long)count);
}

/* Of each endpoint, and what belongs to none: "". */
static enum status messages_write(struct buf *out, const struct gw_config *conf, struct gw_tx *tx,
                                  struct error *err)
{
    family(out, "messages", "gauge", "Messages by endpoint, box and state.");
    for (unsigned i = 0; i <= conf->endpoints_count; i++) {
        const char *name = i < conf->endpoints_count ? conf->endpoints[i].name : "";
        struct gw_counts counts = {0};

        TRY(gw_store_counts(tx, NULL, name, &counts, err));
        for (enum gw_box box = GW_OUTBOX; box <= GW_INBOX; box++)
            for (enum gw_state s = GW_NEW + 1; s < GW_STATE_COUNT; s++) {
                if (counts.messages[box][s] == 0)
                    continue;
                buf_str(out, "depesche_messages{");
                label(out, true, "endpoint", name);
                label(out, false, "box", gw_box_name(box));
                label(out, false, "state", gw_state_name(s));
                buf_printf(out, "} %llu\n", (unsigned long long)counts.messages[box][s]);
            }
    }
    return ST_OK;
}

/* What is on its way out, by destination, and since when. */
static enum status queues_write(struct buf *out, struct gw_tx *tx, struct arena *arena, int64_t now,
                                struct error *err)
{
    struct gw_queue_list list = {0};

    TRY(gw_store_queues(tx, arena, &list, err));
    family(out, "queue_messages", "gauge", "Messages that wait to be sent, by destination.");
    for (size_t i = 0; i < list.count; i++) {
        buf_str(out, "depesche_queue_messages{");
        label(out, true, "destination", list.rows[i].peer);
        label(out, false, "state", gw_state_name(list.rows[i].state));
        buf_printf(out, "} %llu\n", (unsigned long long)list.rows[i].count);
    }
    family(out, "queue_oldest_seconds", "gauge", "Age of the oldest of them.");
    for (size_t i = 0; i < list.count; i++) {
        buf_str(out, "depesche_queue_oldest_seconds{");
        label(out, true, "destination", list.rows[i].peer);
        label(out, false, "state", gw_state_name(list.rows[i].state));
        buf_printf(out, "} %.3f\n", (double)(now - list.rows[i].oldest_at) / 1000);
    }
    return ST_OK;
}

static void destinations_write(struct buf *out, struct gw_lanes *lanes)
{
    struct gw_lane_report r;

    family(out, "destination_up", "gauge", "1: the last that was heard of it was no failure.");
    for (size_t i = 0; lanes != NULL && gw_lanes_report(lanes, i, &r); i++) {
        buf_str(out, "depesche_destination_up{");
        label(out, true, "destination", r.to.name);
        buf_printf(out, "} %d\n", r.last_error_at <= r.last_success_at);
    }
    family(out, "destination_last_success_timestamp_seconds", "gauge", "0: not since the start.");
    for (size_t i = 0; lanes != NULL && gw_lanes_report(lanes, i, &r); i++) {
        buf_str(out, "depesche_destination_last_success_timestamp_seconds{");
        label(out, true, "destination", r.to.name);
        buf_printf(out, "} %.3f\n", (double)r.last_success_at / 1000);
    }
}

static void attempts_write(struct buf *out, struct gw_lanes *lanes)
{
    struct gw_lane_report r;

    family(out, "attempts_total", "counter",
           "Attempts to send a message since the start, and how many of them failed; why, by code, "
           "is in events_total.");
    for (size_t i = 0; lanes != NULL && gw_lanes_report(lanes, i, &r); i++) {
        buf_str(out, "depesche_attempts_total{");
        label(out, true, "destination", r.to.name);
        buf_printf(out, ",result=\"ok\"} %llu\n", (unsigned long long)(r.attempts - r.failures));
        buf_str(out, "depesche_attempts_total{");
        label(out, true, "destination", r.to.name);
        buf_printf(out, ",result=\"failed\"} %llu\n", (unsigned long long)r.failures);
    }
}

/* How attempts are held back (gateway/circuit.h), as one of several states is 1. */
static void circuits_write(struct buf *out, struct gw_lanes *lanes)
{
    static const char *const names[] = {
        [GW_CIRCUIT_CLOSED] = "closed", [GW_CIRCUIT_OPEN] = "open", [GW_CIRCUIT_TRYING] = "trying"};
    struct gw_lane_report r;

    family(out, "destination_circuit", "gauge",
           "1 for the state that it is in: closed, messages go; open, it rests after failures; "
           "trying, one message or a few find out whether it is back.");
    for (size_t i = 0; lanes != NULL && gw_lanes_report(lanes, i, &r); i++)
        for (size_t s = 0; s < ARRAY_LEN(names); s++) {
            buf_str(out, "depesche_destination_circuit{");
            label(out, true, "destination", r.to.name);
            label(out, false, "state", names[s]);
            buf_printf(out, "} %d\n", r.circuit == s);
        }
    family(out, "destination_down_seconds", "gauge", "How long it has been away; 0: it is not.");
    for (size_t i = 0; lanes != NULL && gw_lanes_report(lanes, i, &r); i++) {
        buf_str(out, "depesche_destination_down_seconds{");
        label(out, true, "destination", r.to.name);
        buf_printf(out, "} %.3f\n",
                   r.down_since == 0 ? 0.0 : (double)(gw_now_ms() - r.down_since) / 1000);
    }
}

static void certificate_write(struct buf *out, const char *use, const char *name,
                              const struct cert *cert, int64_t now)
{
    if (cert == NULL)
        return;
    buf_str(out, "depesche_certificate_days_left{");
    label(out, true, "use", use);
    label(out, false, "name", name);
    buf_printf(out, "} %.2f\n", (double)(cert_not_after(cert) - now) / 1000 / DAY_S);
}

static void certificates_write(struct buf *out, const struct gw_runtime *rt, int64_t now)
{
    family(out, "certificate_days_left", "gauge", "Until a certificate expires.");
    for (size_t i = 0; i < rt->tenant_count; i++) {
        const struct gw_tenant *t = &rt->tenants[i];

        certificate_write(out, "own_signature", t->conf->name,
                          identity_signature(t->identity, now)->cert, now);
        certificate_write(out, "own_cipher", t->conf->name, identity_cipher(t->identity, now)->cert,
                          now);
    }
    for (size_t i = 0; i < rt->peer_count; i++)
        certificate_write(out, "intermediary_cipher", rt->peers[i].conf->name,
                          gw_peer_cipher(&rt->peers[i], now), now);
    for (size_t i = 0; i < rt->partner_count; i++)
        certificate_write(out, "partner_cipher", rt->partners[i].conf->name,
                          gw_partner_cipher(&rt->partners[i], now), now);
}

/* ---- what has happened ---- */

static struct gw_event_count *happened_slot(struct gw_api_server *server, const char *kind,
                                            int reason)
{
    struct gw_event_count *rows;

    for (size_t i = 0; i < server->happened_count; i++)
        if (server->happened[i].reason == reason && strcmp(server->happened[i].kind, kind) == 0)
            return &server->happened[i];
    rows = realloc(server->happened, (server->happened_count + 1) * sizeof *rows);
    if (rows == NULL)
        return NULL;
    server->happened = rows;
    rows[server->happened_count] = (struct gw_event_count){strdup(kind), reason, 0};
    if (rows[server->happened_count].kind == NULL)
        return NULL;
    return &rows[server->happened_count++];
}

/* With the lock held. */
static enum status happened_read(struct gw_api_server *server, struct gw_tx *tx,
                                 struct arena *arena, struct error *err)
{
    struct gw_event_count_list list = {0};
    int64_t last;

    TRY(gw_store_events_last(tx, &last, err));
    if (!server->happened_begun) { /* what was before the first look does not count */
        server->happened_begun = true;
        server->happened_seq = last;
    }
    TRY(gw_store_event_counts(tx, arena, server->happened_seq, last, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        struct gw_event_count *slot = happened_slot(server, list.rows[i].kind, list.rows[i].reason);

        TRY_ALLOC(slot, err);
        slot->count += list.rows[i].count;
    }
    server->happened_seq = last;
    return ST_OK;
}

static enum status happened_write(struct buf *out, struct gw_api_server *server, struct gw_tx *tx,
                                  struct arena *arena, struct error *err)
{
    enum status st;

    pthread_mutex_lock(&server->happened_lock);
    st = happened_read(server, tx, arena, err);
    family(out, "events_total", "counter",
           "Events since the first look by kind and code: submit is an attempt that got through, "
           "defer one that failed, and so on.");
    for (size_t i = 0; i < server->happened_count; i++) {
        char code[GW_CODE_SIZE];

        buf_str(out, "depesche_events_total{");
        label(out, true, "kind", server->happened[i].kind);
        label(out, false, "code",
              server->happened[i].reason == 0 ? ""
                                              : gw_explain_code(server->happened[i].reason, code));
        buf_printf(out, "} %llu\n", (unsigned long long)server->happened[i].count);
    }
    pthread_mutex_unlock(&server->happened_lock);
    return st;
}

enum status gw_api_health(struct gw_api_call *call, struct error *err)
{
    const struct gw_runtime *rt = call->server->rt;
    struct gw_health health;

    gw_health_look(rt, gw_monotonic_ms() - call->began, &health);
    call->json = gw_health_json(rt, &health);
    TRY_ALLOC(call->json, err);
    call->status = health.good ? 200 : 503;
    return ST_OK;
}

enum status gw_api_metrics(struct gw_api_call *call, struct error *err)
{
    struct gw_api_server *server = call->server;
    const struct gw_runtime *rt = server->rt;
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    int64_t now = gw_now_ms();
    struct buf *out = &call->text;

    if (!call->admin)
        return gw_api_problem_denied(call, NULL, err);
    buf_init(out, TEXT_MAX);
    process_write(out, server, now);
    disk_write(out, rt);
    store_write(out, rt);
    destinations_write(out, server->lanes);
    attempts_write(out, server->lanes);
    circuits_write(out, server->lanes);
    certificates_write(out, rt, now);
    TRY(gw_store_read(rt->store, &tx, err));
    TRY(messages_write(out, rt->conf, tx, err));
    TRY(queues_write(out, tx, &call->arena, now, err));
    TRY(happened_write(out, server, tx, &call->arena, err));
    TRY(buf_check(out, err));
    call->has_text = true;
    call->status = 200;
    return ST_OK;
}

void gw_api_metrics_init(struct gw_api_server *server)
{
    pthread_mutex_init(&server->happened_lock, NULL);
}

void gw_api_metrics_deinit(struct gw_api_server *server)
{
    for (size_t i = 0; i < server->happened_count; i++)
        free((char *)(uintptr_t)server->happened[i].kind);
    free(server->happened);
    pthread_mutex_destroy(&server->happened_lock);
}
