/* The schemas of both versions on any XML. Seeds: tests/vectors/xta_schema. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "xta/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct xta_schemas *schemas;
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};

    if (crypto_init(&err) != ST_OK || (schemas == NULL && xta_schemas_new(&schemas, &err) != ST_OK))
        abort();
    if (xml_parse(span_of(data, size), &doc, &err) != ST_OK)
        return 0;
    for (int v = 0; v < XTA_VERSION_COUNT; v++) {
        struct error first = {0};
        struct error second = {0};
        enum status st = xta_schema_check(schemas, (enum xta_version)v, doc, &first);

        /* A violation has its sentence, and a check leaves nothing behind that changes the next. */
        if (xta_schema_check(schemas, (enum xta_version)v, doc, &second) != st ||
            strcmp(first.text, second.text) != 0 || (st == ST_OK) != (first.text[0] == '\0'))
            abort();
    }
    return 0;
}
