#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/base/xml.h"

#include <libxml/c14n.h>
#include <stdio.h>

#include "tests/unit/helper_crypto.h"

/* A source that gives a few bytes at a time, each time another number of them. */
struct source_slow {
    struct source base;
    struct span bytes;
    size_t step;
};

static enum status slow_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                             size_t *got, struct error *err)
{
    struct source_slow *s = (struct source_slow *)self;
    struct span part = span_sub(span_from(s->bytes, (size_t)offset), 0, cap);

    (void)err;
    s->step = s->step % 4096 + 1;
    *got = part.len < s->step ? part.len : s->step;
    if (*got > 0)
        memcpy(bytes, part.ptr, *got);
    return ST_OK;
}

/* Read in pieces it is what it is as a whole. */
static void same_in_pieces(struct span xml, const xmlDoc *whole)
{
    struct source_slow source = {.base = {.read = slow_read, .len = xml.len}, .bytes = xml};
    AUTO(buf_deinit) struct buf a = {.max = XML_BYTES_MAX}, b = {.max = XML_BYTES_MAX};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};

    assert_int_equal(xml_parse_source(&source.base, XML_BYTES_MAX, NULL, &doc, &err) == ST_OK,
                     whole != NULL);
    if (whole == NULL)
        return;
    assert_int_equal(xml_c14n(xml_root(whole), &a, &err), ST_OK);
    assert_int_equal(xml_c14n(xml_root(doc), &b, &err), ST_OK);
    assert_true(span_eq(buf_span(&a), buf_span(&b)));
}

static struct parse_row {
    const char *name, *xml;
    enum status status;
} parse_rows[] = {
    {"plain", "<a/>", ST_OK},
    {"byte order mark", "\xEF\xBB\xBF<a/>", ST_OK},
    {"declaration", "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n\r\n<a>\xC3\xA4</a>", ST_OK},
    {"the five entities", "<a b='&amp;&lt;&quot;'>&gt;&apos;&#228;</a>", ST_OK},
    {"CDATA", "<a><![CDATA[<b>]]></a>", ST_OK},
    {"empty", "", ST_INVALID},
    {"no XML", "MIME-Version: 1.0", ST_INVALID},
    {"cut off", "<a><b></b>", ST_INVALID},
    {"two roots", "<a/><b/>", ST_INVALID},
    {"DOCTYPE", "<!DOCTYPE a><a/>", ST_INVALID},
    {"DOCTYPE with a bomb", "<!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>",
     ST_INVALID},
    {"DOCTYPE with a file", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", ST_INVALID},
    {"unknown entity", "<a>&b;</a>", ST_INVALID},
    {"unknown prefix", "<x:a/>", ST_INVALID},
    {"not UTF-8", "<a>\xE4</a>", ST_INVALID},
    {"declared Latin-1", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xE4</a>", ST_INVALID},
    {"NUL character", "<a>&#0;</a>", ST_INVALID},
    {"attribute twice", "<a b='1' b='2'/>", ST_INVALID},
    {"attribute twice by namespace", "<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>", ST_INVALID},
};

static void test_parse(void **state)
{
    const struct parse_row *row = *state;
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};

    assert_int_equal(xml_parse(span_str(row->xml), &doc, &err), row->status);
    assert_int_equal(err.reason, row->status == ST_OK ? 0 : 9100);
    assert_true((doc != NULL) == (row->status == ST_OK));
    same_in_pieces(span_str(row->xml), doc);
}

static void test_utf16_is_refused(void **state)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(xml_parse(SPAN("\xFF\xFE<\0a\0/\0>\0"), &doc, &err), ST_INVALID);
    assert_int_equal(xml_parse(SPAN("<\0a\0/\0>\0"), &doc, &err), ST_INVALID);
}

/* Neither reader takes a text for ended where a zero byte stands, wherever that is. */
static void test_zero_bytes_are_refused(void **state)
{
    static const char text[] = "<?xml version=\"1.0\"?>\n<!-- c --><?p i?>\n"
                               "<a xmlns=\"u\" b='1'>t<x:c xmlns:x=\"v\"/><![CDATA[d]]>&amp;</a>\n"
                               "<!-- e --><?q j?>\n";
    enum { LEN = sizeof text - 1 };

    (void)state;
    for (size_t zeros = 0; zeros <= 4; zeros++)
        for (size_t at = 0; at <= LEN; at++) {
            AUTO(xml_doc_drop) xmlDoc *doc = NULL;
            char with[LEN + 4] = {0};
            struct error err = {0};

            memcpy(with, text, at);
            memcpy(with + at + zeros, text + at, LEN - at);
            assert_int_equal(xml_parse(span_of(with, LEN + zeros), &doc, &err),
                             zeros == 0 ? ST_OK : ST_INVALID);
            same_in_pieces(span_of(with, LEN + zeros), doc);
        }
}

static void repeat(struct buf *b, const char *piece, int times)
{
    for (int i = 0; i < times; i++)
        buf_str(b, piece);
}

static struct bound_row {
    const char *name, *before, *piece, *after;
    int within, beyond;
} bound_rows[] = {
    {"depth", "", "<a>", "", XML_DEPTH_MAX, XML_DEPTH_MAX + 1},
    {"nodes", "<r>", "<a/>", "</r>", XML_NODES_MAX - 1, XML_NODES_MAX},
    {"comments are nodes", "<r>", "<!---->", "</r>", XML_NODES_MAX - 1, XML_NODES_MAX},
    {"instructions are nodes", "<r>", "<?p?>", "</r>", XML_NODES_MAX - 1, XML_NODES_MAX},
    {"attributes are nodes", "<r>", "<a b='' c=''/>", "</r>", XML_NODES_MAX / 3 - 1,
     XML_NODES_MAX / 3 + 1},
};

static void test_bound(void **state)
{
    const struct bound_row *row = *state;
    AUTO(buf_deinit) struct buf xml = {0};
    struct error err = {0};

    buf_init(&xml, 16 * 1024 * 1024);
    for (int i = 0; i < 2; i++) {
        AUTO(xml_doc_drop) xmlDoc *doc = NULL;

        buf_reset(&xml);
        buf_str(&xml, row->before);
        repeat(&xml, row->piece, i == 0 ? row->within : row->beyond);
        if (strcmp(row->name, "depth") == 0)
            repeat(&xml, "</a>", i == 0 ? row->within : row->beyond);
        buf_str(&xml, row->after);
        assert_int_equal(xml_parse(buf_span(&xml), &doc, &err), i == 0 ? ST_OK : ST_INVALID);
        same_in_pieces(buf_span(&xml), doc);
    }
    assert_int_equal(err.reason, 9100);
}

/* ---- taps ---- */

/* Takes the text of every t, with brackets round each; gives up at a given number of bytes. */
struct tap_log {
    struct xml_tap base;
    struct buf text;
    size_t give_up;
};

static bool log_wants(struct xml_tap *self, const xmlNode *element)
{
    (void)self;
    return xml_is(element, NULL, "t") && xml_is(element->parent, NULL, "r");
}

static enum status log_open(struct xml_tap *self, const xmlNode *element, struct error *err)
{
    struct tap_log *log = (struct tap_log *)self;

    (void)err;
    buf_char(&log->text, '[');
    buf_add(&log->text, xml_attr(element, NULL, "n"));
    buf_char(&log->text, ':');
    return ST_OK;
}

static enum status log_text(struct xml_tap *self, struct span piece, struct error *err)
{
    struct tap_log *log = (struct tap_log *)self;

    buf_add(&log->text, piece);
    if (log->text.len > log->give_up)
        return error_set(err, ST_RETRY, 7, "the disk is full");
    return ST_OK;
}

static enum status log_close(struct xml_tap *self, struct error *err)
{
    struct tap_log *log = (struct tap_log *)self;

    (void)err;
    buf_char(&log->text, ']');
    return ST_OK;
}

static enum status tapped(const char *xml, uint64_t max, struct tap_log *log, struct buf *rest,
                          struct error *err)
{
    struct source_slow source = {.base = {.read = slow_read, .len = strlen(xml)},
                                 .bytes = span_str(xml)};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;

    log->base = (struct xml_tap){
        .wants = log_wants, .open = log_open, .text = log_text, .close = log_close};
    buf_init(&log->text, 1024 * 1024);
    TRY(xml_parse_source(&source.base, max, &log->base, &doc, err));
    return xml_c14n(xml_root(doc), rest, err);
}

static struct tap_row {
    const char *name, *xml, *taken, *rest;
} tap_rows[] = {
    {"text", "<r><t>abc</t></r>", "[:abc]", "<r><t></t></r>"},
    {"attributes are there", "<r><t n='1'>a</t><t n='2'/></r>", "[1:a][2:]",
     "<r><t n=\"1\"></t><t n=\"2\"></t></r>"},
    {"CDATA, references and comments", "<r><t>a<![CDATA[<b>]]>&#65;<!-- x -->&amp;</t></r>",
     "[:a<b>A&]", "<r><t></t></r>"},
    {"text of children stays", "<r><t>a<c>b</c>d</t>e</r>", "[:ad]", "<r><t><c>b</c></t>e</r>"},
    {"not within another that is tapped", "<r><t>a<r><t>b</t></r></t></r>", "[:a]",
     "<r><t><r><t>b</t></r></t></r>"},
    {"by place", "<r><s><t>a</t></s></r>", "", "<r><s><t>a</t></s></r>"},
};

static void test_tap(void **state)
{
    const struct tap_row *row = *state;
    AUTO(buf_deinit) struct buf rest = {.max = 4096};
    struct tap_log log = {.give_up = SIZE_MAX};
    struct error err = {0};

    assert_int_equal(tapped(row->xml, 4096, &log, &rest, &err), ST_OK);
    assert_true(span_is(buf_span(&log.text), row->taken));
    assert_true(span_is(buf_span(&rest), row->rest));
    buf_deinit(&log.text);
}

static void test_tap_gives_up(void **state)
{
    AUTO(buf_deinit) struct buf rest = {.max = 4096};
    struct tap_log log = {.give_up = 3};
    struct error err = {0};

    (void)state;
    assert_int_equal(tapped("<r><t>abcdef</t></r>", 4096, &log, &rest, &err), ST_RETRY);
    assert_int_equal(err.reason, 7);
    assert_string_equal(err.text, "the disk is full");
    buf_deinit(&log.text);
}

/* What is tapped does not count, everything else does. */
static void test_tap_bounds(void **state)
{
    static const char *const beyond[] = {
        "<r>0123456789012345678901234567890123456789</r>",
        "<r a='0123456789012345678901234567890123456789'/>",
        "<r xmlns='0123456789012345678901234567890123456789'/>",
        "<r><!--0123456789012345678901234567890123456789--></r>",
        "<r><?p 0123456789012345678901234567890123456789?></r>",
    };
    AUTO(buf_deinit) struct buf rest = {.max = 4096};
    struct tap_log log = {.give_up = SIZE_MAX};
    struct error err = {0};

    (void)state;
    assert_int_equal(
        tapped("<r><t>0123456789012345678901234567890123456789</t></r>", 32, &log, &rest, &err),
        ST_OK);
    buf_deinit(&log.text);
    for (size_t i = 0; i < ARRAY_LEN(beyond); i++) {
        assert_int_equal(tapped(beyond[i], 32, &log, &rest, &err), ST_LIMIT);
        buf_deinit(&log.text);
    }
}

/* Nested elements that declare 16 prefixes each, and those once more behind them. */
static void namespaces_nest(struct buf *xml, int depth)
{
    buf_reset(xml);
    buf_str(xml, "<r>");
    for (int twice = 0; twice < 2; twice++) {
        for (int i = 0; i < depth; i++) {
            buf_str(xml, "<a");
            for (int n = 0; n < 16; n++)
                buf_printf(xml, " xmlns:p%d_%d='u'", i, n);
            buf_char(xml, '>');
        }
        repeat(xml, "</a>", depth);
    }
    buf_str(xml, "</r>");
}

static void test_namespaces_are_bounded(void **state)
{
    AUTO(buf_deinit) struct buf xml = {0};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};

    (void)state;
    buf_init(&xml, 1024 * 1024);
    namespaces_nest(&xml, 33);
    assert_int_equal(xml_parse(buf_span(&xml), &doc, &err), ST_INVALID);
    assert_non_null(strstr(err.text, "namespaces"));
    namespaces_nest(&xml, 32);
    assert_int_equal(xml_parse(buf_span(&xml), &doc, &err), ST_OK);
}

/* Also behind what libxml2 would stumble over but go on: it must not compare a million names. */
static void test_attributes_are_bounded(void **state)
{
    static const char *const starts[] = {"<a", "<!-- <a", "<?1 ' <a", "<![CDATA[ <a", "<r> & <a"};
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        AUTO(buf_deinit) struct buf xml = {0};
        AUTO(xml_doc_drop) xmlDoc *doc = NULL;

        buf_init(&xml, 16 * 1024 * 1024);
        buf_str(&xml, starts[i]);
        for (int n = 0; n < 500000; n++)
            buf_printf(&xml, " a%d=\"\"", n);
        assert_int_equal(xml_parse(buf_span(&xml), &doc, &err), ST_INVALID);
        assert_non_null(strstr(err.text, "attributes"));
    }
    for (int count = XML_ATTRIBUTES_MAX; count <= XML_ATTRIBUTES_MAX + 1; count++) {
        AUTO(buf_deinit) struct buf xml = {0};
        AUTO(xml_doc_drop) xmlDoc *doc = NULL;

        buf_init(&xml, 16 * 1024);
        buf_str(&xml, "<a");
        for (int n = 0; n < count; n++)
            buf_printf(&xml, " a%d=\"=\"", n);
        buf_str(&xml, "/>");
        assert_int_equal(xml_parse(buf_span(&xml), &doc, &err),
                         count == XML_ATTRIBUTES_MAX ? ST_OK : ST_INVALID);
    }
}

static void test_large_text(void **state)
{
    AUTO(buf_deinit) struct buf xml = {0};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct span text;
    struct arena arena = {0};
    struct error err = {0};
    size_t len = 20 * 1024 * 1024;

    (void)state;
    buf_init(&xml, (size_t)XML_BYTES_MAX + 16);
    buf_str(&xml, "<a>");
    memset(buf_grow(&xml, len), 'A', len);
    buf_str(&xml, "</a>");
    assert_int_equal(xml_parse(buf_span(&xml), &doc, &err), ST_OK);
    assert_int_equal(xml_text(xml_root(doc), &arena, &text, &err), ST_OK);
    assert_int_equal(text.len, len);
    xml_doc_drop(&doc);
    memset(buf_grow(&xml, XML_BYTES_MAX - xml.len + 1), '\n', XML_BYTES_MAX - xml.len + 1);
    assert_int_equal(xml_parse(buf_span(&xml), &doc, &err), ST_LIMIT);
}

static xmlDoc *doc_of(const char *xml)
{
    xmlDoc *doc = NULL;
    struct error err = {0};

    assert_int_equal(xml_parse(span_str(xml), &doc, &err), ST_OK);
    return doc;
}

static void test_walking(void **state)
{
    AUTO(xml_doc_drop)
    xmlDoc *doc = doc_of("<a xmlns='u'> <b/><!-- --><c x='1' y:x='2' xmlns:y='v'/>"
                         "<b xmlns='w'/> t</a>");
    const xmlNode *root = xml_root(doc), *node = NULL;
    struct error err = {0};

    (void)state;
    assert_true(xml_is(root, "u", "a"));
    assert_false(xml_is(root, NULL, "a"));
    assert_false(xml_is(root, "v", "a"));
    assert_true(xml_is(xml_first(root), "u", "b"));
    node = xml_next(xml_first(root));
    assert_true(xml_is(node, "u", "c"));
    assert_true(span_is(xml_attr(node, NULL, "x"), "1"));
    assert_true(span_is(xml_attr(node, "v", "x"), "2"));
    assert_null(xml_attr(node, NULL, "z").ptr);
    assert_null(xml_next(xml_next(node)));
    assert_int_equal(xml_only_child(root, "u", "b", &node, &err), ST_OK);
    assert_int_equal(xml_only_child(root, "w", "b", &node, &err), ST_OK);
    assert_int_equal(xml_only_child(root, "u", "d", &node, &err), ST_INVALID);
    assert_int_equal(err.reason, 9300);
}

static void test_second_child_is_refused(void **state)
{
    AUTO(xml_doc_drop) xmlDoc *doc = doc_of("<a><b/><c/><b/></a>");
    const xmlNode *node = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(xml_only_child(xml_root(doc), NULL, "b", &node, &err), ST_INVALID);
    assert_null(node);
}

static void test_text(void **state)
{
    AUTO(xml_doc_drop)
    xmlDoc *doc = doc_of("<a><t>one<!-- not this -->two<![CDATA[<3>]]></t><t/><t>x<b/></t></a>");
    AUTO(arena_deinit) struct arena arena = {0};
    const xmlNode *t = xml_first(xml_root(doc));
    struct span text;
    struct error err = {0};

    (void)state;
    arena_init(&arena, 1024);
    assert_int_equal(xml_text(t, &arena, &text, &err), ST_OK);
    assert_true(span_is(text, "onetwo<3>"));
    t = xml_next(t);
    assert_int_equal(xml_text(t, &arena, &text, &err), ST_OK);
    assert_int_equal(text.len, 0);
    assert_int_equal(xml_text(xml_next(t), &arena, &text, &err), ST_INVALID);
    assert_int_equal(err.reason, 9300);
}

static struct ids_row {
    const char *name, *xml;
    enum status status;
} ids_rows[] = {
    {"none", "<a/>", ST_OK},
    {"many", "<a Id='1'><b Id='2'><c Id='3'/></b><d Id=''/></a>", ST_OK},
    {"equal", "<a Id='1'><b/><c><d Id='1'/></c></a>", ST_INVALID},
    {"equal by a character reference", "<a Id='A'><b Id='&#65;'/></a>", ST_INVALID},
    {"another case is another attribute", "<a Id='1'><b ID='1'/><c id='1'/></a>", ST_OK},
    {"another namespace is another attribute", "<a Id='1'><b x:Id='1' xmlns:x='u'/></a>", ST_OK},
    {"xml:id", "<a Id='1'><b xml:id='2'/></a>", ST_INVALID},
};

static void test_ids(void **state)
{
    const struct ids_row *row = *state;
    AUTO(xml_doc_drop) xmlDoc *doc = doc_of(row->xml);
    AUTO(xml_ids_drop) struct xml_ids *ids = NULL;
    struct error err = {0};

    assert_int_equal(xml_ids_new(doc, &ids, &err), row->status);
    if (row->status != ST_OK) {
        assert_int_equal(err.reason, 9100);
        return;
    }
    assert_null(xml_by_id(ids, SPAN("nobody")));
    for (const xmlNode *n = xml_root(doc); n != NULL; n = xml_first(n))
        if (xml_attr(n, NULL, "Id").ptr != NULL)
            assert_ptr_equal(xml_by_id(ids, xml_attr(n, NULL, "Id")), n);
}

static struct c14n_row {
    const char *name, *xml, *canonical; /* of the element x */
} c14n_rows[] = {
    {"empty elements", "<x/>", "<x></x>"},
    {"attributes by namespace and name", "<x b='1' a='2' z:a='3' y:c='4' xmlns:z='1' xmlns:y='2'/>",
     "<x xmlns:y=\"2\" xmlns:z=\"1\" a=\"2\" b=\"1\" z:a=\"3\" y:c=\"4\"></x>"},
    {"escapes", "<x a='&lt;&amp;&quot;&#9;&#10;&#13;>'>&lt;&amp;&gt;&#13;\"'</x>",
     "<x a=\"&lt;&amp;&quot;&#x9;&#xA;&#xD;>\">&lt;&amp;&gt;&#xD;\"'</x>"},
    {"line ends", "<x>a\r\nb\rc</x>", "<x>a\nb\nc</x>"},
    {"comments fall away", "<x>a<!-- b -->c</x>", "<x>ac</x>"},
    {"instructions stay", "<x><?p q ?><?r?></x>", "<x><?p q ?><?r?></x>"},
    {"CDATA is text", "<x><![CDATA[<&]]></x>", "<x>&lt;&amp;</x>"},
    {"namespaces in scope", "<a xmlns='u' xmlns:b='v'><x><b:y/></x></a>",
     "<x xmlns=\"u\" xmlns:b=\"v\"><b:y></b:y></x>"},
    {"the inner declaration counts", "<a xmlns:b='v'><x xmlns:b='w'><y xmlns:b='w'/></x></a>",
     "<x xmlns:b=\"w\"><y></y></x>"},
    {"declared again further in", "<x xmlns:b='v'><y xmlns:b='w'><z xmlns:b='v'/></y><b:q/></x>",
     "<x xmlns:b=\"v\"><y xmlns:b=\"w\"><z xmlns:b=\"v\"></z></y><b:q></b:q></x>"},
    {"no default namespace", "<a xmlns='u'><x xmlns=''><y xmlns='u'><z xmlns=''/></y></x></a>",
     "<x><y xmlns=\"u\"><z xmlns=\"\"></z></y></x>"},
    {"xml attributes are inherited", "<a xml:lang='de' xml:space='preserve'><x xml:lang='en'/></a>",
     "<x xml:lang=\"en\" xml:space=\"preserve\"></x>"},
};

static const xmlNode *find(const xmlNode *node, const char *local)
{
    const xmlNode *found = strcmp((const char *)node->name, local) == 0 ? node : NULL;

    for (const xmlNode *c = xml_first(node); c != NULL && found == NULL; c = xml_next(c))
        found = find(c, local);
    return found;
}

static void test_c14n(void **state)
{
    const struct c14n_row *row = *state;
    AUTO(xml_doc_drop) xmlDoc *doc = doc_of(row->xml);
    AUTO(buf_deinit) struct buf out = {0};
    struct error err = {0};

    buf_init(&out, 4096);
    assert_int_equal(xml_c14n(find(xml_root(doc), "x"), &out, &err), ST_OK);
    assert_string_equal(buf_cstr(&out), row->canonical);
}

static void test_c14n_bare(void **state)
{
    AUTO(xml_doc_drop)
    xmlDoc *doc = doc_of("<a xmlns:b='v'><x xmlns:c='w' d='1'><y xmlns:e='u'/></x></a>");
    AUTO(buf_deinit) struct buf out = {0};
    struct error err = {0};

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(xml_c14n_bare(find(xml_root(doc), "x"), &out, &err), ST_OK);
    assert_string_equal(buf_cstr(&out), "<x d=\"1\"><y xmlns:e=\"u\"></y></x>");
}

/* libxml2's own canonical form of the subtree, its slow way, to compare ours with. */
static int in_subtree(void *apex, xmlNode *node, xmlNode *parent)
{
    for (xmlNode *n = node->type == XML_NAMESPACE_DECL ? parent : node; n != NULL; n = n->parent)
        if (n == apex)
            return 1;
    return 0;
}

static void compare_with_libxml2(xmlDoc *doc, const xmlNode *node)
{
    AUTO(buf_deinit) struct buf ours = {0};
    xmlBuffer *theirs = xmlBufferCreate();
    xmlOutputBuffer *out = xmlOutputBufferCreateBuffer(theirs, NULL);
    struct error err = {0};

    buf_init(&ours, 64 * 1024 * 1024);
    assert_int_equal(xml_c14n(node, &ours, &err), ST_OK);
    assert_true(
        xmlC14NExecute(doc, in_subtree, (void *)(uintptr_t)node, XML_C14N_1_0, NULL, 0, out) >= 0);
    assert_true(xmlOutputBufferClose(out) >= 0);
    assert_string_equal(buf_cstr(&ours), (const char *)xmlBufferContent(theirs));
    xmlBufferFree(theirs);
}

static void compare_file(const char *path, void *arg)
{
    AUTO(buf_deinit) struct buf mime = {0};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct error err = {0};
    size_t *elements = arg;

    helper_vector(path, &mime);
    if (span_find(buf_span(&mime), SPAN("<?xml")) == SIZE_MAX ||
        xml_parse(helper_xml_part(buf_span(&mime)), &doc, &err) != ST_OK)
        return; /* some of the negatives */
    compare_with_libxml2(doc, xml_root(doc));
    for (const xmlNode *part = xml_first(xml_root(doc)); part != NULL; part = xml_next(part))
        for (const xmlNode *n = xml_first(part); n != NULL; n = xml_next(n)) {
            compare_with_libxml2(doc, n);
            for (const xmlNode *c = xml_first(n); c != NULL; c = xml_next(c))
                compare_with_libxml2(doc, c);
            ++*elements;
        }
}

static void test_c14n_like_libxml2(void **state)
{
    size_t elements = 0;

    (void)state;
    assert_true(helper_each_vector("osci12", ".mime", compare_file, &elements) > 300);
    assert_true(elements > 2000);
}

/* What is looked at eight bytes at once must not hide what is not text. */
static void test_is_text(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool good;
    } rows[] = {
        {"\t", 1, true},
        {"\n", 1, true},
        {"\x7f", 1, true},
        {"\x1f", 1, false},
        {"", 1, false},
        {"\x80", 1, false},
        {"\xc3\xbc", 2, true},
        {"\xc3", 1, false},
        {"\xc0\xa0", 2, false},
        {"\xe2\x82\xac", 3, true},
        {"\xed\xa0\x80", 3, false},
        {"\xef\xbf\xbe", 3, false},
        {"\xf0\x9f\x93\xa8", 4, true},
        {"\xf4\x90\x80\x80", 4, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t at = 0; at + rows[i].len <= 24; at++) {
            char text[24];

            memset(text, 'x', sizeof text);
            memcpy(text + at, rows[i].bytes, rows[i].len);
            assert_int_equal(xml_is_text(span_of(text, sizeof text)), rows[i].good);
        }
}

static void test_text_mend(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1024};
    struct span text, good = SPAN("gr\xc3\xbc\xc3\x9f dich");
    struct error err = {0};

    (void)state;
    assert_int_equal(xml_text_mend(good, &arena, &text, &err), ST_OK);
    assert_ptr_equal(text.ptr, good.ptr);
    assert_int_equal(xml_text_mend(SPAN("a\b\0\xc3\xbc\xc3(\xff"), &arena, &text, &err), ST_OK);
    assert_true(span_eq(text, SPAN("a??\xc3\xbc?(?")));
    assert_int_equal(xml_text_mend(SPAN_NONE, &arena, &text, &err), ST_OK);
    assert_int_equal(text.len, 0);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(parse_rows) + ARRAY_LEN(bound_rows) + ARRAY_LEN(ids_rows) +
                            ARRAY_LEN(c14n_rows) + ARRAY_LEN(tap_rows) + 16];
    const struct CMUnitTest single[] = {
        cmocka_unit_test(test_utf16_is_refused),
        cmocka_unit_test(test_zero_bytes_are_refused),
        cmocka_unit_test(test_attributes_are_bounded),
        cmocka_unit_test(test_namespaces_are_bounded),
        cmocka_unit_test(test_large_text),
        cmocka_unit_test(test_tap_gives_up),
        cmocka_unit_test(test_tap_bounds),
        cmocka_unit_test(test_walking),
        cmocka_unit_test(test_second_child_is_refused),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_c14n_bare),
        cmocka_unit_test(test_is_text),
        cmocka_unit_test(test_text_mend),
        cmocka_unit_test(test_c14n_like_libxml2),
    };
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(parse_rows); i++)
        tests[n++] =
            (struct CMUnitTest){parse_rows[i].name, test_parse, NULL, NULL, &parse_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(bound_rows); i++)
        tests[n++] =
            (struct CMUnitTest){bound_rows[i].name, test_bound, NULL, NULL, &bound_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(ids_rows); i++)
        tests[n++] = (struct CMUnitTest){ids_rows[i].name, test_ids, NULL, NULL, &ids_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(c14n_rows); i++)
        tests[n++] = (struct CMUnitTest){c14n_rows[i].name, test_c14n, NULL, NULL, &c14n_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(tap_rows); i++)
        tests[n++] = (struct CMUnitTest){tap_rows[i].name, test_tap, NULL, NULL, &tap_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(single); i++)
        tests[n++] = single[i];
    return _cmocka_run_group_tests("xml", tests, n, helper_crypto_setup, helper_crypto_teardown);
}
