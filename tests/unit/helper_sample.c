#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_sample.h"

#define CUSTOM_NS                                                                                  \
    " xmlns:ds=\"" DS_NS "\" xmlns:osci=\"" OSCI_NS "\" xmlns:soap=\"" SOAP_NS                     \
    "\" xmlns:x=\"urn:x\" xmlns:xenc=\"" XENC_NS "\" xmlns:xsi=\"" XSI_NS "\""
#define SUBJECT "<&>\"' ]]> \xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f \xe2\x82\xac\r\n\tEnde\n"
#define URI "https://example.org/osci?a=1&b='%3C'"

enum { OCTETS = 300 * 1024 };

static const char *const names[OSCI_ROLES] = {
    [OSCI_CIPHER_ORIGINATOR] = "originator-cipher-2048",
    [OSCI_CIPHER_OTHER_AUTHOR] = "author-cipher-2048",
    [OSCI_CIPHER_ADDRESSEE] = "addressee-cipher-2048",
    [OSCI_CIPHER_OTHER_READER] = "reader-cipher-2048",
    [OSCI_SIGNATURE_ORIGINATOR] = "originator-signature-2048",
    [OSCI_SIGNATURE_OTHER_AUTHOR] = "author-signature-2048",
    [OSCI_SIGNATURE_ADDRESSEE] = "addressee-signature-2048",
    [OSCI_CIPHER_INTERMEDIARY] = "intermediary-cipher-2048",
    [OSCI_SIGNATURE_INTERMEDIARY] = "intermediary-signature-2048",
};

static void cert_add(struct sample *s, enum osci_role role, const char *name)
{
    struct osci_cert *c = &s->certs[s->msg.cert_count++];

    assert_true(s->msg.cert_count <= SAMPLE_CERTS_MAX);
    *c = (struct osci_cert){.role = role, .cert = helper_cert(name)};
}

static void certs_fill(struct sample *s, const struct osci_type_row *row, bool full, bool is_signed)
{
    unsigned roles =
        full ? row->non_intermediary_roles | row->intermediary_roles : row->non_intermediary_needs;

    s->msg.certs = s->certs;
    s->signer = names[row->signer];
    if (is_signed)
        roles |= OSCI_ROLE_BIT(row->signer);
    for (enum osci_role role = 0; role < OSCI_ROLES; role++)
        if ((roles & OSCI_ROLE_BIT(role)) != 0)
            cert_add(s, role, names[role]);
    if (full && (roles & OSCI_ROLE_BIT(OSCI_SIGNATURE_OTHER_AUTHOR)) != 0) {
        cert_add(s, OSCI_SIGNATURE_OTHER_AUTHOR, "author-signature-p256");
        cert_add(s, OSCI_CIPHER_OTHER_READER, "reader2-cipher-2048");
    }
}

static bool wanted(enum osci_presence presence, bool full)
{
    return presence == OSCI_MUST || (full && presence == OSCI_MAY);
}

static void control_fill(struct sample *s, const struct osci_type_row *row, bool full)
{
    struct osci_controlblock *cb = &s->msg.control;

    if (wanted(row->response, full))
        cb->response = SPAN("qL3/+w==");
    if (wanted(row->challenge, full))
        cb->challenge = SPAN("c & <d>\"'");
    if (wanted(row->conversation_id, full))
        cb->conversation_id = SPAN("000123456789012345678901234567890123456789");
    cb->has_sequence = wanted(row->sequence, full);
    if (cb->has_sequence)
        cb->sequence = full ? INT32_MAX : 0;
    if (row->request)
        s->msg.languages = full ? SPAN("de en-GB fr") : SPAN("de en");
}

static void inspections_fill(struct sample *s)
{
    static const struct span types[] = {SPAN("advanced"), SPAN("qualified"), SPAN("accredited"),
                                        SPAN("unknown")};
    static const struct span kinds[] = {SPAN("OCSP"), SPAN("CRL"), SPAN("LDAP"), SPAN("")};

    for (size_t i = 0; i < ARRAY_LEN(s->inspections); i++) {
        struct osci_inspection *in = &s->inspections[i];

        in->timestamp.text = SPAN("2026-11-21T23:00:00.000Z");
        if (i == 1)
            in->timestamp = (struct osci_time){SPAN("VG9rZW4="), true, SPAN("urn:a&b")};
        in->subject = SPAN("CN=M\xc3\xbcller \\<A&B\\>,C=DE");
        in->issuer = SPAN("CN=CA\\, Test");
        in->serial = SPAN("123456789012345678901234");
        in->cert_type = types[i];
        in->math = i == 3 ? OSCI_CHECK_INDETERMINATE : OSCI_CHECK_GOOD + (i & 1);
        in->offline = i == 2 ? OSCI_CHECK_INDETERMINATE : OSCI_CHECK_GOOD + (i & 1);
        in->online = i == 3 ? OSCI_CHECK_NONE : OSCI_CHECK_GOOD + (i & 1);
        in->online_kind = kinds[i];
        in->online_evidence = i == 3   ? SPAN_NONE
                              : i == 1 ? SPAN("2026-11-20T12:00:00Z") /* of the CRL */
                                       : SPAN("RXZpZGVuY2U=");
    }
}

static void card_fill(struct sample *s, const struct osci_type_row *row, bool is_reply)
{
    struct osci_card *c = &s->cards[s->msg.card_count++];
    bool mediate = s->msg.type == OSCI_RSP_MEDIATE_DELIVERY;

    *c = (struct osci_card){
        .message_id = SPAN("dep_0123 \xc3\xa4"),
        .recent_modification = SPAN("2026-11-21T23:00:01.500+01:00"),
        .subject = SPAN(SUBJECT),
        .is_reply = is_reply,
        .creation.text = SPAN("2026-11-21T22:00:00Z"),
    };
    if (row->forwarding != OSCI_NEVER)
        c->forwarding = (struct osci_time){SPAN("VG9rZW4="), true, SPAN("urn:token")};
    if (mediate ? !is_reply : row->reception != OSCI_NEVER)
        c->reception.text = SPAN("2026-11-21T22:59:59+00:00");
    if (s->msg.card_count == 1) {
        inspections_fill(s);
        c->inspections = s->inspections;
        c->inspection_count = ARRAY_LEN(s->inspections);
    }
}

static void cards_fill(struct sample *s, const struct osci_type_row *row, bool full)
{
    s->msg.cards = s->cards;
    if (row->creation == OSCI_NEVER || (!full && s->msg.type != OSCI_ACCEPT_DELIVERY))
        return;
    card_fill(s, row, false);
    if (s->msg.type == OSCI_RSP_MEDIATE_DELIVERY)
        card_fill(s, row, true);
    if (s->msg.type == OSCI_RSP_FETCH_PROCESS_CARD) {
        card_fill(s, row, false);
        card_fill(s, row, false);
        s->cards[1].subject = SPAN_NONE;
        s->cards[2].subject = SPAN("");
        s->cards[2].forwarding = s->cards[2].reception = (struct osci_time){0};
    }
}

static void feedback_fill(struct sample *s, bool full)
{
    static const struct osci_feedback entries[] = {
        {SPAN("3800"), SPAN("de"), SPAN("Es gibt <mehr> & mehr\r\n")},
        {SPAN("3800"), SPAN("en-GB"), SPAN("")},
        {SPAN("0800"), SPAN("de"), SPAN("Auftrag ausgef\xc3\xbchrt")},
    };

    if (!osci_type_is_answer(s->msg.type))
        return;
    memcpy(s->feedback, entries, sizeof entries);
    s->msg.feedback = s->feedback + (full ? 0 : 2);
    s->msg.feedback_count = full ? 3 : 1;
}

static void matter_fill(struct sample *s, bool full)
{
    struct osci_message *m = &s->msg;

    switch (m->type) {
    case OSCI_FORWARD_DELIVERY:
    case OSCI_MEDIATE_DELIVERY:
        m->receiver_uri = SPAN(URI);
        /* fall through */
    case OSCI_STORE_DELIVERY:
    case OSCI_RSP_PROCESS_DELIVERY:
    case OSCI_RSP_GET_MESSAGE_ID:
        if (full || m->type == OSCI_STORE_DELIVERY || m->type == OSCI_FORWARD_DELIVERY)
            m->message_id = SPAN("dep_\xc3\xbc<&>");
        if (full && m->type != OSCI_RSP_GET_MESSAGE_ID)
            m->subject = SPAN(SUBJECT);
        break;
    case OSCI_PROCESS_DELIVERY:
        m->message_id_response = full ? SPAN("dep_reply") : SPAN_NONE;
        break;
    case OSCI_FETCH_DELIVERY:
    case OSCI_RSP_FETCH_DELIVERY:
    case OSCI_PARTIAL_FETCH_DELIVERY:
    case OSCI_RSP_PARTIAL_FETCH_DELIVERY:
        if (full)
            m->selection = (struct osci_selection){.by = OSCI_SELECT_RECEPTION,
                                                   .date = SPAN("2026-11-01T00:00:00+01:00")};
        break;
    case OSCI_FETCH_PROCESS_CARD:
        s->ids[0] = SPAN("dep_1");
        s->ids[1] = SPAN("id & \xc3\xa4");
        if (full)
            m->selection = (struct osci_selection){.by = OSCI_SELECT_IDS,
                                                   .ids = s->ids,
                                                   .id_count = ARRAY_LEN(s->ids),
                                                   .has_limit = true,
                                                   .limit = 10};
        break;
    case OSCI_RSP_FETCH_PROCESS_CARD:
        if (full)
            m->selection = (struct osci_selection){.by = OSCI_SELECT_MODIFIED,
                                                   .date = SPAN("2026-11-01T00:00:00Z"),
                                                   .role = SPAN("Addressee"),
                                                   .no_reception = true,
                                                   .has_limit = true,
                                                   .limit = 1};
        break;
    default:
        break;
    }
}

/* What each of the four says; the others say nothing of it. */
static void chunk_fill(struct sample *s, bool full)
{
    struct osci_chunk_info *c = &s->msg.chunk;

    if (!osci_type_is_chunk(s->msg.type))
        return;
    c->present = true;
    c->number = full ? 3 : 0;
    s->msg.features.present = true;
    switch (s->msg.type) {
    case OSCI_PARTIAL_STORE_DELIVERY:
        s->msg.message_id = SPAN("dep_1_Partial");
        s->msg.subject = full ? SPAN(SUBJECT) : SPAN_NONE;
        c->info_only = !full;
        c->size_kb = full ? 50 * 1024 : 0;
        c->total = full ? 4 : 0;
        c->total_size_kb = full ? UINT64_C(1) << 40 : 0;
        break;
    case OSCI_PARTIAL_FETCH_DELIVERY:
        c->size_kb = 1;
        c->received = full ? SPAN("1 2 65536") : SPAN("-1");
        break;
    case OSCI_RSP_PARTIAL_STORE_DELIVERY:
        s->msg.inside_feedback = s->feedback;
        s->msg.inside_feedback_count = full ? 2 : 0;
        c->received = full ? SPAN("2 3") : SPAN("-1");
        c->total = full ? 4 : 0;
        break;
    default:
        s->msg.message_id = full ? SPAN("dep_1") : SPAN_NONE;
        c->total = 4;
        c->total_size_kb = 137;
        break;
    }
}

static void extras_fill(struct sample *s)
{
    s->msg.features = (struct osci_features){
        .present = true,
        .keys = {SPAN("GCMPaddingModus 1.7.0"), SPAN("PartialMessageTransmission 1.8.0"),
                 SPAN("Eigenes")},
        .key_count = 3,
        .min_chunk_kb = 1,
        .max_chunk_kb = 20000,
        .max_message_kb = UINT64_C(5000000000),
        .chunk_timeout = 1440,
    };
    s->customs[0] = (struct osci_custom){
        SPAN("MetaData"),
        SPAN("<x:Meta" CUSTOM_NS " Id=\"MetaData\"><y xmlns=\"urn:y\" a=\"&amp;&#xA;\">1 &lt; 2 "
             "&gt; 0&#xD;\n</y></x:Meta>")};
    s->customs[1] =
        (struct osci_custom){SPAN("other"), SPAN("<x:Other" CUSTOM_NS " Id=\"other\"></x:Other>")};
    s->msg.customs = s->customs;
    s->msg.custom_count = 2;
}

static void package_fill(struct sample *s, const struct osci_type_row *row, bool full)
{
    buf_init(&s->package, 2 * OCTETS);
    if (row->body != OSCI_BODY_PACKAGE && !(full && row->body == OSCI_BODY_MAY_PACKAGE))
        return;
    s->msg.has_package = true;
    if (!full)
        return;
    buf_str(&s->package, "<osci:ContentContainer Id=\"container0\"><osci:Content>"
                         "<osci:Base64Content Id=\"c0\">");
    buf_base64(&s->package, span_of(s->octets.ptr, 100000), 76);
    buf_str(&s->package, "</osci:Base64Content></osci:Content></osci:ContentContainer>");
    s->msg.package = buf_span(&s->package);
}

void sample_init(struct sample *s, enum osci_type type, bool full, bool is_signed)
{
    const struct osci_type_row *row = osci_type_row(type);
    uint32_t x = 1;

    *s = (struct sample){.msg.type = type};
    buf_init(&s->octets, OCTETS);
    for (size_t i = 0; i < OCTETS; i++, x = x * 1664525 + 1013904223)
        buf_char(&s->octets, (char)(x >> 24));
    certs_fill(s, row, full, is_signed);
    control_fill(s, row, full);
    cards_fill(s, row, full);
    feedback_fill(s, full);
    matter_fill(s, full);
    chunk_fill(s, full);
    if (row->qualities == OSCI_QUALITIES_CREATION)
        s->msg.creation = full ? OSCI_QUALITY_CRYPTOGRAPHIC : OSCI_QUALITY_PLAIN;
    if (row->qualities == OSCI_QUALITIES_BOTH ||
        (row->qualities == OSCI_QUALITIES_WITH_ID && s->msg.message_id.ptr != NULL)) {
        s->msg.creation = OSCI_QUALITY_PLAIN;
        s->msg.reception = full ? OSCI_QUALITY_CRYPTOGRAPHIC : OSCI_QUALITY_PLAIN;
    }
    if (full)
        extras_fill(s);
    package_fill(s, row, full);
}

void sample_attach(struct sample *s, const size_t *sizes, size_t count)
{
    static const struct span cids[SAMPLE_ATTACHMENTS_MAX] = {SPAN("a0"),  SPAN("Bild_x0020_1.png"),
                                                             SPAN("a b"), SPAN("\xc3\xa4.pdf"),
                                                             SPAN("a+b"), SPAN("a,b"),
                                                             SPAN("x'y"), SPAN("a&b")};
    struct error err = {0};

    assert_true(count <= SAMPLE_ATTACHMENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct span octets = span_sub(buf_span(&s->octets), i, sizes[i]);
        struct osci_attachment *a = &s->attachments[i];

        assert_int_equal(octets.len, sizes[i]);
        *a = (struct osci_attachment){
            .cid = cids[i], .len = sizes[i], .body = source_span_init(&s->bodies[i], octets)};
        helper_ok(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), octets, &a->digest, &err),
                  &err);
    }
    s->msg.attachments = s->attachments;
    s->msg.attachment_count = count;
}

void sample_deinit(struct sample *s)
{
    for (size_t i = 0; i < s->msg.cert_count; i++)
        cert_free(s->certs[i].cert);
    buf_deinit(&s->octets);
    buf_deinit(&s->package);
}

/* ---- comparing ---- */

#define SAME(a, b) same((a), (b), #a)

static void same(struct span want, struct span got, const char *what)
{
    if ((want.ptr == NULL) != (got.ptr == NULL) || !span_eq(want, got))
        fail_msg("%s: written '%.*s', read '%.*s'", what, SPAN_FMT(want), SPAN_FMT(got));
}

/* Empty and absent are the same where the header says so. */
static void same_or_empty(struct span want, struct span got)
{
    assert_int_equal(want.len, got.len);
    assert_true(span_eq(want, got));
}

static void time_compare(const struct osci_time *a, const struct osci_time *b)
{
    SAME(a->text, b->text);
    assert_int_equal(a->cryptographic, b->cryptographic);
    SAME(a->algorithm, b->algorithm);
}

static void inspection_compare(const struct osci_inspection *a, const struct osci_inspection *b)
{
    time_compare(&a->timestamp, &b->timestamp);
    SAME(a->subject, b->subject);
    SAME(a->issuer, b->issuer);
    SAME(a->serial, b->serial);
    SAME(a->cert_type, b->cert_type);
    assert_int_equal(a->math, b->math);
    assert_int_equal(a->offline, b->offline);
    assert_int_equal(a->online, b->online);
    same_or_empty(a->online_kind, b->online_kind);
    same_or_empty(a->online_evidence, b->online_evidence);
}

static void cards_compare(const struct osci_message *want, const struct osci_message *got)
{
    assert_int_equal(want->card_count, got->card_count);
    for (size_t i = 0; i < want->card_count; i++) {
        const struct osci_card *a = &want->cards[i], *b = &got->cards[i];

        SAME(a->message_id, b->message_id);
        SAME(a->recent_modification, b->recent_modification);
        SAME(a->subject, b->subject);
        time_compare(&a->creation, &b->creation);
        time_compare(&a->forwarding, &b->forwarding);
        time_compare(&a->reception, &b->reception);
        assert_int_equal(a->is_reply, b->is_reply);
        assert_int_equal(a->inspection_count, b->inspection_count);
        for (size_t k = 0; k < a->inspection_count; k++)
            inspection_compare(&a->inspections[k], &b->inspections[k]);
    }
}

static void certs_compare(const struct osci_message *want, const struct osci_message *got)
{
    size_t numbers[OSCI_ROLES] = {0};

    assert_int_equal(want->cert_count, got->cert_count);
    for (size_t i = 0; i < want->cert_count; i++) {
        const struct osci_cert *a = &want->certs[i], *b = NULL;
        struct arena arena;
        struct span id;
        struct error err = {0};

        for (size_t k = 0; k < got->cert_count && b == NULL; k++)
            if (got->certs[k].role == a->role && cert_eq(got->certs[k].cert, a->cert))
                b = &got->certs[k];
        if (b == NULL)
            fail_msg("%s is gone", osci_role_element(a->role));
        arena_init(&arena, 4096);
        helper_ok(osci_cert_id(a->role, numbers[a->role]++, a->cert, &arena, &id, &err), &err);
        SAME(a->id.len > 0 ? a->id : id, b->id);
        arena_deinit(&arena);
    }
}

static void selection_compare(const struct osci_selection *a, const struct osci_selection *b)
{
    assert_int_equal(a->by, b->by);
    assert_int_equal(a->id_count, b->id_count);
    for (size_t i = 0; i < a->id_count; i++)
        SAME(a->ids[i], b->ids[i]);
    SAME(a->date, b->date);
    same_or_empty(a->role, b->role);
    assert_int_equal(a->no_reception, b->no_reception);
    assert_int_equal(a->has_limit, b->has_limit);
    assert_int_equal(a->limit, b->limit);
}

static void features_compare(const struct osci_features *a, const struct osci_features *b)
{
    assert_int_equal(a->present, b->present);
    assert_int_equal(a->key_count, b->key_count);
    for (size_t i = 0; i < a->key_count; i++)
        SAME(span_sub(a->keys[i], 0, b->keys[i].len), b->keys[i]); /* the version stays out */
    assert_int_equal(a->min_chunk_kb, b->min_chunk_kb);
    assert_int_equal(a->max_chunk_kb, b->max_chunk_kb);
    assert_int_equal(a->max_message_kb, b->max_message_kb);
    assert_int_equal(a->chunk_timeout, b->chunk_timeout);
}

static void feedback_compare(const struct osci_feedback *a, size_t a_count,
                             const struct osci_feedback *b, size_t b_count)
{
    assert_int_equal(a_count, b_count);
    for (size_t i = 0; i < a_count; i++) {
        SAME(a[i].code, b[i].code);
        SAME(a[i].lang, b[i].lang);
        SAME(a[i].text, b[i].text);
    }
}

static void chunk_compare(const struct osci_chunk_info *a, const struct osci_chunk_info *b)
{
    assert_int_equal(a->present, b->present);
    assert_int_equal(a->info_only, b->info_only);
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->size_kb, b->size_kb);
    assert_int_equal(a->total, b->total);
    assert_int_equal(a->total_size_kb, b->total_size_kb);
    SAME(a->received, b->received);
}

static void attachments_compare(const struct osci_message *want, const struct osci_reading *reading)
{
    const struct osci_message *got = &reading->msg;

    assert_int_equal(want->attachment_count, got->attachment_count);
    for (size_t i = 0; i < want->attachment_count; i++) {
        const struct osci_attachment *a = &want->attachments[i], *b = &got->attachments[i];
        AUTO(buf_deinit) struct buf wrote = {.max = OCTETS}, read = {.max = OCTETS};
        struct sink_buf sink;
        struct error err = {0};

        SAME(a->cid, b->cid);
        assert_int_equal(a->len, b->len);
        SAME(digest_span(&a->digest), digest_span(&b->digest));
        helper_ok(source_read_all(a->body, &wrote, &err), &err);
        helper_ok(osci_attachment_copy(reading, i, sink_buf_init(&sink, &read), &err), &err);
        same_or_empty(buf_span(&wrote), buf_span(&read));
    }
}

void sample_compare(const struct osci_message *want, const struct osci_reading *reading)
{
    const struct osci_message *got = &reading->msg;
    AUTO(buf_deinit) struct buf package = {.max = XML_BYTES_MAX};
    struct error err = {0};

    assert_int_equal(want->type, got->type);
    SAME(want->control.response, got->control.response);
    SAME(want->control.challenge, got->control.challenge);
    SAME(want->control.conversation_id, got->control.conversation_id);
    assert_int_equal(want->control.has_sequence, got->control.has_sequence);
    assert_true(want->control.sequence == got->control.sequence);
    same_or_empty(want->languages, got->languages);
    assert_int_equal(want->creation, got->creation);
    assert_int_equal(want->reception, got->reception);
    SAME(want->message_id, got->message_id);
    SAME(want->message_id_response, got->message_id_response);
    SAME(want->subject, got->subject);
    SAME(want->receiver_uri, got->receiver_uri);
    selection_compare(&want->selection, &got->selection);
    feedback_compare(want->feedback, want->feedback_count, got->feedback, got->feedback_count);
    feedback_compare(want->inside_feedback, want->inside_feedback_count, got->inside_feedback,
                     got->inside_feedback_count);
    chunk_compare(&want->chunk, &got->chunk);
    cards_compare(want, got);
    certs_compare(want, got);
    features_compare(&want->features, &got->features);
    attachments_compare(want, reading);
    assert_int_equal(want->custom_count, got->custom_count);
    for (size_t i = 0; i < want->custom_count; i++) {
        SAME(want->customs[i].id, got->customs[i].id);
        SAME(want->customs[i].xml, got->customs[i].xml);
    }
    assert_int_equal(want->has_package, got->has_package);
    if (want->has_package)
        helper_ok(osci_package_move(reading->package, &package, &err), &err);
    same_or_empty(want->package, buf_span(&package));
}
