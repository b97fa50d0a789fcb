/* A look at out/: which names are complete. */
#include "gateway/spool_in.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "gateway/log.h"

enum {
    TAKERS = 16,
    BATCH = 500,
    SOON_MS = 1000,
    TROUBLE_MS = 15 * 1000, /* when the trouble is not the file's: the others would fare alike */
    SHARE = 10,             /* looking may take a tenth of the time */
    SHARE_MAX_MS = 60 * 1000,
    RACY_NS = 2000000000, /* so coarse may a file system's times be */
    SMALL = 1024 * 1024   /* bytes that are copied once more without a thought */
};

/* A name to be taken, and what the look before knew of it. */
struct candidate {
    char name[GW_NAME_SIZE];
    struct gw_waiting before; /* since_ms 0: nothing */
};

/* One walk through out/, a batch with each call, so that each name costs the same however many
 * there are. A batch is taken by several threads: their commits share their fsyncs. */
struct gw_pass {
    struct gw_spool_endpoint *e;
    DIR *dir;
    int64_t begun_ms;
    struct gw_waits seen;
    struct gw_overdue overdue;
    bool again, progress, over;
    struct candidate *batch;
    size_t count;
    atomic_size_t next;
    atomic_bool trouble;
    pthread_mutex_t lock; /* for the takers: names in refused/, and all below */
    bool failed;
    struct error err;
};

/* ---- what waits ---- */

/* A name that is not a message: remembered, and told about when that takes too long. */
static void wait_on(struct gw_pass *p, const char *name, const struct gw_waiting *before,
                    const struct gw_take_result *why)
{
    int64_t now = gw_monotonic_ms();
    struct gw_waiting one = {.name = gw_name_hash(name),
                             .look = why->look,
                             .since_ms = now,
                             .same_ms = now,
                             .reason = why->waits_for,
                             .tried = true};

    if (before != NULL && before->since_ms != 0) {
        one.since_ms = before->since_ms;
        one.told = before->told && before->reason == one.reason;
        if (before->look == one.look)
            one.same_ms = before->same_ms;
    }
    if (!one.told && one.reason != 0 && now - one.since_ms >= p->e->patience.waiting_ms) {
        one.told = true;
        if (p->overdue.count++ == 0) {
            p->overdue.reason = one.reason;
            gw_name_show(span_str(name), p->overdue.name);
            (void)snprintf(p->overdue.detail, sizeof p->overdue.detail, "%s", why->detail);
        }
    }
    gw_waits_add(&p->seen, &one);
}

/* ---- which names are complete ---- */

static bool is_there(const struct gw_spool_endpoint *e, const char *name, bool file)
{
    struct stat st;

    return fstatat(e->out, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (!file || S_ISREG(st.st_mode));
}

/* A name under "marker" or "manifest": complete when both are there. It is the one that bears the
 * ending that brings the other, so each pair is found once. */
static bool signalled(struct gw_pass *p, const char *name, const char *signal,
                      char complete[GW_NAME_SIZE])
{
    struct span s = span_str(name), ending = span_str(signal);
    struct gw_take_result why = {.waits_for = GW_R_SPOOL_NOT_SIGNALLED};
    char other[GW_NAME_SIZE];

    if (!span_ends(s, ending)) {
        if (gw_spool_ignores(p->e, name) ||
            (gw_spool_beside(name, signal, other) && is_there(p->e, other, true)))
            return false;
        (void)snprintf(why.detail, sizeof why.detail, "*%s", signal);
        wait_on(p, name, gw_waits_find(&p->e->waits, gw_name_hash(name)), &why);
        return false;
    }
    (void)snprintf(complete, GW_NAME_SIZE, "%.*s", (int)(s.len - ending.len), name);
    if (name[0] == '.' || gw_spool_ignores(p->e, complete))
        return false;
    if (is_there(p->e, complete, false) && is_there(p->e, name, true))
        return true;
    why.waits_for = GW_R_SPOOL_SIGNAL_ALONE;
    wait_on(p, name, gw_waits_find(&p->e->waits, gw_name_hash(name)), &why);
    return false;
}

/* Has it looked the same for long enough? */
static bool settled(struct gw_pass *p, const char *name, const struct gw_waiting *before)
{
    int64_t now = gw_monotonic_ms();
    struct gw_take_result why = {0};
    struct error ignored = {0};
    struct gw_look look;

    if (gw_spool_look(p->e, p->e->out, name, &look, &ignored) != ST_OK) {
        p->again |= ignored.status != ST_NOT_FOUND;
        return ignored.status == ST_DENIED; /* the taker finds out what to say */
    }
    why.look = gw_look_hash(&look);
    if (before != NULL && before->look == why.look &&
        now - before->same_ms >= p->e->patience.settled_ms)
        return true;
    p->again = true;
    wait_on(p, name, before, &why);
    return false;
}

/* What did not go the last time is tried again when it has changed and then stands still, so that
 * large files are not copied time and again while they grow. A manifest that does not fit the bytes
 * as they stand never will. */
static bool worth_trying(struct gw_pass *p, const char *name, const struct gw_waiting *before)
{
    struct gw_take_result why = {0};
    struct error ignored = {0};
    struct gw_look look;
    int64_t age;

    if (before == NULL || !before->tried || before->reason == 0)
        return true;
    if (gw_spool_look(p->e, p->e->out, name, &look, &ignored) != ST_OK)
        return true;
    why = (struct gw_take_result){.waits_for = before->reason, .look = gw_look_hash(&look)};
    age = gw_now_ms() * 1000000 - look.changed_ns;
    if (why.look != before->look && look.size <= SMALL)
        return true;
    if (why.look == before->look &&
        (before->reason != GW_R_SPOOL_DIGEST || (age >= 0 && age < RACY_NS)))
        return true;
    if (why.look != before->look) {
        why.waits_for = GW_R_SPOOL_CHANGED;
        p->again = true;
    }
    wait_on(p, name, before, &why);
    return false;
}

static void name_consider(struct gw_pass *p, const char *name)
{
    const char *signal = gw_spool_signal(p->e);
    struct candidate *c = &p->batch[p->count];
    const struct gw_waiting *before;

    if (signal != NULL) {
        if (!signalled(p, name, signal, c->name))
            return;
    } else {
        if (gw_spool_ignores(p->e, name))
            return;
        (void)snprintf(c->name, sizeof c->name, "%s", name);
    }
    before = gw_waits_find(&p->e->waits, gw_name_hash(c->name));
    if (p->e->conf->complete == GW_COMPLETE_SETTLED && !settled(p, c->name, before))
        return;
    if (!worth_trying(p, c->name, before))
        return;
    c->before = (struct gw_waiting){0};
    if (before != NULL)
        c->before = *before;
    p->count++;
}

/* ---- taking them ---- */

static void taken_note(struct gw_pass *p, const struct candidate *c, enum status st,
                       const struct gw_take_result *result, const struct error *err)
{
    pthread_mutex_lock(&p->lock);
    if (st != ST_OK) {
        p->err = *err;
        p->failed = true;
        p->trouble = p->trouble || err->reason == GW_R_SCAN_UNAVAILABLE ||
                     err->reason == GW_R_STORE_FULL || err->reason == GW_R_STORE_WRITE ||
                     err->reason == GW_R_SPOOL_FOLDER;
    }
    if (result->waits_for != 0) {
        p->again = true;
        wait_on(p, c->name, &c->before, result);
    } else {
        p->progress = true;
    }
    pthread_mutex_unlock(&p->lock);
}

static void *taker_main(void *arg)
{
    struct gw_pass *p = arg;

    while (!gw_loop_stopping(p->e->rt->loop) && !p->trouble) {
        size_t i = atomic_fetch_add(&p->next, 1);
        struct gw_take_result result = {0};
        struct error err = {0};
        enum status st;

        if (i >= p->count)
            break;
        st = gw_spool_take_one(p->e, p->batch[i].name, &p->lock, &result, &err);
        taken_note(p, &p->batch[i], st, &result, &err);
    }
    return NULL;
}

static void take_batch(struct gw_pass *p)
{
    pthread_t threads[TAKERS - 1];
    size_t started = 0;

    p->next = 0;
    while (started < ARRAY_LEN(threads) && started + 1 < p->count &&
           pthread_create(&threads[started], NULL, taker_main, p) == 0)
        started++;
    (void)taker_main(p);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
}

/* ---- the pass ---- */

void gw_pass_free(struct gw_pass *p)
{
    if (p == NULL)
        return;
    if (p->dir != NULL)
        (void)closedir(p->dir);
    pthread_mutex_destroy(&p->lock);
    gw_waits_free(&p->seen);
    free(p->batch);
    free(p);
}

/* Claims that a crash or a trouble left: before anything else is taken, so that nothing is put
 * beside what they may have to go back to. */
static enum status claim_consider(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct gw_pass *p = ctx;
    const char *id = gw_claim_id(name);

    if (id == NULL || !S_ISDIR(mode))
        return ST_OK;
    if (gw_spool_take_claim(p->e, id, &p->lock, err) == ST_OK)
        return ST_OK;
    p->e->leftovers = true;
    p->again = p->failed = true;
    p->err = *err;
    return ST_OK;
}

static enum status pass_begin(struct gw_spool_endpoint *e, struct error *err)
{
    AUTO(fd_drop) int fd = -1;
    struct gw_pass *p = e->pass = gw_alloc(sizeof *p);

    *p = (struct gw_pass){.e = e, .lock = PTHREAD_MUTEX_INITIALIZER, .begun_ms = gw_monotonic_ms()};
    p->batch = gw_alloc(BATCH * sizeof *p->batch);
    if (e->leftovers) {
        e->leftovers = false;
        TRY(gw_dir_each(e->out, ".", claim_consider, p, err));
    }
    TRY(gw_dir_open(e->out, ".", &fd, err));
    p->dir = fdopendir(fd);
    if (p->dir == NULL)
        return error_set(err, ST_LIMIT, GW_R_SPOOL_FOLDER, "out/: %s", strerror(errno));
    fd = -1;
    return ST_OK;
}

static enum status batch_read(struct gw_pass *p, struct error *err)
{
    const struct dirent *entry;

    p->count = 0;
    while (p->count < BATCH) {
        errno = 0;
        entry = readdir(p->dir); /* this DIR is ours alone */
        if (entry == NULL && errno != 0)
            return error_set(err, ST_RETRY, GW_R_SPOOL_FOLDER, "out/: %s", strerror(errno));
        p->over = entry == NULL;
        if (p->over)
            return ST_OK;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            name_consider(p, entry->d_name);
    }
    return ST_OK;
}

/* What this look saw is what the next one compares with. */
static void pass_end(struct gw_pass *p, int *again_ms)
{
    struct gw_spool_endpoint *e = p->e;
    int64_t now = gw_monotonic_ms(), rest = (now - p->begun_ms) * SHARE;
    int64_t soon = e->patience.settled_ms < SOON_MS ? e->patience.settled_ms : SOON_MS;

    if (p->overdue.count > 0)
        gw_overdue_tell(e, &p->overdue);
    gw_waits_sort(&p->seen);
    gw_waits_free(&e->waits);
    e->waits = p->seen;
    p->seen = (struct gw_waits){0};
    e->looked = e->looked || !p->trouble;
    if (rest > SHARE_MAX_MS)
        rest = SHARE_MAX_MS;
    e->rest_until = p->progress || rest < SOON_MS ? 0 : now + rest;
    *again_ms = p->trouble                ? TROUBLE_MS
                : p->again && rest > soon ? (int)rest
                : p->again                ? (int)soon
                                          : -1;
}

enum status gw_spool_take(struct gw_spool_endpoint *e, int *again_ms, struct error *err)
{
    enum status st = e->pass == NULL ? pass_begin(e, err) : ST_OK;
    struct gw_pass *p = e->pass;

    *again_ms = SOON_MS;
    if (st == ST_OK)
        st = batch_read(p, err);
    if (st != ST_OK)
        goto undo;
    take_batch(p);
    if (p->failed) {
        *err = p->err;
        st = p->err.status;
        p->failed = false;
    }
    *again_ms = p->trouble ? TROUBLE_MS : 0;
    if (!p->trouble && !p->over)
        return st;
    if (p->over)
        pass_end(p, again_ms);
undo:
    gw_pass_free(p);
    e->pass = NULL;
    return st;
}
