#include "xta/schema_finding.h"

#include <libxml/tree.h>
#include <stdbool.h>
#include <string.h>

#include "crypto/base/buf.h"
#include "xta/model.h"

/* Names come from a message as well: long ones are not repeated, and of a long path the end. */
enum { NAME_MAX_LEN = 64, STEPS_MAX = 5, CHOICES_MAX = 3, PHRASE_MAX = 4096 };

/* What needs no more than its element. Other codes are about its value. */
static const struct phrase {
    int code;
    const char *text;
} phrases[] = {
    {XML_SCHEMAV_CVC_COMPLEX_TYPE_2_1, "must be empty"},
    {XML_SCHEMAV_CVC_COMPLEX_TYPE_2_2, "holds an element where only text may be"},
    {XML_SCHEMAV_CVC_COMPLEX_TYPE_2_3, "holds text where only elements may be"},
    {XML_SCHEMAV_CVC_TYPE_3_1_1, "has an attribute that is not allowed"},
    {XML_SCHEMAV_CVC_TYPE_3_1_2, "holds an element where only text may be"},
    {XML_SCHEMAV_CVC_ELT_1, "is an element that no schema knows"},
    {XML_SCHEMAV_CVC_ELT_2, "is of an abstract kind"},
    {XML_SCHEMAV_CVC_ELT_3_1, "must not be nil"},
    {XML_SCHEMAV_CVC_ELT_3_2_1, "is nil and yet has content"},
    {XML_SCHEMAV_CVC_ELT_4_1, "has an xsi:type that is no name"},
    {XML_SCHEMAV_CVC_ELT_4_2, "has an xsi:type that no schema knows"},
    {XML_SCHEMAV_CVC_ELT_4_3, "has an xsi:type that is not allowed here"},
    {XML_SCHEMAV_CVC_TYPE_2, "is of an abstract type"},
    {XML_SCHEMAV_CVC_WILDCARD, "is an element that no schema knows"},
};

static void add_name(struct buf *out, struct span name)
{
    if (name.len > NAME_MAX_LEN)
        buf_str(out, "(a long name)");
    else
        buf_add(out, name);
}

/* "Header/MessageMetaData/Qualifier": from below the Envelope to node. */
static void add_path(struct buf *out, const xmlNode *node)
{
    const xmlNode *steps[STEPS_MAX];
    size_t count = 0;

    for (; node != NULL && node->type == XML_ELEMENT_NODE && count < STEPS_MAX; node = node->parent)
        if (count == 0 || node->parent->type == XML_ELEMENT_NODE)
            steps[count++] = node;
    while (count-- > 0) {
        add_name(out, span_str((const char *)steps[count]->name));
        if (count > 0)
            buf_char(out, '/');
    }
}

/* Without "{namespace}" in front. */
static struct span local_name(struct span name)
{
    while (name.len > 0 && memchr(name.ptr, '}', name.len) != NULL)
        name = span_from(name,
                         (size_t)((const uint8_t *)memchr(name.ptr, '}', name.len) - name.ptr) + 1);
    return name;
}

/* Takes "Element '{namespace}name'" and, where there is one, ", attribute 'name'" off *text; what
 * stays is libxml2's sentence. */
static void take_place(struct span *text, const xmlNode *node, struct span *attribute)
{
    struct span end = SPAN("': ");
    struct span before = SPAN(", attribute '");
    size_t len = sizeof "Element ''" - 1;

    *attribute = SPAN_NONE;
    if (node == NULL || !span_starts(*text, SPAN("Element '")))
        return;
    len += strlen((const char *)node->name);
    if (node->ns != NULL && node->ns->href != NULL)
        len += strlen((const char *)node->ns->href) + 2;
    *text = span_from(*text, len);
    if (span_starts(*text, before)) {
        *text = span_from(*text, before.len);
        *attribute = local_name(span_sub(*text, 0, span_find(*text, end)));
        *text = span_from(*text, span_find(*text, end) + end.len);
    } else {
        *text = span_from(*text, 2);
    }
}

/* The names that a schema wants: "( {ns}a, {ns}b )" at the end of the sentence. */
static void add_expected(struct buf *out, const char *before, struct span text)
{
    struct span name;
    size_t count = 0;
    size_t open = span_find(text, SPAN("( "));

    if (open == SIZE_MAX)
        return;
    text = span_from(text, open + 2);
    while (span_split(&text, ',', &name)) {
        size_t end = span_find(name, SPAN(" )"));

        name = span_trim(end == SIZE_MAX ? name : span_sub(name, 0, end));
        if (span_starts(name, SPAN("#"))) /* anything of another namespace */
            continue;
        if (count == CHOICES_MAX) {
            buf_str(out, " or others");
            break;
        }
        buf_str(out, count++ == 0 ? before : " or ");
        add_name(out, local_name(name));
    }
}

static void add_content(struct buf *out, const xmlNode *node, struct span text)
{
    if (span_starts(text, SPAN("Missing"))) {
        add_path(out, node);
        buf_str(out, " is not complete");
        add_expected(out, ": it lacks ", text);
        return;
    }
    add_path(out, node);
    buf_str(out, " is not expected here");
    add_expected(out, ", but ", text);
}

static void add_attribute(struct buf *out, const xmlNode *node, struct span attribute,
                          const char *what)
{
    add_path(out, node);
    buf_str(out, " ");
    buf_str(out, what);
    buf_str(out, " ");
    add_name(out, attribute);
}

/* "... the atomic type 'xs:dateTime'." at the end; SPAN_NONE when it has no name. */
static struct span type_name(struct span text)
{
    struct span before = SPAN(" type '");
    struct span name = SPAN_NONE;

    if (!span_ends(text, SPAN("'.")))
        return name;
    for (size_t at = span_find(text, before); at != SIZE_MAX; at = span_find(text, before)) {
        text = span_from(text, at + before.len);
        name = span_sub(text, 0, text.len - 2);
    }
    return local_name(name);
}

static void add_value(struct buf *out, const xmlNode *node, struct span attribute, int code,
                      struct span text)
{
    struct span type = SPAN_NONE;

    if (code >= XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_1 &&
        code <= XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_3)
        type = type_name(text);
    add_path(out, node);
    if (attribute.ptr != NULL) {
        buf_str(out, ", attribute ");
        add_name(out, attribute);
        buf_str(out, ",");
    }
    if (code == XML_SCHEMAV_CVC_MINLENGTH_VALID)
        buf_str(out, " must not be empty");
    else if (span_is(type, "xs:ID"))
        buf_str(out, " is no xs:ID, or one that occurs twice");
    else if (type.len > 0 && type.len <= NAME_MAX_LEN)
        buf_printf(out, " has a value that is no %.*s", SPAN_FMT(type));
    else
        buf_str(out, " has a value that is not allowed");
}

static void add_finding(struct buf *out, int code, const xmlNode *node, struct span text)
{
    struct span attribute;

    take_place(&text, node, &attribute);
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
        if (phrases[i].code == code) {
            add_path(out, node);
            buf_str(out, " ");
            buf_str(out, phrases[i].text);
            return;
        }
    switch (code) {
    case XML_SCHEMAV_ELEMENT_CONTENT:
        add_content(out, node, text);
        break;
    case XML_SCHEMAV_CVC_COMPLEX_TYPE_4:
        text = span_from(text, sizeof "The attribute '" - 1);
        add_attribute(out, node, local_name(span_sub(text, 0, span_find(text, SPAN("'")))),
                      "lacks the attribute");
        break;
    case XML_SCHEMAV_CVC_COMPLEX_TYPE_3_2_1:
    case XML_SCHEMAV_CVC_COMPLEX_TYPE_3_2_2:
        add_attribute(out, node, attribute, "must not have the attribute");
        break;
    default:
        add_value(out, node, attribute, code, text);
    }
}

static bool is_missing(int code, struct span text)
{
    return code == XML_SCHEMAV_CVC_COMPLEX_TYPE_4 ||
           (code == XML_SCHEMAV_ELEMENT_CONTENT &&
            span_find(text, SPAN("': Missing child")) != SIZE_MAX);
}

void xta_finding_note(void *finding, xmlError *error)
{
    struct xta_finding *f = finding;
    struct span text = span_str(error->message);
    AUTO(buf_deinit) struct buf out = {0};

    if (f->seen || error->level < XML_ERR_ERROR)
        return;
    f->seen = true;
    f->code = error->code;
    if (error->code == XML_ERR_NO_MEMORY) {
        f->st = error_set(f->err, ST_LIMIT, 0, "out of memory");
        return;
    }
    if (error->code == XML_SCHEMAV_INTERNAL) {
        f->st = error_set(f->err, ST_INTERNAL, 0, "libxml2 cannot check this message");
        return;
    }
    buf_init(&out, PHRASE_MAX);
    add_finding(&out, error->code, error->node, span_trim(text));
    f->st = error_set(f->err, ST_INVALID,
                      is_missing(error->code, text) ? XTA_N_MISSING : XTA_N_COMBINATION, "%s",
                      buf_cstr(&out));
}
