#include "gateway/command.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_MAX = 64 * 1024, TICK_MS = 100 };

struct gw_command {
    uv_process_t process;
    uv_pipe_t errors, output; /* its stderr; its stdout, where anybody wants that */
    int open;                 /* handles that are not closed yet */
    bool over;                /* it has ended, or never began */
    bool head_whole;          /* the first line has ended */
    size_t head_len, total, output_max;
    char bytes[GW_COMMAND_TAIL * 2];
    size_t len;
    char chunk[4096];
    struct gw_command_result result;
    void (*done)(void *ctx, const struct gw_command_result *result);
    void *ctx;
};

/* Keeps the end of what came; the front is cut when there is no more room. */
static void tail_add(struct gw_command *c, const char *bytes, size_t len)
{
    if (len > GW_COMMAND_TAIL) {
        bytes += len - GW_COMMAND_TAIL;
        len = GW_COMMAND_TAIL;
    }
    if (c->len + len > sizeof c->bytes) {
        size_t keep = GW_COMMAND_TAIL;

        memmove(c->bytes, c->bytes + c->len - keep, keep);
        c->len = keep;
    }
    memcpy(c->bytes + c->len, bytes, len);
    c->len += len;
}

/* What a program says last, it means. bytes: without line ends at the end. */
static void last_keep(struct gw_command *c, const char *bytes, size_t len)
{
    size_t from = len;

    while (from > 0 && bytes[from - 1] != '\n' && bytes[from - 1] != '\r')
        from--;
    len -= from;
    if (len > sizeof c->result.last - 1)
        len = sizeof c->result.last - 1;
    memcpy(c->result.last, bytes + from, len);
    c->result.last[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)c->result.last[i] < ' ')
            c->result.last[i] = ' ';
}

/* One line for the history, from a whole character on. */
static void tail_finish(struct gw_command *c)
{
    size_t from = c->len >= GW_COMMAND_TAIL ? c->len - GW_COMMAND_TAIL + 1 : 0, len;

    while (from > 0 && from < c->len && ((unsigned char)c->bytes[from] & 0xc0) == 0x80)
        from++;
    while (c->len > from && (unsigned char)c->bytes[c->len - 1] <= ' ')
        c->len--;
    len = c->len - from;
    last_keep(c, c->bytes + from, len);
    memcpy(c->result.tail, c->bytes + from, len);
    c->result.tail[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)c->result.tail[i] < ' ')
            c->result.tail[i] = ' ';
}

/* The first line, as far as there is room. */
static void head_add(struct gw_command *c, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len && !c->head_whole; i++) {
        c->head_whole = bytes[i] == '\n' || c->head_len == sizeof c->result.head - 1;
        if (!c->head_whole)
            c->result.head[c->head_len++] = bytes[i];
    }
}

static void group_kill(const struct gw_command *c)
{
    if (c->process.pid > 0)
        (void)kill(-c->process.pid, SIGKILL);
}

/* Something it wrote, to stdout or stderr. */
static void written(struct gw_command *c, const uv_stream_t *stream, const char *bytes, size_t len)
{
    if (stream == (const uv_stream_t *)&c->output)
        head_add(c, bytes, len);
    else
        tail_add(c, bytes, len);
    c->total += len;
    if (c->output_max == 0 || c->total <= c->output_max || c->over)
        return;
    c->result.flooded = true;
    group_kill(c);
}

static void on_closed(uv_handle_t *handle)
{
    struct gw_command *c = handle->data;

    if (--c->open > 0)
        return;
    tail_finish(c);
    c->done(c->ctx, &c->result);
    free(c);
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct gw_command *c = handle->data;

    (void)wanted;
    *buf = uv_buf_init(c->chunk, sizeof c->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct gw_command *c = stream->data;

    if (len > 0)
        written(c, stream, buf->base, (size_t)len);
    else if (len < 0)
        (void)uv_read_stop(stream);
}

/* What lies in the pipe when it ends; a process that left the group may hold it open for ever. */
static void rest_read(struct gw_command *c, const uv_pipe_t *pipe)
{
    size_t total = 0;
    uv_os_fd_t fd;
    ssize_t n;

    if (uv_fileno((const uv_handle_t *)pipe, &fd) != 0)
        return;
    while (total < READ_MAX && (n = read(fd, c->chunk, sizeof c->chunk)) > 0) {
        written(c, (const uv_stream_t *)pipe, c->chunk, (size_t)n);
        total += (size_t)n;
    }
}

static void handles_close(struct gw_command *c)
{
    uv_close((uv_handle_t *)&c->process, on_closed);
    uv_close((uv_handle_t *)&c->errors, on_closed);
    uv_close((uv_handle_t *)&c->output, on_closed);
}

static void on_exit_cb(uv_process_t *process, int64_t code, int signum)
{
    struct gw_command *c = process->data;

    group_kill(c);
    c->over = true;
    c->result.exit_code = code;
    c->result.signal = signum;
    rest_read(c, &c->errors);
    rest_read(c, &c->output);
    handles_close(c);
}

/* Where its stdin, stdout and stderr lead. */
static void stdio_make(struct gw_command *c, const struct gw_command_conf *conf,
                       uv_stdio_container_t stdio[3])
{
    const uv_stdio_flags out = UV_CREATE_PIPE | UV_WRITABLE_PIPE;

    stdio[0] = (uv_stdio_container_t){.flags = UV_IGNORE};
    stdio[1] = (uv_stdio_container_t){.flags = UV_IGNORE};
    if (conf->input != NULL)
        stdio[0] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = conf->input->fd};
    if (conf->output_max > 0)
        stdio[1] = (uv_stdio_container_t){.flags = out, .data.stream = (uv_stream_t *)&c->output};
    stdio[2] = (uv_stdio_container_t){.flags = out, .data.stream = (uv_stream_t *)&c->errors};
}

struct gw_command *gw_command_run(struct gw_loop *loop, const struct gw_command_conf *conf)
{
    struct gw_command *c = gw_alloc(sizeof *c);
    uv_stdio_container_t stdio[3];
    const uv_process_options_t options = {.exit_cb = on_exit_cb,
                                          .file = conf->argv[0],
                                          .args = (char **)(uintptr_t)conf->argv,
                                          .env = (char **)(uintptr_t)conf->env,
                                          .cwd = conf->dir,
                                          .flags = UV_PROCESS_DETACHED, /* a session of its own */
                                          .stdio_count = 3,
                                          .stdio = stdio};
    int rc;

    c->done = conf->done;
    c->ctx = conf->ctx;
    c->open = 3;
    c->output_max = conf->output_max;
    uv_pipe_init(gw_loop_uv(loop), &c->errors, 0);
    uv_pipe_init(gw_loop_uv(loop), &c->output, 0);
    c->errors.data = c->output.data = c->process.data = c;
    stdio_make(c, conf, stdio);
    rc = uv_spawn(gw_loop_uv(loop), &c->process, &options);
    if (rc == 0) {
        c->result.started = true;
        (void)uv_read_start((uv_stream_t *)&c->errors, on_alloc, on_read);
        if (conf->output_max > 0)
            (void)uv_read_start((uv_stream_t *)&c->output, on_alloc, on_read);
        return c;
    }
    (void)error_set(&c->result.why, ST_RETRY, 0, "%s: %s", conf->argv[0], uv_strerror(rc));
    c->over = true;
    c->process.pid = 0;
    handles_close(c);
    return c;
}

void gw_command_kill(struct gw_command *c)
{
    if (!c->over)
        group_kill(c);
}

/* ---- seen from a thread that waits ---- */

struct waiting {
    struct gw_loop *loop;
    struct gw_command_conf conf;
    struct gw_command_result *result;
    struct gw_command *command;
    struct gw_timer *tick;
    int64_t until; /* monotonic */
    bool late;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static void wait_done(void *ctx, const struct gw_command_result *result)
{
    struct waiting *w = ctx;

    gw_timer_drop(&w->tick);
    *w->result = *result;
    w->result->late = w->late;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void wait_tick(void *ctx)
{
    struct waiting *w = ctx;

    if (gw_monotonic_ms() < w->until && !gw_loop_stopping(w->loop))
        return;
    w->late = true;
    gw_command_kill(w->command);
}

static void wait_start(void *ctx)
{
    struct waiting *w = ctx;

    w->tick = gw_timer_new(w->loop, wait_tick, w);
    w->command = gw_command_run(w->loop, &w->conf);
    gw_timer_start(w->tick, TICK_MS, TICK_MS);
}

void gw_command_wait(struct gw_loop *loop, const struct gw_command_conf *conf, int64_t timeout_ms,
                     struct gw_command_result *result)
{
    struct waiting w = {.loop = loop,
                        .conf = *conf,
                        .result = result,
                        .until = gw_monotonic_ms() + timeout_ms,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};

    w.conf.done = wait_done;
    w.conf.ctx = &w;
    gw_loop_post(loop, wait_start, &w);
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.changed, &w.lock);
    pthread_mutex_unlock(&w.lock);
}
