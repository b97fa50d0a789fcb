#define _GNU_SOURCE 1 /* SOCK_CLOEXEC */
#include "gateway/key_process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/key_away.h"
#include "gateway/explain.h"
#include "gateway/keys_wire.h"
#include "gateway/loop.h"
#include "gateway/program.h"
#include "gateway/token.h"

enum { CHANNELS_PER_CORE = 4, CHANNELS_MIN = 8, SOCKET_BYTES = 256 * 1024, END_MS = 2000 };

/* A pair that it is told to load; its number is its place. What the first start found holds for
 * this process, so that keys do not change under messages. */
struct loaded {
    char *cert_path, *key_path, *passphrase_path; /* NULL: none; cert_path without a key: PKCS#12 */
    struct cert *cert;                            /* NULL: it is in a token, or failure says why */
    struct error failure;
    struct error changed; /* under lock: ST_OK, or what the last start found instead */
};

struct gw_key_process {
    struct gw_log *log;
    int64_t patience_ms;
    const char *program;
    struct loaded *pairs; /* const after the first start, but for changed */
    size_t count;
    size_t channels_max;
    bool known; /* the first start is over */
    pthread_mutex_t lock;
    pthread_cond_t returned;
    /* under lock */
    pid_t pid;                      /* 0: it does not run */
    unsigned life;                  /* one more with each start: channels of others are void */
    int idle[GW_KEYS_CHANNELS_MAX]; /* sockets that nobody uses */
    size_t idle_count;
    int held; /* enum gw_keys_held */
    int64_t began_at, pause_ms, not_before;
    struct error failure;
    uint32_t last_id;
};

struct channel {
    int fd;
    unsigned life;
    uint32_t id;
};

/* What a key that is there knows of it. */
struct away {
    struct gw_key_process *process;
    uint16_t number;
};

static enum status gone(struct error *err, const char *what)
{
    (void)error_set(err, ST_RETRY, 0, "depesched-keys %s", what);
    err->cause = GW_R_KEYS_AWAY;
    return ST_RETRY;
}

/* ---- one question ---- */

/* ST_RETRY: the process is of no use any more. wire: the question, len bytes, and then the answer,
 * cap bytes of room. */
static enum status ask(const struct channel *c, uint8_t *wire, size_t len, size_t cap,
                       struct gw_keys_message *answer, struct error *err)
{
    const uint8_t op = wire[0];
    ssize_t got;

    if (send(c->fd, wire, len, MSG_NOSIGNAL) != (ssize_t)len)
        return gone(err, "has ended");
    while ((got = recv(c->fd, wire, cap, MSG_TRUNC)) < 0 && errno == EINTR)
        ; /* and the time begins anew: signals are rare here */
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return gone(err, "does not answer");
    if (got <= 0)
        return gone(err, "has ended");
    if ((size_t)got > cap || !gw_keys_read(span_of(wire, (size_t)got), answer) ||
        answer->op != op || answer->id != c->id)
        return gone(err, "has answered what was not asked");
    return ST_OK;
}

/* A refusal of the other side's, as an error of ours. */
static enum status refused(const struct gw_keys_message *answer, struct error *err)
{
    (void)error_set(err, (enum status)answer->status, 0, "%.*s", (int)answer->bytes.len,
                    (const char *)answer->bytes.ptr);
    err->cause = answer->number;
    return err->status;
}

/* ---- filling it, under the lock ---- */

static void path_add(struct buf *b, const char *path)
{
    buf_str(b, path == NULL ? "" : path);
    buf_char(b, '\0');
}

/* failure: of the pair, not of the process. */
static enum status load_ask(const struct gw_key_process *p, struct channel *c, uint16_t number,
                            uint8_t *wire, struct cert **cert, struct error *failure,
                            struct error *err)
{
    const struct loaded *l = &p->pairs[number];
    AUTO(buf_deinit) struct buf paths = {0};
    struct gw_keys_message m = {.op = GW_KEYS_LOAD, .number = number, .id = ++c->id};
    size_t len;

    buf_init(&paths, GW_KEYS_BYTES_MAX);
    path_add(&paths, l->cert_path);
    path_add(&paths, l->key_path);
    path_add(&paths, l->passphrase_path);
    TRY(buf_check(&paths, err));
    m.bytes = buf_span(&paths);
    len = gw_keys_write(&m, wire);
    TRY(ask(c, wire, len, GW_KEYS_MESSAGE_MAX, &m, err));
    if (m.status != ST_OK)
        (void)refused(&m, failure);
    else if (m.bytes.len > 0 && cert_from_der(m.bytes, cert, failure) != ST_OK)
        return gone(err, "has handed back no certificate");
    return ST_OK;
}

static void pair_change(struct loaded *l, const struct cert *cert, const struct error *failure)
{
    bool same = failure->status == ST_OK && l->failure.status == ST_OK &&
                (cert == NULL) == (l->cert == NULL) && (cert == NULL || cert_eq(cert, l->cert));

    l->changed = (struct error){0};
    if (same)
        return;
    (void)error_set(&l->changed, ST_RETRY, 0, "%s: %s",
                    l->key_path != NULL ? l->key_path : l->cert_path,
                    failure->status == ST_OK ? "it holds another certificate" : failure->text);
    l->changed.cause = GW_R_KEYS_CHANGED;
}

static enum status pair_load(struct gw_key_process *p, struct channel *c, uint16_t number,
                             uint8_t *wire, struct error *err)
{
    AUTO(cert_drop) struct cert *cert = NULL;
    struct loaded *l = &p->pairs[number];
    struct error failure = {0};

    TRY(load_ask(p, c, number, wire, &cert, &failure, err));
    if (p->known) {
        pair_change(l, cert, &failure);
    } else {
        l->cert = TAKE(cert);
        l->failure = failure;
    }
    return ST_OK;
}

static enum status fill(struct gw_key_process *p, struct channel *c, struct error *err)
{
    AUTO(free_drop) uint8_t *wire = malloc(GW_KEYS_MESSAGE_MAX);
    struct gw_keys_message m = {.op = GW_KEYS_SEAL};
    size_t len;

    TRY_ALLOC(wire, err);
    for (size_t i = 0; i < p->count; i++)
        TRY(pair_load(p, c, (uint16_t)i, wire, err));
    m.id = ++c->id;
    len = gw_keys_write(&m, wire);
    TRY(ask(c, wire, len, GW_KEYS_SHORT_MAX, &m, err));
    if (m.status != ST_OK || m.bytes.len != 1)
        return gone(err, "cannot be confined");
    p->held = m.bytes.ptr[0];
    p->known = true;
    return ST_OK;
}

/* ---- its life, under the lock ---- */

static void channels_close(struct gw_key_process *p)
{
    while (p->idle_count > 0)
        (void)close(p->idle[--p->idle_count]);
}

/* How it ended, waiting for it no longer than ms before it is killed. */
static int reap(pid_t pid, int64_t ms)
{
    int64_t until = gw_monotonic_ms() + ms;
    pid_t got;
    int how = 0;

    while ((got = waitpid(pid, &how, WNOHANG)) == 0 && gw_monotonic_ms() < until)
        (void)usleep(2000);
    if (got == 0) {
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
            ;
    }
    return how;
}

/* why: what was noticed. Those that wait for an answer notice for themselves. */
static void life_end(struct gw_key_process *p, const struct error *why)
{
    int64_t now = gw_monotonic_ms();
    int how;

    channels_close(p);
    (void)kill(p->pid, SIGKILL);
    how = reap(p->pid, END_MS);
    gw_log(p->log, GW_LOG_ERROR, "keys.ended", LOG_INT("pid", p->pid),
           LOG_INT("signal", WIFSIGNALED(how) ? WTERMSIG(how) : 0), LOG_ERR(why));
    p->pid = 0;
    p->failure = *why;
    if (now - p->began_at >= GW_KEYS_STEADY_MS)
        p->pause_ms = 0;
    else
        p->pause_ms = p->pause_ms == 0                         ? GW_KEYS_PAUSE_MS
                      : p->pause_ms * 2 < GW_KEYS_PAUSE_MAX_MS ? p->pause_ms * 2
                                                               : GW_KEYS_PAUSE_MAX_MS;
    p->not_before = now + p->pause_ms;
    pthread_cond_broadcast(&p->returned);
}

/* Pairs of sockets: ours in idle, the others in theirs. */
static bool channels_make(struct gw_key_process *p, int *theirs)
{
    const int bytes = SOCKET_BYTES;
    const struct timeval patience = {.tv_sec = (time_t)(p->patience_ms / 1000),
                                     .tv_usec = (suseconds_t)(p->patience_ms % 1000 * 1000)};

    for (size_t i = 0; i < p->channels_max; i++) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
            return false;
        (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        (void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        p->idle[p->idle_count++] = pair[0];
        theirs[i] = pair[1];
    }
    return true;
}

static enum status process_start(struct gw_key_process *p, struct error *err)
{
    AUTO(fd_drop) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int fds[GW_KEYS_CHANNELS_FD + GW_KEYS_CHANNELS_MAX] = {null, null, STDERR_FILENO};
    int *theirs = fds + GW_KEYS_CHANNELS_FD;
    char path[GW_PATH_SIZE], count[24];
    char *const argv[] = {path, count, NULL};
    enum status st = ST_OK;

    for (size_t i = 0; i < p->channels_max; i++)
        theirs[i] = -1;
    (void)snprintf(count, sizeof count, "%zu", p->channels_max);
    if (null < 0 || !channels_make(p, theirs))
        st = error_set(err, ST_RETRY, 0, "depesched-keys: %s", strerror(errno));
    if (st == ST_OK && p->program != NULL)
        (void)snprintf(path, sizeof path, "%s", p->program);
    else if (st == ST_OK)
        st = gw_program_find("depesched-keys", path, err);
    if (st == ST_OK)
        st = gw_program_start(
            &(struct gw_program_conf){path, argv, fds, GW_KEYS_CHANNELS_FD + (int)p->channels_max},
            &p->pid, err);
    for (size_t i = 0; i < p->channels_max; i++)
        fd_drop(&theirs[i]);
    if (st != ST_OK)
        p->pid = 0;
    return st;
}

static enum status life_begin(struct gw_key_process *p, struct error *err)
{
    struct channel first = {0};
    enum status st;

    p->life++;
    p->began_at = INT64_MAX; /* until it can serve it lasts no time, however long that takes */
    st = process_start(p, err);
    if (st == ST_OK) {
        first.fd = p->idle[0];
        st = fill(p, &first, err);
    }
    if (st == ST_OK) {
        p->began_at = gw_monotonic_ms();
        gw_log(p->log, GW_LOG_INFO, "keys.started", LOG_INT("pid", p->pid),
               LOG_INT("keys", p->count), LOG_INT("threads", p->channels_max),
               LOG_STR("seccomp", (p->held & GW_KEYS_CONFINED) != 0 ? "on" : "absent"),
               LOG_STR("locked", (p->held & GW_KEYS_LOCKED) != 0 ? "yes" : "no"));
        return ST_OK;
    }
    err->reason = 0;
    err->cause = GW_R_KEYS_AWAY;
    err->status = ST_RETRY;
    if (p->pid != 0) {
        life_end(p, err);
        return ST_RETRY;
    }
    channels_close(p);
    p->failure = *err;
    p->not_before = gw_monotonic_ms() + GW_KEYS_PAUSE_MS;
    gw_log(p->log, GW_LOG_ERROR, "keys.ended", LOG_ERR(err));
    return ST_RETRY;
}

static enum status revive(struct gw_key_process *p, struct error *err)
{
    if (gw_monotonic_ms() >= p->not_before)
        return life_begin(p, err);
    *err = p->failure;
    return err->status;
}

/* ---- an operation ---- */

static enum status channel_take(struct gw_key_process *p, uint16_t number, struct channel *c,
                                struct error *err)
{
    enum status st = ST_OK;

    pthread_mutex_lock(&p->lock);
    while (st == ST_OK) {
        if (p->pid == 0) {
            st = revive(p, err);
        } else if (p->pairs[number].changed.status != ST_OK) { /* who waits for it takes no turn */
            *err = p->pairs[number].changed;
            st = err->status;
        } else if (p->idle_count == 0) {
            pthread_cond_wait(&p->returned, &p->lock);
        } else {
            break;
        }
    }
    if (st == ST_OK)
        *c = (struct channel){p->idle[--p->idle_count], p->life, ++p->last_id};
    pthread_mutex_unlock(&p->lock);
    return st;
}

/* failure ST_OK: the channel may serve again. */
static void channel_return(struct gw_key_process *p, const struct channel *c,
                           const struct error *failure)
{
    bool good = failure->status == ST_OK;

    pthread_mutex_lock(&p->lock);
    if (good && p->pid != 0 && c->life == p->life) {
        p->idle[p->idle_count++] = c->fd;
        pthread_cond_signal(&p->returned);
    } else {
        (void)close(c->fd);
        if (!good && p->pid != 0 && c->life == p->life)
            life_end(p, failure);
    }
    pthread_mutex_unlock(&p->lock);
}

/* answer points into wire. */
static enum status turn(struct gw_key_process *p, uint16_t number, struct span in, uint8_t *wire,
                        struct gw_keys_message *answer, struct error *err)
{
    struct gw_keys_message m = {.op = GW_KEYS_POWER, .number = number, .bytes = in};
    struct error failure = {0};
    struct channel c;

    TRY(channel_take(p, number, &c, err));
    m.id = c.id;
    (void)ask(&c, wire, gw_keys_write(&m, wire), GW_KEYS_SHORT_MAX, answer, &failure);
    if (failure.status == ST_OK && answer->status == ST_OK && answer->bytes.len != in.len)
        (void)gone(&failure, "has answered with too much or too little");
    channel_return(p, &c, &failure);
    if (failure.status != ST_OK)
        *err = failure;
    return failure.status;
}

/* Where it has ended meanwhile the new one is asked, once. */
static enum status power(void *ctx, struct span in, uint8_t *out, struct error *err)
{
    const struct away *away = ctx;
    uint8_t wire[GW_KEYS_SHORT_MAX];
    struct gw_keys_message answer = {0};
    enum status st = turn(away->process, away->number, in, wire, &answer, err);

    if (st != ST_OK && err->cause == GW_R_KEYS_AWAY)
        st = turn(away->process, away->number, in, wire, &answer, err);
    if (st == ST_OK && answer.status != ST_OK)
        st = refused(&answer, err);
    else if (st == ST_OK)
        memcpy(out, answer.bytes.ptr, in.len);
    explicit_bzero(wire, sizeof wire);
    if (st == ST_OK)
        return ST_OK;
    err->cause = err->cause != 0 ? err->cause : GW_R_KEYS_AWAY;
    return ST_RETRY;
}

/* ---- which pairs ---- */

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const char *cert_path_of(const struct gw_pair_conf *pair)
{
    const char *path = pair->pkcs12 != NULL ? pair->pkcs12 : pair->certificate;

    return gw_token_is(path) ? NULL : path;
}

static struct loaded *pair_find(const struct gw_key_process *p, const struct gw_pair_conf *pair)
{
    for (size_t i = 0; i < p->count; i++)
        if (same(p->pairs[i].cert_path, cert_path_of(pair)) &&
            same(p->pairs[i].key_path, pair->key) &&
            same(p->pairs[i].passphrase_path, pair->passphrase_file))
            return &p->pairs[i];
    return NULL;
}

static bool copy(const char *text, char **made)
{
    *made = text == NULL ? NULL : strdup(text);
    return text == NULL || *made != NULL;
}

static enum status pair_add(struct gw_key_process *p, const struct gw_pair_conf *pair,
                            struct error *err)
{
    struct loaded *l = &p->pairs[p->count];

    if (pair == NULL || (pair->pkcs12 == NULL && (pair->key == NULL || gw_token_is(pair->key))) ||
        pair_find(p, pair) != NULL)
        return ST_OK;
    if (p->count == GW_KEYS_MAX)
        return error_set(err, ST_LIMIT, 0, "more than %d pairs of keys and certificates",
                         GW_KEYS_MAX);
    p->count++; /* freed even when half-made */
    if (!copy(cert_path_of(pair), &l->cert_path) || !copy(pair->key, &l->key_path) ||
        !copy(pair->passphrase_file, &l->passphrase_path))
        return error_starved(err);
    return ST_OK;
}

static enum status identity_add(struct gw_key_process *p, const struct gw_identity_conf *conf,
                                struct error *err)
{
    if (conf == NULL)
        return ST_OK;
    TRY(pair_add(p, &conf->signature, err));
    TRY(pair_add(p, &conf->cipher, err));
    for (unsigned i = 0; i < conf->older_ciphers_count; i++)
        TRY(pair_add(p, &conf->older_ciphers[i], err));
    for (unsigned i = 0; i < conf->next_count; i++) {
        TRY(pair_add(p, conf->next[i].signature, err));
        TRY(pair_add(p, conf->next[i].cipher, err));
    }
    return ST_OK;
}

static enum status pairs_add(struct gw_key_process *p, const struct gw_config *config,
                             struct error *err)
{
    const struct gw_osci_server_conf *server = config->osci_server;

    for (unsigned i = 0; i < config->tenants_count; i++)
        TRY(identity_add(p, &config->tenants[i].identity, err));
    for (unsigned i = 0; i < config->endpoints_count; i++)
        for (unsigned k = 0; k < config->endpoints[i].authors_count; k++)
            TRY(pair_add(p, &config->endpoints[i].authors[k], err));
    if (server == NULL)
        return ST_OK;
    TRY(identity_add(p, server->identity, err));
    for (unsigned i = 0; i < server->tenants_count; i++)
        TRY(identity_add(p, server->tenants[i].identity, err));
    return ST_OK;
}

/* ---- from the start to the end ---- */

static size_t channels_max(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long wanted = cores * CHANNELS_PER_CORE;

    return wanted < CHANNELS_MIN           ? CHANNELS_MIN
           : wanted > GW_KEYS_CHANNELS_MAX ? GW_KEYS_CHANNELS_MAX
                                           : (size_t)wanted;
}

enum status gw_key_process_new(const struct gw_key_process_conf *conf,
                               struct gw_key_process **process, struct error *err)
{
    AUTO(gw_key_process_drop) struct gw_key_process *p = calloc(1, sizeof *p);

    TRY_ALLOC(p, err);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->returned, NULL);
    p->log = conf->log;
    p->program = conf->program;
    p->patience_ms = conf->patience_ms > 0 ? conf->patience_ms : GW_KEYS_PATIENCE_MS;
    p->channels_max = channels_max();
    p->pairs = calloc(GW_KEYS_MAX + 1, sizeof *p->pairs);
    TRY_ALLOC(p->pairs, err);
    TRY(pairs_add(p, conf->config, err));
    TRY(life_begin(p, err));
    *process = TAKE(p);
    return ST_OK;
}

void gw_key_process_free(struct gw_key_process *p)
{
    if (p == NULL)
        return;
    channels_close(p);
    if (p->pid != 0)
        (void)reap(p->pid, END_MS);
    for (size_t i = 0; i < p->count; i++) {
        cert_free(p->pairs[i].cert);
        free(p->pairs[i].cert_path);
        free(p->pairs[i].key_path);
        free(p->pairs[i].passphrase_path);
    }
    free(p->pairs);
    pthread_cond_destroy(&p->returned);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

bool gw_key_process_has(const struct gw_key_process *p, const struct gw_pair_conf *pair)
{
    const struct loaded *l = p == NULL ? NULL : pair_find(p, pair);

    return l != NULL && (l->cert == NULL || strncmp(cert_key_name(l->cert), "RSA", 3) == 0);
}

enum status gw_key_process_cert(const struct gw_key_process *p, const struct gw_pair_conf *pair,
                                struct cert **cert, struct error *err)
{
    const struct loaded *l = pair_find(p, pair);

    if (l->failure.status != ST_OK) {
        *err = l->failure;
        return err->status;
    }
    *cert = l->cert == NULL ? NULL : cert_ref(l->cert);
    return ST_OK;
}

enum status gw_key_process_key(struct gw_key_process *p, const struct gw_pair_conf *pair,
                               const struct cert *cert, struct key **key, struct error *err)
{
    const struct loaded *l = pair_find(p, pair);
    AUTO(key_drop) struct key *made = NULL;
    struct away *away;

    if (l->failure.status != ST_OK) {
        *err = l->failure;
        return err->status;
    }
    away = calloc(1, sizeof *away);
    TRY_ALLOC(away, err);
    *away = (struct away){p, (uint16_t)(l - p->pairs)};
    TRY(key_away_new(cert, &(struct key_away){power, free, away}, &made, err));
    TRY(key_try(made, err));
    *key = TAKE(made);
    return ST_OK;
}

void gw_key_process_look(struct gw_key_process *p, struct gw_key_process_state *state)
{
    pthread_mutex_lock(&p->lock);
    *state = (struct gw_key_process_state){.pid = p->pid,
                                           .keys = p->count,
                                           .restarts = p->life - 1,
                                           .confined = (p->held & GW_KEYS_CONFINED) != 0,
                                           .locked = (p->held & GW_KEYS_LOCKED) != 0};
    if (p->pid == 0)
        state->failure = p->failure;
    pthread_mutex_unlock(&p->lock);
}
