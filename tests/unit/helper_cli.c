#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_cli.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "gateway/cli_demo.h"

enum { ARGS_MAX = 16 };

struct helper_daemon helper_daemon;

/* Reads head and body; the body has a Content-Length or is chunked as curl sends it. */
static void request_read(int fd)
{
    size_t len = 0, want = SIZE_MAX;

    while (len < want && len + 1 < HELPER_REQUEST_MAX) {
        ssize_t n = read(fd, helper_daemon.request + len, HELPER_REQUEST_MAX - 1 - len);
        const char *head, *length;

        if (n <= 0)
            break;
        len += (size_t)n;
        helper_daemon.request[len] = '\0';
        head = strstr(helper_daemon.request, "\r\n\r\n");
        if (want == SIZE_MAX && head != NULL) {
            length = strstr(helper_daemon.request, "Content-Length: ");
            want = (size_t)(head + 4 - helper_daemon.request) +
                   (length == NULL ? 0 : strtoul(length + 16, NULL, 10));
        }
    }
    helper_daemon.request_len = len;
}

static void *serve(void *arg)
{
    (void)arg;
    for (;;) {
        AUTO(fd_drop) int fd = accept(helper_daemon.listener, NULL, NULL);
        const struct helper_canned *best = NULL;
        char answer[HELPER_REQUEST_MAX];
        int len;

        if (fd < 0)
            return NULL;
        (void)pthread_mutex_lock(&helper_daemon.lock);
        request_read(fd);
        for (size_t i = 0; i < helper_daemon.count; i++)
            if (strncmp(helper_daemon.request, helper_daemon.answers[i].request,
                        strlen(helper_daemon.answers[i].request)) == 0 &&
                (best == NULL || strlen(helper_daemon.answers[i].request) > strlen(best->request)))
                best = &helper_daemon.answers[i];
        len = snprintf(answer, sizeof answer,
                       "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                       "Connection: close\r\n\r\n%s",
                       best == NULL ? "400 Bad Request" : best->status,
                       best == NULL ? 0 : strlen(best->body), best == NULL ? "" : best->body);
        (void)pthread_mutex_unlock(&helper_daemon.lock);
        if (write(fd, answer, (size_t)len) != len)
            return NULL;
    }
}

int helper_daemon_start(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    (void)state;
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return -1;
    strcpy(helper_daemon.dir, "/tmp/test_cli.XXXXXX");
    if (mkdtemp(helper_daemon.dir) == NULL)
        return -1;
    (void)snprintf(helper_daemon.socket, sizeof helper_daemon.socket, "%s/s", helper_daemon.dir);
    memcpy(addr.sun_path, helper_daemon.socket, strlen(helper_daemon.socket) + 1);
    helper_daemon.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(helper_daemon.listener, (struct sockaddr *)&addr, sizeof addr) != 0 ||
        listen(helper_daemon.listener, 8) != 0 ||
        pthread_mutex_init(&helper_daemon.lock, NULL) != 0)
        return -1;
    return pthread_create(&helper_daemon.thread, NULL, serve, NULL);
}

int helper_daemon_stop(void **state)
{
    (void)state;
    (void)shutdown(helper_daemon.listener, SHUT_RDWR); /* wakes accept */
    (void)pthread_join(helper_daemon.thread, NULL);
    close(helper_daemon.listener);
    curl_global_cleanup();
    return unlink(helper_daemon.socket) | rmdir(helper_daemon.dir);
}

void helper_daemon_answers(const struct helper_canned *answers, size_t count)
{
    (void)pthread_mutex_lock(&helper_daemon.lock);
    helper_daemon.answers = answers;
    helper_daemon.count = count;
    (void)pthread_mutex_unlock(&helper_daemon.lock);
}

void helper_run_it(struct helper_run *run, const char *args, int width,
                   const struct helper_canned *answers, size_t count)
{
    char *words = strdup(args), *save = NULL;
    char *argv[ARGS_MAX + 3] = {(char *)(uintptr_t) "depesche"};
    size_t out_len, err_len;
    size_t step = 0;
    struct gw_cli_io io = {.width = width,
                           .now = NOW,
                           .lang = GW_LANG_EN,
                           .pause = helper_daemon.pause,
                           .pause_ctx = &step};
    int argc = 1;

    helper_daemon_answers(answers, count);
    helper_daemon.request[0] = '\0';
    for (char *w = strtok_r(words, "|", &save); w != NULL; w = strtok_r(NULL, "|", &save))
        argv[argc++] = w;
    if (strstr(args, "--socket") == NULL && strstr(args, "--config") == NULL) {
        argv[argc++] = (char *)(uintptr_t) "--socket";
        argv[argc++] = helper_daemon.socket;
    }
    io.out = open_memstream(&run->out, &out_len);
    io.err = open_memstream(&run->err, &err_len);
    run->rc = gw_cli_run(argc, argv, &io);
    assert_int_equal(fclose(io.out) | fclose(io.err), 0);
    free(words);
}

void helper_run_free(struct helper_run *run)
{
    free(run->out);
    free(run->err);
}

void helper_cli_row_test(void **state)
{
    const struct helper_cli_row *row = *state;
    struct helper_run run;

    if (row->answers == NULL)
        helper_run_it(&run, row->args, row->width, helper_daemon.usual, helper_daemon.usual_count);
    else
        helper_run_it(&run, row->args, row->width, row->answers, 1);
    if (row->out != NULL)
        assert_string_equal(run.out, row->out);
    if (row->err != NULL)
        assert_string_equal(run.err, row->err);
    else
        assert_true(row->rc == EX_OK || strlen(run.err) > 20); /* says something */
    assert_int_equal(run.rc, row->rc);
    helper_run_free(&run);
}
