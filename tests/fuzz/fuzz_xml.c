/* The XML reader, the Ids and canonical XML on any bytes. Seeds: the XML of tests/vectors. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "crypto/base/xml.h"
#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read from a source it is taken or refused as from memory. */
static void from_source(const uint8_t *data, size_t size, bool taken)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct source_span source;
    struct error err = {0};

    source_span_init(&source, span_of(data, size));
    if ((xml_parse_source(&source.base, UINT64_MAX, NULL, &doc, &err) == ST_OK) != taken)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    AUTO(xml_ids_drop) struct xml_ids *ids = NULL;
    AUTO(buf_deinit) struct buf canonical = {0};
    AUTO(buf_deinit) struct buf twice = {0};
    AUTO(xml_doc_drop) xmlDoc *again = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct span text;
    struct error err = {0};

    if (crypto_init(&err) != ST_OK)
        abort();
    arena_init(&arena, 1024 * 1024);
    (void)!xml_parse(span_of(data, size), &doc, &err);
    from_source(data, size, doc != NULL);
    if (doc == NULL)
        return 0;
    if (xml_ids_new(doc, &ids, &err) == ST_OK)
        (void)xml_by_id(ids, SPAN("body"));
    (void)!xml_text(xml_root(doc), &arena, &text, &err);
    buf_init(&canonical, 4 * 1024 * 1024);
    buf_init(&twice, 4 * 1024 * 1024);
    if (xml_c14n(xml_root(doc), &canonical, &err) != ST_OK)
        return 0;
    /* what is canonical stays as it is */
    if (xml_parse(buf_span(&canonical), &again, &err) == ST_OK &&
        (xml_c14n(xml_root(again), &twice, &err) != ST_OK ||
         !span_eq(buf_span(&canonical), buf_span(&twice))))
        abort();
    return 0;
}
