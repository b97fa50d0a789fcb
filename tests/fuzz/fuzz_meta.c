/*
 * What lies beside a dropped file: NAME.meta.yaml, and where the input begins like an element,
 * NAME.meta.xml. What is taken holds what was promised.
 */
#include <assert.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "gateway/route.h"
#include "osci/custom.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

__attribute__((constructor)) static void start(void)
{
    struct error err = {0};

    if (crypto_init(&err) != ST_OK)
        abort();
}

static void text_check(const char *text)
{
    for (const char *c = text; c != NULL && *c != '\0'; c++)
        assert((unsigned char)*c >= ' ' && *c != 0x7f);
}

static void yaml(struct span bytes, struct arena *arena)
{
    const struct gw_partner_conf conf = {.name = "Beheim"};
    struct gw_partner partner = {.conf = &conf};
    const struct gw_runtime rt = {.partners = &partner, .partner_count = 1};
    struct gw_routing routing = {0};
    struct error err = {0};

    if (gw_route_meta(&rt, bytes, arena, &routing, &err) != ST_OK)
        return;
    assert(routing.partner == NULL || routing.partner == &partner);
    text_check(routing.message_type);
    text_check(routing.subject);
}

static void xml(struct span bytes, struct arena *arena)
{
    struct osci_custom custom, again;
    struct error err = {0};

    if (osci_custom_make(bytes, arena, &custom, &err) != ST_OK)
        return;
    assert(custom.id.len > 0 && osci_custom_name(&custom).len > 0);
    /* made again of what it is, it is the same */
    assert(osci_custom_make(custom.xml, arena, &again, &err) != ST_OK ||
           (span_eq(again.xml, custom.xml) && span_eq(again.id, custom.id)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO(arena_deinit) struct arena arena = {0};

    arena_init(&arena, 64 * 1024 * 1024);
    if (len > 0 && bytes[0] == '<')
        xml(span_of(bytes, len), &arena);
    else
        yaml(span_of(bytes, len), &arena);
    return 0;
}
