/*
 * What stands in the blocks of a message: ControlBlock, FeatureDescription, process cards,
 * feedback, certificates, selection rules, chunk information, blocks of others. The first byte is
 * the type, then come the inner XML of the header and, behind a NUL, that of the body; envelope and
 * MIME are put round it, so that mutations reach the blocks. What was read is looked at by those
 * who use it: the set of chunks, the blocks of others, the package on its way into another message.
 */
#include <assert.h>

#include <stdlib.h>

#include "crypto/crypto.h"
#include "osci/chunk.h"
#include "osci/content.h"
#include "osci/custom.h"
#include "osci/package.h"
#include "osci/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { WIRE_MAX = 1024 * 1024, OUT_MAX = 4 * 1024 * 1024 };
#define NOW INT64_C(1780000000000)

static const struct policy strict;

__attribute__((constructor)) static void start(void)
{
    struct error err = {0};

    if (crypto_init(&err) != ST_OK)
        abort();
}

static void message_make(struct buf *wire, enum osci_type type, struct span header,
                         struct span body)
{
    buf_init(wire, WIRE_MAX);
    buf_str(wire,
            "MIME-Version: 1.0\r\nContent-Type: Multipart/Related; boundary=b; type=text/xml\r\n"
            "\r\n--b\r\nContent-Type: text/xml; charset=UTF-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\nContent-ID: <osci@message>\r\n\r\n"
            "<soap:Envelope" OSCI_FIVE_NS " xmlns:osci2017=\"" OSCI17_NS "\" ");
    buf_printf(wire, "xsi:schemaLocation=\"" OSCI_SCHEMA_LOCATION "\"><soap:Header>",
               osci_type_row(type)->schema);
    buf_add(wire, header);
    buf_str(wire, "</soap:Header><soap:Body Id=\"body\">");
    buf_add(wire, body);
    buf_str(wire,
            "</soap:Body></soap:Envelope>\r\n--b\r\nContent-Type: application/octet-stream\r\n"
            "Content-Transfer-Encoding: 8-bit\r\n"
            "Content-ID: <ChunkBlobStoreDelivery>\r\n\r\noctets\r\n--b--\r\n");
}

/* A block that came in can be made anew of its text, and is the same then. */
static void customs_look(const struct osci_message *msg, struct arena *arena)
{
    for (size_t i = 0; i < msg->custom_count && i < 4; i++) {
        struct osci_custom again;
        struct error err = {0};

        (void)osci_custom_name(&msg->customs[i]);
        if (osci_custom_make(msg->customs[i].xml, arena, &again, &err) != ST_OK)
            continue;
        assert(span_eq(again.id, msg->customs[i].id));
    }
}

static void chunk_look(const struct osci_reading *reading, struct arena *arena)
{
    const struct osci_chunk_info *chunk = &reading->msg.chunk;
    struct osci_chunk_set set = {0};
    struct error err = {0};
    size_t attachment;

    if (!chunk->present)
        return;
    (void)osci_chunk_inner_id(reading->msg.message_id);
    (void)osci_chunk_total_fits(chunk->size_kb * chunk->number, chunk->total_size_kb);
    if (osci_chunk_find(reading, &attachment, &err) == ST_OK)
        assert(attachment < reading->msg.attachment_count);
    if (osci_chunk_set_init(&set, chunk->total, arena, &err) == ST_OK &&
        osci_chunk_set_read(&set, chunk->received, &err) == ST_OK)
        assert(set.count <= set.total);
}

static enum status begin(struct osci_open_out *self, const struct osci_opened *content,
                         struct sink **sink, struct error *err)
{
    (void)self;
    (void)content;
    (void)err;
    *sink = NULL;
    return ST_OK;
}

static void look(const struct osci_reading *reading)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf package = {0};
    struct osci_open_out out = {.begin = begin};
    struct osci_open_report report;
    struct error err = {0};

    arena_init(&arena, 64 * 1024 * 1024);
    buf_init(&package, OUT_MAX);
    customs_look(&reading->msg, &arena);
    chunk_look(reading, &arena);
    (void)osci_executed(&reading->msg);
    (void)osci_feedback_last(&reading->msg);
    (void)!osci_package_move(reading->package, &package, &err);
    if (osci_open(reading, NULL, 0, &strict, NOW, &arena, &out, &report, &err) == ST_OK)
        for (size_t i = 0; i < report.count; i++)
            assert(report.contents[i].container < report.container_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO(buf_deinit) struct buf wire = {0};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    struct source_span source;
    struct span rest, header;
    struct error err = {0};

    if (len < 1)
        return 0;
    rest = span_of(bytes + 1, len - 1);
    (void)span_split(&rest, '\0', &header);
    message_make(&wire, bytes[0] % OSCI_FAULT, header, rest);
    if (wire.failed)
        return 0;
    if (osci_message_read(source_span_init(&source, buf_span(&wire)), &strict, NOW, NULL, NULL,
                          &reading, &err) == ST_OK)
        look(reading);
    return 0;
}
