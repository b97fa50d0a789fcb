#define _GNU_SOURCE 1 /* O_TMPFILE, asprintf, mkostemp */
#include "gateway/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/reason.h"

struct gw_body {
    struct sink sink;
    struct source source;
    char *dir;
    size_t memory_max;
    uint64_t max;
    struct buf memory; /* until it spills */
    int fd;            /* -1: all is in memory */
};

#define BODY_OF(member, ptr) ((struct gw_body *)((char *)(ptr)-offsetof(struct gw_body, member)))

/* The world's failures that may pass by themselves are ST_RETRY. */
static enum status file_error(struct error *err, const char *what)
{
    return gw_reason_system(err, ST_RETRY, errno, "%s", what);
}

static enum status fd_write(int fd, struct span bytes, struct error *err)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return file_error(err, "cannot write a file");
        bytes = span_from(bytes, (size_t)n);
    }
    return ST_OK;
}

static enum status fd_read(int fd, uint64_t at, void *bytes, size_t cap, size_t *got,
                           struct error *err)
{
    size_t have = 0;

    while (have < cap) {
        ssize_t n = pread(fd, (uint8_t *)bytes + have, cap - have, (off_t)(at + have));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_error(err, "cannot read a file");
        if (n == 0)
            break;
        have += (size_t)n;
    }
    *got = have;
    return ST_OK;
}

static enum status body_sink_write(struct sink *self, struct span bytes, struct error *err)
{
    return gw_body_write(BODY_OF(sink, self), bytes, err);
}

static enum status body_source_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                                    size_t *got, struct error *err)
{
    struct gw_body *body = BODY_OF(source, self);
    struct span part;

    if (body->fd >= 0)
        return fd_read(body->fd, offset, bytes, cap, got, err);
    part = offset > SIZE_MAX ? SPAN_NONE : span_sub(buf_span(&body->memory), (size_t)offset, cap);
    if (part.len > 0)
        memcpy(bytes, part.ptr, part.len);
    *got = part.len;
    return ST_OK;
}

enum status gw_body_new(const char *dir, size_t memory_max, uint64_t max, struct gw_body **body,
                        struct error *err)
{
    struct gw_body *b = calloc(1, sizeof(*b));

    TRY_ALLOC(b, err);
    b->dir = strdup(dir);
    if (b->dir == NULL) {
        free(b);
        return error_set(err, ST_LIMIT, 0, "out of memory");
    }
    b->sink.write = body_sink_write;
    b->source.read = body_source_read;
    b->memory_max = memory_max;
    b->max = max;
    b->fd = -1;
    buf_init(&b->memory, memory_max);
    *body = b;
    return ST_OK;
}

void gw_body_free(struct gw_body *body)
{
    if (body == NULL)
        return;
    fd_drop(&body->fd);
    buf_deinit(&body->memory);
    free(body->dir);
    free(body);
}

/* An unlinked file of mode 0600; file systems without O_TMPFILE get a name for a moment. */
static enum status temp_open(const char *dir, int *fd, struct error *err)
{
    AUTO(free_drop) char *path = NULL;

    *fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd >= 0)
        return ST_OK;
    if (asprintf(&path, "%s/body-XXXXXX", dir) < 0) {
        path = NULL; /* undefined after a failure */
        return error_set(err, ST_LIMIT, 0, "out of memory");
    }
    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd < 0)
        return gw_reason_system(err, ST_RETRY, errno, "cannot make a temporary file in %s", dir);
    unlink(path);
    return ST_OK;
}

static enum status body_spill(struct gw_body *body, struct error *err)
{
    TRY(temp_open(body->dir, &body->fd, err));
    TRY(fd_write(body->fd, buf_span(&body->memory), err));
    buf_deinit(&body->memory);
    buf_init(&body->memory, 0);
    return ST_OK;
}

enum status gw_body_write(struct gw_body *body, struct span bytes, struct error *err)
{
    if (bytes.len > body->max - body->source.len)
        return error_set(err, ST_LIMIT, 0, "a body exceeds its limit of %llu bytes",
                         (unsigned long long)body->max);
    if (body->fd < 0 && bytes.len > body->memory_max - body->memory.len)
        TRY(body_spill(body, err));
    if (body->fd >= 0) {
        TRY(fd_write(body->fd, bytes, err));
    } else {
        buf_add(&body->memory, bytes);
        TRY(buf_check(&body->memory, err));
    }
    body->source.len += bytes.len;
    return ST_OK;
}

struct sink *gw_body_sink(struct gw_body *body)
{
    return &body->sink;
}

struct source *gw_body_source(struct gw_body *body)
{
    return &body->source;
}

uint64_t gw_body_len(const struct gw_body *body)
{
    return body->source.len;
}

bool gw_body_bytes(const struct gw_body *body, struct span *bytes)
{
    if (body->fd >= 0)
        return false;
    *bytes = buf_span(&body->memory);
    return true;
}

void gw_body_max_set(struct gw_body *body, uint64_t max)
{
    body->max = max > body->source.len ? max : body->source.len;
}

static enum status file_source_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                                    size_t *got, struct error *err)
{
    struct gw_range_source *s = (struct gw_range_source *)self;

    if (offset >= self->len) {
        *got = 0;
        return ST_OK;
    }
    if (cap > self->len - offset)
        cap = (size_t)(self->len - offset);
    TRY(fd_read(s->fd, s->at + offset, bytes, cap, got, err));
    if (*got < cap)
        return error_set(err, ST_RETRY, 0, "a file became shorter while it was read");
    return ST_OK;
}

struct source *gw_range_source_init(struct gw_range_source *s, int fd, uint64_t at, uint64_t len)
{
    *s = (struct gw_range_source){{file_source_read, len}, fd, false, at};
    return &s->base;
}

enum status gw_range_source_open(struct gw_range_source *s, const char *path, struct error *err)
{
    AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0) {
        enum status status = errno == ENOENT || errno == ENOTDIR ? ST_NOT_FOUND
                             : errno == EACCES || errno == EPERM ? ST_DENIED
                                                                 : ST_RETRY;

        return gw_reason_system(err, status, errno, "cannot open %s", path);
    }
    if (fstat(fd, &st) != 0)
        return gw_reason_system(err, ST_RETRY, errno, "cannot look at %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ST_DENIED, 0, "%s is not a regular file", path);
    (void)gw_range_source_init(s, fd, 0, (uint64_t)st.st_size);
    s->owned = true;
    fd = -1; /* the source's now */
    return ST_OK;
}

void gw_range_source_deinit(struct gw_range_source *s)
{
    if (s->owned)
        fd_drop(&s->fd);
    s->fd = -1;
    s->owned = false;
}

static enum status file_sink_write(struct sink *self, struct span bytes, struct error *err)
{
    struct gw_range_sink *s = (struct gw_range_sink *)self;

    TRY(fd_write(s->fd, bytes, err));
    s->len += bytes.len;
    return ST_OK;
}

struct sink *gw_range_sink_init(struct gw_range_sink *s, int fd)
{
    *s = (struct gw_range_sink){{file_sink_write}, fd, 0};
    return &s->base;
}
