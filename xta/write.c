/*
 * xta/write.c - requests, answers and faults around what a codec writes
 */
#include "xta/codec.h"
#include "xta/package.h"

#include <stdio.h>

#define WSA_SOAP_FAULT XTA_WSA_NS "/soap/fault"
#define WSA_FAULT XTA_WSA_NS "/fault"

enum { ENVELOPE_MAX = 64 * 1024 * 1024, ACTION_MAX = 256 };

struct writing {
    const struct xta_codec *codec;
    struct xta_marks marks;
    struct buf xml;
    struct xta_out out;
};

static void writing_close(struct writing *w)
{
    buf_deinit(&w->xml);
}

static enum status writing_open(struct writing *w, enum xta_version version, size_t contents,
                                struct rng *rng, struct arena *arena, struct error *err)
{
    w->codec = xta_codec_of(version);
    TRY(xta_marks_make(&w->marks, rng, err));
    buf_init(&w->xml, ENVELOPE_MAX);
    w->out = (struct xta_out){.xml = &w->xml, .arena = arena};
    memcpy(w->out.id_prefix, w->marks.id_prefix, sizeof w->out.id_prefix);
    if (contents > 0) {
        w->out.parts = arena_array(arena, sizeof *w->out.parts, contents);
        TRY_ALLOC(w->out.parts, err);
    }
    return ST_OK;
}

/* Up to the header blocks of XTA. */
static void envelope_open(struct writing *w, struct span action, struct span message_id,
                          struct span relates_to, struct span to)
{
    struct xta_out *out = &w->out;

    buf_str(out->xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                      "<soap:Envelope xmlns:soap=\"" XTA_SOAP_NS "\"");
    buf_str(out->xml, w->codec->declare);
    buf_str(out->xml, "><soap:Header>");
    xta_out_text(out, "wsa:Action", action);
    xta_out_text(out, "wsa:MessageID", message_id.len > 0 ? message_id : span_str(w->marks.uuid));
    if (relates_to.len > 0)
        xta_out_text(out, "wsa:RelatesTo", relates_to);
    if (to.len > 0)
        xta_out_text(out, "wsa:To", to);
}

static void body_open(struct writing *w)
{
    buf_str(&w->xml, "</soap:Header><soap:Body>");
}

static enum status seal(struct writing *w, const char *action, struct xta_parcel *parcel,
                        struct error *err)
{
    buf_str(&w->xml, "</soap:Body></soap:Envelope>");
    TRY(buf_check(&w->xml, err));
    if (w->out.failed != ST_OK)
        return error_set(err, w->out.failed, 0, "a part of the message cannot be written");
    if (!xml_is_text(buf_span(&w->xml)))
        return error_set(err, ST_INVALID, 0, "the message holds characters that XML does not have");
    return xta_package_seal(&w->marks, buf_span(&w->xml), action, w->out.parts, w->out.part_count,
                            w->out.arena, parcel, err);
}

enum status xta_request_write(const struct xta_request *request, struct rng *rng,
                              struct arena *arena, struct xta_parcel *parcel, struct error *err)
{
    const char *action = xta_request_action(request->version, request->operation);
    AUTO(writing_close) struct writing w = {0};

    if (action == NULL)
        return error_set(err, ST_INVALID, 0, "this version has no such operation");
    TRY(writing_open(&w, request->version, request->container.count, rng, arena, err));
    envelope_open(&w, span_str(action), request->soap_id, SPAN_NONE, request->to);
    w.codec->header_request_write(&w.out, request);
    body_open(&w);
    w.codec->body_request_write(&w.out, request);
    return seal(&w, action, parcel, err);
}

enum status xta_answer_write(const struct xta_answer *answer, struct rng *rng, struct arena *arena,
                             struct xta_parcel *parcel, struct error *err)
{
    const char *action = xta_answer_action(answer->version, answer->operation);
    AUTO(writing_close) struct writing w = {0};

    if (action == NULL)
        return error_set(err, ST_INVALID, 0, "this version has no such operation");
    TRY(writing_open(&w, answer->version, answer->container.count, rng, arena, err));
    envelope_open(&w, span_str(action), SPAN_NONE, answer->relates_to, SPAN_NONE);
    w.codec->header_answer_write(&w.out, answer);
    body_open(&w);
    w.codec->body_answer_write(&w.out, answer);
    return seal(&w, action, parcel, err);
}

/* ---- faults ---- */

static const struct soap_fault {
    const char *code, *subcode, *subsubcode, *action, *reason;
} soap_faults[XTA_EXCEPTION_COUNT] = {
    [XTA_SOAP_SENDER] = {"Sender", NULL, NULL, WSA_SOAP_FAULT, "Die Anfrage ist fehlerhaft."},
    [XTA_SOAP_RECEIVER] = {"Receiver", NULL, NULL, WSA_SOAP_FAULT,
                           "Die Anfrage kann nicht bearbeitet werden."},
    [XTA_SOAP_VERSION_MISMATCH] = {"VersionMismatch", NULL, NULL, WSA_SOAP_FAULT,
                                   "Nur SOAP 1.2 wird verstanden."},
    [XTA_SOAP_MUST_UNDERSTAND] = {"MustUnderstand", NULL, NULL, WSA_SOAP_FAULT,
                                  "Ein Header-Block wird nicht verstanden."},
    [XTA_SOAP_ACTION_MISMATCH] = {"Sender", "wsa:InvalidAddressingHeader", "wsa:ActionMismatch",
                                  WSA_FAULT, "Die Angaben zur Action widersprechen sich."},
    [XTA_SOAP_ACTION_UNKNOWN] = {"Sender", "wsa:ActionNotSupported", NULL, WSA_FAULT,
                                 "Diese Action gibt es hier nicht."},
};

static bool is_soap_fault(enum xta_exception exception)
{
    return soap_faults[exception].code != NULL;
}

/* What may be sent: no exception that the operation does not declare. */
static struct xta_fault permitted(enum xta_version version, const enum xta_operation *operation,
                                  const struct xta_fault *fault)
{
    struct xta_fault f = *fault;
    bool ours = f.exception == XTA_TECHNICAL_PROBLEM || f.exception == XTA_EXTERNAL_UNAVAILABLE;

    if (is_soap_fault(f.exception))
        return f;
    if (operation != NULL && f.exception != XTA_NO_EXCEPTION &&
        xta_exception_declared(version, *operation, f.exception)) {
        f.number = f.number == 0 ? XTA_N_UNSPECIFIED : f.number;
        return f;
    }
    if (f.detail.len == 0)
        f.detail = span_str(xta_number_text(f.number));
    f.exception = ours || f.exception == XTA_NO_EXCEPTION ? XTA_SOAP_RECEIVER : XTA_SOAP_SENDER;
    f.number = 0;
    return f;
}

/* V3: the request's; V5: what stands before the last slash, and the exception's name. */
static void exception_action(enum xta_version version, enum xta_operation operation,
                             const char *name, char action[ACTION_MAX])
{
    const char *own = xta_request_action(version, operation);

    if (version == XTA_V3)
        snprintf(action, ACTION_MAX, "%s", own);
    else
        snprintf(action, ACTION_MAX, "%.*s/%s", (int)(strrchr(own, '/') - own), own, name);
}

static void code_write(struct xta_out *out, const struct soap_fault *soap, bool receiver)
{
    const char *code = soap->code != NULL ? soap->code : receiver ? "Receiver" : "Sender";

    buf_printf(out->xml, "<soap:Code><soap:Value>soap:%s</soap:Value>", code);
    if (soap->subcode != NULL) {
        buf_printf(out->xml, "<soap:Subcode><soap:Value>%s</soap:Value>", soap->subcode);
        if (soap->subsubcode != NULL)
            buf_printf(out->xml, "<soap:Subcode><soap:Value>%s</soap:Value></soap:Subcode>",
                       soap->subsubcode);
        buf_str(out->xml, "</soap:Subcode>");
    }
    buf_str(out->xml, "</soap:Code>");
}

/* The text of the code list in German, ours in English. */
static void reason_write(struct xta_out *out, const struct xta_fault *fault)
{
    const char *german = is_soap_fault(fault->exception) ? soap_faults[fault->exception].reason
                                                         : xta_number_text(fault->number);

    buf_str(out->xml, "<soap:Reason>");
    if (german != NULL) {
        buf_str(out->xml, "<soap:Text xml:lang=\"de\">");
        buf_xml_text(out->xml, span_str(german));
        buf_str(out->xml, "</soap:Text>");
    }
    if (fault->detail.len > 0 || german == NULL) {
        buf_str(out->xml, "<soap:Text xml:lang=\"en\">");
        buf_xml_text(out->xml, xta_or(fault->detail, "unspecified"));
        buf_str(out->xml, "</soap:Text>");
    }
    buf_str(out->xml, "</soap:Reason>");
}

static void fault_body(struct writing *w, enum xta_version version, const struct xta_fault *fault)
{
    const char *name = xta_exception_name(version, fault->exception);
    bool receiver =
        fault->exception == XTA_TECHNICAL_PROBLEM || fault->exception == XTA_EXTERNAL_UNAVAILABLE;

    buf_str(&w->xml, "<soap:Fault>");
    code_write(&w->out, &soap_faults[fault->exception], receiver);
    reason_write(&w->out, fault);
    if (!is_soap_fault(fault->exception)) {
        buf_str(&w->xml, "<soap:Detail>");
        w->codec->exception_write(&w->out, name, fault);
        buf_str(&w->xml, "</soap:Detail>");
    }
    buf_str(&w->xml, "</soap:Fault>");
}

/* SOAP 1.2, 5.4.7: which envelopes are understood. */
static void upgrade_write(struct writing *w)
{
    buf_str(&w->xml, "<soap:Upgrade><soap:SupportedEnvelope qname=\"soap:Envelope\"/>"
                     "</soap:Upgrade>");
}

enum status xta_fault_write(enum xta_version version, const enum xta_operation *operation,
                            const struct xta_fault *fault, struct span relates_to, struct rng *rng,
                            struct arena *arena, struct xta_parcel *parcel, struct error *err)
{
    struct xta_fault f = permitted(version, operation, fault);
    AUTO(writing_close) struct writing w = {0};
    char action[ACTION_MAX];

    if (is_soap_fault(f.exception))
        snprintf(action, sizeof action, "%s", soap_faults[f.exception].action);
    else
        exception_action(version, *operation, xta_exception_name(version, f.exception), action);
    TRY(xml_text_mend(f.detail, arena, &f.detail, err));
    TRY(writing_open(&w, version, 0, rng, arena, err));
    envelope_open(&w, span_str(action), SPAN_NONE, relates_to, SPAN_NONE);
    if (f.exception == XTA_SOAP_VERSION_MISMATCH)
        upgrade_write(&w);
    body_open(&w);
    fault_body(&w, version, &f);
    TRY(seal(&w, action, parcel, err));
    parcel->http_status = 500;
    return ST_OK;
}

/* ---- metadata alone ---- */

enum status xta_metadata_write(const struct xta_metadata *metadata, enum xta_version version,
                               struct arena *arena, struct span *xml, struct error *err)
{
    const struct xta_codec *codec = xta_codec_of(version);
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(buf_deinit) struct buf canonical = {0};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct xta_out out = {.xml = &text, .arena = arena, .id_prefix = "id"};
    struct span kept;

    buf_init(&text, ENVELOPE_MAX);
    buf_init(&canonical, ENVELOPE_MAX);
    buf_printf(&text, "<around%s>", codec->metadata_declare);
    codec->metadata_write(&out, metadata);
    buf_str(&text, "</around>");
    TRY(buf_check(&text, err));
    if (out.failed != ST_OK || !xml_is_text(buf_span(&text)))
        return error_set(err, ST_INVALID, 0, "the metadata hold what XML cannot");
    TRY(xml_parse(buf_span(&text), &doc, err));
    TRY(xml_c14n(xml_first(xml_root(doc)), &canonical, err));
    kept = arena_span(arena, buf_span(&canonical));
    TRY_ALLOC(kept.ptr, err);
    *xml = kept;
    return ST_OK;
}

enum status xta_metadata_read(struct span xml, struct arena *arena, struct xta_metadata *metadata,
                              struct error *err)
{
    struct xta_in in = {.arena = arena, .items_max = xta_limits_default().items};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct xta_metadata m;

    TRY(xml_parse(xml, &doc, err));
    for (enum xta_version v = 0; v < XTA_VERSION_COUNT; v++) {
        const struct xta_codec *codec = xta_codec_of(v);

        if (!xml_is(xml_root(doc), codec->metadata.ns, codec->metadata.local))
            continue;
        codec->metadata_read(&in, xml_root(doc), &m);
        TRY(xta_in_check(&in, err));
        *metadata = m;
        return ST_OK;
    }
    return error_set(err, ST_INVALID, 0, "no MessageMetaData of XTA");
}
