#include <stdio.h>
#include <string.h>

#include "conformance/recipient.h"
#include "crypto/base/xml.h"

/* ---- OSCI-092, 093 and everything that an answer shows ---- */

/* The ControlBlock of an answer to us. */
static bool control_good(const struct conf_visit *visit)
{
    const xmlNode *control = conf_view_block(&visit->view, "ControlBlock");
    char response[64], text[64];

    (void)conf_node_text(conf_node_below(control, "Response"), response, sizeof response);
    return strcmp(response, visit->d.challenge) == 0 &&
           conf_node_below(control, "Challenge") == NULL &&
           conf_node_attr(control, "ConversationId", text, sizeof text)[0] == '\0' &&
           conf_node_attr(control, "SequenceNumber", text, sizeof text)[0] == '\0';
}

static void kept_look(struct conf_run *run, unsigned number, const struct conf_visit *visit,
                      size_t expected)
{
    size_t kept = conf_visit_kept(run, visit, expected > 0);

    if (kept != SIZE_MAX)
        (void)conf_check(run, number, kept == expected,
                         "%zu contents of the delivery were handed over instead of %zu", kept,
                         expected);
}

/* Signed and enciphered as it was asked. */
static enum status answer_as_asked(struct conf_run *run, bool is_signed, bool encrypted,
                                   struct error *err)
{
    AUTO(conf_visit_deinit) struct conf_visit visit = {0};
    const struct conf_party *us = conf_party(run, "intermediary");
    struct conf_forge forge = {0};

    TRY(conf_visit_make(run, &visit, OSCI_ACCEPT_DELIVERY, err));
    forge.msg = &visit.d.msg;
    forge.sign_key = is_signed ? us->signature_key : NULL;
    forge.encrypt_for = encrypted ? conf_party(run, "recipient")->cipher : NULL;
    TRY(conf_forge(&forge, &visit.wire, err));
    TRY(conf_visit_post(run, &visit, err));
    (void)conf_check(run, 93, visit.answered, "no answer: %s", visit.why);
    if (!visit.answered || conf_view_is_fault(&visit.view))
        return ST_OK; /* it does not take such orders at all */
    (void)conf_check(run, 93,
                     (conf_view_block(&visit.view, "SupplierSignature") != NULL) == is_signed,
                     "an order that was %ssigned got an answer that is%s", is_signed ? "" : "not ",
                     is_signed ? " not" : "");
    (void)conf_check(run, 93, visit.view.encrypted == encrypted,
                     "an order that was %senciphered got an answer that is%s",
                     encrypted ? "" : "not ", encrypted ? " not" : "");
    return ST_OK;
}

enum status conf_recipient_accept(struct conf_run *run, struct error *err)
{
    AUTO(conf_visit_deinit) struct conf_visit visit = {0};
    AUTO(cert_drop) struct cert *shown = NULL;
    const struct conf_party *recipient = conf_party(run, "recipient");
    const char *wrong;

    TRY(conf_visit(run, &visit, NULL, err));
    if (!conf_check(run, 92, visit.answered, "no answer: %s", visit.why))
        return error_set(err, ST_RETRY, 0, "no answer to an acceptDelivery: %s", visit.why);
    (void)conf_check(run, 92, conf_code_allowed(NULL, visit.code), "answered with %s", visit.code);
    (void)conf_check(run, 92, visit.reply.status == 200, "HTTP status %d", visit.reply.status);
    (void)conf_check(run, 92, control_good(&visit),
                     "the ControlBlock of the answer is not Response alone");
    kept_look(run, 92, &visit, 1 + visit.d.msg.attachment_count);
    shown = conf_view_cert(&visit.view, "SignatureCertificateAddressee");
    (void)conf_check(run, 93, shown != NULL && cert_eq(shown, recipient->signature),
                     "SignatureCertificateAddressee is not the recipient's");
    (void)conf_check(run, 93, visit.view.encrypted, "the answer is not enciphered");
    wrong = conf_view_signature(&visit.view, recipient->signature);
    (void)conf_check(run, 93, wrong == NULL, "%s", wrong);
    conf_structure_look(run, &visit.view, recipient->signature);
    TRY(answer_as_asked(run, false, true, err));
    TRY(answer_as_asked(run, true, false, err));
    return answer_as_asked(run, false, false, err);
}

/* ---- OSCI-035 ---- */

enum status conf_recipient_readers(struct conf_run *run, struct error *err)
{
    AUTO(conf_visit_deinit) struct conf_visit visit = {0};
    const struct conf_delivery_want want = {.type = OSCI_ACCEPT_DELIVERY,
                                            .originator = conf_party(run, "originator"),
                                            .addressee = conf_party(run, "recipient"),
                                            .intermediary = conf_party(run, "intermediary"),
                                            .reader = conf_party(run, "reader")};

    buf_init(&visit.wire, CONF_WIRE_MAX);
    TRY(conf_delivery_make(run, &visit.d, &want, err));
    TRY(conf_visit_write(run, &visit, NULL, err));
    TRY(conf_visit_post(run, &visit, err));
    (void)conf_check(run, 35, conf_code_allowed(NULL, visit.code), "answered with %s", visit.code);
    if (conf_set(run, "inbox") == NULL)
        conf_untestable(run, 35, "Ohne die Einstellung inbox ist nicht zu sehen, was gelesen wurde",
                        "without the setting inbox nobody sees what was read");
    kept_look(run, 35, &visit, 1 + visit.d.msg.attachment_count);
    return ST_OK;
}

/* ---- OSCI-024 ---- */

/* An intermediary with a key on an elliptic curve, which the recipient must know. */
static enum status elliptic_post(struct conf_run *run, bool der, struct error *err)
{
    AUTO(conf_visit_deinit) struct conf_visit visit = {0};
    const struct conf_party *us = conf_party(run, "elliptic");
    const struct conf_delivery_want want = {.type = OSCI_ACCEPT_DELIVERY,
                                            .originator = conf_party(run, "originator"),
                                            .addressee = conf_party(run, "recipient"),
                                            .intermediary = us};
    struct conf_forge forge = {.sign_key = us->signature_key,
                               .signature = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
                               .der_ecdsa = der,
                               .encrypt_for = want.addressee->cipher};

    buf_init(&visit.wire, CONF_WIRE_MAX);
    TRY(conf_delivery_make(run, &visit.d, &want, err));
    forge.msg = &visit.d.msg;
    TRY(conf_forge(&forge, &visit.wire, err));
    TRY(conf_visit_post_as(run, &visit, us, err));
    if (!der)
        (void)conf_check(run, 24, conf_code_allowed(NULL, visit.code),
                         "r and s in fixed length: answered with %s",
                         visit.answered ? visit.code : visit.why);
    else
        (void)conf_check(run, 24, visit.answered && !conf_code_allowed(NULL, visit.code),
                         "a value in DER was taken");
    return ST_OK;
}

enum status conf_recipient_elliptic(struct conf_run *run, struct error *err)
{
    if (conf_set(run, "elliptic") == NULL)
        return error_set(err, ST_NOT_FOUND, 0,
                         "the recipient must know the intermediary elliptic (--set elliptic=1)");
    TRY(elliptic_post(run, false, err));
    return elliptic_post(run, true, err);
}

/* ---- OSCI-042 ---- */

enum status conf_recipient_features(struct conf_run *run, struct error *err)
{
    AUTO(conf_visit_deinit) struct conf_visit visit = {0};
    const char *wrong;

    TRY(conf_visit_make(run, &visit, OSCI_ACCEPT_DELIVERY, err));
    visit.d.msg.features = (struct osci_features){
        .present = true,
        .keys = {SPAN("KonformitaetMitAllem 0.0.1"), SPAN("Support96Bit12ByteIV 1.9.0")},
        .key_count = 2};
    TRY(conf_visit_write(run, &visit, NULL, err));
    TRY(conf_visit_post(run, &visit, err));
    (void)conf_check(run, 42, conf_code_allowed(NULL, visit.code),
                     "an unknown feature was answered with %s", visit.code);
    wrong = visit.answered ? conf_structure_envelope(&visit.view) : visit.why;
    (void)conf_check(run, 42, wrong == NULL, "without the usual features: %s", wrong);
    return ST_OK;
}

/* ---- OSCI-095 to 097 ---- */

enum status conf_recipient_twice(struct conf_run *run, struct error *err)
{
    AUTO(conf_visit_deinit) struct conf_visit visit = {0};

    TRY(conf_visit(run, &visit, NULL, err));
    (void)conf_check(run, 95, conf_code_allowed(NULL, visit.code), "at first: %s", visit.code);
    kept_look(run, 95, &visit, 1 + visit.d.msg.attachment_count);
    TRY(conf_visit_write(run, &visit, NULL, err));
    TRY(conf_visit_post(run, &visit, err));
    (void)conf_check(run, 95, conf_code_allowed(NULL, visit.code), "the second time: %s",
                     visit.code);
    if (conf_set(run, "inbox") == NULL)
        conf_untestable(run, 95,
                        "Ohne die Einstellung inbox ist nicht zu sehen, was behalten wurde",
                        "without the setting inbox nobody sees what was kept");
    conf_sleep(2000);
    kept_look(run, 95, &visit, 1 + visit.d.msg.attachment_count);
    return ST_OK;
}

enum status conf_recipient_foreign(struct conf_run *run, struct error *err)
{
    AUTO(conf_visit_deinit) struct conf_visit visit = {0};
    const struct conf_hop hop = {conf_party(run, "intermediary"), conf_party(run, "stranger")};
    static const struct conf_alteration none = {.name = "for somebody else"};

    TRY(conf_visit_make(run, &visit, OSCI_ACCEPT_DELIVERY, err));
    TRY(conf_alter(&none, &visit.d.msg, &hop, &visit.wire, err));
    TRY(conf_visit_post(run, &visit, err));
    (void)conf_check(run, 96,
                     visit.answered && conf_view_is_fault(&visit.view) &&
                         strcmp(visit.code, "9200") == 0,
                     "%s", visit.answered ? visit.code : visit.why);
    kept_look(run, 96, &visit, 0);
    return ST_OK;
}

enum status conf_recipient_tampered(struct conf_run *run, struct error *err)
{
    static const struct conf_alteration spoilt[] = {
        {.name = "a body changed", .after = {{"Id=\"body\">", "Id=\"body\"> ", false}}},
        {.name = "a body not signed", .leave_out = "#body"},
    };

    for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
        AUTO(conf_visit_deinit) struct conf_visit visit = {0};

        TRY(conf_visit(run, &visit, &spoilt[i], err));
        (void)conf_check(run, 97, visit.answered && !conf_view_is_fault(&visit.view),
                         "%s: no regular answer, but %s", spoilt[i].name,
                         visit.answered ? visit.code : visit.why);
        (void)conf_check(run, 97,
                         strcmp(visit.code, "9601") == 0 || strcmp(visit.code, "9602") == 0,
                         "%s: answered with %s", spoilt[i].name, visit.code);
        conf_sleep(500);
        kept_look(run, 97, &visit, 0);
    }
    return ST_OK;
}

/* ---- OSCI-094 ---- */

static void reply_look(struct conf_run *run, const struct conf_visit *visit, const char *reply_id)
{
    const struct conf_party *recipient = conf_party(run, "recipient");
    const xmlNode *answer = conf_view_block(&visit->view, "responseToProcessDelivery");
    const xmlNode *header = xml_child(xml_root(visit->view.doc), SOAP_NS, "Header");
    AUTO(cert_drop) struct cert *originator = NULL;
    AUTO(buf_deinit) struct buf id = {0};
    size_t qualities = conf_node_count(header, "QualityOfTimestamp");

    originator = conf_view_cert(&visit->view, "CipherCertificateOriginator");
    (void)conf_check(run, 94, originator != NULL && cert_eq(originator, recipient->cipher),
                     "the originator of the reply is not the recipient");
    conf_node_bytes(conf_node_below(answer, "MessageId"), &id);
    (void)conf_check(run, 94, span_is(buf_span(&id), reply_id),
                     "MessageId is not MessageIdResponse");
    (void)conf_check(run, 94, qualities == 2, "%zu QualityOfTimestamp", qualities);
}

/* The reply's contents, as who asked reads them. */
static void contents_look(struct conf_run *run, struct conf_visit *visit)
{
    const struct conf_party *asker = conf_party(run, "originator");
    const struct conf_pair own = {asker->cipher, asker->cipher_key};
    size_t contents = 0;
    const char *wrong =
        conf_view_contents(&visit->view, &own, conf_party(run, "recipient")->signature, &contents);

    if (wrong == NULL && contents == 0)
        conf_untestable(run, 28, "Die Antwort hat keine Inhalte", "the reply has no contents");
    else
        (void)conf_check(run, 28, wrong == NULL, "%s", wrong);
}

enum status conf_recipient_process(struct conf_run *run, struct error *err)
{
    AUTO(conf_visit_deinit) struct conf_visit visit = {0};
    char reply_id[CONF_MARKER_SIZE];
    const char *wrong;

    conf_marker(run, reply_id);
    TRY(conf_visit_make(run, &visit, OSCI_PROCESS_DELIVERY, err));
    visit.d.msg.message_id_response = span_str(reply_id);
    TRY(conf_visit_write(run, &visit, NULL, err));
    TRY(conf_visit_post(run, &visit, err));
    if (!visit.answered) {
        (void)conf_check(run, 94, false, "no answer: %s", visit.why);
        return ST_OK;
    }
    if (!conf_code_allowed(NULL, visit.code)) {
        conf_untestable(run, 94, "Der Empfänger beantwortet keine processDelivery",
                        "the recipient answers no processDelivery");
        conf_untestable(run, 28, "Der Empfänger sendet keine Inhalte",
                        "the recipient sends no contents");
        conf_untestable(run, 41, "Der Empfänger sendet keine Inhalte",
                        "the recipient sends no contents");
        return ST_OK;
    }
    reply_look(run, &visit, reply_id);
    wrong = conf_structure_check(&visit.view);
    (void)conf_check(run, 7, wrong == NULL, "%s", wrong);
    wrong = conf_view_signature(&visit.view, conf_party(run, "recipient")->signature);
    (void)conf_check(run, 93, wrong == NULL, "%s", wrong);
    wrong = conf_structure_keys(&visit.view);
    (void)conf_check(run, 41, wrong == NULL, "%s", wrong);
    contents_look(run, &visit);
    return ST_OK;
}
