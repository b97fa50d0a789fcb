#include "gateway/tls_next.h"

#include <stdlib.h>

enum status gw_tls_next_load(const struct gw_next_tls_conf *conf, unsigned count,
                             const struct gw_tls_files *first, struct gw_tls_next *next,
                             struct error *err)
{
    next->list = calloc(count + 1, sizeof *next->list);
    TRY_ALLOC(next->list, err);
    while (next->count < count) {
        struct gw_tls_later *later = &next->list[next->count];

        later->from = conf[next->count++].from; /* freed even when half-made */
        TRY(gw_tls_files_load(conf[next->count - 1].tls, NULL, 0, first->client.ca_pem,
                              &later->files, err));
    }
    return ST_OK;
}

void gw_tls_next_deinit(struct gw_tls_next *next)
{
    for (size_t i = 0; i < next->count; i++)
        gw_tls_files_deinit(&next->list[i].files);
    free(next->list);
    *next = (struct gw_tls_next){0};
}

const struct gw_tls_client *gw_tls_client_at(const struct gw_tls_files *first,
                                             const struct gw_tls_next *next, int64_t now)
{
    const struct gw_tls_client *client = &first->client;

    for (size_t i = 0; i < next->count && next->list[i].from <= now; i++)
        client = &next->list[i].files.client;
    return client;
}
