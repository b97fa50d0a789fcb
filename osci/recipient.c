#include "osci/recipient.h"

#include <assert.h>
#include <stdio.h>

#include "certs/inspect.h"
#include "osci/features.h"
#include "osci/feedback.h"
#include "osci/types.h"

enum { ARENA_MAX = 8 * 1024 * 1024, CERTS_ROOM = 4 };

/* One order being looked at. */
struct look {
    const struct osci_recipient *r;
    const struct osci_request *request;
    const struct osci_reading *reading;
    const struct osci_message *msg;
    int64_t now;
    struct osci_visit *v;
    bool verified;      /* the message signature is */
    struct error later; /* what is to be said once it is; status ST_OK: nothing */
};

static void warn(struct osci_visit *v, int code)
{
    for (size_t i = 0; i < v->warning_count; i++)
        if (v->warnings[i] == code)
            return;
    if (v->warning_count < OSCI_VISIT_WARNINGS)
        v->warnings[v->warning_count++] = code;
}

static enum status copy(struct osci_visit *v, struct span from, struct span *to, struct error *err)
{
    *to = from;
    if (from.ptr == NULL)
        return ST_OK;
    to->ptr = (const uint8_t *)arena_str(&v->arena, from);
    TRY_ALLOC(to->ptr, err);
    return ST_OK;
}

static struct cert *cert_shown(const struct osci_message *msg, enum osci_role role)
{
    const struct osci_cert *c = osci_cert_of(msg, role);

    return c == NULL ? NULL : c->cert;
}

/* 12.3: under CBC there is one answer for all that is wrong, until a signature is verified. */
static bool malleable(const struct look *l)
{
    const struct osci_transport *transport = &l->request->transport;

    return transport->encrypted && !transport->method.alg->gcm && !l->verified;
}

/* ---- the stages, in the order of digest 2.0.3 ---- */

static enum status stage_form(struct look *l, struct error *err)
{
    struct osci_visit *v = l->v;

    TRY(osci_request_check(l->request, l->r->allow_plain, err));
    if (l->msg->type != OSCI_ACCEPT_DELIVERY && l->msg->type != OSCI_PROCESS_DELIVERY)
        return error_set(err, ST_INVALID, 9300, "%s is no order for a recipient", v->type);
    if (l->msg->type == OSCI_ACCEPT_DELIVERY && l->msg->card_count == 0)
        return error_set(err, ST_INVALID, 9300, "a delivery without a process card");
    v->is_signed = l->reading->is_signed;
    TRY(copy(v, l->msg->control.challenge, &v->answer.control.response, err));
    TRY(copy(v, l->msg->languages, &v->languages, err));
    TRY(copy(v, l->msg->message_id_response, &v->reply_id, err));
    if (l->msg->card_count == 0)
        return ST_OK;
    if (l->msg->cards[0].message_id.len > OSCI_MESSAGE_ID_MAX)
        return error_set(err, ST_INVALID, 9300, "a MessageId of %zu bytes",
                         l->msg->cards[0].message_id.len);
    return copy(v, l->msg->cards[0].message_id, &v->message_id, err);
}

/* The verdict on one certificate of the intermediary becomes warnings, or the code that decides. */
static enum status shown_judge(struct look *l, const struct cert *cert, enum cert_role role,
                               struct cert_verdict *verdict, struct error *err)
{
    struct cert_findings findings;
    enum status st = cert_judge(l->r->checker, cert, role, l->now, verdict, &findings, err);

    for (size_t i = 0; i < findings.count; i++)
        if (st == ST_OK || i + 1 < findings.count) /* the last one decides */
            warn(l->v, findings.codes[i]);
    return st;
}

static enum status stage_cipher_certificate(struct look *l, struct error *err)
{
    struct cert *cipher = cert_shown(l->msg, OSCI_CIPHER_INTERMEDIARY);
    struct cert_verdict verdict;

    if (l->request->transport.encrypted) {
        enum status st;

        if (cipher == NULL)
            return error_set(err, ST_INVALID, 9500, "no cipher certificate of the intermediary");
        st = shown_judge(l, cipher, CERT_CLIENT_CIPHER, &verdict, err);
        if (st == ST_RETRY && malleable(l)) /* 9202 would end a message that has only to wait */
            l->later = *err;
        else
            TRY(st);
        l->v->encrypt_for = cert_ref(cipher);
    }
    l->v->form = osci_features_form(&l->msg->features);
    if (cert_shown(l->msg, OSCI_CIPHER_ORIGINATOR) != NULL)
        l->v->asker = cert_ref(cert_shown(l->msg, OSCI_CIPHER_ORIGINATOR));
    return ST_OK;
}

static bool sender_by_cipher(const struct look *l, size_t *sender)
{
    const struct cert *cipher = cert_shown(l->msg, OSCI_CIPHER_INTERMEDIARY);

    for (size_t i = 0; i < l->r->sender_count; i++) {
        if (cipher == NULL || !cert_eq(l->r->senders[i].cipher, cipher))
            continue;
        *sender = i;
        return true;
    }
    return false;
}

/* The sender who signs with this certificate; an order that shows none may name it by its other. */
static bool sender_by_signature(const struct look *l, size_t *sender)
{
    const struct cert *shown = cert_shown(l->msg, OSCI_SIGNATURE_INTERMEDIARY);

    if (shown == NULL)
        return sender_by_cipher(l, sender) && l->r->senders[*sender].signature != NULL;
    for (size_t i = 0; i < l->r->sender_count; i++) {
        if (l->r->senders[i].signature == NULL || !cert_eq(l->r->senders[i].signature, shown))
            continue;
        *sender = i;
        return true;
    }
    return false;
}

/* Unsigned orders prove nothing: they belong to whom they name, or to the only one there is. */
static enum status unsigned_check(struct look *l, struct error *err)
{
    if (l->r->require_signature || malleable(l))
        return error_set(err, ST_DENIED, 9600, "the order is not signed");
    if (sender_by_cipher(l, &l->v->sender) || l->r->sender_count == 1)
        return ST_OK;
    return error_set(err, ST_DENIED, 9811, "the order names no intermediary that is configured");
}

/* A certificate that nobody has configured is refused, believed or not; the code says which. */
static enum status signer_refuse(struct look *l, const struct cert *signer, struct error *err)
{
    struct cert_verdict verdict;

    TRY(shown_judge(l, signer, CERT_CLIENT_SIGNATURE, &verdict, err));
    if (!cert_verdict_good(&verdict) && !cert_verdict_only_time(&verdict))
        return error_set(err, ST_DENIED, 9700, "%s: %s", cert_subject(signer), verdict.reason);
    return error_set(err, ST_DENIED, 9601, "signed by %s, which is no configured intermediary",
                     cert_subject(signer));
}

static enum status signed_check(struct look *l, struct error *err)
{
    const struct cert *signer = NULL;

    if (sender_by_signature(l, &l->v->sender))
        return osci_message_verify(l->reading, l->r->senders[l->v->sender].signature, NULL, err);
    TRY(osci_message_verify(l->reading, NULL, &signer, err));
    return signer_refuse(l, signer, err);
}

static enum status stage_signature(struct look *l, struct error *err)
{
    enum status st;

    if (!l->reading->is_signed)
        return unsigned_check(l, err);
    st = signed_check(l, err);
    l->verified = st == ST_OK;
    if (st != ST_OK && err->reason == 0)
        err->reason = 9603;
    if (st != ST_OK || l->later.status == ST_OK)
        return st;
    *err = l->later;
    return err->status;
}

static enum status stage_order(struct look *l, struct error *err)
{
    const struct cert *addressee = cert_shown(l->msg, OSCI_CIPHER_ADDRESSEE);

    if (addressee != NULL && identity_cipher_for(l->r->identity, addressee) == NULL)
        return error_set(err, ST_DENIED, 9811, "the delivery is for %s, not for us",
                         cert_subject(addressee));
    if (l->msg->type == OSCI_PROCESS_DELIVERY && !l->r->processes)
        return error_set(err, ST_DENIED, 9811, "nobody here answers a processDelivery");
    return ST_OK;
}

static const struct stage {
    enum status (*run)(struct look *l, struct error *err);
    int otherwise; /* the code of a failure that brings none */
} stages[] = {
    {stage_form, 9300},
    {stage_cipher_certificate, 9503},
    {stage_signature, 9603},
    {stage_order, 9811},
};

/* ---- the answer ---- */

static void fault(struct osci_visit *v, const struct error *why)
{
    v->take = false;
    v->fault = osci_code_is_fault(why->reason) ? why->reason : 9000;
    v->code = v->fault;
    v->why = *why;
}

static void cert_add(struct osci_message *answer, enum osci_role role, struct cert *cert)
{
    answer->certs[answer->cert_count++] = (struct osci_cert){.role = role, .cert = cert_ref(cert)};
}

/* 2.10: in a reply the roles swap, we are its originator and who asked its addressee. */
static enum status certs_fill(const struct osci_recipient *r, struct osci_visit *v,
                              struct error *err)
{
    struct osci_message *answer = &v->answer;
    const struct identity_pair *signs = identity_signature_for(r->identity, v->sealed_by, v->now);

    answer->certs = arena_array(&v->arena, sizeof *answer->certs, CERTS_ROOM);
    TRY_ALLOC(answer->certs, err);
    if (answer->type == OSCI_RSP_ACCEPT_DELIVERY) {
        if (v->is_signed)
            cert_add(answer, OSCI_SIGNATURE_ADDRESSEE, signs->cert);
        return ST_OK;
    }
    cert_add(answer, OSCI_CIPHER_ORIGINATOR, identity_cipher(r->identity, v->now)->cert);
    if (v->asker != NULL)
        cert_add(answer, OSCI_CIPHER_ADDRESSEE, v->asker);
    if (v->is_signed || answer->has_package)
        cert_add(answer, OSCI_SIGNATURE_ORIGINATOR, signs->cert);
    return ST_OK;
}

static enum status feedback_fill(struct osci_visit *v, struct error *err)
{
    const char *codes[OSCI_VISIT_WARNINGS + 1];
    char text[8];
    size_t n = 0;

    for (size_t i = 0; i <= v->warning_count; i++) {
        struct span code;

        (void)snprintf(text, sizeof text, "%04d",
                       (i < v->warning_count ? v->warnings[i] : v->code) % 10000);
        TRY(copy(v, span_str(text), &code, err));
        codes[n++] = (const char *)code.ptr;
    }
    return osci_feedback_make(codes, n, v->languages, &v->arena, &v->answer.feedback,
                              &v->answer.feedback_count, err);
}

static void reply_fill(struct osci_visit *v, const struct osci_reply *reply)
{
    struct osci_message *answer = &v->answer;

    answer->has_package = true;
    answer->package = reply->package;
    answer->attachments = reply->attachments;
    answer->attachment_count = reply->attachment_count;
    v->sealed_by = reply->sealed_by;
    if (v->reply_id.ptr == NULL)
        return; /* without a MessageId there is no card, and nobody to show a subject to */
    answer->message_id = v->reply_id;
    answer->subject = reply->subject;
    answer->creation = answer->reception = OSCI_QUALITY_PLAIN;
}

static enum status answer_fill(const struct osci_recipient *r, struct osci_visit *v,
                               struct error *err)
{
    TRY(certs_fill(r, v, err));
    return feedback_fill(v, err);
}

static void look_at(struct look *l)
{
    struct osci_visit *v = l->v;
    struct error err = {0};
    enum status st = ST_OK;

    for (size_t i = 0; i < ARRAY_LEN(stages) && st == ST_OK; i++) {
        st = stages[i].run(l, &err);
        if (st != ST_OK && err.reason == 0)
            err.reason = stages[i].otherwise;
        if (st != ST_OK && malleable(l))
            err.reason = 9202;
    }
    v->take = st == ST_OK;
    if (v->take)
        return;
    if (osci_code_is_fault(err.reason)) {
        fault(v, &err);
        return;
    }
    v->code = err.reason;
    v->why = err;
    if (answer_fill(l->r, v, &err) != ST_OK)
        fault(v, &err);
}

enum status osci_recipient_check(const struct osci_recipient *r, const struct osci_request *request,
                                 int64_t now, struct osci_visit **visit, struct error *err)
{
    struct osci_visit *v = calloc(1, sizeof *v);
    struct look l = {.r = r, .request = request, .reading = request->reading, .now = now, .v = v};

    TRY_ALLOC(v, err);
    arena_init(&v->arena, ARENA_MAX);
    v->now = now;
    v->type = "-";
    if (l.reading != NULL) {
        l.msg = &l.reading->msg;
        v->type = l.msg->type == OSCI_FAULT ? "fault" : osci_type_name(l.msg->type);
        if (osci_type_row(l.msg->type) != NULL && osci_type_row(l.msg->type)->request)
            v->answer.type = osci_answer_type(l.msg->type);
    }
    look_at(&l);
    *visit = v;
    return ST_OK;
}

void osci_recipient_answer(const struct osci_recipient *r, struct osci_visit *v, int refused,
                           const struct error *why, const struct osci_reply *reply)
{
    struct error err = {0};

    assert(v->take);
    v->take = false;
    v->code = refused != 0 ? refused : 800;
    if (refused != 0)
        v->why = *why;
    if (osci_code_is_fault(v->code)) {
        fault(v, why);
        return;
    }
    if (refused == 0 && reply != NULL && v->answer.type == OSCI_RSP_PROCESS_DELIVERY)
        reply_fill(v, reply);
    if (answer_fill(r, v, &err) != ST_OK)
        fault(v, &err);
}

enum status osci_visit_write(const struct osci_recipient *r, struct osci_visit *v, int64_t now,
                             struct osci_writer **writer, struct error *err)
{
    const struct identity_pair *signs = identity_signature_for(r->identity, v->sealed_by, v->now);
    const struct osci_write in = {.msg = &v->answer,
                                  .sign_key = v->is_signed ? signs->key : NULL,
                                  .encrypt_for = v->encrypt_for,
                                  .form = v->form,
                                  .policy = r->policy,
                                  .now = now,
                                  .rng = r->rng};
    enum status st = osci_message_write(&in, writer, err);

    assert(v->fault == 0 && !v->take);
    if (st == ST_OK)
        return ST_OK;
    v->fault = v->code = 9000;
    v->why = *err;
    return st;
}

void osci_visit_free(struct osci_visit *v)
{
    if (v == NULL)
        return;
    for (size_t i = 0; i < v->answer.cert_count; i++)
        cert_free(v->answer.certs[i].cert);
    cert_free(v->encrypt_for);
    cert_free(v->asker);
    arena_deinit(&v->arena);
    free(v);
}
