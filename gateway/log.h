/*
 * gateway/log.h - one line per event
 *
 *   2026-05-04T08:15:00.123Z info event=message.delivered id=0190... peer="Stadt Beheim" attempt=2
 *
 * Fields are typed and escaped, a line is written in one piece, and any thread may log. What the
 * log never holds: content, keys, passwords. To the journal each field also goes as a field of its
 * own (DEPESCHE_ID=...), with the line as MESSAGE.
 *
 *   gw_log(log, GW_LOG_INFO, "message.delivered", LOG_STR("id", id), LOG_INT("attempt", 2));
 *   gw_log(log, GW_LOG_ERROR, "store.write_failed", LOG_STR("path", path), LOG_ERR(&err));
 *
 * Values are escaped: quotes when they hold anything but letters, digits and -_.:/@+,%; then \" \\
 * \n \r \t and \xNN for other control characters and for bytes that are not UTF-8.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/buf.h"
#include "crypto/base/error.h"

enum gw_log_level { GW_LOG_DEBUG, GW_LOG_INFO, GW_LOG_WARNING, GW_LOG_ERROR };
enum gw_log_target { GW_LOG_STDERR, GW_LOG_JOURNAL, GW_LOG_FILE };

enum gw_log_type {
    GW_LOG_T_NONE,
    GW_LOG_T_STR,
    GW_LOG_T_SPAN,
    GW_LOG_T_INT,
    GW_LOG_T_BOOL,
    GW_LOG_T_TIME,
    GW_LOG_T_ERR
};

struct gw_log_field {
    const char *key; /* letters, digits and _, ours */
    enum gw_log_type type;
    union {
        const char *str; /* NULL: the field is left out */
        struct span span;
        int64_t num;
        const struct error *err;
    };
};

#define LOG_STR(k, v) ((struct gw_log_field){.key = (k), .type = GW_LOG_T_STR, .str = (v)})
#define LOG_SPAN(k, v) ((struct gw_log_field){.key = (k), .type = GW_LOG_T_SPAN, .span = (v)})
#define LOG_INT(k, v) ((struct gw_log_field){.key = (k), .type = GW_LOG_T_INT, .num = (int64_t)(v)})
#define LOG_BOOL(k, v)                                                                             \
    ((struct gw_log_field){.key = (k), .type = GW_LOG_T_BOOL, .num = (v) ? 1 : 0})
/* ms since 1970, written as 2026-05-04T08:15:00.123Z; 0 leaves the field out */
#define LOG_TIME(k, v) ((struct gw_log_field){.key = (k), .type = GW_LOG_T_TIME, .num = (v)})
/* status=... code=D-nnnn (when it has a reason) at=file:line error="..." */
#define LOG_ERR(e) ((struct gw_log_field){.key = "error", .type = GW_LOG_T_ERR, .err = (e)})

struct gw_log;

/* path: of the file (appended to, mode 0640), looked at only for GW_LOG_FILE. ST_RETRY: it cannot
 * be opened; ST_INVALID: the journal is not in this build. */
MUST_CHECK enum status gw_log_new(enum gw_log_target target, enum gw_log_level level,
                                  const char *path, struct gw_log **log, struct error *err);
/* Writes to fd (borrowed) with a fixed clock, for tests; clock may be NULL: the real one. */
MUST_CHECK enum status gw_log_new_fd(int fd, enum gw_log_level level, int64_t (*clock)(void),
                                     struct gw_log **log, struct error *err);
void gw_log_free(struct gw_log *log);
DROP_DEFINE(gw_log_drop, struct gw_log, gw_log_free)
/* Opens the file again, after logrotate. Nothing happens for other targets. */
void gw_log_reopen(struct gw_log *log);
bool gw_log_wants(const struct gw_log *log, enum gw_log_level level);

/* log NULL: nothing happens. Fields past GW_LOG_LINE_MAX give way to cut=yes. Never fails; a full
 * disk loses lines. */
void gw_log_write(struct gw_log *log, enum gw_log_level level, const char *event,
                  const struct gw_log_field *fields, size_t count);

enum { GW_LOG_LINE_MAX = 4096 };

#define gw_log(log, level, event, ...)                                                             \
    gw_log_write((log), (level), (event),                                                          \
                 (const struct gw_log_field[]){{.type = GW_LOG_T_NONE}, ##__VA_ARGS__},            \
                 sizeof((const struct gw_log_field[]){{.type = GW_LOG_T_NONE}, ##__VA_ARGS__}) /   \
                     sizeof(struct gw_log_field))
