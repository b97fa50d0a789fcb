#include "gateway/command.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_MAX = 64 * 1024 };

struct gw_command {
    uv_process_t process;
    uv_pipe_t errors; /* its stderr */
    int open;         /* handles that are not closed yet */
    bool over;        /* it has ended, or never began */
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

/* One line for the history, from a whole character on. */
static void tail_finish(struct gw_command *c)
{
    size_t from = c->len >= GW_COMMAND_TAIL ? c->len - GW_COMMAND_TAIL + 1 : 0, len;

    while (from > 0 && from < c->len && ((unsigned char)c->bytes[from] & 0xc0) == 0x80)
        from++;
    while (c->len > from && (unsigned char)c->bytes[c->len - 1] <= ' ')
        c->len--;
    len = c->len - from;
    memcpy(c->result.tail, c->bytes + from, len);
    c->result.tail[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)c->result.tail[i] < ' ')
            c->result.tail[i] = ' ';
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
        tail_add(c, buf->base, (size_t)len);
    else if (len < 0)
        (void)uv_read_stop(stream);
}

static void group_kill(const struct gw_command *c)
{
    if (c->process.pid > 0)
        (void)kill(-c->process.pid, SIGKILL);
}

/* What lies in the pipe when it ends; a process that left the group may hold it open for ever. */
static void rest_read(struct gw_command *c)
{
    size_t total = 0;
    uv_os_fd_t fd;
    ssize_t n;

    if (uv_fileno((uv_handle_t *)&c->errors, &fd) != 0)
        return;
    while (total < READ_MAX && (n = read(fd, c->chunk, sizeof c->chunk)) > 0) {
        tail_add(c, c->chunk, (size_t)n);
        total += (size_t)n;
    }
}

static void on_exit_cb(uv_process_t *process, int64_t code, int signum)
{
    struct gw_command *c = process->data;

    group_kill(c);
    c->over = true;
    c->result.exit_code = code;
    c->result.signal = signum;
    rest_read(c);
    uv_close((uv_handle_t *)&c->process, on_closed);
    uv_close((uv_handle_t *)&c->errors, on_closed);
}

struct gw_command *gw_command_run(struct gw_loop *loop, const struct gw_command_conf *conf)
{
    struct gw_command *c = gw_alloc(sizeof *c);
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->errors}};
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
    c->open = 2;
    uv_pipe_init(gw_loop_uv(loop), &c->errors, 0);
    c->errors.data = c->process.data = c;
    rc = uv_spawn(gw_loop_uv(loop), &c->process, &options);
    if (rc == 0) {
        c->result.started = true;
        (void)uv_read_start((uv_stream_t *)&c->errors, on_alloc, on_read);
        return c;
    }
    (void)error_set(&c->result.why, ST_RETRY, 0, "%s: %s", conf->argv[0], uv_strerror(rc));
    c->over = true;
    c->process.pid = 0;
    uv_close((uv_handle_t *)&c->process, on_closed);
    uv_close((uv_handle_t *)&c->errors, on_closed);
    return c;
}

void gw_command_kill(struct gw_command *c)
{
    if (!c->over)
        group_kill(c);
}
