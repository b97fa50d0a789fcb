/*
 * bench_api.c - what the local doors of a daemon carry
 *
 *   bench_api drive SOCKET ENDPOINT RECIPIENT CONNECTIONS MESSAGES
 *       sends so many messages of 10 KB over so many connections to the API that stay open; each is
 *       durable when it is answered
 *   bench_api drop OUT IN MESSAGES
 *       drops files of 10 KB one after the other into one drop folder, and watches when each has
 *       been taken in, and when it lies complete in the other
 *
 * Prints one JSON object; bench.sh makes figures of it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/rng.h"

enum { PAYLOAD_BYTES = 10 * 1024, REQUEST_MAX = 16 * 1024, ANSWER_MAX = 8 * 1024 };
enum { THREADS_MAX = 256, STEP_US = 500, PATIENCE_S = 600 };

static void must_be(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_api: %s\n", what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void payload_make(uint8_t bytes[PAYLOAD_BYTES])
{
    struct error err = {0};

    must_be(rng_bytes(rng_system(), bytes, PAYLOAD_BYTES, &err) == ST_OK, "no random bytes");
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* In ms; values are sorted. */
static double quantile(const int64_t *values, size_t count, double q)
{
    size_t at = (size_t)(q * (double)count);

    return (double)values[at < count ? at : count - 1] / 1e6;
}

/* ---- the API ---- */

struct drive {
    const char *socket;
    char *request;
    size_t len, count;
    int64_t *latencies; /* ns */
};

static char *request_make(const char *endpoint, const char *recipient, size_t *len)
{
    static uint8_t payload[PAYLOAD_BYTES];
    char *body = malloc(REQUEST_MAX), *request = malloc(REQUEST_MAX);
    int n, head;

    must_be(body != NULL && request != NULL, "out of memory");
    payload_make(payload);
    n = snprintf(
        body, REQUEST_MAX,
        "--xx\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n"
        "{\"endpoint\":\"%s\",\"recipient\":\"%s\"}\r\n"
        "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n",
        endpoint, recipient);
    must_be(n > 0 && n + PAYLOAD_BYTES + 16 < REQUEST_MAX, "a long name");
    memcpy(body + n, payload, PAYLOAD_BYTES);
    memcpy(body + n + PAYLOAD_BYTES, "\r\n--xx--\r\n", 10);
    n += PAYLOAD_BYTES + 10;
    head = snprintf(request, REQUEST_MAX,
                    "POST /v1/messages HTTP/1.1\r\nHost: depesche\r\n"
                    "Content-Type: multipart/form-data; boundary=xx\r\nContent-Length: %d\r\n\r\n",
                    n);
    must_be(head + n < REQUEST_MAX, "a long request");
    memcpy(request + head, body, (size_t)n);
    free(body);
    *len = (size_t)(head + n);
    return request;
}

static int door(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must_be(strlen(path) < sizeof addr.sun_path, "a long path");
    memcpy(addr.sun_path, path, strlen(path) + 1);
    must_be(fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0, "no daemon there");
    return fd;
}

/* The head and, from its Content-Length, the body. */
static void answer_read(int fd)
{
    char text[ANSWER_MAX];
    size_t len = 0;

    for (;;) {
        ssize_t got = read(fd, text + len, sizeof text - 1 - len);
        const char *end, *length;

        must_be(got > 0, "the daemon does not answer");
        len += (size_t)got;
        text[len] = '\0';
        end = strstr(text, "\r\n\r\n");
        length = strstr(text, "Content-Length: ");
        if (end != NULL && length != NULL &&
            len >= (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10))
            break;
    }
    must_be(strncmp(text, "HTTP/1.1 202 ", 13) == 0, text);
}

static void *drive_run(void *ctx)
{
    struct drive *d = ctx;
    int fd = door(d->socket);

    for (size_t i = 0; i < d->count; i++) {
        int64_t begin = now_ns();

        for (size_t done = 0; done < d->len;) {
            ssize_t put = write(fd, d->request + done, d->len - done);

            must_be(put > 0, "the daemon takes no more");
            done += (size_t)put;
        }
        answer_read(fd);
        d->latencies[i] = now_ns() - begin;
    }
    close(fd);
    return NULL;
}

static int drive(char **argv)
{
    size_t threads = strtoul(argv[3], NULL, 10), messages = strtoul(argv[4], NULL, 10);
    struct drive drives[THREADS_MAX] = {0};
    pthread_t ids[THREADS_MAX];
    int64_t *latencies = calloc(messages + 1, sizeof *latencies);
    int64_t begin;
    double seconds;

    must_be(threads > 0 && threads <= THREADS_MAX && messages >= threads && latencies != NULL,
            "no such number of connections or messages");
    messages -= messages % threads;
    for (size_t i = 0; i < threads; i++) {
        size_t share = messages / threads;

        drives[i] =
            (struct drive){.socket = argv[0], .count = share, .latencies = latencies + i * share};
        drives[i].request = request_make(argv[1], argv[2], &drives[i].len);
    }
    begin = now_ns();
    for (size_t i = 0; i < threads; i++)
        must_be(pthread_create(&ids[i], NULL, drive_run, &drives[i]) == 0, "no thread");
    for (size_t i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    seconds = (double)(now_ns() - begin) / 1e9;
    qsort(latencies, messages, sizeof *latencies, by_size);
    printf("{\"connections\": %zu, \"messages\": %zu, \"per_second\": %.1f, \"p50_ms\": %.2f, "
           "\"p99_ms\": %.2f}\n",
           threads, messages, (double)messages / seconds, quantile(latencies, messages, 0.5),
           quantile(latencies, messages, 0.99));
    for (size_t i = 0; i < threads; i++)
        free(drives[i].request);
    free(latencies);
    return 0;
}

/* ---- the drop folder ---- */

static size_t folders(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;

    must_be(dir != NULL, path);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

static bool is_there(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

static void file_drop(const char *out, size_t i, char path[4096])
{
    static uint8_t payload[PAYLOAD_BYTES];
    char hidden[4096];
    int fd;

    payload_make(payload);
    must_be(snprintf(hidden, sizeof hidden, "%s/.latency-%zu", out, i) < (int)sizeof hidden &&
                snprintf(path, 4096, "%s/latency-%zu.bin", out, i) < 4096,
            "a long path");
    fd = open(hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    must_be(fd >= 0 && write(fd, payload, sizeof payload) == (ssize_t)sizeof payload &&
                close(fd) == 0 && rename(hidden, path) == 0,
            "cannot drop a file");
}

static int drop(char **argv)
{
    size_t messages = strtoul(argv[2], NULL, 10);
    int64_t *taken = calloc(messages + 1, sizeof *taken),
            *there = calloc(messages + 1, sizeof *there);

    must_be(messages > 0 && taken != NULL && there != NULL, "no such number of messages");
    for (size_t i = 0; i < messages; i++) {
        size_t before = folders(argv[1]);
        char path[4096];
        int64_t begin;

        file_drop(argv[0], i, path);
        begin = now_ns();
        while (there[i] == 0) {
            must_be(now_ns() - begin < (int64_t)PATIENCE_S * 1000000000, "it does not arrive");
            usleep(STEP_US);
            if (taken[i] == 0 && !is_there(path))
                taken[i] = now_ns() - begin;
            if (folders(argv[1]) > before)
                there[i] = now_ns() - begin;
        }
        if (taken[i] == 0)
            taken[i] = there[i];
    }
    qsort(taken, messages, sizeof *taken, by_size);
    qsort(there, messages, sizeof *there, by_size);
    printf("{\"messages\": %zu, \"taken_p50_ms\": %.1f, \"taken_p99_ms\": %.1f, "
           "\"pickup_p50_ms\": %.1f, \"pickup_p99_ms\": %.1f}\n",
           messages, quantile(taken, messages, 0.5), quantile(taken, messages, 0.99),
           quantile(there, messages, 0.5), quantile(there, messages, 0.99));
    free(taken);
    free(there);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "drive") == 0)
        return drive(argv + 2);
    if (argc == 5 && strcmp(argv[1], "drop") == 0)
        return drop(argv + 2);
    fprintf(stderr, "usage: bench_api drive SOCKET ENDPOINT RECIPIENT CONNECTIONS MESSAGES\n"
                    "       bench_api drop OUT IN MESSAGES\n");
    return 64;
}
