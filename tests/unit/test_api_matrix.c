/*
 * Who may do what: every operation of docs/openapi.yaml, asked by an admin, by the user of the
 * endpoint it is about, by that of another endpoint, and by a user without any right.
 *
 * As root they are four real users, told apart by the kernel, and the socket's own permissions are
 * tried, too; otherwise the rights of the one user that there is are changed.
 */
#define _GNU_SOURCE 1 /* syscall */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper_api.h"

#define OPENAPI TEST_VECTORS "/../../docs/openapi.yaml"
#define META "{\"endpoint\":\"meldewesen\",\"recipient\":\"Stadt Beheim\"}"
#define FORM_BODY                                                                                  \
    "--xx\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n" META                           \
    "\r\n--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n1\r\n"       \
    "--xx--\r\n"

enum who { ADMIN, OWN, OTHER, NOBODY, WHO_COUNT };

static const uid_t uids[WHO_COUNT] = {64001, 64002, 64003, 64004};

/*
 * The operation, what else its path has, and the answers to each who. 404 of a message says that it
 * does not exist for him. In this world a message has no receipt yet, and there is nothing behind
 * /v1/fetch, /v1/reload and what intermediaries have: that is 404, too, for whoever may ask.
 */
static struct row {
    const char *operation, *query;
    long status[WHO_COUNT];
} rows[] = {
    {"POST /v1/messages", "", {202, 202, 403, 403}},
    {"GET /v1/messages", "", {200, 200, 200, 403}},
    {"GET /v1/messages", "?endpoint=meldewesen", {200, 200, 403, 403}},
    {"GET /v1/messages/{id}", "", {200, 200, 404, 403}},
    {"GET /v1/messages/{id}/events", "", {200, 200, 404, 403}},
    {"GET /v1/messages/{id}/files/{n}", "", {200, 200, 404, 403}},
    {"GET /v1/messages/{id}/why", "", {200, 200, 404, 403}},
    {"GET /v1/messages/{id}/receipt", "", {404, 404, 404, 403}},
    {"POST /v1/messages/{id}/answer", "", {409, 409, 404, 403}},
    {"POST /v1/messages/{id}/release", "?reason=x", {409, 403, 404, 403}},
    {"POST /v1/messages/{id}/discard", "?reason=x", {409, 403, 404, 403}},
    {"POST /v1/messages/{id}/ack", "", {409, 409, 404, 403}},
    {"POST /v1/messages/{id}/retry", "", {409, 409, 404, 403}},
    {"POST /v1/messages/{id}/cancel", "", {200, 200, 404, 403}},
    {"POST /v1/redeliver", "?endpoint=meldewesen&since=2026-01-01", {200, 200, 403, 403}},
    {"GET /v1/why", "", {200, 200, 200, 403}},
    {"GET /v1/events", "", {200, 200, 200, 403}},
    {"GET /v1/events", "?endpoint=meldewesen", {200, 200, 403, 403}},
    {"GET /v1/audit", "", {200, 403, 403, 403}},
    {"POST /v1/backup", "?dir=relative", {400, 403, 403, 403}},
    {"GET /v1/status", "", {200, 200, 200, 403}},
    {"GET /v1/health", "", {200, 200, 200, 403}},
    {"GET /metrics", "", {200, 403, 403, 403}},
    {"GET /v1/mailboxes", "", {404, 404, 404, 403}},
    {"GET /v1/intermediary", "", {404, 404, 404, 403}},
    {"GET /v1/certificates", "", {200, 403, 403, 403}},
    {"GET /v1/outlook", "?on=2031-12-31", {200, 403, 403, 403}},
    {"GET /v1/outlook", "", {400, 403, 403, 403}},
    {"GET /v1/directory", "", {200, 200, 200, 403}},
    {"GET /v1/routes", "", {200, 200, 200, 403}},
    {"POST /v1/fetch", "", {404, 404, 404, 403}},
    {"GET /v1/doctor", "", {200, 403, 403, 403}},
    {"POST /v1/reload", "", {404, 403, 403, 403}},
};

static struct helper_api *shared;
static bool real; /* the users are the kernel's */

/* Of this thread only: what the kernel writes down when it connects. */
static bool become(uid_t uid)
{
    return syscall(SYS_setresuid, -1, uid, -1) == 0;
}

static void rights_set(void)
{
    struct gw_api_rights *rights = &shared->server->rights;
    const struct gw_endpoint_conf *all = shared->conf->endpoints;

    gw_api_rights_deinit(rights);
    rights->rows = calloc(4, sizeof *rights->rows);
    assert_non_null(rights->rows);
    rights->rows[rights->count++] = (struct gw_api_right){geteuid(), NULL};
    rights->rows[rights->count++] = (struct gw_api_right){uids[ADMIN], NULL};
    rights->rows[rights->count++] = (struct gw_api_right){uids[OWN], &all[0]};
    rights->rows[rights->count++] = (struct gw_api_right){uids[OTHER], &all[1]};
}

static int shared_setup(void **state)
{
    (void)state;
    shared = helper_api_new();
    helper_api_start(shared);
    shared->rt.peer_count = 0; /* it has no certificate, which the doctor would look at */
    real = geteuid() == 0 && become(uids[NOBODY]) && become(0);
    if (real) {
        rights_set();
        assert_int_equal(chmod(shared->store.dir, 0711), 0);
        assert_int_equal(chmod(shared->socket, 0666), 0);
    } else {
        print_message("not root, or one user only: rights are changed instead of users\n");
    }
    return 0;
}

static int shared_teardown(void **state)
{
    (void)state;
    helper_api_free(shared);
    return 0;
}

static long ask_as(enum who who, const char *request)
{
    static const enum helper_user users[WHO_COUNT] = {HELPER_ADMIN, HELPER_ONE, HELPER_TWO,
                                                      HELPER_NOBODY};
    AUTO(helper_answer_deinit) struct helper_answer a = {0};

    if (!real)
        helper_api_be(shared, users[who]);
    else
        assert_true(become(uids[who]));
    helper_api_bytes(shared, span_str(request), &a);
    if (real)
        assert_true(become(0));
    return a.status;
}

/* A message of meldewesen. */
static void message_make(char id[GW_ID_SIZE])
{
    const struct helper_part file = {"a", SPAN("hello")};
    AUTO(helper_answer_deinit) struct helper_answer a = {0};

    if (!real)
        helper_api_be(shared, HELPER_ADMIN);
    helper_api_send(shared, META, &file, 1, &a);
    assert_int_equal(a.status, 202);
    (void)snprintf(id, GW_ID_SIZE, "%s", helper_str(a.json, "id"));
}

/* "/v1/messages/{id}/files/{n}" as it is asked for. */
static void path_write(struct buf *out, const char *pattern, const char *id)
{
    for (const char *c = pattern; *c != '\0'; c++) {
        if (*c != '{') {
            buf_char(out, *c);
            continue;
        }
        buf_str(out, strncmp(c, "{id}", 4) == 0 ? id : "1");
        c = strchr(c, '}');
        assert_non_null(c);
    }
}

static void request_write(struct buf *out, const struct row *row, const char *id)
{
    const char *path = strchr(row->operation, ' ') + 1;
    bool form = strcmp(row->operation, "POST /v1/messages") == 0 || strstr(path, "/answer") != NULL;

    buf_add(out, span_of(row->operation, (size_t)(path - row->operation)));
    path_write(out, path, id);
    buf_printf(out, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", row->query);
    if (form)
        buf_printf(out, "Content-Type: multipart/form-data; boundary=xx\r\nContent-Length: %zu\r\n",
                   strlen(FORM_BODY));
    buf_printf(out, "\r\n%s", form ? FORM_BODY : "");
}

static void test_row(void **state)
{
    const struct row *row = *state;

    for (enum who who = ADMIN; who < WHO_COUNT; who++) {
        AUTO(buf_deinit) struct buf request = {0};
        char id[GW_ID_SIZE];
        long status;

        message_make(id);
        buf_init(&request, 64 * 1024);
        request_write(&request, row, id);
        status = ask_as(who, buf_cstr(&request));
        if (status != row->status[who])
            fail_msg("%s%s by %d: %ld, not %ld", row->operation, row->query, (int)who, status,
                     row->status[who]);
    }
}

/* ---- nothing is forgotten ---- */

static void has_row(const char *method, const char *path)
{
    char operation[1100];

    (void)snprintf(operation, sizeof operation, "%s %s", method, path);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].operation, operation) == 0)
            return;
    fail_msg("%s stands in docs/openapi.yaml and has no row here", operation);
}

static void every_operation_has_a_row(void **state)
{
    FILE *f = fopen(OPENAPI, "r");
    char line[1024], path[1024] = "";
    size_t operations = 0;

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL && strncmp(line, "components:", 11) != 0) {
        line[strcspn(line, ":\n")] = '\0';
        if (strncmp(line, "  /", 3) == 0)
            (void)snprintf(path, sizeof path, "%s", line + 2);
        if (strcmp(line, "    get") != 0 && strcmp(line, "    post") != 0)
            continue;
        has_row(strcmp(line, "    get") == 0 ? "GET" : "POST", path);
        operations++;
    }
    (void)fclose(f);
    assert_true(operations >= 28);
}

/* ---- the socket itself ---- */

static bool connects(const char *path, uid_t uid)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool done;

    assert_true(fd >= 0);
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    assert_true(become(uid));
    done = connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0;
    assert_true(done || errno == EACCES);
    assert_true(become(0));
    close(fd);
    return done;
}

/* Owner, group and mode, as the settings say; a socket is there only once it has them all. */
static void the_socket_is_for_whom_it_says(void **state)
{
    static const struct {
        mode_t mode;
        bool owner;
    } cases[] = {{0660, true}, {0600, true}, {0060, false}};
    struct stat st;

    (void)state;
    if (!real)
        return; /* only root gives files away */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct helper_api *h = helper_api_new();
        struct gw_config *conf = (struct gw_config *)(uintptr_t)h->conf;

        conf->api.mode = cases[i].mode;
        conf->api.owner = "64002";
        conf->api.group = "64003";
        assert_int_equal(chmod(h->store.dir, 0711), 0);
        helper_api_start(h);
        assert_int_equal(lstat(h->socket, &st), 0);
        assert_int_equal(st.st_mode & 07777, cases[i].mode);
        assert_int_equal(st.st_uid, 64002);
        assert_int_equal(st.st_gid, 64003);
        assert_int_equal(connects(h->socket, 64002), cases[i].owner);
        assert_false(connects(h->socket, 64004));
        helper_api_stop(h);
        conf->api.owner = conf->api.group = NULL;
        helper_api_free(h);
    }
}

static void an_owner_must_exist(void **state)
{
    struct gw_api_conf conf = {.owner = "no such user here"};
    struct gw_http_owner owner;
    struct error err = {0};

    (void)state;
    assert_int_equal(gw_api_owner_load(&conf, &owner, &err), ST_INVALID);
    assert_int_equal(err.reason, GW_R_CONFIG_USER);
    conf = (struct gw_api_conf){.group = "no such group here"};
    assert_int_equal(gw_api_owner_load(&conf, &owner, &err), ST_INVALID);
    conf = (struct gw_api_conf){.owner = "root", .group = "4242"};
    assert_int_equal(gw_api_owner_load(&conf, &owner, &err), ST_OK);
    assert_int_equal(owner.uid, 0);
    assert_int_equal(owner.gid, 4242);
}

/* A program that forgets its connections, or means it badly: the operator gets in all the same. */
static void one_user_leaves_room_for_the_others(void **state)
{
    enum { CONNECTIONS = 128 };
    static const char begun[] = "POST /v1/messages HTTP/1.1\r\n";
    int fds[CONNECTIONS];
    char byte;

    (void)state;
    if (!real)
        return; /* one user only, who is the daemon's own */
    assert_true(become(uids[OWN]));
    for (size_t i = 0; i < CONNECTIONS; i++) {
        fds[i] = helper_api_connect(shared);
        (void)!send(fds[i], begun, sizeof begun - 1, MSG_NOSIGNAL);
    }
    assert_true(become(0));
    /* closed, without an answer: 408 would be one */
    assert_true(recv(fds[CONNECTIONS - 1], &byte, 1, 0) <= 0);
    assert_int_equal(
        ask_as(ADMIN, "GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), 200);
    for (size_t i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
}

int main(void)
{
    static const struct CMUnitTest more[] = {cmocka_unit_test(every_operation_has_a_row),
                                             cmocka_unit_test(the_socket_is_for_whom_it_says),
                                             cmocka_unit_test(one_user_leaves_room_for_the_others),
                                             cmocka_unit_test(an_owner_must_exist)};
    struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(more)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].operation, test_row, NULL, NULL, &rows[i]};
    memcpy(tests + ARRAY_LEN(rows), more, sizeof more);
    return cmocka_run_group_tests_name("api_matrix", tests, shared_setup, shared_teardown);
}
