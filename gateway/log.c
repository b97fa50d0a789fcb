#include "gateway/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <sys/uio.h>
#include <syslog.h>

#include <systemd/sd-journal.h>
#endif

#include "gateway/explain.h"

struct gw_log {
    enum gw_log_target target;
    enum gw_log_level level;
    char *path;           /* of the file, else NULL */
    int fd;               /* -1 for the journal */
    bool owned;           /* fd is closed at the end */
    pthread_mutex_t lock; /* one line in one piece; also guards fd */
    int64_t (*clock)(void);
};

static const char *const level_names[] = {"debug", "info", "warning", "error"};

static int64_t clock_real(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int file_open(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
}

enum status gw_log_new_fd(int fd, enum gw_log_level level, int64_t (*clock)(void),
                          struct gw_log **log, struct error *err)
{
    struct gw_log *l = calloc(1, sizeof *l);

    TRY_ALLOC(l, err);
    l->target = GW_LOG_STDERR;
    l->level = level;
    l->fd = fd;
    l->clock = clock == NULL ? clock_real : clock;
    (void)pthread_mutex_init(&l->lock, NULL); /* cannot fail with default attributes on Linux */
    *log = l;
    return ST_OK;
}

enum status gw_log_new(enum gw_log_target target, enum gw_log_level level, const char *path,
                       struct gw_log **log, struct error *err)
{
    AUTO(gw_log_drop) struct gw_log *l = NULL;

#ifndef HAVE_SYSTEMD
    if (target == GW_LOG_JOURNAL)
        return error_set(err, ST_INVALID, 0, "this build cannot write to the systemd journal");
#endif
    TRY(gw_log_new_fd(target == GW_LOG_STDERR ? STDERR_FILENO : -1, level, NULL, &l, err));
    l->target = target;
    if (target == GW_LOG_FILE) {
        l->path = strdup(path);
        TRY_ALLOC(l->path, err);
        l->fd = file_open(path);
        if (l->fd < 0)
            return error_set(err, ST_RETRY, 0, "%s: %s", path, strerror(errno));
        l->owned = true;
    }
    *log = TAKE(l);
    return ST_OK;
}

void gw_log_free(struct gw_log *log)
{
    if (log == NULL)
        return;
    if (log->owned && log->fd >= 0)
        close(log->fd);
    (void)pthread_mutex_destroy(&log->lock);
    free(log->path);
    free(log);
}

void gw_log_reopen(struct gw_log *log)
{
    int fd, old;

    if (log->path == NULL)
        return;
    fd = file_open(log->path);
    if (fd < 0)
        return; /* better the renamed file than none */
    (void)pthread_mutex_lock(&log->lock);
    old = log->fd;
    log->fd = fd;
    (void)pthread_mutex_unlock(&log->lock);
    close(old);
}

bool gw_log_wants(const struct gw_log *log, enum gw_log_level level)
{
    return log != NULL && level >= log->level;
}

static bool is_plain(struct span s)
{
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!letter && (c == '\0' || strchr("-_.:/@+,%", c) == NULL))
            return false;
    }
    return true;
}

/* Length of the UTF-8 character at the front of s, 0 when it is none. */
static size_t utf8_len(struct span s)
{
    uint8_t c = s.ptr[0];
    size_t len = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : 4;

    if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s.ptr[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && s.ptr[1] < 0xa0) || (c == 0xed && s.ptr[1] > 0x9f) ||
        (c == 0xf0 && s.ptr[1] < 0x90) || (c == 0xf4 && s.ptr[1] > 0x8f))
        return 0; /* overlong, surrogate, or past U+10FFFF */
    return len;
}

static void char_add(struct buf *b, struct span *s)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t c = s->ptr[0];
    size_t len = utf8_len(*s);
    /* U+0080 to U+009F steer terminals as well as C0 does */
    bool control = c < ' ' || c == 0x7f || len == 0 || (len == 2 && c == 0xc2 && s->ptr[1] < 0xa0);
    const char *named = c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;

    if (c == '"' || c == '\\') {
        buf_char(b, '\\');
        buf_char(b, (char)c);
    } else if (named != NULL) {
        buf_str(b, named);
    } else if (control) {
        buf_str(b, "\\x");
        buf_char(b, hex[c >> 4]);
        buf_char(b, hex[c & 15]);
        len = 1;
    } else {
        buf_add(b, span_of(s->ptr, len));
    }
    *s = span_from(*s, len == 0 ? 1 : len);
}

static void value_add(struct buf *b, struct span s)
{
    if (is_plain(s)) {
        buf_add(b, s);
        return;
    }
    buf_char(b, '"');
    while (s.len > 0)
        char_add(b, &s);
    buf_char(b, '"');
}

static void time_add(struct buf *b, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    (void)gmtime_r(&seconds, &tm);
    buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
}

static void error_add(struct buf *b, const struct error *err)
{
    const char *slash = err->file == NULL ? NULL : strrchr(err->file, '/');
    char code[GW_CODE_SIZE];

    buf_printf(b, " status=%s", status_name(err->status));
    if (err->reason != 0)
        buf_printf(b, " code=%s", gw_explain_code(err->reason, code));
    if (err->file != NULL)
        buf_printf(b, " at=%s:%d", slash == NULL ? err->file : slash + 1, err->line);
    buf_str(b, " error=");
    value_add(b, span_str(err->text));
}

static bool is_absent(const struct gw_log_field *f)
{
    return f->type == GW_LOG_T_NONE || (f->type == GW_LOG_T_STR && f->str == NULL) ||
           (f->type == GW_LOG_T_TIME && f->num == 0) || (f->type == GW_LOG_T_ERR && f->err == NULL);
}

static void field_add(struct buf *b, const struct gw_log_field *f)
{
    if (is_absent(f))
        return;
    if (f->type == GW_LOG_T_ERR) {
        error_add(b, f->err);
        return;
    }
    buf_printf(b, " %s=", f->key);
    switch (f->type) {
    case GW_LOG_T_STR:
        value_add(b, span_str(f->str));
        break;
    case GW_LOG_T_SPAN:
        value_add(b, f->span);
        break;
    case GW_LOG_T_INT:
        buf_printf(b, "%lld", (long long)f->num);
        break;
    case GW_LOG_T_BOOL:
        buf_str(b, f->num != 0 ? "yes" : "no");
        break;
    default:
        time_add(b, f->num);
    }
}

/* The line is cut at its limit, but never loses its end. */
static void line_write(struct gw_log *log, struct buf *b)
{
    size_t done = 0;

    buf_char(b, '\n');
    (void)pthread_mutex_lock(&log->lock);
    while (done < b->len) {
        ssize_t n = write(log->fd, b->ptr + done, b->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* a log that cannot be written must not stop messages */
        done += (size_t)n;
    }
    (void)pthread_mutex_unlock(&log->lock);
}

#ifdef HAVE_SYSTEMD
enum { JOURNAL_FIELDS_MAX = 24, JOURNAL_FIELD_MAX = 1024 };

/* DEPESCHE_PEER=Stadt Beheim: as it is, since the journal keeps fields apart by itself. */
static bool journal_field(struct buf *b, const struct gw_log_field *f)
{
    buf_str(b, "DEPESCHE_");
    for (const char *c = f->key; *c != '\0'; c++)
        buf_char(b, *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
    buf_char(b, '=');
    if (f->type == GW_LOG_T_STR)
        buf_str(b, f->str);
    else if (f->type == GW_LOG_T_SPAN)
        buf_add(b, f->span);
    else if (f->type == GW_LOG_T_ERR)
        buf_str(b, f->err->text);
    else if (f->type == GW_LOG_T_TIME)
        time_add(b, f->num);
    else
        buf_printf(b, "%lld", (long long)f->num);
    return !b->failed;
}

/* Beside the words of an error its code, DEPESCHE_CODE=D-1300, to select by. */
static bool journal_code(struct buf *b, const struct gw_log_field *f)
{
    char code[GW_CODE_SIZE];

    if (f->type != GW_LOG_T_ERR || f->err->reason == 0)
        return false;
    buf_printf(b, "DEPESCHE_CODE=%s", gw_explain_code(f->err->reason, code));
    return !b->failed;
}

static void journal_write(enum gw_log_level level, const char *event, struct buf *line,
                          const struct gw_log_field *fields, size_t count)
{
    static const int priorities[] = {LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR};
    struct buf parts[JOURNAL_FIELDS_MAX + 3];
    struct iovec iov[JOURNAL_FIELDS_MAX + 3];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        buf_init(&parts[i], GW_LOG_LINE_MAX + JOURNAL_FIELD_MAX);
    buf_printf(&parts[n++], "MESSAGE=%s", buf_cstr(line));
    buf_printf(&parts[n++], "PRIORITY=%d", priorities[level]);
    buf_printf(&parts[n++], "DEPESCHE_EVENT=%s", event);
    for (size_t i = 0; i < count && n + 1 < ARRAY_LEN(parts); i++)
        if (!is_absent(&fields[i]) && journal_field(&parts[n], &fields[i]))
            n += journal_code(&parts[n + 1], &fields[i]) ? 2 : 1;
    for (size_t i = 0; i < n; i++)
        iov[i] = (struct iovec){parts[i].ptr, parts[i].len};
    (void)sd_journal_sendv(iov, (int)n);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        buf_deinit(&parts[i]);
}
#endif

void gw_log_write(struct gw_log *log, enum gw_log_level level, const char *event,
                  const struct gw_log_field *fields, size_t count)
{
    AUTO(buf_deinit) struct buf b = {0};

    if (!gw_log_wants(log, level))
        return;
    buf_init(&b, GW_LOG_LINE_MAX);
    if (log->target != GW_LOG_JOURNAL) {
        time_add(&b, log->clock());
        buf_printf(&b, " %s ", level_names[level]);
    }
    buf_str(&b, "event=");
    value_add(&b, span_str(event));
    for (size_t i = 0; i < count; i++) {
        AUTO(buf_deinit) struct buf one = {0};

        buf_init(&one, GW_LOG_LINE_MAX);
        field_add(&one, &fields[i]);
        if (one.failed || b.len + one.len > GW_LOG_LINE_MAX - 32) {
            buf_str(&b, " cut=yes"); /* whole fields only: half a value would lie */
            break;
        }
        buf_add(&b, buf_span(&one));
    }
#ifdef HAVE_SYSTEMD
    if (log->target == GW_LOG_JOURNAL) {
        journal_write(level, event, &b, fields, count);
        return;
    }
#endif
    line_write(log, &b);
}
