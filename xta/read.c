#include "xta/read.h"

#include "xta/schema.h"

enum { ROOT_BYTES = 16 * 1024 * 1024, CONTENTS = 1000, ITEMS = 10000 };

struct xta_limits xta_limits_default(void)
{
    return (struct xta_limits){.root_bytes = ROOT_BYTES,
                               .content_bytes = UINT64_C(4) << 30,
                               .contents = CONTENTS,
                               .items = ITEMS};
}

static void reader_init(struct xta_reader *rd, const struct xta_reading *conf, struct arena *arena,
                        struct xta_fault *fault)
{
    *fault = (struct xta_fault){.exception = XTA_NO_EXCEPTION};
    *rd = (struct xta_reader){.conf = conf,
                              .codec = xta_codec_of(conf->version),
                              .arena = arena,
                              .in = {.arena = arena, .items_max = conf->limits.items},
                              .fault = fault};
    xta_contents_tap(rd);
}

/* The tree, with contents taken out of it and other binary data put in. */
static enum status tree_read(struct xta_reader *rd, struct source *body, struct span content_type,
                             xmlDoc **doc, struct error *err)
{
    struct source *root;

    TRY(xta_package_open(&rd->package, body, content_type, rd->arena, err));
    TRY(xta_package_root(&rd->package, rd->conf->limits.root_bytes, &root, err));
    TRY(xml_parse_source(root, rd->conf->limits.root_bytes, &rd->tap, doc, err));
    return xta_head_read(rd, xml_root(*doc), err);
}

/* A fault for whatever has none yet. */
static void fault_complete(struct xta_reader *rd, struct error *err)
{
    if (rd->fault->exception != XTA_NO_EXCEPTION)
        return;
    if (err->status == ST_LIMIT)
        (void)xta_refuse_with(rd, XTA_PARAMETER_NOT_VALID, XTA_N_TOO_LARGE, err);
    else if (err->status == ST_INVALID)
        (void)xta_refuse_with(rd, XTA_SOAP_SENDER, 0, err);
    else
        *rd->fault = rd->known ? (struct xta_fault){.exception = XTA_TECHNICAL_PROBLEM,
                                                    .number = XTA_N_INTERNAL}
                               : (struct xta_fault){.exception = XTA_SOAP_RECEIVER};
}

/* ---- contents ---- */

/* The contents that were taken are those of this container, Message first and once. */
static enum status container_check(struct xta_reader *rd, const xmlNode *container,
                                   struct xta_container *c, struct error *err)
{
    size_t children = 0, messages = 0;

    for (const xmlNode *n = xml_first(container); n != NULL; n = xml_next(n)) {
        if (!xta_is_content(n, rd->codec->ns))
            continue;
        if (children >= rd->taken_count || rd->taken[children].node != n)
            break;
        messages += xml_is(n, rd->codec->ns, "Message");
        c->has_message |= children++ == 0 && messages == 1;
    }
    if (children != rd->taken_count || messages > 1 || (messages == 1 && !c->has_message))
        return xta_refuse(rd, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_COMBINATION, err,
                          "the contents are not those of one container");
    c->count = children;
    return ST_OK;
}

static enum status container_read(struct xta_reader *rd, const xmlNode *child,
                                  struct xta_container *c, struct error *err)
{
    const xmlNode *container = rd->codec->container(child);

    TRY(container_check(rd, container, c, err));
    rd->codec->container_read(&rd->in, child, c);
    return xta_in_check(&rd->in, err);
}

static enum status contents_take(struct xta_reader *rd, struct xta_part **parts,
                                 struct xta_container *c, struct error *err)
{
    TRY(xta_contents_finish(rd, parts, err));
    if (c->count == 0)
        return ST_OK;
    c->contents = arena_array(rd->arena, sizeof *c->contents, c->count);
    TRY_ALLOC(c->contents, err);
    for (size_t i = 0; i < c->count; i++)
        c->contents[i] = rd->taken[i].content;
    return ST_OK;
}

/* ---- requests ---- */

static enum status schema_look(struct xta_reader *rd, xmlDoc *doc, struct span *deviation,
                               struct error *err)
{
    if (rd->conf->schemas == NULL ||
        xta_schema_check(rd->conf->schemas, rd->conf->version, doc, err) == ST_OK)
        return ST_OK;
    if (err->status != ST_INVALID)
        return err->status;
    if (!rd->conf->lenient)
        return xta_refuse_with(rd, XTA_PARAMETER_NOT_VALID, err->reason, err);
    *deviation = arena_span(rd->arena, span_str(err->text));
    TRY_ALLOC(deviation->ptr, err);
    return ST_OK;
}

static enum status missing(struct xta_reader *rd, const char *what, struct error *err)
{
    return xta_refuse(rd, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_MISSING, err,
                      "the request has no %s", what);
}

/* What no schema sees, and what even a lenient reader wants. Source: digest 1, 6, 7. */
static enum status message_check(struct xta_reader *rd, const struct xta_request *r,
                                 struct error *err)
{
    const struct xta_container *c = &r->container;

    if (r->metadata.id.len == 0)
        return missing(rd, "message id in its MessageMetaData", err);
    if (r->metadata.author.value.len == 0)
        return missing(rd, "author in its MessageMetaData", err);
    if (r->metadata.reader.value.len == 0)
        return missing(rd, "reader in its MessageMetaData", err);
    if (!xta_is_uri(r->metadata.id))
        return xta_refuse(rd, ST_INVALID, XTA_PARAMETER_NOT_VALID, XTA_N_NO_URI, err,
                          "the message id is no URI");
    if (r->version == XTA_V3 && !c->has_message && c->encrypted.ptr == NULL)
        return missing(rd, "Message", err);
    if (c->count == 0 && c->encrypted.ptr == NULL && c->extensions.ptr == NULL)
        return missing(rd, "contents", err);
    return ST_OK;
}

static enum status request_check(struct xta_reader *rd, struct xta_request *r, struct error *err)
{
    if (r->version == XTA_V5 && !r->has_party) {
        if (!rd->conf->lenient)
            return xta_refuse(rd, ST_INVALID, XTA_PERMISSION_DENIED, XTA_N_WRONG_PARTY, err,
                              "the request names no Party");
        if (r->deviation.ptr == NULL)
            r->deviation = SPAN("no header Party");
    }
    if (r->has_party && r->party.value.len == 0)
        return missing(rd, "identifier of its party", err);
    if (xta_carries_message(r->operation))
        return message_check(rd, r, err);
    if ((r->operation == XTA_GET_TRANSPORT_REPORT || r->operation == XTA_CANCEL_MESSAGE) &&
        r->message_id.len == 0)
        return missing(rd, "message id", err);
    return ST_OK;
}

static enum status request_model(struct xta_reader *rd, const xmlNode *root, const xmlNode *child,
                                 struct xta_request *r, struct error *err)
{
    const xmlNode *header = xml_child(root, XTA_SOAP_NS, "Header");

    r->version = rd->conf->version;
    r->operation = rd->operation;
    r->operation_known = true;
    r->soap_id = rd->soap_id;
    r->to = rd->to;
    if (xta_carries_message(r->operation) &&
        xml_child(header, rd->codec->metadata.ns, rd->codec->metadata.local) == NULL)
        return missing(rd, "MessageMetaData", err);
    rd->codec->request_read(&rd->in, header, child, r);
    if (xta_carries_message(r->operation))
        TRY(container_read(rd, child, &r->container, err));
    TRY(xta_in_check(&rd->in, err));
    return request_check(rd, r, err);
}

static enum status request_take(struct xta_reader *rd, struct source *body,
                                struct span content_type, struct xta_request *r, struct error *err)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct xta_part **parts;
    const xmlNode *child;

    TRY(tree_read(rd, body, content_type, &doc, err));
    TRY(xta_body_read(rd, xml_root(doc), &rd->codec->requests[rd->operation], &child, err));
    TRY(xta_includes_strip(rd, &parts, err));
    TRY(xta_includes_inline(rd, doc, err));
    TRY(schema_look(rd, doc, &r->deviation, err));
    TRY(request_model(rd, xml_root(doc), child, r, err));
    return contents_take(rd, parts, &r->container, err);
}

enum status xta_request_read(const struct xta_reading *conf, struct source *body,
                             struct span content_type, struct span soap_action, struct arena *arena,
                             struct xta_request *request, struct xta_fault *fault,
                             struct span *fault_relates_to, struct error *err)
{
    struct xta_reader rd;
    struct xta_request r = {0};
    enum status st;

    reader_init(&rd, conf, arena, fault);
    rd.soap_action = soap_action;
    st = request_take(&rd, body, content_type, &r, err);
    if (st != ST_OK) {
        fault_complete(&rd, err);
        r = (struct xta_request){
            .version = conf->version, .operation = rd.operation, .operation_known = rd.known};
    }
    *request = r;
    *fault_relates_to = rd.soap_id;
    return st;
}

/* ---- answers ---- */

/* A box that has nothing (left) may answer with an empty body. */
static const struct xta_name *answer_body(const struct xta_reader *rd, const xmlNode *root)
{
    static const struct xta_name empty = {NULL, NULL};
    const xmlNode *body = xml_child(root, XTA_SOAP_NS, "Body");
    enum xta_operation o = rd->answer_to->operation;

    if ((o == XTA_GET_MESSAGE || o == XTA_GET_NEXT_MESSAGE) && xml_first(body) == NULL)
        return &empty;
    return &rd->codec->answers[o];
}

static bool answer_carries_message(enum xta_operation operation)
{
    return operation == XTA_GET_MESSAGE || operation == XTA_GET_NEXT_MESSAGE ||
           operation == XTA_SEND_MESSAGE_SYNC || operation == XTA_DELIVER_MESSAGE;
}

static enum status answer_check(struct xta_reader *rd, const struct xta_answer *a,
                                struct error *err)
{
    const struct xta_request *to = rd->answer_to;

    if (to->soap_id.ptr != NULL && rd->relates_to.ptr != NULL &&
        !span_eq(to->soap_id, rd->relates_to))
        return error_set(err, ST_INVALID, 0, "the answer relates to another request");
    if (a->operation == XTA_CREATE_MESSAGE_ID && !xta_is_uri(a->message_id))
        return error_set(err, ST_INVALID, 0, "the answer holds no message id");
    if (a->has_message && a->metadata.id.len == 0)
        return error_set(err, ST_INVALID, 0, "the answer has contents without MessageMetaData");
    if (a->operation == XTA_LOOKUP_SERVICE && a->service_count != to->question_count)
        return error_set(err, ST_INVALID, 0, "the answer has %zu results for %zu questions",
                         a->service_count, to->question_count);
    return ST_OK;
}

static enum status answer_model(struct xta_reader *rd, const xmlNode *root, const xmlNode *child,
                                struct xta_answer *a, struct error *err)
{
    const xmlNode *header = xml_child(root, XTA_SOAP_NS, "Header");

    a->version = rd->conf->version;
    a->operation = rd->answer_to->operation;
    a->relates_to = rd->relates_to;
    rd->codec->answer_read(&rd->in, header, child, a);
    TRY(xta_in_check(&rd->in, err));
    if (answer_carries_message(a->operation) && child != NULL) {
        TRY(container_read(rd, child, &a->container, err));
        a->has_message = a->container.count > 0 || a->container.encrypted.ptr != NULL ||
                         a->container.extensions.ptr != NULL;
    }
    return answer_check(rd, a, err);
}

static enum status answer_take(struct xta_reader *rd, struct source *body, struct span content_type,
                               struct xta_answer *a, struct error *err)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct xta_part **parts;
    const xmlNode *child;

    TRY(tree_read(rd, body, content_type, &doc, err));
    TRY(xta_body_read(rd, xml_root(doc), answer_body(rd, xml_root(doc)), &child, err));
    TRY(xta_includes_strip(rd, &parts, err));
    TRY(xta_includes_inline(rd, doc, err));
    if (rd->conf->schemas != NULL && !rd->conf->lenient)
        TRY(xta_schema_check(rd->conf->schemas, rd->conf->version, doc, err));
    TRY(answer_model(rd, xml_root(doc), child, a, err));
    return contents_take(rd, parts, &a->container, err);
}

enum status xta_answer_read(const struct xta_reading *conf, const struct xta_request *to,
                            struct source *body, struct span content_type, struct arena *arena,
                            struct xta_answer *answer, struct xta_fault *fault, struct error *err)
{
    struct xta_reader rd;
    struct xta_answer a = {0};

    reader_init(&rd, conf, arena, fault);
    rd.answer_to = to;
    rd.operation = to->operation;
    rd.known = true;
    TRY(answer_take(&rd, body, content_type, &a, err));
    *answer = a;
    return ST_OK;
}
