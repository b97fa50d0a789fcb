/*
 * The scenarios for intermediaries, against ours, and against ours with one thing spoilt in what it
 * answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conformance/forge.h"
#include "conformance/view.h"
#include "tests/unit/helper_conformance.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_intermediary.h"

#define EDITS(...) ((const struct conf_edit[]){__VA_ARGS__, {.from = NULL}})

struct spoil {
    enum {
        HONEST,
        SAYS_YES, /* a fault becomes the last good answer */
        SAYS_NO,  /* everything is a fault */
        HTTP_500, /* faults come with it */
        CLEAR,    /* nothing is enciphered */
        UNSIGNED, /* the signature block is gone */
        HANGS_UP, /* no answer at all */
        OUTSIDE,  /* edits in the bytes */
        INSIDE,   /* edits in the message, which is enciphered again */
    } how;
    const struct conf_edit *edits;
};

struct world {
    struct im_fixture f;
    struct helper_conformance *h;
    const struct spoil *spoil;
    pthread_mutex_t lock; /* the mailbox in memory is for one at a time */
    struct buf last;
};

/* The message in the envelope, and for whom it was; false: none of the clients', or in the clear.
 */
static bool opened(struct world *w, struct span wire, struct buf *plain, struct cert **reader)
{
    static const char *const names[] = {"originator", "addressee", "other"};
    struct conf_pair pairs[ARRAY_LEN(names)];
    size_t count = 0;
    AUTO(conf_view_deinit) struct conf_view v = {0};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct conf_party *p = conf_party(&w->h->run, names[i]);

        if (p->cipher_key != NULL)
            pairs[count++] = (struct conf_pair){p->cipher, p->cipher_key};
    }
    if (conf_view_open(&v, wire, pairs, count) != NULL || !v.encrypted)
        return false;
    buf_add(plain, buf_span(&v.plain));
    *reader = cert_ref((struct cert *)(uintptr_t)pairs[v.own].cert);
    return true;
}

/* Without the part from begin to end. */
static void cut_out(struct buf *text, const char *begin, const char *end)
{
    size_t from = span_find(buf_span(text), span_str(begin));
    size_t to = span_find(buf_span(text), span_str(end));
    AUTO(buf_deinit) struct buf rest = {0};

    if (from == SIZE_MAX || to == SIZE_MAX)
        return;
    buf_init(&rest, text->max);
    buf_add(&rest, span_sub(buf_span(text), 0, from));
    buf_add(&rest, span_from(buf_span(text), to + strlen(end)));
    buf_reset(text);
    buf_add(text, buf_span(&rest));
}

static void spoil_inside(struct world *w, struct buf *body)
{
    const struct conf_envelope usual = {0};
    struct error err = {0};
    AUTO(buf_deinit) struct buf plain = {0};
    AUTO(cert_drop) struct cert *reader = NULL;

    buf_init(&plain, CONF_WIRE_MAX);
    if (!opened(w, buf_span(body), &plain, &reader))
        return;
    if (w->spoil->how == UNSIGNED)
        cut_out(&plain, "<osci:SupplierSignature", "</osci:SupplierSignature>");
    else if (w->spoil->how == INSIDE)
        (void)!conf_edit(w->spoil->edits, &plain, &err); /* where it fits */
    buf_reset(body);
    if (w->spoil->how == CLEAR)
        buf_add(body, buf_span(&plain));
    else
        assert_int_equal(conf_envelope_write(&usual, reader, buf_span(&plain), body, &err), ST_OK);
}

static void answer_spoil(struct world *w, bool fault, struct conf_answer *answer)
{
    struct error err = {0};

    answer->status = 200;
    switch (w->spoil->how) {
    case HONEST:
        break;
    case SAYS_YES:
        if (fault) {
            buf_reset(&answer->body);
            buf_add(&answer->body, buf_span(&w->last));
        }
        break;
    case SAYS_NO:
        buf_reset(&answer->body);
        assert_int_equal(osci_fault_write(&answer->body, "9000", "no", rng_system(), &err), ST_OK);
        break;
    case HTTP_500:
        answer->status = fault ? 500 : 200;
        break;
    case HANGS_UP:
        answer->status = 0;
        break;
    case OUTSIDE:
        (void)!conf_edit(w->spoil->edits, &answer->body, &err);
        break;
    case CLEAR:
    case UNSIGNED:
    case INSIDE:
        if (!fault)
            spoil_inside(w, &answer->body);
        break;
    }
}

static void answer(void *ctx, const struct conf_request *request, struct conf_answer *a)
{
    struct world *w = ctx;
    struct im_reply reply = {0};

    (void)pthread_mutex_lock(&w->lock);
    buf_init(&reply.wire, CONF_WIRE_MAX);
    im_answer(&w->f, request->body, &reply);
    buf_add(&a->body, buf_span(&reply.wire));
    if (reply.fault == 0) {
        buf_reset(&w->last);
        buf_add(&w->last, buf_span(&reply.wire));
    }
    answer_spoil(w, reply.fault != 0, a);
    im_reply_deinit(&reply);
    (void)pthread_mutex_unlock(&w->lock);
}

static const struct row {
    const char *name, *only; /* scenarios that begin so; NULL: all that need no files */
    struct spoil spoil;
    unsigned char passes[32], fails[32]; /* which must, whatever else does */
} rows[] = {
    {"ours, with alterations",
     "alterations",
     {.how = HONEST},
     {1,  2,  3,  4,  5,  6,  7,  8,  10, 11, 12, 13, 14, 15, 16, 17,
      18, 19, 20, 21, 22, 23, 25, 31, 32, 33, 34, 36, 37, 38, 62},
     {0}},
    {"ours, with wrong ControlBlocks", "wrong-control", {.how = HONEST}, {64}, {0}},
    {"ours, with used ids", "used-ids", {.how = HONEST}, {68, 66, 88, 89}, {0}},
    {"a success instead of each fault",
     "alterations",
     {.how = SAYS_YES},
     {0},
     {4, 6, 8, 11, 12, 14, 37, 38, 39}},
    {"no ControlBlock is wrong", "wrong-control", {.how = SAYS_YES}, {0}, {64}},
    {"a fault for everything",
     "alterations",
     {.how = SAYS_NO},
     {0},
     {3, 13, 15, 16, 25, 27, 31, 32, 33, 4, 37}},
    {"faults with HTTP 500", "wrong-control", {.how = HTTP_500}, {0}, {62}},
    {"answers in the clear", "used-ids", {.how = CLEAR}, {0}, {89}},
    {"answers without signature", "used-ids", {.how = UNSIGNED}, {0}, {23, 89}},
    {"no answer", "used-ids", {.how = HANGS_UP}, {0}, {68}},
    {"no MIME-Version",
     "used-ids",
     {OUTSIDE, EDITS({.from = "MIME-Version: 1.0\r\n", .to = "X-Nothing: 1\r\n"})},
     {0},
     {1}},
    {"two blanks in schemaLocation",
     "used-ids",
     {INSIDE, EDITS({.from = "oscisig.xsd http", .to = "oscisig.xsd  http"})},
     {0},
     {5}},
    {"an Id in the envelope",
     "used-ids",
     {OUTSIDE, EDITS({.from = "<xenc:EncryptedData ", .to = "<xenc:EncryptedData Id=\"x\" "})},
     {0},
     {36}},
    {"one language only",
     "used-ids",
     {INSIDE, EDITS({.from = "xml:lang=\"en\"", .to = "xml:lang=\"fr\"", .all = true})},
     {0},
     {88, 89}},
    {"no ConversationId",
     "used-ids",
     {INSIDE, EDITS({.from = " ConversationId=\"", .to = " Conversation=\""})},
     {0},
     {66}},
    {"a process card that shows too much",
     "used-ids",
     {INSIDE, EDITS({.from = "</osci:Creation>",
                     .to = "</osci:Creation><osci:Reception></osci:Reception>"})},
     {0},
     {74}},
    {"a header block without Id",
     "used-ids",
     {INSIDE, EDITS({.from = " Id=\"controlblock\"", .to = ""})},
     {0},
     {7}},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    struct helper_conformance h;
    struct world w = {.h = &h, .spoil = &row->spoil};

    assert_int_equal(pthread_mutex_init(&w.lock, NULL), 0);
    buf_init(&w.last, CONF_WIRE_MAX);
    im_fixture_init(&w.f);
    w.f.now = conf_now();
    w.f.im.allow_plain = false;
    w.f.policy = (struct policy){0};
    helper_conformance_open(&h, CONF_INTERMEDIARY, answer, &w);
    helper_conformance_run(&h, CONF_INTERMEDIARY, row->only);
    helper_conformance_expect(&h, CONF_INTERMEDIARY, row->passes, CONF_PASS);
    helper_conformance_expect(&h, CONF_INTERMEDIARY, row->fails, CONF_FAIL);
    helper_conformance_close(&h);
    im_fixture_deinit(&w.f);
    buf_deinit(&w.last);
    (void)pthread_mutex_destroy(&w.lock);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] =
            (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    return cmocka_run_group_tests_name("conformance_intermediary", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}
