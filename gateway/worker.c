#include "gateway/worker.h"

#include <stdio.h>

struct job {
    uv_work_t req;
    struct gw_loop *loop;
    void (*job)(void *ctx);
    void (*done)(void *ctx);
    void *ctx;
};

void gw_worker_setup(unsigned threads)
{
    char text[16];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (threads == 0)
        threads = cores < 1 ? 4 : (unsigned)cores * 2 + 2;
    snprintf(text, sizeof(text), "%u", threads > 1024 ? 1024 : threads);
    setenv("UV_THREADPOOL_SIZE", text, 1);
}

unsigned gw_worker_threads(void)
{
    const char *text = getenv("UV_THREADPOOL_SIZE");
    int threads = text == NULL ? 0 : atoi(text);

    return threads <= 0 ? 4 : (unsigned)threads; /* libuv's own */
}

static void on_work(uv_work_t *req)
{
    struct job *job = req->data;

    job->job(job->ctx);
}

static void on_done(uv_work_t *req, int rc)
{
    struct job *job = req->data;
    void (*done)(void *) = job->done;
    void *ctx = job->ctx;

    (void)rc; /* UV_ECANCELED cannot be: nobody calls uv_cancel */
    (*gw_loop_jobs(job->loop))--;
    free(job);
    if (done != NULL)
        done(ctx);
}

void gw_worker_run(struct gw_loop *loop, void (*fn)(void *ctx), void (*done)(void *ctx), void *ctx)
{
    struct job *job = gw_alloc(sizeof(*job));

    job->loop = loop;
    job->job = fn;
    job->done = done;
    job->ctx = ctx;
    job->req.data = job;
    (*gw_loop_jobs(loop))++;
    uv_queue_work(gw_loop_uv(loop), &job->req, on_work, on_done); /* fails without on_work only */
}

size_t gw_worker_count(struct gw_loop *loop)
{
    return *gw_loop_jobs(loop);
}
