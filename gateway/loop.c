#include "gateway/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

struct post {
    struct post *next;
    void (*fn)(void *ctx);
    void *ctx;
};

struct hook {
    struct hook *next;
    void (*fn)(void *ctx);
    void *ctx;
};

struct signal_watch {
    struct signal_watch *next;
    uv_signal_t handle;
    void (*fn)(void *ctx, int signum);
    void *ctx;
};

struct gw_loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_mutex_t lock; /* over posts */
    struct post *posts, **posts_end;
    struct hook *hooks;
    struct signal_watch *signals;
    atomic_bool stop_asked, stopping;
    bool closed;
    size_t jobs;
    struct gw_handover *handover;
};

struct gw_timer {
    uv_timer_t handle;
    void (*fire)(void *ctx);
    void *ctx;
};

void *gw_alloc(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL) {
        fputs("depesche: out of memory\n", stderr);
        abort();
    }
    return p;
}

int64_t gw_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t gw_monotonic_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Runs what was posted until now and says whether there was anything. */
static bool posts_run(struct gw_loop *loop)
{
    struct post *post, *next;
    bool any;

    uv_mutex_lock(&loop->lock);
    post = loop->posts;
    loop->posts = NULL;
    loop->posts_end = &loop->posts;
    uv_mutex_unlock(&loop->lock);
    any = post != NULL;
    for (; post != NULL; post = next) {
        next = post->next;
        post->fn(post->ctx);
        free(post);
    }
    return any;
}

/* From here on our own handles no longer keep the loop alive, only what the modules hold does. */
static void stop_now(struct gw_loop *loop)
{
    struct hook *hook;

    loop->stopping = true;
    uv_unref((uv_handle_t *)&loop->wake);
    for (struct signal_watch *s = loop->signals; s != NULL; s = s->next)
        uv_unref((uv_handle_t *)&s->handle);
    while ((hook = loop->hooks) != NULL) {
        loop->hooks = hook->next;
        hook->fn(hook->ctx);
        free(hook);
    }
}

static void on_wake(uv_async_t *wake)
{
    struct gw_loop *loop = wake->data;

    (void)posts_run(loop);
    if (atomic_load(&loop->stop_asked) && !loop->stopping)
        stop_now(loop);
}

enum status gw_loop_new(struct gw_loop **loop, struct error *err)
{
    struct gw_loop *l = gw_alloc(sizeof(*l));
    int rc;

    rc = uv_loop_init(&l->uv);
    if (rc != 0) {
        free(l);
        return error_set(err, ST_INTERNAL, 0, "no event loop: %s", uv_strerror(rc));
    }
    rc = uv_async_init(&l->uv, &l->wake, on_wake);
    if (rc != 0) {
        (void)uv_loop_close(&l->uv);
        free(l);
        return error_set(err, ST_INTERNAL, 0, "no wake-up for the loop: %s", uv_strerror(rc));
    }
    uv_mutex_init(&l->lock);
    l->wake.data = l;
    l->posts_end = &l->posts;
    signal(SIGPIPE, SIG_IGN); /* a peer that hangs up is an error code, not the end of us */
    *loop = l;
    return ST_OK;
}

static void signal_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void loop_close(struct gw_loop *loop)
{
    struct signal_watch *s;

    while ((s = loop->signals) != NULL) {
        loop->signals = s->next;
        uv_close((uv_handle_t *)&s->handle, signal_closed);
    }
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->closed = true;
}

void gw_loop_run(struct gw_loop *loop)
{
    do
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    while (posts_run(loop));
    loop_close(loop);
}

void gw_loop_free(struct gw_loop *loop)
{
    int rc;

    if (loop == NULL)
        return;
    if (!loop->closed) {
        stop_now(loop);
        gw_loop_run(loop);
    }
    rc = uv_loop_close(&loop->uv);
    assert(rc == 0); /* somebody has not closed a handle */
    (void)rc;
    uv_mutex_destroy(&loop->lock);
    free(loop);
}

void gw_loop_stop(struct gw_loop *loop)
{
    atomic_store(&loop->stop_asked, true);
    uv_async_send(&loop->wake);
}

bool gw_loop_stopping(const struct gw_loop *loop)
{
    return loop->stopping;
}

void gw_loop_on_stop(struct gw_loop *loop, void (*fn)(void *ctx), void *ctx)
{
    struct hook *hook;

    if (loop->stopping) {
        fn(ctx);
        return;
    }
    hook = gw_alloc(sizeof(*hook));
    *hook = (struct hook){loop->hooks, fn, ctx};
    loop->hooks = hook;
}

void gw_loop_post(struct gw_loop *loop, void (*fn)(void *ctx), void *ctx)
{
    struct post *post = gw_alloc(sizeof(*post));

    *post = (struct post){NULL, fn, ctx};
    uv_mutex_lock(&loop->lock);
    *loop->posts_end = post;
    loop->posts_end = &post->next;
    uv_mutex_unlock(&loop->lock);
    uv_async_send(&loop->wake);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct signal_watch *s = handle->data;

    s->fn(s->ctx, signum);
}

enum status gw_loop_on_signal(struct gw_loop *loop, int signum, void (*fn)(void *ctx, int signum),
                              void *ctx, struct error *err)
{
    struct signal_watch *s = gw_alloc(sizeof(*s));
    int rc;

    s->fn = fn;
    s->ctx = ctx;
    rc = uv_signal_init(&loop->uv, &s->handle);
    if (rc != 0) {
        free(s);
        return error_set(err, ST_INTERNAL, 0, "no signal handler: %s", uv_strerror(rc));
    }
    s->handle.data = s;
    rc = uv_signal_start(&s->handle, on_signal, signum);
    if (rc != 0) {
        uv_close((uv_handle_t *)&s->handle, signal_closed);
        return error_set(err, ST_INTERNAL, 0, "cannot watch signal %d: %s", signum,
                         uv_strerror(rc));
    }
    if (loop->stopping)
        uv_unref((uv_handle_t *)&s->handle);
    s->next = loop->signals;
    loop->signals = s;
    return ST_OK;
}

void gw_loop_use_handover(struct gw_loop *loop, struct gw_handover *handover)
{
    loop->handover = handover;
}

struct gw_handover *gw_loop_handover(struct gw_loop *loop)
{
    return loop->handover;
}

uv_loop_t *gw_loop_uv(struct gw_loop *loop)
{
    return &loop->uv;
}

size_t *gw_loop_jobs(struct gw_loop *loop)
{
    return &loop->jobs;
}

static void on_timer(uv_timer_t *handle)
{
    struct gw_timer *timer = handle->data;

    timer->fire(timer->ctx);
}

struct gw_timer *gw_timer_new(struct gw_loop *loop, void (*fire)(void *ctx), void *ctx)
{
    struct gw_timer *timer = gw_alloc(sizeof(*timer));

    timer->fire = fire;
    timer->ctx = ctx;
    uv_timer_init(&loop->uv, &timer->handle);
    timer->handle.data = timer;
    return timer;
}

void gw_timer_start(struct gw_timer *timer, int64_t delay_ms, int64_t repeat_ms)
{
    uv_update_time(timer->handle.loop); /* count from now, not from the start of this round */
    uv_timer_start(&timer->handle, on_timer, delay_ms < 0 ? 0 : (uint64_t)delay_ms,
                   repeat_ms < 0 ? 0 : (uint64_t)repeat_ms);
}

void gw_timer_stop(struct gw_timer *timer)
{
    uv_timer_stop(&timer->handle);
}

static void timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void gw_timer_free(struct gw_timer *timer)
{
    if (timer != NULL)
        uv_close((uv_handle_t *)&timer->handle, timer_closed);
}
