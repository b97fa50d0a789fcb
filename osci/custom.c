#include "osci/custom.h"

#include "osci/block.h"
#include "osci/package.h"

bool osci_custom_ns_allowed(const char *ns)
{
    static const char *const ours[] = {OSCI_NS, OSCI17_NS, SOAP_NS};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (ns != NULL && strcmp(ns, ours[i]) == 0)
            return false;
    return ns != NULL;
}

/* Ids that a message of ours has itself. */
static bool is_ours(struct span id)
{
    static const char *const ids[] = {"body",
                                      "controlblock",
                                      "clientsignature",
                                      "suppliersignature",
                                      "desiredlanguages",
                                      "qualityoftimestamp_creation",
                                      "qualityoftimestamp_reception",
                                      "intermediarycertificates",
                                      "nonintermediarycertificates",
                                      "featuredescription"};
    AUTO(buf_deinit) struct buf name = {.max = 256};

    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        if (span_is(id, ids[i]))
            return true;
    for (enum osci_type type = 0; type < OSCI_FAULT; type++) {
        buf_reset(&name);
        osci_block_id(&name, osci_type_name(type));
        if (span_eq(buf_span(&name), id))
            return true;
    }
    return false;
}

/* The message's other Ids are not known yet; below the block itself there may be none. */
static bool has_ids_within(const xmlNode *node)
{
    for (const xmlNode *n = xml_first(node); n != NULL; n = xml_next(n))
        if (xml_attr(n, NULL, "Id").ptr != NULL || has_ids_within(n))
            return true;
    return false;
}

static enum status root_check(xmlDoc *doc, struct error *err)
{
    xmlNode *root = xmlDocGetRootElement(doc);
    AUTO(xml_ids_drop) struct xml_ids *ids = NULL;
    struct span id = xml_attr(root, NULL, "Id");

    if (!osci_custom_ns_allowed(root->ns == NULL ? NULL : (const char *)root->ns->href))
        return error_set(err, ST_INVALID, 0, "%s has no namespace, or one of OSCI or SOAP",
                         (const char *)root->name);
    TRY(xml_ids_new(doc, &ids, err));
    if (has_ids_within(root))
        return error_set(err, ST_INVALID, 0, "only the outermost element may have an Id");
    if (id.ptr == NULL && xmlSetProp(root, BAD_CAST "Id", BAD_CAST OSCI_CUSTOM_ID) == NULL)
        return error_starved(err);
    if (id.ptr != NULL && (id.len == 0 || is_ours(id)))
        return error_set(err, ST_INVALID, 0, "the Id \"%.*s\" is not free",
                         SPAN_FMT(span_sub(id, 0, 100)));
    return ST_OK;
}

enum status osci_custom_make(struct span xml, struct arena *arena, struct osci_custom *custom,
                             struct error *err)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    AUTO(buf_deinit) struct buf text = {.max = 4 * OSCI_CUSTOM_BYTES_MAX};

    if (xml.len > OSCI_CUSTOM_BYTES_MAX)
        return error_set(err, ST_LIMIT, 0, "more than %d KB", OSCI_CUSTOM_BYTES_MAX / 1024);
    TRY(xml_parse(xml, &doc, err));
    TRY(root_check(doc, err));
    TRY(xml_c14n(xml_root(doc), &text, err));
    TRY(buf_check(&text, err));
    TRY(osci_apex_complete(buf_span(&text), arena, &custom->xml, err));
    custom->id = arena_span(arena, xml_attr(xml_root(doc), NULL, "Id"));
    TRY_ALLOC(custom->id.ptr, err);
    return ST_OK;
}

struct span osci_custom_name(const struct osci_custom *custom)
{
    struct span tag = span_from(custom->xml, 1);
    size_t end = 0, colon;

    while (end < tag.len && tag.ptr[end] != ' ' && tag.ptr[end] != '>')
        end++;
    tag = span_sub(tag, 0, end);
    colon = span_find(tag, SPAN(":"));
    return colon == SIZE_MAX ? tag : span_from(tag, colon + 1);
}
