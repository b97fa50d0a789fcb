/* A message of the store as the answer of getMessage. */
#include <stdio.h>
#include <string.h>

#include "gateway/xta_header.h"
#include "gateway/xta_outlet.h"

enum { HEADER_MAX = 1024 * 1024, ENCRYPTED_MAX = 64 * 1024 * 1024 };

/* ---- metadata ---- */

static enum status file_bytes(struct gw_xta_call *call, const struct gw_file_row *file, size_t max,
                              struct span *bytes, struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, max);
    TRY(gw_payload_open(call->rt->store, file, &source, err));
    TRY(source_read_all(&source.base, &b, err));
    *bytes = arena_span(&call->arena, buf_span(&b));
    TRY_ALLOC(bytes->ptr, err);
    return ST_OK;
}

/* The message's own MessageMetaData, among the header blocks that came with it. */
static enum status header_load(struct gw_xta_call *call, const struct gw_file_list *files,
                               struct xta_metadata *metadata, bool *found, struct error *err)
{
    const struct gw_file_row *file = gw_xta_header_file(files, call->version);
    struct error why = {0};
    struct span xml;

    *found = false;
    if (file == NULL)
        return ST_OK;
    TRY(file_bytes(call, file, HEADER_MAX, &xml, err));
    *found = xta_metadata_read(xml, &call->arena, metadata, &why) == ST_OK;
    return ST_OK;
}

static struct span or_else(struct span value, const char *otherwise)
{
    return value.len > 0 ? value : span_str(otherwise);
}

static void code_complete(struct xta_code *code, const char *list)
{
    code->list = or_else(code->list, list);
    code->list_version = or_else(code->list_version, "1.0");
}

/* What one version demands and the other, or a message without metadata, does not say. */
static void metadata_complete(struct xta_metadata *m, const struct gw_message_row *row)
{
    m->reader.scheme = or_else(m->reader.scheme, "xoev");
    m->author.scheme = or_else(m->author.scheme, "xoev");
    if (m->scenario.code.len == 0)
        m->scenario_undefined = or_else(m->scenario_undefined, "unbekannt");
    else
        code_complete(&m->scenario, "urn:de:xta:codeliste:business.scenario");
    if (m->service.ptr == NULL)
        m->service = SPAN("");
    m->message_type.code = or_else(m->message_type.code, "unbekannt");
    code_complete(&m->message_type, "urn:de:payloadSchema:elementName");
    m->message_schema = or_else(m->message_schema, "urn:unbekannt");
    if (m->quality.len == 0)
        m->quality_undefined = or_else(m->quality_undefined, "unbekannt");
    if (m->size == 0)
        m->size = row->size_bytes > 0 ? row->size_bytes : 1;
    for (size_t i = 0; i < m->property_count; i++)
        code_complete(&m->properties[i].key, "urn:de:xta:codeliste:message.property");
    for (size_t i = 0; i < m->related_count; i++)
        code_complete(&m->related[i].context, "urn:de:xta:codeliste:additional.identifier");
}

/* The party in its own spelling. */
static struct span party_name(const struct gw_config *conf, const char *folded)
{
    const struct gw_endpoint_conf *e = gw_config_party(conf, span_str(folded));

    for (unsigned i = 0; e != NULL && i < e->parties_count; i++)
        if (xta_same(span_str(e->parties[i]), span_str(folded)))
            return span_str(e->parties[i]);
    return span_str(folded);
}

/* It came from somebody who knows nothing of XTA. */
static void metadata_make(struct gw_xta_call *call, const struct gw_xta_row *xta,
                          const struct gw_message_row *row, struct xta_metadata *m)
{
    const char *sender = row->sender != NULL ? row->sender : row->peer;
    const char *type = row->message_type != NULL ? row->message_type : row->subject;

    *m = (struct xta_metadata){.version = call->version};
    m->reader.value = party_name(call->rt->conf, xta->reader);
    m->author.value = xta->author != NULL ? span_str(xta->author) : span_str(sender);
    m->author.value = or_else(m->author.value, "unbekannt");
    if (sender != NULL)
        m->author.name = span_str(sender);
    if (row->subject != NULL && row->subject[0] != '\0')
        m->subject = span_str(row->subject);
    if (type != NULL)
        m->message_type.code = span_str(type);
}

enum status gw_xta_metadata_load(struct gw_xta_call *call, const struct gw_xta_row *xta,
                                 const struct gw_message_row *row, const struct gw_file_list *files,
                                 struct xta_metadata *metadata, struct error *err)
{
    struct xta_metadata m = {0};
    struct span sent;
    bool found;

    TRY(header_load(call, files, &m, &found, err));
    if (!found)
        metadata_make(call, xta, row, &m);
    metadata_complete(&m, row);
    m.id = span_str(xta->xta_id);
    TRY(gw_xta_time(&call->arena, xta->initial_send, &sent, err));
    if (m.initial_send.len == 0)
        m.initial_send = sent;
    TRY(gw_xta_time(&call->arena, xta->delivery, &m.delivery, err));
    TRY(gw_xta_time(&call->arena, xta->initial_fetch, &m.initial_fetch, err));
    TRY(gw_xta_time(&call->arena, xta->reception, &m.reception, err));
    *metadata = m;
    return ST_OK;
}

/* ---- contents ---- */

/* XML or not: what came without a type. */
static const char *type_of(const struct gw_file_row *file)
{
    const char *dot = file->name == NULL ? NULL : strrchr(file->name, '.');

    if (file->content_type != NULL)
        return file->content_type;
    return dot != NULL && span_eq_nocase(span_str(dot), SPAN(".xml")) ? "application/xml"
                                                                      : "application/octet-stream";
}

static enum status content_load(struct gw_xta_call *call, const struct gw_file_row *file,
                                const struct gw_xta_part *part, struct error *err)
{
    struct xta_container *c = &call->answer.container;
    struct gw_xta_outlet *outlet = &call->outlets[call->outlet_count];

    TRY(gw_xta_outlet_init(outlet, call->rt->store, file, err));
    call->outlet_count++;
    c->contents[c->count++] =
        (struct xta_content){.content_type = span_str(type_of(file)),
                             .encoding = part->encoding,
                             .filename = file->name == NULL ? SPAN_NONE : span_str(file->name),
                             .id = part->id,
                             .description = part->description,
                             .lang = part->lang,
                             .announced = file->len,
                             .len = file->len,
                             .body = &outlet->base};
    return ST_OK;
}

/* The message first, whatever the order of the files. A message that came without one, in V5 or
 * from outside, has its first content as such in V3. */
static void message_first(struct gw_xta_call *call, size_t message)
{
    struct xta_container *c = &call->answer.container;
    struct xta_content first;

    c->has_message = message < c->count || (call->version == XTA_V3 && c->count > 0);
    if (message == 0 || message >= c->count)
        return;
    first = c->contents[message];
    memmove(&c->contents[1], &c->contents[0], message * sizeof first);
    c->contents[0] = first;
}

static enum status container_load(struct gw_xta_call *call, const struct gw_file_list *files,
                                  struct error *err)
{
    struct xta_container *c = &call->answer.container;
    size_t message = SIZE_MAX;
    bool ours = false; /* the files are known as contents of XTA */

    c->contents = arena_array(&call->arena, sizeof *c->contents, files->count + 1);
    TRY_ALLOC(c->contents, err);
    call->outlets = arena_array(&call->arena, sizeof *call->outlets, files->count + 1);
    TRY_ALLOC(call->outlets, err);
    for (size_t i = 0; i < files->count; i++) {
        const struct gw_file_row *file = &files->rows[i];
        struct gw_xta_part part;

        if (file->kind != GW_FILE_PAYLOAD)
            continue;
        ours |= gw_xta_part_read(file->ref, &call->arena, &part);
        if (part.kind == GW_XTA_ENCRYPTED && call->version == XTA_V3) {
            TRY(file_bytes(call, file, ENCRYPTED_MAX, &c->encrypted, err));
            continue;
        }
        if (part.kind != GW_XTA_ATTACHMENT)
            message = c->count;
        TRY(content_load(call, file, &part, err));
    }
    if (!ours)
        message = 0;
    message_first(call, message);
    return ST_OK;
}

static enum status files_load(struct gw_xta_call *call, const char *id, struct gw_file_list *files,
                              struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(call->rt->store, &tx, err));
    return gw_store_files(tx, &call->arena, id, files, err);
}

enum status gw_xta_message_load(struct gw_xta_call *call, const struct gw_xta_row *xta,
                                const struct gw_message_row *row, struct error *err)
{
    struct gw_file_list files = {0};

    TRY(files_load(call, row->id, &files, err));
    TRY(gw_xta_metadata_load(call, xta, row, &files, &call->answer.metadata, err));
    TRY(container_load(call, &files, err));
    call->answer.has_message = true;
    call->message_id = row->id;
    return ST_OK;
}
