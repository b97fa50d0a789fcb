/*
 * A delivery as an intermediary keeps it and hands it out: whatever a message brings, what is
 * passed on is canonical where it will stand, and what was kept can be read again.
 */
#include <assert.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "osci/delivery.h"
#include "osci/package.h"
#include "osci/processcard.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { OUT_MAX = 4 * 1024 * 1024 };

__attribute__((constructor)) static void start(void)
{
    struct error err = {0};

    if (crypto_init(&err) != ST_OK)
        abort();
}

static void assert_canonical(struct span package)
{
    AUTO(buf_deinit) struct buf text = {.max = 2 * OUT_MAX}, again = {.max = 2 * OUT_MAX};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};

    buf_str(&text, "<osci:ContentPackage" OSCI_FIVE_NS ">");
    buf_add(&text, package);
    buf_str(&text, "</osci:ContentPackage>");
    if (xml_parse(buf_span(&text), &doc, &err) != ST_OK)
        abort();
    if (xml_c14n(xml_root(doc), &again, &err) != ST_OK)
        abort();
    assert(span_eq(buf_span(&text), buf_span(&again)));
}

static void keep(const struct osci_reading *reading)
{
    AUTO(buf_deinit) struct buf package = {.max = OUT_MAX}, parts = {.max = OUT_MAX};
    AUTO(arena_deinit) struct arena arena = {.max = 4 * OUT_MAX};
    struct osci_message again = {0};
    struct error err = {0};
    enum status st;

    if (osci_package_move(reading->package, &package, &err) == ST_OK)
        assert_canonical(buf_span(&package));
    (void)!osci_parts_check(reading, OSCI_RSP_FETCH_DELIVERY, SPAN("own"), &err);
    if (osci_parts_write(&reading->msg, &arena, &parts, &err) != ST_OK)
        return;
    st = osci_parts_read(buf_span(&parts), NULL, 1, &arena, &again, &err);
    assert(st == ST_OK && again.cert_count == reading->msg.cert_count);
    assert(again.custom_count == reading->msg.custom_count);
    for (size_t i = 0; i < again.cert_count; i++)
        cert_free(again.certs[i].cert);
}

/* The bytes themselves as what somebody kept, and as a time. */
static void read_kept(struct span bytes)
{
    AUTO(arena_deinit) struct arena arena = {.max = OUT_MAX};
    AUTO(buf_deinit) struct buf out = {.max = OUT_MAX};
    struct osci_inspection *inspections;
    struct osci_message msg = {0};
    struct error err = {0};
    size_t count;
    int64_t ms;

    (void)!osci_inspections_read(bytes, &arena, &inspections, &count, &err);
    (void)!osci_parts_read(bytes, NULL, 0, &arena, &msg, &err);
    for (size_t i = 0; i < msg.cert_count; i++)
        cert_free(msg.certs[i].cert);
    (void)!osci_apex_reduce(bytes, &out, &err);
    (void)!osci_datetime_read(bytes, &ms, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct policy policy = {0};
    const struct osci_limits limits = {.message_bytes = OUT_MAX};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    struct source_span source;
    struct error err = {0};

    read_kept(span_of(bytes, len));
    if (osci_message_read(source_span_init(&source, span_of(bytes, len)), &policy,
                          INT64_C(1780000000000), NULL, &limits, &reading, &err) == ST_OK)
        keep(reading);
    return 0;
}
