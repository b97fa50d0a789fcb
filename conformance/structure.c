#include "conformance/structure.h"

#include <stdarg.h>
#include <stdio.h>

#include "conformance/run.h"
#include "conformance/schemas.h"
#include "crypto/base/xml.h"
#include "crypto/policy.h"
#include "osci/types.h"

enum { LOCATION_SIZE = 512, NAME_SIZE = 64 };
#define S "ControlBlock ?ClientSignature "
#define A "ControlBlock ?SupplierSignature "
#define LANG "DesiredLanguages "
#define CERTS "?NonIntermediaryCertificates "
#define BOTH "?IntermediaryCertificates ?NonIntermediaryCertificates "
#define OWN "?IntermediaryCertificates "
#define FEATURES "?FeatureDescription"

/* Header blocks in their order, ? before those that may be missing; * is none or more of them.
 * Blocks of other namespaces follow. */
static const struct shape {
    const char *type, *blocks, *body;
} shapes[] = {
    {"initDialog", S LANG "NonIntermediaryCertificates " FEATURES, "initDialog"},
    {"exitDialog", S LANG CERTS FEATURES, "exitDialog"},
    {"getMessageId", S LANG "NonIntermediaryCertificates " FEATURES, "getMessageId"},
    {"storeDelivery",
     S LANG
     "QualityOfTimestamp QualityOfTimestamp storeDelivery NonIntermediaryCertificates " FEATURES,
     "ContentPackage"},
    {"forwardDelivery",
     S LANG
     "QualityOfTimestamp QualityOfTimestamp forwardDelivery NonIntermediaryCertificates " FEATURES,
     "ContentPackage"},
    {"mediateDelivery", S LANG "*QualityOfTimestamp mediateDelivery " CERTS FEATURES,
     "ContentPackage"},
    {"fetchDelivery", S LANG "fetchDelivery " CERTS FEATURES, ""},
    {"fetchProcessCard", S LANG CERTS FEATURES, "fetchProcessCard"},
    {"partialStoreDelivery",
     S LANG
     "QualityOfTimestamp partialStoreDelivery NonIntermediaryCertificates FeatureDescription",
     "ContentPackage"},
    {"partialFetchDelivery", S LANG "partialFetchDelivery " CERTS "FeatureDescription", ""},
    {"acceptDelivery", S LANG "acceptDelivery " BOTH FEATURES, "ContentPackage"},
    {"processDelivery", S LANG "processDelivery " BOTH FEATURES, "ContentPackage"},
    {"responseToInitDialog", A OWN FEATURES, "responseToInitDialog"},
    {"responseToExitDialog", A OWN FEATURES, "responseToExitDialog"},
    {"responseToGetMessageId", A OWN FEATURES, "responseToGetMessageId"},
    {"responseToStoreDelivery", A "responseToStoreDelivery " OWN FEATURES, ""},
    {"responseToFetchDelivery", A "responseToFetchDelivery " BOTH FEATURES, "?ContentPackage"},
    {"responseToFetchProcessCard", A OWN FEATURES, "responseToFetchProcessCard"},
    {"responseToForwardDelivery", A "responseToForwardDelivery " OWN FEATURES, ""},
    {"responseToMediateDelivery", A "responseToMediateDelivery " BOTH FEATURES, "?ContentPackage"},
    {"responseToPartialStoreDelivery", A "responseToPartialStoreDelivery " OWN "FeatureDescription",
     ""},
    {"responseToPartialFetchDelivery",
     A "responseToPartialFetchDelivery " BOTH "FeatureDescription", "?ContentPackage"},
    {"responseToAcceptDelivery", A "responseToAcceptDelivery " CERTS FEATURES, ""},
    {"responseToProcessDelivery", A "*QualityOfTimestamp responseToProcessDelivery " CERTS FEATURES,
     "?ContentPackage"},
};

static const char *no(struct conf_view *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static const char *no(struct conf_view *v, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(v->why, sizeof v->why, fmt, ap);
    va_end(ap);
    return v->why;
}

static const struct shape *shape_of(const struct conf_view *v)
{
    char type[NAME_SIZE];

    (void)conf_view_type(v, type, sizeof type);
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        if (strcmp(shapes[i].type, type) == 0)
            return &shapes[i];
    return NULL;
}

/* ---- OSCI-005 ---- */

static const char *location_check(struct conf_view *v, const struct conf_frame *frame,
                                  const char *type)
{
    char wanted[LOCATION_SIZE], schema[NAME_SIZE + 16];

    (void)snprintf(schema, sizeof schema, "soap%s.xsd", type);
    if (schema[4] >= 'a' && schema[4] <= 'z')
        schema[4] = (char)(schema[4] + 'A' - 'a');
    (void)snprintf(wanted, sizeof wanted, " xsi:schemaLocation=\"" OSCI_SCHEMA_LOCATION "\"",
                   schema);
    if (span_find(frame->parts[0].body, span_str(wanted)) == SIZE_MAX)
        return no(v, "schemaLocation is not the value for %s to the letter", schema);
    return NULL;
}

const char *conf_structure_location(struct conf_view *v)
{
    char type[NAME_SIZE];
    const char *wrong = NULL;

    if (v->encrypted)
        wrong = location_check(v, &v->outer, "messageEncrypted");
    if (wrong != NULL || conf_view_is_fault(v))
        return wrong;
    return location_check(v, &v->frame, conf_view_type(v, type, sizeof type));
}

/* ---- OSCI-007 ---- */

static const char *block_check(struct conf_view *v, const xmlNode *block)
{
    const char *name = (const char *)block->name;
    bool certs = strstr(name, "ntermediaryCertificates") != NULL;
    char text[128];

    if (conf_node_attr(block, "Id", text, sizeof text)[0] == '\0')
        return no(v, "%s has no Id", name);
    if (block->ns == NULL || strcmp((const char *)block->ns->href, OSCI_NS) != 0)
        return NULL;
    if (strcmp(conf_node_attr(block, "actor", text, sizeof text),
               certs ? OSCI_ACTOR_NONE : OSCI_ACTOR_NEXT) != 0)
        return no(v, "%s has the actor %s", name, text);
    if (strcmp(conf_node_attr(block, "mustUnderstand", text, sizeof text), "1") != 0)
        return no(v, "%s has no mustUnderstand=\"1\"", name);
    return NULL;
}

static bool is_foreign(const xmlNode *block)
{
    return block->ns == NULL || (strcmp((const char *)block->ns->href, OSCI_NS) != 0 &&
                                 strcmp((const char *)block->ns->href, OSCI17_NS) != 0);
}

static const char *blocks_check(struct conf_view *v, const struct shape *shape)
{
    const xmlNode *header = xml_child(xml_root(v->doc), SOAP_NS, "Header");
    const xmlNode *block = header == NULL ? NULL : xml_first(header);
    struct span rest = span_str(shape->blocks), word;
    const char *wrong;

    while (rest.len > 0 && span_split(&rest, ' ', &word)) {
        bool may = word.len > 0 && word.ptr[0] == '?', any = word.len > 0 && word.ptr[0] == '*';
        bool here;

        word = span_from(word, may || any);
        do {
            here = block != NULL && span_is(word, (const char *)block->name);
            wrong = here ? block_check(v, block) : NULL;
            if (wrong != NULL)
                return wrong;
            if (here)
                block = xml_next(block);
        } while (here && any);
        if (!here && !may && !any)
            return no(v, "%.*s is not where %s has it", SPAN_FMT(word), shape->type);
    }
    while (block != NULL && is_foreign(block))
        block = xml_next(block);
    return block == NULL ? NULL
                         : no(v, "%s does not belong where it stands in %s",
                              (const char *)block->name, shape->type);
}

static const char *body_check(struct conf_view *v, const struct shape *shape)
{
    const xmlNode *body = conf_view_body(v), *child = body == NULL ? NULL : xml_first(body);
    bool may = shape->body[0] == '?';
    const char *name = shape->body + may;
    char id[128];

    if (body == NULL || conf_node_attr(body, "Id", id, sizeof id)[0] == '\0')
        return no(v, "no body with an Id");
    if (child == NULL)
        return may || name[0] == '\0' ? NULL : no(v, "the body lacks %s", name);
    if (strcmp((const char *)child->name, name) != 0 || xml_next(child) != NULL)
        return no(v, "the body of %s holds %s", shape->type, (const char *)child->name);
    return NULL;
}

const char *conf_structure_check(struct conf_view *v)
{
    const struct shape *shape = shape_of(v);
    char type[NAME_SIZE];
    const char *wrong;

    if (conf_view_is_fault(v))
        return NULL;
    if (shape == NULL)
        return no(v, "\"%s\" is not what may be sent here", conf_view_type(v, type, sizeof type));
    wrong = blocks_check(v, shape);
    return wrong != NULL ? wrong : body_check(v, shape);
}

/* ---- OSCI-036, OSCI-041 ---- */

const char *conf_structure_envelope(struct conf_view *v)
{
    const xmlNode *root = v->encrypted ? xml_root(v->outer_doc) : NULL;
    const xmlNode *data = conf_node_below(root, "EncryptedData");
    char text[128];

    if (root == NULL)
        return no(v, "the message is not transport-encrypted");
    if (xml_child(root, SOAP_NS, "Header") != NULL)
        return no(v, "the envelope has a header");
    if (strcmp(conf_node_attr(data, "MimeType", text, sizeof text), "Multipart/Related") != 0)
        return no(v, "MimeType is \"%s\"", text);
    if (strcmp(conf_node_attr(conf_node_below(data, "CipherReference"), "URI", text, sizeof text),
               "cid:osci_enc") != 0 ||
        !span_is(v->outer.parts[1].id, "osci_enc"))
        return no(v, "the enciphered part is not osci_enc");
    if (strcmp(conf_node_attr(conf_node_below(data, "Transform"), "Algorithm", text, sizeof text),
               ALG_BASE64_URI) != 0)
        return no(v, "no base64 transform");
    if (span_find(v->outer.parts[0].body, SPAN(" Id=\"")) != SIZE_MAX)
        return no(v, "there is an Id in the envelope");
    if (strcmp(conf_node_attr(conf_node_below(data, "IvLength"), "Value", text, sizeof text),
               "12") != 0)
        return no(v, "IvLength is \"%s\"", text);
    if (strcmp(v->cipher, ALG_AES256_GCM_URI) != 0 || strcmp(v->transport, ALG_RSA_OAEP_URI) != 0)
        return no(v, "enciphered with %s and %s", v->cipher, v->transport);
    return NULL;
}

const char *conf_structure_keys(struct conf_view *v)
{
    if (conf_node_below(xml_root(v->doc), "MgmtData") != NULL)
        return no(v, "the key of an attachment stands in the clear");
    return NULL;
}

/* ---- all of it ---- */

static void signature_look(struct conf_run *run, struct conf_view *v, const struct cert *signer)
{
    const char *wrong = conf_view_signature(v, signer);
    const xmlNode *info =
        conf_node_below(xml_child(xml_root(v->doc), SOAP_NS, "Header"), "SignedInfo");
    char alg[128];

    (void)conf_check(run, 23, wrong == NULL, "%s", wrong);
    (void)conf_node_attr(conf_node_below(info, "SignatureMethod"), "Algorithm", alg, sizeof alg);
    if (strstr(alg, "ecdsa") != NULL)
        (void)conf_check(run, 24, wrong == NULL, "%s", wrong);
    if (strstr(alg, "MGF1") != NULL)
        (void)conf_check(run, 25, wrong == NULL, "%s", wrong);
}

void conf_structure_look(struct conf_run *run, struct conf_view *v, const struct cert *signer)
{
    const char *wrong = conf_frame_strict(&v->outer);

    if (wrong == NULL && v->encrypted)
        wrong = conf_frame_strict(&v->frame);
    (void)conf_check(run, 1, wrong == NULL, "%s", wrong);
    (void)conf_check(run, 2, wrong == NULL, "%s", wrong);
    wrong = conf_structure_location(v);
    (void)conf_check(run, 5, wrong == NULL, "%s", wrong);
    wrong = conf_structure_check(v);
    if (wrong == NULL)
        wrong = conf_schemas_check(run->schemas, v);
    (void)conf_check(run, 7, wrong == NULL, "%s", wrong);
    if (conf_view_is_fault(v))
        return;
    if (v->encrypted) {
        wrong = conf_structure_envelope(v);
        (void)conf_check(run, 36, wrong == NULL, "%s", wrong);
    }
    wrong = conf_structure_keys(v);
    (void)conf_check(run, 41, wrong == NULL, "%s", wrong);
    signature_look(run, v, signer);
}
