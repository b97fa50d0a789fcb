#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_runtime.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gateway/payload.h"
#include "helper_store.h"

#define KEYS TEST_VECTORS "/osci12/keys"
#define PAIR(name) "{certificate: " KEYS "/" name ".cert.pem, key: " KEYS "/" name ".key.pem}"
#define IDENTITY(party)                                                                            \
    "{signature: " PAIR(party "-signature-2048") ", cipher: " PAIR(party "-cipher-2048") "}"
enum { YAML_MAX = 256 * 1024 };

const char helper_town_yaml[] =
    "state: {dir}/state\n"
    "tenant:\n"
    "  name: Ahausen\n"
    "  identity: {originator}\n"
    "trust:\n"
    "  osci: [ {keys}/ca.cert.pem ]\n"
    "intermediaries:\n"
    "  - name: demo\n"
    "    url: \"{url}\"\n"
    "    cipher_certificate: {keys}/intermediary-cipher-2048.cert.pem\n"
    "    signature_certificate: {keys}/intermediary-signature-2048.cert.pem\n"
    "    timeout_seconds: 120\n"
    "    poll_seconds: 1\n"
    "    receipt_poll_seconds: 1\n"
    "partners:\n"
    "  - name: Beheim\n"
    "    intermediary: demo\n"
    "    cipher_certificate: {keys}/addressee-cipher-2048.cert.pem\n"
    "    signature_certificates: [ {keys}/addressee-signature-2048.cert.pem ]\n"
    "    addresses: [ 09999012-BAUAMT-80 ]\n";

const char helper_other_town_yaml[] =
    "state: {dir}/state\n"
    "tenant:\n"
    "  name: Beheim\n"
    "  identity: {addressee}\n"
    "trust:\n"
    "  osci: [ {keys}/ca.cert.pem ]\n"
    "intermediaries:\n"
    "  - name: demo\n"
    "    url: \"{url}\"\n"
    "    cipher_certificate: {keys}/intermediary-cipher-2048.cert.pem\n"
    "    signature_certificate: {keys}/intermediary-signature-2048.cert.pem\n"
    "    timeout_seconds: 120\n"
    "    poll_seconds: 1\n"
    "    receipt_poll_seconds: 1\n";

static void fill(struct buf *out, const char *text, const char *dir, const char *url)
{
    const struct {
        const char *name, *value;
    } words[] = {{"{dir}", dir},
                 {"{keys}", KEYS},
                 {"{url}", url},
                 {"{originator}", IDENTITY("originator")},
                 {"{addressee}", IDENTITY("addressee")},
                 {"{intermediary}", IDENTITY("intermediary")}};

    while (*text != '\0') {
        size_t skip = 0;

        for (size_t i = 0; i < ARRAY_LEN(words) && skip == 0; i++)
            if (strncmp(text, words[i].name, strlen(words[i].name)) == 0) {
                buf_str(out, words[i].value);
                skip = strlen(words[i].name);
            }
        if (skip == 0)
            buf_char(out, *text);
        text += skip == 0 ? 1 : skip;
    }
}

void helper_runtime_open(struct helper_runtime *h, const char *yaml, const char *more,
                         const char *url)
{
    AUTO(buf_deinit) struct buf text = {0};
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(buf_deinit) struct buf findings = {0};
    struct error err = {0};

    if (h->dir[0] == '\0')
        helper_dir_make(h->dir);
    buf_init(&text, YAML_MAX);
    buf_init(&findings, YAML_MAX);
    fill(&text, yaml, h->dir, url == NULL ? "http://127.0.0.1:1/osci" : url);
    fill(&text, more, h->dir, url == NULL ? "http://127.0.0.1:1/osci" : url);
    gw_config_report_init(&report);
    if (gw_config_read(buf_span(&text), "/test.yaml", &h->conf, &report, &err) != ST_OK) {
        gw_config_report_text(&report, GW_LANG_EN, &findings);
        fail_msg("%s", buf_cstr(&findings));
    }
    if (getenv("TEST_LOG") != NULL)
        assert_int_equal(gw_log_new(GW_LOG_STDERR, GW_LOG_DEBUG, NULL, &h->log, &err), ST_OK);
    assert_int_equal(gw_loop_new(&h->loop, &err), ST_OK);
    if (gw_runtime_new(h->conf, h->loop, h->log, &h->rt, &err) != ST_OK)
        fail_msg("%s", err.text);
}

static void *loop_run(void *ctx)
{
    gw_loop_run(ctx);
    return NULL;
}

void helper_runtime_run(struct helper_runtime *h)
{
    assert_int_equal(pthread_create(&h->thread, NULL, loop_run, h->loop), 0);
    h->runs = true;
}

int64_t helper_runtime_stop(struct helper_runtime *h)
{
    int64_t start = gw_monotonic_ms();

    assert_true(h->runs);
    gw_loop_stop(h->loop);
    assert_int_equal(pthread_join(h->thread, NULL), 0);
    h->runs = false;
    h->ran = true;
    return gw_monotonic_ms() - start;
}

void helper_runtime_close(struct helper_runtime *h)
{
    if (h->loop != NULL && !h->ran) {
        if (!h->runs)
            helper_runtime_run(h);
        (void)helper_runtime_stop(h);
    }
    h->ran = false;
    gw_runtime_free(h->rt);
    gw_loop_free(h->loop);
    gw_log_free(h->log);
    gw_config_free(h->conf);
    h->rt = NULL;
    h->loop = NULL;
    h->log = NULL;
    h->conf = NULL;
}

void helper_runtime_deinit(struct helper_runtime *h)
{
    helper_runtime_close(h);
    helper_dir_remove(h->dir);
    h->dir[0] = '\0';
}

__attribute__((format(printf, 3, 0))) static void
path_make(const struct helper_runtime *h, char path[512], const char *fmt, va_list ap)
{
    int n = snprintf(path, 512, "%s/", h->dir);

    assert_true(vsnprintf(path + n, 512 - (size_t)n, fmt, ap) < 512 - n);
}

const char *helper_path(const struct helper_runtime *h, char path[512], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    path_make(h, path, fmt, ap);
    va_end(ap);
    return path;
}

void helper_file(const struct helper_runtime *h, const char *name, struct span bytes)
{
    char path[512];
    FILE *f = fopen(helper_path(h, path, "%s", name), "wb");

    assert_non_null(f);
    if (bytes.len > 0)
        assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

bool helper_there(const struct helper_runtime *h, const char *fmt, ...)
{
    char path[512];
    struct stat st;
    va_list ap;

    va_start(ap, fmt);
    path_make(h, path, fmt, ap);
    va_end(ap);
    return lstat(path, &st) == 0;
}

char *helper_read_file(const struct helper_runtime *h, const char *fmt, ...)
{
    AUTO(buf_deinit) struct buf b = {0};
    struct error err = {0};
    char path[512];
    char *text;
    va_list ap;

    va_start(ap, fmt);
    path_make(h, path, fmt, ap);
    va_end(ap);
    buf_init(&b, 64 * 1024 * 1024);
    if (gw_file_read(AT_FDCWD, path, &b, &err) != ST_OK)
        fail_msg("%s", err.text);
    text = strdup(buf_cstr(&b));
    assert_non_null(text);
    return text;
}

struct counting {
    size_t count;
    char *name;
};

static enum status count_entry(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct counting *c = ctx;

    (void)mode;
    (void)err;
    c->count++;
    if (c->name != NULL)
        (void)snprintf(c->name, 256, "%s", name);
    return ST_OK;
}

size_t helper_entries(const struct helper_runtime *h, const char *folder, char name[256])
{
    struct counting c = {.name = name};
    struct error err = {0};
    char path[512];

    if (gw_dir_each(AT_FDCWD, helper_path(h, path, "%s", folder), count_entry, &c, &err) != ST_OK)
        fail_msg("%s", err.text);
    return c.count;
}

struct gw_message_list helper_messages(const struct helper_runtime *h, struct arena *arena,
                                       enum gw_box box, uint32_t states)
{
    const struct gw_filter filter = {.box = box, .states = states, .limit = GW_LIST_MAX};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_list list = {0};
    struct error err = {0};

    assert_int_equal(gw_store_read(h->rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_messages(tx, arena, &filter, &list, &err), ST_OK);
    return list;
}

void helper_message_out(struct helper_runtime *h, const char *recipient, struct span content,
                        int64_t expires_at, char id[GW_ID_SIZE])
{
    const struct gw_message_row row = {.peer = "demo",
                                       .recipient = recipient,
                                       .subject = "typ",
                                       .source_name = "brief.txt",
                                       .expires_at = expires_at};

    helper_message_row(h, &row, content, id);
}

void helper_message_row(struct helper_runtime *h, const struct gw_message_row *wanted,
                        struct span content, char id[GW_ID_SIZE])
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    struct gw_message_row row = *wanted;
    const struct gw_cause cause = {.now = gw_now_ms(), .actor = "test"};
    const struct gw_file_row *files;
    struct error err = {0};
    size_t count;

    row.id = id;
    if (row.tenant == NULL)
        row.tenant = h->conf->tenants[0].name;
    row.endpoint = "bauamt";
    row.box = GW_OUTBOX;
    row.created_at = gw_now_ms();
    assert_int_equal(gw_uuid_make(rng_system(), gw_now_ms(), id, &err), ST_OK);
    assert_int_equal(gw_stage_new(h->rt->store, id, &stage, &err), ST_OK);
    assert_int_equal(
        gw_stage_add_bytes(stage, GW_FILE_PAYLOAD, "brief.txt", NULL, NULL, content, &err), ST_OK);
    assert_int_equal(gw_stage_publish(stage, &err), ST_OK);
    files = gw_stage_files(stage, &count);
    if (gw_store_commit_message(h->rt->store, &row, files, count, &cause, NULL, &err) != ST_OK)
        fail_msg("%s", err.text);
    gw_stage_done(stage);
}

struct gw_message_row helper_message_of(const struct helper_runtime *h, struct arena *arena,
                                        const char *id)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row = {0};
    struct error err = {0};

    assert_int_equal(gw_store_read(h->rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_message(tx, arena, id, &row, &err), ST_OK);
    return row;
}
