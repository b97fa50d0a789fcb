#include "gateway/carrier.h"

#include "gateway/local.h"
#include "gateway/target.h"

static const struct gw_carrier *const carriers[] = {&gw_osci_carrier, &gw_xta_carrier,
                                                    &gw_local_carrier, &gw_target_carrier};

bool gw_destination_at(const struct gw_runtime *rt, size_t i, struct gw_destination *to)
{
    for (size_t c = 0; c < ARRAY_LEN(carriers); c++) {
        size_t n = 0;

        while (carriers[c]->destination(rt, n, to)) {
            if (n++ == i)
                return true;
        }
        i -= n;
    }
    return false;
}
