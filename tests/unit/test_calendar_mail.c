/* letters about certificates that end: by a clock that is pushed, over restarts, to a mail server
 * that is there, says no, or is away */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "gateway/calendar_mail.h"
#include "helper_chain.h"
#include "helper_pki.h"
#include "helper_runtime.h"
#include "helper_store.h"

enum { LETTER = 256 * 1024, ARENA = 16 * 1024 * 1024, HOUR = 3600 * 1000 };
static const int64_t day_ms = INT64_C(24) * HOUR;

/* ---- a mail server ---- */

static struct post {
    int listener;
    in_port_t port;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    bool refuses;
    size_t taken;
    char last[LETTER]; /* the last letter, with its head */
} post;

static void say(FILE *f, const char *line)
{
    (void)fprintf(f, "%s\r\n", line);
    (void)fflush(f);
}

static void letter_take(FILE *f)
{
    char line[2048];
    size_t len = 0;

    say(f, "354 go on");
    pthread_mutex_lock(&post.lock);
    while (fgets(line, sizeof line, f) != NULL && strcmp(line, ".\r\n") != 0)
        len += (size_t)snprintf(post.last + len, LETTER - len, "%s", line);
    post.taken++;
    pthread_mutex_unlock(&post.lock);
    say(f, "250 taken");
}

static void talk(FILE *f)
{
    char line[2048];

    say(f, "220 post");
    while (fgets(line, sizeof line, f) != NULL) {
        bool refuses;

        pthread_mutex_lock(&post.lock);
        refuses = post.refuses;
        pthread_mutex_unlock(&post.lock);
        if (strncmp(line, "RCPT", 4) == 0 && refuses)
            say(f, "550 5.1.1 nobody of that name");
        else if (strncmp(line, "DATA", 4) == 0)
            letter_take(f);
        else
            say(f, strncmp(line, "QUIT", 4) == 0 ? "221 bye" : "250 good");
    }
}

static void *serve(void *ctx)
{
    int fd;

    (void)ctx;
    while ((fd = accept(post.listener, NULL, NULL)) >= 0) {
        FILE *f = fdopen(fd, "r+");

        talk(f);
        (void)fclose(f);
    }
    return NULL;
}

static int post_open(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;

    (void)state;
    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    post = (struct post){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(post.listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(post.listener, 8), 0);
    assert_int_equal(getsockname(post.listener, (struct sockaddr *)&at, &len), 0);
    post.port = ntohs(at.sin_port);
    assert_int_equal(pthread_mutex_init(&post.lock, NULL), 0);
    return pthread_create(&post.thread, NULL, serve, NULL);
}

static int post_close(void **state)
{
    (void)state;
    (void)shutdown(post.listener, SHUT_RDWR);
    assert_int_equal(pthread_join(post.thread, NULL), 0);
    (void)close(post.listener);
    (void)pthread_mutex_destroy(&post.lock);
    curl_global_cleanup();
    return 0;
}

static size_t taken(void)
{
    size_t count;

    pthread_mutex_lock(&post.lock);
    count = post.taken;
    pthread_mutex_unlock(&post.lock);
    return count;
}

/* The text of the last letter: its only part, in base64. */
static void last_text(struct buf *text)
{
    static const char head[] = "Content-Transfer-Encoding: base64\r\n\r\n";
    struct error err = {0};
    const char *at;

    buf_init(text, LETTER);
    pthread_mutex_lock(&post.lock);
    at = strstr(post.last, head);
    assert_non_null(at);
    at += strlen(head);
    assert_int_equal(buf_base64_decode(text, span_of(at, strcspn(at, "-")), &err), ST_OK);
    pthread_mutex_unlock(&post.lock);
}

/* ---- a town ---- */

static void cert_write(const struct helper_runtime *h, const char *name, int64_t until)
{
    const struct chain_node node = {
        .id = 'L', .issuer = 'A', .key = 'r', .cn = name, .from = PKI_2025, .until = until};
    AUTO(buf_deinit) struct buf pem = {0};
    char file[64];

    chain_cert_pem(&node, &pem);
    (void)snprintf(file, sizeof file, "%s.pem", name);
    helper_file(h, file, buf_span(&pem));
}

/* Ours ends with 2026, the partner's a day later. */
static void files_make(struct helper_runtime *h)
{
    AUTO(buf_deinit) struct buf key = {0};

    helper_dir_make(h->dir);
    cert_write(h, "ours", PKI_2027);
    cert_write(h, "theirs", PKI_2027 + day_ms);
    cert_write(h, "good", PKI_2030);
    chain_key_pem('r', &key);
    helper_file(h, "r.key", buf_span(&key));
}

static void town_open(struct helper_runtime *h, const char *partner, in_port_t port)
{
    char yaml[4096];

    (void)snprintf(yaml, sizeof yaml,
                   "state: {dir}/state\n"
                   "tenant:\n"
                   "  name: Ahausen\n"
                   "  identity:\n"
                   "    signature: {certificate: {dir}/ours.pem, key: {dir}/r.key}\n"
                   "    cipher: {certificate: {dir}/good.pem, key: {dir}/r.key}\n"
                   "trust: {osci: [{keys}/ca.cert.pem]}\n"
                   "intermediaries:\n"
                   "  - {name: demo, url: 'http://127.0.0.1:1/',"
                   " cipher_certificate: {dir}/good.pem}\n"
                   "partners:\n"
                   "  - {name: Beheim, intermediary: demo,"
                   " cipher_certificate: {dir}/%s.pem}\n"
                   "endpoints: [{name: bauamt}]\n"
                   "calendar: {mail: operators}\n"
                   "targets:\n"
                   "  - name: operators\n"
                   "    timeout_seconds: 5\n"
                   "    email: {url: 'smtp://127.0.0.1:%u', starttls: false,"
                   " from: gw@ahausen.example, to: [ops@ahausen.example]}\n",
                   partner, (unsigned)port);
    helper_runtime_open(h, yaml, "", NULL);
}

static enum status look(const struct helper_runtime *h, int64_t now, struct error *err)
{
    bool sent;

    *err = (struct error){0};
    return gw_calendar_mail(h->rt, now, &sent, err);
}

/* How often the history tells of it. */
static size_t told(const struct helper_runtime *h, const char *kind)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_event_list list = {0};
    struct error err = {0};
    size_t count = 0;

    assert_int_equal(gw_store_read(h->rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_events(tx, &arena, 0, NULL, NULL, NULL, 0, &list, &err), ST_OK);
    for (size_t i = 0; i < list.count; i++)
        count += strcmp(list.rows[i].kind, kind) == 0;
    return count;
}

static bool in_trouble(const struct helper_runtime *h)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct error err = {0};
    const char *text;

    assert_int_equal(gw_store_read(h->rt->store, &tx, &err), ST_OK);
    text = gw_calendar_mail_trouble(tx, h->rt, &arena, GW_LANG_EN);
    return text != NULL && strstr(text, "operators") != NULL;
}

/* ---- tests ---- */

/* 100 days before until 10 behind, each six hours, a restart each week: seven letters. */
static void one_for_each_step(void **state)
{
    struct helper_runtime h = {0};
    size_t before = taken();
    struct error err;

    (void)state;
    files_make(&h);
    town_open(&h, "good", post.port);
    for (int quarter = -400; quarter < 40; quarter++) {
        if (look(&h, PKI_2027 + quarter * day_ms / 4, &err) != ST_OK)
            fail_msg("%s", err.text);
        if (quarter % 28 != 0)
            continue;
        helper_runtime_close(&h);
        town_open(&h, "good", post.port);
    }
    assert_int_equal(taken() - before, 7);
    assert_int_equal(told(&h, "certificate.mailed"), 7);
    helper_runtime_deinit(&h);
}

/* An hour after the letter another one is due: it waits for the next day, whose letter tells of
 * both. */
static void one_a_day(void **state)
{
    AUTO(buf_deinit) struct buf letter = {0};
    struct helper_runtime h = {0};
    int64_t due = PKI_2027 - 30 * day_ms;
    size_t before = taken();
    const char *text;
    struct error err;

    (void)state;
    files_make(&h);
    town_open(&h, "theirs", post.port);
    assert_int_equal(look(&h, due - 61 * day_ms, &err), ST_OK);
    assert_int_equal(taken() - before, 0);
    assert_int_equal(look(&h, due, &err), ST_OK);
    assert_int_equal(taken() - before, 1);
    for (int hour = 1; hour < 24; hour++)
        assert_int_equal(look(&h, due + (int64_t)hour * HOUR, &err), ST_OK);
    assert_int_equal(taken() - before, 1);
    assert_int_equal(look(&h, due + day_ms, &err), ST_OK);
    assert_int_equal(taken() - before, 2);
    last_text(&letter);
    text = buf_cstr(&letter);
    assert_non_null(strstr(text, "2027-01-01, noch 29 Tage: CN=ours"));
    assert_non_null(strstr(text, "tenant.identity.signature, Ahausen\r\n"
                                 "  Für Ahausen kann nichts mehr signiert werden."));
    assert_non_null(strstr(text, "2027-01-02, 30 days left: CN=theirs"));
    assert_non_null(strstr(text, "Nothing can be sealed for Beheim any more."));
    assert_null(strstr(text, "CN=good"));
    helper_runtime_deinit(&h);
}

/* A server that says no, or is away: shown, told once, tried again, and nothing is lost. */
static void server_fails(void **state)
{
    struct helper_runtime h = {0};
    int64_t due = PKI_2027 - 30 * day_ms;
    size_t before = taken();
    struct error err;

    (void)state;
    files_make(&h);
    town_open(&h, "good", 1);
    assert_int_equal(look(&h, due, &err), ST_RETRY);
    assert_true(in_trouble(&h));
    helper_runtime_close(&h);
    town_open(&h, "good", post.port);
    post.refuses = true;
    assert_int_equal(look(&h, due + HOUR, &err), ST_DENIED);
    assert_non_null(strstr(err.text, "nobody of that name"));
    assert_int_equal(told(&h, "certificate.mail_failed"), 1);
    assert_true(in_trouble(&h));
    post.refuses = false;
    assert_int_equal(look(&h, due + 2 * HOUR, &err), ST_OK);
    assert_int_equal(taken() - before, 1);
    assert_false(in_trouble(&h));
    helper_runtime_deinit(&h);
}

static int close_all(void **state)
{
    chain_keys_drop();
    return post_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_for_each_step),
        cmocka_unit_test(one_a_day),
        cmocka_unit_test(server_fails),
    };

    return cmocka_run_group_tests(tests, post_open, close_all);
}
