#define _GNU_SOURCE 1 /* memfd_create, pipe2 */
#include "gateway/transform.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/explain.h"
#include "gateway/files.h"
#include "gateway/loop.h"
#include "gateway/program.h"

/* A machine that is busy may take longer than the program's own seconds. */
enum { WAIT_MS = 10 * 60 * 1000 };

struct gw_transform {
    struct buf sheet;
    char *name; /* without its folders */
};

/* ---- the program ---- */

/* One run of it. */
struct running {
    pid_t pid;
    int result, words; /* we read these; -1: closed */
    char text[GW_TRANSFORM_WORDS_MAX];
    size_t len;
    int64_t until; /* monotonic */
};

static void fd_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void running_deinit(struct running *r)
{
    fd_close(&r->result);
    fd_close(&r->words);
    if (r->pid <= 0)
        return;
    (void)kill(r->pid, SIGKILL);
    while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* A file in memory that it can read from its beginning. */
static enum status memory_make(struct source *bytes, int *fd, struct error *err)
{
    uint8_t chunk[64 * 1024];
    uint64_t at = 0;
    size_t got;

    *fd = memfd_create("depesche-transform", MFD_CLOEXEC);
    if (*fd < 0)
        return error_set(err, ST_RETRY, GW_R_MEMORY, "%s", strerror(errno));
    while (at < bytes->len) {
        TRY(source_read(bytes, at, chunk, sizeof chunk, &got, err));
        if (got == 0)
            break;
        for (size_t done = 0; done < got;) {
            ssize_t n = write(*fd, chunk + done, got - done);

            if (n < 0)
                return error_set(err, ST_RETRY, GW_R_MEMORY, "%s", strerror(errno));
            done += (size_t)n;
        }
        at += got;
    }
    return lseek(*fd, 0, SEEK_SET) == 0 ? ST_OK : error_set(err, ST_INTERNAL, 0, "lseek");
}

static enum status spawn(const struct gw_transform *t, int sheet, int document, uint64_t max,
                         struct running *r, struct error *err)
{
    char path[GW_PATH_SIZE], bytes[24];
    char *const argv[] = {path, t->name, bytes, NULL};
    AUTO(fd_drop) int result = -1;
    AUTO(fd_drop) int words = -1;
    int pipes[2][2] = {{-1, -1}, {-1, -1}};
    bool piped = pipe2(pipes[0], O_CLOEXEC) == 0 && pipe2(pipes[1], O_CLOEXEC) == 0;
    enum status st = ST_OK;

    r->result = pipes[0][0];
    r->words = pipes[1][0];
    result = pipes[0][1];
    words = pipes[1][1];
    if (!piped)
        st = error_set(err, ST_RETRY, GW_R_MEMORY, "depesche-transform: %s", strerror(errno));
    (void)snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)max);
    if (st == ST_OK)
        st = gw_program_find("depesche-transform", path, err);
    if (st == ST_OK)
        st = gw_program_start(
            &(struct gw_program_conf){path, argv, (const int[]){sheet, result, words, document},
                                      document >= 0 ? 4 : 3},
            &r->pid, err);
    if (st != ST_OK)
        r->pid = 0;
    return st;
}

/* ---- what it says ---- */

static void words_keep(struct running *r, const char *bytes, size_t len)
{
    size_t room = sizeof r->text - 1 - r->len;

    memcpy(r->text + r->len, bytes, len < room ? len : room);
    r->len += len < room ? len : room;
}

/* One piece from one of its pipes; closed when there is nothing more. */
static enum status piece(struct running *r, int *fd, struct sink *out, struct error *err)
{
    char bytes[64 * 1024];
    ssize_t n = read(*fd, bytes, sizeof bytes);

    if (n < 0 && errno == EINTR)
        return ST_OK;
    if (n <= 0)
        fd_close(fd);
    else if (out == NULL)
        words_keep(r, bytes, (size_t)n);
    else
        return sink_write(out, span_of(bytes, (size_t)n), err);
    return ST_OK;
}

static enum status listen_to(struct running *r, struct sink *out, struct error *err)
{
    while (r->result >= 0 || r->words >= 0) {
        struct pollfd fds[2] = {{r->result, POLLIN, 0}, {r->words, POLLIN, 0}};
        int64_t left = r->until - gw_monotonic_ms();

        if (left <= 0)
            return error_set(err, ST_RETRY, GW_R_MEMORY, "no result within %d s", WAIT_MS / 1000);
        if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
            return error_set(err, ST_RETRY, GW_R_MEMORY, "%s", strerror(errno));
        if (fds[0].revents != 0)
            TRY(piece(r, &r->result, out, err));
        if (fds[1].revents != 0)
            TRY(piece(r, &r->words, NULL, err));
    }
    return ST_OK;
}

static const char *words_text(struct running *r)
{
    r->text[r->len] = '\0';
    while (r->len > 0 && r->text[r->len - 1] == ' ')
        r->text[--r->len] = '\0';
    while (r->len > 0 && !gw_name_is_printable(span_str(r->text))) /* a character was cut */
        r->text[--r->len] = '\0';
    return r->len > 0 ? r->text : "it gives no reason";
}

static enum status judge(const struct gw_transform *t, struct running *r, int how,
                         struct error *err)
{
    if (WIFSIGNALED(how) && (WTERMSIG(how) == SIGXCPU || WTERMSIG(how) == SIGKILL))
        return error_set(err, ST_INVALID, GW_R_TRANSFORM_OUT, "%s: it takes more than %d s",
                         t->name, GW_TRANSFORM_SECONDS_MAX);
    if (WIFSIGNALED(how))
        return error_set(err, ST_INVALID, GW_R_TRANSFORM_OUT,
                         "%s: it needs more memory than there is for it (signal %d)", t->name,
                         WTERMSIG(how));
    switch (WEXITSTATUS(how)) {
    case GW_TRANSFORM_EXIT_GOOD:
        return ST_OK;
    case GW_TRANSFORM_EXIT_DOCUMENT:
        return error_set(err, ST_INVALID, GW_R_TRANSFORM_OUT, "%s", words_text(r));
    case GW_TRANSFORM_EXIT_SHEET:
    case GW_TRANSFORM_EXIT_FAILED:
        return error_set(err, ST_INVALID, GW_R_TRANSFORM_OUT, "%s: %s", t->name, words_text(r));
    default:
        return error_set(err, ST_RETRY, GW_R_MEMORY, "depesche-transform ended with %d: %s",
                         WEXITSTATUS(how), words_text(r));
    }
}

/* document NULL: only a look at the stylesheet. */
static enum status run(const struct gw_transform *t, struct source *document, uint64_t max,
                       struct sink *out, struct error *err)
{
    AUTO(running_deinit)
    struct running r = {.result = -1, .words = -1, .until = gw_monotonic_ms() + WAIT_MS};
    AUTO(fd_drop) int sheet_fd = -1;
    AUTO(fd_drop) int document_fd = -1;
    struct source_span sheet;
    int how = 0;

    TRY(memory_make(source_span_init(&sheet, buf_span(&t->sheet)), &sheet_fd, err));
    if (document != NULL)
        TRY(memory_make(document, &document_fd, err));
    TRY(spawn(t, sheet_fd, document_fd, max, &r, err));
    TRY(listen_to(&r, out, err));
    while (waitpid(r.pid, &how, 0) < 0)
        if (errno != EINTR)
            return error_set(err, ST_INTERNAL, 0, "waitpid: %s", strerror(errno));
    r.pid = 0;
    return judge(t, &r, how, err);
}

/* ---- the stylesheet ---- */

enum status gw_transform_new(const char *path, struct gw_transform **out, struct error *err)
{
    AUTO(gw_transform_drop) struct gw_transform *t = calloc(1, sizeof *t);
    AUTO(buf_deinit) struct buf nothing = {0};
    const char *slash = strrchr(path, '/');
    struct sink_buf sink;

    TRY_ALLOC(t, err);
    buf_init(&nothing, 1);
    buf_init(&t->sheet, GW_TRANSFORM_SHEET_MAX);
    t->name = strdup(slash == NULL ? path : slash + 1);
    TRY_ALLOC(t->name, err);
    TRY(gw_file_read(AT_FDCWD, path, &t->sheet, err));
    TRY(run(t, NULL, 0, sink_buf_init(&sink, &nothing), err));
    *out = TAKE(t);
    return ST_OK;
}

void gw_transform_free(struct gw_transform *t)
{
    if (t == NULL)
        return;
    buf_deinit(&t->sheet);
    free(t->name);
    free(t);
}

enum status gw_transform_run(const struct gw_transform *t, struct source *xml, uint64_t max,
                             struct sink *out, struct error *err)
{
    if (xml->len > GW_TRANSFORM_XML_MAX)
        return error_set(err, ST_INVALID, GW_R_TRANSFORM_OUT, "more than %d MB of XML",
                         GW_TRANSFORM_XML_MAX >> 20);
    return run(t, xml, max, out, err);
}
