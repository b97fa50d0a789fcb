/*
 * crypto/base/arena.h - what is parsed from one message, and dies with it
 *
 * Memory comes in blocks and is never given back one by one. Secrets stay out.
 */
#pragma once

#include "crypto/base/error.h"
#include "crypto/base/span.h"

struct arena_block;

struct arena {
    struct arena_block *head;
    size_t used, max; /* bytes handed out, and the most that may be */
};

void arena_init(struct arena *a, size_t max);
void arena_deinit(struct arena *a); /* for AUTO too; a zeroed arena is fine */
/* Zeroed and aligned for any type; NULL when max or memory is exhausted. */
void *arena_alloc(struct arena *a, size_t size);
/* size * count without overflow. */
void *arena_array(struct arena *a, size_t size, size_t count);
/* A copy of the bytes; ptr is NULL on failure unless s is empty. */
struct span arena_span(struct arena *a, struct span s);
/* A copy with a NUL behind it; NULL on failure. */
char *arena_str(struct arena *a, struct span s);
