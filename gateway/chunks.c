#include "gateway/chunks.h"

#include "osci/chunk.h"

enum { TELL_MS = 30 * 1000, TELL_PARTS = 10 };

uint64_t gw_chunk_kb(const struct gw_intermediary_conf *conf, const struct gw_features *features,
                     uint64_t len)
{
    uint64_t kb = (uint64_t)conf->chunk_kb;

    if (osci_chunk_count(len, kb) > OSCI_CHUNKS_MAX)
        kb = osci_chunk_total_kb(len) / OSCI_CHUNKS_MAX + 1;
    if (features->max_chunk_kb > 0 && kb > features->max_chunk_kb)
        kb = features->max_chunk_kb;
    if (kb < features->min_chunk_kb)
        kb = features->min_chunk_kb;
    return kb < OSCI_CHUNK_KB_MAX ? kb : OSCI_CHUNK_KB_MAX;
}

bool gw_chunk_progress_due(struct gw_chunk_progress *p, uint64_t done, uint64_t total, int64_t now)
{
    if (done <= p->told || done >= total)
        return false; /* the end is told by what comes of it */
    if (p->told_at != 0 && (done - p->told) * TELL_PARTS < total && now - p->told_at < TELL_MS)
        return false;
    p->told = done;
    p->told_at = now;
    return true;
}
