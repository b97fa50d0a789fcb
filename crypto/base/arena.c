#include "crypto/base/arena.h"

#include <stdalign.h>

enum { BLOCK_BYTES = 16 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used, cap;
    alignas(max_align_t) uint8_t bytes[];
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

void arena_deinit(struct arena *a)
{
    while (a->head != NULL) {
        struct arena_block *next = a->head->next;

        free(a->head);
        a->head = next;
    }
    a->used = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_block *block = a->head;
    size_t need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    void *p;

    if (need < size || need > a->max || a->used > a->max - need)
        return NULL;
    if (block == NULL || block->cap - block->used < need) {
        size_t cap = need > BLOCK_BYTES ? need : BLOCK_BYTES;

        block = malloc(sizeof *block + cap);
        if (block == NULL)
            return NULL;
        *block = (struct arena_block){.next = a->head, .cap = cap};
        a->head = block;
    }
    p = block->bytes + block->used;
    block->used += need;
    a->used += need;
    return memset(p, 0, need);
}

void *arena_array(struct arena *a, size_t size, size_t count)
{
    size_t bytes;

    if (__builtin_mul_overflow(size, count, &bytes))
        return NULL;
    return arena_alloc(a, bytes);
}

struct span arena_span(struct arena *a, struct span s)
{
    void *p;

    if (s.len == 0)
        return (struct span){(const uint8_t *)"", 0};
    p = arena_alloc(a, s.len);
    if (p == NULL)
        return SPAN_NONE;
    memcpy(p, s.ptr, s.len);
    return span_of(p, s.len);
}

char *arena_str(struct arena *a, struct span s)
{
    char *p = s.len == SIZE_MAX ? NULL : arena_alloc(a, s.len + 1);

    if (p != NULL && s.len > 0)
        memcpy(p, s.ptr, s.len);
    return p;
}
