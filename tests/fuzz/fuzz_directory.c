/* the directory: any bytes end in parties that can be found, or in findings */
#include <assert.h>
#include <stdlib.h>

#include "gateway/config_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 64 * 1024 * 1024 };

static void all_found(const struct gw_directory *directory)
{
    for (unsigned i = 0; i < directory->parties_count; i++) {
        const struct gw_directory_entry *e = &directory->parties[i], *found;

        for (unsigned k = 0; k < e->services_count; k++)
            assert(gw_directory_find(directory, span_str(e->party), span_str(e->services[k].uri),
                                     &found, NULL) == GW_DIRECTORY_FOUND &&
                   found == e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gw_partner_conf partner = {.name = "Beheim"};
    static const struct gw_endpoint_conf endpoint = {.name = "meldewesen"};
    const struct gw_config config = {.partners = (struct gw_partner_conf *)(uintptr_t)&partner,
                                     .partners_count = 1,
                                     .endpoints = (struct gw_endpoint_conf *)(uintptr_t)&endpoint,
                                     .endpoints_count = 1};
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_config_reader reader = {.report = &report, .arena = &arena, .folder = "/d"};
    struct gw_directory directory = {0};
    struct error err = {0};
    enum status st;

    gw_config_report_init(&report);
    arena_init(&arena, ARENA_MAX);
    st = gw_config_fill(&reader, span_of(data, size), &gw_directory_schema, &directory, &err);
    if (st == ST_OK)
        gw_config_check_directory(&reader, &config, &directory);
    gw_directory_sort(&directory);
    if (st == ST_OK && report.errors == 0)
        all_found(&directory);
    free(reader.lines);
    return 0;
}
