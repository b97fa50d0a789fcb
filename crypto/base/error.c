#include "crypto/base/error.h"

#include <stdio.h>
#include <string.h>

enum status error_set_at(struct error *err, const char *file, int line, enum status st, int reason,
                         const char *fmt, ...)
{
    va_list ap;

    err->status = st;
    err->reason = reason;
    err->cause = 0;
    err->starved = false;
    err->file = file;
    err->line = line;
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return st;
}

enum status error_starved_at(struct error *err, const char *file, int line)
{
    (void)error_set_at(err, file, line, ST_LIMIT, 0, "out of memory");
    err->starved = true;
    return ST_LIMIT;
}

enum status error_context(struct error *err, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return err->status;
    for (size_t to = (size_t)n, from = 0; to < sizeof text - 1; to++, from++) {
        /* ": " and the old text, cut at the end of the room */
        text[to] = (char)(from < 2 ? ": "[from] : err->text[from - 2]);
        text[to + 1] = '\0';
        if (text[to] == '\0')
            break;
    }
    memcpy(err->text, text, sizeof text);
    return err->status;
}

const char *status_name(enum status st)
{
    static const char *const names[] = {"OK",        "INVALID", "DENIED", "NOT_FOUND",
                                        "DUPLICATE", "LIMIT",   "RETRY",  "INTERNAL"};

    return (size_t)st < ARRAY_LEN(names) ? names[st] : "?";
}
