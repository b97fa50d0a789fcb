#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>

#include "gateway/worker.h"

struct world {
    struct gw_loop *loop;
    uv_thread_t loop_thread;
    atomic_int jobs;
    int dones, posts, stops, fires, signals;
    int order[8];
    int order_len;
    struct gw_timer *timer;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct error err;

    assert_int_equal(gw_loop_new(&w->loop, &err), ST_OK);
    w->loop_thread = uv_thread_self();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    gw_loop_free(w->loop);
    free(w);
    return 0;
}

static bool on_loop(const struct world *w)
{
    uv_thread_t self = uv_thread_self();

    return uv_thread_equal(&self, &w->loop_thread) != 0;
}

static void job_slow(void *ctx)
{
    struct world *w = ctx;

    assert_false(on_loop(w));
    uv_sleep(20);
    atomic_fetch_add(&w->jobs, 1);
}

static void job_done(void *ctx)
{
    struct world *w = ctx;

    assert_true(on_loop(w));
    w->dones++;
}

/* A stop waits for the jobs that run, and their results still come back. */
static void test_jobs(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 20; i++)
        gw_worker_run(w->loop, job_slow, i == 0 ? NULL : job_done, w);
    assert_int_equal(gw_worker_count(w->loop), 20);
    gw_loop_stop(w->loop);
    gw_loop_run(w->loop);
    assert_int_equal(atomic_load(&w->jobs), 20);
    assert_int_equal(w->dones, 19);
    assert_int_equal(gw_worker_count(w->loop), 0);
}

static void post_count(void *ctx)
{
    struct world *w = ctx;

    assert_true(on_loop(w));
    if (++w->posts == 50)
        gw_loop_stop(w->loop);
}

static void job_posts(void *ctx)
{
    struct world *w = ctx;

    for (int i = 0; i < 10; i++)
        gw_loop_post(w->loop, post_count, w);
}

static void test_posts(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 5; i++)
        gw_worker_run(w->loop, job_posts, NULL, w);
    gw_loop_run(w->loop);
    assert_int_equal(w->posts, 50);
}

static void hook_a(void *ctx)
{
    struct world *w = ctx;

    w->order[w->order_len++] = 'a';
}

static void post_late(void *ctx)
{
    struct world *w = ctx;

    w->order[w->order_len++] = 'p';
}

static void hook_b(void *ctx)
{
    struct world *w = ctx;

    assert_true(gw_loop_stopping(w->loop));
    w->order[w->order_len++] = 'b';
    gw_loop_post(w->loop, post_late, w);
}

static void test_hooks(void **state)
{
    struct world *w = *state;
    static const int want[] = {'b', 'a', 'p', 'a'};

    gw_loop_on_stop(w->loop, hook_a, w);
    gw_loop_on_stop(w->loop, hook_b, w);
    assert_false(gw_loop_stopping(w->loop));
    gw_loop_stop(w->loop);
    gw_loop_stop(w->loop);
    gw_loop_run(w->loop);
    gw_loop_on_stop(w->loop, hook_a, w); /* too late: at once */
    assert_int_equal(w->order_len, 4);
    assert_memory_equal(w->order, want, sizeof(want));
}

static void on_fire(void *ctx)
{
    struct world *w = ctx;

    if (++w->fires < 3)
        return;
    gw_timer_free(w->timer);
    gw_loop_stop(w->loop);
}

static void test_timer(void **state)
{
    struct world *w = *state;
    int64_t began = gw_monotonic_ms();

    w->timer = gw_timer_new(w->loop, on_fire, w);
    gw_timer_start(w->timer, 30, 10);
    gw_loop_run(w->loop);
    assert_int_equal(w->fires, 3);
    assert_true(gw_monotonic_ms() - began >= 49);
}

static void on_signal(void *ctx, int signum)
{
    struct world *w = ctx;

    assert_int_equal(signum, SIGUSR1);
    w->signals++;
    gw_loop_stop(w->loop);
}

static void post_kill(void *ctx)
{
    (void)ctx;
    kill(getpid(), SIGPIPE); /* ignored */
    kill(getpid(), SIGUSR1);
}

static void test_signal(void **state)
{
    struct world *w = *state;
    struct error err;

    assert_int_equal(gw_loop_on_signal(w->loop, SIGUSR1, on_signal, w, &err), ST_OK);
    gw_loop_post(w->loop, post_kill, w);
    gw_loop_run(w->loop);
    assert_int_equal(w->signals, 1);
}

/* A loop that never ran is freed all the same; so the teardown says. */
static void test_unused(void **state)
{
    struct world *w = *state;

    assert_true(gw_now_ms() > 1700000000000);
    assert_non_null(gw_loop_uv(w->loop));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_jobs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_posts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hooks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unused, setup, teardown),
    };

    gw_worker_setup(4);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
