/* the one writer of gateway/store.h, and its group commit */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "gateway/store_impl.h"

/* Bounds how long the first of a batch waits for the others. */
enum { BATCH_MAX = 256 };

enum status gw_tx_remove_later(struct gw_tx *tx, const char *path, struct error *err)
{
    size_t size = strlen(path) + 1;
    struct gw_removal *removal = malloc(sizeof *removal + size);

    TRY_ALLOC(removal, err);
    memcpy(removal->path, path, size);
    removal->next = tx->removals;
    tx->removals = removal;
    return ST_OK;
}

/* Forgets removals newer than the mark. */
static void removals_drop(struct gw_tx *tx, const struct gw_removal *mark)
{
    while (tx->removals != mark) {
        struct gw_removal *removal = tx->removals;

        tx->removals = removal->next;
        free(removal);
    }
}

/* What cannot be removed now is an orphan, and the sweep of the next start takes it. */
static void removals_run(struct gw_store *store, struct gw_removal *first)
{
    struct error ignored = {0};

    while (first != NULL) {
        struct gw_removal *removal = first;

        if (gw_dir_remove(store->dir, removal->path, &ignored) != ST_OK)
            store->leftovers = true;
        first = removal->next;
        free(removal);
    }
}

static void removals_carry_out(struct gw_tx *tx)
{
    struct gw_store *store = tx->store;
    struct gw_removal *first = TAKE(tx->removals), *last = first;

    if (first == NULL)
        return;
    pthread_mutex_lock(&store->lock);
    if (store->holds > 0) {
        while (last->next != NULL)
            last = last->next;
        last->next = store->held;
        store->held = first;
        first = NULL;
    }
    pthread_mutex_unlock(&store->lock);
    removals_run(store, first);
}

void gw_removals_hold(struct gw_store *store)
{
    pthread_mutex_lock(&store->lock);
    store->holds++;
    pthread_mutex_unlock(&store->lock);
}

void gw_removals_release(struct gw_store *store)
{
    struct gw_removal *first = NULL;

    pthread_mutex_lock(&store->lock);
    if (--store->holds == 0)
        first = TAKE(store->held);
    pthread_mutex_unlock(&store->lock);
    removals_run(store, first);
}

/* One job in its savepoint. The status returned is the transaction's, the job's own is job->st. */
static enum status job_run(struct gw_tx *tx, struct gw_job *job, struct error *err)
{
    const struct gw_removal *mark = tx->removals;
    int64_t last_seq = tx->last_seq;

    TRY(sql_exec(tx->db, "SAVEPOINT job", err));
    job->st = job->fn(tx, job->ctx, job->err);
    if (job->st == ST_OK)
        return sql_exec(tx->db, "RELEASE job", err);
    removals_drop(tx, mark);
    tx->last_seq = last_seq;
    if (!sql_in_transaction(tx->db)) { /* a full disk ends more than the one statement */
        *err = *job->err;
        return job->st;
    }
    TRY(sql_exec(tx->db, "ROLLBACK TO job", err));
    return sql_exec(tx->db, "RELEASE job", err);
}

static enum status batch_run(struct gw_tx *tx, struct gw_job *first, struct error *err)
{
    TRY(sql_exec(tx->db, "BEGIN IMMEDIATE", err));
    for (struct gw_job *job = first; job != NULL; job = job->next)
        TRY(job_run(tx, job, err));
    return sql_exec(tx->db, "COMMIT", err);
}

static int64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* With the lock held. */
static void time_count(struct gw_store_times *times, int64_t us)
{
    size_t i = 0;

    while (i + 1 < GW_STORE_BUCKETS && us > INT64_C(1000) << i)
        i++;
    times->took[i]++;
    times->took_us += (uint64_t)us;
}

/* Runs the batch to its durable end; afterwards every job has its status. */
static void batch_commit(struct gw_store *store, struct gw_job *first, size_t count)
{
    struct gw_tx *tx = &store->writer;
    struct error err = {0};
    int64_t changes = sql_changes(tx->db), begun = now_us();
    enum status st;

    tx->last_seq = 0;
    st = batch_run(tx, first, &err);
    if (st != ST_OK) {
        sql_rollback(tx->db);
        removals_drop(tx, NULL);
        for (struct gw_job *job = first; job != NULL; job = job->next) {
            if (job->st != ST_OK)
                continue;
            /* another's failed insert says nothing about this one: it may try again */
            job->st = st == ST_LIMIT || st == ST_INTERNAL ? st : ST_RETRY;
            *job->err = err;
            job->err->status = job->st;
        }
        return;
    }
    removals_carry_out(tx);
    pthread_mutex_lock(&store->lock);
    store->stats.jobs += count;
    if (sql_changes(tx->db) != changes) {
        store->stats.commits++;
        time_count(&store->times, now_us() - begun);
    }
    if (count > store->stats.batch_max)
        store->stats.batch_max = count;
    pthread_mutex_unlock(&store->lock);
    if (tx->last_seq > 0 && store->conf.committed != NULL)
        store->conf.committed(store->conf.committed_ctx, tx->last_seq);
}

/* With the lock held: the next batch, NULL when stopping and nothing is left. */
static struct gw_job *batch_take(struct gw_store *store, size_t *count)
{
    struct gw_job *first, *last;

    while (store->first == NULL && !store->stopping)
        pthread_cond_wait(&store->work, &store->lock);
    first = last = store->first;
    *count = 0;
    if (first == NULL)
        return NULL;
    for (*count = 1; *count < BATCH_MAX && last->next != NULL; (*count)++)
        last = last->next;
    store->first = last->next;
    if (store->first == NULL)
        store->last = &store->first;
    last->next = NULL;
    return first;
}

static void *writer_main(void *arg)
{
    struct gw_store *store = arg;
    struct gw_job *first;
    size_t count;

    pthread_mutex_lock(&store->lock);
    while ((first = batch_take(store, &count)) != NULL) {
        pthread_mutex_unlock(&store->lock);
        batch_commit(store, first, count);
        pthread_mutex_lock(&store->lock);
        for (struct gw_job *next; first != NULL; first = next) {
            next = first->next; /* once signalled and unlocked, the job is gone */
            first->done = true;
            pthread_cond_signal(&first->finished);
        }
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

enum status gw_writer_start(struct gw_store *store, struct error *err)
{
    int rc = pthread_create(&store->thread, NULL, writer_main, store);

    if (rc != 0)
        return error_set(err, ST_LIMIT, 0, "cannot start the writer thread (%d)", rc);
    store->running = true;
    return ST_OK;
}

void gw_writer_stop(struct gw_store *store)
{
    if (!store->running)
        return;
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_signal(&store->work);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    store->running = false;
}

enum status gw_store_commit(struct gw_store *store,
                            enum status (*fn)(struct gw_tx *tx, void *ctx, struct error *err),
                            void *ctx, struct error *err)
{
    struct gw_job job = {.fn = fn, .ctx = ctx, .err = err};

    assert(store->running && !pthread_equal(pthread_self(), store->thread));
    pthread_cond_init(&job.finished, NULL);
    pthread_mutex_lock(&store->lock);
    assert(!store->stopping);
    *store->last = &job;
    store->last = &job.next; /* cppcheck-suppress autoVariables ; the job waits here */
    pthread_cond_signal(&store->work);
    while (!job.done)
        pthread_cond_wait(&job.finished, &store->lock);
    pthread_mutex_unlock(&store->lock);
    pthread_cond_destroy(&job.finished);
    return job.st;
}
