/* settings: any bytes end in a config or in findings, never in both */
#include <assert.h>

#include "gateway/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(gw_config_drop) const struct gw_config *config = NULL;
    AUTO(buf_deinit) struct buf text = {0};
    struct error err = {0};
    enum status st;

    gw_config_report_init(&report);
    buf_init(&text, 1024 * 1024);
    st = gw_config_read(span_of(data, size), "fuzz/x.yaml", &config, &report, &err);
    assert((st == ST_OK) == (config != NULL));
    assert(st == ST_LIMIT || (st == ST_OK) == (report.errors == 0));
    gw_config_report_text(&report, GW_LANG_DE, &text);
    return 0;
}
