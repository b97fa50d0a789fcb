/*
 * tests/fault/shim.c - loaded in front of the C library: numbers calls, kills or fails at one
 *
 * LD_PRELOAD with DEPESCHE_FAULT naming the page (tests/fault/page.h). Calls that change files
 * below page->root, and those on sockets, become points; all others pass. Calls on files go one
 * after the other, with the record of what a power cut would take (tests/fault/journal.h).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/fault/journal.h"
#include "tests/fault/page.h"

enum { FDS_MAX = 4096, FRAMES_ASKED = 40, MALLOC_FRAMES = 3, PATH_SIZE = 1024 };

static struct fault_page *page;
static size_t root_len;
static uintptr_t base, text_from, text_to;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char things[FDS_MAX]; /* enum fault_thing of each descriptor */
static bool folders[FDS_MAX];
static _Thread_local int inside; /* what the shim itself calls is not looked at */
static uint32_t failing_call;    /* FAULT_FAIL_ALL has begun with this kind */

/* ---- which call ---- */

static int program_find(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    base = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X) != 0) {
            text_from = base + info->dlpi_phdr[i].p_vaddr;
            text_to = text_from + info->dlpi_phdr[i].p_memsz;
        }
    return 1; /* the first is the program */
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        hash = (hash ^ (value & 0xff)) * 1099511628211u; /* FNV-1a */
        value >>= 8;
    }
    return hash;
}

/* The site of this very call; under the lock. NULL: the table is full. */
static struct fault_site *site_here(enum fault_call call, enum fault_thing thing)
{
    uint64_t frames[FAULT_FRAMES] = {0}, key = 14695981039346656037u;
    void *stack[FRAMES_ASKED];
    uint32_t place;
    int depth = backtrace(stack, FRAMES_ASKED), n = 0;

    for (int i = 0; i < depth && n < (call == FAULT_MALLOC ? MALLOC_FRAMES : FAULT_FRAMES); i++) {
        uintptr_t at = (uintptr_t)stack[i];

        if (at >= text_from && at < text_to)
            frames[n++] = at - base;
    }
    key = mix(mix(key, call), thing);
    for (int i = 0; i < n; i++)
        key = mix(key, frames[i]);
    key = key == 0 ? 1 : key;
    place = (uint32_t)((key ^ page->phase) % FAULT_SITES_MAX);
    for (uint32_t i = 0; i < FAULT_SITES_MAX; i++) {
        struct fault_site *s = &page->site[(place + i) % FAULT_SITES_MAX];

        if (s->key == key && s->phase == page->phase)
            return s;
        if (s->key == 0) {
            *s =
                (struct fault_site){.key = key, .phase = page->phase, .call = call, .thing = thing};
            memcpy(s->frames, frames, sizeof frames);
            page->sites++;
            return s;
        }
    }
    page->overflow = 1;
    return NULL;
}

/* ---- what happens there ---- */

enum verdict { GO, FAIL, HALF, SWALLOW };

struct visit {
    enum verdict verdict;
    bool die_behind;
    bool locked;
};

static void die(void)
{
    page->undone = journal_cut(page->power, page->seed);
    (void)syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

static void decide(struct visit *v, uint32_t occurrence, enum fault_call call)
{
    bool meant = page->occurrence == occurrence;

    switch (page->mode) {
    case FAULT_KILL:
        if (!meant)
            return;
        page->hit++;
        die();
        return;
    case FAULT_KILL_BEHIND:
        v->die_behind = meant;
        break;
    case FAULT_FAIL:
        if (occurrence < page->occurrence || occurrence >= page->occurrence + page->times)
            return;
        v->verdict = FAIL;
        break;
    case FAULT_FAIL_ALL:
        if (!meant)
            return;
        failing_call = call;
        v->verdict = FAIL;
        break;
    case FAULT_SHORT:
        v->verdict = meant ? HALF : GO;
        break;
    case FAULT_SWALLOW:
        if (occurrence < page->occurrence)
            return;
        v->verdict = SWALLOW;
        break;
    default:
        return;
    }
    if (v->verdict != GO || v->die_behind)
        page->hit++;
}

/* Before a call. Calls on files keep the lock until leave(). */
static struct visit arrive(enum fault_call call, enum fault_thing thing)
{
    struct visit v = {.verdict = GO};
    struct fault_site *site;

    if (page == NULL || thing == FAULT_NONE || inside > 0)
        return v;
    inside++;
    pthread_mutex_lock(&lock);
    v.locked = true;
    if (page->cut != 0)
        die();
    site = site_here(call, thing);
    if (site != NULL) {
        site->seen++;
        if (call != FAULT_MALLOC && page->points < FAULT_POINTS_MAX)
            page->point[page->points++] =
                (struct fault_point){(uint32_t)(site - page->site), site->seen};
        if (page->mode == FAULT_FAIL_ALL && failing_call == call) {
            v.verdict = FAIL;
            page->hit++;
        } else if (site->key == page->key) {
            decide(&v, site->seen, call);
        }
    }
    if (thing >= FAULT_CALLER) { /* they may block, and change nothing on the disk */
        v.locked = false;
        pthread_mutex_unlock(&lock);
    }
    inside--;
    return v;
}

static long leave(const struct visit *v, long result)
{
    int number = errno;

    if (v->die_behind) {
        if (!v->locked)
            pthread_mutex_lock(&lock);
        inside++;
        die();
    }
    if (v->locked)
        pthread_mutex_unlock(&lock);
    errno = number;
    return result;
}

static long refuse(const struct visit *v)
{
    (void)leave(v, 0);
    errno = page->number;
    return -1;
}

/* ---- on which thing ---- */

static enum fault_thing thing_of_path(const char *path)
{
    static const struct {
        const char *part;
        enum fault_thing thing;
    } parts[] = {
        {"/index.db-shm", FAULT_NONE}, {"/index.db-wal", FAULT_WAL}, {"/index.db", FAULT_INDEX},
        {"/payload", FAULT_PAYLOAD},   {"/tmp", FAULT_TMP},          {"/out", FAULT_OUT},
        {"/sent", FAULT_SENT},         {"/refused", FAULT_REFUSED},  {"/in", FAULT_IN},
        {"/receipts", FAULT_RECEIPTS},
    };
    const char *below;

    if (page == NULL || strncmp(path, page->root, root_len) != 0 || path[root_len] != '/')
        return FAULT_NONE;
    below = path + root_len;
    if (strstr(below, ".sock") != NULL || strstr(below, "/lock") != NULL)
        return FAULT_NONE;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *found = strstr(below, parts[i].part);

        /* the whole name of a folder, and the beginning of the index's */
        if (found != NULL &&
            (i < 3 || found[strlen(parts[i].part)] == '/' || found[strlen(parts[i].part)] == '\0'))
            return parts[i].thing;
    }
    return FAULT_STATE;
}

/* The whole path of a name in the folder at, as far as it is known. */
static void whole_path(int at, const char *name, char path[PATH_SIZE])
{
    char link[64];
    ssize_t n = 0;

    if (name[0] == '/') {
        (void)snprintf(path, PATH_SIZE, "%s", name);
        return;
    }
    if (at == AT_FDCWD) {
        n = getcwd(path, PATH_SIZE) == NULL ? 0 : (ssize_t)strlen(path);
    } else {
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        n = readlink(link, path, PATH_SIZE - 1);
    }
    n = n < 0 ? 0 : n;
    if (strcmp(name, ".") == 0)
        path[n] = '\0';
    else
        (void)snprintf(path + n, (size_t)(PATH_SIZE - n), "/%s", name);
}

static enum fault_thing thing_of_fd(int fd)
{
    return fd >= 0 && fd < FDS_MAX ? (enum fault_thing)things[fd] : FAULT_NONE;
}

static bool is_file(enum fault_thing thing)
{
    return thing > FAULT_NONE && thing < FAULT_CALLER;
}

static void fd_is(int fd, enum fault_thing thing, bool folder)
{
    if (fd >= 0 && fd < FDS_MAX) {
        things[fd] = (unsigned char)thing;
        folders[fd] = folder;
    }
}

/* ---- files ---- */

static int open_any(int at, const char *name, int flags, mode_t mode)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    char path[PATH_SIZE];
    enum fault_thing thing;
    struct visit v = {.verdict = GO};
    struct stat st;
    bool made = false;
    int fd;

    if (page == NULL || inside > 0)
        return (int)syscall(SYS_openat, at, name, flags, mode);
    whole_path(at, name, path);
    thing = thing_of_path(path);
    if (thing != FAULT_NONE && (writes || (flags & O_DIRECTORY) == 0)) {
        v = arrive(writes ? FAULT_OPEN : FAULT_READ, thing);
        if (v.verdict == FAIL)
            return (int)refuse(&v);
        made = (flags & O_CREAT) != 0 && (flags & O_TMPFILE) != O_TMPFILE && lstat(path, &st) != 0;
    }
    fd = (int)syscall(SYS_openat, at, name, flags, mode);
    if (fd >= 0) {
        fd_is(fd, thing, (flags & O_DIRECTORY) != 0);
        if (made) {
            inside++;
            journal_made(path);
            inside--;
        }
    }
    return (int)leave(&v, fd);
}

static mode_t mode_of(int flags, va_list args)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? (mode_t)va_arg(args, int)
                                                                      : 0;
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list args;                                                                              \
        mode_t mode;                                                                               \
                                                                                                   \
        va_start(args, flags);                                                                     \
        mode = mode_of(flags, args);                                                               \
        va_end(args);                                                                              \
        return open_any(AT_FDCWD, path, flags, mode);                                              \
    }
#define OPENAT(name)                                                                               \
    int name(int at, const char *path, int flags, ...)                                             \
    {                                                                                              \
        va_list args;                                                                              \
        mode_t mode;                                                                               \
                                                                                                   \
        va_start(args, flags);                                                                     \
        mode = mode_of(flags, args);                                                               \
        va_end(args);                                                                              \
        return open_any(at, path, flags, mode);                                                    \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}
int __open64_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}
int __openat_2(int at, const char *path, int flags)
{
    return open_any(at, path, flags, 0);
}
int __openat64_2(int at, const char *path, int flags)
{
    return open_any(at, path, flags, 0);
}

int close(int fd)
{
    fd_is(fd, FAULT_NONE, false);
    return (int)syscall(SYS_close, fd);
}

/* Bytes into a file at a place; offset -1: where it stands. */
static ssize_t file_write(int fd, const void *bytes, size_t len, off_t offset)
{
    struct visit v = arrive(FAULT_WRITE, thing_of_fd(fd));
    off_t at = offset;
    ssize_t n;

    if (v.verdict == FAIL)
        return refuse(&v);
    if (v.verdict == SWALLOW)
        return leave(&v, (long)len);
    if (v.verdict == HALF && len > 1)
        len /= 2;
    if (v.locked) {
        inside++;
        if (at < 0)
            at = lseek(fd, 0, (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? SEEK_END : SEEK_CUR);
        journal_write(fd, at, len);
        inside--;
    }
    n = offset < 0 ? syscall(SYS_write, fd, bytes, len)
                   : syscall(SYS_pwrite64, fd, bytes, len, offset);
    return leave(&v, n);
}

static ssize_t socket_write(int fd, const struct iovec *parts, int count)
{
    struct visit v = arrive(FAULT_SEND, thing_of_fd(fd));

    if (v.verdict == FAIL)
        return refuse(&v);
    if (v.verdict == HALF && parts[0].iov_len > 1)
        return leave(&v, syscall(SYS_write, fd, parts[0].iov_base, parts[0].iov_len / 2));
    return leave(&v, syscall(SYS_writev, fd, parts, count));
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    enum fault_thing thing = thing_of_fd(fd);
    struct iovec part = {(void *)(uintptr_t)bytes, len};

    if (is_file(thing))
        return file_write(fd, bytes, len, -1);
    if (thing != FAULT_NONE)
        return socket_write(fd, &part, 1);
    return syscall(SYS_write, fd, bytes, len);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (is_file(thing_of_fd(fd)))
        abort(); /* nobody does; journal it when somebody does */
    return thing_of_fd(fd) != FAULT_NONE ? socket_write(fd, parts, count)
                                         : syscall(SYS_writev, fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return file_write(fd, bytes, len, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
    return file_write(fd, bytes, len, offset);
}

static int flush(int fd, long call)
{
    struct visit v = arrive(FAULT_FSYNC, thing_of_fd(fd));
    long rc;

    if (v.verdict == FAIL) {
        inside++;
        journal_flush_failed(fd);
        inside--;
        return (int)refuse(&v);
    }
    if (v.verdict == SWALLOW)
        return (int)leave(&v, 0);
    rc = syscall(call, fd);
    if (v.locked && rc == 0) {
        inside++;
        journal_flushed(fd);
        inside--;
    }
    return (int)leave(&v, rc);
}

int fsync(int fd)
{
    return flush(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return flush(fd, SYS_fdatasync);
}

/* The disk under all: what is ours on it alone is flushed, the rest would take its time. */
int syncfs(int fd)
{
    struct visit v = arrive(FAULT_FSYNC, thing_of_fd(fd));

    if (v.verdict == FAIL)
        return (int)refuse(&v);
    if (v.locked && v.verdict != SWALLOW) {
        inside++;
        journal_flushed_all();
        inside--;
    }
    return (int)leave(&v, 0);
}

static int truncate_any(int fd, off_t len)
{
    struct visit v = arrive(FAULT_TRUNCATE, thing_of_fd(fd));

    if (v.verdict == FAIL)
        return (int)refuse(&v);
    if (v.locked) {
        inside++;
        journal_truncate(fd, len);
        inside--;
    }
    return (int)leave(&v, syscall(SYS_ftruncate, fd, len));
}

int ftruncate(int fd, off_t len)
{
    return truncate_any(fd, len);
}

int ftruncate64(int fd, off_t len)
{
    return truncate_any(fd, len);
}

static int rename_any(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    char source[PATH_SIZE], target[PATH_SIZE];
    struct visit v;
    long rc;

    if (page == NULL || inside > 0)
        return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    whole_path(from_at, from, source);
    whole_path(to_at, to, target);
    v = arrive(FAULT_RENAME, thing_of_path(target));
    if (v.verdict == FAIL)
        return (int)refuse(&v);
    if (v.verdict == SWALLOW)
        return (int)leave(&v, 0);
    inside++;
    if (v.locked)
        journal_rename(source, target);
    rc = syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (v.locked && rc != 0) {
        int number = errno;

        journal_forget_last();
        errno = number;
    }
    inside--;
    return (int)leave(&v, rc);
}

int rename(const char *from, const char *to)
{
    return rename_any(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    return rename_any(from_at, from, to_at, to, 0);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    return rename_any(from_at, from, to_at, to, flags);
}

/* A new name by link or mkdir: rc of the call that makes it. */
static int made(const struct visit *v, const char *path, long rc)
{
    if (v->locked && rc == 0) {
        inside++;
        journal_made(path);
        inside--;
    }
    return (int)leave(v, rc);
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    char target[PATH_SIZE];
    struct visit v;

    whole_path(to_at, to, target);
    v = arrive(FAULT_LINK, thing_of_path(target));
    if (v.verdict == FAIL)
        return (int)refuse(&v);
    return made(&v, target, syscall(SYS_linkat, from_at, from, to_at, to, flags));
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdirat(int at, const char *name, mode_t mode)
{
    char path[PATH_SIZE];
    struct visit v;

    whole_path(at, name, path);
    v = arrive(FAULT_MKDIR, thing_of_path(path));
    if (v.verdict == FAIL)
        return (int)refuse(&v);
    return made(&v, path, syscall(SYS_mkdirat, at, name, mode));
}

int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

int unlinkat(int at, const char *name, int flags)
{
    char path[PATH_SIZE];
    struct visit v;
    long rc;

    if (page == NULL || inside > 0)
        return (int)syscall(SYS_unlinkat, at, name, flags);
    whole_path(at, name, path);
    v = arrive(FAULT_UNLINK, thing_of_path(path));
    if (v.verdict == FAIL)
        return (int)refuse(&v);
    inside++;
    if (v.locked)
        journal_remove(path, (flags & AT_REMOVEDIR) != 0);
    rc = syscall(SYS_unlinkat, at, name, flags);
    if (v.locked && rc != 0) {
        int number = errno;

        journal_forget_last();
        errno = number;
    }
    inside--;
    return (int)leave(&v, rc);
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

int rmdir(const char *name)
{
    return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

/* ---- sockets ---- */

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    enum fault_thing thing =
        to->sa_family == AF_INET || to->sa_family == AF_INET6 ? FAULT_PEER : FAULT_NONE;
    struct visit v = arrive(FAULT_CONNECT, thing);

    fd_is(fd, thing, false);
    if (v.verdict == FAIL)
        return (int)refuse(&v);
    return (int)leave(&v, syscall(SYS_connect, fd, to, len));
}

int accept4(int listener, struct sockaddr *from, socklen_t *len, int flags)
{
    struct sockaddr_storage own = {0};
    socklen_t own_len = sizeof own;
    enum fault_thing thing = FAULT_CALLER;
    struct visit v;
    long fd;

    if (syscall(SYS_getsockname, listener, &own, &own_len) == 0 && own.ss_family == AF_UNIX)
        thing = FAULT_LOCAL;
    v = arrive(FAULT_ACCEPT, thing);
    if (v.verdict == FAIL)
        return (int)refuse(&v);
    fd = syscall(SYS_accept4, listener, from, len, flags);
    if (fd >= 0)
        fd_is((int)fd, thing, false);
    return (int)leave(&v, fd);
}

int accept(int listener, struct sockaddr *from, socklen_t *len)
{
    return accept4(listener, from, len, 0);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    struct visit v = arrive(FAULT_SEND, thing_of_fd(fd));

    if (v.verdict == FAIL)
        return refuse(&v);
    if (v.verdict == HALF && len > 1)
        len /= 2;
    return leave(&v, syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct visit v = arrive(FAULT_SEND, thing_of_fd(fd));

    if (v.verdict == FAIL)
        return refuse(&v);
    return leave(&v, syscall(SYS_sendmsg, fd, message, flags));
}

static ssize_t socket_read(int fd, void *bytes, size_t len, int flags)
{
    struct visit v = arrive(FAULT_RECV, thing_of_fd(fd));

    if (v.verdict == FAIL)
        return refuse(&v);
    return leave(&v, syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL));
}

ssize_t read(int fd, void *bytes, size_t len)
{
    return thing_of_fd(fd) >= FAULT_CALLER ? socket_read(fd, bytes, len, 0)
                                           : syscall(SYS_read, fd, bytes, len);
}

ssize_t __read_chk(int fd, void *bytes, size_t len, size_t room);
ssize_t __read_chk(int fd, void *bytes, size_t len, size_t room)
{
    (void)room;
    return read(fd, bytes, len);
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    return socket_read(fd, bytes, len, flags);
}

ssize_t __recv_chk(int fd, void *bytes, size_t len, size_t room, int flags);
ssize_t __recv_chk(int fd, void *bytes, size_t len, size_t room, int flags)
{
    (void)room;
    return socket_read(fd, bytes, len, flags);
}

/* ---- memory ---- */

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *old, size_t len);

static bool memory_is_out(void)
{
    struct visit v;

    if (page == NULL || page->memory == 0 || page->phase == 0 || inside > 0)
        return false;
    v = arrive(FAULT_MALLOC, FAULT_MEMORY);
    if (v.verdict != FAIL)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t len)
{
    return memory_is_out() ? NULL : __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
    return memory_is_out() ? NULL : __libc_calloc(count, len);
}

void *realloc(void *old, size_t len)
{
    return memory_is_out() ? NULL : __libc_realloc(old, len);
}

/* ---- time ---- */

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    long rc = syscall(SYS_clock_gettime, clock, ts);

    if (rc == 0 && page != NULL && page->time_ms != 0 &&
        (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        ts->tv_sec += page->time_ms / 1000;
        ts->tv_nsec += page->time_ms % 1000 * 1000000;
        if (ts->tv_nsec >= 1000000000 || ts->tv_nsec < 0) {
            long carry = ts->tv_nsec < 0 ? -1 : 1;

            ts->tv_sec += carry;
            ts->tv_nsec -= carry * 1000000000;
        }
    }
    return (int)rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return -1;
    *tv = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    if (out != NULL)
        *out = ts.tv_sec;
    return ts.tv_sec;
}

/* ---- the beginning ---- */

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("DEPESCHE_FAULT");
    struct fault_page *mapped;
    void *stack[4];
    int fd;

    if (path == NULL)
        return;
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    mapped = mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || mapped == MAP_FAILED) {
        static const char what[] = "shim: DEPESCHE_FAULT cannot be mapped\n";

        (void)!syscall(SYS_write, 2, what, sizeof what - 1);
        _exit(70);
    }
    (void)syscall(SYS_close, fd);
    (void)unsetenv("DEPESCHE_FAULT"); /* programs it starts are not meant */
    (void)unsetenv("LD_PRELOAD");
    (void)dl_iterate_phdr(program_find, NULL);
    (void)backtrace(stack, 4); /* loads what it needs */
    root_len = strlen(mapped->root);
    journal_init(mapped->root);
    mapped->pid = (uint32_t)getpid();
    page = mapped;
}
