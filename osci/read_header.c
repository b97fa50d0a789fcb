#include "osci/custom.h"
#include "osci/dialog.h"
#include "osci/read.h"

/* ---- ControlBlock ---- */

static enum status presence_check(const struct osci_reader *rd, const char *name, bool there,
                                  enum osci_presence presence, struct error *err)
{
    if (there ? presence == OSCI_NEVER : presence == OSCI_MUST)
        return error_set(err, ST_INVALID, 9300, "%s %s in %s",
                         there ? "no place for" : "missing:", name, rd->row->name);
    return ST_OK;
}

static enum status control_check(const struct osci_reader *rd, struct error *err)
{
    const struct osci_controlblock *cb = &rd->msg->control;
    const struct osci_type_row *row = rd->row;
    /* wrong outside a dialog, but answered by 9802, not as a fault */
    bool outside = row->explicit_dialog && cb->conversation_id.ptr == NULL;

    TRY(presence_check(rd, "Response", cb->response.ptr != NULL, outside ? OSCI_MAY : row->response,
                       err));
    TRY(presence_check(rd, "Challenge", cb->challenge.ptr != NULL, row->challenge, err));
    TRY(presence_check(rd, "ConversationId", cb->conversation_id.ptr != NULL,
                       outside ? OSCI_MAY : row->conversation_id, err));
    return presence_check(rd, "SequenceNumber", cb->has_sequence,
                          outside ? OSCI_MAY : row->sequence, err);
}

static bool all_digits(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static enum status control_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    struct osci_controlblock *cb = &rd->msg->control;
    struct span sequence = xml_attr(node, NULL, "SequenceNumber");
    struct osci_cursor c;
    const xmlNode *child;

    TRY(osci_cursor_init(&c, node, err));
    if ((child = osci_cursor_take(&c, OSCI_NS, "Response")) != NULL)
        TRY(osci_read_string(rd, child, OSCI_CHALLENGE_MAX - 1, &cb->response, err));
    if ((child = osci_cursor_take(&c, OSCI_NS, "Challenge")) != NULL)
        TRY(osci_read_string(rd, child, OSCI_CHALLENGE_MAX - 1, &cb->challenge, err));
    TRY(osci_cursor_end(&c, err));
    cb->conversation_id = xml_attr(node, NULL, "ConversationId");
    if (cb->conversation_id.ptr != NULL &&
        (cb->conversation_id.len == 0 || cb->conversation_id.len >= OSCI_CONVERSATION_MAX))
        return error_set(err, ST_INVALID, 9300, "ConversationId is empty or too long");
    if (sequence.ptr != NULL) {
        if (!all_digits(span_trim(sequence)))
            return error_set(err, ST_INVALID, 9300, "SequenceNumber is no number");
        if (!span_to_u64(span_trim(sequence), &cb->sequence))
            return error_set(err, ST_INVALID, 9400, "SequenceNumber beyond 64 bits");
        cb->has_sequence = true;
    }
    return control_check(rd, err);
}

/* ---- small blocks ---- */

static enum status languages_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    struct osci_cursor c;

    TRY(osci_cursor_init(&c, node, err));
    rd->msg->languages = span_trim(xml_attr(node, NULL, "LanguagesList"));
    if (rd->msg->languages.len == 0 || rd->msg->languages.len > OSCI_STRING_MAX)
        return error_set(err, ST_INVALID, 9300, "DesiredLanguages without a usable list");
    return osci_cursor_end(&c, err);
}

static enum status quality_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    static const char *const services[] = {"creation", "reception"};
    static const char *const qualities[] = {"plain", "cryptographic"};
    struct osci_cursor c;
    size_t service, which;
    enum osci_quality *quality;

    TRY(osci_cursor_init(&c, node, err));
    TRY(osci_read_choice(node, "Service", services, ARRAY_LEN(services), &service, err));
    TRY(osci_read_choice(node, "Quality", qualities, ARRAY_LEN(qualities), &which, err));
    quality = service == 0 ? &rd->msg->creation : &rd->msg->reception;
    if (*quality != OSCI_QUALITY_NONE)
        return error_set(err, ST_INVALID, 9300, "QualityOfTimestamp twice for %s",
                         services[service]);
    if (rd->row->qualities == OSCI_QUALITIES_NONE ||
        (rd->row->qualities == OSCI_QUALITIES_CREATION && service != 0))
        return error_set(err, ST_INVALID, 9300, "no place for QualityOfTimestamp for %s in %s",
                         services[service], rd->row->name);
    *quality = which == 0 ? OSCI_QUALITY_PLAIN : OSCI_QUALITY_CRYPTOGRAPHIC;
    return osci_cursor_end(&c, err);
}

static enum status signature_find(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    rd->signature_block = node;
    (void)err;
    return ST_OK;
}

static enum status features_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    struct osci_features *f = &rd->msg->features;
    const char *timeout = xml_attr(node, NULL, "ChunkMessageTimeout").ptr != NULL
                              ? "ChunkMessageTimeout"
                              : "ChunkMessageTimeOut"; /* the schema's spelling */
    struct osci_cursor c, list;
    const xmlNode *child;

    f->present = true;
    TRY(osci_read_number(node, "MinChunkSize", &f->min_chunk_kb, err));
    TRY(osci_read_number(node, "MaxChunkSize", &f->max_chunk_kb, err));
    TRY(osci_read_number(node, "MaxMessageSize", &f->max_message_kb, err));
    TRY(osci_read_number(node, timeout, &f->chunk_timeout, err));
    TRY(osci_cursor_init(&c, node, err));
    TRY(osci_cursor_need(&c, OSCI17_NS, "SupportedFeatures", &child, err));
    TRY(osci_cursor_end(&c, err));
    TRY(osci_cursor_init(&list, child, err));
    while ((child = osci_cursor_take(&list, OSCI17_NS, "Feature")) != NULL) {
        struct span key = xml_attr(child, NULL, "Key");

        if (key.ptr == NULL)
            return error_set(err, ST_INVALID, 9300, "a Feature without Key");
        if (f->key_count < ARRAY_LEN(f->keys))
            f->keys[f->key_count++] = key;
    }
    return osci_cursor_end(&list, err);
}

/* ---- certificates ---- */

static enum status certs_grow(struct osci_reader *rd, size_t more, struct error *err)
{
    struct osci_message *msg = rd->msg;
    struct osci_cert *certs;

    if (msg->cert_count + more > OSCI_CERTS_MAX)
        return error_set(err, ST_LIMIT, 9100, "more than %d certificates", OSCI_CERTS_MAX);
    certs = arena_array(&rd->reading->arena, sizeof *certs, msg->cert_count + more);
    TRY_ALLOC(certs, err);
    if (msg->cert_count > 0)
        memcpy(certs, msg->certs, msg->cert_count * sizeof *certs);
    msg->certs = certs;
    return ST_OK;
}

static enum status cert_read(struct osci_reader *rd, const xmlNode *node, enum osci_role role,
                             struct error *err)
{
    struct osci_cert *cert = &rd->msg->certs[rd->msg->cert_count];
    struct osci_cursor c;
    const xmlNode *data;
    struct span der;

    TRY(osci_cursor_init(&c, node, err));
    TRY(osci_cursor_need(&c, DS_NS, "X509Data", &data, err));
    TRY(osci_cursor_end(&c, err));
    TRY(osci_x509_read(data, &rd->scratch, &der, err));
    if (cert_cache_get(rd->cache, der, &cert->cert, err) != ST_OK) {
        err->reason = 9300;
        return error_context(err, "%s", osci_role_element(role));
    }
    cert->role = role;
    cert->id = xml_attr(node, NULL, "Id");
    rd->msg->cert_count++;
    return ST_OK;
}

/* The certificates of one block: roles that the type allows, most of them once. */
static enum status certs_read(struct osci_reader *rd, const xmlNode *block, unsigned allowed,
                              struct error *err)
{
    const unsigned often = OSCI_ROLE_BIT(OSCI_CIPHER_OTHER_AUTHOR) |
                           OSCI_ROLE_BIT(OSCI_CIPHER_OTHER_READER) |
                           OSCI_ROLE_BIT(OSCI_SIGNATURE_OTHER_AUTHOR);
    struct osci_cursor c;
    unsigned seen = 0;

    TRY(certs_grow(rd, osci_element_count(block), err));
    TRY(osci_cursor_init(&c, block, err));
    for (const xmlNode *node = c.next; node != NULL; node = xml_next(node)) {
        enum osci_role role = 0;

        while (role < OSCI_ROLES && !xml_is(node, OSCI_NS, osci_role_element(role)))
            role++;
        if (role == OSCI_ROLES || (OSCI_ROLE_BIT(role) & allowed) == 0)
            return error_set(err, ST_INVALID, 9300, "no place for %s in %s",
                             (const char *)node->name, rd->row->name);
        if ((OSCI_ROLE_BIT(role) & seen & ~often) != 0)
            return error_set(err, ST_INVALID, 9300, "%s twice", osci_role_element(role));
        seen |= OSCI_ROLE_BIT(role);
        TRY(cert_read(rd, node, role, err));
    }
    return ST_OK;
}

static enum status non_intermediary_read(struct osci_reader *rd, const xmlNode *node,
                                         struct error *err)
{
    return certs_read(rd, node, rd->row->non_intermediary_roles, err);
}

static enum status intermediary_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    return certs_read(rd, node, rd->row->intermediary_roles, err);
}

/* ---- the header as a whole ---- */

enum block {
    CONTROL,
    CLIENT_SIGNATURE,
    SUPPLIER_SIGNATURE,
    LANGUAGES,
    QUALITY, /* the only one that may come twice */
    NON_INTERMEDIARY,
    INTERMEDIARY,
    FEATURES,
    ORDER,
    BLOCKS
};

static const struct block_row {
    const char *ns, *name, *actor;
    const char *attributes; /* that it may have beside Id, blank-separated */
    enum status (*read)(struct osci_reader *rd, const xmlNode *node, struct error *err);
} blocks[ORDER] = {
    [CONTROL] = {OSCI_NS, "ControlBlock", OSCI_ACTOR_NEXT, "ConversationId SequenceNumber",
                 control_read},
    [CLIENT_SIGNATURE] = {OSCI_NS, "ClientSignature", OSCI_ACTOR_NEXT, "", signature_find},
    [SUPPLIER_SIGNATURE] = {OSCI_NS, "SupplierSignature", OSCI_ACTOR_NEXT, "", signature_find},
    [LANGUAGES] = {OSCI_NS, "DesiredLanguages", OSCI_ACTOR_NEXT, "LanguagesList", languages_read},
    [QUALITY] = {OSCI_NS, "QualityOfTimestamp", OSCI_ACTOR_NEXT, "Service Quality", quality_read},
    [NON_INTERMEDIARY] = {OSCI_NS, "NonIntermediaryCertificates", OSCI_ACTOR_NONE, "",
                          non_intermediary_read},
    [INTERMEDIARY] = {OSCI_NS, "IntermediaryCertificates", OSCI_ACTOR_NONE, "", intermediary_read},
    [FEATURES] =
        {OSCI17_NS, "FeatureDescription", NULL,
         "MinChunkSize MaxChunkSize MaxMessageSize ChunkMessageTimeout ChunkMessageTimeOut",
         features_read},
};

static enum osci_presence block_presence(const struct osci_type_row *row, enum block block)
{
    switch (block) {
    case CONTROL:
        return OSCI_MUST;
    case CLIENT_SIGNATURE:
        return row->request ? OSCI_MAY : OSCI_NEVER;
    case SUPPLIER_SIGNATURE:
        return row->request ? OSCI_NEVER : OSCI_MAY;
    case LANGUAGES:
        return row->request ? OSCI_MUST : OSCI_NEVER;
    case NON_INTERMEDIARY:
        return row->non_intermediary;
    case INTERMEDIARY:
        return row->intermediary_roles != 0 ? OSCI_MAY : OSCI_NEVER;
    case FEATURES:
        return row->features;
    case ORDER:
        return row->body == OSCI_BODY_ORDER ? OSCI_NEVER : OSCI_MUST;
    default:
        return OSCI_MAY;
    }
}

static enum block block_of(const struct osci_type_row *row, const xmlNode *node)
{
    for (enum block b = 0; b < ORDER; b++)
        if (xml_is(node, blocks[b].ns, blocks[b].name))
            return b;
    return xml_is(node, row->ns, row->name) ? ORDER : BLOCKS;
}

static bool has_word(const char *words, const char *word)
{
    struct span rest = span_str(words), one;

    while (span_split(&rest, ' ', &one))
        if (span_is(one, word))
            return true;
    return false;
}

/* actor and mustUnderstand may be missing; what is there must be right (digest 2.0.1). Attributes
 * without namespace are those of the schema and no others. */
static enum status block_attributes_check(const xmlNode *node, const char *actor,
                                          const char *attributes, struct error *err)
{
    struct span said = xml_attr(node, SOAP_NS, "actor");
    struct span must = xml_attr(node, SOAP_NS, "mustUnderstand");

    for (const xmlAttr *a = node->properties; a != NULL; a = a->next)
        if (a->ns == NULL && strcmp((const char *)a->name, "Id") != 0 &&
            !has_word(attributes, (const char *)a->name))
            return error_set(err, ST_INVALID, 9300, "no place for an attribute %.40s in %s",
                             (const char *)a->name, (const char *)node->name);
    if (actor == NULL)
        return ST_OK;
    if (said.ptr != NULL && !span_is(said, actor))
        return error_set(err, ST_INVALID, 9300, "%s is for another actor",
                         (const char *)node->name);
    if (must.ptr != NULL && !span_is(must, "1"))
        return error_set(err, ST_INVALID, 9300, "%s need not be understood",
                         (const char *)node->name);
    return ST_OK;
}

/* Somebody else's block: kept as canonical text, to be passed on. */
static enum status custom_read(struct osci_reader *rd, const xmlNode *node, struct error *err)
{
    struct osci_custom *custom = &rd->msg->customs[rd->msg->custom_count];
    const char *ns = node->ns == NULL ? NULL : (const char *)node->ns->href;

    if (!osci_custom_ns_allowed(ns))
        return error_set(err, ST_INVALID, 9300, "no place for a header block %s in %s",
                         (const char *)node->name, rd->row->name);
    custom->id = xml_attr(node, NULL, "Id");
    if (custom->id.len == 0)
        return error_set(err, ST_INVALID, 9100, "the header block %s has no Id",
                         (const char *)node->name);
    buf_reset(&rd->scratch);
    TRY(xml_c14n(node, &rd->scratch, err));
    TRY(buf_check(&rd->scratch, err));
    custom->xml = arena_span(&rd->reading->arena, buf_span(&rd->scratch));
    TRY_ALLOC(custom->xml.ptr, err);
    rd->msg->custom_count++;
    return ST_OK;
}

static enum status block_read(struct osci_reader *rd, const xmlNode *node, enum block block,
                              struct error *err)
{
    if (block == BLOCKS)
        return custom_read(rd, node, err);
    TRY(presence_check(rd, (const char *)node->name, true, block_presence(rd->row, block), err));
    if (xml_attr(node, NULL, "Id").len == 0)
        return error_set(err, ST_INVALID, 9300, "the header block %s has no Id",
                         (const char *)node->name);
    TRY(block_attributes_check(node, block == ORDER ? OSCI_ACTOR_NEXT : blocks[block].actor,
                               block == ORDER ? "" : blocks[block].attributes, err));
    return block == ORDER ? osci_read_order(rd, node, err) : blocks[block].read(rd, node, err);
}

/* What the type asks for beside the blocks themselves. */
static enum status header_check(const struct osci_reader *rd, unsigned seen, struct error *err)
{
    const struct osci_type_row *row = rd->row;
    unsigned roles = 0;

    for (enum block b = 0; b < BLOCKS; b++)
        TRY(presence_check(rd, b == ORDER ? row->name : blocks[b].name, (seen & 1U << b) != 0,
                           b == QUALITY ? OSCI_MAY : block_presence(row, b), err));
    if ((row->qualities == OSCI_QUALITIES_BOTH &&
         (rd->msg->creation == OSCI_QUALITY_NONE || rd->msg->reception == OSCI_QUALITY_NONE)) ||
        (row->qualities == OSCI_QUALITIES_CREATION && rd->msg->creation == OSCI_QUALITY_NONE))
        return error_set(err, ST_INVALID, 9300, "QualityOfTimestamp missing in %s", row->name);
    for (size_t i = 0; i < rd->msg->cert_count; i++)
        roles |= OSCI_ROLE_BIT(rd->msg->certs[i].role);
    if ((row->non_intermediary_needs & ~roles) != 0)
        return error_set(err, ST_INVALID, 9300, "a certificate is missing in %s", row->name);
    return ST_OK;
}

enum status osci_read_header(struct osci_reader *rd, const xmlNode *header, struct error *err)
{
    struct osci_reading *reading = rd->reading;
    size_t room = osci_element_count(header) + 1; /* and the body */
    struct osci_cursor c;
    unsigned seen = 0;

    if (room > OSCI_BLOCKS_MAX)
        return error_set(err, ST_LIMIT, 9100, "more than %d header blocks", OSCI_BLOCKS_MAX);
    reading->blocks = arena_array(&reading->arena, sizeof(xmlNode *), room);
    reading->block_ids = arena_array(&reading->arena, sizeof *reading->block_ids, room);
    rd->msg->customs = arena_array(&reading->arena, sizeof *rd->msg->customs, room);
    if (reading->blocks == NULL || reading->block_ids == NULL || rd->msg->customs == NULL)
        return error_starved(err);
    TRY(osci_cursor_init(&c, header, err));
    for (const xmlNode *node = c.next; node != NULL; node = xml_next(node)) {
        enum block block = block_of(rd->row, node);

        if (block != BLOCKS && block != QUALITY && (seen & 1U << block) != 0)
            return error_set(err, ST_INVALID, 9300, "the header block %s twice",
                             (const char *)node->name);
        seen |= 1U << block;
        TRY(block_read(rd, node, block, err));
        if (node == rd->signature_block)
            continue;
        reading->blocks[reading->block_count] = node;
        reading->block_ids[reading->block_count++] = xml_attr(node, NULL, "Id");
    }
    return header_check(rd, seen, err);
}
