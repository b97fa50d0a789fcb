/*
 * xta/common.c - what both versions have alike but for the namespace
 */
#include "xta/codec.h"
#include "xta/package.h"

#include <stdio.h>

#define RECORD_LIST_V3 "urn:de:xta:codeliste:record.type"
#define RECORD_LIST_V5 "urn:xoev-de:kosit:codeliste:xta.core.record-type"
#define REPORT_LIST "urn:de:xta:codeliste:report.type"
#define PARAMETER_LIST "urn:de:xta:codeliste:service.parameter.type"
#define LIST_VERSION "1"

enum { NAME_MAX_BYTES = 64, RED = 3 };

/* ---- contents ---- */

void xta_content_read(struct xta_in *in, const xmlNode *node, struct xta_content *content)
{
    uint64_t size;

    content->content_type = xta_in_attr(in, node, "contentType");
    content->encoding = xta_in_attr(in, node, "encoding");
    content->filename = xta_in_attr(in, node, "filename");
    content->id = xta_in_attr(in, node, "id");
    content->description = xta_in_attr(in, node, "contentDescription");
    content->lang = xta_in_attr(in, node, "lang");
    if (span_to_u64(span_trim(xml_attr(node, NULL, "size")), &size))
        content->announced = size;
}

/* The content's own id where V5 can have it: an NCName that none before it has. */
static bool id_fits(const struct xta_container *c, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (span_eq(c->contents[i].id, c->contents[at].id))
            return false;
    return xta_is_ncname(c->contents[at].id);
}

static void attributes_write(struct xta_out *out, enum xta_version version,
                             const struct xta_container *c, size_t at)
{
    const struct xta_content *content = &c->contents[at];
    uint64_t size = content->body == NULL ? content->len : content->body->len;

    if (version == XTA_V3 && content->description.len > 0)
        xta_out_attr(out, "contentDescription", content->description);
    if (version == XTA_V3 || content->content_type.len > 0)
        xta_out_attr(out, "contentType", xta_or(content->content_type, "application/octet-stream"));
    if (content->encoding.len > 0)
        xta_out_attr(out, "encoding", content->encoding);
    if (content->filename.len > 0)
        xta_out_attr(out, "filename", content->filename);
    if (version == XTA_V5 && !id_fits(c, at))
        xta_out_id(out);
    else if (content->id.len > 0)
        xta_out_attr(out, "id", content->id);
    if (version == XTA_V3 && content->lang.len > 0)
        xta_out_attr(out, "lang", content->lang);
    if (size > 0)
        xta_out_attr_number(out, "size", size);
}

static void part_write(struct xta_out *out, struct source *body)
{
    struct xta_part_out *part = &out->parts[out->part_count];
    char id[NAME_MAX_BYTES];
    int len = snprintf(id, sizeof id, "part%zu.%s@depesche", out->part_count + 1, out->id_prefix);

    part->content_id = arena_span(out->arena, span_of(id, (size_t)len));
    part->body = body;
    if (part->content_id.ptr == NULL) {
        out->failed = ST_LIMIT;
        return;
    }
    out->part_count++;
    buf_printf(out->xml, "<xop:Include xmlns:xop=\"" XTA_XOP_NS "\" href=\"cid:%s\"/>", id);
}

void xta_contents_write(struct xta_out *out, enum xta_version version,
                        const struct xta_container *container)
{
    for (size_t i = 0; i < container->count; i++) {
        const char *name = i == 0 && container->has_message ? "xta:Message" : "xta:Attachment";

        xta_out_begin(out, name);
        attributes_write(out, version, container, i);
        xta_out_more(out);
        if (container->contents[i].body != NULL)
            part_write(out, container->contents[i].body);
        xta_out_close(out, name);
    }
}

/* ---- reports ---- */

static void records_read(struct xta_in *in, const char *ns, const xmlNode *list, const char *local,
                         struct xta_records *records)
{
    size_t count = xta_in_count(in, list, ns, local);
    const xmlNode *n = xml_first(list);

    records->rows = xta_in_array(in, sizeof *records->rows, count);
    records->count = records->rows == NULL ? 0 : count;
    for (size_t i = 0; i < records->count; i++) {
        n = xta_in_from(n, ns, local);
        records->rows[i] =
            (struct xta_record){.at = xta_in_time(in, xml_child(n, ns, "Timestamp")),
                                .code = xta_in_code(in, xml_child(n, ns, "Code")),
                                .reason = xta_in_text(in, xml_child(n, ns, "Reason"))};
        n = xml_next(n);
    }
}

static void extras_read(struct xta_in *in, const char *ns, const xmlNode *list,
                        struct xta_report *out)
{
    size_t count = xta_in_count(in, list, ns, "Report");
    const xmlNode *n = xml_first(list);

    out->extras = xta_in_array(in, sizeof *out->extras, count);
    out->extra_count = out->extras == NULL ? 0 : count;
    for (size_t i = 0; i < out->extra_count; i++) {
        n = xta_in_from(n, ns, "Report");
        out->extras[i].key = xta_in_code(in, xml_child(n, ns, "Key"));
        out->extras[i].data = xta_in_octets(in, xml_child(n, ns, "Data"));
        n = xml_next(n);
    }
}

void xta_status_read(struct xta_in *in, const char *ns, const xmlNode *report,
                     struct xta_report *out)
{
    const xmlNode *status = xml_child(report, ns, "MessageStatus");
    uint64_t value = xta_in_number(in, xml_child(status, ns, "Status"));

    out->at = xta_in_time(in, xml_child(report, ns, "ReportTime"));
    out->server = xta_in_token(in, xml_child(report, ns, "XTAServerIdentity"));
    out->status = value > RED ? RED : (int)value;
    records_read(in, ns, xml_child(status, ns, "ErrorList"), "Error", &out->errors);
    records_read(in, ns, xml_child(status, ns, "WarnList"), "Warning", &out->warnings);
    records_read(in, ns, xml_child(status, ns, "InfoList"), "Info", &out->infos);
    extras_read(in, ns, xml_child(report, ns, "AdditionalReports"), out);
}

static void records_write(struct xta_out *out, enum xta_version version, const char *list,
                          const char *name, const struct xta_records *records)
{
    if (records->count == 0)
        return;
    xta_out_open(out, list);
    for (size_t i = 0; i < records->count; i++) {
        const struct xta_record *r = &records->rows[i];

        xta_out_open(out, name);
        xta_out_text(out, "xta:Timestamp", r->at);
        xta_out_code(out, "xta:Code", &r->code, version == XTA_V3 ? RECORD_LIST_V3 : RECORD_LIST_V5,
                     LIST_VERSION, false);
        xta_out_text(out, "xta:Reason", xta_or(r->reason, "-"));
        xta_out_close(out, name);
    }
    xta_out_close(out, list);
}

void xta_status_write(struct xta_out *out, enum xta_version version,
                      const struct xta_report *report)
{
    xta_out_text(out, "xta:ReportTime", report->at);
    xta_out_text(out, "xta:XTAServerIdentity", report->server);
    xta_out_open(out, "xta:MessageStatus");
    xta_out_number(out, "xta:Status", (uint64_t)report->status);
    records_write(out, version, "xta:ErrorList", "xta:Error", &report->errors);
    records_write(out, version, "xta:WarnList", "xta:Warning", &report->warnings);
    records_write(out, version, "xta:InfoList", "xta:Info", &report->infos);
    xta_out_close(out, "xta:MessageStatus");
}

void xta_extras_write(struct xta_out *out, const struct xta_report *report)
{
    if (report->extra_count == 0)
        return;
    xta_out_open(out, "xta:AdditionalReports");
    for (size_t i = 0; i < report->extra_count; i++) {
        xta_out_open(out, "xta:Report");
        xta_out_code(out, "xta:Key", &report->extras[i].key, REPORT_LIST, LIST_VERSION, false);
        xta_out_base64(out, "xta:Data", report->extras[i].data);
        xta_out_close(out, "xta:Report");
    }
    xta_out_close(out, "xta:AdditionalReports");
}

/* ---- lookupService ---- */

void xta_service_read(struct xta_in *in, const char *ns, const xmlNode *result,
                      struct xta_service_state *state)
{
    const xmlNode *value = xml_child(result, ns, "IsServiceAvailableValue");
    size_t count = xta_in_count(in, result, ns, "ServiceParameter");
    const xmlNode *n = xml_first(result);

    state->available = xta_in_boolean(xta_in_token(in, xml_child(value, ns, "ServiceIsAvailable")));
    state->parameters = xta_in_array(in, sizeof *state->parameters, count);
    state->parameter_count = state->parameters == NULL ? 0 : count;
    for (size_t i = 0; i < state->parameter_count; i++) {
        n = xta_in_from(n, ns, "ServiceParameter");
        state->parameters[i].type = xta_in_code(in, xml_child(n, ns, "ParameterType"));
        state->parameters[i].resource = xta_in_octets(in, xml_child(n, ns, "Resource"));
        n = xml_next(n);
    }
}

void xta_service_write(struct xta_out *out, const struct xta_service_state *state)
{
    xta_out_open(out, "xta:IsServiceAvailableValue");
    if (state->available == XTA_UNSET)
        xta_out_text(out, "xta:ServiceIsAvailableUnknown", SPAN("true"));
    else
        xta_out_text(out, "xta:ServiceIsAvailable",
                     span_str(state->available == XTA_TRUE ? "true" : "false"));
    xta_out_close(out, "xta:IsServiceAvailableValue");
    for (size_t i = 0; i < state->parameter_count; i++) {
        xta_out_open(out, "xta:ServiceParameter");
        xta_out_code(out, "xta:ParameterType", &state->parameters[i].type, PARAMETER_LIST,
                     LIST_VERSION, false);
        xta_out_base64(out, "xta:Resource", state->parameters[i].resource);
        xta_out_close(out, "xta:ServiceParameter");
    }
}
