/* Inner messages being carried out: one job for all that wait, and nobody waits for too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/assembly.h"
#include "gateway/loop.h"

#include <pthread.h>
#include <stdio.h>

enum { WAITERS = 3 };

/* A keeper whose only transfer takes as long as the test likes, and then cannot be had. */
struct slow_keeper {
    struct osci_transfers base;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool go;
    int jobs;
};

static enum status slow_open(struct osci_transfers *self, struct span ref, struct arena *arena,
                             struct osci_transfer *transfer, struct source **whole,
                             struct error *err)
{
    struct slow_keeper *k = (struct slow_keeper *)self;

    (void)ref;
    (void)arena;
    (void)transfer;
    (void)whole;
    pthread_mutex_lock(&k->lock);
    k->jobs++;
    while (!k->go)
        pthread_cond_wait(&k->changed, &k->lock);
    pthread_mutex_unlock(&k->lock);
    return error_set(err, ST_RETRY, 0, "the disk is away");
}

struct world;
struct asker {
    struct world *w;
    int over;
    bool ended;
};

struct world {
    struct gw_runtime rt; /* the loop is all it needs */
    struct slow_keeper keeper;
    struct osci_intermediary im;
    struct gw_assemblies *all;
    struct asker askers[WAITERS + 1];
    int over, processed;
    int go_after; /* so many are over: the job may go on */
    int stop_after;
    int watch_after, watched; /* so many are over: jobs that have begun by then */
};

static void go(struct world *w)
{
    pthread_mutex_lock(&w->keeper.lock);
    w->keeper.go = true;
    pthread_cond_broadcast(&w->keeper.changed);
    pthread_mutex_unlock(&w->keeper.lock);
}

static int jobs_begun(struct world *w)
{
    int jobs;

    pthread_mutex_lock(&w->keeper.lock);
    jobs = w->keeper.jobs;
    pthread_mutex_unlock(&w->keeper.lock);
    return jobs;
}

static void over(void *ctx, bool ended)
{
    struct asker *a = ctx;

    a->over++;
    a->ended = ended;
    if (++a->w->over == a->w->watch_after)
        a->w->watched = jobs_begun(a->w);
    if (a->w->over == a->w->go_after)
        go(a->w);
    if (a->w->over == a->w->stop_after)
        gw_loop_stop(a->w->rt.loop);
}

static void processed(void *ctx, const struct osci_processed *done)
{
    (void)done;
    ((struct world *)ctx)->processed++;
}

static void on_stop(void *ctx)
{
    struct world *w = ctx;

    gw_assemblies_close(w->all);
    go(w);
}

static void ask(struct world *w, size_t i, const char *ref, int64_t wait_ms)
{
    w->askers[i].w = w;
    gw_assembly_wait(w->all, span_str(ref), wait_ms, over, &w->askers[i]);
    assert_int_equal(w->askers[i].over, 0); /* never from within */
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct error err = {0};

    assert_non_null(w);
    assert_int_equal(gw_loop_new(&w->rt.loop, &err), ST_OK);
    pthread_mutex_init(&w->keeper.lock, NULL);
    pthread_cond_init(&w->keeper.changed, NULL);
    w->keeper.base.chunks_open = slow_open;
    w->im.transfers = &w->keeper.base;
    w->all = gw_assemblies_new(&w->rt, &w->im, NULL, processed, w);
    gw_loop_on_stop(w->rt.loop, on_stop, w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    gw_assemblies_free(w->all);
    gw_loop_free(w->rt.loop);
    pthread_cond_destroy(&w->keeper.changed);
    pthread_mutex_destroy(&w->keeper.lock);
    free(w);
    return 0;
}

/* All ask for the same one; it ends, and all hear of it. Our own trouble is no result. */
static void one_job_for_all(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < WAITERS; i++)
        ask(w, i, "one", 60000);
    w->stop_after = WAITERS;
    go(w);
    gw_loop_run(w->rt.loop);
    assert_int_equal(w->keeper.jobs, 1);
    assert_int_equal(w->processed, 0);
    for (size_t i = 0; i < WAITERS; i++) {
        assert_int_equal(w->askers[i].over, 1);
        assert_true(w->askers[i].ended);
    }
}

static void jobs_of_their_own(void **state)
{
    struct world *w = *state;

    ask(w, 0, "one", 60000);
    ask(w, 1, "two", 60000);
    w->stop_after = 2;
    go(w);
    gw_loop_run(w->rt.loop);
    assert_int_equal(w->keeper.jobs, 2);
}

/* However many there are, the workers are not theirs alone; each gets its turn. */
static void few_at_once(void **state)
{
    static const char *const refs[] = {"one", "two", "three", "four"};
    struct world *w = *state;

    for (size_t i = 0; i < ARRAY_LEN(refs); i++)
        ask(w, i, refs[i], i == 0 ? 300 : 60000);
    w->watch_after = 1;
    w->go_after = 1;
    w->stop_after = ARRAY_LEN(refs);
    gw_loop_run(w->rt.loop);
    assert_in_range(w->watched, 0, 2);
    assert_int_equal(w->keeper.jobs, ARRAY_LEN(refs));
    for (size_t i = 1; i < ARRAY_LEN(refs); i++)
        assert_true(w->askers[i].ended);
}

/* A stop does not begin what stands in line. */
static void stopped_in_line(void **state)
{
    static const char *const refs[] = {"one", "two", "three"};
    struct world *w = *state;

    for (size_t i = 0; i < ARRAY_LEN(refs); i++)
        ask(w, i, refs[i], 60000);
    gw_loop_stop(w->rt.loop);
    gw_loop_run(w->rt.loop);
    assert_in_range(w->keeper.jobs, 0, 2);
    for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
        assert_int_equal(w->askers[i].over, 1);
        assert_false(w->askers[i].ended);
    }
}

/* Two do not wait so long; the third waits for the end, which comes after them. */
static void time_is_up(void **state)
{
    struct world *w = *state;

    ask(w, 0, "one", 0);
    ask(w, 1, "one", 20);
    ask(w, 2, "one", 60000);
    w->go_after = 2;
    w->stop_after = 3;
    gw_loop_run(w->rt.loop);
    assert_int_equal(w->keeper.jobs, 1);
    assert_false(w->askers[0].ended);
    assert_false(w->askers[1].ended);
    assert_true(w->askers[2].ended);
}

/* A stop keeps nobody waiting, and comes to its end though jobs run. */
static void stopped(void **state)
{
    struct world *w = *state;

    ask(w, 0, "one", 60000);
    gw_loop_stop(w->rt.loop);
    gw_loop_run(w->rt.loop);
    assert_int_equal(w->askers[0].over, 1);
    assert_false(w->askers[0].ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_job_for_all, setup, teardown),
        cmocka_unit_test_setup_teardown(jobs_of_their_own, setup, teardown),
        cmocka_unit_test_setup_teardown(few_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_in_line, setup, teardown),
        cmocka_unit_test_setup_teardown(time_is_up, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped, setup, teardown),
    };

    return cmocka_run_group_tests_name("assembly", tests, NULL, NULL);
}
