/*
 * crypto/base/error.h - what can fail says how, to whom, and why
 *
 * A function that can fail returns enum status and takes struct error *err last, never NULL. The
 * status tells the caller what to do, err->reason what the peer is told (an OSCI or XTA code, 0
 * when there is none), err->text what the operator reads. The first to notice calls error_set;
 * callers may put context in front with error_context. Outputs are set only on ST_OK.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

#include "crypto/base/cleanup.h"

enum status {
    ST_OK = 0,
    ST_INVALID,   /* the bytes break the specification: fault, never retry */
    ST_DENIED,    /* well-formed but not allowed: signature, certificate, policy */
    ST_NOT_FOUND, /* not there */
    ST_DUPLICATE, /* seen before: answer as the first time, change nothing */
    ST_LIMIT,     /* a bound is reached, memory included */
    ST_RETRY,     /* the world outside failed for now */
    ST_INTERNAL,  /* a library refused what it must accept */
};

enum { ERROR_TEXT_MAX = 480 };

struct error {
    enum status status;
    int reason; /* protocol code for the peer (9400, say); 0: none */
    int cause;  /* never for a peer: what the system refused, as the gateway numbers it; 0: none */
    bool starved; /* for want of memory: nothing is said about the bytes, later they may be good */
    const char *file;
    int line;
    char text[ERROR_TEXT_MAX]; /* one English sentence without a full stop, never content or secrets
                                */
};

/* Fills *err (borrowed) and returns st. Use the macro: it adds file and line. */
enum status error_set_at(struct error *err, const char *file, int line, enum status st, int reason,
                         const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Puts "context: " in front of err->text and returns err->status. */
enum status error_context(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "OK", "INVALID", ... for logs and tests. */
const char *status_name(enum status st);

#define error_set(err, st, reason, ...)                                                            \
    status_same(error_set_at((err), __FILE__, __LINE__, (st), (reason), __VA_ARGS__), (st))

/* ST_LIMIT for want of memory. */
#define error_starved(err) status_same(error_starved_at((err), __FILE__, __LINE__), ST_LIMIT)
enum status error_starved_at(struct error *err, const char *file, int line);

/* Shows the compiler that error_set returns what it was given, so that it sees by itself that
 * outputs are set wherever a caller goes on. */
static inline enum status status_same(enum status got, enum status given)
{
    (void)got;
    return given;
}

/* The one macro that returns. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum status try_ = (call);                                                                 \
        if (try_ != ST_OK)                                                                         \
            return try_;                                                                           \
    } while (0)

/* ST_LIMIT when an allocation gave NULL. */
#define TRY_ALLOC(ptr, err)                                                                        \
    do {                                                                                           \
        if ((ptr) == NULL)                                                                         \
            return error_starved(err);                                                             \
    } while (0)
