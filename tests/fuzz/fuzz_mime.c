/* the MIME frame: every part is read to its end, the base64 of each taken off */
#include "crypto/base/mime.h"

enum { ARENA_MAX = 4 * 1024 * 1024, PLAIN_MAX = 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void part_read(struct mime_reader *reader, bool base64)
{
    struct error err = {0};
    struct mime_base64 decoder = {0};
    struct span piece;
    AUTO(buf_deinit) struct buf plain = {0};

    buf_init(&plain, PLAIN_MAX);
    while (mime_reader_piece(reader, &piece, &err) == ST_OK && piece.len > 0) {
        if (base64 && mime_base64_push(&decoder, piece, &plain, &err) != ST_OK)
            return;
    }
    if (base64)
        (void)!mime_base64_finish(&decoder, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct error err = {0};
    struct mime_reader reader = {0};
    struct mime_part *part = NULL;
    struct source_span all;
    AUTO(arena_deinit) struct arena arena = {0};

    arena_init(&arena, ARENA_MAX);
    if (mime_reader_init(&reader, source_span_init(&all, span_of(bytes, len)), &arena, &err) !=
        ST_OK)
        return 0;
    while (mime_reader_next(&reader, &part, &err) == ST_OK && part != NULL)
        part_read(&reader, part->base64);
    return 0;
}
