#include "conformance/fake.h"

#include <stdio.h>
#include <string.h>

#include "conformance/fake_state.h"
#include "crypto/base/xml.h"

enum { ARENA_MAX = 4 * 1024 * 1024, POLL_MS = 50, SILENT_MS = 5000 };

/* ---- what came ---- */

static void field(const xmlNode *node, const char *element, char *out)
{
    (void)conf_node_text(conf_node_below(node, element), out, CONF_FIELD_MAX);
}

static void seen_fill(struct conf_seen *seen, const struct conf_view *v, const char *path)
{
    const xmlNode *control = conf_view_block(v, "ControlBlock");
    const xmlNode *order;
    AUTO(buf_deinit) struct buf id = {0};
    char sequence[32];

    *seen = (struct conf_seen){.encrypted = v->encrypted};
    (void)snprintf(seen->path, sizeof seen->path, "%s", path);
    (void)conf_view_type(v, seen->type, sizeof seen->type);
    (void)conf_node_attr(control, "ConversationId", seen->conversation, CONF_FIELD_MAX);
    (void)conf_node_attr(control, "SequenceNumber", sequence, sizeof sequence);
    seen->sequence = sequence[0] == '\0' ? -1 : strtoll(sequence, NULL, 10);
    field(control, "Response", seen->response);
    field(control, "Challenge", seen->challenge);
    order = conf_view_block(v, seen->type);
    if (order == NULL)
        order = conf_node_below(conf_view_body(v), seen->type);
    conf_node_bytes(conf_node_below(order, "MessageId"), &id);
    (void)snprintf(seen->id, sizeof seen->id, "%.*s", (int)id.len,
                   id.len == 0 ? "" : (const char *)id.ptr);
}

/* ---- what goes ---- */

static void fault_write(const struct conf_misstep *step, const char *code, struct buf *out)
{
    AUTO(buf_deinit) struct buf xml = {0};
    bool qualified = step != NULL && step->qualified;

    buf_init(&xml, 4096);
    buf_printf(&xml,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\r\n"
               "<soap:Envelope xmlns:soap=\"" SOAP_NS "\" xmlns:osci=\"" OSCI_NS
               "\"><soap:Body><soap:Fault%s><faultcode>%s</faultcode>"
               "<faultstring>Konformit\xc3\xa4t</faultstring>"
               "<detail><osci:Code>%s</osci:Code></detail></soap:Fault></soap:Body>"
               "</soap:Envelope>",
               qualified ? " xmlns:ns7=\"" SOAP_NS "\"" : "",
               qualified ? "ns7:Client" : "soap:Client", code);
    conf_mime(out, buf_span(&xml));
}

/* Another signer, or another certificate shown as his. */
static void signer_apply(struct fake_turn *turn, struct conf_hop *hop)
{
    const struct conf_misstep *step = turn->step;

    for (size_t i = 0; step != NULL && i < turn->answer.cert_count; i++) {
        struct osci_cert *c = &turn->answer.certs[i];

        if (c->role != OSCI_SIGNATURE_INTERMEDIARY)
            continue;
        if (step->signer != NULL) {
            hop->from = conf_party(turn->fake->run, step->signer);
            c->cert = hop->from->signature == NULL ? c->cert : hop->from->signature;
        }
        if (step->shown != NULL)
            c->cert = step->shown;
    }
}

/* Spoilt behind the signature, but inside the envelope. */
static enum status spoilt_write(struct fake_turn *turn, struct conf_alteration *row,
                                const struct conf_hop *hop, struct buf *out, struct error *err)
{
    static const struct conf_envelope usual = {.iv_len = 12};
    const struct conf_misstep *step = turn->step;
    AUTO(buf_deinit) struct buf plain = {0}, spoilt = {0};

    row->plain = true;
    buf_init(&plain, CONF_WIRE_MAX);
    buf_init(&spoilt, CONF_WIRE_MAX);
    TRY(conf_alter(row, &turn->answer, hop, &plain, err));
    if (step->mangler != NULL)
        conf_mangle(step->mangler, buf_span(&plain), &spoilt);
    else
        TRY(conf_excess(step->excess - 1, buf_span(&plain), &spoilt, err));
    return conf_envelope_write(&usual, hop->to->cipher, buf_span(&spoilt), out, err);
}

static enum status answer_write(struct fake_turn *turn, struct buf *out, struct error *err)
{
    static const struct conf_alteration none = {.name = "as it should be"};
    const struct conf_misstep *step = turn->step;
    struct conf_hop hop = {turn->fake->us, turn->fake->client};
    struct conf_alteration row = step != NULL && step->row != NULL ? *step->row : none;

    if (step != NULL && step->change != NULL)
        step->change(&turn->answer, step->ctx);
    row.plain |= (row.name == none.name && !turn->view->encrypted) || (step != NULL && step->plain);
    row.unsign |= step != NULL && step->unsign;
    signer_apply(turn, &hop);
    for (size_t i = 0; i < turn->answer.cert_count; i++) {
        struct osci_cert *c = &turn->answer.certs[i];

        if (c->id.len == 0)
            TRY(osci_cert_id(c->role, 0, c->cert, &turn->arena, &c->id, err));
    }
    if (step != NULL && (step->excess > 0 || step->mangler != NULL))
        return spoilt_write(turn, &row, &hop, out, err);
    return conf_alter(&row, &turn->answer, &hop, out, err);
}

/* The misstep that is planned for this order; the lock is held. */
static const struct conf_misstep *step_take(struct conf_fake *f, const struct conf_seen *seen)
{
    const struct conf_misstep *step = f->step;

    if (step == NULL || f->happened || strcmp(step->type, seen->type) != 0)
        return NULL;
    if (f->passed++ < step->skip)
        return NULL;
    f->happened = true;
    f->happened_at = f->seen_count;
    return step;
}

static void answer_regular(struct fake_turn *turn, struct conf_answer *answer)
{
    const struct conf_misstep *step = turn->step;
    struct error err = {0};
    const char *fault = NULL;
    enum status st = fake_answer_make(turn, &fault, &err);

    if (st == ST_OK && fault == NULL) {
        st = answer_write(turn, &answer->body, &err);
        (void)snprintf(turn->seen->our_conversation, CONF_FIELD_MAX, "%s", turn->conversation);
        (void)snprintf(turn->seen->our_challenge, CONF_FIELD_MAX, "%s", turn->challenge);
    }
    if (st != ST_OK) {
        (void)fprintf(stderr, "client: %s to %s: %s\n", step == NULL ? "answer" : step->name,
                      turn->seen->type, err.text);
        fault = "9000";
    }
    if (fault != NULL) {
        buf_reset(&answer->body);
        fault_write(NULL, fault, &answer->body);
    }
    if (step != NULL && step->what == CONF_HANG_UP_AFTER)
        answer->status = 0;
}

/* The lock is held. */
static void answer_make(struct fake_turn *turn, struct conf_answer *answer)
{
    const struct conf_misstep *step = turn->step;

    answer->status = step != NULL && step->status != 0 ? step->status : 200;
    switch (step == NULL ? CONF_ALTER : step->what) {
    case CONF_HANG_UP_BEFORE:
    case CONF_HOOK:
        answer->status = 0;
        break;
    case CONF_FAULT:
        fault_write(step, step->fault, &answer->body);
        break;
    case CONF_REDIRECT:
        answer->status = step->status == 0 ? 302 : step->status;
        answer->location = step->location;
        break;
    case CONF_BYTES:
        buf_add(&answer->body, step->bytes);
        break;
    case CONF_ALTER:
    case CONF_HANG_UP_AFTER:
        answer_regular(turn, answer);
        break;
    }
}

/* The lock is held. */
static void withdraw_all(struct conf_fake *f)
{
    f->waiting_count = 0;
    for (size_t i = 0; i < CONF_SESSIONS_MAX; i++)
        f->sessions[i].fetched = NULL;
}

static void hook_run(struct conf_fake *f, const struct conf_misstep *step)
{
    struct error err = {0};

    if (conf_hook_run(f->run, step->hook, NULL, 0, NULL, &err) != ST_OK)
        (void)fprintf(stderr, "client: %s\n", err.text);
}

static void handle(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    struct conf_fake *f = ctx;
    const struct conf_pair own = {f->us->cipher, f->us->cipher_key};
    struct conf_view view = {0};
    struct fake_turn turn = {.fake = f, .view = &view};
    const char *wrong = conf_view_open(&view, request->body, &own, 1);

    arena_init(&turn.arena, ARENA_MAX);
    (void)pthread_mutex_lock(&f->lock);
    f->heard_at = conf_now();
    if (wrong == NULL && f->seen_count < CONF_SEEN_MAX) {
        conf_evidence_add(f->run, "request-plain", buf_span(&view.plain));
        turn.seen = &f->seen[f->seen_count];
        seen_fill(turn.seen, &view, request->path);
        turn.step = step_take(f, turn.seen);
        turn.seen->misstep = turn.step != NULL;
        if (turn.step != NULL && turn.step->what == CONF_HOOK)
            hook_run(f, turn.step);
        turn.seen->strong = conf_structure_envelope(&view) == NULL;
        fake_order_look(&turn);
        answer_make(&turn, answer);
        if (turn.step != NULL && turn.step->withdraw)
            withdraw_all(f);
        f->seen_count++;
    } else {
        (void)conf_check(f->run, 1, false, "an order that cannot be opened: %s", wrong);
        answer->status = 200;
        fault_write(NULL, "9100", &answer->body);
    }
    (void)pthread_mutex_unlock(&f->lock);
    arena_deinit(&turn.arena);
    conf_view_deinit(&view);
}

/* ---- for scenarios ---- */

static void fake_free(void *state)
{
    struct conf_fake *f = state;

    conf_listener_free(f->listener);
    buf_deinit(&f->stored_plain);
    fake_transfer_reset(&f->transfer);
    (void)pthread_mutex_destroy(&f->lock);
    free(f->seen);
    free(f);
}

/* The port in http://host:port/path. */
static unsigned port_of(const char *url)
{
    const char *at = strstr(url, "://");

    at = at == NULL ? NULL : strchr(at + 3, ':');
    return at == NULL ? 0 : (unsigned)strtoul(at + 1, NULL, 10);
}

enum status conf_fake_get(struct conf_run *run, struct conf_fake **fake, struct error *err)
{
    struct conf_fake *f;
    enum status st;

    if (run->role_state != NULL) {
        *fake = run->role_state;
        return ST_OK;
    }
    f = calloc(1, sizeof *f);
    TRY_ALLOC(f, err);
    f->run = run;
    f->us = conf_party(run, "intermediary");
    f->client = conf_party(run, "client");
    f->heard_at = conf_now();
    f->seen = calloc(CONF_SEEN_MAX, sizeof *f->seen);
    (void)pthread_mutex_init(&f->lock, NULL);
    buf_init(&f->stored_plain, CONF_WIRE_MAX);
    if (f->seen == NULL)
        st = error_set(err, ST_LIMIT, 0, "out of memory");
    else if (f->us->cipher_key == NULL || f->us->signature_key == NULL ||
             f->client->cipher == NULL || f->client->signature == NULL)
        st = error_set(err, ST_NOT_FOUND, 0,
                       "needs keys of the intermediary and certificates of the client");
    else
        st = conf_listen(run, port_of(run->settings->urls[CONF_CLIENT]), handle, f, &f->listener,
                         err);
    if (st != ST_OK) {
        fake_free(f);
        return st;
    }
    run->role_state = *fake = f;
    run->role_end = fake_free;
    return ST_OK;
}

void conf_fake_plan(struct conf_fake *f, const struct conf_misstep *step)
{
    (void)pthread_mutex_lock(&f->lock);
    f->step = step;
    f->passed = 0;
    f->happened = false;
    (void)pthread_mutex_unlock(&f->lock);
}

unsigned conf_fake_patience(struct conf_fake *f)
{
    unsigned ms = conf_patience_ms(f->run);
    int64_t silence;

    (void)pthread_mutex_lock(&f->lock);
    silence = conf_now() - f->heard_at;
    (void)pthread_mutex_unlock(&f->lock);
    return silence >= ms && ms > SILENT_MS ? SILENT_MS : ms;
}

enum status conf_fake_happened(struct conf_fake *f, size_t *at, struct error *err)
{
    unsigned ms = conf_fake_patience(f);
    bool happened = false;
    const char *type;

    for (unsigned waited = 0;; waited += POLL_MS) {
        (void)pthread_mutex_lock(&f->lock);
        happened = f->happened;
        *at = f->happened_at;
        type = f->step == NULL ? "order" : f->step->type;
        (void)pthread_mutex_unlock(&f->lock);
        if (happened)
            return ST_OK;
        if (waited >= ms)
            return error_set(err, ST_RETRY, 0, "the client sent no %s within %u seconds", type,
                             ms / 1000);
        conf_sleep(POLL_MS);
    }
}

size_t conf_fake_count(struct conf_fake *f)
{
    size_t count;

    (void)pthread_mutex_lock(&f->lock);
    count = f->seen_count;
    (void)pthread_mutex_unlock(&f->lock);
    return count;
}

void conf_fake_seen(struct conf_fake *f, size_t i, struct conf_seen *seen)
{
    (void)pthread_mutex_lock(&f->lock);
    *seen = i < f->seen_count ? f->seen[i] : (struct conf_seen){.sequence = -1};
    (void)pthread_mutex_unlock(&f->lock);
}

static bool fits(const struct conf_seen *seen, const char *type, const char *conversation)
{
    return (type == NULL || strcmp(seen->type, type) == 0) &&
           (conversation == NULL || strcmp(seen->conversation, conversation) == 0);
}

bool conf_fake_wait(struct conf_fake *f, size_t from, const char *type, const char *conversation,
                    unsigned ms, size_t *at)
{
    bool found = false;

    for (unsigned waited = 0; !found; waited += POLL_MS) {
        (void)pthread_mutex_lock(&f->lock);
        for (size_t i = from; i < f->seen_count && !found; i++) {
            found = fits(&f->seen[i], type, conversation);
            if (found && at != NULL)
                *at = i;
        }
        (void)pthread_mutex_unlock(&f->lock);
        if (found || waited >= ms)
            break;
        conf_sleep(POLL_MS);
    }
    return found;
}

bool conf_fake_stored(struct conf_fake *f, const char *word, struct conf_stored *stored)
{
    bool found = false;

    (void)pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->stored_count && !found; i++) {
        found = strstr(f->stored[i].subject, word) != NULL;
        if (found)
            *stored = f->stored[i];
    }
    (void)pthread_mutex_unlock(&f->lock);
    return found;
}

void conf_fake_deliver(struct conf_fake *f, struct conf_delivery *d)
{
    (void)pthread_mutex_lock(&f->lock);
    if (f->waiting_count < CONF_WAITING_MAX)
        f->waiting[f->waiting_count++] = d;
    (void)pthread_mutex_unlock(&f->lock);
}

bool conf_fake_withdraw(struct conf_fake *f, const struct conf_delivery *d)
{
    bool waited = false;

    (void)pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->waiting_count; i++)
        if (f->waiting[i] == d) {
            f->waiting[i] = f->waiting[--f->waiting_count];
            waited = true;
        }
    for (size_t i = 0; i < CONF_SESSIONS_MAX; i++)
        if (f->sessions[i].fetched == d)
            f->sessions[i].fetched = NULL;
    (void)pthread_mutex_unlock(&f->lock);
    return waited;
}

void conf_fake_inspections(struct conf_fake *f, struct osci_inspection *list, size_t count)
{
    (void)pthread_mutex_lock(&f->lock);
    f->inspections = list;
    f->inspection_count = count;
    (void)pthread_mutex_unlock(&f->lock);
}

void conf_fake_conversation(struct conf_fake *f, const char *conversation)
{
    (void)pthread_mutex_lock(&f->lock);
    f->conversation = conversation;
    (void)pthread_mutex_unlock(&f->lock);
}

void conf_fake_chunks(struct conf_fake *f, const char *inside)
{
    (void)pthread_mutex_lock(&f->lock);
    f->inside = inside;
    (void)pthread_mutex_unlock(&f->lock);
}

size_t conf_fake_completed(struct conf_fake *f)
{
    size_t count;

    (void)pthread_mutex_lock(&f->lock);
    count = f->completed;
    (void)pthread_mutex_unlock(&f->lock);
    return count;
}

bool conf_fake_wire(struct conf_fake *f, const char *word, struct buf *plain)
{
    bool is_it;

    (void)pthread_mutex_lock(&f->lock);
    is_it = strstr(f->stored_subject, word) != NULL;
    if (is_it)
        buf_add(plain, buf_span(&f->stored_plain));
    (void)pthread_mutex_unlock(&f->lock);
    return is_it;
}
