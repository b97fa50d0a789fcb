/*
 * MessageMetaData alone, or the first that stands in an envelope: what was read can be written in
 * both versions, and is what it was when it is read from there.
 */
#include "tests/fuzz/fuzz_xta.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const xmlNode *metadata_find(const xmlNode *node)
{
    for (const xmlNode *n = xml_first(node); n != NULL; n = xml_next(n)) {
        const xmlNode *found =
            strcmp((const char *)n->name, "MessageMetaData") == 0 ? n : metadata_find(n);

        if (found != NULL)
            return found;
    }
    return NULL;
}

static void through(const struct xta_metadata *m, enum xta_version version, struct arena *arena)
{
    struct xta_metadata again;
    struct span first, second;
    struct error err = {0};
    enum status st = xta_metadata_write(m, version, arena, &first, &err);

    if (st == ST_LIMIT ||
        st == ST_INVALID) /* what XML has in one place it may not have in another */
        return;
    if (st != ST_OK)
        abort();
    st = xta_metadata_read(first, arena, &again, &err);
    if (st == ST_LIMIT)
        return;
    if (st != ST_OK || again.version != version)
        abort();
    st = xta_metadata_write(&again, version, arena, &second, &err);
    if (st == ST_LIMIT)
        return;
    if (st != ST_OK || !span_eq(first, second))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO(arena_deinit) struct arena arena = {.max = FUZZ_ARENA_MAX};
    AUTO(buf_deinit) struct buf part = {.max = FUZZ_CONTENT_MAX};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct span type, xml = fuzz_body(span_of(bytes, len), &type);
    const xmlNode *node;
    struct xta_metadata m;
    struct error err = {0};

    (void)fuzz_schemas(); /* starts the libraries */
    if (xml_parse(xml, &doc, &err) != ST_OK)
        return 0;
    node = metadata_find(xml_root(doc));
    if (node != NULL) {
        if (xml_c14n(node, &part, &err) != ST_OK)
            return 0;
        xml = buf_span(&part);
    }
    if (xta_metadata_read(xml, &arena, &m, &err) != ST_OK)
        return 0;
    for (enum xta_version v = 0; v < XTA_VERSION_COUNT; v++)
        through(&m, v, &arena);
    return 0;
}
