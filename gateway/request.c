#include "gateway/request.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/command.h"
#include "gateway/folder.h"
#include "gateway/log.h"
#include "gateway/reason.h"
#include "gateway/scan.h"
#include "gateway/worker.h"

enum { FILES_MAX = 1000, ARENA_MAX = 8 * 1024 * 1024, BATCH = 100, WAITING_MAX = 1000 };

enum phase {
    PHASE_OPEN,    /* the API may answer */
    PHASE_QUEUED,  /* too many programs run already */
    PHASE_WRITING, /* the folders, in a worker */
    PHASE_RUNNING, /* the program */
    PHASE_ENDING,  /* the answer, or that there is none, in a worker */
};

struct waiter {
    struct waiter *next;
    void (*done)(void *ctx);
    void *ctx;
};

struct request {
    struct request *next;
    struct gw_requests *all;
    const struct gw_endpoint_conf *endpoint;
    char id[GW_ID_SIZE];
    char folder[GW_PATH_SIZE]; /* absolute; empty: none was made */
    enum phase phase;
    struct gw_timer *deadline;
    struct waiter *waiters;
    bool to_run;  /* a program answers it */
    bool counted; /* among the programs that run */
    bool looking; /* a worker asks the store whether it is settled */
    bool expired; /* while a worker had it in hand */
    struct gw_command *command;
    enum gw_answer_state found; /* what a look into the store said */
    struct error why;           /* reason 0: the program has ended well, its answer is to be read */
};

struct gw_requests {
    const struct gw_runtime *rt;
    struct request *first;
    size_t count;
    bool closing;
};

/* ---- in a worker ---- */

static enum status message_load(const struct request *r, struct arena *arena,
                                struct gw_message_row *row, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(r->all->rt->store, &tx, err));
    return gw_store_message(tx, arena, r->id, row, err);
}

static enum status folders_make(struct request *r, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    AUTO(fd_drop) int fd = -1, request = -1;
    struct gw_message_row row;

    if (snprintf(r->folder, sizeof r->folder, "%s/request-%s", r->all->rt->temp_dir, r->id) >=
        (int)sizeof r->folder)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "the path of the state folder is too long");
    TRY(gw_dir_make(AT_FDCWD, r->folder, 0700, err));
    TRY(gw_dir_open(AT_FDCWD, r->folder, &fd, err));
    TRY(gw_dir_make(fd, "request", 0700, err));
    TRY(gw_dir_make(fd, "answer", 0700, err));
    TRY(gw_dir_open(fd, "request", &request, err));
    TRY(message_load(r, &arena, &row, err));
    return gw_folder_fill(r->all->rt->store, &row, request, NULL, NULL, err);
}

static enum status start_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    return gw_store_request_start(tx, ctx, err);
}

/* The last step before the program runs is durable: a start must not run it a second time. */
static void write_run(void *ctx)
{
    struct request *r = ctx;
    enum status st = folders_make(r, &r->why);

    if (st == ST_OK)
        st = gw_store_commit(r->all->rt->store, start_commit, r->id, &r->why);
    if (st != ST_OK)
        r->why.reason = gw_reason_of(&r->why);
}

struct names {
    struct arena arena;
    const char **list;
    size_t count;
};

static enum status name_add(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct names *n = ctx;

    if (!S_ISREG(mode))
        return error_set(err, ST_INVALID, GW_R_REQUEST_COMMAND,
                         "the answer holds something that is no ordinary file");
    if (n->count == FILES_MAX)
        return error_set(err, ST_LIMIT, GW_R_REQUEST_COMMAND, "the answer has more than %d files",
                         FILES_MAX);
    n->list[n->count] = arena_str(&n->arena, span_str(name));
    TRY_ALLOC(n->list[n->count], err);
    n->count++;
    return ST_OK;
}

static int name_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum status names_read(int fd, struct names *n, struct error *err)
{
    arena_init(&n->arena, ARENA_MAX);
    n->list = arena_array(&n->arena, sizeof *n->list, FILES_MAX);
    TRY_ALLOC(n->list, err);
    TRY(gw_dir_each(fd, ".", name_add, n, err));
    if (n->count == 0)
        return error_set(err, ST_NOT_FOUND, GW_R_REQUEST_EMPTY, "there is no file");
    qsort(n->list, n->count, sizeof *n->list, name_cmp);
    return ST_OK;
}

static enum status files_stage(const struct request *r, int fd, const struct names *n,
                               struct gw_stage *stage, struct error *err)
{
    uint64_t max = (uint64_t)r->all->rt->conf->limits.message_max_mb << 20, total = 0;

    for (size_t i = 0; i < n->count; i++) {
        AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
        char name[GW_NAME_SIZE];

        TRY(gw_file_source_open(&source, fd, n->list[i], err));
        total += source.base.len;
        if (total > max)
            return error_set(err, ST_LIMIT, GW_R_REQUEST_COMMAND,
                             "the answer is larger than limits.message_max_mb");
        gw_name_make_safe(span_str(n->list[i]), name);
        TRY(gw_stage_add_source(stage, GW_FILE_PAYLOAD, name, NULL, NULL, &source.base, err));
    }
    return ST_OK;
}

static enum status answer_take(struct request *r, struct names *names, struct error *err)
{
    const struct gw_runtime *rt = r->all->rt;
    const struct gw_reply_by by = {.actor = "command"};
    struct gw_scan_verdict verdict;
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    AUTO(fd_drop) int fd = -1;
    char path[GW_PATH_SIZE + 16], id[GW_ID_SIZE];

    (void)snprintf(path, sizeof path, "%s/answer", r->folder);
    TRY(gw_dir_open(AT_FDCWD, path, &fd, err));
    TRY(names_read(fd, names, err));
    TRY(gw_uuid_make(rt->rng, gw_now_ms(), id, err));
    TRY(gw_stage_new(rt->store, id, &stage, err));
    TRY(files_stage(r, fd, names, stage, err));
    TRY(gw_scan_outgoing(rt, stage, &verdict, err));
    return gw_reply_give(rt, r->id, id, stage, &by, err);
}

/* Durable, one way or the other. */
static void end_run(void *ctx)
{
    struct request *r = ctx;
    const struct gw_runtime *rt = r->all->rt;
    struct names names = {0};
    struct error err = {0};

    if (r->why.reason == 0 && answer_take(r, &names, &r->why) != ST_OK)
        r->why.reason = gw_reason_of(&r->why);
    arena_deinit(&names.arena);
    if (r->why.reason != 0 &&
        gw_reply_miss(rt, r->id, r->folder[0] != '\0' ? "command" : "deadline", &r->why, &err) !=
            ST_OK)
        gw_log(rt->log, GW_LOG_ERROR, "store.write_failed", LOG_STR("id", r->id), LOG_ERR(&err));
    if (r->folder[0] != '\0' && gw_dir_remove(AT_FDCWD, r->folder, &err) != ST_OK)
        gw_log(rt->log, GW_LOG_WARNING, "request.folder_left", LOG_STR("id", r->id),
               LOG_ERR(&err)); /* the next start removes it */
}

static void look_run(void *ctx)
{
    struct request *r = ctx;
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_request_row row;
    struct error err = {0};

    r->found = GW_ANSWER_AWAITED;
    if (gw_store_read(r->all->rt->store, &tx, &err) == ST_OK &&
        gw_store_request(tx, &arena, r->id, &row, &err) == ST_OK)
        r->found = row.state;
}

/* ---- on the loop ---- */

static struct request *find(const struct gw_requests *all, const char *id)
{
    struct request *r = all->first;

    while (r != NULL && strcmp(r->id, id) != 0)
        r = r->next;
    return r;
}

static bool has_room(const struct gw_requests *all, const struct gw_endpoint_conf *endpoint)
{
    int64_t running = 0;

    for (const struct request *r = all->first; r != NULL; r = r->next)
        running += r->endpoint == endpoint && r->counted;
    return running < endpoint->answers->at_once;
}

static void begin(struct request *r);

static void forget(struct request *r)
{
    struct gw_requests *all = r->all;
    const struct gw_endpoint_conf *endpoint = r->endpoint;
    struct request **at = &all->first;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    all->count--;
    gw_timer_free(r->deadline);
    free(r);
    for (r = all->first; r != NULL; r = r->next)
        if (r->phase == PHASE_QUEUED && r->endpoint == endpoint && has_room(all, endpoint)) {
            begin(r);
            return;
        }
}

/* Settled: whoever waits is told, and no later one can join any more. */
static void over(struct request *r)
{
    struct waiter *w = r->waiters, *next;

    r->waiters = NULL;
    forget(r);
    for (; w != NULL; w = next) {
        next = w->next;
        w->done(w->ctx);
        free(w);
    }
}

static void end_done(void *ctx)
{
    over(ctx);
}

static void end(struct request *r)
{
    r->phase = PHASE_ENDING;
    gw_worker_run(r->all->rt->loop, end_run, end_done, r);
}

/* How it ended, in words; r->why stays empty when it went well. */
static void result_judge(struct request *r, const struct gw_command_result *result)
{
    const char *tail = result->tail[0] != '\0' ? result->tail : "it wrote nothing to stderr";
    int len = (int)sizeof r->why.text / 2;

    if (r->why.reason != 0)
        return; /* killed at the deadline */
    if (!result->started)
        (void)error_set(&r->why, ST_RETRY, GW_R_REQUEST_COMMAND, "%s", result->why.text);
    else if (result->signal != 0)
        (void)error_set(&r->why, ST_RETRY, GW_R_REQUEST_COMMAND, "ended by signal %d; %.*s",
                        result->signal, len, tail);
    else if (result->exit_code != 0)
        (void)error_set(&r->why, ST_RETRY, GW_R_REQUEST_COMMAND, "exit code %lld; %.*s",
                        (long long)result->exit_code, len, tail);
}

static void command_done(void *ctx, const struct gw_command_result *result)
{
    struct request *r = ctx;

    r->command = NULL;
    result_judge(r, result);
    end(r);
}

static void command_start(struct request *r)
{
    const struct gw_answers_conf *conf = r->endpoint->answers;
    char request[GW_PATH_SIZE + 64], answer[GW_PATH_SIZE + 64];
    const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", request, answer,
                               NULL};
    struct gw_command_conf run = {
        .env = env, .dir = conf->directory, .done = command_done, .ctx = r};
    const char **argv = gw_alloc((conf->command_count + 1) * sizeof *argv);

    memcpy(argv, conf->command, conf->command_count * sizeof *argv);
    (void)snprintf(request, sizeof request, "DEPESCHE_REQUEST=%s/request", r->folder);
    (void)snprintf(answer, sizeof answer, "DEPESCHE_ANSWER=%s/answer", r->folder);
    run.argv = argv;
    if (run.dir == NULL)
        run.dir = request + strlen("DEPESCHE_REQUEST=");
    r->phase = PHASE_RUNNING;
    r->command = gw_command_run(r->all->rt->loop, &run);
    free(argv);
}

static void late(struct request *r)
{
    if (r->all->closing)
        (void)error_set(&r->why, ST_RETRY, GW_R_REQUEST_INTERRUPTED, "the gateway is stopping");
    else
        (void)error_set(&r->why, ST_RETRY, GW_R_REQUEST_LATE, "no answer in time");
}

static void write_done(void *ctx)
{
    struct request *r = ctx;

    if (r->why.reason == 0 && r->expired)
        late(r);
    if (r->why.reason == 0)
        command_start(r);
    else
        end(r);
}

static void begin(struct request *r)
{
    r->phase = PHASE_WRITING;
    r->counted = true;
    gw_worker_run(r->all->rt->loop, write_run, write_done, r);
}

/* The deadline has passed, or the gateway stops. What a worker has in hand ends by itself. */
static void expire(void *ctx)
{
    struct request *r = ctx;

    if (r->looking) {
        r->expired = true;
        return;
    }
    switch (r->phase) {
    case PHASE_OPEN:
    case PHASE_QUEUED:
        late(r);
        end(r);
        break;
    case PHASE_RUNNING:
        late(r);
        gw_command_kill(r->command);
        break;
    case PHASE_WRITING: /* the program must not start any more */
        r->expired = true;
        break;
    case PHASE_ENDING:
        break;
    }
}

static struct request *request_new(struct gw_requests *all, const char *id,
                                   const struct gw_endpoint_conf *endpoint, int64_t due_at)
{
    struct request *r = gw_alloc(sizeof *r);
    int64_t ms = due_at - gw_now_ms();

    r->all = all;
    r->endpoint = endpoint;
    (void)snprintf(r->id, sizeof r->id, "%s", id);
    r->deadline = gw_timer_new(all->rt->loop, expire, r);
    gw_timer_start(r->deadline, ms > 0 ? ms : 0, 0);
    r->next = all->first;
    all->first = r;
    all->count++;
    return r;
}

/* What is open and in nobody's hand goes its way: to its program, or to its end. */
static void advance(struct request *r)
{
    struct gw_requests *all = r->all;
    bool too_many = all->closing || all->count > WAITING_MAX;

    if (r->looking || r->phase != PHASE_OPEN)
        return;
    if (r->to_run)
        r->phase = PHASE_QUEUED;
    if (r->expired || too_many)
        expire(r);
    else if (r->to_run && has_room(all, r->endpoint))
        begin(r);
}

/* Somebody may have settled it between the look that said "awaited" and its place here. */
static void look_done(void *ctx)
{
    struct request *r = ctx;

    r->looking = false;
    if (r->found != GW_ANSWER_AWAITED)
        over(r);
    else
        advance(r);
}

static void look(struct request *r)
{
    r->looking = true;
    gw_worker_run(r->all->rt->loop, look_run, look_done, r);
}

static void waiter_add(struct request *r, void (*done)(void *ctx), void *ctx)
{
    struct waiter *w = gw_alloc(sizeof *w);

    w->done = done;
    w->ctx = ctx;
    w->next = r->waiters;
    r->waiters = w;
}

void gw_requests_await(struct gw_requests *all, const char *id,
                       const struct gw_endpoint_conf *endpoint, int64_t due_at, bool fresh,
                       void (*done)(void *ctx), void *ctx)
{
    struct request *r = find(all, id);
    bool is_new = r == NULL;

    if (is_new)
        r = request_new(all, id, endpoint, due_at);
    waiter_add(r, done, ctx);
    r->to_run |= fresh && endpoint->answers->command_count > 0;
    if (is_new && !r->to_run)
        look(r);
    advance(r);
}

struct settled {
    struct gw_requests *all;
    char id[GW_ID_SIZE];
};

static void settled(void *ctx)
{
    struct settled *s = ctx;
    struct request *r = find(s->all, s->id);

    if (r != NULL && r->phase == PHASE_OPEN && !r->looking)
        over(r);
    free(s);
}

void gw_requests_settled(struct gw_requests *all, const char *id)
{
    struct settled *s = gw_alloc(sizeof *s);

    s->all = all;
    (void)snprintf(s->id, sizeof s->id, "%s", id);
    gw_loop_post(all->rt->loop, settled, s);
}

/* ---- up and down ---- */

/* A program that was interrupted is not run again: nobody knows how far it came. */
static enum status left_settle(struct gw_requests *all, const struct gw_request_row *row,
                               struct error *err)
{
    struct arena arena = {.max = ARENA_MAX};
    const struct gw_endpoint_conf *endpoint = NULL;
    struct gw_message_row message = {0};
    struct request r = {.all = all};
    struct error why = {0};
    enum status st;

    (void)snprintf(r.id, sizeof r.id, "%s", row->message_id);
    st = message_load(&r, &arena, &message, err);
    if (st == ST_OK && message.endpoint != NULL)
        endpoint = gw_config_endpoint(all->rt->conf, message.endpoint);
    arena_deinit(&arena);
    TRY(st);
    if (!row->started && row->due_at > gw_now_ms() && endpoint != NULL &&
        endpoint->answers != NULL) {
        struct request *again = request_new(all, row->message_id, endpoint, row->due_at);

        again->to_run = endpoint->answers->command_count > 0;
        advance(again);
        return ST_OK;
    }
    (void)error_set(&why, ST_RETRY, GW_R_REQUEST_INTERRUPTED, "the gateway was stopped");
    return gw_reply_miss(all->rt, row->message_id, "start", &why, err);
}

static enum status left_read(struct gw_requests *all, const char *after, struct arena *arena,
                             struct gw_request_list *list, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(all->rt->store, &tx, err));
    return gw_store_requests(tx, arena, after, BATCH, list, err);
}

static bool wanted(const struct gw_config *conf)
{
    for (unsigned i = 0; i < conf->endpoints_count; i++)
        if (conf->endpoints[i].answers != NULL)
            return true;
    return false;
}

enum status gw_requests_new(const struct gw_runtime *rt, struct gw_requests **out,
                            struct error *err)
{
    AUTO(gw_requests_drop) struct gw_requests *all = NULL;
    struct gw_request_list list = {.more = true};
    char after[GW_ID_SIZE] = "";

    *out = NULL;
    if (!wanted(rt->conf))
        return ST_OK;
    all = gw_alloc(sizeof *all);
    all->rt = rt;
    while (list.more) {
        AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};

        TRY(left_read(all, after, &arena, &list, err));
        for (size_t i = 0; i < list.count; i++) {
            TRY(left_settle(all, &list.rows[i], err));
            (void)snprintf(after, sizeof after, "%s", list.rows[i].message_id);
        }
    }
    *out = TAKE(all);
    return ST_OK;
}

void gw_requests_close(struct gw_requests *all)
{
    all->closing = true;
    for (struct request *r = all->first; r != NULL; r = r->next)
        expire(r);
}

void gw_requests_free(struct gw_requests *all)
{
    struct request *r, *next;

    if (all == NULL)
        return;
    for (r = all->first; r != NULL; r = next) { /* a start that failed, or one that never ran */
        next = r->next;
        gw_timer_free(r->deadline);
        free(r);
    }
    free(all);
}
