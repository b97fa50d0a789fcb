/*
 * kill -9 at any moment while a client sends a delivery in chunks, and again: what was acknowledged
 * is there afterwards, and in the end the delivery is, once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_osci.h"
#include "tests/unit/helper_partial.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DELIVERIES = 3, KILLS_MAX = 200, CHUNKS = 4 };
enum { READY = 100, DONE = 101, REFUSED = 102 }; /* beside the numbers of acknowledged chunks */

static void say(int pipe, uint8_t what)
{
    if (write(pipe, &what, 1) != 1)
        _exit(3);
}

static bool is_code(const struct im_reply *r, const char *code)
{
    return r->fault == 0 && span_is(osci_feedback_last(&r->reading->msg), code);
}

/* The client and the intermediary in one: every chunk that is missing, then what became of it. */
static void send_all(struct partial *p, const char *id, int pipe)
{
    for (uint64_t number = 0; number <= CHUNKS; number++) {
        struct osci_message m;
        struct osci_chunk chunk;
        struct im_reply r;
        bool done;

        partial_order(p, id, number, &chunk, &m);
        im_send(&p->client, &m, &r);
        done = r.fault == 0 && r.reading->msg.inside_feedback_count > 0 &&
               span_is(r.reading->msg.inside_feedback[0].code, "0800");
        if (r.fault != 0 || (!done && r.reading->msg.inside_feedback_count > 0))
            say(pipe, REFUSED);
        if (number > 0 && (is_code(&r, "0800") || is_code(&r, "9900")))
            say(pipe, (uint8_t)number);
        im_reply_deinit(&r);
        if (done) {
            say(pipe, DONE);
            return;
        }
    }
}

static void child(const char *dir, const char *id, struct span inner, int pipe)
{
    struct partial p;

    partial_init(&p, dir);
    (void)source_span_init(&p.source, inner);
    say(pipe, READY);
    send_all(&p, id, pipe);
    _exit(0);
}

static void nap(unsigned us)
{
    struct timespec ts = {.tv_nsec = (long)us * 1000};

    (void)nanosleep(&ts, NULL);
}

/* One life of the process; which chunks it acknowledged, and whether it came to the end. */
static bool live_and_die(const char *dir, const char *id, struct span inner, unsigned us,
                         bool acked[CHUNKS + 1])
{
    int ends[2], status;
    uint8_t what = 0;
    bool done = false;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        child(dir, id, inner, ends[1]);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &what, 1), 1);
    assert_int_equal(what, READY);
    nap(us);
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    while (read(ends[0], &what, 1) == 1) {
        assert_int_not_equal(what, REFUSED);
        if (what == DONE)
            done = true;
        else
            acked[what] = true;
    }
    (void)close(ends[0]);
    return done;
}

/* Nothing that was acknowledged is missing, whatever else there is. */
static void look(const char *dir, const char *id, const bool acked[CHUNKS + 1])
{
    AUTO(partial_deinit) struct partial p = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 1024 * 1024};
    struct osci_transfer t;
    struct error err = {0};
    enum status st;

    partial_init(&p, dir);
    st = p.transfers.base.find(&p.transfers.base, span_str(id), &arena, &t, &err);
    for (uint64_t n = 1; n <= CHUNKS; n++)
        if (acked[n] && (st != ST_OK || !osci_chunk_set_has(&t.received, n)))
            fail_msg("chunk %d was acknowledged and is gone", (int)n);
}

static void killed(void **state)
{
    char dir[64];
    unsigned random = 12345, kills = 0;

    (void)state;
    helper_dir_make(dir);
    for (int i = 0; i < DELIVERIES; i++) {
        bool acked[CHUNKS + 1] = {false};
        unsigned tries = 0; /* a slow machine gets more time each */
        AUTO(buf_deinit) struct buf inner = {.max = PARTIAL_INNER_MAX};
        char id[32];

        (void)snprintf(id, sizeof id, "dep_%d", i);
        {
            AUTO(partial_deinit) struct partial p = {0};

            partial_init(&p, dir);
            partial_issue(&p, id);
            partial_inner(&p, id);
            buf_add(&inner, buf_span(&p.inner));
        }
        for (;;) {
            random = random * 1103515245 + 12345;
            if (live_and_die(dir, id, buf_span(&inner), (random >> 16) % 60000 + 3000 * tries++,
                             acked))
                break;
            look(dir, id, acked);
            assert_true(++kills < KILLS_MAX);
        }
    }
    {
        AUTO(partial_deinit) struct partial p = {0};

        partial_init(&p, dir);
        assert_int_equal(partial_deliveries(&p), DELIVERIES);
        assert_int_equal(helper_file_count(&p.store, "payload"), 2 * DELIVERIES);
    }
    helper_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed)};

    return cmocka_run_group_tests_name("partial_crash", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}
