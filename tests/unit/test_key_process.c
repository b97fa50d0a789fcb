/* The key process: what it does, and what either side does with nonsense from the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "crypto/base/sanitized.h"
#include "crypto/key_away.h"
#include "crypto/transform.h"
#include "gateway/explain.h"
#include "gateway/keys_room.h"
#include "gateway/loop.h"
#include "gateway/pair.h"
#include "gateway/program.h"
#include "helper_crypto.h"
#include "helper_store.h"

#define KEYS TEST_VECTORS "/osci12/keys/"

enum { THREADS = 8, TURNS = 20, WAIT_MS = 10 * 1000, RSA_2048 = 256 };

/* Settings with one tenant, whose pairs are files in a folder of the test. */
struct world {
    char dir[64], cert[128], key[128], fake[160];
    struct gw_tenant_conf tenant;
    struct gw_config config;
    struct gw_key_process *process;
};

static void file_copy(const char *from, const char *to)
{
    AUTO(buf_deinit_secret) struct buf bytes = {0};
    struct error err = {0};

    buf_init(&bytes, 1024 * 1024);
    assert_int_equal(gw_file_read(AT_FDCWD, from, &bytes, &err), ST_OK);
    assert_int_equal(gw_file_write(AT_FDCWD, to, buf_span(&bytes), &err), ST_OK);
}

static void world_make(struct world *w)
{
    *w = (struct world){0};
    helper_dir_make(w->dir);
    (void)snprintf(w->cert, sizeof w->cert, "%s/cert.pem", w->dir);
    (void)snprintf(w->key, sizeof w->key, "%s/key.pem", w->dir);
    file_copy(KEYS "originator-signature-2048.cert.pem", w->cert);
    file_copy(KEYS "originator-signature-2048.key.pem", w->key);
    w->tenant.identity.signature.certificate = w->cert;
    w->tenant.identity.signature.key = w->key;
    w->tenant.identity.cipher.certificate = KEYS "originator-cipher-2048.cert.pem";
    w->tenant.identity.cipher.key = KEYS "originator-cipher-2048.key.pem";
    w->config.tenants = &w->tenant;
    w->config.tenants_count = 1;
}

static enum status world_start(struct world *w, int64_t patience_ms, struct error *err)
{
    const struct gw_key_process_conf conf = {.config = &w->config,
                                             .patience_ms = patience_ms,
                                             .program = w->fake[0] != '\0' ? w->fake : NULL};

    return gw_key_process_new(&conf, &w->process, err);
}

static void world_remove(struct world *w)
{
    gw_key_process_free(w->process);
    (void)unlink(w->cert);
    (void)unlink(w->key);
    (void)unlink(w->fake);
    assert_int_equal(rmdir(w->dir), 0);
}

static enum status signature_key(struct world *w, struct key **key, struct error *err)
{
    const struct gw_pair_conf *pair = &w->tenant.identity.signature;
    AUTO(cert_drop) struct cert *cert = NULL;

    TRY(gw_key_process_cert(w->process, pair, &cert, err));
    return gw_key_process_key(w->process, pair, cert, key, err);
}

static enum status sign(const struct key *key, struct buf *value, struct error *err)
{
    const struct alg *alg = alg_find(SPAN(ALG_RSA_SHA256_URI), ALG_SIGNATURE);

    buf_deinit(value); /* of the time before */
    buf_init(value, 4096);
    return transform_sign(alg, key, SPAN("what is said"), value, err);
}

static void signs(const struct key *key)
{
    const struct alg *alg = alg_find(SPAN(ALG_RSA_SHA256_URI), ALG_SIGNATURE);
    AUTO(cert_drop) struct cert *cert = helper_cert("originator-signature-2048");
    AUTO(buf_deinit) struct buf value = {0};
    struct error err = {0};

    if (sign(key, &value, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_int_equal(transform_verify(alg, cert, SPAN("what is said"), buf_span(&value), &err),
                     ST_OK);
}

static void kill_it(struct world *w)
{
    struct gw_key_process_state state;

    gw_key_process_look(w->process, &state);
    assert_true(state.pid > 0);
    assert_int_equal(kill(state.pid, SIGKILL), 0);
}

/* ---- what it does ---- */

static void works(void **state)
{
    const struct gw_pair_conf other = {.certificate = KEYS "addressee-cipher-2048.cert.pem",
                                       .key = KEYS "addressee-cipher-2048.key.pem"};
    struct gw_key_process_state look;
    AUTO(key_drop) struct key *key = NULL;
    struct error err = {0};
    struct world w;

    (void)state;
    world_make(&w);
    assert_int_equal(world_start(&w, 0, &err), ST_OK);
    assert_true(gw_key_process_has(w.process, &w.tenant.identity.cipher));
    assert_false(gw_key_process_has(w.process, &other));
    assert_int_equal(signature_key(&w, &key, &err), ST_OK);
    assert_true(key_is_away(key));
    signs(key);
    gw_key_process_look(w.process, &look);
    assert_int_equal(look.keys, 2);
    assert_int_equal(look.restarts, 0);
    if (!SANITIZED)
        assert_true(look.confined);
    key_free(TAKE(key));
    world_remove(&w);
    assert_int_equal(kill(look.pid, 0), -1); /* it has ended with us */
}

/* At once the first time, after a pause the second; and the files are read anew. */
static void ends_and_begins(void **state)
{
    struct gw_key_process_state look;
    AUTO(key_drop) struct key *key = NULL;
    AUTO(buf_deinit) struct buf value = {0};
    struct error err = {0};
    struct world w;
    int64_t until;

    (void)state;
    world_make(&w);
    assert_int_equal(world_start(&w, 0, &err), ST_OK);
    assert_int_equal(signature_key(&w, &key, &err), ST_OK);
    kill_it(&w);
    assert_int_equal(sign(key, &value, &err), ST_RETRY); /* it has not lasted */
    assert_int_equal(err.cause, GW_R_KEYS_AWAY);
    assert_int_equal(err.reason, 0);
    gw_key_process_look(w.process, &look);
    assert_int_equal(look.pid, 0);
    assert_int_equal(look.failure.cause, GW_R_KEYS_AWAY);
    until = gw_monotonic_ms() + WAIT_MS;
    while (sign(key, &value, &err) != ST_OK && gw_monotonic_ms() < until) {
        assert_int_equal(err.cause, GW_R_KEYS_AWAY);
        (void)usleep(20 * 1000);
    }
    signs(key);
    gw_key_process_look(w.process, &look);
    assert_int_equal(look.restarts, 1);
    file_copy(KEYS "addressee-signature-2048.key.pem", w.key);
    kill_it(&w);
    until = gw_monotonic_ms() + WAIT_MS;
    while (err.cause != GW_R_KEYS_CHANGED && gw_monotonic_ms() < until) {
        assert_int_equal(sign(key, &value, &err), ST_RETRY);
        (void)usleep(20 * 1000);
    }
    assert_int_equal(err.cause, GW_R_KEYS_CHANGED);
    assert_non_null(strstr(err.text, w.key));
    key_free(TAKE(key));
    world_remove(&w);
}

static void *turn(void *ctx)
{
    for (int i = 0; i < TURNS; i++)
        signs(ctx);
    return NULL;
}

static void many_at_once(void **state)
{
    AUTO(key_drop) struct key *key = NULL;
    pthread_t threads[THREADS];
    struct error err = {0};
    struct world w;

    (void)state;
    world_make(&w);
    assert_int_equal(world_start(&w, 0, &err), ST_OK);
    assert_int_equal(signature_key(&w, &key, &err), ST_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, turn, key), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    key_free(TAKE(key));
    world_remove(&w);
}

/* ---- pairs that are none ---- */

static struct pair_row {
    const char *name, *cert, *key, *passphrase;
    int cause;
    const char *text;
} pair_rows[] = {
    {"no such file", KEYS "none.pem", KEYS "none.key", NULL, GW_R_KEY_UNREADABLE, "none.pem: No"},
    {"a folder", KEYS "ca.cert.pem", KEYS ".", NULL, GW_R_KEY_UNREADABLE, "no file"},
    {"a key that is none", KEYS "ca.cert.pem", KEYS "ca.cert.pem", NULL, GW_R_KEY_UNREADABLE,
     "no private key"},
    {"a certificate that is none", KEYS "originator-cipher-2048.key.pem",
     KEYS "originator-cipher-2048.key.pem", NULL, GW_R_KEY_UNREADABLE, "no certificate"},
    {"another's key", KEYS "originator-cipher-2048.cert.pem", KEYS "addressee-cipher-2048.key.pem",
     NULL, GW_R_KEY_MISMATCH, "does not belong"},
    {"no PKCS#12", KEYS "ca.cert.pem", NULL, NULL, GW_R_KEY_UNREADABLE, "no PKCS#12"},
    {"no passphrase", KEYS "originator-cipher-2048.cert.pem", KEYS "originator-cipher-2048.key.pem",
     KEYS "none", GW_R_KEY_UNREADABLE, "none: No"},
};

static void test_pair(void **state)
{
    const struct pair_row *row = *state;
    AUTO(key_drop) struct key *key = NULL;
    struct error err = {0};
    struct world w;

    world_make(&w);
    w.tenant.identity.signature =
        (struct gw_pair_conf){.certificate = row->key == NULL ? NULL : row->cert,
                              .key = row->key,
                              .pkcs12 = row->key == NULL ? row->cert : NULL,
                              .passphrase_file = row->passphrase};
    assert_int_equal(world_start(&w, 0, &err), ST_OK);
    assert_int_not_equal(signature_key(&w, &key, &err), ST_OK);
    assert_int_equal(err.cause, row->cause);
    if (strstr(err.text, row->text) == NULL)
        fail_msg("%s", err.text);
    world_remove(&w);
}

/* ---- nonsense for it ---- */

#define HEAD(op, status, number, len) op status number "\0\0\0\1" len
#define LOAD_0 HEAD("\1", "\0", "\0\0", "\0\0\0\5") "a\0b\0\0"
#define SEAL HEAD("\2", "\0", "\0\0", "\0\0\0\0")
#define POWER_0 HEAD("\3", "\0", "\0\0", "\0\0\0\1") "x"

/* Questions that are all right, and then one that is not. */
static struct question_row {
    const char *name;
    struct span before[2], last;
} question_rows[] = {
    {"half a head", {{0}}, SPAN("\3\0\0\0\0\0")},
    {"text", {{0}}, SPAN("GET / HTTP/1.1\r\n\r\n")},
    {"an unknown op", {{0}}, SPAN(HEAD("\4", "\0", "\0\0", "\0\0\0\0"))},
    {"no op", {{0}}, SPAN(HEAD("\0", "\0", "\0\0", "\0\0\0\0"))},
    {"more bytes than it says", {{0}}, SPAN(LOAD_0 "x")},
    {"less bytes than it says", {{0}}, SPAN(HEAD("\1", "\0", "\0\0", "\0\0\0\6") "a\0b\0\0")},
    {"4 GB", {{0}}, SPAN(HEAD("\1", "\0", "\0\0", "\xff\xff\xff\xff") "a\0b\0\0")},
    {"a status in a question", {{0}}, SPAN(HEAD("\1", "\1", "\0\0", "\0\0\0\5") "a\0b\0\0")},
    {"two strings", {{0}}, SPAN(HEAD("\1", "\0", "\0\0", "\0\0\0\4") "a\0b\0")},
    {"four strings", {{0}}, SPAN(HEAD("\1", "\0", "\0\0", "\0\0\0\6") "a\0b\0\0\0")},
    {"a string without its end", {{0}}, SPAN(HEAD("\1", "\0", "\0\0", "\0\0\0\5") "a\0b\0c")},
    {"no strings", {{0}}, SPAN(HEAD("\1", "\0", "\0\0", "\0\0\0\0"))},
    {"no files", {{0}}, SPAN(HEAD("\1", "\0", "\0\0", "\0\0\0\3") "\0\0\0")},
    {"a second key first", {{0}}, SPAN(HEAD("\1", "\0", "\0\1", "\0\0\0\5") "a\0b\0\0")},
    {"a key twice", {SPAN(LOAD_0)}, SPAN(LOAD_0)},
    {"a key after the seal", {SPAN(SEAL)}, SPAN(LOAD_0)},
    {"a seal with bytes", {{0}}, SPAN(HEAD("\2", "\0", "\0\0", "\0\0\0\1") "x")},
    {"two seals", {SPAN(SEAL)}, SPAN(SEAL)},
    {"a power before the seal", {SPAN(LOAD_0)}, SPAN(POWER_0)},
    {"a power without a key", {SPAN(SEAL)}, SPAN(POWER_0)},
    {"a power of nothing", {SPAN(LOAD_0), SPAN(SEAL)}, SPAN(HEAD("\3", "\0", "\0\0", "\0\0\0\0"))},
    {"a power of the last key and one more",
     {SPAN(LOAD_0), SPAN(SEAL)},
     SPAN(HEAD("\3", "\0", "\0\1", "\0\0\0\1") "x")},
};

/* The process itself, with one socket of ours. */
static pid_t keys_start(int *fd)
{
    char path[GW_PATH_SIZE];
    char *const argv[] = {path, (char *)(uintptr_t) "1", NULL};
    struct error err = {0};
    pid_t pid = 0;
    int pair[2];

    assert_int_equal(gw_program_find("depesched-keys", path, &err), ST_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(
        gw_program_start(
            &(struct gw_program_conf){
                path, argv, (const int[]){STDERR_FILENO, STDERR_FILENO, STDERR_FILENO, pair[1]}, 4},
            &pid, &err),
        ST_OK);
    (void)close(pair[1]);
    *fd = pair[0];
    return pid;
}

static int exit_of(pid_t pid)
{
    int how = 0;

    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how);
}

static void test_question(void **state)
{
    const struct question_row *row = *state;
    uint8_t answer[GW_KEYS_MESSAGE_MAX];
    int fd;
    pid_t pid = keys_start(&fd);

    for (size_t i = 0; i < ARRAY_LEN(row->before) && row->before[i].len > 0; i++) {
        assert_int_equal(send(fd, row->before[i].ptr, row->before[i].len, MSG_NOSIGNAL),
                         row->before[i].len);
        assert_true(recv(fd, answer, sizeof answer, 0) >= GW_KEYS_HEAD);
    }
    assert_int_equal(send(fd, row->last.ptr, row->last.len, MSG_NOSIGNAL), row->last.len);
    assert_true(recv(fd, answer, sizeof answer, 0) <= 0); /* not a word */
    assert_int_equal(exit_of(pid), EX_PROTOCOL);
    (void)close(fd);
}

/* A message that is longer than any, and a number that is longer than any. */
static void questions_too_long(void **state)
{
    static const size_t sizes[] = {GW_KEYS_MESSAGE_MAX + 1, GW_KEYS_MESSAGE_MAX + 20000,
                                   GW_KEYS_SHORT_MAX + 1};
    AUTO(free_drop) uint8_t *wire = calloc(1, GW_KEYS_MESSAGE_MAX + 20000);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct gw_keys_message m = {.op = GW_KEYS_POWER};
        uint8_t answer[GW_KEYS_SHORT_MAX];
        int fd;
        pid_t pid = keys_start(&fd);

        m.bytes = span_of(wire + GW_KEYS_HEAD, sizes[i] - GW_KEYS_HEAD);
        assert_int_equal(gw_keys_write(&m, wire), sizes[i]);
        assert_int_equal(send(fd, wire, sizes[i], MSG_NOSIGNAL), sizes[i]);
        assert_true(recv(fd, answer, sizeof answer, 0) <= 0);
        assert_int_equal(exit_of(pid), EX_PROTOCOL);
        (void)close(fd);
    }
}

/* Who closes the socket without a word ends it in good order; a signal that asks does not. */
static void end_without_a_word(void **state)
{
    int fd;
    pid_t pid = keys_start(&fd);
    uint8_t answer[GW_KEYS_SHORT_MAX];

    (void)state;
    assert_int_equal(send(fd, SEAL, sizeof SEAL - 1, MSG_NOSIGNAL), sizeof SEAL - 1);
    assert_int_equal(recv(fd, answer, sizeof answer, 0), GW_KEYS_HEAD + 1);
    assert_int_equal(kill(pid, SIGTERM), 0);
    (void)usleep(100 * 1000);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    (void)close(fd);
    assert_int_equal(exit_of(pid), EX_OK);
}

/* ---- nonsense from it ---- */

/* This program under another name is a key process that does not do as it should. */
static struct fake_row {
    const char *name;
    bool starts; /* as far as the seal */
    const char *text;
} fake_rows[] = {
    {"garbage", false, "not asked"},      {"half", false, "not asked"},
    {"other-id", false, "not asked"},     {"other-op", false, "not asked"},
    {"too-long", false, "not asked"},     {"ends", false, "has ended"},
    {"silent", false, "does not answer"}, {"no-certificate", false, "no certificate"},
    {"power-garbage", true, "not asked"}, {"power-short", true, "too little"},
    {"power-wrong", true, "not that of"}, {"power-silent", true, "does not answer"},
    {"power-ends", true, "has ended"},    {"power-refuses", true, "no such"},
};

/* The answer that is right, made wrong; its length, 0: none, -1: ends. */
static ssize_t spoil(const char *how, uint8_t *wire, size_t len)
{
    if (strcmp(how, "garbage") == 0) {
        memset(wire, 0xa5, len);
    } else if (strcmp(how, "half") == 0) {
        return GW_KEYS_HEAD / 2;
    } else if (strcmp(how, "other-id") == 0) {
        wire[7] ^= 1;
    } else if (strcmp(how, "other-op") == 0) {
        wire[0] = wire[0] == GW_KEYS_LOAD ? GW_KEYS_SEAL : GW_KEYS_LOAD;
    } else if (strcmp(how, "too-long") == 0) {
        return GW_KEYS_MESSAGE_MAX + 1;
    } else if (strcmp(how, "silent") == 0) {
        return 0;
    } else if (strcmp(how, "no-certificate") == 0) {
        memset(wire + GW_KEYS_HEAD, 0, len - GW_KEYS_HEAD);
    } else if (strcmp(how, "short") == 0) {
        const struct gw_keys_message m = {
            .op = wire[0], .id = wire[7], .bytes = span_of(wire + GW_KEYS_HEAD, RSA_2048 - 1)};

        return (ssize_t)gw_keys_write(&m, wire);
    } else if (strcmp(how, "wrong") == 0) {
        wire[len - 1] ^= 1;
    } else if (strcmp(how, "refuses") == 0) {
        const struct gw_keys_message m = {
            .op = wire[0], .status = ST_INTERNAL, .id = wire[7], .bytes = SPAN("no such luck")};

        return (ssize_t)gw_keys_write(&m, wire);
    } else {
        return -1;
    }
    return (ssize_t)len;
}

static int fake_seal(void *ctx)
{
    (void)ctx;
    return 0;
}

struct fake {
    struct gw_keys_room *room;
    const char *how;
    int fd;
};

static void *fake_serve(void *ctx)
{
    const struct fake *fake = ctx;
    bool late = strncmp(fake->how, "power-", 6) == 0;
    uint8_t *wire = calloc(1, GW_KEYS_MESSAGE_MAX + 1), *question = malloc(GW_KEYS_MESSAGE_MAX + 1);
    ssize_t got;

    while ((got = read(fake->fd, question, GW_KEYS_MESSAGE_MAX + 1)) > 0) {
        ssize_t len =
            (ssize_t)gw_keys_room_answer(fake->room, span_of(question, (size_t)got), wire);

        if (!late || question[0] == GW_KEYS_POWER)
            len = spoil(fake->how + (late ? 6 : 0), wire, (size_t)len);
        if (len < 0)
            _exit(0);
        if (len > 0 && write(fake->fd, wire, (size_t)len) != len)
            _exit(1);
    }
    _exit(0);
}

static int fake_main(const char *how, int count)
{
    struct gw_keys_room *room = NULL;
    struct error err = {0};
    pthread_t thread;

    if (gw_keys_room_new(fake_seal, NULL, &room, &err) != ST_OK)
        return 1;
    for (int i = 0; i < count; i++) {
        struct fake *fake = malloc(sizeof *fake);

        *fake = (struct fake){room, how, GW_KEYS_CHANNELS_FD + i};
        if (pthread_create(&thread, NULL, fake_serve, fake) != 0)
            return 1;
    }
    (void)pthread_join(thread, NULL);
    return 0;
}

static void test_fake(void **state)
{
    const struct fake_row *row = *state;
    const int64_t began = gw_monotonic_ms();
    AUTO(key_drop) struct key *key = NULL;
    char self[256] = {0};
    struct error err = {0};
    struct world w;
    enum status st;

    world_make(&w);
    (void)snprintf(w.fake, sizeof w.fake, "%s/%s", w.dir, row->name);
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    assert_int_equal(symlink(self, w.fake), 0);
    st = world_start(&w, SANITIZED ? 2000 : 500, &err);
    assert_int_equal(st, row->starts ? ST_OK : ST_RETRY);
    if (st == ST_OK)
        assert_int_equal(signature_key(&w, &key, &err), ST_RETRY);
    assert_null(key);
    assert_int_equal(err.cause, strcmp(row->name, "power-wrong") == 0 ? 0 : GW_R_KEYS_AWAY);
    if (strstr(err.text, row->text) == NULL)
        fail_msg("%s", err.text);
    assert_true(gw_monotonic_ms() - began < WAIT_MS);
    world_remove(&w);
}

static void no_program(void **state)
{
    struct error err = {0};
    struct world w;

    (void)state;
    world_make(&w);
    (void)snprintf(w.fake, sizeof w.fake, "%s/none", w.dir);
    assert_int_equal(world_start(&w, 0, &err), ST_RETRY);
    assert_int_equal(err.cause, GW_R_KEYS_AWAY);
    assert_int_equal(err.reason, 0);
    world_remove(&w);
}

static size_t rows_add(struct CMUnitTest *tests, size_t count, size_t rows, void *first,
                       size_t size, CMUnitTestFunction run)
{
    for (size_t i = 0; i < rows; i++) {
        char *row = (char *)first + i * size;

        tests[count++] = (struct CMUnitTest){*(const char **)(void *)row, run, NULL, NULL, row};
    }
    return count;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[100] = {
        cmocka_unit_test(works),
        cmocka_unit_test(ends_and_begins),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(questions_too_long),
        cmocka_unit_test(end_without_a_word),
        cmocka_unit_test(no_program),
    };
    size_t count = 6;

    if (argc == 2 && atoi(argv[1]) > 0)
        return fake_main(strrchr(argv[0], '/') + 1, atoi(argv[1]));
    count = rows_add(tests, count, ARRAY_LEN(pair_rows), pair_rows, sizeof *pair_rows, test_pair);
    count = rows_add(tests, count, ARRAY_LEN(question_rows), question_rows, sizeof *question_rows,
                     test_question);
    count = rows_add(tests, count, ARRAY_LEN(fake_rows), fake_rows, sizeof *fake_rows, test_fake);
    assert_true(count < ARRAY_LEN(tests));
    return _cmocka_run_group_tests("key process", tests, count, helper_crypto_setup,
                                   helper_crypto_teardown);
}
