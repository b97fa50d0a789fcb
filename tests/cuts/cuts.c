/*
 * cuts CUTS [WORLDS [UNCLEAR [SEED]]] - messages over lines that break at every byte of interest
 *
 * A world is an originator, an intermediary, and an addressee who fetches from its mailbox and is a
 * passive recipient, too. Each of the three ways between them is a line (tests/unit/helper_line.h)
 * that breaks again and again, in either direction, at the places where something may be thought to
 * be complete: around the first and last byte, the end of the head, every boundary of the MIME
 * parts, and evenly in between; and in four manners. For each type of order all places and manners
 * have their turn. After CUTS of them the lines hold, and all must come to its end:
 *
 *   cuts 2000 lost 0 doubled 0 unclear 0
 *
 * unclear: what still is UNCLEAR seconds after the last cut; 4, two polling intervals, unless
 * something else has the machine busy. 0 to all, or it fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "crypto/cipher.h"
#include "gateway/loop.h"
#include "gateway/worker.h"
#include "osci/message.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_gateway.h"
#include "tests/unit/helper_intermediary.h"
#include "tests/unit/helper_line.h"
#include "tests/unit/helper_osci.h"

enum { WORLDS_MAX = 16, FLIGHT = 8, POINTS_MAX = 512, EVENLY = 12, PLAIN_MAX = 16 * 1024 * 1024 };
enum { POLL_MS = 2000, LIMIT_MS = 60 * 60 * 1000, END_MS = 10 * 60 * 1000, TICK_MS = 50 };
enum { CUT_ANSWER = 0x100 }; /* in a tag, beside the type */

#define IDENTITY(who)                                                                              \
    "  identity:\n"                                                                                \
    "    signature: { certificate: %%K/" who "-signature-2048.cert.pem,"                           \
    " key: %%K/" who "-signature-2048.key.pem }\n"                                                 \
    "    cipher: { certificate: %%K/" who "-cipher-2048.cert.pem,"                                 \
    " key: %%K/" who "-cipher-2048.key.pem }\n"
#define LISTENERS "  listeners: [ { address: 127.0.0.1, port: 0, path: /osci } ]\n"
#define TRUST "trust: { osci: [ %%K/ca.cert.pem ] }\n"
#define INTERMEDIARY                                                                               \
    "intermediaries:\n"                                                                            \
    "  - name: im\n"                                                                               \
    "    url: http://127.0.0.1:%u/osci\n"                                                          \
    "    cipher_certificate: %%K/intermediary-cipher-2048.cert.pem\n"                              \
    "    signature_certificate: %%K/intermediary-signature-2048.cert.pem\n"                        \
    "    poll_seconds: 1\n"                                                                        \
    "    receipt_poll_seconds: 2\n"                                                                \
    "    timeout_seconds: 60\n"

static const char im_yaml[] = TRUST "osci_server:\n" IDENTITY("intermediary") LISTENERS
    "  self_registering: true\n"
    "  forward_seconds: 30\n"
    "  receivers: [ { url: 'http://127.0.0.1:%u/osci' } ]\n";

static const char addressee_yaml[] = "tenant:\n  name: Stadt B\n" IDENTITY("addressee")
    TRUST INTERMEDIARY "endpoints: [ { name: fach } ]\n"
                       "osci_recipient:\n" LISTENERS;

static const char originator_yaml[] = "tenant:\n  name: Stadt A\n" IDENTITY("originator")
    TRUST INTERMEDIARY "    fetch: false\n"
                       "partners:\n"
                       "  - { name: store, intermediary: im,"
                       " cipher_certificate: %%K/addressee-cipher-2048.cert.pem }\n"
                       "  - { name: forward, intermediary: im, delivery: forward,"
                       " receiver_url: 'http://127.0.0.1:%u/osci',"
                       " cipher_certificate: %%K/addressee-cipher-2048.cert.pem }\n"
                       "retry: { first_seconds: 1, max_seconds: 2 }\n";

struct kind {
    unsigned seen, turn, next[LINE_WAYS], cuts[LINE_WAYS];
};

struct world {
    struct helper_gateway im, a, b;
    struct helper_line out, in,
        on; /* originator to intermediary, addressee to it, it to addressee */
    size_t sent;
};

/* lock protects what follows it; the lines' threads plan. */
struct trial {
    unsigned wanted, worlds, unclear_s;
    struct world world[WORLDS_MAX];
    struct im_fixture keys; /* to see what a line carries */
    struct osci_own_cipher own[2];
    pthread_mutex_t lock;
    struct kind kinds[OSCI_TYPES];
    unsigned cuts;
    uint32_t random;
};

/* ---- where to cut ---- */

static uint32_t draw(struct trial *t, uint32_t below)
{
    t->random = t->random * 1103515245 + 12345;
    return (t->random >> 16) % below;
}

/* What the order in an HTTP request is; OSCI_TYPES: not to be seen. */
static enum osci_type type_of(struct trial *t, struct span request)
{
    size_t head = span_find(request, SPAN("\r\n\r\n"));
    enum osci_type type = OSCI_TYPES;
    struct osci_transport transport = {0};
    struct source_span outer, inner;
    struct sink_buf sink;
    struct error err = {0};
    AUTO(buf_deinit) struct buf plain = {0};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;

    buf_init(&plain, PLAIN_MAX);
    if (osci_transport_open(source_span_init(&outer, span_from(request, head + 4)), t->own, 2,
                            &t->keys.policy, gw_now_ms(), NULL, sink_buf_init(&sink, &plain),
                            &transport, &err) == ST_OK &&
        osci_message_read(source_span_init(&inner, buf_span(&plain)), &t->keys.policy, gw_now_ms(),
                          NULL, NULL, &reading, &err) == ST_OK)
        type = reading->msg.type;
    return type;
}

static void point(size_t *points, size_t *count, size_t at, size_t len)
{
    if (at <= len && *count < POINTS_MAX)
        points[(*count)++] = at;
}

static size_t points_of(struct span m, size_t *points)
{
    size_t count = 0, head = span_find(m, SPAN("\r\n\r\n")), at = head + 4;
    const size_t plain[] = {0, 1, head, head + 3, head + 4, head + 5, m.len - 2, m.len - 1, m.len};

    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        point(points, &count, plain[i], m.len);
    for (;;) { /* MIME boundaries are the lines that begin so */
        size_t next = span_find(span_from(m, at), SPAN("\r\n--"));

        if (next == SIZE_MAX)
            break;
        at += next + 2;
        for (size_t i = 0; i < 3; i++)
            point(points, &count, at - 1 + i, m.len);
    }
    for (size_t i = 1; i < EVENLY; i++)
        point(points, &count, m.len / EVENLY * i, m.len);
    return count;
}

/* The next place and manner of this type and way; both walk through all of theirs. */
static void cut_next(struct trial *t, struct kind *k, enum line_way way, struct span m,
                     struct line_cut *cut)
{
    size_t points[POINTS_MAX], count = points_of(m, points);
    unsigned n = k->next[way]++;

    cut->at = points[n % count];
    cut->manner = (enum line_manner)((n + n / count) % LINE_MANNERS);
    k->cuts[way]++;
    t->cuts++;
}

/* One in three where it was cut less than elsewhere, else one in eight: a line that does nothing
 * but break would keep all from going on. */
static bool cut_now(struct trial *t, const struct kind *k)
{
    unsigned kinds = 0;

    for (size_t i = 0; i < OSCI_TYPES; i++)
        kinds += t->kinds[i].seen > 0;
    return t->cuts < t->wanted &&
           draw(t, (k->cuts[0] + k->cuts[1]) * kinds <= t->cuts ? 3 : 8) == 0;
}

static bool plan(void *ctx, int *tag, enum line_way way, struct span message, struct line_cut *cut)
{
    struct trial *t = ctx;
    enum osci_type type = way == LINE_REQUEST ? type_of(t, message) : (*tag & 0xff);
    struct kind *k = &t->kinds[type];
    bool breaks = false;

    if (type == OSCI_TYPES)
        return false;
    pthread_mutex_lock(&t->lock);
    if (way == LINE_REQUEST) {
        *tag = (int)type;
        k->seen++;
        breaks = cut_now(t, k);
        if (breaks && k->turn++ % LINE_WAYS != 0) {
            *tag |= CUT_ANSWER;
            breaks = false;
        }
    } else {
        breaks = (*tag & CUT_ANSWER) != 0 && t->cuts < t->wanted;
    }
    if (breaks)
        cut_next(t, k, way, message, cut);
    pthread_mutex_unlock(&t->lock);
    return breaks;
}

/* Cut, and every line is back. */
static bool all_cut(struct trial *t)
{
    bool all;

    pthread_mutex_lock(&t->lock);
    all = t->cuts >= t->wanted;
    pthread_mutex_unlock(&t->lock);
    for (unsigned i = 0; i < t->worlds; i++)
        all = all &&
              t->world[i].out.breaking + t->world[i].in.breaking + t->world[i].on.breaking == 0;
    return all;
}

/* ---- the worlds ---- */

static void line_open(struct trial *t, struct helper_line *l)
{
    l->plan = plan;
    l->ctx = t;
    helper_line_open(l);
}

static void world_open(struct trial *t, struct world *w)
{
    char yaml[4096];

    line_open(t, &w->out);
    line_open(t, &w->in);
    line_open(t, &w->on);
    (void)snprintf(yaml, sizeof yaml, im_yaml, w->on.port);
    helper_gateway_start(&w->im, yaml, false);
    w->out.target = w->in.target = w->im.port;
    (void)snprintf(yaml, sizeof yaml, addressee_yaml, w->in.port);
    helper_gateway_start(&w->b, yaml, true);
    w->on.target = w->b.port;
    (void)snprintf(yaml, sizeof yaml, originator_yaml, w->out.port, w->on.port);
    helper_gateway_start(&w->a, yaml, true);
}

static void world_close(struct world *w)
{
    helper_gateway_stop(&w->a);
    helper_gateway_stop(&w->b);
    helper_gateway_stop(&w->im);
    helper_line_close(&w->out);
    helper_line_close(&w->in);
    helper_line_close(&w->on);
}

static uint64_t outbox_count(struct world *w, enum gw_state state)
{
    struct gw_counts counts;
    struct error err = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    helper_ok(gw_store_read(w->a.rt->store, &tx, &err), &err);
    helper_ok(gw_store_counts(tx, NULL, NULL, &counts, &err), &err);
    return counts.messages[GW_OUTBOX][state];
}

static size_t all_in(struct trial *t, enum gw_state state)
{
    size_t count = 0;

    for (unsigned i = 0; i < t->worlds; i++)
        count += outbox_count(&t->world[i], state);
    return count;
}

static size_t all_sent(const struct trial *t)
{
    size_t count = 0;

    for (unsigned i = 0; i < t->worlds; i++)
        count += t->world[i].sent;
    return count;
}

static void world_feed(struct world *w)
{
    size_t flying = w->sent - outbox_count(w, GW_DELIVERED);
    char id[GW_ID_SIZE], subject[32];

    for (; flying < FLIGHT; flying++) {
        (void)snprintf(subject, sizeof subject, "%zu", w->sent++);
        helper_gateway_send(&w->a, w->sent % 2 == 0 ? "store" : "forward", subject, id);
    }
}

static void pause_ms(int64_t ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

/* ---- the reckoning ---- */

struct figures {
    size_t lost, doubled, unclear;
    int64_t unclear_ms; /* until nothing was unclear after the last cut */
};

/* Each message lies at the addressee once. */
static void world_judge(struct world *w, struct figures *f)
{
    unsigned *found = calloc(w->sent + 1, sizeof *found);
    struct gw_filter filter = {.box = GW_INBOX, .oldest_first = true, .limit = GW_LIST_MAX};
    struct gw_message_list list = {.more = true};
    struct error err = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    assert_non_null(found);
    arena_init(&arena, 256 * 1024 * 1024);
    helper_ok(gw_store_read(w->b.rt->store, &tx, &err), &err);
    while (list.more) {
        helper_ok(gw_store_messages(tx, &arena, &filter, &list, &err), &err);
        for (size_t i = 0; i < list.count; i++) {
            uint64_t n = 0;

            assert_int_equal(list.rows[i].state, GW_OPENED);
            assert_true(span_to_u64(span_str(list.rows[i].subject), &n) && n < w->sent);
            found[n]++;
            filter.cursor = list.rows[i].id;
        }
    }
    for (size_t n = 0; n < w->sent; n++) {
        f->lost += found[n] == 0;
        f->doubled += found[n] > 1;
    }
    free(found);
}

/* What did not come to its end, for whoever looks into it. */
static void world_tell(struct world *w)
{
    struct gw_filter filter = {
        .box = GW_OUTBOX, .states = ~GW_STATES(GW_DELIVERED), .limit = GW_LIST_MAX};
    struct gw_message_list list = {0};
    struct error err = {0};
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    arena_init(&arena, 64 * 1024 * 1024);
    helper_ok(gw_store_read(w->a.rt->store, &tx, &err), &err);
    helper_ok(gw_store_messages(tx, &arena, &filter, &list, &err), &err);
    for (size_t i = 0; i < list.count; i++)
        (void)printf("message %s to %s is %s after %d attempts: %d %s\n", list.rows[i].subject,
                     list.rows[i].recipient, gw_state_name(list.rows[i].state),
                     list.rows[i].attempts, list.rows[i].last_reason,
                     list.rows[i].last_error_en == NULL ? "" : list.rows[i].last_error_en);
}

/* From the last cut on: nothing may be unclear when unclear_s are over, all arrive in the end. */
static void come_to_an_end(struct trial *t, struct figures *f)
{
    int64_t start = gw_monotonic_ms();

    f->unclear = all_in(t, GW_UNCLEAR);
    while (f->unclear > 0 && gw_monotonic_ms() - start < t->unclear_s * 1000) {
        pause_ms(TICK_MS);
        f->unclear = all_in(t, GW_UNCLEAR);
        f->unclear_ms = gw_monotonic_ms() - start;
    }
    while (all_in(t, GW_DELIVERED) < all_sent(t) && gw_monotonic_ms() - start < END_MS)
        pause_ms(TICK_MS);
    for (unsigned i = 0; i < t->worlds; i++)
        world_tell(&t->world[i]);
    pause_ms(2 * POLL_MS); /* whatever would come a second time comes now */
    for (unsigned i = 0; i < t->worlds; i++)
        world_judge(&t->world[i], f);
}

static void report(struct trial *t, const struct figures *f, int64_t ms)
{
    for (size_t i = 0; i < OSCI_TYPES; i++)
        if (t->kinds[i].seen > 0)
            (void)printf("%-16s seen %5u, cut %4u in the request, %4u in the answer\n",
                         osci_type_name((enum osci_type)i), t->kinds[i].seen, t->kinds[i].cuts[0],
                         t->kinds[i].cuts[1]);
    (void)printf("messages %zu delivered %zu, nothing unclear %lld ms after the last cut, %lld s\n",
                 all_sent(t), all_in(t, GW_DELIVERED), (long long)f->unclear_ms,
                 (long long)(ms / 1000));
    (void)printf("cuts %u lost %zu doubled %zu unclear %zu\n", t->cuts, f->lost, f->doubled,
                 f->unclear);
    (void)fflush(stdout);
}

static void test_cuts(void **state)
{
    struct trial *t = *state;
    struct figures f = {0};
    int64_t start = gw_monotonic_ms();

    im_fixture_init(&t->keys);
    t->own[0] = t->keys.own[0];
    t->own[1] = (struct osci_own_cipher){im_cert(&t->keys, "addressee-cipher-2048"),
                                         im_key(&t->keys, "addressee-cipher-2048")};
    for (unsigned i = 0; i < t->worlds; i++)
        world_open(t, &t->world[i]);
    while (!all_cut(t) && gw_monotonic_ms() - start < LIMIT_MS) {
        for (unsigned i = 0; i < t->worlds; i++)
            world_feed(&t->world[i]);
        pause_ms(TICK_MS);
    }
    come_to_an_end(t, &f);
    report(t, &f, gw_monotonic_ms() - start);
    assert_true(t->cuts >= t->wanted);
    assert_int_equal(f.lost, 0);
    assert_int_equal(f.doubled, 0);
    assert_int_equal(f.unclear, 0);
    assert_int_equal(all_in(t, GW_DELIVERED), all_sent(t));
    for (unsigned i = 0; i < t->worlds; i++)
        world_close(&t->world[i]);
    im_fixture_deinit(&t->keys);
}

static unsigned number(const char *text, unsigned max)
{
    uint64_t n = 0;

    return span_to_u64(span_str(text), &n) && n > 0 && n <= max ? (unsigned)n : max;
}

int main(int argc, char **argv)
{
    static struct trial trial; /* too large for a stack */
    const struct CMUnitTest tests[] = {{"cuts", test_cuts, NULL, NULL, &trial}};

    trial.wanted = number(argc > 1 ? argv[1] : "2000", 1000000);
    trial.worlds = number(argc > 2 ? argv[2] : "6", WORLDS_MAX);
    trial.unclear_s = number(argc > 3 ? argv[3] : "4", 3600);
    trial.random = argc > 4 ? number(argv[4], UINT32_MAX) : (uint32_t)gw_now_ms();
    (void)printf("seed %u\n", trial.random);
    pthread_mutex_init(&trial.lock, NULL);
    gw_worker_setup(8);
    return cmocka_run_group_tests_name("cuts", tests, helper_crypto_setup, helper_crypto_teardown);
}
