#include "osci/intermediary.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "certs/inspect.h"
#include "osci/delivery.h"
#include "osci/features.h"
#include "osci/feedback.h"
#include "osci/orders.h"
#include "osci/processcard.h"
#include "osci/types.h"

enum { DECISION_BYTES_MAX = 64 * 1024 * 1024, CHALLENGE_RANDOM = 18 };

void osci_work_warn(struct osci_work *w, int code)
{
    for (size_t i = 0; i < w->warning_count; i++)
        if (w->warnings[i] == code)
            return;
    if (w->warning_count < OSCI_CODES_MAX)
        w->warnings[w->warning_count++] = code;
}

/*
 * Under CBC anybody on the way can turn bits of the plaintext. Until a signature shows that nobody
 * did, all that is wrong gets one answer, 9202 (digest 12.3).
 */
static bool malleable(const struct osci_work *w)
{
    const struct osci_transport *transport = &w->request->transport;

    return transport->encrypted && !transport->method.alg->gcm && w->signer == NULL;
}

/* ---- the stages of digest 2.0.3 ---- */

enum status osci_request_check(const struct osci_request *request, bool allow_plain,
                               struct error *err)
{
    bool cbc = request->transport.encrypted && !request->transport.method.alg->gcm;
    enum osci_type type;

    if (request->reading == NULL) {
        *err = request->failure;
        if (cbc)
            err->reason = 9202; /* 12.3: one answer for all that is wrong under CBC */
        else if (request->transport.encrypted && err->reason == 9100)
            err->reason = 9300; /* deciphered, but no order */
        else if (err->reason == 0)
            err->reason = 9000;
        return err->status;
    }
    type = request->reading->msg.type;
    if (osci_type_row(type) == NULL || !osci_type_row(type)->request)
        return error_set(err, ST_INVALID, 9300, "%s is no order", osci_type_name(type));
    if (!request->transport.encrypted && !allow_plain)
        return error_set(err, ST_DENIED, 9300, "the order is not transport-encrypted");
    return ST_OK;
}

static enum status stage_form(struct osci_work *w, struct error *err)
{
    return osci_request_check(w->request, w->im->allow_plain, err);
}

/* What was enciphered for a certificate of ours that has been revoked may have been read by others.
 */
static enum status stage_own_certificate(struct osci_work *w, struct error *err)
{
    const struct osci_transport *transport = &w->request->transport;
    struct cert_verdict verdict;

    if (!transport->encrypted || transport->own >= w->im->own_count)
        return ST_OK;
    TRY(cert_checker_check(w->im->checker, w->im->own[transport->own].cert, CERT_FOR_OSCI_CIPHER,
                           w->now, &verdict, err));
    if (verdict.online == CERT_ONLINE_REVOKED)
        return error_set(err, ST_DENIED, 9201, "our own cipher certificate: %s", verdict.reason);
    return ST_OK;
}

/* The next Challenge; a number for the dialog where there is none yet. */
static enum status random_texts(struct osci_work *w, struct error *err)
{
    uint8_t random[CHALLENGE_RANDOM];
    uint64_t number;
    AUTO(buf_deinit) struct buf text = {0};

    TRY(rng_bytes(w->im->rng, random, sizeof random, err));
    buf_init(&text, sizeof w->session.challenge - 1);
    buf_base64(&text, span_of(random, sizeof random), 0);
    TRY(buf_check(&text, err));
    memcpy(w->session.challenge, buf_cstr(&text), text.len + 1);
    if (w->in_dialog)
        return ST_OK;
    TRY(rng_bytes(w->im->rng, &number, sizeof number, err));
    (void)snprintf(w->session.conversation_id, sizeof w->session.conversation_id, "%" PRIu64,
                   number);
    return ST_OK;
}

/* Who the client is, as far as its cipher certificate says. */
static enum status stage_dialog(struct osci_work *w, struct error *err)
{
    const struct osci_controlblock *control = &w->msg->control;
    const struct osci_cert *cipher = osci_cert_of(w->msg, OSCI_CIPHER_ORIGINATOR);

    if (control->conversation_id.ptr != NULL) {
        TRY(osci_sessions_take(w->im->sessions, control, w->now, &w->session, err));
        w->in_dialog = true;
        w->cipher = w->session.cipher;
    } else if (control->has_sequence && control->sequence != 0) {
        return error_set(err, ST_INVALID, 9400, "a dialog of its own begins with 0");
    } else {
        w->cipher = cipher == NULL ? NULL : cipher->cert;
    }
    if (w->request->transport.encrypted) {
        if (w->cipher == NULL)
            return error_set(err, ST_INVALID, 9500, "no cipher certificate of the client");
        w->d->encrypt_for = cert_ref(w->cipher);
    }
    TRY(random_texts(w, err)); /* from here on there is an answer */
    if (!w->in_dialog && osci_type_row(w->msg->type)->explicit_dialog)
        return error_set(err, ST_INVALID, 9802, "%s outside of a dialog", w->d->type);
    return ST_OK;
}

enum status osci_work_judge(struct osci_work *w, const struct cert *cert, enum cert_role role,
                            struct cert_verdict *verdict, struct error *err)
{
    struct cert_findings findings;
    enum status st = cert_judge(w->im->checker, cert, role, w->now, verdict, &findings, err);

    for (size_t i = 0; i < findings.count; i++)
        if (st == ST_OK || i + 1 < findings.count) /* the last one decides */
            osci_work_warn(w, findings.codes[i]);
    return st;
}

static enum status stage_cipher_certificate(struct osci_work *w, struct error *err)
{
    struct cert_verdict verdict;
    enum status st;

    if (w->cipher == NULL)
        return ST_OK;
    st = osci_work_judge(w, w->cipher, CERT_CLIENT_CIPHER, &verdict, err);
    if (st == ST_RETRY && malleable(w)) { /* 9202 would end a message that has only to wait */
        w->later = *err;
        return ST_OK;
    }
    TRY(st);
    w->cipher_believed = cert_verdict_good(&verdict) || cert_verdict_only_time(&verdict);
    return ST_OK;
}

static enum status stage_signature(struct osci_work *w, struct error *err)
{
    const struct cert *pinned = NULL;
    enum status st;

    if (!w->reading->is_signed) {
        if (w->im->require_signature || malleable(w))
            return error_set(err, ST_DENIED, 9600, "the order is not signed");
        return ST_OK;
    }
    if (w->in_dialog && osci_cert_of(w->msg, OSCI_SIGNATURE_ORIGINATOR) == NULL)
        pinned = w->session.signature;
    st = osci_message_verify(w->reading, pinned, &w->signer, err);
    if (st != ST_OK && err->reason == 0)
        err->reason = 9603;
    if (st != ST_OK || w->later.status == ST_OK)
        return st;
    *err = w->later;
    return err->status;
}

static enum status stage_signature_certificate(struct osci_work *w, struct error *err)
{
    struct cert_verdict verdict;

    if (w->signer == NULL)
        return ST_OK;
    return osci_work_judge(w, w->signer, CERT_CLIENT_SIGNATURE, &verdict, err);
}

static enum cert_role role_of(const struct osci_work *w, enum osci_role role)
{
    switch (role) {
    case OSCI_CIPHER_ORIGINATOR:
        return CERT_CLIENT_CIPHER;
    case OSCI_CIPHER_OTHER_AUTHOR:
        return CERT_AUTHOR_CIPHER;
    case OSCI_CIPHER_ADDRESSEE:
        return CERT_ADDRESSEE_CIPHER;
    case OSCI_CIPHER_OTHER_READER:
        return CERT_READER_CIPHER;
    case OSCI_SIGNATURE_ORIGINATOR: /* without a message signature he can only be an author */
        return w->signer == NULL ? CERT_AUTHOR_SIGNATURE : CERT_CLIENT_SIGNATURE;
    default:
        return CERT_AUTHOR_SIGNATURE;
    }
}

enum status osci_work_inspect(struct osci_work *w, struct error *err)
{
    struct arena *arena = &w->d->arena;

    if (w->msg->type != OSCI_STORE_DELIVERY && w->msg->type != OSCI_FORWARD_DELIVERY &&
        w->msg->type != OSCI_MEDIATE_DELIVERY)
        return ST_OK;
    w->inspections = arena_array(arena, sizeof *w->inspections, w->msg->cert_count + 1);
    TRY_ALLOC(w->inspections, err);
    for (size_t i = 0; i < w->msg->cert_count; i++) {
        const struct osci_cert *c = &w->msg->certs[i];
        struct cert_verdict verdict;

        TRY(osci_work_judge(w, c->cert, role_of(w, c->role), &verdict, err));
        TRY(osci_inspection_make(c->cert, &verdict, arena, &w->inspections[i], err));
        w->inspection_count++;
        if (c->role == OSCI_CIPHER_ADDRESSEE)
            w->addressee_believed = cert_verdict_good(&verdict) || cert_verdict_only_time(&verdict);
    }
    return ST_OK;
}

/* 3.4 (7): whoever comes again in the dialog could read what we sent. */
static enum status stage_reception(struct osci_work *w, struct error *err)
{
    struct osci_mailbox *mailbox = w->im->mailbox;

    if (!w->in_dialog || w->session.pending_len == 0)
        return ST_OK;
    if (osci_partial_wants_more(w)) { /* 8.3: ReceivedChunks says what got there */
        w->session.pending_len = 0;
        return ST_OK;
    }
    TRY(mailbox->received(mailbox, span_of(w->session.pending, w->session.pending_len), w->now,
                          err));
    w->session.pending_len = 0;
    return ST_OK;
}

static const struct stage {
    enum status (*run)(struct osci_work *w, struct error *err);
    int otherwise; /* the code of a failure that brings none */
} stages[] = {
    {stage_form, 9300},        {stage_own_certificate, 9000},
    {stage_dialog, 9000},      {stage_cipher_certificate, 9503},
    {stage_signature, 9603},   {stage_signature_certificate, 9710},
    {osci_work_inspect, 9710}, {stage_reception, 9811},
    {osci_order_run, 9811},
};

/* ---- the answer ---- */

static enum status keep(struct osci_work *w, struct span from, struct span *to, struct error *err)
{
    to->len = from.len;
    to->ptr = (const uint8_t *)arena_str(&w->d->arena, from);
    TRY_ALLOC(to->ptr, err);
    return ST_OK;
}

/* Digest 3.2: what the answer's ControlBlock has to say. */
static enum status control_fill(struct osci_work *w, struct error *err)
{
    struct osci_controlblock *to = &w->d->answer.control;

    TRY(keep(w, w->msg->control.challenge, &to->response, err));
    TRY(keep(w, span_str(w->session.conversation_id), &to->conversation_id, err));
    if (w->msg->type != OSCI_EXIT_DIALOG)
        TRY(keep(w, span_str(w->session.challenge), &to->challenge, err));
    to->has_sequence = w->msg->type != OSCI_INIT_DIALOG;
    to->sequence = w->msg->control.sequence;
    return ST_OK;
}

enum status osci_work_codes(struct osci_work *w, int code, const char **codes, struct error *err)
{
    char text[(OSCI_CODES_MAX + 1) * 6];
    size_t n = 0;

    for (size_t i = 0; i <= w->warning_count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%04d", i == 0 ? "" : " ",
                              i < w->warning_count ? w->warnings[i] : code);
    *codes = arena_str(&w->d->arena, span_of(text, n));
    TRY_ALLOC(*codes, err);
    return ST_OK;
}

/* Entries for the codes of that text, in the client's languages. */
static enum status entries_make(struct osci_work *w, const char *text,
                                struct osci_feedback **entries, size_t *count, struct error *err)
{
    const char *codes[OSCI_CODES_MAX + 1];
    struct span rest = span_str(text), one;
    size_t n = 0;

    while (n < ARRAY_LEN(codes) && span_split(&rest, ' ', &one)) {
        codes[n] = arena_str(&w->d->arena, one);
        TRY_ALLOC(codes[n], err);
        n++;
    }
    return osci_feedback_make(codes, n, w->msg->languages, &w->d->arena, entries, count, err);
}

static enum status feedback_fill(struct osci_work *w, int deciding, struct error *err)
{
    struct osci_message *answer = &w->d->answer;
    const char *codes;

    if (w->inside != NULL)
        TRY(entries_make(w, w->inside, &answer->inside_feedback, &answer->inside_feedback_count,
                         err));
    TRY(osci_work_codes(w, deciding, &codes, err));
    return entries_make(w, codes, &answer->feedback, &answer->feedback_count, err);
}

void osci_intermediary_features(const struct osci_intermediary *im, struct osci_features *f)
{
    osci_features_ours(f, im->transfers != NULL);
    f->max_message_kb = im->max_message_kb;
    if (im->transfers == NULL)
        return;
    f->min_chunk_kb = im->chunks.min_kb;
    f->max_chunk_kb = im->chunks.max_kb;
    f->max_message_kb = im->chunks.message_kb;
    f->chunk_timeout = im->chunks.timeout_s;
}

void osci_certs_drop(struct osci_message *msg)
{
    for (size_t i = 0; i < msg->cert_count; i++)
        cert_free(msg->certs[i].cert);
    msg->cert_count = 0;
}

/* Our signature certificate, behind those of a delivery. */
static enum status signer_add(struct osci_work *w, struct error *err)
{
    struct osci_message *answer = &w->d->answer;

    if (answer->certs == NULL)
        answer->certs = arena_alloc(&w->d->arena, sizeof *answer->certs);
    TRY_ALLOC(answer->certs, err);
    answer->certs[answer->cert_count++] =
        (struct osci_cert){.role = OSCI_SIGNATURE_INTERMEDIARY,
                           .cert = cert_ref(identity_signature(w->im->identity, w->now)->cert)};
    return ST_OK;
}

const struct key *osci_work_key(const struct osci_intermediary *im, const struct osci_message *msg,
                                int64_t now)
{
    const struct osci_cert *signer = osci_cert_of(msg, OSCI_SIGNATURE_INTERMEDIARY);

    return identity_signature_for(im->identity, signer == NULL ? NULL : signer->cert, now)->key;
}

static enum status id_check(struct osci_work *w, const struct osci_reading *reading,
                            enum osci_type type, const struct identity_pair *pair,
                            struct error *err)
{
    struct span own;

    TRY(osci_cert_id(OSCI_SIGNATURE_INTERMEDIARY, 0, pair->cert, &w->d->arena, &own, err));
    return osci_parts_check(reading, type, own, err);
}

enum status osci_work_ids(struct osci_work *w, const struct osci_reading *reading,
                          enum osci_type type, struct error *err)
{
    const struct identity *id = w->im->identity;

    TRY(id_check(w, reading, type, &id->signature, err));
    for (size_t i = 0; i < id->next_count[IDENTITY_SIGNS]; i++)
        TRY(id_check(w, reading, type, &id->next[IDENTITY_SIGNS][i].pair, err));
    return ST_OK;
}

/* What an order had begun to answer before it failed. */
static void answer_clear(struct osci_work *w)
{
    struct osci_message *answer = &w->d->answer;

    osci_certs_drop(answer);
    answer->message_id = SPAN_NONE;
    answer->card_count = 0;
    answer->attachment_count = answer->custom_count = 0;
    answer->has_package = false;
    w->d->delivered = false;
}

static enum status answer_fill(struct osci_work *w, int code, struct error *err)
{
    if (code >= 9000 && !w->keep_card)
        answer_clear(w);
    TRY(osci_order_echo(w, err));
    TRY(control_fill(w, err));
    TRY(feedback_fill(w, code, err));
    TRY(signer_add(w, err));
    osci_intermediary_features(w->im, &w->d->answer.features);
    w->d->form = osci_features_form(&w->msg->features);
    return ST_OK;
}

static void session_end(struct osci_work *w)
{
    if (w->in_dialog)
        osci_sessions_close(w->im->sessions, w->session.conversation_id);
    w->in_dialog = false;
}

static void fault(struct osci_work *w, const struct error *why)
{
    session_end(w); /* 3.4 (9): what failed before the dialog was found has none here */
    w->d->fault = osci_code_is_fault(why->reason) ? why->reason : 9000;
    w->d->code = w->d->fault;
    w->d->why = *why;
    if (w->d->why.reason == 0)
        w->d->why.reason = w->d->fault;
}

/* After the answer is made: the dialog waits for its next request, or is gone. */
static void session_settle(struct osci_work *w)
{
    if (!w->in_dialog)
        return;
    if (w->msg->type == OSCI_EXIT_DIALOG) { /* refused, too: its answer has no Challenge */
        session_end(w);
        return;
    }
    if (!w->opened)
        w->session.next_sequence++;
    (void)snprintf(w->d->conversation_id, sizeof w->d->conversation_id, "%s",
                   w->session.conversation_id);
    osci_sessions_put(w->im->sessions, &w->session, w->now);
}

/* What the stages came to becomes the answer, or a fault. */
static void settle(struct osci_work *w, enum status st, struct error *err)
{
    int code;

    if (st != ST_OK && osci_code_is_fault(err->reason)) {
        fault(w, err);
        return;
    }
    code = st != ST_OK ? err->reason : w->in_dialog && w->msg->type != OSCI_EXIT_DIALOG ? 801 : 800;
    if (st != ST_OK)
        w->d->why = *err;
    if (answer_fill(w, code, err) != ST_OK) {
        fault(w, err);
        return;
    }
    w->d->code = code % 10000;
    session_settle(w);
}

static void decide(struct osci_work *w)
{
    struct error err = {0};
    enum status st = ST_OK;

    for (size_t i = 0; i < ARRAY_LEN(stages) && st == ST_OK; i++) {
        st = stages[i].run(w, &err);
        if (st != ST_OK && err.reason == 0)
            err.reason = stages[i].otherwise;
        if (st != ST_OK && malleable(w))
            err.reason = 9202;
    }
    if (st == ST_OK && (w->d->forward || w->d->process))
        return; /* osci_intermediary_resume or osci_transfer_resume goes on from here */
    w->d->forward = w->d->process = false;
    settle(w, st, &err);
}

static void work_end(struct osci_decision *d)
{
    if (d->work == NULL)
        return;
    osci_session_deinit(&d->work->session);
    free(d->work);
    d->work = NULL;
}

enum status osci_decision_new(struct osci_decision **decision, struct error *err)
{
    struct osci_decision *d = calloc(1, sizeof *d);

    if (d == NULL)
        return error_set(err, ST_LIMIT, 9000, "out of memory");
    arena_init(&d->arena, DECISION_BYTES_MAX);
    buf_init(&d->package, XML_BYTES_MAX);
    d->type = "-";
    *decision = d;
    return ST_OK;
}

enum status osci_intermediary_handle(const struct osci_intermediary *im,
                                     const struct osci_request *request, int64_t now,
                                     struct osci_decision **decision, struct error *err)
{
    AUTO(osci_decision_drop) struct osci_decision *d = NULL;
    struct osci_work *w;

    TRY(osci_decision_new(&d, err));
    w = calloc(1, sizeof *w);
    if (w == NULL)
        return error_set(err, ST_LIMIT, 9000, "out of memory");
    *w = (struct osci_work){.im = im, .request = request, .now = now, .d = d};
    d->work = w;
    if (request->reading != NULL) {
        w->reading = request->reading;
        w->msg = &request->reading->msg;
        d->type = w->msg->type == OSCI_FAULT ? "fault" : osci_type_name(w->msg->type);
        if (osci_type_row(w->msg->type) != NULL && osci_type_row(w->msg->type)->request)
            d->answer.type = osci_answer_type(w->msg->type);
    }
    decide(w);
    if (!d->forward && !d->process)
        work_end(d);
    *decision = TAKE(d);
    return ST_OK;
}

void osci_transfer_resume(const struct osci_intermediary *im, struct osci_decision *d, bool ended,
                          int64_t now)
{
    struct osci_work *w = d->work;
    struct error err = {0};
    enum status st;

    assert(d->process && w->im == im);
    d->process = false;
    w->now = now;
    st = osci_partial_finish(w, ended, &err);
    if (st != ST_OK && err.reason == 0)
        err.reason = 9811;
    settle(w, st, &err);
    work_end(d);
}

void osci_intermediary_resume(const struct osci_intermediary *im, struct osci_decision *d,
                              const struct osci_forward_result *result, int64_t now)
{
    struct osci_work *w = d->work;
    struct error err = {0};
    enum status st;

    assert(d->forward && w->im == im);
    d->forward = false;
    w->now = now;
    st = osci_forward_finish(w, result, &err);
    if (st != ST_OK && err.reason == 0)
        err.reason = 9810; /* our own failure, and the delivery is there */
    settle(w, st, &err);
    work_end(d);
}

void osci_decision_free(struct osci_decision *d)
{
    if (d == NULL)
        return;
    if (d->work != NULL) /* it waited for a recipient, and nobody waits for it any more */
        session_end(d->work);
    work_end(d);
    osci_certs_drop(&d->answer);
    if (d->frame != NULL)
        d->transfers->frame_close(d->transfers, d->frame);
    if (d->mailbox != NULL)
        d->mailbox->release(d->mailbox, &d->delivery);
    cert_free(d->encrypt_for);
    buf_deinit(&d->package);
    arena_deinit(&d->arena);
    free(d);
}

enum status osci_decision_write(const struct osci_intermediary *im, struct osci_decision *d,
                                int64_t now, struct osci_writer **writer, struct error *err)
{
    const struct osci_write in = {.msg = &d->answer,
                                  .sign_key = osci_work_key(im, &d->answer, now),
                                  .encrypt_for = d->encrypt_for,
                                  .form = d->form,
                                  .policy = im->policy,
                                  .now = now,
                                  .rng = im->rng};
    enum status st = osci_message_write(&in, writer, err);

    assert(d->fault == 0);
    if (st == ST_OK)
        return ST_OK;
    if (d->conversation_id[0] != '\0')
        osci_sessions_close(im->sessions, d->conversation_id);
    d->fault = d->code = 9000;
    d->why = *err;
    return st;
}
