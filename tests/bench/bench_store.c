/*
 * bench_store DIR MESSAGES [fill] - what a store with that many messages costs beside one of 1,000
 *
 * Fills DIR/large with messages that have lived their lives (and one in a hundred that has not, its
 * files on the disk), opens it after an orderly stop and after a crash, looks through it, and adds
 * more; the same with DIR/small, which has 1,000. One line of JSON for each figure. With fill: only
 * DIR/large is made, for a daemon, say.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "gateway/payload.h"
#include "gateway/store.h"

enum {
    SMALL = 1000,
    BATCH = 200,      /* messages in one transaction while filling */
    LIVE_EVERY = 100, /* one in so many is still on its way */
    THREADS = 16,     /* that add messages at once */
    ADDED = 800,      /* by all of them, in one round */
    ROUNDS = 7,       /* of which the middle one counts */
    LOOKS = 9,        /* of each question; the middle one counts */
    ARENA_MAX = 64 << 20
};
static const int64_t began = INT64_C(1700000000000), apart = 2000; /* ms between two messages */

static void need(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    (void)fprintf(stderr, "bench_store: %s\n", err->text);
    exit(1);
}

static double seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void figure(const char *name, double value, const char *unit)
{
    (void)printf("{\"name\": \"store.million.%s\", \"value\": %.3f, \"unit\": \"%s\", "
                 "\"floor_ratio\": null}\n",
                 name, value, unit);
    (void)fflush(stdout);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double middle(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

static struct gw_store *store_open(const char *dir, double *took)
{
    const struct gw_store_conf conf = {.dir = dir, .rng = rng_system()};
    struct gw_store *store = NULL;
    struct error err = {0};
    double start = seconds();

    need(gw_store_open(&conf, began, &store, NULL, &err), &err);
    if (took != NULL)
        *took = seconds() - start;
    return store;
}

/* ---- one message's life ---- */

static const char *const endpoints[] = {"meldewesen", "gewerbe", "standesamt", "kfz", "bau"};

struct life {
    int64_t number;
    char id[GW_ID_SIZE], osci_id[32], key[32], name[48], subject[48];
    int64_t at;
    const struct gw_file_row *files;
    size_t file_count;
    struct gw_stage *stage;
};

static void life_begin(struct life *life, int64_t number)
{
    struct error err = {0};

    memset(life, 0, sizeof *life);
    life->number = number;
    life->at = began + number * apart;
    need(gw_uuid_make(rng_system(), life->at, life->id, &err), &err);
    /* chance in front, as digests and ids of others have it */
    (void)snprintf(life->osci_id, sizeof life->osci_id, "%.12sAAA=", life->id + 24);
    (void)snprintf(life->key, sizeof life->key, "%.8s-%lld", life->id + 28, (long long)number);
    (void)snprintf(life->name, sizeof life->name, "rueckmeldung-%lld.xml", (long long)number);
    (void)snprintf(life->subject, sizeof life->subject, "Rueckmeldung %lld", (long long)number);
}

static bool is_live(const struct life *life)
{
    return life->number % LIVE_EVERY == 0;
}

static void life_payload(struct gw_store *store, struct life *life)
{
    struct error err = {0};

    need(gw_stage_new(store, life->id, &life->stage, &err), &err);
    need(gw_stage_add_bytes(life->stage, GW_FILE_PAYLOAD, life->name, "text/xml", NULL,
                            SPAN("<Rueckmeldung/>"), &err),
         &err);
    need(gw_stage_publish(life->stage, &err), &err);
    life->files = gw_stage_files(life->stage, &life->file_count);
}

static void life_end(struct life *life)
{
    if (life->stage != NULL)
        gw_stage_done(life->stage);
    gw_stage_free(life->stage);
}

static enum status step(struct gw_tx *tx, const struct life *life, enum gw_event event, int64_t at,
                        struct error *err)
{
    struct gw_move move = {
        .id = life->id, .event = event, .cause = {.now = life->at + at, .actor = "outbound"}};

    if (event == GW_EV_SEAL)
        move.osci_message_id = life->osci_id;
    if (event == GW_EV_SUBMIT)
        move.creation = (struct gw_card_time){"2026-05-04T08:00:00+02:00", life->at + at};
    if (event == GW_EV_DELIVER)
        move.reception = (struct gw_card_time){"2026-05-04T08:10:00+02:00", life->at + at};
    return gw_store_move(tx, &move, NULL, err);
}

static enum status life_add(struct gw_tx *tx, const struct life *life, struct error *err)
{
    const struct gw_message_row row = {.id = life->id,
                                       .tenant = "Stadt",
                                       .endpoint = endpoints[life->number % 5],
                                       .box = life->number % 2 == 0 ? GW_OUTBOX : GW_INBOX,
                                       .peer = life->number % 3 == 0 ? "land" : "kreis",
                                       .recipient = "Landratsamt",
                                       .message_type = "urn:xmeld",
                                       .subject = life->subject,
                                       .client_key = life->key,
                                       .source_name = life->name,
                                       .size_bytes = 10240,
                                       .created_at = life->at};
    const struct gw_cause cause = {.now = life->at, .actor = "spool"};

    return gw_store_message_add(tx, &row, life->files, life->file_count, &cause, NULL, err);
}

/* All steps but the last few of one that is still on its way. */
static enum status life_live(struct gw_tx *tx, const struct life *life, struct error *err)
{
    static const enum gw_event out[] = {GW_EV_SEAL, GW_EV_SUBMIT, GW_EV_DELIVER},
                               in[] = {GW_EV_OPEN, GW_EV_HAND_OVER, GW_EV_ACKNOWLEDGE};
    const enum gw_event *events = life->number % 2 == 0 ? out : in;
    size_t count = is_live(life) ? 1 + (size_t)(life->number / LIVE_EVERY) % 2 : 3;

    TRY(life_add(tx, life, err));
    for (size_t i = 0; i < count; i++)
        TRY(step(tx, life, events[i], (int64_t)(i + 1) * 1000, err));
    return ST_OK;
}

/* ---- filling ---- */

struct batch {
    struct life lives[BATCH];
    size_t count;
};

static enum status batch_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    struct batch *batch = ctx;

    for (size_t i = 0; i < batch->count; i++)
        TRY(life_live(tx, &batch->lives[i], err));
    return ST_OK;
}

static void fill(struct gw_store *store, int64_t from, int64_t to)
{
    struct batch *batch = calloc(1, sizeof *batch);
    struct error err = {0};

    while (from < to && batch != NULL) {
        for (batch->count = 0; batch->count < BATCH && from < to; from++) {
            struct life *life = &batch->lives[batch->count++];

            life_begin(life, from);
            if (is_live(life))
                life_payload(store, life);
        }
        need(gw_store_commit(store, batch_commit, batch, &err), &err);
        for (size_t i = 0; i < batch->count; i++)
            life_end(&batch->lives[i]);
    }
    free(batch);
}

/* ---- the cost of one more ---- */

struct adder {
    struct gw_store *store;
    int64_t from, to;
};

static enum status add_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    return life_add(tx, ctx, err);
}

struct step_args {
    const struct life *life;
    enum gw_event event;
};

static enum status step_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct step_args *a = ctx;

    return step(tx, a->life, a->event, 1000, err);
}

/* Each message and each of its steps is a commit of its own, as in a gateway. */
static void *adder_main(void *arg)
{
    static const enum gw_event out[] = {GW_EV_SEAL, GW_EV_SUBMIT, GW_EV_DELIVER};
    struct adder *a = arg;

    for (int64_t n = a->from; n < a->to; n++) {
        struct error err = {0};
        struct life life;

        life_begin(&life, n * 2); /* outbound */
        life_payload(a->store, &life);
        need(gw_store_commit(a->store, add_commit, &life, &err), &err);
        for (size_t i = 0; i < 3; i++) {
            struct step_args args = {&life, out[i]};

            need(gw_store_commit(a->store, step_commit, &args, &err), &err);
        }
        life_end(&life);
    }
    return NULL;
}

/* Seconds for ADDED messages through THREADS at once. */
static double add_round(struct gw_store *store, int64_t number)
{
    struct adder adders[THREADS];
    pthread_t threads[THREADS];
    double start = seconds();

    for (int i = 0; i < THREADS; i++) {
        int64_t from = number + (int64_t)i * (ADDED / THREADS);

        adders[i] = (struct adder){store, from, from + ADDED / THREADS};
        if (pthread_create(&threads[i], NULL, adder_main, &adders[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    return seconds() - start;
}

/* ---- questions ---- */

static enum status ask_list(struct gw_tx *tx, struct arena *arena, const struct gw_filter *filter,
                            struct error *err)
{
    struct gw_message_list list;

    return gw_store_messages(tx, arena, filter, &list, err);
}

/* Milliseconds of the middle one of LOOKS. */
static double look(struct gw_store *store, const struct gw_filter *filter)
{
    double took[LOOKS];

    for (size_t i = 0; i < LOOKS; i++) {
        AUTO(arena_deinit) struct arena arena = {0};
        AUTO(gw_read_end) struct gw_tx *tx = NULL;
        struct gw_counts counts;
        struct error err = {0};
        double start = seconds();

        arena_init(&arena, ARENA_MAX);
        need(gw_store_read(store, &tx, &err), &err);
        if (filter == NULL)
            need(gw_store_counts(tx, NULL, NULL, &counts, &err), &err);
        else
            need(ask_list(tx, &arena, filter, &err), &err);
        took[i] = (seconds() - start) * 1000;
    }
    return middle(took, LOOKS);
}

/* Milliseconds until all messages have been looked at, page by page. */
static double look_through(struct gw_store *store, const char *text)
{
    struct gw_filter filter = {.text = text};
    char cursor[GW_ID_SIZE];
    double start = seconds();
    bool more = true;

    while (more) {
        AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
        AUTO(gw_read_end) struct gw_tx *tx = NULL;
        struct gw_message_list list;
        struct error err = {0};

        need(gw_store_read(store, &tx, &err), &err);
        need(gw_store_messages(tx, &arena, &filter, &list, &err), &err);
        more = list.more;
        if (more)
            (void)snprintf(cursor, sizeof cursor, "%s", list.cursor);
        filter.cursor = cursor;
    }
    return (seconds() - start) * 1000;
}

/* What a destination without work asks all the time. */
static double look_due(struct gw_store *store)
{
    const struct gw_skip skip = {.only = "land"};
    double took[LOOKS];

    for (size_t i = 0; i < LOOKS; i++) {
        AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
        AUTO(gw_read_end) struct gw_tx *tx = NULL;
        struct gw_message_list list;
        struct error err = {0};
        double start = seconds();
        int64_t next_at;

        need(gw_store_read(store, &tx, &err), &err);
        need(gw_store_due(tx, &arena, GW_OUTBOX, 1, &skip, 1, &list, &next_at, &err), &err);
        took[i] = (seconds() - start) * 1000;
    }
    return middle(took, LOOKS);
}

static void questions(struct gw_store *store, int64_t messages)
{
    const int64_t late = began + (messages - messages / 100) * apart;
    const struct {
        const char *name;
        struct gw_filter filter;
    } asked[] = {
        {"receipts_ms", {.box = GW_OUTBOX}},
        {"receipts_overdue_ms",
         {.box = GW_OUTBOX,
          .states = GW_STATES(GW_ACCEPTED) | GW_STATES(GW_SEALED) | GW_STATES(GW_SUBMITTED) |
                    GW_STATES(GW_FORWARDED) | GW_STATES(GW_DEFERRED) | GW_STATES(GW_UNCLEAR),
          .due_before = late,
          .oldest_first = true}},
        {"list_waiting_ms",
         {.box = GW_OUTBOX,
          .states = GW_STATES(GW_SUBMITTED) | GW_STATES(GW_DEFERRED) | GW_STATES(GW_UNCLEAR)}},
        {"list_failed_ms", {.states = GW_STATES(GW_FAILED) | GW_STATES(GW_EXPIRED)}},
        {"list_endpoint_ms", {.endpoint = "bau", .states = GW_STATES(GW_HANDED_OVER)}},
        {"list_nobody_ms", {.endpoint = "nobody"}},
        {"list_since_ms", {.since = late, .states = GW_STATES(GW_QUARANTINED)}},
        {"list_until_ms", {.until = began + messages / 2 * apart}},
        {"list_peer_ms", {.peer = "nobody"}},
        {"list_peer_state_ms", {.peer = "land", .states = GW_STATES(GW_FAILED)}},
        {"list_peer_state_text_ms",
         {.peer = "land", .states = GW_STATES(GW_DELIVERED), .text = "no such text"}},
        {"list_partner_ms", {.partner = "nobody"}},
        {"list_partner_state_ms", {.partner = "Landratsamt", .states = GW_STATES(GW_EXPIRED)}},
        {"list_partner_endpoint_text_ms",
         {.partner = "Landratsamt", .endpoint = "bau", .text = "no such text"}},
        {"list_type_ms", {.message_type = "urn:nothing"}},
        {"list_type_oldest_ms", {.message_type = "urn:xmeld", .oldest_first = true}},
        {"list_endpoint_since_ms", {.endpoint = "bau", .since = late}},
        {"list_endpoint_since_text_ms", {.endpoint = "bau", .since = late, .text = "no such text"}},
        {"list_text_ms", {.text = "no such text"}},
        {"list_text_found_ms", {.text = "RUECKMELDUNG"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        figure(asked[i].name, look(store, &asked[i].filter), "ms");
    figure("list_text_all_pages_ms", look_through(store, "no such text"), "ms");
    figure("due_ms", look_due(store), "ms");
    figure("counts_ms", look(store, NULL), "ms");
}

/* A child that ends without closing: the next start has to look after it. */
static void crash(const char *dir)
{
    pid_t child = fork();
    int ended;

    if (child == 0) {
        struct gw_store *store = store_open(dir, NULL);

        fill(store, INT64_C(1) << 36, (INT64_C(1) << 36) + 1);
        _exit(0);
    }
    (void)waitpid(child, &ended, 0);
}

/* Round by round in turn, so that what else the machine does meets both. */
static void cost(struct gw_store *large, struct gw_store *small, int64_t number)
{
    double many[ROUNDS], one[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        many[i] = add_round(large, number + (int64_t)i * ADDED) / ADDED * 1e6;
        one[i] = add_round(small, number + (int64_t)i * ADDED) / ADDED * 1e6;
    }
    figure("us_per_message", middle(many, ROUNDS), "us");
    figure("us_per_message_at_1000", middle(one, ROUNDS), "us");
    figure("cost_ratio", middle(many, ROUNDS) / middle(one, ROUNDS), "");
}

static struct gw_store *filled(const char *dir, const char *name, int64_t messages, char path[512])
{
    struct gw_store *store;
    double start = seconds();

    (void)snprintf(path, 512, "%s/%s", dir, name);
    store = store_open(path, NULL);
    fill(store, 0, messages);
    (void)fprintf(stderr, "%s: %lld messages in %.0f s\n", name, (long long)messages,
                  seconds() - start);
    return store;
}

int main(int argc, char **argv)
{
    int64_t messages = argc > 2 ? strtoll(argv[2], NULL, 10) : 0;
    bool fill_only = argc == 4 && strcmp(argv[3], "fill") == 0,
         again = argc == 4 && strcmp(argv[3], "again") == 0; /* with what was filled before */
    char large[512], small[512];
    struct gw_store *store, *few;
    double took;

    if (messages < SMALL || argc > 4 || (argc == 4 && !fill_only && !again)) {
        (void)fputs("usage: bench_store DIR MESSAGES [fill|again]\n", stderr);
        return 64;
    }
    (void)snprintf(large, sizeof large, "%s/large", argv[1]);
    if (!again)
        gw_store_close(filled(argv[1], "large", messages, large));
    if (fill_only)
        return 0;
    figure("messages", (double)messages, "");
    gw_store_close(store_open(large, &took));
    figure("start_seconds", took, "s");
    crash(large);
    store = store_open(large, &took);
    figure("start_after_crash_seconds", took, "s");
    questions(store, messages);
    few = filled(argv[1], "small", SMALL, small);
    cost(store, few, messages * 4);
    gw_store_close(few);
    gw_store_close(store);
    return 0;
}
