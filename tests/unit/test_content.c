/*
 * Contents sealed, sent as a message, read and opened again; names on their way there and back; and
 * what an author's signature must cover, by containers made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "osci/block.h"
#include "tests/unit/helper_content.h"
#include "tests/unit/helper_parcel.h"

#include <stdio.h>

enum { WIRE_MAX = 128 * 1024 * 1024, PARTS_MAX = PARCEL_PARTS_MAX };

static const struct policy policy;

/* ---- there and back ---- */

static struct trip_row {
    const char *name;
    const char *parts; /* i inline, a attachment, one after the other */
    unsigned readers;  /* 0 to 2 */
    bool unsign, p256;
    size_t sizes[PARTS_MAX];
} trips[] = {
    {"inline, in the clear", "i", 0, false, false, {2000}},
    {"inline", "i", 1, false, false, {2000}},
    {"attachment, in the clear", "a", 0, false, false, {200000}},
    {"attachment", "a", 1, false, false, {200000}},
    {"nothing inline", "i", 1, false, false, {0}},
    {"an empty attachment", "a", 1, false, false, {0}},
    {"an empty attachment in the clear", "a", 0, false, false, {0}},
    {"several", "iaiaia", 1, false, false, {1, 1, 57, 65535, 58, 65536}},
    {"several in the clear", "iaiaia", 0, false, false, {1, 1, 57, 65537, 58, 131072}},
    {"two readers", "ia", 2, false, false, {100, 100}},
    {"unsigned", "ia", 1, true, false, {100, 100}},
    {"unsigned in the clear", "ia", 0, true, false, {100, 100}},
    {"signed with P-256", "ia", 1, false, true, {100, 100}},
    {"signed with P-256 in the clear", "ia", 0, false, true, {100, 100}},
};

static void opened_check(const struct parcel *p, const struct trip_row *row,
                         const struct helper_opened *o)
{
    assert_int_equal(o->report.count, p->container.count);
    assert_int_equal(o->report.closed, 0);
    for (size_t i = 0; i < p->container.count; i++) {
        const struct osci_opened *c = &o->report.contents[i];

        assert_true(span_eq(c->name, p->contents[i].name));
        assert_true(span_eq(buf_span(&o->bytes[i]), p->sources[i].bytes));
        assert_int_equal(c->attachment, p->contents[i].attachment);
        assert_int_equal(c->encrypted, row->readers > 0);
        assert_int_equal(c->author_count, !row->unsign);
        if (row->unsign)
            continue;
        if (!c->authors[0].good)
            fail_msg("%.*s", SPAN_FMT(c->authors[0].why_not));
        assert_true(cert_eq(c->authors[0].cert, p->certs[P_AUTHOR].cert));
    }
}

static void test_trip(void **state)
{
    static const char *const readers[] = {"reader-cipher-2048", "reader2-cipher-2048"};
    const struct trip_row *row = *state;
    AUTO(parcel_deinit) struct parcel p = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    char names[PARTS_MAX][32];

    parcel_init(&p, row->p256 ? "author-signature-p256" : "author-signature-2048");
    if (row->unsign)
        p.container.author_count = 0;
    p.container.readers = &p.certs[P_READER];
    p.container.reader_count = row->readers;
    for (size_t i = 0; row->parts[i] != '\0'; i++) {
        (void)snprintf(names[i], sizeof names[i], "Anlage %zu.pdf", i);
        parcel_add(&p, span_str(names[i]), row->sizes[i], row->parts[i] == 'a');
    }
    parcel_seal(&p);
    parcel_send(&p, false, &in);
    for (unsigned i = 0; i < (row->readers > 0 ? row->readers : 1); i++) {
        AUTO(helper_keys_deinit) struct helper_keys keys = {0};
        AUTO(helper_opened_deinit) struct helper_opened o = {0};
        struct error err = {0};

        if (row->readers > 0)
            helper_keys_add(&keys, readers[i]);
        helper_ok(helper_open(&o, in.reading, keys.own, keys.count, &policy, &err), &err);
        opened_check(&p, row, &o);
    }
}

/* It shows nothing but that something is there. */
static void not_for_us(void **state)
{
    AUTO(parcel_deinit) struct parcel p = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_keys_deinit) struct helper_keys keys = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    struct error err = {0};

    (void)state;
    parcel_init(&p, "author-signature-2048");
    p.container.readers = &p.certs[P_READER];
    p.container.reader_count = 1;
    parcel_add(&p, SPAN("geheim.txt"), 100, false);
    parcel_seal(&p);
    parcel_send(&p, false, &in);
    assert_true(span_find(buf_span(&in.wire), SPAN("geheim")) == SIZE_MAX);
    helper_keys_add(&keys, "addressee-cipher-2048");
    helper_ok(helper_open(&o, in.reading, keys.own, keys.count, &policy, &err), &err);
    assert_int_equal(o.report.count, 0);
    assert_int_equal(o.report.closed, 1);
}

/* Each bit of an attachment's ciphertext counts, those of IV and tag too. */
static void attachment_flipped(void **state)
{
    AUTO(parcel_deinit) struct parcel p = {0};
    size_t len;

    (void)state;
    parcel_init(&p, "author-signature-2048");
    p.container.readers = &p.certs[P_READER];
    p.container.reader_count = 1;
    parcel_add(&p, SPAN("a"), 40, true);
    parcel_seal(&p);
    len = p.sealed[0].len;
    for (size_t i = 0; i < len; i++) {
        AUTO(helper_in_deinit) struct helper_in in = {0};
        AUTO(helper_keys_deinit) struct helper_keys keys = {0};
        AUTO(helper_opened_deinit) struct helper_opened o = {0};
        struct error err = {0};

        p.sealed[0].ptr[i] ^= 0x10;
        parcel_send(&p, false, &in);
        helper_keys_add(&keys, "reader-cipher-2048");
        assert_int_equal(helper_open(&o, in.reading, keys.own, keys.count, &policy, &err),
                         ST_DENIED);
        assert_int_equal(err.reason, 9202);
        p.sealed[0].ptr[i] ^= 0x10;
    }
}

static enum status sink_full(struct sink *self, struct span bytes, struct error *err)
{
    (void)self;
    (void)bytes;
    return error_set(err, ST_RETRY, 0, "the disk is full");
}

/* Nothing but zeros, as many as it says. */
static enum status zeros_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                              size_t *got, struct error *err)
{
    uint64_t left = self->len - offset;

    (void)err;
    *got = left < cap ? (size_t)left : cap;
    memset(bytes, 0, *got);
    return ST_OK;
}

static void seal_fails(void **state)
{
    AUTO(parcel_deinit) struct parcel p = {0};
    struct sink full = {sink_full};
    struct source zeros = {zeros_read, OSCI_INLINE_MAX + 1};
    struct error err = {0};

    (void)state;
    parcel_init(&p, "author-signature-2048");
    assert_int_equal(osci_seal(&p.seal, &p.arena, &p.package, &err), ST_LIMIT); /* no content */
    parcel_add(&p, SPAN("a"), 10, true);
    p.contents[0].sealed = &full;
    assert_int_equal(osci_seal(&p.seal, &p.arena, &p.package, &err), ST_RETRY);
    p.contents[0].attachment = false;
    p.contents[0].bytes = &zeros;
    assert_int_equal(osci_seal(&p.seal, &p.arena, &p.package, &err), ST_LIMIT); /* too large */
    parcel_add(&p, SPAN("a"), 10, false);
    p.contents[0].bytes = &p.sources[0].base;
    assert_int_equal(osci_seal(&p.seal, &p.arena, &p.package, &err),
                     ST_INVALID); /* the same name */
}

/* As much as may be inline is sealed, sent and read; a second one like it is refused at once. */
static void largest_inline(void **state)
{
    AUTO(parcel_deinit) struct parcel p = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_keys_deinit) struct helper_keys keys = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    struct source zeros = {zeros_read, OSCI_INLINE_MAX};
    struct error err = {0};

    (void)state;
    parcel_init(&p, "author-signature-2048");
    p.container.readers = &p.certs[P_READER];
    p.container.reader_count = 1;
    parcel_add(&p, SPAN("a"), 0, false);
    p.contents[0].bytes = &zeros;
    parcel_seal(&p);
    parcel_send(&p, false, &in);
    helper_keys_add(&keys, "reader-cipher-2048");
    helper_ok(helper_open(&o, in.reading, keys.own, keys.count, &policy, &err), &err);
    assert_int_equal(o.report.contents[0].len, OSCI_INLINE_MAX);
    assert_true(o.report.contents[0].authors[0].good);
    parcel_add(&p, SPAN("b"), 0, false);
    p.contents[1].bytes = &zeros;
    assert_int_equal(osci_seal(&p.seal, &p.arena, &p.package, &err), ST_LIMIT);
}

/* ---- names ---- */

static struct name_row {
    const char *name;
    struct span text, encoded;
} names[] = {
    {"plain", SPAN("Bescheid-2026_1.pdf"), SPAN("Bescheid-2026_1.pdf")},
    {"blank", SPAN("a b"), SPAN("a_x0020_b")},
    {"umlauts", SPAN("\xc3\xa4\xc3\x96\xc3\x9f"), SPAN("_x00E4__x00D6__x00DF_")},
    {"percent", SPAN("100%25"), SPAN("_x0031_00_x0025_25")},
    {"a digit in front", SPAN("2026.pdf"), SPAN("_x0032_026.pdf")},
    {"a dot in front", SPAN(".profile"), SPAN("_x002E_profile")},
    {"beyond the first plane", SPAN("\xf0\x9f\x93\xae"), SPAN("_xD83D__xDCEE_")},
    {"looks encoded", SPAN("_x0041_"), SPAN("_x005F_x0041_")},
    {"looks encoded, but in lower case", SPAN("_x00e4_"), SPAN("_x00e4_")},
    {"would look encoded with what follows", SPAN("_x0041\xc3\xa4"), SPAN("_x005F_x0041_x00E4_")},
    {"nearly", SPAN("_x004_x0041"), SPAN("_x004_x005F_x0041")},
    {"only underscores", SPAN("_______"), SPAN("_______")},
    {"no UTF-8", SPAN("M\xfcller"), SPAN("M_xDCFC_ller")},
    {"cut off UTF-8", SPAN("a\xe2\x82"), SPAN("a_xDCE2__xDC82_")},
    {"an encoded surrogate is no UTF-8", SPAN("\xed\xb3\xbc"), SPAN("_xDCED__xDCB3__xDCBC_")},
    {"an overlong slash", SPAN("\xc0\xaf"), SPAN("_xDCC0__xDCAF_")},
    {"path", SPAN("../a/b"), SPAN("_x002E_._x002F_a_x002F_b")},
    {"control characters", SPAN("a\n\x01\x7f"), SPAN("a_x000A__x0001__x007F_")},
    {"markup", SPAN("<a href=\"x\">&'"),
     SPAN("_x003C_a_x0020_href_x003D__x0022_x_x0022__x003E__x0026__x0027_")},
};

static void name_there_and_back(struct span text, struct span *encoded)
{
    struct arena arena;
    struct span coded, back;
    struct error err = {0};

    arena_init(&arena, 65536);
    helper_ok(osci_name_encode(text, &arena, &coded, &err), &err);
    helper_ok(osci_name_decode(coded, &arena, &back, &err), &err);
    if (!span_eq(text, back))
        fail_msg("%.*s became %.*s by %.*s", SPAN_FMT(text), SPAN_FMT(back), SPAN_FMT(coded));
    for (size_t i = 0; i < coded.len; i++) { /* an NCName, an XML Id, a Content-ID */
        uint8_t c = coded.ptr[i];

        assert_true((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                    (i > 0 && ((c >= '0' && c <= '9') || c == '-' || c == '.')));
    }
    if (encoded != NULL)
        assert_true(span_eq(*encoded, coded));
    arena_deinit(&arena);
}

/* As a row says; then through a whole message, inline and as attachment. */
static void test_name(void **state)
{
    const struct name_row *row = *state;
    struct span encoded = row->encoded;

    name_there_and_back(row->text, &encoded);
    for (int attachment = 0; attachment < 2; attachment++) {
        AUTO(parcel_deinit) struct parcel p = {0};
        AUTO(helper_in_deinit) struct helper_in in = {0};
        AUTO(helper_opened_deinit) struct helper_opened o = {0};
        struct error err = {0};

        parcel_init(&p, "author-signature-p256");
        parcel_add(&p, row->text, 10, attachment != 0);
        parcel_seal(&p);
        parcel_send(&p, false, &in);
        helper_ok(helper_open(&o, in.reading, NULL, 0, &policy, &err), &err);
        assert_int_equal(o.report.count, 1);
        assert_true(span_eq(o.report.contents[0].name, row->text));
        assert_true(o.report.contents[0].authors[0].good);
    }
}

/* Any bytes at all come back, most of all those that look encoded themselves. */
static void any_name(void **state)
{
    static const char alphabet[] = "_x0041_x_ADCF8\xc3\xa4\xed\xa0\xf0\x9f./ e";
    uint32_t x = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint8_t name[24];
        size_t len = (size_t)round % (sizeof name + 1);

        for (size_t i = 0; i < len; i++) {
            x = x * 1664525 + 1013904223;
            name[i] = round % 4 == 0 ? (uint8_t)(x >> 24)
                                     : (uint8_t)alphabet[(x >> 16) % (sizeof alphabet - 1)];
        }
        name_there_and_back(span_of(name, len), NULL);
    }
}

/* Two names never meet in one: what is read back is unique where what was written was. */
static void longest_name(void **state)
{
    uint8_t name[256];
    struct arena arena;
    struct span coded;
    struct error err = {0};

    (void)state;
    memset(name, 0xff, sizeof name);
    arena_init(&arena, 65536);
    name_there_and_back(span_of(name, 255), NULL);
    assert_int_equal(osci_name_encode(span_of(name, 256), &arena, &coded, &err), ST_LIMIT);
    arena_deinit(&arena);
}

/* What others write as Id or cid: taken as it is, where it is no code of ours. */
static struct decode_row {
    const char *name;
    struct span text, decoded;
} decodes[] = {
    {"nothing", SPAN(""), SPAN("")},
    {"as it is", SPAN("Anlage 1 \xc3\xa4.pdf"), SPAN("Anlage 1 \xc3\xa4.pdf")},
    {"cut off", SPAN("a_x00E"), SPAN("a_x00E")},
    {"no hexadecimal", SPAN("_x00G0_"), SPAN("_x00G0_")},
    {"two codes", SPAN("_x0041__x0042_"), SPAN("AB")},
    {"one '_' for two codes", SPAN("_x0041_x0042_"), SPAN("Ax0042_")},
};

static void test_decode(void **state)
{
    const struct decode_row *row = *state;
    struct arena arena;
    struct span back;
    struct error err = {0};

    arena_init(&arena, 65536);
    helper_ok(osci_name_decode(row->text, &arena, &back, &err), &err);
    assert_true(span_eq(back, row->decoded));
    arena_deinit(&arena);
}

/* Contents without a name get a number; the same name twice, or a number taken, is refused. */
static struct unnamed_row {
    const char *name, *first, *second, *want_first, *want_second; /* NULL: refused */
} unnamed[] = {
    {"two without a name", "", "", "content0", "content1"},
    {"one without a name", "a", "", "a", "content1"},
    {"a number that was taken", "content1", "", NULL, NULL},
    {"the same name twice", "a", "a", NULL, NULL},
    {"the same but for case", "a", "A", "a", "A"},
};

static void test_unnamed(void **state)
{
    const struct unnamed_row *row = *state;
    AUTO(parcel_deinit) struct parcel p = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    struct error err = {0};

    parcel_init(&p, "author-signature-p256");
    parcel_add(&p, span_str(row->first), 10, true);
    parcel_add(&p, span_str(row->second), 10, true);
    if (row->want_first == NULL) {
        assert_int_equal(osci_seal(&p.seal, &p.arena, &p.package, &err), ST_INVALID);
        return;
    }
    parcel_seal(&p);
    parcel_send(&p, false, &in);
    helper_ok(helper_open(&o, in.reading, NULL, 0, &policy, &err), &err);
    assert_true(span_is(o.report.contents[0].name, row->want_first));
    assert_true(span_is(o.report.contents[1].name, row->want_second));
}

/* ---- what a signature must cover, and nothing else ---- */

#define A "<osci:Content><osci:Base64Content Id=\"a\">QQ==</osci:Base64Content></osci:Content>"
#define B "<osci:Content><osci:Base64Content Id=\"b\">QkI=</osci:Base64Content></osci:Content>"
#define WHOLE_A                                                                                    \
    "<osci:Content" OSCI_FIVE_NS " Id=\"w\"><osci:Base64Content>QQ==</osci:Base64Content>"         \
    "</osci:Content>"
#define INNER_A "<osci:Base64Content" OSCI_FIVE_NS " Id=\"a\">QQ==</osci:Base64Content>"
#define X "<osci:Content Id=\"x\" href=\"cid:one\"></osci:Content>"
#define X_NS "<osci:Content" OSCI_FIVE_NS " Id=\"x\" href=\"cid:one\"></osci:Content>"
#define NEST "<osci:ContentContainer Id=\"in\">" X "</osci:ContentContainer></osci:Content>"
#define NEST_B "<osci:ContentContainer Id=\"in\">" B "</osci:ContentContainer></osci:Content>"
#define XADES(id)                                                                                  \
    "<ds:Object><p:QualifyingProperties xmlns:p=\"http://uri.etsi.org/01903/v1.3.2#\">"            \
    "<p:SignedProperties Id=\"" id "\"></p:SignedProperties></p:QualifyingProperties></ds:Object>"
#define XADES_NS                                                                                   \
    "<p:SignedProperties xmlns:ds=\"" DS_NS "\" xmlns:osci=\"" OSCI_NS                             \
    "\" xmlns:p=\"http://uri.etsi.org/01903/v1.3.2#\" xmlns:soap=\"" SOAP_NS                       \
    "\" xmlns:xenc=\"" XENC_NS "\" xmlns:xsi=\"" XSI_NS "\" Id=\"p\"></p:SignedProperties>"
#define ONE "octets of one"
#define TWO "octets of two"

static struct cover_row {
    const char *name;
    const char *contents; /* of the container, after its signature */
    const char *object;   /* in the signature, or "" */
    const char *behind;   /* in the package, after the container */
    struct ref_spec {
        const char *uri;
        enum sig_transform transform;
        const char *over; /* the bytes that the digest is made of */
    } refs[4];
    bool good;
} covers[] = {
    {"a content", A, "", "", {{"#a", SIG_BASE64, "A"}}, true},
    {"two contents", A B, "", "", {{"#b", SIG_BASE64, "BB"}, {"#a", SIG_BASE64, "A"}}, true},
    {"an attachment", X, "", "", {{"#x", SIG_C14N, X_NS}, {"cid:one", SIG_PLAIN, ONE}}, true},
    {"a signing time",
     A,
     XADES("p"),
     "",
     {{"#a", SIG_BASE64, "A"}, {"#p", SIG_C14N, XADES_NS}},
     true},
    {"a content changed", A, "", "", {{"#a", SIG_BASE64, "B"}}, false},
    {"an attachment changed",
     X,
     "",
     "",
     {{"#x", SIG_C14N, X_NS}, {"cid:one", SIG_PLAIN, TWO}},
     false},
    {"one of two contents", A B, "", "", {{"#a", SIG_BASE64, "A"}}, false},
    {"one of two contents, the other", A B, "", "", {{"#b", SIG_BASE64, "BB"}}, false},
    {"no octets of an attachment", X, "", "", {{"#x", SIG_C14N, X_NS}}, false},
    {"no reference to an attachment's place", X, "", "", {{"cid:one", SIG_PLAIN, ONE}}, false},
    {"inline data as XML", A, "", "", {{"#a", SIG_C14N, INNER_A}}, false},
    {"inline data by the Id of Content",
     "<osci:Content Id=\"w\"><osci:Base64Content>QQ==</osci:Base64Content></osci:Content>",
     "",
     "",
     {{"#w", SIG_C14N, WHOLE_A}},
     false},
    {"a content of another container",
     A,
     "",
     "<osci:ContentContainer Id=\"c2\">" B "</osci:ContentContainer>",
     {{"#a", SIG_BASE64, "A"}, {"#b", SIG_BASE64, "BB"}},
     false},
    {"an attachment of another container",
     A,
     "",
     "<osci:ContentContainer Id=\"c2\">" X "</osci:ContentContainer>",
     {{"#a", SIG_BASE64, "A"}, {"cid:one", SIG_PLAIN, ONE}},
     false},
    {"an attachment of no container",
     A,
     "",
     "",
     {{"#a", SIG_BASE64, "A"}, {"cid:one", SIG_PLAIN, ONE}},
     false},
    {"something that is no content",
     A,
     "<ds:Object><osci:Other Id=\"o\"></osci:Other></ds:Object>",
     "",
     {{"#a", SIG_BASE64, "A"},
      {"#o", SIG_C14N, "<osci:Other" OSCI_FIVE_NS " Id=\"o\"></osci:Other>"}},
     false},
    {"a header block",
     A,
     "",
     "",
     {{"#a", SIG_BASE64, "A"},
      {"#desiredlanguages", SIG_C14N,
       "<osci:DesiredLanguages" OSCI_FIVE_NS
       " Id=\"desiredlanguages\" LanguagesList=\"de en\" soap:actor=\"" OSCI_ACTOR_NEXT
       "\" soap:mustUnderstand=\"1\"></osci:DesiredLanguages>"}},
     false},
    {"a container within",
     "<osci:Content Id=\"n\">" NEST_B,
     "",
     "",
     {{"#n", SIG_C14N, "<osci:Content" OSCI_FIVE_NS " Id=\"n\">" NEST_B}},
     true},
    {"a container within, and its content",
     "<osci:Content Id=\"n\">" NEST_B,
     "",
     "",
     {{"#n", SIG_C14N, "<osci:Content" OSCI_FIVE_NS " Id=\"n\">" NEST_B}, {"#b", SIG_BASE64, "BB"}},
     false},
    {"a container within, with its attachment",
     "<osci:Content Id=\"n\">" NEST,
     "",
     "",
     {{"#n", SIG_C14N, "<osci:Content" OSCI_FIVE_NS " Id=\"n\">" NEST},
      {"cid:one", SIG_PLAIN, ONE}},
     true},
    {"a container within, without the octets of its attachment",
     "<osci:Content Id=\"n\">" NEST,
     "",
     "",
     {{"#n", SIG_C14N, "<osci:Content" OSCI_FIVE_NS " Id=\"n\">" NEST}},
     false},
    {"a container within, of another signature",
     "<osci:Content Id=\"n\">" NEST_B A,
     "",
     "",
     {{"#a", SIG_BASE64, "A"}},
     false},
};

/* The container with a signature over whatever refs say. */
static void signed_container(struct parcel *p, const char *contents, const char *object,
                             const struct ref_spec *specs, size_t max)
{
    AUTO(buf_deinit) struct buf signature = {.max = 65536}, retrieval = {.max = 1024};
    struct sig_params params = {alg_find(SPAN(ALG_RSA_SHA256_URI), ALG_SIGNATURE), &policy,
                                helper_now};
    const struct alg *sha256 = alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST);
    struct sig_ref refs[8];
    struct error err = {0};
    size_t count = 0, end;

    for (; count < max && specs[count].uri != NULL; count++) {
        refs[count].uri = span_str(specs[count].uri);
        refs[count].transform = specs[count].transform;
        helper_ok(digest_of(sha256, span_str(specs[count].over), &refs[count].digest, &err), &err);
    }
    buf_char(&retrieval, '#');
    buf_add(&retrieval, p->certs[P_AUTHOR].id);
    helper_ok(sig_write(&signature, refs, count, &params, p->author, buf_span(&retrieval),
                        OSCI_FIVE_NS, &err),
              &err);
    end = span_find(buf_span(&signature), SPAN("</ds:Signature>"));
    buf_str(&p->package, "<osci:ContentContainer Id=\"out\">");
    buf_add(&p->package, span_sub(buf_span(&signature), 0, end));
    buf_str(&p->package, object);
    buf_str(&p->package, "</ds:Signature>");
    buf_str(&p->package, contents);
    buf_str(&p->package, "</osci:ContentContainer>");
}

static void test_cover(void **state)
{
    const struct cover_row *row = *state;
    AUTO(parcel_deinit) struct parcel p = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    struct error err = {0};

    parcel_init(&p, "author-signature-2048");
    signed_container(&p, row->contents, row->object, row->refs, ARRAY_LEN(row->refs));
    buf_str(&p.package, row->behind);
    parcel_attach(&p, SPAN("one"), SPAN(ONE));
    parcel_attach(&p, SPAN("two"), SPAN(TWO));
    parcel_send(&p, false, &in);
    helper_ok(helper_open(&o, in.reading, NULL, 0, &policy, &err), &err);
    assert_true(o.report.count > 0);
    assert_int_equal(o.report.contents[0].author_count, 1);
    if (o.report.contents[0].authors[0].good != row->good)
        fail_msg("%.*s", SPAN_FMT(o.report.contents[0].authors[0].why_not));
    assert_int_equal(o.report.contents[0].authors[0].why_not.len > 0, !row->good);
}

/*
 * Elements within one another, each referred to, would be digested as often as they are deep: what
 * may not be referred to is refused before any digest, wrong as it may be.
 */
static void refuses_before_digests(void **state)
{
    static const struct ref_spec refs[][3] = {
        {{"#a", SIG_BASE64, "wrong"}, {"#o", SIG_C14N, "wrong"}},
        {{"#a", SIG_BASE64, "wrong"}, {"#p", SIG_C14N, "wrong"}, {"#q", SIG_C14N, "wrong"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
        AUTO(parcel_deinit) struct parcel p = {0};
        AUTO(helper_in_deinit) struct helper_in in = {0};
        AUTO(helper_opened_deinit) struct helper_opened o = {0};
        struct error err = {0};

        parcel_init(&p, "author-signature-2048");
        signed_container(&p, A,
                         XADES("p") XADES("q") "<ds:Object><osci:Other Id=\"o\"/></ds:Object>",
                         refs[i], 3);
        parcel_send(&p, false, &in);
        helper_ok(helper_open(&o, in.reading, NULL, 0, &policy, &err), &err);
        assert_false(o.report.contents[0].authors[0].good);
        assert_int_not_equal(
            span_find(o.report.contents[0].authors[0].why_not, SPAN("is no content")), SIZE_MAX);
    }
}

/* Signed from outside: the inline content has two authors, the attachment, whose octets the outer
 * one never saw, has one. */
static void signed_outside(void **state)
{
    AUTO(parcel_deinit) struct parcel p = {0};
    AUTO(buf_deinit) struct buf sealed = {.max = WIRE_MAX}, text = {.max = WIRE_MAX};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_keys_deinit) struct helper_keys keys = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    struct ref_spec ref = {"#encdata_0", SIG_C14N, NULL};
    struct error err = {0};
    const size_t tag = strlen("<xenc:EncryptedData");

    (void)state;
    parcel_init(&p, "author-signature-2048");
    p.container.readers = &p.certs[P_READER];
    p.container.reader_count = 1;
    parcel_add(&p, SPAN("inline"), 100, false);
    parcel_add(&p, SPAN("attached"), 100, true);
    parcel_seal(&p);
    buf_add(&sealed, buf_span(&p.package));
    buf_reset(&p.package);
    buf_add(&text, span_sub(buf_span(&sealed), 0, tag));
    buf_str(&text, OSCI_FIVE_NS);
    buf_add(&text, span_from(buf_span(&sealed), tag));
    ref.over = buf_cstr(&text);
    signed_container(&p, buf_cstr(&sealed), "", &ref, 1);
    parcel_send(&p, false, &in);
    helper_keys_add(&keys, "reader-cipher-2048");
    helper_ok(helper_open(&o, in.reading, keys.own, keys.count, &policy, &err), &err);
    assert_int_equal(helper_content(&o, "inline")->author_count, 2);
    assert_int_equal(helper_content(&o, "attached")->author_count, 1);
    for (size_t i = 0; i < 2; i++)
        assert_true(helper_content(&o, "inline")->authors[i].good);
    assert_true(helper_content(&o, "attached")->authors[0].good);
}

/* ---- forms ---- */

#define MANY(s) s s s s s s s s
#define KEYLESS "<xenc:EncryptedData Id=\"e\"><xenc:CipherData>"
#define CONTAINER(s) "<osci:ContentContainer>" s "</osci:ContentContainer>"
#define NESTED(s) CONTAINER("<osci:Content>" s "</osci:Content>")

static struct form_row {
    const char *name, *package;
    enum status st;
    size_t contents;
} formats[] = {
    {"nothing", "", ST_OK, 0},
    {"an empty container", CONTAINER(""), ST_OK, 0},
    {"two containers", CONTAINER(A) CONTAINER(B), ST_OK, 2},
    {"white space", "\n" CONTAINER("\n " A "\n") "\n", ST_OK, 1},
    {"text in a container", CONTAINER("text" A), ST_INVALID, 0},
    {"text in a Content", CONTAINER("<osci:Content>QQ==</osci:Content>"), ST_INVALID, 0},
    {"an empty Content", CONTAINER("<osci:Content></osci:Content>"), ST_INVALID, 0},
    {"a Content with two",
     CONTAINER("<osci:Content><osci:Base64Content>QQ==</osci:Base64Content>"
               "<osci:Base64Content>QQ==</osci:Base64Content></osci:Content>"),
     ST_INVALID, 0},
    {"a Content with both",
     CONTAINER("<osci:Content href=\"cid:one\"><osci:Base64Content>QQ==</osci:Base64Content>"
               "</osci:Content>"),
     ST_INVALID, 0},
    {"a Content without Id",
     CONTAINER("<osci:Content><osci:Base64Content>QQ==</osci:Base64Content></osci:Content>"), ST_OK,
     1},
    {"no base64",
     CONTAINER("<osci:Content><osci:Base64Content>Q=</osci:Base64Content></osci:Content>"),
     ST_INVALID, 0},
    {"an attachment", CONTAINER(X), ST_OK, 1},
    {"an attachment that is missing", CONTAINER("<osci:Content href=\"cid:three\"></osci:Content>"),
     ST_INVALID, 0},
    {"an attachment somewhere else",
     CONTAINER("<osci:Content href=\"http://example.org/\"></osci:Content>"), ST_INVALID, 0},
    {"an attachment twice", CONTAINER(X "<osci:Content href=\"cid:one\"></osci:Content>"),
     ST_INVALID, 0},
    {"something else", CONTAINER("<osci:Other></osci:Other>"), ST_INVALID, 0},
    {"eight deep", NESTED(NESTED(NESTED(NESTED(NESTED(NESTED(NESTED(CONTAINER(A)))))))), ST_OK, 1},
    {"nine deep", NESTED(NESTED(NESTED(NESTED(NESTED(NESTED(NESTED(NESTED(CONTAINER(A))))))))),
     ST_LIMIT, 0},
    {"EncryptedData without CipherData", CONTAINER("<xenc:EncryptedData></xenc:EncryptedData>" A),
     ST_OK, 1},
    {"EncryptedData for nobody",
     KEYLESS "<xenc:CipherValue>AAAA</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>",
     ST_OK, 0},
    {"an attachment's key that is missing",
     CONTAINER(X KEYLESS "<xenc:CipherReference URI=\"cid:one\"></xenc:CipherReference>"
                         "</xenc:CipherData></xenc:EncryptedData>"),
     ST_INVALID, 0},
    {"a signature without anything", CONTAINER("<ds:Signature></ds:Signature>" A), ST_INVALID, 0},
};

static void test_form(void **state)
{
    const struct form_row *row = *state;
    AUTO(parcel_deinit) struct parcel p = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    struct error err = {0};

    parcel_init(&p, "author-signature-2048");
    buf_str(&p.package, row->package);
    parcel_attach(&p, SPAN("one"), SPAN(ONE));
    parcel_send(&p, false, &in);
    assert_int_equal(helper_open(&o, in.reading, NULL, 0, &policy, &err), row->st);
    if (row->st == ST_OK)
        assert_int_equal(o.report.count, row->contents);
    else
        assert_int_equal(err.reason, 9100);
}

/* A key that lies open in a container in the clear makes no secret. */
static void open_key(void **state)
{
    AUTO(parcel_deinit) struct parcel p = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    AUTO(cipher_drop) struct cipher *cipher = NULL;
    AUTO(buf_deinit) struct buf sealed = {.max = 1024};
    struct enc_params params;
    struct secret secret;
    struct sink_buf sink;
    struct error err = {0};

    (void)state;
    parcel_init(&p, "author-signature-2048");
    enc_params_default(&params, &policy, helper_now);
    helper_ok(secret_make(params.method.alg, &p.rng.base, &secret, &err), &err);
    helper_ok(cipher_seal_new(&params.method, &secret, &p.rng.base, &cipher, &err), &err);
    sink_buf_init(&sink, &sealed);
    helper_ok(cipher_push(cipher, SPAN(ONE), &sink.base, &err), &err);
    helper_ok(cipher_finish(cipher, &sink.base, &err), &err);
    parcel_attach(&p, SPAN("one"), buf_span(&sealed));
    buf_str(&p.package, "<osci:ContentContainer>" X "<xenc:EncryptedData>");
    enc_method_write(&p.package, &params.method);
    buf_str(&p.package, "<ds:KeyInfo><ds:MgmtData>");
    buf_base64(&p.package, span_of(secret.bytes, secret.len), 0);
    buf_str(&p.package, "</ds:MgmtData></ds:KeyInfo><xenc:CipherData><xenc:CipherReference "
                        "URI=\"cid:one\"></xenc:CipherReference></xenc:CipherData>"
                        "</xenc:EncryptedData></osci:ContentContainer>");
    parcel_send(&p, false, &in);
    helper_ok(helper_open(&o, in.reading, NULL, 0, &policy, &err), &err);
    assert_int_equal(o.report.count, 1);
    assert_true(span_is(buf_span(&o.bytes[0]), ONE));
    assert_false(o.report.contents[0].encrypted);
}

#define ROWS(tests, n, rows, function)                                                             \
    for (size_t i_ = 0; i_ < ARRAY_LEN(rows); i_++)                                                \
        (tests)[(n)++] = (struct CMUnitTest){rows[i_].name, function, NULL, NULL, &rows[i_]};

int main(void)
{
    static struct CMUnitTest tests[200] = {
        cmocka_unit_test(largest_inline),
        cmocka_unit_test(not_for_us),
        cmocka_unit_test(attachment_flipped),
        cmocka_unit_test(seal_fails),
        cmocka_unit_test(any_name),
        cmocka_unit_test(longest_name),
        cmocka_unit_test(refuses_before_digests),
        cmocka_unit_test(signed_outside),
        cmocka_unit_test(open_key),
    };
    size_t n = 9;

    ROWS(tests, n, trips, test_trip)
    ROWS(tests, n, names, test_name)
    ROWS(tests, n, decodes, test_decode)
    ROWS(tests, n, unnamed, test_unnamed)
    ROWS(tests, n, covers, test_cover)
    ROWS(tests, n, formats, test_form)
    return _cmocka_run_group_tests("content", tests, n, helper_crypto_setup,
                                   helper_crypto_teardown);
}
