/*
 * crypto/base/cleanup.h - memory that frees itself when its variable goes out of scope
 *
 * AUTO(x_drop) T *v = NULL;   calls x_drop(&v) at every exit of the block; x_drop accepts NULL
 * inside. TAKE(v)                     hands v on and leaves NULL behind, so that the drop does
 * nothing.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define AUTO(drop) __attribute__((cleanup(drop)))
#define MUST_CHECK __attribute__((warn_unused_result))

#define TAKE(v)                                                                                    \
    __extension__({                                                                                \
        __typeof__(v) take_ = (v);                                                                 \
        (v) = NULL;                                                                                \
        take_;                                                                                     \
    })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Defines `static inline void NAME(T **p)` for use with AUTO; FREE gets a non-NULL pointer. */
#define DROP_DEFINE(name, type, freefn)                                                            \
    static inline void name(type **p)                                                              \
    {                                                                                              \
        if (*p != NULL)                                                                            \
            freefn(*p);                                                                            \
        *p = NULL;                                                                                 \
    }

static inline void free_drop(void *p)
{
    void **pp = p;

    free(*pp);
    *pp = NULL;
}

/* For int file descriptors; -1 is "none". */
static inline void fd_drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
