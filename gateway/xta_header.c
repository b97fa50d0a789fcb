#include "gateway/xta_header.h"

#include "crypto/base/xml.h"
#include "osci/custom.h"

#define ID_V5 "MetaData-V5"
#define ID_CONTENTS "Contents"
#define CONTENTS_NS "urn:depesche:xta:contents"

static const char *const kind_names[] = {"message", "attachment", "encrypted"};

/* ---- out ---- */

/* The root element gets an Id: osci_custom_make would give it the common one. */
static enum status id_insert(struct span xml, const char *id, struct buf *out, struct error *err)
{
    size_t end = 1;

    while (end < xml.len && strchr(" />", xml.ptr[end]) == NULL)
        end++;
    buf_add(out, span_sub(xml, 0, end));
    buf_printf(out, " Id=\"%s\"", id);
    buf_add(out, span_from(xml, end));
    return buf_check(out, err);
}

static enum status metadata_stage(struct gw_stage *stage, const struct xta_metadata *metadata,
                                  enum xta_version version, const char *id, struct arena *arena,
                                  struct error *err)
{
    AUTO(buf_deinit) struct buf text = {.max = OSCI_CUSTOM_BYTES_MAX};
    struct span xml;

    TRY(xta_metadata_write(metadata, version, arena, &xml, err));
    TRY(id_insert(xml, id, &text, err));
    return gw_header_stage(stage, buf_span(&text), arena, err);
}

static void attribute(struct buf *b, const char *name, struct span value)
{
    if (value.len == 0)
        return;
    buf_printf(b, " %s=\"", name);
    buf_xml_attr(b, value);
    buf_char(b, '"');
}

static enum status contents_stage(struct gw_stage *stage, struct arena *arena, struct error *err)
{
    AUTO(buf_deinit) struct buf text = {.max = OSCI_CUSTOM_BYTES_MAX};
    size_t count;
    const struct gw_file_row *files = gw_stage_files(stage, &count);

    buf_str(&text, "<c:Contents xmlns:c=\"" CONTENTS_NS "\" Id=\"" ID_CONTENTS "\">");
    for (size_t i = 0; i < count; i++) {
        struct gw_xta_part part;

        if (files[i].kind != GW_FILE_PAYLOAD)
            continue;
        (void)gw_xta_part_read(files[i].ref, arena, &part);
        buf_printf(&text, "<c:Content kind=\"%s\"", kind_names[part.kind]);
        attribute(&text, "contentType", span_str(files[i].content_type));
        attribute(&text, "encoding", part.encoding);
        attribute(&text, "id", part.id);
        attribute(&text, "description", part.description);
        attribute(&text, "lang", part.lang);
        buf_str(&text, "></c:Content>");
    }
    buf_str(&text, "</c:Contents>");
    TRY(buf_check(&text, err));
    return gw_header_stage(stage, buf_span(&text), arena, err);
}

enum status gw_xta_headers_stage(struct gw_stage *stage, const struct xta_metadata *metadata,
                                 struct arena *arena, struct error *err)
{
    TRY(metadata_stage(stage, metadata, XTA_V3, OSCI_CUSTOM_ID, arena, err));
    if (metadata->version == XTA_V5)
        TRY(metadata_stage(stage, metadata, XTA_V5, ID_V5, arena, err));
    return contents_stage(stage, arena, err);
}

const struct gw_file_row *gw_xta_header_file(const struct gw_file_list *files,
                                             enum xta_version version)
{
    const struct gw_file_row *found = NULL;

    for (size_t i = 0; i < files->count; i++) {
        const struct gw_file_row *file = &files->rows[i];

        if (file->kind != GW_FILE_HEADER || file->ref == NULL)
            continue;
        if (version == XTA_V5 && strcmp(file->ref, ID_V5) == 0)
            return file;
        if (strcmp(file->ref, OSCI_CUSTOM_ID) == 0)
            found = file;
    }
    return found;
}

/* ---- in ---- */

static const struct osci_custom *custom_of(const struct osci_custom *customs, size_t count,
                                           const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(customs[i].id, id))
            return &customs[i];
    return NULL;
}

static enum status copy(struct arena *arena, struct span from, struct span *to, struct error *err)
{
    *to = SPAN_NONE;
    if (from.ptr == NULL)
        return ST_OK;
    *to = arena_span(arena, from);
    TRY_ALLOC(to->ptr, err);
    return ST_OK;
}

static enum status detail_read(const xmlNode *node, struct arena *arena,
                               struct gw_xta_detail *detail, struct error *err)
{
    struct span kind = xml_attr(node, NULL, "kind"), type = xml_attr(node, NULL, "contentType");

    detail->part.kind = GW_XTA_ATTACHMENT;
    for (size_t i = 0; i < ARRAY_LEN(kind_names); i++)
        if (span_is(kind, kind_names[i]))
            detail->part.kind = (enum gw_xta_kind)i;
    TRY(copy(arena, xml_attr(node, NULL, "encoding"), &detail->part.encoding, err));
    TRY(copy(arena, xml_attr(node, NULL, "id"), &detail->part.id, err));
    TRY(copy(arena, xml_attr(node, NULL, "description"), &detail->part.description, err));
    TRY(copy(arena, xml_attr(node, NULL, "lang"), &detail->part.lang, err));
    if (type.ptr == NULL)
        return ST_OK;
    detail->content_type = arena_str(arena, type);
    TRY_ALLOC(detail->content_type, err);
    return ST_OK;
}

/* What cannot be read is passed over: the contents come without their details. */
static enum status details_read(const struct osci_custom *custom, struct arena *arena,
                                struct gw_xta_incoming *in, struct error *err)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error ignored = {0};
    size_t count = 0;

    if (custom == NULL || xml_parse(custom->xml, &doc, &ignored) != ST_OK ||
        !xml_is(xml_root(doc), CONTENTS_NS, "Contents"))
        return ST_OK;
    for (const xmlNode *n = xml_first(xml_root(doc)); n != NULL; n = xml_next(n))
        count++;
    in->details = arena_array(arena, sizeof *in->details, count + 1);
    TRY_ALLOC(in->details, err);
    for (const xmlNode *n = xml_first(xml_root(doc)); n != NULL; n = xml_next(n))
        TRY(detail_read(n, arena, &in->details[in->detail_count++], err));
    return ST_OK;
}

enum status gw_xta_incoming_read(const struct osci_custom *customs, size_t count,
                                 struct arena *arena, struct gw_xta_incoming *in, struct error *err)
{
    const struct osci_custom *v3 = custom_of(customs, count, OSCI_CUSTOM_ID);
    const struct osci_custom *v5 = custom_of(customs, count, ID_V5);
    struct gw_xta_incoming found = {0};

    if (v5 == NULL || xta_metadata_read(v5->xml, arena, &found.metadata, err) != ST_OK)
        if (v3 == NULL || xta_metadata_read(v3->xml, arena, &found.metadata, err) != ST_OK)
            return error_set(err, ST_NOT_FOUND, 0, "no MessageMetaData");
    TRY(details_read(custom_of(customs, count, ID_CONTENTS), arena, &found, err));
    *in = found;
    return ST_OK;
}

/* Nobody has said what it is: XML by its name, else bytes. */
static const char *type_guess(const char *name)
{
    return name != NULL && span_ends(span_str(name), SPAN(".xml")) ? "application/xml"
                                                                   : "application/octet-stream";
}

enum status gw_xta_incoming_file(const struct gw_xta_incoming *in, size_t n, const char *name,
                                 struct arena *arena, const char **content_type, const char **ref,
                                 struct error *err)
{
    const struct gw_xta_part plain = {.kind = n == 0 ? GW_XTA_MESSAGE : GW_XTA_ATTACHMENT};

    *content_type = *ref = NULL;
    if (in == NULL)
        return ST_OK;
    if (n < in->detail_count)
        *content_type = in->details[n].content_type;
    if (*content_type == NULL)
        *content_type = type_guess(name);
    return gw_xta_part_write(n < in->detail_count ? &in->details[n].part : &plain, arena, ref, err);
}
