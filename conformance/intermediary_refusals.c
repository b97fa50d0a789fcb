/*
 * Orders that are right but for one thing, each a row: what is wrong, and the codes that may answer
 * it. Rows without codes are not wrong, only unusual, and have to be executed.
 */
#include "conformance/role_intermediary.h"

#include <stdio.h>

#include "conformance/alteration.h"

#define ONE(a, b)                                                                                  \
    {                                                                                              \
        .from = (a), .to = (b)                                                                     \
    }
#define EDITS(...) ((const struct conf_edit[]){__VA_ARGS__, ONE(NULL, NULL)})
#define ANY "*" /* any refusal */
/* What is no OSCI message as such is 9100; what is found out only after deciphering may be called
 * an order that is none, 9300 (digest 2.0.3). Such rows are tried in the clear as well. */
#define FORM "9100 9300"
#define DSIG_MORE "http://www.w3.org/2001/04/xmldsig-more#"
enum base { GET_ID, STORE };

struct row {
    unsigned number;
    const char *name;
    enum base base;
    const char *codes; /* blank-separated, ANY, or NULL: it has to be executed */
    struct conf_forge forge;
    const char *party; /* NULL: originator */
};

/* What the table that all roles share (alteration.h) has not. */
static const struct row further_rows[] = {
    {.number = 8,
     .name = "a Quality that the schema does not know",
     .base = STORE,
     .codes = "9300",
     .forge = {.before = EDITS(ONE("Quality=\"plain\"", "Quality=\"shiny\""))}},
    {.number = 8,
     .name = "an attribute that the schema does not know",
     .base = GET_ID,
     .codes = "9300",
     .forge = {.before = EDITS(ONE("LanguagesList=", "Surprise=\"yes\" LanguagesList="))}},
    {.number = 11,
     .name = "a second DesiredLanguages",
     .base = GET_ID,
     .codes = FORM,
     .forge = {.before = EDITS(ONE("</soap:Header>",
                                   "<osci:DesiredLanguages Id=\"second\" LanguagesList=\"de\">"
                                   "</osci:DesiredLanguages></soap:Header>"))}},
    {.number = 17,
     .name = "a block changed after signing",
     .base = GET_ID,
     .codes = "9601",
     .forge = {.after = EDITS(ONE("LanguagesList=\"de en\"", "LanguagesList=\"en de\""))}},
    {.number = 19,
     .name = "FeatureDescription not signed",
     .base = STORE,
     .codes = "9602",
     .forge = {.leave_out = "#featuredescription"}},
    {.number = 19,
     .name = "QualityOfTimestamp not signed",
     .base = STORE,
     .codes = "9602",
     .forge = {.leave_out = "#qualityoftimestamp_reception"}},
    {.number = 24,
     .name = "ECDSA, r and s",
     .base = GET_ID,
     .party = "elliptic",
     .forge = {.signature = DSIG_MORE "ecdsa-sha256"}},
    {.number = 24,
     .name = "ECDSA in DER",
     .base = GET_ID,
     .codes = ANY,
     .party = "elliptic",
     .forge = {.signature = DSIG_MORE "ecdsa-sha256", .der_ecdsa = true}},
    {.number = 29,
     .name = "a certificate that must not sign",
     .base = GET_ID,
     .codes = ANY,
     .party = "misused"},
    {.number = 42,
     .name = "a feature that nobody knows",
     .base = GET_ID,
     .forge = {.before = EDITS(
                   ONE("</soap:Header>",
                       "<osci2017:FeatureDescription xmlns:osci2017=\"" OSCI17_NS
                       "\" Id=\"featuredescription\"><osci2017:SupportedFeatures>"
                       "<osci2017:Feature Key=\"FlyingCarpet\" Version=\"7\"></osci2017:Feature>"
                       "<osci2017:Feature Key=\"Support96Bit12ByteIV\" Version=\"1.9.0\">"
                       "</osci2017:Feature>"
                       "</osci2017:SupportedFeatures></osci2017:FeatureDescription>"
                       "</soap:Header>"))}},
    {.number = 63,
     .name = "broken ciphertext",
     .base = GET_ID,
     .codes = "9202",
     .forge = {.envelope = {.flip = CONF_FLIP_TEXT}}},
};

/* ---- running them ---- */

struct trial {
    struct conf_client client;
    struct osci_message order;
    struct conf_delivery delivery;
    const struct osci_message *msg;
};

static void trial_deinit(struct trial *t)
{
    conf_delivery_deinit(&t->delivery);
}

static enum status trial_make(struct conf_run *run, const struct row *row, struct trial *t,
                              struct error *err)
{
    char id[CONF_CONTROL_MAX];

    TRY(conf_client_init(&t->client, run, row->party != NULL ? row->party : "originator", err));
    if (row->base == GET_ID) {
        TRY(conf_client_order(&t->client, OSCI_GET_MESSAGE_ID, &t->order, err));
        t->msg = &t->order;
        return ST_OK;
    }
    TRY(conf_client_id(&t->client, id, err));
    TRY(conf_client_delivery(&t->client, OSCI_STORE_DELIVERY, "addressee", id, &t->delivery, err));
    t->delivery.msg.features = (struct osci_features){
        .present = true,
        .keys = {SPAN("GCMPaddingModus 1.7.0"), SPAN("Support96Bit12ByteIV 1.9.0")},
        .key_count = 2};
    t->delivery.msg.message_id = arena_span(&t->delivery.arena, span_str(id));
    t->msg = &t->delivery.msg;
    return ST_OK;
}

static bool expected(const struct row *row, const struct conf_got *got)
{
    if (row->codes == NULL)
        return got->readable && got->fault == 0 && (got->code[0] == '0' || got->code[0] == '3');
    if (strcmp(row->codes, ANY) == 0)
        return conf_got_refused(got);
    return got->code[0] != '\0' && strstr(row->codes, got->code) != NULL;
}

static enum status rows_run(struct conf_run *run, const struct row *rows, size_t count,
                            struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        AUTO(trial_deinit) struct trial t = {0};
        AUTO(conf_got_deinit) struct conf_got got = {0};

        TRY(trial_make(run, row, &t, err));
        TRY(conf_client_send(&t.client, t.msg, &row->forge, &got, err));
        (void)conf_check(run, row->number, expected(row, &got), "%s: %s instead of %s", row->name,
                         got.what,
                         row->codes == NULL             ? "success"
                         : strcmp(row->codes, ANY) == 0 ? "a refusal"
                                                        : row->codes);
    }
    return ST_OK;
}

static enum status further(struct conf_run *run, struct error *err)
{
    return rows_run(run, further_rows, ARRAY_LEN(further_rows), err);
}

/* The shared table, as storeDelivery. */
static enum status alterations(struct conf_run *run, struct error *err)
{
    static const struct row store = {.base = STORE};
    size_t count;
    const struct conf_alteration *all = conf_alterations(&count);

    for (size_t i = 0; i < count; i++) {
        const struct conf_alteration *alt = &all[i];
        const char *codes =
            alt->setting != NULL && conf_set(run, alt->setting) != NULL ? NULL : alt->codes;
        AUTO(trial_deinit) struct trial t = {0};
        AUTO(conf_got_deinit) struct conf_got got = {0};
        AUTO(buf_deinit) struct buf wire = {0};

        TRY(trial_make(run, &store, &t, err));
        if (!conf_alteration_fits(alt, t.msg))
            continue;
        buf_init(&wire, CONF_WIRE_MAX);
        TRY(conf_alter(alt, &t.delivery.msg, &(struct conf_hop){t.client.party, t.client.peer},
                       &wire, err));
        TRY(conf_client_post(&t.client, buf_span(&wire), &got, err));
        (void)conf_check(run, alt->number, conf_code_allowed(codes, got.code),
                         "%s: %s instead of %s", alt->name, got.what,
                         codes == NULL ? "success" : codes);
    }
    return ST_OK;
}

/* ---- those that need more than a row ---- */

/* The same message in the clear: what is wrong with its form is found before anything else. */
static enum status in_the_clear(struct conf_run *run, const struct row *row, struct span plain,
                                struct error *err)
{
    struct conf_client c;
    AUTO(conf_got_deinit) struct conf_got got = {0};

    TRY(conf_client_init(&c, run, "originator", err));
    TRY(conf_client_ask(&c, plain, &got, err));
    (void)conf_check(run, row->number, conf_got_code(&got, "9100"),
                     "%s, in the clear: %s instead of 9100", row->name, got.what);
    return ST_OK;
}

static const struct row other_type_row = {
    .number = 6,
    .name = "another type's schemaLocation",
    .base = GET_ID,
    .codes = FORM,
    .forge = {.before = EDITS(ONE("soapGetMessageId.xsd", "soapExitDialog.xsd"))}};

static enum status other_type(struct conf_run *run, struct error *err)
{
    const struct row row = other_type_row;
    AUTO(trial_deinit) struct trial t = {0};
    AUTO(buf_deinit) struct buf plain = {0};

    TRY(rows_run(run, &row, 1, err));
    TRY(trial_make(run, &row, &t, err));
    t.client.plain = true;
    t.client.unsign = true; /* nothing of it fits the other type's header blocks */
    t.order.cert_count = 0;
    TRY(conf_client_write(&t.client, t.msg, &row.forge, &plain, err));
    return in_the_clear(run, &row, buf_span(&plain), err);
}

/* A byte of an attachment is another one after signing. */
static enum status flipped_attachment(struct conf_run *run, struct error *err)
{
    static const struct row row = {.number = 17,
                                   .name = "an attachment changed after signing",
                                   .base = STORE,
                                   .codes = "9601"};
    struct conf_frame frame;
    AUTO(trial_deinit) struct trial t = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};
    AUTO(buf_deinit) struct buf plain = {0};
    AUTO(buf_deinit) struct buf wire = {0};

    TRY(trial_make(run, &row, &t, err));
    t.client.plain = true;
    TRY(conf_client_write(&t.client, t.msg, NULL, &plain, err));
    t.client.plain = false;
    if (conf_frame_read(buf_span(&plain), &frame) != NULL || frame.count < 2)
        return error_set(err, ST_INTERNAL, 0, "a delivery without attachment");
    plain.ptr[frame.parts[1].body.ptr - plain.ptr + 20] ^= 1;
    TRY(conf_client_seal(&t.client, buf_span(&plain), &wire, err));
    TRY(conf_client_post(&t.client, buf_span(&wire), &got, err));
    (void)conf_check(run, row.number, expected(&row, &got), "%s: %s", row.name, got.what);
    return ST_OK;
}

/* A certificate's Id is the body's as well. */
static enum status twin_ids(struct conf_run *run, struct error *err)
{
    static const struct row row = {
        .number = 10, .name = "two elements with one Id", .base = GET_ID, .codes = ANY};
    AUTO(trial_deinit) struct trial t = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};

    TRY(trial_make(run, &row, &t, err));
    t.client.certs[0].id = SPAN("body");
    TRY(conf_client_send(&t.client, t.msg, NULL, &got, err));
    (void)conf_check(run, row.number, expected(&row, &got), "%s: %s", row.name, got.what);
    return ST_OK;
}

/* The last part once more, with the same Content-ID. */
static enum status twin_parts(struct conf_run *run, struct error *err)
{
    static const struct row row = {
        .number = 4, .name = "two parts with one Content-ID", .base = STORE, .codes = FORM};
    struct conf_frame frame;
    AUTO(trial_deinit) struct trial t = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};
    AUTO(buf_deinit) struct buf plain = {0};
    AUTO(buf_deinit) struct buf wire = {0};
    AUTO(buf_deinit) struct buf twins = {0};

    TRY(trial_make(run, &row, &t, err));
    t.client.plain = true;
    TRY(conf_client_write(&t.client, t.msg, NULL, &plain, err));
    t.client.plain = false;
    if (conf_frame_read(buf_span(&plain), &frame) != NULL || frame.count < 2)
        return error_set(err, ST_INTERNAL, 0, "a delivery without attachment");
    buf_init(&twins, CONF_WIRE_MAX);
    buf_add(&twins,
            span_sub(buf_span(&plain), 0,
                     (size_t)(frame.parts[1].body.ptr - plain.ptr) + frame.parts[1].body.len));
    buf_printf(&twins, "\r\n--%s\r\n%.*s\r\n", frame.boundary, SPAN_FMT(frame.parts[1].head));
    buf_add(&twins, frame.parts[1].body);
    buf_printf(&twins, "\r\n--%s--\r\n", frame.boundary);
    TRY(conf_client_seal(&t.client, buf_span(&twins), &wire, err));
    TRY(conf_client_post(&t.client, buf_span(&wire), &got, err));
    (void)conf_check(run, row.number, expected(&row, &got), "%s: %s", row.name, got.what);
    return in_the_clear(run, &row, buf_span(&twins), err);
}

static void nobody(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    (void)ctx;
    (void)request;
    answer->status = 404;
}

/* A DOCTYPE with an external subset at our own door. */
static enum status doctype(struct conf_run *run, struct error *err)
{
    static const struct row row = {.number = 9, .name = "DOCTYPE", .base = GET_ID, .codes = FORM};
    AUTO(trial_deinit) struct trial t = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};
    AUTO(conf_listener_drop) struct conf_listener *door = NULL;
    AUTO(buf_deinit) struct buf plain = {0};
    char to[160];
    const struct conf_edit edits[] = {ONE("encoding=\"UTF-8\"?>", to), ONE(NULL, NULL)};
    const struct conf_forge forge = {.after = edits};

    TRY(conf_listen(run, 0, nobody, NULL, &door, err));
    (void)snprintf(to, sizeof to,
                   "encoding=\"UTF-8\"?><!DOCTYPE soap:Envelope SYSTEM \"http://127.0.0.1:%u/x\">",
                   conf_listener_port(door));
    TRY(trial_make(run, &row, &t, err));
    TRY(conf_client_send(&t.client, t.msg, &forge, &got, err));
    (void)conf_check(run, row.number, expected(&row, &got), "%s: %s", row.name, got.what);
    t.client.plain = true;
    TRY(conf_client_write(&t.client, t.msg, &forge, &plain, err));
    TRY(in_the_clear(run, &row, buf_span(&plain), err));
    (void)conf_check(run, row.number, conf_listener_connections(door) == 0,
                     "the external subset was asked for");
    return ST_OK;
}

static enum status foreign_envelope(struct conf_run *run, struct error *err)
{
    static const struct row row = {
        .number = 63, .name = "for a foreign certificate", .base = GET_ID, .codes = "9200"};
    struct conf_forge forge = {.encrypt_for = conf_party(run, "other")->cipher};
    AUTO(trial_deinit) struct trial t = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};

    TRY(trial_make(run, &row, &t, err));
    TRY(conf_client_send(&t.client, t.msg, &forge, &got, err));
    (void)conf_check(run, row.number, expected(&row, &got) && got.fault == 9200,
                     "%s: %s instead of fault 9200", row.name, got.what);
    return ST_OK;
}

/* What went wrong inside must not show: the answers are the same but for what chance makes. */
static enum status oracle(struct conf_run *run, struct error *err)
{
    static const struct conf_envelope spoilt[] = {
        {.cipher = "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
         .key_transport = "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
         .bad_key = true},
        {.cipher = "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
         .key_transport = "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
         .bad_padding = true},
        {.cipher = "http://www.w3.org/2001/04/xmlenc#aes256-cbc", .bad_padding = true},
        {.cipher = "http://www.w3.org/2001/04/xmlenc#aes256-cbc", .flip = CONF_FLIP_TEXT},
        {.bad_key = true},
        {.flip = CONF_FLIP_TAG},
    };
    static const struct row row = {.number = 40, .name = "oracle", .base = GET_ID, .codes = "9202"};
    AUTO(buf_deinit) struct buf first = {0};

    buf_init(&first, CONF_WIRE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
        const struct conf_forge forge = {.envelope = spoilt[i]};
        AUTO(trial_deinit) struct trial t = {0};
        AUTO(conf_got_deinit) struct conf_got got = {0};
        struct span xml;

        TRY(trial_make(run, &row, &t, err));
        TRY(conf_client_send(&t.client, t.msg, &forge, &got, err));
        xml = got.readable ? got.view.outer.parts[0].body : SPAN_NONE;
        (void)conf_check(run, row.number, expected(&row, &got), "variant %zu: %s", i, got.what);
        if (i == 0)
            buf_add(&first, xml);
        else
            (void)conf_check(run, row.number, span_eq(buf_span(&first), xml),
                             "variant %zu is answered in other words", i);
    }
    return ST_OK;
}

/* Encrypted, and nobody to encrypt the answer for. */
static enum status no_client_cipher(struct conf_run *run, struct error *err)
{
    static const struct row row = {
        .number = 67, .name = "no cipher certificate", .base = GET_ID, .codes = "9500"};
    AUTO(trial_deinit) struct trial t = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};

    TRY(trial_make(run, &row, &t, err));
    t.client.certs[0] = t.client.certs[1];
    t.order.cert_count = 1;
    TRY(conf_client_send(&t.client, t.msg, NULL, &got, err));
    (void)conf_check(run, row.number, expected(&row, &got) && got.fault == 9500,
                     "%s: %s instead of fault 9500", row.name, got.what);
    return ST_OK;
}

struct conf_scenario_list conf_intermediary_refusals(void)
{
    static const struct conf_scenario scenarios[] = {
        {"alterations", alterations, {3,  4,  6,  8,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                                      21, 22, 25, 26, 27, 29, 30, 31, 32, 33, 34, 37, 38, 39}},
        {"further", further, {8, 11, 17, 19, 24, 29, 42, 63}},
        {"other-type", other_type, {6}},
        {"flipped-attachment", flipped_attachment, {17}},
        {"twin-ids", twin_ids, {10}},
        {"twin-parts", twin_parts, {4}},
        {"doctype", doctype, {9}},
        {"foreign-envelope", foreign_envelope, {63}},
        {"oracle", oracle, {40}},
        {"no-client-cipher", no_client_cipher, {67}},
    };

    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
