/*
 * A plain message of any type: read, verified, its attachments and its package taken out. What
 * verifies must have been covered: every block of it is referenced.
 */
#include <assert.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "osci/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { OUT_MAX = 4 * 1024 * 1024 };

__attribute__((constructor)) static void start(void)
{
    struct error err = {0};

    if (crypto_init(&err) != ST_OK)
        abort();
}

static enum status nowhere(struct sink *self, struct span bytes, struct error *err)
{
    (void)self;
    (void)bytes;
    (void)err;
    return ST_OK;
}

static void take_out(const struct osci_reading *reading)
{
    AUTO(buf_deinit) struct buf package = {0};
    struct sink sink = {nowhere};
    struct error err = {0};

    for (size_t i = 0; i < reading->msg.attachment_count; i++)
        assert(osci_attachment_copy(reading, i, &sink, &err) == ST_OK);
    buf_init(&package, OUT_MAX);
    if (reading->package != NULL)
        (void)!osci_package_text(reading, &package, &err);
    (void)osci_executed(&reading->msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct policy policy = {0};
    const struct osci_limits limits = {.message_bytes = OUT_MAX};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    const struct cert *signer = NULL;
    struct source_span source;
    struct error err = {0};

    if (osci_message_read(source_span_init(&source, span_of(bytes, len)), &policy,
                          INT64_C(1780000000000), NULL, &limits, &reading, &err) != ST_OK) {
        assert(err.status != ST_OK && reading == NULL);
        return 0;
    }
    take_out(reading);
    if (osci_message_verify(reading, NULL, &signer, &err) == ST_OK) {
        assert(signer != NULL && osci_type_row(reading->msg.type) != NULL);
        assert(reading->signature.count == reading->block_count + reading->msg.attachment_count);
    }
    return 0;
}
