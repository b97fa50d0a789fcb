#include "osci/delivery.h"

#include "osci/block.h"
#include "osci/package.h"
#include "osci/record.h"
#include "osci/types.h"

enum status osci_parts_write(const struct osci_message *msg, struct arena *arena, struct buf *out,
                             struct error *err)
{
    for (size_t i = 0; i < msg->cert_count; i++) {
        const uint8_t role = (uint8_t)msg->certs[i].role;

        osci_record_add(out, OSCI_RECORD_CERT_ROLE, span_of(&role, 1));
        osci_record_add(out, OSCI_RECORD_ID, msg->certs[i].id);
        osci_record_add(out, OSCI_RECORD_DER, cert_der(msg->certs[i].cert));
    }
    for (size_t i = 0; i < msg->custom_count; i++) {
        struct span xml;

        TRY(osci_apex_complete(msg->customs[i].xml, arena, &xml, err));
        osci_record_add(out, OSCI_RECORD_ID, msg->customs[i].id);
        osci_record_add(out, OSCI_RECORD_CUSTOM_XML, xml);
    }
    return buf_check(out, err);
}

static enum status counts_read(struct span kept, size_t *certs, size_t *customs, struct error *err)
{
    struct span value;
    unsigned tag;

    *certs = *customs = 0;
    while (kept.len > 0) {
        TRY(osci_record_next(&kept, &tag, &value, err));
        *certs += tag == OSCI_RECORD_DER;
        *customs += tag == OSCI_RECORD_CUSTOM_XML;
    }
    return ST_OK;
}

/* The certificate counts as the message's as soon as it is there, whatever fails behind it. */
static enum status cert_read(struct span *rest, struct span role, struct cert_cache *cache,
                             struct arena *arena, struct osci_message *msg, struct error *err)
{
    struct osci_cert *c = &msg->certs[msg->cert_count];
    struct span id, der;

    if (role.len != 1 || role.ptr[0] >= OSCI_ROLES)
        return error_set(err, ST_INVALID, 0, "a kept certificate has no role");
    TRY(osci_record_take(rest, OSCI_RECORD_ID, &id, err));
    TRY(osci_record_take(rest, OSCI_RECORD_DER, &der, err));
    c->role = (enum osci_role)role.ptr[0];
    c->id = arena_span(arena, id);
    TRY_ALLOC(c->id.ptr, err);
    TRY(cert_cache_get(cache, der, &c->cert, err));
    msg->cert_count++;
    return ST_OK;
}

static enum status custom_read(struct span *rest, struct span id, struct arena *arena,
                               struct osci_message *msg, struct error *err)
{
    struct osci_custom *c = &msg->customs[msg->custom_count];
    struct span xml;

    TRY(osci_record_take(rest, OSCI_RECORD_CUSTOM_XML, &xml, err));
    c->id = arena_span(arena, id);
    TRY_ALLOC(c->id.ptr, err);
    c->xml = arena_span(arena, xml);
    TRY_ALLOC(c->xml.ptr, err);
    msg->custom_count++;
    return ST_OK;
}

enum status osci_parts_read(struct span kept, struct cert_cache *cache, size_t extra,
                            struct arena *arena, struct osci_message *msg, struct error *err)
{
    size_t certs, customs;
    unsigned tag;
    struct span value;

    TRY(counts_read(kept, &certs, &customs, err));
    msg->certs = arena_array(arena, sizeof *msg->certs, certs + extra + 1);
    msg->customs = arena_array(arena, sizeof *msg->customs, customs + 1);
    TRY_ALLOC(msg->certs, err);
    TRY_ALLOC(msg->customs, err);
    while (kept.len > 0) {
        TRY(osci_record_next(&kept, &tag, &value, err));
        if (tag == OSCI_RECORD_CERT_ROLE)
            TRY(cert_read(&kept, value, cache, arena, msg, err));
        else if (tag == OSCI_RECORD_ID)
            TRY(custom_read(&kept, value, arena, msg, err));
        else
            return error_set(err, ST_INVALID, 0, "a kept part has the unknown tag %u", tag);
    }
    return ST_OK;
}

static bool is_custom(const struct osci_message *msg, const xmlNode *block)
{
    struct span id = xml_attr(block, NULL, "Id");

    for (size_t i = 0; i < msg->custom_count; i++)
        if (span_eq(msg->customs[i].id, id))
            return true;
    return false;
}

/* Does the element lie in what is passed on: the package, a certificate, a foreign block? The
 * certificates' block itself is written anew. */
static bool passed_on(const struct osci_reading *reading, const xmlNode *node)
{
    const xmlNode *own = node;

    for (; node != NULL; node = node->parent) {
        if (node == reading->package)
            return true;
        if (xml_is(node, OSCI_NS, "NonIntermediaryCertificates"))
            return node != own;
        if (node->parent != NULL && xml_is(node->parent, SOAP_NS, "Header"))
            return is_custom(&reading->msg, node);
    }
    return false;
}

static enum status id_free(const struct osci_reading *reading, struct span id, struct error *err)
{
    const xmlNode *node = xml_by_id(reading->ids, id);

    if (node != NULL && passed_on(reading, node))
        return error_set(err, ST_INVALID, 9300, "the Id %.*s is taken by a part of our own",
                         SPAN_FMT(id));
    return ST_OK;
}

enum status osci_parts_check(const struct osci_reading *reading, enum osci_type type,
                             struct span own, struct error *err)
{
    bool request = osci_type_row(type)->request;
    const struct span taken[] = {
        own,
        SPAN("controlblock"),
        request ? SPAN("clientsignature") : SPAN("suppliersignature"),
        request ? SPAN("desiredlanguages") : SPAN("controlblock"),
        SPAN("intermediarycertificates"),
        SPAN("nonintermediarycertificates"),
        SPAN("featuredescription"),
        SPAN("body"),
    };
    AUTO(buf_deinit) struct buf order = {0};

    buf_init(&order, 128);
    osci_block_id(&order, osci_type_row(type)->name);
    TRY(buf_check(&order, err));
    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        TRY(id_free(reading, taken[i], err));
    return id_free(reading, buf_span(&order), err);
}
