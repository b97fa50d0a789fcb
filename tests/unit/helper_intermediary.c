#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_intermediary.h"

#include <stdio.h>

#include "tests/unit/helper_crypto.h"

enum { WIRE_MAX = 64 * 1024 * 1024 };
#define PACKAGE                                                                                    \
    "<osci:ContentContainer Id=\"container1\"><osci:Content><osci:Base64Content Id=\"content0\">"  \
    "SGFsbG8=</osci:Base64Content></osci:Content><osci:Content Id=\"content1\" "                   \
    "href=\"cid:anhang.bin\"></osci:Content></osci:ContentContainer>"

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct error err = {0};                                                                    \
        enum status ok_ = (call);                                                                  \
        if (ok_ != ST_OK)                                                                          \
            fail_msg("%s: %s %d %s", #call, status_name(ok_), err.reason, err.text);               \
    } while (0)

struct cert *im_cert(struct im_fixture *f, const char *name)
{
    struct named_cert *c = &f->certs[f->cert_count];

    for (size_t i = 0; i < f->cert_count; i++)
        if (strcmp(f->certs[i].name, name) == 0)
            return f->certs[i].cert;
    assert_true(f->cert_count < IM_CERTS_MAX);
    (void)snprintf(c->name, sizeof c->name, "%s", name);
    c->cert = helper_cert(name);
    f->cert_count++;
    return c->cert;
}

struct key *im_key(struct im_fixture *f, const char *name)
{
    struct named_key *k = &f->keys[f->key_count];

    for (size_t i = 0; i < f->key_count; i++)
        if (strcmp(f->keys[i].name, name) == 0)
            return f->keys[i].key;
    assert_true(f->key_count < IM_CERTS_MAX);
    (void)snprintf(k->name, sizeof k->name, "%s", name);
    k->key = helper_key(name);
    f->key_count++;
    return k->key;
}

static void pair_read(const char *who, const char *use, struct buf *cert, struct buf *key)
{
    char path[128];

    (void)snprintf(path, sizeof path, "osci12/keys/%s-%s-2048.cert.pem", who, use);
    helper_vector(path, cert);
    (void)snprintf(path, sizeof path, "osci12/keys/%s-%s-2048.key.pem", who, use);
    helper_vector(path, key);
}

struct identity *im_identity(const char *who)
{
    AUTO(buf_deinit) struct buf sc = {0}, sk = {0}, cc = {0}, ck = {0};
    struct identity_source signature = {.cert_label = "signature", .key_label = "signature key"};
    struct identity_source cipher = {.cert_label = "cipher", .key_label = "cipher key"};
    struct identity *identity = NULL;

    pair_read(who, "signature", &sc, &sk);
    pair_read(who, "cipher", &cc, &ck);
    signature.cert = buf_span(&sc);
    signature.key = buf_span(&sk);
    cipher.cert = buf_span(&cc);
    cipher.key = buf_span(&ck);
    OK(identity_new(&signature, &cipher, NULL, 0, &identity, &err));
    return identity;
}

static bool nothing_known(struct cert_source *self, X509 *x509, X509 *issuer,
                          enum cert_purpose purpose, int64_t now, struct cert_standing *standing)
{
    (void)self;
    (void)x509;
    (void)issuer;
    (void)purpose;
    (void)now;
    cert_standing_lacks(standing, CERT_LACK_SILENT, "nobody there");
    return true;
}

struct cert_source im_silence(void)
{
    return (struct cert_source){.ask = nothing_known, .closed = UINT_MAX};
}

void im_fixture_init(struct im_fixture *f)
{
    const struct osci_sessions_conf conf = {.max = 64, .client_max = 8};
    AUTO(buf_deinit) struct buf ca = {0};

    *f = (struct im_fixture){.now = IM_NOW, .policy = {.read_cbc = true, .read_rsa15 = true}};
    helper_vector("osci12/keys/ca.cert.pem", &ca);
    OK(trust_new(&f->trust, &err));
    OK(trust_add_anchors(f->trust, "ca", buf_span(&ca), &err));
    OK(cert_checker_new(f->trust, 100, 60000, &f->checker, &err));
    OK(cert_cache_new(100, &f->cache, &err));
    OK(osci_sessions_new(&conf, &f->sessions, &err));
    f->identity = im_identity("intermediary");
    helper_mailbox_init(&f->mailbox);
    f->own[0] = (struct osci_own_cipher){f->identity->cipher.cert, f->identity->cipher.key};
    f->own[1] = (struct osci_own_cipher){im_cert(f, "intermediary-cipher-4096"),
                                         im_key(f, "intermediary-cipher-4096")};
    f->im = (struct osci_intermediary){.identity = f->identity,
                                       .own = f->own,
                                       .own_count = ARRAY_LEN(f->own),
                                       .checker = f->checker,
                                       .cache = f->cache,
                                       .policy = &f->policy,
                                       .sessions = f->sessions,
                                       .mailbox = &f->mailbox.base,
                                       .rng = rng_system(),
                                       .require_signature = true,
                                       .allow_plain = true,
                                       .self_registering = true,
                                       .max_message_kb = 4096};
}

void im_fixture_deinit(struct im_fixture *f)
{
    assert_int_equal(f->mailbox.selected, f->mailbox.released);
    helper_mailbox_deinit(&f->mailbox);
    osci_sessions_free(f->sessions);
    identity_free(f->identity);
    cert_checker_free(f->checker);
    cert_cache_free(f->cache);
    trust_free(f->trust);
    for (size_t i = 0; i < f->cert_count; i++)
        cert_free(f->certs[i].cert);
    for (size_t i = 0; i < f->key_count; i++)
        key_free(f->keys[i].key);
}

int im_fixture_setup(void **state)
{
    struct im_fixture *f = malloc(sizeof *f);

    assert_non_null(f);
    im_fixture_init(f);
    *state = f;
    return 0;
}

int im_fixture_teardown(void **state)
{
    im_fixture_deinit(*state);
    free(*state);
    return 0;
}

/* ---- replies ---- */

void im_reply_deinit(struct im_reply *r)
{
    osci_reading_drop(&r->reading);
    buf_deinit(&r->wire);
    buf_deinit(&r->plain);
    *r = (struct im_reply){0};
}

void im_assert_code(const struct im_reply *r, const char *code)
{
    struct span last;

    assert_int_equal(r->fault, 0);
    last = osci_feedback_last(&r->reading->msg);
    if (!span_is(last, code))
        fail_msg("feedback %.*s instead of %s", SPAN_FMT(last), code);
}

void im_assert_codes(const struct im_reply *r, const char *codes)
{
    char got[128] = "";
    size_t n = 0;

    assert_int_equal(r->fault, 0);
    for (size_t i = 0; i < r->reading->msg.feedback_count; i++) {
        struct span code = r->reading->msg.feedback[i].code;

        if (i > 0 && span_eq(code, r->reading->msg.feedback[i - 1].code))
            continue;
        n += (size_t)snprintf(got + n, sizeof got - n, "%s%.*s", n > 0 ? " " : "", SPAN_FMT(code));
    }
    assert_string_equal(got, codes);
}

void im_text(struct span s, char *out, size_t cap)
{
    assert_true(s.len < cap);
    if (s.len > 0)
        memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
}

static void writer_collect(struct osci_writer *writer, struct buf *wire)
{
    bool end = false;

    while (!end)
        OK(osci_writer_next(writer, wire, &end, &err));
    assert_int_equal(wire->len, osci_writer_len(writer));
}

/* The answer of a recipient, and what the decision reads from. */
struct carried {
    struct buf wire, plain;
    struct source_span source;
    struct osci_forward_result result;
    struct osci_reading *reading;
};

static void carried_deinit(struct carried *c)
{
    osci_reading_free(c->reading);
    buf_deinit(&c->wire);
    buf_deinit(&c->plain);
}

/* What the gateway does between the two jobs. */
static void carry(struct im_fixture *f, struct osci_decision *d, struct carried *c)
{
    struct osci_forward_result *result = &c->result;
    struct sink_buf sink;
    struct source *source;
    AUTO(buf_deinit) struct buf out = {.max = WIRE_MAX};
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;

    buf_init(&c->wire, WIRE_MAX);
    buf_init(&c->plain, WIRE_MAX);
    assert_non_null(f->recipient);
    OK(osci_forward_write(&f->im, d, f->now, &writer, &err));
    writer_collect(writer, &out);
    result->how = f->recipient(f->recipient_ctx, d->forward_uri, buf_span(&out), &c->wire);
    if (result->how == OSCI_FORWARD_ANSWERED) {
        source = source_span_init(&c->source, buf_span(&c->wire));
        if (osci_transport_open(source, f->own, 2, &f->policy, f->now, NULL,
                                sink_buf_init(&sink, &c->plain), &result->transport,
                                &result->why) == ST_OK) {
            if (result->transport.encrypted)
                source = source_span_init(&c->source, buf_span(&c->plain));
            (void)!osci_message_read(source, &f->policy, f->now, f->cache, NULL, &c->reading,
                                     &result->why);
        }
        result->reading = c->reading;
        if (c->reading == NULL)
            result->how = OSCI_FORWARD_LOST;
    }
    osci_intermediary_resume(&f->im, d, result, f->now);
}

/* Is the time up before the inner message is carried out? As the test wants it. */
static void process(struct im_fixture *f, struct osci_decision *d)
{
    struct osci_processed done;
    struct error err = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 4096};
    struct span transfer = arena_span(&arena, d->transfer);

    if (f->processing == IM_AT_ONCE)
        f->processed = osci_transfer_process(&f->im, transfer, f->now, &done, &err);
    osci_transfer_resume(&f->im, d, f->processing == IM_AT_ONCE, f->now);
    if (f->processing == IM_TOO_SLOW)
        f->processed = osci_transfer_process(&f->im, transfer, f->now, &done, &err);
}

/* What a worker of the gateway does with a message. */
void im_answer(struct im_fixture *f, struct span wire, struct im_reply *r)
{
    struct osci_request request = {0};
    struct source_span outer, inner;
    struct sink_buf sink;
    struct source *source = source_span_init(&outer, wire);
    char code[8];
    AUTO(buf_deinit) struct buf plain = {0};
    AUTO(carried_deinit) struct carried carried = {0};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    AUTO(osci_decision_drop) struct osci_decision *d = NULL;
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;

    buf_init(&plain, WIRE_MAX);
    if (osci_transport_open(source, f->own, 2, &f->policy, f->now, NULL,
                            sink_buf_init(&sink, &plain), &request.transport,
                            &request.failure) == ST_OK) {
        if (request.transport.encrypted)
            source = source_span_init(&inner, buf_span(&plain));
        (void)!osci_message_read(source, &f->policy, f->now, f->cache, NULL, &reading,
                                 &request.failure);
    }
    request.reading = reading;
    OK(osci_intermediary_handle(&f->im, &request, f->now, &d, &err));
    if (d->forward)
        carry(f, d, &carried);
    if (d->process)
        process(f, d);
    if (d->fault == 0) {
        assert_int_equal(d->encrypt_for != NULL, request.transport.encrypted);
        OK(osci_decision_write(&f->im, d, f->now, &writer, &err));
        writer_collect(writer, &r->wire);
        return;
    }
    r->fault = d->fault;
    assert_int_equal(d->why.reason, d->fault);
    (void)snprintf(code, sizeof code, "%d", d->fault);
    OK(osci_fault_write(&r->wire, code, "text", rng_system(), &err));
}

void im_exchange(struct im_fixture *f, struct span wire, const struct osci_own_cipher *client,
                 struct im_reply *r)
{
    struct osci_transport transport = {0};
    struct sink_buf sink;
    struct source *source;

    *r = (struct im_reply){0};
    buf_init(&r->wire, WIRE_MAX);
    buf_init(&r->plain, WIRE_MAX);
    if (f->post != NULL)
        f->post(f->post_ctx, wire, r);
    else
        im_answer(f, wire, r);
    if (r->fault != 0)
        return;
    source = source_span_init(&r->source, buf_span(&r->wire));
    OK(osci_transport_open(source, client, 1, &f->policy, IM_NOW, NULL,
                           sink_buf_init(&sink, &r->plain), &transport, &err));
    if (transport.encrypted)
        source = source_span_init(&r->source, buf_span(&r->plain));
    OK(osci_message_read(source, &f->policy, IM_NOW, NULL, NULL, &r->reading, &err));
    if (r->reading->msg.type == OSCI_FAULT) {
        r->fault = atoi((const char *)r->reading->msg.fault_code.ptr);
        return;
    }
    OK(osci_message_verify(r->reading, f->identity->signature.cert, NULL, &err));
}

/* ---- clients ---- */

static struct cert *cert_of(struct im_client *c, const char *who, const char *kind)
{
    char name[64];

    (void)snprintf(name, sizeof name, "%s-%s-2048", who, kind);
    return im_cert(c->f, name);
}

static struct key *key_of(struct im_client *c, const char *kind)
{
    char name[64];

    (void)snprintf(name, sizeof name, "%s-%s-2048", c->who, kind);
    return im_key(c->f, name);
}

void im_client_init(struct im_client *c, struct im_fixture *f, const char *who)
{
    *c = (struct im_client){.f = f, .who = who};
    osci_dialog_init(&c->dialog, rng_system());
}

void im_client_restore(struct im_client *c, const struct osci_dialog *before)
{
    c->dialog = *before;
}

static void step(struct im_client *c, enum osci_dialog_event event,
                 const struct osci_controlblock *in)
{
    enum osci_dialog_action action;

    OK(osci_dialog_step(&c->dialog, event, in, &action, &err));
}

static enum osci_dialog_event event_of(const struct im_client *c, enum osci_type type)
{
    if (type == OSCI_INIT_DIALOG)
        return OSCI_OPEN;
    if (c->dialog.state != OSCI_READY)
        return OSCI_ONE;
    return type == OSCI_EXIT_DIALOG ? OSCI_CLOSE : OSCI_ORDER;
}

void im_order(struct im_client *c, enum osci_type type, struct osci_message *m)
{
    bool fetches = type == OSCI_FETCH_DELIVERY || type == OSCI_FETCH_PROCESS_CARD ||
                   type == OSCI_EXIT_DIALOG || type == OSCI_PARTIAL_FETCH_DELIVERY;

    if (c->dialog.state == OSCI_CLOSED || c->dialog.state == OSCI_DEAD ||
        c->dialog.state == OSCI_SINGLE)
        osci_dialog_init(&c->dialog, rng_system());
    step(c, event_of(c, type), NULL);
    *m = (struct osci_message){
        .type = type, .control = c->dialog.sent, .languages = SPAN("de en"), .certs = c->certs};
    if (!fetches)
        c->certs[m->cert_count++] = (struct osci_cert){.role = OSCI_CIPHER_ORIGINATOR,
                                                       .cert = cert_of(c, c->who, "cipher")};
    if (!c->unsign || !fetches)
        c->certs[m->cert_count++] = (struct osci_cert){.role = OSCI_SIGNATURE_ORIGINATOR,
                                                       .cert = cert_of(c, c->who, "signature")};
}

static void attachment_add(struct im_client *c, struct osci_message *m)
{
    m->has_package = true;
    m->package = SPAN(PACKAGE);
    c->attachment = (struct osci_attachment){
        .cid = SPAN("anhang.bin"),
        .len = sizeof IM_ATTACHMENT - 1,
        .body = source_span_init(&c->body, SPAN(IM_ATTACHMENT)),
    };
    OK(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), SPAN(IM_ATTACHMENT),
                 &c->attachment.digest, &err));
    m->attachments = &c->attachment;
    m->attachment_count = 1;
}

void im_store_order(struct im_client *c, struct osci_message *m, const char *id, const char *to)
{
    im_order(c, OSCI_STORE_DELIVERY, m);
    m->creation = m->reception = OSCI_QUALITY_PLAIN;
    m->message_id = c->id = span_str(id);
    c->certs[m->cert_count++] =
        (struct osci_cert){.role = OSCI_CIPHER_ADDRESSEE, .cert = cert_of(c, to, "cipher")};
    attachment_add(c, m);
}

void im_forward_order(struct im_client *c, enum osci_type type, struct osci_message *m,
                      const char *id, const char *to, const char *uri)
{
    im_order(c, type, m);
    c->certs[m->cert_count++] =
        (struct osci_cert){.role = OSCI_CIPHER_ADDRESSEE, .cert = cert_of(c, to, "cipher")};
    m->receiver_uri = span_str(uri);
    attachment_add(c, m);
    if (id == NULL)
        return;
    m->creation = m->reception = OSCI_QUALITY_PLAIN;
    m->message_id = c->id = span_str(id);
    m->subject = SPAN("Betreff");
}

void im_write(struct im_client *c, const struct osci_message *m, struct buf *wire)
{
    const struct osci_write in = {.msg = m,
                                  .sign_key = c->unsign ? NULL : key_of(c, "signature"),
                                  .encrypt_for = c->plain ? NULL : c->f->identity->cipher.cert,
                                  .policy = &c->f->policy,
                                  .now = IM_NOW,
                                  .rng = rng_system()};
    AUTO(osci_writer_drop) struct osci_writer *writer = NULL;

    OK(osci_message_write(&in, &writer, &err));
    writer_collect(writer, wire);
}

void im_post_foreign(struct im_client *c, struct span wire, struct im_reply *r)
{
    const struct osci_own_cipher own = {cert_of(c, c->who, "cipher"), key_of(c, "cipher")};

    im_exchange(c->f, wire, &own, r);
}

void im_post(struct im_client *c, struct span wire, struct im_reply *r)
{
    im_post_foreign(c, wire, r);
    if (r->fault != 0)
        step(c, OSCI_LOST, NULL);
    else
        step(c, OSCI_ANSWER, &r->reading->msg.control);
}

void im_send(struct im_client *c, const struct osci_message *m, struct im_reply *r)
{
    AUTO(buf_deinit) struct buf wire = {0};

    buf_init(&wire, WIRE_MAX);
    im_write(c, m, &wire);
    im_post(c, buf_span(&wire), r);
}

static void simple(struct im_client *c, enum osci_type type, const char *code)
{
    struct osci_message m;
    struct im_reply r;

    im_order(c, type, &m);
    im_send(c, &m, &r);
    im_assert_code(&r, code);
    im_reply_deinit(&r);
}

void im_dialog_open(struct im_client *c)
{
    simple(c, OSCI_INIT_DIALOG, "0801");
}

void im_dialog_close(struct im_client *c)
{
    simple(c, OSCI_EXIT_DIALOG, "0800");
}

void im_deliver(struct im_fixture *f, const char *id)
{
    struct im_client c;
    struct osci_message m;
    struct im_reply r;

    helper_mailbox_issue(&f->mailbox, span_str(id));
    im_client_init(&c, f, "originator");
    im_store_order(&c, &m, id, "addressee");
    im_send(&c, &m, &r);
    im_assert_code(&r, "0800");
    im_reply_deinit(&r);
}
